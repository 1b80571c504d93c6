/* eit_backproject.c: eit_backproject. */
#include "signals/eit_backproject.h"

#include <math.h>
#include <stdlib.h>

/* The two electrodes of a measurement; whether it is a pair. */
static bool ends(const eit_protocol *p, int datum, int *plus, int *minus) {
  const double *v = p->vector + (long)p->meas[datum] * p->nelectrodes;
  int count = 0;
  *plus = *minus = -1;
  for (int l = 0; l < p->nelectrodes; l++) {
    if (v[l] > 0) *plus = l;
    if (v[l] < 0) *minus = l;
    count += v[l] != 0;
  }
  return count == 2 && *plus >= 0 && *minus >= 0;
}

static double middle_weight(const eit_raster *r, int p) {
  double x[2], half = (r->x1 - r->x0) / 2;
  eit_raster_centre(r, p, x);
  double u = (x[0] - (r->x0 + r->x1) / 2) / half, w = (x[1] - (r->y0 + r->y1) / 2) / half;
  return fmax(.05, 1 - (u * u + w * w) / 2);
}

/* Marks the strips of one drive: potentials phi (n pixels), U (electrodes). */
static void strips(const eit_protocol *p, const eit_raster *r, int drive, const double *phi, const double *U,
                   double *b) {
  for (int i = 0; i < p->ndata; i++) {
    int plus, minus;
    if (p->drive[i] != drive || !ends(p, i, &plus, &minus)) continue;
    double low = fmin(U[plus], U[minus]), high = fmax(U[plus], U[minus]);
    for (int q = 0; q < r->n; q++)
      if (phi[q] >= low && phi[q] <= high) b[(long)q * p->ndata + i] = 1;
  }
}

int eit_backproject(const eit_forward *f, const eit_mesh *m, const eit_protocol *p, const eit_raster *r, double *b,
                    err *e) {
  double *node = malloc((size_t)m->nnodes * sizeof *node), *field = malloc((size_t)m->nelems * sizeof *field);
  double *phi = malloc((size_t)r->n * sizeof *phi), *U = malloc((size_t)p->nelectrodes * sizeof *U);
  for (long i = 0; i < (long)r->n * p->ndata; i++) b[i] = 0;
  if (!node || !field || !phi || !U) err_set(e, ERR_RUN, "back-projection: no memory for %d nodes", m->nnodes);
  for (int d = 0; d < p->ndrives && !e->code; d++) {
    eit_forward_nodes(f, d, node);
    for (int k = 0; k < m->nelems; k++) {
      field[k] = 0;
      for (int i = 0; i < 3; i++) field[k] += node[m->elem[(long)k * m->elem_size + i]] / 3;
    }
    eit_raster_draw(r, field, phi);
    eit_forward_electrodes(f, d, U);
    strips(p, r, d, phi, U, b);
  }
  for (int q = 0; q < r->n && !e->code; q++) {
    double count = 0, w = middle_weight(r, q);
    for (int i = 0; i < p->ndata; i++) count += b[(long)q * p->ndata + i];
    for (int i = 0; i < p->ndata; i++) b[(long)q * p->ndata + i] *= -w / fmax(count, 1);
  }
  free(node), free(field), free(phi), free(U);
  return e->code;
}

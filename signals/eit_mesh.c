/* eit_mesh.c: what a mesh is: eit_mesh_room, eit_mesh_free, eit_mesh_measure, eit_mesh_centre; outlines and belts. */
#include "signals/eit_mesh.h"

#include <math.h>
#include <stdlib.h>

#define TWO_PI 6.283185307179586

double eit_outline_radius(const eit_outline *o, double phi) {
  double r = 1;
  for (int k = 0; k < o->n; k++)
    r += (o->a ? o->a[k] * cos((k + 1) * phi) : 0) + (o->b ? o->b[k] * sin((k + 1) * phi) : 0);
  return o->radius * r;
}

/* ---- electrodes along the outline ---- */

enum { BELT = 8192 }; /* steps of the arc length */

/* Angle at arc length s, from the table arc[BELT + 1] that starts at `first`. */
static double angle_at(const double *arc, double first, double s) {
  double turns = floor(s / arc[BELT]);
  s -= turns * arc[BELT];
  int lo = 0, hi = BELT;
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    if (arc[mid] <= s)
      lo = mid;
    else
      hi = mid;
  }
  return first + TWO_PI * (turns + (lo + (s - arc[lo]) / (arc[hi] - arc[lo])) / BELT);
}

void eit_belt(const eit_outline *o, int n, double width, double first, eit_electrode *out) {
  double arc[BELT + 1], x = eit_outline_radius(o, first), y = 0;
  arc[0] = 0;
  for (int i = 1; i <= BELT; i++) {
    double t = TWO_PI * i / BELT, r = eit_outline_radius(o, first + t), u = r * cos(t), v = r * sin(t);
    arc[i] = arc[i - 1] + hypot(u - x, v - y);
    x = u, y = v;
  }
  for (int l = 0; l < n; l++) {
    double s = arc[BELT] * l / n, a = angle_at(arc, first, s - width / 2), b = angle_at(arc, first, s + width / 2);
    out[l] = (eit_electrode){.angle = (a + b) / 2, .half = (b - a) / 2};
  }
}

/* ---- the mesh as an object ---- */

eit_mesh *eit_mesh_room(int dim, int order, int nnodes, int nelems, int nfaces, int nelectrodes, err *e) {
  eit_mesh *m = calloc(1, sizeof *m);
  if (m) {
    *m = (eit_mesh){dim, order, nnodes, nelems, nfaces, nelectrodes};
    m->elem_size = dim == 3 ? 4 : 3 * order;
    m->face_size = dim == 3 ? 3 : 1 + order;
    m->x = calloc((size_t)nnodes * (size_t)dim + 1, sizeof *m->x);
    m->elem = calloc((size_t)nelems * (size_t)m->elem_size + 1, sizeof *m->elem);
    m->region = calloc((size_t)nelems + 1, sizeof *m->region);
    m->face = calloc((size_t)nfaces * (size_t)m->face_size + 1, sizeof *m->face);
    m->face_electrode = calloc((size_t)nfaces + 1, sizeof *m->face_electrode);
    if (m->x && m->elem && m->region && m->face && m->face_electrode) return m;
  }
  eit_mesh_free(m);
  err_set(e, ERR_RUN, "mesh: no memory for %d nodes and %d elements", nnodes, nelems);
  return NULL;
}

void eit_mesh_free(eit_mesh *m) {
  if (!m) return;
  free(m->x), free(m->elem), free(m->region), free(m->face), free(m->face_electrode);
  free(m);
}

void eit_mesh_centre(const eit_mesh *m, int element, double *x) {
  const int *v = m->elem + (long)element * m->elem_size;
  for (int k = 0; k < m->dim; k++) {
    x[k] = 0;
    for (int i = 0; i <= m->dim; i++) x[k] += m->x[(long)v[i] * m->dim + k] / (m->dim + 1);
  }
}

double eit_mesh_measure(const eit_mesh *m, int element) {
  const int *v = m->elem + (long)element * m->elem_size;
  double d[3][3];
  for (int i = 0; i < m->dim; i++)
    for (int k = 0; k < m->dim; k++) d[i][k] = m->x[(long)v[i + 1] * m->dim + k] - m->x[(long)v[0] * m->dim + k];
  if (m->dim == 2) return fabs(d[0][0] * d[1][1] - d[0][1] * d[1][0]) / 2;
  return fabs(d[0][0] * (d[1][1] * d[2][2] - d[1][2] * d[2][1]) - d[0][1] * (d[1][0] * d[2][2] - d[1][2] * d[2][0]) +
              d[0][2] * (d[1][0] * d[2][1] - d[1][1] * d[2][0])) /
         6;
}

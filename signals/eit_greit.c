/* eit_greit.c: eit_greit_new, eit_greit_response, eit_merits. */
#include "signals/eit_greit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/dense.h"

#define PI 3.14159265358979323846
enum { SUB = 4 }; /* an element is cut into SUB^dim parts, about, whose centres are tested */

static double distance2(int dim, const double *a, const double *b) {
  double s = 0;
  for (int i = 0; i < dim; i++) s += (a[i] - b[i]) * (a[i] - b[i]);
  return s;
}

/* Part of the sample points of an element within the ball: lattice points of the simplex. */
static double sampled(const eit_mesh *m, const double *const *v, const double *centre, double radius) {
  int hits = 0, points = 0, dim = m->dim;
  double shift = 1. / (dim + 1);
  for (int q = 0; q < (dim == 2 ? SUB * SUB : SUB * SUB * SUB); q++) {
    int n[3] = {q % SUB, q / SUB % SUB, q / (SUB * SUB)};
    double x[3], l[3], rest = 1;
    if (n[0] + n[1] + n[2] >= SUB) continue;
    for (int i = 0; i < dim; i++) l[i] = (n[i] + shift) / (SUB - 1 + shift * (dim + 1)), rest -= l[i];
    for (int k = 0; k < dim; k++) {
      x[k] = rest * v[0][k];
      for (int i = 0; i < dim; i++) x[k] += l[i] * v[i + 1][k];
    }
    hits += distance2(dim, x, centre) <= radius * radius, points++;
  }
  return (double)hits / points;
}

/* Part of an element within the disk or ball. */
static double covered(const eit_mesh *m, int k, const double *centre, double radius) {
  const int *e = m->elem + (long)k * m->elem_size;
  const double *v[4];
  for (int i = 0; i <= m->dim; i++) v[i] = m->x + (long)e[i] * m->dim;
  for (int x = 0; x < m->dim; x++) { /* beside it */
    double low = v[0][x], high = v[0][x];
    for (int i = 1; i <= m->dim; i++) low = fmin(low, v[i][x]), high = fmax(high, v[i][x]);
    if (low > centre[x] + radius || high < centre[x] - radius) return 0;
  }
  int inside = 0;
  for (int i = 0; i <= m->dim; i++) inside += distance2(m->dim, v[i], centre) <= radius * radius;
  return inside == m->dim + 1 ? 1 : sampled(m, v, centre, radius);
}

/* Area of a disk, volume of a ball. */
static double content(int dim, double radius) {
  return dim == 2 ? PI * radius * radius : 4 * PI / 3 * radius * radius * radius;
}

void eit_greit_response(const eit_mesh *m, int ndata, const double *jt, const double *centre, double radius,
                        double *out) {
  double size = 0;
  memset(out, 0, (size_t)ndata * sizeof *out);
  for (int k = 0; k < m->nelems; k++) {
    double f = covered(m, k, centre, radius);
    if (f == 0) continue;
    size += f * eit_mesh_measure(m, k);
    for (int d = 0; d < ndata; d++) out[d] += f * jt[(long)k * ndata + d];
  }
  for (int d = 0; d < ndata && size > 0; d++) out[d] *= content(m->dim, radius) / size;
}

/* The desired image (n), one row with stride. */
static void desired(const eit_raster *r, const eit_greit_spec *s, int dim, double half, double x, double y,
                    double *out) {
  double c[2], sum = 0, pixel = (r->x1 - r->x0) * (r->y1 - r->y0) / ((double)r->rows * r->cols);
  for (int i = 0; i < r->rows * r->cols; i++) { /* normalised over the plane, so that it fades at the boundary */
    double u = r->x0 + (i % r->cols + .5) * (r->x1 - r->x0) / r->cols,
           w = r->y1 - (i / r->cols + .5) * (r->y1 - r->y0) / r->rows;
    sum += 1 / (1 + exp((hypot(u - x, w - y) / half - s->blob) / s->rim));
  }
  double strength = content(dim, s->radius * half) / (dim == 3 ? half : 1) / (pixel * sum);
  for (int p = 0; p < r->n; p++) {
    eit_raster_centre(r, p, c);
    out[p] = strength / (1 + exp((hypot(c[0] - x, c[1] - y) / half - s->blob) / s->rim));
  }
}

/* Point k of the additive sequence of the plastic number in the square -1..1. */
static void point(int k, double *x, double *y) {
  const double g = 1.32471795724474602596;
  *x = 2 * fmod(.5 + k / g, 1) - 1;
  *y = 2 * fmod(.5 + k / (g * g), 1) - 1;
}

static eit_greit_spec filled(const eit_greit_spec *s) {
  eit_greit_spec t = s ? *s : (eit_greit_spec){0};
  if (t.targets <= 0) t.targets = 1500;
  if (!(t.radius > 0)) t.radius = .05;
  if (!(t.blob > 0)) t.blob = .3;
  if (!(t.rim > 0)) t.rim = .03;
  return t;
}

/* Rows of data y (K, ndata) and of desired images x (K, n) for targets whose centres lie in a pixel. */
static void train(const eit_mesh *m, const eit_raster *r, int ndata, const double *jt, const double *scale,
                  const eit_greit_spec *s, double *y, double *x) {
  double half = (r->x1 - r->x0) / 2, mx = (r->x0 + r->x1) / 2, my = (r->y0 + r->y1) / 2;
  for (int k = 0, i = 1; k < s->targets; i++) {
    double u, w;
    point(i, &u, &w);
    int col = (int)((u + 1) / 2 * r->cols), row = (int)((1 - w) / 2 * r->rows);
    u = mx + half * u, w = my + (r->y1 - r->y0) / 2 * w;
    if (r->pixel[row * r->cols + col] < 0) continue;
    eit_greit_response(m, ndata, jt, (double[]){u, w, s->z}, s->radius * half, y + (long)k * ndata);
    for (int d = 0; d < ndata; d++) y[(long)k * ndata + d] *= scale[d];
    desired(r, s, m->dim, half, u, w, x + (long)k * r->n);
    k++;
  }
}

int eit_greit_new(eit_linear **l, const eit_mesh *m, const eit_raster *r, int ndata, const double *jt,
                  const double *v_ref, const double *noise, const eit_greit_spec *spec, err *e) {
  eit_greit_spec s = filled(spec);
  size_t K = (size_t)s.targets, n = (size_t)r->n, M = (size_t)ndata;
  double *y = malloc(K * M * sizeof *y), *x = malloc(K * n * sizeof *x), *scale = malloc(M * sizeof *scale);
  double *a = malloc(n * M * sizeof *a), *g = malloc(M * M * sizeof *g);
  *l = NULL;
  if (!y || !x || !scale || !a || !g) err_set(e, ERR_RUN, "GREIT: no memory for %d targets", s.targets);
  if (!e->code) {
    for (size_t d = 0; d < M; d++) scale[d] = 1 / ((v_ref ? v_ref[d] : 1) * (noise ? noise[d] : 1));
    train(m, r, ndata, jt, scale, &s, y, x);
    dense_transposed(r->n, ndata, s.targets, x, y, a);
    dense_transposed(ndata, ndata, s.targets, y, y, g);
    eit_linear_new(l, r->n, ndata, a, g, noise, e);
  }
  free(y), free(x), free(scale), free(a), free(g);
  return e->code;
}

/* ---- figures of merit ---- */

eit_merit eit_merits(const eit_raster *r, const double *image, double x, double y, double strength) {
  double largest = 0, sum = 0, inside = 0, negative = 0, c[2], cx = 0, cy = 0, half = (r->x1 - r->x0) / 2;
  double pixel = (r->x1 - r->x0) * (r->y1 - r->y0) / ((double)r->rows * r->cols), mx = (r->x0 + r->x1) / 2,
         my = (r->y0 + r->y1) / 2;
  int set = 0, outside = 0;
  for (int p = 0; p < r->n; p++) largest = fmax(largest, image[p]), sum += image[p];
  for (int p = 0; p < r->n; p++) {
    if (image[p] < largest / 4) {
      negative -= fmin(image[p], 0);
      continue;
    }
    eit_raster_centre(r, p, c);
    set++, inside += image[p], cx += image[p] * c[0], cy += image[p] * c[1];
  }
  cx /= inside, cy /= inside;
  double disk = sqrt(set * pixel / PI);
  for (int p = 0; p < r->n; p++) {
    eit_raster_centre(r, p, c);
    outside += image[p] >= largest / 4 && hypot(c[0] - cx, c[1] - cy) > disk;
  }
  return (eit_merit){.amplitude = sum * pixel / strength,
                     .position = (hypot(x - mx, y - my) - hypot(cx - mx, cy - my)) / half,
                     .resolution = sqrt((double)set / r->n),
                     .shape = (double)outside / set,
                     .ringing = negative / inside};
}

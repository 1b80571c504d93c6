/* eit_greit.c: eit_greit_new, eit_greit_response, eit_merits. */
#include "signals/eit_greit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/dense.h"

#define PI 3.14159265358979323846
enum { SUB = 4 }; /* an element is cut into SUB^2 triangles whose centres are tested */

/* Part of an element within the disk. */
static double covered(const eit_mesh *m, int k, double x, double y, double radius) {
  const int *v = m->elem + (long)k * m->elem_size;
  const double *a = m->x + 2 * (long)v[0], *b = m->x + 2 * (long)v[1], *c = m->x + 2 * (long)v[2];
  for (int i = 0; i < 2; i++) { /* beside the disk */
    double at = i ? y : x;
    if (fmin(a[i], fmin(b[i], c[i])) > at + radius || fmax(a[i], fmax(b[i], c[i])) < at - radius) return 0;
  }
  double far = 0, d[3] = {hypot(a[0] - x, a[1] - y), hypot(b[0] - x, b[1] - y), hypot(c[0] - x, c[1] - y)};
  for (int i = 0; i < 3; i++) far = fmax(far, d[i]);
  if (far <= radius) return 1;
  int hits = 0;
  for (int i = 0; i < SUB; i++)
    for (int j = 0; j < 2 * (SUB - i) - 1; j++) {
      double s = (i + (j % 2 ? 2. : 1.) / 3) / SUB, t = (j / 2 + (j % 2 ? 2. : 1.) / 3) / SUB;
      double u = a[0] + s * (b[0] - a[0]) + t * (c[0] - a[0]), w = a[1] + s * (b[1] - a[1]) + t * (c[1] - a[1]);
      hits += (u - x) * (u - x) + (w - y) * (w - y) <= radius * radius;
    }
  return (double)hits / (SUB * SUB);
}

void eit_greit_response(const eit_mesh *m, int ndata, const double *jt, double x, double y, double radius,
                        double *out) {
  double area = 0;
  memset(out, 0, (size_t)ndata * sizeof *out);
  for (int k = 0; k < m->nelems; k++) {
    double f = covered(m, k, x, y, radius);
    if (f == 0) continue;
    area += f * eit_mesh_measure(m, k);
    for (int d = 0; d < ndata; d++) out[d] += f * jt[(long)k * ndata + d];
  }
  for (int d = 0; d < ndata && area > 0; d++) out[d] *= PI * radius * radius / area;
}

/* The desired image (n), one row with stride. */
static void desired(const eit_raster *r, const eit_greit_spec *s, double half, double x, double y, double *out) {
  double c[2], sum = 0, pixel = (r->x1 - r->x0) * (r->y1 - r->y0) / ((double)r->rows * r->cols);
  for (int i = 0; i < r->rows * r->cols; i++) { /* normalised over the plane, so that it fades at the boundary */
    double u = r->x0 + (i % r->cols + .5) * (r->x1 - r->x0) / r->cols,
           w = r->y1 - (i / r->cols + .5) * (r->y1 - r->y0) / r->rows;
    sum += 1 / (1 + exp((hypot(u - x, w - y) / half - s->blob) / s->rim));
  }
  double strength = PI * pow(s->radius * half, 2) / (pixel * sum);
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
    eit_greit_response(m, ndata, jt, u, w, s->radius * half, y + (long)k * ndata);
    for (int d = 0; d < ndata; d++) y[(long)k * ndata + d] *= scale[d];
    desired(r, s, half, u, w, x + (long)k * r->n);
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
  if (m->dim != 2) err_set(e, ERR_RUN, "GREIT: the mesh is not plane");
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

/* eit_raster.c: eit_raster_new ... eit_raster_centre. Areas are counted on a grid of 4 x 4 points per pixel. */
#include "signals/eit_raster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SUB = 4 };

void eit_raster_free(eit_raster *r) {
  if (!r) return;
  free(r->pixel), free(r->place), free(r->start), free(r->elem), free(r->weight), free(r->from), free(r->to),
      free(r->share);
  free(r);
}

/* The element at each point of the fine grid, -1 outside. */
static void sample(const eit_raster *r, const eit_mesh *m, int *at) {
  int nx = r->cols * SUB, ny = r->rows * SUB;
  double hx = (r->x1 - r->x0) / nx, hy = (r->y1 - r->y0) / ny;
  memset(at, -1, (size_t)nx * (size_t)ny * sizeof *at);
  for (int k = 0; k < m->nelems; k++) {
    const int *v = m->elem + (long)k * m->elem_size;
    const double *a = m->x + 2 * (long)v[0], *b = m->x + 2 * (long)v[1], *c = m->x + 2 * (long)v[2];
    double det = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    double left = fmin(a[0], fmin(b[0], c[0])), right = fmax(a[0], fmax(b[0], c[0]));
    double low = fmin(a[1], fmin(b[1], c[1])), high = fmax(a[1], fmax(b[1], c[1]));
    int i0 = (int)fmax(0, ceil((left - r->x0) / hx - .5)), i1 = (int)fmin(nx - 1, floor((right - r->x0) / hx - .5));
    int j0 = (int)fmax(0, ceil((r->y1 - high) / hy - .5)), j1 = (int)fmin(ny - 1, floor((r->y1 - low) / hy - .5));
    for (int j = j0; j <= j1; j++)
      for (int i = i0; i <= i1; i++) {
        double x = r->x0 + (i + .5) * hx - a[0], y = r->y1 - (j + .5) * hy - a[1];
        double s = (x * (c[1] - a[1]) - y * (c[0] - a[0])) / det, t = (y * (b[0] - a[0]) - x * (b[1] - a[1])) / det;
        if (s >= -1e-12 && t >= -1e-12 && s + t <= 1 + 1e-12) at[(long)j * nx + i] = k;
      }
  }
}

static const int *point_of(const eit_raster *r, const int *at, int place, int q) {
  int row = place / r->cols, col = place % r->cols;
  return at + (long)(row * SUB + q / SUB) * r->cols * SUB + col * SUB + q % SUB;
}

/* Numbers the pixels at least half inside. */
static void number(eit_raster *r, const int *at) {
  for (int p = 0; p < r->rows * r->cols; p++) {
    int inside = 0;
    for (int q = 0; q < SUB * SUB; q++) inside += *point_of(r, at, p, q) >= 0;
    r->pixel[p] = -1;
    if (2 * inside < SUB * SUB) continue;
    r->place[r->n] = p;
    r->pixel[p] = r->n++;
  }
}

static void averages(eit_raster *r, const int *at) {
  int fill = 0;
  for (int p = 0; p < r->n; p++) {
    int first = r->start[p] = fill, count = 0;
    for (int q = 0; q < SUB * SUB; q++) {
      int k = *point_of(r, at, r->place[p], q), i = first;
      if (k < 0) continue;
      while (i < fill && r->elem[i] != k) i++;
      if (i == fill) r->elem[fill] = k, r->weight[fill++] = 0;
      r->weight[i]++, count++;
    }
    for (int i = first; i < fill; i++) r->weight[i] /= count;
  }
  r->start[r->n] = fill;
}

/* The pixel inside that is nearest to the middle of an element. */
static int nearest(const eit_raster *r, const eit_mesh *m, int k) {
  double c[3], x[2], best = INFINITY;
  eit_mesh_centre(m, k, c);
  int col = (int)floor((c[0] - r->x0) / (r->x1 - r->x0) * r->cols),
      row = (int)floor((r->y1 - c[1]) / (r->y1 - r->y0) * r->rows), p = 0;
  if (col >= 0 && col < r->cols && row >= 0 && row < r->rows && r->pixel[row * r->cols + col] >= 0)
    return r->pixel[row * r->cols + col];
  for (int i = 0; i < r->n; i++) {
    eit_raster_centre(r, i, x);
    double d = hypot(x[0] - c[0], x[1] - c[1]);
    if (d < best) best = d, p = i;
  }
  return p;
}

/* The transpose of the averages with rows of sum 1; an element without points belongs to the nearest pixel. */
static void bases(eit_raster *r, const eit_mesh *m) {
  int *count = r->from; /* (nelems + 1) */
  memset(count, 0, ((size_t)m->nelems + 1) * sizeof *count);
  for (int i = 0; i < r->start[r->n]; i++) count[r->elem[i] + 1]++;
  for (int k = 0; k < m->nelems; k++) count[k + 1] += count[k] + (count[k + 1] == 0);
  for (int k = 0; k < m->nelems; k++) r->to[r->from[k]] = -1;
  int *fill = r->to + r->from[m->nelems]; /* behind the entries: how many each element has */
  memset(fill, 0, (size_t)m->nelems * sizeof *fill);
  for (int p = 0; p < r->n; p++)
    for (int i = r->start[p]; i < r->start[p + 1]; i++) {
      int k = r->elem[i], at = r->from[k] + fill[k]++;
      r->to[at] = p, r->share[at] = r->weight[i];
    }
  for (int k = 0; k < m->nelems; k++) {
    double sum = 0;
    if (!fill[k]) r->to[r->from[k]] = nearest(r, m, k), r->share[r->from[k]] = 1;
    for (int i = r->from[k]; i < r->from[k + 1]; i++) sum += r->share[i];
    for (int i = r->from[k]; i < r->from[k + 1]; i++) r->share[i] /= sum;
  }
}

static int fill_in(eit_raster *r, const eit_mesh *m, err *e) {
  size_t points = (size_t)r->rows * (size_t)r->cols * SUB * SUB, pixels = points / (SUB * SUB), ne = (size_t)m->nelems;
  int *at = malloc(points * sizeof *at);
  r->pixel = malloc(pixels * sizeof *r->pixel), r->place = malloc(pixels * sizeof *r->place);
  r->start = malloc((pixels + 1) * sizeof *r->start), r->elem = malloc(points * sizeof *r->elem);
  r->weight = malloc(points * sizeof *r->weight), r->from = malloc((ne + 1) * sizeof *r->from);
  r->to = malloc((points + 2 * ne) * sizeof *r->to), r->share = malloc((points + ne) * sizeof *r->share);
  if (at && r->pixel && r->place && r->start && r->elem && r->weight && r->from && r->to && r->share) {
    sample(r, m, at);
    number(r, at);
    if (r->n) averages(r, at), bases(r, m);
    if (!r->n) err_set(e, ERR_RUN, "raster: no pixel lies inside the mesh");
  } else {
    err_set(e, ERR_RUN, "raster: no memory for %d x %d pixels", r->rows, r->cols);
  }
  free(at);
  return e->code;
}

int eit_raster_new(eit_raster **out, const eit_mesh *m, int rows, int cols, double x0, double x1, double y0, double y1,
                   err *e) {
  *out = NULL;
  if (m->dim != 2) return err_set(e, ERR_RUN, "raster: the mesh is not plane");
  if (rows < 1 || cols < 1 || rows > 4096 || cols > 4096 || !(x1 > x0) || !(y1 > y0))
    return err_set(e, ERR_RUN, "raster: %d x %d pixels over %g..%g, %g..%g", rows, cols, x0, x1, y0, y1);
  eit_raster *r = calloc(1, sizeof *r);
  if (!r) return err_set(e, ERR_RUN, "raster: no memory");
  *r = (eit_raster){.rows = rows, .cols = cols, .x0 = x0, .x1 = x1, .y0 = y0, .y1 = y1, .nelems = m->nelems};
  if (fill_in(r, m, e))
    eit_raster_free(r);
  else
    *out = r;
  return e->code;
}

int eit_raster_square(eit_raster **r, const eit_mesh *m, int size, err *e) {
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, half = 0;
  for (long i = 0; i < (long)m->nnodes * m->dim; i++) {
    low[i % m->dim % 2] = fmin(low[i % m->dim % 2], m->x[i]);
    high[i % m->dim % 2] = fmax(high[i % m->dim % 2], m->x[i]);
  }
  for (int k = 0; k < 2; k++) half = fmax(half, (high[k] - low[k]) / 2);
  double x = (low[0] + high[0]) / 2, y = (low[1] + high[1]) / 2;
  return eit_raster_new(r, m, size, size, x - half, x + half, y - half, y + half, e);
}

void eit_raster_draw(const eit_raster *r, const double *field, double *pixel) {
  for (int p = 0; p < r->n; p++) {
    double s = 0;
    for (int i = r->start[p]; i < r->start[p + 1]; i++) s += r->weight[i] * field[r->elem[i]];
    pixel[p] = s;
  }
}

void eit_raster_spread(const eit_raster *r, const double *pixel, double *field) {
  for (int k = 0; k < r->nelems; k++) {
    double s = 0;
    for (int i = r->from[k]; i < r->from[k + 1]; i++) s += r->share[i] * pixel[r->to[i]];
    field[k] = s;
  }
}

void eit_raster_jacobian(const eit_raster *r, int ndata, const double *jt, double *jp) {
  memset(jp, 0, (size_t)r->n * (size_t)ndata * sizeof *jp);
  for (int k = 0; k < r->nelems; k++)
    for (int i = r->from[k]; i < r->from[k + 1]; i++) {
      double *restrict out = jp + (long)r->to[i] * ndata;
      const double *in = jt + (long)k * ndata, s = r->share[i];
      for (int d = 0; d < ndata; d++) out[d] += s * in[d];
    }
}

void eit_raster_image(const eit_raster *r, const double *pixel, double outside, double *image) {
  for (int p = 0; p < r->rows * r->cols; p++) image[p] = r->pixel[p] >= 0 ? pixel[r->pixel[p]] : outside;
}

void eit_raster_centre(const eit_raster *r, int p, double x[2]) {
  int row = r->place[p] / r->cols, col = r->place[p] % r->cols;
  x[0] = r->x0 + (col + .5) * (r->x1 - r->x0) / r->cols;
  x[1] = r->y1 - (row + .5) * (r->y1 - r->y0) / r->rows;
}

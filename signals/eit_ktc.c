/* eit_ktc.c: eit_ktc_score, eit_segment, eit_ktc_classify, eit_ktc_mesh, eit_tank_change.
 *
 * SSIM = (2 mx my + c1)(2 sxy + c2) / ((mx^2 + my^2 + c1)(sx^2 + sy^2 + c2)) with moments under a Gaussian window (Wang
 * et al., IEEE Trans. Image Process. 13 (2004) 600), averaged over the image. */
#include "signals/eit_ktc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_fit.h"

#define PI 3.14159265358979323846
enum { RADIUS = 80, CUT = 160 };

/* Rows of x (rows, cols) under the window, renormalised at the edges, to out (cols, rows): transposed. */
static void blur_rows(int rows, int cols, const double *x, double *out) {
  double w[CUT + 1];
  for (int d = 0; d <= CUT; d++) w[d] = exp(-.5 * d * d / ((double)RADIUS * RADIUS));
  for (int j = 0; j < cols; j++) {
    int from = j > CUT ? j - CUT : 0, to = j + CUT < cols ? j + CUT : cols - 1;
    double norm = 0;
    for (int q = from; q <= to; q++) norm += w[abs(q - j)];
    for (int i = 0; i < rows; i++) {
      double s = 0;
      for (int q = from; q <= to; q++) s += w[abs(q - j)] * x[(long)i * cols + q];
      out[(long)j * rows + i] = s / norm;
    }
  }
}

static void blur(int rows, int cols, double *x, double *scratch) {
  blur_rows(rows, cols, x, scratch);
  blur_rows(cols, rows, scratch, x);
}

/* m (5, n): x, y, x^2, y^2, x y under the window. */
static double similarity(int rows, int cols, const int *truth, const int *guess, int class, double *m,
                         double *scratch) {
  const double c1 = 1e-4, c2 = 9e-4;
  long n = (long)rows * cols;
  for (long i = 0; i < n; i++) {
    double x = truth[i] == class, y = guess[i] == class;
    m[i] = x, m[n + i] = y, m[2 * n + i] = x * x, m[3 * n + i] = y * y, m[4 * n + i] = x * y;
  }
  for (int k = 0; k < 5; k++) blur(rows, cols, m + k * n, scratch);
  double sum = 0;
  for (long i = 0; i < n; i++) {
    double x = m[i], y = m[n + i], sx = m[2 * n + i] - x * x, sy = m[3 * n + i] - y * y, sxy = m[4 * n + i] - x * y;
    sum += (2 * x * y + c1) * (2 * sxy + c2) / ((x * x + y * y + c1) * (sx + sy + c2));
  }
  return sum / (double)n;
}

int eit_ktc_score(int rows, int cols, const int *truth, const int *guess, double *score, err *e) {
  size_t n = (size_t)rows * (size_t)cols;
  double *m = malloc(6 * n * sizeof *m);
  if (!m) return err_set(e, ERR_RUN, "score: no memory for %d x %d pixels", rows, cols);
  *score = 0;
  for (int class = 1; class <= 2; class ++) *score += similarity(rows, cols, truth, guess, class, m, m + 5 * n) / 2;
  free(m);
  return 0;
}

void eit_segment(int n, const double *x, double part, double other, double least, int *label) {
  double low = 0, high = 0;
  for (int i = 0; i < n; i++) low = fmin(low, x[i]), high = fmax(high, x[i]);
  bool below = -low > other * high && -low > least, above = high > other * -low && high > least;
  for (int i = 0; i < n; i++) label[i] = below && x[i] < part * low ? 1 : above && x[i] > part * high ? 2 : 0;
}

/* Bilinear, from the pixels of x (size, size) to the answer's. */
static double sample(int size, const double *x, int row, int col) {
  double u = (col + .5) * size / EIT_KTC_SIDE - .5, w = (row + .5) * size / EIT_KTC_SIDE - .5, s = 0;
  int i = (int)floor(u), j = (int)floor(w);
  for (int q = 0; q < 4; q++) {
    int c = i + q % 2, r = j + q / 2;
    c = c < 0 ? 0 : c >= size ? size - 1 : c, r = r < 0 ? 0 : r >= size ? size - 1 : r;
    s += x[(long)r * size + c] * (q % 2 ? u - i : 1 - u + i) * (q / 2 ? w - j : 1 - w + j);
  }
  return s;
}

void eit_ktc_classify(int size, const double *x, double part, double other, double least, double *fine, int *label) {
  for (int i = 0; i < EIT_KTC_SIDE * EIT_KTC_SIDE; i++) {
    double u = (i % EIT_KTC_SIDE + .5) * 2 / EIT_KTC_SIDE - 1, w = (i / EIT_KTC_SIDE + .5) * 2 / EIT_KTC_SIDE - 1;
    fine[i] = u * u + w * w < 1 ? sample(size, x, i / EIT_KTC_SIDE, i % EIT_KTC_SIDE) : 0;
  }
  eit_segment(EIT_KTC_SIDE * EIT_KTC_SIDE, fine, part, other, least, label);
}

/* ---- the change of a tank ---- */

#define RADIUS_M .115

const eit_tank eit_ktc_tank = {.contact = .5e-3, .smooth = 20, .size = 32, .most = 8};

int eit_ktc_mesh(eit_mesh **m, int n, err *e) {
  eit_electrode l[64];
  *m = NULL;
  if (n < 2 || n > 64) return err_set(e, ERR_RUN, "tank: %d electrodes: 2 to 64", n);
  for (int k = 0; k < n; k++) l[k] = (eit_electrode){.angle = PI / 2 + 2 * PI * k / n, .half = PI / (2 * n)};
  eit_mesh_spec s = {
      .outline = {.radius = RADIUS_M}, .nelectrodes = n, .electrode = l, .h = .06 * RADIUS_M, .h_edge = .02 * RADIUS_M};
  return eit_mesh_new(m, &s, e);
}

typedef struct bench { /* what a change is worked out with */
  const eit_tank *t;
  eit_forward *f;
  eit_raster *r;
  eit_graph *g;
  eit_protocol *p; /* of the data that both records have; owned */
  int n;
  double *v, *model, *noise, *sigma, *s, z[64]; /* (n), (n), (n), (nelems), (pixels) */
} bench;

static void close_bench(bench *b) {
  eit_forward_free(b->f), eit_raster_free(b->r), eit_graph_free(b->g), eit_protocol_free(b->p);
  free(b->v), free(b->model), free(b->noise), free(b->sigma), free(b->s);
}

static int same_protocol(const eit_record *a, const eit_record *b, err *e) {
  const eit_protocol *p = a->protocol, *q = b->protocol;
  if (p && q && a->ndata == b->ndata && p->nvectors == q->nvectors && p->nelectrodes == q->nelectrodes &&
      p->nelectrodes <= 64 && a->nframes == 1 && b->nframes == 1 &&
      !memcmp(p->meas, q->meas, (size_t)a->ndata * sizeof *p->meas))
    return 0;
  return err_set(e, ERR_RUN, "tank: the records of water and tank have different protocols");
}

/* Protocol and changes of the data that neither record lacks; v, noise of the water. */
static int common_data(bench *b, const eit_record *water, const eit_record *tank, double *change, err *e) {
  double largest = 0;
  eit_protocol *p = b->p;
  for (int i = 0; i < water->ndata; i++) {
    if (isnan(water->data[i]) || isnan(tank->data[i])) continue;
    p->drive[b->n] = water->protocol->drive[i], p->meas[b->n] = water->protocol->meas[i];
    b->v[b->n] = water->data[i], change[b->n++] = tank->data[i] - water->data[i];
    largest = fmax(largest, fabs(water->data[i]));
  }
  p->ndata = b->n;
  for (int i = 0; i < b->n; i++) b->noise[i] = .01 * fabs(b->v[i]) + .001 * largest;
  return b->n ? 0 : err_set(e, ERR_RUN, "tank: no datum is left");
}

static int set_up(bench *b, err *e) {
  const eit_mesh *m = b->t->m;
  if (eit_forward_new(&b->f, m, b->p, EIT_COMPLETE, e) || eit_raster_square(&b->r, m, b->t->size, e) ||
      eit_graph_of_raster(&b->g, b->r, e))
    return e->code;
  b->sigma = malloc((size_t)m->nelems * sizeof *b->sigma), b->s = malloc((size_t)b->r->n * sizeof *b->s);
  return b->sigma && b->s ? 0 : err_set(e, ERR_RUN, "tank: no memory");
}

/* Voltages of the whole tank at one conductivity. */
static int whole(bench *b, double sigma, double *v, err *e) {
  for (int k = 0; k < b->t->m->nelems; k++) b->sigma[k] = sigma;
  return eit_forward_solve(b->f, b->sigma, b->z, v, e);
}

/* *s: ln of the water's conductivity, its contact impedances in b->z: first by the size of the voltages, then a fit. */
static int fit_water(bench *b, double *s, err *e) {
  static const eit_fit_spec spec = {.pull = 1e-9, .pull_z = 100, .most = 30};
  eit_fit_result result;
  double vv = 0, mv = 0;
  for (int l = 0; l < b->t->m->nelectrodes; l++) b->z[l] = b->t->contact;
  if (whole(b, 1, b->model, e)) return e->code;
  for (int i = 0; i < b->n; i++) vv += b->v[i] * b->model[i], mv += b->model[i] * b->model[i];
  if (!(vv > 0)) return err_set(e, ERR_RUN, "tank: the water's voltages do not fit the order of the electrodes");
  *s = log(mv / vv);
  for (int l = 0; l < b->t->m->nelectrodes; l++) b->z[l] *= vv / mv;
  return eit_fit(b->f, b->t->m, b->p, NULL, NULL, b->v, b->noise, &spec, s, b->z, &result, e);
}

/* ln sigma of the pixels less that of the water, in b->s. */
static int invert(bench *b, const double *change, err *e) {
  eit_fit_spec spec = {.smooth = b->t->smooth, .beta = .01, .pull = 1e-3, .most = b->t->most};
  eit_fit_result result;
  double s;
  if (fit_water(b, &s, e) || whole(b, exp(s), b->v, e)) return e->code;
  for (int i = 0; i < b->n; i++) b->v[i] += change[i];
  for (int p = 0; p < b->r->n; p++) b->s[p] = s;
  if (eit_fit(b->f, b->t->m, b->p, b->r, b->g, b->v, b->noise, &spec, b->s, b->z, &result, e)) return e->code;
  for (int p = 0; p < b->r->n; p++) b->s[p] -= s;
  return 0;
}

int eit_tank_change(const eit_tank *t, const eit_record *water, const eit_record *tank, double *picture, err *e) {
  if (same_protocol(water, tank, e)) return e->code;
  bench b = {.t = t};
  size_t n = (size_t)water->ndata;
  double *change = malloc(n * sizeof *change);
  b.v = malloc(n * sizeof *b.v), b.model = malloc(n * sizeof *b.model), b.noise = malloc(n * sizeof *b.noise);
  if (!change || !b.v || !b.model || !b.noise) err_set(e, ERR_RUN, "tank: no memory for %zu data", n);
  if (!e->code && !eit_protocol_copy(&b.p, water->protocol, e) && !common_data(&b, water, tank, change, e) &&
      !set_up(&b, e) && !invert(&b, change, e))
    eit_raster_image(b.r, b.s, 0, picture);
  close_bench(&b);
  free(change);
  return e->code;
}

/* eit_image.c: eit_linear_*, eit_onestep_*, eit_apply, eit_transpose.
 *
 * Data are divided by their standard deviations, so that V = 1. With S = U s U^T and Q = A U,
 *
 *   B = Q diag(1/(s + lambda^2)) U^T,   B B^T has the diagonal  sum_k Q_pk^2/(s_k + lambda^2)^2,
 *
 * hence the noise figure of any lambda costs O(n ndata) after one decomposition. Measurement and parameter space agree
 * because P J^T (J P J^T + lambda^2)^-1 = (J^T J + lambda^2 P^-1)^-1 J^T. */
#include "signals/eit_image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/lapack.h"
#include "signals/dense.h"
#include "signals/sparse.h"

static int nothing(err *e, int n, int ndata) {
  return err_set(e, ERR_RUN, "image: no memory for %d cells and %d data", n, ndata);
}

static double *room(size_t n, size_t m) {
  return malloc((n * m + 8) * sizeof(double));
}

void eit_linear_free(eit_linear *l) {
  if (l) free(l->a), free(l->s), free(l->noise), free(l->q), free(l->u), free(l->eigen);
  free(l);
}

static eit_linear *empty(int n, int ndata, const double *noise, err *e) {
  eit_linear *l = calloc(1, sizeof *l);
  if (l) {
    l->n = n, l->ndata = ndata;
    l->a = room((size_t)n, (size_t)ndata), l->s = room((size_t)ndata, (size_t)ndata), l->noise = room((size_t)ndata, 1);
  }
  if (!l || !l->a || !l->s || !l->noise) {
    eit_linear_free(l);
    nothing(e, n, ndata);
    return NULL;
  }
  for (int d = 0; d < ndata; d++) {
    l->noise[d] = noise ? noise[d] : 1;
    if (l->noise[d] > 0 && l->noise[d] < INFINITY) continue;
    err_set(e, ERR_RUN, "image: standard deviation %g of datum %d", l->noise[d], d + 1);
    eit_linear_free(l);
    return NULL;
  }
  return l;
}

int eit_linear_new(eit_linear **out, int n, int ndata, const double *a, const double *s, const double *noise, err *e) {
  eit_linear *l = *out = empty(n, ndata, noise, e);
  if (!l) return e->code;
  memcpy(l->a, a, (size_t)n * (size_t)ndata * sizeof *a);
  memcpy(l->s, s, (size_t)ndata * (size_t)ndata * sizeof *s);
  return 0;
}

/* ---- one step ---- */

/* out (n, ndata) = jt with each datum in units of its standard deviation. */
static void scaled(int n, int ndata, const double *jt, const double *noise, double *out) {
  for (int i = 0; i < n; i++)
    for (int d = 0; d < ndata; d++) out[(long)i * ndata + d] = jt[(long)i * ndata + d] / noise[d];
}

/* a (n, ndata) = R^-1 j. */
static int apply_prior(const eit_prior *prior, const eit_graph *g, int n, int ndata, const double *j, double exponent,
                       double *a, err *e) {
  long count = prior->entries(g, n, ndata, j, exponent, NULL, NULL), nvalues;
  int(*pair)[2] = malloc((size_t)count * sizeof *pair + 8), *slot = malloc((size_t)count * sizeof *slot + 8);
  double *value = room((size_t)count, 1), *x = room((size_t)n, (size_t)ndata);
  sparse *s = NULL;
  if (!pair || !slot || !value || !x) nothing(e, n, ndata);
  if (!e->code) {
    prior->entries(g, n, ndata, j, exponent, pair, value);
    sparse_new(&s, n, count, (const int(*)[2])pair, slot, e);
  }
  if (!e->code) {
    double *v = sparse_values(s, &nvalues);
    memset(v, 0, (size_t)nvalues * sizeof *v);
    for (long k = 0; k < count; k++) v[slot[k]] += value[k];
    sparse_factor(s, e);
  }
  if (!e->code) {
    const int *order = sparse_order(s);
    for (int i = 0; i < n; i++) memcpy(x + (long)order[i] * ndata, j + (long)i * ndata, (size_t)ndata * sizeof *x);
    sparse_solve(s, ndata, x);
    for (int i = 0; i < n; i++) memcpy(a + (long)i * ndata, x + (long)order[i] * ndata, (size_t)ndata * sizeof *x);
  }
  sparse_free(s);
  free(pair), free(slot), free(value), free(x);
  return e->code;
}

static int check_graph(const eit_prior *prior, const eit_graph *g, int n, err *e) {
  if (n < 1 || (g && g->n != n))
    return err_set(e, ERR_RUN, "image: %d cells, %d in the neighbourhood", n, g ? g->n : 0);
  if (!g && !strcmp(prior->name, "laplace")) return err_set(e, ERR_RUN, "image: prior laplace needs the neighbourhood");
  return 0;
}

int eit_onestep_new(eit_linear **out, const eit_prior *prior, const eit_graph *g, int n, int ndata, const double *jt,
                    const double *noise, double exponent, err *e) {
  *out = NULL;
  if (check_graph(prior, g, n, e)) return e->code;
  eit_linear *l = empty(n, ndata, noise, e);
  double *j = l ? room((size_t)n, (size_t)ndata) : NULL;
  if (j) {
    scaled(n, ndata, jt, l->noise, j);
    if (!apply_prior(prior, g, n, ndata, j, exponent, l->a, e)) {
      dense_transposed(ndata, ndata, n, j, l->a, l->s);
      for (int d = 0; d < ndata; d++) /* symmetric to the last bit */
        for (int k = 0; k < d; k++) l->s[(long)k * ndata + d] = l->s[(long)d * ndata + k];
      *out = l;
    }
  } else if (l) {
    nothing(e, n, ndata);
  }
  if (!*out) eit_linear_free(l);
  free(j);
  return e->code;
}

int eit_onestep_parameter(const eit_prior *prior, const eit_graph *g, int n, int ndata, const double *jt,
                          const double *noise, double exponent, double lambda, const double *y, double *x, err *e) {
  if (check_graph(prior, g, n, e)) return e->code;
  double *j = room((size_t)n, (size_t)ndata), *t = room((size_t)n, (size_t)ndata), *h = room((size_t)n, (size_t)n);
  double *sd = room((size_t)ndata, 1);
  long count = prior->entries(g, n, ndata, jt, exponent, NULL, NULL);
  int(*pair)[2] = malloc((size_t)count * sizeof *pair + 8), info = 0;
  double *value = room((size_t)count, 1);
  if (j && t && h && sd && pair && value) {
    for (int d = 0; d < ndata; d++) sd[d] = noise ? noise[d] : 1;
    scaled(n, ndata, jt, sd, j);
    eit_transpose(n, ndata, j, t);
    dense_transposed(n, n, ndata, t, t, h);
    prior->entries(g, n, ndata, j, exponent, pair, value);
    for (long k = 0; k < count; k++) {
      h[(long)pair[k][0] * n + pair[k][1]] += lambda * lambda * value[k];
      if (pair[k][0] != pair[k][1]) h[(long)pair[k][1] * n + pair[k][0]] += lambda * lambda * value[k];
    }
    for (int i = 0; i < n; i++) {
      x[i] = 0;
      for (int d = 0; d < ndata; d++) x[i] += j[(long)i * ndata + d] * y[d] / sd[d];
    }
    LAPACK_ALONE(info, LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', n, 1, h, n, x, 1));
    if (info) err_set(e, ERR_RUN, "image: the equations of %d cells are singular", n);
  } else {
    nothing(e, n, ndata);
  }
  free(j), free(t), free(h), free(sd), free(pair), free(value);
  return e->code;
}

/* ---- linear reconstruction ---- */

static int decompose(eit_linear *l, err *e) {
  size_t n = (size_t)l->n, m = (size_t)l->ndata;
  if (l->q) return 0;
  l->u = room(m, m), l->eigen = room(m, 1), l->q = room(n, m);
  if (!l->u || !l->eigen || !l->q) return nothing(e, l->n, l->ndata);
  memcpy(l->u, l->s, m * m * sizeof *l->u);
  int info;
  LAPACK_ALONE(info, LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'L', l->ndata, l->u, l->ndata, l->eigen));
  if (!info) dense_product(l->n, l->ndata, l->ndata, l->a, l->u, l->q);
  if (!info) return 0;
  free(l->q);
  l->q = NULL;
  return err_set(e, ERR_RUN, "image: eigenvalues of %d data do not converge", l->ndata);
}

int eit_linear_scale(eit_linear *l, double *scale, err *e) {
  if (decompose(l, e)) return e->code;
  *scale = sqrt(fmax(l->eigen[l->ndata - 1], 0));
  return 0;
}

static double filter(const eit_linear *l, int k, double lambda) {
  return 1 / (fmax(l->eigen[k], 0) + lambda * lambda);
}

int eit_linear_matrix(eit_linear *l, double lambda, double *b, err *e) {
  size_t m = (size_t)l->ndata;
  double *w = room(m, m);
  if (!w) return nothing(e, l->n, l->ndata);
  if (!decompose(l, e)) {
    for (int k = 0; k < l->ndata; k++)
      for (int d = 0; d < l->ndata; d++)
        w[(long)k * l->ndata + d] = filter(l, k, lambda) * l->u[(long)d * l->ndata + k] / l->noise[d];
    dense_product(l->n, l->ndata, l->ndata, l->q, w, b);
  }
  free(w);
  return e->code;
}

int eit_linear_solve(const eit_linear *l, double lambda, const double *y, double *x, err *e) {
  size_t m = (size_t)l->ndata;
  double *s = room(m, m), *w = room(m, 1);
  if (s && w) {
    memcpy(s, l->s, m * m * sizeof *s);
    for (int d = 0; d < l->ndata; d++) s[(long)d * l->ndata + d] += lambda * lambda, w[d] = y[d] / l->noise[d];
    int info;
    LAPACK_ALONE(info, LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', l->ndata, 1, s, l->ndata, w, 1));
    if (info) err_set(e, ERR_RUN, "image: the equations of %d data are singular at lambda = %g", l->ndata, lambda);
    for (int p = 0; p < l->n && !info; p++) {
      x[p] = 0;
      for (int d = 0; d < l->ndata; d++) x[p] += l->a[(long)p * l->ndata + d] * w[d];
    }
  } else {
    nothing(e, l->n, l->ndata);
  }
  free(s), free(w);
  return e->code;
}

/* Noise figure with c (ndata) = U^T y in units of noise. */
static double figure(const eit_linear *l, double lambda, const double *c, double snr, const double *area) {
  double signal = 0, noise = 0, total = 0;
  for (int p = 0; p < l->n; p++) {
    double x = 0, v = 0, w = area ? area[p] : 1;
    for (int k = 0; k < l->ndata; k++) {
      double b = l->q[(long)p * l->ndata + k] * filter(l, k, lambda);
      x += b * c[k], v += b * b;
    }
    signal += w * fabs(x), noise += w * v, total += w;
  }
  return snr / (signal / total / sqrt(noise / total));
}

/* c = U^T (y/noise), and mean |y| over the mean variance's root. */
static int prepare(eit_linear *l, const double *y, double **c, double *snr, err *e) {
  double mean = 0, variance = 0;
  if (decompose(l, e)) return e->code;
  *c = calloc((size_t)l->ndata + 1, sizeof **c);
  if (!*c) return nothing(e, l->n, l->ndata);
  for (int d = 0; d < l->ndata; d++) {
    mean += fabs(y[d]) / l->ndata, variance += l->noise[d] * l->noise[d] / l->ndata;
    for (int k = 0; k < l->ndata; k++) (*c)[k] += l->u[(long)d * l->ndata + k] * y[d] / l->noise[d];
  }
  *snr = mean / sqrt(variance);
  return 0;
}

int eit_linear_noise_figure(eit_linear *l, double lambda, const double *y, const double *area, double *nf, err *e) {
  double *c, snr;
  if (prepare(l, y, &c, &snr, e)) return e->code;
  *nf = figure(l, lambda, c, snr, area);
  free(c);
  return 0;
}

int eit_linear_choose(eit_linear *l, double nf, const double *y, const double *area, double *lambda, err *e) {
  double *c, snr, scale = 1;
  if (eit_linear_scale(l, &scale, e) || prepare(l, y, &c, &snr, e)) return e->code;
  double low = log(scale) - 16, high = log(scale) + 7; /* the figure falls with lambda */
  double most = figure(l, exp(low), c, snr, area), least = figure(l, exp(high), c, snr, area), f = NAN;
  if (nf > least && nf < most)
    for (int i = 0; i < 60; i++) {
      *lambda = exp((low + high) / 2);
      f = figure(l, *lambda, c, snr, area);
      if (fabs(f - nf) <= 1e-4 * nf) break;
      *(f > nf ? &low : &high) = (low + high) / 2;
    }
  else
    err_set(e, ERR_RUN, "image: noise figure %g: only %.3g to %.3g are in reach", nf, least, most);
  free(c);
  return e->code;
}

/* ---- many frames ---- */

void eit_apply(int frames, int n, int ndata, const double *bt, const double *y, double *x) {
  dense_product(frames, n, ndata, y, bt, x);
}

void eit_transpose(int rows, int cols, const double *a, double *t) {
  enum { BLOCK = 16 };
  for (int i = 0; i < rows; i += BLOCK)
    for (int j = 0; j < cols; j += BLOCK)
      for (int p = i; p < i + BLOCK && p < rows; p++)
        for (int q = j; q < j + BLOCK && q < cols; q++) t[(long)q * rows + p] = a[(long)p * cols + q];
}

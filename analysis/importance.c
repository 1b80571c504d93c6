/* importance.c: importance_new ... importance_verdict.
 *
 * Nicoli, Nakajima, Strodthoff, Samek, Mueller, Kessel, PRE 101 (2020) 023304; general functions by linearisation:
 * with W = w/mean w, gbar = <g>, influence of one draw on phi(<g>, lnZ)
 *   psi = sum_a phi_a W (g_a - gbar_a) + phi_lnZ (W - 1),      Var phi = mean(psi^2)/n ,
 * so that with u = (g, 1) and the sums S = sum w^2 u u^T the covariance of (<g>, lnZ) is
 *   C_ab = sum w^2 (g_a - gbar_a)(g_b - gbar_b)/(sum w)^2,  C_aZ = sum w^2 (g_a - gbar_a)/(sum w)^2,
 *   C_ZZ = sum w^2/(sum w)^2 - 1/n,                            each times n/(n-1).
 * A block keeps its sums relative to its own largest lw and is rescaled when that grows. */
#include "analysis/importance.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/jackknife.h"

/* A block of sums: head, sum w u (k+1), lower triangle of sum w^2 u u^T ((k+1)(k+2)/2), u = (1, g). */
enum { AT_N, AT_LEGAL, AT_MAX, AT_MEAN, AT_SQUARES, AT_SUMS }; /* MEAN, SQUARES: of lw (Welford) */

static double *first_sums(double *s) {
  return s + AT_SUMS;
}
static double *second_sums(double *s, int k) {
  return s + AT_SUMS + k + 1;
}

int importance_new(importance **a, int k, int blocks, uint64_t stripe, err *e) {
  *a = NULL;
  if (k < 0 || k >= STAT_MAX) return err_set(e, ERR_RUN, "importance: %d observables, at most %d", k, STAT_MAX - 1);
  importance *p = calloc(1, sizeof *p);
  if (!p) return err_set(e, ERR_RUN, "importance: no memory");
  p->k = k, p->blocks = blocks > 0 ? blocks : IMPORTANCE_BLOCKS, p->stripe = stripe ? stripe : 1;
  p->width = AT_SUMS + (k + 1) + (k + 1) * (k + 2) / 2;
  p->sum = malloc(importance_count(p) * sizeof(double));
  if (!p->sum) {
    free(p);
    return err_set(e, ERR_RUN, "importance: no memory for %d blocks", blocks);
  }
  importance_clear(p);
  *a = p;
  return 0;
}

void importance_free(importance *a) {
  if (a) free(a->sum);
  free(a);
}

size_t importance_count(const importance *a) {
  return (size_t)a->blocks * (size_t)a->width;
}

static void block_clear(double *s, int width) {
  memset(s, 0, (size_t)width * sizeof *s);
  s[AT_MAX] = -INFINITY;
}

void importance_clear(importance *a) {
  for (int b = 0; b < a->blocks; b++) block_clear(a->sum + b * a->width, a->width);
}

/* Sums relative to a larger reference: w shrinks by f, w^2 by f^2. */
static void rescale(double *s, int k, double max) {
  double f = s[AT_MAX] == max ? 1 : exp(s[AT_MAX] - max), *w = first_sums(s), *w2 = second_sums(s, k);
  s[AT_MAX] = max;
  for (int i = 0; i <= k; i++) w[i] *= f;
  for (int i = 0; i < (k + 1) * (k + 2) / 2; i++) w2[i] *= f * f;
}

static void block_add(double *s, int k, double lw, const double *g) {
  s[AT_N]++, s[AT_LEGAL]++;
  double d = lw - s[AT_MEAN];
  s[AT_MEAN] += d / s[AT_LEGAL];
  s[AT_SQUARES] += d * (lw - s[AT_MEAN]);
  if (lw > s[AT_MAX]) rescale(s, k, lw);
  double w = exp(lw - s[AT_MAX]), v[STAT_MAX], *m = first_sums(s), *c = second_sums(s, k);
  v[0] = w;
  for (int i = 0; i < k; i++) v[i + 1] = w * g[i];
  for (int i = 0; i <= k; i++) m[i] += v[i];
  for (int i = 0; i <= k; c += ++i)
    for (int j = 0; j <= i; j++) c[j] += v[i] * v[j];
}

static bool finite_row(int k, const double *g) {
  double s = 0;
  for (int i = 0; i < k; i++) s += g[i] - g[i];
  return s == 0;
}

int importance_add(importance *a, uint64_t index, double lw, const double *g, err *e) {
  if (!(lw < INFINITY))
    return err_set(e, ERR_RUN, "importance: sample %llu: log weight %g", (unsigned long long)index, lw);
  double *s = a->sum + (index / a->stripe) % (uint64_t)a->blocks * (uint64_t)a->width;
  if (lw == -INFINITY) {
    s[AT_N]++;
    return 0;
  }
  if (!finite_row(a->k, g))
    return err_set(e, ERR_RUN, "importance: sample %llu: an observable is not finite", (unsigned long long)index);
  block_add(s, a->k, lw, g);
  return 0;
}

int importance_add_rows(importance *a, uint64_t first, long n, const double *lw, const double *g, err *e) {
  for (long i = 0; i < n; i++)
    if (importance_add(a, first + (uint64_t)i, lw[i], g ? g + i * a->k : NULL, e)) return e->code;
  return 0;
}

static void block_merge(double *d, const double *s, int k) {
  int from = AT_SUMS, mid = AT_SUMS + k + 1, end = mid + (k + 1) * (k + 2) / 2;
  if (!(d[AT_N] > 0)) {
    memcpy(d, s, (size_t)end * sizeof *d);
    return;
  }
  double n = d[AT_LEGAL] + s[AT_LEGAL], delta = s[AT_MEAN] - d[AT_MEAN];
  d[AT_N] += s[AT_N];
  if (!s[AT_LEGAL]) return;
  d[AT_SQUARES] += s[AT_SQUARES] + delta * delta * d[AT_LEGAL] * s[AT_LEGAL] / n;
  d[AT_MEAN] += delta * s[AT_LEGAL] / n;
  d[AT_LEGAL] = n;
  if (s[AT_MAX] > d[AT_MAX]) rescale(d, k, s[AT_MAX]);
  double f = exp(s[AT_MAX] - d[AT_MAX]);
  for (int i = from; i < mid; i++) d[i] += f * s[i];
  for (int i = mid; i < end; i++) d[i] += f * f * s[i];
}

int importance_merge(importance *dst, const importance *src, err *e) {
  if (dst->k != src->k || dst->blocks != src->blocks || dst->stripe != src->stripe)
    return err_set(e, ERR_RUN, "importance: accumulators of %d and %d observables, %d and %d blocks do not merge",
                   dst->k, src->k, dst->blocks, src->blocks);
  for (int b = 0; b < dst->blocks; b++) block_merge(dst->sum + b * dst->width, src->sum + b * src->width, dst->k);
  return 0;
}

/* All blocks in one; t[width]. */
static void total(const importance *a, double *t) {
  block_clear(t, a->width);
  for (int b = 0; b < a->blocks; b++) block_merge(t, a->sum + b * a->width, a->k);
}

enum { WIDEST = AT_SUMS + STAT_MAX + STAT_MAX * (STAT_MAX + 1) / 2 };

/* x[k+1] of a block of sums. */
static void means_of(double *s, int k, double *x) {
  double *w = first_sums(s);
  for (int i = 0; i < k; i++) x[i] = w[0] > 0 ? w[i + 1] / w[0] : NAN;
  x[k] = s[AT_N] > 0 ? s[AT_MAX] + log(w[0] / s[AT_N]) : NAN;
}

/* Rounding can leave a vanishing variance negative; NaN passes. */
static double not_negative(double x) {
  return x < 0 ? 0 : x;
}

static double packed(const double *c, int i, int j) {
  return i >= j ? c[i * (i + 1) / 2 + j] : c[j * (j + 1) / 2 + i];
}

static void covariance_of(double *s, int k, const double *x, double *cov) {
  double *w = first_sums(s), *c = second_sums(s, k), n = s[AT_N], scale = n > 1 ? n / (n - 1) / (w[0] * w[0]) : NAN;
  for (int i = 0; i < k; i++) {
    for (int j = 0; j <= i; j++)
      cov[i * (k + 1) + j] = cov[j * (k + 1) + i] = scale * (packed(c, i + 1, j + 1) - x[i] * packed(c, j + 1, 0) -
                                                             x[j] * packed(c, i + 1, 0) + x[i] * x[j] * c[0]);
    cov[i * (k + 1) + k] = cov[k * (k + 1) + i] = scale * (packed(c, i + 1, 0) - x[i] * c[0]);
  }
  cov[k * (k + 2)] = scale * (c[0] - w[0] * w[0] / n);
  for (int i = 0; i <= k; i++) cov[i * (k + 2)] = not_negative(cov[i * (k + 2)]);
}

void importance_means(const importance *a, double *x, double *cov) {
  double t[WIDEST];
  total(a, t);
  means_of(t, a->k, x);
  if (cov) covariance_of(t, a->k, x, cov);
}

importance_summary importance_summarise(const importance *a) {
  double t[WIDEST], *w = first_sums(t), *w2 = second_sums(t, a->k);
  total(a, t);
  double n = t[AT_N], legal = t[AT_LEGAL], mean2 = w2[0] * n / (w[0] * w[0]);
  importance_summary s = {.n = n, .legal = legal, .max = t[AT_MAX], .lnZ = NAN, .ess = NAN, .lower = NAN};
  s.lnZ_error = s.lnZ_corrected = s.lower_error = s.variance = NAN;
  if (!(n > 0)) return s;
  s.lnZ = t[AT_MAX] + log(w[0] / n);
  s.ess = legal > 0 ? fmin(1, 1 / mean2) : 0;
  s.lower = legal < n ? -INFINITY : t[AT_MEAN];
  if (legal > 1) s.variance = t[AT_SQUARES] / (legal - 1);
  if (legal == n) s.lower_error = sqrt(s.variance / n);
  if (n > 1 && legal > 0) {
    double var = not_negative(mean2 - 1) / (n - 1);
    s.lnZ_error = sqrt(var);
    s.lnZ_corrected = s.lnZ + var / 2;
  }
  return s;
}

/* x without block j, for all j: out (blocks, k+1); m[blocks] the samples in each. What precedes and what follows a
 * block is merged rather than the block subtracted: nothing cancels where one block holds nearly all the weight. */
static void means_without(const importance *a, double *before, double *out, double *m) {
  int k = a->k, width = a->width, b = a->blocks;
  double after[WIDEST], both[WIDEST];
  block_clear(before, width);
  for (int j = 0; j + 1 < b; j++) {
    memcpy(before + (j + 1) * width, before + j * width, (size_t)width * sizeof *before);
    block_merge(before + (j + 1) * width, a->sum + j * width, k);
  }
  block_clear(after, width);
  for (int j = b - 1; j >= 0; j--) {
    memcpy(both, before + j * width, (size_t)width * sizeof *both);
    block_merge(both, after, k);
    means_of(both, k, out + j * (k + 1));
    block_merge(after, a->sum + j * width, k);
    m[j] = a->sum[j * width + AT_N];
  }
}

/* Delta errors of nf functions at x with covariance c; grad (nf, k+1) is left behind for covariances. */
static void delta_errors(int d, const double *x, const double *c, int nf, const stat_fn *const *f, const void *ctx,
                         double *grad, stat_value *v) {
  double step[STAT_MAX];
  for (int i = 0; i < d; i++) step[i] = sqrt(c[i * d + i]);
  for (int i = 0; i < nf; i++) {
    v[i].value = f[i]->value(x, ctx);
    stat_gradient(f[i], ctx, d, x, step, grad + i * d);
    double var = stat_quadratic(d, grad + i * d, c, grad + i * d);
    v[i].error = isnan(step[d - 1]) || isnan(v[i].value) ? NAN : sqrt(not_negative(var));
  }
}

int importance_estimate(const importance *a, int nf, const stat_fn *const *f, const void *ctx, stat_value *v,
                        double *cov, err *e) {
  int d = a->k + 1, b = a->blocks;
  size_t count = (size_t)b * (size_t)(a->width + d + 2) + (size_t)(nf * d + d * d);
  double *before = malloc(count * sizeof *before), x[STAT_MAX];
  if (!before) return err_set(e, ERR_RUN, "importance: no memory for the jackknife of %d blocks", b);
  double *out = before + b * a->width, *m = out + b * d, *theta = m + b, *grad = theta + b, *c = grad + nf * d;
  importance_means(a, x, c);
  delta_errors(d, x, c, nf, f, ctx, grad, v);
  means_without(a, before, out, m);
  for (int i = 0; i < nf; i++) {
    for (int j = 0; j < b; j++) theta[j] = f[i]->value(out + j * d, ctx);
    jackknife_blocks(b, m, v[i].value, theta, &v[i].corrected, &v[i].jackknife_error);
  }
  for (int i = 0; cov && i < nf * nf; i++) cov[i] = stat_quadratic(d, grad + i / nf * d, c, grad + i % nf * d);
  free(before);
  return 0;
}

stat_verdict importance_verdict(const importance *a, double k, char *reason, size_t n) {
  importance_summary s = importance_summarise(a);
  reason[0] = 0;
  if (!(s.n > 0))
    snprintf(reason, n, "no samples");
  else if (!(s.legal > 0))
    snprintf(reason, n, "none of %.0f samples has weight", s.n);
  else if (s.ess * s.n < 100)
    snprintf(reason, n, "effective sample size %.1f of %.0f draws is below 100", s.ess * s.n, s.n);
  else if (pareto_verdict(k) == STAT_REFUSE)
    snprintf(reason, n, "Pareto k %.2f above 0.7: the weights have too heavy a tail for an error", k);
  else if (pareto_verdict(k) == STAT_WARN)
    return snprintf(reason, n, "Pareto k %.2f above 0.5: heavy-tailed weights", k), STAT_WARN;
  return reason[0] ? STAT_REFUSE : STAT_GOOD;
}

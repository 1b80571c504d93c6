/* jackknife.c: jackknife_blocks, jackknife_covariance, jackknife_means, jackknife_apply, jackknife.
 *
 * Busing, Meijer, van der Leeden, Stat. Comput. 9 (1999) 3: with h_j = n/m_j,
 *   theta_J = g theta - sum_j (1 - m_j/n) theta_(j),     pseudo-values  tau_j = h_j theta - (h_j - 1) theta_(j),
 *   var     = (1/g) sum_j (tau_j - theta_J)^2 / (h_j - 1);
 * for equal blocks the familiar (g-1)/g sum_j (theta_(j) - mean theta_(j))^2. */
#include "analysis/jackknife.h"

#include <math.h>
#include <stdlib.h>

/* Number of blocks with data; *n: the data. */
static int blocks_used(int g, const double *m, double *n) {
  int used = 0;
  *n = 0;
  for (int j = 0; j < g; j++) used += m[j] > 0, *n += m[j];
  return used;
}

static double bias_free(int g, const double *m, double n, int used, double theta, const double *theta_j) {
  double shift = 0; /* theta - theta_J, summed as differences: exact 0 for a constant */
  for (int j = 0; j < g; j++)
    if (m[j] > 0) shift += (1 - m[j] / n) * (theta_j[j] - theta);
  return used < 2 ? NAN : theta - shift;
}

double jackknife_covariance(int g, const double *m, double a, const double *a_j, double b, const double *b_j) {
  double n, s = 0;
  int used = blocks_used(g, m, &n);
  if (used < 2) return NAN;
  double ca = bias_free(g, m, n, used, a, a_j) - a, cb = bias_free(g, m, n, used, b, b_j) - b;
  for (int j = 0; j < g; j++) {
    if (!(m[j] > 0)) continue;
    double h = n / m[j] - 1;
    s += (h * (a - a_j[j]) - ca) * (h * (b - b_j[j]) - cb) / h;
  }
  return s / used;
}

void jackknife_blocks(int g, const double *m, double theta, const double *theta_j, double *corrected, double *error) {
  double n;
  int used = blocks_used(g, m, &n);
  if (corrected) *corrected = bias_free(g, m, n, used, theta, theta_j);
  if (error) *error = sqrt(jackknife_covariance(g, m, theta, theta_j, theta, theta_j));
}

/* Differences are summed, so that nothing cancels. */
void jackknife_means(const jackknife_set *s, int blocks, double *mean, double *out, int stride) {
  for (int a = 0; a < s->k; a++) {
    double sum = 0;
    for (long i = 0; i < s->n; i++) sum += s->x[i * s->k + a] - s->x[a];
    mean[a] = s->x[a] + sum / (double)s->n;
    for (int j = 0; j < blocks; j++) {
      long from = s->n * j / blocks, to = s->n * (j + 1) / blocks;
      double d = 0;
      for (long i = from; i < to; i++) d += s->x[i * s->k + a] - mean[a];
      out[j * stride + a] = mean[a] - d / (double)(s->n - (to - from));
    }
  }
}

static int width_of(int sets, const jackknife_set *set, int blocks, err *e) {
  int width = 0;
  if (sets < 1 || blocks < 2) return err_set(e, ERR_RUN, "jackknife: %d sets and %d blocks", sets, blocks), 0;
  for (int s = 0; s < sets; s++) {
    if (set[s].n < blocks)
      return err_set(e, ERR_RUN, "jackknife: set %d has %ld rows, fewer than %d blocks", s, set[s].n, blocks), 0;
    width += set[s].k;
  }
  if (width < 1 || width > STAT_MAX)
    return err_set(e, ERR_RUN, "jackknife: %d means, between 1 and %d are possible", width, STAT_MAX), 0;
  return width;
}

int jackknife_apply(int blocks, const double *m, int width, const double *mean, const double *x, int nf,
                    const stat_fn *const *f, const void *ctx, stat_value *v, double *cov, err *e) {
  double *theta = malloc((size_t)nf * (size_t)blocks * sizeof *theta); /* (nf, blocks) */
  if (!theta) return err_set(e, ERR_RUN, "jackknife: no memory for %d blocks", blocks);
  for (int i = 0; i < nf; i++) {
    for (int j = 0; j < blocks; j++) theta[i * blocks + j] = f[i]->value(x + j * width, ctx);
    v[i].value = f[i]->value(mean, ctx);
    jackknife_blocks(blocks, m, v[i].value, theta + i * blocks, &v[i].corrected, &v[i].error);
    v[i].jackknife_error = v[i].error;
  }
  for (int i = 0; cov && i < nf * nf; i++)
    cov[i] = jackknife_covariance(blocks, m, v[i / nf].value, theta + i / nf * blocks, v[i % nf].value,
                                  theta + i % nf * blocks);
  free(theta);
  return 0;
}

int jackknife(int sets, const jackknife_set *set, int blocks, int nf, const stat_fn *const *f, const void *ctx,
              stat_value *v, double *cov, err *e) {
  int width = width_of(sets, set, blocks, e);
  if (!width) return ERR_RUN;
  double *x = malloc((size_t)blocks * (size_t)(width + 1) * sizeof *x), mean[STAT_MAX]; /* (blocks, width) and m */
  if (!x) return err_set(e, ERR_RUN, "jackknife: no memory for %d blocks", blocks);
  double *m = x + blocks * width;
  for (int s = 0, at = 0; s < sets; at += set[s++].k) jackknife_means(set + s, blocks, mean + at, x + at, width);
  for (int j = 0; j < blocks; j++) m[j] = (double)(set->n * (j + 1) / blocks - set->n * j / blocks);
  int rc = jackknife_apply(blocks, m, width, mean, x, nf, f, ctx, v, cov, e);
  free(x);
  return rc;
}

/* yukawa_judge.c: how good are estimates of kappa? (see yukawa_train.h) */
#include <math.h>
#include <stdlib.h>

#include "analysis/jackknife.h"
#include "apps/yukawa_train.h"

enum { N, K, T, KK, TT, KT, SUMS }; /* sums of 1, kappa^, T, their squares and product, about given centres */

typedef struct group { /* the chains at one kappa */
  double kappa, centre_K, centre_T, total[SUMS];
  int chains;
  double *sum;  // (chains, SUMS)
} group;

/* What follows from sums. */
static void figures(const group *g, const double s[SUMS], double *v) {
  double n = s[N], k = s[K] / n, t = s[T] / n, bias = g->centre_K + k - g->kappa;
  double kk = s[KK] / n - k * k, tt = s[TT] / n - t * t, kt = s[KT] / n - k * t;
  v[YUKAWA_SIGMA] = .5 / sqrt(tt);
  v[YUKAWA_MEAN] = g->centre_K + k;
  v[YUKAWA_BIAS] = bias;
  v[YUKAWA_SD] = sqrt(kk);
  v[YUKAWA_SLOPE] = 2 * kt;
  v[YUKAWA_RMSE] = sqrt(kk + bias * bias);
  v[YUKAWA_RATIO] = v[YUKAWA_SD] / fabs(v[YUKAWA_SLOPE]) / v[YUKAWA_SIGMA];
  v[YUKAWA_LOSS] = v[YUKAWA_RMSE] / v[YUKAWA_SIGMA];
}

/* Sums of the chains at g->kappa, in their order. */
static void collect(group *g, const yukawa_data *y, const double *estimate) {
  g->chains = 0, g->centre_K = g->centre_T = 0;
  for (int pass = 0; pass < 2; pass++) { /* centres, then sums about them */
    for (long c = 0, j = 0; c < y->chains; c++) {
      if (y->kappa[c] != g->kappa) continue;
      double *s = g->sum + SUMS * j++;
      for (int k = 0; k < SUMS; k++) s[k] = 0;
      for (long i = c * y->per; i < (c + 1) * y->per; i++) {
        double k = estimate[i] - g->centre_K, t = yukawa_links(y, i) - g->centre_T;
        s[N]++, s[K] += k, s[T] += t, s[KK] += k * k, s[TT] += t * t, s[KT] += k * t;
      }
      g->chains = (int)j;
    }
    for (int k = 0; k < SUMS; k++) g->total[k] = 0;
    for (int j = 0; j < g->chains; j++)
      for (int k = 0; k < SUMS; k++) g->total[k] += g->sum[SUMS * j + k];
    if (!pass) g->centre_K = g->total[K] / g->total[N], g->centre_T = g->total[T] / g->total[N];
  }
}

static void judge(yukawa_verdict *v, int at, const group *g, double *without, double *weight) {
  double value[YUKAWA_FIGURES], one[YUKAWA_FIGURES], s[SUMS];
  figures(g, g->total, value);
  for (int j = 0; j < g->chains; j++) {
    for (int k = 0; k < SUMS; k++) s[k] = g->total[k] - g->sum[SUMS * j + k];
    figures(g, s, one), weight[j] = g->sum[SUMS * j + N];
    for (int f = 0; f < YUKAWA_FIGURES; f++) without[f * g->chains + j] = one[f];
  }
  for (int f = 0; f < YUKAWA_FIGURES; f++) {
    v->value[f][at] = value[f];
    jackknife_blocks(g->chains, weight, value[f], without + f * g->chains, NULL, &v->error[f][at]);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The different kappas, ascending. */
static int kappas(yukawa_verdict *v, const yukawa_data *y, err *e) {
  size_t n = (size_t)y->chains;
  if (!(v->kappa = malloc(n * sizeof *v->kappa))) return err_set(e, ERR_RUN, "verdict: out of memory");
  for (size_t c = 0; c < n; c++) v->kappa[c] = y->kappa[c];
  qsort(v->kappa, n, sizeof *v->kappa, ascending);
  for (size_t c = 0; c < n; c++)
    if (!c || v->kappa[c] != v->kappa[v->n - 1]) v->kappa[v->n++] = v->kappa[c];
  return 0;
}

int yukawa_judge(yukawa_verdict *v, const yukawa_data *y, const char *path, const double *estimate, err *e) {
  size_t chains = (size_t)y->chains;
  *v = (yukawa_verdict){0};
  group g = {.sum = malloc(sizeof *g.sum * SUMS * chains)};
  double *without = malloc(sizeof *without * YUKAWA_FIGURES * chains), *weight = malloc(sizeof *weight * chains);
  bool good = g.sum && without && weight && !kappas(v, y, e);
  for (int f = 0; f < YUKAWA_FIGURES && good; f++) {
    v->value[f] = malloc(sizeof(double) * (size_t)v->n), v->error[f] = malloc(sizeof(double) * (size_t)v->n);
    good = v->value[f] && v->error[f];
  }
  if (!good) err_set(e, ERR_RUN, "verdict: out of memory");
  for (int k = 0; k < v->n && !e->code; k++) {
    g.kappa = v->kappa[k];
    collect(&g, y, estimate);
    if (g.chains < 2)
      err_set(e, ERR_FILE, "%s: one chain at kappa = %g, errors need two (chain.replicas of app yukawa-generate)", path,
              g.kappa);
    else
      judge(v, k, &g, without, weight);
  }
  free(g.sum), free(without), free(weight);
  return e->code;
}

void yukawa_verdict_free(yukawa_verdict *v) {
  for (int f = 0; f < YUKAWA_FIGURES; f++) free(v->value[f]), free(v->error[f]);
  free(v->kappa);
}

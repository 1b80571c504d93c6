/* metrics_delong.c: metrics_delong.
 *
 * DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988) 837, in the O(n log n) form of Sun & Xu, IEEE Signal Process.
 * Lett. 21 (2014) 1389: with mid-ranks among positives (Tx), negatives (Ty) and all (Tz),
 *   V10_i = (Tz_i - Tx_i)/N,   V01_j = 1 - (Tz_j - Ty_j)/P,   AUROC = mean V10 = mean V01,
 *   cov = cov(V10)/P + cov(V01)/N. */
#include <math.h>
#include <stdlib.h>

#include "analysis/metrics.h"

typedef struct item {
  double score;
  long at; /* where its component goes; positives first */
} item;

static int ascending(const void *a, const void *b) {
  double x = ((const item *)a)->score, y = ((const item *)b)->score;
  return (x > y) - (x < y);
}

/* Components of one model: v (P) of the positives, then (N) of the negatives. s (P + N) is sorted in place. */
static double components(long P, long N, item *s, double *v) {
  double auc = 0;
  long p = 0, n = 0;
  qsort(s, (size_t)(P + N), sizeof *s, ascending);
  for (long i = 0, end; i < P + N; i = end) {
    long p_here = 0;
    for (end = i; end < P + N && s[end].score == s[i].score; end++) p_here += s[end].at < P;
    long n_here = end - i - p_here;
    for (long j = i; j < end; j++)
      v[s[j].at] = s[j].at < P ? ((double)n + .5 * (double)n_here) / (double)N
                               : ((double)(P - p) - .5 * (double)p_here) / (double)P;
    p += p_here, n += n_here;
  }
  for (long i = 0; i < P; i++) auc += v[i];
  return auc / (double)P;
}

static double covariance(long n, const double *a, double mean_a, const double *b, double mean_b) {
  double s = 0;
  for (long i = 0; i < n; i++) s += (a[i] - mean_a) * (b[i] - mean_b);
  return n > 1 ? s / (double)(n - 1) : NAN;
}

static int split(long n, const double *score, const unsigned char *label, long P, item *s, err *e) {
  for (long i = 0, p = 0, q = P, m = 0; i < n; i++) {
    if (label[i] == METRICS_MISSING) continue;
    if (isnan(score[i])) return err_set(e, ERR_RUN, "metrics: the score of row %ld is NaN", i);
    s[m++] = (item){score[i], label[i] ? p++ : q++};
  }
  return 0;
}

int metrics_delong(long n, int models, const double *score, const unsigned char *label, double *auc, double *cov,
                   err *e) {
  long P = 0, N = 0;
  for (long i = 0; i < n; i++) P += label[i] == 1, N += label[i] == 0;
  if (!P || !N) return err_set(e, ERR_RUN, "metrics: %ld positives and %ld negatives: both sides are needed", P, N);
  item *s = malloc((size_t)(P + N) * sizeof *s);
  double *v = malloc((size_t)models * (size_t)(P + N) * sizeof *v);  // (models, P + N)
  int rc = s && v ? 0 : err_set(e, ERR_RUN, "metrics: no memory for %ld scores of %d models", P + N, models);
  for (int m = 0; m < models && !rc; m++) {
    rc = split(n, score + m * n, label, P, s, e);
    if (!rc) auc[m] = components(P, N, s, v + m * (P + N));
  }
  for (int a = 0; a < models && !rc; a++)
    for (int b = 0; b < models; b++) {
      const double *x = v + a * (P + N), *y = v + b * (P + N);
      cov[a * models + b] =
          covariance(P, x, auc[a], y, auc[b]) / (double)P + covariance(N, x + P, auc[a], y + P, auc[b]) / (double)N;
    }
  free(s), free(v);
  return rc;
}

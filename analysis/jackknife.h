/* jackknife.h: the delete-a-block jackknife: error and O(1/n) bias of any function of means. Local. */
#ifndef ANALYSIS_JACKKNIFE_H
#define ANALYSIS_JACKKNIFE_H

#include "analysis/function.h"
#include "base/err.h"

/* From estimates to error. Block j of g holds m[j] of the data (m may differ: Busing et al. 1999; blocks with m = 0 are
 * left out), theta is the estimate from all data, theta_j[j] the one without block j.
 * corrected and error become NaN where fewer than two blocks hold data. Pointers may be NULL. */
void jackknife_blocks(int g, const double *m, double theta, const double *theta_j, double *corrected, double *error);
/* Covariance of two estimates from the same blocks. */
double jackknife_covariance(int g, const double *m, double a, const double *a_j, double b, const double *b_j);

/* Rows of measurements in the order of the chain: x (n, k). Not owned. */
typedef struct jackknife_set {
  long n;
  int k;
  const double *x;
} jackknife_set;

/* Functions of the means of one or several sets: a function sees the means of set 0, then of set 1 ... (at most
 * STAT_MAX). Each set is cut into `blocks` contiguous blocks and block j is deleted from ALL sets at once, so that sets
 * made side by side (a chain and the proposals it came from) keep their correlation: the joint jackknife. Blocks should
 * be far longer than tau_int. v[nf] receives the results, cov (nf, nf) their covariance (may be NULL). ERR_RUN: a set
 * shorter than `blocks`, blocks < 2, x longer than STAT_MAX, no memory. */
int jackknife(int sets, const jackknife_set *set, int blocks, int nf, const stat_fn *const *f, const void *ctx,
              stat_value *v, double *cov, err *e);

/* The two halves of jackknife(), for estimators that add further entries to x (bridge.c).
 * Means of a set over all rows, mean[k], and with block j left out, out[j * stride + a]. */
void jackknife_means(const jackknife_set *s, int blocks, double *mean, double *out, int stride);
/* Functions of mean[width] with x (blocks, width) the same without each block, which held m[blocks] of the data. */
int jackknife_apply(int blocks, const double *m, int width, const double *mean, const double *x, int nf,
                    const stat_fn *const *f, const void *ctx, stat_value *v, double *cov, err *e);

#endif

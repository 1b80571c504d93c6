/* importance.h: self-normalised importance sampling: streaming, mergeable sums from which any smooth function
 * phi(<g_1> .. <g_k>, lnZ) of target averages and of the partition function gets a value, a delta-method error, a block
 * jackknife error and a bias-corrected value.
 *
 * A sample s ~ q enters with its log weight lw = -beta H(s) - ln q(s) and its observables g[k]. Samples belong to
 * jackknife blocks by global index alone, block = (index / stripe) mod blocks, so that results do not depend on
 * batches. Feeding the same samples in the same order gives the same bits, whatever the size of the portions;
 * accumulators filled apart and merged agree up to rounding (for equal bits on any number of ranks, gather rows and add
 * them in global order on one rank). With lw = 0 the plain averages of independent draws come out, by the same code.
 *
 * Illegal configurations (lw = -inf, weight 0) count in n; their g is not looked at. NaN, lw = +inf and non-finite g
 * are errors. Local, serial, always double. */
#ifndef ANALYSIS_IMPORTANCE_H
#define ANALYSIS_IMPORTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/function.h"
#include "analysis/pareto.h"
#include "base/err.h"

enum { IMPORTANCE_BLOCKS = 64 };

typedef struct importance {
  int k, blocks, width;
  uint64_t stripe;
  double *sum; /* (blocks, width): the WHOLE state; register importance_count() doubles with the run to make it
                  restartable */
} importance;

/* k observables, 0 <= k < STAT_MAX; blocks <= 0: IMPORTANCE_BLOCKS; stripe 0: 1. Caller frees. */
int importance_new(importance **a, int k, int blocks, uint64_t stripe, err *e);
void importance_free(importance *a);
size_t importance_count(const importance *a); /* doubles in sum */
void importance_clear(importance *a);

/* One sample; g[k] (may be NULL if k = 0). On ERR_RUN nothing was added. No allocation. */
int importance_add(importance *a, uint64_t index, double lw, const double *g, err *e);
/* n samples of global indices first .. first+n-1: lw (n), g (n, k). Stops at the first bad one. */
int importance_add_rows(importance *a, uint64_t first, long n, const double *lw, const double *g, err *e);
/* dst += src. ERR_RUN unless k, blocks and stripe agree. */
int importance_merge(importance *dst, const importance *src, err *e);

typedef struct importance_summary {
  double n, legal;           /* samples; those with lw > -inf                                                     */
  double lnZ, lnZ_error;     /* ln mean w and its delta error                                                     */
  double lnZ_corrected;      /* lnZ + (mean W^2 - 1)/2n: bias of order 1/n removed                                */
  double ess;                /* effective sample size / n = 1/mean W^2, in (0, 1]                                 */
  double lower, lower_error; /* E_q[lw], the variational lower bound of lnZ; -inf where a sample is illegal    */
  double variance;           /* of lw over legal samples                                                          */
  double max;                /* largest lw                                                                        */
} importance_summary;
/* n = 0: everything undefined is NaN. No sample with weight: lnZ = -inf, ess = 0. A single sample: errors are NaN. */
importance_summary importance_summarise(const importance *a);

/* x[k+1] = (<g_1> .. <g_k>, lnZ); cov (k+1, k+1) its delta-method covariance (may be NULL). NaN where undefined. */
void importance_means(const importance *a, double *x, double *cov);

/* nf functions of x: v[nf]; cov (nf, nf) delta-method covariance of the values, or NULL. ERR_RUN: no memory. */
int importance_estimate(const importance *a, int nf, const stat_fn *const *f, const void *ctx, stat_value *v,
                        double *cov, err *e);

/* May these estimates be printed with an error? pareto_k: pareto_k() of the same weights (NaN: unknown).
 * STAT_REFUSE with a sentence in reason[n] where no sample has weight, ESS * n < 100 or k > .7; STAT_WARN for k > .5;
 * else STAT_GOOD and an empty reason. */
stat_verdict importance_verdict(const importance *a, double pareto_k, char *reason, size_t n);

#endif

/* gamma.h: errors of Markov chain data by the Gamma method: integrated autocorrelation time of a mean or of any smooth
 * function of means, with an automatic window, its own error, bias correction and a test of replicas against each
 * other. Convention: tau = 1/2 + sum_{t>0} rho(t), 1/2 for independent data; error^2 = 2 tau variance/n. Local, serial.
 */
#ifndef ANALYSIS_GAMMA_H
#define ANALYSIS_GAMMA_H

#include "analysis/function.h"
#include "base/err.h"

/* x (sum of length, k): rows of k observables in the order of the chain, replica after replica. Not owned. */
typedef struct gamma_data {
  int k, replicas;
  const long *length; /* (replicas): they may differ */
  const double *x;
} gamma_data;

typedef struct gamma_result {
  double value;              /* function of the means; with two or more replicas its O(1/n) bias is removed    */
  double error, error_error; /* one sigma, and the error of that error                                        */
  double tau, tau_error;     /* integrated autocorrelation time, in rows; noise can take it just below 1/2     */
  double n_eff;              /* n/(2 tau)                                                                      */
  double variance;           /* of one (projected) row                                                         */
  double bias;               /* what was removed from value; 0 for one replica                                 */
  double quality;            /* probability that replicas scatter at least so much; NaN for one replica        */
  double n;
  long window;        /* last lag summed                                                                */
  const char *reason; /* NULL, or why the error is not to be trusted (a constant text)                  */
} gamma_result;

/* All NaN, reason "undefined here". */
gamma_result gamma_undefined(void);

/* f of the k means. S: the ratio tau_exp/tau assumed by the window, 0 for the usual 1.5.
 * No error is raised for a chain too short to judge (n < 100 tau, no window below half the shortest replica): reason
 * says so. A constant series has error 0, tau 1/2. Fewer than 4 rows in a replica: value only. ERR_RUN: no rows, data
 * not finite, k > STAT_MAX, no memory. */
int gamma_derived(const gamma_data *d, const stat_fn *f, const void *ctx, double S, gamma_result *r, err *e);
/* The mean of one column. */
int gamma_primary(const gamma_data *d, int column, double S, gamma_result *r, err *e);
/* The mean of one plain series x[n] (one replica). */
int gamma_series(long n, const double *x, gamma_result *r, err *e);

#endif

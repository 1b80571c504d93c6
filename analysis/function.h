/* function.h: smooth functions of means, the currency of this room, and what every estimator returns for one of them.
 *
 * A function sees one vector x: the means of k observables, then (where an estimator knows it) lnZ as x[k]. The same
 * function thus serves importance samples, Markov chains and bridges. All functions of the room are local and serial.
 */
#ifndef ANALYSIS_FUNCTION_H
#define ANALYSIS_FUNCTION_H

enum { STAT_MAX = 64 }; /* longest x, lnZ included */

typedef struct stat_fn {
  const char *name;
  double (*value)(const double *x, const void *ctx);
  void (*gradient)(const double *x, double *d, const void *ctx); /* d[i] = dvalue/dx[i], every i the caller passes (it
                                                                    zeroes d first); NULL: central differences */
} stat_fn;

/* NaN in any field: not defined. */
typedef struct stat_value {
  double value;           /* function of the means as they are                                                  */
  double error;           /* one sigma: delta method (importance), else the jackknife's                         */
  double corrected;       /* value with its O(1/n) bias removed by the block jackknife                          */
  double jackknife_error; /* one sigma by the block jackknife                                                   */
} stat_value;

/* Gradient of f at x[n] into d[n]. step[n]: the errors of x; numerical derivatives use a tenth of them to either side
 * and leave d[i] = 0 where step[i] is 0 (nothing to propagate) or not finite. */
void stat_gradient(const stat_fn *f, const void *ctx, int n, const double *x, const double *step, double *d);

/* a^T C b with C (n, n). */
double stat_quadratic(int n, const double *a, const double *c, const double *b);

#endif

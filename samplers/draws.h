/* draws.h: many independent configurations from a trained proposal, measured, in global order, in bounded memory. */
#ifndef SAMPLERS_DRAWS_H
#define SAMPLERS_DRAWS_H

#include "base/run.h"
#include "samplers/ar.h"

/* What is kept of one configuration: lnq of the WHOLE configuration (left-out spins included), so that weights at any
 * coupling follow, then what the model measures. */
size_t draws_row(const ar *a); /* 1 + nobs */

/* Gets the rows (n, draws_row) of samples first..first+n-1 on rank 0 (rows is NULL elsewhere; every rank calls, so that
 * it can count), in ascending order of first. */
typedef int draw_sink(void *ctx, long first, long n, const double *rows, err *e);

/* Collective: samples from..n-1 under the stream `stream`; sample i is the same whatever ranks, threads and `from` are.
 * Returns early, without error, where the run must stop. examples: if not NULL, the first nexamples (<= lanes)
 * configurations (nexamples, sites) if from = 0, filled on rank 0. */
int draws_make(run *r, const ar *a, const nn_real *theta, const char *stream, long from, long n, draw_sink *sink,
               void *ctx, int nexamples, int8_t *examples, err *e);

/* Collective: lw (n) = ln w(s_drawn) - ln q(s_drawn) of given configurations s (n, sites), equal on all ranks; n a
 * multiple of the lanes. lw is filled on all ranks. */
int draws_weigh(run *r, const ar *a, const nn_real *theta, long n, const int8_t *s, double *lw, err *e);

#endif

/* autocorr.h: the autocovariance of a series cut into replicas. Local, serial; calls the FFTW planner (not
 * thread-safe). */
#ifndef ANALYSIS_AUTOCORR_H
#define ANALYSIS_AUTOCORR_H

#include "base/err.h"

/* x: deviations from the mean, replicas one after the other, length[replicas] entries each. For t = 0 .. tmax
 *   gamma[t] = sum_r sum_i x_r[i] x_r[i+t] / sum_r (length_r - t) ;
 * tmax must be below the shortest replica. Direct for few lags, else by FFT with zero padding; both to rounding.
 * ERR_RUN: tmax too large, no memory. */
int autocorr(int replicas, const long *length, const double *x, long tmax, double *gamma, err *e);

#endif

/* resample.h: a signal at another sampling rate: band-limited interpolation by a sinc with a Kaiser window (J. O.
 * Smith, "Digital audio resampling", CCRMA), lowered to the smaller of both Nyquist frequencies, so that nothing is
 * mirrored. Local. */
#ifndef SIGNALS_RESAMPLE_H
#define SIGNALS_RESAMPLE_H

/* Samples that n at `rate` give at `to`: those at times 0, 1/to ... within the signal. */
long signals_resampled(long n, double rate, double to);
/* y[signals_resampled(n, rate, to)] from x[n]. Beyond its ends x counts as its last value. Equal rates: a copy. */
void signals_resample(long n, double rate, const double *x, double to, double *y);

#endif

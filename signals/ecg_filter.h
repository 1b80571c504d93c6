/* ecg_filter.h: moving averages, for the files of ecg*. Local. */
#ifndef SIGNALS_ECG_FILTER_H
#define SIGNALS_ECG_FILTER_H

/* y[i]: mean of x over the samples within `half` of i (fewer at the ends). y must not be x. Sums are kept in blocks, so
 * that rounding does not pile up. */
void ecg_average(long n, int half, const double *x, double *y);
/* Number of samples of a time, at least `least`. */
int ecg_samples(double seconds, double rate, int least);
double ecg_median(long n, double *x); /* sorts x; NaN for n = 0 */

#endif

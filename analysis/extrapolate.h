/* extrapolate.h: Suzuki-Trotter results at several m to m -> infinity: fits in powers of 1/m^2 to all useful subsets of
 * the data, joined into one value with a statistical and a systematic error. Local, serial. */
#ifndef ANALYSIS_EXTRAPOLATE_H
#define ANALYSIS_EXTRAPOLATE_H

#include "base/err.h"

enum { EXTRAPOLATE_MIN = 4, EXTRAPOLATE_MAX = 64, EXTRAPOLATE_TERMS = 3, EXTRAPOLATE_FITS = 192 };

/* y(m) = value + a_1/m^2 + ... + a_terms/m^(2 terms), to the n points of largest m. */
typedef struct extrapolate_fit {
  int n, terms;
  double value, error; /* m -> infinity, one sigma from the errors of the data */
  double chi2;         /* with n - terms - 1 degrees of freedom                */
  double weight;       /* in the average; sums to 1                            */
} extrapolate_fit;

typedef struct extrapolation {
  double value;
  double error;      /* statistical */
  double systematic; /* of the choice of fit */
  double total;      /* root of the sum of their squares */
  double chi2;       /* of the best fit (largest weight), and its degrees of freedom and probability (NaN at dof 0) */
  int dof;
  double probability;
  const char *reason; /* NULL, or why the value should not be trusted */
  int nfits;
  extrapolate_fit fit[EXTRAPOLATE_FITS];
} extrapolation;

/* x[n]: m (or 2m: only ratios matter), positive and all different, in any order; y[n] with independent errors
 * sigma[n] > 0. sigma NULL: y is exact; then the value is the polynomial in 1/m^2 through the points of largest m (six
 * at most: terms up to 1/m^10), its error zero, and systematic the distance to the polynomial of one term less.
 * ERR_RUN: n < EXTRAPOLATE_MIN or too large, bad x or sigma, y not finite, no memory. */
int extrapolate(extrapolation *r, int n, const double *x, const double *y, const double *sigma, err *e);

#endif

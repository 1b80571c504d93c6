/* crossing.h: where two measured curves meet, as the Binder ratios of two lattices do at a critical point: a polynomial
 * of low degree is fitted to each in the window of the crossing. Local, serial. */
#ifndef ANALYSIS_CROSSING_H
#define ANALYSIS_CROSSING_H

#include "base/err.h"

enum { CROSSING_DEGREE = 4, CROSSING_MIXED = 3, CROSSING_POINTS = 256 };

/* y(x) = sum_k c_k t^k, t = (x - origin)/scale. */
typedef struct crossing_fit {
  int n, degree;
  double low, high; /* least and largest x of the points fitted */
  double origin, scale, c[CROSSING_DEGREE + 1], cov[CROSSING_DEGREE + 1][CROSSING_DEGREE + 1];
  int best; /* the degree given, or of largest weight where several are averaged; its weight and quality */
  double weight, chi2;
  int dof;
  double probability; /* NaN at dof 0 */
} crossing_fit;

typedef struct crossing {
  double x, x_error;  /* of the crossing, one sigma */
  double y, y_error;  /* both curves there */
  double apart;       /* by how many of its errors the difference of the slopes is not zero */
  const char *reason; /* NULL, or why the errors should not be trusted */
} crossing;

/* The points with window[0] <= x <= window[1] (window NULL: all) of x[n], all different, y[n] with independent errors
 * sigma[n] > 0, in any order. degree 1 to CROSSING_DEGREE; 0: all of 1 to CROSSING_MIXED with a degree of freedom left,
 * averaged with Akaike's weights, their spread in the covariance. ERR_RUN: too few points (degree + 1; three where none
 * is given) or too many, bad x, y or sigma, no memory. */
int crossing_fit_curve(crossing_fit *f, int degree, const double *window, int n, const double *x, const double *y,
                       const double *sigma, err *e);
/* The polynomial, its slope and its error at x; slope and error may be NULL. */
double crossing_value(const crossing_fit *f, double x, double *slope, double *error);
/* Of two independent fits, between the x that both have. ERR_RUN: they share no range; no crossing there, or more than
 * one. */
int crossing_find(crossing *c, const crossing_fit *a, const crossing_fit *b, err *e);

#endif

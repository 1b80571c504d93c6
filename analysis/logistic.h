/* logistic.h: logistic regression with a ridge, the plain baseline that a network has to beat. Local. */
#ifndef ANALYSIS_LOGISTIC_H
#define ANALYSIS_LOGISTIC_H

#include "base/err.h"

/* Minimises sum_i [ln(1 + exp(z_i)) - y_i z_i] + ridge/2 sum_j w_j^2, z = w_0 + sum_j w_j x_j, by Newton steps, halved
 * until the sum falls. x (n, p); y: entry i at y[i * stride], 0 or 1; ridge > 0 (a millionth of it for the constant); w
 * (p + 1), constant first. ERR_RUN: no memory, or a slope above 1e-6 n is left after 100 steps. */
int logistic_fit(long n, int p, const double *x, const unsigned char *y, long stride, double ridge, double *w, err *e);
double logistic_score(int p, const double *x, const double *w); /* z */

#endif

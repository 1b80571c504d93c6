/* elementwise.h: kernels over n numbers, vectorised with libmvec (the only file built with -ffast-math; no NaN checks
 * are made there). Constant n gives constant bits. Local. */
#ifndef NN_ELEMENTWISE_H
#define NN_ELEMENTWISE_H

#include "nn/real.h"

void nn_exp_minus(int n, const nn_real *x, nn_real *y); /* exp(-x) for x >= 0, never zero */
void nn_tanh(int n, const nn_real *x, nn_real *y);
void nn_silu(int n, const nn_real *x, nn_real *y);
void nn_silu_slope(int n, const nn_real *x, nn_real *d); /* d = dy/dx at x */
void nn_gelu(int n, const nn_real *x, nn_real *y);       /* x Phi(x), exact (Hendrycks & Gimpel 2016) */
void nn_gelu_slope(int n, const nn_real *x, nn_real *d);
void nn_softplus(int n, const nn_real *x, nn_real *y);       /* max(x, 0) + log1p(exp(-|x|)) */
void nn_softplus_slope(int n, const nn_real *y, nn_real *d); /* at the x that gave y */
void nn_sigmoid(int n, const nn_real *x, nn_real *y);

/* Both in double whatever nn_real is, so that densities are those of the arithmetic that draws:
 * nn_bernoulli: s = u < sigma(z) ? +1 : -1;  nn_log_sigmoid: lnq += ln sigma(s z). */
void nn_bernoulli(int n, const nn_real *z, const double *u, nn_real *s);
void nn_log_sigmoid(int n, const nn_real *s, const nn_real *z, double *lnq);
/* ln 2 cosh x = |x| + log1p(exp(-2|x|)) */
void nn_log_2cosh(int n, const double *x, double *y);

#endif

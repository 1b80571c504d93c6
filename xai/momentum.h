/* momentum.h: relevance of positions as relevance of momenta (DFT-LRP, Vielhaben et al., Pattern Recognition 150
 * (2024), arXiv:2303.06365), in one to three dimensions. A virtual layer before the input makes x from its unitary
 * transform y, x_t = N^{-1/2} sum_k Re[y_k e^{2 pi i k t / N}]; rule 0 through it is R_k = Re[ y_k conj(F(r)_k) ], r_t
 * = R_t / stab(x_t),   F unitary;   sum_k R_k = sum_t R_t Momentum 0 is the mean of the field, the corner (pi, pi, ...)
 * the staggered one. Local. */
#ifndef XAI_MOMENTUM_H
#define XAI_MOMENTUM_H

#include <complex.h>
#include <fftw3.h>

#include "nn/op.h"

typedef struct xai_momentum {
  nn_shape shape;
  int lanes;
  size_t half;         /* modes that the real transform keeps, per lane and channel */
  double *in;          /* (positions, channels, S)                */
  fftw_complex *y, *r; /* (modes, channels, S) */
  fftw_plan plan;
} xai_momentum;
/* Not thread-safe (FFTW plans). */
int xai_momentum_new(xai_momentum **m, nn_shape shape, int lanes, err *e);
void xai_momentum_free(xai_momentum *m);
/* x and R (positions, channels, S) -> to (momenta, channels, S), momenta in the order of the positions, R_{-k} = R_k.
 * lost (S), may be NULL: what the stabiliser epsilon took, sum_t R_t - sum_k R_k; with epsilon = 0 only numbers x = 0
 * lose theirs. */
void xai_momentum_relevance(xai_momentum *m, const nn_real *x, const nn_real *R, double epsilon, double *to,
                            double *lost);

#endif

/* scalar_fourier.h: Fourier acceleration: mode p gets the kinetic energy |pi_p|^2 / (2 w_p) with
 *   w_p = 4 |kappa| sum_mu (1 - s cos p_mu) + stiffness,   s = sign of kappa,
 * so that slow and fast modes of a free field turn at one rate: w_p is its force constant for stiffness
 * 2 (1 - 2 d |kappa|), and a quarter period is tau = pi/2. Local; the grid must be whole. */
#ifndef SAMPLERS_SCALAR_FOURIER_H
#define SAMPLERS_SCALAR_FOURIER_H

#include <fftw3.h>

#include "lattice/scalar.h"

typedef struct scalar_fourier {
  const scalar_grid *g;
  fftw_plan forward, backward;
  fftw_complex *mode; /* (modes) */
  double *cosines;    /* (modes) sum_mu cos p_mu */
  long modes;
} scalar_fourier;

/* Plans are estimated, not measured: the bits are the same in every run. One thread at a time may call this. */
int scalar_fourier_new(scalar_fourier **out, const scalar_grid *g, err *e);
void scalar_fourier_free(scalar_fourier *f);
/* out = w^power v; fields. */
void scalar_fourier_apply(const scalar_fourier *f, double kappa, double stiffness, double power, const double *v,
                          double *out);

#endif

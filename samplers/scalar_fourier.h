/* scalar_fourier.h: Fourier acceleration: mode p gets the kinetic energy |pi_p|^2 / (2 w_p) with
 *   w_p = 4 |kappa| sum_mu (1 - s cos p_mu) + stiffness,   s = sign of kappa,
 * so that slow and fast modes of a free field turn at one rate: w_p is its force constant for stiffness
 * 2 (1 - 2 d |kappa|), and a quarter period is tau = pi/2.
 * Transforms are taken plane by plane (FFTW, real to complex), turned round, then along time, one line after the other:
 * slabs and whole lattices have the same bits. Local where the grid is whole, else collective. */
#ifndef SAMPLERS_SCALAR_FOURIER_H
#define SAMPLERS_SCALAR_FOURIER_H

#include <fftw3.h>

#include "lattice/scalar.h"

typedef struct scalar_fourier {
  const scalar_grid *g;
  fftw_plan plane, back, line, line_back; /* of one plane and of one line, in the room below */
  double *real;                           /* (plane) room */
  fftw_complex *wave, *time;              /* (modes), (side[0]) room */
  int modes, first, end;                  /* of a plane; first..end-1 are worked on here */
  fftw_complex *planes;                   /* (planes, modes), ordered by the rank that works on the modes */
  fftw_complex *lines;                    /* (end - first, side[0]) */
  fftw_complex *mail;                     /* slabs: the same in the order of arrival */
  size_t *out, *in;                       /* slabs: bytes for and from each rank */
  double *cosines, *time_cosines;         /* (modes) sum of cos p_mu over the directions of a plane; (side[0]) */
} scalar_fourier;

/* Plans are estimated, not measured: the bits are the same in every run. One thread at a time may call this. */
int scalar_fourier_new(scalar_fourier **out, const scalar_grid *g, err *e);
void scalar_fourier_free(scalar_fourier *f);
/* out = w^power v; fields, nothing beyond is read or written. */
void scalar_fourier_apply(const scalar_fourier *f, double kappa, double stiffness, double power, const double *v,
                          double *out);

#endif

/* hippo.h: the state matrices that structured state space layers start from. All real parts are negative; of each pair
 * of conjugate modes the one with positive imaginary part is kept, so n modes make 2n real numbers of state and
 *   x' = A x + b u,  y = 2 Re sum_modes c x.
 * Local; doubles in both builds. */
#ifndef NN_HIPPO_H
#define NN_HIPPO_H

#include <complex.h>

#include "base/err.h"

/* HiPPO-LegS of 2n states as normal plus rank one: A = V (diag(-1/2 + i w) - p p^H) V^H, B = V b (Gu et al. 2020,
 * 2022). w ascending; the phases of V make b positive. w, b, p: (n); b and p may be NULL. */
int nn_hippo_legs(int n, double *w, double complex *b, double complex *p, err *e);

/* Starts of the diagonal layers (Gu, Gupta, Goel, Re 2022): a and b (n). */
typedef enum { NN_S4D_LIN, NN_S4D_INV, NN_S4D_LEGS } nn_s4d_start;
int nn_hippo_diagonal(nn_s4d_start start, int n, double complex *a, double complex *b, err *e);

/* The bilinear rule with step dt for the normal plus rank one system: real numbers of state are the real parts of the n
 * modes, then the imaginary ones. Z (2n, 2n): x <- Z x + B u; B (2n). */
int nn_hippo_bilinear(int n, const double *w, const double complex *b, const double complex *p, double dt, double *Z,
                      double *B, err *e);

/* Zero-order hold of one diagonal mode with step dt: x <- z x + phi b u, z = e^(dt a), phi = (z - 1)/a; and what
 * gradients of ln z and phi mean for a and ln dt. A gradient of a complex number is dL/dRe + i dL/dIm. */
typedef struct nn_zoh {
  double complex a, z, phi;
  double dt;
} nn_zoh;
nn_zoh nn_zoh_of(double complex a, double dt);
void nn_zoh_back(const nn_zoh *q, double complex dlog, double complex dphi, double complex *da, double *dlog_dt);

/* Time step of channel h of H: spread evenly in its logarithm. */
double nn_hippo_dt(double least, double most, int h, int H);

#endif

/* eit_exact.h: exact voltages on a disk (per unit height): radius R, conductivity sigma0, concentric inclusion of
 * radius rho R and conductivity sigma1. Electrodes at theta_l = 2 pi l/n of half angle alpha. Local. */
#ifndef SIGNALS_EIT_EXACT_H
#define SIGNALS_EIT_EXACT_H

#include "base/err.h"

typedef struct eit_disk {
  double R, sigma0, rho, sigma1; /* m, S/m, fraction of R (0: homogeneous), S/m */
} eit_disk;

/* Potential cos(k theta) coefficient on the boundary for the current density cos(k theta): the Neumann-to-Dirichlet
 * map. */
double eit_exact_trig(const eit_disk *d, int k);

/* U (n), sum 0, for currents (n), sum 0, in A per unit height: constant current density under the electrodes, averaged
 * potential. ERR_RUN: a sum that is not 0, no memory. */
int eit_exact_gap(const eit_disk *d, int n, double alpha, const double *current, double *U, err *e);

/* Complete electrode model with contact impedance z (Ohm m), the same for all: the current density under an electrode
 * is expanded in `terms` Legendre polynomials (10: 1e-8 at z sigma0/R >= .1; more for smaller z). */
int eit_exact_complete(const eit_disk *d, int n, double alpha, double z, int terms, const double *current, double *U,
                       err *e);

/* Point electrodes on the homogeneous disk: U_k - U_l for the current I from p to q, all different; closed form. */
double eit_exact_point(const eit_disk *d, double theta_p, double theta_q, double theta_k, double theta_l);

#endif

/* exact_trotter.h: exact references for Heisenberg chains, each in its own file with equation and source: at a finite
 * Trotter number, and free of Trotter error. All local and serial; per site and in units of S (trotter.h). They need
 * beta > 0, and fail with ERR_RUN and one sentence where a method does not apply. */
#ifndef LATTICE_EXACT_TROTTER_H
#define LATTICE_EXACT_TROTTER_H

#include "base/rng.h"
#include "lattice/trotter.h"

/* ---- at finite m, at t->beta where no beta is given ---- */

/* All 2^(mN+1) configurations, mN <= 23. */
int exact_trotter_enumerate(chain_thermo *x, const trotter *t, err *e);
/* Transfer matrix along the longer side of the lattice, the shorter one <= 16 spins: applied gate by gate to one vector
 * per class of start states, with exact derivatives. Below a second up to 12 spins; N = 32, 2m = 16 takes some ten
 * seconds for K- = 0, several times that otherwise. Twice as many layers cost twice the time. */
int exact_trotter(chain_thermo *x, const trotter *t, double beta, err *e);
bool exact_trotter_applies(const trotter *t);
/* Leading eigenvalue of the column matrix by power iteration: N -> infinity at the 2m of t (<= 20), whatever its number
 * of sites; lnZ per site. x[n] at beta[n]. Up to eight temperatures cost as much as one: a second at 2m = 18. */
int exact_trotter_infinite(chain_thermo *x, const trotter *t, int n, const double *beta, err *e);

/* Independent configurations with exactly the Boltzmann weight, for lattices of exact_trotter. */
typedef struct exact_sampler exact_sampler;
int exact_sampler_new(exact_sampler **out, const trotter *t, err *e); /* t must outlive it */
void exact_sampler_free(exact_sampler *a);
double exact_sampler_lnZ(const exact_sampler *a);
/* s (n, t->n): configurations number first .. first + n - 1 of a stream: functions of r and their number alone. Draws
 * are sorted by their first layer: ask for many at once. */
int exact_sampler_draw(exact_sampler *a, rng r, uint64_t first, int n, int8_t *s, err *e);

/* ---- without Trotter error: J = {Jx, Jy, Jz} ---- */

/* Full diagonalisation of a ring of 3 to 16 sites (14 if Jx differs from Jy) in sectors of Sz (parity of the number of
 * down spins) and momentum: x[n] at beta[n] from one diagonalisation. Below a second up to 12 sites, 16 sites take
 * seconds (with one BLAS thread). */
int exact_chain(chain_thermo *x, int sites, const double J[3], double field, int n, const double *beta, err *e);
/* Free fermions, Jz = 0, even number of sites; any field along z, any temperature. O(sites). */
int exact_xy(chain_thermo *x, int sites, double Jx, double Jy, double field, double beta, err *e);
/* Its limit of infinite length, by quadrature. */
int exact_xy_infinite(chain_thermo *x, double Jx, double Jy, double field, double beta, err *e);
/* The better of the two for the chain of t at n temperatures; *method is a static word. Returns 0 and x all NaN with
 * *method = NULL if none applies. */
int exact_chain_any(chain_thermo *x, const char **method, const trotter *t, int n, const double *beta, err *e);

#endif

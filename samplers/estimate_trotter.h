/* estimate_trotter.h: the thermodynamic set of a Trotterised Heisenberg chain for the estimators (analysis/quantum.h):
 * lnZ, f, e, c, s, m, chi, chi_st per site, and the totals E, CT2 = C T^2, chi_sigma; and one set of draws reweighted
 * to other temperatures (the couplings and the lattice stay). */
#ifndef SAMPLERS_ESTIMATE_TROTTER_H
#define SAMPLERS_ESTIMATE_TROTTER_H

#include "analysis/quantum.h"
#include "samplers/ar_trotter.h"
#include "samplers/estimate.h"

typedef struct estimate_trotter {
  estimate_model model;
  const trotter *t;
  trotter_weights at; /* at beta of q */
  quantum q;
  chain_thermo exact;
} estimate_trotter;

/* Local. t must outlive it; x: exact values at the same Trotter number, NaN where unknown. */
void estimate_trotter_open(estimate_trotter *o, const trotter *t, const chain_thermo *x);

#endif

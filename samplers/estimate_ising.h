/* estimate_ising.h: the thermodynamic set of an Ising model for the estimators, and the Markov chain of section `chain`
 * as reference. */
#ifndef SAMPLERS_ESTIMATE_ISING_H
#define SAMPLERS_ESTIMATE_ISING_H

#include "analysis/thermo.h"
#include "lattice/exact.h"
#include "samplers/chain.h"
#include "samplers/estimate.h"

typedef struct estimate_ising {
  estimate_model model; /* results also *.scan: one set of draws reweighted to each coupling of estimate.scan */
  const ising *m;
  thermo t;
  exact_ising x;
  thermo_point *point; /* (npoints) the scan of beta, owned */
  int npoints;
} estimate_ising;
/* Local. m must outlive it; x: exact values, NaN where unknown. */
void estimate_ising_open(estimate_ising *o, const ising *m, const exact_ising *x);
void estimate_ising_close(estimate_ising *o);

/* Results *.<tag> of the chain. Where no exact value is known it is the reference. Afterwards estimate.compare of its
 * configurations are weighed by the network. Collective. */
typedef struct reference reference;
int reference_new(reference **s, run *r, const ar *a, const estimate_ising *o, err *e);
void reference_free(reference *s);
int reference_run(reference *s, const nn_real *theta, const estimate_data *d, err *e);
/* Log weights of the configurations compared (n of them; rank 0). Local. */
const double *reference_weights(const reference *s, long *n);

#endif

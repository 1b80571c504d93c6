/* estimate.h: estimators with errors from draws of a network (NIS, NMCMC, the raw average) and from a Markov chain, as
 * results of a run named observable.estimator, each beside the exact value. All collective. */
#ifndef SAMPLERS_ESTIMATE_H
#define SAMPLERS_ESTIMATE_H

#include "analysis/thermo.h"
#include "lattice/exact.h"
#include "samplers/chain.h"
#include "samplers/draws.h"

typedef struct estimate_conf { long draws, nmcmc, compare; deck_reals scan; } estimate_conf;
extern const deck_key estimate_keys[]; /* section `estimate` */

/* What remains of the draws for figures (rank 0; NULL elsewhere). */
typedef struct estimate_data {
  long n;
  double *lw, *lnq, *E, *M, *Sk; /* (n) */
  int nexamples;
  int8_t *example;               /* (nexamples, sites) */
  int npoints;
  thermo_point *point;           /* (npoints) the scan of beta */
  long np;
  double *lwp;                   /* (np) log weights of configurations of the Markov chain */
} estimate_data;
void estimate_free(estimate_data *d);

/* Draws from the network and everything that follows from them: results *.raw, *.nis, *.nmcmc, *.scan, ess, pareto_k,
 * acceptance. x: exact values, NaN where unknown. */
int estimate_network(run *r, const ar *a, const nn_real *theta, const exact_ising *x, estimate_data *d, err *e);

/* The Markov chain of section `chain`: results *.<tag>. Where the exact value is unknown this is the reference. Afterwards
 * estimate.compare of its configurations are weighed by the network: bracket of lnZ and mode-drop ratio. */
int estimate_chain(run *r, const ar *a, const nn_real *theta, const exact_ising *x, estimate_data *d, err *e);

#endif

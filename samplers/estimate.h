/* estimate.h: estimators with errors from draws of a network (NIS, NMCMC, the raw average) and from a Markov chain, as
 * results of a run named observable.estimator, each beside the exact value. All collective. */
#ifndef SAMPLERS_ESTIMATE_H
#define SAMPLERS_ESTIMATE_H

#include "analysis/thermo.h"
#include "lattice/exact.h"
#include "samplers/chain.h"
#include "samplers/draws.h"

typedef struct estimate_conf {
  long draws, nmcmc, compare;
  deck_reals scan;
} estimate_conf;
extern const deck_key estimate_keys[]; /* section `estimate` */
/* Local: ERR_DECK where keys of the section contradict each other. */
int estimate_check(const deck *d, err *e);

/* Context of the thermodynamic functions for a model; exact energies only centre the sums. Local. */
thermo estimate_thermo(const ising *m, const exact_ising *x);

/* What the draws leave behind for figures and comparisons (rank 0; empty elsewhere). */
typedef struct estimate_data {
  long n;
  const double *lw, *lnq, *E, *M, *Sk; /* (n) */
  int nexamples;
  const int8_t *example; /* (nexamples, sites) */
  int npoints;
  const thermo_point *point; /* (npoints) the scan of beta */
  long np;
  const double *lwp; /* (np) log weights of configurations of the Markov chain */
} estimate_data;

/* Draws from the network and everything that follows from them: results *.raw, *.nis, *.nmcmc, *.scan, ess, pareto_k,
 * acceptance. All sums are owned by the run. x: exact values, NaN where unknown. */
typedef struct estimator estimator;
int estimator_new(estimator **s, run *r, const ar *a, const exact_ising *x, err *e);
void estimator_free(estimator *s);
/* The draws not made yet, then results. trained: steps behind theta; draws of another theta are thrown away. */
int estimator_run(estimator *s, const nn_real *theta, long trained, err *e);
estimate_data estimator_data(const estimator *s);

/* The Markov chain of section `chain`: results *.<tag>. Where no exact value is known it is the reference. Afterwards
 * estimate.compare of its configurations are weighed by the network: bracket of lnZ and mode-drop ratio. */
typedef struct reference reference;
int reference_new(reference **s, run *r, const ar *a, const exact_ising *x, err *e);
void reference_free(reference *s);
int reference_run(reference *s, const nn_real *theta, estimate_data *d, err *e);

#endif

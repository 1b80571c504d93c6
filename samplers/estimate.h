/* estimate.h: estimators with errors from draws of a network (NIS, NMCMC, the raw average) as results of a run named
 * observable.estimator, each beside the exact value; and the comparison with a Markov chain. What is estimated is a
 * descriptor (estimate_model) made by estimate_ising.h, estimate_trotter.h. All collective but where said. */
#ifndef SAMPLERS_ESTIMATE_H
#define SAMPLERS_ESTIMATE_H

#include "analysis/function.h"
#include "samplers/draws.h"

typedef struct estimate_conf {
  long draws, nmcmc, compare;
  deck_reals scan;
} estimate_conf;
extern const deck_key estimate_keys[]; /* section `estimate` */
/* Local: ERR_DECK where keys of the section contradict each other. */
int estimate_check(const deck *d, err *e);

enum { ESTIMATE_NOBS = 8, ESTIMATE_PRINTED = 16 };

/* One quantity that is printed: function number fn of the model. */
typedef struct estimate_quantity {
  int fn;
  const char *name, *unit, *description;
  bool needs_lnZ; /* the raw average and the plain chain do not know it */
  double exact;   /* NaN: unknown */
} estimate_quantity;

typedef struct estimate_data estimate_data;
typedef struct estimate_model {
  int nobs, ng; /* numbers of one draw behind ln q; observables whose means the functions take */
  void (*row)(const void *self, const double *obs, double *g);
  double (*lnw)(const void *self, const double *obs); /* ln weight of a whole configuration */
  int nfn;
  const stat_fn *const *fn;      /* (nfn) of x = (<g>, lnZ) */
  const void *ctx;               /* of the functions */
  int lnZ, free_energy, entropy; /* their numbers: whose errors' correlation is stored */
  int nprinted;
  estimate_quantity printed[ESTIMATE_PRINTED];
  /* Rank 0, after the other results: whatever else follows from the kept draws (scan of couplings); may be NULL. */
  int (*more)(void *self, run *r, const estimate_conf *c, const estimate_data *d, err *e);
  void *self; /* of row, lnw, more */
} estimate_model;

/* At most so many log weights go to run.h5, as series lnw.draws and lnw.chain. */
enum { ESTIMATE_WEIGHTS = 100000 };

/* What the draws leave behind for figures and comparisons (rank 0; empty elsewhere). */
struct estimate_data {
  long n;
  const double *lw, *lnq, *obs[ESTIMATE_NOBS]; /* (n) */
  int nexamples;
  const int8_t *example; /* (nexamples, sites) */
};

/* Draws from the network and everything that follows from them: results *.raw, *.nis, *.nmcmc, ess, pareto_k,
 * acceptance. All sums are owned by the run. m must outlive it. */
typedef struct estimator estimator;
int estimator_new(estimator **s, run *r, const ar *a, const estimate_model *m, err *e);
void estimator_free(estimator *s);
/* The draws not made yet, then results. trained: steps behind theta; draws of another theta are thrown away. */
int estimator_run(estimator *s, const nn_real *theta, long trained, err *e);
estimate_data estimator_data(const estimator *s);

/* n configurations s (n, sites) of a Markov chain, equal on all ranks, weighed by the network: lw (n, out), and results
 * lnZ_bridge, lnZ_upper, mode_ratio (bracket of lnZ and share of p that q covers). n a multiple of the lanes. */
int estimate_compare(run *r, const ar *a, const nn_real *theta, const estimate_data *d, long n, const int8_t *s,
                     double exact_lnZ, double *lw, err *e);

/* Local, rank 0: one dimensionless number. NaN: unknown. */
int estimate_number(run *r, const char *name, double value, double error, double exact, const char *text, err *e);
/* The same: a quantity along estimate.scan. value, error, exact (beta->n). */
int estimate_scan(run *r, const char *name, const char *unit, const deck_reals *beta, const double *value,
                  const double *error, const double *exact, err *e);

#endif

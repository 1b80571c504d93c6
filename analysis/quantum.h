/* quantum.h: the thermodynamic set of a quantum chain from the moments of its Suzuki-Trotter lattice, where the weight
 * W depends on beta through every plaquette: energy and specific heat follow from F = -d lnW/d beta and G = dF/d beta.
 * Importance samples (importance.h) and Markov chains (gamma.h) use the same functions of
 *   x = (<g_0> .. <g_6>, lnZ)   with g as below.
 * Beside it stands thermo.h, the same for a classical system, where F is the energy and G = 0. F, G, M extensive, spins
 * in units of S; results per site unless they are named total. Local, serial. */
#ifndef ANALYSIS_QUANTUM_H
#define ANALYSIS_QUANTUM_H

#include "analysis/thermo.h"

/* Observables g of one configuration, all per site and of order one. */
enum {
  QUANTUM_F,    /* (F - F0)/N                           */
  QUANTUM_F2,   /* its square                           */
  QUANTUM_G,    /* G/N                                  */
  QUANTUM_M,    /* M/N                                  */
  QUANTUM_M2,   /* (M/N)^2                              */
  QUANTUM_MST,  /* Mst/N, the staggered magnetisation   */
  QUANTUM_MST2, /* its square                           */
  QUANTUM_NG
};

typedef struct quantum { /* context of the functions */
  double beta;
  double sites; /* N                                                                                   */
  double F0;    /* any constant near <F> (0 will do): keeps digits of c on very large lattices          */
} quantum;

enum {                   /* results */
       QUANTUM_LNZ,      /* lnZ, total                                                              */
       QUANTUM_f,        /* -lnZ/(beta N)                                                           */
       QUANTUM_e,        /* <F>/N                                                                   */
       QUANTUM_c,        /* beta^2 (<F^2> - <F>^2 - <G>)/N                                          */
       QUANTUM_s,        /* beta (e - f)                                                            */
       QUANTUM_m,        /* <M>/N                                                                   */
       QUANTUM_chi,      /* beta (<M^2> - <M>^2)/N                                                  */
       QUANTUM_chi_st,   /* beta <Mst^2>/N: <Mst> = 0, as a translation by one site changes its sign */
       QUANTUM_E,        /* <F>, total                                                              */
       QUANTUM_CT2,      /* <F^2> - <F>^2 - <G>: C T^2, total                                       */
       QUANTUM_CHISIGMA, /* 4 N chi: the susceptibility of sum sigma, total                         */
       QUANTUM_COUNT
};
extern const thermo_quantity quantum_quantities[QUANTUM_COUNT]; /* ctx of their functions: a quantum */
extern const stat_fn *const quantum_functions[QUANTUM_COUNT];   /* the same, to be handed to estimators */

/* g of one configuration. */
void quantum_row(const quantum *t, double F, double G, double M, double Mst, double g[QUANTUM_NG]);

/* From an accumulator over g (k = QUANTUM_NG): v[QUANTUM_COUNT], cov (QUANTUM_COUNT, QUANTUM_COUNT) or NULL. */
int quantum_estimate(const quantum *t, const importance *a, stat_value *v, double *cov, err *e);

/* From a Markov chain at t->beta: replicas of rows g (gamma.h). Quantities that need lnZ become NaN.
 * r[QUANTUM_COUNT]. */
int quantum_chain(const quantum *t, const gamma_data *d, gamma_result *r, err *e);

#endif

/* thermo.h: the standard thermodynamic set of a spin system from the moments of energy and magnetisation: importance
 * samples (importance.h), Markov chains (gamma.h) and bridged chains (bridge.h) use the same functions of
 *   x = (<g_0> .. <g_6>, lnZ)   with g as below.
 * H, M extensive; results per site unless they are named total. Local, serial. */
#ifndef ANALYSIS_THERMO_H
#define ANALYSIS_THERMO_H

#include "analysis/gamma.h"
#include "analysis/importance.h"

/* Observables g of one configuration, all per site and of order one. */
enum {
  THERMO_E,    /* (H - H0)/N                                             */
  THERMO_E2,   /* its square                                             */
  THERMO_M,    /* M/N                                                    */
  THERMO_ABSM, /* |M|/N                                                  */
  THERMO_M2,   /* (M/N)^2                                                */
  THERMO_M4,   /* (M/N)^4                                                */
  THERMO_SK,   /* |sum_x s_x exp(i k x)|^2/N^2 at k = 2 pi/L             */
  THERMO_NG
};

typedef struct thermo { /* context of the functions */
  double beta;
  double sites;  /* N                                                                                       */
  double length; /* L of xi; 0 where the lattice has no wave vector: xi is NaN                               */
  double H0;     /* any constant near <H> (0 will do): keeps digits of c on very large lattices             */
} thermo;

enum {               /* results */
       THERMO_LNZ,   /* lnZ, total                                                                  */
       THERMO_FREE,  /* F = -lnZ/beta, total (NaN at beta = 0)                                      */
       THERMO_f,     /* F/N                                                                         */
       THERMO_e,     /* <H>/N                                                                       */
       THERMO_c,     /* beta^2 (<H^2> - <H>^2)/N                                                    */
       THERMO_S,     /* S = beta <H> + lnZ, total                                                   */
       THERMO_s,     /* S/N                                                                         */
       THERMO_m,     /* <M>/N                                                                       */
       THERMO_m_abs, /* <|M|>/N                                                                    */
       THERMO_chi,   /* beta N (<m^2> - <|m|>^2)                                                    */
       THERMO_U,     /* Binder cumulant 1 - <m^4>/(3 <m^2>^2)                                       */
       THERMO_xi,    /* second-moment correlation length sqrt(<M^2>/<S_k> - 1)/(2 sin(pi/L)), in lattice spacings */
       THERMO_COUNT
};

typedef struct thermo_quantity {
  stat_fn fn;       /* ctx: a thermo */
  const char *unit; /* "J", "J^-1" or "1" (k_B = 1) */
  const char *description;
  int needs_lnZ;
} thermo_quantity;
extern const thermo_quantity thermo_quantities[THERMO_COUNT];
extern const stat_fn *const thermo_functions[THERMO_COUNT]; /* the same, to be handed to estimators */

/* g of one configuration. E = H(s), M = sum s, Sk = |sum s exp(ikx)|^2 (0 if there is none). */
void thermo_row(const thermo *t, double E, double M, double Sk, double g[THERMO_NG]);

/* From an accumulator over g (k = THERMO_NG): v[THERMO_COUNT], cov (THERMO_COUNT, THERMO_COUNT) or NULL: with entry
 * (FREE, S) the covariance of free energy and entropy from the same draws. */
int thermo_estimate(const thermo *t, const importance *a, stat_value *v, double *cov, err *e);

/* From a Markov chain at t->beta: replicas of rows g (gamma.h). Quantities that need lnZ become NaN.
 * r[THERMO_COUNT]. */
int thermo_chain(const thermo *t, const gamma_data *d, gamma_result *r, err *e);

/* ---- a whole scan of beta from one sample set ---- */
/* lnq[i] is the log density of the FULL configuration i that was drawn. Beware of the exact half lattice: when
 * sublattice B was drawn by heat bath at beta given A, pass lnq = ln q_A(s_A) + ln p_beta(s_B|s_A); the shorter weight
 * sum ln 2cosh(beta h) - ln q_A is right only at the coupling beta of the draw. Arrays of n, not owned. */
typedef struct thermo_sample {
  long n;
  const double *lnq, *E, *M, *Sk; /* Sk may be NULL */
} thermo_sample;

typedef struct thermo_point {
  double beta, ess, pareto_k;
  stat_verdict verdict; /* STAT_REFUSE: print v without errors */
  char reason[120];
  stat_value v[THERMO_COUNT];
} thermo_point;

/* t: beta is replaced by each of beta[nbeta]. The points of one scan share their samples and are correlated.
 * out[nbeta]. ERR_RUN: NaN among the data, no memory. */
int thermo_scan(const thermo *t, const thermo_sample *s, int nbeta, const double *beta, thermo_point *out, err *e);

#endif

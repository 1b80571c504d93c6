/* hmc.h: molecular dynamics of H = pi^2/2 + S(phi) for any system: symplectic, reversible integrators as a table,
 * nested for forces of different cost. One step of a scheme over eps is the palindrome B(b_0 eps) A(a_0 eps) B(b_1 eps)
 * ... A(a_{k-1} eps) B(b_k eps),   B: pi += F t,  A: phi += pi t, neighbouring B of two steps are joined. Local unless
 * the system's own functions are collective. */
#ifndef SAMPLERS_HMC_H
#define SAMPLERS_HMC_H

#include "base/deck.h"

enum { HMC_STAGES = 5 };

typedef struct hmc_scheme { /* one file or entry per member: hmc.c */
  const char *name, *help;
  int order, stages;                              /* stages: drifts of a step = forces of a step */
  double kick[HMC_STAGES + 1], drift[HMC_STAGES]; /* b and a; each adds up to one */
} hmc_scheme;

/* leapfrog, omelyan2 (Omelyan, Mryglod and Folk 2003; lambda = 0.1931833275037836), omf4 (the same, order 4 with five
 * forces, 4MN5FV); a name NULL ends it. */
extern const hmc_scheme hmc_schemes[];
#define HMC_WORDS "leapfrog|omelyan2|omf4" /* their names, for DECK_WORD */

typedef struct hmc_system {
  void *self;
  void (*kick)(void *self, int level, double t); /* pi += F_level t; level 0 is the dearest force */
  void (*drift)(void *self, double t);
  void (*kick_drift)(void *self, int level, double kick, double drift); /* both at once; NULL: one by one */
} hmc_system;

typedef struct hmc_level { /* how a force is integrated: steps per drift of the level before (level 0: per trajectory)
                            */
  const hmc_scheme *scheme;
  int steps;
} hmc_level;

/* Follows the equations of motion for time tau, with `levels` nested levels. */
void hmc_evolve(const hmc_system *s, int levels, const hmc_level *level, double tau);

#endif

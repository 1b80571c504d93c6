/* hmc.c: integrators of molecular dynamics (see hmc.h). Coefficients: Omelyan, Mryglod and Folk, Comput. Phys. Commun.
 * 151 (2003) 272, minimal-norm schemes. */
#include "samplers/hmc.h"

#define OMELYAN 0.1931833275037836
#define B1 0.08398315262876693
#define B2 0.6822365335719091
#define A1 0.2539785108410595
#define A2 (-0.03230286765269967)

const hmc_scheme hmc_schemes[] = {
    {"leapfrog", "second order, one force a step", 2, 1, {.5, .5}, {1}},
    {"omelyan2",
     "second order with minimal error, two forces a step",
     2,
     2,
     {OMELYAN, 1 - 2 * OMELYAN, OMELYAN},
     {.5, .5}},
    {"omf4",
     "fourth order, five forces a step",
     4,
     5,
     {B1, B2, .5 - B1 - B2, .5 - B1 - B2, B2, B1},
     {A1, A2, 1 - 2 * (A1 + A2), A2, A1}},
    {0},
};

typedef struct motion {
  const hmc_system *s;
  int levels;
  const hmc_level *level;
} motion;

static void evolve(const motion *m, int at, double tau);

/* A kick of level `at` and what moves the system until the next. */
static void kick_drift(const motion *m, int at, double kick, double drift) {
  bool last = at + 1 == m->levels;
  if (last && m->s->kick_drift) {
    m->s->kick_drift(m->s->self, at, kick, drift);
    return;
  }
  m->s->kick(m->s->self, at, kick);
  evolve(m, at + 1, drift);
}

static void evolve(const motion *m, int at, double tau) {
  if (at == m->levels) {
    m->s->drift(m->s->self, tau);
    return;
  }
  const hmc_scheme *k = m->level[at].scheme;
  double eps = tau / m->level[at].steps, kick = k->kick[0];
  for (int step = 0; step < m->level[at].steps; step++) {
    for (int i = 0; i < k->stages; i++) {
      kick_drift(m, at, kick * eps, k->drift[i] * eps);
      kick = k->kick[i + 1];
    }
    kick += k->kick[0]; /* the next step begins where this one ends */
  }
  m->s->kick(m->s->self, at, k->kick[k->stages] * eps);
}

void hmc_evolve(const hmc_system *s, int levels, const hmc_level *level, double tau) {
  evolve(&(motion){s, levels, level}, 0, tau);
}

/* scalar_wolff.c: the signs of the field as an embedded Ising model (Brower and Tamayo, Phys. Rev. Lett. 62 (1989)
 * 1087): from a random site a cluster grows over bonds with kappa phi_n phi_m > 0, each taken with chance
 * 1 - exp(-4 kappa phi_n phi_m), and its signs are turned (Wolff 1989); Metropolis sweeps move the moduli. A step is
 * `sweeps` of these, then a number of clusters fixed in advance: a key, or settled in thermalisation so that about as
 * many sites are turned as the lattice has. Even sides: a turned site is told from one that may still join by
 * kappa phi_n phi_m alone. */
#include <math.h>
#include <stdlib.h>

#include "samplers/scalar_metropolis.h"

typedef struct wolff_conf {
  scalar_sweep_conf sweep; /* first: SCALAR_SWEEP_KEYS */
  long clusters;
} wolff_conf;

static const deck_key keys[] = {
    SCALAR_SWEEP_KEYS("3"),
    {.name = "clusters",
     .type = DECK_INT,
     .at = offsetof(wolff_conf, clusters),
     .def = "0",
     .min = 0,
     .max = 1e6,
     .help = "of a step; 0: settled in thermalisation"},
    {0},
};

enum { MOST = 2000 }; /* clusters of a step */

typedef struct wolff {
  scalar_sweeper *sweeper;
  int *near;  /* (n, 2d) sites next to a site */
  int *stack; /* (n + 1) */
} wolff;

static void fill(const scalar_grid *g, int *near) {
  for (long i = 0; i < g->n; i++) {
    long stride = 1, rest = i;
    for (int k = g->d - 1; k >= 0; stride *= g->side[k], k--) {
      long L = g->side[k], x = rest % L;
      rest /= L;
      *near++ = (int)(i + ((x + 1) % L - x) * stride), *near++ = (int)(i + ((x + L - 1) % L - x) * stride);
    }
  }
}

static int init(scalar_mover *w, err *e) {
  const scalar_grid *g = w->g;
  if (g->ranks) return err_set(e, ERR_DECK, "clusters need whole lattices: layout chains, not slabs");
  wolff *a = w->self = calloc(1, sizeof *a);
  if (!a) return err_set(e, ERR_RUN, "out of memory");
  if (scalar_sweeper_new(&a->sweeper, w, e)) return e->code;
  a->near = malloc((size_t)g->n * 2 * (size_t)g->d * sizeof *a->near);
  a->stack = malloc(((size_t)g->n + 1) * sizeof *a->stack);
  if (!a->near || !a->stack) return err_set(e, ERR_RUN, "out of memory");
  fill(g, a->near);
  return 0;
}

static void done(scalar_mover *w) {
  wolff *a = w->self;
  if (!a) return;
  scalar_sweeper_free(w->g, a->sweeper);
  free(a->near), free(a->stack), free(a);
}

/* x < 0 and u >= exp(x); most answers follow from 1 + x <= exp(x) <= 1 + x + x^2/2. */
static inline bool joins(double x, double u) {
  double low = 1 + x;
  bool yes = (x < 0) & (u >= low);
  if (__builtin_expect(yes & (u < low + x * x / 2), 0)) yes = u >= exp(x);
  return yes;
}

/* Turns one cluster, returns its size. */
static long turn(const wolff *a, const scalar_grid *g, double kappa, double *phi, rng_fast *r) {
  int degree = 2 * g->d;
  long size = 1, depth = 1;
  a->stack[0] = (int)((unsigned __int128)rng_fast_next(r) * (unsigned long)g->n >> 64);
  phi[a->stack[0]] = -phi[a->stack[0]];
  while (depth) {
    int i = a->stack[--depth];
    double pull = 4 * kappa * phi[i]; /* already turned: - (4 kappa phi_n) */
    for (int k = 0; k < degree; k++) {
      int j = a->near[(long)i * degree + k];
      bool yes = joins(pull * phi[j], rng_fast_double(r));
      phi[j] = yes ? -phi[j] : phi[j]; /* no branch on the random number */
      a->stack[depth] = j;
      depth += yes, size += yes;
    }
  }
  return size;
}

static int step(scalar_mover *w, scalar_chain *c, bool thermalise, err *e) {
  const wolff_conf *conf = (const wolff_conf *)w->conf;
  wolff *a = w->self;
  double *state = c->state, turned = 0;
  scalar_sweep(w, a->sweeper, c, &conf->sweep, thermalise);
  if (!state[SCALAR_CLUSTERS]) state[SCALAR_CLUSTERS] = conf->clusters ? (double)conf->clusters : 1;
  rng_fast r = rng_fast_seed(w->decide, scalar_index(c, 0), (uint32_t)state[SCALAR_STEPS], 0);
  long n = lround(state[SCALAR_CLUSTERS]);
  for (long k = 0; k < n; k++) turned += (double)turn(a, w->g, c->m.action.kappa, c->phi, &r);
  if (thermalise && !conf->clusters) { /* towards n / mean size: a running mean of the logarithm */
    double aim = (double)w->g->n * (double)n / turned, gain = fmax(.02, 1 / sqrt(state[SCALAR_STEPS]));
    state[SCALAR_CLUSTERS] = fmin(fmax(state[SCALAR_CLUSTERS] * pow(aim / state[SCALAR_CLUSTERS], gain), 1), MOST);
  }
  return 0;
}

const scalar_update scalar_wolff = {
    .kind = {"wolff", "clusters of signs and Metropolis sweeps, no fermions", keys},
    .conf_size = sizeof(wolff_conf),
    .init = init,
    .done = done,
    .step = step,
};

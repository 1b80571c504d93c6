/* ar_ising.c: see ar_ising.h.
 *   ln w = beta (sum_drawn J s s + h s) + sum_left-out ln 2cosh(beta (h_i + sum_j J_ij s_j)) */
#include "samplers/ar_ising.h"

#include <math.h>
#include <stdlib.h>

#include "nn/elementwise.h"
#include "samplers/chain.h"

typedef struct draw_conf {
  ar_conf common;
  bool heat_bath;
} draw_conf;
#define COMMON(member) (offsetof(draw_conf, common) + offsetof(ar_conf, member))
const deck_key ar_ising_keys[] = {
    {"heat_bath", DECK_BOOL, offsetof(draw_conf, heat_bath), "true",
     .help = "draw an independent set of sites (odd sublattice) exactly, given the network's spins"},
    {"symmetry", DECK_WORD, COMMON(symmetry), "none", .words = symmetry_ising_words,
     .help = "average the density over this group (a pass per element; z2 is idle where a network is odd)"},
    {"gauge", DECK_BOOL, COMMON(gauge), "false", .help = "exact Z2 by drawing s_i s_0 and a global flip"},
    {"lanes", DECK_INT, COMMON(lanes), "64", 1, 1024, .help = "samples per shard (S): 1, 8, 16, 32, ... 1024"},
    {0},
};

typedef struct self {
  const ising *m;
  order *o;
  /* energy of drawn spins: bonds between two of them, and for left-out sites their neighbours */
  int nbonds, (*bond)[2];
  double *bond_J;
  int *rest_start, *rest_position;
  double *rest_J;
} self;

static int target_lists(self *a) {
  const lattice *l = a->m->lat;
  const order *o = a->o;
  a->bond = malloc(((size_t)l->nbonds + 1) * sizeof *a->bond);
  a->bond_J = malloc(((size_t)l->nbonds + 1) * sizeof *a->bond_J);
  a->rest_start = calloc((size_t)o->nrest + 1, sizeof *a->rest_start);
  a->rest_position = malloc((2 * (size_t)l->nbonds + 1) * sizeof *a->rest_position);
  a->rest_J = malloc((2 * (size_t)l->nbonds + 1) * sizeof *a->rest_J);
  if (!a->bond || !a->bond_J || !a->rest_start || !a->rest_position || !a->rest_J) return 1;
  for (int b = 0; b < l->nbonds; b++) {
    int p = o->position[l->bond[b][0]], q = o->position[l->bond[b][1]];
    if (p < 0 || q < 0) continue;
    a->bond[a->nbonds][0] = p, a->bond[a->nbonds][1] = q;
    a->bond_J[a->nbonds++] = a->m->J[b];
  }
  for (int k = 0, at = 0; k < o->nrest; k++) {
    for (int i = l->start[o->rest[k]]; i < l->start[o->rest[k] + 1]; i++, at++) {
      a->rest_position[at] = o->position[l->neighbour[i]];
      a->rest_J[at] = a->m->J[l->via[i]];
    }
    a->rest_start[k + 1] = at;
  }
  return 0;
}

static void release(void *p) {
  self *a = p;
  order_free(a->o);
  free(a->bond), free(a->bond_J), free(a->rest_start), free(a->rest_position), free(a->rest_J);
  free(a);
}

/* local field of left-out site k, times beta */
static void rest_field(const self *a, const nn_real *x, int k, double beta, int S, double *field) {
  double h = a->m->h ? a->m->h[a->o->rest[k]] : 0;
  for (int i = 0; i < S; i++) field[i] = beta * h;
  for (int q = a->rest_start[k]; q < a->rest_start[k + 1]; q++) {
    const nn_real *s = x + (size_t)a->rest_position[q] * S;
    double J = beta * a->rest_J[q];
    for (int i = 0; i < S; i++) field[i] += J * (double)s[i];
  }
}

static void target(const void *p, const nn_real *x, double beta, int S, double *lnw, double *tmp) {
  const self *a = p;
  for (int i = 0; i < S; i++) lnw[i] = 0;
  for (int b = 0; b < a->nbonds; b++) {
    const nn_real *s = x + (size_t)a->bond[b][0] * S, *q = x + (size_t)a->bond[b][1] * S;
    double J = beta * a->bond_J[b];
    for (int i = 0; i < S; i++) lnw[i] += J * (double)(s[i] * q[i]);
  }
  for (int t = 0; t < a->o->n && a->m->h; t++) {
    const nn_real *s = x + (size_t)t * S;
    for (int i = 0; i < S; i++) lnw[i] += beta * a->m->h[a->o->site[t]] * (double)s[i];
  }
  for (int k = 0; k < a->o->nrest; k++) {
    rest_field(a, x, k, beta, S, tmp);
    nn_log_2cosh(S, tmp, tmp + S);
    for (int i = 0; i < S; i++) lnw[i] += tmp[S + i];
  }
}

/* Left-out spin k of every lane by heat bath: p(s = +1) = sigma(2 beta h), adds its ln p. */
static void heat_bath(const self *a, const nn_real *x, int k, double beta, rng r, uint64_t first, unsigned step, int S,
                      int8_t *s, double *lnq) {
  int N = a->m->lat->n, site = a->o->rest[k];
  for (int i = 0; i < S; i++) {
    double h = a->m->h ? a->m->h[site] : 0;
    for (int q = a->rest_start[k]; q < a->rest_start[k + 1]; q++)
      h += a->rest_J[q] * (double)x[(size_t)a->rest_position[q] * S + i];
    double u = rng_uniform(r, first + (uint64_t)i, step, (unsigned)(a->o->n + k));
    bool up = u < 1 / (1 + exp(-2 * beta * h));
    s[(size_t)i * N + site] = up ? 1 : -1;
    lnq[i] -= log1p(exp(up ? -2 * beta * h : 2 * beta * h));
  }
}

static void rest(const void *p, const nn_real *x, double beta, rng r, uint64_t first, unsigned step, int S, int8_t *s,
                 double *lnq) {
  const self *a = p;
  for (int k = 0; k < a->o->nrest; k++) heat_bath(a, x, k, beta, r, first, step, S, s, lnq);
}

static void measure(const void *p, const int8_t *s, double *obs) {
  ising_measure(((const self *)p)->m, s, obs);
}

static int replicas_of(const void *p, replica_set *out, const char *name, int total, const deck *d, const comm *c,
                       uint32_t seed, err *e) {
  return chain_replicas(out, d, name, total, ((const self *)p)->m, c, seed, e);
}

static const ar_model ising_model = {.name = "ising",
                                     .nobs = ISING_NOBS,
                                     .free = release,
                                     .target = target,
                                     .rest = rest,
                                     .measure = measure,
                                     .chain = replicas_of};

int ar_ising_new(ar **out, const ising *m, const deck *d, err *e) {
  ar *a = *out = calloc(1, sizeof *a);
  self *p = calloc(1, sizeof *p);
  draw_conf c;
  if (!a || !p) {
    free(p);
    return err_set(e, ERR_RUN, "proposal: out of memory");
  }
  deck_get(d, "draw", ar_ising_keys, &c);
  p->m = m;
  *a = (ar){.model = &ising_model, .self = p, .sites = m->lat->n, .beta = m->beta, .conf = c.common};
  if (c.common.gauge && m->h)
    return err_set(e, ERR_DECK, "%s: draw.gauge: needs a model without field", deck_where(d, "draw", "gauge"));
  if (order_new(&p->o, m, c.heat_bath, e)) return err_context(e, "%s: lattice", deck_where(d, "lattice", "kind"));
  if (target_lists(p)) return err_set(e, ERR_RUN, "proposal: out of memory");
  a->causal = &p->o->causal, a->n = p->o->n, a->site = p->o->site;
  if (symmetry_ising(&a->g, c.common.symmetry, m, p->o, e))
    return err_context(e, "%s", deck_where(d, "draw", "symmetry"));
  return ar_finish(a, d, e);
}

const ising *ar_ising_model(const ar *a) {
  return ((const self *)a->self)->m;
}
const order *ar_ising_order(const ar *a) {
  return ((const self *)a->self)->o;
}

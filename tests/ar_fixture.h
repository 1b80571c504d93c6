/* ar_fixture.h: a proposal from deck settings in one line of text, its storage, and densities of all states by
 * enumeration; for test_graph.c, test_ar.c, test_train.c and test_alloc.c. */
#ifndef TESTS_AR_FIXTURE_H
#define TESTS_AR_FIXTURE_H

#include "nn/ops.h"
#include "nn/optim.h"
#include "samplers/ar_ising.h"
#include "samplers/chain.h"
#include "samplers/train.h"
#include "tests/check.h"

static const deck_section fixture_schema[] = {
    {"lattice", "sites", NULL, lattice_geometries, "square", false},
    {"model", "energy", lattice_model_keys, lattice_models, "ferromagnet", false},
    {"draw", "proposal", ar_ising_keys, NULL, NULL, false},
    {"net", "network", nn_net_keys, nn_zoo_kinds, "sites", false},
    {"train", "training", train_keys, NULL, NULL, false},
    {"optimiser", "updates", nn_optim_keys, nn_optim_types, "adam", false},
    {"chain", "Markov chain", chain_keys, chain_types, "heatbath", false},
    {0}};

typedef struct fixture {
  deck *d;
  lattice *l;
  ising *m;
  ar *a;
  ar_worker *w;
  ar_frames f;
  nn_real *theta;
} fixture;

enum { FIXTURE_WORDS = 40 };
/* Splits "a.b=c d.e=f" at spaces: (words) into copy; returns how many. */
static inline int fixture_split(const char *text, char copy[1000], const char *word[FIXTURE_WORDS]) {
  int n = 0;
  snprintf(copy, 1000, "%s", text);
  for (char *p = strtok(copy, " "); p && n < FIXTURE_WORDS; p = strtok(NULL, " ")) word[n++] = p;
  return n;
}

static inline deck *fixture_deck(const char *text, err *e) {
  const char *word[FIXTURE_WORDS];
  char copy[1000];
  deck *d = NULL;
  int n = fixture_split(text, copy, word);
  deck_parse(&d, "test", "app: test\n", 10, word, n, fixture_schema, e);
  return d;
}

/* Parameters that make nothing trivial: the initial ones (net.output_gain=1) plus noise; masked entries stay zero. */
static inline void fixture_randomise(const nn_graph *g, nn_real *theta, double size) {
  rng r = rng_stream(11, "fixture");
  nn_init(g, theta, 3);
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    bool masked = n->op == &nn_op_causal_dense;
    size_t bias = n->nparam;
    if (masked && ((const nn_causal_dense_conf *)n->conf)->bias)
      bias -= (size_t)nn_positions(n->shape) * (size_t)n->shape.channels;
    for (size_t k = 0; k < n->nparam; k++)
      if (!masked || k >= bias || theta[n->param + k] != 0)
        theta[n->param + k] += (nn_real)(size * rng_normal(r, n->param + k, 0, 0));
  }
}

/* From a deck, which stays the caller's. model: NULL, or one that takes the place of the deck's. */
static inline int fixture_build(fixture *x, const deck *d, const ising *model, err *e) {
  *x = (fixture){0};
  if (!model && (lattice_from_deck(&x->l, d, e) || ising_from_deck(&x->m, x->l, d, e))) return e->code;
  if (ar_ising_new(&x->a, model ? model : x->m, d, e) || ar_worker_new(&x->w, x->a, e)) return e->code;
  if (ar_frames_new(&x->f, x->a, x->w, false, e)) return e->code;
  x->theta = nn_alloc(x->a->net->nparam * sizeof *x->theta);
  fixture_randomise(x->a->net, x->theta, 0.3);
  return 0;
}

static inline int fixture_open_model(fixture *x, const char *text, const ising *model, err *e) {
  deck *d = fixture_deck(text, e);
  *x = (fixture){0};
  if (d) fixture_build(x, d, model, e);
  x->d = d;
  return e->code;
}

static inline void fixture_close(fixture *x) {
  if (x->w) ar_frames_free(&x->f, x->a, x->w);
  ar_worker_free(x->w);
  ar_free(x->a);
  ising_free(x->m), lattice_free(x->l), deck_free(x->d), free(x->theta);
  *x = (fixture){0};
}

/* CHECK that it opens */
static inline int fixture_open(fixture *x, const char *text) {
  err e = {0};
  int bad = fixture_open_model(x, text, NULL, &e);
  CHECK_REPORT(!bad, "%.250s: %.300s", text, e.text);
  if (bad) fixture_close(x);
  return bad;
}

/* States first..first+S-1 of the drawn spins (bit t = spin up) into the input of frame 0. */
static inline void fixture_fill(const fixture *x, long first) {
  for (int t = 0; t < x->a->n; t++)
    for (int i = 0; i < x->a->lanes; i++)
      x->f.f[0]->value[0][(size_t)t * (size_t)x->a->lanes + (size_t)i] = (first + i) >> t & 1 ? 1 : -1;
}

/* ln q and ln w (either may be NULL) of all 2^n states of the drawn spins. n must be at least log2 of the lanes. */
static inline void fixture_enumerate(const fixture *x, double *lnq, double *lnw) {
  for (long s = 0; s < 1L << x->a->n; s += x->a->lanes) {
    fixture_fill(x, s);
    if (lnw) ar_target(x->a, x->w, &x->f, x->a->beta, lnw + s);
    if (lnq) ar_density(x->a, x->w, &x->f, x->theta, lnq + s);
  }
}

/* KL(q||p) of the drawn spins */
static inline double fixture_kl(const fixture *x) {
  long n = 1L << x->a->n;
  double *lnq = malloc(2 * (size_t)n * sizeof *lnq), *lnw = lnq + n, z = 0, kl = 0;
  fixture_enumerate(x, lnq, lnw);
  for (long s = 0; s < n; s++) z += exp(lnw[s]), kl += exp(lnq[s]) * (lnq[s] - lnw[s]);
  free(lnq);
  return kl + log(z);
}

#endif

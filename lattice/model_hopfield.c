/* model_hopfield.c: J_ij = (1/n) sum_mu xi^mu_i xi^mu_j on the complete graph (Hopfield, PNAS 79 (1982) 2554) with P
 * random patterns xi = +-1, or P orthogonal ones: rows of a Walsh matrix of order w = 2^ceil(log2 P), w dividing n,
 * repeated along the sites, with sites shuffled and gauged (xi_i -> g_i xi_i) at random. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "lattice/ising.h"

enum { RANDOM, ORTHOGONAL };
typedef struct conf {
  long patterns, disorder;
  int overlap;
} conf;

static const deck_key keys[] = {
    {"patterns", DECK_INT, offsetof(conf, patterns), "2", 1, 4096, .help = "stored patterns"},
    {"overlap", DECK_WORD, offsetof(conf, overlap), "orthogonal", .words = "random|orthogonal",
     .help = "patterns are random, or orthogonal (n a multiple of 2, 4, 8, ... >= patterns)"},
    {"disorder", DECK_INT, offsetof(conf, disorder), "1", 0, 4294967295., .help = "number of the random instance"},
    {NULL}};

static int8_t sign_of(rng r, uint64_t index, uint32_t step) {
  return rng_words(r, index, step, 0).v[0] & 1 ? 1 : -1;
}

static void random_patterns(int8_t *xi, int n, int P, rng r) {
  for (int mu = 0; mu < P; mu++)
    for (int i = 0; i < n; i++) xi[(size_t)mu * n + i] = sign_of(r, (uint64_t)i, (uint32_t)mu);
}

/* Fisher-Yates. */
static void shuffle(int *site, int n, rng r) {
  for (int i = 0; i < n; i++) site[i] = i;
  for (int i = n - 1; i > 0; i--) {
    int j = (int)(rng_uniform(r, (uint64_t)i, 0, 0) * (i + 1)), t = site[i];
    site[i] = site[j], site[j] = t;
  }
}

static void walsh_patterns(int8_t *xi, const int *site, int n, int P, int order, rng r) {
  for (int i = 0; i < n; i++) {
    int gauge = sign_of(r, (uint64_t)i, 0), column = i % order;
    for (int mu = 0; mu < P; mu++)
      xi[(size_t)mu * n + site[i]] = (int8_t)(__builtin_popcount((unsigned)(mu & column)) & 1 ? -gauge : gauge);
  }
}

static int make_patterns(int8_t *xi, int n, const conf *c, err *e) {
  rng r = rng_stream((uint32_t)c->disorder, "patterns");
  int P = (int)c->patterns, order = 1;
  if (c->overlap == RANDOM) return random_patterns(xi, n, P, r), 0;
  while (order < P) order *= 2;
  if (n % order)
    return err_set(e, ERR_DECK, "patterns = %d, overlap = orthogonal: lattice.n = %d must be a multiple of %d", P, n,
                   order);
  int *site = malloc(sizeof(int) * (size_t)n);
  if (!site) return err_set(e, ERR_RUN, "no memory for patterns");
  shuffle(site, n, rng_stream((uint32_t)c->disorder, "patterns.sites"));
  walsh_patterns(xi, site, n, P, order, r);
  free(site);
  return 0;
}

/* Adds pattern by pattern in whole numbers: couplings are exact multiples of 1/n. */
static void add_couplings(ising *m, const int8_t *xi, int P) {
  int n = m->lat->n, b = 0;
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++, b++) {
      int sum = 0;
      for (int mu = 0; mu < P; mu++) sum += xi[(size_t)mu * n + i] * xi[(size_t)mu * n + j];
      m->J[b] = (double)sum / n;
    }
}

static int build(ising *m, const void *p, err *e) {
  const conf *c = p;
  int n = m->lat->n;
  if (strcmp(m->lat->name, "complete"))
    return err_set(e, ERR_DECK, "kind = hopfield: needs lattice.kind = complete, not %s", m->lat->name);
  int8_t *xi = malloc((size_t)n * (size_t)c->patterns);
  if (!xi) return err_set(e, ERR_RUN, "no memory for patterns");
  if (!make_patterns(xi, n, c, e)) add_couplings(m, xi, (int)c->patterns);
  free(xi);
  return e->code;
}

const lattice_model lattice_model_hopfield = {
    {"hopfield", "associative memory of +-1 patterns on the complete graph", keys}, build, sizeof(conf)};

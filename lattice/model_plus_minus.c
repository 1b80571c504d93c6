/* model_plus_minus.c: J = -1 with probability `fraction`, else +1, independently on every bond (Toulouse, Commun. Phys.
 * 2 (1977) 115). */
#include "base/rng.h"
#include "lattice/ising.h"

typedef struct conf {
  double fraction;
  long disorder;
} conf;

static const deck_key keys[] = {
    {"fraction", DECK_REAL, offsetof(conf, fraction), "0.5", 0, 1, .help = "probability of J = -1"},
    {"disorder", DECK_INT, offsetof(conf, disorder), "1", 0, 4294967295., .help = "number of the random instance"},
    {NULL}};

static int build(ising *m, const void *p, err *e) {
  const conf *c = p;
  rng r = rng_stream((uint32_t)c->disorder, "couplings");
  for (int b = 0; b < m->lat->nbonds; b++) m->J[b] = rng_uniform(r, (uint64_t)b, 0, 0) < c->fraction ? -1 : 1;
  return 0;
}

const lattice_model lattice_model_plus_minus = {
    {"plus_minus", "random J = 1 or -1 (+-J spin glass)", keys}, build, sizeof(conf)};

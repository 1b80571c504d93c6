/* model_gaussian.c: J ~ N(0, 1) on every bond (Edwards & Anderson, J. Phys. F 5 (1975) 965), or J ~ N(0, 1/n) on the
 * complete graph (Sherrington & Kirkpatrick, Phys. Rev. Lett. 35 (1975) 1792). */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "lattice/ising.h"

enum { UNIT, SK };
typedef struct conf {
  int normal;
  long disorder;
} conf;

static const deck_key keys[] = {
    {"normal", DECK_WORD, offsetof(conf, normal), "unit", .words = "unit|sk",
     .help = "variance of J: 1 (Edwards-Anderson) or 1/n (SK, complete graph)"},
    {"disorder", DECK_INT, offsetof(conf, disorder), "1", 0, 4294967295., .help = "number of the random instance"},
    {NULL}};

static int build(ising *m, const void *p, err *e) {
  const conf *c = p;
  if (c->normal == SK && strcmp(m->lat->name, "complete"))
    return err_set(e, ERR_DECK, "normal = sk: needs lattice.kind = complete, not %s", m->lat->name);
  double sigma = c->normal == SK ? 1 / sqrt(m->lat->n) : 1;
  rng r = rng_stream((uint32_t)c->disorder, "couplings");
  for (int b = 0; b < m->lat->nbonds; b++) m->J[b] = sigma * rng_normal(r, (uint64_t)b, 0, 0);
  return 0;
}

const lattice_model lattice_model_gaussian = {
    {"gaussian", "normal random J: Edwards-Anderson or SK spin glass", keys}, build, sizeof(conf)};

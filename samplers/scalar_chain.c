/* scalar_chain.c: the family of updates of scalar fields, movers and starts (see scalar_chain.h). */
#include "samplers/scalar_chain.h"

#include <stdlib.h>
#include <string.h>

extern const scalar_update scalar_hmc, scalar_metropolis, scalar_wolff;

const deck_kind *const scalar_updates[] = {&scalar_hmc.kind, &scalar_metropolis.kind, &scalar_wolff.kind, NULL};

int scalar_mover_new(scalar_mover **out, const scalar_update *type, const void *conf, const scalar_grid *g,
                     bool fermions, uint32_t seed, err *e) {
  *out = NULL;
  scalar_mover *w = aligned_alloc(16, (sizeof *w + 15) / 16 * 16);
  if (!w) return err_set(e, ERR_RUN, "update %s: out of memory", type->kind.name);
  *w = (scalar_mover){.type = type, .g = g, .fermions = fermions};
  w->stream = rng_stream(seed, "scalar field"), w->decide = rng_stream(seed, "scalar chains");
  memcpy(w->conf, conf, type->conf_size);
  if (type->init(w, e)) {
    scalar_mover_free(w);
    return err_context(e, "update %s", type->kind.name);
  }
  *out = w;
  return 0;
}

int scalar_mover_from_deck(scalar_mover **out, const deck *d, const scalar_grid *g, bool fermions, uint32_t seed,
                           err *e) {
  const deck_kind *kind = deck_kind_of(d, "update");
  _Alignas(16) char conf[sizeof((scalar_mover *)0)->conf];
  deck_get(d, "update", kind->keys, conf);
  return scalar_mover_new(out, (const scalar_update *)kind, conf, g, fermions, seed, e);
}

void scalar_mover_free(scalar_mover *w) {
  if (!w) return;
  w->type->done(w);
  free(w);
}

void scalar_chain_start(const scalar_mover *w, scalar_chain *c, scalar_start how) {
  const scalar_grid *g = w->g;
  memset(c->state, 0, sizeof c->state);
  double sign = 1;
  if (how == SCALAR_RANDOM) {
    uint32_t coin = rng_words(w->decide, scalar_index(c, 0), 0, 0).v[0];
    how = coin & 1 ? SCALAR_HOT : SCALAR_COLD;
    sign = coin & 2 ? -1 : 1;
  }
  for (int p = 0; p < g->planes; p++) {
    double *plane = c->phi + p * g->plane;
    uint64_t first = scalar_index(c, (uint64_t)((g->first + p) * g->plane));
    if (how == SCALAR_HOT)
      rng_normal_pairs(w->stream, first, (int)g->plane, 0, 0, plane, NULL);
    else
      for (long i = 0; i < g->plane; i++) plane[i] = sign;
  }
  scalar_exchange(g, c->phi);
}

int scalar_step(scalar_mover *w, scalar_chain *c, bool thermalise, err *e) {
  c->state[SCALAR_STEPS]++;
  return w->type->step(w, c, thermalise, e);
}

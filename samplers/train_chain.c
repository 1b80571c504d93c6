/* train_chain.c: see train_chain.h. Replicas are dealt to the ranks in units; their configurations are gathered in
 * global order, so that any rank may train on any of them. */
#include "samplers/train_chain.h"

#include <stdlib.h>

#include "samplers/replicas.h"

struct train_chain {
  run *r;
  replica_set c;
  size_t sites;
  int units;   /* of all replicas */
  int8_t *own; /* (replicas here, padded to units, sites) */
  int8_t *all; /* (all replicas, padded, sites) */
  run_item item[REPLICAS_ITEMS];
  int items;
};

int train_chain_new(train_chain **out, run *r, const ar *a, int total, err *e) {
  train_chain *t = *out = calloc(1, sizeof *t);
  if (!t) return err_set(e, ERR_RUN, "training: out of memory");
  t->r = r, t->sites = (size_t)a->sites;
  if (a->model->chain(a->self, &t->c, "training chain", total, run_deck(r), run_comm(r), run_seed(r), e))
    return e->code;
  size_t unit = (size_t)t->c.unit, here = ((size_t)t->c.n + unit - 1) / unit * unit;
  t->units = (int)(((size_t)total + unit - 1) / unit);
  t->own = calloc(here * t->sites + 1, 1);
  t->all = calloc((size_t)t->units * unit * t->sites + 1, 1);
  if (!t->own || !t->all) return err_set(e, ERR_RUN, "training: out of memory");
  t->items = t->c.items(t->c.chain, t->item);
  for (int i = 0; i < t->items; i++)
    if (run_own(r, t->item[i], e)) return e->code;
  return 0;
}

void train_chain_free(train_chain *t) {
  if (!t) return;
  for (int i = 0; i < t->items; i++) run_disown(t->r, t->item[i].name);
  if (t->c.chain) t->c.free(t->c.chain);
  free(t->own), free(t->all), free(t);
}

void train_chain_thermalise(train_chain *t) {
  enum { PORTION = 64 }; /* sweeps between two ticks */
  long total = t->c.thermalisation;
  while (*t->c.sweeps < total && !run_stopping(t->r)) {
    long left = total - (long)*t->c.sweeps;
    t->c.advance(t->c.chain, left < PORTION ? left : PORTION, total);
    run_tick(t->r, "thermalisation", (long)*t->c.sweeps, total, NULL);
  }
}

const int8_t *train_chain_next(train_chain *t, long sweeps) {
  const comm *c = run_comm(t->r);
  size_t row = (size_t)t->c.unit * t->sites;
  t->c.advance(t->c.chain, sweeps, 0);
  for (int i = 0; i < t->c.n; i++) t->c.spins(t->c.chain, i, t->own + (size_t)i * t->sites);
  comm_gather_rows(c, t->units, row, t->own, t->all);
  comm_bcast(c, t->all, (size_t)t->units * row);
  return t->all;
}

/* worldline.c: the family of Markov chains of a Trotterised chain and what its members share: replicas, start, sweeps
 * shared among threads, measurements, state. The bits of a replica are a function of (seed, name, replica, sweep). */
#include "samplers/worldline.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const worldline_type worldline_local, worldline_loop;
const deck_kind *const worldline_types[] = {&worldline_loop.kind, &worldline_local.kind, NULL};

/* ---- making ---- */

static size_t padded(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

static void *aligned_bytes(size_t bytes) {
  void *p = aligned_alloc(64, padded(bytes + 1));
  if (p) memset(p, 0, padded(bytes + 1));
  return p;
}

/* The first row; the others repeat it: straight world lines are allowed whatever the couplings. */
static void start_row(rng r, uint64_t index, chain_start how, int sites, int8_t *s) {
  enum { UP, DOWN, ALTERNATING, HOT };
  int order = how == CHAIN_COLD ? UP : how == CHAIN_HOT ? HOT : (int)(rng_words(r, index, 0, 0).v[0] & 3);
  philox4x32_ctr_t w = {{0}};
  for (int c = 0; c < sites; c++) {
    if (c % 128 == 0) w = rng_words(r, index, 0, 1 + (uint32_t)c / 128);
    bool down = order == HOT ? (w.v[c % 128 / 32] >> c % 32) & 1 : order == DOWN || (order == ALTERNATING && c % 2);
    s[c] = down ? -1 : 1;
  }
}

static void start_all(worldline *c, worldline_setup setup) {
  char name[48];
  snprintf(name, sizeof name, "%s.start", c->name);
  rng r = rng_stream(setup.seed, name);
  int sites = c->t->sites;
  for (int i = 0; i < c->n; i++) {
    int8_t *s = worldline_spins(c, i);
    start_row(r, (uint64_t)(c->first + i), setup.start, sites, s);
    for (int row = 1; row < c->t->rows; row++) memcpy(s + (size_t)row * (size_t)sites, s, (size_t)sites);
  }
}

static int allocate(worldline *c, err *e) {
  c->spins = aligned_bytes((size_t)c->n * (size_t)c->t->n);
  c->better = aligned_bytes((size_t)c->n * WORLDLINE_NIMPROVED * sizeof *c->better);
  if (!c->spins || !c->better) return err_set(e, ERR_RUN, "%s: out of memory for %d replicas", c->name, c->n);
  for (int i = 0; i < c->n * WORLDLINE_NIMPROVED; i++) c->better[i] = NAN;
  if (c->type->init(c, e)) return e->code;
  c->work_bytes = padded(c->work_bytes);
  c->work = aligned_bytes(c->work_bytes * (size_t)c->threads);
  return c->work ? 0 : err_set(e, ERR_RUN, "%s: out of memory for work space", c->name);
}

int worldline_new(worldline **out, const worldline_type *type, const trotter *t, worldline_setup setup, err *e) {
  *out = NULL;
  if (setup.first < 0 || setup.n < 0 || setup.first + setup.n > setup.total)
    return err_set(e, ERR_DECK, "chain %s: no replicas %d..%d of %d", type->kind.name, setup.first,
                   setup.first + setup.n - 1, setup.total);
  if (setup.name && strlen(setup.name) >= sizeof((worldline *)0)->name)
    return err_set(e, ERR_DECK, "chain %s: the name %s is too long", type->kind.name, setup.name);
  if (type->applies(t, e)) return e->code;
  worldline *c = calloc(1, sizeof *c);
  if (!c) return err_set(e, ERR_RUN, "chain: out of memory");
  *c = (worldline){.type = type, .t = t, .first = setup.first, .n = setup.n, .total = setup.total};
  snprintf(c->name, sizeof c->name, "%s", setup.name ? setup.name : "chain");
  static const char *const part[WORLDLINE_ITEMS] = {"sweeps", "spins", "improved"};
  for (int k = 0; k < WORLDLINE_ITEMS; k++)
    snprintf(c->item_name[k], sizeof c->item_name[k], "%s.%s", c->name, part[k]);
  c->stream = rng_stream(setup.seed, c->name);
  c->threads = omp_get_max_threads();
  if (allocate(c, e)) {
    worldline_free(c);
    return e->code;
  }
  start_all(c, setup);
  *out = c;
  return 0;
}

void worldline_free(worldline *c) {
  if (!c) return;
  c->type->done(c);
  free(c->spins), free(c->better), free(c->work);
  free(c);
}

static int deal(worldline **out, const chain_plan *plan, const deck *d, const char *section, const char *name,
                const trotter *t, const comm *ranks, uint32_t seed, err *e) {
  const worldline_type *type = (const worldline_type *)deck_kind_of(d, section);
  int total = (int)plan->replicas;
  comm_range r = comm_rank_range(ranks, ranks->rank, total);
  worldline_setup s = {name, r.first, r.end - r.first, total, seed, (chain_start)plan->start};
  if (worldline_new(out, type, t, s, e)) return err_context(e, "%s", deck_where(d, section, "kind"));
  return 0;
}

int worldline_from_deck(worldline **out, chain_plan *plan, const deck *d, const char *section, const trotter *t,
                        const comm *ranks, uint32_t seed, err *e) {
  deck_get(d, section, chain_keys, plan);
  return deal(out, plan, d, section, section, t, ranks, seed, e);
}

static void free_any(void *c) {
  worldline_free(c);
}
static void advance_any(void *c, long n, long thermalisation) {
  (void)thermalisation;
  worldline_advance(c, n);
}
static void spins_any(const void *c, int replica, int8_t *s) {
  memcpy(s, ((const worldline *)c)->spins + (size_t)replica * (size_t)((const worldline *)c)->t->n,
         (size_t)((const worldline *)c)->t->n);
}
static int items_any(const void *c, run_item items[REPLICAS_ITEMS]) {
  return worldline_items(c, items);
}

int worldline_replicas(replica_set *out, const deck *d, const char *name, int total, const trotter *t,
                       const comm *ranks, uint32_t seed, err *e) {
  worldline *c;
  chain_plan plan;
  deck_get(d, "chain", chain_keys, &plan);
  plan.replicas = total;
  if (deal(&c, &plan, d, "chain", name, t, ranks, seed, e)) return e->code;
  *out = (replica_set){.chain = c,
                       .unit = 1,
                       .n = c->n,
                       .thermalisation = plan.thermalisation,
                       .sweeps = &c->sweeps,
                       .free = free_any,
                       .advance = advance_any,
                       .spins = spins_any,
                       .items = items_any};
  return 0;
}

int worldline_check(const deck *d, const char *section, const trotter *t, err *e) {
  const worldline_type *type = (const worldline_type *)deck_kind_of(d, section);
  chain_plan p;
  deck_get(d, section, chain_keys, &p);
  if (p.every > p.sweeps)
    return err_set(e, ERR_DECK, "%s: %s.every = %ld: must be at most %s.sweeps = %ld", deck_where(d, section, "every"),
                   section, p.every, section, p.sweeps);
  return type->applies(t, e) ? err_context(e, "%s", deck_where(d, section, "kind")) : 0;
}

/* ---- sweeps and measurements ---- */

/* Threads for n sweeps: starting them costs as much as some thousand spins. */
static int team_size(const worldline *c, long n) {
  return c->n > 1 && (double)c->t->n * c->n * (double)n > 8192 ? c->threads : 1;
}

void worldline_advance(worldline *c, long n) {
#pragma omp parallel for num_threads(team_size(c, n)) schedule(dynamic)
  for (int i = 0; i < c->n; i++)
    for (long k = 0; k < n; k++)
      c->type->sweep(c, i, (uint32_t)(c->sweeps + k), c->work + c->work_bytes * (size_t)omp_get_thread_num());
  c->sweeps += n;
}

void worldline_measure(const worldline *c, int replica, double obs[TROTTER_NOBS]) {
  trotter_measure(c->t, worldline_spins(c, replica), obs);
}

void worldline_measure_all(worldline *c, double (*obs)[TROTTER_NOBS]) {
#pragma omp parallel for num_threads(team_size(c, 1)) schedule(static)
  for (int i = 0; i < c->n; i++) worldline_measure(c, i, obs[i]);
}

void worldline_improved(const worldline *c, int replica, double better[WORLDLINE_NIMPROVED]) {
  memcpy(better, c->better + (size_t)replica * WORLDLINE_NIMPROVED, WORLDLINE_NIMPROVED * sizeof *better);
}

int8_t *worldline_spins(const worldline *c, int replica) {
  return c->spins + (size_t)replica * (size_t)c->t->n;
}

int worldline_items(const worldline *c, run_item items[WORLDLINE_ITEMS]) {
  size_t row[WORLDLINE_ITEMS] = {1, (size_t)c->t->n, WORLDLINE_NIMPROVED}, n = (size_t)c->n;
  size_t first = (size_t)c->first, rows = (size_t)c->total;
  items[0] = (run_item){c->item_name[0], (void *)&c->sweeps, H5_I64, 1, true, 1, 0, 1};
  items[1] = (run_item){c->item_name[1], c->spins, H5_I8, n * row[1], false, row[1], first, rows};
  items[2] = (run_item){c->item_name[2], c->better, H5_F64, n * row[2], false, row[2], first, rows};
  return c->type->improved ? 3 : 2;
}

/* chain.c: the family of Markov chains and what all members share: replicas, start, sweeps shared among threads,
 * measurements, state. The bits of a replica are a function of (seed, name, replica, sweep). */
#include "samplers/chain.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const chain_type chain_metropolis, chain_multispin, chain_heatbath, chain_wolff, chain_swendsen_wang;

const deck_kind *const chain_types[] = {
    &chain_metropolis.kind, &chain_multispin.kind,     &chain_heatbath.kind,
    &chain_wolff.kind,      &chain_swendsen_wang.kind, NULL,
};

#define AT(member) offsetof(chain_plan, member)
const deck_key chain_keys[] = {
    {.name = "sweeps",
     .type = DECK_INT,
     .at = AT(sweeps),
     .def = "10000",
     .min = 1,
     .max = 4e9,
     .help = "sweeps after thermalisation",
     .free = true},
    {.name = "thermalisation",
     .type = DECK_INT,
     .at = AT(thermalisation),
     .def = "1000",
     .min = 0,
     .max = 2e8,
     .help = "sweeps before the first measurement"},
    {.name = "every",
     .type = DECK_INT,
     .at = AT(every),
     .def = "1",
     .min = 1,
     .max = 1e6,
     .help = "sweeps from one measurement to the next"},
    {.name = "replicas",
     .type = DECK_INT,
     .at = AT(replicas),
     .def = "16",
     .min = 1,
     .max = 1e7,
     .help = "independent chains, shared among the ranks"},
    {.name = "start",
     .type = DECK_WORD,
     .at = AT(start),
     .def = "random",
     .words = "cold|hot|random",
     .help = "all up; independent spins; each replica ordered or disordered by chance"},
    {0},
};
#undef AT

/* ---- making ---- */

static size_t padded(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

static void *aligned_bytes(size_t bytes) {
  void *p = aligned_alloc(64, padded(bytes + 1));
  if (p) memset(p, 0, padded(bytes + 1));
  return p;
}

/* Philox gives each replica its start, whatever the member: draw 0 decides about order, the others give 128 spins each.
 */
static void start_replica(chain *c, rng r, int replica, chain_start how, int8_t *s) {
  uint64_t index = (uint64_t)(c->first + replica);
  uint32_t coin = rng_words(r, index, 0, 0).v[0];
  bool hot = how == CHAIN_HOT || (how == CHAIN_RANDOM && (coin & 1));
  int8_t sign = how == CHAIN_RANDOM && (coin & 2) ? -1 : 1;
  for (int i = 0; i < c->m->lat->n; i += 128) {
    philox4x32_ctr_t w = rng_words(r, index, 0, 1 + (uint32_t)i / 128);
    for (int k = 0; k < 128 && i + k < c->m->lat->n; k++)
      s[i + k] = !hot ? sign : (w.v[k / 32] >> (k % 32)) & 1 ? 1 : -1;
  }
  c->type->put(c, replica, s);
}

static int start_all(chain *c, chain_setup setup, err *e) {
  int8_t *s = malloc((size_t)c->m->lat->n);
  if (!s) return err_set(e, ERR_RUN, "%s: out of memory", c->name);
  char name[48];
  snprintf(name, sizeof name, "%s.start", c->name);
  rng r = rng_stream(setup.seed, name);
  for (int i = 0; i < c->n; i++) start_replica(c, r, i, setup.start, s);
  free(s);
  return 0;
}

static int check_setup(const chain_type *t, const ising *m, chain_setup s, err *e) {
  int end = s.first + s.n;
  if (s.first < 0 || s.n < 0 || end > s.total || (s.n && (s.first % t->unit || (end % t->unit && end != s.total))))
    return err_set(e, ERR_DECK, "chain %s: replicas %d..%d of %d do not fill units of %d", t->kind.name, s.first,
                   end - 1, s.total, t->unit);
  if (s.name && strlen(s.name) >= sizeof((chain *)0)->name)
    return err_set(e, ERR_DECK, "chain %s: the name %s is too long", t->kind.name, s.name);
  if (!(m->beta >= 0 && isfinite(m->beta)))
    return err_set(e, ERR_DECK, "chain %s: beta = %g must be finite and not negative", t->kind.name, m->beta);
  return t->applies(m, e);
}

static int allocate(chain *c, const void *conf, err *e) {
  const chain_type *t = c->type;
  c->unit_bytes = (size_t)c->m->lat->n * (size_t)(t->unit == 1 ? 1 : t->unit / 8);
  c->spins = aligned_bytes(c->unit_bytes * (size_t)c->units);
  c->extra = aligned_bytes(sizeof(double) * (size_t)t->nextra * (size_t)c->units);
  if (!c->spins || !c->extra) return err_set(e, ERR_RUN, "%s: out of memory for %d replicas", c->name, c->n);
  if (t->init(c, conf, e)) return e->code;
  c->work_bytes = padded(c->work_bytes);
  c->work = aligned_bytes(c->work_bytes * (size_t)c->threads);
  return c->work ? 0 : err_set(e, ERR_RUN, "%s: out of memory for work space", c->name);
}

int chain_new(chain **out, const chain_type *type, const ising *m, chain_setup setup, err *e) {
  *out = NULL;
  if (check_setup(type, m, setup, e)) return e->code;
  chain *c = calloc(1, sizeof *c);
  if (!c) return err_set(e, ERR_RUN, "chain: out of memory");
  *c = (chain){.type = type, .m = m, .first = setup.first, .n = setup.n, .total = setup.total};
  snprintf(c->name, sizeof c->name, "%s", setup.name ? setup.name : "chain");
  static const char *const part[3] = {"sweeps", "spins", "extra"};
  for (int k = 0; k < 3; k++) snprintf(c->item_name[k], sizeof c->item_name[k], "%s.%s", c->name, part[k]);
  c->unit_first = setup.first / type->unit;
  c->units = (setup.n + type->unit - 1) / type->unit;
  c->stream = rng_stream(setup.seed, c->name);
  c->threads = omp_get_max_threads();
  if (allocate(c, setup.conf, e) || start_all(c, setup, e)) {
    chain_free(c);
    return e->code;
  }
  *out = c;
  return 0;
}

void chain_free(chain *c) {
  if (!c) return;
  c->type->done(c);
  free(c->spins);
  free(c->extra);
  free(c->work);
  free(c);
}

static int deal(chain **out, const chain_plan *plan, const deck *d, const char *section, const char *name,
                const ising *m, const comm *ranks, uint32_t seed, err *e) {
  const deck_kind *kind = deck_kind_of(d, section);
  const chain_type *t = (const chain_type *)kind;
  *out = NULL;
  _Alignas(16) char conf[256];
  if (t->conf_size > sizeof conf) return err_set(e, ERR_RUN, "chain %s: keys need %zu bytes", kind->name, t->conf_size);
  if (kind->keys) deck_get(d, section, kind->keys, conf);
  int total = (int)plan->replicas, units = (total + t->unit - 1) / t->unit;
  comm_range r = comm_rank_range(ranks, ranks->rank, units);
  int first = r.first * t->unit, end = r.end * t->unit < total ? r.end * t->unit : total;
  if (first >= end) first = end = 0;
  chain_setup s = {name, first, end - first, total, seed, (chain_start)plan->start, kind->keys ? conf : NULL};
  if (chain_new(out, t, m, s, e)) return err_context(e, "%s", deck_where(d, section, "kind"));
  return 0;
}

int chain_from_deck(chain **out, chain_plan *plan, const deck *d, const char *section, const ising *m,
                    const comm *ranks, uint32_t seed, err *e) {
  deck_get(d, section, chain_keys, plan);
  return deal(out, plan, d, section, section, m, ranks, seed, e);
}

static void free_any(void *c) {
  chain_free(c);
}
static void advance_any(void *c, long n, long thermalisation) {
  chain_thermalise_part(c, n, thermalisation);
}
static void spins_any(const void *c, int replica, int8_t *s) {
  chain_spins(c, replica, s);
}
static int items_any(const void *c, run_item items[REPLICAS_ITEMS]) {
  return chain_items(c, items);
}

int chain_replicas(replica_set *out, const deck *d, const char *name, int total, const ising *m, const comm *ranks,
                   uint32_t seed, err *e) {
  chain *c;
  chain_plan plan;
  deck_get(d, "chain", chain_keys, &plan);
  plan.replicas = total;
  if (deal(&c, &plan, d, "chain", name, m, ranks, seed, e)) return e->code;
  *out = (replica_set){.chain = c,
                       .unit = c->type->unit,
                       .n = c->n,
                       .thermalisation = plan.thermalisation,
                       .sweeps = &c->sweeps,
                       .free = free_any,
                       .advance = advance_any,
                       .spins = spins_any,
                       .items = items_any};
  return 0;
}

int chain_check(const deck *d, const char *section, const ising *m, err *e) {
  const chain_type *t = (const chain_type *)deck_kind_of(d, section);
  chain_plan p;
  deck_get(d, section, chain_keys, &p);
  if (p.every > p.sweeps)
    return err_set(e, ERR_DECK, "%s: %s.every = %ld: must be at most %s.sweeps = %ld", deck_where(d, section, "every"),
                   section, p.every, section, p.sweeps);
  return t->applies(m, e) ? err_context(e, "%s", deck_where(d, section, "kind")) : 0;
}

/* ---- sweeps ---- */

/* Sweeps before number `tuned` may tune. */
static void advance_unit(chain *c, int unit, long n, int64_t tuned, void *work) {
  for (long k = 0; k < n; k++) {
    bool tune = c->sweeps + k < tuned;
    c->type->sweep(c, unit, (uint32_t)(c->sweeps + k), (k == n - 1 ? CHAIN_LAST : 0) | (tune ? CHAIN_THERMALISE : 0),
                   work);
  }
}

/* Threads for n sweeps: starting them costs as much as some ten thousand spins. */
static int team_size(const chain *c, long n) {
  return c->units > 1 && (double)c->unit_bytes * c->units * (double)n > 65536 ? c->threads : 1;
}

static void advance(chain *c, long n, int64_t tuned) {
#pragma omp parallel for num_threads(team_size(c, n)) schedule(dynamic)
  for (int u = 0; u < c->units; u++)
    advance_unit(c, u, n, tuned, c->work + c->work_bytes * (size_t)omp_get_thread_num());
  c->sweeps += n;
}

void chain_advance(chain *c, long n) {
  advance(c, n, 0);
}
void chain_thermalise(chain *c, long n) {
  advance(c, n, c->sweeps + n / 2);
}
void chain_thermalise_part(chain *c, long n, long total) {
  advance(c, n, total / 2);
}
void chain_sweep(chain *c) {
  advance(c, 1, 0);
}

/* ---- measurements ---- */

static void measure_unit(const chain *c, int unit, void *work, double (*obs)[ISING_NOBS]) {
  int from = unit * c->type->unit, have = c->n - from < c->type->unit ? c->n - from : c->type->unit;
  if (!c->type->measure) {
    ising_measure(c->m, c->spins + c->unit_bytes * (size_t)unit, obs[from]);
    return;
  }
  double row[c->type->unit][ISING_NOBS];
  c->type->measure(c, unit, work, row);
  memcpy(obs[from], row, (size_t)have * sizeof row[0]);
}

void chain_measure_all(chain *c, double (*obs)[ISING_NOBS]) {
#pragma omp parallel for num_threads(team_size(c, 1)) schedule(dynamic)
  for (int u = 0; u < c->units; u++) measure_unit(c, u, c->work + c->work_bytes * (size_t)omp_get_thread_num(), obs);
}

void chain_measure(chain *c, int replica, double obs[ISING_NOBS]) {
  int8_t *s = c->type->unit == 1 ? c->spins + c->unit_bytes * (size_t)replica : (int8_t *)c->work;
  if (c->type->unit > 1) c->type->get(c, replica, s);
  ising_measure(c->m, s, obs);
}

void chain_improved(const chain *c, int replica, double better[CHAIN_NIMPROVED]) {
  const double *x = c->extra + (size_t)(replica / c->type->unit) * (size_t)c->type->nextra;
  for (int k = 0; k < CHAIN_NIMPROVED; k++) better[k] = c->type->improved && c->sweeps ? x[k] : NAN;
}

void chain_spins(const chain *c, int replica, int8_t *s) {
  c->type->get(c, replica, s);
}
void chain_set_spins(chain *c, int replica, const int8_t *s) {
  c->type->put(c, replica, s);
}

/* A member that counts its work keeps the count as the last of its extra doubles, after the improved estimators. */
double chain_work(const chain *c, int replica) {
  const chain_type *t = c->type;
  if (t->nextra <= (t->improved ? CHAIN_NIMPROVED : 0)) return (double)c->sweeps;
  return c->extra[(size_t)(replica / t->unit + 1) * (size_t)t->nextra - 1] / c->m->lat->n;
}

int chain_items(const chain *c, run_item items[3]) {
  size_t unit = c->unit_bytes, nextra = (size_t)c->type->nextra, units = (size_t)c->units;
  size_t first = (size_t)c->unit_first, rows = (size_t)((c->total + c->type->unit - 1) / c->type->unit);
  items[0] = (run_item){c->item_name[0], (void *)&c->sweeps, H5_I64, 1, true, 1, 0, 1};
  items[1] = (run_item){c->item_name[1], c->spins, H5_I8, unit * units, false, unit, first, rows};
  items[2] = (run_item){c->item_name[2], c->extra, H5_F64, nextra * units, false, nextra, first, rows};
  return nextra ? 3 : 2;
}

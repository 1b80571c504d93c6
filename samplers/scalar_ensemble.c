/* scalar_ensemble.c: chains of a parameter scan (see scalar_ensemble.h): making, state, the two loops. */
#include "samplers/scalar_ensemble.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 8, PORTION = 20 }; /* numbers beside the block of fields; thermalising steps between two ticks */

const deck_key scalar_plan_keys[] = {
    {.name = "steps",
     .type = DECK_INT,
     .at = offsetof(scalar_plan, steps),
     .def = "1000",
     .min = 1,
     .max = 4e9,
     .help = "updates of a chain after thermalisation",
     .free = true},
    {.name = "thermalisation",
     .type = DECK_INT,
     .at = offsetof(scalar_plan, thermalisation),
     .def = "200",
     .min = 0,
     .max = 1e8,
     .help = "updates before the first measurement, in which they tune themselves"},
    {.name = "every",
     .type = DECK_INT,
     .at = offsetof(scalar_plan, every),
     .def = "1",
     .min = 1,
     .max = 1e6,
     .help = "updates from one measurement to the next"},
    {.name = "replicas",
     .type = DECK_INT,
     .at = offsetof(scalar_plan, replicas),
     .def = "1",
     .min = 1,
     .max = 1e6,
     .help = "independent chains at each point"},
    {.name = "start",
     .type = DECK_WORD,
     .at = offsetof(scalar_plan, start),
     .def = "random",
     .words = SCALAR_START_WORDS,
     .help = "all one; normal numbers; each chain one of 1, -1, normal by chance"},
    {.name = "layout",
     .type = DECK_WORD,
     .at = offsetof(scalar_plan, layout),
     .def = "chains",
     .words = "chains|slabs",
     .help = "ranks share the chains, or each lattice by slabs of its first direction"},
    {0},
};

const deck_key scalar_storage_keys[] = {
    {.name = "configurations",
     .type = DECK_INT,
     .at = offsetof(scalar_storage, configurations),
     .def = "0",
     .min = 0,
     .max = 1e9,
     .help = "measurements from one stored configuration to the next; 0: store none"},
    {.name = "precision",
     .type = DECK_WORD,
     .at = offsetof(scalar_storage, precision),
     .def = "single",
     .words = "single|double",
     .help = "of stored configurations"},
    {.name = "segment_MB",
     .type = DECK_REAL,
     .at = offsetof(scalar_storage, segment_MB),
     .def = "64",
     .min = 0.001,
     .max = 4096,
     .unit = "MB",
     .help = "size of a file of configurations, about"},
    {0},
};

/* ---- making ---- */

static int make_movers(scalar_ensemble *s, err *e) {
  bool slabs = s->plan.layout == SCALAR_SLABS;
  s->movers = slabs ? 1 : run_comm(s->r)->threads;
  s->mover = calloc((size_t)s->movers, sizeof *s->mover);
  s->fault = calloc((size_t)s->movers, sizeof *s->fault);
  if (!s->mover || !s->fault) return err_set(e, ERR_RUN, "chains: out of memory");
  bool fermions = s->points->model[0].fermions;
  for (int k = 0; k < s->movers; k++)
    if (scalar_mover_from_deck(&s->mover[k], run_deck(s->r), s->g, fermions, run_seed(s->r), e)) return e->code;
  return 0;
}

static int make_fields(scalar_ensemble *s, err *e) {
  bool good = true;
  s->stride = ((size_t)s->g->n + 7) / 8 * 8;
  if (s->plan.layout == SCALAR_SLABS) {
    s->field = calloc((size_t)s->n, sizeof *s->field);
    for (int k = 0; k < s->n && s->field && good; k++)
      good = (s->chain[k].phi = s->field[k] = scalar_field(s->g)) != NULL;
    return s->field && good ? 0 : err_set(e, ERR_RUN, "chains: out of memory for %d fields", s->n);
  }
  size_t bytes = ((size_t)s->n * s->stride + 2 * ROOM) * sizeof(double);
  s->block = aligned_alloc(64, bytes);
  if (!s->block) return err_set(e, ERR_RUN, "chains: out of memory for %d fields", s->n);
  memset(s->block, 0, bytes);
  for (int k = 0; k < s->n; k++) s->chain[k].phi = s->block + ROOM + (size_t)k * s->stride;
  return 0;
}

static size_t sample_bytes(const scalar_ensemble *s) {
  return s->storage.precision ? 8 : 4;
}

static int make_records(scalar_ensemble *s, err *e) {
  s->states = calloc((size_t)s->n * SCALAR_NSTATE + 1, sizeof *s->states);
  s->series = calloc((size_t)s->n * (size_t)(s->length * s->columns) + 1, sizeof *s->series);
  s->name = calloc((size_t)s->n + 4, sizeof *s->name);
  size_t kept = s->plan.layout == SCALAR_CHAINS ? (size_t)(s->n * s->batch * s->g->n) * sample_bytes(s) : 0;
  s->kept = calloc(kept + 1, 1);
  if (s->states && s->series && s->name && s->kept) return 0;
  return err_set(e, ERR_RUN, "chains: out of memory for %ld measurements", s->length);
}

static int columns_of(const scalar_points *p) {
  return SCALAR_COLS + 2 * (p->side[0] / 2 + 1);
}

static int deal(scalar_ensemble *s, err *e) {
  const comm *c = run_comm(s->r);
  const scalar_points *p = s->points;
  bool slabs = s->plan.layout == SCALAR_SLABS;
  if (p->n * s->plan.replicas > 1000000) return err_set(e, ERR_DECK, "chain.replicas: more than a million chains");
  s->chains = p->n * (int)s->plan.replicas, s->first = 0, s->n = s->chains;
  if (!slabs) {
    comm_range here = comm_rank_range(c, c->rank, s->chains);
    s->first = here.first, s->n = here.end - here.first;
  }
  if (scalar_grid_new(&s->g, p->d, p->side, slabs ? c : NULL, e)) return e->code;
  s->columns = columns_of(p);
  s->length = s->plan.steps / s->plan.every;
  s->batch = scalar_segment_batch(&s->storage, s->plan.layout, s->chains, s->g->n, s->length);
  s->chain = calloc((size_t)s->n + 1, sizeof *s->chain);
  if (!s->chain) return err_set(e, ERR_RUN, "chains: out of memory");
  for (int k = 0; k < s->n; k++) {
    s->chain[k].number = (uint32_t)(s->first + k);
    s->chain[k].m = p->model[(s->first + k) / s->plan.replicas];
  }
  return 0;
}

static void states_out(scalar_ensemble *s) {
  for (int k = 0; k < s->n; k++) memcpy(s->states + k * SCALAR_NSTATE, s->chain[k].state, sizeof s->chain[k].state);
}

static int own(scalar_ensemble *s, err *e) {
  bool slabs = s->plan.layout == SCALAR_SLABS;
  size_t n = (size_t)s->n, first = (size_t)s->first, all = (size_t)s->chains, row = (size_t)(s->length * s->columns);
  h5_type sample = s->storage.precision ? H5_F64 : H5_F32;
  run_item items[] = {
      {"scalar thermalised", &s->thermalised, H5_I64, 1, true, 0, 0, 0},
      {"scalar measured", &s->measured, H5_I64, 1, true, 0, 0, 0},
      {"scalar states", s->states, H5_F64, n * SCALAR_NSTATE, slabs, SCALAR_NSTATE, first, all},
      {"scalar series", s->series, H5_F64, n * row, slabs, row, first, all},
  };
  for (int k = 0; k < 4; k++)
    if ((k < 3 || row) && run_own(s->r, items[k], e)) return e->code;
  if (!slabs) {
    run_item fields = {"scalar fields", s->block + ROOM, H5_F64, n * s->stride, false, s->stride, first, all};
    size_t kept = (size_t)(s->batch * s->g->n);
    if (run_own(s->r, fields, e)) return e->code;
    return kept ? run_own(s->r, (run_item){"scalar kept", s->kept, sample, n * kept, false, kept, first, all}, e) : 0;
  }
  for (int k = 0; k < s->n; k++) {
    snprintf(s->name[k], sizeof s->name[k], "scalar field %d", k);
    run_item field = {
        s->name[k],          s->field[k],          H5_F64, (size_t)scalar_sites(s->g), false, (size_t)s->g->plane,
        (size_t)s->g->first, (size_t)s->g->side[0]};
    if (run_own(s->r, field, e)) return e->code;
  }
  return 0;
}

static int begin(scalar_ensemble *s, err *e) {
  for (int k = 0; k < s->n; k++) scalar_chain_start(s->mover[0], &s->chain[k], (scalar_start)s->plan.start);
  states_out(s);
  if (own(s, e)) return e->code;
  for (int k = 0; k < s->n; k++) {
    memcpy(s->chain[k].state, s->states + k * SCALAR_NSTATE, sizeof s->chain[k].state);
    scalar_exchange(s->g, s->chain[k].phi);
  }
  return run_writer(s->r, scalar_segment_links, s, e);
}

int scalar_ensemble_new(scalar_ensemble **out, run *r, const scalar_points *points, err *e) {
  scalar_ensemble *s = *out = calloc(1, sizeof *s);
  if (!s) return err_set(e, ERR_RUN, "chains: out of memory");
  s->r = r, s->points = points;
  deck_get(run_deck(r), "chain", scalar_plan_keys, &s->plan);
  deck_get(run_deck(r), "ensemble", scalar_storage_keys, &s->storage);
  if (!deal(s, e) && !make_movers(s, e) && !make_fields(s, e)) make_records(s, e);
  return comm_vote(run_comm(r), e) ? e->code : begin(s, e);
}

void scalar_ensemble_free(scalar_ensemble *s) {
  if (!s) return;
  static const char *const owned[] = {"scalar thermalised", "scalar measured", "scalar states",
                                      "scalar series",      "scalar fields",   "scalar kept"};
  for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) run_disown(s->r, owned[k]);
  for (int k = 0; s->field && k < s->n; k++) {
    if (s->name) run_disown(s->r, s->name[k]);
    scalar_field_free(s->g, s->field[k]);
  }
  for (int k = 0; s->mover && k < s->movers; k++) scalar_mover_free(s->mover[k]);
  free(s->mover), free(s->fault), free(s->field), free(s->block), free(s->chain), free(s->states), free(s->series);
  free(s->name), free(s->kept);
  scalar_grid_free(s->g);
  free(s);
}

/* ---- one measurement ---- */

static int measure(scalar_ensemble *s, scalar_mover *w, int k, double *row, err *e) {
  const scalar_grid *g = s->g;
  double obs[SCALAR_NOBS], slice[g->side[0]][2], V = (double)g->n, trace[2] = {NAN, NAN};
  static const int from[SCALAR_COL_CONDENSATE] = {SCALAR_M,   SCALAR_MS,   SCALAR_PHI2, SCALAR_PHI4, SCALAR_T,
                                                  SCALAR_BOX, SCALAR_CBOX, SCALAR_BOX2, SCALAR_CBOX2};
  scalar_measure(g, s->chain[k].phi, obs, slice);
  if (w->fermions && w->type->traces && w->type->traces(w, &s->chain[k], trace, e)) return e->code;
  for (int c = 0; c < SCALAR_COL_CONDENSATE; c++) row[c] = obs[from[c]] / V;
  row[SCALAR_COL_LINK] /= g->d;
  row[SCALAR_COL_CONDENSATE] = trace[0] / V, row[SCALAR_COL_SCORE] = trace[1] / V;
  scalar_correlator(g, (const double(*)[2])slice, false, row + SCALAR_COLS);
  scalar_correlator(g, (const double(*)[2])slice, true, row + SCALAR_COLS + g->side[0] / 2 + 1);
  return 0;
}

/* Some updates of chain k, and a measurement unless thermalising. */
static int advance(scalar_ensemble *s, scalar_mover *w, int k, long steps, bool thermalise, err *e) {
  for (long i = 0; i < steps; i++)
    if (scalar_step(w, &s->chain[k], thermalise, e)) return e->code;
  return thermalise ? 0 : measure(s, w, k, s->series + (size_t)(k * s->length + s->measured) * (size_t)s->columns, e);
}

static int advance_all(scalar_ensemble *s, long steps, bool thermalise, err *e) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(s->movers)
  for (int k = 0; k < s->n; k++) {
    int t = omp_get_thread_num();
    if (!s->fault[t].code) advance(s, s->mover[t], k, steps, thermalise, &s->fault[t]);
  }
  for (int t = 0; t < s->movers; t++)
    if (s->fault[t].code) err_set(e, s->fault[t].code, "%s", s->fault[t].text);
  states_out(s);
  return comm_vote(run_comm(s->r), e);
}

/* ---- the loops ---- */

static void note(const scalar_ensemble *s, char text[60]) {
  double tried = 0, accepted = 0;
  for (int k = 0; k < s->n; k++)
    tried += s->chain[k].state[SCALAR_TRIED], accepted += s->chain[k].state[SCALAR_ACCEPTED];
  snprintf(text, 60, "acceptance %.2f", tried > 0 ? accepted / tried : 0);
}

int scalar_ensemble_run(scalar_ensemble *s, err *e) {
  long total = s->plan.thermalisation;
  char text[60];
  while (s->thermalised < total && !run_stopping(s->r)) {
    long steps = total - s->thermalised < PORTION ? total - (long)s->thermalised : PORTION;
    if (advance_all(s, steps, true, e)) return e->code;
    s->thermalised += steps;
    run_tick(s->r, "thermalisation", (long)s->thermalised, total, NULL);
  }
  while (s->measured < s->length && !run_stopping(s->r)) {
    if (advance_all(s, s->plan.every, false, e)) return e->code;
    s->measured++;
    if (scalar_segment_keep(s, e)) return e->code;
    note(s, text);
    run_tick(s->r, "measuring", (long)s->measured, s->length, text);
  }
  return run_stopping(s->r) ? 0 : scalar_segment_close(s, e);
}

/* ---- before any work ---- */

static double field_megabytes(const scalar_points *p) {
  double n = 8e-6;
  for (int k = 0; k < p->d; k++) n *= p->side[k];
  return n;
}

int scalar_ensemble_check(const deck *d, const scalar_points *p, err *e) {
  scalar_plan plan;
  scalar_grid *g;
  scalar_mover *w;
  comm two = comm_pretend(2); /* what a member cannot do in slabs it refuses to any ranks */
  deck_get(d, "chain", scalar_plan_keys, &plan);
  if (plan.steps < plan.every)
    return err_set(e, ERR_DECK, "%s: chain.steps = %ld measures nothing with every = %ld",
                   deck_where(d, "chain", "steps"), plan.steps, plan.every);
  if (scalar_grid_new(&g, p->d, p->side, plan.layout == SCALAR_SLABS ? &two : NULL, e))
    return err_context(e, "%s: lattice", deck_where(d, "lattice", "L"));
  if (scalar_mover_from_deck(&w, d, g, p->model[0].fermions, 1, e))
    err_context(e, "%s", deck_where(d, "update", "kind"));
  scalar_mover_free(w);
  scalar_grid_free(g);
  return e->code;
}

void scalar_ensemble_log(run *r, const scalar_points *p) {
  scalar_plan plan;
  scalar_storage storage;
  deck_get(run_deck(r), "chain", scalar_plan_keys, &plan);
  deck_get(run_deck(r), "ensemble", scalar_storage_keys, &storage);
  double field = field_megabytes(p), chains = (double)p->n * (double)plan.replicas;
  long measured = plan.steps / plan.every, kept = storage.configurations ? measured / storage.configurations : 0;
  run_log(r, "%d point%s, %.0f chains of %ld + %ld updates: %.3g MB of fields, %.3g MB of measurements in memory", p->n,
          p->n > 1 ? "s" : "", chains, plan.thermalisation, plan.steps, chains * field,
          8e-6 * chains * (double)measured * columns_of(p));
  if (kept)
    run_log(r, "%ld configurations of each chain are stored, %.3g MB in all", kept,
            chains * (double)kept * field * (storage.precision ? 1 : .5));
}

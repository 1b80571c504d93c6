/* series_explain.c: what a network of app series looks at, on recordings whose truth is known, as in 'Explaining deep
 * learning for ECG analysis: building blocks for auditing and knowledge discovery' (Wagner et al., Comput. Biol. Med.
 * 176 (2024) 108525), with the scores of docs/relevance.md.
 *
 *   choose    recordings of the test fold that have the class
 *   explain   saliency, input x gradient, integrated gradients, relevance: attribution of the mean logit
 *   judge     completeness, ledger, share in the lead and wave where the class shows, randomised layers
 *   average   over the beats that the simulator placed, then over recordings */
#include "apps/series_explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(x) offsetof(explain_conf, x)
static const deck_key explain_keys[] = {
    {"from", DECK_TEXT, AT(from), .help = "run.h5 of app series, trained on simulated or planted recordings"},
    {"class", DECK_TEXT, AT(class), .help = "the class whose logit is explained, on recordings that have it"},
    {"records", DECK_INT, AT(records), "100", 1, 1e6, .help = "recordings of the test fold"},
    {"randomise", DECK_INT, AT(randomise), "10", 0, 1e6, .help = "the first ones also with randomised layers"},
    {"least", DECK_REAL, AT(least), "0.5", 0, 1,
     .help = "probability from which on the network has found the class: other recordings do not count"},
    {"before", DECK_REAL, AT(before), "0.3", 0, 2, .unit = "s", .help = "of a beat, before the R wave"},
    {"after", DECK_REAL, AT(after), "0.5", 0, 2, .unit = "s", .help = "of a beat, behind the R wave"},
    {0}};
#undef AT
static const deck_section schema[] = {
    {.name = "explain", .help = "network, class and recordings", .keys = explain_keys},
    {.name = "attribute", .help = "the methods", .keys = series_attribute_keys},
    {0},
};

enum { FOLDS = 10, PATIENCE = 1000, ROUND = 8 };

/* Recordings of the fold that the network was tested on, with the class. Who hardly has it (the oracle says so) is left
 * out. */
static int choose(explain *x, err *e) {
  ecg_record *r = NULL;
  int K = series_sim_classes(&x->sim);
  unsigned char *label = malloc((size_t)K);
  double *oracle = malloc(sizeof *oracle * (size_t)K);
  long n = 0, first = series_test_fold(x->model.past.deck) - 1; /* index % FOLDS: see ecg_sim_fold */
  if (!label || !oracle) err_set(e, ERR_RUN, "out of memory");
  if (!e->code) ecg_record_new(&r, &x->sim.c, e);
  for (long i = first; !e->code && n < x->n && i < FOLDS * PATIENCE * (x->n + 1); i += FOLDS) {
    series_sim_draw(&x->sim, (uint64_t)i, r, label, oracle);
    if (!label[x->drawn] || oracle[x->drawn] < .5) continue;
    for (int l = 0; l < SERIES_LEADS; l++) series_put_lead(&x->data, n, l, r->signal + l * r->samples);
    series_put_person(&x->data, n, r->age, r->sex);
    x->data.fold[n] = FOLDS, x->truth[n++] = series_truth_of(r);
  }
  if (!e->code && n < x->n)
    err_set(e, ERR_DECK, "explain.class = %s: %ld of %d recordings have it, explain.records = %ld are asked for",
            x->c.class, n, (int)(PATIENCE * (x->n + 1)), x->n);
  ecg_record_free(r);
  free(label), free(oracle);
  return e->code;
}

/* As many whole recordings as fit on lanes. */
static int share_out(explain *x, err *e) {
  static const int lanes[] = {8, 16, 32, 64};
  int k = 0;
  while (k < 3 && lanes[k] < x->w.each) k++;
  if (lanes[k] < x->w.each)
    return err_set(e, ERR_DECK, "%d windows of a recording: at most 64 (train with a larger data.window)", x->w.each);
  if (k < 1 && x->n * x->w.each > 8) k = 1;
  x->lanes = lanes[k], x->per = x->lanes / x->w.each;
  x->shards = (int)((x->n + x->per - 1) / x->per);
  x->before = (int)lrint(x->c.before * x->data.rate), x->after = (int)lrint(x->c.after * x->data.rate);
  x->beat = x->before + 1 + x->after;
  return 0;
}

int explain_open(explain *x, const deck *d, double memory, err *e) {
  deck_get(d, "explain", explain_keys, &x->c), deck_get(d, "attribute", series_attribute_keys, &x->attribute);
  if (series_model_open(&x->model, x->c.from, e) || series_sim_of(&x->sim, x->model.past.deck, x->model.seed, e))
    return err_context(e, "%s: explain.from", deck_where(d, "explain", "from"));
  if ((x->class = series_model_class(&x->model, x->c.class, e)) < 0)
    return err_context(e, "%s: explain.class", deck_where(d, "explain", "class"));
  while (x->drawn < series_sim_classes(&x->sim) && strcmp(series_sim_class(&x->sim, x->drawn), x->c.class)) x->drawn++;
  if (x->drawn == series_sim_classes(&x->sim))
    return err_set(e, ERR_DECK, "%s: explain.class = %s: the simulator does not know this class",
                   deck_where(d, "explain", "class"), x->c.class);
  x->n = x->c.records;
  x->data = (series_data){.n = x->n,
                          .samples = ecg_sim_samples(&x->sim.c),
                          .leads = SERIES_LEADS,
                          .classes = x->model.classes,
                          .rate = x->sim.c.rate};
  if (series_room(&x->data, false, memory, e)) return e->code;
  if (!(x->truth = calloc((size_t)x->n, sizeof *x->truth))) return err_set(e, ERR_RUN, "out of memory");
  if (choose(x, e)) return e->code;
  series_model_scale(&x->model, &x->data);
  unsigned char *wave = calloc((size_t)x->data.samples, 1), *in = calloc((size_t)x->data.samples, SERIES_LEADS);
  if (!wave || !in) err_set(e, ERR_RUN, "out of memory");
  if (!e->code) x->truth_known = series_truth_mask(&x->sim, x->c.class, x->data.samples, wave, in);
  free(wave), free(in);
  if (e->code || series_windows_new(&x->w, &x->data, 10, 10, x->model.window, x->model.person, false, e))
    return e->code;
  return share_out(x, e);
}

void explain_close(explain *x) {
  series_windows_free(&x->w), series_close(&x->data), series_model_close(&x->model);
  free(x->truth), free(x->rows), free(x->mine);
}

/* ---- the run ---- */
typedef struct crew {
  int threads;
  explain_worker **worker;
} crew;

static int make_crew(crew *c, explain *x, int threads, err *e) {
  *c = (crew){threads, calloc((size_t)threads, sizeof *c->worker)};
  if (!c->worker) return err_set(e, ERR_RUN, "out of memory");
  for (int t = 0; t < threads && !e->code; t++) explain_worker_new(&c->worker[t], x, e);
  if (e->code) return e->code;
  const series_explainer *m = explain_worker_methods(c->worker[0]);
  x->methods = m->methods, memcpy(x->name, m->name, sizeof x->name);
  x->row = explain_at(x, x->methods);
  return 0;
}

static void free_crew(crew *c) {
  for (int t = 0; c->worker && t < c->threads; t++) explain_worker_free(c->worker[t]);
  free(c->worker);
}

/* Shards done ... done + shards - 1, those of this rank on its threads. */
static int round_of(explain *x, const crew *c, const comm *w, int shards, err *e) {
  comm_range own = comm_rank_range(w, w->rank, shards);
  size_t each = (size_t)x->per * x->row;
  err *fault = calloc((size_t)c->threads, sizeof *fault);
  if (!fault) return err_set(e, ERR_RUN, "out of memory");
#pragma omp parallel for schedule(static, 1) num_threads(c->threads)
  for (int t = 0; t < c->threads; t++) {
    comm_range mine = comm_thread_range(own, t, c->threads);
    for (int k = mine.first; k < mine.end && !fault[t].code; k++)
      explain_shard(c->worker[t], (int)x->done + k, x->mine + (size_t)(k - own.first) * each, &fault[t]);
  }
  for (int t = 0; t < c->threads && !e->code; t++)
    if (fault[t].code) *e = fault[t];
  free(fault);
  return e->code;
}

static int own(run *r, explain *x, err *e) {
  size_t each = (size_t)x->per * x->row, all = (size_t)x->shards * each;
  x->rows = run_root(r) ? calloc(all, sizeof *x->rows) : NULL;
  x->mine = calloc(ROUND * each, sizeof *x->mine);
  if (!x->mine || (run_root(r) && !x->rows)) err_set(e, ERR_RUN, "rows of recordings: out of memory");
  if (comm_vote(run_comm(r), e)) return e->code;
  run_item rows = {.name = "explain.rows", .p = x->rows, .type = H5_F64, .count = run_root(r) ? all : 0};
  run_item done = {.name = "explain.done", .p = &x->done, .type = H5_I64, .count = 1, .replicated = true};
  return run_own(r, rows, e) || run_own(r, done, e) ? e->code : 0;
}

static int work(run *r, explain *x, const crew *c, err *e) {
  const comm *w = run_comm(r);
  size_t each = (size_t)x->per * x->row;
  if (own(r, x, e)) return e->code;
  run_tick(r, "explain", x->done, x->shards, NULL); /* the first round takes long: the clock starts before it */
  while (x->done < x->shards && !run_stopping(r)) {
    int shards = x->shards - (int)x->done < ROUND ? x->shards - (int)x->done : ROUND;
    round_of(x, c, w, shards, e);
    if (comm_vote(w, e)) break;
    comm_gather_rows(w, shards, each * sizeof *x->mine, x->mine, x->rows ? x->rows + (size_t)x->done * each : NULL);
    x->done += shards;
    run_tick(r, "explain", x->done, x->shards, NULL);
  }
  if (!e->code && !run_stopping(r) && run_root(r)) explain_report(r, x, e);
  if (!comm_vote(w, e) && !run_stopping(r)) run_snapshot(r, e);
  run_disown(r, "explain.rows"), run_disown(r, "explain.done");
  return e->code;
}

static int explain_main(run *r, err *e) {
  explain x = {0};
  crew c = {0};
  if (!explain_open(&x, run_deck(r), run_memory(r), e) && !make_crew(&c, &x, run_comm(r)->threads, e)) {
    run_log(r, "%ld recordings with %s, %d windows each, %d methods; %zu parameters", x.n, x.c.class, x.w.each,
            x.methods, x.model.g->nparam);
    if (!x.truth_known) run_log(r, "where %s shows is not in the tables: no share inside", x.c.class);
  }
  if (!comm_vote(run_comm(r), e) && !run_dry(r)) work(r, &x, &c, e);
  free_crew(&c), explain_close(&x);
  return e->code;
}

const app app_series_explain = {.name = "series-explain",
                                .help = "what a trained ECG classifier looks at, judged on simulated recordings",
                                .schema = schema,
                                .main = explain_main};

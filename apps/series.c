/* series.c: classifiers of 12-lead ECGs on folds as in 'Deep learning for ECG analysis: benchmarks and insights from
 * PTB-XL' (Strodthoff et al., IEEE JBHI 25 (2021) 1519) and 'Advancing the state of the art for ECG analysis through
 * structured state space models' (Mehari & Strodthoff 2022).
 *
 *   train     folds 1 to 8, random windows; fold 9 decides which epoch is kept
 *   test      fold 10: mean over windows of the predicted probabilities (data.test_fold turns the folds)
 *   compare   macro AUROC with bootstrap intervals; simulated ECGs: beside that of the oracle, who knows the truth;
 *             and with another run's network on the same recordings
 *
 * The scores of fold 10 stay in run.h5: /test/score, /test/label (records, classes), /test/record. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/metrics.h"
#include "apps/series_model.h"
#include "base/h5.h"
#include "nn/fit.h"
#include "nn/nets.h"

typedef struct data_conf {
  long records, window, seed, test_fold;
  bool person;
  const char *only;
} data_conf;
static const deck_key data_keys[] = {
    {"records", DECK_INT, offsetof(data_conf, records), "0", 0, 1e8, .help = "recordings, the first ones; 0: all"},
    {"window", DECK_INT, offsetof(data_conf, window), "0", 0, 1e8, .unit = "samples",
     .help = "what the network sees at a time; 0: the whole recording"},
    {"seed", DECK_INT, offsetof(data_conf, seed), "0", 0, 4294967295.,
     .help = "of simulated recordings; 0: run.seed, which differs from point to point of a sweep"},
    {"person", DECK_BOOL, offsetof(data_conf, person), "true",
     .help = "age and sex join behind the body of the network"},
    {"test_fold", DECK_INT, offsetof(data_conf, test_fold), "10", 1, 10,
     .help = "that is tested; the fold before it decides which epoch is kept, the eight others are trained on"},
    {"only", DECK_TEXT, offsetof(data_conf, only), "~", .help = "the one class that counts; unset: all"},
    {0},
};
typedef struct evaluate_conf {
  long replicates;
  double level, ridge;
  bool features, half_rate, half_filter;
  int windows;
  const char *against;
} evaluate_conf;
static const deck_key evaluate_keys[] = {
    {"replicates", DECK_INT, offsetof(evaluate_conf, replicates), "1000", 10, 1e6, .help = "of the bootstrap",
     .free = true},
    {"level", DECK_REAL, offsetof(evaluate_conf, level), "0.95", 0.5, 0.999, .help = "of the intervals", .free = true},
    {"windows", DECK_WORD, offsetof(evaluate_conf, windows), "mean", .words = "mean|max",
     .help = "what is made of the probabilities of a recording's windows"},
    {"features", DECK_BOOL, offsetof(evaluate_conf, features), "true",
     .help = "also a baseline: logistic regression on measured intervals and waves", .free = true},
    {"half_rate", DECK_BOOL, offsetof(evaluate_conf, half_rate), "false",
     .help = "also every other sample of the recordings; state spaces are told", .free = true},
    {"half_filter", DECK_BOOL, offsetof(evaluate_conf, half_filter), "false",
     .help = "of these keep only what lies below their Nyquist frequency", .free = true},
    {"ridge", DECK_REAL, offsetof(evaluate_conf, ridge), "10", 1e-6, 1e9, .help = "of that regression", .free = true},
    {"against", DECK_TEXT, offsetof(evaluate_conf, against), "~",
     .help = "run.h5 of another network on the same recordings, whose scores are paired with these", .free = true},
    {0},
};
static const deck_section schema[] = {
    {.name = "data", .help = "recordings", .keys = data_keys, .kinds = series_sources, .kind_def = "simulated"},
    {.name = "net", .help = "the network", .keys = nn_nets_keys, .kinds = nn_nets, .kind_def = "s4"},
    NN_FIT_SECTIONS("bce"),
    {.name = "evaluate", .help = "figures of merit of the test fold", .keys = evaluate_keys},
    {0},
};

typedef struct problem {
  series_data data;
  series_windows train, valid, test;
  nn_net_task task;
  nn_graph *g;
  nn_real *theta, *state;
  evaluate_conf c;
  double *against;  // (test records, classes) scores of evaluate.against; rank 0
} problem;

int series_test_fold(const deck *d) {
  data_conf c;
  deck_get(d, "data", data_keys, &c);
  return (int)c.test_fold;
}

bool series_window_max(const deck *d) {
  evaluate_conf c;
  deck_get(d, "evaluate", evaluate_keys, &c);
  return c.windows;
}

static void close_problem(problem *p) {
  series_windows_free(&p->train), series_windows_free(&p->valid), series_windows_free(&p->test);
  series_close(&p->data), nn_graph_free(p->g);
  free(p->theta), free(p->state), free(p->against);
}

static int open_problem(problem *p, const deck *d, uint32_t seed, double memory, bool dry, err *e) {
  const series_source *source = (const series_source *)deck_kind_of(d, "data");
  data_conf c;
  deck_get(d, "data", data_keys, &c), deck_get(d, "evaluate", evaluate_keys, &p->c);
  if (source->open(&p->data, d, c.records, c.seed ? (uint32_t)c.seed : seed, memory, dry, e) ||
      (c.only && series_keep(&p->data, c.only, e)))
    return e->code;
  series_turn_folds(&p->data, (int)c.test_fold);
  if (!dry) series_standardise(&p->data);
  if (series_windows_new(&p->train, &p->data, 1, 8, c.window, c.person, true, e) ||
      series_windows_new(&p->valid, &p->data, 9, 9, c.window, c.person, false, e) ||
      series_windows_new(&p->test, &p->data, 10, 10, c.window, c.person, false, e) ||
      nn_fit_check(d, p->data.classes, e))
    return e->code;
  p->valid.max = p->test.max = p->c.windows;
  p->task = (nn_net_task){.in = {{(int)p->train.length, 1, 1}, p->data.leads}, .outputs = p->data.classes};
  if (c.person) p->task.meta = SERIES_PERSON;
  if (nn_nets_build(&p->g, &p->task, d, e)) return e->code;
  return nn_nets_start(p->g, d, seed, &p->theta, &p->state, e);
}

/* Rank 0: the scores of fold 10 by another run, whose test recordings and labels must be these. */
static int read_against(problem *p, err *e) {
  const series_windows *w = &p->test;
  const char *path = p->c.against;
  size_t n = (size_t)w->records, K = (size_t)p->data.classes;
  int64_t *record = malloc(sizeof *record * n);
  unsigned char *label = malloc(n * K);
  bool same = (p->against = malloc(sizeof *p->against * n * K)) && record && label;
  h5 *f = NULL;
  if (!same) err_set(e, ERR_RUN, "scores: out of memory");
  if (!e->code && !h5_open(&f, path, e) && !h5_has(f, "/test/score"))
    err_set(e, ERR_FILE, "%s: holds no scores (/test/score): no finished run of app series?", path);
  if (!e->code && !h5_read(f, "/test/record", H5_I64, record, n, e) &&
      !h5_read(f, "/test/label", H5_U8, label, n * K, e))
    h5_read(f, "/test/score", H5_F64, p->against, n * K, e);
  for (size_t i = 0; i < n && same && !e->code; i++)
    same = record[i] == w->record[i] && !memcmp(label + i * K, p->data.label + w->record[i] * K, K);
  if (!same && !e->code) err_set(e, ERR_FILE, "%s: its test recordings are others (data.seed? data.records?)", path);
  if (f) h5_close(f);
  free(record), free(label);
  return e->code ? err_context(e, "evaluate.against") : 0;
}

/* Macro AUROC of z (windows, classes); NaN where it cannot be had. */
static double auroc_of(void *ctx, long count, const nn_real *z, const nn_real *t) {
  const series_windows *w = ctx;
  err e = {0};
  double macro = NAN, *score = malloc(sizeof *score * (size_t)(w->records * w->s->classes));
  unsigned char *label = malloc((size_t)(w->records * w->s->classes));
  metrics_ranking *r = NULL;
  if (score && label) {
    series_scores(w, z, score, label);
    metrics_scores s = {w->records, w->s->classes, score, label};
    if (!metrics_ranking_new(&r, &s, false, &e)) metrics_values(r, metrics_find("auroc"), 0, NULL, &macro, NULL, &e);
  }
  metrics_ranking_free(r), free(score), free(label);
  return macro;
}

/* Scores of fold 10: of the network, also at half the sampling rate, of another run's network, of measured features, of
 * the oracle. Rank 0. */
enum { MODELS = 5 };
typedef struct verdict {
  int models;
  const char *name[MODELS], *text[MODELS], *less[MODELS]; /* less: of the network's score minus this one's */
  double *score[MODELS];                                  // (records, classes)
  unsigned char *label;                                   // (records, classes)
  metrics_ranking *ranking[MODELS];
} verdict;
static void verdict_free(verdict *v) {
  for (int m = 0; m < v->models; m++) free(v->score[m]), metrics_ranking_free(v->ranking[m]);
  free(v->label);
}

/* Room for the scores of one more model; NULL with e set. */
static double *one_more(verdict *v, const problem *p, const char *name, const char *text, const char *less, err *e) {
  double *room = malloc(sizeof *room * (size_t)p->test.records * p->data.classes);
  if (!room) err_set(e, ERR_RUN, "scores: out of memory");
  if (!room) return NULL;
  v->name[v->models] = name, v->text[v->models] = text, v->less[v->models] = less;
  return v->score[v->models++] = room;
}

static int put_scores(run *r, const problem *p, const verdict *v, err *e) {
  const series_windows *w = &p->test;
  size_t dims[2] = {(size_t)w->records, (size_t)p->data.classes};
  int64_t *record = malloc(sizeof *record * dims[0]);
  if (!record) return err_set(e, ERR_RUN, "scores: out of memory");
  for (size_t i = 0; i < dims[0]; i++) record[i] = w->record[i];
  if (!run_series(r, "/test/score", H5_F64, 2, dims, v->score[0], "1",
                  "of the network: probabilities (evaluate.windows); records x classes", e) &&
      !run_series(r, "/test/label", H5_U8, 2, dims, v->label, "1", "records x classes", e))
    run_series(r, "/test/record", H5_I64, 1, dims, record, "1", "number of each recording of the test fold", e);
  free(record);
  return e->code;
}

static int judge(verdict *v, const problem *p, const nn_real *z, const nn_real *half, err *e) {
  const series_windows *w = &p->test;
  size_t K = (size_t)p->data.classes;
  double *score = one_more(v, p, "auroc", "macro AUROC of the network on the test fold", NULL, e);
  if (!(v->label = malloc((size_t)w->records * K))) err_set(e, ERR_RUN, "labels: out of memory");
  if (!e->code) series_scores(w, z, score, v->label);
  if (!e->code && half &&
      (score = one_more(v, p, "auroc.half_rate", "of recordings at half the sampling rate", "beyond_half_rate", e)))
    series_scores(w, half, score, NULL);
  if (!e->code && p->c.against &&
      (score = one_more(v, p, "auroc.against", "of the network of evaluate.against", "beyond_against", e)))
    memcpy(score, p->against, sizeof *score * (size_t)w->records * K);
  if (!e->code && p->c.features &&
      (score = one_more(v, p, "auroc.features", "of logistic regressions on measurements", "beyond_features", e)))
    series_baseline(&p->train, w, p->c.ridge, score, e);
  if (!e->code && p->data.oracle &&
      (score = one_more(v, p, "auroc.oracle", "of the labels' true probabilities", "beyond_oracle", e)))
    for (long i = 0; i < w->records; i++) memcpy(score + i * K, p->data.oracle + w->record[i] * K, sizeof *score * K);
  for (int m = 0; m < v->models && !e->code; m++) {
    metrics_scores s = {w->records, (int)K, v->score[m], v->label};
    metrics_ranking_new(&v->ranking[m], &s, false, e);
  }
  return e->code;
}

/* Columns of the bootstrap: for each model its macro average, then its classes. */
static int put_macro(run *r, const problem *p, const double *rows, int count, int i, int j, double point,
                     const char *name, const char *text, err *e) {
  metrics_interval v;
  char what[300];
  if (metrics_interval_of(p->c.replicates, count, rows, i, j, point, p->c.level, METRICS_PERCENTILE, &v, e))
    return e->code;
  snprintf(what, sizeof what, "%s; %.0f %% interval %.5f to %.5f of %ld bootstrap replicates", text, 100 * p->c.level,
           v.low, v.high, v.used);
  run_log(r, "%-16s %.5f, %.0f %% interval %.5f to %.5f", name, point, 100 * p->c.level, v.low, v.high);
  return run_number(r, name, "1", what, point, v.sd, e);
}

/* AUROC by class of model m (the network: auroc_class), and of the network minus it: gain_class. */
static int put_classes(run *r, const problem *p, const double *rows, int count, int m, const verdict *v,
                       const double *each, err *e) {
  size_t K = (size_t)p->data.classes;
  int first = 1 + m * (count / v->models);
  double *error = malloc(2 * sizeof *error * K), *gain = error + K;
  char name[80];
  for (int less = 0; less <= (m > 0) && error && !e->code; less++) {
    for (int k = 0; k < (int)K && !e->code; k++) {
      metrics_interval of;
      gain[k] = less ? each[k] - each[m * K + k] : each[m * K + k];
      metrics_interval_of(p->c.replicates, count, rows, less ? 1 + k : first + k, less ? first + k : -1, gain[k],
                          p->c.level, METRICS_PERCENTILE, &of, e);
      error[k] = of.sd;
    }
    snprintf(name, sizeof name, "%s%s", less ? "gain_class" : "auroc_class", strchrnul(v->name[m], '.'));
    run_array a = {
        .name = name,
        .unit = "1",
        .description = less ? "network minus the other by class, paired" : "AUROC of each class on the test fold",
        .rank = 1,
        .dims = {K},
        .axis = {"class"},
        .value = gain,
        .error = error};
    if (!e->code) run_result_array(r, a, e);
  }
  if (!error) err_set(e, ERR_RUN, "out of memory");
  free(error);
  return e->code;
}

/* A line for each class: AUROC of the models. */
static void tell_classes(run *r, const problem *p, const verdict *v, const double *each) {
  int K = p->data.classes;
  char line[200] = "class           ";
  for (int k = -1; k < K; k++) {
    int at = k < 0 ? 16 : snprintf(line, sizeof line, "%-16.16s", p->data.name[k]);
    for (int m = 0; m < v->models; m++)
      at += k < 0 ? snprintf(line + at, sizeof line - (size_t)at, " %10s", m ? v->name[m] + 6 : "network")
                  : snprintf(line + at, sizeof line - (size_t)at, " %10.4f", each[m * K + k]);
    run_log(r, "%s", line);
  }
}

/* Results of rank 0. */
static int report(run *r, const problem *p, const verdict *v, err *e) {
  int K = p->data.classes;
  const metrics_ranking *ranking[MODELS];
  for (int m = 0; m < MODELS; m++) ranking[m] = v->ranking[m];
  metrics_panel panel = {v->models, ranking, metrics_find("auroc"), 0, true};
  int count = metrics_panel_count(&panel), each_model = count / v->models;
  double macro[MODELS], *each = malloc(sizeof *each * K * MODELS);
  double *rows = malloc(sizeof *rows * p->c.replicates * count);
  if (!rows || !each) err_set(e, ERR_RUN, "bootstrap: out of memory");
  for (int m = 0; m < v->models && !e->code; m++)
    metrics_values(v->ranking[m], panel.metric, 0, each + m * K, &macro[m], NULL, e);
  metrics_resample draw = {.n = p->test.records, .replicates = p->c.replicates, .seed = run_seed(r)};
  if (!e->code) metrics_bootstrap(&draw, count, metrics_panel_statistic, &panel, rows, e);
  if (!e->code) tell_classes(r, p, v, each);
  for (int m = 0; m < v->models && !e->code; m++) {
    put_classes(r, p, rows, count, m, v, each, e);
    put_macro(r, p, rows, count, m * each_model, -1, macro[m], v->name[m], v->text[m], e);
    if (v->less[m])
      put_macro(r, p, rows, count, 0, m * each_model, macro[0] - macro[m], v->less[m],
                "network minus the other, paired", e);
  }
  if (!e->code) put_scores(r, p, v, e);
  free(rows), free(each);
  return e->code;
}

/* Collective: outputs of fold 10 by a network with the parameters trained; *z on rank 0, to be freed. */
static int predict(run *r, const problem *p, const series_windows *w, const nn_graph *g, nn_real **z, err *e) {
  nn_crew *crew = NULL;
  nn_prediction out = {.d = &w->set, .theta = p->theta, .state = p->state};
  if (run_root(r) && !(*z = malloc(sizeof **z * (size_t)w->set.count * p->data.classes)))
    err_set(e, ERR_RUN, "predictions: out of memory");
  if (!e->code) nn_crew_new(&crew, g, run_comm(r), nn_fit_lanes(run_deck(r)), p->data.classes, 1, false, e);
  out.out = *z;
  if (!comm_vote(run_comm(r), e)) nn_predict(crew, &out, e);
  nn_crew_free(crew);
  return e->code;
}

/* The same network for half the sampling rate. */
static int predict_half(run *r, const problem *p, nn_real **z, err *e) {
  series_windows w = p->test;
  nn_net_task task = p->task;
  nn_graph *g = NULL;
  series_halve(&w, p->c.half_filter), w.set.ctx = &w;
  task.in.extent[0] /= 2, task.rate = 2;
  if (!nn_nets_build(&g, &task, run_deck(r), e) && g->nparam != p->g->nparam)
    err_set(e, ERR_DECK, "evaluate.half_rate: this network has other parameters for another length");
  if (!e->code) predict(r, p, &w, g, z, e);
  nn_graph_free(g);
  return e->code;
}

static int test(run *r, const problem *p, err *e) {
  nn_real *z = NULL, *half = NULL;
  verdict v = {0};
  if (!predict(r, p, &p->test, p->g, &z, e) && p->c.half_rate) predict_half(r, p, &half, e);
  if (!e->code && run_root(r) && !judge(&v, p, z, half, e)) report(r, p, &v, e);
  verdict_free(&v), free(z), free(half);
  return e->code;
}

/* The algorithm: train, test, compare. */
static int work(run *r, problem *p, const nn_task *task, err *e) {
  nn_fit *f = NULL;
  series_stored stored = {{p->g, p->theta, p->state}, &p->data, p->train.length, p->task.meta > 0};
  if (nn_fit_new(&f, r, task, p->theta, p->state, e) || run_writer(r, series_model_write, &stored, e)) goto end;
  if (nn_fit_run(f, e) || run_stopping(r)) goto end;
  test(r, p, e);
  if (!comm_vote(run_comm(r), e)) run_snapshot(r, e);
end:
  run_writer_end(r, &stored, e);
  nn_fit_free(f);
  return e->code;
}

static int series_main(run *r, err *e) {
  problem p = {0};
  bool dry = run_dry(r);
  if (!open_problem(&p, run_deck(r), run_seed(r), run_memory(r), dry, e) && p.c.against && run_root(r) && !dry)
    read_against(&p, e);
  if (!comm_vote(run_comm(r), e)) {
    nn_task task = {
        .g = p.g, .train = &p.train.set, .valid = &p.valid.set, .quantities = p.data.classes, .nmetrics = 1};
    task.metric[0] = (nn_metric){"auroc", "macro AUROC of the fold before the test fold", true, auroc_of, &p.valid};
    run_log(r, "%ld recordings of %d leads, %ld samples at %g Hz, %d classes; %ld train, %ld validate, %ld test",
            p.data.n, p.data.leads, p.data.samples, p.data.rate, p.data.classes, p.train.records, p.valid.records,
            p.test.records);
    if (!nn_fit_plan(r, &task, e) && !dry) work(r, &p, &task, e);
  }
  close_problem(&p);
  return e->code;
}

static int check(const deck *d, err *e) {
  nn_net_task task = {.in = {{1000, 1, 1}, SERIES_LEADS}, .outputs = 2, .meta = SERIES_PERSON};
  nn_graph *g = NULL;
  evaluate_conf c;
  deck_get(d, "evaluate", evaluate_keys, &c);
  if (c.half_filter && !c.half_rate)
    return err_set(e, ERR_DECK, "%s: evaluate.half_filter: has no effect without evaluate.half_rate",
                   deck_where(d, "evaluate", "half_filter"));
  if (!nn_fit_check(d, 2, e)) nn_nets_build(&g, &task, d, e);
  nn_graph_free(g);
  return e->code;
}

const app app_series = {.name = "series",
                        .help = "classifiers of ECGs: structured state spaces and others, on simulated data or PTB-XL",
                        .schema = schema,
                        .check = check,
                        .main = series_main};

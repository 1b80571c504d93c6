/* test_series_explain.c: attributions whose truth is known without training. A linear network that looks at the T waves
 * of lead V3 of one recording: every method puts all there, sums are complete, ledgers close, averages over beats show
 * it at its place, and random layers destroy it. Waves and averages of made-up beats. Recordings from files for a
 * network: units, names, derived leads, rates, parts; what is missing is said in one message. A run that is stopped
 * between two rounds of recordings and continued has the results of one that was not. Linked with --wrap=run_tick. */
#include <math.h>
#include <sys/stat.h>

#include "apps/series_explain.h"
#include "apps/series_record.h"
#include "tests/check.h"
#include "tests/folder.h"
#include "tests/run_part.h"
#include "tests/stop_at.h"

#ifdef NN_SINGLE
static const double tight = 1e-5;
#else
static const double tight = 1e-12;
#endif
extern const app app_series_explain, app_series_predict;
static err e;

static deck *parse(const app *a, const char *text) {
  deck *d = NULL;
  memset(&e, 0, sizeof e);
  CHECK_REPORT(!deck_parse(&d, "test", text, strlen(text), NULL, 0, a->schema, &e), "%.400s", e.text);
  return d;
}

/* ---- a run.h5 of a network with a layer of rectifiers ---- */
enum { UNITS = 16 };
static const char trained[] =
    "app: series\ndata: {kind: planted, lead: V3, wave: T, share: 1, seconds: 3, records: 100}\n"
    "net: {kind: mlp, width: 16}\nloss: {kind: bce}\n";

static void put_model(const char *file, const char *text) {
  deck *d = parse(&app_series, text);
  nn_graph *g = NULL;
  char *names[] = {"PLANTED"};
  series_data data = {.leads = SERIES_LEADS, .classes = 1, .rate = 100, .seed = 7, .name = names};
  nn_net_task task = {.in = {{300, 1, 1}, SERIES_LEADS}, .outputs = 1};
  for (int l = 0; l < SERIES_LEADS; l++) data.sd[l] = .2 + .01 * l, data.mean[l] = .01 * l;
  CHECK(!nn_nets_build(&g, &task, d, &e));
  nn_real *theta = nn_alloc(g->nparam * sizeof *theta);
  nn_init(g, theta, 1);
  series_stored s = {{g, theta, NULL}, &data, 300, false};
  h5 *f = NULL;
  CHECK_REPORT(!h5_create(&f, folder_file(file), &e) && !h5_attr_text(f, "/run", "used_deck", text, &e) &&
                   !series_model_write(f, &s, &e) && !h5_commit(f, &e),
               "%.300s", e.text);
  nn_graph_free(g), free(theta), deck_free(d);
}

static deck *explain_deck(const char *file, const char *rest) {
  char text[500];
  snprintf(text, sizeof text, "app: series-explain\nexplain: {from: %s, class: PLANTED, least: 0%s}\n",
           folder_file(file), rest);
  return parse(&app_series_explain, text);
}

/* First unit: the sign of the signal in the T waves of V3 of recording 0, for each of its windows; a large bias keeps
 * the rectifier open. All other weights are 0, but for 1 behind it. */
static void look_at_t(explain *x, const unsigned char *wave) {
  const nn_node *first = NULL, *last = &x->model.g->node[x->model.g->output];
  for (int i = x->model.g->nnodes - 1; i >= 0; i--)
    if (x->model.g->node[i].nparam) first = &x->model.g->node[i];
  nn_real *w = x->model.theta + first->param;
  CHECK(x->w.each == 1 && first->nparam == UNITS * ((size_t)x->w.length * SERIES_LEADS + 1) &&
        last->nparam == UNITS + 1);
  memset(x->model.theta, 0, x->model.g->nparam * sizeof *x->model.theta);
  for (long t = 0; t < x->w.length; t++)
    for (int l = 0; l < SERIES_LEADS; l++)
      w[(t * SERIES_LEADS + l) * UNITS] =
          l == 8 && wave[t] == ECG_T ? copysign(1, (double)x->data.signal[t * SERIES_LEADS + l]) : 0;
  w[x->w.length * SERIES_LEADS * UNITS] = 500;
  x->model.theta[last->param] = 1;
}

static void method_is_right(const explain *x, int m) {
  const double *score = x->rows + explain_at(x, m), *beat = score + EXPLAIN_SCORES;
  const char *name = x->name[m];
  double elsewhere = 0, there = 0;
  CHECK_REPORT(score[EXPLAIN_FAULT] <= tight || m < 2, "%s: fault %g", name, score[EXPLAIN_FAULT]);
  if (m == 2) CHECK_NEAR(score[EXPLAIN_KEPT], 1, tight);
  if (!strcmp(name, "lrp-lattice") || strstr(name, "flat")) return; /* w^2, flat: do not look at the input */
  CHECK_REPORT(fabs(score[EXPLAIN_INSIDE] - 1) < tight, "%s: inside %g", name, score[EXPLAIN_INSIDE]);
  CHECK_REPORT(score[EXPLAIN_RANK] > .99, "%s: rank %g", name, score[EXPLAIN_RANK]);
  CHECK_NEAR(score[EXPLAIN_WAVE + ECG_T], 1, tight);
  CHECK_NEAR(score[EXPLAIN_LEAD + 8], 1, tight);
  CHECK_REPORT(fabs(score[EXPLAIN_RHO]) < .2, "%s: rank correlation with random layers %g", name, score[EXPLAIN_RHO]);
  for (int l = 0; l < SERIES_LEADS; l++)
    for (int i = 0; i < x->beat; i++) {
      double t = (i - x->before) / x->data.rate, v = fabs(beat[l * x->beat + i]);
      const ecg_fiducials *f = &x->truth[0].f;
      if (l == 8 && t > 2 * f->t_peak - f->t_off - .011 && t < f->t_off + .011)
        there += v;
      else
        elsewhere += v;
    }
  CHECK_REPORT(there > .01 && elsewhere < tight, "%s: of a beat %g in the T wave of V3, %g elsewhere", name, there,
               elsewhere);
}

static void linear(void) {
  explain x = {0};
  explain_worker *w = NULL;
  deck *d = explain_deck("run.h5", ", records: 1, randomise: 1, after: 0.4");
  CHECK_REPORT(!explain_open(&x, d, 1e9, &e), "%.300s", e.text);
  CHECK(x.truth_known && x.n == 1 && x.truth[0].beats > 2 && x.sim.lead == 8 && x.data.seed == 0 && x.model.seed == 7);
  unsigned char wave[300];
  series_wave_mask(&x.truth[0], x.data.rate, x.data.samples, wave);
  look_at_t(&x, wave);
  CHECK(!explain_worker_new(&w, &x, &e));
  const series_explainer *methods = explain_worker_methods(w);
  x.methods = methods->methods, memcpy(x.name, methods->name, sizeof x.name), x.row = explain_at(&x, x.methods);
  CHECK(x.methods >= 5);
  x.rows = calloc((size_t)x.per * x.row, sizeof *x.rows);
  CHECK_REPORT(!explain_shard(w, 0, x.rows, &e), "%.300s", e.text);
  for (int m = 0; m < x.methods; m++) method_is_right(&x, m);
  explain_worker_free(w), explain_close(&x), deck_free(d);
}

/* A network that was tested on fold 3 is explained on recordings of that fold: 2, 12, 22 ... */
static void other_fold(void) {
  static const char text[] =
      "app: series\ndata: {kind: planted, lead: V3, wave: T, share: 1, seconds: 3, records: 100, test_fold: 3}\n"
      "net: {kind: mlp, width: 16}\nloss: {kind: bce}\n";
  explain x = {0};
  ecg_record *r = NULL;
  unsigned char label = 0;
  double oracle = 0, off = 0;
  put_model("third.h5", text);
  deck *d = explain_deck("third.h5", ", records: 1");
  CHECK_REPORT(!explain_open(&x, d, 1e9, &e), "%.300s", e.text);
  if (e.code || ecg_record_new(&r, &x.sim.c, &e)) return;
  for (uint64_t i = 2; !label || oracle < .5; i += 10) series_sim_draw(&x.sim, i, r, &label, &oracle);
  CHECK_INT(r->fold, 3);
  for (long t = 0; t < x.data.samples; t++) /* the first lead in mV; mean and sd of put_model */
    off = fmax(off, fabs(.2 * (double)x.data.signal[t * SERIES_LEADS] - r->signal[t]));
  CHECK_REPORT(off < 1e-5, "another recording: off by %g mV", off);
  ecg_record_free(r), explain_close(&x), deck_free(d);
}

static void wrong_decks(void) {
  explain x = {0};
  deck *d = parse(&app_series_explain, "app: series-explain\nexplain: {from: /nowhere/run.h5, class: PLANTED}\n");
  CHECK(explain_open(&x, d, 1e9, &e) == ERR_FILE && strstr(e.text, "/nowhere/run.h5"));
  explain_close(&x), deck_free(d);
  d = explain_deck("run.h5", "");
  x = (explain){0};
  memset(&e, 0, sizeof e);
  CHECK(!series_model_open(&x.model, folder_file("run.h5"), &e));
  CHECK(series_model_class(&x.model, "PLANTD", &e) == -1 && e.code == ERR_DECK && strstr(e.text, "PLANTED"));
  explain_close(&x), deck_free(d);
}

/* ---- beats ---- */
static void beats(void) {
  enum { N = 400 };
  static double x[N * 2], room[ECG_BEATS], mean[2 * 31], median[2 * 31];
  unsigned char wave[N];
  series_truth t = {
      .beats = 4, .beat = {.05, 1, 2, 3}, .f = {-.2, -.15, -.1, -.05, .05, .3, .4}}; /* P, QRS; the T wave from .2 on */
  series_wave_mask(&t, 100, N, wave);
  CHECK(wave[100] == ECG_QRS && wave[95] == ECG_QRS && wave[94] == SERIES_BETWEEN && wave[85] == ECG_P);
  CHECK(wave[110] == ECG_ST && wave[121] == ECG_T && wave[139] == ECG_T && wave[142] == SERIES_BETWEEN);
  for (int b = 1; b < 4; b++) x[(100 * b + 7) * 2 + 1] = b == 1 ? 12 : 3;
  CHECK(series_beats_within(&t, 100, N, 10, 20) == 3);
  series_beat_average(&t, 100, N, 2, x, 10, 20, NULL, mean);
  series_beat_average(&t, 100, N, 2, x, 10, 20, room, median);
  for (int i = 0; i < 62; i++) {
    CHECK_NEAR(mean[i], i == 31 + 17 ? 6 : 0, 1e-12);
    CHECK_NEAR(median[i], i == 31 + 17 ? 3 : 0, 1e-12);
  }
}

/* ---- recordings ---- */
/* A file of tones at 200 Hz, 6 s, in microvolts; lead k of the twelve: sum over c of its row times tone c. */
static double tone(int lead, double t) {
  return sin(6.283185307179586 * (2 + .5 * lead) * t);
}

static void put_csv(const char *name, const char *const *lead, int n, const char *unit, bool told) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (told) fprintf(f, "# rate: 200\n");
  for (int k = 0; k < n; k++) fprintf(f, "%s%s [%s]", k ? "," : "", lead[k], unit);
  for (int i = 0; i < 1200; i++) {
    fputc('\n', f);
    for (int k = 0; k < n; k++) fprintf(f, "%s%.6f", k ? "," : "", 1000 * tone(k, i / 200.));
  }
  fputc('\n', f);
  fclose(f);
  CHECK(!folder_put(name, text, size));
  free(text);
}

static int read_record(series_record *s, const series_model *m, const char *file, const char *rest) {
  char text[600];
  snprintf(text, sizeof text, "app: series-predict\nmodel: {from: x}\nrecord: {path: %s%s}\n", folder_file(file), rest);
  deck *d = parse(&app_series_predict, text);
  int code = series_record_open(s, d, m, &e);
  deck_free(d);
  return code;
}

static void records(void) {
  static const char *const names[] = {"i", "II", "V1", "V2", "V3", "V4", "V5", "V6"};
  series_model m;
  series_record s;
  CHECK(!series_model_open(&m, folder_file("run.h5"), &e));
  put_csv("eight.csv", names, 8, "uV", true), put_csv("five.csv", names, 5, "uV", true);
  put_csv("untold.csv", names, 8, "uV", false);
  CHECK_REPORT(!read_record(&s, &m, "eight.csv", ", begin: 1, seconds: 4, sex: female"), "%.300s", e.text);
  CHECK(s.samples == 400 && s.rate == 100 && isnan(s.age) && s.sex == 1 && strstr(s.note, "200 to 100 Hz"));
  double off = 0;
  for (int i = 50; i < 350; i++) {
    double t = 1 + i / 100., a = tone(0, t), b = tone(1, t);
    const double want[] = {a, b, b - a, -.5 * (a + b), a - .5 * b, b - .5 * a, tone(2, t), tone(3, t)};
    for (int k = 0; k < 8; k++) off = fmax(off, fabs(s.x[k * s.samples + i] - want[k]));
  }
  CHECK_REPORT(off < 1e-3, "a recording is off by %g mV", off);
  series_record_close(&s);
  CHECK(!read_record(&s, &m, "eight.csv", ", transfer: tell"));
  CHECK(s.rate == 200 && s.samples == 1200);
  series_record_close(&s);
  nn_graph *g = NULL;
  CHECK(series_model_at_rate(&m, 200, &g, &e) == ERR_DECK && strstr(e.text, "resample"));
  CHECK(read_record(&s, &m, "five.csv", "") == ERR_FILE && strstr(e.text, "V4, V5, V6") && !strchr(e.text, '\n'));
  series_record_close(&s);
  CHECK(read_record(&s, &m, "eight.csv", ", begin: 5, seconds: 4") == ERR_FILE && strstr(e.text, "6 s"));
  series_record_close(&s);
  CHECK(read_record(&s, &m, "untold.csv", "") == ERR_FILE && strstr(e.text, "record.rate"));
  series_record_close(&s);
  CHECK(!read_record(&s, &m, "untold.csv", ", rate: 200") && s.samples == 600);
  series_record_close(&s);
  CHECK(read_record(&s, &m, "none.hea", "") == ERR_FILE && strstr(e.text, "none.hea"));
  series_record_close(&s), series_model_close(&m);
}

/* ---- a run ---- */
static void run_to(const char *out, const char *restart, int expected) {
  static const app *const apps[] = {&app_series_explain, NULL};
  part p = {.deck = folder_file("explain.yaml"), .out = folder_file(out), .restart = restart};
#ifdef NN_SINGLE
  p.precision = "single";
#endif
  int code = run_part(apps, p, &e);
  CHECK_REPORT(code == expected, "%s: code %d: %.300s", out, code, e.text);
}

static void stopped(void) {
  char text[400], path[PATH_MAX + 8];
  snprintf(text, sizeof text,
           "app: series-explain\nexplain: {from: %s, class: PLANTED, least: 0, records: 140, randomise: 3}\n"
           "attribute: {nodes: 2, panels: 1}\n",
           folder_file("run.h5"));
  CHECK(!folder_put("explain.yaml", text, strlen(text)));
  CHECK(!folder_put("gnuplot", "#!/bin/sh\n", 10) && !chmod(folder_file("gnuplot"), 0777)); /* no pictures */
  snprintf(path, sizeof path, "%s:/bin", folder_path);
  setenv("PATH", path, 1);
  run_to("whole", NULL, 0);
  stop_at.phase = "explain", stop_at.done = 1; /* behind the first eight shards of nine */
  run_to("stopped", NULL, ERR_AGAIN);
  CHECK_REPORT(!stop_at.phase, "all recordings are done in one round");
  run_to("stopped", "auto", 0);
  same_bits(folder_file("whole"), folder_file("stopped"));
}

int main(int argc, char **argv) {
  int level;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  if (folder_make()) return 1;
  put_model("run.h5", trained);
  beats(), records(), linear(), other_fold(), wrong_decks(), stopped();
  folder_remove();
  return check_done();
}

/* series_predict.c: a trained classifier of ECGs and one recording: the probability of every class (mean over windows
 * that overlap by half, or the largest: evaluate.windows of the training), and what the logit of one class owes to each
 * sample of each lead (mean over the windows; methods of series_attribute.h), as numbers and as colours of the ECG. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/series_attribute.h"
#include "apps/series_record.h"
#include "base/plot.h"
#include "signals/ecg_sim.h"

typedef struct model_conf {
  const char *from, *class, *method;
} model_conf;
static const deck_key model_keys[] = {
    {"from", DECK_TEXT, offsetof(model_conf, from), .help = "run.h5 of app series"},
    {"class", DECK_TEXT, offsetof(model_conf, class), "~", .help = "whose logit is explained; ~: the most probable"},
    {"method", DECK_TEXT, offsetof(model_conf, method), "integrated",
     .help = "saliency, input-x-gradient, integrated, lrp-epsilon, lrp-epsilon-plus ..."},
    {0}};
static const deck_section schema[] = {
    {.name = "model", .help = "the network and what is explained", .keys = model_keys},
    {.name = "record",
     .help = "the recording",
     .keys = series_record_keys,
     .kinds = series_record_kinds,
     .kind_def = "file"},
    {.name = "attribute", .help = "the methods", .keys = series_attribute_keys},
    {0},
};

typedef struct problem {
  model_conf c;
  series_model model;
  series_record record;
  series_data data; /* one recording */
  series_windows w;
  nn_graph *g; /* at the recording's rate */
  series_explainer *x;
  int class, lanes;
  nn_real *in, *seed, *R;
  double *probability;  // (classes)
  double *map;          // (leads, samples) attribution of the mean logit
  double fault;
} problem;

static void close_problem(problem *p) {
  series_explainer_free(p->x), nn_graph_free(p->g);
  series_windows_free(&p->w), series_close(&p->data), series_record_close(&p->record), series_model_close(&p->model);
  free(p->in), free(p->seed), free(p->R), free(p->probability), free(p->map);
}

static int put_record(problem *p, double memory, err *e) {
  const series_record *s = &p->record;
  long window = lrint((double)p->model.window * s->rate / p->model.rate);
  if (s->samples < window)
    return err_set(e, ERR_FILE, "the recording has %g s, the network sees %g s at a time", (double)s->samples / s->rate,
                   (double)window / s->rate);
  p->data =
      (series_data){.n = 1, .samples = s->samples, .leads = SERIES_LEADS, .classes = p->model.classes, .rate = s->rate};
  if (series_room(&p->data, false, memory, e)) return e->code;
  for (int l = 0; l < SERIES_LEADS; l++) series_put_lead(&p->data, 0, l, s->x + l * s->samples);
  series_put_person(&p->data, 0, s->age, s->sex);
  p->data.fold[0] = 1;
  series_model_scale(&p->model, &p->data);
  return series_windows_new(&p->w, &p->data, 1, 1, window, p->model.person, false, e);
}

static int open_problem(problem *p, const deck *d, double memory, err *e) {
  static const int lanes[] = {1, 8, 16, 32, 64};
  series_attribute_conf a;
  int k = 0;
  deck_get(d, "model", model_keys, &p->c), deck_get(d, "attribute", series_attribute_keys, &a);
  if (series_model_open(&p->model, p->c.from, e))
    return err_context(e, "%s: model.from", deck_where(d, "model", "from"));
  p->class = p->c.class ? series_model_class(&p->model, p->c.class, e) : -1;
  if (e->code) return err_context(e, "%s: model.class", deck_where(d, "model", "class"));
  if (series_record_open(&p->record, d, &p->model, e) || put_record(p, memory, e) ||
      series_model_at_rate(&p->model, p->record.rate, &p->g, e))
    return err_context(e, "%s", deck_where(d, "record", "kind"));
  while (k < 4 && lanes[k] < p->w.each) k++;
  if (lanes[k] < p->w.each)
    return err_set(e, ERR_DECK, "%s: %d windows, at most 64: choose a part by record.begin and record.seconds",
                   deck_where(d, "record", "seconds"), p->w.each);
  p->lanes = lanes[k];
  if (series_explainer_new(&p->x, p->g, p->model.theta, p->model.state, p->lanes, &a, e)) return e->code;
  size_t S = (size_t)p->lanes;
  p->in = nn_alloc(p->x->net->inputs * S * sizeof *p->in), p->R = nn_alloc(p->x->net->inputs * S * sizeof *p->R);
  p->seed = nn_alloc(p->x->net->outputs * S * sizeof *p->seed);
  p->probability = calloc((size_t)p->model.classes, sizeof *p->probability);
  p->map = calloc((size_t)p->data.samples * SERIES_LEADS, sizeof *p->map);
  bool bad = !p->in || !p->R || !p->seed || !p->probability || !p->map;
  return bad ? err_set(e, ERR_RUN, "out of memory") : 0;
}

/* Probabilities; the class that is explained. */
static int predict(problem *p, err *e) {
  xai_net *net = p->x->net;
  long index[NN_MAX_LANES];
  nn_real *to[2] = {p->in, p->model.person ? net->frame->value[1] : NULL};
  nn_lanes lanes = {.lanes = p->lanes, .x = to};
  int n = p->w.each, best = 0;
  bool max = series_window_max(p->model.past.deck);
  for (int i = 0; i < n; i++) index[i] = i;
  net->frame->valid = n;
  if (p->w.set.fetch(p->w.set.ctx, n, index, &lanes, e)) return e->code;
  xai_net_forward(net, p->in, -1, NULL);
  const nn_real *y = net->frame->value[p->g->output];
  for (int k = 0; k < p->model.classes; k++) {
    for (int i = 0; i < n; i++) {
      double one = 1 / (1 + exp(-(double)y[k * p->lanes + i]));
      p->probability[k] = max ? fmax(p->probability[k], one) : p->probability[k] + one / n;
    }
    if (p->probability[k] > p->probability[best]) best = k;
  }
  if (p->class < 0) p->class = best;
  return 0;
}

static int explain(problem *p, const deck *d, err *e) {
  double fault[NN_MAX_LANES];
  int n = p->w.each, method = series_method_find(p->x, p->c.method);
  if (method < 0)
    return err_set(e, ERR_DECK,
                   "%s: model.method = %s: this network knows saliency, input-x-gradient, integrated, %s ...",
                   deck_where(d, "model", "method"), p->c.method, p->x->name[SERIES_PLAIN]);
  xai_net_seed(p->x->net, p->class, p->seed);
  for (int k = 0; k < p->model.classes; k++)
    for (int i = n; i < p->lanes; i++) p->seed[k * p->lanes + i] = 0;
  if (series_attribute(p->x, method, p->in, p->seed, n, p->R, fault, NULL, e)) return e->code;
  p->fault = NAN;
  for (int i = 0; i < n; i++) p->fault = fmax(p->fault, fault[i]);
  for (int i = 0; i < n; i++)
    for (long t = 0; t < p->w.length; t++)
      for (int l = 0; l < SERIES_LEADS; l++)
        p->map[l * p->data.samples + i * p->w.stride + t] += (double)p->R[(t * SERIES_LEADS + l) * p->lanes + i] / n;
  return 0;
}

/* ---- results ---- */
static int put(run *r, const char *group, const char *name, const char *text, double v, err *e) {
  char full[120];
  snprintf(full, sizeof full, "%s_%.80s", group, name);
  for (char *c = full; *c; c++)
    if (!strchr("_-+.", *c) && !(*c >= '0' && *c <= '9') && !((*c | 32) >= 'a' && (*c | 32) <= 'z')) *c = '_';
  return run_number(r, full, "1", text, v, NAN, e);
}

/* What the simulator's class of this name is. */
static const char *meaning(const char *name) {
  for (int k = 0; ecg_classes[k]; k++)
    if (!strcmp(ecg_classes[k]->name, name)) return ecg_classes[k]->help;
  return "";
}

/* The classes, the most probable ones first. */
static void tell(run *r, const problem *p) {
  int K = p->model.classes;
  bool *told = calloc((size_t)K, sizeof *told);
  for (int i = 0; i < K && told; i++) {
    int next = -1;
    for (int k = 0; k < K; k++)
      if (!told[k] && (next < 0 || p->probability[k] > p->probability[next])) next = k;
    told[next] = true;
    run_log(r, "%5.3f  %-8.40s %s", p->probability[next], p->model.name[next], meaning(p->model.name[next]));
  }
  free(told);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The size of attribution that gets the full colour: 99 % of |R| are below. */
static double full_colour(size_t n, const double *v) {
  double *size = malloc(sizeof *size * n), at = 1;
  for (size_t i = 0; size && i < n; i++) size[i] = fabs(v[i]);
  if (size) qsort(size, n, sizeof *size, ascending), at = size[n - 1 - n / 100];
  free(size);
  return at > 0 ? at : 1;
}

static void figure(run *r, const problem *p, const double *time) {
  char title[200];
  size_t n = (size_t)p->data.samples;
  double full = full_colour(n * SERIES_LEADS, p->map), *tint = malloc(sizeof *tint * n);
  snprintf(title, sizeof title, "%.40s: probability %.3f; %.40s (%s)", p->model.name[p->class],
           p->probability[p->class], p->c.method,
           strcmp(p->c.method, "saliency") ? "blue against, red for" : "red: sizes, no sign");
  plot *f = tint ? plot_new(title, 2) : NULL;
  for (size_t k = 0; k < SERIES_LEADS && f; k++) {
    size_t l = k / 2 + (k % 2 ? 6 : 0); /* limb leads to the left, those of the chest to the right */
    for (size_t i = 0; i < n; i++) tint[i] = fmax(-1, fmin(1, p->map[l * n + i] / full));
    plot_panel(f, ecg_lead_names[l], "time (s)", "mV", 0, 0);
    plot_curve(f, NULL, PLOT_TINTED, n, time, p->record.x + l * n, tint);
  }
  run_figure(r, f, "ecg.png");
  free(tint);
}

static int report(run *r, const problem *p, err *e) {
  size_t n = (size_t)p->data.samples;
  double *time = malloc(sizeof *time * n);
  if (!time) return err_set(e, ERR_RUN, "out of memory");
  for (size_t i = 0; i < n; i++) time[i] = (double)i / p->record.rate;
  for (int k = 0; k < p->model.classes && !e->code; k++)
    put(r, "probability", p->model.name[k], "of the recording's windows, as in the tests", p->probability[k], e);
  if (!e->code && isfinite(p->fault))
    put(r, "fault", p->c.method, "of completeness or ledger, worst window", p->fault, e);
  run_array a = {.name = "attribution",
                 .unit = "1",
                 .description = "of the mean logit of the class that is explained",
                 .rank = 2,
                 .dims = {SERIES_LEADS, n},
                 .axis = {"lead", "time"},
                 .axis_values = {NULL, time},
                 .axis_unit = {NULL, "s"},
                 .value = p->map};
  run_array ecg = a;
  ecg.name = "ecg", ecg.unit = "mV", ecg.description = "the recording", ecg.value = p->record.x;
  if (!e->code && !run_result_array(r, a, e)) run_result_array(r, ecg, e);
  if (!e->code) figure(r, p, time);
  free(time);
  return e->code;
}

static int predict_main(run *r, err *e) {
  problem p = {.class = -1};
  if (!open_problem(&p, run_deck(r), run_memory(r), e) && !run_dry(r)) {
    run_log(r, "%g s at %g Hz, %d windows of %g s%s%s", (double)p.data.samples / p.record.rate, p.record.rate, p.w.each,
            (double)p.w.length / p.record.rate, *p.record.note ? "; " : "", p.record.note);
    if (!predict(&p, e) && !explain(&p, run_deck(r), e)) tell(r, &p);
    if (!e->code && run_root(r)) report(r, &p, e);
  }
  close_problem(&p);
  return e->code;
}

const app app_series_predict = {.name = "series-predict",
                                .help = "probabilities of one ECG by a trained classifier, and what it looks at",
                                .schema = schema,
                                .main = predict_main};

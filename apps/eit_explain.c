/* eit_explain.c: which pixels the first network reads, and when (see eit.h). The covariance of answer and truth over a
 * recording, F = sum_t c_t y_t with c_t the truth around its mean, is traced back to the images: by integrated
 * gradients on the line from "nothing moves" (all changes zero, the rest as it is), and by relevance (rule epsilon, the
 * rules of xai/ for recurrent layers). Of the positive part of the map summed over time the shares in lungs and in
 * heart with aorta stand beside the shares of the area, which a blind network would have; of the positive part of the
 * frames the share in inspirations beside that of time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/eit.h"
#include "base/plot.h"
#include "signals/eit_clinical.h"
#include "xai/composite.h"
#include "xai/gradient.h"
#include "xai/lrp.h"

enum { LANES = 8, NODES = 8, PANELS = 4, REGIONS = EIT_REGIONS, PHASES = EIT_PHASES, BREATHS = 256 };
static const char *const region_names[REGIONS] = {"lungs", "heart"};
typedef enum { INTEGRATED, RELEVANCE, METHODS } method;
static const char *const method_names[METHODS] = {"mass", "relevance"}, *const phase_names[METHODS] = {
                                                                            "phase", "relevance_phase"};
static const char *const method_texts[METHODS] = {"integrated gradients", "layer-wise relevance"};

static bool within(int region, float organ) {
  return region ? organ == EIT_HEART || organ == EIT_AORTA : organ >= EIT_LUNG;
}

typedef struct explainer {
  const eit_set *test;
  const eit_branch *b;
  xai_net *net;
  xai_quadrature q;
  xai_lrp *lrp;
  nn_real *x, *none, *seed, *a;              /* (inputs, LANES) thrice but the seed (outputs, LANES) */
  double *map;                               // (METHODS, EIT_TRUTHS, pixels): means over patients
  double phase[METHODS][EIT_TRUTHS][PHASES]; /* means over patients */
  double gap[METHODS], change[METHODS];      /* sums of |what attributions fail to add up to| and of |changes of F| */
} explainer;

/* Patients first ... first+n-1 as lanes. */
static void fill(explainer *p, long first, int n) {
  const eit_task *t = p->test->t;
  size_t wide = (size_t)p->b->channels, each = t->c.square ? wide / (size_t)(t->d->l.size * t->d->l.size) : 1;
  size_t moving = t->c.square ? wide : (size_t)t->d->l.pixels;
  for (int i = 0; i < LANES; i++)
    for (int f = 0; f < t->d->l.frames; f++)
      eit_input(t, p->b, p->test->patient[first + (i < n ? i : 0)], f, p->x + (size_t)f * wide * LANES + i, LANES);
  memcpy(p->none, p->x, sizeof *p->x * p->net->inputs * LANES);
  for (int f = 0; f < t->d->l.frames; f++)
    for (size_t c = 0; c < moving; c += each)
      memset(p->none + ((size_t)f * wide + c) * LANES, 0, sizeof *p->none * LANES);
}

static void fill_seed(explainer *p, long first, int n, int output) {
  const eit_task *t = p->test->t;
  int T = t->d->l.frames, from = (int)(t->c.warmup > t->c.lag ? t->c.warmup : t->c.lag);
  memset(p->seed, 0, sizeof *p->seed * p->net->outputs * LANES);
  for (int i = 0; i < n; i++) {
    double mean = 0;
    long who = p->test->patient[first + i];
    for (int f = from; f < T; f++) mean += eit_wanted(t, who, f, p->b->truth[output]) / (T - from);
    for (int f = from; f < T; f++)
      p->seed[((size_t)f * p->b->outputs + output) * LANES + i] =
          (nn_real)((eit_wanted(t, who, f, p->b->truth[output]) - mean) / (T - from));
  }
}

/* ---- where and when ---- */

static void shares(const eit_data *d, long who, const double *map, eit_evidence *out) {
  const float *organ = eit_images(d, who) + d->l.organ;
  double all = 0;
  for (int k = 0; k < d->l.pixels; k++) {
    all += fmax(0, map[k]);
    for (int q = 0; q < REGIONS; q++)
      if (within(q, organ[d->place[k]])) out->mass[q] += fmax(0, map[k]), out->area[q] += 1. / d->l.pixels;
  }
  for (int q = 0; q < REGIONS; q++) out->mass[q] /= all > 0 ? all : 1;
}

/* frame (frames): evidence; x (frames): volume. */
static void phases(int frames, const double *frame, const double *x, eit_evidence *out) {
  eit_breath b[BREATHS];
  int n = eit_breaths(frames, x, 0, BREATHS, b), half = PHASES / 2;
  double all = 0, time = 0;
  for (int k = 0; k < n; k++)
    for (int f = b[k].start; f < b[k].end; f++) {
      bool in = f < b[k].top;
      int at =
          in ? (f - b[k].start) * half / (b[k].top - b[k].start) : half + (f - b[k].top) * half / (b[k].end - b[k].top);
      out->phase[at] += fmax(0, frame[f]), out->time[at]++, all += fmax(0, frame[f]), time++;
    }
  for (int k = 0; k < PHASES; k++) out->phase[k] = all > 0 ? out->phase[k] / all : NAN, out->time[k] /= time;
}

int eit_evidence_of(const eit_task *t, const eit_branch *b, long i, const nn_real *a, size_t step, double *map,
                    eit_evidence *out, err *e) {
  const eit_layout *l = &t->d->l;
  size_t wide = (size_t)b->channels, each = t->c.square ? wide / (size_t)(l->size * l->size) : 1;
  double *frame = calloc((size_t)l->frames * 2, sizeof *frame), *x = frame + l->frames;
  *out = (eit_evidence){0};
  memset(map, 0, sizeof *map * (size_t)l->pixels);
  if (!frame) return err_set(e, ERR_RUN, "evidence: out of memory");
  for (int f = 0; f < l->frames; f++) {
    x[f] = (double)eit_truth(t->d, i, f, EIT_T_VOLUME);
    for (int k = 0; k < l->pixels; k++) {
      size_t c = t->c.square ? (size_t)t->d->place[k] * each : (size_t)k;
      double v = (double)a[((size_t)f * wide + c) * step];
      map[k] += v, frame[f] += v;
    }
  }
  shares(t->d, i, map, out), phases(l->frames, frame, x, out);
  free(frame);
  return 0;
}

typedef struct moments {
  double n, sum, square;
} moments;
static void note(moments *m, double x) {
  m->n++, m->sum += x, m->square += x * x;
}

static int put(run *r, const char *what, const char *where, const char *text, const moments *m, err *e) {
  char name[80];
  double mean = m->sum / m->n, var = m->n > 1 ? fmax(0, m->square / m->n - mean * mean) / (m->n - 1) : NAN;
  snprintf(name, sizeof name, "%s.%s", what, where);
  return run_number(r, name, "1", text, mean, sqrt(var), e);
}

/* Attributions of all lanes of one shard to p->a; what they fail to add up to, and the change of F. */
static int attribute(explainer *p, method m, double gap[LANES], double change[LANES], err *e) {
  xai_line line = {p->x, p->none, p->seed, p->net->input};
  if (m == INTEGRATED) return xai_integrated(p->net, &line, &p->q, PANELS, p->a, gap, change, e);
  xai_relevance(p->lrp, p->x, p->seed);
  xai_net_answer(p->net, p->seed, change);
  const nn_real *R = p->lrp->trail->relevance[p->net->input];
  for (int i = 0; i < LANES; i++) gap[i] = -change[i];
  for (size_t k = 0; k < p->net->inputs; k++)
    for (int i = 0; i < LANES; i++) gap[i] += (double)R[k * LANES + i];
  memcpy(p->a, R, sizeof *p->a * p->net->inputs * LANES);
  return 0;
}

typedef struct tally {
  moments in[REGIONS], of[REGIONS], inspiration, time;
} tally;

static void add(explainer *p, method m, int truth, long who, const double *map, const eit_evidence *v, tally *t) {
  const eit_data *d = p->test->t->d;
  double in = 0, time = 0, *to = p->map + ((size_t)m * EIT_TRUTHS + truth) * d->l.pixels;
  for (int q = 0; q < REGIONS; q++) note(&t->in[q], v->mass[q]), note(&t->of[q], v->area[q]);
  for (int k = 0; k < PHASES; k++) in += k < PHASES / 2 ? v->phase[k] : 0, time += k < PHASES / 2 ? v->time[k] : 0;
  for (int k = 0; k < d->l.pixels; k++) to[k] += map[k] / (double)p->test->patients;
  if (isnan(in)) return;
  note(&t->inspiration, in), note(&t->time, time);
  for (int k = 0; k < PHASES; k++) p->phase[m][truth][k] += v->phase[k];
}

static int report(run *r, explainer *p, method m, int truth, const tally *t, err *e) {
  char what[60], text[120];
  const size_t dims[] = {PHASES};
  snprintf(text, sizeof text, "share of the positive attribution (%s) that lies there", method_texts[m]);
  for (int q = 0; q < REGIONS && !e->code; q++) {
    snprintf(what, sizeof what, "%s_%s", method_names[m], eit_truth_names[truth]);
    put(r, what, region_names[q], text, &t->in[q], e);
    put(r, "area", region_names[q], "share of the image's area", &t->of[q], e);
    run_log(r, "%s reads %.3f of its evidence in %s, which have %.3f of the area (%s)", eit_truth_names[truth],
            t->in[q].sum / t->in[q].n, q ? "heart and aorta" : "the lungs", t->of[q].sum / t->of[q].n, method_texts[m]);
  }
  if (e->code || !(t->inspiration.n > 0)) return e->code;
  snprintf(text, sizeof text, "share of the positive attribution (%s) during inspirations", method_texts[m]);
  snprintf(what, sizeof what, "%s_%s", phase_names[m], eit_truth_names[truth]);
  put(r, what, "inspiration", text, &t->inspiration, e);
  put(r, "time", "inspiration", "share of inspirations in the time of complete breaths", &t->time, e);
  for (int k = 0; k < PHASES; k++) p->phase[m][truth][k] /= t->inspiration.n;
  return run_series(r, what, H5_F64, 1, dims, p->phase[m][truth], "1",
                    "share of the positive attribution: 8 parts of inspiration, 8 of expiration", e);
}

static int explain_output(run *r, explainer *p, method m, int output, err *e) {
  const eit_data *d = p->test->t->d;
  tally t = {0};
  int truth = p->b->truth[output];
  double *map = malloc(sizeof *map * (size_t)d->l.pixels), gap[LANES], change[LANES];
  if (!map) return err_set(e, ERR_RUN, "maps: out of memory");
  for (long at = 0; at < p->test->patients && !e->code; at += LANES) {
    int n = p->test->patients - at < LANES ? (int)(p->test->patients - at) : LANES;
    fill(p, at, n), fill_seed(p, at, n, output);
    if (attribute(p, m, gap, change, e)) break;
    for (int i = 0; i < n; i++) {
      eit_evidence v;
      long who = p->test->patient[at + i];
      if (eit_evidence_of(p->test->t, p->b, who, p->a + i, LANES, map, &v, e)) break;
      add(p, m, truth, who, map, &v, &t);
      p->gap[m] += fabs(gap[i]), p->change[m] += fabs(change[i]);
    }
  }
  free(map);
  return e->code ? e->code : report(r, p, m, truth, &t, e);
}

/* ---- pictures ---- */

static void draw_phases(plot *f, const explainer *p) {
  static const double at[PHASES] = {.03125, .09375, .15625, .21875, .28125, .34375, .40625, .46875,
                                    .53125, .59375, .65625, .71875, .78125, .84375, .90625, .96875};
  plot_panel(f, "when: inspiration to 1/2, expiration behind", "phase of the breath", "share of the evidence", 0, 0);
  for (int k = 0; k < EIT_TRUTHS; k++) {
    double sum = 0;
    for (int q = 0; q < PHASES; q++) sum += p->phase[INTEGRATED][k][q];
    if (sum > 0) plot_curve(f, eit_truth_names[k], PLOT_LINE, PHASES, at, p->phase[INTEGRATED][k], NULL);
  }
}

/* Grey images of the maps and of how often a pixel is lung or heart. */
static void draw(run *r, const explainer *p) {
  const eit_data *d = p->test->t->d;
  size_t size = (size_t)d->l.size;
  double *z = malloc(sizeof *z * size * size);
  plot *f = z ? plot_new("Where the network looks, means over unseen patients", 2) : NULL;
  for (int k = 0; f && k < METHODS * EIT_TRUTHS + REGIONS; k++) {
    char title[80];
    int region = k - METHODS * EIT_TRUTHS;
    const double *map = region < 0 ? p->map + (size_t)k * d->l.pixels : NULL;
    bool some = !map;
    for (size_t c = 0; c < size * size; c++) z[c] = 0;
    for (int q = 0; q < d->l.pixels; q++) {
      some |= map && map[q] != 0;
      if (map) z[d->place[q]] = map[q];
      for (long i = 0; i < p->test->patients && !map; i++)
        z[d->place[q]] += within(region, eit_images(d, p->test->patient[i])[d->l.organ + d->place[q]]);
    }
    if (!some) continue;
    if (map)
      snprintf(title, sizeof title, "%s for %s", k < EIT_TRUTHS ? "evidence" : "relevance",
               eit_truth_names[k % EIT_TRUTHS]);
    else
      snprintf(title, sizeof title, "%s", region ? "heart and aorta" : "lungs");
    plot_panel(f, title, "column [pixels]", "row [pixels]", 0, 0);
    plot_image(f, NULL, size, size, z);
  }
  if (f) draw_phases(f, p);
  run_figure(r, f, "evidence.png");
  free(z);
}

static int relevance_new(explainer *p, const nn_graph *g, err *e) {
  nn_rule *rules = calloc((size_t)g->nnodes, sizeof *rules);
  if (!rules) return err_set(e, ERR_RUN, "relevance: out of memory");
  if (!xai_rules(xai_composite_find("epsilon"), &xai_settings_default, g, rules, e))
    xai_lrp_new(&p->lrp, p->net, rules, false, e);
  free(rules);
  return e->code;
}

static int room(explainer *p, const nn_graph *g, const nn_real *theta, const nn_real *state, err *e) {
  if (xai_net_new(&p->net, g, 0, LANES, theta, state, e) || xai_quadrature_new(&p->q, NODES, e)) return e->code;
  size_t inputs = p->net->inputs * LANES, outputs = p->net->outputs * LANES;
  p->x = nn_alloc(inputs * sizeof *p->x), p->none = nn_alloc(inputs * sizeof *p->x);
  p->a = nn_alloc(inputs * sizeof *p->x), p->seed = nn_alloc(outputs * sizeof *p->x);
  p->map = calloc((size_t)p->test->t->d->l.pixels * EIT_TRUTHS * METHODS, sizeof *p->map);
  if (!p->x || !p->none || !p->a || !p->seed || !p->map) return err_set(e, ERR_RUN, "maps: out of memory");
  return relevance_new(p, g, e);
}

int eit_explain(run *r, const eit_set *test, const nn_graph *g, const nn_real *theta, const nn_real *state, err *e) {
  explainer p = {.test = test, .b = &test->t->branch[0]};
  if (!room(&p, g, theta, state, e)) {
    for (int m = 0; m < METHODS && !e->code; m++) {
      for (int q = 0; q < p.b->outputs && !e->code; q++)
        if (p.b->truth[q] == EIT_T_VOLUME || p.b->truth[q] == EIT_T_ARTERIAL) explain_output(r, &p, (method)m, q, e);
      if (!e->code && p.change[m] > 0)
        run_log(r, "%s: attributions to all inputs add up to the %s within %.2g of them", method_texts[m],
                m == INTEGRATED ? "changes of the answers" : "answers", p.gap[m] / p.change[m]);
    }
    if (!e->code) draw(r, &p);
  }
  xai_lrp_free(p.lrp), xai_net_free(p.net), xai_quadrature_free(&p.q);
  free(p.x), free(p.none), free(p.seed), free(p.a), free(p.map);
  return e->code;
}

/* eit_explain.c: which pixels the first network reads (see eit.h). The covariance of answer and truth over a recording,
 * F = sum_t c_t y_t with c_t the truth around its mean, is traced back to the image by integrated gradients on the line
 * from "nothing moves" (all changes zero, the rest as it is), and summed over time. Of the positive part of that map
 * the shares in lungs and in heart with aorta stand beside the shares of the area, which a blind network would have. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/eit.h"
#include "base/plot.h"
#include "xai/gradient.h"

enum { LANES = 8, NODES = 8, PANELS = 4, REGIONS = 2 };
static const char *const region_names[REGIONS] = {"lungs", "heart"};

static bool within(int region, float organ) {
  return region ? organ == EIT_HEART || organ == EIT_AORTA : organ >= EIT_LUNG;
}

typedef struct explainer {
  const eit_set *test;
  const eit_branch *b;
  xai_net *net;
  xai_quadrature q;
  nn_real *x, *none, *seed, *a; /* (inputs, LANES) thrice but the seed (outputs, LANES) */
  double *map;                  // (EIT_TRUTHS, pixels): means over patients
  double gap, change;           /* sums of |what attributions fail to add up to| and of |changes of F| */
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

/* map (pixels) of lane i: attributions summed over time. */
static void sum_map(const explainer *p, int i, double *map) {
  const eit_task *t = p->test->t;
  const eit_layout *l = &t->d->l;
  size_t wide = (size_t)p->b->channels, each = t->c.square ? wide / (size_t)(l->size * l->size) : 1;
  memset(map, 0, sizeof *map * (size_t)l->pixels);
  for (int f = 0; f < l->frames; f++)
    for (int k = 0; k < l->pixels; k++) {
      size_t c = t->c.square ? (size_t)t->d->place[k] * each : (size_t)k;
      map[k] += (double)p->a[((size_t)f * wide + c) * LANES + i];
    }
}

/* Shares of the positive part of map, and of the area, in the regions of patient `who`. */
static void shares(const eit_data *d, long who, const double *map, double mass[REGIONS], double area[REGIONS]) {
  const float *organ = eit_images(d, who) + d->l.organ;
  double all = 0;
  memset(mass, 0, REGIONS * sizeof *mass), memset(area, 0, REGIONS * sizeof *area);
  for (int k = 0; k < d->l.pixels; k++) {
    all += fmax(0, map[k]);
    for (int q = 0; q < REGIONS; q++)
      if (within(q, organ[d->place[k]])) mass[q] += fmax(0, map[k]), area[q] += 1. / d->l.pixels;
  }
  for (int q = 0; q < REGIONS; q++) mass[q] /= all > 0 ? all : 1;
}

typedef struct moments {
  double n, sum, square;
} moments;
static void note(moments *m, double x) {
  m->n++, m->sum += x, m->square += x * x;
}

static int put(run *r, const char *what, const char *where, const char *text, const moments *m, err *e) {
  char name[60];
  double mean = m->sum / m->n, var = m->n > 1 ? fmax(0, m->square / m->n - mean * mean) / (m->n - 1) : NAN;
  snprintf(name, sizeof name, "%s.%s", what, where);
  return run_number(r, name, "1", text, mean, sqrt(var), e);
}

static int explain_output(run *r, explainer *p, int output, err *e) {
  const eit_data *d = p->test->t->d;
  moments in[REGIONS] = {{0}}, of[REGIONS] = {{0}};
  int truth = p->b->truth[output];
  double *map = malloc(sizeof *map * (size_t)d->l.pixels), gap[LANES], change[LANES];
  if (!map) return err_set(e, ERR_RUN, "maps: out of memory");
  for (long at = 0; at < p->test->patients && !e->code; at += LANES) {
    int n = p->test->patients - at < LANES ? (int)(p->test->patients - at) : LANES;
    fill(p, at, n), fill_seed(p, at, n, output);
    xai_line line = {p->x, p->none, p->seed, p->net->input};
    if (xai_integrated(p->net, &line, &p->q, PANELS, p->a, gap, change, e)) break;
    for (int i = 0; i < n; i++) {
      double mass[REGIONS], area[REGIONS];
      sum_map(p, i, map);
      shares(d, p->test->patient[at + i], map, mass, area);
      for (int q = 0; q < REGIONS; q++) note(&in[q], mass[q]), note(&of[q], area[q]);
      for (int k = 0; k < d->l.pixels; k++)
        p->map[(size_t)truth * d->l.pixels + k] += map[k] / (double)p->test->patients;
      p->gap += fabs(gap[i]), p->change += fabs(change[i]);
    }
  }
  free(map);
  for (int q = 0; q < REGIONS && !e->code; q++) {
    char what[40];
    snprintf(what, sizeof what, "mass_%s", eit_truth_names[truth]);
    put(r, what, region_names[q], "share of the positive attribution (integrated gradients) that lies there", &in[q],
        e);
    put(r, "area", region_names[q], "share of the image's area", &of[q], e);
    run_log(r, "%s reads %.3f of its evidence in %s, which have %.3f of the area", eit_truth_names[truth],
            in[q].sum / in[q].n, q ? "heart and aorta" : "the lungs", of[q].sum / of[q].n);
  }
  return e->code;
}

/* Grey images of the maps and of how often a pixel is lung or heart. */
static void draw(run *r, const explainer *p) {
  const eit_data *d = p->test->t->d;
  size_t size = (size_t)d->l.size;
  double *z = malloc(sizeof *z * size * size);
  plot *f = z ? plot_new("Where the network looks, means over unseen patients", 2) : NULL;
  for (int k = 0; f && k < EIT_TRUTHS + REGIONS; k++) {
    char title[80];
    const double *map = k < EIT_TRUTHS ? p->map + (size_t)k * d->l.pixels : NULL;
    bool some = !map;
    for (size_t c = 0; c < size * size; c++) z[c] = 0;
    for (int q = 0; q < d->l.pixels; q++) {
      some |= map && map[q] != 0;
      if (map) z[d->place[q]] = map[q];
      for (long i = 0; i < p->test->patients && !map; i++)
        z[d->place[q]] += within(k - EIT_TRUTHS, eit_images(d, p->test->patient[i])[d->l.organ + d->place[q]]);
    }
    if (!some) continue;
    snprintf(title, sizeof title, "%s%s", map ? "evidence for " : "",
             map               ? eit_truth_names[k]
             : k == EIT_TRUTHS ? "lungs"
                               : "heart and aorta");
    plot_panel(f, title, "column [pixels]", "row [pixels]", 0, 0);
    plot_image(f, NULL, size, size, z);
  }
  run_figure(r, f, "evidence.png");
  free(z);
}

static int room(explainer *p, const nn_graph *g, const nn_real *theta, const nn_real *state, err *e) {
  if (xai_net_new(&p->net, g, 0, LANES, theta, state, e) || xai_quadrature_new(&p->q, NODES, e)) return e->code;
  size_t inputs = p->net->inputs * LANES, outputs = p->net->outputs * LANES;
  p->x = nn_alloc(inputs * sizeof *p->x), p->none = nn_alloc(inputs * sizeof *p->x);
  p->a = nn_alloc(inputs * sizeof *p->x), p->seed = nn_alloc(outputs * sizeof *p->x);
  p->map = calloc((size_t)p->test->t->d->l.pixels * EIT_TRUTHS, sizeof *p->map);
  return p->x && p->none && p->a && p->seed && p->map ? 0 : err_set(e, ERR_RUN, "maps: out of memory");
}

int eit_explain(run *r, const eit_set *test, const nn_graph *g, const nn_real *theta, const nn_real *state, err *e) {
  explainer p = {.test = test, .b = &test->t->branch[0]};
  if (!room(&p, g, theta, state, e)) {
    for (int q = 0; q < p.b->outputs && !e->code; q++)
      if (p.b->truth[q] == EIT_T_VOLUME || p.b->truth[q] == EIT_T_ARTERIAL) explain_output(r, &p, q, e);
    run_log(r, "attributions add up to the changes of the answers within %.2g of them", p.gap / p.change);
    if (!e->code) draw(r, &p);
  }
  xai_net_free(p.net), xai_quadrature_free(&p.q);
  free(p.x), free(p.none), free(p.seed), free(p.a), free(p.map);
  return e->code;
}

/* yukawa_explain_fields.c: what a network on fields looks at: momenta, filters of its first convolution, their sign
 * patterns and the observables they define (see yukawa_explain.h, xai/patterns.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/yukawa_explain.h"
#include "xai/patterns.h"

static double observable(const yukawa_explanations *x, long row, int column) {
  return x->data->observable[x->index[row] * x->data->columns + column];
}

/* <m^2> / <phi^2> and <m_s^2> / <phi^2>: share of the energy in the two modes, a ratio of sums like the levels. */
static int energy(yukawa_vision *v, const yukawa_explanations *x, int p, err *e) {
  long n = x->begin[p + 1] - x->begin[p];
  double *part = malloc(sizeof *part * (size_t)(3 * n));
  yukawa_grid all;
  if (!part) return err_set(e, ERR_RUN, "energies: out of memory");
  for (long i = 0; i < n; i++) {
    long row = x->begin[p] + i;
    double m = observable(x, row, SCALAR_COL_M), s = observable(x, row, SCALAR_COL_MS);
    part[3 * i] = m * m, part[3 * i + 1] = s * s;
    part[3 * i + 2] = observable(x, row, SCALAR_COL_PHI2) - m * m - s * s;
  }
  if (!yukawa_grid_new(&all, 1, 3, e) && !yukawa_level(part, n, 3, x->c.blocks, false, &all, 0, e))
    for (int k = 0; k < 2; k++) v->energy.value[2 * p + k] = all.value[k], v->energy.error[2 * p + k] = all.error[k];
  yukawa_grid_free(&all), free(part);
  return e->code;
}

static int levels(yukawa_vision *v, const yukawa_explanations *x, int p, err *e) {
  long n = x->begin[p + 1] - x->begin[p];
  for (int m = 0; m <= x->methods && !e->code; m++) {
    bool last = m == x->methods;
    if (last && !x->filters) break;
    int count = last ? x->filters : x->items, first = last ? yukawa_filter(x, false, 0) : yukawa_item(x, m, 0);
    double *R = yukawa_columns(x, p, first, count);
    if (!R) return err_set(e, ERR_RUN, "relevance: out of memory");
    yukawa_level(R, n, count, x->c.blocks, last, last ? &v->relevance : &v->momentum[m], p, e);
    free(R);
  }
  return e->code;
}

/* ---- what filters know ---- */

typedef struct table { /* at one kappa */
  long n;
  int filters;
  double *o, *t, *some;  // (n, filters), (n), room (n, filters)
} table;

/* E of `count` columns (of o, or of the ensemble's observables: -1 - column) together. */
static fisher_value together(const table *w, const yukawa_explanations *x, int p, int count, const int *column,
                             err *e) {
  fisher f = {0};
  int player[FISHER_MAX] = {0};
  for (long i = 0; i < w->n; i++)
    for (int k = 0; k < count; k++)
      w->some[i * count + k] =
          column[k] >= 0 ? w->o[i * w->filters + column[k]] : observable(x, x->begin[p] + i, -1 - column[k]);
  fisher_data d = {w->n, count, w->some, w->t, (int)x->c.blocks, 1, player};
  fisher_of(&f, &d, e), fisher_free(&f);
  return e->code ? (fisher_value){NAN, NAN} : f.joint;
}

static void keep(yukawa_grid *g, int p, int k, fisher_value v) {
  g->value[p * g->columns + k] = v.value, g->error[p * g->columns + k] = v.error;
}

/* The filter that alone knows most, then always the one that adds most; then all. */
static int greedy(yukawa_vision *v, const yukawa_explanations *x, const table *w, int p, err *e) {
  int chosen[FISHER_MAX], best = 0, most = w->filters < 3 ? w->filters : 3;
  for (int size = 0; size < most && !e->code; size++) {
    fisher_value top = {-1, 0}, now;
    for (int f = 0; f < w->filters && !e->code; f++) {
      chosen[size] = f, now = together(w, x, p, size + 1, chosen, e);
      if (!size) keep(&v->known, p, f, now);
      if (now.value > top.value) top = now, best = f;
    }
    chosen[size] = best, keep(&v->sets, p, YUKAWA_BEST + size, top);
  }
  for (int f = 0; f < w->filters; f++) chosen[f] = f;
  if (!e->code) keep(&v->sets, p, YUKAWA_EVERY, together(w, x, p, w->filters, chosen, e));
  return e->code;
}

static int knowledge(yukawa_vision *v, const yukawa_explanations *x, int p, err *e) {
  table w = {.n = x->begin[p + 1] - x->begin[p], .filters = x->taps ? x->filters : 0};
  if (w.filters > FISHER_MAX) w.filters = FISHER_MAX;
  w.o = yukawa_columns(x, p, yukawa_filter(x, true, 0), w.filters);
  w.t = malloc(sizeof *w.t * (size_t)w.n), w.some = malloc(sizeof *w.some * (size_t)(w.n * (w.filters + 2)));
  if (!w.o || !w.t || !w.some) err_set(e, ERR_RUN, "information of filters: out of memory");
  for (long i = 0; i < w.n && !e->code; i++) w.t[i] = yukawa_links(x->data, x->index[x->begin[p] + i]);
  static const int boxes[] = {-1 - SCALAR_COL_BOX, -1 - SCALAR_COL_CBOX};
  for (int k = 0; k < 2 && !e->code; k++) keep(&v->sets, p, YUKAWA_BOX + k, together(&w, x, p, 1, boxes + k, e));
  if (!e->code && w.filters) greedy(v, x, &w, p, e);
  free(w.o), free(w.t), free(w.some);
  return e->code;
}

static void patterns(yukawa_vision *v, const yukawa_explanations *x) {
  double w[XAI_PATTERNS];
  for (int f = 0; f < x->filters && x->taps; f++) {
    for (int t = 0; t < x->taps; t++) w[t] = x->weight[t * x->filters + f];
    xai_patterns(x->data->d, w, v->cosine.value + f * x->taps);
  }
}

int yukawa_see(yukawa_vision *v, const yukawa_explanations *x, err *e) {
  int P = x->points;
  *v = (yukawa_vision){0};
  for (int m = 0; m < x->methods; m++)
    if (yukawa_grid_new(&v->momentum[m], P, x->items, e)) return e->code;
  if (yukawa_grid_new(&v->energy, P, 2, e) || yukawa_grid_new(&v->relevance, P, x->filters, e) ||
      yukawa_grid_new(&v->cosine, x->filters, x->taps, e) ||
      yukawa_grid_new(&v->known, P, x->taps ? x->filters : 0, e) || yukawa_grid_new(&v->sets, P, YUKAWA_SETS, e))
    return e->code;
  patterns(v, x);
  for (int p = 0; p < P && !e->code; p++)
    if (!energy(v, x, p, e) && !levels(v, x, p, e)) knowledge(v, x, p, e);
  return e->code;
}

void yukawa_vision_free(yukawa_vision *v) {
  for (int m = 0; m < YUKAWA_METHODS; m++) yukawa_grid_free(&v->momentum[m]);
  yukawa_grid_free(&v->energy), yukawa_grid_free(&v->relevance), yukawa_grid_free(&v->cosine);
  yukawa_grid_free(&v->known), yukawa_grid_free(&v->sets);
}

/* ---- results ---- */

static int put(run *r, const char *name, const char *text, double value, double error, err *e) {
  return run_number(r, name, "1", text, value, error, e);
}

static int put_modes(run *r, const yukawa_grid *momentum, const yukawa_explanations *x, const char *method, err *e) {
  yukawa_grid modes;
  char name[60];
  snprintf(name, sizeof name, "modes.%s", method);
  if (!yukawa_grid_new(&modes, x->points, 2, e)) {
    for (int p = 0; p < x->points; p++)
      for (int k = 0; k < 2; k++) {
        int at = p * momentum->columns + (k ? momentum->columns - 1 : 0);
        modes.value[2 * p + k] = momentum->value[at], modes.error[2 * p + k] = momentum->error[at];
      }
    yukawa_grid_put(r, &modes, name, "relevance of momentum 0 and of (pi, pi, pi), over that of all momenta", "kappa",
                    x->kappa, "mode", e);
  }
  yukawa_grid_free(&modes);
  return e->code;
}

/* |cosine| with pattern q of the filter of most relevance at point p. */
static double top_cosine(const yukawa_vision *v, const yukawa_explanations *x, int p, int q) {
  int best = 0;
  for (int f = 1; f < x->filters; f++)
    if (v->relevance.value[p * x->filters + f] > v->relevance.value[p * x->filters + best]) best = f;
  return fabs(v->cosine.value[best * x->taps + q]);
}

static int put_filters(run *r, const yukawa_vision *v, const yukawa_explanations *x, err *e) {
  int least = 0, most = 0;
  double near[2] = {0};
  for (int p = 1; p < x->points; p++) {
    if (x->kappa[p] < x->kappa[least]) least = p;
    if (x->kappa[p] > x->kappa[most]) most = p;
  }
  for (int f = 0; f < x->filters; f++)
    for (int k = 0; k < 2; k++) near[k] = fmax(near[k], fabs(v->cosine.value[f * x->taps + (k ? x->taps - 1 : 0)]));
  if (put(r, "cosine.uniform", "with the uniform pattern: the filter of most relevance at the largest kappa",
          top_cosine(v, x, most, 0), NAN, e) ||
      put(r, "cosine.checkerboard", "with the checkerboard: the filter of most relevance at the smallest kappa",
          top_cosine(v, x, least, x->taps - 1), NAN, e) ||
      put(r, "nearest.uniform", "largest cosine of any filter with the uniform pattern", near[0], NAN, e) ||
      put(r, "nearest.checkerboard", "largest cosine of any filter with the checkerboard", near[1], NAN, e) ||
      yukawa_grid_put(r, &v->cosine, "filter_cosine",
                      "cosine of a filter with a sign pattern; bit k of its number: signs alternate in direction k",
                      "filter", NULL, "pattern", e))
    return e->code;
  return yukawa_grid_put(r, &v->known, "filter_information", "corr(O, T)^2 of O = mean |w * phi| of a filter w",
                         "kappa", x->kappa, "filter", e);
}

int yukawa_see_report(run *r, const yukawa_vision *v, const yukawa_explanations *x, err *e) {
  char name[60];
  for (int m = 0; m < x->methods && !e->code; m++) {
    snprintf(name, sizeof name, "momentum.%s", yukawa_methods[x->method[m]]);
    if (!yukawa_grid_put(r, &v->momentum[m], name,
                         "relevance of momenta of one q = sum of min(k, L - k), over that of all", "kappa", x->kappa,
                         "q", e))
      put_modes(r, &v->momentum[m], x, yukawa_methods[x->method[m]], e);
  }
  if (e->code ||
      yukawa_grid_put(r, &v->energy, "energy", "<m^2>/<phi^2> and <m_s^2>/<phi^2>", "kappa", x->kappa, "mode", e) ||
      yukawa_grid_put(r, &v->relevance, "filter_relevance", "mean |R| of a filter over the sum of all", "kappa",
                      x->kappa, "filter", e) ||
      yukawa_grid_put(
          r, &v->sets, "filters_together",
          "squared multiple correlation with T of the observables of the best filter, the best two, three, of "
          "all; then of the mean |box| and the mean |staggered box| alone",
          "kappa", x->kappa, "set", e))
    return e->code;
  return x->taps ? put_filters(r, v, x, e) : 0;
}

/* yukawa_explain_figures.c: pictures of app yukawa-explain (rank 0 draws; see yukawa_explain.h). */
#include <math.h>
#include <stdlib.h>

#include "apps/yukawa_explain.h"
#include "base/plot.h"

static const char kappa_axis[] = "hopping parameter kappa";

/* Column k of a grid against kappa; a share whose error is above 1 is none (its denominator is 0 within errors). */
static void column(plot *p, const yukawa_grid *g, const yukawa_explanations *x, int k, const char *label,
                   plot_style style) {
  size_t n = (size_t)x->points;
  double *y = malloc(2 * n * sizeof *y), *error = y + n;
  for (int i = 0; i < x->points && y; i++) {
    error[i] = g->error[i * g->columns + k];
    y[i] = error[i] > 1 ? NAN : g->value[i * g->columns + k];
  }
  if (y) plot_curve(p, label, style, n, x->kappa, y, style == PLOT_POINTS ? error : NULL);
  free(y);
}

static void groups(plot *p, const yukawa_grid *g, const yukawa_explanations *x, const char *title, const char *ylabel) {
  bool local = x->model->standard.what == YUKAWA_LOCAL;
  const char *const label[YUKAWA_GROUPS] = {"|m|", "|m_s|", local ? "phi^2 and boxes" : "G_c(t), all t"};
  plot_panel(p, title, kappa_axis, ylabel, 0, 0);
  for (int k = 0; k < YUKAWA_GROUPS; k++) column(p, g, x, k, label[k], PLOT_POINTS);
  for (int k = 0; k < YUKAWA_GROUPS; k++) column(p, g, x, k, NULL, PLOT_GUIDE);
}

void yukawa_rank_figures(run *r, const yukawa_ranking *k, const yukawa_explanations *x) {
  static const char *const level[YUKAWA_METHODS] = {"LRP: level", "Input x gradient: level",
                                                    "Integrated gradients: level"};
  static const char *const response[YUKAWA_METHODS] = {"LRP: response", "Input x gradient: response",
                                                       "Integrated gradients: response"};
  plot *p = plot_new("Which observables a network looks at, and what they know", 2);
  if (p) {
    groups(p, &k->group_exact[FISHER_ALONE], x, "Exact: known alone", "corr^2 with T");
    groups(p, &k->group_exact[FISHER_SHAPLEY], x, "Exact: Shapley shares", "share of the information in T");
    for (int m = 0; m < x->methods; m++) {
      groups(p, &k->group_level[m], x, level[x->method[m]], "share of mean |R|");
      groups(p, &k->group_response[m], x, response[x->method[m]], "Cov(R, F) / Var F");
    }
  }
  run_figure(r, p, "relevance.png");
}

/* ---- fields ---- */

static void spectrum(plot *p, const yukawa_grid *g, const yukawa_explanations *x, const char *title) {
  double *q = malloc(sizeof *q * (size_t)x->items);
  char label[40];
  int every = (x->points + 5) / 6;
  plot_panel(p, title, "q = sum of |k_mu|, p = 2 pi k / L", "share of the relevance", 0, 0);
  for (int i = 0; i < x->items && q; i++) q[i] = i;
  for (int k = 0; k < x->points && q; k += every) {
    snprintf(label, sizeof label, "kappa = %.3g", x->kappa[k]);
    plot_curve(p, label, PLOT_LINE, (size_t)x->items, q, g->value + k * g->columns, NULL);
  }
  free(q);
}

static void momenta(run *r, const yukawa_vision *v, const yukawa_explanations *x) {
  static const char *const modes[YUKAWA_METHODS] = {"LRP: two modes", "Input x gradient: two modes",
                                                    "Integrated gradients: two modes", NULL};
  static const char *const all[YUKAWA_METHODS] = {"LRP: momenta", "Input x gradient: momenta",
                                                  "Integrated gradients: momenta", NULL};
  plot *p = plot_new("Relevance in momentum space", 2);
  int links = x->methods - 1;
  for (int m = 0; m < links && p; m++) {
    plot_panel(p, modes[x->method[m]], kappa_axis, "share of the relevance", 0, 0);
    column(p, &v->momentum[links], x, 0, "p = 0 of the links", PLOT_LINE);
    column(p, &v->momentum[links], x, x->items - 1, "(pi, pi, pi) of the links", PLOT_LINE);
    column(p, &v->energy, x, 0, NULL, PLOT_GUIDE), column(p, &v->energy, x, 1, "of the energy phi^2", PLOT_GUIDE);
    column(p, &v->momentum[m], x, 0, "p = 0", PLOT_POINTS);
    column(p, &v->momentum[m], x, x->items - 1, "p = (pi, pi, pi)", PLOT_POINTS);
    spectrum(p, &v->momentum[m], x, all[x->method[m]]);
  }
  if (p) spectrum(p, &v->momentum[links], x, "Links, exact: momenta");
  run_figure(r, p, "momentum.png");
}

/* Filters side by side, the slices of each beside each other, largest weight of each 1. */
static void blocks(plot *p, const yukawa_explanations *x) {
  int F = x->filters, d = x->data->d, slices = d > 2 ? 2 : 1, across = (int)ceil(sqrt(F / 2.)),
      down = (F + across - 1) / across;
  int cell = slices * 2 + (slices - 1) + 3;
  size_t rows = (size_t)(down * 4), cols = (size_t)(across * cell);
  double *z = calloc(rows * cols, sizeof *z);
  for (int f = 0; f < F && z; f++) {
    double most = 0;
    for (int t = 0; t < x->taps; t++) most = fmax(most, fabs(x->weight[t * F + f]));
    for (int t = 0; t < x->taps && most > 0; t++) {
      int slice = d > 2 ? t >> 2 : 0, i = t >> 1 & 1, j = t & 1;
      z[(size_t)(f / across * 4 + 1 + i) * cols + (size_t)(f % across * cell + 1 + slice * 3 + j)] =
          x->weight[t * F + f] / most;
    }
  }
  plot_panel(p, "Filters: 2 x 2 slices, largest weight 1", "filters from left to right [tap]", "and down [tap]", 0, 0);
  if (z) plot_image(p, NULL, rows, cols, z);
  free(z);
}

static void projections(plot *p, const yukawa_vision *v, const yukawa_explanations *x) {
  int F = x->filters, q = x->taps;
  double *n = malloc(sizeof *n * (size_t)(4 * F)), *uniform = n + F, *checker = n + 2 * F, *other = n + 3 * F;
  for (int f = 0; f < F && n; f++) {
    const double *c = v->cosine.value + f * q;
    n[f] = f, uniform[f] = fabs(c[0]), checker[f] = fabs(c[q - 1]), other[f] = 0;
    for (int k = 1; k < q - 1; k++) other[f] = fmax(other[f], fabs(c[k]));
  }
  plot_panel(p, "Their projections", "filter", "|cosine| with a sign pattern", 0, 0);
  if (n) {
    plot_curve(p, "uniform", PLOT_POINTS, (size_t)F, n, uniform, NULL);
    plot_curve(p, "checkerboard", PLOT_POINTS, (size_t)F, n, checker, NULL);
    plot_curve(p, "nearest of the others", PLOT_POINTS, (size_t)F, n, other, NULL);
  }
  free(n);
}

/* The filters that carry most relevance anywhere. */
static void leaders(plot *p, const yukawa_vision *v, const yukawa_explanations *x) {
  enum { LEADERS = 6 };
  int F = x->filters;
  double *most = calloc((size_t)F, sizeof *most);
  char label[40];
  plot_panel(p, "Relevance of the leading filters", kappa_axis, "share of mean |R|", 0, 0);
  for (int f = 0; f < F && most; f++)
    for (int k = 0; k < x->points; k++)
      if (fabs(x->kappa[k]) >= x->c.least_kappa) most[f] = fmax(most[f], fabs(v->relevance.value[k * F + f]));
  for (int i = 0; i < LEADERS && i < F && most; i++) {
    int best = 0;
    for (int f = 1; f < F; f++)
      if (most[f] > most[best]) best = f;
    most[best] = -1;
    snprintf(label, sizeof label, "filter %d", best);
    column(p, &v->relevance, x, best, label, PLOT_LINE);
  }
  free(most);
}

void yukawa_see_figures(run *r, const yukawa_vision *v, const yukawa_explanations *x) {
  momenta(r, v, x);
  if (!x->filters) return;
  plot *p = plot_new("Filters of the first convolution", 2);
  if (p && x->taps) blocks(p, x), projections(p, v, x);
  if (p) leaders(p, v, x);
  if (p && x->taps) {
    plot_panel(p, "What observables of filters know", kappa_axis, "corr^2 with T", 0, 0);
    column(p, &v->sets, x, YUKAWA_BOX, "mean |box|", PLOT_LINE);
    column(p, &v->sets, x, YUKAWA_CBOX, "mean |staggered box|", PLOT_LINE);
    column(p, &v->sets, x, YUKAWA_BEST, "best filter", PLOT_POINTS);
    column(p, &v->sets, x, YUKAWA_TWO, "best two", PLOT_POINTS);
    column(p, &v->sets, x, YUKAWA_EVERY, "all filters", PLOT_POINTS);
  }
  run_figure(r, p, "filters.png");
}

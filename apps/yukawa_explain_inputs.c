/* yukawa_explain_inputs.c: which observables a network on standard observables looks at, beside what they know (see
 * yukawa_explain.h). T is the sum of all links; kappa enters the weight as exp(2 kappa T). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/yukawa_explain.h"

static int group_of(int input) {
  return input < 2 ? input : 2;
}

/* x (n, inputs) as the network gets them, t (n): at point p. */
static int observables(const yukawa_explanations *x, int p, double *v, double *t, err *e) {
  int K = x->items;
  nn_real *one = malloc(sizeof *one * (size_t)K);
  if (!one) return err_set(e, ERR_RUN, "observables: out of memory");
  for (long i = x->begin[p]; i < x->begin[p + 1]; i++, v += K) {
    yukawa_input(x->data, &x->model->standard, x->index[i], NULL, one, 1);
    for (int k = 0; k < K; k++) v[k] = (double)one[k];
    *t++ = yukawa_links(x->data, x->index[i]);
  }
  free(one);
  return 0;
}

static void keep(yukawa_grid *g, int p, const fisher *f, int measure) {
  for (int k = 0; k < g->columns; k++)
    g->value[p * g->columns + k] = f->share[measure][k].value,
                              g->error[p * g->columns + k] = f->share[measure][k].error;
}

static void keep_bound(yukawa_grid *g, int p, const fisher *f) {
  double bound = 0.5 / sqrt(f->variance.value), relative = 0.5 * f->variance.error / f->variance.value;
  double more = sqrt(f->joint.value);
  g->value[p * 2] = bound, g->error[p * 2] = bound * relative;
  g->value[p * 2 + 1] = bound / more,
                   g->error[p * 2 + 1] = bound / more * hypot(relative, 0.5 * f->joint.error / f->joint.value);
}

static int exact(yukawa_ranking *k, const yukawa_explanations *x, int p, err *e) {
  long n = x->begin[p + 1] - x->begin[p];
  int K = x->items, *player = malloc(sizeof *player * (size_t)K);
  double *v = malloc(sizeof *v * (size_t)(n * (K + 1))), *t = v + n * K;
  if (!v || !player) err_set(e, ERR_RUN, "information of observables: out of memory");
  for (int i = 0; i < K && player; i++) player[i] = group_of(i);
  fisher_data d = {n, K, v, t, (int)x->c.blocks, 0, NULL}, g = {n, K, v, t, (int)x->c.blocks, YUKAWA_GROUPS, player};
  if (!e->code && !observables(x, p, v, t, e) && !fisher_of(&k->input[p], &d, e) && !fisher_of(&k->group[p], &g, e)) {
    for (int m = 0; m < FISHER_MEASURES; m++)
      keep(&k->exact[m], p, &k->input[p], m), keep(&k->group_exact[m], p, &k->group[p], m);
    keep_bound(&k->bound, p, &k->input[p]);
  }
  free(v), free(player);
  return e->code;
}

static int attributed(yukawa_ranking *k, const yukawa_explanations *x, int p, int m, err *e) {
  long n = x->begin[p + 1] - x->begin[p], B = x->c.blocks;
  int K = x->items;
  double *v = yukawa_columns(x, p, yukawa_item(x, m, 0), K), *f = yukawa_columns(x, p, YUKAWA_ANSWER, 1);
  double *sum = calloc((size_t)n * YUKAWA_GROUPS + 1, sizeof *sum);
  if (!v || !f || !sum) err_set(e, ERR_RUN, "relevance: out of memory");
  for (long i = 0; i < n && !e->code; i++)
    for (int j = 0; j < K; j++) sum[i * YUKAWA_GROUPS + group_of(j)] += v[i * K + j];
  if (!e->code && !yukawa_level(v, n, K, B, true, &k->level[m], p, e) &&
      !yukawa_response(v, f, n, K, B, &k->response[m], p, e) &&
      !yukawa_level(sum, n, YUKAWA_GROUPS, B, true, &k->group_level[m], p, e))
    yukawa_response(sum, f, n, YUKAWA_GROUPS, B, &k->group_response[m], p, e);
  free(v), free(f), free(sum);
  return e->code;
}

int yukawa_rank_inputs(yukawa_ranking *k, const yukawa_explanations *x, err *e) {
  int P = x->points, K = x->items, G = YUKAWA_GROUPS;
  *k = (yukawa_ranking){.input = calloc((size_t)P, sizeof *k->input), .group = calloc((size_t)P, sizeof *k->group)};
  if (!k->input || !k->group) return err_set(e, ERR_RUN, "rankings: out of memory");
  for (int m = 0; m < x->methods; m++)
    if (yukawa_grid_new(&k->level[m], P, K, e) || yukawa_grid_new(&k->response[m], P, K, e) ||
        yukawa_grid_new(&k->group_level[m], P, G, e) || yukawa_grid_new(&k->group_response[m], P, G, e))
      return e->code;
  for (int m = 0; m < FISHER_MEASURES; m++)
    if (yukawa_grid_new(&k->exact[m], P, K, e) || yukawa_grid_new(&k->group_exact[m], P, G, e)) return e->code;
  if (yukawa_grid_new(&k->bound, P, 2, e)) return e->code;
  for (int p = 0; p < P && !e->code; p++) {
    exact(k, x, p, e);
    for (int m = 0; m < x->methods && !e->code; m++) attributed(k, x, p, m, e);
  }
  return e->code;
}

void yukawa_ranking_free(yukawa_ranking *k, int points) {
  for (int m = 0; m < YUKAWA_METHODS; m++) {
    yukawa_grid_free(&k->level[m]), yukawa_grid_free(&k->response[m]);
    yukawa_grid_free(&k->group_level[m]), yukawa_grid_free(&k->group_response[m]);
  }
  for (int m = 0; m < FISHER_MEASURES; m++) yukawa_grid_free(&k->exact[m]), yukawa_grid_free(&k->group_exact[m]);
  for (int p = 0; p < points; p++) {
    if (k->input) fisher_free(&k->input[p]);
    if (k->group) fisher_free(&k->group[p]);
  }
  yukawa_grid_free(&k->bound), free(k->input), free(k->group);
}

/* ---- agreement ---- */

static int top(const double *v, int n) {
  int best = 0;
  for (int k = 1; k < n; k++)
    if (v[k] > v[best]) best = k;
  return best;
}

/* A grid may miss its own end by rounding. */
static bool compared(const yukawa_explanations *x, int p) {
  return fabs(x->kappa[p]) > x->c.least_kappa - 1e-9;
}

/* What is first at point p: a method's input of the largest mean |R|, or the one that alone knows most. */
static int first_of(const yukawa_ranking *k, const yukawa_explanations *x, int m, int p) {
  const yukawa_grid *g = m < 0 ? &k->exact[FISHER_ALONE] : &k->level[m];
  return top(g->value + p * x->items, x->items);
}

/* Is column b of a row ahead of each of the others by more than 2 sigma? */
static bool ahead(const yukawa_grid *g, int p, int b) {
  const double *v = g->value + p * g->columns, *s = g->error + p * g->columns;
  bool all = true;
  for (int k = 0; k < g->columns; k++) all &= k == b || v[b] - v[k] > 2 * hypot(s[b], s[k]);
  return all;
}

/* Does the exact first know more than each of the others by more than 2 sigma? */
static bool resolved(const fisher *f, int b) {
  bool all = true;
  for (int k = 0; k < f->players; k++) {
    fisher_value d = fisher_difference(f, FISHER_ALONE, b, k);
    all &= k == b || d.value > 2 * d.error;
  }
  return all;
}

/* Does the first of a method hold as much as the exact first, or the exact first as much relevance, within 2 sigma? */
static bool agrees(const yukawa_grid *g, int p, const fisher *f, int measure) {
  const double *v = g->value + p * g->columns, *s = g->error + p * g->columns;
  double known[FISHER_PLAYERS];
  for (int k = 0; k < f->players; k++) known[k] = f->share[measure][k].value;
  int a = top(v, g->columns), b = top(known, f->players);
  fisher_value d = fisher_difference(f, measure, b, a);
  return a == b || d.value <= 2 * d.error || v[a] - v[b] <= 2 * hypot(s[a], s[b]);
}

static double agreement(const yukawa_explanations *x, const yukawa_grid *g, const fisher *f, int measure) {
  int same = 0, all = 0;
  for (int p = 0; p < x->points; p++)
    if (compared(x, p)) all++, same += agrees(g, p, &f[p], measure);
  return all ? (double)same / all : NAN;
}

static int put_agreement(run *r, const yukawa_ranking *k, const yukawa_explanations *x, err *e) {
  enum { READINGS = 4, MEASURES = 2 };
  static const int measure[MEASURES] = {FISHER_ALONE, FISHER_SHAPLEY};
  double v[YUKAWA_METHODS * READINGS * MEASURES];
  for (int m = 0; m < x->methods; m++) {
    const yukawa_grid *reading[READINGS] = {&k->level[m], &k->response[m], &k->group_level[m], &k->group_response[m]};
    for (int i = 0; i < READINGS; i++)
      for (int j = 0; j < MEASURES; j++)
        v[(m * READINGS + i) * MEASURES + j] = agreement(x, reading[i], i < 2 ? k->input : k->group, measure[j]);
    char name[60];
    snprintf(name, sizeof name, "agreement.%s", yukawa_methods[x->method[m]]);
    if (run_number(r, name, "1",
                   "share of kappas (explain.least_kappa) where the input of the largest mean |R| is "
                   "the one that alone knows most, or ties within 2 sigma",
                   v[m * READINGS * MEASURES], NAN, e))
      return e->code;
  }
  return run_result_array(
      r,
      (run_array){.name = "agreement_all",
                  .unit = "1",
                  .description = "the same; reading: level, response of inputs, level, response of groups; "
                                 "measure: alone, shapley",
                  .rank = 3,
                  .dims = {(size_t)x->methods, READINGS, MEASURES},
                  .axis = {"method", "reading", "measure"},
                  .value = v},
      e);
}

/* Without ties: where the exact first is ahead by 2 sigma, is it the method's first, ahead by 2 sigma too? */
static int put_strict(run *r, const yukawa_ranking *k, const yukawa_explanations *x, int m, err *e) {
  int same = 0, all = 0;
  char name[60];
  for (int p = 0; p < x->points; p++) {
    int b = first_of(k, x, -1, p);
    if (!compared(x, p) || !resolved(&k->input[p], b)) continue;
    all++, same += ahead(&k->level[m], p, b);
  }
  snprintf(name, sizeof name, "strict.%s", yukawa_methods[x->method[m]]);
  return run_number(
      r, name, "1",
      "share of kappas, of those where one input alone knows more than any other by 2 sigma, where it has "
      "more mean |R| than any other by 2 sigma",
      all ? (double)same / all : NAN, NAN, e);
}

static int put_row(run *r, const char *name, const char *text, const yukawa_explanations *x, const double *v,
                   const double *error, err *e) {
  return run_result_array(r,
                          (run_array){.name = name,
                                      .unit = "1",
                                      .description = text,
                                      .rank = 1,
                                      .dims = {(size_t)x->points},
                                      .axis = {"kappa"},
                                      .axis_values = {x->kappa},
                                      .value = v,
                                      .error = error},
                          e);
}

/* The first of each kappa; excess: how much more it has than the exact first. m < 0: the exact ones. */
static int put_first(run *r, const yukawa_ranking *k, const yukawa_explanations *x, int m, err *e) {
  double *v = malloc(3 * sizeof *v * (size_t)x->points), *excess = v + x->points, *error = excess + x->points;
  const char *who = m < 0 ? "alone" : yukawa_methods[x->method[m]];
  char name[60];
  if (!v) return err_set(e, ERR_RUN, "rankings: out of memory");
  for (int p = 0; p < x->points; p++) {
    int a = first_of(k, x, m, p), b = first_of(k, x, -1, p);
    const yukawa_grid *g = &k->level[m < 0 ? 0 : m];
    v[p] = a, excess[p] = g->value[p * x->items + a] - g->value[p * x->items + b];
    error[p] = a == b ? 0 : hypot(g->error[p * x->items + a], g->error[p * x->items + b]);
  }
  snprintf(name, sizeof name, "first.%s", who);
  put_row(r, name, m < 0 ? "number of the input that alone knows most" : "number of the input of the largest mean |R|",
          x, v, NULL, e);
  snprintf(name, sizeof name, "excess.%s", who);
  if (m >= 0 && !e->code)
    put_row(r, name, "share of mean |R| of the first, less that of the exact first", x, excess, error, e);
  free(v);
  return e->code;
}

static int put_firsts(run *r, const yukawa_ranking *k, const yukawa_explanations *x, err *e) {
  for (int m = -1; m < x->methods && !e->code; m++)
    if (!put_first(r, k, x, m, e) && m >= 0) put_strict(r, k, x, m, e);
  return e->code;
}

/* ---- results ---- */

int yukawa_rank_report(run *r, const yukawa_ranking *k, const yukawa_explanations *x, err *e) {
  static const char *const measure[FISHER_MEASURES] = {"alone", "last", "shapley"};
  static const char *const text[FISHER_MEASURES] = {
      "share of the information 4 Var T that an input holds alone, corr(O, T)^2", "what an input adds to all others",
      "Shapley share of the information of all inputs together"};
  char name[80];
  for (int m = 0; m < FISHER_MEASURES && !e->code; m++) {
    snprintf(name, sizeof name, "information.%s", measure[m]);
    if (yukawa_grid_put(r, &k->exact[m], name, text[m], "kappa", x->kappa, "input", e)) break;
    snprintf(name, sizeof name, "group_information.%s", measure[m]);
    yukawa_grid_put(r, &k->group_exact[m], name, text[m], "kappa", x->kappa, "group", e);
  }
  for (int m = 0; m < x->methods && !e->code; m++) {
    const yukawa_grid *g[4] = {&k->level[m], &k->response[m], &k->group_level[m], &k->group_response[m]};
    static const char *const what[4] = {"relevance", "response", "group_relevance", "group_response"};
    for (int i = 0; i < 4 && !e->code; i++) {
      snprintf(name, sizeof name, "%s.%s", what[i], yukawa_methods[x->method[m]]);
      yukawa_grid_put(r, g[i], name,
                      i % 2 ? "Cov(R, F) / Var F at one kappa: whose fluctuations the answer follows"
                            : "mean |R| of an input, or |sum of R| of a group, over the sum of all",
                      "kappa", x->kappa, i < 2 ? "input" : "group", e);
    }
  }
  if (e->code ||
      yukawa_grid_put(r, &k->bound, "bound", "least sd of an unbiased estimate of kappa: from T, from all inputs",
                      "kappa", x->kappa, "knows", e))
    return e->code;
  return put_agreement(r, k, x, e) ? e->code : put_firsts(r, k, x, e);
}

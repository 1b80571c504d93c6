/* run_pool.c: independent seeds of one deck merged: collect_pool.
 *
 * Runs whose used decks differ in section run (and net.from) only are one. With values v_i and errors s_i
 *   v = sum v_i / s_i^2 / sum 1 / s_i^2,   s^2 = 1 / sum 1 / s_i^2,   chi2 = sum (v_i - v)^2 / s_i^2,   dof = n - 1
 * (G. Cowan, Statistical Data Analysis, section 7.6). Numbers without errors are averaged as they are, with the error
 * of the mean from their scatter; if they are all equal they stay as they are. Exact values that come from a chain of
 * the run itself are merged like values. Only finished runs count, and a seed counts once.
 *
 * Over a key (collect_options.over): runs that differ in it too are one, each with an equal part of one sample, as
 * folds of patients are:  v = sum v_i / n,  s^2 = sum s_i^2 / n^2,  chi2 and dof about that v. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/collect_priv.h"

typedef struct sum {
  double w, wv, wvv;                /* with errors */
  double n, v, vv, ss, first, last; /* all of them; least and greatest */
  bool bare, parts;                 /* one has no error; equal parts of one sample */
} sum;

static void add(sum *s, double v, double error) {
  if (isnan(v)) return;
  double w = 1 / (error * error);
  if (error > 0 && isfinite(w))
    s->w += w, s->wv += w * v;
  else
    s->bare = true;
  if (!s->n || v < s->first) s->first = v;
  if (!s->n || v > s->last) s->last = v;
  s->n++, s->v += v, s->ss += error * error;
}

/* A second pass: deviations from the mean, where sums of squares would cancel. */
static void add_square(sum *s, double v, double error, double mean) {
  double d = v - mean, w = 1 / (error * error);
  if (isnan(v)) return;
  s->vv += d * d;
  if (!s->bare) s->wvv += w * d * d;
}

static double mean_of(const sum *s) {
  if (!s->n) return NAN;
  if (s->first == s->last) return s->first;
  return s->bare || s->parts ? s->v / s->n : s->wv / s->w;
}

static double error_of(const sum *s) {
  if (!s->n) return NAN;
  if (!s->bare) return s->parts ? sqrt(s->ss) / s->n : 1 / sqrt(s->w);
  return s->first == s->last ? NAN : sqrt(s->vv / (s->n * (s->n - 1)));
}

static collect_fit fit_of(const sum *s) {
  if (s->bare || s->n < 2) return (collect_fit){0, 0};
  return (collect_fit){s->wvv, (int)s->n - 1};
}

/* Merges m numbers with errors; error may be NULL. */
static collect_fit merge(bool parts, int m, const double *v, const double *error, double *value, double *err_value) {
  sum s = {.parts = parts};
  for (int i = 0; i < m; i++) add(&s, v[i], error[i]);
  *value = mean_of(&s);
  for (int i = 0; i < m; i++) add_square(&s, v[i], error[i], *value);
  *err_value = error_of(&s);
  return fit_of(&s);
}

static const run_value *value_of(const collect_run *r, const char *name) {
  for (int i = 0; i < r->results.values; i++)
    if (!strcmp(r->results.value[i].name, name)) return &r->results.value[i];
  return NULL;
}

static bool same_axes(const run_array *a, const run_array *b) {
  if (strcmp(a->name, b->name) || a->rank != b->rank) return false;
  for (int k = 0; k < a->rank; k++) {
    if (a->dims[k] != b->dims[k] || !a->axis_values[k] != !b->axis_values[k]) return false;
    if (a->axis_values[k] && memcmp(a->axis_values[k], b->axis_values[k], a->dims[k] * sizeof(double))) return false;
  }
  return true;
}

static const run_array *array_of(const collect_run *r, const run_array *like) {
  for (int i = 0; i < r->results.arrays; i++)
    if (same_axes(&r->results.array[i], like)) return &r->results.array[i];
  return NULL;
}

/* ---- one group: group[0] takes the mean of all m ---- */

static void merge_value(bool parts, collect_run *const *group, int m, int at, double *room) {
  run_value *v = &group[0]->results.value[at];
  double *x = room, *s = room + m, *exact = room + 2 * m, *exact_error = room + 3 * m;
  int n = 0;
  for (int i = 0; i < m; i++) {
    const run_value *o = value_of(group[i], v->name);
    if (!o) continue;
    x[n] = o->value, s[n] = o->error, exact[n] = o->exact, exact_error[n++] = o->exact_error;
  }
  group[0]->fit[at] = merge(parts, n, x, s, &v->value, &v->error);
  bool known = true; /* exact in the strict sense: the same in all */
  for (int i = 1; i < n; i++) known &= exact[i] == exact[0];
  if (!known) merge(parts, n, exact, exact_error, &v->exact, &v->exact_error);
  v->tau_int = NAN, v->n_eff = NAN;
}

static void merge_array(bool parts, collect_run *const *group, int m, int at, double *room, err *e) {
  run_array *a = &group[0]->results.array[at];
  double *x = room, *s = room + m, *value = (double *)a->value, *error = (double *)a->error;
  size_t n = 1;
  for (int k = 0; k < a->rank; k++) n *= a->dims[k];
  collect_fit *fit = group[0]->array_fit[at] = calloc(n + 1, sizeof *fit);
  if (!error) a->error = error = calloc(n + 1, sizeof *error);
  if (!fit || !error) {
    err_set(e, ERR_RUN, "collect: out of memory");
    return;
  }
  for (size_t j = 0; j < n; j++) {
    int got = 0;
    for (int i = 0; i < m; i++) {
      const run_array *o = i ? array_of(group[i], a) : a;
      if (!o) continue;
      x[got] = o->value[j], s[got++] = o->error ? o->error[j] : NAN;
    }
    fit[j] = merge(parts, got, x, s, &value[j], &error[j]);
  }
}

static int merge_group(bool parts, collect_run *const *group, int m, err *e) {
  collect_run *r = group[0];
  double *room = calloc(4 * (size_t)m, sizeof *room);
  r->fit = calloc((size_t)r->results.values + 1, sizeof *r->fit);
  r->array_fit = calloc((size_t)r->results.arrays + 1, sizeof *r->array_fit);
  if (!room || !r->fit || !r->array_fit) err_set(e, ERR_RUN, "collect: out of memory");
  for (int k = 0; k < r->results.values && !e->code; k++) merge_value(parts, group, m, k, room);
  for (int k = 0; k < r->results.arrays && !e->code; k++) merge_array(parts, group, m, k, room, e);
  r->seeds = m;
  free(room);
  return e->code;
}

/* ---- groups ---- */

static bool left_out(const char *key, const char *over) {
  return !strncmp(key, "run.", 4) || !strcmp(key, "net.from") || !strcmp(key, "net.grow") ||
         (over && !strcmp(key, over));
}

static bool same_deck(const collect_run *r, const collect_run *s, const char *over) {
  if (!r->app || !s->app || strcmp(r->app, s->app)) return false;
  for (int k = 0; k < r->keys; k++)
    if (!left_out(r->key[k].name, over) && strcmp(r->key[k].text, collect_value(s, r->key[k].name))) return false;
  for (int k = 0; k < s->keys; k++)
    if (!left_out(s->key[k].name, over) && !strcmp(collect_value(r, s->key[k].name), "-")) return false;
  return true;
}

static bool seed_taken(collection *c, collect_run *const *group, int m, const collect_run *r) {
  for (int i = 0; i < m; i++) {
    if (strcmp(collect_value(group[i], "run.seed"), collect_value(r, "run.seed"))) continue;
    if (c->over && strcmp(collect_value(group[i], c->over), collect_value(r, c->over))) continue;
    collect_note(c, "%s: the seed of %s, counted once", r->path, group[i]->path);
    return true;
  }
  return false;
}

/* Takes all runs of the deck of run i out of `open`. */
static int take_group(collection *c, int i, bool *taken, collect_run **group) {
  int m = 0;
  for (int k = i; k < c->runs; k++) {
    collect_run *r = &c->run[k];
    if (taken[k] || strcmp(r->status, "done") || !same_deck(&c->run[i], r, c->over)) continue;
    taken[k] = true;
    if (!seed_taken(c, group, m, r)) group[m++] = r;
  }
  return m;
}

int collect_pool(collection *c, err *e) {
  bool *taken = calloc((size_t)c->runs + 1, sizeof *taken);
  collect_run **group = calloc((size_t)c->runs + 1, sizeof *group);
  int left = 0;
  if (!taken || !group) err_set(e, ERR_RUN, "collect: out of memory");
  for (int i = 0; i < c->runs && !e->code; i++) {
    int m = taken[i] ? 0 : take_group(c, i, taken, group);
    if (m) merge_group(c->over, group, m, e);
  }
  for (int i = 0; i < c->runs; i++) {
    collect_run r = c->run[i];
    if (r.seeds > 1 || (r.fit && !e->code))
      c->run[left++] = r;
    else
      collect_run_free(&c->run[i]);
  }
  c->runs = left;
  free(taken), free(group);
  return e->code;
}

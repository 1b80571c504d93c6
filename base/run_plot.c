/* run_plot.c: results of many runs against a deck key or their own axis; see run_plot.h. */
#include "base/run_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/collect_priv.h"
#include "base/plot.h"

enum { LABEL = 240 };

typedef struct figure {
  const collect_options *o;
  const collection *c;
  collect_table *table;
  int tables;
  int x; /* number of the key along x, -1: none */
  plot *p;
} figure;

/* ---- names ---- */

static void split(const char *name, char observable[104], char estimator[104]) {
  const char *dot = strrchr(name, '.');
  snprintf(observable, 104, "%.*s", dot ? (int)(dot - name) : 103, name);
  snprintf(estimator, 104, "%s", dot ? dot + 1 : "");
}

static void with_unit(char s[LABEL], const char *name, const char *unit) {
  bool pure = !unit || !*unit || !strcmp(unit, "1");
  snprintf(s, LABEL, pure ? "%.100s" : "%.100s [%.100s]", name, unit);
}

static void add_text(char s[LABEL], const char *text) {
  size_t n = strlen(s);
  snprintf(s + n, LABEL - n, "%s%s", n ? ", " : "", text);
}

/* "lattice.L = 8": the keys but the one along x, of a run. */
static void add_keys(const figure *g, int number, int x, char s[LABEL]) {
  char text[LABEL];
  for (int k = 0; k < g->c->keys; k++) {
    const char *v = collect_value(&g->c->run[number], g->c->key[k]);
    if (k == x || !strcmp(v, "-")) continue;
    char *end;
    double number_v = strtod(v, &end);
    if (*end)
      snprintf(text, sizeof text, "%.60s = %.60s", g->c->key[k], v);
    else
      snprintf(text, sizeof text, "%.60s = %.6g", g->c->key[k], number_v);
    add_text(s, text);
  }
}

/* ---- which key is x ---- */

static double number_of(const collection *c, int i, int k) {
  char *end;
  const char *text = collect_value(&c->run[i], c->key[k]);
  double x = strtod(text, &end);
  return *end || end == text ? NAN : x;
}

/* Different numbers of a key; 0 if one is no number. */
static int values_of(const collection *c, int k) {
  int n = 0;
  for (int i = 0; i < c->runs; i++) {
    bool seen = false;
    if (!c->run[i].keys) continue;
    if (isnan(number_of(c, i, k))) return 0;
    for (int j = 0; j < i && !seen; j++) seen = c->run[j].keys && number_of(c, j, k) == number_of(c, i, k);
    n += !seen;
  }
  return n;
}

static int find_x(figure *g, err *e) {
  int most = 1;
  g->x = -1;
  for (int k = 0; k < g->c->keys; k++) {
    if (g->o->x && k) break;
    int n = values_of(g->c, k);
    if (n > most || (n && g->o->x)) g->x = k, most = n;
  }
  bool needed = false;
  for (int i = 0; i < g->tables; i++) needed |= g->table[i].axes == 0;
  if (g->x >= 0 || !needed) return 0;
  if (g->o->x) return err_set(e, ERR_DECK, "--x %s: its values are no numbers", g->o->x);
  return err_set(e, ERR_DECK, "the runs do not differ in a number of their decks: name one with --x KEY");
}

/* ---- curves ---- */

typedef struct points {
  double *x, *y, *error, *exact, *exact_error;
  int n;
  bool reference; /* the exact values have errors */
} points;

/* Do two rows belong to one curve: equal in all keys but x (of an array: in all)? */
static bool together(const figure *g, int x, const collect_row *a, const collect_row *b) {
  for (int k = 0; k < g->c->keys; k++) {
    const char *u = collect_value(&g->c->run[a->run], g->c->key[k]);
    if (k != x && strcmp(u, collect_value(&g->c->run[b->run], g->c->key[k]))) return false;
  }
  return x >= 0 || a->run == b->run;
}

static int points_new(points *s, int n, err *e) {
  double *room = calloc(5 * (size_t)n + 1, sizeof *room);
  *s = (points){.x = room, .y = room + n, .error = room + 2 * n, .exact = room + 3 * n, .exact_error = room + 4 * n};
  return room ? 0 : err_set(e, ERR_RUN, "plot: out of memory");
}

/* The points of the curve to which row i belongs; false if that is not its first row. */
static bool gather(const figure *g, const collect_table *t, int i, points *s) {
  int x = t->axes ? -1 : g->x;
  for (int k = 0; k < i; k++)
    if (together(g, x, &t->row[k], &t->row[i])) return false;
  s->n = 0, s->reference = false;
  for (int k = i; k < t->rows; k++) {
    const collect_row *r = &t->row[k];
    if (!together(g, x, &t->row[i], r)) continue;
    s->x[s->n] = t->axes ? r->axis[0] : number_of(g->c, r->run, x);
    s->y[s->n] = r->value, s->error[s->n] = r->error;
    s->exact[s->n] = r->exact, s->exact_error[s->n++] = r->exact_error;
    s->reference |= r->exact_error > 0;
  }
  return true;
}

static bool any(const double *v, int n) {
  for (int i = 0; i < n; i++)
    if (!isnan(v[i])) return true;
  return false;
}

/* Exact values, from the first table of the panel that has them: a line. alone: the same for all settings. */
static void draw_exact(const figure *g, const collect_table *t, const points *s, int row, bool alone) {
  char label[LABEL];
  snprintf(label, sizeof label, "%s", s->reference ? "reference" : "exact");
  if (!alone) add_keys(g, t->row[row].run, t->axes ? -1 : g->x, label);
  plot_curve(g->p, label, s->n > 1 ? PLOT_LINE : PLOT_POINTS, (size_t)s->n, s->x, s->exact,
             s->reference ? s->exact_error : NULL);
}

/* Have all curves of the table the same exact values? */
static bool one_exact(const figure *g, const collect_table *t, points *s) {
  points first;
  err none = {0};
  bool same = !points_new(&first, t->rows, &none) && t->rows > 0 && gather(g, t, 0, &first);
  for (int i = 1; i < t->rows && same; i++) {
    if (!gather(g, t, i, s)) continue;
    same = s->n == first.n;
    for (int k = 0; k < s->n && same; k++)
      same = s->x[k] == first.x[k] && fabs(s->exact[k] - first.exact[k]) <= 1e-9 * fabs(first.exact[k]);
  }
  free(first.x);
  return same;
}

static void draw_points(const figure *g, const collect_table *t, const points *s, int row) {
  char label[LABEL] = "", observable[104], estimator[104];
  split(t->name, observable, estimator);
  add_text(label, estimator);
  add_keys(g, t->row[row].run, t->axes ? -1 : g->x, label);
  plot_curve(g->p, *label ? label : NULL, PLOT_POINTS, (size_t)s->n, s->x, s->y, any(s->error, s->n) ? s->error : NULL);
}

static void draw_table(const figure *g, const collect_table *t, bool exact, err *e) {
  points s;
  if (points_new(&s, t->rows, e)) return;
  bool alone = exact && one_exact(g, t, &s);
  for (int i = 0; i < t->rows; i++) {
    if (!gather(g, t, i, &s)) continue;
    if (exact && any(s.exact, s.n) && (!alone || i == 0))
      draw_exact(g, t, &s, i, alone);
    else if (!exact && any(s.y, s.n))
      draw_points(g, t, &s, i);
  }
  free(s.x);
}

static bool has_exact(const collect_table *t) {
  for (int i = 0; i < t->rows; i++)
    if (!isnan(t->row[i].exact)) return true;
  return false;
}

/* ---- panels ---- */

static bool same_panel(const collect_table *a, const collect_table *b) {
  char o[104], q[104], estimator[104];
  split(a->name, o, estimator), split(b->name, q, estimator);
  return !strcmp(o, q) && a->axes == b->axes && !strcmp(a->unit, b->unit);
}

/* One observable: its exact curve, then its estimators. */
static void draw_panel(figure *g, int first, err *e) {
  const collect_table *t = &g->table[first], *exact = NULL;
  char xlabel[LABEL], ylabel[LABEL], observable[104], estimator[104], title[64];
  split(t->name, observable, estimator);
  if (t->axes)
    with_unit(xlabel, t->axis[0], t->axis_unit[0]);
  else
    with_unit(xlabel, g->c->key[g->x], collect_unit(g->c, g->o, g->c->key[g->x]));
  with_unit(ylabel, observable, t->unit);
  snprintf(title, sizeof title, "%.62s", t->description);
  plot_panel(g->p, title, xlabel, ylabel, 0, 0);
  for (int k = first; k < g->tables && !exact; k++)
    if (same_panel(t, &g->table[k]) && has_exact(&g->table[k])) exact = &g->table[k];
  if (exact) draw_table(g, exact, true, e);
  for (int k = first; k < g->tables && !e->code; k++)
    if (same_panel(t, &g->table[k])) draw_table(g, &g->table[k], false, e);
}

static int draw_results(figure *g, err *e) {
  for (int i = 0; i < g->tables; i++)
    if (g->table[i].axes > 1)
      return err_set(e, ERR_DECK, "%s has %d axes: only one can be drawn", g->table[i].name, g->table[i].axes);
  if (find_x(g, e)) return e->code;
  for (int i = 0; i < g->tables && !e->code; i++) {
    bool drawn = false;
    for (int k = 0; k < i; k++) drawn |= same_panel(&g->table[k], &g->table[i]);
    if (!drawn) draw_panel(g, i, e);
  }
  return e->code;
}

static int results(figure *g, err *e) {
  char **names = collect_names(g->c, g->o, e);
  int n = 0;
  while (names && names[n]) n++;
  g->table = calloc((size_t)n + 1, sizeof *g->table);
  if (!g->table) err_set(e, ERR_RUN, "plot: out of memory");
  for (; g->tables < n && !e->code; g->tables++) collect_rows(&g->table[g->tables], g->c, names[g->tables], e);
  if (!e->code) draw_results(g, e);
  for (int i = 0; g->table && i < g->tables; i++) free(g->table[i].row);
  for (int i = 0; i < n; i++) free(names[i]);
  free(names), free(g->table);
  return e->code;
}

/* ---- series ---- */

typedef struct series {
  double *v;
  size_t n;
  char *unit, *description;
} series;

static void series_free(series *s) {
  free(s->v), free(s->unit), free(s->description);
}

/* Numbers under /series/NAME of a run; n = 0 where it has none. */
static int read_series(series *s, const collect_run *r, const char *name, err *e) {
  char file[PATH_MAX], path[300];
  h5 *f;
  int rank;
  size_t dims[8];
  const char *dot = strrchr(r->path, '.');
  *s = (series){0};
  snprintf(file, sizeof file, dot && !strcmp(dot, ".h5") ? "%.4000s" : "%.4000s/run.h5", r->path);
  snprintf(path, sizeof path, "/series/%.200s", name);
  if (h5_open(&f, file, e)) return e->code;
  if (h5_has(f, path) && !h5_dims(f, path, &rank, dims, e)) {
    if (rank != 1) err_set(e, ERR_DECK, "series %s of %s has %d axes: only one can be drawn", name, file, rank);
    s->v = e->code ? NULL : malloc((dims[0] + 1) * sizeof *s->v);
    if (s->v && !h5_read(f, path, H5_F64, s->v, dims[0], e)) s->n = dims[0];
    if (!e->code) h5_read_attr_text(f, path, "unit", &s->unit, e);
    if (!e->code) h5_read_attr_text(f, path, "description", &s->description, e);
  }
  h5_close(f);
  return e->code;
}

/* A long series as means over equal spans, with the error of the mean from the scatter in a span. */
static int draw_series(figure *g, int number, const series *s, err *e) {
  enum { MOST = 400 };
  double x[MOST], y[MOST], error[MOST];
  char label[LABEL] = "", mean[60];
  size_t span = (s->n + MOST - 1) / MOST, n = 0;
  for (size_t i = 0; i + span <= s->n; i += span, n++) {
    double sum = 0, square = 0;
    for (size_t k = i; k < i + span; k++) sum += s->v[k] / (double)span;
    for (size_t k = i; k < i + span; k++) square += (s->v[k] - sum) * (s->v[k] - sum);
    x[n] = (double)i + 0.5 * (double)(span + 1), y[n] = sum;
    error[n] = span > 1 ? sqrt(square / (double)(span * (span - 1))) : NAN;
  }
  add_keys(g, number, -1, label);
  if (!*label && g->c->runs > 1) add_text(label, g->c->run[number].path);
  snprintf(mean, sizeof mean, "means of %zu", span);
  if (span > 1) add_text(label, mean);
  plot_curve(g->p, *label ? label : NULL, PLOT_LINE, n, x, y, span > 1 ? error : NULL);
  return e->code;
}

static int series_panel(figure *g, const char *name, err *e) {
  bool begun = false;
  for (int i = 0; i < g->c->runs && !e->code; i++) {
    series s;
    char ylabel[LABEL];
    if (!g->c->run[i].keys) continue;
    if (!read_series(&s, &g->c->run[i], name, e) && s.n) {
      with_unit(ylabel, name, s.unit);
      if (!begun) plot_panel(g->p, s.description, "index", ylabel, 0, 0);
      begun = true;
      draw_series(g, i, &s, e);
    }
    series_free(&s);
  }
  if (!begun && !e->code) err_set(e, ERR_DECK, "--series %s: no run has such a series", name);
  return e->code;
}

static int all_series(figure *g, const char *names, err *e) {
  char *copy = strdup(names), *rest = NULL;
  if (!copy) return err_set(e, ERR_RUN, "plot: out of memory");
  for (char *s = strtok_r(copy, ",", &rest); s && !e->code; s = strtok_r(NULL, ",", &rest)) series_panel(g, s, e);
  free(copy);
  return e->code;
}

/* ---- all of it ---- */

static int panels(const char *names) {
  int n = 1;
  for (; names && *names; names++) n += *names == ',';
  return n;
}

int run_plot(const collect_options *o, const char *names, const char *path, err *e) {
  collection c = {0};
  if (!o->y == !names) return err_set(e, ERR_DECK, "plot needs --y NAMES or --series NAMES");
  if (!collect_open(&c, o, e)) {
    figure g = {.o = o, .c = &c, .p = plot_new("", panels(names ? names : o->y) > 1 ? 2 : 1)};
    if (!g.p) err_set(e, ERR_RUN, "plot: out of memory");
    if (g.p && names) all_series(&g, names, e);
    if (g.p && !names) results(&g, e);
    if (!e->code)
      plot_write(g.p, path, e);
    else
      plot_drop(g.p);
  }
  collect_close(&c);
  return e->code;
}

/* run_plot.c: run_plot: results of many runs against a deck key or their own axis; see run_plot.h. */
#include "base/run_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/run_plot_priv.h"

/* ---- names ---- */

static void split(const char *name, char observable[104], char estimator[104]) {
  const char *dot = strrchr(name, '.');
  snprintf(observable, 104, "%.*s", dot ? (int)(dot - name) : 103, name);
  snprintf(estimator, 104, "%s", dot ? dot + 1 : "");
}

void plot_title(char s[PLOT_TITLE], const char *description) {
  size_t n = strcspn(description, ";(");
  while (n && description[n - 1] == ' ') n--;
  snprintf(s, PLOT_TITLE, "%.*s", n ? (int)n : PLOT_TITLE, description);
}

void plot_add_text(char s[PLOT_LABEL], const char *text) {
  size_t n = strlen(s);
  snprintf(s + n, PLOT_LABEL - n, "%s%s", n ? ", " : "", text);
}

void plot_add_keys(const figure *g, int number, int x, char s[PLOT_LABEL]) {
  char text[PLOT_LABEL];
  for (int k = 0; k < g->c->keys; k++) {
    const char *v = collect_value(&g->c->run[number], g->c->key[k]);
    if (k == x || !strcmp(v, "-")) continue;
    char *end;
    double number_v = strtod(v, &end);
    if (*end)
      snprintf(text, sizeof text, "%.60s = %.60s", g->c->key[k], v);
    else
      snprintf(text, sizeof text, "%.60s = %.6g", g->c->key[k], number_v);
    plot_add_text(s, text);
  }
}

/* ---- which key is x ---- */

static double number_of(const collection *c, int i, int k) {
  char *end;
  const char *text = collect_value(&c->run[i], c->key[k]);
  double x = strtod(text, &end);
  return *end || end == text ? NAN : x;
}

/* The place of a run along x. */
static double place_of(const figure *g, int i, int x) {
  double v = number_of(g->c, i, x);
  return g->inverse ? 1 / v : v;
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
    s->x[s->n] = t->axes ? r->axis[0] : place_of(g, r->run, x);
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
  char label[PLOT_LABEL];
  snprintf(label, sizeof label, "%s", s->reference ? "reference" : "exact");
  if (!alone) plot_add_keys(g, t->row[row].run, t->axes ? -1 : g->x, label);
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
  char label[PLOT_LABEL] = "", observable[104], estimator[104];
  split(t->name, observable, estimator);
  plot_add_text(label, estimator);
  plot_add_keys(g, t->row[row].run, t->axes ? -1 : g->x, label);
  plot_curve(g->p, *label ? label : NULL, PLOT_POINTS, (size_t)s->n, s->x, s->y, any(s->error, s->n) ? s->error : NULL);
}

static double error_of(double error, double exact_error) {
  return exact_error > 0 ? hypot(error, exact_error) : error;
}

/* Values become deviations from the exact ones in units of the errors. */
static void deviate(figure *g, points *s) {
  for (int i = 0; i < s->n; i++) {
    double error = error_of(s->error[i], s->exact_error[i]);
    s->y[i] = error > 0 ? (s->y[i] - s->exact[i]) / error : NAN;
    s->x[i] += g->shift;
    s->error[i] = 1;
  }
  g->shift += g->step;
}

typedef enum { EXACT, VALUES, DEVIATIONS } what;

static void draw_table(figure *g, const collect_table *t, what w, err *e) {
  points s;
  if (points_new(&s, t->rows, e)) return;
  bool alone = w == EXACT && one_exact(g, t, &s);
  for (int i = 0; i < t->rows; i++) {
    if (!gather(g, t, i, &s)) continue;
    if (w == DEVIATIONS) deviate(g, &s);
    if (w == EXACT && any(s.exact, s.n) && (!alone || i == 0))
      draw_exact(g, t, &s, i, alone);
    else if (w != EXACT && any(s.y, s.n))
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

static bool has_deviations(const figure *g, int first) {
  for (int k = first; k < g->tables; k++)
    for (int i = 0; i < g->table[k].rows && same_panel(&g->table[first], &g->table[k]); i++) {
      const collect_row *r = &g->table[k].row[i];
      if (error_of(r->error, r->exact_error) > 0 && !isnan(r->exact)) return true;
    }
  return false;
}

/* From the least x of a panel to the greatest. */
static void range_of(const figure *g, int first, double ends[2]) {
  const collect_table *t = &g->table[first];
  ends[0] = INFINITY, ends[1] = -INFINITY;
  for (int k = first; k < g->tables; k++)
    for (int i = 0; i < g->table[k].rows && same_panel(t, &g->table[k]); i++) {
      const collect_row *r = &g->table[k].row[i];
      double x = t->axes ? r->axis[0] : place_of(g, r->run, g->x);
      ends[0] = fmin(ends[0], x), ends[1] = fmax(ends[1], x);
    }
}

/* Deviations from the exact values in errors, where the bars of the panel before are too small to be seen. Each curve
 * stands a little to the right of the one before. */
static void draw_deviations(figure *g, int first, const collect_table *exact, const char *xlabel, err *e) {
  const collect_table *t = &g->table[first];
  const char *from = "exact";
  char ylabel[PLOT_LABEL], observable[104], estimator[104];
  double ends[2], zero[2] = {0, 0};
  split(t->name, observable, estimator);
  for (int i = 0; i < exact->rows; i++)
    if (exact->row[i].exact_error > 0) from = "reference";
  snprintf(ylabel, sizeof ylabel, "(%.100s - %s) / error", observable, from);
  plot_panel(g->p, "deviation in standard errors", xlabel, ylabel, 0, 0);
  range_of(g, first, ends);
  g->shift = 0, g->step = (ends[1] - ends[0]) / 100;
  for (int k = first; k < g->tables && !e->code; k++)
    if (same_panel(t, &g->table[k])) draw_table(g, &g->table[k], DEVIATIONS, e);
  plot_curve(g->p, NULL, PLOT_GUIDE, 2, ends, zero, NULL);
}

/* "model.beta [1/J]", or its inverse. */
static void x_label(const figure *g, char s[PLOT_LABEL]) {
  const char *key = g->c->key[g->x], *unit = collect_unit(g->c, g->o, key);
  char inverse[2][PLOT_LABEL];
  if (!g->inverse) {
    plot_with_unit(s, key, unit);
    return;
  }
  bool quotient = !strncmp(unit, "1/", 2);
  snprintf(inverse[0], PLOT_LABEL, "1/%.80s", key);
  snprintf(inverse[1], PLOT_LABEL, quotient || !strcmp(unit, "1") ? "%.80s" : "1/%.80s", quotient ? unit + 2 : unit);
  plot_with_unit(s, inverse[0], inverse[1]);
}

/* One observable: its exact curve, then its estimators, and beside it how far they are from each other. */
static void draw_panel(figure *g, int first, err *e) {
  const collect_table *t = &g->table[first], *exact = NULL;
  char xlabel[PLOT_LABEL], ylabel[PLOT_LABEL], observable[104], estimator[104], title[PLOT_TITLE];
  split(t->name, observable, estimator);
  if (t->axes)
    plot_with_unit(xlabel, t->axis[0], t->axis_unit[0]);
  else
    x_label(g, xlabel);
  plot_with_unit(ylabel, observable, t->unit);
  plot_title(title, t->description);
  plot_panel(g->p, title, xlabel, ylabel, 0, 0);
  for (int k = first; k < g->tables && !exact; k++)
    if (same_panel(t, &g->table[k]) && has_exact(&g->table[k])) exact = &g->table[k];
  if (exact) draw_table(g, exact, EXACT, e);
  for (int k = first; k < g->tables && !e->code; k++)
    if (same_panel(t, &g->table[k])) draw_table(g, &g->table[k], VALUES, e);
  if (exact && !e->code && has_deviations(g, first)) draw_deviations(g, first, exact, xlabel, e);
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

/* ---- all of it ---- */

int run_plot(const collect_options *asked, const plot_request *q, const char *path, err *e) {
  collection c = {0};
  collect_options plain = *asked, *o = &plain;
  bool inverse = o->x && !strncmp(o->x, "1/", 2);
  if (inverse) plain.x += 2;
  if (!o->y + !q->series + !q->histogram != 2)
    return err_set(e, ERR_DECK, "plot needs one of --y NAMES, --series NAMES, --histogram NAMES");
  if (!collect_open(&c, o, e)) {
    figure g = {.o = o, .c = &c, .inverse = inverse, .p = plot_new("", 2)};
    if (!g.p) err_set(e, ERR_RUN, "plot: out of memory");
    if (g.p && o->y)
      results(&g, e);
    else if (g.p)
      plot_all_series(&g, q, e);
    if (e->code)
      plot_drop(g.p);
    else if (!plot_write(g.p, path, e) && e->text[0])
      e->code = ERR_FILE; /* the picture is all that was asked for */
  }
  collect_close(&c);
  return e->code;
}

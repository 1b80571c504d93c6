/* run_plot_series.c: plot_all_series: series of many runs against their index (training curves) or as histograms; see
 * run_plot.h.
 *
 * Histograms: bins of width 2 IQR n^(-1/3) (D. Freedman, P. Diaconis, Z. Wahrsch. verw. Gebiete 57 (1981) 453), the
 * least that one of the runs asks for. Few values (1 in 200 on each side) that are further than 5 IQR from the
 * quartiles of all lie beyond. c of n values in a bin of width w give the density c/(n w) with error sqrt(c (1 -
 * c/n))/(n w), as independent values have it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/run_plot_priv.h"

enum { SPANS = 400, LONG_LABEL = 48, LEAST_BINS = 10, MOST_BINS = 200, FEW = 200 };

typedef struct series {
  double *v;
  size_t n; /* 0: the run has no such series */
  char *unit, *description;
} series;

static void series_free(series *s, int runs) {
  for (int i = 0; i < runs; i++) free(s[i].v), free(s[i].unit), free(s[i].description);
  free(s);
}

/* Numbers under /series/NAME of a run. */
static int read_one(series *s, const collect_run *r, const char *name, err *e) {
  char file[PATH_MAX], path[300];
  h5 *f;
  int rank;
  size_t dims[8];
  const char *dot = strrchr(r->path, '.');
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

/* Of all runs; *first: one that has it. To be freed by series_free. */
static series *read_all(const figure *g, const char *name, int *first, err *e) {
  series *s = calloc((size_t)g->c->runs + 1, sizeof *s);
  *first = -1;
  if (!s) err_set(e, ERR_RUN, "plot: out of memory");
  for (int i = 0; i < g->c->runs && !e->code; i++) {
    if (g->c->run[i].keys) read_one(&s[i], &g->c->run[i], name, e);
    if (!e->code && s[i].n && *first < 0) *first = i;
  }
  if (*first < 0 && !e->code) err_set(e, ERR_DECK, "no run has a series %s", name);
  return s;
}

/* The keys in which the runs differ; where these are many, the folder. */
static void label_of(const figure *g, int number, char label[PLOT_LABEL]) {
  const char *path = g->c->run[number].path, *slash = strrchr(path, '/');
  *label = 0;
  plot_add_keys(g, number, -1, label);
  if ((*label || g->c->runs == 1) && strlen(label) <= LONG_LABEL) return;
  *label = 0;
  plot_add_text(label, strlen(path) <= LONG_LABEL || !slash ? path : slash + 1);
}

/* ---- curves ---- */

/* A long series as means over equal spans, with the error of the mean from the scatter in a span. */
static void draw_curve(figure *g, int number, const series *s) {
  double x[SPANS], y[SPANS], error[SPANS];
  char label[PLOT_LABEL], mean[60];
  size_t span = (s->n + SPANS - 1) / SPANS, n = 0;
  for (size_t i = 0; i + span <= s->n; i += span, n++) {
    double sum = 0, square = 0;
    for (size_t k = i; k < i + span; k++) sum += s->v[k] / (double)span;
    for (size_t k = i; k < i + span; k++) square += (s->v[k] - sum) * (s->v[k] - sum);
    x[n] = (double)i + 0.5 * (double)(span + 1), y[n] = sum;
    error[n] = span > 1 ? sqrt(square / (double)(span * (span - 1))) : NAN;
  }
  label_of(g, number, label);
  snprintf(mean, sizeof mean, "means of %zu", span);
  if (span > 1) plot_add_text(label, mean);
  plot_curve(g->p, *label ? label : NULL, PLOT_LINE, n, x, y, span > 1 ? error : NULL);
}

/* "train step" of train.loss. */
static void index_name(char s[PLOT_LABEL], const char *name) {
  const char *dot = strchr(name, '.');
  snprintf(s, PLOT_LABEL, "%.*s step", dot ? (int)(dot - name) : 0, name);
  if (!dot) snprintf(s, PLOT_LABEL, "index");
}

static void curves_panel(figure *g, const char *name, const series *s, int first) {
  char xlabel[PLOT_LABEL], ylabel[PLOT_LABEL], title[PLOT_TITLE];
  index_name(xlabel, name), plot_with_unit(ylabel, name, s[first].unit);
  plot_title(title, s[first].description ? s[first].description : "");
  plot_panel(g->p, title, xlabel, ylabel, 0, 0);
  for (int i = first; i < g->c->runs; i++)
    if (s[i].n) draw_curve(g, i, &s[i]);
}

/* ---- histograms ---- */

typedef struct bins {
  double low, width;
  int n;
} bins;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The finite values of n series in ascending order; the caller frees. */
static double *sorted(const series *s, int n, size_t *count) {
  size_t most = 0;
  for (int i = 0; i < n; i++) most += s[i].n;
  double *v = malloc((most + 1) * sizeof *v);
  *count = 0;
  if (!v) return NULL;
  for (int i = 0; i < n; i++)
    for (size_t k = 0; k < s[i].n; k++)
      if (isfinite(s[i].v[k])) v[(*count)++] = s[i].v[k];
  qsort(v, *count, sizeof *v, ascending);
  return v;
}

static double iqr(const double *v, size_t n) {
  return v[n - 1 - n / 4] - v[n / 4];
}

/* The least width that one of the runs asks for; infinite if none does. */
static double least_width(const series *s, int runs) {
  double least = INFINITY;
  for (int i = 0; i < runs; i++) {
    size_t n;
    double *v = sorted(&s[i], 1, &n), width = v && n > 1 ? 2 * iqr(v, n) * pow((double)n, -1. / 3) : 0;
    if (width > 0) least = fmin(least, width);
    free(v);
  }
  return least;
}

/* v: all n values in ascending order. */
static bins choose(const double *v, size_t n, double width) {
  double reach = 5 * iqr(v, n), low = v[n / 4] - reach, high = v[n - 1 - n / 4] + reach;
  if (low < v[0] || v[n / FEW] < low) low = v[0];
  if (high > v[n - 1] || v[n - 1 - n / FEW] > high) high = v[n - 1];
  if (low >= high) return (bins){low - .5, 1, 1}; /* all the same */
  int count = (int)ceil(fmin(fmax((high - low) / width, LEAST_BINS), MOST_BINS));
  return (bins){low, (high - low) / count, count};
}

static void draw_histogram(figure *g, int number, const series *s, const bins *b) {
  double x[MOST_BINS], y[MOST_BINS], error[MOST_BINS], n = (double)s->n;
  long count[MOST_BINS] = {0}, outside = 0;
  char label[PLOT_LABEL], more[60];
  for (size_t k = 0; k < s->n; k++) {
    double at = floor((s->v[k] - b->low) / b->width);
    if (at == b->n && s->v[k] <= b->low + b->n * b->width) at--; /* the greatest value */
    if (at >= 0 && at < b->n)
      count[(int)at]++;
    else
      outside++;
  }
  for (int k = 0; k < b->n; k++) {
    double c = (double)count[k];
    x[k] = b->low + (k + .5) * b->width, y[k] = c / (n * b->width);
    error[k] = sqrt(c * (1 - c / n)) / (n * b->width);
  }
  label_of(g, number, label);
  snprintf(more, sizeof more, outside ? "n = %zu, %ld beyond" : "n = %zu", s->n, outside);
  plot_add_text(label, more);
  plot_curve(g->p, label, PLOT_STEPS, (size_t)b->n, x, y, error);
}

static int histogram_panel(figure *g, const char *name, const series *s, int first, err *e) {
  char xlabel[PLOT_LABEL], ylabel[PLOT_LABEL], inverse[PLOT_LABEL], title[PLOT_TITLE];
  size_t n;
  double *v = sorted(s, g->c->runs, &n);
  if (!v) return err_set(e, ERR_RUN, "plot: out of memory");
  if (!n) err_set(e, ERR_DECK, "series %s has no finite number", name);
  if (n) {
    bins b = choose(v, n, least_width(s, g->c->runs));
    const char *unit = s[first].unit;
    bool pure = !unit || !*unit || !strcmp(unit, "1");
    snprintf(inverse, sizeof inverse, "1/(%.100s)", pure ? "" : unit);
    plot_with_unit(xlabel, name, unit), plot_with_unit(ylabel, "density", pure ? NULL : inverse);
    plot_title(title, s[first].description ? s[first].description : "");
    plot_panel(g->p, title, xlabel, ylabel, 0, 0);
    for (int i = first; i < g->c->runs; i++)
      if (s[i].n) draw_histogram(g, i, &s[i], &b);
  }
  free(v);
  return e->code;
}

/* ---- all of it ---- */

int plot_all_series(figure *g, const plot_request *q, err *e) {
  char *copy = strdup(q->series ? q->series : q->histogram), *rest = NULL;
  if (!copy) return err_set(e, ERR_RUN, "plot: out of memory");
  for (char *name = strtok_r(copy, ",", &rest); name && !e->code; name = strtok_r(NULL, ",", &rest)) {
    int first;
    series *s = read_all(g, name, &first, e);
    if (!e->code && q->series) curves_panel(g, name, s, first);
    if (!e->code && !q->series) histogram_panel(g, name, s, first, e);
    if (s) series_free(s, g->c->runs);
  }
  free(copy);
  return e->code;
}

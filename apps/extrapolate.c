/* extrapolate.c: see extrapolate.h. The Trotter error is a series in 1/m^2 (analysis/extrapolate.c). */
#include "apps/extrapolate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/extrapolate.h"
#include "base/plot.h"
#include "base/table.h"

typedef struct job {
  collect_series at; /* results over x */
  extrapolation r;
  double limit; /* known without Trotter error, or NaN */
  bool exact;   /* the results have no errors */
} job;

/* What the runs themselves say about x -> infinity: a result that is the same in all of them. */
static int find_limit(const collect_options *o, const char *name, double *limit, err *e) {
  char text[200];
  collect_series s;
  const char *dot = strrchr(name, '.');
  *limit = NAN;
  snprintf(text, sizeof text, "%.*s.limit", (int)(dot ? dot - name : (long)strlen(name)), name);
  if (collect_points(&s, o, text, e)) return e->code;
  if (s.n) *limit = s.value[s.n - 1];
  collect_points_free(&s);
  return 0;
}

static int solve(job *j, const collect_options *o, const char *name, err *e) {
  if (collect_points(&j->at, o, name, e)) return e->code;
  if (!j->at.n) return err_set(e, ERR_DECK, "no run has a result %s", name);
  j->exact = true;
  for (int i = 0; i < j->at.n; i++) j->exact &= isnan(j->at.error[i]);
  if (extrapolate(&j->r, j->at.n, j->at.x, j->at.value, j->exact ? NULL : j->at.error, e))
    return err_context(e, "%s", name);
  return find_limit(o, name, &j->limit, e);
}

static void put(table *t, const char *name, const job *j) {
  char value[80], systematic[40], total[80], limit[80] = "-", sigma[40] = "-";
  table_value(value, sizeof value, j->r.value, j->exact ? NAN : j->r.error);
  snprintf(systematic, sizeof systematic, "%.2g", j->r.systematic);
  table_value(total, sizeof total, j->r.value, j->r.total);
  if (!isnan(j->limit)) {
    table_value(limit, sizeof limit, j->limit, NAN);
    snprintf(sigma, sizeof sigma, "%+.1f", (j->r.value - j->limit) / j->r.total);
  }
  table_row(t, "%s|%d|%s|%s|%s|%s|%s|%s|%s", name, j->at.n, value, systematic, total, sigma, limit, j->at.unit,
            j->r.reason ? j->r.reason : "");
}

/* The results over 1/x^2, the extrapolated value at 0 and the known limit as a line. */
static void draw(plot *p, const collect_options *o, const char *name, const job *j) {
  char label[120], y[PLOT_LABEL];
  int n = j->at.n;
  double *x = malloc((size_t)n * sizeof *x), zero = 0, ends[2] = {0, 0}, flat[2] = {j->limit, j->limit};
  for (int i = 0; x && i < n; i++) x[i] = 1 / (j->at.x[i] * j->at.x[i]), ends[1] = fmax(ends[1], x[i]);
  snprintf(label, sizeof label, "1/(%.80s)^2", o->x);
  plot_with_unit(y, name, j->at.unit);
  plot_panel(p, NULL, label, y, 0, 0);
  if (!isnan(j->limit)) plot_curve(p, "without Trotter error", PLOT_LINE, 2, ends, flat, NULL);
  if (x) plot_curve(p, "runs", PLOT_POINTS, (size_t)n, x, j->at.value, j->exact ? NULL : j->at.error);
  plot_curve(p, "extrapolated", PLOT_POINTS, 1, &zero, &j->r.value, &j->r.total);
  free(x);
}

int extrapolate_runs(const collect_options *o, const char *path, FILE *f, err *e) {
  if (!o->y) return err_set(e, ERR_DECK, "which results? (--y e.nis,c.nis)");
  char *names = strdup(o->y), *rest = NULL;
  plot *p = path ? plot_new("Extrapolation to zero Trotter error", 2) : NULL;
  table *t = table_new();
  if (!names || !t) err_set(e, ERR_RUN, "out of memory");
  table_row(t, "result|points|1/x^2 = 0|systematic|with both|sigma|limit|unit|remark");
  for (char *name = e->code ? NULL : strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
    job j = {0};
    if (!solve(&j, o, name, e)) put(t, name, &j);
    if (p && !e->code) draw(p, o, name, &j);
    collect_points_free(&j.at);
    if (e->code) break;
  }
  if (!e->code) table_print(t, f);
  if (!e->code && p)
    plot_write(p, path, e);
  else
    plot_drop(p);
  table_free(t), free(names);
  return e->code;
}

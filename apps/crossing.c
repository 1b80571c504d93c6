/* crossing.c: see crossing.h. Polynomials and errors: analysis/crossing.c. */
#include "apps/crossing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/crossing.h"
#include "base/plot.h"
#include "base/table.h"

typedef struct job {
  const collect_options *o;
  const char *name;
  int degree;
  bool narrow; /* only the points in the window */
  double window[2];
  collect_curves at;
  crossing_fit *fit; /* one per curve */
} job;

/* ---- the fits ---- */

static int read_window(job *j, const char *text, err *e) {
  char *end, *last;
  j->narrow = text != NULL;
  if (!text) return 0;
  j->window[0] = strtod(text, &end);
  j->window[1] = *end == ',' && end != text ? strtod(end + 1, &last) : NAN;
  if (*end == ',' && last != end + 1 && !*last && j->window[0] < j->window[1]) return 0;
  return err_set(e, ERR_DECK, "--window %s: needs two numbers, LOW,HIGH", text);
}

static int read_request(job *j, const crossing_request *q, err *e) {
  j->degree = q->degree < 0 ? 0 : (int)q->degree;
  if (!q->degree || q->degree > CROSSING_DEGREE)
    return err_set(e, ERR_DECK, "--degree %ld: 1 to %d are possible", q->degree, CROSSING_DEGREE);
  return read_window(j, q->window, e);
}

static int fit_all(job *j, err *e) {
  if (collect_curves_read(&j->at, j->o, j->name, e)) return e->code;
  if (j->at.n < 2)
    return err_set(e, ERR_DECK, "the runs are %s of %s over %s (%s): a crossing needs two",
                   j->at.n ? "one curve" : "no curve", j->name, j->o->x, j->at.n ? j->at.curve[0].label : "no results");
  j->fit = calloc((size_t)j->at.n, sizeof *j->fit);
  if (!j->fit) return err_set(e, ERR_RUN, "crossing: out of memory");
  for (int i = 0; i < j->at.n; i++) {
    const collect_curve *c = &j->at.curve[i];
    if (crossing_fit_curve(&j->fit[i], j->degree, j->narrow ? j->window : NULL, c->n, c->x, c->value, c->error, e))
      return err_context(e, "%s, %s", j->name, c->label);
  }
  return 0;
}

/* ---- the tables ---- */

static int print_fits(const job *j, FILE *f, err *e) {
  table *t = table_new();
  if (!t) return err_set(e, ERR_RUN, "out of memory");
  table_row(t, "curve|%s|points|from|to|degree|chi2/dof|probability", j->name);
  table_left(t, 1);
  for (int i = 0; i < j->at.n; i++) {
    const crossing_fit *r = &j->fit[i];
    char degree[40], chi2[40] = "-", probability[40] = "-";
    snprintf(degree, sizeof degree, j->degree ? "%d" : "%d (%.0f %%)", r->best, 100 * r->weight);
    if (r->dof) snprintf(chi2, sizeof chi2, "%.2f/%d", r->chi2, r->dof);
    if (r->dof) snprintf(probability, sizeof probability, "%.2g", r->probability);
    table_row(t, "%d|%s|%d|%g|%g|%s|%s|%s", i + 1, j->at.curve[i].label, r->n, r->low, r->high, degree, chi2,
              probability);
  }
  table_print(t, f);
  table_free(t);
  return 0;
}

static void put(table *t, const job *j, int a, int b, const crossing *c) {
  char x[80], y[80];
  table_value(x, sizeof x, c->x, c->x_error);
  table_value(y, sizeof y, c->y, c->y_error);
  table_row(t, "%d and %d|%s|%s|%.1f|%s", a + 1, b + 1, x, y, c->apart, c->reason ? c->reason : "");
}

static void draw_crossing(plot *p, const crossing *c) {
  plot_curve(p, NULL, PLOT_POINTS, 1, &c->x, &c->y, &c->y_error);
}

/* Every pair; the first that does not cross is the fault, after all others are printed. */
static int print_pairs(const job *j, plot *p, FILE *f, err *e) {
  table *t = table_new();
  if (!t) return err_set(e, ERR_RUN, "out of memory");
  table_row(t, "curves|%s|%s|slopes apart|remark", j->o->x, j->name);
  for (int a = 0; a < j->at.n; a++)
    for (int b = a + 1; b < j->at.n; b++) {
      crossing c;
      err fault = {0};
      if (crossing_find(&c, &j->fit[a], &j->fit[b], &fault)) {
        table_row(t, "%d and %d|-|-|-|no single crossing", a + 1, b + 1);
        err_set(e, fault.code, "%s, %s and %s: %s", j->name, j->at.curve[a].label, j->at.curve[b].label, fault.text);
        continue;
      }
      put(t, j, a, b, &c);
      if (p) draw_crossing(p, &c);
    }
  fprintf(f, "\n");
  table_print(t, f);
  table_free(t);
  return e->code;
}

/* ---- the picture ---- */

/* The points of the curves and their polynomials. */
static void draw_curves(plot *p, const job *j) {
  enum { LINE = 101 };
  double x[LINE], y[LINE];
  char xlabel[PLOT_LABEL], ylabel[PLOT_LABEL];
  plot_with_unit(xlabel, j->o->x, j->at.x_unit), plot_with_unit(ylabel, j->name, j->at.unit);
  plot_panel(p, NULL, xlabel, ylabel, 0, 0);
  for (int i = 0; i < j->at.n; i++) {
    const collect_curve *c = &j->at.curve[i];
    const crossing_fit *r = &j->fit[i];
    for (int k = 0; k < LINE; k++) {
      x[k] = r->low + (r->high - r->low) * k / (LINE - 1);
      y[k] = crossing_value(r, x[k], NULL, NULL);
    }
    plot_curve(p, NULL, PLOT_GUIDE, LINE, x, y, NULL);
    plot_curve(p, c->label, PLOT_POINTS, (size_t)c->n, c->x, c->value, c->error);
  }
}

static int one_result(job *j, plot *p, bool first, FILE *f, err *e) {
  if (fit_all(j, e)) return e->code;
  if (!first) fprintf(f, "\n");
  if (print_fits(j, f, e)) return e->code;
  if (p) draw_curves(p, j);
  print_pairs(j, p, f, e);
  if (*j->at.notes) fprintf(f, "\n%s", j->at.notes);
  return e->code;
}

int crossing_runs(const collect_options *o, const crossing_request *q, const char *path, FILE *f, err *e) {
  job j = {.o = o};
  if (!o->y) return err_set(e, ERR_DECK, "which results? (--y binder)");
  if (read_request(&j, q, e)) return e->code;
  char *names = strdup(o->y), *rest = NULL;
  plot *p = path ? plot_new("Crossings", 2) : NULL;
  if (!names || (path && !p)) err_set(e, ERR_RUN, "out of memory");
  bool first = true;
  for (char *name = e->code ? NULL : strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
    j.name = name;
    one_result(&j, p, first, f, e);
    collect_curves_free(&j.at), free(j.fit);
    j.fit = NULL, first = false;
    if (e->code) break;
  }
  if (!e->code && p)
    plot_write(p, path, e);
  else
    plot_drop(p);
  free(names);
  return e->code;
}

/* run_table.c: tables of results: observables down, estimators across, exact value and deviation in sigma. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/run_priv.h"
#include "base/table.h"

enum { MOST = 256, LINE = 4096 };

typedef struct names {
  char text[MOST][104];
  int n;
} names;

static int add_name(names *s, const char *name) {
  for (int i = 0; i < s->n; i++)
    if (!strcmp(s->text[i], name)) return i;
  if (s->n == MOST) return MOST - 1;
  snprintf(s->text[s->n], sizeof s->text[0], "%s", name);
  return s->n++;
}

/* "m_abs.sw" -> "m_abs" and "sw"; "beta" -> "beta" and "". */
static void split(const char *name, char observable[104], char estimator[104]) {
  const char *dot = strrchr(name, '.');
  snprintf(observable, 104, "%.*s", dot ? (int)(dot - name) : 103, name);
  snprintf(estimator, 104, "%s", dot ? dot + 1 : "");
}

static void add_text(char line[LINE], const char *text) {
  size_t used = strlen(line);
  snprintf(line + used, LINE - used, "%s", text);
}

static void add_upper(char line[LINE], const char *text) {
  char s[104];
  size_t n = 0;
  for (; text[n] && n < sizeof s - 1; n++) s[n] = (char)toupper((unsigned char)text[n]);
  s[n] = 0;
  add_text(line, n ? s : "value");
}

static const run_value *find(const run_results *s, const char *observable, const char *estimator) {
  char o[104], k[104];
  for (int i = 0; i < s->values; i++) {
    split(s->value[i].name, o, k);
    if (!strcmp(o, observable) && !strcmp(k, estimator)) return &s->value[i];
  }
  return NULL;
}

/* "+1.3", or "-" where there is no error or nothing to compare with. */
char *run_deviation(char s[32], double value, double error, double exact, double exact_error) {
  double sigma = hypot(error, isnan(exact_error) ? 0 : exact_error), d = (value - exact) / sigma;
  if (isfinite(d) && sigma > 0)
    snprintf(s, 32, "%+.1f", d);
  else
    snprintf(s, 32, "-");
  return s;
}

static void gather(const run_results *s, names *observables, names *estimators) {
  char o[104], k[104];
  observables->n = estimators->n = 0;
  for (int i = 0; i < s->values; i++) {
    split(s->value[i].name, o, k);
    add_name(observables, o), add_name(estimators, k);
  }
}

/* What is worth a place in the table: estimators (named ones) of several observables, observables with several of
 * these. The rest is listed line by line. */
static void select_columns(const run_results *s, const names *observables, const names *estimators, names *kept) {
  kept->n = 0;
  for (int k = 0; k < estimators->n; k++) {
    int n = 0;
    for (int i = 0; i < observables->n; i++) n += find(s, observables->text[i], estimators->text[k]) != NULL;
    if (n > 1 && estimators->text[k][0]) add_name(kept, estimators->text[k]);
  }
  if (!kept->n) *kept = *estimators;
}

static bool in_table(const run_results *s, const char *observable, const names *kept) {
  int n = 0;
  for (int k = 0; k < kept->n; k++) n += find(s, observable, kept->text[k]) != NULL;
  return n > 1 || (n == 1 && kept->n == 1);
}

static void add_sigma(char line[LINE], const run_value *v) {
  char cell[32];
  add_text(line, "|");
  add_text(line, v ? run_deviation(cell, v->value, v->error, v->exact, v->exact_error) : "-");
}

static void add_exact(char line[LINE], const run_value *v) {
  char cell[80];
  add_text(line, "|");
  double error = v && v->exact_error > 0 ? v->exact_error : NAN;
  add_text(line, v ? table_value(cell, sizeof cell, v->exact, error) : "-");
}

static void value_row(const run_results *s, const char *observable, const names *kept, table *t) {
  char line[LINE] = "", cell[80];
  const run_value *reference = NULL;
  add_text(line, observable);
  for (int k = 0; k < kept->n; k++) {
    const run_value *v = find(s, observable, kept->text[k]);
    add_text(line, "|");
    add_text(line, v ? table_value(cell, sizeof cell, v->value, v->error) : "-");
    if (v && !isnan(v->exact)) reference = v;
    add_sigma(line, v);
  }
  add_exact(line, reference);
  table_row(t, "%s", line);
}

static void print_table(const run_results *s, const names *observables, const names *kept, FILE *f) {
  table *t = table_new();
  char line[LINE] = "observable";
  int rows = 0;
  for (int k = 0; k < kept->n; k++) {
    add_text(line, "|");
    add_upper(line, kept->text[k]);
    add_text(line, "|sigma");
  }
  table_row(t, "%s|exact", line);
  for (int i = 0; i < observables->n; i++)
    if (in_table(s, observables->text[i], kept)) value_row(s, observables->text[i], kept, t), rows++;
  if (rows) table_print(t, f);
  table_free(t);
}

static void print_rest(const run_results *s, const names *kept, FILE *f) {
  table *t = table_new();
  int rows = 0;
  table_row(t, "result|value|sigma|exact|unit|description");
  table_left(t, 5);
  for (int i = 0; i < s->values; i++) {
    char o[104], k[104], line[LINE] = "", cell[80];
    const run_value *v = &s->value[i];
    bool column = false;
    split(v->name, o, k);
    for (int j = 0; j < kept->n; j++) column |= !strcmp(kept->text[j], k);
    if (column && in_table(s, o, kept)) continue;
    add_text(line, v->name), add_text(line, "|");
    add_text(line, table_value(cell, sizeof cell, v->value, v->error));
    add_sigma(line, v), add_exact(line, v);
    table_row(t, "%s|%s|%.120s", line, v->unit, v->description);
    rows++;
  }
  if (rows) fputc('\n', f), table_print(t, f);
  table_free(t);
}

/* ---- autocorrelation times and effective numbers of samples ---- */

static double tau(const run_value *v) {
  return v->tau_int;
}
static double n_eff(const run_value *v) {
  return v->n_eff;
}

static bool any(const run_results *s, const char *estimator, double (*of)(const run_value *v)) {
  char o[104], k[104];
  for (int i = 0; i < s->values; i++) {
    split(s->value[i].name, o, k);
    if (!strcmp(k, estimator) && !isnan(of(&s->value[i]))) return true;
  }
  return false;
}

static void add_quality(char line[LINE], const run_results *s, const char *observable, const char *estimator,
                        double (*of)(const run_value *v), const char *format) {
  char cell[40];
  if (!any(s, estimator, of)) return;
  const run_value *v = observable ? find(s, observable, estimator) : NULL;
  add_text(line, "|");
  if (!observable) { /* the head */
    add_upper(line, estimator);
    add_text(line, of == tau ? " tau_int" : " n_eff");
    return;
  }
  snprintf(cell, sizeof cell, format, v ? of(v) : 0.);
  add_text(line, v && !isnan(of(v)) ? cell : "-");
}

static void print_quality(const run_results *s, const names *observables, const names *estimators, FILE *f) {
  table *t = table_new();
  int columns = 0;
  for (int i = -1; i < observables->n; i++) {
    char line[LINE] = "";
    const char *observable = i < 0 ? NULL : observables->text[i];
    for (int k = 0; k < estimators->n; k++) {
      add_quality(line, s, observable, estimators->text[k], tau, "%.2f");
      add_quality(line, s, observable, estimators->text[k], n_eff, "%.0f");
    }
    columns += line[0] != 0;
    if (!observable || strpbrk(line, "0123456789")) table_row(t, "%s%s", observable ? observable : "observable", line);
  }
  if (columns) fputc('\n', f), table_print(t, f);
  table_free(t);
}

void run_scalars_print(const run_results *s, FILE *f) {
  names *n = calloc(3, sizeof *n); /* observables, estimators, those that become columns */
  if (!n || !s->values) {
    free(n);
    return;
  }
  gather(s, &n[0], &n[1]);
  select_columns(s, &n[0], &n[1], &n[2]);
  print_table(s, &n[0], &n[2], f);
  print_rest(s, &n[2], f);
  print_quality(s, &n[0], &n[1], f);
  free(n);
}

void run_results_print(const run_results *s, FILE *f) {
  run_scalars_print(s, f);
  for (int i = 0; i < s->arrays; i++) {
    const run_array *a = &s->array[i];
    fprintf(f, "%s%s [", i ? ", " : "\narrays in run.h5 (spinet show prints them):\n  ", a->name);
    for (int k = 0; k < a->rank; k++) fprintf(f, "%s%s %zu", k ? ", " : "", a->axis[k], a->dims[k]);
    fputs("]", f);
  }
  if (s->arrays) fputc('\n', f);
}

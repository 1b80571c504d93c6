/* run_table.c: tables of results: observables down, estimators across, exact value and deviation in sigma; run_show. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/run_priv.h"
#include "base/table.h"

enum { MOST = 64, LINE = 4096, ROWS = 50 }; /* ROWS of an array are shown */

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
static char *deviation(char s[32], double value, double error, double exact, double exact_error) {
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

static bool any_exact(const run_results *s) {
  for (int i = 0; i < s->values; i++)
    if (!isnan(s->value[i].exact)) return true;
  return false;
}

static void value_row(const run_results *s, const char *observable, const names *estimators, bool exact, table *t) {
  char line[LINE] = "", cell[80];
  const run_value *reference = NULL;
  add_text(line, observable);
  for (int k = 0; k < estimators->n; k++) {
    const run_value *v = find(s, observable, estimators->text[k]);
    add_text(line, "|");
    add_text(line, v ? table_value(cell, sizeof cell, v->value, v->error) : "-");
    if (v && !isnan(v->exact)) reference = v;
    if (!exact) continue;
    add_text(line, "|");
    add_text(line, v ? deviation(cell, v->value, v->error, v->exact, v->exact_error) : "-");
  }
  if (exact) {
    add_text(line, "|");
    double error = reference && reference->exact_error > 0 ? reference->exact_error : NAN;
    add_text(line, reference ? table_value(cell, sizeof cell, reference->exact, error) : "-");
  }
  table_row(t, "%s", line);
}

static void print_values(const run_results *s, const names *observables, const names *estimators, FILE *f) {
  table *t = table_new();
  char line[LINE] = "observable";
  bool exact = any_exact(s);
  for (int k = 0; k < estimators->n; k++) {
    add_text(line, "|");
    add_upper(line, estimators->text[k]);
    if (exact) add_text(line, "|sigma");
  }
  table_row(t, "%s%s", line, exact ? "|exact" : "");
  for (int i = 0; i < observables->n; i++) value_row(s, observables->text[i], estimators, exact, t);
  table_print(t, f);
  table_free(t);
}

/* ---- autocorrelation times and effective numbers of samples ---- */

static double tau(const run_value *v) { return v->tau_int; }
static double n_eff(const run_value *v) { return v->n_eff; }

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
    table_row(t, "%s%s", observable ? observable : "observable", line);
  }
  if (columns) fputc('\n', f), table_print(t, f);
  table_free(t);
}

/* ---- arrays ---- */

static size_t count(const run_array *a) {
  size_t n = 1;
  for (int k = 0; k < a->rank; k++) n *= a->dims[k];
  return n;
}

/* Value of axis k at flat index i. */
static double axis_at(const run_array *a, int k, size_t i) {
  for (int m = a->rank - 1; m > k; m--) i /= a->dims[m];
  i %= a->dims[k];
  return a->axis_values[k] ? a->axis_values[k][i] : (double)i;
}

static void print_array(const run_array *a, FILE *f) {
  size_t n = count(a), shown = n < ROWS ? n : ROWS;
  table *t = table_new();
  char line[LINE] = "", cell[80];
  for (int k = 0; k < a->rank; k++) add_text(line, a->axis[k]), add_text(line, "|");
  add_text(line, a->name);
  table_row(t, "%s%s", line, a->exact ? "|sigma|exact" : "");
  for (size_t i = 0; i < shown; i++) {
    line[0] = 0;
    double error = a->error ? a->error[i] : NAN;
    for (int k = 0; k < a->rank; k++) snprintf(cell, sizeof cell, "%.6g|", axis_at(a, k, i)), add_text(line, cell);
    add_text(line, table_value(cell, sizeof cell, a->value[i], error));
    if (a->exact) {
      add_text(line, "|"), add_text(line, deviation(cell, a->value[i], error, a->exact[i], 0));
      add_text(line, "|"), add_text(line, table_value(cell, sizeof cell, a->exact[i], NAN));
    }
    table_row(t, "%s", line);
  }
  fputc('\n', f);
  table_print(t, f);
  if (shown < n) fprintf(f, "... %zu more rows: spinet show FILE --csv\n", n - shown);
  table_free(t);
}

static void print_scalars(const run_results *s, FILE *f) {
  names *n = calloc(2, sizeof *n);
  if (!n || !s->values) {
    free(n);
    return;
  }
  gather(s, &n[0], &n[1]);
  print_values(s, &n[0], &n[1], f);
  print_quality(s, &n[0], &n[1], f);
  free(n);
}

void run_results_print(const run_results *s, FILE *f) {
  print_scalars(s, f);
  for (int i = 0; i < s->arrays; i++) {
    const run_array *a = &s->array[i];
    fprintf(f, "%s%s [", i ? ", " : "\narrays in run.h5 (spinet show prints them):\n  ", a->name);
    for (int k = 0; k < a->rank; k++) fprintf(f, "%s%s %zu", k ? ", " : "", a->axis[k], a->dims[k]);
    fputs("]", f);
  }
  if (s->arrays) fputc('\n', f);
}

/* ---- spinet show ---- */

static void csv_text(const char *s, FILE *f) {
  if (!strpbrk(s, ",\"\n")) {
    fputs(s, f);
    return;
  }
  fputc('"', f);
  for (; *s; s++) fprintf(f, *s == '"' ? "\"\"" : "%c", *s);
  fputc('"', f);
}

static void csv_line(const char *name, double value, double error, double exact, const char *unit, FILE *f) {
  csv_text(name, f);
  double v[3] = {value, error, exact};
  for (int k = 0; k < 3; k++) fprintf(f, isnan(v[k]) ? "," : ",%.17g", v[k]);
  fputc(',', f);
  csv_text(unit, f);
  fputc('\n', f);
}

static void csv_array(const run_array *a, FILE *f) {
  for (size_t i = 0; i < count(a); i++) {
    char name[LINE] = "", cell[160];
    add_text(name, a->name);
    for (int k = 0; k < a->rank; k++)
      snprintf(cell, sizeof cell, "%c%s=%.10g", k ? ',' : '[', a->axis[k], axis_at(a, k, i)), add_text(name, cell);
    add_text(name, "]");
    csv_line(name, a->value[i], a->error ? a->error[i] : NAN, a->exact ? a->exact[i] : NAN, a->unit, f);
  }
}

static void print_csv(const run_results *s, FILE *f) {
  fputs("name,value,error,exact,unit\n", f);
  for (int i = 0; i < s->values; i++) {
    const run_value *v = &s->value[i];
    csv_line(v->name, v->value, v->error, v->exact, v->unit, f);
  }
  for (int i = 0; i < s->arrays; i++) csv_array(&s->array[i], f);
}

static void print_head(h5 *h, FILE *f) {
  static const char *const keys[] = {"app", "deck_name", "status", "version", "revision", "title"};
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
    char *text = NULL;
    err e = {0};
    if (h5_has_attr(h, "/run", keys[k]) && !h5_read_attr_text(h, "/run", keys[k], &text, &e) && *text)
      fprintf(f, "%s: %s\n", keys[k], text);
    free(text);
  }
  fputc('\n', f);
}

int run_show(const char *path, bool csv, FILE *f, err *e) {
  run_results s = {0};
  h5 *h;
  if (h5_open(&h, path, e)) return e->code;
  if (!h5_has_attr(h, "/run", "format")) err_set(e, ERR_FILE, "%s was not written by spinet run", path);
  if (!e->code && !run_results_read(&s, h, e)) {
    if (csv) {
      print_csv(&s, f);
    } else {
      print_head(h, f);
      print_scalars(&s, f);
      for (int i = 0; i < s.arrays; i++) print_array(&s.array[i], f);
      if (!s.values && !s.arrays) fputs("no results yet\n", f);
    }
  }
  run_results_free(&s);
  h5_close(h);
  return e->code;
}

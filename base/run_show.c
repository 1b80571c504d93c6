/* run_show.c: the results of a finished or running run.h5 as tables or as lines of name,value,error,exact,unit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/run_priv.h"
#include "base/table.h"

enum { LINE = 4096, ROWS = 50 }; /* ROWS of an array are shown */

static void add_text(char line[LINE], const char *text) {
  size_t used = strlen(line);
  snprintf(line + used, LINE - used, "%s", text);
}

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
      add_text(line, "|"), add_text(line, run_deviation(cell, a->value[i], error, a->exact[i], 0));
      add_text(line, "|"), add_text(line, table_value(cell, sizeof cell, a->exact[i], NAN));
    }
    table_row(t, "%s", line);
  }
  fputc('\n', f);
  table_print(t, f);
  if (shown < n) fprintf(f, "... %zu more rows: spinet show FILE --csv\n", n - shown);
  table_free(t);
}

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
      run_scalars_print(&s, f);
      for (int i = 0; i < s.arrays; i++) print_array(&s.array[i], f);
      if (!s.values && !s.arrays) fputs("no results yet\n", f);
    }
  }
  run_results_free(&s);
  h5_close(h);
  return e->code;
}

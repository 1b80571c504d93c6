/* run_gather.c: collect_print: a table for each result of many runs, the same as CSV, and all of it in one HDF5 file:
 *   /results/<name>   as in run.h5. Where the keys are numbers and the runs fill a grid of them, the result is an array
 *                     over these keys (and its own axes); else an array over rows, with the run and the axes of each
 * row /runs             what each run is: path, status, keys */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/collect_priv.h"
#include "base/table.h"

enum { LINE = 4096, GRID = 8 };

/* Another cell, cut where the line is full. */
static void add_text(char line[LINE], const char *text) {
  size_t used = strlen(line), n = used + 2 < LINE ? strnlen(text, LINE - 2 - used) : 0;
  if (used && used + 2 < LINE) line[used++] = '|';
  memcpy(line + used, text, n);
  line[used + n] = 0;
}

/* Numbers as short as they are exact. */
static const char *shown(char s[40], double x) {
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(s, 40, "%.*g", digits, x);
    if (strtod(s, NULL) == x) break;
  }
  return s;
}

static const char *shown_key(char s[LINE], const char *text) {
  char *end;
  double x = strtod(text, &end);
  if (*text && !*end)
    shown(s, x);
  else
    snprintf(s, 200, "%s", text);
  for (char *p = s; *p; p++)
    if (*p == '\n' || *p == '|') *p = ' ';
  return s;
}

/* ---- tables ---- */

static void head(const collection *c, const collect_table *t, bool pooled, table *rows) {
  char line[LINE] = "";
  for (int k = 0; k < c->keys; k++) add_text(line, c->key[k]);
  for (int k = 0; k < t->axes; k++) add_text(line, t->axis[k]);
  add_text(line, t->name), add_text(line, "sigma"), add_text(line, "exact");
  add_text(line, pooled ? "chi2/dof|seeds" : "status|run");
  table_row(rows, "%s", line);
  if (!pooled) table_left(rows, c->keys + t->axes + 3), table_left(rows, c->keys + t->axes + 4);
}

static void body(const collection *c, const collect_table *t, const collect_row *row, bool pooled, table *rows) {
  char line[LINE] = "", cell[LINE];
  const collect_run *r = &c->run[row->run];
  for (int k = 0; k < c->keys; k++) add_text(line, shown_key(cell, collect_value(r, c->key[k])));
  for (int k = 0; k < t->axes; k++) add_text(line, isnan(row->axis[k]) ? "-" : shown(cell, row->axis[k]));
  add_text(line, table_value(cell, 80, row->value, row->error));
  add_text(line, run_deviation(cell, row->value, row->error, row->exact, row->exact_error));
  add_text(line, table_value(cell, 80, row->exact, row->exact_error > 0 ? row->exact_error : NAN));
  if (!pooled) {
    const char *slash = strrchr(r->path, '/');
    add_text(line, r->status), add_text(line, slash && strncmp(slash, "/run.h5", 7) ? slash + 1 : r->path);
  } else {
    if (row->fit.dof)
      snprintf(cell, sizeof cell, "%.2f/%d", row->fit.chi2, row->fit.dof);
    else
      snprintf(cell, sizeof cell, "-");
    add_text(line, cell), snprintf(cell, sizeof cell, "%d", r->seeds), add_text(line, cell);
  }
  table_row(rows, "%s", line);
}

static void print_table(const collection *c, const collect_table *t, bool pooled, FILE *f) {
  table *rows = table_new();
  fprintf(f, "%s [%s]: %s\n", t->name, t->unit, t->description);
  head(c, t, pooled, rows);
  for (int i = 0; i < t->rows; i++) body(c, t, &t->row[i], pooled, rows);
  table_print(rows, f);
  table_free(rows);
  fputc('\n', f);
}

/* ---- CSV ---- */

static void csv_text(const char *s, FILE *f) {
  if (!strpbrk(s, ",\"\n")) {
    fputs(s, f);
    return;
  }
  fputc('"', f);
  for (; *s; s++) fprintf(f, *s == '"' ? "\"\"" : "%c", *s);
  fputc('"', f);
}

static void csv_number(double x, FILE *f) {
  fprintf(f, isnan(x) ? "," : ",%.17g", x);
}

static void csv_head(const collection *c, FILE *f) {
  fputs("result", f);
  for (int k = 0; k < c->keys; k++) fputc(',', f), csv_text(c->key[k], f);
  fputs(",value,error,exact,exact_error,unit,chi2,dof,seeds,status,run\n", f);
}

static void csv_row(const collection *c, const collect_table *t, const collect_row *row, FILE *f) {
  char name[LINE], cell[LINE];
  const collect_run *r = &c->run[row->run];
  int n = snprintf(name, sizeof name, "%s", t->name);
  for (int k = 0; k < t->axes; k++)
    n += snprintf(name + n, sizeof name - (size_t)n, "%c%s=%s", k ? ',' : '[', t->axis[k], shown(cell, row->axis[k]));
  if (t->axes) snprintf(name + n, sizeof name - (size_t)n, "]");
  csv_text(name, f);
  for (int k = 0; k < c->keys; k++) fputc(',', f), csv_text(shown_key(cell, collect_value(r, c->key[k])), f);
  csv_number(row->value, f), csv_number(row->error, f), csv_number(row->exact, f), csv_number(row->exact_error, f);
  fputc(',', f), csv_text(t->unit, f);
  csv_number(row->fit.dof ? row->fit.chi2 : NAN, f);
  fprintf(f, ",%d,%d,%s,", row->fit.dof, r->seeds, r->status);
  csv_text(r->path, f);
  fputc('\n', f);
}

/* ---- HDF5: the grid ---- */

typedef struct grid {
  int rank;
  size_t dims[GRID];
  double *axis[GRID];
  const char *name[GRID], *unit[GRID];
  size_t count;
} grid;

static double coordinate(const collection *c, const collect_row *row, int k) {
  char *end;
  if (k >= c->keys) return row->axis[k - c->keys];
  const char *text = collect_value(&c->run[row->run], c->key[k]);
  double x = strtod(text, &end);
  return *end || end == text ? NAN : x;
}

static int by_number(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static long place(const grid *g, const collection *c, const collect_row *row) {
  size_t at = 0;
  for (int k = 0; k < g->rank; k++) {
    double x = coordinate(c, row, k);
    const double *p = bsearch(&x, g->axis[k], g->dims[k], sizeof x, by_number);
    if (!p) return -1;
    at = at * g->dims[k] + (size_t)(p - g->axis[k]);
  }
  return (long)at;
}

static void grid_free(grid *g) {
  for (int k = 0; k < g->rank; k++) free(g->axis[k]);
}

/* Rows without a coordinate along an axis of the result (runs that failed) have no place. */
static bool placed(const collect_table *t, const collect_row *row) {
  return !t->axes || !isnan(row->axis[0]);
}

/* Sorted different coordinates along axis k; false if one is no number. */
static bool find_axis(grid *g, const collection *c, const collect_table *t, int k) {
  double *x = g->axis[k] = calloc((size_t)t->rows + 1, sizeof *x);
  size_t n = 0, m = 0;
  g->rank = k + 1;
  for (int i = 0; x && i < t->rows; i++) {
    if (!placed(t, &t->row[i])) continue;
    x[n] = coordinate(c, &t->row[i], k);
    if (isnan(x[n++])) return false;
  }
  if (!n) return false;
  qsort(x, n, sizeof *x, by_number);
  for (size_t i = 0; i < n; i++)
    if (!i || x[i] != x[m - 1]) x[m++] = x[i];
  g->dims[k] = m;
  g->count *= m;
  return true;
}

/* Do the runs fill a grid, each point of it once at most, and at least a quarter of it? */
static bool find_grid(grid *g, const collection *c, const collect_options *o, const collect_table *t) {
  bool good = c->keys + t->axes >= 1 && c->keys + t->axes <= 4;
  *g = (grid){.count = 1};
  for (int k = 0; k < c->keys + t->axes && good; k++) {
    good = find_axis(g, c, t, k) && g->count <= 4 * (size_t)t->rows;
    g->name[k] = k < c->keys ? c->key[k] : t->axis[k - c->keys];
    g->unit[k] = k < c->keys ? collect_unit(c, o, c->key[k]) : t->axis_unit[k - c->keys];
  }
  char *taken = good ? calloc(g->count + 1, 1) : NULL;
  for (int i = 0; taken && i < t->rows && good; i++) {
    long at = placed(t, &t->row[i]) ? place(g, c, &t->row[i]) : -1;
    if (at >= 0) good = !taken[at]++;
  }
  free(taken);
  return good;
}

static int row_grid(grid *g, const collect_table *t) {
  *g = (grid){.rank = 1, .dims = {(size_t)t->rows}, .name = {"row"}, .unit = {"1"}, .count = (size_t)t->rows};
  return 0;
}

/* ---- HDF5: one result ---- */

static double part_of(const collect_row *row, int part) {
  const double v[] = {row->value, row->error, row->exact, row->exact_error};
  return v[part];
}

static int put_part(h5 *f, const collection *c, const collect_table *t, const grid *g, int part, err *e) {
  static const char *const name[] = {"value", "error", "exact", "exact_error"};
  static const char *const help[] = {NULL, "one standard deviation", "exact or reference value",
                                     "error of the reference"};
  char path[400];
  bool any = part == 0;
  double *v = malloc((g->count + 1) * sizeof *v);
  if (!v) return err_set(e, ERR_RUN, "collect: out of memory");
  for (size_t i = 0; i < g->count; i++) v[i] = NAN;
  for (int i = 0; i < t->rows; i++) {
    long at = !g->axis[0] ? i : placed(t, &t->row[i]) ? place(g, c, &t->row[i]) : -1;
    if (at >= 0) v[at] = part_of(&t->row[i], part), any |= !isnan(v[at]);
  }
  snprintf(path, sizeof path, "/results/%s/%s", t->name, name[part]);
  const char *text = part ? help[part] : *t->description ? t->description : t->name;
  if (any) h5_write(f, path, H5_F64, g->rank, g->dims, v, t->unit, text, e);
  free(v);
  return e->code;
}

static int put_axes(h5 *f, const collect_table *t, const grid *g, err *e) {
  char path[400], axes[900] = "";
  for (int k = 0; k < g->rank && !e->code; k++) {
    size_t used = strlen(axes);
    snprintf(axes + used, sizeof axes - used, "%s%s", k ? "," : "", g->name[k]);
    snprintf(path, sizeof path, "/results/%s/axis_%s", t->name, g->name[k]);
    if (g->axis[k])
      h5_write(f, path, H5_F64, 1, &g->dims[k], g->axis[k], g->unit[k] ? g->unit[k] : "1", "values along the axis", e);
  }
  snprintf(path, sizeof path, "/results/%s", t->name);
  return e->code || h5_attr_text(f, path, "axes", axes, e) || h5_attr_text(f, path, "unit", t->unit, e)
             ? e->code
             : h5_attr_text(f, path, "description", *t->description ? t->description : t->name, e);
}

/* Run and axes of each row, where there is no grid. */
static int put_rows(h5 *f, const collect_table *t, const grid *g, err *e) {
  char path[400];
  double *v = calloc((size_t)t->rows + 1, sizeof *v);
  if (!v) return err_set(e, ERR_RUN, "collect: out of memory");
  for (int k = -1; k < t->axes && !e->code; k++) {
    for (int i = 0; i < t->rows; i++) v[i] = k < 0 ? t->row[i].run : t->row[i].axis[k];
    snprintf(path, sizeof path, "/results/%s/row_%s", t->name, k < 0 ? "run" : t->axis[k]);
    const char *unit = k < 0 || !t->axis_unit[k] ? "1" : t->axis_unit[k];
    h5_write(f, path, H5_F64, 1, g->dims, v, unit, k < 0 ? "line of /runs" : "coordinate of the row", e);
  }
  free(v);
  return e->code;
}

static int put_result(h5 *f, const collection *c, const collect_options *o, const collect_table *t, err *e) {
  grid g;
  if (!find_grid(&g, c, o, t)) {
    grid_free(&g), row_grid(&g, t);
    put_rows(f, t, &g, e);
  }
  for (int part = 0; part < 4 && !e->code; part++) put_part(f, c, t, &g, part, e);
  if (!e->code) put_axes(f, t, &g, e);
  grid_free(&g);
  return e->code;
}

/* ---- HDF5: the runs ---- */

static const char *part_of_run(const collect_run *r, const collection *c, int k) {
  return k == 0 ? r->path : k == 1 ? r->status : collect_value(r, c->key[k - 2]);
}

static int put_runs(h5 *f, const collection *c, err *e) {
  char path[300];
  for (int k = 0; k < c->keys + 2 && !e->code; k++) {
    char *text = NULL;
    size_t n;
    FILE *m = open_memstream(&text, &n);
    if (!m) return err_set(e, ERR_RUN, "collect: out of memory");
    for (int i = 0; i < c->runs; i++) fprintf(m, "%s\n", part_of_run(&c->run[i], c, k));
    fclose(m);
    snprintf(path, sizeof path, "/runs/%s", k == 0 ? "path" : k == 1 ? "status" : c->key[k - 2]);
    h5_write_text(f, path, text, "a line for each run", e);
    free(text);
  }
  return e->code;
}

static int put_order(h5 *f, char *const *names, err *e) {
  char *text = NULL;
  size_t n;
  FILE *m = open_memstream(&text, &n);
  if (!m) return err_set(e, ERR_RUN, "collect: out of memory");
  for (int i = 0; names[i]; i++) fprintf(m, "%s\n", names[i]);
  fclose(m);
  h5_attr_text(f, "/results", "order", text, e);
  free(text);
  return e->code;
}

static int write_file(const collection *c, const collect_options *o, char *const *names, const char *path, err *e) {
  h5 *f;
  if (h5_create(&f, path, e)) return e->code;
  if (!h5_attr_text(f, "/run", "format", "spinet collection 1", e) && !h5_attr_text(f, "/run", "status", "done", e) &&
      !put_order(f, names, e))
    put_runs(f, c, e);
  for (int i = 0; names[i] && !e->code; i++) {
    collect_table t;
    if (!collect_rows(&t, c, names[i], e)) put_result(f, c, o, &t, e);
    free(t.row);
  }
  if (!e->code) return h5_commit(f, e);
  h5_abandon(f);
  return e->code;
}

/* ---- all of it ---- */

static int print_all(const collection *c, const collect_options *o, char *const *names, bool csv, FILE *f, err *e) {
  if (csv) csv_head(c, f);
  for (int i = 0; names[i] && !e->code; i++) {
    collect_table t;
    if (!collect_rows(&t, c, names[i], e)) {
      if (!csv) print_table(c, &t, (o->pool || o->over), f);
      for (int k = 0; csv && k < t.rows; k++) csv_row(c, &t, &t.row[k], f);
    }
    free(t.row);
  }
  if (csv) return e->code;
  fprintf(f, "%d %s\n", c->runs, (o->pool || o->over) ? "pooled" : c->runs == 1 ? "run" : "runs");
  for (int i = 0; i < c->notes; i++) fprintf(f, "%s\n", c->note[i]);
  return e->code;
}

int collect_print(const collect_options *o, bool csv, const char *path, FILE *f, err *e) {
  collection c;
  char **names = NULL;
  if (!collect_open(&c, o, e) && (names = collect_names(&c, o, e))) {
    print_all(&c, o, names, csv, f, e);
    if (path && !e->code) write_file(&c, o, names, path, e);
  }
  for (int i = 0; names && names[i]; i++) free(names[i]);
  free(names);
  collect_close(&c);
  return e->code;
}

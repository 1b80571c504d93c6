/* ptbxl.c: ptbxl_open, _close, _ecg. Columns are found by their names, so their order and further ones do not matter.
 */
#include "signals/ptbxl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signals/csv.h"

typedef struct reader {
  ptbxl *p;
  csv *c;
  char *path;
  char **cell;
  int n, columns;
  err *e;
} reader;

static int fault(reader *r, const char *what, const char *value) {
  return err_set(r->e, ERR_FILE, "%s:%ld: %s: \"%.80s\"", r->path, csv_line(r->c), what, value);
}

static int no_memory(reader *r) {
  return err_set(r->e, ERR_RUN, "%s: no memory", r->path);
}

static char *path_in(const char *folder, const char *name) {
  char *s = malloc(strlen(folder) + strlen(name) + 2);
  if (s) sprintf(s, "%s/%s", folder, name);
  return s;
}

static int keep(reader *r, char **to, const char *s) {
  *to = strdup(s);
  return *to ? 0 : no_memory(r);
}

/* Opens a table and finds the wanted columns; `optional` of them from the end may be absent (-1). */
static int open_table(reader *r, const char *name, int n, const char *const *wanted, int *column) {
  r->path = path_in(r->p->folder, name);
  if (!r->path) return err_set(r->e, ERR_RUN, "%s: no memory", name);
  if (csv_open(&r->c, r->path, ',', false, r->e) || csv_row(r->c, &r->cell, &r->n, r->e)) return r->e->code;
  r->columns = r->n;
  for (int k = 0; k < n; k++) {
    column[k] = -1;
    for (int i = 0; i < r->n; i++)
      if (!strcmp(r->cell[i], wanted[k])) column[k] = i;
    if (column[k] < 0) return err_set(r->e, ERR_FILE, "%s has no column \"%s\"", r->path, wanted[k]);
  }
  return 0;
}

static void close_table(reader *r) {
  csv_close(r->c);
  free(r->path);
  r->c = NULL, r->path = NULL;
}

/* The next row; false at the end or on failure. */
static bool row(reader *r) {
  if (csv_row(r->c, &r->cell, &r->n, r->e) || !r->n) return false;
  if (r->n == r->columns) return true;
  err_set(r->e, ERR_FILE, "%s:%ld: %d cells where %d are named", r->path, csv_line(r->c), r->n, r->columns);
  return false;
}

static int number(reader *r, int column, const char *what, double *v) {
  return csv_number(r->cell[column], v) ? 0 : fault(r, what, r->cell[column]);
}

static int flag(reader *r, int column, bool *v) {
  double x;
  if (number(r, column, "neither 1 nor blank", &x)) return r->e->code;
  *v = x == 1;
  return 0;
}

static void *grown(void *array, long n, size_t size) { /* room for one more: powers of two */
  return n & (n - 1) ? array : realloc(array, (n ? 2 * (size_t)n : 1) * size);
}

/* The first column holds the code and has no name. */
static int read_statements(reader *r) {
  static const char *const wanted[] = {"description", "diagnostic",       "form",
                                       "rhythm",      "diagnostic_class", "diagnostic_subclass"};
  int at[6];
  if (open_table(r, "scp_statements.csv", 6, wanted, at)) return r->e->code;
  while (row(r)) {
    ptbxl_statement *more = grown(r->p->statement, r->p->statements, sizeof *more);
    if (!more) return no_memory(r);
    r->p->statement = more;
    ptbxl_statement *s = &more[r->p->statements++];
    *s = (ptbxl_statement){0};
    if (flag(r, at[1], &s->diagnostic) || flag(r, at[2], &s->form) || flag(r, at[3], &s->rhythm)) return r->e->code;
    if (keep(r, &s->code, r->cell[0]) || keep(r, &s->description, r->cell[at[0]]) ||
        keep(r, &s->superclass, r->cell[at[4]]) || keep(r, &s->subclass, r->cell[at[5]]))
      return r->e->code;
  }
  return r->e->code;
}

static int find_statement(const ptbxl *p, const char *code) {
  for (int i = 0; i < p->statements; i++)
    if (!strcmp(p->statement[i].code, code)) return i;
  return -1;
}

static int add_code(reader *r, ptbxl_record *x, const char *code, double likelihood) {
  int statement = find_statement(r->p, code);
  if (statement < 0) return fault(r, "a statement that scp_statements.csv lacks", code);
  ptbxl_code *more = grown(x->code, x->codes, sizeof *more);
  if (!more) return no_memory(r);
  x->code = more;
  more[x->codes++] = (ptbxl_code){statement, likelihood};
  return 0;
}

/* A Python dictionary {'NORM': 100.0, 'SR': 0.0}. */
static int parse_codes(reader *r, ptbxl_record *x, const char *text) {
  char code[32], *rest;
  const char *p = text + strspn(text, " ");
  if (*p++ != '{') return fault(r, "no dictionary of statements", text);
  for (p += strspn(p, " "); *p != '}'; p += strspn(p, " ,")) {
    char quote = *p;
    size_t n = quote == '\'' || quote == '"' ? strcspn(p + 1, quote == '"' ? "\"" : "'") : 0;
    if (!n || n >= sizeof code || p[1 + n] != quote) return fault(r, "no dictionary of statements", text);
    memcpy(code, p + 1, n);
    code[n] = 0, p += n + 2, p += strspn(p, " ");
    if (*p++ != ':') return fault(r, "no dictionary of statements", text);
    double likelihood = strtod(p, &rest);
    if (rest == p || !isfinite(likelihood)) return fault(r, "no dictionary of statements", text);
    if (add_code(r, x, code, likelihood)) return r->e->code;
    p = rest;
  }
  return 0;
}

/* Only names below the folder. */
static int record_name(reader *r, int column, char **to) {
  const char *s = r->cell[column];
  if (!*s || *s == '/' || strstr(s, "..")) return fault(r, "no record of this folder", s);
  return keep(r, to, s);
}

static int read_records(reader *r) {
  static const char *const wanted[] = {"ecg_id", "patient_id", "age",        "sex",         "height",
                                       "weight", "scp_codes",  "strat_fold", "filename_lr", "filename_hr"};
  int at[10];
  if (open_table(r, "ptbxl_database.csv", 10, wanted, at)) return r->e->code;
  while (row(r)) {
    ptbxl_record *more = grown(r->p->record, r->p->records, sizeof *more);
    double id, patient, fold;
    if (!more) return no_memory(r);
    r->p->record = more;
    ptbxl_record *x = &more[r->p->records++];
    *x = (ptbxl_record){0};
    if (number(r, at[0], "no number", &id) || number(r, at[1], "no number", &patient) ||
        number(r, at[2], "no age", &x->age) || number(r, at[3], "no sex", &x->sex) ||
        number(r, at[4], "no height", &x->height) || number(r, at[5], "no weight", &x->weight) ||
        number(r, at[7], "no fold", &fold))
      return r->e->code;
    if (!(fold >= 1 && fold <= 10)) return fault(r, "a fold outside of 1 to 10", r->cell[at[7]]);
    if (!(fabs(id) < 1e15) || !(fabs(patient) < 1e15)) return fault(r, "no number", r->cell[at[0]]);
    x->id = (long)id, x->patient = (long)patient, x->fold = (int)fold;
    if (record_name(r, at[8], &x->low) || record_name(r, at[9], &x->high) || parse_codes(r, x, r->cell[at[6]]))
      return r->e->code;
  }
  return r->e->code;
}

int ptbxl_open(ptbxl **out, const char *folder, err *e) {
  ptbxl *p = *out = calloc(1, sizeof *p);
  if (p) p->folder = strdup(folder);
  if (!p || !p->folder) {
    ptbxl_close(p);
    *out = NULL;
    return err_set(e, ERR_RUN, "%s: no memory", folder);
  }
  reader r = {.p = p, .e = e};
  read_statements(&r);
  close_table(&r);
  if (!e->code) read_records(&r);
  close_table(&r);
  if (!e->code) return 0;
  ptbxl_close(p);
  *out = NULL;
  return e->code;
}

void ptbxl_close(ptbxl *p) {
  if (!p) return;
  for (int i = 0; i < p->statements; i++) {
    ptbxl_statement *s = &p->statement[i];
    free(s->code), free(s->description), free(s->superclass), free(s->subclass);
  }
  for (long i = 0; i < p->records; i++) free(p->record[i].low), free(p->record[i].high), free(p->record[i].code);
  free(p->statement), free(p->record), free(p->folder);
  free(p);
}

int ptbxl_ecg(const ptbxl *p, long i, bool high, recording **r, err *e) {
  char *path = path_in(p->folder, high ? p->record[i].high : p->record[i].low);
  *r = NULL;
  if (!path) return err_set(e, ERR_RUN, "%s: no memory", p->folder);
  recording_open(r, path, NULL, e);
  free(path);
  return e->code;
}

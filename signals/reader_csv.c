/* reader_csv.c: signals_reader_csv: one row per sample, one column per lead. The first row may name the columns
 * ("name" or "name [unit]"); a column of words (a date) is no lead. "# rate: 250" tells the sampling rate. Every 1024th
 * row is noted, so that reading may begin anywhere. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "signals/csv.h"
#include "signals/file.h"
#include "signals/recording.h"

enum { STRIDE = 1024, MOST_LEADS = 100000 };

typedef struct mark {
  int64_t at;
  long line;
} mark;

typedef struct state {
  csv *c;
  int columns;
  int *column;  // (leads)
  mark *mark;   /* of rows 0, STRIDE, 2 STRIDE ... */
  double *x;    // (STRIDE, leads) of one stride
  int64_t held; /* which, -1: none */
} state;

static bool claims(const char *path) {
  return signals_has_extension(path, "csv") || signals_has_extension(path, "txt");
}

static double comment_rate(const char *s) {
  double rate;
  for (const char *p = s; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
    if (sscanf(p, " rate: %lf", &rate) == 1 && rate > 0 && isfinite(rate)) return rate;
  return 0;
}

static int add_mark(recording *r, state *s, int64_t rows, err *e) {
  size_t k = (size_t)(rows / STRIDE);
  if (!(k & (k - 1))) {
    mark *more = realloc(s->mark, (k ? 2 * k : 1) * sizeof *more);
    if (!more) return err_set(e, ERR_RUN, "%s: no memory", r->path);
    s->mark = more;
  }
  return 0;
}

/* Counts rows and notes where strides begin. The reader stands before row 0 now. */
static int count_rows(recording *r, state *s, int64_t *rows, err *e) {
  char **cell;
  int n;
  for (*rows = 0;; ++*rows) {
    int64_t at = csv_tell(s->c);
    if (csv_row(s->c, &cell, &n, e)) return e->code;
    if (!n) return 0;
    if (n != s->columns)
      return err_set(e, ERR_FILE, "%s:%ld: %d cells where %d stand above", r->path, csv_line(s->c), n, s->columns);
    if (*rows % STRIDE) continue;
    if (add_mark(r, s, *rows, e)) return e->code;
    s->mark[*rows / STRIDE] = (mark){at, csv_line(s->c)};
  }
}

static int name_lead(recording *r, int lead, char *name, int column, double rate, err *e) {
  char own[32];
  char *open = name ? strrchr(name, '[') : NULL, *close = open ? strchr(open, ']') : NULL;
  snprintf(own, sizeof own, "column %d", column + 1);
  if (!name || !*name) return recording_set_lead(r, lead, own, "", rate, 0, e);
  if (!close || close[1] || open == name) return recording_set_lead(r, lead, name, "", rate, 0, e);
  *close = 0, *open = 0;
  for (char *p = open; p > name && p[-1] == ' ';) *--p = 0;
  return recording_set_lead(r, lead, name, open + 1, rate, 0, e);
}

/* Leads from the first row (names, or NULL) and the first row of values. */
static int find_leads(recording *r, state *s, char **name, char **value, int n, double rate, err *e) {
  double v;
  int leads = 0;
  if (n > MOST_LEADS) return err_set(e, ERR_FILE, "%s: %d columns, at most %d", r->path, n, MOST_LEADS);
  s->columns = n, s->column = calloc((size_t)n, sizeof *s->column);
  if (!s->column) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  for (int i = 0; i < n; i++)
    if (csv_number(value[i], &v)) s->column[leads++] = i;
  if (!leads) return err_set(e, ERR_FILE, "%s:%ld: no cell is a number", r->path, csv_line(s->c));
  s->x = malloc((size_t)STRIDE * (size_t)leads * sizeof *s->x);
  if (!s->x) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  if (recording_make_leads(r, leads, e)) return e->code;
  for (int i = 0; i < leads; i++)
    if (name_lead(r, i, name ? name[s->column[i]] : NULL, s->column[i], rate, e)) return e->code;
  return 0;
}

static char **copy_row(char **cell, int n) {
  char **copy = calloc((size_t)n + 1, sizeof *copy);
  for (int i = 0; copy && i < n; i++) copy[i] = strdup(cell[i]);
  return copy;
}

static void free_row(char **cell, int n) {
  for (int i = 0; cell && i < n; i++) free(cell[i]);
  free(cell);
}

static bool all_words(char **cell, int n) {
  double v;
  for (int i = 0; i < n; i++)
    if (*cell[i] && csv_number(cell[i], &v)) return false;
  return true;
}

static int first_rows(recording *r, state *s, const recording_options *o, err *e) {
  char **cell, **name = NULL;
  int n, named = 0;
  int64_t at = csv_tell(s->c);
  if (csv_row(s->c, &cell, &n, e)) return e->code;
  if (!n) return err_set(e, ERR_FILE, "%s: no rows", r->path);
  long line = csv_line(s->c);
  double told = comment_rate(csv_comment(s->c)), rate = o->rate > 0 ? o->rate : told > 0 ? told : 1;
  if (all_words(cell, n)) {
    name = copy_row(cell, named = n);
    at = csv_tell(s->c);
    if (!name) err_set(e, ERR_RUN, "%s: no memory", r->path);
    if (!e->code && !csv_row(s->c, &cell, &n, e) && n != named)
      err_set(e, ERR_FILE, "%s:%ld: %d cells where %d are named", r->path, csv_line(s->c), n, named);
    line++;
  }
  if (!e->code) find_leads(r, s, name, cell, n, rate, e);
  free_row(name, named);
  return e->code ? e->code : csv_seek(s->c, at, line, e);
}

static int open_file(recording *r, const recording_options *o, err *e) {
  state *s = r->state = calloc(1, sizeof *s);
  int64_t rows;
  if (!s) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  s->held = -1;
  if (csv_open(&s->c, r->path, 0, true, e) || first_rows(r, s, o, e) || count_rows(r, s, &rows, e)) return e->code;
  for (int i = 0; i < r->leads; i++) r->lead[i].samples = rows;
  free(r->comments);
  r->comments = strdup(csv_comment(s->c));
  return r->comments ? 0 : err_set(e, ERR_RUN, "%s: no memory", r->path);
}

static int bring(recording *r, state *s, int64_t stride, err *e) {
  char **cell;
  int n;
  s->held = -1;
  if (csv_seek(s->c, s->mark[stride].at, s->mark[stride].line, e)) return e->code;
  for (int64_t row = 0; row < STRIDE && row + stride * STRIDE < r->lead[0].samples; row++) {
    if (csv_row(s->c, &cell, &n, e)) return e->code;
    if (n != s->columns) return err_set(e, ERR_FILE, "%s has changed while it was read", r->path);
    for (int i = 0; i < r->leads; i++)
      if (!csv_number(cell[s->column[i]], &s->x[row * r->leads + i]))
        return err_set(e, ERR_FILE, "%s:%ld: \"%.40s\" of lead %s is no number", r->path, csv_line(s->c),
                       cell[s->column[i]], r->lead[i].name);
  }
  s->held = stride;
  return 0;
}

static int read_lead(recording *r, int lead, int64_t first, long n, double *x, err *e) {
  state *s = r->state;
  for (long i = 0; i < n; i++) {
    int64_t row = first + i;
    if (row / STRIDE != s->held && bring(r, s, row / STRIDE, e)) return e->code;
    x[i] = s->x[row % STRIDE * r->leads + lead];
  }
  return 0;
}

static void close_file(recording *r) {
  state *s = r->state;
  if (!s) return;
  csv_close(s->c);
  free(s->column), free(s->mark), free(s->x), free(s);
}

static void put_cell(FILE *f, double x, char end) {
  if (!isnan(x)) fprintf(f, "%.17g", x);
  fputc(end, f);
}

static int write_rows(recording *r, FILE *f, int64_t rows, double *x, err *e) {
  for (int64_t at = 0; at < rows; at += STRIDE) {
    long n = rows - at < STRIDE ? (long)(rows - at) : STRIDE;
    if (recording_read_all(r, at, n, x, e)) return e->code;
    for (long k = 0; k < n; k++)
      for (int i = 0; i < r->leads; i++) put_cell(f, x[i * n + k], i + 1 < r->leads ? ',' : '\n');
  }
  return 0;
}

static int write_file(recording *r, const char *path, err *e) {
  double rate;
  int64_t rows;
  int fd;
  if (recording_common(r, &rate, &rows, e) || file_begin(path, &fd, e)) return e->code;
  FILE *f = fdopen(dup(fd), "w");
  double *x = malloc((size_t)STRIDE * (size_t)r->leads * sizeof *x);
  if (!f || !x)
    err_set(e, ERR_RUN, "%s: no memory", path);
  else {
    fprintf(f, "# rate: %.17g\n", rate);
    for (int i = 0; i < r->leads; i++)
      fprintf(f, "\"%s [%s]\"%s", r->lead[i].name, r->lead[i].unit, i + 1 < r->leads ? "," : "\n");
    write_rows(r, f, rows, x, e);
  }
  if (f && fclose(f)) err_set(e, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
  free(x);
  if (!e->code) return file_commit(path, fd, "", 0, false, e);
  file_abandon(path, fd);
  return e->code;
}

const signals_reader signals_reader_csv = {
    "csv", "separated values (.csv, .txt), one row per sample", claims, open_file, read_lead, close_file, write_file};

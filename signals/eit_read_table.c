/* eit_read_table.c: plain tables: Sheffield Mk1 .RAW (104 floats per frame) and CSV.
 *
 * CSV: a row per frame, numbers separated by commas, semicolons, tabs or blanks; lines that do not begin with a number
 * are skipped at the top. Columns: n (n - 3) voltages of n electrodes (adjacent, rotating), or 1024 pixels of an image,
 * either followed by up to 48 further columns (Timpel: 1030 = 1024 + 6, pixels outside are -1000, here 0). */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_readers.h"

/* ---- Sheffield ---- */

enum { HALF = 104, FULL = 208, L = 16 };

static bool raw_matches(const eit_source *s) {
  if (s->n < 4 * HALF || s->n % (4 * HALF)) return false;
  for (int i = 0; i < HALF; i++) {
    double x = fabs((double)eit_float(s->bytes + 4 * i));
    if (!(x > 1e-12 && x < 1e6)) return false;
  }
  return true;
}

/* Drive k measures pairs k+2 .. 15 (drive 0: up to 14); the others by reciprocity. */
static int raw_parse(eit_record **out, const eit_source *s, err *e) {
  if (s->n < 4 * HALF || s->n % (4 * HALF) || s->n / (4 * HALF) > 10000000)
    return err_set(e, ERR_FILE, "%s: %zu bytes are no multiple of frames of %d", s->name, s->n, 4 * HALF);
  eit_record *r = *out = eit_record_new("sheffield", (int)(s->n / (4 * HALF)), FULL, NULL, e);
  if (!r || eit_record_adjacent(r, e)) return e->code;
  for (int t = 0; t < r->nframes; t++) {
    double full[L][L] = {{0}};
    const unsigned char *p = s->bytes + (size_t)t * 4 * HALF;
    for (int k = 0; k < L; k++)
      for (int m = k + 2; m < L - (k == 0); m++, p += 4) full[k][m] = full[m][k] = eit_float(p);
    for (int i = 0; i < FULL; i++) r->data[(long)t * FULL + i] = full[i / 13][(i / 13 + 2 + i % 13) % L];
  }
  return eit_record_finite(r, s->name, e);
}

/* ---- CSV ---- */

enum { PIXELS = 1024, EXTRA = 48, MOST = 20000 };

static bool numeric(const char *p) {
  char *end;
  while (*p == ' ') p++;
  strtod(p, &end);
  return end != p && !isalpha((unsigned char)*p);
}

/* Data and further columns of a table of n columns; 0 if it is none that we know. */
static int data_of(int n, int *electrodes) {
  *electrodes = 0;
  for (int l = 8; l <= 128; l += 8) {
    int d = l * (l - 3);
    if (n >= d && n <= d + EXTRA && d != PIXELS) *electrodes = l;
  }
  if (n >= PIXELS && n <= PIXELS + EXTRA && *electrodes != 32 + 3) return *electrodes = 0, PIXELS;
  return *electrodes ? *electrodes * (*electrodes - 3) : 0;
}

/* Numbers of one line to x (at most MOST); -1 where something else stands. The line ends at end. */
static int line_numbers(const char *p, const char *end, double *x) {
  int n = 0;
  while (p < end) {
    while (p < end && (isspace((unsigned char)*p) || *p == ',' || *p == ';')) p++;
    if (p == end) break;
    char *next;
    double v = strtod(p, &next);
    if (next == p || next > end || n == MOST) return -1;
    if (x) x[n] = v;
    n++, p = next;
  }
  return n;
}

static bool csv_matches(const eit_source *s) {
  size_t n = s->n < 4000 ? s->n : 4000;
  int printable = 0;
  for (size_t i = 0; i < n; i++) printable += isprint(s->bytes[i]) || isspace(s->bytes[i]);
  if (n < 100 || (size_t)printable < n) return false;
  return memchr(s->bytes, ',', n) || memchr(s->bytes, ';', n);
}

typedef struct lines {
  const char *at, *end;
  int number;
} lines;

static bool next_line(lines *l, const char **from, const char **to) {
  while (l->at < l->end) {
    const char *stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
    *from = l->at, *to = stop ? stop : l->end;
    l->at = stop ? stop + 1 : l->end, l->number++;
    for (const char *p = *from; p < *to; p++)
      if (!isspace((unsigned char)*p)) return true;
  }
  return false;
}

static void row(eit_record *r, int t, const double *x) {
  for (int i = 0; i < r->ndata; i++) r->data[(long)t * r->ndata + i] = r->rows && x[i] <= -1000 ? 0 : x[i];
  for (int i = 0; i < r->naux; i++) r->aux[(long)t * r->naux + i] = x[r->ndata + i];
}

static int csv_fill(eit_record *r, lines l, int columns, double *x, const eit_source *s, err *e) {
  const char *from, *to;
  for (int t = 0; t < r->nframes && next_line(&l, &from, &to);) {
    if (t == 0 && !numeric(from)) continue;
    int n = line_numbers(from, to, x);
    if (n != columns)
      return err_set(e, ERR_FILE, "%s:%d: %d numbers, the first row has %d", s->name, l.number, n, columns);
    row(r, t++, x);
  }
  return eit_record_finite(r, s->name, e);
}

static int csv_parse(eit_record **out, const eit_source *s, err *e) {
  const char *text = (const char *)s->bytes, *from, *to;
  lines all = {text, text + s->n, 0}, l = all;
  int columns = 0, count = 0, electrodes = 0;
  double *x = malloc(MOST * sizeof *x);
  while (x && next_line(&l, &from, &to)) {
    if (!count && !numeric(from)) continue;
    if (!count++) columns = line_numbers(from, to, x);
  }
  int ndata = data_of(columns, &electrodes);
  if (!x) err_set(e, ERR_FILE, "%s: no memory", s->name);
  if (!ndata) err_set(e, ERR_FILE, "%s: %d columns are neither n (n - 3) voltages nor 1024 pixels", s->name, columns);
  eit_channels extra[] = {{columns > ndata ? "further" : NULL, "", columns - ndata}, {NULL}};
  eit_record *r = e->code ? NULL : eit_record_new("csv", count, ndata, extra, e);
  if (r) {
    *out = r;
    r->rows = r->cols = electrodes ? 0 : 32;
    if (electrodes) eit_protocol_pairs(&r->protocol, electrodes, 1, true, 1, e);
    if (!e->code) csv_fill(r, all, columns, x, s, e);
  }
  free(x);
  return e->code;
}

const eit_reader eit_read_sheffield = {"sheffield", "Sheffield Mk1 .RAW", raw_matches, raw_parse};
const eit_reader eit_read_csv = {"csv", "a row per frame: voltages or pixels (also Timpel)", csv_matches, csv_parse};

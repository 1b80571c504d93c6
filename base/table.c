/* table.c: table_value, table_new, table_row, table_left, table_print, table_free. */
#include "base/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Decimal exponent of x after rounding to two digits. */
static int exponent(double x) {
  char s[32];
  snprintf(s, sizeof s, "%.1e", x);
  return atoi(strchr(s, 'e') + 1);
}

/* value and error are below 1e7 and not tiny. */
static int fixed(char *s, size_t n, double value, double error) {
  int decimals = 1 - exponent(error);
  if (decimals > 0 && error < .995) /* the last digits of the value */
    return snprintf(s, n, "%.*f(%.0f)", decimals, value, error * pow(10, decimals));
  if (decimals > 0) return snprintf(s, n, "%.*f(%.*f)", decimals, value, decimals, error);
  double unit = pow(10, -decimals); /* an error of 123 is shown as 120 */
  return snprintf(s, n, "%.0f(%.0f)", round(value / unit) * unit, round(error / unit) * unit);
}

char *table_value(char *s, size_t n, double value, double error) {
  double most = fmax(fabs(value), error);
  if (isnan(value)) {
    snprintf(s, n, "-");
  } else if (isnan(error) || isinf(value)) {
    snprintf(s, n, "%.10g", value);
  } else if (isinf(error) || error <= 0) {
    snprintf(s, n, "%.10g(%s)", value, error > 0 ? "inf" : "0");
  } else if (most >= 1e-4 && most < 1e7) {
    fixed(s, n, value, error);
  } else {
    int ten = (int)floor(log10(most));
    size_t used = (size_t)fixed(s, n, value / pow(10, ten), error / pow(10, ten));
    if (used < n) snprintf(s + used, n - used, "e%+03d", ten);
  }
  return s;
}

struct table {
  char **row; /* as given */
  int rows, columns;
  unsigned left; /* bit j: column j is of words */
};

table *table_new(void) {
  table *t = calloc(1, sizeof *t);
  if (t) t->left = 1;
  return t;
}

void table_left(table *t, int column) {
  if (t) t->left |= 1u << column;
}

static bool words(const table *t, int j) {
  return j < 32 && t->left >> j & 1;
}

void table_free(table *t) {
  if (!t) return;
  for (int i = 0; i < t->rows; i++) free(t->row[i]);
  free(t->row);
  free(t);
}

static int count(const char *row) { /* cells */
  int n = 1;
  for (; *row; row++) n += *row == '|';
  return n;
}

void table_row(table *t, const char *fmt, ...) {
  va_list ap;
  char *text = NULL, **more = t ? realloc(t->row, (size_t)(t->rows + 1) * sizeof *more) : NULL;
  if (!more) return;
  t->row = more;
  va_start(ap, fmt);
  if (vasprintf(&text, fmt, ap) < 0) text = NULL;
  va_end(ap);
  if (!text) return;
  if (count(text) > t->columns) t->columns = count(text);
  t->row[t->rows++] = text;
}

/* Cell j of a row: returns its start without outer blanks and its length in bytes. */
static const char *cell(const char *row, int j, int *bytes) {
  for (; j > 0 && row; j--) row = strchr(row, '|') ? strchr(row, '|') + 1 : NULL;
  *bytes = 0;
  if (!row) return "";
  while (*row == ' ') row++;
  *bytes = (int)strcspn(row, "|");
  while (*bytes > 0 && row[*bytes - 1] == ' ') --*bytes;
  return row;
}

static int glyphs(const char *s, int bytes) { /* of UTF-8 text */
  int n = 0;
  for (int i = 0; i < bytes; i++) n += (s[i] & 0xc0) != 0x80;
  return n;
}

/* Glyphs behind the whole part of a number, -1 for what is not a number. */
static int tail(const char *s, int bytes) {
  int digits = 0, i = 0;
  for (; i < bytes && strchr("+-0123456789", s[i]); i++) digits += s[i] >= '0' && s[i] <= '9';
  return digits ? bytes - i : -1;
}

typedef struct column {
  int width, tail;
} column;

static column measure(const table *t, int j) {
  column c = {0, 0};
  int head = 0, bytes;
  for (int i = 1; i < t->rows; i++) {
    const char *s = cell(t->row[i], j, &bytes);
    int back = !words(t, j) && tail(s, bytes) > 0 ? tail(s, bytes) : 0, front = glyphs(s, bytes) - back;
    if (front > head) head = front;
    if (back > c.tail) c.tail = back;
  }
  c.width = head + c.tail;
  if (t->rows) {
    const char *s = cell(t->row[0], j, &bytes);
    int title = glyphs(s, bytes);
    if (title > c.width) c.width = title;
  }
  return c;
}

static void print_cell(const table *t, int i, int j, column c, bool last, FILE *f) {
  int bytes;
  const char *s = cell(t->row[i], j, &bytes);
  int n = glyphs(s, bytes), right = 0, back = tail(s, bytes);
  if (words(t, j))
    right = c.width - n;
  else if (i > 0 && back >= 0)
    right = c.tail - back;
  int left = c.width - n - right;
  fprintf(f, "%s%*s%.*s%*s", j ? "  " : "", last && !bytes ? 0 : left, "", bytes, s, last ? 0 : right, "");
}

void table_print(const table *t, FILE *f) {
  column *c = t ? calloc((size_t)t->columns + 1, sizeof *c) : NULL;
  if (!c) return;
  int total = 0;
  for (int j = 0; j < t->columns; j++) c[j] = measure(t, j), total += c[j].width + (j ? 2 : 0);
  for (int i = 0; i < t->rows; i++) {
    int columns = count(t->row[i]);
    for (int j = 0; j < columns; j++) print_cell(t, i, j, c[j], j + 1 == columns, f);
    fputc('\n', f);
    for (int k = 0; i == 0 && k < total; k++) fputc('-', f);
    if (i == 0) fputc('\n', f);
  }
  free(c);
}

/* csv.c: csv_open, _close, _row, _line, _tell, _seek, _comment, _number. */
#include "signals/csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LONGEST = 1 << 26, MOST_COMMENTS = 1 << 20 };

struct csv {
  FILE *f;
  char *path;
  char separator;
  bool comments;
  long line, row_line; /* of what is read next, of the last row */
  int64_t at;
  char *text; /* the cells of a row, each ended by 0 */
  size_t n, room;
  size_t *start;  // (cells)
  char **cell;
  size_t cells, cells_room;
  char *comment;
  size_t comment_n;
};

static int fault(const csv *c, const char *what, err *e) {
  return err_set(e, ERR_FILE, "%s:%ld: %s", c->path, c->row_line, what);
}

static int no_memory(const csv *c, err *e) {
  return err_set(e, ERR_RUN, "%s: no memory for a row", c->path);
}

static int next(csv *c) {
  int ch = getc_unlocked(c->f);
  if (ch != EOF) c->at++;
  return ch;
}

static int peek(csv *c) {
  int ch = getc_unlocked(c->f);
  if (ch != EOF) ungetc(ch, c->f);
  return ch;
}

static int put(csv *c, int ch, err *e) {
  if (c->n == c->room) {
    if (c->room >= LONGEST) return fault(c, "a row of more than 64 MiB", e);
    c->room = c->room ? 2 * c->room : 1024;
    char *more = realloc(c->text, c->room);
    if (!more) return no_memory(c, e);
    c->text = more;
  }
  c->text[c->n++] = (char)ch;
  return 0;
}

static int begin_cell(csv *c, err *e) {
  if (c->cells == c->cells_room) {
    c->cells_room = c->cells_room ? 2 * c->cells_room : 64;
    size_t *start = realloc(c->start, c->cells_room * sizeof *start);
    if (start) c->start = start;
    char **cell = start ? realloc(c->cell, c->cells_room * sizeof *cell) : NULL;
    if (!cell) return no_memory(c, e);
    c->cell = cell;
  }
  c->start[c->cells++] = c->n;
  return 0;
}

/* A quoted cell, behind its first quote. */
static int quoted(csv *c, err *e) {
  for (int ch; (ch = next(c)) != EOF;) {
    if (ch == '"') {
      if (peek(c) != '"') return 0;
      next(c);
    }
    if (ch == 0) return fault(c, "a zero byte in a text file", e);
    c->line += ch == '\n';
    if (put(c, ch, e)) return e->code;
  }
  return fault(c, "a quote is never closed", e);
}

/* One row as it stands; false at the end of the file. */
static bool raw_row(csv *c, err *e) {
  bool fresh = true;
  int ch = peek(c);
  c->n = c->cells = 0, c->row_line = c->line;
  if (ch == EOF || begin_cell(c, e)) return false;
  while ((ch = next(c)) != EOF && ch != '\n' && !e->code) {
    if (ch == '"' && fresh) {
      quoted(c, e), fresh = false;
    } else if (ch == c->separator) {
      put(c, 0, e), begin_cell(c, e), fresh = true;
    } else if (ch == 0) {
      fault(c, "a zero byte in a text file", e);
    } else if (!(ch == '\r' && peek(c) == '\n')) {
      put(c, ch, e), fresh = false;
    }
  }
  c->line++;
  put(c, 0, e);
  for (size_t i = 0; i < c->cells && !e->code; i++) c->cell[i] = c->text + c->start[i];
  if (ferror(c->f)) err_set(e, ERR_FILE, "cannot read %s: %s", c->path, strerror(errno));
  return !e->code;
}

static void skip_comment(csv *c, err *e) {
  int ch = next(c);
  size_t room = c->comment_n;
  char *more = NULL, line[1024];
  size_t n = 0;
  while ((ch = next(c)) != EOF && ch != '\n')
    if (n + 2 < sizeof line && ch) line[n++] = (char)ch;
  while (n && line[n - 1] == '\r') n--;
  c->line++;
  if (room + n + 2 > MOST_COMMENTS) return;
  more = realloc(c->comment, room + n + 2);
  if (!more) {
    no_memory(c, e);
    return;
  }
  c->comment = more;
  memcpy(c->comment + room, line, n);
  c->comment_n = room + n + 1;
  strcpy(c->comment + room + n, "\n");
}

int csv_row(csv *c, char ***cell, int *n, err *e) {
  *n = 0;
  do {
    while (c->comments && peek(c) == '#' && !e->code) skip_comment(c, e);
    if (e->code || !raw_row(c, e)) return e->code;
  } while (c->cells == 1 && !c->cell[0][strspn(c->cell[0], " \t")]);
  *cell = c->cell, *n = (int)c->cells;
  return 0;
}

/* Separators are counted in the first line only. */
static char guess(csv *c) {
  const char candidates[] = ",;\t";
  long count[3] = {0};
  int best = 0, ch;
  bool comment = c->comments && peek(c) == '#';
  while ((ch = getc_unlocked(c->f)) != EOF) {
    if (ch == '\n' && !comment) break;
    if (ch == '\n')
      comment = peek(c) == '#';
    else if (!comment)
      for (int k = 0; k < 3; k++) count[k] += ch == candidates[k];
  }
  for (int k = 1; k < 3; k++)
    if (count[k] > count[best]) best = k;
  rewind(c->f);
  return candidates[best];
}

int csv_open(csv **out, const char *path, char separator, bool comments, err *e) {
  struct stat s;
  csv *c = *out = calloc(1, sizeof *c);
  if (!c) return err_set(e, ERR_RUN, "%s: no memory", path);
  *c = (csv){.f = fopen(path, "rbe"), .path = strdup(path), .comments = comments, .line = 1, .comment = strdup("")};
  if (!c->f)
    err_set(e, ERR_FILE, "cannot read %s: %s", path, strerror(errno));
  else if (fstat(fileno(c->f), &s) || !S_ISREG(s.st_mode))
    err_set(e, ERR_FILE, "cannot read %s: it is not a plain file", path);
  else if (!c->path || !c->comment)
    err_set(e, ERR_RUN, "%s: no memory", path);
  if (e->code) {
    csv_close(c);
    *out = NULL;
    return e->code;
  }
  c->separator = separator ? separator : guess(c);
  if (peek(c) == 0xef) next(c), next(c), next(c); /* a byte order mark */
  return 0;
}

void csv_close(csv *c) {
  if (!c) return;
  if (c->f) fclose(c->f);
  free(c->path), free(c->text), free(c->start), free(c->cell), free(c->comment);
  free(c);
}

long csv_line(const csv *c) {
  return c->row_line;
}

int64_t csv_tell(const csv *c) {
  return c->at;
}

int csv_seek(csv *c, int64_t at, long line, err *e) {
  if (fseeko(c->f, (off_t)at, SEEK_SET)) return err_set(e, ERR_FILE, "cannot read %s: %s", c->path, strerror(errno));
  c->at = at, c->line = line;
  return 0;
}

const char *csv_comment(const csv *c) {
  return c->comment;
}

bool csv_number(const char *cell, double *v) {
  char *rest;
  cell += strspn(cell, " \t");
  *v = NAN;
  if (!*cell || !strcasecmp(cell, "nan") || !strcmp(cell, "NA")) return true;
  *v = strtod(cell, &rest);
  return rest != cell && !rest[strspn(rest, " \t")];
}

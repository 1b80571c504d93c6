/* geometry_graph.c: lattice_graph: any graph from a text file. The first number is n; each further line is one bond
 * "i j [J]" of two different sites 0..n-1; '#' starts a comment. Every fault is named as file:line. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lattice/geometry.h"

typedef struct graph_conf {
  const char *file;
} graph_conf;

static const deck_key keys[] = {
    {"file", DECK_TEXT, offsetof(graph_conf, file), NULL, .help = "text file: n, then lines \"i j [J]\", sites from 0"},
    {NULL}};

typedef struct edge {
  int i, j, line;
  double J;
} edge;

typedef struct reader {
  const char *path;
  int line;
  long n; /* 0 until read */
  edge *edges;
  int nedges, room, weighted; /* weighted: edges with J */
  err *e;
} reader;

static int fault(const reader *r, const char *what, const char *word) {
  return err_set(r->e, ERR_FILE, "%s:%d: %s%s%s", r->path, r->line, what, *word ? ": " : "", word);
}

/* Splits at white space after cutting a comment; at most max words, more are counted only. */
static int split(char *text, char **word, int max) {
  int n = 0;
  text[strcspn(text, "#")] = 0;
  for (char *p, *w = strtok_r(text, " \t\r\n\v\f", &p); w; w = strtok_r(NULL, " \t\r\n\v\f", &p), n++)
    if (n < max) word[n] = w;
  return n;
}

static int read_integer(const reader *r, const char *word, long min, long max, const char *what, long *out) {
  char *end;
  errno = 0;
  *out = strtol(word, &end, 10);
  if (*end) return fault(r, "not an integer", word);
  if (errno || *out < min || *out > max)
    return err_set(r->e, ERR_FILE, "%s:%d: %s %s: must be %ld to %ld", r->path, r->line, what, word, min, max);
  return 0;
}

static int read_edge(reader *r, char **word, int nwords) {
  if (nwords < 2 || nwords > 3) return fault(r, "a bond is \"i j\" or \"i j J\"", "");
  long i, j;
  edge b = {.line = r->line, .J = 1};
  if (read_integer(r, word[0], 0, r->n - 1, "site", &i) || read_integer(r, word[1], 0, r->n - 1, "site", &j))
    return r->e->code;
  b.i = (int)i, b.j = (int)j;
  if (i == j) return fault(r, "a site cannot be bound to itself", word[0]);
  if (nwords == 3) {
    char *end;
    b.J = strtod(word[2], &end);
    if (*end || !isfinite(b.J)) return fault(r, "not a finite number", word[2]);
    r->weighted++;
  }
  if (r->nedges == r->room) {
    r->room = r->room ? 2 * r->room : 1024;
    edge *more = r->room < 1 << 30 ? realloc(r->edges, sizeof *more * (size_t)r->room) : NULL;
    if (!more) return fault(r, "no memory for so many bonds", "");
    r->edges = more;
  }
  r->edges[r->nedges++] = b;
  if (r->weighted && r->weighted != r->nedges) return fault(r, "give the coupling J of every bond or of none", "");
  return 0;
}

static int read_line(reader *r, char *text) {
  char *word[3];
  int nwords = split(text, word, 3);
  if (!nwords) return 0;
  if (r->n) return read_edge(r, word, nwords);
  if (nwords > 1) return fault(r, "the first line must be the number of sites alone", "");
  return read_integer(r, word[0], 1, 1 << 28, "number of sites", &r->n);
}

static int read_lines(reader *r) {
  FILE *f = fopen(r->path, "r");
  if (!f) return err_set(r->e, ERR_FILE, "%s: %s", r->path, strerror(errno));
  char *text = NULL;
  size_t room = 0;
  ssize_t len;
  errno = 0;
  while (!r->e->code && (len = getline(&text, &room, f)) >= 0) {
    r->line++;
    if (strlen(text) != (size_t)len)
      fault(r, "not a text file (zero byte)", "");
    else
      read_line(r, text);
  }
  if (!r->e->code && ferror(f)) err_set(r->e, ERR_FILE, "%s: %s", r->path, strerror(errno));
  free(text);
  fclose(f);
  if (!r->e->code && !r->n) fault(r, "the number of sites is missing", "");
  if (!r->e->code && !r->nedges) fault(r, "no bonds", "");
  return r->e->code;
}

static int by_sites(const void *pa, const void *pb) {
  const edge *a = *(edge *const *)pa, *b = *(edge *const *)pb;
  int a0 = a->i < a->j ? a->i : a->j, a1 = a->i + a->j - a0, b0 = b->i < b->j ? b->i : b->j, b1 = b->i + b->j - b0;
  if (a0 != b0) return a0 < b0 ? -1 : 1;
  if (a1 != b1) return a1 < b1 ? -1 : 1;
  return a->line < b->line ? -1 : a->line > b->line;
}

static int check_duplicates(reader *r) {
  edge **order = malloc(sizeof *order * (size_t)r->nedges);
  if (!order) return err_set(r->e, ERR_RUN, "no memory for %d bonds", r->nedges);
  for (int k = 0; k < r->nedges; k++) order[k] = r->edges + k;
  qsort(order, (size_t)r->nedges, sizeof *order, by_sites);
  for (int k = 1; k < r->nedges; k++) {
    const edge *a = order[k - 1], *b = order[k];
    if ((a->i == b->i && a->j == b->j) || (a->i == b->j && a->j == b->i))
      err_set(r->e, ERR_FILE, "%s:%d: bond %d %d stands already on line %d", r->path, b->line, b->i, b->j, a->line);
  }
  free(order);
  return r->e->code;
}

static int assemble(lattice **out, const reader *r) {
  if (lattice_alloc(out, "graph", r->n, r->nedges, r->e)) return r->e->code;
  lattice *l = *out;
  if (r->weighted && !(l->weight = malloc(sizeof(double) * (size_t)r->nedges))) {
    lattice_free(l);
    *out = NULL;
    return err_set(r->e, ERR_RUN, "no memory for %d bonds", r->nedges);
  }
  for (int b = 0; b < r->nedges; b++) {
    l->bond[b][0] = r->edges[b].i, l->bond[b][1] = r->edges[b].j;
    if (l->weight) l->weight[b] = r->edges[b].J;
  }
  lattice_close(l);
  return 0;
}

int lattice_graph(lattice **out, const char *path, err *e) {
  reader r = {.path = path, .e = e};
  *out = NULL;
  int rc = read_lines(&r);
  if (!rc) rc = check_duplicates(&r);
  if (!rc) rc = assemble(out, &r);
  free(r.edges);
  return rc;
}

static int build(lattice **out, const void *conf, err *e) {
  return lattice_graph(out, ((const graph_conf *)conf)->file, e);
}

const lattice_geometry lattice_geometry_graph = {{"graph", "any graph from a file", keys}, build, sizeof(graph_conf)};

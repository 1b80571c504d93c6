/* deck_fault.c: wording and collecting the faults of a deck, and suggestions.
 * Offers deck_fault, deck_fault_at, deck_report, deck_place, deck_show, deck_suggest. Messages are kept until the whole
 * deck has been read, sorted by line (overrides follow, then faults of the schema itself), and cut to a readable
 * number. The distance of words is the restricted Damerau-Levenshtein (optimal string alignment) distance. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/deck_priv.h"

typedef struct sink { /* a bounded string that marks where it was cut */
  char *s;
  size_t n, used;
  bool cut;
} sink;

static void put(sink *o, const char *s, size_t n) {
  if (o->cut || o->used + n + 4 > o->n) {
    if (!o->cut && o->used + 4 <= o->n) strcpy(o->s + o->used, "...");
    o->cut = true;
    return;
  }
  memcpy(o->s + o->used, s, n);
  o->s[o->used += n] = 0;
}

static void put_text(sink *o, const char *s, size_t n) {
  while (n && !o->cut) {
    unsigned point;
    char hex[8];
    int m = deck_utf8(s, n, &point);
    if (m && point >= 32 && point != 127 && !(point >= 0x80 && point < 0xa0)) {
      put(o, s, m);
    } else {
      m = 1; /* byte by byte */
      int h = snprintf(hex, sizeof hex, *s == '\n' ? "\\n" : "\\x%02x", (unsigned char)*s);
      put(o, hex, h);
    }
    s += m;
    n -= m;
  }
}

char *deck_show(char *s, size_t n, const char *text, size_t bytes) {
  sink o = {.s = s, .n = n};
  *s = 0;
  put_text(&o, text, bytes);
  return s;
}

static void put_value(sink *o, const deck_node *v) {
  if (v->shape == DECK_SCALAR) {
    if (v->quoted) put(o, "\"", 1);
    put_text(o, v->text, v->bytes);
    if (v->quoted) put(o, "\"", 1);
    return;
  }
  put(o, v->shape == DECK_LIST ? "[" : "{", 1);
  for (const deck_node *c = v->first; c && !o->cut; c = c->next) {
    if (c != v->first) put(o, ", ", 2);
    if (c->key) put_text(o, c->key, strlen(c->key)), put(o, ": ", 2);
    put_value(o, c);
  }
  put(o, v->shape == DECK_LIST ? "]" : "}", 1);
}

static void put_path(sink *o, const deck_node *n) {
  if (n->parent) put_path(o, n->parent);
  if (!n->key) return;
  if (o->used) put(o, ".", 1);
  put_text(o, n->key, strlen(n->key));
}

static bool is_section(const deck_node *n) {
  return n->parent && !n->parent->parent && n->shape == DECK_MAP && !n->parent->key;
}

const char *deck_place(const deck *d, char *s, size_t n, int origin, int line) {
  size_t m = strlen(d->name);
  const char *name = m > 200 ? d->name + m - 200 : d->name;
  if (origin > 0) {
    memcpy(s, "-s ", 4);
    deck_show(s + 3, n - 3 < 84 ? n - 3 : 84, d->overrides[origin - 1], strlen(d->overrides[origin - 1]));
  } else if (origin == DECK_SCHEMA) {
    snprintf(s, n, "schema");
  } else if (line > 0) {
    snprintf(s, n, "%s:%d", name, line);
  } else {
    snprintf(s, n, "%s", name);
  }
  return s;
}

bool deck_faults_full(const deck *d) {
  return d->nfaults >= DECK_MAX_FAULTS;
}

static void record(deck *d, int origin, int line, const char *what, const char *fmt, va_list ap) {
  if (d->nfaults++ >= DECK_MAX_FAULTS) return;
  char place[256], reason[420], text[760];
  deck_place(d, place, sizeof place, origin, line);
  vsnprintf(reason, sizeof reason, fmt, ap);
  bool path = *what && origin <= 0; /* an override shows its own path and value */
  int m = snprintf(text, sizeof text, "%s: %s%s%s", place, path ? what : "", path ? ": " : "", reason);
  size_t n = m < (int)sizeof text ? (size_t)m : sizeof text - 1;
  int order = origin == DECK_SCHEMA ? INT_MAX : origin > 0 ? INT_MAX - 1 : line > 0 ? line : INT_MAX - 2;
  d->faults[d->nfaults - 1] = (deck_message){order, deck_copy(d, text, n)};
}

void deck_fault(deck *d, const deck_node *n, const char *fmt, ...) {
  char what[200];
  sink path = {.s = what, .n = 104};
  *what = 0;
  put_path(&path, n);
  bool empty = n->shape == DECK_SCALAR && !n->quoted && !n->bytes;
  if (path.used && !n->bad && !empty && !is_section(n)) {
    sink value = {.s = what + strlen(what), .n = 64};
    put(&value, " = ", 3);
    put_value(&value, n);
  }
  va_list ap;
  va_start(ap, fmt);
  record(d, n->origin, n->line, what, fmt, ap);
  va_end(ap);
}

void deck_fault_at(deck *d, int origin, int line, const char *path, const char *fmt, ...) {
  char what[104];
  va_list ap;
  va_start(ap, fmt);
  record(d, origin, line, deck_show(what, sizeof what, path, strlen(path)), fmt, ap);
  va_end(ap);
}

static void sort(deck_message *m, int n) { /* stable, by order */
  for (int i = 1; i < n; i++) {
    deck_message x = m[i];
    int j = i;
    for (; j > 0 && m[j - 1].order > x.order; j--) m[j] = m[j - 1];
    m[j] = x;
  }
}

int deck_report(deck *d, err *e) {
  int kept = d->nfaults < DECK_MAX_FAULTS ? d->nfaults : DECK_MAX_FAULTS;
  if (d->no_memory) return err_line(e, ERR_RUN, "%s: not enough memory to read this deck", d->name);
  if (!kept) return ERR_OK;
  sort(d->faults, kept);
  int shown = kept < DECK_SHOWN_FAULTS ? kept : DECK_SHOWN_FAULTS;
  for (int i = 0; i < shown; i++) err_line(e, ERR_DECK, "%s", d->faults[i].text);
  if (d->nfaults > shown) err_line(e, ERR_DECK, "and %d more", d->nfaults - shown);
  return ERR_DECK;
}

enum { WORD = 64 };

static int distance(const char *a, int n, const char *b, int m) {
  int row[3][WORD + 1];
  for (int i = 0; i <= n; i++) {
    int *now = row[i % 3], *up = row[(i + 2) % 3], *far = row[(i + 1) % 3];
    for (int j = 0; j <= m; j++) {
      if (!i || !j) {
        now[j] = i + j;
        continue;
      }
      int best = up[j - 1] + (a[i - 1] != b[j - 1]);
      if (up[j] + 1 < best) best = up[j] + 1;
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped && far[j - 2] + 1 < best) best = far[j - 2] + 1;
      now[j] = best;
    }
  }
  return row[n % 3][m];
}

const char *deck_suggest(const char *word, const char *const *names, int n) {
  const char *best = NULL;
  int least = 3, length = (int)strnlen(word, WORD + 1);
  for (int i = 0; i < n && length <= WORD; i++) {
    int m = (int)strnlen(names[i], WORD + 1), longer = length > m ? length : m;
    if (m > WORD || longer - (length < m ? length : m) > 2) continue;
    int k = distance(word, length, names[i], m);
    bool near = 2 * k <= longer; /* else any two-letter word resembles any other */
    if (!near && !strcasecmp(word, names[i])) near = true, k = 1;
    if (near && k < least) least = k, best = names[i];
  }
  return best;
}

/* deck_sweep.c: the table `sweep` of a deck: which decks it stands for.
 *
 *   sweep:
 *     lattice.L: [8, 16]                              a key and its values
 *     net: [{kind: made, depth: 3}, {kind: sites}]    a section and mappings that are laid over it
 *     model.beta: {from: 0.4, to: 0.5, steps: 11}     both ends included, 15 digits
 *     warm_start: true                                 see base/sweep.h
 *
 * The points are the product in the order of the deck, the last key fastest: with n_j values of axis j,
 * number = i_0; number = number n_j + i_j. Offers deck_sweep_take, deck_sweep_put, deck_sweep_index, deck_sweep_value.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/deck_priv.h"

/* ---- out of the tree ---- */

static void detach(deck_node *map, const deck_node *child) {
  deck_node *before = NULL;
  for (deck_node *c = map->first; c != child; c = c->next) before = c;
  if (before)
    before->next = child->next;
  else
    map->first = child->next;
  if (map->last == child) map->last = before;
  map->n--;
}

static void take_warm_start(deck *d, const deck_node *n) {
  const deck_key k = {.name = "warm_start", .type = DECK_BOOL};
  deck_value v = {0};
  if (deck_convert(d, &k, n, &v)) d->sweep.warm_start = v.u.b;
}

/* "model.beta" -> section and key; "net" -> section. */
static bool take_name(deck *d, const deck_node *n, deck_axis *a) {
  const char *dot = strchr(n->key, '.');
  a->name = n->key;
  a->section = dot ? deck_copy(d, n->key, dot - n->key) : n->key;
  a->key = dot ? dot + 1 : NULL;
  if (!a->section) return false;
  bool bad = dot && (dot == n->key || !dot[1] || strchr(dot + 1, '.'));
  if (bad) deck_fault(d, n, "a swept key is section.key, or a section with whole mappings");
  if (!bad && !strcmp(a->section, "app")) deck_fault(d, n, "the app of a deck cannot be swept"), bad = true;
  return !bad;
}

static int by_text(const void *a, const void *b) {
  const char *const *s = a, *const *t = b;
  return strcmp(*s, *t);
}

static char *text_of(const deck_node *n);

/* Two equal entries would be one point twice. */
static bool repeats(deck *d, const deck_axis *a) {
  char **text = calloc((size_t)a->n, sizeof *text);
  bool found = false;
  if (!text) {
    d->no_memory = true;
    return false;
  }
  for (long i = 0; i < a->n; i++)
    if (!(text[i] = text_of(a->list[i]))) text[i] = strdup("");
  qsort(text, (size_t)a->n, sizeof *text, by_text);
  for (long i = 1; i < a->n && !found; i++) {
    if (!text[i] || !text[i - 1] || strcmp(text[i], text[i - 1])) continue;
    deck_fault(d, a->node, "%.100s stands here twice (independent repetitions: sweep run.seed)", text[i]);
    found = true;
  }
  for (long i = 0; i < a->n; i++) free(text[i]);
  free(text);
  return found;
}

static bool take_list(deck *d, const deck_node *n, deck_axis *a) {
  long i = 0;
  a->list = deck_alloc(d, (size_t)n->n * sizeof *a->list + 1);
  if (!a->list) return false;
  for (deck_node *c = n->first; c; c = c->next) {
    if (c->bad) return false;
    bool map = c->shape == DECK_MAP;
    if (!a->key && (!map || !c->n)) {
      deck_fault(d, n, "entry %ld is no mapping: a section is swept through whole mappings (one key: %s.KEY)", i + 1,
                 n->key);
      return false;
    }
    if (a->key && map) {
      deck_fault(d, n, "entry %ld is a mapping: sweep the section (%s) for that", i + 1, a->section);
      return false;
    }
    a->list[i++] = c;
  }
  a->n = i;
  if (!i) deck_fault(d, n, "needs at least one value");
  return i && !repeats(d, a);
}

static bool take_grid(deck *d, const deck_node *n, deck_axis *a) {
  const deck_key k = {.name = n->key, .type = DECK_REALS};
  deck_value v = {0};
  if (!deck_convert(d, &k, n, &v)) return false;
  a->n = v.u.reals.n, a->grid = v.u.reals.v;
  return a->n > 0;
}

static bool take_axis(deck *d, const deck_node *n, deck_axis *a) {
  a->node = n;
  if (n->bad || !take_name(d, n, a)) return false;
  if (n->shape == DECK_LIST) return take_list(d, n, a);
  if (n->shape == DECK_MAP && a->key) return take_grid(d, n, a);
  deck_fault(d, n, "needs a list of %s", a->key ? "values, or {from: a, to: b, steps: n}" : "mappings");
  return false;
}

/* A key that two axes set would have no effect in one of them. */
static bool overlap(deck *d) {
  const deck_sweep *s = &d->sweep;
  for (int i = 0; i < s->axes; i++) {
    const deck_axis *a = &s->axis[i];
    for (int j = 0; j < s->axes && a->key; j++) {
      const deck_axis *b = &s->axis[j];
      for (long k = 0; !b->key && !strcmp(a->section, b->section) && k < b->n; k++) {
        if (!deck_find(b->list[k], a->key)) continue;
        deck_fault(d, a->node, "is swept by %s as well (entry %ld)", b->name, k + 1);
        return true;
      }
    }
  }
  return false;
}

static void take_axes(deck *d, const deck_node *n) {
  deck_sweep *s = &d->sweep;
  bool good = true;
  long points = 1;
  for (const deck_node *c = n->first; c; c = c->next) {
    if (!strcmp(c->key, "warm_start")) {
      take_warm_start(d, c);
    } else if (take_axis(d, c, &s->axis[s->axes])) {
      long k = s->axis[s->axes++].n;
      points = points > 2L * DECK_MAX_POINTS ? points : points * k;
    } else {
      good = false;
    }
  }
  if (good && !s->axes) deck_fault(d, n, "the sweep has no keys: section.key: [values]"), good = false;
  if (good && points > DECK_MAX_POINTS)
    deck_fault(d, n, "the sweep has more than %d points", DECK_MAX_POINTS), good = false;
  if (good && !overlap(d)) s->points = points;
}

void deck_sweep_take(deck *d) {
  deck_node *n = deck_find(d->root, "sweep");
  if (!n) return;
  detach(d->root, n);
  d->sweep.node = n;
  if (n->bad) return;
  if (n->shape != DECK_MAP || !(d->sweep.axis = deck_alloc(d, (size_t)n->n * sizeof *d->sweep.axis + 1))) {
    deck_fault(d, n, "needs keys: section.key: [values]");
    return;
  }
  take_axes(d, n);
}

/* ---- into the tree ---- */

long deck_sweep_index(const deck_sweep *s, int axis, long number) {
  for (int j = s->axes - 1; j > axis; j--) number /= s->axis[j].n;
  return number % s->axis[axis].n;
}

/* Points of a grid have 15 digits, so that {from: 0.3, to: 0.5, steps: 3} is the list [0.3, 0.4, 0.5]. */
static char *grid_text(char s[32], double x) {
  snprintf(s, 32, "%.15g", x);
  return s;
}

static char *shortest(char s[32], double x) {
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(s, 32, "%.*g", digits, x);
    if (strtod(s, NULL) == x) break;
  }
  return s;
}

static deck_node *copy(deck *d, const deck_node *n) {
  deck_node *m = deck_node_new(d, n->shape, n->origin, n->line);
  if (!m) return NULL;
  m->quoted = n->quoted, m->bad = n->bad, m->bytes = n->bytes, m->text = n->text;
  for (const deck_node *c = n->first; c; c = c->next) {
    deck_node *k = copy(d, c);
    if (k) deck_node_attach(m, c->key, k);
  }
  return m;
}

static deck_node *value_node(deck *d, const deck_axis *a, long i) {
  char s[32];
  if (a->list) return copy(d, a->list[i]);
  deck_node *n = deck_node_new(d, DECK_SCALAR, a->node->origin, a->node->line);
  if (!n) return NULL;
  grid_text(s, a->grid[i]);
  n->bytes = strlen(s);
  n->text = deck_copy(d, s, n->bytes);
  return n->text ? n : NULL;
}

static void put(deck *d, deck_node *section, const char *key, deck_node *value) {
  deck_node *old = deck_find(section, key);
  if (old && old->origin > 0)
    deck_fault(d, old, "has no effect: the sweep gives values to %.60s.%.60s (override the sweep: -s sweep.KEY=[...])",
               section->key, key);
  deck_put(section, old, key, value);
}

static void put_axis(deck *d, const deck_axis *a, long i) {
  deck_node *section = deck_open_section(d, a->section, a->node->origin), *value = value_node(d, a, i), *next;
  if (!section || !value) return; /* a section that is no mapping is reported with the section */
  if (!section->line) section->line = a->node->line;
  if (a->key) {
    put(d, section, a->key, value);
    return;
  }
  for (deck_node *c = value->first; c; c = next) {
    next = c->next;
    c->next = NULL;
    put(d, section, c->key, c);
  }
}

void deck_sweep_put(deck *d, long number) {
  const deck_sweep *s = &d->sweep;
  if (!s->node && number >= 0)
    deck_fault_at(d, 0, 1, "", "point %ld: this deck has no sweep", number);
  else if (s->points && number < 0)
    deck_fault_at(d, s->node->origin, s->node->line, "",
                  "sweep: this deck holds %ld points: run one (--point K) or all (--farm G); spinet points lists them",
                  s->points);
  else if (s->points && number >= s->points)
    deck_fault_at(d, s->node->origin, s->node->line, "", "sweep: there is no point %ld, they go from 0 to %ld", number,
                  s->points - 1);
  if (number < 0 || number >= s->points) return;
  for (int j = 0; j < s->axes; j++) put_axis(d, &s->axis[j], deck_sweep_index(s, j, number));
}

/* ---- texts ---- */

static void print_node(const deck_node *n, FILE *f) {
  char *end = NULL, number[32];
  double x;
  if (n->shape == DECK_SCALAR) {
    x = n->quoted || !n->bytes ? NAN : strtod(n->text, &end);
    if (end && !*end && isfinite(x))
      fputs(shortest(number, x), f);
    else
      fprintf(f, n->quoted ? "\"%s\"" : "%s", n->text);
    return;
  }
  fputc(n->shape == DECK_LIST ? '[' : '{', f);
  for (const deck_node *c = n->first; c; c = c->next) {
    if (c->key) fprintf(f, "%s: ", c->key);
    print_node(c, f);
    if (c->next) fputs(", ", f);
  }
  fputc(n->shape == DECK_LIST ? ']' : '}', f);
}

static char *text_of(const deck_node *n) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  print_node(n, f);
  fclose(f);
  return text;
}

void deck_sweep_value(const deck_sweep *s, int axis, long i, FILE *f) {
  const deck_axis *a = &s->axis[axis];
  char number[32];
  if (a->list)
    print_node(a->list[i], f);
  else
    fputs(grid_text(number, a->grid[i]), f);
}

/* deck.c: the public functions of the deck reader: deck_parse, deck_parse_point, deck_free, deck_app, deck_has,
 * deck_get, deck_kind_of, deck_where; and the overrides of the command line, which replace or add nodes before anything
 * is checked. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/deck_priv.h"

typedef struct deck_block {
  struct deck_block *next;
  max_align_t data[];
} deck_block;

void *deck_alloc(deck *d, size_t bytes) {
  deck_block *b = calloc(1, sizeof *b + bytes);
  if (!b) {
    d->no_memory = true;
    return NULL;
  }
  b->next = d->blocks;
  d->blocks = b;
  return b->data;
}

char *deck_copy(deck *d, const char *s, size_t n) {
  char *t = deck_alloc(d, n + 1);
  if (t) memcpy(t, s, n);
  return t;
}

deck_node *deck_find(const deck_node *map, const char *key) {
  for (deck_node *c = map->shape == DECK_MAP ? map->first : NULL; c; c = c->next) {
    if (!strcmp(c->key, key)) return c;
  }
  return NULL;
}

static deck *deck_new(const char *name) {
  deck *d = calloc(1, sizeof *d);
  if (d) d->name = name ? name : "deck";
  return d;
}

void deck_free(deck *d) {
  if (!d) return;
  for (deck_block *b = d->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(d);
}

deck_locale deck_locale_enter(void) {
  deck_locale l = {.c = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  if (l.c) l.before = uselocale(l.c);
  return l;
}

void deck_locale_leave(deck_locale l) {
  if (!l.c) return;
  uselocale(l.before);
  freelocale(l.c);
}

/* Overrides */

void deck_put(deck_node *map, deck_node *old, const char *key, deck_node *n) {
  deck_node **link = &map->first;
  if (!old) {
    deck_node_attach(map, key, n);
    return;
  }
  while (*link != old) link = &(*link)->next;
  *link = n;
  n->next = old->next;
  n->parent = map;
  n->key = old->key;
  if (map->last == old) map->last = n;
}

deck_node *deck_open_section(deck *d, const char *name, int origin) {
  deck_node *s = deck_find(d->root, name);
  if (s && s->shape == DECK_SCALAR && !s->quoted && !s->bytes) s->shape = DECK_MAP; /* "section:" with nothing below */
  if (s) return s->shape == DECK_MAP ? s : NULL;
  s = deck_node_new(d, DECK_MAP, origin, 0);
  if (s) deck_node_attach(d->root, name, s);
  return s;
}

static void override(deck *d, int i) {
  const char *text = d->overrides[i], *equal = strchr(text, '='), *dot = strchr(text, '.');
  int origin = i + 1;
  if (!equal || !dot || dot > equal || dot == text || dot + 1 == equal) {
    deck_fault_at(d, origin, 0, "", "an override is section.key=value");
    return;
  }
  if (dot - text == 3 && !strncmp(text, "app", 3)) {
    deck_fault_at(d, origin, 0, "", "app is no section: the app of a deck cannot be overridden");
    return;
  }
  bool sweep = dot - text == 5 && !strncmp(text, "sweep", 5); /* its keys have dots */
  if (!sweep && memchr(dot + 1, '.', equal - dot - 1)) {
    deck_fault_at(d, origin, 0, "", "an override is section.key=value, one key deep");
    return;
  }
  const char *section = deck_copy(d, text, dot - text), *key = deck_copy(d, dot + 1, equal - dot - 1);
  deck_node *value = deck_tree_value(d, equal + 1, origin), *s = section ? deck_open_section(d, section, origin) : NULL;
  if (!value || !key || !s) return; /* reported, or will be with the section */
  deck_node *old = deck_find(s, key);
  if (old && old->origin > 0) {
    deck_fault(d, value, "overridden twice (first by -s %.100s)", d->overrides[old->origin - 1]);
  } else {
    deck_put(s, old, key, value);
  }
}

/* The app, and parsing */

/* A mapping at the root, or NULL with a fault. */
static deck_node *read_root(deck *d, const char *text, size_t n) {
  deck_node *root = deck_tree(d, text, n, 0);
  if (!root) {
    if (!d->nfaults) deck_fault_at(d, 0, 1, "", "the deck is empty");
    return NULL;
  }
  if (root->shape == DECK_MAP) return root;
  if (root->shape == DECK_SCALAR && !root->quoted && !root->bytes) {
    deck_fault_at(d, 0, 1, "", "the deck is empty");
  } else {
    deck_fault_at(d, 0, root->line, "", "a deck is a mapping of sections, this is a %s",
                  root->shape == DECK_LIST ? "list" : "single value");
  }
  return NULL;
}

static bool is_word(const char *s) {
  size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  return n && !s[n] && n < 64;
}

static const char *find_app(deck *d) {
  const deck_node *app = deck_find(d->root, "app");
  if (!app) {
    deck_fault_at(d, 0, 1, "app", "required key is missing: the name of an app (spinet apps lists them)");
    return NULL;
  }
  if (app->bad) return NULL;
  if (app->shape == DECK_SCALAR && is_word(app->text)) return app->text;
  deck_fault(d, app, "needs the name of an app: letters, digits, _ and -, at most 63");
  return NULL;
}

static void read_tree(deck *d, const char *text, size_t n, int noverrides) {
  d->root = read_root(d, text, n);
  if (!d->root) return;
  deck_check_duplicates(d);
  for (int i = 0; i < noverrides; i++) override(d, i);
  deck_sweep_take(d);
}

deck *deck_read(const char *name, const char *text, size_t n, const char *const *overrides, int noverrides) {
  deck *d = deck_new(name);
  if (!d) return NULL;
  d->overrides = overrides;
  deck_locale l = deck_locale_enter();
  read_tree(d, text, n, noverrides);
  deck_locale_leave(l);
  return d;
}

/* A setting of the program itself, hence well formed. */
static void set(deck *d, const char *text) {
  const char *dot = strchr(text, '.'), *equal = strchr(text, '=');
  const char *section = deck_copy(d, text, dot - text), *key = deck_copy(d, dot + 1, equal - dot - 1);
  deck_node *v = deck_node_new(d, DECK_SCALAR, 0, 0), *s = section ? deck_open_section(d, section, 0) : NULL;
  if (!v || !s || !key) return;
  v->bytes = strlen(equal + 1);
  v->text = deck_copy(d, equal + 1, v->bytes);
  deck_put(s, deck_find(s, key), key, v);
}

static void parse(deck *d, const char *text, size_t n, int noverrides, const deck_point *point) {
  read_tree(d, text, n, noverrides);
  if (!d->root) return;
  deck_sweep_put(d, point ? point->number : -1);
  if (d->sweep.node && !point) return; /* many decks: of none of them can be said what it lacks */
  for (int i = 0; point && i < point->nset; i++) set(d, point->set[i]);
  find_app(d);
  deck_check(d);
}

int deck_parse(deck **d, const char *name, const char *text, size_t n, const char *const *overrides, int noverrides,
               const deck_section *schema, err *e) {
  return deck_parse_point(d, name, text, n, overrides, noverrides, NULL, schema, e);
}

int deck_parse_point(deck **out, const char *name, const char *text, size_t n, const char *const *overrides,
                     int noverrides, const deck_point *point, const deck_section *schema, err *e) {
  *out = NULL;
  deck *d = deck_new(name);
  if (!d) return err_set(e, ERR_RUN, "%s: not enough memory to read this deck", name ? name : "deck");
  d->overrides = overrides;
  d->schema = schema;
  deck_locale l = deck_locale_enter();
  parse(d, text, n, noverrides, point);
  deck_locale_leave(l);
  int code = deck_report(d, e);
  d->overrides = NULL; /* theirs, may go; so may the name */
  d->name = deck_copy(d, d->name, strlen(d->name));
  if (!code && !d->name) code = err_set(e, ERR_RUN, "not enough memory to read a deck");
  if (code) {
    deck_free(d);
  } else {
    *out = d;
  }
  return code;
}

int deck_app(char word[64], const char *name, const char *text, size_t n, err *e) {
  *word = 0;
  deck *d = deck_new(name);
  if (!d) return err_set(e, ERR_RUN, "%s: not enough memory to read this deck", name ? name : "deck");
  d->root = read_root(d, text, n);
  const char *app = d->root ? find_app(d) : NULL;
  int code = deck_report(d, e);
  if (!code && app) strcpy(word, app);
  deck_free(d);
  return code;
}

/* Access */

static const deck_part *find_part(const deck *d, const char *section) {
  for (int i = 0; i < d->nparts; i++) {
    if (!strcmp(d->parts[i].schema->name, section)) return &d->parts[i];
  }
  return NULL;
}

bool deck_has(const deck *d, const char *section) {
  const deck_part *p = find_part(d, section);
  return p && (p->present || !p->schema->optional);
}

const deck_kind *deck_kind_of(const deck *d, const char *section) {
  const deck_part *p = find_part(d, section);
  return p ? p->kind : NULL;
}

static const deck_value *find_value(const deck_part *p, const char *key, const deck_key **row) {
  const deck_table *t[2] = {&p->own, &p->fixed};
  for (int j = 0; j < 2; j++) {
    for (int i = 0; i < t[j]->n; i++) {
      if (strcmp(t[j]->keys[i].name, key)) continue;
      *row = &t[j]->keys[i];
      return &t[j]->v[i];
    }
  }
  return NULL;
}

static size_t size_of(deck_type t) {
  static const size_t size[] = {
      [DECK_BOOL] = sizeof(bool),       [DECK_INT] = sizeof(long),          [DECK_REAL] = sizeof(double),
      [DECK_WORD] = sizeof(int),        [DECK_TEXT] = sizeof(const char *), [DECK_INTS] = sizeof(deck_ints),
      [DECK_REALS] = sizeof(deck_reals)};
  return size[t];
}

void deck_get(const deck *d, const char *section, const deck_key *keys, void *out) {
  const deck_part *p = find_part(d, section);
  static const deck_value zero;
  for (const deck_key *k = keys; k && k->name; k++) {
    const deck_key *row = NULL;
    const deck_value *v = p ? find_value(p, k->name, &row) : NULL;
    if (!v || row->type != k->type) v = &zero;
    memcpy((char *)out + k->at, &v->u, size_of(k->type));
  }
}

const char *deck_where(const deck *d, const char *section, const char *key) {
  const deck_part *p = find_part(d, section);
  const deck_key *row;
  if (!p) return d->name;
  if (p->schema->kinds && !strcmp(key, "kind")) return p->where_kind;
  const deck_value *v = find_value(p, key, &row);
  return v ? v->where : p->where;
}

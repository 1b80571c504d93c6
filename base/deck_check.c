/* deck_check.c: the tree against the schema: sections, kinds, keys that are unknown, duplicate, ineffective or missing.
 * Offers deck_check, deck_key_count, deck_key_find, deck_unit. A default is read like the deck itself, so a schema
 * whose default is no legal value is found by any test that parses one deck with it. */
#include <stdio.h>
#include <string.h>

#include "base/deck_priv.h"

typedef struct names { /* candidates of a suggestion */
  int n;
  const char *v[DECK_MAX_NAMES];
} names;

static void add_name(names *a, const char *s) {
  if (a->n < DECK_MAX_NAMES) a->v[a->n++] = s;
}

static void add_keys(names *a, const deck_key *k) {
  for (; k && k->name; k++) add_name(a, k->name);
}

/* ", " between the names, cut to fit. */
static char *join(char *s, size_t n, const names *a) {
  size_t used = 0;
  *s = 0;
  for (int i = 0; i < a->n; i++) {
    if (used + strlen(a->v[i]) + 6 > n) {
      snprintf(s + used, n - used, ", ...");
      break;
    }
    used += snprintf(s + used, n - used, "%s%s", i ? ", " : "", a->v[i]);
  }
  return s;
}

int deck_key_count(const deck_key *keys) {
  int n = 0;
  while (keys && keys[n].name) n++;
  return n;
}

const deck_key *deck_key_find(const deck_key *keys, const char *name) {
  for (; keys && keys->name; keys++) {
    if (!strcmp(keys->name, name)) return keys;
  }
  return NULL;
}

static bool section_has(const deck_section *s, const char *key) {
  if (deck_key_find(s->keys, key)) return true;
  for (const deck_kind *const *k = s->kinds; k && *k; k++) {
    if (deck_key_find((*k)->keys, key)) return true;
  }
  return false;
}

const char *deck_unit(const deck_section *schema, const char *path) {
  const char *dot = strchr(path, '.');
  for (const deck_section *s = schema; dot && s && s->name; s++) {
    if (strlen(s->name) != (size_t)(dot - path) || strncmp(s->name, path, dot - path)) continue;
    const deck_key *row = deck_key_find(s->keys, dot + 1);
    for (const deck_kind *const *k = s->kinds; k && *k && !row; k++) row = deck_key_find((*k)->keys, dot + 1);
    return row ? row->unit : NULL;
  }
  return NULL;
}

/* Duplicates */

static void remove_duplicates(deck *d, deck_node *map) {
  if (map->shape != DECK_MAP) return;
  deck_node *before = NULL;
  for (deck_node *c = map->first; c; c = c->next) {
    deck_node *first = deck_find(map, c->key);
    if (first == c || c->bad) {
      remove_duplicates(d, c);
      before = c;
      continue;
    }
    char at[32] = "";
    if (!c->origin) snprintf(at, sizeof at, " (first in line %d)", first->line);
    deck_fault(d, c, "duplicate %s%s", map == d->root && c->shape == DECK_MAP ? "section" : "key", at);
    before->next = c->next; /* before is not NULL: the first child is never a duplicate */
    if (map->last == c) map->last = before;
    map->n--;
  }
}

void deck_check_duplicates(deck *d) {
  remove_duplicates(d, d->root);
}

/* Unknown names */

static void unknown_section(deck *d, const deck_node *c) {
  names all = {0};
  char list[200];
  if (deck_faults_full(d)) return deck_fault(d, c, "unknown section");
  for (const deck_section *s = d->schema; s->name; s++) {
    add_name(&all, s->name);
    if (!section_has(s, c->key)) continue;
    return deck_fault(d, c, "unknown section (did you mean %s.%s?)", s->name, c->key);
  }
  const char *near = deck_suggest(c->key, all.v, all.n);
  if (near) return deck_fault(d, c, "unknown section (did you mean %s?)", near);
  deck_fault(d, c, "unknown section (known: %s)", join(list, sizeof list, &all));
}

static void unknown_key(deck *d, const deck_part *p, const deck_node *c) {
  const deck_section *s = p->schema, *other = d->schema;
  names mine = {0};
  char list[200];
  if (deck_faults_full(d)) return deck_fault(d, c, "unknown key");
  if (s->kinds) add_name(&mine, "kind");
  add_keys(&mine, s->keys);
  if (p->kind) add_keys(&mine, p->kind->keys);
  for (const deck_kind *const *k = s->kinds; p->kind_bad && k && *k; k++) add_keys(&mine, (*k)->keys);
  const char *near = deck_suggest(c->key, mine.v, mine.n);
  while (other->name && !section_has(other, c->key)) other++;
  if (near && other->name) {
    deck_fault(d, c, "unknown key (did you mean %s, or %s.%s?)", near, other->name, c->key);
  } else if (near) {
    deck_fault(d, c, "unknown key (did you mean %s?)", near);
  } else if (other->name) {
    deck_fault(d, c, "unknown key (did you mean %s.%s?)", other->name, c->key);
  } else if (mine.n) {
    deck_fault(d, c, "unknown key (known: %s)", join(list, sizeof list, &mine));
  } else {
    deck_fault(d, c, "unknown key (this section has none)");
  }
}

/* Keys of one section */

static void check_name(deck *d, const deck_part *p, const deck_node *c) {
  const deck_section *s = p->schema;
  names users = {0};
  char list[160];
  bool kind = s->kinds && !strcmp(c->key, "kind");
  if (c->bad || kind || deck_key_find(s->keys, c->key)) return;
  if (p->kind && deck_key_find(p->kind->keys, c->key)) return;
  for (const deck_kind *const *k = s->kinds; k && *k; k++) {
    if (deck_key_find((*k)->keys, c->key)) add_name(&users, (*k)->name);
  }
  if (!users.n) {
    unknown_key(d, p, c);
  } else if (!p->kind_bad && p->kind) {
    deck_fault(d, c, "has no effect with kind %s (used by: %s)", p->kind->name, join(list, sizeof list, &users));
  }
}

static const deck_kind *find_kind(const deck_section *s, const char *name) {
  for (const deck_kind *const *k = s->kinds; *k; k++) {
    if (!strcmp((*k)->name, name)) return *k;
  }
  return NULL;
}

static void wrong_kind(deck *d, const deck_part *p, const deck_node *c) {
  names all = {0};
  char list[200];
  for (const deck_kind *const *k = p->schema->kinds; *k; k++) add_name(&all, (*k)->name);
  join(list, sizeof list, &all);
  const char *near = c->shape == DECK_SCALAR ? deck_suggest(c->text, all.v, all.n) : NULL;
  if (near) {
    deck_fault(d, c, "must be one of %s (did you mean %s?)", list, near);
  } else {
    deck_fault(d, c, "must be one of %s", list);
  }
}

static bool wanted_here(const deck_part *p) {
  return (p->present || !p->schema->optional) && !p->node->bad;
}

static void missing(deck *d, const deck_part *p, const char *key, const char *help, const char *unit) {
  char path[200], tail[260] = "";
  snprintf(path, sizeof path, "%.90s.%.90s", p->schema->name, key);
  if (help && *help) snprintf(tail, sizeof tail, ": %.200s", help);
  if (unit && *unit) snprintf(tail + strlen(tail), sizeof tail - strlen(tail), " [%.40s]", unit);
  int line = p->node->origin ? 0 : p->node->line;
  deck_fault_at(d, 0, line, path, "required key is missing%s", tail);
}

static void choose_kind(deck *d, deck_part *p) {
  const deck_section *s = p->schema;
  const deck_node *c = deck_find(p->node, "kind");
  const char *word = c ? c->text : s->kind_def;
  if (!s->kinds) return;
  p->kind = word ? find_kind(s, word) : NULL;
  p->kind_bad = !p->kind;
  if (p->kind || (c && c->bad)) return;
  if (c) {
    wrong_kind(d, p, c);
  } else if (s->kind_def) {
    deck_fault_at(d, DECK_SCHEMA, 0, s->name, "default kind %s is not in the family", s->kind_def);
  } else if (wanted_here(p) && p->present) {
    names all = {0};
    char list[200], text[224];
    for (const deck_kind *const *k = s->kinds; *k; k++) add_name(&all, (*k)->name);
    snprintf(text, sizeof text, "one of %s", join(list, sizeof list, &all));
    missing(d, p, "kind", text, NULL);
  }
}

/* Values */

static const char *where(deck *d, const deck_node *c, const deck_node *section) {
  char s[256];
  const deck_node *n = c ? c : section;
  deck_place(d, s, sizeof s, n->origin, n->line);
  return deck_copy(d, s, strlen(s));
}

static void fill_default(deck *d, const deck_part *p, const deck_key *k, deck_value *v) {
  deck_node *n = deck_tree_value(d, k->def, DECK_SCHEMA);
  if (!n) return;
  n->key = k->name;
  n->parent = p->node;
  deck_convert(d, k, n, v);
}

static void fill(deck *d, const deck_part *p, deck_table *t, const deck_key *keys) {
  t->keys = keys;
  t->n = deck_key_count(keys);
  t->v = deck_alloc(d, t->n * sizeof *t->v);
  for (int i = 0; t->v && i < t->n; i++) {
    const deck_node *c = deck_find(p->node, keys[i].name);
    t->v[i].where = where(d, c, p->node);
    if (c) {
      deck_convert(d, &keys[i], c, &t->v[i]);
    } else if (keys[i].def) {
      fill_default(d, p, &keys[i], &t->v[i]);
    } else if (p->present && wanted_here(p)) {
      missing(d, p, keys[i].name, keys[i].help, keys[i].unit);
    }
  }
}

static void missing_section(deck *d, const deck_part *p) {
  const deck_key *table[2] = {p->schema->keys, p->kind ? p->kind->keys : NULL};
  names need = {0};
  char list[200];
  if (p->schema->kinds && !p->schema->kind_def) add_name(&need, "kind");
  for (int i = 0; i < 2; i++) {
    for (const deck_key *k = table[i]; k && k->name; k++) {
      if (!k->def) add_name(&need, k->name);
    }
  }
  if (need.n)
    deck_fault_at(d, 0, 0, p->schema->name, "required section is missing (it needs %s)", join(list, 200, &need));
}

static void check_tables(deck *d, const deck_part *p) {
  for (const deck_key *k = p->kind ? p->kind->keys : NULL; k && k->name; k++) {
    if (!deck_key_find(p->schema->keys, k->name)) continue;
    deck_fault_at(d, DECK_SCHEMA, 0, p->schema->name, "kind %s repeats the key %s", p->kind->name, k->name);
  }
}

static void check_part(deck *d, deck_part *p) {
  deck_node *n = deck_find(d->root, p->schema->name);
  p->present = n != NULL;
  if (n && !n->bad && n->shape != DECK_MAP) {
    bool empty = n->shape == DECK_SCALAR && !n->quoted && !n->bytes; /* "section:" and nothing below it */
    if (!empty) deck_fault(d, n, "needs keys: this is a section"), n->bad = true;
  }
  if (!n) {
    n = deck_node_new(d, DECK_MAP, 0, 0);
    if (!n) return;
    n->key = p->schema->name;
    n->parent = d->root;
  }
  p->node = n;
  p->where = where(d, NULL, n);
  choose_kind(d, p);
  p->where_kind = where(d, deck_find(n, "kind"), n);
  check_tables(d, p);
  for (const deck_node *c = n->shape == DECK_MAP ? n->first : NULL; c; c = c->next) check_name(d, p, c);
  if (!p->present && !p->schema->optional) missing_section(d, p);
  fill(d, p, &p->fixed, p->schema->keys);
  fill(d, p, &p->own, p->kind ? p->kind->keys : NULL);
}

void deck_check(deck *d) {
  deck_check_duplicates(d); /* once more: an override may bring a mapping */
  while (d->schema[d->nparts].name) d->nparts++;
  d->parts = deck_alloc(d, d->nparts * sizeof *d->parts);
  for (int i = 0; d->parts && i < d->nparts; i++) {
    d->parts[i].schema = &d->schema[i];
    check_part(d, &d->parts[i]);
  }
  for (const deck_node *c = d->root->first; c; c = c->next) {
    bool known = c->bad || !strcmp(c->key, "app");
    for (int i = 0; i < d->nparts && !known; i++) known = !strcmp(c->key, d->schema[i].name);
    if (!known) unknown_section(d, c);
  }
}

/* deck_priv.h: what the files of the deck reader share; nobody else includes it.
 *   deck_parse.c  text -> tree of marked nodes        deck_check.c  tree + schema -> sections and values
 *   deck_value.c  node + key -> value                 deck_print.c  echo and template
 *   deck_fault.c  messages, suggestions               deck.c        the public functions, overrides
 *   deck_sweep.c  the table `sweep`                   deck_each.c   key by key
 * Everything a deck owns hangs on one list of allocations and goes with deck_free. All functions are local. */
#ifndef BASE_DECK_PRIV_H
#define BASE_DECK_PRIV_H

#include <locale.h>

#include "base/deck.h"

enum { /* bounds that make hostile text harmless; no honest deck comes near them */
       DECK_MAX_BYTES = 4 << 20,
       DECK_MAX_DEPTH = 8,
       DECK_MAX_KEYS = 256, /* in one mapping */
       DECK_MAX_NODES = 500000,
       DECK_MAX_STEPS = 1000000,  /* of {from, to, steps} */
       DECK_MAX_POINTS = 1000000, /* of a sweep */
       DECK_MAX_FAULTS = 64,      /* kept; the rest is only counted */
       DECK_SHOWN_FAULTS = 20,
       DECK_MAX_NAMES = 256 /* candidates of a suggestion */
};

/* Where a node comes from: 0 the deck, i > 0 override i - 1, DECK_SCHEMA the default of a schema. */
enum { DECK_SCHEMA = -1 };

typedef enum { DECK_SCALAR, DECK_LIST, DECK_MAP } deck_shape;

typedef struct deck_node deck_node;
struct deck_node {
  deck_shape shape;
  bool quoted; /* scalar in any but the plain style: text, never a number */
  bool bad;    /* a fault was reported here already: not checked any further */
  int origin, line;
  size_t bytes;     /* length of text, which may hold NUL bytes */
  const char *text; /* scalar, 0-terminated; NULL for list and map */
  const char *key;  /* name in the parent mapping, or NULL */
  deck_node *parent, *next, *first, *last;
  deck_node *pending; /* map being read: key that waits for its value */
  int n;              /* children */
};

typedef struct deck_value {
  const char *where; /* see deck_where */
  union {
    bool b;
    long i;
    double r;
    int word;
    const char *text;
    deck_ints ints;
    deck_reals reals;
  } u;
} deck_value;

typedef struct deck_table { /* n keys of a schema table and their values */
  const deck_key *keys;
  int n;
  deck_value *v;
} deck_table;

typedef struct deck_part { /* one section */
  const deck_section *schema;
  deck_node *node; /* never NULL once checked: an empty mapping where the deck has none */
  bool present;    /* in the deck or by an override */
  bool kind_bad;   /* `kind` is wrong or missing: its keys cannot be judged */
  const deck_kind *kind;
  const char *where, *where_kind;
  deck_table fixed, own; /* keys whatever the kind; keys of the kind */
} deck_part;

typedef struct deck_message {
  int order; /* line, overrides and schema behind */
  const char *text;
} deck_message;

typedef struct deck_axis {   /* one key of the sweep and its n values */
  const char *name;          /* "model.beta", or "net" for whole mappings */
  const char *section, *key; /* key NULL: whole mappings */
  const deck_node *node;
  long n;
  deck_node **list;   /* values, or NULL and */
  const double *grid; /* numbers */
} deck_axis;

typedef struct deck_sweep {
  const deck_node *node; /* NULL: the deck has no sweep */
  deck_axis *axis;
  int axes;
  long points; /* 0 where the sweep is faulty */
  bool warm_start;
} deck_sweep;

struct deck {
  struct deck_block *blocks;
  const char *name;
  const char *const *overrides;
  const deck_section *schema;
  deck_node *root;
  deck_sweep sweep;
  deck_part *parts;
  int nparts, nodes, nfaults;
  bool no_memory;
  deck_message faults[DECK_MAX_FAULTS];
};

/* deck.c: zeroed memory that lives as long as the deck; NULL (and d->no_memory) when there is none. */
void *deck_alloc(deck *d, size_t bytes);
char *deck_copy(deck *d, const char *s, size_t n);
deck_node *deck_find(const deck_node *map, const char *key); /* child of that name or NULL */
/* Replaces child `old` of the map, or adds one (old NULL). */
void deck_put(deck_node *map, deck_node *old, const char *key, deck_node *n);
/* Section of the root, made if it is not there; NULL if it is no mapping. */
deck_node *deck_open_section(deck *d, const char *name, int origin);
/* The tree and the sweep of a deck, nothing of it checked against a schema; NULL if out of memory. */
deck *deck_read(const char *name, const char *text, size_t n, const char *const *overrides, int noverrides);
/* Numbers are read and written with a decimal point whatever the locale of the program: between these two. */
typedef struct deck_locale {
  locale_t c, before;
} deck_locale;
deck_locale deck_locale_enter(void);
void deck_locale_leave(deck_locale l);

/* deck_parse.c: whole YAML text -> root node; NULL on a fatal fault (recorded) or for empty text (not recorded). */
deck_node *deck_tree(deck *d, const char *text, size_t n, int origin);
/* The value of an override or default: [..], {..} and quoted text are YAML, anything else is one plain scalar. */
deck_node *deck_tree_value(deck *d, const char *text, int origin);
deck_node *deck_node_new(deck *d, deck_shape shape, int origin, int line);
void deck_node_attach(deck_node *parent, const char *key, deck_node *child);
/* Length of the UTF-8 sequence at s (n bytes left) and its code point, or 0 if malformed. */
int deck_utf8(const char *s, size_t n, unsigned *point);

/* deck_value.c: node -> value of key k, false after recording a fault. v keeps its `where`. */
bool deck_convert(deck *d, const deck_key *k, const deck_node *n, deck_value *v);
void deck_unset(const deck_key *k, deck_value *v);
bool deck_is_unset(const deck_key *k, const deck_value *v);
const char *deck_wanted(deck_type t); /* "a number", ... */
int deck_word_count(const char *words);
/* Word i of "a|b|c" copied to s; returns s. */
char *deck_word(char *s, size_t n, const char *words, int i);
/* "between 0 and 2 [1/J]", "at least 1", or "" without limits. */
char *deck_range(char *s, size_t n, const deck_key *k);

/* deck_check.c */
void deck_check(deck *d);
void deck_check_duplicates(deck *d); /* report and remove; before the overrides come */
int deck_key_count(const deck_key *keys);
const deck_key *deck_key_find(const deck_key *keys, const char *name);

/* deck_print.c: the value as the echo writes it; long lists on several lines. */
void deck_print_value(FILE *f, const deck_key *k, const deck_value *v);

/* deck_sweep.c */
void deck_sweep_take(deck *d);                                         /* out of the tree into d->sweep */
void deck_sweep_put(deck *d, long number);                             /* the values of a point into the tree */
long deck_sweep_index(const deck_sweep *s, int axis, long number);     /* which value of the axis the point has */
void deck_sweep_value(const deck_sweep *s, int axis, long i, FILE *f); /* its text; equal values, equal texts */

/* deck_fault.c: record `place: section.key = value: reason`; path and value come from the node. */
void deck_fault(deck *d, const deck_node *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with the path given, at the line of the deck (0: no line). */
void deck_fault_at(deck *d, int origin, int line, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
bool deck_faults_full(const deck *d); /* further ones are only counted: no need to word them well */
int deck_report(deck *d, err *e);     /* all messages into *e; returns 0, ERR_DECK or ERR_RUN (memory) */
const char *deck_place(const deck *d, char *s, size_t n, int origin, int line);
/* Printable form of text, at most n - 1 bytes, "..." where cut. */
char *deck_show(char *s, size_t n, const char *text, size_t bytes);

#endif

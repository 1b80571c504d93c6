/* deck.h: input decks. YAML is read with libyaml into a tree of marked nodes; all typing is done by schema tables.
 *
 * A schema is an array of sections, one per top-level mapping of the deck. A section has fixed keys and, when it lists
 * `kinds`, a key `kind` whose word selects one further table of keys (a family member brings its own rows). A key that
 * is known to another kind of the family only is reported as ineffective. All faults are reported at once, each as
 *   file:line: section.key = value: reason (did you mean ...?)
 * and nothing is guessed: unknown, duplicate, missing, ineffective keys, wrong types, trailing junk, overflow, NaN,
 * values out of range are errors (ERR_DECK). All functions are local; rank 0 reads the text and broadcasts it
 * (base/run.c).
 *
 * What a deck may say, beyond the types below:
 * - 0.44 is a number, "0.44" in quotes is text and no number; a word or text may stand in quotes.
 * - beta_c for a real: ln(1 + sqrt 2) / 2, the critical coupling of the square lattice; the echo writes digits.
 * - ~ leaves a key unset where its default is "~". A key without value is an error, a section without keys is not.
 * - [] is the empty list where the default is "~" or "[]".
 * - {from: a, to: b, steps: n} for reals: n >= 2 points from a to b, both ends included.
 *
 * A table `sweep` makes many decks of one: deck_parse_point, base/deck_sweep.c.
 *
 * Overrides replace a key of the deck or add it (and its section); twice the same key is an error. What follows `=` is
 * a plain scalar as it stands, or YAML if it begins with [ { " or '. A deck has at most 4 MiB; anchors, aliases, tags
 * and several documents are refused. Up to 20 faults are listed. */
#ifndef BASE_DECK_H
#define BASE_DECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

typedef enum {
  DECK_BOOL,  /* bool         true | false                                  */
  DECK_INT,   /* long         decimal, 1_000_000 and 1e6 allowed if integral */
  DECK_REAL,  /* double       finite                                         */
  DECK_WORD,  /* int          index into `words`                             */
  DECK_TEXT,  /* const char*  owned by the deck; NULL where unset            */
  DECK_INTS,  /* deck_ints    list (a single number is a list of one)        */
  DECK_REALS, /* deck_reals   list, or {from, to, steps}                     */
} deck_type;

typedef struct deck_ints {
  int n;
  const long *v;
} deck_ints; /* owned by the deck */
typedef struct deck_reals {
  int n;
  const double *v;
} deck_reals; /* owned by the deck */

typedef struct deck_key {
  const char *name;  /* NULL ends a table                                                       */
  deck_type type;    /*                                                                         */
  size_t at;         /* offsetof in the struct that deck_get fills                              */
  const char *def;   /* default as it would stand in a deck; NULL: required; "~": unset allowed
                        (text NULL, list empty, real NaN, int LONG_MIN, word -1)                          */
  double min, max;   /* inclusive range of numbers (and list entries); min == max: no limit     */
  const char *words; /* DECK_WORD: "word|word|..."                                              */
  const char *unit;  /* "" or NULL if dimensionless                                             */
  const char *help;  /* one line                                                                */
  bool free;         /* may change on restart (default: identity)                               */
} deck_key;

/* One member of a family: a descriptor of any family embeds this as its FIRST member `kind`. */
typedef struct deck_kind {
  const char *name, *help;
  const deck_key *keys; /* may be NULL */
} deck_kind;

typedef struct deck_section {
  const char *name, *help;       /* name NULL ends a schema                                   */
  const deck_key *keys;          /* keys whatever the kind; may be NULL                       */
  const deck_kind *const *kinds; /* NULL-terminated family, or NULL                           */
  const char *kind_def;          /* default kind; NULL: `kind` is required                    */
  bool optional; /* the section may be absent: then deck_has is false and none of its keys is required */
} deck_section;

typedef struct deck deck;

/* Parse text (n bytes, need not end in 0) called `name` in messages, apply overrides "section.key=value" (listed as
 * `-s section.key=value` in place of file:line), check everything against `schema` (must outlive the deck). The deck's
 * first level must hold the key `app`, a word, which is NOT part of the schema: find it with deck_app first. Caller
 * frees *d. */
int deck_parse(deck **d, const char *name, const char *text, size_t n, const char *const *overrides, int noverrides,
               const deck_section *schema, err *e);
void deck_free(deck *d);

/* A deck with a table `sweep` is many decks (base/sweep.h): this parses one point of it. Values of the sweep take the
 * place of what the deck says, then come the settings. Without a point (deck_parse) a deck with a sweep is an error. */
typedef struct deck_point {
  long number;            /* -1: the deck must have no sweep */
  const char *const *set; /* "section.key=value", a plain scalar as it stands; may be NULL */
  int nset;
} deck_point;
int deck_parse_point(deck **d, const char *name, const char *text, size_t n, const char *const *overrides,
                     int noverrides, const deck_point *point, const deck_section *schema, err *e);

/* The value of top-level `app` (copied to word[64]) without checking anything else but that the text is YAML. */
int deck_app(char word[64], const char *name, const char *text, size_t n, err *e);

/* Is the section there: in the deck, by an override, or because it is not optional? */
bool deck_has(const deck *d, const char *section);
/* Fill *out (a struct described by keys[].at) from a section: the fixed keys, or those of the chosen kind. In an
 * optional section that is absent: its defaults. A key without any value (required but absent with its section, of
 * another kind or type, or no such section) is filled with zero. */
void deck_get(const deck *d, const char *section, const deck_key *keys, void *out);
/* The chosen member of a family: points at the deck_kind embedded in its descriptor. NULL where the section has no
 * family, or is absent and its family has no default. */
const deck_kind *deck_kind_of(const deck *d, const char *section);
/* "file:line" of section.key for messages of cross-field checks (the section's line where the key was not given). */
const char *deck_where(const deck *d, const char *section, const char *key);

/* Calls fn for every key of every section that is there, in the order of the echo: name "section.key" (or
 * "section.kind"), value as the echo writes it (lists on one line), whether it may change on restart. Stops at nonzero
 * and returns that; ERR_RUN without memory. */
int deck_each(const deck *d, int (*fn)(void *ctx, const char *name, const char *value, bool free, err *e), void *ctx,
              err *e);

/* Deck with every default filled in, 17 significant digits; parsing it again gives the same values. */
void deck_echo(const deck *d, const char *app, FILE *f);
/* The same with or without the free keys and, if `without` is not NULL, without that section. */
void deck_echo_some(const deck *d, const char *app, bool free_keys, const char *without, FILE *f);
/* Commented reference deck of an app: every section, key, unit, range, help; all kinds (those not default commented
 * out); the table `sweep`. Required keys and optional sections are commented out too, so that a template parses once
 * the required keys are given: take "# " away and replace <required ...>. Lines that begin with "##" stay comments. */
void deck_template(const char *app, const deck_section *schema, FILE *f);

/* The unit of "section.key" in a schema (of the first kind that has it), or NULL. */
const char *deck_unit(const deck_section *schema, const char *path);

/* Nearest of n names within edit distance 2 (a swap of neighbours counts 1) and at most half of the longer word, or
 * NULL; a name that differs in case only always counts. Also used for commands, apps and result names. */
const char *deck_suggest(const char *word, const char *const *names, int n);

#endif

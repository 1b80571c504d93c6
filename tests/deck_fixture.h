/* deck_fixture.h: a schema that uses every feature of base/deck.h, for test_deck.c, test_deck_faults.c and fuzz_deck.c.
 */
#ifndef TESTS_DECK_FIXTURE_H
#define TESTS_DECK_FIXTURE_H

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/deck.h"

typedef struct fixture_model {
  long L;
  double beta;
} fixture_model;
typedef struct fixture_numbers {
  double x, maybe;
  long n, few;
  bool flag;
  int word;
  const char *text;
  deck_ints ns;
  deck_reals xs;
} fixture_numbers;
typedef struct fixture_net {
  long depth;
} fixture_net;
typedef struct fixture_made {
  long width;
} fixture_made;
typedef struct fixture_pixelcnn {
  long kernel, width;
} fixture_pixelcnn;
typedef struct fixture_extra {
  double must, gain;
} fixture_extra;
typedef struct fixture_member {
  deck_kind kind;
  int more;
} fixture_member; /* as a descriptor embeds it */

#define AT(type, field) offsetof(fixture_##type, field)
static const deck_key fixture_model_keys[] = {
    {"L", DECK_INT, AT(model, L), NULL, 2, 64, NULL, "sites", "side of the torus", false},
    {"beta", DECK_REAL, AT(model, beta), "beta_c", 0, 10, NULL, NULL, "inverse temperature", true},
    {0}};
static const deck_key fixture_numbers_keys[] = {
    {"x", DECK_REAL, AT(numbers, x), "0.25", 0, 0, NULL, NULL, NULL, false},
    {"maybe", DECK_REAL, AT(numbers, maybe), "~", 0, 1, NULL, NULL, NULL, false},
    {"n", DECK_INT, AT(numbers, n), "3", 0, 0, NULL, NULL, NULL, false},
    {"few", DECK_INT, AT(numbers, few), "~", 0, INFINITY, NULL, "s", NULL, false},
    {"flag", DECK_BOOL, AT(numbers, flag), "false", 0, 0, NULL, NULL, NULL, false},
    {"word", DECK_WORD, AT(numbers, word), "cold", 0, 0, "cold|hot|mixed", NULL, NULL, false},
    {"text", DECK_TEXT, AT(numbers, text), "~", 0, 0, NULL, NULL, NULL, false},
    {"ns", DECK_INTS, AT(numbers, ns), "~", -100, 100, NULL, NULL, NULL, false},
    {"xs", DECK_REALS, AT(numbers, xs), "[1, 2]", 0, 0, NULL, NULL, NULL, false},
    {0}};
static const deck_key fixture_net_keys[] = {
    {"depth", DECK_INT, AT(net, depth), "2", 1, 100, NULL, NULL, "hidden layers", false}, {0}};
static const deck_key fixture_made_keys[] = {
    {"width", DECK_INT, AT(made, width), "16", 1, 1000, NULL, NULL, "units per layer", false}, {0}};
static const deck_key fixture_pixelcnn_keys[] = {
    {"kernel", DECK_INT, AT(pixelcnn, kernel), "3", 1, INFINITY, NULL, NULL, "side of the kernel", false},
    {"width", DECK_INT, AT(pixelcnn, width), "64", 1, 1000, NULL, NULL, "channels", false},
    {0}};
static const deck_key fixture_extra_keys[] = {
    {"must", DECK_REAL, AT(extra, must), NULL, 0, 0, NULL, NULL, "no default", false},
    {"gain", DECK_REAL, AT(extra, gain), "1.5", 0, 0, NULL, NULL, NULL, false},
    {0}};
#undef AT
static const fixture_member fixture_made_member = {{"made", "dense masks", fixture_made_keys}, 1};
static const fixture_member fixture_pixelcnn_member = {{"pixelcnn", "masked convolutions", fixture_pixelcnn_keys}, 2};
static const deck_kind *const fixture_nets[] = {&fixture_made_member.kind, &fixture_pixelcnn_member.kind, NULL};
static const deck_section fixture_schema[] = {
    {"model", "the lattice", fixture_model_keys, NULL, NULL, false},
    {"numbers", "one key of each type", fixture_numbers_keys, NULL, NULL, false},
    {"net", "the network", fixture_net_keys, fixture_nets, "made", false},
    {"extra", "more", fixture_extra_keys, NULL, NULL, true},
    {"walk", "a family without default", NULL, fixture_nets, NULL, true},
    {0}};

/* NULL when the deck is refused: then *e says why. */
static inline deck *fixture_try(const char *text, const char *const *overrides, int n, err *e) {
  deck *d;
  *e = (err){0};
  deck_parse(&d, "toy.yaml", text, strlen(text), overrides, n, fixture_schema, e);
  return d;
}

/* What deck_echo (d) or deck_template (schema) writes; caller frees. */
static inline char *fixture_print(const deck *d, const deck_section *schema) {
  char *s = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&s, &n);
  if (!f) return NULL;
  if (d) deck_echo(d, "toy", f);
  if (schema) deck_template("toy", schema, f);
  fclose(f);
  return s;
}

#endif

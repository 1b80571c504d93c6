/* fuzz_deck.c: any bytes into the deck reader; what it accepts must survive its own echo.
 * With clang: -fsanitize=fuzzer,address,undefined (tests/deck.cmake, option SPINET_FUZZ; seeds in corpus/deck). With
 * SPINET_FUZZ_STANDALONE a plain program that runs the files named as arguments, so that every build runs the corpus.
 * Input: the deck, then optionally a NUL byte and overrides, each ended by NUL. */
#include <stdint.h>

#include "tests/deck_fixture.h"

static void demand(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "fuzz_deck: %s\n", what);
  abort();
}

static bool same_bits(double a, double b) {
  return !memcmp(&a, &b, sizeof a) || (isnan(a) && isnan(b));
}

static void compare_numbers(const deck *a, const deck *b) {
  fixture_numbers v, w;
  deck_get(a, "numbers", fixture_numbers_keys, &v);
  deck_get(b, "numbers", fixture_numbers_keys, &w);
  demand(same_bits(v.x, w.x) && same_bits(v.maybe, w.maybe), "reals differ after the echo");
  demand(v.n == w.n && v.few == w.few && v.flag == w.flag && v.word == w.word, "integers differ after the echo");
  demand(!v.text == !w.text && (!v.text || !strcmp(v.text, w.text)), "texts differ after the echo");
  demand(v.ns.n == w.ns.n && v.xs.n == w.xs.n, "list lengths differ after the echo");
  for (int i = 0; i < v.ns.n; i++) demand(v.ns.v[i] == w.ns.v[i], "integer lists differ after the echo");
  for (int i = 0; i < v.xs.n; i++) demand(same_bits(v.xs.v[i], w.xs.v[i]), "real lists differ after the echo");
}

static void echo_again(const deck *a) {
  err e = {0};
  deck *b = NULL;
  char *once = fixture_print(a, NULL);
  demand(once != NULL, "no echo");
  if (strlen(once) > 4000000) { /* a grid of many points may outgrow the largest deck */
    free(once);
    return;
  }
  deck_parse(&b, "echo", once, strlen(once), NULL, 0, fixture_schema, &e);
  demand(b != NULL, e.text);
  char *twice = fixture_print(b, NULL);
  demand(twice && !strcmp(once, twice), "the echo of the echo differs");
  demand(deck_kind_of(a, "net") == deck_kind_of(b, "net"), "kinds differ after the echo");
  demand(deck_has(a, "extra") == deck_has(b, "extra"), "sections differ after the echo");
  compare_numbers(a, b);
  free(once);
  free(twice);
  deck_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { MOST = 8 };
  char *text = malloc(size + 1), word[64];
  const char *overrides[MOST];
  int n = 0;
  deck *d = NULL;
  err e = {0}, f = {0};
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = 0;
  size_t length = strlen(text);
  for (size_t i = length + 1; i < size && n < MOST; i += strlen(text + i) + 1) overrides[n++] = text + i;
  int code = deck_parse(&d, "fuzz", text, length, overrides, n, fixture_schema, &e);
  demand((code == 0) == (d != NULL) && (code == 0) == (e.text[0] == 0), "code, deck and message disagree");
  int app = deck_app(word, "fuzz", text, length, &f);
  demand(code || !app, "deck_app refuses what deck_parse accepts");
  deck_app(word, "fuzz", (const char *)data, size, &(err){0}); /* NUL bytes and all, no 0 at the end */
  if (d) echo_again(d);
  deck_free(d);
  if (deck_parse_point(&d, "fuzz", text, length, overrides, n, &(deck_point){0}, fixture_schema, &(err){0}) == 0)
    echo_again(d); /* the first point of its sweep */
  deck_free(d);
  free(text);
  return 0;
}

#ifdef SPINET_FUZZ_STANDALONE
static int run_file(const char *path) {
  FILE *f = fopen(path, "rb");
  uint8_t *data = malloc(1 << 23);
  if (!f || !data) {
    fprintf(stderr, "fuzz_deck: cannot read %s\n", path);
    if (f) fclose(f);
    free(data);
    return 1;
  }
  size_t n = fread(data, 1, 1 << 23, f);
  fclose(f);
  LLVMFuzzerTestOneInput(data, n);
  free(data);
  return 0;
}

int main(int argc, char **argv) {
  int bad = argc < 2;
  for (int i = 1; i < argc; i++) bad |= run_file(argv[i]);
  printf("%d inputs\n", argc - 1);
  return bad;
}
#endif

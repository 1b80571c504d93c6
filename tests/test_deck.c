/* test_deck.c: the deck reader: types, defaults, kinds, overrides, echo round trip in exact bits, template,
 * suggestions, and one exact text for every class of message. A second part of the messages stands in
 * test_deck_faults.c. */
#include <limits.h>
#include <locale.h>
#include <stddef.h>

#include "tests/check.h"
#include "tests/deck_fixture.h"

static deck *fixture_parse(const char *text, const char *const *overrides, int n) {
  err e;
  deck *d = fixture_try(text, overrides, n, &e);
  CHECK_REPORT(d != NULL, "refused: %.500s", e.text);
  if (!d) exit(check_done());
  return d;
}

/* `numbers` with one key set to a text. */
static bool fixture_one(const char *section, const char *key, const char *value, fixture_numbers *v) {
  char text[200];
  snprintf(text, sizeof text, "app: toy\nmodel: {L: 8}\n%s:\n  %s: %s\n", section, key, value);
  deck *d = fixture_parse(text, NULL, 0);
  deck_get(d, section, fixture_numbers_keys, v);
  deck_free(d);
  return true;
}

static void numbers(void) {
  const struct {
    const char *text;
    double want;
  } real[] = {{"1e-3", 1e-3},
              {"-0", -0.0},
              {".5", .5},
              {"5.", 5},
              {"+2E+3", 2000},
              {"1_000.5", 1000.5},
              {"010", 10},
              {"0.1", 0.1},
              {"4.9e-324", 4.9e-324},
              {"1.7976931348623157e308", 1.7976931348623157e308},
              {"beta_c", 0.44068679350977151},
              {"0e999", 0}};
  for (int i = 0; i < (int)(sizeof real / sizeof *real); i++) {
    fixture_numbers v = {0};
    CHECK(fixture_one("numbers", "x", real[i].text, &v));
    CHECK_BITS(&v.x, &real[i].want, sizeof(double));
  }
  const struct {
    const char *text;
    long want;
  } ints[] = {{"1_000_000", 1000000},
              {"1e6", 1000000},
              {"1.5e3", 1500},
              {"007", 7},
              {"-12", -12},
              {"2.50e1", 25},
              {"9223372036854775807", LONG_MAX},
              {"-9223372036854775808", LONG_MIN},
              {"0e5", 0},
              {"1200e-2", 12},
              {"9007199254740993", 9007199254740993}};
  for (int i = 0; i < (int)(sizeof ints / sizeof *ints); i++) {
    fixture_numbers v = {0};
    CHECK(fixture_one("numbers", "n", ints[i].text, &v));
    CHECK_INT(v.n, ints[i].want);
  }
}

static void lists_and_words(void) {
  fixture_numbers v;
  deck *d = fixture_parse(
      "app: toy\nmodel: {L: 2}\nnumbers: {ns: [1, 2e1, -3], xs: {from: 0.3, to: beta_c, steps: 3}, flag: true, word: "
      "'hot', text: 12:30}\n",
      NULL, 0);
  deck_get(d, "numbers", fixture_numbers_keys, &v);
  CHECK_INT(v.ns.n, 3);
  CHECK_INT(v.ns.v[1], 20);
  CHECK_INT(v.ns.v[2], -3);
  CHECK_INT(v.xs.n, 3);
  CHECK(v.xs.v[0] == 0.3 && v.xs.v[2] == 0.44068679350977151);
  CHECK_NEAR(v.xs.v[1], (0.3 + 0.44068679350977151) / 2, 1e-16);
  CHECK(v.flag);
  CHECK_INT(v.word, 1);
  CHECK_TEXT(v.text, "12:30");
  deck_free(d);
  d = fixture_parse("app: toy\nmodel: {L: 2}\nnumbers:\n  ns: 7\n  xs: .5\n  text: no\n  word: cold\n", NULL, 0);
  deck_get(d, "numbers", fixture_numbers_keys, &v);
  CHECK(v.ns.n == 1 && v.ns.v[0] == 7 && v.xs.n == 1 && v.xs.v[0] == .5);
  CHECK_TEXT(v.text, "no");
  deck_free(d);
}

static void defaults_and_kinds(void) {
  fixture_numbers v;
  fixture_net net;
  fixture_made made = {-1};
  fixture_extra extra = {0};
  deck *d = fixture_parse("app: toy\nmodel:\n  L: 8\n", NULL, 0);
  deck_get(d, "numbers", fixture_numbers_keys, &v);
  CHECK(v.x == 0.25 && v.n == 3 && !v.flag && v.word == 0 && v.text == NULL && v.ns.n == 0);
  CHECK(isnan(v.maybe) && v.few == LONG_MIN);
  CHECK(v.xs.n == 2 && v.xs.v[1] == 2);
  CHECK_TEXT(deck_kind_of(d, "net")->name, "made");
  CHECK(deck_kind_of(d, "net") == &fixture_made_member.kind && deck_kind_of(d, "model") == NULL);
  deck_get(d, "net", fixture_net_keys, &net);
  deck_get(d, "net", deck_kind_of(d, "net")->keys, &made);
  CHECK_INT(net.depth, 2);
  CHECK_INT(made.width, 16);
  CHECK(deck_has(d, "net") && deck_has(d, "model") && !deck_has(d, "extra") && !deck_has(d, "nonsense"));
  deck_get(d, "extra", fixture_extra_keys, &extra);
  CHECK(extra.gain == 1.5 && extra.must == 0);
  deck_free(d);
  d = fixture_parse("app: toy\nmodel: {L: 8}\nextra:\n  must: 2\nnet: {kind: pixelcnn, kernel: 7}\n", NULL, 0);
  CHECK(deck_has(d, "extra"));
  CHECK_TEXT(deck_kind_of(d, "net")->name, "pixelcnn");
  deck_free(d);
}

static void places(void) {
  const char *const over[] = {"net.depth=5"};
  deck *d = fixture_parse("app: toy\nmodel:\n  L: 8\nnet:\n  kind:\n    pixelcnn\n", over, 1);
  CHECK_TEXT(deck_where(d, "model", "L"), "toy.yaml:3");
  CHECK_TEXT(deck_where(d, "net", "kind"), "toy.yaml:5");
  CHECK_TEXT(deck_where(d, "net", "kernel"), "toy.yaml:4");
  CHECK_TEXT(deck_where(d, "net", "depth"), "-s net.depth=5");
  CHECK_TEXT(deck_where(d, "numbers", "x"), "toy.yaml");
  CHECK_TEXT(deck_where(d, "nonsense", "x"), "toy.yaml");
  deck_free(d);
}

static void overrides(void) {
  const char *const over[] = {"model.L=16",
                              "net.kind=pixelcnn",
                              "net.kernel=5",
                              "extra.must=3",
                              "numbers.ns=[4, 5]",
                              "numbers.text=half: full #3",
                              "numbers.xs={from: 0, to: 1, steps: 5}",
                              "numbers.maybe = ~"};
  deck *d = fixture_parse("app: toy\nmodel:\n  L: 8\nnet:\n  kind: made\nnumbers:\n", over, 7);
  fixture_model m;
  fixture_pixelcnn p;
  fixture_numbers v;
  deck_get(d, "model", fixture_model_keys, &m);
  deck_get(d, "net", deck_kind_of(d, "net")->keys, &p);
  deck_get(d, "numbers", fixture_numbers_keys, &v);
  CHECK_INT(m.L, 16);
  CHECK_INT(p.kernel, 5);
  CHECK(deck_has(d, "extra"));
  CHECK(v.ns.n == 2 && v.ns.v[1] == 5 && v.xs.n == 5 && v.xs.v[1] == .25);
  CHECK_TEXT(v.text, "half: full #3");
  deck_free(d);
}

static void echo(void) {
  const char *text =
      "app: toy\nmodel: {L: 1e1, beta: beta_c}\nnet: {kind: pixelcnn}\nextra: {must: 1}\nnumbers:\n  x: 0.1\n"
      "  n: -9223372036854775808\n  few: 1\n  text: \"a\\\\\\\"b\\n\\u00e9 \\u2028 \\x07 #: ~\"\n  word: hot\n"
      "  xs: {from: 1e-300, to: 3.3, steps: 21}\n  ns: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
  deck *a = fixture_parse(text, NULL, 0), *b;
  fixture_numbers v, w;
  setlocale(LC_ALL, "de_DE.UTF-8"); /* where installed, its decimal comma must not matter */
  char *once = fixture_print(a, NULL), *twice;
  b = fixture_parse(once, NULL, 0);
  setlocale(LC_ALL, "C");
  twice = fixture_print(b, NULL);
  CHECK_TEXT(twice, once);
  deck_get(a, "numbers", fixture_numbers_keys, &v);
  deck_get(b, "numbers", fixture_numbers_keys, &w);
  CHECK_BITS(&v.x, &w.x, sizeof v.x);
  CHECK_INT(v.xs.n, w.xs.n);
  CHECK_BITS(v.xs.v, w.xs.v, 21 * sizeof(double));
  CHECK_TEXT(v.text, w.text);
  CHECK_TEXT(v.text, "a\\\"b\n\xc3\xa9 \xe2\x80\xa8 \x07 #: ~");
  CHECK(v.n == LONG_MIN && w.n == LONG_MIN && isnan(w.maybe));
  CHECK(strstr(once, "  beta: 0.44068679350977152\n") && strstr(once, "  kind: pixelcnn\n"));
  CHECK(strstr(once, "  x: 0.10000000000000001\n") && strstr(once, "  maybe: ~\n"));
  free(once);
  free(twice);
  deck_free(a);
  deck_free(b);
}

static void templates(void) {
  char *t = fixture_print(NULL, fixture_schema);
  const char *lines[] = {
      "app: toy\n",
      "  # L: <required, an integer>  # [sites] side of the torus (between 2 and 64)\n",
      "  beta: beta_c                 # inverse temperature (between 0 and 10; may change on restart)\n",
      "  word: cold                   # (one of cold, hot, mixed)\n",
      "  kind: made                   # made, pixelcnn: dense masks\n",
      "  # kind: pixelcnn             # masked convolutions\n",
      "  # kernel: 3                  # side of the kernel (at least 1)\n",
      "\n## extra: more\n# extra:\n",
      "#   # must: <required, a number>",
      "#   gain: 1.5",
  };
  for (int i = 0; i < (int)(sizeof lines / sizeof *lines); i++) {
    CHECK_REPORT(strstr(t, lines[i]) != NULL, "the template lacks: %s\nit is\n%.450s", lines[i], t);
  }
  const char *const over[] = {"model.L=4"};
  deck *d = fixture_parse(t, over, 1);
  deck *e = fixture_parse("app: toy\nmodel: {L: 4}", NULL, 0);
  char *a = fixture_print(d, NULL), *b = fixture_print(e, NULL);
  CHECK_TEXT(a, b);
  free(a);
  free(b);
  free(t);
  deck_free(d);
  deck_free(e);
}

static void suggestions(void) {
  const char *const names[] = {"run", "check", "template", "show", "L"};
  CHECK_TEXT(deck_suggest("rnu", names, 5), "run");
  CHECK_TEXT(deck_suggest("chek", names, 5), "check");
  CHECK_TEXT(deck_suggest("tmplat", names, 5), "template");
  CHECK_TEXT(deck_suggest("l", names, 5), "L");
  CHECK_TEXT(deck_suggest("RUN", names, 5), "run");
  CHECK_TEXT(deck_suggest("show", names, 5), "show");
  CHECK(!deck_suggest("tmplt__", names, 5));
  CHECK(!deck_suggest("x", names, 5));
  CHECK(!deck_suggest("", names, 5));
  CHECK(!deck_suggest("run", names, 0));
  char longer[200];
  memset(longer, 'a', 199);
  longer[199] = 0;
  CHECK(!deck_suggest(longer, names, 5));
}

static void app(void) {
  char word[64];
  err e = {0};
  const char *text = "model: {L: 3x}\napp: toy-2\n";
  CHECK_INT(deck_app(word, "a.yaml", text, strlen(text), &e), 0);
  CHECK_TEXT(word, "toy-2");
  text = "\xef\xbb\xbf# byte order mark\r\n%YAML 1.1\n---\napp: toy\n...\n";
  CHECK_INT(deck_app(word, "a.yaml", text + 21, strlen(text + 21), &e), 0);
  CHECK_TEXT(word, "toy");
  text =
      "\xef\xbb\xbf"
      "app: marked\r\n";
  CHECK_INT(deck_app(word, "a.yaml", text, strlen(text), &e), 0);
  CHECK_TEXT(word, "marked");
  text = "app: [toy]\n";
  CHECK_INT(deck_app(word, "a.yaml", text, strlen(text), &e), ERR_DECK);
  CHECK(!strcmp(e.text, "a.yaml:1: app = [toy]: needs the name of an app: letters, digits, _ and -, at most 63"));
  CHECK_TEXT(word, "");
}

int main(void) {
  numbers();
  lists_and_words();
  defaults_and_kinds();
  places();
  overrides();
  echo();
  templates();
  suggestions();
  app();
  return check_done();
}

/* test_deck_faults.c: one wrong deck for every class of message of the deck reader, with the exact text it must give,
 * and the bounds that keep hostile decks harmless. The schema is that of deck_fixture.h. */
#include "tests/check.h"
#include "tests/deck_fixture.h"

#define TOY "app: toy\nmodel: {L: 8}\n" /* a right deck of two lines */

typedef struct wrong {
  const char *deck, *override, *text;
} wrong;

static const wrong names[] = {
    {"app: toy\nmodle: {L: 8}\nmodel: {L: 8}\n", 0, "toy.yaml:2: modle: unknown section (did you mean model?)"},
    {TOY "depth: 3\n", 0, "toy.yaml:3: depth = 3: unknown section (did you mean net.depth?)"},
    {TOY "title: x\n", 0, "toy.yaml:3: title = x: unknown section (known: model, numbers, net, extra, walk)"},
    {"app: toy\nmodel: {L: 8,\n  bta: 0.44}\n", 0, "toy.yaml:3: model.bta = 0.44: unknown key (did you mean beta?)"},
    {"app: toy\nmodel: {L: 8, depth: 3}\n", 0, "toy.yaml:2: model.depth = 3: unknown key (did you mean net.depth?)"},
    {TOY "numbers: {ms: 1, must: 2}\n", 0,
     "toy.yaml:3: numbers.ms = 1: unknown key (did you mean ns?)\n"
     "toy.yaml:3: numbers.must = 2: unknown key (did you mean extra.must?)"},
    {TOY "net: {maybe: 1}\nextra: {must: 1, gai: 2, L: 4}\n", 0,
     "toy.yaml:3: net.maybe = 1: unknown key (did you mean numbers.maybe?)\n"
     "toy.yaml:4: extra.gai = 2: unknown key (did you mean gain?)\n"
     "toy.yaml:4: extra.L = 4: unknown key (did you mean model.L?)"},
    {TOY "net: {dept: 1, nothing: 2}\n", 0,
     "toy.yaml:3: net.dept = 1: unknown key (did you mean depth?)\n"
     "toy.yaml:3: net.nothing = 2: unknown key (known: kind, depth, width)"},
    {TOY "numbers: {few: 1, kind: cold}\n", 0,
     "toy.yaml:3: numbers.kind = cold: unknown key (known: x, maybe, n, few, flag, word, text, ns, xs)"},
    {TOY "net:\n  depth: 1\n  depth: 2\n", 0, "toy.yaml:5: net.depth = 2: duplicate key (first in line 4)"},
    {TOY "net: {}\nmodel: {L: 3x}\n", 0, "toy.yaml:4: model: duplicate section (first in line 2)"},
    {TOY "app: toy\n", 0, "toy.yaml:3: app = toy: duplicate key (first in line 1)"},
    {TOY "net:\n  kind: made\n  kernel: 3\n", 0,
     "toy.yaml:5: net.kernel = 3: has no effect with kind made (used by: pixelcnn)"},
    {TOY "net:\n  kernel: 3\n", 0, "toy.yaml:4: net.kernel = 3: has no effect with kind made (used by: pixelcnn)"},
    {TOY "net: {kind: pixelcn, kernel: 3, wdth: 1}\n", 0,
     "toy.yaml:3: net.kind = pixelcn: must be one of made, pixelcnn (did you mean pixelcnn?)\n"
     "toy.yaml:3: net.wdth = 1: unknown key (did you mean width?)"},
    {TOY "net: {kind: [made]}\n", 0, "toy.yaml:3: net.kind = [made]: must be one of made, pixelcnn"},
    {TOY "walk: {width: 3}\n", 0, "toy.yaml:3: walk.kind: required key is missing: one of made, pixelcnn"},
    {"app: toy\n# nothing else\nmodel:\n  beta: 1\n", 0,
     "toy.yaml:3: model.L: required key is missing: side of the torus [sites]"},
    {"app: toy\n", 0, "toy.yaml: model: required section is missing (it needs L)"},
    {"model: {L: 8}\n", 0, "toy.yaml:1: app: required key is missing: the name of an app (spinet apps lists them)"},
    {"app: my toy\nmodel: {L: 8}\n", 0,
     "toy.yaml:1: app = my toy: needs the name of an app: letters, digits, _ and -, at most 63"},
    {TOY "extra:\n", 0, "toy.yaml:3: extra.must: required key is missing: no default"},
    {"app: toy\nmodel: 8\n", 0, "toy.yaml:2: model = 8: needs keys: this is a section"},
    {"app: toy\nmodel: [8, 2]\n", 0, "toy.yaml:2: model = [8, 2]: needs keys: this is a section"},
    {0}};

static const wrong values[] = {
    {TOY "numbers: {x: 0.44x}\n", 0, "toy.yaml:3: numbers.x = 0.44x: needs a number: trailing junk 'x'"},
    {TOY "numbers: {x: 12:30}\n", 0, "toy.yaml:3: numbers.x = 12:30: needs a number: trailing junk ':30'"},
    {TOY "numbers: {x: 1 2}\n", 0, "toy.yaml:3: numbers.x = 1 2: needs a number: trailing junk ' 2'"},
    {TOY "numbers: {x: 1e}\n", 0, "toy.yaml:3: numbers.x = 1e: needs a number: trailing junk 'e'"},
    {TOY "numbers: {x: 1__0}\n", 0, "toy.yaml:3: numbers.x = 1__0: needs a number: trailing junk '__0'"},
    {TOY "numbers: {n: 0x10}\n", 0, "toy.yaml:3: numbers.n = 0x10: needs an integer: trailing junk 'x10'"},
    {TOY "numbers: {x: big}\n", 0, "toy.yaml:3: numbers.x = big: needs a number"},
    {TOY "numbers: {x: beta_C}\n", 0, "toy.yaml:3: numbers.x = beta_C: needs a number (did you mean beta_c?)"},
    {TOY "numbers: {x: \"0.44\"}\n", 0, "toy.yaml:3: numbers.x = \"0.44\": needs a number: in quotes it is text"},
    {TOY "numbers: {flag: 'true'}\n", 0,
     "toy.yaml:3: numbers.flag = \"true\": needs true or false: in quotes it is text"},
    {TOY "numbers:\n  x:\n  n: |\n    3\n", 0,
     "toy.yaml:4: numbers.x: needs a number, has no value\n"
     "toy.yaml:5: numbers.n = \"3\\n\": needs an integer: in quotes it is text"},
    {TOY "numbers: {x: ~}\n", 0, "toy.yaml:3: numbers.x = ~: needs a number: this key cannot be left unset (~)"},
    {TOY "numbers: {x: [1]}\n", 0, "toy.yaml:3: numbers.x = [1]: needs a number, not a list"},
    {TOY "numbers: {text: {a: b}}\n", 0, "toy.yaml:3: numbers.text = {a: b}: needs a text, not a mapping"},
    {TOY "numbers: {x: 1e400}\n", 0, "toy.yaml:3: numbers.x = 1e400: overflows: the largest double is 1.8e308"},
    {TOY "numbers: {x: 1e-400}\n", 0, "toy.yaml:3: numbers.x = 1e-400: underflows: the smallest double is 4.9e-324"},
    {TOY "numbers: {x: nan, maybe: -.inf}\n", 0,
     "toy.yaml:3: numbers.x = nan: needs a number, and a finite one\n"
     "toy.yaml:3: numbers.maybe = -.inf: needs a number, and a finite one"},
    {TOY "numbers: {n: 9223372036854775808}\n", 0,
     "toy.yaml:3: numbers.n = 9223372036854775808: overflows: integers have 64 bits, up to 9223372036854775807"},
    {TOY "numbers: {n: -1e19}\n", 0,
     "toy.yaml:3: numbers.n = -1e19: overflows: integers have 64 bits, up to 9223372036854775807"},
    {TOY "numbers: {n: 2.5}\n", 0, "toy.yaml:3: numbers.n = 2.5: needs an integer, without remainder"},
    {TOY "numbers: {n: 1e-3}\n", 0, "toy.yaml:3: numbers.n = 1e-3: needs an integer, without remainder"},
    {"app: toy\nmodel: {L: 128, beta: 10.5}\n", 0,
     "toy.yaml:2: model.L = 128: must be between 2 and 64 [sites]\n"
     "toy.yaml:2: model.beta = 10.5: must be between 0 and 10"},
    {TOY "numbers: {few: -1}\n", 0, "toy.yaml:3: numbers.few = -1: must be at least 0 [s]"},
    {TOY "numbers: {flag: no}\n", 0, "toy.yaml:3: numbers.flag = no: needs true or false (did you mean false?)"},
    {TOY "numbers: {flag: maybe}\n", 0, "toy.yaml:3: numbers.flag = maybe: needs true or false"},
    {TOY "numbers: {word: mixd}\n", 0,
     "toy.yaml:3: numbers.word = mixd: must be one of cold, hot, mixed (did you mean mixed?)"},
    {TOY "numbers:\n  text: <required, a text>\n", 0,
     "toy.yaml:4: numbers.text = <required, a text>: needs a text in place of the template's mark"},
    {TOY "numbers: {ns: [1, 2.5]}\n", 0,
     "toy.yaml:3: numbers.ns = [1, 2.5]: entry 2, 2.5: needs an integer, without remainder"},
    {TOY "numbers: {ns: [1, 101]}\n", 0,
     "toy.yaml:3: numbers.ns = [1, 101]: entry 2, 101: must be between -100 and 100"},
    {TOY "numbers: {xs: [[1]]}\n", 0, "toy.yaml:3: numbers.xs = [[1]]: entry 1: needs a number, not a list"},
    {TOY "numbers: {xs: []}\n", 0, "toy.yaml:3: numbers.xs = []: needs at least one entry"},
    {TOY "numbers: {xs: a}\n", 0, "toy.yaml:3: numbers.xs = a: needs a number"},
    {TOY "numbers: {ns: {from: 1}}\n", 0,
     "toy.yaml:3: numbers.ns = {from: 1}: needs an integer or a list of integers, not a mapping"},
    {TOY "numbers: {xs: {from: 1, to: 2}}\n", 0,
     "toy.yaml:3: numbers.xs = {from: 1, to: 2}: steps is missing: a grid is {from: a, to: b, steps: n}"},
    {TOY "numbers: {xs: {from: 1, too: 2}}\n", 0,
     "toy.yaml:3: numbers.xs = {from: 1, too: 2}: unknown key too: a grid is {from: a, to: b, steps: n}"},
    {TOY "numbers: {xs: {from: 1, to: 2x, steps: 3}}\n", 0,
     "toy.yaml:3: numbers.xs = {from: 1, to: 2x, steps: 3}: to needs a number: trailing junk 'x'"},
    {TOY "numbers: {xs: {from: 1, to: 2, steps: 1}}\n", 0,
     "toy.yaml:3: numbers.xs = {from: 1, to: 2, steps: 1}: steps (points, both ends included) must be between 2 and "
     "1000000"},
    {TOY "numbers: {xs: {from: 1, from: 2, to: 3, steps: 2}}\n", 0,
     "toy.yaml:3: numbers.xs.from = 2: duplicate key (first in line 3)"},
    {0}};

static const wrong yaml[] = {
    {"", 0, "toy.yaml:1: the deck is empty"},
    {"# only a comment\n", 0, "toy.yaml:1: the deck is empty"},
    {"---\n", 0, "toy.yaml:1: the deck is empty"},
    {"\n- a\n", 0, "toy.yaml:2: a deck is a mapping of sections, this is a list"},
    {"hello\n", 0, "toy.yaml:1: a deck is a mapping of sections, this is a single value"},
    {TOY "net: {depth: 1\n", 0,
     "toy.yaml:4: YAML syntax, column 1: did not find expected ',' or '}' (while parsing a flow mapping, line 3)"},
    {"app: toy\nmodel:\n\tL: 8\n", 0,
     "toy.yaml:3: YAML syntax, column 1: found character that cannot start any token (while scanning for the next "
     "token, "
     "line 3): indent with spaces, not tabs"},
    {"app: toy\nmodel:\n  L: 8\n beta: 1\n", 0,
     "toy.yaml:4: YAML syntax, column 2: did not find expected key (while parsing a block mapping, line 1)"},
    {"app: toy\nmodel: L: 8\n", 0, "toy.yaml:2: YAML syntax, column 9: mapping values are not allowed in this context"},
    {"app: toy\nmodel: {L: \xff}\n", 0, "toy.yaml:2: not UTF-8: byte 0xff at byte 12 of the line"},
    {"app: toy\nmodel: {L: \xed\xa0\x80}\n", 0, "toy.yaml:2: not UTF-8: byte 0xed at byte 12 of the line"},
    {"app: toy\n\x01\n", 0, "toy.yaml:2: control character 0x01 at byte 1 of the line: a deck is plain text"},
    {"app: toy\n# \xc2\x81\n", 0, "toy.yaml:2: YAML syntax: control characters are not allowed (0x81)"},
    {"app: toy\nmodel: &m {L: &l 8}\nextra: {must: *l, gain: !!int 3}\n", 0,
     "toy.yaml:2: model: anchors (&name) are not part of a deck\n"
     "toy.yaml:2: model.L: anchors (&name) are not part of a deck\n"
     "toy.yaml:3: extra.must: aliases (*name) are not part of a deck: write the value out\n"
     "toy.yaml:3: extra.gain: tags (!name) are not part of a deck: the type is known from the key"},
    {TOY "? [a]\n: 3\n", 0, "toy.yaml:3: a key must be a single word"},
    {TOY "numbers: {text: \"a\\0b\"}\n", 0, "toy.yaml:3: numbers.text: the text contains a NUL character"},
    {TOY "---\n" TOY, 0, "toy.yaml:3: a deck is one YAML document, here begins another"},
    {TOY "numbers: {ns: [[[[[[[1]]]]]]]}\n", 0,
     "toy.yaml:3: nested deeper than 8 levels (a deck has sections, keys and lists)"},
    {TOY "numbers: {text: [\"a\\tb\x63\\u00e9\\x85\"]}\n", 0,
     "toy.yaml:3: numbers.text = [\"a\\x09bc\xc3\xa9\\xc2\\x85\"]: needs a text, not a list"},
    {0}};

static const wrong overridden[] = {
    {TOY, "model.beta=0.4x", "-s model.beta=0.4x: needs a number: trailing junk 'x'"},
    {TOY, "model.bta=0.4", "-s model.bta=0.4: unknown key (did you mean beta?)"},
    {TOY, "modle.L=4", "-s modle.L=4: unknown section (did you mean model?)"},
    {TOY, "model.L=", "-s model.L=: needs an integer, has no value"},
    {TOY, "numbers.x=\"1\"", "-s numbers.x=\"1\": needs a number: in quotes it is text"},
    {TOY, "model.L=[4]", "-s model.L=[4]: needs an integer, not a list"},
    {TOY, "numbers.ns=[4", "-s numbers.ns=[4: YAML syntax: did not find expected ',' or ']'"},
    {TOY, "numbers.xs={from: 1, from: 2}",
     "-s numbers.xs={from: 1, from: 2}: duplicate key\n"
     "-s numbers.xs={from: 1, from: 2}: to is missing: a grid is {from: a, to: b, steps: n}"},
    {TOY, "net.kernel=3", "-s net.kernel=3: has no effect with kind made (used by: pixelcnn)"},
    {TOY "net: {kernel: 3, kind: pixelcnn}\n", "net.kind=made",
     "toy.yaml:3: net.kernel = 3: has no effect with kind made (used by: pixelcnn)"},
    {TOY, "extra.gain=3", "toy.yaml: extra.must: required key is missing: no default"},
    {TOY, "model", "-s model: an override is section.key=value"},
    {TOY, "model.L", "-s model.L: an override is section.key=value"},
    {TOY, "L=3", "-s L=3: an override is section.key=value"},
    {TOY, ".L=3", "-s .L=3: an override is section.key=value"},
    {TOY, "model.=3", "-s model.=3: an override is section.key=value"},
    {TOY, "x=1.5", "-s x=1.5: an override is section.key=value"},
    {TOY, "a.b.c=3", "-s a.b.c=3: an override is section.key=value, one key deep"},
    {TOY, "app.x=3", "-s app.x=3: app is no section: the app of a deck cannot be overridden"},
    {TOY, "model.L=\xff", "-s model.L=\\xff: not UTF-8: byte 0xff at byte 1 of the line"},
    {"app: toy\nmodel: 3\n", "model.L=8", "toy.yaml:2: model = 3: needs keys: this is a section"},
    {0}};

static void expect(const wrong *w) {
  for (; w->deck; w++) {
    err e;
    deck *d = fixture_try(w->deck, &w->override, w->override != NULL, &e);
    CHECK(d == NULL);
    CHECK_INT(e.code, ERR_DECK);
    bool same = !strcmp(e.text, w->text);
    CHECK_REPORT(same, "the deck\n%.90s gives\n%.200s\nexpected\n%.200s", w->deck, e.text, w->text);
    deck_free(d);
  }
}

static void all_at_once(void) {
  char text[4000] = "app: toy\nmodel: {L: 8}\nnumbers:\n";
  err e;
  for (int i = 0; i < 100; i++) sprintf(text + strlen(text), "  key%d: 1\n", i);
  const char *const over[] = {"model.L=3x"};
  deck *d = fixture_try(text, over, 1, &e);
  CHECK(!d);
  int lines = 0;
  for (const char *s = e.text; (s = strchr(s, '\n')); s++) lines++;
  CHECK_INT(lines, 20);
  CHECK(!strncmp(e.text, "toy.yaml:4: numbers.key0 = 1: unknown key", 41));
  CHECK(!strcmp(strrchr(e.text, '\n'), "\nand 81 more"));
}

static void twice_overridden(void) {
  const char *const over[] = {"model.L=4", "model.L=5"};
  err e;
  CHECK(!fixture_try(TOY, over, 2, &e));
  CHECK(!strcmp(e.text, "-s model.L=5: overridden twice (first by -s model.L=4)"));
}

static void wrong_schema(void) {
  static const deck_key keys[] = {{"n", DECK_INT, 0, "3.5", 0, 0, NULL, NULL, NULL, false}, {0}};
  static const deck_section schema[] = {
      {"a", NULL, keys, NULL, NULL, false}, {"b", NULL, fixture_made_keys, fixture_nets, "mad", false}, {0}};
  err e = {0};
  deck *d;
  CHECK_INT(deck_parse(&d, "x", "app: toy", 8, NULL, 0, schema, &e), ERR_DECK);
  const char *want =
      "schema: a.n = 3.5: needs an integer, without remainder\nschema: b: default kind mad is not in the family";
  CHECK(!d && !strcmp(e.text, want));
}

/* n times `unit` after the head of a deck. */
static void hostile(const char *head, const char *unit, size_t n, const char *want) {
  size_t a = strlen(head), u = strlen(unit);
  char *text = malloc(a + n * u + 1);
  err e;
  if (!text) return;
  memcpy(text, head, a);
  for (size_t i = 0; i < n; i++) memcpy(text + a + i * u, unit, u);
  text[a + n * u] = 0;
  deck *d = fixture_try(text, NULL, 0, &e);
  CHECK(!d);
  CHECK_REPORT(!strncmp(e.text, want, strlen(want)), "%.40s... gives %.300s, expected %s", head, e.text, want);
  free(text);
}

static void bounds(void) {
  hostile(TOY, "#", (4 << 20) + 1, "toy.yaml: 4194328 bytes: a deck holds at most 4194304");
  hostile(TOY "numbers: {ns: [", "1,", 600000, "toy.yaml:3: more than 500000 values");
  hostile("x: ", "[", 1 << 20, "toy.yaml:1: nested deeper than 8 levels");
  hostile("x: ", "{a: ", 1000000, "toy.yaml:1: nested deeper than 8 levels");
  hostile("", "- ", 1 << 20, "toy.yaml:1: nested deeper than 8 levels");
  hostile("", "? ", 1 << 20, "toy.yaml:1: a key must be a single word");
  hostile("", "a: 1\n", 700000, "toy.yaml:257: more than 256 keys in one mapping");
  hostile("", "%TAG !e! tag:x\n", 250000, "toy.yaml: too many %TAG lines: tags are not part of a deck");
  hostile(TOY "numbers: {n: ", "0", 1 << 20, "toy.yaml:4: YAML syntax");
  hostile(TOY "numbers:\n  n: 1", "0", 1 << 20, "toy.yaml:4: numbers.n = 1000000000");
  hostile(TOY "numbers:\n  word: ", "a", 1 << 20, "toy.yaml:4: numbers.word = aaaaaa");
}

int main(void) {
  expect(names);
  expect(values);
  expect(yaml);
  expect(overridden);
  all_at_once();
  twice_overridden();
  wrong_schema();
  bounds();
  return check_done();
}

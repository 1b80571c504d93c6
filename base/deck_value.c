/* deck_value.c: one node and one row of a schema -> one typed value, or a fault that says what was wanted.
 * Offers deck_convert, deck_unset, deck_is_unset, deck_range, deck_word, deck_word_count.
 *   number   [+-] digits [. digits] [e [+-] digits], with _ between digits; the whole scalar or it is an error
 *   integer  a number without remainder, exact in 64 bits (1_000_000, 1e6); read in decimal whatever YAML thinks of 010
 *   real     a finite number, correctly rounded by strtod in the C locale (deck.c sets it); or beta_c
 * beta_c = ln(1 + sqrt 2) / 2, the critical coupling of the square lattice: L. Onsager, Phys. Rev. 65 (1944) 117. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/deck_priv.h"

enum { WHY = 300, NUMBER = 320 };
static const double beta_c = 0.44068679350977151262;

typedef struct word_list {
  int n;
  const char *name[64];
  char text[1024];
} word_list;

static void fill_words(word_list *w, const char *words) {
  snprintf(w->text, sizeof w->text, "%s", words ? words : "");
  w->n = 0;
  for (char *s = w->text; s && *s && w->n < 64;) {
    w->name[w->n++] = s;
    s = strchr(s, '|');
    if (s) *s++ = 0;
  }
}

int deck_word_count(const char *words) {
  word_list w;
  fill_words(&w, words);
  return w.n;
}

char *deck_word(char *s, size_t n, const char *words, int i) {
  word_list w;
  fill_words(&w, words);
  snprintf(s, n, "%s", i >= 0 && i < w.n ? w.name[i] : "~");
  return s;
}

/* Numbers */

static bool digit(char c) {
  return c >= '0' && c <= '9';
}

static const char *take_digits(const char *t, char **out) {
  for (const char *first = t;; t++) {
    bool gap = *t == '_' && t > first && digit(t[-1]) && digit(t[1]);
    if (!gap && !digit(*t)) return t;
    if (!gap) *(*out)++ = *t;
  }
}

/* Longest number at t, without its underscores, to s[NUMBER]; returns what follows, NULL if there is no number. */
static const char *take_number(const char *t, char *s) {
  if (strlen(t) >= NUMBER - 2) return NULL;
  if (*t == '+' || *t == '-') *s++ = *t++;
  const char *first = t, *frac;
  t = take_digits(t, &s);
  bool any = t > first;
  if (*t == '.' && (any || digit(t[1]))) {
    *s++ = *t++;
    frac = t;
    t = take_digits(t, &s);
    any |= t > frac;
  }
  if (!any) return NULL;
  const char *e = t + 1;
  if (*t == 'e' || *t == 'E') {
    if (*e == '+' || *e == '-') e++;
    if (digit(*e)) {
      while (t < e) *s++ = *t++;
      while (digit(*t)) *s++ = *t++;
    }
  }
  *s = 0;
  return t;
}

static bool says_nonfinite(const char *t) {
  static const char *const words[] = {"nan", "inf", "infinity"};
  if (*t == '+' || *t == '-') t++;
  if (*t == '.') t++;
  for (int i = 0; i < 3; i++) {
    if (!strcasecmp(t, words[i])) return true;
  }
  return false;
}

static bool because(char *why, const char *reason) {
  snprintf(why, WHY, "%s", reason);
  return false;
}

static bool number_text(const char *t, const char *wanted, char *s, char *why) {
  const char *rest = take_number(t, s);
  char shown[48];
  if (rest && !*rest) return true;
  if (rest) {
    snprintf(why, WHY, "needs %s: trailing junk '%s'", wanted, deck_show(shown, 48, rest, strlen(rest)));
  } else if (says_nonfinite(t)) {
    snprintf(why, WHY, "needs %s, and a finite one", wanted);
  } else if (strlen(t) >= NUMBER - 2) {
    snprintf(why, WHY, "needs %s of less than %d characters", wanted, NUMBER - 2);
  } else {
    snprintf(why, WHY, "needs %s", wanted);
  }
  return false;
}

static bool real_of(const char *t, double *x, char *why) {
  char s[NUMBER];
  static const char *const names[] = {"beta_c"};
  if (!strcmp(t, names[0])) {
    *x = beta_c;
    return true;
  }
  if (!number_text(t, "a number", s, why)) {
    if (deck_suggest(t, names, 1)) return because(why, "needs a number (did you mean beta_c?)");
    return false;
  }
  *x = strtod(s, NULL);
  if (isinf(*x)) return because(why, "overflows: the largest double is 1.8e308");
  if (*x == 0 && strcspn(s, "123456789") < strcspn(s, "eE")) {
    return because(why, "underflows: the smallest double is 4.9e-324");
  }
  return true;
}

/* s is a number as take_number leaves it. Digits and exponent are brought to an integer exactly. */
static bool integral(const char *s, long *v, char *why) {
  char digits[NUMBER];
  int n = 0;
  bool minus = *s == '-', dot = false;
  long exponent = 0;
  if (*s == '-' || *s == '+') s++;
  for (; *s == '.' || digit(*s); s++) {
    if (*s == '.') dot = true;
    if (*s != '.' && dot) exponent--;
    if (*s != '.' && (n || *s != '0')) digits[n++] = *s;
  }
  if (*s) {
    long e = strtol(s + 1, NULL, 10);
    exponent += e > 10000 ? 10000 : e < -10000 ? -10000 : e;
  }
  for (; n && digits[n - 1] == '0'; n--) exponent++;
  *v = 0;
  if (!n) return true;
  if (exponent < 0) return because(why, "needs an integer, without remainder");
  for (long i = 0; i < n + exponent; i++) { /* downwards: the negative range is the larger one */
    int d = i < n ? digits[i] - '0' : 0;
    if (__builtin_mul_overflow(*v, 10L, v) || __builtin_sub_overflow(*v, (long)d, v)) {
      return because(why, "overflows: integers have 64 bits, up to 9223372036854775807");
    }
  }
  if (!minus && *v == LONG_MIN) return because(why, "overflows: integers have 64 bits, up to 9223372036854775807");
  if (!minus) *v = -*v;
  return true;
}

static bool int_of(const char *t, long *v, char *why) {
  char s[NUMBER];
  return number_text(t, "an integer", s, why) && integral(s, v, why);
}

/* Ranges */

static const char *shortest(char *s, size_t n, double x) {
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(s, n, "%.*g", digits, x);
    if (strtod(s, NULL) == x) break;
  }
  return s;
}

char *deck_range(char *s, size_t n, const deck_key *k) {
  char a[40], b[40];
  bool real = k->type == DECK_REAL || k->type == DECK_REALS, least, most;
  double far = real ? 1e300 : 9e18;
  const char *unit = k->unit ? k->unit : "";
  *s = 0;
  if (k->min == k->max) return s;
  least = k->min > -far;
  most = k->max < far;
  shortest(a, sizeof a, k->min);
  shortest(b, sizeof b, k->max);
  if (least && most) {
    snprintf(s, n, "between %s and %s", a, b);
  } else if (least || most) {
    snprintf(s, n, "at %s %s", least ? "least" : "most", least ? a : b);
  }
  size_t m = strlen(s);
  if (m && *unit) snprintf(s + m, n - m, " [%s]", unit);
  return s;
}

static bool in_range(const deck_key *k, long double x, char *why) {
  char range[160];
  if (k->min == k->max || (x >= k->min && x <= k->max)) return true;
  snprintf(why, WHY, "must be %s", deck_range(range, sizeof range, k));
  return false;
}

/* Scalars */

const char *deck_wanted(deck_type t) {
  switch (t) {
    case DECK_BOOL:
      return "true or false";
    case DECK_INT:
      return "an integer";
    case DECK_REAL:
      return "a number";
    case DECK_WORD:
      return "a word";
    case DECK_TEXT:
      return "a text";
    case DECK_INTS:
      return "an integer or a list of integers";
    default:
      return "a number, a list of numbers or a grid {from, to, steps}";
  }
}

static bool bool_of(const char *t, bool *v, char *why) {
  static const char *const yes[] = {"true", "yes", "on", "y", "1"}, *const no[] = {"false", "no", "off", "n", "0"};
  for (int i = 0; i < 5; i++) {
    bool like = !strcasecmp(t, yes[i]), unlike = !strcasecmp(t, no[i]);
    if (!like && !unlike) continue;
    *v = like;
    if (!strcmp(t, *v ? "true" : "false")) return true;
    snprintf(why, WHY, "needs true or false (did you mean %s?)", like ? "true" : "false");
    return false;
  }
  return because(why, "needs true or false");
}

static bool word_of(const deck_key *k, const char *t, int *v, char *why) {
  word_list w;
  fill_words(&w, k->words);
  for (*v = 0; *v < w.n; ++*v) {
    if (!strcmp(t, w.name[*v])) return true;
  }
  const char *near = deck_suggest(t, w.name, w.n);
  int m = snprintf(why, WHY, "must be one of ");
  for (int i = 0; i < w.n && m < WHY - 100; i++) m += snprintf(why + m, WHY - m, "%s%.60s", i ? ", " : "", w.name[i]);
  if (near) snprintf(why + m, WHY - m, " (did you mean %.60s?)", near);
  return false;
}

static bool number_node(const deck_node *n, const char *need, char *why) {
  if (n->shape != DECK_SCALAR) {
    snprintf(why, WHY, "needs %s, not a %s", need, n->shape == DECK_LIST ? "list" : "mapping");
  } else if (n->quoted) {
    snprintf(why, WHY, "needs %s: in quotes it is text", need);
  } else if (!n->bytes) {
    snprintf(why, WHY, "needs %s, has no value", need);
  } else {
    return true;
  }
  return false;
}

static bool scalar(const deck_key *k, const deck_node *n, deck_value *v, char *why) {
  bool text = k->type == DECK_TEXT || k->type == DECK_WORD; /* may stand in quotes */
  if (!(text && n->shape == DECK_SCALAR && n->quoted) && !number_node(n, deck_wanted(k->type), why)) return false;
  switch (k->type) {
    case DECK_BOOL:
      return bool_of(n->text, &v->u.b, why);
    case DECK_INT:
      return int_of(n->text, &v->u.i, why) && in_range(k, v->u.i, why);
    case DECK_REAL:
      return real_of(n->text, &v->u.r, why) && in_range(k, v->u.r, why);
    case DECK_WORD:
      return word_of(k, n->text, &v->u.word, why);
    default:
      v->u.text = n->text;
      return true;
  }
}

/* Lists */

static bool list(deck *d, const deck_key *k, const deck_node *n, deck_value *v, char *why) {
  bool ints = k->type == DECK_INTS, one = n->shape == DECK_SCALAR;
  int m = one ? 1 : n->n, i = 0;
  const deck_node *c = one ? n : n->first;
  void *p = deck_alloc(d, m * (ints ? sizeof(long) : sizeof(double)));
  char inner[WHY];
  if (!p) return because(why, "not enough memory");
  if (!m && !(k->def && (!strcmp(k->def, "~") || !strcmp(k->def, "[]")))) {
    return because(why, "needs at least one entry");
  }
  for (; i < m; i++, c = c->next) {
    long *at = (long *)p + (ints ? i : 0);
    double *x = (double *)p + (ints ? 0 : i);
    const char *need = one ? deck_wanted(k->type) : ints ? "an integer" : "a number";
    bool ok = !c->bad && number_node(c, need, inner) &&
              (ints ? int_of(c->text, at, inner) : real_of(c->text, x, inner)) &&
              in_range(k, ints ? (long double)*at : (long double)*x, inner);
    if (ok) continue;
    if (c->bad) return false; /* reported when it was read */
    if (one) return because(why, inner);
    char shown[40] = "";
    if (c->shape == DECK_SCALAR) deck_show(shown, sizeof shown, c->text, c->bytes);
    snprintf(why, WHY, "entry %d%s%s: %.180s", i + 1, *shown ? ", " : "", shown, inner);
    return false;
  }
  if (ints) {
    v->u.ints = (deck_ints){m, p};
  } else {
    v->u.reals = (deck_reals){m, p};
  }
  return true;
}

/* {from: a, to: b, steps: n}: n points from a to b, both included, i-th = (1 - t) a + t b with t = i / (n - 1). */
static bool grid(deck *d, const deck_key *k, const deck_node *n, deck_value *v, char *why) {
  static const char *const names[] = {"from", "to", "steps"};
  double end[2] = {0};
  long steps = 0;
  char inner[WHY];
  for (const deck_node *c = n->first; c; c = c->next) {
    bool known = !strcmp(c->key, names[0]) || !strcmp(c->key, names[1]) || !strcmp(c->key, names[2]);
    char shown[40];
    if (c->bad) return false;
    if (known) continue;
    snprintf(why, WHY, "unknown key %s: a grid is {from: a, to: b, steps: n}",
             deck_show(shown, 40, c->key, strlen(c->key)));
    return false;
  }
  for (int i = 0; i < 3; i++) {
    const deck_node *c = deck_find(n, names[i]);
    bool ok =
        c && number_node(c, i == 2 ? "an integer" : "a number", inner) &&
        (i == 2 ? int_of(c->text, &steps, inner) : real_of(c->text, &end[i], inner) && in_range(k, end[i], inner));
    if (ok) continue;
    snprintf(why, WHY, "%s %.200s", names[i], c ? inner : "is missing: a grid is {from: a, to: b, steps: n}");
    return false;
  }
  if (steps < 2 || steps > DECK_MAX_STEPS) {
    snprintf(why, WHY, "steps (points, both ends included) must be between 2 and %d", DECK_MAX_STEPS);
    return false;
  }
  double *x = deck_alloc(d, steps * sizeof *x);
  for (long i = 0; x && i < steps; i++) {
    double t = (double)i / (double)(steps - 1);
    x[i] = (1 - t) * end[0] + t * end[1];
  }
  v->u.reals = (deck_reals){x ? (int)steps : 0, x};
  return x || because(why, "not enough memory");
}

/* Unset */

void deck_unset(const deck_key *k, deck_value *v) {
  memset(&v->u, 0, sizeof v->u);
  if (k->type == DECK_INT) v->u.i = LONG_MIN;
  if (k->type == DECK_REAL) v->u.r = NAN;
  if (k->type == DECK_WORD) v->u.word = -1;
}

bool deck_is_unset(const deck_key *k, const deck_value *v) {
  if (!k->def || strcmp(k->def, "~")) return false;
  switch (k->type) {
    case DECK_BOOL:
      return false;
    case DECK_INT:
      return v->u.i == LONG_MIN;
    case DECK_REAL:
      return isnan(v->u.r);
    case DECK_WORD:
      return v->u.word < 0;
    case DECK_TEXT:
      return !v->u.text;
    case DECK_INTS:
      return !v->u.ints.n;
    default:
      return !v->u.reals.n;
  }
}

bool deck_convert(deck *d, const deck_key *k, const deck_node *n, deck_value *v) {
  char why[WHY] = "";
  bool ok, lists = k->type == DECK_INTS || k->type == DECK_REALS;
  if (n->bad) return false;
  if (n->shape == DECK_SCALAR && !n->quoted && !strcmp(n->text, "~")) {
    ok = k->def && !strcmp(k->def, "~") && k->type != DECK_BOOL;
    if (ok) deck_unset(k, v);
    if (!ok) snprintf(why, WHY, "needs %s: this key cannot be left unset (~)", deck_wanted(k->type));
  } else if (n->shape == DECK_SCALAR && !n->quoted && !strncmp(n->text, "<required", 9)) {
    ok = false; /* else a text key would swallow what deck_template wrote */
    snprintf(why, WHY, "needs %s in place of the template's mark", deck_wanted(k->type));
  } else if (k->type == DECK_REALS && n->shape == DECK_MAP) {
    ok = grid(d, k, n, v, why);
  } else if (lists && n->shape != DECK_MAP) {
    ok = list(d, k, n, v, why);
  } else {
    ok = scalar(k, n, v, why);
  }
  if (!ok && *why) deck_fault(d, n, "%s", why);
  return ok;
}

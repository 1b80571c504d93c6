/* deck_print.c: decks written by the suite: deck_echo (the deck that ran, exactly) and deck_template (the reference
 * deck). Reals have 17 significant digits, which every double survives; texts are quoted so that they come back byte by
 * byte. In a template a line that begins with "# " becomes part of the deck when these two characters are taken away.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/deck_priv.h"

enum { COLUMN = 30, ENTRIES_PER_LINE = 8 };

static bool yaml_prints(unsigned p) {
  if (p < 0x80) return p >= 32 && p != 127;
  return p >= 0xa0 && p != 0x2028 && p != 0x2029 && p != 0xfeff && p != 0xfffe && p != 0xffff;
}

/* YAML's double-quoted style; s is valid UTF-8 (the parser saw to it). */
static void print_quoted(FILE *f, const char *s) {
  putc('"', f);
  for (size_t n = strlen(s); n;) {
    unsigned p = 0;
    int m = deck_utf8(s, n, &p);
    if (!m) m = 1, p = (unsigned char)*s;
    if (p == '"' || p == '\\') putc('\\', f);
    if (p == '\n') {
      fputs("\\n", f);
    } else if (yaml_prints(p)) {
      fwrite(s, 1, m, f);
    } else {
      fprintf(f, p < 0x10000 ? "\\u%04x" : "\\U%08x", p);
    }
    s += m;
    n -= m;
  }
  putc('"', f);
}

static void print_list(FILE *f, const deck_key *k, const deck_value *v) {
  bool ints = k->type == DECK_INTS;
  int n = ints ? v->u.ints.n : v->u.reals.n;
  putc('[', f);
  for (int i = 0; i < n; i++) {
    if (i) fputs(i % ENTRIES_PER_LINE ? ", " : ",\n    ", f);
    if (ints) {
      fprintf(f, "%ld", v->u.ints.v[i]);
    } else {
      fprintf(f, "%.17g", v->u.reals.v[i]);
    }
  }
  putc(']', f);
}

static void print_word(FILE *f, const char *s) {
  size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
  if (n && !s[n]) {
    fputs(s, f);
  } else {
    print_quoted(f, s);
  }
}

void deck_print_value(FILE *f, const deck_key *k, const deck_value *v) {
  char word[128];
  if (deck_is_unset(k, v)) {
    putc('~', f);
    return;
  }
  switch (k->type) {
    case DECK_BOOL:
      fputs(v->u.b ? "true" : "false", f);
      break;
    case DECK_INT:
      fprintf(f, "%ld", v->u.i);
      break;
    case DECK_REAL:
      fprintf(f, "%.17g", v->u.r);
      break;
    case DECK_WORD:
      print_word(f, deck_word(word, sizeof word, k->words, v->u.word));
      break;
    case DECK_TEXT:
      print_quoted(f, v->u.text);
      break;
    default:
      print_list(f, k, v);
  }
}

static void echo_table(FILE *f, const deck_table *t, bool whole) {
  for (int i = 0; i < t->n; i++) {
    if (t->keys[i].free && !whole) continue;
    fprintf(f, "  %s: ", t->keys[i].name);
    deck_print_value(f, &t->keys[i], &t->v[i]);
    putc('\n', f);
  }
}

static void echo_part(FILE *f, const deck_part *p, bool whole) {
  if (!p->present && p->schema->optional) return;
  fprintf(f, "%s:\n", p->schema->name);
  if (p->kind) {
    fputs("  kind: ", f);
    print_word(f, p->kind->name);
    putc('\n', f);
  }
  echo_table(f, &p->fixed, whole);
  echo_table(f, &p->own, whole);
}

void deck_echo_some(const deck *d, const char *app, bool free_keys, const char *without, FILE *f) {
  deck_locale l = deck_locale_enter();
  fprintf(f, "app: %s\n", app);
  for (int i = 0; i < d->nparts; i++) {
    if (!without || strcmp(d->parts[i].schema->name, without)) echo_part(f, &d->parts[i], free_keys);
  }
  deck_locale_leave(l);
}

void deck_echo(const deck *d, const char *app, FILE *f) {
  deck_echo_some(d, app, true, NULL, f);
}

/* Template */

typedef struct line { /* left part of a line, so that the comments stand in one column */
  FILE *f;
  char left[400];
} line;

static void start(line *l, const char *prefix, const char *key, const char *value) {
  snprintf(l->left, sizeof l->left, "%s%s: %s", prefix, key, value);
}

static void finish(line *l, const char *comment) {
  if (*comment) {
    fprintf(l->f, "%-*s # %s\n", COLUMN, l->left, comment);
  } else {
    fprintf(l->f, "%s\n", l->left);
  }
}

static void append(char *s, size_t n, const char *between, const char *text) {
  size_t m = strlen(s);
  if (*text) snprintf(s + m, n - m, "%s%s", m ? between : "", text);
}

/* "[unit] help (between a and b; one of x, y; may change on restart)" */
static void describe(char *s, size_t n, const deck_key *k) {
  char inside[600] = "", range[160], word[128];
  deck_key bare = *k;
  bare.unit = NULL;
  append(inside, sizeof inside, "; ", deck_range(range, sizeof range, &bare));
  for (int i = 0; k->type == DECK_WORD && i < deck_word_count(k->words); i++) {
    append(inside, sizeof inside, i ? ", " : "; ", i ? "" : "one of");
    append(inside, sizeof inside, i ? ", " : " ", deck_word(word, sizeof word, k->words, i));
  }
  if (k->free) append(inside, sizeof inside, "; ", "may change on restart");
  *s = 0;
  if (k->unit && *k->unit) snprintf(s, n, "[%s]", k->unit);
  append(s, n, " ", k->help ? k->help : "");
  size_t m = strlen(s);
  if (*inside) snprintf(s + m, n - m, "%s(%s)", m ? " " : "", inside);
}

static void template_key(FILE *f, const char *prefix, const deck_key *k) {
  line l = {.f = f};
  char comment[1200], value[320], head[64];
  bool text = k->type == DECK_TEXT && k->def && strcmp(k->def, "~") && *k->def != '"' && *k->def != '\'';
  describe(comment, sizeof comment, k);
  if (k->def) {
    snprintf(value, sizeof value, text ? "\"%s\"" : "%s", k->def);
    start(&l, prefix, k->name, value);
  } else {
    snprintf(head, sizeof head, "%s%s", prefix, strstr(prefix, "  # ") ? "" : "# ");
    snprintf(value, sizeof value, "<required, %s>", deck_wanted(k->type));
    start(&l, head, k->name, value);
  }
  finish(&l, comment);
}

static void template_kind(FILE *f, const char *prefix, const deck_kind *kind, const deck_section *s) {
  line l = {.f = f};
  char comment[1200] = "";
  if (strstr(prefix, "  # ")) {
    snprintf(comment, sizeof comment, "%s", kind->help ? kind->help : "");
  } else {
    for (const deck_kind *const *k = s->kinds; *k; k++) append(comment, sizeof comment, ", ", (*k)->name);
    append(comment, sizeof comment, ": ", kind->help ? kind->help : "");
  }
  start(&l, prefix, "kind", kind->name);
  finish(&l, comment);
  for (const deck_key *k = kind->keys; k && k->name; k++) template_key(f, prefix, k);
}

static void template_section(FILE *f, const deck_section *s) {
  const char *out = s->optional ? "# " : "";
  char live[16], dead[16];
  const deck_kind *chosen = NULL;
  snprintf(live, sizeof live, "%s  ", out);
  snprintf(dead, sizeof dead, "%s  # ", out);
  for (const deck_kind *const *k = s->kinds; s->kind_def && k && *k; k++) {
    if (!strcmp((*k)->name, s->kind_def)) chosen = *k;
  }
  fprintf(f, "\n## %s%s%s\n%s%s:\n", s->name, s->help ? ": " : "", s->help ? s->help : "", out, s->name);
  if (s->kinds && !chosen) fprintf(f, "%skind: <required, one of the kinds below>\n", dead);
  for (const deck_key *k = s->keys; k && k->name; k++) template_key(f, live, k);
  if (chosen) template_kind(f, live, chosen, s);
  for (const deck_kind *const *k = s->kinds; k && *k; k++) {
    if (*k == chosen) continue;
    fprintf(f, "%s  #\n", out);
    template_kind(f, dead, *k, s);
  }
}

static void template_sweep(FILE *f) {
  fputs(
      "\n## sweep: one deck, many runs: every combination of what stands here, the last key fastest. spinet points "
      "DECK "
      "lists\n"
      "## them, run --point K runs one, run --farm G all in one job. A key and its values, a key and a range with both "
      "ends,\n"
      "## or a section and mappings that are laid over it:\n"
      "##   section.key: [value, value, ...]\n"
      "##   section.key: {from: number, to: number, steps: count}\n"
      "##   section: [{kind: word, key: value, ...}, ...]\n"
      "# sweep:\n",
      f);
  line l = {.f = f};
  start(&l, "#   ", "run.seed", "[1, 2, 3]");
  finish(&l, "repetitions; the random numbers of a point follow from its values and the deck's run.seed");
  l = (line){.f = f};
  start(&l, "#   ", "warm_start", "false");
  finish(&l, "true: a point starts from the network of the one before it along the last key (needs net.from)");
}

void deck_template(const char *app, const deck_section *schema, FILE *f) {
  fprintf(f,
          "## Every key of app %s with its default, [unit], meaning and range. A line that begins with \"# \" becomes "
          "part\n"
          "## of the deck when these two characters are taken away; what is marked <required> must be given.\n"
          "app: %s\n",
          app, app);
  for (const deck_section *s = schema; s->name; s++) template_section(f, s);
  template_sweep(f);
}

/* arguments.c: arguments_parse, arguments_free, arguments_help. "-skey=value" and "-oDIR" stand for two words, and so
 * does "--point=3". */
#include "apps/arguments.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* RESTART: the value may be left out; a word behind it is one if it is `auto` or ends in .h5 */
typedef enum { FLAG, TEXT, NUMBER, OVERRIDE, RESTART } option_type;

static const struct option {
  const char *name, *value, *help; /* value: what is missing if it is ("a folder"); NULL for a flag */
  const char *shown;               /* the value's name in the help */
  option_type type;
  size_t at;
} options[] = {
    {"-s", "section.key=value", "set a key of the deck, as if it stood there; may be repeated", "section.key=value",
     OVERRIDE, 0},
    {"-o", "a folder or file", "the output: folder of a run (runs/<deck name> without it), or file", "PATH", TEXT,
     offsetof(arguments, out)},
    {"--point", "the number of a point", "run one point of the deck's sweep (spinet points lists them)", "K", NUMBER,
     offsetof(arguments, point)},
    {"--farm", "a number of groups", "work through the whole sweep with the ranks in so many groups", "G", NUMBER,
     offsetof(arguments, farm)},
    {"--dry-run", NULL, "print the plan, memory and steps; write nothing", NULL, FLAG, offsetof(arguments, o.dry)},
    {"--overwrite", NULL, "replace the results in an output folder that has some", NULL, FLAG,
     offsetof(arguments, o.overwrite)},
    {"--restart", NULL, "continue the run of the output folder, or from another checkpoint", "[auto|FILE.h5]", RESTART,
     offsetof(arguments, o.restart)},
    {"--quiet", NULL, "print nothing on the terminal but errors", NULL, FLAG, offsetof(arguments, o.quiet)},
    {"--x", "a deck key", "the deck key along the x axis (plot: or its inverse, 1/model.beta), or the first column",
     "KEY", TEXT, offsetof(arguments, x)},
    {"--y", "names of results", "results, with commas between: f.nis,e.nis (without it: all)", "NAMES", TEXT,
     offsetof(arguments, y)},
    {"--series", "names of series", "training curves or other series instead of results: train.loss,train.ess", "NAMES",
     TEXT, offsetof(arguments, series)},
    {"--histogram", "names of series", "histograms of series instead of results: lnw.draws", "NAMES", TEXT,
     offsetof(arguments, histogram)},
    {"--over", "a deck key", "merge runs that differ in KEY as parts of one sample (folds): mean, errors in quadrature",
     "KEY", TEXT, offsetof(arguments, over)},
    {"--pool", NULL, "merge runs that differ in run.seed only: weighted mean, one error, chi2", NULL, FLAG,
     offsetof(arguments, pool)},
    {"--degree", "a degree", "of the polynomials (without it: 1 to 3, averaged by Akaike's weights)", "D", NUMBER,
     offsetof(arguments, degree)},
    {"--window", "two numbers", "fit only the points with x between LOW and HIGH", "LOW,HIGH", TEXT,
     offsetof(arguments, window)},
    {"--csv", NULL, "lines with commas instead of tables", NULL, FLAG, offsetof(arguments, csv)},
};
enum { OPTIONS = sizeof options / sizeof *options };

static bool allowed(const arguments_form *form, const char *name) {
  char word[40];
  snprintf(word, sizeof word, " %.30s ", name);
  return strstr(form->options, word) != NULL;
}

static int unknown_option(const arguments_form *form, const char *s, err *e) {
  const char *names[OPTIONS + 1] = {"--help"};
  int n = 1;
  for (int k = 0; k < OPTIONS; k++)
    if (allowed(form, options[k].name)) names[n++] = options[k].name;
  const char *near = deck_suggest(s, names, n);
  return err_set(e, ERR_DECK, "%s has no option %s%s%s%s", form->name, s, near ? " (did you mean " : "",
                 near ? near : "", near ? "?)" : "");
}

/* The row of the option that begins s; *rest: what is glued to it, or NULL. */
static const struct option *find(const arguments_form *form, const char *s, const char **rest) {
  for (int k = 0; k < OPTIONS; k++) {
    size_t n = strlen(options[k].name);
    bool brief = n == 2;
    if (strncmp(s, options[k].name, n) || !allowed(form, options[k].name)) continue;
    if (s[n] && !brief && s[n] != '=') continue;
    *rest = !s[n] ? NULL : brief ? s + n : s + n + 1;
    if (*rest && options[k].type == FLAG) continue;
    return &options[k];
  }
  return NULL;
}

static int take_number(const struct option *o, const char *value, long *to, err *e) {
  char *end;
  *to = strtol(value, &end, 10);
  if (!*value || *end || *to < 0 || *to > 1000000000)
    return err_set(e, ERR_DECK, "%s %s: needs %s", o->name, value, o->value);
  return 0;
}

static bool names_checkpoint(const char *s) {
  size_t n = s ? strlen(s) : 0;
  return s && (!strcmp(s, "auto") || (n > 3 && !strcmp(s + n - 3, ".h5")));
}

static int take(arguments *a, const struct option *o, const char *value, err *e) {
  void *to = (char *)a + o->at;
  if (o->type == FLAG) {
    *(bool *)to = true;
    return 0;
  }
  if (o->type == RESTART) {
    *(const char **)to = value ? value : "auto";
    return 0;
  }
  if (!value || !*value) return err_set(e, ERR_DECK, "%s needs %s", o->name, o->value);
  if (o->type == NUMBER) return take_number(o, value, to, e);
  if (o->type == TEXT)
    *(const char **)to = value;
  else
    ((const char **)a->o.overrides)[a->o.noverrides++] = value;
  return 0;
}

static int count_words(const arguments *a, const arguments_form *form, err *e) {
  if (a->words && !form->most) return err_set(e, ERR_DECK, "%s takes no argument: %s", form->name, a->word[0]);
  if (a->words > form->most)
    return err_set(e, ERR_DECK, "%s takes %s, not %s: %s, %s", form->name, form->word, form->most == 1 ? "two" : "more",
                   a->word[form->most - 1], a->word[form->most]);
  if (a->words < form->least && !a->help)
    return err_set(e, ERR_DECK, "%s needs %s: spinet %s", form->name, form->word, form->usage);
  return 0;
}

int arguments_parse(arguments *a, const arguments_form *form, int argc, char **argv, err *e) {
  a->word = calloc((size_t)argc + 1, sizeof *a->word);
  a->o.overrides = calloc((size_t)argc + 1, sizeof *a->o.overrides);
  a->point = a->farm = a->degree = -1;
  if (!a->word || !a->o.overrides) return err_set(e, ERR_RUN, "out of memory");
  for (int i = 2; i < argc; i++) {
    const char *s = argv[i], *value = NULL;
    if (s[0] != '-' || !s[1]) {
      a->word[a->words++] = s;
    } else if (!strcmp(s, "--help") || !strcmp(s, "-h")) {
      a->help = true;
    } else {
      const struct option *o = find(form, s, &value);
      if (!o) return unknown_option(form, s, e);
      bool wants = o->type == RESTART ? names_checkpoint(i + 1 < argc ? argv[i + 1] : NULL) : o->type != FLAG;
      if (wants && !value) value = ++i < argc ? argv[i] : NULL;
      if (take(a, o, value, e)) return e->code;
    }
  }
  a->o.deck_path = a->words ? a->word[0] : NULL, a->o.out = a->out;
  return count_words(a, form, e);
}

void arguments_free(arguments *a) {
  free(a->word), free((void *)a->o.overrides);
}

void arguments_help(const arguments_form *form, FILE *f) {
  for (int k = 0; k < OPTIONS; k++) {
    const struct option *o = &options[k];
    char left[48];
    snprintf(left, sizeof left, "%s%s%s", o->name, o->shown ? " " : "", o->shown ? o->shown : "");
    if (allowed(form, o->name)) fprintf(f, "  %-22s %s\n", left, o->help);
  }
}

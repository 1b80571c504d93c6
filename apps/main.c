/* main.c: the command line.
 *   spinet run DECK [-s section.key=value]... [-o DIR] [--dry-run] [--overwrite] [--quiet]
 *   spinet check DECK [-s section.key=value]...
 *   spinet template APP | show FILE.h5 [--csv] | apps | --help | --version
 * Only here does the suite print errors and leave. Under mpirun everything but `run` happens on rank 0; all ranks
 * return the same code after MPI_Finalize, or mpirun would add a page of noise. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/apps.h"
#include "base/version.h"

#ifdef NN_SINGLE
#define PROGRAM "spinet"
#define PRECISION "single"
#else
#define PROGRAM "spinet-d"
#define PRECISION "double"
#endif

typedef struct arguments {
  run_options o;
  const char *word; /* deck, app or file */
  bool csv, help;
} arguments;

typedef struct command {
  const char *name, *usage, *help;
  const char *word;    /* what the compulsory argument is; NULL: none */
  const char *options; /* allowed ones, between blanks */
  bool every_rank;
  int (*act)(const arguments *a, err *e);
} command;

/* ---- the commands ---- */

static int command_run(const arguments *a, err *e) {
  run *r;
  if (run_open(&r, MPI_COMM_WORLD, &a->o, apps_table, e)) return e->code;
  run_main(r, e);
  if (run_lost(r)) {
    fprintf(stderr, PROGRAM ": %s\n", e->text);
    int code = run_close(r, e);
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  return run_close(r, e);
}

static int command_check(const arguments *a, err *e) {
  const app *found;
  if (run_check(&a->o, apps_table, &found, e)) return e->code;
  if (e->text[0]) printf("warning: %s\n", e->text);
  printf("%s: OK (app %s)\n", a->word, found->name);
  return 0;
}

static int command_template(const arguments *a, err *e) {
  char where[300];
  snprintf(where, sizeof where, "template %.200s", a->word);
  const app *found = run_find_app(apps_table, a->word, where, e);
  return found ? run_template(found, stdout, e) : e->code;
}

static int command_show(const arguments *a, err *e) {
  return run_show(a->word, a->csv, stdout, e);
}

static int command_apps(const arguments *a, err *e) {
  for (int i = 0; apps_table[i]; i++) printf("%-12s %s\n", apps_table[i]->name, apps_table[i]->help);
  return 0;
}

static const command commands[] = {
    {"run", "run DECK [-s section.key=value]... [-o DIR] [--dry-run] [--overwrite] [--quiet]",
     "run a deck; under mpirun on all its ranks", "a deck", " -s -o --dry-run --overwrite --quiet ", true, command_run},
    {"check", "check DECK [-s section.key=value]...", "check a deck without running it", "a deck", " -s ", false,
     command_check},
    {"template", "template APP", "print a commented deck with every key of an app", "the name of an app", " ", false,
     command_template},
    {"show", "show FILE.h5 [--csv]", "print the results in a run.h5", "a file", " --csv ", false, command_show},
    {"apps", "apps", "list the apps", NULL, " ", false, command_apps},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct {
  const char *option, *help;
} option_help[] = {
    {"-s section.key=value", "set a key of the deck, as if it stood there; may be repeated"},
    {"-o DIR", "output folder (runs/<deck name>, or with -2, -3, ... if that exists)"},
    {"--dry-run", "print the plan, memory and steps; write nothing"},
    {"--overwrite", "replace the results in an output folder that has some"},
    {"--quiet", "print nothing on the terminal but errors"},
    {"--csv", "lines of name,value,error,exact,unit"},
};

/* ---- help ---- */

static void print_usage(FILE *f) {
  fprintf(f, "usage: " PROGRAM " COMMAND ...\n\n");
  for (int i = 0; i < COMMANDS; i++) fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
  fprintf(f, "\n  " PROGRAM
             " COMMAND --help tells more; --version names version and libraries\n"
             "exit codes: 0 done, 1 failed, 2 deck or usage, 3 files, 75 stopped with a valid checkpoint: resubmit\n");
}

static void print_command(const command *c) {
  printf("usage: " PROGRAM " %s\n%s\n", c->usage, c->help);
  for (size_t k = 0; k < sizeof option_help / sizeof *option_help; k++) {
    char word[32];
    snprintf(word, sizeof word, " %.*s ", (int)strcspn(option_help[k].option, " "), option_help[k].option);
    if (strstr(c->options, word)) printf("  %-22s %s\n", option_help[k].option, option_help[k].help);
  }
}

static void print_version(void) {
  char libraries[500];
  printf(PROGRAM " %s (%s), networks in " PRECISION " precision\n%s, %s\n%s\n", version_number(), version_revision(),
         version_compiler(), version_build(), version_libraries(libraries, sizeof libraries));
}

/* ---- parsing ---- */

static const command *find_command(const char *name, err *e) {
  const char *names[COMMANDS];
  for (int i = 0; i < COMMANDS; i++)
    if (!strcmp(names[i] = commands[i].name, name)) return &commands[i];
  const char *near = deck_suggest(name, names, COMMANDS);
  if (near)
    err_set(e, ERR_DECK, "there is no command %s (did you mean %s?)", name, near);
  else
    err_set(e, ERR_DECK, "there is no command %s; " PROGRAM " --help lists them", name);
  return NULL;
}

/* Is the option allowed for the command? "-skey=value" and "-oDIR" stand for two words. */
static bool allowed(const command *c, const char *option) {
  char word[40];
  snprintf(word, sizeof word, " %.*s ", !strncmp(option, "--", 2) ? 30 : 2, option);
  return strstr(c->options, word) != NULL;
}

static int unknown_option(const command *c, const char *option, err *e) {
  const char *names[] = {"--dry-run", "--overwrite", "--quiet", "--csv", "--help"};
  const char *near = deck_suggest(option, names, 5);
  if (near && !allowed(c, near) && strcmp(near, "--help")) near = NULL;
  return err_set(e, ERR_DECK, "%s has no option %s%s%s%s", c->name, option, near ? " (did you mean " : "",
                 near ? near : "", near ? "?)" : "");
}

/* Takes argv[*i], and a second word where the option has one. */
static int parse_option(const command *c, arguments *a, const char **overrides, char **argv, int argc, int *i, err *e) {
  const char *s = argv[*i], *value = NULL;
  if (!strcmp(s, "--help") || !strcmp(s, "-h")) return a->help = true, 0;
  if (!allowed(c, s)) return unknown_option(c, s, e);
  if (s[1] != '-') value = s[2] ? s + 2 : ++*i < argc ? argv[*i] : NULL;
  if (s[1] != '-' && !value)
    return err_set(e, ERR_DECK, "%.2s needs %s", s, s[1] == 's' ? "section.key=value" : "a folder");
  if (s[1] == 's')
    overrides[a->o.noverrides++] = value;
  else if (s[1] == 'o')
    a->o.out = value;
  a->o.dry |= !strcmp(s, "--dry-run"), a->o.overwrite |= !strcmp(s, "--overwrite"), a->o.quiet |= !strcmp(s, "--quiet");
  a->csv |= !strcmp(s, "--csv");
  return a->o.out && !a->o.out[0] ? err_set(e, ERR_DECK, "-o needs a folder") : 0;
}

static int parse_words(const command *c, arguments *a, const char **overrides, int argc, char **argv, err *e) {
  a->o.overrides = overrides;
  for (int i = 2; i < argc; i++) {
    if (argv[i][0] == '-' && argv[i][1]) {
      if (parse_option(c, a, overrides, argv, argc, &i, e)) return e->code;
    } else if (!c->word) {
      return err_set(e, ERR_DECK, "%s takes no argument: %s", c->name, argv[i]);
    } else if (a->word) {
      return err_set(e, ERR_DECK, "%s takes %s, not two: %s, %s", c->name, c->word, a->word, argv[i]);
    } else {
      a->word = argv[i];
    }
  }
  if (c->word && !a->word && !a->help)
    return err_set(e, ERR_DECK, "%s needs %s: " PROGRAM " %s", c->name, c->word, c->usage);
  a->o.deck_path = a->word;
  return 0;
}

static char *join(int argc, char **argv) {
  size_t n = 1;
  for (int i = 0; i < argc; i++) n += strlen(argv[i]) + 1;
  char *s = calloc(n, 1), *p = s;
  for (int i = 0; s && i < argc; i++) p += sprintf(p, "%s%s", i ? " " : "", argv[i]);
  return s;
}

static int act(const command *c, arguments *a, int rank, err *e) {
  if (a->help) {
    if (!rank) print_command(c);
    return 0;
  }
  if (c->every_rank) return c->act(a, e);
  if (!rank) c->act(a, e);
  MPI_Bcast(&e->code, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return e->code;
}

static int dispatch(int argc, char **argv, int rank, err *e) {
  if (argc < 2) {
    if (!rank) print_usage(stderr);
    return ERR_DECK;
  }
  bool version = !strcmp(argv[1], "--version"), help = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
  if (version && !rank) print_version();
  if (help && !rank) print_usage(stdout);
  if (version || help) return 0;
  const command *c = find_command(argv[1], e);
  const char **overrides = calloc((size_t)argc, sizeof *overrides);
  char *line = join(argc, argv);
  arguments a = {.o = {.command_line = line, .precision = PRECISION}};
  if (!overrides || !line) err_set(e, ERR_RUN, "out of memory");
  if (!e->code && !parse_words(c, &a, overrides, argc, argv, e)) act(c, &a, rank, e);
  free(overrides), free(line);
  return e->code;
}

int main(int argc, char **argv) {
  static err e; /* 16 KiB */
  int level, rank;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  int code = dispatch(argc, argv, rank, &e);
  if (code && !rank && e.text[0])
    fprintf(stderr, PROGRAM ": %s%s\n", strchr(e.text, '\n') ? "several faults\n" : "", e.text);
  if (fflush(stdout) && !code) code = ERR_FILE;
  MPI_Finalize();
  return code;
}

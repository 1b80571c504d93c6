/* main.c: the commands. Only here does the suite print errors and leave. Under mpirun everything but `run` happens on
 * rank 0; all ranks return the same code after MPI_Finalize, or mpirun would add a page of noise. Options stand in
 * arguments.c. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/apps.h"
#include "apps/arguments.h"
#include "apps/crossing.h"
#include "apps/extrapolate.h"
#include "base/collect.h"
#include "base/farm.h"
#include "base/run_diff.h"
#include "base/run_plot.h"
#include "base/version.h"

#ifdef NN_SINGLE
#define PROGRAM "spinet"
#define PRECISION "single"
#else
#define PROGRAM "spinet-d"
#define PRECISION "double"
#endif
enum { MANY = 1000000 }; /* words */

typedef struct command {
  arguments_form form;
  const char *help;
  bool every_rank;
  int (*act)(const arguments *a, err *e);
} command;

/* ---- the commands ---- */

/* Some rank waits for another in the middle of a run: only an abort ends it. */
static void leave(err *e) {
  fprintf(stderr, PROGRAM ": %s\n", e->text);
  MPI_Abort(MPI_COMM_WORLD, e->code);
}

static int run_one(const arguments *a, err *e) {
  run *r;
  if (run_open(&r, MPI_COMM_WORLD, &a->o, apps_table, e)) return e->code;
  run_main(r, e);
  bool lost = run_lost(r);
  run_close(r, e);
  if (lost) leave(e);
  return e->code;
}

static int run_point(const arguments *a, err *e) {
  sweep_verdict *v = calloc(1, sizeof *v);
  int rank;
  if (!v) return err_set(e, ERR_RUN, "out of memory");
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  sweep_run_point(MPI_COMM_WORLD, &a->o, a->point, apps_table, v, e);
  if (v->lost) leave(e);
  if (v->state == SWEEP_BEFORE && !rank && !a->o.quiet)
    printf("point %ld (%s) is done already: %s\n", a->point, v->label, v->folder);
  free(v);
  return e->code;
}

static int run_farm(const arguments *a, err *e) {
  bool lost = false;
  farm_run(MPI_COMM_WORLD, &a->o, a->farm, apps_table, a->o.quiet ? NULL : stdout, &lost, e);
  if (lost) leave(e);
  return e->code;
}

static int command_run(const arguments *a, err *e) {
  if (a->point >= 0 && a->farm >= 0) return err_set(e, ERR_DECK, "run takes --point or --farm, not both");
  return a->point >= 0 ? run_point(a, e) : a->farm >= 0 ? run_farm(a, e) : run_one(a, e);
}

/* A deck with a sweep: all its points. */
static int check_sweep(const arguments *a, const sweep *s, err *e) {
  if (sweep_check(s, 0, 1, e)) return e->code;
  printf("%s: OK (%ld points)\n", a->word[0], sweep_points(s));
  return 0;
}

static int check_one(const arguments *a, err *e) {
  const app *found;
  if (run_check(&a->o, apps_table, &found, e)) return e->code;
  if (e->text[0]) printf("warning: %s\n", e->text);
  printf("%s: OK (app %s)\n", a->word[0], found->name);
  return 0;
}

static int command_check(const arguments *a, err *e) {
  sweep *s;
  if (sweep_open(&s, &a->o, apps_table, NULL, 0, e)) return e->code;
  int code = sweep_points(s) ? check_sweep(a, s, e) : check_one(a, e);
  sweep_free(s);
  return code;
}

static int command_points(const arguments *a, err *e) {
  sweep *s;
  if (sweep_open(&s, &a->o, apps_table, NULL, 0, e)) return e->code;
  const app *found;
  if (!sweep_points(s) && !run_check(&a->o, apps_table, &found, e))
    err_set(e, ERR_DECK, "%s: this deck has no sweep", a->word[0]);
  else if (!e->code && !sweep_check(s, 0, 1, e))
    sweep_print(s, stdout, e);
  sweep_free(s);
  return e->code;
}

static collect_options collecting(const arguments *a) {
  return (collect_options){
      .run = a->word, .runs = a->words, .x = a->x, .y = a->y, .pool = a->pool, .over = a->over, .apps = apps_table};
}

static int command_collect(const arguments *a, err *e) {
  collect_options o = collecting(a);
  return collect_print(&o, a->csv, a->out, stdout, e);
}

static int command_plot(const arguments *a, err *e) {
  collect_options o = collecting(a);
  const char *path = a->out ? a->out : "plot.png";
  plot_request q = {.series = a->series, .histogram = a->histogram};
  if (run_plot(&o, &q, path, e)) return e->code;
  printf("%s\n", path);
  return 0;
}

static int command_extrapolate(const arguments *a, err *e) {
  collect_options o = collecting(a);
  return extrapolate_runs(&o, a->out, stdout, e);
}

static int command_crossing(const arguments *a, err *e) {
  collect_options o = collecting(a);
  crossing_request q = {.degree = a->degree, .window = a->window};
  return crossing_runs(&o, &q, a->out, stdout, e);
}

static int command_diff(const arguments *a, err *e) {
  bool equal = false;
  if (run_diff(a->word[0], a->word[1], apps_table, stdout, &equal, e)) return e->code;
  if (!equal) return e->code = ERR_RUN; /* said already */
  printf("equal\n");
  return 0;
}

static int command_template(const arguments *a, err *e) {
  char where[300];
  snprintf(where, sizeof where, "template %.200s", a->word[0]);
  const app *found = run_find_app(apps_table, a->word[0], where, e);
  return found ? run_template(found, stdout, e) : e->code;
}

static int command_show(const arguments *a, err *e) {
  return run_show(a->word[0], a->csv, stdout, e);
}

static int command_apps(const arguments *a, err *e) {
  for (int i = 0; apps_table[i]; i++) printf("%-16s %s\n", apps_table[i]->name, apps_table[i]->help);
  return 0;
}

static const command commands[] = {
    {{"run",
      "run DECK [-s section.key=value]... [-o DIR] [--point K | --farm G] [--restart [auto|FILE.h5]] [--dry-run] "
      "[--overwrite] [--quiet]",
      "a deck", 1, 1, " -s -o --point --farm --restart --dry-run --overwrite --quiet "},
     "run a deck; under mpirun on all its ranks",
     true,
     command_run},
    {{"check", "check DECK [-s section.key=value]...", "a deck", 1, 1, " -s "},
     "check a deck, and every point of its sweep, without running it",
     false,
     command_check},
    {{"points", "points DECK [-s section.key=value]...", "a deck", 1, 1, " -s "},
     "list the points of a deck's sweep",
     false,
     command_points},
    {{"template", "template APP", "the name of an app", 1, 1, " "},
     "print a commented deck with every key of an app",
     false,
     command_template},
    {{"show", "show FILE.h5 [--csv]", "a file", 1, 1, " --csv "}, "print the results in a run.h5", false, command_show},
    {{"collect", "collect RUN... [--x KEY] [--y NAMES] [--pool | --over KEY] [--csv] [-o FILE.h5]", "runs", 1, MANY,
      " --x --y --pool --over --csv -o "},
     "results of many runs (run.h5, run folders, sweep folders) in one table or file",
     false,
     command_collect},
    {{"plot", "plot RUN... (--y NAMES [--x KEY] [--pool] | --series NAMES | --histogram NAMES) [-o FILE.png|svg|pdf]",
      "runs", 1, MANY, " --x --y --series --histogram --pool -o "},
     "draw results of many runs against a deck key, with errors and exact curves; training curves; histograms",
     false,
     command_plot},
    {{"extrapolate", "extrapolate RUN... --x KEY --y NAMES [--pool] [-o FILE.png|svg|pdf]", "runs", 1, MANY,
      " --x --y --pool -o "},
     "results of a sweep to 1/x^2 = 0 (Trotter number), with statistical and systematic error",
     false,
     command_extrapolate},
    {{"crossing", "crossing RUN... --x KEY --y NAMES [--degree D] [--window LOW,HIGH] [--pool] [-o FILE.png|svg|pdf]",
      "runs", 1, MANY, " --x --y --degree --window --pool -o "},
     "where results of two or more lattices cross (Binder ratios): polynomials over x, crossing of each pair with "
     "errors",
     false,
     command_crossing},
    {{"diff", "diff A B", "two runs", 2, 2, " "},
     "compare two runs bit for bit, times and provenance excluded; exit 0: equal, 1: different",
     false,
     command_diff},
    {{"apps", "apps", NULL, 0, 0, " "}, "list the apps", false, command_apps},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* ---- help ---- */

static void print_usage(FILE *f) {
  fprintf(f, "usage: " PROGRAM " COMMAND ...\n\n");
  for (int i = 0; i < COMMANDS; i++) fprintf(f, "  %-12s %s\n", commands[i].form.name, commands[i].help);
  fprintf(f, "\n  " PROGRAM
             " COMMAND --help tells more; --version names version and libraries\n"
             "exit codes: 0 done, 1 failed, 2 deck or usage, 3 files, 75 stopped with a valid checkpoint: resubmit\n");
}

static void print_command(const command *c) {
  printf("usage: " PROGRAM " %s\n%s\n", c->form.usage, c->help);
  arguments_help(&c->form, stdout);
}

static void print_version(void) {
  char libraries[500];
  printf(PROGRAM " %s (%s), networks in " PRECISION " precision\n%s, %s\n%s\n", version_number(), version_revision(),
         version_compiler(), version_build(), version_libraries(libraries, sizeof libraries));
}

/* ---- dispatch ---- */

static const command *find_command(const char *name, err *e) {
  const char *names[COMMANDS];
  for (int i = 0; i < COMMANDS; i++)
    if (!strcmp(names[i] = commands[i].form.name, name)) return &commands[i];
  const char *near = deck_suggest(name, names, COMMANDS);
  if (near)
    err_set(e, ERR_DECK, "there is no command %s (did you mean %s?)", name, near);
  else
    err_set(e, ERR_DECK, "there is no command %s; " PROGRAM " --help lists them", name);
  return NULL;
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
  if (!c) return e->code;
  char *line = join(argc, argv);
  arguments a = {.o = {.command_line = line, .precision = PRECISION}};
  if (!line) err_set(e, ERR_RUN, "out of memory");
  if (!e->code && !arguments_parse(&a, &c->form, argc, argv, e)) act(c, &a, rank, e);
  arguments_free(&a), free(line);
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

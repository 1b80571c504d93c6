/* run_priv.h: the inside of a run, shared by base/run*.c only.
 *   run.c          open, main, close, accessors      run_deck.c    the deck, its schema and app
 *   run_machine.c  hosts, CPU, BLAS                  run_file.c    output folder, used.yaml, status, run.h5
 *   run_log.c      log, progress, timers             run_own.c     owned objects
 *   run_result.c   results, series, writers          run_table.c   tables of results, show */
#ifndef BASE_RUN_PRIV_H
#define BASE_RUN_PRIV_H

#include <limits.h>
#include <stdio.h>

#include "base/run.h"

enum { RUN_PATHS = 8, RUN_TIMERS = 64 };

/* ---- run_deck.c ---- */
typedef struct run_config { /* section `run` */
  long seed, threads;
  double memory_GB, log_every_s;
  const char *title; /* may be NULL */
} run_config;

typedef struct run_input {
  char *text; /* the deck's bytes, 0 behind them */
  size_t bytes;
  const app *app;
  deck_section *schema; /* the app's sections and `run` */
  deck *deck;
} run_input;

/* Local: from in->text and in->bytes to in->deck; calls the app's check. */
int run_input_parse(run_input *in, const run_options *o, const app *const *apps, err *e);
void run_input_free(run_input *in);

/* ---- run_machine.c ---- */
typedef struct run_machine { /* hosts is filled on rank 0 only */
  char cpu[128], blas[160], hosts[2048];
  bool mixed, no_blas;
} run_machine;
/* Collective: find out; refuse a BLAS that is slow or unsafe. Rank-local verdict: vote. */
int run_machine_find(run_machine *m, const comm *c, err *e);

/* ---- run_log.c ---- */
typedef struct run_timer_part {
  char name[48];
  double sum, since; /* s; since < 0: not running */
} run_timer_part;

typedef struct run_logger {
  FILE *file; /* log.txt; NULL in a dry run */
  bool quiet, tty, open_line;
  double start; /* monotonic clock of run_open */
  char started[32];
  char phase[64];
  long first, done, total;            /* of the phase; first: where it began */
  double since, printed, shown, told; /* clock of: phase begun, last plain line, last progress line, last status */
  bool spoken;                        /* the phase has had a plain line */
  run_timer_part timer[RUN_TIMERS];
  int timers;
} run_logger;

double run_clock(void);    /* s, monotonic */
void run_date(char s[32]); /* UTC, ISO 8601 */
void run_log_start(run *r);
void run_log_banner(run *r);
/* To log.txt alone, or to the terminal as well. */
void run_log_text(run *r, bool both, const char *text);

/* ---- run_result.c ---- */
typedef struct run_results { /* owns its copies of all texts and numbers */
  run_value *value;
  run_array *array;
  int values, arrays;
} run_results;
void run_results_free(run_results *s);
int run_results_write(const run_results *s, h5 *f, err *e);
int run_results_read(run_results *s, h5 *f, err *e);

typedef struct run_series_item {
  char *path, *unit, *description;
  h5_type type;
  int rank;
  size_t dims[8];
  void *data;
} run_series_item;

typedef struct run_writer_item {
  int (*write)(h5 *f, const void *self, err *e);
  const void *self;
} run_writer_item;

/* Results, series and writers' groups (rank 0). */
int run_store(const run *r, h5 *f, err *e);

/* ---- run_table.c ---- */
void run_scalars_print(const run_results *s, FILE *f);
void run_results_print(const run_results *s, FILE *f); /* and the names of the arrays */
/* "+1.3", or "-" where there is no error or nothing to compare with; returns s. */
char *run_deviation(char s[32], double value, double error, double exact, double exact_error);

/* ---- run_file.c ---- (all on rank 0) */
int run_file_open(run *r, err *e); /* folder, used.yaml, log.txt, status, first run.h5 */
int run_file_status(run *r, err *e);
int run_file_write(run *r, err *e); /* run.h5 */

struct run {
  comm c;
  MPI_Comm ballot; /* for the vote after the app: a rank may still wait for others in c.mpi */
  run_options o;
  run_input in;
  run_config config;
  run_machine machine;
  char *out; /* folder without a slash behind it */
  char path[RUN_PATHS][PATH_MAX];
  int turn;
  bool lost, stop; /* stop: asked to end early */
  bool saved;      /* the output folder is ours and holds a run.h5 */
  const char *state;
  const char *reason; /* why it failed, or NULL */
  run_logger log;
  run_results results;
  run_series_item *series;
  int nseries;
  run_writer_item *writer;
  int writers;
  h5 *kept; /* groups of writers that have ended; may be NULL */
  run_item *item;
  int items;
};

#endif

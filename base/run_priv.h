/* run_priv.h: the inside of a run, shared by base/run*.c only.
 *   run.c          open, main, close, accessors      run_deck.c    the deck, its schema and app
 *   run_machine.c  hosts, CPU, BLAS                  run_file.c    output folder, used.yaml, status, run.h5
 *   run_log.c      log, progress, timers             run_own.c     owned objects
 *   run_result.c   results, series, writers          run_table.c   tables of results, show
 *   run_stop.c     when to save and to stop          run_checkpoint.c  the file of a checkpoint
 *   run_sweep.c, run_farm.c   the points of a sweep, and all of them in one job
 *   run_collect.c, run_plot.c, run_diff.c   many runs: table, picture, comparison */
#ifndef BASE_RUN_PRIV_H
#define BASE_RUN_PRIV_H

#include <limits.h>
#include <stdio.h>

#include "base/run.h"

enum { RUN_PATHS = 8, RUN_TIMERS = 64 };

/* ---- run_deck.c ---- */
typedef struct run_config { /* section `run` */
  long seed, threads;
  double memory_GB, log_every_s, checkpoint_min, walltime_h;
  const char *title; /* may be NULL */
} run_config;

typedef struct run_input {
  char *text; /* the deck's bytes, 0 behind them */
  size_t bytes;
  const app *app;
  deck_section *schema; /* the app's sections and `run` */
  deck *deck;
  bool deck_only; /* do not call the app's check */
} run_input;

/* Local: the app's sections and `run`; caller frees. NULL: out of memory. */
deck_section *run_full_schema(const app *a, err *e);
/* Local: the deck's bytes, from its file or from the options. */
int run_input_read(run_input *in, const run_options *o, err *e);
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
  double cpu_since;                   /* CPU seconds of the process when the phase began */
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

/* ---- run_own.c: one object; rank 0's `all` is the whole of it in global order ---- */
typedef enum { RUN_REPLICATED, RUN_ROWS, RUN_ROOT } run_shape;
run_shape run_item_shape(const run_item *i);
size_t run_item_size(const run_item *i);  /* bytes of an element */
size_t run_item_total(const run_item *i); /* elements of the whole; of a RUN_ROOT: right on rank 0 only */
/* Collective. all: NULL but on rank 0. */
int run_item_gather(const run *r, const run_item *i, void *all, err *e);
/* Collective. all: rows (the whole, if there are none) of `length` elements; longer or shorter than the object's, what
 * both have is taken. */
int run_item_scatter(const run *r, const run_item *i, const void *all, size_t length, err *e);
/* Collective: ERR_RUN, with its name, where a replicated object is not the same on all ranks. */
int run_items_agree(const run *r, err *e);

/* ---- run_checkpoint.c ---- */
typedef struct run_saved run_saved;
int run_saved_write(run *r, err *e); /* collective: OUT/checkpoint.h5 */
/* Rank 0: find and verify the checkpoint that o.restart asks for, compare decks. Without one
 * (auto) the run starts from the beginning. */
int run_saved_open(run *r, err *e);
void run_saved_log(run *r); /* what there is to say about it; rank 0 */
/* Collective, called by run_own while r->restoring: fill the object if the checkpoint has it, once. */
int run_saved_take(run *r, const run_item *i, err *e);
int run_saved_check(const run *r, err *e); /* local: ERR_FILE on rank 0 if something was not asked for */
void run_saved_free(run_saved *s);         /* NULL allowed */

/* ---- run_stop.c ---- */
typedef struct run_pace {
  char phase[64];
  long done, ticks, left; /* at the last tick; since the last agreement; until the next */
  double since, longest;  /* clock of the last agreement; longest interval between two of this phase */
  double end;             /* rank 0: clock at which the job ends, or infinity */
  double saved, cost;     /* clock of the last checkpoint, longest time one took */
  double looked;          /* clock of the last look for the stop file */
} run_pace;
/* Signals are caught from now on, long before there is anything to stop: one that came earlier would end the process. */
void run_pace_catch(void);
void run_pace_start(run *r);
void run_pace_end(const run *r);
void run_pace_tick(run *r, const char *phase, long done); /* collective now and then */
void run_save(run *r);         /* collective: a checkpoint now, if there is anything to save */
double run_wall(const run *r); /* s, all parts of the run together */

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
/* "inputs/ising/quick.yaml" -> "runs/quick"; caller frees; NULL if out of memory. */
char *run_default_folder(const char *deck_path);

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
  const char *why; /* it stops, or NULL */
  err trouble;     /* of a checkpoint: the app's end reports it */
  run_pace pace;
  bool restoring;         /* on all ranks: a checkpoint still holds objects that nobody has asked for */
  run_saved *saved_state; /* it, on rank 0 */
  bool inherited;         /* rank 0: run.h5 is still that of an earlier part */
  double earlier;         /* s that earlier parts of the run took (rank 0) */
  long restarts;
  bool saved; /* the output folder is ours and holds a run.h5 */
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

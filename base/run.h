/* run.h: the life of one run. An app sees a run and nothing of MPI, HDF5 or options:
 *   run_open (main.c) -> app: build objects from the deck, run_own them, loop {advance, measure, run_tick}, run_result
 * -> run_close. Functions are collective unless marked local: every rank must call, and every rank gets the same
 * verdict. */
#ifndef BASE_RUN_H
#define BASE_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/comm.h"
#include "base/deck.h"
#include "base/err.h"
#include "base/h5.h"

typedef struct run run;

typedef struct app { /* descriptor of an app: one file in apps/, one line in apps/apps.c */
  const char *name, *help;
  const deck_section *schema;          /* the app's sections; run_open adds section `run` (run_keys) */
  int (*check)(const deck *d, err *e); /* cross-field checks without work; returning 0 with a text in e->text (code
                                          still 0) is a warning; may be NULL; local */
  int (*main)(run *r, err *e);         /* the algorithm; with run_dry(r) it plans, reports and returns */
} app;

extern const deck_key run_keys[]; /* section `run`: seed, threads, memory_GB, walltime_h ... */

typedef struct run_options {
  const char *deck_path, *out; /* out NULL: runs/<deck name>, or with -2, -3, ... where that exists */
  const char *const *overrides;
  int noverrides;
  bool dry, quiet, overwrite;
  const char *command_line, *precision; /* for the record; precision: "single", "double" or NULL */
  const char *restart;                  /* a checkpoint, "auto" (the last readable one of `out`) or NULL */
  double patience_s;                    /* see run_main; 0: 30 s */
  const char *text;                     /* of the deck where it was read already; NULL: from deck_path */
  size_t bytes;
  const struct sweep_point *point; /* of a deck with a sweep (base/sweep.h), or NULL */
  int threads;                     /* per rank where run.threads = 0 and ranks of others share the node; 0: choose */
  double begun;                    /* run_clock when the job began, to which run.walltime_h refers; 0: now */
} run_options;                     /* everything pointed at must stay valid until run_close */

/* Reads and checks the deck, tests the machine, makes the output folder and writes a first run.h5, so that whatever
 * cannot work fails before any work. On failure *r is NULL and e is the same on all ranks. apps: NULL-terminated. */
int run_open(run **r, MPI_Comm parent, const run_options *o, const app *const *apps, err *e);
/* Calls the app and votes: all ranks return the same error. If one rank failed while others wait for it in the middle
 * of the app, it returns after o->patience_s with run_lost(r) true: the caller must then print e and MPI_Abort. */
int run_main(run *r, err *e);
bool run_lost(const run *r); /* local */
/* Writes what is left, prints the table, frees r; returns the exit code. e holds run_main's verdict on entry. */
int run_close(run *r, err *e);

/* local, without a run: `spinet check`, `template`, `show`. */
/* Parses the deck and calls the app's check; *a: its app. e->text may hold warnings on success. */
int run_check(const run_options *o, const app *const *apps, const app **a, err *e);
/* The app of that name; `where` begins the message (ERR_DECK, with the nearest name) if there is none. */
const app *run_find_app(const app *const *apps, const char *name, const char *where, err *e);
int run_template(const app *a, FILE *f, err *e);
/* The results of a run.h5: tables, or lines of name,value,error,exact,unit. */
int run_show(const char *path, bool csv, FILE *f, err *e);

/* local */
const app *run_app(const run *r);
const deck *run_deck(const run *r);
const comm *run_comm(const run *r);
uint32_t run_seed(const run *r);
bool run_dry(const run *r);
bool run_root(const run *r);                    /* rank 0 */
double run_memory(const run *r);                /* bytes a rank may use (run.memory_GB) */
const char *run_path(run *r, const char *name); /* "<out>/name"; valid until the next eight calls */

/* Log: rank 0 writes to terminal and log.txt (line-buffered). Local. */
void run_log(run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void run_warn(run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `done` units of work out of `total` are done in a phase: progress line on a terminal, a plain line every
 * run.log_every_s in a batch log. note: short state such as "KL .12 ess .9" or NULL. Returns true if the run must stop
 * now: wall time, signal or stop file; a checkpoint was written then, as one is every run.checkpoint_min.
 * Collective: all ranks call with the same phase, done and total, each time when everything the run owns stands
 * between two units of work, and (by the app's first tick) everything is owned that was in the last checkpoint. Cheap:
 * ranks speak to each other every 50 ms only. */
bool run_tick(run *r, const char *phase, long done, long total, const char *note);
/* The run must stop: loops end, the app returns without error and without results that are not final. Local; equal on
 * all ranks. */
bool run_stopping(const run *r);

/* Wall time of named parts, summed: /timing. Local; rank 0's times count. */
void run_timer(run *r, const char *part, bool start);

/* What the run owns: a checkpoint (and the copy in memory of tests) consists of these and of nothing else. In a run
 * that continues, run_own (collective then, in the same order on all ranks) fills the object with what was saved under
 * its name, the first time it is called for that name. An object may have grown since, as keys that may change
 * demand (train.steps, estimate.draws): what was saved is its beginning, of each row if it has rows, the rest stays as
 * it was given. It may have shrunk only by zero bytes, the room for work that was never done (ERR_DECK).
 * count elements on this rank; replicated: the same on all ranks; else rows [first, first+count/row) of a global array
 * of `rows` rows; else (row = 0) rank 0's alone, count 0 elsewhere. The pointer stays the caller's and must stay valid
 * until run_disown or run_close. */
typedef struct run_item {
  const char *name;
  void *p;
  h5_type type;
  size_t count; /* elements held here */
  bool replicated;
  size_t row;         /* elements per row when distributed */
  size_t first, rows; /* first global row here, global number of rows */
} run_item;
int run_own(run *r, run_item item, err *e); /* name is copied */
void run_disown(run *r, const char *name);
int run_owned(const run *r, const run_item **items); /* local: number and list */
/* Local: copy everything owned into one block (caller frees), and back. */
void *run_save_memory(const run *r, size_t *bytes);
void run_load_memory(run *r, const void *block);

/* ---- results, local: what rank 0 gives is kept (copied); calls of other ranks are checked and forgotten. The same
 * name again replaces. A failure on rank 0 must be voted on by the caller (comm_vote, or run_main's vote at the end).
 * ----
 *
 * A result. NAN for error/exact/tau_int/n_eff means "not defined" (a dash in tables, absent in the file).
 * name: observable.estimator ("lnZ.nis") or observable; letters, digits and _ - + ; texts are copied. */
typedef struct run_value {
  const char *name, *unit, *description;
  double value, error, exact, exact_error, tau_int, n_eff;
} run_value;
int run_result(run *r, run_value v, err *e);
/* One without exact value and autocorrelation. */
int run_number(run *r, const char *name, const char *unit, const char *description, double value, double error, err *e);
/* Where an observable has no exact value, a long run `source` stands in for it: results observable.* but its own that
 * have none yet get value and error as their reference. Rank 0. */
void run_result_reference(run *r, const char *observable, const char *source, double value, double error);
/* An array result with named axes: dims[i] points along axis i; axis values may be NULL (0, 1, ...). error/exact may be
 * NULL. */
typedef struct run_array {
  const char *name, *unit, *description;
  int rank;
  size_t dims[4];
  const char *axis[4];
  const double *axis_values[4];
  const double *value, *error, *exact;
  const char *axis_unit[4]; /* NULL: "1" */
} run_array;
int run_result_array(run *r, run_array a, err *e);
/* A plain array under /series (training curves, histograms) or any other absolute path. */
int run_series(run *r, const char *name, h5_type t, int rank, const size_t *dims, const void *data, const char *unit,
               const char *description, err *e);
/* Other rooms add whole groups (a network under /model): `write` is called on rank 0 each time run.h5 is written. self
 * must stay valid until run_writer_end, which calls it a last time (not if e holds an error) and keeps in memory what
 * it wrote for all later files, or until run_close. */
int run_writer(run *r, int (*write)(h5 *f, const void *self, err *e), const void *self, err *e);
int run_writer_end(run *r, const void *self, err *e);

/* Draws p (base/plot.h) into "<out>/name" on rank 0 and frees it. A run whose results stand does not fail for want of a
 * picture: whatever keeps it from being drawn, p = NULL for lack of memory included, is a warning. Local. */
struct plot;
void run_figure(run *r, struct plot *p, const char *name);

/* Collective: rewrite run.h5 and the checkpoint now: between phases, and at the end while everything is still owned, so
 * that a finished run can be extended. A checkpoint that cannot be written is a warning. */
int run_snapshot(run *r, err *e);

#endif

/* collect_priv.h: what the files of the collector share.
 *   run_collect.c  runs, their keys, rows of a result      run_pool.c        seeds merged
 *   run_gather.c   tables, CSV, HDF5 (collect_print)      run_plot.c        pictures
 *   run_points.c   one result over a key                  run_curves.c      the same, a curve for each other setting */
#ifndef BASE_COLLECT_PRIV_H
#define BASE_COLLECT_PRIV_H

#include "base/collect.h"
#include "base/run_priv.h"

typedef struct collect_key { /* "model.beta" and what it is in one run */
  char *name, *text;
} collect_key;

typedef struct collect_fit { /* how well the seeds of a pooled result agree */
  double chi2;
  int dof; /* 0: not defined */
} collect_fit;

typedef struct collect_run {
  char *path, *status, *reason; /* status: done, running, failed, stopped, missing, unreadable */
  char *app;
  collect_key *key; /* the used deck */
  int keys;
  run_results results;
  int seeds;               /* merged here: 1, or more after collect_pool */
  collect_fit *fit;        /* of each value, or NULL where nothing was merged */
  collect_fit **array_fit; /* of each number of each array, or NULL */
} collect_run;

typedef struct collection {
  collect_run *run;
  int runs;
  char **key; /* the keys in which the runs differ, x first */
  int keys;
  const char *over; /* the key whose values are merged, or NULL */
  char **note;      /* lines to be told under the tables */
  int notes;
} collection;

typedef struct collect_row {
  int run;
  double axis[4], value, error, exact, exact_error;
  collect_fit fit;
} collect_row;

typedef struct collect_table { /* one result of all runs; names and units belong to the collection */
  const char *name, *unit;
  char description[200]; /* what the runs have in common of theirs */
  int axes;              /* 0 for a scalar */
  const char *axis[4], *axis_unit[4];
  collect_row *row;
  int rows;
} collect_table;

/* Reads all runs, finds the keys, sorts. *c is to be freed either way. */
int collect_open(collection *c, const collect_options *o, err *e);
void collect_close(collection *c);
const char *collect_value(const collect_run *r, const char *key); /* "-" where the run has no such key */
/* The unit of a deck key in the schema of the runs' app; "1" if it is not known. */
const char *collect_unit(const collection *c, const collect_options *o, const char *key);
/* Names of the wanted results (o->y), NULL behind the last; caller frees the array and [0], which owns all texts. */
char **collect_names(const collection *c, const collect_options *o, err *e);
int collect_rows(collect_table *t, const collection *c, const char *name, err *e);
int collect_pool(collection *c, err *e);
void collect_note(collection *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void collect_run_free(collect_run *r);

#endif

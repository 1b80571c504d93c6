/* collect.h: results of many runs beside each other. A run is a run.h5, a folder with one, or the folder of a sweep,
 * which stands for all its points: those that points.txt names and that are not there are missing, and said to be.
 * Local.
 *
 * Runs are told apart by the deck keys in which their used decks differ (section `run` and net.from left out), and
 * sorted by them, the one named x first. */
#ifndef BASE_COLLECT_H
#define BASE_COLLECT_H

#include <stdio.h>

#include "base/run.h"

typedef struct collect_options {
  const char *const *run; /* words of the command line */
  int runs;
  const char *x;    /* deck key, or NULL */
  const char *y;    /* results with commas between, or NULL: all */
  bool pool;        /* merge runs that differ in section run (its seed) only; see run_pool.c */
  const char *over; /* deck key, or NULL: merge runs that differ in it and section run only, as parts of one sample */
  const app *const *apps;
} collect_options;

/* Tables (or CSV) to f and, unless path is NULL, all of it into an HDF5 file. */
int collect_print(const collect_options *o, bool csv, const char *path, FILE *f, err *e);

/* One result of all runs that have it over the deck key o->x, in the order of x. */
typedef struct collect_series {
  int n;
  double *x, *value, *error, *exact; /* (n); error, exact: NaN where unknown */
  char unit[40];
} collect_series;
/* n = 0: no run has a result of this name. ERR_DECK: x is not given or not a number, the result is an array. */
int collect_points(collect_series *p, const collect_options *o, const char *name, err *e);
void collect_points_free(collect_series *p);

/* One result of all runs over the deck key o->x: a curve for each setting of the other keys in which the runs differ.
 * Where the result is an array, its axis must be the key ("kappa" of model.kappa), a list in the deck. */
typedef struct collect_curve {
  char label[240]; /* "lattice.L = 16, chain.steps = 10000" */
  int n;
  double *x, *value, *error; /* (n); error: NaN where unknown */
} collect_curve;
typedef struct collect_curves {
  int n;
  collect_curve *curve;
  char unit[40], x_unit[40];
  char *notes; /* lines about runs that are not there, or "" */
} collect_curves;
/* ERR_DECK: no run has the key or the result, x is not a number, the array has another axis or comes from one ensemble.
 */
int collect_curves_read(collect_curves *p, const collect_options *o, const char *name, err *e);
void collect_curves_free(collect_curves *p);

#endif

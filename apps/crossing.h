/* crossing.h: the command `crossing`: where the curves of two or more lattices meet. */
#ifndef APPS_CROSSING_H
#define APPS_CROSSING_H

#include <stdio.h>

#include "base/collect.h"

typedef struct crossing_request {
  long degree;        /* of the polynomials; -1: 1 to 3 averaged */
  const char *window; /* "LOW,HIGH" of x, or NULL: all points */
} crossing_request;

/* Tables to f: for each result of o->y (names with commas between) its curves over o->x with their fits, and for each
 * pair of curves the crossing and the value there, with errors (analysis/crossing.h). path: a picture, or NULL. Local.
 * ERR_RUN: a curve has too few points, or two do not cross (the others are printed all the same). */
int crossing_runs(const collect_options *o, const crossing_request *q, const char *path, FILE *f, err *e);

#endif

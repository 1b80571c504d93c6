/* extrapolate.h: the command `extrapolate`: results of a sweep over a Trotter number to zero Trotter error. */
#ifndef APPS_EXTRAPOLATE_H
#define APPS_EXTRAPOLATE_H

#include <stdio.h>

#include "base/collect.h"

/* Table to f: for each result of o->y (names with commas between) the value at 1/x^2 = 0, its statistical and
 * systematic errors (analysis/extrapolate.h), and beside it the runs' own result <observable>.limit where they have
 * one. path: a picture over 1/x^2, or NULL. Local. */
int extrapolate_runs(const collect_options *o, const char *path, FILE *f, err *e);

#endif

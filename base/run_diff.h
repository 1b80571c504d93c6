/* run_diff.h: two runs compared bit for bit. Local. */
#ifndef BASE_RUN_DIFF_H
#define BASE_RUN_DIFF_H

#include <stdio.h>

#include "base/run.h"

/* a, b: run.h5 or the folder of a run. Compared: /results, /series and /model with all attributes, app, precision and
 * the identity keys of the used decks; times and the rest of /run are not. The first differences are printed to f. */
int run_diff(const char *a, const char *b, const app *const *apps, FILE *f, bool *equal, err *e);

#endif

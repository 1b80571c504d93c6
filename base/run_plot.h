/* run_plot.h: pictures of many runs. Local. */
#ifndef BASE_RUN_PLOT_H
#define BASE_RUN_PLOT_H

#include "base/collect.h"

/* Draws the results o->y against the deck key o->x (without it: the key with most values), errors as bars, exact values
 * as a line beneath; a panel for each observable, a curve for each estimator and each setting of the other keys. Array
 * results stand against their axis. With `series` (names under /series, commas between): against their index. PATH ends
 * in .png, .svg or .pdf; without gnuplot only the script is written, and e->text says so (code 0). */
int run_plot(const collect_options *o, const char *series, const char *path, err *e);

#endif

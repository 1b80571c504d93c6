/* run_plot.h: pictures of many runs. Local. */
#ifndef BASE_RUN_PLOT_H
#define BASE_RUN_PLOT_H

#include "base/collect.h"

typedef struct plot_request {     /* one of these, or collect_options.y, is not NULL */
  const char *series, *histogram; /* names under /series with commas between */
} plot_request;

/* Draws the results o->y against the deck key o->x ("1/model.beta": its inverse; without it: the key with most values),
 * errors as bars, exact values as a line beneath; a panel for each observable and, where exact values or references are
 * known, one for the deviation from them in errors; a curve for each estimator and each setting of the other keys.
 * Array results stand against their axis. Series stand against their index, long ones as means over equal spans with
 * the error of the mean; or as histograms with the error that independent numbers have. PATH ends in .png, .svg or
 * .pdf. Where gnuplot is missing or fails (ERR_FILE) its script is left, and e->text says so. */
int run_plot(const collect_options *o, const plot_request *q, const char *path, err *e);

#endif

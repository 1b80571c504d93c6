/* run_plot_priv.h: what run_plot.c (results) and run_plot_series.c (training curves, histograms) share. */
#ifndef BASE_RUN_PLOT_PRIV_H
#define BASE_RUN_PLOT_PRIV_H

#include "base/collect_priv.h"
#include "base/plot.h"
#include "base/run_plot.h"

enum { PLOT_TITLE = 60 };

typedef struct figure {
  const collect_options *o;
  const collection *c;
  collect_table *table;
  int tables;
  int x;        /* number of the key along x, -1: none */
  bool inverse; /* 1/key stands along x */
  plot *p;
  double shift, step; /* along x, of the next curve of deviations, and from it to the one behind */
} figure;

void plot_add_text(char s[PLOT_LABEL], const char *text);                    /* ", text" */
void plot_title(char s[PLOT_TITLE], const char *description);                /* up to the first bracket or semicolon */
/* ", lattice.L = 8": the keys of a run but number x (-1: all) in which the runs differ. */
void plot_add_keys(const figure *g, int number, int x, char s[PLOT_LABEL]);
/* A panel for each series that q names. */
int plot_all_series(figure *g, const plot_request *q, err *e);

#endif

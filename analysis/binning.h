/* binning.h: error of the mean of a correlated series from bins of 1, 2, 4, ... successive entries; the error grows
 * with the bin until bins are independent: the plateau. Streaming, no allocation; an independent check of gamma.h.
 * Local. */
#ifndef ANALYSIS_BINNING_H
#define ANALYSIS_BINNING_H

enum { BINNING_LEVELS = 40 };

/* State of one series: plain doubles without pointers; zero-initialise. Level l holds bins of 2^l entries. */
typedef struct binning {
  double n;                       /* entries                                 */
  double bins[BINNING_LEVELS];    /* complete bins                           */
  double mean[BINNING_LEVELS];    /* of the complete bins                    */
  double squares[BINNING_LEVELS]; /* sum of squared deviations from the mean */
  double open[BINNING_LEVELS];    /* average of a first half waiting for its second */
} binning;

typedef struct binning_result {
  double n, mean;
  double error;                /* at the plateau */
  double error_error;          /* error/sqrt(2 (bins - 1)) */
  double tau;                  /* (error/naive error)^2/2, 1/2 for independent data */
  int level;                   /* bins of 2^level */
  int levels;                  /* levels with at least two bins; each[l] below them  */
  double each[BINNING_LEVELS]; /* error from bins of 2^l */
  const char *reason;          /* NULL, or why there is no plateau */
} binning_result;

void binning_add(binning *b, double x);
/* Fewer than two entries: error NaN. */
binning_result binning_summarise(const binning *b);

#endif

/* metrics.h: how good are predictions? Ranking metrics of multi-label scores with exact ties, calibration, regression;
 * bootstrap (stored or drawn rows, clusters, paired), DeLong.
 *
 * Every statistic is a function of *weights of rows*: a bootstrap replicate is how often each row was drawn. Scores are
 * sorted once; then METRICS_LANES replicates are done side by side. Counts are integers, so a value does not depend on
 * order, ranks or threads. Local; metrics_bootstrap uses the threads of OpenMP. ERR_RUN: NaN scores, labels other than
 * 0, 1, METRICS_MISSING, no memory. */
#ifndef ANALYSIS_METRICS_H
#define ANALYSIS_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { METRICS_LANES = 8, METRICS_MISSING = 255 };

typedef struct metrics_scores {
  long n;                      /* rows (records), below 2^30 */
  int k;                       /* classes */
  const double *score;         // (n, k), larger = more likely
  const unsigned char *label;  // (n, k) 0, 1 or METRICS_MISSING (left out)
} metrics_scores;

/* ---- ranking metrics (metrics_rank.c; one file per metric) ---- */

/* One class in ascending order of score: entry = 4 row + 2 label + 1 at the end of a group of equal scores. */
typedef struct metrics_rank {
  long m;
  uint32_t *entry;  // (m)
} metrics_rank;

typedef struct metrics_ranking {
  long n;
  int k;
  bool micro;
  metrics_rank *rank;  // (k), and one more over all entries of all classes where micro
} metrics_ranking;
int metrics_ranking_new(metrics_ranking **r, const metrics_scores *s, bool micro, err *e);
void metrics_ranking_free(metrics_ranking *r); /* r may be NULL */

/* A member of the family. w (n, LANES): weights; value (LANES), NaN where a side is empty; at: its parameter. */
typedef struct metrics_binary {
  const char *name, *help;
  void (*value)(const metrics_rank *r, const uint16_t *w, double at, double *value);
} metrics_binary;
extern const metrics_binary *const metrics_binaries[]; /* auroc, average_precision, f1_max, sensitivity; ends in NULL */
const metrics_binary *metrics_find(const char *name);  /* NULL if there is none */

/* each (k) by class (may be NULL), their mean over the classes that have one (may be NULL), and the value over all
 * entries (may be NULL; needs a ranking with micro, else NaN). */
int metrics_values(const metrics_ranking *r, const metrics_binary *b, double at, double *each, double *macro,
                   double *micro, err *e);

/* Protein-centred F_max (one threshold for all classes, precision averaged over rows with a prediction, recall over
 * rows with a label; Radivojac et al., Nat. Methods 10 (2013) 221), over all distinct scores; rows without label are
 * left out. */
int metrics_fmax(const metrics_scores *s, double *fmax, double *threshold, err *e);

/* ---- bootstrap (metrics_bootstrap.c) ---- */

typedef struct metrics_resample {
  long n, first,
      replicates; /* replicates first ... first+replicates-1 of rows 0..n-1: replicate b does not depend on them */
  const uint32_t *stored;  // (replicates, n) rows of each replicate, or NULL: drawn
  uint32_t seed;           /* of the stream "bootstrap" */
  const int *group;        // (n) cluster of each row, 0..groups-1: whole clusters are drawn; NULL: rows
  int groups;
  const metrics_ranking *require; /* redraw until every class has a positive and a negative; NULL: never */
} metrics_resample;

/* value (count, LANES) from weights w (n, LANES). Must be free of side effects: threads call it. */
typedef void metrics_statistic(const void *ctx, const uint16_t *w, double *value);
/* out (replicates, count). ERR_RUN also: a stored row out of range, a row drawn more than 65535 times, 10000 draws in
 * vain for `require`. */
int metrics_bootstrap(const metrics_resample *p, int count, metrics_statistic *f, const void *ctx, double *out, err *e);

/* The statistic of a panel of models on the same rows, hence paired: for each model its macro average, then (classes)
 * its k values, then (where its ranking has it) its micro value. */
typedef struct metrics_panel {
  int models;
  const metrics_ranking *const *ranking;  // (models)
  const metrics_binary *metric;
  double at;
  bool classes;
} metrics_panel;
int metrics_panel_count(const metrics_panel *p);
metrics_statistic metrics_panel_statistic;

typedef struct metrics_interval {
  double point, mean, sd, low, high;
  long used; /* replicates that were no NaN */
} metrics_interval;
typedef enum { METRICS_PERCENTILE, METRICS_BASIC } metrics_interval_kind;
/* Of column i of out (replicates, count) or, j >= 0, of the paired difference of columns i and j. level: .95, say.
 * Percentile: quantiles of the replicates (linear between order statistics); basic: 2 point - quantiles. */
int metrics_interval_of(long replicates, int count, const double *out, int i, int j, double point, double level,
                        metrics_interval_kind kind, metrics_interval *v, err *e);
/* Quantile q of ascending x[n], linear between order statistics; NaN for n = 0. */
double metrics_quantile(long n, const double *x, double q);

/* ---- DeLong (metrics_delong.c): AUROCs of models on one class and their covariance, without resampling ---- */
/* score (models, n), label (n) 0, 1 or METRICS_MISSING; auc (models), cov (models, models; NaN with one row on a side).
 */
int metrics_delong(long n, int models, const double *score, const unsigned char *label, double *auc, double *cov,
                   err *e);

/* ---- calibration (metrics_calibration.c) ---- */
typedef struct metrics_bin {
  double mean_p, rate, count; /* mean prediction and frequency of label 1 in this bin */
} metrics_bin;
typedef struct metrics_calibration {
  double brier, ece, mce;                      /* mean (p - y)^2; weighted mean and maximum of |mean_p - rate| */
  double reliability, resolution, uncertainty; /* Murphy's parts over the bins */
} metrics_calibration;
/* p (n) in [0,1], label (n). bins of equal width, or of equal counts (equal_mass; ties may cross bins). bin (bins) may
 * be NULL. ERR_RUN also: p outside [0,1], no labels. */
int metrics_calibrate(long n, const double *p, const unsigned char *label, int bins, bool equal_mass, metrics_bin *bin,
                      metrics_calibration *c, err *e);

/* ---- regression (metrics_regression.c) ---- */
typedef struct metrics_regression {
  double n;
  double mae, rmse, nrmse;        /* nrmse = rmse / (max - min of the truth) */
  double bias, sd;                /* of prediction - truth; sd with n-1 */
  double r, r2;                   /* Pearson's r; 1 - residual / total */
  double low, high;               /* Bland-Altman limits of agreement bias -+ 1.96 sd */
  double bias_error, limit_error; /* one sigma of bias and of either limit */
  double slope;                   /* of the difference on the mean of both: proportional bias */
} metrics_regression;
/* Rows with a NaN on either side are left out. ERR_RUN: fewer than two rows, infinities. */
int metrics_regress(long n, const double *truth, const double *prediction, metrics_regression *r, err *e);

#endif

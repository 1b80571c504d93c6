/* series_explain.h: the parts of app series-explain. Recordings of the test fold that have a class, each cut in windows
 * as in the test of app series; what each window owes to the logit of that class by every method, put together again as
 * the attribution of the mean logit; numbers of each recording (a row), and their means. */
#ifndef APPS_SERIES_EXPLAIN_H
#define APPS_SERIES_EXPLAIN_H

#include "apps/series_attribute.h"
#include "apps/series_model.h"
#include "apps/series_truth.h"

typedef struct explain_conf {
  const char *from, *class;
  long records, randomise;
  double before, after, least;
} explain_conf;

/* Numbers of a row: EXPLAIN_HEAD, then the median beat (leads, beat), then for each method its scores and the mean
 * attribution over beats, in parts of sum |R| (leads, beat). NaN: not defined. */
enum { EXPLAIN_PROBABILITY, EXPLAIN_AREA, EXPLAIN_SIGNAL, EXPLAIN_HEAD };
enum {
  EXPLAIN_FAULT,  /* of completeness or ledger, worst window */
  EXPLAIN_KEPT,   /* sum R / F, mean over windows */
  EXPLAIN_INSIDE, /* of the positive attribution, where the class shows */
  EXPLAIN_RANK,   /* rank accuracy there */
  EXPLAIN_RHO,    /* rank correlation after all layers are randomised; the shard's, with its first recording ... */
  EXPLAIN_SIGN,   /* ... of the attribution with its sign */
  EXPLAIN_SLOPE,  /* ... of its size over that of the signal */
  EXPLAIN_WAVE,   /* of the positive attribution, in each wave ... */
  EXPLAIN_LEAD = EXPLAIN_WAVE + SERIES_WAVES, /* ... and lead */
  EXPLAIN_SCORES = EXPLAIN_LEAD + SERIES_LEADS
};

typedef struct explain {
  explain_conf c;
  series_attribute_conf attribute;
  series_model model;
  series_sim sim;
  int class, drawn; /* its number among the outputs, and among the classes of the simulator */
  bool truth_known;
  long n; /* recordings */
  series_data data;
  series_windows w;
  series_truth *truth;     // (n)
  int before, after, beat; /* samples of a beat: before + 1 + after */
  int lanes, per, shards;  /* recordings of a shard */
  int methods;
  const char *name[SERIES_METHODS];
  size_t row;    /* numbers of a recording */
  double *rows;  // (n, row), complete on rank 0
  int64_t done;  /* shards */
  double *mine;  /* room of a round */
} explain;

/* Local: chooses and draws the recordings. ERR_DECK: none has the class. */
int explain_open(explain *x, const deck *d, double memory, err *e);
void explain_close(explain *x);
static inline size_t explain_at(const explain *x, int method) { /* where a method's numbers begin */
  size_t beat = (size_t)SERIES_LEADS * (size_t)x->beat;
  return EXPLAIN_HEAD + beat + (size_t)method * (EXPLAIN_SCORES + beat);
}
/* Local, one worker's shard: rows of its recordings, to (per, row). */
typedef struct explain_worker explain_worker;
int explain_worker_new(explain_worker **w, const explain *x, err *e);
void explain_worker_free(explain_worker *w);
const series_explainer *explain_worker_methods(const explain_worker *w);
int explain_shard(explain_worker *w, int shard, double *to, err *e);

/* Mean and standard error over the recordings that the network finds (probability >= least) and where number k of their
 * rows is defined; NaN where there are none. */
typedef struct explain_mean {
  double mean, error, most;
  long n;
} explain_mean;
explain_mean explain_mean_of(const explain *x, size_t k);
int explain_report(run *r, const explain *x, err *e); /* rank 0: results and pictures */

#endif

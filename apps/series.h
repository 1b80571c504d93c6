/* series.h: the parts of app series: recordings with labels in memory, cut into windows. */
#ifndef APPS_SERIES_H
#define APPS_SERIES_H

#include "base/run.h"
#include "nn/dataset.h"

extern const app app_series;

enum { SERIES_LEADS = 12, SERIES_PERSON = 2 };

/* Recordings of equal length with labels and folds 1 ... 10. */
typedef struct series_data {
  long n, samples; /* recordings; per lead */
  int leads, classes;
  double rate;                                 /* Hz */
  uint32_t seed;                               /* of simulated recordings */
  nn_real *signal;                             // (n, samples, leads): (mV - mean) / sd of the lead
  double mean[SERIES_LEADS], sd[SERIES_LEADS]; /* mV, of folds 1 to 8 */
  unsigned char *label;                        // (n, classes)
  double *oracle;                              // (n, classes) probability of a label given the truth, or NULL
  int *fold;                                   // (n)
  nn_real *person;  // (n, SERIES_PERSON) (age - 60)/20, sex (0 male, 1 female); 0 where not told
  char **name;      // (classes)
} series_data;

typedef struct series_source {
  deck_kind kind; /* first member */
  /* Local: at most `most` recordings (0: all there are) in order; allocates through series_room. dry: the first one
   * alone is read or simulated, of the others nothing but the fold. */
  int (*open)(series_data *s, const deck *d, long most, uint32_t seed, double memory, bool dry, err *e);
} series_source;
extern const series_source series_simulated, series_planted, series_measured;
extern const deck_kind *const series_sources[]; /* simulated, planted, ptbxl */

/* Local: from n, samples, leads, classes; ERR_RUN where it would take more than `memory` bytes. */
int series_room(series_data *s, bool oracle, double memory, err *e);
void series_close(series_data *s);
/* Local: renumbers the folds in a ring so that `test` becomes fold 10 and the one before it fold 9. */
void series_turn_folds(series_data *s, int test);
/* Of a deck of app series: data.test_fold; is the largest probability of a recording's windows taken, not the mean? */
int series_test_fold(const deck *d);
bool series_window_max(const deck *d);
/* Local: leaves one class, by its name; ERR_DECK where there is none. */
int series_keep(series_data *s, const char *name, err *e);
/* Local, of recording i: samples of a lead in mV (NaN, not recorded: 0), age in years and sex (NaN: not told). */
void series_put_lead(series_data *s, long i, int lead, const double *x);
void series_put_person(series_data *s, long i, double age, double sex);
/* Local: from mV to (mV - mean) / sd, of folds 1 to 8; or with mean and sd as they stand. */
void series_standardise(series_data *s);
void series_scale(series_data *s);

enum { SERIES_TAPS = 32 };
/* Windows of `length` samples of the recordings of some folds: number i is window i % each of recording i / each. */
typedef struct series_windows {
  const series_data *s;
  long *record; /* (records) */
  long records, length, stride;
  int each,
      every; /* windows of a recording; 1: all samples, 2: every other one, after a filter of 2 taps - 1 numbers */
  int taps;
  double tap[SERIES_TAPS]; /* from its middle on */
  bool person;             /* a second input of the network */
  bool max;                /* the largest probability of a recording's windows counts, not their mean */
  nn_dataset set;          /* ctx: this */
} series_windows;
/* length 0: whole recordings. train: the first window only, moved to a random place each time. */
int series_windows_new(series_windows *w, const series_data *s, int from_fold, int to_fold, long length, bool person,
                       bool train, err *e);
void series_windows_free(series_windows *w);
/* Half the rate from now on: every other sample; filtered: of what lies below its Nyquist frequency. */
void series_halve(series_windows *w, bool filtered);
/* Mean (or largest) over the windows of a recording of sigmoid(z), z (records * each, classes); score and label
 * (records, classes). */
void series_scores(const series_windows *w, const nn_real *z, double *score, unsigned char *label);

/* Local: scores (test records, classes) of logistic regressions on measured rhythm, intervals, axes and waves. */
int series_baseline(const series_windows *train, const series_windows *test, double ridge, double *score, err *e);

#endif

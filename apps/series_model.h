/* series_model.h: a network that app series trained, with all that is needed to show it recordings again: what stands
 * in /model of run.h5 (nn/store.h) and, beside it, /model/input (mean, sd of each lead in mV; attributes rate, window,
 * person, leads, seed) and /model/classes (names). Local. */
#ifndef APPS_SERIES_MODEL_H
#define APPS_SERIES_MODEL_H

#include "apps/series.h"
#include "base/run_past.h"
#include "nn/nets.h"
#include "nn/store.h"

typedef struct series_stored {
  nn_stored net;
  const series_data *data;
  long window;
  bool person;
} series_stored;
int series_model_write(h5 *f, const void *series_stored_self, err *e); /* for run_writer */

typedef struct series_model {
  run_past past;                               /* the run that trained it */
  uint32_t seed;                               /* of its simulated recordings */
  double rate;                                 /* Hz */
  double mean[SERIES_LEADS], sd[SERIES_LEADS]; /* mV */
  long window;                                 /* samples */
  bool person;
  int classes;
  char **name;  // (classes)
  nn_graph *g;  /* with a gradient at input 0 */
  nn_real *theta, *state;
} series_model;
/* From run.h5 of app series. ERR_FILE: no such file, not a run of that app, or an old one that lacks /model/input.
 * Close either way. */
int series_model_open(series_model *m, const char *path, err *e);
void series_model_close(series_model *m);
/* The same network for recordings at another rate (Hz), windows of the same duration: state spaces are told, others
 * must get recordings at their own rate (ERR_DECK). Caller frees. */
int series_model_at_rate(const series_model *m, double rate, nn_graph **g, err *e);
/* From mV to (mV - mean) / sd. */
void series_model_scale(const series_model *m, series_data *s);
/* Number of the class of that name; ERR_DECK with the nearest name, else -1. */
int series_model_class(const series_model *m, const char *name, err *e);

#endif

/* series_record.h: one recording for a trained network: a file of any format that signals/recording.h reads, or a
 * simulated patient; its twelve leads in mV at one rate. Leads are found by their names (III, AVR, AVL, AVF follow from
 * I and II where they are missing); a file of exactly twelve leads without such names is taken in the order of PTB-XL,
 * and a note says so. Local. */
#ifndef APPS_SERIES_RECORD_H
#define APPS_SERIES_RECORD_H

#include "apps/series_model.h"

typedef struct series_record {
  double rate; /* Hz */
  long samples;
  double *x;       // (SERIES_LEADS, samples) mV, 0 where nothing was recorded
  double age, sex; /* NaN: not told */
  char note[400];  /* what was assumed, converted or missing; "" */
} series_record;
typedef struct series_record_conf { /* keys of every kind */
  double begin, seconds;
  int transfer;
} series_record_conf;
enum { SERIES_RESAMPLE, SERIES_TELL }; /* transfer: to the model's rate; or the network is told of the recording's */
extern const deck_key series_record_keys[];
extern const deck_kind *const series_record_kinds[]; /* file, simulated */

/* From section `record` of a deck; ERR_FILE: a file that cannot be read, leads that are missing, a part that is not
 * there. Close either way. */
int series_record_open(series_record *s, const deck *d, const series_model *m, err *e);
void series_record_close(series_record *s);

#endif

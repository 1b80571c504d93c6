/* series_truth.h: what the simulator knows about the time course of a recording: its normal beats and the waves of
 * each; averages of anything over these beats. Local; allocates nothing unless said so. */
#ifndef APPS_SERIES_TRUTH_H
#define APPS_SERIES_TRUTH_H

#include "apps/series_simulated.h"

enum { SERIES_BETWEEN = ECG_WAVES, SERIES_WAVES }; /* P, QRS, ST, T and what lies between */
extern const char *const series_wave_names[SERIES_WAVES];

typedef struct series_truth {
  int beats; /* normal ones and those of the atria, in time */
  double beat[ECG_BEATS];
  ecg_fiducials f;
} series_truth;
series_truth series_truth_of(const ecg_record *r);

/* wave (samples): the wave of each sample at `rate`. P and QRS as the simulator says; ST from the end of QRS to the
 * begin of T, which is as far before its peak as its end is behind, but not before the end of QRS. */
void series_wave_mask(const series_truth *t, double rate, long samples, unsigned char *wave);

/* Beats that lie within the recording from `before` samples before the R wave to `after` behind. */
int series_beats_within(const series_truth *t, double rate, long samples, int before, int after);
/* Of x (samples, leads) the mean, or the median, over these beats: to (leads, before + 1 + after); NaN without beats.
 * room (ECG_BEATS): scratch of the median; NULL: the mean. */
void series_beat_average(const series_truth *t, double rate, long samples, int leads, const double *x, int before,
                         int after, double *room, double *to);

/* in (samples, leads): 1 where a class shows, as far as that is known. The sign that was planted: its lead and wave. Of
 * the simulator's classes AMI, IMI, STD, RBBB, LBBB, LVH, LAD, 1AVB: the leads and waves that these edit. False where
 * nothing is known about it. */
bool series_truth_mask(const series_sim *q, const char *class, long samples, const unsigned char *wave,
                       unsigned char *in);

#endif

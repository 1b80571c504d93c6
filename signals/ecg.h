/* ecg.h: what an electrocardiogram says: beats, the fiducial points of a beat, intervals, axes. Signals in mV; NaN
 * counts as 0 in detection. Times in samples unless said otherwise. Local; ERR_RUN: no memory, rates below 50 Hz. */
#ifndef SIGNALS_ECG_H
#define SIGNALS_ECG_H

#include <stdbool.h>

#include "base/err.h"

/* ---- beats (ecg_qrs.c) ---- */
/* R waves of n samples of all leads together: x (leads, n); peak[room], ascending, between samples by a parabola. room:
 * ecg_qrs_room(n, rate). Whole recording at once; needs about 5 n numbers of scratch. */
long ecg_qrs_room(long n, double rate);
int ecg_qrs(int leads, long n, double rate, const double *x, double *peak, long *beats, err *e);

/* Compares detections with reference beats (both ascending, s) within a tolerance, one to one. */
typedef struct ecg_match {
  long hits, missed, extra;
  double sensitivity, precision; /* NaN without beats */
} ecg_match;
ecg_match ecg_match_beats(long n, const double *found, long m, const double *reference, double tolerance);

/* ---- one beat (ecg_delineate.c) ---- */
/* s from the R wave; NaN: there is none, or it could not be found. */
typedef struct ecg_fiducials {
  double p_on, p_peak, p_off, qrs_on, qrs_off, t_peak, t_off;
} ecg_fiducials;

/* The typical beat: for each lead the median over beats of the dominant shape, drift between beats taken out, from
 * `before` samples before the R wave to `after` behind it: beat (leads, before + 1 + after). *used: how many beats, 0
 * if no beat lies within the recording. */
int ecg_median_beat(int leads, long n, double rate, const double *x, long beats, const double *peak, int before,
                    int after, double *beat, int *used, err *e);
/* How constant is a part of the typical beat? Every beat that entered holds it to a multiple of about 1; *spread is the
 * robust standard deviation of these multiples over the samples from ... to of `beat` (as above), lines between the
 * ends taken out: small for a P wave, above 1 for what is only left over from averaging (fibrillatory waves, noise). */
int ecg_spread(int leads, long n, double rate, const double *x, long beats, const double *peak, int before, int after,
               const double *beat, int from, int to, double *spread, err *e);
/* Fiducials of a beat (leads, length) whose R wave stands at sample `r`; rr: s, beats before and behind are that far
 * away; noise: of a sample, mV (ecg_noise divided by the root of the beats in a median). */
int ecg_delineate(int leads, int length, int r, double rate, double rr, double noise, const double *beat,
                  ecg_fiducials *f, err *e);
/* Standard deviation of white noise in a lead, from second differences (median, so waves do not count). */
double ecg_noise(long n, const double *x);

/* ---- the recording (ecg_measure.c) ---- */
typedef struct ecg_intervals {
  long beats;
  double rr, rr_sd, heart_rate;            /* s, s, beats per minute; rr: median */
  double pr, qrs, qt, qtc, qtc_fridericia; /* s; NaN where a point is missing */
  double p_axis, qrs_axis, t_axis;         /* degrees in the frontal plane, -180 ... 180; NaN without leads I and II */
  ecg_fiducials f;
} ecg_intervals;
/* lead_i, lead_ii: which leads serve for the axes, -1: none. */
int ecg_measure(int leads, long n, double rate, const double *x, int lead_i, int lead_ii, ecg_intervals *v, err *e);
/* Frontal axis from net areas of leads I and II: atan2(2 II - I, sqrt(3) I). Degrees. */
double ecg_axis(double area_i, double area_ii);

/* ---- heart-rate variability (ecg_hrv.c) ---- */
typedef struct ecg_hrv {
  long intervals;
  double mean, sdnn, rmssd, sdsd, pnn50; /* s; pnn50: fraction of successive differences above 50 ms */
  double sd1, sd2;                       /* s, Poincare plot */
  double vlf, lf, hf, lf_hf;             /* s^2 in .003-.04, .04-.15, .15-.4 Hz (Lomb-Scargle) */
} ecg_hrv;
/* From n times of beats, s. Intervals of 0 or less are an error. Fewer than 3 beats: NaN. */
int ecg_hrv_of(long n, const double *time, ecg_hrv *v, err *e);

#endif

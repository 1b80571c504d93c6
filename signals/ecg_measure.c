/* ecg_measure.c: ecg_measure, ecg_axis: intervals and axes of a recording from its typical beat.
 * QTc: Bazett QT/sqrt(RR), Fridericia QT/RR^(1/3), RR in s. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/ecg.h"
#include "signals/ecg_filter.h"

double ecg_axis(double area_i, double area_ii) {
  if (area_i == 0 && area_ii == 0) return NAN;
  return atan2(2 * area_ii - area_i, sqrt(3) * area_i) * 57.29577951308232;
}

/* Sum of a lead between two times, above the level before the QRS complex. */
static double area(const double *lead, int r, int length, double rate, double level, double from, double to) {
  int i = r + (int)lrint(from * rate), end = r + (int)lrint(to * rate);
  double s = 0;
  for (; i <= end; i++)
    if (i >= 0 && i < length) s += lead[i] - level;
  return s;
}

static double axis(const double *i, const double *ii, int r, int length, double rate, const ecg_fiducials *f,
                   double from, double to, bool ends) {
  if (isnan(from) || isnan(to)) return NAN;
  double level[2] = {0}, sum[2];
  const double *lead[] = {i, ii};
  int a = r + (int)lrint((f->qrs_on - .02) * rate), b = r + (int)lrint((f->qrs_on - .004) * rate);
  if (ends) a = r + (int)lrint(from * rate), b = r + (int)lrint(to * rate); /* P: between its ends */
  for (int k = 0; k < 2; k++) {
    for (int t = a; t <= b; t += ends ? b - a : 1) level[k] += lead[k][t < 0 ? 0 : t] / (ends ? 2 : b - a + 1);
    sum[k] = area(lead[k], r, length, rate, level[k], from, to);
  }
  return ecg_axis(sum[0], sum[1]);
}

static int rhythm(long beats, const double *peak, double rate, ecg_intervals *v, err *e) {
  double *rr = malloc((size_t)(beats + 1) * sizeof *rr), sum = 0, square = 0;
  if (!rr) return err_set(e, ERR_RUN, "no memory for %ld intervals", beats);
  long m = beats - 1;
  for (long i = 0; i < m; i++) rr[i] = (peak[i + 1] - peak[i]) / rate, sum += rr[i];
  for (long i = 0; i < m; i++) square += (rr[i] - sum / (double)m) * (rr[i] - sum / (double)m);
  v->rr_sd = m > 1 ? sqrt(square / (double)(m - 1)) : NAN;
  v->rr = ecg_median(m, rr), v->heart_rate = m > 0 ? 60 * (double)m / sum : NAN;
  free(rr);
  return 0;
}

/* A P wave that does not come back with every beat is none. */
static int doubt_p(int leads, long n, double rate, const double *x, long beats, const double *peak, int before,
                   int after, const double *beat, ecg_fiducials *f, err *e) {
  double spread;
  if (isnan(f->p_on)) return 0;
  int from = before + (int)floor(f->p_on * rate), to = before + (int)ceil(f->p_off * rate);
  if (ecg_spread(leads, n, rate, x, beats, peak, before, after, beat, from, to, &spread, e)) return e->code;
  if (spread > .4) f->p_on = f->p_peak = f->p_off = NAN;
  return 0;
}

static int measure_beat(int leads, long n, double rate, const double *x, int lead_i, int lead_ii, long beats,
                        const double *peak, ecg_intervals *v, err *e) {
  double rr = isnan(v->rr) ? 1 : v->rr, noise = 0;
  int before = ecg_samples(fmin(.42, .64 * rr), rate, 1), after = ecg_samples(fmin(.7, rr), rate, 1), used;
  int length = before + 1 + after;
  double *beat = malloc((size_t)leads * (size_t)length * sizeof *beat);
  if (!beat) return err_set(e, ERR_RUN, "no memory for a typical beat");
  if (!ecg_median_beat(leads, n, rate, x, beats, peak, before, after, beat, &used, e) && used) {
    for (int k = 0; k < leads; k++) noise += ecg_noise(n, x + k * n) / leads;
    noise *= used > 2 ? 1.25 / sqrt(used) : 1;
    if (!ecg_delineate(leads, length, before, rate, rr, noise, beat, &v->f, e))
      doubt_p(leads, n, rate, x, beats, peak, before, after, beat, &v->f, e);
  }
  const ecg_fiducials *f = &v->f;
  v->pr = f->qrs_on - f->p_on, v->qrs = f->qrs_off - f->qrs_on, v->qt = f->t_off - f->qrs_on;
  v->qtc = v->qt / sqrt(rr), v->qtc_fridericia = v->qt / cbrt(rr);
  if (lead_i >= 0 && lead_ii >= 0 && used && !e->code) {
    const double *i = beat + lead_i * length, *ii = beat + lead_ii * length;
    v->p_axis = axis(i, ii, before, length, rate, f, f->p_on, f->p_off, true);
    v->qrs_axis = axis(i, ii, before, length, rate, f, f->qrs_on, f->qrs_off, false);
    v->t_axis = axis(i, ii, before, length, rate, f, 2 * f->t_peak - f->t_off, f->t_off, false);
  }
  free(beat);
  return e->code;
}

int ecg_measure(int leads, long n, double rate, const double *x, int lead_i, int lead_ii, ecg_intervals *v, err *e) {
  const ecg_fiducials none = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  *v = (ecg_intervals){0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, none};
  if (!(rate >= 50)) return err_set(e, ERR_RUN, "an ECG is measured at 50 Hz or more, not at %g Hz", rate);
  double *peak = malloc((size_t)ecg_qrs_room(n, rate) * sizeof *peak);
  if (!peak) return err_set(e, ERR_RUN, "no memory for the beats of %ld samples", n);
  if (!ecg_qrs(leads, n, rate, x, peak, &v->beats, e) && v->beats && !rhythm(v->beats, peak, rate, v, e))
    measure_beat(leads, n, rate, x, lead_i, lead_ii, v->beats, peak, v, e);
  free(peak);
  return e->code;
}

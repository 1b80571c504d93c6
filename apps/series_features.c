/* series_features.c: the plain baseline of app series: what a cardiologist measures (rhythm, intervals, axes, the waves
 * of the typical beat in each lead), and a logistic regression of each class on it (see series.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/logistic.h"
#include "apps/series.h"
#include "signals/ecg.h"

enum { GLOBAL = 15, WAVES = 4 }; /* numbers of the recording, and of each lead */

static int width(const series_data *s) {
  return GLOBAL + WAVES * s->leads;
}

/* One recording in mV, lead by lead. */
static void recording_of(const series_data *s, long i, double *x) {
  for (long t = 0; t < s->samples; t++)
    for (int l = 0; l < s->leads; l++)
      x[l * s->samples + t] = s->mean[l] + s->sd[l] * (double)s->signal[(i * s->samples + t) * s->leads + l];
}

static void put_intervals(const ecg_intervals *v, double *to) {
  const double turn = 0.017453292519943295, axis[3] = {v->p_axis, v->qrs_axis, v->t_axis};
  const double plain[7] = {v->heart_rate, v->rr_sd, v->rr_sd / v->rr, v->pr, v->qrs, v->qtc, isnan(v->pr)};
  memcpy(to, plain, sizeof plain);
  for (int k = 0; k < 3; k++) to[7 + 2 * k] = cos(turn * axis[k]), to[8 + 2 * k] = sin(turn * axis[k]);
}

/* Of one lead of the typical beat, above the level before the QRS complex: R, S, the level behind it, T. */
static void put_waves(const double *beat, int length, int r, double rate, const ecg_fiducials *f, double *to) {
  int on = r + (int)lrint(f->qrs_on * rate), off = r + (int)lrint(f->qrs_off * rate);
  int end = r + (int)lrint(f->t_off * rate), st = off + (int)lrint(0.06 * rate);
  double level = beat[on > 0 ? on : 0], t = 0;
  to[0] = to[1] = 0;
  for (int i = on > 0 ? on : 0; i <= off && i < length; i++)
    to[0] = fmax(to[0], beat[i] - level), to[1] = fmin(to[1], beat[i] - level);
  for (int i = st; i <= end && i < length; i++) t = fabs(beat[i] - level) > fabs(t) ? beat[i] - level : t;
  to[2] = st < length ? beat[st] - level : NAN;
  to[3] = t;
}

/* x (leads, samples) -> to (width); NaN: could not be measured. */
static int measure(const series_data *s, const double *x, double *peak, double *beat, double *to, err *e) {
  ecg_intervals v;
  long beats;
  int used, before = (int)lrint(0.35 * s->rate), after = (int)lrint(0.6 * s->rate), length = before + 1 + after;
  for (int k = 0; k < width(s); k++) to[k] = NAN;
  if (ecg_qrs(s->leads, s->samples, s->rate, x, peak, &beats, e)) return e->code;
  if (beats < 2) return 0;
  if (ecg_measure(s->leads, s->samples, s->rate, x, 0, 1, &v, e) ||
      ecg_median_beat(s->leads, s->samples, s->rate, x, beats, peak, before, after, beat, &used, e))
    return e->code;
  put_intervals(&v, to);
  for (int l = 0; l < s->leads && used && isfinite(v.f.qrs_on) && isfinite(v.f.qrs_off) && isfinite(v.f.t_off); l++)
    put_waves(beat + l * length, length, before, s->rate, &v.f, to + GLOBAL + WAVES * l);
  return 0;
}

static int measure_all(const series_windows *w, double *features, err *e) {
  const series_data *s = w->s;
  double *x = malloc(sizeof *x * s->leads * s->samples);
  double *peak = malloc(sizeof *peak * ecg_qrs_room(s->samples, s->rate));
  double *beat = malloc(sizeof *beat * s->leads * (size_t)(2 * s->rate));
  if (!x || !peak || !beat) err_set(e, ERR_RUN, "features: out of memory");
  for (long i = 0; i < w->records && !e->code; i++) {
    recording_of(s, w->record[i], x);
    double *to = features + i * width(s);
    measure(s, x, peak, beat, to, e);
    for (int k = 0; k < SERIES_PERSON; k++)
      to[GLOBAL - SERIES_PERSON + k] = w->person ? (double)s->person[w->record[i] * SERIES_PERSON + k] : 0;
  }
  free(x), free(peak), free(beat);
  return e->code;
}

/* Units of the training data's standard deviation; what is missing takes its mean. */
static void standardise(int p, long n, double *train, long m, double *other) {
  for (int k = 0; k < p; k++) {
    double sum = 0, square = 0, count = 0;
    for (long i = 0; i < n; i++)
      if (isfinite(train[i * p + k])) sum += train[i * p + k], count++;
    double mean = count > 0 ? sum / count : 0;
    for (long i = 0; i < n; i++)
      if (isfinite(train[i * p + k])) square += pow(train[i * p + k] - mean, 2);
    double over = square > 0 ? 1 / sqrt(square / count) : 0;
    for (long i = 0; i < n; i++) train[i * p + k] = isfinite(train[i * p + k]) ? over * (train[i * p + k] - mean) : 0;
    for (long i = 0; i < m; i++) other[i * p + k] = isfinite(other[i * p + k]) ? over * (other[i * p + k] - mean) : 0;
  }
}

int series_baseline(const series_windows *train, const series_windows *test, double ridge, double *score, err *e) {
  const series_data *s = train->s;
  int p = width(s), K = s->classes;
  double *a = malloc(sizeof *a * train->records * p), *b = malloc(sizeof *b * test->records * p);
  double *w = malloc(sizeof *w * (p + 1));
  unsigned char *label = malloc((size_t)train->records * K);
  if (!a || !b || !w || !label) err_set(e, ERR_RUN, "features: out of memory");
  if (!e->code && !measure_all(train, a, e) && !measure_all(test, b, e)) {
    standardise(p, train->records, a, test->records, b);
    for (long i = 0; i < train->records; i++) memcpy(label + i * K, s->label + train->record[i] * K, (size_t)K);
    for (int k = 0; k < K && !logistic_fit(train->records, p, a, label + k, K, ridge, w, e); k++)
      for (long i = 0; i < test->records; i++) score[i * K + k] = logistic_score(p, b + i * p, w);
  }
  free(a), free(b), free(w), free(label);
  return e->code;
}

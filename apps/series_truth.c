/* series_truth.c: see series_truth.h. */
#include "apps/series_truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const series_wave_names[SERIES_WAVES] = {"P", "QRS", "ST", "T", "between"};

series_truth series_truth_of(const ecg_record *r) {
  series_truth t = {.f = r->f};
  for (int b = 0; b < r->beats; b++)
    if (r->type[b] != ECG_VENTRICULAR_BEAT) t.beat[t.beats++] = r->beat[b];
  return t;
}

static void mark(double from, double to, double rate, long samples, ecg_wave w, unsigned char *wave) {
  if (!isfinite(from) || !isfinite(to)) return;
  for (long i = (long)fmax(ceil(from * rate), 0); i <= (long)floor(to * rate) && i < samples; i++)
    wave[i] = (unsigned char)w;
}

void series_wave_mask(const series_truth *t, double rate, long samples, unsigned char *wave) {
  const ecg_fiducials *f = &t->f;
  double begin = fmax(2 * f->t_peak - f->t_off, f->qrs_off);
  memset(wave, SERIES_BETWEEN, (size_t)samples);
  for (int b = 0; b < t->beats; b++) {
    double r = t->beat[b];
    mark(r + begin, r + f->t_off, rate, samples, ECG_T, wave);
    mark(r + f->qrs_off, r + begin, rate, samples, ECG_ST, wave);
  }
  for (int b = 0; b < t->beats; b++) { /* where beats overlap P and QRS stand before the T of the last beat */
    mark(t->beat[b] + f->p_on, t->beat[b] + f->p_off, rate, samples, ECG_P, wave);
    mark(t->beat[b] + f->qrs_on, t->beat[b] + f->qrs_off, rate, samples, ECG_QRS, wave);
  }
}

static bool within(double beat, double rate, long samples, int before, int after) {
  long r = lrint(beat * rate);
  return r >= before && r + after < samples;
}

int series_beats_within(const series_truth *t, double rate, long samples, int before, int after) {
  int n = 0;
  for (int b = 0; b < t->beats; b++) n += within(t->beat[b], rate, samples, before, after);
  return n;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double middle(int n, double *v) {
  qsort(v, (size_t)n, sizeof *v, ascending);
  return n ? .5 * (v[(n - 1) / 2] + v[n / 2]) : NAN;
}

void series_beat_average(const series_truth *t, double rate, long samples, int leads, const double *x, int before,
                         int after, double *room, double *to) {
  int length = before + 1 + after;
  for (int l = 0; l < leads; l++)
    for (int i = 0; i < length; i++) {
      double sum = 0;
      int n = 0;
      for (int b = 0; b < t->beats; b++) {
        if (!within(t->beat[b], rate, samples, before, after)) continue;
        double v = x[(lrint(t->beat[b] * rate) - before + i) * leads + l];
        if (room) room[n] = v;
        sum += v, n++;
      }
      to[l * length + i] = room ? middle(n, room) : n ? sum / n : NAN;
    }
}

/* Where the simulator's classes show (signals/ecg_sim_class.c): bit k of leads is lead k of the twelve. */
static const struct {
  const char *class;
  unsigned leads, waves;
} shows[] = {{"AMI", 0x3c0, 1 << ECG_QRS | 1 << ECG_ST | 1 << ECG_T}, /* V1 ... V4 */
             {"IMI", 0x026, 1 << ECG_QRS | 1 << ECG_ST | 1 << ECG_T}, /* II, III, AVF */
             {"STD", 0xfff, 1 << ECG_ST | 1 << ECG_T},
             {"RBBB", 0xfff, 1 << ECG_QRS},
             {"LBBB", 0xfff, 1 << ECG_QRS | 1 << ECG_T},
             {"LVH", 0xfff, 1 << ECG_QRS | 1 << ECG_T},
             {"LAD", 0x03f, 1 << ECG_QRS | 1 << ECG_T | 1 << ECG_P},
             {"1AVB", 0xfff, 1 << ECG_P}};

bool series_truth_mask(const series_sim *q, const char *class, long samples, const unsigned char *wave,
                       unsigned char *in) {
  unsigned leads = q->planted ? 1u << q->lead : 0, waves = q->planted ? 1u << q->wave : 0;
  for (size_t k = 0; k < sizeof shows / sizeof *shows && !q->planted; k++)
    if (!strcmp(shows[k].class, class)) leads = shows[k].leads, waves = shows[k].waves;
  for (long i = 0; i < samples; i++)
    for (int l = 0; l < SERIES_LEADS; l++) in[i * SERIES_LEADS + l] = leads >> l & 1 && waves >> wave[i] & 1;
  return leads != 0;
}

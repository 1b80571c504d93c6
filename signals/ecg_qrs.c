/* ecg_qrs.c: ecg_qrs, ecg_qrs_room, ecg_match_beats.
 *
 * After Pan & Tompkins, IEEE Trans. Biomed. Eng. 32 (1985) 230, without their causality: each lead is band-passed
 * (difference of moving averages), differentiated and squared, leads are added and averaged over 100 ms. Peaks of this
 * energy are beats where they exceed a quarter of the level around, the median over 13.5 s of maxima of 1.5 s; a peak
 * that follows within .36 s must have two fifths of the energy of the one before (else it is a T wave), and where
 * nothing comes for 1.66 intervals a peak of a tenth of the level is taken. The R wave is the largest band-passed
 * vector. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/ecg.h"
#include "signals/ecg_filter.h"

#define REFRACTORY .2
#define WINDOW 1.5
#define FLOOR .02    /* of the largest energies: no level lies below it */
enum { AROUND = 4 }; /* windows on either side */

typedef struct detector {
  long n;
  double rate;
  double *energy, *vector;  // (n) energy of slopes; squared length of the band-passed vector
  double *a, *b;            // (n) scratch
  double *level;            // (windows)
  long windows;
  long *peak;  // (room) candidates, then beats
  long peaks;
} detector;

long ecg_qrs_room(long n, double rate) {
  return (long)((double)n / (REFRACTORY * rate)) + 2;
}

static void add_lead(detector *d, const double *x) {
  int fast = ecg_samples(.008, d->rate, 1), slow = ecg_samples(.06, d->rate, 2), step = ecg_samples(.008, d->rate, 1);
  for (long i = 0; i < d->n; i++) d->b[i] = isfinite(x[i]) ? x[i] : 0;
  ecg_average(d->n, fast, d->b, d->a);
  ecg_average(d->n, slow, d->a, d->b);
  for (long i = 0; i < d->n; i++) {
    d->a[i] -= d->b[i];
    d->vector[i] += d->a[i] * d->a[i];
  }
  for (long i = step; i + step < d->n; i++) {
    double slope = d->a[i + step] - d->a[i - step];
    d->energy[i] += slope * slope;
  }
}

/* Maxima that nothing within the refractory time exceeds. */
static void candidates(detector *d) {
  int half = ecg_samples(REFRACTORY / 2, d->rate, 2);
  d->peaks = 0;
  for (long i = 0; i < d->n;) {
    long top = i, end = i + half + 1 < d->n ? i + half + 1 : d->n;
    for (long k = i + 1; k < end; k++)
      if (d->energy[k] > d->energy[top]) top = k;
    if (top > i) {
      i = top;
      continue;
    }
    bool first = true; /* the largest backwards too? */
    for (long k = i - half < 0 ? 0 : i - half; k < i; k++) first &= d->energy[k] <= d->energy[i];
    if (first && d->energy[i] > 0) d->peak[d->peaks++] = i;
    i = end;
  }
}

static int levels(detector *d) {
  long width = ecg_samples(WINDOW, d->rate, 1);
  d->windows = (d->n + width - 1) / width;
  double *most = calloc((size_t)d->windows, sizeof *most), some[2 * AROUND + 1];
  d->level = malloc((size_t)d->windows * sizeof *d->level);
  if (!most || !d->level) {
    free(most);
    return -1;
  }
  for (long i = 0; i < d->n; i++)
    if (d->energy[i] > most[i / width]) most[i / width] = d->energy[i];
  for (long w = 0; w < d->windows; w++) {
    int n = 0;
    for (long k = w - AROUND; k <= w + AROUND; k++)
      if (k >= 0 && k < d->windows) some[n++] = most[k];
    d->level[w] = ecg_median(n, some);
  }
  ecg_median(d->windows, most);                                  /* sorts */
  double least = FLOOR * most[d->windows - 1 - d->windows / 20]; /* silence is not searched for beats */
  for (long w = 0; w < d->windows; w++) d->level[w] = fmax(d->level[w], least);
  free(most);
  return 0;
}

static double relative(const detector *d, long i) {
  long width = ecg_samples(WINDOW, d->rate, 1);
  return d->level[i / width] > 0 ? d->energy[i] / d->level[i / width] : 0;
}

static bool is_t_wave(const detector *d, long last, long i) {
  return (double)(i - last) < .36 * d->rate && d->energy[i] < .4 * d->energy[last];
}

/* The typical interval, samples. */
static double typical(const long *peak, long n, double rate) {
  double *rr = malloc((size_t)(n + 1) * sizeof *rr), m;
  for (long i = 1; rr && i < n; i++) rr[i - 1] = (double)(peak[i] - peak[i - 1]);
  m = rr && n > 1 ? ecg_median(n - 1, rr) : rate;
  free(rr);
  return m;
}

/* The best of the candidates between two beats, away from both; -1 if none is worth it. */
static long search_back(const detector *d, const long *all, long n, long from, long to) {
  long best = -1, margin = ecg_samples(.3, d->rate, 1);
  for (long i = 0; i < n; i++)
    if (all[i] > from + margin && all[i] < to - margin && (best < 0 || d->energy[all[i]] > d->energy[best]))
      best = all[i];
  return best >= 0 && relative(d, best) > .1 ? best : -1;
}

/* Candidates become beats, in place. */
static int choose(detector *d) {
  long n = d->peaks, beats = 0, kept = 0;
  long *all = malloc((size_t)(n + 1) * sizeof *all), *beat = malloc((size_t)(n + 1) * sizeof *beat);
  if (!all || !beat) {
    free(all), free(beat);
    return -1;
  }
  memcpy(all, d->peak, (size_t)n * sizeof *all);
  for (long i = 0; i < n; i++)
    if (relative(d, all[i]) > .25 && !(beats && is_t_wave(d, beat[beats - 1], all[i]))) beat[beats++] = all[i];
  double rr = typical(beat, beats, d->rate);
  for (long i = 0, from = 0; i < beats; i++) {
    while (from < n && i && all[from] <= beat[i - 1]) from++;
    long end = from;
    while (end < n && all[end] < beat[i]) end++;
    if (i && (double)(beat[i] - beat[i - 1]) > 1.66 * rr) {
      long extra = search_back(d, all + from, end - from, beat[i - 1], beat[i]);
      if (extra >= 0) d->peak[kept++] = extra;
    }
    d->peak[kept++] = beat[i];
  }
  d->peaks = kept;
  free(all), free(beat);
  return 0;
}

/* The R wave near an energy peak, between samples. */
static double refine(const detector *d, long i) {
  int half = ecg_samples(.07, d->rate, 2);
  long top = i, from = i - half < 1 ? 1 : i - half, end = i + half + 1 > d->n - 1 ? d->n - 1 : i + half + 1;
  for (long k = from; k < end; k++)
    if (d->vector[k] > d->vector[top]) top = k;
  if (top < 1 || top >= d->n - 1) return (double)top;
  double l = d->vector[top - 1], m = d->vector[top], r = d->vector[top + 1], bend = l - 2 * m + r;
  return (double)top + (bend < 0 ? .5 * (l - r) / bend : 0);
}

static bool allocate(detector *d) {
  size_t n = (size_t)d->n + 1;
  d->energy = calloc(n, sizeof(double)), d->vector = calloc(n, sizeof(double));
  d->a = malloc(n * sizeof(double)), d->b = malloc(n * sizeof(double));
  d->peak = malloc((size_t)(d->n / ecg_samples(REFRACTORY / 2, d->rate, 2) + 2) * sizeof *d->peak);
  return d->energy && d->vector && d->a && d->b && d->peak;
}

int ecg_qrs(int leads, long n, double rate, const double *x, double *peak, long *beats, err *e) {
  detector d = {.n = n, .rate = rate};
  *beats = 0;
  if (!(rate >= 50) || n < 0) return err_set(e, ERR_RUN, "beats are looked for at 50 Hz or more, not at %g Hz", rate);
  bool memory = allocate(&d);
  if (memory && n) {
    for (int k = 0; k < leads; k++) add_lead(&d, x + k * n);
    memcpy(d.a, d.energy, (size_t)n * sizeof *d.a);
    ecg_average(n, ecg_samples(.05, rate, 1), d.a, d.energy);
    candidates(&d);
    memory = !levels(&d) && !choose(&d);
    for (long i = 0; memory && i < d.peaks && *beats < ecg_qrs_room(n, rate); i++) {
      double at = refine(&d, d.peak[i]);
      if (!*beats || at > peak[*beats - 1] + 1) peak[(*beats)++] = at;
    }
  }
  free(d.energy), free(d.vector), free(d.a), free(d.b), free(d.peak), free(d.level);
  return memory ? 0 : err_set(e, ERR_RUN, "no memory for the beats of %ld samples", n);
}

ecg_match ecg_match_beats(long n, const double *found, long m, const double *reference, double tolerance) {
  ecg_match r = {0};
  long i = 0, j = 0;
  while (i < n && j < m) {
    double d = found[i] - reference[j];
    if (fabs(d) <= tolerance)
      r.hits++, i++, j++;
    else if (d < 0)
      i++;
    else
      j++;
  }
  r.missed = m - r.hits, r.extra = n - r.hits;
  r.sensitivity = m ? (double)r.hits / (double)m : NAN, r.precision = n ? (double)r.hits / (double)n : NAN;
  return r;
}

/* ecg_median_beat.c: ecg_median_beat, ecg_spread, ecg_noise: a typical beat. Drift is a line between the levels of 80
 * ms before the R waves; beats whose shape correlates by less than .85 with the first median are left out (ectopic
 * beats, artefacts).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/ecg.h"
#include "signals/ecg_filter.h"

enum { MOST = 101 }; /* beats of a median, evenly chosen */

typedef struct averager {
  int leads, length, before;
  long n;
  double rate;
  const double *x;
  long beats;
  const double *peak;
  long chosen[MOST];
  int used;
  double *level;  // (leads, beats) before each R wave
  double value[MOST];
} averager;

double ecg_noise(long n, const double *x) {
  if (n < 3) return 0;
  long m = 0, step = n / 2000 + 1;
  double *d = malloc((size_t)(n / step + 2) * sizeof *d), s;
  if (!d) return 0;
  for (long i = 1; i + 1 < n; i += step)
    if (isfinite(x[i - 1] + x[i] + x[i + 1])) d[m++] = fabs(x[i - 1] - 2 * x[i] + x[i + 1]);
  s = m ? ecg_median(m, d) / .6745 / sqrt(6) : 0;
  free(d);
  return s;
}

static void levels(averager *a) {
  int shift = ecg_samples(.08, a->rate, 1), half = ecg_samples(.01, a->rate, 1);
  for (int k = 0; k < a->leads; k++)
    for (long b = 0; b < a->beats; b++) {
      long c = lrint(a->peak[b]) - shift;
      double sum = 0, m = 0;
      for (long i = c - half; i <= c + half; i++)
        if (i >= 0 && i < a->n && isfinite(a->x[k * a->n + i])) sum += a->x[k * a->n + i], m++;
      a->level[k * a->beats + b] = m ? sum / m : 0;
    }
}

/* Level of lead k at sample i, which lies near beat b. */
static double level_at(const averager *a, int k, long b, double i) {
  const double *l = a->level + k * a->beats;
  double shift = ecg_samples(.08, a->rate, 1);
  long c = i < a->peak[b] - shift ? b - 1 : b;
  if (c < 0 || c + 1 >= a->beats) return l[c < 0 ? 0 : a->beats - 1];
  double t = (i - a->peak[c] + shift) / (a->peak[c + 1] - a->peak[c]);
  return l[c] + fmin(fmax(t, 0), 1) * (l[c + 1] - l[c]);
}

static double at(const averager *a, int k, long b, int j) {
  long i = lrint(a->peak[b]) - a->before + j;
  double v = a->x[k * a->n + i];
  return isfinite(v) ? v - level_at(a, k, b, (double)i) : 0;
}

static void choose_within(averager *a) {
  long inside = 0, seen = 0;
  int after = a->length - 1 - a->before;
  for (int pass = 0; pass < 2; pass++) {
    long step = inside / MOST + 1;
    for (long b = 0; b < a->beats; b++) {
      long i = lrint(a->peak[b]);
      if (i < a->before || i + after >= a->n) continue;
      if (!pass)
        inside++;
      else if (seen++ % step == 0 && a->used < MOST)
        a->chosen[a->used++] = b;
    }
  }
}

static void medians(averager *a, double *beat) {
  for (int k = 0; k < a->leads; k++)
    for (int j = 0; j < a->length; j++) {
      for (int u = 0; u < a->used; u++) a->value[u] = at(a, k, a->chosen[u], j);
      beat[k * a->length + j] = ecg_median(a->used, a->value);
    }
}

/* Correlation of a beat with the median, over all leads within 120 ms of the R wave. */
static double likeness(const averager *a, long b, const double *beat) {
  int half = ecg_samples(.12, a->rate, 1);
  double xy = 0, xx = 0, yy = 0;
  for (int k = 0; k < a->leads; k++)
    for (int j = a->before - half < 0 ? 0 : a->before - half; j <= a->before + half && j < a->length; j++) {
      double x = at(a, k, b, j), y = beat[k * a->length + j];
      xy += x * y, xx += x * x, yy += y * y;
    }
  return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

static averager *averager_new(int leads, long n, double rate, const double *x, long beats, const double *peak,
                              int before, int after) {
  averager *a = malloc(sizeof *a);
  if (!a) return NULL;
  *a = (averager){leads, before + 1 + after, before, n, rate, x, beats, peak};
  a->level = malloc((size_t)leads * (size_t)(beats + 1) * sizeof *a->level);
  if (!a->level) {
    free(a);
    return NULL;
  }
  levels(a);
  choose_within(a);
  return a;
}

static void keep_alike(averager *a, const double *beat) {
  int kept = 0;
  for (int u = 0; u < a->used; u++)
    if (likeness(a, a->chosen[u], beat) > .85) a->chosen[kept++] = a->chosen[u];
  if (kept) a->used = kept;
}

int ecg_median_beat(int leads, long n, double rate, const double *x, long beats, const double *peak, int before,
                    int after, double *beat, int *used, err *e) {
  averager *a = averager_new(leads, n, rate, x, beats, peak, before, after);
  *used = 0;
  if (!a) return err_set(e, ERR_RUN, "no memory for a typical beat of %ld", beats);
  if (a->used) {
    int all = a->used;
    medians(a, beat);
    keep_alike(a, beat);
    if (a->used < all) medians(a, beat);
  }
  *used = a->used;
  free(a->level), free(a);
  return 0;
}

/* The multiple of the typical beat's part that beat number b holds. */
static double multiple(const averager *a, long b, const double *beat, int from, int to) {
  double xy = 0, yy = 0;
  for (int k = 0; k < a->leads; k++) {
    const double *y = beat + k * a->length;
    double x0 = at(a, k, b, from), dx = (at(a, k, b, to) - x0) / (to - from), dy = (y[to] - y[from]) / (to - from);
    for (int j = from; j <= to; j++) {
      double v = y[j] - y[from] - dy * (j - from);
      xy += (at(a, k, b, j) - x0 - dx * (j - from)) * v, yy += v * v;
    }
  }
  return yy > 0 ? xy / yy : 0;
}

int ecg_spread(int leads, long n, double rate, const double *x, long beats, const double *peak, int before, int after,
               const double *beat, int from, int to, double *spread, err *e) {
  averager *a = averager_new(leads, n, rate, x, beats, peak, before, after);
  *spread = NAN;
  if (!a) return err_set(e, ERR_RUN, "no memory for %ld beats", beats);
  keep_alike(a, beat);
  if (a->used > 1 && from >= 0 && from < to && to < a->length) {
    for (int u = 0; u < a->used; u++) a->value[u] = multiple(a, a->chosen[u], beat, from, to);
    double middle = ecg_median(a->used, a->value);
    for (int u = 0; u < a->used; u++) a->value[u] = fabs(a->value[u] - middle);
    *spread = ecg_median(a->used, a->value) / .6745;
  }
  free(a->level), free(a);
  return 0;
}

/* eit_clinical.c: eit_dominant_frequency, eit_breaths, eit_indices_of, eit_global. */
#include "signals/eit_clinical.h"

#include <fftw3.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

static void windowed(int n, const double *x, double *out) {
  double mean = 0, slope = 0, norm = 0;
  for (int i = 0; i < n; i++) mean += x[i] / n;
  for (int i = 0; i < n; i++)
    slope += (i - (n - 1) / 2.) * (x[i] - mean), norm += (i - (n - 1) / 2.) * (i - (n - 1) / 2.);
  slope /= norm;
  for (int i = 0; i < n; i++)
    out[i] = (x[i] - mean - slope * (i - (n - 1) / 2.)) * (.5 - .5 * cos(2 * PI * (i + .5) / n));
}

double eit_dominant_frequency(int n, const double *x, double rate, double low, double high) {
  if (n < 16) return NAN;
  double *in = fftw_malloc((size_t)n * sizeof *in), best = 0, shift = 0;
  fftw_complex *out = fftw_malloc((size_t)(n / 2 + 1) * sizeof *out);
  fftw_plan plan = in && out ? fftw_plan_dft_r2c_1d(n, in, out, FFTW_ESTIMATE) : NULL;
  int at = 0;
  if (plan) {
    windowed(n, x, in);
    fftw_execute(plan);
    for (int k = 1; k < n / 2; k++) {
      double p = out[k][0] * out[k][0] + out[k][1] * out[k][1], f = k * rate / n;
      if (f >= low && f <= high && p > best) best = p, at = k;
    }
  }
  if (at) {
    double l[3];
    for (int i = -1; i <= 1; i++)
      l[i + 1] = log(out[at + i][0] * out[at + i][0] + out[at + i][1] * out[at + i][1] + 1e-300);
    shift = .5 * (l[0] - l[2]) / (l[0] - 2 * l[1] + l[2]);
    if (!(fabs(shift) < 1)) shift = 0;
  }
  if (plan) fftw_destroy_plan(plan);
  fftw_free(in), fftw_free(out);
  return at ? (at + shift) * rate / n : NAN;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Quantile q of x (n), NAN without memory. */
static double quantile(int n, const double *x, double q) {
  double *s = malloc((size_t)n * sizeof *s + 8);
  if (!s || n < 1) {
    free(s);
    return NAN;
  }
  memcpy(s, x, (size_t)n * sizeof *s);
  qsort(s, (size_t)n, sizeof *s, ascending);
  double at = q * (n - 1), v = s[(int)at];
  if ((int)at + 1 < n) v += (at - (int)at) * (s[(int)at + 1] - v);
  free(s);
  return v;
}

int eit_breaths(int n, const double *x, double part, int most, eit_breath *breath) {
  double swing = (part > 0 ? part : .3) * (quantile(n, x, .95) - quantile(n, x, .05));
  int count = 0, low = 0, high = 0, rising = 0, start = -1;
  if (!(swing > 0)) return 0;
  for (int i = 1; i < n && count < most; i++) { /* zig-zag: an extremum counts once the signal has turned by `swing` */
    if (x[i] < x[low]) low = i;
    if (x[i] > x[high]) high = i;
    if (rising && x[high] - x[i] > swing) {
      rising = 0, low = i;
    } else if (!rising && x[i] - x[low] > swing) {
      if (start >= 0) breath[count++] = (eit_breath){start, high, low};
      start = low, rising = 1, high = i;
    }
    if (rising && x[i] >= x[high]) high = i;
  }
  int kept = 0; /* the first minimum may be the start of the record */
  for (int k = 0; k < count; k++) {
    eit_breath b = breath[k];
    if (b.start > 0 && b.start < b.end) {
      b.top = b.start;
      for (int i = b.start; i <= b.end; i++)
        if (x[i] > x[b.top]) b.top = i;
      breath[kept++] = b;
    }
  }
  return kept;
}

void eit_global(int nframes, int n, const double *images, double *sum) {
  for (int t = 0; t < nframes; t++) {
    sum[t] = 0;
    for (int p = 0; p < n; p++) sum[t] += images[(long)t * n + p];
  }
}

/* Tidal image, and end-expiratory sum. */
static double tidal_image(int n, const double *images, int nbreaths, const eit_breath *b, double *tidal) {
  double low = 0;
  memset(tidal, 0, (size_t)n * sizeof *tidal);
  for (int k = 0; k < nbreaths; k++)
    for (int p = 0; p < n; p++) {
      double start = images[(long)b[k].start * n + p], end = images[(long)b[k].end * n + p];
      tidal[p] += (images[(long)b[k].top * n + p] - (start + end) / 2) / nbreaths;
      low += end / nbreaths;
    }
  return low;
}

/* Mean over breaths of the part of the inspiration until pixel p has 40 % of its change; NAN if it never has. */
static double delay_of(int n, const double *images, int nbreaths, const eit_breath *b, int p) {
  double sum = 0;
  int count = 0;
  for (int k = 0; k < nbreaths; k++) {
    const double *x = images + p;
    double low = x[(long)b[k].start * n], high = x[(long)b[k].top * n], level = low + .4 * (high - low);
    if (!(high > low) || b[k].top <= b[k].start) continue;
    for (int t = b[k].start + 1; t <= b[k].top; t++) {
      double before = x[(long)(t - 1) * n], now = x[(long)t * n];
      if (now < level) continue;
      sum += (t - 1 + (now > before ? fmax(0, level - before) / (now - before) : 1) - b[k].start) /
             (b[k].top - b[k].start);
      count++;
      break;
    }
  }
  return count ? sum / count : NAN;
}

/* Indices over the lung pixels lung[0..m-1]. */
static void over_lung(int m, const int *lung, const double *tidal, const int *row, const int *col, double *values,
                      eit_indices *out) {
  double sum = 0, y = 0, x = 0, off = 0, largest = 0;
  int r0 = row[lung[0]], r1 = r0, c0 = col[lung[0]], c1 = c0;
  for (int i = 0; i < m; i++) {
    int p = lung[i];
    values[i] = tidal[p];
    sum += tidal[p], y += tidal[p] * row[p], x += tidal[p] * col[p];
    r0 = row[p] < r0 ? row[p] : r0, r1 = row[p] > r1 ? row[p] : r1;
    c0 = col[p] < c0 ? col[p] : c0, c1 = col[p] > c1 ? col[p] : c1;
    largest = fmax(largest, tidal[p]);
  }
  double median = quantile(m, values, .5);
  for (int i = 0; i < m; i++) {
    off += fabs(values[i] - median);
    out->silent += values[i] < .1 * largest;
  }
  out->silent /= m, out->inhomogeneity = off / sum, out->lung = m;
  out->centre_y = (y / sum - r0 + .5) / (r1 - r0 + 1);
  out->centre_x = (x / sum - c0 + .5) / (c1 - c0 + 1);
}

static double deviation(int n, const double *x) { /* NANs left out */
  double s = 0, q = 0;
  int m = 0;
  for (int i = 0; i < n; i++)
    if (!isnan(x[i])) s += x[i], q += x[i] * x[i], m++;
  return m > 1 ? sqrt(fmax(0, (q - s * s / m) / (m - 1))) : 0;
}

int eit_indices_of(int nframes, int n, const double *images, const int *row, const int *col, int nbreaths,
                   const eit_breath *breath, double lung_part, eit_indices *out, double *tidal, double *delays,
                   err *e) {
  *out = (eit_indices){.breaths = nbreaths};
  if (nbreaths < 1) return err_set(e, ERR_RUN, "indices: there is no complete breath");
  for (int k = 0; k < nbreaths; k++)
    if (breath[k].start < 0 || breath[k].end >= nframes || breath[k].top < breath[k].start)
      return err_set(e, ERR_RUN, "indices: breath %d is outside of the %d frames", k + 1, nframes);
  double *t = malloc((size_t)n * sizeof *t), *d = malloc(2 * (size_t)n * sizeof *d), largest = 0;
  int *lung = malloc((size_t)n * sizeof *lung), m = 0;
  if (t && d && lung) {
    out->end_expiratory = tidal_image(n, images, nbreaths, breath, t);
    for (int p = 0; p < n; p++) out->tidal += t[p], largest = fmax(largest, t[p]), d[p] = NAN;
    for (int p = 0; p < n; p++)
      if (t[p] > 0 && t[p] >= (lung_part > 0 ? lung_part : .15) * largest) lung[m++] = p;
    for (int i = 0; i < m; i++) d[lung[i]] = delay_of(n, images, nbreaths, breath, lung[i]);
    out->delay = deviation(n, d);
    if (m) over_lung(m, lung, t, row, col, d + n, out);
    if (tidal) memcpy(tidal, t, (size_t)n * sizeof *t);
    if (delays) memcpy(delays, d, (size_t)n * sizeof *d);
    if (!m) err_set(e, ERR_RUN, "indices: no pixel rises with inspiration");
  } else {
    err_set(e, ERR_RUN, "indices: no memory for %d pixels", n);
  }
  free(t), free(d), free(lung);
  return e->code;
}

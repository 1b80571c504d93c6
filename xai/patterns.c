/* patterns.c: filters as sums of sign patterns, and the observables they define (see patterns.h). */
#include "xai/patterns.h"

#include <math.h>
#include <string.h>

/* Parity of the coordinates of tap n that alternate in q: bit k of q against bit d-1-k of n. */
static int odd(int d, int n, int q) {
  int parity = 0;
  for (int k = 0; k < d; k++) parity ^= (q >> k & 1) & (n >> (d - 1 - k) & 1);
  return parity;
}

void xai_patterns(int d, const double *w, double *cosine) {
  int taps = 1 << d;
  double energy = 0;
  for (int n = 0; n < taps; n++) energy += w[n] * w[n];
  for (int q = 0; q < taps; q++) {
    cosine[q] = 0;
    for (int n = 0; n < taps; n++) cosine[q] += odd(d, n, q) ? -w[n] : w[n];
    if (energy > 0) cosine[q] /= sqrt(energy * taps);
  }
}

const char *xai_pattern_name(int d, int q, char name[8]) {
  for (int k = 0; k < 8; k++) name[k] = k >= d ? 0 : q >> k & 1 ? '-' : '+';
  return name;
}

enum { FILTERS = 64 }; /* at a time */

/* Filters first .. first + n - 1 of `all`; sums over sites into sum[n]. */
static void some(const int *side, const float *phi, int d, int all, int first, int n, const double *w, double *sum) {
  int s[3] = {1, 1, 1}, taps = 1 << d;
  for (int k = 0; k < d; k++) s[3 - d + k] = side[k];
  memset(sum, 0, (size_t)n * sizeof *sum);
  for (int a = 0; a < s[0]; a++)
    for (int b = 0; b < s[1]; b++)
      for (int c = 0; c < s[2]; c++) {
        double y[FILTERS] = {0};
        for (int t = 0; t < taps; t++) {
          int at[3] = {(a + (t >> 2 & 1)) % s[0], (b + (t >> 1 & 1)) % s[1], (c + (t & 1)) % s[2]};
          double v = (double)phi[((long)at[0] * s[1] + at[1]) * s[2] + at[2]];
          for (int f = 0; f < n; f++) y[f] += w[t * all + first + f] * v;
        }
        for (int f = 0; f < n; f++) sum[f] += fabs(y[f]);
      }
}

void xai_filter_observables(int d, const int *side, const float *phi, int filters, const double *w, double *mean) {
  double sites = 1;
  for (int k = 0; k < d; k++) sites *= side[k];
  for (int first = 0; first < filters; first += FILTERS) {
    int n = filters - first < FILTERS ? filters - first : FILTERS;
    some(side, phi, d, filters, first, n, w, mean + first);
    for (int f = 0; f < n; f++) mean[first + f] /= sites;
  }
}

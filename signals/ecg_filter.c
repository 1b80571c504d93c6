/* ecg_filter.c: ecg_average, ecg_samples, ecg_median. */
#include "signals/ecg_filter.h"

#include <math.h>
#include <stdlib.h>

enum { FRESH = 1024 };

void ecg_average(long n, int half, const double *x, double *y) {
  double sum = 0;
  for (long i = 0; i < n; i++) {
    long from = i - half < 0 ? 0 : i - half, end = i + half + 1 > n ? n : i + half + 1;
    if (i % FRESH == 0) {
      sum = 0;
      for (long k = from; k < end; k++) sum += x[k];
    } else {
      if (i - half - 1 >= 0) sum -= x[i - half - 1];
      if (i + half < n) sum += x[i + half];
    }
    y[i] = sum / (double)(end - from);
  }
}

int ecg_samples(double seconds, double rate, int least) {
  int n = (int)lrint(seconds * rate);
  return n > least ? n : least;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void insert(long n, double *x) {
  for (long i = 1; i < n; i++) {
    double v = x[i];
    long k = i;
    for (; k && x[k - 1] > v; k--) x[k] = x[k - 1];
    x[k] = v;
  }
}

double ecg_median(long n, double *x) {
  if (n < 1) return NAN;
  if (n < 32)
    insert(n, x);
  else
    qsort(x, (size_t)n, sizeof *x, ascending);
  return n % 2 ? x[n / 2] : .5 * (x[n / 2 - 1] + x[n / 2]);
}

/* test_resample.c: tones below both Nyquist frequencies survive a change of the rate, those above the new one vanish, a
 * constant stays, equal rates copy. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "signals/resample.h"
#include "tests/check.h"

enum { N = 4000 };
static double x[N], y[8 * N];

static double tone(double f, double t) {
  return sin(6.283185307179586 * f * t + .3);
}

/* Largest deviation of a tone away from the ends; with `gone` from 0. */
static double deviation(double rate, double to, double f, bool gone) {
  double off = 0;
  for (int i = 0; i < N; i++) x[i] = tone(f, i / rate);
  long m = signals_resampled(N, rate, to);
  signals_resample(N, rate, x, to, y);
  for (long j = m / 10; j < m - m / 10; j++) off = fmax(off, fabs(y[j] - (gone ? 0 : tone(f, (double)j / to))));
  return off;
}

int main(void) {
  CHECK(signals_resampled(1000, 100, 500) == 4996 && signals_resampled(5000, 500, 100) == 1000);
  CHECK(signals_resampled(360, 360, 100) == 100 && signals_resampled(0, 100, 50) == 0);
  CHECK_NEAR(deviation(500, 100, 7, false), 0, 1e-3);
  CHECK_NEAR(deviation(500, 100, 38, false), 0, 1e-3);
  CHECK_NEAR(deviation(360, 100, 11.3, false), 0, 1e-3);
  CHECK_NEAR(deviation(100, 500, 31, false), 0, 1e-3);
  CHECK_NEAR(deviation(500, 100, 60, true), 0, 1e-3);
  CHECK_NEAR(deviation(100, 100, 31, false), 0, 0);
  for (int i = 0; i < N; i++) x[i] = 1.7;
  signals_resample(N, 360, x, 100, y);
  for (long j = 0; j < signals_resampled(N, 360, 100); j++) CHECK_NEAR(y[j], 1.7, 1e-12);
  return check_done();
}

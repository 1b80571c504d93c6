/* resample.c: signals_resampled, signals_resample (see resample.h):
 *   y(t) = sum_i x_i h(t - i) / sum_i h(t - i),   h(u) = sinc(c u) I0(beta sqrt(1 - (u/W)^2)),   c = min(1, to/rate) */
#include "signals/resample.h"

#include <gsl/gsl_sf_bessel.h>
#include <math.h>
#include <string.h>

enum { LOBES = 24 }; /* of the sinc on either side */
#define BETA 8.0     /* side lobes below -80 dB */
#define EDGE 0.95    /* of the smaller Nyquist frequency passes */
#define PI 3.141592653589793

long signals_resampled(long n, double rate, double to) {
  return n > 0 ? (long)floor((double)(n - 1) / rate * to + 1e-9) + 1 : 0;
}

static double kernel(double u, double c, double width) {
  double z = 1 - u * u / (width * width), a = PI * c * u;
  return z <= 0 ? 0 : (a == 0 ? 1 : sin(a) / a) * gsl_sf_bessel_I0_scaled(BETA * sqrt(z)) * exp(BETA * (sqrt(z) - 1));
}

void signals_resample(long n, double rate, const double *x, double to, double *y) {
  double c = EDGE * fmin(1, to / rate), width = LOBES / c;
  long m = signals_resampled(n, rate, to);
  if (rate == to) {
    memcpy(y, x, sizeof *y * (size_t)m);
    return;
  }
  for (long j = 0; j < m; j++) {
    double t = (double)j / to * rate, sum = 0, norm = 0;
    for (long i = (long)ceil(t - width); i <= (long)floor(t + width); i++) {
      double h = kernel(t - (double)i, c, width);
      sum += h * x[i < 0 ? 0 : i < n ? i : n - 1], norm += h;
    }
    y[j] = sum / norm;
  }
}

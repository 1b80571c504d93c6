/* metrics_regression.c: metrics_regress.
 *
 * Bland & Altman, Lancet 327 (1986) 307: limits bias -+ 1.96 sd; the variance of a limit is
 * sd^2 [1/n + 1.96^2/(2(n-1))], that of the bias sd^2/n. */
#include <math.h>

#include "analysis/metrics.h"

typedef struct sums {
  double n, t, p, tt, pp, tp, low, high, abs; /* tt, pp, tp around the means */
} sums;

static int means(long n, const double *t, const double *p, sums *s, err *e) {
  *s = (sums){.low = INFINITY, .high = -INFINITY};
  for (long i = 0; i < n; i++) {
    if (isnan(t[i]) || isnan(p[i])) continue;
    if (isinf(t[i]) || isinf(p[i])) return err_set(e, ERR_RUN, "regression: row %ld is infinite", i);
    s->n++, s->t += t[i], s->p += p[i], s->abs += fabs(p[i] - t[i]);
    s->low = fmin(s->low, t[i]), s->high = fmax(s->high, t[i]);
  }
  if (s->n < 2) return err_set(e, ERR_RUN, "regression: %.0f rows, at least 2 are needed", s->n);
  s->t /= s->n, s->p /= s->n, s->abs /= s->n;
  return 0;
}

int metrics_regress(long n, const double *t, const double *p, metrics_regression *r, err *e) {
  sums s;
  if (means(n, t, p, &s, e)) return e->code;
  double square = 0;
  for (long i = 0; i < n; i++) {
    if (isnan(t[i]) || isnan(p[i])) continue;
    double a = t[i] - s.t, b = p[i] - s.p;
    s.tt += a * a, s.pp += b * b, s.tp += a * b, square += (p[i] - t[i]) * (p[i] - t[i]);
  }
  double bias = s.p - s.t, sd = sqrt(fmax(0, s.tt + s.pp - 2 * s.tp) / (s.n - 1)), rmse = sqrt(square / s.n);
  double mean_mean = (s.tt + s.pp + 2 * s.tp) / 4; /* sum of squares of (t + p)/2 around its mean */
  *r = (metrics_regression){.n = s.n, .mae = s.abs, .rmse = rmse, .nrmse = rmse / (s.high - s.low)};
  r->bias = bias, r->sd = sd, r->r = s.tp / sqrt(s.tt * s.pp), r->r2 = 1 - square / s.tt;
  r->low = bias - 1.96 * sd, r->high = bias + 1.96 * sd;
  r->bias_error = sd / sqrt(s.n), r->limit_error = sd * sqrt(1 / s.n + 1.96 * 1.96 / (2 * (s.n - 1)));
  r->slope = (s.pp - s.tt) / 2 / mean_mean;
  return 0;
}

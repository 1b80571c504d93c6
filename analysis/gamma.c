/* gamma.c: gamma_derived, gamma_primary, gamma_series, gamma_undefined.
 *
 * U. Wolff, Comput. Phys. Commun. 156 (2004) 143 (hep-lat/0306017):
 *   projected rows  delta_i = sum_a f_a (x_ia - mean_a),  f_a = df/dmean_a
 *   Gamma(t) = mean delta_i delta_{i+t},  C(W) = Gamma(0) + 2 sum_{t=1..W} Gamma(t)
 *   bias     Gamma(t) += C(W)/N                                                            (49)
 *   error^2 = C(W)/N, its relative error sqrt((W + 1/2)/N); tau = C(W)/(2 Gamma(0)), error
 *            2 tau sqrt((W + 1/2 - tau)/N)                                                 (42)
 *   window: first W with exp(-W/tau_S) < tau_S/sqrt(W N), S/tau_S = ln((2 tau + 1)/(2 tau - 1))
 *   R replicas: bias of f = (mean_r f_r - f)/(R - 1); sum_r N_r (f_r - f)^2/C is chi^2 with R - 1 degrees. */
#include "analysis/gamma.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/autocorr.h"

typedef struct work {
  const gamma_data *d;
  const stat_fn *f;
  const void *ctx;
  long n, shortest;
  double mean[STAT_MAX], gradient[STAT_MAX];
  double *delta; /* (n) */
} work;

gamma_result gamma_undefined(void) {
  return (gamma_result){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, "undefined here"};
}

/* Relative to the first row: exact for a constant column. */
static void means(int k, long n, const double *x, double *mean) {
  memset(mean, 0, (size_t)k * sizeof *mean);
  for (long i = 1; i < n; i++)
    for (int a = 0; a < k; a++) mean[a] += x[i * k + a] - x[a];
  for (int a = 0; a < k; a++) mean[a] = x[a] + mean[a] / (double)n;
}

static int prepare(work *w, err *e) {
  const gamma_data *d = w->d;
  w->n = 0, w->shortest = d->replicas > 0 ? d->length[0] : 0;
  if (d->k < 1 || d->k > STAT_MAX) return err_set(e, ERR_RUN, "Gamma method: %d observables", d->k);
  for (int r = 0; r < d->replicas; w->n += d->length[r++])
    if (d->length[r] < w->shortest) w->shortest = d->length[r];
  if (w->n < 1 || w->shortest < 1) return err_set(e, ERR_RUN, "Gamma method: a replica without data");
  means(d->k, w->n, d->x, w->mean);
  for (int a = 0; a < d->k; a++)
    if (!isfinite(w->mean[a])) return err_set(e, ERR_RUN, "Gamma method: observable %d is not finite", a);
  w->delta = malloc((size_t)w->n * sizeof(double));
  return w->delta ? 0 : err_set(e, ERR_RUN, "Gamma method: no memory for %ld rows", w->n);
}

/* delta_i and its plain variance. */
static double project(work *w) {
  int k = w->d->k;
  double step[STAT_MAX] = {0}, s = 0;
  for (long i = 0; i < w->n; i++)
    for (int a = 0; a < k; a++) {
      double dx = w->d->x[i * k + a] - w->mean[a];
      step[a] += dx * dx;
    }
  for (int a = 0; a < k; a++) step[a] = sqrt(step[a]) / (double)w->n;
  stat_gradient(w->f, w->ctx, k, w->mean, step, w->gradient);
  for (long i = 0; i < w->n; i++) {
    double dx = 0;
    for (int a = 0; a < k; a++)
      if (w->gradient[a] != 0) dx += w->gradient[a] * (w->d->x[i * k + a] - w->mean[a]);
    w->delta[i] = dx, s += dx * dx;
  }
  return s / (double)w->n;
}

/* First W in 1..tmax at which the window closes, 0 if it does not. */
static long find_window(const double *gamma, long tmax, double S, double n) {
  double sum = 0;
  for (long W = 1; W <= tmax; W++) {
    sum += gamma[W] / gamma[0];
    double decay = sum > 1e-12 ? S / log((sum + 1) / sum) : 0; /* 2 tau = 1 + 2 sum */
    if (decay == 0 || exp(-(double)W / decay) < decay / sqrt((double)W * n)) return W;
  }
  return 0;
}

/* gamma[] up to the closing lag: few lags first, all of them only if the window stays open. */
static long window(const work *w, double S, double **gamma, err *e) {
  long most = w->shortest / 2, tmax = most < 100 ? most : 100, W = 0;
  *gamma = NULL;
  for (;;) {
    double *g = realloc(*gamma, (size_t)(tmax + 1) * sizeof *g);
    if (!g) return err_set(e, ERR_RUN, "Gamma method: no memory for %ld lags", tmax), -1;
    *gamma = g;
    if (autocorr(w->d->replicas, w->d->length, w->delta, tmax, g, e)) return -1;
    W = find_window(g, tmax, S, (double)w->n);
    if (W || tmax == most) return W ? W : tmax + 1; /* tmax + 1: not found */
    tmax = most;
  }
}

static void error_of(const work *w, const double *gamma, long W, gamma_result *r) {
  double n = r->n, c = gamma[0];
  for (long t = 1; t <= W; t++) c += 2 * gamma[t];
  r->variance = gamma[0] + c / n; /* (49), also in every term of C(W) */
  c *= 1 + (2 * (double)W + 1) / n;
  r->window = W, r->tau = c / (2 * r->variance), r->n_eff = n / (2 * r->tau);
  r->error = sqrt(c / n), r->error_error = r->error * sqrt(((double)W + .5) / n);
  r->tau_error = 2 * r->tau * sqrt(fabs((double)W + .5 - r->tau) / n);
  if (!(c > 0)) {
    r->error = r->n_eff = NAN;
    r->reason = "negative variance: the chain is too short or strongly anticorrelated";
  } else if (n < 100 * r->tau) {
    r->reason = "chain shorter than 100 autocorrelation times";
  }
}

/* Bias from the replica means and the probability of their scatter. */
static void compare_replicas(const work *w, gamma_result *r) {
  int k = w->d->k, many = w->d->replicas;
  const double *x = w->d->x;
  double mean[STAT_MAX], sum = 0, chi2 = 0;
  for (int i = 0; i < many; x += w->d->length[i++] * k) {
    means(k, w->d->length[i], x, mean);
    double linear = 0;
    for (int a = 0; a < k; a++)
      if (w->gradient[a] != 0) linear += w->gradient[a] * (mean[a] - w->mean[a]);
    sum += (double)w->d->length[i] * (w->f->value(mean, w->ctx) - r->value);
    chi2 += (double)w->d->length[i] * linear * linear;
  }
  double bias = sum / r->n / (many - 1);
  r->quality = gsl_sf_gamma_inc_Q(.5 * (many - 1), .5 * chi2 / (r->error * r->error * r->n));
  if (isnan(bias)) return; /* the function is not defined on every replica */
  r->bias = bias, r->value -= bias;
}

int gamma_derived(const gamma_data *d, const stat_fn *f, const void *ctx, double S, gamma_result *r, err *e) {
  work w = {.d = d, .f = f, .ctx = ctx};
  if (prepare(&w, e)) return e->code;
  *r = gamma_undefined();
  r->n = (double)w.n, r->value = f->value(w.mean, ctx), r->bias = 0, r->reason = NULL;
  double *gamma = NULL, variance = project(&w);
  int rc = 0;
  if (w.shortest < 4 || isnan(variance)) {
    r->reason = isnan(variance) ? "the function is not defined at the means" : "fewer than four rows";
  } else if (variance == 0) {
    r->variance = r->error = r->error_error = r->tau_error = 0, r->tau = .5, r->n_eff = r->n;
  } else {
    long W = window(&w, S > 0 ? S : 1.5, &gamma, e);
    rc = W < 0 ? e->code : 0;
    if (!rc && W > w.shortest / 2) W = w.shortest / 2, r->reason = "no window: correlations longer than half a replica";
    const char *no_window = r->reason;
    if (!rc) error_of(&w, gamma, W, r);
    if (no_window) r->reason = no_window;
    if (!rc && d->replicas > 1 && r->error > 0) compare_replicas(&w, r);
  }
  free(gamma), free(w.delta);
  return rc;
}

static double column_of(const double *x, const void *ctx) {
  return x[*(const int *)ctx];
}
static void column_grad(const double *x, double *d, const void *ctx) {
  d[*(const int *)ctx] = 1;
}

int gamma_primary(const gamma_data *d, int column, double S, gamma_result *r, err *e) {
  const stat_fn f = {"mean", column_of, column_grad};
  return gamma_derived(d, &f, &column, S, r, e);
}

int gamma_series(long n, const double *x, gamma_result *r, err *e) {
  gamma_data d = {1, 1, &n, x};
  return gamma_primary(&d, 0, 0, r, e);
}

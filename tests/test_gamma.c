/* test_gamma.c: errors of Markov chain data on AR(1) series of known tau: Gamma method, binning, jackknife; derived
 * quantities, replicas, short and constant series. */
#include "analysis/autocorr.h"
#include "analysis/binning.h"
#include "analysis/jackknife.h"
#include "check.h"
#include "toy.h"

/* x_{i+1} = a x_i + sqrt(1 - a^2) eta: stationary N(0, 1), rho(t) = a^t, tau = (1 + a)/(2 (1 - a)). */
static void ar1(double a, long n, rng r, uint32_t series, double mean, double *x, int stride) {
  double y = rng_normal(r, 0, series, 0), b = sqrt(1 - a * a);
  for (long i = 0; i < n; i++) {
    x[i * stride] = y + mean;
    y = a * y + b * rng_normal(r, (uint64_t)i + 1, series, 0);
  }
}
static double tau_of(double a) {
  return (1 + a) / (2 * (1 - a));
}
static const double coefficients[] = {0, .5, .9, .98};

static void lags(void) {
  enum { N = 700 };
  static double x[N], direct[301], fft[301];
  err e = {0};
  long length[3] = {301, 150, 249}, one = N;
  ar1(.8, N, rng_stream(1, "lags"), 0, 0, x, 1);
  CHECK(!autocorr(1, &one, x, 100, direct, &e) && !autocorr(1, &one, x, 300, fft, &e));
  for (int t = 0; t <= 100; t++) CHECK_NEAR(direct[t], fft[t], 1e-13);
  CHECK(!autocorr(3, length, x, 100, direct, &e) && !autocorr(3, length, x, 149, fft, &e));
  for (int t = 0; t <= 100; t++) CHECK_NEAR(direct[t], fft[t], 1e-13);
  double s = 0; /* by hand: lag 149 of three replicas */
  for (int i = 0; i + 149 < 301; i++) s += x[i] * x[i + 149];
  s += x[301] * x[450];
  for (int i = 451; i + 149 < 700; i++) s += x[i] * x[i + 149];
  CHECK_NEAR(fft[149], s / (700 - 3 * 149), 1e-13);
  CHECK(autocorr(3, length, x, 150, fft, &e) == ERR_RUN);
}

/* 20 seeds each: tau within its error; binning and jackknife agree with the Gamma error. */
static void known_tau(void) {
  enum { N = 1 << 17 };
  static double x[N];
  static binning b;
  const stat_fn *f[1] = {thermo_functions[THERMO_e]};
  thermo one = {.beta = 1, .sites = 1};
  for (int j = 0; j < 4; j++) {
    double a = coefficients[j], tau = tau_of(a);
    moments pull = {0}, ratio = {0}, jack = {0};
    for (int seed = 0; seed < 20; seed++) {
      err e = {0};
      gamma_result r;
      stat_value v;
      ar1(a, N, rng_stream((uint32_t)seed, "ar1"), (uint32_t)j, 5, x, 1);
      CHECK(!gamma_series(N, x, &r, &e) && !r.reason);
      CHECK_SIGMA(r.tau, tau, r.tau_error, 5);
      CHECK_SIGMA(r.value, 5, r.error, 5);
      CHECK_REL(r.error, sqrt(2 * tau / N), 5 * r.error_error / r.error);
      CHECK_REL(r.n_eff, N / (2 * r.tau), 1e-12);
      CHECK_REL(r.variance, 1, 5 * sqrt(2 * tau * 2 / N));
      moments_add(&pull, (r.tau - tau) / r.tau_error);
      memset(&b, 0, sizeof b);
      for (int i = 0; i < N; i++) binning_add(&b, x[i]);
      binning_result s = binning_summarise(&b);
      CHECK(!s.reason);
      CHECK_SIGMA(s.error, r.error, hypot(s.error_error, r.error_error), 5);
      CHECK_REL(s.mean, r.value, 1e-12);
      moments_add(&ratio, s.error / sqrt(2 * tau / N));
      jackknife_set set = {N, 1, x};
      CHECK(!jackknife(1, &set, 128, 1, f, &one, &v, NULL, &e));
      moments_add(&jack, v.error / sqrt(2 * tau / N));
    }
    CHECK_NEAR(pull.mean, 0, 1.2); /* 5/sqrt(20) */
    CHECK_NEAR(ratio.mean, 1, .08);
    CHECK_NEAR(jack.mean, 1, .08);
  }
}

/* 1,000 short chains: pulls of the mean have width 1. */
static void pulls(void) {
  enum { N = 8192 };
  static double x[N];
  for (int j = 0; j < 3; j += 2) {
    moments p = {0};
    for (uint32_t k = 0; k < 1000; k++) {
      err e = {0};
      gamma_result r;
      rng_fast g = rng_fast_seed(rng_stream(3, "pulls"), k, (uint32_t)j, 0);
      double y = 0, a = coefficients[j];
      for (int i = -300; i < N; i++) { /* uniform noise: fast, and the mean is Gaussian all the same */
        y = a * y + rng_fast_double(&g) - .5;
        if (i >= 0) x[i] = y;
      }
      gamma_series(N, x, &r, &e);
      moments_add(&p, r.value / r.error);
    }
    CHECK_NEAR(p.mean, 0, .15);
    CHECK_NEAR(moments_sd(&p), 1, .1);
  }
}

static double variance(const double *x, const void *ctx) {
  return x[1] - x[0] * x[0];
}
static void variance_grad(const double *x, double *d, const void *ctx) {
  d[0] = -2 * x[0], d[1] = 1;
}

/* var(x) of an AR(1) series about a large mean: exact value 1, and exact error: (x - mean)^2 has rho(t) = a^2t,
 * variance 2. */
static void derived(void) {
  enum { N = 1 << 16, REPLICAS = 200 };
  static double x[N][2];
  const double a = .9;
  const stat_fn given = {"variance", variance, variance_grad}, numeric = {"variance", variance, NULL};
  const double tau = tau_of(a * a), error = sqrt(2 * tau * 2 / N);
  long n = N, parts[4] = {N / 2, N / 4, N / 8, N / 8};
  moments pull = {0};
  for (int k = 0; k < REPLICAS / 10; k++) {
    err e = {0};
    gamma_result r, s;
    ar1(a, N, rng_stream(4, "derived"), (uint32_t)k, 10, x[0], 2);
    for (int i = 0; i < N; i++) x[i][1] = x[i][0] * x[i][0];
    gamma_data d = {2, 1, &n, x[0]};
    CHECK(!gamma_derived(&d, &given, NULL, 0, &r, &e));
    CHECK(!gamma_derived(&d, &numeric, NULL, 0, &s, &e));
    CHECK_REL(s.error, r.error, 1e-6);
    CHECK_REL(r.tau, tau, .2);
    CHECK_SIGMA(r.value, 1, r.error, 5);
    CHECK_REL(r.error, error, 5 * r.error_error / error);
    moments_add(&pull, (r.value - 1) / r.error);
    d.replicas = 4, d.length = parts; /* the same data as four replicas */
    CHECK(!gamma_derived(&d, &given, NULL, 0, &s, &e));
    CHECK_REL(s.error, r.error, .15);
    CHECK(s.quality > 1e-6 && s.quality <= 1);
    CHECK(fabs(s.bias) < s.error);
  }
  CHECK_NEAR(pull.mean, 0, 5 / sqrt(REPLICAS / 10));
}

/* Replicas remove the O(1/n) bias, and notice one that sits elsewhere. */
static void replicas(void) {
  enum { R = 8, N = 400 };
  static double x[R * N][2];
  const stat_fn f = {"variance", variance, NULL};
  long length[R];
  moments plain = {0}, fixed = {0}, quality = {0};
  const double tau = tau_of(.5);
  gamma_result r;
  err e = {0};
  for (int i = 0; i < R; i++) length[i] = N;
  gamma_data d = {2, R, length, x[0]};
  for (uint32_t k = 0; k < 2000; k++) {
    for (uint32_t i = 0; i < R; i++) {
      rng_fast g = rng_fast_seed(rng_stream(5, "replicas"), k, i, 0);
      double y = 0;
      for (int j = -50; j < N; j++) {
        y = .5 * y + 3 * (rng_fast_double(&g) - .5); /* variance 9/12/(1 - a^2) = 1 */
        if (j >= 0) x[i * N + (uint32_t)j][0] = y, x[i * N + (uint32_t)j][1] = y * y;
      }
    }
    CHECK(!gamma_derived(&d, &f, NULL, 0, &r, &e));
    moments_add(&plain, r.value + r.bias - 1), moments_add(&fixed, r.value - 1), moments_add(&quality, r.quality);
  }
  CHECK_SIGMA(plain.mean, -2 * tau / (R * N), moments_error(&plain), 5);
  CHECK_SIGMA(fixed.mean, 0, moments_error(&fixed), 5);
  CHECK_SIGMA(quality.mean, .5, hypot(moments_error(&quality), .02), 5);
  for (int j = 0; j < N; j++) x[3 * N + j][0] += .6; /* seven sigma */
  CHECK(!gamma_primary(&d, 0, 0, &r, &e));
  CHECK_REPORT(r.quality < 1e-4, "quality %g", r.quality);
  for (int j = 0; j < N; j++) x[3 * N + j][0] += 4; /* so far that it looks like one endless correlation */
  CHECK(!gamma_primary(&d, 0, 0, &r, &e));
  CHECK_REPORT(r.quality < 1e-4 || r.reason, "quality %g, tau %g", r.quality, r.tau);
}

static void edges(void) {
  err e = {0};
  gamma_result r;
  static double x[1000];
  CHECK(gamma_series(0, x, &r, &e) == ERR_RUN);
  e.code = 0;
  x[0] = 3;
  CHECK(!gamma_series(1, x, &r, &e) && r.value == 3 && isnan(r.error) && r.reason);
  for (int i = 0; i < 1000; i++) x[i] = .1;
  CHECK(!gamma_series(1000, x, &r, &e) && r.value == .1 && r.error == 0 && r.tau == .5 && !r.reason);
  for (int i = 0; i < 1000; i++) x[i] = i < 500; /* one long correlation */
  CHECK(!gamma_series(1000, x, &r, &e) && r.reason);
  x[10] = NAN;
  CHECK(gamma_series(1000, x, &r, &e) == ERR_RUN);
  e.code = 0;
  for (int i = 0; i < 1000; i++) x[i] = i & 1; /* strictly alternating: no honest error */
  CHECK(!gamma_series(1000, x, &r, &e) && r.reason);
  binning b = {0};
  CHECK(isnan(binning_summarise(&b).error) && binning_summarise(&b).reason);
  for (int i = 0; i < 5; i++) binning_add(&b, i);
  binning_result s = binning_summarise(&b);
  CHECK_NEAR(s.mean, 2, 1e-15);
  CHECK_NEAR(s.each[0], sqrt(.5), 1e-15);
  CHECK_NEAR(s.each[1], 1, 1e-15); /* bins .5 and 2.5 */
  CHECK_INT(s.levels, 2);
  CHECK(s.reason != NULL);
}

/* The thermodynamic set of a chain, here of independent rows: no lnZ, everything else within errors. */
static void thermodynamics(void) {
  enum { N = 50000 };
  static double x[N][THERMO_NG];
  toy t = toy_new(0);
  err e = {0};
  gamma_result r[THERMO_COUNT];
  rng_fast g = rng_fast_seed(rng_stream(6, "thermo"), 0, 0, 0);
  for (int i = 0; i < N; i++) memcpy(x[i], t.g[toy_draw(&t, &g)], sizeof x[i]);
  long n = N;
  gamma_data d = {THERMO_NG, 1, &n, x[0]};
  CHECK(!thermo_chain(&toy_thermo, &d, r, &e));
  for (int i = 0; i < THERMO_COUNT; i++) {
    if (thermo_quantities[i].needs_lnZ)
      CHECK(isnan(r[i].value) && isnan(r[i].error));
    else
      CHECK_SIGMA(r[i].value, t.exact[i], r[i].error, 5);
  }
}

int main(void) {
  lags();
  known_tau();
  pulls();
  derived();
  replicas();
  edges();
  thermodynamics();
  return check_done();
}

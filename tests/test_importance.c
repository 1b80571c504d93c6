/* test_importance.c: importance sampling against exactly solvable targets: values, errors (pulls over replicas),
 * biases, merging, edge cases, the thermodynamic set and its reweighting. */
#include <time.h>

#include "analysis/jackknife.h"
#include "check.h"
#include "toy.h"

/* q = N(0, 1), target exp(-(x - mu)^2/(2 v)): lnZ = ln(2 pi v)/2, moments of N(mu, v). */
static void gaussian(void) {
  const double mu = .3, v = .64;
  const long n = 200000;
  err e = {0};
  importance *a;
  rng r = rng_stream(1, "gaussian");
  CHECK(!importance_new(&a, 2, 0, 1, &e));
  for (long i = 0; i < n; i++) {
    double x = rng_normal(r, (uint64_t)i, 0, 0), g[2] = {x, x * x};
    importance_add(a, (uint64_t)i, -(x - mu) * (x - mu) / (2 * v) + x * x / 2 + .5 * log(2 * M_PI), g, &e);
  }
  double x[3], c[9];
  importance_means(a, x, c);
  importance_summary s = importance_summarise(a);
  CHECK_SIGMA(x[0], mu, sqrt(c[0]), 5);
  CHECK_SIGMA(x[1], mu * mu + v, sqrt(c[4]), 5);
  CHECK_SIGMA(x[2], .5 * log(2 * M_PI * v), sqrt(c[8]), 5);
  CHECK_REL(x[2], s.lnZ, 1e-14);
  CHECK_REL(sqrt(c[8]), s.lnZ_error, 1e-9);
  double w2 = exp(mu * mu / (2 - v)) / sqrt(v * (2 - v)); /* E_q[W^2] */
  CHECK_REL(1 / s.ess, w2, .02);
  CHECK_REL(s.lnZ_error, sqrt((w2 - 1) / n), .02);
  CHECK_SIGMA(s.lower, .5 * log(2 * M_PI) + .5 - (1 + mu * mu) / (2 * v), s.lower_error, 5);
  CHECK(!e.code);
  importance_free(a);
}

static void compare(const importance *a, const importance *b, double tol) {
  double xa[THERMO_NG + 1], xb[THERMO_NG + 1], ca[64], cb[64];
  stat_value va[THERMO_COUNT], vb[THERMO_COUNT];
  err e = {0};
  importance_means(a, xa, ca), importance_means(b, xb, cb);
  for (int i = 0; i <= THERMO_NG; i++) CHECK_NEAR(xa[i], xb[i], tol * fabs(xb[i]));
  for (int i = 0; i < 64; i++) CHECK_NEAR(ca[i], cb[i], tol * fmax(fabs(cb[i]), sqrt(cb[i / 8 * 9] * cb[i % 8 * 9])));
  thermo_estimate(&toy_thermo, a, va, NULL, &e), thermo_estimate(&toy_thermo, b, vb, NULL, &e);
  for (int i = 0; i < THERMO_COUNT; i++) {
    CHECK_REL(va[i].error, vb[i].error, 10 * tol);
    CHECK_REL(va[i].jackknife_error, vb[i].jackknife_error, 1e4 * tol); /* differences of nearly equal numbers */
  }
}

/* Three ranks merged, one pass, one pass in portions: the same; portions: the same bits. */
static void merging(void) {
  enum { N = 30001 };
  static double lw[N], g[N][THERMO_NG];
  toy t = toy_new(1);
  err e = {0};
  rng_fast r = rng_fast_seed(rng_stream(2, "merge"), 0, 0, 0);
  for (int i = 0; i < N; i++) {
    int s = toy_draw(&t, &r);
    lw[i] = t.lw[s] + 3 * rng_fast_double(&r) + (i > N / 2 ? 5 : 0); /* the maximum moves late */
    memcpy(g[i], t.g[s], sizeof g[i]);
  }
  importance *one, *portions, *part[3];
  importance_new(&one, THERMO_NG, 0, 1, &e), importance_new(&portions, THERMO_NG, 0, 1, &e);
  importance_add_rows(one, 0, N, lw, g[0], &e);
  for (int at = 0, step = 1; at < N; at += step, step = step * 2 % 977 + 1)
    importance_add_rows(portions, (uint64_t)at, step < N - at ? step : N - at, lw + at, g[at], &e);
  CHECK_BITS(one->sum, portions->sum, importance_count(one) * sizeof(double));
  for (int p = 0; p < 3; p++) {
    int from = N * p / 3, to = N * (p + 1) / 3;
    importance_new(part + p, THERMO_NG, 0, 1, &e);
    importance_add_rows(part[p], (uint64_t)from, to - from, lw + from, g[from], &e);
  }
  CHECK(!importance_merge(part[2], part[0], &e)); /* in any order */
  CHECK(!importance_merge(part[2], part[1], &e));
  CHECK_INT((long)importance_summarise(part[2]).n, N);
  compare(part[2], one, 1e-13);
  importance_clear(part[0]);
  CHECK(!importance_merge(part[0], one, &e)); /* into an empty one: exactly */
  CHECK_BITS(part[0]->sum, one->sum, importance_count(one) * sizeof(double));
  importance_clear(part[1]);
  CHECK(!importance_merge(part[0], part[1], &e)); /* an empty one: nothing changes */
  CHECK_BITS(part[0]->sum, one->sum, importance_count(one) * sizeof(double));
  importance *other;
  importance_new(&other, THERMO_NG, 32, 1, &e);
  CHECK(importance_merge(other, one, &e) == ERR_RUN && e.code);
  importance_free(other), importance_free(one), importance_free(portions);
  for (int p = 0; p < 3; p++) importance_free(part[p]);
}

/* 1,000 replicas of 10^4 draws: (estimate - exact)/error has mean 0 and width 1, for delta and jackknife errors. */
static void pulls(void) {
  toy t = toy_new(1);
  err e = {0};
  importance *a;
  importance_new(&a, THERMO_NG, 0, 1, &e);
  moments delta[THERMO_COUNT] = {0}, jack[THERMO_COUNT] = {0}, value[THERMO_COUNT] = {0}, error[THERMO_COUNT] = {0};
  rng_fast r = rng_fast_seed(rng_stream(3, "pulls"), 0, 0, 0);
  for (int k = 0; k < 1000; k++) {
    stat_value v[THERMO_COUNT];
    importance_clear(a);
    toy_fill(&t, a, 10000, &r, &e);
    CHECK(!thermo_estimate(&toy_thermo, a, v, NULL, &e));
    for (int i = 0; i < THERMO_COUNT; i++) {
      moments_add(delta + i, (v[i].value - t.exact[i]) / v[i].error);
      moments_add(jack + i, (v[i].corrected - t.exact[i]) / v[i].jackknife_error);
      moments_add(value + i, v[i].value), moments_add(error + i, v[i].error);
    }
  }
  for (int i = 0; i < THERMO_COUNT; i++) {
    const char *name = thermo_functions[i]->name;
    CHECK_REPORT(fabs(delta[i].mean) < .15 && fabs(moments_sd(delta + i) - 1) < .1, "%s: delta pull %.3f +- %.3f", name,
                 delta[i].mean, moments_sd(delta + i));
    CHECK_REPORT(fabs(jack[i].mean) < .15 && fabs(moments_sd(jack + i) - 1) < .1, "%s: jackknife pull %.3f +- %.3f",
                 name, jack[i].mean, moments_sd(jack + i));
    CHECK_REL(error[i].mean, moments_sd(value + i), .1);
  }
  importance_free(a);
}

/* Small samples: the O(1/n) bias is there, as predicted for lnZ, and both corrections remove it. */
static void biases(void) {
  toy t = toy_new(1.5);
  const int n = 64;
  static const int which[] = {THERMO_LNZ, THERMO_e, THERMO_c, THERMO_chi, THERMO_U};
  err e = {0};
  importance *a;
  importance_new(&a, THERMO_NG, 0, 1, &e);
  moments plain[THERMO_COUNT] = {0}, fixed[THERMO_COUNT] = {0}, lnZ = {0};
  rng_fast r = rng_fast_seed(rng_stream(4, "bias"), 0, 0, 0);
  for (int k = 0; k < 40000; k++) {
    stat_value v[THERMO_COUNT];
    importance_clear(a);
    toy_fill(&t, a, n, &r, &e);
    thermo_estimate(&toy_thermo, a, v, NULL, &e);
    moments_add(&lnZ, importance_summarise(a).lnZ_corrected - t.exact[THERMO_LNZ]);
    for (int i = 0; i < THERMO_COUNT; i++)
      moments_add(plain + i, v[i].value - t.exact[i]), moments_add(fixed + i, v[i].corrected - t.exact[i]);
  }
  double expected = -(t.mean_W2 - 1) / (2 * n);
  CHECK_SIGMA(plain[THERMO_LNZ].mean, expected, hypot(moments_error(plain + THERMO_LNZ), .05 * expected), 5);
  CHECK_SIGMA(lnZ.mean, 0, hypot(moments_error(&lnZ), .05 * expected), 5);
  for (int j = 0; j < 5; j++) {
    int i = which[j];
    CHECK_SIGMA(fixed[i].mean, 0, hypot(moments_error(fixed + i), .05 * plain[i].mean), 5);
    CHECK_REPORT(fabs(plain[i].mean) > 5 * moments_error(plain + i), "%s: bias %.2g +- %.2g", thermo_functions[i]->name,
                 plain[i].mean, moments_error(plain + i));
  }
  importance_free(a);
}

/* Covariance of F and S: delta formula against 5,000 replicas and against the formula of the paper. */
static void covariance(void) {
  toy t = toy_new(1);
  enum { REPLICAS = 5000, N = 2000, K = THERMO_COUNT };
  err e = {0};
  importance *a;
  importance_new(&a, THERMO_NG, 0, 1, &e);
  stat_value v[K];
  static double cov[K * K];
  double predicted = 0, fs = 0;
  moments F = {0}, S = {0};
  rng_fast r = rng_fast_seed(rng_stream(5, "covariance"), 0, 0, 0);
  for (int k = 0; k < REPLICAS; k++) {
    importance_clear(a);
    toy_fill(&t, a, N, &r, &e);
    thermo_estimate(&toy_thermo, a, v, cov, &e);
    predicted += cov[THERMO_FREE * K + THERMO_S] / REPLICAS;
    fs += (v[THERMO_FREE].value - t.exact[THERMO_FREE]) * (v[THERMO_S].value - t.exact[THERMO_S]);
    moments_add(&F, v[THERMO_FREE].value), moments_add(&S, v[THERMO_S].value);
  }
  CHECK_REL(predicted, fs / REPLICAS, .1);
  CHECK_REL(cov[THERMO_S * K + THERMO_S], v[THERMO_S].error * v[THERMO_S].error, 1e-12);
  double mean = 0, b = toy_thermo.beta, mf = 0; /* E_q[psi_F psi_S]/n with the exact averages */
  for (int i = 0; i < TOY; i++) mean += t.p[i] * b * toy_E[i];
  for (int i = 0; i < TOY; i++) {
    double W = t.p[i] / t.q[i];
    mf += t.q[i] * (-(W - 1) / b) * (W * (b * toy_E[i] - mean + 1) - 1) / N;
  }
  CHECK_REL(predicted, mf, .02);
  importance_free(a);
}

/* A gradient left to central differences gives the analytic errors. */
static double binder(const double *x, const void *ctx) {
  return thermo_functions[THERMO_U]->value(x, ctx);
}
static void gradients(void) {
  toy t = toy_new(1);
  err e = {0};
  importance *a;
  importance_new(&a, THERMO_NG, 0, 1, &e);
  rng_fast r = rng_fast_seed(rng_stream(6, "gradient"), 0, 0, 0);
  toy_fill(&t, a, 20000, &r, &e);
  const stat_fn numeric = {"binder", binder, NULL}, *f[2] = {&numeric, thermo_functions[THERMO_U]};
  stat_value v[2];
  importance_estimate(a, 2, f, &toy_thermo, v, NULL, &e);
  CHECK_REL(v[0].error, v[1].error, 1e-5);
  double step[THERMO_NG + 1], d[STAT_MAX], n[STAT_MAX];
  for (int i = 0; i <= THERMO_NG; i++) step[i] = 1e-3;
  for (int i = 0; i < THERMO_COUNT; i++) { /* every gradient of the table */
    stat_fn plain = *thermo_functions[i];
    plain.gradient = NULL;
    stat_gradient(thermo_functions[i], &toy_thermo, THERMO_NG + 1, t.x, step, d);
    stat_gradient(&plain, &toy_thermo, THERMO_NG + 1, t.x, step, n);
    for (int j = 0; j <= THERMO_NG; j++)
      CHECK_REPORT(fabs(d[j] - n[j]) < 1e-5 * (1 + fabs(d[j])), "%s: gradient %d is %g, %g by differences", plain.name,
                   j, d[j], n[j]);
  }
  importance_free(a);
}

/* The set against definitions written out. */
static void definitions(void) {
  toy t = toy_new(0);
  double Z = 0, H = 0, H2 = 0, M1 = 0, M2 = 0, M4 = 0, sk = 0, entropy = 0, b = toy_thermo.beta, N = toy_thermo.sites;
  for (int i = 0; i < TOY; i++) {
    double m = toy_M[i];
    Z += exp(-b * toy_E[i]), H += t.p[i] * toy_E[i], H2 += t.p[i] * toy_E[i] * toy_E[i];
    M1 += t.p[i] * fabs(m), M2 += t.p[i] * m * m, M4 += t.p[i] * m * m * m * m, sk += t.p[i] * toy_Sk[i];
    entropy -= t.p[i] * log(t.p[i]);
  }
  CHECK_REL(t.exact[THERMO_LNZ], log(Z), 1e-14);
  CHECK_REL(t.exact[THERMO_f], -log(Z) / b / N, 1e-14);
  CHECK_REL(t.exact[THERMO_e], H / N, 1e-13);
  CHECK_REL(t.exact[THERMO_c], b * b * (H2 - H * H) / N, 1e-13);
  CHECK_REL(t.exact[THERMO_S], entropy, 1e-13);
  CHECK_REL(t.exact[THERMO_s], entropy / N, 1e-13);
  CHECK_REL(t.exact[THERMO_m_abs], M1 / N, 1e-13);
  CHECK_REL(t.exact[THERMO_chi], b * (M2 - M1 * M1) / N, 1e-13);
  CHECK_REL(t.exact[THERMO_U], 1 - M4 / (3 * M2 * M2), 1e-13);
  CHECK_REL(t.exact[THERMO_xi], sqrt(M2 / sk - 1) / (2 * sin(M_PI / 4)), 1e-13);
}

static void edges(void) {
  err e = {0};
  importance *a;
  char why[160];
  double g[1] = {2}, bad[1] = {NAN}, x[2], c[4];
  CHECK(importance_new(&a, STAT_MAX, 0, 1, &e) == ERR_RUN);
  e.code = 0;
  CHECK(!importance_new(&a, 1, 8, 1, &e));
  importance_summary s = importance_summarise(a);
  CHECK(s.n == 0 && isnan(s.lnZ) && isnan(s.ess) && isnan(s.lnZ_error));
  CHECK(importance_verdict(a, NAN, why, sizeof why) == STAT_REFUSE);
  CHECK_TEXT(why, "no samples");
  CHECK(!importance_add(a, 0, -INFINITY, bad, &e)); /* illegal: g is not looked at */
  s = importance_summarise(a);
  CHECK(s.n == 1 && s.legal == 0 && s.lnZ == -INFINITY && s.ess == 0 && s.lower == -INFINITY);
  CHECK(importance_verdict(a, NAN, why, sizeof why) == STAT_REFUSE);
  CHECK(importance_add(a, 1, NAN, g, &e) == ERR_RUN);
  CHECK(strstr(e.text, "sample 1") != NULL);
  e.code = 0;
  CHECK(importance_add(a, 1, INFINITY, g, &e) == ERR_RUN);
  e.code = 0;
  CHECK(importance_add(a, 1, 0, bad, &e) == ERR_RUN);
  CHECK_INT((long)importance_summarise(a).n, 1);
  e.code = 0;
  CHECK(!importance_add(a, 1, 2.5, g, &e)); /* one legal of two */
  importance_means(a, x, c);
  s = importance_summarise(a);
  CHECK_NEAR(x[0], 2, 0);
  CHECK_NEAR(x[1], 2.5 - log(2), 1e-15);
  CHECK_NEAR(s.ess, .5, 1e-15);
  CHECK(s.lower == -INFINITY && isnan(s.lower_error));
  importance_clear(a);
  importance_add(a, 7, -3, g, &e); /* a single sample */
  s = importance_summarise(a);
  CHECK(s.lnZ == -3 && s.ess == 1 && isnan(s.lnZ_error) && isnan(s.lnZ_corrected));
  for (int i = 0; i < 1000; i++) importance_add(a, (uint64_t)i, i == 500 ? 1e5 : -1e5, g, &e); /* spread of 2e5 */
  s = importance_summarise(a);
  CHECK_NEAR(s.lnZ, 1e5 - log(1001), 1e-9);
  CHECK_NEAR(s.ess * s.n, 1, 1e-12);
  CHECK(importance_verdict(a, NAN, why, sizeof why) == STAT_REFUSE);
  CHECK(strstr(why, "below 100") != NULL);
  importance_clear(a);
  for (int i = 0; i < 1000; i++) importance_add(a, (uint64_t)i, 238.5, g, &e); /* the perfect network */
  s = importance_summarise(a);
  importance_means(a, x, c);
  CHECK(s.lnZ == 238.5 && s.ess == 1 && s.lnZ_error == 0 && c[0] == 0);
  CHECK(importance_verdict(a, -INFINITY, why, sizeof why) == STAT_GOOD && !why[0]);
  CHECK(importance_verdict(a, .6, why, sizeof why) == STAT_WARN);
  CHECK(importance_verdict(a, .8, why, sizeof why) == STAT_REFUSE && strstr(why, "0.80"));
  importance_free(a);
}

/* lw = 0: the plain mean and its standard error; fewer samples than blocks; a stripe of whole shards. */
static void unweighted(void) {
  err e = {0};
  importance *a;
  importance_new(&a, 1, 64, 64, &e);
  rng r = rng_stream(7, "plain");
  moments m = {0};
  for (int i = 0; i < 1000; i++) {
    double g = rng_normal(r, (uint64_t)i, 0, 0);
    importance_add(a, (uint64_t)i, 0, &g, &e);
    moments_add(&m, g);
  }
  double x[2], c[4];
  importance_means(a, x, c);
  CHECK_NEAR(x[0], m.mean, 1e-15);
  CHECK_REL(sqrt(c[0]), moments_error(&m), 1e-12);
  int used = 0;
  for (int b = 0; b < 64; b++) used += a->sum[b * a->width] > 0;
  CHECK_INT(used, 16);
  importance_free(a);
}

/* One sample set, several couplings; at the coupling of the draw the scan is the direct estimate, bit for bit. */
static void scan(void) {
  enum { N = 100000 };
  static double lnq[N], E[N], M[N], Sk[N];
  toy t = toy_new(1);
  err e = {0};
  rng_fast r = rng_fast_seed(rng_stream(8, "scan"), 0, 0, 0);
  importance *a;
  importance_new(&a, THERMO_NG, 0, 1, &e);
  for (int i = 0; i < N; i++) {
    int s = toy_draw(&t, &r);
    lnq[i] = log(t.q[s]), E[i] = toy_E[s], M[i] = toy_M[s], Sk[i] = toy_Sk[s];
    importance_add(a, (uint64_t)i, -.3 * E[i] - lnq[i], t.g[s], &e);
  }
  const double beta[] = {0, .1, .3, .5, .8};
  thermo_point p[5];
  stat_value v[THERMO_COUNT];
  thermo_sample s = {N, lnq, E, M, Sk};
  CHECK(!thermo_scan(&toy_thermo, &s, 5, beta, p, &e));
  thermo_estimate(&toy_thermo, a, v, NULL, &e);
  CHECK_BITS(v, p[2].v, sizeof v);
  for (int b = 0; b < 5; b++) {
    double Z = 0, H = 0, H2 = 0, w2 = 0;
    for (int i = 0; i < TOY; i++) {
      double w = exp(-beta[b] * toy_E[i]);
      Z += w, H += w * toy_E[i], H2 += w * toy_E[i] * toy_E[i], w2 += w * w / t.q[i];
    }
    CHECK_SIGMA(p[b].v[THERMO_LNZ].value, log(Z), p[b].v[THERMO_LNZ].error, 5);
    CHECK_SIGMA(p[b].v[THERMO_e].value, H / Z / 4, p[b].v[THERMO_e].error, 5);
    if (b)
      CHECK_SIGMA(p[b].v[THERMO_c].value, beta[b] * beta[b] * (H2 / Z - H * H / Z / Z) / 4, p[b].v[THERMO_c].error, 5);
    CHECK_REL(p[b].ess, Z * Z / w2, .03);
    CHECK(p[b].verdict == STAT_GOOD && p[b].beta == beta[b]);
  }
  CHECK(isnan(p[0].v[THERMO_f].value) && isfinite(p[0].v[THERMO_s].value));
  importance_free(a);
}

/* The block jackknife itself: unequal blocks of independent data reproduce the error of the mean; two sets deleted
 * jointly. */
static void jackknives(void) {
  enum { N = 6400 };
  static double x[N], y[N];
  err e = {0};
  rng r = rng_stream(9, "jackknife");
  moments m = {0};
  for (int i = 0; i < N; i++) {
    x[i] = rng_normal(r, (uint64_t)i, 0, 0) + 3, y[i] = 2 * x[i];
    moments_add(&m, x[i]);
  }
  jackknife_set s[2] = {{N, 1, x}, {N, 1, y}};
  const stat_fn *f[1] = {thermo_functions[THERMO_e]};
  thermo one = {.beta = 1, .sites = 1};
  stat_value v[1], w[1];
  CHECK(!jackknife(2, s, N, 1, f, &one, v, NULL, &e));
  CHECK_REL(v[0].error, moments_error(&m), 1e-9);
  CHECK_NEAR(v[0].corrected, v[0].value, 1e-11);
  CHECK(!jackknife(1, s, 60, 1, f, &one, w, NULL, &e)); /* blocks of 106 and 107 */
  CHECK_REL(w[0].error, moments_error(&m), .5);
  const stat_fn *c[1] = {
      thermo_functions[THERMO_c]}; /* x1 - x0^2 with x1 = 2 x0: negligible use, checks the joint order */
  double cov[1];
  CHECK(!jackknife(2, s, 64, 1, c, &one, v, cov, &e));
  CHECK_REL(v[0].value, 2 * m.mean - m.mean * m.mean, 1e-12);
  CHECK_REL(v[0].error, fabs(2 - 2 * m.mean) * w[0].error, .5);
  CHECK_REL(v[0].corrected, v[0].value + m.squares / (N - 1) / N, 1e-3);
  CHECK_REL(sqrt(cov[0]), v[0].error, 1e-12);
  CHECK(jackknife(2, s, N + 1, 1, f, &one, v, NULL, &e) == ERR_RUN);
}

/* Cost of a sample with eight observables: printed, with a bound that only a fault can break. */
static void speed(void) {
  err e = {0};
  importance *a;
  double g[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  importance_new(&a, 8, 0, 1, &e);
  rng_fast r = rng_fast_seed(rng_stream(10, "speed"), 0, 0, 0);
  const int n = 1000000;
  clock_t from = clock();
  for (int i = 0; i < n; i++) {
    double u = rng_fast_double(&r);
    g[i & 7] = u;
    importance_add(a, (uint64_t)i, u, g, &e);
  }
  double ns = (double)(clock() - from) / CLOCKS_PER_SEC / n * 1e9;
  printf("importance_add with 8 observables: %.0f ns\n", ns);
  CHECK(ns < 2000);
  importance_free(a);
}

int main(void) {
  gaussian();
  merging();
  definitions();
  gradients();
  edges();
  unweighted();
  scan();
  jackknives();
  pulls();
  biases();
  covariance();
  speed();
  return check_done();
}

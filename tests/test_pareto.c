/* test_pareto.c: the tail of the weights: shapes that are known, order and merging, degenerate tails; and the relation
 * of ESS, acceptance and KL for Gaussian log weights. */
#include "analysis/nmcmc.h"
#include "check.h"
#include "toy.h"

/* Quantile of the generalised Pareto distribution with unit scale. */
static double gpd(double k, double u) {
  return k != 0 ? expm1(-k * log1p(-u)) / k : -log1p(-u);
}

static void fit(void) {
  const double shapes[] = {-.5, 0, .2, .5, .7, 1, 1.5};
  enum { N = 1000 };
  static double x[N];
  for (int j = 0; j < 7; j++) {
    double k = shapes[j];
    for (int i = 0; i < N; i++) x[i] = 7 * gpd(k, (i + .5) / N);
    CHECK_NEAR(pareto_fit(N, x, 0), k, .02);
    CHECK_NEAR(pareto_fit(N, x, 1), (pareto_fit(N, x, 0) * N + 5) / (N + 10), 1e-12);
  }
}

/* Random weights with a tail of known k: within five times (1 + k)/sqrt(M), the error of a maximum-likelihood fit, in
 * the mean of 50 samples within that of the mean and the known pull of the prior. */
static void tails(void) {
  const double shapes[] = {.2, .5, 1};
  enum { N = 20000 };
  static double lw[N];
  for (int j = 0; j < 3; j++) {
    moments m = {0};
    rng_fast r = rng_fast_seed(rng_stream(11, "tail"), (uint64_t)j, 0, 0);
    double M = ceil(3 * sqrt(N)), error = (1 + shapes[j]) / sqrt(M), k;
    for (int rep = 0; rep < 50; rep++) {
      err e = {0};
      for (int i = 0; i < N; i++) lw[i] = log(1 + gpd(shapes[j], rng_fast_double(&r))) + 1234;
      CHECK(!pareto_k_of(&k, N, lw, &e));
      CHECK_SIGMA(k, shapes[j], error, 5);
      moments_add(&m, k);
    }
    CHECK_REL(moments_sd(&m), error, .35);
    CHECK_NEAR(m.mean, (shapes[j] * M + 5) / (M + 10), .02 + 5 * error / sqrt(50));
    stat_verdict expected[] = {STAT_GOOD, STAT_WARN, STAT_REFUSE};
    if (j != 1) CHECK(pareto_verdict(m.mean) == expected[j]);
  }
  CHECK(pareto_verdict(.5) == STAT_GOOD && pareto_verdict(.51) == STAT_WARN && pareto_verdict(.7) == STAT_WARN);
  CHECK(pareto_verdict(.71) == STAT_REFUSE && pareto_verdict(NAN) == STAT_GOOD &&
        pareto_verdict(INFINITY) == STAT_REFUSE);
}

/* Same bits for any order and grouping. */
static void merging(void) {
  enum { N = 5000 };
  static double lw[N], back[N];
  err e = {0};
  rng r = rng_stream(12, "merge");
  for (int i = 0; i < N; i++) back[N - 1 - i] = lw[i] = rng_normal(r, (uint64_t)i, 0, 0);
  double a, b;
  pareto_k_of(&a, N, lw, &e), pareto_k_of(&b, N, back, &e);
  CHECK_BITS(&a, &b, sizeof a);
  pareto *p[3];
  for (int j = 0; j < 3; j++) {
    pareto_new(p + j, N, &e);
    for (int i = N * j / 3; i < N * (j + 1) / 3; i++) pareto_add(p[j], lw[i], &e);
  }
  pareto_merge(p[1], p[2]), pareto_merge(p[1], p[0]);
  b = pareto_k(p[1]);
  CHECK_BITS(&a, &b, sizeof a);
  CHECK(isfinite(a));
  CHECK(pareto_add(p[0], NAN, &e) == ERR_RUN);
  e.code = 0;
  pareto_clear(p[0]);
  for (int i = 0; i < 4 * N; i++) pareto_add(p[0], lw[i % N] + 1e-6 * i, &e); /* more than planned: still a tail */
  CHECK(isfinite(pareto_k(p[0])) && !e.code);
  for (int j = 0; j < 3; j++) pareto_free(p[j]);
}

static void degenerate(void) {
  enum { N = 1000 };
  static double lw[N];
  err e = {0};
  double k;
  for (int i = 0; i < N; i++) lw[i] = 238.5; /* a perfect network */
  CHECK(!pareto_k_of(&k, N, lw, &e) && k == -INFINITY);
  for (int i = 0; i < N; i++) lw[i] = -INFINITY; /* nothing legal */
  CHECK(!pareto_k_of(&k, N, lw, &e) && k == -INFINITY);
  lw[3] = 0; /* one legal: undetermined, ESS speaks */
  CHECK(!pareto_k_of(&k, N, lw, &e) && isnan(k));
  for (int i = 0; i < N; i++) lw[i] = -50. * i; /* spread over more than double can span */
  CHECK(!pareto_k_of(&k, N, lw, &e) && k == INFINITY);
  CHECK(!pareto_k_of(&k, 10, lw, &e) && isnan(k));                                                    /* too few */
  for (int i = 0; i < N; i++) lw[i] = i < N / 2 ? -INFINITY : log(gpd(.3, (i - N / 2 + .5) * 2 / N)); /* half illegal */
  CHECK(!pareto_k_of(&k, N, lw, &e));
  CHECK_NEAR(k, .3, .1);
}

/* samplers.md 1.5: ln w Gaussian of variance s2 under q: KL = s2/2, ESS = exp(-s2), acceptance = erfc(sqrt(s2)/2). */
static void gaussian_weights(void) {
  static const struct {
    double s2, ess, acceptance, kl;
  } row[] = {{.02, .980, .920, .01}, {.05, .951, .874, .025}, {.1, .905, .823, .05}, {.2, .819, .752, .1},
             {.5, .607, .617, .25},  {1, .368, .480, .5},     {2, .135, .317, 1}};
  enum { N = 20000, REPLICAS = 30 };
  static double lw[N], u[N];
  for (int j = 0; j < 7; j++) {
    CHECK_NEAR(row[j].ess, exp(-row[j].s2), 6e-4);
    CHECK_NEAR(row[j].acceptance, erfc(sqrt(row[j].s2) / 2), 6e-4);
    moments W2 = {0}, acc = {0}, chain = {0}, lower = {0};
    for (int rep = 0; rep < REPLICAS; rep++) {
      err e = {0};
      rng r = rng_stream(13, "lognormal");
      importance *a;
      nmcmc *c;
      long states;
      importance_new(&a, 0, 0, 1, &e), nmcmc_new(&c, 0, &e);
      for (int i = 0; i < N; i++) {
        lw[i] = sqrt(row[j].s2) * rng_normal(r, (uint64_t)i, (uint32_t)rep, (uint32_t)j);
        u[i] = rng_uniform(r, (uint64_t)i, (uint32_t)rep, 100 + (uint32_t)j);
      }
      CHECK(!importance_add_rows(a, 0, N, lw, NULL, &e));
      CHECK(!nmcmc_scan(c, N, lw, NULL, u, &states, NULL, NULL, NULL, &e));
      importance_summary s = importance_summarise(a);
      moments_add(&W2, 1 / s.ess), moments_add(&lower, s.lnZ_corrected - s.lower);
      moments_add(&acc, nmcmc_acceptance_of(N, lw)), moments_add(&chain, nmcmc_acceptance(c));
      importance_free(a), nmcmc_free(c);
    }
    CHECK_SIGMA(W2.mean, exp(row[j].s2), hypot(moments_error(&W2), .002 * exp(row[j].s2)), 5);
    CHECK_SIGMA(acc.mean, erfc(sqrt(row[j].s2) / 2), hypot(moments_error(&acc), 1e-4), 5);
    CHECK_SIGMA(chain.mean, erfc(sqrt(row[j].s2) / 2), moments_error(&chain), 5);
    CHECK_SIGMA(lower.mean, row[j].kl, moments_error(&lower), 5);
  }
}

int main(void) {
  fit();
  tails();
  merging();
  degenerate();
  gaussian_weights();
  return check_done();
}

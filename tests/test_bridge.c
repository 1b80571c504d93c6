/* test_bridge.c: Bennett's bridge, bracket and mode-drop test on the toy of eight states, and the independent
 * Metropolis chain against its exact transition matrix. */
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_sf_gamma.h>

#include "analysis/bridge.h"
#include "analysis/gamma.h"
#include "analysis/jackknife.h"
#include "analysis/nmcmc.h"
#include "check.h"
#include "toy.h"

static void p_cdf(const toy *t, double *cdf) {
  double c = 0;
  for (int i = 0; i < TOY; i++) cdf[i] = c += t->p[i];
}

/* The equation of samplers.md 1.3 holds at the root, from sums written out. */
static void equation(void) {
  enum { NQ = 3000, NP = 500 };
  static double lwq[NQ], lwp[NP];
  toy t = toy_new(1.5);
  double cdf[TOY], left = 0, right = 0;
  rng_fast r = rng_fast_seed(rng_stream(1, "bridge"), 0, 0, 0);
  p_cdf(&t, cdf);
  for (int i = 0; i < NQ; i++) lwq[i] = t.lw[toy_draw(&t, &r)] + 1000;
  for (int i = 0; i < NP; i++) lwp[i] = t.lw[toy_pick(cdf, rng_fast_double(&r))] + 1000;
  bridge_data d = {NQ, NP, lwq, lwp, .5};
  bridge_result b;
  err e = {0};
  CHECK(!bridge_lnZ(&d, &b, &e) && !b.reason);
  CHECK_SIGMA(b.lnZ, t.exact[THERMO_LNZ] + 1000, b.error, 5);
  for (int i = 0; i < NQ; i++) left += 1 / (1 + (double)NQ / NP * exp(b.lnZ - lwq[i]));
  for (int i = 0; i < NP; i++) right += 1 / (1 + (double)NP / NQ * exp(lwp[i] - b.lnZ));
  CHECK_REL(left, right, 1e-10);
}

/* 1,000 replicas with independent p draws and 1,000 with p draws from a chain: pulls of lnZ and of the ratio, the
 * bracket. */
static void pulls(int chain) {
  enum { NQ = 2000, NP = 3000 };
  static double lwq[NQ], lwp[NP], lw[NP], u[NP];
  toy t = toy_new(1.5);
  double cdf[TOY], low = 0, high = 0;
  moments lnZ = {0}, ratio = {0}, lower = {0}, upper = {0}, value = {0}, error = {0};
  rng_fast r = rng_fast_seed(rng_stream(2, "bridge pulls"), (uint64_t)chain, 0, 0);
  p_cdf(&t, cdf);
  for (int i = 0; i < TOY; i++) low += t.q[i] * t.lw[i], high += t.p[i] * t.lw[i];
  for (int k = 0; k < 1000; k++) {
    err e = {0};
    nmcmc *c;
    long states;
    nmcmc_new(&c, 0, &e);
    for (int i = 0; i < NQ; i++) lwq[i] = t.lw[toy_draw(&t, &r)];
    for (int i = 0; i < NP; i++) lw[i] = t.lw[toy_draw(&t, &r)], u[i] = rng_fast_double(&r);
    if (chain) CHECK(!nmcmc_scan(c, NP, lw, NULL, u, &states, NULL, lwp, NULL, &e) && states == NP);
    for (int i = 0; i < NP && !chain; i++) lwp[i] = t.lw[toy_pick(cdf, u[i])];
    bridge_data d = {NQ, NP, lwq, lwp, chain ? 0 : .5};
    bridge_result b;
    bridge_bracket s;
    bridge_ratio m;
    CHECK(!bridge_lnZ(&d, &b, &e) && !bridge_bounds(&d, &s, &e) && !bridge_mode_drop(&d, &m, &e));
    moments_add(&lnZ, (b.lnZ - t.exact[THERMO_LNZ]) / b.error);
    moments_add(&value, b.lnZ), moments_add(&error, b.error);
    moments_add(&ratio, (m.ratio - 1) / m.ratio_error);
    moments_add(&lower, (s.lower - low) / s.lower_error), moments_add(&upper, (s.upper - high) / s.upper_error);
    CHECK_REPORT(s.lower - 5 * s.lower_error < b.lnZ && b.lnZ < s.upper + 5 * s.upper_error, "bracket");
    nmcmc_free(c);
  }
  const moments *all[] = {&lnZ, &ratio, &lower, &upper};
  for (int i = 0; i < 4; i++)
    CHECK_REPORT(fabs(all[i]->mean) < .15 && fabs(moments_sd(all[i]) - 1) < .1, "pull %d, chain %d: %.3f +- %.3f", i,
                 chain, all[i]->mean, moments_sd(all[i]));
  CHECK_REL(error.mean, moments_sd(&value), .1);
  double sided = sqrt((t.mean_W2 - 1) / NQ); /* the bridge beats importance sampling with the same q draws */
  CHECK(error.mean < sided);
}

/* NMCMC with lnZ from the bridge between the chain and the very proposals it was made from: joint jackknife pulls. */
static void joint(void) {
  enum { N = 3000 };
  static double lwq[N], rows[N][THERMO_NG], lwp[N], chain[N][THERMO_NG], u[N];
  static const int which[] = {THERMO_LNZ, THERMO_f, THERMO_e, THERMO_c, THERMO_s, THERMO_chi};
  toy t = toy_new(1.2);
  moments pull[6] = {0};
  const stat_fn *f[6];
  for (int i = 0; i < 6; i++) f[i] = thermo_functions[which[i]];
  rng_fast r = rng_fast_seed(rng_stream(3, "joint"), 0, 0, 0);
  for (int k = 0; k < 1000; k++) {
    err e = {0};
    nmcmc *c;
    long states;
    stat_value v[6];
    nmcmc_new(&c, THERMO_NG, &e);
    for (int i = 0; i < N; i++) {
      int s = toy_draw(&t, &r);
      lwq[i] = t.lw[s], memcpy(rows[i], t.g[s], sizeof rows[i]), u[i] = rng_fast_double(&r);
    }
    CHECK(!nmcmc_scan(c, N, lwq, rows[0], u, &states, NULL, lwp, chain[0], &e));
    bridge_data d = {N, states, lwq, lwp, 0};
    CHECK(!bridge_joint(&d, THERMO_NG, chain[0], 50, 6, f, &toy_thermo, v, NULL, &e));
    for (int i = 0; i < 6; i++) moments_add(pull + i, (v[i].corrected - t.exact[which[i]]) / v[i].error);
    nmcmc_free(c);
  }
  for (int i = 0; i < 6; i++)
    CHECK_REPORT(fabs(pull[i].mean) < .15 && fabs(moments_sd(pull + i) - 1) < .1,
                 "%s: joint jackknife pull %.3f +- %.3f", f[i]->name, pull[i].mean, moments_sd(pull + i));
}

/* Deleting blocks by expansion agrees with solving the bridge again without them. */
static void expansion(void) {
  enum { N = 2000, B = 20 };
  static double lwq[N], lwp[N], lq[N], lp[N];
  toy t = toy_new(1.5);
  double cdf[TOY], m[B], theta[B], corrected, error;
  rng_fast r = rng_fast_seed(rng_stream(4, "expansion"), 0, 0, 0);
  p_cdf(&t, cdf);
  for (int i = 0; i < N; i++) lwq[i] = t.lw[toy_draw(&t, &r)], lwp[i] = t.lw[toy_pick(cdf, rng_fast_double(&r))];
  bridge_data d = {N, N, lwq, lwp, .5}, part = {N - N / B, N - N / B, lq, lp, .5};
  bridge_result all, b;
  err e = {0};
  bridge_lnZ(&d, &all, &e);
  for (int j = 0; j < B; j++) {
    int from = j * (N / B), rest = N - from - N / B;
    memcpy(lq, lwq, (size_t)from * sizeof *lq), memcpy(lp, lwp, (size_t)from * sizeof *lp);
    memcpy(lq + from, lwq + from + N / B, (size_t)rest * sizeof *lq);
    memcpy(lp + from, lwp + from + N / B, (size_t)rest * sizeof *lp);
    CHECK(!bridge_lnZ(&part, &b, &e));
    theta[j] = b.lnZ, m[j] = N / B;
  }
  jackknife_blocks(B, m, all.lnZ, theta, &corrected, &error);
  const stat_fn *f[1] = {thermo_functions[THERMO_LNZ]};
  static double g[N][THERMO_NG];
  stat_value v[1];
  CHECK(!bridge_joint(&d, THERMO_NG, g[0], B, 1, f, &toy_thermo, v, NULL, &e));
  CHECK_REL(v[0].value, all.lnZ, 1e-13);
  CHECK_REL(v[0].error, error, 1e-4);
  CHECK_NEAR(v[0].corrected, corrected, 1e-3 * error);
}

/* A network that never makes states 6 and 7: the ratio tends to the p-mass it covers, lnZ_q to the sum over it. */
static void missing_mode(void) {
  enum { N = 200000 };
  static double lwq[N], lwp[N];
  toy t = toy_new(0);
  double cdf[TOY], covered = 0;
  err e = {0};
  rng_fast r = rng_fast_seed(rng_stream(5, "missing"), 0, 0, 0);
  p_cdf(&t, cdf);
  for (int i = 0; i < 6; i++) covered += t.p[i];
  double narrow[TOY];
  for (int i = 0; i < TOY; i++) narrow[i] = i < 6 ? cdf[i] / covered : 1;
  for (int i = 0; i < N; i++) {
    int s = toy_pick(cdf, rng_fast_double(&r));
    lwq[i] = t.exact[THERMO_LNZ] + log(covered) + .1 * (toy_pick(narrow, rng_fast_double(&r)) % 2 ? 1 : -1);
    lwp[i] = s < 6 ? t.exact[THERMO_LNZ] + log(covered) + .1 * (s % 2 ? 1 : -1) : INFINITY;
  }
  bridge_data d = {N, N, lwq, lwp, .5};
  bridge_ratio m;
  bridge_bracket b;
  bridge_result z;
  CHECK(!bridge_mode_drop(&d, &m, &e) && !bridge_bounds(&d, &b, &e) && !bridge_lnZ(&d, &z, &e));
  double odd =
      (t.p[1] + t.p[3] + t.p[5]) / covered; /* the tilt of +-.1 makes both sides know the same 2cosh-like factor */
  double factor = (odd * exp(.1) + (1 - odd) * exp(-.1)) * (odd * exp(-.1) + (1 - odd) * exp(.1));
  CHECK_SIGMA(m.ratio, covered * factor, m.ratio_error, 5);
  CHECK(b.upper == INFINITY && isnan(b.upper_error) && b.lower < t.exact[THERMO_LNZ]);
  CHECK(isfinite(z.lnZ));
}

static void edges(void) {
  err e = {0};
  bridge_result b;
  double far_q[3] = {-1e6, -1e6, -INFINITY}, far_p[2] = {1e6, 1e6}, nan[1] = {NAN};
  bridge_data d = {3, 2, far_q, far_p, .5};
  CHECK(!bridge_lnZ(&d, &b, &e) && b.reason && isnan(b.lnZ));
  d = (bridge_data){0, 2, far_q, far_p, .5};
  CHECK(bridge_lnZ(&d, &b, &e) == ERR_RUN);
  e.code = 0;
  d = (bridge_data){1, 2, nan, far_p, .5};
  CHECK(bridge_lnZ(&d, &b, &e) == ERR_RUN);
  e.code = 0;
  double one = 5; /* a perfect network: lnZ without error */
  double q[100], p[100];
  for (int i = 0; i < 100; i++) q[i] = p[i] = one;
  d = (bridge_data){100, 100, q, p, 0};
  CHECK(!bridge_lnZ(&d, &b, &e) && !b.reason);
  CHECK_NEAR(b.lnZ, 5, 1e-13);
  CHECK_NEAR(b.error, 0, 1e-9);
  for (int i = 0; i < 100; i++) q[i] = i % 2 ? 5 : -1e4, p[i] = i % 2 ? 5 : 7e3; /* half of each side is useless */
  CHECK(!bridge_lnZ(&d, &b, &e) && fabs(b.lnZ - 5) < 5);
}

/* The chain: exact matrix -> stationary law and slowest mode; then a long run against both. */
static void matrix(const toy *t, double P[TOY][TOY]) {
  for (int i = 0; i < TOY; i++) {
    P[i][i] = 1;
    for (int j = 0; j < TOY; j++)
      if (j != i) P[i][j] = t->q[j] * fmin(1, exp(t->lw[j] - t->lw[i])), P[i][i] -= P[i][j];
  }
}

static void relaxation(const toy *t, double mode[TOY], double *lambda) {
  double P[TOY][TOY];
  matrix(t, P);
  gsl_matrix *S = gsl_matrix_alloc(TOY, TOY), *V = gsl_matrix_alloc(TOY, TOY);
  gsl_vector *L = gsl_vector_alloc(TOY);
  gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(TOY);
  for (int i = 0; i < TOY; i++) {
    double flow = 0;
    for (int j = 0; j < TOY; j++) {
      gsl_matrix_set(S, (size_t)i, (size_t)j, sqrt(t->p[i] / t->p[j]) * P[i][j]);
      flow += t->p[j] * P[j][i];
    }
    CHECK_NEAR(flow, t->p[i], 1e-15);
  }
  gsl_eigen_symmv(S, L, V, w);
  gsl_eigen_symmv_sort(L, V, GSL_EIGEN_SORT_VAL_DESC);
  CHECK_NEAR(gsl_vector_get(L, 0), 1, 1e-13);
  *lambda = gsl_vector_get(L, 1);
  for (int i = 0; i < TOY; i++) mode[i] = gsl_matrix_get(V, (size_t)i, 1) / sqrt(t->p[i]);
  gsl_eigen_symmv_free(w), gsl_vector_free(L), gsl_matrix_free(S), gsl_matrix_free(V);
}

static void metropolis(void) {
  enum { N = 1 << 20 };
  static double lw[N], row[N][1], u[N], out[N][1];
  static long index[N];
  toy t = toy_new(1.2);
  double mode[TOY], lambda, seen[TOY] = {0}, chi2 = 0, acceptance = 0;
  err e = {0};
  relaxation(&t, mode, &lambda);
  CHECK_NEAR(lambda, nmcmc_relaxation(t.exact[THERMO_LNZ], t.max_lw), 1e-13);
  CHECK_NEAR(-1 / log(lambda), nmcmc_tau_exp(t.exact[THERMO_LNZ], t.max_lw), 1e-12);
  rng_fast r = rng_fast_seed(rng_stream(6, "chain"), 0, 0, 0);
  static int state[N];
  for (int i = 0; i < N; i++) {
    state[i] = toy_draw(&t, &r);
    lw[i] = t.lw[state[i]], row[i][0] = mode[state[i]], u[i] = rng_fast_double(&r);
  }
  nmcmc *c;
  long states, current = -1;
  nmcmc_new(&c, 1, &e);
  for (long at = 0, step = 1; at < N; at += step, step = step * 3 % 8191 + 1) { /* batches of all sizes */
    if (step > N - at) step = N - at;
    CHECK(!nmcmc_scan(c, step, lw + at, row[at], u + at, &states, index + at, NULL, out[at], &e) && states == step);
    for (long i = at; i < at + step; i++) {
      if (index[i] >= 0) current = at + index[i];
      index[i] = current;
    }
  }
  int wrong = 0, thin = 5 * (int)ceil(-1 / log(lambda)), many = 0;
  for (int i = 0; i < N; i++) wrong += out[i][0] != row[index[i]][0];
  CHECK_INT(wrong, 0);
  for (int i = thin; i < N; i += 2 * thin) seen[state[index[i]]]++, many++;
  for (int i = 0; i < TOY; i++) chi2 += pow(seen[i] - many * t.p[i], 2) / (many * t.p[i]);
  double P = gsl_sf_gamma_inc_Q(.5 * (TOY - 1), .5 * chi2);
  CHECK_REPORT(P > 1e-6 && P < 1 - 1e-6, "chi-square %.2f, P = %g", chi2, P);
  gamma_result g;
  CHECK(!gamma_series(N, out[0], &g, &e) && !g.reason);
  CHECK_SIGMA(g.value, 0, g.error, 5); /* the slow mode averages to 0, has variance 1 and decays as lambda^t */
  CHECK_REL(g.variance, 1, .05);
  CHECK_SIGMA(g.tau, (1 + lambda) / (2 * (1 - lambda)), g.tau_error, 5);
  for (int i = 0; i < TOY; i++)
    for (int j = 0; j < TOY; j++) acceptance += t.p[i] * t.q[j] * fmin(1, exp(t.lw[j] - t.lw[i]));
  CHECK_NEAR(nmcmc_acceptance(c), acceptance, 5 * sqrt(2 * g.tau / N));
  CHECK_NEAR(nmcmc_expected_acceptance(c), acceptance, 5 * sqrt(2 * g.tau / N));
  CHECK_NEAR(nmcmc_acceptance_of(N, lw), acceptance, 5 / sqrt(N));
  nmcmc_free(c);
}

static void metropolis_edges(void) {
  err e = {0};
  nmcmc *c;
  long states, index[4];
  double out[4];
  const double none[2] = {-INFINITY, -INFINITY}, some[4] = {-INFINITY, 2, -INFINITY, 2}, u[4] = {.5, .5, 0, .999};
  CHECK(!nmcmc_new(&c, 0, &e));
  CHECK(isnan(nmcmc_acceptance(c)));
  CHECK(!nmcmc_scan(c, 2, none, NULL, u, &states, index, NULL, NULL, &e) && states == 0);
  CHECK(!nmcmc_scan(c, 4, some, NULL, u, &states, index, out, NULL, &e));
  CHECK_INT(states,
            3); /* starts at the first legal draw; an illegal one is refused even at u = 0; equal weights: always */
  CHECK(index[0] == 1 && index[1] == 1 && index[2] == 3 && out[0] == 2);
  CHECK_NEAR(nmcmc_acceptance(c), .5, 0);
  CHECK(!nmcmc_scan(c, 1, none, NULL, u, &states, index, NULL, NULL, &e) && states == 1 && index[0] == -1);
  double bad = NAN;
  CHECK(nmcmc_scan(c, 1, &bad, NULL, u, &states, index, NULL, NULL, &e) == ERR_RUN);
  CHECK(isnan(nmcmc_acceptance_of(0, some)));
  CHECK_NEAR(nmcmc_relaxation(3, 3), 0, 0);
  nmcmc_free(c);
}

int main(void) {
  equation();
  pulls(0);
  pulls(1);
  joint();
  expansion();
  missing_mode();
  edges();
  metropolis();
  metropolis_edges();
  return check_done();
}

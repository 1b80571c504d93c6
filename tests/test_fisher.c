/* test_fisher.c: information of observables: Gaussian data of known covariance against what is computed by hand, exact
 * identities of the shares, linear dependence, and the table of efficiencies of phi^4 at lambda = 1.1, L = 16
 * (shared reference note on the scalar model, section 1.8; d<O>/dkappa = 2 Cov(O, T)). */
#include "analysis/fisher.h"
#include "base/rng.h"
#include "samplers/scalar_metropolis.h"
#include "scalar_fixture.h"

extern const scalar_update scalar_wolff;

enum { N = 20000, K = 4 };
static double x[N * K], t[N];

/* T = a + b, observables a, b + c, c, -3 a: independent normals a, b, c of variances 1, 4, 4. */
static void fill(void) {
  rng r = rng_stream(3, "fisher");
  for (int i = 0; i < N; i++) {
    double a = rng_normal(r, (uint64_t)i, 0, 0), b = 2 * rng_normal(r, (uint64_t)i, 1, 0),
           c = 2 * rng_normal(r, (uint64_t)i, 2, 0);
    double row[K] = {a + 5, b + c, c - 1, -3 * a};
    memcpy(x + i * K, row, sizeof row);
    t[i] = a + b;
  }
}

static fisher of(int k, int players, const int *player) {
  fisher f;
  err e = {0};
  static double some[N * K];
  for (int i = 0; i < N; i++) memcpy(some + i * k, x + i * K, sizeof *x * (size_t)k);
  fisher_data d = {N, k, some, t, 20, players, player};
  CHECK_REPORT(!fisher_of(&f, &d, &e), "%.200s", e.text);
  return f;
}

static void near(fisher_value v, double exact) {
  CHECK_SIGMA(v.value, exact, v.error, 5);
  CHECK_REPORT(v.error < .02, "error %g", v.error);
}

/* E({a}) = 1/5; E({b+c}) = 16/(8 5) = 2/5; E({c}) = 0; E({b+c, c}) = 4/5; joint 1. */
static void gaussian(void) {
  fisher f = of(3, 0, NULL);
  CHECK_SIGMA(f.variance.value, 5, f.variance.error, 5);
  CHECK_NEAR(f.joint.value, 1, 1e-12);
  near(f.share[FISHER_ALONE][0], .2), near(f.share[FISHER_ALONE][1], .4);
  CHECK_NEAR(f.share[FISHER_ALONE][2].value, 0, 25.0 / N); /* a square */
  near(f.share[FISHER_LAST][0], .2), near(f.share[FISHER_LAST][1], .8), near(f.share[FISHER_LAST][2], .4);
  near(f.share[FISHER_SHAPLEY][0], .2), near(f.share[FISHER_SHAPLEY][1], .6), near(f.share[FISHER_SHAPLEY][2], .2);
  double sum = 0;
  for (int p = 0; p < 3; p++) sum += f.share[FISHER_SHAPLEY][p].value;
  CHECK_NEAR(sum, f.joint.value, 1e-12);
  near(fisher_difference(&f, FISHER_SHAPLEY, 1, 0), .4);
  double c[2][2] = {{0}}, m[2] = {0}; /* alone = squared correlation, to rounding */
  for (int i = 0; i < N; i++) m[0] += x[i * K + 1] / N, m[1] += t[i] / N;
  for (int i = 0; i < N; i++)
    for (int a = 0; a < 2; a++)
      for (int b = 0; b < 2; b++) c[a][b] += ((a ? t[i] : x[i * K + 1]) - m[a]) * ((b ? t[i] : x[i * K + 1]) - m[b]);
  CHECK_REL(f.share[FISHER_ALONE][1].value, c[0][1] * c[0][1] / (c[0][0] * c[1][1]), 1e-12);
  fisher_free(&f);
}

/* -3 a beside a: nothing new, and they share what a had; as one player they are a. */
static void dependent(void) {
  fisher f = of(4, 0, NULL), g = of(4, 3, (int[]){0, 1, 2, 0});
  CHECK_NEAR(f.joint.value, 1, 1e-12);
  CHECK_NEAR(f.share[FISHER_LAST][0].value, 0, 1e-12);
  CHECK_NEAR(f.share[FISHER_LAST][3].value, 0, 1e-12);
  CHECK_NEAR(f.share[FISHER_SHAPLEY][0].value, f.share[FISHER_SHAPLEY][3].value, 1e-12);
  near(f.share[FISHER_SHAPLEY][0], .1);
  near(g.share[FISHER_SHAPLEY][0], .2), near(g.share[FISHER_ALONE][0], .2), near(g.share[FISHER_LAST][1], .8);
  fisher_free(&f), fisher_free(&g);
}

static void refused(void) {
  fisher f;
  err e = {0};
  double still[8] = {0};
  fisher_data few = {3, 1, x, t, 2, 0, NULL}, flat = {8, 1, x, still, 2, 0, NULL}, many = {100, 17, x, t, 2, 0, NULL};
  fisher_data nan = {8, 1, (double[8]){NAN}, t, 2, 0, NULL}, lost = {8, 2, x, t, 2, 1, (int[]){0, 1}};
  const fisher_data *bad[] = {&few, &flat, &many, &nan, &lost};
  for (int i = 0; i < 5; i++) {
    CHECK_INT(fisher_of(&f, bad[i], &e), ERR_RUN);
    fisher_free(&f), e = (err){0};
  }
}

/* ---- phi^4 ---- */
enum { M, MS, PHI2, G1, BOX, CBOX, NAMES };
static const char *const name[NAMES] = {"|m|", "|m_s|", "phi^2", "G(1)", "box", "cbox"};
static const struct {
  double kappa, sigma, e[NAMES];
} table[] = {{-.20, .00182, {.00, .91, .78, .00, .39, .97}},
             {.10, .00731, {.00, .00, .11, .03, .75, .31}},
             {.20, .00184, {.91, .00, .77, .92, .97, .38}},
             {.25, .00263, {.98, .00, .87, .98, .98, .28}}};

static void measure(const scalar_grid *g, double kappa, int n, double *rows, double *T) {
  const struct {
    scalar_sweep_conf sweep;
    long clusters;
  } conf = {{3, .5}, 0};
  scalar_mover *w;
  scalar_chain c = {.m = {.action = {kappa, 1.1}}, .number = 1, .phi = scalar_field(g)};
  double obs[SCALAR_NOBS], slice[16][2], G[9], V = (double)g->n;
  err e = {0};
  CHECK_REPORT(!scalar_mover_new(&w, &scalar_wolff, &conf, g, false, 7, &e), "%.200s", e.text);
  scalar_chain_start(w, &c, SCALAR_COLD);
  if (kappa < 0)
    for (long i = 0; i < g->n; i++) c.phi[i] *= (i + i / 16 + i / 256) & 1 ? -1 : 1;
  for (int i = 0; i < 100; i++) scalar_step(w, &c, true, &e);
  for (int i = 0; i < n && !e.code; i++) {
    scalar_step(w, &c, false, &e), scalar_step(w, &c, false, &e);
    scalar_exchange(g, c.phi);
    scalar_measure(g, c.phi, obs, slice);
    scalar_correlator(g, (const double(*)[2])slice, false, G);
    double row[NAMES] = {fabs(obs[SCALAR_M]) / V, fabs(obs[SCALAR_MS]) / V, obs[SCALAR_PHI2] / V, G[1],
                         obs[SCALAR_BOX] / V,     obs[SCALAR_CBOX] / V};
    memcpy(rows + i * NAMES, row, sizeof row), T[i] = obs[SCALAR_T];
  }
  CHECK_REPORT(!e.code, "%.200s", e.text);
  scalar_field_free(g, c.phi), scalar_mover_free(w);
}

static void field(void) {
  enum { CONFIGURATIONS = 1500 };
  static double rows[CONFIGURATIONS * NAMES], T[CONFIGURATIONS];
  scalar_grid *g = grid_of(3, 16, 16, 16, 0, NULL);
  for (unsigned p = 0; p < sizeof table / sizeof *table; p++) {
    fisher f;
    err e = {0};
    measure(g, table[p].kappa, CONFIGURATIONS, rows, T);
    fisher_data d = {CONFIGURATIONS, NAMES, rows, T, 20, 0, NULL};
    CHECK_REPORT(!fisher_of(&f, &d, &e), "%.200s", e.text);
    double bound = .5 / sqrt(f.variance.value), error = .5 * bound * f.variance.error / f.variance.value;
    CHECK_REPORT(fabs(bound - table[p].sigma) <= 5 * error + .02 * table[p].sigma, "kappa %g: bound %g +- %g, table %g",
                 table[p].kappa, bound, error, table[p].sigma);
    for (int k = 0; k < NAMES; k++) {
      fisher_value v = f.share[FISHER_ALONE][k];
      CHECK_REPORT(fabs(v.value - table[p].e[k]) <= 5 * v.error + .02, "kappa %g: %s holds %.4f +- %.4f, table %.2f",
                   table[p].kappa, name[k], v.value, v.error, table[p].e[k]);
      if (getenv("SPINET_TALK"))
        printf("kappa %5.2f %-6s %.3f +- %.3f  table %.2f\n", table[p].kappa, name[k], v.value, v.error, table[p].e[k]);
    }
    fisher_free(&f);
  }
  scalar_grid_free(g);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  fill();
  gaussian(), dependent(), refused(), field();
  return check_done();
}

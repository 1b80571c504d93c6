/* test_scalar_chain.c: stationary averages of every update within five sigma of exact values (free field, single site),
 * of published Monte Carlo tables (phi^4 at lambda = 1.1, Yukawa at L = 4) and of each other (exact determinant and
 * pseudofermions); the Schwinger-Dyson identity; chains in slabs; what Fourier acceleration and clusters are for.
 * With argument `full`: all rows of the tables, many more steps. */
#include "analysis/gamma.h"
#include "samplers/scalar_hmc.h"
#include "samplers/scalar_metropolis.h"
#include "scalar_fixture.h"

extern const scalar_update scalar_metropolis, scalar_wolff;

typedef struct wolff_keys {
  scalar_sweep_conf sweep;
  long clusters;
} wolff_keys;

static const scalar_hmc_conf hmc_conf = {.tau = 1,
                                         .acceptance = .9,
                                         .tune = true,
                                         .steps = 6,
                                         .inner = 2,
                                         .integrator = 1,
                                         .stiffness = NAN,
                                         .solver = 1e-10,
                                         .accept_solver = 1e-12,
                                         .iterations = 3000,
                                         .even_odd = true,
                                         .chronological = true};
static const scalar_sweep_conf sweep_conf = {1, .5};
static const wolff_keys wolff_conf = {{3, .5}, 0};

enum { PHI, ABS_M, ABS_MS, PHI2, LINK, PHI4, M2, M4, T1, T2, DYSON, COLUMNS };

typedef struct record {
  long n;
  double *row; /* (n, COLUMNS) */
} record;

/* <phi_n dS_eff/dphi_n> = 1, averaged over sites; with the exact determinant only. */
static double dyson(scalar_mover *w, scalar_chain *c, double *F) {
  const scalar_grid *g = w->g;
  scalar_force(g, c->m.action, c->phi, F);
  if (w->fermions) scalar_fermions_kick(((scalar_hmc_room *)w->self)->fermions, c->phi, F, 1);
  return -scalar_dot(g, g->plane, c->phi, F) / (double)g->n;
}

static record run_chain(const scalar_update *u, const void *conf, const scalar_model *m, const scalar_grid *g,
                        long therm, long n, scalar_chain *out, bool with_dyson) {
  scalar_mover *w;
  scalar_chain c = {.m = *m, .number = 1, .phi = scalar_field(g)};
  record r = {n, calloc((size_t)n * COLUMNS, sizeof(double))};
  double obs[SCALAR_NOBS], *F = scalar_field(g), V = (double)g->n;
  err e = {0};
  CHECK_REPORT(!scalar_mover_new(&w, u, conf, g, m->fermions, 29, &e), "%.200s", e.text);
  scalar_chain_start(w, &c, SCALAR_RANDOM);
  for (long k = 0; k < therm; k++) scalar_step(w, &c, true, &e);
  for (long k = 0; k < n && !e.code; k++) {
    double *x = r.row + k * COLUMNS;
    scalar_step(w, &c, false, &e);
    scalar_sums(g, c.phi, obs);
    double mag = obs[SCALAR_M] / V, T = obs[SCALAR_T];
    double row[COLUMNS] = {mag,
                           fabs(mag),
                           fabs(obs[SCALAR_MS] / V),
                           obs[SCALAR_PHI2] / V,
                           T / (g->d * V),
                           obs[SCALAR_PHI4] / V,
                           mag * mag,
                           pow(mag, 4),
                           T,
                           T * T,
                           with_dyson ? dyson(w, &c, F) : 0};
    memcpy(x, row, sizeof row);
  }
  CHECK_REPORT(!e.code, "%.200s", e.text);
  if (out) memcpy(out->state, c.state, sizeof c.state);
  scalar_field_free(g, c.phi), scalar_field_free(g, F), scalar_mover_free(w);
  return r;
}

static double ratio4(const double *x, const void *ctx) {
  return x[M4] / (x[M2] * x[M2]);
}
static double spread(const double *x, const void *ctx) {
  return x[T2] - x[T1] * x[T1];
}

static gamma_result mean_of(const record *r, int column, double (*f)(const double *, const void *)) {
  gamma_result v;
  err e = {0};
  gamma_data d = {COLUMNS, 1, &r->n, r->row};
  stat_fn fn = {"f", f, NULL};
  int bad = f ? gamma_derived(&d, &fn, NULL, 0, &v, &e) : gamma_primary(&d, column, 0, &v, &e);
  CHECK_REPORT(!bad && v.error > 0, "%.200s", e.text);
  return v;
}

/* Within five combined sigma. */
static void compare(const char *what, gamma_result v, double value, double error) {
  if (isnan(value)) return;
  double sigma = hypot(v.error, error);
  CHECK_REPORT(fabs(v.value - value) <= 5 * sigma, "%s: %.7g +- %.2g, expected %.7g +- %.2g (%.1f sigma)", what,
               v.value, v.error, value, error, (v.value - value) / sigma);
  if (getenv("SPINET_TALK"))
    printf("%-40s %.6f +- %.6f  expected %.6f +- %.6f  %5.1f sigma, tau %.2f\n", what, v.value, v.error, value, error,
           (v.value - value) / sigma, v.tau);
}

/* ---- exact values ---- */

static void test_exact(const scalar_update *u, const void *conf, const int *side, scalar_action a, long n) {
  scalar_grid *g = grid_of(side[0], side[1], side[2], side[3], side[4], NULL);
  exact_scalar x;
  err e = {0};
  char what[80];
  scalar_model m = {.action = a};
  CHECK(!exact_scalar_any(&x, g, a, &e));
  record r = run_chain(u, conf, &m, g, n / 20 + 50, n, NULL, true);
  static const int column[5] = {PHI2, PHI4, LINK, M2, DYSON};
  double exact[5] = {x.phi2, x.phi4, x.link, x.m2, 1};
  for (int k = 0; k < 5; k++) {
    snprintf(what, sizeof what, "%s d=%d kappa=%g lambda=%g %s", u->kind.name, g->d, a.kappa, a.lambda,
             (const char *[]){"phi2", "phi4", "link", "m2", "dyson"}[k]);
    compare(what, mean_of(&r, column[k], NULL), exact[k], 0);
  }
  free(r.row), scalar_grid_free(g);
}

static void test_exact_all(long scale) {
  static const int cube[5] = {3, 8, 8, 8}, square[5] = {2, 6, 10}, four[5] = {4, 4, 4, 4, 6};
  scalar_hmc_conf fourier = hmc_conf, third = hmc_conf;
  fourier.acceleration = 1, fourier.tau = 1.5707963, third.integrator = 2, third.steps = 2;
  struct {
    const scalar_update *u;
    const void *conf;
  } all[] = {{&scalar_hmc, &hmc_conf},
             {&scalar_hmc, &third},
             {&scalar_hmc, &fourier},
             {&scalar_metropolis, &sweep_conf},
             {&scalar_wolff, &wolff_conf}};
  for (int k = 0; k < 5; k++) {
    test_exact(all[k].u, all[k].conf, cube, (scalar_action){.1, 0}, 2000 * scale);
    test_exact(all[k].u, all[k].conf, cube, (scalar_action){0, 1.1}, 1000 * scale);
    test_exact(all[k].u, all[k].conf, square, (scalar_action){-.2, 0}, 6000 * scale);
    test_exact(all[k].u, all[k].conf, four, (scalar_action){.09, 0}, 1500 * scale);
  }
}

/* ---- published tables: value and error of |m|, |m_s|, phi^2, link, U4, Var T ---- */

typedef struct phi4_row {
  int L;
  double kappa, value[6][2];
  bool fast;
} phi4_row;
static const phi4_row phi4_table[] = {
    {8, -.22, {{.01312, 2e-5}, {.77460, 23e-5}, {.85599, 16e-5}, {-.63457, 29e-5}, {3.001, .007}, {6586, 30}}, true},
    {8, -.1, {{.01981, 2e-5}, {.04059, 1e-4}, {.54722, 5e-5}, {-.06246, 4e-5}, {2.995, .006}, {590.5, 1.3}}, false},
    {8, 0, {{.02569, 3e-5}, {.02573, 3e-5}, {.53091, 5e-5}, {.00003, 2e-5}, {3.003, .008}, {433.5, .9}}, false},
    {8, .1, {{.04041, 11e-5}, {.01981, 2e-5}, {.54723, 5e-5}, {.06244, 4e-5}, {3.010, .011}, {591.5, 1.7}}, true},
    {8, .15, {{.06713, 16e-5}, {.01781, 2e-5}, {.57401, 8e-5}, {.11158, 7e-5}, {2.949, .011}, {1029, 4}}, false},
    {8,
     .1875483,
     {{.30062, 82e-5}, {.01609, 2e-5}, {.64233, 22e-5}, {.23902, 40e-5}, {1.6035, .0038}, {9304, 60}},
     true},
    {8, .22, {{.77425, 16e-5}, {.01314, 2e-5}, {.85571, 15e-5}, {.63409, 22e-5}, {1.0101, 1e-4}, {6596, 35}}, false},
    {16, .12, {{.0164, 2e-4}, {.0067, 5e-5}, {.55564, 7e-5}, {.07911, 8e-5}, {2.99, .05}, {5513, 58}}, false},
    {16, .16, {{.0284, 4e-4}, {.0062, 5e-5}, {.58243, 11e-5}, {.12606, 16e-5}, {2.91, .05}, {9860, 200}}, false},
    {16,
     .1875483,
     {{.21022, 68e-5}, {.00574, 1e-5}, {.63350, 9e-5}, {.21945, 19e-5}, {1.607, .005}, {95270, 660}},
     false},
    {16, .2, {{.59157, 34e-5}, {.00523, 1e-5}, {.73638, 20e-5}, {.42488, 32e-5}, {1.0073, 1e-4}, {76700, 1400}}, false},
    {16, .25, {{.91125, 11e-5}, {.00401, 1e-5}, {.99706, 15e-5}, {.84610, 19e-5}, {1.0004, 5e-5}, {36260, 530}}, false},
};

static const char *const label[6] = {"|m|", "|m_s|", "phi2", "link", "U4", "Var T"};

static void compare_all(const char *what, const record *r, const double value[6][2]) {
  static const int column[4] = {ABS_M, ABS_MS, PHI2, LINK};
  char text[100];
  for (int k = 0; k < 6; k++) {
    snprintf(text, sizeof text, "%s %s", what, label[k]);
    if (isnan(value[k][0])) continue;
    compare(text, k < 4 ? mean_of(r, column[k], NULL) : mean_of(r, 0, k == 4 ? ratio4 : spread), value[k][0],
            value[k][1]);
  }
}

static void test_phi4(bool full) {
  for (size_t k = 0; k < sizeof phi4_table / sizeof *phi4_table; k++) {
    const phi4_row *t = &phi4_table[k];
    if (!full && !t->fast) continue;
    scalar_grid *g = grid_of(3, t->L, t->L, t->L, 0, NULL);
    scalar_model m = {.action = {t->kappa, 1.1}};
    char what[60];
    snprintf(what, sizeof what, "wolff L=%d kappa=%g", t->L, t->kappa);
    record r =
        run_chain(&scalar_wolff, &wolff_conf, &m, g, 500, full ? (t->L == 8 ? 200000 : 60000) : 12000, NULL, false);
    compare_all(what, &r, t->value);
    free(r.row);
    if (full && t->L == 8 && fabs(t->kappa) < .16) {
      snprintf(what, sizeof what, "hmc L=%d kappa=%g", t->L, t->kappa);
      r = run_chain(&scalar_hmc, &hmc_conf, &m, g, 500, 60000, NULL, false);
      compare_all(what, &r, t->value);
      free(r.row);
    }
    scalar_grid_free(g);
  }
}

typedef struct yukawa_row {
  double kappa, coupling, mass;
  bool exact, fast;
  double phi[2], value[6][2];
} yukawa_row;
#define NO \
  { NAN, 0 }
static const yukawa_row yukawa_table[] = {
    {.1, .5, 1, true, true, {.4878, .0011}, {{.4878, .0011}, {.0501, 2e-4}, {.6385, 4e-4}, {.2746, .001}, NO, NO}},
    {.1, .5, 1, false, true, {.4899, 9e-4}, {{.4899, 9e-4}, {.0498, 2e-4}, {.6390, 3e-4}, {.2769, 8e-4}, NO, NO}},
    {.1, .5, 0, true, false, {0, .004}, {{.1577, .0016}, {.0510, 2e-4}, {.5629, 4e-4}, {.0956, 7e-4}, NO, NO}},
    {.1, .5, 0, false, false, {.005, .004}, {{.1573, .0019}, {.0513, 3e-4}, {.5630, 4e-4}, {.0956, 7e-4}, NO, NO}},
    {-.1, .5, 0, false, true, {1e-4, 6e-4}, {{.0603, 3e-4}, {.0888, 5e-4}, {.5370, 3e-4}, {-.0401, 3e-4}, NO, NO}},
    {.1, 1, 5, false, false, {.4203, .0012}, {{.4203, .0012}, {.0524, 2e-4}, {.6127, 3e-4}, {.2173, 9e-4}, NO, NO}},
    {.1, .25, .5, false, false, {.2319, .002}, {{.2387, .0017}, {.0544, 2e-4}, {.5681, 3e-4}, {.1131, 8e-4}, NO, NO}},
};

static void test_yukawa(bool full) {
  scalar_grid *g = grid_of(3, 4, 4, 4, 0, NULL);
  gamma_result seen[2] = {{0}, {0}};
  for (size_t k = 0; k < sizeof yukawa_table / sizeof *yukawa_table; k++) {
    const yukawa_row *t = &yukawa_table[k];
    if (!full && !t->fast) continue;
    scalar_hmc_conf conf = hmc_conf;
    conf.determinant = t->exact;
    char what[80];
    snprintf(what, sizeof what, "%s kappa=%g g=%g M=%g", t->exact ? "determinant" : "pseudofermions", t->kappa,
             t->coupling, t->mass);
    scalar_model m = {{t->kappa, 1.1}, true, t->mass, t->coupling};
    long n = full ? t->exact ? 40000 : 100000 : t->exact ? 1500 : 4000;
    record r = run_chain(&scalar_hmc, &conf, &m, g, 200, n, NULL, t->exact);
    compare(what, mean_of(&r, PHI, NULL), t->phi[0], t->phi[1]);
    compare_all(what, &r, t->value);
    if (t->exact) compare("Schwinger-Dyson", mean_of(&r, DYSON, NULL), 1, 0);
    if (k < 2) seen[k] = mean_of(&r, PHI2, NULL);
    free(r.row);
  }
  compare("pseudofermions = determinant", seen[0], seen[1].value, seen[1].error);
  scalar_grid_free(g);
}

/* ---- what the methods are for ---- */

/* A quarter period of a free field forgets where it came from; plain trajectories take long near kappa_c. */
static void test_acceleration(void) {
  scalar_grid *g = grid_of(3, 8, 8, 8, 0, NULL);
  scalar_model m = {.action = {.165, 0}};
  scalar_hmc_conf fast = hmc_conf, slow = hmc_conf;
  fast.acceleration = 1, fast.tau = 1.5707963267948966, fast.steps = 3, fast.tune = false;
  record a = run_chain(&scalar_hmc, &fast, &m, g, 100, 3000, NULL, false),
         b = run_chain(&scalar_hmc, &slow, &m, g, 100, 3000, NULL, false);
  gamma_result x = mean_of(&a, M2, NULL), y = mean_of(&b, M2, NULL);
  CHECK_REPORT(x.tau < 1 && y.tau > 5, "tau_int of m^2: accelerated %.2f, plain %.2f", x.tau, y.tau);
  free(a.row), free(b.row), scalar_grid_free(g);
}

/* Clusters carry the critical field; sweeps alone crawl. */
static void test_clusters(void) {
  scalar_grid *g = grid_of(3, 8, 8, 8, 0, NULL);
  scalar_model m = {.action = {.1875483, 1.1}};
  record a = run_chain(&scalar_wolff, &wolff_conf, &m, g, 300, 4000, NULL, false),
         b = run_chain(&scalar_metropolis, &sweep_conf, &m, g, 300, 4000, NULL, false);
  gamma_result x = mean_of(&a, M2, NULL), y = mean_of(&b, M2, NULL);
  CHECK_REPORT(x.tau < 3 && y.tau > 10, "tau_int of m^2: clusters %.2f, sweeps %.2f", x.tau, y.tau);
  free(a.row), free(b.row), scalar_grid_free(g);
}

/* ---- slabs ---- */

static void test_slabs(const comm *ranks) {
  scalar_grid *g[2] = {grid_of(3, 8, 4, 6, 0, NULL), grid_of(3, 8, 4, 6, 0, ranks)};
  scalar_chain c[2];
  for (int k = 0; k < 2; k++) {
    scalar_mover *w;
    err e = {0};
    CHECK(!scalar_mover_new(&w, &scalar_metropolis, &sweep_conf, g[k], false, 5, &e));
    c[k] = (scalar_chain){.m = {.action = {.2, 1.1}}, .number = 8, .phi = scalar_field(g[k])};
    scalar_chain_start(w, &c[k], SCALAR_HOT);
    for (int i = 0; i < 8; i++) scalar_step(w, &c[k], i < 4, &e);
    scalar_mover_free(w);
  }
  CHECK_BITS(c[1].phi, c[0].phi + g[1]->first * g[1]->plane, (size_t)scalar_sites(g[1]) * sizeof(double));
  CHECK_BITS(c[1].state, c[0].state, sizeof c[0].state);
  for (int k = 0; k < 2; k++) scalar_field_free(g[k], c[k].phi), scalar_grid_free(g[k]);
}

/* U4 at kappa_c, lambda = 1.1: 1.6036 at sigma <= .003. */
static void test_binder(void) {
  scalar_grid *g = grid_of(3, 16, 16, 16, 0, NULL);
  scalar_model m = {.action = {.1875483, 1.1}};
  record r = run_chain(&scalar_wolff, &wolff_conf, &m, g, 1000, 400000, NULL, false);
  gamma_result U = mean_of(&r, 0, ratio4);
  CHECK(U.error <= .003);
  compare("U4 at kappa_c, L = 16", U, 1.6036, 1e-4);
  free(r.row), scalar_grid_free(g);
}

int main(int argc, char **argv) {
  comm ranks;
  err e = {0};
  bool full = argc > 1 && !strcmp(argv[1], "full");
  MPI_Init(&argc, &argv);
  comm_open(&ranks, MPI_COMM_WORLD, 1, &e);
  test_slabs(&ranks);
  if (ranks.ranks == 1) {
    test_exact_all(full ? 20 : 1);
    test_phi4(full), test_yukawa(full);
    test_acceleration(), test_clusters();
    if (full) test_binder();
  }
  comm_close(&ranks);
  return check_done();
}

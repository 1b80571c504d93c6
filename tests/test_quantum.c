/* test_quantum.c: thermodynamics of a Trotterised chain from moments: all configurations of a small lattice as
 * importance samples against exact values, gradients, a constant F0 that changes nothing, independent exact draws with
 * errors of both estimators, misuse. */
#include "analysis/quantum.h"
#include "lattice/exact_trotter.h"
#include "tests/check.h"

static err fault;
static const double FM[3] = {1, 1, 1}, AFM[3] = {-1, -1, -1}, XYZ[3] = {1.2, .8, .5};

static quantum context(const trotter *t, double F0) {
  return (quantum){.beta = t->beta, .sites = t->sites, .F0 = F0};
}

static void row_of(const quantum *q, const trotter *t, const int8_t *s, double g[QUANTUM_NG]) {
  double o[TROTTER_NOBS];
  trotter_measure(t, s, o);
  quantum_row(q, o[TROTTER_F], o[TROTTER_G], o[TROTTER_M], o[TROTTER_MST], g);
}

/* Every configuration once, as if drawn uniformly: sums over the lattice without noise. */
static importance *enumerate(const quantum *q, const trotter *t) {
  importance *a;
  int from[16][3];
  int8_t s[16];
  double g[QUANTUM_NG];
  CHECK(!importance_new(&a, QUANTUM_NG, 0, 0, &fault) && !trotter_dependents(t, NULL, from, &fault));
  for (int c = 0; c < 512; c++) {
    for (int i = 0, bit = 0; i < 16; i++)
      if (from[i][0] < 0) s[i] = c >> bit++ & 1 ? -1 : 1;
    trotter_complete(t, NULL, from, s);
    row_of(q, t, s, g);
    CHECK(!importance_add(a, (uint64_t)c, trotter_lnW(t, s) + 9 * M_LN2, g, &fault));
  }
  return a;
}

static void check_exact(const stat_value *v, const chain_thermo *x, const trotter *t) {
  double n = t->sites;
  CHECK_REL(v[QUANTUM_LNZ].value, x->lnZ, 1e-12);
  CHECK_REL(v[QUANTUM_f].value, x->f, 1e-12);
  CHECK_REL(v[QUANTUM_e].value, x->e, 1e-12);
  CHECK_REL(v[QUANTUM_c].value, x->c, 1e-11);
  CHECK_REL(v[QUANTUM_s].value, x->s, 1e-11);
  CHECK_NEAR(v[QUANTUM_m].value, x->m, 1e-12);
  CHECK_REL(v[QUANTUM_chi].value, x->chi, 1e-11);
  CHECK_REL(v[QUANTUM_E].value, n * x->e, 1e-12);
  CHECK_REL(v[QUANTUM_CT2].value, n * x->c / (t->beta * t->beta), 1e-11);
  CHECK_REL(v[QUANTUM_CHISIGMA].value, 4 * n * x->chi, 1e-11);
}

static void test_enumerated(void) {
  const double *const J[3] = {FM, AFM, XYZ};
  for (int k = 0; k < 6; k++) {
    trotter *t;
    chain_thermo x;
    stat_value v[QUANTUM_COUNT], w[QUANTUM_COUNT];
    CHECK(!trotter_new(&t, "test", 4, 4, J[k / 2], 1.3, k % 2 ? .4 : 0, &fault));
    CHECK(!exact_trotter_enumerate(&x, t, &fault));
    quantum q = context(t, 0), far = context(t, -3);
    importance *a = enumerate(&q, t), *b = enumerate(&far, t);
    CHECK(!quantum_estimate(&q, a, v, NULL, &fault) && !quantum_estimate(&far, b, w, NULL, &fault));
    check_exact(v, &x, t), check_exact(w, &x, t);
    for (int i = 0; i < QUANTUM_COUNT; i++) CHECK_REL(w[i].error, v[i].error, 1e-9);
    importance_free(a), importance_free(b), trotter_free(t);
  }
}

/* Turning every other spin by pi about x makes the staggered susceptibility of (Jx, Jy, Jz) the uniform one of
 * (Jx, -Jy, -Jz). */
static void test_staggered(void) {
  const double turned[3] = {1.2, -.8, -.5};
  trotter *t, *u;
  stat_value v[QUANTUM_COUNT];
  chain_thermo x;
  CHECK(!trotter_new(&t, "test", 4, 4, XYZ, 1.3, 0, &fault) && !trotter_new(&u, "test", 4, 4, turned, 1.3, 0, &fault));
  quantum q = context(t, 0);
  importance *a = enumerate(&q, t);
  CHECK(!quantum_estimate(&q, a, v, NULL, &fault) && !exact_trotter_enumerate(&x, u, &fault));
  CHECK_REL(v[QUANTUM_chi_st].value, x.chi, 1e-12);
  importance_free(a), trotter_free(t), trotter_free(u);
}

/* Analytic gradients against differences of the same function. */
static void test_gradients(void) {
  quantum q = {.beta = 1.7, .sites = 24, .F0 = -3};
  double x[QUANTUM_NG + 1] = {.11, .23, -.31, .17, .41, .05, .37, 29}, step[QUANTUM_NG + 1];
  for (int i = 0; i <= QUANTUM_NG; i++) step[i] = 1e-3;
  for (int k = 0; k < QUANTUM_COUNT; k++) {
    double d[QUANTUM_NG + 1], want[QUANTUM_NG + 1];
    stat_fn numerical = {quantum_quantities[k].fn.name, quantum_quantities[k].fn.value, NULL};
    stat_gradient(&quantum_quantities[k].fn, &q, QUANTUM_NG + 1, x, step, d);
    stat_gradient(&numerical, &q, QUANTUM_NG + 1, x, step, want);
    for (int i = 0; i <= QUANTUM_NG; i++) CHECK_NEAR(d[i], want[i], 1e-7 * (1 + fabs(want[i])));
    CHECK(quantum_quantities[k].needs_lnZ == (d[QUANTUM_NG] != 0));
    CHECK(quantum_functions[k] == &quantum_quantities[k].fn);
  }
}

static void within(const char *name, double value, double error, double exact) {
  CHECK_REPORT(error > 0 && fabs(value - exact) < 5 * error, "%s = %.8g +- %.2g, expected %.8g", name, value, error,
               exact);
}

/* Independent exact draws: as importance samples of weight one and as a Markov chain; both errors agree. */
static void test_draws(void) {
  enum { DRAWS = 20000 };
  trotter *t;
  chain_thermo x;
  exact_sampler *sampler;
  importance *a;
  gamma_result r[QUANTUM_COUNT];
  stat_value v[QUANTUM_COUNT];
  CHECK(!trotter_new(&t, "test", 6, 6, AFM, 2, .3, &fault) && !exact_trotter(&x, t, t->beta, &fault));
  quantum q = context(t, x.e * t->sites);
  int8_t *s = malloc((size_t)DRAWS * (size_t)t->n);
  double *g = malloc((size_t)DRAWS * QUANTUM_NG * sizeof *g);
  CHECK(!exact_sampler_new(&sampler, t, &fault) && !importance_new(&a, QUANTUM_NG, 0, 0, &fault));
  CHECK(!exact_sampler_draw(sampler, rng_stream(3, "quantum"), 0, DRAWS, s, &fault));
  for (int i = 0; i < DRAWS; i++) {
    row_of(&q, t, s + (size_t)i * (size_t)t->n, g + (size_t)i * QUANTUM_NG);
    CHECK(!importance_add(a, (uint64_t)i, 0, g + (size_t)i * QUANTUM_NG, &fault));
  }
  long length = DRAWS;
  gamma_data d = {.k = QUANTUM_NG, .replicas = 1, .length = &length, .x = g};
  CHECK(!quantum_chain(&q, &d, r, &fault) && !quantum_estimate(&q, a, v, NULL, &fault));
  const int which[4] = {QUANTUM_e, QUANTUM_c, QUANTUM_m, QUANTUM_chi};
  const double exact[4] = {x.e, x.c, x.m, x.chi};
  for (int k = 0; k < 4; k++) {
    const char *name = quantum_quantities[which[k]].fn.name;
    within(name, v[which[k]].value, v[which[k]].error, exact[k]);
    within(name, r[which[k]].value, r[which[k]].error, exact[k]);
    CHECK_REL(r[which[k]].error, v[which[k]].error, .1);
  }
  CHECK(isnan(r[QUANTUM_LNZ].value) && isnan(r[QUANTUM_f].value) && isnan(r[QUANTUM_s].value));
  importance_free(a), exact_sampler_free(sampler), trotter_free(t), free(s), free(g);
}

static void test_misuse(void) {
  quantum q = {.beta = 1, .sites = 4};
  stat_value v[QUANTUM_COUNT];
  gamma_result r[QUANTUM_COUNT];
  importance *a;
  long length = 1;
  double x = 0;
  err e = {0};
  CHECK(!importance_new(&a, 2, 0, 0, &fault));
  CHECK_INT(quantum_estimate(&q, a, v, NULL, &e), ERR_RUN);
  e = (err){0};
  CHECK_INT(quantum_chain(&q, &(gamma_data){.k = 1, .replicas = 1, .length = &length, .x = &x}, r, &e), ERR_RUN);
  importance_free(a);
}

int main(void) {
  test_enumerated();
  test_staggered();
  test_gradients();
  test_draws();
  test_misuse();
  CHECK_REPORT(!fault.code, "%.300s", fault.text);
  return check_done();
}

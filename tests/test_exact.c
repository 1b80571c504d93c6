/* test_exact.c: the exact solutions against each other, against sums written out state by state, against printed
 * numbers and against finite differences. */
#include <gsl/gsl_sf_clausen.h>

#include "base/rng.h"
#include "lattice/exact.h"
#include "tests/check.h"

static const double BETA_C = 0.44068679350977151262; /* ln(1 + sqrt 2)/2 */
static err fault;

/* Every printed digit: within half a unit of the last one. */
static void check_digits(double value, const char *printed) {
  const char *point = strchr(printed, '.');
  double unit = pow(10, -(double)strlen(point + 1));
  CHECK_REPORT(fabs(value - atof(printed)) <= .5000001 * unit, "%.15g, expected %s", value, printed);
}

/* samplers.md 1.9: L, beta, {lnZ, f, e, c, s}; own evaluation of Kaufman's formula with 30 to 40 digits. The
 * last digit of s at L = 16, beta .42 and .43 is one too high there: 60 digits give .36527273345215, .32956924649095.
 */
static void test_table(void) {
  const struct {
    int L;
    double beta;
    const char *printed[5];
  } rows[] = {
      {4, .44, {"15.504726538718", "-2.202375928795", "-1.562847028104", ".784651549", ".281392716"}},
      {8, .40, {"56.5993887604", "-2.2109136235", "-1.2223206433", "1.10047589", ".395437192"}},
      {8, .44, {"60.0763075272", "-2.1333916025", "-1.4875255434", "1.14895051", ".284181066"}},
      {8, BETA_C, {"60.1417807891", "-2.1323882146", "-1.4915891074", "1.14555924", ".282391704"}},
      {8, .48, {"64.1501466882", "-2.0882209208", "-1.6802152336", ".859050396", ".195842730"}},
      {8, .55, {"72.1169153523", "-2.0487760043", "-1.8510150521", ".460533983", ".108768524"}},
      {16, .40, {"225.228846756", "-2.1995004566", "-1.1313179844", "1.06497688", ".427272989"}},
      {16, .42, {"231.393556105", "-2.1520978060", "-1.2824008216", "1.46286442", ".365272733"}},
      {16, .43, {"234.783826864", "-2.1328472644", "-1.3664071563", "1.55064883", ".329569246"}},
      {16, .44, {"238.387247204", "-2.1163640554", "-1.4477434648", "1.50598860", ".294193060"}},
      {16, BETA_C, {"238.642256635", "-2.1153261879", "-1.4530648528", "1.49870496", ".291849824"}},
      {16, .45, {"242.188899833", "-2.1023341999", "-1.5205715394", "1.36682624", ".261793197"}},
      {16, .46, {"246.163245445", "-2.0903808207", "-1.5825697409", "1.19835873", ".233593097"}},
      {16, .48, {"254.523840282", "-2.0713203148", "-1.6776396177", ".914221423", ".188966735"}},
      {16, .55, {"286.387377590", "-2.0340012613", "-1.8511355087", ".459406352", ".100576164"}},
      {24, .40, {"506.547426838", "-2.1985565401", "-1.1115586102", ".939497133", ".434799172"}},
      {24, .44, {"535.576091643", "-2.1132263717", "-1.4340825623", "1.71380737", ".298823276"}},
      {24, BETA_C, {"536.144603524", "-2.1121726747", "-1.4401334961", "1.70273369", ".296158791"}},
      {24, .48, {"571.811334774", "-2.0681833578", "-1.6777007702", ".915382037", ".187431642"}},
      {24, .55, {"643.505163406", "-2.0312662986", "-1.8511358791", ".459395533", ".099071731"}},
      {32, .44, {"951.642126409", "-2.1121318502", "-1.4270906077", "1.86152197", ".301418147"}},
      {32, BETA_C, {"952.648079549", "-2.1110693669", "-1.4336584661", "1.84676759", ".298526038"}},
      {64, .44, {"3804.677559444", "-2.1110826302", "-1.4161212788", "2.22049798", ".305782995"}},
      {64, BETA_C, {"3808.672283420", "-2.1100056670", "-1.4239383898", "2.19221139", ".302340789"}},
      {128, .44, {"15216.852171724", "-2.1108248862", "-1.4099960287", "2.58533475", ".308364697"}},
      {128, BETA_C, {"15232.769323339", "-2.1097397732", "-1.4190762721", "2.53633134", ".304366284"}},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    exact_ising x;
    CHECK_INT(exact_kaufman(&x, rows[k].L, rows[k].L, 1, rows[k].beta, &fault), 0);
    const double value[5] = {x.lnZ, x.f, x.e, x.c, x.s};
    for (int q = 0; q < 5; q++) check_digits(value[q], rows[k].printed[q]);
  }
  exact_ising x;
  CHECK_INT(exact_square_infinite(&x, 1, BETA_C, &fault), 0);
  check_digits(x.lnZ, ".92969539834161");
  check_digits(x.f, "-2.1096511446082");
  check_digits(x.e, "-1.4142135624");
  check_digits(x.s, ".306470158");
}

/* lnZ, f, e, s and c of two methods, the last within tol_c, absolute. */
static void check_same(const exact_ising *a, const exact_ising *b, double tol, double tol_c) {
  CHECK_REL(a->lnZ, b->lnZ, tol);
  CHECK_REL(a->f, b->f, tol);
  CHECK_REL(a->e, b->e, tol);
  CHECK_NEAR(a->s, b->s, tol * (1 + fabs(b->lnZ)));
  CHECK_NEAR(a->c, b->c, tol_c);
}

/* What exact.h promises of c. */
static double transfer_tolerance(const ising *m, double beta) {
  const lattice *l = m->lat;
  double K = beta * (fabs(m->uniform) + (m->h ? fabs(m->h[0]) : 0)), width = l->rows < l->cols ? l->rows : l->cols;
  return 1e-14 * K * K * width * width;
}

static void compare_square(int rows, int cols, double J, double beta) {
  lattice *l;
  ising *m;
  exact_ising sum, kaufman, transfer;
  CHECK_INT(lattice_square(&l, rows, cols, true, &fault), 0);
  CHECK_INT(ising_uniform(&m, l, J, 0, beta, &fault), 0);
  CHECK_INT(exact_enumerate(&sum, m, beta, &fault), 0);
  CHECK_INT(exact_transfer(&transfer, m, beta, &fault), 0);
  check_same(&transfer, &sum, 1e-13, transfer_tolerance(m, beta));
  if (J > 0 || (rows % 2 == 0 && cols % 2 == 0)) {
    CHECK_INT(exact_kaufman(&kaufman, rows, cols, J, beta, &fault), 0);
    check_same(&kaufman, &sum, 1e-13, 1e-12 * sum.c);
  }
  ising_free(m);
  lattice_free(l);
}

static void test_kaufman(void) {
  const int side[][2] = {{3, 3}, {4, 3}, {3, 4}, {3, 5}, {5, 3}, {4, 4}, {4, 5}};
  const double beta[] = {.05, .3, .44, BETA_C, .45, .5, .8, 2};
  for (size_t k = 0; k < sizeof side / sizeof *side; k++)
    for (size_t b = 0; b < sizeof beta / sizeof *beta; b++) compare_square(side[k][0], side[k][1], 1, beta[b]);
  for (size_t b = 0; b < sizeof beta / sizeof *beta; b++) compare_square(4, 4, -1, beta[b]);
  compare_square(3, 5, -1, .7);
  compare_square(3, 4, 2.5, .2);
  exact_ising x;
  exact_kaufman(&x, 4, 3, 1, .5, &fault);
  CHECK_NEAR(x.lnZ, 13.011454798537, 6e-13); /* enumeration elsewhere */
}

/* Central differences of ln Z around beta_c, where the products change sign and order. */
static void test_derivatives(void) {
  const int side[][2] = {{16, 16}, {12, 20}, {64, 64}};
  for (int k = 0; k < 3; k++)
    for (int step = -5; step <= 5; step++) {
      double beta = BETA_C + step * 1e-3, h = 1e-4, z[5], N = (double)side[k][0] * side[k][1];
      exact_ising x;
      for (int q = -2; q <= 2; q++) {
        exact_kaufman(&x, side[k][0], side[k][1], 1, beta + q * h, &fault);
        z[q + 2] = x.lnZ;
      }
      exact_kaufman(&x, side[k][0], side[k][1], 1, beta, &fault);
      CHECK_NEAR(-(8 * (z[3] - z[1]) - (z[4] - z[0])) / (12 * h) / N, x.e, 2e-10);
      double second = (16 * (z[3] + z[1]) - (z[4] + z[0]) - 30 * z[2]) / (12 * h * h);
      CHECK_NEAR(beta * beta * second / N, x.c, 2e-6);
      CHECK_NEAR(x.s, x.lnZ / N + beta * x.e, 1e-13);
    }
}

/* At T_c: ln Z = N 0.9296953983 + ln(theta sum) + O(1/N) with theta sum = 1.8980999...: Ferdinand & Fisher 1969, the
 * sum of theta functions (theta_2 + theta_3 + theta_4)/(2 eta) on a square torus. */
static double critical_amplitude(void) {
  double q = exp(-M_PI), t2 = 0, t3 = 1, t4 = 1, eta = pow(q, 1. / 12); /* nome exp(-pi), eta at tau = i */
  for (int n = 0; n < 8; n++) t2 += 2 * pow(q, (n + .5) * (n + .5));
  for (int n = 1; n < 8; n++) {
    t3 += 2 * pow(q, n * n), t4 += (n % 2 ? -2 : 2) * pow(q, n * n);
    eta *= 1 - pow(q, 2 * n);
  }
  return (t2 + t3 + t4) / (2 * eta);
}

static void test_large(void) {
  exact_ising x, inf;
  exact_square_infinite(&inf, 1, BETA_C, &fault);
  CHECK_INT(exact_kaufman(&x, 4096, 4096, 1, BETA_C, &fault), 0);
  CHECK(isfinite(x.lnZ) && isfinite(x.e) && isfinite(x.c) && isfinite(x.s));
  CHECK_NEAR(x.e, inf.e, 2e-4);
  CHECK_REL(x.lnZ / (4096. * 4096), inf.lnZ, 1e-7);
  CHECK_INT(exact_kaufman(&x, 512, 512, 1, BETA_C, &fault), 0);
  CHECK_NEAR(x.lnZ - 512. * 512 * inf.lnZ, log(critical_amplitude()), 1e-5);
  for (int k = -1; k <= 1; k += 2) { /* correlations of less than 100 sites */
    double beta = BETA_C + k * .02;
    exact_square_infinite(&inf, 1, beta, &fault);
    CHECK_INT(exact_kaufman(&x, 4096, 4096, 1, beta, &fault), 0);
    CHECK_NEAR(x.lnZ - 4096. * 4096 * inf.lnZ, k > 0 ? M_LN2 : 0, 1e-7);
    CHECK_REL(x.e, inf.e, 1e-13);
    CHECK_REL(x.c, inf.c, 1e-11);
  }
}

static void test_limits(void) {
  exact_ising x;
  CHECK_INT(exact_kaufman(&x, 8, 8, 1, 1e-6, &fault), 0);
  CHECK_NEAR(x.lnZ, 64 * (M_LN2 + 1e-12), 1e-12);
  CHECK_NEAR(x.e, -2e-6, 1e-12);
  for (double beta = 3.5; beta < 1000; beta *= 1.3) { /* across the change to the ordered form */
    CHECK_INT(exact_kaufman(&x, 8, 8, 1, beta, &fault), 0);
    CHECK_REL(x.lnZ, 128 * beta + M_LN2 + 64 * exp(-8 * beta), 1e-14);
    CHECK_REL(x.e, -2 + 8 * exp(-8 * beta), 1e-14);
    CHECK_REL(x.c, 64 * beta * beta * exp(-8 * beta), 1e-4);
    CHECK_NEAR(x.s, M_LN2 / 64 + (1 + 8 * beta) * exp(-8 * beta), 1e-12);
  }
  CHECK_INT(exact_kaufman(&x, 2, 8, 1, .4, &fault), ERR_RUN);
  fault = (err){0};
  CHECK_INT(exact_kaufman(&x, 3, 4, -1, .4, &fault), ERR_RUN);
  fault = (err){0};
  CHECK_INT(exact_kaufman(&x, 4, 4, 1, 0, &fault), ERR_RUN);
  fault = (err){0};
  CHECK_INT(exact_kaufman(&x, 4, 4, 1, NAN, &fault), ERR_RUN);
  fault = (err){0};
  CHECK(isnan(x.lnZ) && isnan(x.m_abs));
}

/* samplers.md 5.2: beta, {lnz, e, c, m}, "" where nothing is printed; both sides of the changes to the series. */
static void test_infinite(void) {
  const struct {
    double beta;
    const char *printed[4];
  } rows[] = {{.40, {".8793638208", "-1.106079204", ".8616983568", "0.0"}},
              {.48, {"", "-1.677722451", ".9148034651", ".8775229090"}},
              {.55, {"1.115993084", "-1.851135880", ".4593955001", ".9539446377"}}};
  exact_ising x, y;
  for (int k = 0; k < 3; k++) {
    CHECK_INT(exact_square_infinite(&x, 1, rows[k].beta, &fault), 0);
    const double value[4] = {x.lnZ, x.e, x.c, x.m_abs};
    for (int q = 0; q < 4; q++)
      if (*rows[k].printed[q]) check_digits(value[q], rows[k].printed[q]);
  }
  exact_square_infinite(&x, 1, BETA_C, &fault);
  CHECK_NEAR(x.lnZ, M_LN2 / 2 + 2 * 0.91596559417721901505 / M_PI, 1e-15); /* Catalan */
  CHECK_NEAR(x.e, -sqrt(2), 1e-15);
  CHECK(isinf(x.c) && x.c > 0);
  const double joint[] = {.01, 2.5};
  for (int k = 0; k < 2; k++) {
    exact_square_infinite(&x, 1, joint[k] * (1 - 1e-9), &fault);
    exact_square_infinite(&y, 1, joint[k] * (1 + 1e-9), &fault);
    CHECK_REL(x.lnZ, y.lnZ, 6e-9);
    CHECK_REL(x.e, y.e, 3e-9);
    CHECK_REL(x.c, y.c, 1e-7);
  }
  exact_square_infinite(&x, -2, .24, &fault);
  check_digits(x.e / 2, "-1.677722451");
  CHECK(x.m_abs == 0);
}

static double infinite_m(int rc, lattice *l, double J, double h) {
  ising *m;
  exact_ising x;
  CHECK_INT(rc, 0);
  ising_uniform(&m, l, J, h, .48, &fault);
  CHECK_INT(exact_infinite_any(&x, m, .48, &fault), 0);
  CHECK(isnan(x.m_abs) == isnan(x.e));
  ising_free(m);
  lattice_free(l);
  return x.m_abs;
}

static void test_infinite_choice(void) {
  lattice *l;
  int rc;
  rc = lattice_square(&l, 4, 6, true, &fault);
  check_digits(infinite_m(rc, l, 1, 0), ".8775229090");
  rc = lattice_square(&l, 4, 6, false, &fault);
  CHECK(infinite_m(rc, l, -1, 0) == 0);
  rc = lattice_square(&l, 4, 6, true, &fault);
  CHECK(isnan(infinite_m(rc, l, 1, .1)));
  rc = lattice_triangular(&l, 6, 6, true, &fault);
  CHECK(isnan(infinite_m(rc, l, 1, 0)));
  rc = lattice_complete(&l, 30, &fault);
  CHECK(isnan(infinite_m(rc, l, 1, 0)));
}

/* ---- enumeration against sums written out ---- */

static void brute(exact_ising *x, const ising *m, double beta) {
  int n = m->lat->n;
  int8_t s[16];
  long double w = 0, E = 0, EE = 0, M = 0, MM = 0, MMMM = 0;
  for (int state = 0; state < 1 << n; state++) {
    for (int i = 0; i < n; i++) s[i] = state >> i & 1 ? 1 : -1;
    long double H = ising_energy(m, s), p = expl(-beta * H), a = abs(ising_mag(m, s));
    w += p, E += p * H, EE += p * H * H, M += p * a, MM += p * a * a, MMMM += p * a * a * a * a;
  }
  E /= w, M /= w, MM /= w;
  *x = exact_unknown();
  exact_thermal(x, n, beta, (double)logl(w), (double)-E, (double)(EE / w - E * E));
  x->m_abs = (double)(M / n);
  x->chi = (double)(beta * (MM - M * M) / n);
  x->m2 = (double)(MM / n / n);
  x->m4 = (double)(MMMM / w / n / n / n / n);
}

static void compare_brute(const ising *m, double beta) {
  exact_ising a, b;
  CHECK_INT(exact_enumerate(&a, m, beta, &fault), 0);
  brute(&b, m, beta);
  check_same(&a, &b, 1e-12, 1e-11 * b.c);
  CHECK_REL(a.m_abs, b.m_abs, 1e-12);
  CHECK_REL(a.chi, b.chi, 1e-11);
  CHECK_REL(a.m2, b.m2, 1e-12);
  CHECK_REL(a.m4, b.m4, 1e-12);
}

static void fill_normal(double *x, int n, double sigma, const char *stream) {
  for (int k = 0; k < n; k++) x[k] = sigma * rng_normal(rng_stream(11, stream), (uint64_t)k, 0, 0);
}

/* J_ij = (1/n) sum over three patterns, as Hopfield. */
static void fill_patterns(double *J, int n) {
  for (int i = 0, b = 0; i < n; i++)
    for (int j = i + 1; j < n; j++, b++) {
      J[b] = 0;
      for (int mu = 1; mu <= 3; mu++)
        J[b] += (__builtin_popcount((unsigned)(i * mu)) & 1 ? -1. : 1.) *
                (__builtin_popcount((unsigned)(j * mu)) & 1 ? -1. : 1.) / n;
    }
}

static void test_enumeration(void) {
  double J[45], h[10];
  lattice *l;
  ising *m;
  fill_normal(h, 10, .5, "h");
  lattice_complete(&l, 10, &fault);
  for (int model = 0; model < 2; model++)
    for (int field = 0; field < 2; field++) {
      if (model)
        fill_patterns(J, 10);
      else
        fill_normal(J, 45, 1 / sqrt(10), "J");
      CHECK_INT(ising_couplings(&m, l, J, field ? h : NULL, 1, &fault), 0);
      for (double beta = .1; beta < 8; beta *= 3) compare_brute(m, beta);
      ising_free(m);
    }
  lattice_free(l);
  lattice_triangular(&l, 3, 4, false, &fault);
  ising_uniform(&m, l, -1, .3, 1, &fault);
  compare_brute(m, .7);
  exact_ising x;
  CHECK_INT(exact_enumerate(&x, m, 1e5, &fault), 0); /* no overflow: the ground state */
  CHECK(isfinite(x.lnZ) && isfinite(x.m4) && x.c >= 0 && x.e < -.5);
  ising_free(m);
  lattice_free(l);
}

/* Free spins in a field: ln Z = n ln 2cosh(beta h), whatever the number of blocks; 24 spins. */
static void test_free_spins(void) {
  for (int n = 1; n <= 24; n += n < 13 ? 3 : 11) {
    lattice *l;
    ising *m;
    exact_ising x;
    CHECK_INT(lattice_alloc(&l, "graph", n, 0, &fault), 0);
    lattice_close(l);
    ising_uniform(&m, l, 1, .5, 1, &fault);
    CHECK_INT(exact_enumerate(&x, m, 2, &fault), 0);
    CHECK_REL(x.lnZ, n * log(2 * cosh(1)), 1e-14);
    CHECK_REL(x.e, -.5 * tanh(1), 1e-13);
    CHECK_REL(x.c, pow(1 / cosh(1), 2), 1e-13);
    CHECK_REL(x.m2, (1 + (n - 1) * pow(tanh(1), 2)) / n, 1e-13);
    ising_free(m);
    lattice_free(l);
  }
}

/* ---- transfer matrix ---- */

static void compare_triangular(int rows, int cols, double J, double h, double beta) {
  lattice *l;
  ising *m;
  exact_ising sum, transfer;
  CHECK_INT(lattice_triangular(&l, rows, cols, true, &fault), 0);
  CHECK_INT(ising_uniform(&m, l, J, h, beta, &fault), 0);
  CHECK_INT(exact_enumerate(&sum, m, beta, &fault), 0);
  CHECK_INT(exact_transfer(&transfer, m, beta, &fault), 0);
  check_same(&transfer, &sum, 1e-13, transfer_tolerance(m, beta));
  ising_free(m);
  lattice_free(l);
}

static void test_transfer(void) {
  const int side[][2] = {{3, 6}, {6, 3}, {3, 3}, {5, 4}, {3, 5}};
  for (int k = 0; k < 5; k++)
    for (double beta = .1; beta < 4; beta *= 2.5) {
      compare_triangular(side[k][0], side[k][1], -1, 0, beta);
      compare_triangular(side[k][0], side[k][1], 1, 0, beta);
      compare_triangular(side[k][0], side[k][1], -1, .4, beta);
    }
  const int square[][2] = {{8, 8}, {10, 10}, {7, 30}, {200, 6}, {12, 12}};
  for (int k = 0; k < 5; k++) {
    lattice *l;
    ising *m;
    exact_ising transfer, kaufman;
    int rows = square[k][0], cols = square[k][1];
    lattice_square(&l, rows, cols, true, &fault);
    ising_uniform(&m, l, 1, 0, BETA_C, &fault);
    CHECK_INT(exact_transfer(&transfer, m, BETA_C, &fault), 0);
    exact_kaufman(&kaufman, rows, cols, 1, BETA_C, &fault);
    check_same(&transfer, &kaufman, 1e-13, transfer_tolerance(m, BETA_C));
    ising_free(m);
    lattice_free(l);
  }
}

/* Residual entropy: the tori approach the infinite lattice from above. */
static void test_wannier(void) {
  double inf = exact_wannier_entropy(), before = 1;
  CHECK_NEAR(inf, gsl_sf_clausen(M_PI / 3) / M_PI, 1e-15); /* Cl_2(pi/3)/pi */
  check_digits(inf, ".3230659472194505");
  for (int L = 3; L <= 12; L += 3) {
    lattice *l;
    ising *m;
    exact_ising x;
    lattice_triangular(&l, L, L, true, &fault);
    ising_uniform(&m, l, -1, 0, 1, &fault);
    CHECK_INT(exact_transfer(&x, m, 16, &fault), 0);
    CHECK_NEAR(x.e, -1, 1e-13);
    CHECK_REPORT(x.s < before && x.s > inf, "L = %d: s = %.12g between %.12g and %.12g", L, x.s, inf, before);
    before = x.s;
    ising_free(m);
    lattice_free(l);
  }
  CHECK_NEAR(before, inf, .01);
}

/* ---- the choice ---- */

static void expect_method(int rc, lattice *l, double J, double h, double beta, const char *expected) {
  ising *m;
  exact_ising x;
  const char *method;
  CHECK_INT(rc, 0);
  ising_uniform(&m, l, J, h, beta, &fault);
  CHECK_INT(exact_any(&x, &method, m, beta, &fault), 0);
  CHECK_TEXT(method ? method : "none", expected);
  CHECK(isnan(x.lnZ) == !method);
  CHECK_INT(exact_transfer(&x, m, -1, &fault), ERR_RUN);
  fault = (err){0};
  ising_free(m);
  lattice_free(l);
}

static void test_choice(void) {
  lattice *l;
  int rc;
  rc = lattice_square(&l, 4, 4, true, &fault);
  expect_method(rc, l, 1, 0, .4, "enumeration");
  rc = lattice_square(&l, 16, 18, true, &fault);
  expect_method(rc, l, -1, 0, .4, "Kaufman");
  rc = lattice_square(&l, 5, 18, true, &fault);
  expect_method(rc, l, -1, 0, .4, "transfer matrix");
  rc = lattice_square(&l, 18, 6, true, &fault);
  expect_method(rc, l, 1, .1, .4, "transfer matrix");
  rc = lattice_square(&l, 16, 16, true, &fault);
  expect_method(rc, l, 1, .1, .4, "none");
  rc = lattice_square(&l, 6, 6, false, &fault);
  expect_method(rc, l, 1, 0, .4, "none");
  rc = lattice_triangular(&l, 6, 6, true, &fault);
  expect_method(rc, l, -1, 0, 1, "transfer matrix");
  rc = lattice_triangular(&l, 6, 6, true, &fault);
  expect_method(rc, l, -1, 0, 100, "none");
  rc = lattice_complete(&l, 30, &fault);
  expect_method(rc, l, 1, 0, .1, "none");
}

int main(void) {
  test_table();
  test_kaufman();
  test_derivatives();
  test_large();
  test_limits();
  test_infinite();
  test_infinite_choice();
  test_enumeration();
  test_free_spins();
  test_transfer();
  test_wannier();
  test_choice();
  CHECK_REPORT(!fault.code, "left over: %.400s", fault.text);
  return check_done();
}

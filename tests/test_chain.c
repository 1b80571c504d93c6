/* test_chain.c: chains without Trotter error: diagonalisation, free fermions and their limit against each other,
 * against printed numbers (samplers.md 2.6, 5.4, 5.5) and against transfer matrices extrapolated in 1/m^2; infinite
 * chains at finite m. Argument "full": the largest rings too. */
#include "analysis/extrapolate.h"
#include "lattice/exact_trotter.h"
#include "tests/check.h"

static err fault;
static const double FM[3] = {1, 1, 1}, AFM[3] = {-1, -1, -1}, XYZ[3] = {1.2, .8, .5};

/* Every printed digit: within half a unit of the last one. "": nothing printed. */
static void check_digits(const char *what, double value, const char *printed) {
  const char *point = strchr(printed, '.');
  if (!point) return;
  double unit = pow(10, -(double)strlen(point + 1));
  CHECK_REPORT(fabs(value - atof(printed)) <= .5000001 * unit, "%s: %.15g, expected %s", what, value, printed);
}

static void check_same(const chain_thermo *a, const chain_thermo *b, double tol) {
  CHECK_NEAR(a->lnZ, b->lnZ, tol * (1 + fabs(b->lnZ)));
  CHECK_NEAR(a->f, b->f, tol * (1 + fabs(b->f)));
  CHECK_NEAR(a->e, b->e, tol * (1 + fabs(b->e)));
  CHECK_NEAR(a->c, b->c, tol * (1 + fabs(b->lnZ)));
  CHECK_NEAR(a->s, b->s, tol * (1 + fabs(b->lnZ)));
  CHECK_NEAR(a->m, b->m, tol);
  CHECK_NEAR(a->chi, b->chi, tol * (1 + fabs(b->lnZ)));
}

static trotter *chain(int sites, int rows, const double J[3], double beta, double field) {
  trotter *t;
  CHECK_INT(trotter_new(&t, "test", sites, rows, J, beta, field, &fault), 0);
  return t;
}

/* ---- diagonalisation ---- */
/* Table 2.6, N = 8, rows "ED". */
static void test_table(void) {
  const double beta[2] = {1, 4}, XY[3] = {1, 1, 0};
  chain_thermo x[2];
  CHECK_INT(exact_chain(x, 8, XY, 0, 2, beta, &fault), 0);
  check_digits("XY lnZ", x[0].lnZ, "6.03038893"), check_digits("XY e", x[0].e, "-.11780618");
  check_digits("XY c", x[0].c, ".1045843"), check_digits("XY lnZ", x[1].lnZ, "11.39076547");
  check_digits("XY e", x[1].e, "-.28695810"), check_digits("XY c", x[1].c, ".3474278");
  CHECK_INT(exact_chain(x, 8, FM, 0, 1, beta, &fault), 0);
  check_digits("FM lnZ", x[0].lnZ, "6.15269332"), check_digits("FM e", x[0].e, "-.13408946");
  check_digits("FM c", x[0].c, ".0839497");
  CHECK_INT(exact_chain(x, 8, AFM, 0, 1, beta, &fault), 0);
  check_digits("AFM lnZ", x[0].lnZ, "6.36315546"), check_digits("AFM e", x[0].e, "-.20469814");
  check_digits("AFM c", x[0].c, ".1889425");
}

/* Three spins: S = 3/2 with energy -3J/4, twice S = 1/2 with 3J/4; - h Sz. */
static void test_three_spins(void) {
  for (int k = 0; k < 2; k++) {
    const double *J = k ? AFM : FM;
    double beta = .9, h = .6, w[8], Z = 0, E = 0, EE = 0, M = 0, MM = 0;
    const double Sz[8] = {1.5, .5, -.5, -1.5, .5, -.5, .5, -.5};
    for (int i = 0; i < 8; i++) {
      double energy = (i < 4 ? -.75 : .75) * J[2] - h * Sz[i];
      Z += w[i] = exp(-beta * energy);
      E += w[i] * energy, EE += w[i] * energy * energy, M += w[i] * Sz[i], MM += w[i] * Sz[i] * Sz[i];
    }
    E /= Z, EE /= Z, M /= Z, MM /= Z;
    chain_thermo x, y = chain_derive(3, beta, log(Z), -E, EE - E * E, M, MM - M * M);
    CHECK_INT(exact_chain(&x, 3, J, h, 1, &beta, &fault), 0);
    check_same(&x, &y, 1e-13);
  }
}

/* beta -> 0: <H> = -beta <H^2>_0 with <H^2>_0/N = sum J^2/16 + h^2/4; m = beta h/4. */
static void test_hot(void) {
  for (int sites = 5; sites < 9; sites++) {
    double beta = 1e-4, h = .7;
    chain_thermo x;
    CHECK_INT(exact_chain(&x, sites, XYZ, h, 1, &beta, &fault), 0);
    double second = (1.2 * 1.2 + .8 * .8 + .5 * .5) / 16 + h * h / 4;
    CHECK_REL(x.lnZ, sites * M_LN2 + sites * beta * beta * second / 2, 1e-13);
    CHECK_REL(x.e, -beta * second, 1e-3);
    CHECK_REL(x.c, beta * beta * second, 1e-3);
    CHECK_REL(x.m, beta * h / 4, 1e-3);
    CHECK_REL(x.chi, beta / 4, 1e-3);
  }
}

/* Free fermions against diagonalisation: isotropic and not, with field (a sum over pairs of levels for chi). */
static void compare_xy(int sites, double Jx, double Jy, double h) {
  const double beta[4] = {.5, 1, 4, 9}, J[3] = {Jx, Jy, 0};
  chain_thermo x[4], y;
  CHECK_INT(exact_chain(x, sites, J, h, 4, beta, &fault), 0);
  for (int k = 0; k < 4; k++) {
    CHECK_INT(exact_xy(&y, sites, Jx, Jy, h, beta[k], &fault), 0);
    check_same(&y, &x[k], 2e-11);
  }
}

static void test_xy(void) {
  for (int sites = 4; sites <= 10; sites += 2)
    for (int k = 0; k < 3; k++) {
      compare_xy(sites, 1, 1, .35 * k);
      compare_xy(sites, -1, -1, .35 * k);
      compare_xy(sites, 1.2, .7, .35 * k);
      compare_xy(sites, .6, -.9, .35 * k);
    }
}

/* ---- free fermions ---- */
/* samplers.md 5.4. */
static void test_xy_values(void) {
  const struct {
    double beta;
    const char *lnZ32, *e32, *lnz, *e, *c, *chi;
  } rows[] = {
      {.5, "22.6768569", "-.061543342", ".708651778", "-.0615433422", ".0298344876", ".121212317"},
      {1, "24.12146704", "-.117785707", ".7537958449", "-.117785707", ".104456669", ".222242376"},
      {2, "29.35708738", "-.202918921", ".9174089807", "-.202918921", ".263271870", ".334554856"},
      {4, "45.28664774", "-.279485824", "1.41520764", "-.279485459", ".307307759", ".356312399"},
  };
  for (int k = 0; k < 4; k++) {
    chain_thermo x, y;
    CHECK_INT(exact_xy(&x, 32, 1, 1, 0, rows[k].beta, &fault), 0);
    CHECK_INT(exact_xy_infinite(&y, 1, 1, 0, rows[k].beta, &fault), 0);
    check_digits("lnZ of 32", x.lnZ, rows[k].lnZ32), check_digits("e of 32", x.e, rows[k].e32);
    check_digits("ln z", y.lnZ, rows[k].lnz), check_digits("e", y.e, rows[k].e);
    check_digits("c", y.c, rows[k].c), check_digits("chi", y.chi, rows[k].chi);
    CHECK_NEAR(y.f, -y.lnZ / rows[k].beta, 1e-15);
  }
}

/* The limit, through the critical field. Where there is a gap, rings at low temperature are shorter than the
 * correlation length. */
static void test_xy_limit(void) {
  const double J[3][2] = {{1, 1}, {1.4, .6}, {-.5, 1}}, h[4] = {0, .3, 1, 1.7};
  for (int k = 0; k < 12; k++)
    for (double beta = .1; beta < (k < 4 ? 200 : 5); beta *= 7) {
      chain_thermo x, y;
      CHECK_INT(exact_xy(&x, 40000, J[k / 4][0], J[k / 4][1], h[k % 4], beta, &fault), 0);
      CHECK_INT(exact_xy_infinite(&y, J[k / 4][0], J[k / 4][1], h[k % 4], beta, &fault), 0);
      x.lnZ /= 40000, x.s = y.s; /* s = lnZ/N + beta e */
      check_same(&x, &y, 1e-10);
      CHECK_NEAR(y.s, y.lnZ + beta * y.e, 1e-12 * (1 + y.lnZ));
    }
  chain_thermo x;
  CHECK_INT(exact_xy_infinite(&x, 1, 1, 0, 1000, &fault), 0);
  CHECK_NEAR(x.e, -1 / M_PI, 1e-6);
  CHECK_NEAR(x.chi, 1 / M_PI, 1e-6);
  CHECK_REL(x.c, M_PI / 3 / 1000, 1e-4); /* pi T/(3 v), v = 1 */
}

/* All signs, sizes and temperatures: no cancellation between the parities. */
static void test_xy_cold(void) {
  rng r = rng_stream(1, "xy");
  int bad = 0;
  for (uint64_t k = 0; k < 4000; k++) {
    double u[5];
    for (uint32_t i = 0; i < 5; i++) u[i] = rng_uniform(r, k, i, 0);
    double Jx = 4 * u[1] - 2, Jy = k % 2 ? Jx : 4 * u[2] - 2;
    chain_thermo x;
    exact_xy(&x, 4 + 2 * (int)(8 * u[0]), Jx, Jy, 4 * u[3] - 2, exp(10 * u[4]), &fault);
    bad += !isfinite(x.lnZ) || !isfinite(x.chi) || !(x.c > -1e-7) || !(x.s > -1e-7);
  }
  CHECK_INT(bad, 0);
}

/* ---- Trotter numbers to infinity ---- */
static const int rows_of[6] = {8, 12, 16, 24, 32, 48};

/* N <= 8 sites, any m: the transfer matrix along the rows. */
static void test_extrapolated(void) {
  const double *J[3] = {FM, AFM, XYZ}, h[3] = {0, 0, .4}, beta = 1.5;
  for (int k = 0; k < 3; k++)
    for (int sites = 4; sites <= 8; sites += 4) {
      double x[6], y[5][6];
      chain_thermo want, r;
      CHECK_INT(exact_chain(&want, sites, J[k], h[k], 1, &beta, &fault), 0);
      for (int i = 0; i < 6; i++) {
        trotter *t = chain(sites, rows_of[i], J[k], beta, h[k]);
        CHECK_INT(exact_trotter(&r, t, beta, &fault), 0);
        trotter_free(t);
        x[i] = rows_of[i], y[0][i] = r.lnZ, y[1][i] = r.e, y[2][i] = r.c, y[3][i] = r.m, y[4][i] = r.chi;
      }
      const double target[5] = {want.lnZ, want.e, want.c, want.m, want.chi};
      for (int q = 0; q < 5; q++) {
        extrapolation z;
        CHECK_INT(extrapolate(&z, 6, x, y[q], NULL, &fault), 0);
        CHECK_NEAR(z.value, target[q], 1e-11 * (1 + fabs(target[q])));
      }
    }
}

/* Infinite chain at finite m: the ring of 600 sites, eight temperatures in one go. */
static void test_infinite(void) {
  const double beta[3] = {.7, 1.3, 2};
  for (int k = 0; k < 4; k++) {
    chain_thermo x[3], y;
    trotter *t = chain(600, 6, k & 1 ? XYZ : AFM, 1, k & 2 ? .3 : 0);
    CHECK_INT(exact_trotter_infinite(x, t, 3, beta, &fault), 0);
    for (int b = 0; b < 3; b++) {
      CHECK_INT(exact_trotter(&y, t, beta[b], &fault), 0);
      y.lnZ /= 600, y.s = x[b].s;
      check_same(&x[b], &y, 2e-10);
    }
    trotter_free(t);
  }
}

/* To m -> infinity as well: the XY chain by quadrature, and the maxima of the antiferromagnet (Kluemper & Johnston,
 * Phys. Rev. Lett. 84 (2000) 4701): chi = .146926 at T = .640851, c = .349712 at T = .480285. */
static void test_both_limits(void) {
  const double beta[4] = {1, 2, 1 / .640851, 1 / .480285}, XY[3] = {1, 1, 0};
  double m[6], e[2][6], c[2][6], chi[2][6], peak[2][6];
  for (int i = 0; i < 6; i++) {
    chain_thermo x[4];
    int rows = 6 + 2 * i;
    m[i] = rows;
    trotter *xy = chain(4, rows, XY, 1, 0), *afm = chain(4, rows, AFM, 1, 0);
    CHECK_INT(exact_trotter_infinite(x, xy, 2, beta, &fault), 0);
    for (int b = 0; b < 2; b++) e[b][i] = x[b].e, c[b][i] = x[b].c, chi[b][i] = x[b].chi;
    CHECK_INT(exact_trotter_infinite(x, afm, 2, beta + 2, &fault), 0);
    peak[0][i] = x[0].chi, peak[1][i] = x[1].c;
    trotter_free(xy), trotter_free(afm);
  }
  for (int b = 0; b < 2; b++) {
    extrapolation z[4];
    chain_thermo want;
    exact_xy_infinite(&want, 1, 1, 0, beta[b], &fault);
    extrapolate(&z[0], 6, m, e[b], NULL, &fault), extrapolate(&z[1], 6, m, c[b], NULL, &fault);
    extrapolate(&z[2], 6, m, chi[b], NULL, &fault), extrapolate(&z[3], 6, m, peak[b], NULL, &fault);
    const double target[4] = {want.e, want.c, want.chi, b ? .349712 : .146926};
    for (int q = 0; q < 4; q++) CHECK_NEAR(z[q].value, target[q], 2 * z[q].systematic + (q == 3 ? 6e-7 : 1e-9));
    for (int q = 0; q < 4; q++) CHECK(z[q].systematic < 2e-6);
  }
}

/* ---- choice and faults ---- */
static void test_any(void) {
  const double beta[2] = {1, 3}, XY[3] = {1, 1, 0};
  chain_thermo x[2], y[2];
  const char *method;
  trotter *t = chain(32, 4, XY, 1, 0);
  CHECK_INT(exact_chain_any(x, &method, t, 2, beta, &fault), 0);
  CHECK_TEXT(method, "free fermions");
  exact_xy(y, 32, 1, 1, 0, 3, &fault);
  CHECK_BITS(&x[1], y, sizeof *y);
  trotter_free(t);
  t = chain(8, 4, XYZ, 1, 0);
  CHECK_INT(exact_chain_any(x, &method, t, 2, beta, &fault), 0);
  CHECK_TEXT(method, "exact diagonalisation");
  exact_chain(y, 8, XYZ, 0, 2, beta, &fault);
  CHECK_BITS(x, y, sizeof y);
  trotter_free(t);
  t = chain(16, 4, XYZ, 1, 0);
  CHECK_INT(exact_chain_any(x, &method, t, 2, beta, &fault), 0);
  CHECK(!method && isnan(x[0].lnZ) && isnan(x[1].chi));
  trotter_free(t);
}

static void test_faults(void) {
  chain_thermo x;
  double beta = 1, bad = -1;
  CHECK_INT(exact_chain(&x, 18, AFM, 0, 1, &beta, &fault), ERR_RUN);
  CHECK(isnan(x.e));
  fault = (err){0};
  CHECK_INT(exact_chain(&x, 16, XYZ, 0, 1, &beta, &fault), ERR_RUN);
  fault = (err){0};
  CHECK_INT(exact_chain(&x, 8, AFM, 0, 1, &bad, &fault), ERR_RUN);
  fault = (err){0};
  CHECK_INT(exact_xy(&x, 7, 1, 1, 0, 1, &fault), ERR_RUN);
  fault = (err){0};
  CHECK_INT(exact_xy_infinite(&x, 1, 1, 0, 0, &fault), ERR_RUN);
  fault = (err){0};
  trotter *t = chain(4, 22, AFM, 1, 0);
  CHECK_INT(exact_trotter_infinite(&x, t, 1, &beta, &fault), ERR_RUN);
  fault = (err){0};
  trotter_free(t);
}

static void test_full(void) {
  compare_xy(14, 1, 1, .2);
  compare_xy(14, 1.2, .7, .2);
  compare_xy(16, 1, 1, 0);
  const double beta[2] = {1, 4};
  double m[6], y[2][6];
  chain_thermo x[2], r;
  CHECK_INT(exact_chain(x, 12, AFM, 0, 2, beta, &fault), 0);
  for (int b = 0; b < 2; b++) {
    for (int i = 0; i < 6; i++) {
      trotter *t = chain(12, rows_of[i], AFM, beta[b], 0);
      exact_trotter(&r, t, beta[b], &fault);
      m[i] = rows_of[i], y[0][i] = r.e, y[1][i] = r.c;
      trotter_free(t);
    }
    extrapolation z[2];
    for (int q = 0; q < 2; q++) extrapolate(&z[q], 6, m, y[q], NULL, &fault);
    CHECK_NEAR(z[0].value, x[b].e, b ? 1e-8 : 1e-12);
    CHECK_NEAR(z[1].value, x[b].c, b ? 1e-6 : 1e-11);
  }
}

int main(int argc, char **argv) {
  test_table();
  test_three_spins();
  test_hot();
  test_xy();
  test_xy_values();
  test_xy_limit();
  test_xy_cold();
  test_extrapolated();
  test_infinite();
  test_both_limits();
  test_any();
  test_faults();
  if (argc > 1) test_full();
  CHECK_TEXT(fault.text, "");
  return check_done();
}

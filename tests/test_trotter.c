/* test_trotter.c: the Trotterised Heisenberg chain: weights against exponentials of the bond, the constraint,
 * enumeration against transfer matrices in both directions, printed numbers (samplers.md 2.6), exact sampling, decks.
 * Argument "full": the largest transfer matrices too. */
#include "base/rng.h"
#include "lattice/exact_ring.h"
#include "tests/check.h"

static err fault;
static const double FM[3] = {1, 1, 1}, AFM[3] = {-1, -1, -1}, XY[3] = {1, 1, 0}, XYZ[3] = {1.2, .8, .5};

static trotter *chain(int sites, int rows, const double J[3], double beta, double field) {
  trotter *t;
  CHECK_INT(trotter_new(&t, "test", sites, rows, J, beta, field, &fault), 0);
  return t;
}

/* Every printed digit: within half a unit of the last one. "" and "-": nothing printed. */
static void check_digits(const char *what, double value, const char *printed) {
  const char *point = strchr(printed, '.');
  if (!point) return;
  double unit = pow(10, -(double)strlen(point + 1));
  CHECK_REPORT(fabs(value - atof(printed)) <= .5000001 * unit, "%s: %.15g, expected %s", what, value, printed);
}

static void check_same(const chain_thermo *a, const chain_thermo *b, double tol) {
  CHECK_REL(a->lnZ, b->lnZ, tol);
  CHECK_REL(a->f, b->f, tol);
  CHECK_NEAR(a->e, b->e, tol * (1 + fabs(b->e)));
  CHECK_NEAR(a->c, b->c, tol * (1 + fabs(b->lnZ)));
  CHECK_NEAR(a->s, b->s, tol * (1 + fabs(b->lnZ)));
  CHECK_NEAR(a->m, b->m, tol);
  CHECK_NEAR(a->chi, b->chi, tol * (1 + fabs(b->lnZ)));
}

/* ---- weights ---- */
/* exp(A) of a 4 x 4 matrix by its series, |A| of order one. */
static void exponential(const double A[4][4], double X[4][4]) {
  double term[4][4] = {{0}}, next[4][4];
  for (int i = 0; i < 4; i++) term[i][i] = 1;
  memcpy(X, term, sizeof term);
  for (int k = 1; k < 60; k++) {
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) {
        next[i][j] = 0;
        for (int l = 0; l < 4; l++) next[i][j] += term[i][l] * A[l][j] / k;
      }
    memcpy(term, next, sizeof term);
    for (int i = 0; i < 16; i++) X[i / 4][i % 4] += term[i / 4][i % 4];
  }
}

/* - beta/m times one bond, states ++ +- -+ --. */
static void bond(double A[4][4], const double J[3], double by) {
  memset(A, 0, 16 * sizeof A[0][0]);
  for (int i = 0; i < 4; i++) A[i][i] = by * J[2] / 4 * (i == 0 || i == 3 ? 1 : -1);
  A[1][2] = A[2][1] = by * (J[0] + J[1]) / 4;
  A[0][3] = A[3][0] = by * (J[0] - J[1]) / 4;
}

static void test_weights(void) {
  for (int k = 0; k < 40; k++) {
    double J[3], A[4][4], X[4][4];
    for (int a = 0; a < 3; a++) J[a] = rng_normal(rng_stream(1, "J"), (uint64_t)k, (uint32_t)a, 0);
    trotter *t = chain(4, 6, J, 1.7, 0);
    bond(A, J, 1.7 / 3);
    exponential(A, X);
    const int at[4][2] = {{0, 0}, {1, 1}, {1, 2}, {0, 3}}; /* element of each type */
    for (int a = 0; a < 4; a++) {
      double x = X[at[a][0]][at[a][1]];
      bool minus = a == TROTTER_CROSSING ? t->rotate_odd : a == TROTTER_FLIP && t->rotate_all != t->rotate_odd;
      CHECK_NEAR(exp(t->w.lnW[a]), minus ? -x : x, 1e-14 * exp(2));
      trotter_weights up = trotter_weigh(t, 1.7 + 1e-4), down = trotter_weigh(t, 1.7 - 1e-4);
      CHECK_NEAR(-(up.lnW[a] - down.lnW[a]) / 2e-4, t->w.F[a], 2e-6);
      CHECK_NEAR((up.F[a] - down.F[a]) / 2e-4, t->w.G[a], 2e-6);
    }
    trotter_free(t);
  }
}

/* K+ or K- equal to zero, near zero, and huge. */
static void test_limits(void) {
  trotter *t = chain(4, 4, FM, 2, 0);
  CHECK(t->six_vertex && !trotter_allowed(t, TROTTER_FLIP) && trotter_allowed(t, TROTTER_CROSSING));
  CHECK(t->w.lnW[TROTTER_FLIP] == -INFINITY && t->w.F[TROTTER_FLIP] == 0 && t->w.G[TROTTER_FLIP] == 0);
  CHECK_NEAR(t->w.lnW[TROTTER_PARALLEL], .25, 0);
  CHECK_NEAR(t->w.F[TROTTER_PARALLEL], -.125, 0);
  CHECK_NEAR(t->w.G[TROTTER_PARALLEL], 0, 0);
  trotter_free(t);
  const double twist[3] = {1, -1, .3}, ising[3] = {0, 0, 1}, near_[3] = {1 + 1e-9, 1, 0}, huge[3] = {900, -100, 900};
  t = chain(4, 4, twist, 2, 0);
  CHECK(!t->six_vertex && !trotter_allowed(t, TROTTER_CROSSING) && trotter_allowed(t, TROTTER_FLIP));
  trotter_free(t);
  t = chain(4, 4, ising, 2, 0);
  CHECK(!trotter_allowed(t, TROTTER_CROSSING) && !trotter_allowed(t, TROTTER_FLIP));
  CHECK_NEAR(t->w.lnW[TROTTER_STRAIGHT], -.25, 0);
  trotter_free(t);
  t = chain(4, 4, near_, 2, 0);
  CHECK_REL(t->w.lnW[TROTTER_FLIP], log(2.5e-10), 1e-8);
  CHECK_REL(t->w.F[TROTTER_FLIP], -.5, 1e-15);
  CHECK_REL(t->w.G[TROTTER_FLIP], .25, 1e-15);
  trotter_free(t);
  t = chain(4, 2, huge, 100, 0);
  for (int a = 0; a < 4; a++) CHECK(isfinite(t->w.lnW[a]) && isfinite(t->w.F[a]) && isfinite(t->w.G[a]));
  CHECK_REL(t->w.lnW[TROTTER_FLIP], 22500 + 25000 - M_LN2, 1e-15);
  trotter_free(t);
}

/* ---- constraint ---- */
static void test_plaquettes(void) {
  trotter *t = chain(6, 8, XYZ, 1, 0);
  int used[48] = {0}, bad = 0;
  CHECK_INT(t->nplaquettes, 24);
  CHECK_INT(t->nfree, 25);
  for (int p = 0; p < t->nplaquettes; p++) {
    const int *c = t->corner[p];
    bad += (c[3] / 6 - c[3] % 6) % 2 != 0 || c[2] != c[3] / 6 * 6 + (c[3] % 6 + 5) % 6 || c[1] != (c[3] + 42) % 48;
    for (int k = 0; k < 4; k++) used[c[k]]++, bad += t->plaquette[c[k]][k < 2] != p;
  }
  for (int i = 0; i < 48; i++) bad += used[i] != 2;
  CHECK_INT(bad, 0);
  trotter_free(t);
}

/* All 65,536 states of 4 x 4: 2^(mN+1) obey the parity rule, 90 of them if FLIP is forbidden; those that the free spins
 * give are the same. */
static void test_count(void) {
  trotter *t = chain(4, 4, XYZ, 1.3, 0), *six = chain(4, 4, FM, 1.3, 0);
  int8_t s[16];
  int legal = 0, ice = 0, bad = 0, from[16][3], count[TROTTER_TYPES];
  CHECK_INT(trotter_dependents(t, NULL, from, &fault), 0);
  for (int x = 0; x < 1 << 16; x++) {
    int type[TROTTER_TYPES] = {0}, same = 1;
    for (int i = 0; i < 16; i++) s[i] = x >> i & 1 ? -1 : 1;
    for (int p = 0; p < 8; p++) type[trotter_type_at(t, s, p)]++;
    trotter_count(t, s, count);
    bad += memcmp(type, count, sizeof type) != 0;
    legal += trotter_lnW(t, s) > -INFINITY, ice += trotter_lnW(six, s) > -INFINITY;
    for (int i = 0; i < 16; i++)
      if (from[i][0] >= 0) same &= s[i] == s[from[i][0]] * s[from[i][1]] * s[from[i][2]];
    bad += same != (count[TROTTER_ILLEGAL] == 0);
  }
  CHECK_INT(legal, 512);
  CHECK_INT(ice, 90);
  CHECK_INT(bad, 0);
  trotter_free(t), trotter_free(six);
}

static void test_orders(void) {
  trotter *t = chain(6, 4, XYZ, 1, 0);
  int order[24], from[24][3], free_ = 0;
  for (int i = 0; i < 24; i++) order[i] = i % 4 * 6 + i / 4; /* column by column */
  CHECK_INT(trotter_dependents(t, order, from, &fault), 0);
  for (int i = 0; i < 24; i++) free_ += from[i][0] < 0;
  CHECK_INT(free_, 13);
  int8_t s[24];
  for (int k = 0; k < 50; k++) {
    for (int i = 0; i < 24; i++) s[i] = rng_uniform(rng_stream(1, "s"), (uint64_t)k, (uint32_t)i, 0) < .5 ? -1 : 1;
    trotter_complete(t, order, from, s);
    CHECK(isfinite(trotter_lnW(t, s)));
  }
  for (int i = 0; i < 24; i++) order[i] = i < 12 ? 2 * i : 2 * (i - 12) + 1; /* even columns first */
  CHECK_INT(trotter_dependents(t, order, from, &fault), ERR_RUN);
  fault = (err){0};
  trotter_free(t);
}

/* F = -d lnW/dbeta and G = dF/dbeta of whole configurations, field included; magnetisations by hand. */
static void test_measure(void) {
  trotter *a = chain(6, 4, XYZ, 1.1, .4), *up = chain(6, 4, XYZ, 1.1 + 1e-4, .4),
          *down = chain(6, 4, XYZ, 1.1 - 1e-4, .4);
  int from[24][3];
  int8_t s[24];
  trotter_dependents(a, NULL, from, &fault);
  for (int k = 0; k < 20; k++) {
    double M = 0, S = 0, o[TROTTER_NOBS], p[TROTTER_NOBS], q[TROTTER_NOBS];
    for (int i = 0; i < 24; i++) s[i] = rng_uniform(rng_stream(2, "s"), (uint64_t)k, (uint32_t)i, 0) < .3 ? -1 : 1;
    trotter_complete(a, NULL, from, s);
    for (int i = 0; i < 24; i++) M += s[i] / 8., S += (i % 2 ? -1 : 1) * s[i] / 8.;
    trotter_measure(a, s, o), trotter_measure(up, s, p), trotter_measure(down, s, q);
    CHECK_NEAR(o[TROTTER_M], M, 1e-14);
    CHECK_NEAR(o[TROTTER_MST], S, 1e-14);
    CHECK_NEAR(-(trotter_lnW(up, s) - trotter_lnW(down, s)) / 2e-4, o[TROTTER_F], 1e-5);
    CHECK_NEAR((p[TROTTER_F] - q[TROTTER_F]) / 2e-4, o[TROTTER_G], 1e-5);
  }
  trotter_free(a), trotter_free(up), trotter_free(down);
}

/* ---- enumeration and transfer matrix ---- */
static void test_anchors(void) {
  const struct {
    const double *J;
    const char *lnZ, *chi_sigma;
  } rows[] = {{FM, "3.2696670136", "8.15272728"},
              {AFM, "3.5174689067", "2.17016185"},
              {XY, "3.1957235275", "4.23267098"},
              {XYZ, "3.2034322868", "5.85336971"}};
  for (int k = 0; k < 4; k++) {
    trotter *t = chain(4, 4, rows[k].J, 1.3, 0);
    chain_thermo x;
    CHECK_INT(exact_trotter_enumerate(&x, t, &fault), 0);
    check_digits("lnZ", x.lnZ, rows[k].lnZ);
    check_digits("chi_sigma", 4 * 4 * x.chi, rows[k].chi_sigma);
    trotter_free(t);
  }
}

static void test_transfer(void) {
  const double models[][3] = {{1, 1, 1},     {-1, -1, -1}, {1, 1, -1},  {1, 1, 0},    {1.2, .8, .5}, {-.3, 1.1, -.7},
                              {.8, -.8, .5}, {0, 0, 1},    {0, 0, -.6}, {-1, -1, .4}, {0, 1, 0}};
  const int shape[][2] = {{4, 2}, {4, 4}, {4, 6}, {6, 4}, {8, 2}, {4, 8}, {6, 6}};
  for (size_t k = 0; k < sizeof models / sizeof *models; k++)
    for (int q = 0; q < 7; q++)
      for (int h = 0; h < 2; h++) {
        if (q >= 5 && (k + (size_t)h) % 4) continue; /* these take longer */
        chain_thermo x, y;
        trotter *t = chain(shape[q][0], shape[q][1], models[k], 1.3, h * .7);
        CHECK_INT(exact_trotter_enumerate(&x, t, &fault), 0);
        CHECK_INT(exact_trotter(&y, t, 1.3, &fault), 0);
        check_same(&y, &x, 1e-12);
        trotter_free(t);
      }
  trotter *a = chain(8, 6, AFM, 1, .2), *b = chain(8, 6, (double[3]){1, 1, -1}, 1, .2);
  chain_thermo x, y;
  exact_trotter(&x, a, 2.5, &fault), exact_trotter(&y, b, 2.5, &fault);
  CHECK_BITS(&x, &y, sizeof x); /* one and the same after the rotation */
  trotter_free(a), trotter_free(b);
}

static void add_class(void *ctx, const ring *r, int x, int members, ring_number d) {
  for (int k = 0; k < RING_JET; k++) d.v[k] *= members;
  if (r->t->field == 0) d.v[3] = 0;
  ring_add(ctx, d);
}

/* The transfer matrix along rows and along columns: two different sums. */
static void test_directions(int sites, int rows, const double J[3], double beta, double field) {
  trotter *t = chain(sites, rows, J, beta, field);
  chain_thermo x[2];
  double all[RING_LANES];
  for (int k = 0; k < RING_LANES; k++) all[k] = beta;
  for (int columns = 0; columns < 2; columns++) {
    ring r;
    ring_number Z = {.log = -INFINITY};
    CHECK_INT(ring_open(&r, t, columns, all, RING_JET, &fault), 0);
    CHECK_INT(ring_diagonal(&r, add_class, &Z, &fault), 0);
    x[columns] = ring_thermo(&r, 3, Z);
    ring_close(&r);
  }
  check_same(&x[0], &x[1], 1e-12);
  trotter_free(t);
}

/* Stencils of nine points: coefficients of the first and second derivative. */
static double stencil(int order, const double z[9], double h) {
  static const double first[4] = {4. / 5, -1. / 5, 4. / 105, -1. / 280};
  static const double second[5] = {-205. / 72, 8. / 5, -1. / 5, 8. / 315, -1. / 560};
  double d = order == 2 ? second[0] * z[4] : 0;
  for (int k = 1; k <= 4; k++)
    d += order == 1 ? first[k - 1] * (z[4 + k] - z[4 - k]) : second[k] * (z[4 + k] + z[4 - k]);
  return d / pow(h, order);
}

/* e and c from lnZ(beta), m and chi from lnZ(h), rows and columns, conserved and not. */
static void test_derivatives(void) {
  const int shape[2][2] = {{12, 6}, {6, 12}};
  for (int k = 0; k < 8; k++) {
    double beta = 1.6, h = k & 4 ? .3 : 0, step = .02, z[9], u[9];
    const double *J = k & 1 ? XYZ : AFM;
    const int *n = shape[k >> 1 & 1];
    chain_thermo x;
    for (int q = -4; q <= 4; q++) {
      trotter *t = chain(n[0], n[1], J, beta, h), *v = chain(n[0], n[1], J, beta, h + q * step);
      exact_trotter(&x, t, beta + q * step, &fault), z[q + 4] = x.lnZ;
      exact_trotter(&x, v, beta, &fault), u[q + 4] = x.lnZ;
      trotter_free(t), trotter_free(v);
    }
    trotter *t = chain(n[0], n[1], J, beta, h);
    CHECK_INT(exact_trotter(&x, t, beta, &fault), 0);
    CHECK_NEAR(x.e, -stencil(1, z, step) / n[0], 1e-11);
    CHECK_NEAR(x.c, beta * beta * stencil(2, z, step) / n[0], 1e-9);
    CHECK_NEAR(x.m, stencil(1, u, step) / beta / n[0], 1e-11);
    CHECK_NEAR(x.chi, stencil(2, u, step) / beta / n[0], 1e-9);
    trotter_free(t);
  }
}

/* samplers.md 2.6, the rows at finite m. */
static void test_table(void) {
  const struct {
    const double *J;
    int N, rows;
    double beta;
    const char *lnZ, *e, *c, *chi;
  } rows[] = {
      {XY, 8, 4, 1, "6.03287120", "-.11901895", ".1080608", ".2221009"},
      {XY, 8, 8, 1, "6.03101335", "-.11811221", ".1054672", ".2222045"},
      {XY, 32, 4, 1, "24.13139254", "-.11899743", ".1079246", ".2221047"},
      {XY, 32, 4, 2, "29.49679936", "-.21096579", ".3043276", ".3316784"},
      {XY, 32, 8, 2, "29.39287099", "-.20500615", ".2742228", ".3338183"},
      {XY, 32, 4, 4, "46.82963842", "-.31804523", ".6037735", ".3262961"},
      {XY, 32, 8, 4, "45.70838932", "-.29055498", ".4035848", ".3481262"},
      {FM, 8, 4, 1, "6.15695223", "-.13586367", ".0877082", ".3675368"},
      {FM, 8, 8, 1, "6.15376836", "-.13453984", ".0849175", ".3680706"},
      {FM, 32, 4, 1, "24.62776178", "-.13585422", ".0876599", ".3675418"},
      {FM, 32, 8, 2, "29.93118470", "-.18928994", ".1338789", ".9301686"},
      {FM, 32, 8, 4, "43.41322441", "-.22443641", ".1446985", "2.4590051"},
      {AFM, 8, 4, 1, "6.37380671", "-.21017528", ".2056816", ".1359950"},
      {AFM, 8, 8, 1, "6.36584074", "-.20608415", ".1932084", ".1363986"},
      {AFM, 32, 4, 1, "25.49493746", "-.21010378", ".2051977", ".1360072"},
      {AFM, 32, 8, 2, "34.63503085", "-.35118629", ".3983371", ".1422212"},
      {AFM, 32, 8, 4, "61.37076547", "-.46446121", ".5749709", ".1137836"},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    char text[60];
    chain_thermo x;
    trotter *t = chain(rows[k].N, rows[k].rows, rows[k].J, rows[k].beta, 0);
    CHECK_INT(exact_trotter(&x, t, rows[k].beta, &fault), 0);
    snprintf(text, sizeof text, "row %d of the table", (int)k);
    check_digits(text, x.lnZ, rows[k].lnZ), check_digits(text, x.e, rows[k].e);
    check_digits(text, x.c, rows[k].c), check_digits(text, x.chi, rows[k].chi);
    trotter_free(t);
  }
  trotter *t = chain(32, 4, XY, 2, 0); /* the README run of the paper's code: totals */
  chain_thermo x;
  exact_trotter(&x, t, 2, &fault);
  check_digits("E", 32 * x.e, "-6.750905"), check_digits("C T^2", 32 * x.c / 4, "2.43462");
  check_digits("chi_sigma", 4 * 32 * x.chi, "42.4548");
  trotter_free(t);
}

/* ---- exact sampling ---- */
/* chi^2 of counts against probabilities, bins below 10 expected counts in one; 5 sigma. */
static void chi_square(const char *text, int n, const double *p, const int *count, double total) {
  double chi = 0, few = 0, few_count = 0, dof = -1;
  for (int s = 0; s < n; s++) {
    double want = p[s] * total, d = count[s] - want;
    if (want < 10)
      few += want, few_count += count[s];
    else
      chi += d * d / want, dof++;
  }
  if (few > 0) chi += (few_count - few) * (few_count - few) / few, dof++;
  CHECK_REPORT(dof > 10 && fabs(chi - dof) < 5 * sqrt(2 * dof), "%s: chi^2 %.1f with %.0f degrees of freedom", text,
               chi, dof);
}

/* Frequencies of all configurations of up to 14 free spins. */
static void draw_frequencies(int sites, int rows, const double J[3], double field) {
  enum { DRAWS = 30000 };
  trotter *t = chain(sites, rows, J, 1.3, field);
  exact_sampler *a;
  CHECK_INT(exact_sampler_new(&a, t, &fault), 0);
  int n = t->n, states = 1 << t->nfree, from[32][3], *count = calloc((size_t)states, sizeof(int)), illegal = 0;
  int8_t *s = malloc((size_t)DRAWS * (size_t)n), c[32];
  double *p = calloc((size_t)states, sizeof(double)), lnZ = exact_sampler_lnZ(a);
  chain_thermo x;
  exact_trotter(&x, t, 1.3, &fault);
  CHECK_REL(lnZ, x.lnZ, 1e-13);
  trotter_dependents(t, NULL, from, &fault);
  for (int k = 0; k < states; k++) {
    for (int i = 0, b = 0; i < n; i++)
      if (from[i][0] < 0) c[i] = k >> b++ & 1 ? -1 : 1;
    trotter_complete(t, NULL, from, c);
    p[k] = exp(trotter_lnW(t, c) - lnZ);
  }
  CHECK_INT(exact_sampler_draw(a, rng_stream(5, "draws"), 1000, DRAWS, s, &fault), 0);
  for (int k = 0; k < DRAWS; k++) {
    int state = 0;
    const int8_t *v = s + k * n;
    illegal += !isfinite(trotter_lnW(t, v));
    for (int i = 0, b = 0; i < n; i++)
      if (from[i][0] < 0) state |= (v[i] < 0) << b++;
    count[state]++;
  }
  char text[100];
  snprintf(text, sizeof text, "%d x %d, J = %g %g %g, h = %g", rows, sites, J[0], J[1], J[2], field);
  CHECK_INT(illegal, 0);
  chi_square(text, states, p, count, DRAWS);
  exact_sampler_free(a), trotter_free(t);
  free(count), free(s), free(p);
}

/* Means of many draws on a larger lattice; pieces of a stream are the stream. */
static void draw_means(int sites, int rows, const double J[3], double beta, double field, int draws) {
  trotter *t = chain(sites, rows, J, beta, field);
  exact_sampler *a;
  CHECK_INT(exact_sampler_new(&a, t, &fault), 0);
  size_t n = (size_t)t->n;
  int8_t *s = malloc((size_t)draws * n), *piece = malloc(100 * n);
  CHECK_INT(exact_sampler_draw(a, rng_stream(6, "draws"), 0, draws, s, &fault), 0);
  CHECK_INT(exact_sampler_draw(a, rng_stream(6, "draws"), 123, 100, piece, &fault), 0);
  CHECK_BITS(piece, s + 123 * n, 100 * n);
  double F = 0, FF = 0, M = 0, MM = 0, M4 = 0, o[TROTTER_NOBS];
  for (int k = 0; k < draws; k++) {
    trotter_measure(t, s + (size_t)k * n, o);
    F += o[TROTTER_F], FF += o[TROTTER_F] * o[TROTTER_F];
    double d = o[TROTTER_M];
    M += d, MM += d * d, M4 += d * d * d * d;
  }
  F /= draws, FF /= draws, M /= draws, MM /= draws, M4 /= draws;
  chain_thermo x;
  exact_trotter(&x, t, beta, &fault);
  CHECK_SIGMA(F, x.e * sites, sqrt((FF - F * F) / draws), 5);
  CHECK_SIGMA(M, x.m * sites, sqrt((MM - M * M) / draws), 5);
  if (field == 0) CHECK_SIGMA(beta * MM, x.chi * sites, beta * sqrt((M4 - MM * MM) / draws), 5);
  exact_sampler_free(a), trotter_free(t);
  free(s), free(piece);
}

static void test_sampling(void) {
  draw_frequencies(4, 4, XYZ, 0);
  draw_frequencies(4, 4, AFM, 0);
  draw_frequencies(6, 4, XYZ, .4);
  draw_frequencies(4, 6, XYZ, .4);
  draw_frequencies(6, 4, FM, .4);
  draw_frequencies(4, 6, AFM, .4);
  draw_means(32, 8, AFM, 4, 0, 5000);
  draw_means(8, 32, AFM, 4, .5, 3000);
  draw_means(16, 10, XYZ, 2, .3, 2000);
}

/* ---- decks and faults ---- */
static const deck_section schema[] = {
    {.name = "lattice", .help = "size", .keys = trotter_lattice_keys},
    {.name = "model", .help = "chain", .keys = trotter_model_keys, .kinds = trotter_models, .kind_def = "xxx"},
    {0}};

static trotter *from_text(const char *text) {
  deck *d;
  trotter *t = NULL;
  fault = (err){0};
  if (!deck_parse(&d, "toy.yaml", text, strlen(text), NULL, 0, schema, &fault)) trotter_from_deck(&t, d, &fault);
  deck_free(d);
  return t;
}

static void test_deck(void) {
  const struct {
    const char *text;
    double J[3];
    bool six, odd, all;
  } decks[] = {{"app: x\nlattice: {sites: 8, trotter: 4}\nmodel: {kind: xxx, J: -1, beta: 2}\n", {-1, -1, -1}, 1, 1, 0},
               {"app: x\nlattice: {sites: 8, trotter: 4}\nmodel: {kind: xxz, Jz: .5, beta: 2, field: .1}\n",
                {1, 1, .5},
                1,
                0,
                0},
               {"app: x\nlattice: {sites: 8, trotter: 4}\nmodel: {kind: xy, Jx: .9, beta: 2}\n", {.9, 1, 0}, 0, 0, 1},
               {"app: x\nlattice: {sites: 8, trotter: 4}\nmodel: {kind: xyz, Jx: -2, Jy: 1, Jz: 3, beta: 2}\n",
                {-2, 1, 3},
                0,
                1,
                0}};
  for (int k = 0; k < 4; k++) {
    trotter *t = from_text(decks[k].text);
    CHECK_TEXT(fault.text, "");
    if (!t) continue;
    for (int a = 0; a < 3; a++) CHECK_NEAR(t->J[a], decks[k].J[a], 0);
    CHECK(t->six_vertex == decks[k].six && t->rotate_odd == decks[k].odd && t->rotate_all == decks[k].all);
    CHECK(t->sites == 8 && t->rows == 4 && t->beta == 2 && t->field == (k == 1 ? .1 : 0));
    trotter_free(t);
  }
  CHECK(!from_text("app: x\nlattice: {sites: 8, trotter: 5}\nmodel: {kind: xxx, J: -1, beta: 2}\n"));
  CHECK_INT(fault.code, ERR_DECK);
  CHECK_TEXT(fault.text, "toy.yaml:2: lattice.trotter = 5: must be even");
  CHECK(!from_text("app: x\nlattice: {sites: 7, trotter: 4}\nmodel: {kind: xxx, J: -1, beta: 2}\n"));
  CHECK_INT(fault.code, ERR_DECK);
  CHECK(strstr(fault.text, "toy.yaml:2: lattice.sites = 7: chain of 7 sites: must be even") == fault.text);
  CHECK(!from_text("app: x\nlattice: {sites: 8, trotter: 4}\nmodel: {kind: xxx, beta: 2}\n"));
  CHECK_INT(fault.code, ERR_DECK);
  fault = (err){0};
}

static void test_faults(void) {
  chain_thermo x;
  exact_sampler *a;
  trotter *t;
  CHECK_INT(trotter_new(&t, "x", 2, 4, FM, 1, 0, &fault), ERR_DECK);
  fault = (err){0};
  CHECK_INT(trotter_new(&t, "x", 4, 3, FM, 1, 0, &fault), ERR_DECK);
  fault = (err){0};
  CHECK_INT(trotter_new(&t, "x", 4, 4, FM, 0, 0, &fault), ERR_DECK);
  fault = (err){0};
  CHECK_INT(trotter_new(&t, "x", 4, 4, (double[3]){1, NAN, 1}, 1, 0, &fault), ERR_DECK);
  fault = (err){0};
  t = chain(18, 18, FM, 1, 0);
  CHECK(!exact_trotter_applies(t));
  CHECK_INT(exact_trotter(&x, t, 1, &fault), ERR_RUN);
  CHECK(isnan(x.lnZ) && isnan(x.chi));
  fault = (err){0};
  CHECK_INT(exact_trotter_enumerate(&x, t, &fault), ERR_RUN);
  fault = (err){0};
  CHECK_INT(exact_sampler_new(&a, t, &fault), ERR_RUN);
  CHECK(!a);
  fault = (err){0};
  trotter_free(t);
  t = chain(4, 4, FM, 1, 0);
  CHECK_INT(exact_trotter(&x, t, -1, &fault), ERR_RUN);
  fault = (err){0};
  trotter_free(t);
}

/* The largest: sixteen rows against sixteen columns, and many draws. */
static void test_full(void) {
  test_directions(16, 16, AFM, 4, 0);
  test_directions(14, 14, XYZ, 2, .3);
  draw_means(32, 12, AFM, 4, 0, 50000);
  draw_means(32, 12, XYZ, 2, .3, 20000);
  draw_means(32, 16, AFM, 4, 0, 500);
}

int main(int argc, char **argv) {
  test_weights();
  test_limits();
  test_plaquettes();
  test_count();
  test_orders();
  test_measure();
  test_anchors();
  test_transfer();
  test_directions(12, 12, AFM, 4, 0);
  test_directions(12, 10, XYZ, 2, .3);
  test_directions(10, 12, FM, 3, .3);
  test_derivatives();
  test_table();
  test_sampling();
  test_deck();
  test_faults();
  if (argc > 1) test_full();
  CHECK_TEXT(fault.text, "");
  return check_done();
}

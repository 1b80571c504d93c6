/* test_staggered.c: the staggered operator. Against its definition site by site, determinant against the free one and
 * published digits, Schur complement and solver, forces against differences of ln det, slabs against the whole. */
#include "lattice/staggered.h"
#include "scalar_fixture.h"

static const int shapes[][5] = {{2, 4, 6},       {3, 4, 4, 4}, {3, 4, 6, 8},  {3, 8, 4, 2},
                                {4, 4, 2, 4, 6}, {2, 4, 16},   {3, 4, 2, 16}, {4, 4, 2, 2, 16}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static scalar_grid *shape(const int *s, const comm *ranks) {
  return grid_of(s[0], s[1], s[2], s[3], s[4], ranks);
}

static void test_definition(const int *s) {
  scalar_grid *g = shape(s, NULL);
  double *v = scalar_field(g), *m = scalar_field(g), *out = scalar_field(g), worst = 0;
  fill_normal(g, v, "v"), fill_normal(g, m, "m");
  for (int sign = -1; sign < 2; sign += 2) {
    staggered_apply(g, sign, m, v, out);
    for (long i = 0; i < g->n; i++) {
      int x[4], phase = 1;
      long rest = i, stride = 1;
      double want = m[i] * v[i];
      for (int k = g->d - 1; k >= 0; k--) x[k] = (int)(rest % g->side[k]), rest /= g->side[k];
      for (int k = g->d - 1; k > 0; k--) stride *= g->side[k];
      for (int k = 0; k < g->d; k++) {
        int L = g->side[k];
        double ahead = v[i + ((x[k] + 1) % L - x[k]) * stride], behind = v[i + ((x[k] + L - 1) % L - x[k]) * stride];
        if (!k && x[k] == L - 1) ahead = -ahead;
        if (!k && !x[k]) behind = -behind;
        want += .5 * sign * phase * (ahead - behind);
        phase = x[k] & 1 ? -phase : phase;
        if (k + 1 < g->d) stride /= g->side[k + 1];
      }
      worst = fmax(worst, fabs(out[i] - want));
    }
  }
  CHECK_REPORT(worst < 1e-14, "d = %d: off by %.3g", g->d, worst);
  scalar_field_free(g, v), scalar_field_free(g, m), scalar_field_free(g, out), scalar_grid_free(g);
}

static staggered *operator_of(const scalar_grid *g, double M, double coupling, bool dense, const double *phi) {
  staggered *s = NULL;
  err e = {0};
  CHECK_REPORT(!staggered_new(&s, g, M, coupling, dense, &e), "%.200s", e.text);
  staggered_set(s, phi);
  return s;
}

/* K + m on half fields is K + m. */
static void test_halves(const int *shape_of) {
  scalar_grid *g = shape(shape_of, NULL);
  long n = g->n / 2;
  double *v = scalar_field(g), *out = scalar_field(g), *got = scalar_field(g), *part[6];
  for (int k = 0; k < 6; k++) part[k] = staggered_half(g);
  fill_normal(g, v, "v");
  for (long i = 0; i < n; i++) part[2][i] = 1;
  staggered_apply(g, 1, NULL, v, out);
  staggered_split(g, v, part[0], part[1]);
  staggered_hop(g, 0, part[1], part[2], NULL, part[3]);
  staggered_hop(g, 1, part[0], part[2], NULL, part[4]);
  staggered_join(g, part[3], part[4], got);
  double worst = 0;
  for (long i = 0; i < g->n; i++) worst = fmax(worst, fabs(out[i] - got[i]));
  CHECK_REPORT(worst < 1e-14, "half fields off by %.3g", worst);
  staggered_hop(g, 0, part[1], part[2], part[0], part[5]); /* u - K v */
  for (long i = 0; i < n; i++) worst = fmax(worst, fabs(part[0][i] - part[3][i] - part[5][i]));
  CHECK_REPORT(worst < 1e-14, "u - K v off by %.3g", worst);
  for (int k = 0; k < 6; k++) staggered_half_free(g, part[k]);
  scalar_field_free(g, v), scalar_field_free(g, out), scalar_field_free(g, got), scalar_grid_free(g);
}

static void test_free(void) {
  for (int k = 0; k < SHAPES; k++) {
    scalar_grid *g = shape(shapes[k], NULL);
    double *phi = scalar_field(g);
    for (long i = 0; i < g->n; i++) phi[i] = .37;
    staggered *s = operator_of(g, 1, .5, true, phi);
    CHECK_REL(staggered_logdet(s, NULL), exact_staggered_logdet(g, 1.185), 1e-12);
    staggered_free(s), scalar_field_free(g, phi), scalar_grid_free(g);
  }
  scalar_grid *g = grid_of(3, 4, 4, 4, 0, NULL);
  CHECK_REL(exact_staggered_logdet(g, 1.185), 33.107740386745, 1e-13);
  scalar_grid_free(g);
}

/* Residuals of both systems, both ways; fewer steps from a good guess; a definite operator is told apart. */
static void test_solver(const int *shape_of, double M, double coupling, bool definite) {
  scalar_grid *g = shape(shape_of, NULL);
  double *f[6];
  for (int k = 0; k < 6; k++) f[k] = scalar_field(g);
  fill_normal(g, f[0], "phi"), fill_normal(g, f[1], "chi");
  staggered *s = operator_of(g, M, coupling, false, f[0]);
  CHECK_INT(s->definite, definite);
  for (int even_odd = 0; even_odd < 2; even_odd++) {
    memset(f[2], 0, (size_t)g->n * sizeof(double)), memset(f[3], 0, (size_t)g->n * sizeof(double));
    long it = staggered_solve(s, even_odd, f[1], f[2], f[3], 1e-13, 2000);
    double r[2] = {0, 0}, b[2] = {scalar_dot(g, g->plane, f[1], f[1]), scalar_dot(g, g->plane, f[3], f[3])};
    staggered_apply(g, 1, s->m, f[3], f[4]), staggered_apply(g, -1, s->m, f[2], f[5]);
    for (long i = 0; i < g->n; i++) r[0] += pow(f[4][i] - f[1][i], 2), r[1] += pow(f[5][i] - f[3][i], 2);
    CHECK_REPORT(it > 0 && r[0] <= 1e-24 * b[0] && r[1] <= 1e-24 * b[1], "%ld iterations, residuals %.3g %.3g", it,
                 sqrt(r[0] / b[0]), sqrt(r[1] / b[1]));
    long again = staggered_solve(s, even_odd, f[1], f[2], f[3], 1e-12, 2000);
    CHECK_REPORT(again >= 0 && again <= 4, "%ld iterations from the solution", again);
    memset(f[2], 0, (size_t)g->n * sizeof(double)), memset(f[3], 0, (size_t)g->n * sizeof(double));
    CHECK_INT(staggered_solve(s, even_odd, f[1], f[2], f[3], 1e-13, 2), -1);
  }
  staggered_free(s);
  for (int k = 0; k < 6; k++) scalar_field_free(g, f[k]);
  scalar_grid_free(g);
}

/* d ln|det D| / d phi_n = g (D^-1)_nn;  d S_pf / d phi_n = -g X_n Y_n;  det D[-phi] = det D[phi] where M = 0. */
static void test_forces(double M, double coupling) {
  scalar_grid *g = grid_of(3, 4, 4, 4, 0, NULL);
  double *phi = scalar_field(g), *chi = scalar_field(g), *X = scalar_field(g), *Y = scalar_field(g),
         *inverse = scalar_field(g), *Z = scalar_field(g), *W = scalar_field(g), h = 1e-3, worst[2] = {0, 0};
  fill_normal(g, phi, "phi"), fill_normal(g, chi, "chi");
  staggered *s = operator_of(g, M, coupling, true, phi);
  CHECK(staggered_solve(s, true, chi, X, Y, 1e-14, 1000) > 0);
  double logdet = staggered_logdet(s, inverse);
  for (long i = 0; i < g->n; i += 5) {
    double ln[5], S[5], keep = phi[i];
    for (int k = -2; k <= 2; k++) {
      phi[i] = keep + k * h;
      staggered_set(s, phi);
      ln[k + 2] = staggered_logdet(s, NULL);
      CHECK(staggered_solve(s, true, chi, Z, W, 1e-14, 1000) >= 0);
      S[k + 2] = scalar_dot(g, g->plane, W, W) / 2;
    }
    phi[i] = keep;
    double det = (8 * (ln[3] - ln[1]) - (ln[4] - ln[0])) / (12 * h),
           pf = (8 * (S[3] - S[1]) - (S[4] - S[0])) / (12 * h);
    worst[0] = fmax(worst[0], fabs(det - coupling * inverse[i]) / (1 + fabs(det)));
    worst[1] = fmax(worst[1], fabs(pf + coupling * X[i] * Y[i]) / (1 + fabs(pf)));
  }
  CHECK_REPORT(worst[0] < 1e-8 && worst[1] < 1e-8, "M = %g: forces off by %.3g, %.3g", M, worst[0], worst[1]);
  for (long i = 0; i < g->n; i++) phi[i] = -phi[i];
  staggered_set(s, phi);
  if (!M) CHECK_REL(staggered_logdet(s, NULL), logdet, 1e-11);
  staggered_free(s);
  scalar_field_free(g, phi), scalar_field_free(g, chi), scalar_field_free(g, X), scalar_field_free(g, Y);
  scalar_field_free(g, inverse), scalar_field_free(g, Z), scalar_field_free(g, W), scalar_grid_free(g);
}

static void test_slabs(const int *shape_of, double M, const comm *ranks) {
  if (ranks->ranks > shape_of[1]) return;
  scalar_grid *g[2] = {shape(shape_of, NULL), shape(shape_of, ranks)};
  double *Y[2];
  long it[2];
  for (int k = 0; k < 2; k++) {
    double *phi = scalar_field(g[k]), *chi = scalar_field(g[k]), *X = scalar_field(g[k]);
    Y[k] = scalar_field(g[k]);
    fill_normal(g[k], phi, "phi"), fill_normal(g[k], chi, "chi");
    staggered *s = operator_of(g[k], M, .3, false, phi);
    it[k] = staggered_solve(s, true, chi, X, Y[k], 1e-12, 2000);
    staggered_free(s), scalar_field_free(g[k], phi), scalar_field_free(g[k], chi), scalar_field_free(g[k], X);
  }
  CHECK_INT(it[0], it[1]);
  CHECK_BITS(Y[1], Y[0] + g[1]->first * g[1]->plane, (size_t)scalar_sites(g[1]) * sizeof **Y);
  for (int k = 0; k < 2; k++) scalar_field_free(g[k], Y[k]), scalar_grid_free(g[k]);
}

int main(int argc, char **argv) {
  comm ranks;
  err e = {0};
  MPI_Init(&argc, &argv);
  comm_open(&ranks, MPI_COMM_WORLD, 1, &e);
  for (int k = 0; k < SHAPES; k++) {
    test_definition(shapes[k]), test_halves(shapes[k]);
    test_solver(shapes[k], 1.3, .2, true), test_solver(shapes[k], -2, .3, true), test_solver(shapes[k], .3, .5, false);
    test_slabs(shapes[k], 1.5, &ranks), test_slabs(shapes[k], .2, &ranks);
  }
  test_free();
  test_forces(1, .2), test_forces(0, .5);
  comm_close(&ranks);
  return check_done();
}

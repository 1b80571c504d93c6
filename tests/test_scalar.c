/* test_scalar.c: the scalar field. Sums against plain loops over sites, force against differences of the action, moves,
 * exact values against published digits, and slabs: any number of ranks has the bits of one. */
#include "scalar_fixture.h"

static const scalar_action act = {.13, 1.1};

/* ---- by hand: coordinates and nothing else ---- */

static long site_of(const scalar_grid *g, const int *x) {
  long i = 0;
  for (int k = 0; k < g->d; k++) i = i * g->side[k] + (x[k] + g->side[k]) % g->side[k];
  return i;
}

static void coordinates(const scalar_grid *g, long i, int *x) {
  for (int k = g->d - 1; k >= 0; k--) x[k] = (int)(i % g->side[k]), i /= g->side[k];
}

static void plain_sums(const scalar_grid *g, const double *phi, double *obs) {
  for (int k = 0; k < SCALAR_NOBS; k++) obs[k] = 0;
  for (long i = 0; i < g->n; i++) {
    int x[4], sign = 1;
    double box = 0, cbox = 0, f = phi[i];
    coordinates(g, i, x);
    for (int k = 0; k < g->d; k++) {
      sign = x[k] & 1 ? -sign : sign;
      x[k]++;
      obs[SCALAR_T] += f * phi[site_of(g, x)];
      x[k]--;
    }
    for (int c = 0; c < 1 << g->d; c++) {
      int y[4];
      for (int k = 0; k < g->d; k++) y[k] = x[k] + (c >> k & 1);
      box += phi[site_of(g, y)];
      cbox += __builtin_popcount((unsigned)c) & 1 ? -phi[site_of(g, y)] : phi[site_of(g, y)];
    }
    obs[SCALAR_M] += f, obs[SCALAR_MS] += sign * f, obs[SCALAR_PHI2] += f * f, obs[SCALAR_PHI4] += f * f * f * f;
    obs[SCALAR_BOX] += fabs(box), obs[SCALAR_CBOX] += fabs(cbox);
    obs[SCALAR_BOX2] += box * box / (1 << g->d), obs[SCALAR_CBOX2] += cbox * cbox / (1 << g->d);
  }
}

static const int shapes[][5] = {{2, 4, 6},    {2, 5, 3},     {3, 4, 4, 4},    {3, 6, 4, 10},
                                {3, 4, 5, 7}, {3, 4, 2, 16}, {4, 4, 4, 6, 8}, {2, 4, 24}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void test_sums(const int *s) {
  scalar_grid *g = grid_of(s[0], s[1], s[2], s[3], s[4], NULL);
  double *phi = scalar_field(g), obs[SCALAR_NOBS], plain[SCALAR_NOBS], sum[SCALAR_NSUM], S = 0;
  double slice[16][2], G[9], total = 0, m = 0;
  fill_normal(g, phi, "phi");
  scalar_measure(g, phi, obs, slice);
  scalar_sums(g, phi, sum);
  plain_sums(g, phi, plain);
  for (int k = 0; k < SCALAR_NOBS; k++) CHECK_NEAR(obs[k], plain[k], 1e-10);
  CHECK_BITS(obs, sum, sizeof sum);
  for (long i = 0; i < g->n; i++) S += phi[i] * phi[i] + act.lambda * pow(phi[i] * phi[i] - 1, 2);
  CHECK_NEAR(scalar_action_value(g, act, sum), S - 2 * act.kappa * plain[SCALAR_T], 1e-9);
  scalar_correlator(g, (const double(*)[2])slice, false, G); /* sum_t G(t) = side m^2 */
  for (int t = 0; t < g->side[0]; t++) total += G[t <= g->side[0] / 2 ? t : g->side[0] - t];
  m = obs[SCALAR_M] / (double)g->n;
  CHECK_NEAR(total, g->side[0] * m * m, 1e-12);
  scalar_field_free(g, phi), scalar_grid_free(g);
}

/* Four-point differences of the action. */
static void test_force(const int *s) {
  scalar_grid *g = grid_of(s[0], s[1], s[2], s[3], s[4], NULL);
  double *phi = scalar_field(g), *F = scalar_field(g), *pi = scalar_field(g), sum[SCALAR_NSUM], worst = 0;
  const double h = 1e-3;
  fill_normal(g, phi, "phi"), fill_normal(g, pi, "pi");
  scalar_force(g, act, phi, F);
  for (long i = 0; i < g->n; i += 3) {
    double S[5], keep = phi[i];
    for (int k = -2; k <= 2; k++) {
      phi[i] = keep + k * h;
      scalar_sums(g, phi, sum), S[k + 2] = scalar_action_value(g, act, sum);
    }
    phi[i] = keep;
    worst = fmax(worst, fabs(F[i] + (8 * (S[3] - S[1]) - (S[4] - S[0])) / (12 * h)) / (1 + fabs(F[i])));
  }
  CHECK_REPORT(worst < 1e-8, "d = %d: force off by %.3g", g->d, worst);
  double *a = scalar_field(g), *b = scalar_field(g); /* kick and drift at once, or one after the other */
  for (long i = 0; i < g->n; i++) a[i] = phi[i], b[i] = pi[i];
  scalar_kick(g, act, phi, pi, .01), scalar_drift(g, phi, pi, .02);
  scalar_kick_drift(g, act, a, b, .01, .02);
  CHECK_BITS(a, phi, (size_t)g->n * sizeof *a);
  CHECK_BITS(b, pi, (size_t)g->n * sizeof *b);
  scalar_field_free(g, phi), scalar_field_free(g, F), scalar_field_free(g, pi);
  scalar_field_free(g, a), scalar_field_free(g, b), scalar_grid_free(g);
}

/* Slabs on the ranks of this run against the whole lattice on each. */
static void test_slabs(const int *s, const comm *ranks) {
  if (ranks->ranks > s[1]) return;
  scalar_grid *g = grid_of(s[0], s[1], s[2], s[3], s[4], NULL), *h = grid_of(s[0], s[1], s[2], s[3], s[4], ranks);
  double *phi = scalar_field(g), *pi = scalar_field(g), *part = scalar_field(h), *push = scalar_field(h);
  double obs[2][SCALAR_NOBS], slice[2][16][2];
  fill_normal(g, phi, "phi"), fill_normal(g, pi, "pi"), fill_normal(h, part, "phi"), fill_normal(h, push, "pi");
  for (int k = 0; k < 3; k++) {
    scalar_kick_drift(g, act, phi, pi, .05, .1);
    scalar_kick_drift(h, act, part, push, .05, .1);
    scalar_exchange(h, part);
  }
  CHECK_BITS(part, phi + h->first * h->plane, (size_t)scalar_sites(h) * sizeof *phi);
  scalar_measure(g, phi, obs[0], slice[0]), scalar_measure(h, part, obs[1], slice[1]);
  CHECK_BITS(obs[0], obs[1], sizeof obs[0]);
  CHECK_BITS(slice[0], slice[1], (size_t)g->side[0] * sizeof slice[0][0]);
  double a = scalar_dot(g, g->plane, phi, pi), b = scalar_dot(h, h->plane, part, push);
  CHECK_BITS(&a, &b, sizeof a);
  scalar_field_free(g, phi), scalar_field_free(g, pi), scalar_field_free(h, part), scalar_field_free(h, push);
  scalar_grid_free(g), scalar_grid_free(h);
}

/* Digits of a published Monte Carlo study and of quadrature. */
static void test_exact(void) {
  scalar_grid *g = grid_of(3, 8, 8, 8, 0, NULL);
  exact_scalar x;
  err e = {0};
  CHECK(!exact_scalar_any(&x, g, (scalar_action){.1, 0}, &e));
  CHECK_NEAR(x.phi2, .5357355, 5e-8);
  CHECK_NEAR(x.link, .0595591, 5e-8);
  CHECK_NEAR(x.m2, .00244141, 5e-9);
  CHECK(!exact_scalar_any(&x, g, (scalar_action){0, 1.1}, &e));
  CHECK_NEAR(x.phi2, .5308448, 5e-8);
  CHECK_NEAR(x.phi4, .5168244, 5e-8);
  CHECK(!exact_scalar_any(&x, g, (scalar_action){.1, 1.1}, &e) && isnan(x.phi2));
  scalar_grid_free(g);
}

static void test_refusals(const comm *ranks) {
  scalar_grid *g;
  err e = {0};
  CHECK_INT(scalar_grid_new(&g, 5, (int[]){4, 4, 4, 4, 4}, NULL, &e), ERR_DECK);
  e = (err){0};
  CHECK_INT(scalar_grid_new(&g, 3, (int[]){4, 1, 4}, NULL, &e), ERR_DECK);
  e = (err){0};
  CHECK_INT(scalar_grid_new(&g, 2, (int[]){2, 8}, ranks, &e), ranks->ranks > 2 ? ERR_DECK : 0);
  scalar_grid_free(g);
}

int main(int argc, char **argv) {
  comm ranks;
  err e = {0};
  MPI_Init(&argc, &argv);
  comm_open(&ranks, MPI_COMM_WORLD, 1, &e);
  for (int k = 0; k < SHAPES; k++) test_sums(shapes[k]), test_force(shapes[k]), test_slabs(shapes[k], &ranks);
  test_exact();
  test_refusals(&ranks);
  comm_close(&ranks);
  return check_done();
}

/* test_hmc.c: integrators (order, reversal, area, nesting) on toys and on the scalar field with fermions: slope of
 * ln<dH^2> against ln eps, reversibility, <exp(-dH)> = 1, acceptance, whole lattices against slabs. Ranks 1, 2, 4. */
#include "samplers/scalar_hmc.h"
#include "scalar_fixture.h"

/* ---- a toy of two sites: S = x^4/4 + x^2 y^2/2 + y^2/2, in two forces ---- */

typedef struct toy {
  double x, y, px, py;
  int forces[2];
} toy;

static double toy_energy(const toy *t) {
  double x2 = t->x * t->x, y2 = t->y * t->y;
  return (t->px * t->px + t->py * t->py + y2) / 2 + x2 * x2 / 4 + x2 * y2 / 2;
}

static void toy_kick(void *self, int level, double t) {
  toy *q = self;
  q->forces[level]++;
  if (level == 0)
    q->px -= t * q->x * q->y * q->y, q->py -= t * q->x * q->x * q->y;
  else
    q->px -= t * q->x * q->x * q->x, q->py -= t * q->y;
}

static void toy_both(void *self, int level, double t) {
  toy *q = self;
  toy_kick(q, 0, t), toy_kick(q, 1, t);
}

static void toy_drift(void *self, double t) {
  toy *q = self;
  q->x += t * q->px, q->y += t * q->py;
}

static void toy_go(toy *q, const hmc_scheme *s, int steps, bool nested, double tau) {
  hmc_level level[2] = {{s, steps}, {s, 2}};
  hmc_system system = {q, nested ? toy_kick : toy_both, toy_drift, NULL};
  hmc_evolve(&system, nested ? 2 : 1, level, tau);
}

static const toy toy_start = {.x = .7, .y = -.4, .px = .3, .py = 1.1};

static void test_toy(const hmc_scheme *s, bool nested) {
  double off[2];
  toy goal = toy_start;
  toy_go(&goal, &hmc_schemes[2], 600, false, 1);
  CHECK_NEAR(toy_energy(&goal), toy_energy(&toy_start), 1e-11);
  for (int k = 0; k < 2; k++) {
    toy q = toy_start;
    toy_go(&q, s, 24 << k, nested, 1);
    off[k] = hypot(hypot(q.x - goal.x, q.y - goal.y), hypot(q.px - goal.px, q.py - goal.py));
    CHECK_INT(q.forces[0], s->stages * (24 << k) + 1);
  }
  CHECK_NEAR(log2(off[0] / off[1]), s->order, .1);
  toy q = toy_start;
  toy_go(&q, s, 7, nested, 1.5);
  q.px = -q.px, q.py = -q.py;
  toy_go(&q, s, 7, nested, 1.5);
  CHECK_NEAR(fabs(q.x - toy_start.x) + fabs(q.y - toy_start.y) + fabs(q.px + toy_start.px), 0, 1e-13);
  double J[4][4], h = 1e-4; /* the map keeps area: |det J| = 1 */
  for (int k = 0; k < 4; k++) {
    toy a = toy_start, b = toy_start;
    (&a.x)[k] += h, (&b.x)[k] -= h;
    toy_go(&a, s, 3, nested, 1), toy_go(&b, s, 3, nested, 1);
    for (int i = 0; i < 4; i++) J[i][k] = ((&a.x)[i] - (&b.x)[i]) / (2 * h);
  }
  double det = 1;
  for (int k = 0; k < 4; k++) { /* the pivots do not vanish here */
    det *= J[k][k];
    for (int i = k + 1; i < 4; i++)
      for (int j = 3; j >= k; j--) J[i][j] -= J[i][k] / J[k][k] * J[k][j];
  }
  CHECK_NEAR(det, 1, 1e-6);
}

static void test_table(void) {
  const char *words = HMC_WORDS;
  for (const hmc_scheme *s = hmc_schemes; s->name; s++) {
    double kick = 0, drift = 0;
    bool same = true; /* read backwards */
    for (int k = 0; k <= s->stages; k++) kick += s->kick[k], same &= s->kick[k] == s->kick[s->stages - k];
    for (int k = 0; k < s->stages; k++) drift += s->drift[k], same &= s->drift[k] == s->drift[s->stages - 1 - k];
    CHECK_NEAR(kick, 1, 1e-15);
    CHECK_NEAR(drift, 1, 1e-15);
    CHECK(same);
    CHECK(!strncmp(words, s->name, strlen(s->name)));
    words += strlen(s->name) + 1;
    for (int nested = 0; nested < 2; nested++) test_toy(s, nested);
  }
}

/* ---- fields ---- */

static const scalar_hmc_conf plain = {.tau = 1,
                                      .steps = 8,
                                      .inner = 1,
                                      .integrator = 1,
                                      .stiffness = NAN,
                                      .solver = 1e-13,
                                      .accept_solver = 1e-13,
                                      .iterations = 3000,
                                      .even_odd = true,
                                      .chronological = true};
static const scalar_model boson = {.action = {.15, 1.1}},
                          yukawa = {.action = {.1, 1.1}, .fermions = true, .mass = 1, .coupling = .5},
                          heavy = {.action = {.1, 1.1}, .fermions = true, .mass = 4, .coupling = .5};

typedef struct setting {
  scalar_grid *g;
  scalar_mover *w;
  scalar_chain c;
} setting;

static setting begin(const scalar_model *m, scalar_hmc_conf conf, int L, const comm *ranks) {
  setting s = {.g = grid_of(3, L, L, L, 0, ranks), .c = {.m = *m, .number = 3}};
  err e = {0};
  CHECK_REPORT(!scalar_mover_new(&s.w, &scalar_hmc, &conf, s.g, m->fermions, 17, &e), "%.300s", e.text);
  s.c.phi = scalar_field(s.g);
  scalar_chain_start(s.w, &s.c, SCALAR_HOT);
  return s;
}

static void finish(setting *s) {
  scalar_mover_free(s->w), scalar_field_free(s->g, s->c.phi), scalar_grid_free(s->g);
}

static void advance(setting *s, int n, bool thermalise) {
  err e = {0};
  for (int k = 0; k < n; k++) CHECK_REPORT(!scalar_step(s->w, &s->c, thermalise, &e), "%.300s", e.text);
}

/* ln <dH^2> over the same starts, with `few` and twice as many steps. */
static double slope(const scalar_model *m, scalar_hmc_conf conf, int L, int starts, int few) {
  setting s = begin(m, conf, L, NULL);
  size_t bytes = (size_t)s.g->n * sizeof(double);
  double *keep = malloc(bytes), square[2] = {0, 0};
  advance(&s, 30, true);
  for (int k = 0; k < starts; k++) {
    advance(&s, 2, true);
    s.c.state[SCALAR_STEPS]++;
    memcpy(keep, s.c.phi, bytes);
    for (int i = 0; i < 2; i++) {
      memcpy(s.c.phi, keep, bytes);
      double H = scalar_hmc_refresh(s.w, &s.c);
      scalar_hmc_evolve(s.w, &s.c, few << i);
      square[i] += pow(scalar_hmc_energy(s.w, &s.c) - H, 2);
    }
    memcpy(s.c.phi, keep, bytes);
  }
  free(keep), finish(&s);
  return log2(square[0] / square[1]);
}

static void test_slopes(void) {
  static const int few[3] = {32, 16, 8};
  for (int k = 0; hmc_schemes[k].name; k++) {
    scalar_hmc_conf conf = plain;
    conf.integrator = k, conf.steps = few[k];
    int order = 2 * hmc_schemes[k].order;
    CHECK_NEAR(slope(&boson, conf, 8, 100, few[k]), order, order == 4 ? .15 : .4);
    CHECK_NEAR(slope(&yukawa, conf, 4, 100, few[k]), order, order == 4 ? .15 : .4);
    conf.acceleration = 1;
    CHECK_NEAR(slope(&boson, conf, 8, 100, few[k]), order, order == 4 ? .15 : .4);
  }
}

static void test_reversal(const scalar_model *m, scalar_hmc_conf conf, int L) {
  setting s = begin(m, conf, L, NULL);
  scalar_hmc_room *q = s.w->self;
  double *keep = malloc((size_t)s.g->n * sizeof *keep), worst = 0, moved = 0;
  advance(&s, 5, true);
  memcpy(keep, s.c.phi, (size_t)s.g->n * sizeof *keep);
  s.c.state[SCALAR_STEPS]++;
  double H = scalar_hmc_refresh(s.w, &s.c);
  scalar_hmc_evolve(s.w, &s.c, 10);
  for (long i = 0; i < s.g->n; i++) q->pi[i] = -q->pi[i], moved = fmax(moved, fabs(s.c.phi[i] - keep[i]));
  if (q->fermions) q->fermions->history = 0;
  scalar_hmc_evolve(s.w, &s.c, 10);
  for (long i = 0; i < s.g->n; i++) worst = fmax(worst, fabs(s.c.phi[i] - keep[i]));
  CHECK_REPORT(worst <= 1e-10 && moved > .1, "L = %d: not reversed by %.3g of %.3g", L, worst, moved);
  CHECK_NEAR(scalar_hmc_energy(s.w, &s.c), H, 1e-7);
  free(keep), finish(&s);
}

/* <exp(-dH)> = 1 and acceptance erfc(sqrt(<dH>)/2) at long steps. */
static void test_balance(const scalar_model *m, scalar_hmc_conf conf, int L, int n) {
  setting s = begin(m, conf, L, NULL);
  advance(&s, 200, true);
  advance(&s, n, false);
  const double *t = s.c.state;
  double mean = t[SCALAR_EXP] / n, error = sqrt((t[SCALAR_EXP2] / n - mean * mean) / n), dH = t[SCALAR_DH] / n;
  CHECK_SIGMA(mean, 1, error, 5);
  CHECK(error < .05 && t[SCALAR_TRIED] == n);
  double rate = erfc(sqrt(dH) / 2), seen = t[SCALAR_ACCEPTED] / n;
  CHECK_SIGMA(seen, rate, sqrt(rate * (1 - rate) / n) + .01, 5);
  CHECK_REPORT(seen > .3 && seen < .97, "acceptance %.3f tests little", seen);
  finish(&s);
}

static void test_tuning(void) {
  scalar_hmc_conf conf = plain;
  conf.tune = true, conf.acceptance = .8, conf.steps = 1, conf.integrator = 0;
  setting s = begin(&boson, conf, 8, NULL);
  advance(&s, 300, true), advance(&s, 400, false);
  CHECK_NEAR(s.c.state[SCALAR_ACCEPTED] / 400, .8, .1);
  CHECK(s.c.state[SCALAR_TRIED] == 400 && exp(s.c.state[SCALAR_TUNED]) > 1.5);
  finish(&s);
}

/* The chain in slabs has the bits of the chain whole; and of the same chain with its state taken elsewhere. */
static void test_slabs(const scalar_model *m, bool fourier, const comm *ranks) {
  scalar_hmc_conf conf = plain;
  conf.acceleration = fourier;
  conf.tune = true, conf.acceptance = .8, conf.steps = 4;
  int L = m->fermions ? 4 : 8;
  setting a = begin(m, conf, L, NULL), b = begin(m, conf, L, ranks), c = begin(m, conf, L, NULL);
  advance(&a, 3, true), advance(&b, 3, true);
  memcpy(c.c.phi, a.c.phi, (size_t)a.g->n * sizeof(double)), memcpy(c.c.state, a.c.state, sizeof a.c.state);
  advance(&a, 3, false), advance(&b, 3, false), advance(&c, 3, false);
  CHECK_BITS(b.c.phi, a.c.phi + b.g->first * b.g->plane, (size_t)scalar_sites(b.g) * sizeof(double));
  CHECK_BITS(b.c.state, a.c.state, sizeof a.c.state);
  CHECK_BITS(c.c.phi, a.c.phi, (size_t)a.g->n * sizeof(double));
  CHECK_BITS(c.c.state, a.c.state, sizeof a.c.state);
  finish(&a), finish(&b), finish(&c);
}

/* A wave is multiplied by its w_p to the power; w^-1 w = 1. */
static void test_fourier(const comm *ranks) {
  scalar_grid *g = grid_of(4, 6, 4, 3, 5, ranks);
  double *v = scalar_field(g), *out = scalar_field(g), worst = 0, turn = 6.283185307179586;
  scalar_fourier *f = NULL;
  err e = {0};
  static const int k[4] = {1, 3, 1, 2};
  CHECK(!scalar_fourier_new(&f, g, &e));
  for (int sign = -1; sign < 2; sign += 2) {
    double w = .3;
    for (int mu = 0; mu < 4; mu++) w += 4 * .12 * (1 - sign * cos(turn * k[mu] / g->side[mu]));
    for (long i = 0; i < scalar_sites(g); i++) {
      long rest = i + g->first * g->plane;
      double phase = 0;
      for (int mu = 3; mu >= 0; mu--)
        phase += turn * k[mu] * (double)(rest % g->side[mu]) / g->side[mu], rest /= g->side[mu];
      v[i] = cos(phase + .4);
    }
    scalar_fourier_apply(f, sign * .12, .3, .5, v, out);
    for (long i = 0; i < scalar_sites(g); i++) worst = fmax(worst, fabs(out[i] - sqrt(w) * v[i]));
    scalar_fourier_apply(f, sign * .12, .3, 1, v, out), scalar_fourier_apply(f, sign * .12, .3, -1, out, out);
    for (long i = 0; i < scalar_sites(g); i++) worst = fmax(worst, fabs(out[i] - v[i]));
  }
  CHECK_REPORT(worst < 1e-13, "off by %.3g", worst);
  scalar_fourier_free(f), scalar_field_free(g, v), scalar_field_free(g, out), scalar_grid_free(g);
}

/* N_f tr D^-1 is the slope of N_f ln|det D| in M, N_f tr (D^-1 phi) that in g; noise gives both on average. */
static void test_traces(void) {
  enum { NOISE = 400 };
  scalar_hmc_conf conf = plain;
  conf.determinant = 1;
  setting s = begin(&yukawa, conf, 4, NULL), t = begin(&yukawa, plain, 4, NULL);
  staggered *D = ((scalar_hmc_room *)s.w->self)->fermions->D;
  double exact[2], seen[2], mean[2] = {0}, square[2] = {0}, h = 1e-4, ln[2][2];
  err e = {0};
  CHECK(!s.w->type->traces(s.w, &s.c, exact, &e));
  for (int k = 0; k < 2; k++)
    for (int up = 0; up < 2; up++) {
      D->mass = yukawa.mass + (k ? 0 : up ? h : -h), D->coupling = yukawa.coupling + (!k ? 0 : up ? h : -h);
      staggered_set(D, s.c.phi);
      ln[k][up] = 2 * staggered_logdet(D, NULL);
    }
  for (int k = 0; k < 2; k++) CHECK_REL(exact[k], (ln[k][1] - ln[k][0]) / (2 * h), 1e-6);
  for (int i = 0; i < NOISE; i++, t.c.state[SCALAR_STEPS]++) {
    CHECK(!t.w->type->traces(t.w, &t.c, seen, &e));
    for (int k = 0; k < 2; k++) mean[k] += seen[k] / NOISE, square[k] += seen[k] * seen[k] / NOISE;
  }
  for (int k = 0; k < 2; k++) CHECK_SIGMA(mean[k], exact[k], sqrt((square[k] - mean[k] * mean[k]) / NOISE), 5);
  finish(&s), finish(&t);
}

static void test_refusals(const comm *ranks) {
  scalar_mover *w;
  err e = {0};
  scalar_hmc_conf conf = plain;
  scalar_grid *g = grid_of(3, 8, 8, 8, 0, ranks), *odd = grid_of(2, 5, 5, 0, 0, NULL);
  conf.determinant = 1;
  CHECK_INT(scalar_mover_new(&w, &scalar_hmc, &conf, g, false, 1, &e), ERR_DECK);
  e = (err){0}, conf = plain;
  CHECK_INT(scalar_mover_new(&w, &scalar_hmc, &conf, odd, true, 1, &e), ERR_DECK);
  scalar_grid_free(g), scalar_grid_free(odd);
  conf = plain, conf.iterations = 2;
  setting s = begin(&yukawa, conf, 4, NULL);
  e = (err){0};
  CHECK_INT(scalar_step(s.w, &s.c, false, &e), ERR_RUN);
  finish(&s);
}

int main(int argc, char **argv) {
  comm ranks;
  err e = {0};
  MPI_Init(&argc, &argv);
  comm_open(&ranks, MPI_COMM_WORLD, 1, &e);
  test_slabs(&boson, false, &ranks), test_slabs(&yukawa, false, &ranks), test_slabs(&heavy, false, &ranks);
  test_slabs(&boson, true, &ranks), test_slabs(&yukawa, true, &ranks);
  test_fourier(&ranks);
  test_refusals(&ranks);
  if (ranks.ranks == 1) {
    scalar_hmc_conf full = plain, rough = plain, det = plain, sloppy = plain;
    full.even_odd = full.chronological = false, det.determinant = 1;
    test_table();
    test_slopes();
    test_reversal(&boson, plain, 16), test_reversal(&heavy, plain, 8), test_reversal(&yukawa, full, 8);
    test_reversal(&yukawa, plain, 8), test_reversal(&yukawa, det, 4);
    sloppy.acceleration = 1, test_reversal(&boson, sloppy, 16);
    rough.steps = 9, rough.integrator = 0, test_balance(&boson, rough, 8, 2000);
    rough.steps = 5, test_balance(&yukawa, rough, 4, 1000);
    test_tuning();
    test_traces();
  }
  comm_close(&ranks);
  return check_done();
}

/* exact_trotter.c: exact_trotter, exact_trotter_infinite: the transfer matrix of the Trotter lattice,
 *
 *   Z = Tr (T_2 T_1)^(layers/2) = sum_x <x| ... D G_2 D G_1 |x>,    lim Z^(1/N) = sqrt(largest eigenvalue)
 *
 * along rows or columns, whichever is shorter (Suzuki, Phys. Rev. B 31 (1985) 2957; Betsuyaku, Prog. Theor. Phys. 73
 * (1985) 319). All vectors carry their first two derivatives by beta and by u = beta h, so e, c, m and chi are as exact
 * as lnZ. */
#include <math.h>

#include "lattice/exact_ring.h"

enum { LENGTH_MAX = 16, INFINITE_MAX = 20, ITERATIONS_MAX = 20000, CALM = 4, SUM_BLOCK = 512 };

bool exact_trotter_applies(const trotter *t) {
  return t->rows <= LENGTH_MAX || t->sites <= LENGTH_MAX;
}

static int check_beta(int n, const double *beta, err *e) {
  for (int i = 0; i < n; i++)
    if (!(beta[i] > 0) || !isfinite(beta[i]))
      return err_set(e, ERR_RUN, "transfer matrix: beta = %g must be positive", beta[i]);
  return 0;
}

static void add_class(void *ctx, const ring *r, int x, int members, ring_number d) {
  for (int k = 0; k < RING_JET; k++) d.v[k] *= members;
  if (r->t->field == 0) d.v[3] = 0;
  ring_add(ctx, d);
}

int exact_trotter(chain_thermo *x, const trotter *t, double beta, err *e) {
  *x = chain_unknown();
  if (!exact_trotter_applies(t))
    return err_set(e, ERR_RUN, "transfer matrix: %d rows of %d spins: one side must be at most %d", t->rows, t->sites,
                   LENGTH_MAX);
  if (check_beta(1, &beta, e)) return e->code;
  double all[RING_LANES];
  for (int k = 0; k < RING_LANES; k++) all[k] = beta;
  ring r;
  ring_number Z = {.log = -INFINITY};
  if (!ring_open(&r, t, t->rows < t->sites, all, RING_JET, e) && !ring_diagonal(&r, add_class, &Z, e))
    *x = ring_thermo(&r, 0, Z);
  ring_close(&r);
  return e->code;
}

/* ---- infinite chain ---- */
typedef struct slope {
  ring_lanes v[RING_JET]; /* of ln of the sum of a vector: value, two derivatives by beta, two by u */
} slope;

/* Blocks keep rounding from piling up. */
static slope log_sum(const ring *r) {
  ring_lanes s[RING_JET] = {{0}};
  for (int first = 0; first < r->nstates; first += SUM_BLOCK) {
    ring_lanes part[RING_JET] = {{0}};
    int end = first + SUM_BLOCK < r->nstates ? first + SUM_BLOCK : r->nstates;
    for (int k = first; k < end; k++)
      for (int c = 0; c < RING_JET; c++) part[c] += r->v[(size_t)k * RING_JET + (size_t)c];
    for (int c = 0; c < RING_JET; c++) s[c] += part[c];
  }
  for (int c = 1; c < RING_JET; c++) s[c] /= s[0];
  slope z = {{r->log, r->shift + s[1], s[2] - s[1] * s[1], s[3], s[4] - s[3] * s[3]}};
  for (int k = 0; k < RING_LANES; k++) z.v[0][k] += log(s[0][k]);
  return z;
}

/* Has the growth of a lane per two layers come to rest? */
static bool settled(const slope *now, const slope *before, int lane) {
  for (int c = 0; c < RING_JET; c++)
    if (!(fabs(now->v[c][lane] - before->v[c][lane]) < 1e-12 * (1 + fabs(now->v[c][lane])))) return false;
  return true;
}

/* Logarithm of the largest eigenvalue of T_2 T_1 in a sector, and its derivatives. A lane keeps what it had when it
 * came to rest: later it would only gather rounding. */
static int leading(ring *r, int sector, slope *growth, err *e) {
  ring_enter(r, sector);
  for (int k = 0; k < r->nstates; k++) r->v[(size_t)k * RING_JET] += 1;
  slope before = log_sum(r);
  int calm[RING_LANES] = {0}, open = RING_LANES;
  *growth = (slope){{{0}}};
  for (int i = 0; i < ITERATIONS_MAX && open; i++) {
    for (int l = 1; l <= 2; l++) ring_gates(r, l), ring_field(r, l);
    ring_rescale(r);
    slope now = log_sum(r), step;
    for (int c = 0; c < RING_JET; c++) step.v[c] = now.v[c] - before.v[c];
    for (int k = 0; k < RING_LANES; k++) {
      if (calm[k] == CALM) continue;
      calm[k] = settled(&step, growth, k) ? calm[k] + 1 : 0;
      open -= calm[k] == CALM;
      for (int c = 0; c < RING_JET; c++) growth->v[c][k] = step.v[c][k];
    }
    before = now;
  }
  if (!open) return 0;
  return err_set(e, ERR_RUN,
                 "transfer matrix: no convergence within %d steps: the correlation length of the infinite chain is too "
                 "large",
                 ITERATIONS_MAX);
}

/* Up to RING_LANES temperatures. With K- = 0 the largest eigenvalue has no winding, Q = 0; else both sectors count. */
static int infinite(chain_thermo *x, const trotter *t, int n, const double *beta, err *e) {
  double all[RING_LANES];
  for (int k = 0; k < RING_LANES; k++) all[k] = beta[k < n ? k : 0];
  ring r;
  slope best, other;
  if (ring_open(&r, t, true, all, RING_JET, e) || leading(&r, r.conserved ? r.length / 2 : 0, &best, e)) goto end;
  if (!r.conserved) {
    if (leading(&r, 1, &other, e)) goto end;
    for (int k = 0; k < RING_LANES; k++)
      for (int c = RING_JET; c--;)
        if (other.v[0][k] > best.v[0][k]) best.v[c][k] = other.v[c][k];
  }
  for (int k = 0; k < n; k++)
    x[k] =
        chain_derive(2, beta[k], best.v[0][k] + 2 * r.unit[k], best.v[1][k], best.v[2][k], best.v[3][k], best.v[4][k]);
  for (int k = 0; k < n; k++) x[k].lnZ /= 2;
end:
  ring_close(&r);
  return e->code;
}

int exact_trotter_infinite(chain_thermo *x, const trotter *t, int n, const double *beta, err *e) {
  for (int i = 0; i < n; i++) x[i] = chain_unknown();
  if (t->rows > INFINITE_MAX)
    return err_set(e, ERR_RUN, "transfer matrix: %d rows: at most %d for an infinite chain", t->rows, INFINITE_MAX);
  if (check_beta(n, beta, e)) return e->code;
  for (int i = 0; i < n; i += RING_LANES)
    if (infinite(x + i, t, n - i < RING_LANES ? n - i : RING_LANES, beta + i, e)) return e->code;
  return 0;
}

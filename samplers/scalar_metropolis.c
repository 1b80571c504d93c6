/* scalar_metropolis.c: checkerboard Metropolis: phi' = phi + width (u - 1/2), even sites at once, then odd ones. A
 * sweep works on half fields (lattice/staggered.h), where neighbours lie side by side, a plane at a time: sums of
 * neighbours, then random numbers and decisions in vector registers. u and the number that decides have 32 bits, in the
 * middle of their 2^32 cells, so that the proposal is symmetric and a chance is met to 2^-33: one Philox block serves
 * two sites. The width is tuned in thermalisation. */
#include "samplers/scalar_metropolis.h"

#include <math.h>
#include <stdlib.h>

#define INLINE static inline __attribute__((always_inline))

static const deck_key keys[] = {SCALAR_SWEEP_KEYS("1"), {0}};

int scalar_sweeper_new(scalar_sweeper **out, const scalar_mover *w, err *e) {
  const scalar_grid *g = w->g;
  *out = NULL;
  if (w->fermions) return err_set(e, ERR_DECK, "not with fermions: take kind hmc");
  if (!scalar_even(g)) return err_set(e, ERR_DECK, "checkerboards need even sides: take kind hmc");
  scalar_sweeper *s = *out = calloc(1, sizeof *s);
  size_t bytes = ((size_t)staggered_plane(g) + SCALAR_BEHIND) * sizeof(double);
  if (s && (s->half[0] = staggered_half(g)) && (s->half[1] = staggered_half(g)) && (s->sum = malloc(bytes))) return 0;
  return err_set(e, ERR_RUN, "out of memory");
}

void scalar_sweeper_free(const scalar_grid *g, scalar_sweeper *s) {
  if (!s) return;
  staggered_half_free(g, s->half[0]), staggered_half_free(g, s->half[1]);
  free(s->sum), free(s);
}

/* The rows next to row r of the sites of parity `to`, in v: the sites of the other parity. */
typedef struct around {
  const double *here, *near[2 * (SCALAR_DIM - 1)];
  int shift; /* in its own row the neighbours of x are x + shift - 1 and x + shift */
} around;

INLINE around around_row(const scalar_grid *g, const double *v, int to, int p, int r, int mid) {
  int n = g->row / 2;
  long plane = staggered_plane(g), at = (long)r * n;
  around a = {v + p * plane + at,
              {scalar_plane(g, plane, v, p + 1) + at, scalar_plane(g, plane, v, p - 1) + at},
              (scalar_row_odd(g, p, r) + to) & 1};
  for (int k = 0; k < 2 * mid; k++) a.near[2 + k] = v + p * plane + (long)g->near[r * 2 * mid + k] * n;
  return a;
}

INLINE double sum_at(const around *a, int mid, int x, double left, double right) {
  double sum = left + right;
  for (int k = 0; k < 2 + 2 * mid; k++) sum += a->near[k][x];
  return sum;
}

/* Whole vectors, as rows are short: what comes out behind the row is written over by the next one. */
INLINE void sum_row(const around *a, int mid, int n, double *restrict sum) {
  const double *left = a->here + a->shift - 1, *right = a->here + a->shift;
  int end = a->shift ? n - 1 : 0;
  for (int from = 0; from < n; from += SCALAR_BEHIND)
#pragma omp simd
    for (int x = from; x < from + SCALAR_BEHIND; x++) sum[x] = sum_at(a, mid, x, left[x], right[x]);
  sum[end] = sum_at(a, mid, end, a->here[n - 1], a->here[0]);
}

INLINE void sum_plane_of(const scalar_grid *g, const double *v, int to, int p, int mid, double *sum) {
  for (int r = 0; r < g->rows; r++) {
    around a = around_row(g, v, to, p, r, mid);
    sum_row(&a, mid, g->row / 2, sum + (long)r * (g->row / 2));
  }
}

static void sum_plane(const scalar_grid *g, const double *v, int to, int p, double *sum) {
  if (g->d == 3)
    sum_plane_of(g, v, to, p, 1, sum);
  else if (g->d == 2)
    sum_plane_of(g, v, to, p, 0, sum);
  else
    sum_plane_of(g, v, to, p, 2, sum);
}

/* 2^x, -1000 <= x <= 0, to 1.1e-12: the polynomial through 2^r at the nine Chebyshev nodes of |r| <= 1/2. */
INLINE double power_of_two(double x) {
  static const double c[9] = {1,
                              0.6931471805459335,
                              0.2402265069581299,
                              0.05550410941205933,
                              0.009618129159402558,
                              0.0013333450568000645,
                              0.00015403455852453838,
                              1.5310079402249296e-05,
                              1.3255224878668817e-06};
  double n = rint(x), r = x - n, sum = c[8];
  for (int k = 7; k >= 0; k--) sum = sum * r + c[k];
  union {
    int64_t bits;
    double number;
  } scale = {((int64_t)n + 1023) << 52};
  return sum * scale.number;
}

/* k + 1/2, of which 2^32 values lie evenly about 0. */
INLINE double even_about_zero(uint32_t word) {
  return (double)(int32_t)word + .5;
}

/* u: proposal, v: decision. Returns the number accepted. */
INLINE double decide(int n, scalar_action a, double width, const double *restrict sum, const uint32_t *restrict u,
                     const uint32_t *restrict v, double *restrict phi) {
  const double log2e = 1.4426950408889634, unit = 0x1p-32;
  double hop = -2 * a.kappa, square = 1 - 2 * a.lambda, quartic = a.lambda, accepted = 0;
#pragma omp simd reduction(+ : accepted)
  for (int i = 0; i < n; i++) {
    double f = phi[i], h = f + width * unit * even_about_zero(u[i]), f2 = f * f, h2 = h * h;
    double dS = hop * sum[i] * (h - f) + (h2 - f2) * (square + quartic * (h2 + f2));
    double x = dS > 0 ? -log2e * dS : 0, chance = power_of_two(x > -1000 ? x : -1000);
    bool yes = .5 + unit * even_about_zero(v[i]) < chance;
    phi[i] = yes ? h : f;
    accepted += yes ? 1. : 0.;
  }
  return accepted;
}

/* 2 RNG_LANES sites of a plane, or those that are left: the first half of them takes words 0 and 1 of a block, the
 * second half words 2 and 3. */
INLINE double decide_some(const scalar_mover *w, const scalar_chain *c, uint64_t index, uint32_t draw, long left,
                          const double *sum, double *phi) {
  enum { HALF = RNG_LANES };
  uint32_t words[4][RNG_LANES];
  scalar_action a = c->m.action;
  double width = c->state[SCALAR_TUNED];
  rng_words_lanes(w->stream, scalar_index(c, index), (uint32_t)c->state[SCALAR_STEPS], draw, words);
  if (left >= 2 * HALF)
    return decide(HALF, a, width, sum, words[0], words[1], phi) +
           decide(HALF, a, width, sum + HALF, words[2], words[3], phi + HALF);
  int rest = (int)left / 2, half = (int)left - rest;
  return decide(half, a, width, sum, words[0], words[1], phi) +
         decide(rest, a, width, sum + half, words[2], words[3], phi + half);
}

/* Returns the number accepted on the whole lattice. */
static double sweep_colour(scalar_mover *w, scalar_sweeper *s, scalar_chain *c, uint32_t draw, int colour) {
  const scalar_grid *g = w->g;
  long n = staggered_plane(g);
  double rows[g->side[0]], total;
  scalar_send(g, n, s->half[!colour]);
  for (int k = 0; k < g->planes; k++) {
    int p = scalar_next(g, k, n, s->half[!colour]);
    double *phi = s->half[colour] + p * n, accepted = 0;
    sum_plane(g, s->half[!colour], colour, p, s->sum);
    for (long at = 0; at < n; at += 2 * RNG_LANES)
      accepted += decide_some(w, c, (uint64_t)((g->first + p) * n + at), draw, n - at, s->sum + at, phi + at);
    rows[g->first + p] = accepted;
  }
  scalar_sum(g, 1, rows, &total);
  return total;
}

void scalar_sweep(scalar_mover *w, scalar_sweeper *s, scalar_chain *c, const scalar_sweep_conf *conf, bool thermalise) {
  const scalar_grid *g = w->g;
  double *state = c->state;
  if (!state[SCALAR_TUNED]) state[SCALAR_TUNED] = 2;
  staggered_split(g, c->phi, s->half[0], s->half[1]);
  for (long k = 0; k < conf->sweeps; k++) {
    double accepted = 0;
    for (int colour = 0; colour < 2; colour++) accepted += sweep_colour(w, s, c, (uint32_t)(2 * k + colour), colour);
    if (thermalise) {
      double gain = fmax(.05, 1 / sqrt(state[SCALAR_STEPS]));
      state[SCALAR_TUNED] *= exp(gain * (accepted / (double)g->n - conf->acceptance));
    } else
      state[SCALAR_TRIED] += (double)g->n, state[SCALAR_ACCEPTED] += accepted;
  }
  staggered_join(g, s->half[0], s->half[1], c->phi);
  scalar_exchange(g, c->phi);
}

static int init(scalar_mover *w, err *e) {
  return scalar_sweeper_new((scalar_sweeper **)&w->self, w, e);
}
static void done(scalar_mover *w) {
  scalar_sweeper_free(w->g, w->self);
}
static int step(scalar_mover *w, scalar_chain *c, bool thermalise, err *e) {
  scalar_sweep(w, w->self, c, (const scalar_sweep_conf *)w->conf, thermalise);
  return 0;
}

const scalar_update scalar_metropolis = {
    .kind = {"metropolis", "checkerboard Metropolis, no fermions", keys},
    .conf_size = sizeof(scalar_sweep_conf),
    .init = init,
    .done = done,
    .step = step,
};

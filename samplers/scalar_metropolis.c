/* scalar_metropolis.c: checkerboard Metropolis: phi' = phi + width (u - 1/2), even sites at once, then odd ones. A
 * sweep works on half fields (lattice/staggered.h), where neighbours lie side by side, and on a plane at a time: random
 * numbers, sums of neighbours, decisions, each in vector registers. Built with -ffast-math so that gcc calls libmvec;
 * exp is taken of what is at most 0. The width is tuned in thermalisation. */
#include "samplers/scalar_metropolis.h"

#include <math.h>
#include <stdlib.h>

static const deck_key keys[] = {SCALAR_SWEEP_KEYS("1"), {0}};

int scalar_sweeper_new(scalar_sweeper **out, const scalar_mover *w, err *e) {
  const scalar_grid *g = w->g;
  *out = NULL;
  if (w->fermions) return err_set(e, ERR_DECK, "not with fermions: take kind hmc");
  if (!scalar_even(g)) return err_set(e, ERR_DECK, "checkerboards need even sides: take kind hmc");
  scalar_sweeper *s = *out = calloc(1, sizeof *s);
  size_t bytes = (size_t)staggered_plane(g) * sizeof(double);
  if (s && (s->half[0] = staggered_half(g)) && (s->half[1] = staggered_half(g)) && (s->sum = malloc(bytes)) &&
      (s->u = malloc(bytes)) && (s->v = malloc(bytes)))
    return 0;
  return err_set(e, ERR_RUN, "out of memory");
}

void scalar_sweeper_free(const scalar_grid *g, scalar_sweeper *s) {
  if (!s) return;
  staggered_half_free(g, s->half[0]), staggered_half_free(g, s->half[1]);
  free(s->sum), free(s->u), free(s->v), free(s);
}

/* Sums over the neighbours of a row of the sites of parity `to`; v: the sites of the other parity. */
static void sum_row(const scalar_grid *g, const double *v, int to, int p, int r, double *restrict sum) {
  int n = g->row / 2, mid = g->d - 2, s = (scalar_row_odd(g, p, r) + to) & 1, end = s ? n - 1 : 0;
  long plane = staggered_plane(g), at = (long)r * n;
  const double *here = v + p * plane + at, *up = scalar_plane(g, plane, v, p + 1) + at,
               *down = scalar_plane(g, plane, v, p - 1) + at;
#pragma omp simd
  for (int x = 0; x < n; x++) sum[x] = up[x] + down[x] + here[x + s - 1] + here[x + s];
  sum[end] = up[end] + down[end] + here[n - 1] + here[0];
  for (int k = 0; k < 2 * mid; k++) {
    const double *near = v + p * plane + (long)g->near[r * 2 * mid + k] * n;
#pragma omp simd
    for (int x = 0; x < n; x++) sum[x] += near[x];
  }
}

/* u: proposal, v: decision. Returns the number accepted. */
static long decide(long n, scalar_action a, double width, const double *restrict sum, const double *restrict u,
                   const double *restrict v, double *restrict phi) {
  double hop = -2 * a.kappa, square = 1 - 2 * a.lambda, quartic = a.lambda, accepted = 0;
#pragma omp simd reduction(+ : accepted)
  for (long i = 0; i < n; i++) {
    double f = phi[i], h = f + width * (u[i] - .5), f2 = f * f, h2 = h * h;
    double dS = hop * sum[i] * (h - f) + (h2 - f2) * (square + quartic * (h2 + f2));
    double chance = exp(fmin(-dS, 0)), yes = v[i] < chance ? 1. : 0.;
    phi[i] = v[i] < chance ? h : f;
    accepted += yes;
  }
  return (long)accepted;
}

/* Returns the number accepted on the whole lattice. */
static double sweep_colour(scalar_mover *w, scalar_sweeper *s, scalar_chain *c, uint32_t draw, int colour) {
  const scalar_grid *g = w->g;
  long n = staggered_plane(g);
  double rows[g->side[0]], total;
  scalar_send(g, n, s->half[!colour]);
  for (int k = 0; k < g->planes; k++) {
    int p = scalar_next(g, k, n, s->half[!colour]);
    rng_uniform_pairs(w->stream, scalar_index(c, (uint64_t)((g->first + p) * n)), (int)n,
                      (uint32_t)c->state[SCALAR_STEPS], draw, s->u, s->v);
    for (int r = 0; r < g->rows; r++) sum_row(g, s->half[!colour], colour, p, r, s->sum + (long)r * (g->row / 2));
    rows[g->first + p] =
        (double)decide(n, c->m.action, c->state[SCALAR_TUNED], s->sum, s->u, s->v, s->half[colour] + p * n);
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

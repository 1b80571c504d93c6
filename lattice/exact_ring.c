/* exact_ring.c: ring_open, ring_close, ring_enter, ring_gates, ring_field, ring_tilt, ring_rescale, ring_add,
 * ring_thermo: layers of the Trotter lattice applied to vectors, with exact derivatives (see exact_ring.h).
 *
 * Suzuki, Phys. Rev. B 31 (1985) 2957 (exchange of the two directions); Betsuyaku, Prog. Theor. Phys. 73 (1985) 319
 * (column transfer matrix). */
#include "lattice/exact_ring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int ring_sectors(const ring *r) {
  return r->conserved ? r->length + 1 : 2;
}

int ring_sector_of(const ring *r, int state) {
  int down = __builtin_popcount((unsigned)state);
  return r->conserved ? down : down & 1;
}

size_t ring_capacity(const ring *r) {
  if (!r->conserved) return (size_t)1 << (r->length - 1);
  double most = 1;
  for (int k = 1; k <= r->length / 2; k++) most *= (double)(r->length + 1 - k) / k;
  return (size_t)llround(most);
}

/* Weights over the largest of the four, and their derivatives by beta: W' = -F W, W'' = (F^2 - G) W. */
static void fill_weights(ring *r, int lane, const trotter_weights *w) {
  static const int type[2][2][2] = {{{TROTTER_PARALLEL, TROTTER_FLIP}, {TROTTER_STRAIGHT, TROTTER_CROSSING}},
                                    {{TROTTER_CROSSING, TROTTER_FLIP}, {TROTTER_STRAIGHT, TROTTER_PARALLEL}}};
  double most = -INFINITY;
  for (int a = 0; a < TROTTER_ILLEGAL; a++) most = fmax(most, w->lnW[a]);
  for (int k = 0; k < 4; k++) {
    int a = type[r->columns][k / 2][k % 2];
    ring_lanes *x = r->weight[k / 2][k % 2];
    double W = exp(w->lnW[a] - most);
    x[0][lane] = W;
    x[1][lane] = -w->F[a] * W;
    x[2][lane] = (w->F[a] * w->F[a] - w->G[a]) * W;
    x[3][lane] = 2 * x[1][lane];
  }
  r->unit[lane] = most * r->length / 2;
}

/* Entry k belongs to a layer with sum of spins k - L: M_layer = (k - L)/(2 rows). */
static void fill_tilt(ring *r, int lane) {
  double by = r->beta[lane] * r->t->field / (2 * r->t->rows), most = fabs(by) * r->length;
  for (int k = 0; k <= 2 * r->length; k++) r->tilt[k][lane] = exp(by * (k - r->length) - most);
  r->unit[lane] += most;
}

int ring_open(ring *r, const trotter *t, bool columns, const double beta[RING_LANES], int width, err *e) {
  *r = (ring){.t = t, .columns = columns, .conserved = t->six_vertex, .width = width};
  r->length = columns ? t->rows : t->sites;
  r->layers = columns ? t->sites : t->rows;
  size_t states = ring_capacity(r), lane = sizeof(ring_lanes);
  r->state = malloc(states * sizeof *r->state);
  r->rank = malloc(sizeof(int) << r->length);
  r->tilt = aligned_alloc(lane, lane * (2 * (size_t)r->length + 1));
  r->v = aligned_alloc(lane, lane * states * (size_t)width);
  if (!r->state || !r->rank || !r->tilt || !r->v)
    return err_set(e, ERR_RUN, "no memory for a transfer matrix of %d spins", r->length);
  for (int k = 0; k < RING_LANES; k++) {
    trotter_weights w = trotter_weigh(t, beta[k]);
    r->beta[k] = beta[k];
    fill_weights(r, k, &w);
    fill_tilt(r, k);
  }
  return 0;
}

void ring_close(ring *r) {
  free(r->state), free(r->rank), free(r->tilt), free(r->v);
}

void ring_enter(ring *r, int sector) {
  r->sector = sector, r->nstates = 0;
  for (int x = 0; x < 1 << r->length; x++)
    if (ring_sector_of(r, x) == sector) r->rank[x] = r->nstates, r->state[r->nstates++] = x;
  memset(r->v, 0, sizeof(ring_lanes) * (size_t)r->nstates * (size_t)r->width);
  r->log = r->shift = (ring_lanes){0};
}

/* ---- gates ---- */
/* x = w x, and x, y = (w x + o y, w y + o x): by Leibniz' rule in the derivatives. */
static inline __attribute__((always_inline)) void times(ring_lanes *x, const ring_lanes *w, int width) {
  if (width > 1) {
    x[2] = w[0] * x[2] + w[3] * x[1] + w[2] * x[0];
    x[1] = w[0] * x[1] + w[1] * x[0];
    x[3] *= w[0], x[4] *= w[0];
  }
  x[0] *= w[0];
}

static inline __attribute__((always_inline)) void mix(ring_lanes *x, ring_lanes *y, const ring_lanes *w,
                                                      const ring_lanes *o, int width) {
  ring_lanes a[RING_JET], b[RING_JET], c[RING_JET], d[RING_JET];
  for (int k = 0; k < width; k++) a[k] = c[k] = x[k], b[k] = d[k] = y[k];
  times(a, w, width), times(b, w, width);
  times(c, o, width), times(d, o, width);
  for (int k = 0; k < width; k++) x[k] = a[k] + d[k], y[k] = b[k] + c[k];
}

static inline __attribute__((always_inline)) void gate(ring *r, int i, int j, int width) {
  int both = 1 << i | 1 << j;
  for (int k = 0; k < r->nstates; k++) {
    int s = r->state[k], unequal = (s >> i ^ s >> j) & 1;
    ring_lanes *x = r->v + (size_t)k * (size_t)width;
    if (!unequal && r->conserved)
      times(x, r->weight[0][0], width);
    else if ((s ^ both) > s)
      mix(x, r->v + (size_t)r->rank[s ^ both] * (size_t)width, r->weight[unequal][0], r->weight[unequal][1], width);
  }
}

void ring_gates(ring *r, int layer) {
  for (int p = layer % 2; p < r->length; p += 2) {
    int left = (p + r->length - 1) % r->length;
    if (r->width > 1)
      gate(r, left, p, RING_JET);
    else
      gate(r, left, p, 1);
  }
}

/* Sum of the spins s of a layer. */
static int spin_sum(const ring *r, int state, int layer) {
  unsigned even = 0x55555555u, s = (unsigned)state;
  if (!r->columns) return r->length - 2 * __builtin_popcount(s);
  int sum = 2 * (__builtin_popcount(s & ~even) - __builtin_popcount(s & even));
  return layer % 2 ? -sum : sum;
}

void ring_field(ring *r, int layer) {
  double h = r->t->field;
  if (r->width == 1 && h == 0) return;
  for (int k = 0; k < r->nstates; k++) {
    ring_lanes *x = r->v + (size_t)k * (size_t)r->width;
    int sum = spin_sum(r, r->state[k], layer);
    if (r->width > 1) {
      double a = sum / (2. * r->t->rows), b = h * a;
      x[4] += a * (2 * x[3] + a * x[0]), x[3] += a * x[0];
      x[2] += b * (2 * x[1] + b * x[0]), x[1] += b * x[0];
    }
    for (int c = 0; c < r->width && h != 0; c++) x[c] *= r->tilt[sum + r->length];
  }
}

double ring_tilt(const ring *r, int state, int layer) {
  return r->tilt[spin_sum(r, state, layer) + r->length][0];
}

void ring_rescale(ring *r) {
  ring_lanes top = {0}, slope = {0}, by, d;
  int w = r->width, at = w > 1;
  for (ring_lanes *x = r->v; x < r->v + (size_t)r->nstates * (size_t)w; x += w)
    for (int k = 0; k < RING_LANES; k++) {
      slope[k] = x[0][k] > top[k] ? x[at][k] : slope[k];
      top[k] = x[0][k] > top[k] ? x[0][k] : top[k];
    }
  for (int k = 0; k < RING_LANES; k++) by[k] = top[k] > 0 ? 1 / top[k] : 0, r->log[k] += top[k] > 0 ? log(top[k]) : 0;
  d = slope * by;
  if (w > 1) r->shift += d;
  for (ring_lanes *x = r->v; x < r->v + (size_t)r->nstates * (size_t)w; x += w) {
    if (w > 1) {
      x[2] = by * (x[2] + d * (d * x[0] - 2 * x[1]));
      x[1] = by * (x[1] - d * x[0]);
      x[3] *= by, x[4] *= by;
    }
    x[0] *= by;
  }
}

/* ---- sums of lanes ---- */
/* The same number about another shift. */
static void move(ring_number *z, double shift) {
  double d = z->shift - shift;
  z->v[2] += d * (d * z->v[0] + 2 * z->v[1]);
  z->v[1] += d * z->v[0];
  z->shift = shift;
}

void ring_add(ring_number *sum, ring_number x) {
  if (!(x.v[0] > 0)) return;
  if (x.log > sum->log) {
    ring_number t = *sum;
    *sum = x, x = t;
  }
  double by = exp(x.log - sum->log);
  if (!(by > 0)) return;
  move(&x, sum->shift);
  for (int k = 0; k < RING_JET; k++) sum->v[k] += by * x.v[k];
}

chain_thermo ring_thermo(const ring *r, int lane, ring_number z) {
  double d1 = z.v[1] / z.v[0], d2 = z.v[2] / z.v[0], u1 = z.v[3] / z.v[0], u2 = z.v[4] / z.v[0];
  return chain_derive(r->t->sites, r->beta[lane], z.log + log(z.v[0]) + r->layers * r->unit[lane], z.shift + d1,
                      d2 - d1 * d1, u1, u2 - u1 * u1);
}

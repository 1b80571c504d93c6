/* exact_enumerate.c: exact_enumerate: sums over all 2^n states, n <= 24, for any couplings and fields.
 *
 * States come in blocks: the high spins stand still, the low ones (at most 8) walk through a Gray code (F. Gray, US
 * patent 2632058), one flip per state: E += 2 s_i (sum_j J_ij s_j + h_i). Energies and fields are computed anew for
 * each block, so rounding does not pile up. A first pass finds the lowest energy, the second adds exp(-beta (E -
 * E_min)), which cannot overflow and keeps c exact at low temperature. Without fields the last spin is held at +1: Z is
 * twice the sum. */
#include <math.h>
#include <stdlib.h>

#include "lattice/exact.h"

enum { SPINS_MAX = 24, LOW_MAX = 8, BLOCK = 1 << LOW_MAX, CHUNK = 16 };

typedef struct walk {
  const ising *m;
  int low, free; /* spins that walk within a block; spins that take both values */
  int start[LOW_MAX + 1], neighbour[LOW_MAX * LOW_MAX]; /* bonds among the low spins */
  double J[LOW_MAX * LOW_MAX];
  double E[BLOCK];
  int M[BLOCK];
} walk;

typedef struct sums {
  long double w, E, EE, M, MM, MMMM; /* of weights, and weights times E - E_min, ..., |M|, M^2, M^4 */
} sums;

static void walk_open(walk *w, const ising *m) {
  const lattice *l = m->lat;
  w->m = m;
  w->free = m->h ? l->n : l->n - 1;
  w->low = w->free < LOW_MAX ? w->free : LOW_MAX;
  int n = w->start[0] = 0;
  for (int i = 0; i < w->low; i++) {
    for (int k = l->start[i]; k < l->start[i + 1]; k++)
      if (l->neighbour[k] < w->low) w->neighbour[n] = l->neighbour[k], w->J[n++] = m->J[l->via[k]];
    w->start[i + 1] = n;
  }
}

/* Fills E and M of block `high`; returns the lowest energy in it. */
static double walk_block(walk *w, long high) {
  int8_t s[SPINS_MAX];
  double field[LOW_MAX], E, lowest;
  int n = w->m->lat->n, M, size = 1 << w->low;
  for (int i = 0; i < n; i++) s[i] = i >= w->low && high >> (i - w->low) & 1 ? -1 : 1;
  for (int i = 0; i < w->low; i++) field[i] = ising_local(w->m, s, i);
  w->E[0] = lowest = E = ising_energy(w->m, s);
  w->M[0] = M = ising_mag(w->m, s);
  for (int t = 1; t < size; t++) {
    int i = __builtin_ctz((unsigned)t), twice = 2 * s[i];
    w->E[t] = E += twice * field[i];
    w->M[t] = M -= twice;
    s[i] = (int8_t)-s[i];
    for (int k = w->start[i]; k < w->start[i + 1]; k++) field[w->neighbour[k]] -= twice * w->J[k];
    if (E < lowest) lowest = E;
  }
  return lowest;
}

/* Short sums in double, their total in long double: rounding stays near 1e-16. */
static void add_chunk(sums *all, const walk *w, int first, int end, double beta, double lowest) {
  double a = 0, b = 0, c = 0, d = 0, f = 0, g = 0;
  for (int t = first; t < end; t++) {
    double E = w->E[t] - lowest, p = exp(-beta * E), M = abs(w->M[t]), M2 = M * M;
    a += p, b += p * E, c += p * E * E;
    d += p * M, f += p * M2, g += p * M2 * M2;
  }
  all->w += a, all->E += b, all->EE += c, all->M += d, all->MM += f, all->MMMM += g;
}

static void add_block(sums *all, const walk *w, double beta, double lowest) {
  int size = 1 << w->low, step = size < CHUNK ? size : CHUNK;
  for (int t = 0; t < size; t += step) add_chunk(all, w, t, t + step, beta, lowest);
}

static void report(exact_ising *x, const sums *a, const ising *m, double beta, double lowest) {
  long double n = m->lat->n, E = a->E / a->w, M = a->M / a->w, MM = a->MM / a->w;
  long double lnZ = logl(a->w) + (m->h ? 0 : logl(2)) - (long double)beta * lowest;
  exact_thermal(x, (double)n, beta, (double)lnZ, (double)-(lowest + E), (double)(a->EE / a->w - E * E));
  x->m_abs = (double)(M / n);
  x->chi = (double)(beta * (MM - M * M) / n);
  x->m2 = (double)(MM / (n * n));
  x->m4 = (double)(a->MMMM / a->w / (n * n * n * n));
}

int exact_enumerate(exact_ising *x, const ising *m, double beta, err *e) {
  *x = exact_unknown();
  if (m->lat->n > SPINS_MAX) return err_set(e, ERR_RUN, "enumeration of %d spins: at most %d", m->lat->n, SPINS_MAX);
  if (!(beta > 0) || !isfinite(beta)) return err_set(e, ERR_RUN, "enumeration: beta = %g must be positive", beta);
  walk *w = malloc(sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "no memory for an enumeration");
  walk_open(w, m);
  sums all = {0};
  double lowest = INFINITY;
  long blocks = 1L << (w->free - w->low);
  for (long b = 0; b < blocks; b++) lowest = fmin(lowest, walk_block(w, b));
  for (long b = 0; b < blocks; b++) {
    walk_block(w, b);
    add_block(&all, w, beta, lowest);
  }
  report(x, &all, m, beta, lowest);
  free(w);
  return 0;
}

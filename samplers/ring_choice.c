/* ring_choice.c: see ring_choice.h. Currents are 16-bit integers, lanes innermost. */
#include "samplers/ring_choice.h"

#include <stdint.h>
#include <string.h>

typedef struct work {
  int16_t *A;         /* (L, S) current through bond i so far                                           */
  int16_t *lo, *hi;   /* (T, L, S) Jmin, Jmax of bond i from layer l (of T) to the return               */
  int16_t *from, *to; /* (S) interval of w that every decision so far, and every pair to come, allows */
  int16_t *row;       /* (L, S) of the greedy evolution                                                 */
} work;

static work places(ring_choice c, void *memory, int S) {
  size_t row = (size_t)c.length * (size_t)S, all = row * (size_t)c.layers;
  work w;
  w.A = memory, w.row = w.A + row, w.lo = w.row + row, w.hi = w.lo + all, w.from = w.hi + all, w.to = w.from + S;
  return w;
}

size_t ring_choice_bytes(ring_choice c, int S) {
  size_t row = (size_t)c.length * (size_t)S;
  return (2 * row + 2 * row * (size_t)c.layers + 2 * (size_t)S) * sizeof(int16_t);
}

static int bond_of(ring_choice c, int l, int p) { /* of the pair that holds p in layer l; its left member */
  return (p - l) % 2 ? p : (p + c.length - 1) % c.length;
}

/* Backwards through the pairs of layer l: particles at b (sign +1: at a) go to a (to b) where they can. */
static void greedy_layer(ring_choice c, int l, int S, int sign, int16_t *row, int16_t *J) {
  for (int b = l % 2; b < c.length; b += 2) {
    int a = (b + c.length - 1) % c.length;
    int16_t *na = row + (size_t)a * S, *nb = row + (size_t)b * S, *j = J + (size_t)a * S;
    for (int i = 0; i < S; i++) {
      int16_t move = (int16_t)(na[i] * sign < nb[i] * sign); /* unequal, and the particle on the right side */
      int16_t keep = na[i];
      j[i] = (int16_t)(j[i] + sign * move);
      na[i] = move ? nb[i] : na[i], nb[i] = move ? keep : nb[i];
    }
  }
}

/* Bounds of all layers, once layer 0 is known. */
static void bound(ring_choice c, const work *w, const nn_real *x, int S) {
  size_t row = (size_t)c.length * (size_t)S;
  for (int sign = -1; sign <= 1; sign += 2) {
    int16_t *J = sign > 0 ? w->hi : w->lo;
    for (size_t i = 0; i < row; i++) w->row[i] = (int16_t)x[i];
    memset(J + (size_t)(c.layers - 1) * row, 0, row * sizeof *J);
    for (int l = c.layers; l > 1; l--) {
      int16_t *at = J + (size_t)(l - 1) * row;
      greedy_layer(c, l, S, sign, w->row, at);
      if (l > 2) memcpy(at - row, at, row * sizeof *at);
    }
  }
  memset(w->A, 0, row * sizeof *w->A);
}

/* The interval of w at the beginning of layer l: nothing in it is decided yet. */
static void open_layer(ring_choice c, const work *w, const nn_real *x, int l, int S) {
  for (int i = 0; i < S; i++) w->from[i] = INT16_MIN, w->to[i] = INT16_MAX;
  for (int b = 0; b < c.length; b++) {
    size_t at = (size_t)b * S, bounds = ((size_t)l * c.length + b) * S;
    const nn_real *left = x + ((size_t)(l - 1) * c.length + b) * S;
    const nn_real *right = x + ((size_t)(l - 1) * c.length + (b + 1) % c.length) * S;
    int touched = (b + 1 - l) % 2 == 0;
    for (int i = 0; i < S; i++) {
      int d = touched ? (int)(left[i] - right[i]) / 2 : 0; /* +1: a particle may move right */
      int from = w->lo[bounds + i] + w->A[at + i] + (d < 0 ? d : 0);
      int to = w->hi[bounds + i] + w->A[at + i] + (d > 0 ? d : 0);
      w->from[i] = (int16_t)(from > w->from[i] ? from : w->from[i]);
      w->to[i] = (int16_t)(to < w->to[i] ? to : w->to[i]);
    }
  }
}

/* Position t-1, the first of its pair, has got its value. */
static void settle(ring_choice c, const work *w, const nn_real *x, int t, int S) {
  int l = (t - 1) / c.length, p = (t - 1) % c.length;
  if (l < 1 || !ring_choice_first(c, l, p)) return;
  int b = bond_of(c, l, p), side = b == p ? 1 : -1;
  const nn_real *now = x + (size_t)(t - 1) * S, *was = now - (size_t)c.length * S;
  int16_t *A = w->A + (size_t)b * S;
  const int16_t *lo = w->lo + ((size_t)l * c.length + b) * S, *hi = w->hi + ((size_t)l * c.length + b) * S;
  for (int i = 0; i < S; i++) {
    A[i] = (int16_t)(A[i] + side * (int)(was[i] - now[i]) / 2); /* a particle left p: to the right if p is left */
    int from = lo[i] + A[i], to = hi[i] + A[i];
    w->from[i] = (int16_t)(from > w->from[i] ? from : w->from[i]);
    w->to[i] = (int16_t)(to < w->to[i] ? to : w->to[i]);
  }
}

void ring_choice_pass(ring_choice c, void *memory, const nn_real *x, int t, int S) {
  work w = places(c, memory, S);
  if (t == c.length) bound(c, &w, x, S);
  if (t < c.length) return;
  settle(c, &w, x, t, S);
  if (t % c.length == 0) open_layer(c, &w, x, t / c.length, S);
}

void ring_choice_ask(ring_choice c, void *memory, const nn_real *x, int t, int S, signed char *can[2]) {
  int l = t / c.length, p = t % c.length, b = bond_of(c, l, p);
  ring_choice_pass(c, memory, x, t, S);
  work w = places(c, memory, S);
  const nn_real *left = x + ((size_t)(l - 1) * c.length + b) * S;
  const nn_real *right = x + ((size_t)(l - 1) * c.length + (b + 1) % c.length) * S;
  const int16_t *A = w.A + (size_t)b * S;
  const int16_t *lo = w.lo + ((size_t)l * c.length + b) * S, *hi = w.hi + ((size_t)l * c.length + b) * S;
  for (int i = 0; i < S; i++) {
    int d = (int)(left[i] - right[i]) / 2, from = lo[i] + A[i], to = hi[i] + A[i];
    can[0][i] = (from > w.from[i] ? from : w.from[i]) <= (to < w.to[i] ? to : w.to[i]);
    from += d, to += d;
    can[1][i] = d != 0 && (from > w.from[i] ? from : w.from[i]) <= (to < w.to[i] ? to : w.to[i]);
  }
}

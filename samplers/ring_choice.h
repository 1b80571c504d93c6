/* ring_choice.h: which choices leave a completion when a six-vertex lattice (K- = 0) is drawn layer by layer.
 *
 * A ring of L variables +-1 evolves through T layers and must return to layer 0. Layer l follows from layer l-1 by
 * pairs (p-1, p), p = l modulo 2: equal pairs stay, unequal ones stay or exchange, so particles (+1) move by one bond.
 * Let A(i) be the net current through bond i = (i, i+1) so far. To return, the current still to come must be w - A(i)
 * with one integer w (the winding) for all bonds; a completion exists iff some w has Jmin(i) <= w - A(i) <= Jmax(i) for
 * all i, where Jmax and Jmin are the currents of the greedy evolutions that move every particle that can move right
 * (left), here backwards in time from layer 0. (Checked against brute force for complete rows:
 * shared/bench/proto_sixvertex_ feasibility.py; for every prefix: tests/test_ring_choice.c.) Within a layer each
 * decision narrows the interval of w; an undecided pair still allows the union of its two intervals, which is an
 * interval.
 *
 * One object serves S samples (lanes) of one worker. Positions t = l L + p come in ascending order; the object is told
 * of a position's value by the next call. Local; allocates nothing after opening. */
#ifndef SAMPLERS_RING_CHOICE_H
#define SAMPLERS_RING_CHOICE_H

#include <stddef.h>

#include "nn/real.h"

typedef struct ring_choice {
  int length, layers; /* both even */
} ring_choice;

/* Bytes of work for S lanes; aligned to 64, need not be cleared. */
size_t ring_choice_bytes(ring_choice c, int S);
/* Is p the one of its pair in layer l that is drawn first? The other follows. */
static inline int ring_choice_first(ring_choice c, int l, int p) {
  return l % 2 ? p % 2 == 0 : p == 0 || (p % 2 && p != c.length - 1);
}
/* Position t >= length, a first one; x (positions, S) known before t. can[0] (S): t may stay what it was in the layer
 * before; can[1] (S): it may become the opposite. At least one is 1. */
void ring_choice_ask(ring_choice c, void *work, const nn_real *x, int t, int S, signed char *can[2]);
/* Every other position, in turn. */
void ring_choice_pass(ring_choice c, void *work, const nn_real *x, int t, int S);

#endif

/* order.h: which spins a neural sampler draws, in which order, and what the conditional of each may depend on.
 *
 * With heat_bath an independent set of sites (no two are neighbours; the odd sublattice of a square lattice, a third of
 * a triangular one) is left out and drawn exactly given the others. The drawn spins then interact through *factors*:
 * bonds between two drawn spins, and for every left-out site the set of its neighbours. Frontier of position t: earlier
 * positions that share a factor with an undrawn spin of t's connected component of the undrawn spins. By the Markov
 * property p(s_t | earlier) depends on the frontier only. Local. */
#ifndef SAMPLERS_ORDER_H
#define SAMPLERS_ORDER_H

#include "lattice/ising.h"
#include "nn/zoo.h"

typedef struct order {
  int n, nrest;     /* drawn and left-out sites, n + nrest = sites */
  int rows, cols;   /* the drawn sites as a grid in raster order; cols = 0: none */
  int *site;        /* (n) site of position t       */
  int *position;    /* (sites) position of a drawn site, -1 for left-out ones */
  int *rest;        /* (nrest) left-out sites       */
  nn_causal causal; /* lists for the network builders, owned here */
} order;

int order_new(order **o, const ising *m, bool heat_bath, err *e);
void order_free(order *o);

#endif

/* grow.h: the first parameters of a causal network on a grid from those of the same network trained on a smaller grid:
 * far from the borders of a large lattice a conditional is what it is in the middle of a small one. Local. */
#ifndef NN_GROW_H
#define NN_GROW_H

#include "nn/zoo.h"

typedef struct nn_growth {
  int from[2], to[2]; /* rows and columns of the small and of the large grid */
} nn_growth;
/* The position of the small grid whose parameters position t takes: as far from the nearer border, one of the middle
 * for all others, rows (which may take turns, as sublattices do) of the same parity. */
int nn_growth_donor(const nn_growth *w, int t);
/* The position of the small grid that lies from the donor of t as u lies from t (periodically, the shorter way); -1:
 * the small grid does not reach that far. */
int nn_growth_like(const nn_growth *w, int t, int u);

/* theta (of graph g on the grid of c, initialised) from `old` (of graph `small` on that of cs). ERR_FILE: other nodes,
 * no grid, a grid that is smaller or has an odd number of rows more, or an op that cannot. */
int nn_grow(const nn_graph *small, const nn_causal *cs, const nn_real *old, const nn_graph *g, const nn_causal *c,
            nn_real *theta, err *e);

#endif

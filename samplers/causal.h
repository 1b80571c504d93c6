/* causal.h: what the conditionals of a drawing order may depend on, from the factors of the weight: for the network
 * builders (nn/zoo.h). A factor is a set of positions that interact (a bond, a plaquette, the neighbours of a site that
 * was summed over). Frontier of position t: earlier positions that share a factor with an undrawn position of t's
 * connected component of the undrawn ones. By the Markov property p(x_t | earlier) depends on the frontier only. Local.
 */
#ifndef SAMPLERS_CAUSAL_H
#define SAMPLERS_CAUSAL_H

#include "nn/zoo.h"

typedef struct factors {
  int n, *start, *member; /* factor k: positions member[start[k]] .. member[start[k+1]-1] */
} factors;

/* First guess of the linear weight of the logit of position t on position u < t of its frontier. */
typedef double causal_guess(const void *ctx, int t, int u);

/* Lists of n positions, rows x cols in raster order (cols = 0: no grid). Where idle[t] (NULL: nowhere) position t is no
 * choice: it gets empty lists. 24 bytes for each pair of positions. Nonzero: out of memory. Free with causal_free. */
int causal_build(nn_causal *c, int rows, int cols, int n, const factors *f, const bool *idle, causal_guess *guess,
                 const void *ctx);
void causal_free(nn_causal *c);
/* The factors of every position: those of p are list[start[p]] .. list[start[p+1]-1]. The caller frees both. */
int factors_index(const factors *f, int n, int **start, int **list);

#endif

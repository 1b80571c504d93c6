/* zoo.h: builders of whole networks from words in the deck (section `net`), one file each. All are causal: they take
 * the drawn spins x (positions, 1) in order and give one logit z (positions, 1) per position that depends on earlier
 * ones only. */
#ifndef NN_ZOO_H
#define NN_ZOO_H

#include "base/deck.h"
#include "nn/graph.h"

/* What a builder may know of the problem; all pointers must outlive the graph. */
typedef struct nn_causal {
  int rows, cols; /* positions as a grid in raster order; cols = 0 where there is none */
  int positions;
  const int *start, *list;                     /* frontier: earlier positions that position t depends on exactly    */
  const int *all_start, *all_list;             /* every earlier position                                    */
  const int *own_start, *own_list;             /* position t itself                                         */
  const double *start_value, *all_start_value; /* first guess of the linear weights, or NULL    */
} nn_causal;

typedef struct nn_zoo {
  deck_kind kind; /* first member */
  size_t conf_size;
  /* Appends nodes after input `x`; returns the number of the output node or -1. */
  int (*build)(nn_graph *g, int x, const nn_causal *c, const void *conf, err *e);
} nn_zoo;
extern const deck_kind *const nn_zoo_kinds[]; /* made, pixelcnn, sites */
extern const deck_key nn_net_keys[];          /* keys of every network: skip, from, grow */

typedef struct nn_net_conf {
  int skip;
  const char *from, *grow;
} nn_net_conf;

/* Section `net` of the deck -> finished graph (input node 0). Caller frees. */
int nn_zoo_build(nn_graph **g, const nn_causal *c, const deck *d, err *e);

#endif

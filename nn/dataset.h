/* dataset.h: where samples come from. A dataset is a number of samples and a function that lays some of them out as the
 * lanes of a shard; the loop of nn/fit.h and nn/crew.h decide which. */
#ifndef NN_DATASET_H
#define NN_DATASET_H

#include <stdbool.h>

#include "base/err.h"
#include "base/rng.h"
#include "nn/real.h"

/* Room for one shard: lane i of every array holds sample i. Number r of an array stands at [r * lanes + lane], r
 * running over (position, channel). Lanes without a sample stay zero. */
typedef struct nn_lanes {
  int lanes;
  nn_real *const *x; /* [input node in the order of the graph] (positions, channels, lanes) */
  nn_real *target;   /* (positions, targets, lanes); NULL where nobody asks; NaN: missing */
  nn_real *weight;   /* (lanes), 1 unless fetch says otherwise */
  int *length;       /* (lanes) positions along extent[0] of the first input that hold data, all of them unless fetch
                        says otherwise */
} nn_lanes;

typedef struct nn_dataset {
  void *ctx;
  long count;
  bool lengths; /* fetch sets them */
  /* Sample index[i] becomes lane i, i < n. Called by several threads at once, on their own lanes. */
  int (*fetch)(void *ctx, int n, const long *index, const nn_lanes *to, err *e);
  /* In training each lane is passed through this (may be NULL); numbers come from (r, index, pass). */
  void (*augment)(void *ctx, long index, int lane, rng r, uint32_t pass, const nn_lanes *to);
} nn_dataset;

/* Number i of epoch `pass` in a shuffled order of count samples: a keyed permutation of 0 .. count-1, a pure function.
 */
long nn_shuffle(rng r, uint32_t pass, long count, long i);

#endif

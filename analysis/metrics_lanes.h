/* metrics_lanes.h: METRICS_LANES replicates side by side in vector registers, for the files of the metrics only. */
#ifndef ANALYSIS_METRICS_LANES_H
#define ANALYSIS_METRICS_LANES_H

#include "analysis/metrics.h"

typedef uint16_t metrics_u16 __attribute__((vector_size(2 * METRICS_LANES)));
typedef uint32_t metrics_u32 __attribute__((vector_size(4 * METRICS_LANES)));
typedef uint64_t metrics_u64 __attribute__((vector_size(8 * METRICS_LANES)));

#define METRICS_WIDE(x) __builtin_convertvector(x, metrics_u64)

static inline metrics_u32 metrics_weight(const uint16_t *w, uint32_t entry) {
  return __builtin_convertvector(((const metrics_u16 *)w)[entry >> 2], metrics_u32);
}

/* Weights on the positive and on the negative side. */
static inline void metrics_totals(const metrics_rank *r, const uint16_t *w, metrics_u32 *positive,
                                  metrics_u32 *negative) {
  metrics_u32 side[2] = {{0}, {0}};
  for (long i = 0; i < r->m; i++) side[r->entry[i] >> 1 & 1] += metrics_weight(w, r->entry[i]);
  *positive = side[1], *negative = side[0];
}

/* Walks down from the largest score by groups of ties: `cut` sees the weights above and within each group. */
typedef struct metrics_cut {
  metrics_u32 tp, fp, tp_here, fp_here; /* tp, fp include the group */
} metrics_cut;
static inline bool metrics_cut_next(const metrics_rank *r, const uint16_t *w, long *i, metrics_cut *c) {
  metrics_u32 side[2] = {{0}, {0}};
  if (*i < 0) return false;
  do side[r->entry[*i] >> 1 & 1] += metrics_weight(w, r->entry[*i]);
  while (--*i >= 0 && !(r->entry[*i] & 1));
  c->tp_here = side[1], c->fp_here = side[0];
  c->tp += side[1], c->fp += side[0];
  return true;
}

#endif

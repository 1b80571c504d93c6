/* chain_clusters.h: connected clusters of active bonds by union and find. Parents never exceed their children, so one
 * ascending pass flattens the forest. Rem's algorithm (Dijkstra 1976; Patwary, Blair, Manne, SEA 2010: the fastest of
 * its kind). */
#ifndef SAMPLERS_CHAIN_CLUSTERS_H
#define SAMPLERS_CHAIN_CLUSTERS_H

#include <stdint.h>

static inline void clusters_join(int32_t *parent, int32_t a, int32_t b) {
  int32_t pa = parent[a], pb = parent[b];
  while (pa != pb) {
    if (pa < pb) {
      int32_t t = a;
      a = b, b = t, t = pa, pa = pb, pb = t;
    }
    parent[a] = pb; /* a hangs on a smaller parent from now on */
    if (a == pa) return;
    a = pa;
    pa = parent[a];
  }
}

/* Every parent becomes the root, the smallest member. */
static inline void clusters_flatten(int32_t *parent, int32_t n) {
  for (int32_t i = 0; i < n; i++) parent[i] = parent[parent[i]];
}

#endif

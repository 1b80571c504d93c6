/* replicas.h: independent replicas of a Markov chain, whatever it moves: what training asks of the families in chain.h
 * and worldline.h. A rank holds n of them, dealt in contiguous ranges of `unit` replicas. All local. */
#ifndef SAMPLERS_REPLICAS_H
#define SAMPLERS_REPLICAS_H

#include <stdint.h>

#include "base/run.h"

enum { REPLICAS_ITEMS = 3 };
typedef struct replica_set {
  void *chain; /* owned; NULL: none */
  int unit, n;
  long thermalisation; /* sweeps that the deck wants first */
  const int64_t *sweeps;
  void (*free)(void *chain);
  void (*advance)(void *chain, long n, long thermalisation);       /* sweeps; how many of all are to thermalise */
  void (*spins)(const void *chain, int replica, int8_t *s);        /* (sites) of replica 0..n-1 of this rank */
  int (*items)(const void *chain, run_item items[REPLICAS_ITEMS]); /* its whole state; returns their number */
} replica_set;

#endif

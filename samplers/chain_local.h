/* chain_local.h: single-spin updates on any graph, one replica at a time. Metropolis and heat bath differ only in the
 * chance of "up" given the old spin and its local field. */
#ifndef SAMPLERS_CHAIN_LOCAL_H
#define SAMPLERS_CHAIN_LOCAL_H

#include "samplers/chain.h"

/* P(new spin = +1 | old spin s, x = 2 beta (sum_j J_ij s_j + h_i)). */
typedef double (*chain_up)(int s, double x);

int chain_local_init(chain *c, chain_up up, err *e);
void chain_local_done(chain *c);
void chain_local_sweep(chain *c, int unit, uint32_t step, int flags, void *work);

/* Spins stored as bytes, one replica after the other (members with unit 1). */
void chain_bytes_get(const chain *c, int replica, int8_t *s);
void chain_bytes_put(chain *c, int replica, const int8_t *s);
static inline int8_t *chain_bytes(const chain *c, int replica) {
  return c->spins + c->unit_bytes * (size_t)replica;
}

#endif

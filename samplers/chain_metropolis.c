/* chain_metropolis.c: Metropolis updates on any graph (Metropolis et al., J. Chem. Phys. 21 (1953) 1087): the flip of
 * s_i costs dE = 2 s_i (sum_j J_ij s_j + h_i) and is accepted with chance 15/16 min(1, exp(-beta dE)).
 *
 * Why 15/16: sites are visited in a fixed order, and if moves without cost were always made, a configuration in which
 * no site feels a field would become its own mirror image in every sweep, for ever. Such closed orbits make the
 * textbook rule non-ergodic (3 x 3 torus, beta = .6: the distribution stays 1.5 % away from Boltzmann's in total
 * variation). With the factor every configuration follows every other in one sweep with positive chance. */
#include <math.h>

#include "samplers/chain_local.h"

static double up(int s, double x) {
  double flip = .9375 * (s * x <= 0 ? 1 : exp(-s * x));
  return s > 0 ? 1 - flip : flip;
}

static int applies(const ising *m, err *e) {
  return 0;
}

static int init(chain *c, const void *conf, err *e) {
  return chain_local_init(c, up, e);
}

const chain_type chain_metropolis = {
    .kind = {"metropolis", "single-spin Metropolis on any graph (square torus without field: multispin is far faster)",
             NULL},
    .tag = "metropolis",
    .unit = 1,
    .applies = applies,
    .init = init,
    .done = chain_local_done,
    .sweep = chain_local_sweep,
    .get = chain_bytes_get,
    .put = chain_bytes_put,
};

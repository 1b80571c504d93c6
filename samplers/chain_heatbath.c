/* chain_heatbath.c: heat bath (Gibbs) updates on any graph (Glauber, J. Math. Phys. 4 (1963) 294; Geman and Geman
 * 1984): the new spin is drawn from its conditional, P(+1) = 1 / (1 + exp(-2 beta (sum_j J_ij s_j + h_i))). */
#include <math.h>

#include "samplers/chain_local.h"

static double up(int s, double x) {
  return 1 / (1 + exp(-x));
}

static int applies(const ising *m, err *e) {
  return 0;
}

static int init(chain *c, const void *conf, err *e) {
  return chain_local_init(c, up, e);
}

const chain_type chain_heatbath = {
    .kind = {"heatbath", "single-spin heat bath on any graph", NULL},
    .tag = "heatbath",
    .unit = 1,
    .applies = applies,
    .init = init,
    .done = chain_local_done,
    .sweep = chain_local_sweep,
    .get = chain_bytes_get,
    .put = chain_bytes_put,
};

/* model_ferromagnet.c: J = +1 on every bond (Ising, Z. Phys. 31 (1925) 253). */
#include "lattice/ising.h"

static int build(ising *m, const void *conf, err *e) {
  for (int b = 0; b < m->lat->nbonds; b++) m->J[b] = 1;
  return 0;
}

const lattice_model lattice_model_ferromagnet = {{"ferromagnet", "J = 1 on every bond", NULL}, build, 0};

/* model_antiferromagnet.c: J = -1 on every bond; frustrated on the triangular lattice (Wannier, Phys. Rev. 79 (1950)
 * 357). */
#include "lattice/ising.h"

static int build(ising *m, const void *conf, err *e) {
  for (int b = 0; b < m->lat->nbonds; b++) m->J[b] = -1;
  return 0;
}

const lattice_model lattice_model_antiferromagnet = {{"antiferromagnet", "J = -1 on every bond", NULL}, build, 0};

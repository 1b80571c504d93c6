/* trotter_xxx.c: Jx = Jy = Jz = J: the isotropic chain (Heisenberg, Z. Phys. 49 (1928) 619; Bethe, Z. Phys. 71 (1931)
 * 205). */
#include "lattice/trotter.h"

typedef struct conf {
  double J;
} conf;

static const deck_key keys[] = {{"J", DECK_REAL, offsetof(conf, J), NULL, -1e3, 1e3, .unit = "J",
                                 .help = "coupling of S.S: 1 ferromagnet, -1 antiferromagnet"},
                                {NULL}};

static void couplings(double J[3], const void *p) {
  const conf *c = p;
  J[0] = J[1] = J[2] = c->J;
}

const trotter_model trotter_model_xxx = {{"xxx", "isotropic chain: - J sum S.S", keys}, couplings, sizeof(conf)};

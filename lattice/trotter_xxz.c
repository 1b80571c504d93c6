/* trotter_xxz.c: Jx = Jy = J, any Jz: rotation symmetry about z (Yang & Yang, Phys. Rev. 150 (1966) 321). */
#include "lattice/trotter.h"

typedef struct conf {
  double J, Jz;
} conf;

static const deck_key keys[] = {{"J", DECK_REAL, offsetof(conf, J), "1", -1e3, 1e3, .unit = "J",
                                 .help = "coupling of Sx Sx + Sy Sy; its sign does not matter"},
                                {"Jz", DECK_REAL, offsetof(conf, Jz), NULL, -1e3, 1e3, .unit = "J",
                                 .help = "coupling of Sz Sz: positive ferromagnetic, negative antiferromagnetic"},
                                {NULL}};

static void couplings(double J[3], const void *p) {
  const conf *c = p;
  J[0] = J[1] = c->J, J[2] = c->Jz;
}

const trotter_model trotter_model_xxz = {
    {"xxz", "- sum (J (Sx Sx + Sy Sy) + Jz Sz Sz)", keys}, couplings, sizeof(conf)};

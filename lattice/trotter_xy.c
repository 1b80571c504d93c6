/* trotter_xy.c: Jz = 0: free fermions (Lieb, Schultz & Mattis, Ann. Phys. 16 (1961) 407; Katsura, Phys. Rev. 127 (1962)
 * 1508). */
#include "lattice/trotter.h"

typedef struct conf {
  double Jx, Jy;
} conf;

static const deck_key keys[] = {
    {"Jx", DECK_REAL, offsetof(conf, Jx), "1", -1e3, 1e3, .unit = "J", .help = "coupling of Sx Sx"},
    {"Jy", DECK_REAL, offsetof(conf, Jy), "1", -1e3, 1e3, .unit = "J", .help = "coupling of Sy Sy"},
    {NULL}};

static void couplings(double J[3], const void *p) {
  const conf *c = p;
  J[0] = c->Jx, J[1] = c->Jy, J[2] = 0;
}

const trotter_model trotter_model_xy = {{"xy", "- sum (Jx Sx Sx + Jy Sy Sy)", keys}, couplings, sizeof(conf)};

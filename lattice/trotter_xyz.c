/* trotter_xyz.c: three couplings (Sutherland, J. Math. Phys. 11 (1970) 3183; Baxter, Ann. Phys. 70 (1972) 323). */
#include "lattice/trotter.h"

typedef struct conf {
  double J[3];
} conf;

static const deck_key keys[] = {
    {"Jx", DECK_REAL, offsetof(conf, J[0]), NULL, -1e3, 1e3, .unit = "J", .help = "coupling of Sx Sx"},
    {"Jy", DECK_REAL, offsetof(conf, J[1]), NULL, -1e3, 1e3, .unit = "J", .help = "coupling of Sy Sy"},
    {"Jz", DECK_REAL, offsetof(conf, J[2]), NULL, -1e3, 1e3, .unit = "J", .help = "coupling of Sz Sz"},
    {NULL}};

static void couplings(double J[3], const void *p) {
  const conf *c = p;
  for (int a = 0; a < 3; a++) J[a] = c->J[a];
}

const trotter_model trotter_model_xyz = {
    {"xyz", "general chain: - sum (Jx Sx Sx + Jy Sy Sy + Jz Sz Sz)", keys}, couplings, sizeof(conf)};

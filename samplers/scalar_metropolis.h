/* scalar_metropolis.h: checkerboard sweeps of Metropolis proposals, for the members that contain them. */
#ifndef SAMPLERS_SCALAR_METROPOLIS_H
#define SAMPLERS_SCALAR_METROPOLIS_H

#include "samplers/scalar_chain.h"

typedef struct scalar_sweep_conf {
  long sweeps; /* a step */
  double acceptance;
} scalar_sweep_conf;

#define SCALAR_SWEEP_KEYS(n) /* n: sweeps by default, a text */                                                        \
  {.name = "sweeps",                                                                                                   \
   .type = DECK_INT,                                                                                                   \
   .at = offsetof(scalar_sweep_conf, sweeps),                                                                          \
   .def = n,                                                                                                           \
   .min = 1,                                                                                                           \
   .max = 100000,                                                                                                      \
   .help = "Metropolis sweeps of a step"},                                                                             \
  {                                                                                                                    \
    .name = "acceptance", .type = DECK_REAL, .at = offsetof(scalar_sweep_conf, acceptance), .def = "0.5", .min = 0.05, \
    .max = 0.95, .help = "wanted; thermalisation tunes the width of the proposals"                                     \
  }

typedef struct scalar_sweeper { /* room */
  double *half[2], *sum;        /* even and odd sites; (plane/2): neighbours */
} scalar_sweeper;

/* ERR_DECK: sides must be even, no fermions. */
int scalar_sweeper_new(scalar_sweeper **out, const scalar_mover *w, err *e);
void scalar_sweeper_free(const scalar_grid *g, scalar_sweeper *s);
void scalar_sweep(scalar_mover *w, scalar_sweeper *s, scalar_chain *c, const scalar_sweep_conf *conf, bool thermalise);

#endif

/* ar_trotter.h: the Suzuki-Trotter lattice of a Heisenberg chain as what an autoregressive proposal draws: never an
 * illegal configuration, normalised over exactly the allowed ones (all Sz and winding sectors).
 *
 * The lattice is drawn layer by layer of a ring: rows (imaginary time is the direction of drawing, variable = spin), or
 * columns (space is; variable = (-1)^(row + column) spin). Seen either way a shaded plaquette keeps a pair of the ring
 * or turns both over (lattice/exact_ring.h). In raster order m N + 1 variables are choices, the others are the product
 * of the three other corners of the plaquette that they close. Where K- = 0 equal pairs of the ring must be kept as
 * well, and a choice that would leave no way back to layer 0 is none (ring_choice.h). Local. */
#ifndef SAMPLERS_AR_TROTTER_H
#define SAMPLERS_AR_TROTTER_H

#include "lattice/trotter.h"
#include "samplers/ar.h"

extern const deck_key ar_trotter_keys[]; /* section `draw`: ring, symmetry, gauge, lanes */

/* What is measured: the numbers of plaquettes of each legal type, from which lnW at any beta follows, and M, Mst. */
enum { AR_TROTTER_COUNT, AR_TROTTER_M = TROTTER_ILLEGAL, AR_TROTTER_MST, AR_TROTTER_NOBS };

/* Sections draw and net; t must outlive it. ERR_DECK where K+ = 0: that model is an Ising-like one with another K-. */
int ar_trotter_new(ar **a, const trotter *t, const deck *d, err *e);
int ar_trotter_free_choices(const ar *a); /* m N + 1: variables that are not products of others */

#endif

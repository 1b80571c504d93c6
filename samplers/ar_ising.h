/* ar_ising.h: Ising models as what an autoregressive proposal draws: the network's spins in the order of order.h, an
 * independent set of sites left out and drawn exactly given the others. Local. */
#ifndef SAMPLERS_AR_ISING_H
#define SAMPLERS_AR_ISING_H

#include "samplers/ar.h"
#include "samplers/order.h"

extern const deck_key ar_ising_keys[]; /* section `draw`: heat_bath, symmetry, gauge, lanes */

/* Sections draw and net; m must outlive it. Measures ISING_E, ISING_M, ISING_SK. */
int ar_ising_new(ar **a, const ising *m, const deck *d, err *e);
const ising *ar_ising_model(const ar *a);
const order *ar_ising_order(const ar *a);

/* word: of symmetry_ising_words, products of the global flip, half-lattice translations and the dihedral group of the
 * square. Elements that are no symmetry of this model make an error that names them. */
extern const char symmetry_ising_words[];
int symmetry_ising(symmetry **s, int word, const ising *m, const order *o, err *e);

#endif

/* symmetry.h: groups of symmetries of H that keep the set of drawn sites: g(s)_i = sign * s_{perm(i)}. Local. */
#ifndef SAMPLERS_SYMMETRY_H
#define SAMPLERS_SYMMETRY_H

#include "samplers/order.h"

typedef struct symmetry {
  int size;      /* |G|, element 0 is the identity */
  int *sign;     /* (size)                         */
  int *site;     /* (size, sites) perm on sites    */
  int *position; /* (size, n) perm on positions    */
} symmetry;

/* word: of symmetry_words. Elements that are no symmetry of this model make an error that names them. */
extern const char symmetry_words[]; /* "none|z2|z2_translations|z2_d4|all" */
int symmetry_new(symmetry **s, int word, const ising *m, const order *o, err *e);
void symmetry_free(symmetry *s);

#endif

/* symmetry.h: groups of symmetries of what a proposal draws: g(s)_i = sign * s_{perm(i)}, each keeping the set of drawn
 * sites. Local. */
#ifndef SAMPLERS_SYMMETRY_H
#define SAMPLERS_SYMMETRY_H

#include <stdbool.h>

typedef struct symmetry {
  int size;      /* |G|, element 0 is the identity */
  int *sign;     /* (size)                         */
  int *site;     /* (size, sites) perm on sites    */
  int *position; /* (size, n) perm on positions    */
} symmetry;

symmetry *symmetry_alloc(int size, int sites, int n); /* zeroed; NULL without memory */
/* Fills position of element g from site; site (n) of a position, position (sites), -1 where not drawn. false: g takes a
 * drawn site to one that is not. */
bool symmetry_place(symmetry *s, int g, int sites, int n, const int *site, const int *position);
void symmetry_free(symmetry *s);

#endif

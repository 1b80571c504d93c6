/* geometry_grid.h: what the square and the triangular lattice share. */
#ifndef LATTICE_GEOMETRY_GRID_H
#define LATTICE_GEOMETRY_GRID_H

#include "lattice/geometry.h"

typedef struct lattice_grid_conf {
  long L, rows, cols;
  bool periodic;
} lattice_grid_conf;
extern const deck_key lattice_grid_keys[]; /* L, rows, cols, periodic */

/* Bonds to the right and down, with diagonal also to (+1,+1), numbered site by site. */
int lattice_grid(lattice **out, const char *name, long rows, long cols, bool periodic, bool diagonal, err *e);
/* The same with the sides of a deck: L, or rows and cols. */
int lattice_grid_from(lattice **out, const char *name, const lattice_grid_conf *c, bool diagonal, err *e);

#endif

/* geometry.h: who is whose neighbour. A geometry is a graph of n sites and undirected bonds (each once, i < j not
 * required), with lattice coordinates where they exist. The family `lattice_geometries` feeds section `lattice` of a
 * deck. All functions are local; a lattice is read-only once built. */
#ifndef LATTICE_GEOMETRY_H
#define LATTICE_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/deck.h"
#include "base/err.h"

typedef struct lattice {
  const char *name; /* "square", "triangular", "graph", "complete"                    */
  int n;            /* sites                                                          */
  int rows, cols;   /* n = rows*cols, site = row*cols + col; 0 x 0 for graphs         */
  bool periodic;
  int nbonds;
  int (*bond)[2]; /* (nbonds, 2)                                                    */
  double *weight; /* (nbonds) coupling given by a graph file, else NULL             */
  int *start;     /* (n+1) CSR of neighbours: site i has start[i]..start[i+1]-1     */
  int *neighbour; /* (2 nbonds) site at the other end; in the order of the bonds    */
  int *via;       /* (2 nbonds) number of the bond                                  */
} lattice;

/* A member of the family. build: conf is the struct that its keys fill. */
typedef struct lattice_geometry {
  deck_kind kind; /* first member */
  int (*build)(lattice **out, const void *conf, err *e);
  size_t conf_size;
} lattice_geometry;
extern const deck_kind *const lattice_geometries[]; /* square, triangular, complete, graph */

/* From section `lattice` of a deck. Caller frees. */
int lattice_from_deck(lattice **out, const deck *d, err *e);
/* Sides >= 3 if periodic (2 would make double bonds). Triangular: square plus the (+1,+1) diagonal. */
int lattice_square(lattice **out, int rows, int cols, bool periodic, err *e);
int lattice_triangular(lattice **out, int rows, int cols, bool periodic, err *e);
int lattice_complete(lattice **out, int n, err *e);
/* Text file: first number n, then lines "i j [J]", 0-based, '#' comments; J on every line or on none. ERR_FILE, and
 * errors name file:line. */
int lattice_graph(lattice **out, const char *path, err *e);
void lattice_free(lattice *l);

/* True where the graph is two-colourable; colour[n] in {0,1}, 0 for the first site of each component. May be NULL. */
bool lattice_bipartite(const lattice *l, int *colour);

/* For builders: allocate (ERR_DECK if n or nbonds do not fit int), fill bond, rows, cols, periodic, then close. */
int lattice_alloc(lattice **out, const char *name, long n, long nbonds, err *e);
void lattice_close(lattice *l); /* start, neighbour, via from bond */

#endif

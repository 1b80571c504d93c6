/* exact_ring.h: what the exact solutions of the Trotter lattice share: a layer of gates applied to vectors over the 2^L
 * states of a ring, without any matrix.
 *
 * The ring is either a row (L = N, layers = 2m rows) or a column (L = 2m, layers = N columns) of the lattice: the same
 * eight-vertex model seen from two sides. From layer l-1 to layer l the shaded plaquettes act as gates on the pairs
 * (p-1, p), p = l modulo 2. Bit p of a state is 1 for a down spin; in columns the ring holds t = (-1)^(row+column) s.
 * Then in both directions a gate keeps a pair or turns both of its spins over:
 *
 *   pair            rows: kept, turned          columns: kept, turned
 *   equal spins     PARALLEL, FLIP              CROSSING, FLIP
 *   unequal spins   STRAIGHT, CROSSING          STRAIGHT, PARALLEL
 *
 * With K- = 0 the number of down spins is conserved (rows: Sz; columns: Q = sum_r (-1)^r s_r, up to its sign), else its
 * parity: the sectors. Local, serial. */
#ifndef LATTICE_EXACT_RING_H
#define LATTICE_EXACT_RING_H

#include "lattice/exact_trotter.h"

enum { RING_LANES = 8, RING_JET = 5 };
typedef double ring_lanes __attribute__((vector_size(RING_LANES * sizeof(double))));

/* v[0], and with jets also its d/dbeta, d2/dbeta2 (at fixed h), d/du, d2/du2 (u = beta h, at fixed beta). A vector
 * stands for exp(log + shift (beta' - beta)) times its stored numbers, lane by lane. */
typedef struct ring {
  const trotter *t;
  bool columns, conserved;
  int length, layers;
  int width;                         /* 1 or RING_JET numbers per state                            */
  ring_lanes beta;                   /* each lane has its own                                      */
  ring_lanes weight[2][2][RING_JET]; /* (unequal, turned): W, dW, d2W, 2 dW by beta, over its unit */
  ring_lanes *tilt;                  /* (2 length + 1) exp(u M_layer) over its unit                */
  ring_lanes unit;                   /* ln of what was taken out of the weights of one layer       */
  int sector, nstates;
  int *state, *rank; /* (nstates) ascending; (2^length) place in it */
  ring_lanes *v;     /* (nstates, width)                            */
  ring_lanes log, shift;
} ring;

/* Lanes at the given temperatures; the largest sector fits. Close also after an error. */
int ring_open(ring *r, const trotter *t, bool columns, const double beta[RING_LANES], int width, err *e);
void ring_close(ring *r);
int ring_sectors(const ring *r); /* how many */
int ring_sector_of(const ring *r, int state);
size_t ring_capacity(const ring *r); /* states of the largest */
/* Enters a sector: states, v = 0, log = shift = 0. */
void ring_enter(ring *r, int sector);

/* v = G_l v; v = D_l v with D the field of layer l; both symmetric. */
void ring_gates(ring *r, int layer);
void ring_field(ring *r, int layer);
double ring_tilt(const ring *r, int state, int layer); /* the element of D, over its unit, of lane 0 */
/* Brings the largest number of each lane to 1 and its derivative by beta to 0; log and shift remember. */
void ring_rescale(ring *r);

/* One lane as a number: exp(log + shift (beta' - beta)) v, v as above. */
typedef struct ring_number {
  double log, shift, v[RING_JET];
} ring_number;
void ring_add(ring_number *sum, ring_number x); /* start from {.log = -INFINITY} */
/* Thermodynamics from Z = sum times exp(layers unit). */
chain_thermo ring_thermo(const ring *r, int lane, ring_number z);

/* State with the smallest number that is equivalent to x by translations, reflections and (h = 0) flips: all of these
 * have the same diagonal element of the product of all layers, since G_1 is symmetric and G_2 is G_1 moved by one. */
int ring_class(const ring *r, int x);
/* Calls fn with the diagonal element of every class at one temperature: representative, number of members, element.
 * First derivatives by u of the classes are not those of their members if h = 0, but cancel in the sum. */
typedef void ring_visit(void *ctx, const ring *r, int x, int members, ring_number diagonal);
int ring_diagonal(ring *r, ring_visit *fn, void *ctx, err *e);

#endif

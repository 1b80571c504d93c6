/* scalar.h: a real scalar field on a periodic lattice of 2, 3 or 4 dimensions, action in hopping form
 *   S = sum_n [ -2 kappa sum_mu phi_n phi_{n+mu} + phi_n^2 + lambda (phi_n^2 - 1)^2 ],   weight exp(-S).
 *
 * Direction 0 is the slowest in memory; it is time, and the direction that ranks divide: a *plane* is all sites of one
 * time, a *row* the sites along the last direction. A grid says which planes are here: all of them, or a slab. A field
 * holds the planes here and room for the two beyond (copies of other ranks' planes, made by scalar_exchange).
 * Every sum is one number per plane, added along the tree of base/comm.h: its bits do not depend on the ranks.
 * Functions are local where all planes are here, else collective. */
#ifndef LATTICE_SCALAR_H
#define LATTICE_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/comm.h"
#include "base/err.h"
#include "base/halo.h"

enum { SCALAR_DIM = 4 };

typedef struct scalar_grid {
  int d, side[SCALAR_DIM];
  long n, plane;     /* sites of the lattice, of a plane                                                     */
  int row, rows;     /* sites of a row, rows of a plane                                                      */
  int *near;         /* (rows, 2 (d-2)) rows of the plane next to a row: +1, -1 of direction 1, then of 2    */
  uint8_t *odd;      /* (rows) bit k: parity of the coordinates 1..k, k = 0..d-2                             */
  const comm *ranks; /* NULL: all planes are here                                                            */
  halo *halo;        /* planes of the neighbours, or NULL                                                    */
  int first, planes; /* planes first..first+planes-1 are here                                                */
} scalar_grid;

typedef struct scalar_action {
  double kappa, lambda;
} scalar_action;

/* side[d], each >= 2. ranks: the planes are dealt to these (not owned, must outlive the grid; new and free are
 * collective then); NULL or one rank: all here. Ranks of comm_pretend: a grid to look at. ERR_DECK: d, sides, fewer
 * planes than ranks. */
int scalar_grid_new(scalar_grid **out, int d, const int *side, const comm *ranks, err *e);
void scalar_grid_free(scalar_grid *g);
static inline long scalar_sites(const scalar_grid *g) {
  return g->planes * g->plane;
} /* here */
/* All sides even: staggered signs and checkerboards fit. */
bool scalar_even(const scalar_grid *g);
/* Parity of plane p (counted from first) plus all coordinates of row r but the last. */
static inline int scalar_row_odd(const scalar_grid *g, int p, int r) {
  return (g->first + p + (g->odd[r] >> (g->d - 2))) & 1;
}

/* A zeroed field (planes, plane) with room for a plane before and behind, and for SCALAR_BEHIND numbers more, so that a
 * row may be read in whole vectors; NULL without memory. */
enum { SCALAR_BEHIND = 8 };
double *scalar_field(const scalar_grid *g);
void scalar_field_free(const scalar_grid *g, double *v); /* v may be NULL */
/* The same with planes of `plane` numbers. All begin at the same place of a page. */
double *scalar_planes(const scalar_grid *g, long plane);
void scalar_planes_free(long plane, double *v);
void scalar_exchange(const scalar_grid *g, double *v); /* fills the planes beyond */
/* The same, `plane` numbers a plane, while work goes on:
 *   scalar_send(g, plane, v);
 *   for (int k = 0; k < g->planes; k++) { p = scalar_next(g, k, plane, v); what needs planes p-1, p, p+1 of v; }
 * The outer planes come last. */
void scalar_send(const scalar_grid *g, long plane, const double *v);
int scalar_next(const scalar_grid *g, int k, long plane, double *v);
/* Plane p = -1..planes of a field whose planes hold `plane` numbers; those beyond wrap around where all is here. */
static inline const double *scalar_plane(const scalar_grid *g, long plane, const double *v, int p) {
  int q = g->ranks ? p : p < 0 ? p + g->planes : p >= g->planes ? p - g->planes : p;
  return v + q * plane;
}
/* rows[side[0]][k], filled for the planes here, counted from plane 0 of the lattice: complete everywhere, and the sum.
 */
void scalar_share(const scalar_grid *g, int k, double *rows);
void scalar_sum(const scalar_grid *g, int k, double *rows, double *sum);
/* sum_n a_n b_n of fields with `plane` numbers in a plane, and sum_n a_n^2. */
double scalar_dot(const scalar_grid *g, long plane, const double *a, const double *b);

/* ---- force; fields whose neighbours are looked at must have been exchanged ---- */
/* F_n = -dS/dphi_n = 2 kappa sum phi_{n +- mu} - 2 phi_n - 4 lambda (phi_n^2 - 1) phi_n */
void scalar_force(const scalar_grid *g, scalar_action a, const double *phi, double *F);
void scalar_kick(const scalar_grid *g, scalar_action a, const double *phi, double *pi, double eps); /* pi += eps F   */
void scalar_drift(const scalar_grid *g, double *phi, const double *pi, double eps);                 /* phi += eps pi */
/* One after the other in one passage through memory; phi is exchanged meanwhile. */
void scalar_kick_drift(const scalar_grid *g, scalar_action a, double *phi, double *pi, double kick, double drift);

/* ---- observables ---- */
enum {              /* sums over the lattice; phi must have been exchanged */
       SCALAR_M,    /* phi                                                                   */
       SCALAR_MS,   /* (-1)^(n_0 + ... ) phi                                                 */
       SCALAR_PHI2, /* phi^2                                                                 */
       SCALAR_PHI4, /* phi^4                                                                 */
       SCALAR_T,    /* sum_mu phi_n phi_{n+mu}                                               */
       SCALAR_NSUM,
       SCALAR_BOX = SCALAR_NSUM, /* |B_n|, B_n: sum of phi over the 2^d cube at n            */
       SCALAR_CBOX,              /* |C_n|, C_n: the same with alternating signs              */
       SCALAR_BOX2,              /* B_n^2 / 2^d                                              */
       SCALAR_CBOX2,             /* C_n^2 / 2^d                                              */
       SCALAR_NOBS
};
void scalar_sums(const scalar_grid *g, const double *phi, double sum[SCALAR_NSUM]);
/* S, with the constant lambda V, from the sums. */
double scalar_action_value(const scalar_grid *g, scalar_action a, const double sum[SCALAR_NSUM]);
/* All of them, and the sums of phi (even) and of (-1)^(n_0 + ...) phi (odd) over each plane: slice[side[0]][2], or
 * NULL. */
void scalar_measure(const scalar_grid *g, const double *phi, double obs[SCALAR_NOBS], double (*slice)[2]);
/* G(t) = (1/side[0]) sum_s S(s) S(s+t), S: mean of a plane; staggered: of the signed sums. G[side[0]/2 + 1]. */
void scalar_correlator(const scalar_grid *g, const double (*slice)[2], bool staggered, double *G);

/* ---- exact values (lattice/exact_scalar.c) ---- */
typedef struct exact_scalar {
  double phi2, phi4, link, m2; /* <phi^2>, <phi^4>, <phi_n phi_{n+mu}> (mean over mu), <m^2>; NaN: not known */
} exact_scalar;
/* lambda = 0: momentum sum, for |kappa| < 1/(2d); kappa = 0: one site by quadrature; else NaN. ERR_RUN: GSL fails. */
int exact_scalar_any(exact_scalar *x, const scalar_grid *g, scalar_action a, err *e);

#endif

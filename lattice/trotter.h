/* trotter.h: the Trotterised Heisenberg chain as a classical model of spins +-1.
 *
 *   H = - sum_i ( Jx Sx_i Sx_i+1 + Jy Sy_i Sy_i+1 + Jz Sz_i Sz_i+1 ) - h sum_i Sz_i,   S = sigma/2, ring of N sites, N
 * even Z = Tr [ exp(-beta H_odd/m) exp(-beta H_even/m) ]^m = sum_s prod_shaded plaquettes W(s) exp(beta h M(s))
 *
 * J > 0 is ferromagnetic; all results are in units of S: M = sum Sz, chi = d<M>/dh (in units of sigma it is 4 times
 * larger). The lattice has 2m rows (imaginary time) of N spins, both directions periodic, site = row N + column. Shaded
 * are the plaquettes whose lower right corner (row, column) has row = column modulo 2: m N of them, each site in
 * exactly two. A plaquette of four spins has a type, and its weight follows from that:
 *
 *   type       tl tr / bl br          W                            K0 = beta Jz/(4m)
 *   PARALLEL   ++/++  --/--           exp(K0) cosh K-              K+ = beta |Jx + Jy|/(4m)
 *   STRAIGHT   +-/+-  -+/-+           exp(-K0) cosh K+             K- = beta |Jx - Jy|/(4m)
 *   CROSSING   -+/+-  +-/-+           exp(-K0) sinh K+
 *   FLIP       --/++  ++/--           exp(K0) sinh K-
 *   ILLEGAL    an odd number of +     0
 *
 * The absolute values are rotations about z, which leave Sz and hence every observable below as it is: odd sites by pi
 * turn (Jx, Jy) into (-Jx, -Jy), all sites by pi/2 exchange Jx and Jy. On a ring of even length they make every weight
 * non-negative whatever the signs: the chain has no sign problem. So J = (-1,-1,-1) and (1,1,-1) are the same
 * antiferromagnet. K- = 0 forbids FLIP, K+ = 0 forbids CROSSING, exactly. All functions are local. */
#ifndef LATTICE_TROTTER_H
#define LATTICE_TROTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deck.h"
#include "base/err.h"

enum { TROTTER_PARALLEL, TROTTER_STRAIGHT, TROTTER_CROSSING, TROTTER_FLIP, TROTTER_ILLEGAL, TROTTER_TYPES };

typedef struct trotter_weights { /* by type of plaquette */
  double K0, Kp, Km;
  double lnW[TROTTER_TYPES]; /* -inf where forbidden              */
  double F[TROTTER_TYPES];   /* -d lnW/d beta; 0 where forbidden  */
  double G[TROTTER_TYPES];   /* dF/d beta; 0 where forbidden      */
} trotter_weights;

typedef struct trotter {
  const char *name;
  int sites, rows;             /* N, 2m                                                               */
  int n, nplaquettes, nfree;   /* 2m N spins, m N shaded plaquettes, m N + 1 free spins               */
  double J[3], beta, field;    /* Jx, Jy, Jz as the deck gave them; h                                 */
  bool rotate_odd, rotate_all; /* odd sites by pi, all sites by pi/2 about z                          */
  bool six_vertex;             /* K- = 0: no FLIP, every row has the same M                           */
  int (*corner)[4];            /* (nplaquettes, 4) sites tl, tr, bl, br                               */
  int (*plaquette)[2];         /* (n, 2) the plaquettes of a site: as its br or bl corner, then above */
  trotter_weights w;           /* at beta                                                             */
} trotter;

/* A member of the family `trotter_models`: fills Jx, Jy, Jz from the struct that its keys fill. */
typedef struct trotter_model {
  deck_kind kind; /* first member */
  void (*couplings)(double J[3], const void *conf);
  size_t conf_size;
} trotter_model;
extern const deck_kind *const trotter_models[]; /* xxx, xxz, xy, xyz: the kinds of section `model` */
extern const deck_key trotter_model_keys[];     /* beta, field: of every kind */
extern const deck_key trotter_lattice_keys[];   /* sites, trotter: section `lattice` */

/* From sections `lattice` and `model` of a deck (keys and families above). Caller frees. */
int trotter_from_deck(trotter **out, const deck *d, err *e);
/* `name` must outlive the model. sites >= 4 and rows >= 2, both even; beta > 0, finite couplings (ERR_DECK). */
int trotter_new(trotter **out, const char *name, int sites, int rows, const double J[3], double beta, double field,
                err *e);
void trotter_free(trotter *t);

/* The weights at another temperature. */
trotter_weights trotter_weigh(const trotter *t, double beta);
bool trotter_allowed(const trotter *t, int type); /* weight not zero */

/* Type of a plaquette from its corners +-1. */
int trotter_type(int tl, int tr, int bl, int br);
static inline int trotter_type_at(const trotter *t, const int8_t *s, int p) {
  const int *c = t->corner[p];
  return trotter_type(s[c[0]], s[c[1]], s[c[2]], s[c[3]]);
}

/* Numbers of plaquettes of each type in s (n): with M they determine lnW at every beta. */
void trotter_count(const trotter *t, const int8_t *s, int count[TROTTER_TYPES]);
/* M = sum over all spins of s/2, divided by the number of rows; staggered: times (-1)^column. */
double trotter_mag(const trotter *t, const int8_t *s);
double trotter_staggered(const trotter *t, const int8_t *s);
/* ln of the weight of a configuration, field included; -inf if any plaquette is forbidden. */
double trotter_lnW(const trotter *t, const int8_t *s);

/* What every sampler measures on one configuration, at t->beta. */
enum {
  TROTTER_F,   /* -d lnW/d beta: sum of F - h M. Its mean is the energy */
  TROTTER_G,   /* dF/d beta: sum of G                                   */
  TROTTER_M,   /* M                                                     */
  TROTTER_MST, /* staggered M                                           */
  TROTTER_NOBS
};
void trotter_measure(const trotter *t, const int8_t *s, double obs[TROTTER_NOBS]);

/* Thermodynamics of a chain, per site but for lnZ (of an infinite chain lnZ is per site too). NaN: not known. */
typedef struct chain_thermo {
  double lnZ;
  double f;   /* -lnZ/(beta N)                                     */
  double e;   /* <H>/N                                             */
  double c;   /* beta^2 d2 lnZ/d beta2 /N                          */
  double s;   /* beta (e - f)                                      */
  double m;   /* <M>/N                                             */
  double chi; /* dm/dh; with [H, M] = 0 it is beta (<M^2>-<M>^2)/N */
} chain_thermo;
chain_thermo chain_unknown(void);
/* From lnZ of N sites, its two derivatives by beta (at fixed h) and its two by u = beta h (at fixed beta). */
chain_thermo chain_derive(double n, double beta, double lnZ, double d1, double d2, double u1, double u2);
/* From means over configurations of weight W: F, F^2, G, M, M^2 and lnZ (NaN: not known):
 *   E = <F>,  C/beta^2 = <F^2> - <F>^2 - <G>,  chi = beta (<M^2> - <M>^2). */
chain_thermo trotter_estimate(const trotter *t, const double mean[5], double lnZ);

/* Constraint: the product of the four corners of every shaded plaquette is +1. Spins drawn in the given order (n sites;
 * NULL: row by row): a site that is the last corner of a plaquette is the product of the other three, from[site][3];
 * all others, from[site][0] = -1, are free. ERR_RUN if that does not leave exactly m N + 1 free spins: then the order
 * would lead into dead ends. In an order that passes, every choice of the free spins gives an allowed eight-vertex
 * configuration, and each exactly once. */
int trotter_dependents(const trotter *t, const int *order, int (*from)[3], err *e);
/* Sets the dependent spins of s (n), the free ones given, in the same order. */
void trotter_complete(const trotter *t, const int *order, int (*from)[3], int8_t *s);

#endif

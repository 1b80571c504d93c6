/* ar.h: the autoregressive proposal  q(s) = prod_t q(s_t | s_<t),  q(s_t = +1 | s_<t) = sigma(z_t), drawn by the cached
 * step walk of a causal network at the arithmetic of one forward pass; left-out spins follow exactly from a heat bath.
 * Densities are natural logarithms in double of exactly the probabilities that draw; there is no floor and no epsilon.
 * Everything here is local to one worker and one shard of S samples; lane i of shard k is sample k*S + i. */
#ifndef SAMPLERS_AR_H
#define SAMPLERS_AR_H

#include "nn/graph.h"
#include "samplers/order.h"
#include "samplers/symmetry.h"

typedef struct ar_conf {
  bool heat_bath;
  int symmetry;
  bool gauge;
  long lanes;
} ar_conf;
extern const deck_key ar_keys[]; /* section `draw` */

typedef struct ar {
  const ising *m;
  ar_conf conf;
  int lanes;
  order *o;
  symmetry *g;
  nn_graph *net;
  nn_plan *plan;
  /* energy of drawn spins: bonds between two of them, and for left-out sites their neighbours */
  int nbonds, (*bond)[2];
  double *bond_J;
  int *rest_start, *rest_position;
  double *rest_J;
} ar;

int ar_new(ar **a, const ising *m, const deck *d, err *e); /* sections draw and net */
void ar_free(ar *a);
/* Pairs of drawn spins that interact (by a bond or a common left-out neighbour) although the later one's conditional
 * cannot see the earlier one through the network: such a network cannot represent the model; `check` warns. pairs: all
 * of them. */
int ar_unseen(const ar *a, long *unseen, long *pairs, err *e);

/* One worker's storage: frames for |G| images (values kept for backward) and vectors. */
typedef struct ar_frames {
  nn_frame **f; /* (|G|) */
  double *part; /* (|G|, S) ln q of the images */
} ar_frames;
typedef struct ar_worker {
  nn_frame *share; /* gradients and scratch, and values where frames are not kept */
  double *u, *z;   /* (2, S) uniforms, (S) */
  double *field;   /* (S) */
  nn_real *tmp;    /* (S) */
  int8_t *config;  /* (sites) */
} ar_worker;
int ar_worker_new(ar_worker **w, const ar *a, err *e);
void ar_worker_free(ar_worker *w);
int ar_frames_new(ar_frames *f, const ar *a, ar_worker *w, bool kept, err *e); /* kept: own values; else the worker's */
void ar_frames_free(ar_frames *f, const ar *a, ar_worker *w);
size_t ar_frames_bytes(const ar *a); /* of kept frames of one shard */

/* Draw shard `shard` of draw number `step`: fills the input of frame 0 (positions, S) and lnq (S). */
void ar_draw(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, rng r, long shard, unsigned step,
             double *lnq);
/* ln q (S) of the configurations that stand in the input of frame 0; full pass. */
void ar_density(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, double *lnq);
/* ln of the weight of the drawn spins, left-out ones summed over: beta (sum J s s + h s) + sum_rest ln 2cosh(beta
 * h_rest). */
void ar_target(const ar *a, ar_worker *w, const ar_frames *f, double beta, double *lnw);
/* dtheta += sum_lanes weight * grad ln q, once after each ar_draw or ar_density on the same frames (it consumes them). */
void ar_backward(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, nn_real *dtheta,
                 const double *weight);
/* Whole configurations (S, sites): left-out spins by heat bath at beta, then a random element of G (and the global flip
 * of the gauge). lnq_rest (S): ln of the heat bath's probability. */
void ar_emit(const ar *a, ar_worker *w, const ar_frames *f, double beta, rng r, long shard, unsigned step, int8_t *s,
             double *lnq_rest);

#endif

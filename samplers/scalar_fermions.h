/* scalar_fermions.h: the fermions' part of hybrid Monte Carlo, N_f = 2: |det D|^2 by two real pseudofermions,
 *   chi_a = D xi_a,  S = 1/2 sum_a chi_a^T (D D^T)^-1 chi_a = 1/2 sum_a |D^-1 chi_a|^2,  F = g sum_a X_a Y_a,
 * or by LU on small lattices: S = -2 ln|det D|, F = 2 g (D^-1)_nn. */
#ifndef SAMPLERS_SCALAR_FERMIONS_H
#define SAMPLERS_SCALAR_FERMIONS_H

#include "samplers/scalar_chain.h"

enum { SCALAR_FLAVOURS = 2 };

typedef struct scalar_fermion_conf {
  bool exact;                   /* LU */
  bool even_odd;                /* Schur complement where definite */
  bool chronological;           /* solutions of a trajectory are extrapolated for the next guess */
  double force_tol, accept_tol; /* |r| / |right side| */
  long most;                    /* iterations of a solve */
} scalar_fermion_conf;

typedef struct scalar_fermions {
  scalar_fermion_conf conf;
  staggered *D;
  double *chi[SCALAR_FLAVOURS], *X[SCALAR_FLAVOURS], *Y[SCALAR_FLAVOURS]; /* fields */
  double *X_old[SCALAR_FLAVOURS], *Y_old[SCALAR_FLAVOURS];                /* solutions of the force before */
  double *inverse;                                                        /* diagonal of D^-1 */
  int history; /* solutions of this trajectory in X, and X_old */
  bool failed; /* the solver did not converge since the last refresh */
} scalar_fermions;

int scalar_fermions_new(scalar_fermions **out, const scalar_grid *g, scalar_fermion_conf conf, err *e);
void scalar_fermions_free(scalar_fermions *f);
/* New pseudofermions for the field of the chain; returns their action. */
double scalar_fermions_refresh(scalar_fermions *f, rng stream, const scalar_chain *c);
double scalar_fermions_action(scalar_fermions *f, const double *phi);
void scalar_fermions_kick(scalar_fermions *f, const double *phi, double *pi, double t); /* pi += t F */
/* Unbiased estimates of N_f tr D^-1 and N_f tr (D^-1 phi) from two noise vectors of the chain's present step; with the
 * exact determinant the traces themselves. Pseudofermions are lost: before the next refresh only. */
void scalar_fermions_traces(scalar_fermions *f, rng stream, const scalar_chain *c, double trace[2]);

#endif

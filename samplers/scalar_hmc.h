/* scalar_hmc.h: hybrid Monte Carlo of scalar_chain.h in its parts: what scalar_step does with kind hmc is
 *   refresh, H, evolve, H, accept with min(1, exp(-dH)). */
#ifndef SAMPLERS_SCALAR_HMC_H
#define SAMPLERS_SCALAR_HMC_H

#include "samplers/hmc.h"
#include "samplers/scalar_fermions.h"
#include "samplers/scalar_fourier.h"

typedef struct scalar_hmc_conf {
  double tau, acceptance; /* length of a trajectory; wanted, if tune */
  long steps, inner;      /* of the outermost level; of the boson force per fermion drift */
  int integrator, determinant, acceleration;
  double stiffness; /* NaN: chosen by kappa */
  double solver, accept_solver;
  long iterations;
  bool tune, even_odd, chronological;
} scalar_hmc_conf;

extern const scalar_update scalar_hmc;

/* A mover's self where its kind is hmc. */
typedef struct scalar_hmc_room {
  const scalar_grid *g;
  const scalar_hmc_conf *conf;
  double *pi, *old, *velocity; /* fields */
  scalar_fermions *fermions;   /* or NULL */
  scalar_fourier *fourier;     /* or NULL */
  scalar_chain *c;             /* being moved */
  double stiffness;            /* of its momenta */
} scalar_hmc_room;

/* Momenta and pseudofermions of the chain's present step; returns H. */
double scalar_hmc_refresh(scalar_mover *w, scalar_chain *c);
double scalar_hmc_energy(scalar_mover *w, scalar_chain *c);
void scalar_hmc_evolve(scalar_mover *w, scalar_chain *c, int steps);

#endif

/* train_chain.h: configurations of a Markov chain for training (train.chain): replicas of the chain of section `chain`,
 * a few sweeps apart from step to step, equal on all ranks. */
#ifndef SAMPLERS_TRAIN_CHAIN_H
#define SAMPLERS_TRAIN_CHAIN_H

#include "samplers/ar.h"

typedef struct train_chain train_chain;
/* Collective. So many replicas, owned by the run, which may be stopped and continued anywhere. */
int train_chain_new(train_chain **t, run *r, const ar *a, int total, err *e);
void train_chain_free(train_chain *t);
/* Collective: chain.thermalisation sweeps, those not done yet. Returns early where the run must stop. */
void train_chain_thermalise(train_chain *t);
/* Collective: so many sweeps; then the configurations (total, sites). */
const int8_t *train_chain_next(train_chain *t, long sweeps);

#endif

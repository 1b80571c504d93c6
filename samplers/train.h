/* train.h: variational training of an autoregressive proposal: minimise the reverse Kullback-Leibler divergence
 *   KL(q||p) - ln Z = E_q[l],   l = ln q(s) - ln w(s),      (Wu, Wang, Zhang, PRL 122 080602, eq. 4)
 * by the score-function gradient with the leave-one-out baseline,
 *   g = 1/(B-1) sum_i (l_i - mean l) grad ln q(s_i),                                                            (1)
 * which is that of 1/2 Var[l] over whatever drew the batch (Richter, Boustati, Nuesken, Ruiz, Akyildiz, NeurIPS 2020,
 * 'VarGrad'): with train.chain some of the batch comes from a Markov chain instead of q, and configurations that q has
 * dropped, where l is far below the mean, come back. It still vanishes, sample by sample, where q = p. */
#ifndef SAMPLERS_TRAIN_H
#define SAMPLERS_TRAIN_H

#include "base/run.h"
#include "samplers/ar.h"

extern const deck_key train_keys[]; /* section `train` */

/* One row of the training curve. */
enum { TRAIN_BETA, TRAIN_LOSS, TRAIN_SPREAD, TRAIN_ESS, TRAIN_GRADIENT, TRAIN_RATE, TRAIN_GAP, TRAIN_ROW };

typedef struct trainer trainer;
/* Collective. Everything a continuation needs is owned by the run: parameters, their running mean, moments, schedule,
 * curve and the number of steps done. theta (a->net->nparam) holds the first parameters; it stays the caller's. */
int train_new(trainer **t, run *r, const ar *a, nn_real *theta, err *e);
void train_free(trainer *t);
/* Collective: the steps not done yet; then theta = the result, and /series/train.*. exact_lnZ (or NaN) only shows in
 * the progress line as KL. Returns early, without error, where the run must stop. */
int train_run(trainer *t, double exact_lnZ, err *e);
long train_steps(const trainer *t);          /* done so far */
const double *train_curve(const trainer *t); /* (steps, TRAIN_ROW) */

/* The network, bytes one rank needs and the batch sizes, to the log. */
void train_plan(run *r, const ar *a);
/* Local: cross-field checks of the section. */
int train_check(const deck *d, const ar *a, err *e);

#endif

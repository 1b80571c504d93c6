/* train.h: variational training of an autoregressive proposal: minimise the reverse Kullback-Leibler divergence
 *   KL(q||p) - ln Z = E_q[l],   l = ln q(s) - ln w(s),      (Wu, Wang, Zhang, PRL 122 080602, eq. 4)
 * by the score-function gradient with the leave-one-out baseline,
 *   g = 1/(B-1) sum_i (l_i - mean l) grad ln q(s_i). */
#ifndef SAMPLERS_TRAIN_H
#define SAMPLERS_TRAIN_H

#include "base/run.h"
#include "samplers/ar.h"

extern const deck_key train_keys[]; /* section `train` */

typedef struct train_result {
  double lnZ_bound; /* -E_q[l]: a lower bound of lnZ, mean over the last steps, with its error */
  double error;
  long steps;
  double *curve[4]; /* (steps) each: beta, mean l, its spread over the batch, effective fraction; for figures */
} train_result;
void train_result_free(train_result *t);

/* Collective. theta (a->net->nparam) is trained in place and owned by the run; section `optimiser` and `train` of the deck.
 * exact_lnZ: drawn in the curve and printed as KL, or NaN. Writes /series/train.*. */
int train_ar(run *r, const ar *a, nn_real *theta, double exact_lnZ, train_result *result, err *e);
/* Bytes one rank needs and the batch sizes, for --dry-run. */
void train_plan(run *r, const ar *a);
/* Local: cross-field checks of the section. */
int train_check(const deck *d, const ar *a, err *e);

#endif

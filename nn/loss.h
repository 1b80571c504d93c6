/* loss.h: what supervised learning makes small. A loss compares outputs z (positions, outputs, S) with targets t
 * (positions, targets, S), position by position; a target that is NaN is missing and counts nowhere. The loss of a
 * batch is sum w value / sum w over everything that counts, so values, weights and gradients of shards add up. All
 * local. */
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "base/deck.h"
#include "nn/op.h"

typedef struct nn_loss_conf {
  double delta;       /* huber: where the parabola ends                                                       */
  double gamma;       /* focal: how strongly easy cases are played down                                       */
  double smoothing;   /* cross entropy: share of the weight that all classes get                              */
  long warmup;        /* positions at the beginning that do not count                                         */
  deck_reals balance; /* weight of each class (cross entropy) or of each label's positives (bce, focal); empty: 1 */
} nn_loss_conf;
extern const deck_key nn_loss_keys[]; /* of section `loss` */

/* What a kernel sees: one position of one shard. dz may be NULL; it is written, multiplied by the weights. */
typedef struct nn_loss_row {
  int targets, outputs, S;
  const nn_real *z, *t, *weight; /* (outputs, S), (targets, S), (S): zero where nothing is held */
  nn_real *dz;                   /* (outputs, S) */
  double value, count;           /* sums over what counts, added to */
} nn_loss_row;

typedef struct nn_loss {
  deck_kind kind;                 /* first member: mse, huber, gaussian_nll, cross_entropy, bce, focal */
  int (*outputs)(int quantities); /* of the network for that many quantities (numbers, classes, labels) */
  int (*targets)(int quantities);
  void (*row)(const nn_loss_conf *c, nn_loss_row *r);
} nn_loss;
extern const deck_kind *const nn_losses[];
const nn_loss *nn_loss_named(const char *name); /* NULL if there is none */

/* One shard: `shape` of z (positions, outputs), targets per position; weight (S) of the samples or NULL; f tells which
 * lanes and positions hold data. dz (may be NULL) is written everywhere. sum[0] += w value, sum[1] += w. */
void nn_loss_shard(const nn_loss *l, const nn_loss_conf *c, const nn_frame *f, nn_shape shape, int targets,
                   const nn_real *z, const nn_real *t, const nn_real *weight, nn_real *dz, double sum[2]);
/* Local: do the settings suit that many quantities? ERR_DECK. */
int nn_loss_check(const nn_loss *l, const nn_loss_conf *c, int quantities, err *e);

#endif

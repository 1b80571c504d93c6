/* fit.h: the loop of supervised learning, the only one. It goes through a dataset in an order shuffled anew every
 * epoch, shards of each batch dealt to ranks and threads, gradients summed along the fixed tree, so that the bits
 * depend on neither; looks at validation data after every epoch, keeps the best parameters, stops when they have not
 * improved for a while; and owns its whole state, so that a run can stop and continue anywhere. Sections of the deck:
 * `fit` (nn_fit_keys), `loss` (nn_losses, nn_loss_keys), `optimiser` (nn_optim_types, nn_optim_keys). */
#ifndef NN_FIT_H
#define NN_FIT_H

#include "base/run.h"
#include "nn/crew.h"
#include "nn/loss.h"
#include "nn/optim.h"

extern const deck_key nn_fit_keys[]; /* of section `fit`: epochs, batch, lanes, patience ... */
/* The three sections of an app's schema, with the loss where a deck names none. */
#define NN_FIT_SECTIONS(loss_def)                                                                                     \
  {.name = "fit", .help = "training; 0 epochs: none", .keys = nn_fit_keys},                                           \
      {.name = "loss", .help = "what is made small", .keys = nn_loss_keys, .kinds = nn_losses, .kind_def = loss_def}, \
      NN_OPTIM_SECTION
enum { NN_METRICS = 4 };

/* A figure of merit of the validation data: on rank 0, from outputs z (count, numbers) and targets t (count, numbers).
 */
typedef struct nn_metric {
  const char *name, *help; /* name: letters, digits and _ */
  bool larger_is_better;
  double (*value)(void *ctx, long count, const nn_real *z, const nn_real *t);
  void *ctx;
} nn_metric;

typedef struct nn_task {
  const nn_graph *g;
  int pieces; /* samples are so many times as long as g (nn_fit_frames); 0: fit.truncate is refused */
  const nn_dataset *train, *valid; /* valid NULL: the training loss decides */
  int quantities;                  /* numbers, classes or labels that the loss compares; see nn_loss.outputs */
  nn_metric metric[NN_METRICS];    /* of the validation data; the first is what fit.monitor: metric follows */
  int nmetrics;
} nn_task;

/* One row of the training curve, one per epoch. The metrics follow. */
enum { NN_FIT_TRAIN, NN_FIT_VALID, NN_FIT_NORM, NN_FIT_RATE, NN_FIT_ROW };

typedef struct nn_fit nn_fit;
/* Collective. theta (nparam) and state (nstate; NULL where that is 0) hold the first values and stay the caller's; the
 * task is copied, what it points at must outlive the fit. ERR_DECK where network and loss do not fit together. */
int nn_fit_new(nn_fit **f, run *r, const nn_task *t, nn_real *theta, nn_real *state, err *e);
void nn_fit_free(nn_fit *f);
/* Collective: the epochs not done yet; then theta and state = the best ones, and /series/fit.*. Returns early, without
 * error, where the run must stop. */
int nn_fit_run(nn_fit *f, err *e);
long nn_fit_epochs(const nn_fit *f);         /* done so far */
long nn_fit_best(const nn_fit *f);           /* the epoch whose parameters are kept; -1 before the first */
const double *nn_fit_curve(const nn_fit *f); /* (epochs, NN_FIT_ROW + metrics) */

/* Positions of the network for sequences of so many frames: fit.truncate, or all; every node of the network must then
 * be within its frame or carry a state (nn_by_frames). ERR_DECK where it does not divide them. */
int nn_fit_frames(const deck *d, int frames, err *e);
/* Local: cross-field checks of the sections, quantities as in nn_task. */
int nn_fit_check(const deck *d, int quantities, err *e);
/* Bytes of one rank and the steps, for --dry-run. */
int nn_fit_plan(run *r, const nn_task *t, err *e);
/* The loss of the deck and its settings. */
const nn_loss *nn_fit_loss(const deck *d, nn_loss_conf *c);
int nn_fit_lanes(const deck *d);
long nn_fit_wanted(const deck *d);   /* epochs */
long nn_fit_truncate(const deck *d); /* positions of a piece; 0: whole sequences */

#endif

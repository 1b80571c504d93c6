/* optim.h: optimisers over the flat parameter buffer, learning-rate schedules, clipping. Elementwise and the same on
 * every rank (the gradient is), so the bits do not depend on ranks or threads. Local. */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "base/deck.h"
#include "base/run.h"
#include "nn/real.h"

typedef struct nn_optim nn_optim;

typedef struct nn_optim_type {
  deck_kind kind; /* first member: adam, sgd */
  size_t conf_size;
  int moments; /* twins of the parameter buffer it keeps */
  void (*update)(const void *conf, long step, double lr, size_t from, size_t to, nn_real *theta, const nn_real *grad,
                 nn_real *const *moment);
} nn_optim_type;
extern const deck_kind *const nn_optim_types[];
extern const deck_key nn_optim_keys[]; /* lr, schedule, warmup, clip ... of section `optimiser` */

/* n parameters; the state is registered with the run as "optimiser ...". */
int nn_optim_new(nn_optim **o, size_t n, const deck *d, run *r, err *e);
void nn_optim_free(nn_optim *o);
/* One update of theta by the gradient at step `step` of `steps`; loss_spread drives the plateau schedule. Returns the
 * learning rate used; *norm is the gradient's norm before clipping. Uses `threads` threads. */
double nn_optim_update(nn_optim *o, long step, long steps, double loss_spread, nn_real *theta, nn_real *grad,
                       int threads, double *norm);

#endif

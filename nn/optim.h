/* optim.h: optimisers over the flat parameter buffer, learning-rate schedules, clipping. Elementwise and the same on
 * every rank (the gradient is), so the bits do not depend on ranks or threads. Local. */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "base/deck.h"
#include "base/run.h"
#include "nn/graph.h"

typedef struct nn_optim nn_optim;

typedef struct nn_optim_type {
  deck_kind kind; /* first member: adam, sgd */
  size_t conf_size;
  int moments; /* twins of the parameter buffer it keeps */
  void (*update)(const void *conf, long step, double lr, bool decay, size_t from, size_t to, nn_real *theta,
                 const nn_real *grad, nn_real *const *moment);
} nn_optim_type;
extern const deck_kind *const nn_optim_types[];
extern const deck_key nn_optim_keys[]; /* lr, schedule, warmup, clip ... */
/* The section of an app's schema. */
#define NN_OPTIM_SECTION                                                                                               \
  {                                                                                                                    \
    .name = "optimiser", .help = "how parameters follow the gradient", .keys = nn_optim_keys, .kinds = nn_optim_types, \
    .kind_def = "adam"                                                                                                 \
  }

/* n parameters; the state is registered with the run as "optimiser ...". */
int nn_optim_new(nn_optim **o, size_t n, const deck *d, run *r, err *e);
void nn_optim_free(nn_optim *o);
/* From here on only the weights of g decay, not its biases and norms, and its slow parameters keep to optimiser.slow_lr
 * (nn_node.nweights, nslow). g must outlive the optimiser. */
int nn_optim_groups(nn_optim *o, const nn_graph *g, err *e);
double nn_optim_lr(const nn_optim *o);        /* the deck's */
void nn_optim_set_lr(nn_optim *o, double lr); /* in its place */
void nn_optim_reset(nn_optim *o);             /* moments and schedule as at the beginning */
/* One update of theta by the gradient at step `step` of `steps`; loss_spread drives the plateau schedule. Returns the
 * learning rate used; *norm is the gradient's norm before clipping. Uses `threads` threads. */
double nn_optim_update(nn_optim *o, long step, long steps, double loss_spread, nn_real *theta, nn_real *grad,
                       int threads, double *norm);
/* The same at a learning rate of the caller's. */
void nn_optim_update_at(nn_optim *o, long step, double lr, nn_real *theta, nn_real *grad, int threads, double *norm);

#endif

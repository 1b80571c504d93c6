/* fit_priv.h: what fit.c and fit_finder.c share. */
#ifndef NN_FIT_PRIV_H
#define NN_FIT_PRIV_H

#include "nn/fit.h"
#include "nn/optim.h"

typedef struct nn_fit_conf {
  long epochs, batch, lanes, patience, finder_steps, truncate;
  int monitor;
  bool find_lr;
  double memory, finder_from, finder_to;
} nn_fit_conf;
enum { MONITOR_LOSS, MONITOR_METRIC };

/* Counters and sums that a checkpoint keeps. */
typedef struct nn_fit_state {
  double epoch, step;           /* done: epochs, steps of the present epoch */
  double best, best_epoch, bad; /* monitored value, its epoch (-1), epochs since */
  double value, count, norm;    /* of the present epoch: sums of the loss, sum of gradient norms */
  double lr, tried;             /* of the finder, 0: none yet; steps that it took */
} nn_fit_state;

struct nn_fit {
  run *r;
  nn_task task;
  nn_fit_conf c;
  const nn_loss *loss;
  nn_loss_conf loss_conf;
  nn_real *out, *out_state;                         /* the caller's */
  nn_real *theta, *state, *best_theta, *best_state; /* owned state */
  nn_fit_state s;
  double *curve, *finder; /* owned state; finder: (finder_steps) rates, then losses */
  nn_optim *optim;
  nn_crew *crew;
  reduce *sum;
  nn_real *grad;      /* (nparam + nstate): of the batch, all shards */
  int shards, pieces; /* of a batch; of a sample */
  rng order, noise, augment;
  double *mine, *rows; /* (shards, 2) loss sums: own, all */
  nn_real *z, *t;      /* rank 0 with metrics: (valid count, numbers) */
  long first, samples; /* of the present batch */
  uint32_t epoch, pass;
};

/* Collective: loss (mean) and gradient of a batch: samples [first, first + n) of epoch `epoch`; pass numbers the noise.
 * grad is divided by the sum of weights. state follows the batch. */
int nn_fit_batch(nn_fit *f, uint32_t epoch, long first, long n, uint32_t pass, double *loss, err *e);
/* Collective: tries rising learning rates on a copy and keeps one to use in f->s.lr, the curve in f->finder. */
int nn_fit_find_lr(nn_fit *f, err *e);

#endif

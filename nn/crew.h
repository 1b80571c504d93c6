/* crew.h: the threads of a rank at work on the shards of a batch: one frame and one set of lanes per thread. A batch of
 * n samples is spread evenly over its shards, so that none is nearly empty. Samples may be longer than the network:
 * `pieces` times, each piece walked after the other on the same frame, recurrent layers carrying on (nn_by_frames). */
#ifndef NN_CREW_H
#define NN_CREW_H

#include "base/comm.h"
#include "nn/dataset.h"
#include "nn/graph.h"
#include "nn/loss.h"

typedef struct nn_worker {
  nn_frame *f;
  nn_lanes to;
  long *index;    /* (lanes) */
  int *held;      /* (lanes) lengths within the present piece */
  nn_real *whole; /* storage of inputs longer than the frame */
  err e;          /* of its last shard that failed */
} nn_worker;

typedef struct nn_crew {
  const nn_graph *g;
  const comm *c;
  nn_plan *plan;
  int targets;       /* per position of the output */
  int pieces;        /* of a sample */
  nn_worker *worker; /* (threads) */
  nn_real *rows;     /* room of nn_predict: own rows, then (rank 0) all; made when first needed */
  size_t room;
} nn_crew;
/* Local. pieces > 1: all inputs and the output are sequences. ERR_DECK where g cannot go by pieces. */
int nn_crew_new(nn_crew **out, const nn_graph *g, const comm *c, int lanes, int targets, int pieces, bool train,
                err *e);
void nn_crew_free(nn_crew *w);
size_t nn_crew_bytes(const nn_plan *p, int threads, int targets, int pieces); /* of one rank */

/* Local: work(ctx, thread, shard, ...) for the shards of this rank out of `shards`, each worker its range in ascending
 * order, all of them however many threads OpenMP grants. Returns the error of the first worker that has one. */
typedef void nn_work(void *ctx, int thread, int shard, nn_worker *w);
int nn_crew_each(nn_crew *w, int shards, nn_work *work, void *ctx, err *e);

/* Samples of a batch that fall to shard k: numbers first .. first + n - 1. As few shards as can hold them share them
 * evenly; the others get none. */
typedef struct nn_share {
  long first;
  int n;
} nn_share;
nn_share nn_share_of(long samples, int lanes, int k);
/* Fill the worker's frame with n samples (w->index), lanes behind them with zeros. */
int nn_worker_fetch(const nn_crew *c, nn_worker *w, const nn_dataset *d, int n, bool targets);
/* The frame's inputs become those of piece k; in ascending order. */
void nn_worker_piece(const nn_crew *c, nn_worker *w, int k);
/* The loss of piece k, once it was walked: dz and sum as in nn_loss_shard; warm-up counts from the first piece. */
void nn_worker_loss(const nn_crew *c, nn_worker *w, int k, const nn_loss *l, const nn_loss_conf *conf, nn_real *dz,
                    double sum[2]);

/* Collective: the network (training off) on a dataset in its order, `shards` at a time. On rank 0 (NULL elsewhere, or
 * where not wanted) out (count, numbers of the output), target (count, numbers of the targets). loss (may be NULL):
 * sum[2] of nn_loss_shard over all, on every rank. */
typedef struct nn_prediction {
  const nn_dataset *d;
  const nn_real *theta, *state;
  const nn_loss *loss;
  const nn_loss_conf *loss_conf;
  nn_real *out, *target;
  double sum[2];
} nn_prediction;
int nn_predict(nn_crew *w, nn_prediction *p, err *e);

#endif

/* team.h: the workers of a run on the shards of a batch: one ar_worker per thread, frames per shard where they are
 * kept. */
#ifndef SAMPLERS_TEAM_H
#define SAMPLERS_TEAM_H

#include "base/run.h"
#include "samplers/ar.h"

typedef struct team {
  const ar *a;
  const comm *c;
  int shards, first, end; /* of the batch; this rank's range */
  bool kept;              /* activations of all own shards are kept between draw and backward */
  ar_worker **worker;     /* (threads) */
  ar_frames *frames;      /* (end-first) if kept, else (threads) */
} team;

/* Collective. keep: activations should survive until backward; they do where they fit `memory` bytes, else team.kept is
 * false and the caller draws a shard again before its backward (same bits). */
int team_new(team **t, const ar *a, const comm *c, int shards, bool keep, double memory, err *e);
void team_free(team *t);
size_t team_bytes(const ar *a, const comm *c, int shards, bool keep); /* of one rank */
/* Local: work(ctx, thread, shard, ...) for every shard of this rank, each worker its range in ascending order; a thread
 * has its own worker and frames. All shards are done however many threads OpenMP grants. */
typedef void team_work(void *ctx, int thread, int shard, ar_worker *w, const ar_frames *f);
void team_each(const team *t, team_work *work, void *ctx);

#endif

/* draws.c: see draws.h. Rounds of shards: every worker draws, completes and measures its shards; rank 0 receives the
 * rows. */
#include "samplers/draws.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/team.h"

/* Shards per round, and at least so many for each worker: fixes memory, not results. */
enum { ROUND = 128, EACH = 4 };

typedef struct job {
  const ar *a;
  const nn_real *theta;
  const comm *c;
  team *t;
  rng r;
  double *mine, *all; /* (own shards, S, row), (ROUND, S, row) on rank 0 */
  int8_t *spins;      /* (threads, S, sites) */
  int nexamples;
  int8_t *examples;
  long first;          /* shard of the present round */
  const int8_t *given; /* configurations to be weighed */
} job;

size_t draws_row(const ar *a) {
  return 1 + (size_t)a->model->nobs;
}

static void one_shard(void *ctx, int thread, int k, ar_worker *w, const ar_frames *f) {
  const job *j = ctx;
  const ar *a = j->a;
  int S = a->lanes, N = a->sites;
  long shard = j->first + k;
  size_t width = draws_row(a);
  double lnq[1024], rest[1024], *row = j->mine + (size_t)(k - j->t->first) * S * width;
  int8_t *s = j->spins + (size_t)thread * S * N;
  ar_draw(a, w, f, j->theta, j->r, shard, 0, lnq);
  ar_emit(a, w, f, a->beta, j->r, shard, 0, s, rest);
  for (int i = 0; i < S; i++, row += width) {
    row[0] = lnq[i] + rest[i];
    a->model->measure(a->self, s + (size_t)i * N, row + 1);
  }
  if (!shard && j->nexamples) memcpy(j->examples, s, (size_t)j->nexamples * N);
}

static void round_of_shards(job *j, long first) {
  j->first = first;
  team_each(j->t, one_shard, j);
  comm_gather_rows(j->c, j->t->shards, (size_t)j->a->lanes * draws_row(j->a) * sizeof(double), j->mine, j->all);
}

static int job_open(job *j, run *r, int shards, err *e) {
  size_t S = (size_t)j->a->lanes;
  if (team_new(&j->t, j->a, j->c, shards, false, run_memory(r), e)) return e->code;
  j->mine = malloc((size_t)(j->t->end - j->t->first + 1) * S * draws_row(j->a) * sizeof *j->mine);
  j->all = malloc((j->c->rank ? 1 : (size_t)shards) * S * draws_row(j->a) * sizeof *j->all);
  j->spins = malloc((size_t)j->c->threads * S * (size_t)j->a->sites);
  return j->mine && j->all && j->spins ? 0 : err_set(e, ERR_RUN, "draws: out of memory");
}

static void job_close(job *j) {
  team_free(j->t);
  free(j->mine), free(j->all), free(j->spins);
}

int draws_make(run *r, const ar *a, const nn_real *theta, const char *stream, long from, long n, draw_sink *sink,
               void *ctx, int nexamples, int8_t *examples, err *e) {
  long S = a->lanes, shards = (n + S - 1) / S - from / S;
  long workers = run_comm(r)->ranks * run_comm(r)->threads, most = ROUND > EACH * workers ? ROUND : EACH * workers;
  int width = (int)(shards < most ? shards : most);
  job j = {.a = a,
           .theta = theta,
           .c = run_comm(r),
           .r = rng_stream(run_seed(r), stream),
           .nexamples = nexamples,
           .examples = examples};
  if (from >= n) return 0;
  job_open(&j, r, width, e);
  comm_vote(j.c, e);
  for (long shard = from / S; shard * S < n && !e->code && !run_stopping(r); shard += width) {
    long first = shard * S < from ? from : shard * S, end = (shard + width) * S < n ? (shard + width) * S : n;
    round_of_shards(&j, shard);
    sink(ctx, first, end - first, j.c->rank ? NULL : j.all + (size_t)(first - shard * S) * draws_row(a), e);
    if (!comm_vote(j.c, e)) run_tick(r, "drawing", end, n, NULL);
  }
  job_close(&j);
  return e->code;
}

static void weigh_shard(void *ctx, int thread, int k, ar_worker *w, const ar_frames *f) {
  const job *j = ctx;
  const ar *a = j->a;
  int S = a->lanes;
  double lnq[1024], *lw = j->mine + (size_t)(k - j->t->first) * S;
  ar_fill(a, f, j->given + (size_t)k * S * a->sites);
  ar_target(a, w, f, a->beta, lw);
  ar_density(a, w, f, j->theta, lnq);
  for (int i = 0; i < S; i++) lw[i] -= lnq[i];
}

int draws_weigh(run *r, const ar *a, const nn_real *theta, long n, const int8_t *s, double *lw, err *e) {
  job j = {.a = a, .theta = theta, .c = run_comm(r), .given = s};
  size_t S = (size_t)a->lanes;
  int shards = (int)(n / a->lanes);
  if (!job_open(&j, r, shards, e)) team_each(j.t, weigh_shard, &j);
  if (!comm_vote(j.c, e)) {
    comm_gather_rows(j.c, shards, S * sizeof *lw, j.mine, lw);
    comm_bcast(j.c, lw, (size_t)shards * S * sizeof *lw);
  }
  job_close(&j);
  return e->code;
}

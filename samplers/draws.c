/* draws.c: see draws.h. Rounds of shards: every worker draws, completes and measures its shards; rank 0 receives the
 * rows. */
#include "samplers/draws.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/team.h"

enum { ROUND = 128 }; /* shards per round: fixes memory, not results */

typedef struct job {
  const ar *a;
  const nn_real *theta;
  const comm *c;
  team *t;
  rng r;
  double *mine, *all; /* (own shards, S, DRAW_ROW), (ROUND, S, DRAW_ROW) on rank 0 */
  int8_t *spins;      /* (threads, S, sites) */
  int nexamples;
  int8_t *examples;
} job;

static void one_shard(const job *j, int thread, long shard, const ar_frames *f, double *row) {
  const ar *a = j->a;
  int S = a->lanes, N = a->m->lat->n;
  double lnq[1024], rest[1024], obs[ISING_NOBS];
  int8_t *s = j->spins + (size_t)thread * S * N;
  ar_draw(a, j->t->worker[thread], f, j->theta, j->r, shard, 0, lnq);
  ar_emit(a, j->t->worker[thread], f, a->m->beta, j->r, shard, 0, s, rest);
  for (int i = 0; i < S; i++, row += DRAW_ROW) {
    ising_measure(a->m, s + (size_t)i * N, obs);
    row[DRAW_LNQ] = lnq[i] + rest[i];
    row[DRAW_E] = obs[ISING_E], row[DRAW_M] = obs[ISING_M], row[DRAW_SK] = obs[ISING_SK];
  }
  if (!shard && j->nexamples) memcpy(j->examples, s, (size_t)j->nexamples * N);
}

static void round_of_shards(const job *j, long first) {
  size_t row = (size_t)j->a->lanes * DRAW_ROW;
#pragma omp parallel num_threads(j->c->threads)
  {
    int th = omp_get_thread_num();
    comm_range mine = comm_thread_range((comm_range){j->t->first, j->t->end}, th, j->c->threads);
    for (int k = mine.first; k < mine.end; k++)
      one_shard(j, th, first + k, team_frames(j->t, th, k), j->mine + (size_t)(k - j->t->first) * row);
  }
  comm_gather_rows(j->c, j->t->shards, row * sizeof(double), j->mine, j->all);
}

static int job_open(job *j, run *r, int shards, err *e) {
  size_t S = (size_t)j->a->lanes;
  if (team_new(&j->t, j->a, j->c, shards, false, run_memory(r), e)) return e->code;
  j->mine = malloc((size_t)(j->t->end - j->t->first + 1) * S * DRAW_ROW * sizeof *j->mine);
  j->all = malloc((j->c->rank ? 1 : (size_t)shards) * S * DRAW_ROW * sizeof *j->all);
  j->spins = malloc((size_t)j->c->threads * S * (size_t)j->a->m->lat->n);
  return j->mine && j->all && j->spins ? 0 : err_set(e, ERR_RUN, "draws: out of memory");
}

static void job_close(job *j) {
  team_free(j->t);
  free(j->mine), free(j->all), free(j->spins);
}

int draws_make(run *r, const ar *a, const nn_real *theta, const char *stream, long from, long n, draw_sink *sink,
               void *ctx, int nexamples, int8_t *examples, err *e) {
  long S = a->lanes, shards = (n + S - 1) / S - from / S;
  int width = (int)(shards < ROUND ? shards : ROUND);
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
    sink(ctx, first, end - first, j.c->rank ? NULL : j.all + (first - shard * S) * DRAW_ROW, e);
    if (!comm_vote(j.c, e)) run_tick(r, "drawing", end, n, NULL);
  }
  job_close(&j);
  return e->code;
}

static void weigh_shard(const job *j, int thread, long shard, const ar_frames *f, const int8_t *s, double *lw) {
  const ar *a = j->a;
  int S = a->lanes, N = a->m->lat->n;
  double lnq[1024];
  for (int t = 0; t < a->o->n; t++)
    for (int i = 0; i < S; i++) f->f[0]->value[0][(size_t)t * S + i] = s[((size_t)shard * S + i) * N + a->o->site[t]];
  ar_target(a, j->t->worker[thread], f, a->m->beta, lw);
  ar_density(a, j->t->worker[thread], f, j->theta, lnq);
  for (int i = 0; i < S; i++) lw[i] -= lnq[i];
}

int draws_weigh(run *r, const ar *a, const nn_real *theta, long n, const int8_t *s, double *lw, err *e) {
  job j = {.a = a, .theta = theta, .c = run_comm(r)};
  int S = a->lanes, shards = (int)(n / S);
  if (!job_open(&j, r, shards, e)) {
#pragma omp parallel num_threads(j.c->threads)
    {
      int th = omp_get_thread_num();
      comm_range mine = comm_thread_range((comm_range){j.t->first, j.t->end}, th, j.c->threads);
      for (int k = mine.first; k < mine.end; k++)
        weigh_shard(&j, th, k, team_frames(j.t, th, k), s, j.mine + (size_t)(k - j.t->first) * S);
    }
  }
  if (!comm_vote(j.c, e)) {
    comm_gather_rows(j.c, shards, (size_t)S * sizeof *lw, j.mine, lw);
    comm_bcast(j.c, lw, (size_t)shards * S * sizeof *lw);
  }
  job_close(&j);
  return e->code;
}

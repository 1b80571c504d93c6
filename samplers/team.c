/* team.c: see team.h. */
#include "samplers/team.h"

#include <stdlib.h>

static size_t frame_sets(const comm *c, int shards, bool keep) {
  comm_range r = comm_rank_range(c, 0, shards);
  size_t most = (size_t)(r.end - r.first + 1);
  return keep ? most : (size_t)c->threads;
}

size_t team_bytes(const ar *a, const comm *c, int shards, bool keep) {
  size_t worker = (a->plan->values + a->plan->grads + a->plan->scratch) * sizeof(nn_real);
  return (size_t)c->threads * worker + frame_sets(c, shards, keep) * ar_frames_bytes(a);
}

int team_new(team **out, const ar *a, const comm *c, int shards, bool keep, double memory, err *e) {
  team *t = *out = calloc(1, sizeof *t);
  if (!t) return err_set(e, ERR_RUN, "workers: out of memory");
  comm_range r = comm_rank_range(c, c->rank, shards);
  *t = (team){.a = a, .c = c, .shards = shards, .first = r.first, .end = r.end};
  t->kept = keep && (double)team_bytes(a, c, shards, true) <= memory;
  int sets = t->kept ? r.end - r.first : c->threads;
  t->worker = calloc((size_t)c->threads, sizeof *t->worker);
  t->frames = calloc((size_t)sets + 1, sizeof *t->frames);
  if (!t->worker || !t->frames) return err_set(e, ERR_RUN, "workers: out of memory");
  for (int i = 0; i < c->threads; i++)
    if (ar_worker_new(&t->worker[i], a, e)) return e->code;
  for (int th = 0; th < c->threads; th++) {
    comm_range own = t->kept ? comm_thread_range(r, th, c->threads) : (comm_range){r.first + th, r.first + th + 1};
    for (int k = own.first; k < own.end; k++)
      if (ar_frames_new(&t->frames[k - r.first], a, t->worker[th], t->kept, e)) return e->code;
  }
  return 0;
}

void team_free(team *t) {
  if (!t) return;
  comm_range r = {t->first, t->end};
  for (int th = 0; th < t->c->threads; th++) {
    comm_range own = t->kept ? comm_thread_range(r, th, t->c->threads) : (comm_range){t->first + th, t->first + th + 1};
    for (int k = own.first; t->frames && k < own.end; k++)
      if (t->frames[k - t->first].f) ar_frames_free(&t->frames[k - t->first], t->a, t->worker[th]);
  }
  for (int th = 0; t->worker && th < t->c->threads; th++) ar_worker_free(t->worker[th]);
  free(t->worker), free(t->frames), free(t);
}

void team_each(const team *t, team_work *work, void *ctx) {
  int threads = t->c->threads;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int th = 0; th < threads; th++) {
    comm_range mine = comm_thread_range((comm_range){t->first, t->end}, th, threads);
    for (int k = mine.first; k < mine.end; k++)
      work(ctx, th, k, t->worker[th], &t->frames[t->kept ? k - t->first : th]);
  }
}

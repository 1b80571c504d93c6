/* crew.c: see crew.h. */
#include "nn/crew.h"

#include <stdlib.h>
#include <string.h>

static nn_shape output_shape(const nn_crew *w) {
  return w->g->node[w->g->output].shape;
}

static int worker_new(nn_crew *c, nn_worker *w, err *e) {
  size_t S = (size_t)c->plan->lanes, inputs = 0;
  if (nn_frame_new(&w->f, c->plan, NULL, e)) return e->code;
  for (int i = 0; i < c->g->nnodes; i++) inputs += !c->g->node[i].op;
  nn_real **x = calloc(inputs + 1, sizeof *x);
  w->to = (nn_lanes){.lanes = (int)S, .x = x};
  w->to.target = nn_alloc((size_t)nn_positions(output_shape(c)) * (size_t)c->targets * S * sizeof(nn_real));
  w->to.weight = nn_alloc(S * sizeof(nn_real));
  w->to.length = nn_alloc(S * sizeof(int));
  w->index = nn_alloc(S * sizeof(long));
  if (!x || !w->to.target || !w->to.weight || !w->to.length || !w->index)
    return err_set(e, ERR_RUN, "workers: out of memory");
  inputs = 0;
  for (int i = 0; i < c->g->nnodes; i++)
    if (!c->g->node[i].op) x[inputs++] = w->f->value[i];
  return 0;
}

int nn_crew_new(nn_crew **out, const nn_graph *g, const comm *c, int lanes, int targets, bool train, err *e) {
  nn_crew *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "workers: out of memory");
  *w = (nn_crew){.g = g, .c = c, .targets = targets};
  w->worker = calloc((size_t)c->threads, sizeof *w->worker);
  if (!w->worker) return err_set(e, ERR_RUN, "workers: out of memory");
  if (nn_plan_new(&w->plan, g, lanes, train, false, e)) return e->code;
  for (int t = 0; t < c->threads && !e->code; t++) worker_new(w, &w->worker[t], e);
  return e->code;
}

void nn_crew_free(nn_crew *w) {
  if (!w) return;
  for (int t = 0; w->worker && t < w->c->threads; t++) {
    nn_worker *k = &w->worker[t];
    nn_frame_free(k->f, NULL);
    free((void *)k->to.x), free(k->to.target), free(k->to.weight), free(k->to.length), free(k->index);
  }
  nn_plan_free(w->plan);
  free(w->worker), free(w->rows), free(w);
}

size_t nn_crew_bytes(const nn_plan *p, int threads) {
  return (size_t)threads * (p->values + p->grads + p->scratch) * sizeof(nn_real);
}

int nn_crew_each(nn_crew *w, int shards, nn_work *work, void *ctx, err *e) {
  int threads = w->c->threads;
  comm_range own = comm_rank_range(w->c, w->c->rank, shards);
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int t = 0; t < threads; t++) {
    comm_range mine = comm_thread_range(own, t, threads);
    w->worker[t].e.code = 0;
    for (int k = mine.first; k < mine.end; k++) work(ctx, t, k, &w->worker[t]);
  }
  for (int t = 0; t < threads && !e->code; t++)
    if (w->worker[t].e.code) *e = w->worker[t].e;
  return e->code;
}

nn_share nn_share_of(long samples, int lanes, int k) {
  long used = (samples + lanes - 1) / lanes, each = used ? samples / used : 0, more = used ? samples % used : 0;
  if (k >= used) return (nn_share){samples, 0};
  return (nn_share){k * each + (k < more ? k : more), (int)(each + (k < more))};
}

int nn_worker_fetch(const nn_crew *c, nn_worker *w, const nn_dataset *d, int n, bool targets) {
  nn_frame *f = w->f;
  int S = f->lanes, whole = 1, input = 0;
  for (int i = 0; i < c->g->nnodes; i++) {
    const nn_node *node = &c->g->node[i];
    if (node->op) continue;
    if (!input++) whole = node->shape.extent[0];
    if (n < S) memset(f->value[i], 0, nn_rows(node->shape) * (size_t)S * sizeof(nn_real));
  }
  if (n < S) memset(w->to.target, 0, (size_t)nn_positions(output_shape(c)) * (size_t)c->targets * S * sizeof(nn_real));
  for (int i = 0; i < S; i++) w->to.weight[i] = 1, w->to.length[i] = whole;
  f->valid = n;
  f->whole = whole;
  f->length = d->lengths ? w->to.length : NULL;
  nn_lanes to = w->to;
  if (!targets) to.target = NULL;
  if (n) d->fetch(d->ctx, n, w->index, &to, &w->e);
  return w->e.code;
}

/* ---- nn_predict ---- */
enum { AT_A_TIME = 16 }; /* shards */
typedef struct pass {
  nn_crew *w;
  nn_prediction *p;
  int shards, first; /* shards at a time; first own one */
  long base;         /* first sample of this round */
  size_t out, target;
  nn_real *mine;              /* (own shards, S, out + target) sample by sample */
  double sums[2 * AT_A_TIME]; /* (own shards, 2) */
} pass;

/* (numbers, S) -> (S, ld) */
static void turn(size_t numbers, int S, const nn_real *from, nn_real *to, size_t ld) {
  for (size_t r = 0; r < numbers; r++)
    for (int i = 0; i < S; i++) to[(size_t)i * ld + r] = from[r * (size_t)S + (size_t)i];
}

static void predict_shard(void *ctx, int thread, int shard, nn_worker *w) {
  pass *a = ctx;
  nn_prediction *p = a->p;
  int S = w->f->lanes, output = a->w->g->output;
  long from = a->base + (long)shard * S, left = p->d->count - from;
  int n = left < 0 ? 0 : left < S ? (int)left : S;
  double *sum = a->sums + 2 * (shard - a->first);
  bool wants = p->loss || a->target;
  sum[0] = sum[1] = 0;
  for (int i = 0; i < n; i++) w->index[i] = from + i;
  if (!n || nn_worker_fetch(a->w, w, p->d, n, wants)) return;
  w->f->theta = p->theta, w->f->state = p->state, w->f->train = false;
  nn_forward(a->w->plan, w->f);
  if (p->loss)
    nn_loss_shard(p->loss, p->loss_conf, w->f, output_shape(a->w), a->w->targets, w->f->value[output], w->to.target,
                  w->to.weight, NULL, sum);
  nn_real *row = a->mine + (size_t)(shard - a->first) * S * (a->out + a->target);
  if (a->out) turn(a->out, S, w->f->value[output], row, a->out + a->target);
  if (a->target) turn(a->target, S, w->to.target, row + a->out, a->out + a->target);
}

/* Rank 0: rows of one round into the caller's arrays. */
static void unpack(const pass *a, const nn_real *all) {
  size_t S = (size_t)a->w->plan->lanes, wide = a->out + a->target;
  for (long i = 0; i < (long)(a->shards * (long)S) && a->base + i < a->p->d->count; i++) {
    const nn_real *row = all + (size_t)i * wide;
    size_t to = (size_t)(a->base + i);
    if (a->p->out) memcpy(a->p->out + to * a->out, row, a->out * sizeof *row);
    if (a->p->target) memcpy(a->p->target + to * a->target, row + a->out, a->target * sizeof *row);
  }
}

static int rounds(pass *a, nn_real *all, err *e) {
  double sums[2 * AT_A_TIME];
  const comm *c = a->w->c;
  size_t S = (size_t)a->w->plan->lanes, row = S * (a->out + a->target) * sizeof(nn_real);
  for (; a->base < a->p->d->count; a->base += (long)a->shards * (long)S) {
    nn_crew_each(a->w, a->shards, predict_shard, a, e);
    if (comm_vote(c, e)) return e->code;
    comm_gather_rows(c, a->shards, 2 * sizeof *sums, a->sums, sums);
    if (row) comm_gather_rows(c, a->shards, row, a->mine, all);
    for (int k = 0; k < a->shards && !c->rank; k++) a->p->sum[0] += sums[2 * k], a->p->sum[1] += sums[2 * k + 1];
    if (!c->rank && row) unpack(a, all);
  }
  comm_bcast(c, a->p->sum, sizeof a->p->sum);
  return 0;
}

static int make_room(nn_crew *w, size_t reals, err *e) {
  if (reals > w->room) {
    free(w->rows);
    w->rows = nn_alloc(reals * sizeof *w->rows);
    w->room = w->rows ? reals : 0;
    if (!w->rows) err_set(e, ERR_RUN, "prediction: out of memory");
  }
  return comm_vote(w->c, e);
}

int nn_predict(nn_crew *w, nn_prediction *p, err *e) {
  nn_shape y = output_shape(w);
  bool wanted[2] = {p->out, p->target};
  comm_bcast(w->c, wanted, sizeof wanted);
  pass a = {.w = w, .p = p, .shards = AT_A_TIME};
  comm_range own = comm_rank_range(w->c, w->c->rank, a.shards);
  a.first = own.first;
  a.out = wanted[0] ? nn_rows(y) : 0, a.target = wanted[1] ? (size_t)nn_positions(y) * (size_t)w->targets : 0;
  size_t row = (size_t)w->plan->lanes * (a.out + a.target), mine = (size_t)(own.end - own.first) * row;
  p->sum[0] = p->sum[1] = 0;
  if (make_room(w, mine + (w->c->rank ? 0 : AT_A_TIME * row), e)) return e->code;
  a.mine = w->rows;
  return rounds(&a, w->rows + mine, e);
}

/* crew.c: see crew.h. */
#include "nn/crew.h"

#include <stdlib.h>
#include <string.h>

static nn_shape output_shape(const nn_crew *w) {
  return w->g->node[w->g->output].shape;
}

/* Reals of one lane of all inputs of a sample. */
static size_t input_rows(const nn_graph *g, int pieces) {
  size_t rows = 0;
  for (int i = 0; i < g->nnodes; i++) rows += g->node[i].op ? 0 : nn_rows(g->node[i].shape) * (size_t)pieces;
  return rows;
}

static size_t target_rows(const nn_graph *g, int targets, int pieces) {
  return (size_t)nn_positions(g->node[g->output].shape) * (size_t)(targets * pieces);
}

static int worker_new(nn_crew *c, nn_worker *w, err *e) {
  size_t S = (size_t)c->plan->lanes, inputs = 0, at = 0;
  if (nn_frame_new(&w->f, c->plan, NULL, e)) return e->code;
  for (int i = 0; i < c->g->nnodes; i++) inputs += !c->g->node[i].op;
  nn_real **x = calloc(inputs + 1, sizeof *x);
  w->to = (nn_lanes){.lanes = (int)S, .x = x};
  w->to.target = nn_alloc(target_rows(c->g, c->targets, c->pieces) * S * sizeof(nn_real));
  w->to.weight = nn_alloc(S * sizeof(nn_real));
  w->to.length = nn_alloc(S * sizeof(int)), w->held = nn_alloc(S * sizeof(int));
  w->index = nn_alloc(S * sizeof(long));
  w->whole = nn_alloc(c->pieces > 1 ? input_rows(c->g, c->pieces) * S * sizeof(nn_real) : 1);
  if (!x || !w->to.target || !w->to.weight || !w->to.length || !w->held || !w->index || !w->whole)
    return err_set(e, ERR_RUN, "workers: out of memory");
  inputs = 0;
  for (int i = 0; i < c->g->nnodes; i++) {
    if (c->g->node[i].op) continue;
    x[inputs++] = c->pieces > 1 ? w->whole + at : w->f->value[i];
    at += nn_rows(c->g->node[i].shape) * (size_t)c->pieces * S;
  }
  return 0;
}

/* Is everything that comes in or goes out a sequence that can be cut? */
static int check_pieces(const nn_graph *g, err *e) {
  int frames = g->node[g->output].shape.extent[0];
  for (int i = 0; i < g->nnodes; i++)
    if (!g->node[i].op && g->node[i].shape.extent[0] != frames)
      return err_set(e, ERR_DECK, "network: input '%s' and output are no sequences of one length, to go by pieces",
                     g->node[i].name);
  return nn_by_frames(g, e);
}

int nn_crew_new(nn_crew **out, const nn_graph *g, const comm *c, int lanes, int targets, int pieces, bool train,
                err *e) {
  nn_crew *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "workers: out of memory");
  *w = (nn_crew){.g = g, .c = c, .targets = targets, .pieces = pieces};
  w->worker = calloc((size_t)c->threads, sizeof *w->worker);
  if (!w->worker) return err_set(e, ERR_RUN, "workers: out of memory");
  if ((pieces > 1 && check_pieces(g, e)) || nn_plan_new(&w->plan, g, lanes, train, false, e)) return e->code;
  for (int t = 0; t < c->threads && !e->code; t++) worker_new(w, &w->worker[t], e);
  return e->code;
}

void nn_crew_free(nn_crew *w) {
  if (!w) return;
  for (int t = 0; w->worker && t < w->c->threads; t++) {
    nn_worker *k = &w->worker[t];
    nn_frame_free(k->f, NULL);
    free((void *)k->to.x), free(k->to.target), free(k->to.weight), free(k->to.length), free(k->index);
    free(k->held), free(k->whole);
  }
  nn_plan_free(w->plan);
  free(w->worker), free(w->rows), free(w);
}

size_t nn_crew_bytes(const nn_plan *p, int threads, int targets, int pieces) {
  size_t each = target_rows(p->graph, targets, pieces) + (pieces > 1 ? input_rows(p->graph, pieces) : 0);
  return (size_t)threads * (p->values + p->grads + p->scratch + each * (size_t)p->lanes) * sizeof(nn_real);
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
    if (!input) whole = node->shape.extent[0];
    if (n < S) memset(w->to.x[input], 0, nn_rows(node->shape) * (size_t)(c->pieces * S) * sizeof(nn_real));
    input++;
  }
  if (n < S) memset(w->to.target, 0, target_rows(c->g, c->targets, c->pieces) * (size_t)S * sizeof(nn_real));
  for (int i = 0; i < S; i++) w->to.weight[i] = 1, w->to.length[i] = whole * c->pieces;
  f->valid = n;
  f->whole = whole;
  f->length = d->lengths ? w->held : NULL;
  nn_lanes to = w->to;
  if (!targets) to.target = NULL;
  if (n) d->fetch(d->ctx, n, w->index, &to, &w->e);
  return w->e.code;
}

void nn_worker_piece(const nn_crew *c, nn_worker *w, int k) {
  nn_frame *f = w->f;
  f->carry = k > 0;
  for (int i = 0; i < f->lanes; i++) {
    int left = w->to.length[i] - k * f->whole;
    w->held[i] = left < 0 ? 0 : left < f->whole ? left : f->whole;
  }
  for (int i = 0, input = 0; i < c->g->nnodes && c->pieces > 1; i++)
    if (!c->g->node[i].op) f->value[i] = w->to.x[input++] + (size_t)k * nn_rows(c->g->node[i].shape) * (size_t)f->lanes;
}

void nn_worker_loss(const nn_crew *c, nn_worker *w, int k, const nn_loss *l, const nn_loss_conf *conf, nn_real *dz,
                    double sum[2]) {
  nn_shape y = output_shape(c);
  nn_loss_conf own = *conf;
  own.warmup -= (long)k * nn_positions(y);
  nn_loss_shard(l, &own, w->f, y, c->targets, w->f->value[c->g->output],
                w->to.target + (size_t)k * target_rows(c->g, c->targets, 1) * (size_t)w->f->lanes, w->to.weight, dz,
                sum);
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
  nn_real *row = a->mine + (size_t)(shard - a->first) * S * (a->out + a->target);
  size_t each = a->out / (size_t)a->w->pieces;
  for (int k = 0; k < a->w->pieces; k++) {
    nn_worker_piece(a->w, w, k);
    nn_forward(a->w->plan, w->f);
    if (p->loss) nn_worker_loss(a->w, w, k, p->loss, p->loss_conf, NULL, sum);
    if (each) turn(each, S, w->f->value[output], row + (size_t)k * each, a->out + a->target);
  }
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
  a.out = wanted[0] ? nn_rows(y) * (size_t)w->pieces : 0;
  a.target = wanted[1] ? target_rows(w->g, w->targets, w->pieces) : 0;
  size_t row = (size_t)w->plan->lanes * (a.out + a.target), mine = (size_t)(own.end - own.first) * row;
  p->sum[0] = p->sum[1] = 0;
  if (make_room(w, mine + (w->c->rank ? 0 : AT_A_TIME * row), e)) return e->code;
  a.mine = w->rows;
  return rounds(&a, w->rows + mine, e);
}

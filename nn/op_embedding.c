/* op_embedding.c: a trained table of vectors for a categorical channel: y = table[x]. No gradient goes to x. */
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_embedding_conf *c = n->conf;
  if (c->levels < 1 || c->out < 1 || c->column < 0 || c->column >= in->channels)
    return err_set(e, ERR_RUN, "needs levels >= 1, out >= 1 and a column below %d", in->channels);
  int *channels = n->table = malloc(sizeof *channels);
  if (!channels) return err_set(e, ERR_RUN, "out of memory");
  *channels = in->channels;
  n->shape = *in;
  n->shape.channels = c->out;
  n->nparam = (size_t)c->levels * c->out;
  n->local = true;
  return 0;
}

static void release(nn_node *n) {
  free(n->table);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  for (size_t i = 0; i < n->nparam; i++) theta[i] = (nn_real)rng_normal(r, i, 0, 0);
}

/* Row of the table for position t, lane i. */
static size_t row(const nn_node *n, const nn_frame *f, int t, int i) {
  const nn_embedding_conf *c = n->conf;
  nn_real x = f->value[n->in[0]][((size_t)t * *(const int *)n->table + c->column) * f->lanes + i];
  return x >= 0 && x < (nn_real)c->levels ? (size_t)x : 0; /* a NaN is no category either */
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  int out = n->shape.channels, S = f->lanes;
  for (int t = from; t < to; t++)
    for (int i = 0; i < S; i++) {
      const nn_real *w = f->theta + n->param + row(n, f, t, i) * out;
      nn_real *y = f->value[n->id] + (size_t)t * out * S + i;
      for (int c = 0; c < out; c++) y[(size_t)c * S] = w[c];
    }
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  int out = n->shape.channels, S = f->lanes;
  size_t width = (size_t) * (const int *)n->table * S;
  nn_real *dx = f->grad[n->in[0]];
  if (dx && nn_opens(n, f, 0)) memset(dx + from * width, 0, (size_t)(to - from) * width * sizeof *dx);
  for (int t = from; t < to; t++)
    for (int i = 0; i < S; i++) {
      nn_real *dw = f->dtheta + n->param + row(n, f, t, i) * out;
      const nn_real *dy = f->grad[n->id] + (size_t)t * out * S + i;
      for (int c = 0; c < out; c++) dw[c] += dy[(size_t)c * S];
    }
}

/* All that the vector has goes to the category that chose it. */
static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  const nn_embedding_conf *k = n->conf;
  int C = n->shape.channels, S = f->lanes;
  double *out = nn_account(t, n->id, NN_OUT, S), *in = nn_account(t, n->id, NN_IN, S);
  for (int p = 0; p < nn_positions(n->shape); p++)
    for (int c = 0; c < C; c++) {
      const nn_real *from = t->relevance[n->id] + ((size_t)p * C + c) * S;
      nn_real *to = t->relevance[n->in[0]] + ((size_t)p * *(const int *)n->table + k->column) * S;
      for (int i = 0; i < S; i++) to[i] += from[i];
      nn_credit(out, S, 1, from), nn_credit(in, S, 1, from);
    }
}

static void text(const nn_node *n, FILE *f) {
  const nn_embedding_conf *c = n->conf;
  fprintf(f, "column %d levels %d", c->column, c->levels);
}

const nn_op nn_op_embedding = {.name = "embedding",
                               .help = "a trained vector per category",
                               .conf_size = sizeof(nn_embedding_conf),
                               .takes = NN_SHARE_PASS,
                               .relevance = relevance,
                               .min_in = 1,
                               .max_in = 1,
                               .needs_x = true,
                               .shape = shape,
                               .free = release,
                               .init = init,
                               .forward = nn_every_block,
                               .step = nn_block_step,
                               .block = block,
                               .backward = nn_every_back_block,
                               .back_block = back_block,
                               .text = text};

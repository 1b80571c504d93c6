/* op_dense.c: fully connected layer, y = b + W^T x, of all positions at once (flattened, one position comes out) or of
 * every position by itself with the same weights. Weights (rows of x, Cout), then biases. */
#include <math.h>

#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/segment.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_dense_conf *c = n->conf;
  int positions = c->per_position ? nn_positions(*in) : 1;
  int rows = c->per_position ? in->channels : (int)nn_rows(*in);
  if (c->out < 1) return err_set(e, ERR_RUN, "needs out >= 1, not %d", c->out);
  nn_segments *s = n->table = nn_segments_new(positions);
  int bad = !s;
  for (int t = 0; t < positions && !bad; t++) {
    bad = nn_segments_add(s, t, 0, t * rows, rows);
    nn_segments_close(s, t);
  }
  if (bad || nn_segments_finish(s)) return err_set(e, ERR_RUN, "out of memory");
  n->shape = c->per_position ? *in : (nn_shape){{1, 1, 1}, 0};
  n->shape.channels = c->out;
  n->nparam = (size_t)rows * c->out + (c->bias ? c->out : 0);
  n->nweights = n->nparam - (c->bias ? c->out : 0);
  n->macs = nn_segments_macs(s, c->out);
  n->scratch = nn_segments_scratch(c->out);
  n->local = positions == nn_positions(*in);
  n->once = true;
  n->ahead = n->local ? NN_NEVER : NN_ALWAYS;
  return 0;
}

static void release(nn_node *n) {
  nn_segments_free(n->table);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const nn_dense_conf *c = n->conf;
  size_t weights = n->nparam - (c->bias ? c->out : 0), rows = weights / c->out;
  nn_uniform(theta, weights, c->gain / sqrt((double)rows), r, 0);
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_dense_conf *c = n->conf;
  const nn_real *w = f->theta + n->param;
  nn_segments_block(n->table, from, to, c->out, f->lanes, w, f->value[n->in[0]],
                    c->bias ? w + n->nparam - c->out : NULL, f->value[n->id]);
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_dense_conf *c = n->conf;
  nn_real *dw = f->dtheta + n->param;
  nn_segments_back_block(n->table, from, to, c->out, f->lanes, f->theta + n->param, f->value[n->in[0]], f->grad[n->id],
                         f->grad[n->in[0]], nn_opens(n, f, 0), dw, c->bias ? dw + n->nparam - c->out : NULL,
                         f->scratch);
}

static nn_linear linear(const nn_node *n) {
  const nn_dense_conf *c = n->conf;
  return nn_linear_of_layer(n->table, n, c->out, c->bias ? (size_t)c->out : 0, true);
}

static void text(const nn_node *n, FILE *f) {
  const nn_dense_conf *c = n->conf;
  fprintf(f, "%s bias %d", c->per_position ? "per position" : "of all positions", c->bias);
}

const nn_op nn_op_dense = {.name = "dense",
                           .help = "fully connected layer, of all positions or of each",
                           .conf_size = sizeof(nn_dense_conf),
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
                           .takes = NN_SHARE_SUM | NN_SHARE_PLAIN,
                           .relevance = nn_linear_relevance,
                           .linear = linear,
                           .text = text};

/* op_conv.c: convolution in one, two or three dimensions with kernel, stride, dilation, zero or periodic padding:
 *   y[p] = b + sum_taps K[tap] x[stride p + dilation tap - before]
 * Weights (taps, Cin, Cout) with the last dimension's taps fastest, then biases. Taps that are neighbours in x merge to
 * one term of the product, and neighbouring positions share it (nn/segment.h). */
#include <math.h>

#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/segment.h"
#include "nn/window.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_conv_conf *c = n->conf;
  nn_window w;
  if (c->out < 1) return err_set(e, ERR_RUN, "needs out >= 1, not %d", c->out);
  if (nn_window_of(&w, &c->window, *in, e)) return e->code;
  int positions = nn_positions(w.out), cin = in->channels, bad = 0, last = 0;
  nn_segments *s = n->table = nn_segments_new(positions);
  for (int t = 0; t < positions && s && !bad; t++) {
    for (int tap = 0; tap < w.taps; tap++) {
      int x = nn_window_at(&w, t, tap);
      if (x >= 0) bad |= nn_segments_add(s, t, tap * cin, x * cin, cin);
      last = x - t > last ? x - t : last;
    }
    nn_segments_close(s, t);
  }
  if (!s || bad || nn_segments_finish(s)) return err_set(e, ERR_RUN, "out of memory");
  n->shape = w.out;
  n->shape.channels = c->out;
  n->nparam = (size_t)w.taps * cin * c->out + (c->bias ? c->out : 0);
  n->nweights = n->nparam - (c->bias ? c->out : 0);
  n->macs = nn_segments_macs(s, c->out);
  n->scratch = nn_segments_scratch(c->out);
  n->local = w.taps == 1 && positions == nn_positions(*in);
  n->within = w.c.kernel[0] == 1 && w.out.extent[0] == in->extent[0];
  n->ahead = positions == nn_positions(*in) && !last ? NN_NEVER : NN_ALWAYS;
  return 0;
}

static void release(nn_node *n) {
  nn_segments_free(n->table);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const nn_conv_conf *c = n->conf;
  size_t weights = n->nparam - (c->bias ? c->out : 0), rows = weights / c->out;
  nn_uniform(theta, weights, c->gain / sqrt((double)rows), r, 0);
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_conv_conf *c = n->conf;
  const nn_real *w = f->theta + n->param;
  nn_segments_block(n->table, from, to, c->out, f->lanes, w, f->value[n->in[0]],
                    c->bias ? w + n->nparam - c->out : NULL, f->value[n->id]);
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_conv_conf *c = n->conf;
  nn_real *dw = f->dtheta + n->param;
  nn_segments_back_block(n->table, from, to, c->out, f->lanes, f->theta + n->param, f->value[n->in[0]], f->grad[n->id],
                         f->grad[n->in[0]], n->local && nn_opens(n, f, 0), dw, c->bias ? dw + n->nparam - c->out : NULL,
                         f->scratch);
}

static nn_linear linear(const nn_node *n) {
  const nn_conv_conf *c = n->conf;
  return nn_linear_of_layer(n->table, n, c->out, c->bias ? (size_t)c->out : 0, true);
}

static void text(const nn_node *n, FILE *f) {
  const nn_conv_conf *c = n->conf;
  nn_window_text(&c->window, f);
  fprintf(f, " bias %d", c->bias);
}

const nn_op nn_op_conv = {.name = "conv",
                          .help = "convolution in one to three dimensions",
                          .conf_size = sizeof(nn_conv_conf),
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

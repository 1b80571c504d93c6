/* op_causal_conv2d.c: masked convolution of a PixelCNN (van den Oord et al. 2016; Wu, Wang, Zhang, PRL 122 080602).
 *   y[r,c] = b + sum over open taps K[dy,dx] x[r + d dy, c + d dx],   d = dilation, dy <= 0
 * Taps of one kernel row are neighbours in x and in K, so that (without dilation) a row is one product. */
#include <math.h>

#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/segment.h"

static int taps(const nn_causal_conv2d_conf *c) {
  return c->half * (2 * c->half + 1) + c->half + (c->strict ? 0 : 1);
}

/* Segments of position (r, q): kernel rows from the farthest to the site's own. */
static int position(nn_segments *s, const nn_causal_conv2d_conf *c, int r, int q, int rows, int cols, int cin) {
  int bad = 0, width = 2 * c->half + 1;
  for (int dy = -c->half; dy <= 0; dy++) {
    int last = dy ? c->half : c->strict ? -1 : 0;
    int y = r + dy * c->dilation;
    for (int dx = -c->half; dx <= last && y >= 0; dx++) {
      int x = q + dx * c->dilation, tap = (dy + c->half) * width + dx + c->half;
      if (c->wrap && dy) x = ((x % cols) + cols) % cols;
      if (x >= 0 && x < cols) bad |= nn_segments_add(s, r * cols + q, tap * cin, (y * cols + x) * cin, cin);
    }
  }
  nn_segments_close(s, r * cols + q);
  return bad;
}

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_causal_conv2d_conf *c = n->conf;
  int rows = in->extent[0], cols = in->extent[1];
  if (in->extent[2] != 1 || c->out < 1 || c->half < 0 || c->dilation < 1)
    return err_set(e, ERR_RUN, "needs a two-dimensional input, out >= 1, half >= 0, dilation >= 1");
  nn_segments *s = n->table = nn_segments_new(rows * cols);
  int bad = !s;
  for (int t = 0; t < rows * cols && !bad; t++) bad = position(s, c, t / cols, t % cols, rows, cols, in->channels);
  if (bad || nn_segments_finish(s)) return err_set(e, ERR_RUN, "out of memory");
  n->shape = (nn_shape){{rows, cols, 1}, c->out};
  n->nparam = (size_t)taps(c) * in->channels * c->out + (c->bias ? c->out : 0);
  n->macs = nn_segments_macs(s, c->out);
  n->scratch = (size_t)c->out;
  n->local = !c->half && !c->strict;
  return 0;
}

static void release(nn_node *n) {
  nn_segments_free(n->table);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const nn_causal_conv2d_conf *c = n->conf;
  size_t rows = (size_t)taps(c) * in->channels;
  nn_uniform(theta, rows * c->out, rows ? c->gain / sqrt((double)rows) : 0, r, 0);
  if (c->bias && rows) nn_uniform(theta + rows * c->out, c->out, c->gain / sqrt((double)rows), r, 1);
}

static const nn_real *bias(const nn_node *n, const nn_real *theta) {
  const nn_causal_conv2d_conf *c = n->conf;
  return c->bias ? theta + n->param + n->nparam - c->out : NULL;
}

static void step(const nn_node *n, const nn_frame *f, int t) {
  int out = n->shape.channels;
  nn_real *y = f->value[n->id] + (size_t)t * out * f->lanes; /* (Cout, S) */
  nn_segments_forward(n->table, t, out, f->lanes, f->theta + n->param, f->value[n->in[0]], bias(n, f->theta), y);
}

static void back_step(const nn_node *n, const nn_frame *f, int t) {
  const nn_causal_conv2d_conf *c = n->conf;
  int out = c->out;
  nn_real *dtheta = f->dtheta + n->param;
  const nn_real *dy = f->grad[n->id] + (size_t)t * out * f->lanes;
  if (c->bias) nn_bias_grad(out, f->lanes, dy, dtheta + n->nparam - out);
  nn_segments_backward(n->table, t, out, f->lanes, f->theta + n->param, f->value[n->in[0]], dy, f->grad[n->in[0]],
                       n->local && nn_opens(n, f, 0), dtheta, f->scratch);
}

static nn_linear linear(const nn_node *n) {
  const nn_causal_conv2d_conf *c = n->conf;
  return nn_linear_of_layer(n->table, n, c->out, c->bias ? (size_t)c->out : 0, true);
}

static void text(const nn_node *n, FILE *f) {
  const nn_causal_conv2d_conf *c = n->conf;
  fprintf(f, "half %d dilation %d strict %d wrap %d bias %d", c->half, c->dilation, c->strict, c->wrap, c->bias);
}

const nn_op nn_op_causal_conv2d = {
    .name = "causal_conv2d",
    .help = "masked two-dimensional convolution in raster order",
    .conf_size = sizeof(nn_causal_conv2d_conf),
    .min_in = 1,
    .max_in = 1,
    .needs_x = true,
    .shape = shape,
    .free = release,
    .init = init,
    .forward = nn_every_step,
    .step = step,
    .backward = nn_every_back_step,
    .back_step = back_step,
    .takes = NN_SHARE_SUM | NN_SHARE_PLAIN,
    .relevance = nn_linear_relevance,
    .linear = linear,
    .text = text,
};

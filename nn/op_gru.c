/* op_gru.c: gated recurrent unit over a whole sequence (Cho et al. 2014, in the form of cuDNN and PyTorch):
 *   r = sigma(W_xr x + W_hr h + b_r),  z = sigma(W_xz x + W_hz h + b_z),  g = W_hn h + c,
 *   n = tanh(W_xn x + b_n + r g),      h' = (1 - z) n + z h
 * Parameters W_x (Cin, 3H: r z n), W_h (H, 3H), b (3H), c (H). Slots of a position: r, z, n, g; backward puts the
 * gradients of their arguments in their place. A lane beyond its length has z = 1: its h stays. */
#include <string.h>

#include "nn/elementwise.h"
#include "nn/gemm.h"
#include "nn/recurrent.h"
#include "nn/relevance.h"

enum { R, Z, N, G, SLOTS, GATES = 3 };

static int any_shape(nn_node *n, const nn_shape *in, bool reversed, err *e) {
  const nn_recurrent_conf *c = n->conf;
  return nn_recurrent_shape(n, in, (nn_recurrent){.H = c->width, .gates = GATES, .slots = SLOTS, .reversed = reversed},
                            1, 4, e);
}
static int shape(nn_node *n, const nn_shape *in, err *e) {
  return any_shape(n, in, false, e);
}
static int reversed_shape(nn_node *n, const nn_shape *in, err *e) {
  return any_shape(n, in, true, e);
}

static const nn_real *biases(const nn_node *n, const nn_real *theta) {
  return theta + n->param + n->nweights;
}

/* h before position t: (H, S) */
static const nn_real *h_before(const nn_node *n, const nn_frame *f, int t) {
  int before = nn_recurrent_before(n, t);
  return before < 0 ? nn_recurrent_state(n, f, NN_FIRST, 0) : f->value[n->id] + (size_t)before * nn_width(n->shape, f);
}

/* W_h^T h, columns `first` on, into slots. */
static void state_product(const nn_node *n, const nn_frame *f, int first, int count, const nn_real *h,
                          const nn_real *bias, bool add, nn_real *to) {
  const nn_recurrent *r = n->table;
  const nn_segment all = {0, 0, r->H};
  nn_multiply(&(nn_product){.R = count * r->H,
                            .N = f->lanes,
                            .terms = 1,
                            .panels = 1,
                            .term = &all,
                            .A = f->theta + n->param + (size_t)(r->cin * GATES + first) * r->H,
                            .ra = 1,
                            .ka = (long)GATES * r->H,
                            .B = h,
                            .ldb = f->lanes,
                            .bias = bias,
                            .C = to,
                            .ldc = f->lanes,
                            .add = add});
}

static void at(const nn_node *n, const nn_frame *f, int t) {
  const nn_recurrent *q = n->table;
  int width = (int)nn_width(n->shape, f), S = f->lanes;
  nn_real mask[NN_MAX_LANES], *r = nn_recurrent_slots(n, f, t), *z = r + Z * width, *c = r + N * width;
  nn_real *g = r + G * width, *y = f->value[n->id] + (size_t)t * width;
  if (nn_recurrent_before(n, t) < 0) nn_recurrent_open(n, f, 1);
  const nn_real *h = h_before(n, f, t);
  state_product(n, f, R, 2, h, NULL, true, r);
  state_product(n, f, N, 1, h, biases(n, f->theta) + GATES * q->H, false, g);
  nn_sigmoid(2 * width, r, r);
  if (nn_recurrent_mask(n, f, t, mask))
    for (int i = 0; i < width; i++) z[i] = mask[i % S] > 0 ? z[i] : 1;
  for (int i = 0; i < width; i++) c[i] += r[i] * g[i];
  nn_tanh(width, c, c);
  for (int i = 0; i < width; i++) y[i] = (1 - z[i]) * c[i] + z[i] * h[i];
  if (nn_recurrent_ends(n, t)) memcpy(nn_recurrent_state(n, f, NN_LAST, 0), y, (size_t)width * sizeof *y);
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  nn_recurrent_inputs(n, f, from, to, biases(n, f->theta));
  for (int t = from; t < to; t++) at(n, f, t);
}

static void reversed_forward(const nn_node *n, const nn_frame *f) {
  int P = nn_positions(n->shape);
  nn_recurrent_inputs(n, f, 0, P, biases(n, f->theta));
  for (int t = P - 1; t >= 0; t--) at(n, f, t);
}

/* Slots become gradients; dh (H, S) that of h before t. */
static void back_at(const nn_node *n, const nn_frame *f, int t) {
  const nn_recurrent *q = n->table;
  int width = (int)nn_width(n->shape, f);
  const nn_segment parts[] = {{0, 0, 2 * q->H}, {2 * q->H, G * q->H, q->H}};
  nn_real *r = nn_recurrent_slots(n, f, t), *z = r + Z * width, *c = r + N * width, *g = r + G * width;
  nn_real *dh = nn_recurrent_state(n, f, NN_GRAD, 0);
  const nn_real *h = h_before(n, f, t), *dy = f->grad[n->id] + (size_t)t * width;
  if (nn_recurrent_ends(n, t)) memset(dh, 0, (size_t)width * sizeof *dh);
  for (int i = 0; i < width; i++) {
    nn_real d = dy[i] + dh[i], dc = d * (1 - z[i]) * (1 - c[i] * c[i]), dr = dc * g[i] * r[i] * (1 - r[i]);
    dh[i] = d * z[i];
    z[i] = d * (h[i] - c[i]) * z[i] * (1 - z[i]);
    g[i] = dc * r[i];
    r[i] = dr;
    c[i] = dc;
  }
  nn_multiply(&(nn_product){.R = q->H,
                            .N = f->lanes,
                            .terms = 2,
                            .panels = 1,
                            .term = parts,
                            .A = f->theta + n->param + (size_t)q->cin * GATES * q->H,
                            .ra = (long)GATES * q->H,
                            .ka = 1,
                            .ta = 1,
                            .B = r,
                            .ldb = f->lanes,
                            .tb = f->lanes,
                            .C = dh,
                            .ldc = f->lanes,
                            .add = true});
}

static void back_weights(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_recurrent *q = n->table;
  nn_real *db = f->dtheta + n->param + n->nweights;
  nn_recurrent_back_inputs(n, f, from, to, db);
  nn_recurrent_back_states(n, f, from, to, R, 2, R, NULL);
  nn_recurrent_back_states(n, f, from, to, N, 1, G, db + GATES * q->H);
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  for (int t = to - 1; t >= from; t--) back_at(n, f, t);
  back_weights(n, f, from, to);
}

static void reversed_backward(const nn_node *n, const nn_frame *f) {
  int P = nn_positions(n->shape);
  for (int t = 0; t < P; t++) back_at(n, f, t);
  back_weights(n, f, 0, P);
}

/* Shared by relevance: n behind r (W_hn h + c); h goes on by z. */
static void terms(const nn_node *n, const nn_frame *f, int t, nn_real *fresh, nn_real *kept, nn_recurrent_step *s) {
  const nn_recurrent *q = n->table;
  int width = (int)nn_width(n->shape, f);
  const nn_real *r = nn_recurrent_slots(n, f, t), *z = r + Z * width, *c = r + N * width, *h = h_before(n, f, t);
  for (int i = 0; i < width; i++) fresh[i] = (1 - z[i]) * c[i], kept[i] = z[i] * h[i];
  *s = (nn_recurrent_step){.h = h,
                           .gate = r,
                           .bias = biases(n, f->theta) + N * q->H,
                           .inner_bias = biases(n, f->theta) + GATES * q->H,
                           .column = N};
}

static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  nn_recurrent_relevance(n, f, r, t, terms);
}

const nn_op nn_op_gru = {.name = "gru",
                         .help = "gated recurrent unit",
                         .conf_size = sizeof(nn_recurrent_conf),
                         .takes = NN_SHARE_PLAIN,
                         .relevance = relevance,
                         .carries = true,
                         .min_in = 1,
                         .max_in = 1,
                         .needs_y = true,
                         .needs_x = true,
                         .shape = shape,
                         .free = nn_recurrent_free,
                         .init = nn_recurrent_init,
                         .forward = nn_every_block,
                         .step = nn_block_step,
                         .block = block,
                         .backward = nn_every_back_block,
                         .back_block = back_block};
const nn_op nn_op_gru_reversed = {.name = "gru_reversed",
                                  .help = "gated recurrent unit from the end to the beginning",
                                  .conf_size = sizeof(nn_recurrent_conf),
                                  .takes = NN_SHARE_PLAIN,
                                  .relevance = relevance,
                                  .min_in = 1,
                                  .max_in = 1,
                                  .needs_y = true,
                                  .needs_x = true,
                                  .shape = reversed_shape,
                                  .free = nn_recurrent_free,
                                  .init = nn_recurrent_init,
                                  .forward = reversed_forward,
                                  .backward = reversed_backward};

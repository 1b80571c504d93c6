/* op_lstm.c: long short-term memory over a whole sequence (Hochreiter & Schmidhuber 1997, with forget gate):
 *   i, f, o = sigma(W_x x + W_h h + b),  g = tanh(W_xg x + W_hg h + b_g),  c' = f c + i g,  h' = o tanh(c')
 * Parameters W_x (Cin, 4H: i f g o), W_h (H, 4H), b (4H). Slots of a position: i, f, g, o, c'; backward puts the
 * gradients of the gates' arguments in their place. A lane beyond its length keeps h and c. */
#include <string.h>

#include "nn/elementwise.h"
#include "nn/gemm.h"
#include "nn/recurrent.h"
#include "nn/relevance.h"

enum { IN, FORGET, CELL, OUT, KEPT, SLOTS, GATES = 4 };
enum { STATE_H, STATE_C, STATES };

static int any_shape(nn_node *n, const nn_shape *in, bool reversed, err *e) {
  const nn_recurrent_conf *c = n->conf;
  nn_recurrent r = {.H = c->width, .gates = GATES, .slots = SLOTS, .reversed = reversed};
  return nn_recurrent_shape(n, in, r, STATES, 4, e);
}
static int shape(nn_node *n, const nn_shape *in, err *e) {
  return any_shape(n, in, false, e);
}
static int reversed_shape(nn_node *n, const nn_shape *in, err *e) {
  return any_shape(n, in, true, e);
}

static const nn_real *h_before(const nn_node *n, const nn_frame *f, int t) {
  int before = nn_recurrent_before(n, t);
  if (before < 0) return nn_recurrent_state(n, f, NN_FIRST, STATE_H);
  return f->value[n->id] + (size_t)before * nn_width(n->shape, f);
}
static const nn_real *c_before(const nn_node *n, const nn_frame *f, int t) {
  int before = nn_recurrent_before(n, t);
  if (before < 0) return nn_recurrent_state(n, f, NN_FIRST, STATE_C);
  return nn_recurrent_slots(n, f, before) + KEPT * nn_width(n->shape, f);
}

static void state_product(const nn_node *n, const nn_frame *f, const nn_real *h, nn_real *gates) {
  const nn_recurrent *r = n->table;
  nn_gemm(GATES * r->H, f->lanes, r->H, f->theta + n->param + (size_t)r->cin * GATES * r->H, 1, (long)GATES * r->H, h,
          f->lanes, gates, f->lanes);
}

static void at(const nn_node *n, const nn_frame *f, int t) {
  int width = (int)nn_width(n->shape, f), S = f->lanes;
  size_t bytes = (size_t)width * sizeof(nn_real);
  nn_real mask[NN_MAX_LANES], *s = nn_recurrent_slots(n, f, t), *c = s + KEPT * width;
  nn_real *y = f->value[n->id] + (size_t)t * width;
  if (nn_recurrent_before(n, t) < 0) nn_recurrent_open(n, f, STATES);
  const nn_real *h = h_before(n, f, t), *cb = c_before(n, f, t);
  state_product(n, f, h, s);
  nn_sigmoid(2 * width, s, s);
  nn_tanh(width, s + CELL * width, s + CELL * width);
  nn_sigmoid(width, s + OUT * width, s + OUT * width);
  for (int i = 0; i < width; i++) c[i] = s[FORGET * width + i] * cb[i] + s[IN * width + i] * s[CELL * width + i];
  nn_tanh(width, c, y);
  for (int i = 0; i < width; i++) y[i] *= s[OUT * width + i];
  if (nn_recurrent_mask(n, f, t, mask))
    for (int i = 0; i < width; i++) {
      bool held = mask[i % S] > 0;
      y[i] = held ? y[i] : h[i];
      c[i] = held ? c[i] : cb[i];
    }
  if (!nn_recurrent_ends(n, t)) return;
  memcpy(nn_recurrent_state(n, f, NN_LAST, STATE_H), y, bytes);
  memcpy(nn_recurrent_state(n, f, NN_LAST, STATE_C), c, bytes);
}

static const nn_real *bias(const nn_node *n, const nn_frame *f) {
  return f->theta + n->param + n->nweights;
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  nn_recurrent_inputs(n, f, from, to, bias(n, f));
  for (int t = from; t < to; t++) at(n, f, t);
}

static void reversed_forward(const nn_node *n, const nn_frame *f) {
  int P = nn_positions(n->shape);
  nn_recurrent_inputs(n, f, 0, P, bias(n, f));
  for (int t = P - 1; t >= 0; t--) at(n, f, t);
}

/* Gradients of the gates' arguments from that of h' (dy + dh) and of c' (dc), which become those of h and c. */
static void back_gates(int width, int S, const nn_real *mask, const nn_real *dy, const nn_real *cb, const nn_real *th,
                       nn_real *s, nn_real *dh, nn_real *dc) {
  nn_real *gi = s, *gf = s + FORGET * width, *gg = s + CELL * width, *go = s + OUT * width;
  for (int k = 0; k < width; k++) {
    nn_real m = mask ? mask[k % S] : 1, d = dy[k] + dh[k], in = m * d;
    nn_real dcell = m * dc[k] + in * go[k] * (1 - th[k] * th[k]);
    nn_real i = gi[k], f = gf[k], g = gg[k], o = go[k];
    dh[k] = d - in;
    dc[k] = dc[k] - m * dc[k] + dcell * f;
    gi[k] = dcell * g * i * (1 - i);
    gf[k] = dcell * cb[k] * f * (1 - f);
    gg[k] = dcell * i * (1 - g * g);
    go[k] = in * th[k] * o * (1 - o);
  }
}

static void back_at(const nn_node *n, const nn_frame *f, int t) {
  const nn_recurrent *q = n->table;
  int width = (int)nn_width(n->shape, f);
  nn_real mask[NN_MAX_LANES], *s = nn_recurrent_slots(n, f, t);
  nn_real *dh = nn_recurrent_state(n, f, NN_GRAD, STATE_H), *dc = nn_recurrent_state(n, f, NN_GRAD, STATE_C);
  if (nn_recurrent_ends(n, t)) memset(dh, 0, (size_t)width * sizeof *dh), memset(dc, 0, (size_t)width * sizeof *dc);
  bool some = nn_recurrent_mask(n, f, t, mask);
  nn_tanh(width, s + KEPT * width, f->scratch);
  back_gates(width, f->lanes, some ? mask : NULL, f->grad[n->id] + (size_t)t * width, c_before(n, f, t), f->scratch, s,
             dh, dc);
  nn_gemm(q->H, f->lanes, GATES * q->H, f->theta + n->param + (size_t)q->cin * GATES * q->H, (long)GATES * q->H, 1, s,
          f->lanes, dh, f->lanes);
}

static void back_weights(const nn_node *n, const nn_frame *f, int from, int to) {
  nn_recurrent_back_inputs(n, f, from, to, f->dtheta + n->param + n->nweights);
  nn_recurrent_back_states(n, f, from, to, IN, GATES, IN, NULL);
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

/* Shared by relevance: g enters the cell by i, what it held stays by f. */
static void terms(const nn_node *n, const nn_frame *f, int t, nn_real *fresh, nn_real *kept, nn_recurrent_step *s) {
  const nn_recurrent *q = n->table;
  int width = (int)nn_width(n->shape, f);
  const nn_real *g = nn_recurrent_slots(n, f, t), *c = c_before(n, f, t);
  for (int i = 0; i < width; i++) {
    fresh[i] = g[IN * width + i] * g[CELL * width + i];
    kept[i] = g[FORGET * width + i] * c[i];
  }
  *s = (nn_recurrent_step){.h = h_before(n, f, t), .bias = bias(n, f) + CELL * q->H, .column = CELL, .cell = true};
}

static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  nn_recurrent_relevance(n, f, r, t, terms);
}

const nn_op nn_op_lstm = {.name = "lstm",
                          .help = "long short-term memory",
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
const nn_op nn_op_lstm_reversed = {.name = "lstm_reversed",
                                   .help = "long short-term memory from the end to the beginning",
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

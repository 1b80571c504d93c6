/* test_rnn.c: recurrent layers against their equations written out number by number; a long sequence in pieces
 * (frame.carry) and a stream of single positions against the whole; lanes of several lengths against sequences of just
 * that length; the reversed layer against the forward one on reversed input; gradients of a sequence in pieces,
 * recurrent and state space layers, against differences in which what a piece begins with is held fixed; which layers
 * can be cut into pieces. */
#include "nn/graph.h"
#include "nn/ops.h"
#include "tests/check.h"

enum { C = 3, H = 5, T = 12 };

typedef struct layer {
  nn_graph *g;
  nn_plan *p;
  nn_frame *f;
  nn_real *theta;
  int S;
} layer;

static nn_real input(int t, int c, int lane) {
  return (nn_real)rng_normal(rng_stream(6, "x"), (uint64_t)(t * C + c), (unsigned)lane, 0);
}

static layer open_layer(const nn_op *op, int positions, int S) {
  err e = {0};
  int x = 0;
  layer l = {.g = nn_graph_new(), .S = S};
  nn_input(l.g, "x", (nn_shape){{positions, 1, 1}, C});
  int y = nn_add(l.g, op, "rnn", &(nn_recurrent_conf){H}, 1, &x, &e);
  CHECK(y == 1 && !nn_finish(l.g, y, &e) && !nn_plan_new(&l.p, l.g, S, false, false, &e) &&
        !nn_frame_new(&l.f, l.p, NULL, &e));
  l.theta = nn_alloc(l.g->nparam * sizeof(nn_real));
  nn_init(l.g, l.theta, 4);
  l.f->theta = l.theta;
  return l;
}
static void close_layer(layer *l) {
  nn_frame_free(l->f, NULL), nn_plan_free(l->p), nn_graph_free(l->g), free(l->theta);
}
static void fill(layer *l, int first, int positions) {
  for (int t = 0; t < positions; t++)
    for (int c = 0; c < C; c++)
      for (int i = 0; i < l->S; i++) l->f->value[0][(t * C + c) * l->S + i] = input(first + t, c, i);
}
static double at(const layer *l, int t, int k, int lane) {
  return (double)l->f->value[1][(t * H + k) * l->S + lane];
}

static double sigma(double x) {
  return 1 / (1 + exp(-x));
}
/* Argument of gate q, unit k: with or without x. */
static double sum(const nn_real *w, int gates, int q, int k, const double *v, int n) {
  double s = 0;
  for (int j = 0; j < n; j++) s += (double)w[j * gates * H + q * H + k] * v[j];
  return s;
}
static void gru_step(const nn_real *th, const double *x, double *h) {
  const nn_real *wh = th + C * 3 * H, *b = wh + H * 3 * H, *bn = b + 3 * H;
  double next[H];
  for (int k = 0; k < H; k++) {
    double r = sigma(sum(th, 3, 0, k, x, C) + sum(wh, 3, 0, k, h, H) + (double)b[k]);
    double z = sigma(sum(th, 3, 1, k, x, C) + sum(wh, 3, 1, k, h, H) + (double)b[H + k]);
    double n = tanh(sum(th, 3, 2, k, x, C) + (double)b[2 * H + k] + r * (sum(wh, 3, 2, k, h, H) + (double)bn[k]));
    next[k] = (1 - z) * n + z * h[k];
  }
  memcpy(h, next, sizeof next);
}
static void lstm_step(const nn_real *th, const double *x, double *h, double *c) {
  const nn_real *wh = th + C * 4 * H, *b = wh + H * 4 * H;
  double next[H];
  for (int k = 0; k < H; k++) {
    double a[4];
    for (int q = 0; q < 4; q++) a[q] = sum(th, 4, q, k, x, C) + sum(wh, 4, q, k, h, H) + (double)b[q * H + k];
    c[k] = sigma(a[1]) * c[k] + sigma(a[0]) * tanh(a[2]);
    next[k] = sigma(a[3]) * tanh(c[k]);
  }
  memcpy(h, next, sizeof next);
}

static void equations(const nn_op *op, bool lstm) {
  layer l = open_layer(op, T, 8);
  double off = 0;
  fill(&l, 0, T);
  nn_forward(l.p, l.f);
  for (int i = 0; i < 8; i++) {
    double h[H] = {0}, c[H] = {0}, x[C];
    for (int t = 0; t < T; t++) {
      for (int k = 0; k < C; k++) x[k] = (double)input(t, k, i);
      lstm ? lstm_step(l.theta, x, h, c) : gru_step(l.theta, x, h);
      for (int k = 0; k < H; k++) off = fmax(off, fabs(h[k] - at(&l, t, k, i)));
    }
  }
  CHECK_REPORT(off <= (sizeof(nn_real) == 4 ? 1e-5 : 1e-12), "%s: off by %g", op->name, off);
  close_layer(&l);
}

/* Pieces of `piece` positions, one after the other, against the whole; one position at a time by step. */
static void pieces(const nn_op *op, int piece, bool step) {
  layer whole = open_layer(op, T, 16), part = open_layer(op, piece, 16);
  int wrong = 0;
  fill(&whole, 0, T);
  nn_forward(whole.p, whole.f);
  for (int first = 0; first < T; first += piece) {
    part.f->carry = first > 0;
    fill(&part, first, piece);
    for (int t = 0; t < piece && step; t++) nn_step(part.p, part.f, t);
    if (!step) nn_forward(part.p, part.f);
    for (int t = 0; t < piece; t++)
      for (int k = 0; k < H; k++)
        for (int i = 0; i < 16; i++) wrong += at(&part, t, k, i) != at(&whole, first + t, k, i);
  }
  CHECK_REPORT(!wrong, "%s in pieces of %d%s: %d numbers differ", op->name, piece, step ? ", by steps" : "", wrong);
  close_layer(&whole), close_layer(&part);
}

static void lengths(const nn_op *op, bool reversed) {
  int length[16], wrong = 0;
  layer l = open_layer(op, T, 16);
  for (int i = 0; i < 16; i++) length[i] = 1 + i % T;
  fill(&l, 0, T);
  l.f->length = length, l.f->whole = T;
  nn_forward(l.p, l.f);
  for (int n = 1; n <= T; n++) {
    layer own = open_layer(op, n, 16);
    fill(&own, 0, n);
    nn_forward(own.p, own.f);
    for (int i = 0; i < 16; i++)
      for (int k = 0; k < H && length[i] == n; k++) {
        for (int t = 0; t < n; t++) wrong += at(&l, t, k, i) != at(&own, t, k, i);
        for (int t = n; t < T; t++) wrong += at(&l, t, k, i) != (reversed ? 0 : at(&own, n - 1, k, i));
      }
    close_layer(&own);
  }
  CHECK_REPORT(!wrong, "%s: %d numbers of shorter lanes differ", op->name, wrong);
  close_layer(&l);
}

static void mirrored(const nn_op *op, const nn_op *reversed) {
  layer a = open_layer(op, T, 16), b = open_layer(reversed, T, 16);
  int wrong = 0;
  fill(&a, 0, T);
  for (int t = 0; t < T; t++)
    memcpy(b.f->value[0] + (T - 1 - t) * C * 16, a.f->value[0] + t * C * 16, C * 16 * sizeof(nn_real));
  nn_forward(a.p, a.f), nn_forward(b.p, b.f);
  for (int t = 0; t < T; t++)
    for (int k = 0; k < H; k++)
      for (int i = 0; i < 16; i++) wrong += at(&a, t, k, i) != at(&b, T - 1 - t, k, i);
  CHECK_REPORT(!wrong, "%s: %d numbers differ from the mirror image", reversed->name, wrong);
  close_layer(&a), close_layer(&b);
}

/* ---- pieces: a layer between dense ones, loss sum c_tki y_tki ---- */
enum { S = 8, PIECE = 4 };
static nn_graph *between(const nn_op *op, const void *conf, int positions) {
  err e = {0};
  nn_graph *g = nn_graph_new();
  int x = nn_input(g, "x", (nn_shape){{positions, 1, 1}, C});
  x = nn_add(g, &nn_op_dense, "before", &(nn_dense_conf){H, true, true, 1}, 1, &x, &e);
  x = nn_add(g, &nn_op_tanh, "tanh", NULL, 1, &x, &e);
  x = nn_add(g, op, "layer", conf, 1, &x, &e);
  x = nn_add(g, &nn_op_dense, "after", &(nn_dense_conf){2, true, true, 1}, 1, &x, &e);
  CHECK_REPORT(!nn_finish(g, x, &e), "%.500s", e.text);
  return g;
}

static void put_piece(const nn_graph *g, nn_frame *f, int first) {
  f->carry = first > 0;
  for (int t = 0; t < g->node[0].shape.extent[0]; t++)
    for (int c = 0; c < C; c++)
      for (int i = 0; i < S; i++) f->value[0][(t * C + c) * S + i] = input(first + t, c, i);
}
static double loss_of(const nn_graph *g, const nn_frame *f, int first, bool slope) {
  double sum = 0;
  size_t n = nn_rows(g->node[g->output].shape) * S;
  for (size_t k = 0; k < n; k++) {
    double c = rng_normal(rng_stream(7, "c"), (uint64_t)first, (unsigned)k, 0);
    sum += c * (double)f->value[g->output][k];
    if (slope) f->grad[g->output][k] = (nn_real)c;
  }
  return sum;
}

/* The loss of the last of `pieces` pieces, whose parameters only are `theta`. */
static double last_loss(const nn_graph *g, const nn_plan *p, nn_frame *f, int pieces, const nn_real *fixed,
                        const nn_real *theta) {
  for (int k = 0; k < pieces; k++) {
    f->theta = k == pieces - 1 ? theta : fixed;
    put_piece(g, f, k * PIECE);
    nn_forward(p, f);
  }
  return loss_of(g, f, (pieces - 1) * PIECE, false);
}

static void truncated(const nn_op *op, const void *conf) {
  err e = {0};
  nn_graph *g = between(op, conf, PIECE);
  nn_plan *p = NULL;
  nn_frame *f = NULL;
  CHECK_REPORT(!nn_by_frames(g, &e), "%.500s", e.text);
  CHECK(!nn_plan_new(&p, g, S, true, false, &e) && !nn_frame_new(&f, p, NULL, &e));
  size_t bytes = g->nparam * sizeof(nn_real);
  nn_real *theta = nn_alloc(bytes), *moved = nn_alloc(bytes), *grad = nn_alloc(bytes);
  nn_init(g, theta, 4);
  f->valid = S, f->whole = PIECE, f->dtheta = grad, f->train = true;
  for (int k = 0; k < T / PIECE; k++) { /* as the fit does it: forward and backward of each piece, sums of gradients */
    f->theta = theta;
    put_piece(g, f, k * PIECE);
    nn_forward(p, f);
    loss_of(g, f, k * PIECE, true);
    nn_backward(p, f);
  }
  double off = 0, most = 0, h = 1e-5;
  for (int i = 0; i < g->nnodes; i++)
    for (size_t q = g->node[i].param; q < g->node[i].param + g->node[i].nparam; q++) {
      double slope = 0;
      for (int k = 1; k <= T / PIECE; k++)
        for (int side = -1; side <= 1; side += 2) {
          memcpy(moved, theta, bytes);
          moved[q] += (nn_real)(side * h);
          slope += side * last_loss(g, p, f, k, theta, moved) / (2 * h);
        }
      off = fmax(off, fabs(slope - (double)grad[q])), most = fmax(most, fabs(slope));
    }
  CHECK_REPORT(off <= 1e-8 * most && most > .1, "%s: gradients in pieces are off by %g of %g", op->name, off, most);
  nn_frame_free(f, NULL), nn_plan_free(p), nn_graph_free(g), free(theta), free(moved), free(grad);
}

/* Layers that look further than a piece, or whose numbers belong to places, are refused by name. */
static void refused(const nn_op *op, const void *conf) {
  err e = {0};
  nn_graph *g = between(op, conf, T);
  CHECK_INT(nn_by_frames(g, &e), ERR_DECK);
  CHECK_REPORT(strstr(e.text, op->name) && strstr(e.text, "'layer'"), "%.50s: %.500s", op->name, e.text);
  nn_graph_free(g);
}

static void in_pieces(void) {
  nn_ssm_conf one = {.states = 8, .dt_min = .05, .dt_max = .5, .rate = 1}, both = one;
  both.both = true;
  nn_conv_conf centred = {.window = nn_window_same(1, 3, 1, false), .out = H, .gain = 1}, causal = centred;
  causal.window = nn_window_causal(3, 1);
  if (sizeof(nn_real) == 8) {
    truncated(&nn_op_gru, &(nn_recurrent_conf){H}), truncated(&nn_op_lstm, &(nn_recurrent_conf){H});
    truncated(&nn_op_s4, &one), truncated(&nn_op_s4d, &one), truncated(&nn_op_s5, &one);
  }
  refused(&nn_op_gru_reversed, &(nn_recurrent_conf){H}), refused(&nn_op_lstm_reversed, &(nn_recurrent_conf){H});
  refused(&nn_op_s4d, &both), refused(&nn_op_s5, &both);
  refused(&nn_op_conv, &centred), refused(&nn_op_conv, &causal);
  refused(&nn_op_pool, &(nn_pool_conf){.window = nn_window_same(1, 3, 1, false)});
  refused(&nn_op_position, NULL), refused(&nn_op_prelu, &(nn_prelu_conf){true});
}

int main(void) {
  const nn_op *const ops[] = {&nn_op_gru, &nn_op_lstm}, *const back[] = {&nn_op_gru_reversed, &nn_op_lstm_reversed};
  for (int k = 0; k < 2; k++) {
    equations(ops[k], k);
    pieces(ops[k], 4, false), pieces(ops[k], 3, true), pieces(ops[k], 1, true);
    lengths(ops[k], false), lengths(back[k], true);
    mirrored(ops[k], back[k]);
  }
  in_pieces();
  return check_done();
}

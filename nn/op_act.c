/* op_act.c: activations y = g(x), number by number: prelu, relu, tanh, silu, gelu, sigmoid, softplus. All but silu and
 * gelu work in place: the slope g'(x) is known from y. */
#include <string.h>

#include "nn/elementwise.h"
#include "nn/grow.h"
#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/segment.h"

static int same_shape(nn_node *n, const nn_shape *in, err *e) {
  n->shape = *in;
  n->macs = 0;
  n->local = true;
  return 0;
}

/* Positions from .. to-1 of a node: x, y, how many numbers. */
typedef struct span {
  const nn_real *x, *dy;
  nn_real *y, *dx;
  int count;
} span;
static span span_of(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f), at = (size_t)from * width;
  span s = {.x = f->value[n->in[0]] + at, .y = f->value[n->id] + at, .count = (int)((size_t)(to - from) * width)};
  if (f->grad && f->grad[n->id]) s.dy = f->grad[n->id] + at;
  if (f->grad && f->grad[n->in[0]]) s.dx = f->grad[n->in[0]] + at;
  return s;
}

/* dx = slope dy in place or where nothing is there yet, else dx += slope dy. */
#define SPREAD(s, set, slope)                                       \
  do {                                                              \
    const nn_real *y __attribute__((unused)) = (s).y, *dy = (s).dy; \
    nn_real *dx = (s).dx;                                           \
    if (set)                                                        \
      for (int i = 0; i < (s).count; i++) dx[i] = (slope)*dy[i];    \
    else                                                            \
      for (int i = 0; i < (s).count; i++) dx[i] += (slope)*dy[i];   \
  } while (0)
static bool sets(const nn_node *n, const nn_frame *f, const span *s) {
  return s->dx == s->dy || nn_opens(n, f, 0);
}

static void relu_block(const nn_node *n, const nn_frame *f, int from, int to) {
  span s = span_of(n, f, from, to);
  for (int i = 0; i < s.count; i++) s.y[i] = s.x[i] > 0 ? s.x[i] : 0;
}
static void relu_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  span s = span_of(n, f, from, to);
  if (s.dx) SPREAD(s, sets(n, f, &s), (y[i] > 0 ? (nn_real)1 : (nn_real)0));
}

/* A kernel of nn/elementwise.h has the same bits for the same count only: it works position by position. */
typedef void kernel(int n, const nn_real *from, nn_real *to);
static void by_kernel(const nn_node *n, const nn_frame *f, int from, int to, kernel *k) {
  for (int t = from; t < to; t++) {
    span s = span_of(n, f, t, t + 1);
    k(s.count, s.x, s.y);
  }
}
#define FORWARD(name)                                                               \
  static void name##_block(const nn_node *n, const nn_frame *f, int from, int to) { \
    by_kernel(n, f, from, to, nn_##name);                                           \
  }
FORWARD(tanh)
FORWARD(sigmoid)
FORWARD(silu)
FORWARD(gelu)
FORWARD(softplus)

static void tanh_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  span s = span_of(n, f, from, to);
  if (s.dx) SPREAD(s, sets(n, f, &s), 1 - y[i] * y[i]);
}
static void sigmoid_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  span s = span_of(n, f, from, to);
  if (s.dx) SPREAD(s, sets(n, f, &s), y[i] * (1 - y[i]));
}

/* The others need a row of slopes in scratch, from x or (of_y) from y. */
static int shape_with_slopes(nn_node *n, const nn_shape *in, err *e) {
  n->scratch = (size_t)in->channels;
  return same_shape(n, in, e);
}
static void by_slopes(const nn_node *n, const nn_frame *f, int from, int to, kernel *slopes, bool of_y) {
  const nn_real *slope = f->scratch;
  for (int t = from; t < to; t++) {
    span s = span_of(n, f, t, t + 1);
    if (!s.dx) return;
    slopes(s.count, of_y ? s.y : s.x, f->scratch);
    SPREAD(s, sets(n, f, &s), slope[i]);
  }
}
static void silu_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  by_slopes(n, f, from, to, nn_silu_slope, false);
}
static void gelu_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  by_slopes(n, f, from, to, nn_gelu_slope, false);
}
static void softplus_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  by_slopes(n, f, from, to, nn_softplus_slope, true);
}

/* ---- prelu: y = x > 0 ? x : s x, s = |a| + 2^-10 ---- */
static nn_real slope_of(nn_real a) {
  return (a < 0 ? -a : a) + (nn_real)0x1p-10;
}

static int prelu_shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_prelu_conf *c = n->conf;
  n->nparam = c->sites ? nn_rows(*in) : (size_t)in->channels;
  n->nweights = 0;
  n->placed = c->sites;
  return same_shape(n, in, e);
}
static void prelu_init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  for (size_t i = 0; i < n->nparam; i++) theta[i] = (nn_real)(0.5 - 0x1p-10);
}
static void prelu_grow(const nn_node *small, const nn_real *old, const nn_node *n, const nn_shape *in, nn_real *theta,
                       const nn_growth *w) {
  const nn_prelu_conf *c = n->conf;
  size_t C = (size_t)in->channels;
  for (size_t t = 0, P = c->sites ? (size_t)nn_positions(*in) : 1; t < P; t++)
    memcpy(theta + t * C, old + (c->sites ? (size_t)nn_growth_donor(w, (int)t) * C : 0), C * sizeof *theta);
}
static const nn_real *prelu_at(const nn_node *n, const nn_real *theta, int t) {
  const nn_prelu_conf *c = n->conf;
  return theta + n->param + (c->sites ? (size_t)t * n->shape.channels : 0);
}
static void prelu_at_position(const nn_node *n, const nn_frame *f, int t) {
  int C = n->shape.channels, S = f->lanes;
  const nn_real *a = prelu_at(n, f->theta, t), *x = f->value[n->in[0]] + (size_t)t * C * S;
  nn_real *y = f->value[n->id] + (size_t)t * C * S;
  for (int k = 0; k < C; k++, x += S, y += S) {
    nn_real s = slope_of(a[k]);
    for (int i = 0; i < S; i++) y[i] = x[i] > 0 ? x[i] : s * x[i];
  }
}
static void prelu_back_at(const nn_node *n, const nn_frame *f, int t) {
  int C = n->shape.channels, S = f->lanes;
  const nn_real *a = prelu_at(n, f->theta, t);
  nn_real *da = f->dtheta + (a - f->theta), *dx = f->grad[n->in[0]];
  bool set = dx == f->grad[n->id] || nn_opens(n, f, 0);
  for (int k = 0; k < C; k++) {
    size_t at = ((size_t)t * C + k) * S;
    const nn_real *y = f->value[n->id] + at, *dy = f->grad[n->id] + at;
    nn_real s = slope_of(a[k]), sum = 0;
    for (int i = 0; i < S; i++) sum += y[i] > 0 ? 0 : y[i] * dy[i];
    da[k] += (a[k] < 0 ? -sum : sum) / s;
    if (!dx) continue;
    if (set)
      for (int i = 0; i < S; i++) dx[at + i] = y[i] > 0 ? dy[i] : s * dy[i];
    else
      for (int i = 0; i < S; i++) dx[at + i] += y[i] > 0 ? dy[i] : s * dy[i];
  }
}
static void prelu_block(const nn_node *n, const nn_frame *f, int from, int to) {
  for (int t = from; t < to; t++) prelu_at_position(n, f, t);
}
static void prelu_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  for (int t = to - 1; t >= from; t--) prelu_back_at(n, f, t);
}
static void prelu_text(const nn_node *n, FILE *f) {
  fprintf(f, "slopes per %s", ((const nn_prelu_conf *)n->conf)->sites ? "site" : "channel");
}

const nn_op nn_op_tanh = {
    .name = "tanh",
    .help = "hyperbolic tangent",
    .takes = NN_SHARE_PASS,
    .relevance = nn_pass_relevance,
    .min_in = 1,
    .max_in = 1,
    .in_place = true,
    .needs_y = true,
    .shape = same_shape,
    .forward = nn_every_block,
    .step = nn_block_step,
    .block = tanh_block,
    .backward = nn_every_back_block,
    .back_step = nn_block_back_step,
    .back_block = tanh_back_block,
};
const nn_op nn_op_relu = {
    .name = "relu",
    .help = "max(x, 0)",
    .takes = NN_SHARE_PASS,
    .relevance = nn_pass_relevance,
    .min_in = 1,
    .max_in = 1,
    .in_place = true,
    .needs_y = true,
    .shape = same_shape,
    .forward = nn_every_block,
    .step = nn_block_step,
    .block = relu_block,
    .backward = nn_every_back_block,
    .back_step = nn_block_back_step,
    .back_block = relu_back_block,
};
const nn_op nn_op_sigmoid = {
    .name = "sigmoid",
    .help = "1 / (1 + exp(-x))",
    .takes = NN_SHARE_PASS,
    .relevance = nn_pass_relevance,
    .min_in = 1,
    .max_in = 1,
    .in_place = true,
    .needs_y = true,
    .shape = same_shape,
    .forward = nn_every_block,
    .step = nn_block_step,
    .block = sigmoid_block,
    .backward = nn_every_back_block,
    .back_step = nn_block_back_step,
    .back_block = sigmoid_back_block,
};
const nn_op nn_op_softplus = {
    .name = "softplus",
    .help = "ln(1 + exp(x))",
    .takes = NN_SHARE_PASS,
    .relevance = nn_pass_relevance,
    .min_in = 1,
    .max_in = 1,
    .in_place = true,
    .needs_y = true,
    .shape = shape_with_slopes,
    .forward = nn_every_block,
    .step = nn_block_step,
    .block = softplus_block,
    .backward = nn_every_back_block,
    .back_step = nn_block_back_step,
    .back_block = softplus_back_block,
};
const nn_op nn_op_silu = {
    .name = "silu",
    .help = "x sigmoid(x)",
    .takes = NN_SHARE_PASS,
    .relevance = nn_pass_relevance,
    .min_in = 1,
    .max_in = 1,
    .needs_x = true,
    .shape = shape_with_slopes,
    .forward = nn_every_block,
    .step = nn_block_step,
    .block = silu_block,
    .backward = nn_every_back_block,
    .back_step = nn_block_back_step,
    .back_block = silu_back_block,
};
const nn_op nn_op_gelu = {
    .name = "gelu",
    .help = "x Phi(x), Phi the distribution function of the normal",
    .takes = NN_SHARE_PASS,
    .relevance = nn_pass_relevance,
    .min_in = 1,
    .max_in = 1,
    .needs_x = true,
    .shape = shape_with_slopes,
    .forward = nn_every_block,
    .step = nn_block_step,
    .block = gelu_block,
    .backward = nn_every_back_block,
    .back_step = nn_block_back_step,
    .back_block = gelu_back_block,
};
const nn_op nn_op_prelu = {
    .name = "prelu",
    .help = "x > 0 ? x : s x with trained s",
    .conf_size = sizeof(nn_prelu_conf),
    .init = prelu_init,
    .grow = prelu_grow,
    .text = prelu_text,
    .takes = NN_SHARE_PASS,
    .relevance = nn_pass_relevance,
    .min_in = 1,
    .max_in = 1,
    .in_place = true,
    .needs_y = true,
    .shape = prelu_shape,
    .forward = nn_every_block,
    .step = nn_block_step,
    .block = prelu_block,
    .backward = nn_every_back_block,
    .back_step = nn_block_back_step,
    .back_block = prelu_back_block,
};

const char nn_act_words[] = "prelu|relu|tanh|silu|gelu|sigmoid|softplus";
const nn_op *nn_act(int word) {
  static const nn_op *const acts[] = {&nn_op_prelu, &nn_op_relu,    &nn_op_tanh,    &nn_op_silu,
                                      &nn_op_gelu,  &nn_op_sigmoid, &nn_op_softplus};
  return acts[word];
}

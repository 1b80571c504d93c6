/* op_act.c: activations y = g(x), position by position: prelu, relu, tanh, silu. All but silu work in place: the slope
 * g'(x) is known from y. */
#include <string.h>

#include "nn/elementwise.h"
#include "nn/ops.h"
#include "nn/segment.h"

static int same_shape(nn_node *n, const nn_shape *in, err *e) {
  n->shape = *in;
  n->macs = 0;
  n->local = true;
  return 0;
}

/* numbers of one position */
static int width(const nn_node *n, const nn_frame *f) {
  return n->shape.channels * f->lanes;
}

/* Position t: dx = g dy in place or where nothing is there yet, else dx += g dy. */
#define SPREAD(n, f, t, slope)                                           \
  do {                                                                   \
    int count = width(n, f);                                             \
    size_t at = (size_t)(t)*count;                                       \
    const nn_real *y __attribute__((unused)) = (f)->value[(n)->id] + at; \
    const nn_real *dy = (f)->grad[(n)->id] + at;                         \
    nn_real *dx = (f)->grad[(n)->in[0]];                                 \
    if (!dx) return;                                                     \
    dx += at;                                                            \
    if (dx == dy || nn_opens(n, f, 0))                                   \
      for (int i = 0; i < count; i++) dx[i] = (slope)*dy[i];             \
    else                                                                 \
      for (int i = 0; i < count; i++) dx[i] += (slope)*dy[i];            \
  } while (0)

static void tanh_step(const nn_node *n, const nn_frame *f, int t) {
  size_t at = (size_t)t * width(n, f);
  nn_tanh(width(n, f), f->value[n->in[0]] + at, f->value[n->id] + at);
}
static void tanh_back_step(const nn_node *n, const nn_frame *f, int t) {
  SPREAD(n, f, t, 1 - y[i] * y[i]);
}

static void relu_step(const nn_node *n, const nn_frame *f, int t) {
  size_t at = (size_t)t * width(n, f);
  const nn_real *x = f->value[n->in[0]] + at;
  nn_real *y = f->value[n->id] + at;
  for (int i = 0; i < width(n, f); i++) y[i] = x[i] > 0 ? x[i] : 0;
}
static void relu_back_step(const nn_node *n, const nn_frame *f, int t) {
  SPREAD(n, f, t, (y[i] > 0 ? (nn_real)1 : (nn_real)0));
}

static void silu_step(const nn_node *n, const nn_frame *f, int t) {
  size_t at = (size_t)t * width(n, f);
  nn_silu(width(n, f), f->value[n->in[0]] + at, f->value[n->id] + at);
}
static int silu_shape(nn_node *n, const nn_shape *in, err *e) {
  n->scratch = (size_t)in->channels;
  return same_shape(n, in, e);
}
static void silu_back_step(const nn_node *n, const nn_frame *f, int t) {
  const nn_real *slope = f->scratch;
  nn_silu_slope(width(n, f), f->value[n->in[0]] + (size_t)t * width(n, f), f->scratch);
  SPREAD(n, f, t, slope[i]);
}

/* ---- prelu: y = x > 0 ? x : s x, s = |a| + 2^-10 ---- */
static nn_real slope_of(nn_real a) {
  return (a < 0 ? -a : a) + (nn_real)0x1p-10;
}

static int prelu_shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_prelu_conf *c = n->conf;
  n->nparam = c->sites ? nn_rows(*in) : (size_t)in->channels;
  return same_shape(n, in, e);
}
static void prelu_init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  for (size_t i = 0; i < n->nparam; i++) theta[i] = (nn_real)(0.5 - 0x1p-10);
}
static const nn_real *prelu_at(const nn_node *n, const nn_real *theta, int t) {
  const nn_prelu_conf *c = n->conf;
  return theta + n->param + (c->sites ? (size_t)t * n->shape.channels : 0);
}
static void prelu_step(const nn_node *n, const nn_frame *f, int t) {
  int C = n->shape.channels, S = f->lanes;
  const nn_real *a = prelu_at(n, f->theta, t), *x = f->value[n->in[0]] + (size_t)t * C * S;
  nn_real *y = f->value[n->id] + (size_t)t * C * S;
  for (int k = 0; k < C; k++, x += S, y += S) {
    nn_real s = slope_of(a[k]);
    for (int i = 0; i < S; i++) y[i] = x[i] > 0 ? x[i] : s * x[i];
  }
}
static void prelu_back_step(const nn_node *n, const nn_frame *f, int t) {
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
static void prelu_text(const nn_node *n, FILE *f) {
  fprintf(f, "slopes per %s", ((const nn_prelu_conf *)n->conf)->sites ? "site" : "channel");
}

const nn_op nn_op_tanh = {.name = "tanh",
                          .help = "hyperbolic tangent",
                          .min_in = 1,
                          .max_in = 1,
                          .in_place = true,
                          .needs_y = true,
                          .shape = same_shape,
                          .forward = nn_every_step,
                          .step = tanh_step,
                          .backward = nn_every_back_step,
                          .back_step = tanh_back_step};
const nn_op nn_op_relu = {.name = "relu",
                          .help = "max(x, 0)",
                          .min_in = 1,
                          .max_in = 1,
                          .in_place = true,
                          .needs_y = true,
                          .shape = same_shape,
                          .forward = nn_every_step,
                          .step = relu_step,
                          .backward = nn_every_back_step,
                          .back_step = relu_back_step};
const nn_op nn_op_silu = {.name = "silu",
                          .help = "x sigmoid(x)",
                          .min_in = 1,
                          .max_in = 1,
                          .needs_x = true,
                          .shape = silu_shape,
                          .forward = nn_every_step,
                          .step = silu_step,
                          .backward = nn_every_back_step,
                          .back_step = silu_back_step};
const nn_op nn_op_prelu = {.name = "prelu",
                           .help = "x > 0 ? x : s x with trained s",
                           .conf_size = sizeof(nn_prelu_conf),
                           .min_in = 1,
                           .max_in = 1,
                           .in_place = true,
                           .needs_y = true,
                           .shape = prelu_shape,
                           .init = prelu_init,
                           .forward = nn_every_step,
                           .step = prelu_step,
                           .backward = nn_every_back_step,
                           .back_step = prelu_back_step,
                           .text = prelu_text};

const char nn_act_words[] = "prelu|relu|tanh|silu";
const nn_op *nn_act(int word) {
  static const nn_op *const acts[] = {&nn_op_prelu, &nn_op_relu, &nn_op_tanh, &nn_op_silu};
  return acts[word];
}

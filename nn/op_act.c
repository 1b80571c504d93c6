/* op_act.c: activations y = g(x), position by position: prelu, relu, tanh, silu. All but silu work in place: the slope
 * g'(x) is known from y. */
#include <string.h>

#include "nn/elementwise.h"
#include "nn/ops.h"
#include "nn/segment.h"

static int same_shape(nn_node *n, const nn_shape *in, err *e) {
  n->shape = *in;
  n->macs = 0;
  return 0;
}

/* numbers of one position, and where position t starts */
static int width(const nn_node *n, const nn_frame *f) {
  return n->shape.channels * f->lanes;
}
static size_t all(const nn_node *n, const nn_frame *f) {
  return nn_rows(n->shape) * (size_t)f->lanes;
}

/* dx (+)= g dy : in place where dx is dy */
#define SPREAD(n, f, slope)                                           \
  do {                                                                \
    const nn_real *y = (f)->value[(n)->id], *dy = (f)->grad[(n)->id]; \
    nn_real *dx = (f)->grad[(n)->in[0]];                              \
    size_t count = all(n, f);                                         \
    if (!dx) return;                                                  \
    if (dx == dy)                                                     \
      for (size_t i = 0; i < count; i++) dx[i] = (slope)*dx[i];       \
    else                                                              \
      for (size_t i = 0; i < count; i++) dx[i] += (slope)*dy[i];      \
  } while (0)

static void every_step(const nn_node *n, const nn_frame *f) {
  for (int t = 0; t < nn_positions(n->shape); t++) n->op->step(n, f, t);
}

static void tanh_step(const nn_node *n, const nn_frame *f, int t) {
  size_t at = (size_t)t * width(n, f);
  nn_tanh(width(n, f), f->value[n->in[0]] + at, f->value[n->id] + at);
}
static void tanh_backward(const nn_node *n, const nn_frame *f) {
  SPREAD(n, f, 1 - y[i] * y[i]);
}

static void relu_step(const nn_node *n, const nn_frame *f, int t) {
  size_t at = (size_t)t * width(n, f);
  const nn_real *x = f->value[n->in[0]] + at;
  nn_real *y = f->value[n->id] + at;
  for (int i = 0; i < width(n, f); i++) y[i] = x[i] > 0 ? x[i] : 0;
}
static void relu_backward(const nn_node *n, const nn_frame *f) {
  SPREAD(n, f, (y[i] > 0 ? (nn_real)1 : (nn_real)0));
}

static void silu_step(const nn_node *n, const nn_frame *f, int t) {
  size_t at = (size_t)t * width(n, f);
  nn_silu(width(n, f), f->value[n->in[0]] + at, f->value[n->id] + at);
}
static int silu_shape(nn_node *n, const nn_shape *in, err *e) {
  n->scratch = (size_t)in->channels;
  return same_shape(n, in, e);
}
static void silu_backward(const nn_node *n, const nn_frame *f) {
  if (!f->grad[n->in[0]]) return;
  for (int t = 0; t < nn_positions(n->shape); t++) {
    size_t at = (size_t)t * width(n, f);
    nn_silu_slope(width(n, f), f->value[n->in[0]] + at, f->scratch);
    for (int i = 0; i < width(n, f); i++) f->grad[n->in[0]][at + i] += f->scratch[i] * f->grad[n->id][at + i];
  }
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
static void prelu_backward(const nn_node *n, const nn_frame *f) {
  int C = n->shape.channels, S = f->lanes;
  bool own = f->grad[n->in[0]] == f->grad[n->id];
  for (int t = 0; t < nn_positions(n->shape); t++) {
    const nn_real *a = prelu_at(n, f->theta, t);
    nn_real *da = f->dtheta + (prelu_at(n, f->theta, t) - f->theta);
    for (int k = 0; k < C; k++) {
      size_t at = ((size_t)t * C + k) * S;
      const nn_real *y = f->value[n->id] + at, *dy = f->grad[n->id] + at;
      nn_real *dx = f->grad[n->in[0]] ? f->grad[n->in[0]] + at : NULL, s = slope_of(a[k]), sum = 0;
      for (int i = 0; i < S; i++) sum += y[i] > 0 ? 0 : y[i] * dy[i];
      da[k] += (a[k] < 0 ? -sum : sum) / s;
      if (own)
        for (int i = 0; i < S; i++) dx[i] = y[i] > 0 ? dx[i] : s * dx[i];
      else if (dx)
        for (int i = 0; i < S; i++) dx[i] += y[i] > 0 ? dy[i] : s * dy[i];
    }
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
                          .forward = every_step,
                          .step = tanh_step,
                          .backward = tanh_backward};
const nn_op nn_op_relu = {.name = "relu",
                          .help = "max(x, 0)",
                          .min_in = 1,
                          .max_in = 1,
                          .in_place = true,
                          .needs_y = true,
                          .shape = same_shape,
                          .forward = every_step,
                          .step = relu_step,
                          .backward = relu_backward};
const nn_op nn_op_silu = {.name = "silu",
                          .help = "x sigmoid(x)",
                          .min_in = 1,
                          .max_in = 1,
                          .needs_x = true,
                          .shape = silu_shape,
                          .forward = every_step,
                          .step = silu_step,
                          .backward = silu_backward};
const nn_op nn_op_prelu = {.name = "prelu",
                           .help = "x > 0 ? x : s x with trained s",
                           .conf_size = sizeof(nn_prelu_conf),
                           .min_in = 1,
                           .max_in = 1,
                           .in_place = true,
                           .needs_y = true,
                           .shape = prelu_shape,
                           .init = prelu_init,
                           .forward = every_step,
                           .step = prelu_step,
                           .backward = prelu_backward,
                           .text = prelu_text};

const char nn_act_words[] = "prelu|relu|tanh|silu";
const nn_op *nn_act(int word) {
  static const nn_op *const acts[] = {&nn_op_prelu, &nn_op_relu, &nn_op_tanh, &nn_op_silu};
  return acts[word];
}

/* op_causal_dense.c: masked dense layer of a MADE (Germain et al. 2015; Wu, Wang, Zhang, PRL 122 080602).
 *   y[t] = b[t] + sum_{u < t or u <= t} W[u -> t] x[u]
 * Block j of `block` positions keeps the weights (all inputs up to its end, its outputs) row by row; entries against
 * the order are stored as zeros and their gradients are cleared. At the first position of a block one fat product adds
 * all earlier blocks to all outputs of the block; each step then adds the few inputs inside the block. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/gemm.h"
#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/segment.h"

typedef struct part { /* one block */
  int first, end;     /* positions */
  int width;          /* outputs = (end-first) * Cout */
  size_t w;           /* offset of its weights, (end * Cin, width) */
} part;
typedef struct layer {
  int nparts, cin;
  part *parts;
} layer;

static int open_end(const nn_causal_dense_conf *c, int t) {
  return c->strict ? t : t + 1;
}

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_causal_dense_conf *c = n->conf;
  int P = nn_positions(*in);
  if (c->out < 1 || c->block < 1) return err_set(e, ERR_RUN, "needs out >= 1 and block >= 1");
  layer *l = n->table = calloc(1, sizeof *l);
  if (l) l->parts = calloc((size_t)P, sizeof *l->parts);
  if (!l || !l->parts) return err_set(e, ERR_RUN, "out of memory");
  l->cin = in->channels;
  double open = 0;
  for (int t = 0; t < P; t += c->block) {
    part *p = &l->parts[l->nparts++];
    *p = (part){t, t + c->block < P ? t + c->block : P, 0, n->nparam};
    p->width = (p->end - p->first) * c->out;
    n->nparam += (size_t)p->end * l->cin * p->width;
  }
  for (int t = 0; t < P; t++) open += (double)open_end(c, t) * l->cin * c->out;
  n->free_params = (size_t)open + (c->bias ? (size_t)P * c->out : 0);
  if (c->bias) n->nparam += (size_t)P * c->out;
  n->macs = open;
  n->shape = *in;
  n->shape.channels = c->out;
  n->scratch = (size_t)c->block * c->out;
  return 0;
}

static void release(nn_node *n) {
  layer *l = n->table;
  if (l) free(l->parts);
  free(l);
}

/* Clears what the order forbids inside the last rows of a block. */
static void clear_closed(const nn_causal_dense_conf *c, const layer *l, const part *p, nn_real *w) {
  for (int u = p->first; u < p->end; u++)
    for (int k = 0; k < l->cin; k++)
      for (int t = p->first; t < p->end && open_end(c, t) <= u; t++)
        memset(w + ((size_t)u * l->cin + k) * p->width + (size_t)(t - p->first) * c->out, 0, c->out * sizeof *w);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const nn_causal_dense_conf *c = n->conf;
  const layer *l = n->table;
  for (int j = 0; j < l->nparts; j++) {
    const part *p = &l->parts[j];
    nn_real *w = theta + p->w;
    nn_uniform(w, (size_t)p->end * l->cin * p->width, c->gain, r, (unsigned)j);
    for (size_t row = 0; row < (size_t)p->end * l->cin; row++) /* fan-in counts the inputs each output may see */
      for (int m = 0; m < p->width; m++) {
        int fan = open_end(c, p->first + m / c->out) * l->cin;
        w[row * p->width + m] *= fan ? (nn_real)(1 / sqrt((double)fan)) : 0;
      }
    clear_closed(c, l, p, w);
  }
}

static const nn_real *bias(const nn_node *n, const nn_real *theta) {
  const nn_causal_dense_conf *c = n->conf;
  return c->bias ? theta + n->param + n->nparam - (size_t)nn_positions(n->shape) * c->out : NULL;
}

static void step(const nn_node *n, const nn_frame *f, int t) {
  const nn_causal_dense_conf *c = n->conf;
  const layer *l = n->table;
  const part *p = &l->parts[t / c->block];
  const nn_real *w = f->theta + n->param + p->w, *x = f->value[n->in[0]], *b = bias(n, f->theta);
  nn_real *y = f->value[n->id];
  int S = f->lanes, before = p->first * l->cin;
  size_t row = (size_t)c->out * S;
  if (t == p->first) {
    nn_bias_set(p->width, S, b ? b + (size_t)t * c->out : NULL, y + t * row);
    nn_gemm(p->width, S, before, w, 1, p->width, x, S, y + t * row, S);
  }
  nn_gemm(c->out, S, open_end(c, t) * l->cin - before, w + (size_t)before * p->width + (size_t)(t - p->first) * c->out,
          1, p->width, x + (size_t)before * S, S, y + t * row, S);
}

static void backward(const nn_node *n, const nn_frame *f) {
  const nn_causal_dense_conf *c = n->conf;
  const layer *l = n->table;
  const nn_real *x = f->value[n->in[0]];
  nn_real *dx = f->grad[n->in[0]], *dtheta = f->dtheta + n->param;
  int S = f->lanes;
  for (int j = l->nparts - 1; j >= 0; j--) {
    const part *p = &l->parts[j];
    const nn_real *w = f->theta + n->param + p->w, *dy = f->grad[n->id] + (size_t)p->first * c->out * S;
    int rows = p->end * l->cin;
    nn_transpose(p->width, S, dy, S, f->scratch, p->width);
    nn_gemm(rows, p->width, S, x, S, 1, f->scratch, p->width, dtheta + p->w, p->width);
    if (dx) nn_gemm(rows, S, p->width, w, p->width, 1, dy, S, dx, S);
    clear_closed(c, l, p, dtheta + p->w);
  }
  if (c->bias) {
    size_t all = (size_t)nn_positions(n->shape) * c->out;
    nn_bias_grad((int)all, S, f->grad[n->id], dtheta + n->nparam - all);
  }
}

static nn_linear linear(const nn_node *n) {
  const nn_causal_dense_conf *c = n->conf;
  return nn_linear_of_layer(NULL, n, c->out, c->bias ? nn_rows(n->shape) : 0, false);
}

static void text(const nn_node *n, FILE *f) {
  const nn_causal_dense_conf *c = n->conf;
  fprintf(f, "block %d strict %d bias %d", c->block, c->strict, c->bias);
}

const nn_op nn_op_causal_dense = {
    .name = "causal_dense",
    .help = "masked dense layer in site order",
    .conf_size = sizeof(nn_causal_dense_conf),
    .takes = NN_SHARE_PLAIN,
    .relevance = nn_adjoint_relevance,
    .linear = linear,
    .min_in = 1,
    .max_in = 1,
    .needs_x = true,
    .shape = shape,
    .free = release,
    .init = init,
    .forward = nn_every_step,
    .step = step,
    .backward = backward,
    .text = text,
};

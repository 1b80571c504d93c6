/* relevance_adjoint.c: rules that leave the weights as they are, through ops that are linear in x (plus biases) but are
 * not lists of rows: the sum is y itself and its transpose is the op's own backward,
 *   R_j = x_j (dy/dx)^T s,   s_k = R_k / stab(y_k).
 * y is made again, since the next op may have written over it. The op's walks run on a frame whose values and gradients
 * of this node lie in the trail's scratch. Sequences begin anew: a state that was carried on is not explained. */
#include <string.h>

#include "nn/relevance.h"

/* y (rows, S), dx (rows of x, S) and the parameters' gradient, which nobody looks at. */
size_t nn_adjoint_scratch(const nn_relevance *r, const nn_node *n) {
  size_t S = (size_t)r->lanes;
  return (nn_rows(n->shape) + nn_rows(r->graph->node[n->in[0]].shape)) * S + n->param + n->nparam;
}

/* R (S) of one row without what lies beyond a lane's length: that goes nowhere and is booked as padding. */
static void within_length(const nn_node *n, const nn_frame *f, const nn_trail *t, size_t row, nn_real *R) {
  int S = f->lanes, at = (int)(row / (size_t)n->shape.channels) / (n->shape.extent[1] * n->shape.extent[2]);
  nn_real beyond[NN_MAX_LANES];
  for (int i = 0; i < S; i++) {
    nn_real all = t->relevance[n->id][row * (size_t)S + (size_t)i];
    R[i] = at < nn_length(f, n->shape.extent[0], i) ? all : 0;
    beyond[i] = all - R[i];
  }
  nn_credit(nn_account(t, n->id, NN_OUT, S), S, 1, beyond);
  nn_credit(nn_account(t, n->id, NN_PADDING, S), S, 1, beyond);
}

static void shares(const nn_node *n, const nn_frame *f, const nn_relevance *r, const nn_trail *t, nn_real *y) {
  const nn_linear l = n->op->linear(n);
  const nn_rule *rule = &r->rule[n->id];
  const nn_real *b = f->theta + n->param + l.weights;
  for (size_t row = 0; row < nn_rows(n->shape); row++) {
    nn_real *z = y + row * (size_t)f->lanes, bias = l.biases ? b[row % l.biases] : 0;
    nn_real R[NN_MAX_LANES], own[NN_UNITS];
    nn_sums one = {f->lanes, 1, R, {z}, {own, own + 1}};
    within_length(n, f, t, row, R);
    for (int i = 0; i < f->lanes; i++) z[i] -= bias;
    nn_rule_bias(rule, (double)bias, own);
    nn_share(rule, &one, nn_account(t, n->id, 0, f->lanes));
  }
}

void nn_adjoint_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  int x = n->in[0], S = f->lanes;
  size_t rows = nn_rows(r->graph->node[x].shape), channels = (size_t)r->graph->node[x].shape.channels;
  int first = n->op->linear(n).from;
  nn_real *y = t->scratch, *dx = y + nn_rows(n->shape) * (size_t)S;
  nn_frame own = *f;
  own.value = t->value, own.grad = t->grad;
  own.carry = false, own.opens = NULL, own.dstate = NULL, own.dtheta = dx + rows * (size_t)S;
  own.value[x] = f->value[x], own.value[n->id] = y;
  own.grad[x] = dx, own.grad[n->id] = y;
  n->op->forward(n, &own);
  shares(n, f, r, t, y);
  memset(dx, 0, rows * (size_t)S * sizeof *dx);
  n->op->backward(n, &own);
  for (size_t k = 0; k < rows; k++) {
    if ((int)(k % channels) < first) continue;
    nn_real *got = dx + k * (size_t)S, *to = t->relevance[x] + k * (size_t)S;
    for (int i = 0; i < S; i++) got[i] *= f->value[x][k * (size_t)S + (size_t)i], to[i] += got[i];
    nn_credit(nn_account(t, n->id, NN_IN, S), S, 1, got);
  }
}

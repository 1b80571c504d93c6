/* layers.c: see layers.h. */
#include "nn/layers.h"

#include <stdio.h>

const char nn_norm_words[] = "none|batch|layer";
const char nn_pool_words[] = "mean|max|both|flatten|attention";

static int named(nn_graph *g, const nn_op *op, const void *conf, int n, const int *x, err *e) {
  char name[48];
  snprintf(name, sizeof name, "%s%d", op->name, g->nnodes);
  return nn_add(g, op, name, conf, n, x, e);
}

int nn_layer(nn_graph *g, const nn_op *op, const void *conf, int x, err *e) {
  return named(g, op, conf, 1, &x, e);
}

int nn_layer2(nn_graph *g, const nn_op *op, int x0, int x1, err *e) {
  return named(g, op, NULL, 2, (int[]){x0, x1}, e);
}

int nn_layer_concat(nn_graph *g, int n, const int *x, err *e) {
  return n == 1 ? x[0] : named(g, &nn_op_concat, NULL, n, x, e);
}

int nn_layer_dense(nn_graph *g, int x, int out, bool per_position, bool bias, double gain, err *e) {
  nn_dense_conf c = {.out = out, .per_position = per_position, .bias = bias, .gain = gain};
  return nn_layer(g, &nn_op_dense, &c, x, e);
}

int nn_layer_conv(nn_graph *g, int x, nn_window_conf window, int out, bool bias, double gain, err *e) {
  nn_conv_conf c = {.window = window, .out = out, .bias = bias, .gain = gain};
  return nn_layer(g, &nn_op_conv, &c, x, e);
}

int nn_layer_dropout(nn_graph *g, int x, double rate, err *e) {
  return rate > 0 ? nn_layer(g, &nn_op_dropout, &(nn_dropout_conf){rate}, x, e) : x;
}

int nn_layer_norm(nn_graph *g, int x, int word, bool zero, err *e) {
  nn_norm_conf c = {.eps = 1e-5, .zero = zero};
  if (word == NN_NO_NORM) return x;
  return nn_layer(g, word == NN_BATCH_NORM ? &nn_op_batch_norm : &nn_op_layer_norm, &c, x, e);
}

int nn_layer_act(nn_graph *g, int x, int word, err *e) {
  return nn_layer(g, nn_act(word), &(nn_prelu_conf){0}, x, e);
}

int nn_layer_pool(nn_graph *g, int x, int word, err *e) {
  if (x < 0 || nn_positions(g->node[x].shape) == 1) return x;
  if (word == NN_POOL_FLATTEN) return nn_layer(g, &nn_op_reshape, &(nn_reshape_conf){{{0}, 0}}, x, e);
  if (word == NN_POOL_ATTENTION) {
    int score = nn_layer_dense(g, x, 1, true, false, NN_GAIN_LINEAR, e);
    return nn_layer2(g, &nn_op_weighted, x, score, e);
  }
  int both[2], n = 0;
  if (word != NN_POOL_MEAN) both[n++] = nn_layer(g, &nn_op_pool, &(nn_pool_conf){.max = true, .global = true}, x, e);
  if (word != NN_POOL_MAX) both[n++] = nn_layer(g, &nn_op_pool, &(nn_pool_conf){.global = true}, x, e);
  return nn_layer_concat(g, n, both, e);
}

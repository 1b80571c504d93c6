/* layers.h: shorthand for builders of networks: one call per layer, which names its node ("conv7") and returns its
 * number, or -1 with e set. Feeding on -1 gives -1, so that a builder checks once, at the end. */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

#include "base/deck.h"
#include "nn/graph.h"
#include "nn/ops.h"

/* Initial weights of a layer before a rectifier (He et al. 2015, uniform), and before anything else. */
#define NN_GAIN_RECTIFIER 2.449489742783178
#define NN_GAIN_LINEAR 1.0

int nn_layer(nn_graph *g, const nn_op *op, const void *conf, int x, err *e);
int nn_layer2(nn_graph *g, const nn_op *op, int x0, int x1, err *e);
int nn_layer_dense(nn_graph *g, int x, int out, bool per_position, bool bias, double gain, err *e);
int nn_layer_conv(nn_graph *g, int x, nn_window_conf window, int out, bool bias, double gain, err *e);
int nn_layer_dropout(nn_graph *g, int x, double rate, err *e); /* x itself where rate is 0 */
extern const char nn_norm_words[];                             /* "none|batch|layer" */
enum { NN_NO_NORM, NN_BATCH_NORM, NN_LAYER_NORM };
int nn_layer_norm(nn_graph *g, int x, int word, bool zero, err *e); /* zero: scale starts at 0 */
int nn_layer_act(nn_graph *g, int x, int word, err *e);             /* of nn_act_words */
/* Global pooling to one position: */
extern const char nn_pool_words[]; /* "mean|max|both|flatten|attention" */
enum { NN_POOL_MEAN, NN_POOL_MAX, NN_POOL_BOTH, NN_POOL_FLATTEN, NN_POOL_ATTENTION };
int nn_layer_pool(nn_graph *g, int x, int word, err *e);
int nn_layer_concat(nn_graph *g, int n, const int *x, err *e);

/* Entry k of a list that repeats. */
static inline int nn_entry(deck_ints list, int k) {
  return (int)list.v[k % list.n];
}

#endif

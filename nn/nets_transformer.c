/* nets_transformer.c: transformer encoder (Vaswani et al. 2017), norm first:
 *   x = x + drop(W attention(norm(x)));  x = x + drop(W2 drop(gelu(W1 norm(x)))), depth times;  norm;  pooling.
 * The signal comes in through convolutions of kernel 3 and stride 2 (tokens), then a 1x1 map; positions as sines. */
#include "nn/nets.h"

typedef struct conf {
  long width, depth, heads, ratio;
  deck_ints tokens;
  bool causal;
  int pool;
  double dropout;
} conf;

static const deck_key keys[] = {
    {"tokens", DECK_INTS, offsetof(conf, tokens), "[]", 1, 100000,
     .help = "channels of convolutions that halve the length before the encoder (papers: 128, 128)"},
    {"width", DECK_INT, offsetof(conf, width), "256", 1, 100000, .help = "channels"},
    {"depth", DECK_INT, offsetof(conf, depth), "4", 1, 1000, .help = "blocks"},
    {"heads", DECK_INT, offsetof(conf, heads), "8", 1, 1000, .help = "of attention; divides the width"},
    {"ratio", DECK_INT, offsetof(conf, ratio), "4", 1, 100, .help = "hidden width of a block over the width"},
    {"causal", DECK_BOOL, offsetof(conf, causal), "false", .help = "no position sees later ones"},
    {"dropout", DECK_REAL, offsetof(conf, dropout), "0.1", 0, 0.95, .help = "behind attention and inside blocks"},
    {"pool", DECK_WORD, offsetof(conf, pool), "mean", .words = nn_pool_words, .help = "over all positions"},
    {0},
};

static int token(nn_graph *g, int x, int out, err *e) {
  nn_window_conf w = nn_window_same(1, 3, 1, false);
  w.stride[0] = 2;
  x = nn_layer_conv(g, x, w, out, false, NN_GAIN_RECTIFIER, e);
  return nn_layer(g, &nn_op_relu, NULL, nn_layer_norm(g, x, NN_BATCH_NORM, false, e), e);
}

static int mixing(nn_graph *g, int x, const conf *k, err *e) {
  nn_attention_conf c = {(int)k->heads, k->causal};
  int y = nn_layer_norm(g, x, NN_LAYER_NORM, false, e);
  y = nn_layer_dense(g, y, 3 * (int)k->width, true, true, NN_GAIN_LINEAR, e);
  y = nn_layer(g, &nn_op_attention, &c, y, e);
  y = nn_layer_dense(g, y, (int)k->width, true, true, NN_GAIN_LINEAR, e);
  return nn_layer2(g, &nn_op_add, nn_layer_dropout(g, y, k->dropout, e), x, e);
}

static int perceptron(nn_graph *g, int x, const conf *k, err *e) {
  int y = nn_layer_norm(g, x, NN_LAYER_NORM, false, e);
  y = nn_layer_dense(g, y, (int)(k->ratio * k->width), true, true, NN_GAIN_LINEAR, e);
  y = nn_layer_dropout(g, nn_layer(g, &nn_op_gelu, NULL, y, e), k->dropout, e);
  y = nn_layer_dense(g, y, (int)k->width, true, true, NN_GAIN_LINEAR, e);
  return nn_layer2(g, &nn_op_add, nn_layer_dropout(g, y, k->dropout, e), x, e);
}

static int body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  const conf *k = p;
  if (t->in.extent[1] * t->in.extent[2] > 1 || k->width % k->heads) {
    err_set(e, ERR_DECK, "net.kind = transformer: needs one-dimensional signals, and heads that divide the width");
    return -1;
  }
  for (int l = 0; l < k->tokens.n; l++) x = token(g, x, (int)k->tokens.v[l], e);
  x = nn_layer_dense(g, x, (int)k->width, true, true, NN_GAIN_LINEAR, e);
  x = nn_layer_dropout(g, nn_layer(g, &nn_op_position, NULL, x, e), k->dropout, e);
  for (int l = 0; l < k->depth; l++) x = perceptron(g, mixing(g, x, k, e), k, e);
  x = nn_layer_norm(g, x, NN_LAYER_NORM, false, e);
  return t->sequence ? x : nn_layer_pool(g, x, k->pool, e);
}

const nn_net nn_net_transformer = {
    .kind = {"transformer", "attention over all positions", keys}, .conf_size = sizeof(conf), .body = body};

/* nets_rnn.c: recurrent networks: [encoder of every frame] -> layers of GRU or LSTM, of one or both directions, dropout
 * between them -> the sequence itself, or one position pooled from it: mean, max and last state (of the reversed
 * direction: at the first position) behind each other, or some of these. A frame (what belongs to one position of
 * extent[0]) is encoded by convolutions, if channels are given, then by dense layers. */
#include "nn/nets.h"

typedef struct conf {
  long layers, width;
  bool bidirectional;
  double dropout, encoder_dropout;
  deck_ints channels, encoder;
  long kernel, stride;
  int pool, norm;
} conf;
enum { MEAN, MAX, LAST, ALL };

static const deck_key keys[] = {
    {"layers", DECK_INT, offsetof(conf, layers), "2", 1, 16, .help = "recurrent layers"},
    {"width", DECK_INT, offsetof(conf, width), "64", 1, 10000, .help = "of each direction"},
    {"bidirectional", DECK_BOOL, offsetof(conf, bidirectional), "false", .help = "both directions"},
    {"dropout", DECK_REAL, offsetof(conf, dropout), "0", 0, 0.95, .help = "between layers"},
    {"channels", DECK_INTS, offsetof(conf, channels), "[]", 1, 10000,
     .help = "convolutions of each frame (or along the sequence) before"},
    {"kernel", DECK_INT, offsetof(conf, kernel), "3", 1, 100, .help = "their extent"},
    {"stride", DECK_INT, offsetof(conf, stride), "2", 1, 100, .help = "their stride"},
    {"norm", DECK_WORD, offsetof(conf, norm), "batch", .words = nn_norm_words, .help = "behind each of them"},
    {"encoder", DECK_INTS, offsetof(conf, encoder), "[]", 1, 100000, .help = "dense layers of each frame before"},
    {"encoder_dropout", DECK_REAL, offsetof(conf, encoder_dropout), "0", 0, 0.95, .help = "behind each of them"},
    {"pool", DECK_WORD, offsetof(conf, pool), "all", .words = "mean|max|last|all",
     .help = "where one output is wanted: what is made of the sequence"},
    {0},
};

/* One position per frame; frames of one position are convolved along the sequence, which then keeps its extent only
 * with stride 1. */
static int encode_frame(nn_graph *g, int x, const nn_net_task *t, const conf *k, err *e) {
  bool image = nn_positions(t->in) > t->in.extent[0];
  for (int l = 0; l < k->channels.n; l++) {
    nn_window_conf w = nn_window_same(1, (int)k->kernel, 1, false);
    w.stride[0] = (int)k->stride;
    for (int d = 1; d < 3 && image; d++) {
      bool there = t->in.extent[d] > 1;
      w.kernel[d] = there ? (int)k->kernel : 1, w.stride[d] = there ? (int)k->stride : 1;
      w.before[d] = there ? w.before[0] : 0, w.after[d] = there ? w.after[0] : 0;
    }
    if (image) w.kernel[0] = w.stride[0] = 1, w.before[0] = w.after[0] = 0;
    x = nn_layer_conv(g, x, w, (int)k->channels.v[l], k->norm != NN_BATCH_NORM, NN_GAIN_RECTIFIER, e);
    x = nn_layer_norm(g, x, k->norm, false, e);
    x = nn_layer(g, &nn_op_relu, NULL, x, e);
  }
  if (x < 0) return x;
  nn_shape s = g->node[x].shape;
  nn_reshape_conf flat = {{{s.extent[0], 1, 1}, (int)nn_rows(s) / s.extent[0]}};
  if (nn_positions(s) > s.extent[0]) x = nn_layer(g, &nn_op_reshape, &flat, x, e);
  for (int l = 0; l < k->encoder.n; l++) {
    x = nn_layer_dense(g, x, (int)k->encoder.v[l], true, true, NN_GAIN_RECTIFIER, e);
    x = nn_layer(g, &nn_op_relu, NULL, x, e);
    x = nn_layer_dropout(g, x, k->encoder_dropout, e);
  }
  return x;
}

/* The same with the channels that stand beside the picture. */
static int encode(nn_graph *g, int x, const nn_net_task *t, const conf *k, err *e) {
  int rest = t->in.channels - t->beside;
  if (!t->beside || !rest || nn_positions(t->in) > t->in.extent[0]) return encode_frame(g, x, t, k, e);
  int beside = nn_layer(g, &nn_op_slice, &(nn_slice_conf){rest, t->beside}, x, e);
  int picture = nn_layer(g, &nn_op_slice, &(nn_slice_conf){0, rest}, x, e);
  return nn_layer2(g, &nn_op_concat, encode_frame(g, picture, t, k, e), beside, e);
}

static int last_state(nn_graph *g, const int *way, int ways, err *e) {
  int y[2];
  for (int d = 0; d < ways; d++) y[d] = nn_layer(g, &nn_op_pick, &(nn_pick_conf){d ? 0 : -1}, way[d], e);
  return nn_layer_concat(g, ways, y, e);
}

static int build(nn_graph *g, int x, const nn_net_task *t, const conf *k, const nn_op *const *ops, err *e) {
  nn_recurrent_conf c = {.width = (int)k->width};
  int way[2], ways = k->bidirectional ? 2 : 1, y[3], n = 0;
  x = encode(g, x, t, k, e);
  for (long l = 0; l < k->layers; l++) {
    if (l) x = nn_layer_dropout(g, x, k->dropout, e);
    for (int d = 0; d < ways; d++) way[d] = nn_layer(g, ops[d], &c, x, e);
    x = nn_layer_concat(g, ways, way, e);
  }
  if (t->sequence) return x;
  if (k->pool == MEAN || k->pool == ALL) y[n++] = nn_layer_pool(g, x, NN_POOL_MEAN, e);
  if (k->pool == MAX || k->pool == ALL) y[n++] = nn_layer_pool(g, x, NN_POOL_MAX, e);
  if (k->pool == LAST || k->pool == ALL) y[n++] = last_state(g, way, ways, e);
  return nn_layer_concat(g, n, y, e);
}

static int gru_body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  const nn_op *const ops[] = {&nn_op_gru, &nn_op_gru_reversed};
  return build(g, x, t, p, ops, e);
}
static int lstm_body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  const nn_op *const ops[] = {&nn_op_lstm, &nn_op_lstm_reversed};
  return build(g, x, t, p, ops, e);
}

const nn_net nn_net_gru = {.kind = {"gru", "gated recurrent units", keys}, .conf_size = sizeof(conf), .body = gru_body};
const nn_net nn_net_lstm = {
    .kind = {"lstm", "long short-term memory", keys}, .conf_size = sizeof(conf), .body = lstm_body};

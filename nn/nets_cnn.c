/* nets_cnn.c: a plain list of convolutions in as many dimensions as the input has, [conv, norm, activation, pool,
 * dropout] per layer, then a global pool. Lists shorter than `channels` repeat. Frames of a sequence are convolved each
 * by itself, or, where a frame is one position, along the sequence. */
#include "nn/nets.h"

typedef struct conf {
  deck_ints channels, kernel, stride, dilation, pool;
  int activation, norm, pool_kind, global, padding;
  bool bias;
  double dropout;
} conf;
enum { ZERO, PERIODIC, NONE };

static const deck_key keys[] = {
    {"channels", DECK_INTS, offsetof(conf, channels), "[16, 32]", 1, 100000, .help = "of each convolution"},
    {"kernel", DECK_INTS, offsetof(conf, kernel), "[3]", 1, 10000, .help = "extent of each kernel"},
    {"stride", DECK_INTS, offsetof(conf, stride), "[1]", 1, 1000, .help = "of each convolution"},
    {"dilation", DECK_INTS, offsetof(conf, dilation), "[1]", 1, 10000, .help = "of each convolution"},
    {"padding", DECK_WORD, offsetof(conf, padding), "zero", .words = "zero|periodic|none",
     .help = "what stands outside; none: the output shrinks"},
    {"pool", DECK_INTS, offsetof(conf, pool), "[1]", 1, 1000, .help = "window of a pool behind each layer; 1: none"},
    {"pool_kind", DECK_WORD, offsetof(conf, pool_kind), "max", .words = "mean|max", .help = "of these pools"},
    {"activation", DECK_WORD, offsetof(conf, activation), "relu", .words = nn_act_words, .help = "behind each layer"},
    {"norm", DECK_WORD, offsetof(conf, norm), "none", .words = nn_norm_words, .help = "before each activation"},
    {"bias", DECK_BOOL, offsetof(conf, bias), "true", .help = "convolutions have one (where no batch norm follows)"},
    {"dropout", DECK_REAL, offsetof(conf, dropout), "0", 0, 0.95, .help = "behind each layer"},
    {"global", DECK_WORD, offsetof(conf, global), "mean", .words = nn_pool_words, .help = "pool over all positions"},
    {0},
};

/* The dimensions of x that are convolved: first .. end-1. */
typedef struct dims {
  int first, end;
} dims;
static dims dims_of(const nn_net_task *t) {
  dims d = {0, 1};
  for (int k = 1; k < 3; k++)
    if (t->in.extent[k] > 1) d.end = k + 1;
  if (t->sequence && d.end > 1) d.first = 1;
  return d;
}

static nn_window_conf window(const conf *k, int l, dims d) {
  int kernel = nn_entry(k->kernel, l), dilation = nn_entry(k->dilation, l), span = (kernel - 1) * dilation;
  nn_window_conf w = {.periodic = k->padding == PERIODIC};
  for (int i = d.first; i < d.end; i++) {
    w.kernel[i] = kernel, w.stride[i] = nn_entry(k->stride, l), w.dilation[i] = dilation;
    if (k->padding != NONE) w.before[i] = span / 2, w.after[i] = span - span / 2;
  }
  return w;
}

static int pool(nn_graph *g, int x, const conf *k, int l, dims d, err *e) {
  nn_pool_conf c = {.max = k->pool_kind == NN_POOL_MAX};
  int n = nn_entry(k->pool, l);
  for (int i = d.first; i < d.end; i++) c.window.kernel[i] = c.window.stride[i] = n;
  return n > 1 ? nn_layer(g, &nn_op_pool, &c, x, e) : x;
}

/* What belongs to a position of the sequence becomes its channels. */
static int frames(nn_graph *g, int x, err *e) {
  if (x < 0) return x;
  nn_shape s = g->node[x].shape;
  if (nn_positions(s) == s.extent[0]) return x;
  nn_reshape_conf c = {{{s.extent[0], 1, 1}, (int)nn_rows(s) / s.extent[0]}};
  return nn_layer(g, &nn_op_reshape, &c, x, e);
}

static int body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  const conf *k = p;
  dims d = dims_of(t);
  for (int l = 0; l < k->channels.n; l++) {
    bool bias = k->bias && k->norm != NN_BATCH_NORM;
    x = nn_layer_conv(g, x, window(k, l, d), (int)k->channels.v[l], bias, NN_GAIN_RECTIFIER, e);
    x = nn_layer_norm(g, x, k->norm, false, e);
    x = nn_layer_act(g, x, k->activation, e);
    x = pool(g, x, k, l, d, e);
    x = nn_layer_dropout(g, x, k->dropout, e);
  }
  return t->sequence ? frames(g, x, e) : nn_layer_pool(g, x, k->global, e);
}

const nn_net nn_net_cnn = {.kind = {"cnn", "a list of convolutions", keys}, .conf_size = sizeof(conf), .body = body};

/* nets_inception.c: InceptionTime (Ismail Fawaz et al. 2020): modules of a 1x1 bottleneck, parallel convolutions of
 * several kernels and a pooled branch, joined, normalised and rectified; every third module adds what came before those
 * three. */
#include "nn/nets.h"

typedef struct conf {
  long depth, width, bottleneck;
  deck_ints kernels;
  double dropout;
  int pool;
} conf;

static const deck_key keys[] = {
    {"depth", DECK_INT, offsetof(conf, depth), "6", 1, 100, .help = "modules"},
    {"width", DECK_INT, offsetof(conf, width), "32", 1, 10000, .help = "channels of each branch"},
    {"bottleneck", DECK_INT, offsetof(conf, bottleneck), "32", 1, 10000, .help = "channels before the branches"},
    {"kernels", DECK_INTS, offsetof(conf, kernels), "[39, 19, 9]", 1, 1000, .help = "of the branches, at most 7"},
    {"dropout", DECK_REAL, offsetof(conf, dropout), "0", 0, 0.95, .help = "behind each module"},
    {"pool", DECK_WORD, offsetof(conf, pool), "both", .words = nn_pool_words, .help = "over all positions"},
    {0},
};

static int plain(nn_graph *g, int x, int out, int kernel, err *e) {
  return nn_layer_conv(g, x, nn_window_same(1, kernel, 1, false), out, false, NN_GAIN_RECTIFIER, e);
}

static int module(nn_graph *g, int x, const conf *k, err *e) {
  int branch[NN_MAX_IN], n = 0;
  nn_pool_conf c = {.max = true, .window = nn_window_same(1, 3, 1, false)};
  int narrow = x >= 0 && g->node[x].shape.channels > 1 ? plain(g, x, (int)k->bottleneck, 1, e) : x;
  for (; n < k->kernels.n && n < NN_MAX_IN - 1; n++)
    branch[n] = plain(g, narrow, (int)k->width, (int)k->kernels.v[n], e);
  branch[n++] = plain(g, nn_layer(g, &nn_op_pool, &c, x, e), (int)k->width, 1, e);
  x = nn_layer_norm(g, nn_layer_concat(g, n, branch, e), NN_BATCH_NORM, false, e);
  return nn_layer(g, &nn_op_relu, NULL, x, e);
}

static int body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  const conf *k = p;
  int before = x;
  if (t->in.extent[1] * t->in.extent[2] > 1 || k->kernels.n >= NN_MAX_IN) {
    err_set(e, ERR_DECK, "net.kind = inception1d: needs one-dimensional signals and at most 7 kernels");
    return -1;
  }
  for (long l = 0; l < k->depth; l++) {
    x = module(g, x, k, e);
    if (l % 3 == 2 && x >= 0) {
      int skip = nn_layer_norm(g, plain(g, before, g->node[x].shape.channels, 1, e), NN_BATCH_NORM, false, e);
      before = x = nn_layer(g, &nn_op_relu, NULL, nn_layer2(g, &nn_op_add, x, skip, e), e);
    }
    x = nn_layer_dropout(g, x, k->dropout, e);
  }
  return t->sequence ? x : nn_layer_pool(g, x, k->pool, e);
}

const nn_net nn_net_inception1d = {
    .kind = {"inception1d", "parallel convolutions of several kernels", keys}, .conf_size = sizeof(conf), .body = body};

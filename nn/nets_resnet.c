/* nets_resnet.c: one-dimensional residual networks: resnet1d (Wang, Yan, Oates 2017, in the form of Strodthoff et al.
 * 2021: one block of two convolutions per stage) and xresnet1d (He et al. 2019: a stem of three convolutions and a
 * pool, the shortcut pooled before its 1x1 convolution, last scale of a branch starting at zero; 18 layers are blocks
 * [2,2,2,2], 50 are [3,4,6,3] with bottlenecks, 101 are [3,4,23,3] with bottlenecks). y = relu(x' + branch(x)),   x' =
 * x, or its 1x1 convolution where shapes differ */
#include "nn/nets.h"

typedef struct conf {
  deck_ints blocks, width, kernel, stem;
  long stem_kernel, stem_stride, expansion;
  bool bottleneck, stem_pool, x;
  int pool;
  double dropout;
} conf;

#define KEYS(name, blocks_, width_, kernel_, stem_, stem_kernel_, stem_stride_, stem_pool_)                            \
  static const deck_key name[] = {                                                                                     \
      {"blocks", DECK_INTS, offsetof(conf, blocks), blocks_, 1, 1000, .help = "residual blocks of each stage"},        \
      {"width", DECK_INTS, offsetof(conf, width), width_, 1, 100000, .help = "channels of each stage, repeating"},     \
      {"kernel", DECK_INTS, offsetof(conf, kernel), kernel_, 1, 1000, .help = "of a block's convolutions, repeating"}, \
      {"stem", DECK_INTS, offsetof(conf, stem), stem_, 1, 100000, .help = "channels of the convolutions before"},      \
      {"stem_kernel", DECK_INT, offsetof(conf, stem_kernel), stem_kernel_, 1, 1000, .help = "their extent"},           \
      {"stem_stride", DECK_INT, offsetof(conf, stem_stride), stem_stride_, 1, 100, .help = "of the first of them"},    \
      {"stem_pool", DECK_BOOL, offsetof(conf, stem_pool), stem_pool_, .help = "maximum over 3 at stride 2 behind"},    \
      {"bottleneck", DECK_BOOL, offsetof(conf, bottleneck), "false",                                                   \
       .help = "blocks of 1, kernel, 1 with expansion in place of two kernels"},                                       \
      {"expansion", DECK_INT, offsetof(conf, expansion), "4", 1, 64, .help = "bottleneck: channels out over width"},   \
      {"dropout", DECK_REAL, offsetof(conf, dropout), "0", 0, 0.95, .help = "at the end of each branch"},              \
      {"pool", DECK_WORD, offsetof(conf, pool), "both", .words = nn_pool_words, .help = "over all positions"},         \
      {0},                                                                                                             \
  }
KEYS(plain_keys, "[1, 1, 1]", "[128]", "[5, 3]", "[128]", "7", "1", "false");
KEYS(x_keys, "[2, 2, 2, 2]", "[64]", "[5]", "[32, 32, 64]", "5", "2", "true");

static int unit(nn_graph *g, int x, int out, int kernel, int stride, bool zero, bool act, err *e) {
  nn_window_conf w = nn_window_same(1, kernel, 1, false);
  w.stride[0] = stride;
  x = nn_layer_conv(g, x, w, out, false, NN_GAIN_RECTIFIER, e);
  x = nn_layer_norm(g, x, NN_BATCH_NORM, zero, e);
  return act ? nn_layer(g, &nn_op_relu, NULL, x, e) : x;
}

static int shortcut(nn_graph *g, int x, const conf *k, int out, int stride, err *e) {
  if (x < 0 || (stride == 1 && g->node[x].shape.channels == out)) return x;
  if (!k->x) return unit(g, x, out, 1, stride, false, false, e);
  if (stride > 1) { /* the last window may be short */
    int n = g->node[x].shape.extent[0];
    nn_pool_conf c = {.window = {.kernel = {stride}, .stride = {stride}, .after = {(stride - n % stride) % stride}}};
    x = nn_layer(g, &nn_op_pool, &c, x, e);
    if (x < 0 || g->node[x].shape.channels == out) return x;
  }
  return unit(g, x, out, 1, 1, false, false, e);
}

static int block(nn_graph *g, int x, const conf *k, int width, int stride, err *e) {
  int out = k->bottleneck ? width * (int)k->expansion : width, y = x;
  if (k->bottleneck) {
    y = unit(g, y, width, 1, 1, false, true, e);
    y = unit(g, y, width, nn_entry(k->kernel, 0), stride, false, true, e);
    y = unit(g, y, out, 1, 1, k->x, false, e);
  } else {
    y = unit(g, y, width, nn_entry(k->kernel, 0), stride, false, true, e);
    y = unit(g, y, out, nn_entry(k->kernel, 1), 1, k->x, false, e);
  }
  y = nn_layer_dropout(g, y, k->dropout, e);
  y = nn_layer2(g, &nn_op_add, y, shortcut(g, x, k, out, stride, e), e);
  return nn_layer(g, &nn_op_relu, NULL, y, e);
}

static int build(nn_graph *g, int x, const nn_net_task *t, const conf *k, err *e) {
  if (t->in.extent[1] * t->in.extent[2] > 1) {
    err_set(e, ERR_DECK, "net.kind = %s: needs one-dimensional signals", k->x ? "xresnet1d" : "resnet1d");
    return -1;
  }
  for (int l = 0; l < k->stem.n; l++)
    x = unit(g, x, (int)k->stem.v[l], (int)k->stem_kernel, l ? 1 : (int)k->stem_stride, false, true, e);
  if (k->stem_pool) {
    nn_pool_conf c = {.max = true, .window = {.kernel = {3}, .stride = {2}, .before = {1}, .after = {1}}};
    x = nn_layer(g, &nn_op_pool, &c, x, e);
  }
  for (int s = 0; s < k->blocks.n; s++)
    for (int b = 0; b < k->blocks.v[s]; b++) x = block(g, x, k, nn_entry(k->width, s), s && !b ? 2 : 1, e);
  return nn_layer_pool(g, x, k->pool, e);
}

static int plain_body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  return build(g, x, t, p, e);
}
static int x_body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  conf k = *(const conf *)p;
  k.x = true;
  return build(g, x, t, &k, e);
}

const nn_net nn_net_resnet1d = {.kind = {"resnet1d", "one-dimensional residual network", plain_keys},
                                .conf_size = sizeof(conf),
                                .body = plain_body};
const nn_net nn_net_xresnet1d = {
    .kind = {"xresnet1d", "residual network with a longer stem and pooled shortcuts", x_keys},
    .conf_size = sizeof(conf),
    .body = x_body};

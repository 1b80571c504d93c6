/* zoo_pixelcnn.c: masked convolutional network (van den Oord et al. 2016), the network of arXiv:1910.13496:
 *   plain     conv(strict) - [act - conv] ... - conv -> 1
 *   residual  conv(strict) - [x + conv(act(conv1x1(x)))] ... - conv -> 1
 * A list of dilations is gone through layer by layer, repeating. With half-kernel h and depth D the field reaches D h
 * (sum of dilations) rows up; nn_pixelcnn_rows tells, so that `check` can warn. */
#include <stdio.h>

#include "nn/ops.h"
#include "nn/zoo.h"

typedef struct conf {
  long depth, width, half;
  int act;
  bool bias, residual, wrap;
  double output_gain;
  deck_ints dilation;
} conf;

static const deck_key keys[] = {
    {"depth", DECK_INT, offsetof(conf, depth), "3", 1, 64, .help = "masked convolutions"},
    {"width", DECK_INT, offsetof(conf, width), "64", 1, 1024, .help = "channels"},
    {"half_kernel", DECK_INT, offsetof(conf, half), "1", 1, 64, .help = "the kernel is (2 half + 1) squared"},
    {"dilation", DECK_INTS, offsetof(conf, dilation), "1", 1, 64, .help = "per layer, repeating"},
    {"wrap", DECK_BOOL, offsetof(conf, wrap), "false", .help = "columns of earlier rows are periodic"},
    {"activation", DECK_WORD, offsetof(conf, act), "prelu", .words = nn_act_words, .help = "between layers"},
    {"bias", DECK_BOOL, offsetof(conf, bias), "true", .help = "false makes the network odd (with tanh): Z2 exact"},
    {"residual", DECK_BOOL, offsetof(conf, residual), "false", .help = "inner layers are residual blocks"},
    {"output_gain", DECK_REAL, offsetof(conf, output_gain), "0", 0, 100,
     .help = "scale of the last layer's initial weights"},
    {0},
};

static int conv(nn_graph *g, int x, const conf *k, const char *what, long l, int out, long half, bool strict,
                double gain, err *e) {
  char name[32];
  snprintf(name, sizeof name, "%s%ld", what, l + 1);
  nn_causal_conv2d_conf c = {.out = out,
                             .half = (int)half,
                             .dilation = (int)k->dilation.v[l % k->dilation.n],
                             .strict = strict,
                             .wrap = k->wrap,
                             .bias = k->bias,
                             .gain = gain};
  return nn_add(g, &nn_op_causal_conv2d, name, &c, 1, &x, e);
}

static int act(nn_graph *g, int x, const conf *k, long l, err *e) {
  char name[32];
  snprintf(name, sizeof name, "act%ld", l + 1);
  return nn_add(g, nn_act(k->act), name, &(nn_prelu_conf){0}, 1, &x, e);
}

static int build(nn_graph *g, int x, const nn_causal *c, const void *p, err *e) {
  const conf *k = p;
  if (!c->cols) {
    err_set(e, ERR_DECK,
            "net.kind = pixelcnn: needs drawn sites that form a rectangular grid (a square or triangular lattice)");
    return -1;
  }
  for (long l = 0; l < k->depth; l++) {
    bool last = l == k->depth - 1;
    int out = last ? 1 : (int)k->width, y = x;
    double gain = last ? k->output_gain : 1;
    if (l && k->residual && !last) {
      char name[32];
      snprintf(name, sizeof name, "add%ld", l + 1);
      y = act(g, conv(g, x, k, "point", l, out, 0, false, 1, e), k, l, e);
      y = conv(g, y, k, "conv", l, out, k->half, false, gain, e);
      y = nn_add(g, &nn_op_add, name, NULL, 2, (int[]){y, x}, e);
    } else {
      if (l) y = act(g, y, k, l, e);
      y = conv(g, y, k, "conv", l, out, k->half, !l, gain, e);
    }
    x = y;
  }
  return x;
}

const nn_zoo nn_zoo_pixelcnn = {
    .kind = {"pixelcnn", "masked convolutional network", keys}, .conf_size = sizeof(conf), .build = build};

/* zoo_made.c: masked autoencoder (Germain et al. 2015) as in Wu, Wang, Zhang, PRL 122 080602: `depth` causal dense
 * layers, `width` channels per site, the first strict; residual: layers after the first are added to their input. */
#include <stdio.h>

#include "nn/ops.h"
#include "nn/zoo.h"

typedef struct conf {
  long depth, width, block;
  int act;
  bool bias, residual;
  double output_gain;
} conf;

static const deck_key keys[] = {
    {"depth", DECK_INT, offsetof(conf, depth), "3", 1, 64, .help = "layers"},
    {"width", DECK_INT, offsetof(conf, width), "4", 1, 1024, .help = "channels per site"},
    {"activation", DECK_WORD, offsetof(conf, act), "prelu", .words = nn_act_words, .help = "between layers"},
    {"bias", DECK_BOOL, offsetof(conf, bias), "true", .help = "false makes the network odd (with tanh): Z2 exact"},
    {"residual", DECK_BOOL, offsetof(conf, residual), "false", .help = "add inner layers to their input"},
    {"output_gain", DECK_REAL, offsetof(conf, output_gain), "0", 0, 100,
     .help = "scale of the last layer's initial weights"},
    {"block", DECK_INT, offsetof(conf, block), "16", 1, 1024, .help = "sites a draw works ahead"},
    {0},
};

static int build(nn_graph *g, int x, const nn_causal *c, const void *p, err *e) {
  const conf *k = p;
  for (long l = 0; l < k->depth; l++) {
    bool first = !l, last = l == k->depth - 1;
    char name[32];
    nn_causal_dense_conf d = {.out = last ? 1 : (int)k->width,
                              .block = (int)k->block,
                              .strict = first,
                              .bias = k->bias,
                              .gain = last ? k->output_gain : 1};
    snprintf(name, sizeof name, "dense%ld", l + 1);
    int y = nn_add(g, &nn_op_causal_dense, name, &d, 1, &x, e);
    if (last) return y;
    snprintf(name, sizeof name, "act%ld", l + 1);
    y = nn_add(g, nn_act(k->act), name, &(nn_prelu_conf){.sites = true}, 1, &y, e);
    if (k->residual && !first) {
      snprintf(name, sizeof name, "add%ld", l + 1);
      y = nn_add(g, &nn_op_add, name, NULL, 2, (int[]){y, x}, e);
    }
    x = y;
  }
  return -1;
}

const nn_zoo nn_zoo_made = {
    .kind = {"made", "masked dense network over all earlier sites", keys}, .conf_size = sizeof(conf), .build = build};

/* nets_mlp.c: multilayer perceptron on all numbers of the input, or of every position of a sequence. */
#include "nn/nets.h"

typedef struct conf {
  deck_ints width;
  int activation, norm;
  bool bias;
  double dropout;
} conf;

static const deck_key keys[] = {
    {"width", DECK_INTS, offsetof(conf, width), "[64, 64]", 1, 100000, .help = "of each hidden layer"},
    {"activation", DECK_WORD, offsetof(conf, activation), "relu", .words = nn_act_words, .help = "behind each layer"},
    {"norm", DECK_WORD, offsetof(conf, norm), "none", .words = nn_norm_words, .help = "before each activation"},
    {"bias", DECK_BOOL, offsetof(conf, bias), "true", .help = "layers have one"},
    {"dropout", DECK_REAL, offsetof(conf, dropout), "0", 0, 0.95, .help = "behind each activation"},
    {0},
};

static int body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  const conf *k = p;
  if (t->sequence) { /* what belongs to a position becomes its channels */
    int rows = (int)nn_rows(t->in) / t->in.extent[0];
    x = nn_layer(g, &nn_op_reshape, &(nn_reshape_conf){{{t->in.extent[0], 1, 1}, rows}}, x, e);
  }
  for (int l = 0; l < k->width.n; l++) {
    x = nn_layer_dense(g, x, (int)k->width.v[l], t->sequence, k->bias, NN_GAIN_RECTIFIER, e);
    x = nn_layer_norm(g, x, k->norm, false, e);
    x = nn_layer_act(g, x, k->activation, e);
    x = nn_layer_dropout(g, x, k->dropout, e);
  }
  return x;
}

const nn_net nn_net_mlp = {.kind = {"mlp", "fully connected layers", keys}, .conf_size = sizeof(conf), .body = body};

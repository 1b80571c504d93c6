/* nets_s4.c: structured state space networks (Gu, Goel, Re 2022, in the form used for ECG by Mehari & Strodthoff 2023):
 *   x -> width channels;  depth times  x = norm(x + drop(glu(W drop(gelu(ssm(x))))))  or, norm first,
 *   x = x + drop(glu(W drop(gelu(ssm(norm(x))))));  pooling over time. */
#include "nn/nets.h"

typedef struct conf {
  int kernel, pool;
  long width, depth, states;
  bool both, norm_first;
  double dt_min, dt_max, rate, dropout;
} conf;

enum { S4, S5 = 4 }; /* among the words; between them nn_s4d_start */
static const char kernels[] = "s4|lin|inv|legs|s5";
static const deck_key keys[] = {
    {"kernel", DECK_WORD, offsetof(conf, kernel), "s4", .words = kernels,
     .help =
         "s4: fixed HiPPO basis; lin, inv, legs: diagonal (S4D) from that start, trained; s5: one for all channels"},
    {"width", DECK_INT, offsetof(conf, width), "512", 1, 100000, .help = "channels"},
    {"depth", DECK_INT, offsetof(conf, depth), "4", 1, 1000, .help = "blocks"},
    {"states", DECK_INT, offsetof(conf, states), "8", 2, 256,
     .help = "real numbers of state per channel (s5: of all together), even"},
    {"both", DECK_BOOL, offsetof(conf, both), "true", .help = "a second recurrence runs backwards in time"},
    {"norm_first", DECK_BOOL, offsetof(conf, norm_first), "false", .help = "layer norm before the branch, not behind"},
    {"dt_min", DECK_REAL, offsetof(conf, dt_min), "0.001", 1e-9, 10, .help = "least time step at first"},
    {"dt_max", DECK_REAL, offsetof(conf, dt_max), "0.1", 1e-9, 10, .help = "largest time step at first"},
    {"rate", DECK_REAL, offsetof(conf, rate), "1", 1e-3, 1e3,
     .help = "time between samples over that of the training data"},
    {"dropout", DECK_REAL, offsetof(conf, dropout), "0.2", 0, 0.95, .help = "behind gelu and glu"},
    {"pool", DECK_WORD, offsetof(conf, pool), "mean", .words = nn_pool_words, .help = "over all positions"},
    {0},
};

static int block(nn_graph *g, int x, const nn_net_task *t, const conf *k, err *e) {
  nn_ssm_conf c = {
      .states = (int)k->states, .both = k->both, .dt_min = k->dt_min, .dt_max = k->dt_max, .rate = k->rate};
  if (t->rate > 0) c.rate *= t->rate;
  const nn_op *op = k->kernel == S4 ? &nn_op_s4 : k->kernel == S5 ? &nn_op_s5 : &nn_op_s4d;
  c.start = op == &nn_op_s4d ? (nn_s4d_start)(k->kernel - 1) : NN_S4D_LEGS;
  int y = k->norm_first ? nn_layer_norm(g, x, NN_LAYER_NORM, false, e) : x;
  y = nn_layer(g, op, &c, y, e);
  y = nn_layer_dropout(g, nn_layer(g, &nn_op_gelu, NULL, y, e), k->dropout, e);
  y = nn_layer_dense(g, y, 2 * (int)k->width, true, true, NN_GAIN_LINEAR, e);
  y = nn_layer_dropout(g, nn_layer(g, &nn_op_glu, NULL, y, e), k->dropout, e);
  y = nn_layer2(g, &nn_op_add, y, x, e);
  return k->norm_first ? y : nn_layer_norm(g, y, NN_LAYER_NORM, false, e);
}

static int body(nn_graph *g, int x, const nn_net_task *t, const void *p, err *e) {
  const conf *k = p;
  if (t->in.extent[1] * t->in.extent[2] > 1 || k->states % 2 || k->dt_max < k->dt_min) {
    err_set(e, ERR_DECK, "net.kind = s4: needs one-dimensional signals, net.states even and net.dt_min <= net.dt_max");
    return -1;
  }
  x = nn_layer_dense(g, x, (int)k->width, true, true, NN_GAIN_LINEAR, e);
  for (int l = 0; l < k->depth; l++) x = block(g, x, t, k, e);
  if (k->norm_first) x = nn_layer_norm(g, x, NN_LAYER_NORM, false, e);
  return t->sequence ? x : nn_layer_pool(g, x, k->pool, e);
}

const nn_net nn_net_s4 = {
    .kind = {"s4", "structured state space layers with gated mixing", keys}, .conf_size = sizeof(conf), .body = body};

/* nets.c: the family of supervised networks and their common head: [body, numbers, embedded categories] -> hidden
 * layers
 * -> outputs. */
#include "nn/nets.h"

#include <stdio.h>
#include <stdlib.h>

#include "nn/store.h"

extern const nn_net nn_net_mlp, nn_net_cnn, nn_net_resnet1d, nn_net_xresnet1d, nn_net_s4, nn_net_transformer;
extern const nn_net nn_net_inception1d, nn_net_gru, nn_net_lstm;
const deck_kind *const nn_nets[] = {
    &nn_net_mlp.kind,         &nn_net_cnn.kind,         &nn_net_resnet1d.kind, &nn_net_xresnet1d.kind, &nn_net_s4.kind,
    &nn_net_transformer.kind, &nn_net_inception1d.kind, &nn_net_gru.kind,      &nn_net_lstm.kind,      NULL};

const deck_key nn_nets_keys[] = {
    {"head", DECK_INTS, offsetof(nn_nets_conf, head), "[]", 1, 100000,
     .help = "widths of hidden layers behind the body"},
    {"head_activation", DECK_WORD, offsetof(nn_nets_conf, activation), "relu", .words = nn_act_words,
     .help = "between them"},
    {"head_dropout", DECK_REAL, offsetof(nn_nets_conf, dropout), "0", 0, 0.95, .help = "before each layer of the head"},
    {"meta_width", DECK_INT, offsetof(nn_nets_conf, meta_width), "32", 1, 10000,
     .help = "width to which what is known beside the signal is brought before it joins"},
    {"from", DECK_TEXT, offsetof(nn_nets_conf, from), "~",
     .help = "run.h5 whose /model holds parameters for exactly this network"},
    {0},
};

/* Numbers as they are, categories through tables, then one hidden layer. */
static int meta_features(nn_graph *g, int x, const nn_net_task *t, const nn_nets_conf *c, err *e) {
  int all = -1;
  for (int k = 0; k < t->meta; k++) {
    int levels = t->levels ? t->levels[k] : 0, width = levels / 2 + 1 < 8 ? levels / 2 + 1 : 8;
    int y = levels ? nn_layer(g, &nn_op_embedding, &(nn_embedding_conf){k, levels, width}, x, e)
                   : nn_layer(g, &nn_op_slice, &(nn_slice_conf){k, 1}, x, e);
    all = k ? nn_layer2(g, &nn_op_concat, all, y, e) : y;
  }
  all = nn_layer_dense(g, all, (int)c->meta_width, false, true, NN_GAIN_RECTIFIER, e);
  return nn_layer_act(g, all, c->activation, e);
}

static int head(nn_graph *g, int y, const nn_net_task *t, const nn_nets_conf *c, err *e) {
  bool each = t->sequence;
  for (int k = 0; k < c->head.n; k++) {
    y = nn_layer_dropout(g, y, c->dropout, e);
    y = nn_layer_dense(g, y, (int)c->head.v[k], each, true, NN_GAIN_RECTIFIER, e);
    y = nn_layer_act(g, y, c->activation, e);
  }
  y = nn_layer_dropout(g, y, c->dropout, e);
  return nn_layer_dense(g, y, t->outputs, each, true, NN_GAIN_LINEAR, e);
}

/* Network k of those beside each other; its inputs carry k + 1 in their names behind the first. */
static int whole(nn_graph *g, int k, const nn_net *n, const nn_net_task *t, const nn_nets_conf *c, const void *conf,
                 err *e) {
  char name[2][16] = {"x", "meta"};
  if (k) snprintf(name[0], sizeof name[0], "x%d", k + 1), snprintf(name[1], sizeof name[1], "meta%d", k + 1);
  int x = nn_input(g, name[0], t->in);
  if (t->want_grad) nn_want_grad(g, x);
  int m = t->meta ? nn_input(g, name[1], (nn_shape){{1, 1, 1}, t->meta}) : -1;
  int y = n->body(g, x, t, conf, e);
  if (y < 0) return -1;
  nn_shape s = g->node[y].shape;
  if (t->sequence && (s.extent[0] != t->in.extent[0] || nn_positions(s) != s.extent[0])) {
    err_set(e, ERR_DECK, "net.kind = %s: gives no output at every position with these settings", n->kind.name);
    return -1;
  }
  if (t->sequence && t->meta) {
    err_set(e, ERR_RUN, "network: numbers beside a sequence belong into its channels");
    return -1;
  }
  if (t->meta) y = nn_layer2(g, &nn_op_concat, y, meta_features(g, m, t, c, e), e);
  return head(g, y, t, c, e);
}

int nn_nets_beside(nn_graph **out, int count, const nn_net_task *t, const deck *d, err *e) {
  const nn_net *n = (const nn_net *)deck_kind_of(d, "net");
  nn_nets_conf c;
  void *conf = calloc(1, n->conf_size);
  nn_graph *g = nn_graph_new();
  deck_get(d, "net", nn_nets_keys, &c);
  if (conf && g && count >= 1 && count <= NN_MAX_IN) {
    int y[NN_MAX_IN], good = 1;
    if (n->kind.keys) deck_get(d, "net", n->kind.keys, conf);
    for (int k = 0; k < count && good; k++) good = (y[k] = whole(g, k, n, &t[k], &c, conf, e)) >= 0;
    int all = !good ? -1 : count > 1 ? nn_layer_concat(g, count, y, e) : y[0];
    if (all >= 0) nn_finish(g, all, e);
  } else {
    err_set(e, ERR_RUN, "network: out of memory");
  }
  free(conf);
  if (!e->code && g->output >= 0) {
    *out = g;
    return 0;
  }
  nn_graph_free(g);
  *out = NULL;
  return err_set(e, ERR_RUN, "network: could not be built");
}

int nn_nets_build(nn_graph **g, const nn_net_task *t, const deck *d, err *e) {
  return nn_nets_beside(g, 1, t, d, e);
}

int nn_nets_start(const nn_graph *g, const deck *d, unsigned seed, nn_real **theta, nn_real **state, err *e) {
  nn_nets_conf c;
  deck_get(d, "net", nn_nets_keys, &c);
  if (nn_parameters(g, theta, state, e)) return e->code;
  nn_init(g, *theta, seed), nn_init_state(g, *state);
  if (c.from && nn_store_read_all(c.from, g, *theta, *state, e))
    return err_context(e, "%s: net.from", deck_where(d, "net", "from"));
  return 0;
}

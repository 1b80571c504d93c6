/* zoo_sites.c: one small dense network per site: `width` units over the frontier (the drawn spins that still interact
 * with undrawn ones: by the Markov property a conditional depends on nothing else) or over all earlier spins, `depth`
 * hidden layers. */
#include <stdio.h>
#include <stdlib.h>

#include "nn/ops.h"
#include "nn/zoo.h"

typedef struct conf {
  long depth, width;
  int act, inputs;
  bool bias;
  double output_gain;
} conf;

static const deck_key keys[] = {
    {"inputs", DECK_WORD, offsetof(conf, inputs), "frontier", .words = "frontier|all",
     .help = "drawn spins a conditional sees"},
    {"depth", DECK_INT, offsetof(conf, depth), "1", 1, 16, .help = "hidden layers"},
    {"width", DECK_INT, offsetof(conf, width), "32", 1, 1024, .help = "units per site and hidden layer"},
    {"activation", DECK_WORD, offsetof(conf, act), "tanh", .words = nn_act_words, .help = "of the hidden layers"},
    {"bias", DECK_BOOL, offsetof(conf, bias), "false", .help = "false makes the network odd (with tanh): Z2 exact"},
    {"output_gain", DECK_REAL, offsetof(conf, output_gain), "0", 0, 100,
     .help = "scale of the last layer's initial weights"},
    {0},
};

static int build(nn_graph *g, int x, const nn_causal *c, const void *p, err *e) {
  const conf *k = p;
  bool all = k->inputs == 1;
  for (long l = 0; l < k->depth; l++) {
    char name[32];
    nn_sites_conf s = {.out = (int)k->width,
                       .positions = c->positions,
                       .bias = k->bias,
                       .gain = 1,
                       .start = l     ? c->own_start
                                : all ? c->all_start
                                      : c->start,
                       .list = l     ? c->own_list
                               : all ? c->all_list
                                     : c->list};
    snprintf(name, sizeof name, "hidden%ld", l + 1);
    x = nn_add(g, &nn_op_sites, name, &s, 1, &x, e);
    snprintf(name, sizeof name, "act%ld", l + 1);
    x = nn_add(g, nn_act(k->act), name, &(nn_prelu_conf){.sites = true}, 1, &x, e);
  }
  nn_sites_conf out = {.out = 1,
                       .positions = c->positions,
                       .start = c->own_start,
                       .list = c->own_list,
                       .bias = k->bias,
                       .gain = k->output_gain};
  return nn_add(g, &nn_op_sites, "output", &out, 1, &x, e);
}

const nn_zoo nn_zoo_sites = {
    .kind = {"sites", "a small network of its own at every site", keys}, .conf_size = sizeof(conf), .build = build};

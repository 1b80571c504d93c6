/* zoo.c: section `net` of a deck: the family of builders and what all of them share (linear skip term). */
#include "nn/zoo.h"

#include <stdlib.h>

#include "nn/ops.h"

extern const nn_zoo nn_zoo_made, nn_zoo_pixelcnn, nn_zoo_sites;
const deck_kind *const nn_zoo_kinds[] = {&nn_zoo_made.kind, &nn_zoo_pixelcnn.kind, &nn_zoo_sites.kind, NULL};

const deck_key nn_net_keys[] = {
    {.name = "skip",
     .type = DECK_WORD,
     .at = offsetof(nn_net_conf, skip),
     .def = "none",
     .words = "none|frontier|all",
     .help =
         "linear term over drawn spins, starting from the couplings: none, over the frontier, over all earlier ones"},
    {.name = "from",
     .type = DECK_TEXT,
     .at = offsetof(nn_net_conf, from),
     .def = "~",
     .help = "run.h5 whose /model holds parameters for exactly this network"},
    {.name = "grow",
     .type = DECK_TEXT,
     .at = offsetof(nn_net_conf, grow),
     .def = "~",
     .help = "run.h5 of a smaller lattice: its network, carried over to this one, is the start"},
    {0},
};

enum { SKIP_NONE, SKIP_FRONTIER, SKIP_ALL };

static int add_skip(nn_graph *g, int x, int out, const nn_causal *c, int skip, err *e) {
  if (skip == SKIP_NONE) return out;
  bool all = skip == SKIP_ALL;
  nn_sites_conf conf = {.out = 1,
                        .positions = c->positions,
                        .start = all ? c->all_start : c->start,
                        .list = all ? c->all_list : c->list,
                        .start_value = all ? c->all_start_value : c->start_value};
  int s = nn_add(g, &nn_op_sites, "skip", &conf, 1, &x, e);
  return nn_add(g, &nn_op_add, "logit", NULL, 2, (int[]){out, s}, e);
}

int nn_zoo_build(nn_graph **out, const nn_causal *c, const deck *d, err *e) {
  const nn_zoo *z = (const nn_zoo *)deck_kind_of(d, "net");
  nn_net_conf net;
  void *conf = calloc(1, z->conf_size);
  nn_graph *g = nn_graph_new();
  deck_get(d, "net", nn_net_keys, &net);
  if (conf && g) {
    if (z->kind.keys) deck_get(d, "net", z->kind.keys, conf);
    nn_shape shape = {{c->cols ? c->rows : c->positions, c->cols ? c->cols : 1, 1}, 1};
    int x = nn_input(g, "spins", shape);
    int y = z->build(g, x, c, conf, e);
    if (y >= 0) nn_finish(g, add_skip(g, x, y, c, net.skip, e), e);
  } else {
    err_set(e, ERR_RUN, "network: out of memory");
  }
  free(conf);
  if (e->code || g->output < 0) {
    nn_graph_free(g);
    return err_set(e, ERR_RUN, "network: could not be built");
  }
  *out = g;
  return 0;
}

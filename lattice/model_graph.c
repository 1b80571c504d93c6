/* model_graph.c: J as given by the third column of the graph file. */
#include <string.h>

#include "lattice/ising.h"

static int build(ising *m, const void *conf, err *e) {
  if (!m->lat->weight)
    return err_set(e, ERR_DECK, "kind = graph: lattice.kind = %s gives no couplings (lines \"i j J\" of a graph file)",
                   m->lat->name);
  memcpy(m->J, m->lat->weight, sizeof(double) * (size_t)m->lat->nbonds);
  return 0;
}

const lattice_model lattice_model_graph = {{"graph", "J of every bond from the graph file", NULL}, build, 0};

/* store.h: a network in HDF5: /model/graph (text), /model/parameters/<node> and /model/state/<node> by name, format
 * version; and back. Rank 0. */
#ifndef NN_STORE_H
#define NN_STORE_H

#include "base/h5.h"
#include "nn/graph.h"

typedef struct nn_stored {
  const nn_graph *graph;
  const nn_real *theta, *state; /* state: NULL where the network has none */
} nn_stored;
int nn_store_write(h5 *f, const void *nn_stored_self, err *e); /* for run_writer */
/* Parameters of exactly this network (the graph texts must agree) from PATH: local, ERR_FILE with the first difference.
 */
int nn_store_read(const char *path, const nn_graph *g, nn_real *theta, err *e);
/* The same with the state (nstate numbers). */
int nn_store_read_all(const char *path, const nn_graph *g, nn_real *theta, nn_real *state, err *e);

#endif

/* store.c: see store.h. */
#include "nn/store.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

int nn_store_write(h5 *f, const void *self, err *e) {
  const nn_stored *s = self;
  char *text = nn_graph_text(s->graph);
  int bad = text ? h5_write_text(f, "/model/graph", text, "one line per node of the network", e)
                 : err_set(e, ERR_RUN, "network text: out of memory");
  free(text);
  if (!bad) bad = h5_attr_i64(f, "/model/graph", "format", FORMAT, e);
  for (int i = 0; i < s->graph->nnodes && !bad; i++) {
    const nn_node *n = &s->graph->node[i];
    char path[96];
    snprintf(path, sizeof path, "/model/parameters/%s", n->name);
    if (n->nparam)
      bad = h5_write(f, path, NN_H5, 1, &n->nparam, s->theta + n->param, "1",
                     "weights, then biases, as the op stores them", e);
    snprintf(path, sizeof path, "/model/state/%s", n->name);
    if (n->nstate && !bad)
      bad = h5_write(f, path, NN_H5, 1, &n->nstate, s->state + n->state, "1", "what the op follows in training", e);
  }
  return bad;
}

/* The first line in which two texts differ. */
static int compare(const char *path, const char *a, const char *b, err *e) {
  int line = 1;
  const char *la = a, *lb = b;
  for (; *a && *a == *b; a++, b++)
    if (*a == '\n') line++, la = a + 1, lb = b + 1;
  if (*a == *b) return 0;
  return err_set(e, ERR_FILE,
                 "%s: /model: the stored network differs from the deck's at node line %d: stored '%.*s', deck '%.*s'",
                 path, line, (int)strcspn(la, "\n"), la, (int)strcspn(lb, "\n"), lb);
}

int nn_store_read_all(const char *path, const nn_graph *g, nn_real *theta, nn_real *state, err *e) {
  h5 *f = NULL;
  char *stored = NULL, *text = nn_graph_text(g);
  int bad = h5_open(&f, path, e);
  if (!bad && !h5_has(f, "/model/graph")) bad = err_set(e, ERR_FILE, "%s: holds no network (/model/graph)", path);
  if (!bad) bad = h5_read_text(f, "/model/graph", &stored, e);
  if (!bad) bad = text ? compare(path, stored, text, e) : err_set(e, ERR_RUN, "network text: out of memory");
  for (int i = 0; i < g->nnodes && !bad; i++) {
    const nn_node *n = &g->node[i];
    char at[96];
    snprintf(at, sizeof at, "/model/parameters/%s", n->name);
    if (n->nparam) bad = h5_read(f, at, NN_H5, theta + n->param, n->nparam, e);
    snprintf(at, sizeof at, "/model/state/%s", n->name);
    if (n->nstate && state && !bad) bad = h5_read(f, at, NN_H5, state + n->state, n->nstate, e);
  }
  if (f) h5_close(f);
  free(stored), free(text);
  return bad;
}

int nn_store_read(const char *path, const nn_graph *g, nn_real *theta, err *e) {
  return nn_store_read_all(path, g, theta, NULL, e);
}

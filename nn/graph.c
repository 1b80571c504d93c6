/* graph.c: building, text and parameters of a network (see graph.h). */
#include "nn/graph.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *nn_alloc(size_t bytes) {
  size_t n = (bytes + NN_ALIGN - 1) / NN_ALIGN * NN_ALIGN;
  void *p = aligned_alloc(NN_ALIGN, n ? n : NN_ALIGN);
  if (p) memset(p, 0, n ? n : NN_ALIGN);
  return p;
}

nn_graph *nn_graph_new(void) {
  nn_graph *g = calloc(1, sizeof *g);
  if (g) g->output = -1;
  return g;
}

void nn_graph_free(nn_graph *g) {
  if (!g) return;
  for (int i = 0; i < g->nnodes; i++) {
    nn_node *n = &g->node[i];
    if (n->op && n->op->free) n->op->free(n);
    free(n->conf);
  }
  free(g->node);
  free(g);
}

static nn_node *append(nn_graph *g, const char *name) {
  if (g->nnodes == g->room) {
    int room = g->room ? 2 * g->room : 16;
    nn_node *more = realloc(g->node, (size_t)room * sizeof *more);
    if (!more) return NULL;
    g->node = more;
    g->room = room;
  }
  nn_node *n = &g->node[g->nnodes++];
  memset(n, 0, sizeof *n);
  n->id = g->nnodes - 1;
  snprintf(n->name, sizeof n->name, "%s", name);
  return n;
}

int nn_input(nn_graph *g, const char *name, nn_shape shape) {
  nn_node *n = append(g, name);
  if (!n) return -1;
  n->shape = shape;
  return g->nnodes - 1;
}

void nn_want_grad(nn_graph *g, int input) {
  g->node[input].wants_grad = true;
}

int nn_add(nn_graph *g, const nn_op *op, const char *name, const void *conf, int nin, const int *in, err *e) {
  nn_shape shapes[NN_MAX_IN];
  if (nin < op->min_in || nin > op->max_in) {
    err_set(e, ERR_RUN, "network node '%s': op '%s' takes %d to %d inputs, not %d", name, op->name, op->min_in,
            op->max_in, nin);
    return -1;
  }
  for (int i = 0; i < nin; i++) {
    if (in[i] < 0) return -1; /* an earlier nn_add failed: its message stands */
    shapes[i] = g->node[in[i]].shape;
  }
  nn_node *n = append(g, name);
  if (n && op->conf_size) n->conf = malloc(op->conf_size);
  if (!n || (op->conf_size && !n->conf)) {
    err_set(e, ERR_RUN, "network node '%s': out of memory", name);
    return -1;
  }
  n->op = op;
  if (op->conf_size) memcpy(n->conf, conf, op->conf_size);
  n->nin = nin;
  for (int i = 0; i < nin; i++) {
    n->in[i] = in[i];
    n->wants_grad |= g->node[in[i]].wants_grad;
  }
  n->nweights = SIZE_MAX;
  if (op->shape(n, shapes, e)) {
    err_context(e, "network node '%s' (%s)", n->name, op->name);
    return -1;
  }
  n->within |= n->local && !n->placed;
  if (n->nweights > n->nparam) n->nweights = n->nparam;
  if (!n->free_params) n->free_params = n->nparam;
  n->wants_grad |= n->nparam > 0;
  return g->nnodes - 1;
}

int nn_finish(nn_graph *g, int output, err *e) {
  if (output < 0) return err_set(e, ERR_RUN, "network: no output");
  g->output = output;
  g->nparam = g->nstate = g->free_params = 0;
  g->macs = 0;
  for (int i = 0; i < g->nnodes; i++) {
    nn_node *n = &g->node[i];
    n->param = g->nparam;
    n->state = g->nstate;
    g->nstate += (n->nstate + 15) / 16 * 16;
    g->nparam += (n->nparam + 15) / 16 * 16; /* views stay aligned; the gap stays zero */
    g->free_params += n->free_params;
    g->macs += n->macs;
  }
  return 0;
}

int nn_by_frames(const nn_graph *g, err *e) {
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    if (n->op && !n->within && !(n->op->carries && n->ahead == NN_NEVER))
      return err_set(
          e, ERR_DECK,
          "network node '%s': op '%s' looks at later frames, or at earlier ones otherwise than by a state that "
          "is carried along",
          n->name, n->op->name);
  }
  return 0;
}

void nn_init(const nn_graph *g, nn_real *theta, unsigned seed) {
  nn_shape in[NN_MAX_IN];
  memset(theta, 0, g->nparam * sizeof *theta);
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    if (!n->op || !n->op->init) continue;
    for (int k = 0; k < n->nin; k++) in[k] = g->node[n->in[k]].shape;
    char stream[64];
    snprintf(stream, sizeof stream, "init %s", n->name);
    n->op->init(n, in, theta + n->param, rng_stream(seed, stream));
  }
}

void nn_init_state(const nn_graph *g, nn_real *state) {
  memset(state, 0, g->nstate * sizeof *state);
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    if (n->op && n->op->init_state) n->op->init_state(n, state + n->state);
  }
}

int nn_parameters(const nn_graph *g, nn_real **theta, nn_real **state, err *e) {
  *theta = nn_alloc(g->nparam * sizeof **theta), *state = nn_alloc(g->nstate * sizeof **state);
  return *theta && *state ? 0 : err_set(e, ERR_RUN, "parameters: out of memory");
}

char *nn_graph_text(const nn_graph *g) {
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    fprintf(f, "%d %s %s", i, n->op ? n->op->name : "input", n->name);
    for (int k = 0; k < n->nin; k++) fprintf(f, "%s%d", k ? "," : " from ", n->in[k]);
    fprintf(f, " shape %dx%dx%dx%d parameters %zu", n->shape.extent[0], n->shape.extent[1], n->shape.extent[2],
            n->shape.channels, n->free_params);
    if (n->op && n->op->text) {
      fputc(' ', f);
      n->op->text(n, f);
    }
    fputc('\n', f);
  }
  fprintf(f, "output %d\n", g->output);
  fclose(f);
  return text;
}

const nn_node *nn_find(const nn_graph *g, const char *name) {
  for (int i = 0; i < g->nnodes; i++)
    if (!strcmp(g->node[i].name, name)) return &g->node[i];
  return NULL;
}

/* explained.c: predictors and the walks of a network that is explained (see explained.h). Nodes are walked one by one,
 * not in blocks, so that any node can be held at given values and its gradient is complete when backward stops there.
 */
#include "xai/explained.h"

#include <stdlib.h>
#include <string.h>

static size_t numbers(const xai_net *n, int node) {
  return nn_rows(n->graph->node[node].shape) * (size_t)n->lanes;
}

int xai_net_new(xai_net **out, const nn_graph *g, int input, int lanes, const nn_real *theta, const nn_real *state,
                err *e) {
  xai_net *n = *out = calloc(1, sizeof *n);
  if (!n) return err_set(e, ERR_RUN, "explanation: out of memory");
  *n = (xai_net){.graph = g, .input = input, .lanes = lanes};
  n->inputs = nn_rows(g->node[input].shape), n->outputs = nn_rows(g->node[g->output].shape);
  int bad = nn_plan_new(&n->plan, g, lanes, true, false, e) || nn_frame_new(&n->frame, n->plan, NULL, e);
  size_t most = 0;
  for (int i = 0; i < g->nnodes && !bad; i++) most = numbers(n, i) > most ? numbers(n, i) : most;
  n->dtheta = bad ? NULL : nn_alloc(g->nparam * sizeof(nn_real));
  for (int k = 0; k < 3 && !bad; k++) n->work[k] = nn_alloc(most * sizeof(nn_real));
  if (!bad && !(n->dtheta && n->work[0] && n->work[1] && n->work[2]))
    bad = err_set(e, ERR_RUN, "explanation: out of memory");
  if (bad) {
    xai_net_free(n);
    *out = NULL;
    return e->code;
  }
  n->frame->theta = theta, n->frame->state = state, n->frame->dtheta = n->dtheta;
  n->frame->train = false;
  return 0;
}

void xai_net_free(xai_net *n) {
  if (!n) return;
  nn_frame_free(n->frame, NULL), nn_plan_free(n->plan);
  for (int k = 0; k < 3; k++) free(n->work[k]);
  free(n->dtheta), free(n);
}

static void hold(xai_net *n, int node, const nn_real *h) {
  if (h != n->frame->value[node]) memcpy(n->frame->value[node], h, numbers(n, node) * sizeof *h);
}

void xai_net_forward(xai_net *n, const nn_real *x, int node, const nn_real *h) {
  const nn_graph *g = n->graph;
  if (x) hold(n, n->input, x);
  for (int i = 0; i < g->nnodes; i++) {
    if (g->node[i].op) g->node[i].op->forward(&g->node[i], n->frame);
    if (h && i == node) hold(n, node, h);
  }
}

const nn_real *xai_net_backward(xai_net *n, const nn_real *seed, int node) {
  const nn_graph *g = n->graph;
  nn_real *const *grad = n->frame->grad;
  if (!grad[node] || !grad[g->output]) return NULL;
  memset(n->dtheta, 0, g->nparam * sizeof *n->dtheta);
  memcpy(grad[g->output], seed, numbers(n, g->output) * sizeof *seed);
  for (int i = g->nnodes - 1; i > node; i--) {
    const nn_node *k = &g->node[i];
    if (!k->op || !grad[i]) continue;
    for (int b = 0; b < k->nin; b++)
      if (n->plan->clears[i] >> b & 1) memset(grad[k->in[b]], 0, numbers(n, k->in[b]) * sizeof(nn_real));
    k->op->backward(k, n->frame);
  }
  return grad[node];
}

void xai_net_answer(const xai_net *n, const nn_real *seed, double *f) {
  const nn_real *y = n->frame->value[n->graph->output];
  for (int i = 0; i < n->lanes; i++) f[i] = 0;
  for (size_t k = 0; k < n->outputs * (size_t)n->lanes; k++) f[k % (size_t)n->lanes] += (double)seed[k] * (double)y[k];
}

void xai_net_seed(const xai_net *n, int out, nn_real *seed) {
  for (size_t k = 0; k < n->outputs * (size_t)n->lanes; k++) seed[k] = k / (size_t)n->lanes == (size_t)out;
}

static int predict(void *ctx, const nn_real *x, nn_real *y, err *e) {
  xai_net *n = ctx;
  xai_net_forward(n, x, -1, NULL);
  memcpy(y, n->frame->value[n->graph->output], n->outputs * (size_t)n->lanes * sizeof *y);
  return 0;
}

predictor xai_predictor_of(xai_net *n) {
  return (predictor){n, n->inputs, n->outputs, n->lanes, predict, n};
}

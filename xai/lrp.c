/* lrp.c: relevance of an answer (see lrp.h). */
#include "xai/lrp.h"

#include <math.h>
#include <stdlib.h>

int xai_lrp_new(xai_lrp **out, xai_net *n, const nn_rule *rules, bool ledger, err *e) {
  xai_lrp *l = *out = calloc(1, sizeof *l);
  if (!l) return err_set(e, ERR_RUN, "relevance: out of memory");
  l->net = n;
  if (nn_relevance_new(&l->rules, n->graph, n->lanes, rules, e) || nn_trail_new(&l->trail, l->rules, ledger, e)) {
    xai_lrp_free(l);
    *out = NULL;
    return e->code;
  }
  nn_relevance_prepare(l->rules, n->frame->theta, n->frame->state);
  return 0;
}

void xai_lrp_free(xai_lrp *l) {
  if (!l) return;
  nn_trail_free(l->trail), nn_relevance_free(l->rules), free(l);
}

void xai_relevance(xai_lrp *l, const nn_real *x, const nn_real *seed) {
  const xai_net *n = l->net;
  int out = n->graph->output;
  xai_net_forward(l->net, x, -1, NULL);
  const nn_real *y = n->frame->value[out];
  for (size_t k = 0; k < n->outputs * (size_t)n->lanes; k++) l->trail->relevance[out][k] = seed[k] * y[k];
  nn_relevance_walk(l->rules, n->frame, l->trail, out);
}

double xai_blow_up(const xai_lrp *l, const nn_real *seed, int valid) {
  const xai_net *n = l->net;
  double f[NN_MAX_LANES], most = 0;
  size_t S = (size_t)n->lanes;
  xai_net_answer(n, seed, f);
  for (int node = 0; node < n->graph->nnodes; node++)
    for (int i = 0; i < valid && l->trail->live[node] && f[i] != 0; i++) {
      double sum = 0;
      for (size_t row = 0; row < nn_rows(n->graph->node[node].shape); row++)
        sum += (double)l->trail->relevance[node][row * S + (size_t)i];
      most = fmax(most, fabs(sum / f[i]));
    }
  return most;
}

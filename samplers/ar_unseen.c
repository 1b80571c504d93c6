/* ar_unseen.c: what the conditionals of a network can see (see ar.h). */
#include <stdlib.h>

#include "nn/ops.h"
#include "samplers/ar.h"

/* Biases stand at the end of a node's parameters. */
static size_t biases(const nn_node *n) {
  size_t out = (size_t)n->shape.channels, all = nn_rows(n->shape);
  if (n->op == &nn_op_causal_conv2d) return ((const nn_causal_conv2d_conf *)n->conf)->bias ? out : 0;
  if (n->op == &nn_op_causal_dense) return ((const nn_causal_dense_conf *)n->conf)->bias ? all : 0;
  if (n->op == &nn_op_sites) return ((const nn_sites_conf *)n->conf)->bias ? all : 0;
  return 0;
}

/* Raise one earlier spin per lane from zero and see which logits move. With positive weights and no biases all
 * activations pass a positive signal on and nothing cancels, however deep the network. */
int ar_unseen(const ar *a, long *unseen, long *pairs, err *e) {
  int S = a->lanes, n = a->n;
  const nn_causal *c = a->causal;
  nn_real *theta = nn_alloc(a->net->nparam * sizeof *theta), *z = nn_alloc((size_t)n * sizeof *z);
  nn_frame *f = NULL;
  *unseen = *pairs = 0;
  if (!theta || !z || nn_frame_new(&f, a->plan, NULL, e)) {
    free(theta), free(z);
    return err_set(e, ERR_RUN, "network: out of memory");
  }
  rng r = rng_stream(1, "unseen");
  for (int k = 0; k < a->net->nnodes; k++) {
    const nn_node *node = &a->net->node[k];
    for (size_t i = node->param; i < node->param + node->nparam - biases(node); i++)
      theta[i] = (nn_real)(0.05 + 0.1 * rng_uniform(r, i, 0, 0));
  }
  f->theta = theta;
  nn_forward(a->plan, f); /* the spins of a new frame are zero */
  for (int t = 0; t < n; t++) z[t] = f->value[a->net->output][(size_t)t * S];
  for (int u0 = 0; u0 < n; u0 += S) {
    for (size_t i = 0; i < (size_t)n * S; i++) f->value[0][i] = 0;
    for (int i = 0; i < S && u0 + i < n; i++) f->value[0][(size_t)(u0 + i) * S + i] = 1;
    nn_forward(a->plan, f);
    for (int t = 0; t < n; t++)
      for (int k = c->start[t]; k < c->start[t + 1]; k++) {
        int u = c->list[k];
        if (u < u0 || u >= u0 + S || c->start_value[k] == 0) continue;
        ++*pairs;
        *unseen += f->value[a->net->output][(size_t)t * S + (u - u0)] == z[t];
      }
  }
  nn_frame_free(f, NULL);
  free(theta), free(z);
  return 0;
}

int ar_look(const ar *a, char *text, size_t n, err *e) {
  long unseen, pairs;
  *text = 0;
  if (ar_unseen(a, &unseen, &pairs, e)) return e->code;
  if (unseen)
    snprintf(
        text, n,
        "net: %ld of %ld interacting pairs of drawn variables are not seen by the later one's conditional; the network "
        "cannot represent the model exactly (more depth, a larger half_kernel or dilation, wrap, or skip: all)",
        unseen, pairs);
  return 0;
}

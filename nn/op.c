/* op.c: the table of all ops. A new op is one descriptor and one line here (and sample settings in tests/test_ops.c).
 */
#include "nn/ops.h"

const nn_op *const nn_ops[] = {&nn_op_causal_conv2d, &nn_op_causal_dense, &nn_op_sites, &nn_op_prelu, &nn_op_relu,
                               &nn_op_tanh,          &nn_op_silu,         &nn_op_add,   NULL};

void nn_every_step(const nn_node *n, const nn_frame *f) {
  for (int t = 0; t < nn_positions(n->shape); t++) n->op->step(n, f, t);
}

void nn_every_back_step(const nn_node *n, const nn_frame *f) {
  for (int t = nn_positions(n->shape) - 1; t >= 0; t--) n->op->back_step(n, f, t);
}

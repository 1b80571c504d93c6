/* op.c: the table of all ops. A new op is one descriptor and one line here (and sample settings in tests/test_ops.c).
 */
#include "nn/ops.h"

const nn_op *const nn_ops[] = {&nn_op_causal_conv2d,
                               &nn_op_causal_dense,
                               &nn_op_sites,
                               &nn_op_dense,
                               &nn_op_conv,
                               &nn_op_pool,
                               &nn_op_batch_norm,
                               &nn_op_layer_norm,
                               &nn_op_gru,
                               &nn_op_gru_reversed,
                               &nn_op_lstm,
                               &nn_op_lstm_reversed,
                               &nn_op_pick,
                               &nn_op_dropout,
                               &nn_op_prelu,
                               &nn_op_relu,
                               &nn_op_tanh,
                               &nn_op_silu,
                               &nn_op_gelu,
                               &nn_op_sigmoid,
                               &nn_op_softplus,
                               &nn_op_glu,
                               &nn_op_product,
                               &nn_op_add,
                               &nn_op_concat,
                               &nn_op_reshape,
                               &nn_op_slice,
                               &nn_op_embedding,
                               &nn_op_s4d,
                               &nn_op_s4,
                               &nn_op_s5,
                               &nn_op_attention,
                               &nn_op_position,
                               &nn_op_weighted,
                               NULL};

void nn_every_step(const nn_node *n, const nn_frame *f) {
  for (int t = 0; t < nn_positions(n->shape); t++) n->op->step(n, f, t);
}

void nn_every_back_step(const nn_node *n, const nn_frame *f) {
  for (int t = nn_positions(n->shape) - 1; t >= 0; t--) n->op->back_step(n, f, t);
}

void nn_every_block(const nn_node *n, const nn_frame *f) {
  if (n->op->begin) n->op->begin(n, f);
  n->op->block(n, f, 0, nn_positions(n->shape));
}

void nn_every_back_block(const nn_node *n, const nn_frame *f) {
  if (n->op->back_begin) n->op->back_begin(n, f);
  n->op->back_block(n, f, 0, nn_positions(n->shape));
}

void nn_block_step(const nn_node *n, const nn_frame *f, int t) {
  n->op->block(n, f, t, t + 1);
}

void nn_block_back_step(const nn_node *n, const nn_frame *f, int t) {
  n->op->back_block(n, f, t, t + 1);
}

int nn_mask(const nn_frame *f, nn_shape shape, int t, nn_real *mask) {
  int count = 0, row = t / (shape.extent[1] * shape.extent[2]);
  for (int i = 0; i < f->lanes; i++) {
    bool held = i < f->valid && row < nn_length(f, shape.extent[0], i);
    mask[i] = held;
    count += held;
  }
  return count;
}

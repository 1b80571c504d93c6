/* op.c: the table of all ops. A new op is one descriptor and one line here (and sample settings in tests/test_ops.c).
 */
#include "nn/ops.h"

const nn_op *const nn_ops[] = {&nn_op_causal_conv2d, &nn_op_causal_dense, &nn_op_sites, &nn_op_prelu, &nn_op_relu,
                               &nn_op_tanh,          &nn_op_silu,         &nn_op_add,   NULL};

/* op_add.c: y = x0 + x1, the join of residual and skip branches. */
#include <string.h>

#include "nn/ops.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  if (memcmp(&in[0], &in[1], sizeof *in)) return err_set(e, ERR_RUN, "the inputs have different shapes");
  n->shape = in[0];
  n->local = true;
  return 0;
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f) * (size_t)(to - from), at = (size_t)from * nn_width(n->shape, f);
  const nn_real *a = f->value[n->in[0]] + at, *b = f->value[n->in[1]] + at;
  nn_real *y = f->value[n->id] + at;
  for (size_t i = 0; i < width; i++) y[i] = a[i] + b[i];
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f) * (size_t)(to - from), at = (size_t)from * nn_width(n->shape, f);
  const nn_real *dy = f->grad[n->id] + at;
  for (int k = 0; k < 2; k++) {
    nn_real *dx = f->grad[n->in[k]];
    if (!dx || dx + at == dy) continue; /* in place: the gradient is there already */
    if (nn_opens(n, f, k))
      memcpy(dx + at, dy, width * sizeof *dx);
    else
      for (size_t i = 0; i < width; i++) dx[at + i] += dy[i];
  }
}

const nn_op nn_op_add = {.name = "add",
                         .help = "sum of two equal shapes",
                         .min_in = 2,
                         .max_in = 2,
                         .in_place = true,
                         .shape = shape,
                         .forward = nn_every_block,
                         .step = nn_block_step,
                         .block = block,
                         .backward = nn_every_back_block,
                         .back_step = nn_block_back_step,
                         .back_block = back_block};

/* op_reshape.c: the same numbers in another shape, by default flattened to one position. In place nothing moves. */
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_reshape_conf *c = n->conf;
  n->shape = nn_rows(c->shape) ? c->shape : (nn_shape){{1, 1, 1}, (int)nn_rows(*in)};
  if (nn_rows(n->shape) != nn_rows(*in))
    return err_set(e, ERR_RUN, "%zu numbers do not fit into a shape of %zu", nn_rows(*in), nn_rows(n->shape));
  n->ahead = NN_ALWAYS;
  n->within = n->shape.extent[0] == in->extent[0];
  n->once = true;
  return 0;
}

static void forward(const nn_node *n, const nn_frame *f) {
  nn_real *y = f->value[n->id], *x = f->value[n->in[0]];
  if (x != y) memcpy(y, x, nn_rows(n->shape) * (size_t)f->lanes * sizeof *y);
}

static void backward(const nn_node *n, const nn_frame *f) {
  const nn_real *dy = f->grad[n->id];
  nn_real *dx = f->grad[n->in[0]];
  size_t count = nn_rows(n->shape) * (size_t)f->lanes;
  bool set = nn_opens(n, f, 0);
  if (dx && dx != dy)
    for (size_t i = 0; i < count; i++) dx[i] = set ? dy[i] : dx[i] + dy[i];
}

static void text(const nn_node *n, FILE *f) {
  fprintf(f, "rows %zu", nn_rows(n->shape));
}

const nn_op nn_op_reshape = {.name = "reshape",
                             .help = "the same numbers in another shape",
                             .conf_size = sizeof(nn_reshape_conf),
                             .takes = NN_SHARE_PASS,
                             .relevance = nn_pass_relevance,
                             .min_in = 1,
                             .max_in = 1,
                             .in_place = true,
                             .shape = shape,
                             .forward = forward,
                             .backward = backward,
                             .text = text};

/* op_pick.c: one position of a sequence, counted from the beginning (0, 1, ...) or the end (-1, -2, ...). */
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  int P = nn_positions(*in), at = ((const nn_pick_conf *)n->conf)->position;
  int *position = n->table = malloc(sizeof *position);
  if (!position) return err_set(e, ERR_RUN, "out of memory");
  *position = at < 0 ? P + at : at;
  if (*position < 0 || *position >= P) return err_set(e, ERR_RUN, "there is no position %d among %d", at, P);
  n->shape = (nn_shape){{1, 1, 1}, in->channels};
  n->ahead = NN_ALWAYS;
  return 0;
}

static void release(nn_node *n) {
  free(n->table);
}

static size_t where(const nn_node *n, const nn_frame *f) {
  return (size_t) * (const int *)n->table * nn_width(n->shape, f);
}

static void forward(const nn_node *n, const nn_frame *f) {
  memcpy(f->value[n->id], f->value[n->in[0]] + where(n, f), nn_width(n->shape, f) * sizeof(nn_real));
}

static void backward(const nn_node *n, const nn_frame *f) {
  const nn_real *dy = f->grad[n->id];
  nn_real *dx = f->grad[n->in[0]];
  for (size_t i = 0, at = where(n, f); dx && i < nn_width(n->shape, f); i++) dx[at + i] += dy[i];
}

static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  const nn_real *from = t->relevance[n->id];
  nn_real *to = t->relevance[n->in[0]] + where(n, f);
  for (size_t k = 0; k < nn_width(n->shape, f); k++) to[k] += from[k];
  nn_credit(nn_account(t, n->id, NN_OUT, f->lanes), f->lanes, nn_rows(n->shape), from);
  nn_credit(nn_account(t, n->id, NN_IN, f->lanes), f->lanes, nn_rows(n->shape), from);
}

static void text(const nn_node *n, FILE *f) {
  fprintf(f, "position %d", *(const int *)n->table);
}

const nn_op nn_op_pick = {.name = "pick",
                          .help = "one position of a sequence",
                          .conf_size = sizeof(nn_pick_conf),
                          .takes = NN_SHARE_PASS,
                          .relevance = relevance,
                          .min_in = 1,
                          .max_in = 1,
                          .shape = shape,
                          .free = release,
                          .forward = forward,
                          .backward = backward,
                          .text = text};

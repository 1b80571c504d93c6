/* op_add.c: y = x0 + x1, the join of residual and skip branches. */
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

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

/* The first input may have been overwritten by y in place: it is y less the second. */
static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  const nn_rule *rule = &r->rule[n->id];
  const nn_gain g = nn_rule_gain(rule, 1);
  const nn_real *y = f->value[n->id], *x[2] = {f->value[n->in[0]], f->value[n->in[1]]};
  double *in = nn_account(t, n->id, NN_IN, f->lanes);
  int S = f->lanes;
  for (size_t k = 0; k < nn_rows(n->shape) * (size_t)S; k += (size_t)S) {
    nn_real first[NN_MAX_LANES], z[NN_UNITS][NN_MAX_LANES], got[NN_MAX_LANES];
    for (int i = 0; i < S; i++) first[i] = x[0] == y ? y[k + i] - x[1][k + i] : x[0][k + i];
    const nn_real *part[2] = {first, x[1] + k};
    for (int u = 0; u < NN_UNITS; u++)
      for (int i = 0; i < S; i++) z[u][i] = nn_gain_at(&g, u, part[0][i]) + nn_gain_at(&g, u, part[1][i]);
    nn_share(rule, &(nn_sums){S, 1, t->relevance[n->id] + k, {z[0], z[1]}}, nn_account(t, n->id, 0, S));
    for (int b = 0; b < 2; b++) {
      nn_real *to = t->relevance[n->in[b]] + k;
      for (int i = 0; i < S; i++) {
        got[i] = nn_gain_at(&g, 0, part[b][i]) * z[0][i];
        if (rule->type->units > 1) got[i] += nn_gain_at(&g, 1, part[b][i]) * z[1][i];
        to[i] += got[i];
      }
      nn_credit(in, S, 1, got);
    }
  }
}

const nn_op nn_op_add = {.name = "add",
                         .help = "sum of two equal shapes",
                         .takes = NN_SHARE_SUM | NN_SHARE_PLAIN,
                         .relevance = relevance,
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

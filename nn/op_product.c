/* op_product.c: y = x0 x1 number by number: a gate. Where x1 has one position only, it multiplies every position of x0
 * (the excitation of Hu, Shen, Sun 2018). */
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  bool same = !memcmp(&in[0], &in[1], sizeof *in);
  if (!same && (in[0].channels != in[1].channels || nn_positions(in[1]) != 1))
    return err_set(e, ERR_RUN, "the second input has neither the shape of the first nor one position of its channels");
  n->shape = in[0];
  n->macs = (double)nn_rows(in[0]);
  n->local = same;
  n->ahead = same ? NN_NEVER : NN_ALWAYS;
  return 0;
}

/* Where position t of x1 begins. */
static size_t second(const nn_node *n, size_t at) {
  return n->local ? at : 0;
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f);
  for (int t = from; t < to; t++) {
    size_t at = (size_t)t * width;
    const nn_real *a = f->value[n->in[0]] + at, *b = f->value[n->in[1]] + second(n, at);
    nn_real *y = f->value[n->id] + at;
    for (size_t i = 0; i < width; i++) y[i] = a[i] * b[i];
  }
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f);
  for (int t = to - 1; t >= from; t--)
    for (int k = 0; k < 2; k++) {
      size_t at = (size_t)t * width, own = k ? second(n, at) : at, other = k ? at : second(n, at);
      const nn_real *dy = f->grad[n->id] + at, *x = f->value[n->in[1 - k]] + other;
      nn_real *dx = f->grad[n->in[k]];
      bool set = nn_opens(n, f, k);
      if (!dx) continue;
      dx += own;
      for (size_t i = 0; i < width; i++) dx[i] = set ? x[i] * dy[i] : dx[i] + x[i] * dy[i];
    }
}

/* The first input is the signal, the second the gate (Arras et al. 2017): winner: all to the signal; flat: half each.
 */
static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  size_t width = nn_width(n->shape, f);
  nn_real gate = r->rule[n->id].type == &nn_rule_winner ? 0 : (nn_real)0.5;
  for (int p = 0; p < nn_positions(n->shape); p++) {
    size_t at = (size_t)p * width;
    const nn_real *R = t->relevance[n->id] + at;
    nn_real *a = t->relevance[n->in[0]] + at, *b = t->relevance[n->in[1]] + second(n, at);
    for (size_t i = 0; i < width; i++) a[i] += (1 - gate) * R[i], b[i] += gate * R[i];
  }
  nn_credit(nn_account(t, n->id, NN_OUT, f->lanes), f->lanes, nn_rows(n->shape), t->relevance[n->id]);
  nn_credit(nn_account(t, n->id, NN_IN, f->lanes), f->lanes, nn_rows(n->shape), t->relevance[n->id]);
}

const nn_op nn_op_product = {.name = "product",
                             .help = "product of two inputs: a gate",
                             .takes = NN_SHARE_WINNER | NN_SHARE_EVEN,
                             .relevance = relevance,
                             .min_in = 2,
                             .max_in = 2,
                             .needs_x = true,
                             .shape = shape,
                             .forward = nn_every_block,
                             .step = nn_block_step,
                             .block = block,
                             .backward = nn_every_back_block,
                             .back_block = back_block};

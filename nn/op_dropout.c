/* op_dropout.c: dropout (Srivastava et al. 2014), y = x m / (1 - rate) with m = 0 of probability rate, in training
 * only. The mask is a pure function of (noise, shard, node, number, pass), made again in backward. Probabilities are
 * multiples of 2^-16. */
#include <math.h>
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_dropout_conf *c = n->conf;
  if (!(c->rate >= 0 && c->rate < 1)) return err_set(e, ERR_RUN, "needs 0 <= rate < 1, not %g", c->rate);
  n->shape = *in;
  n->local = true;
  return 0;
}

/* to[i] = (add: +=) from[i] m / (1 - rate) for the numbers first .. end-1 of the node. Eight masks come from one block
 * of random words. */
static void masked(const nn_node *n, const nn_frame *f, size_t first, size_t end, const nn_real *from, nn_real *to,
                   bool add) {
  const nn_dropout_conf *c = n->conf;
  unsigned limit = (unsigned)lround(c->rate * 65536);
  nn_real scale = (nn_real)(1 / (1 - limit / 65536.));
  for (size_t i = first; i < end;) {
    philox4x32_ctr_t w = rng_words(f->noise, ((uint64_t)f->shard << 32) | (i / 8), f->pass, (uint32_t)n->id);
    size_t stop = i / 8 * 8 + 8 < end ? i / 8 * 8 + 8 : end;
    for (; i < stop; i++) {
      unsigned u = w.v[i % 8 / 2] >> (i % 2 ? 16 : 0) & 0xffff;
      nn_real y = u < limit ? 0 : scale * from[i];
      to[i] = add ? to[i] + y : y;
    }
  }
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f), first = (size_t)from * width, end = (size_t)to * width;
  const nn_real *x = f->value[n->in[0]];
  nn_real *y = f->value[n->id];
  if (f->train)
    masked(n, f, first, end, x, y, false);
  else if (y != x)
    memcpy(y + first, x + first, (end - first) * sizeof *y);
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f), first = (size_t)from * width, end = (size_t)to * width;
  const nn_real *dy = f->grad[n->id];
  nn_real *dx = f->grad[n->in[0]];
  bool set = dx == dy || nn_opens(n, f, 0);
  if (!dx) return;
  if (f->train)
    masked(n, f, first, end, dy, dx, !set);
  else if (dx != dy)
    for (size_t i = first; i < end; i++) dx[i] = set ? dy[i] : dx[i] + dy[i];
}

static void text(const nn_node *n, FILE *f) {
  fprintf(f, "rate %.17g", ((const nn_dropout_conf *)n->conf)->rate);
}

const nn_op nn_op_dropout = {.name = "dropout",
                             .help = "random zeros in training",
                             .conf_size = sizeof(nn_dropout_conf),
                             .takes = NN_SHARE_PASS,
                             .relevance = nn_pass_relevance,
                             .min_in = 1,
                             .max_in = 1,
                             .in_place = true,
                             .shape = shape,
                             .forward = nn_every_block,
                             .step = nn_block_step,
                             .block = block,
                             .backward = nn_every_back_block,
                             .back_step = nn_block_back_step,
                             .back_block = back_block,
                             .text = text};

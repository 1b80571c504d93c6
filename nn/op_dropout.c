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

/* Numbers CHUNK k .. of a node share RNG_LANES blocks of random words: the low halves serve the first half of them. */
enum { WORDS = 4 * RNG_LANES, CHUNK = 2 * WORDS };

/* factor (CHUNK) = m / (1 - rate) of chunk k */
static void factors(const nn_node *n, const nn_frame *f, uint64_t k, nn_real *factor) {
  const nn_dropout_conf *c = n->conf;
  uint32_t limit = (uint32_t)lround(c->rate * 65536), w[4][RNG_LANES], *all = &w[0][0];
  nn_real scale = (nn_real)(1 / (1 - limit / 65536.));
  rng_words_lanes(f->noise, ((uint64_t)f->shard << 32) + k * RNG_LANES, f->pass, (uint32_t)n->id, w);
  for (int i = 0; i < WORDS; i++) {
    factor[i] = (all[i] & 0xffff) < limit ? 0 : scale;
    factor[WORDS + i] = (all[i] >> 16) < limit ? 0 : scale;
  }
}

/* to[i] = (add: +=) from[i] m / (1 - rate) for the numbers first .. end-1 of the node. */
static void masked(const nn_node *n, const nn_frame *f, size_t first, size_t end, const nn_real *from, nn_real *to,
                   bool add) {
  nn_real factor[CHUNK];
  for (size_t i = first, stop; i < end; i = stop) {
    size_t base = i / CHUNK * CHUNK;
    stop = base + CHUNK < end ? base + CHUNK : end;
    factors(n, f, i / CHUNK, factor);
    if (add)
      for (size_t k = i; k < stop; k++) to[k] += factor[k - base] * from[k];
    else
      for (size_t k = i; k < stop; k++) to[k] = factor[k - base] * from[k];
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

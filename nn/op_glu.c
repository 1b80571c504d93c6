/* op_glu.c: gated linear unit (Dauphin et al. 2017), y = a sigmoid(b): a and b are the halves of the channels of x. */
#include "nn/elementwise.h"
#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  if (in->channels % 2) return err_set(e, ERR_RUN, "needs an even number of channels, not %d", in->channels);
  n->shape = *in;
  n->shape.channels = in->channels / 2;
  n->scratch = (size_t)n->shape.channels;
  n->local = true;
  return 0;
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  int width = (int)nn_width(n->shape, f);
  for (int t = from; t < to; t++) {
    const nn_real *a = f->value[n->in[0]] + 2 * (size_t)t * width, *b = a + width;
    nn_real *y = f->value[n->id] + (size_t)t * width;
    nn_sigmoid(width, b, y);
    for (int i = 0; i < width; i++) y[i] *= a[i];
  }
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  int width = (int)nn_width(n->shape, f);
  nn_real *dx = f->grad[n->in[0]], *gate = f->scratch;
  bool set = nn_opens(n, f, 0);
  for (int t = from; t < to && dx; t++) {
    const nn_real *a = f->value[n->in[0]] + 2 * (size_t)t * width, *dy = f->grad[n->id] + (size_t)t * width;
    nn_real *da = dx + 2 * (size_t)t * width, *db = da + width;
    nn_sigmoid(width, a + width, gate);
    for (int i = 0; i < width; i++) {
      nn_real u = gate[i] * dy[i], v = u * a[i] * (1 - gate[i]);
      da[i] = set ? u : da[i] + u;
      db[i] = set ? v : db[i] + v;
    }
  }
}

/* A product of signal and gate (Arras et al. 2017): winner: all to the signal; flat: half each. */
static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  size_t width = nn_width(n->shape, f);
  nn_real gate = r->rule[n->id].type == &nn_rule_winner ? 0 : (nn_real)0.5;
  for (int p = 0; p < nn_positions(n->shape); p++) {
    const nn_real *R = t->relevance[n->id] + (size_t)p * width;
    nn_real *a = t->relevance[n->in[0]] + 2 * (size_t)p * width, *b = a + width;
    for (size_t i = 0; i < width; i++) a[i] += (1 - gate) * R[i], b[i] += gate * R[i];
  }
  nn_credit(nn_account(t, n->id, NN_OUT, f->lanes), f->lanes, nn_rows(n->shape), t->relevance[n->id]);
  nn_credit(nn_account(t, n->id, NN_IN, f->lanes), f->lanes, nn_rows(n->shape), t->relevance[n->id]);
}

const nn_op nn_op_glu = {.name = "glu",
                         .help = "one half of the channels gates the other",
                         .takes = NN_SHARE_WINNER | NN_SHARE_EVEN,
                         .relevance = relevance,
                         .min_in = 1,
                         .max_in = 1,
                         .needs_x = true,
                         .shape = shape,
                         .forward = nn_every_block,
                         .step = nn_block_step,
                         .block = block,
                         .backward = nn_every_back_block,
                         .back_step = nn_block_back_step,
                         .back_block = back_block};

/* op_concat.c: the channels of several inputs behind each other (concat), and some channels of one (slice). */
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int concat_shape(nn_node *n, const nn_shape *in, err *e) {
  n->shape = in[0];
  for (int k = 1; k < n->nin; k++) {
    if (memcmp(in[k].extent, in[0].extent, sizeof in->extent))
      return err_set(e, ERR_RUN, "input %d has other extents than the first", k + 1);
    n->shape.channels += in[k].channels;
  }
  int *first = n->table = calloc((size_t)n->nin + 1, sizeof *first); /* channel at which an input begins */
  if (!first) return err_set(e, ERR_RUN, "out of memory");
  for (int k = 0; k < n->nin; k++) first[k + 1] = first[k] + in[k].channels;
  n->local = true;
  return 0;
}

static void concat_free(nn_node *n) {
  free(n->table);
}

static void concat_block(const nn_node *n, const nn_frame *f, int from, int to) {
  const int *first = n->table;
  size_t S = (size_t)f->lanes, width = nn_width(n->shape, f);
  for (int t = from; t < to; t++)
    for (int k = 0; k < n->nin; k++) {
      size_t part = (size_t)(first[k + 1] - first[k]) * S;
      memcpy(f->value[n->id] + (size_t)t * width + (size_t)first[k] * S, f->value[n->in[k]] + (size_t)t * part,
             part * sizeof(nn_real));
    }
}

static void spread(size_t count, const nn_real *dy, nn_real *dx, bool set) {
  for (size_t i = 0; i < count; i++) dx[i] = set ? dy[i] : dx[i] + dy[i];
}

static void concat_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  const int *first = n->table;
  size_t S = (size_t)f->lanes, width = nn_width(n->shape, f);
  for (int t = from; t < to; t++)
    for (int k = 0; k < n->nin; k++) {
      size_t part = (size_t)(first[k + 1] - first[k]) * S;
      nn_real *dx = f->grad[n->in[k]];
      if (dx)
        spread(part, f->grad[n->id] + (size_t)t * width + (size_t)first[k] * S, dx + (size_t)t * part,
               nn_opens(n, f, k));
    }
}

/* Relevance goes where the numbers came from. */
static void concat_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  const int *first = n->table;
  size_t S = (size_t)f->lanes, width = nn_width(n->shape, f);
  double *out = nn_account(t, n->id, NN_OUT, f->lanes), *in = nn_account(t, n->id, NN_IN, f->lanes);
  for (int p = 0; p < nn_positions(n->shape); p++)
    for (int k = 0; k < n->nin; k++)
      for (int c = first[k]; c < first[k + 1]; c++) {
        const nn_real *from = t->relevance[n->id] + (size_t)p * width + (size_t)c * S;
        size_t row = (size_t)p * (size_t)(first[k + 1] - first[k]) + (size_t)(c - first[k]);
        spread(S, from, t->relevance[n->in[k]] + row * S, false);
        nn_credit(out, f->lanes, 1, from), nn_credit(in, f->lanes, 1, from);
      }
}

static int slice_shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_slice_conf *c = n->conf;
  if (c->first < 0 || c->count < 1 || c->first + c->count > in->channels)
    return err_set(e, ERR_RUN, "channels %d to %d of %d", c->first, c->first + c->count - 1, in->channels);
  int *channels = n->table = malloc(sizeof *channels);
  if (!channels) return err_set(e, ERR_RUN, "out of memory");
  *channels = in->channels;
  n->shape = *in;
  n->shape.channels = c->count;
  n->local = true;
  return 0;
}

/* Where the slice of position t begins in x. */
static size_t slice_at(const nn_node *n, const nn_frame *f, int t) {
  const nn_slice_conf *c = n->conf;
  return ((size_t)t * (size_t) * (const int *)n->table + (size_t)c->first) * (size_t)f->lanes;
}

static void slice_block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f);
  for (int t = from; t < to; t++)
    memcpy(f->value[n->id] + (size_t)t * width, f->value[n->in[0]] + slice_at(n, f, t), width * sizeof(nn_real));
}

/* Channels outside the slice get nothing. */
static void slice_back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f), whole = (size_t) * (const int *)n->table * (size_t)f->lanes;
  nn_real *dx = f->grad[n->in[0]];
  for (int t = from; t < to && dx; t++) {
    if (nn_opens(n, f, 0)) memset(dx + (size_t)t * whole, 0, whole * sizeof *dx);
    spread(width, f->grad[n->id] + (size_t)t * width, dx + slice_at(n, f, t), false);
  }
}

static void slice_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  size_t width = nn_width(n->shape, f);
  const nn_real *from = t->relevance[n->id];
  for (int p = 0; p < nn_positions(n->shape); p++)
    spread(width, from + (size_t)p * width, t->relevance[n->in[0]] + slice_at(n, f, p), false);
  nn_credit(nn_account(t, n->id, NN_OUT, f->lanes), f->lanes, nn_rows(n->shape), from);
  nn_credit(nn_account(t, n->id, NN_IN, f->lanes), f->lanes, nn_rows(n->shape), from);
}

static void slice_text(const nn_node *n, FILE *f) {
  const nn_slice_conf *c = n->conf;
  fprintf(f, "first %d count %d", c->first, c->count);
}

const nn_op nn_op_concat = {.name = "concat",
                            .help = "channels of several inputs behind each other",
                            .takes = NN_SHARE_PASS,
                            .relevance = concat_relevance,
                            .min_in = 1,
                            .max_in = NN_MAX_IN,
                            .shape = concat_shape,
                            .free = concat_free,
                            .forward = nn_every_block,
                            .step = nn_block_step,
                            .block = concat_block,
                            .backward = nn_every_back_block,
                            .back_step = nn_block_back_step,
                            .back_block = concat_back_block};
const nn_op nn_op_slice = {.name = "slice",
                           .help = "some channels of the input",
                           .conf_size = sizeof(nn_slice_conf),
                           .takes = NN_SHARE_PASS,
                           .relevance = slice_relevance,
                           .min_in = 1,
                           .max_in = 1,
                           .shape = slice_shape,
                           .free = concat_free,
                           .forward = nn_every_block,
                           .step = nn_block_step,
                           .block = slice_block,
                           .backward = nn_every_back_block,
                           .back_step = nn_block_back_step,
                           .back_block = slice_back_block,
                           .text = slice_text};

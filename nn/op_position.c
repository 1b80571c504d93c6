/* op_position.c: where a position stands in its sequence (Vaswani et al. 2017): y[t][c] = x[t][c] + sin(t w_k) for even
 * c = 2k, + cos(t w_k) for odd c, w_k = 10000^(-2k/C). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  int C = in->channels;
  nn_real *code = n->table = malloc(sizeof *code * nn_rows(*in)); /* (positions, C) */
  if (!code) return err_set(e, ERR_RUN, "out of memory");
  for (int t = 0; t < nn_positions(*in); t++)
    for (int c = 0; c < C; c++) {
      double angle = t * pow(10000, -(double)(c / 2 * 2) / C);
      code[(size_t)t * C + c] = (nn_real)(c % 2 ? cos(angle) : sin(angle));
    }
  n->shape = *in;
  n->local = n->placed = true;
  return 0;
}

static void release(nn_node *n) {
  free(n->table);
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t S = (size_t)f->lanes, rows = (size_t)to * n->shape.channels;
  const nn_real *x = f->value[n->in[0]], *code = n->table;
  nn_real *y = f->value[n->id];
  for (size_t r = (size_t)from * n->shape.channels; r < rows; r++)
    for (size_t i = r * S; i < (r + 1) * S; i++) y[i] = x[i] + code[r];
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  size_t width = nn_width(n->shape, f);
  const nn_real *dy = f->grad[n->id];
  nn_real *dx = f->grad[n->in[0]];
  bool set = nn_opens(n, f, 0);
  if (!dx || dx == dy) return;
  for (size_t i = (size_t)from * width; i < (size_t)to * width; i++) dx[i] = (set ? 0 : dx[i]) + dy[i];
}

const nn_op nn_op_position = {.name = "position",
                              .help = "sines and cosines of the position are added",
                              .min_in = 1,
                              .max_in = 1,
                              .in_place = true,
                              .takes = NN_SHARE_PASS,
                              .relevance = nn_pass_relevance,
                              .shape = shape,
                              .free = release,
                              .forward = nn_every_block,
                              .step = nn_block_step,
                              .block = block,
                              .backward = nn_every_back_block,
                              .back_step = nn_block_back_step,
                              .back_block = back_block};

/* op_pool.c: mean and maximum over windows of positions, channel by channel; padding does not count. A global pool
 * takes all positions that hold data (frame.length along extent[0]). Backward of the maximum goes to the first position
 * that attained it. */
#include <string.h>

#include "nn/ops.h"
#include "nn/window.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_pool_conf *c = n->conf;
  nn_window *w = n->table = malloc(sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "out of memory");
  nn_window_conf all = {.kernel = {in->extent[0], in->extent[1], in->extent[2]}};
  if (nn_window_of(w, c->global ? &all : &c->window, *in, e)) return e->code;
  n->shape = w->out;
  n->ahead = NN_ALWAYS;
  n->macs = (double)nn_rows(w->out) * w->taps;
  if (c->max) n->keep = nn_rows(w->out); /* the tap that won */
  return 0;
}

static void release(nn_node *n) {
  free(n->table);
}

/* Weight of tap `tap` of a global pool in each lane: does its position hold data? */
static bool masked(const nn_node *n, const nn_frame *f, int tap, nn_real *mask) {
  const nn_pool_conf *c = n->conf;
  const nn_window *w = n->table;
  int t = tap / (w->in.extent[1] * w->in.extent[2]);
  if (!c->global || !f->length) return false;
  for (int i = 0; i < f->lanes; i++) mask[i] = t < nn_length(f, w->in.extent[0], i);
  return true;
}

/* One over the positions that count, per lane. */
static void shares(const nn_node *n, const nn_frame *f, int t, nn_real *share) {
  const nn_pool_conf *c = n->conf;
  const nn_window *w = n->table;
  int count = 0, row = w->in.extent[1] * w->in.extent[2];
  for (int tap = 0; tap < w->taps; tap++) count += nn_window_at(w, t, tap) >= 0;
  for (int i = 0; i < f->lanes; i++) {
    int held = c->global && f->length ? nn_length(f, w->in.extent[0], i) * row : count;
    share[i] = held > 0 ? 1 / (nn_real)held : 0;
  }
}

static void mean_at(const nn_node *n, const nn_frame *f, int t) {
  const nn_window *w = n->table;
  int C = n->shape.channels, S = f->lanes;
  nn_real mask[NN_MAX_LANES], share[NN_MAX_LANES], *y = f->value[n->id] + (size_t)t * C * S;
  memset(y, 0, (size_t)C * S * sizeof *y);
  for (int tap = 0; tap < w->taps; tap++) {
    int u = nn_window_at(w, t, tap);
    if (u < 0) continue;
    const nn_real *x = f->value[n->in[0]] + (size_t)u * C * S;
    if (masked(n, f, tap, mask))
      for (int c = 0; c < C; c++)
        for (int i = 0; i < S; i++) y[c * S + i] += mask[i] * x[c * S + i];
    else
      for (int i = 0; i < C * S; i++) y[i] += x[i];
  }
  shares(n, f, t, share);
  for (int c = 0; c < C; c++)
    for (int i = 0; i < S; i++) y[c * S + i] *= share[i];
}

static void max_at(const nn_node *n, const nn_frame *f, int t) {
  const nn_window *w = n->table;
  int C = n->shape.channels, S = f->lanes;
  nn_real mask[NN_MAX_LANES];
  nn_real *y = f->value[n->id] + (size_t)t * C * S, *won = f->keep[n->id] + (size_t)t * C * S;
  for (int i = 0; i < C * S; i++) y[i] = 0, won[i] = -1; /* nothing in the window: zero, and no gradient */
  for (int i = 0; i < S; i++) mask[i] = 1;
  for (int tap = 0; tap < w->taps; tap++) {
    int u = nn_window_at(w, t, tap);
    if (u < 0) continue;
    const nn_real *x = f->value[n->in[0]] + (size_t)u * C * S;
    masked(n, f, tap, mask);
    for (int c = 0; c < C; c++)
      for (int i = 0, k = c * S; i < S; i++, k++) {
        bool better = mask[i] > 0 && (won[k] < 0 || x[k] > y[k]);
        y[k] = better ? x[k] : y[k];
        won[k] = better ? (nn_real)tap : won[k];
      }
  }
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_pool_conf *c = n->conf;
  for (int t = from; t < to; t++) c->max ? max_at(n, f, t) : mean_at(n, f, t);
}

static void back_mean(const nn_node *n, const nn_frame *f, int t, int tap, nn_real *dx) {
  int C = n->shape.channels, S = f->lanes;
  nn_real mask[NN_MAX_LANES], share[NN_MAX_LANES];
  const nn_real *dy = f->grad[n->id] + (size_t)t * C * S;
  shares(n, f, t, share);
  if (masked(n, f, tap, mask))
    for (int i = 0; i < S; i++) share[i] *= mask[i];
  for (int c = 0; c < C; c++)
    for (int i = 0; i < S; i++) dx[c * S + i] += share[i] * dy[c * S + i];
}

static void back_max(const nn_node *n, const nn_frame *f, int t, int tap, nn_real *dx) {
  size_t width = nn_width(n->shape, f);
  const nn_real *dy = f->grad[n->id] + (size_t)t * width, *won = f->keep[n->id] + (size_t)t * width;
  for (size_t i = 0; i < width; i++) dx[i] += won[i] == (nn_real)tap ? dy[i] : 0;
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_pool_conf *c = n->conf;
  const nn_window *w = n->table;
  nn_real *dx = f->grad[n->in[0]];
  for (int t = from; t < to && dx; t++)
    for (int tap = 0; tap < w->taps; tap++) {
      int u = nn_window_at(w, t, tap);
      if (u >= 0) (c->max ? back_max : back_mean)(n, f, t, tap, dx + (size_t)u * nn_width(n->shape, f));
    }
}

static void text(const nn_node *n, FILE *f) {
  const nn_pool_conf *c = n->conf;
  fprintf(f, "%s ", c->max ? "max" : "mean");
  if (c->global)
    fprintf(f, "global");
  else
    nn_window_text(&c->window, f);
}

const nn_op nn_op_pool = {.name = "pool",
                          .help = "mean or maximum over windows or all positions",
                          .conf_size = sizeof(nn_pool_conf),
                          .min_in = 1,
                          .max_in = 1,
                          .shape = shape,
                          .free = release,
                          .forward = nn_every_block,
                          .block = block,
                          .backward = nn_every_back_block,
                          .back_block = back_block,
                          .text = text};

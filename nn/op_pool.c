/* op_pool.c: mean and maximum over windows of positions, channel by channel; padding does not count. A global pool
 * takes all positions that hold data (frame.length along extent[0]). Backward of the maximum goes to the first position
 * that attained it. */
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/window.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_pool_conf *c = n->conf;
  nn_window *w = n->table = malloc(sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "out of memory");
  nn_window_conf all = {.kernel = {in->extent[0], in->extent[1], in->extent[2]}};
  if (nn_window_of(w, c->global ? &all : &c->window, *in, e)) return e->code;
  n->shape = w->out;
  n->ahead = NN_ALWAYS;
  n->within = w->c.kernel[0] == 1 && w->out.extent[0] == in->extent[0];
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
  int count = c->global ? w->taps : 0, row = w->in.extent[1] * w->in.extent[2];
  for (int tap = 0; tap < w->taps && !c->global; tap++) count += nn_window_at(w, t, tap) >= 0;
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

/* What lane i of tap `tap` counts: 1 or, where it holds no data, 0. Returns its position or -1. */
static int counted(const nn_node *n, const nn_frame *f, int t, int tap, nn_real *count) {
  for (int i = 0; i < f->lanes; i++) count[i] = 1;
  masked(n, f, tap, count);
  return nn_window_at(n->table, t, tap);
}

/* All relevance of position t to the largest x of the window (the first, where several are): forward kept its tap. */
static void to_winner(const nn_node *n, const nn_frame *f, nn_trail *tr, int t) {
  const nn_window *w = n->table;
  int C = n->shape.channels, S = f->lanes;
  const nn_real *R = tr->relevance[n->id] + (size_t)t * C * S, *won = f->keep[n->id] + (size_t)t * C * S;
  nn_real got[NN_MAX_LANES];
  for (int tap = -1; tap < w->taps; tap++) {
    int u = tap < 0 ? -1 : nn_window_at(w, t, tap);
    for (int c = 0; c < C && (tap < 0 || u >= 0); c++) {
      for (int i = 0; i < S; i++) got[i] = won[c * S + i] == (nn_real)tap ? R[c * S + i] : 0;
      /* -1: nothing was there to win */
      nn_credit(nn_account(tr, n->id, tap < 0 ? NN_STABILISER : NN_IN, S), S, 1, got);
      nn_real *to = tr->relevance[n->in[0]] + ((size_t)u * C + c) * S;
      for (int i = 0; i < S && tap >= 0; i++) to[i] += got[i];
    }
  }
  nn_credit(nn_account(tr, n->id, NN_OUT, S), S, (size_t)C, R);
}

/* What tap `tap` of position t adds to the sums z (units, C, S), or (back) gets by the shares in z; scratch (C, S). */
static void one_tap(const nn_node *n, const nn_frame *f, const nn_rule_type *type, const nn_gain *g, nn_trail *tr,
                    int t, int tap, const nn_real *share, bool back) {
  int C = n->shape.channels, S = f->lanes;
  nn_real weight[NN_MAX_LANES], *all = tr->scratch + NN_UNITS * (size_t)C * S;
  int u = counted(n, f, t, tap, weight);
  if (u < 0) return;
  for (int i = 0; i < S; i++) weight[i] *= share[i];
  for (int c = 0; c < C; c++) {
    const nn_real *x = f->value[n->in[0]] + ((size_t)u * C + c) * S;
    nn_real *to = tr->relevance[n->in[0]] + ((size_t)u * C + c) * S, *z = tr->scratch + (size_t)c * S;
    nn_real *got = all + (size_t)c * S;
    if (back) memset(got, 0, (size_t)S * sizeof *got);
    for (int k = 0; k < type->units; k++, z += (size_t)C * S)
      back ? nn_gain_back(g, k, S, weight, x, z, got) : nn_gain_add(g, k, S, weight, x, z);
    for (int i = 0; i < S && back; i++) to[i] += got[i];
  }
  if (back) nn_credit(nn_account(tr, n->id, NN_IN, S), S, (size_t)C, all);
}

/* A sum over the window, each number with the weight 1 / (how many count). */
static void to_all(const nn_node *n, const nn_frame *f, const nn_rule *rule, nn_trail *tr, int t) {
  const nn_window *w = n->table;
  int C = n->shape.channels, S = f->lanes;
  const nn_gain g = nn_rule_gain(rule, 1);
  nn_real share[NN_MAX_LANES];
  shares(n, f, t, share);
  memset(tr->scratch, 0, NN_UNITS * (size_t)C * S * sizeof(nn_real));
  for (int tap = 0; tap < w->taps; tap++) one_tap(n, f, rule->type, &g, tr, t, tap, share, false);
  nn_sums sums = {.S = S, .rows = (size_t)C, .R = tr->relevance[n->id] + (size_t)t * C * S};
  sums.z[0] = tr->scratch, sums.z[1] = tr->scratch + (size_t)C * S;
  nn_share(rule, &sums, nn_account(tr, n->id, 0, S));
  for (int tap = 0; tap < w->taps; tap++) one_tap(n, f, rule->type, &g, tr, t, tap, share, true);
}

/* `winner` of a mean: in equal parts (there is none). */
static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *tr) {
  const nn_pool_conf *c = n->conf;
  const nn_rule *rule = &r->rule[n->id], flat = {.type = &nn_rule_flat};
  bool winner = rule->type == &nn_rule_winner;
  if (winner && !c->max) rule = &flat;
  for (int t = 0; t < nn_positions(n->shape); t++)
    winner && c->max ? to_winner(n, f, tr, t) : to_all(n, f, rule, tr, t);
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
                          .takes = NN_SHARE_WINNER | NN_SHARE_SUM | NN_SHARE_PLAIN,
                          .relevance = relevance,
                          .min_in = 1,
                          .max_in = 1,
                          .shape = shape,
                          .free = release,
                          .forward = nn_every_block,
                          .block = block,
                          .backward = nn_every_back_block,
                          .back_block = back_block,
                          .text = text};

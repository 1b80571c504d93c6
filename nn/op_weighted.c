/* op_weighted.c: attention pooling (Lin et al. 2017, one head): the mean of x over all positions that hold data,
 * weighted by a softmax of the second input, one score for each position: p_t = softmax_t s_t,   y_c = sum_t p_t x_tc;
 * dx_tc = p_t dy_c,   ds_t = p_t sum_c dy_c (x_tc - y_c). */
#include <string.h>

#include "nn/elementwise.h"
#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  if (memcmp(in[0].extent, in[1].extent, sizeof in[0].extent) || in[1].channels != 1)
    return err_set(e, ERR_RUN, "needs one score for each position of its first input");
  n->shape = (nn_shape){{1, 1, 1}, in[0].channels};
  n->keep = (size_t)nn_positions(in[0]); /* p */
  n->macs = (double)nn_rows(in[0]);
  n->ahead = NN_ALWAYS;
  n->once = true;
  n->table = malloc(sizeof *in);
  if (!n->table) return err_set(e, ERR_RUN, "out of memory");
  memcpy(n->table, in, sizeof *in);
  return 0;
}

static void release(nn_node *n) {
  free(n->table);
}

/* Position t holds data: 1 in each lane, else 0. */
static void holds(const nn_node *n, const nn_frame *f, int t, nn_real *mask) {
  const nn_shape *x = n->table;
  for (int i = 0; i < f->lanes; i++) mask[i] = t / (x->extent[1] * x->extent[2]) < nn_length(f, x->extent[0], i);
}

/* p (positions, S); all zero in a lane without data. */
static void softmax(const nn_node *n, const nn_frame *f, nn_real *p) {
  int S = f->lanes, L = nn_positions(*(const nn_shape *)n->table);
  const nn_real *s = f->value[n->in[1]];
  nn_real top[NN_MAX_LANES], sum[NN_MAX_LANES] = {0}, mask[NN_MAX_LANES];
  for (int t = 0; t < L; t++) {
    holds(n, f, t, mask);
    for (int i = 0; i < S; i++) top[i] = !t || (mask[i] > 0 && s[t * S + i] > top[i]) ? s[t * S + i] : top[i];
  }
  for (int t = 0; t < L; t++) {
    nn_real *q = p + (size_t)t * S;
    holds(n, f, t, mask);
    for (int i = 0; i < S; i++) q[i] = mask[i] > 0 ? top[i] - s[t * S + i] : 0;
    nn_exp_minus(S, q, q);
    for (int i = 0; i < S; i++) q[i] *= mask[i], sum[i] += q[i];
  }
  for (int t = 0; t < L; t++)
    for (int i = 0; i < S; i++) p[(size_t)t * S + i] *= sum[i] > 0 ? 1 / sum[i] : 0;
}

static void forward(const nn_node *n, const nn_frame *f) {
  int C = n->shape.channels, S = f->lanes, L = nn_positions(*(const nn_shape *)n->table);
  nn_real *p = f->keep[n->id], *y = f->value[n->id];
  softmax(n, f, p);
  memset(y, 0, (size_t)C * S * sizeof *y);
  for (int t = 0; t < L; t++)
    for (int c = 0; c < C; c++) {
      const nn_real *x = f->value[n->in[0]] + ((size_t)t * C + c) * S;
      for (int i = 0; i < S; i++) y[c * S + i] += p[(size_t)t * S + i] * x[i];
    }
}

static void backward(const nn_node *n, const nn_frame *f) {
  int C = n->shape.channels, S = f->lanes, L = nn_positions(*(const nn_shape *)n->table);
  const nn_real *p = f->keep[n->id], *y = f->value[n->id], *dy = f->grad[n->id];
  nn_real *dx = f->grad[n->in[0]], *ds = f->grad[n->in[1]];
  bool set = nn_opens(n, f, 0);
  for (int t = 0; t < L; t++, p += S) {
    nn_real slope[NN_MAX_LANES] = {0};
    for (int c = 0; c < C; c++) {
      size_t at = ((size_t)t * C + c) * S;
      const nn_real *x = f->value[n->in[0]] + at;
      for (int i = 0; i < S; i++) slope[i] += dy[c * S + i] * (x[i] - y[c * S + i]);
      for (int i = 0; i < S && dx; i++) dx[at + i] = (set ? 0 : dx[at + i]) + p[i] * dy[c * S + i];
    }
    for (int i = 0; i < S && ds; i++) ds[(size_t)t * S + i] += p[i] * slope[i];
  }
}

/* What position t adds to the sums z (units, C, S), or (back) gets by the shares in z; scratch behind them (C, S). */
static void one_position(const nn_node *n, const nn_frame *f, const nn_rule_type *type, const nn_gain *g, nn_trail *tr,
                         int t, bool back) {
  int C = n->shape.channels, S = f->lanes;
  const nn_real *p = f->keep[n->id] + (size_t)t * S;
  nn_real *all = tr->scratch + NN_UNITS * (size_t)C * S;
  for (int c = 0; c < C; c++) {
    size_t at = ((size_t)t * C + c) * S;
    const nn_real *x = f->value[n->in[0]] + at;
    nn_real *to = tr->relevance[n->in[0]] + at, *z = tr->scratch + (size_t)c * S, *got = all + (size_t)c * S;
    if (back) memset(got, 0, (size_t)S * sizeof *got);
    for (int k = 0; k < type->units; k++, z += (size_t)C * S)
      back ? nn_gain_back(g, k, S, p, x, z, got) : nn_gain_add(g, k, S, p, x, z);
    for (int i = 0; i < S && back; i++) to[i] += got[i];
  }
  if (back) nn_credit(nn_account(tr, n->id, NN_IN, S), S, (size_t)C, all);
}

/* With p held constant (CP-LRP: Ali et al., ICML 2022) y is a sum over positions; scores get nothing. */
static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *tr) {
  const nn_rule *rule = &r->rule[n->id];
  const nn_gain g = nn_rule_gain(rule, 1);
  int C = n->shape.channels, S = f->lanes, L = nn_positions(*(const nn_shape *)n->table);
  memset(tr->scratch, 0, NN_UNITS * (size_t)C * S * sizeof(nn_real));
  for (int t = 0; t < L; t++) one_position(n, f, rule->type, &g, tr, t, false);
  nn_sums sums = {.S = S, .rows = (size_t)C, .R = tr->relevance[n->id]};
  sums.z[0] = tr->scratch, sums.z[1] = tr->scratch + (size_t)C * S;
  nn_share(rule, &sums, nn_account(tr, n->id, 0, S));
  for (int t = 0; t < L; t++) one_position(n, f, rule->type, &g, tr, t, true);
}

const nn_op nn_op_weighted = {.name = "weighted",
                              .help = "mean over all positions, weighted by a softmax of scores",
                              .takes = NN_SHARE_SUM | NN_SHARE_PLAIN,
                              .relevance = relevance,
                              .min_in = 2,
                              .max_in = 2,
                              .needs_x = true,
                              .needs_y = true,
                              .shape = shape,
                              .free = release,
                              .forward = forward,
                              .backward = backward};

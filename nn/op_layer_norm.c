/* op_layer_norm.c: layer normalisation (Ba, Kiros, Hinton 2016) over the channels of each position and lane:
 *   y = g (x - mean) / sqrt(var + eps) + b,   parameters g (C), b (C). */
#include <math.h>
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_norm_conf *c = n->conf;
  if (!(c->eps > 0)) return err_set(e, ERR_RUN, "needs eps > 0, not %g", c->eps);
  n->shape = *in;
  n->nparam = 2 * (size_t)in->channels;
  n->nweights = 0;
  n->keep = 2 * (size_t)nn_positions(*in); /* mean, 1/sd of every position */
  n->macs = (double)nn_rows(*in);
  n->local = true;
  return 0;
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  for (int c = 0; c < in->channels; c++) theta[c] = ((const nn_norm_conf *)n->conf)->zero ? 0 : 1;
}

static void moments(const nn_node *n, const nn_frame *f, const nn_real *x, nn_real *mean, nn_real *inv) {
  const nn_norm_conf *k = n->conf;
  int C = n->shape.channels, S = f->lanes;
  nn_real over = 1 / (nn_real)C;
  memset(mean, 0, (size_t)S * sizeof *mean), memset(inv, 0, (size_t)S * sizeof *inv);
  for (int c = 0; c < C; c++)
    for (int i = 0; i < S; i++) mean[i] += over * x[(size_t)c * S + i];
  for (int c = 0; c < C; c++)
    for (int i = 0; i < S; i++) inv[i] += over * (x[(size_t)c * S + i] - mean[i]) * (x[(size_t)c * S + i] - mean[i]);
  for (int i = 0; i < S; i++) inv[i] = (nn_real)(1 / sqrt((double)inv[i] + k->eps));
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  int C = n->shape.channels, S = f->lanes;
  const nn_real *g = f->theta + n->param, *b = g + C;
  for (int t = from; t < to; t++) {
    size_t at = (size_t)t * C * S;
    const nn_real *x = f->value[n->in[0]] + at;
    nn_real *y = f->value[n->id] + at, *mean = f->keep[n->id] + 2 * (size_t)t * S, *inv = mean + S;
    moments(n, f, x, mean, inv);
    for (int c = 0; c < C; c++)
      for (int i = 0; i < S; i++) y[(size_t)c * S + i] = (x[(size_t)c * S + i] - mean[i]) * inv[i] * g[c] + b[c];
  }
}

/* dx = inv (g dy - mean_c(g dy) - xhat mean_c(g dy xhat)) */
static void back_at(const nn_node *n, const nn_frame *f, int t) {
  int C = n->shape.channels, S = f->lanes;
  size_t at = (size_t)t * C * S;
  const nn_real *g = f->theta + n->param, *x = f->value[n->in[0]] + at, *dy = f->grad[n->id] + at;
  const nn_real *mean = f->keep[n->id] + 2 * (size_t)t * S, *inv = mean + S;
  nn_real *dg = f->dtheta + n->param, *db = dg + C, *dx = f->grad[n->in[0]], over = 1 / (nn_real)C;
  nn_real m1[NN_MAX_LANES] = {0}, m2[NN_MAX_LANES] = {0};
  bool set = nn_opens(n, f, 0);
  for (int c = 0; c < C; c++) {
    nn_real sum = 0, cov = 0;
    for (int i = 0; i < S; i++) {
      nn_real d = dy[(size_t)c * S + i], xhat = (x[(size_t)c * S + i] - mean[i]) * inv[i];
      sum += d, cov += d * xhat;
      m1[i] += over * g[c] * d, m2[i] += over * g[c] * d * xhat;
    }
    dg[c] += cov, db[c] += sum;
  }
  for (int c = 0; c < C && dx; c++)
    for (int i = 0; i < S; i++) {
      size_t k = (size_t)c * S + i;
      nn_real d = inv[i] * (g[c] * dy[k] - m1[i] - (x[k] - mean[i]) * inv[i] * m2[i]);
      dx[at + k] = (set ? 0 : dx[at + k]) + d;
    }
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  for (int t = to - 1; t >= from; t--) back_at(n, f, t);
}

/* 1/sd counts as constant (Ali et al., ICML 2022): y_c = g_c inv (x_c - mean) + b_c is a sum over all channels, with
 * weights g_c inv (delta_cj - 1/C):   R_j = x_j (u_j - mean_c u_c),   u_c = g_c inv s_c. Lanes of s in scratch. */
static void relevance_at(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t, int p) {
  const nn_rule *rule = &r->rule[n->id];
  int C = n->shape.channels, S = f->lanes;
  size_t at = (size_t)p * C * S;
  const nn_real *g = f->theta + n->param, *b = g + C, *x = f->value[n->in[0]] + at;
  const nn_real *mean = f->keep[n->id] + 2 * (size_t)p * S, *inv = mean + S;
  nn_real *to = t->relevance[n->in[0]] + at, got[NN_MAX_LANES], all[NN_MAX_LANES] = {0};
  for (int c = 0; c < C; c++) {
    nn_real *s = t->scratch + (size_t)c * S, bias[NN_UNITS];
    nn_sums one = {S, 1, t->relevance[n->id] + at + (size_t)c * S, {s}, {bias, bias + 1}};
    nn_rule_bias(rule, (double)b[c], bias);
    for (int i = 0; i < S; i++) s[i] = g[c] * inv[i] * (x[(size_t)c * S + i] - mean[i]);
    nn_share(rule, &one, nn_account(t, n->id, 0, S));
    for (int i = 0; i < S; i++) s[i] *= g[c] * inv[i], all[i] += s[i] / (nn_real)C;
  }
  for (int c = 0; c < C; c++) {
    for (int i = 0; i < S; i++) {
      size_t k = (size_t)c * S + i;
      got[i] = x[k] * (t->scratch[k] - all[i]);
      to[k] += got[i];
    }
    nn_credit(nn_account(t, n->id, NN_IN, S), S, 1, got);
  }
}

static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  if (r->rule[n->id].type == &nn_rule_pass)
    nn_pass_relevance(n, f, r, t);
  else
    for (int p = 0; p < nn_positions(n->shape); p++) relevance_at(n, f, r, t, p);
}

static void text(const nn_node *n, FILE *f) {
  fprintf(f, "eps %.17g", ((const nn_norm_conf *)n->conf)->eps);
}

const nn_op nn_op_layer_norm = {.name = "layer_norm",
                                .help = "normalisation over the channels of a position",
                                .conf_size = sizeof(nn_norm_conf),
                                .takes = NN_SHARE_PASS | NN_SHARE_PLAIN,
                                .relevance = relevance,
                                .min_in = 1,
                                .max_in = 1,
                                .needs_x = true,
                                .shape = shape,
                                .init = init,
                                .forward = nn_every_block,
                                .step = nn_block_step,
                                .block = block,
                                .backward = nn_every_back_block,
                                .back_step = nn_block_back_step,
                                .back_block = back_block,
                                .text = text};

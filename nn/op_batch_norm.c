/* op_batch_norm.c: batch normalisation (Ioffe & Szegedy 2015) over the positions and valid lanes of a shard (ghost
 * batch norm, Hoffer, Hubara, Soudry 2017), channel by channel: y = g (x - mean) / sqrt(var + eps) + b In training mean
 * and var are those of the shard, else the state that followed them. Parameters g (C), b (C); state mean (C), var (C),
 * of which the shards' unbiased values are merged along the tree. What lies beyond a lane's length or in a padded lane
 * is normalised too, but counts nowhere and gets no gradient. */
#include <math.h>
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

typedef struct view { /* of keep: mean, 1/sd, mean dy, mean dy xhat; (C) each */
  nn_real *mean, *inv, *dmean, *dcov;
} view;

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_norm_conf *c = n->conf;
  if (!(c->eps > 0)) return err_set(e, ERR_RUN, "needs eps > 0, not %g", c->eps);
  n->shape = *in;
  n->nparam = n->nstate = 2 * (size_t)in->channels;
  n->nweights = 0;
  n->keep = 4 * (size_t)in->channels;
  n->scratch = 2 * (size_t)in->channels;
  n->ahead = NN_IN_TRAINING;
  n->within = true;
  n->once = true;
  n->macs = (double)nn_rows(*in);
  return 0;
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  for (int c = 0; c < in->channels; c++) theta[c] = ((const nn_norm_conf *)n->conf)->zero ? 0 : 1;
}

static void init_state(const nn_node *n, nn_real *state) {
  for (int c = 0; c < n->shape.channels; c++) state[n->shape.channels + c] = 1;
}

static view view_of(const nn_node *n, const nn_frame *f) {
  nn_real *k = f->keep[n->id];
  int C = n->shape.channels;
  return (view){k, k + C, k + 2 * C, k + 3 * C};
}

/* Sums over positions of a and a b, lane by lane, into sum (2, C, S); returns how many numbers count. a - shift[c] is
 * taken for a, b NULL: b = a. */
static double sums(const nn_node *n, const nn_frame *f, const nn_real *a, const nn_real *shift, const nn_real *b,
                   const view *v) {
  int C = n->shape.channels, S = f->lanes, count = 0;
  nn_real mask[NN_MAX_LANES], *s1 = f->scratch, *s2 = s1 + (size_t)C * S;
  memset(s1, 0, 2 * (size_t)C * S * sizeof *s1);
  for (int t = 0; t < nn_positions(n->shape); t++) {
    count += nn_mask(f, n->shape, t, mask);
    for (int c = 0; c < C; c++) {
      const nn_real *x = a + ((size_t)t * C + c) * S, *z = b ? b + ((size_t)t * C + c) * S : NULL;
      nn_real *p = s1 + (size_t)c * S, *q = s2 + (size_t)c * S, mean = v->mean[c], inv = v->inv[c],
              from = shift ? shift[c] : 0;
      if (z)
        for (int i = 0; i < S; i++) p[i] += mask[i] * x[i], q[i] += mask[i] * x[i] * (z[i] - mean) * inv;
      else
        for (int i = 0; i < S; i++) p[i] += mask[i] * (x[i] - from), q[i] += mask[i] * (x[i] - from) * (x[i] - from);
    }
  }
  return count;
}

static double over_lanes(const nn_real *s, int S) {
  double sum = 0;
  for (int i = 0; i < S; i++) sum += (double)s[i];
  return sum;
}

static void from_state(const nn_node *n, const nn_frame *f, const view *v) {
  const nn_norm_conf *k = n->conf;
  int C = n->shape.channels;
  for (int c = 0; c < C; c++) {
    v->mean[c] = f->state[n->state + c];
    v->inv[c] = (nn_real)(1 / sqrt((double)f->state[n->state + C + c] + k->eps));
  }
}

static void begin(const nn_node *n, const nn_frame *f) {
  const nn_norm_conf *k = n->conf;
  view v = view_of(n, f);
  const nn_real *x = f->value[n->in[0]];
  int C = n->shape.channels, S = f->lanes;
  if (!f->train) {
    from_state(n, f, &v);
    return;
  }
  for (int c = 0; c < C; c++) v.mean[c] = x[(size_t)c * S]; /* a number of about the right size */
  double count = sums(n, f, x, v.mean, NULL, &v);
  for (int c = 0; c < C; c++) {
    double d = count > 0 ? over_lanes(f->scratch + (size_t)c * S, S) / count : 0;
    double var = count > 0 ? fmax(over_lanes(f->scratch + (size_t)(C + c) * S, S) / count - d * d, 0) : 0;
    v.mean[c] += (nn_real)d;
    v.inv[c] = (nn_real)(1 / sqrt(var + k->eps));
    if (!f->dstate) continue;
    f->dstate[n->state + c] += (nn_real)f->valid * v.mean[c];
    f->dstate[n->state + C + c] += (nn_real)(f->valid * var * (count > 1 ? count / (count - 1) : 1));
  }
}

static void block(const nn_node *n, const nn_frame *f, int from, int to) {
  view v = view_of(n, f);
  const nn_real *g = f->theta + n->param, *b = g + n->shape.channels;
  int C = n->shape.channels, S = f->lanes;
  for (int t = from; t < to; t++)
    for (int c = 0; c < C; c++) {
      size_t at = ((size_t)t * C + c) * S;
      const nn_real *x = f->value[n->in[0]] + at;
      nn_real *y = f->value[n->id] + at, scale = v.inv[c] * g[c], shift = b[c] - v.mean[c] * scale;
      for (int i = 0; i < S; i++) y[i] = scale * x[i] + shift;
    }
}

static void back_begin(const nn_node *n, const nn_frame *f) {
  view v = view_of(n, f);
  int C = n->shape.channels, S = f->lanes;
  nn_real *dg = f->dtheta + n->param;
  double count = sums(n, f, f->grad[n->id], NULL, f->value[n->in[0]], &v);
  for (int c = 0; c < C; c++) {
    double db = over_lanes(f->scratch + (size_t)c * S, S), dgamma = over_lanes(f->scratch + (size_t)(C + c) * S, S);
    bool shared = f->train && count > 0; /* the moments depend on x */
    dg[c] += (nn_real)dgamma;
    dg[C + c] += (nn_real)db;
    v.dmean[c] = shared ? (nn_real)(db / count) : 0;
    v.dcov[c] = shared ? (nn_real)(dgamma / count) : 0;
  }
}

static void back_block(const nn_node *n, const nn_frame *f, int from, int to) {
  view v = view_of(n, f);
  const nn_real *g = f->theta + n->param;
  nn_real mask[NN_MAX_LANES], *all = f->grad[n->in[0]];
  int C = n->shape.channels, S = f->lanes;
  bool set = nn_opens(n, f, 0);
  for (int t = from; t < to && all; t++) {
    nn_mask(f, n->shape, t, mask);
    for (int c = 0; c < C; c++) {
      size_t at = ((size_t)t * C + c) * S;
      const nn_real *x = f->value[n->in[0]] + at, *dy = f->grad[n->id] + at;
      nn_real *dx = all + at, scale = v.inv[c] * g[c], mean = v.mean[c], m1 = v.dmean[c], m2 = v.dcov[c] * v.inv[c];
      for (int i = 0; i < S; i++) {
        nn_real d = mask[i] * scale * (dy[i] - m1 - (x[i] - mean) * m2);
        dx[i] = set ? d : dx[i] + d;
      }
    }
  }
}

/* scale and shift (C) of y = scale x + shift by the moments of the state. */
void nn_batch_norm_affine(const nn_node *n, const nn_real *theta, const nn_real *state, double *scale, double *shift) {
  const nn_norm_conf *k = n->conf;
  int C = n->shape.channels;
  const nn_real *g = theta + n->param, *b = g + C, *mean = state + n->state, *var = mean + C;
  for (int c = 0; c < C; c++) {
    scale[c] = (double)g[c] / sqrt((double)var[c] + k->eps);
    shift[c] = (double)b[c] - (double)mean[c] * scale[c];
  }
}

/* A sum of one term and a bias; folded into the op before it (nn/relevance.h), or by the rule `pass`: nothing to share.
 */
static void relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  const nn_rule *rule = &r->rule[n->id];
  if (rule->type == &nn_rule_pass) {
    nn_pass_relevance(n, f, r, t);
    return;
  }
  view v = view_of(n, f);
  const nn_real *g = f->theta + n->param, *b = g + n->shape.channels;
  int C = n->shape.channels, S = f->lanes;
  for (size_t row = 0; row < nn_rows(n->shape); row++) {
    int c = (int)(row % (size_t)C);
    const nn_real *x = f->value[n->in[0]] + row * (size_t)S;
    nn_real scale = v.inv[c] * g[c], z[NN_UNITS][NN_MAX_LANES], got[NN_MAX_LANES] = {0}, bias[NN_UNITS];
    const nn_gain gain = nn_rule_gain(rule, (double)scale);
    nn_sums one = {S, 1, t->relevance[n->id] + row * (size_t)S, {z[0], z[1]}, {bias, bias + 1}};
    nn_rule_bias(rule, (double)(b[c] - v.mean[c] * scale), bias);
    for (int u = 0; u < NN_UNITS; u++)
      for (int i = 0; i < S; i++) z[u][i] = nn_gain_at(&gain, u, x[i]);
    nn_share(rule, &one, nn_account(t, n->id, 0, S));
    for (int u = 0; u < rule->type->units; u++)
      for (int i = 0; i < S; i++) got[i] += nn_gain_at(&gain, u, x[i]) * z[u][i];
    nn_real *to = t->relevance[n->in[0]] + row * (size_t)S;
    for (int i = 0; i < S; i++) to[i] += got[i];
    nn_credit(nn_account(t, n->id, NN_IN, S), S, 1, got);
  }
}

static void text(const nn_node *n, FILE *f) {
  fprintf(f, "eps %.17g", ((const nn_norm_conf *)n->conf)->eps);
}

const nn_op nn_op_batch_norm = {.name = "batch_norm",
                                .help = "normalisation by the moments of the shard",
                                .conf_size = sizeof(nn_norm_conf),
                                .takes = NN_SHARE_PASS | NN_SHARE_SUM | NN_SHARE_PLAIN,
                                .relevance = relevance,
                                .min_in = 1,
                                .max_in = 1,
                                .needs_x = true,
                                .shape = shape,
                                .init = init,
                                .init_state = init_state,
                                .forward = nn_every_block,
                                .step = nn_block_step,
                                .begin = begin,
                                .block = block,
                                .backward = nn_every_back_block,
                                .back_begin = back_begin,
                                .back_block = back_block,
                                .text = text};

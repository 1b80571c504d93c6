/* rule.c: the table of relevance rules (see rule.h). Sources: epsilon and alpha-beta: Bach et al. 2015; z+, w^2 and
 * box: Montavon et al., Pattern Recognition 65, 211 (2017); gamma: Montavon et al., LNCS 11700, 193 (2019); generalised
 * gamma: Andeol et al., arXiv:2106.04923; flat: Lapuschkin et al., Nature Comm. 10, 1096 (2019). */
#include "nn/rule.h"

#include <stddef.h>
#include <string.h>

#include "nn/op.h"

/* Where stab(z) = 0 the quotient is 0 (the division itself is harmless, so that lanes stay in vectors). */
static inline nn_real quotient(nn_real a, nn_real b) {
  nn_real q = a / (b != 0 ? b : 1);
  return b != 0 ? q : 0;
}

/* Books the shares s (S) of one unit that carries R: d its sums, e the stabilisers added to them. */
static void book(double *restrict account, int S, const nn_real *restrict R, const nn_real *restrict d,
                 const nn_real *restrict e, const nn_real *restrict s, nn_real bias, nn_real pad) {
  double *restrict to_bias = account + NN_BIAS * S, *restrict to_pad = account + NN_PADDING * S;
  double *restrict to_stab = account + NN_STABILISER * S;
  for (int i = 0; i < S; i++) to_stab[i] += (double)(d[i] + e[i] != 0 ? s[i] * e[i] : R[i]);
  if (bias != 0)
    for (int i = 0; i < S; i++) to_bias[i] += (double)s[i] * (double)bias;
  if (pad != 0)
    for (int i = 0; i < S; i++) to_pad[i] += (double)s[i] * (double)pad;
}

static void share_one(const nn_rule *r, const nn_row *w, double *account) {
  nn_real eps = (nn_real)r->epsilon, more = w->fixed[0] + w->bias[0] + w->pad[0], d[NN_MAX_LANES], e[NN_MAX_LANES];
  const nn_real *restrict R = w->R;
  nn_real *restrict z = w->z[0];
  for (int i = 0; i < w->S; i++) {
    d[i] = z[i] + more;
    e[i] = d[i] < 0 ? -eps : eps;
    z[i] = quotient(R[i], d[i] + e[i]);
  }
  if (!account) return;
  nn_credit(account + NN_OUT * w->S, w->S, R);
  book(account, w->S, R, d, e, z, w->bias[0], w->pad[0]);
}

/* The sums of both units make (2 + gamma) z together: their sign is that of z. */
static void share_by_sign(const nn_rule *r, const nn_row *w, double *account) {
  nn_real eps = (nn_real)r->epsilon, up = w->bias[0], down = w->bias[1], d[NN_MAX_LANES], e[NN_MAX_LANES];
  const nn_real *restrict R = w->R;
  nn_real *restrict p = w->z[0], *restrict n = w->z[1], held[NN_UNITS][NN_MAX_LANES];
  for (int i = 0; i < w->S; i++) {
    nn_real a = p[i] + up, b = n[i] + down;
    bool positive = a + b >= 0;
    d[i] = positive ? a : b;
    e[i] = d[i] < 0 ? -eps : eps;
    nn_real s = quotient(R[i], d[i] + e[i]);
    p[i] = positive ? s : 0;
    n[i] = positive ? 0 : s;
    held[0][i] = positive ? R[i] : 0;
    held[1][i] = positive ? 0 : R[i];
  }
  if (!account) return;
  nn_credit(account + NN_OUT * w->S, w->S, R);
  book(account, w->S, held[0], d, e, p, up, 0);
  book(account, w->S, held[1], d, e, n, down, 0);
}

static void share_both(const nn_rule *r, const nn_row *w, double *account) {
  nn_real eps = (nn_real)r->epsilon, alpha = (nn_real)r->alpha, beta = (nn_real)r->beta, part[NN_UNITS][NN_MAX_LANES];
  nn_real d[NN_UNITS][NN_MAX_LANES], e[NN_UNITS][NN_MAX_LANES];
  const nn_real *restrict R = w->R;
  nn_real *restrict p = w->z[0], *restrict n = w->z[1];
  for (int i = 0; i < w->S; i++) {
    nn_real up = p[i] + w->bias[0], down = n[i] + w->bias[1];
    bool no_down = down == 0, no_up = (up == 0) & !no_down & (beta != 0);
    nn_real a = no_up ? 0 : alpha, b = no_up ? 1 : -beta;
    d[0][i] = up, d[1][i] = down, e[0][i] = eps, e[1][i] = -eps;
    part[0][i] = (no_down ? 1 : a) * R[i];
    part[1][i] = (no_down ? 0 : b) * R[i];
    p[i] = quotient(part[0][i], up + eps);
    n[i] = quotient(part[1][i], down - eps);
  }
  if (!account) return;
  nn_credit(account + NN_OUT * w->S, w->S, R);
  book(account, w->S, part[0], d[0], e[0], p, w->bias[0], 0);
  book(account, w->S, part[1], d[1], e[1], n, w->bias[1], 0);
}

const nn_rule_type nn_rule_pass = {"pass", "relevance goes on as it is", NN_SHARE_PASS, 0, 0, {{0}}, true, NULL};
const nn_rule_type nn_rule_zero = {
    "0", "in proportion to x w", NN_SHARE_SUM | NN_SHARE_PLAIN, 1, 1, {{0, NN_PART_X, NN_MOD_W}}, false, share_one};
const nn_rule_type nn_rule_epsilon = {"epsilon",
                                      "in proportion to x w, stabilised",
                                      NN_SHARE_SUM | NN_SHARE_PLAIN,
                                      1,
                                      1,
                                      {{0, NN_PART_X, NN_MOD_W}},
                                      false,
                                      share_one};
const nn_rule_type nn_rule_gamma = {"gamma",
                                    "positive weights count 1 + gamma times; x >= 0",
                                    NN_SHARE_SUM,
                                    1,
                                    1,
                                    {{0, NN_PART_X, NN_MOD_MORE_POS}},
                                    false,
                                    share_one};
const nn_rule_type nn_rule_general_gamma = {"general_gamma",
                                            "terms with the sign of z count 1 + gamma times",
                                            NN_SHARE_SUM,
                                            2,
                                            4,
                                            {{0, NN_PART_POS, NN_MOD_MORE_POS},
                                             {0, NN_PART_NEG, NN_MOD_MORE_NEG},
                                             {1, NN_PART_POS, NN_MOD_MORE_NEG},
                                             {1, NN_PART_NEG, NN_MOD_MORE_POS}},
                                            false,
                                            share_by_sign};
const nn_rule_type nn_rule_z_plus = {"z_plus",
                                     "in proportion to the positive terms",
                                     NN_SHARE_SUM,
                                     1,
                                     2,
                                     {{0, NN_PART_POS, NN_MOD_POS}, {0, NN_PART_NEG, NN_MOD_NEG}},
                                     false,
                                     share_one};
const nn_rule_type nn_rule_alpha_beta = {"alpha_beta",
                                         "alpha parts to positive, -beta parts to negative terms",
                                         NN_SHARE_SUM,
                                         2,
                                         4,
                                         {{0, NN_PART_POS, NN_MOD_POS},
                                          {0, NN_PART_NEG, NN_MOD_NEG},
                                          {1, NN_PART_POS, NN_MOD_NEG},
                                          {1, NN_PART_NEG, NN_MOD_POS}},
                                         false,
                                         share_both};
const nn_rule_type nn_rule_w2 = {
    "w2", "in proportion to w^2", NN_SHARE_SUM, 1, 1, {{0, NN_PART_ONE, NN_MOD_SQUARE}}, true, share_one};
const nn_rule_type nn_rule_flat = {
    "flat", "equal parts", NN_SHARE_SUM | NN_SHARE_EVEN, 1, 1, {{0, NN_PART_ONE, NN_MOD_ONE}}, true, share_one};
const nn_rule_type nn_rule_box = {
    "box",
    "in proportion to x w - low w+ - high w-",
    NN_SHARE_SUM,
    1,
    3,
    {{0, NN_PART_X, NN_MOD_W}, {0, NN_PART_LOW, NN_MOD_POS}, {0, NN_PART_HIGH, NN_MOD_NEG}},
    true,
    share_one};
const nn_rule_type nn_rule_winner = {"winner", "all to the largest term", NN_SHARE_WINNER, 0, 0, {{0}}, true, NULL};

const nn_rule_type *const nn_rules[] = {&nn_rule_pass,          &nn_rule_zero,   &nn_rule_epsilon,    &nn_rule_gamma,
                                        &nn_rule_general_gamma, &nn_rule_z_plus, &nn_rule_alpha_beta, &nn_rule_w2,
                                        &nn_rule_flat,          &nn_rule_box,    &nn_rule_winner,     NULL};

const nn_rule_type *nn_rule_find(const char *name) {
  for (int i = 0; nn_rules[i]; i++)
    if (!strcmp(nn_rules[i]->name, name)) return nn_rules[i];
  return NULL;
}

double nn_rule_mod(const nn_rule *r, nn_mod mod, double w) {
  double up = w > 0 ? w : 0, down = w < 0 ? w : 0;
  switch (mod) {
    case NN_MOD_POS:
      return up;
    case NN_MOD_NEG:
      return down;
    case NN_MOD_MORE_POS:
      return w + r->gamma * up;
    case NN_MOD_MORE_NEG:
      return w + r->gamma * down;
    case NN_MOD_SQUARE:
      return w * w;
    case NN_MOD_ONE:
      return 1;
    default:
      return w;
  }
}

double nn_rule_constant(const nn_rule *r, nn_part part) {
  return part == NN_PART_ONE ? 1 : part == NN_PART_LOW ? -r->low : part == NN_PART_HIGH ? -r->high : 0;
}

void nn_rule_bias(const nn_rule *r, double b, nn_real bias[NN_UNITS]) {
  for (int u = 0; u < NN_UNITS; u++) bias[u] = 0;
  for (int i = 0; i < r->type->terms && !r->type->no_bias && !r->zero_bias; i++) {
    const nn_term *t = &r->type->term[i];
    if (t->part == NN_PART_X || t->part == NN_PART_POS) bias[t->unit] += (nn_real)nn_rule_mod(r, t->mod, b);
  }
}

nn_gain nn_rule_gain(const nn_rule *r, double w) {
  nn_gain g = {{0}, {0}, {0}};
  for (int i = 0; i < r->type->terms; i++) {
    const nn_term *t = &r->type->term[i];
    nn_real m = (nn_real)nn_rule_mod(r, t->mod, w);
    if (t->part == NN_PART_X || t->part == NN_PART_POS) g.pos[t->unit] += m;
    if (t->part == NN_PART_X || t->part == NN_PART_NEG) g.neg[t->unit] += m;
    g.one[t->unit] += (nn_real)nn_rule_constant(r, t->part) * m;
  }
  return g;
}

void nn_gain_add(const nn_gain *g, int u, int S, const nn_real *restrict weight, const nn_real *restrict x,
                 nn_real *restrict z) {
  nn_real pos = g->pos[u], neg = g->neg[u], one = g->one[u];
  for (int i = 0; i < S; i++) z[i] += weight[i] * (x[i] * (x[i] > 0 ? pos : neg) + one);
}

void nn_gain_back(const nn_gain *g, int u, int S, const nn_real *restrict weight, const nn_real *restrict x,
                  const nn_real *restrict s, nn_real *restrict got) {
  nn_real pos = g->pos[u], neg = g->neg[u], one = g->one[u];
  for (int i = 0; i < S; i++) got[i] += s[i] * weight[i] * (x[i] * (x[i] > 0 ? pos : neg) + one);
}

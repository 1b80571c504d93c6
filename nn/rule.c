/* rule.c: the table of relevance rules (see rule.h). Sources: epsilon and alpha-beta: Bach et al. 2015; z+, w^2 and
 * box: Montavon et al., Pattern Recognition 65, 211 (2017); gamma: Montavon et al., LNCS 11700, 193 (2019); generalised
 * gamma: Andeol et al., arXiv:2106.04923; flat: Lapuschkin et al., Nature Comm. 10, 1096 (2019). */
#include "nn/rule.h"

#include <string.h>

#include "nn/op.h"

/* Where stab(z) = 0 the quotient is 0 (the division itself is harmless, so that lanes stay in vectors). */
static inline nn_real quotient(nn_real a, nn_real b) {
  nn_real q = a / (b != 0 ? b : 1);
  return b != 0 ? q : 0;
}

/* L lanes walk through all rows with their accounts in registers; in every lane the rows come in ascending order. */
enum { LANES = 32 };
static inline __attribute__((always_inline)) void credit_lanes(double *restrict account, int S, int L, size_t rows,
                                                               const nn_real *restrict r,
                                                               const nn_real *restrict weight) {
  double sum[LANES];
  for (int i = 0; i < L; i++) sum[i] = account[i];
  for (size_t k = 0; k < rows; k++, r += S)
    for (int i = 0; i < L; i++) sum[i] += weight ? (double)r[i] * (double)weight[k] : (double)r[i];
  for (int i = 0; i < L; i++) account[i] = sum[i];
}

static inline __attribute__((always_inline)) void credit(double *account, int S, size_t rows, const nn_real *r,
                                                         const nn_real *weight) {
  int i = 0;
  for (; i + LANES <= S; i += LANES) credit_lanes(account + i, S, LANES, rows, r + i, weight);
  for (; i + LANES / 2 <= S; i += LANES / 2) credit_lanes(account + i, S, LANES / 2, rows, r + i, weight);
  if (i < S) credit_lanes(account + i, S, S - i, rows, r + i, weight);
}

void nn_credit(double *account, int S, size_t rows, const nn_real *r) {
  if (account) credit(account, S, rows, r, NULL);
}

/* What an input that is 1 got from the shares s, by its weights (NULL: there is none). */
static void credit_products(double *account, int S, size_t rows, const nn_real *s, const nn_real *weight) {
  if (weight) credit(account, S, rows, s, weight);
}

/* Rows that are shared and then booked while they are in the cache. */
enum { ROWS = 16, LOST = ROWS * NN_MAX_LANES };

void nn_share(const nn_rule *r, const nn_sums *w, double *account) {
  for (size_t from = 0; from < w->rows; from += ROWS) {
    nn_sums part = *w;
    part.rows = w->rows - from < ROWS ? w->rows - from : ROWS;
    part.R += from * (size_t)w->S;
    for (int u = 0; u < r->type->units; u++) {
      part.z[u] += from * (size_t)w->S;
      if (w->bias[u]) part.bias[u] += from;
    }
    if (w->fixed) part.fixed += from;
    if (w->pad) part.pad += from;
    r->type->share(r, &part, account);
  }
}

static nn_real at(const nn_real *of, size_t row) {
  return of ? of[row] : 0;
}

/* lost: what the stabilisers added to the sums took. */
static void book(const nn_sums *w, int units, const nn_real *lost, double *account) {
  nn_credit(account + NN_OUT * w->S, w->S, w->rows, w->R);
  nn_credit(account + NN_STABILISER * w->S, w->S, w->rows, lost);
  for (int u = 0; u < units; u++) credit_products(account + NN_BIAS * w->S, w->S, w->rows, w->z[u], w->bias[u]);
  credit_products(account + NN_PADDING * w->S, w->S, w->rows, w->z[0], w->pad);
}

static void share_one(const nn_rule *r, const nn_sums *w, double *account) {
  nn_real eps = (nn_real)r->epsilon, lost[LOST];
  for (size_t row = 0, k = 0; row < w->rows; row++, k += (size_t)w->S) {
    nn_real more = at(w->fixed, row) + at(w->bias[0], row) + at(w->pad, row), *restrict z = w->z[0] + k;
    const nn_real *restrict R = w->R + k;
    for (int i = 0; i < w->S; i++) {
      nn_real d = z[i] + more, e = d < 0 ? -eps : eps;
      z[i] = quotient(R[i], d + e);
      lost[k + (size_t)i] = d + e != 0 ? z[i] * e : R[i];
    }
  }
  if (account) book(w, 1, lost, account);
}

/* The sums of both units make (2 + gamma) z together: their sign is that of z. */
static void share_by_sign(const nn_rule *r, const nn_sums *w, double *account) {
  nn_real eps = (nn_real)r->epsilon, lost[LOST];
  for (size_t row = 0, k = 0; row < w->rows; row++, k += (size_t)w->S) {
    nn_real up = at(w->bias[0], row), down = at(w->bias[1], row), *restrict p = w->z[0] + k, *restrict n = w->z[1] + k;
    const nn_real *restrict R = w->R + k;
    for (int i = 0; i < w->S; i++) {
      nn_real a = p[i] + up, b = n[i] + down;
      bool positive = a + b >= 0;
      nn_real d = positive ? a : b, e = d < 0 ? -eps : eps, s = quotient(R[i], d + e);
      p[i] = positive ? s : 0;
      n[i] = positive ? 0 : s;
      lost[k + (size_t)i] = d + e != 0 ? s * e : R[i];
    }
  }
  if (account) book(w, 2, lost, account);
}

static void share_both(const nn_rule *r, const nn_sums *w, double *account) {
  nn_real eps = (nn_real)r->epsilon, alpha = (nn_real)r->alpha, beta = (nn_real)r->beta, lost[LOST];
  for (size_t row = 0, k = 0; row < w->rows; row++, k += (size_t)w->S) {
    nn_real above = at(w->bias[0], row),
            below = at(w->bias[1], row), *restrict p = w->z[0] + k, *restrict n = w->z[1] + k;
    const nn_real *restrict R = w->R + k;
    for (int i = 0; i < w->S; i++) {
      nn_real up = p[i] + above, down = n[i] + below;
      bool no_down = down == 0, no_up = (up == 0) & !no_down & (beta != 0);
      nn_real a = (no_down ? 1 : no_up ? 0 : alpha) * R[i], b = (no_down ? 0 : no_up ? 1 : -beta) * R[i];
      p[i] = quotient(a, up + eps);
      n[i] = quotient(b, down - eps);
      lost[k + (size_t)i] = (up + eps != 0 ? p[i] * eps : a) + (down - eps != 0 ? -n[i] * eps : b);
    }
  }
  if (account) book(w, 2, lost, account);
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

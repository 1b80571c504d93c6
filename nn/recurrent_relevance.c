/* relevance_recurrent.c: relevance through gated recurrent layers (Arras et al., WASSA 2017 and LNCS 11700, 211): of a
 * product the signal takes all and the gate nothing; the new state is a sum of two terms, shared by the rule; what its
 * new part has passes through tanh to the linear sum behind it:
 *   GRU   h' = (1 - z) n + z h,   n = tanh(a),  a = W_xn x + b_n + r (W_hn h + c)
 *   LSTM  h' = o tanh(c'),  c' = f c + i g,     g = tanh(a),  a = W_xg x + W_hg h + b_g
 * A lane beyond its length passes all on. What reaches the state that an earlier sequence left is booked as padding. */
#include <string.h>

#include "nn/gemm.h"
#include "nn/recurrent.h"
#include "nn/relevance.h"

/* In scratch, (H, S) each unless it says so: nine rows of H and one of Cin (nn/relevance.c reserves them). */
typedef struct work {
  nn_real *h, *c;           /* relevance of the state before t, on its way back */
  nn_real *had;             /* of the state after t */
  nn_real *part[2], *of[2]; /* the two terms of the new state, and what they get */
  nn_real *z, *u;           /* a and W_h h */
  nn_real *x;               /* (Cin, S) */
} work;

static work work_of(const nn_recurrent *q, const nn_trail *t, int S) {
  size_t row = (size_t)q->H * (size_t)S;
  nn_real *p = t->scratch;
  return (work){p,           p + row,     p + 2 * row, {p + 3 * row, p + 4 * row}, {p + 5 * row, p + 6 * row},
                p + 7 * row, p + 8 * row, p + 9 * row};
}

/* Books what a share lost on its way, not what it had: that came from inside the layer. */
static void book(const nn_trail *t, int node, int S, const double *account) {
  if (!t->ledger) return;
  for (int k = NN_BIAS; k <= NN_STABILISER; k++)
    for (int i = 0; i < S; i++) nn_account(t, node, k, S)[i] += account[k * S + i];
}

/* y (R, S) = (add: +=) W^T x or, transposed, W x for the columns of block `column` of W (rows, gates H). */
static void product(const nn_recurrent *q, const nn_real *W, int rows, int column, bool transposed, int S,
                    const nn_real *x, nn_real *y) {
  const nn_segment all = {0, 0, transposed ? q->H : rows};
  long ld = (long)q->gates * q->H;
  nn_multiply(&(nn_product){.R = transposed ? rows : q->H,
                            .N = S,
                            .terms = 1,
                            .panels = 1,
                            .term = &all,
                            .A = W + (size_t)column * q->H,
                            .ra = transposed ? ld : 1,
                            .ka = transposed ? 1 : ld,
                            .B = x,
                            .ldb = S,
                            .C = y,
                            .ldc = S});
}

/* had is shared among part[0] + part[1]: of[0], of[1]. */
static void share_state(const nn_node *n, const nn_rule *rule, const nn_trail *t, const work *w, int H, int S) {
  double account[NN_ACCOUNTS * NN_MAX_LANES] = {0};
  for (int k = 0; k < H * S; k += S) {
    nn_real s[NN_MAX_LANES];
    for (int i = 0; i < S; i++) s[i] = w->part[0][k + i] + w->part[1][k + i];
    nn_share(rule, &(nn_sums){S, 1, w->had + k, {s}}, account);
    for (int b = 0; b < 2; b++)
      for (int i = 0; i < S; i++) w->of[b][k + i] = w->part[b][k + i] * s[i];
  }
  book(t, n->id, S, account);
}

/* of[0] is what the new part has: to x, h and biases by the terms of a. s takes the place of z, gate s that of u. */
static void share_sum(const nn_node *n, const nn_rule *rule, const nn_trail *t, const work *w,
                      const nn_recurrent_step *s, int H, int S) {
  double account[NN_ACCOUNTS * NN_MAX_LANES] = {0};
  for (int k = 0; k < H; k++) {
    nn_real inner = s->inner_bias && !rule->zero_bias ? s->inner_bias[k] : 0, *z = w->z + k * S, *u = w->u + k * S;
    nn_real bias[NN_UNITS];
    nn_sums row = {S, 1, w->of[0] + k * S, {z}, {bias, bias + 1}};
    nn_rule_bias(rule, (double)s->bias[k], bias);
    for (int i = 0; i < S; i++) z[i] += (s->gate ? s->gate[k * S + i] : 1) * (u[i] + inner);
    nn_share(rule, &row, account);
    for (int i = 0; i < S; i++) {
      u[i] = (s->gate ? s->gate[k * S + i] : 1) * z[i];
      account[NN_BIAS * S + i] += (double)(u[i] * inner);
    }
  }
  book(t, n->id, S, account);
}

static void share_candidate(const nn_node *n, const nn_frame *f, const nn_rule *rule, nn_trail *t, const work *w,
                            const nn_recurrent_step *s, int position) {
  const nn_recurrent *q = n->table;
  int S = f->lanes, H = q->H, wide = q->cin * S;
  const nn_real *Wx = f->theta + n->param, *Wh = Wx + (size_t)q->cin * (size_t)(q->gates * H);
  const nn_real *x = f->value[n->in[0]] + (size_t)position * (size_t)wide;
  nn_real *to = t->relevance[n->in[0]] + (size_t)position * (size_t)wide;
  product(q, Wx, q->cin, s->column, false, S, x, w->z);
  product(q, Wh, H, s->column, false, S, s->h, w->u);
  share_sum(n, rule, t, w, s, H, S);
  product(q, Wx, q->cin, s->column, true, S, w->z, w->x);
  product(q, Wh, H, s->column, true, S, w->u, w->of[0]);
  for (int k = 0; k < wide; k++) w->x[k] *= x[k], to[k] += w->x[k];
  nn_credit(nn_account(t, n->id, NN_IN, S), S, (size_t)q->cin, w->x);
  for (int k = 0; k < H * S; k++) w->h[k] += w->of[0][k] * s->h[k];
}

/* One position: the relevance of h' (and c') becomes that of h (and c); in lanes beyond their length it stays. */
static void back(const nn_node *n, const nn_frame *f, const nn_rule *rule, nn_trail *t, const work *w, int position,
                 nn_recurrent_terms *terms) {
  int S = f->lanes, H = n->shape.channels;
  const nn_real *R = t->relevance[n->id] + (size_t)position * (size_t)(H * S);
  nn_real mask[NN_MAX_LANES];
  nn_recurrent_step s = {0};
  bool some = nn_recurrent_mask(n, f, position, mask);
  terms(n, f, position, w->part[0], w->part[1], &s);
  for (int k = 0; k < H * S; k++) {
    bool held = !some || mask[k % S] > 0;
    nn_real all = w->h[k] + R[k];
    w->had[k] = held ? all + (s.cell ? w->c[k] : 0) : 0;
    w->h[k] = held ? 0 : all;
    if (s.cell && held) w->c[k] = 0;
  }
  nn_credit(nn_account(t, n->id, NN_OUT, S), S, (size_t)H, R);
  share_state(n, rule, t, w, H, S);
  for (int k = 0; k < H * S; k++) (s.cell ? w->c : w->h)[k] += w->of[1][k];
  share_candidate(n, f, rule, t, w, &s, position);
}

void nn_recurrent_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t,
                            nn_recurrent_terms *terms) {
  const nn_recurrent *q = n->table;
  const work w = work_of(q, t, f->lanes);
  size_t row = (size_t)q->H * (size_t)f->lanes;
  memset(w.h, 0, 2 * row * sizeof *w.h); /* h and c */
  for (int k = 0; k < q->P; k++) back(n, f, &r->rule[n->id], t, &w, q->reversed ? k : q->P - 1 - k, terms);
  nn_credit(nn_account(t, n->id, NN_PADDING, f->lanes), f->lanes, 2 * (size_t)q->H, w.h);
}

/* test_relevance_rnn.c: relevance through GRU and LSTM against the rules spelled out number by number, forwards and
 * reversed; without biases and stabiliser all relevance of the last state reaches the inputs. Attention: values share
 * by their weights, queries and keys get nothing. */
#include "nn/ops.h"
#include "nn/relevance.h"
#include "tests/check.h"

enum { T = 5, IN = 3, H = 4, S = 8 };
#ifdef NN_SINGLE
static const double tight = 2e-4;
#else
static const double tight = 1e-11;
#endif

static double noise(unsigned seed, size_t i) {
  return 2 * rng_uniform(rng_stream(seed, "rnn"), i, 0, 0) - 1;
}
static double sigma(double a) {
  return 1 / (1 + exp(-a));
}
static double stab(double z, double eps) {
  return z < 0 ? z - eps : z + eps;
}

/* One lane: parameters as the ops keep them, x (T, IN) in the order of the sequence, R (T, H) of the states. */
typedef struct spelled {
  int gates;
  const nn_real *w;
  double eps, x[T][IN], R[T][H], Rx[T][IN], bias, lost, before;
} spelled;

static double wx(const spelled *s, int i, int gate, int k) {
  return (double)s->w[(size_t)i * (size_t)(s->gates * H) + (size_t)(gate * H + k)];
}
static double wh(const spelled *s, int j, int gate, int k) {
  return (double)s->w[(size_t)(IN + j) * (size_t)(s->gates * H) + (size_t)(gate * H + k)];
}
static double b(const spelled *s, int which, int k) {
  return (double)s->w[(size_t)(IN + H) * (size_t)(s->gates * H) + (size_t)(which * H + k)];
}
static double linear(const spelled *s, int t, const double *h, int gate, int k) {
  double a = b(s, gate, k);
  for (int i = 0; i < IN; i++) a += wx(s, i, gate, k) * s->x[t][i];
  for (int j = 0; j < H; j++) a += wh(s, j, gate, k) * h[j];
  return a;
}

/* The new part has R: to x, h and the biases by the terms of a = W x + b + gate (W h + inner). */
static void new_part(spelled *s, int t, const double *h, int column, int k, double gate, double inner, double R,
                     double *to) {
  double a = b(s, column, k) + gate * inner, u;
  for (int i = 0; i < IN; i++) a += wx(s, i, column, k) * s->x[t][i];
  for (int j = 0; j < H; j++) a += gate * wh(s, j, column, k) * h[j];
  u = R / stab(a, s->eps);
  for (int i = 0; i < IN; i++) s->Rx[t][i] += u * wx(s, i, column, k) * s->x[t][i];
  for (int j = 0; j < H; j++) to[j] += u * gate * wh(s, j, column, k) * h[j];
  s->bias += u * (b(s, column, k) + gate * inner);
  s->lost += R - u * a;
}

static void gru(spelled *s) {
  double h[T + 1][H] = {{0}}, r[T][H], z[T][H], g[T][H], now[H] = {0};
  for (int t = 0; t < T; t++)
    for (int k = 0; k < H; k++) {
      double inner = b(s, 3, k), a = b(s, 2, k);
      r[t][k] = sigma(linear(s, t, h[t], 0, k)), z[t][k] = sigma(linear(s, t, h[t], 1, k));
      for (int i = 0; i < IN; i++) a += wx(s, i, 2, k) * s->x[t][i];
      for (int j = 0; j < H; j++) inner += wh(s, j, 2, k) * h[t][j];
      g[t][k] = tanh(a + r[t][k] * inner);
      h[t + 1][k] = (1 - z[t][k]) * g[t][k] + z[t][k] * h[t][k];
    }
  for (int t = T - 1; t >= 0; t--) {
    double to[H] = {0};
    for (int k = 0; k < H; k++) {
      double R = now[k] + s->R[t][k], u = R / stab(h[t + 1][k], s->eps);
      to[k] += u * z[t][k] * h[t][k];
      s->lost += R - u * h[t + 1][k];
      new_part(s, t, h[t], 2, k, r[t][k], b(s, 3, k), u * (1 - z[t][k]) * g[t][k], to);
    }
    memcpy(now, to, sizeof now);
  }
  for (int k = 0; k < H; k++) s->before += now[k];
}

static void lstm(spelled *s) {
  double h[T + 1][H] = {{0}}, c[T + 1][H] = {{0}}, in[T][H], keep[T][H], g[T][H], now[H] = {0}, cell[H] = {0};
  for (int t = 0; t < T; t++)
    for (int k = 0; k < H; k++) {
      in[t][k] = sigma(linear(s, t, h[t], 0, k)), keep[t][k] = sigma(linear(s, t, h[t], 1, k));
      g[t][k] = tanh(linear(s, t, h[t], 2, k));
      c[t + 1][k] = keep[t][k] * c[t][k] + in[t][k] * g[t][k];
      h[t + 1][k] = sigma(linear(s, t, h[t], 3, k)) * tanh(c[t + 1][k]);
    }
  for (int t = T - 1; t >= 0; t--) {
    double to[H] = {0};
    for (int k = 0; k < H; k++) {
      double R = now[k] + s->R[t][k] + cell[k], u = R / stab(c[t + 1][k], s->eps);
      cell[k] = u * keep[t][k] * c[t][k];
      s->lost += R - u * c[t + 1][k];
      new_part(s, t, h[t], 2, k, 1, 0, u * in[t][k] * g[t][k], to);
    }
    memcpy(now, to, sizeof now);
  }
  for (int k = 0; k < H; k++) s->before += now[k] + cell[k];
}

typedef struct rig {
  nn_graph *g;
  nn_plan *p;
  nn_frame *f;
  nn_relevance *r;
  nn_trail *t;
  nn_real *theta;
  int y;
} rig;

static int open_rig(rig *x, const nn_op *op, double eps) {
  err e = {0};
  nn_rule rules[2] = {{0}, {.type = &nn_rule_epsilon, .epsilon = eps}};
  *x = (rig){.g = nn_graph_new()};
  int in = nn_input(x->g, "x", (nn_shape){{T, 1, 1}, IN});
  x->y = nn_add(x->g, op, "y", &(nn_recurrent_conf){H}, 1, &in, &e);
  int bad = nn_finish(x->g, x->y, &e) || nn_plan_new(&x->p, x->g, S, false, false, &e) ||
            nn_frame_new(&x->f, x->p, NULL, &e) || nn_relevance_new(&x->r, x->g, S, rules, &e) ||
            nn_trail_new(&x->t, x->r, true, &e);
  CHECK_REPORT(!bad, "%.300s", e.text);
  if (bad) return 1;
  x->theta = nn_alloc(x->g->nparam * sizeof *x->theta), x->f->theta = x->theta;
  for (size_t i = 0; i < x->g->node[x->y].nparam; i++) x->theta[i] = (nn_real)noise(1, i);
  for (size_t i = 0; i < T * IN * S; i++) x->f->value[0][i] = (nn_real)noise(2, i);
  return 0;
}

static void close_rig(rig *x) {
  nn_trail_free(x->t), nn_relevance_free(x->r), nn_frame_free(x->f, NULL), nn_plan_free(x->p), nn_graph_free(x->g);
  free(x->theta);
}

static void walk(rig *x) {
  nn_relevance_prepare(x->r, x->theta, NULL);
  nn_forward(x->p, x->f);
  nn_relevance_walk(x->r, x->f, x->t, x->y);
}

static void against_spelled(const nn_op *op, int gates, void (*spell)(spelled *), bool reversed) {
  rig x;
  if (open_rig(&x, op, 0.05)) return;
  for (size_t i = 0; i < T * H * S; i++) x.t->relevance[x.y][i] = (nn_real)noise(3, i);
  walk(&x);
  for (int lane = 0; lane < S; lane++) {
    spelled s = {.gates = gates, .w = x.theta, .eps = 0.05};
    double off = 0, size = 0;
    for (int t = 0; t < T; t++) {
      int at = reversed ? T - 1 - t : t;
      for (int i = 0; i < IN; i++) s.x[t][i] = (double)x.f->value[0][(at * IN + i) * S + lane];
      for (int k = 0; k < H; k++) s.R[t][k] = (double)x.t->relevance[x.y][(at * H + k) * S + lane];
    }
    spell(&s);
    for (int t = 0; t < T; t++)
      for (int i = 0; i < IN; i++) {
        int at = reversed ? T - 1 - t : t;
        off = fmax(off, fabs(s.Rx[t][i] - (double)x.t->relevance[0][(at * IN + i) * S + lane]));
        size = fmax(size, fabs(s.Rx[t][i]));
      }
    CHECK_REPORT(off <= tight * size, "%s, lane %d: relevance is off by %g of %g", op->name, lane, off, size);
    CHECK_NEAR(nn_account(x.t, x.y, NN_BIAS, S)[lane], s.bias, tight * (size + fabs(s.bias)));
    CHECK_NEAR(nn_account(x.t, x.y, NN_STABILISER, S)[lane], s.lost, tight * (size + fabs(s.lost)));
    CHECK_NEAR(nn_account(x.t, x.y, NN_PADDING, S)[lane], 0, 0);
    CHECK_NEAR(s.before, 0, 0); /* the first state is zero */
  }
  close_rig(&x);
}

static void all_arrives(const nn_op *op) {
  rig x;
  if (open_rig(&x, op, 0)) return;
  const nn_node *n = &x.g->node[x.y];
  for (size_t i = n->nweights; i < n->nparam; i++) x.theta[i] = 0;
  for (int lane = 0; lane < S; lane++) x.t->relevance[x.y][((T - 1) * H + 1) * S + lane] = 1;
  walk(&x);
  for (int lane = 0; lane < S; lane++) {
    double sum = 0, moved = 0;
    for (size_t k = (size_t)lane; k < T * IN * S; k += S)
      sum += (double)x.t->relevance[0][k], moved += fabs((double)x.t->relevance[0][k]);
    CHECK_NEAR(sum, 1, tight * moved);
  }
  close_rig(&x);
}

/* One head of width 1: o_i = sum_j p_ij v_j, R_vj = v_j sum_i p_ij R_i / stab(o_i). */
static void attention(void) {
  enum { P = 4 };
  err e = {0};
  nn_plan *p = NULL;
  nn_frame *f = NULL;
  nn_relevance *r = NULL;
  nn_trail *t = NULL;
  nn_graph *g = nn_graph_new();
  nn_rule rules[2] = {{0}, {.type = &nn_rule_epsilon, .epsilon = 0.05}};
  int in = nn_input(g, "x", (nn_shape){{P, 1, 1}, 3});
  int y = nn_add(g, &nn_op_attention, "y", &(nn_attention_conf){1, false}, 1, &in, &e);
  int bad = nn_finish(g, y, &e) || nn_plan_new(&p, g, 1, false, false, &e) || nn_frame_new(&f, p, NULL, &e) ||
            nn_relevance_new(&r, g, 1, rules, &e) || nn_trail_new(&t, r, true, &e);
  CHECK_REPORT(!bad, "%.300s", e.text);
  nn_real theta[16] = {0}, *x = f->value[in];
  double want[P] = {0};
  f->theta = theta;
  for (int i = 0; i < 3 * P; i++) x[i] = (nn_real)noise(5, (size_t)i);
  for (int i = 0; i < P; i++) t->relevance[y][i] = (nn_real)noise(6, (size_t)i);
  for (int i = 0; i < P; i++) {
    double w[P], sum = 0, o = 0;
    for (int j = 0; j < P; j++) sum += w[j] = exp((double)x[3 * i] * (double)x[3 * j + 1]);
    for (int j = 0; j < P; j++) o += w[j] / sum * (double)x[3 * j + 2];
    for (int j = 0; j < P; j++)
      want[j] += w[j] / sum * (double)x[3 * j + 2] * (double)t->relevance[y][i] / stab(o, 0.05);
  }
  nn_relevance_prepare(r, theta, NULL);
  nn_forward(p, f);
  nn_relevance_walk(r, f, t, y);
  for (int j = 0; j < P; j++) {
    CHECK_NEAR((double)t->relevance[in][3 * j + 2], want[j], tight);
    CHECK_NEAR((double)t->relevance[in][3 * j], 0, 0);
    CHECK_NEAR((double)t->relevance[in][3 * j + 1], 0, 0);
  }
  nn_trail_free(t), nn_relevance_free(r), nn_frame_free(f, NULL), nn_plan_free(p), nn_graph_free(g);
}

int main(void) {
  attention();
  against_spelled(&nn_op_gru, 3, gru, false);
  against_spelled(&nn_op_gru_reversed, 3, gru, true);
  against_spelled(&nn_op_lstm, 4, lstm, false);
  against_spelled(&nn_op_lstm_reversed, 4, lstm, true);
  all_arrives(&nn_op_gru);
  all_arrives(&nn_op_lstm);
  return check_done();
}

/* op_attention.c: multi-head self-attention (Vaswani et al. 2017), per head and lane
 *   s_ij = q_i k_j / sqrt(width),   p_ij = softmax_j s_ij,   o_i = sum_j p_ij v_j.
 * Lanes stay innermost: a head of NN_VL lanes at a time is copied to one place, and products run in tiles of registers,
 * one vector per number. Rows of p are made block by block and made again in backward (from the largest score and the
 * sum, which are kept), so that no matrix of all pairs is ever stored:
 *   dv_j = sum_i p_ij do_i,  dp_ij = do_i v_j,  ds_ij = p_ij (dp_ij - do_i o_i),  dq_i = sum_j ds_ij k_j, dk_j
 * likewise. */
#include <math.h>
#include <string.h>

#include "nn/elementwise.h"
#include "nn/ops.h"
#include "nn/relevance.h"

enum { ROWS = 16, TILE = 4 };

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_attention_conf *c = n->conf;
  if (in->channels % 3 || c->heads < 1 || in->channels / 3 % c->heads)
    return err_set(e, ERR_RUN, "needs three times a multiple of %d heads as channels, not %d", c->heads, in->channels);
  n->shape = *in;
  n->shape.channels = in->channels / 3;
  size_t L = (size_t)nn_positions(*in), head = L * n->shape.channels / c->heads;
  n->keep = 2 * (size_t)c->heads * L;
  n->fixed_scratch = NN_VL * (8 * head + 2 * ROWS * L);
  n->once = true;
  n->macs = 2.0 * (double)nn_rows(n->shape) * (double)L;
  n->ahead = c->causal ? NN_NEVER : NN_ALWAYS;
  return 0;
}

/* One number in NN_VL lanes; (row, channel) of a head. */
typedef struct head {        /* filled by head_of and load */
  int L, W, lanes, first;    /* positions, width, lanes of this group, the first of them */
  nn_vec *q, *k, *v, *o;     /* (L, W) */
  nn_vec *dq, *dk, *dv, *dy; /* (L, W) */
  nn_vec *p, *dp;            /* (ROWS, L) */
  nn_real scale;
} head;

static head head_of(const nn_node *n, const nn_frame *f, int first) {
  const nn_attention_conf *c = n->conf;
  head h = {.L = nn_positions(n->shape), .W = n->shape.channels / c->heads, .first = first};
  nn_vec *at = (nn_vec *)nn_fixed_scratch(n, f);
  nn_vec **place[] = {&h.q, &h.k, &h.v, &h.o, &h.dq, &h.dk, &h.dv, &h.dy, &h.p};
  for (unsigned i = 0; i < sizeof place / sizeof *place; i++) *place[i] = at, at += (size_t)h.L * h.W;
  h.dp = h.p + (size_t)ROWS * h.L;
  h.lanes = f->lanes - first < NN_VL ? f->lanes - first : NN_VL;
  h.scale = (nn_real)(1 / sqrt((double)h.W));
  return h;
}

/* Positions from .. to-1 of `width` channels from number `at` on, of a node with `channels`, to (L, W). */
static void load(const head *h, const nn_frame *f, const nn_real *all, int channels, int at, int from, int to,
                 nn_vec *out) {
  for (int t = from; t < to; t++)
    for (int c = 0; c < h->W; c++) {
      const nn_real *x = all + ((size_t)t * channels + at + c) * f->lanes + h->first;
      if (h->lanes == NN_VL) {
        out[(size_t)t * h->W + c] = *(const nn_vec *)x;
        continue;
      }
      nn_vec some = {0};
      for (int i = 0; i < h->lanes; i++) some[i] = x[i];
      out[(size_t)t * h->W + c] = some;
    }
}
static void save(const head *h, const nn_frame *f, const nn_vec *in, int channels, int at, int from, int to, bool add,
                 nn_real *all) {
  for (int t = from; t < to; t++)
    for (int c = 0; c < h->W; c++) {
      nn_real *y = all + ((size_t)t * channels + at + c) * f->lanes + h->first;
      const nn_vec x = in[(size_t)t * h->W + c];
      for (int i = 0; i < h->lanes; i++) y[i] = (add ? y[i] : 0) + x[i];
    }
}

/* C[r][c] (+)= sum_k A[r][k] B[c][k], lane by lane; strides in vectors. */
typedef struct strides {
  long row, k;
} strides;
static inline __attribute__((always_inline)) void tile(int R, int N, int K, const nn_vec *A, strides a, const nn_vec *B,
                                                       strides b, nn_vec *C, strides c, bool add) {
  nn_vec acc[TILE][TILE];
#pragma GCC unroll 4
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) acc[r][j] = add ? C[r * c.row + j * c.k] : (nn_vec){0};
  for (int k = 0; k < K; k++) {
    nn_vec x[TILE];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) x[r] = A[r * a.row + k * a.k];
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) {
      nn_vec y = B[j * b.row + k * b.k];
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) acc[r][j] += x[r] * y;
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) C[r * c.row + j * c.k] = acc[r][j];
}
static void product(int R, int N, int K, const nn_vec *A, strides a, const nn_vec *B, strides b, nn_vec *C, strides c,
                    bool add) {
  for (int r = 0; r < R;) {
    int h = R - r >= TILE ? TILE : 1;
    for (int j = 0; j < N;) {
      int w = N - j >= TILE ? TILE : 1;
      const nn_vec *x = A + r * a.row, *y = B + j * b.row;
      nn_vec *z = C + r * c.row + j * c.k;
      if (h == TILE && w == TILE)
        tile(TILE, TILE, K, x, a, y, b, z, c, add);
      else if (h == TILE)
        tile(TILE, 1, K, x, a, y, b, z, c, add);
      else if (w == TILE)
        tile(1, TILE, K, x, a, y, b, z, c, add);
      else
        tile(1, 1, K, x, a, y, b, z, c, add);
      j += w;
    }
    r += h;
  }
}

/* Keys that row i sees: the first of them, in every lane. */
static int keys_of(const nn_node *n, const head *h, int i) {
  return ((const nn_attention_conf *)n->conf)->causal ? i + 1 : h->L;
}

/* 1 where key j holds data, lane by lane. */
static nn_vec holds(const nn_node *n, const nn_frame *f, const head *h, int j) {
  nn_vec mask = {0};
  int row = j / (n->shape.extent[1] * n->shape.extent[2]);
  for (int i = 0; i < h->lanes; i++) mask[i] = row < nn_length(f, n->shape.extent[0], h->first + i);
  return mask;
}

static nn_vec larger(nn_vec a, nn_vec b) {
  for (int i = 0; i < NN_VL; i++) a[i] = a[i] > b[i] ? a[i] : b[i];
  return a;
}

/* Scores of rows from .. to-1 with keys 0 .. keys-1 into p. */
static void scores(const head *h, int from, int to, int keys) {
  product(to - from, keys, h->W, h->q + (size_t)from * h->W, (strides){h->W, 1}, h->k, (strides){h->W, 1}, h->p,
          (strides){h->L, 1}, false);
}

/* p = exp(scale s - top) in row r, zero where nothing is to be seen; of `keys` numbers only `seen` can be. */
static void exponentials(const nn_node *n, const nn_frame *f, const head *h, nn_vec *p, int seen, int keys,
                         nn_vec top) {
  for (int j = 0; j < seen; j++) p[j] = top - h->scale * p[j];
  if (f->length)
    for (int j = 0; j < seen; j++)
      p[j] = larger(p[j], (nn_vec){0}); /* what will not be seen may be larger than the top */
  nn_exp_minus(seen * NN_VL, (const nn_real *)p, (nn_real *)p);
  if (f->length)
    for (int j = 0; j < seen; j++) p[j] *= holds(n, f, h, j);
  for (int j = seen; j < keys; j++) p[j] = (nn_vec){0};
}

/* Of one row of scores: the largest that is seen. */
static nn_vec highest(const nn_node *n, const nn_frame *f, const head *h, const nn_vec *p, int seen) {
  nn_vec top = p[0];
  for (int j = 1; j < seen; j++)
    if (!f->length)
      top = larger(top, p[j]);
    else { /* key 0 is seen by all */
      nn_vec mask = holds(n, f, h, j), may = larger(top, p[j]);
      for (int i = 0; i < NN_VL; i++) top[i] = mask[i] > 0 ? may[i] : top[i];
    }
  return h->scale * top;
}

/* Largest score and one over the sum of exponentials of a row, kept per (head, position): (2, S). */
static nn_real *moments(const nn_node *n, const nn_frame *f, const head *h, int number, int t) {
  return f->keep[n->id] + ((size_t)number * h->L + t) * 2 * f->lanes + h->first;
}

static void rows_forward(const nn_node *n, const nn_frame *f, const head *h, int number, int from, int to) {
  int keys = keys_of(n, h, to - 1);
  scores(h, from, to, keys);
  for (int t = from; t < to; t++) {
    nn_vec *p = h->p + (size_t)(t - from) * h->L, sum = {0};
    int seen = keys_of(n, h, t);
    nn_vec top = highest(n, f, h, p, seen);
    exponentials(n, f, h, p, seen, keys, top);
    for (int j = 0; j < seen; j++) sum += p[j];
    nn_real *kept = moments(n, f, h, number, t);
    for (int i = 0; i < NN_VL; i++) sum[i] = sum[i] > 0 ? 1 / sum[i] : 0;
    for (int i = 0; i < h->lanes; i++) kept[i] = top[i], kept[f->lanes + i] = sum[i];
    for (int j = 0; j < seen; j++) p[j] *= sum;
  }
  product(to - from, h->W, keys, h->p, (strides){h->L, 1}, h->v, (strides){1, h->W}, h->o + (size_t)from * h->W,
          (strides){h->W, 1}, false);
}

/* Positions from .. to-1 of y, keys and values of all positions up to `known`. */
static void positions(const nn_node *n, const nn_frame *f, int from, int to, int known) {
  const nn_attention_conf *c = n->conf;
  int C = n->shape.channels;
  const nn_real *x = f->value[n->in[0]];
  for (int first = 0; first < f->lanes; first += NN_VL)
    for (int number = 0; number < c->heads; number++) {
      head h = head_of(n, f, first);
      int at = number * h.W;
      load(&h, f, x, 3 * C, at, from, to, h.q);
      load(&h, f, x, 3 * C, C + at, 0, known, h.k);
      load(&h, f, x, 3 * C, 2 * C + at, 0, known, h.v);
      for (int t = from; t < to; t += ROWS) rows_forward(n, f, &h, number, t, t + ROWS < to ? t + ROWS : to);
      save(&h, f, h.o, C, at, from, to, false, f->value[n->id]);
    }
}

static void forward(const nn_node *n, const nn_frame *f) {
  positions(n, f, 0, nn_positions(n->shape), nn_positions(n->shape));
}
static void step(const nn_node *n, const nn_frame *f, int t) {
  positions(n, f, t, t + 1, t + 1);
}

/* p and ds of rows from .. to-1, then what they give to keys, values and queries. */
static void rows_backward(const nn_node *n, const nn_frame *f, const head *h, int number, int from, int to) {
  int keys = keys_of(n, h, to - 1), R = to - from;
  size_t at = (size_t)from * h->W;
  strides down = {1, h->L}, along = {h->L, 1}, of_head = {h->W, 1}, turned = {1, h->W};
  scores(h, from, to, keys);
  product(R, keys, h->W, h->dy + at, of_head, h->v, of_head, h->dp, along, false);
  for (int t = from; t < to; t++) {
    nn_vec *p = h->p + (size_t)(t - from) * h->L, *dp = h->dp + (size_t)(t - from) * h->L, inv = {0}, top = {0};
    nn_vec carried = {0};
    const nn_real *kept = moments(n, f, h, number, t);
    for (int i = 0; i < h->lanes; i++) top[i] = kept[i], inv[i] = kept[f->lanes + i];
    exponentials(n, f, h, p, keys_of(n, h, t), keys, top);
    for (int j = 0; j < keys; j++) p[j] *= inv, carried += p[j] * dp[j];
    for (int j = 0; j < keys; j++) dp[j] = h->scale * p[j] * (dp[j] - carried);
  }
  product(R, h->W, keys, h->dp, along, h->k, turned, h->dq + at, of_head, false);
  product(keys, h->W, R, h->p, down, h->dy + at, turned, h->dv, of_head, true);
  product(keys, h->W, R, h->dp, down, h->q + at, turned, h->dk, of_head, true);
}

static void backward(const nn_node *n, const nn_frame *f) {
  const nn_attention_conf *c = n->conf;
  int C = n->shape.channels, L = nn_positions(n->shape);
  const nn_real *x = f->value[n->in[0]];
  nn_real *dx = f->grad[n->in[0]];
  for (int first = 0; first < f->lanes && dx; first += NN_VL)
    for (int number = 0; number < c->heads; number++) {
      head h = head_of(n, f, first);
      int at = number * h.W;
      load(&h, f, x, 3 * C, at, 0, L, h.q), load(&h, f, x, 3 * C, C + at, 0, L, h.k);
      load(&h, f, x, 3 * C, 2 * C + at, 0, L, h.v), load(&h, f, f->grad[n->id], C, at, 0, L, h.dy);
      memset(h.dk, 0, sizeof(nn_vec) * L * h.W), memset(h.dv, 0, sizeof(nn_vec) * L * h.W);
      for (int t = 0; t < L; t += ROWS) rows_backward(n, f, &h, number, t, t + ROWS < L ? t + ROWS : L);
      bool add = !nn_opens(n, f, 0);
      save(&h, f, h.dq, 3 * C, at, 0, L, add, dx), save(&h, f, h.dk, 3 * C, C + at, 0, L, add, dx);
      save(&h, f, h.dv, 3 * C, 2 * C + at, 0, L, add, dx);
    }
}

/* With p held constant (CP-LRP: Ali et al., ICML 2022) y is linear in v: queries and keys get nothing. */
static nn_linear linear(const nn_node *n) {
  nn_linear l = nn_linear_of_layer(NULL, n, n->shape.channels, 0, false);
  l.from = 2 * n->shape.channels;
  return l;
}

static void text(const nn_node *n, FILE *f) {
  const nn_attention_conf *c = n->conf;
  fprintf(f, "heads %d causal %d", c->heads, c->causal);
}

const nn_op nn_op_attention = {.name = "attention",
                               .help = "multi-head self-attention",
                               .conf_size = sizeof(nn_attention_conf),
                               .takes = NN_SHARE_PLAIN,
                               .relevance = nn_adjoint_relevance,
                               .linear = linear,
                               .min_in = 1,
                               .max_in = 1,
                               .needs_x = true,
                               .shape = shape,
                               .forward = forward,
                               .step = step,
                               .backward = backward,
                               .text = text};

/* relevance_linear.c: relevance through ops that are products over lists of rows (nn/segment.h):
 *   R_j = sum_terms part(x_j) sum_k mod(w_jk) s_k,   s_k from z_k = sum_terms sum_j part(x_j) mod(w_jk)
 * Both sums run on the kernels of forward and backward, with weights that were modified once for all shards. A few
 * output positions at a time, so that z and s stay in the cache. Where no x is negative, terms of the negative part
 * fall away and x itself is the positive part. */
#include <stdlib.h>
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"

enum { BLOCK_BYTES = 65536 };

static bool varies(const nn_term *t) {
  return t->part == NN_PART_X || t->part == NN_PART_POS || t->part == NN_PART_NEG;
}

nn_linear nn_linear_of_layer(const nn_segments *s, const nn_node *n, int out, size_t biases, bool shared) {
  return (nn_linear){s, out, n->nparam - biases, biases, shared};
}

static int block_positions(const nn_relevance *r, const nn_node *n) {
  int width = n->shape.channels * r->lanes * (int)sizeof(nn_real), block = BLOCK_BYTES / width / 4 * 4;
  int positions = nn_positions(n->shape);
  block = block < 4 ? 4 : block;
  return block < positions ? block : positions;
}

/* Scratch: z of both units, the positive and the negative part of x, and what each of up to three parts gets. */
int nn_linear_reserve(nn_relevance *r, const nn_node *n, err *e) {
  nn_prepared *p = &r->prepared[n->id];
  const nn_rule *rule = &r->rule[n->id];
  const nn_rule_type *type = rule->type;
  p->l = n->op->linear(n);
  size_t y = p->rows = nn_rows(n->shape), S = (size_t)r->lanes;
  size_t z = NN_UNITS * (size_t)block_positions(r, n) * (size_t)p->l.out * S;
  size_t x = 5 * nn_rows(r->graph->node[n->in[0]].shape) * S;
  if (z + x > r->scratch) r->scratch = z + x;
  bool bad = false, constant = false;
  for (int i = 0; i < type->terms; i++) {
    bool same = type->term[i].mod == NN_MOD_W && p->fold < 0;
    for (int k = 0; k < i; k++) same |= type->term[k].mod == type->term[i].mod;
    if (!same) bad |= !(p->own[i] = nn_alloc(p->l.weights * sizeof(nn_real)));
    constant |= !varies(&type->term[i]);
  }
  if (p->fold >= 0) bad |= !(p->affine = calloc(2 * (size_t)p->l.out, sizeof *p->affine));
  if ((p->fold >= 0 || p->l.biases) && !type->no_bias && !rule->zero_bias)
    bad |= !(p->bias = nn_alloc(NN_UNITS * p->rows * sizeof(nn_real)));
  if (constant) bad |= !(p->fixed = nn_alloc(y * sizeof(nn_real)));
  if (constant && rule->padding && p->l.shared) bad |= !(p->pad = nn_alloc(y * sizeof(nn_real)));
  return bad ? err_set(e, ERR_RUN, "network node '%s': out of memory for its relevance", n->name) : 0;
}

void nn_linear_release(nn_prepared *p) {
  for (int i = 0; i < NN_TERMS; i++) free(p->own[i]);
  free(p->bias), free(p->fixed), free(p->pad), free(p->affine);
}

/* Sum over rows first .. first+n-1 of what constant terms hold, for output c. */
static double constant_rows(const nn_rule *rule, const nn_prepared *p, size_t first, size_t n, int c) {
  double sum = 0;
  for (int i = 0; i < rule->type->terms; i++) {
    const nn_term *t = &rule->type->term[i];
    if (varies(t)) continue;
    double part = 0;
    for (size_t k = first; k < first + n; k++) part += (double)p->w[i][k * (size_t)p->l.out + (size_t)c];
    sum += nn_rule_constant(rule, t->part) * part;
  }
  return sum;
}

static void prepare_fixed(const nn_rule *rule, nn_prepared *p) {
  const nn_segments *s = p->l.segments;
  size_t rows = p->l.weights / (size_t)p->l.out;
  for (int c = 0; c < p->l.out; c++) {
    double all = p->pad ? constant_rows(rule, p, 0, rows, c) : 0;
    for (int t = 0; t < s->positions; t++) {
      double sum = 0;
      size_t at = (size_t)t * (size_t)p->l.out + (size_t)c, used = 0;
      for (int i = s->start[t]; i < s->start[t + 1]; used += (size_t)s->segment[i].n, i++)
        sum += constant_rows(rule, p, (size_t)s->segment[i].w, (size_t)s->segment[i].n, c);
      p->fixed[at] = (nn_real)sum;
      if (p->pad) p->pad[at] = used < rows ? (nn_real)(all - sum) : 0;
    }
  }
}

static void prepare_bias(const nn_rule *rule, nn_prepared *p, const nn_real *bias, const double *scale,
                         const double *shift) {
  for (size_t k = 0; k < p->rows; k++) {
    nn_real of[NN_UNITS];
    size_t c = k % (size_t)p->l.out;
    double b = p->l.biases ? (double)bias[k % p->l.biases] : 0;
    nn_rule_bias(rule, scale ? b * scale[c] + shift[c] : b, of);
    for (int u = 0; u < NN_UNITS; u++) p->bias[(size_t)u * p->rows + k] = of[u];
  }
}

void nn_linear_prepare(nn_relevance *r, const nn_node *n, const nn_real *theta, const nn_real *state) {
  nn_prepared *p = &r->prepared[n->id];
  const nn_rule *rule = &r->rule[n->id];
  const nn_rule_type *type = rule->type;
  const nn_real *w = theta + n->param;
  size_t out = (size_t)p->l.out;
  double *scale = p->affine, *shift = scale ? scale + out : NULL;
  if (scale) nn_batch_norm_affine(&r->graph->node[p->fold], theta, state, scale, shift);
  for (int i = 0; i < type->terms; i++) {
    p->w[i] = w;
    for (int k = 0; k < i && !p->own[i]; k++)
      if (type->term[k].mod == type->term[i].mod) p->w[i] = p->w[k];
    if (!p->own[i]) continue;
    for (size_t k = 0; k < p->l.weights; k++)
      p->own[i][k] = (nn_real)nn_rule_mod(rule, type->term[i].mod, (double)w[k] * (scale ? scale[k % out] : 1));
    p->w[i] = p->own[i];
  }
  if (p->bias) prepare_bias(rule, p, w + p->l.weights, scale, shift);
  if (p->fixed) prepare_fixed(rule, p);
}

/* What the walk through one node has at hand. */
typedef struct through {
  const nn_rule *rule;
  const nn_prepared *p;
  int S, out;
  size_t count;               /* numbers of x */
  const nn_real *x[NN_PARTS]; /* parts of x that vary; NULL: not needed */
  nn_real *got[NN_PARTS];     /* what each part gets: sum_k mod(w) s */
  nn_real *z[NN_UNITS];       /* (block, out, S) */
} through;

static bool any_negative(const nn_real *x, size_t n) {
  int found = 0;
  for (size_t i = 0; i < n; i++) found |= x[i] < 0;
  return found;
}

static through enter(const nn_node *n, const nn_frame *f, const nn_relevance *r, const nn_trail *t) {
  const nn_prepared *p = &r->prepared[n->id];
  const nn_rule_type *type = r->rule[n->id].type;
  through w = {.rule = &r->rule[n->id], .p = p, .S = f->lanes, .out = p->l.out};
  const nn_real *x = f->value[n->in[0]];
  nn_real *at = t->scratch;
  bool used[NN_PARTS] = {false};
  w.count = nn_rows(r->graph->node[n->in[0]].shape) * (size_t)w.S;
  for (int i = 0; i < type->terms; i++) used[type->term[i].part] = true;
  bool split = used[NN_PART_NEG] && any_negative(x, w.count);
  used[NN_PART_NEG] = split;
  for (int k = 0; k < NN_PARTS; k++)
    if (used[k]) w.got[k] = at, memset(at, 0, w.count * sizeof *at), at += w.count;
  w.x[NN_PART_X] = w.x[NN_PART_POS] = x;
  if (split) {
    nn_real *up = at, *down = at + w.count;
    for (size_t i = 0; i < w.count; i++) up[i] = x[i] > 0 ? x[i] : 0, down[i] = x[i] > 0 ? 0 : x[i];
    w.x[NN_PART_POS] = up, w.x[NN_PART_NEG] = down, at += 2 * w.count;
  }
  for (int u = 0; u < NN_UNITS; u++) w.z[u] = at, at += (size_t)block_positions(r, n) * (size_t)w.out * (size_t)w.S;
  return w;
}

static void sums(const through *w, int from, int to) {
  size_t bytes = (size_t)(to - from) * (size_t)w->out * (size_t)w->S * sizeof(nn_real);
  bool begun[NN_UNITS] = {false};
  for (int i = 0; i < w->rule->type->terms; i++) {
    const nn_term *t = &w->rule->type->term[i];
    if (!varies(t) || !w->got[t->part]) continue;
    nn_segments_apply(w->p->l.segments, from, to, w->out, w->S, w->p->w[i], w->x[t->part], NULL, begun[t->unit],
                      w->z[t->unit]);
    begun[t->unit] = true;
  }
  for (int u = 0; u < w->rule->type->units; u++)
    if (!begun[u]) memset(w->z[u], 0, bytes);
}

static void shares(const through *w, int from, int to, const nn_real *R, double *account) {
  const nn_prepared *p = w->p;
  size_t out = (size_t)w->out, at = (size_t)from * out;
  nn_sums all = {w->S, (size_t)(to - from) * out, R + at * (size_t)w->S, {w->z[0], w->z[1]}};
  for (int u = 0; u < w->rule->type->units && p->bias; u++) all.bias[u] = p->bias + (size_t)u * p->rows + at;
  if (p->fixed) all.fixed = p->fixed + at;
  if (p->pad) all.pad = p->pad + at;
  nn_share(w->rule, &all, account);
}

static void spread(const through *w, int from, int to) {
  for (int i = 0; i < w->rule->type->terms; i++) {
    const nn_term *t = &w->rule->type->term[i];
    if (w->got[t->part])
      nn_segments_apply_back(w->p->l.segments, from, to, w->out, w->S, w->p->w[i], w->z[t->unit], w->got[t->part]);
  }
}

/* Row of R_j = sum over parts of part(x_j) times what it got. */
static void collect_row(const through *w, size_t at, const nn_real *restrict x, nn_real *restrict row) {
  int S = w->S;
  const nn_real *restrict all = w->got[NN_PART_X], *restrict up = w->got[NN_PART_POS];
  const nn_real *restrict down = w->got[NN_PART_NEG];
  x += at;
  if (all)
    for (int i = 0; i < S; i++) row[i] = x[i] * all[at + (size_t)i];
  else if (up && down)
    for (int i = 0; i < S; i++) {
      nn_real a = up[at + (size_t)i], b = down[at + (size_t)i];
      row[i] = x[i] * (x[i] > 0 ? a : b);
    }
  else if (up)
    for (int i = 0; i < S; i++) row[i] = x[i] * up[at + (size_t)i];
  else
    memset(row, 0, (size_t)S * sizeof *row);
  for (int part = NN_PART_ONE; part < NN_PARTS; part++) {
    const nn_real *restrict got = w->got[part];
    nn_real held = (nn_real)nn_rule_constant(w->rule, (nn_part)part);
    for (int i = 0; i < S && got; i++) row[i] += held * got[at + (size_t)i];
  }
}

/* A few rows at a time, so that what they get is booked while it is in the cache. */
static void collect(const through *w, const nn_real *x, nn_real *R, double *in) {
  enum { ROWS = 16 };
  nn_real got[ROWS * NN_MAX_LANES];
  size_t S = (size_t)w->S, most = ROWS * S;
  for (size_t k = 0; k < w->count; k += most) {
    size_t n = w->count - k < most ? w->count - k : most;
    for (size_t i = 0; i < n; i += S) collect_row(w, k + i, x, got + i);
    for (size_t i = 0; i < n; i++) R[k + i] += got[i];
    nn_credit(in, w->S, n / S, got);
  }
}

void nn_linear_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  through w = enter(n, f, r, t);
  int positions = nn_positions(n->shape), block = block_positions(r, n);
  for (int from = 0; from < positions; from += block) {
    int to = from + block < positions ? from + block : positions;
    sums(&w, from, to);
    shares(&w, from, to, t->relevance[n->id], nn_account(t, n->id, 0, w.S));
    spread(&w, from, to);
  }
  collect(&w, f->value[n->in[0]], t->relevance[n->in[0]], nn_account(t, n->id, NN_IN, w.S));
}

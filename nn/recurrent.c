/* recurrent.c: see recurrent.h. */
#include "nn/recurrent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/gemm.h"
#include "nn/segment.h"

enum { RUN = 8 };

int nn_recurrent_shape(nn_node *n, const nn_shape *in, nn_recurrent r, int states, int biases, err *e) {
  if (r.H < 1) return err_set(e, ERR_RUN, "needs width >= 1, not %d", r.H);
  if (nn_positions(*in) != in->extent[0]) return err_set(e, ERR_RUN, "needs a sequence along the first dimension");
  nn_recurrent *t = n->table = malloc(sizeof *t);
  if (!t) return err_set(e, ERR_RUN, "out of memory");
  *t = r;
  t->P = nn_positions(*in), t->cin = in->channels;
  size_t H = (size_t)r.H, gates = (size_t)r.gates;
  n->shape = *in;
  n->shape.channels = r.H;
  n->nweights = ((size_t)t->cin + H) * gates * H;
  n->nparam = n->nweights + (size_t)biases * H;
  n->keep = (size_t)t->P * (size_t)r.slots * H + 3 * (size_t)states * H;
  n->scratch = RUN * gates * H;
  n->macs = (double)t->P * (double)n->nweights;
  n->ahead = r.reversed ? NN_ALWAYS : NN_NEVER;
  n->once = true;
  return 0;
}

void nn_recurrent_free(nn_node *n) {
  free(n->table);
}

void nn_recurrent_init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const nn_recurrent *t = n->table;
  nn_uniform(theta, n->nparam, 1 / sqrt((double)t->H), r, 0);
}

nn_real *nn_recurrent_slots(const nn_node *n, const nn_frame *f, int t) {
  const nn_recurrent *r = n->table;
  return f->keep[n->id] + (size_t)t * (size_t)(r->slots * r->H) * (size_t)f->lanes;
}

nn_real *nn_recurrent_state(const nn_node *n, const nn_frame *f, int kind, int k) {
  const nn_recurrent *r = n->table;
  return nn_recurrent_slots(n, f, r->P) + (size_t)(3 * k + kind) * (size_t)r->H * (size_t)f->lanes;
}

void nn_recurrent_open(const nn_node *n, const nn_frame *f, int states) {
  size_t bytes = (size_t)((const nn_recurrent *)n->table)->H * (size_t)f->lanes * sizeof(nn_real);
  for (int k = 0; k < states; k++)
    if (f->carry)
      memcpy(nn_recurrent_state(n, f, NN_FIRST, k), nn_recurrent_state(n, f, NN_LAST, k), bytes);
    else
      memset(nn_recurrent_state(n, f, NN_FIRST, k), 0, bytes);
}

bool nn_recurrent_mask(const nn_node *n, const nn_frame *f, int t, nn_real *mask) {
  bool some = false;
  for (int i = 0; i < f->lanes && f->length; i++) {
    mask[i] = t < nn_length(f, n->shape.extent[0], i);
    some |= mask[i] == 0;
  }
  return some;
}

int nn_recurrent_before(const nn_node *n, int t) {
  const nn_recurrent *r = n->table;
  return r->reversed ? (t + 1 < r->P ? t + 1 : -1) : t - 1;
}

bool nn_recurrent_ends(const nn_node *n, int t) {
  const nn_recurrent *r = n->table;
  return t == (r->reversed ? 0 : r->P - 1);
}

void nn_recurrent_inputs(const nn_node *n, const nn_frame *f, int from, int to, const nn_real *bias) {
  const nn_recurrent *r = n->table;
  const nn_segment all = {0, 0, r->cin};
  long S = f->lanes, rows = (long)r->gates * r->H;
  nn_multiply(&(nn_product){.R = (int)rows,
                            .N = (int)S,
                            .terms = 1,
                            .panels = to - from,
                            .term = &all,
                            .A = f->theta + n->param,
                            .ra = 1,
                            .ka = rows,
                            .B = f->value[n->in[0]] + from * r->cin * S,
                            .ldb = S,
                            .Bp = r->cin * S,
                            .bias = bias,
                            .C = nn_recurrent_slots(n, f, from),
                            .ldc = S,
                            .Cp = r->slots * r->H * S});
}

/* dW (rows, cols of ldw) += sum over `count` positions of X_p (rows, S) D_p (cols, S)^T, dbias (cols) += sums of D. */
static void outer(int count, int rows, int cols, int S, const nn_real *X, long xp, const nn_real *D, long dp,
                  nn_real *dW, long ldw, nn_real *dbias, nn_real *turned) {
  int wide = cols / NN_VL * NN_VL;
  nn_segment term[RUN];
  for (int i = 0; i < count; i++) {
    term[i] = (nn_segment){i, i, S};
    nn_transpose(cols, S, D + i * dp, S, turned + (size_t)i * S * cols, cols);
    for (int m = wide; m < cols; m++) nn_dot_rows(rows, S, X + i * xp, S, D + i * dp + (size_t)m * S, dW + m, ldw);
  }
  nn_multiply(&(nn_product){.R = rows,
                            .N = wide,
                            .terms = count,
                            .panels = 1,
                            .term = term,
                            .A = X,
                            .ra = S,
                            .ka = 1,
                            .ta = xp,
                            .B = turned,
                            .ldb = cols,
                            .tb = (long)S * cols,
                            .C = dW,
                            .ldc = ldw,
                            .add = true});
  for (int i = 0; i < count * S && dbias; i++)
    for (int m = 0; m < cols; m++) dbias[m] += turned[(size_t)i * cols + m];
}

static void back_x(const nn_node *n, const nn_frame *f, int from, int to) {
  const nn_recurrent *r = n->table;
  const nn_segment all = {0, 0, r->gates * r->H};
  long S = f->lanes;
  nn_multiply(&(nn_product){.R = r->cin,
                            .N = (int)S,
                            .terms = 1,
                            .panels = to - from,
                            .term = &all,
                            .A = f->theta + n->param,
                            .ra = (long)r->gates * r->H,
                            .ka = 1,
                            .B = nn_recurrent_slots(n, f, from),
                            .ldb = S,
                            .Bp = r->slots * r->H * S,
                            .C = f->grad[n->in[0]] + from * r->cin * S,
                            .ldc = S,
                            .Cp = r->cin * S,
                            .add = !nn_opens(n, f, 0)});
}

void nn_recurrent_back_inputs(const nn_node *n, const nn_frame *f, int from, int to, nn_real *dbias) {
  const nn_recurrent *r = n->table;
  int S = f->lanes, cols = r->gates * r->H;
  if (f->grad[n->in[0]]) back_x(n, f, from, to);
  for (int t = from; t < to; t += RUN)
    outer(to - t < RUN ? to - t : RUN, r->cin, cols, S, f->value[n->in[0]] + (size_t)t * r->cin * S, (long)r->cin * S,
          nn_recurrent_slots(n, f, t), (long)r->slots * r->H * S, f->dtheta + n->param, cols, dbias, f->scratch);
}

void nn_recurrent_back_states(const nn_node *n, const nn_frame *f, int from, int to, int first, int count, int slot,
                              nn_real *dbias) {
  const nn_recurrent *r = n->table;
  int S = f->lanes, H = r->H, ld = r->gates * H;
  nn_real *dw = f->dtheta + n->param + (size_t)r->cin * ld + (size_t)first * H;
  for (int t = from, run; t < to; t += run) {
    int before = nn_recurrent_before(n, t), end = t + 1;
    while (end < to && end - t < RUN && before >= 0 && nn_recurrent_before(n, end) >= 0) end++;
    run = end - t;
    const nn_real *h = before < 0 ? nn_recurrent_state(n, f, NN_FIRST, 0) : f->value[n->id] + (size_t)before * H * S;
    outer(run, H, count * H, S, h, (long)H * S, nn_recurrent_slots(n, f, t) + (size_t)slot * H * S,
          (long)r->slots * H * S, dw, ld, dbias, f->scratch);
  }
}

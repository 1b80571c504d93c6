/* op_s4.c: structured state space layer with a fixed basis (S4; Gu, Goel, Re 2022): HiPPO-LegS as normal plus rank one,
 *   x' = (Lambda - p p^H) x + b u,   y = 2 Re C x + D u,   bilinear rule with step dt.
 * As in the code behind the papers on ECG only C and D are trained; Lambda, p, b and dt stay, so the powers of the
 * recurrence are a basis computed once and the kernel is linear in C. Parameters: C (dirs, H, n, 2), D (H). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/ssm.h"

enum { MOST = 256 };

/* Per channel, in double: Z and its transpose, Z^T, Z^tail (M, M); in[p] = Z^(T-1-p) B (T, M); B (M). */
typedef struct table {
  nn_ssm s; /* first member */
  double *all;
} table;
typedef struct basis {
  double *Z, *Zt, *hop, *tail, *in, *B;
} basis;
static size_t per_channel(const nn_ssm *s) {
  size_t M = (size_t)s->M;
  return 4 * M * M + (size_t)s->T * M + M;
}
static basis basis_of(const table *t, int h) {
  size_t M = (size_t)t->s.M, square = M * M;
  double *a = t->all + (size_t)h * per_channel(&t->s);
  return (basis){a, a + square, a + 2 * square, a + 3 * square, a + 4 * square, a + 4 * square + (size_t)t->s.T * M};
}

/* C = A B, (M, M) */
static void multiply(int M, const double *A, const double *B, double *C) {
  memset(C, 0, sizeof *C * M * M);
  for (int i = 0; i < M; i++)
    for (int k = 0; k < M; k++)
      for (int j = 0; j < M; j++) C[i * M + j] += A[i * M + k] * B[k * M + j];
}
/* to = Z^p by squares; work holds two matrices. */
static void raise(int M, const double *Z, int p, double *to, double *work) {
  size_t bytes = sizeof *Z * M * M;
  double *square = work, *next = work + M * M;
  memcpy(square, Z, bytes);
  memset(to, 0, bytes);
  for (int i = 0; i < M; i++) to[i * M + i] = 1;
  for (; p; p /= 2) {
    if (p % 2) multiply(M, to, square, next), memcpy(to, next, bytes);
    multiply(M, square, square, next), memcpy(square, next, bytes);
  }
}
/* y = row A */
static void row_times(int M, const double *row, const double *A, double *y) {
  memset(y, 0, sizeof *y * M);
  for (int j = 0; j < M; j++)
    for (int k = 0; k < M; k++) y[k] += row[j] * A[j * M + k];
}

static int tabulate(table *t, const nn_ssm_conf *c, err *e) {
  const nn_ssm *s = &t->s;
  int M = s->M, half = M / 2;
  double w[MOST / 2];
  double complex b[MOST / 2], p[MOST / 2];
  double *work = malloc(sizeof *work * 2 * M * M);
  int fail = work ? nn_hippo_legs(half, w, b, p, e) : err_set(e, ERR_RUN, "out of memory");
  for (int h = 0; h < s->H && !fail; h++) {
    basis k = basis_of(t, h);
    double dt = c->rate * nn_hippo_dt(c->dt_min, c->dt_max, h, s->H);
    if ((fail = nn_hippo_bilinear(half, w, b, p, dt, k.Z, k.B, e))) break;
    for (int i = 0; i < M; i++)
      for (int j = 0; j < M; j++) k.Zt[j * M + i] = k.Z[i * M + j];
    raise(M, k.Z, s->T, k.hop, work), raise(M, k.Z, s->tail, k.tail, work);
    memcpy(k.in + (size_t)(s->T - 1) * M, k.B, sizeof *k.B * M);
    for (int r = s->T - 2; r >= 0; r--) row_times(M, k.in + (size_t)(r + 1) * M, k.Zt, k.in + (size_t)r * M);
  }
  free(work);
  return fail;
}

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_ssm_conf *c = n->conf;
  table *t = n->table = calloc(1, sizeof *t);
  int modes = c->states / 2;
  if (!t) return err_set(e, ERR_RUN, "out of memory");
  if (!(c->dt_min > 0 && c->dt_max >= c->dt_min && c->rate > 0) || c->states % 2)
    return err_set(e, ERR_RUN, "needs an even number of states, 0 < dt_min <= dt_max and rate > 0");
  if (nn_ssm_shape(&t->s, n, in, modes, c->both, false, true, e)) return e->code;
  t->all = malloc(sizeof *t->all * per_channel(&t->s) * t->s.H);
  if (!t->all) return err_set(e, ERR_RUN, "out of memory");
  n->nweights = (size_t)t->s.H * t->s.dirs * t->s.M;
  n->nparam = n->nweights + (size_t)t->s.H;
  return tabulate(t, c, e);
}

static void release(nn_node *n) {
  table *t = n->table;
  if (t) free(t->all);
  free(t);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const nn_ssm *s = n->table;
  size_t count = (size_t)s->dirs * s->H * s->M;
  for (size_t i = 0; i < count; i++) theta[i] = (nn_real)(M_SQRT1_2 * rng_normal(r, i, 0, 0));
  for (int h = 0; h < s->H; h++) theta[count + h] = (nn_real)rng_normal(r, (uint64_t)h, 0, 1);
}

/* c (M) of direction dir: y = c x with the real form of the state. */
static void row_of(const nn_node *n, const nn_frame *f, int h, int dir, double *c) {
  const nn_ssm *s = n->table;
  const nn_real *C = f->theta + n->param + ((size_t)dir * s->H + h) * s->M;
  for (int m = 0; m < s->M / 2; m++) c[m] = 2 * (double)C[2 * m], c[s->M / 2 + m] = -2 * (double)C[2 * m + 1];
}
static size_t skip_at(const nn_node *n, int h) {
  const nn_ssm *s = n->table;
  return n->param + (size_t)s->dirs * s->H * s->M + h;
}

static double dot(int M, const double *a, const double *b) {
  double sum = 0;
  for (int m = 0; m < M; m++) sum += a[m] * b[m];
  return sum;
}

static void fill(const nn_node *n, const nn_frame *f, int h, nn_ssm_channel *c) {
  const table *t = n->table;
  const nn_ssm *s = &t->s;
  int M = s->M, T = s->T, N = s->dirs * M;
  size_t row = sizeof(double) * M;
  basis k = basis_of(t, h);
  double a[MOST], b[MOST];
  memcpy(c->hop, k.hop, row * M), memcpy(c->hop_tail, k.tail, row * M);
  for (int dir = 0; dir < s->dirs; dir++) {
    row_of(n, f, h, dir, a);
    for (int p = 0; p < T; p++) c->kernel[dir * T + p] = dot(M, a, k.in + (T - 1 - p) * M); /* c Z^p B */
    for (int p = 0; p < T; p++) {                                                           /* a = c Z^p */
      memcpy(c->in + (dir ? p : T - 1 - p) * N + dir * M, k.in + (T - 1 - p) * M, row);
      if (dir) memcpy(c->out + (T - 1 - p) * N + M, a, row);
      row_times(M, a, k.Z, b);
      if (!dir) memcpy(c->out + p * N, b, row);
      memcpy(a, b, row);
    }
  }
  c->kernel[0] += f->theta[skip_at(n, h)];
}

static void forward(const nn_node *n, const nn_frame *f) {
  nn_ssm_forward(n->table, n, f, fill);
}

/* Gradient of c = sum_p (gradient of c Z^p) Z^p transposed, by Horner's rule. */
static void collect(const nn_node *n, const nn_frame *f, int h, nn_ssm_channel *c) {
  const table *t = n->table;
  const nn_ssm *s = &t->s;
  int M = s->M, T = s->T, N = s->dirs * M;
  basis k = basis_of(t, h);
  for (int dir = 0; dir < s->dirs; dir++) {
    nn_real *dC = f->dtheta + n->param + ((size_t)dir * s->H + h) * M;
    double v[MOST] = {0}, next[MOST];
    for (int p = T - 1; p >= 0; p--) {
      const double *d = dir ? c->dout + (T - 1 - p) * N + M : c->dout + p * N;
      if (dir) row_times(M, v, k.Zt, next), memcpy(v, next, sizeof *v * M);
      for (int m = 0; m < M; m++) v[m] += d[m];
      if (!dir) row_times(M, v, k.Zt, next), memcpy(v, next, sizeof *v * M);
    }
    for (int p = 0; p < T; p++)
      for (int m = 0; m < M; m++) v[m] += c->dkernel[dir * T + p] * k.in[(T - 1 - p) * M + m];
    for (int m = 0; m < M / 2; m++) {
      dC[2 * m] += (nn_real)(2 * v[m]);
      dC[2 * m + 1] -= (nn_real)(2 * v[M / 2 + m]);
    }
  }
  f->dtheta[skip_at(n, h)] += (nn_real)c->dkernel[0];
}

static void backward(const nn_node *n, const nn_frame *f) {
  nn_ssm_backward(n->table, n, f, fill, collect);
}

/* x <- Z x + B u of one channel, (M, S). */
static void advance(const basis *k, int M, int S, const nn_real *u, double *x) {
  double next[MOST * NN_MAX_LANES];
  for (int m = 0; m < M; m++) {
    for (int i = 0; i < S; i++) next[m * S + i] = k->B[m] * u[i];
    for (int q = 0; q < M; q++)
      for (int i = 0; i < S; i++) next[m * S + i] += k->Z[m * M + q] * x[q * S + i];
  }
  memcpy(x, next, sizeof *x * M * S);
}

static void step(const nn_node *n, const nn_frame *f, int t) {
  const table *all = n->table;
  const nn_ssm *s = &all->s;
  int S = f->lanes, M = s->M;
  if (!t) nn_ssm_open(s, n, f);
  nn_ssm_store(s, n, f, t);
  for (int h = 0; h < s->H; h++) {
    const nn_real *u = f->value[n->in[0]] + ((size_t)t * s->H + h) * S;
    nn_real *y = f->value[n->id] + ((size_t)t * s->H + h) * S;
    double sum[NN_MAX_LANES], c[MOST], *x = nn_ssm_state(s, n, f, h);
    basis k = basis_of(all, h);
    row_of(n, f, h, 0, c);
    advance(&k, M, S, u, x);
    for (int i = 0; i < S; i++) sum[i] = (double)f->theta[skip_at(n, h)] * u[i];
    for (int m = 0; m < M; m++)
      for (int i = 0; i < S; i++) sum[i] += c[m] * x[m * S + i];
    for (int i = 0; i < S; i++) y[i] = (nn_real)sum[i];
  }
}

static nn_linear linear(const nn_node *n) {
  return nn_linear_of_layer(NULL, n, n->shape.channels, 0, false);
}

static void text(const nn_node *n, FILE *f) {
  const nn_ssm_conf *c = n->conf;
  fprintf(f, "states %d both %d rate %.17g dt %.17g %.17g", c->states, c->both, c->rate, c->dt_min, c->dt_max);
}

const nn_op nn_op_s4 = {.name = "s4",
                        .help = "state space layer on a fixed HiPPO basis",
                        .conf_size = sizeof(nn_ssm_conf),
                        .takes = NN_SHARE_PLAIN,
                        .relevance = nn_adjoint_relevance,
                        .linear = linear,
                        .carries = true,
                        .min_in = 1,
                        .max_in = 1,
                        .needs_x = true,
                        .rounds = true,
                        .shape = shape,
                        .free = release,
                        .init = init,
                        .forward = forward,
                        .step = step,
                        .backward = backward,
                        .text = text};

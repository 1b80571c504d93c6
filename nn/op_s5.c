/* op_s5.c: one diagonal state space for all channels (S5; Smith, Warrington, Linderman 2023):
 *   x_t = z x_{t-1} + phi B u_t,   y_t = 2 Re C x_t + D u_t,   z = e^(dt a), phi = (z - 1)/a, dt for each mode.
 * With `both` a second state runs backwards with the same z and B and its own C. The state of n modes is M = 2n real
 * numbers, real parts first; matrices are kept in real form. Parameters: C (dirs, M, H): 2 Re C, -2 Im C; B (H, M): Re,
 * Im; D (H); and learning slowly ln dt (n), r (n) with Re a = -e^r, Im a (n). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/gemm.h"
#include "nn/ops.h"
#include "nn/relevance.h"

enum { MODES = 128, RUN = 16 }; /* positions whose weight gradients are summed in one product */

typedef struct table {
  int H, L, M, dirs;
  double complex a[MODES];
} table;

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_ssm_conf *c = n->conf;
  table *t = n->table = calloc(1, sizeof *t);
  double complex b[MODES];
  if (!t) return err_set(e, ERR_RUN, "out of memory");
  if (!(c->dt_min > 0 && c->dt_max >= c->dt_min && c->rate > 0) || c->states % 2 || c->states < 2 ||
      c->states > 2 * MODES)
    return err_set(e, ERR_RUN, "needs 2 to 256 states, an even number, 0 < dt_min <= dt_max and rate > 0");
  if (nn_hippo_diagonal(c->start, c->states / 2, t->a, b, e)) return e->code;
  t->H = in->channels, t->L = nn_positions(*in), t->M = c->states, t->dirs = c->both ? 2 : 1;
  size_t H = (size_t)t->H, M = (size_t)t->M, L = (size_t)t->L;
  n->shape = *in;
  n->nweights = (t->dirs + 1) * H * M;
  n->nslow = M / 2 * 3;
  n->nparam = n->nweights + H + n->nslow;
  n->keep = (t->dirs * L + 1) * M;            /* x of all positions, and before the first */
  n->fixed_keep = H * M + 2 * M;              /* phi B, and z in two parts */
  n->scratch = L * M + RUN * (M > H ? M : H); /* adjoint states; rows turned over */
  n->fixed_scratch = H * M;                   /* gradient of phi B */
  n->macs = (double)L * M * (H * (1. + t->dirs) + 2 * t->dirs);
  n->ahead = c->both ? NN_ALWAYS : NN_NEVER;
  n->once = true;
  return 0;
}

static void release(nn_node *n) {
  free(n->table);
}

/* The parameters, or their gradients. */
typedef struct view {
  nn_real *C, *B, *D, *log_dt, *r, *im;
} view;
static view view_of(const nn_node *n, nn_real *first) {
  const table *t = n->table;
  size_t H = (size_t)t->H, M = (size_t)t->M;
  view v = {.C = first, .B = first + t->dirs * M * H};
  v.D = v.B + H * M, v.log_dt = v.D + H, v.r = v.log_dt + M / 2, v.im = v.r + M / 2;
  return v;
}
static view weights(const nn_node *n, const nn_frame *f) {
  return view_of(n, (nn_real *)f->theta + n->param);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const table *t = n->table;
  const nn_ssm_conf *c = n->conf;
  view v = view_of(n, theta);
  size_t inner = (size_t)t->dirs * t->M * t->H, outer = (size_t)t->H * t->M;
  for (size_t i = 0; i < inner; i++) v.C[i] = (nn_real)(2 / sqrt((double)t->M) * rng_normal(r, i, 0, 0));
  for (size_t i = 0; i < outer; i++) v.B[i] = (nn_real)(sqrt(0.5 / t->H) * rng_normal(r, i, 0, 1));
  for (int h = 0; h < t->H; h++) v.D[h] = (nn_real)rng_normal(r, (uint64_t)h, 0, 2);
  for (int m = 0; m < t->M / 2; m++) {
    v.log_dt[m] = (nn_real)log(nn_hippo_dt(c->dt_min, c->dt_max, m, t->M / 2));
    v.r[m] = (nn_real)log(-creal(t->a[m])), v.im[m] = (nn_real)cimag(t->a[m]);
  }
}

static nn_zoh mode_of(const nn_node *n, const view *v, int m) {
  const nn_ssm_conf *c = n->conf;
  return nn_zoh_of(-exp((double)v->r[m]) + I * (double)v->im[m], c->rate * exp((double)v->log_dt[m]));
}

/* What a pass over one shard keeps. */
typedef struct pass {
  int S;
  nn_real *x[2], *first; /* (L, M, S) of each direction; (M, S) before position 0 */
  nn_real *B, *hop;      /* phi B (H, M); z: (2, M) with twice the digits, as a sum of two */
} pass;
static pass pass_of(const nn_node *n, const nn_frame *f) {
  const table *t = n->table;
  size_t all = (size_t)t->L * t->M * f->lanes;
  pass p = {.S = f->lanes, .x = {f->keep[n->id], f->keep[n->id] + all}, .B = nn_fixed_keep(n, f)};
  p.first = f->keep[n->id] + t->dirs * all;
  p.hop = p.B + (size_t)t->H * t->M;
  return p;
}

/* Before the first position. */
static void open_pass(const nn_node *n, const nn_frame *f) {
  const table *t = n->table;
  int half = t->M / 2, M = t->M;
  pass p = pass_of(n, f);
  view v = weights(n, f);
  size_t state = (size_t)M * p.S;
  if (f->carry && t->dirs == 1)
    memcpy(p.first, p.x[0] + (size_t)(t->L - 1) * state, state * sizeof *p.first);
  else
    memset(p.first, 0, state * sizeof *p.first);
  for (int m = 0; m < half; m++) {
    nn_zoh q = mode_of(n, &v, m);
    p.hop[m] = (nn_real)creal(q.z), p.hop[half + m] = (nn_real)cimag(q.z);
    p.hop[M + m] = (nn_real)(creal(q.z) - p.hop[m]), p.hop[M + half + m] = (nn_real)(cimag(q.z) - p.hop[half + m]);
    for (int h = 0; h < t->H; h++) {
      double complex b = q.phi * (v.B[h * M + m] + I * (double)v.B[h * M + half + m]);
      p.B[h * M + m] = (nn_real)creal(b), p.B[h * M + half + m] = (nn_real)cimag(b);
    }
  }
}

/* x += z before, all modes of one position; side -1: conj(z). */
static void hop(const table *t, const nn_real *z, nn_real side, int S, const nn_real *before, nn_real *x) {
  int half = t->M / 2;
  for (int m = 0; m < half; m++) {
    const nn_real *r = before + m * S, *i = before + (half + m) * S;
    nn_real *a = x + m * S, *b = x + (half + m) * S;
    nn_real hr = z[m], hi = side * z[half + m], lr = z[t->M + m], li = side * z[t->M + half + m];
    for (int k = 0; k < S; k++) {
      a[k] += (lr * r[k] - li * i[k]) + hr * r[k] - hi * i[k];
      b[k] += (lr * i[k] + li * r[k]) + hr * i[k] + hi * r[k];
    }
  }
}

/* out (positions, R, S) of positions from .. to-1 = (add: +=) A in (positions, K, S). */
static void each(int from, int to, int S, int R, int K, const nn_real *A, long ra, long ka, const nn_real *in,
                 nn_real *out, bool add) {
  nn_segment all = {0, 0, K};
  long row = S;
  nn_multiply(&(nn_product){.R = R,
                            .N = S,
                            .terms = 1,
                            .panels = to - from,
                            .term = &all,
                            .A = A,
                            .ra = ra,
                            .ka = ka,
                            .B = in + (long)from * K * row,
                            .ldb = row,
                            .Bp = K * row,
                            .C = out + (long)from * R * row,
                            .ldc = row,
                            .Cp = R * row,
                            .add = add});
}

static void clear_padding(const nn_node *n, const nn_frame *f, int width, nn_real *x) {
  const table *t = n->table;
  for (int p = 0; p < t->L && f->length; p++)
    for (int i = 0; i < f->lanes; i++)
      for (int m = 0; m < width && p >= nn_length(f, t->L, i); m++) x[((size_t)p * width + m) * f->lanes + i] = 0;
}

static void range(const nn_node *n, const nn_frame *f, int from, int to) {
  const table *t = n->table;
  pass p = pass_of(n, f);
  view v = weights(n, f);
  int H = t->H, M = t->M, S = p.S;
  size_t state = (size_t)M * S, count = (size_t)(to - from) * H;
  const nn_real *u = f->value[n->in[0]];
  nn_real *y = f->value[n->id];
  each(from, to, S, M, H, p.B, 1, M, u, p.x[0], false);
  if (t->dirs == 2) {
    clear_padding(n, f, M, p.x[0]);
    memcpy(p.x[1], p.x[0], sizeof *u * state * t->L);
    for (int k = t->L - 2; k >= 0; k--) hop(t, p.hop, 1, S, p.x[1] + (k + 1) * state, p.x[1] + k * state);
  }
  for (int k = from; k < to; k++) hop(t, p.hop, 1, S, k ? p.x[0] + (k - 1) * state : p.first, p.x[0] + k * state);
  for (size_t r = 0; r < count; r++) {
    size_t at = ((size_t)from * H + r) * S;
    for (int i = 0; i < S; i++) y[at + i] = v.D[r % H] * u[at + i];
  }
  for (int d = 0; d < t->dirs; d++) each(from, to, S, H, M, v.C + (size_t)d * M * H, 1, H, p.x[d], y, true);
}

static void forward(const nn_node *n, const nn_frame *f) {
  open_pass(n, f);
  range(n, f, 0, ((const table *)n->table)->L);
}
static void step(const nn_node *n, const nn_frame *f, int k) {
  if (!k) open_pass(n, f);
  range(n, f, k, k + 1);
}

/* dW (R, N) += sum over positions and lanes of a (positions, R, S) b (positions, N, S). */
static void outer(int L, int S, int R, int N, const nn_real *a, const nn_real *b, nn_real *dW, nn_real *turned) {
  nn_segment run[RUN];
  for (int i = 0; i < RUN; i++) run[i] = (nn_segment){i, i, S};
  for (int k = 0; k < L; k += RUN) {
    int terms = L - k < RUN ? L - k : RUN;
    for (int i = 0; i < terms; i++) nn_transpose(N, S, b + (size_t)(k + i) * N * S, S, turned + (size_t)i * N * S, N);
    nn_multiply(&(nn_product){.R = R,
                              .N = N,
                              .terms = terms,
                              .panels = 1,
                              .term = run,
                              .A = a + (size_t)k * R * S,
                              .ra = S,
                              .ka = 1,
                              .ta = (long)R * S,
                              .B = turned,
                              .ldb = N,
                              .tb = (long)N * S,
                              .C = dW,
                              .ldc = N,
                              .add = true});
  }
}

/* sum over positions and lanes of e conj(x of the position before), mode by mode. */
static void back_hop(const table *t, int S, const nn_real *e, const nn_real *x, double complex *dz) {
  int half = t->M / 2;
  for (int m = 0; m < half; m++) {
    const nn_real *er = e + m * S, *ei = e + (half + m) * S, *xr = x + m * S, *xi = x + (half + m) * S;
    nn_real re = 0, im = 0;
    for (int i = 0; i < S; i++) re += er[i] * xr[i] + ei[i] * xi[i], im += ei[i] * xr[i] - er[i] * xi[i];
    dz[m] += re + I * im;
  }
}

/* One direction: e becomes the gradient of what enters the state. */
static void back_scan(const nn_node *n, const nn_frame *f, int d, nn_real *e, double complex *dz) {
  const table *t = n->table;
  pass p = pass_of(n, f);
  size_t state = (size_t)t->M * p.S;
  for (int step = 0; step < t->L; step++) {
    int k = d ? step : t->L - 1 - step, later = d ? k - 1 : k + 1, before = d ? k + 1 : k - 1;
    if (step) hop(t, p.hop, -1, p.S, e + later * (long)state, e + k * state);
    const nn_real *x = before >= t->L ? NULL : before >= 0 ? p.x[d] + before * state : p.first;
    if (x) back_hop(t, p.S, e + k * state, x, dz);
  }
}

/* From the gradients of phi B and z to those of the parameters. */
static void back_modes(const nn_node *n, const nn_frame *f, const nn_real *dpB, const double complex *dz) {
  const table *t = n->table;
  int half = t->M / 2, M = t->M;
  view v = weights(n, f), g = view_of(n, f->dtheta + n->param);
  for (int m = 0; m < half; m++) {
    nn_zoh q = mode_of(n, &v, m);
    double complex dphi = 0, da;
    double dlog_dt;
    for (int h = 0; h < t->H; h++) {
      double complex d = dpB[h * M + m] + I * (double)dpB[h * M + half + m], dB = conj(q.phi) * d;
      dphi += conj(v.B[h * M + m] + I * (double)v.B[h * M + half + m]) * d;
      g.B[h * M + m] += (nn_real)creal(dB), g.B[h * M + half + m] += (nn_real)cimag(dB);
    }
    nn_zoh_back(&q, conj(q.z) * dz[m], dphi, &da, &dlog_dt);
    g.log_dt[m] += (nn_real)dlog_dt;
    g.r[m] += (nn_real)(creal(q.a) * creal(da));
    g.im[m] += (nn_real)cimag(da);
  }
}

/* dx and dD by way of the skip. */
static void back_skip(const nn_node *n, const nn_frame *f) {
  const table *t = n->table;
  int H = t->H, S = f->lanes;
  view v = weights(n, f), g = view_of(n, f->dtheta + n->param);
  bool set = nn_opens(n, f, 0);
  for (size_t r = 0; r < (size_t)t->L * H; r++) {
    const nn_real *u = f->value[n->in[0]] + r * S, *dy = f->grad[n->id] + r * S;
    nn_real *dx = f->grad[n->in[0]] ? f->grad[n->in[0]] + r * S : NULL, sum = 0;
    for (int i = 0; i < S; i++) sum += u[i] * dy[i];
    for (int i = 0; i < S && dx; i++) dx[i] = (set ? 0 : dx[i]) + v.D[r % H] * dy[i];
    g.D[r % H] += sum;
  }
}

static void backward(const nn_node *n, const nn_frame *f) {
  const table *t = n->table;
  pass p = pass_of(n, f);
  view v = weights(n, f), g = view_of(n, f->dtheta + n->param);
  int H = t->H, M = t->M, S = p.S, L = t->L;
  const nn_real *u = f->value[n->in[0]], *dy = f->grad[n->id];
  nn_real *e = f->scratch, *turned = e + (size_t)L * M * S, *dpB = nn_fixed_scratch(n, f);
  double complex dz[MODES] = {0};
  memset(dpB, 0, sizeof *dpB * H * M);
  back_skip(n, f);
  for (int d = 0; d < t->dirs; d++) {
    outer(L, S, M, H, p.x[d], dy, g.C + (size_t)d * M * H, turned);
    each(0, L, S, M, H, v.C + (size_t)d * M * H, H, 1, dy, e, false);
    back_scan(n, f, d, e, dz);
    if (t->dirs == 2) clear_padding(n, f, M, e);
    outer(L, S, H, M, u, e, dpB, turned);
    if (f->grad[n->in[0]]) each(0, L, S, H, M, p.B, M, 1, e, f->grad[n->in[0]], true);
  }
  back_modes(n, f, dpB, dz);
}

static nn_linear linear(const nn_node *n) {
  return nn_linear_of_layer(NULL, n, n->shape.channels, 0, false);
}

static void text(const nn_node *n, FILE *f) {
  const nn_ssm_conf *c = n->conf;
  fprintf(f, "start %s states %d both %d rate %.17g", (const char *const[]){"lin", "inv", "legs"}[c->start], c->states,
          c->both, c->rate);
}

const nn_op nn_op_s5 = {.name = "s5",
                        .help = "one diagonal state space for all channels",
                        .conf_size = sizeof(nn_ssm_conf),
                        .takes = NN_SHARE_PLAIN,
                        .relevance = nn_adjoint_relevance,
                        .linear = linear,
                        .carries = true,
                        .min_in = 1,
                        .max_in = 1,
                        .needs_x = true,
                        .shape = shape,
                        .free = release,
                        .init = init,
                        .forward = forward,
                        .step = step,
                        .backward = backward,
                        .text = text};

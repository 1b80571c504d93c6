/* op_s4d.c: diagonal structured state space layer (S4D; Gu, Gupta, Goel, Re 2022): channel by channel
 *   x' = a x + b u,  y = 2 Re sum_n C_n x_n + D u,   discretised by zero-order hold with step dt:
 *   K_k = 2 Re sum_n C'_n z_n^k,   z = e^l,  l = dt a,  C' = C b (e^l - 1)/a.
 * Re a = -e^r is always negative. b is fixed: only its product with C matters. Parameters: ln dt (H), r (H, n), Im a
 * (H, n), C (dirs, H, n, 2), D (H). Kernels and their gradients in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/ssm.h"

enum { MODES = 128, STEP = 4 }; /* numbers per mode that step keeps: z and C' */
typedef double complex cplx;

typedef struct table {
  nn_ssm s; /* first member */
  cplx a[MODES], b[MODES];
} table;

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_ssm_conf *c = n->conf;
  table *t = n->table = malloc(sizeof *t);
  int modes = c->states / 2;
  if (!t) return err_set(e, ERR_RUN, "out of memory");
  if (!(c->dt_min > 0 && c->dt_max >= c->dt_min && c->rate > 0) || c->states % 2)
    return err_set(e, ERR_RUN, "needs an even number of states, 0 < dt_min <= dt_max and rate > 0");
  if (nn_ssm_shape(&t->s, n, in, modes, c->both, true, false, e) || nn_hippo_diagonal(c->start, modes, t->a, t->b, e))
    return e->code;
  size_t H = (size_t)in->channels;
  n->nweights = H * 2 * modes * t->s.dirs;
  n->nslow = H * (1 + 2 * modes);
  n->nparam = n->nweights + H + n->nslow;
  if (!c->both) n->fixed_keep = H * modes * STEP * sizeof(double) / sizeof(nn_real);
  return 0;
}

static void release(nn_node *n) {
  free(n->table);
}

/* Views of the parameters of channel h, or of their gradients. */
typedef struct view {
  nn_real *log_dt, *r, *im, *C[2], *D;
} view;
static view view_of(const nn_node *n, nn_real *first, int h) {
  const nn_ssm *s = n->table;
  size_t H = (size_t)s->H, m = (size_t)s->M / 2, k = (size_t)h;
  view v = {.C = {first + k * 2 * m, first + (H + k) * 2 * m}};
  first += (size_t)s->dirs * H * 2 * m;
  v.D = first + k, v.log_dt = first + H + k;
  v.r = first + 2 * H + k * m, v.im = first + 2 * H + H * m + k * m;
  return v;
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const table *t = n->table;
  const nn_ssm_conf *c = n->conf;
  for (int h = 0; h < t->s.H; h++) {
    view v = view_of(n, theta, h);
    *v.log_dt = (nn_real)log(nn_hippo_dt(c->dt_min, c->dt_max, h, t->s.H));
    *v.D = (nn_real)rng_normal(r, (uint64_t)h, 0, 1);
    for (int m = 0; m < t->s.M / 2; m++) v.r[m] = (nn_real)log(-creal(t->a[m])), v.im[m] = (nn_real)cimag(t->a[m]);
    for (int k = 0; k < t->s.M * t->s.dirs; k++)
      v.C[k / t->s.M][k % t->s.M] = (nn_real)(M_SQRT1_2 * rng_normal(r, (uint64_t)h * 2 * t->s.M + k, 0, 0));
  }
}

/* What follows from the parameters of one mode. */
typedef struct mode {
  nn_zoh q;
  cplx C[2], Cp[2]; /* Cp = C b phi */
} mode;
static double step_of(const nn_node *n, const view *v) {
  const nn_ssm_conf *c = n->conf;
  return c->rate * exp((double)*v->log_dt);
}
static mode mode_of(const nn_node *n, const view *v, double dt, int m) {
  const table *t = n->table;
  mode q = {.q = nn_zoh_of(-exp((double)v->r[m]) + I * (double)v->im[m], dt)};
  for (int d = 0; d < t->s.dirs; d++) {
    q.C[d] = v->C[d][2 * m] + I * (double)v->C[d][2 * m + 1];
    q.Cp[d] = q.C[d] * t->b[m] * q.q.phi;
  }
  return q;
}

/* One channel: real and imaginary parts in rows over modes, so that the loops over modes vectorise. */
typedef struct channel {
  double zr[MODES], zi[MODES], cr[2][MODES], ci[2][MODES]; /* z; 2 C' */
} channel;
static void channel_of(const nn_node *n, const nn_frame *f, int h, channel *k) {
  const nn_ssm *s = n->table;
  view v = view_of(n, (nn_real *)f->theta + n->param, h);
  double dt = step_of(n, &v);
  for (int m = 0; m < s->M / 2; m++) {
    mode q = mode_of(n, &v, dt, m);
    k->zr[m] = creal(q.q.z), k->zi[m] = cimag(q.q.z);
    for (int d = 0; d < s->dirs; d++) k->cr[d][m] = 2 * creal(q.Cp[d]), k->ci[d][m] = 2 * cimag(q.Cp[d]);
  }
}

/* pr + i pi *= z */
static void power(int n, const channel *k, double *pr, double *pi) {
  for (int m = 0; m < n; m++) {
    double re = pr[m] * k->zr[m] - pi[m] * k->zi[m];
    pi[m] = pr[m] * k->zi[m] + pi[m] * k->zr[m];
    pr[m] = re;
  }
}

/* Row of `out` for the power p: (2 Re C'p, -2 Im C'p); returns its sum over the first half, the kernel at that lag. */
static double weigh(int n, const double *cr, const double *ci, const double *pr, const double *pi, double *row) {
  double sum = 0;
  for (int m = 0; m < n; m++) {
    row[m] = cr[m] * pr[m] - ci[m] * pi[m];
    row[n + m] = -(cr[m] * pi[m] + ci[m] * pr[m]);
  }
  for (int m = 0; m < n; m++) sum += row[m];
  return sum;
}

static void fill(const nn_node *n, const nn_frame *f, int h, nn_ssm_channel *c) {
  const nn_ssm *s = n->table;
  int M = s->M, half = M / 2, N = s->dirs * M, T = s->T;
  size_t part = sizeof(double) * half;
  channel k;
  double pr[MODES], pi[MODES], row[2 * MODES];
  channel_of(n, f, h, &k);
  for (int m = 0; m < half; m++) pr[m] = 1, pi[m] = 0;
  for (int p = 0; p <= T; p++, power(half, &k, pr, pi)) { /* the power p of z: where it belongs */
    double *in = c->in + (T - 1 - p) * N, *back = c->in + p * N + M;
    if (p < T) memcpy(in, pr, part), memcpy(in + half, pi, part);
    double lag = weigh(half, k.cr[0], k.ci[0], pr, pi, p ? c->out + (p - 1) * N : row);
    if (p < T) c->kernel[p] = lag;
    if (p == s->tail) memcpy(c->hop_tail, pr, part), memcpy(c->hop_tail + half, pi, part);
    if (p == T) memcpy(c->hop, pr, part), memcpy(c->hop + half, pi, part);
    if (s->dirs == 1 || p == T) continue;
    memcpy(back, pr, part), memcpy(back + half, pi, part);
    c->kernel[T + p] = weigh(half, k.cr[1], k.ci[1], pr, pi, c->out + (T - 1 - p) * N + M);
  }
  c->kernel[0] += *view_of(n, (nn_real *)f->theta + n->param, h).D;
}

static void forward(const nn_node *n, const nn_frame *f) {
  nn_ssm_forward(n->table, n, f, fill);
}

/* Gradients of z^p (without C') and of 2C' of one channel, rows over modes: sums while p runs. */
typedef struct sums {
  double lr[MODES], li[MODES], cr[2][MODES], ci[2][MODES]; /* of l by way of the powers; of 2C' */
} sums;

/* q = 2C' z^p enters with weights (dre, dim) on (Re, -Im), and Re also with the weight of the kernel at this lag. */
static void back_weigh(int n, int p, const double *cr, const double *ci, const double *pr, const double *pi,
                       const double *d, double lag, sums *g, int dir) {
  for (int m = 0; m < n; m++) {
    double qr = (d ? d[m] : 0) + lag, qi = d ? -d[n + m] : 0;
    g->cr[dir][m] += qr * pr[m] + qi * pi[m];
    g->ci[dir][m] += qi * pr[m] - qr * pi[m];
    double wr = qr * cr[m] + qi * ci[m], wi = qi * cr[m] - qr * ci[m]; /* gradient of z^p; times p conj(z^p) */
    g->lr[m] += p * (wr * pr[m] + wi * pi[m]);
    g->li[m] += p * (wi * pr[m] - wr * pi[m]);
  }
}
static void back_power(int n, int p, const double *pr, const double *pi, const double *d, sums *g) {
  for (int m = 0; m < n; m++) {
    g->lr[m] += p * (d[m] * pr[m] + d[n + m] * pi[m]);
    g->li[m] += p * (d[n + m] * pr[m] - d[m] * pi[m]);
  }
}

static void back_powers(const nn_node *n, const nn_frame *f, int h, const nn_ssm_channel *c, sums *g) {
  const nn_ssm *s = n->table;
  int M = s->M, half = M / 2, N = s->dirs * M, T = s->T;
  channel k;
  double pr[MODES], pi[MODES];
  channel_of(n, f, h, &k);
  memset(g, 0, sizeof *g);
  for (int m = 0; m < half; m++) pr[m] = 1, pi[m] = 0;
  for (int p = 0; p <= T; p++, power(half, &k, pr, pi)) {
    if (p < T) back_power(half, p, pr, pi, c->din + (T - 1 - p) * N, g);
    if (p == T) back_power(half, p, pr, pi, c->dhop, g);
    back_weigh(half, p, k.cr[0], k.ci[0], pr, pi, p ? c->dout + (p - 1) * N : NULL, p < T ? c->dkernel[p] : 0, g, 0);
    if (s->dirs == 1 || p == T) continue;
    back_power(half, p, pr, pi, c->din + p * N + M, g);
    back_weigh(half, p, k.cr[1], k.ci[1], pr, pi, c->dout + (T - 1 - p) * N + M, c->dkernel[T + p], g, 1);
  }
}

/* From the gradients of l and 2C' to those of the parameters; grad means dL/dRe + i dL/dIm. */
static void collect(const nn_node *n, const nn_frame *f, int h, nn_ssm_channel *c) {
  const table *t = n->table;
  view v = view_of(n, (nn_real *)f->theta + n->param, h), g = view_of(n, f->dtheta + n->param, h);
  double dt = step_of(n, &v), ddt = 0;
  sums sum;
  back_powers(n, f, h, c, &sum);
  for (int m = 0; m < t->s.M / 2; m++) {
    mode q = mode_of(n, &v, dt, m);
    cplx dl = sum.lr[m] + I * sum.li[m], dphi = 0, da;
    for (int d = 0; d < t->s.dirs; d++) {
      cplx dcp = 2 * (sum.cr[d][m] + I * sum.ci[d][m]), dC = conj(t->b[m] * q.q.phi) * dcp;
      dphi += conj(q.C[d] * t->b[m]) * dcp;
      g.C[d][2 * m] += (nn_real)creal(dC), g.C[d][2 * m + 1] += (nn_real)cimag(dC);
    }
    double more;
    nn_zoh_back(&q.q, dl, dphi, &da, &more);
    ddt += more;
    g.r[m] += (nn_real)(creal(q.q.a) * creal(da));
    g.im[m] += (nn_real)cimag(da);
  }
  *g.log_dt += (nn_real)ddt;
  *g.D += (nn_real)c->dkernel[0];
}

static void backward(const nn_node *n, const nn_frame *f) {
  nn_ssm_backward(n->table, n, f, fill, collect);
}

/* The recurrence itself, in double. */
static void step(const nn_node *n, const nn_frame *f, int t) {
  const nn_ssm *s = n->table;
  int S = f->lanes, half = s->M / 2;
  channel k;
  double *held = (double *)nn_fixed_keep(n, f); /* (H, n, 4) z, 2C' */
  if (!t) nn_ssm_open(s, n, f);
  for (int h = 0; h < s->H && !t; h++) {
    channel_of(n, f, h, &k);
    for (int m = 0; m < half; m++)
      memcpy(held + ((size_t)h * half + m) * STEP, (double[]){k.zr[m], k.zi[m], k.cr[0][m], k.ci[0][m]},
             STEP * sizeof *held);
  }
  nn_ssm_store(s, n, f, t);
  for (int h = 0; h < s->H; h++) {
    const nn_real *u = f->value[n->in[0]] + ((size_t)t * s->H + h) * S;
    nn_real *y = f->value[n->id] + ((size_t)t * s->H + h) * S;
    double sum[NN_MAX_LANES], *x = nn_ssm_state(s, n, f, h), D = *view_of(n, (nn_real *)f->theta + n->param, h).D;
    for (int i = 0; i < S; i++) sum[i] = D * u[i];
    for (int m = 0; m < half; m++) {
      const double *q = held + ((size_t)h * half + m) * STEP;
      double *re = x + m * S, *im = x + (half + m) * S;
      for (int i = 0; i < S; i++) {
        double a = q[0] * re[i] - q[1] * im[i] + u[i], b = q[0] * im[i] + q[1] * re[i];
        re[i] = a, im[i] = b;
        sum[i] += q[2] * a - q[3] * b;
      }
    }
    for (int i = 0; i < S; i++) y[i] = (nn_real)sum[i];
  }
}

static nn_linear linear(const nn_node *n) {
  return nn_linear_of_layer(NULL, n, n->shape.channels, 0, false);
}

static void text(const nn_node *n, FILE *f) {
  const nn_ssm_conf *c = n->conf;
  fprintf(f, "start %s states %d both %d rate %.17g", (const char *const[]){"lin", "inv", "legs"}[c->start], c->states,
          c->both, c->rate);
}

const nn_op nn_op_s4d = {.name = "s4d",
                         .help = "diagonal state space layer",
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

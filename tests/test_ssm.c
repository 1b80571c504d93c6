/* test_ssm.c: state space layers against what defines them: kernels against the recurrence and against the resolvent
 * (Cauchy sums), whole sequences against direct convolution, sequences in pieces, another sampling rate. */
#include <complex.h>
#include <math.h>

#include "nn/graph.h"
#include "nn/ops.h"
#include "tests/check.h"

typedef double complex cplx;
static const bool single = sizeof(nn_real) == 4;

/* A network of one layer. */
typedef struct rig {
  nn_graph *g;
  nn_plan *p;
  nn_frame *f;
  nn_real *theta;
  int L, H, S;
} rig;

static rig rig_of(const nn_op *op, nn_ssm_conf c, int L, int H, int S) {
  rig r = {.g = nn_graph_new(), .L = L, .H = H, .S = S};
  err e = {0};
  int x = nn_input(r.g, "x", (nn_shape){{L, 1, 1}, H});
  int bad = nn_finish(r.g, nn_add(r.g, op, "layer", &c, 1, &x, &e), &e);
  bad = bad || nn_plan_new(&r.p, r.g, S, false, !c.both, &e) || nn_frame_new(&r.f, r.p, NULL, &e);
  CHECK_REPORT(!bad, "%.400s", e.text);
  r.theta = nn_alloc(r.g->nparam * sizeof *r.theta);
  nn_init(r.g, r.theta, 5);
  r.f->theta = r.theta;
  return r;
}
static void close_rig(rig *r) {
  nn_frame_free(r->f, NULL), nn_plan_free(r->p), nn_graph_free(r->g), free(r->theta);
}

static double noise(size_t i) {
  return 2 * rng_uniform(rng_stream(8, "ssm"), i, 0, 0) - 1;
}
static void random_input(rig *r) {
  for (size_t i = 0; i < (size_t)r->L * r->H * r->S; i++) r->f->value[0][i] = (nn_real)noise(i);
}

/* The kernel of one direction of a channel: by the recurrence, in double; k: (L). No skip. */
typedef struct ssm_system {
  int n;
  cplx a[128], b[128], p[128], C[2][128];
  double w[128], dt, D;
} ssm_system;
static ssm_system system_of(const rig *r, const nn_op *op, nn_ssm_conf c, int h) {
  ssm_system s = {.n = c.states / 2};
  err e = {0};
  int n = s.n, H = r->H, dirs = c.both ? 2 : 1;
  bool s4d = op == &nn_op_s4d;
  const nn_real *C = r->theta + r->g->node[1].param, *D = C + 2 * dirs * H * n, *t = D + H;
  CHECK(!(s4d ? nn_hippo_diagonal(c.start, n, s.a, s.b, &e) : nn_hippo_legs(n, s.w, s.b, s.p, &e)));
  s.dt = c.rate * nn_hippo_dt(c.dt_min, c.dt_max, h, H);
  for (int m = 0; m < n && s4d; m++) s.a[m] = -exp((double)t[H + h * n + m]) + I * (double)t[H * (1 + n) + h * n + m];
  if (s4d) s.dt = c.rate * exp((double)t[h]);
  for (int d = 0; d < dirs; d++)
    for (int m = 0; m < n; m++) {
      const nn_real *q = C + ((d * H + h) * n + m) * 2;
      s.C[d][m] = q[0] + I * (double)q[1];
    }
  s.D = D[h];
  return s;
}
static void diagonal_kernel(const ssm_system *s, int dir, int L, double *k) {
  cplx x[128];
  for (int m = 0; m < s->n; m++) x[m] = s->b[m] * (cexp(s->dt * s->a[m]) - 1) / s->a[m];
  for (int t = 0; t < L; t++) {
    k[t] = 0;
    for (int m = 0; m < s->n; m++) k[t] += 2 * creal(s->C[dir][m] * x[m]), x[m] *= cexp(s->dt * s->a[m]);
  }
}
static void dense_kernel(const ssm_system *s, int dir, int L, double *k) {
  int M = 2 * s->n;
  double *Z = malloc(sizeof *Z * M * M), x[256], y[256];
  err e = {0};
  CHECK(!nn_hippo_bilinear(s->n, s->w, s->b, s->p, s->dt, Z, x, &e));
  for (int t = 0; t < L; t++) {
    k[t] = 0;
    for (int m = 0; m < M; m++) {
      k[t] += (m < s->n ? 2 * creal(s->C[dir][m]) : -2 * cimag(s->C[dir][m - s->n])) * x[m];
      y[m] = 0;
      for (int q = 0; q < M; q++) y[m] += Z[m * M + q] * x[q];
    }
    memcpy(x, y, sizeof x);
  }
  free(Z);
}
static void kernel_of(const nn_op *op, const ssm_system *s, int dir, int L, double *k) {
  (op == &nn_op_s4d ? diagonal_kernel : dense_kernel)(s, dir, L, k);
}

static double largest(const double *k, int L) {
  double most = 0;
  for (int t = 0; t < L; t++) most = fmax(most, fabs(k[t]));
  return most;
}

/* The answer to a unit pulse is the kernel (and behind the pulse in time, the other one). */
static void pulse(const nn_op *op, nn_ssm_conf c, int L) {
  enum { H = 3 };
  rig r = rig_of(op, c, L, H, 1);
  double *k = malloc(sizeof *k * L), off = 0;
  int at = c.both ? L / 2 : 0;
  for (int h = 0; h < H; h++) r.f->value[0][at * H + h] = 1;
  memset(r.theta + r.g->node[1].nweights, 0, H * sizeof *r.theta); /* no skip: it could be larger than the kernel */
  nn_forward(r.p, r.f);
  for (int h = 0; h < H; h++) {
    ssm_system s = system_of(&r, op, c, h);
    kernel_of(op, &s, 0, L, k);
    double unit = 1 / largest(k, L);
    for (int t = at; t < L; t++) off = fmax(off, unit * fabs(r.f->value[1][t * H + h] - k[t - at]));
    if (c.both) kernel_of(op, &s, 1, L, k), unit = 1 / largest(k, L);
    for (int t = 0; t < at; t++) off = fmax(off, unit * fabs(r.f->value[1][t * H + h] - k[at - 1 - t]));
  }
  CHECK_REPORT(off <= (single ? 1e-6 : 1e-12), "%s, L = %d: kernel is off by %.2e of its maximum", op->name, L, off);
  free(k);
  close_rig(&r);
}

/* A sequence: forward against direct convolution in double, and step against forward. */
static void sequence(const nn_op *op, nn_ssm_conf c, int L) {
  enum { H = 2, S = 16 };
  rig r = rig_of(op, c, L, H, S);
  double *k[2] = {malloc(sizeof(double) * L), malloc(sizeof(double) * L)}, off = 0, most = 0;
  random_input(&r);
  nn_forward(r.p, r.f);
  const nn_real *u = r.f->value[0], *y = r.f->value[1];
  for (int h = 0; h < H; h++) {
    ssm_system s = system_of(&r, op, c, h);
    for (int d = 0; d <= c.both; d++) kernel_of(op, &s, d, L, k[d]);
    for (int t = h; t < L; t += 1 + L / 50) { /* some positions */
      double sum = s.D * u[(t * H + h) * S + 3];
      for (int q = 0; q <= t; q++) sum += k[0][t - q] * u[(q * H + h) * S + 3];
      for (int q = t + 1; q < L && c.both; q++) sum += k[1][q - t - 1] * u[(q * H + h) * S + 3];
      off = fmax(off, fabs(sum - y[(t * H + h) * S + 3])), most = fmax(most, fabs(sum));
    }
  }
  CHECK_REPORT(off <= (single ? 1e-5 : 1e-12) * most, "%s, L = %d: forward is off by %.2e", op->name, L, off / most);
  size_t count = (size_t)L * H * S;
  nn_real *all = memcpy(malloc(count * sizeof *all), y, count * sizeof *all);
  off = most = 0;
  for (int t = 0; t < L && !c.both; t++) nn_step(r.p, r.f, t);
  for (size_t i = 0; i < count; i++)
    off = fmax(off, fabs((double)all[i] - y[i])), most = fmax(most, fabs((double)y[i]));
  CHECK_REPORT(off <= (single ? 1e-4 : 1e-11) * most, "%s, L = %d: step is off by %.2e", op->name, L, off / most);
  free(k[0]), free(k[1]), free(all);
  close_rig(&r);
}

/* A sequence in two pieces, either of them forward or step by step, is the whole sequence. */
static void pieces(const nn_op *op, nn_ssm_conf c, int L, bool first_by_steps, bool second_by_steps) {
  enum { H = 2, S = 8 };
  rig whole = rig_of(op, c, 2 * L, H, S), half = rig_of(op, c, L, H, S);
  size_t count = (size_t)L * H * S;
  double off = 0;
  random_input(&whole);
  nn_forward(whole.p, whole.f);
  for (int piece = 0; piece < 2; piece++) {
    memcpy(half.f->value[0], whole.f->value[0] + piece * count, count * sizeof(nn_real));
    half.f->carry = piece;
    if (piece ? second_by_steps : first_by_steps)
      for (int t = 0; t < L; t++) nn_step(half.p, half.f, t);
    else
      nn_forward(half.p, half.f);
    for (size_t i = 0; i < count; i++)
      off = fmax(off, fabs((double)half.f->value[1][i] - whole.f->value[1][piece * count + i]));
  }
  CHECK_REPORT(off <= (single ? 1e-5 : 1e-12), "%s in two pieces of %d: off by %.2e", op->name, L, off);
  close_rig(&whole), close_rig(&half);
}

/* Zero-order hold: at rate 2 a sample counts as two equal ones at rate 1. */
static void held(const nn_op *op, nn_ssm_conf c) {
  enum { L = 100, H = 3, S = 8 };
  rig fine = rig_of(op, c, 2 * L, H, S);
  c.rate *= 2;
  rig coarse = rig_of(op, c, L, H, S);
  size_t width = H * S;
  double off = 0;
  random_input(&coarse);
  for (size_t i = 0; i < 2 * L * width; i++)
    fine.f->value[0][i] = coarse.f->value[0][i / width / 2 * width + i % width];
  nn_forward(fine.p, fine.f), nn_forward(coarse.p, coarse.f);
  for (size_t i = 0; i < L * width; i++)
    off = fmax(off, fabs((double)coarse.f->value[1][i] - fine.f->value[1][(2 * (i / width) + 1) * width + i % width]));
  CHECK_REPORT(off <= (single ? 1e-5 : 1e-12), "%s at twice the rate: off by %.2e", op->name, off);
  close_rig(&fine), close_rig(&coarse);
}

/* S5 against its recurrence in double, both directions. */
static void one_state(nn_ssm_conf c, int L) {
  enum { H = 3, S = 8, LANE = 5, M = 16 };
  rig r = rig_of(&nn_op_s5, c, L, H, S);
  int m = c.states / 2, dirs = c.both ? 2 : 1;
  const nn_real *C = r.theta + r.g->node[1].param, *B = C + dirs * 2 * m * H, *D = B + H * 2 * m, *dt = D + H;
  double *want = calloc((size_t)L * H, sizeof *want), off = 0, most = 0;
  random_input(&r);
  nn_forward(r.p, r.f);
  for (int d = 0; d < dirs; d++) {
    cplx x[M] = {0};
    for (int k = 0; k < L; k++) {
      int t = d ? L - 1 - k : k;
      const nn_real *u = r.f->value[0] + (size_t)t * H * S + LANE;
      for (int q = 0; q < m; q++) {
        cplx a = -exp((double)dt[m + q]) + I * (double)dt[2 * m + q], z = cexp(a * exp((double)dt[q])), v = 0;
        for (int h = 0; h < H; h++) v += (B[h * 2 * m + q] + I * (double)B[h * 2 * m + m + q]) * u[h * S];
        x[q] = z * x[q] + (z - 1) / a * v;
        for (int h = 0; h < H; h++)
          want[t * H + h] += C[(d * 2 * m + q) * H + h] * creal(x[q]) + C[(d * 2 * m + m + q) * H + h] * cimag(x[q]);
      }
      for (int h = 0; h < H && !d; h++) want[t * H + h] += D[h] * u[h * S];
    }
  }
  for (int i = 0; i < L * H; i++)
    off = fmax(off, fabs(want[i] - r.f->value[1][(size_t)i * S + LANE])), most = fmax(most, fabs(want[i]));
  CHECK_REPORT(off <= (single ? 1e-5 : 1e-12) * most, "s5, L = %d: off by %.2e", L, off / most);
  free(want);
  close_rig(&r);
}

/* Transform of the kernel at the L-th roots of unity by four Cauchy sums over the whole spectrum (the half kept and its
 * conjugates): the kernel continued beyond L and folded back, which is the transform of c (1 - Z^L)^-1 without the
 * truncation: compared with sum_k K_k omega^k over as many k as matter. */
static cplx resolvent(const ssm_system *s, cplx omega) {
  cplx z = 2 / s->dt * (1 - omega) / (1 + omega), r00 = 0, r01 = 0, r10 = 0, r11 = 0;
  for (int m = 0; m < s->n; m++)
    for (int side = 0; side < 2; side++) {
      cplx l = -0.5 + I * (side ? -s->w[m] : s->w[m]), b = side ? conj(s->b[m]) : s->b[m];
      cplx p = side ? conj(s->p[m]) : s->p[m], c = side ? conj(s->C[0][m]) : s->C[0][m], q = 1 / (z - l);
      r00 += c * b * q, r01 += c * p * q, r10 += conj(p) * b * q, r11 += conj(p) * p * q;
    }
  return 2 / (1 + omega) * (r00 - r01 * r10 / (1 + r11));
}
static void cauchy(int states) {
  enum { L = 20000 };
  nn_ssm_conf c = {.states = states, .dt_min = .01, .dt_max = .1, .rate = 1};
  rig r = rig_of(&nn_op_s4, c, 16, 4, 1);
  double *k = malloc(sizeof *k * L), off = 0, most = 0;
  for (int h = 0; h < 4; h++) {
    ssm_system s = system_of(&r, &nn_op_s4, c, h);
    dense_kernel(&s, 0, L, k);
    for (int j = 0; j < 20; j++) {
      cplx omega = cexp(-2 * M_PI * I * j / 41), sum = 0, power = 1;
      for (int t = 0; t < L; t++) sum += k[t] * power, power *= omega;
      off = fmax(off, cabs(sum - resolvent(&s, omega))), most = fmax(most, cabs(sum));
    }
  }
  CHECK_REPORT(off <= 1e-11 * most, "S4 with %d states: resolvent is off by %.2e", states, off / most);
  free(k);
  close_rig(&r);
}

/* LegS is a lower triangle: its eigenvalues are -1 .. -N, so the bilinear rule has a known trace. Frequencies of N = 64
 * were computed apart. */
static void hippo(void) {
  enum { N = 64 };
  double w[N / 2], trace = 0, want = 0, dt = 0.01, *Z = malloc(sizeof *Z * N * N), B[N];
  cplx b[N / 2], p[N / 2], a[N / 2];
  err e = {0};
  const double listed[] = {0.264, 0.906, 1.703, 2.626};
  CHECK(!nn_hippo_legs(N / 2, w, b, p, &e) && !nn_hippo_bilinear(N / 2, w, b, p, dt, Z, B, &e));
  for (int m = 0; m < 4; m++) CHECK(fabs(w[m] - listed[m]) < 6e-4);
  CHECK(fabs(w[N / 2 - 1] - 1303.3) < 0.06 && fabs(w[N / 2 - 2] - 433.0) < 0.06 && fabs(w[N / 2 - 3] - 258.2) < 0.06);
  for (int m = 0; m < N; m++) trace += Z[m * N + m], want += (1 - dt * (m + 1) / 2) / (1 + dt * (m + 1) / 2);
  CHECK_REPORT(fabs(trace - want) < 1e-11, "trace %.15g, expected %.15g", trace, want);
  CHECK(!nn_hippo_diagonal(NN_S4D_INV, N / 2, a, b, &e));
  CHECK(fabs(cimag(a[0]) - 1283.4) < 0.06 && fabs(cimag(a[N / 2 - 1]) - 0.323) < 6e-4);
  free(Z);
}

int main(void) {
  const nn_op *const ops[] = {&nn_op_s4d, &nn_op_s4};
  for (int i = 0; i < 2; i++) {
    nn_ssm_conf small = {NN_S4D_LIN, 8, false, .001, .1, 1}, large = {NN_S4D_LEGS, 64, false, .001, .1, 1};
    nn_ssm_conf both = {NN_S4D_INV, 16, true, .001, .1, 1};
    const int lengths[] = {250, 1000, 4096, 16384};
    for (int k = 0; k < 4; k++) pulse(ops[i], small, lengths[k]);
    pulse(ops[i], large, 1000), pulse(ops[i], large, 16384), pulse(ops[i], both, 1001);
    sequence(ops[i], small, 250), sequence(ops[i], large, 1000), sequence(ops[i], both, 333);
    sequence(ops[i], small, 16384);
    for (int way = 0; way < 4; way++) pieces(ops[i], small, 37, way & 1, way & 2);
    pieces(ops[i], large, 64, false, true);
  }
  nn_ssm_conf legs = {NN_S4D_LEGS, 16, false, .001, .1, 1}, both = {NN_S4D_INV, 8, true, .001, .1, 1};
  held(&nn_op_s4d, legs), held(&nn_op_s5, legs);
  for (int way = 0; way < 4; way++) pieces(&nn_op_s5, legs, 37, way & 1, way & 2);
  one_state(legs, 4096), one_state(both, 300);
  cauchy(8), cauchy(64);
  hippo();
  return check_done();
}

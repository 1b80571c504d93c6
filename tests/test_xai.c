/* test_xai.c: explanations of networks: gradients against central differences; integrated gradients complete at the
 * input and at hidden nodes, antisymmetric, exact with one node for a quadratic form; on linear models all methods
 * agree; relevance of momenta against sums written down; shares of filters with errors; localisation, rank correlation
 * and cascading randomisation; composites. */
#include "analysis/jackknife.h"
#include "nn/ops.h"
#include "tests/alloc_count.h"
#include "tests/check.h"
#include "xai/composite.h"
#include "xai/filters.h"
#include "xai/gradient.h"
#include "xai/judge.h"
#include "xai/lrp.h"
#include "xai/momentum.h"

#ifdef NN_SINGLE
static const double tight = 2e-5, smooth = 2e-5;
#else
static const double tight = 1e-12, smooth = 1e-8;
#endif
enum { S = 8 };

static double noise(unsigned seed, size_t i) {
  return 2 * rng_uniform(rng_stream(seed, "xai"), i, 0, 0) - 1;
}
static nn_real *random_reals(size_t n, unsigned seed, double scale) {
  nn_real *v = nn_alloc(n * sizeof *v);
  for (size_t i = 0; i < n; i++) v[i] = (nn_real)(scale * noise(seed, i));
  return v;
}

typedef struct rig {
  nn_graph *g;
  int x, conv, act, other, flat;
  xai_net *n;
  nn_real *theta, *in, *base, *seed;
  size_t count;
} rig;

/* x - conv - act - conv - act - flat - dense(3), 5 x 4 positions; act NULL: none (a linear model). */
static int open_rig(rig *r, const nn_op *act, bool bias, bool quadratic) {
  err e = {0};
  *r = (rig){.g = nn_graph_new()};
  nn_conv_conf conv = {nn_window_same(2, 3, 1, true), 4, bias, 2};
  int y = r->x = nn_input(r->g, "x", (nn_shape){{5, 4, 1}, 2});
  nn_want_grad(r->g, r->x);
  y = r->conv = nn_add(r->g, &nn_op_conv, "conv", &conv, 1, &y, &e);
  if (act) y = r->act = nn_add(r->g, act, "act", NULL, 1, &y, &e);
  if (quadratic) y = nn_add(r->g, &nn_op_product, "square", NULL, 2, (int[]){y, y}, &e);
  if (!quadratic) y = r->other = nn_add(r->g, &nn_op_conv, "other", &conv, 1, &y, &e);
  if (act) y = nn_add(r->g, act, "act2", NULL, 1, &y, &e);
  y = r->flat = nn_add(r->g, &nn_op_reshape, "flat", &(nn_reshape_conf){{{0}, 0}}, 1, &y, &e);
  y = nn_add(r->g, &nn_op_dense, "out", &(nn_dense_conf){3, false, bias, 2}, 1, &y, &e);
  if (nn_finish(r->g, y, &e)) return 1;
  r->theta = nn_alloc(r->g->nparam * sizeof(nn_real));
  nn_init(r->g, r->theta, 3);
  for (int i = 0; i < r->g->nnodes; i++)
    for (size_t k = 0; k < r->g->node[i].nparam; k++)
      r->theta[r->g->node[i].param + k] += bias ? (nn_real)(0.1 * noise(4, k)) : 0;
  xai_net_new(&r->n, r->g, r->x, S, r->theta, NULL, &e);
  CHECK_REPORT(!e.code, "%.300s", e.text);
  if (e.code) return 1;
  r->count = r->n->inputs * S;
  r->in = random_reals(r->count, 5, 1), r->base = random_reals(r->count, 6, 0.3);
  r->seed = random_reals(r->n->outputs * S, 7, 1);
  return 0;
}

static void close_rig(rig *r) {
  xai_net_free(r->n), nn_graph_free(r->g);
  free(r->theta), free(r->in), free(r->base), free(r->seed);
}

#ifndef NN_SINGLE
static size_t numbers(const rig *r, int node) {
  return nn_rows(r->g->node[node].shape) * S;
}

/* At node `node`: dF/dh from F with h held at h +- 1e-5. */
static void against_differences(rig *r, int node) {
  err e = {0};
  size_t count = numbers(r, node);
  nn_real *g = nn_alloc(count * sizeof *g), *hg = nn_alloc(count * sizeof *hg), *h = nn_alloc(count * sizeof *h);
  CHECK(!xai_gradient(r->n, r->in, r->seed, node, true, hg, &e));
  CHECK(!xai_gradient(r->n, r->in, r->seed, node, false, g, &e));
  for (size_t k = 0; k < count; k++) h[k] = g[k] != 0 ? hg[k] / g[k] : 0; /* the value of the node, where it matters */
  for (size_t row = 0; row < count; row += 5 * S) {
    double up[S], down[S];
    for (int i = 0; i < S; i++) h[row + (size_t)i] += 1e-5;
    xai_net_forward(r->n, node == r->x ? h : r->in, node, h), xai_net_answer(r->n, r->seed, up);
    for (int i = 0; i < S; i++) h[row + (size_t)i] -= 2e-5;
    xai_net_forward(r->n, node == r->x ? h : r->in, node, h), xai_net_answer(r->n, r->seed, down);
    for (int i = 0; i < S; i++) {
      h[row + (size_t)i] += 1e-5;
      CHECK_NEAR(g[row + (size_t)i], (up[i] - down[i]) / 2e-5, 1e-7);
    }
  }
  free(g), free(hg), free(h);
}
#endif

static void gradients(void) {
  rig r;
  if (open_rig(&r, &nn_op_tanh, true, false)) return;
#ifndef NN_SINGLE
  against_differences(&r, r.x), against_differences(&r, r.conv);
  against_differences(&r, r.act), against_differences(&r, r.flat);
#endif
  err e = {0};
  nn_real *g = nn_alloc(r.count * sizeof *g), *s = nn_alloc(r.count * sizeof *s), *all = nn_alloc(r.count * sizeof *s);
  CHECK(!xai_gradient(r.n, r.in, r.seed, r.x, false, g, &e));
  xai_smooth still = {.draws = 3, .r = rng_stream(1, "smooth")}, rough = {4, 0.5, rng_stream(1, "smooth"), 100};
  CHECK(!xai_smooth_gradient(r.n, r.in, r.seed, &still, s, &e));
  double off = 0;
  for (size_t k = 0; k < r.count; k++) off = fmax(off, fabs((double)(g[k] - s[k])));
  CHECK_REPORT(off <= tight, "SmoothGrad without noise is off by %g", off);
  /* the noise belongs to the sample, not to the lane: lane 3 as lane 0 of another shard */
  CHECK(!xai_smooth_gradient(r.n, r.in, r.seed, &rough, all, &e));
  for (size_t k = 0; k < r.count; k += S) r.in[k] = r.in[k + 3];
  for (size_t k = 0; k < r.n->outputs * S; k += S) r.seed[k] = r.seed[k + 3];
  rough.first += 3;
  CHECK(!xai_smooth_gradient(r.n, r.in, r.seed, &rough, s, &e));
  size_t differ = 0, same = 0;
  for (size_t k = 0; k < r.count; k += S) differ += s[k] != all[k + 3], same += all[k] == g[k];
  CHECK_INT(differ, 0);
  CHECK_INT(same, 0);
  free(g), free(s), free(all);
  close_rig(&r);
}

static double worst(const double *v, const double *scale) {
  double most = 0;
  for (int i = 0; i < S; i++) most = fmax(most, fabs(v[i]) / (scale ? fabs(scale[i]) : 1));
  return most;
}

static void integrated(void) {
  const int nodes = 32;
  rig r;
  err e = {0};
  xai_quadrature q, one;
  double gap[S], change[S], whole[S];
  if (open_rig(&r, &nn_op_tanh, true, false) || xai_quadrature_new(&q, nodes, &e) || xai_quadrature_new(&one, 1, &e))
    return;
  nn_real *a = nn_alloc(r.count * 4 * sizeof *a), *b = nn_alloc(r.count * sizeof *b);
  xai_line line = {r.in, r.base, r.seed, r.x}, back = {r.base, r.in, r.seed, r.x};
  CHECK(!xai_integrated(r.n, &line, &q, 1, a, gap, whole, &e) && !xai_integrated(r.n, &back, &q, 1, b, NULL, NULL, &e));
  CHECK_REPORT(worst(gap, NULL) <= smooth, "IG of a smooth network with %d nodes: gap %g", nodes, worst(gap, NULL));
  double off = 0;
  for (size_t k = 0; k < r.count; k++) off = fmax(off, fabs((double)(a[k] + b[k])));
  CHECK_REPORT(off <= tight, "IG(x, x') + IG(x', x) = %g", off);
  const int cuts[] = {r.conv, r.act, r.other, r.flat};
  for (int k = 0; k < 4; k++) { /* every node of a chain cuts it: complete, and the change is that of the answer */
    line.node = cuts[k];
    CHECK(!xai_integrated(r.n, &line, &q, 1, a, gap, change, &e));
    CHECK_REPORT(worst(gap, NULL) <= smooth, "IG at node %d: gap %g", cuts[k], worst(gap, NULL));
    for (int i = 0; i < S; i++) CHECK_NEAR(change[i], whole[i], tight * 100);
  }
  close_rig(&r), free(a), free(b);
  if (open_rig(&r, &nn_op_relu, true, false)) return;
  a = nn_alloc(r.count * sizeof *a);
  int panels = 0;
  line = (xai_line){r.in, r.base, r.seed, r.x};
  CHECK(!xai_integrated_to(r.n, &line, &q, 1e-3, 256, S, a, gap, change, &panels, &e));
  CHECK_REPORT(worst(gap, change) <= 1e-3, "IG of a ReLU network: relative gap %g with %d panels", worst(gap, change),
               panels);
  close_rig(&r), free(a);
  if (open_rig(&r, NULL, false, true)) return;
  a = nn_alloc(r.count * sizeof *a);
  line = (xai_line){r.in, r.base, r.seed, r.x};
  CHECK(!xai_integrated(r.n, &line, &one, 1, a, gap, change, &e));
  CHECK_REPORT(worst(gap, NULL) <= 10 * tight && worst(change, NULL) > 0.01,
               "IG of a quadratic form, one node: gap %g of %g", worst(gap, NULL), worst(change, NULL));
  close_rig(&r), free(a), xai_quadrature_free(&q), xai_quadrature_free(&one);
}

/* Input x gradient, integrated gradients from zero and rule 0 agree on a linear model; and the latter sums to F. */
static void linear_model(void) {
  rig r;
  err e = {0};
  xai_quadrature q;
  nn_rule rules[16];
  xai_lrp *l = NULL;
  double f[S];
  if (open_rig(&r, NULL, false, false) || xai_quadrature_new(&q, 2, &e)) return;
  nn_real *a = nn_alloc(r.count * sizeof *a), *b = nn_alloc(r.count * sizeof *b), *o = nn_alloc(r.count * sizeof *o);
  CHECK(!xai_rules(xai_composite_find("zero"), &xai_settings_default, r.g, rules, &e));
  for (int i = 0; i < r.g->nnodes; i++) rules[i].epsilon = 0;
  xai_lrp_new(&l, r.n, rules, true, &e);
  CHECK_REPORT(!e.code, "%.300s", e.text);
  CHECK(!xai_gradient(r.n, r.in, r.seed, r.x, true, a, &e));
  xai_line line = {r.in, o, r.seed, r.x};
  CHECK(!xai_integrated(r.n, &line, &q, 1, b, NULL, NULL, &e));
  xai_relevance(l, r.in, r.seed);
  xai_net_answer(r.n, r.seed, f);
  double off[2] = {0}, sum[S] = {0};
  for (size_t k = 0; k < r.count; k++) {
    double R = (double)l->trail->relevance[r.x][k];
    off[0] = fmax(off[0], fabs((double)a[k] - R)), off[1] = fmax(off[1], fabs((double)b[k] - R)), sum[k % S] += R;
  }
  CHECK_REPORT(off[0] <= 10 * tight && off[1] <= 10 * tight, "linear model: methods differ by %g, %g", off[0], off[1]);
  for (int i = 0; i < S; i++) CHECK_NEAR(sum[i], f[i], 100 * tight);
  CHECK_NEAR(xai_blow_up(l, r.seed, S), 1, 1000 * tight);
  predictor p = xai_predictor_of(r.n);
  nn_real *y = nn_alloc(r.n->outputs * S * sizeof *y);
  CHECK(!p.predict(p.ctx, r.in, y, &e) && p.net == r.n && p.inputs == 40 && p.outputs == 3);
  xai_net_seed(r.n, 2, r.seed), xai_net_answer(r.n, r.seed, f);
  for (int i = 0; i < S; i++) CHECK_NEAR((double)y[2 * S + i], f[i], 0);
  free(a), free(b), free(o), free(y), xai_lrp_free(l), xai_quadrature_free(&q);
  close_rig(&r);
}

/* ---- momenta ---- */
static double phase_of(const int *n, size_t k, size_t t) {
  double phase = 0;
  for (int d = 2; d >= 0; d--) {
    phase += 2 * M_PI * (double)(k % (size_t)n[d]) * (double)(t % (size_t)n[d]) / n[d];
    k /= (size_t)n[d], t /= (size_t)n[d];
  }
  return phase;
}

static void one_transform(nn_shape shape) {
  err e = {0};
  xai_momentum *m = NULL;
  size_t N = (size_t)nn_positions(shape), many = (size_t)shape.channels * 2;
  CHECK(!xai_momentum_new(&m, shape, 2, &e));
  nn_real *x = random_reals(N * many, 8, 1), *R = random_reals(N * many, 9, 1);
  double *to = calloc(N * many, sizeof *to), lost[2], moved = 0, off = 0, total[2] = {0};
  xai_momentum_relevance(m, x, R, 0, to, lost);
  for (size_t i = 0; i < many; i++)
    for (size_t k = 0; k < N; k++) {
      double yr = 0, yi = 0, rr = 0, ri = 0;
      for (size_t t = 0; t < N; t++) {
        double v = (double)x[t * many + i], r = (double)R[t * many + i] / v, p = phase_of(shape.extent, k, t);
        yr += v * cos(p), yi -= v * sin(p), rr += r * cos(p), ri -= r * sin(p);
      }
      off = fmax(off, fabs((yr * rr + yi * ri) / (double)N - to[k * many + i]));
      moved += fabs(to[k * many + i]);
      total[i % 2] += to[k * many + i] - (double)R[k * many + i];
    }
  CHECK_REPORT(off <= 1e-10 * moved, "relevance of momenta is off by %g of %g", off, moved);
  for (int i = 0; i < 2; i++) {
    CHECK_NEAR(total[i], 0, 1e-12 * moved);
    CHECK_NEAR(lost[i], 0, 1e-12 * moved);
  }
  xai_momentum_relevance(m, x, R, 0.3, to, lost);
  double sum = 0;
  for (size_t k = 0; k < N * many; k += 2) sum += to[k] - (double)R[k];
  CHECK_NEAR(sum, -lost[0], 1e-12 * moved);
  CHECK(fabs(lost[0]) > 1e-3);
  free(x), free(R), free(to), xai_momentum_free(m);
}

/* A uniform and a staggered field have all relevance at one momentum, whatever its places. */
static void pure_modes(void) {
  err e = {0};
  nn_shape shape = {{4, 6, 4}, 1};
  xai_momentum *m = NULL;
  nn_real x[96], R[96];
  double to[96], lost[1];
  CHECK(!xai_momentum_new(&m, shape, 1, &e));
  for (int stagger = 0; stagger < 2; stagger++) {
    double sum = 0;
    for (int t = 0; t < 96; t++) {
      int parity = (t % 4 + t / 4 % 6 + t / 24) % 2;
      x[t] = (nn_real)(stagger && parity ? -1.5 : 1.5);
      R[t] = (nn_real)noise(10, (size_t)t), sum += (double)R[t];
    }
    xai_momentum_relevance(m, x, R, 0, to, lost);
    int corner = stagger ? (2 * 6 + 3) * 4 + 2 : 0;
    for (int k = 0; k < 96; k++) CHECK_NEAR(to[k], k == corner ? sum : 0, 1e-12);
  }
  xai_momentum_free(m);
}

/* ---- filters ---- */
static void filters(void) {
  err e = {0};
  enum { N = 48, C = 3, BLOCKS = 12 };
  xai_filters *f = NULL, *g = NULL;
  nn_shape shape = {{2, 2, 1}, C};
  nn_real R[4 * C * S];
  double x[N][C], share[C], error[C], mean[C], again[C], again_error[C], sum = 0, own[C] = {0};
  CHECK(!xai_filters_new(&f, C, BLOCKS, &e) && !xai_filters_new(&g, C, BLOCKS, &e));
  for (int s = 0; s < N; s++)
    for (int c = 0; c < C; c++) x[s][c] = 1 + c + noise(11, (size_t)(s * C + c)), own[c] += x[s][c], sum += x[s][c];
  for (int pass = 0; pass < 2; pass++) /* in shards of 8, then of 5 samples */
    for (int first = 0, size = pass ? 5 : 8; first < N; first += size) {
      int valid = N - first < size ? N - first : size;
      for (int row = 0; row < 4 * C; row++)
        for (int i = 0; i < S; i++)
          R[row * S + i] = i < valid ? (nn_real)(x[first + i][row % C] * (row / C == 2 ? 1.75 : -0.25)) : 1000;
      xai_filters_add(pass ? g : f, shape, R, S, valid, first);
    }
  xai_filters_result(f, share, error, mean), xai_filters_result(g, again, again_error, NULL);
  for (int c = 0; c < C; c++) {
    CHECK_NEAR(share[c], own[c] / sum, 100 * tight);
    CHECK_NEAR(mean[c], own[c] / N, 100 * tight);
    CHECK_NEAR(again[c], share[c], 1e-12);
    CHECK_NEAR(again_error[c], error[c], 1e-12);
    double left[BLOCKS], m[BLOCKS], want;
    for (int b = 0; b < BLOCKS; b++) {
      double o = 0, all = 0;
      for (int s = 0; s < N; s++)
        for (int k = 0; k < C && s % BLOCKS != b; k++) all += x[s][k], o += k == c ? x[s][k] : 0;
      left[b] = o / all, m[b] = N / BLOCKS;
    }
    jackknife_blocks(BLOCKS, m, own[c] / sum, left, NULL, &want);
    CHECK_REL(error[c], want, 1e4 * tight);
    CHECK(want > 1e-3);
  }
  CHECK_NEAR(share[0] + share[1] + share[2], 1, 1e-12);
  xai_filters_free(f), xai_filters_free(g);
}

/* ---- judging ---- */
static void localisation(void) {
  const nn_real R[] = {3, -5, 1, 0, 2, 2, -1, 2};
  const unsigned char truth[] = {1, 1, 0, 0, 1, 0, 0, 0}, none[8] = {0};
  CHECK_NEAR(xai_mass_accuracy(8, R, 1, truth), 0.5, 1e-15);
  CHECK_NEAR(xai_rank_accuracy(8, R, 1, truth), 2. / 3, 1e-15); /* 3, then the first two of the twos */
  CHECK_NEAR(xai_mass_accuracy(4, R, 2, truth), 4. / 6, 1e-15); /* 3, 1 of 3, 1, 2 */
  CHECK(isnan(xai_rank_accuracy(8, R, 1, none)) && isnan(xai_mass_accuracy(1, R + 1, 1, truth)));
  const double a[] = {1, 2, 3, 4, 5}, b[] = {10, 20, 30, 50, 40}, c[] = {5, 4, 3, 2, 1}, tied[] = {1, 1, 2, 2, 3};
  CHECK_NEAR(xai_spearman(5, a, b), 0.9, 1e-15);
  CHECK_NEAR(xai_spearman(5, a, c), -1, 1e-15);
  CHECK_NEAR(xai_spearman(5, a, tied), 9 / sqrt(10. * 9), 1e-15);
  CHECK(isnan(xai_spearman(5, a, (double[]){1, 1, 1, 1, 1})));
}

typedef struct explainer {
  rig *r;
  xai_lrp *l; /* NULL: an explanation that only looks at the input */
  int calls;
} explainer;

static int explain(void *ctx, const nn_real *theta, nn_real *R, err *e) {
  explainer *x = ctx;
  x->calls++;
  memcpy(R, x->r->in, x->r->count * sizeof *R);
  if (!x->l) return 0;
  x->r->n->frame->theta = theta;
  nn_relevance_prepare(x->l->rules, theta, NULL);
  xai_relevance(x->l, x->r->in, x->r->seed);
  memcpy(R, x->l->trail->relevance[x->r->x], x->r->count * sizeof *R);
  return 0;
}

static void cascade(void) {
  rig r;
  err e = {0};
  nn_rule rules[16];
  int node[8];
  xai_likeness rho[8], blind[8];
  if (open_rig(&r, &nn_op_relu, true, false)) return;
  explainer x = {.r = &r}, y = {.r = &r};
  CHECK(!xai_rules(xai_composite_find("epsilon"), &xai_settings_default, r.g, rules, &e));
  CHECK(!xai_lrp_new(&x.l, r.n, rules, false, &e));
  xai_cascade c = {r.g, r.n->inputs, S, S - 2, 9, &x, explain};
  nn_real *keep = nn_alloc(r.g->nparam * sizeof *keep);
  memcpy(keep, r.theta, r.g->nparam * sizeof *keep);
  CHECK_INT(xai_cascade_run(&c, r.theta, 8, node, rho, &e), 3);
  CHECK_BITS(keep, r.theta, r.g->nparam * sizeof *keep);
  CHECK(node[0] == r.g->output && node[1] == r.other && node[2] == r.conv && x.calls == 4);
  xai_likeness slope[8];
  c.x = r.in, x.calls = 0;
  CHECK_INT(xai_cascade_run(&c, r.theta, 8, NULL, slope, &e), 3);
  CHECK_REPORT(slope[2].size == rho[2].size && fabs(slope[2].slope) < slope[2].size, "slope %g, size %g",
               slope[2].slope, slope[2].size);
  c.last = true, x.calls = 0;
  CHECK_INT(xai_cascade_run(&c, r.theta, 8, node, blind, &e), 3);
  CHECK(x.calls == 2 && node[2] == r.conv && isnan(blind[1].size) && blind[2].size == rho[2].size &&
        blind[2].slope == slope[2].slope);
  c.ctx = &y, c.x = NULL, c.last = false;
  CHECK_INT(xai_cascade_run(&c, r.theta, 2, NULL, blind, &e), 2);
  for (int k = 0; k < 2; k++) {
    CHECK_NEAR(blind[k].size, 1, 1e-15);
    CHECK_NEAR(blind[k].sign, 1, 1e-15);
    CHECK(isnan(blind[k].slope));
  }
  CHECK_REPORT(rho[0].size < 0.7 && rho[1].size < 0.7 && rho[2].size < 0.7, /* |R| stays related to |x| */
               "cascade: %g %g %g", rho[0].size, rho[1].size, rho[2].size);
  free(keep), xai_lrp_free(x.l);
  close_rig(&r);
}

/* ---- composites ---- */
static void composites(void) {
  err e = {0};
  nn_rule rules[16];
  char words[400] = "";
  nn_graph *g = nn_graph_new();
  nn_conv_conf conv = {nn_window_same(1, 3, 1, false), 4, true, 1};
  int x = nn_input(g, "x", (nn_shape){{8, 1, 1}, 4});
  int d = nn_add(g, &nn_op_dropout, "drop", &(nn_dropout_conf){0.1}, 1, &x, &e);
  int a = nn_add(g, &nn_op_conv, "a", &conv, 1, &d, &e);
  int n = nn_add(g, &nn_op_batch_norm, "norm", &(nn_norm_conf){.eps = 1e-3}, 1, &a, &e);
  int t = nn_add(g, &nn_op_relu, "relu", NULL, 1, &n, &e);
  int b = nn_add(g, &nn_op_conv, "b", &conv, 1, &t, &e);
  int s = nn_add(g, &nn_op_add, "sum", NULL, 2, (int[]){b, t}, &e);
  int m = nn_add(g, &nn_op_pool, "max", &(nn_pool_conf){.max = true, .window = {.kernel = {2}}}, 1, &s, &e);
  int l = nn_add(g, &nn_op_layer_norm, "layer", &(nn_norm_conf){.eps = 1e-3}, 1, &m, &e);
  int q = nn_add(g, &nn_op_pool, "mean", &(nn_pool_conf){.global = true}, 1, &l, &e);
  int y = nn_add(g, &nn_op_dense, "out", &(nn_dense_conf){2, false, true, 1}, 1, &q, &e);
  CHECK(!nn_finish(g, y, &e));
  for (int k = 0; xai_composites[k]; k++) {
    nn_relevance *r = NULL;
    const xai_composite *c = xai_composites[k];
    snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", k ? "|" : "", c->name);
    int bad = xai_rules(c, &xai_settings_default, g, rules, &e) || nn_relevance_new(&r, g, S, rules, &e);
    CHECK_REPORT(!bad, "composite %s: %.300s", c->name, e.text);
    CHECK(xai_composite_find(c->name) == c && rules[m].type == &nn_rule_winner && rules[n].type == &nn_rule_pass);
    nn_relevance_free(r);
  }
  CHECK_TEXT(words, xai_composite_words);
  CHECK(!xai_rules(xai_composite_find("lattice"), &xai_settings_default, g, rules, &e));
  CHECK(rules[a].type == &nn_rule_w2 && rules[b].type == &nn_rule_general_gamma && rules[y].type == &nn_rule_epsilon);
  CHECK(rules[s].type == &nn_rule_epsilon && rules[q].type == &nn_rule_epsilon && rules[l].type == &nn_rule_epsilon);
  CHECK(!xai_rules(xai_composite_find("epsilon-alpha2-beta1"), &xai_settings_default, g, rules, &e));
  CHECK(rules[a].alpha == 2 && rules[b].beta == 1 && !xai_composite_find("none"));
  CHECK(!xai_rules(xai_composite_find("plus-box"), &xai_settings_default, g, rules, &e));
  CHECK(rules[a].type == &nn_rule_box && rules[b].type == &nn_rule_z_plus && rules[y].type == &nn_rule_z_plus);
  CHECK(!xai_rules(xai_composite_find("gamma"), &xai_settings_default, g, rules, &e));
  CHECK(rules[a].type == &nn_rule_general_gamma && rules[y].type == &nn_rule_general_gamma);
  CHECK(!xai_rules(xai_composite_find("alpha2-beta1"), &xai_settings_default, g, rules, &e));
  CHECK(rules[a].alpha == 2 && rules[y].type == &nn_rule_alpha_beta && rules[y].beta == 1);
  nn_graph_free(g);
  g = nn_graph_new(); /* ops that know rule epsilon only get it whatever the composite says of products */
  x = nn_input(g, "x", (nn_shape){{8, 1, 1}, 4});
  a = nn_add(g, &nn_op_causal_dense, "a", &(nn_causal_dense_conf){4, 2, false, true, 1}, 1, &x, &e);
  nn_ssm_conf space = {.states = 4, .dt_min = .01, .dt_max = .1, .rate = 1};
  b = nn_add(g, &nn_op_s4, "b", &space, 1, &a, &e);
  b = nn_add(g, &nn_op_gru, "state", &(nn_recurrent_conf){3}, 1, &b, &e);
  y = nn_add(g, &nn_op_pick, "last", &(nn_pick_conf){-1}, 1, &b, &e);
  nn_relevance *r = NULL;
  int bad =
      nn_finish(g, y, &e) || xai_rules(xai_composite_find("epsilon-plus-flat"), &xai_settings_default, g, rules, &e);
  CHECK_REPORT(!bad, "%.300s", e.text);
  CHECK(rules[a].type == &nn_rule_epsilon && rules[b].type == &nn_rule_epsilon && rules[y].type == &nn_rule_pass);
  CHECK(!nn_relevance_new(&r, g, S, rules, &e));
  nn_relevance_free(r), nn_graph_free(g);
}

/* Explanations of a shard allocate nothing once their storage is there. */
static void allocations_of_walks(void) {
  rig r;
  err e = {0};
  nn_rule rules[16];
  xai_quadrature q;
  xai_lrp *l = NULL;
  xai_momentum *m = NULL;
  if (open_rig(&r, &nn_op_tanh, true, false) || xai_quadrature_new(&q, 4, &e)) return;
  nn_shape shape = r.g->node[r.x].shape;
  int bad = xai_rules(xai_composite_find("lattice"), &xai_settings_default, r.g, rules, &e) ||
            xai_lrp_new(&l, r.n, rules, true, &e) || xai_momentum_new(&m, shape, S, &e);
  CHECK_REPORT(!bad, "%.300s", e.text);
  nn_real *a = nn_alloc(2 * r.count * sizeof *a); /* conv has twice the channels of x */
  double *to = calloc(r.count, sizeof *to);
  xai_line line = {r.in, r.base, r.seed, r.x};
  xai_smooth s = {2, 0.1, rng_stream(1, "smooth"), 0};
  long before = allocations;
  nn_relevance_prepare(l->rules, r.theta, NULL);
  xai_relevance(l, r.in, r.seed);
  xai_momentum_relevance(m, r.in, l->trail->relevance[r.x], 0, to, NULL);
  CHECK(!xai_gradient(r.n, r.in, r.seed, r.conv, true, a, &e) && !xai_smooth_gradient(r.n, r.in, r.seed, &s, a, &e));
  CHECK(!xai_integrated(r.n, &line, &q, 2, a, NULL, NULL, &e));
  CHECK_INT(allocations - before, 0);
  CHECK(before > 0);
  free(a), free(to), xai_momentum_free(m), xai_lrp_free(l), xai_quadrature_free(&q);
  close_rig(&r);
}

int main(void) {
  allocations_of_walks();
  gradients();
  integrated();
  linear_model();
  one_transform((nn_shape){{9, 1, 1}, 2});
  one_transform((nn_shape){{12, 1, 1}, 1});
  one_transform((nn_shape){{4, 5, 1}, 2});
  one_transform((nn_shape){{3, 2, 4}, 2});
  one_transform((nn_shape){{1, 1, 6}, 1});
  pure_modes();
  filters();
  localisation();
  cascade();
  composites();
  return check_done();
}

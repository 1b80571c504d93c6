/* relevance.c: what a walk relevance costs, as a multiple of a backward pass of the same network (gradients of
 * parameters and inputs, one shard, one core, median of several). Goals: epsilon 1.5, z_plus 3, general_gamma 6.
 *   bench_relevance [lanes] */
#include "nn/relevance.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "nn/ops.h"

typedef struct net {
  const char *name;
  int dims, extent, channels;
  int depth, conv[4], kernel; /* convolutions */
  bool periodic, pool;        /* global mean behind them, else flattened */
  int layers, dense[4];
} net;
static const net nets[] = {
    {"MLP 64-128-128-128-1", 0, 1, 64, 0, {0}, 0, false, false, 4, {128, 128, 128, 1}},
    {"conv1d 12 ch, 250 steps, k 5", 1, 250, 12, 3, {32, 64, 64}, 5, false, true, 1, {5}},
    {"conv2d 16 x 16, 3 x 3, 32 ch", 2, 16, 3, 3, {32, 32, 32}, 3, false, true, 2, {32, 4}},
    {"conv3d 16^3, 2^3, 1-16, mean", 3, 16, 1, 1, {16}, 2, true, true, 2, {32, 1}},
    {"conv3d 16^3, 2^3, 1-8-5-3, flat", 3, 16, 1, 3, {8, 5, 3}, 2, false, false, 3, {512, 128, 1}},
};

static int build(const net *n, nn_graph *g, err *e) {
  nn_shape in = {{1, 1, 1}, n->channels};
  char name[48];
  for (int d = 0; d < n->dims; d++) in.extent[d] = n->extent;
  int y = nn_input(g, "x", in);
  nn_want_grad(g, y);
  for (int k = 0; k < n->depth; k++) {
    nn_conv_conf c = {nn_window_same(n->dims, n->kernel, 1, n->periodic), n->conv[k], true, 1.7};
    snprintf(name, sizeof name, "conv%d", k);
    y = nn_add(g, &nn_op_conv, name, &c, 1, &y, e);
    snprintf(name, sizeof name, "act%d", k);
    y = nn_add(g, &nn_op_relu, name, NULL, 1, &y, e);
  }
  if (n->pool) y = nn_add(g, &nn_op_pool, "mean", &(nn_pool_conf){.global = true}, 1, &y, e);
  for (int k = 0; k < n->layers; k++) {
    snprintf(name, sizeof name, "dense%d", k);
    y = nn_add(g, &nn_op_dense, name, &(nn_dense_conf){n->dense[k], false, true, 1.7}, 1, &y, e);
    snprintf(name, sizeof name, "relu%d", k);
    if (k + 1 < n->layers) y = nn_add(g, &nn_op_relu, name, NULL, 1, &y, e);
  }
  return nn_finish(g, y, e);
}

typedef struct work {
  nn_graph *g;
  nn_plan *p;
  nn_frame *f;
  nn_real *theta, *grad;
} work;

typedef void walk(const work *w, const nn_relevance *r, nn_trail *t);
static double timed(walk *one, const work *w, const nn_relevance *r, nn_trail *t) {
  double s = omp_get_wtime();
  one(w, r, t);
  return omp_get_wtime() - s;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Both walks in turn, so that a busy machine slows down both: the median of their ratios; base: the best of b. */
static double ratio(walk *a, walk *b, const work *w, const nn_relevance *r, nn_trail *t, double *base) {
  enum { MOST = 1000 };
  double each[MOST], spent = 0;
  int n = 0;
  for (; n < MOST && (n < 15 || spent < 1); n++) {
    double x = timed(a, w, r, t), y = timed(b, w, r, t);
    each[n] = x / y;
    spent += x + y;
    if (y < *base) *base = y;
  }
  qsort(each, (size_t)n, sizeof *each, ascending);
  return each[n / 2];
}

static void backward(const work *w, const nn_relevance *r, nn_trail *t) {
  for (int i = 0; i < w->p->lanes; i++) w->f->grad[w->g->output][i] = 1;
  nn_backward(w->p, w->f);
}

static void relevance(const work *w, const nn_relevance *r, nn_trail *t) {
  for (int i = 0; i < w->p->lanes; i++) t->relevance[w->g->output][i] = 1;
  nn_relevance_walk(r, w->f, t, w->g->output);
}

/* One rule for all products, epsilon for the mean, with or without the ledger: multiple of a backward pass. */
static double cost(const work *w, nn_rule rule, bool ledger, double *base, err *e) {
  nn_rule rules[64];
  nn_relevance *r = NULL;
  nn_trail *t = NULL;
  for (int i = 0; i < w->g->nnodes; i++) {
    const nn_op *op = w->g->node[i].op;
    bool passes = op && op->takes & NN_SHARE_PASS;
    rules[i] = op && op->linear ? rule : (nn_rule){.type = passes ? &nn_rule_pass : &nn_rule_epsilon};
  }
  if (nn_relevance_new(&r, w->g, w->p->lanes, rules, e) || nn_trail_new(&t, r, ledger, e)) return 0;
  nn_relevance_prepare(r, w->theta, NULL);
  double multiple = ratio(relevance, backward, w, r, t, base);
  nn_trail_free(t), nn_relevance_free(r);
  return multiple;
}

static int measure(const net *n, int lanes, err *e) {
  static const nn_rule rules[] = {{.type = &nn_rule_epsilon, .epsilon = 1e-6},
                                  {.type = &nn_rule_z_plus, .epsilon = 1e-6},
                                  {.type = &nn_rule_general_gamma, .epsilon = 1e-6, .gamma = 0.25},
                                  {.type = &nn_rule_alpha_beta, .epsilon = 1e-6, .alpha = 2, .beta = 1},
                                  {.type = &nn_rule_w2}};
  work w = {.g = nn_graph_new()};
  if (build(n, w.g, e) || nn_plan_new(&w.p, w.g, lanes, true, false, e) || nn_frame_new(&w.f, w.p, NULL, e))
    return e->code;
  w.theta = nn_alloc(w.g->nparam * sizeof(nn_real)), w.grad = nn_alloc(w.g->nparam * sizeof(nn_real));
  nn_init(w.g, w.theta, 1);
  w.f->theta = w.theta, w.f->dtheta = w.grad, w.f->train = false;
  size_t count = nn_rows(w.g->node[0].shape) * (size_t)lanes;
  for (size_t i = 0; i < count; i++) w.f->value[0][i] = (nn_real)rng_normal(rng_stream(1, "bench"), i, 0, 0);
  nn_forward(w.p, w.f);
  double base = 1e9, multiple[5][2];
  for (int k = 0; k < 5; k++)
    for (int ledger = 0; ledger < 2; ledger++) multiple[k][ledger] = cost(&w, rules[k], ledger, &base, e);
  printf("%-32s %9.3f", n->name, 1e3 * base);
  for (int k = 0; k < 5; k++) printf("   %5.2f %5.2f", multiple[k][0], multiple[k][1]);
  printf("\n");
  nn_frame_free(w.f, NULL), nn_plan_free(w.p), nn_graph_free(w.g), free(w.theta), free(w.grad);
  return e->code;
}

int main(int argc, char **argv) {
  int lanes = argc > 1 ? atoi(argv[1]) : 32;
  err e = {0};
  printf("%d lanes of %s; multiples of a backward pass, without and with the ledger\n", lanes, NN_REAL_NAME);
  printf("%-32s %9s   %11s   %11s   %11s   %11s   %11s\n", "network", "back ms", "epsilon", "z_plus", "general_gam",
         "alpha_beta", "w2");
  for (unsigned k = 0; k < sizeof nets / sizeof *nets; k++)
    if (measure(&nets[k], lanes, &e)) {
      fprintf(stderr, "%s\n", e.text);
      return e.code;
    }
  return 0;
}

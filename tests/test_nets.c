/* test_nets.c: whole networks for supervised learning. Graphs that branch, shrink and join, built by hand: the gradient
 * of parameters and of an input against central differences with poisoned storage, the same bits whether nodes run
 * group by group or one by one, state and parameters through HDF5, steps refused where a node looks ahead. */
#include <unistd.h>

#include "nn/graph.h"
#include "nn/ops.h"
#include "nn/store.h"
#include "tests/check.h"

typedef struct net {
  nn_graph *g;
  nn_plan *p;
  nn_frame *f;
  nn_real *theta, *dtheta, *state, *dstate;
} net;

static nn_real *reals(size_t n) {
  return nn_alloc(n * sizeof(nn_real));
}

/* Shorter calls: every node takes the last one (or x) and gets a name of its own. */
static nn_graph *g;
static err e;
static int add(const nn_op *op, const void *conf, int x) {
  char name[40];
  snprintf(name, sizeof name, "%s%d", op->name, g->nnodes);
  return nn_add(g, op, name, conf, 1, &x, &e);
}
static int add2(const nn_op *op, int x, int y) {
  char name[40];
  snprintf(name, sizeof name, "%s%d", op->name, g->nnodes);
  return nn_add(g, op, name, NULL, 2, (int[]){x, y}, &e);
}
static int conv(int x, int out, int kernel, int stride) {
  nn_conv_conf c = {.window = nn_window_same(1, kernel, 1, false), .out = out, .bias = true, .gain = 1.5};
  c.window.stride[0] = stride;
  return add(&nn_op_conv, &c, x);
}
static int dense(int x, int out, bool each) {
  return add(&nn_op_dense, &(nn_dense_conf){out, each, true, 1}, x);
}
static const nn_norm_conf norm = {1e-3};

/* Residual block with batch norm, whose skip is first touched in a group that convolves it as well. */
static int residual(int x) {
  int h = add(&nn_op_relu, NULL, add(&nn_op_batch_norm, &norm, conv(x, 6, 3, 1)));
  int y = add(&nn_op_batch_norm, &norm, conv(h, 5, 3, 1));
  return add(&nn_op_silu, NULL, add2(&nn_op_add, y, x));
}
static int same_group(int x) { /* conv(x) + x: the sum and the convolution read x in one group */
  return add(&nn_op_gelu, NULL, add2(&nn_op_add, conv(x, 5, 3, 1), x));
}
static int excite(int x) { /* squeeze and excitation */
  int s = add(&nn_op_pool, &(nn_pool_conf){.global = true}, x);
  s = add(&nn_op_sigmoid, NULL, dense(add(&nn_op_silu, NULL, dense(s, 3, false)), 5, false));
  return add2(&nn_op_product, x, s);
}
static int shrink(int x) {
  x = add(&nn_op_relu, NULL, conv(x, 5, 4, 2));
  return add(&nn_op_pool, &(nn_pool_conf){.window = {.kernel = {2}, .stride = {2}}, .max = true}, x);
}
static int build(int kind) {
  int x = nn_input(g, "x", (nn_shape){{12, 1, 1}, 3}), y;
  nn_want_grad(g, x);
  y = conv(x, 5, 5, 1);
  if (kind == 0) y = residual(residual(y));
  if (kind == 1) y = same_group(same_group(add(&nn_op_tanh, NULL, y)));
  if (kind == 2) y = shrink(excite(residual(y)));
  if (kind == 3) y = add(&nn_op_glu, NULL, dense(add(&nn_op_layer_norm, &norm, y), 8, true));
  if (kind == 4) y = add2(&nn_op_concat, add(&nn_op_softplus, NULL, y), add(&nn_op_slice, &(nn_slice_conf){1, 2}, y));
  if (kind == 5) y = add(&nn_op_reshape, &(nn_reshape_conf){{{0}, 0}}, add(&nn_op_relu, NULL, y));
  return dense(y, 2, false);
}
enum { KINDS = 6 };

static void open_net(net *n, int kind, int lanes, bool train) {
  memset(&e, 0, sizeof e);
  g = n->g = nn_graph_new();
  int bad = nn_finish(g, build(kind), &e) || nn_plan_new(&n->p, g, lanes, train, false, &e) ||
            nn_frame_new(&n->f, n->p, NULL, &e);
  CHECK_REPORT(!bad, "net %d: %.300s", kind, e.text);
  n->theta = reals(g->nparam), n->dtheta = reals(g->nparam);
  n->state = reals(g->nstate), n->dstate = reals(g->nstate);
  nn_init(g, n->theta, 3), nn_init_state(g, n->state);
  n->f->theta = n->theta, n->f->dtheta = n->dtheta, n->f->state = n->state, n->f->dstate = n->dstate;
  for (size_t i = 0; i < g->nparam; i++) /* norms and biases away from their start */
    n->theta[i] += n->theta[i] != 0 ? (nn_real)(0.2 * rng_uniform(rng_stream(1, "shift"), i, 0, 0)) : 0;
  size_t nx = nn_rows(g->node[0].shape) * (size_t)lanes;
  for (size_t i = 0; i < nx; i++) n->f->value[0][i] = (nn_real)rng_normal(rng_stream(2, "x"), i, 0, 0);
}
static void close_net(net *n) {
  nn_frame_free(n->f, NULL), nn_plan_free(n->p), nn_graph_free(n->g);
  free(n->theta), free(n->dtheta), free(n->state), free(n->dstate);
}

static size_t outputs(const net *n) {
  return nn_rows(n->g->node[n->g->output].shape) * (size_t)n->p->lanes;
}
static nn_real weight(size_t i) {
  return (nn_real)(2 * rng_uniform(rng_stream(5, "loss"), i, 0, 0) - 1);
}
static void backward(net *n) {
  memset(n->dtheta, 0, n->g->nparam * sizeof(nn_real));
  for (size_t i = 0; i < n->p->grads; i++) n->f->grad_arena[i] = NAN;
  for (size_t i = 0; i < n->p->scratch; i++) n->f->scratch[i] = NAN;
  nn_forward(n->p, n->f);
  for (size_t i = 0; i < outputs(n); i++) n->f->grad[n->g->output][i] = weight(i);
  nn_backward(n->p, n->f);
}

#ifndef NN_SINGLE
static double loss(net *n) {
  double sum = 0;
  nn_forward(n->p, n->f);
  for (size_t i = 0; i < outputs(n); i++) sum += weight(i) * n->f->value[n->g->output][i];
  return sum;
}
static void compare(net *n, nn_real *at, const nn_real *grad, size_t count, const char *what, int kind) {
  double h = 1e-5;
  for (size_t i = 0; i < count; i++) {
    double keep = at[i], up, d;
    at[i] = keep + h, up = loss(n);
    at[i] = keep - h, d = (up - loss(n)) / (2 * h);
    at[i] = keep;
    CHECK_REPORT(fabs(d - grad[i]) <= 1e-6 * (1 + fabs(d)), "net %d: d/d%s[%zu] = %.10g, expected %.10g", kind, what, i,
                 grad[i], d);
  }
}
static void gradients(int kind, int lanes, bool train) {
  net n;
  open_net(&n, kind, lanes, true);
  n.f->train = train;
  backward(&n);
  size_t nx = nn_rows(n.g->node[0].shape) * (size_t)lanes, np = n.g->nparam;
  nn_real *dx = memcpy(reals(nx), n.f->grad[0], nx * sizeof(nn_real));
  nn_real *dtheta = memcpy(reals(np), n.dtheta, np * sizeof(nn_real));
  compare(&n, n.theta, dtheta, np, "theta", kind);
  compare(&n, n.f->value[0], dx, nx, "x", kind);
  free(dx), free(dtheta);
  close_net(&n);
}
#endif

/* Group by group and node by node: the same values; the same gradients but for the order of some sums. */
static void grouped(int kind, int lanes) {
  net a, b;
  open_net(&a, kind, lanes, true), open_net(&b, kind, lanes, true);
  int groups = 0;
  for (int i = 0; i < b.g->nnodes; i++) {
    groups += b.p->group[i] == i;
    b.p->group[i] = i, a.p->block[i] = 4;
  }
  CHECK(groups < b.g->nnodes);
  backward(&a), backward(&b);
  double scale = 0, off = 0;
  for (size_t i = 0; i < a.g->nparam; i++)
    scale = fmax(scale, fabs((double)a.dtheta[i])), off = fmax(off, fabs((double)a.dtheta[i] - (double)b.dtheta[i]));
  CHECK_BITS(a.f->value[a.g->output], b.f->value[b.g->output], outputs(&a) * sizeof(nn_real));
  CHECK_REPORT(off <= 1e-5 * scale, "net %d: gradients of groups are off by %g of %g", kind, off, scale);
  CHECK_BITS(a.dstate, b.dstate, a.g->nstate * sizeof(nn_real));
  close_net(&a), close_net(&b);
}

static void stored(int kind) {
  char path[] = "/tmp/test_nets_XXXXXX";
  net a, b;
  h5 *f;
  close(mkstemp(path));
  open_net(&a, kind, 8, false), open_net(&b, kind, 8, false);
  memset(b.theta, 0, b.g->nparam * sizeof(nn_real)), memset(b.state, 0, b.g->nstate * sizeof(nn_real));
  CHECK(!h5_create(&f, path, &e));
  CHECK(!nn_store_write(f, &(nn_stored){a.g, a.theta, a.state}, &e) && !h5_commit(f, &e));
  CHECK_REPORT(!nn_store_read_all(path, b.g, b.theta, b.state, &e), "%.300s", e.text);
  CHECK_BITS(a.theta, b.theta, a.g->nparam * sizeof(nn_real));
  CHECK_BITS(a.state, b.state, a.g->nstate * sizeof(nn_real));
  unlink(path);
  close_net(&a), close_net(&b);
}

static void refused(void) {
  nn_plan *p = NULL;
  net n;
  open_net(&n, 0, 8, false);
  CHECK_INT(nn_plan_new(&p, n.g, 8, false, true, &e), ERR_DECK);
  CHECK_REPORT(strstr(e.text, "conv") && strstr(e.text, "later positions"), "%.300s", e.text);
  close_net(&n);
}

int main(void) {
  for (int kind = 0; kind < KINDS; kind++) {
#ifndef NN_SINGLE
    gradients(kind, 8, true), gradients(kind, 1, false);
#endif
    grouped(kind, 16), grouped(kind, 32), stored(kind);
  }
  refused();
  return check_done();
}

/* test_graph.c: whole networks of every kind: gradient of all parameters against central differences, step == forward,
 * causality; the plan of memory on graphs that share and branch; text, parameters and their store in HDF5. */
#include <unistd.h>

#include "nn/store.h"
#include "tests/ar_fixture.h"

static const char *const nets[] = {
    "lattice.L=4 net.kind=made net.depth=3 net.width=3 net.block=4 net.output_gain=1",
    "lattice.L=4 net.kind=made net.depth=4 net.width=3 net.residual=true net.activation=tanh net.skip=frontier "
    "net.output_gain=1",
    "lattice.L=4 net.kind=made net.depth=1 net.output_gain=1 net.skip=all",
    "lattice.L=4 net.kind=pixelcnn net.depth=3 net.width=4 net.output_gain=1",
    "lattice.L=4 net.kind=pixelcnn net.depth=4 net.width=4 net.residual=true net.output_gain=1 net.skip=all",
    "lattice.L=4 net.kind=pixelcnn net.depth=4 net.width=3 net.residual=true net.activation=silu net.wrap=true "
    "net.output_gain=1",
    "lattice.L=6 net.kind=pixelcnn net.depth=3 net.width=3 net.dilation=[1,2] net.half_kernel=2 net.wrap=true "
    "net.output_gain=1",
    "lattice.L=4 net.kind=pixelcnn net.depth=1 net.width=3 net.skip=frontier net.output_gain=1",
    "lattice.L=4 net.kind=sites net.width=3 net.output_gain=1 net.skip=frontier",
    "lattice.L=4 net.kind=sites net.depth=3 net.width=3 net.inputs=all net.bias=true net.activation=prelu "
    "net.output_gain=1",
    "lattice.L=4 net.kind=sites net.depth=2 net.width=3 net.activation=relu net.bias=true net.skip=all "
    "net.output_gain=1",
    "lattice.L=4 net.kind=sites net.depth=2 net.width=3 net.activation=silu net.output_gain=1",
};
enum { NETS = sizeof nets / sizeof *nets };

static int open_net(fixture *x, int k, bool heat_bath, int lanes) {
  char text[1000];
  snprintf(text, sizeof text, "%s model.beta=0.4 draw.heat_bath=%s draw.lanes=%d", nets[k],
           heat_bath ? "true" : "false", lanes);
  return fixture_open(x, text);
}

static void fill_spins(const nn_frame *f, size_t n, unsigned seed) {
  for (size_t i = 0; i < n; i++) f->value[0][i] = rng_uniform(rng_stream(seed, "spins"), i, 0, 0) < 0.5 ? 1 : -1;
}

#ifndef NN_SINGLE
static double loss(const nn_plan *p, const nn_frame *f, const nn_real *c) {
  size_t n = nn_rows(p->graph->node[p->graph->output].shape) * (size_t)p->lanes;
  double sum = 0;
  nn_forward(p, f);
  for (size_t i = 0; i < n; i++) sum += c[i] * f->value[p->graph->output][i];
  return sum;
}

/* d (sum c z) / d theta of a whole graph. The gradient storage is poisoned first: the plan must open what it uses. */
static void compare_gradient(const nn_plan *p, nn_frame *f, nn_real *theta, const char *what) {
  const nn_graph *g = p->graph;
  size_t n = nn_rows(g->node[g->output].shape) * (size_t)p->lanes;
  nn_real *c = nn_alloc(n * sizeof *c), *grad = nn_alloc(g->nparam * sizeof *grad);
  for (size_t i = 0; i < n; i++) c[i] = 2 * rng_uniform(rng_stream(5, "loss"), i, 0, 0) - 1;
  f->theta = theta, f->dtheta = grad;
  for (size_t i = 0; i < p->grads; i++) f->grad_arena[i] = NAN;
  for (size_t i = 0; i < p->scratch; i++) f->scratch[i] = NAN;
  loss(p, f, c);
  memcpy(f->grad[g->output], c, n * sizeof *c);
  nn_backward(p, f);
  for (size_t k = 0; k < g->nparam; k++) {
    double h = 1e-6, keep = theta[k], up, down;
    theta[k] = keep + h, up = loss(p, f, c);
    theta[k] = keep - h, down = loss(p, f, c);
    theta[k] = keep;
    CHECK_REPORT(fabs((up - down) / (2 * h) - grad[k]) <= 1e-6 * (1 + fabs(grad[k])),
                 "%s: d/dtheta[%zu] = %.9g, expected %.9g", what, k, grad[k], (up - down) / (2 * h));
  }
  free(c), free(grad);
}

static void gradients(void) {
  fixture x;
  const int lanes[] = {8, 1};
  for (int k = 0; k < NETS; k++)
    for (int heat_bath = 0; heat_bath < 2; heat_bath++) {
      if (open_net(&x, k, heat_bath, lanes[heat_bath])) continue;
      fill_spins(x.f.f[0], (size_t)x.a->n * (size_t)x.a->lanes, (unsigned)k);
      compare_gradient(x.a->plan, x.f.f[0], x.theta, nets[k]);
      fixture_close(&x);
    }
}

/* Branches, an input read twice, an output that is read again, an unused node, an in-place chain: the shapes that a
 * plan can get wrong. */
static void shared_storage(int lanes) {
  err e = {0};
  nn_graph *g = nn_graph_new();
  nn_causal_dense_conf first = {3, 2, true, true, 1}, inner = {3, 2, false, true, 1};
  int x = nn_input(g, "x", (nn_shape){{5, 1, 1}, 2});
  int a = nn_add(g, &nn_op_causal_dense, "a", &first, 1, &x, &e);
  int b = nn_add(g, &nn_op_add, "b", NULL, 2, (int[]){a, a}, &e);
  int c = nn_add(g, &nn_op_tanh, "c", NULL, 1, &b, &e);
  int d = nn_add(g, &nn_op_causal_dense, "d", &inner, 1, &c, &e);
  int s = nn_add(g, &nn_op_add, "s", NULL, 2, (int[]){d, a}, &e);
  int t = nn_add(g, &nn_op_prelu, "t", &(nn_prelu_conf){true}, 1, &s, &e);
  int u = nn_add(g, &nn_op_causal_dense, "u", &inner, 1, &t, &e);
  int v = nn_add(g, &nn_op_silu, "v", NULL, 1, &u, &e);
  int w = nn_add(g, &nn_op_add, "w", NULL, 2, (int[]){v, c}, &e);
  int out = nn_add(g, &nn_op_add, "out", NULL, 2, (int[]){w, t}, &e);
  nn_add(g, &nn_op_tanh, "unused", NULL, 1, &out, &e);
  nn_plan *p = NULL;
  nn_frame *f = NULL;
  CHECK(!nn_finish(g, out, &e) && !nn_plan_new(&p, g, lanes, true, true, &e) && !nn_frame_new(&f, p, NULL, &e));
  nn_real *theta = nn_alloc(g->nparam * sizeof *theta);
  fixture_randomise(g, theta, 0.3);
  for (int i = 0; i < 10 * lanes; i++) f->value[0][i] = 2 * rng_uniform(rng_stream(6, "x"), (uint64_t)i, 0, 0) - 1;
  compare_gradient(p, f, theta, "branches");
  CHECK(f->value[b] != f->value[a] && f->value[c] == f->value[b] && f->value[t] == f->value[s] &&
        f->value[s] == f->value[d]);
  CHECK(f->value[w] != f->value[c] && f->value[v] != f->value[u]);
  CHECK(p->grads < 11 * 15 * (size_t)lanes); /* places are used again */
  nn_frame_free(f, NULL), nn_plan_free(p), nn_graph_free(g), free(theta);
}
#endif

/* Step by step with the future of the spins poisoned gives the bits of a full pass; z[t] ignores x[u >= t]. */
static void walks(void) {
  fixture x;
  for (int k = 0; k < NETS; k++)
    for (int lanes = 1; lanes <= 64; lanes *= 8) {
      if (open_net(&x, k, k & 1, lanes)) continue;
      size_t n = (size_t)x.a->n, S = (size_t)lanes;
      nn_frame *f = x.f.f[0], *h = NULL;
      err e = {0};
      if (nn_frame_new(&h, x.a->plan, f, &e)) continue;
      const nn_real *z = f->value[x.a->net->output], *y = h->value[x.a->net->output];
      f->theta = h->theta = x.theta;
      fill_spins(h, n * S, (unsigned)k);
      nn_forward(x.a->plan, h);
      for (size_t i = 0; i < x.a->plan->values; i++) f->arena[i] = NAN;
      for (size_t t = 0; t < n; t++) {
        nn_step(x.a->plan, f, (int)t);
        memcpy(f->value[0] + t * S, h->value[0] + t * S, S * sizeof *z);
      }
      CHECK_REPORT(!memcmp(z, y, n * S * sizeof *z), "%s, %d lanes: step and forward differ", nets[k], lanes);
      int late = 0, moved = 0;
      for (size_t u = 0; u < n; u++) {
        for (size_t i = 0; i < S; i++) f->value[0][u * S + i] *= -1;
        nn_forward(x.a->plan, f);
        late += !!memcmp(z, y, (u + 1) * S * sizeof *z);
        moved += !!memcmp(z, y, n * S * sizeof *z);
        for (size_t i = 0; i < S; i++) f->value[0][u * S + i] *= -1;
      }
      CHECK_REPORT(!late && moved >= (int)n / 2, "%s: %d spins are seen too early, %d matter", nets[k], late, moved);
      nn_frame_free(h, f);
      fixture_close(&x);
    }
}

static int no_step_shape(nn_node *n, const nn_shape *in, err *e) {
  return n->shape = *in, 0;
}
static void no_walk(const nn_node *n, const nn_frame *f) {}
static const nn_op no_step = {
    .name = "bystander", .min_in = 1, .max_in = 1, .shape = no_step_shape, .forward = no_walk};

static void refusals(void) {
  err e = {0};
  nn_graph *g = nn_graph_new();
  nn_plan *p = NULL;
  int x = nn_input(g, "x", (nn_shape){{3, 1, 1}, 1}), y = nn_add(g, &no_step, "halt", NULL, 1, &x, &e);
  CHECK(!nn_finish(g, y, &e));
  CHECK(nn_plan_new(&p, g, 8, false, true, &e) && strstr(e.text, "halt") && strstr(e.text, "bystander") &&
        strstr(e.text, "step"));
  e = (err){0};
  CHECK(nn_plan_new(&p, g, 8, true, false, &e) && strstr(e.text, "backward"));
  e = (err){0};
  CHECK(!nn_plan_new(&p, g, 8, false, false, &e));
  nn_plan_free(p);
  CHECK(nn_add(g, &nn_op_add, "sum", NULL, 1, &x, &e) < 0 && strstr(e.text, "sum"));
  e = (err){0};
  int odd = nn_input(g, "odd", (nn_shape){{3, 1, 1}, 2});
  CHECK(nn_add(g, &nn_op_add, "sum", NULL, 2, (int[]){x, odd}, &e) < 0 && strstr(e.text, "sum"));
  CHECK(nn_finish(g, -1, &e));
  nn_graph_free(g);
}

static void text_and_parameters(void) {
  fixture x, y;
  char *first = NULL;
  for (int k = 0; k < NETS; k++) {
    if (open_net(&x, k, true, 8) || open_net(&y, k, true, 16)) return;
    char *a = nn_graph_text(x.a->net), *b = nn_graph_text(y.a->net);
    CHECK_TEXT(a, b);
    CHECK_BITS(x.theta, y.theta, x.a->net->nparam * sizeof(nn_real));
    if (first) CHECK(strcmp(first, a));
    free(first), free(b);
    first = a;
    CHECK_INT(nn_find(x.a->net, "spins")->id, 0);
    CHECK(!nn_find(x.a->net, "no such node"));
    fixture_close(&x), fixture_close(&y);
  }
  free(first);
}

static void write_store(const char *path, const fixture *x, err *e) {
  h5 *f;
  nn_stored s = {x->a->net, x->theta};
  if (h5_create(&f, path, e)) return;
  if (nn_store_write(f, &s, e))
    h5_abandon(f);
  else
    h5_commit(f, e);
}

static void refuse_store(const char *path, const char *text, const char *node) {
  fixture y;
  err e = {0};
  if (fixture_open(&y, text)) return;
  CHECK_INT(nn_store_read(path, y.a->net, y.theta, &e), ERR_FILE);
  CHECK_REPORT(strstr(e.text, node) && strstr(e.text, path), "%s: message '%.400s' should name '%s' and the file", text,
               e.text, node);
  fixture_close(&y);
}

static void store(void) {
  char path[] = "/tmp/test_graph_XXXXXX";
  fixture x, y;
  err e = {0};
  close(mkstemp(path));
  for (int k = 0; k < NETS; k++) {
    if (open_net(&x, k, true, 8) || open_net(&y, k, true, 8)) return;
    write_store(path, &x, &e);
    memset(y.theta, 0, y.a->net->nparam * sizeof *y.theta);
    CHECK_REPORT(!nn_store_read(path, y.a->net, y.theta, &e), "%.400s", e.text);
    CHECK_BITS(x.theta, y.theta, x.a->net->nparam * sizeof *x.theta);
    fixture_close(&x), fixture_close(&y);
  }
  if (fixture_open(&x, "lattice.L=4 model.beta=0.4 net.kind=sites net.width=3 net.skip=frontier draw.lanes=8")) return;
  write_store(path, &x, &e);
  CHECK_REPORT(!e.code, "%.400s", e.text);
  refuse_store(path, "lattice.L=4 model.beta=0.4 net.kind=sites net.width=4 net.skip=frontier draw.lanes=8", "hidden1");
  refuse_store(
      path, "lattice.L=4 model.beta=0.4 net.kind=sites net.width=3 net.skip=frontier net.activation=prelu draw.lanes=8",
      "act1");
  refuse_store(path, "lattice.L=4 model.beta=0.4 net.kind=sites net.width=3 net.skip=all draw.lanes=8", "skip");
  refuse_store(path, "lattice.L=4 model.beta=0.4 net.kind=sites net.width=3 draw.lanes=8", "skip");
  refuse_store(
      path, "lattice.L=4 model.beta=0.4 net.kind=sites net.width=3 net.skip=frontier draw.heat_bath=false draw.lanes=8",
      "spins");
  refuse_store("/tmp/there/is/nothing.h5", "lattice.L=4 model.beta=0.4 net.kind=sites net.width=3 draw.lanes=8",
               "nothing");
  fixture_close(&x);
  unlink(path);
}

/* Lists of the same entries cut differently are another network. */
static void cut_lists(void) {
  const int list[] = {0, 0}, early[] = {0, 0, 1, 2}, late[] = {0, 0, 0, 2};
  char *text[2];
  for (int k = 0; k < 2; k++) {
    err e = {0};
    nn_graph *g = nn_graph_new();
    int x = nn_input(g, "x", (nn_shape){{3, 1, 1}, 1});
    nn_sites_conf conf = {.out = 1, .positions = 3, .start = k ? late : early, .list = list};
    nn_finish(g, nn_add(g, &nn_op_sites, "y", &conf, 1, &x, &e), &e);
    text[k] = nn_graph_text(g);
    nn_graph_free(g);
  }
  CHECK_REPORT(strcmp(text[0], text[1]), "two networks with the same text: %s", text[0]);
  free(text[0]), free(text[1]);
}

int main(void) {
#ifndef NN_SINGLE
  gradients();
  shared_storage(8);
  shared_storage(1);
#endif
  walks();
  refusals();
  text_and_parameters();
  store();
  cut_lists();
  return check_done();
}

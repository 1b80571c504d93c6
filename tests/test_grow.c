/* test_grow.c: networks carried over to larger lattices: donors, what lies the same way from them, a network whose
 * weights are functions of distance becomes the same function on the larger lattice, refusals. */
#include <math.h>

#include "nn/grow.h"
#include "tests/ar_fixture.h"

static void maps(void) {
  static const nn_growth all[] = {{{8, 4}, {8, 4}}, {{8, 4}, {16, 8}}, {{4, 6}, {10, 7}}, {{6, 5}, {12, 9}}};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
    const nn_growth *w = &all[i];
    int R = w->to[0], C = w->to[1], N = R * C, n = w->from[0] * w->from[1], bad = 0, reached = 0;
    for (int t = 0; t < N; t++) {
      int d = nn_growth_donor(w, t), row = t / C, drow = d / w->from[1];
      bad += d < 0 || d >= n || (row - drow) % 2;
      bad += row < w->from[0] / 2 && row != drow;
      bad += R - row <= w->from[0] / 2 && R - row != w->from[0] - drow;
      bad += t % C < w->from[1] / 2 && t % C != d % w->from[1];
      bad += nn_growth_like(w, t, t) != d;
      for (int u = 0; u < N; u++) {
        int v = nn_growth_like(w, t, u);
        bad += v < -1 || v >= n || (N == n && v != u);
        reached += v >= 0;
      }
    }
    CHECK_REPORT(!bad, "growth %u: %d faults", i, bad);
    CHECK(reached >= N * n / 2 && (N == n || reached < N * N));
  }
}

/* A weight that depends on the node, the unit and the way from t to u; zero further than two away. */
static nn_real of_distance(const nn_causal *c, int node, int t, int u, int unit) {
  int dr = u / c->cols - t / c->cols, dc = u % c->cols - t % c->cols;
  dr = (dr % c->rows + c->rows + c->rows / 2) % c->rows - c->rows / 2;
  dc = (dc % c->cols + c->cols + c->cols / 2) % c->cols - c->cols / 2;
  if (abs(dr) > 2 || abs(dc) > 1) return 0;
  return (nn_real)sin(1 + node * 71. + dr * 13. + dc * 5. + unit * 3. + t / c->cols % 2 * 7.);
}

static void fill(const fixture *x) {
  for (int i = 0; i < x->a->net->nnodes; i++) {
    const nn_node *n = &x->a->net->node[i];
    const nn_sites_conf *c = n->conf;
    for (size_t k = 0; n->op == &nn_op_prelu && k < n->nparam; k++)
      x->theta[n->param + k] = (nn_real)(k % (size_t)n->shape.channels);
    if (n->op != &nn_op_sites) continue;
    int cin = x->a->net->node[n->in[0]].shape.channels;
    nn_real *w = x->theta + n->param;
    for (int t = 0; t < c->positions; t++)
      for (int k = c->start[t]; k < c->start[t + 1]; k++)
        for (int m = 0; m < cin * c->out; m++) *w++ = of_distance(x->a->causal, i, t, c->list[k], m);
    for (int m = 0; c->bias && m < c->positions * c->out; m++) *w++ = (nn_real)(m % c->out);
  }
}

static const char net[] = "net.kind=sites net.width=3 net.depth=2 net.bias=true net.activation=prelu net.skip=frontier";

static void same_function(const char *geometry, int small, int large) {
  fixture a, b;
  err e = {0};
  char text[400];
  snprintf(text, sizeof text, "%.100s lattice.L=%d %s", geometry, small, net);
  if (fixture_open(&a, text)) return;
  snprintf(text, sizeof text, "%.100s lattice.L=%d %s", geometry, large, net);
  if (fixture_open(&b, text)) return;
  nn_real *grown = nn_alloc(b.a->net->nparam * sizeof *grown);
  nn_init(b.a->net, grown, 1), nn_init(b.a->net, b.theta, 1);
  fill(&a), fill(&b);
  int bad = nn_grow(a.a->net, a.a->causal, a.theta, b.a->net, b.a->causal, grown, &e), differ = 0;
  for (size_t k = 0; k < b.a->net->nparam; k++) differ += grown[k] != b.theta[k];
  CHECK_REPORT(!bad && !differ, "%.100s %d -> %d: %.300s; %d of %zu parameters differ", geometry, small, large, e.text,
               differ, b.a->net->nparam);
  free(grown), fixture_close(&a), fixture_close(&b);
}

static void refuse(const char *from, const char *to, const char *word) {
  fixture a, b;
  err e = {0};
  if (fixture_open(&a, from) || fixture_open(&b, to)) return;
  nn_grow(a.a->net, a.a->causal, a.theta, b.a->net, b.a->causal, b.theta, &e);
  CHECK_REPORT(e.code == ERR_FILE && strstr(e.text, word), "%.100s to %.100s: '%.200s' lacks '%s'", from, to, e.text,
               word);
  fixture_close(&a), fixture_close(&b);
}

int main(void) {
  maps();
  same_function("model.beta=0.4 draw.heat_bath=true", 8, 8);
  same_function("model.beta=0.4 draw.heat_bath=true", 12, 16);
  same_function("model.beta=0.4 draw.heat_bath=true", 12, 24);
  same_function("model.beta=0.4 draw.heat_bath=false", 6, 10);
  refuse("model.beta=0.4 lattice.L=8", "model.beta=0.4 lattice.L=6", "cannot grow");
  refuse("model.beta=0.4 lattice.L=6 draw.heat_bath=false", "model.beta=0.4 lattice.L=7 draw.heat_bath=false",
         "even number");
  refuse("model.beta=0.4 lattice.L=6 net.width=3", "model.beta=0.4 lattice.L=8 net.width=4", "channels");
  refuse("model.beta=0.4 lattice.L=6 net.depth=2", "model.beta=0.4 lattice.L=8", "nodes");
  refuse("model.beta=0.4 lattice.L=6 net.kind=made", "model.beta=0.4 lattice.L=8 net.kind=made", "cannot grow");
  refuse("model.beta=0.4 model.kind=gaussian lattice.kind=complete lattice.n=9",
         "model.beta=0.4 model.kind=gaussian lattice.kind=complete lattice.n=12", "grid");
  return check_done();
}

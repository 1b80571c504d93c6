/* test_relevance.c: the walk relevance. Over the table of ops (with the samples of test_ops_samples.h) and the table of
 * rules: the ledger closes for every op, rule and lane, and the relevance of the inputs is what the ledger says. Linear
 * ops against sums written down term by term. Identities: rule 0 = input x gradient on ReLU networks without bias,
 * gamma 0 = epsilon, alpha 1 beta 0 = z+; units with terms of one sign; batch norm folded = batch norm folded by hand;
 * branches conserve; small cases worked by hand. */
#include "nn/ops.h"
#include "nn/relevance.h"
#include "tests/check.h"
#include "tests/test_ops_samples.h"

#ifdef NN_SINGLE
static const double tight = 1e-5;
#else
static const double tight = 1e-12;
#endif

static double noise(unsigned seed, size_t i) {
  return 2 * rng_uniform(rng_stream(seed, "relevance"), i, 0, 0) - 1;
}

/* A network on storage of its own. */
typedef struct rig {
  nn_graph *g;
  nn_plan *p;
  nn_frame *f;
  nn_relevance *r;
  nn_trail *t;
  nn_real *theta, *state;
  int S;
} rig;

static int open_rig(rig *x, nn_graph *g, int output, int S, const nn_rule *rules, bool train) {
  err e = {0};
  *x = (rig){.g = g, .S = S};
  int bad = nn_finish(g, output, &e) || nn_plan_new(&x->p, g, S, train, false, &e) ||
            nn_frame_new(&x->f, x->p, NULL, &e) || nn_relevance_new(&x->r, g, S, rules, &e) ||
            nn_trail_new(&x->t, x->r, true, &e);
  CHECK_REPORT(!bad, "%.400s", e.text);
  if (bad) return 1;
  x->theta = nn_alloc(g->nparam * sizeof(nn_real)), x->state = nn_alloc(g->nstate * sizeof(nn_real));
  nn_init(g, x->theta, 1), nn_init_state(g, x->state);
  for (int k = 0; k < g->nnodes; k++)
    for (size_t i = 0; i < g->node[k].nparam; i++) { /* weights against the order of a masked layer stay zero */
      nn_real *w = &x->theta[g->node[k].param + i];
      bool closed = g->node[k].op == &nn_op_causal_dense && *w == 0 && i < g->node[k].op->linear(&g->node[k]).weights;
      *w += closed ? 0 : (nn_real)(0.4 * noise(2, g->node[k].param + i));
    }
  for (size_t i = 0; i < g->nstate; i++) x->state[i] += (nn_real)(0.3 * noise(3, i));
  x->f->theta = x->theta, x->f->state = x->state;
  return 0;
}

static void close_rig(rig *x) {
  nn_trail_free(x->t), nn_relevance_free(x->r), nn_frame_free(x->f, NULL), nn_plan_free(x->p), nn_graph_free(x->g);
  free(x->theta), free(x->state);
}

static size_t count_of(const rig *x, int node) {
  return nn_rows(x->g->node[node].shape) * (size_t)x->S;
}

/* Inputs in -1 .. 1 (or >= 0), relevance of the output likewise; then the walk. */
static void walk(rig *x, unsigned seed, bool positive) {
  nn_relevance_prepare(x->r, x->theta, x->state);
  for (int k = 0; k < x->g->nnodes && !x->g->node[k].op; k++)
    for (size_t i = 0; i < count_of(x, k); i++) {
      double u = noise(seed + 100 + (unsigned)k, i);
      x->f->value[k][i] = (nn_real)(positive ? fabs(u) : u);
    }
  nn_forward(x->p, x->f);
  int out = x->g->output;
  for (size_t i = 0; i < count_of(x, out); i++) x->t->relevance[out][i] = (nn_real)noise(seed + 200, i);
  nn_relevance_walk(x->r, x->f, x->t, out);
}

/* out = in + bias + stabiliser + padding in every lane, relative to all that moved. */
static void ledger_closes(const rig *x, int node, const char *what) {
  const nn_node *n = &x->g->node[node];
  for (int i = 0; i < x->S; i++) {
    double a[NN_ACCOUNTS], moved = 0;
    for (int k = 0; k < NN_ACCOUNTS; k++) a[k] = nn_account(x->t, node, k, x->S)[i];
    for (size_t k = (size_t)i; k < count_of(x, node); k += (size_t)x->S)
      moved += fabs((double)x->t->relevance[node][k]);
    for (int b = 0; b < n->nin; b++)
      for (size_t k = (size_t)i; k < count_of(x, n->in[b]); k += (size_t)x->S)
        moved += fabs((double)x->t->relevance[n->in[b]][k]);
    moved += fabs(a[NN_BIAS]) + fabs(a[NN_STABILISER]) + fabs(a[NN_PADDING]);
    double gap = a[NN_OUT] - a[NN_IN] - a[NN_BIAS] - a[NN_STABILISER] - a[NN_PADDING];
    CHECK_REPORT(fabs(gap) <= tight * moved,
                 "%s, lane %d of %d: out %.12g, in %.12g, bias %.6g, stabiliser %.6g, padding "
                 "%.6g: gap %.3g of %.3g",
                 what, i, x->S, a[NN_OUT], a[NN_IN], a[NN_BIAS], a[NN_STABILISER], a[NN_PADDING], gap, moved);
  }
}

/* What the inputs of a network of one node have is what the ledger says, and what the node had is what was put in. */
static void books_are_true(const rig *x, int node, const char *what) {
  const nn_node *n = &x->g->node[node];
  for (int i = 0; i < x->S; i++) {
    double in = 0, moved = 0, out = 0;
    for (int b = 0; b < n->nin; b++)
      for (size_t k = (size_t)i; k < count_of(x, n->in[b]); k += (size_t)x->S) {
        double v = (double)x->t->relevance[n->in[b]][k];
        in += v, moved += fabs(v);
      }
    for (size_t k = (size_t)i; k < count_of(x, node); k += (size_t)x->S) out += (double)x->t->relevance[node][k];
    CHECK_REPORT(fabs(in - nn_account(x->t, node, NN_IN, x->S)[i]) <= tight * (moved + 1e-30),
                 "%s: inputs have %.12g, "
                 "booked %.12g",
                 what, in, nn_account(x->t, node, NN_IN, x->S)[i]);
    CHECK_NEAR(out, nn_account(x->t, node, NN_OUT, x->S)[i], tight * (double)nn_rows(n->shape));
  }
}

static const nn_rule variants[] = {
    {.type = &nn_rule_pass},
    {.type = &nn_rule_zero},
    {.type = &nn_rule_epsilon, .epsilon = 1e-6},
    {.type = &nn_rule_epsilon, .epsilon = 0.25},
    {.type = &nn_rule_epsilon, .epsilon = 0.1, .zero_bias = true},
    {.type = &nn_rule_gamma, .epsilon = 1e-3, .gamma = 0.25},
    {.type = &nn_rule_general_gamma, .epsilon = 1e-6, .gamma = 0.25},
    {.type = &nn_rule_general_gamma, .gamma = 3},
    {.type = &nn_rule_z_plus},
    {.type = &nn_rule_z_plus, .epsilon = 1e-2},
    {.type = &nn_rule_alpha_beta, .alpha = 1},
    {.type = &nn_rule_alpha_beta, .alpha = 2, .beta = 1},
    {.type = &nn_rule_alpha_beta, .alpha = 1.5, .beta = 0.5, .epsilon = 1e-2, .zero_bias = true},
    {.type = &nn_rule_w2},
    {.type = &nn_rule_w2, .padding = true},
    {.type = &nn_rule_flat},
    {.type = &nn_rule_flat, .epsilon = 1e-6, .padding = true},
    {.type = &nn_rule_box, .low = -1.5, .high = 2},
    {.type = &nn_rule_box, .low = -1.5, .high = 2, .padding = true, .epsilon = 1e-6},
    {.type = &nn_rule_winner},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static bool understands(const nn_op *op, const nn_rule_type *type) {
  return op->takes & type->fits;
}

static void one_op(const sample *s, const nn_rule *rule, int S, unsigned seed) {
  err e = {0};
  rig x;
  char what[200];
  int nin = s->nin ? s->nin : s->op->min_in;
  const int in[] = {0, 1, 2, 3};
  nn_rule rules[8] = {{0}};
  nn_graph *g = nn_graph_new();
  snprintf(what, sizeof what, "op %s, rule %s epsilon %g gamma %g padding %d", s->op->name, rule->type->name,
           rule->epsilon, rule->gamma, rule->padding);
  for (int k = 0; k < nin; k++) nn_input(g, "x", k && s->other.channels ? s->other : s->in);
  int y = nn_add(g, s->op, "node", s->conf, nin, in, &e);
  rules[nin] = *rule;
  CHECK_REPORT(y == nin, "%s: %.300s", what, e.text);
  if (y < 0 || open_rig(&x, g, y, S, rules, false)) return;
  int length[NN_MAX_LANES];
  for (int i = 0; i < S; i++) length[i] = 1 + (i * 7 + 2) % s->in.extent[0];
  if (s->masked) x.f->length = length, x.f->whole = s->in.extent[0];
  walk(&x, seed, seed % 2);
  ledger_closes(&x, y, what);
  books_are_true(&x, y, what);
  close_rig(&x);
}

static void op_table(void) {
  for (const nn_op *const *op = nn_ops; *op; op++) {
    int tried = 0;
    for (int i = 0; i < SAMPLES; i++)
      for (int k = 0; k < VARIANTS && samples[i].op == *op; k++)
        for (int S = 1; S <= 16 && understands(*op, variants[k].type); S *= 4, tried++)
          one_op(&samples[i], &variants[k], S, (unsigned)(i + k + S / 4));
    CHECK_REPORT(!(*op)->relevance == !tried, "op %s: %d samples of relevance", (*op)->name, tried);
    CHECK_REPORT(!(*op)->relevance == !(*op)->takes, "op %s takes rules and has no relevance, or the other way",
                 (*op)->name);
  }
  for (int k = 0; nn_rules[k]; k++) {
    int tried = 0;
    for (int i = 0; i < VARIANTS; i++) tried += variants[i].type == nn_rules[k];
    CHECK_REPORT(tried, "rule %s is not tried", nn_rules[k]->name);
    CHECK(nn_rule_find(nn_rules[k]->name) == nn_rules[k]);
  }
  CHECK(!nn_rule_find("no such rule"));
}

/* ---- linear ops against the sums written down: every output unit a vector of weights over all inputs, made by
 * linearity from forward on unit vectors (in double) ---- */
#ifndef NN_SINGLE
static void spelled_unit(const nn_rule *rule, int n, const double *x, const double *w, double b, double R, double *to) {
  const nn_rule_type *type = rule->type;
  double *q[2] = {calloc((size_t)n, sizeof(double)), calloc((size_t)n, sizeof(double))}, z[2] = {0};
  double g = rule->gamma, net = b;
  for (int j = 0; j < n; j++) net += x[j] * w[j];
  if (rule->zero_bias) net -= b;
  for (int j = 0; j <= n; j++) { /* the bias comes last: an input that is 1 */
    double a = j < n ? x[j] : 1, v = j < n ? w[j] : rule->zero_bias ? 0 : b, p = fmax(a, 0), m = fmin(a, 0);
    double up = fmax(v, 0), down = fmin(v, 0), one = 0, two = 0;
    bool open = j < n && v != 0;
    if (type == &nn_rule_zero || type == &nn_rule_epsilon) one = a * v;
    if (type == &nn_rule_gamma) one = a * (v + g * up);
    if (type == &nn_rule_general_gamma)
      one = net >= 0 ? p * (v + g * up) + m * (v + g * down) : p * (v + g * down) + m * (v + g * up);
    if (type == &nn_rule_z_plus || type == &nn_rule_alpha_beta) one = p * up + m * down;
    if (type == &nn_rule_alpha_beta) two = p * down + m * up;
    if (type == &nn_rule_w2) one = open ? v * v : 0;
    if (type == &nn_rule_flat) one = open;
    if (type == &nn_rule_box) one = j < n ? a * v - rule->low * up - rule->high * down : 0;
    if (j < n) q[0][j] = one, q[1][j] = two;
    z[0] += one, z[1] += two;
  }
  double part[2] = {1, 0};
  if (type == &nn_rule_alpha_beta) part[0] = rule->alpha, part[1] = -rule->beta;
  if (type == &nn_rule_alpha_beta && z[1] == 0)
    part[0] = 1, part[1] = 0;
  else if (type == &nn_rule_alpha_beta && z[0] == 0 && rule->beta > 0)
    part[0] = 0, part[1] = 1;
  for (int u = 0; u < 2; u++) {
    double stab = z[u] + (z[u] < 0 || (u && z[u] == 0) ? -1 : 1) * rule->epsilon;
    for (int j = 0; j < n && stab != 0; j++) to[j] += q[u][j] / stab * part[u] * R;
  }
  free(q[0]), free(q[1]);
}

/* w (ny, nx) and b (ny) of the only node, from its answers to zero and to unit vectors in lane 0. */
static void matrix_of(rig *x, int node, double *w, double *b) {
  size_t nx = nn_rows(x->g->node[0].shape), ny = nn_rows(x->g->node[node].shape), S = (size_t)x->S;
  nn_real *in = x->f->value[0], *out = x->f->value[node];
  memset(in, 0, nx * S * sizeof *in);
  nn_forward(x->p, x->f);
  for (size_t k = 0; k < ny; k++) b[k] = out[k * S];
  for (size_t j = 0; j < nx; j++) {
    in[j * S] = 1;
    nn_forward(x->p, x->f);
    for (size_t k = 0; k < ny; k++) w[k * nx + j] = fabs(out[k * S] - b[k]) < 1e-13 ? 0 : out[k * S] - b[k];
    in[j * S] = 0;
  }
}

/* A wrapped kernel wider than the lattice meets an input twice: its weights are two terms, not one. */
static bool meets_twice(const nn_node *n) {
  const nn_segments *s = n->op->linear(n).segments;
  bool twice = false;
  for (int t = 0; s && t < s->positions; t++)
    for (int i = s->start[t]; i < s->start[t + 1]; i++)
      for (int k = s->start[t]; k < i; k++) {
        const nn_segment *a = &s->segment[i], *b = &s->segment[k];
        twice |= a->x < b->x + b->n && b->x < a->x + a->n;
      }
  return twice;
}

static void against_sums(const sample *s, const nn_rule *rule) {
  err e = {0};
  rig x;
  const int in = 0;
  nn_rule rules[2] = {{0}, *rule};
  nn_graph *g = nn_graph_new();
  nn_input(g, "x", s->in);
  int y = nn_add(g, s->op, "node", s->conf, 1, &in, &e);
  if (y < 0 || open_rig(&x, g, y, 4, rules, false)) return;
  if (meets_twice(&g->node[y])) {
    close_rig(&x);
    return;
  }
  size_t nx = nn_rows(s->in), ny = nn_rows(g->node[y].shape), S = 4;
  double *w = calloc(nx * ny, sizeof *w), *b = calloc(ny, sizeof *b), *want = calloc(nx, sizeof *want);
  double *a = calloc(nx, sizeof *a), scale = 0, off = 0;
  matrix_of(&x, y, w, b);
  walk(&x, 7, false);
  for (size_t i = 0; i < S; i++) {
    memset(want, 0, nx * sizeof *want);
    for (size_t j = 0; j < nx; j++) a[j] = x.f->value[0][j * S + i];
    for (size_t k = 0; k < ny; k++)
      spelled_unit(rule, (int)nx, a, w + k * nx, b[k], x.t->relevance[y][k * S + i], want);
    for (size_t j = 0; j < nx; j++) {
      off = fmax(off, fabs(want[j] - x.t->relevance[0][j * S + i]));
      scale = fmax(scale, fabs(want[j]));
    }
  }
  CHECK_REPORT(off <= 1e-9 * scale, "op %s, rule %s: relevance is off by %.3g of %.3g", s->op->name, rule->type->name,
               off, scale);
  free(w), free(b), free(want), free(a);
  close_rig(&x);
}

static void linear_ops(void) {
  for (int i = 0; i < SAMPLES; i++)
    for (int k = 0; k < VARIANTS && samples[i].op->linear && samples[i].op != &nn_op_attention && !samples[i].masked;
         k++)
      if (understands(samples[i].op, variants[k].type) && !variants[k].padding) against_sums(&samples[i], &variants[k]);
}
#endif

/* ---- networks ---- */
typedef struct net {
  nn_graph *g;
  int x, conv, norm, act, other, sum, pool, out;
} net;

/* conv - (batch norm) - act - [conv - act] + skip - pool - dense */
static net small_net(const nn_op *act, bool bias, bool norm, bool max) {
  err e = {0};
  net n = {.g = nn_graph_new(), .norm = -1};
  nn_conv_conf conv = {nn_window_same(2, 3, 1, true), 6, bias, 1.5};
  n.x = nn_input(n.g, "x", (nn_shape){{4, 4, 1}, 2});
  nn_want_grad(n.g, n.x);
  n.conv = nn_add(n.g, &nn_op_conv, "conv", &conv, 1, &n.x, &e);
  if (norm) n.norm = nn_add(n.g, &nn_op_batch_norm, "norm", &(nn_norm_conf){1e-3}, 1, &n.conv, &e);
  n.act = nn_add(n.g, act, "act", NULL, 1, norm ? &n.norm : &n.conv, &e);
  n.other = nn_add(n.g, &nn_op_conv, "other", &conv, 1, &n.act, &e);
  int act2 = nn_add(n.g, act, "act2", NULL, 1, &n.other, &e);
  n.sum = nn_add(n.g, &nn_op_add, "sum", NULL, 2, (int[]){act2, n.act}, &e);
  n.pool = nn_add(n.g, &nn_op_pool, "pool", &(nn_pool_conf){.max = max, .window = {.kernel = {2, 2}, .stride = {2, 2}}},
                  1, &n.sum, &e);
  n.out = nn_add(n.g, &nn_op_dense, "out", &(nn_dense_conf){3, false, bias, 1.5}, 1, &n.pool, &e);
  CHECK_REPORT(n.out > 0, "%.300s", e.text);
  return n;
}

/* One rule for all sums, pass and winner where they belong. */
static void rules_of(const nn_graph *g, nn_rule rule, nn_rule *rules) {
  for (int i = 0; i < g->nnodes; i++) {
    const nn_op *op = g->node[i].op;
    rules[i] = rule;
    if (op && op->takes & NN_SHARE_PASS) rules[i] = (nn_rule){.type = &nn_rule_pass};
    if (op == &nn_op_pool && ((const nn_pool_conf *)g->node[i].conf)->max) rules[i].type = &nn_rule_winner;
  }
}

static int open_net(rig *x, net n, nn_rule rule, bool train) {
  nn_rule rules[16];
  rules_of(n.g, rule, rules);
  return open_rig(x, n.g, n.out, 8, rules, train);
}

/* Rule 0 is input x gradient where all is piecewise linear without bias, up to what forward rounds. */
static void input_times_gradient(bool max) {
  rig x;
  net n = small_net(&nn_op_relu, false, false, max);
  if (open_net(&x, n, (nn_rule){.type = &nn_rule_zero}, true)) return;
  x.f->dtheta = nn_alloc(n.g->nparam * sizeof(nn_real));
  x.f->train = false;
  walk(&x, 11, false);
  for (size_t i = 0; i < count_of(&x, n.out); i++) /* R = y c is the gradient of sum c y */
    x.t->relevance[n.out][i] = x.f->value[n.out][i] * (nn_real)noise(12, i);
  nn_relevance_walk(x.r, x.f, x.t, n.out);
  for (size_t i = 0; i < count_of(&x, n.out); i++) x.f->grad[n.out][i] = (nn_real)noise(12, i);
  nn_backward(x.p, x.f);
  double off = 0, size = 0, in = 0, out = 0;
  for (size_t i = 0; i < count_of(&x, 0); i++) {
    double want = (double)x.f->value[0][i] * (double)x.f->grad[0][i], got = (double)x.t->relevance[0][i];
    off = fmax(off, fabs(want - got)), size = fmax(size, fabs(want)), in += got;
  }
  for (size_t i = 0; i < count_of(&x, n.out); i++) out += (double)x.t->relevance[n.out][i];
  CHECK_REPORT(off <= tight * size && size > 0, "rule 0 and input x gradient (max %d): off by %g of %g", max, off,
               size);
  CHECK_NEAR(in, out, 10 * tight * size * 32);
  free(x.f->dtheta);
  close_rig(&x);
}

/* Two rules that must give the same relevance everywhere. */
static void same_walks(nn_rule a, nn_rule b, bool bias, bool norm, double tolerance) {
  rig x, y;
  net n = small_net(&nn_op_tanh, bias, norm, false);
  if (open_net(&x, n, a, false)) return;
  n = small_net(&nn_op_tanh, bias, norm, false);
  if (open_net(&y, n, b, false)) return;
  walk(&x, 21, false), walk(&y, 21, false);
  double off = 0, size = 0;
  for (int k = 0; k < n.out; k++)
    for (size_t i = 0; i < count_of(&x, k); i++) {
      off = fmax(off, fabs((double)x.t->relevance[k][i] - (double)y.t->relevance[k][i]));
      size = fmax(size, fabs((double)x.t->relevance[k][i]));
    }
  CHECK_REPORT(off <= tolerance * size && size > 0, "rules %s and %s differ by %g of %g", a.type->name, b.type->name,
               off, size);
  close_rig(&x), close_rig(&y);
}

static void identities(void) {
  nn_rule epsilon = {.type = &nn_rule_epsilon, .epsilon = 0.1}, z_plus = {.type = &nn_rule_z_plus, .epsilon = 1e-3};
  nn_rule gamma = {.type = &nn_rule_gamma, .epsilon = 0.1}, general = {.type = &nn_rule_general_gamma, .epsilon = 0.1};
  nn_rule alpha = {.type = &nn_rule_alpha_beta, .alpha = 1, .epsilon = 1e-3};
  input_times_gradient(false), input_times_gradient(true);
  same_walks(epsilon, gamma, true, true, 0);
  same_walks(epsilon, general, true, true, 10 * tight);
  same_walks(z_plus, alpha, true, true, tight);
}

/* Every node of a network with branches closes, and what leaves the output is what all accounts hold at the end. */
static void whole_network(nn_rule rule) {
  rig x;
  net n = small_net(&nn_op_silu, true, true, false);
  if (open_net(&x, n, rule, false)) return;
  walk(&x, 31, false);
  for (int k = 1; k <= n.out; k++) ledger_closes(&x, k, n.g->node[k].name);
  for (int i = 0; i < x.S; i++) {
    double put = nn_account(x.t, n.out, NN_OUT, x.S)[i], held = 0, moved = 0;
    for (size_t k = (size_t)i; k < count_of(&x, 0); k += (size_t)x.S)
      held += (double)x.t->relevance[0][k], moved += fabs((double)x.t->relevance[0][k]);
    for (int k = 1; k <= n.out; k++)
      for (int a = NN_BIAS; a < NN_ACCOUNTS; a++) {
        double v = nn_account(x.t, k, a, x.S)[i];
        held += v, moved += fabs(v);
      }
    CHECK_REPORT(fabs(put - held) <= 100 * tight * (moved + fabs(put)), "rule %s: %.12g put in, %.12g found",
                 rule.type->name, put, held);
  }
  close_rig(&x);
}

/* The folded batch norm is a convolution with other weights. */
static void folding(void) {
  rig x, y;
  nn_rule rule = {.type = &nn_rule_general_gamma, .epsilon = 1e-3, .gamma = 0.5};
  net n = small_net(&nn_op_tanh, true, true, false), plain = small_net(&nn_op_tanh, true, false, false);
  if (open_net(&x, n, rule, false) || open_net(&y, plain, rule, false)) return;
  double s[6], shift[6];
  nn_batch_norm_affine(&n.g->node[n.norm], x.theta, x.state, s, shift);
  for (int i = n.g->nnodes - 1; i >= 0; i--) { /* the same parameters, those of the first convolution folded */
    const nn_node *from = &n.g->node[i], *to = nn_find(plain.g, from->name);
    for (size_t k = 0; to && k < from->nparam; k++) {
      size_t c = k % 6;
      double v = (double)x.theta[from->param + k];
      if (i == n.conv) v = v * s[c] + (k >= from->nparam - 6 ? shift[c] : 0);
      y.theta[to->param + k] = (nn_real)v;
    }
  }
  walk(&x, 41, false), walk(&y, 41, false);
  double off = 0, size = 0, value = 0;
  for (size_t i = 0; i < count_of(&x, n.out); i++)
    value = fmax(value, fabs((double)x.f->value[n.out][i] - (double)y.f->value[plain.out][i]));
  for (size_t i = 0; i < count_of(&x, 0); i++) {
    off = fmax(off, fabs((double)x.t->relevance[0][i] - (double)y.t->relevance[0][i]));
    size = fmax(size, fabs((double)x.t->relevance[0][i]));
  }
  CHECK_REPORT(off <= 10 * tight * size && value <= 10 * tight,
               "folded batch norm: relevance off by %g of %g, outputs by %g", off, size, value);
  close_rig(&x), close_rig(&y);
}

/* ---- by hand ---- */
typedef struct hand {
  nn_rule rule;
  double x[3], w[3], b, want[3]; /* R = 1 */
} hand;
static const hand hands[] = {
    /* z = 2 - 1 + 3 = 4, bias 1 takes 1/5 */
    {{.type = &nn_rule_zero}, {1, -1, 3}, {2, 1, 1}, 1, {0.4, -0.2, 0.6}},
    {{.type = &nn_rule_epsilon, .epsilon = 5}, {1, -1, 3}, {2, 1, 1}, 1, {0.2, -0.1, 0.3}},
    {{.type = &nn_rule_epsilon, .epsilon = 1}, {1, 0, 0}, {-3, 0, 0}, 0, {0.75, 0, 0}}, /* the sign of z: -3 - 1 */
    /* z = 2 - 1 = 1 >= 0: 2 (1 + 1) and -1 */
    {{.type = &nn_rule_general_gamma, .gamma = 1}, {1, -1, 0}, {2, 1, 1}, 0, {4. / 3, -1. / 3, 0}},
    /* z = 1 - 2 = -1 < 0: 1 and -2 (1 + 1) */
    {{.type = &nn_rule_general_gamma, .gamma = 1}, {1, -1, 0}, {1, 2, 1}, 0, {-1. / 3, 4. / 3, 0}},
    {{.type = &nn_rule_z_plus}, {1, -1, -2}, {3, 1, -0.5}, 0, {0.75, 0, 0.25}},
    {{.type = &nn_rule_alpha_beta, .alpha = 2, .beta = 1}, {1, -1, -2}, {3, 1, -0.5}, 0, {1.5, -1, 0.5}},
    {{.type = &nn_rule_alpha_beta, .alpha = 2, .beta = 1}, {1, 1, 0}, {3, 1, 5}, 0, {0.75, 0.25, 0}}, /* all positive */
    {{.type = &nn_rule_alpha_beta, .alpha = 2, .beta = 1},
     {1, 1, 0},
     {-3, -1, 5},
     0,
     {0.75, 0.25, 0}}, /* all negative */
    {{.type = &nn_rule_w2}, {9, 0, -5}, {1, -2, 2}, 7, {1. / 9, 4. / 9, 4. / 9}},
    {{.type = &nn_rule_flat}, {9, 0, -5}, {1, -2, 2}, 7, {1. / 3, 1. / 3, 1. / 3}},
    /* box [-1, 1]: (x + 1) w+ + (x - 1) w-: 2 x .5.. 1.5, 0.5, 2 */
    {{.type = &nn_rule_box, .low = -1, .high = 1}, {0.5, 0.5, -1}, {1, -1, -1}, 9, {0.375, 0.125, 0.5}},
    {{.type = &nn_rule_zero}, {1, -1, 0}, {2, 2, 1}, 0, {0, 0, 0}}, /* z = 0: nothing is shared */
};

static void by_hand(void) {
  for (unsigned k = 0; k < sizeof hands / sizeof *hands; k++) {
    err e = {0};
    rig x;
    const hand *h = &hands[k];
    nn_graph *g = nn_graph_new();
    int in = nn_input(g, "x", (nn_shape){{1, 1, 1}, 3});
    int y = nn_add(g, &nn_op_dense, "y", &(nn_dense_conf){1, false, true, 1}, 1, &in, &e);
    nn_rule rules[2] = {{0}, h->rule};
    if (open_rig(&x, g, y, 1, rules, false)) return;
    for (int j = 0; j < 3; j++)
      x.theta[g->node[y].param + (size_t)j] = (nn_real)h->w[j], x.f->value[in][j] = (nn_real)h->x[j];
    x.theta[g->node[y].param + 3] = (nn_real)h->b;
    nn_relevance_prepare(x.r, x.theta, NULL);
    nn_forward(x.p, x.f);
    x.t->relevance[y][0] = 1;
    nn_relevance_walk(x.r, x.f, x.t, y);
    for (int j = 0; j < 3; j++)
      CHECK_REPORT(fabs((double)x.t->relevance[in][j] - h->want[j]) <= tight,
                   "case %u, rule %s: R[%d] = %.12g, expected %.12g", k, h->rule.type->name, j,
                   (double)x.t->relevance[in][j], h->want[j]);
    ledger_closes(&x, y, h->rule.type->name);
    close_rig(&x);
  }
}

/* Padding takes part in `flat` if asked to: three taps, one of which lies outside at either end. */
static void padding(void) {
  err e = {0};
  rig x;
  nn_graph *g = nn_graph_new();
  int in = nn_input(g, "x", (nn_shape){{4, 1, 1}, 1});
  nn_conv_conf conf = {.window = {.kernel = {3}, .before = {1}, .after = {1}}, .out = 1, .gain = 1};
  int y = nn_add(g, &nn_op_conv, "y", &conf, 1, &in, &e);
  nn_rule rules[2] = {{0}, {.type = &nn_rule_flat, .padding = true}};
  if (open_rig(&x, g, y, 1, rules, false)) return;
  nn_relevance_prepare(x.r, x.theta, NULL);
  nn_forward(x.p, x.f);
  for (int i = 0; i < 4; i++) x.t->relevance[y][i] = 3;
  nn_relevance_walk(x.r, x.f, x.t, y);
  const double want[] = {2, 3, 3, 2};
  for (int i = 0; i < 4; i++) CHECK_NEAR((double)x.t->relevance[in][i], want[i], tight);
  CHECK_NEAR(nn_account(x.t, y, NN_PADDING, 1)[0], 2, tight);
  close_rig(&x);
}

/* The walk begins at any node: relevance put at the sum reaches the inputs as if it had come from above. */
static void from_inside(void) {
  rig x;
  net n = small_net(&nn_op_relu, true, true, false);
  if (open_net(&x, n, (nn_rule){.type = &nn_rule_epsilon, .epsilon = 1e-3}, false)) return;
  walk(&x, 51, false);
  size_t nx = count_of(&x, 0), ns = count_of(&x, n.sum);
  nn_real *want = nn_alloc(nx * sizeof *want), *seed = nn_alloc(ns * sizeof *seed);
  memcpy(want, x.t->relevance[0], nx * sizeof *want), memcpy(seed, x.t->relevance[n.sum], ns * sizeof *seed);
  memset(x.t->arena, -1, ns * sizeof *seed);
  memcpy(x.t->relevance[n.sum], seed, ns * sizeof *seed);
  nn_relevance_walk(x.r, x.f, x.t, n.sum);
  CHECK_BITS(want, x.t->relevance[0], nx * sizeof *want);
  CHECK(!x.t->live[n.pool] && x.t->live[0]);
  free(want), free(seed);
  close_rig(&x);
}

/* What cannot be is refused, and the message names the node. */
static void refusals(void) {
  const sample bad[] = {
      {&nn_op_causal_dense, GRID(2, 2, 1), 1, false, DENSE(1, 2, true, true, 1)}, /* knows 0 and epsilon only */
      {&nn_op_dense, GRID(2, 2, 1), 1, false, FULL(1, false, true, 1)},
      {&nn_op_relu, GRID(2, 2, 1), 1, false, NULL},
      {&nn_op_dense, GRID(2, 2, 1), 1, false, FULL(1, false, true, 1)},
      {&nn_op_dense, GRID(2, 2, 1), 1, false, FULL(1, false, true, 1)},
  };
  const nn_rule rules[] = {{.type = &nn_rule_z_plus},
                           {.type = &nn_rule_pass},
                           {.type = &nn_rule_epsilon},
                           {.type = NULL},
                           {.type = &nn_rule_alpha_beta, .alpha = 2, .beta = 0.5}};
  for (int i = 0; i < 5; i++) {
    err e = {0};
    int in = 0;
    nn_relevance *r = NULL;
    nn_graph *g = nn_graph_new();
    nn_input(g, "x", bad[i].in);
    int y = nn_add(g, bad[i].op, "culprit", bad[i].conf, 1, &in, &e);
    CHECK(!nn_finish(g, y, &e) && nn_relevance_new(&r, g, 8, (nn_rule[]){{0}, rules[i]}, &e) == ERR_DECK && !r);
    CHECK(strstr(e.text, "culprit") != NULL);
    nn_graph_free(g);
  }
}

int main(void) {
  op_table();
#ifndef NN_SINGLE
  linear_ops();
#endif
  by_hand();
  padding();
  identities();
  for (int k = 1; k < VARIANTS - 1; k++) whole_network(variants[k]);
  folding();
  from_inside();
  refusals();
  return check_done();
}

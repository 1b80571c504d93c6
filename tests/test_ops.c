/* test_ops.c: walks the table of ops. Every op must have a sample here; for each sample and several numbers of lanes:
 * the shape, gradients of inputs and parameters against central differences (1e-6 in double; on storage of its own and,
 * where the op allows it, in place), step == forward bit for bit with everything not yet known poisoned, causality. */
#include "nn/graph.h"
#include "nn/ops.h"
#include "tests/check.h"

typedef struct sample {
  const nn_op *op;
  nn_shape in; /* of every input */
  int out;     /* channels of y */
  bool strict; /* y[t] must not depend on x[t] */
  const void *conf;
} sample;

/* Lists of 6 positions: with own (t) and strictly earlier ones, unsorted, some empty, one with two runs. */
static const int start_own[] = {0, 1, 3, 3, 6, 8, 12}, list_own[] = {0, 0, 1, 3, 0, 1, 4, 2, 0, 1, 4, 5};
static const int start_before[] = {0, 0, 1, 2, 5, 5, 9}, list_before[] = {0, 1, 0, 1, 2, 4, 3, 1, 0};
static const double first_guess[] = {.5, -.25, 1, 0, .75, .1, .2, .3, .4};

#define CONV(...)            \
  &(nn_causal_conv2d_conf) { \
    __VA_ARGS__              \
  }
#define DENSE(...)          \
  &(nn_causal_dense_conf) { \
    __VA_ARGS__             \
  }
#define SITES(...)   \
  &(nn_sites_conf) { \
    __VA_ARGS__      \
  }
#define GRID(r, c, k) \
  { {r, c, 1}, k }
static const sample samples[] = {
    {&nn_op_causal_conv2d, GRID(4, 5, 1), 3, true, CONV(3, 1, 1, true, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(4, 5, 3), 2, false, CONV(2, 1, 1, false, false, false, 1)},
    {&nn_op_causal_conv2d, GRID(4, 4, 2), 3, false, CONV(3, 1, 1, false, true, true, 1)},
    {&nn_op_causal_conv2d, GRID(5, 4, 2), 3, false, CONV(3, 1, 2, false, true, true, 1)},
    {&nn_op_causal_conv2d, GRID(5, 4, 2), 3, true, CONV(3, 2, 2, true, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(3, 3, 2), 1, false,
     CONV(1, 3, 1, false, true, true, 1)}, /* kernel wider than the lattice */
    {&nn_op_causal_conv2d, GRID(2, 3, 4), 5, false, CONV(5, 0, 1, false, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(2, 3, 4), 20, false, CONV(20, 1, 1, false, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(2, 2, 16), 16, false, CONV(16, 1, 1, false, false, true, 1)},
    {&nn_op_causal_dense, GRID(3, 3, 2), 3, true, DENSE(3, 4, true, true, 1)},
    {&nn_op_causal_dense, GRID(3, 3, 2), 3, false, DENSE(3, 4, false, true, 1)},
    {&nn_op_causal_dense, GRID(7, 1, 1), 1, true, DENSE(1, 1, true, false, 1)},
    {&nn_op_causal_dense, GRID(7, 1, 3), 1, false, DENSE(1, 16, false, true, 1)},
    {&nn_op_causal_dense, GRID(8, 1, 2), 4, false, DENSE(4, 4, false, true, 1)},
    {&nn_op_sites, GRID(2, 3, 2), 3, false, SITES(3, 6, start_own, list_own, true, 1, NULL)},
    {&nn_op_sites, GRID(6, 1, 2), 17, true, SITES(17, 6, start_before, list_before, true, 1, NULL)},
    {&nn_op_sites, GRID(6, 1, 1), 1, true, SITES(1, 6, start_before, list_before, false, 0, first_guess)},
    {&nn_op_prelu, GRID(2, 3, 3), 3, false, &(nn_prelu_conf){false}},
    {&nn_op_prelu, GRID(2, 3, 3), 3, false, &(nn_prelu_conf){true}},
    {&nn_op_relu, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_tanh, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_silu, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_add, GRID(2, 3, 3), 3, false, NULL},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

/* One node on storage of this test: values and gradients wherever the test wants them. */
typedef struct rig {
  const sample *s;
  nn_graph *g;
  const nn_node *n;
  int S, nin;
  size_t nx, ny;                                                 /* numbers of one input and of y, all lanes */
  nn_real *theta, *dtheta, *x[2], *y, *dx[2], *dy, *scratch, *c; /* c: weights of the loss sum c y */
  nn_real *value[3], *grad[3];
  nn_frame f;
} rig;

static double noise(unsigned seed, size_t i) {
  return 2 * rng_uniform(rng_stream(seed, "ops"), i, 0, 0) - 1;
}
static nn_real off_zero(double v) {
  return (nn_real)(v < 0 ? v - 0.05 : v + 0.05);
} /* kinks are not differentiable */
static nn_real *copy(const nn_real *p, size_t n) {
  return memcpy(nn_alloc(n * sizeof *p), p, n * sizeof *p);
}

static int build(rig *r, const sample *s, int S) {
  err e = {0};
  int in[2] = {0, 1};
  *r = (rig){.s = s, .S = S, .nin = s->op->min_in, .g = nn_graph_new()};
  for (int k = 0; k < r->nin; k++) nn_input(r->g, "x", s->in);
  int y = nn_add(r->g, s->op, "node", s->conf, r->nin, in, &e);
  CHECK_REPORT(y >= 0, "%s: %.400s", s->op->name, e.text);
  if (y < 0 || nn_finish(r->g, y, &e)) return 1;
  r->n = &r->g->node[y];
  r->nx = nn_rows(s->in) * (size_t)S, r->ny = nn_rows(r->n->shape) * (size_t)S;
  r->theta = nn_alloc(r->g->nparam * sizeof(nn_real)), r->dtheta = nn_alloc(r->g->nparam * sizeof(nn_real));
  r->scratch = nn_alloc(r->n->scratch * (size_t)S * sizeof(nn_real));
  for (int k = 0; k < r->nin; k++)
    r->x[k] = nn_alloc(r->nx * sizeof(nn_real)), r->dx[k] = nn_alloc(r->nx * sizeof(nn_real));
  r->y = nn_alloc(r->ny * sizeof(nn_real)), r->dy = nn_alloc(r->ny * sizeof(nn_real)),
  r->c = nn_alloc(r->ny * sizeof(nn_real));
  for (int k = 0; k < r->nin; k++) r->value[k] = r->x[k], r->grad[k] = r->dx[k];
  r->value[r->nin] = r->y, r->grad[r->nin] = r->dy;
  r->f = (nn_frame){
      .lanes = S, .theta = r->theta, .dtheta = r->dtheta, .value = r->value, .grad = r->grad, .scratch = r->scratch};
  return 0;
}

static void release(rig *r) {
  for (int k = 0; k < r->nin; k++) free(r->x[k]), free(r->dx[k]);
  free(r->y), free(r->dy), free(r->c), free(r->theta), free(r->dtheta), free(r->scratch);
  nn_graph_free(r->g);
}

/* Parameters by the op's own rule with noise on all but masked ones (masked entries are those that stay zero). */
static void randomise(rig *r, unsigned seed) {
  nn_init(r->g, r->theta, seed);
  size_t bias = r->n->nparam;
  if (r->s->op == &nn_op_causal_dense && ((const nn_causal_dense_conf *)r->n->conf)->bias)
    bias -= (size_t)nn_positions(r->n->shape) * (size_t)r->s->out;
  for (size_t i = 0; i < r->n->nparam; i++)
    if (r->theta[i] != 0 || i >= bias || r->s->op != &nn_op_causal_dense)
      r->theta[i] += (nn_real)(0.4 * noise(seed, i));
  for (int k = 0; k < r->nin; k++)
    for (size_t i = 0; i < r->nx; i++) r->x[k][i] = off_zero(1.5 * noise(seed + 50 + (unsigned)k, i));
  for (size_t i = 0; i < r->ny; i++) r->c[i] = (nn_real)noise(seed + 77, i);
}

static void shapes(const rig *r) {
  nn_shape want = r->s->in;
  want.channels = r->s->out;
  CHECK_BITS(&want, &r->n->shape, sizeof want);
  CHECK(r->n->free_params <= r->n->nparam && r->n->macs >= 0);
  CHECK(r->s->op->forward && r->s->op->help && r->s->op->name);
  size_t changed = 0; /* initialisation fills its own view only */
  for (size_t i = r->n->nparam; i < r->g->nparam; i++) changed += r->theta[i] != 0;
  CHECK_INT(changed, 0);
}

#ifndef NN_SINGLE
enum { H = 100000 }; /* steps of 1/H */
/* Loss of every lane. */
static void losses(rig *r, double *loss) {
  r->s->op->forward(r->n, &r->f);
  for (int i = 0; i < r->S; i++) loss[i] = 0;
  for (size_t i = 0; i < r->ny; i++) loss[i % (size_t)r->S] += r->c[i] * r->y[i];
}

/* d loss / d (row of an input), lane by lane: lane i moves by (i+1)/H so that a mixture of lanes would show. */
static void compare_inputs(rig *r, const nn_real *dx, int k, const char *how) {
  double up[64], down[64];
  size_t S = (size_t)r->S;
  for (size_t row = 0; row < nn_rows(r->s->in); row++) {
    nn_real *x = r->x[k] + row * S;
    for (size_t i = 0; i < S; i++) x[i] += (double)(i % 7 + 1) / H;
    losses(r, up);
    for (size_t i = 0; i < S; i++) x[i] -= 2 * (double)(i % 7 + 1) / H;
    losses(r, down);
    for (size_t i = 0; i < S; i++) {
      double d = (up[i] - down[i]) / (2 * (double)(i % 7 + 1) / H);
      x[i] += (double)(i % 7 + 1) / H;
      CHECK_REPORT(fabs(d - dx[row * S + i]) <= 1e-6 * (1 + fabs(d)),
                   "%s %s: d/dx%d[%zu] lane %zu = %.10g, expected %.10g", r->s->op->name, how, k, row, i,
                   dx[row * S + i], d);
    }
  }
}

static void compare_parameters(rig *r, const nn_real *dtheta, const char *how) {
  double up[64], down[64];
  for (size_t p = 0; p < r->g->nparam; p++) {
    double keep = r->theta[p], d = 0;
    r->theta[p] = keep + 1. / H;
    losses(r, up);
    r->theta[p] = keep - 1. / H;
    losses(r, down);
    r->theta[p] = keep;
    for (int i = 0; i < r->S; i++) d += (up[i] - down[i]) * H / 2;
    CHECK_REPORT(fabs(d - dtheta[p]) <= 1e-6 * (1 + fabs(d)), "%s %s: d/dtheta[%zu] = %.10g, expected %.10g",
                 r->s->op->name, how, p, dtheta[p], d);
  }
}

/* Gradients are added to what is there: dx and dtheta start from marks that are taken off again. */
static void gradients(rig *r, bool in_place) {
  const char *how = in_place ? "in place" : "apart";
  nn_real mark = 0.125;
  for (int k = 0; k < r->nin; k++)
    for (size_t i = 0; i < r->nx; i++) r->dx[k][i] = mark;
  for (size_t i = 0; i < r->g->nparam; i++) r->dtheta[i] = mark;
  memcpy(r->dy, r->c, r->ny * sizeof *r->dy);
  nn_real *keep = copy(r->x[0], r->nx);
  if (in_place) r->value[r->nin] = r->x[0], r->grad[0] = r->dy;
  r->s->op->forward(r->n, &r->f);
  r->s->op->backward(r->n, &r->f);
  if (in_place) r->value[r->nin] = r->y, r->grad[0] = r->dx[0];
  memcpy(r->x[0], keep, r->nx * sizeof *keep);
  for (size_t i = 0; i < r->g->nparam; i++) r->dtheta[i] -= i < r->n->nparam ? mark : 0;
  for (size_t i = r->n->nparam; i < r->g->nparam; i++) {
    CHECK(r->dtheta[i] == mark);
    r->dtheta[i] = 0;
  }
  nn_real *dtheta = copy(r->dtheta, r->g->nparam);
  if (r->s->op == &nn_op_causal_dense) /* masked gradients are cleared, the mark with them */
    for (size_t i = 0; i < r->n->nparam; i++) dtheta[i] += r->dtheta[i] == -mark ? mark : 0;
  for (int k = 0; k < r->nin; k++) {
    bool here = in_place && !k;
    nn_real *dx = copy(here ? r->dy : r->dx[k], r->nx);
    for (size_t i = 0; i < r->nx && !here; i++) dx[i] -= mark;
    compare_inputs(r, dx, k, how);
    free(dx);
  }
  compare_parameters(r, dtheta, how);
  free(keep), free(dtheta);
}

/* Where nobody wants dx the parameters' gradient is the same. */
static void without_input_gradient(rig *r) {
  nn_real *with = NULL;
  for (int pass = 0; pass < 2; pass++) {
    memset(r->dtheta, 0, r->g->nparam * sizeof(nn_real));
    memcpy(r->dy, r->c, r->ny * sizeof *r->dy);
    for (int k = 0; k < r->nin; k++) r->grad[k] = pass ? NULL : r->dx[k];
    r->s->op->forward(r->n, &r->f);
    r->s->op->backward(r->n, &r->f);
    if (!pass) with = copy(r->dtheta, r->g->nparam);
  }
  CHECK_BITS(with, r->dtheta, r->g->nparam * sizeof *with);
  for (int k = 0; k < r->nin; k++) r->grad[k] = r->dx[k];
  free(with);
}
#endif

/* Everything that step t may not know yet is NaN: later positions of x (t itself too if strict), and all of y. */
static void steps(rig *r, bool in_place) {
  nn_real *x[2] = {NULL, NULL}, *y;
  size_t one = r->nx / (size_t)nn_positions(r->s->in);
  r->s->op->forward(r->n, &r->f);
  y = copy(r->y, r->ny);
  for (int k = 0; k < r->nin; k++) x[k] = copy(r->x[k], r->nx), memset(r->x[k], -1, r->nx * sizeof(nn_real));
  memset(r->y, -1, r->ny * sizeof(nn_real));
  if (in_place) r->value[r->nin] = r->x[0];
  for (int t = 0; t < nn_positions(r->s->in); t++) {
    size_t last = (size_t)t + (r->s->strict ? 0 : 1);
    for (int k = 0; k < r->nin; k++) /* x[0] of earlier positions was overwritten if in place */
      for (size_t i = in_place ? (size_t)t * one : 0; i < last * one; i++) r->x[k][i] = x[k][i];
    r->s->op->step(r->n, &r->f, t);
  }
  CHECK_REPORT(!memcmp(r->value[r->nin], y, r->ny * sizeof *y), "%s, %d lanes%s: step and forward differ",
               r->s->op->name, r->S, in_place ? ", in place" : "");
  r->value[r->nin] = r->y;
  for (int k = 0; k < r->nin; k++) memcpy(r->x[k], x[k], r->nx * sizeof(nn_real)), free(x[k]);
  free(y);
}

/* x[u] changes: y[t < u] (t <= u) stays, and something else moves. */
static void causality(rig *r) {
  size_t positions = (size_t)nn_positions(r->s->in), one = r->nx / positions, wide = r->ny / positions, moved = 0;
  r->s->op->forward(r->n, &r->f);
  nn_real *y = copy(r->y, r->ny);
  for (int k = 0; k < r->nin; k++)
    for (size_t u = 0; u < positions; u++) {
      nn_real *keep = copy(r->x[k] + u * one, one);
      for (size_t i = 0; i < one; i++) r->x[k][u * one + i] += 1;
      r->s->op->forward(r->n, &r->f);
      CHECK_REPORT(!memcmp(y, r->y, (u + r->s->strict) * wide * sizeof *y), "%s: y before position %zu depends on it",
                   r->s->op->name, u);
      moved += !!memcmp(y, r->y, r->ny * sizeof *y);
      memcpy(r->x[k] + u * one, keep, one * sizeof *keep);
      free(keep);
    }
  CHECK(moved > 0);
  free(y);
}

static void check_sample(const sample *s, int S) {
  rig r;
  if (build(&r, s, S)) return;
  for (unsigned seed = 1; seed <= 3; seed++) {
    randomise(&r, seed);
    shapes(&r);
    if (s->op->step) steps(&r, false);
    if (s->op->step && s->op->in_place) steps(&r, true);
    causality(&r);
#ifndef NN_SINGLE
    if (s->op->backward && S <= 16) {
      gradients(&r, false);
      if (s->op->in_place) gradients(&r, true);
      without_input_gradient(&r);
    }
#endif
  }
  release(&r);
}

/* Settings that cannot be are refused, and the message names the node. */
static void refusals(void) {
  const int late[] = {0, 1}, own[] = {0, 0, 1};
  const sample bad[] = {
      {&nn_op_causal_conv2d, GRID(2, 2, 1), 0, false, CONV(0, 1, 1, true, false, true, 1)},
      {&nn_op_causal_conv2d, {{2, 2, 2}, 1}, 1, false, CONV(1, 1, 1, true, false, true, 1)},
      {&nn_op_causal_dense, GRID(2, 2, 1), 1, false, DENSE(1, 0, true, true, 1)},
      {&nn_op_sites, GRID(2, 1, 1), 1, false, SITES(1, 3, own, late, true, 1, NULL)},
      {&nn_op_sites, GRID(2, 1, 1), 1, false, SITES(1, 2, (const int[]){0, 1, 1}, late + 1, true, 1, NULL)},
  };
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    err e = {0};
    int in = 0;
    nn_graph *g = nn_graph_new();
    nn_input(g, "x", bad[i].in);
    CHECK(nn_add(g, bad[i].op, "culprit", bad[i].conf, 1, &in, &e) < 0);
    CHECK(e.code && strstr(e.text, "culprit"));
    nn_graph_free(g);
  }
}

int main(void) {
  const int lanes[] = {1, 8, 16, 64};
  for (const nn_op *const *op = nn_ops; *op; op++) {
    int found = 0;
    for (int i = 0; i < SAMPLES; i++) found += samples[i].op == *op;
    CHECK_REPORT(found, "op '%s' has no sample in test_ops.c", (*op)->name);
  }
  for (int i = 0; i < SAMPLES; i++)
    for (int k = 0; k < 4; k++) check_sample(&samples[i], lanes[k]);
  refusals();
  return check_done();
}

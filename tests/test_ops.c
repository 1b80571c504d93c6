/* test_ops.c: walks the table of ops. Every op must have a sample in test_ops_samples.h; for each sample and several
 * numbers of lanes: the shape, gradients of inputs and parameters against central differences (1e-6 in double; on
 * storage of its own and, where the op allows it, in place; added to what is there and set), step == forward bit for
 * bit with everything not yet known poisoned, causality, blocks of positions == all positions, padded lanes without
 * influence. */
#include "nn/graph.h"
#include "nn/ops.h"
#include "tests/check.h"
#include "tests/test_ops_samples.h"

/* One node on storage of this test: values and gradients wherever the test wants them. */
enum { INPUTS = 4 };
typedef struct rig {
  const sample *s;
  nn_graph *g;
  const nn_node *n;
  int S, nin;
  nn_shape in[INPUTS];
  size_t nx[INPUTS], ny;                                                   /* numbers of inputs and y, all lanes */
  nn_real *theta, *dtheta, *x[INPUTS], *y, *dx[INPUTS], *dy, *scratch, *c; /* c: weights of the loss sum c y */
  nn_real *state, *dstate, *kept;
  int length[NN_MAX_LANES];
  nn_real *value[INPUTS + 1], *grad[INPUTS + 1], *keep[INPUTS + 1];
  nn_frame f;
} rig;

static double noise(unsigned seed, size_t i) {
  return 2 * rng_uniform(rng_stream(seed, "ops"), i, 0, 0) - 1;
}
static nn_real off_zero(double v) {
  return (nn_real)(v < 0 ? v - 0.05 : v + 0.05);
} /* kinks are not differentiable */
static nn_real *reals(size_t n) {
  return nn_alloc(n * sizeof(nn_real));
}
static nn_real *copy(const nn_real *p, size_t n) {
  return memcpy(reals(n), p, n * sizeof *p);
}

static int build(rig *r, const sample *s, int S) {
  err e = {0};
  const int in[INPUTS] = {0, 1, 2, 3};
  *r = (rig){.s = s, .S = S, .nin = s->nin ? s->nin : s->op->min_in, .g = nn_graph_new()};
  for (int k = 0; k < r->nin; k++) {
    r->in[k] = k && s->other.channels ? s->other : s->in;
    nn_input(r->g, "x", r->in[k]);
    r->nx[k] = nn_rows(r->in[k]) * (size_t)S;
    r->value[k] = r->x[k] = reals(r->nx[k]), r->grad[k] = r->dx[k] = reals(r->nx[k]);
  }
  int y = nn_add(r->g, s->op, "node", s->conf, r->nin, in, &e);
  CHECK_REPORT(y >= 0, "%s: %.400s", s->op->name, e.text);
  if (y < 0 || nn_finish(r->g, y, &e)) return 1;
  r->n = &r->g->node[y];
  r->ny = nn_rows(r->n->shape) * (size_t)S;
  r->theta = reals(r->g->nparam), r->dtheta = reals(r->g->nparam);
  r->state = reals(r->g->nstate), r->dstate = reals(r->g->nstate);
  r->scratch = reals(r->n->scratch * (size_t)S + r->n->fixed_scratch + 16);
  r->kept = reals(r->n->keep * (size_t)S + r->n->fixed_keep + 16);
  r->value[r->nin] = r->y = reals(r->ny), r->grad[r->nin] = r->dy = reals(r->ny), r->c = reals(r->ny);
  r->keep[r->nin] = r->kept;
  for (int i = 0; i < S; i++) r->length[i] = 1 + (i * 7 + 2) % s->in.extent[0];
  r->f = (nn_frame){.lanes = S,
                    .valid = s->masked ? (S + 1) / 2 : S,
                    .length = s->masked ? r->length : NULL,
                    .whole = s->in.extent[0],
                    .train = s->train,
                    .noise = rng_stream(3, "noise"),
                    .shard = 5,
                    .theta = r->theta,
                    .dtheta = r->dtheta,
                    .state = r->state,
                    .dstate = r->dstate,
                    .value = r->value,
                    .grad = r->grad,
                    .keep = r->keep,
                    .scratch = r->scratch};
  return 0;
}

static void release(rig *r) {
  for (int k = 0; k < r->nin; k++) free(r->x[k]), free(r->dx[k]);
  free(r->y), free(r->dy), free(r->c), free(r->theta), free(r->dtheta), free(r->scratch);
  free(r->state), free(r->dstate), free(r->kept);
  nn_graph_free(r->g);
}

/* Weights of the loss: zero where nothing is held. */
static void randomise_loss(rig *r, unsigned seed) {
  nn_real mask[NN_MAX_LANES];
  size_t width = nn_width(r->n->shape, &r->f), S = (size_t)r->S;
  for (size_t i = 0; i < r->ny; i++) {
    nn_mask(&r->f, r->n->shape, (int)(i / width), mask);
    r->c[i] = mask[i % S] * (nn_real)noise(seed + 77, i);
  }
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
  nn_init_state(r->g, r->state);
  for (size_t i = 0; i < r->n->nstate; i++) r->state[i] += (nn_real)(0.3 * noise(seed + 9, i));
  for (int k = 0; k < r->nin; k++)
    for (size_t i = 0; i < r->nx[k]; i++) {
      double u = noise(seed + 50 + (unsigned)k, i);
      r->x[k][i] = r->s->levels ? (nn_real)floor((u + 1) / 2 * r->s->levels) : off_zero(1.5 * u);
      if (r->s->op == &nn_op_pool) /* the numbers of a window lie apart */
        r->x[k][i] = (nn_real)(0.03 * (double)((i * 37 + seed * 11) % 101) - 1.5);
    }
  randomise_loss(r, seed);
}

static void shapes(const rig *r) {
  nn_shape want = r->s->y.channels ? r->s->y : r->s->in;
  want.channels = r->s->out;
  CHECK_REPORT(!memcmp(&want, &r->n->shape, sizeof want), "%s: the shape of y", r->s->op->name);
  CHECK(r->n->free_params <= r->n->nparam && r->n->macs >= 0);
  CHECK(r->s->op->forward && r->s->op->help && r->s->op->name);
  CHECK(!r->n->local || nn_positions(r->n->shape) == nn_positions(r->s->in));
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
  for (size_t row = 0; row < nn_rows(r->in[k]); row++) {
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

static double loss(rig *r) {
  double lane[64], sum = 0;
  losses(r, lane);
  for (int i = 0; i < r->S; i++) sum += lane[i];
  return sum;
}

/* The same for lanes that depend on each other: one number moves at a time. */
static void compare_coupled(rig *r, const nn_real *dx, int k, const char *how) {
  for (size_t i = 0; i < r->nx[k]; i++) {
    double keep = r->x[k][i], up, d;
    r->x[k][i] = keep + 1. / H;
    up = loss(r);
    r->x[k][i] = keep - 1. / H;
    d = (up - loss(r)) * H / 2;
    r->x[k][i] = keep;
    CHECK_REPORT(fabs(d - dx[i]) <= 1e-6 * (1 + fabs(d)), "%s %s: d/dx%d[%zu] = %.10g, expected %.10g", r->s->op->name,
                 how, k, i, dx[i], d);
  }
}

static void compare_parameters(rig *r, const nn_real *dtheta, const char *how) {
  for (size_t p = 0; p < r->g->nparam; p++) {
    double keep = r->theta[p], up, d;
    r->theta[p] = keep + 1. / H;
    up = loss(r);
    r->theta[p] = keep - 1. / H;
    d = (up - loss(r)) * H / 2;
    r->theta[p] = keep;
    CHECK_REPORT(fabs(d - dtheta[p]) <= 1e-6 * (1 + fabs(d)), "%s %s: d/dtheta[%zu] = %.10g, expected %.10g",
                 r->s->op->name, how, p, dtheta[p], d);
  }
}

/* dx and dtheta start from marks that are taken off again; where `opens` says that dx is to be set, from NaN. */
static void marks(rig *r, nn_real mark, unsigned opens) {
  for (int k = 0; k < r->nin; k++)
    for (size_t i = 0; i < r->nx[k]; i++) r->dx[k][i] = opens >> k & 1 ? NAN : mark;
  for (size_t i = 0; i < r->g->nparam; i++) r->dtheta[i] = mark;
  memcpy(r->dy, r->c, r->ny * sizeof *r->dy);
}

enum { APART, IN_PLACE, SET };
static void gradients(rig *r, int way) {
  const char *const how = (const char *const[]){"apart", "in place", "set"}[way];
  bool in_place = way == IN_PLACE;
  nn_real mark = 0.125;
  unsigned opens[INPUTS + 1] = {0};
  if (way == SET) opens[r->nin] = r->n->local ? ~0u : 1;
  marks(r, mark, opens[r->nin]);
  nn_real *keep = copy(r->x[0], r->nx[0]);
  if (in_place) r->value[r->nin] = r->x[0], r->grad[0] = r->dy;
  r->f.opens = opens;
  r->s->op->forward(r->n, &r->f);
  r->s->op->backward(r->n, &r->f);
  r->f.opens = NULL;
  if (in_place) r->value[r->nin] = r->y, r->grad[0] = r->dx[0];
  memcpy(r->x[0], keep, r->nx[0] * sizeof *keep);
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
    nn_real *dx = copy(here ? r->dy : r->dx[k], r->nx[k]);
    for (size_t i = 0; i < r->nx[k] && !here && !(opens[r->nin] >> k & 1); i++) dx[i] -= mark;
    if (!r->s->levels) (r->s->coupled ? compare_coupled : compare_inputs)(r, dx, k, how);
    free(dx);
  }
  if (way != SET) compare_parameters(r, dtheta, how);
  free(keep), free(dtheta);
}

/* Backward block by block, the last first, against backward of all positions. */
static void back_blocks(rig *r, int size) {
  int positions = nn_positions(r->n->shape);
  nn_real *dx[INPUTS] = {NULL}, *dtheta = NULL;
  for (int pass = 0; pass < 2; pass++) {
    marks(r, 0, 0);
    r->s->op->forward(r->n, &r->f);
    if (!pass) {
      r->s->op->backward(r->n, &r->f);
      for (int k = 0; k < r->nin; k++) dx[k] = copy(r->dx[k], r->nx[k]);
      dtheta = copy(r->dtheta, r->g->nparam);
      continue;
    }
    if (r->s->op->back_begin) r->s->op->back_begin(r->n, &r->f);
    for (int t = (positions - 1) / size * size; t >= 0; t -= size)
      r->s->op->back_block(r->n, &r->f, t, t + size < positions ? t + size : positions);
  }
  double off = 0;
  for (int k = 0; k < r->nin; k++)
    for (size_t i = 0; i < r->nx[k]; i++) off = fmax(off, fabs(dx[k][i] - r->dx[k][i]));
  for (size_t i = 0; i < r->g->nparam; i++) off = fmax(off, fabs(dtheta[i] - r->dtheta[i]));
  CHECK_REPORT(off <= 1e-12, "%s: backward in blocks of %d is off by %g", r->s->op->name, size, off);
  for (int k = 0; k < r->nin; k++) free(dx[k]);
  free(dtheta);
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

/* Forward block by block gives the bits of forward. */
static void blocks(rig *r, int size) {
  int positions = nn_positions(r->n->shape);
  r->s->op->forward(r->n, &r->f);
  nn_real *y = copy(r->y, r->ny);
  memset(r->y, -1, r->ny * sizeof *y);
  if (r->s->op->begin) r->s->op->begin(r->n, &r->f);
  for (int t = 0; t < positions; t += size)
    r->s->op->block(r->n, &r->f, t, t + size < positions ? t + size : positions);
  CHECK_REPORT(!memcmp(y, r->y, r->ny * sizeof *y), "%s, %d lanes: forward in blocks of %d differs", r->s->op->name,
               r->S, size);
  free(y);
}

/* Equal up to rounding, the largest number being 1 or so. */
static bool near(const nn_real *a, const nn_real *b, size_t n) {
  double off = 0, most = 1;
  for (size_t i = 0; i < n; i++) off = fmax(off, fabs((double)a[i] - b[i])), most = fmax(most, fabs((double)b[i]));
  return off <= (sizeof(nn_real) == 4 ? 1e-5 : 1e-13) * most;
}

/* Everything that step t may not know yet is NaN: later positions of x (t itself too if strict), and all of y. */
static void steps(rig *r, bool in_place) {
  nn_real *x[INPUTS] = {NULL}, *y;
  size_t positions = (size_t)nn_positions(r->s->in);
  r->s->op->forward(r->n, &r->f);
  y = copy(r->y, r->ny);
  for (int k = 0; k < r->nin; k++) x[k] = copy(r->x[k], r->nx[k]), memset(r->x[k], -1, r->nx[k] * sizeof(nn_real));
  memset(r->y, -1, r->ny * sizeof(nn_real));
  if (in_place) r->value[r->nin] = r->x[0];
  if (r->s->op->begin) r->s->op->begin(r->n, &r->f);
  for (size_t t = 0; t < positions; t++) {
    size_t last = t + (r->s->strict ? 0 : 1);
    for (int k = 0; k < r->nin; k++) { /* x[0] of earlier positions was overwritten if in place */
      size_t one = r->nx[k] / positions;
      for (size_t i = in_place ? t * one : 0; i < last * one; i++) r->x[k][i] = x[k][i];
    }
    r->s->op->step(r->n, &r->f, (int)t);
  }
  CHECK_REPORT(r->s->op->rounds ? near(r->y, y, r->ny) : !memcmp(r->value[r->nin], y, r->ny * sizeof *y),
               "%s, %d lanes%s: step and forward differ", r->s->op->name, r->S, in_place ? ", in place" : "");
  r->value[r->nin] = r->y;
  for (int k = 0; k < r->nin; k++) memcpy(r->x[k], x[k], r->nx[k] * sizeof(nn_real)), free(x[k]);
  free(y);
}

/* x[u] changes: y[t < u] (t <= u) stays, and something else moves. */
static void causality(rig *r) {
  size_t positions = (size_t)nn_positions(r->s->in), wide = r->ny / positions, moved = 0;
  r->s->op->forward(r->n, &r->f);
  nn_real *y = copy(r->y, r->ny);
  for (int k = 0; k < r->nin; k++)
    for (size_t u = 0; u < positions; u++) {
      size_t one = r->nx[k] / positions;
      nn_real *keep = copy(r->x[k] + u * one, one);
      for (size_t i = 0; i < one; i++) r->x[k][u * one + i] += r->s->levels ? -1 : 1;
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
  bool ordered = r.n->ahead < (s->train ? NN_IN_TRAINING : NN_ALWAYS) && r.n->op->step;
  for (unsigned seed = 1; seed <= (s->coupled ? 1 : 3); seed++) {
    randomise(&r, seed);
    shapes(&r);
    if (ordered) steps(&r, false);
    if (ordered && s->op->in_place) steps(&r, true);
    if (ordered) causality(&r);
    for (int size = 1; s->op->block && size <= 4; size++) blocks(&r, size);
#ifndef NN_SINGLE
    if (s->op->backward && S <= (s->coupled ? 8 : 16)) {
      gradients(&r, APART);
      if (s->op->in_place) gradients(&r, IN_PLACE);
      if (r.n->local || r.n->once) gradients(&r, SET);
      without_input_gradient(&r);
      for (int size = 1; s->op->back_block && size <= 4; size++) back_blocks(&r, size);
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

/* Words in vectors are those one by one; dropout keeps 1 - rate of the numbers, others in every shard and pass. */
static void dropout(void) {
  const sample s = {&nn_op_dropout, GRID(50, 2, 5), 5, false, &(nn_dropout_conf){0.3}, .train = true};
  rig r;
  uint32_t w[4][RNG_LANES];
  int wrong = 0;
  rng_words_lanes(rng_stream(7, "words"), 0xfffffffff0, 3, 9, w);
  for (unsigned i = 0; i < RNG_LANES; i++)
    for (int k = 0; k < 4; k++) wrong += w[k][i] != rng_words(rng_stream(7, "words"), 0xfffffffff0 + i, 3, 9).v[k];
  CHECK_INT(wrong, 0);
  if (build(&r, &s, 16)) return;
  for (size_t i = 0; i < r.nx[0]; i++) r.x[0][i] = 1;
  nn_real *seen[3];
  double n = (double)r.ny, kept = 0;
  for (unsigned k = 0; k < 3; k++) {
    r.f.shard = 5 + k % 2, r.f.pass = k / 2;
    s.op->forward(r.n, &r.f);
    seen[k] = copy(r.y, r.ny);
    for (size_t i = 0; i < r.ny; i++) kept += (r.y[i] > 0) / (3 * n);
  }
  CHECK_SIGMA(kept, 0.7, sqrt(0.21 / (3 * n)), 5);
  for (unsigned k = 1; k < 3; k++) {
    double equal = 0;
    for (size_t i = 0; i < r.ny; i++) equal += (seen[0][i] == seen[k][i]) / n;
    CHECK_SIGMA(equal, 0.58, sqrt(0.58 * 0.42 / n), 5);
  }
  for (int k = 0; k < 3; k++) free(seen[k]);
  release(&r);
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
  dropout();
  return check_done();
}

/* test_optim.c: ten updates of a small network by known gradients against the formulas written out: the one-cycle
 * schedule at its beginning, top and end; Adam; decay of weights but not of biases, norms, skips and state matrices,
 * which keep to their own rate; gradients cut to their largest norm. */
#include "nn/ops.h"
#include "nn/optim.h"
#include "tests/check.h"
#include "tests/folder.h"

enum { STEPS = 11, MOST = 100 }; /* step 3 of 0 ... 10 is where the rate is highest: hold .3 */
static const double lr = .02, slow_lr = .005, lr_final = .1, decay = .3, clip = .7;
static const char deck_text[] =
    "app: test\n"
    "optimiser: {kind: adam, lr: 0.02, slow_lr: 0.005, lr_final: 0.1, decay: 0.3, schedule: onecycle, clip: 0.7}\n";
static const deck_section schema[] = {
    {.name = "optimiser", .keys = nn_optim_keys, .kinds = nn_optim_types, .kind_def = "adam"}, {0}};

typedef enum { WEIGHT, PLAIN, SLOW } treatment;

/* A dense layer 3 -> 4, a layer norm of 4, four state spaces of two modes; room between nodes counts as plain. */
static int treatments(const nn_graph *g, treatment *of) {
  static const struct {
    int node, count;
    treatment t;
  } part[] = {{1, 12, WEIGHT}, {1, 4, PLAIN}, {2, 8, PLAIN}, {3, 16, WEIGHT}, {3, 4, PLAIN}, {3, 20, SLOW}};
  size_t at[4] = {0};
  for (size_t i = 0; i < g->nparam; i++) of[i] = PLAIN;
  for (unsigned k = 0; k < sizeof part / sizeof *part; k++)
    for (int i = 0; i < part[k].count; i++) of[g->node[part[k].node].param + at[part[k].node]++] = part[k].t;
  for (int k = 1; k < 4; k++) CHECK_INT(g->node[k].nparam, at[k]);
  return (int)g->nparam;
}

static nn_graph *network(err *e) {
  nn_graph *g = nn_graph_new();
  int x = nn_input(g, "x", (nn_shape){{20, 1, 1}, 3});
  x = nn_add(g, &nn_op_dense, "dense", &(nn_dense_conf){4, true, true, 1}, 1, &x, e);
  x = nn_add(g, &nn_op_layer_norm, "norm", &(nn_norm_conf){1e-5}, 1, &x, e);
  x = nn_add(g, &nn_op_s4d, "s4d", &(nn_ssm_conf){NN_S4D_LIN, 4, false, .01, .1, 1}, 1, &x, e);
  nn_finish(g, x, e);
  return g;
}

static double expected_rate(int step) {
  double x = step / 10.;
  if (x <= .3) return lr * (1 + 24 * .5 * (1 - cos(M_PI * x / .3))) / 25;
  return lr * (lr_final + (1 - lr_final) * .5 * (1 + cos(M_PI * (x - .3) / .7)));
}

/* Is number i a parameter, not room between nodes? */
static bool held(const nn_graph *g, int i) {
  bool yes = false;
  for (int k = 1; k < 4; k++) {
    size_t from = g->node[k].param;
    yes |= (size_t)i >= from && (size_t)i < from + g->node[k].nparam;
  }
  return yes;
}

static int updates(run *r, err *e) {
  treatment of[MOST];
  nn_graph *g = network(e);
  nn_optim *o = NULL;
  if (e->code) return e->code;
  int n = treatments(g, of);
  double theta[MOST], grad[MOST], want[MOST], m[MOST] = {0}, v[MOST] = {0}, off = 0;
  for (int i = 0; i < n; i++) theta[i] = want[i] = cos(i);
  if (nn_optim_new(&o, (size_t)n, run_deck(r), r, e) || nn_optim_groups(o, g, e)) return e->code;
  for (int step = 0; step < STEPS; step++) {
    double norm, square = 0, rate = expected_rate(step), size = step % 2 ? .01 : 1;
    for (int i = 0; i < n; i++) grad[i] = held(g, i) ? size * sin(1 + i + 3 * step) : 0, square += grad[i] * grad[i];
    double cut = sqrt(square) > clip ? clip / sqrt(square) : 1;
    CHECK((cut < 1) == !(step % 2));
    for (int i = 0; i < n; i++) {
      double d = cut * grad[i], own = of[i] == SLOW ? fmin(slow_lr, rate) : rate;
      m[i] = .9 * m[i] + .1 * d, v[i] = .999 * v[i] + .001 * d * d;
      double move = m[i] / (1 - pow(.9, step + 1)) / (sqrt(v[i] / (1 - pow(.999, step + 1))) + 1e-8);
      want[i] -= own * (move + (of[i] == WEIGHT ? decay * want[i] : 0));
    }
    double used = nn_optim_update(o, step, STEPS, 1, theta, grad, 1, &norm);
    CHECK_NEAR(used, rate, 1e-15);
    CHECK_NEAR(norm, sqrt(square), 1e-12);
    for (int i = 0; i < n; i++) off = fmax(off, held(g, i) ? fabs(theta[i] - want[i]) : 0);
  }
  CHECK_REPORT(off < 1e-12, "parameters are off by %g", off);
  CHECK_NEAR(expected_rate(0), lr / 25, 1e-15);
  CHECK_NEAR(expected_rate(3), lr, 1e-15);
  CHECK_NEAR(expected_rate(10), lr * lr_final, 1e-15);
  nn_optim_free(o), nn_graph_free(g);
  return e->code;
}

static const app test_app = {"test", "updates", schema, NULL, updates}, *const apps[] = {&test_app, NULL};

int main(int argc, char **argv) {
  int level;
  err e = {0};
  run *r;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  if (folder_make()) return 1;
  CHECK(!folder_put("deck.yaml", deck_text, sizeof deck_text - 1));
  run_options o = {
      .deck_path = folder_file("deck.yaml"), .out = folder_file("out"), .quiet = true, .command_line = "test"};
  if (!run_open(&r, MPI_COMM_SELF, &o, apps, &e)) {
    run_main(r, &e);
    run_close(r, &e);
  }
  CHECK_REPORT(!e.code, "%.300s", e.text);
  folder_remove();
  return check_done();
}

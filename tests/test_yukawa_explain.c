/* test_yukawa_explain.c: app yukawa-explain and its parts. Networks whose relevance is known: filters that are sign
 * patterns put the relevance of uniform and staggered fields at p = 0 and (pi, pi, pi), a linear network has the shares
 * of its terms, responses add to one; the origin changes relevance, not answers; the same bits on one and two ranks;
 * what is missing is one message. Two ranks. */
#include "apps/yukawa_explain.h"
#include "apps/yukawa_generate.h"
#include "apps/yukawa_train.h"
#include "nn/layers.h"
#include "run_part.h"
#include "tests/folder.h"

enum { L = 4, SITES = L * L * L, CHAINS = 4, PER = 24, N = CHAINS * PER, BLOCKS = 8, INPUTS = 5 };
static const yukawa_explain_conf plain = {.epsilon = 1e-12,
                                          .least_kappa = .05,
                                          .gradient = true,
                                          .integrated = true,
                                          .nodes = 8,
                                          .lanes = 8,
                                          .blocks = BLOCKS};

/* Chains 0, 1 at kappa = -0.2, 2, 3 at 0.2; phi = a + b (-1)^(n_0 + n_1 + n_2), observables of exactly that field. */
static double amplitude(long i, bool odd) {
  rng r = rng_stream(8, odd ? "b" : "a");
  return .5 + rng_uniform(r, (uint64_t)i, 0, 0);
}
static yukawa_data made(double uniform, double odd) {
  yukawa_data y = {.d = 3, .side = {L, L, L, 1}, .chains = CHAINS, .per = PER, .n = N, .sites = SITES};
  y.columns = SCALAR_COLS + 2 * (L / 2 + 1);
  y.field = malloc(sizeof *y.field * N * SITES), y.observable = calloc((size_t)(N * y.columns), sizeof *y.observable);
  y.kappa = malloc(sizeof *y.kappa * CHAINS);
  for (int c = 0; c < CHAINS; c++) y.kappa[c] = c < 2 ? -.2 : .2;
  for (long i = 0; i < N; i++) {
    double a = uniform * amplitude(i, false), b = odd * amplitude(i, true), *o = y.observable + i * y.columns;
    for (int n = 0; n < SITES; n++) y.field[i * SITES + n] = (float)((n + n / L + n / (L * L)) & 1 ? a - b : a + b);
    o[SCALAR_COL_M] = a, o[SCALAR_COL_MS] = b, o[SCALAR_COL_PHI2] = a * a + b * b, o[SCALAR_COL_LINK] = a * a - b * b;
    o[SCALAR_COL_BOX] = 8 * fabs(a), o[SCALAR_COL_CBOX] = 8 * fabs(b);
    for (int t = 0; t <= L / 2; t++)
      o[SCALAR_COLS + t] = a * a + .1 * rng_normal(rng_stream(9, "G"), (uint64_t)i, (uint32_t)t, 0);
  }
  return y;
}

/* conv (filters: uniform, checkerboard), ReLU, mean over the lattice, dense with weights 1 and `second`. */
static yukawa_model of_fields(double second) {
  yukawa_model m = {
      .standard = {.what = YUKAWA_FIELDS, .inputs = 1, .sd = {1}, .target_sd = 1}, .d = 3, .side = {L, L, L}};
  err e = {0};
  m.g = nn_graph_new();
  int x = nn_input(m.g, "x", (nn_shape){{L, L, L}, 1});
  nn_want_grad(m.g, x);
  int conv = nn_layer_conv(m.g, x, nn_window_same(3, 2, 1, true), 2, true, 1, &e), h = conv;
  h = nn_layer(m.g, &nn_op_relu, NULL, h, &e);
  h = nn_layer_pool(m.g, h, NN_POOL_MEAN, &e);
  int out = nn_layer_dense(m.g, h, 1, false, true, 1, &e);
  CHECK_REPORT(!nn_finish(m.g, out, &e), "%.200s", e.text);
  m.theta = nn_alloc(m.g->nparam * sizeof *m.theta), m.state = nn_alloc(1);
  for (int t = 0; t < 8; t++) {
    m.theta[m.g->node[conv].param + (size_t)t * 2] = 1;
    m.theta[m.g->node[conv].param + (size_t)t * 2 + 1] = (t ^ t >> 1 ^ t >> 2) & 1 ? -1 : 1;
  }
  m.theta[m.g->node[out].param] = 1, m.theta[m.g->node[out].param + 1] = (nn_real)second;
  return m;
}

/* One dense layer: F = sum_k w_k x_k + 0.3, x = (O - mean) / sd. */
static const double linear[INPUTS] = {2, -1, .5, .25, -.125};
static yukawa_model of_observables(void) {
  yukawa_model m = {
      .standard = {.what = YUKAWA_OBSERVABLES, .inputs = INPUTS, .target_sd = 1}, .d = 3, .side = {L, L, L}};
  err e = {0};
  for (int k = 0; k < INPUTS; k++) m.standard.mean[k] = .3 + k, m.standard.sd[k] = .5 + .1 * k;
  m.g = nn_graph_new();
  int x = nn_input(m.g, "x", (nn_shape){{1, 1, 1}, INPUTS});
  nn_want_grad(m.g, x);
  int out = nn_layer_dense(m.g, x, 1, false, true, 1, &e);
  CHECK_REPORT(!nn_finish(m.g, out, &e), "%.200s", e.text);
  m.theta = nn_alloc(m.g->nparam * sizeof *m.theta), m.state = nn_alloc(1);
  for (int k = 0; k < INPUTS; k++) m.theta[k] = (nn_real)linear[k];
  m.theta[INPUTS] = (nn_real).3;
  return m;
}

/* Explanations of all configurations; true on rank 0. */
static bool explained(run *r, yukawa_explanations *x, const yukawa_model *m, const yukawa_data *y,
                      const yukawa_explain_conf *c) {
  err e = {0};
  bool bad = yukawa_explanations_new(x, m, y, c, 0, &e) || yukawa_explanations_run(x, r, &e);
  CHECK_REPORT(!bad, "%.300s", e.text);
  return !bad && run_root(r);
}

static void closed(const yukawa_explanations *x) {
  double worst = 0, gap = 0;
  for (long i = 0; i < x->n; i++) {
    worst = fmax(worst, x->row[i * x->width + YUKAWA_CLOSURE]);
    gap = fmax(gap, fabs(x->row[i * x->width + YUKAWA_GAP]));
  }
  CHECK_REPORT(worst <= 1e-12, "the ledger is off by %g", worst);
  CHECK_REPORT(gap <= 1e-12, "integrated gradients are off by %g", gap);
}

/* phi = a u + b s: the uniform filter sees 8 a, the other +-8 b, of which ReLU keeps half: F = 8 a + second 4 b, and
 * their terms are the relevance of p = 0 and (pi, pi, pi), and of the two filters. */
static void fields(run *r, double uniform, double odd, double second) {
  yukawa_data y = made(uniform, odd);
  yukawa_model m = of_fields(second);
  yukawa_explanations x;
  yukawa_vision v = {0};
  err e = {0};
  if (explained(r, &x, &m, &y, &plain)) {
    CHECK_INT(x.points, 2);
    CHECK_INT(x.items, 7);
    CHECK_INT(x.filters, 2);
    CHECK_INT(x.taps, 8);
    closed(&x);
    CHECK_REPORT(!yukawa_see(&v, &x, &e) || second == 0, "%.200s", e.text);
    for (int p = 0; p < x.points; p++) {
      double at[2] = {0};
      for (long i = x.begin[p]; i < x.begin[p + 1]; i++)
        at[0] += 8 * uniform * amplitude(x.index[i], false), at[1] += 4 * second * odd * amplitude(x.index[i], true);
      for (int method = 0; method < x.methods - 1; method++) {
        const double *share = v.momentum[method].value + p * x.items;
        CHECK_NEAR(share[0], at[0] / (at[0] + at[1]), 1e-6);
        CHECK_NEAR(share[6], at[1] / (at[0] + at[1]), 1e-6);
        for (int q = 1; q < 6; q++) CHECK_NEAR(share[q], 0, 1e-6);
      }
      CHECK_NEAR(v.relevance.value[2 * p], at[0] / (at[0] + at[1]), 1e-6);
      double aa = 0, bb = 0; /* T = 3 V (a^2 - b^2) */
      for (long i = x.begin[p]; i < x.begin[p + 1]; i++)
        aa += pow(uniform * amplitude(x.index[i], false), 2), bb += pow(odd * amplitude(x.index[i], true), 2);
      const double *link = v.momentum[x.methods - 1].value + p * x.items;
      CHECK_NEAR(link[0] * (aa - bb), aa, 1e-4);
      CHECK_NEAR(link[6] * (aa - bb), -bb, 1e-4);
      for (int q = 1; q < 6; q++) CHECK_NEAR(link[q] * (aa - bb), 0, 1e-4);
    }
    CHECK_NEAR(v.cosine.value[0], 1, 1e-15);
    CHECK_NEAR(v.cosine.value[15], 1, 1e-15);
    CHECK_NEAR(v.cosine.value[7], 0, 1e-15);
    CHECK_NEAR(v.cosine.value[8], 0, 1e-15);
  }
  yukawa_vision_free(&v), yukawa_explanations_free(&x), yukawa_data_close(&y), yukawa_model_close(&m);
}

/* T = 3 V (a^2 - b^2): what the two filters know is what |m| and |m_s| know, the boxes. */
static void knowledge(run *r) {
  yukawa_data y = made(1, 1);
  yukawa_model m = of_fields(1);
  yukawa_explanations x;
  yukawa_vision v = {0};
  err e = {0};
  if (explained(r, &x, &m, &y, &plain)) {
    CHECK_REPORT(!yukawa_see(&v, &x, &e), "%.200s", e.text);
    for (int p = 0; p < x.points; p++) {
      const double *set = v.sets.value + p * YUKAWA_SETS;
      CHECK_NEAR(v.known.value[2 * p], set[YUKAWA_BOX], 1e-6);
      CHECK_NEAR(v.known.value[2 * p + 1], set[YUKAWA_CBOX], 1e-6);
      CHECK_NEAR(set[YUKAWA_BEST], fmax(set[YUKAWA_BOX], set[YUKAWA_CBOX]), 1e-6);
      CHECK_NEAR(set[YUKAWA_TWO], set[YUKAWA_EVERY], 1e-12);
      CHECK(set[YUKAWA_TWO] > .95 && isnan(set[YUKAWA_THREE]));
      double aa = 0, bb = 0;
      for (long i = x.begin[p]; i < x.begin[p + 1]; i++)
        aa += pow(amplitude(x.index[i], false), 2), bb += pow(amplitude(x.index[i], true), 2);
      CHECK_NEAR(v.energy.value[2 * p], aa / (aa + bb), 1e-6);
    }
  }
  yukawa_vision_free(&v), yukawa_explanations_free(&x), yukawa_data_close(&y), yukawa_model_close(&m);
}

static void observables(run *r, int origin) {
  yukawa_data y = made(1, 1);
  yukawa_model m = of_observables();
  yukawa_explanations x;
  yukawa_ranking k = {0};
  yukawa_explain_conf c = plain;
  err e = {0};
  c.origin = origin;
  if (explained(r, &x, &m, &y, &c)) {
    closed(&x);
    CHECK_REPORT(!yukawa_rank_inputs(&k, &x, &e), "%.200s", e.text);
    for (int p = 0; p < x.points; p++) {
      double term[INPUTS] = {0}, all = 0;
      for (long i = x.begin[p]; i < x.begin[p + 1]; i++) {
        nn_real z[INPUTS];
        double F = .3;
        yukawa_input(&y, &m.standard, x.index[i], NULL, z, 1);
        for (int j = 0; j < INPUTS; j++) {
          double shift = origin == YUKAWA_AT_ZERO ? m.standard.mean[j] / m.standard.sd[j] : 0;
          term[j] += fabs(linear[j] * ((double)z[j] + shift)), all += fabs(linear[j] * ((double)z[j] + shift));
          F += linear[j] * (double)z[j];
        }
        CHECK_NEAR(x.row[i * x.width + YUKAWA_ANSWER], F, 1e-12);
      }
      for (int method = 0; method < x.methods; method++) {
        double sum = 0, groups = 0;
        for (int j = 0; j < INPUTS; j++) {
          CHECK_NEAR(k.level[method].value[p * INPUTS + j], term[j] / all, 1e-9);
          sum += k.response[method].value[p * INPUTS + j];
        }
        for (int j = 0; j < YUKAWA_GROUPS; j++) groups += k.group_response[method].value[p * YUKAWA_GROUPS + j];
        CHECK_NEAR(sum, 1, 1e-9);
        CHECK_NEAR(groups, 1, 1e-9);
      }
    }
  }
  yukawa_ranking_free(&k, x.points), yukawa_explanations_free(&x), yukawa_data_close(&y), yukawa_model_close(&m);
}

/* |m|, |m_s|, phi^2 and the boxes as the ensemble has them. */
static void local(void) {
  yukawa_data y = made(1, 1);
  yukawa_standard s = {.what = YUKAWA_LOCAL, .inputs = INPUTS, .mean = {0}, .sd = {1, 1, 1, 1, 1}};
  const char *names[INPUTS] = {"|m|", "|m_s|", "phi^2", "|box|", "|stag. box|"};
  for (long i = 0; i < N; i++) {
    double a = amplitude(i, false), b = amplitude(i, true), want[INPUTS] = {a, b, a * a + b * b, 8 * a, 8 * b};
    nn_real x[INPUTS];
    yukawa_input(&y, &s, i, NULL, x, 1);
    for (int k = 0; k < INPUTS; k++) CHECK_NEAR((double)x[k], want[k], 1e-12);
  }
  char name[16];
  for (int k = 0; k < INPUTS; k++) CHECK_TEXT(yukawa_input_name(&s, k, name), names[k]);
  yukawa_data_close(&y);
}

static int parts_main(run *r, err *e) {
  fields(r, 1, 0, 0), fields(r, 0, 1, 2), fields(r, 1, 1, 2), fields(r, 1, 1, .5);
  knowledge(r);
  local();
  observables(r, YUKAWA_AT_ZERO), observables(r, YUKAWA_AT_MEAN);
  return 0;
}
static const deck_section nothing[] = {{0}};
static const app parts = {.name = "parts", .help = "parts of yukawa-explain", .schema = nothing, .main = parts_main};
static const app *const part_apps[] = {&app_yukawa_generate, &app_yukawa_train, &app_yukawa_explain, &parts, NULL};

/* ---- the app ---- */
static void put(const char *name, const char *text) {
  CHECK(!folder_put(name, text, strlen(text)));
}

static void write_decks(void) {
  put("parts.yaml", "app: parts\n");
  put("generate.yaml",
      "app: yukawa-generate\nlattice: {L: 4}\nmodel: {kappa: {from: -0.25, to: 0.25, steps: 9}}\nupdate: {kind: "
      "wolff}\n"
      "chain: {steps: 30, thermalisation: 10, replicas: 2}\nensemble: {configurations: 1}\n");
  put("cnn.yaml",
      "app: yukawa-train\ndata: {train: none, test: none, validation: 0.3}\n"
      "net: {kind: cnn, channels: [4], kernel: [2], padding: periodic, head: [4]}\nfit: {epochs: 1, lanes: 8}\n");
  put("mlp.yaml",
      "app: yukawa-train\ndata: {train: none, test: none, what: observables, validation: 0.3}\nnet: {kind: mlp, width: "
      "[8]}\n"
      "fit: {epochs: 1, lanes: 8}\n");
  put("explain.yaml",
      "app: yukawa-explain\nnet: {from: none}\ndata: {test: none}\nexplain: {nodes: 4, lanes: 8, blocks: 8}\n");
}

/* Path of a file in the folder of the test, for good. */
static const char *place(const char *name) {
  static char path[40][120];
  static int n;
  if (n == 40) return "too many paths";
  snprintf(path[n], sizeof path[n], "%.100s", folder_file(name));
  return path[n++];
}

/* Results of a run on observables: firsts are those of the rows of relevance; excess is what they have beyond the exact
 * first. Rule flat ranks nothing: its ties all agree, but none is strictly first. */
static void check_firsts(const char *of, bool flat) {
  enum { POINTS = 9 };
  double relevance[POINTS * INPUTS], first[POINTS], exact[POINTS], excess[POINTS], agreement, strict;
  h5 *f;
  err e = {0};
  char path[300];
  if (world_rank()) return;
  snprintf(path, sizeof path, "%s/run.h5", of);
  CHECK_INT(h5_open(&f, path, &e), 0);
  h5_read(f, "/results/relevance.lrp/value", H5_F64, relevance, POINTS * INPUTS, &e);
  h5_read(f, "/results/first.lrp/value", H5_F64, first, POINTS, &e);
  h5_read(f, "/results/first.alone/value", H5_F64, exact, POINTS, &e);
  h5_read(f, "/results/excess.lrp/value", H5_F64, excess, POINTS, &e);
  h5_read(f, "/results/agreement.lrp/value", H5_F64, &agreement, 1, &e);
  h5_read(f, "/results/strict.lrp/value", H5_F64, &strict, 1, &e);
  CHECK_REPORT(!e.code, "%.300s", e.text);
  for (int p = 0; p < POINTS && !e.code; p++) {
    const double *v = relevance + p * INPUTS;
    for (int k = 0; k < INPUTS; k++) CHECK(v[(int)first[p]] >= v[k]);
    CHECK_NEAR(excess[p], v[(int)first[p]] - v[(int)exact[p]], 1e-15);
  }
  CHECK_REPORT(flat ? agreement == 1 && !(strict > 0) : isnan(strict) || strict <= 1, "%g, %g", agreement, strict);
  h5_close(f);
}

static void test_app(void) {
  char train[300], test[300], net[3][300];
  const char *g = place("generate.yaml"), *x = place("explain.yaml");
  snprintf(train, sizeof train, "data.train=%s", place("set"));
  snprintf(test, sizeof test, "data.test=%s", place("set"));
  snprintf(net[0], sizeof net[0], "net.from=%s", place("cnn"));
  snprintf(net[1], sizeof net[1], "net.from=%s/run.h5", place("mlp"));
  snprintf(net[2], sizeof net[2], "net.from=%s", place("local"));
  PART(0, "", .deck = g, .out = place("set"));
  PART(0, "", .deck = g, .out = place("larger"), .set = {"lattice.L=6"});
  PART(0, "", .deck = place("cnn.yaml"), .out = place("cnn"), .set = {train, test});
  PART(0, "", .deck = place("mlp.yaml"), .out = place("mlp"), .set = {train, test});
  PART(0, "", .deck = place("mlp.yaml"), .out = place("local"), .set = {train, test, "data.what=local"});
  for (int k = 0; k < 3; k++) { /* the box of rule box is the same on all ranks */
    const char *one = place(k ? k > 1 ? "l1" : "m1" : "c1"), *two = place(k ? k > 1 ? "l2" : "m2" : "c2");
    const char *rules = k > 1 ? "explain.composite=plus-box" : "explain.composite=epsilon";
    PART(0, "", .deck = x, .out = one, .set = {net[k], test, rules});
    PART(0, "", .deck = x, .out = two, .set = {net[k], test, rules}, .ranks = 2);
    same_bits(one, two);
    if (k) check_firsts(one, false);
  }
  PART(0, "", .deck = x, .out = place("flat"), .set = {net[1], test, "explain.composite=epsilon-plus-flat"});
  check_firsts(place("flat"), true);
  const char *out = place("no");
  char larger[300], other[300];
  snprintf(larger, sizeof larger, "data.test=%s", place("larger"));
  snprintf(other, sizeof other, "net.from=%s", place("set"));
  PART(ERR_FILE, "net.from", .deck = x, .out = out, .set = {test}, .overwrite = true, .ranks = 2);
  PART(ERR_FILE, "data.test", .deck = x, .out = out, .set = {net[0]}, .overwrite = true, .ranks = 2);
  PART(ERR_FILE, "another lattice", .deck = x, .out = out, .set = {net[0], larger}, .overwrite = true);
  PART(ERR_FILE, "not of yukawa-train", .deck = x, .out = out, .set = {other, test}, .overwrite = true);
  PART(ERR_DECK, "explain.blocks", .deck = x, .out = out, .set = {net[0], test, "explain.blocks=100"},
       .overwrite = true);
  PART(ERR_DECK, "explain.lanes", .deck = x, .out = out, .set = {net[0], test, "explain.lanes=3"}, .overwrite = true);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  if (!world_rank()) {
    CHECK(!folder_make());
    write_decks();
  }
  MPI_Bcast(folder_path, sizeof folder_path, MPI_BYTE, 0, MPI_COMM_WORLD);
  const char *all = folder_file("parts.yaml");
  PART(0, "", .deck = all, .out = folder_file("parts1"));
  PART(0, "", .deck = all, .out = folder_file("parts2"), .ranks = 2);
  test_app();
  MPI_Barrier(MPI_COMM_WORLD);
  if (!world_rank()) CHECK(!folder_remove());
  return check_done();
}

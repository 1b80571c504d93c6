/* test_yukawa_train.c: app yukawa-train and the data it shares. Symmetries keep what they must and cover the group;
 * whole chains go to one side; maximum likelihood reaches the Cramer-Rao bound, on made-up links where everything is
 * known and on a small lattice; the same bits on one and two ranks; a stored network gives its estimates again; what is
 * missing is one message. Two ranks. */
#include "apps/yukawa_generate.h"
#include "apps/yukawa_train.h"
#include "base/run_past.h"
#include "base/file.h"
#include "run_part.h"
#include "tests/folder.h"
#include "xai/explained.h"

static const app *const part_apps[] = {&app_yukawa_generate, &app_yukawa_train, NULL};

/* ---- a field of random numbers ---- */
enum { CHAINS = 7, PER = 3 };
static yukawa_data made(int a, int b, int c) {
  yukawa_data y = {.d = c > 1 ? 3 : 2, .side = {a, b, c, 1}, .chains = CHAINS, .per = PER, .n = CHAINS * PER};
  rng r = rng_stream(3, "made");
  y.sites = (long)a * b * c, y.columns = SCALAR_COLS + 2 * (a / 2 + 1);
  y.field = malloc(sizeof *y.field * (size_t)(y.n * y.sites));
  y.observable = calloc((size_t)(y.n * y.columns), sizeof *y.observable);
  y.kappa = malloc(sizeof *y.kappa * CHAINS);
  for (long i = 0; i < y.n * y.sites; i++) y.field[i] = (float)rng_normal(r, (uint64_t)i, 0, 0);
  for (long i = 0; i < y.n * y.columns; i++) y.observable[i] = rng_normal(r, (uint64_t)i, 1, 0);
  for (int k = 0; k < CHAINS; k++) y.kappa[k] = .01 * k;
  return y;
}

/* sums of phi, phi^2, links and of phi_n phi_m over the diagonals of squares */
static void sums(const yukawa_data *y, const nn_real *phi, double s[4]) {
  int A = y->side[0], B = y->side[1], C = y->d > 2 ? y->side[2] : 1;
  for (int k = 0; k < 4; k++) s[k] = 0;
  for (int n = 0; n < A * B * C; n++) {
    int x[3] = {n / (B * C), n / C % B, n % C}, side[3] = {A, B, C};
    s[0] += (double)phi[n], s[1] += (double)(phi[n] * phi[n]);
    for (int mu = 0; mu < y->d; mu++)
      for (int nu = mu; nu < y->d; nu++)
        for (int back = -1; back <= 1; back += 2) {
          int z[3] = {x[0], x[1], x[2]};
          z[mu] = (z[mu] + 1) % side[mu];
          if (nu > mu) z[nu] = (z[nu] + back + side[nu]) % side[nu];
          s[nu > mu ? 3 : 2] += (double)(phi[n] * phi[(z[0] * B + z[1]) * C + z[2]]);
        }
  }
}

static void test_images(int a, int b, int c) {
  yukawa_data y = made(a, b, c);
  yukawa_standard s = {.what = YUKAWA_FIELDS, .inputs = 1};
  nn_real *x = malloc(sizeof *x * (size_t)y.sites), *image = malloc(sizeof *x * (size_t)y.sites);
  rng r = rng_stream(1, "images");
  double before[4], after[4], worst = 0;
  int moved = 0;
  for (int k = 0; k < 60; k++) {
    yukawa_symmetry g = yukawa_symmetry_draw(&y, r, (uint64_t)k, 2);
    yukawa_input(&y, &s, k % y.n, NULL, x, 1), yukawa_input(&y, &s, k % y.n, &g, image, 1);
    sums(&y, x, before), sums(&y, image, after);
    moved += memcmp(x, image, sizeof *x * (size_t)y.sites) != 0;
    worst = fmax(worst, fabs(after[0] - g.sign * before[0]));
    for (int q = 1; q < 4; q++) worst = fmax(worst, fabs(after[q] - before[q]));
  }
  CHECK_NEAR(worst, 0, 1e-4 * (double)y.sites);
  CHECK(moved > 55);
  free(x), free(image), yukawa_data_close(&y);
}

/* The axes, flips and signs of a cube and the shifts come equally often; unequal sides are never exchanged. */
static void test_group(void) {
  enum { DRAWS = 48000, CLASSES = 96 };
  yukawa_data cube = made(4, 4, 4), box = made(4, 6, 4);
  rng r = rng_stream(1, "group");
  double count[CLASSES] = {0}, chi2 = 0, shift[4] = {0};
  int exchanged = 0, wrong = 0;
  for (int k = 0; k < DRAWS; k++) {
    yukawa_symmetry g = yukawa_symmetry_draw(&cube, r, (uint64_t)k, 0),
                    h = yukawa_symmetry_draw(&box, r, (uint64_t)k, 1);
    int order = g.axis[0] * 2 + (g.axis[1] > g.axis[2]);
    count[((order * 2 + g.flip[0]) * 2 + g.flip[1]) * 4 + g.flip[2] * 2 + (g.sign > 0)]++, shift[g.shift[1]]++;
    exchanged += h.axis[0] == 2, wrong += h.axis[1] != 1;
  }
  for (int k = 0; k < CLASSES; k++) chi2 += pow(count[k] - DRAWS / CLASSES, 2) / (DRAWS / CLASSES);
  CHECK_SIGMA(chi2, CLASSES - 1, sqrt(2. * (CLASSES - 1)), 5);
  CHECK_SIGMA(shift[3], DRAWS / 4, sqrt(DRAWS * 3. / 16), 5);
  CHECK_SIGMA(exchanged, DRAWS / 2, sqrt(DRAWS / 4.), 5);
  CHECK_INT(wrong, 0);
  yukawa_data_close(&cube), yukawa_data_close(&box);
}

static void test_split(void) {
  yukawa_data y = made(4, 4, 4);
  yukawa_standard s = {.what = YUKAWA_OBSERVABLES};
  yukawa_samples train, valid, none;
  err e = {0};
  int seen[CHAINS * PER] = {0};
  CHECK(!yukawa_samples_new(&train, &y, &s, YUKAWA_TRAIN, .3, true, &e));
  CHECK(!yukawa_samples_new(&valid, &y, &s, YUKAWA_VALID, .3, false, &e));
  CHECK_INT(valid.set.count, 2 * PER); /* floor(7 * .3) chains */
  for (long k = 0; k < train.set.count; k++) seen[train.index[k]]++;
  for (long k = 0; k < valid.set.count; k++) seen[valid.index[k]] += 10;
  int right = 0;
  for (int i = 0; i < y.n; i++) right += (seen[i] == 1 || seen[i] == 10) && seen[i] == seen[i / PER * PER];
  CHECK_INT(right, y.n);
  yukawa_standard_fit(&s, &train);
  CHECK_INT(s.inputs, 5);
  for (int k = 0; k < s.inputs; k++) {
    double mean = 0, square = 0;
    nn_real x[8];
    for (long i = 0; i < train.set.count; i++) {
      yukawa_input(&y, &s, train.index[i], NULL, x, 1);
      mean += (double)x[k] / (double)train.set.count, square += (double)(x[k] * x[k]) / (double)train.set.count;
    }
    CHECK_NEAR(mean, 0, 1e-5);
    CHECK_NEAR(square, 1, 1e-5);
  }
  CHECK_INT(yukawa_samples_new(&none, &y, &s, YUKAWA_VALID, .1, false, &e), ERR_DECK);
  CHECK(strstr(e.text, "data.validation") != NULL);
  yukawa_samples_free(&train), yukawa_samples_free(&valid), yukawa_samples_free(&none), yukawa_data_close(&y);
}

/* Links T = mu(kappa) + sd(kappa) n with mu' = 2 sd^2, as in any ensemble: here sd = 40 (1 + kappa). */
static double mu_of(double k) {
  return 3200 * (k + k * k + k * k * k / 3);
}
static yukawa_data links(long chains, long per, const double *at, int kappas) {
  yukawa_data y = {.d = 3, .side = {4, 4, 4, 1}, .chains = chains, .per = per, .n = chains * per, .sites = 64};
  rng r = rng_stream((uint32_t)chains, "links");
  y.columns = SCALAR_COLS + 6;
  y.observable = calloc((size_t)(y.n * y.columns), sizeof *y.observable);
  y.kappa = malloc(sizeof *y.kappa * (size_t)chains);
  for (long c = 0; c < chains; c++) y.kappa[c] = at ? at[c % kappas] : -.3 + .6 * (double)c / (double)(chains - 1);
  for (long i = 0; i < y.n; i++) {
    double k = y.kappa[i / per], T = mu_of(k) + 40 * (1 + k) * rng_normal(r, (uint64_t)i, 0, 0);
    y.observable[i * y.columns + SCALAR_COL_LINK] = T / (3 * 64);
  }
  return y;
}

static void test_oracle(void) {
  static const double at[] = {.2, -.2, 0};
  yukawa_data train = links(400, 10, NULL, 0), test = links(60, 50, at, 3);
  yukawa_oracle o;
  yukawa_verdict v, w;
  err e = {0};
  double *estimate = malloc(sizeof *estimate * (size_t)test.n), *worse = malloc(sizeof *worse * (size_t)test.n);
  rng r = rng_stream(2, "worse");
  CHECK_REPORT(!yukawa_oracle_fit(&o, &train, "made", &e), "%.200s", e.text);
  for (long i = 0; i < test.n; i++) {
    estimate[i] = yukawa_oracle_kappa(&o, yukawa_links(&test, i));
    worse[i] = estimate[i] + rng_normal(r, (uint64_t)i, 0, 0) / (80 * (1 + test.kappa[i / test.per]));
  }
  CHECK(!yukawa_judge(&v, &test, "made", estimate, &e) && !yukawa_judge(&w, &test, "made", worse, &e));
  CHECK_INT(v.n, 3);
  for (int k = 0; k < v.n; k++) {
    double sigma = 1 / (80 * (1 + v.kappa[k])), **x = v.value, **d = v.error;
    CHECK(!k || v.kappa[k] > v.kappa[k - 1]);
    CHECK_SIGMA(x[YUKAWA_SIGMA][k], sigma, d[YUKAWA_SIGMA][k], 5);
    CHECK_REL(yukawa_oracle_sigma(&o, v.kappa[k]), sigma, .1);
    CHECK_SIGMA(x[YUKAWA_SLOPE][k], 1, d[YUKAWA_SLOPE][k] + .03, 5);
    CHECK_NEAR(x[YUKAWA_BIAS][k], 0, .3 * sigma); /* of <T>, fitted to some 130 configurations */
    CHECK(x[YUKAWA_RATIO][k] >= 1 && x[YUKAWA_RATIO][k] <= 1.03);
    CHECK_SIGMA(w.value[YUKAWA_RATIO][k], sqrt(2), w.error[YUKAWA_RATIO][k], 5);
  }
  free(estimate), free(worse), yukawa_verdict_free(&v), yukawa_verdict_free(&w);
  yukawa_data_close(&train), yukawa_data_close(&test);
}

/* ---- the app ---- */
static const char generate_text[] =
    "app: yukawa-generate\n"
    "run: {seed: 5}\n"
    "lattice: {L: 8}\n"
    "model: {kappa: [-0.3, 0.3], draw: 100}\n"
    "update: {kind: wolff, sweeps: 2, clusters: 2}\n"
    "chain: {steps: 30, thermalisation: 40, every: 2}\n"
    "ensemble: {configurations: 1, segment_MB: 1}\n";
#define TEST_KAPPAS "model.kappa=[-0.25, -0.1, 0, 0.1, 0.25]"
static const char train_text[] =
    "app: yukawa-train\n"
    "run: {seed: 2}\n"
    "data: {train: none, test: none, validation: 0.25}\n"
    "net: {kind: cnn, channels: [6], kernel: [2], padding: periodic, head: [8]}\n"
    "fit: {epochs: 3, batch: 64, lanes: 8}\n";

static const char mlp_text[] =
    "app: yukawa-train\n"
    "data: {train: none, test: none, what: observables, weight: fisher}\n"
    "net: {kind: mlp, width: [8]}\n"
    "loss: {kind: mse}\n"
    "fit: {epochs: 2, batch: 64, lanes: 8}\n";

static const char *name_of(const char *word) { /* on every rank the folder of rank 0 */
  return folder_file(word);
}

static double result(const char *file, const char *name, const char *item, int at) {
  h5 *f = NULL;
  err e = {0};
  char path[100];
  double v[64] = {NAN};
  size_t dims[8] = {0};
  int rank = 0;
  snprintf(path, sizeof path, "/results/%s/%s", name, item);
  if (!h5_open(&f, folder_file(file), &e) && !h5_dims(f, path, &rank, dims, &e) && (!rank || dims[0] <= 64))
    h5_read(f, path, H5_F64, v, rank ? dims[0] : 1, &e);
  h5_close(f);
  CHECK_REPORT(!e.code, "%.200s", e.text);
  return v[at];
}

/* Estimates by the stored network of the stored configurations. */
static void test_stored(const char *folder) {
  yukawa_model m;
  yukawa_data y;
  err e = {0};
  h5 *f = NULL;
  xai_net *net = NULL;
  double stored[8000], worst = 0;
  bool open = !yukawa_model_open(&m, name_of(folder), true, &e) &&
              !yukawa_data_open(&y, name_of("other"), true, 1e9, &e) &&
              !xai_net_new(&net, m.g, 0, 8, m.theta, m.state, &e);
  CHECK_REPORT(open, "%.300s", e.text);
  if (!open) return;
  char file[PATH_MAX];
  run_past_file(name_of(folder), file);
  CHECK(!h5_open(&f, file, &e) && !h5_read(f, "/series/estimate.net", H5_F64, stored, (size_t)y.n, &e));
  for (long i = 0; i < y.n; i += 97) {
    double answer[8];
    nn_real *seed = nn_alloc(sizeof *seed * 8 * net->outputs);
    for (int lane = 0; lane < 8; lane++) yukawa_input(&y, &m.standard, i, NULL, net->frame->value[0] + lane, 8);
    xai_net_forward(net, NULL, -1, NULL);
    xai_net_seed(net, 0, seed), xai_net_answer(net, seed, answer);
    worst = fmax(worst, fabs(m.standard.target_mean + m.standard.target_sd * answer[3] - stored[i]));
    CHECK(xai_net_backward(net, seed, 0) != NULL);
    free(seed);
  }
  CHECK_NEAR(worst, 0, 1e-6);
  h5_close(f), xai_net_free(net), yukawa_model_close(&m), yukawa_data_close(&y);
}

static void test_app(void) {
  char train[300], test[300], single[300];
  snprintf(train, sizeof train, "data.train=%s", name_of("some"));
  snprintf(test, sizeof test, "data.test=%s/run.h5", name_of("other"));
  snprintf(single, sizeof single, "data.test=%s", name_of("single"));
  const char *g = name_of("generate.yaml"), *t = name_of("train.yaml");
  PART(0, "", .deck = g, .out = name_of("some"));
  PART(0, "", .deck = g, .out = name_of("other"), .ranks = 2,
       .set = {"run.seed=6", TEST_KAPPAS, "model.draw=0", "chain.replicas=8", "chain.steps=80"});
  PART(0, "", .deck = g, .out = name_of("single"), .set = {TEST_KAPPAS, "model.draw=0"});
  PART(0, "", .deck = g, .out = name_of("empty"), .set = {"ensemble.configurations=0", "chain.steps=2"});
  PART(0, "", .deck = g, .out = name_of("fine"), .set = {"model.lambda=0.5", "chain.steps=2"});
  PART(0, "", .deck = t, .out = name_of("one"), .set = {train, test});
  PART(0, "", .deck = t, .out = name_of("two"), .set = {train, test}, .ranks = 2);
  same_bits(name_of("one"), name_of("two"));
  PART(0, "", .deck = name_of("mlp.yaml"), .out = name_of("three"), .set = {train, test}, .ranks = 2);
}

static void test_refusals(void) {
  char train[300], test[300], single[300], empty[300], fine[300];
  const char *t = name_of("train.yaml"), *out = name_of("no");
  snprintf(train, sizeof train, "data.train=%s", name_of("some"));
  snprintf(test, sizeof test, "data.test=%s", name_of("other"));
  snprintf(single, sizeof single, "data.test=%s", name_of("single"));
  snprintf(empty, sizeof empty, "data.train=%s", name_of("empty"));
  snprintf(fine, sizeof fine, "data.test=%s", name_of("fine"));
  PART(ERR_FILE, "none/run.h5", .deck = t, .out = out, .set = {"data.train=none/run.h5"}, .overwrite = true);
  PART(ERR_FILE, "stores no configurations", .deck = t, .out = out, .set = {empty, test}, .overwrite = true);
  PART(ERR_FILE, "chain.replicas", .deck = t, .out = out, .set = {train, single, "fit.epochs=0"}, .overwrite = true);
  PART(ERR_FILE, "lambda 1.1 and 0.5", .deck = t, .out = out, .set = {train, fine}, .overwrite = true);
  PART(ERR_DECK, "loss.kind", .deck = t, .out = out, .set = {train, test, "loss.kind=bce"}, .overwrite = true);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  if (!world_rank()) {
    test_images(4, 4, 4), test_images(4, 6, 4), test_images(6, 6, 1);
    test_group(), test_split(), test_oracle();
    CHECK(!folder_make());
    CHECK(!folder_put("generate.yaml", generate_text, sizeof generate_text - 1));
    CHECK(!folder_put("train.yaml", train_text, sizeof train_text - 1));
    CHECK(!folder_put("mlp.yaml", mlp_text, sizeof mlp_text - 1));
  }
  MPI_Bcast(folder_path, sizeof folder_path, MPI_BYTE, 0, MPI_COMM_WORLD);
  test_app(), test_refusals();
  if (!world_rank()) {
    test_stored("one");
    for (int k = 0; k < 5; k++) { /* where |m| sets in T is not normal at 8^3, and r larger */
      double r = result("one/run.h5", "r.oracle", "value", k);
      CHECK_REPORT(r >= 1 && r <= 1.03, "r of maximum likelihood at point %d = %g", k, r);
    }
    double sigma = 1 / (2 * .5308448 * sqrt(3 * 512.)); /* at kappa = 0, exact: <phi^2> by quadrature */
    CHECK_SIGMA(result("one/run.h5", "sigma_CR", "value", 2), sigma, result("one/run.h5", "sigma_CR", "error", 2), 5);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  if (!world_rank()) CHECK(!folder_remove());
  return check_done();
}

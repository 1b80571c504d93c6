/* test_train.c: the gradient of training against enumeration (exact, and that of one real step within its error), KL
 * after training, optimisers against their formulas, and the same bits for any ranks, threads and memory. */
#include <unistd.h>

#include "base/file.h"
#include "samplers/draws.h"
#include "samplers/team.h"
#include "tests/ar_fixture.h"

/* ---- a run around train_*, on any communicator ---- */
enum { SAMPLES = 1000 };
typedef struct job {
  const char *settings; /* overrides */
  bool random;          /* start from fixture_randomise, else from nn_init */
  const nn_real *start; /* or from these (n) */
  nn_real *theta;       /* result, (n) */
  size_t n;
  double *curve; /* (steps, TRAIN_ROW) */
  long steps;
  double *rows; /* (SAMPLES, (1 + ISING_NOBS)) of fresh draws, rank 0 */
  double kl;    /* of the result, where the sum over states is short */
} job;
static job *now; /* an app has no other way to the test */
static char folder[] = "/tmp/test_train_XXXXXX";

static int take(void *ctx, long first, long n, const double *rows, err *e) {
  double *all = ctx;
  if (rows) memcpy(all + first * (1 + ISING_NOBS), rows, (size_t)n * (1 + ISING_NOBS) * sizeof *rows);
  return 0;
}

/* Fresh draws, and the later ones again by themselves. */
static void make_draws(run *r, const fixture *x, err *e) {
  size_t bytes = SAMPLES * (1 + ISING_NOBS) * sizeof(double);
  double *again = malloc(bytes);
  now->rows = malloc(bytes);
  draws_make(r, x->a, x->theta, "fresh", 0, SAMPLES, take, now->rows, 0, NULL, e);
  memcpy(again, now->rows, bytes);
  memset(again + 333 * (1 + ISING_NOBS), 0, bytes - 333 * (1 + ISING_NOBS) * sizeof *again);
  draws_make(r, x->a, x->theta, "fresh", 333, SAMPLES, take, again, 0, NULL, e);
  if (run_root(r)) CHECK_BITS(again, now->rows, bytes);
  free(again);
}

static int app_main(run *r, err *e) {
  fixture x;
  trainer *t = NULL;
  if (fixture_build(&x, run_deck(r), NULL, e) || train_check(run_deck(r), x.a, e)) return e->code;
  if (!now->random) nn_init(x.a->net, x.theta, 1);
  if (now->start) memcpy(x.theta, now->start, x.a->net->nparam * sizeof *x.theta);
  if (!train_new(&t, r, x.a, x.theta, e) && !train_run(t, NAN, e)) {
    now->n = x.a->net->nparam, now->steps = train_steps(t);
    now->theta = memcpy(nn_alloc(now->n * sizeof(nn_real)), x.theta, now->n * sizeof(nn_real));
    now->curve = malloc((size_t)(now->steps * TRAIN_ROW) * sizeof(double));
    memcpy(now->curve, train_curve(t), (size_t)(now->steps * TRAIN_ROW) * sizeof(double));
    now->kl = x.a->n <= 12 ? fixture_kl(&x) : NAN;
  }
  train_free(t);
  if (!e->code) make_draws(r, &x, e);
  fixture_close(&x);
  return e->code;
}

static const app test_app = {"test", "training", fixture_schema, NULL, app_main}, *const apps[] = {&test_app, NULL};

/* Collective on c. */
static int train_on(MPI_Comm c, job *j) {
  static err e;
  const char *word[FIXTURE_WORDS];
  char copy[1000], path[100], out[100];
  run *r;
  memset(&e, 0, sizeof e);
  snprintf(path, sizeof path, "%s/deck.yaml", folder), snprintf(out, sizeof out, "%s/out", folder);
  run_options o = {
      .deck_path = path, .out = out, .overrides = word, .quiet = true, .overwrite = true, .command_line = "test"};
  o.noverrides = fixture_split(j->settings, copy, word);
  now = j;
  j->theta = NULL, j->curve = j->rows = NULL;
  if (!run_open(&r, c, &o, apps, &e)) {
    run_main(r, &e);
    run_close(r, &e);
  }
  CHECK_REPORT(!e.code, "%.200s: %.300s", j->settings, e.text);
  return e.code;
}

static void job_free(job *j) {
  free(j->theta), free(j->curve), free(j->rows);
}

#ifndef NN_SINGLE
/* ---- gradient ---- */
/* Exact gradient of KL: sum_s q (ln q - ln w) grad ln q, the mean of grad ln q being zero. */
static void exact_gradient(fixture *x, double *grad) {
  size_t n = (size_t)1 << x->a->n;
  int S = x->a->lanes;
  double *lnq = malloc(2 * n * sizeof *lnq), *lnw = lnq + n, c[64], skip[64];
  fixture_enumerate(x, lnq, lnw);
  memset(grad, 0, x->a->net->nparam * sizeof *grad);
  for (size_t s = 0; s < n; s += (size_t)S) {
    fixture_fill(x, (long)s);
    ar_density(x->a, x->w, &x->f, x->theta, skip);
    for (int i = 0; i < S; i++) c[i] = exp(lnq[s + (size_t)i]) * (lnq[s + (size_t)i] - lnw[s + (size_t)i]);
    ar_backward(x->a, x->w, &x->f, x->theta, grad, c);
  }
  free(lnq);
}

/* g = grad ln q of state s */
static void score(fixture *x, size_t s, double *g) {
  size_t S = (size_t)x->a->lanes;
  double c[64] = {0}, skip[64];
  c[s % S] = 1;
  fixture_fill(x, (long)(s / S * S));
  ar_density(x->a, x->w, &x->f, x->theta, skip);
  memset(g, 0, x->a->net->nparam * sizeof *g);
  ar_backward(x->a, x->w, &x->f, x->theta, g, c);
}

/* Gradient of 1/2 Var_r[l] over r = (1 - a) q + a p, the covariance of l and g = grad ln q, and the variance that one
 * sample gives its estimate where fixed numbers of them are drawn from q and p: that of (l - <l>_r) (g - <g>_r). */
static void mixture_gradient(fixture *x, double a, double *grad, double *var) {
  size_t n = (size_t)1 << x->a->n, np = x->a->net->nparam;
  double *lnq = malloc(2 * n * sizeof *lnq), *lnw = lnq + n, *g = malloc(4 * np * sizeof *g), *centre = g + np;
  double *of[2] = {g + 2 * np, g + 3 * np}, Z = 0, mean = 0;
  fixture_enumerate(x, lnq, lnw);
  memset(centre, 0, 3 * np * sizeof *g), memset(grad, 0, np * sizeof *grad), memset(var, 0, np * sizeof *var);
  for (size_t s = 0; s < n; s++) Z += exp(lnw[s]);
  for (size_t s = 0; s < n; s++) {
    double r = (1 - a) * exp(lnq[s]) + a * exp(lnw[s]) / Z;
    mean += r * (lnq[s] - lnw[s]);
    score(x, s, g);
    for (size_t k = 0; k < np; k++) centre[k] += r * g[k];
  }
  for (size_t s = 0; s < n; s++) {
    double chance[2] = {exp(lnq[s]), exp(lnw[s]) / Z}, share[2] = {1 - a, a};
    score(x, s, g);
    for (size_t k = 0; k < np; k++)
      for (int w = 0; w < 2; w++) {
        double one = (lnq[s] - lnw[s] - mean) * (g[k] - centre[k]);
        of[w][k] += chance[w] * one, grad[k] += share[w] * chance[w] * one;
        var[k] += share[w] * chance[w] * one * one;
      }
  }
  for (size_t k = 0; k < np; k++) var[k] -= (1 - a) * of[0][k] * of[0][k] + a * of[1][k] * of[1][k];
  free(lnq), free(g);
}

static const char *const small[] = {
    "lattice.L=3 model.beta=0.4 draw.heat_bath=false net.kind=made net.width=2 net.output_gain=1 net.skip=frontier",
    "lattice.L=3 model.beta=0.4 draw.heat_bath=false net.kind=sites net.width=3 net.output_gain=1",
    "lattice.L=3 model.beta=0.4 draw.heat_bath=false net.kind=pixelcnn net.width=3 net.output_gain=1 draw.symmetry=z2",
    "lattice.L=3 model.beta=0.4 draw.heat_bath=false net.kind=sites net.inputs=all net.width=2 net.output_gain=1 "
    "draw.gauge=true net.skip=all",
    "lattice.L=3 model.beta=0.4 draw.lanes=8 net.kind=sites net.width=3 net.output_gain=1 draw.symmetry=z2 "
    "net.bias=true",
    "lattice.L=4 model.beta=0.44 net.kind=pixelcnn net.depth=4 net.residual=true net.width=2 net.output_gain=1 "
    "net.wrap=true",
};
enum { SMALL = sizeof small / sizeof *small };

static void enumerated_gradient(const char *text) {
  fixture x;
  if (fixture_open(&x, text)) return;
  size_t np = x.a->net->nparam;
  double *grad = malloc(np * sizeof *grad);
  exact_gradient(&x, grad);
  for (size_t k = 0; k < np; k++) {
    double h = 1e-5, keep = x.theta[k], up, down;
    x.theta[k] = keep + h, up = fixture_kl(&x);
    x.theta[k] = keep - h, down = fixture_kl(&x);
    x.theta[k] = keep;
    CHECK_REPORT(fabs((up - down) / (2 * h) - grad[k]) <= 1e-6 * fmax(0.1, fabs(grad[k])),
                 "%.300s: dKL/dtheta[%zu] = %.9g, expected %.9g", text, k, grad[k], (up - down) / (2 * h));
  }
  free(grad);
  fixture_close(&x);
}

/* One step of plain descent at rate 1 moves theta by minus the estimate of its 2^17 samples, a share of them from
 * replicas of a Markov chain. */
static void estimated_gradient(const char *text, double share) {
  const double B = 131072;
  char settings[1000];
  fixture x;
  job j = {.settings = settings, .random = true};
  snprintf(
      settings, sizeof settings,
      "%s train.steps=1 train.batch=131072 train.anneal=none train.average=0 optimiser.kind=sgd optimiser.momentum=0 "
      "optimiser.lr=1 optimiser.schedule=constant optimiser.clip=0 run.threads=2 train.chain=%g chain.start=hot "
      "chain.thermalisation=100",
      text, share);
  if (fixture_open(&x, text)) return;
  size_t np = x.a->net->nparam, free_ones = 0;
  double *grad = malloc(2 * np * sizeof *grad), *var = grad + np, chi = 0;
  mixture_gradient(&x, share, grad, var);
  if (!train_on(MPI_COMM_SELF, &j)) {
    for (size_t k = 0; k < np; k++) {
      double got = x.theta[k] - j.theta[k], sigma = sqrt(fmax(var[k], 0) / B);
      CHECK_REPORT(fabs(got - grad[k]) <= 5 * sigma + 1e-12, "%.300s: gradient[%zu] = %.8g, exact %.8g +- %.2g", text,
                   k, got, grad[k], sigma);
      if (sigma > 1e-9) chi += (got - grad[k]) * (got - grad[k]) / (sigma * sigma), free_ones++;
    }
    double mean = chi / (double)free_ones; /* components are correlated: only the size is checked */
    CHECK_REPORT(mean > 0.2 && mean < 3, "%.300s: mean square of %zu pulls is %.3f", text, free_ones, mean);
    CHECK_INT(j.steps, 1);
    CHECK_NEAR(j.curve[TRAIN_BETA], x.m->beta, 1e-15);
  }
  job_free(&j), free(grad);
  fixture_close(&x);
}

/* ---- optimisers ---- */
enum { P = 1000, STEPS = 40 };
static double grad_at(int step, int k) {
  return sin(0.1 * step + k) + 0.3;
}

static int optim_main(run *r, err *e) {
  nn_optim *o = NULL;
  double *theta = nn_alloc(P * sizeof *theta), *grad = nn_alloc(P * sizeof *grad), norm;
  now->curve = malloc(STEPS * TRAIN_ROW * sizeof(double));
  if (nn_optim_new(&o, P, run_deck(r), r, e)) return e->code;
  for (int s = 0; s < STEPS; s++) {
    for (int k = 0; k < P; k++) grad[k] = grad_at(s, k);
    now->curve[2 * s] = nn_optim_update(o, s, STEPS, s < 5 ? 5 - s : 1, theta, grad, run_comm(r)->threads, &norm);
    now->curve[2 * s + 1] = norm;
  }
  nn_optim_free(o);
  free(grad);
  now->theta = theta;
  return 0;
}

static int optimise(job *j) {
  static const app optim_app = {"test", "updates", fixture_schema, NULL, optim_main}, *const list[] = {&optim_app,
                                                                                                       NULL};
  static err e;
  const char *word[FIXTURE_WORDS];
  char copy[1000], path[100], out[100];
  run *r;
  snprintf(path, sizeof path, "%s/deck.yaml", folder), snprintf(out, sizeof out, "%s/out", folder);
  run_options o = {
      .deck_path = path, .out = out, .overrides = word, .quiet = true, .overwrite = true, .command_line = "test"};
  o.noverrides = fixture_split(j->settings, copy, word);
  now = j;
  if (!run_open(&r, MPI_COMM_SELF, &o, list, &e)) {
    run_main(r, &e);
    run_close(r, &e);
  }
  CHECK_REPORT(!e.code, "%.300s", e.text);
  return e.code;
}

/* rate and norm of each step of a finished job, and theta, against Adam written out */
static void check_adam(const job *j, double lr, double clip, double decay) {
  double bad = 0;
  for (int k = 0; k < P; k++) {
    double m = 0, v = 0, x = 0;
    for (int s = 0; s < STEPS; s++) {
      double norm = j->curve[2 * s + 1], g = grad_at(s, k) * (norm > clip ? clip / norm : 1);
      m = 0.9 * m + 0.1 * g, v = 0.99 * v + 0.01 * g * g;
      x -= lr * (m / (1 - pow(0.9, s + 1)) / (sqrt(v / (1 - pow(0.99, s + 1))) + 1e-8) + decay * x);
    }
    bad = fmax(bad, fabs(x - j->theta[k]));
  }
  CHECK_NEAR(bad, 0, 1e-10);
}

static void optimisers(void) {
#define BASE "lattice.L=3 model.beta=1 optimiser.lr=0.01 "
  job adam = {.settings = BASE
              "optimiser.schedule=constant optimiser.beta2=0.99 optimiser.clip=3 optimiser.decay=0.1 run.threads=1"};
  job twice = {.settings = BASE
               "optimiser.schedule=constant optimiser.beta2=0.99 optimiser.clip=3 optimiser.decay=0.1 run.threads=2"};
  job cosine = {
      .settings = BASE
      "optimiser.schedule=cosine optimiser.hold=0.5 optimiser.lr_final=0.1 optimiser.warmup=0.1 run.threads=1"};
  job plateau = {
      .settings = BASE
      "optimiser.schedule=plateau optimiser.patience=10 optimiser.factor=0.5 optimiser.lr_final=0.2 run.threads=1"};
  if (optimise(&adam) || optimise(&twice) || optimise(&cosine) || optimise(&plateau)) return;
  double norm = 0;
  for (int k = 0; k < P; k++) norm += grad_at(0, k) * grad_at(0, k);
  CHECK_REL(adam.curve[1], sqrt(norm), 1e-12);
  check_adam(&adam, 0.01, 3, 0.1);
  CHECK_BITS(adam.theta, twice.theta, P * sizeof(double));
  CHECK(cosine.curve[0] < 0.005 && cosine.curve[2 * 1] > cosine.curve[0]);
  CHECK_NEAR(cosine.curve[2 * 10], 0.01, 1e-15);
  CHECK_NEAR(cosine.curve[2 * (STEPS - 1)], 0.001, 1e-12);
  for (int s = 20; s < STEPS; s++) CHECK(cosine.curve[2 * s] < cosine.curve[2 * s - 2]);
  CHECK_NEAR(plateau.curve[0], 0.01, 0); /* best at step 4; worse from 5 on: falls at 14, 24, 34 */
  CHECK_NEAR(plateau.curve[2 * 13], 0.01, 0);
  CHECK_NEAR(plateau.curve[2 * 14], 0.005, 1e-15);
  CHECK_NEAR(plateau.curve[2 * 24], 0.0025, 1e-15);
  CHECK_NEAR(plateau.curve[2 * 39], 0.002, 1e-15);
  job_free(&adam), job_free(&twice), job_free(&cosine), job_free(&plateau);
}
#endif

/* ---- learning ---- */
static void learns(const char *text) {
  char settings[1000];
  job j = {.settings = settings};
  snprintf(settings, sizeof settings,
           "%s train.steps=300 train.batch=512 optimiser.lr=0.02 train.average=0.95 run.threads=1", text);
  if (!train_on(MPI_COMM_SELF, &j)) {
    const double *last = j.curve + (j.steps - 1) * TRAIN_ROW;
    CHECK_REPORT(j.kl > -1e-6 && j.kl < 0.02, "%.300s: KL after training is %.4f", text, j.kl);
    CHECK(last[TRAIN_ESS] > 0.9 && last[TRAIN_SPREAD] < 0.3 && j.curve[TRAIN_BETA] < 0.2);
  }
  job_free(&j);
}

/* A network trained in a field knows one order only. Without the field KL is ln 2 at least and stays there, for it
 * never draws the other; a chain shows it. */
static void mode_returns(void) {
  const char *net =
      "lattice.L=3 draw.heat_bath=false net.kind=made net.width=4 net.bias=true train.anneal=none "
      "train.batch=512 optimiser.lr=0.02 train.average=0.95 run.threads=1 model.beta=0.6";
  const double low[] = {M_LN2 - 0.01, -1e-6}, high[] = {1, 0.02};
  char settings[1000];
  job field = {.settings = settings};
  snprintf(settings, sizeof settings, "%s train.steps=300 model.field=2", net);
  if (train_on(MPI_COMM_SELF, &field)) return;
  for (int k = 0; k < 2; k++) {
    job j = {.settings = settings, .start = field.theta};
    snprintf(settings, sizeof settings, "%s train.steps=300 train.chain=%g", net, k ? 0.25 : 0);
    if (!train_on(MPI_COMM_SELF, &j)) {
      const double *last = j.curve + (j.steps - 1) * TRAIN_ROW;
      CHECK_REPORT(j.kl > low[k] && j.kl < high[k], "chain %d: KL is %.4f", k, j.kl);
      CHECK_REPORT(k ? last[TRAIN_GAP] > -0.01 && last[TRAIN_GAP] < 0.1 : isnan(last[TRAIN_GAP]), "chain %d: gap %g", k,
                   last[TRAIN_GAP]);
    }
    job_free(&j);
  }
  job_free(&field);
}

static void learning(void) {
  mode_returns();
  learns("lattice.L=3 model.beta=0.44 draw.heat_bath=false net.kind=made net.width=4");
  learns(
      "lattice.L=3 model.beta=0.44 draw.heat_bath=false net.kind=pixelcnn net.half_kernel=2 net.width=8 "
      "draw.symmetry=z2");
  learns("lattice.L=4 model.beta=0.44 net.kind=sites net.width=8 net.skip=frontier");
  learns("lattice.L=4 model.beta=0.44 net.kind=sites net.width=8 draw.gauge=true net.activation=prelu net.bias=true");
}

/* ---- the same bits ---- */
/* Rank 0 of the world holds the reference; sub-communicators of its first ranks repeat the run. */
static void same_bits(const char *text) {
  static const char *const memory[] = {"2", "0.01"};
  job want = {0};
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank), MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int ranks = 1; ranks <= size; ranks++)
    for (int threads = 1; threads <= 2; threads++)
      for (int m = 0; m < 2; m++) {
        char settings[1000];
        MPI_Comm c;
        job j = {.settings = settings};
        snprintf(settings, sizeof settings, "%s run.threads=%d run.memory_GB=%s", text, threads, memory[m]);
        MPI_Comm_split(MPI_COMM_WORLD, rank < ranks ? 0 : MPI_UNDEFINED, rank, &c);
        if (c == MPI_COMM_NULL) continue;
        if (!train_on(c, &j)) {
          nn_real *root = memcpy(nn_alloc(j.n * sizeof *root), j.theta, j.n * sizeof *root);
          MPI_Bcast(root, (int)(j.n * sizeof *root), MPI_BYTE, 0, c);
          CHECK_REPORT(!memcmp(root, j.theta, j.n * sizeof *root), "%.200s: rank %d has other parameters", settings,
                       rank);
          free(root);
        }
        if (!rank && !want.theta)
          want = j;
        else {
          if (!rank && j.theta && want.theta) {
            CHECK_REPORT(!memcmp(want.theta, j.theta, j.n * sizeof(nn_real)), "%d ranks, %.400s: other parameters",
                         ranks, settings);
            CHECK_REPORT(!memcmp(want.curve, j.curve, (size_t)j.steps * TRAIN_ROW * sizeof(double)),
                         "%d ranks, %.400s: other curve", ranks, settings);
            CHECK_REPORT(!memcmp(want.rows, j.rows, SAMPLES * (1 + ISING_NOBS) * sizeof(double)),
                         "%d ranks, %.400s: other draws", ranks, settings);
          }
          job_free(&j);
        }
        MPI_Comm_free(&c);
      }
  job_free(&want);
}

/* The first one keeps its activations with 2 GB, and draws again with .01 GB wherever a rank holds more than 10 MB. */
static void check_memory(const char *text) {
  fixture x;
  comm c;
  err e = {0};
  if (fixture_open(&x, text) || comm_open(&c, MPI_COMM_SELF, 1, &e)) return;
  CHECK(team_bytes(x.a, &c, 127, true) > 10000000 && team_bytes(x.a, &c, 127, false) < 10000000);
  comm_close(&c), fixture_close(&x);
}

int main(int argc, char **argv) {
  int level, rank;
  err e = {0};
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (!rank) CHECK(mkdtemp(folder) != NULL);
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (!rank) {
    char path[100];
    snprintf(path, sizeof path, "%s/deck.yaml", folder);
    CHECK(!file_write(path, "app: test\n", 10, false, &e));
#ifndef NN_SINGLE
    for (int k = 0; k < SMALL; k++) enumerated_gradient(small[k]), estimated_gradient(small[k], 0);
    for (int k = 0; k < SMALL; k++) estimated_gradient(small[k], 0.25);
    optimisers();
#endif
    learning();
  }
  const char *big =
      "lattice.L=4 model.beta=0.44 net.kind=sites net.width=32 draw.heat_bath=false net.skip=all train.batch=8128 "
      "train.steps=5 train.growth=2";
  if (!rank) check_memory("lattice.L=4 model.beta=0.44 net.kind=sites net.width=32 draw.heat_bath=false net.skip=all");
  MPI_Barrier(MPI_COMM_WORLD);
  same_bits(big);
  same_bits(
      "lattice.L=4 model.beta=0.44 net.kind=pixelcnn net.width=16 draw.symmetry=z2 train.batch=192 train.steps=8");
  same_bits(
      "lattice.L=4 model.beta=0.44 net.kind=sites net.width=8 draw.lanes=8 train.batch=64 train.steps=12 "
      "train.growth=4 "
      "train.chain=0.375 train.chain_sweeps=2");
  same_bits(
      "lattice.L=4 model.beta=0.44 net.kind=made net.width=3 draw.lanes=8 train.batch=40 train.steps=8 "
      "optimiser.kind=sgd");
  if (!rank) {
    char command[100];
    snprintf(command, sizeof command, "/bin/rm -rf %s", folder);
    CHECK(!system(command));
  }
  return check_done();
}

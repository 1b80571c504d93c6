/* test_fit.c: the supervised loop. The shuffled order is a permutation; a linear problem reaches the least-squares
 * answer; a network with batch norm, dropout and augmentation gives the same bits on 1, 2 and 4 ranks with 1 and 2
 * threads, and when it is stopped in the middle and continued on other ranks; early stopping keeps the best epoch; the
 * finder's rate is one that trains; predictions come in order. Sequences in pieces (fit.truncate): one piece is the
 * plain fit, gradients of several are those of a walk written out here, predictions those of whole sequences. Four
 * ranks.
 *
 * Linked with --wrap=run_tick (stop_at.h) and with --wrap of the allocators: batches and
 * predictions allocate nothing. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "nn/fit_priv.h"
#include "nn/ops.h"
#include "nn/optim.h"
#include "nn/store.h"
#include "run_part.h"
#include "stop_at.h"
#include "tests/alloc_count.h"

static char folder[64] = "/tmp/spinet_fit_XXXXXX";

/* ---- data: y = a wave's amplitude and sign of its slope from 12 noisy positions ---- */
enum { LENGTH = 12 };
enum { WAVE, LINEAR, SEQUENCE }; /* SEQUENCE: the mean of all x so far, for sequences of several lengths */
typedef struct problem {
  unsigned seed;
  int kind;
  double garbage; /* stands behind the end of a sequence */
} problem;

static double feature(const problem *p, long index, int t) {
  rng r = rng_stream(p->seed, "data");
  double a = rng_normal(r, (uint64_t)index, 0, 0), b = rng_normal(r, (uint64_t)index, 1, 0);
  return a * sin(0.7 * t) + b * cos(0.7 * t) +
         (p->kind == LINEAR ? 1 : 0.1) * rng_normal(r, (uint64_t)index, 2, (uint32_t)t);
}

static void fetch_sequence(const problem *p, long index, int lane, const nn_lanes *to) {
  double sum = 0;
  to->length[lane] = 4 + (int)(index % (LENGTH - 3));
  for (int t = 0; t < LENGTH; t++) {
    bool held = t < to->length[lane];
    double x = feature(p, index, t);
    sum += x;
    to->x[0][t * to->lanes + lane] = (nn_real)(held ? x : p->garbage);
    if (to->target) to->target[t * to->lanes + lane] = (nn_real)(held ? sum / (t + 1) : p->garbage);
  }
}

static int fetch(void *ctx, int n, const long *index, const nn_lanes *to, err *e) {
  const problem *p = ctx;
  int S = to->lanes;
  for (int i = 0; i < n && p->kind == SEQUENCE; i++) fetch_sequence(p, index[i], i, to);
  for (int i = 0; i < n && p->kind != SEQUENCE; i++) {
    double energy = 0, sum = 0;
    for (int t = 0; t < LENGTH; t++) {
      double x = feature(p, index[i], t);
      to->x[0][t * S + i] = (nn_real)x;
      energy += x * x / LENGTH, sum += x * (t + 1);
    }
    if (to->target) to->target[i] = (nn_real)(p->kind == LINEAR ? 0.25 * sum + 0.5 : energy);
  }
  return 0;
}

static void flip(void *ctx, long index, int lane, rng r, uint32_t pass, const nn_lanes *to) {
  if (rng_uniform(r, (uint64_t)index, pass, 0) < 0.5)
    for (int t = 0; t < LENGTH; t++) to->x[0][t * to->lanes + lane] *= -1;
}

/* ---- the app ---- */
typedef struct toy {
  int kind;
  long count;
  double garbage;
} toy;
static const deck_key toy_keys[] = {
    {"data", DECK_WORD, offsetof(toy, kind), "wave", .words = "wave|linear|sequence", .help = "problem"},
    {"count", DECK_INT, offsetof(toy, count), "150", 1, 1e6, .help = "training samples"},
    {"garbage", DECK_REAL, offsetof(toy, garbage), "0", -1e6, 1e6, .help = "behind the end of a sequence"},
    {0},
};
static const deck_section schema[] = {
    {.name = "toy", .keys = toy_keys},
    {.name = "fit", .keys = nn_fit_keys},
    {.name = "loss", .keys = nn_loss_keys, .kinds = nn_losses, .kind_def = "mse"},
    {.name = "optimiser", .keys = nn_optim_keys, .kinds = nn_optim_types, .kind_def = "adam"},
    {0},
};

static nn_graph *graph_of(const toy *t, int length, err *e) {
  nn_graph *g = nn_graph_new();
  int x = nn_input(g, "x", (nn_shape){{length, 1, 1}, 1});
  if (t->kind == WAVE) {
    nn_conv_conf c = {.window = nn_window_same(1, 3, 1, false), .out = 6, .bias = true, .gain = 2};
    x = nn_add(g, &nn_op_conv, "conv", &c, 1, &x, e);
    x = nn_add(g, &nn_op_batch_norm, "norm", &(nn_norm_conf){1e-5}, 1, &x, e);
    x = nn_add(g, &nn_op_relu, "relu", NULL, 1, &x, e);
    x = nn_add(g, &nn_op_dropout, "dropout", &(nn_dropout_conf){0.1}, 1, &x, e);
  }
  if (t->kind == SEQUENCE) {
    x = nn_add(g, &nn_op_gru, "gru", &(nn_recurrent_conf){8}, 1, &x, e);
    x = nn_add(g, &nn_op_batch_norm, "norm", &(nn_norm_conf){1e-5}, 1, &x, e);
  }
  x = nn_add(g, &nn_op_dense, "head", &(nn_dense_conf){1, t->kind == SEQUENCE, true, 1}, 1, &x, e);
  nn_finish(g, x, e);
  return g;
}

static struct { /* what the last run left, for checks on rank 0 of it */
  long epochs, best;
  double curve[64][NN_FIT_ROW + 1];
  nn_real theta[64];
} last;

static double scatter(void *ctx, long count, const nn_real *z, const nn_real *t) {
  double s = 0;
  for (long i = 0; i < count; i++) {
    nn_real want;
    nn_real *none[] = {(nn_real[LENGTH]){0}};
    nn_lanes one = {.lanes = 1, .x = none, .target = &want};
    fetch(ctx, 1, &i, &one, NULL);
    CHECK_REPORT(t[i] == want, "target %ld comes out of order", i);
    s += ((double)z[i] - (double)t[i]) * ((double)z[i] - (double)t[i]) / (double)count;
  }
  return sqrt(s);
}

/* What the loop does over and over, once more. */
static void allocates_nothing(nn_fit *f, err *e) {
  double loss[2], norm;
  nn_prediction p = {.d = f->task.valid,
                     .theta = f->theta,
                     .state = f->state,
                     .loss = f->loss,
                     .loss_conf = &f->loss_conf,
                     .out = f->z,
                     .target = f->t};
  nn_predict(f->crew, &p, e); /* a run that was stopped early has made none: room is made by the first */
  long before = allocations;
  CHECK(before > 0);
  nn_fit_batch(f, 0, 0, f->c.batch, 0, loss, e);
  nn_optim_update_at(f->optim, 0, 1e-3, f->theta, f->grad, f->crew->c->threads, &norm);
  nn_predict(f->crew, &p, e);
  CHECK_INT(allocations, before);
}

/* The gradient of the first batch, times its sum of weights: pieces of each shard one after the other. */
static void walked(nn_fit *f, nn_real *grad, err *e) {
  enum { S = 8 };
  const nn_graph *g = f->task.g;
  const nn_dataset *d = f->task.train;
  int K = g->node[0].shape.extent[0], length[S], held[S], output = g->output;
  long index[S];
  nn_real x[LENGTH * S], t[LENGTH * S], weight[S], *inputs[] = {x};
  nn_lanes to = {.lanes = S, .x = inputs, .target = t, .weight = weight, .length = length};
  nn_frame *h = NULL;
  nn_frame_new(&h, f->crew->plan, NULL, e);
  h->valid = S, h->whole = K, h->length = held, h->train = true, h->theta = f->theta, h->dtheta = grad;
  for (int shard = 0; shard < f->c.batch / S; shard++) {
    for (int i = 0; i < S; i++) index[i] = nn_shuffle(f->order, 0, d->count, shard * S + i);
    d->fetch(d->ctx, S, index, &to, e);
    for (int first = 0; first < LENGTH; first += K) {
      h->carry = first > 0;
      for (int i = 0; i < S; i++) held[i] = length[i] < first ? 0 : length[i] < first + K ? length[i] - first : K;
      memcpy(h->value[0], x + first * S, sizeof *x * (size_t)(K * S));
      nn_forward(f->crew->plan, h);
      for (int q = 0; q < K * S; q++) {
        bool counts = first + q / S >= f->loss_conf.warmup && q / S < held[q % S];
        h->grad[output][q] = counts ? h->value[output][q] - t[first * S + q] : 0;
      }
      nn_backward(f->crew->plan, h);
    }
  }
  nn_frame_free(h, NULL);
}

static void goes_by_pieces(nn_fit *f, const nn_graph *whole, err *e) {
  double loss[2], off = 0, most = 0;
  size_t np = f->task.g->nparam, n = (size_t)f->task.valid->count * LENGTH;
  nn_real *grad = nn_alloc(np * sizeof *grad), *z[2] = {malloc(n * sizeof **z), malloc(n * sizeof **z)};
  nn_crew *crew[2] = {f->crew, NULL};
  nn_fit_batch(f, 0, 0, f->c.batch, 0, loss, e);
  walked(f, grad, e);
  for (size_t i = 0; i < np; i++) {
    double want = (double)grad[i] / loss[1];
    off = fmax(off, fabs(want - (double)f->grad[i])), most = fmax(most, fabs(want));
  }
  CHECK_REPORT(off <= (sizeof(nn_real) == 4 ? 1e-5 : 1e-13) * most && most > 0, "gradient off by %g of %g", off, most);
  nn_crew_new(&crew[1], whole, f->crew->c, (int)f->c.lanes, 1, 1, false, e);
  for (int k = 0; k < 2; k++) {
    nn_prediction p = {.d = f->task.valid, .theta = f->theta, .state = f->state, .out = z[k]};
    nn_predict(crew[k], &p, e);
  }
  CHECK_BITS(z[0], z[1], n * sizeof **z);
  nn_crew_free(crew[1]), free(grad), free(z[0]), free(z[1]);
}

static int main_of(run *r, err *e) {
  toy t;
  deck_get(run_deck(r), "toy", toy_keys, &t);
  problem train = {1, t.kind, t.garbage}, valid = {2, t.kind, t.garbage};
  bool sequence = t.kind == SEQUENCE;
  nn_dataset dt = {&train, t.count, sequence, fetch, t.kind == WAVE ? flip : NULL};
  nn_dataset dv = {&valid, 70, sequence, fetch, NULL};
  int length = sequence ? nn_fit_frames(run_deck(r), LENGTH, e) : LENGTH;
  if (e->code) return e->code;
  nn_graph *g = graph_of(&t, length, e), *whole = graph_of(&t, LENGTH, e);
  nn_fit *f = NULL;
  nn_real *theta = nn_alloc(g->nparam * sizeof *theta), *state = nn_alloc(g->nstate * sizeof *state);
  nn_init(g, theta, run_seed(r)), nn_init_state(g, state);
  nn_task task = {.g = g, .train = &dt, .valid = &dv, .quantities = 1, .nmetrics = !sequence};
  task.pieces = sequence ? LENGTH / length : 0;
  task.metric[0] = (nn_metric){"scatter", "root mean square of the deviation", false, scatter, &valid};
  nn_stored stored = {g, theta, state};
  if (!nn_fit_check(run_deck(r), 1, e) && !nn_fit_plan(r, &task, e) && !nn_fit_new(&f, r, &task, theta, state, e) &&
      !nn_fit_run(f, e)) {
    last.epochs = nn_fit_epochs(f), last.best = nn_fit_best(f);
    for (long i = 0; i < last.epochs && i < 64; i++)
      memcpy(last.curve[i], nn_fit_curve(f) + i * (NN_FIT_ROW + !sequence), (NN_FIT_ROW + !sequence) * sizeof(double));
    allocates_nothing(f, e);
    if (length < LENGTH && run_comm(r)->ranks == 1) goes_by_pieces(f, whole, e);
    memcpy(last.theta, theta, (g->nparam < 64 ? g->nparam : 64) * sizeof *theta);
    if (run_root(r)) run_writer(r, nn_store_write, &stored, e), run_writer_end(r, &stored, e);
  }
  nn_fit_free(f);
  nn_graph_free(g), nn_graph_free(whole);
  free(theta), free(state);
  return e->code;
}
static const app toy_app = {"toyfit", "fits", schema, NULL, main_of}, *const apps[] = {&toy_app, NULL};

static const char deck_text[] =
    "app: toyfit\n"
    "run: {seed: 3}\n"
    "fit: {epochs: 5, batch: 32, lanes: 8}\n"
    "optimiser: {lr: 3e-2, schedule: onecycle, decay: 1e-2}\n";

static const char *in_folder(const char *name) {
  static char path[8][200];
  static int turn;
  turn = (turn + 1) % 8;
  snprintf(path[turn], 200, "%s/%s", folder, name);
  return path[turn];
}

static void ends(part p, int expected) {
  static err e;
  p.deck = in_folder("deck.yaml");
  int code = run_part(apps, p, &e);
  if (!world_rank()) CHECK_REPORT(code == expected, "%.100s: code %d: %.300s", p.out, code, e.text);
}

/* ---- tests ---- */
static void shuffling(void) {
  const long counts[] = {1, 2, 3, 17, 64, 1000};
  for (int k = 0; k < 6; k++) {
    long n = counts[k], moved = 0, other = 0;
    int *seen = calloc((size_t)n, sizeof *seen);
    for (long i = 0; i < n; i++) {
      long j = nn_shuffle(rng_stream(1, "order"), 4, n, i);
      if (j >= 0 && j < n) seen[j]++;
      moved += j != i, other += j != nn_shuffle(rng_stream(1, "order"), 5, n, i);
    }
    for (long i = 0; i < n; i++) CHECK_INT(seen[i], 1);
    if (n >= 64) CHECK(moved > 9 * n / 10 && other > 9 * n / 10);
    free(seen);
  }
  /* where number 0 of 8 comes to lie over 8000 epochs: uniform within five sigma */
  int at[8] = {0};
  for (unsigned pass = 0; pass < 8000; pass++) at[nn_shuffle(rng_stream(1, "order"), pass, 8, 0)]++;
  for (int i = 0; i < 8; i++) CHECK_SIGMA(at[i], 1000, sqrt(1000 * 7 / 8.), 5);
}

static void shares(void) {
  for (long n = 1; n < 70; n++) {
    long next = 0, used = (n + 7) / 8;
    for (int k = 0; k < 9; k++) {
      nn_share s = nn_share_of(n, 8, k);
      CHECK(s.first == next && s.n <= 8 && (k < used ? s.n >= n / used : !s.n));
      next += s.n;
    }
    CHECK_INT(next, n);
  }
}

/* Parameters of x_t: 0.25 (t + 1), bias 0.5. */
static void least_squares(void) {
  ends((part){.out = in_folder("linear"),
              .set = {"toy.data=linear", "toy.count=200", "fit.epochs=60", "optimiser.decay=0", "optimiser.lr=0.1",
                      "fit.batch=64"}},
       0);
  if (world_rank()) return;
  double tol = 0.02;
  for (int t = 0; t < LENGTH; t++) CHECK_NEAR((double)last.theta[t], 0.25 * (t + 1), tol);
  CHECK_NEAR((double)last.theta[LENGTH], 0.5, tol);
  CHECK_INT(last.epochs, 60);
  CHECK(last.curve[59][NN_FIT_ROW] < 0.01 && last.curve[0][NN_FIT_ROW] > 0.1);
  double s = last.curve[59][NN_FIT_ROW]; /* the loss is half the mean square */
  CHECK_REL(2 * last.curve[59][NN_FIT_VALID], s * s, sizeof(nn_real) == 4 ? 1e-3 : 1e-9);
  CHECK_NEAR(last.curve[59][NN_FIT_RATE], 0.1 * 0.003, 1e-9);
}

static void bits(void) {
  static const char *const threads[] = {"run.threads=1", "run.threads=2"};
  for (int k = 0; k < 6; k++) {
    char name[16];
    snprintf(name, sizeof name, "bits%d", k);
    ends((part){.out = in_folder(name), .ranks = 1 << k / 2, .set = {threads[k % 2]}}, 0);
    if (k) same_bits(in_folder("bits0"), in_folder(name));
  }
}

/* The energy of the wave to a small part of its variance 1/2. */
static void learns(void) {
  ends((part){.out = in_folder("learns"), .set = {"fit.epochs=40", "toy.count=600"}}, 0);
  if (!world_rank())
    CHECK_REPORT(last.curve[last.best][NN_FIT_VALID] < 0.05, "loss %g", last.curve[last.best][NN_FIT_VALID]);
}

/* Sequences of several lengths: what stands behind their ends has no influence, not even on one bit. */
static void sequences(void) {
  static const char *const garbage[] = {"toy.garbage=0", "toy.garbage=1000"};
  double loss[2];
  for (int k = 0; k < 2; k++) {
    ends((part){.out = in_folder(k ? "sequence1" : "sequence0"),
                .ranks = 1 + 2 * k,
                .set = {garbage[k], "toy.data=sequence", "fit.epochs=30", "loss.warmup=2"}},
         0);
    loss[k] = last.curve[29][NN_FIT_VALID];
    if (!world_rank())
      CHECK_REPORT(loss[k] < 0.1 * last.curve[0][NN_FIT_VALID], "loss %g after %g", loss[k],
                   last.curve[0][NN_FIT_VALID]);
  }
  if (!world_rank()) CHECK(loss[0] == loss[1]);
  h5 *a = NULL, *b = NULL;
  err e = {0};
  nn_real x[288], y[288];
  if (world_rank()) return;
  CHECK(!h5_open(&a, in_folder("sequence0/run.h5"), &e) && !h5_open(&b, in_folder("sequence1/run.h5"), &e));
  CHECK(!h5_read(a, "/model/parameters/gru", NN_H5, x, 8 * 24 + 24 + 32, &e));
  CHECK(!h5_read(b, "/model/parameters/gru", NN_H5, y, 8 * 24 + 24 + 32, &e));
  CHECK_BITS(x, y, (8 * 24 + 24 + 32) * sizeof *x);
  h5_close(a), h5_close(b);
}

static void pieces(void) {
  ends((part){.out = in_folder("unbroken"), .set = {"toy.data=sequence", "loss.warmup=2"}}, 0);
  ends((part){.out = in_folder("piece"), .set = {"toy.data=sequence", "loss.warmup=2", "fit.truncate=12"}}, 0);
  same_bits(in_folder("unbroken"), in_folder("piece"));
  for (int k = 0; k < 2; k++) {
    char name[16];
    snprintf(name, sizeof name, "pieces%d", k);
    ends((part){.out = in_folder(name),
                .ranks = 1 + 3 * k,
                .set = {"toy.data=sequence", "loss.warmup=2", "fit.truncate=4", "fit.epochs=8",
                        k ? "run.threads=2" : "run.threads=1"}},
         0);
    if (!world_rank()) CHECK(last.curve[7][NN_FIT_VALID] < last.curve[0][NN_FIT_VALID]);
    if (k) same_bits(in_folder("pieces0"), in_folder(name));
  }
}

/* Stopped in the middle of an epoch and between two, continued on other ranks; with the finder before. */
static void restarts(void) {
  static const char *const way[] = {"optimiser.schedule=onecycle", "fit.find_lr=true"};
  for (int k = 0; k < 2; k++) {
    const char *out = in_folder(k ? "parts1" : "parts0"), *whole = in_folder(k ? "whole1" : "whole0");
    ends((part){.out = whole, .ranks = 2, .set = {way[k], "fit.finder_steps=30"}}, 0);
    stop_at.phase = "", stop_at.done = 7;
    ends((part){.out = out, .ranks = 1, .set = {way[k], "fit.finder_steps=30"}}, ERR_AGAIN);
    stop_at.phase = "", stop_at.done = 15;
    ends((part){.out = out, .ranks = 4, .restart = "auto", .set = {way[k], "fit.finder_steps=30"}}, ERR_AGAIN);
    stop_at.phase = NULL;
    ends((part){.out = out, .ranks = 2, .restart = "auto", .set = {way[k], "fit.finder_steps=30"}}, 0);
    same_bits(whole, out);
  }
  h5 *a = NULL;
  err e = {0};
  double loss[5];
  if (world_rank()) return;
  CHECK(!h5_open(&a, in_folder("parts1/run.h5"), &e) && h5_has(a, "/series/fit.finder.loss"));
  CHECK(!h5_read(a, "/series/fit.validation", H5_F64, loss, 5, &e) && loss[4] < loss[0]);
  h5_close(a);
}

/* A rate far too high: the loss soon rises, patience ends the run, the best epoch is what is kept. */
static void early_stopping(void) {
  ends((part){.out = in_folder("early"),
              .set = {"fit.epochs=40", "fit.patience=3", "optimiser.lr=0.3", "optimiser.schedule=constant",
                      "fit.monitor=metric"}},
       0);
  if (world_rank()) return;
  CHECK(last.epochs < 40 && last.best == last.epochs - 4);
  for (long i = 0; i < last.epochs; i++) CHECK(last.curve[last.best][NN_FIT_ROW] <= last.curve[i][NN_FIT_ROW]);
}

static void refused(void) {
  ends((part){.out = in_folder("bad"), .set = {"fit.batch=30"}}, ERR_DECK);
  ends((part){.out = in_folder("bad"), .set = {"fit.lanes=3", "fit.batch=3"}, .overwrite = true}, ERR_DECK);
  ends((part){.out = in_folder("bad"), .set = {"loss.kind=gaussian_nll"}, .overwrite = true}, ERR_DECK);
  ends((part){.out = in_folder("bad"), .set = {"loss.balance=[1,2]"}, .overwrite = true}, ERR_DECK);
  ends((part){.out = in_folder("bad"), .set = {"toy.data=sequence", "fit.truncate=5"}, .overwrite = true}, ERR_DECK);
  ends((part){.out = in_folder("bad"), .set = {"fit.truncate=4"}, .overwrite = true}, ERR_DECK);
}

int main(int argc, char **argv) {
  int level;
  err e = {0};
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  setenv("PATH", "", 1); /* no figures */
  if (world_rank() == 0) CHECK(mkdtemp(folder) != NULL);
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (world_rank() == 0) CHECK(!file_write(in_folder("deck.yaml"), deck_text, sizeof deck_text - 1, false, &e));
  MPI_Barrier(MPI_COMM_WORLD);
  shuffling();
  shares();
  least_squares();
  learns();
  sequences();
  pieces();
  bits();
  restarts();
  early_stopping();
  refused();
  MPI_Barrier(MPI_COMM_WORLD);
  setenv("PATH", "/usr/bin:/bin", 1);
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (world_rank() == 0) CHECK(!system(command));
  return check_done();
}

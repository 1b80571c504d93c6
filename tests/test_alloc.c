/* test_alloc.c: loops allocate nothing. The linker sends every malloc, calloc, realloc and aligned_alloc of Spinet's
 * own objects (not those of MPI, OpenMP, HDF5) through the counters below: --wrap in nn.cmake. */
#include <omp.h>
#include <unistd.h>

#include "base/file.h"
#include "samplers/draws.h"
#include "samplers/team.h"
#include "tests/alloc_count.h"
#include "tests/ar_fixture.h"

static const char *const proposals[] = {
    "lattice.L=4 model.beta=0.44 net.kind=sites net.width=20 net.skip=frontier",
    "lattice.L=4 model.beta=0.44 net.kind=sites net.inputs=all net.width=4 draw.gauge=true draw.lanes=8",
    "lattice.L=4 model.beta=0.44 net.kind=pixelcnn net.depth=4 net.width=16 net.residual=true draw.symmetry=z2_d4",
    "lattice.L=4 model.beta=0.44 net.kind=made net.width=3 draw.heat_bath=false net.activation=silu",
};
enum { PROPOSALS = sizeof proposals / sizeof *proposals };

/* A run: the rounds below, training, and `samples` samples measured; counts what the latter two allocate. */
typedef struct job {
  const char *settings;
  long samples, allocated, in_loop;
} job;
static job *now;
static char folder[] = "/tmp/test_alloc_XXXXXX";

/* The parts of a training step and of a measurement by hand: after the first round nothing is allocated. */
static int rounds(run *r, const ar *a, nn_real *theta, bool keep, err *e) {
  const comm *c = run_comm(r);
  enum { SHARDS = 7 };
  size_t n = a->net->nparam, S = (size_t)a->lanes;
  team *t = NULL;
  reduce *sum = NULL;
  nn_optim *o = NULL;
  nn_real *grad = nn_alloc(n * sizeof *grad);
  double *l = malloc(SHARDS * S * sizeof *l), *w = malloc(S * sizeof *w), norm;
  int8_t *s = malloc(S * (size_t)a->sites);
  long before = 0;
  if (team_new(&t, a, c, SHARDS, keep, 1e9, e) || reduce_new(&sum, c, SHARDS, n, sizeof(nn_real) == 4, e) ||
      nn_optim_new(&o, n, run_deck(r), r, e))
    return e->code;
  for (int step = 0; step < 4; step++) {
    if (step == 1) before = allocations;
    reduce_begin(sum);
    for (int k = 0; k < SHARDS; k++) {
      const ar_frames *f = &t->frames[t->kept ? k : 0];
      double *lnq = l + (size_t)k * S;
      ar_draw(a, t->worker[0], f, theta, rng_stream(1, "x"), k, (unsigned)step, lnq);
      ar_target(a, t->worker[0], f, a->beta, w);
      ar_emit(a, t->worker[0], f, a->beta, rng_stream(1, "x"), k, (unsigned)step, s, w);
      ar_backward(a, t->worker[0], f, theta, reduce_leaf(sum, 0), lnq);
      reduce_push(sum, 0, k);
      ar_density(a, t->worker[0], f, theta, lnq);
    }
    reduce_end(sum, grad);
    nn_optim_update(o, step, 4, 1, theta, grad, c->threads, &norm);
  }
  now->in_loop += allocations - before;
  team_free(t), reduce_free(sum), nn_optim_free(o);
  free(grad), free(l), free(w), free(s);
  return 0;
}

static int ignore(void *ctx, long first, long n, const double *rows, err *e) {
  return 0;
}

static int app_main(run *r, err *e) {
  fixture x;
  trainer *t = NULL;
  if (fixture_build(&x, run_deck(r), NULL, e)) return e->code;
  CHECK(allocations > 50); /* the counters are at work */
  for (int keep = 0; keep < 2; keep++) rounds(r, x.a, x.theta, keep, e);
  long before = allocations;
  if (!e->code && !train_new(&t, r, x.a, x.theta, e)) train_run(t, NAN, e);
  train_free(t);
  draws_make(r, x.a, x.theta, "fresh", 0, now->samples, ignore, NULL, 0, NULL, e);
  now->allocated = allocations - before;
  fixture_close(&x);
  return e->code;
}

static const app test_app = {"test", "allocations", fixture_schema, NULL, app_main}, *const apps[] = {&test_app, NULL};

static void run_job(job *j) {
  static err e;
  const char *word[FIXTURE_WORDS];
  char copy[1000], path[100], out[100];
  run *r;
  snprintf(path, sizeof path, "%s/deck.yaml", folder), snprintf(out, sizeof out, "%s/out", folder);
  run_options o = {
      .deck_path = path, .out = out, .overrides = word, .quiet = true, .overwrite = true, .command_line = "test"};
  o.noverrides = fixture_split(j->settings, copy, word);
  now = j;
  memset(&e, 0, sizeof e);
  if (!run_open(&r, MPI_COMM_SELF, &o, apps, &e)) {
    run_main(r, &e);
    run_close(r, &e);
  }
  CHECK_REPORT(!e.code, "%.200s: %.300s", j->settings, e.text);
}

/* A run of more steps and draws allocates no more often. */
static void proposal(const char *text) {
  char few[1000], many[1000];
  job a = {.settings = few, .samples = 8192}, b = {.settings = many, .samples = 24576};
  snprintf(few, sizeof few, "%s train.batch=256 train.steps=2 run.threads=1", text);
  snprintf(many, sizeof many, "%s train.batch=256 train.steps=30 run.threads=1", text);
  run_job(&a);
  run_job(&b);
  CHECK_REPORT(!a.in_loop && !b.in_loop, "%.300s: %ld allocations in the loop", text, a.in_loop);
  CHECK_REPORT(a.allocated > 0 && a.allocated == b.allocated,
               "%.300s: %ld allocations in a short run, %ld in a long one", text, a.allocated, b.allocated);
}

int main(int argc, char **argv) {
  int level;
  char command[100], path[100];
  err e = {0};
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/deck.yaml", folder);
  CHECK(!file_write(path, "app: test\n", 10, false, &e));
  for (int k = 0; k < PROPOSALS; k++) proposal(proposals[k]);
  snprintf(command, sizeof command, "/bin/rm -rf %s", folder);
  CHECK(!system(command));
  return check_done();
}

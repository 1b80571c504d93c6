/* test_run.c: the life of runs with a toy app: two runs in one process, results file, registered state copied in
 * memory, errors of one rank, output folders that cannot be used.
 *
 * The toy is a chain of noisy relaxations, one per global row, dealt to the ranks, and their common clock; a row
 * depends on its global index only. */
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/plot.h"
#include "base/rng.h"
#include "base/run.h"
#include "check.h"

enum { ROWS = 7, WIDTH = 3, STEPS = 20 };
static char folder[64] = "/tmp/spinet_run_XXXXXX";

/* ---- the toy app ---- */

typedef struct toy_config {
  long steps, fail; /* fail: rank that fails, -1 none */
  double rate;
} toy_config;
static const deck_key toy_keys[] = {
    {"steps", DECK_INT, offsetof(toy_config, steps), "20", 1, 1000, NULL, "", "number of steps", true},
    {"fail", DECK_INT, offsetof(toy_config, fail), "-1", -1, 100, NULL, "", "rank that fails", true},
    {"rate", DECK_REAL, offsetof(toy_config, rate), NULL, 0, 1, NULL, "", "relaxation rate", false},
    {0}};
static const deck_section toy_schema[] = {{.name = "toy", .help = "toy", .keys = toy_keys}, {0}};

typedef struct toy {
  long clock;
  int first, n;
  double x[ROWS][WIDTH];
  double rate;
  rng r;
} toy;

static void toy_step(toy *t) {
  t->clock++;
  for (int i = 0; i < t->n; i++)
    for (int k = 0; k < WIDTH; k++)
      t->x[i][k] += -t->rate * t->x[i][k] + rng_normal(t->r, (uint64_t)(t->first + i), (uint32_t)t->clock, (uint32_t)k);
}

static int toy_open(toy *t, run *r, double rate, err *e) {
  comm_range g = comm_rank_range(run_comm(r), run_comm(r)->rank, ROWS);
  *t = (toy){.first = g.first, .n = g.end - g.first, .rate = rate, .r = rng_stream(run_seed(r), "toy")};
  size_t mine = (size_t)t->n * WIDTH, first = (size_t)g.first;
  return run_own(r, (run_item){"toy.clock", &t->clock, H5_I64, 1, true, 1, 0, 1}, e) ||
                 run_own(r, (run_item){"toy.x", t->x, H5_F64, mine, false, WIDTH, first, ROWS}, e)
             ? e->code
             : 0;
}

/* A copy in memory, taken half way, must continue with the same bits. */
static void toy_replay(toy *t, run *r) {
  size_t bytes;
  const run_item *items;
  void *copy = run_save_memory(r, &bytes);
  CHECK_INT(bytes, sizeof(long) + (size_t)t->n * WIDTH * sizeof(double));
  CHECK_INT(run_owned(r, &items), 2);
  for (int i = 0; i < 5; i++) toy_step(t);
  toy once = *t;
  t->clock = 0, memset(t->x, 0, sizeof t->x);
  run_load_memory(r, copy);
  for (int i = 0; i < 5; i++) toy_step(t);
  CHECK_INT(t->clock, once.clock);
  CHECK_BITS(t->x, once.x, sizeof t->x);
  free(copy);
}

static int toy_results(toy *t, run *r, double *curve, size_t n, err *e) {
  double all[ROWS][WIDTH], error[ROWS], beta[ROWS];
  comm_gather_rows(run_comm(r), ROWS, sizeof all[0], t->x, all);
  for (int i = 0; i < ROWS; i++) error[i] = .1, beta[i] = .1 * i;
  run_value v = {"x.nis", "J", "mean of x", all[0][0], .02, all[0][0] + .01, NAN, 1.5, 400};
  run_value w = {"x.sw", "J", "mean of x", all[0][0], .01, all[0][0] + .01, .01, NAN, NAN};
  run_value plain = {"clock", "1", "steps", (double)t->clock, NAN, NAN, NAN, NAN, NAN};
  run_array a = {.name = "profile.nis",
                 .unit = "J",
                 .description = "x by row",
                 .rank = 1,
                 .dims = {ROWS},
                 .axis = {"beta"},
                 .axis_values = {beta},
                 .value = all[0],
                 .error = error,
                 .axis_unit = {"1/J"}};
  if (run_result(r, v, e) || run_result(r, w, e) || run_result(r, plain, e) || run_result_array(r, a, e))
    return e->code;
  return run_series(r, "curve", H5_F64, 1, &n, curve, "1", "a curve", e);
}

static int write_model(h5 *f, const void *self, err *e) {
  return h5_write_text(f, "/model/graph", self, "the model", e);
}

static int toy_main(run *r, err *e) {
  toy_config c;
  toy t;
  double curve[1000];
  char *model = strdup("dense 3\n");
  deck_get(run_deck(r), "toy", toy_keys, &c);
  if (run_dry(r)) {
    free(model);
    return 0;
  }
  if (toy_open(&t, r, c.rate, e) || run_writer(r, write_model, model, e)) return e->code;
  run_timer(r, "steps", true);
  for (long i = 0; i < c.steps; i++) {
    toy_step(&t);
    curve[i] = (double)i * c.rate;
    CHECK(!run_tick(r, "relaxing", i + 1, c.steps, NULL));
  }
  run_timer(r, "steps", false);
  toy_replay(&t, r);
  if (run_comm(r)->rank == c.fail) err_set(e, ERR_RUN, "toy fails on rank %ld", c.fail);
  if (c.fail < 0) { /* collective: the ranks are not together when one fails */
    toy_results(&t, r, curve, (size_t)c.steps, e);
    run_snapshot(r, e);
  }
  run_writer_end(r, model, e);
  run_disown(r, "toy.clock"), run_disown(r, "toy.x");
  free(model);
  return e->code;
}

static int toy_check(const deck *d, err *e) {
  toy_config c;
  deck_get(d, "toy", toy_keys, &c);
  if (c.rate > .9) return err_set(e, ERR_DECK, "%s: toy.rate = %g: too fast", deck_where(d, "toy", "rate"), c.rate);
  if (c.rate > .8) snprintf(e->text, sizeof e->text, "toy.rate is rather fast");
  return 0;
}

static const app toy_app = {"toy", "a toy", toy_schema, toy_check, toy_main};
static const app *const apps[] = {&toy_app, NULL};

/* ---- helpers ---- */

static int rank_of_world(void) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

static char *in_folder(const char *name) {
  static char path[8][200];
  static int turn;
  turn = (turn + 1) % 8;
  snprintf(path[turn], 200, "%s/%s", folder, name);
  return path[turn];
}

static const char deck_text[] = "app: toy\ntoy:\n  rate: 0.3\nrun:\n  seed: 11\n  title: a test\n";

static run_options options(const char *out, const char *const *overrides, int n) {
  static char deck_path[200];
  snprintf(deck_path, sizeof deck_path, "%s/toy.yaml", folder);
  return (run_options){.deck_path = deck_path,
                       .out = out,
                       .overrides = overrides,
                       .noverrides = n,
                       .quiet = true,
                       .command_line = "test_run",
                       .precision = "double"};
}

/* A whole run. Returns its code, the same on all ranks. */
static int whole_run(const run_options *o, err *e) {
  run *r = NULL;
  memset(e, 0, sizeof *e);
  if (run_open(&r, MPI_COMM_WORLD, o, apps, e)) return e->code;
  run_main(r, e);
  return run_close(r, e);
}

static int same_code(int code) { /* on all ranks? */
  int low, high;
  MPI_Allreduce(&code, &low, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  MPI_Allreduce(&code, &high, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return low == high;
}

#define ENDS(o, expected, piece)                                                                   \
  do {                                                                                             \
    err x;                                                                                         \
    int ended = whole_run(o, &x);                                                                  \
    CHECK_REPORT(ended == (expected), "code %d, expected %d: %.300s", ended, expected, x.text);    \
    CHECK(same_code(ended));                                                                       \
    CHECK_REPORT(strstr(x.text, piece) != NULL, "message \"%.300s\" lacks \"%s\"", x.text, piece); \
  } while (0)

static int holds(const char *path, const char *piece) {
  err e = {0};
  char *text;
  size_t n;
  if (file_read(path, &text, &n, ERR_FILE, &e)) return 0;
  int found = strstr(text, piece) != NULL;
  free(text);
  return found;
}

/* ---- tests ---- */

static double number(h5 *f, const char *path) {
  err e = {0};
  double v = NAN;
  CHECK_REPORT(f && !h5_read(f, path, H5_F64, &v, 1, &e), "%.300s", e.text);
  return v;
}

static void check_file(const char *path) {
  err e = {0};
  h5 *f;
  char *text = NULL;
  double curve[STEPS];
  long long seed = 0;
  CHECK_REPORT(!h5_open(&f, path, &e), "%.300s", e.text);
  if (!f) return;
  CHECK_NEAR(number(f, "/results/x.nis/exact") - number(f, "/results/x.nis/value"), .01, 1e-15);
  CHECK_NEAR(number(f, "/results/x.nis/error"), .02, 0);
  CHECK_NEAR(number(f, "/results/x.nis/tau_int"), 1.5, 0);
  CHECK_NEAR(number(f, "/results/x.nis/n_eff"), 400, 0);
  CHECK_NEAR(number(f, "/results/clock/value"), STEPS + 5, 0);
  CHECK(!h5_has(f, "/results/clock/error") && !h5_has(f, "/results/x.sw/tau_int") &&
        h5_has(f, "/results/x.sw/exact_error"));
  CHECK(h5_has(f, "/results/profile.nis/axis_beta") && !h5_has(f, "/results/profile.nis/exact"));
  CHECK(!h5_read(f, "/series/curve", H5_F64, curve, STEPS, &e) && curve[3] == 3 * .3);
  CHECK(h5_has(f, "/timing/total") && h5_has(f, "/timing/parts/steps"));
  CHECK(!h5_read_text(f, "/model/graph", &text, &e) && !strcmp(text, "dense 3\n"));
  free(text);
  CHECK(!h5_read_attr_text(f, "/results/x.nis", "unit", &text, &e) && !strcmp(text, "J"));
  free(text);
  CHECK(!h5_read_attr_text(f, "/run", "deck", &text, &e) && !strcmp(text, deck_text));
  free(text);
  CHECK(!h5_read_attr_text(f, "/run", "status", &text, &e) && !strcmp(text, "done"));
  free(text);
  CHECK(!h5_read_attr_text(f, "/run", "overrides", &text, &e) && !strcmp(text, "toy.rate=.3\n"));
  free(text);
  CHECK(!h5_read_attr_i64(f, "/run", "seed", &seed, &e) && seed == 11);
  h5_close(f);
}

/* Two runs after each other in one process, the second from the echo of the first: the same results. */
static void test_two_runs(void) {
  const char *rate[] = {"toy.rate=.3"};
  run_options o = options(in_folder("a"), rate, 1);
  ENDS(&o, 0, "");
  if (rank_of_world() == 0) {
    check_file(in_folder("a/run.h5"));
    CHECK(holds(in_folder("a/status"), "state: done") && holds(in_folder("a/log.txt"), "seed 11"));
    CHECK(holds(in_folder("a/log.txt"), "observable") && holds(in_folder("a/log.txt"), "NIS") &&
          holds(in_folder("a/log.txt"), "-0.5"));
    CHECK(!file_exists(in_folder("a/run.h5.tmp")));
  }
  MPI_Barrier(MPI_COMM_WORLD);
  run_options again = options(in_folder("b"), rate, 1);
  again.deck_path = in_folder("a/used.yaml");
  ENDS(&again, 0, "");
  if (rank_of_world() == 0) {
    char command[600];
    snprintf(command, sizeof command, "cd %s && cmp a/used.yaml b/used.yaml", folder);
    CHECK(!system(command));
    err e = {0};
    h5 *f, *g;
    CHECK(!h5_open(&f, in_folder("a/run.h5"), &e) && !h5_open(&g, in_folder("b/run.h5"), &e));
    CHECK(number(f, "/results/x.nis/value") == number(g, "/results/x.nis/value"));
    h5_close(f), h5_close(g);
  }
  ENDS(&o, ERR_FILE, "--overwrite"); /* the folder holds results */
  o.overwrite = true;
  ENDS(&o, 0, "");
}

static char *shown(const char *path, bool csv) {
  err e = {0};
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  CHECK_REPORT(!run_show(path, csv, f, &e), "%.300s", e.text);
  fclose(f);
  return text;
}

static void test_show(void) {
  err e = {0};
  if (rank_of_world()) return;
  char *csv = shown(in_folder("a/run.h5"), true), *table = shown(in_folder("a/run.h5"), false);
  CHECK(!strncmp(csv, "name,value,error,exact,unit\n", 28));
  CHECK(strstr(csv, "\nclock,25,,,1\n") && strstr(csv, "\nx.nis,") && strstr(csv, ",0.02,"));
  CHECK(strstr(csv, "\n\"profile.nis[beta=0.6]\",") || strstr(csv, "\nprofile.nis[beta=0.6],"));
  CHECK(strstr(table, "observable") && strstr(table, "SW") && strstr(table, "NIS tau_int") &&
        strstr(table, "profile.nis"));
  free(csv), free(table);
  CHECK_INT(run_show(in_folder("a/log.txt"), true, stdout, &e), ERR_FILE);
  e = (err){0};
  CHECK_INT(run_show(in_folder("none.h5"), true, stdout, &e), ERR_FILE);
}

/* Failures in the app: on one rank, on all; results so far stay and say so. */
static void test_failures(void) {
  int ranks;
  char fail[40], piece[40];
  const char *overrides[] = {fail};
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  snprintf(fail, sizeof fail, "toy.fail=%d", ranks - 1),
      snprintf(piece, sizeof piece, "toy fails on rank %d", ranks - 1);
  run_options o = options(in_folder("c"), overrides, 1);
  ENDS(&o, ERR_RUN, piece);
  if (rank_of_world()) return;
  CHECK(holds(in_folder("c/status"), "state: failed") && holds(in_folder("c/status"), piece));
  CHECK(holds(in_folder("c/log.txt"), piece));
}

static void test_decks(void) {
  const char *bad[] = {"toy.rate=7"}, *cross[] = {"toy.rate=.95"}, *warn[] = {"toy.rate=.85"};
  run_options o = options(in_folder("d"), bad, 1), lost = options(in_folder("d"), NULL, 0);
  ENDS(&o, ERR_DECK, "toy.rate");
  o.overrides = cross;
  ENDS(&o, ERR_DECK, "too fast");
  lost.deck_path = in_folder("absent.yaml");
  ENDS(&lost, ERR_DECK, "absent.yaml: No such file");
  lost.deck_path = folder;
  ENDS(&lost, ERR_DECK, "folder");
  lost.deck_path = in_folder("other.yaml");
  ENDS(&lost, ERR_DECK, "did you mean toy?");
  MPI_Barrier(MPI_COMM_WORLD);
  CHECK(!file_exists(in_folder("d"))); /* no work was begun */
  o.overrides = warn;
  ENDS(&o, 0, "");
  if (rank_of_world() == 0) CHECK(holds(in_folder("d/log.txt"), "warning: toy.rate is rather fast"));
}

static void test_dry(void) {
  run_options o = options(in_folder("e"), NULL, 0);
  o.dry = true;
  ENDS(&o, 0, "");
  MPI_Barrier(MPI_COMM_WORLD);
  CHECK(!file_exists(in_folder("e")));
}

/* Default names count up; an own folder is used as given. */
static void test_names(void) {
  char was[1000];
  CHECK(getcwd(was, sizeof was) && !chdir(folder));
  run_options o = options(NULL, NULL, 0);
  for (int k = 0; k < 3; k++) ENDS(&o, 0, "");
  MPI_Barrier(MPI_COMM_WORLD);
  CHECK(file_exists("runs/toy/run.h5") && file_exists("runs/toy-2/run.h5") && file_exists("runs/toy-3/run.h5"));
  MPI_Barrier(MPI_COMM_WORLD);
  CHECK(!chdir(was));
}

/* A read-only folder: by permission, or for root by a read-only mount in a name space of its own. */
static int make_read_only(const char *path) {
  mkdir(path, 0555);
  if (geteuid()) return 1;
  return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
         !mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=1m");
}

static void test_unwritable(void) {
  int works = 0;
  const char *piece = geteuid() ? "Permission denied" : "Read-only file system";
  run_options o = options(in_folder("locked/a"), NULL, 0);
  if (rank_of_world() == 0) works = make_read_only(in_folder("locked"));
  MPI_Bcast(&works, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (works) ENDS(&o, ERR_FILE, piece);
  o.out = in_folder("locked");
  if (works) ENDS(&o, ERR_FILE, piece);
  o.out = in_folder("toy.yaml/a"); /* a file in the way */
  ENDS(&o, ERR_FILE, "Not a directory");
  o.out = in_folder("toy.yaml");
  ENDS(&o, ERR_FILE, "in the way");
}

/* A full disk: no room for the first run.h5. */
static void test_full(void) {
  struct rlimit was, small;
  run_options o = options(in_folder("full"), NULL, 0);
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &was);
  small = was, small.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &small);
  ENDS(&o, ERR_FILE, "run.h5");
  setrlimit(RLIMIT_FSIZE, &was);
  MPI_Barrier(MPI_COMM_WORLD);
  CHECK(!file_exists(in_folder("full/run.h5")) && !file_exists(in_folder("full/run.h5.tmp")));
}

/* A run whose pictures cannot be drawn, for whatever reason, is done all the same, with a warning for each. */
static int figure_main(run *r, err *e) {
  run_value v = {"x", "1", "a number", 4, NAN, NAN, NAN, NAN, NAN};
  double x = 1;
  if (run_result(r, v, e)) return e->code;
  for (int k = 0; k < 2; k++) {
    plot *p = plot_new("a figure", 1);
    plot_panel(p, "a panel", "x", "x [1]", 0, 0);
    plot_curve(p, "x", PLOT_POINTS, 1, &x, &x, NULL);
    run_figure(r, p, k ? "no/such/folder.png" : "x.png");
  }
  run_figure(r, NULL, "y.png");
  return 0;
}

static void test_figure(void) {
  app drawing = toy_app;
  drawing.main = figure_main;
  const app *const table[] = {&drawing, NULL};
  run_options o = options(in_folder("figure"), NULL, 0);
  char was[4000];
  run *r;
  err e = {0};
  snprintf(was, sizeof was, "%s", getenv("PATH"));
  setenv("PATH", "/nowhere", 1);
  CHECK_INT(run_open(&r, MPI_COMM_WORLD, &o, table, &e), 0);
  CHECK_INT(run_main(r, &e), 0);
  CHECK_INT(run_close(r, &e), 0);
  setenv("PATH", was, 1);
  if (rank_of_world()) return;
  CHECK(holds(in_folder("figure/status"), "state: done"));
  CHECK(holds(in_folder("figure/log.txt"), "warning: no picture") &&
        holds(in_folder("figure/log.txt"), "x.gp is ready"));
  CHECK(holds(in_folder("figure/log.txt"), "warning: cannot write") &&
        holds(in_folder("figure/log.txt"), "warning: the picture"));
}

/* Results without unit or with a wrong name, and objects that do not fit, are refused. */
static int bad_main(run *r, err *e) {
  run_value v = {"x/y", "1", "words", 1, NAN, NAN, NAN, NAN, NAN};
  double x[4];
  err a = {0}, b = {0}, c = {0}, d = {0};
  CHECK_INT(run_result(r, v, &a), ERR_RUN);
  v.name = "x", v.unit = "";
  CHECK_INT(run_result(r, v, &b), ERR_RUN);
  CHECK(strstr(b.text, "unit") != NULL);
  CHECK_INT(run_own(r, (run_item){"x", x, H5_F64, 4, false, 3, 0, 2}, &c), ERR_RUN);
  CHECK(!run_own(r, (run_item){"x", x, H5_F64, 4, true, 1, 0, 1}, e));
  CHECK_INT(run_own(r, (run_item){"x", x, H5_F64, 4, true, 1, 0, 1}, &d), ERR_RUN);
  return 0;
}

static void test_refusals(void) {
  app bad = toy_app;
  bad.main = bad_main;
  const app *const table[] = {&bad, NULL};
  run_options o = options(in_folder("g"), NULL, 0);
  run *r;
  err e = {0};
  CHECK(!run_open(&r, MPI_COMM_WORLD, &o, table, &e));
  CHECK(!run_main(r, &e));
  CHECK(!run_close(r, &e));
}

/* Rank 1 fails while rank 0 waits for its message. */
static int lost_main(run *r, err *e) {
  int word;
  if (run_comm(r)->rank == 1) return err_set(e, ERR_RUN, "toy fails on rank 1");
  MPI_Recv(&word, 1, MPI_INT, 1, 5, run_comm(r)->mpi, MPI_STATUS_IGNORE);
  return 0;
}

static int test_lost(void) {
  app lost = toy_app;
  lost.main = lost_main;
  const app *const table[] = {&lost, NULL};
  run_options o = options(in_folder("h"), NULL, 0);
  o.patience_s = .5;
  run *r;
  err e = {0};
  if (run_open(&r, MPI_COMM_WORLD, &o, table, &e)) return 1;
  run_main(r, &e);
  if (run_lost(r))
    printf("lost with code %d: %s\n", run_close(r, &e), e.text), fflush(stdout), MPI_Abort(MPI_COMM_WORLD, 1);
  return 1;
}

int main(int argc, char **argv) {
  int level;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  umask(022);
  err e = {0};
  if (rank_of_world() == 0) {
    CHECK(mkdtemp(folder) != NULL);
    CHECK(!file_write(in_folder("toy.yaml"), deck_text, sizeof deck_text - 1, false, &e));
    CHECK(!file_write(in_folder("other.yaml"), "app: tpy\n", 9, false, &e));
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (argc > 1 && !strcmp(argv[1], "lost")) return test_lost();
  test_two_runs();
  test_show();
  test_failures();
  test_decks();
  test_dry();
  test_names();
  test_full();
  test_figure();
  test_refusals();
  test_unwritable();
  MPI_Barrier(MPI_COMM_WORLD);
  char command[200];
  snprintf(command, sizeof command, "umount -q %s/locked; rm -rf %s", folder, folder);
  if (rank_of_world() == 0) CHECK(!system(command));
  return check_done();
}

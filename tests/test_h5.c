/* test_h5.c: round trips through HDF5, compulsory units, equal bytes of equal contents, refusals, and a full disk that
 * leaves the previous file alone. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/h5.h"
#include "check.h"

static char folder[64] = "/tmp/spinet_h5_XXXXXX";
static char *in_folder(const char *name) {
  static char path[4][200];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], 200, "%s/%s", folder, name);
  return path[turn];
}

static const double grid[2][3] = {{1, 2, 3}, {4, 5.5, 1e-300}};

static int write_all(const char *path, size_t bulk, err *e) {
  h5 *f;
  double v = .1;
  int8_t spins[4] = {1, -1, -1, 1};
  size_t two_three[2] = {2, 3}, four = 4, none = 0;
  double *big = calloc(bulk + 1, sizeof *big);
  int bad = h5_create(&f, path, e);
  if (!bad) {
    bad = h5_write(f, "/results/lnZ.nis/value", H5_F64, 0, NULL, &v, "1", "log of the partition sum", e) ||
          h5_write(f, "/results/grid", H5_F32, 2, two_three, (float[6]){1, 2, 3, 4, 5.5, 6}, "J", "numbers", e) ||
          h5_write(f, "/series/grid", H5_F64, 2, two_three, grid, "1", "numbers", e) ||
          h5_write(f, "/series/spins", H5_I8, 1, &four, spins, "1", "spins", e) ||
          h5_write(f, "/series/none", H5_F64, 1, &none, NULL, "1", "no points", e) ||
          h5_write(f, "/series/bulk", H5_F64, 1, &bulk, big, "1", "zeros", e) ||
          h5_write_text(f, "/model/graph", "conv 3x3\nrelu\n", "the network", e) ||
          h5_attr_text(f, "/run", "title", "M\xc3\xbcnchen", e) || h5_attr_i64(f, "/run", "seed", 4294967295LL, e) ||
          h5_attr_f64(f, "/run", "wall", 1.5, e) || h5_attr_f64(f, "/run", "wall", 2.5, e) ||
          h5_attr_text(f, "/results/grid", "axes", "row,column", e);
    if (bad)
      h5_abandon(f);
    else
      bad = h5_commit(f, e);
  }
  free(big);
  return bad;
}

static int add_name(h5 *f, const char *name, void *ctx, err *e) {
  return strcat(strcat(ctx, name), " "), 0;
}
static int stop_at_once(h5 *f, const char *name, void *ctx, err *e) {
  return 5;
}

static void test_round_trip(void) {
  err e = {0};
  h5 *f;
  CHECK(!write_all(in_folder("a.h5"), 10, &e));
  CHECK(!file_exists(in_folder("a.h5.tmp")));
  CHECK(!h5_open(&f, in_folder("a.h5"), &e));
  double v = 0, g[2][3], w = 0;
  float single[6];
  int8_t spins[4];
  int rank;
  size_t dims[8];
  char *text, names[200] = "";
  long long seed = 0;
  CHECK(!h5_read(f, "/results/lnZ.nis/value", H5_F64, &v, 1, &e) && v == .1);
  CHECK(!h5_read(f, "/series/grid", H5_F64, g, 6, &e) && !memcmp(g, grid, sizeof g));
  CHECK(!h5_read(f, "/results/grid", H5_F32, single, 6, &e) && single[4] == 5.5f);
  CHECK(!h5_read(f, "/series/spins", H5_I8, spins, 4, &e) && spins[1] == -1);
  CHECK(!h5_read(f, "/series/none", H5_F64, NULL, 0, &e));
  CHECK(!h5_dims(f, "/series/grid", &rank, dims, &e) && rank == 2 && dims[0] == 2 && dims[1] == 3);
  CHECK(!h5_dims(f, "/results/lnZ.nis/value", &rank, dims, &e) && rank == 0);
  CHECK(!h5_read_text(f, "/model/graph", &text, &e) && !strcmp(text, "conv 3x3\nrelu\n"));
  free(text);
  CHECK(!h5_read_attr_text(f, "/run", "title", &text, &e) && !strcmp(text, "M\xc3\xbcnchen"));
  free(text);
  CHECK(!h5_read_attr_text(f, "/series/grid", "unit", &text, &e) && !strcmp(text, "1"));
  free(text);
  CHECK(!h5_read_attr_f64(f, "/run", "wall", &w, &e) && w == 2.5);
  CHECK(!h5_read_attr_i64(f, "/run", "seed", &seed, &e) && seed == 4294967295LL);
  CHECK(!h5_each(f, "/series", add_name, names, &e) && !strcmp(names, "bulk grid none spins "));
  CHECK_INT(h5_each(f, "/series", stop_at_once, names, &e), 5);
  CHECK(h5_has(f, "/results/grid") && !h5_has(f, "/results/x/y/z") && h5_has(f, "/"));
  CHECK_INT(h5_read(f, "/series/grid", H5_F64, g, 5, &e), ERR_FILE);
  CHECK(strstr(e.text, "holds 6 numbers, not 5") && strstr(e.text, "/series/grid"));
  h5_close(f);
}

#define REFUSED(call, piece)                                                           \
  do {                                                                                 \
    err x = {0};                                                                       \
    CHECK_INT((call), ERR_FILE);                                                       \
    CHECK_REPORT(strstr(x.text, piece) != NULL, "%.300s: expected %s", x.text, piece); \
  } while (0)

static void test_refusals(void) {
  h5 *f;
  err e = {0};
  double v = 1;
  CHECK(!h5_create(&f, in_folder("b.h5"), &e));
  REFUSED(h5_write(f, "/x", H5_F64, 0, NULL, &v, "", "words", &x), "no unit");
  REFUSED(h5_write(f, "/x", H5_F64, 0, NULL, &v, "1", "", &x), "no description");
  REFUSED(h5_write(f, "x", H5_F64, 0, NULL, &v, "1", "words", &x), "begin with /");
  CHECK(!h5_write(f, "/x", H5_F64, 0, NULL, &v, "1", "words", &e));
  REFUSED(h5_write(f, "/x", H5_F64, 0, NULL, &v, "1", "words", &x), "exists");
  REFUSED(h5_write(f, "/x/y", H5_F64, 0, NULL, &v, "1", "words", &x), "/x/y");
  REFUSED(h5_read(f, "/nowhere/at/all", H5_F64, &v, 1, &x), "has no /nowhere");
  h5_abandon(f);
  CHECK(!file_exists(in_folder("b.h5")) && !file_exists(in_folder("b.h5.tmp")));
  REFUSED(h5_open(&f, in_folder("absent.h5"), &x), "No such file");
  REFUSED(h5_open(&f, folder, &x), "folder");
  REFUSED(h5_create(&f, in_folder("no/such/folder.h5"), &x), "No such file");
  CHECK(!file_write(in_folder("c.h5"), "not hdf5", 8, false, &e));
  REFUSED(h5_open(&f, in_folder("c.h5"), &x), "not an HDF5 file");
  CHECK(!truncate(in_folder("a.h5"), 700));
  REFUSED(h5_open(&f, in_folder("a.h5"), &x), "truncated");
}

static void test_equal_bytes(void) {
  char *a, *b;
  size_t n = 0, m = 1;
  err e = {0};
  CHECK(!write_all(in_folder("a.h5"), 1000, &e));
  sleep(1); /* object times, if any, would differ */
  CHECK(!write_all(in_folder("b.h5"), 1000, &e));
  CHECK(!file_read(in_folder("a.h5"), &a, &n, ERR_FILE, &e) && !file_read(in_folder("b.h5"), &b, &m, ERR_FILE, &e));
  CHECK_INT(n, m);
  CHECK_BITS(a, b, n);
  free(a), free(b);
}

static void test_long_text(void) { /* a deck above 64 KiB as an attribute */
  h5 *f;
  err e = {0};
  size_t n = 300000;
  char *deck = malloc(n + 1), *back = NULL;
  memset(deck, 'x', n), deck[n] = 0;
  CHECK(!h5_create(&f, in_folder("d.h5"), &e) && !h5_attr_text(f, "/run", "deck", deck, &e) && !h5_commit(f, &e));
  CHECK(!h5_open(&f, in_folder("d.h5"), &e) && !h5_read_attr_text(f, "/run", "deck", &back, &e));
  CHECK_TEXT(back, deck);
  h5_close(f);
  free(deck), free(back);
}

static void test_scratch(void) {
  h5 *s, *f, *second;
  err e = {0};
  double v = 3;
  CHECK(!h5_scratch(&second, &e));
  CHECK(!h5_scratch(&s, &e) && !h5_write(s, "/model/weights", H5_F64, 0, NULL, &v, "1", "weights", &e));
  CHECK(!h5_attr_text(s, "/model", "format", "1", &e) && !h5_write(s, "/x/y", H5_F64, 0, NULL, &v, "1", "old", &e));
  CHECK(!h5_create(&f, in_folder("e.h5"), &e));
  v = 4;
  CHECK(!h5_write(f, "/x/z", H5_F64, 0, NULL, &v, "1", "new", &e));
  CHECK(!h5_copy(f, s, &e) && !h5_commit(f, &e));
  h5_abandon(s), h5_abandon(second);
  CHECK(!h5_open(&f, in_folder("e.h5"), &e));
  CHECK(!h5_read(f, "/model/weights", H5_F64, &v, 1, &e) && v == 3);
  CHECK(h5_has_attr(f, "/model", "format") && h5_has(f, "/x/z") && !h5_has(f, "/x/y"));
  h5_close(f);
}

/* The file size limit stands for a full disk: write(2) fails half way. */
static void test_full_disk(void) {
  struct rlimit was, small;
  err e = {0};
  h5 *f;
  double v = 0;
  CHECK(!write_all(in_folder("run.h5"), 10, &e));
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &was);
  small = was, small.rlim_cur = 65536;
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_INT(write_all(in_folder("run.h5"), 100000, &e), ERR_FILE);
  setrlimit(RLIMIT_FSIZE, &was);
  CHECK_REPORT(strstr(e.text, "run.h5") && strstr(e.text, "File too large"), "message \"%.300s\"", e.text);
  CHECK(!file_exists(in_folder("run.h5.tmp")));
  memset(&e, 0, sizeof e);
  CHECK(!h5_open(&f, in_folder("run.h5"), &e) && !h5_read(f, "/results/lnZ.nis/value", H5_F64, &v, 1, &e) && v == .1);
  h5_close(f);
}

/* A link may be made before what it names; reading goes through it. */
static void test_link(void) {
  err e = {0};
  h5 *f;
  int rank;
  size_t dims[8], count = 6;
  double there[6] = {0};
  CHECK(!h5_create(&f, in_folder("link.h5"), &e) && !h5_link(f, "/far/away", "far.h5", "/", &e) && !h5_commit(f, &e));
  CHECK(!h5_open(&f, in_folder("link.h5"), &e));
  CHECK_INT(h5_dims(f, "/far/away/series/grid", &rank, dims, &e), ERR_FILE);
  h5_close(f), e = (err){0};
  CHECK(!write_all(in_folder("far.h5"), 3, &e));
  CHECK(!h5_open(&f, in_folder("link.h5"), &e));
  CHECK(!h5_dims(f, "/far/away/series/grid", &rank, dims, &e) && rank == 2 && dims[0] == 2 && dims[1] == 3);
  CHECK(!h5_read(f, "/far/away/series/grid", H5_F64, there, count, &e));
  CHECK_BITS(there, grid, sizeof grid);
  h5_close(f);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  CHECK(mkdtemp(folder) != NULL);
  test_round_trip();
  test_refusals();
  test_equal_bytes();
  test_long_text();
  test_scratch();
  test_link();
  test_full_disk();
  char command[100];
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(!system(command));
  return check_done();
}

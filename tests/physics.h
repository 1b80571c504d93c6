/* physics.h: whole runs inside a test: a deck given as text is run in a folder of its own by a table of apps (those of
 * the suite, or one of the test with the same deck sections), and its results are read back from run.h5. For
 * physics_*.c and app_ising.c. Pictures are switched off: gnuplot is not found. */
#ifndef TESTS_PHYSICS_H
#define TESTS_PHYSICS_H

#include <stdarg.h>
#include <unistd.h>

#include "apps/apps.h"
#include "apps/ising.h"
#include "base/file.h"
#include "tests/check.h"

static char physics_folder[] = "/tmp/spinet-physics-XXXXXX";

static inline void physics_begin(int *argc, char ***argv) {
  int level;
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
  CHECK(mkdtemp(physics_folder) != NULL);
  setenv("PATH", "/nowhere", 1);
}

static inline int physics_end(void) {
  char command[100];
  snprintf(command, sizeof command, "/bin/rm -rf %s", physics_folder);
  CHECK(!system(command));
  return check_done();
}

static inline const char *physics_path(const char *name, const char *file) {
  static char path[4][300];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], sizeof path[turn], "%s/%s%s%s", physics_folder, name, *file ? "/" : "", file);
  return path[turn];
}

static inline int physics_run(const app *const *apps, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A whole run called `name`; format: printf of its deck. Returns its code after CHECKing that it is 0. */
static inline int physics_run(const app *const *apps, const char *name, const char *format, ...) {
  char text[4000], path[300];
  static err e;
  run *r;
  va_list list;
  va_start(list, format);
  int n = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  memset(&e, 0, sizeof e);
  snprintf(path, sizeof path, "%s.yaml", physics_path(name, ""));
  run_options o = {.deck_path = path,
                   .out = physics_path(name, ""),
                   .quiet = !getenv("SPINET_LOUD"),
                   .overwrite = true,
                   .command_line = "test",
                   .precision = sizeof(nn_real) == sizeof(float) ? "single" : "double"};
  if (!file_write(path, text, (size_t)n, false, &e) && !run_open(&r, MPI_COMM_WORLD, &o, apps, &e)) {
    run_main(r, &e);
    run_close(r, &e);
  }
  CHECK_REPORT(!e.code, "run %s: %.400s", name, e.text);
  return e.code;
}

static inline h5 *physics_open(const char *name) {
  h5 *f = NULL;
  err e = {0};
  CHECK_REPORT(!h5_open(&f, physics_path(name, "run.h5"), &e), "%.300s", e.text);
  return f;
}

/* Field "value", "error", "exact" ... of a result; NaN where the file has none. */
static inline double physics_get(h5 *f, const char *result, const char *field) {
  char path[200];
  double x = NAN;
  err e = {0};
  snprintf(path, sizeof path, "/results/%s/%s", result, field);
  if (f && h5_has(f, path)) CHECK_REPORT(!h5_read(f, path, H5_F64, &x, 1, &e), "%.300s", e.text);
  return x;
}

/* The result has an exact value and an error, and lies within k sigma. */
static inline void physics_agrees(h5 *f, const char *where, const char *quantity, const char *by, double k) {
  char name[80];
  snprintf(name, sizeof name, "%s.%s", quantity, by);
  double v = physics_get(f, name, "value"), s = physics_get(f, name, "error"), x = physics_get(f, name, "exact");
  CHECK_REPORT(s > 0 && fabs(v - x) <= k * s, "%s: %s = %.10g +- %.3g, exact %.10g: %.2f sigma", where, name, v, s, x,
               (v - x) / s);
  if (getenv("SPINET_LOUD")) fprintf(stderr, "%-24s %-12s %+.2f sigma\n", where, name, (v - x) / s);
}

/* Collective: trains theta as section `train` says. */
static inline int physics_train(run *r, const ar *a, nn_real *theta, double lnZ, err *e) {
  trainer *t = NULL;
  if (!train_new(&t, r, a, theta, e)) train_run(t, lnZ, e);
  train_free(t);
  return e->code;
}

#endif

/* test_collect.c: many runs beside each other: keys and order, missing and failed runs, pooled seeds against numbers
 * worked out by hand, CSV and HDF5, pictures; two runs compared bit for bit. The run.h5 are made here. */
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/collect.h"
#include "base/file.h"
#include "base/run_diff.h"
#include "base/run_plot.h"
#include "check.h"

static char folder[64] = "/tmp/spinet_collect_XXXXXX";

typedef struct toy_config {
  double beta;
  long L, draws;
} toy_config;
static const deck_key model_keys[] = {
    {"beta", DECK_REAL, offsetof(toy_config, beta), "0.4", 0, 9, NULL, "1/J", "coupling", false},
    {"L", DECK_INT, offsetof(toy_config, L), "4", 1, 99, NULL, "", "side", false},
    {"draws", DECK_INT, offsetof(toy_config, draws), "10", 1, 99, NULL, "", "draws", true},
    {0}};
static const deck_section schema[] = {{.name = "model", .help = "model", .keys = model_keys}, {0}};
static const app toy = {"toy", "a toy", schema, NULL, NULL};
static const app *const apps[] = {&toy, NULL};

/* ---- runs ---- */

typedef struct made {
  const char *name, *status;
  double beta;
  int L, seed;
  double f, error, scan[3], scan_error;
} made;

static void put(h5 *f, const char *path, int rank, size_t n, const double *v, const char *unit) {
  err e = {0};
  CHECK_INT(h5_write(f, path, H5_F64, rank, &n, v, unit, "a number", &e), 0);
}

static void attributes(h5 *f, const char *path, const char *unit, const char *axes) {
  err e = {0};
  CHECK_INT(h5_attr_text(f, path, "unit", unit, &e) || h5_attr_text(f, path, "description", "free energy; toy", &e), 0);
  if (axes) CHECK_INT(h5_attr_text(f, path, "axes", axes, &e), 0);
}

static const char *path_of(const char *name) {
  static char path[16][200]; /* valid for the next sixteen calls */
  static int turn;
  snprintf(path[turn = (turn + 1) % 16], sizeof path[0], "%s/%s", folder, name);
  return path[turn];
}

static void results(h5 *f, const made *m) {
  const double exact = -2 * m->beta, error[3] = {m->scan_error, m->scan_error, m->scan_error}, axis[3] = {.1, .2, .3};
  put(f, "/results/f.nis/value", 0, 1, &m->f, "J"), put(f, "/results/f.nis/exact", 0, 1, &exact, "J");
  if (m->error > 0) put(f, "/results/f.nis/error", 0, 1, &m->error, "J");
  put(f, "/results/e.scan/value", 1, 3, m->scan, "J"), put(f, "/results/e.scan/error", 1, 3, error, "J");
  put(f, "/results/e.scan/axis_beta", 1, 3, axis, "1/J");
  attributes(f, "/results/f.nis", "J", NULL), attributes(f, "/results/e.scan", "J", "beta");
}

static void make(const made *m) {
  char deck_text[400];
  const double curve[5] = {5, 4, 3, 2.5, 2.25};
  const char *path = path_of(m->name);
  h5 *f;
  err e = {0};
  char file[300];
  bool done = !strcmp(m->status, "done");
  snprintf(deck_text, sizeof deck_text,
           "app: toy\nmodel:\n  beta: %.17g\n  L: %d\n  draws: 10\nrun:\n  seed: %d\n  threads: 0\n  title: ~\n",
           m->beta, m->L, m->seed);
  snprintf(file, sizeof file, "%s/run.h5", path);
  CHECK_INT(file_folder(path, NULL, &e) || h5_create(&f, file, &e), 0);
  h5_attr_text(f, "/run", "format", "spinet run 1", &e), h5_attr_text(f, "/run", "status", m->status, &e);
  h5_attr_text(f, "/run", "app", "toy", &e), h5_attr_text(f, "/run", "used_deck", deck_text, &e);
  h5_attr_text(f, "/run", "precision", "double", &e), h5_attr_text(f, "/run", "reason", done ? "" : "bad luck", &e);
  h5_attr_text(f, "/results", "order", done ? "f.nis\ne.scan\n" : "", &e);
  if (done) results(f, m), put(f, "/series/train.loss", 1, 5, curve, "1");
  CHECK_INT(h5_commit(f, &e), 0);
}

/* beta = 0.3 with three seeds, 0.4 with one and one that failed; a seed that was run twice. */
static const made runs[] = {
    {"sweep/point-000-0000000a", "done", .3, 4, 1, -.60, .02, {1, 2, 3}, .1},
    {"sweep/point-001-0000000b", "done", .3, 4, 2, -.63, .01, {2, 3, 4}, .1},
    {"sweep/point-002-0000000c", "done", .3, 4, 3, -.58, .02, {3, 4, 5}, .2},
    {"sweep/point-003-0000000d", "done", .4, 4, 1, -.81, .01, {1, 2, 3}, .1},
    {"sweep/point-004-0000000e", "failed", .4, 4, 2, 0, 0, {0}, 0},
    {"again", "done", .3, 4, 3, -.58, .02, {3, 4, 5}, .2},
    {"large", "done", .3, 8, 1, -.61, .03, {1, 2, 3}, .1},
};

static char *printed(const char *const *run_names, int n, const char *x, const char *y, bool pool, bool csv,
                     const char *file, int code) {
  char *text = NULL;
  size_t size;
  err e = {0};
  collect_options o = {.run = run_names, .runs = n, .x = x, .y = y, .pool = pool, .apps = apps};
  FILE *f = open_memstream(&text, &size);
  collect_print(&o, csv, file, f, &e);
  CHECK_REPORT(e.code == code, "%.400s", e.text);
  fclose(f);
  if (!code) return text;
  free(text);
  return strdup(e.text);
}

static void lacks(const char *text, const char *piece) {
  CHECK_REPORT(strstr(text, piece) != NULL, "\"%.400s\" lacks \"%s\"", text, piece);
}

static void test_table(void) {
  const char *words[] = {path_of("sweep")};
  char *text = printed(words, 1, NULL, "f.nis", false, false, NULL, 0), *at;
  const char *want =
      "f.nis [J]: free energy; toy\n"
      "model.beta       f.nis  sigma  exact  status  run\n"
      "----------------------------------------------------------------\n"
      "0.3         -0.600(20)   +0.0   -0.6  done    point-000-0000000a\n"
      "0.3         -0.630(10)   -3.0   -0.6  done    point-001-0000000b\n"
      "0.3         -0.580(20)   +1.0   -0.6  done    point-002-0000000c\n"
      "0.4         -0.810(10)   -1.0   -0.8  done    point-003-0000000d\n"
      "0.4                  -      -      -  failed  point-004-0000000e\n"
      "\n6 runs\n";
  at = strstr(text, "6 runs\n");
  CHECK(at != NULL);
  if (at) lacks(at, "sweep/point-004-0000000e: failed: bad luck"), lacks(at, "point-005-0000000f: missing: 0.5");
  if (at) at[7] = 0;
  CHECK_TEXT(text, want);
  free(text);
  text = printed(words, 1, "model.bet", "f.nis", false, false, NULL, ERR_DECK);
  lacks(text, "--x model.bet: no run has such a key (did you mean model.beta?)");
  free(text);
  text = printed(words, 1, NULL, "f.nsi", false, false, NULL, ERR_DECK);
  lacks(text, "--y f.nsi: no run has such a result (did you mean f.nis?)");
  free(text);
  text = printed((const char *[]){"absent"}, 1, NULL, NULL, false, false, NULL, ERR_FILE);
  lacks(text, "cannot read absent: no such run");
  free(text);
}

/* 1/s^2 = 2500, 10000, 2500: v = (-0.60 x 2500 - 0.63 x 10000 - 0.58 x 2500) / 15000 = -0.6166..., s = 1/sqrt 15000,
 * chi2 = 2500 x 0.01666^2 + 10000 x 0.01333^2 + 2500 x 0.03666^2 = 0.69444 + 1.77777 + 3.36111 = 5.83333. */
static void test_pool(void) {
  const char *words[] = {path_of("sweep"), path_of("again"), path_of("large")};
  char *text = printed(words, 3, NULL, "f.nis,e.scan", true, true, NULL, 0), *rest = NULL;
  int lines = 0, found = 0;
  for (char *s = strtok_r(text, "\n", &rest); s; s = strtok_r(NULL, "\n", &rest), lines++) {
    double beta, L, v, error, exact, chi2;
    int dof, seeds;
    if (sscanf(s, "f.nis,%lf,%lf,%lf,%lf,%lf,,J,%lf,%d,%d", &beta, &L, &v, &error, &exact, &chi2, &dof, &seeds) == 8) {
      CHECK_NEAR(v, -9.25 / 15, 1e-14);
      CHECK_NEAR(error, 1 / sqrt(15000), 1e-16);
      CHECK_NEAR(exact, -.6, 1e-15);
      CHECK_NEAR(chi2, 35. / 6, 1e-9);
      CHECK(beta == .3 && L == 4 && dof == 2 && seeds == 3);
      found++;
    }
    /* 100, 100, 25: v = (1 x 100 + 2 x 100 + 3 x 25) / 225 */
    if (sscanf(s, "e.scan[beta=0.1],%lf,%lf,%lf,%lf,,,J,%lf,%d,%d", &beta, &L, &v, &error, &chi2, &dof, &seeds) == 7 ||
        sscanf(s, "\"e.scan[beta=0.1]\",%lf,%lf,%lf,%lf,,,J,%lf,%d,%d", &beta, &L, &v, &error, &chi2, &dof, &seeds) ==
            7) {
      if (beta != .3 || L != 4) continue;
      CHECK_NEAR(v, 375. / 225, 1e-14);
      CHECK_NEAR(error, 1 / 15., 1e-15);
      found++;
    }
  }
  CHECK_INT(found, 2);
  CHECK_INT(lines, 1 + 3 + 9);
  free(text);
  text = printed(words, 3, NULL, "f.nis", true, false, NULL, 0);
  lacks(text, "the seed of"), lacks(text, "counted once");
  lacks(text, "5.83/2"), lacks(text, "-0.6167(82)");
  lacks(text, "point-004-0000000e: failed: bad luck");
  free(text);
}

/* Seeds without errors: the mean, and its error from the scatter. */
static void test_pool_bare(void) {
  const made bare[] = {{"bare/point-000-00000001", "done", .3, 4, 1, 1, 0, {1, 1, 1}, .1},
                       {"bare/point-001-00000002", "done", .3, 4, 2, 2, 0, {1, 1, 1}, .1},
                       {"bare/point-002-00000003", "done", .3, 4, 3, 6, 0, {1, 1, 1}, .1}};
  for (int i = 0; i < 3; i++) make(&bare[i]);
  const char *words[] = {path_of("bare")};
  char *text = printed(words, 1, NULL, "f.nis", true, true, NULL, 0);
  double v, error;
  char *line = strstr(text, "\nf.nis,");
  CHECK(line && sscanf(line, "\nf.nis,%lf,%lf", &v, &error) == 2);
  if (line) CHECK_NEAR(v, 3, 1e-15);
  if (line) CHECK_NEAR(error, sqrt((4 + 1 + 9) / 6.), 1e-15);
  free(text);
}

/* Parts of one sample, told apart by model.L, all of one seed: v = 9/3, s^2 = (.01 + .04 + .04)/9, chi2 = 650. One that
 * was run twice counts once; what differs in beta stays apart. */
static void test_over(void) {
  const made part[] = {{"parts/point-000-00000001", "done", .3, 1, 1, 1, .1, {1, 1, 1}, .1},
                       {"parts/point-001-00000002", "done", .3, 2, 1, 2, .2, {1, 1, 1}, .1},
                       {"parts/point-002-00000003", "done", .3, 3, 1, 6, .2, {1, 1, 1}, .1},
                       {"parts/point-003-00000004", "done", .3, 3, 1, 6, .2, {1, 1, 1}, .1},
                       {"parts/point-004-00000005", "done", .4, 3, 1, 7, .2, {1, 1, 1}, .1}};
  for (int i = 0; i < 5; i++) make(&part[i]);
  char *text = NULL;
  size_t size;
  err e = {0};
  collect_options o = {
      .run = (const char *[]){path_of("parts")}, .runs = 1, .y = "f.nis", .over = "model.L", .apps = apps};
  FILE *f = open_memstream(&text, &size);
  CHECK_INT(collect_print(&o, true, NULL, f, &e), 0);
  fclose(f);
  double beta, v, error, exact, chi2;
  int dof, parts;
  char *line = strstr(text, "\nf.nis,0.3,"), *other = strstr(text, "\nf.nis,0.4,");
  CHECK_REPORT(line && other, "%.400s", text);
  if (line) {
    CHECK_INT(sscanf(line, "\nf.nis,%lf,%lf,%lf,%lf,,J,%lf,%d,%d", &beta, &v, &error, &exact, &chi2, &dof, &parts), 7);
    CHECK_NEAR(v, 3, 1e-15);
    CHECK_NEAR(error, .1, 1e-15);
    CHECK_NEAR(chi2, 650, 1e-9);
    CHECK(dof == 2 && parts == 3);
  }
  if (other) CHECK(sscanf(other, "\nf.nis,%lf,%lf,%lf", &beta, &v, &error) == 3 && v == 7 && error == .2);
  free(text);
}

static void test_file(void) {
  const char *words[] = {path_of("sweep/point-000-0000000a"), path_of("sweep/point-003-0000000d"), path_of("large")};
  char *text = printed(words, 3, "model.beta", "f.nis,e.scan", false, false, path_of("all.h5"), 0);
  double v[4], scan[12], beta[2];
  h5 *f;
  err e = {0};
  free(text);
  CHECK_INT(h5_open(&f, path_of("all.h5"), &e), 0);
  h5_read(f, "/results/f.nis/value", H5_F64, v, 4, &e), h5_read(f, "/results/e.scan/value", H5_F64, scan, 12, &e);
  CHECK_INT(h5_read(f, "/results/f.nis/axis_model.beta", H5_F64, beta, 2, &e), 0);
  CHECK(beta[0] == .3 && beta[1] == .4 && v[0] == -.6 && v[1] == -.61 && v[2] == -.81 && isnan(v[3]));
  CHECK(scan[0] == 1 && scan[2] == 3 && scan[5] == 3 && scan[6] == 1 && isnan(scan[9]));
  CHECK_INT(h5_read_attr_text(f, "/results/f.nis/axis_model.beta", "unit", &text, &e), 0);
  CHECK_TEXT(text, "1/J");
  free(text);
  CHECK_INT(h5_read_text(f, "/runs/status", &text, &e), 0);
  CHECK_TEXT(text, "done\ndone\ndone\n");
  free(text);
  h5_close(f);
}

/* Drawn, or its script left where there is no gnuplot. */
static void draws(const collect_options *o, plot_request q, const char *name) {
  err e = {0};
  int code = run_plot(o, &q, path_of(name), &e);
  CHECK_REPORT(!code || (code == ERR_FILE && strstr(e.text, "gnuplot cannot be started")), "%.400s", e.text);
}

/* Below the first histogram of a script. */
static double area(const char *script) {
  double x[2] = {NAN, NAN}, y, sum = 0;
  const char *line = strstr(script, "$p0c0 << EOD\n");
  for (int k = 0; line && (line = strchr(line, '\n')) && strncmp(++line, "EOD", 3); k++) {
    x[0] = x[1];
    if (sscanf(line, "%lf %lf", &x[1], &y) != 2) return NAN;
    sum += y;
  }
  return sum * (x[1] - x[0]);
}

/* The script beside the picture says what is drawn. */
static void test_plot(void) {
  const char *words[] = {path_of("sweep"), path_of("large")};
  collect_options o = {.run = words, .runs = 2, .y = "f.nis,e.scan", .apps = apps};
  err e = {0};
  char *text;
  size_t n;
  draws(&o, (plot_request){0}, "p.svg");
  CHECK_INT(file_read(path_of("p.gp"), &text, &n, ERR_FILE, &e), 0);
  lacks(text, "set xlabel 'model.beta [1/J]'"), lacks(text, "set ylabel 'f [J]'"),
      lacks(text, "set xlabel 'beta [1/J]'");
  lacks(text, "\n0.3 -0.63 0.01\n"), lacks(text, "exact"), lacks(text, "yerrorbars"), lacks(text, "model.L = 8");
  lacks(text, "set ylabel '(f - exact) / error'");
  free(text);
  o.x = "1/model.beta", o.y = "f.nis"; /* against temperature */
  draws(&o, (plot_request){0}, "t.svg");
  CHECK_INT(file_read(path_of("t.gp"), &text, &n, ERR_FILE, &e), 0);
  lacks(text, "set xlabel '1/model.beta [J]'"), lacks(text, "\n3.33333333");
  free(text);
  o.x = o.y = NULL;
  draws(&o, (plot_request){.series = "train.loss"}, "s.svg");
  if (file_read(path_of("s.gp"), &text, &n, ERR_FILE, &e)) return;
  lacks(text, "\n5 2.25 0\n"), lacks(text, "set ylabel 'train.loss'");
  free(text);
  draws(&o, (plot_request){.histogram = "train.loss"}, "h.svg");
  CHECK_INT(file_read(path_of("h.gp"), &text, &n, ERR_FILE, &e), 0);
  lacks(text, "set xlabel 'train.loss'"), lacks(text, "set ylabel 'density'"), lacks(text, "yerrorbars");
  CHECK_NEAR(area(text), 1, 1e-3); /* of the first run's histogram; the script has three digits of the errors */
  free(text);
  CHECK_INT(run_plot(&o, &(plot_request){.series = "train.los"}, path_of("s.svg"), &e), ERR_DECK);
}

/* ---- differences ---- */

static char *differences(const char *a, const char *b, bool wanted) {
  char *text;
  size_t n;
  bool equal;
  err e = {0};
  FILE *f = open_memstream(&text, &n);
  run_diff(path_of(a), path_of(b), apps, f, &equal, &e);
  CHECK_REPORT(!e.code, "%.400s", e.text);
  fclose(f);
  CHECK_REPORT(equal == wanted, "%s and %s: %s", a, b, text);
  return text;
}

static void test_diff(void) {
  made m = runs[0];
  char *text;
  m.name = "same";
  make(&m);
  free(differences("sweep/point-000-0000000a", "same", true));
  m.name = "bit", m.f = nextafter(m.f, 0);
  make(&m);
  text = differences("same", "bit", false);
  CHECK_TEXT(text, "/results/f.nis/value: differ from element 0 on: -0.59999999999999998 and -0.59999999999999987\n");
  free(text);
  m = runs[0], m.name = "scan", m.scan[2] = -3;
  make(&m);
  text = differences("same", "scan", false);
  CHECK_TEXT(text, "/results/e.scan/value: differ from element 2 on: 3 and -3\n");
  free(text);
  m = runs[0], m.name = "bare-f", m.error = 0, m.seed = 5;
  make(&m);
  text = differences("same", "bare-f", false);
  CHECK_TEXT(text, "deck, section run: 'seed: 1' and 'seed: 5'\n/results/f.nis/error: only in the first\n");
  free(text);
  text = differences("bare-f", "same", false);
  lacks(text, "/results/f.nis/error: only in the second");
  free(text);
}

int main(int argc, char **argv) {
  char command[100];
  err e = {0};
  if (!mkdtemp(folder)) return 1;
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) make(&runs[i]);
  const char *points = "7 points\npoint  hash      model.beta\n---\n0  0000000a  0.3\n5  0000000f  0.5\n";
  CHECK_INT(file_write(path_of("sweep/points.txt"), points, strlen(points), false, &e), 0);
  test_table();
  test_pool();
  test_pool_bare();
  test_over();
  test_file();
  test_plot();
  test_diff();
  snprintf(command, sizeof command, "rm -rf %s", folder);
  CHECK(!system(command));
  return check_done();
}

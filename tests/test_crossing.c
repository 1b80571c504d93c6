/* test_crossing.c: where two curves meet: exact polynomials, errors by hand, pulls on synthetic curves with known
 * crossing, faults; then the command on run.h5 made here, as results of a sweep and as arrays. */
#include <stddef.h>

#include "analysis/crossing.h"
#include "apps/crossing.h"
#include "base/file.h"
#include "base/h5.h"
#include "base/rng.h"
#include "tests/check.h"

static err fault;

/* ---- curves ---- */

/* x = 0 .. .6, equal errors s: a line is known to s/2 in the middle, its slope to s/sqrt(Sxx), Sxx = .2. */
static void test_lines(void) {
  const double x[4] = {.4, 0, .6, .2}, a[4] = {1.2, .4, 1.6, .8}, b[4] = {.7, 1.9, .1, 1.3};
  const double sa[4] = {.02, .02, .02, .02}, sb[4] = {.03, .03, .03, .03};
  crossing_fit f, g;
  crossing c;
  CHECK_INT(crossing_fit_curve(&f, 1, NULL, 4, x, a, sa, &fault), 0);
  CHECK_INT(crossing_fit_curve(&g, 1, NULL, 4, x, b, sb, &fault), 0);
  CHECK_INT(crossing_find(&c, &f, &g, &fault), 0);
  CHECK(f.degree == 1 && g.degree == 1 && f.dof == 2 && f.n == 4 && f.low == 0 && f.high == .6);
  CHECK_NEAR(f.chi2, 0, 1e-20);
  CHECK_NEAR(f.probability, 1, 1e-12);
  CHECK_NEAR(c.x, .3, 1e-14);
  CHECK_NEAR(c.y, 1, 1e-14);
  CHECK_REL(c.x_error, hypot(.02, .03) / 2 / 5, 1e-12);
  CHECK_REL(c.y_error, hypot(3 * .02, 2 * .03) / 2 / 5, 1e-12);
  CHECK_REL(c.apart, 5 / sqrt((.02 * .02 + .03 * .03) / .2), 1e-12);
  CHECK(c.reason == NULL);
}

/* (x - 1/4)(x + 1) and (1/4 - x)(x + 3) have 1/4 alone in common between 0 and .6; a window takes points away. */
static void test_parabolas(void) {
  double x[7], a[7], b[7], s[7], window[2] = {.05, .45};
  crossing_fit f, g;
  crossing c;
  for (int i = 0; i < 7; i++) x[i] = .1 * i, s[i] = .01 * (1 + i % 3);
  for (int i = 0; i < 7; i++) a[i] = 2 + (x[i] - .25) * (x[i] + 1), b[i] = 2 + (.25 - x[i]) * (x[i] + 3);
  for (int degree = 2; degree <= CROSSING_DEGREE; degree++) {
    CHECK_INT(crossing_fit_curve(&f, degree, NULL, 7, x, a, s, &fault), 0);
    CHECK_INT(crossing_fit_curve(&g, degree, NULL, 7, x, b, s, &fault), 0);
    CHECK_INT(crossing_find(&c, &f, &g, &fault), 0);
    CHECK_NEAR(c.x, .25, 1e-12);
    CHECK_NEAR(c.y, 2, 1e-12);
    CHECK_NEAR(f.chi2 + g.chi2, 0, 1e-18);
  }
  CHECK_INT(crossing_fit_curve(&f, 2, window, 7, x, a, s, &fault), 0);
  CHECK(f.n == 4 && f.dof == 1 && f.low == .1 && f.high == .4);
}

/* The degree that the data ask for. */
static void test_degree(void) {
  enum { N = 9 };
  for (int degree = 1; degree <= CROSSING_MIXED; degree++) {
    double x[N], y[N], s[N];
    crossing_fit f;
    for (int i = 0; i < N; i++)
      x[i] = .25 * i - 1, s[i] = .01, y[i] = .3 * x[i] + (i % 2 ? .004 : -.004) + (degree > 1 ? pow(x[i], degree) : 0);
    CHECK_INT(crossing_fit_curve(&f, 0, NULL, N, x, y, s, &fault), 0);
    CHECK_INT(f.best, degree);
    CHECK(f.weight > .5 && f.weight <= 1);
  }
}

typedef struct pulls {
  double mean, sd, y_mean, y_sd;
} pulls;

static double truth(int shape, int curve, double x) {
  double t = (curve ? 3 : 1) * (x - .44);
  return 1.6 - (shape == 1 ? t : shape == 2 ? t + t * t : tanh(t));
}

/* Seven values each of two curves that meet in (.44, 1.6): lines, parabolas, tanh. */
static pulls run_pulls(int shape, int degree, int replicas) {
  pulls p = {0};
  const rng r = rng_stream(11, "crossing");
  double xx = 0, yy = 0;
  for (int k = 0; k < replicas; k++) {
    crossing_fit f[2];
    crossing c;
    for (int curve = 0; curve < 2; curve++) {
      double x[7], y[7], s[7];
      for (int i = 0; i < 7; i++) {
        x[i] = .37 + .02 * i, s[i] = .003 * (1 + curve) * (1 + .1 * i);
        y[i] = truth(shape, curve, x[i]) + s[i] * rng_normal(r, (uint64_t)k, (uint32_t)(7 * curve + i), 0);
      }
      if (crossing_fit_curve(&f[curve], degree, NULL, 7, x, y, s, &fault)) return p;
    }
    if (crossing_find(&c, &f[0], &f[1], &fault)) return p;
    double u = (c.x - .44) / c.x_error, v = (c.y - 1.6) / c.y_error;
    p.mean += u, xx += u * u, p.y_mean += v, yy += v * v;
  }
  p.mean /= replicas, p.y_mean /= replicas;
  p.sd = sqrt(xx / replicas - p.mean * p.mean), p.y_sd = sqrt(yy / replicas - p.y_mean * p.y_mean);
  return p;
}

/* A given degree that holds is without bias; an average over degrees leans to those of little weight a little. */
static void test_pulls(void) {
  static const struct { int shape, degree; } cases[] = {{1, 1}, {1, 0}, {2, 2}, {2, 0}, {3, 3}, {3, 0}};
  enum { REPLICAS = 2000 };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pulls p = run_pulls(cases[i].shape, cases[i].degree, REPLICAS);
    CHECK_REPORT(p.sd > .9 && p.sd < 1.1 && p.y_sd > .9 && p.y_sd < 1.1, "shape %d, degree %d: sd %g, %g",
                 cases[i].shape, cases[i].degree, p.sd, p.y_sd);
    double most = cases[i].degree ? 5 / sqrt(REPLICAS) : .25;
    CHECK_REPORT(fabs(p.mean) < most && fabs(p.y_mean) < most, "shape %d, degree %d: means %g, %g", cases[i].shape,
                 cases[i].degree, p.mean, p.y_mean);
  }
}

static void says(const char *piece, int code, int expected) {
  CHECK_REPORT(code == expected && strstr(fault.text, piece), "code %d, \"%.300s\" lacks \"%s\"", code, fault.text,
               piece);
  fault = (err){0};
}

static void test_faults(void) {
  const double x[4] = {0, 1, 2, 3}, up[4] = {0, 1, 2, 3}, down[4] = {3.1, 2, 1, 0}, above[4] = {1, 2, 3, 4};
  const double s[4] = {1, 1, 1, 1}, zero[4] = {1, 0, 1, 1}, none[4] = {NAN, 1, 1, 1}, twice[4] = {0, 1, 1, 2};
  const double bowl[4] = {2, 0, 2, 8}, flat[4] = {1, 1, 1, 1}, later[4] = {5, 6, 7, 8}, window[2] = {.5, 2.5};
  crossing_fit f, g;
  crossing c;
  says("2 of 4 points in the window", crossing_fit_curve(&f, 0, window, 4, x, up, s, &fault), ERR_RUN);
  says("degree 4 needs 5", crossing_fit_curve(&f, 4, NULL, 4, x, up, s, &fault), ERR_RUN);
  says("degree 5: 1 to 4", crossing_fit_curve(&f, 5, NULL, 4, x, up, s, &fault), ERR_RUN);
  says("a fit needs values with errors", crossing_fit_curve(&f, 1, NULL, 4, x, up, zero, &fault), ERR_RUN);
  says("a fit needs values with errors", crossing_fit_curve(&f, 1, NULL, 4, x, up, none, &fault), ERR_RUN);
  says("x = 1 comes twice", crossing_fit_curve(&f, 1, NULL, 4, twice, up, s, &fault), ERR_RUN);
  crossing_fit_curve(&f, 1, NULL, 4, x, up, s, &fault);
  crossing_fit_curve(&g, 1, NULL, 4, x, above, s, &fault);
  says("no crossing between 0 and 3", crossing_find(&c, &f, &g, &fault), ERR_RUN);
  crossing_fit_curve(&g, 1, NULL, 4, later, up, s, &fault);
  says("share no range: 0 to 3 and 5 to 8", crossing_find(&c, &f, &g, &fault), ERR_RUN);
  crossing_fit_curve(&f, 2, NULL, 4, x, bowl, s, &fault);
  crossing_fit_curve(&g, 1, NULL, 4, x, flat, s, &fault);
  says("2 crossings between 0 and 3, the first at 0.2", crossing_find(&c, &f, &g, &fault), ERR_RUN);
  crossing_fit_curve(&f, 1, NULL, 4, x, up, s, &fault);
  crossing_fit_curve(&g, 1, NULL, 4, x, down, s, &fault);
  CHECK_INT(crossing_find(&c, &f, &g, &fault), 0);
  CHECK(c.apart < 4 && c.reason && strstr(c.reason, "slopes"));
}

/* ---- the command ---- */

static char folder[64] = "/tmp/spinet_crossing_XXXXXX";

typedef struct toy_config {
  double beta;
  const double *list;
  long L;
} toy_config;
static const deck_key model_keys[] = {
    {"beta", DECK_REAL, offsetof(toy_config, beta), "0.4", 0, 9, NULL, "1/J", "coupling", false},
    {"L", DECK_INT, offsetof(toy_config, L), "4", 1, 99, NULL, "", "side", false},
    {0}};
static const deck_section schema[] = {{.name = "model", .help = "model", .keys = model_keys}, {0}};
static const app toy = {"toy", "a toy", schema, NULL, NULL};
static const app *const apps[] = {&toy, NULL};

static const double betas[4] = {.41, .43, .45, .47};
static double ratio(int L, double beta) {
  return 1.6 - L * (beta - .44);
}

/* n values: one, or an array over beta with the deck's text of beta. */
static void make(const char *name, int L, const char *beta, size_t n, const double *at, double error) {
  char path[300], text[400];
  double value[4], errors[4];
  h5 *f;
  err e = {0};
  int rank = n > 1;
  for (size_t i = 0; i < n; i++) value[i] = ratio(L, at[i]), errors[i] = error;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  CHECK_INT(file_folder(path, NULL, &e), 0);
  snprintf(path, sizeof path, "%s/%s/run.h5", folder, name);
  snprintf(text, sizeof text, "app: toy\nmodel:\n  beta: %s\n  L: %d\nrun:\n  seed: 1\n", beta, L);
  CHECK_INT(h5_create(&f, path, &e), 0);
  h5_attr_text(f, "/run", "format", "spinet run 1", &e), h5_attr_text(f, "/run", "status", "done", &e);
  h5_attr_text(f, "/run", "app", "toy", &e), h5_attr_text(f, "/run", "used_deck", text, &e);
  h5_attr_text(f, "/run", "precision", "double", &e), h5_attr_text(f, "/run", "reason", "", &e);
  h5_attr_text(f, "/results", "order", "binder\n", &e);
  h5_write(f, "/results/binder/value", H5_F64, rank, &n, value, "1", "a ratio", &e);
  if (error > 0) h5_write(f, "/results/binder/error", H5_F64, rank, &n, errors, "1", "its error", &e);
  if (rank) h5_write(f, "/results/binder/axis_beta", H5_F64, 1, &n, at, "1/J", "coupling", &e);
  h5_attr_text(f, "/results/binder", "unit", "1", &e), h5_attr_text(f, "/results/binder", "description", "ratio", &e);
  if (rank) h5_attr_text(f, "/results/binder", "axes", "beta", &e);
  CHECK_REPORT(!h5_commit(f, &e), "%.300s", e.text);
}

static void make_all(void) {
  char name[40], beta[20];
  for (int L = 8; L <= 32; L *= 2)
    for (int i = 0; i < 4; i++) {
      snprintf(name, sizeof name, "sweep-%d/point-00%d-0000000%d", L, i, i),
          snprintf(beta, sizeof beta, "%g", betas[i]);
      make(name, L, beta, 1, &betas[i], .01);
    }
  make("list-8", 8, "[0.41, 0.43, 0.45, 0.47]", 4, betas, .01);
  make("list-16", 16, "[0.41, 0.43, 0.45, 0.47]", 4, betas, .01);
  make("scan-16", 16, "0.44", 4, betas, .01);
  make("bare-8", 8, "[0.41, 0.43, 0.45, 0.47]", 4, betas, 0);
}

/* What the command prints, or its message. */
static char *printed(const char *a, const char *b, const char *x, const char *y, crossing_request q, int code) {
  char *text = NULL, path[2][300];
  size_t size;
  err e = {0};
  snprintf(path[0], 300, "%s/%s", folder, a), snprintf(path[1], 300, "%s/%s", folder, b);
  const char *words[2] = {path[0], path[1]};
  collect_options o = {.run = words, .runs = 2, .x = x, .y = y, .apps = apps};
  FILE *f = open_memstream(&text, &size);
  crossing_runs(&o, &q, NULL, f, &e);
  CHECK_REPORT(e.code == code, "code %d: %.400s", e.code, e.text);
  fclose(f);
  if (!code) return text;
  free(text);
  return strdup(e.text);
}

static void refuses(const char *a, const char *b, const char *x, const char *y, crossing_request q, int code,
                    const char *piece) {
  char *text = printed(a, b, x, y, q, code);
  CHECK_REPORT(strstr(text, piece) != NULL, "\"%.400s\" lacks \"%s\"", text, piece);
  free(text);
}

/* Lines of slope -8 and -16 with errors .01 at four points 0.02 apart: x_c to .01/sqrt 2/8, the ratio to .01 sqrt(5)/2.
 * Averaged over degrees 1 and 2, w = 1/(1 + e) the weight of 2, where the parabola moves the value in the middle by
 * 5/16 of the outer points less the inner: .01 sqrt(2 (1/4 + 25/64 w^2))/8. */
static void test_command(void) {
  const crossing_request line = {.degree = 1}, mixed = {.degree = -1};
  const char *want =
      "curve  binder        points  from    to  degree  chi2/dof  probability\n"
      "----------------------------------------------------------------------\n"
      "1      model.L = 8        4  0.41  0.47       1    0.00/2            1\n"
      "2      model.L = 16       4  0.41  0.47       1    0.00/2            1\n"
      "\n"
      "curves    model.beta     binder  slopes apart  remark\n"
      "-----------------------------------------------------\n"
      "1 and 2  0.44000(88)  1.600(11)          25.3  \n";
  char *sweep = printed("sweep-8", "sweep-16", "model.beta", "binder", line, 0);
  CHECK_TEXT(sweep, want);
  char *lists = printed("list-8", "list-16", "model.beta", "binder", line, 0);
  CHECK_TEXT(lists, want);
  char *both = printed("sweep-8", "list-16", "model.beta", "binder", mixed, 0);
  CHECK_REPORT(strstr(both, " 1 (73 %) ") && strstr(both, "0.44000(93)"), "%.500s", both);
  free(sweep), free(lists), free(both);
}

static void test_refusals(void) {
  const crossing_request chosen = {.degree = -1}, narrow = {.degree = -1, .window = "0.42,0.46"};
  const char *x = "model.beta", *y = "binder";
  refuses("sweep-8", "sweep-16", x, "bindr", chosen, ERR_DECK,
          "--y bindr: no run has such a result (did you mean binder");
  refuses("sweep-8", "sweep-16", "model.bet", y, chosen, ERR_DECK, "did you mean model.beta?");
  refuses("sweep-8", "sweep-16", NULL, y, chosen, ERR_DECK, "which deck key is x?");
  refuses("sweep-8", "sweep-16", x, NULL, chosen, ERR_DECK, "which results?");
  refuses("sweep-8", "absent", x, y, chosen, ERR_FILE, "absent: no such run");
  refuses("sweep-8", "sweep-8", x, y, chosen, ERR_DECK, "one curve of binder over model.beta");
  refuses("sweep-8", "sweep-16", x, y, narrow, ERR_RUN, "binder, model.L = 8: 2 of 4 points in the window");
  refuses("sweep-8", "sweep-16", x, y, (crossing_request){.degree = 5}, ERR_DECK, "--degree 5: 1 to 4");
  refuses("sweep-8", "sweep-16", x, y, (crossing_request){.degree = 1, .window = "1,"}, ERR_DECK, "needs two numbers");
  refuses("sweep-8", "sweep-16", x, y, (crossing_request){.degree = 1, .window = ".444,.48"}, ERR_RUN,
          "no crossing between 0.45 and 0.47: the difference goes from 0.08 to 0.24");
  refuses("list-8", "scan-16", x, y, chosen, ERR_DECK, "its values come from one ensemble");
  refuses("list-8", "list-16", "model.L", y, chosen, ERR_DECK, "its numbers are no points over model.L");
  refuses("bare-8", "list-16", x, y, chosen, ERR_RUN, "a fit needs values with errors");
}

int main(void) {
  char command[100];
  test_lines();
  test_parabolas();
  test_degree();
  test_pulls();
  CHECK_TEXT(fault.text, "");
  test_faults();
  CHECK_TEXT(fault.text, "");
  if (!mkdtemp(folder)) return 1;
  make_all();
  test_command();
  test_refusals();
  snprintf(command, sizeof command, "rm -rf %s", folder);
  CHECK(!system(command));
  return check_done();
}

/* test_plot.c: pictures are drawn in all three formats, strange texts and values do no harm, and without gnuplot the
 * script is left. With an argument the pictures go there and stay, to be looked at. */
#include <unistd.h>

#include "base/file.h"
#include "base/plot.h"
#include "base/rng.h"
#include "check.h"

enum { N = 21 };

static plot *figure(void) {
  double beta[N], line_x[200], line_y[200], f[N], error[N], spins[16 * 16], bins[40], count[40], step[300], kl[300];
  rng r = rng_stream(3, "figure");
  for (int i = 0; i < 200; i++) line_x[i] = .2 + i * .4 / 199, line_y[i] = tanh(8 * (line_x[i] - .35));
  for (int i = 0; i < N; i++) {
    beta[i] = .2 + .02 * i, error[i] = .03 + .05 * rng_uniform(r, (uint64_t)i, 1, 0);
    f[i] = tanh(8 * (beta[i] - .35)) + error[i] * rng_normal(r, (uint64_t)i, 0, 0);
  }
  f[3] = NAN;
  for (int i = 0; i < 256; i++) spins[i] = rng_uniform(r, (uint64_t)i, 2, 0) < .5 ? -1 : 1;
  for (int i = 0; i < 40; i++) bins[i] = -4 + .2 * i, count[i] = 1000 * exp(-bins[i] * bins[i] / 2);
  for (int i = 0; i < 300; i++)
    step[i] = 1 + 10 * i, kl[i] = 20 / (1 + .1 * i) * (1 + .1 * rng_normal(r, (uint64_t)i, 3, 0));
  plot *p = plot_new("Ising 16 x 16: it's a test of 'quotes' and m_abs", 2);
  plot_panel(p, "magnetisation", "inverse temperature beta J", "|m| per site", 0, 0);
  plot_curve(p, "NIS", PLOT_POINTS, N, beta, f, error);
  plot_curve(p, "exact", PLOT_LINE, 200, line_x, line_y, NULL);
  plot_panel(p, "training", "step", "KL divergence", 1, 1);
  plot_curve(p, "KL(q|p)", PLOT_LINE, 300, step, kl, NULL);
  plot_panel(p, "log weights", "ln w - <ln w>", "samples", 0, 0);
  plot_curve(p, "draws", PLOT_STEPS, 40, bins, count, NULL);
  plot_panel(p, "a drawn configuration", "", "", 0, 0);
  plot_image(p, NULL, 16, 16, spins);
  return p;
}

static void test_formats(const char *folder) {
  static const struct {
    const char *name, *magic;
  } kinds[] = {{"a.png", "\x89PNG"}, {"a.svg", "<?xml"}, {"a.pdf", "%PDF"}};
  for (int k = 0; k < 3; k++) {
    char path[300], *text = NULL;
    size_t n = 0;
    err e = {0};
    snprintf(path, sizeof path, "%s/%s", folder, kinds[k].name);
    CHECK_REPORT(!plot_write(figure(), path, &e), "%.300s", e.text);
    if (e.text[0]) exit(77); /* no gnuplot here */
    CHECK(!file_read(path, &text, &n, ERR_FILE, &e) && n > 1000 && !memcmp(text, kinds[k].magic, 4));
    free(text);
  }
}

static void test_refusals(const char *folder) {
  err e = {0};
  char path[300];
  snprintf(path, sizeof path, "%s/a.gif", folder);
  CHECK_INT(plot_write(figure(), path, &e), ERR_FILE);
  memset(&e, 0, sizeof e);
  CHECK_INT(plot_write(figure(), "/proc/no/such/a.png", &e), ERR_FILE);
  CHECK(strstr(e.text, "No such file") != NULL);
  memset(&e, 0, sizeof e);
  CHECK_INT(plot_write(NULL, "a.png", &e), ERR_RUN);
  double nan = NAN, x = 1;
  plot *p = plot_new(NULL, 3);
  plot_panel(p, "nothing to see", "x", "y", 0, 0);
  plot_curve(p, "void", PLOT_POINTS, 1, &x, &nan, NULL);
  plot_panel(p, "nor here", "x", "y", 1, 0);
  snprintf(path, sizeof path, "%s/b.png", folder);
  memset(&e, 0, sizeof e);
  CHECK_REPORT(!plot_write(p, path, &e), "%.300s", e.text);
}

static void test_missing(const char *folder) {
  err e = {0};
  char path[300];
  snprintf(path, sizeof path, "%s/c.png", folder);
  setenv("PATH", "/nowhere", 1);
  CHECK(!plot_write(figure(), path, &e));
  CHECK(strstr(e.text, "gnuplot cannot be started") && strstr(e.text, "c.gp"));
  CHECK(!file_exists(path));
  snprintf(path, sizeof path, "%s/c.gp", folder);
  CHECK(file_exists(path));
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  char folder[64] = "/tmp/spinet_plot_XXXXXX", command[100];
  const char *keep = argc > 1 ? argv[1] : NULL;
  CHECK(keep || mkdtemp(folder));
  test_formats(keep ? keep : folder);
  test_refusals(keep ? keep : folder);
  snprintf(command, sizeof command, "/bin/rm -r %s", folder);
  test_missing(keep ? keep : folder);
  if (!keep) CHECK(!system(command));
  return check_done();
}

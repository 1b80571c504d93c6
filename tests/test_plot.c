/* test_plot.c: pictures are drawn in all three formats, strange texts and values do no harm, where gnuplot is missing
 * or fails the script is left, and signals that are meant for the run leave gnuplot alone. With an argument the
 * pictures go there and stay, to be looked at. */
#include <signal.h>
#include <sys/wait.h>
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
  plot_curve(p, "its sign", PLOT_TINTED, 200, line_x, line_y, line_y);
  plot_panel(p, "training", "step", "KL divergence", 1, 1);
  plot_curve(p, "KL(q|p)", PLOT_LINE, 300, step, kl, NULL);
  plot_panel(p, "log weights", "ln w - <ln w>", "samples", 0, 0);
  plot_curve(p, "draws", PLOT_STEPS, 40, bins, count, NULL);
  plot_panel(p, "a drawn configuration", "", "", 0, 0);
  plot_image(p, NULL, 16, 16, spins);
  plot_panel(p, "a map, one value missing", "", "", 0, 0);
  spins[17] = NAN, spins[40] = .5;
  plot_map(p, "relative change", 16, 16, spins, -1, 1);
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

/* gnuplot labels decades only; a key of many rows makes the picture higher. */
static void test_axes(const char *folder) {
  static const struct {
    double high;
    const char *tics;
  } cases[] = {{.3, "set ytics (0.001,0.002,0.005,0.01,0.02,0.05,0.1"}, {.05, ",0.03,0.04,"}, {.025, NULL}, {9, NULL}};
  double x[2] = {1, 2}, y[2] = {.0201, 0};
  char path[300], label[40];
  for (int i = 0; i < 4; i++) {
    char *text = NULL;
    size_t n;
    err e = {0};
    plot *p = plot_new(NULL, 1);
    plot_panel(p, "a panel", "x", "y", 0, 1);
    y[1] = cases[i].high;
    for (int k = 0; k < 9; k++) {
      snprintf(label, sizeof label, "a rather long label of curve %d", k);
      plot_curve(p, label, PLOT_LINE, 2, x, y, NULL);
    }
    snprintf(path, sizeof path, "%s/f.svg", folder);
    CHECK_REPORT(!plot_write(p, path, &e), "%.300s", e.text);
    snprintf(path, sizeof path, "%s/f.gp", folder);
    CHECK(!file_read(path, &text, &n, ERR_FILE, &e));
    CHECK(text && (cases[i].tics ? strstr(text, cases[i].tics) != NULL : !strstr(text, "set ytics")));
    CHECK(text && !strstr(text, "set logscale y") == (cases[i].high == .025));
    CHECK(text && strstr(text, "size 460,500"));
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

/* This program under the name FOLDER/bin/gnuplot, ahead of all others on the PATH: see pretend. */
static void stand_in(const char *folder, const char *what) {
  char path[300], search[4000], self[1000] = "";
  err e = {0};
  snprintf(path, sizeof path, "%s/bin", folder);
  CHECK(!file_folder(path, NULL, &e));
  snprintf(search, sizeof search, "%s:%.3000s", path, getenv("PATH"));
  snprintf(path, sizeof path, "%s/bin/gnuplot", folder);
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  unlink(path);
  CHECK(!symlink(self, path));
  setenv("PATH", search, 1), setenv("PRETEND", what, 1);
}

/* What this program does if it is called gnuplot. It fails with half a picture; or it says its number, waits until
 * signals have been sent, and draws. */
static int pretend(const char *what) {
  err e = {0};
  char number[20];
  if (!strcmp(what, "fail")) {
    fputs("line 7: out of paint\n", stderr);
    return file_write("d.png", "half", 4, false, &e), 1;
  }
  snprintf(number, sizeof number, "%d", (int)getpid());
  file_write("number", number, strlen(number), false, &e);
  for (int i = 0; i < 500 && !file_exists("sent"); i++) usleep(10000);
  return file_write("e.png", "picture", 7, false, &e);
}

static void test_failing(const char *folder) {
  err e = {0};
  char path[300];
  snprintf(path, sizeof path, "%s/d.png", folder);
  stand_in(folder, "fail");
  CHECK_INT(plot_write(figure(), path, &e), 0);
  CHECK_REPORT(strstr(e.text, "line 7: out of paint; the script") && strstr(e.text, "d.gp"), "%.300s", e.text);
  CHECK(!file_exists(path));
}

static void take_note(int number) {
  (void)number;
}

/* SIGUSR1 and SIGTERM are meant for the run; mpirun sends them to its process group, Slurm to every process. */
static void test_signals(const char *folder) {
  char path[300], said[300], *text = NULL;
  size_t n;
  int status, drawer = 0;
  err e = {0};
  snprintf(path, sizeof path, "%s/e.png", folder), snprintf(said, sizeof said, "%s/number", folder);
  stand_in(folder, "draw");
  pid_t child = fork();
  if (!child) { /* the run: it takes note of the signals and goes on */
    setpgid(0, 0), signal(SIGUSR1, take_note), signal(SIGTERM, take_note);
    _exit(plot_write(figure(), path, &e) || e.text[0]);
  }
  for (int i = 0; i < 500 && !file_exists(said); i++) usleep(10000);
  CHECK_REPORT(!file_read(said, &text, &n, ERR_FILE, &e), "%.300s", e.text);
  if (text) drawer = atoi(text);
  CHECK(drawer > 1 && !kill(-child, SIGUSR1) && !kill(-child, SIGTERM));
  CHECK(drawer > 1 && !kill(drawer, SIGUSR1) && !kill(drawer, SIGTERM));
  snprintf(said, sizeof said, "%s/sent", folder);
  CHECK(!file_write(said, "", 0, false, &e));
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_REPORT(WIFEXITED(status) && !WEXITSTATUS(status), "drawing ended with status %#x", (unsigned)status);
  CHECK(file_exists(path));
  free(text);
}

int main(int argc, char **argv) {
  const char *slash = strrchr(argv[0], '/');
  if (!strcmp(slash ? slash + 1 : argv[0], "gnuplot")) return pretend(getenv("PRETEND"));
  MPI_Init(&argc, &argv);
  char folder[64] = "/tmp/spinet_plot_XXXXXX", command[100], path[4000];
  const char *keep = argc > 1 ? argv[1] : NULL;
  CHECK(keep || mkdtemp(folder));
  snprintf(path, sizeof path, "%s", getenv("PATH"));
  test_failing(keep ? keep : folder);
  test_signals(keep ? keep : folder);
  setenv("PATH", path, 1);
  test_formats(keep ? keep : folder);
  test_axes(keep ? keep : folder);
  test_refusals(keep ? keep : folder);
  snprintf(command, sizeof command, "/bin/rm -r %s", folder);
  test_missing(keep ? keep : folder);
  if (!keep) CHECK(!system(command));
  return check_done();
}

/* plot.c: plot_new, plot_panel, plot_curve, plot_image, plot_map, plot_write, plot_drop: one gnuplot script with its
 * data inside. Colours: M. Okabe, K. Ito, "Color universal design" (2008). */
#include "base/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

extern char **environ;

/* Widths and heights are of one panel, in gnuplot's points; it has room for KEY_ROWS rows of its key, LETTER is the
 * mean width of a letter there, SAMPLE that of the piece of curve before it. */
enum { WIDTH = 460, HEIGHT = 360, TITLE = 44, KEY_ROW = 20, KEY_ROWS = 2, LETTER = 7, SAMPLE = 50 };
enum { COLOURS = 7, CURVES = 32 };
static const char *const colours[COLOURS] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                             "#E69F00", "#56B4E9", "#000000"};
static const int symbols[COLOURS] = {7, 5, 9, 11, 13, 6, 4};

typedef struct curve {
  plot_style style;
  char *label, *data;     /* label may be NULL; data: gnuplot lines */
  bool error, negative;   /* negative: some y is */
  double low[2], high[2]; /* of the positive x and y: what a logarithmic axis shows; [0]: ends of a colour bar */
  size_t points;
} curve;

typedef struct panel {
  char *title, *xlabel, *ylabel;
  int logx, logy, n;
  curve curve[CURVES];
} panel;

struct plot {
  char *title;
  int columns, panels;
  panel *panel;
  bool broken; /* out of memory, or more than CURVES in one panel */
};

void plot_with_unit(char s[PLOT_LABEL], const char *name, const char *unit) {
  bool pure = !unit || !*unit || !strcmp(unit, "1");
  snprintf(s, PLOT_LABEL, pure ? "%.100s" : "%.100s [%.100s]", name, unit);
}

plot *plot_new(const char *title, int columns) {
  plot *p = calloc(1, sizeof *p);
  if (p) p->title = strdup(title ? title : ""), p->columns = columns < 1 ? 1 : columns;
  return p;
}

static void plot_free(plot *p) {
  for (int i = 0; i < p->panels; i++) {
    panel *a = &p->panel[i];
    for (int k = 0; k < a->n; k++) free(a->curve[k].label), free(a->curve[k].data);
    free(a->title), free(a->xlabel), free(a->ylabel);
  }
  free(p->panel), free(p->title);
  free(p);
}

void plot_drop(plot *p) {
  if (p) plot_free(p);
}

void plot_panel(plot *p, const char *title, const char *xlabel, const char *ylabel, int logx, int logy) {
  panel *more = p ? realloc(p->panel, (size_t)(p->panels + 1) * sizeof *more) : NULL;
  if (!more) {
    if (p) p->broken = true;
    return;
  }
  p->panel = more;
  panel *a = &more[p->panels++];
  memset(a, 0, sizeof *a);
  a->title = strdup(title ? title : ""), a->xlabel = strdup(xlabel ? xlabel : ""),
  a->ylabel = strdup(ylabel ? ylabel : "");
  a->logx = logx, a->logy = logy;
}

static curve *new_curve(plot *p, const char *label, plot_style style) {
  panel *a = p && p->panels ? &p->panel[p->panels - 1] : NULL;
  if (!a || a->n == CURVES) {
    if (p) p->broken = true;
    return NULL;
  }
  curve *c = &a->curve[a->n++];
  *c = (curve){.style = style, .label = label ? strdup(label) : NULL};
  c->low[0] = c->low[1] = INFINITY;
  return c;
}

static void widen(curve *c, int axis, double v) {
  if (v <= 0) return;
  if (v < c->low[axis]) c->low[axis] = v;
  if (v > c->high[axis]) c->high[axis] = v;
}

void plot_curve(plot *p, const char *label, plot_style s, size_t n, const double *x, const double *y,
                const double *error) {
  size_t bytes;
  curve *c = new_curve(p, label, s);
  FILE *f = c ? open_memstream(&c->data, &bytes) : NULL;
  if (!f) return;
  c->error = error != NULL;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i]) || !isfinite(y[i])) continue;
    fprintf(f, "%.10g %.10g %.4g\n", x[i], y[i], error && isfinite(error[i]) ? error[i] : 0.);
    c->points++, c->negative |= y[i] < 0;
    widen(c, 0, x[i]), widen(c, 1, y[i]);
  }
  fclose(f);
}

static curve *image(plot *p, const char *label, plot_style style, size_t rows, size_t cols, const double *z) {
  size_t bytes;
  curve *c = new_curve(p, label, style);
  FILE *f = c ? open_memstream(&c->data, &bytes) : NULL;
  if (!f) return NULL;
  for (size_t i = 0; i < rows * cols; i++) {
    if (isfinite(z[i]))
      fprintf(f, "%.5g", z[i]);
    else
      fputs("NaN", f);
    fputc((i + 1) % cols ? ' ' : '\n', f);
  }
  c->points = rows * cols;
  fclose(f);
  return c;
}

void plot_image(plot *p, const char *label, size_t rows, size_t cols, const double *z) {
  image(p, label, PLOT_IMAGE, rows, cols, z);
}

void plot_map(plot *p, const char *unit, size_t rows, size_t cols, const double *z, double low, double high) {
  curve *c = image(p, unit, PLOT_MAP, rows, cols, z);
  if (c) c->low[0] = low, c->high[0] = high > low ? high : low + 1;
}

/* A text in single quotes; line breaks would end the command. */
static void quote(FILE *f, const char *s) {
  fputc('\'', f);
  for (; s && *s; s++) {
    if (*s == '\'') fputc('\'', f);
    fputc(*s == '\n' ? ' ' : *s, f);
  }
  fputc('\'', f);
}

static void named(FILE *f, const char *command, const char *text, const char *rest) {
  fputs(command, f);
  quote(f, text);
  fprintf(f, "%s\n", rest);
}

static void put_data(const plot *p, FILE *f) {
  for (int i = 0; i < p->panels; i++)
    for (int k = 0; k < p->panel[i].n; k++)
      fprintf(f, "$p%dc%d << EOD\n%sEOD\n", i, k, p->panel[i].curve[k].data ? p->panel[i].curve[k].data : "");
}

static bool pixels(const curve *c) {
  return c->style == PLOT_IMAGE || c->style == PLOT_MAP;
}

/* Rows that the key of a panel takes above it. */
static int key_rows(const panel *a) {
  int n = 0;
  size_t longest = 1;
  for (int k = 0; k < a->n; k++) {
    if (!a->curve[k].label || !a->curve[k].points || pixels(&a->curve[k])) continue;
    n++;
    if (strlen(a->curve[k].label) > longest) longest = strlen(a->curve[k].label);
  }
  int columns = WIDTH / (SAMPLE + LETTER * (int)(longest < WIDTH ? longest : WIDTH));
  return columns > 1 ? (n + columns - 1) / columns : n;
}

static int panel_height(const plot *p) {
  int most = KEY_ROWS;
  for (int i = 0; i < p->panels; i++)
    if (key_rows(&p->panel[i]) > most) most = key_rows(&p->panel[i]);
  return HEIGHT + (most - KEY_ROWS) * KEY_ROW;
}

static void put_terminal(const plot *p, const char *path, FILE *f) {
  int columns = p->panels < p->columns ? p->panels : p->columns, rows = (p->panels + p->columns - 1) / p->columns;
  int width = columns * WIDTH, height = rows * panel_height(p) + (p->title[0] ? TITLE : 0);
  const char *dot = strrchr(path, '.');
  if (!strcmp(dot, ".png")) /* twice as many pixels as points */
    fprintf(f, "set terminal pngcairo size %d,%d font 'DejaVu Sans,20' linewidth 2\n", 2 * width, 2 * height);
  else if (!strcmp(dot, ".svg"))
    fprintf(f, "set terminal svg size %d,%d font 'DejaVu Sans,11' background 'white'\n", width, height);
  else
    fprintf(f, "set terminal pdfcairo size %.3gin,%.3gin font 'DejaVu Sans,11'\n", width / 72., height / 72.);
  named(f, "set output ", strrchr(path, '/') ? strrchr(path, '/') + 1 : path, "");
  fprintf(f, "set multiplot layout %d,%d", rows, columns);
  if (p->title[0])
    named(f, " title ", p->title, !strcmp(dot, ".png") ? " font ',25' noenhanced" : " font ',14' noenhanced");
  fputs("\n", f);
}

static void put_style(FILE *f) {
  fputs(
      "set encoding utf8\n"
      "set border 3 linewidth .8 linecolor rgb '#404040'\n"
      "set tics nomirror out scale .6 textcolor rgb '#202020'\n"
      "set grid linecolor rgb '#d8d8d8' linewidth .5 linetype 1\n"
      "set key outside top center horizontal Left reverse samplen 2 spacing 1.3 noenhanced\n"
      "set bars .6\n"
      "set autoscale noextend\n"
      "set offsets graph .03, graph .03, graph .05, graph .05\n"
      "set palette gray\n",
      f);
}

static void put_image_axes(const curve *c, FILE *f) {
  fputs(
      "set size ratio -1\nset offsets 0,0,0,0\nset border 15\nunset tics\nunset grid\nunset colorbox\nunset key\n"
      "set yrange [*:*] noextend reverse\n",
      f);
  if (c->style == PLOT_IMAGE && c->label) named(f, "set label 1 ", c->label, " at graph 0,1.03 left noenhanced");
  if (c->style != PLOT_MAP) return;
  fprintf(f, "set colorbox\nset cbtics scale .4\nset cbrange [%.6g:%.6g]\n", c->low[0], c->high[0]);
  named(f, "set cblabel ", c->label, " noenhanced");
  fputs(c->low[0] < 0 ? "set palette defined (0 '#0072B2', 1 '#ffffff', 2 '#D55E00')\n"
                      : "set palette defined (0 '#440154', 1 '#3b528b', 2 '#21918c', 3 '#5ec962', 4 '#fde725')\n",
        f);
}

/* A panel of histograms starts at 0. */
static bool counts(const panel *a) {
  for (int k = 0; k < a->n; k++)
    if (a->curve[k].style != PLOT_STEPS || a->curve[k].negative) return false;
  return a->n > 0 && !a->logy;
}

/* gnuplot labels the decades only: where fewer than two are shown it is told what else. Less than a factor of 1.5 is
 * shown linearly. */
static void put_log_axis(const panel *a, int axis, FILE *f) {
  static const double few[] = {1, 2, 5, 0}, many[] = {1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 0};
  double low = INFINITY, high = 0;
  for (int k = 0; k < a->n; k++) low = fmin(low, a->curve[k].low[axis]), high = fmax(high, a->curve[k].high[axis]);
  char name = "xy"[axis];
  if (high < 1.5 * low) return;
  fprintf(f, "set logscale %c\nset format %c '%%h'\n", name, name);
  if (high > 100 * low) return;
  const char *comma = "";
  fprintf(f, "set %ctics (", name);
  for (double decade = pow(10, floor(log10(low)) - 1); decade < 10 * high; decade *= 10)
    for (const double *m = high < 5 * low ? many : few; *m; m++, comma = ",") fprintf(f, "%s%.6g", comma, *m * decade);
  fputs(")\n", f);
}

static void put_axes(const panel *a, FILE *f) {
  fputs("reset\n", f);
  put_style(f);
  bool key = false;
  for (int k = 0; k < a->n; k++) key |= a->curve[k].label && !pixels(&a->curve[k]);
  named(f, key ? "set key title " : "set title ", a->title, " noenhanced"); /* a key stands beneath the title */
  named(f, "set xlabel ", a->xlabel, " noenhanced");
  named(f, "set ylabel ", a->ylabel, " noenhanced");
  if (a->logx) put_log_axis(a, 0, f);
  if (a->logy) put_log_axis(a, 1, f);
  for (int k = 0; k < a->n; k++)
    if (a->curve[k].style == PLOT_TINTED) {
      fputs("set palette defined (-1 '#0072B2', -.5 '#56B4E9', 0 '#b8b8b8', .5 '#E69F00', 1 '#D55E00')\n", f);
      fputs("set cbrange [-1:1]\nunset colorbox\n", f);
      break;
    }
  if (counts(a)) fputs("set yrange [0:*]\nset offsets graph .03, graph .03, graph .05, 0\n", f);
  if (a->n && pixels(&a->curve[0])) put_image_axes(&a->curve[0], f);
}

/* Lines lie beneath the points: the first pass draws lines and steps, the second points. */
static bool beneath(plot_style s) {
  return s == PLOT_LINE || s == PLOT_STEPS || s == PLOT_GUIDE || s == PLOT_TINTED;
}

/* Where the colours begin again, dashes and symbols differ. */
static void put_curve(const panel *a, int i, int k, FILE *f) {
  const curve *c = &a->curve[k];
  const char *colour = colours[k % COLOURS];
  int dash = 1 + k / COLOURS, symbol = symbols[(k + k / COLOURS) % COLOURS];
  fprintf(f, "$p%dc%d ", i, k);
  if (pixels(c)) {
    fputs("matrix with image notitle", f);
    return;
  }
  if (c->style == PLOT_LINE && c->error)
    fprintf(f,
            "using 1:($2-$3):($2+$3) with filledcurves fillcolor rgb '%s' fillstyle transparent solid .2 noborder "
            "notitle, $p%dc%d ",
            colour, i, k);
  if (c->style == PLOT_LINE)
    fprintf(f, "using 1:2 with lines linewidth 1.6 dashtype %d linecolor rgb '%s' ", dash, colour);
  if (c->style == PLOT_TINTED) fputs("using 1:2:3 with lines linewidth 2 linecolor palette ", f);
  if (c->style == PLOT_GUIDE) fputs("using 1:2 with lines linewidth 1 linecolor rgb '#808080' ", f);
  if (c->style == PLOT_STEPS)
    fprintf(f, "using 1:2 with boxes fillcolor rgb '%s' fillstyle transparent solid .2 noborder notitle, $p%dc%d ",
            colour, i, k);
  if (c->style == PLOT_STEPS && c->error)
    fprintf(f, "using 1:2:3 with yerrorbars pointtype 0 linewidth 1 linecolor rgb '%s' notitle, $p%dc%d ", colour, i,
            k);
  if (c->style == PLOT_STEPS)
    fprintf(f, "using 1:2 with histeps linewidth 1.4 dashtype %d linecolor rgb '%s' ", dash, colour);
  if (c->style == PLOT_POINTS)
    fprintf(f, "using 1:2%s pointtype %d pointsize 1 linewidth 1.2 linecolor rgb '%s' ",
            c->error ? ":3 with yerrorbars" : " with points", symbol, colour);
  fputs(c->label ? "title " : "notitle", f);
  if (c->label) quote(f, c->label);
}

static void put_panel(const plot *p, int i, FILE *f) {
  const panel *a = &p->panel[i];
  int drawn = 0;
  put_axes(a, f);
  for (int pass = 0; pass < 2; pass++)
    for (int k = 0; k < a->n; k++) {
      if (beneath(a->curve[k].style) != !pass || !a->curve[k].points) continue;
      fputs(drawn++ ? ", \\\n  " : "plot ", f);
      put_curve(a, i, k, f);
    }
  fputs(drawn ? "\n" : "set multiplot next\n", f);
}

static char *script(const plot *p, const char *path, size_t *n) {
  char *text = NULL;
  FILE *f = open_memstream(&text, n);
  if (!f) return NULL;
  fputs("# gnuplot script written by spinet; run it with: gnuplot THIS_FILE\n", f);
  put_data(p, f);
  put_terminal(p, path, f);
  for (int i = 0; i < p->panels; i++) put_panel(p, i, f);
  fputs("unset multiplot\nunset output\n", f);
  fclose(f);
  return text;
}

/* The last line of what gnuplot said. */
static void complaint(const char *path, char *text, size_t n) {
  err e = {0};
  char *all;
  size_t bytes;
  snprintf(text, n, "no reason given");
  if (file_read(path, &all, &bytes, ERR_FILE, &e)) return;
  while (bytes && (all[bytes - 1] == '\n' || all[bytes - 1] == ' ')) all[--bytes] = 0;
  char *line = strrchr(all, '\n');
  if (bytes) snprintf(text, n, "%s", line ? line + 1 : all);
  free(all);
}

/* mpirun passes SIGUSR1 and SIGTERM, meant for the run, on to its whole process group, and Slurm to every process of a
 * job: gnuplot gets a group of its own and has them blocked. */
static int spawn(pid_t *child, const posix_spawn_file_actions_t *a, char *const *argv) {
  posix_spawnattr_t attr;
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1), sigaddset(&blocked, SIGUSR2), sigaddset(&blocked, SIGTERM);
  posix_spawnattr_init(&attr);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attr, 0);
  posix_spawnattr_setsigmask(&attr, &blocked);
  int bad = posix_spawnp(child, argv[0], a, &attr, argv, environ);
  posix_spawnattr_destroy(&attr);
  return bad;
}

/* Run gnuplot in the folder of `gp`. Returns its exit status, -1 if it cannot be started. */
static int run_gnuplot(const char *gp, const char *said) {
  posix_spawn_file_actions_t a;
  char folder[PATH_MAX];
  const char *slash = strrchr(gp, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - gp + 1) : 2, slash ? gp : "./");
  char *argv[] = {"gnuplot", (char *)(slash ? slash + 1 : gp), NULL};
  pid_t child;
  int status;
  posix_spawn_file_actions_init(&a);
  posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&a, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&a, 2, said, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_addchdir_np(&a, folder);
  int bad = spawn(&child, &a, argv);
  posix_spawn_file_actions_destroy(&a);
  if (bad) return -1;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? (WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status)) : 1;
}

/* What keeps gnuplot from drawing stands in e->text; half a picture does not stay. */
static void draw(const char *gp, const char *path, err *e) {
  char said[PATH_MAX + 8], why[400];
  snprintf(said, sizeof said, "%s.tmp", gp);
  int status = run_gnuplot(gp, said);
  if (status > 0) complaint(said, why, sizeof why);
  unlink(said);
  if (!status) return;
  unlink(path);
  if (status < 0) snprintf(why, sizeof why, "gnuplot cannot be started");
  snprintf(e->text, sizeof e->text, "no picture %s: %s; the script %s is ready", path, why, gp);
}

int plot_write(plot *p, const char *path, err *e) {
  char gp[PATH_MAX];
  size_t n = 0;
  const char *dot = path ? strrchr(path, '.') : NULL;
  if (!p || p->broken)
    err_set(e, ERR_RUN, "the picture %s is out of memory, or has more than %d curves in a panel", path, CURVES);
  else if (!dot || (strcmp(dot, ".png") && strcmp(dot, ".svg") && strcmp(dot, ".pdf")))
    err_set(e, ERR_FILE, "the picture %s must end in .png, .svg or .pdf", path);
  char *text = e->code ? NULL : script(p, path, &n);
  if (text) {
    snprintf(gp, sizeof gp, "%.*s.gp", (int)(dot - path), path);
    if (!file_write(gp, text, n, false, e)) draw(gp, path, e);
  }
  free(text);
  if (p) plot_free(p);
  return e->code;
}

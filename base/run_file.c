/* run_file.c: the output folder: run.h5, used.yaml, log.txt, status, pictures. Everything but the log appears by
 * rename, so that a reader never meets half a file. Rank 0 only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/plot.h"
#include "base/run_priv.h"
#include "base/sweep.h"
#include "base/version.h"

enum { MOST_RUNS = 100000 };

const char *run_path(run *r, const char *name) {
  char *p = r->path[r->turn = (r->turn + 1) % RUN_PATHS];
  snprintf(p, PATH_MAX, "%s/%s", r->out, name);
  return p;
}

/* ---- the folder ---- */

char *run_default_folder(const char *path) {
  char *s = NULL;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
  if (asprintf(&s, "runs/%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name) < 0) return NULL;
  return s;
}

/* A new folder NAME, NAME-2, ...: mkdir decides between jobs that start together. */
static int make_new_folder(run *r, err *e) {
  char *name = r->out;
  bool existed = false;
  if (file_folder(name, &existed, e)) return e->code;
  for (int k = 2; existed && k < MOST_RUNS; k++) {
    if (r->out != name) free(r->out);
    if (asprintf(&r->out, "%s-%d", name, k) < 0) {
      r->out = name;
      return err_set(e, ERR_RUN, "out of memory");
    }
    if (file_folder(r->out, &existed, e)) break;
  }
  if (r->out != name) free(name);
  return e->code;
}

/* What an earlier run left here: refused, or (--overwrite) its checkpoints removed, which must not be continued. */
static int clear_folder(run *r, err *e) {
  static const char *const left[] = {"run.h5", "checkpoint.h5", "checkpoint-prev.h5"};
  for (int k = 0; k < 3; k++) {
    const char *path = run_path(r, left[k]);
    if (r->o.overwrite && k)
      unlink(path);
    else if (!r->o.overwrite && file_exists(path))
      return err_set(
          e, ERR_FILE,
          "%s belongs to another run: choose another folder with -o, or give --restart to continue that run, "
          "or --overwrite",
          path);
  }
  return 0;
}

static int make_folder(run *r, err *e) {
  r->out = r->o.out ? strdup(r->o.out) : run_default_folder(r->o.deck_path);
  if (!r->out) return err_set(e, ERR_RUN, "out of memory");
  for (size_t n = strlen(r->out); n > 1 && r->out[n - 1] == '/';) r->out[--n] = 0;
  if (strlen(r->out) + 32 > PATH_MAX) return err_set(e, ERR_FILE, "the name of the output folder is too long");
  if (r->o.restart && run_saved_open(r, e)) return e->code;
  if (r->o.dry) return 0;
  if (!r->o.out && !r->o.overwrite && !r->o.restart) return make_new_folder(r, e);
  if (file_folder(r->out, NULL, e)) return e->code;
  return r->o.restart ? 0 : clear_folder(r, e);
}

/* ---- small files ---- */

/* The text that `print` writes. NULL if out of memory. */
static char *text_of(const run *r, size_t *n, void (*print)(const run *r, FILE *f)) {
  char *text = NULL;
  FILE *f = open_memstream(&text, n);
  if (!f) return NULL;
  print(r, f);
  fclose(f);
  return text;
}

static int write_text(run *r, const char *name, bool sync, void (*print)(const run *r, FILE *f), err *e) {
  size_t n = 0;
  char *text = text_of(r, &n, print);
  if (!text) return err_set(e, ERR_RUN, "out of memory");
  int code = file_write(run_path(r, name), text, n, sync, e);
  free(text);
  return code;
}

static void print_used(const run *r, FILE *f) {
  deck_echo(r->in.deck, r->in.app->name, f);
}

static void print_status(const run *r, FILE *f) {
  const run_logger *l = &r->log;
  char now[32];
  double t = run_clock(), speed = t > l->since && l->phase[0] ? (double)(l->done - l->first) / (t - l->since) : 0;
  run_date(now);
  fprintf(f, "state: %s\nupdated: %s\nelapsed_s: %.1f\n", r->state, now, t - l->start);
  if (r->restarts) fprintf(f, "restarts: %ld\nelapsed_before_s: %.1f\n", r->restarts, r->earlier);
  if (r->reason) fprintf(f, "reason: |\n  %.*s\n", (int)strcspn(r->reason, "\n"), r->reason);
  if (!l->phase[0]) return;
  fprintf(f, "phase: %s\ndone: %ld\ntotal: %ld\nprogress: %.4f\nrate_per_s: %.4g\n", l->phase, l->done, l->total,
          l->total > 0 ? (double)l->done / (double)l->total : 0, speed);
  if (speed > 0) fprintf(f, "time_left_s: %.0f\n", (double)(l->total - l->done) / speed);
}

int run_file_status(run *r, err *e) {
  return write_text(r, "status", false, print_status, e);
}

static int open_log(run *r, err *e) {
  const char *path = run_path(r, "log.txt");
  r->log.file = fopen(path, r->o.restart ? "a" : "w");
  if (!r->log.file) return err_set(e, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
  setvbuf(r->log.file, NULL, _IOLBF, BUFSIZ);
  return 0;
}

int run_file_open(run *r, err *e) {
  if (make_folder(r, e) || r->o.dry) return e->code;
  if (write_text(r, "used.yaml", true, print_used, e) || open_log(r, e) || run_file_status(r, e)) return e->code;
  unlink(run_path(r, "stop")); /* of an earlier part of the run */
  r->saved = r->inherited = r->o.restart && file_exists(run_path(r, "run.h5"));
  return r->saved ? 0 : run_file_write(r, e); /* last: a folder with a run.h5 is a run that began */
}

/* ---- run.h5 ---- */

static void print_overrides(const run *r, FILE *f) {
  for (int k = 0; k < r->o.noverrides; k++) fprintf(f, "%s\n", r->o.overrides[k]);
}

static int put_text_of(const run *r, h5 *f, const char *name, void (*print)(const run *r, FILE *f), err *e) {
  size_t n;
  char *text = text_of(r, &n, print);
  int code = h5_attr_text(f, "/run", name, text, e);
  free(text);
  return code;
}

static int put_provenance(const run *r, h5 *f, err *e) {
  char libraries[500];
  const struct {
    const char *name, *text;
  } texts[] = {{"format", "spinet run 1"},
               {"version", version_number()},
               {"revision", version_revision()},
               {"compiler", version_compiler()},
               {"build", version_build()},
               {"libraries", version_libraries(libraries, sizeof libraries)},
               {"precision", r->o.precision},
               {"command_line", r->o.command_line},
               {"app", r->in.app->name},
               {"title", r->config.title},
               {"deck_name", r->o.deck_path},
               {"deck", r->in.text},
               {"hosts", r->machine.hosts},
               {"cpu", r->machine.cpu},
               {"blas", r->machine.blas},
               {"status", r->state},
               {"reason", r->reason},
               {"point", r->o.point ? r->o.point->label : NULL},
               {"warm_start", r->o.point && r->o.point->from[0] ? r->o.point->from : NULL}};
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
    if (h5_attr_text(f, "/run", texts[k].name, texts[k].text, e)) return e->code;
  return put_text_of(r, f, "used_deck", print_used, e) || put_text_of(r, f, "overrides", print_overrides, e) ? e->code
                                                                                                             : 0;
}

static int put_numbers(const run *r, h5 *f, err *e) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  const struct {
    const char *name;
    long long v;
  } numbers[] = {{"seed", r->config.seed},
                 {"ranks", r->c.ranks},
                 {"threads", r->c.threads},
                 {"mixed_processors", r->machine.mixed},
                 {"peak_memory_bytes_rank0", 1024LL * u.ru_maxrss}};
  for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
    if (h5_attr_i64(f, "/run", numbers[k].name, numbers[k].v, e)) return e->code;
  return 0;
}

static int put_timing(const run *r, h5 *f, err *e) {
  const run_logger *l = &r->log;
  char now[32], path[80];
  double total = run_clock() - l->start;
  run_date(now);
  if (h5_write(f, "/timing/total", H5_F64, 0, NULL, &total, "s", "wall time from the start of the run", e) ||
      h5_attr_text(f, "/timing", "started", l->started, e) || h5_attr_text(f, "/timing", "written", now, e))
    return e->code;
  if (h5_write(f, "/timing/earlier", H5_F64, 0, NULL, &r->earlier, "s", "wall time of the parts before a restart", e) ||
      h5_attr_i64(f, "/timing", "restarts", r->restarts, e))
    return e->code;
  for (int k = 0; k < l->timers; k++) {
    const run_timer_part *t = &l->timer[k];
    double sum = t->sum + (t->since >= 0 ? run_clock() - t->since : 0);
    snprintf(path, sizeof path, "/timing/parts/%s", t->name);
    if (h5_write(f, path, H5_F64, 0, NULL, &sum, "s", "wall time of this part on rank 0", e)) return e->code;
  }
  return 0;
}

int run_file_write(run *r, err *e) {
  h5 *f;
  if (h5_create(&f, run_path(r, "run.h5"), e)) return e->code;
  if (put_provenance(r, f, e) || put_numbers(r, f, e) || put_timing(r, f, e) || run_store(r, f, e)) {
    h5_abandon(f);
    return e->code;
  }
  if (h5_commit(f, e)) return e->code;
  r->saved = true, r->inherited = false;
  return 0;
}

/* ---- pictures ---- */

void run_figure(run *r, plot *p, const char *name) {
  err e = {0};
  if (run_root(r)) plot_write(p, run_path(r, name), &e);
  if (!run_root(r)) plot_drop(p);
  if (e.text[0]) run_warn(r, "%s", e.text);
}

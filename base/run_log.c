/* run_log.c: run_log, run_warn, run_tick, run_stopping, run_timer. Rank 0 writes to the terminal (standard output) and
 * to log.txt; on a terminal the progress stands on one line that is written over. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/run_priv.h"
#include "base/version.h"

#define SHOW_EVERY .25 /* s, progress line on a terminal */
#define TELL_EVERY 2.  /* s, status file */

double run_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void run_date(char s[32]) {
  struct tm tm;
  time_t now = time(NULL);
  gmtime_r(&now, &tm);
  strftime(s, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Is standard output a terminal that somebody looks at? mpirun gives its children one whatever its own output is. */
static bool terminal(void) {
  char name[64], target[64] = "";
  if (!isatty(STDOUT_FILENO)) return false;
  if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMIX_RANK")) return true;
  snprintf(name, sizeof name, "/proc/%d/fd/1", (int)getppid());
  ssize_t n = readlink(name, target, sizeof target - 1);
  return n > 0 && (!strncmp(target, "/dev/pts/", 9) || !strncmp(target, "/dev/tty", 8));
}

void run_log_start(run *r) {
  r->log.start = run_clock();
  r->log.quiet = r->o.quiet;
  r->log.tty = terminal();
  run_date(r->log.started);
}

static void clear_line(run_logger *l) {
  if (l->open_line) fputs("\r\033[K", stdout);
  l->open_line = false;
}

void run_log_text(run *r, bool both, const char *text) {
  run_logger *l = &r->log;
  if (r->c.rank) return;
  if (both && !l->quiet) {
    clear_line(l);
    puts(text);
    fflush(stdout);
  }
  if (l->file) fprintf(l->file, "%s\n", text);
}

static void log_va(run *r, bool both, const char *head, const char *fmt, va_list ap) {
  char *text = NULL, *line = NULL;
  if (r->c.rank || vasprintf(&text, fmt, ap) < 0) return;
  if (asprintf(&line, "[%8.1f s] %s%s", run_clock() - r->log.start, head, text) >= 0) run_log_text(r, both, line);
  free(text), free(line);
}

void run_log(run *r, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  log_va(r, true, "", fmt, ap);
  va_end(ap);
}

void run_warn(run *r, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  log_va(r, true, "warning: ", fmt, ap);
  va_end(ap);
}

static void log_line(run *r, bool both, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void log_line(run *r, bool both, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  log_va(r, both, "", fmt, ap);
  va_end(ap);
}

void run_log_banner(run *r) {
  const run_machine *m = &r->machine;
  const char *precision = r->o.precision;
  run_log(r, "Spinet %s (%s)%s%s", version_number(), version_revision(), precision ? ", networks in precision " : "",
          precision ? precision : "");
  run_log(r, "deck %s: app %s, seed %ld", r->o.deck_path, r->in.app->name, r->config.seed);
  if (r->config.title) run_log(r, "%s", r->config.title);
  if (r->o.dry)
    run_log(r, "dry run: nothing is written");
  else
    run_log(r, "output folder %s", r->out);
  run_log(r, "%s x %d thread%s, %s", m->hosts, r->c.threads, r->c.threads > 1 ? "s" : "", m->cpu);
  run_log(r, "BLAS: %s", m->no_blas ? "none in this program" : m->blas);
  if (m->mixed) run_warn(r, "the hosts have different processors: bits may differ from those of another deal of ranks");
  const char *policy = getenv("OMP_WAIT_POLICY");
  if (r->c.threads > 1 && comm_oversubscribed(&r->c) && (!policy || strcasecmp(policy, "passive")))
    run_warn(
        r,
        "%d ranks x %d threads share %d cores: set OMP_WAIT_POLICY=passive, or fewer threads, or mpirun --bind-to none",
        r->c.local_ranks, r->c.threads, r->c.cores);
}

static char *duration(char s[32], double t) {
  if (t < 0 || t > 1e9)
    snprintf(s, 32, "?");
  else if (t < 120)
    snprintf(s, 32, "%.*f s", t < 10 ? 1 : 0, t);
  else if (t < 7200)
    snprintf(s, 32, "%.0f min", t / 60);
  else
    snprintf(s, 32, "%.1f h", t / 3600);
  return s;
}

static double rate(const run_logger *l, double now) {
  return now > l->since ? (double)(l->done - l->first) / (now - l->since) : 0;
}

/* CPU seconds of this process and all its threads, waiting included where it spins. */
static double cpu_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void progress_text(const run_logger *l, double now, const char *note, char *s, size_t n) {
  char left[80], cpu[32];
  double speed = rate(l, now), percent = l->total > 0 ? 100. * (double)l->done / (double)l->total : 0;
  duration(left, speed > 0 ? (double)(l->total - l->done) / speed : -1);
  bool over = l->done >= l->total;
  if (over) {
    size_t at = strlen(duration(left, now - l->since));
    snprintf(left + at, sizeof left - at, ", cpu %s", duration(cpu, cpu_clock() - l->cpu_since));
  }
  snprintf(s, n, "%s %ld/%ld (%.0f %%), %.3g/s, %s%s%s%s", l->phase, l->done, l->total, percent, speed, left,
           over ? "" : " left", note ? "; " : "", note ? note : "");
}

static void begin_phase(run_logger *l, const char *phase, long done, double now) {
  if (!strncmp(l->phase, phase, sizeof l->phase - 1) && done > l->done) return;
  snprintf(l->phase, sizeof l->phase, "%s", phase);
  l->first = done; /* the clock of the phase starts where its first unit ends */
  l->since = l->printed = l->shown = now;
  l->cpu_since = cpu_clock();
  l->spoken = false;
}

static void show_progress(run *r, double now, const char *note) {
  run_logger *l = &r->log;
  char text[512];
  bool over = l->done >= l->total;
  bool plain = now - l->printed >= r->config.log_every_s || (over && (l->spoken || now - l->since >= 1));
  if (!plain && (!l->tty || l->quiet || now - l->shown < SHOW_EVERY)) return; /* most ticks */
  progress_text(l, now, note, text, sizeof text);
  if (plain) {
    l->printed = now, l->spoken = true;
    log_line(r, !l->tty || over, "%s", text);
  } else {
    l->shown = now, l->open_line = true;
    printf("\r\033[K%.*s", 150, text);
    fflush(stdout);
  }
}

static void show_tick(run *r, const char *phase, long done, long total, const char *note) {
  run_logger *l = &r->log;
  double now = run_clock();
  begin_phase(l, phase, done, now);
  l->done = done, l->total = total;
  show_progress(r, now, note);
  if (now - l->told >= TELL_EVERY && r->saved) {
    err e = {0}; /* a status that cannot be written is no reason to stop: run.h5 will tell */
    l->told = now;
    run_file_status(r, &e);
  }
}

bool run_tick(run *r, const char *phase, long done, long total, const char *note) {
  if (run_root(r)) show_tick(r, phase, done, total, note);
  run_pace_tick(r, phase, done);
  return r->stop;
}

bool run_stopping(const run *r) {
  return r->stop;
}

void run_timer(run *r, const char *part, bool start) {
  run_logger *l = &r->log;
  int k = 0;
  while (k < l->timers && strcmp(l->timer[k].name, part)) k++;
  if (k == RUN_TIMERS) return;
  run_timer_part *t = &l->timer[k];
  if (k == l->timers) {
    l->timers++;
    *t = (run_timer_part){.since = -1};
    snprintf(t->name, sizeof t->name, "%s", part);
  }
  if (!start && t->since >= 0) t->sum += run_clock() - t->since;
  t->since = start ? run_clock() : -1;
}

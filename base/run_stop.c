/* run_stop.c: when to save and when to stop, agreed by all ranks at the same tick.
 *
 * Ticks may come 10^5 times a second, so that most of them only count down. Every 50 ms or so the ranks agree: each
 * brings the signals it got, rank 0 also clock, stop file and the number of ticks until the next agreement, taken from
 * the measured rate; one MPI_Allreduce of two numbers gives all ranks the same verdict and the same count.
 *
 * The run stops while there still is time:   now + 1.5 longest interval between agreements + 2 checkpoints + 1 s > end.
 * (AMReX, GROMACS -maxh and tmLQCD stop by prediction too; signals alone come too late or not at all.) */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run_priv.h"

#define AGREE_EVERY .05 /* s */
#define LOOK_EVERY .5   /* s, for the stop file */
#define MARGIN 1.       /* s, for closing the files */
enum { MOST_TICKS = 1000000 };

/* In rising order of precedence. */
enum { GO_ON, SAVE, STOP_TIME, STOP_FILE, STOP_TERM, STOP_USR1 };
static const char *const reason_text[] = {"",        "",       "the wall-time limit", "the file `stop` in its folder",
                                          "SIGTERM", "SIGUSR1"};

/* The only state outside a run: what signals have asked this process for. */
static volatile sig_atomic_t asked_term, asked_usr1;

static void on_signal(int number) {
  if (number == SIGUSR1) asked_usr1 = 1;
  if (number == SIGTERM) asked_term = 1;
}

/* Handlers that the host program has set stay; a file that grows too large becomes an error of write(2). */
static void install(int number, void (*handler)(int)) {
  struct sigaction was, now = {.sa_handler = handler, .sa_flags = SA_RESTART};
  if (!sigaction(number, NULL, &was) && was.sa_handler == SIG_DFL) sigaction(number, &now, NULL);
}

/* The end of this job on run_clock. */
static double find_end(run *r) {
  const char *slurm = getenv("SLURM_JOB_END_TIME");
  double left = slurm ? strtod(slurm, NULL) - (double)time(NULL) : 0;
  if (r->config.walltime_h > 0) return (r->o.begun > 0 ? r->o.begun : r->log.start) + 3600 * r->config.walltime_h;
  if (!slurm) return INFINITY;
  if (left > 0) return run_clock() + left;
  run_warn(r, "SLURM_JOB_END_TIME = %s is past: the wall-time limit is not known (run.walltime_h)", slurm);
  return INFINITY;
}

void run_pace_catch(void) {
  install(SIGUSR1, on_signal), install(SIGTERM, on_signal), install(SIGXFSZ, SIG_IGN);
}

void run_pace_start(run *r) {
  r->pace.saved = r->pace.since = run_clock();
  r->pace.end = run_root(r) ? find_end(r) : INFINITY;
  if (r->pace.end < INFINITY)
    run_log(r, "the run will stop with a checkpoint before %.4g h of wall time are over",
            (r->pace.end - r->log.start) / 3600);
}

void run_pace_end(const run *r) {
  if (r->why == reason_text[STOP_USR1]) asked_usr1 = 0;
  if (r->why == reason_text[STOP_TERM]) asked_term = 0;
}

double run_wall(const run *r) {
  return r->earlier + run_clock() - r->log.start;
}

/* ---- saving ---- */

static void save(run *r, bool stopping) {
  err e = {0};
  double start = run_clock();
  run_saved_write(r, &e);
  r->pace.saved = run_clock();
  r->pace.cost = fmax(r->pace.cost, r->pace.saved - start);
  if (!e.code) return;
  if (e.code == ERR_FILE && !stopping) {
    run_warn(r, "no checkpoint: %s; the run goes on, the checkpoint of before is intact", e.text);
    return;
  }
  r->trouble = e;
  r->stop = true;
}

void run_save(run *r) {
  if (!r->o.dry && r->items && !r->restoring && !r->stop) save(r, false);
}

/* A job that hardly does more than to save would be resubmitted for ever. */
static void warn_of_cost(run *r) {
  double time = r->pace.end - r->log.start, cost = r->pace.cost;
  if (4 * cost > .5 * time)
    run_warn(r, "a checkpoint takes %.1f s: that leaves little of the %.1f s of this job; give it more wall time", cost,
             time);
}

static void stop(run *r, int reason) {
  save(r, true);
  if (reason == STOP_TIME && run_root(r)) warn_of_cost(r);
  r->stop = true;
  r->why = reason_text[reason];
  if (reason == STOP_FILE && run_root(r)) unlink(run_path(r, "stop"));
  if (!r->trouble.code) run_log(r, "stopping because of %s; the checkpoint is written", r->why);
}

/* ---- agreeing ---- */

static int reason_of_signals(void) {
  return asked_usr1 ? STOP_USR1 : asked_term ? STOP_TERM : GO_ON;
}

static int reason_of_root(run *r, double now) {
  run_pace *p = &r->pace;
  if (now - p->looked >= LOOK_EVERY) {
    p->looked = now;
    if (file_exists(run_path(r, "stop"))) return STOP_FILE;
  }
  if (now + 1.5 * p->longest + 2 * p->cost + MARGIN > p->end) return STOP_TIME;
  double every = 60 * r->config.checkpoint_min;
  return every > 0 && now - p->saved >= every ? SAVE : GO_ON;
}

/* Ticks until the next agreement: as many as fit AGREE_EVERY at the rate of late, at most four times as many as now. */
static int next_count(const run_pace *p, double gap) {
  double fit = gap > 0 ? AGREE_EVERY * (double)p->ticks / gap : MOST_TICKS;
  return (int)fmax(1, fmin(fmin(fit, 4. * (double)p->ticks), MOST_TICKS));
}

static void agree(run *r, bool fresh) {
  run_pace *p = &r->pace;
  double now = run_clock(), gap = now - p->since;
  int mine[2] = {reason_of_signals(), 0}, all[2];
  p->longest = fresh ? 0 : fmax(p->longest, gap);
  if (run_root(r)) {
    int own = reason_of_root(r, now);
    if (own > mine[0]) mine[0] = own;
    mine[1] = fresh ? 1 : next_count(p, gap);
  }
  MPI_Allreduce(mine, all, 2, MPI_INT, MPI_MAX, r->c.mpi);
  if (r->restoring) {
    run_saved_check(r, &r->trouble);
    comm_vote(&r->c, &r->trouble);
    r->stop = true;
  }
  if (r->stop) return;
  if (all[0] == SAVE)
    save(r, false);
  else if (all[0] > SAVE)
    stop(r, all[0]);
  p->left = all[1], p->ticks = 0;
  p->since = run_clock();
}

/* Every rank counts the same ticks of the same phases. */
void run_pace_tick(run *r, const char *phase, long done) {
  run_pace *p = &r->pace;
  if (r->stop) return;
  bool fresh = strncmp(p->phase, phase, sizeof p->phase - 1) || done <= p->done;
  if (fresh) snprintf(p->phase, sizeof p->phase, "%s", phase);
  p->done = done, p->ticks++;
  if (fresh || --p->left <= 0) agree(r, fresh);
}

/* run.c: run_open, run_main, run_close, run_snapshot and what an app may ask a run. Every stage ends in a vote, so that
 * no rank goes on alone and every rank leaves with the same code. */
#include "base/run.h"

#include <gsl/gsl_errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run_priv.h"

#define PATIENCE 30. /* s that a failed rank waits for the others */

const app *run_app(const run *r) {
  return r->in.app;
}
const deck *run_deck(const run *r) {
  return r->in.deck;
}
const comm *run_comm(const run *r) {
  return &r->c;
}
uint32_t run_seed(const run *r) {
  return (uint32_t)r->config.seed;
}
bool run_dry(const run *r) {
  return r->o.dry;
}
bool run_root(const run *r) {
  return r->c.rank == 0;
}
double run_memory(const run *r) {
  return 1e9 * r->config.memory_GB;
}
bool run_lost(const run *r) {
  return r->lost;
}

/* ---- opening ---- */

/* Rank 0 reads the deck; all get its bytes. */
static int read_deck(run *r, err *e) {
  if (run_root(r)) run_input_read(&r->in, &r->o, e);
  if (comm_vote(&r->c, e)) return e->code;
  comm_bcast(&r->c, &r->in.bytes, sizeof r->in.bytes);
  if (!run_root(r) && !(r->in.text = calloc(r->in.bytes + 1, 1))) err_set(e, ERR_RUN, "out of memory");
  if (comm_vote(&r->c, e)) return e->code;
  comm_bcast(&r->c, r->in.text, r->in.bytes);
  return 0;
}

/* Warnings of the app's check stay in *e with code 0. */
static int parse_deck(run *r, const app *const *apps, err *e) {
  if (read_deck(r, e)) return e->code;
  run_input_parse(&r->in, &r->o, apps, e);
  if (comm_vote(&r->c, e)) return e->code;
  deck_get(r->in.deck, "run", run_keys, &r->config);
  comm_threads(&r->c, r->config.threads ? (int)r->config.threads : r->o.threads);
  return 0;
}

static int check_machine(run *r, err *e) {
  run_machine_find(&r->machine, &r->c, e);
  return comm_vote(&r->c, e);
}

static int open_files(run *r, err *e) {
  size_t n = 0;
  if (run_root(r)) run_file_open(r, e);
  if (comm_vote(&r->c, e)) return e->code;
  if (run_root(r)) n = strlen(r->out) + 1;
  comm_bcast(&r->c, &n, sizeof n);
  if (!run_root(r) && !(r->out = calloc(n, 1))) err_set(e, ERR_RUN, "out of memory");
  if (comm_vote(&r->c, e)) return e->code;
  comm_bcast(&r->c, r->out, n);
  r->restoring = r->saved_state != NULL;
  comm_bcast(&r->c, &r->restoring, sizeof r->restoring);
  return 0;
}

static void run_free(run *r) {
  if (r->log.file) fclose(r->log.file);
  run_input_free(&r->in);
  run_results_free(&r->results);
  for (int k = 0; k < r->nseries; k++) {
    run_series_item *s = &r->series[k];
    free(s->path), free(s->unit), free(s->description), free(s->data);
  }
  for (int k = 0; k < r->items; k++) free((char *)r->item[k].name);
  free(r->series), free(r->writer), free(r->item), free(r->out);
  h5_abandon(r->kept);
  run_saved_free(r->saved_state);
  if (!r->lost) {
    if (r->ballot != MPI_COMM_NULL) MPI_Comm_free(&r->ballot);
    comm_close(&r->c);
  }
  free(r);
}

static int open_stages(run *r, const app *const *apps, err *e) {
  err check = {0};
  if (parse_deck(r, apps, &check)) {
    *e = check;
    return e->code;
  }
  if (check_machine(r, e) || open_files(r, e)) return e->code;
  run_log_banner(r);
  run_saved_log(r);
  run_pace_start(r);
  if (check.text[0]) run_warn(r, "%s", check.text);
  return 0;
}

int run_open(run **out, MPI_Comm parent, const run_options *o, const app *const *apps, err *e) {
  *out = NULL;
  if (o->restart && o->overwrite)
    return err_set(e, ERR_DECK, "--restart continues a run and --overwrite begins it anew: give one of them");
  run_pace_catch();
  run *r = *out = calloc(1, sizeof *r);
  if (!r) return err_set(e, ERR_RUN, "out of memory");
  gsl_set_error_handler_off();
  r->o = *o, r->state = "running", r->ballot = MPI_COMM_NULL;
  if (!comm_open(&r->c, parent, 0, e)) {
    run_log_start(r);
    MPI_Comm_dup(r->c.mpi, &r->ballot);
    if (!open_stages(r, apps, e)) return 0;
  }
  run_free(r);
  *out = NULL;
  return e->code;
}

/* ---- the app ---- */

/* The vote after the app. A rank that failed alone may be awaited by others in the middle of the app: it waits for them
 * only so long. */
static int vote_within(run *r, double patience, err *e) {
  int mine = e->code ? r->c.rank : INT_MAX, first = INT_MAX, arrived = 0;
  double start = run_clock();
  MPI_Request q;
  MPI_Iallreduce(&mine, &first, 1, MPI_INT, MPI_MIN, r->ballot, &q);
  if (!e->code) MPI_Wait(&q, MPI_STATUS_IGNORE), arrived = 1;
  while (!arrived && run_clock() - start < patience) {
    MPI_Test(&q, &arrived, MPI_STATUS_IGNORE);
    if (!arrived) usleep(2000);
  }
  if (!arrived) {
    r->lost = true;
    return err_context(e, "rank %d failed while other ranks were waiting for it", r->c.rank);
  }
  if (first != INT_MAX) MPI_Bcast(e, sizeof *e, MPI_BYTE, first, r->ballot);
  return e->code;
}

int run_main(run *r, err *e) {
  int code = r->in.app->main(r, e);
  if (code && !e->code) err_set(e, code, "%s failed without giving a reason", r->in.app->name);
  if (!e->code && r->trouble.code) *e = r->trouble;
  if (!e->code && r->stop)
    err_set(e, ERR_AGAIN, "stopped by %s with a valid checkpoint: resubmit with --restart", r->why);
  if (!e->code && !r->o.dry) run_saved_check(r, e);
  return vote_within(r, r->o.patience_s > 0 ? r->o.patience_s : PATIENCE, e);
}

int run_snapshot(run *r, err *e) {
  if (run_root(r) && !r->o.dry && !e->code) run_file_write(r, e);
  if (!comm_vote(&r->c, e)) run_save(r);
  return e->code;
}

/* ---- closing ---- */

static void settle(run *r, const err *e) {
  r->state = !e->code ? "done" : e->code == ERR_AGAIN ? "resubmit" : r->stop ? "stopped" : "failed";
  r->reason = e->code ? e->text : NULL;
}

static void print_results(run *r) {
  char *text = NULL;
  size_t n;
  if (!r->results.values && !r->results.arrays) return;
  FILE *f = open_memstream(&text, &n);
  if (!f) return;
  fputc('\n', f);
  run_results_print(&r->results, f);
  fclose(f);
  run_log_text(r, true, text);
  free(text);
}

static void close_files(run *r, err *e) {
  err late = {0}; /* a second failure must not hide the first */
  settle(r, e);
  bool keep = r->inherited && e->code; /* results that are worth more than none */
  if (r->saved && !keep && run_file_write(r, &late) && !e->code) *e = late;
  if (!e->code) print_results(r);
  if (r->saved) { /* if even that cannot be written, the exit code tells */
    settle(r, e);
    memset(&late, 0, sizeof late);
    run_file_status(r, &late);
  }
  if (r->log.file && e->code) fprintf(r->log.file, "%s%s\n", e->code == ERR_AGAIN ? "" : "error: ", e->text);
  if (!e->code && r->saved) run_log(r, "done: results are in %s", run_path(r, "run.h5"));
  if (!e->code && r->o.dry) run_log(r, "dry run done");
}

int run_close(run *r, err *e) {
  if (run_root(r)) close_files(r, e);
  if (!r->lost) comm_vote(&r->c, e);
  int code = e->code;
  run_pace_end(r);
  run_free(r);
  return code;
}

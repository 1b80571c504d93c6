/* run_point.c: one point of a sweep as a run: is it done, may it begin, from which network; see sweep.h. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/run_priv.h"
#include "base/sweep.h"

/* What the leader of a group finds out, and its ranks learn. */
typedef struct plan {
  sweep_state state; /* SWEEP_UNTRIED: to be run */
  char from[PATH_MAX], afresh[400];
} plan;

/* Cuts a used deck for comparison: its section `run` is the last one; with warm_start net.from is not the deck's. */
static char *cut(char *used, bool warm) {
  char *tail = strstr(used, "\nrun:\n"), *net = strstr(used, "\nnet:\n"), *from = NULL;
  if (tail) tail[1] = 0;
  if (warm && net) from = strstr(net, "\n  from: ");
  if (from) memmove(from, from + 1 + strcspn(from + 1, "\n"), strlen(from + 1 + strcspn(from + 1, "\n")) + 1);
  return used;
}

/* Does FOLDER hold the finished run of exactly this deck? */
static bool finished(const sweep *s, const sweep_point *p, const char *folder, err *e) {
  char path[PATH_MAX], *status = NULL, *used = NULL, *asked = NULL;
  bool done = false;
  err none = {0};
  h5 *f = NULL;
  snprintf(path, sizeof path, "%.4000s/run.h5", folder);
  if (!file_exists(path) || h5_open(&f, path, &none)) return false; /* damaged: done anew */
  if (!h5_read_attr_text(f, "/run", "status", &status, &none) && !strcmp(status, "done") &&
      !h5_read_attr_text(f, "/run", "used_deck", &used, &none) && (asked = sweep_asked(s, p, e))) {
    bool warm = sweep_chain(s) > 1;
    done = !strcmp(cut(used, warm), cut(asked, warm));
  }
  h5_close(f);
  free(status), free(used), free(asked);
  return done;
}

static int folder_of(const sweep *s, long k, const char *dir, sweep_point *p, char folder[PATH_MAX], err *e) {
  if (sweep_at(s, k, p, e)) return e->code;
  snprintf(folder, PATH_MAX, "%.3800s/%s", dir, p->name);
  return 0;
}

/* With warm_start: which run.h5 the point starts from ("": none), or that it has to wait. */
static sweep_state warm_start(const sweep *s, long k, const char *dir, plan *a, err *e) {
  char folder[PATH_MAX];
  bool ready = false;
  if (k % sweep_chain(s) == 0) return SWEEP_UNTRIED;
  sweep_point *p = calloc(1, sizeof *p);
  if (!p) err_set(e, ERR_RUN, "sweep: out of memory");
  if (p && !folder_of(s, k - 1, dir, p, folder, e)) ready = finished(s, p, folder, e);
  strncat(folder, "/run.h5", sizeof folder - strlen(folder) - 1);
  if (ready && !realpath(folder, a->from)) ready = false; /* used.yaml is to work from any folder */
  free(p);
  return ready ? SWEEP_UNTRIED : SWEEP_WAITS;
}

static void make_plan(const sweep *s, long k, const char *dir, sweep_point *p, const char *folder, plan *a, err *e) {
  memset(a, 0, sizeof *a);
  if (sweep_chain(s) > 1) a->state = warm_start(s, k, dir, a, e);
  if (e->code || a->state == SWEEP_WAITS) return;
  sweep_start_from(p, a->from);
  err cold = {0};
  if (a->from[0] && sweep_check_point(s, p, &cold)) {
    snprintf(a->afresh, sizeof a->afresh, "%.399s", cold.text);
    a->from[0] = 0;
    sweep_start_from(p, "");
  }
  if (!sweep_options(s)->overwrite && finished(s, p, folder, e)) a->state = SWEEP_BEFORE;
}

static void work(const sweep *s, MPI_Comm group, const sweep_point *p, const plan *a, sweep_verdict *v) {
  run_options o = *sweep_options(s);
  run *r;
  o.point = p, o.out = v->folder;
  if (!run_open(&r, group, &o, sweep_apps(s), &v->e)) {
    run_log(r, "point %ld: %s", p->at.number, p->label);
    if (a->from[0]) run_log(r, "warm start: the network of %s", a->from);
    if (a->afresh[0]) run_log(r, "warm start: afresh, since %s", a->afresh);
    run_main(r, &v->e);
    v->lost = run_lost(r);
    run_close(r, &v->e);
  }
  v->state = !v->e.code ? SWEEP_DONE : v->e.code == ERR_AGAIN ? SWEEP_STOPPED : SWEEP_FAILED;
}

void sweep_run(const sweep *s, MPI_Comm group, long k, const char *dir, sweep_verdict *v) {
  comm c = {.mpi = group}; /* for votes only */
  plan *a = calloc(1, sizeof *a);
  sweep_point *p = calloc(1, sizeof *p);
  memset(v, 0, sizeof *v);
  v->state = SWEEP_FAILED;
  MPI_Comm_rank(group, &c.rank);
  if (!a || !p) err_set(&v->e, ERR_RUN, "sweep: out of memory");
  if (!v->e.code) folder_of(s, k, dir, p, v->folder, &v->e);
  if (!v->e.code && !c.rank) make_plan(s, k, dir, p, v->folder, a, &v->e);
  if (!comm_vote(&c, &v->e)) {
    comm_bcast(&c, a, sizeof *a);
    sweep_start_from(p, a->from);
    snprintf(v->label, sizeof v->label, "%s", p->label);
    v->state = a->state;
    if (a->state == SWEEP_UNTRIED) work(s, group, p, a, v);
  }
  free(a), free(p);
}

/* ---- one point alone ---- */

static int check_number(const sweep *s, long k, err *e) {
  const char *path = sweep_options(s)->deck_path;
  long n = sweep_points(s);
  if (!n) return err_set(e, ERR_DECK, "%s: --point %ld: this deck has no sweep", path, k);
  if (k >= n) return err_set(e, ERR_DECK, "%s: there is no point %ld, they go from 0 to %ld", path, k, n - 1);
  return 0;
}

static int run_one(const sweep *s, const comm *c, long k, const char *dir, sweep_verdict *v, err *e) {
  if (!c->rank && !check_number(s, k, e) && !sweep_options(s)->dry) sweep_folder(s, dir, e);
  if (comm_vote(c, e)) return e->code;
  sweep_run(s, c->mpi, k, dir, v);
  if (v->state == SWEEP_WAITS)
    err_set(e, ERR_RUN, "point %ld (%s) starts from the network of point %ld, which has not finished", k, v->label,
            k - 1);
  else if (v->e.code)
    *e = v->e;
  return e->code;
}

int sweep_run_point(MPI_Comm world, const run_options *o, long k, const app *const *apps, sweep_verdict *v, err *e) {
  comm c;
  sweep *s = NULL;
  memset(v, 0, sizeof *v);
  run_pace_catch();
  if (comm_open(&c, world, 0, e)) return e->code;
  char *dir = o->out ? strdup(o->out) : run_default_folder(o->deck_path);
  if (!dir) err_set(e, ERR_RUN, "sweep: out of memory");
  if (!comm_vote(&c, e) && !sweep_open_all(&s, &c, o, apps, e)) run_one(s, &c, k, dir, v, e);
  sweep_free(s), free(dir);
  if (!v->lost) comm_close(&c);
  return e->code;
}

/* run_farm.c: farm_run; see farm.h. Groups are contiguous ranges of ranks: rank r of R is in group floor(r G / R). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/farm.h"
#include "base/file.h"
#include "base/run_priv.h"
#include "base/table.h"

enum { NAME = 160, SHOWN = 400 }; /* SHOWN rows of the summary */

typedef struct farm {
  comm world, group;
  sweep *s;
  long points, chain;
  char *dir;
  char claims[PATH_MAX]; /* folder */
  int lock;              /* descriptor of DIR/.farm on rank 0, or -1 */
  FILE *f;
  signed char *state; /* sweep_state of each point: what this group knows */
  char *told;         /* lines "point: reason" of failed points of this group */
  size_t told_bytes;
  FILE *tell;
  bool stopped, lost;
  double start;
} farm;

static const char *const words[] = {"not begun", "waits", "done before", "done", "failed", "stopped"};

/* ---- claims (a group's first rank) ---- */

/* A lock that goes with the process: two farms would write the same files. File systems without locks have none. */
static int lock_folder(farm *w, err *e) {
  char path[PATH_MAX];
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  snprintf(path, sizeof path, "%.3800s/.farm", w->dir);
  if ((w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
    return err_set(e, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
  if (fcntl(w->lock, F_SETLK, &l) && (errno == EACCES || errno == EAGAIN))
    return err_set(e, ERR_FILE, "another farm is at work in %s", w->dir);
  return 0;
}

static int make_claims(farm *w, err *e) {
  char host[64] = "";
  gethostname(host, sizeof host - 1);
  snprintf(w->claims, sizeof w->claims, "%.3800s/.claims-%.60s-%ld", w->dir, host, (long)getpid());
  return file_folder(w->claims, NULL, e);
}

/* Makes the file: true if it was not there. */
static bool claim(const farm *w, const char *name, err *e) {
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/%s", w->claims, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno != EEXIST) err_set(e, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static bool told_to_stop(const farm *w) {
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/stop", w->claims);
  if (file_exists(path)) return true;
  snprintf(path, sizeof path, "%.3800s/stop", w->dir);
  return file_exists(path);
}

/* The next chain that nobody has, from `from` on; -1: none, or no more to be begun. */
static long next_chain(farm *w, long from, err *e) {
  char name[32];
  for (long k = from; k < w->points / w->chain && !e->code; k++) {
    if (told_to_stop(w)) {
      w->stopped = true;
      return -1;
    }
    snprintf(name, sizeof name, "%ld", k);
    if (claim(w, name, e)) return k;
  }
  return -1;
}

static void remove_claims(const farm *w) {
  char path[PATH_MAX + 32];
  for (long k = -1; k < w->points / w->chain; k++) {
    snprintf(path, sizeof path, k < 0 ? "%s/stop" : "%s/%ld", w->claims, k);
    unlink(path);
  }
  rmdir(w->claims);
}

/* ---- work ---- */

static void told(farm *w, long k, const sweep_verdict *v, double seconds) {
  const char *word = words[v->state];
  if (v->state == SWEEP_BEFORE) return;
  if (v->state == SWEEP_FAILED)
    fprintf(w->tell, "point %ld (%s): %.*s\n", k, v->label, (int)strcspn(v->e.text, "\n"), v->e.text);
  if (!w->f) return;
  fprintf(w->f, "[%8.1f s] point %ld (%s): %s", run_clock() - w->start, k, v->label, word);
  if (v->state >= SWEEP_DONE) fprintf(w->f, " after %.1f s", seconds);
  fprintf(w->f, "%s%.*s\n", v->e.code ? ": " : "", (int)strcspn(v->e.text, "\n"), v->e.text);
  fflush(w->f);
}

static void work_chain(farm *w, long chain, sweep_verdict *v, err *e) {
  for (long k = chain * w->chain; k < (chain + 1) * w->chain && !w->stopped && !w->lost; k++) {
    double begun = run_clock();
    sweep_run(w->s, w->group.mpi, k, w->dir, v);
    w->lost = v->lost;
    w->stopped = v->state == SWEEP_STOPPED;
    if (w->group.rank) continue;
    w->state[k] = (signed char)v->state;
    told(w, k, v, run_clock() - begun);
    if (w->stopped) claim(w, "stop", e);
  }
}

/* One group; its ranks return together. */
static int work(farm *w, err *e) {
  sweep_verdict *v = calloc(1, sizeof *v);
  long chain = -1;
  if (!v) err_set(e, ERR_RUN, "farm: out of memory");
  while (!comm_vote(&w->group, e) && !w->stopped && !w->lost) {
    if (!w->group.rank) chain = next_chain(w, chain + 1, e);
    comm_bcast(&w->group, &chain, sizeof chain);
    if (chain < 0) break;
    work_chain(w, chain, v, e);
  }
  if (w->lost) *e = v->e;
  free(v);
  return e->code;
}

/* ---- opening ---- */

static int open_world(farm *w, long groups, err *e) {
  int faulty = 0;
  w->points = sweep_points(w->s), w->chain = sweep_chain(w->s);
  if (!w->points)
    err_set(e, ERR_DECK, "%s: --farm %ld: this deck has no sweep", sweep_options(w->s)->deck_path, groups);
  else if (groups < 1 || groups > w->world.ranks)
    err_set(e, ERR_DECK, "--farm %ld: %d rank%s can form 1 to %d groups", groups, w->world.ranks,
            w->world.ranks > 1 ? "s" : "", w->world.ranks);
  else if (sweep_check(w->s, w->world.rank, w->world.ranks, e) == ERR_DECK)
    faulty = 1;
  MPI_Allreduce(MPI_IN_PLACE, &faulty, 1, MPI_INT, MPI_MAX, w->world.mpi);
  if (faulty && !w->world.rank) { /* a rank has seen some of the points only */
    memset(e, 0, sizeof *e);
    sweep_check(w->s, 0, 1, e);
  }
  w->state = calloc((size_t)w->points + 1, 1);
  w->tell = open_memstream(&w->told, &w->told_bytes);
  if (!w->state || !w->tell) err_set(e, ERR_RUN, "farm: out of memory");
  return comm_vote(&w->world, e);
}

static int open_folder(farm *w, err *e) {
  if (!w->world.rank && !sweep_folder(w->s, w->dir, e) && !lock_folder(w, e)) make_claims(w, e);
  if (comm_vote(&w->world, e)) return e->code;
  comm_bcast(&w->world, w->claims, sizeof w->claims);
  return 0;
}

static int open_group(farm *w, long groups, err *e) {
  MPI_Comm part;
  MPI_Comm_split(w->world.mpi, (int)((long)w->world.rank * groups / w->world.ranks), w->world.rank, &part);
  comm_open(&w->group, part, w->world.threads, e);
  MPI_Comm_free(&part);
  return comm_vote(&w->world, e);
}

/* ---- the end ---- */

/* Groups that have nothing left wait here, without keeping a core busy. */
static void wait_for_all(const farm *w) {
  MPI_Request q;
  int done = 0;
  MPI_Ibarrier(w->world.mpi, &q);
  while (MPI_Test(&q, &done, MPI_STATUS_IGNORE), !done) usleep(5000);
}

/* The lines of all groups, in the order of ranks, on rank 0; the caller frees. */
static char *gather_told(farm *w, err *e) {
  int n, ranks = w->world.ranks, *size = calloc(2 * (size_t)ranks, sizeof *size), total = 0;
  char *all = NULL;
  fflush(w->tell);
  n = (int)w->told_bytes;
  if (!size) err_set(e, ERR_RUN, "farm: out of memory");
  if (comm_vote(&w->world, e)) return NULL;
  MPI_Gather(&n, 1, MPI_INT, size, 1, MPI_INT, 0, w->world.mpi);
  for (int k = 0; k < ranks; k++) size[ranks + k] = total, total += size[k];
  if (!w->world.rank && !(all = calloc((size_t)total + 1, 1))) err_set(e, ERR_RUN, "farm: out of memory");
  if (!comm_vote(&w->world, e)) MPI_Gatherv(w->told, n, MPI_CHAR, all, size, size + ranks, MPI_CHAR, 0, w->world.mpi);
  free(size);
  return all;
}

static long count(const farm *w, sweep_state state) {
  long n = 0;
  for (long k = 0; k < w->points; k++) n += w->state[k] == (signed char)state;
  return n;
}

static void summarise(const farm *w, const char *failed, FILE *f) {
  table *t = table_new();
  sweep_point p;
  table_row(t, "point|state|values");
  table_left(t, 1), table_left(t, 2);
  for (long k = 0; k < w->points && k < SHOWN; k++) {
    err none = {0};
    if (!sweep_at(w->s, k, &p, &none)) table_row(t, "%ld|%s|%s", k, words[w->state[k]], p.label);
  }
  fputc('\n', f);
  table_print(t, f);
  if (w->points > SHOWN) fprintf(f, "... and %ld more\n", w->points - SHOWN);
  table_free(t);
  fprintf(f, "%ld points in %s:", w->points, w->dir);
  for (int k = SWEEP_STOPPED, n = 0; k >= SWEEP_UNTRIED; k--)
    if (count(w, (sweep_state)k)) fprintf(f, "%s %ld %s", n++ ? "," : "", count(w, (sweep_state)k), words[k]);
  fprintf(f, "\n%s", failed);
}

static int judge(const farm *w, err *e) {
  long done = count(w, SWEEP_DONE) + count(w, SWEEP_BEFORE), failed = count(w, SWEEP_FAILED);
  if (w->stopped && done < w->points)
    return err_set(e, ERR_AGAIN, "stopped with %ld of %ld points done: resubmit", done, w->points);
  if (done < w->points)
    return err_set(e, ERR_RUN, "%ld of %ld points failed%s; the same command does what is missing", failed, w->points,
                   done + failed < w->points ? ", others wait for them" : "");
  return 0;
}

/* Rank 0. */
static int report(const farm *w, const char *failed, err *e) {
  char path[PATH_MAX], *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return err_set(e, ERR_RUN, "farm: out of memory");
  summarise(w, failed, f);
  fclose(f);
  if (w->f) fputs(text, w->f), fflush(w->f);
  snprintf(path, sizeof path, "%.3800s/farm.txt", w->dir);
  file_write(path, text, n, false, e);
  free(text);
  return judge(w, e);
}

static int finish(farm *w, err *e) {
  int stopped = w->stopped;
  wait_for_all(w);
  err mine = *e; /* a group that could not go on; its points count as not begun */
  memset(e, 0, sizeof *e);
  MPI_Allreduce(MPI_IN_PLACE, &stopped, 1, MPI_INT, MPI_MAX, w->world.mpi);
  MPI_Allreduce(MPI_IN_PLACE, w->state, (int)w->points, MPI_SIGNED_CHAR, MPI_MAX, w->world.mpi);
  w->stopped = stopped;
  char *failed = gather_told(w, e);
  if (!w->world.rank) {
    remove_claims(w);
    if (failed) report(w, failed, e);
  }
  free(failed);
  if (mine.code) *e = mine;
  return comm_vote(&w->world, e);
}

/* ---- all of it ---- */

static int run_all(farm *w, long groups, err *e) {
  if (open_world(w, groups, e)) return e->code;
  if (sweep_options(w->s)->dry) {
    if (!w->world.rank && w->f) sweep_print(w->s, w->f, e);
    return comm_vote(&w->world, e);
  }
  if (open_folder(w, e)) return e->code;
  if (!open_group(w, groups, e)) {
    if (w->f && !w->world.rank)
      fprintf(w->f, "%ld points in chains of %ld, %ld groups of ranks, folder %s\n", w->points, w->chain, groups,
              w->dir);
    work(w, e);
    if (!w->lost) finish(w, e);
  }
  if (!w->lost) comm_close(&w->group);
  return e->code;
}

int farm_run(MPI_Comm world, const run_options *o, long groups, const app *const *apps, FILE *f, bool *lost, err *e) {
  farm w = {.f = f, .lock = -1, .start = run_clock()};
  run_options own = *o;
  run_pace_catch();
  if (comm_open(&w.world, world, 0, e)) return e->code;
  own.quiet = true, own.threads = w.world.threads, own.begun = w.start;
  if (!own.overwrite) own.restart = "auto";
  w.dir = o->out ? strdup(o->out) : run_default_folder(o->deck_path);
  if (!w.dir) err_set(e, ERR_RUN, "farm: out of memory");
  if (!comm_vote(&w.world, e) && !sweep_open_all(&w.s, &w.world, &own, apps, e)) run_all(&w, groups, e);
  *lost = w.lost;
  if (w.lock >= 0) close(w.lock);
  if (w.tell) fclose(w.tell);
  sweep_free(w.s), free(w.state), free(w.told), free(w.dir);
  if (!w.lost) comm_close(&w.world);
  return e->code;
}

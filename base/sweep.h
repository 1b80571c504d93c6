/* sweep.h: the table `sweep` of a deck as a list of runs (its syntax: base/deck_sweep.c).
 *
 * A point's run lives in DIR/point-<number>-<hash>, the hash being that of its used deck without free keys. Its used
 * deck is a plain one, without sweep: it gives the same bits when it is run alone. All points draw different random
 * numbers: run.seed of a point is the low half of hash64(run.seed of the deck, hash64(label), t) with t = 0, or the
 * first t that no earlier point has taken; the label names the swept keys and their values. So a point keeps its seed
 * when values are added to the sweep, whatever other keys change.
 *
 * With warm_start each point but the first along the last key starts from the network of the point before it: its
 * net.from is that point's run.h5, if that network has the same graph; if not, it starts afresh and says so. A point
 * whose predecessor has not finished waits, so results never depend on what ran when. */
#ifndef BASE_SWEEP_H
#define BASE_SWEEP_H

#include <limits.h>

#include "base/run.h"

typedef struct sweep sweep;

typedef struct sweep_point {
  deck_point at;                      /* points into this struct: fill it where it stays */
  char label[1024];                   /* "model.beta = 0.44, net = {kind: made}" */
  char name[40];                      /* "point-007-1a2b3c4d" */
  char seed[32], from[PATH_MAX + 16]; /* "run.seed=7"; run.h5 of the neighbour, or "" */
  const char *set[2];
} sweep_point;

typedef enum { /* of a point */
               SWEEP_UNTRIED,
               SWEEP_WAITS,  /* with warm_start: the point before it has not finished */
               SWEEP_BEFORE, /* was done before */
               SWEEP_DONE,
               SWEEP_FAILED,
               SWEEP_STOPPED /* resubmit */
} sweep_state;

/* Local: the sweep of a deck (n bytes called o->deck_path), nothing checked against the schema yet. All that is pointed
 * at must stay valid. */
int sweep_open(sweep **s, const run_options *o, const app *const *apps, const char *text, size_t n, err *e);
/* Collective: the same; rank 0 reads the file. */
int sweep_open_all(sweep **s, const comm *c, const run_options *o, const app *const *apps, err *e);
void sweep_free(sweep *s);

/* Local. */
long sweep_points(const sweep *s); /* 0: the deck has no sweep */
long sweep_chain(const sweep *s);  /* points that follow each other: along the last key with warm_start, else 1 */
/* Check points first, first + stride, ... as runs would; faults are told once, with the points that have them. */
int sweep_check(const sweep *s, long first, long stride, err *e);
int sweep_at(const sweep *s, long k, sweep_point *p, err *e);
/* The network of this run.h5 as start ("": none), and the check of the point that results. */
void sweep_start_from(sweep_point *p, const char *run_h5);
int sweep_check_point(const sweep *s, const sweep_point *p, err *e);
/* The point's used deck without section `run`; the caller frees. */
char *sweep_asked(const sweep *s, const sweep_point *p, err *e);
const run_options *sweep_options(const sweep *s);
const app *const *sweep_apps(const sweep *s);
/* The table of points: number, hash, values. */
int sweep_print(const sweep *s, FILE *f, err *e);

/* Collective: one point in DIR, with the options of the sweep. A point that was done before, with the same free keys
 * too, is left alone unless they say overwrite. `lost` is that of run_lost: the caller must abort. */
typedef struct sweep_verdict {
  sweep_state state;
  bool lost;
  char label[1024], folder[PATH_MAX]; /* the point, and where it is */
  err e;                              /* the point's own */
} sweep_verdict;
void sweep_run(const sweep *s, MPI_Comm group, long k, const char *dir, sweep_verdict *v);

/* Collective: checks, makes DIR (o->out, or runs/<deck name>) and runs point k: `spinet run DECK --point K`. */
int sweep_run_point(MPI_Comm world, const run_options *o, long k, const app *const *apps, sweep_verdict *v, err *e);

/* Rank 0: makes DIR and writes points.txt into it, the table of points, by which collectors know what is missing. */
int sweep_folder(const sweep *s, const char *dir, err *e);

#endif

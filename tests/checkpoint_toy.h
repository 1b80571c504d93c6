/* checkpoint_toy.h: an app that owns objects of every kind and meets every accident at a step of its deck's choice; and
 * runs of it on the first ranks of the world.
 *
 * Rows of noisy relaxations (by global index), a common curve that grows with toy.steps, a record of each row that
 * grows too, a journal of rank 0, and a clock. All results are recomputed from them. */
#ifndef TESTS_CHECKPOINT_TOY_H
#define TESTS_CHECKPOINT_TOY_H

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/run.h"
#include "check.h"

enum { ROWS = 7, WIDTH = 3, JOURNAL = 20000 };

typedef struct toy_config {
  long steps, pause_us;
  long signal_at, signal_rank, file_at, full_at, ballast_at, diverge_at,
      extra; /* accidents; steps count from 1, 0: never */
  double rate;
} toy_config;

#define AT(member) offsetof(toy_config, member)
static const deck_key toy_keys[] = {
    {"steps", DECK_INT, AT(steps), "40", 0, 1e6, NULL, "", "steps", true},
    {"pause_us", DECK_INT, AT(pause_us), "0", 0, 1e6, NULL, "", "pause between steps", true},
    {"signal_at", DECK_INT, AT(signal_at), "0", 0, 1e6, NULL, "", "SIGUSR1 at this step", true},
    {"signal_rank", DECK_INT, AT(signal_rank), "0", 0, 100, NULL, "", "to this rank", true},
    {"file_at", DECK_INT, AT(file_at), "0", 0, 1e6, NULL, "", "stop file at this step", true},
    {"full_at", DECK_INT, AT(full_at), "0", 0, 1e6, NULL, "", "full disk from this step on", true},
    {"ballast_at", DECK_INT, AT(ballast_at), "0", 0, 1e6, NULL, "", "a file beside the folder fills the disk", true},
    {"diverge_at", DECK_INT, AT(diverge_at), "0", 0, 1e6, NULL, "", "a bit flips on the last rank", true},
    {"extra", DECK_INT, AT(extra), "0", 0, 1, NULL, "", "own an object more", true},
    {"rate", DECK_REAL, AT(rate), "0.3", 0, 1, NULL, "", "relaxation rate", false},
    {0}};
#undef AT
static const deck_section toy_schema[] = {{.name = "toy", .help = "toy", .keys = toy_keys}, {0}};

typedef struct toy {
  run *r;
  toy_config c;
  int64_t clock;
  int first, n;
  double x[ROWS][WIDTH], *record, *curve, *journal; /* record: (n, steps), curve: (steps), journal: (JOURNAL) */
  float extra;
  rng stream;
} toy;

static void toy_step(toy *t) {
  double y = 0;
  for (int i = 0; i < t->n; i++) {
    for (int k = 0; k < WIDTH; k++)
      t->x[i][k] +=
          -t->c.rate * t->x[i][k] + rng_normal(t->stream, (uint64_t)(t->first + i), (uint32_t)t->clock, (uint32_t)k);
    t->record[i * t->c.steps + t->clock] = t->x[i][0];
  }
  t->curve[t->clock] = y + rng_normal(t->stream, 100, (uint32_t)t->clock, 0);
  if (run_root(t->r)) t->journal[t->clock % JOURNAL] += t->curve[t->clock] + t->x[0][1];
  t->clock++;
}

static int toy_open(toy *t, run *r, err *e) {
  comm_range g = comm_rank_range(run_comm(r), run_comm(r)->rank, ROWS);
  *t = (toy){.r = r, .first = g.first, .n = g.end - g.first, .stream = rng_stream(run_seed(r), "toy")};
  deck_get(run_deck(r), "toy", toy_keys, &t->c);
  size_t n = (size_t)t->n, steps = (size_t)t->c.steps, first = (size_t)g.first, root = run_root(r) ? JOURNAL : 0;
  t->record = calloc(n * steps + 1, sizeof *t->record), t->curve = calloc(steps + 1, sizeof *t->curve);
  t->journal = calloc(JOURNAL, sizeof *t->journal);
  t->journal[JOURNAL - 1] = 1; /* so that a checkpoint needs the room of all of it */
  run_item items[] = {{"clock", &t->clock, H5_I64, 1, true, 0, 0, 0},
                      {"x", t->x, H5_F64, n * WIDTH, false, WIDTH, first, ROWS},
                      {"record", t->record, H5_F64, n * steps, false, steps, first, ROWS},
                      {"curve", t->curve, H5_F64, steps, true, 0, 0, 0},
                      {"journal", t->journal, H5_F64, root, false, 0, 0, 0},
                      {"extra", &t->extra, H5_F32, 1, true, 0, 0, 0}};
  for (int i = 0; i < (t->c.extra ? 6 : 5); i++)
    if (run_own(r, items[i], e)) return e->code;
  return 0;
}

/* Takes what is left of a small disk. */
static void toy_fill_disk(run *r) {
  static const char block[4096];
  FILE *f = fopen(run_path(r, "../ballast"), "w");
  for (int k = 0; f && k < 100000 && fwrite(block, sizeof block, 1, f) == 1; k++) continue;
  if (f) fclose(f);
}

static void toy_accidents(toy *t) {
  if (t->clock == t->c.signal_at && run_comm(t->r)->rank == t->c.signal_rank % run_comm(t->r)->ranks) raise(SIGUSR1);
  err e = {0};
  if (t->clock == t->c.file_at && run_root(t->r)) file_write(run_path(t->r, "stop"), "", 0, false, &e);
  if (t->clock == t->c.diverge_at && run_comm(t->r)->rank == run_comm(t->r)->ranks - 1)
    ((unsigned char *)t->curve)[3] ^= 4;
  if (t->clock == t->c.full_at) setrlimit(RLIMIT_FSIZE, &(struct rlimit){65536, RLIM_INFINITY});
  if (t->clock == t->c.ballast_at && run_root(t->r)) toy_fill_disk(t->r);
  if (t->c.pause_us) usleep((useconds_t)t->c.pause_us);
}

static int toy_results(toy *t, err *e) {
  double all[ROWS][WIDTH], sum = 0;
  size_t steps = (size_t)t->c.steps, dims[2] = {ROWS, steps}, journal = JOURNAL;
  double *record = malloc((ROWS * steps + 1) * sizeof *record);
  comm_gather_rows(run_comm(t->r), ROWS, sizeof all[0], t->x, all);
  comm_gather_rows(run_comm(t->r), ROWS, steps * sizeof *record, t->record, record);
  for (int i = 0; i < ROWS && run_root(t->r); i++)
    for (int k = 0; k < WIDTH; k++) sum += all[i][k];
  run_result(t->r, (run_value){"x", "1", "sum of x", sum, NAN, NAN, NAN, NAN, NAN}, e);
  run_series(t->r, "record", H5_F64, 2, dims, record, "1", "x of all rows", e);
  run_series(t->r, "curve", H5_F64, 1, &steps, t->curve, "1", "noise", e);
  run_series(t->r, "journal", H5_F64, 1, &journal, t->journal, "1", "journal of rank 0", e);
  free(record);
  return e->code;
}

static int toy_main(run *r, err *e) {
  static const char *const names[] = {"clock", "x", "record", "curve", "journal", "extra"};
  toy t;
  if (!toy_open(&t, r, e)) {
    while (t.clock < t.c.steps && !run_stopping(r)) {
      toy_step(&t);
      toy_accidents(&t);
      run_tick(r, "relaxing", t.clock, t.c.steps, NULL);
    }
    if (!run_stopping(r) && !toy_results(&t, e)) run_snapshot(r, e);
  }
  for (int i = 0; i < 6; i++) run_disown(r, names[i]);
  free(t.record), free(t.curve), free(t.journal);
  return e->code;
}

static const app toy_app = {"toy", "a toy", toy_schema, NULL, toy_main};
static const app twin_app = {"twin", "the same under another name", toy_schema, NULL, toy_main};
static const app *const toy_apps[] = {&toy_app, &twin_app, NULL};

#endif

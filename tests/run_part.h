/* run_part.h: runs, or parts of runs, of some apps on the first few ranks of the world; comparison of their results. */
#ifndef TESTS_RUN_PART_H
#define TESTS_RUN_PART_H

#include "base/run.h"
#include "check.h"

#define main compare_main
#include "compare_runs.c"
#undef main

enum { OVERRIDES = 24 };

typedef struct part { /* of a run; zero is "not given" */
  int ranks;          /* 0: 1 */
  const char *deck, *out, *restart, *precision;
  const char *set[OVERRIDES]; /* "section.key=value" */
  bool overwrite;
} part;

static int world_rank(void) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/* Runs on the first p.ranks of the world, the others wait. Code and message are known to all afterwards. */
static int run_part(const app *const *apps, part p, err *e) {
  int n = 0, ranks = p.ranks ? p.ranks : 1;
  MPI_Comm sub;
  memset(e, 0, sizeof *e);
  while (n < OVERRIDES && p.set[n]) n++;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() < ranks ? 0 : MPI_UNDEFINED, world_rank(), &sub);
  run_options o = {.deck_path = p.deck,
                   .out = p.out,
                   .restart = p.restart,
                   .overrides = p.set,
                   .noverrides = n,
                   .overwrite = p.overwrite,
                   .quiet = true,
                   .command_line = "test",
                   .precision = p.precision ? p.precision : "double"};
  run *r;
  if (sub != MPI_COMM_NULL) {
    if (!run_open(&r, sub, &o, apps, e)) {
      run_main(r, e);
      run_close(r, e);
    }
    MPI_Comm_free(&sub);
  }
  MPI_Bcast(e, sizeof *e, MPI_BYTE, 0, MPI_COMM_WORLD);
  return e->code;
}

/* The verdict is the same on all ranks: rank 0 checks it. */
#define PART(expected, piece, ...)                                                                               \
  do {                                                                                                           \
    static err part_err;                                                                                         \
    int part_code = run_part(part_apps, (part){__VA_ARGS__}, &part_err);                                         \
    if (world_rank()) break;                                                                                     \
    CHECK_REPORT(part_code == (expected), "code %d, expected %d: %.300s", part_code, expected, part_err.text);   \
    CHECK_REPORT(strstr(part_err.text, piece) != NULL, "message \"%.300s\" lacks \"%s\"", part_err.text, piece); \
  } while (0)

/* The same bits in two folders? On rank 0 of the world. */
static void same_bits(const char *a, const char *b) {
  char pa[240], pb[240];
  char *words[] = {(char[]){"compare_runs"}, pa, pb, NULL};
  snprintf(pa, sizeof pa, "%s/run.h5", a), snprintf(pb, sizeof pb, "%s/run.h5", b);
  if (world_rank() == 0) CHECK_REPORT(compare_main(3, words) == 0, "%.200s and %.200s differ", a, b);
}

#endif

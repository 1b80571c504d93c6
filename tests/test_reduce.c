/* test_reduce.c: sums along the fixed tree have the bits of a serial recursion, for any ranks and threads; deals of
 * shards; gather in shard order; votes. */
#include "base/comm.h"
#include "base/rng.h"
#include "check.h"

#define MOST 41 /* shards */

static float term(int shard, size_t k) {
  rng r = rng_stream(7, "terms");
  double u = rng_uniform(r, k, (uint32_t)shard, 0), scale = rng_uniform(r, k, (uint32_t)shard, 1);
  return (float)((u - .5) * pow(10, 8 * scale - 4));
}

/* node (level, index) of number k by the definition */
static float tree_f(int level, int index, int shards, size_t k) {
  if (level == 0) return 0.f + term(index, k);
  float left = tree_f(level - 1, 2 * index, shards, k);
  return (2 * index + 1) << (level - 1) < shards ? left + tree_f(level - 1, 2 * index + 1, shards, k) : left;
}
static double tree_d(int level, int index, int shards, size_t k) {
  if (level == 0) return 0. + term(index, k);
  double left = tree_d(level - 1, 2 * index, shards, k);
  return (2 * index + 1) << (level - 1) < shards ? left + tree_d(level - 1, 2 * index + 1, shards, k) : left;
}
static int levels(int shards) {
  int l = 0;
  while (1 << l < shards) l++;
  return l;
}

static void fill(reduce *r, const comm *c, int shards, size_t n, bool single) {
  comm_range mine = comm_rank_range(c, c->rank, shards);
#pragma omp parallel for schedule(static, 1) num_threads(c->threads)
  for (int t = 0; t < c->threads; t++) {
    comm_range g = comm_thread_range(mine, t, c->threads);
    for (int s = g.first; s < g.end; s++) {
      void *leaf = reduce_leaf(r, t);
      for (size_t k = 0; k < n; k++)
        if (single)
          ((float *)leaf)[k] += term(s, k);
        else
          ((double *)leaf)[k] += term(s, k);
      reduce_push(r, t, s);
    }
  }
}

static void test_sums(const comm *c, int shards, size_t n, bool single) {
  err e = {0};
  reduce *r = NULL;
  CHECK(!reduce_new(&r, c, shards, n, single, &e));
  CHECK(reduce_bytes(c, shards, n, single) > 0);
  float *f = calloc(n, sizeof *f), *fx = calloc(n, sizeof *f);
  double *d = calloc(n, sizeof *d), *dx = calloc(n, sizeof *d);
  for (size_t k = 0; k < n; k++)
    if (single)
      fx[k] = tree_f(levels(shards), 0, shards, k);
    else
      dx[k] = tree_d(levels(shards), 0, shards, k);
  for (int again = 0; again < 2; again++) {
    reduce_begin(r);
    comm_range g = comm_rank_range(c, c->rank, shards);
    if (g.first < g.end) CHECK((size_t)reduce_leaf(r, 0) % 64 == 0);
    fill(r, c, shards, n, single);
    memset(f, 7, n * sizeof *f), memset(d, 7, n * sizeof *d);
    reduce_end(r, single ? (void *)f : d);
    int same = single ? !memcmp(f, fx, n * sizeof *f) : !memcmp(d, dx, n * sizeof *d);
    CHECK_REPORT(same, "%d shards, %d ranks, %d threads, %s: not the bits of the serial tree", shards, c->ranks,
                 c->threads, single ? "float" : "double");
  }
  free(f), free(fx), free(d), free(dx);
  reduce_free(r);
}

static void test_deal(const comm *c) {
  for (int shards = 1; shards < MOST; shards++) {
    int next = 0;
    for (int k = 0; k < c->ranks; k++) {
      comm_range g = comm_rank_range(c, k, shards);
      CHECK_INT(g.first, next);
      int inner = g.first;
      for (int t = 0; t < 3; t++) {
        comm_range h = comm_thread_range(g, t, 3);
        CHECK_INT(h.first, inner);
        inner = h.end;
      }
      CHECK_INT(inner, g.end);
      for (int s = g.first; s < g.end; s++) CHECK_INT(comm_owner(c, s, shards), k);
      next = g.end;
    }
    CHECK_INT(next, shards);
  }
}

static void test_gather(const comm *c) {
  for (int shards = 1; shards < 9; shards++) {
    comm_range g = comm_rank_range(c, c->rank, shards);
    int mine[9][3], all[9][3];
    for (int s = g.first; s < g.end; s++)
      for (int k = 0; k < 3; k++) mine[s - g.first][k] = 10 * s + k;
    comm_gather_rows(c, shards, sizeof mine[0], mine, c->rank ? NULL : all);
    for (int s = 0; s < shards && !c->rank; s++)
      for (int k = 0; k < 3; k++) CHECK_INT(all[s][k], 10 * s + k);
  }
}

static void test_share(const comm *c) {
  for (int shards = 1; shards < 9; shards++) {
    comm_range g = comm_rank_range(c, c->rank, shards);
    double rows[9][2];
    for (int s = 0; s < shards; s++) rows[s][0] = rows[s][1] = -1;
    for (int s = g.first; s < g.end; s++) rows[s][0] = s, rows[s][1] = 100 + s;
    comm_share_rows(c, shards, 2, rows[0]);
    for (int s = 0; s < shards; s++) CHECK(rows[s][0] == s && rows[s][1] == 100 + s);
  }
}

static void test_vote(const comm *c) {
  err e = {0};
  CHECK(!comm_vote(c, &e));
  if (c->rank == c->ranks - 1) err_set(&e, ERR_FILE, "rank %d failed", c->ranks - 1);
  CHECK_INT(comm_vote(c, &e), ERR_FILE);
  char text[40];
  snprintf(text, sizeof text, "rank %d failed", c->ranks - 1);
  CHECK_REPORT(!strcmp(e.text, text), "message \"%.200s\"", e.text);
  int word = c->rank ? 0 : 77;
  comm_bcast(c, &word, sizeof word);
  CHECK_INT(word, 77);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  for (int threads = 1; threads <= 3; threads++) {
    comm c;
    err e = {0};
    CHECK(!comm_open(&c, MPI_COMM_WORLD, threads, &e));
    CHECK_INT(c.threads, threads);
    test_deal(&c);
    for (int shards = 1; shards < MOST; shards++) {
      test_sums(&c, shards, 37, true);
      test_sums(&c, shards, 19, false);
    }
    test_sums(&c, 13, 30011, true); /* long enough for the threaded joining of stacks */
    test_gather(&c), test_share(&c);
    test_vote(&c);
    reduce *r;
    CHECK_INT(reduce_new(&r, &c, 0, 3, true, &e), ERR_RUN);
    comm_close(&c);
  }
  comm c;
  err e = {0};
  comm_open(&c, MPI_COMM_WORLD, 0, &e);
  CHECK(c.threads >= 1 && c.cores >= 1 && c.local_ranks == c.ranks);
  comm_close(&c);
  return check_done();
}

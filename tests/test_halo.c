/* test_halo.c: planes that ranks in a ring hand to each other: what arrives is what the neighbour put, of any length,
 * however late one of them is, through shared memory and by messages. */
#include <stdlib.h>
#include <unistd.h>

#include "base/halo.h"
#include "base/rng.h"
#include "check.h"

enum { MOST = 5000, TIMES = 400 };

static unsigned char byte_of(int rank, int side, int time, size_t i) {
  return (unsigned char)(rank * 31 + side * 17 + time * 7 + (int)(i * (i % 11 + 1)));
}

static void fill(unsigned char *p, int rank, int side, int time, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] = byte_of(rank, side, time, i);
}

static size_t wrong(const unsigned char *p, int rank, int side, int time, size_t n) {
  size_t bad = 0;
  for (size_t i = 0; i < n; i++) bad += p[i] != byte_of(rank, side, time, i);
  return bad;
}

static void exchanges(const comm *c, bool memory, rng r) {
  unsigned char ours[MOST], theirs[MOST];
  int neighbour[HALO_SIDES] = {(c->rank + c->ranks - 1) % c->ranks, (c->rank + 1) % c->ranks};
  size_t bad = 0;
  err e = {0};
  halo *h;
  CHECK(!halo_new(&h, c, MOST, memory, &e));
  if (e.code) return;
  for (int time = 0; time < TIMES; time++) {
    size_t n = 1 + (size_t)(rng_uniform(r, (uint64_t)time, 0, 0) * (MOST - 1));
    if (rng_uniform(r, (uint64_t)time, 1 + (uint32_t)c->rank, 0) < .05) usleep(2000);
    for (int s = 0; s < HALO_SIDES; s++) {
      fill(ours, c->rank, s, time, n);
      halo_put(h, s, ours, n);
    }
    for (int k = 0; k < 3; k++) halo_near(h, k, 3);
    for (int s = 0; s < HALO_SIDES; s++) {
      halo_get(h, s, theirs, n);
      bad += wrong(theirs, neighbour[s], !s, time, n);
    }
  }
  halo_free(h);
  CHECK_REPORT(!bad, "%zu wrong bytes, %s", bad, memory ? "memory" : "messages");
}

int main(int argc, char **argv) {
  comm c;
  err e = {0};
  MPI_Init(&argc, &argv);
  CHECK(!comm_open(&c, MPI_COMM_WORLD, 1, &e));
  rng r = rng_stream(1, "halo");
  for (int memory = 0; memory < 2; memory++) exchanges(&c, memory, r);
  comm_close(&c);
  return check_done();
}

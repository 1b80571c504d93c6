/* worldlines.c: Markov chains of the Trotterised chain, one thread: ns per site of the 2m x N lattice and sweep, with
 * and without measurement, beside floors measured here for the random numbers and the memory traffic that a sweep
 * cannot do without: loop    per site half a random number and a bit, two links written and one followed, a label,
 * spins in and out local   per site half a move of four spins: read, turned, written; half of a 64-bit random number
 * per move bench_worldlines [N 2m ...] */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "samplers/chain_lanes.h"
#include "samplers/worldline.h"

static double now(void) { /* processor time: one thread, and the machine may be shared */
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_sweeps(const worldline_type *type, const trotter *t, bool measure, double sites) {
  worldline *c;
  err e = {0};
  if (worldline_new(&c, type, t, (worldline_setup){.n = 1, .total = 1, .seed = 1, .start = CHAIN_HOT}, &e)) {
    fprintf(stderr, "%s\n", e.text);
    return NAN;
  }
  double best = INFINITY, obs[TROTTER_NOBS];
  long sweeps = (long)(sites / t->n) + 1;
  worldline_advance(c, sweeps);
  for (int round = 0; round < 3; round++) {
    double clock = now();
    for (long k = 0; k < sweeps; k++) {
      worldline_advance(c, 1);
      if (measure) worldline_measure(c, 0, obs);
    }
    clock = (now() - clock) * 1e9 / ((double)sweeps * t->n);
    if (clock < best) best = clock;
  }
  worldline_free(c);
  return best;
}

/* ns of 32 random bits. */
static double random_floor(void) {
  enum { DRAWS = 1 << 20 };
  lanes g = lanes_seed(rng_stream(1, "floor"), 0, 0);
  lanes_word sum = lanes_all(0);
  double best = INFINITY;
  for (int round = 0; round < 3; round++) {
    double t = now();
    for (int k = 0; k < DRAWS; k++) sum ^= lanes_next(&g);
    t = (now() - t) * 1e9 / DRAWS / 16;
    if (t < best) best = t;
  }
  return lanes_none(&sum) ? NAN : best;
}

/* ns per site of visiting n sites by links as a sweep must (here in their order): label and sum up, then a second pass
 * that turns them over. */
static void follow(int n, int8_t *s, int32_t (*to)[2], int32_t *label) {
  for (int i = 0; i < n; i++) to[i][0] = 2 * (i + s[i]), to[i][1] = 2 * i;
  for (int i = 0, at = 0; i < n; i++) label[at >> 1] = s[at >> 1], at = to[at >> 1][0];
  for (int i = 0; i < n; i++) s[i] = (int8_t)label[i];
}

/* Moves without decision: pairs of neighbours in two rows. */
static void turn(int n, int8_t *s, rng_fast *g) {
  uint64_t u = 0;
  int half = n / 2;
  for (int i = 0; i < half; i++) {
    u = i & 1 ? u >> 32 : rng_fast_next(g);
    int8_t by = (u & 1) ? -1 : 1;
    s[i] *= by, s[i + 1] *= by, s[i + half - 1] *= by, s[i + half] *= by;
  }
}

static double memory_floor(int n, bool loop) {
  int32_t(*to)[2] = malloc(((size_t)n + 1) * sizeof *to), *label = malloc((size_t)n * sizeof *label);
  int8_t *s = malloc((size_t)n);
  rng_fast g = rng_fast_seed(rng_stream(1, "floor"), 0, 0, 0);
  double best = INFINITY;
  memset(s, 1, (size_t)n);
  for (int round = 0; round < 3; round++) {
    long passes = 20000000 / n + 1;
    double t = now();
    for (long k = 0; k < passes; k++) loop ? follow(n, s, to, label) : turn(n, s, &g);
    t = (now() - t) * 1e9 / ((double)passes * n);
    if (t < best) best = t;
  }
  free(to), free(label), free(s);
  return best;
}

static void table(int sites, int rows, double bits) {
  static const struct {
    const char *what;
    double J[3], beta;
  } models[] = {{"xxx AFM", {1, 1, -1}, 4}, {"xxx FM", {1, 1, 1}, 4}, {"XY", {1, 1, 0}, 2}, {"XYZ", {1.2, .8, .5}, 2}};
  for (int m = 0; m < 4; m++) {
    trotter *t;
    err e = {0};
    if (trotter_new(&t, models[m].what, sites, rows, models[m].J, models[m].beta, 0, &e)) {
      fprintf(stderr, "%s\n", e.text);
      return;
    }
    for (int k = 0; worldline_types[k]; k++) {
      const worldline_type *type = (const worldline_type *)worldline_types[k];
      bool loop = !strcmp(type->kind.name, "loop");
      double floor = memory_floor(t->n, loop) + (loop ? (.5 + 1 / 32.) * bits : 0);
      double ns = time_sweeps(type, t, false, 1e7), with = time_sweeps(type, t, true, 5e6);
      printf("%5d x %-5d %-8s beta %-3g %-6s %8.2f %9.2f %8.2f %8.1f\n", rows, sites, t->name, t->beta, type->kind.name,
             ns, with, floor, ns / floor);
    }
    trotter_free(t);
  }
}

int main(int argc, char **argv) {
  omp_set_num_threads(1);
  double bits = random_floor();
  printf("%5s x %-5s %-8s %-8s %-6s %8s %9s %8s %8s\n", "2m", "N", "model", "", "chain", "ns/site", "measured", "floor",
         "ratio");
  for (int k = 1; k + 1 < argc; k += 2) table(atoi(argv[k]), atoi(argv[k + 1]), bits);
  if (argc > 1) return 0;
  table(32, 16, bits), table(256, 64, bits), table(1024, 256, bits);
  return 0;
}

/* scalar.c: sweeps through scalar and fermion fields, one core: ns per site, and the share of the bandwidth that this
 * machine gives to b += c a at the same working set.   bench_scalar [L ...] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lattice/staggered.h"

static double now(void) { /* processor time: the machine may be shared */
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct fields {
  scalar_grid *g;
  double *phi, *pi, *m, *half;
} fields;

static void dirac(fields *f) {
  staggered_apply(f->g, 1, f->m, f->phi, f->pi);
}
static void schur(fields *f) {
  staggered_hop(f->g, 1, f->phi, f->m, NULL, f->half);
  staggered_hop(f->g, 0, f->half, f->m, f->phi, f->pi);
}
static void triad(fields *f) {
  scalar_drift(f->g, f->phi, f->pi, 1e-9);
}
static void step(fields *f) {
  scalar_kick_drift(f->g, (scalar_action){.18, 1.1}, f->phi, f->pi, 1e-3, 1e-3);
}

/* ns per site, the best of five rounds of about 2e7 sites. */
static double time_of(void (*work)(fields *), fields *f) {
  double best = 1e30;
  long n = 20000000 / f->g->n + 1;
  for (int round = 0; round < 5; round++) {
    double t = now();
    for (long i = 0; i < n; i++) work(f);
    t = (now() - t) / (double)n / (double)f->g->n * 1e9;
    if (t < best) best = t;
  }
  return best;
}

static void size(int L) {
  fields f;
  err e = {0};
  if (scalar_grid_new(&f.g, 3, (int[]){L, L, L}, NULL, &e)) exit(1);
  f.phi = scalar_field(f.g), f.pi = scalar_field(f.g), f.m = scalar_field(f.g), f.half = staggered_half(f.g);
  for (long i = 0; i < f.g->n; i++) f.phi[i] = (double)(i % 7) / 7, f.pi[i] = 0, f.m[i] = 1;
  double floor = time_of(triad, &f), s = time_of(step, &f), D = time_of(dirac, &f), S = time_of(schur, &f);
  printf("%4d  b += c a %.3f   MD step %.3f (%.2f of bandwidth)   D v %.3f (%.2f)   Schur complement v %.3f (%.2f)\n",
         L, floor, s, 4. / 3 * floor / s, D, floor / D, S, floor / S);
  scalar_field_free(f.g, f.phi), scalar_field_free(f.g, f.pi), scalar_field_free(f.g, f.m);
  staggered_half_free(f.g, f.half), scalar_grid_free(f.g);
}

int main(int argc, char **argv) {
  printf("three dimensions, ns per site of the lattice; MD step: force, kick and drift\n");
  for (int k = 1; k < argc; k++) size(atoi(argv[k]));
  if (argc < 2) size(16), size(32), size(64), size(128);
  return 0;
}

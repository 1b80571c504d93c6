/* scalar.c: sweeps through scalar and fermion fields in three dimensions, one core: ns per site, and the share of the
 * bandwidth that this machine gives to b += c a on fields of the same size (three numbers a site; an MD step moves
 * four: phi and pi, there and back, D v and the Schur complement three). Metropolis has no floor in memory: its random
 * numbers and exponentials count.   bench_scalar [L ...] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "samplers/scalar_metropolis.h"

extern const scalar_update scalar_metropolis, scalar_wolff;

static double now(void) { /* processor time: the machine may be shared */
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct fields {
  scalar_grid *g;
  double *phi, *pi, *m, *half;
  scalar_mover *w;
  scalar_chain c;
} fields;

static const scalar_action act = {.18, 1.1};

static void triad(fields *f) {
  scalar_drift(f->g, f->phi, f->pi, 1e-9);
}
static void step(fields *f) {
  scalar_kick_drift(f->g, act, f->phi, f->pi, 1e-3, 1e-3);
}
static void dirac(fields *f) {
  staggered_apply(f->g, 1, f->m, f->phi, f->pi);
}
static void schur(fields *f) {
  staggered_hop(f->g, 1, f->phi, f->m, NULL, f->half);
  staggered_hop(f->g, 0, f->half, f->m, f->phi, f->pi);
}
static void sweep(fields *f) {
  err e = {0};
  scalar_step(f->w, &f->c, false, &e);
}

/* ns per site, the best of five rounds of about `sites` sites. */
static double time_of(void (*work)(fields *), fields *f, double sites) {
  double best = INFINITY;
  long n = (long)(sites / (double)f->g->n) + 1;
  for (int round = 0; round < 5; round++) {
    double t = now();
    for (long i = 0; i < n; i++) work(f);
    best = fmin(best, (now() - t) / (double)n / (double)f->g->n * 1e9);
  }
  return best;
}

static double time_update(fields *f, const scalar_update *u, const void *conf, double sites) {
  err e = {0};
  if (scalar_mover_new(&f->w, u, conf, f->g, false, 1, &e)) return NAN;
  f->c = (scalar_chain){.m.action = act, .phi = f->phi};
  scalar_chain_start(f->w, &f->c, SCALAR_HOT);
  for (int k = 0; k < 30; k++) scalar_step(f->w, &f->c, true, &e);
  double t = time_of(sweep, f, sites);
  scalar_mover_free(f->w);
  return t;
}

/* Conjugate gradients to 1e-10 from nothing: D D^T X = chi; the same by two Schur complements; D Y = chi alone by one.
 */
static void solvers(const fields *f) {
  static const char *const name[3] = {"D D^T", "Schur complement twice", "once, for D Y = chi"};
  staggered *s;
  err e = {0};
  double *X = scalar_field(f->g), *Y = scalar_field(f->g), first = 0;
  if (staggered_new(&s, f->g, 1, .05, false, &e)) return;
  staggered_set(s, f->phi);
  for (int k = 0; k < 3; k++) {
    double best = INFINITY;
    long it = 0;
    for (int round = 0; round < 5; round++) {
      for (long i = 0; i < f->g->n; i++) X[i] = Y[i] = 0;
      double t = now();
      it = staggered_solve(s, k > 0, f->pi, k < 2 ? X : NULL, Y, 1e-10, 10000);
      best = fmin(best, 1e3 * (now() - t));
    }
    if (!k) first = best;
    printf("      %s: %ld iterations, %.3g ms (%.2f)\n", name[k], it, best, first / best);
  }
  staggered_free(s), scalar_field_free(f->g, X), scalar_field_free(f->g, Y);
}

static void size(int L) {
  fields f = {0};
  err e = {0};
  if (scalar_grid_new(&f.g, 3, (int[]){L, L, L}, NULL, &e)) exit(1);
  f.phi = scalar_field(f.g), f.pi = scalar_field(f.g), f.m = scalar_field(f.g), f.half = staggered_half(f.g);
  for (long i = 0; i < f.g->n; i++) f.phi[i] = (double)(i % 7) / 7, f.pi[i] = 0, f.m[i] = 1;
  double floor = time_of(triad, &f, 2e7), s = time_of(step, &f, 2e7);
  double D = time_of(dirac, &f, 2e7), S = time_of(schur, &f, 2e7);
  printf("%4d  b += c a %.3f   MD step %.3f (%.2f of bandwidth)   D v %.3f (%.2f)   Schur complement v %.3f (%.2f)\n",
         L, floor, s, 4. / 3 * floor / s, D, floor / D, S, floor / S);
  scalar_sweep_conf once = {1, .5};
  struct {
    scalar_sweep_conf sweep;
    long clusters;
  } wolff = {{1, .5}, 0};
  double metropolis = time_update(&f, &scalar_metropolis, &once, 1e6);
  printf("      Metropolis sweep %.2f", metropolis);
  if (L <= 32)
    printf("   with about as many sites turned by clusters %.1f", time_update(&f, &scalar_wolff, &wolff, 2e5));
  printf("\n");
  solvers(&f);
  scalar_field_free(f.g, f.phi), scalar_field_free(f.g, f.pi), scalar_field_free(f.g, f.m);
  staggered_half_free(f.g, f.half), scalar_grid_free(f.g);
}

int main(int argc, char **argv) {
  printf("three dimensions, ns per site of the lattice; MD step: force, kick and drift; solvers: M = 1, g = 0.05\n");
  for (int k = 1; k < argc; k++) size(atoi(argv[k]));
  if (argc < 2) size(16), size(32), size(64), size(128);
  return 0;
}

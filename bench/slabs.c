/* slabs.c: one lattice of L^3 sites divided among ranks: MD steps of the scalar field with exchange of halos, and
 * conjugate gradients, against the same on one rank while the others wait, and against MD steps of the same planes
 * without exchange, which is what cores that work at the same time can do.   mpirun -n N bench_slabs [L] */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lattice/staggered.h"

static const scalar_action act = {.18, 1.1};

enum { ROUNDS = 300, STEPS = 4, MD = 0, APART, SOLVER, NTIMES };

static double md_step(const scalar_grid *g, const comm *ranks, double *phi, double *pi) {
  double best = INFINITY;
  for (int round = 0; round < ROUNDS; round++) {
    if (ranks) MPI_Barrier(ranks->mpi);
    double t = MPI_Wtime();
    for (int k = 0; k < STEPS; k++) scalar_kick_drift(g, act, phi, pi, 1e-6, 1e-6);
    best = fmin(best, (MPI_Wtime() - t) / STEPS);
  }
  return best;
}

/* An iteration: a solve of some less one of none. */
static double iteration(staggered *D, const comm *ranks, const double *chi, double *Y) {
  double best[2] = {INFINITY, INFINITY};
  for (int round = 0; round < ROUNDS; round++)
    for (int some = 0; some < 2; some++) {
      for (long i = 0; i < scalar_sites(D->g); i++) Y[i] = 0;
      if (ranks) MPI_Barrier(ranks->mpi);
      double t = MPI_Wtime();
      staggered_solve(D, true, chi, NULL, Y, 1e-14, some * STEPS);
      best[some] = fmin(best[some], MPI_Wtime() - t);
    }
  return (best[1] - best[0]) / STEPS;
}

/* Seconds, the best of many short rounds; ranks NULL: all on this one. */
static void measure(int L, const comm *ranks, double best[NTIMES]) {
  scalar_grid *g;
  staggered *D;
  err e = {0};
  if (scalar_grid_new(&g, 3, (int[]){L, L, L}, ranks, &e) || staggered_new(&D, g, 1, .05, false, &e)) exit(1);
  scalar_grid apart = *g;
  apart.halo = NULL;
  double *phi = scalar_field(g), *pi = scalar_field(g), *Y = scalar_field(g);
  for (long i = 0; i < scalar_sites(g); i++) phi[i] = (double)(i % 7) / 7, pi[i] = 0;
  staggered_set(D, phi);
  scalar_exchange(g, phi);
  best[MD] = md_step(g, ranks, phi, pi);
  best[APART] = md_step(&apart, ranks, phi, pi);
  best[SOLVER] = iteration(D, ranks, pi, Y);
  scalar_field_free(g, phi), scalar_field_free(g, pi), scalar_field_free(g, Y);
  staggered_free(D), scalar_grid_free(g);
}

int main(int argc, char **argv) {
  int L = argc > 1 ? atoi(argv[1]) : 64;
  comm all;
  err e = {0};
  double one[NTIMES] = {0}, many[NTIMES], V = (double)L * L * L * 1e-9;
  MPI_Init(&argc, &argv);
  if (comm_open(&all, MPI_COMM_WORLD, 1, &e)) return 1;
  int waiting = 1;
  MPI_Request ready;
  if (!all.rank) measure(L, NULL, one);
  MPI_Ibarrier(all.mpi, &ready);
  while (MPI_Test(&ready, &waiting, MPI_STATUS_IGNORE), !waiting) usleep(1000); /* without taking the one's time */
  measure(L, &all, many);
  if (!all.rank) {
    printf("%d^3, %d ranks: MD step %.3f ns/site against %.3f on one, %.2f times faster; without exchange %.2f times\n",
           L, all.ranks, many[MD] / V, one[MD] / V, one[MD] / many[MD], one[MD] / many[APART]);
    printf("   iteration of the solver %.3f against %.3f, %.2f times faster\n", many[SOLVER] / V, one[SOLVER] / V,
           one[SOLVER] / many[SOLVER]);
  }
  comm_close(&all);
  return MPI_Finalize();
}

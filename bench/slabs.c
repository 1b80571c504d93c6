/* slabs.c: one lattice of L^3 sites divided among ranks: MD steps of the scalar field with exchange of halos, and
 * conjugate gradients, against the same on one rank while the others wait.   mpirun -n N bench_slabs [L] */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lattice/staggered.h"

static const scalar_action act = {.18, 1.1};

/* Seconds of an MD step and of an iteration of the solver, the best of many short rounds; ranks NULL: whole. */
static void measure(int L, const comm *ranks, double best[2]) {
  enum { ROUNDS = 300, STEPS = 4 };
  scalar_grid *g;
  staggered *D;
  err e = {0};
  if (scalar_grid_new(&g, 3, (int[]){L, L, L}, ranks, &e) || staggered_new(&D, g, 1, .05, false, &e)) exit(1);
  double *phi = scalar_field(g), *pi = scalar_field(g), *Y = scalar_field(g), rest = INFINITY;
  for (long i = 0; i < scalar_sites(g); i++) phi[i] = (double)(i % 7) / 7, pi[i] = 0;
  staggered_set(D, phi);
  best[0] = best[1] = INFINITY;
  for (int round = 0; round < ROUNDS; round++) {
    if (ranks) MPI_Barrier(ranks->mpi);
    double t = MPI_Wtime();
    for (int k = 0; k < STEPS; k++) {
      scalar_kick_drift(g, act, phi, pi, 1e-6, 1e-6);
      scalar_exchange(g, phi);
    }
    best[0] = fmin(best[0], (MPI_Wtime() - t) / STEPS);
    for (int many = 0; many < 2; many++) { /* a solve of four iterations, and of none */
      for (long i = 0; i < scalar_sites(g); i++) Y[i] = 0;
      if (ranks) MPI_Barrier(ranks->mpi);
      t = MPI_Wtime();
      staggered_solve(D, true, pi, NULL, Y, 1e-14, many * STEPS);
      t = MPI_Wtime() - t;
      if (many)
        best[1] = fmin(best[1], t);
      else
        rest = fmin(rest, t);
    }
  }
  best[1] = (best[1] - rest) / STEPS;
  scalar_field_free(g, phi), scalar_field_free(g, pi), scalar_field_free(g, Y);
  staggered_free(D), scalar_grid_free(g);
}

int main(int argc, char **argv) {
  int L = argc > 1 ? atoi(argv[1]) : 64;
  comm all;
  err e = {0};
  double one[2] = {0}, many[2], V = (double)L * L * L * 1e-9;
  MPI_Init(&argc, &argv);
  if (comm_open(&all, MPI_COMM_WORLD, 1, &e)) return 1;
  int waiting = 1;
  MPI_Request ready;
  if (!all.rank) measure(L, NULL, one);
  MPI_Ibarrier(all.mpi, &ready);
  while (MPI_Test(&ready, &waiting, MPI_STATUS_IGNORE), !waiting) usleep(1000); /* without taking the one's time */
  measure(L, &all, many);
  if (!all.rank) {
    printf("%d^3, %d ranks: MD step %.3f ns/site against %.3f on one, %.2f times faster\n", L, all.ranks, many[0] / V,
           one[0] / V, one[0] / many[0]);
    printf("   iteration of the solver %.3f against %.3f, %.2f times faster\n", many[1] / V, one[1] / V,
           one[1] / many[1]);
  }
  comm_close(&all);
  return MPI_Finalize();
}

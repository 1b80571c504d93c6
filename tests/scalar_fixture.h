/* scalar_fixture.h: grids and random fields for the tests of the scalar field. */
#ifndef TESTS_SCALAR_FIXTURE_H
#define TESTS_SCALAR_FIXTURE_H

#include "base/rng.h"
#include "lattice/scalar.h"
#include "tests/check.h"

static inline scalar_grid *grid_of(int d, int a, int b, int c, int t, const comm *ranks) {
  scalar_grid *g = NULL;
  err e = {0};
  CHECK_REPORT(!scalar_grid_new(&g, d, (int[]){a, b, c, t}, ranks, &e), "%.200s", e.text);
  return g;
}

/* Normal numbers, functions of the site of the lattice; exchanged. */
static inline void fill_normal(const scalar_grid *g, double *phi, const char *stream) {
  rng r = rng_stream(11, stream);
  for (long i = 0; i < scalar_sites(g); i++) phi[i] = rng_normal(r, (uint64_t)(g->first * g->plane + i), 0, 0);
  scalar_exchange(g, phi);
}

#endif

/* eit_fixture.h: disks with equal electrodes for the tests of EIT. */
#ifndef TESTS_EIT_FIXTURE_H
#define TESTS_EIT_FIXTURE_H

#include "check.h"
#include "signals/eit_exact.h"
#include "signals/eit_forward.h"

#define FIXTURE_PI 3.14159265358979323846
enum { FIXTURE_MAX = 64 };

static inline int fixture_fine(int rc, const err *e) {
  CHECK_REPORT(rc == 0, "unexpected error: %.500s", e->text);
  return rc == 0;
}

/* n electrodes of half angle `half` on a disk of radius R; sizes h, h_edge in units of R. */
static inline eit_mesh *fixture_disk(double R, int n, double half, double h, double h_edge, double slope, int refine,
                                     int order) {
  eit_electrode l[FIXTURE_MAX];
  eit_mesh *m = NULL;
  err e = {0};
  for (int k = 0; k < n; k++) l[k] = (eit_electrode){.angle = 2 * FIXTURE_PI * k / n, .half = half};
  eit_mesh_spec s = {.outline = {.radius = R},
                     .nelectrodes = n,
                     .electrode = l,
                     .h = h * R,
                     .h_edge = h_edge * R,
                     .slope = slope,
                     .refine = refine,
                     .order = order};
  fixture_fine(eit_mesh_new(&m, &s, &e), &e);
  return m;
}

static inline double fixture_radius(const eit_mesh *m, int element) {
  double c[3];
  eit_mesh_centre(m, element, c);
  return hypot(c[0], c[1]);
}

#endif

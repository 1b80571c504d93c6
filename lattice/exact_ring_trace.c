/* exact_ring_trace.c: ring_class, ring_diagonal: diagonal elements of the product of all layers, one representative of
 * each class of states under the symmetries of the lattice, eight of them side by side. */
#include <math.h>
#include <stdlib.h>

#include "lattice/exact_ring.h"

static int smallest_rotation(const ring *r, int x, int turn) {
  int all = (1 << r->length) - 1, best = x;
  for (int k = 1; k < r->length; k++) {
    x = ((x >> 1 | x << (r->length - 1)) & all) ^ turn;
    if (x < best) best = x;
  }
  return best;
}

int ring_class(const ring *r, int x) {
  int all = (1 << r->length) - 1, back = 0;
  int turn = r->columns ? all : 0; /* what moves s by one row turns t over */
  for (int p = 0; p < r->length; p++) back |= (x >> p & 1) << (r->length - 1 - p);
  int start[4] = {x, back ^ turn, x ^ all, back ^ turn ^ all}, best = x;
  for (int k = 0; k < (r->t->field == 0 ? 4 : 2); k++) {
    int s = smallest_rotation(r, start[k], turn);
    if (s < best) best = s;
  }
  return best;
}

static void batch(ring *r, int n, const int *x, const int *members, ring_visit *fn, void *ctx) {
  ring_enter(r, ring_sector_of(r, x[0]));
  for (int k = 0; k < n; k++) r->v[(size_t)r->rank[x[k]] * (size_t)r->width][k] = 1;
  for (int l = 1; l <= r->layers; l++) {
    ring_gates(r, l);
    ring_field(r, l);
    ring_rescale(r);
  }
  for (int k = 0; k < n; k++) {
    const ring_lanes *v = r->v + (size_t)r->rank[x[k]] * (size_t)r->width;
    ring_number d = {.log = r->log[k], .shift = r->shift[k]};
    for (int c = 0; c < r->width; c++) d.v[c] = v[c][k];
    fn(ctx, r, x[k], members[x[k]], d);
  }
}

int ring_diagonal(ring *r, ring_visit *fn, void *ctx, err *e) {
  int states = 1 << r->length, x[RING_LANES];
  int *members = calloc((size_t)states, sizeof *members);
  if (!members) return err_set(e, ERR_RUN, "no memory for the classes of %d states", states);
  for (int s = 0; s < states; s++) members[ring_class(r, s)]++;
  for (int sector = 0; sector < ring_sectors(r); sector++) {
    int n = 0;
    for (int s = 0; s < states; s++) {
      if (!members[s] || ring_sector_of(r, s) != sector) continue;
      x[n++] = s;
      if (n == RING_LANES) batch(r, n, x, members, fn, ctx), n = 0;
    }
    if (n) batch(r, n, x, members, fn, ctx);
  }
  free(members);
  return 0;
}

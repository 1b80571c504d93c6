/* scalar.c: grids, fields, force and moves of the scalar field (see scalar.h). Kernels run along rows; the neighbours
 * of a row are rows of the same plane (grid table) and of the planes before and behind, so that only the ends of a row
 * are special (in whole vectors, lattice/scalar_row.h, not even these). One passage through phi and pi is the floor. */
#include "lattice/scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lattice/scalar_row.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- grids ---- */

static void fill_tables(scalar_grid *g) {
  int mid = g->d - 2;
  for (int r = 0; r < g->rows; r++) {
    int stride = g->rows, rest = r, parity = 0;
    g->odd[r] = 0;
    for (int k = 0; k < mid; k++) {
      int L = g->side[1 + k];
      stride /= L;
      int x = rest / stride;
      rest -= x * stride;
      parity ^= x & 1;
      g->odd[r] = (uint8_t)(g->odd[r] | parity << (k + 1));
      g->near[(r * mid + k) * 2] = r + ((x + 1) % L - x) * stride;
      g->near[(r * mid + k) * 2 + 1] = r + ((x + L - 1) % L - x) * stride;
    }
  }
}

static int check_sides(int d, const int *side, const comm *ranks, err *e) {
  double n = 1;
  if (d < 2 || d > SCALAR_DIM) return err_set(e, ERR_DECK, "a lattice of %d dimensions: 2, 3 or 4 are possible", d);
  for (int k = 0; k < d; k++) {
    if (side[k] < 2) return err_set(e, ERR_DECK, "a side of %d sites: at least 2 are needed", side[k]);
    n *= side[k];
  }
  if (n > 0x1p31) return err_set(e, ERR_DECK, "a lattice of %.3g sites: at most 2^31 are possible", n);
  if (ranks && ranks->ranks > side[0])
    return err_set(e, ERR_DECK, "%d ranks cannot share %d planes", ranks->ranks, side[0]);
  return 0;
}

int scalar_grid_new(scalar_grid **out, int d, const int *side, const comm *ranks, err *e) {
  *out = NULL;
  if (check_sides(d, side, ranks, e)) return e->code;
  scalar_grid *g = calloc(1, sizeof *g);
  if (!g) return err_set(e, ERR_RUN, "lattice: out of memory");
  *g = (scalar_grid){.d = d, .n = 1, .rows = 1, .row = side[d - 1], .ranks = ranks && ranks->ranks > 1 ? ranks : NULL};
  for (int k = 0; k < d; k++) g->side[k] = side[k], g->n *= side[k];
  for (int k = 1; k < d - 1; k++) g->rows *= side[k];
  g->plane = (long)g->rows * g->row;
  comm_range here = {0, side[0]};
  if (g->ranks) here = comm_rank_range(ranks, ranks->rank, side[0]);
  g->first = here.first, g->planes = here.end - here.first;
  g->near = malloc(((size_t)g->rows * 2 * (size_t)(d - 2) + 1) * sizeof *g->near);
  g->odd = malloc((size_t)g->rows);
  if (!g->near || !g->odd) {
    scalar_grid_free(g);
    return err_set(e, ERR_RUN, "lattice: out of memory");
  }
  fill_tables(g);
  *out = g;
  return g->ranks ? halo_new(&g->halo, ranks, (size_t)g->plane * sizeof(double), true, e) : 0;
}

void scalar_grid_free(scalar_grid *g) {
  if (!g) return;
  halo_free(g->halo), free(g->near), free(g->odd), free(g);
}

bool scalar_even(const scalar_grid *g) {
  for (int k = 0; k < g->d; k++)
    if (g->side[k] & 1) return false;
  return true;
}

/* ---- fields ---- */

static size_t room(long plane) { /* numbers before the first plane, 64 bytes aligned */
  return ((size_t)plane + 7) / 8 * 8;
}

/* All begin at a page: where two fields lie some 100 bytes apart modulo 4096, loads of one wait for stores to the other
 * whose addresses end in the same 12 bits, and a kick takes up to a third longer (Zen 4). */
double *scalar_planes(const scalar_grid *g, long plane) {
  enum { PAGE = 4096 };
  size_t bytes = (((size_t)(g->planes * plane) + 7) / 8 * 8 + 2 * room(plane) + SCALAR_BEHIND) * sizeof(double);
  double *v = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
  return v ? (double *)memset(v, 0, bytes) + room(plane) : NULL;
}

void scalar_planes_free(long plane, double *v) {
  if (v) free(v - room(plane));
}

double *scalar_field(const scalar_grid *g) {
  return scalar_planes(g, g->plane);
}

void scalar_field_free(const scalar_grid *g, double *v) {
  scalar_planes_free(g->plane, v);
}

void scalar_send(const scalar_grid *g, long plane, const double *v) {
  if (!g->halo) return;
  halo_put(g->halo, HALO_BELOW, v, (size_t)plane * sizeof *v);
  halo_put(g->halo, HALO_ABOVE, v + (g->planes - 1) * plane, (size_t)plane * sizeof *v);
}

static void receive(const scalar_grid *g, long plane, double *v) {
  if (!g->halo) return;
  halo_get(g->halo, HALO_BELOW, v - plane, (size_t)plane * sizeof *v);
  halo_get(g->halo, HALO_ABOVE, v + g->planes * plane, (size_t)plane * sizeof *v);
}

void scalar_exchange(const scalar_grid *g, double *v) {
  scalar_send(g, g->plane, v), receive(g, g->plane, v);
}

int scalar_next(const scalar_grid *g, int k, long plane, double *v) {
  int inner = g->planes < 2 ? 0 : g->planes - 2;
  if (k < inner) {
    if (g->halo) halo_near(g->halo, k, inner);
    return k + 1;
  }
  if (k == inner) receive(g, plane, v);
  return k == inner ? 0 : g->planes - 1;
}

void scalar_share(const scalar_grid *g, int k, double *rows) {
  if (g->ranks) comm_share_rows(g->ranks, g->side[0], (size_t)k, rows);
}

void scalar_sum(const scalar_grid *g, int k, double *rows, double *sum) {
  scalar_share(g, k, rows);
  comm_add_rows(g->side[0], (size_t)k, rows);
  memcpy(sum, rows, (size_t)k * sizeof *sum);
}

double scalar_dot(const scalar_grid *g, long plane, const double *a, const double *b) {
  double rows[g->side[0]], sum;
  for (int p = 0; p < g->planes; p++) {
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (long i = 0; i < plane; i++) s += a[p * plane + i] * b[p * plane + i];
    rows[g->first + p] = s;
  }
  scalar_sum(g, 1, rows, &sum);
  return sum;
}

/* ---- force ---- */

typedef struct weights { /* F = hop sum phi_near + (linear + cubic phi^2) phi */
  double hop, linear, cubic;
} weights;

static weights weights_of(scalar_action a, double eps) {
  return (weights){2 * eps * a.kappa, eps * (4 * a.lambda - 2), -4 * eps * a.lambda};
}

/* The 2 (d-1) rows around row r of plane p. */
typedef struct around {
  const double *here, *near[2 * (SCALAR_DIM - 1)];
} around;

INLINE around around_row(const scalar_grid *g, const double *phi, int p, int r, int mid) {
  const double *plane = phi + p * g->plane;
  long at = (long)r * g->row;
  around a = {plane + at, {scalar_plane(g, g->plane, phi, p - 1) + at, scalar_plane(g, g->plane, phi, p + 1) + at}};
  for (int k = 0; k < 2 * mid; k++) a.near[2 + k] = plane + (long)g->near[r * 2 * mid + k] * g->row;
  return a;
}

INLINE double force_at(const around *a, weights w, int mid, int x, double left, double right) {
  double f = a->here[x], s = left + right;
  for (int k = 0; k < 2 + 2 * mid; k++) s += a->near[k][x];
  return w.hop * s + (w.linear + w.cubic * f * f) * f;
}

/* F of a row, or added to what is there, of a length that vectors do not divide. The loop runs over full vectors, the
 * ends are set again afterwards: what lies before and behind a row is another row or the room of the field. */
INLINE void force_row(const around *a, weights w, int mid, int n, bool add, double *restrict F) {
  const double *h = a->here;
  double first = force_at(a, w, mid, 0, h[n - 1], h[1]), last = force_at(a, w, mid, n - 1, h[n - 2], h[0]);
  if (add) first += F[0], last += F[n - 1];
#pragma omp simd
  for (int x = 0; x < n; x++) {
    double f = force_at(a, w, mid, x, h[x - 1], h[x + 1]);
    F[x] = add ? F[x] + f : f;
  }
  F[0] = first, F[n - 1] = last;
}

/* The same in whole vectors. */
INLINE void force_whole(const around *a, weights w, int mid, int n, bool add, double *restrict F) {
  const double *h = a->here;
  scalar_vec before = SCALAR_AT(h + n - SCALAR_VL), here = SCALAR_AT(h);
  for (int x = 0; x < n; x += SCALAR_VL) {
    scalar_vec next = SCALAR_AT(h + (x + SCALAR_VL < n ? x + SCALAR_VL : 0));
    scalar_vec s = scalar_left(before, here) + scalar_right(here, next);
    for (int k = 0; k < 2 + 2 * mid; k++) s += SCALAR_AT(a->near[k] + x);
    scalar_vec f = w.hop * s + (w.linear + w.cubic * here * here) * here;
    if (add) f += SCALAR_AT(F + x);
    *(scalar_vec *)(F + x) = f;
    before = here, here = next;
  }
}

INLINE void force_plane_of(const scalar_grid *g, weights w, const double *phi, double *F, int p, bool add, int mid) {
  for (int r = 0; r < g->rows; r++) {
    around a = around_row(g, phi, p, r, mid);
    double *to = F + p * g->plane + (long)r * g->row;
    if (g->row % SCALAR_VL)
      force_row(&a, w, mid, g->row, add, to);
    else
      force_whole(&a, w, mid, g->row, add, to);
  }
}

static void force_plane(const scalar_grid *g, weights w, const double *phi, double *F, int p, bool add) {
  if (g->d == 3)
    force_plane_of(g, w, phi, F, p, add, 1);
  else if (g->d == 2)
    force_plane_of(g, w, phi, F, p, add, 0);
  else
    force_plane_of(g, w, phi, F, p, add, 2);
}

void scalar_force(const scalar_grid *g, scalar_action a, const double *phi, double *F) {
  for (int p = 0; p < g->planes; p++) force_plane(g, weights_of(a, 1), phi, F, p, false);
}

void scalar_kick(const scalar_grid *g, scalar_action a, const double *phi, double *pi, double eps) {
  for (int p = 0; p < g->planes; p++) force_plane(g, weights_of(a, eps), phi, pi, p, true);
}

static void drift_plane(const scalar_grid *g, double *restrict phi, const double *restrict pi, double eps, int p) {
  phi += p * g->plane, pi += p * g->plane;
#pragma omp simd
  for (long i = 0; i < g->plane; i++) phi[i] += eps * pi[i];
}

void scalar_drift(const scalar_grid *g, double *phi, const double *pi, double eps) {
  for (int p = 0; p < g->planes; p++) drift_plane(g, phi, pi, eps, p);
}

/* A plane moves when the force on its two neighbours is known. The outer planes first: what they are then is on its
 * way while the others move. */
void scalar_kick_drift(const scalar_grid *g, scalar_action a, double *phi, double *pi, double kick, double drift) {
  weights w = weights_of(a, kick);
  int P = g->planes, last = P - 1, inner = P < 4 ? 0 : P - 4; /* planes 2 .. last - 2 */
  for (int p = 0; p < P; p++)
    if (p < 2 || p > last - 2) force_plane(g, w, phi, pi, p, true);
  drift_plane(g, phi, pi, drift, 0);
  if (last > 0) drift_plane(g, phi, pi, drift, last);
  scalar_send(g, g->plane, phi);
  for (int p = 2; p < 2 + inner; p++) {
    force_plane(g, w, phi, pi, p, true);
    drift_plane(g, phi, pi, drift, p - 1);
    if (g->halo) halo_near(g->halo, p - 2, inner);
  }
  for (int p = inner + 1; p < last; p++) drift_plane(g, phi, pi, drift, p);
  receive(g, g->plane, phi);
}

/* staggered.c: the staggered operator on fields and half fields (see staggered.h). All phases eta are the same along a
 * row, and the antiperiodic sign is that of the planes beyond the ends, so that a row is a sum of rows with constant
 * factors. In a half row j = x div 2; the site x of another row keeps its j, the two neighbours along the row are j and
 * j - 1 or j + 1. */
#include "lattice/staggered.h"

#include "lattice/scalar_row.h"

#define INLINE static inline __attribute__((always_inline))

/* The rows around a row in the other directions: factors times (ahead - behind), and the factor along the row. */
typedef struct hops {
  const double *ahead[SCALAR_DIM - 1], *behind[SCALAR_DIM - 1];
  double plus[SCALAR_DIM - 1], minus[SCALAR_DIM - 1], along;
} hops;

/* width: numbers of a row of v (the whole row, or half of it). */
INLINE hops hops_of(const scalar_grid *g, const double *v, int width, double sign, int p, int r, int mid) {
  long plane = (long)g->rows * width, at = (long)r * width;
  int t = g->first + p;
  double half = sign / 2, phase = t & 1 ? -half : half;
  hops h;
  h.ahead[0] = scalar_plane(g, plane, v, p + 1) + at, h.plus[0] = t + 1 == g->side[0] ? -half : half;
  h.behind[0] = scalar_plane(g, plane, v, p - 1) + at, h.minus[0] = t == 0 ? -half : half;
  for (int k = 0; k < mid; k++) {
    h.ahead[1 + k] = v + p * plane + (long)g->near[(r * mid + k) * 2] * width;
    h.behind[1 + k] = v + p * plane + (long)g->near[(r * mid + k) * 2 + 1] * width;
    h.plus[1 + k] = h.minus[1 + k] = g->odd[r] >> k & 1 ? -phase : phase;
  }
  h.along = g->odd[r] >> mid & 1 ? -phase : phase;
  return h;
}

INLINE double hop_at(const hops *h, int mid, long x, double left, double right) {
  double s = h->along * (right - left);
  for (int k = 0; k <= mid; k++) s += h->plus[k] * h->ahead[k][x] - h->minus[k] * h->behind[k][x];
  return s;
}

/* ---- fields ---- */

INLINE void apply_row(const hops *h, int mid, int n, const double *m, const double *v, double *restrict out) {
  double first = hop_at(h, mid, 0, v[n - 1], v[1]), last = hop_at(h, mid, n - 1, v[n - 2], v[0]);
  if (m) first += m[0] * v[0], last += m[n - 1] * v[n - 1];
#pragma omp simd
  for (int x = 0; x < n; x++) {
    double s = hop_at(h, mid, x, v[x - 1], v[x + 1]);
    out[x] = m ? s + m[x] * v[x] : s;
  }
  out[0] = first, out[n - 1] = last;
}

/* The same in whole vectors. */
INLINE void apply_whole(const hops *h, int mid, int n, const double *m, const double *v, double *restrict out) {
  scalar_vec before = SCALAR_AT(v + n - SCALAR_VL), here = SCALAR_AT(v);
  for (int x = 0; x < n; x += SCALAR_VL) {
    scalar_vec next = SCALAR_AT(v + (x + SCALAR_VL < n ? x + SCALAR_VL : 0));
    scalar_vec s = h->along * (scalar_right(here, next) - scalar_left(before, here));
    for (int k = 0; k <= mid; k++)
      s += h->plus[k] * SCALAR_AT(h->ahead[k] + x) - h->minus[k] * SCALAR_AT(h->behind[k] + x);
    if (m) s += SCALAR_AT(m + x) * here;
    *(scalar_vec *)(out + x) = s;
    before = here, here = next;
  }
}

INLINE void apply_of(const scalar_grid *g, int sign, const double *m, double *v, double *out, int mid) {
  scalar_send(g, g->plane, v);
  for (int k = 0; k < g->planes; k++) {
    int p = scalar_next(g, k, g->plane, v);
    for (int r = 0; r < g->rows; r++) {
      long at = p * g->plane + (long)r * g->row;
      hops h = hops_of(g, v, g->row, sign, p, r, mid);
      if (g->row % SCALAR_VL)
        apply_row(&h, mid, g->row, m ? m + at : NULL, v + at, out + at);
      else
        apply_whole(&h, mid, g->row, m ? m + at : NULL, v + at, out + at);
    }
  }
}

void staggered_apply(const scalar_grid *g, int sign, const double *m, double *v, double *out) {
  if (g->d == 3)
    apply_of(g, sign, m, v, out, 1);
  else if (g->d == 2)
    apply_of(g, sign, m, v, out, 0);
  else
    apply_of(g, sign, m, v, out, 2);
}

/* ---- half fields ---- */

double *staggered_half(const scalar_grid *g) {
  return scalar_planes(g, staggered_plane(g));
}

void staggered_half_free(const scalar_grid *g, double *v) {
  scalar_planes_free(staggered_plane(g), v);
}

INLINE void take(int n, const double *v, double *restrict out) {
#pragma omp simd
  for (int j = 0; j < n; j++) out[j] = v[2 * j];
}

INLINE void place(int n, const double *restrict even, const double *restrict odd, double *restrict v) {
  for (int j = 0; j < n; j++) v[2 * j] = even[j], v[2 * j + 1] = odd[j];
}

void staggered_split(const scalar_grid *g, const double *v, double *even, double *odd) {
  int n = g->row / 2;
  for (int p = 0; p < g->planes; p++)
    for (int r = 0; r < g->rows; r++, v += g->row) {
      int s = scalar_row_odd(g, p, r);
      long k = ((long)p * g->rows + r) * n;
      if (even) take(n, v + s, even + k);
      if (odd) take(n, v + 1 - s, odd + k);
    }
}

void staggered_join(const scalar_grid *g, const double *even, const double *odd, double *v) {
  int n = g->row / 2;
  for (int p = 0; p < g->planes; p++)
    for (int r = 0; r < g->rows; r++, v += g->row, even += n, odd += n) {
      if (scalar_row_odd(g, p, r))
        place(n, odd, even, v);
      else
        place(n, even, odd, v);
    }
}

INLINE double put(const double *scale, const double *u, long x, double hop) {
  return u ? scale[x] * u[x] - hop : scale[x] * hop;
}

/* s: the sites are x = 2 j + s; v is the row of the other parity, whose neighbours are x - 1 and x + 1. */
INLINE void hop_row(const hops *h, int mid, int n, int s, const double *v, const double *scale, const double *u,
                    double *restrict out) {
  int end = s ? n - 1 : 0;
  double edge = hop_at(h, mid, end, v[n - 1], v[0]);
#pragma omp simd
  for (int x = 0; x < n; x++) out[x] = put(scale, u, x, hop_at(h, mid, x, v[x + s - 1], v[x + s]));
  out[end] = put(scale, u, end, edge);
}

/* The same in whole vectors. */
INLINE void hop_whole(const hops *h, int mid, int n, int s, const double *v, const double *scale, const double *u,
                      double *restrict out) {
  scalar_vec before = SCALAR_AT(v + n - SCALAR_VL), here = SCALAR_AT(v);
  for (int x = 0; x < n; x += SCALAR_VL) {
    scalar_vec next = SCALAR_AT(v + (x + SCALAR_VL < n ? x + SCALAR_VL : 0));
    scalar_vec hop = h->along * (s ? scalar_right(here, next) - here : here - scalar_left(before, here));
    for (int k = 0; k <= mid; k++)
      hop += h->plus[k] * SCALAR_AT(h->ahead[k] + x) - h->minus[k] * SCALAR_AT(h->behind[k] + x);
    *(scalar_vec *)(out + x) = u ? SCALAR_AT(scale + x) * SCALAR_AT(u + x) - hop : SCALAR_AT(scale + x) * hop;
    before = here, here = next;
  }
}

INLINE void hop_of(const scalar_grid *g, int to, double *v, const double *scale, const double *u, double *out,
                   int mid) {
  int n = g->row / 2;
  long plane = staggered_plane(g);
  scalar_send(g, plane, v);
  for (int k = 0; k < g->planes; k++) {
    int p = scalar_next(g, k, plane, v);
    for (int r = 0; r < g->rows; r++) {
      long at = p * plane + (long)r * n;
      hops h = hops_of(g, v, n, 1, p, r, mid);
      int s = (scalar_row_odd(g, p, r) + to) & 1;
      if (n % SCALAR_VL)
        hop_row(&h, mid, n, s, v + at, scale + at, u ? u + at : NULL, out + at);
      else
        hop_whole(&h, mid, n, s, v + at, scale + at, u ? u + at : NULL, out + at);
    }
  }
}

void staggered_hop(const scalar_grid *g, int to, double *v, const double *scale, const double *u, double *out) {
  if (g->d == 3)
    hop_of(g, to, v, scale, u, out, 1);
  else if (g->d == 2)
    hop_of(g, to, v, scale, u, out, 0);
  else
    hop_of(g, to, v, scale, u, out, 2);
}

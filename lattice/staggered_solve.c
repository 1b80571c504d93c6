/* staggered_solve.c: staggered_new, staggered_set, staggered_solve (see staggered.h).
 *
 * Even-odd, with S = S_e for D and for D^T alike (K -> -K):
 *   D Y = chi:     S Y_e = chi_e - K_eo m_o^-1 chi_o,   Y_o = m_o^-1 (chi_o - K_oe Y_e)
 *   D^T X = Y:     S X_e = Y_e + K_eo m_o^-1 Y_o,       X_o = m_o^-1 (Y_o + K_oe X_e)
 * Else D D^T X = chi, Y = D^T X. Sums are per plane along the fixed tree, so iteration counts and bits are the same on
 * any number of ranks. */
#include <math.h>
#include <stdlib.h>

#include "lattice/staggered.h"

enum { DENSE = 4096 };

int staggered_new(staggered **out, const scalar_grid *g, double mass, double coupling, bool dense, err *e) {
  *out = NULL;
  if (!scalar_even(g)) return err_set(e, ERR_DECK, "staggered fermions need even sides");
  if (dense && (g->n > DENSE || g->ranks))
    return err_set(e, ERR_DECK, "the exact determinant needs the whole lattice on one rank and at most %d sites",
                   DENSE);
  staggered *s = calloc(1, sizeof *s);
  if (!s) return err_set(e, ERR_RUN, "fermions: out of memory");
  *s = (staggered){.g = g, .mass = mass, .coupling = coupling, .m = scalar_field(g)};
  bool good = s->m && (s->even = staggered_half(g)) && (s->odd = staggered_half(g));
  for (int k = 0; k < 7 && good; k++) good = (s->half[k] = staggered_half(g)) != NULL;
  for (int k = 0; k < 4 && good; k++) good = (s->full[k] = scalar_field(g)) != NULL;
  if (good && dense) {
    s->matrix = malloc((size_t)(g->n * g->n) * sizeof *s->matrix);
    s->pivot = malloc((size_t)g->n * sizeof *s->pivot);
    good = s->matrix && s->pivot;
  }
  if (!good) {
    staggered_free(s);
    return err_set(e, ERR_RUN, "fermions: out of memory");
  }
  *out = s;
  return 0;
}

void staggered_free(staggered *s) {
  if (!s) return;
  scalar_field_free(s->g, s->m), staggered_half_free(s->g, s->even), staggered_half_free(s->g, s->odd);
  for (int k = 0; k < 7; k++) staggered_half_free(s->g, s->half[k]);
  for (int k = 0; k < 4; k++) scalar_field_free(s->g, s->full[k]);
  free(s->matrix), free(s->pivot), free(s);
}

void staggered_set(staggered *s, const double *phi) {
  const scalar_grid *g = s->g;
  double rows[g->side[0]][2], count[2];
  for (int p = 0; p < g->planes; p++) {
    long above = 0, below = 0;
    double *m = s->m + p * g->plane;
    const double *f = phi + p * g->plane;
    for (long i = 0; i < g->plane; i++) {
      m[i] = s->mass + s->coupling * f[i];
      above += m[i] > STAGGERED_NEAR, below += m[i] < -STAGGERED_NEAR;
    }
    rows[g->first + p][0] = (double)above, rows[g->first + p][1] = (double)below;
  }
  scalar_sum(g, 2, rows[0], count);
  s->definite = count[0] == (double)g->n || count[1] == (double)g->n;
  if (!s->definite) return;
  staggered_split(g, s->m, s->even, s->odd);
  for (long k = 0; k < g->planes * staggered_plane(g); k++) s->odd[k] = 1 / s->odd[k];
}

/* ---- conjugate gradients: A x = b, A symmetric and definite ---- */

typedef struct linear { /* fields of `plane` numbers a plane */
  staggered *s;
  void (*apply)(staggered *s, double *v, double *out);
  long plane;
  double *r, *p, *q; /* room */
} linear;

static void axpy(long n, double a, const double *restrict x, double *restrict y) {
#pragma omp simd
  for (long i = 0; i < n; i++) y[i] += a * x[i];
}

/* x: guess, then solution. */
static long conjugate(const linear *A, const double *b, double *x, double tol, long most) {
  const scalar_grid *g = A->s->g;
  long n = g->planes * A->plane, it = 0;
  double goal = tol * tol * scalar_dot(g, A->plane, b, b);
  A->apply(A->s, x, A->q);
  for (long i = 0; i < n; i++) A->p[i] = A->r[i] = b[i] - A->q[i];
  double rr = scalar_dot(g, A->plane, A->r, A->r);
  for (; rr > goal && it < most; it++) {
    A->apply(A->s, A->p, A->q);
    double a = rr / scalar_dot(g, A->plane, A->p, A->q), old = rr;
    axpy(n, a, A->p, x), axpy(n, -a, A->q, A->r);
    rr = scalar_dot(g, A->plane, A->r, A->r);
    for (long i = 0; i < n; i++) A->p[i] = A->r[i] + rr / old * A->p[i];
  }
  A->s->iterations += it, A->s->solves++;
  return rr <= goal ? it : -1;
}

static void apply_schur(staggered *s, double *v, double *out) {
  staggered_hop(s->g, 1, v, s->odd, NULL, s->half[3]);
  staggered_hop(s->g, 0, s->half[3], s->even, v, out);
}

static void apply_square(staggered *s, double *v, double *out) { /* D D^T */
  staggered_apply(s->g, -1, s->m, v, s->full[3]);
  staggered_apply(s->g, 1, s->m, s->full[3], out);
}

/* (sign K + m) y = b; y holds a guess. sign K enters the right side and the odd sites only. */
static long solve_schur(staggered *s, int sign, const double *b, double *y, double tol, long most) {
  const scalar_grid *g = s->g;
  long n = g->planes * staggered_plane(g);
  double *be = s->half[4], *bo = s->half[5], *ye = s->half[6], *t = s->half[3];
  linear A = {s, apply_schur, staggered_plane(g), s->half[0], s->half[1], s->half[2]};
  staggered_split(g, b, be, bo);
  staggered_split(g, y, ye, NULL);
  for (long i = 0; i < n; i++) t[i] = sign * s->odd[i] * bo[i], A.q[i] = 1;
  staggered_hop(g, 0, t, A.q, be, A.r); /* b_e - K_eo (sign m_o^-1 b_o) */
  for (long i = 0; i < n; i++) be[i] = A.r[i];
  long it = conjugate(&A, be, ye, tol, most);
  staggered_hop(g, 1, ye, s->odd, NULL, t); /* m_o^-1 K_oe y_e */
  for (long i = 0; i < n; i++) t[i] = s->odd[i] * bo[i] - sign * t[i];
  staggered_join(g, ye, t, y);
  return it;
}

long staggered_solve(staggered *s, bool even_odd, const double *chi, double *X, double *Y, double tol, long most) {
  const scalar_grid *g = s->g;
  if (even_odd && s->definite) {
    long it = solve_schur(s, 1, chi, Y, tol, most);
    if (it < 0 || !X) return it;
    long more = solve_schur(s, -1, Y, X, tol, most);
    return more < 0 ? -1 : it + more;
  }
  linear A = {s, apply_square, g->plane, s->full[0], s->full[1], s->full[2]};
  long it = conjugate(&A, chi, X, tol, most);
  staggered_apply(g, -1, s->m, X, Y);
  return it;
}

/* sparse.c: sparse_new ... sparse_fill.
 *
 * The unknowns are put in the order of the factor once, so that a factorisation copies nothing; A = L D L^T by
 * CHOLMOD's simplicial method (Chen, Davis, Hager, Rajamanickam, ACM TOMS 35 (2008) 22). The triangular solves run
 * here: with all right-hand sides innermost they are vector operations. */
#include "signals/sparse.h"

#include <cholmod.h>
#include <stdlib.h>

struct sparse {
  cholmod_common c;
  cholmod_sparse *a; /* upper half, columns sorted; room for one number more */
  cholmod_factor *f;
  int *order; /* (n) */
  int n;
};

static int nothing(err *e, int n) {
  return err_set(e, ERR_RUN, "sparse system: no memory for %d unknowns", n);
}

/* The pattern with unknowns in the given order (NULL: their own). */
static cholmod_sparse *pattern(cholmod_common *c, int n, long npairs, const int (*pair)[2], const int *order) {
  cholmod_triplet *t = cholmod_allocate_triplet((size_t)n, (size_t)n, (size_t)(npairs + n), 1, CHOLMOD_REAL, c);
  if (!t) return NULL;
  int *row = t->i, *col = t->j;
  double *x = t->x;
  for (long k = 0; k < npairs + n; k++) {
    int i = k < npairs ? pair[k][0] : (int)(k - npairs), j = k < npairs ? pair[k][1] : i;
    if (i < 0 || j < 0) continue;
    if (order) i = order[i], j = order[j];
    row[t->nnz] = i < j ? i : j, col[t->nnz] = i < j ? j : i;
    x[t->nnz++] = 0;
  }
  cholmod_sparse *a = cholmod_triplet_to_sparse(t, 0, c);
  cholmod_free_triplet(&t, c);
  if (a && cholmod_sort(a, c) && cholmod_reallocate_sparse((size_t)((int *)a->p)[n] + 1, a, c)) return a;
  cholmod_free_sparse(&a, c);
  return NULL;
}

static int find(const cholmod_sparse *a, int row, int col) {
  const int *p = a->p, *i = a->i;
  int lo = p[col], hi = p[col + 1];
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    if (i[mid] <= row)
      lo = mid;
    else
      hi = mid;
  }
  return lo;
}

static int choose_order(sparse *s, long npairs, const int (*pair)[2]) {
  cholmod_sparse *a = pattern(&s->c, s->n, npairs, pair, NULL);
  s->c.nmethods = 1, s->c.method[0].ordering = CHOLMOD_AMD, s->c.postorder = 1;
  cholmod_factor *f = a ? cholmod_analyze(a, &s->c) : NULL;
  s->order = malloc((size_t)s->n * sizeof *s->order);
  const int *perm = f ? f->Perm : NULL;
  for (int k = 0; f && s->order && k < s->n; k++) s->order[perm[k]] = k;
  int bad = !f || !s->order;
  cholmod_free_factor(&f, &s->c);
  cholmod_free_sparse(&a, &s->c);
  return bad;
}

int sparse_new(sparse **out, int n, long npairs, const int (*pair)[2], int *slot, err *e) {
  *out = NULL;
  if (n < 1 || npairs > 500000000) return err_set(e, ERR_RUN, "sparse system: %d unknowns, %ld pairs", n, npairs);
  sparse *s = calloc(1, sizeof *s);
  if (!s) return nothing(e, n);
  cholmod_start(&s->c);
  s->c.print = 0, s->c.supernodal = CHOLMOD_SIMPLICIAL, s->n = n;
  if (!choose_order(s, npairs, pair)) s->a = pattern(&s->c, n, npairs, pair, s->order);
  s->c.method[0].ordering = CHOLMOD_NATURAL, s->c.postorder = 0;
  if (s->a) s->f = cholmod_analyze(s->a, &s->c);
  if (!s->f) {
    sparse_free(s);
    return nothing(e, n);
  }
  int none = ((int *)s->a->p)[n];
  for (long k = 0; k < npairs; k++) {
    int i = pair[k][0], j = pair[k][1];
    slot[k] = none;
    if (i < 0 || j < 0) continue;
    i = s->order[i], j = s->order[j];
    slot[k] = find(s->a, i < j ? i : j, i < j ? j : i);
  }
  *out = s;
  return 0;
}

void sparse_free(sparse *s) {
  if (!s) return;
  cholmod_free_factor(&s->f, &s->c);
  cholmod_free_sparse(&s->a, &s->c);
  cholmod_finish(&s->c);
  free(s->order);
  free(s);
}

const int *sparse_order(const sparse *s) {
  return s->order;
}

double *sparse_values(sparse *s, long *count) {
  *count = ((int *)s->a->p)[s->n] + 1;
  return s->a->x;
}

int sparse_factor(sparse *s, err *e) {
  int ok = cholmod_factorize(s->a, s->f, &s->c);
  if (ok && s->c.status == CHOLMOD_OK && s->f->minor == (size_t)s->n) return 0;
  if (s->c.status == CHOLMOD_OUT_OF_MEMORY) return nothing(e, s->n);
  return err_set(e, ERR_RUN, "sparse system: the matrix of %d unknowns is not positive definite (row %zu)", s->n,
                 s->f->minor);
}

static inline __attribute__((always_inline)) void solve(const cholmod_factor *f, int n, int m, double *restrict x) {
  const int *p = f->p, *row = f->i, *nz = f->nz;
  const double *l = f->x;
  for (int j = 0; j < n; j++)
    for (int k = p[j] + 1; k < p[j] + nz[j]; k++) {
      double *restrict y = x + (long)row[k] * m, *xj = x + (long)j * m, a = l[k];
#pragma GCC ivdep
      for (int r = 0; r < m; r++) y[r] -= a * xj[r];
    }
  for (int j = n - 1; j >= 0; j--) {
    double *restrict xj = x + (long)j * m, d = 1 / l[p[j]];
    for (int r = 0; r < m; r++) xj[r] *= d;
    for (int k = p[j] + 1; k < p[j] + nz[j]; k++) {
      const double *y = x + (long)row[k] * m;
      double a = l[k];
#pragma GCC ivdep
      for (int r = 0; r < m; r++) xj[r] -= a * y[r];
    }
  }
}

void sparse_solve(const sparse *s, int m, double *x) {
  if (m == 1)
    solve(s->f, s->n, 1, x);
  else if (m == 16)
    solve(s->f, s->n, 16, x);
  else if (m == 32)
    solve(s->f, s->n, 32, x);
  else
    solve(s->f, s->n, m, x);
}

long sparse_fill(const sparse *s) {
  return (long)s->c.lnz;
}

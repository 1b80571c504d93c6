/* eit_tv.c: eit_tv. Each iteration solves (J^T J + alpha/2 D^T diag(length/(dx^2 + beta^2)^1/2) D) x = J^T y. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/lapack.h"
#include "signals/dense.h"
#include "signals/eit_image.h"

/* h (n, n) += alpha/2 D^T diag D at x, lower half. */
static void add_diffusion(const eit_graph *g, double alpha, double beta, const double *x, double *h) {
  for (int k = 0; k < g->nsides; k++) {
    int i = g->side[k][0], j = g->side[k][1], hi = i > j ? i : j, lo = i > j ? j : i;
    double w = alpha / 2 * g->length[k] / sqrt((x[i] - x[j]) * (x[i] - x[j]) + beta * beta);
    h[(long)i * g->n + i] += w, h[(long)j * g->n + j] += w, h[(long)hi * g->n + lo] -= w;
  }
}

static int iterate(const eit_graph *g, const double *gram, const double *right, double alpha, double beta, double tol,
                   int most, double *h, double *next, double *x, err *e) {
  size_t n = (size_t)g->n;
  for (int it = 0; it < most; it++) {
    memcpy(h, gram, n * n * sizeof *h), memcpy(next, right, n * sizeof *next);
    add_diffusion(g, alpha, beta, x, h);
    int info;
    LAPACK_ALONE(info, LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', g->n, 1, h, g->n, next, 1));
    if (info) return err_set(e, ERR_RUN, "total variation: the equations of %d cells are singular", g->n);
    double moved = 0, size = 0;
    for (size_t i = 0; i < n; i++) moved += (next[i] - x[i]) * (next[i] - x[i]), size += next[i] * next[i];
    memcpy(x, next, n * sizeof *x);
    if (moved <= tol * tol * size) break;
  }
  return 0;
}

int eit_tv(const eit_graph *g, int n, int ndata, const double *jt, const double *noise, double alpha, double beta,
           double tol, int most, const double *y, double *x, err *e) {
  size_t N = (size_t)n, M = (size_t)ndata;
  if (g->n != n || !(alpha > 0 && beta > 0))
    return err_set(e, ERR_RUN, "total variation: %d cells, %d in the neighbourhood, alpha %g, beta %g", n, g->n, alpha,
                   beta);
  double *j = malloc(N * M * sizeof *j), *t = malloc(N * M * sizeof *t), *gram = malloc(N * N * sizeof *gram);
  double *h = malloc(N * N * sizeof *h), *right = malloc(2 * N * sizeof *right);
  if (j && t && gram && h && right) {
    for (size_t i = 0; i < N; i++) {
      right[i] = 0;
      for (size_t d = 0; d < M; d++) {
        double sd = noise ? noise[d] : 1;
        j[i * M + d] = jt[i * M + d] / sd;
        right[i] += j[i * M + d] * y[d] / sd;
      }
    }
    eit_transpose(n, ndata, j, t);
    dense_transposed(n, n, ndata, t, t, gram);
    iterate(g, gram, right, alpha, beta, tol, most, h, right + N, x, e);
  } else {
    err_set(e, ERR_RUN, "total variation: no memory for %d cells", n);
  }
  free(j), free(t), free(gram), free(h), free(right);
  return e->code;
}

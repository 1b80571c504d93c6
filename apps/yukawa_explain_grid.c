/* yukawa_explain_grid.c: tables with errors over kappa, and what attributions of one kappa come to: levels and
 * responses (see yukawa_explain.h). */
#include <math.h>
#include <stdlib.h>

#include "analysis/jackknife.h"
#include "apps/yukawa_explain.h"
#include "xai/filters.h"

int yukawa_grid_new(yukawa_grid *g, int rows, int columns, err *e) {
  size_t n = (size_t)(rows * columns);
  *g = (yukawa_grid){rows, columns, malloc((2 * n + 1) * sizeof *g->value), NULL};
  if (!g->value) return err_set(e, ERR_RUN, "results: out of memory");
  g->error = g->value + n;
  for (size_t k = 0; k < 2 * n; k++) g->value[k] = NAN;
  return 0;
}

void yukawa_grid_free(yukawa_grid *g) {
  free(g->value);
  *g = (yukawa_grid){0};
}

int yukawa_grid_put(run *r, const yukawa_grid *g, const char *name, const char *text, const char *row_axis,
                    const double *row_values, const char *column_axis, err *e) {
  bool errors = false;
  if (!g->value || !g->columns) return 0;
  for (int k = 0; k < g->rows * g->columns; k++) errors |= !isnan(g->error[k]);
  return run_result_array(r,
                          (run_array){.name = name,
                                      .unit = "1",
                                      .description = text,
                                      .rank = 2,
                                      .dims = {(size_t)g->rows, (size_t)g->columns},
                                      .axis = {row_axis, column_axis},
                                      .axis_values = {row_values},
                                      .value = g->value,
                                      .error = errors ? g->error : NULL},
                          e);
}

double *yukawa_columns(const yukawa_explanations *x, int p, int first, int count) {
  long n = x->begin[p + 1] - x->begin[p];
  double *v = malloc(sizeof *v * (size_t)(n * count + 1));
  for (long i = 0; v && i < n; i++)
    for (int k = 0; k < count; k++) v[i * count + k] = x->row[(x->begin[p] + i) * x->width + first + k];
  return v;
}

int yukawa_level(const double *v, long n, int count, long blocks, bool absolute, yukawa_grid *to, int row, err *e) {
  xai_filters *f;
  nn_real *one = malloc(sizeof *one * (size_t)count);
  if (!one) return err_set(e, ERR_RUN, "relevance: out of memory");
  if (!xai_filters_new(&f, count, (int)blocks, e)) {
    for (long i = 0; i < n; i++) {
      for (int k = 0; k < count; k++) one[k] = (nn_real)(absolute ? fabs(v[i * count + k]) : v[i * count + k]);
      xai_filters_add(f, (nn_shape){{1, 1, 1}, count}, one, 1, 1, yukawa_block(i, n, blocks));
    }
    xai_filters_result(f, to->value + row * count, to->error + row * count, NULL);
    xai_filters_free(f);
  }
  free(one);
  return e->code;
}

/* Cov(R, F) / Var F from n, sum F, sum F^2, sum R, sum R F. */
enum { COUNT, F, FF, R, RF, SUMS };
static double slope(const double *s) {
  return (s[RF] - s[R] * s[F] / s[COUNT]) / (s[FF] - s[F] * s[F] / s[COUNT]);
}

int yukawa_response(const double *v, const double *f, long n, int count, long blocks, yukawa_grid *to, int row,
                    err *e) {
  double *sum = malloc(sizeof *sum * (size_t)(blocks * (SUMS + 2))), *left = sum + blocks * SUMS, *m = left + blocks;
  if (!sum) return err_set(e, ERR_RUN, "responses: out of memory");
  for (int k = 0; k < count; k++) {
    double all[SUMS] = {0}, part[SUMS], *at = to->value + row * count + k;
    for (long b = 0; b < blocks * SUMS; b++) sum[b] = 0;
    for (long i = 0; i < n; i++) {
      double r = v[i * count + k], a = f[i] - f[0], add[SUMS] = {1, a, a * a, r, r * a};
      for (int q = 0; q < SUMS; q++) sum[yukawa_block(i, n, blocks) * SUMS + q] += add[q], all[q] += add[q];
    }
    *at = slope(all);
    for (long b = 0; b < blocks; b++) {
      for (int q = 0; q < SUMS; q++) part[q] = all[q] - sum[b * SUMS + q];
      left[b] = slope(part), m[b] = sum[b * SUMS + COUNT];
    }
    jackknife_blocks((int)blocks, m, *at, left, NULL, to->error + row * count + k);
  }
  free(sum);
  return 0;
}

/* function.c: stat_gradient, stat_quadratic (linear propagation of errors). */
#include "analysis/function.h"

#include <math.h>
#include <string.h>

void stat_gradient(const stat_fn *f, const void *ctx, int n, const double *x, const double *step, double *d) {
  memset(d, 0, (size_t)n * sizeof *d);
  if (f->gradient) {
    f->gradient(x, d, ctx);
    return;
  }
  double y[STAT_MAX];
  memcpy(y, x, (size_t)n * sizeof *y);
  for (int i = 0; i < n; i++) {
    double h = step[i] / 10;
    if (!(h > 0) || isinf(h)) continue;
    y[i] = x[i] + h;
    double up = f->value(y, ctx), above = y[i];
    y[i] = x[i] - h;
    d[i] = (up - f->value(y, ctx)) / (above - y[i]);
    y[i] = x[i];
  }
}

double stat_quadratic(int n, const double *a, const double *c, const double *b) {
  double s = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      if (a[i] != 0 && b[j] != 0) s += a[i] * c[i * n + j] * b[j];
  return s;
}

/* logistic.c: see logistic.h. */
#include "analysis/logistic.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/lapack.h"

enum { STEPS = 100, HALVINGS = 40 };

typedef struct problem {
  long n, stride;
  int p;
  const double *x;
  const unsigned char *y;
  double ridge;
} problem;

double logistic_score(int p, const double *x, const double *w) {
  double z = w[0];
  for (int j = 0; j < p; j++) z += w[j + 1] * x[j];
  return z;
}

/* The constant is penalised so weakly that it matters only where one class is empty. */
static double penalty(const problem *q, int j) {
  return j ? q->ridge : 1e-6 * q->ridge;
}

static double cost(const problem *q, const double *w) {
  double sum = 0;
  for (int j = 0; j <= q->p; j++) sum += penalty(q, j) / 2 * w[j] * w[j];
  for (long i = 0; i < q->n; i++) {
    double z = logistic_score(q->p, q->x + i * q->p, w);
    sum += fmax(z, 0) + log1p(exp(-fabs(z))) - (q->y[i * q->stride] ? z : 0);
  }
  return sum;
}

/* Slope g (p+1) and curvature h (p+1, p+1), lower triangle. */
static void derivatives(const problem *q, const double *w, double *g, double *h) {
  int m = q->p + 1;
  memset(h, 0, sizeof *h * (size_t)m * m);
  for (int j = 0; j < m; j++) g[j] = penalty(q, j) * w[j], h[j * m + j] = penalty(q, j);
  for (long i = 0; i < q->n; i++) {
    const double *x = q->x + i * q->p;
    double prob = 1 / (1 + exp(-logistic_score(q->p, x, w))), d = prob - q->y[i * q->stride], v = prob * (1 - prob);
    g[0] += d, h[0] += v;
    for (int j = 1; j < m; j++) {
      double u = v * x[j - 1];
      g[j] += d * x[j - 1];
      h[j * m] += u;
      for (int k = 1; k <= j; k++) h[j * m + k] += u * x[k - 1];
    }
  }
}

static double largest(int m, const double *g) {
  double most = 0;
  for (int j = 0; j < m; j++) most = fmax(most, fabs(g[j]));
  return most;
}

/* One Newton step; false where no step lowers the cost: the minimum, to rounding. */
static bool newton(const problem *q, double *w, double *at, double *g, double *h, double *next) {
  int m = q->p + 1, info;
  LAPACK_ALONE(info, LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', m, 1, h, m, g, 1));
  if (info) return false;
  double scale = 1;
  for (int k = 0; k < HALVINGS; k++, scale /= 2) {
    for (int j = 0; j < m; j++) next[j] = w[j] - scale * g[j];
    double c = cost(q, next);
    if (c >= *at) continue;
    memcpy(w, next, sizeof *w * m);
    *at = c;
    return true;
  }
  return false;
}

int logistic_fit(long n, int p, const double *x, const unsigned char *y, long stride, double ridge, double *w, err *e) {
  problem q = {n, stride, p, x, y, ridge};
  int m = p + 1;
  double *g = malloc(sizeof *g * m), *h = malloc(sizeof *h * m * m), *next = malloc(sizeof *next * m);
  if (g && h && next) {
    memset(w, 0, sizeof *w * m);
    double at = cost(&q, w);
    bool done = false;
    for (int step = 0; step < STEPS && !done; step++) {
      derivatives(&q, w, g, h);
      done = largest(m, g) <= 1e-10 * (double)n || !newton(&q, w, &at, g, h, next);
    }
    derivatives(&q, w, g, h);
    if (largest(m, g) > 1e-6 * (double)n) err_set(e, ERR_RUN, "logistic regression of %ld rows: no minimum found", n);
  } else {
    err_set(e, ERR_RUN, "logistic regression: out of memory");
  }
  free(g), free(h), free(next);
  return e->code;
}

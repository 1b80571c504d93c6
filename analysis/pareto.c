/* pareto.c: pareto_new ... pareto_fit.
 *
 * Fit: Zhang & Stephens, Technometrics 51 (2009) 316. With theta = -k/sigma the profile log-likelihood of n data is
 *   l(theta) = n [ ln(-theta/k) - k - 1 ],   k(theta) = mean ln(1 - theta x)    (their k has the other sign),
 * and theta is its mean over m = 30 + sqrt(n) points
 *   theta_j = 1/x_n + [1 - sqrt(m/(j - 1/2))] / (3 x*),   x* the lower quartile.
 * Use on weights, M and the weak prior: Vehtari, Simpson, Gelman, Yao, Gabry, JMLR 25 (2024) 72. */
#include "analysis/pareto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AT_N, AT_KEPT, AT_HEAP };
#define TIE 1e-5 /* log weights this close are equal up to rounding: one configuration, or its image under a symmetry */

static long tail_length(double n) {
  double m = fmin(floor(n / 5), ceil(3 * sqrt(n)));
  return (long)m;
}

int pareto_new(pareto **p, long planned, err *e) {
  *p = calloc(1, sizeof **p);
  if (!*p) return err_set(e, ERR_RUN, "pareto: no memory");
  double n = planned > 0 ? (double)planned : 1e6;
  (*p)->room = (int)fmin(ceil(3 * sqrt(n)), 1e9) + 1;
  (*p)->state = calloc(pareto_count(*p), sizeof(double));
  if ((*p)->state) return 0;
  free(*p);
  *p = NULL;
  return err_set(e, ERR_RUN, "pareto: no memory for the tail of %.0f samples", n);
}

void pareto_free(pareto *p) {
  if (p) free(p->state);
  free(p);
}

void pareto_clear(pareto *p) {
  p->state[AT_N] = p->state[AT_KEPT] = 0;
}

size_t pareto_count(const pareto *p) {
  return (size_t)p->room + AT_HEAP;
}

static void heap_up(double *h, long i) {
  double x = h[i];
  for (; i && h[(i - 1) / 2] > x; i = (i - 1) / 2) h[i] = h[(i - 1) / 2];
  h[i] = x;
}

static void heap_down(double *h, long n, double x) {
  long i = 0;
  for (long c; (c = 2 * i + 1) < n; i = c) {
    if (c + 1 < n && h[c + 1] < h[c]) c++;
    if (h[c] >= x) break;
    h[i] = h[c];
  }
  h[i] = x;
}

static void keep(pareto *p, double lw) {
  double *h = p->state + AT_HEAP;
  long kept = (long)p->state[AT_KEPT];
  if (kept < p->room) {
    h[kept] = lw;
    heap_up(h, kept);
    p->state[AT_KEPT]++;
  } else if (lw > h[0]) {
    heap_down(h, kept, lw);
  }
}

int pareto_add(pareto *p, double lw, err *e) {
  if (!(lw < INFINITY)) return err_set(e, ERR_RUN, "pareto: log weight %g of sample %.0f", lw, p->state[AT_N]);
  p->state[AT_N]++;
  keep(p, lw);
  return 0;
}

void pareto_merge(pareto *dst, const pareto *src) {
  dst->state[AT_N] += src->state[AT_N];
  for (long i = 0; i < (long)src->state[AT_KEPT]; i++) keep(dst, src->state[AT_HEAP + i]);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Profile log-likelihood over n, and k in the sign of the tail index. */
static double profile(long n, const double *x, double theta, double *k) {
  double s = 0;
  for (long i = 0; i < n; i++) s += log1p(-theta * x[i]);
  *k = s / (double)n;
  return *k != 0 ? log(-theta / *k) - *k - 1 : -INFINITY;
}

double pareto_fit(long n, const double *x, int prior) {
  int m = 30 + (int)sqrt((double)n);
  double quartile = x[(long)((double)n / 4 + .5) - 1], theta = 0, sum = 0, top = -INFINITY, k;
  double *t = malloc(2 * (size_t)m * sizeof *t);
  if (!t) return NAN;
  for (int j = 0; j < m; j++) {
    t[j] = 1 / x[n - 1] + (1 - sqrt(m / (j + .5))) / (3 * quartile);
    t[m + j] = (double)n * profile(n, x, t[j], &k);
    top = fmax(top, t[m + j]);
  }
  for (int j = 0; j < m; j++) {
    double w = exp(t[m + j] - top);
    theta += w * t[j], sum += w;
  }
  free(t);
  profile(n, x, theta / sum, &k);
  return prior ? (k * (double)n + 5) / ((double)n + 10) : k;
}

/* Shape from the sorted tail h[0..kept-1] of n samples, largest last; h is overwritten by exceedances. */
static double tail_shape(double *h, long kept, double n) {
  long m = tail_length(n);
  if (m > kept - 1) m = kept - 1;
  if (m < 5) return NAN;
  double *x = h + kept - m, cut = x[-1], max = x[m - 1];
  if (max == cut || max - cut <= TIE) return -INFINITY;
  while (m && (*x == cut || *x - cut <= TIE)) x++, m--; /* ties with the threshold exceed nothing */
  if (m < 5) return NAN;
  double floor_w = exp(cut - max);
  for (long i = 0; i < m; i++) x[i] = x[i] - cut < 1 ? floor_w * expm1(x[i] - cut) : exp(x[i] - max) - floor_w;
  return x[(long)((double)m / 4 + .5) - 1] < 1e-290 ? INFINITY : pareto_fit(m, x, 1);
}

double pareto_k(const pareto *p) {
  long kept = (long)p->state[AT_KEPT];
  double *h = malloc((size_t)(kept + 1) * sizeof *h), k = NAN;
  if (!h) return NAN;
  memcpy(h, p->state + AT_HEAP, (size_t)kept * sizeof *h);
  qsort(h, (size_t)kept, sizeof *h, ascending);
  k = tail_shape(h, kept, p->state[AT_N]);
  free(h);
  return k;
}

int pareto_k_of(double *k, long n, const double *lw, err *e) {
  pareto *p;
  int rc = pareto_new(&p, n, e);
  if (rc) return rc;
  for (long i = 0; i < n && !rc; i++) rc = pareto_add(p, lw[i], e);
  if (!rc) *k = pareto_k(p);
  pareto_free(p);
  return rc;
}

stat_verdict pareto_verdict(double k) {
  return k > .7 ? STAT_REFUSE : k > .5 ? STAT_WARN : STAT_GOOD;
}

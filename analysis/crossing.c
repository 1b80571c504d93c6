/* crossing.c: crossing_fit_curve, crossing_value, crossing_find. Curves y_A, y_B of two lattices meet at x_c, near the
 * critical point (K. Binder, Z. Phys. B 43 (1981) 119): with weighted least squares for each,
 *
 *   y_A(x_c) = y_B(x_c),   d = y_A' - y_B' at x_c
 *   sigma^2(x_c) = (sigma_A^2 + sigma_B^2) / d^2,   sigma^2(y_c) = (y_B'^2 sigma_A^2 + y_A'^2 sigma_B^2) / d^2
 *
 * to first order in the errors of the fits at x_c: from delta x_c = -(delta y_A - delta y_B)/d. That is good while d is
 * many of its errors from zero (Fieller: the exact interval is finite only then); nearer than four it is said.
 *
 * Where the degree is not given, the polynomials of degree 1 to 3 are averaged with Akaike's weights (Jay & Neil, Phys.
 * Rev. D 103 (2021) 114502), and their spread is part of the covariance: the best of them alone, chosen by the same
 * data that it is fitted to, has errors ten to fifteen per cent too small (tests/test_crossing.c). */
#include "analysis/crossing.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { STEPS = 1024, HALVINGS = 60 };

/* ---- one curve ---- */

typedef struct points {
  int n;
  double x[CROSSING_POINTS], y[CROSSING_POINTS], w[CROSSING_POINTS];
} points;

static int take(points *p, const double *window, int n, const double *x, const double *y, const double *sigma, err *e) {
  p->n = 0;
  for (int i = 0; i < n; i++) {
    if (!isfinite(x[i]) || !isfinite(y[i]) || !(sigma[i] > 0) || !isfinite(sigma[i]))
      return err_set(e, ERR_RUN, "value %g, error %g at x = %g: a fit needs values with errors", y[i], sigma[i], x[i]);
    if (window && (x[i] < window[0] || x[i] > window[1])) continue;
    for (int k = 0; k < p->n; k++)
      if (p->x[k] == x[i]) return err_set(e, ERR_RUN, "x = %g comes twice", x[i]);
    if (p->n == CROSSING_POINTS) return err_set(e, ERR_RUN, "more than %d points", CROSSING_POINTS);
    p->x[p->n] = x[i], p->y[p->n] = y[i], p->w[p->n++] = 1 / (sigma[i] * sigma[i]);
  }
  return 0;
}

/* t = -1 .. 1 over the points: the powers stay far from parallel. */
static void place(crossing_fit *f, const points *p) {
  f->low = f->high = p->x[0], f->n = p->n;
  for (int i = 1; i < p->n; i++) f->low = fmin(f->low, p->x[i]), f->high = fmax(f->high, p->x[i]);
  f->origin = (f->low + f->high) / 2, f->scale = (f->high - f->low) / 2;
}

static void keep(crossing_fit *f, const gsl_vector *c, const gsl_matrix *cov) {
  for (int a = 0; a <= f->degree; a++) {
    f->c[a] = gsl_vector_get(c, (size_t)a);
    for (int b = 0; b <= f->degree; b++) f->cov[a][b] = gsl_matrix_get(cov, (size_t)a, (size_t)b);
  }
  f->dof = f->n - f->degree - 1;
  f->probability = f->dof ? gsl_cdf_chisq_Q(f->chi2, f->dof) : NAN;
}

static int solve(crossing_fit *f, const points *p, int degree) {
  size_t n = (size_t)p->n, k = (size_t)degree + 1;
  gsl_multifit_linear_workspace *work = gsl_multifit_linear_alloc(n, k);
  gsl_matrix *X = gsl_matrix_alloc(n, k), *cov = gsl_matrix_alloc(k, k);
  gsl_vector *c = gsl_vector_alloc(k);
  gsl_vector_const_view y = gsl_vector_const_view_array(p->y, n), w = gsl_vector_const_view_array(p->w, n);
  int status = work && X && cov && c ? 0 : GSL_ENOMEM;
  for (size_t i = 0; i < n && !status; i++)
    for (size_t a = 0; a < k; a++) gsl_matrix_set(X, i, a, pow((p->x[i] - f->origin) / f->scale, (double)a));
  if (!status) status = gsl_multifit_wlinear(X, &w.vector, &y.vector, c, cov, &f->chi2, work);
  f->degree = f->best = degree, f->weight = 1;
  if (!status) keep(f, c, cov);
  if (work) gsl_multifit_linear_free(work);
  if (X) gsl_matrix_free(X);
  if (cov) gsl_matrix_free(cov);
  if (c) gsl_vector_free(c);
  return status;
}

/* Coefficient k moves by this when y_i does. */
static double influence(const crossing_fit *f, const points *p, int k, int i) {
  double t = 1, sum = 0;
  for (int a = 0; a <= f->degree; a++, t *= (p->x[i] - f->origin) / f->scale) sum += f->cov[k][a] * t * p->w[i];
  return k > f->degree ? 0 : sum;
}

/* Mean of the fits with their weights; its covariance: of the mean at fixed weights (the fits share their data), and
 * the spread of the fits. */
static void average(crossing_fit *f, const crossing_fit *fit, int fits, const points *p) {
  for (int k = 0; k <= CROSSING_DEGREE; k++)
    for (int m = 0; m < fits; m++) f->c[k] += fit[m].weight * fit[m].c[k];
  for (int i = 0; i < p->n; i++) {
    double at[CROSSING_DEGREE + 1] = {0};
    for (int k = 0; k <= f->degree; k++)
      for (int m = 0; m < fits; m++) at[k] += fit[m].weight * influence(&fit[m], p, k, i);
    for (int k = 0; k <= f->degree; k++)
      for (int l = 0; l <= f->degree; l++) f->cov[k][l] += at[k] * at[l] / p->w[i];
  }
  for (int m = 0; m < fits; m++)
    for (int k = 0; k <= f->degree; k++)
      for (int l = 0; l <= f->degree; l++)
        f->cov[k][l] += fit[m].weight * (fit[m].c[k] - f->c[k]) * (fit[m].c[l] - f->c[l]);
}

/* Degrees with a degree of freedom left, w ~ exp(-(chi2 + 2 degree)/2). */
static int solve_all(crossing_fit *f, const points *p) {
  crossing_fit fit[CROSSING_MIXED];
  int fits = 0, best = 0;
  double sum = 0;
  for (int degree = 1; degree <= CROSSING_MIXED && p->n > degree + 1; degree++) {
    crossing_fit *g = &fit[fits++];
    *g = *f;
    int status = solve(g, p, degree);
    if (status) return status;
    if (g->chi2 + 2 * degree < fit[best].chi2 + 2 * fit[best].degree) best = fits - 1;
  }
  double least = fit[best].chi2 + 2 * fit[best].degree;
  for (int m = 0; m < fits; m++) sum += fit[m].weight = exp((least - fit[m].chi2 - 2 * fit[m].degree) / 2);
  for (int m = 0; m < fits; m++) fit[m].weight /= sum;
  f->degree = fits, f->best = fit[best].best, f->weight = fit[best].weight;
  f->chi2 = fit[best].chi2, f->dof = fit[best].dof, f->probability = fit[best].probability;
  average(f, fit, fits, p);
  return 0;
}

int crossing_fit_curve(crossing_fit *f, int degree, const double *window, int n, const double *x, const double *y,
                       const double *sigma, err *e) {
  points p;
  int least = degree ? degree + 1 : 3;
  memset(f, 0, sizeof *f);
  if (degree < 0 || degree > CROSSING_DEGREE)
    return err_set(e, ERR_RUN, "a polynomial of degree %d: 1 to %d are possible", degree, CROSSING_DEGREE);
  if (take(&p, window, n, x, y, sigma, e)) return e->code;
  if (p.n < least)
    return err_set(e, ERR_RUN, "%d of %d points in the window: a polynomial of degree %d%s needs %d", p.n, n,
                   degree ? degree : 1, degree ? "" : " with a degree of freedom left", least);
  place(f, &p);
  gsl_error_handler_t *old = gsl_set_error_handler_off();
  int status = degree ? solve(f, &p, degree) : solve_all(f, &p);
  gsl_set_error_handler(old);
  return status ? err_set(e, ERR_RUN, "fit: GSL: %s", gsl_strerror(status)) : 0;
}

double crossing_value(const crossing_fit *f, double x, double *slope, double *error) {
  double t = (x - f->origin) / f->scale, power[CROSSING_DEGREE + 1] = {1}, y = 0, s = 0, e2 = 0;
  for (int a = 1; a <= f->degree; a++) power[a] = t * power[a - 1], s += a * f->c[a] * power[a - 1] / f->scale;
  for (int a = 0; a <= f->degree; a++) {
    y += f->c[a] * power[a];
    for (int b = 0; b <= f->degree; b++) e2 += power[a] * f->cov[a][b] * power[b];
  }
  if (slope) *slope = s;
  if (error) *error = sqrt(e2);
  return y;
}

/* ---- two curves ---- */

static double difference(const crossing_fit *a, const crossing_fit *b, double x) {
  return crossing_value(a, x, NULL, NULL) - crossing_value(b, x, NULL, NULL);
}

/* Between ends of different signs. */
static double bisect(const crossing_fit *a, const crossing_fit *b, double low, double high) {
  bool falls = difference(a, b, low) > 0;
  for (int k = 0; k < HALVINGS; k++) {
    double middle = low + (high - low) / 2;
    if ((difference(a, b, middle) > 0) == falls)
      low = middle;
    else
      high = middle;
  }
  return low + (high - low) / 2;
}

static double slope_variance(const crossing_fit *f, double x) {
  double t = (x - f->origin) / f->scale, s2 = 0;
  for (int a = 1; a <= f->degree; a++)
    for (int b = 1; b <= f->degree; b++) s2 += a * b * pow(t, a + b - 2) * f->cov[a][b];
  return s2 / (f->scale * f->scale);
}

static void propagate(crossing *c, const crossing_fit *a, const crossing_fit *b) {
  double slope_a, slope_b, error_a, error_b, y = crossing_value(a, c->x, &slope_a, &error_a), d;
  c->y = (y + crossing_value(b, c->x, &slope_b, &error_b)) / 2;
  d = fabs(slope_a - slope_b);
  c->x_error = hypot(error_a, error_b) / d;
  c->y_error = hypot(slope_b * error_a, slope_a * error_b) / d;
  c->apart = d / sqrt(slope_variance(a, c->x) + slope_variance(b, c->x));
  if (a->probability < 1e-3 || b->probability < 1e-3)
    c->reason = "a curve is no such polynomial within its errors: a narrower window or a higher degree is needed";
  else if (c->apart < 4)
    c->reason = "the slopes hardly differ: the errors are too small";
}

int crossing_find(crossing *c, const crossing_fit *a, const crossing_fit *b, err *e) {
  double low = fmax(a->low, b->low), high = fmin(a->high, b->high), at[2] = {0};
  int found = 0;
  memset(c, 0, sizeof *c);
  if (!(low < high))
    return err_set(e, ERR_RUN, "the curves share no range: %g to %g and %g to %g", a->low, a->high, b->low, b->high);
  for (int k = 0; k < STEPS; k++) {
    double from = low + (high - low) * k / STEPS, to = low + (high - low) * (k + 1) / STEPS;
    if ((difference(a, b, from) > 0) == (difference(a, b, to) > 0)) continue;
    if (found < 2) at[found] = bisect(a, b, from, to);
    found++;
  }
  if (!found)
    return err_set(e, ERR_RUN, "no crossing between %g and %g: the difference goes from %.3g to %.3g", low, high,
                   difference(a, b, low), difference(a, b, high));
  if (found > 1)
    return err_set(e, ERR_RUN, "%d crossings between %g and %g, the first at %g and %g: a narrower window is needed",
                   found, low, high, at[0], at[1]);
  c->x = at[0];
  propagate(c, a, b);
  return 0;
}

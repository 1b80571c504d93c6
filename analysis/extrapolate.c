/* extrapolate.c: extrapolate: the Trotter error is a series in 1/m^2 (Fye, Phys. Rev. B 33 (1986) 6271; Suzuki, J.
 * Stat. Phys. 43 (1986) 883), so
 *
 *   y(m) = y_0 + a_1/m^2 + a_2/m^4 [+ a_3/m^6]
 *
 * is fitted with one to three terms to the n' = n, n-1, ... points of largest m, and the fits are averaged with the
 * Akaike weights of Jay & Neil, Phys. Rev. D 103 (2021) 114502 (k parameters, n - n' points cut):
 *
 *   w ~ exp(-(chi^2 + 2k + 2(n - n'))/2),   value = sum w y,   systematic^2 = sum w (y - value)^2
 *
 * The statistical error is that of the sum at fixed weights: the fits share their data, and their sum w sigma^2 is
 * too large by half. Fits without a degree of freedom take part: they see the term that all others leave out. */
#include "analysis/extrapolate.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit.h>
#include <math.h>
#include <stdlib.h>

typedef struct points { /* by falling m: x = (m_max/m)^2 >= 1 */
  int n;
  double x[EXTRAPOLATE_MAX], y[EXTRAPOLATE_MAX], w[EXTRAPOLATE_MAX];
} points;

static int take(points *p, int n, const double *x, const double *y, const double *sigma, err *e) {
  if (n < EXTRAPOLATE_MIN || n > EXTRAPOLATE_MAX)
    return err_set(e, ERR_RUN, "extrapolation from %d values of m: %d to %d are possible", n, EXTRAPOLATE_MIN,
                   EXTRAPOLATE_MAX);
  p->n = n;
  for (int i = 0; i < n; i++) {
    int at = i;
    if (!(x[i] > 0) || !isfinite(x[i]) || !isfinite(y[i]) || (sigma && !(sigma[i] > 0 && isfinite(sigma[i]))))
      return err_set(e, ERR_RUN, "extrapolation: m = %g, value %g, error %g", x[i], y[i], sigma ? sigma[i] : 0);
    for (; at && p->x[at - 1] <= x[i]; at--) {
      if (p->x[at - 1] == x[i]) return err_set(e, ERR_RUN, "extrapolation: m = %g comes twice", x[i]);
      p->x[at] = p->x[at - 1], p->y[at] = p->y[at - 1], p->w[at] = p->w[at - 1];
    }
    p->x[at] = x[i], p->y[at] = y[i], p->w[at] = sigma ? 1 / (sigma[i] * sigma[i]) : 1;
  }
  double largest = p->x[0];
  for (int i = 0; i < n; i++) p->x[i] = largest * largest / (p->x[i] * p->x[i]);
  return 0;
}

typedef struct space { /* GSL's, for one number of points and terms */
  gsl_multifit_linear_workspace *work;
  gsl_matrix *X, *cov;
  gsl_vector *y, *w, *c;
} space;

static void space_free(space *s) {
  if (s->work) gsl_multifit_linear_free(s->work);
  if (s->X) gsl_matrix_free(s->X);
  if (s->cov) gsl_matrix_free(s->cov);
  if (s->y) gsl_vector_free(s->y);
  if (s->w) gsl_vector_free(s->w);
  if (s->c) gsl_vector_free(s->c);
}

static int space_alloc(space *s, size_t n, size_t k) {
  *s = (space){gsl_multifit_linear_alloc(n, k),
               gsl_matrix_alloc(n, k),
               gsl_matrix_alloc(k, k),
               gsl_vector_alloc(n),
               gsl_vector_alloc(n),
               gsl_vector_alloc(k)};
  return s->work && s->X && s->cov && s->y && s->w && s->c ? 0 : GSL_ENOMEM;
}

/* influence[i]: the derivative of the extrapolated value by y_i. */
static int fit(const points *p, extrapolate_fit *f, double *influence) {
  space s;
  size_t k = (size_t)f->terms + 1;
  int status = space_alloc(&s, (size_t)f->n, k);
  for (int i = 0; i < f->n && !status; i++) {
    gsl_vector_set(s.y, (size_t)i, p->y[i]);
    gsl_vector_set(s.w, (size_t)i, p->w[i]);
    for (size_t a = 0; a < k; a++) gsl_matrix_set(s.X, (size_t)i, a, pow(p->x[i], (double)a));
  }
  if (!status) status = gsl_multifit_wlinear(s.X, s.w, s.y, s.c, s.cov, &f->chi2, s.work);
  if (!status) f->value = gsl_vector_get(s.c, 0), f->error = sqrt(gsl_matrix_get(s.cov, 0, 0));
  for (int i = 0; i < f->n && !status; i++) {
    influence[i] = 0;
    for (size_t a = 0; a < k; a++)
      influence[i] += gsl_matrix_get(s.cov, 0, a) * gsl_matrix_get(s.X, (size_t)i, a) * p->w[i];
  }
  space_free(&s);
  return status;
}

/* All numbers of terms, all subsets that determine them. */
static int fit_all(extrapolation *r, const points *p, double (*influence)[EXTRAPOLATE_MAX]) {
  for (int terms = 1; terms <= EXTRAPOLATE_TERMS; terms++)
    for (int n = p->n; n > terms; n--) {
      extrapolate_fit *f = &r->fit[r->nfits++];
      *f = (extrapolate_fit){.n = n, .terms = terms};
      int status = fit(p, f, influence[r->nfits - 1]);
      if (status) return status;
      f->weight = f->chi2 + 2 * (terms + 1) + 2 * (p->n - n); /* -2 ln of it, for now */
    }
  return 0;
}

static void judge(extrapolation *r, const extrapolate_fit *best) {
  r->chi2 = best->chi2, r->dof = best->n - best->terms - 1;
  r->probability = r->dof ? gsl_cdf_chisq_Q(r->chi2, r->dof) : NAN;
  if (!r->dof)
    r->reason = "every fit with a degree of freedom left is worse than one without: values at larger m are needed";
  else if (r->probability < 1e-3)
    r->reason = "no polynomial in 1/m^2 describes the data within their errors";
}

static void average(extrapolation *r, const points *p, double (*influence)[EXTRAPOLATE_MAX]) {
  int best = 0;
  double sum = 0, error2 = 0, spread2 = 0;
  for (int i = 1; i < r->nfits; i++)
    if (r->fit[i].weight < r->fit[best].weight) best = i;
  double least = r->fit[best].weight;
  for (int i = 0; i < r->nfits; i++) sum += r->fit[i].weight = exp((least - r->fit[i].weight) / 2);
  for (int i = 0; i < r->nfits; i++) r->value += (r->fit[i].weight /= sum) * r->fit[i].value;
  for (int i = 0; i < r->nfits; i++) spread2 += r->fit[i].weight * pow(r->fit[i].value - r->value, 2);
  for (int k = 0; k < p->n; k++) {
    double d = 0;
    for (int i = 0; i < r->nfits; i++)
      if (k < r->fit[i].n) d += r->fit[i].weight * influence[i][k];
    error2 += d * d / p->w[k];
  }
  judge(r, &r->fit[best]);
  r->error = sqrt(error2), r->systematic = sqrt(spread2), r->total = sqrt(error2 + spread2);
}

/* Value at x = 0 of the polynomial through the first n points (Neville). */
static double through(const points *p, int n) {
  double y[EXTRAPOLATE_MAX];
  for (int i = 0; i < n; i++) y[i] = p->y[i];
  for (int k = 1; k < n; k++)
    for (int i = 0; i < n - k; i++) y[i] = (p->x[i + k] * y[i] - p->x[i] * y[i + 1]) / (p->x[i + k] - p->x[i]);
  return y[0];
}

static void interpolate(extrapolation *r, const points *p) {
  int most = p->n < 6 ? p->n : 6;
  for (int n = 2; n <= most; n++)
    r->fit[r->nfits++] = (extrapolate_fit){.n = n, .terms = n - 1, .value = through(p, n), .weight = n == most};
  r->value = r->fit[r->nfits - 1].value;
  r->systematic = r->total = fabs(r->value - r->fit[r->nfits - 2].value);
  r->probability = NAN;
}

int extrapolate(extrapolation *r, int n, const double *x, const double *y, const double *sigma, err *e) {
  *r = (extrapolation){0};
  points p = {0};
  if (take(&p, n, x, y, sigma, e)) return e->code;
  if (!sigma) {
    interpolate(r, &p);
    return 0;
  }
  double(*influence)[EXTRAPOLATE_MAX] = malloc(EXTRAPOLATE_FITS * sizeof *influence);
  if (!influence) return err_set(e, ERR_RUN, "extrapolation: no memory");
  gsl_error_handler_t *old = gsl_set_error_handler_off();
  int status = fit_all(r, &p, influence);
  gsl_set_error_handler(old);
  if (status)
    err_set(e, ERR_RUN, "extrapolation: GSL: %s", gsl_strerror(status));
  else
    average(r, &p, influence);
  free(influence);
  return e->code;
}

/* exact_scalar.c: where the scalar field is free or its sites are independent.
 *   lambda = 0:  <|phi~_p|^2>/V = 1 / [2 (1 - 2 kappa sum_mu cos p_mu)]
 *   kappa = 0:   moments of exp(-phi^2 - lambda (phi^2 - 1)^2) by GSL quadrature */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>

#include "lattice/scalar.h"

static void free_field(exact_scalar *x, const scalar_grid *g, double kappa) {
  double phi2 = 0, link = 0, V = (double)g->n;
  for (long i = 0; i < g->n; i++) {
    double cosines = 0;
    long rest = i;
    for (int k = g->d - 1; k >= 0; k--)
      cosines += cos(2 * M_PI * (double)(rest % g->side[k]) / g->side[k]), rest /= g->side[k];
    double mode = 1 / (2 * (1 - 2 * kappa * cosines));
    phi2 += mode, link += mode * cosines / g->d;
    if (!i) x->m2 = mode / V;
  }
  x->phi2 = phi2 / V, x->link = link / V;
  x->phi4 = 3 * x->phi2 * x->phi2;
}

typedef struct moment {
  double lambda;
  int power;
} moment;

static double integrand(double phi, void *p) {
  const moment *m = p;
  double q = phi * phi;
  return pow(q, m->power / 2) * exp(-q - m->lambda * (q - 1) * (q - 1));
}

static int single_site(exact_scalar *x, const scalar_grid *g, double lambda, err *e) {
  double I[3], error;
  gsl_error_handler_t *old = gsl_set_error_handler_off();
  gsl_integration_workspace *w = gsl_integration_workspace_alloc(1000);
  int status = w ? 0 : GSL_ENOMEM;
  for (int k = 0; k < 3 && !status; k++) {
    moment m = {lambda, 2 * k};
    gsl_function f = {integrand, &m};
    status = gsl_integration_qagiu(&f, 0, 0, 1e-12, 1000, w, &I[k], &error);
  }
  gsl_integration_workspace_free(w);
  gsl_set_error_handler(old);
  if (status) return err_set(e, ERR_RUN, "single site, lambda = %g: GSL: %s", lambda, gsl_strerror(status));
  *x = (exact_scalar){.phi2 = I[1] / I[0], .phi4 = I[2] / I[0], .link = 0, .m2 = I[1] / I[0] / (double)g->n};
  return 0;
}

int exact_scalar_any(exact_scalar *x, const scalar_grid *g, scalar_action a, err *e) {
  *x = (exact_scalar){NAN, NAN, NAN, NAN};
  if (!a.kappa) return single_site(x, g, a.lambda, e);
  if (!a.lambda && fabs(a.kappa) < 0.5 / g->d) free_field(x, g, a.kappa);
  return 0;
}

/* exact_infinite.c: exact_square_infinite: the infinite square lattice, K = beta |J|, per site
 * (Onsager, Phys. Rev. 65 (1944) 117, eqs. 112-120; Yang, Phys. Rev. 85 (1952) 808, eq. 96):
 *
 *   ln z = ln(2cosh 2K) + (1/pi) int_0^{pi/2} ln[(1 + sqrt(1 - k^2 sin^2 t))/2] dt,   k = 2 sinh 2K / cosh^2 2K
 *   e = -coth 2K [1 + (2/pi) k' K(k)],   k' = 2 tanh^2 2K - 1
 *   c = (2/pi) (K coth 2K)^2 {2K(k) - 2E(k) - (1-k') [pi/2 + k' K(k)]}
 *   m = (1 - sinh^-4 2K)^(1/8) below T_c
 *
 * K(k) and E(k) come from Carlson's forms of the complementary modulus k', which stays accurate where k -> 1. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_ellint.h>
#include <math.h>

#include "lattice/exact.h"

typedef struct per_site {
  double lnz, e, c;
} per_site; /* in units of J */

static double integrand(double t, void *moduli) {
  const double *k = moduli; /* k, k' */
  double root = hypot(k[1], k[0] * cos(t));
  return log1p((root - 1) / 2);
}

/* The integral of ln z; its integrand bends near t = pi/2 over a width k'. */
static int integrate(double k, double kp, double *value) {
  double moduli[2] = {k, kp}, error;
  gsl_function f = {integrand, moduli};
  gsl_integration_cquad_workspace *w = gsl_integration_cquad_workspace_alloc(200);
  if (!w) return GSL_ENOMEM;
  int status = gsl_integration_cquad(&f, 0, M_PI / 2, 1e-15, 1e-14, w, value, &error, NULL);
  gsl_integration_cquad_workspace_free(w);
  return status;
}

static int onsager(per_site *p, double K) {
  double s = sinh(2 * K), C = cosh(2 * K), coth = C / s;
  double k = 2 * s / (C * C), kp = (s - 1) * (s + 1) / (C * C), integral;
  int status = integrate(k, kp, &integral);
  p->lnz = log(2 * C) + integral / M_PI;
  if (fabs(kp) < 8e-16) { /* K(k) diverges as ln(4/k') but k' K(k) vanishes */
    p->e = -coth, p->c = INFINITY;
    return status;
  }
  gsl_sf_result F, D;
  status |= gsl_sf_ellint_RF_e(0, kp * kp, 1, GSL_PREC_DOUBLE, &F);
  status |= gsl_sf_ellint_RD_e(0, kp * kp, 1, GSL_PREC_DOUBLE, &D);
  double first_minus_second = k * k / 3 * D.val; /* K(k) - E(k) */
  p->e = -coth * (1 + 2 / M_PI * kp * F.val);
  p->c = 2 / M_PI * (K * coth) * (K * coth) * (2 * first_minus_second - (1 - kp) * (M_PI / 2 + kp * F.val));
  return status;
}

/* Loops on the lattice, sum_C v^|C| = exp(N g), g = v^4 + 2 v^6 + 9/2 v^8 + 12 v^10 + ...: g and two derivatives by v.
 */
static void loops(double v, double g[3]) {
  double u = v * v;
  g[0] = u * u * (1 + u * (2 + u * (4.5 + 12 * u)));
  g[1] = v * u * (4 + u * (12 + u * (36 + 120 * u)));
  g[2] = u * (12 + u * (60 + u * (252 + 1080 * u)));
}

/* K < .01, where the closed form of e is a difference of numbers near 1/K: v = tanh K, dv/dK = 1 - v^2. */
static void disordered(per_site *p, double K) {
  double v = tanh(K), d = 1 - v * v, g[3];
  loops(v, g);
  p->lnz = M_LN2 + 2 * log(cosh(K)) + g[0];
  p->e = -2 * v - g[1] * d;
  p->c = K * K * (2 * d + g[2] * d * d - 2 * v * d * g[1]);
}

/* K > 2.5, where the closed form of c loses its digits: walls between domains, v = exp(-2K), dv/dK = -2v. */
static void ordered(per_site *p, double K) {
  double v = exp(-2 * K), g[3];
  loops(v, g);
  p->lnz = 2 * K + g[0];
  p->e = -2 + 2 * v * g[1];
  p->c = 4 * K * K * v * (v * g[2] + g[1]);
}

static double magnetisation(double K) {
  if (K > 20) return 1;
  double s = sinh(2 * K);
  return s > 1 ? pow(-expm1(-4 * log(s)), 0.125) : 0;
}

int exact_square_infinite(exact_ising *x, double J, double beta, err *e) {
  *x = exact_unknown();
  if (!(beta > 0) || !isfinite(beta) || J == 0 || !isfinite(J))
    return err_set(e, ERR_RUN, "infinite lattice: J = %g, beta = %g: J must not be 0, beta must be positive", J, beta);
  double K = beta * fabs(J);
  per_site p;
  int status = 0;
  gsl_error_handler_t *old = gsl_set_error_handler_off();
  if (K < .01)
    disordered(&p, K);
  else if (K > 2.5)
    ordered(&p, K);
  else
    status = onsager(&p, K);
  gsl_set_error_handler(old);
  if (status) return err_set(e, ERR_RUN, "infinite lattice: beta J = %.17g: GSL: %s", K, gsl_strerror(status));
  double m = J > 0 ? magnetisation(K) : 0, m2 = m * m;
  *x = (exact_ising){p.lnz, -p.lnz / beta, p.e * fabs(J), p.c, p.lnz + K * p.e, m, NAN, m2, m2 * m2};
  return 0;
}

/* exact_xy.c: exact_xy, exact_xy_infinite: the XY chain in a field, Jz = 0, as free fermions (Lieb, Schultz & Mattis,
 * Ann. Phys. 16 (1961) 407; Katsura, Phys. Rev. 127 (1962) 1508; McCoy, Phys. Rev. 173 (1968) 531):
 *
 *   a = (Jx+Jy)/2 cos k + h,   b = (Jx-Jy)/2 sin k,   E_k = sqrt(a^2 + b^2)
 *   Z = (1/2) [ C_NS + S_NS + C_R - S_R ],   C = prod_k 2 cosh(beta E_k/2),   S = prod_k 2 sinh(beta E_k/2)
 *
 * on a ring of even length: k = (2n+1) pi/N in NS (antiperiodic, even number of fermions), 2 pi n/N in R, where k = 0
 * and pi, and every k if b = 0, enter with the signed E_k = a. N -> infinity: ln z = (1/pi) int_0^pi ln 2cosh(beta
 * E_k/2) dk. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>

#include "lattice/exact_trotter.h"

typedef struct chain {
  double sum, difference; /* (Jx+Jy)/2, (Jx-Jy)/2 */
  double h, beta;
} chain;

/* x = beta E_k/2 and its derivatives by beta and by u = beta h. */
typedef struct angle {
  double x, beta, u, uu;
} angle;

static angle angle_at(const chain *c, double k, bool alone) {
  double a = c->sum * cos(k) + c->h, b = alone ? 0 : c->difference * sin(k);
  if (b == 0) return (angle){c->beta * a / 2, a / 2, .5, 0};
  double E = hypot(a, b);
  return (angle){c->beta * E / 2, E / 2, a / E / 2, b * b / (E * E * E) / (2 * c->beta)};
}

/* exp(log + b dbeta + u du + uu du^2/2) times v[0] and derivatives: d/dbeta, d2/dbeta2 at fixed h, d/du, d2/du2. What
 * is in front holds the ground state, so that c keeps its digits at low temperature. v[0] may vanish. */
typedef struct product {
  double log, b, u, uu, v[5];
} product;

static void multiply(product *p, const double f[5]) {
  double *v = p->v;
  v[2] = v[2] * f[0] + 2 * v[1] * f[1] + v[0] * f[2];
  v[4] = v[4] * f[0] + 2 * v[3] * f[3] + v[0] * f[4];
  v[1] = v[1] * f[0] + v[0] * f[1], v[3] = v[3] * f[0] + v[0] * f[3];
  v[0] *= f[0];
}

/* 2 cosh x = exp(|x|) (1 + exp(-2|x|)), 2 sinh x = sign(x) exp(|x|) (1 - exp(-2|x|)); x = 0 counts as positive. */
static void factor(product *p, angle q, bool is_sinh) {
  double sign = q.x < 0 ? -1 : 1, b = sign * q.beta, u = sign * q.u, uu = sign * q.uu;
  double w = is_sinh ? -expm1(-2 * fabs(q.x)) : 1 + exp(-2 * fabs(q.x));
  double tail = (is_sinh ? -1 : 1) * exp(-2 * fabs(q.x)), s = is_sinh ? sign : 1;
  double jet[5] = {s * w, -2 * s * b * tail, 4 * s * b * b * tail, -2 * s * u * tail, s * (4 * u * u - 2 * uu) * tail};
  multiply(p, jet);
  double top = 0;
  for (int k = 0; k < 5; k++) top = fmax(top, fabs(p->v[k]));
  p->log += fabs(q.x) + log(top), p->b += b, p->u += u, p->uu += uu;
  for (int k = 0; k < 5; k++) p->v[k] /= top;
}

/* The same product with the front of another one, but for a number, which it returns. */
static double move(product *p, const product *to) {
  double b = p->b - to->b, u = p->u - to->u, uu = p->uu - to->uu, *v = p->v;
  v[2] += b * (2 * v[1] + b * v[0]), v[1] += b * v[0];
  v[4] += u * (2 * v[3] + u * v[0]) + uu * v[0], v[3] += u * v[0];
  return p->log;
}

static product over_modes(const chain *c, int sites, bool antiperiodic, bool is_sinh) {
  product p = {.v = {1}};
  for (int n = 0; n < sites; n++) {
    int halves = 2 * n + antiperiodic; /* k = halves pi/N */
    bool alone = halves == 0 || halves == sites;
    factor(&p, angle_at(c, M_PI * halves / sites, alone), is_sinh);
  }
  return p;
}

static int check(double Jx, double Jy, double field, double beta, err *e) {
  if (beta > 0 && isfinite(beta) && isfinite(Jx + Jy + field)) return 0;
  return err_set(e, ERR_RUN, "XY chain: Jx = %g, Jy = %g, h = %g, beta = %g: beta must be positive", Jx, Jy, field,
                 beta);
}

/* Half the sum of the four products, as factors of the front and number of the largest, whose index it returns. */
static int combine(product p[4], double z[5]) {
  int top = 0;
  for (int i = 1; i < 4; i++)
    if (p[i].log > p[top].log) top = i;
  for (int k = 0; k < 5; k++) z[k] = 0;
  for (int i = 0; i < 4; i++) {
    double by = (i == 3 ? -.5 : .5) * exp(move(&p[i], &p[top]) - p[top].log);
    for (int k = 0; k < 5; k++) z[k] += by * p[i].v[k];
  }
  return top;
}

int exact_xy(chain_thermo *x, int sites, double Jx, double Jy, double field, double beta, err *e) {
  *x = chain_unknown();
  if (check(Jx, Jy, field, beta, e)) return e->code;
  if (sites < 4 || sites % 2) return err_set(e, ERR_RUN, "XY chain of %d sites: must be even and at least 4", sites);
  chain c = {(Jx + Jy) / 2, (Jx - Jy) / 2, field, beta};
  product p[4] = {over_modes(&c, sites, true, false), over_modes(&c, sites, true, true),
                  over_modes(&c, sites, false, false), over_modes(&c, sites, false, true)};
  double z[5];
  const product *f = &p[combine(p, z)];
  double d1 = z[1] / z[0], u1 = z[3] / z[0];
  *x = chain_derive(sites, beta, f->log + log(z[0]), f->b + d1, z[2] / z[0] - d1 * d1, f->u + u1,
                    f->uu + z[4] / z[0] - u1 * u1);
  return 0;
}

/* ---- infinite chain ---- */
typedef struct integral {
  chain c;
  int which; /* 0: ln z, then its derivatives as above */
} integral;

static double integrand(double k, void *ctx) {
  const integral *i = ctx;
  angle q = angle_at(&i->c, k, false);
  double t = tanh(q.x), s = fabs(q.x) < 300 ? 1 / (cosh(q.x) * cosh(q.x)) : 0;
  switch (i->which) {
    case 0:
      return fabs(q.x) + log1p(exp(-2 * fabs(q.x)));
    case 1:
      return t * q.beta;
    case 2:
      return s * q.beta * q.beta;
    case 3:
      return t * q.u;
    default:
      return s * q.u * q.u + t * q.uu;
  }
}

/* Pieces end where a = 0: at low temperature the integrand bends there within a width of the temperature. */
static int integrate(integral *f, double *value) {
  double zero = fabs(f->c.h) < fabs(f->c.sum) ? acos(-f->c.h / f->c.sum) : M_PI / 2, error, scale = .1 / f->c.beta;
  double left = fmax(zero - 20 * scale, zero / 2), right = fmin(zero + 20 * scale, (zero + M_PI) / 2);
  double points[5] = {0, left, zero, right, M_PI};
  gsl_function g = {integrand, f};
  gsl_integration_workspace *w = gsl_integration_workspace_alloc(2000);
  if (!w) return GSL_ENOMEM;
  int status = gsl_integration_qagp(&g, points, 5, 1e-15, 1e-13, 2000, w, value, &error);
  gsl_integration_workspace_free(w);
  *value /= M_PI;
  return status == GSL_EROUND && error <= 1e-10 * (1 + fabs(*value)) ? 0 : status;
}

int exact_xy_infinite(chain_thermo *x, double Jx, double Jy, double field, double beta, err *e) {
  *x = chain_unknown();
  if (check(Jx, Jy, field, beta, e)) return e->code;
  integral f = {.c = {(Jx + Jy) / 2, (Jx - Jy) / 2, field, beta}};
  double d[5];
  int status = 0;
  gsl_error_handler_t *old = gsl_set_error_handler_off();
  for (; f.which < 5 && !status; f.which++) status = integrate(&f, &d[f.which]);
  gsl_set_error_handler(old);
  if (status)
    return err_set(e, ERR_RUN, "infinite XY chain: beta = %g, h = %g: GSL: %s", beta, field, gsl_strerror(status));
  *x = chain_derive(1, beta, d[0], d[1], d[2], d[3], d[4]);
  return 0;
}

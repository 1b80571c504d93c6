/* thermo.c: thermo_quantities, thermo_row, thermo_estimate, thermo_chain, thermo_scan.
 *
 * With x = (<g>, lnZ) of thermo.h:
 *   F = -lnZ/beta, e = H0/N + <e'>, c = beta^2 N (<e'^2> - <e'>^2), S = beta N e + lnZ,
 *   chi = beta N (<m^2> - <|m|>^2), U = 1 - <m^4>/(3 <m^2>^2), xi = sqrt(<m^2>/<s_k> - 1)/(2 sin(pi/L))
 * (Cooper, Freedman, Preston, Nucl. Phys. B 210 (1982) 210 for xi; Binder, Z. Phys. B 43 (1981) 119 for U), each with
 * its gradient. Weights at another beta': lw = -beta' H - ln q. */
#include "analysis/thermo.h"

#include <math.h>
#include <stdlib.h>

enum { AT_LNZ = THERMO_NG };
static const thermo *conf(const void *ctx) {
  return ctx;
}

static double lnZ_of(const double *x, const void *ctx) {
  return x[AT_LNZ];
}
static void lnZ_grad(const double *x, double *d, const void *ctx) {
  d[AT_LNZ] = 1;
}

static double F_of(const double *x, const void *ctx) {
  return conf(ctx)->beta != 0 ? -x[AT_LNZ] / conf(ctx)->beta : NAN;
}
static void F_grad(const double *x, double *d, const void *ctx) {
  d[AT_LNZ] = -1 / conf(ctx)->beta;
}

static double f_of(const double *x, const void *ctx) {
  return F_of(x, ctx) / conf(ctx)->sites;
}
static void f_grad(const double *x, double *d, const void *ctx) {
  d[AT_LNZ] = -1 / (conf(ctx)->beta * conf(ctx)->sites);
}

static double e_of(const double *x, const void *ctx) {
  return conf(ctx)->H0 / conf(ctx)->sites + x[THERMO_E];
}
static void e_grad(const double *x, double *d, const void *ctx) {
  d[THERMO_E] = 1;
}

static double c_of(const double *x, const void *ctx) {
  double b = conf(ctx)->beta;
  return b * b * conf(ctx)->sites * (x[THERMO_E2] - x[THERMO_E] * x[THERMO_E]);
}
static void c_grad(const double *x, double *d, const void *ctx) {
  double b = conf(ctx)->beta, a = b * b * conf(ctx)->sites;
  d[THERMO_E2] = a, d[THERMO_E] = -2 * a * x[THERMO_E];
}

static double S_of(const double *x, const void *ctx) {
  return conf(ctx)->beta * conf(ctx)->sites * e_of(x, ctx) + x[AT_LNZ];
}
static void S_grad(const double *x, double *d, const void *ctx) {
  d[THERMO_E] = conf(ctx)->beta * conf(ctx)->sites, d[AT_LNZ] = 1;
}

static double s_of(const double *x, const void *ctx) {
  return S_of(x, ctx) / conf(ctx)->sites;
}
static void s_grad(const double *x, double *d, const void *ctx) {
  d[THERMO_E] = conf(ctx)->beta, d[AT_LNZ] = 1 / conf(ctx)->sites;
}

static double m_of(const double *x, const void *ctx) {
  return x[THERMO_M];
}
static void m_grad(const double *x, double *d, const void *ctx) {
  d[THERMO_M] = 1;
}

static double m_abs_of(const double *x, const void *ctx) {
  return x[THERMO_ABSM];
}
static void m_abs_grad(const double *x, double *d, const void *ctx) {
  d[THERMO_ABSM] = 1;
}

static double chi_of(const double *x, const void *ctx) {
  return conf(ctx)->beta * conf(ctx)->sites * (x[THERMO_M2] - x[THERMO_ABSM] * x[THERMO_ABSM]);
}
static void chi_grad(const double *x, double *d, const void *ctx) {
  double a = conf(ctx)->beta * conf(ctx)->sites;
  d[THERMO_M2] = a, d[THERMO_ABSM] = -2 * a * x[THERMO_ABSM];
}

static double U_of(const double *x, const void *ctx) {
  return 1 - x[THERMO_M4] / (3 * x[THERMO_M2] * x[THERMO_M2]);
}
static void U_grad(const double *x, double *d, const void *ctx) {
  double m2 = x[THERMO_M2];
  d[THERMO_M4] = -1 / (3 * m2 * m2), d[THERMO_M2] = 2 * x[THERMO_M4] / (3 * m2 * m2 * m2);
}

static double xi_scale(const void *ctx) {
  return conf(ctx)->length > 1 ? 1 / (2 * sin(3.14159265358979323846 / conf(ctx)->length)) : NAN;
}
static double xi_of(const double *x, const void *ctx) { /* NaN where <s_k> is 0 or exceeds <m^2> */
  return x[THERMO_SK] > 0 ? xi_scale(ctx) * sqrt(x[THERMO_M2] / x[THERMO_SK] - 1) : NAN;
}
static void xi_grad(const double *x, double *d, const void *ctx) {
  double sk = x[THERMO_SK], a = xi_scale(ctx), r = a * a / (2 * xi_of(x, ctx) * sk);
  d[THERMO_M2] = r, d[THERMO_SK] = -r * x[THERMO_M2] / sk;
}

#define QUANTITY(id, label, symbol, unit, needs, text) \
  [THERMO_##id] = {{label, symbol##_of, symbol##_grad}, unit, text, needs}
const thermo_quantity thermo_quantities[THERMO_COUNT] = {
    QUANTITY(LNZ, "lnZ", lnZ, "1", 1, "logarithm of the partition function"),
    QUANTITY(FREE, "F", F, "J", 1, "free energy, total"),
    QUANTITY(f, "f", f, "J", 1, "free energy per site"),
    QUANTITY(e, "e", e, "J", 0, "energy per site"),
    QUANTITY(c, "c", c, "1", 0, "specific heat per site"),
    QUANTITY(S, "S", S, "1", 1, "entropy, total"),
    QUANTITY(s, "s", s, "1", 1, "entropy per site"),
    QUANTITY(m, "m", m, "1", 0, "magnetisation per site"),
    QUANTITY(m_abs, "m_abs", m_abs, "1", 0, "modulus of the magnetisation per site"),
    QUANTITY(chi, "chi", chi, "J^-1", 0, "susceptibility of the modulus per site"),
    QUANTITY(U, "U", U, "1", 0, "Binder cumulant"),
    QUANTITY(xi, "xi", xi, "1", 0, "second-moment correlation length in lattice spacings"),
};

#define FUNCTION(id) [THERMO_##id] = &thermo_quantities[THERMO_##id].fn
const stat_fn *const thermo_functions[THERMO_COUNT] = {
    FUNCTION(LNZ), FUNCTION(FREE), FUNCTION(f),     FUNCTION(e),   FUNCTION(c), FUNCTION(S),
    FUNCTION(s),   FUNCTION(m),    FUNCTION(m_abs), FUNCTION(chi), FUNCTION(U), FUNCTION(xi),
};

void thermo_row(const thermo *t, double E, double M, double Sk, double g[THERMO_NG]) {
  double e = (E - t->H0) / t->sites, m = M / t->sites;
  g[THERMO_E] = e, g[THERMO_E2] = e * e;
  g[THERMO_M] = m, g[THERMO_ABSM] = fabs(m);
  g[THERMO_M2] = m * m, g[THERMO_M4] = m * m * m * m;
  g[THERMO_SK] = Sk / (t->sites * t->sites);
}

int thermo_estimate(const thermo *t, const importance *a, stat_value *v, double *cov, err *e) {
  if (a->k != THERMO_NG) return err_set(e, ERR_RUN, "thermo: accumulator of %d observables, not %d", a->k, THERMO_NG);
  return importance_estimate(a, THERMO_COUNT, thermo_functions, t, v, cov, e);
}

int thermo_chain(const thermo *t, const gamma_data *d, gamma_result *r, err *e) {
  if (d->k != THERMO_NG) return err_set(e, ERR_RUN, "thermo: chain of %d observables, not %d", d->k, THERMO_NG);
  for (int i = 0; i < THERMO_COUNT; i++) {
    r[i] = gamma_undefined();
    if (!thermo_quantities[i].needs_lnZ && gamma_derived(d, thermo_functions[i], t, 0, r + i, e)) return e->code;
  }
  return 0;
}

static int scan_point(thermo t, const thermo_sample *s, importance *a, pareto *p, thermo_point *out, err *e) {
  double g[THERMO_NG];
  for (long i = 0; i < s->n; i++) {
    double lw = -t.beta * s->E[i] - s->lnq[i];
    thermo_row(&t, s->E[i], s->M[i], s->Sk ? s->Sk[i] : 0, g);
    if (importance_add(a, (uint64_t)i, lw, g, e) || pareto_add(p, lw, e)) return err_context(e, "beta %g", t.beta);
  }
  out->beta = t.beta, out->ess = importance_summarise(a).ess, out->pareto_k = pareto_k(p);
  out->verdict = importance_verdict(a, out->pareto_k, out->reason, sizeof out->reason);
  return thermo_estimate(&t, a, out->v, NULL, e);
}

int thermo_scan(const thermo *t, const thermo_sample *s, int nbeta, const double *beta, thermo_point *out, err *e) {
  importance *a;
  pareto *p;
  int rc = importance_new(&a, THERMO_NG, 0, 1, e);
  if (rc) return rc;
  rc = pareto_new(&p, s->n, e);
  for (int b = 0; b < nbeta && !rc; b++) {
    thermo at = *t;
    at.beta = beta[b];
    importance_clear(a), pareto_clear(p);
    rc = scan_point(at, s, a, p, out + b, e);
  }
  importance_free(a), pareto_free(p);
  return rc;
}

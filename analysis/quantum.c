/* quantum.c: quantum_quantities, quantum_row, quantum_estimate, quantum_chain.
 *
 * With x = (<g>, lnZ) of quantum.h, from lnZ(beta) by differentiation:
 *   e = F0/N + <F'>, c = beta^2 (N (<F'^2> - <F'>^2) - <G'>), s = beta e + lnZ/N, chi = beta N (<M'^2> - <M'>^2)
 * (Cullen & Landau, Phys. Rev. B 27 (1983) 297), each with its gradient; primes: per site, F less F0. */
#include "analysis/quantum.h"

#include <math.h>

enum { AT_LNZ = QUANTUM_NG };
static const quantum *conf(const void *ctx) {
  return ctx;
}

static double lnZ_of(const double *x, const void *ctx) {
  return x[AT_LNZ];
}
static void lnZ_grad(const double *x, double *d, const void *ctx) {
  d[AT_LNZ] = 1;
}

static double f_of(const double *x, const void *ctx) {
  return -x[AT_LNZ] / (conf(ctx)->beta * conf(ctx)->sites);
}
static void f_grad(const double *x, double *d, const void *ctx) {
  d[AT_LNZ] = -1 / (conf(ctx)->beta * conf(ctx)->sites);
}

static double e_of(const double *x, const void *ctx) {
  return conf(ctx)->F0 / conf(ctx)->sites + x[QUANTUM_F];
}
static void e_grad(const double *x, double *d, const void *ctx) {
  d[QUANTUM_F] = 1;
}

static double E_of(const double *x, const void *ctx) {
  return conf(ctx)->F0 + conf(ctx)->sites * x[QUANTUM_F];
}
static void E_grad(const double *x, double *d, const void *ctx) {
  d[QUANTUM_F] = conf(ctx)->sites;
}

/* -dE/d beta per site: c, and CT2 by their factors. */
static double slope(const double *x, double sites) {
  return sites * (x[QUANTUM_F2] - x[QUANTUM_F] * x[QUANTUM_F]) - x[QUANTUM_G];
}
static void slope_grad(const double *x, double *d, double sites, double factor) {
  d[QUANTUM_F2] = factor * sites;
  d[QUANTUM_F] = -2 * factor * sites * x[QUANTUM_F];
  d[QUANTUM_G] = -factor;
}

static double c_of(const double *x, const void *ctx) {
  return conf(ctx)->beta * conf(ctx)->beta * slope(x, conf(ctx)->sites);
}
static void c_grad(const double *x, double *d, const void *ctx) {
  slope_grad(x, d, conf(ctx)->sites, conf(ctx)->beta * conf(ctx)->beta);
}

static double CT2_of(const double *x, const void *ctx) {
  return conf(ctx)->sites * slope(x, conf(ctx)->sites);
}
static void CT2_grad(const double *x, double *d, const void *ctx) {
  slope_grad(x, d, conf(ctx)->sites, conf(ctx)->sites);
}

static double s_of(const double *x, const void *ctx) {
  return conf(ctx)->beta * e_of(x, ctx) + x[AT_LNZ] / conf(ctx)->sites;
}
static void s_grad(const double *x, double *d, const void *ctx) {
  d[QUANTUM_F] = conf(ctx)->beta, d[AT_LNZ] = 1 / conf(ctx)->sites;
}

static double m_of(const double *x, const void *ctx) {
  return x[QUANTUM_M];
}
static void m_grad(const double *x, double *d, const void *ctx) {
  d[QUANTUM_M] = 1;
}

static double chi_of(const double *x, const void *ctx) {
  return conf(ctx)->beta * conf(ctx)->sites * (x[QUANTUM_M2] - x[QUANTUM_M] * x[QUANTUM_M]);
}
static void chi_grad(const double *x, double *d, const void *ctx) {
  double a = conf(ctx)->beta * conf(ctx)->sites;
  d[QUANTUM_M2] = a, d[QUANTUM_M] = -2 * a * x[QUANTUM_M];
}

static double chi_sigma_of(const double *x, const void *ctx) {
  return 4 * conf(ctx)->sites * chi_of(x, ctx);
}
static void chi_sigma_grad(const double *x, double *d, const void *ctx) {
  double a = 4 * conf(ctx)->sites;
  chi_grad(x, d, ctx);
  d[QUANTUM_M2] *= a, d[QUANTUM_M] *= a;
}

static double chi_st_of(const double *x, const void *ctx) {
  return conf(ctx)->beta * conf(ctx)->sites * x[QUANTUM_MST2];
}
static void chi_st_grad(const double *x, double *d, const void *ctx) {
  d[QUANTUM_MST2] = conf(ctx)->beta * conf(ctx)->sites;
}

#define QUANTITY(id, label, symbol, unit, needs, text) \
  [QUANTUM_##id] = {{label, symbol##_of, symbol##_grad}, unit, text, needs}
const thermo_quantity quantum_quantities[QUANTUM_COUNT] = {
    QUANTITY(LNZ, "lnZ", lnZ, "1", 1, "logarithm of the partition function"),
    QUANTITY(f, "f", f, "J", 1, "free energy per site"),
    QUANTITY(e, "e", e, "J", 0, "energy per site"),
    QUANTITY(c, "c", c, "1", 0, "specific heat per site"),
    QUANTITY(s, "s", s, "1", 1, "entropy per site"),
    QUANTITY(m, "m", m, "1", 0, "magnetisation per site"),
    QUANTITY(chi, "chi", chi, "J^-1", 0, "susceptibility per site"),
    QUANTITY(chi_st, "chi_st", chi_st, "J^-1", 0, "staggered susceptibility per site"),
    QUANTITY(E, "E", E, "J", 0, "energy, total"),
    QUANTITY(CT2, "CT2", CT2, "J^2", 0, "specific heat times T^2, total"),
    QUANTITY(CHISIGMA, "chi_sigma", chi_sigma, "J^-1", 0, "susceptibility of sum sigma, total"),
};

#define FUNCTION(id) [QUANTUM_##id] = &quantum_quantities[QUANTUM_##id].fn
const stat_fn *const quantum_functions[QUANTUM_COUNT] = {
    FUNCTION(LNZ), FUNCTION(f),      FUNCTION(e), FUNCTION(c),   FUNCTION(s),        FUNCTION(m),
    FUNCTION(chi), FUNCTION(chi_st), FUNCTION(E), FUNCTION(CT2), FUNCTION(CHISIGMA),
};

void quantum_row(const quantum *t, double F, double G, double M, double Mst, double g[QUANTUM_NG]) {
  double f = (F - t->F0) / t->sites, m = M / t->sites, mst = Mst / t->sites;
  g[QUANTUM_F] = f, g[QUANTUM_F2] = f * f;
  g[QUANTUM_G] = G / t->sites;
  g[QUANTUM_M] = m, g[QUANTUM_M2] = m * m;
  g[QUANTUM_MST] = mst, g[QUANTUM_MST2] = mst * mst;
}

int quantum_estimate(const quantum *t, const importance *a, stat_value *v, double *cov, err *e) {
  if (a->k != QUANTUM_NG)
    return err_set(e, ERR_RUN, "quantum: accumulator of %d observables, not %d", a->k, QUANTUM_NG);
  return importance_estimate(a, QUANTUM_COUNT, quantum_functions, t, v, cov, e);
}

int quantum_chain(const quantum *t, const gamma_data *d, gamma_result *r, err *e) {
  if (d->k != QUANTUM_NG) return err_set(e, ERR_RUN, "quantum: chain of %d observables, not %d", d->k, QUANTUM_NG);
  for (int i = 0; i < QUANTUM_COUNT; i++) {
    r[i] = gamma_undefined();
    if (!quantum_quantities[i].needs_lnZ && gamma_derived(d, quantum_functions[i], t, 0, r + i, e)) return e->code;
  }
  return 0;
}

/* toy.h: a target of eight states with everything known exactly, and a network that misses it by a known amount. */
#ifndef TESTS_TOY_H
#define TESTS_TOY_H

#include <math.h>
#include <string.h>

#include "analysis/thermo.h"
#include "base/rng.h"

enum { TOY = 8 };
static const double toy_E[TOY] = {-4, -3, -1, 0, 0, 1, 2, 4}, toy_M[TOY] = {4, -4, 3, -2, 0, 2, -3, 1};
static const double toy_Sk[TOY] = {.5, .25, 2, 2, 4, 3, 2, 4};
static const double toy_tilt[TOY] = {-.7, .5, .3, -.9, .6, -.2, .8, -.5}; /* ln q - ln p up to a constant */
static const thermo toy_thermo = {.beta = .3, .sites = 4, .length = 4, .H0 = -1};

typedef struct toy {
  double p[TOY], q[TOY], cdf[TOY], lw[TOY]; /* lw_i = -beta E_i - ln q_i */
  double g[TOY][THERMO_NG];
  double x[THERMO_NG + 1]; /* exact means and lnZ */
  double exact[THERMO_COUNT];
  double mean_W2; /* n/ESS in the limit */
  double max_lw, tilt;
} toy;

static inline toy toy_new(double tilt) {
  toy t = {.max_lw = -INFINITY, .tilt = tilt};
  double Z = 0, Q = 0, c = 0;
  for (int i = 0; i < TOY; i++) Z += t.p[i] = exp(-toy_thermo.beta * toy_E[i]);
  for (int i = 0; i < TOY; i++) Q += t.q[i] = t.p[i] * exp(tilt * toy_tilt[i]);
  for (int i = 0; i < TOY; i++) {
    t.p[i] /= Z, t.q[i] /= Q, t.cdf[i] = c += t.q[i];
    t.lw[i] = -toy_thermo.beta * toy_E[i] - log(t.q[i]);
    t.max_lw = fmax(t.max_lw, t.lw[i]);
    t.mean_W2 += t.p[i] * t.p[i] / t.q[i];
    thermo_row(&toy_thermo, toy_E[i], toy_M[i], toy_Sk[i], t.g[i]);
    for (int a = 0; a < THERMO_NG; a++) t.x[a] += t.p[i] * t.g[i][a];
  }
  t.x[THERMO_NG] = log(Z);
  for (int i = 0; i < THERMO_COUNT; i++) t.exact[i] = thermo_functions[i]->value(t.x, &toy_thermo);
  return t;
}

static inline int toy_pick(const double *cdf, double u) {
  int i = 0;
  while (i < TOY - 1 && u >= cdf[i]) i++;
  return i;
}
static inline int toy_draw(const toy *t, rng_fast *r) {
  return toy_pick(t->cdf, rng_fast_double(r));
}

/* n draws from q into an accumulator over the thermodynamic observables. */
static inline void toy_fill(const toy *t, importance *a, long n, rng_fast *r, err *e) {
  for (long i = 0; i < n; i++) {
    int s = toy_draw(t, r);
    importance_add(a, (uint64_t)i, t->lw[s], t->g[s], e);
  }
}

/* Running mean and variance of pulls and the like. */
typedef struct moments {
  double n, mean, squares;
} moments;
static inline void moments_add(moments *m, double x) {
  double d = x - m->mean;
  m->mean += d / ++m->n;
  m->squares += d * (x - m->mean);
}
static inline double moments_sd(const moments *m) {
  return sqrt(m->squares / (m->n - 1));
}
static inline double moments_error(const moments *m) {
  return moments_sd(m) / sqrt(m->n);
}

#endif

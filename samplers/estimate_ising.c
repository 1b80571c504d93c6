/* estimate_ising.c: estimate_ising_open, estimate_ising_close (see estimate_ising.h): lnZ, f, e, c, s, |m|, chi, the
 * Binder cumulant and xi of Ising models (analysis/thermo.h), and one set of draws reweighted to a whole scan of
 * couplings, lw(beta') = -beta' H - ln q. */
#include "samplers/estimate_ising.h"

#include <math.h>
#include <stdlib.h>

#define UNKNOWN ((size_t)-1)
static const struct {
  int q;
  const char *name;
  size_t exact;
} printed[] = {
    {THERMO_LNZ, "lnZ", offsetof(exact_ising, lnZ)},
    {THERMO_f, "f", offsetof(exact_ising, f)},
    {THERMO_e, "e", offsetof(exact_ising, e)},
    {THERMO_c, "c", offsetof(exact_ising, c)},
    {THERMO_s, "s", offsetof(exact_ising, s)},
    {THERMO_m_abs, "m_abs", offsetof(exact_ising, m_abs)},
    {THERMO_chi, "chi", offsetof(exact_ising, chi)},
    {THERMO_U, "binder", UNKNOWN},
    {THERMO_xi, "xi", UNKNOWN},
};
enum { PRINTED = sizeof printed / sizeof *printed };

static double exact_of(const exact_ising *x, int i) {
  if (printed[i].exact != UNKNOWN) return *(const double *)((const char *)x + printed[i].exact);
  return printed[i].q == THERMO_U ? 1 - x->m4 / (3 * x->m2 * x->m2) : NAN;
}

static void row(const void *self, const double *obs, double *g) {
  thermo_row(&((const estimate_ising *)self)->t, obs[ISING_E], obs[ISING_M], obs[ISING_SK], g);
}

static double lnw(const void *self, const double *obs) {
  return -((const estimate_ising *)self)->t.beta * obs[ISING_E];
}

/* One column of the scan: quantity i of printed[], or -1 ESS, -2 Pareto k. x: exact values per point. */
static int put_column(const estimate_ising *o, run *r, const deck_reals *scan, int i, const exact_ising *x,
                      double *value, double *error, double *exact, err *e) {
  size_t n = (size_t)scan->n;
  for (size_t k = 0; k < n; k++) {
    const thermo_point *p = &o->point[k];
    value[k] = i == -2 ? p->pareto_k : i == -1 ? p->ess : p->v[printed[i].q].corrected;
    error[k] = i < 0 || p->verdict == STAT_REFUSE ? NAN : p->v[printed[i].q].error;
    exact[k] = i < 0 ? NAN : exact_of(&x[k], i);
  }
  const char *name = i == -2 ? "pareto_k" : i == -1 ? "ess" : printed[i].name;
  return estimate_scan(r, name, i < 0 ? "1" : thermo_quantities[printed[i].q].unit, scan, value, error, exact, e);
}

/* The scan of section `estimate`. */
static int scan(void *self, run *r, const estimate_conf *c, const estimate_data *d, err *e) {
  estimate_ising *o = self;
  size_t n = (size_t)c->scan.n;
  const char *how;
  if (!n) return 0;
  double *column = malloc(3 * n * sizeof *column);
  exact_ising *x = malloc(n * sizeof *x);
  free(o->point);
  o->point = calloc(n, sizeof *o->point);
  if (!column || !x || !o->point) {
    free(column), free(x);
    return err_set(e, ERR_RUN, "scan: out of memory");
  }
  thermo_sample s = {d->n, d->lnq, d->obs[ISING_E], d->obs[ISING_M], d->obs[ISING_SK]};
  o->npoints = c->scan.n;
  thermo_scan(&o->t, &s, o->npoints, c->scan.v, o->point, e);
  for (size_t k = 0; k < n && !e->code; k++) exact_any(&x[k], &how, o->m, c->scan.v[k], e);
  for (int i = -2; i < PRINTED && !e->code; i++)
    put_column(o, r, &c->scan, i, x, column, column + n, column + 2 * n, e);
  free(column), free(x);
  return e->code;
}

void estimate_ising_open(estimate_ising *o, const ising *m, const exact_ising *x) {
  const lattice *l = m->lat;
  *o = (estimate_ising){.m = m, .x = *x};
  o->t = (thermo){.beta = m->beta,
                  .sites = l->n,
                  .length = l->rows && l->rows == l->cols ? l->rows : 0,
                  .H0 = isnan(x->e) ? 0 : x->e * l->n};
  o->model = (estimate_model){.ctx = &o->t,
                              .nobs = ISING_NOBS,
                              .ng = THERMO_NG,
                              .row = row,
                              .lnw = lnw,
                              .nfn = THERMO_COUNT,
                              .fn = thermo_functions,
                              .lnZ = THERMO_LNZ,
                              .free_energy = THERMO_FREE,
                              .entropy = THERMO_S,
                              .nprinted = PRINTED,
                              .more = scan,
                              .self = o};
  for (int i = 0; i < PRINTED; i++) {
    const thermo_quantity *q = &thermo_quantities[printed[i].q];
    o->model.printed[i] =
        (estimate_quantity){printed[i].q, printed[i].name, q->unit, q->description, q->needs_lnZ, exact_of(x, i)};
  }
}

void estimate_ising_close(estimate_ising *o) {
  free(o->point);
}

/* estimate_trotter.c: see estimate_trotter.h. What is measured are counts of plaquettes, so that at any beta
 *   ln W = sum_types n ln W(type) + beta h M,   F = sum n F(type) - h M,   G = sum n G(type). */
#include "samplers/estimate_trotter.h"

#include <math.h>
#include <stdlib.h>

#include "lattice/exact_trotter.h"

/* Sum over the types that were met (a forbidden one has ln W = -inf and none of them). */
static double over_types(const double *obs, const double value[TROTTER_TYPES]) {
  double sum = 0;
  for (int k = 0; k < TROTTER_ILLEGAL; k++)
    if (obs[AR_TROTTER_COUNT + k] != 0) sum += obs[AR_TROTTER_COUNT + k] * value[k];
  return sum;
}

static void row_at(const estimate_trotter *o, const trotter_weights *w, const quantum *q, const double *obs,
                   double *g) {
  double M = obs[AR_TROTTER_M];
  quantum_row(q, over_types(obs, w->F) - o->t->field * M, over_types(obs, w->G), M, obs[AR_TROTTER_MST], g);
}

static double lnw_at(const estimate_trotter *o, const trotter_weights *w, double beta, const double *obs) {
  return over_types(obs, w->lnW) + beta * o->t->field * obs[AR_TROTTER_M];
}

static void row(const void *self, const double *obs, double *g) {
  const estimate_trotter *o = self;
  row_at(o, &o->at, &o->q, obs, g);
}

static double lnw(const void *self, const double *obs) {
  const estimate_trotter *o = self;
  return lnw_at(o, &o->at, o->q.beta, obs);
}

/* What is printed; its exact value is times N^sites beta^beta x, x a field of chain_thermo. */
#define UNKNOWN ((size_t)-1)
#define FIELD(name) offsetof(chain_thermo, name)
static const struct {
  int q;
  const char *name;
  size_t exact;
  double times;
  int sites, beta;
} printed[] = {{QUANTUM_LNZ, "lnZ", FIELD(lnZ), 1, 0, 0},
               {QUANTUM_f, "f", FIELD(f), 1, 0, 0},
               {QUANTUM_e, "e", FIELD(e), 1, 0, 0},
               {QUANTUM_c, "c", FIELD(c), 1, 0, 0},
               {QUANTUM_s, "s", FIELD(s), 1, 0, 0},
               {QUANTUM_m, "m", FIELD(m), 1, 0, 0},
               {QUANTUM_chi, "chi", FIELD(chi), 1, 0, 0},
               {QUANTUM_chi_st, "chi_st", UNKNOWN, 0, 0, 0},
               {QUANTUM_E, "E", FIELD(e), 1, 1, 0},
               {QUANTUM_CT2, "CT2", FIELD(c), 1, 1, -2},
               {QUANTUM_CHISIGMA, "chi_sigma", FIELD(chi), 4, 1, 0}};
enum { PRINTED = sizeof printed / sizeof *printed };

static double exact_of(const chain_thermo *x, int i, double sites, double beta) {
  if (printed[i].exact == UNKNOWN) return NAN;
  return printed[i].times * pow(sites, printed[i].sites) * pow(beta, printed[i].beta) *
         *(const double *)((const char *)x + printed[i].exact);
}

/* ---- other temperatures from the same draws ---- */
enum { COLUMNS = PRINTED + 2, SCAN_LENGTH = 12 }; /* ESS and Pareto k; exact values only where they take no time */

typedef struct point {
  double value[COLUMNS], error[COLUMNS], exact[COLUMNS];
} point;

static int sums_at(const estimate_trotter *o, double beta, const estimate_data *d, importance *a, pareto *p, err *e) {
  trotter_weights w = trotter_weigh(o->t, beta);
  quantum q = {.beta = beta, .sites = o->t->sites, .F0 = o->q.F0};
  double obs[AR_TROTTER_NOBS], g[QUANTUM_NG];
  for (long i = 0; i < d->n; i++) {
    for (int k = 0; k < AR_TROTTER_NOBS; k++) obs[k] = d->obs[k][i];
    double lw = lnw_at(o, &w, beta, obs) - d->lnq[i];
    row_at(o, &w, &q, obs, g);
    if (importance_add(a, (uint64_t)i, lw, g, e) || pareto_add(p, lw, e)) return err_context(e, "beta %g", beta);
  }
  return 0;
}

static int fill_point(const estimate_trotter *o, double beta, const importance *a, const pareto *p, point *out,
                      err *e) {
  quantum q = {.beta = beta, .sites = o->t->sites, .F0 = o->q.F0};
  stat_value v[QUANTUM_COUNT];
  chain_thermo x = chain_unknown();
  char reason[120];
  double k = pareto_k(p);
  bool small = o->t->sites < o->t->rows ? o->t->sites <= SCAN_LENGTH : o->t->rows <= SCAN_LENGTH;
  if (quantum_estimate(&q, a, v, NULL, e) || (small && exact_trotter(&x, o->t, beta, e))) return e->code;
  bool refuse = importance_verdict(a, k, reason, sizeof reason) == STAT_REFUSE;
  for (int i = 0; i < PRINTED; i++) {
    out->value[i] = v[printed[i].q].corrected;
    out->error[i] = refuse ? NAN : v[printed[i].q].error;
    out->exact[i] = exact_of(&x, i, q.sites, beta);
  }
  out->value[PRINTED] = importance_summarise(a).ess, out->value[PRINTED + 1] = k;
  out->error[PRINTED] = out->error[PRINTED + 1] = out->exact[PRINTED] = out->exact[PRINTED + 1] = NAN;
  return 0;
}

static int put_column(run *r, const deck_reals *beta, const point *points, int i, double *value, err *e) {
  static const char *const extra[2] = {"ess", "pareto_k"};
  double *error = value + beta->n, *exact = error + beta->n;
  for (int k = 0; k < beta->n; k++)
    value[k] = points[k].value[i], error[k] = points[k].error[i], exact[k] = points[k].exact[i];
  return estimate_scan(r, i < PRINTED ? printed[i].name : extra[i - PRINTED],
                       i < PRINTED ? quantum_quantities[printed[i].q].unit : "1", beta, value, error, exact, e);
}

static int scan(void *self, run *r, const estimate_conf *c, const estimate_data *d, err *e) {
  const estimate_trotter *o = self;
  size_t n = (size_t)c->scan.n;
  if (!n) return 0;
  importance *a = NULL;
  pareto *p = NULL;
  double *column = malloc(3 * n * sizeof *column);
  point *points = calloc(n, sizeof *points);
  if (!column || !points) err_set(e, ERR_RUN, "scan: out of memory");
  if (!e->code && !importance_new(&a, QUANTUM_NG, 0, 1, e)) pareto_new(&p, d->n, e);
  for (size_t k = 0; k < n && !e->code; k++) {
    importance_clear(a), pareto_clear(p);
    if (!sums_at(o, c->scan.v[k], d, a, p, e)) fill_point(o, c->scan.v[k], a, p, &points[k], e);
  }
  for (int i = 0; i < COLUMNS && !e->code; i++) put_column(r, &c->scan, points, i, column, e);
  importance_free(a), pareto_free(p);
  free(column), free(points);
  return e->code;
}

void estimate_trotter_open(estimate_trotter *o, const trotter *t, const chain_thermo *x) {
  *o = (estimate_trotter){.t = t, .at = trotter_weigh(t, t->beta), .exact = *x};
  o->q = (quantum){.beta = t->beta, .sites = t->sites, .F0 = isnan(x->e) ? 0 : x->e * t->sites};
  o->model = (estimate_model){.ctx = &o->q,
                              .nobs = AR_TROTTER_NOBS,
                              .ng = QUANTUM_NG,
                              .row = row,
                              .lnw = lnw,
                              .nfn = QUANTUM_COUNT,
                              .fn = quantum_functions,
                              .lnZ = QUANTUM_LNZ,
                              .free_energy = QUANTUM_f,
                              .entropy = QUANTUM_s,
                              .nprinted = PRINTED,
                              .more = scan,
                              .self = o};
  for (int i = 0; i < PRINTED; i++) {
    const thermo_quantity *q = &quantum_quantities[printed[i].q];
    o->model.printed[i] = (estimate_quantity){printed[i].q,   printed[i].name, q->unit,
                                              q->description, q->needs_lnZ,    exact_of(x, i, t->sites, t->beta)};
  }
}

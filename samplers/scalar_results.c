/* scalar_results.c: results of a scan with errors by the Gamma method over all replicas of a point (see
 * scalar_ensemble.h). With one point they are numbers with exact values, with several arrays along kappa. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/gamma.h"
#include "samplers/scalar_ensemble.h"

/* What the functions of means see: powers of what was measured. */
enum { M, ABS_M, M2, M4, ABS_MS, MS2, MS4, PHI2, PHI4, T, T2, BOX, CBOX, BOX2, CBOX2, CONDENSATE, SCORE, POWERS };

typedef struct scale { /* context of the functions */
  double V;            /* sites */
} scale;

static double chi_of(const double *x, const void *c) {
  return ((const scale *)c)->V * (x[M2] - x[ABS_M] * x[ABS_M]);
}
static double chi_s_of(const double *x, const void *c) {
  return ((const scale *)c)->V * (x[MS2] - x[ABS_MS] * x[ABS_MS]);
}
static double u4_of(const double *x, const void *c) {
  return x[M4] / (x[M2] * x[M2]);
}
static double u4s_of(const double *x, const void *c) {
  return x[MS4] / (x[MS2] * x[MS2]);
}
static double fisher_of(const double *x, const void *c) {
  return 4 * (x[T2] - x[T] * x[T]);
}

/* In the order of SCALAR_RES_M ... */
static const struct {
  const char *name, *description;
  int column;                                    /* a plain mean, or */
  double (*f)(const double *x, const void *ctx); /* a function of means */
  size_t exact;                                  /* in exact_scalar, or NONE */
  bool fermions;
} quantity[SCALAR_NRES] = {
#define NONE ((size_t)-1)
    {"m", "mean field <phi>", M, NULL, NONE, false},
    {"m_abs", "magnetisation <|m|>", ABS_M, NULL, NONE, false},
    {"ms_abs", "staggered magnetisation <|m_s|>", ABS_MS, NULL, NONE, false},
    {"chi", "susceptibility V (<m^2> - <|m|>^2)", 0, chi_of, NONE, false},
    {"chi_s", "staggered susceptibility V (<m_s^2> - <|m_s|>^2)", 0, chi_s_of, NONE, false},
    {"binder", "U4 = <m^4>/<m^2>^2", 0, u4_of, NONE, false},
    {"binder_s", "staggered U4 = <m_s^4>/<m_s^2>^2", 0, u4s_of, NONE, false},
    {"phi2", "<phi^2>", PHI2, NULL, offsetof(exact_scalar, phi2), false},
    {"phi4", "<phi^4>", PHI4, NULL, offsetof(exact_scalar, phi4), false},
    {"link", "<phi_n phi_(n+mu)>, mean over directions", T, NULL, offsetof(exact_scalar, link), false},
    {"m2", "<m^2>", M2, NULL, offsetof(exact_scalar, m2), false},
    {"fisher", "Fisher information of kappa in one configuration, 4 Var T, T = sum of all links", 0, fisher_of, NONE,
     false},
    {"box", "<|B|>, sum of phi over a cube of side two", BOX, NULL, NONE, false},
    {"cbox", "<|C|>, the same with alternating signs", CBOX, NULL, NONE, false},
    {"box2", "<B^2>/2^d", BOX2, NULL, NONE, false},
    {"cbox2", "<C^2>/2^d", CBOX2, NULL, NONE, false},
    {"condensate", "N_f tr D^-1 / V", CONDENSATE, NULL, NONE, true},
    {"score", "N_f tr (D^-1 phi) / V, derivative of the weight by g", SCORE, NULL, NONE, true},
};

static void powers(const scalar_ensemble *s, const double *row, double *x) {
  double m = row[SCALAR_COL_M], ms = row[SCALAR_COL_MS], links = row[SCALAR_COL_LINK] * s->g->d * (double)s->g->n;
  const double all[POWERS] = {m,
                              fabs(m),
                              m * m,
                              pow(m, 4),
                              fabs(ms),
                              ms * ms,
                              pow(ms, 4),
                              row[SCALAR_COL_PHI2],
                              row[SCALAR_COL_PHI4],
                              links,
                              links * links,
                              row[SCALAR_COL_BOX],
                              row[SCALAR_COL_CBOX],
                              row[SCALAR_COL_BOX2],
                              row[SCALAR_COL_CBOX2],
                              row[SCALAR_COL_CONDENSATE],
                              row[SCALAR_COL_SCORE]};
  memcpy(x, all, sizeof all);
}

/* ---- tables ---- */

void scalar_table_free(scalar_table *t) {
  free(t->kappa);
  memset(t, 0, sizeof *t);
}

static int table_new_of(scalar_table *t, const scalar_points *p, err *e) {
  size_t n = (size_t)p->n;
  *t = (scalar_table){.n = p->n, .points = p, .kappa = malloc((1 + 4 * SCALAR_NRES) * n * sizeof(double))};
  if (!t->kappa) return err_set(e, ERR_RUN, "results: out of memory");
  double *at = t->kappa + n;
  for (int k = 0; k < SCALAR_NRES; k++, at += 4 * n)
    t->value[k] = at, t->error[k] = at + n, t->exact[k] = at + 2 * n, t->tau[k] = at + 3 * n;
  for (int i = 0; i < p->n; i++) t->kappa[i] = p->model[i].action.kappa;
  return 0;
}

/* The replicas of one point: rows of powers into results. */
static int estimate_point(const scalar_ensemble *s, scalar_table *t, int point, const gamma_data *d, err *e) {
  const scalar_model *m = &s->points->model[point];
  scale c = {(double)s->g->n};
  exact_scalar x = {NAN, NAN, NAN, NAN};
  if (!m->fermions && exact_scalar_any(&x, s->g, m->action, e)) return e->code;
  for (int k = 0; k < SCALAR_NRES; k++) {
    gamma_result v = gamma_undefined();
    stat_fn f = {quantity[k].name, quantity[k].f, NULL};
    if (quantity[k].fermions && !m->fermions)
      v.value = NAN;
    else if (f.value ? gamma_derived(d, &f, &c, 0, &v, e) : gamma_primary(d, quantity[k].column, 0, &v, e))
      return e->code;
    t->value[k][point] = quantity[k].column == T && !f.value ? v.value / (s->g->d * c.V) : v.value;
    t->error[k][point] = quantity[k].column == T && !f.value ? v.error / (s->g->d * c.V) : v.error;
    t->tau[k][point] = v.tau;
    t->exact[k][point] = quantity[k].exact == NONE ? NAN : *(const double *)((const char *)&x + quantity[k].exact);
  }
  return 0;
}

/* series: rank 0's (chains, length, columns). */
static int estimate_all(const scalar_ensemble *s, scalar_table *t, const double *series, err *e) {
  size_t replicas = (size_t)s->plan.replicas, rows = replicas * (size_t)s->length;
  double *x = malloc(rows * POWERS * sizeof *x);
  long *length = malloc(replicas * sizeof *length);
  if (!x || !length) err_set(e, ERR_RUN, "results: out of memory");
  for (size_t i = 0; i < replicas && length; i++) length[i] = s->length;
  for (int p = 0; p < t->n && !e->code; p++) {
    const double *from = series + (size_t)p * rows * (size_t)s->columns;
    for (size_t i = 0; i < rows; i++) {
      powers(s, from + i * (size_t)s->columns, x + i * POWERS);
      for (int k = CONDENSATE; k <= SCORE && !s->points->model[p].fermions; k++) x[i * POWERS + (size_t)k] = 0;
    }
    gamma_data d = {POWERS, (int)replicas, length, x};
    estimate_point(s, t, p, &d, e);
  }
  free(x), free(length);
  return e->code;
}

/* ---- to the run ---- */

static bool known(const double *v, int n) {
  for (int i = 0; i < n; i++)
    if (!isnan(v[i])) return true;
  return false;
}

static int put(run *r, const scalar_table *t, int k, err *e) {
  if (!known(t->value[k], t->n)) return 0;
  if (t->n == 1)
    return run_result(r,
                      (run_value){.name = quantity[k].name,
                                  .unit = "1",
                                  .description = quantity[k].description,
                                  .value = t->value[k][0],
                                  .error = t->error[k][0],
                                  .exact = t->exact[k][0],
                                  .exact_error = NAN,
                                  .tau_int = t->tau[k][0],
                                  .n_eff = NAN},
                      e);
  return run_result_array(r,
                          (run_array){.name = quantity[k].name,
                                      .unit = "1",
                                      .description = quantity[k].description,
                                      .rank = 1,
                                      .dims = {(size_t)t->n},
                                      .axis = {"kappa"},
                                      .axis_values = {t->kappa},
                                      .value = t->value[k],
                                      .error = t->error[k],
                                      .exact = known(t->exact[k], t->n) ? t->exact[k] : NULL},
                          e);
}

/* G(t), or with staggered signs: (points, side[0]/2 + 1) with errors. */
static int put_correlator(const scalar_ensemble *s, const scalar_table *t, const double *series, bool signs, err *e) {
  size_t times = (size_t)s->g->side[0] / 2 + 1, replicas = (size_t)s->plan.replicas, points = (size_t)t->n;
  size_t rows = replicas * (size_t)s->length;
  double *x = malloc((rows + 2 * points * times + times) * sizeof *x), *value = x + rows,
         *error = value + points * times;
  double *time = error + points * times;
  long *length = malloc(replicas * sizeof *length);
  if (!x || !length) err_set(e, ERR_RUN, "results: out of memory");
  for (size_t i = 0; i < replicas && length; i++) length[i] = s->length;
  for (size_t i = 0; i < points * times && !e->code; i++) {
    const double *from = series + i / times * rows * (size_t)s->columns + SCALAR_COLS + i % times;
    gamma_result v;
    time[i % times] = (double)(i % times);
    for (size_t k = 0; k < rows; k++) x[k] = from[k * (size_t)s->columns + (signs ? times : 0)];
    if (!gamma_primary(&(gamma_data){1, (int)replicas, length, x}, 0, 0, &v, e)) value[i] = v.value, error[i] = v.error;
  }
  if (!e->code)
    run_result_array(s->r,
                     (run_array){.name = signs ? "correlator_s" : "correlator",
                                 .unit = "1",
                                 .description = signs ? "<S(s) S(s+t)>, S: mean of (-1)^n phi over a time slice"
                                                      : "<S(s) S(s+t)>, S: mean of phi over a time slice",
                                 .rank = 2,
                                 .dims = {points, times},
                                 .axis = {"kappa", "t"},
                                 .axis_values = {t->kappa, time},
                                 .value = value,
                                 .error = error},
                     e);
  free(x), free(length);
  return e->code;
}

/* How the updates went: sums of the chains' counters over the replicas of a point. */
static int put_health(const scalar_ensemble *s, const scalar_table *t, const double *states, err *e) {
  size_t n = (size_t)t->n;
  double *v = malloc(4 * n * sizeof *v), *rate = v, *exps = v + n, *exp_error = v + 2 * n, *tau = v + 3 * n;
  bool hmc = !strcmp(s->mover[0]->type->kind.name, "hmc");
  if (!v) return err_set(e, ERR_RUN, "results: out of memory");
  for (size_t p = 0; p < n; p++) {
    double sum[SCALAR_NSTATE] = {0};
    for (long i = 0; i < s->plan.replicas; i++)
      for (int k = 0; k < SCALAR_NSTATE; k++) sum[k] += states[((long)p * s->plan.replicas + i) * SCALAR_NSTATE + k];
    double tried = sum[SCALAR_TRIED], mean = sum[SCALAR_EXP] / tried;
    rate[p] = sum[SCALAR_ACCEPTED] / tried, exps[p] = mean;
    exp_error[p] = sqrt(fmax(sum[SCALAR_EXP2] / tried - mean * mean, 0) / tried);
    tau[p] = t->tau[SCALAR_RES_M2][p];
  }
  run_array a = {.name = "acceptance",
                 .unit = "1",
                 .description = "share of proposals that were accepted",
                 .rank = 1,
                 .dims = {n},
                 .axis = {"kappa"},
                 .axis_values = {t->kappa},
                 .value = rate};
  run_result_array(s->r, a, e);
  a.name = "tau_m2", a.description = "integrated autocorrelation time of m^2, in measurements", a.value = tau;
  run_result_array(s->r, a, e);
  double *one = tau; /* copied by now */
  for (size_t p = 0; p < n; p++) one[p] = 1;
  a.name = "exp_mdH", a.description = "<exp(-dH)> of the trajectories", a.value = exps, a.error = exp_error,
  a.exact = one;
  if (hmc) run_result_array(s->r, a, e);
  free(v);
  return e->code;
}

static int put_all(const scalar_ensemble *s, scalar_table *t, const double *series, const double *states, err *e) {
  if (table_new_of(t, s->points, e) || estimate_all(s, t, series, e)) return e->code;
  for (int k = 0; k < SCALAR_NRES; k++)
    if (put(s->r, t, k, e)) return e->code;
  if (put_correlator(s, t, series, false, e) || put_correlator(s, t, series, true, e)) return e->code;
  return put_health(s, t, states, e);
}

int scalar_results(scalar_ensemble *s, scalar_table *t, err *e) {
  bool root = run_root(s->r), slabs = s->plan.layout == SCALAR_SLABS;
  size_t row = (size_t)(s->length * s->columns), chains = (size_t)s->chains;
  double *series = s->series, *states = s->states;
  *t = (scalar_table){0};
  if (!slabs) {
    series = malloc(root ? chains * row * sizeof *series : 1);
    states = malloc(root ? chains * SCALAR_NSTATE * sizeof *states : 1);
    if (!series || !states) err_set(e, ERR_RUN, "results: out of memory");
    if (!comm_vote(run_comm(s->r), e)) {
      comm_gather_rows(run_comm(s->r), s->chains, row * sizeof *series, s->series, series);
      comm_gather_rows(run_comm(s->r), s->chains, SCALAR_NSTATE * sizeof *states, s->states, states);
    }
  }
  if (root && !e->code) put_all(s, t, series, states, e);
  if (!slabs) free(series), free(states);
  return comm_vote(run_comm(s->r), e);
}

/* estimate.c: estimator_new, estimator_run (see estimate.h).
 *   raw     plain averages over q, biased; its lnZ = E_q[lw] is a lower bound
 *   nis     self-normalised importance sampling, delta-method errors           (arXiv:1910.13496, eqs. 7-12)
 *   nmcmc   independent Metropolis chain of the same draws, errors by the Gamma method; lnZ by Bennett's bridge between
 *           draws and chain, f and s from a joint block jackknife               (arXiv:1910.13496, sec. III B) */
#include "samplers/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/bridge.h"
#include "analysis/nmcmc.h"

#define MOST_DRAWS 10000000000 /* upper limit of estimate.draws */

const deck_key estimate_keys[] = {
    {"draws", DECK_INT, offsetof(estimate_conf, draws), "100000", 0, MOST_DRAWS,
     .help = "configurations drawn from the network", .free = true},
    {"nmcmc", DECK_INT, offsetof(estimate_conf, nmcmc), "1000000", 0, 1e8,
     .help = "of these, the first so many also feed the independent Metropolis chain and the figures", .free = true},
    {"compare", DECK_INT, offsetof(estimate_conf, compare), "4096", 0, 1e7,
     .help = "configurations of the Markov chain weighed by the network (mode-drop ratio, bracket of lnZ)",
     .free = true},
    {"scan", DECK_REALS, offsetof(estimate_conf, scan), "~", 1e-6, 1e3, .unit = "1/J",
     .help = "couplings to which the draws are reweighted: list or {from, to, steps}", .free = true},
    {0},
};

int estimate_check(const deck *d, err *e) {
  estimate_conf c;
  deck_get(d, "estimate", estimate_keys, &c);
  if (!c.scan.n || (c.draws && c.nmcmc)) return 0;
  return err_set(e, ERR_DECK, "%s: estimate.scan: needs draws that are kept, but estimate.%s = 0",
                 deck_where(d, "estimate", "scan"), c.draws ? "nmcmc" : "draws");
}

struct estimator {
  run *r;
  const ar *a;
  exact_ising x;
  estimate_conf c;
  thermo t;
  rng uniforms;
  long keep; /* draws kept for chain and figures (rank 0) */
  /* state */
  int64_t done, steps, trained; /* draws made, chain states so far, training steps behind them */
  int64_t room;                 /* how many of the draws made there was room to keep */
  importance *nis, *raw;
  pareto *tail;
  nmcmc *chain;
  double *kept;       /* (keep, DRAW_ROW + 1): lnq, E, M, Sk, lw  */
  double *lwp, *rows; /* chain: (keep), (keep, THERMO_NG)      */
  int8_t *example;    /* (nexamples, sites)                    */
  int nexamples;
  /* results */
  double *column[5]; /* (keep) columns of kept */
  thermo_point *point;
};
static const char *const owned[] = {"draws done",     "chain steps",     "draws of training step",
                                    "room for draws", "sums importance", "sums raw",
                                    "weights tail",   "chain state",     "draws kept",
                                    "chain weights",  "chain rows",      "examples"};
enum { OWNED = sizeof owned / sizeof *owned };

thermo estimate_thermo(const ising *m, const exact_ising *x) {
  const lattice *l = m->lat;
  return (thermo){.beta = m->beta,
                  .sites = l->n,
                  .length = l->rows && l->rows == l->cols ? l->rows : 0,
                  .H0 = isnan(x->e) ? 0 : x->e * l->n};
}

static long kept(const estimator *w) {
  return w->done < w->keep ? (long)w->done : w->keep;
}

static int chain_rows(estimator *w, long first, long n, const double *lw, const double *g, err *e) {
  enum { CHUNK = 1024 };
  double u[CHUNK];
  for (long i = 0; i < n && !e->code; i += CHUNK) {
    long m = n - i < CHUNK ? n - i : CHUNK, states = 0;
    for (long k = 0; k < m; k++) u[k] = rng_uniform(w->uniforms, (uint64_t)(first + i + k), 0, 0);
    nmcmc_scan(w->chain, m, lw + i, g + i * THERMO_NG, u, &states, NULL, w->lwp + w->steps,
               w->rows + w->steps * THERMO_NG, e);
    w->steps += states;
  }
  return e->code;
}

/* Rank 0 receives rows in global order; the others only count. */
static int sink(void *ctx, long first, long n, const double *rows, err *e) {
  estimator *w = ctx;
  w->done = first + n;
  if (!rows) return 0;
  double *g = malloc((size_t)n * (THERMO_NG + 1) * sizeof *g), *lw = g + n * THERMO_NG;
  if (!g) return err_set(e, ERR_RUN, "estimates: out of memory");
  long keep = first >= w->keep ? 0 : first + n > w->keep ? w->keep - first : n;
  for (long i = 0; i < n && !e->code; i++, rows += DRAW_ROW) {
    double *gi = g + i * THERMO_NG, *k = w->kept + (first + i) * (DRAW_ROW + 1);
    lw[i] = -w->t.beta * rows[DRAW_E] - rows[DRAW_LNQ];
    thermo_row(&w->t, rows[DRAW_E], rows[DRAW_M], rows[DRAW_SK], gi);
    importance_add(w->nis, (uint64_t)(first + i), lw[i], gi, e);
    importance_add(w->raw, (uint64_t)(first + i), 0, gi, e);
    pareto_add(w->tail, lw[i], e);
    if (i >= keep) continue;
    memcpy(k, rows, DRAW_ROW * sizeof *k);
    k[DRAW_ROW] = lw[i];
  }
  if (!e->code && keep) chain_rows(w, first, keep, lw, g, e);
  free(g);
  return e->code;
}

/* ---- results ---- */
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
    {THERMO_U, "binder", (size_t)-1},
    {THERMO_xi, "xi", (size_t)-1},
};
enum { PRINTED = sizeof printed / sizeof *printed };

static double exact_of(const exact_ising *x, int i) {
  if (printed[i].exact != (size_t)-1) return *(const double *)((const char *)x + printed[i].exact);
  return printed[i].q == THERMO_U ? 1 - x->m4 / (3 * x->m2 * x->m2) : NAN;
}

static int put(run *r, int i, const char *by, double value, double error, const exact_ising *x, double tau,
               double n_eff, const char *note, err *e) {
  char name[64], text[512];
  const thermo_quantity *q = &thermo_quantities[printed[i].q];
  snprintf(name, sizeof name, "%s.%s", printed[i].name, by);
  snprintf(text, sizeof text, "%s; %s", q->description, note);
  return run_result(r,
                    (run_value){.name = name,
                                .unit = q->unit,
                                .description = text,
                                .value = value,
                                .error = error,
                                .exact = exact_of(x, i),
                                .exact_error = NAN,
                                .tau_int = tau,
                                .n_eff = n_eff},
                    e);
}

static int put_number(run *r, const char *name, double value, double error, double exact, const char *text, err *e) {
  return run_result(r,
                    (run_value){.name = name,
                                .unit = "1",
                                .description = text,
                                .value = value,
                                .error = error,
                                .exact = exact,
                                .exact_error = NAN,
                                .tau_int = NAN,
                                .n_eff = NAN},
                    e);
}

static int put_raw(run *r, estimator *w, const exact_ising *x, err *e) {
  stat_value v[THERMO_COUNT];
  importance_summary s = importance_summarise(w->nis);
  if (thermo_estimate(&w->t, w->raw, v, NULL, e)) return e->code;
  for (int i = 0; i < PRINTED && !e->code; i++) {
    double value = v[printed[i].q].value, error = v[printed[i].q].error;
    if (printed[i].q == THERMO_LNZ)
      value = s.lower, error = s.lower_error;
    else if (thermo_quantities[printed[i].q].needs_lnZ)
      continue;
    put(r, i, "raw", value, error, x, NAN, s.n,
        printed[i].q == THERMO_LNZ ? "plain network average: a LOWER BOUND of lnZ" : "plain network average (biased)",
        e);
  }
  return e->code;
}

/* No errors are printed: too few draws carry the weight. The chain is made of the same draws. */
static bool refused(const estimator *w, char *reason, size_t n) {
  return importance_verdict(w->nis, pareto_k(w->tail), reason, n) == STAT_REFUSE;
}

static int put_nis(run *r, estimator *w, const exact_ising *x, err *e) {
  stat_value v[THERMO_COUNT];
  double cov[THERMO_COUNT * THERMO_COUNT], k = pareto_k(w->tail);
  char reason[200], note[256];
  importance_summary s = importance_summarise(w->nis);
  if (thermo_estimate(&w->t, w->nis, v, cov, e)) return e->code;
  bool refuse = refused(w, reason, sizeof reason);
  if (*reason) run_warn(r, "importance sampling: %s%s", reason, refuse ? "; no errors are printed" : "");
  snprintf(note, sizeof note, "importance sampling, delta-method error%s%s", refuse ? "; REFUSED: " : "",
           refuse ? reason : "");
  for (int i = 0; i < PRINTED; i++)
    put(r, i, "nis", v[printed[i].q].corrected, refuse ? NAN : v[printed[i].q].error, x, NAN, s.ess * s.n, note, e);
  double rho = cov[THERMO_FREE * THERMO_COUNT + THERMO_S] /
               sqrt(cov[THERMO_FREE * THERMO_COUNT + THERMO_FREE] * cov[THERMO_S * THERMO_COUNT + THERMO_S]);
  put_number(r, "ess", s.ess, NAN, NAN, "effective sample size per draw, 1/mean W^2", e);
  put_number(r, "pareto_k", k, NAN, NAN,
             "shape of the tail of the weights: below .5 good, above .7 no error is printed", e);
  put_number(r, "spread", sqrt(s.variance), NAN, NAN, "standard deviation of the log weights", e);
  return put_number(r, "corr_FS", rho, NAN, NAN, "correlation of the errors of free energy and entropy", e);
}

static int put_nmcmc(run *r, estimator *w, const exact_ising *x, err *e) {
  gamma_result g[THERMO_COUNT];
  stat_value v[THERMO_COUNT];
  char reason[200], note[256];
  bool refuse = refused(w, reason, sizeof reason);
  long n = kept(w), steps = (long)w->steps;
  bridge_data b = {.nq = n, .np = steps, .lwq = w->column[DRAW_ROW], .lwp = w->lwp};
  gamma_data d = {.k = THERMO_NG, .replicas = 1, .length = &steps, .x = w->rows};
  if (steps < 1000) {
    run_warn(r, "NMCMC: fewer than 1000 chain states: no results");
    return 0;
  }
  if (thermo_chain(&w->t, &d, g, e) ||
      bridge_joint(&b, THERMO_NG, w->rows, IMPORTANCE_BLOCKS, THERMO_COUNT, thermo_functions, &w->t, v, NULL, e))
    return e->code;
  for (int i = 0; i < PRINTED; i++) {
    int q = printed[i].q;
    bool bridge = thermo_quantities[q].needs_lnZ;
    const char *how = bridge        ? "Bennett's bridge, joint block jackknife"
                      : g[q].reason ? g[q].reason
                                    : "independent Metropolis chain, Gamma method";
    double error = bridge ? v[q].jackknife_error : g[q].reason ? NAN : g[q].error;
    snprintf(note, sizeof note, "%s%s%s", how, refuse ? "; REFUSED: " : "", refuse ? reason : "");
    put(r, i, "nmcmc", bridge ? v[q].value : g[q].value, refuse ? NAN : error, x, bridge ? NAN : g[q].tau,
        bridge ? NAN : g[q].n_eff, note, e);
  }
  return put_number(r, "acceptance", nmcmc_expected_acceptance(w->chain), NAN, NAN,
                    "acceptance of the independent Metropolis chain", e);
}

/* One column of the scan: quantity i of printed[], or -1 ESS, -2 Pareto k. x: exact values per point. */
static int put_column(estimator *w, int i, const exact_ising *x, double *value, double *error, double *exact, err *e) {
  size_t n = (size_t)w->c.scan.n;
  for (size_t k = 0; k < n; k++) {
    const thermo_point *p = &w->point[k];
    value[k] = i == -2 ? p->pareto_k : i == -1 ? p->ess : p->v[printed[i].q].corrected;
    error[k] = i < 0 || p->verdict == STAT_REFUSE ? NAN : p->v[printed[i].q].error;
    exact[k] = i < 0 ? NAN : exact_of(&x[k], i);
  }
  char name[64];
  snprintf(name, sizeof name, "%s.scan", i == -2 ? "pareto_k" : i == -1 ? "ess" : printed[i].name);
  run_array a = {.name = name,
                 .unit = i < 0 ? "1" : thermo_quantities[printed[i].q].unit,
                 .description = "one set of draws reweighted to each beta",
                 .rank = 1,
                 .dims = {n},
                 .axis = {"beta"},
                 .axis_unit = {"J^-1"},
                 .axis_values = {w->c.scan.v},
                 .value = value,
                 .error = error,
                 .exact = exact};
  return run_result_array(w->r, a, e);
}

static int put_scan(estimator *w, err *e) {
  size_t n = (size_t)w->c.scan.n;
  const char *how;
  double *column = malloc(3 * n * sizeof *column);
  exact_ising *x = malloc(n * sizeof *x);
  free(w->point);
  w->point = calloc(n, sizeof *w->point);
  if (!column || !x || !w->point) {
    free(column), free(x);
    return err_set(e, ERR_RUN, "scan: out of memory");
  }
  thermo_sample s = {.n = kept(w),
                     .lnq = w->column[DRAW_LNQ],
                     .E = w->column[DRAW_E],
                     .M = w->column[DRAW_M],
                     .Sk = w->column[DRAW_SK]};
  thermo_scan(&w->t, &s, w->c.scan.n, w->c.scan.v, w->point, e);
  for (size_t k = 0; k < n && !e->code; k++) exact_any(&x[k], &how, w->a->m, w->c.scan.v[k], e);
  for (int i = -2; i < PRINTED && !e->code; i++) put_column(w, i, x, column, column + n, column + 2 * n, e);
  free(column), free(x);
  return e->code;
}

static int put_all(estimator *w, err *e) {
  if (put_raw(w->r, w, &w->x, e) || put_nis(w->r, w, &w->x, e) || !w->keep) return e->code;
  size_t n = (size_t)kept(w);
  for (int k = 0; k <= DRAW_ROW; k++) {
    if (!w->column[k]) w->column[k] = malloc((n + 1) * sizeof(double));
    if (!w->column[k]) return err_set(e, ERR_RUN, "estimates: out of memory");
    for (size_t i = 0; i < n; i++) w->column[k][i] = w->kept[i * (DRAW_ROW + 1) + (size_t)k];
  }
  if (put_nmcmc(w->r, w, &w->x, e) || !w->c.scan.n) return e->code;
  return put_scan(w, e);
}

/* ---- life ---- */
static int own(estimator *w, err *e) {
  bool root = run_root(w->r);
  size_t keep = (size_t)w->keep, ex = root ? (size_t)w->nexamples * (size_t)w->a->m->lat->n : 0;
  run_item items[OWNED] = {{.p = &w->done, .type = H5_I64, .count = 1, .replicated = true},
                           {.p = &w->steps, .type = H5_I64, .count = root},
                           {.p = &w->trained, .type = H5_I64, .count = 1, .replicated = true},
                           {.p = &w->room, .type = H5_I64, .count = 1, .replicated = true},
                           {.p = w->nis->sum, .type = H5_F64, .count = root ? importance_count(w->nis) : 0},
                           {.p = w->raw->sum, .type = H5_F64, .count = root ? importance_count(w->raw) : 0},
                           {.p = w->tail->state, .type = H5_F64, .count = root ? pareto_count(w->tail) : 0},
                           {.p = w->chain->state, .type = H5_F64, .count = root ? nmcmc_count(w->chain) : 0},
                           {.p = w->kept, .type = H5_F64, .count = keep * (DRAW_ROW + 1)},
                           {.p = w->lwp, .type = H5_F64, .count = keep},
                           {.p = w->rows, .type = H5_F64, .count = keep * THERMO_NG},
                           {.p = w->example, .type = H5_I8, .count = ex}};
  for (int i = 0; i < OWNED; i++) {
    items[i].name = owned[i];
    if (run_own(w->r, items[i], e)) return e->code;
  }
  return 0;
}

int estimator_new(estimator **out, run *r, const ar *a, const exact_ising *x, err *e) {
  estimator *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "estimates: out of memory");
  w->r = r, w->a = a, w->x = *x, w->t = estimate_thermo(a->m, x);
  w->uniforms = rng_stream(run_seed(r), "nmcmc");
  deck_get(run_deck(r), "estimate", estimate_keys, &w->c);
  w->keep = !run_root(r) ? 0 : w->c.nmcmc < w->c.draws ? w->c.nmcmc : w->c.draws;
  w->nexamples = a->lanes < 4 ? a->lanes : 4;
  size_t keep = (size_t)w->keep;
  w->kept = calloc(keep * (DRAW_ROW + 1) + 1, sizeof *w->kept);
  w->lwp = calloc(keep + 1, sizeof *w->lwp);
  w->rows = calloc(keep * THERMO_NG + 1, sizeof *w->rows);
  w->example = calloc((size_t)w->nexamples * (size_t)a->m->lat->n, 1);
  if (!w->kept || !w->lwp || !w->rows || !w->example) return err_set(e, ERR_RUN, "estimates: out of memory");
  if (importance_new(&w->nis, THERMO_NG, 0, 0, e) || importance_new(&w->raw, THERMO_NG, 0, 0, e) ||
      pareto_new(&w->tail, MOST_DRAWS, e) || /* so that draws can be added later */
      nmcmc_new(&w->chain, THERMO_NG, e))
    return e->code;
  return own(w, e);
}

void estimator_free(estimator *w) {
  if (!w) return;
  for (int i = 0; i < OWNED; i++) run_disown(w->r, owned[i]);
  importance_free(w->nis), importance_free(w->raw), pareto_free(w->tail), nmcmc_free(w->chain);
  for (int k = 0; k <= DRAW_ROW; k++) free(w->column[k]);
  free(w->kept), free(w->lwp), free(w->rows), free(w->example), free(w->point);
  free(w);
}

/* Draws of other parameters are worthless, and those that there was no room to keep are gone: begin again. */
static void forget(estimator *w, long trained) {
  long room = w->c.nmcmc < w->c.draws ? w->c.nmcmc : w->c.draws;
  bool lacks = w->done > w->room && room > w->room;
  if (w->done && (lacks || w->trained != trained)) {
    run_log(w->r, "%s: its %ld draws are made anew",
            lacks ? "more of the network's draws are to be kept" : "the network was trained further", (long)w->done);
    importance_clear(w->nis), importance_clear(w->raw), pareto_clear(w->tail);
    memset(w->chain->state, 0, nmcmc_count(w->chain) * sizeof(double));
    w->done = w->steps = 0;
  }
  w->trained = trained, w->room = room;
}

int estimator_run(estimator *w, const nn_real *theta, long trained, err *e) {
  forget(w, trained);
  draws_make(w->r, w->a, theta, "draws", (long)w->done, w->c.draws, sink, w, w->nexamples, w->example, e);
  if (!e->code && !run_stopping(w->r) && run_root(w->r) && w->c.draws) put_all(w, e);
  return comm_vote(run_comm(w->r), e);
}

estimate_data estimator_data(const estimator *w) {
  return (estimate_data){.n = w->column[0] ? kept(w) : 0,
                         .lw = w->column[DRAW_ROW],
                         .lnq = w->column[DRAW_LNQ],
                         .E = w->column[DRAW_E],
                         .M = w->column[DRAW_M],
                         .Sk = w->column[DRAW_SK],
                         .nexamples = w->nexamples,
                         .example = w->example,
                         .npoints = w->point ? w->c.scan.n : 0,
                         .point = w->point};
}

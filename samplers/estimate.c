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
#include "analysis/gamma.h"
#include "analysis/importance.h"
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
  const estimate_model *m;
  estimate_conf c;
  rng uniforms;
  long keep; /* draws kept for chain and figures (rank 0) */
  /* state */
  int64_t done, steps, trained; /* draws made, chain states so far, training steps behind them */
  int64_t room;                 /* how many of the draws made there was room to keep */
  importance *nis, *raw;
  pareto *tail;
  nmcmc *chain;
  double *kept;       /* (keep, nobs + 2): lnq, obs, lw        */
  double *lwp, *rows; /* chain: (keep), (keep, ng)             */
  int8_t *example;    /* (nexamples, sites)                    */
  int nexamples;
  /* results */
  double *column[ESTIMATE_NOBS + 2]; /* (keep) columns of kept */
};
static const char *const owned[] = {"draws done",     "chain steps",     "draws of training step",
                                    "room for draws", "sums importance", "sums raw",
                                    "weights tail",   "chain state",     "draws kept",
                                    "chain weights",  "chain rows",      "examples"};
enum { OWNED = sizeof owned / sizeof *owned };

static size_t width(const estimator *w) { /* of a row of kept */
  return (size_t)w->m->nobs + 2;
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
    nmcmc_scan(w->chain, m, lw + i, g + i * w->m->ng, u, &states, NULL, w->lwp + w->steps,
               w->rows + w->steps * w->m->ng, e);
    w->steps += states;
  }
  return e->code;
}

/* Rank 0 receives rows in global order; the others only count. */
static int sink(void *ctx, long first, long n, const double *rows, err *e) {
  estimator *w = ctx;
  w->done = first + n;
  if (!rows) return 0;
  size_t ng = (size_t)w->m->ng, nobs = (size_t)w->m->nobs;
  double *g = malloc((size_t)n * (ng + 1) * sizeof *g), *lw = g + (size_t)n * ng;
  if (!g) return err_set(e, ERR_RUN, "estimates: out of memory");
  long keep = first >= w->keep ? 0 : first + n > w->keep ? w->keep - first : n;
  for (long i = 0; i < n && !e->code; i++, rows += nobs + 1) {
    double *gi = g + (size_t)i * ng, *k = w->kept + (size_t)(first + i) * width(w);
    lw[i] = w->m->lnw(w->m->self, rows + 1) - rows[0];
    w->m->row(w->m->self, rows + 1, gi);
    importance_add(w->nis, (uint64_t)(first + i), lw[i], gi, e);
    importance_add(w->raw, (uint64_t)(first + i), 0, gi, e);
    pareto_add(w->tail, lw[i], e);
    if (i >= keep) continue;
    memcpy(k, rows, (nobs + 1) * sizeof *k);
    k[nobs + 1] = lw[i];
  }
  if (!e->code && keep) chain_rows(w, first, keep, lw, g, e);
  free(g);
  return e->code;
}

/* ---- results ---- */
static int put(estimator *w, int i, const char *by, double value, double error, double tau, double n_eff,
               const char *note, err *e) {
  char name[64], text[512];
  const estimate_quantity *q = &w->m->printed[i];
  snprintf(name, sizeof name, "%s.%s", q->name, by);
  snprintf(text, sizeof text, "%s; %s", q->description, note);
  return run_result(w->r,
                    (run_value){.name = name,
                                .unit = q->unit,
                                .description = text,
                                .value = value,
                                .error = error,
                                .exact = q->exact,
                                .exact_error = NAN,
                                .tau_int = tau,
                                .n_eff = n_eff},
                    e);
}

int estimate_number(run *r, const char *name, double value, double error, double exact, const char *text, err *e) {
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

int estimate_scan(run *r, const char *name, const char *unit, const deck_reals *beta, const double *value,
                  const double *error, const double *exact, err *e) {
  char full[64];
  snprintf(full, sizeof full, "%s.scan", name);
  run_array a = {.name = full,
                 .unit = unit,
                 .description = "one set of draws reweighted to each beta",
                 .rank = 1,
                 .dims = {(size_t)beta->n},
                 .axis = {"beta"},
                 .axis_unit = {"J^-1"},
                 .axis_values = {beta->v},
                 .value = value,
                 .error = error,
                 .exact = exact};
  return run_result_array(r, a, e);
}

static int values(const estimator *w, const importance *a, stat_value *v, double *cov, err *e) {
  return importance_estimate(a, w->m->nfn, w->m->fn, w->m->ctx, v, cov, e);
}

static int put_raw(estimator *w, err *e) {
  stat_value v[STAT_MAX];
  importance_summary s = importance_summarise(w->nis);
  if (values(w, w->raw, v, NULL, e)) return e->code;
  for (int i = 0; i < w->m->nprinted && !e->code; i++) {
    const estimate_quantity *q = &w->m->printed[i];
    bool lnZ = q->fn == w->m->lnZ;
    if (q->needs_lnZ && !lnZ) continue;
    put(w, i, "raw", lnZ ? s.lower : v[q->fn].value, lnZ ? s.lower_error : v[q->fn].error, NAN, s.n,
        lnZ ? "plain network average: a LOWER BOUND of lnZ" : "plain network average (biased)", e);
  }
  return e->code;
}

/* No errors are printed: too few draws carry the weight. The chain is made of the same draws. */
static bool refused(const estimator *w, char *reason, size_t n) {
  return importance_verdict(w->nis, pareto_k(w->tail), reason, n) == STAT_REFUSE;
}

static int put_nis(estimator *w, err *e) {
  stat_value v[STAT_MAX];
  int n = w->m->nfn, F = w->m->free_energy, S = w->m->entropy;
  double *cov = malloc((size_t)n * (size_t)n * sizeof *cov), k = pareto_k(w->tail), rho = NAN;
  char reason[200], note[256];
  run *r = w->r;
  importance_summary s = importance_summarise(w->nis);
  if (!cov) return err_set(e, ERR_RUN, "estimates: out of memory");
  if (!values(w, w->nis, v, cov, e)) rho = cov[F * n + S] / sqrt(cov[F * n + F] * cov[S * n + S]);
  free(cov);
  if (e->code) return e->code;
  bool refuse = refused(w, reason, sizeof reason);
  if (*reason) run_warn(r, "importance sampling: %s%s", reason, refuse ? "; no errors are printed" : "");
  snprintf(note, sizeof note, "importance sampling, delta-method error%s%s", refuse ? "; REFUSED: " : "",
           refuse ? reason : "");
  for (int i = 0; i < w->m->nprinted; i++) {
    const stat_value *q = &v[w->m->printed[i].fn];
    put(w, i, "nis", q->corrected, refuse ? NAN : q->error, NAN, s.ess * s.n, note, e);
  }
  estimate_number(r, "ess", s.ess, NAN, NAN, "effective sample size per draw, 1/mean W^2", e);
  estimate_number(r, "pareto_k", k, NAN, NAN,
                  "shape of the tail of the weights: below .5 good, above .7 no error is printed", e);
  estimate_number(r, "spread", sqrt(s.variance), NAN, NAN, "standard deviation of the log weights", e);
  return estimate_number(r, "corr_FS", rho, NAN, NAN, "correlation of the errors of free energy and entropy", e);
}

/* One quantity of the independent Metropolis chain; v: by the bridge. */
static int put_chain(estimator *w, int i, const gamma_data *d, const stat_value *v, const char *refusal, err *e) {
  const estimate_quantity *q = &w->m->printed[i];
  gamma_result g = gamma_undefined();
  char note[256];
  if (!q->needs_lnZ && gamma_derived(d, w->m->fn[q->fn], w->m->ctx, 0, &g, e)) return e->code;
  const char *how = q->needs_lnZ ? "Bennett's bridge, joint block jackknife"
                    : g.reason   ? g.reason
                                 : "independent Metropolis chain, Gamma method";
  double error = q->needs_lnZ ? v[q->fn].jackknife_error : g.reason ? NAN : g.error;
  snprintf(note, sizeof note, "%s%s%s", how, *refusal ? "; REFUSED: " : "", refusal);
  return put(w, i, "nmcmc", q->needs_lnZ ? v[q->fn].value : g.value, *refusal ? NAN : error, q->needs_lnZ ? NAN : g.tau,
             q->needs_lnZ ? NAN : g.n_eff, note, e);
}

static int put_nmcmc(estimator *w, err *e) {
  stat_value v[STAT_MAX];
  char reason[200];
  long n = kept(w), steps = (long)w->steps;
  bridge_data b = {.nq = n, .np = steps, .lwq = w->column[w->m->nobs + 1], .lwp = w->lwp};
  gamma_data d = {.k = w->m->ng, .replicas = 1, .length = &steps, .x = w->rows};
  if (steps < 1000) {
    run_warn(w->r, "NMCMC: fewer than 1000 chain states: no results");
    return 0;
  }
  if (!refused(w, reason, sizeof reason)) *reason = 0;
  bridge_joint(&b, w->m->ng, w->rows, IMPORTANCE_BLOCKS, w->m->nfn, w->m->fn, w->m->ctx, v, NULL, e);
  for (int i = 0; i < w->m->nprinted && !e->code; i++) put_chain(w, i, &d, v, reason, e);
  return estimate_number(w->r, "acceptance", nmcmc_expected_acceptance(w->chain), NAN, NAN,
                         "acceptance of the independent Metropolis chain", e);
}

/* /series/lnw.draws, for histograms: run.h5 holds no bulk, the first draws are as good as all. */
static int put_weights(estimator *w, err *e) {
  size_t n = (size_t)kept(w);
  if (n > ESTIMATE_WEIGHTS) n = ESTIMATE_WEIGHTS;
  return run_series(w->r, "lnw.draws", H5_F64, 1, &n, w->column[w->m->nobs + 1], "1",
                    "log weights ln w of the network's draws", e);
}

static int put_all(estimator *w, err *e) {
  if (put_raw(w, e) || put_nis(w, e) || !w->keep) return e->code;
  size_t n = (size_t)kept(w), columns = width(w);
  for (size_t k = 0; k < columns; k++) {
    if (!w->column[k]) w->column[k] = malloc((n + 1) * sizeof(double));
    if (!w->column[k]) return err_set(e, ERR_RUN, "estimates: out of memory");
    for (size_t i = 0; i < n; i++) w->column[k][i] = w->kept[i * columns + k];
  }
  estimate_data d = estimator_data(w);
  if (put_weights(w, e) || put_nmcmc(w, e) || !w->m->more) return e->code;
  return w->m->more(w->m->self, w->r, &w->c, &d, e);
}

/* ---- life ---- */
static int own(estimator *w, err *e) {
  bool root = run_root(w->r);
  size_t keep = (size_t)w->keep, ex = root ? (size_t)w->nexamples * (size_t)w->a->sites : 0;
  run_item items[OWNED] = {{.p = &w->done, .type = H5_I64, .count = 1, .replicated = true},
                           {.p = &w->steps, .type = H5_I64, .count = root},
                           {.p = &w->trained, .type = H5_I64, .count = 1, .replicated = true},
                           {.p = &w->room, .type = H5_I64, .count = 1, .replicated = true},
                           {.p = w->nis->sum, .type = H5_F64, .count = root ? importance_count(w->nis) : 0},
                           {.p = w->raw->sum, .type = H5_F64, .count = root ? importance_count(w->raw) : 0},
                           {.p = w->tail->state, .type = H5_F64, .count = root ? pareto_count(w->tail) : 0},
                           {.p = w->chain->state, .type = H5_F64, .count = root ? nmcmc_count(w->chain) : 0},
                           {.p = w->kept, .type = H5_F64, .count = keep * width(w)},
                           {.p = w->lwp, .type = H5_F64, .count = keep},
                           {.p = w->rows, .type = H5_F64, .count = keep * (size_t)w->m->ng},
                           {.p = w->example, .type = H5_I8, .count = ex}};
  for (int i = 0; i < OWNED; i++) {
    items[i].name = owned[i];
    if (run_own(w->r, items[i], e)) return e->code;
  }
  return 0;
}

int estimator_new(estimator **out, run *r, const ar *a, const estimate_model *m, err *e) {
  estimator *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "estimates: out of memory");
  w->r = r, w->a = a, w->m = m;
  w->uniforms = rng_stream(run_seed(r), "nmcmc");
  deck_get(run_deck(r), "estimate", estimate_keys, &w->c);
  w->keep = !run_root(r) ? 0 : w->c.nmcmc < w->c.draws ? w->c.nmcmc : w->c.draws;
  w->nexamples = a->lanes < 4 ? a->lanes : 4;
  size_t keep = (size_t)w->keep;
  w->kept = calloc(keep * width(w) + 1, sizeof *w->kept);
  w->lwp = calloc(keep + 1, sizeof *w->lwp);
  w->rows = calloc(keep * (size_t)m->ng + 1, sizeof *w->rows);
  w->example = calloc((size_t)w->nexamples * (size_t)a->sites, 1);
  if (!w->kept || !w->lwp || !w->rows || !w->example) return err_set(e, ERR_RUN, "estimates: out of memory");
  if (importance_new(&w->nis, m->ng, 0, 0, e) || importance_new(&w->raw, m->ng, 0, 0, e) ||
      pareto_new(&w->tail, MOST_DRAWS, e) || /* so that draws can be added later */
      nmcmc_new(&w->chain, m->ng, e))
    return e->code;
  return own(w, e);
}

void estimator_free(estimator *w) {
  if (!w) return;
  for (int i = 0; i < OWNED; i++) run_disown(w->r, owned[i]);
  importance_free(w->nis), importance_free(w->raw), pareto_free(w->tail), nmcmc_free(w->chain);
  for (int k = 0; k < ESTIMATE_NOBS + 2; k++) free(w->column[k]);
  free(w->kept), free(w->lwp), free(w->rows), free(w->example);
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
  estimate_data d = {.n = w->column[0] ? kept(w) : 0,
                     .lnq = w->column[0],
                     .lw = w->column[w->m->nobs + 1],
                     .nexamples = w->nexamples,
                     .example = w->example};
  for (int k = 0; k < w->m->nobs; k++) d.obs[k] = w->column[k + 1];
  return d;
}

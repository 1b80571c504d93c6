/* estimate.c: estimate_network (see estimate.h).
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

const deck_key estimate_keys[] = {
    {"draws", DECK_INT, offsetof(estimate_conf, draws), "100000", 0, 1e10, .help = "configurations drawn from the network", .free = true},
    {"nmcmc", DECK_INT, offsetof(estimate_conf, nmcmc), "1000000", 0, 1e8,
     .help = "of these, the first so many also feed the independent Metropolis chain and the figures", .free = true},
    {"compare", DECK_INT, offsetof(estimate_conf, compare), "4096", 0, 1e7,
     .help = "configurations of the Markov chain weighed by the network (mode-drop ratio, bracket of lnZ)", .free = true},
    {"scan", DECK_REALS, offsetof(estimate_conf, scan), "~", 1e-6, 1e3, .unit = "1/J",
     .help = "couplings to which the draws are reweighted: list or {from, to, steps}", .free = true},
    {0},
};

typedef struct work {
  thermo t;
  importance *nis, *raw;
  pareto *tail;
  nmcmc *chain;
  rng uniforms;
  long steps, keep;   /* chain states so far; draws kept */
  double *lwp, *rows; /* chain: (keep), (keep, THERMO_NG) */
  estimate_data *d;
} work;

static thermo thermo_of(const ising *m, double e0) {
  const lattice *l = m->lat;
  return (thermo){.beta = m->beta, .sites = l->n, .length = l->rows && l->rows == l->cols ? l->rows : 0,
                  .H0 = isnan(e0) ? 0 : e0 * l->n};
}

static int chain_rows(work *w, long first, long n, const double *g, err *e) {
  enum { CHUNK = 1024 };
  double u[CHUNK];
  for (long i = 0; i < n && !e->code; i += CHUNK) {
    long m = n - i < CHUNK ? n - i : CHUNK, states = 0;
    for (long k = 0; k < m; k++) u[k] = rng_uniform(w->uniforms, (uint64_t)(first + i + k), 0, 0);
    nmcmc_scan(w->chain, m, w->d->lw + first + i, g + i * THERMO_NG, u, &states, NULL, w->lwp + w->steps,
               w->rows + w->steps * THERMO_NG, e);
    w->steps += states;
  }
  return e->code;
}

/* Rank 0 receives rows in global order. */
static int sink(void *ctx, long first, long n, const double *rows, err *e) {
  work *w = ctx;
  estimate_data *d = w->d;
  double *g = malloc((size_t)n * THERMO_NG * sizeof *g);
  if (!g) return err_set(e, ERR_RUN, "estimates: out of memory");
  long keep = first >= w->keep ? 0 : first + n > w->keep ? w->keep - first : n;
  for (long i = 0; i < n && !e->code; i++, rows += DRAW_ROW) {
    double lw = -w->t.beta * rows[DRAW_E] - rows[DRAW_LNQ], *gi = g + i * THERMO_NG;
    thermo_row(&w->t, rows[DRAW_E], rows[DRAW_M], rows[DRAW_SK], gi);
    importance_add(w->nis, (uint64_t)(first + i), lw, gi, e);
    importance_add(w->raw, (uint64_t)(first + i), 0, gi, e);
    pareto_add(w->tail, lw, e);
    if (i >= keep) continue;
    d->lw[first + i] = lw, d->lnq[first + i] = rows[DRAW_LNQ], d->E[first + i] = rows[DRAW_E];
    d->M[first + i] = rows[DRAW_M], d->Sk[first + i] = rows[DRAW_SK];
  }
  d->n += keep;
  if (!e->code && keep) chain_rows(w, first, keep, g, e);
  free(g);
  return e->code;
}

/* ---- results ---- */
static const struct { int q; const char *name; size_t exact; } printed[] = {
    {THERMO_LNZ, "lnZ", offsetof(exact_ising, lnZ)},   {THERMO_f, "f", offsetof(exact_ising, f)},
    {THERMO_e, "e", offsetof(exact_ising, e)},         {THERMO_c, "c", offsetof(exact_ising, c)},
    {THERMO_s, "s", offsetof(exact_ising, s)},         {THERMO_m_abs, "m_abs", offsetof(exact_ising, m_abs)},
    {THERMO_chi, "chi", offsetof(exact_ising, chi)},   {THERMO_U, "binder", (size_t)-1},
    {THERMO_xi, "xi", (size_t)-1},
};
enum { PRINTED = sizeof printed / sizeof *printed };

static double exact_of(const exact_ising *x, int i) {
  if (printed[i].exact != (size_t)-1) return *(const double *)((const char *)x + printed[i].exact);
  return printed[i].q == THERMO_U ? 1 - x->m4 / (3 * x->m2 * x->m2) : NAN;
}

static int put(run *r, int i, const char *estimator, double value, double error, const exact_ising *x, double tau, double n_eff,
               const char *note, err *e) {
  char name[64], text[512];
  const thermo_quantity *q = &thermo_quantities[printed[i].q];
  snprintf(name, sizeof name, "%s.%s", printed[i].name, estimator);
  snprintf(text, sizeof text, "%s; %s", q->description, note);
  return run_result(r, (run_value){.name = name, .unit = q->unit, .description = text, .value = value, .error = error,
                                   .exact = exact_of(x, i), .exact_error = NAN, .tau_int = tau, .n_eff = n_eff}, e);
}

static int put_number(run *r, const char *name, double value, double error, double exact, const char *text, err *e) {
  return run_result(r, (run_value){.name = name, .unit = "1", .description = text, .value = value, .error = error, .exact = exact,
                                   .exact_error = NAN, .tau_int = NAN, .n_eff = NAN}, e);
}

static int put_raw(run *r, work *w, const exact_ising *x, err *e) {
  stat_value v[THERMO_COUNT];
  importance_summary s = importance_summarise(w->nis);
  if (thermo_estimate(&w->t, w->raw, v, NULL, e)) return e->code;
  for (int i = 0; i < PRINTED && !e->code; i++) {
    double value = v[printed[i].q].value, error = v[printed[i].q].error;
    if (printed[i].q == THERMO_LNZ) value = s.lower, error = s.lower_error;
    else if (thermo_quantities[printed[i].q].needs_lnZ) continue;
    put(r, i, "raw", value, error, x, NAN, s.n,
        printed[i].q == THERMO_LNZ ? "plain network average: a LOWER BOUND of lnZ" : "plain network average (biased)", e);
  }
  return e->code;
}

static int put_nis(run *r, work *w, const exact_ising *x, err *e) {
  stat_value v[THERMO_COUNT];
  double cov[THERMO_COUNT * THERMO_COUNT], k = pareto_k(w->tail);
  char reason[200], note[256];
  importance_summary s = importance_summarise(w->nis);
  if (thermo_estimate(&w->t, w->nis, v, cov, e)) return e->code;
  bool refuse = importance_verdict(w->nis, k, reason, sizeof reason) == STAT_REFUSE;
  if (*reason) run_warn(r, "importance sampling: %s%s", reason, refuse ? "; no errors are printed" : "");
  snprintf(note, sizeof note, "importance sampling, delta-method error%s%s", refuse ? "; REFUSED: " : "", refuse ? reason : "");
  for (int i = 0; i < PRINTED; i++)
    put(r, i, "nis", v[printed[i].q].corrected, refuse ? NAN : v[printed[i].q].error, x, NAN, s.ess * s.n, note, e);
  double rho = cov[THERMO_FREE * THERMO_COUNT + THERMO_S] /
               sqrt(cov[THERMO_FREE * THERMO_COUNT + THERMO_FREE] * cov[THERMO_S * THERMO_COUNT + THERMO_S]);
  put_number(r, "ess.nis", s.ess, NAN, NAN, "effective sample size per draw, 1/mean W^2", e);
  put_number(r, "pareto_k.nis", k, NAN, NAN, "shape of the tail of the weights: below .5 good, above .7 no error is printed", e);
  put_number(r, "spread.nis", sqrt(s.variance), NAN, NAN, "standard deviation of the log weights", e);
  return put_number(r, "corr_FS.nis", rho, NAN, NAN, "correlation of the errors of free energy and entropy", e);
}

static int put_nmcmc(run *r, work *w, const exact_ising *x, err *e) {
  gamma_result g[THERMO_COUNT];
  stat_value v[THERMO_COUNT];
  bridge_data b = {.nq = w->d->n, .np = w->steps, .lwq = w->d->lw, .lwp = w->lwp};
  gamma_data d = {.k = THERMO_NG, .replicas = 1, .length = &w->steps, .x = w->rows};
  if (w->steps < 1000) {
    run_warn(r, "NMCMC: fewer than 1000 chain states: no results");
    return 0;
  }
  if (thermo_chain(&w->t, &d, g, e) ||
      bridge_joint(&b, THERMO_NG, w->rows, IMPORTANCE_BLOCKS, THERMO_COUNT, thermo_functions, &w->t, v, NULL, e))
    return e->code;
  for (int i = 0; i < PRINTED; i++) {
    int q = printed[i].q;
    if (thermo_quantities[q].needs_lnZ)
      put(r, i, "nmcmc", v[q].value, v[q].jackknife_error, x, NAN, NAN, "Bennett's bridge, joint block jackknife", e);
    else
      put(r, i, "nmcmc", g[q].value, g[q].reason ? NAN : g[q].error, x, g[q].tau, g[q].n_eff,
          g[q].reason ? g[q].reason : "independent Metropolis chain, Gamma method", e);
  }
  return put_number(r, "acceptance.nmcmc", nmcmc_expected_acceptance(w->chain), NAN, NAN, "acceptance of the independent Metropolis chain", e);
}

/* Every scan point and quantity, with the exact line. */
static int put_scan(run *r, const ising *m, work *w, deck_reals betas, err *e) {
  estimate_data *d = w->d;
  size_t n = (size_t)betas.n;
  double *value = malloc(3 * n * sizeof *value), *error = value + n, *exact = value + 2 * n;
  d->point = calloc(n, sizeof *d->point);
  if (!value || !d->point) {
    free(value);
    return err_set(e, ERR_RUN, "scan: out of memory");
  }
  thermo_sample s = {.n = d->n, .lnq = d->lnq, .E = d->E, .M = d->M, .Sk = d->Sk};
  d->npoints = betas.n;
  thermo_scan(&w->t, &s, betas.n, betas.v, d->point, e);
  exact_ising x;
  const char *how;
  for (int i = -1; i < PRINTED && !e->code; i++) {
    for (size_t k = 0; k < n; k++) {
      const thermo_point *p = &d->point[k];
      value[k] = i < 0 ? p->ess : p->v[printed[i].q].corrected;
      error[k] = i < 0 || p->verdict == STAT_REFUSE ? NAN : p->v[printed[i].q].error;
      exact[k] = i < 0 || exact_any(&x, &how, m, betas.v[k], e) ? NAN : exact_of(&x, i);
    }
    char name[64];
    snprintf(name, sizeof name, "%s.scan", i < 0 ? "ess" : printed[i].name);
    run_result_array(r, (run_array){.name = name, .unit = i < 0 ? "1" : thermo_quantities[printed[i].q].unit,
                                    .description = "one set of draws reweighted to each beta", .rank = 1, .dims = {n},
                                    .axis = {"beta"}, .axis_values = {betas.v}, .value = value, .error = error, .exact = exact}, e);
  }
  free(value);
  return e->code;
}

static int put_all(run *r, const ising *m, work *w, const exact_ising *x, deck_reals betas, err *e) {
  if (put_raw(r, w, x, e) || put_nis(r, w, x, e) || !w->keep) return e->code;
  if (put_nmcmc(r, w, x, e) || !betas.n) return e->code;
  return put_scan(r, m, w, betas, e);
}

static int allocate(work *w, const estimate_conf *c, int sites, err *e) {
  estimate_data *d = w->d;
  size_t keep = (size_t)w->keep + 1;
  d->lw = malloc(5 * keep * sizeof(double));
  w->lwp = malloc(keep * sizeof(double));
  w->rows = malloc(keep * THERMO_NG * sizeof(double));
  d->example = malloc(4 * (size_t)sites);
  if (!d->lw || !w->lwp || !w->rows || !d->example) return err_set(e, ERR_RUN, "estimates: out of memory");
  d->lnq = d->lw + keep, d->E = d->lnq + keep, d->M = d->E + keep, d->Sk = d->M + keep;
  if (importance_new(&w->nis, THERMO_NG, 0, 0, e) || importance_new(&w->raw, THERMO_NG, 0, 0, e)) return e->code;
  return pareto_new(&w->tail, c->draws, e) || nmcmc_new(&w->chain, THERMO_NG, e);
}

int estimate_network(run *r, const ar *a, const nn_real *theta, const exact_ising *x, estimate_data *d, err *e) {
  estimate_conf c;
  deck_get(run_deck(r), "estimate", estimate_keys, &c);
  *d = (estimate_data){.nexamples = a->lanes < 4 ? a->lanes : 4};
  if (!c.draws) return 0;
  bool root = run_root(r);
  work w = {.t = thermo_of(a->m, x->e), .uniforms = rng_stream(run_seed(r), "nmcmc"), .d = d,
            .keep = root ? (c.nmcmc < c.draws ? c.nmcmc : c.draws) : 0};
  allocate(&w, &c, a->m->lat->n, e);
  if (!comm_vote(run_comm(r), e))
    draws_make(r, a, theta, "draws", c.draws, sink, &w, d->nexamples, d->example, e);
  if (!e->code && root) put_all(r, a->m, &w, x, c.scan, e);
  importance_free(w.nis), importance_free(w.raw), pareto_free(w.tail), nmcmc_free(w.chain);
  free(w.lwp), free(w.rows);
  return comm_vote(run_comm(r), e);
}

void estimate_free(estimate_data *d) {
  free(d->lw), free(d->example), free(d->point), free(d->lwp);
  *d = (estimate_data){0};
}

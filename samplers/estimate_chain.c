/* estimate_chain.c: estimate_chain (see estimate.h): a long Markov chain as reference, and the network's weights of its
 * configurations:  E_q[lw] <= lnZ <= E_p[lw]  and  R = Zhat_q/Zhat_p, the share of p that q covers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/bridge.h"
#include "samplers/estimate.h"

typedef struct record {
  chain *c;
  chain_plan plan;
  thermo t;
  long length;        /* measurements per replica */
  double *own, *all;  /* (units here, unit, length, THERMO_NG); all: rank 0 */
  int8_t *spins, *gathered; /* kept configurations: (units here, unit, per, sites) */
  long per;           /* kept configurations per replica */
} record;

static void measure(record *m, long k) {
  double obs[ISING_NOBS], better[CHAIN_NIMPROVED];
  for (int i = 0; i < m->c->n; i++) {
    double *g = m->own + ((size_t)i * (size_t)m->length + (size_t)k) * THERMO_NG, n = m->t.sites;
    chain_measure(m->c, i, obs);
    thermo_row(&m->t, obs[ISING_E], obs[ISING_M], obs[ISING_SK], g);
    chain_improved(m->c, i, better);
    if (isnan(better[CHAIN_M2])) continue;
    g[THERMO_M2] = better[CHAIN_M2] / (n * n);
    g[THERMO_M4] = better[CHAIN_M4] / (n * n * n * n);
    g[THERMO_SK] = better[CHAIN_SK] / (n * n);
  }
}

static void keep_spins(record *m, long k) {
  long stride = m->per ? m->length / m->per : 0;
  if (!m->per || k % stride || k / stride >= m->per) return;
  size_t N = (size_t)m->t.sites;
  for (int i = 0; i < m->c->n; i++) chain_spins(m->c, i, m->spins + ((size_t)i * (size_t)m->per + (size_t)(k / stride)) * N);
}

static int allocate(record *m, const comm *c, err *e) {
  size_t unit = (size_t)m->c->type->unit, total = (size_t)m->c->total, all = (total + unit - 1) / unit * unit;
  size_t here = (size_t)m->c->units * unit, row = (size_t)m->length * THERMO_NG, N = (size_t)m->t.sites * (size_t)m->per;
  m->own = calloc(here * row + 1, sizeof *m->own);
  m->all = malloc((c->rank ? 1 : all * row) * sizeof *m->all);
  m->spins = calloc(here * N + 1, 1);
  m->gathered = malloc(all * N + 1);
  return m->own && m->all && m->spins && m->gathered ? 0 : err_set(e, ERR_RUN, "Markov chain: out of memory for its series");
}

static void gather(record *m, const comm *c) {
  size_t unit = (size_t)m->c->type->unit, N = (size_t)m->t.sites * (size_t)m->per;
  int units = (int)(((size_t)m->c->total + unit - 1) / unit);
  comm_gather_rows(c, units, unit * (size_t)m->length * THERMO_NG * sizeof(double), m->own, m->all);
  if (!m->per) return;
  comm_gather_rows(c, units, unit * N, m->spins, m->gathered);
  comm_bcast(c, m->gathered, (size_t)units * unit * N);
}

static int put(run *r, record *m, const exact_ising *x, err *e) {
  static const struct { int q; const char *name; size_t exact; } printed[] = {
      {THERMO_e, "e", offsetof(exact_ising, e)},         {THERMO_c, "c", offsetof(exact_ising, c)},
      {THERMO_m_abs, "m_abs", offsetof(exact_ising, m_abs)}, {THERMO_chi, "chi", offsetof(exact_ising, chi)},
      {THERMO_U, "binder", (size_t)-1},                  {THERMO_xi, "xi", (size_t)-1}};
  gamma_result g[THERMO_COUNT];
  long *length = malloc((size_t)m->c->total * sizeof *length);
  if (!length) return err_set(e, ERR_RUN, "Markov chain: out of memory");
  for (int i = 0; i < m->c->total; i++) length[i] = m->length;
  gamma_data d = {.k = THERMO_NG, .replicas = m->c->total, .length = length, .x = m->all};
  thermo_chain(&m->t, &d, g, e);
  for (unsigned i = 0; i < sizeof printed / sizeof *printed && !e->code; i++) {
    const gamma_result *v = &g[printed[i].q];
    char name[64], text[256];
    snprintf(name, sizeof name, "%s.%s", printed[i].name, m->c->type->tag);
    snprintf(text, sizeof text, "%s; %s chain, %s", thermo_quantities[printed[i].q].description, m->c->type->kind.name,
             v->reason ? v->reason : "Gamma method");
    double exact = printed[i].exact == (size_t)-1 ? NAN : *(const double *)((const char *)x + printed[i].exact);
    run_result(r, (run_value){.name = name, .unit = thermo_quantities[printed[i].q].unit, .description = text, .value = v->value,
                              .error = v->reason ? NAN : v->error, .exact = exact, .exact_error = NAN, .tau_int = v->tau, .n_eff = v->n_eff}, e);
    if (v->reason) run_warn(r, "%s: %s", name, v->reason);
  }
  free(length);
  return e->code;
}

static int put_number(run *r, const char *name, double value, double error, double exact, const char *text, err *e) {
  return run_result(r, (run_value){.name = name, .unit = "1", .description = text, .value = value, .error = error, .exact = exact,
                                   .exact_error = NAN, .tau_int = NAN, .n_eff = NAN}, e);
}

/* The network looks at configurations of the chain. */
static int compare(run *r, record *m, const ar *a, const nn_real *theta, const exact_ising *x, estimate_data *d, err *e) {
  long n = m->per * m->c->total / a->lanes * a->lanes;
  d->np = n;
  d->lwp = malloc(((size_t)n + 1) * sizeof *d->lwp);
  if (!d->lwp) err_set(e, ERR_RUN, "comparison: out of memory");
  if (comm_vote(run_comm(r), e) || !n || draws_weigh(r, a, theta, n, m->gathered, d->lwp, e)) return e->code;
  if (!run_root(r) || !d->n) return 0;
  bridge_data b = {.nq = d->n, .np = n, .lwq = d->lw, .lwp = d->lwp};
  bridge_ratio ratio;
  bridge_bracket bounds;
  bridge_result z;
  if (bridge_mode_drop(&b, &ratio, e) || bridge_bounds(&b, &bounds, e) || bridge_lnZ(&b, &z, e)) return e->code;
  put_number(r, "lnZ.bridge", z.lnZ, z.reason ? NAN : z.error, x->lnZ, "Bennett's bridge between draws and Markov chain", e);
  put_number(r, "lnZ.upper", bounds.upper, bounds.upper_error, x->lnZ, "E_p[lw] over the Markov chain: an UPPER BOUND of lnZ", e);
  return put_number(r, "mode_ratio.nis", ratio.ratio, ratio.ratio_error, 1,
                    "Zhat_q/Zhat_p: share of the Markov chain's configurations that the network covers", e);
}

int estimate_chain(run *r, const ar *a, const nn_real *theta, const exact_ising *x, estimate_data *d, err *e) {
  record m = {.t = {.beta = a->m->beta, .sites = a->m->lat->n,
                    .length = a->m->lat->rows && a->m->lat->rows == a->m->lat->cols ? a->m->lat->rows : 0,
                    .H0 = isnan(x->e) ? 0 : x->e * a->m->lat->n}};
  estimate_conf c;
  const comm *ranks = run_comm(r);
  deck_get(run_deck(r), "estimate", estimate_keys, &c);
  if (chain_from_deck(&m.c, &m.plan, run_deck(r), "chain", a->m, ranks, run_seed(r), e) || !m.plan.sweeps) {
    chain_free(m.c);
    return e->code;
  }
  m.length = m.plan.sweeps / m.plan.every;
  m.per = (c.compare + m.c->total - 1) / m.c->total;
  m.per = m.per > m.length ? m.length : m.per;
  allocate(&m, ranks, e);
  if (!comm_vote(ranks, e)) {
    run_item items[3];
    int n = chain_items(m.c, items);
    for (int i = 0; i < n && !e->code; i++) run_own(r, items[i], e);
    chain_thermalise(m.c, m.plan.thermalisation);
    for (long k = 0; k < m.length; k++) {
      chain_advance(m.c, m.plan.every);
      measure(&m, k);
      keep_spins(&m, k);
      if (run_tick(r, m.c->type->kind.name, k + 1, m.length, NULL)) break;
    }
    gather(&m, ranks);
    if (run_root(r)) put(r, &m, x, e);
    if (!comm_vote(ranks, e)) compare(r, &m, a, theta, x, d, e);
    for (int i = 0; i < n; i++) run_disown(r, items[i].name);
  }
  chain_free(m.c);
  free(m.own), free(m.all), free(m.spins), free(m.gathered);
  return comm_vote(ranks, e);
}

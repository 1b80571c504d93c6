/* estimate_chain.c: reference_new, reference_run (see estimate_ising.h): a long Markov chain as reference. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/estimate_ising.h"

struct reference {
  run *r;
  const ar *a;
  const estimate_ising *o;
  thermo t;
  chain *c;
  chain_plan plan;
  long length;      /* measurements per replica */
  long per;         /* kept configurations per replica, at most */
  run_item item[3]; /* the chain's own state */
  int items;
  double *all;      /* rank 0: (replicas padded to units, length, THERMO_NG) */
  int8_t *gathered; /* (replicas padded, per, sites) */
  double *lwp;      /* (compared) log weights */
  long compared;
  /* state */
  int64_t done;  /* measurements made */
  int64_t kept;  /* configurations kept per replica so far */
  double *own;   /* (replicas here padded, length, THERMO_NG) */
  int8_t *spins; /* (replicas here padded, per, sites) kept configurations */
};
typedef struct reference record;
static const char *const owned[] = {"reference measurements", "reference rows", "reference kept",
                                    "reference configurations"};
enum { OWNED = sizeof owned / sizeof *owned };

static void measure(record *m, long k) {
  double obs[ISING_NOBS], better[CHAIN_NIMPROVED];
  for (int i = 0; i < m->c->n; i++) {
    double *g = m->own + ((size_t)i * (size_t)m->length + (size_t)k) * THERMO_NG, n = m->t.sites;
    chain_measure(m->c, i, obs);
    thermo_row(&m->t, obs[ISING_E], obs[ISING_M], obs[ISING_SK], g);
    chain_improved(m->c, i, better);
    if (!isnan(better[CHAIN_M2])) g[THERMO_M2] = better[CHAIN_M2] / (n * n);
    if (!isnan(better[CHAIN_M4])) g[THERMO_M4] = better[CHAIN_M4] / (n * n * n * n);
    if (!isnan(better[CHAIN_SK])) g[THERMO_SK] = better[CHAIN_SK] / (n * n);
  }
}

/* Equally spaced over the chain. A run that was extended keeps those it has and goes on where room is left. */
static void keep_spins(record *m, long k) {
  if (m->kept >= m->per || k % (m->length / m->per)) return;
  size_t N = (size_t)m->t.sites;
  for (int i = 0; i < m->c->n; i++) chain_spins(m->c, i, m->spins + ((size_t)i * (size_t)m->per + (size_t)m->kept) * N);
  m->kept++;
}

static void gather(record *m, const comm *c) {
  size_t unit = (size_t)m->c->type->unit, N = (size_t)m->t.sites * (size_t)m->per;
  int units = (int)(((size_t)m->c->total + unit - 1) / unit);
  comm_gather_rows(c, units, unit * (size_t)m->length * THERMO_NG * sizeof(double), m->own, m->all);
  if (!m->per) return;
  comm_gather_rows(c, units, unit * N, m->spins, m->gathered);
  comm_bcast(c, m->gathered, (size_t)units * unit * N);
  size_t row = (size_t)m->kept * (size_t)m->t.sites; /* no gaps where there is room for more than was kept */
  for (int i = 1; i < m->c->total; i++) memmove(m->gathered + (size_t)i * row, m->gathered + (size_t)i * N, row);
}

static int put(run *r, record *m, const exact_ising *x, err *e) {
  static const struct {
    int q;
    const char *name;
    size_t exact;
  } printed[] = {{THERMO_e, "e", offsetof(exact_ising, e)},
                 {THERMO_c, "c", offsetof(exact_ising, c)},
                 {THERMO_m_abs, "m_abs", offsetof(exact_ising, m_abs)},
                 {THERMO_chi, "chi", offsetof(exact_ising, chi)},
                 {THERMO_U, "binder", (size_t)-1},
                 {THERMO_xi, "xi", (size_t)-1}};
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
    run_result(r,
               (run_value){.name = name,
                           .unit = thermo_quantities[printed[i].q].unit,
                           .description = text,
                           .value = v->value,
                           .error = v->reason ? NAN : v->error,
                           .exact = exact,
                           .exact_error = NAN,
                           .tau_int = v->tau,
                           .n_eff = v->n_eff},
               e);
    if (v->reason)
      run_warn(r, "%s: %s", name, v->reason);
    else
      run_result_reference(r, printed[i].name, m->c->type->tag, v->value, v->error);
  }
  free(length);
  return e->code;
}

/* The network looks at configurations of the chain. */
static int compare(record *m, const nn_real *theta, const estimate_data *d, err *e) {
  long n = (long)m->kept * m->c->total / m->a->lanes * m->a->lanes;
  m->lwp = malloc(((size_t)n + 1) * sizeof *m->lwp);
  if (!m->lwp) err_set(e, ERR_RUN, "comparison: out of memory");
  if (comm_vote(run_comm(m->r), e) || !n) return e->code;
  m->compared = n;
  return estimate_compare(m->r, m->a, theta, d, n, m->gathered, m->o->x.lnZ, m->lwp, e);
}

/* ---- life ---- */
static int own(record *m, err *e) {
  size_t unit = (size_t)m->c->type->unit, here = (size_t)m->c->units * unit, first = (size_t)m->c->unit_first * unit;
  size_t all = ((size_t)m->c->total + unit - 1) / unit * unit, row = (size_t)m->length * THERMO_NG,
         N = (size_t)m->t.sites * (size_t)m->per;
  bool root = run_root(m->r);
  m->own = calloc(here * row + 1, sizeof *m->own);
  m->all = malloc(root ? all * row * sizeof *m->all + 1 : 1);
  m->spins = calloc(here * N + 1, 1);
  m->gathered = malloc(all * N + 1);
  if (!m->own || !m->all || !m->spins || !m->gathered)
    return err_set(e, ERR_RUN, "Markov chain: out of memory for its series");
  run_item items[] = {{owned[0], &m->done, H5_I64, 1, true, 0, 0, 0},
                      {owned[1], m->own, H5_F64, here * row, false, row, first, all},
                      {owned[2], &m->kept, H5_I64, 1, true, 0, 0, 0},
                      {owned[3], m->spins, H5_I8, here * N, false, N, first, all}};
  for (int i = 0; i < (N ? OWNED : OWNED - 1); i++)
    if (run_own(m->r, items[i], e)) return e->code;
  m->items = chain_items(m->c, m->item);
  for (int i = 0; i < m->items; i++)
    if (run_own(m->r, m->item[i], e)) return e->code;
  return 0;
}

int reference_new(reference **out, run *r, const ar *a, const estimate_ising *o, err *e) {
  estimate_conf c;
  record *m = *out = calloc(1, sizeof *m);
  if (!m) return err_set(e, ERR_RUN, "Markov chain: out of memory");
  m->r = r, m->a = a, m->o = o, m->t = o->t;
  deck_get(run_deck(r), "estimate", estimate_keys, &c);
  if (chain_from_deck(&m->c, &m->plan, run_deck(r), "chain", o->m, run_comm(r), run_seed(r), e)) return e->code;
  m->length = m->plan.sweeps / m->plan.every;
  m->per = (c.compare + m->c->total - 1) / m->c->total;
  m->per = m->per > m->length ? m->length : m->per;
  return own(m, e);
}

void reference_free(reference *m) {
  if (!m) return;
  for (int i = 0; i < OWNED; i++) run_disown(m->r, owned[i]);
  for (int i = 0; i < m->items; i++) run_disown(m->r, m->item[i].name);
  chain_free(m->c);
  free(m->own), free(m->all), free(m->spins), free(m->gathered), free(m->lwp), free(m);
}

static void thermalise(record *m) {
  enum { PORTION = 64 }; /* sweeps between two ticks */
  long total = m->plan.thermalisation;
  while (m->c->sweeps < total && !run_stopping(m->r)) {
    chain_thermalise_part(m->c, total - m->c->sweeps < PORTION ? total - m->c->sweeps : PORTION, total);
    run_tick(m->r, "thermalisation", (long)m->c->sweeps, total, NULL);
  }
}

int reference_run(reference *m, const nn_real *theta, const estimate_data *d, err *e) {
  const comm *ranks = run_comm(m->r);
  if (!m->length) return 0;
  thermalise(m);
  while (m->done < m->length && !run_stopping(m->r)) {
    chain_advance(m->c, m->plan.every);
    measure(m, (long)m->done);
    keep_spins(m, (long)m->done++);
    run_tick(m->r, m->c->type->kind.name, (long)m->done, m->length, NULL);
  }
  if (run_stopping(m->r)) return 0;
  gather(m, ranks);
  if (run_root(m->r)) put(m->r, m, &m->o->x, e);
  if (!comm_vote(ranks, e)) compare(m, theta, d, e);
  return comm_vote(ranks, e);
}

const double *reference_weights(const reference *m, long *n) {
  *n = m->compared;
  return m->lwp;
}

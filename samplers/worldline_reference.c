/* worldline_reference.c: worldline_reference_new, worldline_reference_run (see worldline_reference.h): thermalisation,
 * measurements by replica, gathered in global order on rank 0, errors by the Gamma method (Wolff, Comput. Phys. Commun.
 * 156 (2004) 143). M^2 and staggered M^2 are the chain's improved estimators where it has them. */
#include "samplers/worldline_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct worldline_reference {
  run *r;
  const trotter *t;
  chain_thermo exact;
  quantum q;
  worldline *c;
  chain_plan plan;
  long length; /* measurements per replica */
  long per;    /* kept configurations per replica, at most */
  run_item item[WORLDLINE_ITEMS];
  int items;
  double *all;      /* rank 0: (replicas, length, QUANTUM_NG) */
  int8_t *gathered; /* (replicas, per, sites), after a run without gaps */
  double (*obs)[TROTTER_NOBS];
  /* state */
  int64_t done;  /* measurements made */
  int64_t kept;  /* configurations kept per replica so far */
  double *own;   /* (replicas here, length, QUANTUM_NG) */
  int8_t *spins; /* (replicas here, per, sites) */
};
typedef worldline_reference record;
static const char *const owned[] = {"worldline measurements", "worldline rows", "worldline kept",
                                    "worldline configurations"};
enum { OWNED = sizeof owned / sizeof *owned };

/* ---- sweeps ---- */

static void measure(record *m, long k) {
  double better[WORLDLINE_NIMPROVED], n2 = m->q.sites * m->q.sites;
  worldline_measure_all(m->c, m->obs);
  for (int i = 0; i < m->c->n; i++) {
    const double *o = m->obs[i];
    double *g = m->own + ((size_t)i * (size_t)m->length + (size_t)k) * QUANTUM_NG;
    quantum_row(&m->q, o[TROTTER_F], o[TROTTER_G], o[TROTTER_M], o[TROTTER_MST], g);
    worldline_improved(m->c, i, better);
    if (!isnan(better[WORLDLINE_M2])) g[QUANTUM_M2] = better[WORLDLINE_M2] / n2;
    if (!isnan(better[WORLDLINE_MST2])) g[QUANTUM_MST2] = better[WORLDLINE_MST2] / n2;
  }
}

/* Equally spaced over the chain. A run that was extended keeps those it has and goes on where room is left. */
static void keep_spins(record *m, long k) {
  if (m->kept >= m->per || k % (m->length / m->per)) return;
  size_t n = (size_t)m->t->n;
  for (int i = 0; i < m->c->n; i++)
    memcpy(m->spins + ((size_t)i * (size_t)m->per + (size_t)m->kept) * n, worldline_spins(m->c, i), n);
  m->kept++;
}

static void thermalise(record *m) {
  enum { PORTION = 64 }; /* sweeps between two ticks */
  long total = m->plan.thermalisation;
  while (m->c->sweeps < total && !run_stopping(m->r)) {
    long left = total - (long)m->c->sweeps;
    worldline_advance(m->c, left < PORTION ? left : PORTION);
    run_tick(m->r, "thermalisation", (long)m->c->sweeps, total, NULL);
  }
}

static void gather(record *m) {
  const comm *c = run_comm(m->r);
  size_t n = (size_t)m->t->n * (size_t)m->per;
  comm_gather_rows(c, m->c->total, (size_t)m->length * QUANTUM_NG * sizeof(double), m->own, m->all);
  if (!m->per) return;
  comm_gather_rows(c, m->c->total, n, m->spins, m->gathered);
  comm_bcast(c, m->gathered, (size_t)m->c->total * n);
  size_t row = (size_t)m->kept * (size_t)m->t->n; /* no gaps where there is room for more than was kept */
  for (int i = 1; i < m->c->total; i++) memmove(m->gathered + (size_t)i * row, m->gathered + (size_t)i * n, row);
}

/* ---- results ---- */

static int put_value(record *m, const char *observable, const char *unit, const char *what, const gamma_result *v,
                     double exact, err *e) {
  char name[64], text[256];
  snprintf(name, sizeof name, "%s.%s", observable, m->c->type->tag);
  snprintf(text, sizeof text, "%s; %s chain, %s", what, m->c->type->kind.name, v->reason ? v->reason : "Gamma method");
  if (v->reason) run_warn(m->r, "%s: %s", name, v->reason);
  run_result(m->r,
             (run_value){.name = name,
                         .unit = unit,
                         .description = text,
                         .value = v->value,
                         .error = v->reason ? NAN : v->error,
                         .exact = exact,
                         .exact_error = NAN,
                         .tau_int = v->tau,
                         .n_eff = v->n_eff},
             e);
  if (!v->reason) run_result_reference(m->r, observable, m->c->type->tag, v->value, v->error);
  return e->code;
}

static int put_thermo(record *m, const gamma_data *d, err *e) {
  double n = m->q.sites, b = m->q.beta;
  const struct {
    int q;
    double exact;
  } printed[] = {{QUANTUM_e, m->exact.e},
                 {QUANTUM_c, m->exact.c},
                 {QUANTUM_m, m->exact.m},
                 {QUANTUM_chi, m->exact.chi},
                 {QUANTUM_chi_st, NAN},
                 {QUANTUM_E, n * m->exact.e},
                 {QUANTUM_CT2, n * m->exact.c / (b * b)},
                 {QUANTUM_CHISIGMA, 4 * n * m->exact.chi}};
  gamma_result g[QUANTUM_COUNT];
  quantum_chain(&m->q, d, g, e);
  for (unsigned i = 0; i < sizeof printed / sizeof *printed && !e->code; i++) {
    const thermo_quantity *q = &quantum_quantities[printed[i].q];
    put_value(m, q->fn.name, q->unit, q->description, &g[printed[i].q], printed[i].exact, e);
  }
  return e->code;
}

/* In sweeps, however many of them lie between two measurements. */
static int put_tau(record *m, const gamma_data *d, int column, const char *observable, const char *what, err *e) {
  char name[64], text[128];
  gamma_result v;
  if (gamma_primary(d, column, 0, &v, e)) return e->code;
  snprintf(name, sizeof name, "%s.%s", observable, m->c->type->tag);
  snprintf(text, sizeof text, "integrated autocorrelation time of the %s in sweeps", what);
  return run_number(m->r, name, "1", text, v.tau * (double)m->plan.every,
                    v.reason ? NAN : v.tau_error * (double)m->plan.every, e);
}

static int put(record *m, err *e) {
  long *length = malloc((size_t)m->c->total * sizeof *length);
  if (!length) return err_set(e, ERR_RUN, "Markov chain: out of memory");
  for (int i = 0; i < m->c->total; i++) length[i] = m->length;
  gamma_data d = {.k = QUANTUM_NG, .replicas = m->c->total, .length = length, .x = m->all};
  if (!put_thermo(m, &d, e) && !put_tau(m, &d, QUANTUM_F, "tau_E", "energy", e))
    put_tau(m, &d, QUANTUM_MST, "tau_Mst", "staggered magnetisation", e);
  free(length);
  return e->code;
}

/* ---- life ---- */

static int own(record *m, err *e) {
  size_t here = (size_t)m->c->n, all = (size_t)m->c->total, first = (size_t)m->c->first;
  size_t row = (size_t)m->length * QUANTUM_NG, n = (size_t)m->t->n * (size_t)m->per;
  m->own = calloc(here * row + 1, sizeof *m->own);
  m->all = malloc(run_root(m->r) ? all * row * sizeof *m->all + 1 : 1);
  m->spins = calloc(here * n + 1, 1);
  m->gathered = malloc(all * n + 1);
  m->obs = malloc((here + 1) * sizeof *m->obs);
  if (!m->own || !m->all || !m->spins || !m->gathered || !m->obs)
    return err_set(e, ERR_RUN, "Markov chain: out of memory for its series");
  run_item items[] = {{owned[0], &m->done, H5_I64, 1, true, 0, 0, 0},
                      {owned[1], m->own, H5_F64, here * row, false, row, first, all},
                      {owned[2], &m->kept, H5_I64, 1, true, 0, 0, 0},
                      {owned[3], m->spins, H5_I8, here * n, false, n, first, all}};
  for (int i = 0; i < (n ? OWNED : OWNED - 1); i++)
    if (run_own(m->r, items[i], e)) return e->code;
  m->items = worldline_items(m->c, m->item);
  for (int i = 0; i < m->items; i++)
    if (run_own(m->r, m->item[i], e)) return e->code;
  return 0;
}

int worldline_reference_new(worldline_reference **out, run *r, const char *section, const trotter *t,
                            const chain_thermo *exact, long keep, err *e) {
  record *m = *out = calloc(1, sizeof *m);
  if (!m) return err_set(e, ERR_RUN, "Markov chain: out of memory");
  m->r = r, m->t = t, m->exact = *exact;
  m->q = (quantum){.beta = t->beta, .sites = t->sites, .F0 = isnan(exact->e) ? 0 : exact->e * t->sites};
  if (worldline_from_deck(&m->c, &m->plan, run_deck(r), section, t, run_comm(r), run_seed(r), e)) return e->code;
  m->length = m->plan.sweeps / m->plan.every;
  m->per = (keep + m->c->total - 1) / m->c->total;
  m->per = m->per > m->length ? m->length : m->per;
  return own(m, e);
}

void worldline_reference_free(worldline_reference *m) {
  if (!m) return;
  for (int i = 0; i < OWNED; i++) run_disown(m->r, owned[i]);
  for (int i = 0; i < m->items; i++) run_disown(m->r, m->item[i].name);
  worldline_free(m->c);
  free(m->own), free(m->all), free(m->spins), free(m->gathered), free(m->obs), free(m);
}

int worldline_reference_run(worldline_reference *m, err *e) {
  if (!m->length) return 0;
  thermalise(m);
  while (m->done < m->length && !run_stopping(m->r)) {
    worldline_advance(m->c, m->plan.every);
    measure(m, (long)m->done);
    keep_spins(m, (long)m->done++);
    run_tick(m->r, m->c->type->kind.name, (long)m->done, m->length, NULL);
  }
  if (run_stopping(m->r)) return 0;
  gather(m);
  if (run_root(m->r)) put(m, e);
  return comm_vote(run_comm(m->r), e);
}

const int8_t *worldline_reference_spins(const worldline_reference *m, long *n) {
  *n = (long)m->kept * m->c->total;
  return m->gathered;
}

/* heisenberg.c: a neural sampler for quantum Heisenberg chains on their Suzuki-Trotter lattice (Vielhaben & Strodthoff,
 * 'Generative neural samplers for the quantum Heisenberg chain', PRE 103 063304).
 *
 *   train   q(s) -> W(s)/Z over exactly the allowed configurations, by minimising the reverse KL divergence
 *   draw    s_i ~ q, lw_i = ln W(s_i) - ln q(s_i): lnZ, f, e, c, s, m, chi by importance sampling and NMCMC
 *   check   against the transfer matrix at the same Trotter number and a Markov chain (loop algorithm), and beside the
 *           chain without Trotter error */
#include "apps/heisenberg.h"

#include <math.h>
#include <stdlib.h>

#include "base/run_past.h"
#include "lattice/exact_trotter.h"
#include "nn/optim.h"
#include "nn/store.h"
#include "samplers/worldline_reference.h"

typedef struct exact_conf {
  long length;
  bool limit;
} exact_conf;
static const deck_key exact_keys[] = {{"length", DECK_INT, offsetof(exact_conf, length), "16", 0, 16, .free = true,
                                       .help = "transfer matrix where the shorter side of the lattice has at most so "
                                               "many spins (16: up to a minute); 0: none"},
                                      {"limit", DECK_BOOL, offsetof(exact_conf, limit), "true", .free = true,
                                       .help = "also the chain without Trotter error, where it can be solved"},
                                      {0}};

static const deck_section schema[] = {
    {.name = "lattice", .help = "sites of the chain and rows of imaginary time", .keys = trotter_lattice_keys},
    {.name = "model",
     .help = "H = - sum (Jx Sx Sx + Jy Sy Sy + Jz Sz Sz) - h sum Sz",
     .keys = trotter_model_keys,
     .kinds = trotter_models,
     .kind_def = "xxx"},
    {.name = "draw", .help = "what the network draws at a time", .keys = ar_trotter_keys},
    {.name = "net", .help = "the network", .keys = nn_net_keys, .kinds = nn_zoo_kinds, .kind_def = "sites"},
    {.name = "train", .help = "variational training", .keys = train_keys},
    NN_OPTIM_SECTION,
    {.name = "estimate", .help = "what is made of the draws", .keys = estimate_keys},
    {.name = "chain",
     .help = "the Markov chain used as reference",
     .keys = chain_keys,
     .kinds = worldline_types,
     .kind_def = "loop"},
    {.name = "exact", .help = "exact references", .keys = exact_keys},
    {0},
};

typedef struct problem {
  trotter *t;
  ar *a;
  nn_real *theta;
  exact_conf c;
  chain_thermo exact, limit; /* at the same Trotter number; without Trotter error */
  const char *method;        /* of the latter, or NULL */
} problem;

static void close_problem(problem *p) {
  ar_free(p->a), trotter_free(p->t), free(p->theta);
}

static int open_model(problem *p, const deck *d, err *e) {
  return trotter_from_deck(&p->t, d, e) || ar_trotter_new(&p->a, p->t, d, e) ? e->code : 0;
}

static int grow(problem *p, const deck *d, const char *path, err *e) {
  run_past past;
  problem small = {0};
  if (run_past_open(&past, path, &app_heisenberg, e) || open_model(&small, past.deck, e))
    err_context(e, "%s: net.grow", deck_where(d, "net", "grow"));
  else
    ar_grow(p->a, d, p->theta, small.a, past.file, e);
  close_problem(&small), run_past_close(&past);
  return e->code;
}

static int open_problem(problem *p, const deck *d, uint32_t seed, err *e) {
  nn_net_conf net;
  deck_get(d, "exact", exact_keys, &p->c);
  deck_get(d, "net", nn_net_keys, &net);
  p->exact = p->limit = chain_unknown();
  if (open_model(p, d, e) || estimate_check(d, e) || train_check(d, p->a, e) || worldline_check(d, "chain", p->t, e) ||
      ar_start(p->a, d, seed, &p->theta, e))
    return e->code;
  return net.grow ? grow(p, d, net.grow, e) : 0;
}

static int check(const deck *d, err *e) {
  problem p = {0};
  char text[400];
  if (!open_problem(&p, d, 1, e) && !ar_look(p.a, text, sizeof text, e)) snprintf(e->text, sizeof e->text, "%s", text);
  close_problem(&p);
  return e->code;
}

/* References are computed by every rank alike: rank 0 needs them for the results, all for the centre of the sums. */
static int solve(run *r, problem *p, err *e) {
  int shorter = p->t->sites < p->t->rows ? p->t->sites : p->t->rows;
  bool exact = shorter <= p->c.length && exact_trotter_applies(p->t);
  if (exact && exact_trotter(&p->exact, p->t, p->t->beta, e)) return e->code;
  if (p->c.limit && exact_chain_any(&p->limit, &p->method, p->t, 1, &p->t->beta, e)) return e->code;
  run_log(r, "%s chain of %d sites, %d rows, beta = %.12g; %d of %d variables are choices; exact values: %s, %s",
          p->t->name, p->t->sites, p->t->rows, p->t->beta, ar_trotter_free_choices(p->a), p->t->n,
          exact ? "transfer matrix" : "none at this Trotter number", p->method ? p->method : "no Trotter-free ones");
  return 0;
}

/* Results *.limit: the same chain without Trotter error. */
static void put_limit(run *r, const problem *p, err *e) {
  const chain_thermo *x = &p->limit;
  char text[200];
  const struct {
    const char *name, *unit;
    double value;
  } all[] = {{"lnZ.limit", "1", x->lnZ}, {"f.limit", "J", x->f}, {"e.limit", "J", x->e},       {"c.limit", "1", x->c},
             {"s.limit", "1", x->s},     {"m.limit", "1", x->m}, {"chi.limit", "J^-1", x->chi}};
  snprintf(text, sizeof text, "without Trotter error: %s", p->method);
  for (unsigned i = 0; p->method && i < sizeof all / sizeof *all && !e->code; i++)
    run_number(r, all[i].name, all[i].unit, text, all[i].value, NAN, e);
}

/* The network looks at configurations of the chain: *lwp (*n) their log weights, the caller's. */
static int compare(run *r, const problem *p, const worldline_reference *mc, const estimate_data *d, double **lwp,
                   long *n, err *e) {
  const int8_t *s = worldline_reference_spins(mc, n);
  *n -= *n % p->a->lanes;
  *lwp = malloc(((size_t)*n + 1) * sizeof **lwp);
  if (!*lwp) err_set(e, ERR_RUN, "comparison: out of memory");
  if (comm_vote(run_comm(r), e) || !*n) return e->code;
  estimate_compare(r, p->a, p->theta, d, *n, s, p->exact.lnZ, *lwp, e);
  return comm_vote(run_comm(r), e);
}

/* The algorithm: train, draw, compare; every object takes up where a checkpoint left it. */
static int work(run *r, problem *p, err *e) {
  trainer *t = NULL;
  estimator *draws = NULL;
  worldline_reference *mc = NULL;
  estimate_trotter what;
  estimate_conf c;
  estimate_data d = {0};
  double *lwp = NULL;
  long np = 0;
  nn_stored stored = {p->a->net, p->theta};
  estimate_trotter_open(&what, p->t, &p->exact);
  deck_get(run_deck(r), "estimate", estimate_keys, &c);
  if (train_new(&t, r, p->a, p->theta, e) || estimator_new(&draws, r, p->a, &what.model, e) ||
      worldline_reference_new(&mc, r, "chain", p->t, &p->exact, c.compare, e) ||
      run_writer(r, nn_store_write, &stored, e))
    goto end;
  if (train_run(t, p->exact.lnZ, e) || run_stopping(r) || run_snapshot(r, e)) goto end;
  if (estimator_run(draws, p->theta, train_steps(t), e) || run_stopping(r)) goto end;
  d = estimator_data(draws);
  if (worldline_reference_run(mc, e) || run_stopping(r) || compare(r, p, mc, &d, &lwp, &np, e)) goto end;
  if (run_root(r)) put_limit(r, p, e);
  if (!comm_vote(run_comm(r), e) && !run_snapshot(r, e)) heisenberg_figures(r, &what, t, &d, np, lwp);
end:
  run_writer_end(r, &stored, e);
  worldline_reference_free(mc), estimator_free(draws), train_free(t), free(lwp);
  return e->code;
}

static int heisenberg_main(run *r, err *e) {
  problem p = {0};
  char text[400];
  if (!open_problem(&p, run_deck(r), run_seed(r), e) && !ar_look(p.a, text, sizeof text, e)) {
    train_plan(r, p.a);
    if (*text) run_warn(r, "%s", text);
    if (!run_dry(r) && !solve(r, &p, e)) work(r, &p, e);
  }
  close_problem(&p);
  return e->code;
}

const app app_heisenberg = {.name = "heisenberg",
                            .help = "neural sampler for quantum Heisenberg chains with unbiased estimators",
                            .schema = schema,
                            .check = check,
                            .main = heisenberg_main};

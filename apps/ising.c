/* ising.c: a neural sampler for Ising models, from one deck to unbiased free energy with honest errors
 * (Nicoli et al., 'Asymptotically unbiased estimation of physical observables with neural samplers', PRE 101 023304).
 *
 *   train   q(s) -> p(s) = exp(-beta H)/Z by minimising the reverse KL divergence
 *   draw    s_i ~ q, lw_i = -beta H(s_i) - ln q(s_i): lnZ, f, e, c, s, |m|, chi by importance sampling and NMCMC
 *   check   against the exact solution, and against a long Markov chain */
#include "apps/ising.h"

#include <math.h>
#include <stdlib.h>

#include "base/run_past.h"
#include "nn/optim.h"
#include "nn/store.h"
#include "samplers/train.h"

static const deck_section schema[] = {
    {.name = "lattice", .help = "who is whose neighbour", .kinds = lattice_geometries, .kind_def = "square"},
    {.name = "model",
     .help = "H = - sum J s s - sum h s",
     .keys = lattice_model_keys,
     .kinds = lattice_models,
     .kind_def = "ferromagnet"},
    {.name = "draw", .help = "which spins the network draws and how", .keys = ar_ising_keys},
    {.name = "net", .help = "the network", .keys = nn_net_keys, .kinds = nn_zoo_kinds, .kind_def = "sites"},
    {.name = "train", .help = "variational training", .keys = train_keys},
    NN_OPTIM_SECTION,
    {.name = "estimate", .help = "what is made of the draws", .keys = estimate_keys},
    {.name = "chain",
     .help = "the Markov chain used as reference",
     .keys = chain_keys,
     .kinds = chain_types,
     .kind_def = "swendsen-wang"},
    {0},
};

typedef struct problem {
  lattice *l;
  ising *m;
  ar *a;
  nn_real *theta;
  exact_ising exact;
  const char *method; /* of the exact values, or NULL */
} problem;

static void close_problem(problem *p) {
  ar_free(p->a), ising_free(p->m), lattice_free(p->l), free(p->theta);
}

static int open_model(problem *p, const deck *d, err *e) {
  if (lattice_from_deck(&p->l, d, e) || ising_from_deck(&p->m, p->l, d, e)) return e->code;
  return ar_ising_new(&p->a, p->m, d, e);
}

static int grow(problem *p, const deck *d, const char *path, err *e) {
  run_past past;
  problem small = {0};
  if (run_past_open(&past, path, &app_ising, e) || open_model(&small, past.deck, e))
    err_context(e, "%s: net.grow", deck_where(d, "net", "grow"));
  else
    ar_grow(p->a, d, p->theta, small.a, past.file, e);
  close_problem(&small), run_past_close(&past);
  return e->code;
}

static int open_problem(problem *p, const deck *d, uint32_t seed, err *e) {
  nn_net_conf net;
  deck_get(d, "net", nn_net_keys, &net);
  if (open_model(p, d, e) || chain_check(d, "chain", p->m, e) || estimate_check(d, e) || train_check(d, p->a, e) ||
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

/* The algorithm: train, draw, compare; every object takes up where a checkpoint left it. */
static int work(run *r, problem *p, err *e) {
  trainer *t = NULL;
  estimator *draws = NULL;
  reference *mc = NULL;
  estimate_ising what;
  estimate_data d = {0};
  nn_stored stored = {p->a->net, p->theta};
  estimate_ising_open(&what, p->m, &p->exact);
  if (train_new(&t, r, p->a, p->theta, e) || estimator_new(&draws, r, p->a, &what.model, e) ||
      reference_new(&mc, r, p->a, &what, e) || run_writer(r, nn_store_write, &stored, e))
    goto end;
  if (train_run(t, p->exact.lnZ, e) || run_stopping(r) || run_snapshot(r, e)) goto end;
  if (estimator_run(draws, p->theta, train_steps(t), e) || run_stopping(r)) goto end;
  d = estimator_data(draws);
  if (reference_run(mc, p->theta, &d, e) || run_stopping(r)) goto end;
  if (!run_snapshot(r, e)) ising_figures(r, &what, t, &d, mc);
end:
  run_writer_end(r, &stored, e);
  reference_free(mc), estimator_free(draws), train_free(t), estimate_ising_close(&what);
  return e->code;
}

static int ising_main(run *r, err *e) {
  problem p = {0};
  char text[400];
  if (!open_problem(&p, run_deck(r), run_seed(r), e) && !ar_look(p.a, text, sizeof text, e) &&
      !exact_any(&p.exact, &p.method, p.m, p.m->beta, e)) {
    train_plan(r, p.a);
    if (*text) run_warn(r, "%s", text);
    run_log(r, "%s on %d sites, beta = %.12g; exact values: %s", p.m->name, p.l->n, p.m->beta,
            p.method ? p.method : "none in closed form, the Markov chain is the reference");
    if (!run_dry(r)) work(r, &p, e);
  }
  close_problem(&p);
  return e->code;
}

const app app_ising = {.name = "ising",
                       .help = "neural sampler for Ising models with unbiased estimators",
                       .schema = schema,
                       .check = check,
                       .main = ising_main};

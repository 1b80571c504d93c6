/* scalar_hmc.c: hybrid Monte Carlo (Duane, Kennedy, Pendleton and Roweth, Phys. Lett. B 195 (1987) 216) of the scalar
 * field: bosons on the inner, fermions on the outer level; Fourier acceleration; the number of steps is tuned to a
 * wanted acceptance during thermalisation (Robbins and Monro on its logarithm). */
#include "samplers/scalar_hmc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(scalar_hmc_conf, member)
static const deck_key keys[] = {
    {.name = "tau",
     .type = DECK_REAL,
     .at = AT(tau),
     .def = "1",
     .min = 1e-6,
     .max = 1e3,
     .help = "length of a trajectory"},
    {.name = "steps",
     .type = DECK_INT,
     .at = AT(steps),
     .def = "10",
     .min = 1,
     .max = 10000,
     .help = "steps of a trajectory (of the fermion force where there is one), before tuning"},
    {.name = "inner",
     .type = DECK_INT,
     .at = AT(inner),
     .def = "2",
     .min = 1,
     .max = 1000,
     .help = "with fermions: steps of the boson force between two fermion forces"},
    {.name = "integrator",
     .type = DECK_WORD,
     .at = AT(integrator),
     .def = "omelyan2",
     .words = HMC_WORDS,
     .help = "order 2, 2 with minimal error, 4"},
    {.name = "acceptance",
     .type = DECK_REAL,
     .at = AT(acceptance),
     .def = "0.9",
     .min = 0.05,
     .max = 0.999,
     .help = "wanted, see tune"},
    {.name = "tune",
     .type = DECK_BOOL,
     .at = AT(tune),
     .def = "true",
     .help = "thermalisation tunes the number of steps to the wanted acceptance"},
    {.name = "determinant",
     .type = DECK_WORD,
     .at = AT(determinant),
     .def = "pseudofermions",
     .words = "pseudofermions|exact",
     .help = "exact: LU, for small lattices"},
    {.name = "solver",
     .type = DECK_REAL,
     .at = AT(solver),
     .def = "1e-10",
     .min = 1e-15,
     .max = 1e-2,
     .help = "residual of the forces, relative"},
    {.name = "accept_solver",
     .type = DECK_REAL,
     .at = AT(accept_solver),
     .def = "1e-12",
     .min = 1e-15,
     .max = 1e-2,
     .help = "residual of the accept step, relative"},
    {.name = "iterations",
     .type = DECK_INT,
     .at = AT(iterations),
     .def = "5000",
     .min = 1,
     .max = 1e6,
     .help = "of the solver at most: beyond, the run fails"},
    {.name = "even_odd",
     .type = DECK_BOOL,
     .at = AT(even_odd),
     .def = "true",
     .help = "solve on even sites where all M + g phi have one sign"},
    {.name = "chronological",
     .type = DECK_BOOL,
     .at = AT(chronological),
     .def = "true",
     .help = "begin from the solutions of the trajectory so far"},
    {.name = "acceleration",
     .type = DECK_WORD,
     .at = AT(acceleration),
     .def = "none",
     .words = "none|fourier",
     .help = "fourier: slow modes are lighter"},
    {.name = "stiffness",
     .type = DECK_REAL,
     .at = AT(stiffness),
     .def = "~",
     .min = 1e-6,
     .max = 1e3,
     .help = "fourier: force constant of the slowest mode; ~: that of the free field, with lambda at least 0.1"},
    {0},
};
#undef AT

enum { EXACT = 1, FOURIER = 1 };

/* ---- the system, for hmc_evolve ---- */

static void drift(void *self, double t) {
  scalar_hmc_room *q = self;
  const double *velocity = q->pi;
  if (q->fourier) {
    scalar_fourier_apply(q->fourier, q->c->m.action.kappa, q->stiffness, -1, q->pi, q->velocity);
    velocity = q->velocity;
  }
  scalar_drift(q->g, q->c->phi, velocity, t);
  scalar_exchange(q->g, q->c->phi);
}

static void kick(void *self, int level, double t) {
  scalar_hmc_room *q = self;
  if (q->fermions && level == 0)
    scalar_fermions_kick(q->fermions, q->c->phi, q->pi, t);
  else
    scalar_kick(q->g, q->c->m.action, q->c->phi, q->pi, t);
}

static void kick_drift(void *self, int level, double t, double move) {
  scalar_hmc_room *q = self;
  scalar_kick_drift(q->g, q->c->m.action, q->c->phi, q->pi, t, move);
}

void scalar_hmc_evolve(scalar_mover *w, scalar_chain *c, int steps) {
  scalar_hmc_room *q = w->self;
  const hmc_scheme *scheme = &hmc_schemes[q->conf->integrator];
  hmc_level level[2] = {{scheme, steps}, {scheme, (int)q->conf->inner}};
  q->c = c;
  hmc_evolve(&(hmc_system){q, kick, drift, q->fourier ? NULL : kick_drift}, q->fermions ? 2 : 1, level, q->conf->tau);
}

/* ---- energy ---- */

static double energy(scalar_hmc_room *q, double fermions) {
  const scalar_grid *g = q->g;
  double sum[SCALAR_NSUM];
  const double *velocity = q->pi;
  if (q->fourier) {
    scalar_fourier_apply(q->fourier, q->c->m.action.kappa, q->stiffness, -1, q->pi, q->velocity);
    velocity = q->velocity;
  }
  scalar_sums(g, q->c->phi, sum);
  return scalar_dot(g, g->plane, q->pi, velocity) / 2 + scalar_action_value(g, q->c->m.action, sum) + fermions;
}

double scalar_hmc_energy(scalar_mover *w, scalar_chain *c) {
  scalar_hmc_room *q = w->self;
  q->c = c;
  return energy(q, q->fermions ? scalar_fermions_action(q->fermions, c->phi) : 0);
}

static double stiffness_of(const scalar_hmc_room *q) {
  scalar_action a = q->c->m.action;
  double least = 2 * (1 - 2 * q->g->d * fabs(a.kappa));
  if (!isnan(q->conf->stiffness)) return q->conf->stiffness;
  return !a.lambda && least > 0 ? least : fmax(least, .1);
}

double scalar_hmc_refresh(scalar_mover *w, scalar_chain *c) {
  scalar_hmc_room *q = w->self;
  const scalar_grid *g = q->g;
  q->c = c, q->stiffness = stiffness_of(q);
  double *noise = q->fourier ? q->velocity : q->pi;
  for (int p = 0; p < g->planes; p++)
    rng_normal_pairs(w->stream, scalar_index(c, (uint64_t)((g->first + p) * g->plane)), (int)g->plane,
                     (uint32_t)c->state[SCALAR_STEPS], 0, noise + p * g->plane, NULL);
  if (q->fourier) scalar_fourier_apply(q->fourier, c->m.action.kappa, q->stiffness, .5, noise, q->pi);
  return energy(q, q->fermions ? scalar_fermions_refresh(q->fermions, w->stream, c) : 0);
}

/* ---- a trajectory ---- */

static int steps_of(const scalar_hmc_room *q) {
  double *x = &q->c->state[SCALAR_TUNED];
  if (!*x) *x = log((double)q->conf->steps);
  return (int)lround(exp(*x));
}

static void tune(const scalar_hmc_room *q, double chance) {
  double *state = q->c->state;
  if (!q->conf->tune) return;
  double gain = fmax(.03, 1 / sqrt(state[SCALAR_STEPS]));
  state[SCALAR_TUNED] = fmin(fmax(state[SCALAR_TUNED] + gain * (q->conf->acceptance - chance), 1e-9), log(1e4));
}

static void count(double *state, double dH, bool accepted) {
  state[SCALAR_TRIED]++, state[SCALAR_ACCEPTED] += accepted;
  state[SCALAR_DH] += dH, state[SCALAR_DH2] += dH * dH;
  state[SCALAR_EXP] += exp(-dH), state[SCALAR_EXP2] += exp(-2 * dH);
}

static int step(scalar_mover *w, scalar_chain *c, bool thermalise, err *e) {
  scalar_hmc_room *q = w->self;
  size_t bytes = (size_t)scalar_sites(w->g) * sizeof *c->phi;
  long before = q->fermions ? q->fermions->D->iterations : 0;
  double H = scalar_hmc_refresh(w, c);
  memcpy(q->old, c->phi, bytes);
  scalar_hmc_evolve(w, c, steps_of(q));
  double dH = scalar_hmc_energy(w, c) - H;
  if (q->fermions && q->fermions->failed)
    return err_set(e, ERR_RUN, "chain %u, trajectory %.0f: the solver does not converge (kappa = %g, M = %g, g = %g)",
                   c->number, c->state[SCALAR_STEPS], c->m.action.kappa, c->m.mass, c->m.coupling);
  double chance = dH < 0 ? 1 : exp(-dH); /* 0 where dH is not a number */
  bool accepted = rng_uniform(w->decide, scalar_index(c, 0), (uint32_t)c->state[SCALAR_STEPS], 1) < chance;
  if (!accepted) {
    memcpy(c->phi, q->old, bytes);
    scalar_exchange(w->g, c->phi);
  }
  if (thermalise)
    tune(q, isnan(dH) ? 0 : chance);
  else
    count(c->state, dH, accepted);
  if (q->fermions) c->state[SCALAR_CG] += (double)(q->fermions->D->iterations - before);
  return 0;
}

static int traces(scalar_mover *w, scalar_chain *c, double trace[2], err *e) {
  scalar_fermions *f = ((scalar_hmc_room *)w->self)->fermions;
  scalar_fermions_traces(f, w->stream, c, trace);
  return f->failed ? err_set(e, ERR_RUN, "chain %u: the solver does not converge", c->number) : 0;
}

/* ---- making ---- */

static int check(const scalar_mover *w, const scalar_hmc_conf *c, err *e) {
  if (c->determinant == EXACT && !w->fermions)
    return err_set(e, ERR_DECK, "determinant: exact without fermions has no meaning");
  return 0;
}

static int init(scalar_mover *w, err *e) {
  const scalar_hmc_conf *c = (const scalar_hmc_conf *)w->conf;
  if (check(w, c, e)) return e->code;
  scalar_hmc_room *q = w->self = calloc(1, sizeof *q);
  if (!q) return err_set(e, ERR_RUN, "out of memory");
  q->g = w->g, q->conf = c;
  if (!(q->pi = scalar_field(w->g)) || !(q->old = scalar_field(w->g)) || !(q->velocity = scalar_field(w->g)))
    return err_set(e, ERR_RUN, "out of memory");
  if (c->acceleration == FOURIER && scalar_fourier_new(&q->fourier, w->g, e)) return e->code;
  scalar_fermion_conf f = {c->determinant == EXACT, c->even_odd,  c->chronological, c->solver,
                           c->accept_solver,        c->iterations};
  return w->fermions ? scalar_fermions_new(&q->fermions, w->g, f, e) : 0;
}

static void done(scalar_mover *w) {
  scalar_hmc_room *q = w->self;
  if (!q) return;
  scalar_field_free(w->g, q->pi), scalar_field_free(w->g, q->old), scalar_field_free(w->g, q->velocity);
  scalar_fermions_free(q->fermions), scalar_fourier_free(q->fourier);
  free(q);
}

const scalar_update scalar_hmc = {
    .kind = {"hmc", "hybrid Monte Carlo, with or without fermions", keys},
    .conf_size = sizeof(scalar_hmc_conf),
    .init = init,
    .done = done,
    .step = step,
    .traces = traces,
};

/* scalar_fermions.c: pseudofermions and exact determinant of hybrid Monte Carlo (see scalar_fermions.h). */
#include "samplers/scalar_fermions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int scalar_fermions_new(scalar_fermions **out, const scalar_grid *g, scalar_fermion_conf conf, err *e) {
  scalar_fermions *f = *out = calloc(1, sizeof *f);
  if (!f) return err_set(e, ERR_RUN, "fermions: out of memory");
  f->conf = conf;
  if (staggered_new(&f->D, g, 0, 0, conf.exact, e)) return e->code;
  bool good = (f->inverse = scalar_field(g)) != NULL;
  for (int a = 0; a < SCALAR_FLAVOURS && good; a++)
    good = (f->chi[a] = scalar_field(g)) && (f->X[a] = scalar_field(g)) && (f->Y[a] = scalar_field(g)) &&
           (f->X_old[a] = scalar_field(g)) && (f->Y_old[a] = scalar_field(g));
  return good ? 0 : err_set(e, ERR_RUN, "fermions: out of memory");
}

void scalar_fermions_free(scalar_fermions *f) {
  if (!f) return;
  if (f->D) {
    const scalar_grid *g = f->D->g;
    for (int a = 0; a < SCALAR_FLAVOURS; a++) {
      scalar_field_free(g, f->chi[a]), scalar_field_free(g, f->X[a]), scalar_field_free(g, f->Y[a]);
      scalar_field_free(g, f->X_old[a]), scalar_field_free(g, f->Y_old[a]);
    }
    scalar_field_free(g, f->inverse);
  }
  staggered_free(f->D);
  free(f);
}

static double exact_action(scalar_fermions *f, double *inverse) {
  double ln = staggered_logdet(f->D, inverse);
  if (isnan(ln)) f->failed = true;
  return -SCALAR_FLAVOURS * ln;
}

static void noise(const scalar_grid *g, rng stream, const scalar_chain *c, uint32_t draw, double *a, double *b) {
  for (int p = 0; p < g->planes; p++)
    rng_normal_pairs(stream, scalar_index(c, (uint64_t)((g->first + p) * g->plane)), (int)g->plane,
                     (uint32_t)c->state[SCALAR_STEPS], draw, a + p * g->plane, b + p * g->plane);
}

double scalar_fermions_refresh(scalar_fermions *f, rng stream, const scalar_chain *c) {
  staggered *D = f->D;
  const scalar_grid *g = D->g;
  double action = 0;
  D->mass = c->m.mass, D->coupling = c->m.coupling;
  f->history = 0, f->failed = false;
  staggered_set(D, c->phi);
  if (f->conf.exact) return exact_action(f, NULL);
  noise(g, stream, c, 1, f->X[0], f->X[1]); /* xi */
  for (int a = 0; a < SCALAR_FLAVOURS; a++) {
    staggered_apply(g, 1, D->m, f->X[a], f->chi[a]);
    action += scalar_dot(g, g->plane, f->X[a], f->X[a]) / 2;
  }
  return action;
}

static void solve(scalar_fermions *f, int a, double *X, double tol) {
  if (f->failed) return;
  if (staggered_solve(f->D, f->conf.even_odd, f->chi[a], X, f->Y[a], tol, f->conf.most) < 0) f->failed = true;
}

static void clear(const scalar_grid *g, double *v) {
  memset(v, 0, (size_t)scalar_sites(g) * sizeof *v);
}

/* The last two solutions, continued in a straight line; the last becomes the one before. */
static void extrapolate(const scalar_grid *g, int history, double *x, double *old) {
  for (long i = 0; i < scalar_sites(g); i++) {
    double last = x[i];
    if (history > 1) x[i] = 2 * last - old[i];
    old[i] = last;
  }
}

static void guess(scalar_fermions *f, int a) {
  const scalar_grid *g = f->D->g;
  if (!f->conf.chronological || !f->history) {
    clear(g, f->X[a]), clear(g, f->Y[a]);
    return;
  }
  extrapolate(g, f->history, f->X[a], f->X_old[a]);
  extrapolate(g, f->history, f->Y[a], f->Y_old[a]);
}

double scalar_fermions_action(scalar_fermions *f, const double *phi) {
  const scalar_grid *g = f->D->g;
  double action = 0;
  staggered_set(f->D, phi);
  if (f->conf.exact) return exact_action(f, NULL);
  bool schur = f->conf.even_odd && f->D->definite;
  for (int a = 0; a < SCALAR_FLAVOURS; a++) { /* the last force was at this field: its solutions are good guesses */
    if (!f->history) clear(g, f->X[a]), clear(g, f->Y[a]);
    solve(f, a, schur ? NULL : f->X[a], f->conf.accept_tol);
    action += scalar_dot(g, g->plane, f->Y[a], f->Y[a]) / 2;
  }
  return action;
}

void scalar_fermions_kick(scalar_fermions *f, const double *phi, double *pi, double t) {
  const scalar_grid *g = f->D->g;
  staggered_set(f->D, phi);
  double push = t * f->D->coupling;
  if (f->conf.exact) {
    exact_action(f, f->inverse);
    for (long i = 0; i < g->n; i++) pi[i] += SCALAR_FLAVOURS * push * f->inverse[i];
    return;
  }
  for (int a = 0; a < SCALAR_FLAVOURS; a++) {
    guess(f, a);
    solve(f, a, f->X[a], f->conf.force_tol);
    const double *X = f->X[a], *Y = f->Y[a];
    for (long i = 0; i < scalar_sites(g); i++) pi[i] += push * X[i] * Y[i];
  }
  f->history++;
}

void scalar_fermions_traces(scalar_fermions *f, rng stream, const scalar_chain *c, double trace[2]) {
  const scalar_grid *g = f->D->g;
  f->D->mass = c->m.mass, f->D->coupling = c->m.coupling;
  f->failed = false;
  staggered_set(f->D, c->phi);
  trace[0] = trace[1] = 0;
  if (f->conf.exact) {
    exact_action(f, f->inverse);
    for (long i = 0; i < g->n; i++)
      trace[0] += SCALAR_FLAVOURS * f->inverse[i], trace[1] += SCALAR_FLAVOURS * f->inverse[i] * c->phi[i];
    return;
  }
  noise(g, stream, c, 2, f->chi[0], f->chi[1]);
  for (int a = 0; a < SCALAR_FLAVOURS; a++) { /* each vector estimates one flavour */
    clear(g, f->X[a]), clear(g, f->Y[a]);
    solve(f, a, f->X[a], f->conf.force_tol);
    trace[0] += scalar_dot(g, g->plane, f->chi[a], f->Y[a]);
    for (long i = 0; i < scalar_sites(g); i++) f->X[a][i] = f->Y[a][i] * c->phi[i];
    trace[1] += scalar_dot(g, g->plane, f->chi[a], f->X[a]);
  }
}

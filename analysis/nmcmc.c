/* nmcmc.c: nmcmc_new ... nmcmc_tau_exp.
 *
 * Neural MCMC: Nicoli et al., PRE 101 (2020) 023304. Spectrum of the independence sampler:
 * J. S. Liu, Stat. Comput. 6 (1996) 113: the second largest eigenvalue is 1 - 1/max(p/q) = 1 - Z/w_max. */
#include "analysis/nmcmc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int nmcmc_new(nmcmc **c, int k, err *e) {
  *c = calloc(1, sizeof **c);
  if (!*c) return err_set(e, ERR_RUN, "NMCMC: no memory");
  (*c)->k = k;
  (*c)->state = calloc(nmcmc_count(*c), sizeof(double));
  if ((*c)->state) return 0;
  free(*c);
  *c = NULL;
  return err_set(e, ERR_RUN, "NMCMC: no memory for %d observables", k);
}

void nmcmc_free(nmcmc *c) {
  if (c) free(c->state);
  free(c);
}

size_t nmcmc_count(const nmcmc *c) {
  return (size_t)(NMCMC_ROW + c->k);
}

static void move(nmcmc *c, double lw, const double *row) {
  c->state[NMCMC_LW] = lw;
  if (c->k) memcpy(c->state + NMCMC_ROW, row, (size_t)c->k * sizeof *row);
}

/* One proposal; true if it becomes the current state. */
static int decide(nmcmc *c, double lw, const double *row, double u) {
  double *s = c->state;
  if (s[NMCMC_STATES] > 0) {
    double p = lw >= s[NMCMC_LW] ? 1 : exp(lw - s[NMCMC_LW]);
    s[NMCMC_EXPECTED] += p;
    if (u >= p) return 0;
    s[NMCMC_ACCEPTED]++;
  }
  move(c, lw, row);
  return 1;
}

int nmcmc_scan(nmcmc *c, long n, const double *lw, const double *rows, const double *u, long *states, long *index,
               double *lw_out, double *rows_out, err *e) {
  long at = -1, m = 0;
  size_t row = (size_t)c->k * sizeof *rows;
  *states = 0;
  for (long i = 0; i < n; i++) {
    if (!(lw[i] < INFINITY)) return err_set(e, ERR_RUN, "NMCMC: proposal %ld of the batch: log weight %g", i, lw[i]);
    if (!(c->state[NMCMC_STATES] > 0) && lw[i] == -INFINITY) continue;
    if (decide(c, lw[i], rows ? rows + i * c->k : NULL, u[i])) at = i;
    c->state[NMCMC_STATES]++;
    if (index) index[m] = at;
    if (lw_out) lw_out[m] = c->state[NMCMC_LW];
    if (rows_out) memcpy(rows_out + m * c->k, c->state + NMCMC_ROW, row);
    *states = ++m;
  }
  return 0;
}

double nmcmc_acceptance(const nmcmc *c) {
  double n = c->state[NMCMC_STATES] - 1;
  return n > 0 ? c->state[NMCMC_ACCEPTED] / n : NAN;
}

double nmcmc_expected_acceptance(const nmcmc *c) {
  double n = c->state[NMCMC_STATES] - 1;
  return n > 0 ? c->state[NMCMC_EXPECTED] / n : NAN;
}

static int descending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

double nmcmc_acceptance_of(long n, const double *lw) {
  double *w = n > 0 ? malloc((size_t)n * sizeof *w) : NULL, sum = 0, low = 0;
  if (!w) return NAN;
  memcpy(w, lw, (size_t)n * sizeof *w);
  qsort(w, (size_t)n, sizeof *w, descending);
  double max = w[0];
  for (long i = 0; i < n; i++) { /* the pairs in which i is the smaller weight: i of either order, and itself */
    double x = exp(w[i] - max);
    sum += x, low += x * (2 * (double)i + 1);
  }
  free(w);
  return low / ((double)n * sum);
}

double nmcmc_relaxation(double lnZ, double max_lw) {
  return -expm1(lnZ - max_lw);
}

double nmcmc_tau_exp(double lnZ, double max_lw) {
  return -1 / log1p(-exp(lnZ - max_lw));
}

/* nmcmc.h: the independent Metropolis chain over a stream of proposals s ~ q with log weights lw = -beta H - ln q:
 * accept with probability min(1, exp(lw' - lw)), else repeat the old state. The chain starts at the first legal draw.
 * The scan is a scalar pass over batches of proposals made before; uniforms come from the caller. Local, serial. */
#ifndef ANALYSIS_NMCMC_H
#define ANALYSIS_NMCMC_H

#include <stddef.h>

#include "base/err.h"

enum { NMCMC_STATES, NMCMC_ACCEPTED, NMCMC_EXPECTED, NMCMC_LW, NMCMC_ROW }; /* layout of state[] */

typedef struct nmcmc {
  int k; /* observables of a row */
  double *
      state; /* (NMCMC_ROW + k): chain states so far, accepted moves, sum of acceptance probabilities, lw and row of the
                current configuration. This is ALL the state: register nmcmc_count() doubles to make it restartable */
} nmcmc;

int nmcmc_new(nmcmc **c, int k, err *e);
void nmcmc_free(nmcmc *c);
size_t nmcmc_count(const nmcmc *c);

/* n proposals: lw (n), rows (n, k) (NULL if k = 0), uniforms u (n) in [0, 1).
 * One chain state follows each proposal, except for illegal ones (lw = -inf) before the chain has begun: *states <= n
 * of them. Of these, in order (each array has room for n, or is NULL): index  which proposal of this batch is the
 * current state; -1: the state from before the batch lw_out (states), rows_out (states, k)   the series of the chain
 * ERR_RUN for NaN or +inf among lw (nothing after that proposal is done). No allocation. */
int nmcmc_scan(nmcmc *c, long n, const double *lw, const double *rows, const double *u, long *states, long *index,
               double *lw_out, double *rows_out, err *e);

/* Accepted moves per proposal so far; the same from probabilities instead of outcomes (less noise). NaN before the
 * second. */
double nmcmc_acceptance(const nmcmc *c);
double nmcmc_expected_acceptance(const nmcmc *c);

/* Acceptance of the stationary chain from n draws of q alone: sum_ij min(w_i, w_j)/(n sum w). Sorts a copy: NaN without
 * memory, n = 0 or no weight. */
double nmcmc_acceptance_of(long n, const double *lw);

/* Slowest relaxation of the chain, exact where max_lw is the largest lw of any configuration:
 * eigenvalue 1 - Z/w_max, tau_exp = -1/ln(1 - Z/w_max). From a sample's maximum: a lower bound. */
double nmcmc_relaxation(double lnZ, double max_lw);
double nmcmc_tau_exp(double lnZ, double max_lw);

#endif

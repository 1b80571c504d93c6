/* bridge.h: lnZ from draws of both the network q and the target p: Bennett's acceptance ratio, the bracket around lnZ
 * and the mode-drop test. All take log weights lw = -beta H - ln q: lwq of n_q independent draws from q (lw = -inf:
 * illegal, counts), lwp of n_p draws from p, in the order of their chain (lw = +inf: a configuration that q cannot
 * make, counts).
 *
 * tau: integrated autocorrelation time of the p draws: .5 if they are independent, 0: measured by the Gamma method on
 * the very series whose mean enters. Errors assume p draws independent of the q draws; for a chain made from the same
 * proposals use bridge_joint. Local, serial. ERR_RUN: NaN, lwq = +inf, lwp = -inf, an empty side, no memory. */
#ifndef ANALYSIS_BRIDGE_H
#define ANALYSIS_BRIDGE_H

#include "analysis/function.h"
#include "base/err.h"

typedef struct bridge_data {
  long nq, np;
  const double *lwq, *lwp; /* not owned */
  double tau;
} bridge_data;

typedef struct bridge_result {
  double lnZ, error;
  double tau;         /* used for the p draws */
  double overlap;     /* sum a(1-a) + sum b(1-b)/(2 tau): at best a quarter of all draws, too few below 25 */
  const char *reason; /* NULL, or why lnZ should not be trusted */
} bridge_result;
int bridge_lnZ(const bridge_data *d, bridge_result *r, err *e);

/* E_q[lw] <= lnZ <= E_p[lw], each with one sigma; lower = -inf (upper = +inf) where a draw is illegal. A gap that more
 * draws do not close is a missing mode: upper - lower = KL(q||p) + KL(p||q). */
typedef struct bridge_bracket {
  double lower, lower_error, upper, upper_error;
} bridge_bracket;
int bridge_bounds(const bridge_data *d, bridge_bracket *b, err *e);

/* R = Zhat_q/Zhat_p with Zhat_q = E_q[w] and 1/Zhat_p = E_p[1/w]: tends to the p-mass of q's support. */
typedef struct bridge_ratio {
  double lnZ_q, lnZ_q_error, lnZ_p, lnZ_p_error;
  double ratio, ratio_error;
} bridge_ratio;
int bridge_mode_drop(const bridge_data *d, bridge_ratio *r, err *e);

/* Functions of x = (means over p of g_0 .. g_{k-1}, lnZ by the bridge): g (np, k), with errors from a jackknife that
 * deletes the b-th of `blocks` contiguous blocks from q draws and p draws at once; valid also when the chain was made
 * from the q draws (in the same order), as in NMCMC. v[nf]; cov (nf, nf) or NULL. Block estimates of lnZ come from the
 * second-order expansion of the bridge equation around its root: exact to O(1/blocks^3). */
int bridge_joint(const bridge_data *d, int k, const double *g, int blocks, int nf, const stat_fn *const *f,
                 const void *ctx, stat_value *v, double *cov, err *e);

#endif

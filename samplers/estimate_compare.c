/* estimate_compare.c: estimate_compare (see estimate.h): the network's weights of configurations of a Markov chain:
 *   E_q[lw] <= lnZ <= E_p[lw]  and  R = Zhat_q/Zhat_p, the share of p that q covers. */
#include <math.h>
#include <stdlib.h>

#include "analysis/bridge.h"
#include "analysis/pareto.h"
#include "samplers/estimate.h"

/* The ratio averages 1/w over the chain: where that is heavy-tailed it has no error, and a value below one no meaning.
 */
static int put_mode_ratio(run *r, const bridge_data *b, const bridge_ratio *ratio, err *e) {
  double k, *inverse = malloc((size_t)b->np * sizeof *inverse);
  if (!inverse) return err_set(e, ERR_RUN, "comparison: out of memory");
  for (long i = 0; i < b->np; i++) inverse[i] = -b->lwp[i];
  int bad = pareto_k_of(&k, b->np, inverse, e);
  free(inverse);
  if (bad) return bad;
  bool heavy = pareto_verdict(k) == STAT_REFUSE;
  if (!heavy && 1 - ratio->ratio > 5 * ratio->ratio_error)
    run_warn(r, "the network covers only %.3g of the Markov chain's configurations (mode_ratio): its lnZ is too low",
             ratio->ratio);
  return estimate_number(r, "mode_ratio", ratio->ratio, heavy ? NAN : ratio->ratio_error, 1,
                         heavy ? "Zhat_q/Zhat_p; 1/w is heavy-tailed over the Markov chain: no error"
                               : "Zhat_q/Zhat_p: share of the Markov chain's configurations that the network covers",
                         e);
}

int estimate_compare(run *r, const ar *a, const nn_real *theta, const estimate_data *d, long n, const int8_t *s,
                     double exact_lnZ, double *lw, err *e) {
  size_t shown = n < ESTIMATE_WEIGHTS ? (size_t)n : ESTIMATE_WEIGHTS;
  if (draws_weigh(r, a, theta, n, s, lw, e) ||
      run_series(r, "lnw.chain", H5_F64, 1, &shown, lw, "1", "log weights ln w over the Markov chain", e) ||
      !run_root(r) || !d->n)
    return e->code;
  bridge_data b = {.nq = d->n, .np = n, .lwq = d->lw, .lwp = lw};
  bridge_ratio ratio;
  bridge_bracket bounds;
  bridge_result z;
  if (bridge_mode_drop(&b, &ratio, e) || bridge_bounds(&b, &bounds, e) || bridge_lnZ(&b, &z, e)) return e->code;
  estimate_number(r, "lnZ_bridge", z.lnZ, z.reason ? NAN : z.error, exact_lnZ,
                  "Bennett's bridge between draws and Markov chain", e);
  estimate_number(r, "lnZ_upper", bounds.upper, bounds.upper_error, NAN,
                  "E_p[lw] over the Markov chain: an UPPER BOUND of lnZ", e);
  return put_mode_ratio(r, &b, &ratio, e);
}

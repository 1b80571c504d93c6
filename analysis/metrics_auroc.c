/* metrics_auroc.c: area under the receiver operating characteristic, i.e. Mann and Whitney's U,
 *   AUROC = [ sum over pairs (positive, negative) of 1 if s+ > s-, 1/2 if s+ = s- ] / (P N),
 * as an integer 2U: over groups of equal scores, ascending, 2U += p (2 n_below + n). */
#include <math.h>

#include "analysis/metrics_lanes.h"

static void auroc(const metrics_rank *r, const uint16_t *w, double at, double *value) {
  metrics_u32 below = {0}, all = {0}, side[2] = {{0}, {0}};
  metrics_u64 u2 = {0};
  for (long i = 0; i < r->m; i++) {
    uint32_t t = r->entry[i];
    side[t >> 1 & 1] += metrics_weight(w, t);
    if (!(t & 1)) continue;
    metrics_u32 none = {0};
    if (t & 2 || i == 0 || !(r->entry[i - 1] & 1)) { /* else a single negative: nothing to count */
      u2 += METRICS_WIDE(side[1]) * (2 * METRICS_WIDE(below) + METRICS_WIDE(side[0]));
      all += side[1];
      side[1] = none;
    }
    below += side[0];
    side[0] = none;
  }
  for (int l = 0; l < METRICS_LANES; l++) {
    double pairs = (double)all[l] * (double)below[l];
    value[l] = pairs > 0 ? .5 * (double)u2[l] / pairs : NAN;
  }
}

const metrics_binary metrics_auroc = {"auroc", "area under the receiver operating characteristic", auroc};

/* metrics_average_precision.c: AP = sum over thresholds (recall_i - recall_{i-1}) precision_i, groups of equal scores
 * taken at once: the area under the steps of the precision-recall curve, without interpolation. */
#include <math.h>

#include "analysis/metrics_lanes.h"

static void average_precision(const metrics_rank *r, const uint16_t *w, double at, double *value) {
  metrics_cut c = {0};
  double sum[METRICS_LANES] = {0};
  for (long i = r->m - 1; metrics_cut_next(r, w, &i, &c);)
    for (int l = 0; l < METRICS_LANES; l++)
      if (c.tp_here[l]) sum[l] += (double)c.tp_here[l] * ((double)c.tp[l] / ((double)c.tp[l] + (double)c.fp[l]));
  for (int l = 0; l < METRICS_LANES; l++) value[l] = c.tp[l] ? sum[l] / (double)c.tp[l] : NAN;
}

const metrics_binary metrics_average_precision = {"average_precision", "area under the precision-recall steps",
                                                  average_precision};

/* metrics_sensitivity.c: the largest sensitivity TP/P among thresholds whose specificity 1 - FP/N is at least `at`. */
#include <math.h>

#include "analysis/metrics_lanes.h"

static void sensitivity(const metrics_rank *r, const uint16_t *w, double at, double *value) {
  metrics_u32 positive, negative;
  metrics_cut c = {0};
  double best[METRICS_LANES] = {0}, allowed[METRICS_LANES];
  metrics_totals(r, w, &positive, &negative);
  for (int l = 0; l < METRICS_LANES; l++) allowed[l] = (1 - at) * (double)negative[l] * (1 + 1e-12);
  for (long i = r->m - 1; metrics_cut_next(r, w, &i, &c);)
    for (int l = 0; l < METRICS_LANES; l++)
      if ((double)c.fp[l] <= allowed[l]) best[l] = (double)c.tp[l];
  for (int l = 0; l < METRICS_LANES; l++) value[l] = positive[l] && negative[l] ? best[l] / (double)positive[l] : NAN;
}

const metrics_binary metrics_sensitivity = {"sensitivity", "sensitivity at specificity `at` or better", sensitivity};

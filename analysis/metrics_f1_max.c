/* metrics_f1_max.c: the largest F1 = 2 TP/(2 TP + FP + FN) over all thresholds. */
#include <math.h>

#include "analysis/metrics_lanes.h"

static void f1_max(const metrics_rank *r, const uint16_t *w, double at, double *value) {
  metrics_u32 positive, negative;
  metrics_cut c = {0};
  double best[METRICS_LANES] = {0};
  metrics_totals(r, w, &positive, &negative);
  for (long i = r->m - 1; metrics_cut_next(r, w, &i, &c);)
    for (int l = 0; l < METRICS_LANES; l++)
      if (c.tp_here[l])
        best[l] = fmax(best[l], 2. * c.tp[l] / ((double)c.tp[l] + (double)c.fp[l] + (double)positive[l]));
  for (int l = 0; l < METRICS_LANES; l++) value[l] = positive[l] ? best[l] : NAN;
}

const metrics_binary metrics_f1_max = {"f1_max", "largest F1 over all thresholds", f1_max};

/* binning.c: binning_add, binning_summarise.
 *
 * Flyvbjerg & Petersen, J. Chem. Phys. 91 (1989) 461: error_l^2 = sum_b (x_b - mean)^2/(n_l (n_l - 1)) over the n_l
 * bins of B = 2^l. Plateau: the first level with B^3 > 2 n (2 tau_l)^2, 2 tau_l = (error_l/error_0)^2, where the
 * systematic error of a finite bin falls below the statistical error of its error (Lee et al., PRE 83 (2011) 066706).
 */
#include "analysis/binning.h"

#include <math.h>

void binning_add(binning *b, double x) {
  unsigned long long i = (unsigned long long)b->n;
  b->n++;
  for (int l = 0; l < BINNING_LEVELS; l++, i >>= 1) {
    double d = x - b->mean[l];
    b->bins[l]++;
    b->mean[l] += d / b->bins[l];
    b->squares[l] += d * (x - b->mean[l]);
    if (!(i & 1)) { /* first of a pair: waits */
      b->open[l] = x;
      return;
    }
    x = .5 * (b->open[l] + x);
  }
}

static double error_at(const binning *b, int l) {
  return sqrt(b->squares[l] / (b->bins[l] * (b->bins[l] - 1)));
}

binning_result binning_summarise(const binning *b) {
  binning_result r = {.n = b->n, .mean = b->n > 0 ? b->mean[0] : NAN, .error = NAN, .error_error = NAN, .tau = NAN};
  r.reason = "fewer than two entries";
  while (r.levels < BINNING_LEVELS && b->bins[r.levels] >= 2) r.each[r.levels] = error_at(b, r.levels), r.levels++;
  if (!r.levels) return r;
  r.reason = "no plateau: the series is too short for its correlations";
  for (r.level = 0; r.level < r.levels; r.level++) {
    double ratio = r.each[0] > 0 ? r.each[r.level] / r.each[0] : 1, two_tau = ratio * ratio, bin = ldexp(1, r.level);
    if (bin * bin * bin > 2 * b->n * two_tau * two_tau && b->bins[r.level] >= 16) {
      r.reason = 0;
      break;
    }
  }
  if (r.reason) /* the best there is: the last level that still has 16 bins */
    for (r.level = r.levels - 1; r.level && b->bins[r.level] < 16;) r.level--;
  double ratio = r.each[0] > 0 ? r.each[r.level] / r.each[0] : 1;
  r.error = r.each[r.level], r.tau = .5 * ratio * ratio;
  r.error_error = r.error / sqrt(2 * (b->bins[r.level] - 1));
  return r;
}

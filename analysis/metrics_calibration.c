/* metrics_calibration.c: metrics_calibrate.
 *
 * Brier score mean (p - y)^2; ECE = sum_b (n_b/n) |mean p_b - rate_b| (Naeini, Cooper, Hauskrecht, AAAI 2015), MCE its
 * maximum; Murphy, J. Appl. Meteorol. 12 (1973) 595: reliability sum_b (n_b/n)(p_b - rate_b)^2, resolution
 * sum_b (n_b/n)(rate_b - rate)^2, uncertainty rate (1 - rate). */
#include <math.h>
#include <stdlib.h>

#include "analysis/metrics.h"

typedef struct item {
  double p;
  long row;
} item;

static int ascending(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->p != y->p) return x->p < y->p ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

static void add(metrics_bin *b, double p, int y) {
  b->mean_p += p, b->rate += y, b->count++;
}

static long collect(long n, const double *p, const unsigned char *label, item *x, err *e) {
  long m = 0;
  for (long i = 0; i < n; i++) {
    if (label[i] == METRICS_MISSING) continue;
    if (!(p[i] >= 0 && p[i] <= 1)) return err_set(e, ERR_RUN, "calibration: row %ld predicts %g", i, p[i]), 0;
    x[m++] = (item){p[i], i};
  }
  if (!m) err_set(e, ERR_RUN, "calibration: no labels");
  return m;
}

static void sum_up(int bins, const metrics_bin *bin, double m, metrics_calibration *c) {
  double rate = 0;
  for (int b = 0; b < bins; b++) rate += bin[b].count * bin[b].rate / m;
  for (int b = 0; b < bins; b++) {
    double share = bin[b].count / m, gap = fabs(bin[b].mean_p - bin[b].rate);
    if (!bin[b].count) continue;
    c->ece += share * gap, c->mce = fmax(c->mce, gap);
    c->reliability += share * gap * gap, c->resolution += share * (bin[b].rate - rate) * (bin[b].rate - rate);
  }
  c->uncertainty = rate * (1 - rate);
}

int metrics_calibrate(long n, const double *p, const unsigned char *label, int bins, bool equal_mass, metrics_bin *out,
                      metrics_calibration *c, err *e) {
  if (bins < 1 || n < 1) return err_set(e, ERR_RUN, "calibration: %ld rows in %d bins", n, bins);
  metrics_bin *bin = calloc((size_t)bins, sizeof *bin);
  item *x = malloc((size_t)n * sizeof *x);
  *c = (metrics_calibration){0};
  long m = bin && x ? collect(n, p, label, x, e) : 0;
  if (!bin || !x) err_set(e, ERR_RUN, "calibration: no memory for %ld rows", n);
  if (equal_mass && !e->code) qsort(x, (size_t)m, sizeof *x, ascending);
  for (long i = 0; i < m && !e->code; i++) {
    int y = label[x[i].row] == 1;
    long b = equal_mass ? i * bins / m : (long)(x[i].p * bins);
    add(&bin[b < bins ? b : bins - 1], x[i].p, y);
    c->brier += (x[i].p - y) * (x[i].p - y) / (double)m;
  }
  for (int b = 0; !e->code && b < bins; b++) {
    bin[b].mean_p /= bin[b].count ? bin[b].count : NAN, bin[b].rate /= bin[b].count ? bin[b].count : 1;
    if (out) out[b] = bin[b];
  }
  if (!e->code) sum_up(bins, bin, (double)m, c);
  free(bin), free(x);
  return e->code;
}

/* figures.c: panels that the pictures of several apps share (see figures.h). */
#include "apps/figures.h"

#include <math.h>

/* KL divergence where lnZ is known, else the loss, after beta has reached its final value; means over equal spans. */
void figure_training(plot *p, const trainer *t, double beta, double lnZ, int sites) {
  enum { POINTS = 160 };
  double step[POINTS], value[POINTS], error[POINTS], ess[POINTS], flat[2], ends[2];
  const double *curve = train_curve(t);
  long first = 0, n = 0, steps = train_steps(t);
  bool known = !isnan(lnZ);
  double scale = known ? 1 : 1 / (beta * sites);
  while (first < steps && curve[first * TRAIN_ROW + TRAIN_BETA] < beta * (1 - 1e-3)) first++;
  long span = (steps - first + POINTS - 1) / POINTS;
  for (long i = first; span && i + span <= steps; i += span, n++) {
    double sum = 0, square = 0, fraction = 0;
    for (long k = i; k < i + span; k++) {
      double loss = curve[k * TRAIN_ROW + TRAIN_LOSS];
      sum += loss, square += loss * loss, fraction += curve[k * TRAIN_ROW + TRAIN_ESS];
    }
    double mean = sum / (double)span;
    step[n] = (double)i + 0.5 * (double)span;
    value[n] = scale * (mean + (known ? lnZ : 0));
    error[n] = span > 1 ? scale * sqrt(fmax(0, square / (double)span - mean * mean) / (double)(span - 1)) : NAN;
    ess[n] = fraction / (double)span;
  }
  plot_panel(p, "Training", "step", known ? "KL(q||p) [nats]" : "variational free energy per site [J]", 0, known);
  plot_curve(p, known ? "mean of ln q - ln w + exact lnZ" : "upper bound", PLOT_POINTS, (size_t)n, step, value, error);
  plot_panel(p, "Training", "step", "effective fraction of the batch", 0, 0);
  plot_curve(p, "ESS / n", PLOT_LINE, (size_t)n, step, ess, NULL);
  flat[0] = flat[1] = 1, ends[0] = (double)first, ends[1] = (double)steps;
  plot_curve(p, NULL, PLOT_GUIDE, 2, ends, flat, NULL);
}

static void histogram(plot *p, const char *label, long n, const double *lw, double shift, double from, double to) {
  enum { BINS = 60 };
  double x[BINS], y[BINS] = {0}, width = (to - from) / BINS;
  for (int i = 0; i < BINS; i++) x[i] = from + (i + 0.5) * width;
  for (long i = 0; i < n; i++) {
    double v = (lw[i] - shift - from) / width;
    if (v >= 0 && v < BINS) y[(int)v] += 1 / ((double)n * width);
  }
  plot_curve(p, label, PLOT_STEPS, BINS, x, y, NULL);
}

void figure_weights(plot *p, double lnZ, long n, const double *lw, long np, const double *lwp) {
  double mean = 0, var = 0;
  for (long i = 0; i < n; i++) mean += lw[i] / (double)n;
  for (long i = 0; i < n; i++) var += (lw[i] - mean) * (lw[i] - mean) / (double)n;
  double shift = isnan(lnZ) ? mean : lnZ, reach = fmax(6 * sqrt(var), 1e-6);
  plot_panel(p, "Log weights", isnan(lnZ) ? "ln w - mean" : "ln w - ln Z", "density", 0, 0);
  histogram(p, "network draws", n, lw, shift, mean - shift - reach, mean - shift + reach);
  if (np) histogram(p, "Markov chain", np, lwp, shift, mean - shift - reach, mean - shift + reach);
}

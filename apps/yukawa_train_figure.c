/* yukawa_train_figure.c: the picture of app yukawa-train (see yukawa_train.h). */
#include <math.h>
#include <stdlib.h>

#include "apps/yukawa_train.h"
#include "base/plot.h"
#include "nn/fit.h"

static const char kappa_axis[] = "hopping parameter kappa";

static void estimates(plot *p, const yukawa_verdict *net, const yukawa_verdict *oracle) {
  size_t n = (size_t)net->n;
  plot_panel(p, "Estimates (bars: sd of one configuration)", kappa_axis, "estimate of kappa", 0, 0);
  plot_curve(p, "exact", PLOT_LINE, n, net->kappa, net->kappa, NULL);
  plot_curve(p, "network", PLOT_POINTS, n, net->kappa, net->value[YUKAWA_MEAN], net->value[YUKAWA_SD]);
  plot_curve(p, "likelihood", PLOT_POINTS, n, oracle->kappa, oracle->value[YUKAWA_MEAN], oracle->value[YUKAWA_SD]);
}

static void errors(plot *p, const yukawa_verdict *net, const yukawa_verdict *oracle) {
  size_t n = (size_t)net->n;
  double ends[2] = {net->kappa[0], net->kappa[n - 1]}, none[2] = {0, 0}, *low = malloc(sizeof *low * n);
  plot_panel(p, "Errors (grey: Cramer-Rao bound, bars: sd)", kappa_axis, "estimate minus kappa", 0, 0);
  plot_curve(p, "exact", PLOT_LINE, 2, ends, none, NULL);
  plot_curve(p, "network", PLOT_POINTS, n, net->kappa, net->value[YUKAWA_BIAS], net->value[YUKAWA_SD]);
  plot_curve(p, "likelihood", PLOT_POINTS, n, oracle->kappa, oracle->value[YUKAWA_BIAS], oracle->value[YUKAWA_SD]);
  for (size_t k = 0; k < n && low; k++) low[k] = -net->value[YUKAWA_SIGMA][k];
  plot_curve(p, NULL, PLOT_GUIDE, n, net->kappa, net->value[YUKAWA_SIGMA], NULL);
  if (low) plot_curve(p, NULL, PLOT_GUIDE, n, net->kappa, low, NULL);
  free(low);
}

static void efficiency(plot *p, const yukawa_verdict *net, const yukawa_verdict *oracle) {
  size_t n = (size_t)net->n;
  double ends[2] = {net->kappa[0], net->kappa[n - 1]}, one[2] = {1, 1};
  plot_panel(p, "sd / |slope| over the Cramer-Rao bound", kappa_axis, "r", 0, 1);
  plot_curve(p, "bound", PLOT_LINE, 2, ends, one, NULL);
  plot_curve(p, "network", PLOT_POINTS, n, net->kappa, net->value[YUKAWA_RATIO], net->error[YUKAWA_RATIO]);
  plot_curve(p, "likelihood", PLOT_POINTS, n, oracle->kappa, oracle->value[YUKAWA_RATIO], oracle->error[YUKAWA_RATIO]);
}

static void training(plot *p, const double *curve, long epochs, int row) {
  size_t n = (size_t)epochs;
  double *x = malloc(sizeof *x * 2 * (n + 1)), *y = x + n;
  if (!x || !n) {
    free(x);
    return;
  }
  plot_panel(p, "Training", "epoch", "rms of (estimate - kappa) / bound", 0, 1);
  for (size_t i = 0; i < n; i++) x[i] = (double)i + 1, y[i] = curve[i * (size_t)row + NN_FIT_ROW];
  plot_curve(p, "validation data", PLOT_LINE, n, x, y, NULL);
  free(x);
}

void yukawa_train_figure(run *r, const yukawa_verdict *net, const yukawa_verdict *oracle, const double *curve,
                         long epochs, int row) {
  plot *p = plot_new("Regression of the hopping parameter", 2);
  if (p) estimates(p, net, oracle), errors(p, net, oracle), efficiency(p, net, oracle), training(p, curve, epochs, row);
  run_figure(r, p, "regression.png");
}

/* eit_figures.c: pictures of app eit: an unseen patient in time, agreement of tidal volumes, answers against truths. */
#include <math.h>
#include <stdlib.h>

#include "apps/eit.h"
#include "base/plot.h"

/* Truth and answer of output `at` for the middle patient. */
static void in_time(plot *p, const eit_verdict *v, int at, int truth, double *x) {
  const eit_task *t = v->test->t;
  int T = t->d->l.frames, lag = (int)t->c.lag, n = T - lag;
  long i = v->test->patients / 2;
  char label[80];
  bool normal = eit_normalised(truth);
  snprintf(label, sizeof label, "%s [%s]", eit_truth_names[truth], normal ? "sd" : eit_truth_units[truth]);
  for (int f = 0; f < n; f++) {
    x[f] = f / t->d->rate, x[n + f] = eit_true(v, i, f + lag, truth);
    x[2 * n + f] = eit_answer(v, at, i, f + lag);
  }
  plot_panel(p, "An unseen patient", "time [s]", label, 0, 0);
  plot_curve(p, "truth", PLOT_LINE, (size_t)n, x, x + n, NULL);
  plot_curve(p, "network", PLOT_LINE, (size_t)n, x, x + 2 * n, NULL);
}

static void agreement(plot *p, const eit_breaths_found *b) {
  size_t n = (size_t)b->n;
  double *x = malloc(sizeof *x * 2 * (n + 1)), low = INFINITY, high = -INFINITY, sum = 0, square = 0;
  if (!x || !n) {
    free(x);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    double d = b->net[i] - b->truth[i];
    x[i] = (b->net[i] + b->truth[i]) / 2, x[n + i] = d, sum += d, square += d * d;
    low = fmin(low, x[i]), high = fmax(high, x[i]);
  }
  double bias = sum / (double)n, sd = sqrt(fmax(0, square / (double)n - bias * bias));
  plot_panel(p, "Bland-Altman: tidal volume of all unseen breaths", "mean of network and truth [mL]",
             "network - truth [mL]", 0, 0);
  plot_curve(p, "breaths", PLOT_POINTS, n, x, x + n, NULL);
  for (int k = -1; k <= 1; k++) {
    double y = bias + 1.96 * k * sd, at[2] = {low, high}, line[2] = {y, y};
    plot_curve(p, k ? NULL : "bias and 1.96 sd", PLOT_GUIDE, 2, at, line, NULL);
  }
  plot_panel(p, "Tidal volume of all unseen breaths", "truth [mL]", "estimate [mL]", 0, 0);
  plot_curve(p, "network", PLOT_POINTS, n, b->truth, b->net, NULL);
  plot_curve(p, "one line for all", PLOT_POINTS, n, b->truth, b->line, NULL);
  double ends[2] = {low, high};
  plot_curve(p, NULL, PLOT_GUIDE, 2, ends, ends, NULL);
  free(x);
}

void eit_figures(run *r, const eit_verdict *v) {
  const eit_task *t = v->test->t;
  double *x = malloc(sizeof *x * 3 * (size_t)t->d->l.frames);
  plot *p = x ? plot_new("Answers on unseen patients", 2) : NULL;
  for (int b = 0, at = 0; p && b < t->branches; b++)
    for (int q = 0; q < t->branch[b].outputs; q++, at++)
      if (!t->branch[b].shuffled && t->branch[b].image) in_time(p, v, at, t->branch[b].truth[q], x);
  if (p) agreement(p, &v->breath);
  run_figure(r, p, "figure.png");
  free(x);
}

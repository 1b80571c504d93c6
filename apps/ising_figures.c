/* ising_figures.c: pictures of a run of app ising (rank 0 draws; see ising.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/ising.h"
#include "base/plot.h"

/* KL divergence where lnZ is known, else the loss, after beta has reached its final value; means over equal spans. */
static void training(plot *p, const ising *m, const exact_ising *x, const trainer *t) {
  enum { POINTS = 160 };
  double step[POINTS], value[POINTS], error[POINTS], ess[POINTS], flat[2], ends[2];
  const double *curve = train_curve(t);
  long first = 0, n = 0, steps = train_steps(t);
  bool known = !isnan(x->lnZ);
  double scale = known ? 1 : 1 / (m->beta * m->lat->n);
  while (first < steps && curve[first * TRAIN_ROW + TRAIN_BETA] < m->beta * (1 - 1e-3)) first++;
  long span = (steps - first + POINTS - 1) / POINTS;
  for (long i = first; span && i + span <= steps; i += span, n++) {
    double sum = 0, square = 0, fraction = 0;
    for (long k = i; k < i + span; k++) {
      double loss = curve[k * TRAIN_ROW + TRAIN_LOSS];
      sum += loss, square += loss * loss, fraction += curve[k * TRAIN_ROW + TRAIN_ESS];
    }
    double mean = sum / (double)span;
    step[n] = (double)i + 0.5 * (double)span;
    value[n] = scale * (mean + (known ? x->lnZ : 0));
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

static void weights(plot *p, const exact_ising *x, const estimate_data *d, const reference *mc) {
  long np;
  const double *lwp = reference_weights(mc, &np);
  double mean = 0, var = 0;
  for (long i = 0; i < d->n; i++) mean += d->lw[i] / (double)d->n;
  for (long i = 0; i < d->n; i++) var += (d->lw[i] - mean) * (d->lw[i] - mean) / (double)d->n;
  double shift = isnan(x->lnZ) ? mean : x->lnZ, reach = fmax(6 * sqrt(var), 1e-6);
  plot_panel(p, "Log weights", isnan(x->lnZ) ? "ln w - mean" : "ln w - ln Z", "density", 0, 0);
  histogram(p, "network draws", d->n, d->lw, shift, mean - shift - reach, mean - shift + reach);
  if (np) histogram(p, "Markov chain", np, lwp, shift, mean - shift - reach, mean - shift + reach);
}

static void configurations(plot *p, const ising *m, const estimate_data *d) {
  const lattice *l = m->lat;
  int across = d->nexamples > 1 ? 2 : 1, down = d->nexamples > 2 ? 2 : 1, gap = l->cols / 16 + 1;
  size_t rows = (size_t)(down * l->rows + (down - 1) * gap), cols = (size_t)(across * l->cols + (across - 1) * gap);
  double *z = calloc(rows * cols, sizeof *z);
  for (int k = 0; z && k < down * across && k < d->nexamples; k++)
    for (int i = 0; i < l->n; i++)
      z[(size_t)(k / across * (l->rows + gap) + i / l->cols) * cols +
        (size_t)(k % across * (l->cols + gap) + i % l->cols)] = d->example[(size_t)k * l->n + i];
  plot_panel(p, "Drawn configurations", "column", "row", 0, 0);
  if (z) plot_image(p, NULL, rows, cols, z);
  free(z);
}

static void scan(run *r, const estimate_ising *d) {
  const ising *m = d->m;
  static const struct {
    int q;
    const char *label;
    size_t exact;
  } s[] = {{THERMO_f, "free energy f [J]", offsetof(exact_ising, f)},
           {THERMO_e, "energy e [J]", offsetof(exact_ising, e)},
           {THERMO_c, "specific heat c", offsetof(exact_ising, c)},
           {THERMO_s, "entropy s", offsetof(exact_ising, s)},
           {THERMO_m_abs, "magnetisation <|m|>", offsetof(exact_ising, m_abs)}};
  enum { FINE = 200 };
  double x[FINE], y[FINE], low = d->point[0].beta, high = d->point[d->npoints - 1].beta;
  double *b = malloc(3 * (size_t)d->npoints * sizeof *b), *v = b + d->npoints, *err_v = v + d->npoints;
  plot *p = plot_new("One network, many couplings: reweighted draws over exact curves", 2);
  exact_ising exact;
  const char *how;
  err none = {0};
  for (unsigned i = 0; b && p && i <= sizeof s / sizeof *s; i++) {
    bool ess = i == sizeof s / sizeof *s;
    plot_panel(p, NULL, "beta [1/J]", ess ? "effective fraction ESS/n" : s[i].label, 0, 0);
    for (int k = 0; k < FINE && !ess; k++) {
      x[k] = low + (high - low) * k / (FINE - 1);
      y[k] = exact_any(&exact, &how, m, x[k], &none) ? NAN : *(double *)((char *)&exact + s[i].exact);
      if (m->lat->n <= 24 && !m->lat->rows) break; /* enumeration: only at the points */
    }
    if (!ess && !isnan(y[FINE / 2])) plot_curve(p, "exact", PLOT_LINE, FINE, x, y, NULL);
    for (int k = 0; k < d->npoints; k++) {
      bool refuse = d->point[k].verdict == STAT_REFUSE;
      b[k] = d->point[k].beta;
      v[k] = ess ? d->point[k].ess : refuse ? NAN : d->point[k].v[s[i].q].corrected;
      err_v[k] = ess || refuse ? NAN : d->point[k].v[s[i].q].error;
    }
    plot_curve(p, ess ? NULL : "network, reweighted", ess ? PLOT_LINE : PLOT_POINTS, (size_t)d->npoints, b, v,
               ess ? NULL : err_v);
  }
  free(b);
  run_figure(r, p, "scan.png");
}

void ising_figures(run *r, const estimate_ising *o, const trainer *t, const estimate_data *d, const reference *mc) {
  const ising *m = o->m;
  char title[160];
  if (!run_root(r) || (train_steps(t) <= 1 && !d->n)) return;
  snprintf(title, sizeof title, "%s, %d sites, beta = %.6g", m->name, m->lat->n, m->beta);
  plot *p = plot_new(title, 2);
  if (train_steps(t) > 1) training(p, m, &o->x, t);
  if (d->n) weights(p, &o->x, d, mc);
  if (d->n && m->lat->rows) configurations(p, m, d);
  run_figure(r, p, "figure.png");
  if (o->npoints > 1) scan(r, o);
}

/* heisenberg_figures.c: pictures of a run of app heisenberg (rank 0 draws; see heisenberg.h). */
#include <math.h>
#include <stdlib.h>

#include "apps/figures.h"
#include "apps/heisenberg.h"
#include "base/plot.h"

static void configurations(plot *p, const trotter *t, const estimate_data *d) {
  plot_panel(p, "A drawn configuration", "site", "row (imaginary time)", 0, 0);
  double *z = malloc((size_t)t->n * sizeof *z);
  for (int i = 0; z && i < t->n; i++) z[i] = d->example[i];
  if (z) plot_image(p, NULL, (size_t)t->rows, (size_t)t->sites, z);
  free(z);
}

void heisenberg_figures(run *r, const estimate_trotter *o, const trainer *t, const estimate_data *d, long np,
                        const double *lwp) {
  char title[160];
  double lnZ = o->exact.lnZ;
  if (!run_root(r) || (train_steps(t) <= 1 && !d->n)) return;
  snprintf(title, sizeof title, "%s chain, %d sites, %d rows, beta = %.6g", o->t->name, o->t->sites, o->t->rows,
           o->t->beta);
  plot *p = plot_new(title, 2);
  if (train_steps(t) > 1) figure_training(p, t, o->t->beta, lnZ, o->t->sites);
  if (d->n) figure_weights(p, lnZ, d->n, d->lw, np, lwp);
  if (d->n) configurations(p, o->t, d);
  run_figure(r, p, "figure.png");
}

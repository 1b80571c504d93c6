/* ising_figures.c: pictures of a run of app ising (rank 0 draws; see ising.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/figures.h"
#include "apps/ising.h"
#include "base/plot.h"

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

/* Exact solutions from low to high, of the lattice and of the infinite one. */
typedef struct curves {
  int n;
  double beta[200];
  exact_ising finite[200], infinite[200];
} curves;

static void solve(curves *c, const ising *m, double low, double high) {
  const char *how;
  err none = {0};
  c->n = m->lat->n <= 24 ? 20 : 200; /* enumeration takes a while */
  for (int k = 0; k < c->n; k++) {
    c->beta[k] = low + (high - low) * k / (c->n - 1);
    if (exact_any(&c->finite[k], &how, m, c->beta[k], &none)) c->finite[k] = exact_unknown(), none = (err){0};
    if (exact_infinite_any(&c->infinite[k], m, c->beta[k], &none)) c->infinite[k] = exact_unknown(), none = (err){0};
  }
}

/* Of the quantity at `offset`; the infinite lattice where the finite one has no closed form. */
static void exact_curve(plot *p, const curves *c, size_t offset) {
  double finite[200], infinite[200];
  for (int k = 0; k < c->n; k++) {
    memcpy(&finite[k], (const char *)&c->finite[k] + offset, sizeof *finite);
    memcpy(&infinite[k], (const char *)&c->infinite[k] + offset, sizeof *infinite);
  }
  bool known = !isnan(finite[0]);
  if (known || !isnan(infinite[0]))
    plot_curve(p, known ? "exact" : "infinite lattice", PLOT_LINE, (size_t)c->n, c->beta, known ? finite : infinite,
               NULL);
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
  curves *c = malloc(sizeof *c);
  double *b = malloc(3 * (size_t)d->npoints * sizeof *b), *v = b + d->npoints, *err_v = v + d->npoints;
  plot *p = plot_new("One network, many couplings: reweighted draws over exact curves", 2);
  if (c) solve(c, m, d->point[0].beta, d->point[d->npoints - 1].beta);
  for (unsigned i = 0; b && c && p && i <= sizeof s / sizeof *s; i++) {
    bool ess = i == sizeof s / sizeof *s;
    plot_panel(p, NULL, "beta [1/J]", ess ? "effective fraction ESS/n" : s[i].label, 0, 0);
    if (!ess) exact_curve(p, c, s[i].exact);
    for (int k = 0; k < d->npoints; k++) {
      bool refuse = d->point[k].verdict == STAT_REFUSE;
      b[k] = d->point[k].beta;
      v[k] = ess ? d->point[k].ess : refuse ? NAN : d->point[k].v[s[i].q].corrected;
      err_v[k] = ess || refuse ? NAN : d->point[k].v[s[i].q].error;
    }
    plot_curve(p, ess ? NULL : "network, reweighted", ess ? PLOT_LINE : PLOT_POINTS, (size_t)d->npoints, b, v,
               ess ? NULL : err_v);
  }
  free(b), free(c);
  run_figure(r, p, "scan.png");
}

void ising_figures(run *r, const estimate_ising *o, const trainer *t, const estimate_data *d, const reference *mc) {
  const ising *m = o->m;
  char title[160];
  long np;
  const double *lwp = reference_weights(mc, &np);
  if (!run_root(r) || (train_steps(t) <= 1 && !d->n)) return;
  snprintf(title, sizeof title, "%s, %d sites, beta = %.6g", m->name, m->lat->n, m->beta);
  plot *p = plot_new(title, 2);
  if (train_steps(t) > 1) figure_training(p, t, m->beta, o->x.lnZ, m->lat->n);
  if (d->n) figure_weights(p, o->x.lnZ, d->n, d->lw, np, lwp);
  if (d->n && m->lat->rows) configurations(p, m, d);
  run_figure(r, p, "figure.png");
  if (o->npoints > 1) scan(r, o);
}

/* yukawa_figures.c: the picture of a scan of app yukawa-generate (rank 0 draws; see yukawa_generate.h). */
#include <math.h>

#include "apps/yukawa_generate.h"
#include "base/plot.h"

typedef struct line {
  int what;
  const char *label;
} line;

/* Two quantities against kappa, with exact values where they are known. */
static void panel(plot *p, const scalar_table *t, const char *title, const char *ylabel, int logy, const line *lines) {
  size_t n = (size_t)t->n;
  plot_panel(p, title, "hopping parameter kappa", ylabel, 0, logy);
  for (const line *l = lines; l->label; l++) {
    plot_curve(p, l->label, PLOT_POINTS, n, t->kappa, t->value[l->what], t->error[l->what]);
    int exact = 0;
    for (int i = 0; i < t->n; i++) exact += !isnan(t->exact[l->what][i]);
    if (exact > 1) plot_curve(p, "exact", PLOT_LINE, n, t->kappa, t->exact[l->what], NULL);
  }
}

static void draw(plot *p, const scalar_table *t) {
  panel(p, t, "Order parameters", "mean of the absolute value", 0,
        (line[]){{SCALAR_RES_M_ABS, "|m|"}, {SCALAR_RES_MS_ABS, "|m_s|"}, {0}});
  panel(p, t, "Susceptibilities", "V (<x^2> - <|x|>^2)", 1,
        (line[]){{SCALAR_RES_CHI, "m"}, {SCALAR_RES_CHIS, "m_s"}, {0}});
  panel(p, t, "Binder ratios", "<x^4> / <x^2>^2", 0, (line[]){{SCALAR_RES_U4, "m"}, {SCALAR_RES_U4S, "m_s"}, {0}});
  panel(p, t, "Links and squares", "mean per site", 0,
        (line[]){{SCALAR_RES_PHI2, "phi^2"}, {SCALAR_RES_LINK, "link"}, {0}});
}

int yukawa_figures(run *r, const scalar_table *t, err *e) {
  if (run_root(r) && t->n > 1) {
    const scalar_points *q = t->points;
    char title[200], fermions[60] = "no fermions";
    if (q->model[0].fermions)
      snprintf(fermions, sizeof fermions, "two flavours, g = %g, M = %g", q->model[0].coupling, q->model[0].mass);
    snprintf(title, sizeof title, "%d^%d sites in %d dimensions, lambda = %g, %s", q->side[q->d - 1], q->d, q->d,
             q->model[0].action.lambda, fermions);
    plot *p = plot_new(title, 2);
    if (!p) err_set(e, ERR_RUN, "figure: out of memory");
    if (p) draw(p, t), plot_write(p, run_path(r, "phases.png"), e);
    if (!e->code && *e->text) run_warn(r, "%s", e->text);
    if (!e->code) *e->text = 0;
  }
  return comm_vote(run_comm(r), e);
}

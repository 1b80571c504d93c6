/* yukawa_generate.c: ensembles of a scalar field, with or without staggered fermions, over its phase diagram
 * (Bluecher, Kades, Pawlowski, Strodthoff and Urban, 'Towards novel insights in lattice field theory with explainable
 * machine learning', PRD 101 094507).
 *
 *   weight    |det D[phi]|^2 exp(-S[phi]),  S = sum [-2 kappa phi phi' + phi^2 + lambda (phi^2 - 1)^2],  D = K + M + g
 * phi chains    HMC, Metropolis or clusters at every kappa: thermalise, measure, store configurations results   |m|,
 * |m_s|, chi, U4, <phi^2>, links, correlators, Fisher information of kappa, beside exact values */
#include "apps/yukawa_generate.h"

static const deck_section schema[] = {
    {.name = "lattice", .help = "a periodic lattice", .keys = scalar_lattice_keys},
    {.name = "model", .help = "S = sum [-2 kappa phi phi' + phi^2 + lambda (phi^2 - 1)^2]", .keys = scalar_model_keys},
    {.name = "fermions",
     .help = "two flavours of staggered fermions, D = K + M + g phi",
     .keys = scalar_fermion_keys,
     .optional = true},
    {.name = "update", .help = "how a chain moves", .kinds = scalar_updates, .kind_def = "hmc"},
    {.name = "chain", .help = "chains and measurements", .keys = scalar_plan_keys},
    {.name = "ensemble", .help = "stored configurations", .keys = scalar_storage_keys},
    {0},
};

static int check(const deck *d, err *e) {
  scalar_points p;
  if (!scalar_points_from_deck(&p, d, 1, e)) scalar_ensemble_check(d, &p, e);
  scalar_points_free(&p);
  return e->code;
}

/* The algorithm: chains at every point, then what they measured. */
static int work(run *r, const scalar_points *p, err *e) {
  scalar_ensemble *s = NULL;
  scalar_table t = {0};
  if (scalar_ensemble_new(&s, r, p, e) || scalar_ensemble_run(s, e) || run_stopping(r)) goto end;
  if (!scalar_results(s, &t, e) && !yukawa_figures(r, &t, e)) run_snapshot(r, e);
end:
  if (s) run_writer_end(r, s, e);
  scalar_table_free(&t), scalar_ensemble_free(s);
  return e->code;
}

static int yukawa_main(run *r, err *e) {
  scalar_points p;
  if (!scalar_points_from_deck(&p, run_deck(r), run_seed(r), e)) {
    scalar_ensemble_log(r, &p);
    if (!run_dry(r)) work(r, &p, e);
  }
  scalar_points_free(&p);
  return e->code;
}

const app app_yukawa_generate = {.name = "yukawa-generate",
                                 .help = "ensembles of scalar fields and fermions over the phase diagram",
                                 .schema = schema,
                                 .check = check,
                                 .main = yukawa_main};

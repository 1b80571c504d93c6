/* yukawa_generate.h: the parts of app yukawa-generate. */
#ifndef APPS_YUKAWA_GENERATE_H
#define APPS_YUKAWA_GENERATE_H

#include "samplers/scalar_ensemble.h"

extern const app app_yukawa_generate;

/* phases.png: magnetisations, susceptibilities, Binder ratios, links against kappa. */
int yukawa_figures(run *r, const scalar_table *t, err *e);

#endif

/* ising.h: the parts of app ising. */
#ifndef APPS_ISING_H
#define APPS_ISING_H

#include "samplers/ar_ising.h"
#include "samplers/estimate_ising.h"
#include "samplers/train.h"

extern const app app_ising;

/* figure.png: training curve, log weights, configurations; scan.png: observables against beta over the exact curves.
 * Local. */
void ising_figures(run *r, const estimate_ising *o, const trainer *t, const estimate_data *d, const reference *mc);

#endif

/* ising.h: the parts of app ising. */
#ifndef APPS_ISING_H
#define APPS_ISING_H

#include "samplers/estimate.h"
#include "samplers/train.h"

extern const app app_ising;

/* figure.png: training curve, log weights, configurations; scan.png: observables against beta over the exact curves. */
int ising_figures(run *r, const ising *m, const exact_ising *x, const trainer *t, const estimate_data *d, err *e);

#endif

/* heisenberg.h: the parts of app heisenberg. */
#ifndef APPS_HEISENBERG_H
#define APPS_HEISENBERG_H

#include "samplers/estimate_trotter.h"
#include "samplers/train.h"

extern const app app_heisenberg;

/* figure.png: training curve, log weights, configurations in space and imaginary time; scan.png: e, c, chi against
 * temperature over the exact curves. Local. */
void heisenberg_figures(run *r, const estimate_trotter *o, const trainer *t, const estimate_data *d);

#endif

/* heisenberg.h: the parts of app heisenberg. */
#ifndef APPS_HEISENBERG_H
#define APPS_HEISENBERG_H

#include "samplers/estimate_trotter.h"
#include "samplers/train.h"

extern const app app_heisenberg;

/* figure.png: training curve, log weights, a configuration in space and imaginary time. lwp (np): log weights of
 * configurations of a Markov chain. Local. */
void heisenberg_figures(run *r, const estimate_trotter *o, const trainer *t, const estimate_data *d, long np,
                        const double *lwp);

#endif

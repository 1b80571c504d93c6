/* figures.h: panels that the pictures of neural samplers share. Local; call on rank 0. */
#ifndef APPS_FIGURES_H
#define APPS_FIGURES_H

#include "base/plot.h"
#include "samplers/train.h"

/* Two panels over the steps at the final beta: KL divergence where lnZ is known, else the variational free energy per
 * site; effective fraction of the batch. */
void figure_training(plot *p, const trainer *t, double beta, double lnZ, int sites);
/* Histograms of log weights of n draws, and of np configurations of a Markov chain. lnZ: NaN if unknown. */
void figure_weights(plot *p, double lnZ, long n, const double *lw, long np, const double *lwp);

#endif

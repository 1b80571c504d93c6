/* yukawa_train.h: the parts of app yukawa-train: the oracle and the verdict on estimates of kappa. Local. */
#ifndef APPS_YUKAWA_TRAIN_H
#define APPS_YUKAWA_TRAIN_H

#include "apps/yukawa_data.h"

extern const app app_yukawa_train;

/* ---- maximum likelihood (yukawa_oracle.c) ----
 * kappa enters the weight through exp(2 kappa T) alone: the likelihood of a configuration is greatest where <T>_kappa
 * = T. <T> and sd(T) as functions of kappa: regression on nodes over the range of an ensemble. */
enum { YUKAWA_NODES = 201 };
typedef struct yukawa_oracle {
  double kappa[YUKAWA_NODES], T[YUKAWA_NODES], sd[YUKAWA_NODES]; /* T ascending */
} yukawa_oracle;
/* ERR_FILE, naming path: too few kappas to interpolate between. */
int yukawa_oracle_fit(yukawa_oracle *o, const yukawa_data *y, const char *path, err *e);
double yukawa_oracle_kappa(const yukawa_oracle *o, double T);     /* beyond the ends: along the last slope */
double yukawa_oracle_sigma(const yukawa_oracle *o, double kappa); /* the Cramer-Rao bound 1 / (2 sd T) */

/* ---- the verdict (yukawa_judge.c) ----
 * Estimates kappa^ of the configurations of an ensemble at a few kappas, several chains each. At one kappa
 *   sigma_CR = 1 / (2 sd T),   slope dE[kappa^]/dkappa = 2 Cov(kappa^, T),   r = sd(kappa^) / |slope| / sigma_CR
 * (so r = 1/|corr(kappa^, T)|), errors by the jackknife over chains. */
enum {
  YUKAWA_SIGMA,
  YUKAWA_MEAN, /* E kappa^ */
  YUKAWA_BIAS, /* E kappa^ - kappa */
  YUKAWA_SD,   /* of kappa^ */
  YUKAWA_SLOPE,
  YUKAWA_RMSE,
  YUKAWA_RATIO, /* r */
  YUKAWA_LOSS,  /* RMSE / sigma_CR */
  YUKAWA_FIGURES
};
typedef struct yukawa_verdict {
  int n;                                                          /* kappas, ascending */
  double *kappa, *value[YUKAWA_FIGURES], *error[YUKAWA_FIGURES];  // (n)
} yukawa_verdict;
/* estimate (y->n). ERR_FILE, naming path: a kappa with fewer than two chains. */
int yukawa_judge(yukawa_verdict *v, const yukawa_data *y, const char *path, const double *estimate, err *e);
void yukawa_verdict_free(yukawa_verdict *v);

/* regression.png: kappa^ against kappa with the Cramer-Rao band, r, bias, training curves. */
void yukawa_train_figure(run *r, const yukawa_verdict *net, const yukawa_verdict *oracle, const double *curve,
                         long epochs, int row);

#endif

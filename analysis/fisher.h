/* fisher.h: what observables know about a coupling, before any training. Where kappa enters the weight as exp(c kappa
 * T) alone, d<O>/dkappa = c Cov(O, T) for every observable O, and T is sufficient: its information in one configuration
 * is c^2 Var T. A set A of observables holds the share
 *   E(A) = Cov(A,T)^T Cov(A)^-1 Cov(A,T) / Var T        (squared multiple correlation; of one observable corr(O,T)^2)
 * of that (linear in the observables; all of it where they are Gaussian), so an unbiased estimate of kappa from A has
 *   sigma >= E(A)^{-1/2} / (c sd T).
 * Observables belong to players (one or several observables each), and E(all) is shared among them:
 *   alone    E(player)                          last   E(all) - E(all others): what nobody else knows
 *   shapley  mean over all orders of what a player adds to those before it (Shapley 1953); sums to E(all)
 * Errors by the jackknife over contiguous blocks of rows. E is never negative: with n rows pure noise reads k/n. Local.
 */
#ifndef ANALYSIS_FISHER_H
#define ANALYSIS_FISHER_H

#include "base/err.h"

enum { FISHER_MAX = 160, FISHER_PLAYERS = 16 }; /* observables, players */
enum { FISHER_ALONE, FISHER_LAST, FISHER_SHAPLEY, FISHER_MEASURES };

typedef struct fisher_data { /* at one coupling; not owned */
  long n;
  int k;
  const double *x;   /* (n, k) observables */
  const double *t;   /* (n) T */
  int blocks;        /* of the jackknife; at least 2, at most n / 2 */
  int players;       /* 0: every observable is one */
  const int *player; /* (k) of each observable; unused where players = 0 */
} fisher_data;

typedef struct fisher_value {
  double value, error;
} fisher_value;

typedef struct fisher {
  int players, blocks;
  fisher_value variance; /* of T */
  fisher_value joint;    /* E(all) */
  fisher_value share[FISHER_MEASURES][FISHER_PLAYERS];
  double *without; /* (blocks, FISHER_MEASURES, players) shares with a block left out */
} fisher;
/* An observable that is constant, or a linear combination of others up to 1e-10 of its variance, adds nothing. ERR_RUN:
 * too many observables or players, too few rows, numbers that are not finite, T constant, no memory. */
int fisher_of(fisher *f, const fisher_data *d, err *e);
void fisher_free(fisher *f);
/* share[measure][a] - share[measure][b], errors with their correlation. */
fisher_value fisher_difference(const fisher *f, int measure, int a, int b);

#endif

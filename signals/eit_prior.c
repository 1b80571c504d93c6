/* eit_prior.c: eit_priors, eit_prior_find: one function per prior.
 *
 *   tikhonov  R = 1
 *   noser     R = diag(J^T J)^p                  (Cheney et al., Int. J. Imaging Syst. Technol. 2 (1990) 66; p = .5 is
 * usual) laplace   R = L^T L, L_ii = number of sides of a cell, outer ones included, L_ij = -1 for neighbours: definite
 */
#include <math.h>
#include <string.h>

#include "signals/eit_image.h"

static long tikhonov(const eit_graph *g, int n, int ndata, const double *jt, double exponent, int (*pair)[2],
                     double *value) {
  for (int i = 0; i < n && pair; i++) pair[i][0] = pair[i][1] = i, value[i] = 1;
  return n;
}

static long noser(const eit_graph *g, int n, int ndata, const double *jt, double exponent, int (*pair)[2],
                  double *value) {
  double mean = 0;
  for (int i = 0; i < n && pair; i++) {
    double s = 0;
    for (int d = 0; d < ndata; d++) s += jt[(long)i * ndata + d] * jt[(long)i * ndata + d];
    pair[i][0] = pair[i][1] = i;
    value[i] = pow(s, exponent > 0 ? exponent : .5);
    mean += value[i] / n;
  }
  for (int i = 0; i < n && pair; i++) value[i] = fmax(value[i], 1e-9 * mean); /* a cell that nothing sees */
  return n;
}

/* Rows of L: the cell itself, then its neighbours. L^T L is the sum over rows of their outer products. */
static long laplace(const eit_graph *g, int n, int ndata, const double *jt, double exponent, int (*pair)[2],
                    double *value) {
  enum { MOST = 8 };
  long count = 0;
  for (int i = 0; i < n; i++) {
    int cell[MOST] = {i}, k = 1;
    double entry[MOST] = {g->sides};
    for (int s = g->first[i]; s < g->first[i + 1] && k < MOST; s++) cell[k] = g->next[s], entry[k++] = -1;
    for (int p = 0; p < k; p++)
      for (int q = 0; q <= p; q++, count++) {
        if (!pair) continue;
        pair[count][0] = cell[p], pair[count][1] = cell[q];
        value[count] = entry[p] * entry[q];
      }
  }
  return count;
}

static const eit_prior tikhonov_prior = {"tikhonov", "small changes of every cell", tikhonov};
static const eit_prior noser_prior = {"noser", "small changes, weighted by the sensitivity of the cell", noser};
static const eit_prior laplace_prior = {"laplace", "smooth changes that vanish outside", laplace};
const eit_prior *const eit_priors[] = {&tikhonov_prior, &noser_prior, &laplace_prior, NULL};

const eit_prior *eit_prior_find(const char *name) {
  for (int i = 0; eit_priors[i]; i++)
    if (!strcmp(eit_priors[i]->name, name)) return eit_priors[i];
  return NULL;
}

/* series_attribute.h: what a window of a recording owes to an output of the network: one worker's methods, all with the
 * baseline 0, the mean of each lead:
 *   saliency           |dF/dx|
 *   input-x-gradient   x dF/dx
 *   integrated         integrated gradients, panels doubled until complete (xai/gradient.h)
 *   lrp-NAME           relevance by a composite of xai/composite.h, with its ledger; composites that give this network
 *                      the rules of an earlier one are left out
 * F is a logit. Arrays are (positions, leads, lanes). Local. */
#ifndef APPS_SERIES_ATTRIBUTE_H
#define APPS_SERIES_ATTRIBUTE_H

#include "base/deck.h"
#include "xai/composite.h"
#include "xai/gradient.h"
#include "xai/judge.h"
#include "xai/lrp.h"

enum { SERIES_INTEGRATED = 2, SERIES_PLAIN = 3, SERIES_METHODS = 12 };

typedef struct series_attribute_conf {
  long nodes, most;
  double tolerance, epsilon, gamma;
} series_attribute_conf;
extern const deck_key series_attribute_keys[];

typedef struct series_explainer {
  int methods;
  const char *name[SERIES_METHODS]; /* static */
  series_attribute_conf c;
  xai_net *net;
  xai_quadrature quadrature;
  nn_real *baseline;            // (inputs, lanes) zeros
  xai_lrp *lrp[SERIES_METHODS]; /* of method k */
} series_explainer;

/* g with a gradient at input 0; theta and state not owned. */
int series_explainer_new(series_explainer **x, const nn_graph *g, const nn_real *theta, const nn_real *state, int lanes,
                         const series_attribute_conf *c, err *e);
void series_explainer_free(series_explainer *x);
/* R of one method at x, of sum_k seed_k y_k; other inputs stand in net->frame. fault (lanes; may be NULL): integrated,
 * |sum R - (F(x) - F(0))| / |F(x) - F(0)|; lrp, what the worst node's ledger lacks over all that this node moved; else
 * NaN. got (lanes; may be NULL): sum R / F(x), of integrated (F(x) - F(0)). */
int series_attribute(series_explainer *x, int method, const nn_real *in, const nn_real *seed, int valid, nn_real *R,
                     double *fault, double *got, err *e);
/* Randomises the network from the output down (xai/judge.h), leaves it as it was. rho: rank correlation with
 * the first after all layers (slope: not of saliency, which has no factor x); nodes: how many these are. */
int series_cascade(series_explainer *x, int method, const nn_real *in, const nn_real *seed, int valid,
                   unsigned layers_seed, xai_likeness *rho, int *nodes, err *e);
int series_method_find(const series_explainer *x, const char *name); /* -1: none */

#endif

/* gradient.h: explanations by gradients of F = sum_k seed_k y_k, at the input or at any node of the network. A node's
 * attributions are (rows of the node, S). All local; nothing allocates after xai_quadrature_new. */
#ifndef XAI_GRADIENT_H
#define XAI_GRADIENT_H

#include "base/rng.h"
#include "xai/explained.h"

/* g = dF/dh at node h, or (times_value) h dF/dh: gradient and input x gradient. ERR_RUN: no gradient there
 * (nn_want_grad).
 */
int xai_gradient(xai_net *n, const nn_real *x, const nn_real *seed, int node, bool times_value, nn_real *g, err *e);

/* SmoothGrad (Smilkov et al. 2017): mean gradient at `draws` copies x + sigma noise; the noise of lane i is a function
 * of (r, first + i, draw) alone. Attributions of the input. */
typedef struct xai_smooth {
  int draws;
  double sigma;
  rng r;
  uint64_t first; /* global number of lane 0 */
} xai_smooth;
int xai_smooth_gradient(xai_net *n, const nn_real *x, const nn_real *seed, const xai_smooth *s, nn_real *g, err *e);

/* Gauss-Legendre nodes and weights on [0, 1]. */
typedef struct xai_quadrature {
  int n;
  double *at, *weight;
} xai_quadrature;
int xai_quadrature_new(xai_quadrature *q, int n, err *e);
void xai_quadrature_free(xai_quadrature *q);

/* Integrated gradients (Sundararajan, Taly, Yan 2017) on the straight line from the baseline to x:
 *   A_i = (h_i - h'_i) int_0^1 dF/dh_i (h' + a (h - h')) da
 * with the rule q on each of `panels` equal parts of the line. At a node other than the input h and h' are its values
 * at x and at the baseline and the line runs in its own space, everything beside it staying as at x; sum_i A_i = F(x) -
 * F(h') then, and = F(x) - F(x') where the node cuts the network. Memory does not depend on the number of nodes of q.
 * gap (S), may be NULL: sum_i A_i - (F(h) - F(h')); change (S), may be NULL: F(h) - F(h'). */
typedef struct xai_line {
  const nn_real *x, *baseline, *seed;
  int node;
} xai_line;
int xai_integrated(xai_net *n, const xai_line *l, const xai_quadrature *q, int panels, nn_real *a, double *gap,
                   double *change, err *e);
/* The same with the panels doubled until |gap| <= tolerance |change| in every one of the first `valid` lanes, or `most`
 * panels are reached. panels (may be NULL): how many it took. */
int xai_integrated_to(xai_net *n, const xai_line *l, const xai_quadrature *q, double tolerance, int most, int valid,
                      nn_real *a, double *gap, double *change, int *panels, err *e);

#endif

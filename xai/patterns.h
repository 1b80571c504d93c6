/* patterns.h: what a filter of two sites in each direction sees of a field. Its 2^d weights are a sum of the sign
 * patterns of a cube (Walsh-Hadamard; the momenta with components 0 and pi),
 *   w_n = sum_q c_q (-1)^{q n},   c_q = 2^-d sum_n w_n (-1)^{q n},   sum_n w_n^2 = 2^d sum_q c_q^2
 * Pattern 0 is uniform (magnetisation), pattern 2^d - 1 the checkerboard (staggered magnetisation). Weights are in the
 * order of the taps of nn/op_conv.c, the last direction fastest; bit k of q: signs alternate in direction k. Local. */
#ifndef XAI_PATTERNS_H
#define XAI_PATTERNS_H

#include <stddef.h>

enum { XAI_PATTERNS = 8 }; /* of a cube in three dimensions */

/* cosine[2^d] of the angles between w (2^d) and the patterns; squares are the shares of the energy of w, and add up to
 * 1. All 0 for w = 0. d <= 3. */
void xai_patterns(int d, const double *w, double *cosine);
/* "+++---" of pattern q: direction by direction, + uniform, - alternating. */
const char *xai_pattern_name(int d, int q, char name[8]);

/* The observable that a filter defines: mean over sites of |(w * phi)_n|, (w * phi)_n = sum_a w_a phi_{n+a}, phi
 * (side[0], ..., side[d-1]) periodic, for `filters` filters at once, w (2^d, filters). Every row of w is a tap. */
void xai_filter_observables(int d, const int *side, const float *phi, int filters, const double *w, double *mean);

#endif

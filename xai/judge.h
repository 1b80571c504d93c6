/* judge.h: is an explanation any good? Localisation where the truth is known (Arras, Osman, Samek, Information Fusion
 * 81 (2022)) and dependence on the parameters (Adebayo et al., NeurIPS 2018). Local. */
#ifndef XAI_JUDGE_H
#define XAI_JUDGE_H

#include "nn/graph.h"

/* R (n) with stride, truth (n) nonzero where relevance should be.
 * Mass accuracy: sum of positive R inside / sum of positive R; NaN where nothing is positive.
 * Rank accuracy: how many of the K largest R lie inside, over K = numbers of the truth; ties in the order of the index.
 * NaN where K = 0 or memory ends. */
double xai_mass_accuracy(size_t n, const nn_real *R, size_t stride, const unsigned char *truth);
double xai_rank_accuracy(size_t n, const nn_real *R, size_t stride, const unsigned char *truth);
/* Spearman's rank correlation, ties with their mean rank; NaN where one of them is constant or memory ends. */
double xai_spearman(size_t n, const double *a, const double *b);

/* Rank correlation of two explanations: of their sizes |R|; of R, signs kept; of |R / x|, without the factor x that
 * methods like input x gradient share whatever the network is (inputs 0 count as 0; NaN without x). Adebayo et al. show
 * the first two. */
typedef struct xai_likeness {
  double size, sign, slope;
} xai_likeness;

/* Cascading randomisation: nodes with parameters are initialised anew one after the other from the output down, each
 * step keeping the earlier ones; after each the explanation is made again and compared with the first by rank.
 * A method that explains the network falls towards 0; one that only looks at the input stays at 1. */
typedef struct xai_cascade {
  const nn_graph *graph;
  size_t inputs; /* numbers of an explanation, per lane */
  int lanes, valid;
  unsigned seed; /* of the new parameters */
  void *ctx;
  int (*explain)(void *ctx, const nn_real *theta, nn_real *R, err *e); /* R (inputs, S) at parameters theta */
  const nn_real *x;                                                    /* (inputs, S) for slope; may be NULL */
  bool last; /* explain and compare after the last step only; NaN for the others */
} xai_cascade;
/* theta is not changed. steps: at most `most` nodes, the rest stays; node[k] (may be NULL) is what step k initialised;
 * rho[k] the means over valid lanes. Returns the number of steps, or -1 with e set. */
int xai_cascade_run(const xai_cascade *c, const nn_real *theta, int most, int *node, xai_likeness *rho, err *e);

#endif

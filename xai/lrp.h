/* lrp.h: relevance of an answer at any node of a network by rules per node (nn/relevance.h), for one worker. All local;
 * xai_relevance allocates nothing. */
#ifndef XAI_LRP_H
#define XAI_LRP_H

#include "nn/relevance.h"
#include "xai/explained.h"

typedef struct xai_lrp {
  xai_net *net; /* not owned */
  nn_relevance *rules;
  nn_trail *trail; /* relevance of every node and the ledger of the last walk */
} xai_lrp;
/* rules: [node]. ledger: keep it. After the network's theta or state change: nn_relevance_prepare on `rules`. */
int xai_lrp_new(xai_lrp **l, xai_net *n, const nn_rule *rules, bool ledger, err *e);
void xai_lrp_free(xai_lrp *l);
/* Forward at x (inputs, S), then back from the output, of which output k of a lane has the relevance seed_k y_k (seed
 * (outputs, S)): trail->relevance[node] of every node. Padded lanes: seed 0. */
void xai_relevance(xai_lrp *l, const nn_real *x, const nn_real *seed);
/* Largest |sum of a node's relevance| / |F| over nodes and the first `valid` lanes, F = sum_k seed_k y_k: far above 1
 * where branches cancel. */
double xai_blow_up(const xai_lrp *l, const nn_real *seed, int valid);

#endif

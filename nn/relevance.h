/* relevance.h: the fourth walk: relevance of a node, sent back through the network by a rule per node (nn/rule.h).
 *   nn_relevance_new(&r, graph, lanes, rules, e);   rules are checked against the ops
 *   nn_relevance_prepare(r, theta, state);          modified weights, once for all shards
 *   nn_trail_new(&t, r, true, e);                   storage of one worker
 *   nn_forward(plan, f);
 *   ... fill t->relevance[node] (any node: the output, a hidden one) ...
 *   nn_relevance_walk(r, f, t, node);               t->relevance[k] of every node k below, and the ledger
 * Batch norm with the rule `pass` behind a linear op that nothing else reads is folded into that op (canonised):
 * weights w s, bias (b - mean) s + shift with s = scale / sqrt(var + eps), from the running moments; the relevance of
 * the linear op is then that of the batch norm. Without such an op before it, `pass` lets relevance through, and rules
 * for sums treat it as y = s x + shift with s and shift fixed.
 *
 * The ledger says per node and lane where relevance went: NN_OUT what the node had, NN_IN what its inputs got, NN_BIAS,
 * NN_STABILISER, NN_PADDING; out = in + bias + stabiliser + padding. All local; the walk allocates nothing. */
#ifndef NN_RELEVANCE_H
#define NN_RELEVANCE_H

#include "nn/graph.h"
#include "nn/rule.h"
#include "nn/segment.h"

/* A linear op as the walk sees it: weights (rows, out), then biases. segments NULL: a linear op of another kind, which
 * walks by its own backward, in the channels of x from `from` on. */
typedef struct nn_linear {
  const nn_segments *segments;
  int out;
  size_t weights; /* numbers */
  size_t biases;  /* 0, out, or positions * out */
  bool shared;    /* every position uses all rows of weights; those that are missing meet padding */
  int from;       /* earlier channels of x count as constant */
} nn_linear;

typedef struct nn_prepared { /* of a linear node */
  nn_linear l;
  int fold;                   /* the batch norm folded into it, or -1 */
  nn_real *own[NN_TERMS];     /* modified weights, of those terms that do not share them */
  const nn_real *w[NN_TERMS]; /* weights of each term */
  size_t rows;                /* of y: positions * out */
  nn_real *bias;              /* (units, rows) or NULL */
  nn_real *fixed, *pad;       /* (rows) sums of what does not depend on x, or NULL */
  double *affine;             /* (2, out) scale and shift of the folded batch norm, or NULL */
} nn_prepared;

typedef struct nn_relevance {
  const nn_graph *graph;
  int lanes;
  nn_rule *rule;         /* [node] */
  nn_prepared *prepared; /* [node] */
  size_t scratch;        /* reals of worker scratch */
} nn_relevance;

/* rules: [node], copied; those of inputs are not read. Fails and names the node whose op has no walk relevance or does
 * not understand its rule. */
int nn_relevance_new(nn_relevance **r, const nn_graph *g, int lanes, const nn_rule *rules, err *e);
void nn_relevance_free(nn_relevance *r);
/* theta and state must stay where they are; after they change, prepare again. Allocates nothing. */
void nn_relevance_prepare(nn_relevance *r, const nn_real *theta, const nn_real *state);

typedef struct nn_trail {
  nn_real **relevance; /* [node] (positions, channels, S); a node may share the storage of the one that passes to it */
  double *ledger;      /* [node] (NN_ACCOUNTS, S), or NULL */
  bool *live;          /* [node] has relevance in this walk */
  nn_real *scratch, *arena;
  nn_real **value, **grad; /* [node] of the frame on which an op walks backward for itself */
} nn_trail;
int nn_trail_new(nn_trail **t, const nn_relevance *r, bool ledger, err *e);
void nn_trail_free(nn_trail *t);
/* The frame is as forward left it. Nodes that `from` does not depend on have live = false. */
void nn_relevance_walk(const nn_relevance *r, const nn_frame *f, nn_trail *t, int from);
static inline double *nn_account(const nn_trail *t, int node, int account, int S) {
  return t->ledger ? t->ledger + ((size_t)node * NN_ACCOUNTS + (size_t)account) * (size_t)S : NULL;
}

/* ---- for ops: walks that several share ---- */
nn_linear nn_linear_of_layer(const nn_segments *s, const nn_node *n, int out, size_t biases, bool shared);
void nn_linear_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t);
void nn_linear_prepare(nn_relevance *r, const nn_node *n, const nn_real *theta, const nn_real *state);
int nn_linear_reserve(nn_relevance *r, const nn_node *n, err *e);
void nn_linear_release(nn_prepared *p);
/* By the op's own backward: linear ops without lists of rows. */
void nn_adjoint_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t);
size_t nn_adjoint_scratch(const nn_relevance *r, const nn_node *n);
void nn_pass_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r,
                       nn_trail *t); /* x, y of equal size */
#endif

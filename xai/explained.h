/* explained.h: what xai/ explains. A `predictor` answers S samples at once and may show the network behind its answers:
 * methods that only ask (perturbation, concepts, randomisation) need no more, so that trees and networks are explained
 * alike; gradients and relevance need the network. Numbers of one sample lie apart by S: arrays are (inputs, S), the
 * layout of a shard (nn/op.h). All local. */
#ifndef XAI_EXPLAINED_H
#define XAI_EXPLAINED_H

#include "nn/graph.h"

/* One worker's walks through a network for its explanation: a frame with gradients, in inference. */
typedef struct xai_net {
  const nn_graph *graph;
  int input, lanes;       /* node of the input that is explained */
  size_t inputs, outputs; /* numbers per sample */
  nn_plan *plan;
  nn_frame *frame;
  nn_real *dtheta;  /* not looked at */
  nn_real *work[3]; /* (largest node, S) each */
} xai_net;
/* theta and state are not owned and may be changed between walks. The gradient of `input` must have been asked for
 * (nn_want_grad) where gradients will be. Other inputs of the network: filled by the caller in frame->value. ERR_RUN:
 * no memory; ERR_DECK: an op without backward. */
int xai_net_new(xai_net **n, const nn_graph *g, int input, int lanes, const nn_real *theta, const nn_real *state,
                err *e);
void xai_net_free(xai_net *n);
/* Values of all nodes at x (inputs, S); x NULL: what the frame holds already. Where h is given, node `node` is held at
 * h (its rows, S) whatever its inputs are. */
void xai_net_forward(xai_net *n, const nn_real *x, int node, const nn_real *h);
/* Gradient of sum_k seed_k y_k (seed (outputs, S)) with respect to node `node`, after forward: frame->grad[node], valid
 * until the next walk. NULL where the network has none there. */
const nn_real *xai_net_backward(xai_net *n, const nn_real *seed, int node);
/* sum_k seed_k y_k of every lane, after forward. */
void xai_net_answer(const xai_net *n, const nn_real *seed, double *f);
/* seed (outputs, S) = 1 for output `out` of every lane, else 0. */
void xai_net_seed(const xai_net *n, int out, nn_real *seed);

typedef struct predictor {
  void *ctx;
  size_t inputs, outputs; /* numbers per sample */
  int lanes;
  int (*predict)(void *ctx, const nn_real *x, nn_real *y, err *e); /* (inputs, S) -> (outputs, S) */
  xai_net *net;                                                    /* the network behind it, or NULL */
} predictor;
predictor xai_predictor_of(xai_net *n);

#endif

/* ops.h: the ops and their settings. */
#ifndef NN_OPS_H
#define NN_OPS_H

#include "nn/op.h"

/* Causal convolution on extent[0] x extent[1] positions in raster order (PixelCNN): taps (dy, dx), -half <= dy <= 0,
 * times dilation, that lie before the site (strict) or up to it. Outside the lattice counts as zero; with wrap, columns
 * of earlier rows are periodic. Weights (open taps, Cin, Cout), closed taps are not stored. */
typedef struct nn_causal_conv2d_conf {
  int out, half, dilation;
  bool strict, wrap, bias;
  double gain; /* of the initial weights; 0: start at zero */
} nn_causal_conv2d_conf;
extern const nn_op nn_op_causal_conv2d;

/* Masked dense layer (MADE): y[t] from all x[u], u < t (strict) or u <= t. Weights are kept in column blocks of `block`
 * positions: a step at the first position of a block works ahead for the whole block. */
typedef struct nn_causal_dense_conf {
  int out, block;
  bool strict, bias;
  double gain;
} nn_causal_dense_conf;
extern const nn_op nn_op_causal_dense;

/* Site-wise layer: position t has its own weights from its own list of input positions, all < t or (own) = t.
 * Lists in CSR form belong to the caller and must outlive the graph. start_value: initial weights, one per listed
 * position (in and out channels 1), or NULL: normal, variance gain^2 / fan-in. */
typedef struct nn_sites_conf {
  int out, positions;
  const int *start, *list; /* (positions+1), (start[positions]) */
  bool bias;
  double gain;
  const double *start_value;
} nn_sites_conf;
extern const nn_op nn_op_sites;

/* Activations, position by position. PReLU has a slope per channel, or per position and channel (sites); the slope used
 * is |a| + 2^-10, so that it never vanishes and backward can work from y alone. */
typedef struct nn_prelu_conf {
  bool sites;
} nn_prelu_conf;
extern const nn_op nn_op_prelu, nn_op_relu, nn_op_tanh, nn_op_silu;

extern const nn_op nn_op_add; /* y = x0 + x1, equal shapes */

/* The activation of a word ("prelu", "relu", "tanh", "silu") */
extern const char nn_act_words[]; /* "prelu|relu|tanh|silu" */
const nn_op *nn_act(int word);

#endif

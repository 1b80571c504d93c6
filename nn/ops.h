/* ops.h: the ops and their settings. */
#ifndef NN_OPS_H
#define NN_OPS_H

#include "nn/hippo.h"
#include "nn/op.h"
#include "nn/window.h"

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
extern const nn_op nn_op_prelu, nn_op_relu, nn_op_tanh, nn_op_silu, nn_op_gelu, nn_op_sigmoid, nn_op_softplus;

extern const nn_op nn_op_add; /* y = x0 + x1, equal shapes */

/* The activation of a word */
extern const char nn_act_words[]; /* "prelu|relu|tanh|silu|gelu|sigmoid|softplus" */
const nn_op *nn_act(int word);

/* Fully connected: all positions of x -> one position, or every position by itself. Weights (rows of x, out), then
 * biases (out), which start at zero; initial weights uniform in +- gain / sqrt(rows). */
typedef struct nn_dense_conf {
  int out;
  bool per_position, bias;
  double gain;
} nn_dense_conf;
extern const nn_op nn_op_dense;

/* Convolution in one to three dimensions. Weights (taps, Cin, out), then biases (out), as for dense. */
typedef struct nn_conv_conf {
  nn_window_conf window;
  int out;
  bool bias;
  double gain;
} nn_conv_conf;
extern const nn_op nn_op_conv;

/* Mean or maximum over a window, or over all positions (global: one position comes out). Padding does not count. */
typedef struct nn_pool_conf {
  nn_window_conf window;
  bool max, global;
} nn_pool_conf;
extern const nn_op nn_op_pool;

/* Batch norm per shard, layer norm per position. */
typedef struct nn_norm_conf {
  double eps;
  bool zero; /* scales start at 0 (a residual branch that begins closed), else at 1 */
} nn_norm_conf;
extern const nn_op nn_op_batch_norm, nn_op_layer_norm;
/* Batch norm by the moments of the state is y = scale x + shift, (C) each. */
void nn_batch_norm_affine(const nn_node *n, const nn_real *theta, const nn_real *state, double *scale, double *shift);

/* Recurrent layers over a whole sequence along extent[0], width channels out; reversed: from its end. Initial
 * parameters uniform in +- 1 / sqrt(width). */
typedef struct nn_recurrent_conf {
  int width;
} nn_recurrent_conf;
extern const nn_op nn_op_gru, nn_op_gru_reversed, nn_op_lstm, nn_op_lstm_reversed;

/* One position, from the end where negative. */
typedef struct nn_pick_conf {
  int position;
} nn_pick_conf;
extern const nn_op nn_op_pick;

/* In training each number is zero with probability rate, else divided by 1 - rate. */
typedef struct nn_dropout_conf {
  double rate;
} nn_dropout_conf;
extern const nn_op nn_op_dropout;

extern const nn_op nn_op_glu; /* y = a sigmoid(b): a the first, b the second half of the channels */
/* y = x0 x1; where x1 has one position only it multiplies every position of x0. */
extern const nn_op nn_op_product;
extern const nn_op nn_op_concat; /* channels of 1 to 8 inputs behind each other, equal extents */

/* The same numbers in another shape; all zero: flattened to one position. */
typedef struct nn_reshape_conf {
  nn_shape shape;
} nn_reshape_conf;
extern const nn_op nn_op_reshape;

/* Channels first .. first + count - 1. */
typedef struct nn_slice_conf {
  int first, count;
} nn_slice_conf;
extern const nn_op nn_op_slice;

/* Channel `column` holds a category 0 .. levels-1 (anything else counts as 0): y is that row of a trained table
 * (levels, out), normal with variance 1 at first. */
typedef struct nn_embedding_conf {
  int column, levels, out;
} nn_embedding_conf;
extern const nn_op nn_op_embedding;

/* Structured state space layers: every channel is convolved with the response of its own linear recurrence, of `states`
 * real numbers, over the whole sequence (extent 0). `both`: a second one, with its own output weights, runs backwards.
 * Time steps at first between dt_min and dt_max; `rate` multiplies them (2: a network trained at 100 Hz sees 50 Hz). */
typedef struct nn_ssm_conf {
  nn_s4d_start start; /* s4d only */
  int states;
  bool both;
  double dt_min, dt_max, rate;
} nn_ssm_conf;
extern const nn_op nn_op_s4d; /* diagonal, everything trained: C (dirs, H, n, 2), D, ln dt (H), ln -Re a, Im a (H, n) */
extern const nn_op nn_op_s4;  /* HiPPO-LegS, fixed: C (dirs, H, n, 2), D (H) */

/* One diagonal recurrence for all channels (S5): `states` real numbers of state see every channel, and give every one.
 */
extern const nn_op nn_op_s5;

/* Multi-head self-attention. x holds queries, keys and values, C channels each, one behind the other; y has C. Keys
 * behind the end of a sequence (frame.length), and with `causal` later ones, count for nothing. */
typedef struct nn_attention_conf {
  int heads;
  bool causal;
} nn_attention_conf;
extern const nn_op nn_op_attention;

/* y = x + sines and cosines of the position (Vaswani et al. 2017). */
extern const nn_op nn_op_position;

/* Attention pooling: one position, the mean of x0 over those that hold data, weighted by softmax of x1 (one channel). */
extern const nn_op nn_op_weighted;

#endif

/* segment.h: products over lists of rows: what convolutions, masked dense layers and site-wise layers have in common.
 * A segment says that weight rows w..w+n-1 (each `out` wide) multiply input rows x..x+n-1 (each S lanes):
 *   y[out][S] += sum_segments sum_k W[w+k][out] X[x+k][S]
 * Local; allocates nothing but in nn_segments_*. */
#ifndef NN_SEGMENT_H
#define NN_SEGMENT_H

#include "base/err.h"
#include "nn/op.h"

typedef struct nn_segment {
  int w, x, n;
} nn_segment;

/* Segments of every position of a node, in the order in which they are summed. */
typedef struct nn_segments {
  int positions;
  int *start;          /* (positions+1) */
  nn_segment *segment; /* (start[positions]) */
  int room;
} nn_segments;
nn_segments *nn_segments_new(int positions);
/* Append n rows to position t (positions come in ascending order); merged with the previous segment where both run on.
 * Close each position, also one without segments, before the next. */
int nn_segments_add(nn_segments *s, int t, int w, int x, int n);
void nn_segments_close(nn_segments *s, int t);
void nn_segments_free(nn_segments *s);
double nn_segments_macs(const nn_segments *s, int out);

/* y (out, S) of position t = bias (out; NULL: zero) + sum. */
void nn_segments_forward(const nn_segments *s, int t, int out, int S, const nn_real *W, const nn_real *X,
                         const nn_real *bias, nn_real *y);
/* dX (may be NULL; set: it is written, not added to) and dW += from dy (out, S) of position t; scratch holds out * S
 * reals. */
void nn_segments_backward(const nn_segments *s, int t, int out, int S, const nn_real *W, const nn_real *X,
                          const nn_real *dy, nn_real *dX, bool set, nn_real *dW, nn_real *scratch);

/* rows of y = bias (NULL: zero); bias gradient = sum over lanes. */
void nn_bias_set(int rows, int S, const nn_real *bias, nn_real *y);
void nn_bias_grad(int rows, int S, const nn_real *dy, nn_real *dbias);

/* Kaiming-type uniform weights: bound sqrt(1/fan_in), fan_in counting open taps only, times gain. */
void nn_uniform(nn_real *w, size_t n, double bound, rng r, unsigned part);

#endif

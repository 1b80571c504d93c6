/* segment.h: products over lists of rows: what convolutions, masked dense layers and site-wise layers have in common.
 * A segment says that weight rows w..w+n-1 (each `out` wide) multiply input rows x..x+n-1 (each S lanes):
 *   y[out][S] += sum_segments sum_k W[w+k][out] X[x+k][S]
 * Local; allocates nothing but in nn_segments_*. */
#ifndef NN_SEGMENT_H
#define NN_SEGMENT_H

#include "base/err.h"
#include "nn/gemm.h"
#include "nn/op.h"

/* Segments of every position of a node, in the order in which they are summed. */
typedef struct nn_segments {
  int positions;
  int *start;          /* (positions+1) */
  nn_segment *segment; /* (start[positions]) */
  int room;
  int *run,
      *shift; /* nn_segments_finish: positions from t on that differ by a shift of x only, and that shift in rows */
} nn_segments;
nn_segments *nn_segments_new(int positions);
/* Append n rows to position t (positions come in ascending order); merged with the previous segment where both run on.
 * Close each position, also one without segments, before the next. */
int nn_segments_add(nn_segments *s, int t, int w, int x, int n);
void nn_segments_close(nn_segments *s, int t);
/* After the last position: finds the runs that the block functions work on. Nonzero: out of memory. */
int nn_segments_finish(nn_segments *s);
void nn_segments_free(nn_segments *s);
double nn_segments_macs(const nn_segments *s, int out);

/* y (out, S) of position t = bias (out; NULL: zero) + sum. */
void nn_segments_forward(const nn_segments *s, int t, int out, int S, const nn_real *W, const nn_real *X,
                         const nn_real *bias, nn_real *y);
/* dX (may be NULL; set: it is written, not added to) and dW += from dy (out, S) of position t; scratch holds out * S
 * reals. */
void nn_segments_backward(const nn_segments *s, int t, int out, int S, const nn_real *W, const nn_real *X,
                          const nn_real *dy, nn_real *dX, bool set, nn_real *dW, nn_real *scratch);

/* The same for positions from .. to-1 at once; Y, dY are those of position 0. dX may be NULL (set: written, where every
 * row belongs to one position only), dbias too. scratch holds nn_segments_scratch(out) * S reals. */
void nn_segments_block(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *X,
                       const nn_real *bias, nn_real *Y);
void nn_segments_back_block(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *X,
                            const nn_real *dY, nn_real *dX, bool set, nn_real *dW, nn_real *dbias, nn_real *scratch);
size_t nn_segments_scratch(int out);

/* Products with other weights than the op's own (nn/relevance.h), after nn_segments_finish: y (to - from, out, S) of
 * positions from .. to-1, set or added to (then without bias); dX += of such a y. */
void nn_segments_apply(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *X,
                       const nn_real *bias, bool add, nn_real *y);
void nn_segments_apply_back(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *y,
                            nn_real *dX);

/* rows of y = bias (NULL: zero); bias gradient = sum over lanes. */
void nn_bias_set(int rows, int S, const nn_real *bias, nn_real *y);
void nn_bias_grad(int rows, int S, const nn_real *dy, nn_real *dbias);

/* Kaiming-type uniform weights: bound sqrt(1/fan_in), fan_in counting open taps only, times gain. */
void nn_uniform(nn_real *w, size_t n, double bound, rng r, unsigned part);

#endif

/* ssm.h: what structured state space layers share: a linear recurrence per channel, x <- A x + B u, y = C x, applied to
 * a whole sequence. The sequence is cut in chunks of T positions, and everything is a product of small matrices with
 * rows of lanes (exact: no truncation, no FFT):
 *   inside a chunk     y[l] = sum_k local[l][k] u[k]               local: the kernel, Toeplitz
 *   into the state     X_{j+1} = hop X_j + sum_k in[k] u_j[k]      X_j: the state before chunk j; hop = A^T
 *   out of the state   y_j[l] += out[l] X_j                        out[l] = C A^(l+1)
 * With `both` a second recurrence runs backwards, y_t = sum_{s<=t} k0[t-s] u_s + sum_{s>t} k1[s-t-1] u_s: its rows
 * stand behind those of the first, its state before chunk j comes from the chunks behind. An op fills the matrices of
 * one channel (in double) and takes their gradients back; local, allocates nothing. */
#ifndef NN_SSM_H
#define NN_SSM_H

#include "nn/op.h"

typedef struct nn_ssm {
  int H, L, M;         /* channels, positions, real numbers of state per channel and direction */
  int dirs;            /* 1, or 2 with `both` */
  int T, chunks, tail; /* positions of a chunk; of the last one */
  bool diagonal;       /* hop: n = M/2 complex numbers, real parts first, else (M, M) */
  bool frozen;         /* no gradients of in and hop */
} nn_ssm;

/* One channel. (T, states) with states = dirs M. */
typedef struct nn_ssm_channel {
  double *kernel;                      /* (dirs, T) k0, k1 of the first T lags; what skips the state belongs to k0[0] */
  double *in, *out;                    /* (T, states) */
  double *hop, *hop_tail;              /* A^T, A^tail; diagonal: (2, M/2), else (M, M) */
  double *dkernel, *din, *dout, *dhop; /* gradients, the same shapes; dhop summed over both directions */
} nn_ssm_channel;

/* Shape of a layer and of the node: x and y have H channels. T is chosen for speed. ERR_RUN. */
int nn_ssm_shape(nn_ssm *s, nn_node *n, const nn_shape *in, int modes, bool both, bool diagonal, bool frozen, err *e);

/* The op's own walk over channels: fill sets c for channel h, collect (backward) takes the gradients. */
typedef void nn_ssm_fill(const nn_node *n, const nn_frame *f, int h, nn_ssm_channel *c);
void nn_ssm_forward(const nn_ssm *s, const nn_node *n, const nn_frame *f, nn_ssm_fill *fill);
void nn_ssm_backward(const nn_ssm *s, const nn_node *n, const nn_frame *f, nn_ssm_fill *fill, nn_ssm_fill *collect);

/* For step: the state of channel h, (M, S) doubles, which lies in what the frame keeps; nn_ssm_open at t = 0 clears it
 * unless the frame carries on, nn_ssm_store (before position t changes it) leaves what backward needs. */
double *nn_ssm_state(const nn_ssm *s, const nn_node *n, const nn_frame *f, int h);
void nn_ssm_open(const nn_ssm *s, const nn_node *n, const nn_frame *f);
void nn_ssm_store(const nn_ssm *s, const nn_node *n, const nn_frame *f, int t);

#endif

/* window.h: which positions of x a position of y looks at: the geometry that convolutions and poolings share. Local. */
#ifndef NN_WINDOW_H
#define NN_WINDOW_H

#include "nn/op.h"

/* Settings per dimension; 0 in kernel, stride and dilation means 1. before and after: padding. */
typedef struct nn_window_conf {
  int kernel[3], stride[3], dilation[3], before[3], after[3];
  bool periodic; /* what lies outside is the other side (else: nothing) */
} nn_window_conf;

typedef struct nn_window {
  nn_window_conf c; /* zeros replaced */
  nn_shape in, out; /* channels of out: those of in */
  int taps;
} nn_window;
int nn_window_of(nn_window *w, const nn_window_conf *c, nn_shape in, err *e);
/* Position of x that tap `tap` of position t of y looks at, -1 where that is outside. */
int nn_window_at(const nn_window *w, int t, int tap);
void nn_window_text(const nn_window_conf *c, FILE *f);

/* Settings that keep the extents (odd kernels) in the first `dims` dimensions. */
nn_window_conf nn_window_same(int dims, int kernel, int dilation, bool periodic);
/* One-dimensional, looking back only. */
nn_window_conf nn_window_causal(int kernel, int dilation);

#endif

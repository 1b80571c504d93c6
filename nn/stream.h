/* stream.h: a sequence network fed one frame at a time, one answer out for each, the state of its recurrent layers
 * carried from frame to frame: equal to the whole sequence at once up to rounding. Local; pushing allocates nothing. */
#ifndef NN_STREAM_H
#define NN_STREAM_H

#include "nn/graph.h"

typedef struct nn_stream nn_stream;
/* g: the network for sequences of one frame (extent[0] = 1), with the parameters of the longer ones; g, theta and state
 * are not owned. Frames are walked by `step`, pictures within a frame by forward. ERR_DECK names a layer that cannot be
 * (nn_by_frames). */
int nn_stream_new(nn_stream **s, const nn_graph *g, int lanes, const nn_real *theta, const nn_real *state, err *e);
void nn_stream_free(nn_stream *s);
void nn_stream_begin(nn_stream *s);            /* the next frame is the first of a sequence */
nn_real *nn_stream_input(nn_stream *s, int k); /* (rows, lanes) of input k, to be filled before each push */
const nn_real *nn_stream_push(nn_stream *s);   /* (channels, lanes) of the output, valid until the next push */

#endif

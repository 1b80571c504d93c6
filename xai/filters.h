/* filters.h: how much of the relevance each channel (filter) of a node carries, over many samples, with jackknife
 * errors:   share_c = sum_s r_sc / sum_s sum_c r_sc,   r_sc = sum over positions of the relevance of channel c in
 * sample s. No sample is left out, whatever its sign. Samples come in any order of shards; block = global number mod
 * blocks. */
#ifndef XAI_FILTERS_H
#define XAI_FILTERS_H

#include "nn/op.h"

typedef struct xai_filters {
  int channels, blocks;
  double *sum;   /* (blocks, channels) */
  double *count; /* (blocks) samples   */
} xai_filters;
int xai_filters_new(xai_filters **f, int channels, int blocks, err *e);
void xai_filters_free(xai_filters *f);
/* Relevance R (positions, channels, S) of a node; lanes 0 .. valid-1 are the samples first, first + 1, ... */
void xai_filters_add(xai_filters *f, nn_shape shape, const nn_real *R, int S, int valid, long first);
/* share (channels), error (channels), and per sample the mean relevance (channels; may be NULL). NaN errors where fewer
 * than two blocks hold samples. */
void xai_filters_result(const xai_filters *f, double *share, double *error, double *mean);

#endif

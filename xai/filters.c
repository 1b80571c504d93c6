/* filters.c: relevance shares of channels (see filters.h). */
#include "xai/filters.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/jackknife.h"

int xai_filters_new(xai_filters **out, int channels, int blocks, err *e) {
  xai_filters *f = *out = calloc(1, sizeof *f);
  if (f) {
    *f = (xai_filters){.channels = channels, .blocks = blocks};
    f->sum = calloc((size_t)blocks * (size_t)channels, sizeof *f->sum);
    f->count = calloc((size_t)blocks, sizeof *f->count);
  }
  if (f && f->sum && f->count) return 0;
  xai_filters_free(f);
  *out = NULL;
  return err_set(e, ERR_RUN, "filter relevance: out of memory");
}

void xai_filters_free(xai_filters *f) {
  if (!f) return;
  free(f->sum), free(f->count), free(f);
}

void xai_filters_add(xai_filters *f, nn_shape shape, const nn_real *R, int S, int valid, long first) {
  size_t C = (size_t)f->channels;
  for (int i = 0; i < valid; i++) f->count[(first + i) % f->blocks] += 1;
  for (size_t row = 0; row < nn_rows(shape); row++)
    for (int i = 0; i < valid; i++)
      f->sum[(size_t)((first + i) % f->blocks) * C + row % C] += (double)R[row * (size_t)S + (size_t)i];
}

/* Share of channel c from all blocks but `without` (-1: all). */
static double share_of(const xai_filters *f, int c, int without) {
  double own = 0, all = 0;
  for (int b = 0; b < f->blocks; b++)
    for (int k = 0; k < f->channels && b != without; k++) {
      double v = f->sum[(size_t)b * (size_t)f->channels + (size_t)k];
      all += v;
      own += k == c ? v : 0;
    }
  return all != 0 ? own / all : NAN;
}

void xai_filters_result(const xai_filters *f, double *share, double *error, double *mean) {
  double *left = malloc((size_t)f->blocks * sizeof *left), n = 0;
  for (int b = 0; b < f->blocks; b++) n += f->count[b];
  for (int c = 0; c < f->channels; c++) {
    share[c] = share_of(f, c, -1);
    error[c] = NAN;
    for (int b = 0; b < f->blocks && left; b++) left[b] = share_of(f, c, b);
    if (left) jackknife_blocks(f->blocks, f->count, share[c], left, NULL, &error[c]);
    if (!mean) continue;
    mean[c] = 0;
    for (int b = 0; b < f->blocks; b++) mean[c] += f->sum[(size_t)b * (size_t)f->channels + (size_t)c];
    mean[c] /= n;
  }
  free(left);
}

/* segment.c: see segment.h. */
#include "nn/segment.h"

#include <stdlib.h>
#include <string.h>

#include "nn/gemm.h"

nn_segments *nn_segments_new(int positions) {
  nn_segments *s = calloc(1, sizeof *s);
  if (s) s->start = calloc((size_t)positions + 1, sizeof *s->start);
  if (!s || !s->start) {
    free(s);
    return NULL;
  }
  s->positions = positions;
  return s;
}

void nn_segments_free(nn_segments *s) {
  if (!s) return;
  free(s->start);
  free(s->segment);
  free(s);
}

/* start[positions] counts the segments used so far; start[t+1] is set when position t is closed. */
int nn_segments_add(nn_segments *s, int t, int w, int x, int n) {
  int used = s->start[s->positions];
  nn_segment *last = used > s->start[t] ? &s->segment[used - 1] : NULL;
  if (last && last->w + last->n == w && last->x + last->n == x) {
    last->n += n;
    return 0;
  }
  if (used == s->room) {
    int room = s->room ? 2 * s->room : 64;
    nn_segment *more = realloc(s->segment, (size_t)room * sizeof *more);
    if (!more) return 1;
    s->segment = more;
    s->room = room;
  }
  s->segment[used] = (nn_segment){w, x, n};
  s->start[s->positions] = used + 1;
  return 0;
}

void nn_segments_close(nn_segments *s, int t) {
  s->start[t + 1] = s->start[s->positions];
}

double nn_segments_macs(const nn_segments *s, int out) {
  double rows = 0;
  for (int i = 0; i < s->start[s->positions]; i++) rows += s->segment[i].n;
  return rows * out;
}

void nn_segments_forward(const nn_segments *s, int t, int out, int S, const nn_real *W, const nn_real *X,
                         const nn_real *bias, nn_real *y) {
  int first = s->start[t], end = s->start[t + 1];
  if (bias || first == end) nn_bias_set(out, S, bias, y);
  for (int i = first; i < end; i++) {
    const nn_segment *g = &s->segment[i];
    (i == first && !bias ? nn_gemm_set : nn_gemm)(out, S, g->n, W + (size_t)g->w * out, 1, out, X + (size_t)g->x * S, S,
                                                  y, S);
  }
}

void nn_segments_backward(const nn_segments *s, int t, int out, int S, const nn_real *W, const nn_real *X,
                          const nn_real *dy, nn_real *dX, bool set, nn_real *dW, nn_real *scratch) {
  bool wide = out >= NN_VL;
  if (wide) nn_transpose(out, S, dy, S, scratch, out);
  for (int i = s->start[t]; i < s->start[t + 1]; i++) {
    const nn_segment *g = &s->segment[i];
    const nn_real *x = X + (size_t)g->x * S;
    size_t w = (size_t)g->w * out;
    if (dX) (set ? nn_gemm_set : nn_gemm)(g->n, S, out, W + w, out, 1, dy, S, dX + (size_t)g->x * S, S);
    if (wide)
      nn_gemm(g->n, out, S, x, S, 1, scratch, out, dW + w, out);
    else
      for (int m = 0; m < out; m++) nn_dot_rows(g->n, S, x, S, dy + (size_t)m * S, dW + w + m, out);
  }
}

void nn_bias_set(int rows, int S, const nn_real *bias, nn_real *y) {
  if (!bias) {
    memset(y, 0, (size_t)rows * (size_t)S * sizeof *y);
    return;
  }
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < S; i++) y[(size_t)r * S + i] = bias[r];
}

void nn_bias_grad(int rows, int S, const nn_real *dy, nn_real *dbias) {
  for (int r = 0; r < rows; r++) {
    nn_real sum = 0;
    for (int i = 0; i < S; i++) sum += dy[(size_t)r * S + i];
    dbias[r] += sum;
  }
}

void nn_uniform(nn_real *w, size_t n, double bound, rng r, unsigned part) {
  for (size_t i = 0; i < n; i++) w[i] = (nn_real)(bound * (2 * rng_uniform(r, i, part, 0) - 1));
}

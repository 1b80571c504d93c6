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
  free(s->run), free(s->shift);
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

/* By how many rows of x position t + 1 is shifted against t; 0: they differ in more than that. */
static int shift_after(const nn_segments *s, int t) {
  int n = s->start[t + 1] - s->start[t], shift = 0;
  if (!n || s->start[t + 2] - s->start[t + 1] != n) return 0;
  for (int i = s->start[t]; i < s->start[t + 1]; i++) {
    const nn_segment *a = &s->segment[i], *b = a + n;
    if (a->w != b->w || a->n != b->n || (shift && b->x - a->x != shift)) return 0;
    shift = b->x - a->x;
  }
  return shift > 0 ? shift : 0;
}

int nn_segments_finish(nn_segments *s) {
  s->run = calloc((size_t)s->positions, sizeof *s->run);
  s->shift = calloc((size_t)s->positions, sizeof *s->shift);
  if (!s->run || !s->shift) return 1;
  for (int t = s->positions - 1; t >= 0; t--) {
    int shift = t + 1 < s->positions ? shift_after(s, t) : 0;
    bool longer = shift && (s->run[t + 1] == 1 || s->shift[t + 1] == shift);
    s->run[t] = longer ? s->run[t + 1] + 1 : 1;
    s->shift[t] = longer ? shift : 0;
  }
  return 0;
}

void nn_segments_apply(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *X,
                       const nn_real *bias, bool add, nn_real *y) {
  for (int t = from, run; t < to; t += run) {
    run = s->run[t] < to - t ? s->run[t] : to - t;
    nn_multiply(&(nn_product){.R = out,
                              .N = S,
                              .terms = s->start[t + 1] - s->start[t],
                              .panels = run,
                              .term = s->segment + s->start[t],
                              .A = W,
                              .ra = 1,
                              .ka = out,
                              .ta = out,
                              .B = X,
                              .ldb = S,
                              .tb = S,
                              .Bp = (long)s->shift[t] * S,
                              .bias = bias,
                              .C = y + (size_t)(t - from) * out * S,
                              .ldc = S,
                              .Cp = (long)out * S,
                              .add = add});
  }
}

void nn_segments_block(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *X,
                       const nn_real *bias, nn_real *Y) {
  nn_segments_apply(s, from, to, out, S, W, X, bias, false, Y + (size_t)from * out * S);
}

/* What the backward of one run of positions has at hand. */
enum { RUN = 16 };
typedef struct back {
  const nn_segments *s;
  int t, run, out, S;
  const nn_real *dy; /* (run, out, S) */
} back;

/* Rows of dX that neighbours share are touched by one term of the shift at a time, so that panels do not overlap. */
static void back_inputs(const back *b, const nn_segment *g, const nn_real *W, nn_real *dX, bool set) {
  const nn_segment all = {0, 0, b->out};
  int shift = b->run > 1 ? b->s->shift[b->t] : g->n;
  for (int r = 0; r < g->n; r += shift)
    nn_multiply(&(nn_product){.R = g->n - r < shift ? g->n - r : shift,
                              .N = b->S,
                              .terms = 1,
                              .panels = b->run,
                              .term = &all,
                              .A = W + (size_t)(g->w + r) * b->out,
                              .ra = b->out,
                              .ka = 1,
                              .B = b->dy,
                              .ldb = b->S,
                              .Bp = (long)b->out * b->S,
                              .C = dX + (size_t)(g->x + r) * b->S,
                              .ldc = b->S,
                              .Cp = (long)shift * b->S,
                              .add = !set});
}

/* Whole vectors of outputs by products with dy^T (run * S, out), one term per position; the rest row by row. */
static void back_weights(const back *b, const nn_segment *g, const nn_real *X, const nn_real *turned, nn_real *dW) {
  nn_segment term[RUN];
  int out = b->out, S = b->S, wide = out / NN_VL * NN_VL;
  const nn_real *x = X + (size_t)g->x * S;
  long shift = (long)b->s->shift[b->t] * S;
  for (int i = 0; i < b->run; i++) term[i] = (nn_segment){i, i, S};
  dW += (size_t)g->w * out;
  nn_multiply(&(nn_product){.R = g->n,
                            .N = wide,
                            .terms = b->run,
                            .panels = 1,
                            .term = term,
                            .A = x,
                            .ra = S,
                            .ka = 1,
                            .ta = shift,
                            .B = turned,
                            .ldb = out,
                            .tb = (long)S * out,
                            .C = dW,
                            .ldc = out,
                            .add = true});
  for (int i = 0; i < b->run; i++)
    for (int m = wide; m < out; m++)
      nn_dot_rows(g->n, S, x + i * shift, S, b->dy + ((size_t)i * out + m) * S, dW + m, out);
}

static void back_bias(const back *b, const nn_real *turned, nn_real *dbias) {
  int wide = b->out / NN_VL * NN_VL;
  for (int i = 0; i < b->run * b->S; i++)
    for (int m = 0; m < wide; m++) dbias[m] += turned[(size_t)i * b->out + m];
  for (int i = 0; i < b->run; i++)
    nn_bias_grad(b->out - wide, b->S, b->dy + ((size_t)i * b->out + wide) * b->S, dbias + wide);
}

void nn_segments_back_block(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *X,
                            const nn_real *dY, nn_real *dX, bool set, nn_real *dW, nn_real *dbias, nn_real *scratch) {
  int most = 256 / S < 1 ? 1 : 256 / S < RUN ? 256 / S : RUN;
  for (int t = from, run; t < to; t += run) {
    run = s->run[t] < to - t ? s->run[t] : to - t;
    run = run < most ? run : most;
    back b = {s, t, run, out, S, dY + (size_t)t * out * S};
    for (int i = 0; i < run && out >= NN_VL; i++)
      nn_transpose(out, S, b.dy + (size_t)i * out * S, S, scratch + (size_t)i * S * out, out);
    for (int i = s->start[t]; i < s->start[t + 1]; i++) {
      if (dX) back_inputs(&b, &s->segment[i], W, dX, set);
      back_weights(&b, &s->segment[i], X, scratch, dW);
    }
    if (dbias) back_bias(&b, scratch, dbias);
  }
}

void nn_segments_apply_back(const nn_segments *s, int from, int to, int out, int S, const nn_real *W, const nn_real *y,
                            nn_real *dX) {
  int most = 256 / S < 1 ? 1 : 256 / S < RUN ? 256 / S : RUN;
  for (int t = from, run; t < to; t += run) {
    run = s->run[t] < to - t ? s->run[t] : to - t;
    run = run < most ? run : most;
    back b = {s, t, run, out, S, y + (size_t)(t - from) * out * S};
    for (int i = s->start[t]; i < s->start[t + 1]; i++) back_inputs(&b, &s->segment[i], W, dX, false);
  }
}

size_t nn_segments_scratch(int out) {
  return (size_t)RUN * (size_t)out;
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

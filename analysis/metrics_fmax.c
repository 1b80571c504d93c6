/* metrics_fmax.c: metrics_fmax.
 *
 *   F(t) = 2 pr rc/(pr + rc),  pr = mean over rows with a prediction of TP/predicted,  rc = mean over rows of TP/true.
 * Entries enter in descending order of score; each changes the terms of its own row only. */
#include <math.h>
#include <stdlib.h>

#include "analysis/metrics.h"

typedef struct entry {
  double score;
  long row;
  int label;
} entry;

typedef struct row {
  int labels, predicted, tp;
} row;

static int descending(const void *a, const void *b) {
  double x = ((const entry *)a)->score, y = ((const entry *)b)->score;
  return (x < y) - (x > y);
}

static long collect(const metrics_scores *s, row *r, entry *x, long *rows, err *e) {
  long m = 0;
  *rows = 0;
  for (long i = 0; i < s->n; i++) {
    for (int c = 0; c < s->k; c++) r[i].labels += s->label[i * s->k + c] == 1;
    if (!r[i].labels) continue;
    ++*rows;
    for (int c = 0; c < s->k; c++) {
      if (s->label[i * s->k + c] == METRICS_MISSING) continue;
      x[m++] = (entry){s->score[i * s->k + c], i, s->label[i * s->k + c]};
      if (isnan(x[m - 1].score)) err_set(e, ERR_RUN, "metrics: the score of row %ld, class %d is NaN", i, c);
    }
  }
  if (!m) err_set(e, ERR_RUN, "metrics: no row has a label");
  return m;
}

int metrics_fmax(const metrics_scores *s, double *fmax_, double *threshold, err *e) {
  row *r = calloc((size_t)s->n, sizeof *r);
  entry *x = malloc((size_t)s->n * (size_t)s->k * sizeof *x);
  long rows = 0, predicting = 0, m = r && x ? collect(s, r, x, &rows, e) : 0;
  if (!r || !x) err_set(e, ERR_RUN, "metrics: no memory for %ld rows of %d classes", s->n, s->k);
  double precision = 0, recall = 0;
  *fmax_ = *threshold = 0;
  if (!e->code) qsort(x, (size_t)m, sizeof *x, descending);
  for (long i = 0; i < m && !e->code; i++) {
    row *q = &r[x[i].row];
    double before = q->predicted ? (double)q->tp / q->predicted : 0;
    predicting += !q->predicted++;
    q->tp += x[i].label;
    precision += (double)q->tp / q->predicted - before;
    if (x[i].label) recall += 1. / q->labels;
    if (i + 1 < m && x[i + 1].score == x[i].score) continue;
    double pr = precision / (double)predicting, rc = recall / (double)rows, f = 2 * pr * rc / (pr + rc);
    if (f > *fmax_) *fmax_ = f, *threshold = x[i].score;
  }
  free(r), free(x);
  return e->code;
}

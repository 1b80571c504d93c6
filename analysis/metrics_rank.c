/* metrics_rank.c: metrics_ranking_new/_free, metrics_values, metrics_find and the table of ranking metrics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/metrics.h"

extern const metrics_binary metrics_auroc, metrics_average_precision, metrics_f1_max, metrics_sensitivity;
const metrics_binary *const metrics_binaries[] = {&metrics_auroc, &metrics_average_precision, &metrics_f1_max,
                                                  &metrics_sensitivity, NULL};

const metrics_binary *metrics_find(const char *name) {
  for (int i = 0; metrics_binaries[i]; i++)
    if (!strcmp(metrics_binaries[i]->name, name)) return metrics_binaries[i];
  return NULL;
}

typedef struct item {
  double score;
  uint32_t entry;
} item;

static int ascending(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->score != y->score) return x->score < y->score ? -1 : 1;
  return (x->entry > y->entry) - (x->entry < y->entry);
}

/* Sorted entries of classes first ... end-1 as one list. work: room for all of them. */
static int rank_classes(metrics_rank *r, const metrics_scores *s, int first, int end, item *work, err *e) {
  long m = 0;
  for (long i = 0; i < s->n; i++)
    for (int c = first; c < end; c++) {
      unsigned char y = s->label[i * s->k + c];
      double v = s->score[i * s->k + c];
      if (y == METRICS_MISSING) continue;
      if (y > 1) return err_set(e, ERR_RUN, "metrics: label %d of row %ld, class %d is neither 0 nor 1", y, i, c);
      if (isnan(v)) return err_set(e, ERR_RUN, "metrics: the score of row %ld, class %d is NaN", i, c);
      work[m++] = (item){v, (uint32_t)i << 2 | (uint32_t)y << 1};
    }
  qsort(work, (size_t)m, sizeof *work, ascending);
  r->m = m;
  r->entry = malloc((size_t)(m + 1) * sizeof *r->entry);
  if (!r->entry) return err_set(e, ERR_RUN, "metrics: no memory for %ld scores", m);
  for (long i = 0; i < m; i++) r->entry[i] = work[i].entry | (i + 1 == m || work[i].score != work[i + 1].score);
  return 0;
}

int metrics_ranking_new(metrics_ranking **out, const metrics_scores *s, bool micro, err *e) {
  *out = NULL;
  if (s->n < 1 || s->n >= 1L << 30 || s->k < 1)
    return err_set(e, ERR_RUN, "metrics: %ld rows of %d classes: both must be positive, rows below 2^30", s->n, s->k);
  metrics_ranking *r = calloc(1, sizeof *r);
  item *work = malloc((size_t)s->n * (micro ? (size_t)s->k : 1) * sizeof *work);
  if (r) *r = (metrics_ranking){s->n, s->k, micro, calloc((size_t)s->k + 1, sizeof *r->rank)};
  int rc = 0;
  if (!r || !work || !r->rank) rc = err_set(e, ERR_RUN, "metrics: no memory for %ld rows of %d classes", s->n, s->k);
  for (int c = 0; c < s->k && !rc; c++) rc = rank_classes(&r->rank[c], s, c, c + 1, work, e);
  if (micro && !rc) rc = rank_classes(&r->rank[s->k], s, 0, s->k, work, e);
  free(work);
  if (!rc) {
    *out = r;
    return 0;
  }
  metrics_ranking_free(r);
  return rc;
}

void metrics_ranking_free(metrics_ranking *r) {
  if (!r) return;
  for (int c = 0; r->rank && c <= r->k; c++) free(r->rank[c].entry);
  free(r->rank);
  free(r);
}

int metrics_values(const metrics_ranking *r, const metrics_binary *b, double at, double *each, double *macro,
                   double *micro, err *e) {
  uint16_t *w = aligned_alloc(64, ((size_t)r->n * METRICS_LANES * sizeof *w + 63) / 64 * 64);
  double v[METRICS_LANES], sum = 0;
  int used = 0;
  if (!w) return err_set(e, ERR_RUN, "metrics: no memory for %ld weights", r->n);
  for (long i = 0; i < r->n * METRICS_LANES; i++) w[i] = 1;
  for (int c = 0; c < r->k; c++) {
    b->value(&r->rank[c], w, at, v);
    if (each) each[c] = v[0];
    if (!isnan(v[0])) sum += v[0], used++;
  }
  if (macro) *macro = used ? sum / used : NAN;
  if (micro && r->micro)
    b->value(&r->rank[r->k], w, at, v), *micro = v[0];
  else if (micro)
    *micro = NAN;
  free(w);
  return 0;
}

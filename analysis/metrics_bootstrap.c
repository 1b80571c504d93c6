/* metrics_bootstrap.c: metrics_bootstrap, metrics_panel_*, metrics_interval_of, metrics_quantile.
 *
 * Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 (percentile) and 8.6 (clusters are drawn
 * whole); the basic interval is 2 theta - quantiles. Replicate b draws row floor(n U) with U from words of the stream
 * "bootstrap" at (b, attempt, draw / 2). */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/metrics_lanes.h"
#include "base/rng.h"

enum { ATTEMPTS = 10000 };

typedef struct worker {
  uint16_t *w;     // (n, LANES)
  double *value;   // (count, LANES)
  uint16_t *pick;  // (groups) or NULL
} worker;

static uint32_t below(uint32_t hi, uint32_t lo, uint64_t n) {
  return (uint32_t)((unsigned __int128)((uint64_t)hi << 32 | lo) * n >> 64);
}

/* How often each of m things is drawn in m draws: c[i * stride]. False where a count does not fit. */
static bool draw_counts(rng r, uint64_t replicate, uint32_t attempt, long m, uint16_t *c, int stride) {
  bool fits = true;
  for (long d = 0; d < m; d += 2) {
    philox4x32_ctr_t x = rng_words(r, replicate, attempt, (uint32_t)(d / 2));
    fits &= ++c[(long)below(x.v[0], x.v[1], (uint64_t)m) * stride] != 0;
    if (d + 1 < m) fits &= ++c[(long)below(x.v[2], x.v[3], (uint64_t)m) * stride] != 0;
  }
  return fits;
}

static bool has_side(const metrics_rank *k, const uint16_t *w, uint32_t side) {
  for (long j = 0; j < k->m; j++) {
    uint32_t t = k->entry[side ? k->m - 1 - j : j];
    if ((t >> 1 & 1) == side && w[(size_t)(t >> 2) * METRICS_LANES]) return true;
  }
  return false;
}

/* Does every class of `require` have both sides in this lane? */
static bool complete(const metrics_ranking *require, const uint16_t *w) {
  for (int c = 0; require && c < require->k; c++)
    if (!has_side(&require->rank[c], w, 1) || !has_side(&require->rank[c], w, 0)) return false;
  return true;
}

static void clear_lane(const metrics_resample *p, uint16_t *w) {
  for (long i = 0; i < p->n; i++) w[i * METRICS_LANES] = 0;
}

static const char *stored_lane(const metrics_resample *p, long b, uint16_t *w) {
  const uint32_t *row = p->stored + b * p->n;
  for (long i = 0; i < p->n; i++) {
    if (row[i] >= p->n) return "a stored row is out of range";
    if (!++w[(size_t)row[i] * METRICS_LANES]) return "a row stands more than 65535 times in a replicate";
  }
  return NULL;
}

/* One replicate into one lane; NULL or what is wrong. */
static const char *drawn_lane(const metrics_resample *p, rng r, long b, uint16_t *w, uint16_t *pick) {
  for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
    bool fits;
    if (p->group) {
      memset(pick, 0, (size_t)p->groups * sizeof *pick);
      fits = draw_counts(r, (uint64_t)(p->first + b), attempt, p->groups, pick, 1);
      for (long i = 0; i < p->n; i++) w[i * METRICS_LANES] = pick[p->group[i]];
    } else {
      clear_lane(p, w);
      fits = draw_counts(r, (uint64_t)(p->first + b), attempt, p->n, w, METRICS_LANES);
    }
    if (!fits) return "a row was drawn more than 65535 times in a replicate";
    if (complete(p->require, w)) return NULL;
  }
  return "no replicate has a positive and a negative in every class";
}

static const char *one_batch(const metrics_resample *p, long batch, int count, metrics_statistic *f, const void *ctx,
                             double *out, worker *k) {
  rng r = rng_stream(p->seed, "bootstrap");
  const char *bad = NULL;
  long first = batch * METRICS_LANES, lanes = p->replicates - first;
  if (lanes > METRICS_LANES) lanes = METRICS_LANES;
  memset(k->w, 0, (size_t)p->n * METRICS_LANES * sizeof *k->w);
  for (long l = 0; l < lanes && !bad; l++)
    bad = p->stored ? stored_lane(p, first + l, k->w + l) : drawn_lane(p, r, first + l, k->w + l, k->pick);
  if (bad) return bad;
  f(ctx, k->w, k->value);
  for (long l = 0; l < lanes; l++)
    for (int c = 0; c < count; c++) out[(first + l) * count + c] = k->value[c * METRICS_LANES + l];
  return NULL;
}

static int check_resample(const metrics_resample *p, err *e) {
  if (p->n < 1 || p->n >= 1L << 30 || p->replicates < 1)
    return err_set(e, ERR_RUN, "bootstrap: %ld replicates of %ld rows", p->replicates, p->n);
  if (p->group && p->stored) return err_set(e, ERR_RUN, "bootstrap: stored rows and clusters exclude each other");
  if (p->require && p->require->n != p->n)
    return err_set(e, ERR_RUN, "bootstrap: %ld rows, but %ld in the ranking", p->n, p->require->n);
  for (long i = 0; p->group && i < p->n; i++)
    if (p->group[i] < 0 || p->group[i] >= p->groups)
      return err_set(e, ERR_RUN, "bootstrap: cluster %d of row %ld is not below %d", p->group[i], i, p->groups);
  return 0;
}

static bool worker_new(worker *k, const metrics_resample *p, int count) {
  k->w = aligned_alloc(64, ((size_t)p->n * METRICS_LANES * sizeof *k->w + 63) / 64 * 64);
  k->value = aligned_alloc(64, ((size_t)count * METRICS_LANES * sizeof *k->value + 63) / 64 * 64);
  k->pick = p->group ? malloc((size_t)p->groups * sizeof *k->pick) : NULL;
  return k->w && k->value && (k->pick || !p->group);
}

int metrics_bootstrap(const metrics_resample *p, int count, metrics_statistic *f, const void *ctx, double *out,
                      err *e) {
  if (check_resample(p, e)) return e->code;
  int threads = omp_get_max_threads();
  long batches = (p->replicates + METRICS_LANES - 1) / METRICS_LANES;
  if (threads > batches) threads = (int)batches;
  worker *k = calloc((size_t)threads, sizeof *k);
  const char *bad = NULL;
  bool memory = k != NULL;
  for (int t = 0; t < threads && memory; t++) memory = worker_new(&k[t], p, count);
  if (memory) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (long b = 0; b < batches; b++) {
      const char *why = one_batch(p, b, count, f, ctx, out, &k[omp_get_thread_num()]);
#pragma omp critical
      if (why) bad = why;
    }
  }
  for (int t = 0; k && t < threads; t++) free(k[t].w), free(k[t].value), free(k[t].pick);
  free(k);
  if (!memory) return err_set(e, ERR_RUN, "bootstrap: no memory for %ld rows and %d threads", p->n, threads);
  return bad ? err_set(e, ERR_RUN, "bootstrap: %s", bad) : 0;
}

static int model_count(const metrics_panel *p, int m) {
  return 1 + (p->classes ? p->ranking[m]->k : 0) + p->ranking[m]->micro;
}

int metrics_panel_count(const metrics_panel *p) {
  int n = 0;
  for (int m = 0; m < p->models; m++) n += model_count(p, m);
  return n;
}

static void panel_model(const metrics_panel *p, const metrics_ranking *r, const uint16_t *w, double *value) {
  double v[METRICS_LANES], sum[METRICS_LANES] = {0};
  int used[METRICS_LANES] = {0}, at = 1;
  for (int c = 0; c < r->k; c++) {
    p->metric->value(&r->rank[c], w, p->at, v);
    for (int l = 0; l < METRICS_LANES; l++)
      if (!isnan(v[l])) sum[l] += v[l], used[l]++;
    if (p->classes) memcpy(value + at++ * METRICS_LANES, v, sizeof v);
  }
  for (int l = 0; l < METRICS_LANES; l++) value[l] = used[l] ? sum[l] / used[l] : NAN;
  if (r->micro) p->metric->value(&r->rank[r->k], w, p->at, value + at * METRICS_LANES);
}

void metrics_panel_statistic(const void *ctx, const uint16_t *w, double *value) {
  const metrics_panel *p = ctx;
  for (int m = 0, at = 0; m < p->models; at += model_count(p, m++))
    panel_model(p, p->ranking[m], w, value + at * METRICS_LANES);
}

double metrics_quantile(long n, const double *x, double q) {
  if (n < 1) return NAN;
  double at = q * (double)(n - 1);
  long i = (long)floor(at);
  if (i >= n - 1) return x[n - 1];
  return x[i] + (at - (double)i) * (x[i + 1] - x[i]);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int metrics_interval_of(long replicates, int count, const double *out, int i, int j, double point, double level,
                        metrics_interval_kind kind, metrics_interval *v, err *e) {
  double *x = malloc((size_t)replicates * sizeof *x), sum = 0, square = 0;
  long n = 0;
  if (!x) return err_set(e, ERR_RUN, "bootstrap: no memory for %ld replicates", replicates);
  for (long b = 0; b < replicates; b++) {
    double y = out[b * count + i] - (j < 0 ? 0 : out[b * count + j]);
    if (!isnan(y)) x[n++] = y, sum += y;
  }
  double mean = n ? sum / (double)n : NAN;
  for (long b = 0; b < n; b++) square += (x[b] - mean) * (x[b] - mean);
  qsort(x, (size_t)n, sizeof *x, ascending);
  double low = metrics_quantile(n, x, (1 - level) / 2), high = metrics_quantile(n, x, (1 + level) / 2);
  free(x);
  *v = (metrics_interval){point, mean, n > 1 ? sqrt(square / (double)(n - 1)) : NAN, low, high, n};
  if (kind == METRICS_BASIC) v->low = 2 * point - high, v->high = 2 * point - low;
  return 0;
}

/* test_metrics.c: ranking metrics against their definitions (ties, weights), F_max, calibration, regression, DeLong
 * against the bootstrap, intervals, paired differences, the same bits for any number of threads. */
#include <omp.h>

#include "analysis/metrics.h"
#include "base/rng.h"
#include "check.h"

enum { N = 60, K = 3 };
static double score[N * K];
static unsigned char label[N * K];

/* Scores on a coarse grid (many ties), some labels missing. */
static metrics_scores toy(uint32_t seed) {
  rng r = rng_stream(seed, "toy");
  for (int i = 0; i < N * K; i++) {
    double u = rng_uniform(r, (uint64_t)i, 0, 0), v = rng_uniform(r, (uint64_t)i, 1, 0);
    label[i] = u < .3;
    score[i] = floor(12 * (.4 * label[i] + v)) / 12;
    if (rng_uniform(r, (uint64_t)i, 2, 0) < .1) label[i] = METRICS_MISSING;
  }
  return (metrics_scores){N, K, score, label};
}

/* The definitions, one class, weights w. */
static double auroc_by_pairs(int c, const double *w) {
  double s = 0, pairs = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      if (label[i * K + c] == 1 && label[j * K + c] == 0) {
        double d = score[i * K + c] - score[j * K + c];
        s += w[i] * w[j] * (d > 0 ? 1 : d == 0 ? .5 : 0), pairs += w[i] * w[j];
      }
  return s / pairs;
}

/* TP, FP, P, N with everything at or above t called positive. */
static void confusion(int c, const double *w, double t, double x[4]) {
  for (int k = 0; k < 4; k++) x[k] = 0;
  for (int i = 0; i < N; i++) {
    int y = label[i * K + c];
    if (y == METRICS_MISSING) continue;
    x[y ? 2 : 3] += w[i];
    if (score[i * K + c] >= t) x[y ? 0 : 1] += w[i];
  }
}

static void by_thresholds(int c, const double *w, double specificity, double *ap, double *f1, double *sensitivity) {
  double last = 0;
  *ap = *f1 = *sensitivity = 0;
  for (int g = 24; g >= 0; g--) {
    double x[4];
    confusion(c, w, g / 12., x);
    if (x[0] + x[1] == 0) continue;
    *ap += (x[0] - last) / x[2] * x[0] / (x[0] + x[1]);
    *f1 = fmax(*f1, 2 * x[0] / (x[0] + x[1] + x[2]));
    if (1 - x[1] / x[3] >= specificity - 1e-12) *sensitivity = fmax(*sensitivity, x[0] / x[2]);
    last = x[0];
  }
}

static void definitions(void) {
  for (uint32_t seed = 1; seed <= 20; seed++) {
    err e = {0};
    metrics_scores s = toy(seed);
    metrics_ranking *r;
    CHECK(!metrics_ranking_new(&r, &s, false, &e));
    uint16_t *w = aligned_alloc(64, sizeof *w * N * METRICS_LANES + 64);
    double v[4][METRICS_LANES];
    rng q = rng_stream(seed, "weights");
    for (int i = 0; i < N * METRICS_LANES; i++) w[i] = (uint16_t)(4 * rng_uniform(q, (uint64_t)i, 0, 0));
    for (int c = 0; c < K; c++) {
      for (int b = 0; b < 4; b++) metrics_binaries[b]->value(&r->rank[c], w, .8, v[b]);
      for (int l = 0; l < METRICS_LANES; l++) {
        double x[N], ap, f1, sensitivity;
        for (int i = 0; i < N; i++) x[i] = w[i * METRICS_LANES + l];
        by_thresholds(c, x, .8, &ap, &f1, &sensitivity);
        CHECK_NEAR(v[0][l], auroc_by_pairs(c, x), 1e-14);
        CHECK_NEAR(v[1][l], ap, 1e-14);
        CHECK_NEAR(v[2][l], f1, 1e-14);
        CHECK_NEAR(v[3][l], sensitivity, 1e-14);
      }
    }
    free(w);
    metrics_ranking_free(r);
  }
}

static void averages(void) {
  err e = {0};
  metrics_ranking *r, *flat;
  metrics_scores s = toy(5);
  for (int i = 0; i < N; i++) label[i * K + 1] = 0; /* a class without positives has no AUROC */
  CHECK(!metrics_ranking_new(&r, &s, true, &e));
  double each[K], macro, micro, same;
  CHECK(!metrics_values(r, metrics_find("auroc"), 0, each, &macro, &micro, &e));
  CHECK(isnan(each[1]));
  CHECK_NEAR(macro, (each[0] + each[2]) / 2, 1e-15);
  metrics_scores one = {N * K, 1, score, label};
  CHECK(!metrics_ranking_new(&flat, &one, false, &e));
  CHECK(!metrics_values(flat, metrics_find("auroc"), 0, &same, NULL, NULL, &e));
  CHECK_NEAR(micro, same, 0);
  CHECK(metrics_find("nonsense") == NULL);
  metrics_ranking_free(flat), metrics_ranking_free(r);
  score[7] = NAN, label[7] = 1;
  CHECK(metrics_ranking_new(&r, &s, false, &e) == ERR_RUN && strstr(e.text, "row 2, class 1"));
  e = (err){0}, score[7] = 0, label[7] = 3;
  CHECK(metrics_ranking_new(&r, &s, false, &e) == ERR_RUN && strstr(e.text, "label 3"));
}

static double fmax_by_thresholds(const metrics_scores *s) {
  double best = 0;
  for (int g = 0; g <= 24; g++) {
    double pr = 0, rc = 0, rows = 0, predicting = 0;
    for (int i = 0; i < N; i++) {
      double tp = 0, p = 0, y = 0;
      for (int c = 0; c < K; c++) {
        int a = label[i * K + c];
        if (a == METRICS_MISSING) continue;
        y += a, p += score[i * K + c] >= g / 12., tp += a && score[i * K + c] >= g / 12.;
      }
      if (!y) continue;
      rows++, rc += tp / y;
      if (p) predicting++, pr += tp / p;
    }
    pr /= predicting, rc /= rows;
    if (pr + rc > 0) best = fmax(best, 2 * pr * rc / (pr + rc));
  }
  return best;
}

static void protein_centred(void) {
  for (uint32_t seed = 1; seed <= 20; seed++) {
    err e = {0};
    metrics_scores s = toy(seed);
    double f, t;
    CHECK(!metrics_fmax(&s, &f, &t, &e));
    CHECK_NEAR(f, fmax_by_thresholds(&s), 1e-13);
  }
}

/* Model a is better than model b, both depend on the same hidden strength: paired bootstrap, DeLong. */
enum { M = 400 };
static double models[2 * M];
static unsigned char truth[M];
static void two_models(uint32_t seed) {
  rng r = rng_stream(seed, "two models");
  for (int i = 0; i < M; i++) {
    double z = rng_normal(r, (uint64_t)i, 0, 0);
    truth[i] = i % 4 == 0;
    models[i] = 1.2 * truth[i] + z + .3 * rng_normal(r, (uint64_t)i, 1, 0);
    models[M + i] = 1.0 * truth[i] + z + .3 * rng_normal(r, (uint64_t)i, 2, 0);
  }
}

static void paired(void) {
  enum { B = 4000 };
  static double out[2 * B], again[2 * B];
  err e = {0};
  metrics_ranking *r[2];
  two_models(3);
  for (int m = 0; m < 2; m++) {
    metrics_scores s = {M, 1, models + m * M, truth};
    CHECK(!metrics_ranking_new(&r[m], &s, false, &e));
  }
  metrics_panel p = {2, (const metrics_ranking *const *)r, metrics_find("auroc"), 0, false};
  metrics_resample q = {.n = M, .replicates = B, .seed = 9, .require = r[0]};
  CHECK_INT(metrics_panel_count(&p), 2);
  omp_set_num_threads(1);
  CHECK(!metrics_bootstrap(&q, 2, metrics_panel_statistic, &p, out, &e));
  omp_set_num_threads(3);
  CHECK(!metrics_bootstrap(&q, 2, metrics_panel_statistic, &p, again, &e));
  CHECK_BITS(out, again, sizeof out);
  q.first = 1001, q.replicates = 13;
  CHECK(!metrics_bootstrap(&q, 2, metrics_panel_statistic, &p, again, &e));
  CHECK_BITS(out + 2 * 1001, again, 26 * sizeof *out);
  double auc[2], cov[4];
  CHECK(!metrics_delong(M, 2, models, truth, auc, cov, &e));
  metrics_interval a, d, basic;
  CHECK(!metrics_interval_of(B, 2, out, 0, -1, auc[0], .95, METRICS_PERCENTILE, &a, &e));
  CHECK(!metrics_interval_of(B, 2, out, 0, 1, auc[0] - auc[1], .95, METRICS_PERCENTILE, &d, &e));
  CHECK(!metrics_interval_of(B, 2, out, 0, -1, auc[0], .95, METRICS_BASIC, &basic, &e));
  CHECK_REL(a.sd, sqrt(cov[0]), .1);
  CHECK_REL(d.sd, sqrt(cov[0] + cov[3] - 2 * cov[1]), .1);
  CHECK(d.sd < .6 * a.sd); /* pairing pays */
  CHECK_SIGMA(a.mean, auc[0], a.sd / sqrt(B), 5);
  CHECK_NEAR(basic.low, 2 * auc[0] - a.high, 1e-15);
  CHECK_NEAR(basic.high, 2 * auc[0] - a.low, 1e-15);
  CHECK_NEAR(a.high - a.low, 2 * 1.96 * a.sd, .1 * a.sd * 4);
  CHECK_INT(a.used, B);
  metrics_ranking_free(r[0]), metrics_ranking_free(r[1]);
}

/* The pull of the AUROC under DeLong's error is a standard normal: mean and width over 400 samples. */
static void delong_pulls(void) {
  double sum = 0, square = 0, true_auc = .5 * erfc(-1.2 / sqrt(2 * (1 + .09)) / sqrt(2));
  enum { R = 400 };
  for (uint32_t t = 0; t < R; t++) {
    err e = {0};
    double auc[2], cov[4];
    two_models(100 + t);
    CHECK(!metrics_delong(M, 2, models, truth, auc, cov, &e));
    double pull = (auc[0] - true_auc) / sqrt(cov[0]);
    sum += pull, square += pull * pull;
  }
  CHECK_NEAR(sum / R, 0, 5 / sqrt(R) + .05);
  CHECK_NEAR(sqrt(square / R), 1, 5 / sqrt(2 * R));
}

static void delong_ties(void) {
  err e = {0};
  metrics_scores s = toy(2);
  double x[N], w[N], auc, cov, v10[N], v01[N], p = 0, n = 0, m10 = 0, m01 = 0, a = 0, b = 0;
  unsigned char y[N];
  for (int i = 0; i < N; i++) x[i] = s.score[i * K], y[i] = s.label[i * K], w[i] = 1, p += y[i] == 1, n += y[i] == 0;
  CHECK(!metrics_delong(N, 1, x, y, &auc, &cov, &e));
  CHECK_NEAR(auc, auroc_by_pairs(0, w), 1e-14);
  for (int i = 0; i < N; i++) {
    v10[i] = v01[i] = 0;
    for (int j = 0; j < N; j++) {
      if (y[i] == 1 && y[j] == 0) v10[i] += (x[i] > x[j] ? 1 : x[i] == x[j] ? .5 : 0) / n;
      if (y[i] == 0 && y[j] == 1) v01[i] += (x[j] > x[i] ? 1 : x[i] == x[j] ? .5 : 0) / p;
    }
    m10 += v10[i] / p, m01 += v01[i] / n;
  }
  for (int i = 0; i < N; i++) {
    if (y[i] == 1) a += (v10[i] - m10) * (v10[i] - m10) / (p - 1);
    if (y[i] == 0) b += (v01[i] - m01) * (v01[i] - m01) / (n - 1);
  }
  CHECK_REL(cov, a / p + b / n, 1e-12);
}

/* Clusters of ten equal rows: the spread is that of n/10 rows. Stored rows reproduce weights by hand. */
static void clusters_and_stored(void) {
  enum { G = 100, B = 2000 };
  static double x[M], out[B];
  static unsigned char y[M];
  static int group[M];
  err e = {0};
  rng r = rng_stream(4, "clusters");
  for (int i = 0; i < M; i++) group[i] = i / 4, y[i] = group[i] % 3 == 0;
  for (int i = 0; i < M; i++) x[i] = y[i] + rng_normal(r, (uint64_t)group[i], 0, 0);
  metrics_scores s = {M, 1, x, y};
  metrics_ranking *k;
  CHECK(!metrics_ranking_new(&k, &s, false, &e));
  metrics_panel p = {1, (const metrics_ranking *const *)&k, metrics_find("auroc"), 0, false};
  metrics_resample q = {.n = M, .replicates = B, .seed = 2, .group = group, .groups = G, .require = k};
  metrics_interval rows, whole;
  CHECK(!metrics_bootstrap(&q, 1, metrics_panel_statistic, &p, out, &e));
  CHECK(!metrics_interval_of(B, 1, out, 0, -1, 0, .9, METRICS_PERCENTILE, &whole, &e));
  q.group = NULL;
  CHECK(!metrics_bootstrap(&q, 1, metrics_panel_statistic, &p, out, &e));
  CHECK(!metrics_interval_of(B, 1, out, 0, -1, 0, .9, METRICS_PERCENTILE, &rows, &e));
  CHECK_NEAR(whole.sd / rows.sd, 2, .2);
  uint32_t stored[M];
  for (uint32_t i = 0; i < M; i++) stored[i] = i;
  q = (metrics_resample){.n = M, .replicates = 1, .stored = stored};
  double all, value;
  CHECK(!metrics_bootstrap(&q, 1, metrics_panel_statistic, &p, &all, &e));
  CHECK(!metrics_values(k, p.metric, 0, &value, NULL, NULL, &e));
  CHECK_NEAR(all, value, 0);
  stored[5] = M;
  CHECK(metrics_bootstrap(&q, 1, metrics_panel_statistic, &p, &all, &e) == ERR_RUN && strstr(e.text, "out of range"));
  metrics_ranking_free(k);
}

static void impossible(void) {
  err e = {0};
  unsigned char none[4] = {0};
  double x[4] = {1, 2, 3, 4}, out;
  metrics_scores s = {4, 1, x, none};
  metrics_ranking *k;
  CHECK(!metrics_ranking_new(&k, &s, false, &e));
  metrics_panel p = {1, (const metrics_ranking *const *)&k, metrics_find("auroc"), 0, false};
  metrics_resample q = {.n = 4, .replicates = 1, .require = k};
  CHECK(metrics_bootstrap(&q, 1, metrics_panel_statistic, &p, &out, &e) == ERR_RUN);
  CHECK(strstr(e.text, "positive and a negative") != NULL);
  metrics_ranking_free(k);
}

/* p drawn, y with frequency p^2: ECE and the Brier score are known integrals. */
static void calibration(void) {
  enum { C = 200000, BINS = 10 };
  static double p[C];
  static unsigned char y[C];
  err e = {0};
  rng r = rng_stream(6, "calibration");
  for (int i = 0; i < C; i++) {
    p[i] = rng_uniform(r, (uint64_t)i, 0, 0);
    y[i] = rng_uniform(r, (uint64_t)i, 1, 0) < p[i] * p[i];
  }
  metrics_bin bin[BINS];
  metrics_calibration c, d;
  CHECK(!metrics_calibrate(C, p, y, BINS, false, bin, &c, &e));
  CHECK_NEAR(c.brier, 1. / 3 - 1. / 2 + 1. / 3, 5 * .3 / sqrt(C)); /* E[p^2 - 2p y + y] */
  CHECK_NEAR(c.ece, 1. / 2 - 1. / 3, 5 * .5 / sqrt(C));
  CHECK_NEAR(c.uncertainty, 2. / 9, .005);
  CHECK_NEAR(bin[9].mean_p, .95, .005);
  CHECK_NEAR(bin[9].rate, .9033, .015);
  CHECK(!metrics_calibrate(C, p, y, BINS, true, bin, &d, &e));
  CHECK_NEAR(bin[0].count, C / BINS, 0);
  CHECK_NEAR(d.ece, c.ece, .002);
  CHECK_NEAR(d.brier, c.brier, 1e-12);
  double q[] = {.25, .25, .75, .75}; /* constant within bins: Murphy's parts add up exactly */
  unsigned char z[] = {0, 1, 1, 1};
  CHECK(!metrics_calibrate(4, q, z, 2, false, NULL, &c, &e));
  CHECK_NEAR(c.brier, c.reliability - c.resolution + c.uncertainty, 1e-15);
  CHECK_NEAR(c.ece, .25, 1e-15);
  q[0] = 1.5;
  CHECK(metrics_calibrate(4, q, z, 2, false, NULL, &c, &e) == ERR_RUN);
}

static void regression(void) {
  err e = {0};
  double t[] = {1, 2, 3, 4, NAN, 6}, p[] = {1.5, 1.5, 3.5, 4.5, 9, 5}, flat[] = {2, 3, 4, 5, 0, 7};
  metrics_regression r;
  CHECK(!metrics_regress(6, t, p, &r, &e));
  CHECK_NEAR(r.n, 5, 0);
  CHECK_NEAR(r.mae, .6, 1e-15);
  CHECK_NEAR(r.rmse, sqrt(.4), 1e-15);
  CHECK_NEAR(r.nrmse, sqrt(.4) / 5, 1e-15);
  CHECK_NEAR(r.bias, 0, 1e-15);
  CHECK_NEAR(r.sd, sqrt(.5), 1e-15);
  CHECK_NEAR(r.high, 1.96 * sqrt(.5), 1e-15);
  CHECK_NEAR(r.r2, 1 - 2 / 14.8, 1e-15);
  CHECK_NEAR(r.r, 11.8 / sqrt(14.8 * 10.8), 1e-14);
  CHECK_NEAR(r.slope, (10.8 - 14.8) / 2 / ((14.8 + 10.8 + 23.6) / 4), 1e-14);
  CHECK(!metrics_regress(6, t, flat, &r, &e));
  CHECK_NEAR(r.bias, 1, 1e-15);
  CHECK_NEAR(r.sd, 0, 1e-7);
  CHECK_NEAR(r.r, 1, 1e-15);
  CHECK(metrics_regress(1, t, p, &r, &e) == ERR_RUN);
}

int main(void) {
  definitions();
  averages();
  protein_centred();
  paired();
  delong_pulls();
  delong_ties();
  clusters_and_stored();
  impossible();
  calibration();
  regression();
  return check_done();
}

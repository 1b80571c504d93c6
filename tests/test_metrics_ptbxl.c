/* test_metrics_ptbxl.c: published predictions (xresnet1d101 on PTB-XL fold 10, 71 statements) give the published macro
 * AUROC and bootstrap over the published rows. */
#include "analysis/metrics.h"
#include "base/h5.h"
#include "check.h"
#include "real_data.h"

enum { N = 2203, K = 71, B = 100 };
static double score[N * K], rows[B * N], out[2 * B];
static unsigned char label[N * K];
static uint32_t stored[B * N];

int main(void) {
  const char *path = real_data("ptbxl/fold10_xresnet1d101.h5");
  err e = {0};
  h5 *f;
  if (!path) return REAL_DATA_SKIP;
  CHECK(!h5_open(&f, path, &e));
  CHECK(!h5_read(f, "/labels", H5_U8, label, N * K, &e));
  CHECK(!h5_read(f, "/scores", H5_F64, score, N * K, &e));
  CHECK(!h5_read(f, "/bootstrap_rows", H5_F64, rows, B * N, &e));
  h5_close(f);
  for (int i = 0; i < B * N; i++) stored[i] = (uint32_t)rows[i];
  metrics_scores s = {N, K, score, label};
  metrics_ranking *r;
  double macro, auc, variance, each[K];
  CHECK(!metrics_ranking_new(&r, &s, true, &e));
  CHECK(!metrics_values(r, metrics_find("auroc"), 0, each, &macro, NULL, &e));
  CHECK_NEAR(macro, 0.9254358590055026, 1e-12);
  metrics_panel p = {1, (const metrics_ranking *const *)&r, metrics_find("auroc"), 0, false};
  metrics_resample q = {.n = N, .replicates = B, .stored = stored};
  metrics_interval v;
  CHECK(!metrics_bootstrap(&q, metrics_panel_count(&p), metrics_panel_statistic, &p, out, &e));
  CHECK(!metrics_interval_of(B, 2, out, 0, -1, macro, .9, METRICS_PERCENTILE, &v, &e));
  CHECK_NEAR(v.mean, 0.9248700603532447, 1e-12);
  CHECK_NEAR(v.low, 0.9185230258692201, 1e-12);
  CHECK_NEAR(v.high, 0.9314845724252191, 1e-12);
  CHECK(!metrics_interval_of(B, 2, out, 0, -1, macro, .95, METRICS_PERCENTILE, &v, &e));
  CHECK_NEAR(v.low, 0.91804068976517, 1e-12);
  static double one[N], boot[1000];
  static unsigned char y[N];
  for (int i = 0; i < N; i++) one[i] = score[i * K + 46], y[i] = label[i * K + 46];
  CHECK(!metrics_delong(N, 1, one, y, &auc, &variance, &e));
  CHECK_NEAR(auc, each[46], 1e-14);
  metrics_scores single = {N, 1, one, y};
  metrics_ranking *k;
  CHECK(!metrics_ranking_new(&k, &single, false, &e));
  p = (metrics_panel){1, (const metrics_ranking *const *)&k, metrics_find("auroc"), 0, false};
  q = (metrics_resample){.n = N, .replicates = 1000, .seed = 1};
  CHECK(!metrics_bootstrap(&q, 1, metrics_panel_statistic, &p, boot, &e));
  CHECK(!metrics_interval_of(1000, 1, boot, 0, -1, auc, .95, METRICS_PERCENTILE, &v, &e));
  CHECK_REL(v.sd, sqrt(variance), .1);
  metrics_ranking_free(r), metrics_ranking_free(k);
  return check_done();
}

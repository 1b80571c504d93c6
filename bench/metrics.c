/* metrics.c: ranking and bootstrap of a large test set: 2e5 rows, 71 classes, 1000 replicates (goal: 60 s). The floor
 * is one pass per class and batch of replicates over the drawn weights in the order of the rows (sequential reads). */
#include "analysis/metrics.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"

enum { N = 200000, K = 71, B = 1000 };

/* The floor: sums of the weights, no ranking. */
static void sums(const void *ctx, const uint16_t *w, double *value) {
  typedef uint16_t lanes __attribute__((vector_size(2 * METRICS_LANES)));
  typedef uint32_t wide __attribute__((vector_size(4 * METRICS_LANES)));
  for (int l = 0; l < METRICS_LANES; l++) value[l] = 0;
  for (int c = 0; c < K; c++) {
    wide s = {0};
    for (long i = 0; i < N; i++) s += __builtin_convertvector(((const lanes *)w)[i], wide);
    for (int l = 0; l < METRICS_LANES; l++) value[l] += s[l];
  }
}

int main(void) {
  double *score = malloc(sizeof *score * N * K), *out = malloc(sizeof *out * B), t = omp_get_wtime();
  unsigned char *label = malloc((size_t)N * K);
  rng r = rng_stream(1, "bench");
  err e = {0};
  for (long i = 0; i < (long)N * K; i++) {
    philox4x32_ctr_t x = rng_words(r, (uint64_t)i, 0, 0);
    label[i] = x.v[0] < 0x10000000u;
    score[i] = (float)(rng_double(x.v[1], x.v[2]) + .3 * label[i]);
  }
  printf("%d rows, %d classes, %d replicates, %d threads\n", N, K, B, omp_get_max_threads());
  printf("%-34s %8.2f s\n", "making scores", omp_get_wtime() - t);
  metrics_ranking *k;
  metrics_scores s = {N, K, score, label};
  t = omp_get_wtime();
  if (metrics_ranking_new(&k, &s, false, &e)) return fprintf(stderr, "%s\n", e.text), 1;
  printf("%-34s %8.2f s\n", "sorting", omp_get_wtime() - t);
  metrics_resample q = {.n = N, .replicates = B, .seed = 1, .require = k};
  t = omp_get_wtime();
  metrics_bootstrap(&q, 1, sums, NULL, out, &e);
  double floor_s = omp_get_wtime() - t;
  printf("%-34s %8.2f s\n", "floor: drawing and adding weights", floor_s);
  for (int m = 0; metrics_binaries[m]; m++) {
    metrics_panel p = {1, (const metrics_ranking *const *)&k, metrics_binaries[m], .9, false};
    t = omp_get_wtime();
    if (metrics_bootstrap(&q, 1, metrics_panel_statistic, &p, out, &e)) return fprintf(stderr, "%s\n", e.text), 1;
    t = omp_get_wtime() - t;
    printf("%-34s %8.2f s   %.1f times the floor\n", metrics_binaries[m]->name, t, t / floor_s);
  }
  metrics_ranking_free(k), free(score), free(out), free(label);
  return 0;
}

/* ssm.c: layers of sequence networks against the floor (multiply-adds at the rate of nn_gemm measured in this run), the
 * goals of the suite and PyTorch 1.13 (figures of shared/reference/lab.md, taken on two cores of the lab machine; case
 * S4 has one core and no such figure). Batch 32 as shards of 16 lanes. Times are processor seconds of the busiest
 * thread: what a wall clock shows where nobody else computes. bench_ssm [threads] [repeats] [case from 0 on] */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nn/gemm.h"
#include "nn/layers.h"

enum { S = 16, SHARDS = 2 };

static double used(void) { /* processor seconds of this thread */
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* GFLOP/s of each thread, all at once, on a product that stays in the cache. */
static double gemm_rate(int threads) {
  enum { R = 64, N = 256, K = 256, TIMES = 200 };
  double best = 1e9;
  for (int rep = 0; rep < 5; rep++) {
    double most = 0;
#pragma omp parallel num_threads(threads) reduction(max : most)
    {
      nn_real *a = nn_alloc(sizeof(nn_real) * (R * K + K * N + R * N));
      most = used();
      for (int i = 0; i < TIMES; i++) nn_gemm(R, N, K, a, 1, R, a + R * K, N, a + R * K + K * N, N);
      most = used() - most;
      free(a);
    }
    best = most < best ? most : best;
  }
  return 2e-9 * R * N * K * TIMES / best;
}

/* One walk over all shards. */
static double walk(const nn_plan *p, nn_frame **f, int threads, void (*of)(const nn_plan *, const nn_frame *)) {
  double most = 0;
#pragma omp parallel num_threads(threads) reduction(max : most)
  {
    most = used();
#pragma omp for schedule(static) nowait
    for (int k = 0; k < SHARDS; k++) of(p, f[k]);
    most = used() - most;
  }
  return most;
}

static int core(nn_graph *g, int x, err *e) {
  nn_ssm_conf c = {NN_S4D_LIN, 64, false, 1e-3, 1e-1, 1};
  return nn_layer(g, &nn_op_s4d, &c, x, e);
}
static int s4d_layer(nn_graph *g, int x, err *e) {
  x = nn_layer(g, &nn_op_gelu, NULL, core(g, x, e), e);
  return nn_layer(g, &nn_op_glu, NULL, nn_layer_dense(g, x, 512, true, true, 1, e), e);
}
static int transformer_layer(nn_graph *g, int x, err *e) {
  int y = nn_layer_dense(g, nn_layer_norm(g, x, NN_LAYER_NORM, false, e), 768, true, true, 1, e);
  y = nn_layer(g, &nn_op_attention, &(nn_attention_conf){8, false}, y, e);
  x = nn_layer2(g, &nn_op_add, nn_layer_dense(g, y, 256, true, true, 1, e), x, e);
  y = nn_layer_dense(g, nn_layer_norm(g, x, NN_LAYER_NORM, false, e), 1024, true, true, 1, e);
  y = nn_layer_dense(g, nn_layer(g, &nn_op_gelu, NULL, y, e), 256, true, true, 1, e);
  return nn_layer2(g, &nn_op_add, y, x, e);
}
static int s4_network(nn_graph *g, int x, err *e) {
  nn_ssm_conf c = {.states = 8, .both = true, .dt_min = 1e-3, .dt_max = 1e-1, .rate = 1};
  x = nn_layer_dense(g, x, 64, true, true, 1, e);
  for (int l = 0; l < 4; l++) {
    int y = nn_layer(g, &nn_op_gelu, NULL, nn_layer(g, &nn_op_s4, &c, x, e), e);
    y = nn_layer(g, &nn_op_glu, NULL, nn_layer_dense(g, y, 128, true, true, 1, e), e);
    x = nn_layer_norm(g, nn_layer2(g, &nn_op_add, y, x, e), NN_LAYER_NORM, false, e);
  }
  return nn_layer_dense(g, nn_layer_pool(g, x, NN_POOL_MEAN, e), 71, false, true, 1, e);
}

typedef struct bench {
  const char *name;
  int L, channels, threads; /* threads 0: as asked for */
  int (*build)(nn_graph *g, int x, err *e);
  double goal[2], torch[2]; /* ms, forward and forward + backward */
} bench;
static const bench benches[] = {
    {"S4D core d256 n64 L1000", 1000, 256, 0, core, {18, 60}, {128, 362}},
    {"S4D + gelu + 1x1 glu", 1000, 256, 0, s4d_layer, {45, 140}, {155, 533}},
    {"transformer d256 h8 L256", 256, 256, 0, transformer_layer, {55, 170}, {94, 288}},
    {"S4 4 x 64, N 8, L250, 1 core", 250, 12, 1, s4_network, {0, 80}, {0, 0}},
};

static int measure(const bench *b, int threads, int repeats, double ms[2], double *macs, err *e) {
  nn_graph *g = nn_graph_new();
  nn_plan *p = NULL;
  nn_frame *f[SHARDS];
  int x = nn_input(g, "x", (nn_shape){{b->L, 1, 1}, b->channels});
  nn_want_grad(g, x);
  if (nn_finish(g, b->build(g, x, e), e) || nn_plan_new(&p, g, S, true, false, e)) return e->code;
  nn_real *theta = nn_alloc(g->nparam * sizeof *theta), *grad = nn_alloc(SHARDS * g->nparam * sizeof *grad);
  nn_init(g, theta, 1);
  for (int k = 0; k < SHARDS; k++) {
    if (nn_frame_new(&f[k], p, NULL, e)) return e->code;
    f[k]->theta = theta, f[k]->dtheta = grad + (size_t)k * g->nparam;
    for (size_t i = 0; i < nn_rows(g->node[x].shape) * S; i++)
      f[k]->value[x][i] = (nn_real)(i * 2654435761u % 2000) / 1000 - 1;
  }
  ms[0] = ms[1] = 1e9;
  for (int rep = 0; rep < repeats; rep++) {
    double forward = walk(p, f, threads, nn_forward);
    for (int k = 0; k < SHARDS; k++)
      for (size_t i = 0; i < nn_rows(g->node[g->output].shape) * S; i++)
        f[k]->grad[g->output][i] = (nn_real)(i % 3) - 1;
    double both = forward + walk(p, f, threads, nn_backward);
    ms[0] = 1e3 * forward < ms[0] ? 1e3 * forward : ms[0];
    ms[1] = 1e3 * both < ms[1] ? 1e3 * both : ms[1];
  }
  *macs = g->macs;
  for (int k = 0; k < SHARDS; k++) nn_frame_free(f[k], NULL);
  nn_plan_free(p), nn_graph_free(g);
  free(theta), free(grad);
  return 0;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : omp_get_num_procs(), repeats = argc > 2 ? atoi(argv[2]) : 10;
  err e = {0};
  double rate[2] = {gemm_rate(1), gemm_rate(threads)};
  printf("nn_gemm %.0f GFLOP/s on one thread, %.0f each on %d; best of %d; ms\n", rate[0], rate[1], threads, repeats);
  printf("%-30s %8s %8s %8s %8s | %8s %8s %8s %8s\n", "layer, batch 32", "forward", "of floor", "goal", "torch x",
         "+ back", "of floor", "goal", "torch x");
  for (unsigned i = 0; i < sizeof benches / sizeof *benches; i++) {
    const bench *b = &benches[i];
    if (argc > 3 && (unsigned)atoi(argv[3]) != i) continue;
    double ms[2] = {0}, macs = 0;
    int T = b->threads ? b->threads : threads;
    if (measure(b, T, repeats, ms, &macs, &e)) break;
    printf("%-30s", b->name);
    for (int k = 0; k < 2; k++) {
      double floor_ms = 1e-6 * 2 * macs * S * SHARDS * (k ? 3 : 1) / (rate[T != 1] * T);
      printf(" %8.1f %7.0f%% %8.0f %8.1f%s", ms[k], 100 * floor_ms / ms[k], b->goal[k], b->torch[k] / ms[k],
             k ? "\n" : " |");
    }
    fflush(stdout);
  }
  if (e.code) fprintf(stderr, "%s\n", e.text);
  return e.code;
}

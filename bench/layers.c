/* layers.c: forward, and forward with backward (gradients of inputs and parameters, summed over shards), of layers for
 * supervised learning, against the floor (multiply-adds at the sgemm rate measured in this run; backward counts twice)
 * and against the targets of the time series issue, which were set on a machine whose sgemm ran at 390 GFLOP/s on two
 * cores. The PyTorch figures beside them are those of the same machine (shared/bench/peer_torch.py repeats them where
 * PyTorch is installed). bench_layers [threads] [word in the name] */
#include "nn/layers.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/comm.h"
#include "nn/nets.h"

typedef struct net {
  const char *name;
  int batch, lanes;
  int (*build)(nn_graph *g, err *e);
  double target[2], peer[2]; /* ms, two cores */
} net;

static int residual(nn_graph *g, int x, int out, err *e) {
  nn_window_conf w = nn_window_same(1, 5, 1, false);
  int y = nn_layer_conv(g, x, w, out, false, 1, e), skip = x;
  y = nn_layer(g, &nn_op_relu, NULL, nn_layer_norm(g, y, NN_BATCH_NORM, false, e), e);
  y = nn_layer_norm(g, nn_layer_conv(g, y, w, out, false, 1, e), NN_BATCH_NORM, false, e);
  if (g->node[x].shape.channels != out) skip = nn_layer_conv(g, x, nn_window_same(1, 1, 1, false), out, false, 1, e);
  return nn_layer(g, &nn_op_relu, NULL, nn_layer2(g, &nn_op_add, y, skip, e), e);
}
static int resnet(nn_graph *g, int length, err *e) {
  int x = nn_input(g, "x", (nn_shape){{length, 1, 1}, 12});
  nn_want_grad(g, x);
  return residual(g, residual(g, residual(g, x, 128, e), 128, e), 128, e);
}
static int resnet250(nn_graph *g, err *e) {
  return resnet(g, 250, e);
}
static int resnet1000(nn_graph *g, err *e) {
  return resnet(g, 1000, e);
}
static int images(nn_graph *g, err *e) {
  nn_window_conf w = nn_window_same(2, 3, 1, false);
  int x = nn_input(g, "x", (nn_shape){{32, 32, 1}, 64});
  nn_want_grad(g, x);
  for (int l = 0; l < 4; l++) {
    int y = nn_layer_norm(g, nn_layer_conv(g, x, w, 64, false, 1, e), NN_BATCH_NORM, false, e);
    y = nn_layer_conv(g, nn_layer(g, &nn_op_relu, NULL, y, e), w, 64, false, 1, e);
    y = nn_layer2(g, &nn_op_add, nn_layer_norm(g, y, NN_BATCH_NORM, false, e), x, e);
    x = nn_layer(g, &nn_op_relu, NULL, y, e);
  }
  return x;
}
static int recurrent(nn_graph *g, const nn_op *op, err *e) {
  int x = nn_input(g, "x", (nn_shape){{128, 1, 1}, 1024});
  nn_want_grad(g, x);
  return nn_layer(g, op, &(nn_recurrent_conf){256}, x, e);
}
static int gru(nn_graph *g, err *e) {
  return recurrent(g, &nn_op_gru, e);
}
static int lstm(nn_graph *g, err *e) {
  return recurrent(g, &nn_op_lstm, e);
}
static int mlp(nn_graph *g, err *e) {
  int x = nn_input(g, "x", (nn_shape){{1, 1, 1}, 512});
  nn_want_grad(g, x);
  for (int l = 0; l < 2; l++) x = nn_layer(g, &nn_op_relu, NULL, nn_layer_dense(g, x, 512, false, true, 1, e), e);
  return nn_layer_dense(g, x, 512, false, true, 1, e);
}

/* XResNet1d of the ECG papers as decks build it: 12 leads, 71 classes. */
static int xresnet(nn_graph *g, const char *blocks, err *e) {
  static const deck_section schema[] = {
      {.name = "net", .keys = nn_nets_keys, .kinds = nn_nets, .kind_def = "xresnet1d"}, {0}};
  const nn_net_task task = {.in = {{1000, 1, 1}, 12}, .outputs = 71};
  char text[200];
  deck *d;
  int x = nn_input(g, "x", task.in),
      size = snprintf(text, sizeof text, "app: bench\nnet: {kind: xresnet1d, blocks: %s, bottleneck: true}\n", blocks);
  if (deck_parse(&d, "bench", text, (size_t)size, NULL, 0, schema, e)) return -1;
  const nn_net *n = (const nn_net *)deck_kind_of(d, "net");
  void *conf = calloc(1, n->conf_size);
  deck_get(d, "net", n->kind.keys, conf);
  nn_want_grad(g, x);
  x = nn_layer_dense(g, n->body(g, x, &task, conf, e), task.outputs, false, true, 1, e);
  free(conf), deck_free(d);
  return x;
}
static int xresnet50(nn_graph *g, err *e) {
  return xresnet(g, "[3, 4, 6, 3]", e);
}
static int xresnet101(nn_graph *g, err *e) {
  return xresnet(g, "[3, 4, 23, 3]", e);
}

static const net nets[] = {
    {"GRU b32 s128 i1024 h256", 32, 16, gru, {27, 85}, {39.2, 142}},
    {"LSTM b32 s128 i1024 h256", 32, 16, lstm, {0}, {0}},
    {"resnet1d b64 L250 128ch k5", 64, 16, resnet250, {45, 135}, {69, 172}},
    {"resnet1d b64 L1000 128ch k5", 64, 16, resnet1000, {175, 530}, {281, 743}},
    {"MLP 3 x 512 b256", 256, 64, mlp, {1.3, 3.8}, {1.31, 4.3}},
    {"resnet2d b64 32x32 64ch 3x3", 64, 16, images, {105, 320}, {165, 508}},
    {"xresnet1d50 b32 L1000", 32, 16, xresnet50, {0}, {0}},
    {"xresnet1d101 b32 L1000", 32, 16, xresnet101, {0}, {0}},
};

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double sgemm_rate(int threads) { /* GFLOP/s: one product of 1024^3 per thread, best of five, by processor time */
  enum { N = 1024 };
  double best = 1e9;
#pragma omp parallel num_threads(threads) reduction(min : best)
  {
    float *a = aligned_alloc(64, 3 * N * N * sizeof *a);
    for (int i = 0; i < 3 * N * N; i++) a[i] = (float)(i % 7);
    for (int rep = 0; rep < 5; rep++) {
#pragma omp barrier
      double t = cpu();
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, a, N, a + N * N, N, 0, a + 2 * N * N, N);
      t = cpu() - t;
      best = t < best ? t : best;
    }
    free(a);
  }
  return 2e-9 * N * N * N * threads / best;
}

typedef struct bench {
  const net *n;
  nn_graph *g;
  nn_plan *p;
  nn_frame *f[64];
  nn_real *theta, *state, *grad;
  comm c;
  reduce *sum;
} bench;

static int open_bench(bench *b, const net *n, int threads, err *e) {
  *b = (bench){.n = n, .g = nn_graph_new()};
  if (nn_finish(b->g, n->build(b->g, e), e) || nn_plan_new(&b->p, b->g, n->lanes, true, false, e) ||
      comm_open(&b->c, MPI_COMM_WORLD, threads, e))
    return e->code;
  b->theta = nn_alloc(b->g->nparam * sizeof(nn_real)), b->state = nn_alloc(b->g->nstate * sizeof(nn_real));
  b->grad = nn_alloc((b->g->nparam + b->g->nstate) * sizeof(nn_real));
  nn_init(b->g, b->theta, 1), nn_init_state(b->g, b->state);
  for (int t = 0; t < threads; t++) {
    if (nn_frame_new(&b->f[t], b->p, NULL, e)) return e->code;
    b->f[t]->theta = b->theta, b->f[t]->state = b->state;
    size_t nx = nn_rows(b->g->node[0].shape) * (size_t)n->lanes;
    for (size_t i = 0; i < nx; i++) b->f[t]->value[0][i] = (nn_real)(i % 17) / 17 - (nn_real)0.5;
  }
  return reduce_new(&b->sum, &b->c, n->batch / n->lanes, b->g->nparam + b->g->nstate, true, e);
}

static void close_bench(bench *b) {
  for (int t = 0; t < b->c.threads; t++) nn_frame_free(b->f[t], NULL);
  reduce_free(b->sum), comm_close(&b->c), nn_plan_free(b->p), nn_graph_free(b->g);
  free(b->theta), free(b->state), free(b->grad);
}

typedef struct spent {
  double wall, cpu;
} spent;

static spent once(bench *b, bool back) {
  int shards = b->n->batch / b->n->lanes, output = b->g->output;
  size_t ny = nn_rows(b->g->node[output].shape) * (size_t)b->n->lanes;
  double start = omp_get_wtime(), busiest = 0, join;
  reduce_begin(b->sum);
#pragma omp parallel for schedule(static, 1) num_threads(b->c.threads) reduction(max : busiest)
  for (int t = 0; t < b->c.threads; t++) {
    comm_range own = comm_thread_range((comm_range){0, shards}, t, b->c.threads);
    double begun = cpu();
    nn_frame *f = b->f[t];
    for (int k = own.first; k < own.end; k++) {
      nn_real *leaf = back ? reduce_leaf(b->sum, t) : b->grad;
      f->dtheta = leaf, f->dstate = back ? leaf + b->g->nparam : NULL;
      nn_forward(b->p, f);
      if (!back) continue;
      memcpy(f->grad[output], f->value[output], ny * sizeof(nn_real));
      nn_backward(b->p, f);
      reduce_push(b->sum, t, k);
    }
    busiest = cpu() - begun;
  }
  join = cpu();
  if (back) reduce_end(b->sum, b->grad);
  return (spent){omp_get_wtime() - start, busiest + cpu() - join};
}

static spent best_of(bench *b, bool back) {
  spent best = once(b, back);
  double all = 0;
  for (int rep = 0; rep < 200 && all < 2.5; rep++) {
    spent s = once(b, back);
    best.wall = s.wall < best.wall ? s.wall : best.wall;
    best.cpu = s.cpu < best.cpu ? s.cpu : best.cpu;
    all += s.wall;
  }
  return best;
}

static void line(const net *n, int way, spent s, double floor_s) {
  printf(" | %9.2f %9.2f %7.1f%% %7.4g %8.4g", 1e3 * s.wall, 1e3 * s.cpu, 100 * floor_s / s.cpu, n->target[way],
         n->peer[way]);
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : omp_get_num_procs();
  err e = {0};
  MPI_Init(&argc, &argv);
  double rate = sgemm_rate(threads);
  printf("floor: sgemm %.0f GFLOP/s on %d thread(s); targets and PyTorch: two cores with 390 GFLOP/s\n", rate, threads);
  printf("%-28s %5s | %9s %9s %8s %7s %8s | %9s %9s %8s %7s %8s\n", "net", "lanes", "fwd ms", "cpu ms", "of floor",
         "target", "PyTorch", "fwd+bwd", "cpu ms", "of floor", "target", "PyTorch");
  for (unsigned i = 0; i < sizeof nets / sizeof *nets && !e.code; i++) {
    const net *n = &nets[i];
    bench b;
    if (argc > 2 && !strstr(n->name, argv[2])) continue;
    if (open_bench(&b, n, threads, &e)) break;
    spent f = best_of(&b, false), g = best_of(&b, true);
    double floor_s = 2e-9 * b.g->macs * n->batch / rate;
    printf("%-28s %5d", n->name, n->lanes);
    line(n, 0, f, floor_s), line(n, 1, g, 3 * floor_s);
    printf("\n");
    fflush(stdout);
    close_bench(&b);
  }
  if (e.code) fprintf(stderr, "%s\n", e.text);
  MPI_Finalize();
  return e.code;
}

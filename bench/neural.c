/* neural.c: draws and training steps of the networks of the literature on a 16 x 16 lattice, and of constrained draws
 * of Trotterised chains (the floor counts the layers, not the constraint), against the floor (useful multiply-adds at
 * the sgemm rate measured in this run) and against the public PyTorch code (wdphy16/stat-mech-van, figures of
 * shared/reference/lab.md, taken on a machine whose sgemm ran at 390 GFLOP/s on two cores; compare fractions of the
 * floor). bench_neural [threads] [batch]        a step is: draw, image for Z2, two backward passes, sum over shards,
 * Adam */
#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/optim.h"
#include "samplers/ar_ising.h"
#include "samplers/ar_trotter.h"
#include "samplers/team.h"

static const deck_section schema[] = {
    {.name = "lattice", .kinds = lattice_geometries, .kind_def = "square"},
    {.name = "model", .keys = lattice_model_keys, .kinds = lattice_models, .kind_def = "ferromagnet"},
    {.name = "draw", .keys = ar_ising_keys},
    {.name = "net", .keys = nn_net_keys, .kinds = nn_zoo_kinds, .kind_def = "sites"},
    {0},
};

static const deck_section chain_schema[] = {
    {.name = "lattice", .keys = trotter_lattice_keys},
    {.name = "model", .keys = trotter_model_keys, .kinds = trotter_models, .kind_def = "xxx"},
    {.name = "draw", .keys = ar_trotter_keys},
    {.name = "net", .keys = nn_net_keys, .kinds = nn_zoo_kinds, .kind_def = "sites"},
    {0},
};

typedef struct net {
  const char *name, *deck;
  double peer_draws, peer_step; /* two cores, batch 1000 */
  const char *chain;            /* sections lattice, model and draw of a Trotterised chain; NULL: Ising, 16 x 16 */
} net;
static const net nets[] = {
    {"PixelCNN 3 x 64, 3x3", "{kind: pixelcnn, depth: 3, width: 64, half_kernel: 1, output_gain: 1}", 19.1, 53.8},
    {"PixelCNN 3 x 64, 13x13", "{kind: pixelcnn, depth: 3, width: 64, half_kernel: 6, output_gain: 1}", 4.0, 256},
    {"residual 6 x 64, 7x7", "{kind: pixelcnn, depth: 6, width: 64, half_kernel: 3, residual: true, output_gain: 1}",
     1.3, 0},
    {"MADE 3 x 4", "{kind: made, depth: 3, width: 4, output_gain: 1}", 349, 2.95},
    {"sites 32, half lattice", "{kind: sites, width: 32, skip: frontier, output_gain: 1}", 0, 0},
    {"XY chain 32, 2m = 4", "{kind: sites, width: 32, skip: frontier, output_gain: 1}", 0, 0,
     "lattice: {sites: 32, trotter: 4}\nmodel: {kind: xy, beta: 2}\ndraw: {lanes: 64, symmetry: %s}\n"},
    {"Heisenberg 32, 2m = 16", "{kind: sites, width: 32, skip: frontier, output_gain: 1}", 0, 0,
     "lattice: {sites: 32, trotter: 16}\nmodel: {J: -1, beta: 4}\ndraw: {lanes: 64, ring: rows, symmetry: %s}\n"},
};

static double sgemm_rate(int threads) { /* GFLOP/s: one product of 1024^3 per thread, best of five */
  enum { N = 1024 };
  double best = 1e9;
  for (int rep = 0; rep < 5; rep++) {
    double t = omp_get_wtime();
#pragma omp parallel num_threads(threads)
    {
      float *a = aligned_alloc(64, 3 * N * N * sizeof *a);
      for (int i = 0; i < 3 * N * N; i++) a[i] = (float)(i % 7);
#pragma omp barrier
#pragma omp single
      t = omp_get_wtime();
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, a, N, a + N * N, N, 0, a + 2 * N * N, N);
#pragma omp barrier
#pragma omp single
      t = omp_get_wtime() - t;
      free(a);
    }
    best = t < best ? t : best;
  }
  return 2e-9 * N * N * N * threads / best;
}

typedef struct bench {
  ar *a;
  comm c;
  team *t;
  reduce *sum;
  nn_real *theta, *grad, *m, *v;
  double *weight;
  unsigned step;
} bench;

static void draw_shard(void *ctx, int thread, int k, ar_worker *w, const ar_frames *f) {
  bench *b = ctx;
  double lnq[1024];
  ar_draw(b->a, w, f, b->theta, rng_stream(1, "bench"), k, b->step, lnq);
}

static void back_shard(void *ctx, int thread, int k, ar_worker *w, const ar_frames *f) {
  bench *b = ctx;
  ar_backward(b->a, w, f, b->theta, reduce_leaf(b->sum, thread), b->weight);
  reduce_push(b->sum, thread, k);
}

static void draw(bench *b, unsigned step) {
  b->step = step;
  team_each(b->t, draw_shard, b);
}

static void backward(bench *b) {
  size_t n = b->a->net->nparam;
  reduce_begin(b->sum);
  team_each(b->t, back_shard, b);
  reduce_end(b->sum, b->grad);
  extern const nn_optim_type nn_optim_adam;
  static const double adam[] = {0.9, 0.999, 1e-8, 0}; /* beta1, beta2, eps, decay */
  nn_real *moment[2] = {b->m, b->v};
#pragma omp parallel for num_threads(b->c.threads)
  for (int p = 0; p < 16; p++)
    nn_optim_adam.update(adam, 1, 1e-6, true, n * (size_t)p / 16, n * (size_t)(p + 1) / 16, b->theta, b->grad, moment);
}

typedef struct problem {
  deck *d;
  lattice *l;
  ising *m;
  trotter *t;
} problem;

static int open_problem(problem *p, ar **a, const net *n, bool z2, err *e) {
  char head[400], text[900];
  const char *group = z2 ? "z2" : "none";
  if (n->chain) {
    snprintf(head, sizeof head, n->chain, group);
    snprintf(text, sizeof text, "app: bench\n%snet: %s\n", head, n->deck);
    return deck_parse(&p->d, "bench", text, strlen(text), NULL, 0, chain_schema, e) ||
           trotter_from_deck(&p->t, p->d, e) || ar_trotter_new(a, p->t, p->d, e);
  }
  snprintf(
      text, sizeof text,
      "app: bench\nlattice: {L: 16}\nmodel: {beta: 0.44}\ndraw: {lanes: 64, heat_bath: %s, symmetry: %s}\nnet: %s\n",
      n->peer_draws == 0 ? "true" : "false", group, n->deck);
  return deck_parse(&p->d, "bench", text, strlen(text), NULL, 0, schema, e) || lattice_from_deck(&p->l, p->d, e) ||
         ising_from_deck(&p->m, p->l, p->d, e) || ar_ising_new(a, p->m, p->d, e);
}

/* seconds of one draw of the batch, and of a whole step */
static int measure(const net *n, bool z2, int threads, int batch, double *seconds, double *macs, err *e) {
  problem p = {0};
  bench b = {0};
  if (open_problem(&p, &b.a, n, z2, e) || comm_open(&b.c, MPI_COMM_WORLD, threads, e)) return e->code;
  int shards = batch / 64;
  size_t np = b.a->net->nparam;
  if (team_new(&b.t, b.a, &b.c, shards, z2, 8e9, e) || reduce_new(&b.sum, &b.c, shards, np, true, e)) return e->code;
  b.theta = nn_alloc(np * sizeof(nn_real)), b.grad = nn_alloc(np * sizeof(nn_real));
  b.m = nn_alloc(np * sizeof(nn_real)), b.v = nn_alloc(np * sizeof(nn_real)), b.weight = nn_alloc(64 * sizeof(double));
  nn_init(b.a->net, b.theta, 1);
  *seconds = 1e9;
  for (int rep = 0; rep < 4; rep++) {
    MPI_Barrier(b.c.mpi);
    double t = omp_get_wtime();
    draw(&b, (unsigned)rep);
    if (z2) backward(&b);
    MPI_Barrier(b.c.mpi);
    t = omp_get_wtime() - t;
    if (rep && t < *seconds) *seconds = t;
  }
  *macs = b.a->net->macs;
  team_free(b.t), reduce_free(b.sum), ar_free(b.a), ising_free(p.m), lattice_free(p.l), trotter_free(p.t);
  comm_close(&b.c), deck_free(p.d);
  free(b.theta), free(b.grad), free(b.m), free(b.v), free(b.weight);
  return 0;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : omp_get_num_procs(), batch = argc > 2 ? atoi(argv[2]) : 1024, rank, ranks;
  err e = {0};
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Barrier(MPI_COMM_WORLD);
  double mine = sgemm_rate(threads), rate;
  MPI_Allreduce(&mine, &rate, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  if (!rank)
    printf(
        "floor: sgemm %.0f GFLOP/s on %d rank(s) of %d thread(s); batch %d; PyTorch: lab machine, sgemm 390 GFLOP/s\n"
        "%-24s %9s %9s %8s %9s | %9s %8s %9s\n",
        rate, ranks, threads, batch, "net (16 x 16)", "draws/s", "floor s", "of floor", "PyTorch x", "step s",
        "of floor", "PyTorch x");
  for (unsigned i = 0; i < sizeof nets / sizeof *nets && !e.code; i++) {
    const net *n = &nets[i];
    double t[2], macs;
    if (measure(n, false, threads, batch, &t[0], &macs, &e) || measure(n, true, threads, batch, &t[1], &macs, &e))
      break;
    double floor_s = 2e-9 * macs * batch / rate;
    if (rank) continue;
    printf("%-24s %9.0f %9.4f %7.1f%% ", n->name, batch / t[0], floor_s, 100 * floor_s / t[0]);
    n->peer_draws > 0 ? printf("%9.0f | ", batch / t[0] / n->peer_draws) : printf("%9s | ", "-");
    printf("%9.4f %7.1f%% ", t[1], 100 * 6 * floor_s / t[1]);
    n->peer_step > 0 ? printf("%9.0f\n", n->peer_step / t[1]) : printf("%9s\n", "-");
    fflush(stdout);
  }
  if (e.code) fprintf(stderr, "%s\n", e.text);
  MPI_Finalize();
  return e.code;
}

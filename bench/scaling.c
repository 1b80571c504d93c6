/* scaling.c: a training step and a round of draws on 1, 2, 4, ... ranks, each split into arithmetic, what is not shared
 * out, communication and waiting, beside the latency and bandwidth of the messages and what these make of it on up to
 * 4,096 ranks.
 *   mpirun -n 4 bench_scaling [THREADS [LATENCY_us BANDWIDTH_GB/s]]
 * THREADS per rank (default 1); latency and bandwidth of another network for the model, e.g. of two nodes of a cluster.
 *
 * A step on P ranks: every rank draws its shards; the 8 B bytes of the log weights of the batch are shared; every rank
 * differentiates its shards; n gradient sums climb the tree (base/reduce.c) and come back by a broadcast; every rank
 * updates all n parameters. With l = log2 P, latency a, bandwidth b, rate g of adding, t_s per shard, t_u per update
 *   T(P) = ceil(shards / P) t_s + t_u + l a + 8 B / b + l (2 (a + 4 n / b) + 4 n / g),
 * weights by recursive doubling (a ring would take P a, not l a), the broadcast along a binomial tree. A round of
 * draws, E shards a rank with R bytes each and t_r of rank 0's statistics, D(P) = E t_s + P (a + E R / b) + P E t_r. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/importance.h"
#include "analysis/pareto.h"
#include "analysis/thermo.h"
#include "nn/optim.h"
#include "samplers/ar_ising.h"
#include "samplers/draws.h"
#include "samplers/team.h"

enum { LANES = 64, SHARDS = 32, EACH = 4, REPEATS = 12, MOST_RANKS = 4096 }; /* EACH: shards a rank in a round */

static const deck_section schema[] = {
    {.name = "lattice", .kinds = lattice_geometries, .kind_def = "square"},
    {.name = "model", .keys = lattice_model_keys, .kinds = lattice_models, .kind_def = "ferromagnet"},
    {.name = "draw", .keys = ar_ising_keys},
    {.name = "net", .keys = nn_net_keys, .kinds = nn_zoo_kinds, .kind_def = "sites"},
    {0},
};
static const struct {
  const char *name, *deck;
} nets[] = {
    {"sites 32, half lattice", "net: {kind: sites, width: 32, skip: frontier, output_gain: 1}"},
    {"PixelCNN 3 x 64, 3x3", "net: {kind: pixelcnn, depth: 3, width: 64, half_kernel: 1, output_gain: 1}"},
};
enum { NETS = sizeof nets / sizeof *nets };

/* ---- one network on the first ranks of the job ---- */

typedef struct bench {
  deck *d;
  lattice *l;
  ising *m;
  ar *a;
  comm c;
  team *t;
  reduce *sum;
  nn_real *theta, *grad, *moment[2];
  double *lnq, *weight, *rows, *all;
  importance *sums;
  pareto *tail;
  unsigned step;
} bench;

static int bench_open(bench *b, const char *net, MPI_Comm ranks, int threads, err *e) {
  char text[600];
  snprintf(text, sizeof text, "app: bench\nlattice: {L: 16}\nmodel: {beta: 0.44}\ndraw: {lanes: %d}\n%s\n", LANES, net);
  memset(b, 0, sizeof *b);
  if (deck_parse(&b->d, "bench", text, strlen(text), NULL, 0, schema, e) || lattice_from_deck(&b->l, b->d, e) ||
      ising_from_deck(&b->m, b->l, b->d, e) || ar_ising_new(&b->a, b->m, b->d, e) ||
      comm_open(&b->c, ranks, threads, e) || team_new(&b->t, b->a, &b->c, SHARDS, true, 8e9, e))
    return e->code;
  size_t n = b->a->net->nparam, row = LANES * draws_row(b->a);
  if (reduce_new(&b->sum, &b->c, SHARDS, n, sizeof(nn_real) == 4, e)) return e->code;
  b->theta = nn_alloc(n * sizeof(nn_real)), b->grad = nn_alloc(n * sizeof(nn_real));
  for (int k = 0; k < 2; k++)
    b->moment[k] = nn_alloc(n * sizeof(nn_real)), memset(b->moment[k], 0, n * sizeof(nn_real));
  b->lnq = calloc(SHARDS * LANES, sizeof(double)), b->weight = calloc(SHARDS * LANES, sizeof(double));
  b->rows = calloc(SHARDS * row, sizeof(double)), b->all = calloc(SHARDS * row, sizeof(double));
  nn_init(b->a->net, b->theta, 1);
  return importance_new(&b->sums, THERMO_NG, 0, 0, e) || pareto_new(&b->tail, 1000000000, e) ? e->code : 0;
}

static void bench_close(bench *b) {
  team_free(b->t), reduce_free(b->sum), ar_free(b->a), ising_free(b->m), lattice_free(b->l), deck_free(b->d);
  comm_close(&b->c);
  importance_free(b->sums), pareto_free(b->tail);
  free(b->theta), free(b->grad), free(b->moment[0]), free(b->moment[1]);
  free(b->lnq), free(b->weight), free(b->rows), free(b->all);
}

static void draw_shard(void *ctx, int thread, int k, ar_worker *w, const ar_frames *f) {
  bench *b = ctx;
  ar_draw(b->a, w, f, b->theta, rng_stream(1, "bench"), k, b->step, b->lnq + (size_t)k * LANES);
}

static void back_shard(void *ctx, int thread, int k, ar_worker *w, const ar_frames *f) {
  bench *b = ctx;
  ar_backward(b->a, w, f, b->theta, reduce_leaf(b->sum, thread), b->weight + (size_t)k * LANES);
  reduce_push(b->sum, thread, k);
}

static void update(bench *b) {
  extern const nn_optim_type nn_optim_adam;
  static const double adam[] = {0.9, 0.999, 1e-8, 0}; /* beta1, beta2, eps, decay */
  size_t n = b->a->net->nparam;
#pragma omp parallel for num_threads(b->c.threads)
  for (int p = 0; p < 16; p++)
    nn_optim_adam.update(adam, 1, 1e-6, true, n * (size_t)p / 16, n * (size_t)(p + 1) / 16, b->theta, b->grad,
                         b->moment);
}

/* ---- the parts of a step ---- */

typedef struct parts {
  double whole, shards, cores, serial, talk, wait; /* s; cores: what shards waited for a core */
} parts;

static double lap(double *since) {
  double now = omp_get_wtime(), t = now - *since;
  *since = now;
  return t;
}

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Work on all shards of this rank, then wait for the other ranks. */
static void work(bench *b, team_work *shard, parts *p, double *since) {
  double begun = cpu();
  team_each(b->t, shard, b);
  double all = lap(since), busy = (cpu() - begun) / b->c.threads;
  if (busy > all) busy = all;
  p->shards += busy, p->cores += all - busy;
  MPI_Barrier(b->c.mpi);
  p->wait += lap(since);
}

static parts step(bench *b) {
  double t = omp_get_wtime();
  parts p = {.whole = t};
  work(b, draw_shard, &p, &t);
  comm_share_rows(&b->c, SHARDS, LANES, b->lnq);
  for (int i = 0; i < SHARDS * LANES; i++) b->weight[i] = 1e-3 * (b->lnq[i] - b->lnq[0]);
  p.talk += lap(&t);
  reduce_begin(b->sum);
  work(b, back_shard, &p, &t);
  reduce_end(b->sum, b->grad);
  p.talk += lap(&t);
  update(b);
  p.serial = lap(&t);
  p.whole = t - p.whole;
  return p;
}

/* What rank 0 does with every draw (samplers/estimate.c). */
static void statistics(bench *b) {
  thermo t = {.beta = .44, .sites = 256, .length = 16};
  double g[THERMO_NG];
  err none = {0};
  for (int i = 0; i < SHARDS * LANES; i++) {
    uint64_t index = (uint64_t)b->step * SHARDS * LANES + (uint64_t)i;
    thermo_row(&t, -300 - i % 7, i % 256, 10, g);
    for (int k = 0; k < 2; k++) importance_add(b->sums, index, 1e-3 * (b->lnq[i] - b->lnq[0]), g, &none);
    pareto_add(b->tail, 1e-3 * (b->lnq[i] - b->lnq[0]), &none);
  }
}

static parts draws(bench *b) {
  double t = omp_get_wtime();
  parts p = {.whole = t};
  work(b, draw_shard, &p, &t);
  comm_gather_rows(&b->c, SHARDS, LANES * draws_row(b->a) * sizeof(double), b->rows, b->all);
  p.talk = lap(&t);
  if (!b->c.rank) statistics(b);
  p.serial = lap(&t);
  MPI_Barrier(b->c.mpi);
  p.wait += lap(&t);
  p.whole = t - p.whole;
  return p;
}

/* The fastest repetition: the whole as the slowest rank sees it, means of the parts; what is left is waiting. */
static parts fastest(bench *b, parts (*once)(bench *b)) {
  parts best = {.whole = 1e9};
  for (int i = 0; i <= REPEATS; i++) {
    parts p, mean;
    b->step = (unsigned)i;
    MPI_Barrier(b->c.mpi);
    p = once(b);
    MPI_Allreduce(&p, &mean, sizeof p / sizeof(double), MPI_DOUBLE, MPI_SUM, b->c.mpi);
    for (size_t k = 0; k < sizeof mean / sizeof(double); k++) ((double *)&mean)[k] /= b->c.ranks;
    MPI_Allreduce(&p.whole, &mean.whole, 1, MPI_DOUBLE, MPI_MAX, b->c.mpi);
    mean.wait = mean.whole - mean.shards - mean.cores - mean.serial - mean.talk;
    if (i && mean.whole < best.whole) best = mean;
  }
  return best;
}

static void print_parts(const char *what, int ranks, const parts *p, const parts *one) {
  double all = p->whole * 1e-2;
  printf("  %-9s %5d %9.3f %7.2f %11.1f %8.1f %8.1f %8.1f %8.1f\n", what, ranks, 1e3 * p->whole, one->whole / p->whole,
         p->shards / all, p->serial / all, p->talk / all, p->wait / all, p->cores / all);
}

/* ---- messages ---- */

typedef struct network {
  double latency, bandwidth, adding; /* s, bytes/s, bytes/s */
} network;

static double message(MPI_Comm c, int rank, char *p, int bytes, int repeats) { /* s, one way, best of five */
  double best = 1e9;
  for (int turn = 0; turn < 5; turn++) {
    double t = omp_get_wtime();
    for (int k = 0; k < repeats; k++) {
      if (rank == 0) MPI_Send(p, bytes, MPI_BYTE, 1, 0, c), MPI_Recv(p, bytes, MPI_BYTE, 1, 0, c, MPI_STATUS_IGNORE);
      if (rank == 1) MPI_Recv(p, bytes, MPI_BYTE, 0, 0, c, MPI_STATUS_IGNORE), MPI_Send(p, bytes, MPI_BYTE, 0, 0, c);
    }
    t = (omp_get_wtime() - t) / (2 * repeats);
    if (t < best) best = t;
  }
  return best;
}

static double adding_rate(char *p, size_t bytes) {
  float *a = (float *)p, *b = (float *)(p + bytes / 2);
  double best = 1e9;
  for (int turn = 0; turn < 20; turn++) {
    double t = omp_get_wtime();
    for (size_t i = 0; i < bytes / 2 / sizeof *a; i++) a[i] += b[i];
    t = omp_get_wtime() - t;
    if (t < best) best = t;
  }
  return (double)bytes / 2 / best;
}

static network ping_pong(MPI_Comm c, int rank) {
  enum { LARGE = 1 << 22 };
  network w = {0};
  char *p = aligned_alloc(64, LARGE);
  memset(p, 0, LARGE);
  if (!rank) printf("ping-pong of ranks 0 and 1\n  %10s %10s %10s\n", "bytes", "us", "GB/s");
  for (int bytes = 8; bytes <= LARGE; bytes *= 8) {
    double t = message(c, rank, p, bytes, bytes < 1 << 15 ? 1000 : 20);
    if (bytes == 8) w.latency = t;
    w.bandwidth = bytes / (t > w.latency ? t - .99 * w.latency : t);
    if (!rank) printf("  %10d %10.2f %10.2f\n", bytes, 1e6 * t, 1e-9 * bytes / t);
  }
  w.adding = adding_rate(p, LARGE);
  free(p);
  return w;
}

/* ---- the model ---- */

static double levels(int ranks) {
  int l = 0;
  while (1 << l < ranks) l++;
  return l;
}

static double sum_time(const network *w, int ranks, double bytes) { /* up the tree and back */
  return levels(ranks) * (2 * (w->latency + bytes / w->bandwidth) + bytes / w->adding);
}

static double talk_time(const network *w, int ranks, int shards, double bytes) {
  double weights = ranks < 2 ? 0 : 8. * LANES * shards;
  return levels(ranks) * w->latency + weights / w->bandwidth + sum_time(w, ranks, bytes);
}

/* Sums of n numbers alone, against the model. */
static void sums(MPI_Comm ranks, const network *w, err *e) {
  static const size_t lengths[] = {10000, 100000, 1000000};
  comm c;
  if (comm_open(&c, ranks, 1, e)) return;
  if (!c.rank)
    printf("sums along the tree and back, %d ranks\n  %10s %10s %10s %8s\n", c.ranks, "numbers", "ms", "model ms",
           "ratio");
  for (int k = 0; k < 3 && !e->code; k++) {
    reduce *r;
    double best = 1e9;
    float *sum = malloc(lengths[k] * sizeof *sum);
    if (reduce_new(&r, &c, SHARDS, lengths[k], true, e)) return;
    for (int i = 0; i <= REPEATS; i++) {
      comm_range g = comm_rank_range(&c, c.rank, SHARDS);
      reduce_begin(r);
      for (int s = g.first; s < g.end; s++) reduce_leaf(r, 0), reduce_push(r, 0, s);
      MPI_Barrier(c.mpi);
      double t = omp_get_wtime(), slowest;
      reduce_end(r, sum);
      t = omp_get_wtime() - t;
      MPI_Allreduce(&t, &slowest, 1, MPI_DOUBLE, MPI_MAX, c.mpi);
      if (i && slowest < best) best = slowest;
    }
    double model = sum_time(w, c.ranks, 4. * (double)lengths[k]);
    if (!c.rank) printf("  %10zu %10.3f %10.3f %8.2f\n", lengths[k], 1e3 * best, 1e3 * model, best / model);
    reduce_free(r), free(sum);
  }
  comm_close(&c);
}

typedef struct model {
  const network *w;
  double shard, update, drawn, after, bytes, row; /* s; s; s; s; of all parameters; of a shard of draws */
} model;

enum { WAYS = 4 };

/* Times of a step with 1 and 16 shards a rank and with 4096 in all, and of a round of draws; and what they would be if
 * nothing but the arithmetic of one rank were to do. */
static void predict(const model *m, int ranks, double t[WAYS], double ideal[WAYS]) {
  static const int each[] = {1, 16};
  for (int k = 0; k < 2; k++) {
    ideal[k] = each[k] * m->shard + m->update;
    t[k] = ideal[k] + talk_time(m->w, ranks, each[k] * ranks, m->bytes);
  }
  ideal[2] = (4096 * m->shard + m->update) / ranks;
  t[2] = 4096. / ranks * m->shard + m->update + talk_time(m->w, ranks, 4096, m->bytes);
  ideal[3] = EACH * (m->drawn + m->after);
  t[3] = EACH * (m->drawn + ranks * m->after) + (ranks - 1) * (m->w->latency + EACH * m->row / m->w->bandwidth);
}

/* The greatest power of two at which half of the ideal is reached. */
static void print_limits(const model *m) {
  int limit[WAYS] = {1, 1, 1, 1};
  for (int ranks = 1; ranks <= MOST_RANKS; ranks *= 2) {
    double t[WAYS], ideal[WAYS];
    predict(m, ranks, t, ideal);
    for (int k = 0; k < WAYS; k++)
      if (ideal[k] >= t[k] / 2) limit[k] = ranks;
  }
  printf("  %30s", "half of the ideal up to");
  for (int k = 0; k < WAYS; k++) printf(" | %15d", limit[k]);
  putchar('\n');
}

static void print_model(const char *name, const char *whose, const model *m) {
  const network *w = m->w;
  printf(
      "model, %s, network %s: latency %.2f us, %.2f GB/s, adding %.1f GB/s\n"
      "  %.0f parameters; a shard takes %.3f ms to train on, %.3f ms to draw; an update %.3f ms, rank 0's statistics "
      "of a "
      "shard %.3f ms\n"
      "  %6s %22s | %-51s | %s\n  %6s %10s %11s | %15s | %15s | %15s | %15s\n",
      name, whose, 1e6 * w->latency, 1e-9 * w->bandwidth, 1e-9 * w->adding, m->bytes / 4, 1e3 * m->shard,
      1e3 * m->drawn, 1e3 * m->update, 1e3 * m->after, "", "MB sent a step", "ms of a training step, efficiency",
      "a round of draws", "ranks", "1 shard", "4096 shards", "1 shard a rank", "16 a rank", "4096 in all",
      "4 shards a rank");
  for (int ranks = 1; ranks <= MOST_RANKS; ranks *= 4) {
    double t[WAYS], ideal[WAYS], sums = (ranks - 1) * 2 * m->bytes, sample = 8. * LANES * (ranks - 1);
    predict(m, ranks, t, ideal);
    printf("  %6d %10.2f %11.2f", ranks, 1e-6 * (sums + sample * ranks), 1e-6 * (sums + sample * 4096));
    for (int k = 0; k < WAYS; k++) printf(" | %9.2f %4.0f%%", 1e3 * t[k], 100 * ideal[k] / t[k]);
    putchar('\n');
  }
  print_limits(m);
}

/* ---- all of it ---- */

/* Ranks that have nothing to do wait here, without keeping a core busy. */
static void idle_until_all(MPI_Comm world) {
  MPI_Request q;
  int done = 0;
  MPI_Ibarrier(world, &q);
  while (MPI_Test(&q, &done, MPI_STATUS_IGNORE), !done) usleep(2000);
}

static void print_models(const char *name, const network *w, const network *other, const parts one[2],
                         const double n[2]) {
  model m = {.w = w,
             .shard = one[0].shards / SHARDS,
             .update = one[0].serial,
             .drawn = one[1].shards / SHARDS,
             .after = one[1].serial / SHARDS,
             .bytes = 4 * n[0],
             .row = n[1]};
  print_model(name, "as measured here", &m);
  m.w = other;
  if (other->latency > 0) print_model(name, "as given", &m);
}

/* The first so many ranks; on the others MPI_COMM_NULL. */
static MPI_Comm first(int ranks, int *rank) {
  MPI_Comm some;
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_split(MPI_COMM_WORLD, *rank < ranks ? 0 : MPI_UNDEFINED, *rank, &some);
  return some;
}

static void measure_sums(int ranks, const network *w, err *e) {
  int rank;
  MPI_Comm some = first(ranks, &rank);
  if (some != MPI_COMM_NULL) sums(some, w, e), MPI_Comm_free(&some);
  idle_until_all(MPI_COMM_WORLD);
}

static void measure(const char *net, int ranks, int threads, parts one[2], double n[2], err *e) {
  bench b;
  int rank;
  MPI_Comm some = first(ranks, &rank);
  if (some != MPI_COMM_NULL && !bench_open(&b, net, some, threads, e)) {
    parts now[2] = {fastest(&b, step), fastest(&b, draws)};
    if (ranks == 1) memcpy(one, now, sizeof now);
    n[0] = (double)b.a->net->nparam, n[1] = LANES * (double)draws_row(b.a) * sizeof(double);
    if (!rank) print_parts("training", ranks, &now[0], &one[0]), print_parts("drawing", ranks, &now[1], &one[1]);
    bench_close(&b);
  }
  if (some != MPI_COMM_NULL) MPI_Comm_free(&some);
  idle_until_all(MPI_COMM_WORLD);
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1, level, rank, ranks;
  err e = {0};
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  parts one[NETS][2];
  double n[NETS][2]; /* parameters, bytes of a shard of draws */
  if (!rank)
    printf("batch of %d shards of %d samples, %d thread(s) a rank, %ld cores\n", SHARDS, LANES, threads,
           sysconf(_SC_NPROCESSORS_ONLN));
  for (int k = 0; k < NETS && !e.code; k++) {
    if (!rank)
      printf("%s, 16 x 16\n  %-9s %5s %9s %7s %11s %8s %8s %8s %8s\n", nets[k].name, "", "ranks", "ms", "speedup",
             "% shards", "% serial", "% talk", "% wait", "% core");
    for (int r = 1; r <= ranks && !e.code; r *= 2) measure(nets[k].deck, r, threads, one[k], n[k], &e);
  }
  if (ranks > 1 && !e.code) {
    network w = ping_pong(MPI_COMM_WORLD, rank);
    for (int r = 2; r <= ranks && !e.code; r *= 2) measure_sums(r, &w, &e);
    network other = {argc > 3 ? 1e-6 * atof(argv[2]) : 0, argc > 3 ? 1e9 * atof(argv[3]) : 1, w.adding};
    for (int k = 0; k < NETS && !rank; k++) print_models(nets[k].name, &w, &other, one[k], n[k]);
  }
  if (e.code) fprintf(stderr, "%s\n", e.text);
  MPI_Finalize();
  return e.code;
}

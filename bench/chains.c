/* chains.c: Markov chains of the critical Ising model on square tori, one thread: ns per updated site (Wolff: per
 * flipped site) and spins/ns, against peers compiled here (the textbook codes: scalar checkerboard Metropolis with a
 * table; Swendsen-Wang with union-find over sites, Wolff with a stack) and, for multispin, against the floor of making
 * its random bits. Figures of a faster machine are in shared/reference/lab.md: textbook .22 spins/ns, 18.5 ns
 * (Swendsen-Wang with energy and magnetisation), 17.5 ns (Wolff); a prototype of multispin 9.7 spins/ns; compare
 * ratios. Metropolis and multispin count every site, of which they leave 1/16 alone.   bench_chains [L ...] */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "samplers/chain.h"
#include "samplers/chain_lanes.h"

static double now(void) { /* processor time: one thread, and the machine may be shared */
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const double beta_c = .44068679350977147;

/* ---- peers: one lattice, L x L bytes ---- */

typedef struct peer {
  int L;
  int8_t *s;
  int *label, *stack;
  rng_fast g;
  uint64_t bond; /* chance of a bond times 2^64 */
} peer;

static double peer_metropolis(peer *p) {
  int L = p->L;
  uint32_t chance[5];
  for (int h = -2; h <= 2; h++) chance[h + 2] = (uint32_t)fmin(exp(-4 * beta_c * h) * 0x1p32, 0x1p32 - 1);
  for (int half = 0; half < 2; half++)
    for (int y = 0; y < L; y++) {
      int8_t *row = p->s + y * L;
      const int8_t *up = p->s + (y + L - 1) % L * L, *down = p->s + (y + 1) % L * L;
      for (int x = (y + half) & 1; x < L; x += 2) {
        int h = row[x] * (up[x] + down[x] + row[x ? x - 1 : L - 1] + row[x + 1 < L ? x + 1 : 0]);
        if (rng_fast_next(&p->g) >> 32 <= chance[h / 2 + 2]) row[x] = (int8_t)-row[x];
      }
    }
  return L * L;
}

static int root(int *label, int i) {
  while (label[i] != i) i = label[i] = label[label[i]];
  return i;
}

static void peer_bond(peer *p, int i, int j) {
  if (p->s[i] != p->s[j] || rng_fast_next(&p->g) >= p->bond) return;
  int a = root(p->label, i), b = root(p->label, j);
  if (a < b)
    p->label[b] = a;
  else
    p->label[a] = b;
}

static double peer_swendsen_wang(peer *p) {
  int L = p->L, n = L * L;
  for (int i = 0; i < n; i++) p->label[i] = i;
  for (int y = 0; y < L; y++)
    for (int x = 0; x < L; x++) {
      peer_bond(p, y * L + x, y * L + (x + 1) % L);
      peer_bond(p, y * L + x, (y + 1) % L * L + x);
    }
  for (int i = 0; i < n; i++) {
    int r = root(p->label, i);
    if (r == i) p->stack[i] = rng_fast_next(&p->g) >> 63 ? 1 : -1;
    p->s[i] = (int8_t)(p->s[i] * p->stack[r]);
  }
  return n;
}

static double peer_wolff(peer *p) {
  int L = p->L, size = 0, depth = 1;
  p->stack[0] = (int)((rng_fast_next(&p->g) >> 32) * (uint64_t)(L * L) >> 32);
  int8_t v = p->s[p->stack[0]];
  p->s[p->stack[0]] = (int8_t)-v;
  for (; depth; size++) {
    int i = p->stack[--depth], x = i % L, y = i / L;
    int near[4] = {y * L + (x + 1) % L, y * L + (x + L - 1) % L, (y + 1) % L * L + x, (y + L - 1) % L * L + x};
    for (int k = 0; k < 4; k++)
      if (p->s[near[k]] == v && rng_fast_next(&p->g) < p->bond) p->s[near[k]] = (int8_t)-v, p->stack[depth++] = near[k];
  }
  return size;
}

/* ns per updated site; best of three rounds of about `spins` updates after as many to warm up. */
static double time_peer(int L, double (*sweep)(peer *), double spins) {
  size_t n = (size_t)L * (size_t)L;
  peer p = {.L = L, .s = malloc(n), .label = malloc(n * sizeof(int)), .stack = malloc(n * sizeof(int))};
  p.g = rng_fast_seed(rng_stream(1, "peer"), 0, 0, 0);
  p.bond = (uint64_t)(-expm1(-2 * beta_c) * 0x1p64);
  memset(p.s, 1, n);
  double best = INFINITY;
  for (int round = 0; round < 4; round++) {
    double done = 0, t = now();
    while (done < spins) done += sweep(&p);
    t = (now() - t) / done * 1e9;
    if (round && t < best) best = t;
  }
  free(p.s), free(p.label), free(p.stack);
  return best;
}

/* ---- the chains ---- */

static double time_chain(const chain_type *t, const ising *m, bool measure, double spins) {
  chain *c;
  err e = {0};
  int n = t->unit;
  if (chain_new(&c, t, m, (chain_setup){.n = n, .total = n, .seed = 1, .start = CHAIN_RANDOM}, &e)) {
    fprintf(stderr, "%s\n", e.text);
    return NAN;
  }
  double(*obs)[ISING_NOBS] = malloc((size_t)n * sizeof *obs), best = INFINITY, sites = (double)m->lat->n * n;
  chain_thermalise(c, (long)(spins / sites) + 30);
  for (int round = 0; round < 3; round++) {
    double before = chain_work(c, 0), clock = now();
    long sweeps = (long)(spins / sites) + 1;
    for (long k = 0; measure && k < sweeps; k++) chain_sweep(c), chain_measure_all(c, obs);
    if (!measure) chain_advance(c, sweeps);
    clock = (now() - clock) * 1e9 / ((chain_work(c, 0) - before) * sites);
    if (clock < best) best = clock;
  }
  free(obs);
  chain_free(c);
  return best;
}

/* ns per site of a multispin sweep that does nothing but make twelve vectors of random bits. */
static double random_floor(void) {
  enum { DRAWS = 1 << 20 };
  lanes g = lanes_seed(rng_stream(1, "floor"), 0, 0);
  lanes_word sum = lanes_all(0);
  double best = INFINITY;
  for (int round = 0; round < 3; round++) {
    double t = now();
    for (int k = 0; k < DRAWS; k++) sum ^= lanes_next(&g);
    t = (now() - t) * 1e9 / DRAWS * 12 / 512;
    if (t < best) best = t;
  }
  return lanes_none(&sum) ? NAN : best;
}

static const struct {
  const char *kind;
  double (*peer)(peer *);
  double spins;
} rows[] = {{"metropolis", peer_metropolis, 2e7},
            {"heatbath", peer_metropolis, 2e7},
            {"multispin", peer_metropolis, 5e8},
            {"wolff", peer_wolff, 5e6},
            {"swendsen-wang", peer_swendsen_wang, 1e7}};

static const chain_type *find(const char *kind) {
  for (int k = 0; chain_types[k]; k++)
    if (!strcmp(chain_types[k]->name, kind)) return (const chain_type *)chain_types[k];
  return NULL;
}

static void table(int L, double bits) {
  lattice *l;
  ising *m;
  err e = {0};
  if (lattice_square(&l, L, L, true, &e) || ising_uniform(&m, l, 1, 0, beta_c, &e)) {
    fprintf(stderr, "%s\n", e.text);
    return;
  }
  for (unsigned k = 0; k < sizeof rows / sizeof *rows; k++) {
    const chain_type *t = find(rows[k].kind);
    double peer_ns = time_peer(L, rows[k].peer, fmin(rows[k].spins, 2e7));
    double ns = time_chain(t, m, false, rows[k].spins), with = time_chain(t, m, true, rows[k].spins / 4);
    printf("%4d  %-14s %9.3f %9.3f %9.3f %9.3f %8.2f", L, rows[k].kind, ns, 1 / ns, with, peer_ns, peer_ns / ns);
    if (t->unit > 1) printf("   floor %.3f ns: %.0f %%", bits, 100 * bits / ns);
    printf("\n");
  }
  ising_free(m);
  lattice_free(l);
}

int main(int argc, char **argv) {
  static const int usual[] = {16, 64, 256};
  omp_set_num_threads(1);
  double bits = random_floor();
  printf("%4s  %-14s %9s %9s %9s %9s %8s\n", "L", "chain", "ns/site", "spins/ns", "measured", "peer ns", "ratio");
  printf("      (measured: with improved estimators, E, M and structure factor after every sweep)\n");
  if (argc > 1)
    for (int k = 1; k < argc; k++) table(atoi(argv[k]), bits);
  else
    for (int k = 0; k < 3; k++) table(usual[k], bits);
  return 0;
}

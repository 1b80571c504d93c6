/* test_worldline.c: Markov chains of the Trotterised chain on lattices whose allowed configurations can be listed: one
 * sweep maps allowed onto allowed configurations and connects them all; Boltzmann's distribution is stationary and the
 * loop algorithm in detailed balance with it; improved estimators; bits whatever the chunks and threads, continuation
 * after a copy, starts, refusals. Statistical gates at five sigma. */
#include <omp.h>

#include "samplers/worldline.h"
#include "tests/check.h"

extern const worldline_type worldline_local, worldline_loop;
static const worldline_type *const all[2] = {&worldline_local, &worldline_loop};
static err fault;

static worldline *begin(const worldline_type *type, const trotter *t, int first, int n, int total, chain_start start) {
  worldline *c = NULL;
  worldline_new(&c, type, t,
                (worldline_setup){.name = type->tag, .first = first, .n = n, .total = total, .seed = 5, .start = start},
                &fault);
  CHECK_REPORT(c && !fault.code, "%s: %.300s", type->kind.name, fault.text);
  return c;
}

/* ---- all allowed configurations ---- */

enum { FREE = 14, SPINS = 26 };

typedef struct table {
  trotter *t;
  int n, *number;     /* allowed configurations; (2^t->n) their numbers, -1: forbidden */
  int8_t (*s)[SPINS]; /* (n) */
  double *p;          /* (n) probabilities */
} table;

static int key_of(const trotter *t, const int8_t *s) {
  int key = 0;
  for (int i = 0; i < t->n; i++) key |= (s[i] < 0) << i;
  return key;
}

static table list(int sites, int rows, const double J[3], double beta, double h) {
  table a = {0};
  int from[SPINS][3];
  int8_t s[SPINS];
  double Z = 0;
  CHECK(!trotter_new(&a.t, "test", sites, rows, J, beta, h, &fault) && !trotter_dependents(a.t, NULL, from, &fault));
  a.number = malloc(sizeof *a.number << a.t->n);
  memset(a.number, -1, sizeof *a.number << a.t->n);
  a.s = malloc(sizeof *a.s << FREE), a.p = malloc(sizeof *a.p << FREE);
  for (int c = 0; c < 1 << a.t->nfree; c++) {
    for (int i = 0, bit = 0; i < a.t->n; i++)
      if (from[i][0] < 0) s[i] = c >> bit++ & 1 ? -1 : 1;
    trotter_complete(a.t, NULL, from, s);
    double w = exp(trotter_lnW(a.t, s));
    if (w == 0) continue;
    a.number[key_of(a.t, s)] = a.n;
    memcpy(a.s[a.n], s, sizeof s);
    Z += a.p[a.n++] = w;
  }
  for (int k = 0; k < a.n; k++) a.p[k] /= Z;
  return a;
}

static void release(table *a) {
  trotter_free(a->t), free(a->number), free(a->s), free(a->p);
}

static int state_of(const table *a, const worldline *c, int replica) {
  return a->number[key_of(a->t, worldline_spins(c, replica))];
}

/* ---- one sweep from everywhere ---- */

static int likeliest(const table *a) {
  int best = 0;
  for (int k = 1; k < a->n; k++)
    if (a->p[k] > a->p[best]) best = k;
  return best;
}

/* From how many states a path of moves seen leads to `target`. */
static int leading(int n, const uint8_t *seen, int target) {
  int *todo = malloc((size_t)n * sizeof *todo), done = 0, found = 1;
  uint8_t *met = calloc((size_t)n, 1);
  todo[0] = target, met[target] = 1;
  while (done < found) {
    int j = todo[done++];
    for (int i = 0; i < n; i++)
      if (seen[(size_t)i * (size_t)n + (size_t)j] && !met[i]) met[i] = 1, todo[found++] = i;
  }
  free(todo), free(met);
  return found;
}

/* Allowed configurations go to allowed ones, and from all of them moves seen lead to the likeliest. As a distribution
 * without zeros is stationary (below) every configuration is recurrent, so the chain is ergodic. */
static void connects(const worldline_type *type, const table *a, const char *what) {
  int each = 100000 / a->n, forbidden = 0;
  size_t n = (size_t)a->n;
  uint8_t *seen = calloc(n * n, 1);
  worldline *c = begin(type, a->t, 0, each * a->n, each * a->n, CHAIN_COLD);
  for (int r = 0; r < c->n; r++) memcpy(worldline_spins(c, r), a->s[r % a->n], (size_t)a->t->n);
  worldline_advance(c, 1);
  for (int r = 0; r < c->n; r++) {
    int to = state_of(a, c, r);
    forbidden += to < 0;
    if (to >= 0) seen[(size_t)(r % a->n) * n + (size_t)to] = 1;
  }
  CHECK_REPORT(!forbidden, "%s, %s: %d forbidden configurations", type->kind.name, what, forbidden);
  int lead = leading(a->n, seen, likeliest(a));
  CHECK_REPORT(lead == a->n, "%s, %s: of %d configurations only %d lead to the likeliest", type->kind.name, what, a->n,
               lead);
  worldline_free(c), free(seen);
}

/* ---- from equilibrium ---- */

/* Five sigma of chi^2 in Wilson and Hilferty's normal form. */
static void gate(const char *type, const char *what, const char *test, double chi, double df) {
  double v = 2 / (9 * df), z = (cbrt(chi / df) - (1 - v)) / sqrt(v);
  CHECK_REPORT(df > 0 && z < 5, "%s, %s: %s: chi^2 = %.1f for %g degrees of freedom (%.1f sigma)", type, what, test,
               chi, df, z);
}

static void start_exactly(const table *a, worldline *c) {
  rng r = rng_stream(9, "start");
  for (int i = 0; i < c->n; i++) {
    double u = rng_uniform(r, (uint64_t)i, 0, 0);
    int k = 0;
    while (k < a->n - 1 && (u -= a->p[k]) >= 0) k++;
    memcpy(worldline_spins(c, i), a->s[k], (size_t)a->t->n);
  }
}

/* Frequencies, those with fewer than ten expected taken together. */
static void judge_frequencies(const worldline_type *type, const table *a, const worldline *c, const char *what) {
  double *seen = calloc((size_t)a->n, sizeof *seen), chi = 0, rare = 0, rare_seen = 0, bins = 0;
  for (int r = 0; r < c->n; r++) {
    int k = state_of(a, c, r);
    if (k >= 0) seen[k]++;
  }
  for (int k = 0; k < a->n; k++) {
    double want = a->p[k] * c->n;
    if (want < 10)
      rare += want, rare_seen += seen[k];
    else
      chi += (seen[k] - want) * (seen[k] - want) / want, bins++;
  }
  if (rare >= 10) chi += (rare_seen - rare) * (rare_seen - rare) / rare, bins++;
  gate(type->kind.name, what, "frequencies", chi, bins - 1);
  free(seen);
}

/* Transitions i -> j as often as j -> i, where there are 20 together. */
static void judge_balance(const table *a, const int *from, const worldline *c, const char *what) {
  size_t n = (size_t)a->n;
  double *count = calloc(n * n, sizeof *count), chi = 0, df = 0;
  for (int r = 0; r < c->n; r++) count[(size_t)from[r] * n + (size_t)state_of(a, c, r)]++;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      double there = count[i * n + j], back = count[j * n + i];
      if (there + back >= 20) chi += (there - back) * (there - back) / (there + back), df++;
    }
  gate("loop", what, "detailed balance", chi, df);
  free(count);
}

static void stays(const worldline_type *type, const table *a, int replicas, const char *what) {
  worldline *c = begin(type, a->t, 0, replicas, replicas, CHAIN_COLD);
  int *from = malloc((size_t)replicas * sizeof *from);
  start_exactly(a, c);
  for (int r = 0; r < replicas; r++) from[r] = state_of(a, c, r);
  worldline_advance(c, 1);
  if (type == &worldline_loop) judge_balance(a, from, c, what);
  judge_frequencies(type, a, c, what);
  worldline_advance(c, 3);
  judge_frequencies(type, a, c, what);
  worldline_free(c), free(from);
}

/* The improved estimators have the exact means, given enough of the exact distribution. */
static void improves(const table *a, int replicas, const char *what) {
  worldline *c = begin(&worldline_loop, a->t, 0, replicas, replicas, CHAIN_COLD);
  double want[2] = {0}, sum[2] = {0}, square[2] = {0};
  for (int k = 0; k < a->n; k++) {
    double M = trotter_mag(a->t, a->s[k]), st = trotter_staggered(a->t, a->s[k]);
    want[0] += a->p[k] * M * M, want[1] += a->p[k] * st * st;
  }
  start_exactly(a, c);
  worldline_advance(c, 1);
  for (int r = 0; r < replicas; r++) {
    double better[WORLDLINE_NIMPROVED];
    worldline_improved(c, r, better);
    for (int k = 0; k < 2; k++) sum[k] += better[k] / replicas, square[k] += better[k] * better[k] / replicas;
  }
  for (int k = 0; k < 2; k++) {
    double error = sqrt((square[k] - sum[k] * sum[k]) / replicas) + 1e-12;
    CHECK_REPORT(fabs(sum[k] - want[k]) < 5 * error, "%s: improved %s = %.8g +- %.2g, expected %.8g", what,
                 k ? "staggered M^2" : "M^2", sum[k], error, want[k]);
  }
  worldline_free(c);
}

typedef struct setting {
  const char *what;
  int sites, rows;
  double J[3], beta, h;
  int n; /* allowed configurations */
} setting;

static const setting cases[] = {
    {"xxx FM", 4, 4, {1, 1, 1}, 1.3, 0, 90},
    {"xxx AFM", 4, 4, {-1, -1, -1}, 1.3, 0, 90},
    {"XY", 4, 4, {1, 1, 0}, 1.3, 0, 90},
    {"XXZ easy plane", 4, 4, {1, 1, -.6}, 2, 0, 90},
    {"XXZ easy axis FM", 4, 4, {1, 1, 1.7}, 1.3, 0, 90},
    {"XXZ easy axis AFM", 4, 4, {1, 1, -1.8}, 1.5, 0, 90},
    {"XYZ", 4, 4, {1.2, .8, .5}, 1.3, 0, 512},
    {"XYZ, other signs", 4, 4, {-.3, 1.1, -.9}, 2, 0, 512},
    {"XYZ easy axis", 4, 4, {.8, .5, 1.4}, 1.5, 0, 512},
    {"XYZ antiferromagnetic easy axis", 4, 4, {.7, .4, -1.5}, 1.5, 0, 512},
    {"no crossing", 4, 4, {1, -1, .3}, 1.3, 0, 90},
    {"Ising", 4, 4, {0, 0, 1}, 1.3, 0, 16},
    {"two rows", 4, 2, {1, 1, -1}, 1.5, 0, 18},
    {"two rows XYZ", 6, 2, {1.2, .8, .5}, 1.5, 0, 128},
    {"long xxx AFM", 6, 4, {1, 1, -1}, 1.5, 0, 546},
    {"high xxx FM", 4, 6, {1, 1, 1}, 3, 0, 546},
    {"xxx AFM in a field", 4, 4, {1, 1, -1}, 1.3, .7, 90},
    {"XYZ in a field", 4, 4, {1.2, .8, .5}, 1.3, -.6, 512},
    {"strongly anisotropic in a field", 4, 4, {1.8, .2, -.3}, 4, .3, 512},
    {"two rows XYZ in a field", 4, 2, {1.2, .8, -.5}, 1.3, .5, 32},
};

static void test_kernels(void) {
  for (unsigned k = 0; k < sizeof cases / sizeof *cases; k++) {
    table a = list(cases[k].sites, cases[k].rows, cases[k].J, cases[k].beta, cases[k].h);
    CHECK_INT(a.n, cases[k].n);
    for (int j = 0; j < (cases[k].h == 0 ? 2 : 1); j++) {
      connects(all[j], &a, cases[k].what);
      stays(all[j], &a, 100000, cases[k].what);
    }
    if (cases[k].h == 0) improves(&a, 30000, cases[k].what);
    release(&a);
  }
}

/* ---- bits ---- */

static trotter *chain_of(int sites, int rows, double Jx, double Jy, double Jz, double beta, double h) {
  trotter *t;
  CHECK(!trotter_new(&t, "test", sites, rows, (double[]){Jx, Jy, Jz}, beta, h, &fault));
  return t;
}

/* Replicas first .. first+n-1 of `total` after 6 + 4 sweeps. */
static void run_chunk(const worldline_type *type, const trotter *t, int first, int n, int total, int8_t *s, double *x) {
  worldline *c = begin(type, t, first, n, total, CHAIN_RANDOM);
  double(*obs)[TROTTER_NOBS] = calloc((size_t)n, sizeof *obs), one[TROTTER_NOBS];
  worldline_advance(c, 6), worldline_advance(c, 4);
  worldline_measure_all(c, obs);
  for (int r = 0; r < n; r++) {
    memcpy(s + (size_t)(first + r) * (size_t)t->n, worldline_spins(c, r), (size_t)t->n);
    worldline_improved(c, r, x + (size_t)(first + r) * WORLDLINE_NIMPROVED);
    worldline_measure(c, r, one);
    CHECK_BITS(one, obs[r], sizeof one);
    CHECK(trotter_lnW(t, worldline_spins(c, r)) > -INFINITY);
  }
  worldline_free(c), free(obs);
}

/* One chunk, three chunks, and 2 or 4 threads give the same replicas. */
static void same_bits(const worldline_type *type, const trotter *t) {
  enum { TOTAL = 11 };
  const int cut[4] = {0, 4, 5, TOTAL};
  size_t bytes = TOTAL * (size_t)t->n, doubles = TOTAL * WORLDLINE_NIMPROVED * sizeof(double);
  int8_t *a = malloc(bytes), *b = malloc(bytes);
  double *x = malloc(doubles), *y = malloc(doubles);
  omp_set_num_threads(1);
  run_chunk(type, t, 0, TOTAL, TOTAL, a, x);
  for (int k = 0; k < 3; k++) run_chunk(type, t, cut[k], cut[k + 1] - cut[k], TOTAL, b, y);
  CHECK_BITS(a, b, bytes);
  CHECK_BITS(x, y, doubles);
  for (int threads = 2; threads <= 4; threads += 2) {
    omp_set_num_threads(threads);
    memset(b, 0, bytes), memset(y, 0, doubles);
    run_chunk(type, t, 0, TOTAL, TOTAL, b, y);
    CHECK_BITS(a, b, bytes);
    CHECK_BITS(x, y, doubles);
  }
  omp_set_num_threads(1);
  for (int r = 1; r < TOTAL; r++) CHECK(memcmp(a, a + (size_t)r * (size_t)t->n, (size_t)t->n)); /* replicas differ */
  free(a), free(b), free(x), free(y);
}

static size_t item_bytes(run_item i) {
  return i.count * (i.type == H5_I8 ? 1 : 8);
}

/* A second chain that gets a copy of the state goes on with the same bits. */
static void continues(const worldline_type *type, const trotter *t) {
  run_item from[WORLDLINE_ITEMS], to[WORLDLINE_ITEMS];
  worldline *a = begin(type, t, 0, 5, 5, CHAIN_RANDOM), *b = begin(type, t, 0, 5, 5, CHAIN_COLD);
  worldline_advance(a, 9);
  int items = worldline_items(a, from);
  CHECK_INT(worldline_items(b, to), items);
  CHECK_INT(items, type->improved ? 3 : 2);
  for (int k = 0; k < items; k++) {
    CHECK_INT(to[k].count, from[k].count);
    CHECK(from[k].replicated || from[k].rows * from[k].row == from[k].count);
    memcpy(to[k].p, from[k].p, item_bytes(from[k]));
  }
  worldline_advance(a, 7);
  worldline_advance(b, 3), worldline_advance(b, 4);
  for (int k = 0; k < items; k++) CHECK_BITS(to[k].p, from[k].p, item_bytes(from[k]));
  CHECK_INT(b->sweeps, 16);
  worldline_free(a), worldline_free(b);
}

static void test_bits(void) {
  trotter *six = chain_of(32, 16, 1, 1, -1, 4, 0), *eight = chain_of(30, 10, 1.2, .8, 1.5, 2, 0);
  for (int k = 0; k < 2; k++) {
    same_bits(all[k], six), same_bits(all[k], eight);
    continues(all[k], six), continues(all[k], eight);
  }
  trotter_free(six), trotter_free(eight);
}

/* ---- starts, refusals ---- */

static void test_starts(void) {
  trotter *t = chain_of(260, 4, 1, 1, 1, 1, 0);
  int kinds[4] = {0};
  for (int start = CHAIN_COLD; start <= CHAIN_RANDOM; start++) {
    worldline *c = begin(&worldline_local, t, 0, 64, 64, (chain_start)start);
    for (int r = 0; r < 64; r++) {
      double M = trotter_mag(t, worldline_spins(c, r)), st = fabs(trotter_staggered(t, worldline_spins(c, r)));
      CHECK(trotter_lnW(t, worldline_spins(c, r)) > -INFINITY);
      CHECK(start != CHAIN_COLD || M == 130);
      CHECK(start != CHAIN_HOT || fabs(M) < 5 * sqrt(65));
      if (start == CHAIN_RANDOM) kinds[M == 130 ? 0 : M == -130 ? 1 : st == 130 ? 2 : 3]++;
    }
    worldline_free(c);
  }
  for (int k = 0; k < 4; k++) CHECK(kinds[k] > 2);
  trotter_free(t);
}

static void refuses(const worldline_type *type, const trotter *t, worldline_setup setup, const char *reason) {
  worldline *c;
  err e = {0};
  CHECK_INT(worldline_new(&c, type, t, setup, &e), ERR_DECK);
  CHECK(!c);
  CHECK_REPORT(strstr(e.text, reason) != NULL, "\"%.200s\" does not say %s", e.text, reason);
}

static void test_refusals(void) {
  trotter *t = chain_of(6, 4, 1, 1, 1, 1, .25), *free_ = chain_of(6, 4, 1, 1, 1, 1, 0);
  double better[WORLDLINE_NIMPROVED];
  refuses(&worldline_loop, t, (worldline_setup){.n = 1, .total = 1}, "needs zero field, but model.field = 0.25");
  refuses(&worldline_loop, free_, (worldline_setup){.first = 3, .n = 2, .total = 4}, "no replicas 3..4 of 4");
  refuses(&worldline_local, free_, (worldline_setup){.name = "a name of more than 31 characters", .n = 1, .total = 1},
          "too long");
  worldline *c = begin(&worldline_local, t, 0, 0, 4, CHAIN_COLD);
  worldline_advance(c, 3);
  CHECK_INT(c->sweeps, 3);
  worldline_free(c);
  c = begin(&worldline_local, t, 0, 1, 1, CHAIN_COLD);
  worldline_improved(c, 0, better);
  CHECK(isnan(better[0]) && isnan(better[1]));
  worldline_free(c);
  trotter_free(t), trotter_free(free_);
}

int main(void) {
  test_kernels();
  test_bits();
  test_starts();
  test_refusals();
  CHECK_REPORT(!fault.code, "%.300s", fault.text);
  return check_done();
}

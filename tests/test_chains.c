/* test_chains.c: Markov chains of Ising models. Stationary distributions against enumeration, L = 8 against exact
 * values, improved estimators, bits whatever the split into chunks and threads, continuation after a copy, refusals,
 * decks. */
#include <omp.h>

#include "lattice/exact.h"
#include "samplers/chain.h"
#include "tests/check.h"

extern const chain_type chain_metropolis, chain_multispin, chain_heatbath, chain_wolff, chain_swendsen_wang;
static const chain_type *const all[5] = {&chain_metropolis, &chain_multispin, &chain_heatbath, &chain_wolff,
                                         &chain_swendsen_wang};

typedef struct sample {
  lattice *l;
  ising *m;
} sample;

static sample uniform(int rows, int cols, bool periodic, bool triangular, double J, double h, double beta) {
  sample s = {0};
  err e = {0};
  if (triangular)
    lattice_triangular(&s.l, rows, cols, periodic, &e);
  else
    lattice_square(&s.l, rows, cols, periodic, &e);
  CHECK(!e.code && !ising_uniform(&s.m, s.l, J, h, beta, &e));
  return s;
}

/* Couplings +-J (gauss 0) or normal, fields normal of that width, on the given lattice. */
static sample disordered(lattice *l, bool gauss, double width, double beta) {
  sample s = {.l = l};
  err e = {0};
  rng r = rng_stream(7, "disorder");
  double *J = calloc((size_t)l->nbonds, sizeof *J), *h = calloc((size_t)l->n, sizeof *h);
  for (int b = 0; b < l->nbonds; b++) {
    J[b] = rng_normal(r, (uint64_t)b, 0, 0);
    if (!gauss) J[b] = J[b] < 0 ? -1 : 1;
  }
  for (int i = 0; i < l->n; i++) h[i] = width * rng_normal(r, (uint64_t)i, 1, 0);
  CHECK(!ising_couplings(&s.m, l, J, width > 0 ? h : NULL, beta, &e));
  free(J), free(h);
  return s;
}

static void release(sample s) {
  ising_free(s.m);
  lattice_free(s.l);
}

static chain *begin(const chain_type *t, const ising *m, int first, int n, int total, chain_start start) {
  chain *c = NULL;
  err e = {0};
  chain_new(&c, t, m, (chain_setup){.name = t->tag, .first = first, .n = n, .total = total, .seed = 5, .start = start},
            &e);
  CHECK_REPORT(c && !e.code, "%s: %.300s", t->kind.name, e.text);
  return c;
}

static double (*rows(int n))[ISING_NOBS] {
  return calloc((size_t)n, sizeof(double[ISING_NOBS]));
}

/* ---- stationary distribution: independent replicas after some sweeps ---- */

static void spins_of(unsigned state, int n, int8_t *s) {
  for (int i = 0; i < n; i++) s[i] = state >> i & 1 ? 1 : -1;
}

/* The class of a configuration: the state itself up to 10 spins, else (energy, magnetisation); energies are integer
 * then. */
enum { CLASSES = 1 << 12 };
static int class_of(const ising *m, const int8_t *s) {
  int n = m->lat->n, k = 0;
  if (n > 10) return ((int)lrint(ising_energy(m, s)) + m->lat->nbonds) / 2 * 33 + (ising_mag(m, s) + n) / 2;
  for (int i = 0; i < n; i++) k |= (s[i] > 0) << i;
  return k;
}

static void exact_classes(const ising *m, double p[CLASSES]) {
  int8_t s[32];
  double Z = 0;
  memset(p, 0, sizeof(double) * CLASSES);
  for (unsigned state = 0; state < 1u << m->lat->n; state++) {
    spins_of(state, m->lat->n, s);
    double w = exp(-m->beta * ising_energy(m, s));
    p[class_of(m, s)] += w;
    Z += w;
  }
  for (int k = 0; k < CLASSES; k++) p[k] /= Z;
}

/* Classes of fewer than ten expected go together. Five sigma of chi^2 in Wilson and Hilferty's normal form. */
static void chi_square(const char *what, const double *p, const double *seen, double count) {
  double chi = 0, rare = 0, rare_seen = 0;
  int bins = 0;
  for (int k = 0; k < CLASSES; k++) {
    double want = p[k] * count;
    if (want < 10)
      rare += want, rare_seen += seen[k];
    else
      chi += (seen[k] - want) * (seen[k] - want) / want, bins++;
  }
  if (rare >= 10) chi += (rare_seen - rare) * (rare_seen - rare) / rare, bins++;
  double df = bins - 1, v = 2 / (9 * df), z = (cbrt(chi / df) - (1 - v)) / sqrt(v);
  CHECK_REPORT(rare >= 10 || rare_seen <= 50, "%s: %g in classes of weight %g", what, rare_seen, rare);
  CHECK_REPORT(z < 5, "%s: chi^2 = %.1f for %g degrees of freedom (%.1f sigma)", what, chi, df, z);
}

static void stationary(const chain_type *t, const ising *m, int replicas, int sweeps) {
  static double p[CLASSES], seen[CLASSES];
  int8_t s[32];
  char what[80];
  snprintf(what, sizeof what, "%s on %s %d, %s", t->kind.name, m->lat->name, m->lat->n, m->name);
  exact_classes(m, p);
  memset(seen, 0, sizeof seen);
  chain *c = begin(t, m, 0, replicas, replicas, CHAIN_RANDOM);
  chain_advance(c, sweeps);
  for (int r = 0; r < replicas; r++) {
    chain_spins(c, r, s);
    seen[class_of(m, s)]++;
  }
  chi_square(what, p, seen, replicas);
  chain_free(c);
}

static void stationary_field_free(void) {
  sample small[4] = {uniform(3, 3, true, false, 1, 0, .3), uniform(3, 3, true, true, -1, 0, .5),
                     uniform(2, 5, false, false, -1, 0, .6), uniform(5, 2, false, false, 1, 0, .6)};
  lattice *l;
  err e = {0};
  CHECK(!lattice_square(&l, 3, 3, true, &e));
  sample mixed = disordered(l, false, 0, .6);
  for (int k = 0; k < 5; k++) {
    if (k == 1) continue;
    for (int q = 0; q < 4; q++) stationary(all[k], small[q].m, 8000, 30);
    stationary(all[k], mixed.m, 8000, 50);
  }
  for (int q = 0; q < 4; q++) release(small[q]);
  release(mixed);
}

static void stationary_fields(void) {
  lattice *complete, *square;
  err e = {0};
  CHECK(!lattice_complete(&complete, 9, &e) && !lattice_square(&square, 3, 3, false, &e));
  sample q[3] = {disordered(complete, true, .5, .4), disordered(square, false, .7, .7),
                 uniform(3, 3, true, true, -1, .8, .5)};
  for (int k = 0; k < 3; k++) {
    stationary(&chain_metropolis, q[k].m, 8000, 30);
    stationary(&chain_heatbath, q[k].m, 8000, 30);
    release(q[k]);
  }
}

static void stationary_sixteen(void) {
  lattice *l;
  err e = {0};
  CHECK(!lattice_square(&l, 4, 4, true, &e));
  sample q[3] = {uniform(4, 4, true, false, 1, 0, .35), uniform(4, 4, true, false, -1, 0, .35),
                 disordered(l, false, 0, .6)};
  for (int k = 0; k < 3; k++) {
    stationary(&chain_multispin, q[k].m, 100000, 100);
    stationary(&chain_swendsen_wang, q[k].m, 8000, 30);
    stationary(&chain_wolff, q[k].m, 8000, 80);
    release(q[k]);
  }
}

/* Diagonal stripes two sites wide: no site feels a field, and the textbook Metropolis rule would turn the configuration
 * into its mirror image in every sweep for ever. */
static void leaves_stripes(const chain_type *t) {
  enum { N = 512 };
  sample q = uniform(4, 4, true, false, 1, 0, .4);
  int8_t s[16], now[16];
  int stuck = 0;
  for (int i = 0; i < 16; i++) s[i] = (i / 4 + i % 4) % 4 < 2 ? 1 : -1;
  chain *c = begin(t, q.m, 0, N, N, CHAIN_COLD);
  for (int r = 0; r < N; r++) chain_set_spins(c, r, s);
  chain_advance(c, 40);
  for (int r = 0; r < N; r++) {
    chain_spins(c, r, now);
    int overlap = 0;
    for (int i = 0; i < 16; i++) overlap += s[i] * now[i];
    stuck += abs(overlap) == 16;
  }
  CHECK_REPORT(stuck < 5, "%s: %d of %d replicas still in their orbit", t->kind.name, stuck, N);
  chain_free(c);
  release(q);
}

/* ---- L = 8 against exact values ---- */

/* e, c: Kaufman (samplers.md 1.9, repeated by exact_kaufman). |m|, m2, m4: transfer matrix that carries the
 * distribution of M, all 2^8 first rows (its lnZ agrees with Kaufman to 1e-11). */
typedef struct reference {
  double beta, m_abs, m2, m4;
} reference;
static const reference eight[3] = {{.40, .603128979407, .432099078576, .266552513260},
                                   {.44, .774893601715, .643667301166, .482146567541},
                                   {.48, .880857447455, .793722132229, .666828002464}};

enum {
  MEANS = 7
}; /* e, c, |m|, chi, m2, improved m2, improved m4: with the exact means inserted all are plain averages */

typedef struct tally { /* per replica means and their spread over replicas */
  int replicas;
  double (*sum)[MEANS];
  long count;
} tally;

static void add_sample(double sum[MEANS], const double obs[ISING_NOBS], const double better[CHAIN_NIMPROVED], int n,
                       const exact_ising *x, const reference *r) {
  double E = obs[ISING_E], M = fabs(obs[ISING_M]), dE = E - x->e * n, dM = M - r->m_abs * n;
  double v[MEANS] = {E / n,
                     r->beta * r->beta * dE * dE / n,
                     M / n,
                     r->beta * dM * dM / n,
                     M * M / n / n,
                     better[CHAIN_M2] / n / n,
                     better[CHAIN_M4] / n / n / n / n};
  for (int k = 0; k < MEANS; k++) sum[k] += v[k];
}

static void spread(const tally *t, int k, double *mean, double *error) {
  double a = 0, b = 0;
  for (int r = 0; r < t->replicas; r++) {
    double x = t->sum[r][k] / (double)t->count;
    a += x, b += x * x;
  }
  a /= t->replicas;
  *mean = a;
  *error = sqrt((b / t->replicas - a * a) / (t->replicas - 1));
}

static void judge(const chain_type *t, const tally *a, const exact_ising *x, const reference *r) {
  static const char *const name[MEANS] = {"e", "c", "|m|", "chi", "m2", "m2 improved", "m4 improved"};
  double chi = r->beta * 64 * (r->m2 - r->m_abs * r->m_abs);
  double want[MEANS] = {x->e, x->c, r->m_abs, chi, r->m2, r->m2, r->m4}, error[MEANS];
  for (int k = 0; k < MEANS; k++) {
    double mean;
    spread(a, k, &mean, &error[k]);
    if (isnan(mean)) {
      CHECK_REPORT(k >= 5 && (!t->improved || k == 6), "%s: no %s", t->kind.name, name[k]);
      continue;
    }
    CHECK_REPORT(error[k] > 0 && fabs(mean - want[k]) < 5 * error[k],
                 "%s beta %g: %s = %.8f +- %.2g, exact %.8f: %.2f sigma", t->kind.name, r->beta, name[k], mean,
                 error[k], want[k], (mean - want[k]) / error[k]);
    CHECK_REPORT(k == 2 || k == 3 || k == 1 || error[k] < .01 * fabs(want[k]), "%s: %s is too rough", t->kind.name,
                 name[k]);
  }
  if (t == &chain_swendsen_wang)
    CHECK_REPORT(error[5] < .9 * error[4], "beta %g: m2 improved +- %.2g, plain +- %.2g", r->beta, error[5], error[4]);
}

static void exact_eight(const chain_type *t, const reference *r, int replicas, int thermalise, int measures,
                        int every) {
  sample s = uniform(8, 8, true, false, 1, 0, r->beta);
  exact_ising x;
  err e = {0};
  CHECK(!exact_kaufman(&x, 8, 8, 1, r->beta, &e));
  tally a = {replicas, calloc((size_t)replicas, sizeof *a.sum), measures};
  double(*obs)[ISING_NOBS] = rows(replicas), better[CHAIN_NIMPROVED];
  chain *c = begin(t, s.m, 0, replicas, replicas, CHAIN_RANDOM);
  chain_thermalise(c, thermalise);
  for (int k = 0; k < measures; k++) {
    chain_advance(c, every);
    chain_measure_all(c, obs);
    for (int q = 0; q < replicas; q++) {
      chain_improved(c, q, better);
      add_sample(a.sum[q], obs[q], better, 64, &x, r);
    }
  }
  judge(t, &a, &x, r);
  chain_free(c);
  free(obs), free(a.sum);
  release(s);
}

static void exact_values(void) {
  for (int k = 0; k < 3; k++) {
    exact_eight(&chain_multispin, &eight[k], 1024, 2000, 250, 10);
    exact_eight(&chain_metropolis, &eight[k], 48, 1500, 800, 5);
    exact_eight(&chain_heatbath, &eight[k], 48, 2000, 800, 5);
    exact_eight(&chain_wolff, &eight[k], 48, 300, 1000, 1);
    exact_eight(&chain_swendsen_wang, &eight[k], 48, 300, 1000, 1);
  }
}

/* ---- improved estimators ---- */

/* Means of plain minus improved over replicas vanish; which: CHAIN_M2, CHAIN_M4 or CHAIN_SK. */
static void same_mean(const chain_type *t, const ising *m, int which) {
  enum { REPLICAS = 64, MEASURES = 400 };
  static double plain[REPLICAS], gain[REPLICAS];
  double better[CHAIN_NIMPROVED], obs[ISING_NOBS];
  double a = 0, b = 0, spread_plain = 0, spread_better = 0;
  memset(plain, 0, sizeof plain), memset(gain, 0, sizeof gain);
  chain *c = begin(t, m, 0, REPLICAS, REPLICAS, CHAIN_RANDOM);
  chain_thermalise(c, 200);
  for (int k = 0; k < MEASURES; k++) {
    chain_sweep(c);
    for (int r = 0; r < REPLICAS; r++) {
      chain_measure(c, r, obs);
      chain_improved(c, r, better);
      double M2 = obs[ISING_M] * obs[ISING_M], x = which == CHAIN_M2 ? M2 : which == CHAIN_M4 ? M2 * M2 : obs[ISING_SK];
      plain[r] += x / MEASURES, gain[r] += (x - better[which]) / MEASURES;
      spread_plain += x * x, spread_better += better[which] * better[which];
    }
  }
  for (int r = 0; r < REPLICAS; r++) a += gain[r] / REPLICAS, b += gain[r] * gain[r] / REPLICAS;
  CHECK_SIGMA(a, 0, sqrt((b - a * a) / (REPLICAS - 1)), 5);
  if (t == &chain_swendsen_wang)
    CHECK_REPORT(spread_better < spread_plain, "%s: improved estimator %d has variance %g, plain %g", m->name, which,
                 spread_better, spread_plain);
  chain_free(c);
}

static void improved(void) {
  lattice *l;
  err e = {0};
  CHECK(!lattice_square(&l, 4, 3, true, &e));
  sample q[4] = {uniform(8, 6, true, false, 1, 0, .44), uniform(6, 8, true, false, -1, 0, .4),
                 disordered(l, false, 0, .5), uniform(5, 7, false, false, -1, 0, .5)};
  for (int k = 0; k < 4; k++) {
    same_mean(&chain_swendsen_wang, q[k].m, CHAIN_M2);
    same_mean(&chain_swendsen_wang, q[k].m, CHAIN_M4);
    same_mean(&chain_swendsen_wang, q[k].m, CHAIN_SK);
    same_mean(&chain_wolff, q[k].m, CHAIN_M2);
    same_mean(&chain_wolff, q[k].m, CHAIN_SK);
    release(q[k]);
  }
}

/* ---- bits ---- */

/* Replicas first..first+n-1 of `total` after 4 + 6 sweeps, appended to *s and *x. */
static void run_chunk(const chain_type *t, const ising *m, int first, int n, int total, int8_t *s, double *x) {
  chain *c = begin(t, m, first, n, total, CHAIN_RANDOM);
  chain_thermalise(c, 6);
  chain_advance(c, 4);
  for (int r = 0; r < n; r++) {
    chain_spins(c, r, s + (size_t)(first + r) * (size_t)m->lat->n);
    chain_improved(c, r, x + (size_t)(first + r) * CHAIN_NIMPROVED);
  }
  chain_free(c);
}

/* One chunk, three chunks, and three threads give the same replicas. */
static void same_bits(const chain_type *t, const ising *m) {
  int u = t->unit, total = 10 * u + (u > 1 ? 7 : 0), cut[4] = {0, 4 * u, 5 * u, total};
  size_t bytes = (size_t)total * (size_t)m->lat->n, doubles = sizeof(double) * CHAIN_NIMPROVED * (size_t)total;
  int8_t *a = malloc(bytes), *b = malloc(bytes), *d = malloc(bytes);
  double *x = malloc(doubles), *y = malloc(doubles), *z = malloc(doubles);
  omp_set_num_threads(1);
  run_chunk(t, m, 0, total, total, a, x);
  for (int k = 0; k < 3; k++) run_chunk(t, m, cut[k], cut[k + 1] - cut[k], total, b, y);
  omp_set_num_threads(3);
  run_chunk(t, m, 0, total, total, d, z);
  omp_set_num_threads(2);
  CHECK_BITS(a, b, bytes);
  CHECK_BITS(a, d, bytes);
  CHECK_BITS(x, y, doubles);
  CHECK_BITS(x, z, doubles);
  CHECK(memcmp(a, a + m->lat->n, (size_t)m->lat->n)); /* replicas differ */
  free(a), free(b), free(d), free(x), free(y), free(z);
}

static size_t item_bytes(run_item i) {
  return i.count * (i.type == H5_I8 ? 1 : 8);
}

/* A second chain that gets a copy of the state goes on with the same bits. */
static void continues(const chain_type *t, const ising *m) {
  int n = t->unit > 1 ? 600 : 5, items;
  run_item from[3], to[3];
  chain *a = begin(t, m, 0, n, n, CHAIN_RANDOM), *b = begin(t, m, 0, n, n, CHAIN_COLD);
  chain_thermalise(a, 8);
  chain_sweep(a);
  items = chain_items(a, from);
  CHECK_INT(chain_items(b, to), items);
  for (int k = 0; k < items; k++) {
    CHECK_INT(to[k].count, from[k].count);
    CHECK(from[k].replicated || from[k].rows * from[k].row >= from[k].count);
    memcpy(to[k].p, from[k].p, item_bytes(from[k]));
  }
  chain_advance(a, 7);
  chain_advance(b, 3), chain_advance(b, 4);
  for (int k = 0; k < items; k++) CHECK_BITS(to[k].p, from[k].p, item_bytes(from[k]));
  CHECK_NEAR(chain_work(b, n - 1), chain_work(a, n - 1), 0);
  CHECK(t == &chain_wolff || chain_work(a, 0) == 16);
  chain_free(a), chain_free(b);
}

static void bits(void) {
  lattice *l;
  err e = {0};
  CHECK(!lattice_square(&l, 6, 4, true, &e));
  sample q[3] = {uniform(6, 4, true, false, 1, 0, .42), disordered(l, false, 0, .5),
                 uniform(4, 6, true, false, -1, 0, .4)};
  for (int k = 0; k < 3; k++) {
    for (int t = 0; t < 5; t++) same_bits(all[t], q[k].m), continues(all[t], q[k].m);
    release(q[k]);
  }
  sample large = uniform(64, 48, true, false, 1, 0, .43); /* large enough that chains do use their threads */
  for (int t = 0; t < 5; t++) same_bits(all[t], large.m);
  release(large);
}

/* ---- multispin: measurement of whole words, independence of replicas ---- */

static void word_measures(const ising *m) {
  enum { N = 700 };
  double(*obs)[ISING_NOBS] = rows(N), one[ISING_NOBS];
  int8_t s[64], back[64];
  chain *c = begin(&chain_multispin, m, 0, N, N, CHAIN_RANDOM);
  chain_advance(c, 3);
  chain_measure_all(c, obs);
  for (int r = 0; r < N; r += 3) {
    chain_measure(c, r, one);
    CHECK_NEAR(obs[r][ISING_E], one[ISING_E], 0);
    CHECK_NEAR(obs[r][ISING_M], one[ISING_M], 0);
    CHECK_NEAR(obs[r][ISING_SK], one[ISING_SK], 1e-10);
  }
  for (int i = 0; i < m->lat->n; i++) s[i] = i % 3 ? 1 : -1;
  chain_set_spins(c, N - 1, s);
  chain_spins(c, N - 1, back);
  CHECK_BITS(s, back, (size_t)m->lat->n);
  chain_measure_all(c, obs);
  CHECK_NEAR(obs[N - 1][ISING_E], ising_energy(m, s), 0);
  chain_free(c);
  free(obs);
}

/* Energies of replicas 1, 64 and 200 apart do not correlate. */
static void independent(const ising *m) {
  enum { N = 5120, MEASURES = 20 };
  static const int apart[3] = {1, 64, 200};
  exact_ising x;
  err e = {0};
  CHECK(!exact_kaufman(&x, m->lat->rows, m->lat->cols, 1, m->beta, &e));
  double(*obs)[ISING_NOBS] = rows(N), sum[3] = {0}, square[3] = {0}, count = (double)N * MEASURES;
  chain *c = begin(&chain_multispin, m, 0, N, N, CHAIN_RANDOM);
  chain_advance(c, 300);
  for (int k = 0; k < MEASURES; k++) {
    chain_advance(c, 40);
    chain_measure_all(c, obs);
    for (int q = 0; q < 3; q++)
      for (int r = 0; r < N; r++) {
        double v = (obs[r][ISING_E] - x.e * m->lat->n) * (obs[(r + apart[q]) % N][ISING_E] - x.e * m->lat->n);
        sum[q] += v, square[q] += v * v;
      }
  }
  for (int q = 0; q < 3; q++) CHECK_SIGMA(sum[q] / count, 0, sqrt(square[q]) / count, 5);
  chain_free(c);
  free(obs);
}

static void words(void) {
  lattice *l;
  err e = {0};
  CHECK(!lattice_square(&l, 6, 10, true, &e));
  sample q[3] = {uniform(6, 10, true, false, 1, 0, .4), disordered(l, false, 0, .5),
                 uniform(10, 6, true, false, -.5, 0, .8)};
  for (int k = 0; k < 3; k++) word_measures(q[k].m);
  independent(q[0].m);
  for (int k = 0; k < 3; k++) release(q[k]);
}

/* ---- Wolff settles, refusals, decks ---- */

static void wolff_settles(void) {
  sample s = uniform(16, 16, true, false, 1, 0, .3);
  chain *c = begin(&chain_wolff, s.m, 0, 8, 8, CHAIN_HOT);
  chain_thermalise(c, 100);
  double before = chain_work(c, 3);
  chain_advance(c, 200);
  CHECK_NEAR((chain_work(c, 3) - before) / 200, 1, .5);
  chain_free(c);
  release(s);
}

static void refused(const chain_type *t, sample s, int first, int n, int total, const char *reason) {
  chain *c = NULL;
  err e = {0};
  CHECK_INT(chain_new(&c, t, s.m, (chain_setup){.first = first, .n = n, .total = total}, &e), ERR_DECK);
  CHECK_REPORT(!c && strstr(e.text, reason), "%.300s does not say '%s'", e.text, reason);
  chain_free(c);
  release(s);
}

static void refusals(void) {
  lattice *l;
  err e = {0};
  CHECK(!lattice_square(&l, 4, 4, true, &e));
  refused(&chain_wolff, uniform(4, 4, true, false, 1, .1, .4), 0, 1, 1, "zero field");
  refused(&chain_swendsen_wang, uniform(4, 4, true, false, 1, .1, .4), 0, 1, 1, "zero field");
  refused(&chain_multispin, uniform(4, 4, true, false, 1, .1, .4), 0, 1, 1, "zero field");
  refused(&chain_multispin, uniform(4, 5, true, false, 1, 0, .4), 0, 1, 1, "even sides");
  refused(&chain_multispin, uniform(4, 4, false, false, 1, 0, .4), 0, 1, 1, "torus");
  refused(&chain_multispin, uniform(4, 4, true, true, 1, 0, .4), 0, 1, 1, "square");
  refused(&chain_multispin, disordered(l, true, 0, .4), 0, 1, 1, "equal size");
  refused(&chain_multispin, uniform(4, 4, true, false, 1, 0, .4), 0, 100, 1024, "units of 512");
  refused(&chain_multispin, uniform(4, 4, true, false, 1, 0, .4), 100, 512, 612, "units of 512");
  refused(&chain_metropolis, uniform(4, 4, true, false, 1, 0, .4), 3, 2, 4, "do not fill");
}

static chain *from_deck(const char *text, const ising *m, int rank, int ranks, chain_plan *plan, err *e) {
  static const deck_section schema[] = {
      {.name = "chain", .help = "Markov chain", .keys = chain_keys, .kinds = chain_types, .kind_def = "swendsen-wang"},
      {0}};
  deck *d = NULL;
  chain *c = NULL;
  comm r = {.rank = rank, .ranks = ranks, .threads = 1};
  if (!deck_parse(&d, "test.yaml", text, strlen(text), NULL, 0, schema, e))
    chain_from_deck(&c, plan, d, "chain", m, &r, 3, e);
  deck_free(d);
  return c;
}

static void decks(void) {
  sample s = uniform(4, 4, true, false, 1, 0, .4), field = uniform(4, 4, true, false, 1, .2, .4);
  chain_plan p;
  err e = {0};
  chain *c =
      from_deck("app: x\nchain: {kind: wolff, clusters: 3, replicas: 5, sweeps: 77, start: hot}\n", s.m, 1, 2, &p, &e);
  CHECK_REPORT(c && !e.code, "%.300s", e.text);
  CHECK(p.sweeps == 77 && p.replicas == 5 && p.start == CHAIN_HOT && p.every == 1);
  CHECK(c && c->type == &chain_wolff && c->first + c->n == 5 && c->n >= 2 && c->total == 5);
  chain_free(c);
  c = from_deck("app: x\nchain: {kind: multispin, replicas: 700}\n", s.m, 0, 3, &p, &e);
  chain *d = from_deck("app: x\nchain: {kind: multispin, replicas: 700}\n", s.m, 2, 3, &p, &e);
  chain *f = from_deck("app: x\nchain: {kind: multispin, replicas: 700}\n", s.m, 1, 3, &p, &e);
  CHECK_REPORT(c && d && f && c->n + d->n + f->n == 700, "%.300s", e.text);
  if (d) chain_advance(d, 2);
  chain_free(c), chain_free(d), chain_free(f);
  CHECK(!from_deck("app: x\nchain: {kind: swendsen-wang, improved: false}\n", field.m, 0, 1, &p, &e));
  CHECK_INT(e.code, ERR_DECK);
  CHECK_REPORT(strstr(e.text, "test.yaml:2") && strstr(e.text, "zero field"), "%.300s", e.text);
  release(s), release(field);
}

int main(void) {
  stationary_field_free();
  stationary_fields();
  stationary_sixteen();
  leaves_stripes(&chain_metropolis);
  leaves_stripes(&chain_multispin);
  exact_values();
  improved();
  bits();
  words();
  wolff_settles();
  refusals();
  decks();
  return check_done();
}

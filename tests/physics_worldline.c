/* physics_worldline.c: Markov chains of the Trotterised chain against exact values at the same Trotter number.
 *   fast   8 sites, 8 rows: e, c, m, chi of four models, in a field too; pulls of 60 replicas
 *   full   longer; pulls of 200 replicas; N = 32; tau_int of energy and staggered magnetisation of the antiferromagnet
 *          (N = 32, beta = 4) with both chains
 * Gates: five sigma; pulls: mean 0 +- .15 and standard deviation .9 to 1.1, or five sigma of what so many can tell. */
#include <omp.h>

#include "analysis/quantum.h"
#include "lattice/exact_trotter.h"
#include "samplers/worldline.h"
#include "tests/check.h"

extern const worldline_type worldline_local, worldline_loop;
static err fault;

typedef struct model {
  const char *what;
  int sites, rows;
  double J[3], beta, h;
} model;

typedef struct series { /* rows (replicas, length, QUANTUM_NG) of a chain of independent replicas */
  int replicas;
  long length, every;
  double *g;
} series;

static trotter *open_model(const model *m, chain_thermo *x) {
  trotter *t;
  CHECK(!trotter_new(&t, m->what, m->sites, m->rows, m->J, m->beta, m->h, &fault));
  CHECK_REPORT(!exact_trotter(x, t, m->beta, &fault), "%s: %.200s", m->what, fault.text);
  return t;
}

static quantum context(const trotter *t, const chain_thermo *x) {
  return (quantum){.beta = t->beta, .sites = t->sites, .F0 = x->e * t->sites};
}

static void record(const worldline_type *type, const trotter *t, const quantum *q, long thermalisation, series *s) {
  worldline *c = NULL;
  worldline_setup setup = {
      .name = type->tag, .n = s->replicas, .total = s->replicas, .seed = 11, .start = CHAIN_RANDOM};
  CHECK_REPORT(!worldline_new(&c, type, t, setup, &fault), "%.200s", fault.text);
  double(*obs)[TROTTER_NOBS] = malloc((size_t)s->replicas * sizeof *obs), better[WORLDLINE_NIMPROVED];
  double n2 = (double)t->sites * t->sites;
  s->g = malloc((size_t)s->replicas * (size_t)s->length * QUANTUM_NG * sizeof *s->g);
  worldline_advance(c, thermalisation);
  for (long k = 0; k < s->length; k++) {
    worldline_advance(c, s->every);
    worldline_measure_all(c, obs);
    for (int r = 0; r < s->replicas; r++) {
      double *g = s->g + ((size_t)r * (size_t)s->length + (size_t)k) * QUANTUM_NG;
      quantum_row(q, obs[r][TROTTER_F], obs[r][TROTTER_G], obs[r][TROTTER_M], obs[r][TROTTER_MST], g);
      worldline_improved(c, r, better);
      if (!isnan(better[0])) g[QUANTUM_M2] = better[WORLDLINE_M2] / n2, g[QUANTUM_MST2] = better[WORLDLINE_MST2] / n2;
    }
  }
  worldline_free(c), free(obs);
}

static void analyse(const series *s, int first, int n, const quantum *q, gamma_result r[QUANTUM_COUNT]) {
  long length[1024];
  for (int k = 0; k < n; k++) length[k] = s->length;
  gamma_data d = {
      .k = QUANTUM_NG, .replicas = n, .length = length, .x = s->g + (size_t)first * (size_t)s->length * QUANTUM_NG};
  CHECK_REPORT(!quantum_chain(q, &d, r, &fault), "%.200s", fault.text);
}

enum { KNOWN = 4 };
static const int known[KNOWN] = {QUANTUM_e, QUANTUM_c, QUANTUM_chi, QUANTUM_m};
static double exact_of(const chain_thermo *x, int k) {
  return (double[KNOWN]){x->e, x->c, x->chi, x->m}[k];
}

/* ---- against exact values ---- */

static void agrees(const worldline_type *type, const model *m, long length, long every) {
  chain_thermo x;
  gamma_result r[QUANTUM_COUNT];
  trotter *t = open_model(m, &x);
  quantum q = context(t, &x);
  series s = {.replicas = 16, .length = length, .every = every};
  record(type, t, &q, 20 * every + 200, &s);
  analyse(&s, 0, s.replicas, &q, r);
  for (int k = 0; k < KNOWN; k++) {
    const gamma_result *v = &r[known[k]];
    double exact = exact_of(&x, k), z = (v->value - exact) / v->error;
    CHECK_REPORT(!v->reason && fabs(z) < 5, "%s %s %s = %.8f +- %.2g, exact %.8f: %.2f sigma (%s)", type->tag, m->what,
                 quantum_quantities[known[k]].fn.name, v->value, v->error, exact, z, v->reason ? v->reason : "");
    CHECK_REPORT(known[k] == QUANTUM_m || v->error < .1 * fabs(exact), "%s %s %s: +- %.2g is too rough", type->tag,
                 m->what, quantum_quantities[known[k]].fn.name, v->error);
    if (getenv("SPINET_LOUD"))
      printf("%-6s %-18s %-4s %12.8f +- %-9.2g exact %12.8f  %+5.2f sigma  tau %.2f\n", type->tag, m->what,
             quantum_quantities[known[k]].fn.name, v->value, v->error, exact, z, v->tau);
  }
  trotter_free(t), free(s.g);
}

static const model small[] = {{"xxx FM", 8, 8, {1, 1, 1}, 2, 0},       {"xxx AFM", 8, 8, {-1, -1, -1}, 2, 0},
                              {"XY", 8, 8, {1, 1, 0}, 2, 0},           {"XYZ", 8, 8, {1.2, .8, .5}, 2, 0},
                              {"easy axis", 8, 8, {1, .7, 1.4}, 1, 0}, {"xxx AFM in a field", 8, 8, {1, 1, -1}, 2, .8}};
enum { SMALL = sizeof small / sizeof *small };

/* ---- pulls ---- */

typedef struct pulls {
  double n, sum, square;
} pulls;

static void judge(const char *what, const char *quantity, pulls p) {
  double mean = p.sum / p.n, sd = sqrt(p.square / p.n - mean * mean);
  double far = fmax(.15, 5 / sqrt(p.n)), wide = fmax(.1, 5 / sqrt(2 * p.n));
  printf("%-18s %-4s %5g pulls: mean %+.3f, standard deviation %.3f\n", what, quantity, p.n, mean, sd);
  CHECK_REPORT(fabs(mean) < far, "%s: mean pull of %s is %.3f, beyond %.3f", what, quantity, mean, far);
  CHECK_REPORT(fabs(sd - 1) < wide, "%s: pulls of %s have standard deviation %.3f, beyond 1 +- %.2f", what, quantity,
               sd, wide);
}

/* Every replica is a measurement of its own. */
static void pull(const model *m, int replicas, long length, pulls all[KNOWN]) {
  chain_thermo x;
  gamma_result r[QUANTUM_COUNT];
  pulls p[KNOWN] = {{0}};
  trotter *t = open_model(m, &x);
  quantum q = context(t, &x);
  series s = {.replicas = replicas, .length = length, .every = 1};
  record(&worldline_loop, t, &q, 200, &s);
  for (int i = 0; i < replicas; i++) {
    analyse(&s, i, 1, &q, r);
    for (int k = 0; k < KNOWN; k++) {
      double z = (r[known[k]].value - exact_of(&x, k)) / r[known[k]].error;
      p[k].n++, p[k].sum += z, p[k].square += z * z;
      all[k].n++, all[k].sum += z, all[k].square += z * z;
    }
  }
  for (int k = 0; k < KNOWN; k++) judge(m->what, quantum_quantities[known[k]].fn.name, p[k]);
  trotter_free(t), free(s.g);
}

static void test_pulls(int models, int replicas, long length) {
  pulls all[KNOWN] = {{0}};
  for (int k = 0; k < models; k++) pull(&small[k], replicas, length, all);
  for (int k = 0; k < KNOWN; k++) judge("all models", quantum_quantities[known[k]].fn.name, all[k]);
}

/* ---- autocorrelations ---- */

/* tau_int in sweeps of energy and staggered magnetisation. */
static void correlation(const worldline_type *type, const trotter *t, long length, double tau[2]) {
  static const int column[2] = {QUANTUM_F, QUANTUM_MST};
  quantum q = {.beta = t->beta, .sites = t->sites, .F0 = -.43 * t->sites};
  series s = {.replicas = 8, .length = length, .every = 1};
  long lengths[8];
  record(type, t, &q, 2000, &s);
  for (int k = 0; k < s.replicas; k++) lengths[k] = s.length;
  gamma_data d = {.k = QUANTUM_NG, .replicas = s.replicas, .length = lengths, .x = s.g};
  printf("xxx AFM, N = %d, 2m = %3d, beta = %g, %-5s: tau_int in sweeps", t->sites, t->rows, t->beta, type->tag);
  for (int k = 0; k < 2; k++) {
    gamma_result r;
    CHECK_REPORT(!gamma_primary(&d, column[k], 0, &r, &fault), "%.200s", fault.text);
    CHECK_REPORT(!r.reason, "%s: %s", type->tag, r.reason ? r.reason : "");
    tau[k] = r.tau;
    printf("%s %.3f +- %.3f", k ? ", of staggered M" : " of E", r.tau, r.tau_error);
  }
  printf("\n");
  free(s.g);
}

/* Local moves slow down with the number of rows, loops do not. */
static void test_correlations(void) {
  double loop[2], local[2];
  for (int rows = 16; rows <= 256; rows *= 4) {
    trotter *t;
    CHECK(!trotter_new(&t, "xxx AFM", 32, rows, (double[]){1, 1, -1}, 4, 0, &fault));
    correlation(&worldline_loop, t, 10000, loop);
    correlation(&worldline_local, t, 40000, local);
    trotter_free(t);
  }
  for (int k = 0; k < 2; k++)
    CHECK_REPORT(local[k] > 10 * loop[k], "2m = 256: tau_int of %s is %g with loops, %g without",
                 k ? "staggered M" : "E", loop[k], local[k]);
}

static void test_full(void) {
  static const model large[] = {{"xxx AFM 32", 32, 8, {1, 1, -1}, 4, 0},
                                {"xxx FM 32", 32, 8, {1, 1, 1}, 4, 0},
                                {"XY 32", 32, 4, {1, 1, 0}, 2, 0}};
  for (int k = 0; k < 3; k++) agrees(&worldline_loop, &large[k], 20000, 1);
  for (int k = 0; k < SMALL; k++) agrees(&worldline_local, &small[k], 10000, 10);
  test_pulls(4, 200, 20000);
  test_correlations();
}

int main(int argc, char **argv) {
  bool full = argc > 1 && !strcmp(argv[1], "full");
  for (int k = 0; k < SMALL; k++) {
    if (small[k].h == 0) agrees(&worldline_loop, &small[k], 4000, 1);
    agrees(&worldline_local, &small[k], 2000, 5);
  }
  if (full)
    test_full();
  else
    test_pulls(4, 60, 4000);
  CHECK_REPORT(!fault.code, "%.300s", fault.text);
  return check_done();
}

/* physics_pulls.c: are the printed errors those by which results scatter? Replicas of an estimate from a network whose
 * exact answers are known; z = (estimate - exact)/error of each quantity must have mean 0 and standard deviation 1.
 *
 * 4x4, 65,536 states: exact values by enumeration, draws by ar_draw or by inversion of the enumerated density; NIS with
 * delta and jackknife errors, NMCMC with Gamma errors (e, c, |m|, chi) and the joint jackknife (lnZ, f, s).
 *
 * 8x8: exact values by Kaufman, draws by ar_draw.
 *
 * Argument: fast or full. Gates: mean 0 +- .15 and standard deviation .9 to 1.1 for 1,000 replicas; for fewer, five
 * sigma of what that many replicas can tell where that is wider. */
#include "analysis/bridge.h"
#include "analysis/nmcmc.h"
#include "analysis/thermo.h"
#include "tests/physics.h"

enum { DRAWS = 10000, STATES = 65536 };

static struct {
  int L;
  long replicas;
  bool table;
} want;

typedef struct problem {
  lattice *l;
  ising *m;
  ar *a;
  ar_worker *w;
  ar_frames f;
  nn_real *theta;
  exact_ising x;
  thermo t;
  double *cumulative, *lw, *g; /* (STATES), (STATES), (STATES, THERMO_NG) of a table */
} problem;

/* One replica: log weights (DRAWS) and rows (DRAWS, THERMO_NG). */
typedef struct replica {
  double lw[DRAWS], g[DRAWS * THERMO_NG], u[DRAWS], lwp[DRAWS], rows[DRAWS * THERMO_NG];
  importance *nis;
} replica;

static const struct {
  int q;
  const char *name;
  size_t exact;
} known[] = {{THERMO_LNZ, "lnZ", offsetof(exact_ising, lnZ)}, {THERMO_f, "f", offsetof(exact_ising, f)},
             {THERMO_e, "e", offsetof(exact_ising, e)},       {THERMO_c, "c", offsetof(exact_ising, c)},
             {THERMO_s, "s", offsetof(exact_ising, s)},       {THERMO_m_abs, "|m|", offsetof(exact_ising, m_abs)},
             {THERMO_chi, "chi", offsetof(exact_ising, chi)}};
enum { KNOWN = sizeof known / sizeof *known };

enum { DELTA, JACKKNIFE, CHAIN, METHODS };
static const char *const method_name[] = {"NIS delta", "NIS jackknife", "NMCMC"};
typedef struct pulls {
  double n, sum, square, bad; /* bad: no error given */
} pulls;

static void add(pulls *p, double value, double exact, double error) {
  double z = (value - exact) / error;
  if (isnan(exact)) return;
  if (!isfinite(z)) {
    p->bad++;
    return;
  }
  p->n++, p->sum += z, p->square += z * z;
}

/* ---- the network ---- */

static int open_problem(problem *p, run *r, err *e) {
  const char *method;
  if (lattice_from_deck(&p->l, run_deck(r), e) || ising_from_deck(&p->m, p->l, run_deck(r), e) ||
      ar_ising_new(&p->a, p->m, run_deck(r), e) || ar_worker_new(&p->w, p->a, e) ||
      ar_frames_new(&p->f, p->a, p->w, false, e) || exact_any(&p->x, &method, p->m, p->m->beta, e))
    return e->code;
  p->theta = nn_alloc(p->a->net->nparam * sizeof *p->theta);
  nn_init(p->a->net, p->theta, run_seed(r));
  p->t = (thermo){.beta = p->m->beta, .sites = p->l->n, .length = p->l->rows, .H0 = p->x.e * p->l->n};
  return 0;
}

static void close_problem(problem *p) {
  if (p->w) ar_frames_free(&p->f, p->a, p->w);
  ar_worker_free(p->w);
  ar_free(p->a), ising_free(p->m), lattice_free(p->l);
  free(p->theta), free(p->cumulative), free(p->lw), free(p->g);
}

static void measure(const problem *p, const int8_t *s, double *g) {
  double obs[ISING_NOBS];
  ising_measure(p->m, s, obs);
  thermo_row(&p->t, obs[ISING_E], obs[ISING_M], obs[ISING_SK], g);
}

/* Every state of 16 spins: its probability, log weight and row. Returns the ESS of the network. */
static double tabulate(problem *p) {
  int S = p->a->lanes;
  double lnq[1024], sum = 0, second = 0, lnZ = p->x.lnZ;
  int8_t s[16];
  p->cumulative = malloc(STATES * sizeof(double)), p->lw = malloc(STATES * sizeof(double));
  p->g = malloc(STATES * THERMO_NG * sizeof(double));
  for (long first = 0; first < STATES; first += S) {
    for (int t = 0; t < 16; t++)
      for (int i = 0; i < S; i++)
        p->f.f[0]->value[0][(size_t)(t * S + i)] = (first + i) >> p->a->site[t] & 1 ? 1 : -1;
    ar_target(p->a, p->w, &p->f, p->m->beta, p->lw + first);
    ar_density(p->a, p->w, &p->f, p->theta, lnq);
    for (long k = first; k < first + S; k++) {
      for (int i = 0; i < 16; i++) s[i] = k >> i & 1 ? 1 : -1;
      measure(p, s, p->g + k * THERMO_NG);
      second += exp(2 * (p->lw[k] - lnZ) - lnq[k - first]);
      p->lw[k] -= lnq[k - first];
      p->cumulative[k] = sum += exp(lnq[k - first]);
    }
  }
  CHECK_NEAR(sum, 1, 1e-12);
  return 1 / second;
}

/* ---- one replica ---- */

static void draw_table(const problem *p, rng r, long number, replica *x) {
  for (long i = 0; i < DRAWS; i++) {
    double u = rng_uniform(r, (uint64_t)(number * DRAWS + i), 0, 0) * p->cumulative[STATES - 1];
    long low = 0, high = STATES - 1;
    while (low < high) {
      long mid = (low + high) / 2;
      if (p->cumulative[mid] > u)
        high = mid;
      else
        low = mid + 1;
    }
    x->lw[i] = p->lw[low];
    memcpy(x->g + i * THERMO_NG, p->g + low * THERMO_NG, THERMO_NG * sizeof *x->g);
  }
}

static void draw_network(const problem *p, rng r, long number, replica *x) {
  int S = p->a->lanes, N = p->l->n;
  double lnq[1024], lnw[1024], rest[1024];
  int8_t s[64 * 64];
  for (long k = 0; k * S < DRAWS; k++) {
    ar_draw(p->a, p->w, &p->f, p->theta, r, k, (unsigned)number, lnq);
    ar_target(p->a, p->w, &p->f, p->m->beta, lnw);
    ar_emit(p->a, p->w, &p->f, p->m->beta, r, k, (unsigned)number, s, rest);
    for (long i = 0; i < S && k * S + i < DRAWS; i++) {
      x->lw[k * S + i] = lnw[i] - lnq[i];
      measure(p, s + i * N, x->g + (k * S + i) * THERMO_NG);
    }
  }
}

static void estimate_nis(const problem *p, replica *x, pulls *z, err *e) {
  stat_value v[THERMO_COUNT];
  importance_clear(x->nis);
  if (importance_add_rows(x->nis, 0, DRAWS, x->lw, x->g, e) || thermo_estimate(&p->t, x->nis, v, NULL, e)) return;
  for (int i = 0; i < KNOWN; i++) {
    double exact = *(const double *)((const char *)&p->x + known[i].exact);
    add(&z[DELTA * KNOWN + i], v[known[i].q].corrected, exact, v[known[i].q].error);
    add(&z[JACKKNIFE * KNOWN + i], v[known[i].q].corrected, exact, v[known[i].q].jackknife_error);
  }
}

/* As samplers/estimate.c does it. */
static void estimate_nmcmc(const problem *p, rng r, long number, replica *x, pulls *z, err *e) {
  nmcmc *c;
  long states = 0;
  stat_value v[THERMO_COUNT];
  gamma_result g[THERMO_COUNT];
  for (long i = 0; i < DRAWS; i++) x->u[i] = rng_uniform(r, (uint64_t)(number * DRAWS + i), 0, 0);
  if (nmcmc_new(&c, THERMO_NG, e)) return;
  nmcmc_scan(c, DRAWS, x->lw, x->g, x->u, &states, NULL, x->lwp, x->rows, e);
  nmcmc_free(c);
  bridge_data b = {.nq = DRAWS, .np = states, .lwq = x->lw, .lwp = x->lwp};
  gamma_data d = {.k = THERMO_NG, .replicas = 1, .length = &states, .x = x->rows};
  if (e->code || thermo_chain(&p->t, &d, g, e) ||
      bridge_joint(&b, THERMO_NG, x->rows, IMPORTANCE_BLOCKS, THERMO_COUNT, thermo_functions, &p->t, v, NULL, e))
    return;
  for (int i = 0; i < KNOWN; i++) {
    double exact = *(const double *)((const char *)&p->x + known[i].exact);
    int q = known[i].q;
    if (thermo_quantities[q].needs_lnZ)
      add(&z[CHAIN * KNOWN + i], v[q].value, exact, v[q].jackknife_error);
    else
      add(&z[CHAIN * KNOWN + i], g[q].value, exact, g[q].reason ? NAN : g[q].error);
  }
}

/* ---- verdict ---- */

static void judge(const pulls *z) {
  double n = (double)want.replicas, shift = fmax(.15, 5 / sqrt(n)), width = fmax(.1, 5 / sqrt(2 * n));
  for (int k = 0; k < METHODS * KNOWN; k++) {
    const pulls *p = &z[k];
    const char *method = method_name[k / KNOWN], *name = known[k % KNOWN].name;
    if (!p->n && !p->bad) continue; /* no exact value */
    double mean = p->sum / p->n, sd = sqrt((p->square - p->n * mean * mean) / (p->n - 1));
    printf("%-14s %-4s mean %+.3f  standard deviation %.3f  (%g replicas, %g without error)\n", method, name, mean, sd,
           p->n, p->bad);
    CHECK_REPORT(!p->bad, "%s of %s: %g of %g replicas without error", method, name, p->bad, n);
    CHECK_REPORT(fabs(mean) <= shift, "%s of %s: mean pull %.3f, allowed %.3f", method, name, mean, shift);
    CHECK_REPORT(fabs(sd - 1) <= width, "%s of %s: standard deviation of the pulls %.3f, allowed 1 +- %.3f", method,
                 name, sd, width);
  }
}

static double mean_ess(const replica *x) {
  return importance_summarise(x->nis).ess;
}

static int pulls_main(run *r, err *e) {
  problem p = {0};
  pulls z[METHODS * KNOWN] = {0};
  replica *x = calloc(1, sizeof *x);
  rng draws = rng_stream(run_seed(r), "replicas"), uniforms = rng_stream(run_seed(r), "moves");
  double ess = NAN;
  if (!open_problem(&p, r, e) && !physics_train(r, p.a, p.theta, p.x.lnZ, e))
    importance_new(&x->nis, THERMO_NG, 0, 0, e);
  if (!e->code && p.l->n == 16) ess = tabulate(&p);
  for (long k = 0; k < want.replicas && !e->code; k++) {
    if (want.table)
      draw_table(&p, draws, k, x);
    else
      draw_network(&p, draws, k, x);
    estimate_nis(&p, x, z, e);
    estimate_nmcmc(&p, uniforms, k, x, z, e);
  }
  if (!e->code && p.l->n != 16) ess = mean_ess(x);
  printf("%d x %d, ESS %.4f, %ld replicas of %d draws %s\n", want.L, want.L, ess, want.replicas, DRAWS,
         want.table ? "from the enumerated density" : "by the network");
  CHECK_REPORT(ess > .3 && ess < .8, "ESS = %.4f of the network is not between .3 and .8", ess);
  if (!e->code) judge(z);
  importance_free(x->nis), free(x);
  close_problem(&p);
  return e->code;
}

/* steps: few, for an ESS between .3 and .8 */
static void try_pulls(int L, const char *source, long replicas, int steps) {
  const app test = {.name = "ising", .help = "pulls", .schema = app_ising.schema, .main = pulls_main};
  const app *const apps[] = {&test, NULL};
  want.L = L, want.replicas = replicas, want.table = !strcmp(source, "table");
  physics_run(apps, "pulls",
              "app: ising\nlattice: {kind: square, L: %d}\nmodel: {kind: ferromagnet, beta: 0.42}\n"
              "draw: {heat_bath: %s}\nnet: {kind: sites, inputs: frontier, width: 4, skip: frontier}\n"
              "train: {steps: %d, batch: 256}\noptimiser: {kind: adam, lr: 3e-3}\n",
              L, L == 4 ? "false" : "true", steps);
}

int main(int argc, char **argv) {
  physics_begin(&argc, &argv);
  if (argc > 1 && !strcmp(argv[1], "full")) {
    try_pulls(4, "table", 1000, 60);
    try_pulls(4, "network", 1000, 60);
    try_pulls(8, "network", 200, 60);
    try_pulls(8, "network", 1000, 60);
  } else {
    try_pulls(4, "network", 300, 60);
  }
  return physics_end();
}

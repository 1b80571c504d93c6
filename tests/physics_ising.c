/* physics_ising.c: whole runs of app ising against exact answers, five sigma everywhere. A run trains for seconds only:
 * the estimators have to make up for what its network has not learnt.
 *
 *   torus         L = 8 and 16 around beta_c, NIS and NMCMC, against Kaufman
 *   undertrained  the same from networks with an effective fraction of .05 to .3
 *   networks      symmetrised PixelCNN, gauge MADE
 *   models        spin glass against enumeration, triangular antiferromagnet against the transfer matrix
 *   refusal       no errors where the weights do not carry
 *   mode_drop     a network that never draws one half of the target must be flagged
 *   scan          reweighting in beta
 *
 * Arguments: seeds, first to last (1 1), and a part to run alone. */
#include "analysis/thermo.h"
#include "nn/ops.h"
#include "tests/physics.h"

static const char *const thermal[] = {"lnZ", "f", "e", "s", "c", NULL};
static const char *const enumerated[] = {"lnZ", "f", "e", "s", "c", "m_abs", "chi", NULL};
static const char *const measured[] = {"e", "c", "m_abs", "chi", "binder", NULL};
static long seed;

/* Network and Markov chain `tag` agree. */
static void agree_with_chain(h5 *f, const char *name, const char *tag) {
  static const char *const by[] = {"nis", "nmcmc"};
  for (int i = 0; measured[i]; i++)
    for (int k = 0; k < 2; k++) {
      char a[80], b[80];
      snprintf(a, sizeof a, "%s.%s", measured[i], by[k]), snprintf(b, sizeof b, "%s.%s", measured[i], tag);
      double x = physics_get(f, a, "value"), y = physics_get(f, b, "value");
      double error = hypot(physics_get(f, a, "error"), physics_get(f, b, "error"));
      CHECK_REPORT(fabs(x - y) <= 5 * error, "%s: %s = %.8g, %s = %.8g: %.2f sigma", name, a, x, b, y, (x - y) / error);
    }
}

/* E_q[lw] <= lnZ <= E_p[lw], and the chain finds nothing that the network does not cover. */
static void covers(h5 *f, const char *name) {
  double exact = physics_get(f, "lnZ.nis", "exact"), ratio = physics_get(f, "mode_ratio", "value");
  double low = physics_get(f, "lnZ.raw", "value"), low_error = physics_get(f, "lnZ.raw", "error");
  double high = physics_get(f, "lnZ_upper", "value"), high_error = physics_get(f, "lnZ_upper", "error");
  CHECK_REPORT(low - 5 * low_error <= exact && exact <= high + 5 * high_error,
               "%s: lnZ = %.6f is not between E_q[lw] = %.6f +- %.2g and E_p[lw] = %.6f +- %.2g", name, exact, low,
               low_error, high, high_error);
  CHECK_REPORT(fabs(ratio - 1) <= 5 * physics_get(f, "mode_ratio", "error"), "%s: mode_ratio = %.4f", name, ratio);
  double bridge = physics_get(f, "lnZ_bridge", "value"), error = physics_get(f, "lnZ_bridge", "error");
  CHECK_REPORT(fabs(bridge - exact) <= 5 * error, "%s: lnZ_bridge = %.6f +- %.2g, exact %.6f", name, bridge, error,
               exact);
}

/* A finished run against exact values and its chain; its ESS lies in (low, high). */
static void agrees(const char *name, const char *const *quantity, const char *tag, double low, double high) {
  h5 *f = physics_open(name);
  double ess = physics_get(f, "ess", "value"), k = physics_get(f, "pareto_k", "value");
  printf("%-20s seed %ld  ESS %.3f  Pareto k %+.2f\n", name, seed, ess, k);
  CHECK_REPORT(ess > low && ess < high, "%s: ESS = %.3f is not between %g and %g", name, ess, low, high);
  CHECK_REPORT(k < .7, "%s: Pareto k = %.3f", name, k);
  for (int i = 0; quantity[i]; i++)
    physics_agrees(f, name, quantity[i], "nis", 5), physics_agrees(f, name, quantity[i], "nmcmc", 5);
  agree_with_chain(f, name, tag);
  covers(f, name);
  h5_close(f);
}

#define CHAIN "chain: {kind: %s, sweeps: 1000, thermalisation: 200, replicas: 4}\n"
#define ADAM "optimiser: {kind: adam, lr: 3e-3}\n"

static void torus(int L, const char *beta, int steps, double low, double high) {
  char name[80];
  snprintf(name, sizeof name, "L%d-%s-%d", L, beta, steps);
  if (physics_run(apps_table, name,
                  "app: ising\nrun: {seed: %ld}\nlattice: {kind: square, L: %d}\nmodel: {kind: ferromagnet, beta: %s}\n"
                  "draw: {heat_bath: true}\nnet: {kind: sites, inputs: frontier, width: 8, skip: frontier}\n"
                  "train: {steps: %d, batch: 256}\nestimate: {draws: 50_000, compare: 1024}\n" ADAM CHAIN,
                  seed, L, beta, steps, "swendsen-wang"))
    return;
  agrees(name, thermal, "sw", low, high);
}

static void test_torus(void) {
  static const char *const beta[] = {"0.40", "0.44", "beta_c", "0.48"};
  for (int i = 0; i < 4; i++) torus(8, beta[i], 200, .5, 1), torus(16, beta[i], 200, .4, 1);
}

static void test_undertrained(void) {
  torus(8, "0.44", 30, .05, .3);
  torus(8, "beta_c", 40, .05, .3);
  torus(16, "0.44", 100, .05, .3);
  torus(16, "beta_c", 100, .05, .3);
}

/* Other networks and models: the middle of the deck, given as text. */
static void other(const char *name, const char *middle, const char *const *quantity, const char *kind,
                  const char *tag) {
  if (physics_run(apps_table, name,
                  "app: ising\nrun: {seed: %ld}\n%sestimate: {draws: 50_000, compare: 1024}\n" ADAM CHAIN, seed, middle,
                  kind))
    return;
  agrees(name, quantity, tag, .05, 1);
}

static void test_networks(void) {
  other("pixelcnn-z2",
        "lattice: {kind: square, L: 8}\nmodel: {kind: ferromagnet, beta: beta_c}\ndraw: {heat_bath: false, symmetry: "
        "z2}\n"
        "net: {kind: pixelcnn, depth: 3, width: 8, half_kernel: 3, skip: all}\ntrain: {steps: 200, batch: 128}\n",
        thermal, "swendsen-wang", "sw");
  other("made-gauge",
        "lattice: {kind: square, L: 8}\nmodel: {kind: ferromagnet, beta: 0.44}\ndraw: {heat_bath: false, gauge: true}\n"
        "net: {kind: made, depth: 2, width: 4, skip: all}\ntrain: {steps: 300, batch: 256}\n",
        thermal, "swendsen-wang", "sw");
}

static void test_models(void) {
  other("sk-12",
        "lattice: {kind: complete, n: 12}\nmodel: {kind: gaussian, normal: sk, disorder: 3, beta: 1.2}\n"
        "draw: {heat_bath: false, gauge: true}\nnet: {kind: made, depth: 2, width: 4, skip: all}\n"
        "train: {steps: 200, batch: 256}\n",
        enumerated, "heatbath", "heatbath");
  other("triangular-6",
        "lattice: {kind: triangular, L: 6}\nmodel: {kind: antiferromagnet, beta: 0.8}\ndraw: {heat_bath: true}\n"
        "net: {kind: sites, inputs: frontier, width: 8, skip: frontier}\ntrain: {steps: 200, batch: 256}\n",
        thermal, "heatbath", "heatbath");
}

/* Too broad a tail: neither importance sampling nor the chain made of the same draws may print an error. */
static void test_refusal(void) {
  if (physics_run(
          apps_table, "broad",
          "app: ising\nrun: {seed: 1}\nlattice: {kind: square, L: 8}\nmodel: {kind: ferromagnet, beta: beta_c}\n"
          "draw: {heat_bath: false, symmetry: z2}\nnet: {kind: pixelcnn, depth: 3, width: 8, half_kernel: 3}\n"
          "train: {steps: 60, batch: 128}\nestimate: {draws: 10_000, compare: 1024}\n" ADAM CHAIN,
          "swendsen-wang"))
    return;
  h5 *f = physics_open("broad");
  double ess = physics_get(f, "ess", "value"), k = physics_get(f, "pareto_k", "value");
  printf("broad tail: ESS %.4f  Pareto k %.2f\n", ess, k);
  CHECK_REPORT(ess * 10000 < 100 || k > .7, "ESS n = %.1f, k = %.2f: no reason to refuse", ess * 10000, k);
  CHECK(isnan(physics_get(f, "lnZ.nis", "error")) && isnan(physics_get(f, "c.nis", "error")));
  CHECK(isnan(physics_get(f, "lnZ.nmcmc", "error")) && isnan(physics_get(f, "c.nmcmc", "error")));
  CHECK(isfinite(physics_get(f, "lnZ.nis", "value")) && isfinite(physics_get(f, "e.nmcmc", "value")));
  h5_close(f);
}

/* ---- pieces of a run, for what a deck cannot ask for ---- */
typedef struct pieces {
  lattice *l;
  ising *m;
  ar *a;
  nn_real *theta;
  exact_ising x;
  estimate_ising what;
  estimator *s;
  reference *mc;
} pieces;

static int open_pieces(pieces *p, run *r, err *e) {
  const char *method;
  if (lattice_from_deck(&p->l, run_deck(r), e) || ising_from_deck(&p->m, p->l, run_deck(r), e) ||
      ar_ising_new(&p->a, p->m, run_deck(r), e) || exact_any(&p->x, &method, p->m, p->m->beta, e))
    return e->code;
  p->theta = nn_alloc(p->a->net->nparam * sizeof *p->theta);
  nn_init(p->a->net, p->theta, run_seed(r));
  estimate_ising_open(&p->what, p->m, &p->x);
  return physics_train(r, p->a, p->theta, p->x.lnZ, e) || estimator_new(&p->s, r, p->a, &p->what.model, e) ||
                 reference_new(&p->mc, r, p->a, &p->what, e)
             ? e->code
             : 0;
}

static void close_pieces(pieces *p) {
  estimate_ising_close(&p->what);
  reference_free(p->mc), estimator_free(p->s), ar_free(p->a), ising_free(p->m), lattice_free(p->l), free(p->theta);
}

static int run_pieces(const char *name, int (*main)(run *, err *), const char *deck_format) {
  const app test = {.name = "ising", .help = name, .schema = app_ising.schema, .main = main};
  const app *const apps[] = {&test, NULL};
  return physics_run(apps, name, deck_format, seed);
}

/* ---- mode drop ---- */

/* The first spin drawn is always up: the network covers exactly one half of the target. */
static int drop_main(run *r, err *e) {
  pieces p = {0};
  if (!open_pieces(&p, r, e)) {
    const nn_node *out = nn_find(p.a->net, "output");
    CHECK(out && ((const nn_sites_conf *)out->conf)->bias);
    p.theta[out->param + out->nparam - (size_t)p.a->n] = 40;
    if (!estimator_run(p.s, p.theta, 1, e)) {
      estimate_data d = estimator_data(p.s);
      reference_run(p.mc, p.theta, &d, e);
    }
  }
  close_pieces(&p);
  return e->code;
}

/* The draws alone look healthy and lnZ is ln 2 short; ratio and bracket tell, and the bridge is right. */
static void test_mode_drop(void) {
  if (run_pieces("dropped", drop_main,
                 "app: ising\nrun: {seed: %ld}\nlattice: {kind: square, L: 8}\nmodel: {kind: ferromagnet, beta: 0.5}\n"
                 "draw: {heat_bath: true}\nnet: {kind: sites, width: 8, skip: frontier, bias: true}\n"
                 "train: {steps: 200, batch: 256}\nestimate: {draws: 20_000, compare: 2048}\n" ADAM
                 "chain: {kind: swendsen-wang, sweeps: 1000, thermalisation: 200, replicas: 4}\n"))
    return;
  h5 *f = physics_open("dropped");
  double lnZ = physics_get(f, "lnZ.nis", "value"), exact = physics_get(f, "lnZ.nis", "exact");
  double ess = physics_get(f, "ess", "value"), k = physics_get(f, "pareto_k", "value");
  double ratio = physics_get(f, "mode_ratio", "value"), error = physics_get(f, "mode_ratio", "error");
  double bridge = physics_get(f, "lnZ_bridge", "value"), bridge_error = physics_get(f, "lnZ_bridge", "error");
  double gap = physics_get(f, "lnZ_upper", "value") - physics_get(f, "lnZ.raw", "value");
  double gap_error = hypot(physics_get(f, "lnZ_upper", "error"), physics_get(f, "lnZ.raw", "error"));
  printf(
      "mode drop: lnZ.nis - exact %.4f  ESS %.3f  Pareto k %.2f; mode_ratio %.3f(%.3f)  bracket %.2f(%.2f)"
      "  lnZ_bridge - exact %.3f(%.3f)\n",
      lnZ - exact, ess, k, ratio, error, gap, gap_error, bridge - exact, bridge_error);
  CHECK(ess > .5 && k < .7);
  CHECK_SIGMA(lnZ, exact - log(2), physics_get(f, "lnZ.nis", "error"), 5);
  CHECK_SIGMA(ratio, .5, error, 5);
  CHECK_REPORT(1 - ratio > 5 * error, "mode_ratio = %.3f +- %.3f does not tell", ratio, error);
  CHECK_REPORT(gap > 2 && gap > 5 * gap_error, "bracket of width %.3f +- %.3f does not tell", gap, gap_error);
  CHECK_SIGMA(bridge, exact, bridge_error, 5);
  h5_close(f);
}

/* ---- scan ---- */

/* One point: refused exactly where the weights do not carry, else right. Returns whether it was refused. */
static bool check_point(const ising *m, const thermo_point *p, long n, err *e) {
  static const struct {
    int q;
    const char *name;
    size_t exact;
  } known[] = {{THERMO_LNZ, "lnZ", offsetof(exact_ising, lnZ)},
               {THERMO_f, "f", offsetof(exact_ising, f)},
               {THERMO_e, "e", offsetof(exact_ising, e)},
               {THERMO_c, "c", offsetof(exact_ising, c)},
               {THERMO_s, "s", offsetof(exact_ising, s)}};
  bool refuse = p->verdict == STAT_REFUSE, must = p->ess * (double)n < 100 || p->pareto_k > .7;
  exact_ising x;
  const char *method;
  printf("scan: beta %.3f  ESS %.4f  Pareto k %+.2f  %s\n", p->beta, p->ess, p->pareto_k, refuse ? p->reason : "good");
  CHECK_REPORT(refuse == must, "beta %g: ESS n = %g, k = %g, %s", p->beta, p->ess * (double)n, p->pareto_k,
               refuse ? "refused" : "not refused");
  if (refuse || exact_any(&x, &method, m, p->beta, e)) return refuse;
  for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
    const stat_value *v = &p->v[known[i].q];
    double exact = *(const double *)((const char *)&x + known[i].exact);
    CHECK_REPORT(fabs(v->corrected - exact) <= 5 * v->error, "beta %g: %s = %.8g +- %.2g, exact %.8g: %.2f sigma",
                 p->beta, known[i].name, v->corrected, v->error, exact, (v->corrected - exact) / v->error);
  }
  return refuse;
}

static int scan_main(run *r, err *e) {
  pieces p = {0};
  int refused = 0;
  if (!open_pieces(&p, r, e) && !estimator_run(p.s, p.theta, 1, e)) {
    estimate_data d = estimator_data(p.s);
    for (int i = 0; i < p.what.npoints && !e->code; i++) {
      bool refuse = check_point(p.m, &p.what.point[i], d.n, e);
      refused += refuse;
      CHECK_REPORT(!refuse || fabs(p.what.point[i].beta - p.m->beta) > .05, "beta %g is refused", p.what.point[i].beta);
    }
    CHECK(p.what.npoints == 12 && refused >= 2);
  }
  close_pieces(&p);
  return e->code;
}

/* In the file: no error where it was refused. */
static void check_scan_file(void) {
  enum { N = 12 };
  double error[N], value[N], exact[N], beta[N];
  err e = {0};
  h5 *f = physics_open("scan");
  CHECK(f && !h5_read(f, "/results/e.scan/value", H5_F64, value, N, &e) &&
        !h5_read(f, "/results/e.scan/error", H5_F64, error, N, &e) &&
        !h5_read(f, "/results/e.scan/exact", H5_F64, exact, N, &e) &&
        !h5_read(f, "/results/e.scan/axis_beta", H5_F64, beta, N, &e));
  CHECK(isnan(error[0]) && isnan(error[1]) && isfinite(value[0]));
  for (int i = 0; i < N; i++) {
    CHECK(isnan(error[i]) || fabs(value[i] - exact[i]) <= 5 * error[i]);
    CHECK(fabs(beta[i] - .44) > .05 || error[i] > 0);
  }
  h5_close(f);
}

static void test_scan(void) {
  if (!run_pieces(
          "scan", scan_main,
          "app: ising\nrun: {seed: %ld}\nlattice: {kind: square, L: 8}\nmodel: {kind: ferromagnet, beta: 0.44}\n"
          "draw: {heat_bath: true}\nnet: {kind: sites, inputs: frontier, width: 8, skip: frontier}\n"
          "train: {steps: 200, batch: 256}\n"
          "estimate: {draws: 50_000, scan: [0.05, 0.2, 0.3, 0.36, 0.40, 0.42, 0.44, 0.46, 0.48, 0.55, 0.8, "
          "2.0]}\n" ADAM))
    check_scan_file();
}

static const struct {
  const char *name;
  void (*run)(void);
} part[] = {{"torus", test_torus},   {"undertrained", test_undertrained}, {"networks", test_networks},
            {"models", test_models}, {"refusal", test_refusal},           {"mode_drop", test_mode_drop},
            {"scan", test_scan}};

int main(int argc, char **argv) {
  physics_begin(&argc, &argv);
  long last = argc > 2 ? atol(argv[2]) : 1;
  for (seed = argc > 1 ? atol(argv[1]) : 1; seed <= last; seed++)
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
      if (argc < 4 || !strcmp(argv[3], part[i].name)) part[i].run();
  return physics_end();
}

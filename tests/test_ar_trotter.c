/* test_ar_trotter.c: the proposal on Trotterised chains: normalised over exactly the allowed configurations, never an
 * illegal draw, weights and measurements those of the lattice, draw = density, draws as frequent as the density says,
 * gradient of the log density.  test_ar_trotter [full]: 10^7 draws instead of 10^5. */
#include "lattice/exact_trotter.h"
#include "samplers/ar_trotter.h"
#include "samplers/train.h"
#include "tests/check.h"

#ifdef NN_SINGLE
#define SUM_TOLERANCE 1e-5
#else
#define SUM_TOLERANCE 1e-12
#endif

static const deck_section schema[] = {
    {.name = "lattice", .help = "lattice", .keys = trotter_lattice_keys},
    {.name = "model", .help = "chain", .keys = trotter_model_keys, .kinds = trotter_models, .kind_def = "xxx"},
    {.name = "draw", .help = "proposal", .keys = ar_trotter_keys},
    {.name = "net", .help = "network", .keys = nn_net_keys, .kinds = nn_zoo_kinds, .kind_def = "sites"},
    {0}};

static const char *const models[] = {"model.kind=xxx model.J=1",
                                     "model.kind=xxx model.J=-1",
                                     "model.kind=xy",
                                     "model.kind=xxz model.J=-1 model.Jz=-0.5",
                                     "model.kind=xyz model.Jx=1.2 model.Jy=0.8 model.Jz=0.5",
                                     "model.kind=xxx model.J=-1 model.field=0.3"};
static const char *const nets[] = {
    "net.kind=sites net.width=3 net.output_gain=1 net.skip=frontier",
    "net.kind=sites net.width=3 net.bias=true net.inputs=all",
    "net.kind=made net.depth=2 net.width=2 net.output_gain=1",
    "net.kind=pixelcnn net.depth=2 net.width=3 net.half_kernel=1 net.wrap=true net.output_gain=1 net.skip=all"};
enum { MODELS = sizeof models / sizeof *models, NETS = sizeof nets / sizeof *nets };

typedef struct fixture {
  deck *d;
  trotter *t;
  ar *a;
  ar_worker *w;
  ar_frames f;
  nn_real *theta;
} fixture;

static void fixture_close(fixture *x) {
  if (x->w) ar_frames_free(&x->f, x->a, x->w);
  ar_worker_free(x->w), ar_free(x->a), trotter_free(x->t), deck_free(x->d), free(x->theta);
}

/* noise: added to the initial parameters (0: an untrained network) */
static int fixture_open(fixture *x, const char *text, double noise) {
  const char *word[40];
  char copy[1000];
  err e = {0};
  int n = 0;
  *x = (fixture){0};
  snprintf(copy, sizeof copy, "%s", text);
  for (char *p = strtok(copy, " "); p && n < 40; p = strtok(NULL, " ")) word[n++] = p;
  int bad = deck_parse(&x->d, "test", "app: test\n", 10, word, n, schema, &e) || trotter_from_deck(&x->t, x->d, &e) ||
            ar_trotter_new(&x->a, x->t, x->d, &e) || ar_worker_new(&x->w, x->a, &e) ||
            ar_frames_new(&x->f, x->a, x->w, false, &e);
  CHECK_REPORT(!bad, "%.250s: %.300s", text, e.text);
  if (bad) {
    fixture_close(x);
    return 1;
  }
  x->theta = nn_alloc(x->a->net->nparam * sizeof *x->theta);
  nn_init(x->a->net, x->theta, 3);
  for (size_t k = 0; k < x->a->net->nparam; k++)
    if (x->theta[k] != 0) x->theta[k] += (nn_real)(noise * rng_normal(rng_stream(11, "noise"), k, 0, 0));
  return 0;
}

/* All allowed configurations (*n, sites), in blocks of the lanes; the last block is filled up with the first one. */
static int8_t *allowed(const fixture *x, long *n) {
  int N = x->t->n;
  long room = (1L << x->t->nfree) + 1024, found = 0;
  int8_t *all = malloc((size_t)room * (size_t)N);
  for (long bits = 0; bits < 1L << N; bits++) {
    int8_t *s = all + found * N;
    for (int i = 0; i < N; i++) s[i] = bits >> i & 1 ? 1 : -1;
    found += isfinite(trotter_lnW(x->t, s));
  }
  for (long k = found; k < found + x->a->lanes; k++) memcpy(all + k * N, all, (size_t)N);
  *n = found;
  return all;
}

/* ---- sum over all allowed configurations, weights, measurements ---- */
static void check_weights(const fixture *x, const int8_t *s, double lnw, const char *text) {
  double obs[AR_TROTTER_NOBS], want[TROTTER_NOBS], F = -x->t->field * 0, beta = x->t->beta, half = 0.5 * beta;
  trotter_weights at = trotter_weigh(x->t, half);
  CHECK_REPORT(fabs(lnw - trotter_lnW(x->t, s)) < 1e-9, "%s: ln W %.12g, expected %.12g", text, lnw,
               trotter_lnW(x->t, s));
  x->a->model->measure(x->a->self, s, obs);
  trotter_measure(x->t, s, want);
  for (int k = 0; k < TROTTER_ILLEGAL; k++) F += obs[AR_TROTTER_COUNT + k] * x->t->w.F[k];
  CHECK_NEAR(F - x->t->field * obs[AR_TROTTER_M], want[TROTTER_F], 1e-10);
  CHECK_NEAR(obs[AR_TROTTER_M], want[TROTTER_M], 1e-12);
  CHECK_NEAR(obs[AR_TROTTER_MST], want[TROTTER_MST], 1e-12);
  for (int k = 0; k < TROTTER_ILLEGAL; k++) /* counts at another beta: only allowed types */
    CHECK(obs[AR_TROTTER_COUNT + k] == 0 || isfinite(at.lnW[k]));
}

static void normalised(const char *text, double noise) {
  fixture x;
  if (fixture_open(&x, text, noise)) return;
  long n;
  int S = x.a->lanes;
  int8_t *all = allowed(&x, &n);
  double lnq[1024], lnw[1024], sum = 0, z = 0;
  chain_thermo exact;
  err e = {0};
  for (long k = 0; k < n; k += S) {
    ar_fill(x.a, &x.f, all + k * x.t->n);
    ar_target(x.a, x.w, &x.f, x.t->beta, lnw);
    ar_density(x.a, x.w, &x.f, x.theta, lnq);
    for (int i = 0; i < S && k + i < n; i++) sum += exp(lnq[i]), z += exp(lnw[i]);
    check_weights(&x, all + k * x.t->n, lnw[0], text);
  }
  CHECK_REPORT(fabs(sum - 1) <= SUM_TOLERANCE, "%s: sum of q over %ld configurations is 1%+.3g", text, n, sum - 1);
  CHECK(!exact_trotter_enumerate(&exact, x.t, &e));
  CHECK_NEAR(log(z), exact.lnZ, 1e-9);
  if (!x.t->six_vertex) CHECK(n == 1L << x.t->nfree);
  free(all);
  fixture_close(&x);
}

static void normalisation(void) {
  static const char *const shape[] = {"lattice.sites=4 lattice.trotter=4", "lattice.sites=4 lattice.trotter=2",
                                      "lattice.sites=8 lattice.trotter=2", "lattice.sites=4 lattice.trotter=4"};
  static const char *const extra[] = {"draw.symmetry=none", "draw.symmetry=z2", "draw.gauge=true",
                                      "draw.symmetry=z2_translations"};
  char text[600];
  for (int m = 0; m < MODELS; m++)
    for (int k = 0; k < NETS; k++)
      for (int columns = 0; columns < 2; columns++) {
        bool field = m == MODELS - 1;
        snprintf(text, sizeof text, "%s model.beta=1.3 %s %s draw.ring=%s draw.lanes=8 %s", models[m], nets[k],
                 shape[k], columns ? "columns" : "rows", extra[field ? 0 : k]);
        normalised(text, (m + k) % 2 ? 0 : 0.7);
      }
}

/* ---- draws ---- */
static void draws(const char *text, long count) {
  fixture x;
  ar_frames full = {0};
  err e = {0};
  if (fixture_open(&x, text, 0.5) || ar_frames_new(&full, x.a, x.w, true, &e)) return;
  int S = x.a->lanes, N = x.t->n;
  double lnq[1024], again[1024], rest[1024], off = 0;
  int8_t *s = malloc((size_t)S * (size_t)N);
  long illegal = 0, sectors = 0;
  for (long k = 0; k * S < count; k++) {
    ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(2, "draw"), k, 7, lnq);
    ar_emit(x.a, x.w, &x.f, x.t->beta, rng_stream(2, "draw"), k, 7, s, rest);
    for (int i = 0; i < S; i++) {
      illegal += !isfinite(trotter_lnW(x.t, s + (size_t)i * N));
      sectors |= 1L << (int)lround(trotter_mag(x.t, s + (size_t)i * N) + x.t->sites / 2);
    }
    if (k % 64) continue;
    ar_fill(x.a, &full, s);
    ar_density(x.a, x.w, &full, x.theta, again);
    for (int i = 0; i < S; i++) off = fmax(off, fabs(lnq[i] - again[i]));
  }
  CHECK_REPORT(!illegal, "%s: %ld of %ld draws are illegal", text, illegal, count);
  CHECK_REPORT(sectors & (sectors - 1), "%s: one sector only", text);
  CHECK_REPORT(off < (sizeof(nn_real) == 4 ? 1e-4 : 1e-10), "%s: ln q of draw and full pass differ by %.3g", text, off);
  free(s);
  ar_frames_free(&full, x.a, x.w);
  fixture_close(&x);
}

static int index_of(const int8_t *all, long n, int N, const int8_t *s) {
  for (long k = 0; k < n; k++)
    if (!memcmp(all + k * N, s, (size_t)N)) return (int)k;
  return -1;
}

/* chi^2 of the draws' counts against the density */
static void frequencies(const char *text, long shards) {
  fixture x;
  if (fixture_open(&x, text, 0.5)) return;
  long n;
  int S = x.a->lanes, N = x.t->n;
  int8_t *all = allowed(&x, &n), *s = malloc((size_t)S * (size_t)N);
  double *p = malloc((size_t)(n + S) * sizeof *p), lnq[1024], rest[1024], chi = 0, dof = -1;
  long *count = calloc((size_t)n, sizeof *count);
  for (long k = 0; k < n; k += S) {
    ar_fill(x.a, &x.f, all + k * N);
    ar_density(x.a, x.w, &x.f, x.theta, p + k);
  }
  for (long k = 0; k < shards; k++) {
    ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(4, "draw"), k, 0, lnq);
    ar_emit(x.a, x.w, &x.f, x.t->beta, rng_stream(4, "draw"), k, 0, s, rest);
    for (int i = 0; i < S; i++) {
      int at = index_of(all, n, N, s + (size_t)i * N);
      CHECK(at >= 0);
      if (at >= 0) count[at]++;
    }
  }
  double few = 0, few_count = 0, total = (double)(shards * S);
  for (long k = 0; k < n; k++) {
    double want = exp(p[k]) * total, d = (double)count[k] - want;
    if (want < 10)
      few += want, few_count += (double)count[k];
    else
      chi += d * d / want, dof++;
  }
  if (few > 0) chi += (few_count - few) * (few_count - few) / few, dof++;
  CHECK_REPORT(dof > 20 && fabs(chi - dof) < 5 * sqrt(2 * dof), "%s: chi^2 %.1f with %.0f degrees of freedom", text,
               chi, dof);
  free(all), free(s), free(p), free(count);
  fixture_close(&x);
}

/* ---- gradient of sum_i a_i ln q(s_i) against central differences ---- */
static double weighted(fixture *x, const int8_t *s, const double *a) {
  double lnq[1024], sum = 0;
  ar_fill(x->a, &x->f, s);
  ar_density(x->a, x->w, &x->f, x->theta, lnq);
  for (int i = 0; i < x->a->lanes; i++) sum += a[i] * lnq[i];
  return sum;
}

static void gradient(const char *text) {
  fixture x;
  if (sizeof(nn_real) == 4 || fixture_open(&x, text, 0.5)) return;
  int S = x.a->lanes, N = x.t->n;
  size_t np = x.a->net->nparam;
  double lnq[1024], rest[1024], a[1024];
  int8_t *s = malloc((size_t)S * (size_t)N);
  nn_real *grad = nn_alloc(np * sizeof *grad);
  ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(5, "draw"), 0, 0, lnq);
  ar_emit(x.a, x.w, &x.f, x.t->beta, rng_stream(5, "draw"), 0, 0, s, rest);
  for (int i = 0; i < S; i++) a[i] = rng_normal(rng_stream(5, "weight"), (uint64_t)i, 0, 0);
  weighted(&x, s, a);
  ar_backward(x.a, x.w, &x.f, x.theta, grad, a);
  for (size_t k = 0; k < np; k += 1 + np / 60) {
    nn_real keep = x.theta[k], h = 1e-5;
    x.theta[k] = keep + h;
    double up = weighted(&x, s, a);
    x.theta[k] = keep - h;
    double down = weighted(&x, s, a), slope = (up - down) / (2 * (double)h);
    x.theta[k] = keep;
    CHECK_REPORT(fabs(slope - (double)grad[k]) < 1e-6 * fmax(1, fabs(slope)),
                 "%s: parameter %zu: %.10g, expected %.10g", text, k, (double)grad[k], slope);
  }
  free(s), free(grad);
  fixture_close(&x);
}

static void refuse(const char *text, const char *piece) {
  const char *word[20];
  char copy[600];
  err e = {0};
  deck *d = NULL;
  trotter *t = NULL;
  ar *a = NULL;
  int n = 0;
  snprintf(copy, sizeof copy, "%s", text);
  for (char *p = strtok(copy, " "); p; p = strtok(NULL, " ")) word[n++] = p;
  CHECK(!deck_parse(&d, "test", "app: test\n", 10, word, n, schema, &e) && !trotter_from_deck(&t, d, &e));
  CHECK_REPORT(ar_trotter_new(&a, t, d, &e) == ERR_DECK && strstr(e.text, piece), "%s: \"%.300s\"", text, e.text);
  ar_free(a), trotter_free(t), deck_free(d);
}

int main(int argc, char **argv) {
  bool full = argc > 1 && !strcmp(argv[1], "full");
  long count = full ? 10000000 : 20000;
  char text[600];
  static const char *const rings[] = {"rows", "columns"};
  for (int r = 0; r < 2; r++) {
    for (int m = 0; m < MODELS; m++) {
      snprintf(text, sizeof text, "%s model.beta=2 lattice.sites=8 lattice.trotter=6 %s draw.ring=%s", models[m],
               nets[(m + r) % NETS], rings[r]);
      draws(text, full ? count / 10 : count);
    }
    snprintf(text, sizeof text,
             "%s model.beta=4 lattice.sites=16 lattice.trotter=12 net.width=2 net.output_gain=2 draw.ring=%s",
             models[1], rings[r]);
    draws(text, count);
    if (full) continue;
    snprintf(text, sizeof text, "%s model.beta=1 lattice.sites=4 lattice.trotter=4 %s draw.ring=%s", models[2], nets[0],
             rings[r]);
    frequencies(text, 2000);
    gradient(text);
    snprintf(text, sizeof text, "%s model.beta=1 lattice.sites=4 lattice.trotter=4 %s draw.ring=%s draw.symmetry=z2",
             models[4], nets[1], rings[r]);
    frequencies(text, 4000);
    gradient(text);
  }
  if (full) return check_done();
  normalisation();
  refuse("model.kind=xyz model.Jx=1 model.Jy=-1 model.Jz=0.5 model.beta=1 lattice.sites=4 lattice.trotter=4", "K+ = 0");
  refuse("model.kind=xxx model.J=1 model.field=1 model.beta=1 lattice.sites=4 lattice.trotter=4 draw.gauge=true",
         "field");
  refuse("model.kind=xxx model.J=1 model.beta=1 lattice.sites=6 lattice.trotter=4 draw.symmetry=z2_translations",
         "multiples of 4");
  return check_done();
}

/* test_ar.c: the autoregressive proposal. Sum of exp(ln q) over all states is 1 for every variant; a cached draw has
 * the bits of the full pass and does not depend on the lanes; frequencies of draws and of whole configurations; the
 * target against the energy; gradients of ln q; frontiers against enumerated conditionals; pairs that a network cannot
 * see. */
#include "tests/ar_fixture.h"

#ifdef NN_SINGLE
#define SUM_TOLERANCE 1e-5
#define LNQ_TOLERANCE 1e-4
#else
#define SUM_TOLERANCE 1e-12
#define LNQ_TOLERANCE 1e-10
#endif

static const char *const nets[] = {
    "net.kind=made net.width=2 net.block=4 net.output_gain=1",
    "net.kind=made net.depth=4 net.width=2 net.residual=true net.activation=relu net.output_gain=1",
    "net.kind=sites net.width=3 net.output_gain=1",
    "net.kind=sites net.inputs=all net.width=2 net.depth=2 net.bias=true net.activation=silu net.output_gain=1",
    "net.kind=pixelcnn net.width=2 net.output_gain=1",
    "net.kind=pixelcnn net.depth=4 net.width=2 net.residual=true net.activation=tanh net.output_gain=1",
    "net.kind=pixelcnn net.width=2 net.dilation=[1,2,1] net.output_gain=1",
    "net.kind=pixelcnn net.width=2 net.wrap=true net.half_kernel=2 net.output_gain=1",
};
enum { NETS = sizeof nets / sizeof *nets, NO_GRID = 4 }; /* the first NO_GRID need no lattice */
static const char *const skips[] = {"net.skip=none", "net.skip=frontier", "net.skip=all"};
static const char *const groups[] = {"draw.symmetry=none",
                                     "draw.symmetry=z2",
                                     "draw.symmetry=z2_translations",
                                     "draw.symmetry=z2_d4",
                                     "draw.symmetry=all",
                                     "draw.gauge=true",
                                     "draw.symmetry=d4",
                                     "draw.symmetry=translations_d4"};
enum { GROUPS = sizeof groups / sizeof *groups, GAUGE = 5, NO_FLIP = 6 }; /* from NO_FLIP on without the global flip */

/* ---- normalisation ---- */
static void normalised(const char *net, const char *rest) {
  char text[1000];
  fixture x;
  snprintf(text, sizeof text, "%s %s", net, rest);
  if (fixture_open(&x, text)) return;
  size_t n = (size_t)1 << x.a->n;
  double *lnq = malloc(n * sizeof *lnq), sum = 0, low = 0;
  fixture_enumerate(&x, lnq, NULL);
  for (size_t s = 0; s < n; s++) sum += exp(lnq[s]), low = fmin(low, lnq[s]);
  CHECK_REPORT(fabs(sum - 1) <= SUM_TOLERANCE, "%.400s: sum over %zu states is 1%+.3g", text, n, sum - 1);
  CHECK_REPORT(low < -log((double)n) - 0.1, "%.400s: the density is nearly uniform", text);
  free(lnq);
  fixture_close(&x);
}

static void normalisation(void) {
  char rest[500];
  for (int k = 0; k < NETS; k++) {
    for (int s = 0; s < 3; s++) { /* 2^16 states */
      snprintf(rest, sizeof rest, "lattice.L=4 model.beta=0.44 draw.heat_bath=false %s", skips[s]);
      normalised(nets[k], rest);
    }
    for (int g = 0; g < GROUPS; g++) { /* 2^8 drawn states */
      snprintf(rest, sizeof rest, "lattice.L=4 model.beta=0.44 draw.heat_bath=true %s %s", groups[g],
               skips[(g + k) % 3]);
      normalised(nets[k], rest);
    }
    for (int h = 0; h < 2; h++) {
      snprintf(rest, sizeof rest,
               "lattice.kind=triangular lattice.L=3 model.beta=0.4 draw.lanes=8 draw.heat_bath=%s %s",
               h ? "true" : "false", skips[(h + k) % 3]);
      normalised(nets[k], rest);
    }
  }
  for (int g = 1; g < GROUPS; g++) {
    snprintf(rest, sizeof rest, "lattice.L=4 model.beta=0.44 draw.heat_bath=false net.skip=frontier %s", groups[g]);
    normalised(nets[g % 2 ? 2 : 4], rest);
  }
  for (int k = 0; k < NO_GRID; k++)
    for (int h = 0; h < 2; h++)
      for (int g = 0; g < 3; g++) {
        snprintf(rest, sizeof rest,
                 "lattice.kind=complete lattice.n=6 model.kind=gaussian model.normal=sk model.beta=1 draw.lanes=8 "
                 "draw.heat_bath=%s %s %s",
                 h ? "true" : "false", groups[g == 2 ? GAUGE : g], skips[g]);
        normalised(nets[k], rest);
      }
}

/* ---- draws against the full pass ---- */
static void cached_draw(const char *text) {
  fixture x;
  ar_frames copy;
  err e = {0};
  if (fixture_open(&x, text) || ar_frames_new(&copy, x.a, x.w, true, &e)) return;
  size_t S = (size_t)x.a->lanes, n = (size_t)x.a->n;
  double *lnq = malloc(2 * S * sizeof *lnq), *full = lnq + S, most = 0;
  for (int shard = 0; shard < 3; shard++) {
    for (size_t i = 0; i < x.a->plan->values; i++) x.f.f[0]->arena[i] = NAN; /* nothing of the future may be read */
    ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(2, "draw"), shard, 7, lnq);
    memcpy(copy.f[0]->value[0], x.f.f[0]->value[0], n * S * sizeof(nn_real));
    ar_density(x.a, x.w, &copy, x.theta, full);
    for (size_t i = 0; i < S; i++) most = fmax(most, fabs(lnq[i] - full[i]));
    CHECK_REPORT(most < LNQ_TOLERANCE, "%.400s: ln q of draw and full pass differ by %.3g", text, most);
    CHECK_REPORT(!memcmp(lnq, full, S * sizeof *lnq), "%.400s: ln q of draw and full pass: other bits (%.3g)", text,
                 most);
    CHECK_REPORT(!memcmp(copy.f[0]->value[0], x.f.f[0]->value[0], n * S * sizeof(nn_real)),
                 "%.400s: the density moved spins", text);
    CHECK_REPORT(
        !memcmp(copy.f[0]->value[x.a->net->output], x.f.f[0]->value[x.a->net->output], n * S * sizeof(nn_real)),
        "%.400s: logits differ", text);
  }
  free(lnq);
  ar_frames_free(&copy, x.a, x.w);
  fixture_close(&x);
}

static void draws(void) {
  char text[1000];
  const int lanes[] = {1, 8, 16, 64};
  for (int k = 0; k < NETS; k++)
    for (int g = 0; g < GROUPS; g++) {
      snprintf(text, sizeof text, "%s lattice.L=4 model.beta=0.44 draw.heat_bath=%s draw.lanes=%d %s %s", nets[k],
               g & 1 ? "true" : "false", lanes[(k + g) % 4], groups[g], skips[(k + g) % 3]);
      cached_draw(text);
    }
  cached_draw(
      "lattice.L=64 model.beta=0.44 net.kind=sites net.width=2 net.output_gain=1 net.skip=frontier "
      "draw.heat_bath=false draw.lanes=16");
}

/* The spins of samples 0..127, (128, n): lanes only change who stands where. */
static int8_t *samples(const char *net, int lanes, int *n) {
  char text[1000];
  fixture x;
  snprintf(text, sizeof text, "%s lattice.L=4 model.beta=0.44 draw.lanes=%d", net, lanes);
  if (fixture_open(&x, text)) return NULL;
  *n = x.a->n;
  int8_t *s = malloc(128 * (size_t)*n);
  double lnq[128];
  for (int k = 0; k < 128 / lanes; k++) {
    ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(3, "draw"), k, 0, lnq);
    for (int t = 0; t < *n; t++)
      for (int i = 0; i < lanes; i++) s[(k * lanes + i) * *n + t] = (int8_t)x.f.f[0]->value[0][t * lanes + i];
  }
  fixture_close(&x);
  return s;
}

static void lanes_do_not_matter(void) {
  const int lanes[] = {1, 8, 16, 32, 128};
  for (int k = 0; k < NETS; k++) {
    int n = 0;
    int8_t *want = samples(nets[k], 64, &n);
    for (int i = 0; want && i < 5; i++) {
      int8_t *got = samples(nets[k], lanes[i], &n);
      CHECK_REPORT(got && !memcmp(want, got, 128 * (size_t)n), "%s: %d lanes draw other spins", nets[k], lanes[i]);
      free(got);
    }
    free(want);
  }
}

/* ---- frequencies ---- */
/* chi^2 of counts against probabilities, bins below 10 expected counts in one; 5 sigma. */
static void chi_square(const char *text, size_t n, const double *p, const long *count, double total) {
  double chi = 0, few = 0, few_count = 0, dof = -1;
  for (size_t s = 0; s < n; s++) {
    double want = p[s] * total, d = (double)count[s] - want;
    if (want < 10)
      few += want, few_count += (double)count[s];
    else
      chi += d * d / want, dof++;
  }
  if (few > 0) chi += (few_count - few) * (few_count - few) / few, dof++;
  CHECK_REPORT(dof > 20 && fabs(chi - dof) < 5 * sqrt(2 * dof), "%.400s: chi^2 %.1f with %.0f degrees of freedom", text,
               chi, dof);
}

static void draw_frequencies(const char *text, long shards) {
  fixture x;
  if (fixture_open(&x, text)) return;
  int S = x.a->lanes, n = x.a->n;
  double *lnq = malloc((1u << n) * sizeof *lnq), l[1024];
  long *count = calloc(1u << n, sizeof *count);
  fixture_enumerate(&x, lnq, NULL);
  for (int s = 0; s < 1 << n; s++) lnq[s] = exp(lnq[s]);
  for (long k = 0; k < shards; k++) {
    ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(4, "draw"), k, 0, l);
    for (int i = 0; i < S; i++) {
      int s = 0;
      for (int t = 0; t < n; t++) s |= (x.f.f[0]->value[0][t * S + i] > 0) << t;
      count[s]++;
    }
  }
  chi_square(text, 1u << n, lnq, count, (double)(shards * S));
  free(lnq), free(count);
  fixture_close(&x);
}

/* ---- whole configurations ---- */
typedef struct table { /* of all 2^N whole configurations, bit i = site i up */
  size_t n;
  int *drawn;        /* state of the drawn spins */
  double *ln_weight; /* -beta H */
  double *ln_sum;    /* (2^drawn) ln of the sum over left-out spins */
  double *lnq, *p;   /* (2^drawn) of the drawn spins; (2^N) of all */
} table;

static void table_make(table *b, const fixture *x) {
  int N = x->a->sites;
  size_t n = b->n = (size_t)1 << N, m = (size_t)1 << x->a->n;
  b->drawn = calloc(n, sizeof *b->drawn), b->ln_weight = calloc(n, sizeof(double)), b->p = calloc(n, sizeof(double));
  b->ln_sum = calloc(m, sizeof(double)), b->lnq = calloc(m, sizeof(double));
  fixture_enumerate(x, b->lnq, NULL);
  for (size_t s = 0; s < n; s++) {
    int8_t spin[16];
    for (int i = 0; i < N; i++) spin[i] = s >> i & 1 ? 1 : -1;
    for (int t = 0; t < x->a->n; t++) b->drawn[s] |= (int)(s >> x->a->site[t] & 1) << t;
    b->ln_weight[s] = -x->a->beta * ising_energy(ar_ising_model(x->a), spin);
    b->ln_sum[b->drawn[s]] += exp(b->ln_weight[s]);
  }
  for (size_t k = 0; k < m; k++) b->ln_sum[k] = log(b->ln_sum[k]);
  for (size_t s = 0; s < n; s++) b->p[s] = exp(b->lnq[b->drawn[s]] + b->ln_weight[s] - b->ln_sum[b->drawn[s]]);
}

static void table_free(table *b) {
  free(b->drawn), free(b->ln_weight), free(b->ln_sum), free(b->lnq), free(b->p);
}

/* ar_target is the sum over left-out spins of the weight. */
static void target(const char *text) {
  fixture x;
  table b;
  double most = 0;
  if (fixture_open(&x, text)) return;
  table_make(&b, &x);
  size_t m = (size_t)1 << x.a->n;
  double *lnw = malloc(m * sizeof *lnw);
  fixture_enumerate(&x, NULL, lnw);
  for (size_t s = 0; s < m; s++) most = fmax(most, fabs(lnw[s] - b.ln_sum[s]));
  CHECK_REPORT(most < 1e-11, "%.400s: ln of the target is off by %.3g", text, most);
  free(lnw), table_free(&b);
  fixture_close(&x);
}

/* Emitted configurations have the density that is reported with them, and its frequencies (in 256 mixed bins). */
static void emit(const char *text, long shards) {
  fixture x;
  table b;
  if (fixture_open(&x, text)) return;
  table_make(&b, &x);
  int S = x.a->lanes, N = x.a->sites;
  double l[64], rest[64], most = 0, sum = 0, p[256] = {0};
  long count[256] = {0};
  int8_t *c = malloc((size_t)(S * N));
  for (size_t s = 0; s < b.n; s++) p[s * 40503u >> 4 & 255] += b.p[s], sum += b.p[s];
  CHECK_NEAR(sum, 1, SUM_TOLERANCE);
  for (long k = 0; k < shards; k++) {
    ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(8, "draw"), k, 0, l);
    ar_emit(x.a, x.w, &x.f, x.a->beta, rng_stream(8, "draw"), k, 0, c, rest);
    for (int i = 0; i < S; i++) {
      size_t s = 0;
      for (int j = 0; j < N; j++) s |= (size_t)(c[i * N + j] > 0) << j;
      most = fmax(most, fabs(l[i] + rest[i] - log(b.p[s])));
      count[s * 40503u >> 4 & 255]++;
    }
  }
  CHECK_REPORT(most < LNQ_TOLERANCE, "%.400s: reported ln q is off by %.3g", text, most);
  chi_square(text, 256, p, count, (double)(shards * S));
  free(c), table_free(&b);
  fixture_close(&x);
}

static void configurations(void) {
  char text[1000];
  const char *const models[] = {"model.beta=0.44", "model.beta=0.3 model.field=0.2",
                                "model.beta=0.7 model.kind=gaussian",
                                "model.beta=0.5 model.kind=antiferromagnet model.field=-0.4"};
  for (int k = 0; k < 4; k++)
    for (int h = 0; h < 2; h++) {
      const char *hb = h ? "true" : "false";
      snprintf(text, sizeof text, "%s lattice.L=4 draw.heat_bath=%s net.kind=sites net.width=1", models[k], hb);
      target(text);
      snprintf(text, sizeof text,
               "%s lattice.kind=triangular lattice.L=3 draw.heat_bath=%s draw.lanes=8 net.kind=sites net.width=1",
               models[k], hb);
      target(text);
      snprintf(text, sizeof text,
               "%s lattice.kind=complete lattice.n=7 draw.heat_bath=%s draw.lanes=8 net.kind=sites net.width=1",
               models[k], hb);
      target(text);
      snprintf(text, sizeof text,
               "%s lattice.rows=3 lattice.cols=4 lattice.periodic=false draw.heat_bath=%s draw.lanes=8 net.kind=made",
               models[k], hb);
      target(text);
      snprintf(text, sizeof text, "%s %s lattice.L=3 draw.heat_bath=%s draw.lanes=%d net.skip=frontier",
               nets[(2 * k + h) % NETS], models[k], hb, h ? 8 : 64);
      emit(text, h ? 12500 : 1600);
      if (!h) draw_frequencies(text, k ? 800 : 3200);
    }
  for (int g = 0; g < GROUPS; g++)
    for (int h = 0; h < 2; h++) {
      snprintf(text, sizeof text, "%s lattice.L=4 model.beta=0.44 draw.heat_bath=%s %s", nets[h ? (g + 4) % NETS : 0],
               h ? "true" : "false", groups[g]);
      emit(text, g >= 2 && g != GAUGE ? 400 : 1600); /* many images: fewer draws */
    }
  draw_frequencies("lattice.L=4 model.beta=0.44 net.kind=made net.width=2 net.output_gain=1", 3200);
}

/* ---- symmetry of the density ---- */
static void invariance(const char *text, bool flip, bool expected) {
  fixture x;
  double most = 0;
  if (fixture_open(&x, text)) return;
  int n = x.a->n;
  double *lnq = malloc((1u << n) * sizeof *lnq);
  fixture_enumerate(&x, lnq, NULL);
  for (int g = 0; g < x.a->g->size; g++)
    for (int s = 0; s < 1 << n; s++) {
      int image = 0;
      for (int t = 0; t < n; t++) image |= ((s >> x.a->g->position[g * n + t] & 1) ^ (x.a->g->sign[g] < 0)) << t;
      most = fmax(most, fabs(lnq[s] - lnq[image]));
    }
  for (int s = 0; flip && s < 1 << n; s++) most = fmax(most, fabs(lnq[s] - lnq[(1 << n) - 1 - s]));
  CHECK_REPORT(expected ? most < LNQ_TOLERANCE : most > 0.1, "%.400s: ln q of images differs by %.3g", text, most);
  free(lnq);
  fixture_close(&x);
}

static void symmetries(void) {
  char text[1000];
  for (int g = 1; g < GROUPS; g++) {
    snprintf(text, sizeof text, "lattice.L=4 model.beta=0.44 net.kind=made net.width=2 net.output_gain=1 %s",
             groups[g]);
    invariance(text, g < NO_FLIP, true);
  }
  invariance("lattice.L=4 model.beta=0.44 net.kind=made net.width=2 net.output_gain=1", true, false);
  /* odd networks */
  invariance("lattice.L=4 model.beta=0.44 net.kind=sites net.width=2 net.output_gain=1 net.skip=all", true, true);
  invariance("lattice.L=4 model.beta=0.44 net.kind=pixelcnn net.bias=false net.activation=tanh net.output_gain=1", true,
             true);
  invariance("lattice.L=4 model.beta=0.44 net.kind=made net.bias=false net.activation=tanh net.output_gain=1", true,
             true);
}

#ifndef NN_SINGLE
/* ---- gradient of sum_i c_i ln q_i ---- */
static double weighted(const fixture *x, const double *c) {
  double lnq[64], sum = 0;
  ar_density(x->a, x->w, &x->f, x->theta, lnq);
  for (int i = 0; i < x->a->lanes; i++) sum += c[i] * lnq[i];
  return sum;
}

static void gradient(const char *text) {
  fixture x;
  if (fixture_open(&x, text)) return;
  size_t n = x.a->net->nparam;
  double *grad = nn_alloc(n * sizeof *grad), c[64], lnq[64];
  for (int i = 0; i < 64; i++) c[i] = rng_normal(rng_stream(1, "c"), (uint64_t)i, 0, 0);
  ar_draw(x.a, x.w, &x.f, x.theta, rng_stream(1, "draw"), 0, 0, lnq);
  ar_backward(x.a, x.w, &x.f, x.theta, grad, c);
  for (size_t k = 0; k < n; k++) {
    double h = 1e-6, keep = x.theta[k], up, down;
    x.theta[k] = keep + h, up = weighted(&x, c);
    x.theta[k] = keep - h, down = weighted(&x, c);
    x.theta[k] = keep;
    CHECK_REPORT(fabs((up - down) / (2 * h) - grad[k]) <= 1e-6 * (1 + fabs(grad[k])),
                 "%.300s: d/dtheta[%zu] = %.9g, expected %.9g", text, k, grad[k], (up - down) / (2 * h));
  }
  free(grad);
  fixture_close(&x);
}

static void gradients(void) {
  char text[1000];
  for (int k = 0; k < NETS; k++)
    for (int g = k % 3; g < GROUPS; g += 3) { /* every net with two groups, every group with several nets */
      snprintf(text, sizeof text, "%s lattice.L=4 model.beta=0.44 draw.lanes=8 draw.heat_bath=%s %s", nets[k],
               (g + k) & 1 ? "true" : "false", groups[g]);
      gradient(text);
    }
}
#endif

/* ---- frontier ---- */
/* up[k][prefix] = sum of weights of the states that begin with the k bits of prefix */
static double **prefix_sums(const double *lnw, int n) {
  double **up = malloc(((size_t)n + 1) * sizeof *up);
  for (int k = 0; k <= n; k++) up[k] = calloc((size_t)1 << k, sizeof **up);
  for (long s = 0; s < 1L << n; s++)
    for (int k = 0; k <= n; k++) up[k][s & ((1L << k) - 1)] += exp(lnw[s]);
  return up;
}

/* Largest change of p(s_t = +1 | prefix) when spin u of the prefix is flipped. */
static double influence(double **up, int t, int u) {
  double most = 0;
  for (long s = 0; s < 1L << t; s++) {
    long r = s ^ 1L << u;
    most = fmax(most, fabs(up[t + 1][s | 1L << t] / up[t][s] - up[t + 1][r | 1L << t] / up[t][r]));
  }
  return most;
}

static void frontier(const fixture *x, const char *what, bool all_needed) {
  int n = x->a->n, needed = 0;
  const nn_causal *c = x->a->causal;
  double *lnw = malloc(((size_t)1 << n) * sizeof *lnw);
  fixture_enumerate(x, NULL, lnw);
  double **up = prefix_sums(lnw, n);
  for (int t = 0; t < n; t++)
    for (int u = 0; u < t; u++) {
      bool in = false;
      for (int k = c->start[t]; k < c->start[t + 1]; k++) in |= c->list[k] == u;
      double d = influence(up, t, u);
      if (in) needed += d > 1e-9;
      CHECK_REPORT(in || d < 1e-12, "%.300s: spin %d depends on %d outside its frontier by %.3g", what, t, u, d);
      CHECK_REPORT(!in || d > 1e-9 || !all_needed, "%.300s: spin %d does not depend on %d in its frontier", what, t, u);
    }
  CHECK(needed > 0);
  for (int k = 0; k <= n; k++) free(up[k]);
  free(up), free(lnw);
}

static void frontier_of(const char *text, bool all_needed) {
  fixture x;
  if (fixture_open(&x, text)) return;
  frontier(&x, text, all_needed);
  fixture_close(&x);
}

/* Eleven sites in no order at all, with a site that has no bonds and a part that hangs together with nothing else. */
static void frontier_of_graph(bool heat_bath) {
  static const int bonds[][2] = {{7, 0}, {0, 4}, {4, 9}, {9, 7},  {2, 7}, {2, 5},
                                 {5, 0}, {3, 9}, {3, 2}, {10, 4}, {1, 8}};
  enum { B = sizeof bonds / sizeof *bonds };
  err e = {0};
  lattice *l;
  ising *m;
  fixture x;
  double J[B], h[11];
  CHECK(!lattice_alloc(&l, "graph", 11, B, &e));
  memcpy(l->bond, bonds, sizeof bonds);
  lattice_close(l);
  for (int b = 0; b < B; b++) J[b] = rng_normal(rng_stream(1, "J"), (uint64_t)b, 0, 0);
  for (int i = 0; i < 11; i++) h[i] = 0.3 * rng_normal(rng_stream(1, "h"), (uint64_t)i, 0, 0);
  CHECK(!ising_couplings(&m, l, J, h, 0.8, &e));
  int bad = fixture_open_model(&x,
                               heat_bath ? "lattice.L=3 model.beta=1 net.width=1 draw.lanes=1"
                                         : "lattice.L=3 model.beta=1 net.width=1 draw.heat_bath=false",
                               m, &e);
  CHECK_REPORT(!bad, "%.400s", e.text);
  if (!bad) frontier(&x, "graph", true);
  fixture_close(&x), ising_free(m), lattice_free(l);
}

static void frontiers(void) {
  for (int h = 0; h < 2; h++) {
    char text[400];
    const char *hb = h ? "true" : "false";
    snprintf(text, sizeof text, "lattice.L=4 model.beta=0.44 net.width=1 draw.heat_bath=%s", hb);
    frontier_of(text, true);
    snprintf(text, sizeof text,
             "lattice.kind=triangular lattice.L=3 model.beta=0.3 net.width=1 draw.lanes=8 draw.heat_bath=%s", hb);
    frontier_of(text, true);
    snprintf(text, sizeof text,
             "lattice.L=4 lattice.periodic=false model.beta=0.44 model.field=.1 net.width=1 draw.heat_bath=%s", hb);
    frontier_of(text, true);
    snprintf(text, sizeof text, "lattice.L=4 model.beta=0.8 model.kind=plus_minus net.width=1 draw.heat_bath=%s", hb);
    frontier_of(text, false);
    frontier_of_graph(h);
  }
}

/* ---- what a network can see ---- */
/* Zero-padded plain PixelCNN: does the conditional of t see u, layer by layer? */
static bool sees(const order *o, int depth, int half, bool wrap, int t, int u) {
  char at[256] = {0}, next[256];
  at[t] = 1;
  for (int l = depth; l >= 1; l--) {
    memset(next, 0, sizeof next);
    for (int p = 0; p < o->n; p++)
      for (int dy = -half; at[p] && dy <= 0; dy++)
        for (int dx = -half; dx <= (dy ? half : l == 1 ? -1 : 0); dx++) {
          int r = p / o->cols + dy, c = p % o->cols + dx;
          if (wrap && dy) c = (c + 4 * o->cols) % o->cols;
          if (r >= 0 && c >= 0 && c < o->cols) next[r * o->cols + c] = 1;
        }
    memcpy(at, next, sizeof at);
  }
  return at[u];
}

static void unseen(int L, int depth, int half, bool wrap, bool heat_bath, bool some) {
  char text[400];
  fixture x;
  err e = {0};
  long got, pairs, want = 0;
  snprintf(text, sizeof text,
           "lattice.L=%d model.beta=0.44 net.kind=pixelcnn net.depth=%d net.width=4 net.half_kernel=%d net.wrap=%s "
           "draw.heat_bath=%s",
           L, depth, half, wrap ? "true" : "false", heat_bath ? "true" : "false");
  if (fixture_open(&x, text)) return;
  const nn_causal *c = x.a->causal;
  CHECK(!ar_unseen(x.a, &got, &pairs, &e));
  for (int t = 0; t < x.a->n; t++)
    for (int k = c->start[t]; k < c->start[t + 1]; k++)
      want += c->start_value[k] != 0 && !sees(ar_ising_order(x.a), depth, half, wrap, t, c->list[k]);
  CHECK_REPORT(got == want && (got > 0) == some && pairs > got, "%.300s: %ld of %ld pairs unseen, expected %ld", text,
               got, pairs, want);
  fixture_close(&x);
}

static void all_seen(const char *text) {
  fixture x;
  err e = {0};
  long got, pairs;
  if (fixture_open(&x, text)) return;
  CHECK(!ar_unseen(x.a, &got, &pairs, &e));
  CHECK_REPORT(!got && pairs > 0, "%.300s: %ld of %ld pairs unseen", text, got, pairs);
  fixture_close(&x);
}

static void sight(void) {
  unseen(8, 3, 1, false, false, true);
  unseen(8, 3, 1, false, true, true);
  unseen(8, 3, 1, true, true, true);
  unseen(8, 8, 1, false, false, false);
  unseen(8, 12, 1, false, false, false);
  unseen(6, 9, 1, true, true, false);
  unseen(8, 2, 4, true, false, false);
  all_seen("lattice.L=8 model.beta=0.44 net.kind=sites net.width=2");
  all_seen(
      "lattice.L=8 model.beta=0.44 net.kind=sites net.width=2 net.inputs=all draw.heat_bath=false net.activation=relu "
      "net.depth=3");
  all_seen("lattice.L=8 model.beta=0.44 net.kind=made net.width=2 draw.lanes=8");
  all_seen(
      "lattice.L=8 model.beta=0.44 net.kind=made net.width=1 net.depth=5 net.activation=relu draw.heat_bath=false");
  all_seen("lattice.L=8 model.beta=0.44 net.kind=pixelcnn net.skip=frontier");
  all_seen("lattice.kind=triangular lattice.L=6 model.kind=antiferromagnet model.beta=0.44 net.kind=made");
}

static void refuse(const char *text, const char *word) {
  fixture x;
  err e = {0};
  CHECK_REPORT(fixture_open_model(&x, text, NULL, &e) == ERR_DECK && strstr(e.text, word),
               "%.200s: code %d '%.300s' should say '%s'", text, e.code, e.text, word);
  fixture_close(&x);
}

static void refusals(void) {
  refuse("lattice.L=4 model.beta=1 model.field=0.1 draw.gauge=true", "draw.gauge");
  refuse("lattice.L=4 model.beta=1 draw.gauge=true draw.symmetry=z2", "draw.gauge");
  refuse("lattice.L=4 model.beta=1 draw.lanes=12", "draw.lanes");
  refuse("lattice.L=4 model.beta=1 draw.lanes=4", "draw.lanes");
  refuse("lattice.kind=complete lattice.n=6 model.beta=1 net.kind=pixelcnn", "pixelcnn");
  refuse("lattice.kind=complete lattice.n=6 model.beta=1 draw.symmetry=z2_d4", "draw.symmetry");
  refuse("lattice.L=4 model.beta=1 model.field=0.1 draw.symmetry=z2", "draw.symmetry");
  refuse("lattice.L=4 model.beta=1 model.kind=gaussian draw.symmetry=z2_translations", "draw.symmetry");
  refuse("lattice.L=5 model.beta=1 draw.symmetry=z2_translations draw.heat_bath=false", "draw.symmetry");
  refuse("lattice.L=6 model.beta=1 draw.symmetry=z2_translations", "draw.symmetry"); /* 3 steps change the sublattice */
  refuse("lattice.rows=4 lattice.cols=6 model.beta=1 draw.symmetry=z2_d4 draw.heat_bath=false", "draw.symmetry");
  refuse("lattice.kind=triangular lattice.L=4 model.beta=1 draw.symmetry=z2_d4 draw.heat_bath=false", "draw.symmetry");
}

int main(void) {
  normalisation();
  draws();
  lanes_do_not_matter();
  configurations();
  symmetries();
#ifndef NN_SINGLE
  gradients();
#endif
  frontiers();
  sight();
  refusals();
  return check_done();
}

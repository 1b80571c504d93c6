/* test_loss.c: every loss of the table: its gradient against central differences, with missing targets, weights, padded
 * lanes, lengths and warm-up; values against formulas written out; limits that losses have in common. */
#include "nn/graph.h"
#include "nn/loss.h"
#include "tests/check.h"

enum { P = 5, K = 3, S = 8 };
static const nn_real *const no_weight = NULL;

typedef struct rig {
  const nn_loss *l;
  nn_loss_conf c;
  nn_frame f;
  int length[S], targets;
  nn_shape shape;
  nn_real z[P * 2 * K * S], t[P * K * S], w[S], dz[P * 2 * K * S];
} rig;

static double noise(const char *what, size_t i) {
  return 2 * rng_uniform(rng_stream(1, what), i, 0, 0) - 1;
}

static void fill(rig *r, const nn_loss *l) {
  static const double balance[K] = {0.5, 2, 3};
  *r = (rig){.l = l, .c = {.delta = 0.7, .gamma = 2, .smoothing = 0.1, .warmup = 1, .balance = {K, balance}}};
  r->shape = (nn_shape){{P, 1, 1}, l->outputs(K)};
  r->targets = l->targets(K);
  for (int i = 0; i < S; i++) r->length[i] = 1 + i % P, r->w[i] = (nn_real)(1 + 0.5 * noise("w", (size_t)i));
  r->f = (nn_frame){.lanes = S, .valid = S - 1, .length = r->length, .whole = P};
  bool labels = !strcmp(l->kind.name, "bce") || !strcmp(l->kind.name, "focal");
  for (size_t i = 0; i < P * 2 * K * S; i++) r->z[i] = (nn_real)(2 * noise("z", i));
  for (size_t i = 0; i < P * K * S; i++) {
    double u = noise("t", i);
    r->t[i] = (nn_real)(labels ? u > 0 : l->targets(K) == 1 ? floor((u + 1) / 2 * K) : 2 * u);
    if (i % 11 == 3) r->t[i] = NAN;
  }
}

static double value(rig *r, nn_real *dz, double *count) {
  double sum[2] = {0, 0};
  nn_loss_shard(r->l, &r->c, &r->f, r->shape, r->targets, r->z, r->t, r->w, dz, sum);
  if (count) *count = sum[1];
  return sum[0];
}

#ifndef NN_SINGLE
static void gradient(const nn_loss *l) {
  rig r;
  double count, h = 1e-6;
  int held = 0;
  fill(&r, l);
  for (size_t i = 0; i < P * 2 * K * S; i++) r.dz[i] = NAN;
  value(&r, r.dz, &count);
  CHECK(count > 0);
  for (size_t i = 0; i < (size_t)(P * r.shape.channels * S); i++) {
    double keep = r.z[i], up, d;
    r.z[i] = keep + h, up = value(&r, NULL, NULL);
    r.z[i] = keep - h, d = (up - value(&r, NULL, NULL)) / (2 * h);
    r.z[i] = keep;
    int lane = (int)(i % S), p = (int)(i / S) / r.shape.channels;
    CHECK_REPORT(fabs(d - r.dz[i]) <= 1e-7, "%s: d/dz[%zu] = %.9g, expected %.9g", l->kind.name, i, r.dz[i], d);
    if (lane == S - 1 || p < 1 || p >= r.length[lane]) CHECK(r.dz[i] == 0);
    held += r.dz[i] != 0;
  }
  CHECK(held > 20);
}
#endif

/* One number, one lane. */
static double single(const char *name, double z0, double z1, double z2, double t, nn_loss_conf c) {
  const nn_loss *l = nn_loss_named(name);
  nn_frame f = {.lanes = 1, .valid = 1};
  nn_real z[3] = {(nn_real)z0, (nn_real)z1, (nn_real)z2}, target = (nn_real)t;
  int quantities = l->targets(9) == 1 ? 3 : 1;
  double sum[2] = {0, 0};
  nn_loss_shard(l, &c, &f, (nn_shape){{1, 1, 1}, l->outputs(quantities)}, 1, z, &target, no_weight, NULL, sum);
  return sum[0] / sum[1];
}

static void values(void) {
  double eps = sizeof(nn_real) == 4 ? 1e-6 : 1e-12;
  nn_loss_conf plain = {.delta = 1, .gamma = 0};
  CHECK_NEAR(single("mse", 1.5, 0, 0, -1, plain), 3.125, eps);
  CHECK_NEAR(single("huber", 1.5, 0, 0, 1, plain), 0.125, eps);
  CHECK_NEAR(single("huber", 1.5, 0, 0, -1, plain), 2, eps);
  CHECK_NEAR(single("gaussian_nll", 1.5, log(4), 0, -1, plain), 0.5 * (6.25 / 4 + log(4)), eps);
  CHECK_NEAR(single("cross_entropy", 1, 2, 3, 1, plain), log(exp(1) + exp(2) + exp(3)) - 2, 10 * eps);
  CHECK_NEAR(single("bce", 2, 0, 0, 1, plain), log(1 + exp(-2)), eps);
  CHECK_NEAR(single("bce", 2, 0, 0, 0, plain), log(1 + exp(2)), eps);
  CHECK_NEAR(single("focal", 0.5, 0, 0, 1, plain), single("bce", 0.5, 0, 0, 1, plain), eps);
  nn_loss_conf focal = {.gamma = 2};
  double p = 1 / (1 + exp(-0.5));
  CHECK_NEAR(single("focal", 0.5, 0, 0, 1, focal), -(1 - p) * (1 - p) * log(p), eps);
  CHECK_NEAR(single("bce", -800, 0, 0, 1, plain), 800, 1e-3); /* no overflow */
}

static void counts(void) {
  rig r;
  double count;
  fill(&r, nn_loss_named("mse"));
  value(&r, NULL, &count);
  double want = 0;
  for (int p = 1; p < P; p++)
    for (int k = 0; k < K; k++)
      for (int i = 0; i < S - 1; i++) want += p < r.length[i] && !isnan(r.t[(p * K + k) * S + i]) ? (double)r.w[i] : 0;
  CHECK_REL(count, want, 1e-12);
  err e = {0};
  CHECK_INT(nn_loss_check(nn_loss_named("mse"), &r.c, K, &e), ERR_DECK);
  memset(&e, 0, sizeof e);
  CHECK_INT(nn_loss_check(nn_loss_named("bce"), &r.c, K + 1, &e), ERR_DECK);
  memset(&e, 0, sizeof e);
  CHECK_INT(nn_loss_check(nn_loss_named("bce"), &r.c, K, &e), 0);
}

int main(void) {
#ifndef NN_SINGLE
  for (const deck_kind *const *k = nn_losses; *k; k++) gradient((const nn_loss *)*k);
#endif
  values();
  counts();
  return check_done();
}

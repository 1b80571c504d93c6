/* test_logistic.c: a minimum (every slope vanishes, neighbours are higher), the closed form of one constant, weights
 * that made the labels come back within five sigma, classes that can be separated or are empty. */
#include <math.h>

#include "analysis/logistic.h"
#include "base/rng.h"
#include "tests/check.h"

enum { N = 4000, P = 3 };
static double x[N * P];
static unsigned char y[2 * N];
static err e;

static void draw(const double *w, unsigned seed) {
  rng r = rng_stream(seed, "logistic");
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < P; j++) x[i * P + j] = rng_normal(r, (uint64_t)i, (uint32_t)j, 0) * (j + 1);
    y[2 * i + 1] = rng_uniform(r, (uint64_t)i, 9, 0) < 1 / (1 + exp(-logistic_score(P, x + i * P, w)));
  }
}

static double cost(const double *w, double ridge) {
  double sum = 0;
  for (int j = 1; j <= P; j++) sum += ridge / 2 * w[j] * w[j];
  for (int i = 0; i < N; i++) {
    double z = logistic_score(P, x + i * P, w);
    sum += log1p(exp(z)) - (y[2 * i + 1] ? z : 0);
  }
  return sum;
}

static void returns(void) {
  const double truth[P + 1] = {-1, 0.5, 0, -0.3};
  double w[P + 1];
  for (unsigned seed = 1; seed <= 5; seed++) {
    draw(truth, seed);
    CHECK(!logistic_fit(N, P, x, y + 1, 2, 1e-6, w, &e));
    for (int j = 0; j <= P; j++) { /* curvature N p (1 - p) <x^2>, p (1 - p) at least .1 here */
      double sigma = 1 / sqrt(0.1 * N) / (j ? j : 1);
      CHECK_REPORT(fabs(w[j] - truth[j]) < 5 * sigma, "seed %u: w[%d] = %g, made with %g", seed, j, w[j], truth[j]);
    }
  }
}

static void minimum(double ridge) {
  double w[P + 1];
  CHECK(!logistic_fit(N, P, x, y + 1, 2, ridge, w, &e));
  for (int j = 0; j <= P; j++) {
    double h = 1e-4, keep = w[j], up, at = cost(w, ridge);
    w[j] = keep + h, up = cost(w, ridge);
    w[j] = keep - h;
    double down = cost(w, ridge);
    w[j] = keep;
    CHECK_REPORT(fabs(up - down) / (2 * h) < 1e-3, "ridge %g: slope %g along w[%d]", ridge, (up - down) / (2 * h), j);
    CHECK(up > at && down > at);
  }
}

static void alone(void) { /* without columns the constant is the logit of the frequency */
  double w[1], count = 0;
  for (int i = 0; i < N; i++) count += y[2 * i + 1];
  CHECK(!logistic_fit(N, 0, x, y + 1, 2, 1e-3, w, &e));
  CHECK_NEAR(w[0], log(count / (N - count)), 1e-7);
}

static void extremes(void) {
  double w[P + 1];
  for (int i = 0; i < N; i++) y[2 * i + 1] = x[i * P] > 0;
  CHECK(!logistic_fit(N, P, x, y + 1, 2, 1, w, &e));
  CHECK(w[1] > 1 && fabs(w[2]) < 0.2 * w[1]);
  for (int i = 0; i < N; i++) y[2 * i + 1] = 0;
  CHECK(!logistic_fit(N, P, x, y + 1, 2, 1, w, &e));
  CHECK(w[0] < -5 && isfinite(w[0]));
}

int main(void) {
  returns();
  minimum(1e-3), minimum(100);
  alone();
  extremes();
  CHECK_REPORT(!e.code, "%.400s", e.text);
  return check_done();
}

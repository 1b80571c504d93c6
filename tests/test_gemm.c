/* test_gemm.c: nn_gemm against a naive sum for every small shape, its bits against a chain of fused multiply-adds and
 * against other heights, widths and positions; nn_gemm_blas, nn_transpose, nn_dot_rows; the elementwise kernels. */
#include <float.h>

#include "nn/elementwise.h"
#include "nn/gemm.h"
#include "nn/graph.h"
#include "tests/check.h"

enum { RMAX = 20, KMAX = 70, NMAX = 256, PAD = 3, LDC = NMAX + PAD };
#ifdef NN_SINGLE
#define EPS (double)FLT_EPSILON
#else
#define EPS DBL_EPSILON
#endif

typedef struct bench {
  bool fused;             /* this build contracts a b + c to one rounding */
  nn_real *tall, *flat;   /* the same A (RMAX, KMAX): ra = 1 and ka = 1 */
  nn_real *B, *C, *chain; /* (KMAX, LDC), (RMAX, LDC), (RMAX, LDC)      */
  double ref[RMAX][NMAX], size[RMAX][NMAX];
} bench;

static nn_real noise(unsigned k) {
  return (nn_real)(rng_uniform(rng_stream(7, "gemm"), k, 0, 0) * 2 - 1);
}
static nn_real start(int r, int n) {
  return (nn_real)((r * 31 + n * 17) % 23 - 11) / 8;
}

static nn_real multiply_add(bool fused, nn_real a, nn_real x, nn_real c) {
  volatile nn_real product = a * x; /* rounded */
#ifdef NN_SINGLE
  return fused ? fmaf(a, x, c) : product + c;
#else
  return fused ? fma(a, x, c) : product + c;
#endif
}

/* (1 + eps)^2 - (1 + 2 eps) is eps^2 or 0. */
static bool is_fused(void) {
  nn_real a = (nn_real)(1 + EPS), B[64], C[64];
  for (int i = 0; i < NN_VL; i++) B[i] = a, C[i] = -(nn_real)(1 + 2 * EPS);
  nn_gemm(1, NN_VL, 1, &a, 1, 1, B, NN_VL, C, NN_VL);
  return C[0] != 0;
}

static void fill(bench *b) {
  b->fused = is_fused();
  b->tall = nn_alloc(RMAX * KMAX * sizeof(nn_real)), b->flat = nn_alloc(RMAX * KMAX * sizeof(nn_real));
  b->B = nn_alloc(KMAX * LDC * sizeof(nn_real));
  b->C = nn_alloc(RMAX * LDC * sizeof(nn_real)), b->chain = nn_alloc(RMAX * LDC * sizeof(nn_real));
  for (int r = 0; r < RMAX; r++)
    for (int k = 0; k < KMAX; k++) b->tall[k * RMAX + r] = b->flat[r * KMAX + k] = noise((unsigned)(r * KMAX + k));
  for (int i = 0; i < KMAX * LDC; i++) b->B[i] = noise((unsigned)(10000 + i));
}

static void reset(bench *b) {
  for (int r = 0; r < RMAX; r++)
    for (int n = 0; n < LDC; n++) b->C[r * LDC + n] = start(r, n);
}

/* Adds term k to the references: exact enough (double, or long products in single) and the chain of FMAs. */
static void add_term(bench *b, int N, int k) {
  for (int r = 0; r < RMAX; r++)
    for (int n = 0; n < N; n++) {
      nn_real a = b->flat[r * KMAX + k], x = b->B[k * LDC + n];
      b->ref[r][n] += (double)a * (double)x;
      b->size[r][n] += fabs((double)a * (double)x);
      b->chain[r * LDC + n] = multiply_add(b->fused, a, x, b->chain[r * LDC + n]);
    }
}

static void restart(bench *b, int N) {
  for (int r = 0; r < RMAX; r++)
    for (int n = 0; n < N; n++) {
      b->ref[r][n] = b->chain[r * LDC + n] = start(r, n);
      b->size[r][n] = fabs((double)start(r, n));
    }
}

/* Rows 0..R-1 hold the product, everything else what it was. */
static int wrong(const bench *b, int R, int N, int K) {
  int bad = 0;
  for (int r = 0; r < RMAX; r++)
    for (int n = 0; n < LDC; n++) {
      double c = (double)b->C[r * LDC + n];
      bad += r < R && n < N ? !(fabs(c - b->ref[r][n]) <= 2 * (K + 1) * EPS * b->size[r][n]) : c != (double)start(r, n);
    }
  return bad;
}

/* A height that ends below the last row shows at the same time that position among the rows does not matter. */
static int other_bits(const bench *b, int first, int R, int N) {
  int bad = 0;
  for (int r = first; r < first + R; r++)
    bad += !!memcmp(b->C + r * LDC, b->chain + r * LDC, (size_t)N * sizeof(nn_real));
  return bad;
}

static void one(bench *b, int R, int N, int K, bool tall) {
  const nn_real *A = tall ? b->tall : b->flat;
  long ra = tall ? 1 : KMAX, ka = tall ? RMAX : 1;
  reset(b);
  nn_gemm(R, N, K, A, ra, ka, b->B, LDC, b->C, LDC);
  CHECK_REPORT(!wrong(b, R, N, K), "nn_gemm R %d N %d K %d %s: %d wrong", R, N, K, tall ? "tall" : "flat",
               wrong(b, R, N, K));
  if (N % NN_VL) return;
  CHECK_REPORT(!other_bits(b, 0, R, N), "nn_gemm R %d N %d K %d: not the ascending sum", R, N, K);
  int first = RMAX - R;
  reset(b);
  nn_gemm(R, N, K, A + first * ra, ra, ka, b->B, LDC, b->C + first * LDC, LDC);
  CHECK_REPORT(!other_bits(b, first, R, N), "nn_gemm rows %d to %d N %d K %d: other bits", first, RMAX, N, K);
}

static void products(bench *b) {
  const int widths[] = {1, 8, 16, 32, 48, 64, 80, 256};
  for (unsigned w = 0; w < sizeof widths / sizeof *widths; w++) {
    restart(b, widths[w]);
    for (int K = 1; K <= KMAX; K++) {
      add_term(b, widths[w], K - 1);
      for (int R = 1; R <= RMAX; R++) one(b, R, widths[w], K, true), one(b, R, widths[w], K, false);
    }
  }
}

static void with_blas(bench *b) {
  restart(b, 48);
  for (int K = 1; K <= 33; K++) {
    add_term(b, 48, K - 1);
    for (int R = 1; R <= RMAX; R += 3)
      for (int tall = 0; tall < 2; tall++) {
        reset(b);
        nn_gemm_blas(R, 48, K, tall ? b->tall : b->flat, tall ? 1 : KMAX, tall ? RMAX : 1, b->B, LDC, b->C, LDC);
        CHECK_REPORT(!wrong(b, R, 48, K), "nn_gemm_blas R %d K %d tall %d", R, K, tall);
      }
  }
}

/* Long sums (several chunks of K) of any columns give the bits of the whole product. */
static void columns(void) {
  enum { R = 7, N = 256, K = 1500 };
  nn_real *A = nn_alloc(R * K * sizeof *A), *B = nn_alloc(K * N * sizeof *B);
  nn_real *C = nn_alloc(R * N * sizeof *C), *D = nn_alloc(R * N * sizeof *D);
  for (unsigned i = 0; i < R * K; i++) A[i] = noise(i);
  for (unsigned i = 0; i < K * N; i++) B[i] = noise(i + 99);
  nn_gemm(R, N, K, A, K, 1, B, N, C, N);
  for (int n = NN_VL; n < N; n += NN_VL) {
    memset(D, 0, R * N * sizeof *D);
    nn_gemm(R, N - n, K, A, K, 1, B + n, N, D + n, N);
    nn_gemm(R, n, K, A, K, 1, B, N, D, N);
    CHECK_BITS(C, D, R * N * sizeof *D);
  }
  memset(D, 0, R * N * sizeof *D);
  nn_gemm(R, N, 0, A, K, 1, B, N, D, N), nn_gemm(0, N, K, A, K, 1, B, N, D, N);
  for (int i = 0; i < R * N; i++) CHECK(D[i] == 0);
  free(A), free(B), free(C), free(D);
}

static void transposes(void) {
  nn_real in[41 * 43], out[43 * 48];
  for (int i = 0; i < 41 * 43; i++) in[i] = noise((unsigned)i);
  for (int R = 1; R <= 40; R++)
    for (int N = 1; N <= 40; N++) {
      int ldo = R + R % 5, bad = 0;
      for (int i = 0; i < 43 * 48; i++) out[i] = 99;
      nn_transpose(R, N, in, 43, out, ldo);
      for (int n = 0; n < 43; n++)
        for (int r = 0; r < ldo; r++) {
          nn_real want = n >= N ? 99 : r < R ? in[r * 43 + n] : 0;
          bad += out[n * ldo + r] != want;
        }
      CHECK_REPORT(!bad, "nn_transpose %d x %d: %d wrong", R, N, bad);
    }
}

static void dots(void) {
  nn_real A[9 * 70], b[70], c[27];
  for (int i = 0; i < 9 * 70; i++) A[i] = noise((unsigned)i);
  for (int i = 0; i < 70; i++) b[i] = noise((unsigned)(5000 + i));
  for (int N = 1; N <= 67; N++) {
    for (int i = 0; i < 27; i++) c[i] = 1;
    nn_dot_rows(9, N, A, 70, b, c, 3);
    for (int i = 0; i < 27; i++) {
      double want = 1;
      for (int n = 0; n < N && i % 3 == 0; n++) want += (double)A[i / 3 * 70 + n] * (double)b[n];
      CHECK_NEAR((double)c[i], want, 70 * 2 * EPS);
    }
  }
}

/* Elementwise kernels at every length up to 70 and at arguments where exp overflows nn_real. */
static void kernels(void) {
  const double big[] = {0,  1e-30, 1e-3, 0.5, 1,   3,   9,   17,  30,  60,  87, 88,
                        89, 95,    103,  104, 150, 700, 710, 745, 750, 1e3, 1e4};
  nn_real x[70], y[70], s[70];
  double d[70], u[70], q[70], scale = 8 * EPS;
  for (int n = 1; n <= 70; n++) {
    for (int i = 0; i < n; i++) x[i] = (nn_real)((i & 1 ? -1 : 1) * big[(i / 2 + n) % 23]), s[i] = i % 3 ? 1 : -1;
    nn_tanh(n, x, y);
    for (int i = 0; i < n; i++) CHECK_NEAR((double)y[i], tanh((double)x[i]), scale);
    nn_sigmoid(n, x, y);
    for (int i = 0; i < n; i++)
      CHECK_REPORT(fabs((double)y[i] - 1 / (1 + exp(-(double)x[i]))) <= scale, "sigmoid(%g) = %g", (double)x[i],
                   (double)y[i]);
    nn_silu(n, x, y);
    for (int i = 0; i < n; i++) {
      double want = (double)x[i] / (1 + exp(-(double)x[i]));
      CHECK_REPORT(fabs((double)y[i] - want) <= scale * (1 + fabs(want)), "silu(%g) = %g", (double)x[i], (double)y[i]);
    }
    nn_silu_slope(n, x, y);
    for (int i = 0; i < n; i++) {
      double p = 1 / (1 + exp(-(double)x[i])), want = p + (p > 0 && p < 1 ? (double)x[i] * p * (1 - p) : 0);
      CHECK_REPORT(fabs((double)y[i] - want) <= scale * (2 + fabs((double)x[i])), "silu'(%g) = %g", (double)x[i],
                   (double)y[i]);
    }
    for (int i = 0; i < n; i++) d[i] = 0.5;
    nn_log_sigmoid(n, s, x, d);
    for (int i = 0; i < n; i++) {
      double z = (double)s[i] * (double)x[i], want = 0.5 + (z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)));
      CHECK_REPORT(fabs(d[i] - want) <= 4e-16 * (2 + fabs(want)), "1/2 + ln sigma(%g) = %.17g", z, d[i]);
    }
    for (int i = 0; i < n; i++) u[i] = (i + 1) / 72.;
    nn_bernoulli(n, x, u, y);
    for (int i = 0; i < n; i++) CHECK(y[i] == (u[i] < 1 / (1 + exp(-(double)x[i])) ? 1 : -1));
    for (int i = 0; i < n; i++) q[i] = (double)x[i];
    nn_log_2cosh(n, q, d);
    for (int i = 0; i < n; i++) CHECK_NEAR(d[i], fabs(q[i]) + log1p(exp(-2 * fabs(q[i]))), 4e-16 * (2 + fabs(q[i])));
  }
}

/* A NaN logit makes a NaN density in whatever lane: that is where training notices. */
static void nan_shows(void) {
  for (int lane = 0; lane < 64; lane++) {
    nn_real s[64], z[64];
    double lnq[64] = {0};
    for (int i = 0; i < 64; i++) s[i] = i % 2 ? 1 : -1, z[i] = i == lane ? (nn_real)NAN : 1;
    nn_log_sigmoid(64, s, z, lnq);
    CHECK(isnan(lnq[lane]));
  }
}

int main(void) {
  bench *b = calloc(1, sizeof *b);
  fill(b);
  products(b);
  with_blas(b);
  columns();
  transposes();
  dots();
  kernels();
  nan_shows();
  free(b->tall), free(b->flat), free(b->B), free(b->C), free(b->chain), free(b);
  return check_done();
}

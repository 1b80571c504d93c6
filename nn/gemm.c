/* gemm.c: nn_gemm, nn_gemm_set, nn_gemm_blas, nn_transpose, nn_dot_rows (see gemm.h).
 *
 * Register tiles: TR rows by TN vectors of accumulators; per k one load per vector of B and one broadcast per row of A,
 * TR*TN multiply-adds. B is walked in chunks of K so that a chunk stays in the first-level cache while all tiles of
 * rows pass over it. Measured against OpenBLAS by bench/gemm.c. */
#include "nn/gemm.h"

#include <cblas.h>
#include <stdbool.h>
#include <string.h>

enum { CHUNK_BYTES = 16384 };

/* One tile: C[TR][TN vectors] (+)= A[TR][K] B[K][TN vectors]. TR and TN are constants after inlining. */
static inline __attribute__((always_inline)) void tile(int TR, int TN, bool set, int K, const nn_real *A, long ra,
                                                       long ka, const nn_real *B, long ldb, nn_real *C, long ldc) {
  nn_vec acc[8][4];
#pragma GCC unroll 8
  for (int r = 0; r < TR; r++)
#pragma GCC unroll 4
    for (int v = 0; v < TN; v++) acc[r][v] = set ? (nn_vec){0} : *(const nn_vec *)(C + r * ldc + v * NN_VL);
  for (int k = 0; k < K; k++) {
    nn_vec b[4];
#pragma GCC unroll 4
    for (int v = 0; v < TN; v++) b[v] = *(const nn_vec *)(B + k * ldb + v * NN_VL);
#pragma GCC unroll 8
    for (int r = 0; r < TR; r++) {
      nn_real a = A[r * ra + k * ka];
#pragma GCC unroll 4
      for (int v = 0; v < TN; v++) acc[r][v] += a * b[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < TR; r++)
#pragma GCC unroll 4
    for (int v = 0; v < TN; v++) *(nn_vec *)(C + r * ldc + v * NN_VL) = acc[r][v];
}

/* All rows of C for one group of TN vectors, in tiles of nearly equal height, at most TR. */
#define STRIP(TN, TR)                                                                                           \
  static void strip##TN(bool set, int R, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, \
                        nn_real *C, long ldc) {                                                                 \
    for (int left = (R + TR - 1) / TR; left; left--) {                                                          \
      int h = (R + left - 1) / left;                                                                            \
      switch (h) {                                                                                              \
        case 1:                                                                                                 \
          tile(1, TN, set, K, A, ra, ka, B, ldb, C, ldc);                                                       \
          break;                                                                                                \
        case 2:                                                                                                 \
          tile(2, TN, set, K, A, ra, ka, B, ldb, C, ldc);                                                       \
          break;                                                                                                \
        case 3:                                                                                                 \
          TR > 2 ? tile(3, TN, set, K, A, ra, ka, B, ldb, C, ldc) : (void)0;                                    \
          break;                                                                                                \
        case 4:                                                                                                 \
          TR > 3 ? tile(4, TN, set, K, A, ra, ka, B, ldb, C, ldc) : (void)0;                                    \
          break;                                                                                                \
        case 5:                                                                                                 \
          TR > 4 ? tile(5, TN, set, K, A, ra, ka, B, ldb, C, ldc) : (void)0;                                    \
          break;                                                                                                \
        case 6:                                                                                                 \
          TR > 5 ? tile(6, TN, set, K, A, ra, ka, B, ldb, C, ldc) : (void)0;                                    \
          break;                                                                                                \
        case 7:                                                                                                 \
          TR > 6 ? tile(7, TN, set, K, A, ra, ka, B, ldb, C, ldc) : (void)0;                                    \
          break;                                                                                                \
        default:                                                                                                \
          TR > 7 ? tile(8, TN, set, K, A, ra, ka, B, ldb, C, ldc) : (void)0;                                    \
          break;                                                                                                \
      }                                                                                                         \
      A += h * ra, C += h * ldc, R -= h;                                                                        \
    }                                                                                                           \
  }
#ifdef __AVX512F__
STRIP(4, 6)
STRIP(2, 8)
STRIP(1, 8)
#else /* 16 registers */
STRIP(4, 2)
STRIP(2, 5)
STRIP(1, 8)
#endif

static void product(bool set, int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb,
                    nn_real *C, long ldc) {
  int vectors = N / NN_VL;
  for (int v = 0; v < vectors;) {
    int tn = vectors - v >= 4 ? 4 : vectors - v >= 2 ? 2 : 1;
    void (*strip)(bool, int, int, const nn_real *, long, long, const nn_real *, long, nn_real *, long) =
        tn == 4   ? strip4
        : tn == 2 ? strip2
                  : strip1;
    int chunk = CHUNK_BYTES / (tn * NN_VECTOR_BYTES);
    for (int k = 0; k < K; k += chunk)
      strip(set && !k, R, K - k < chunk ? K - k : chunk, A + k * ka, ra, ka, B + k * ldb + v * NN_VL, ldb,
            C + v * NN_VL, ldc);
    v += tn;
  }
}

void nn_gemm(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C,
             long ldc) {
  if (R <= 0 || K <= 0) return;
  if (N % NN_VL)
    nn_gemm_blas(R, N, K, A, ra, ka, B, ldb, C, ldc);
  else
    product(false, R, N, K, A, ra, ka, B, ldb, C, ldc);
}

void nn_gemm_set(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C,
                 long ldc) {
  if (K > 0 && N % NN_VL == 0) {
    product(true, R, N, K, A, ra, ka, B, ldb, C, ldc);
    return;
  }
  for (int r = 0; r < R; r++) memset(C + r * ldc, 0, (size_t)N * sizeof *C);
  nn_gemm(R, N, K, A, ra, ka, B, ldb, C, ldc);
}

void nn_gemm_blas(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C,
                  long ldc) {
  int trans = ka != 1;
  long lda = trans ? ka : ra;
  long least = trans ? R : K;
  if (lda < least) lda = least; /* a single row or column may carry any stride */
#ifdef NN_SINGLE
  cblas_sgemm
#else
  cblas_dgemm
#endif
      (CblasRowMajor, trans ? CblasTrans : CblasNoTrans, CblasNoTrans, R, N, K, 1, A, (int)lda, B, (int)ldb, 1, C,
       (int)ldc);
}

/* A square of NN_VL x NN_VL in registers, by log2(NN_VL) rounds of interleaving rows i and i + NN_VL/2. */
#ifdef NN_SINGLE
typedef int lane_index __attribute__((vector_size(NN_VECTOR_BYTES)));
#else
typedef long lane_index __attribute__((vector_size(NN_VECTOR_BYTES)));
#endif
static inline __attribute__((always_inline)) void transpose_square(nn_vec a[NN_VL]) {
  nn_vec b[NN_VL];
  lane_index low, high;
  for (int i = 0; i < NN_VL; i++) {
    low[i] = (i & 1 ? NN_VL : 0) + i / 2;
    high[i] = low[i] + NN_VL / 2;
  }
  for (int round = NN_VL; round > 1; round /= 2) {
    for (int i = 0; i < NN_VL / 2; i++) {
      b[2 * i] = __builtin_shuffle(a[i], a[i + NN_VL / 2], low);
      b[2 * i + 1] = __builtin_shuffle(a[i], a[i + NN_VL / 2], high);
    }
    for (int i = 0; i < NN_VL; i++) a[i] = b[i];
  }
}

static void move_square(const nn_real *in, long ldi, nn_real *out, long ldo) {
  nn_vec a[NN_VL];
  for (int i = 0; i < NN_VL; i++) a[i] = *(const nn_vec *)(in + i * ldi);
  transpose_square(a);
  for (int i = 0; i < NN_VL; i++) *(nn_vec *)(out + i * ldo) = a[i];
}

void nn_transpose(int R, int N, const nn_real *in, long ldi, nn_real *out, long ldo) {
  int rows = R / NN_VL * NN_VL, cols = N / NN_VL * NN_VL;
  for (int r = 0; r < rows; r += NN_VL)
    for (int n = 0; n < cols; n += NN_VL) move_square(in + r * ldi + n, ldi, out + n * ldo + r, ldo);
  for (int r = 0; r < ldo; r++)
    for (int n = r < rows ? cols : 0; n < N; n++) out[n * ldo + r] = r < R ? in[r * ldi + n] : 0;
}

/* NN_VL rows at a time: the sums of their vectors come out of one transposition. Each row's sum runs in the same order
 * whatever its place. */
void nn_dot_rows(int R, int N, const nn_real *A, long lda, const nn_real *b, nn_real *c, long ldc) {
  int whole = N / NN_VL * NN_VL;
  for (int r = 0; r < R; r += NN_VL) {
    nn_vec a[NN_VL] = {{0}}, sum = {0};
    int rows = R - r < NN_VL ? R - r : NN_VL;
    for (int i = 0; i < rows; i++)
      for (int n = 0; n < whole; n += NN_VL)
        a[i] += *(const nn_vec *)(A + (r + i) * lda + n) * *(const nn_vec *)(b + n);
    transpose_square(a);
    for (int i = 0; i < NN_VL; i++) sum += a[i];
    for (int i = 0; i < rows; i++) {
      nn_real rest = 0;
      for (int n = whole; n < N; n++) rest += A[(r + i) * lda + n] * b[n];
      c[(r + i) * ldc] += sum[i] + rest;
    }
  }
}

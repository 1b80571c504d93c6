/* gemm.c: nn_multiply, nn_gemm, nn_gemm_set, nn_gemm_blas, nn_transpose, nn_dot_rows (see gemm.h).
 *
 * Register tiles: TR rows by TN vectors of accumulators; per k one load per vector of B and one broadcast per row of A,
 * TR*TN multiply-adds. B is walked in chunks of K so that a chunk stays in the first-level cache while all tiles of
 * rows pass over it. Measured against OpenBLAS by bench/gemm.c. */
#include "nn/gemm.h"

#include <cblas.h>
#include <string.h>

enum { CHUNK_BYTES = 16384, LEAST = 64, PLAIN = 1 };

/* A piece of the sum over terms: `left` values of k from number `skip` of the first term on. */
typedef struct piece {
  const nn_segment *term;
  int skip, left;
} piece;

/* One tile: rows r < TR of the vectors at C[v] (+)= piece of the sum over A (TR rows) and the vectors at B[v]. TR, TN
 * and (mostly) ra are constants after inlining. */
static inline __attribute__((always_inline)) void tile(int TR, int TN, const nn_product *p, const nn_real *bias,
                                                       bool set, piece s, const nn_real *A, long ra,
                                                       const nn_real *const *B, nn_real *const *C) {
  nn_vec acc[8][4];
  long ldc = p->ldc, ldb = p->ldb, ka = p->ka;
#pragma GCC unroll 8
  for (int r = 0; r < TR; r++)
#pragma GCC unroll 4
    for (int v = 0; v < TN; v++)
      if (set)
        acc[r][v] = (nn_vec){0} + (bias ? bias[r] : 0);
      else
        acc[r][v] = *(const nn_vec *)(C[v] + r * ldc);
  for (int skip = s.skip; s.left > 0; s.term++, skip = 0) {
    const nn_real *a = A + s.term->w * p->ta + skip * ka, *b[4];
    long x = s.term->x * p->tb + skip * ldb;
    int n = s.term->n - skip < s.left ? s.term->n - skip : s.left;
#pragma GCC unroll 4
    for (int v = 0; v < TN; v++) b[v] = B[v] + x;
    s.left -= n;
    for (int k = 0; k < n; k++, a += ka) {
      nn_vec row[4];
#pragma GCC unroll 4
      for (int v = 0; v < TN; v++) row[v] = *(const nn_vec *)b[v], b[v] += ldb;
#pragma GCC unroll 8
      for (int r = 0; r < TR; r++) {
        nn_real f = a[r * ra];
#pragma GCC unroll 4
        for (int v = 0; v < TN; v++) acc[r][v] += f * row[v];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < TR; r++)
#pragma GCC unroll 4
    for (int v = 0; v < TN; v++) *(nn_vec *)(C[v] + r * ldc) = acc[r][v];
}

/* All rows of C for one group of TN vectors, in tiles of nearly equal height, at most TR. */
#define HEIGHT(h, TN, TR)                                                        \
  case h:                                                                        \
    if (h <= TR && p->ra == PLAIN) tile(h, TN, p, bias, set, s, A, PLAIN, B, c); \
    if (h <= TR && p->ra != PLAIN) tile(h, TN, p, bias, set, s, A, p->ra, B, c); \
    break;
#define STRIP(TN, TR)                                                                                         \
  static void strip##TN(const nn_product *p, bool set, piece s, const nn_real *const *B, nn_real *const *C) { \
    const nn_real *A = p->A, *bias = p->bias;                                                                 \
    nn_real *c[TN];                                                                                           \
    for (int v = 0; v < TN; v++) c[v] = C[v];                                                                 \
    for (int R = p->R, left = (R + TR - 1) / TR; left; left--) {                                              \
      int h = (R + left - 1) / left;                                                                          \
      switch (h) {                                                                                            \
        HEIGHT(1, TN, TR)                                                                                     \
        HEIGHT(2, TN, TR)                                                                                     \
        HEIGHT(3, TN, TR)                                                                                     \
        HEIGHT(4, TN, TR)                                                                                     \
        HEIGHT(5, TN, TR)                                                                                     \
        HEIGHT(6, TN, TR)                                                                                     \
        HEIGHT(7, TN, TR)                                                                                     \
        HEIGHT(8, TN, TR)                                                                                     \
      }                                                                                                       \
      A += h * p->ra, R -= h, bias += bias ? h : 0;                                                           \
      for (int v = 0; v < TN; v++) c[v] += h * p->ldc;                                                        \
    }                                                                                                         \
  }
#ifdef __AVX512F__
STRIP(4, 6)
STRIP(2, 8)
STRIP(1, 8)
enum { FEW = 1 << 30 };
#else /* 16 registers */
STRIP(4, 2)
STRIP(2, 6)
STRIP(1, 8)
enum { FEW = 2 };
#endif

/* Walks the sum in chunks that keep their rows of B in the first-level cache while all tiles pass over them. Rows that
 * lie a power of two apart share few of its sets: a chunk counts whole rows, not the part of them it reads. */
static void in_chunks(const nn_product *p, int tn, const nn_real *const *B, nn_real *const *C) {
  void (*strip)(const nn_product *, bool, piece, const nn_real *const *, nn_real *const *) = tn == 4   ? strip4
                                                                                             : tn == 2 ? strip2
                                                                                                       : strip1;
  long room = CHUNK_BYTES / (tn * NN_VECTOR_BYTES), lines = CHUNK_BYTES / (p->ldb * (long)sizeof(nn_real));
  int chunk = (int)(lines >= room ? room : lines > LEAST ? lines : LEAST), i = 0, skip = 0;
  bool set = !p->add;
  do {
    piece s = {p->term + i, skip, 0};
    while (i < p->terms && s.left < chunk) {
      int n = p->term[i].n - skip, take = n < chunk - s.left ? n : chunk - s.left;
      s.left += take;
      if (take == n)
        i++, skip = 0;
      else
        skip += take;
    }
    strip(p, set, s, B, C);
    set = false;
  } while (i < p->terms);
}

static void set_rows(const nn_product *p, nn_real *c) {
  for (int r = 0; r < p->R; r++)
    for (int n = 0; n < p->N; n++) c[r * p->ldc + n] = p->bias ? p->bias[r] : 0;
}

static void by_blas(const nn_product *p) {
  for (int j = 0; j < p->panels; j++) {
    nn_real *c = p->C + j * p->Cp;
    if (!p->add) set_rows(p, c);
    for (int i = 0; i < p->terms; i++) {
      const nn_segment *t = &p->term[i];
      if (t->n)
        nn_gemm_blas(p->R, p->N, t->n, p->A + t->w * p->ta, p->ra, p->ka, p->B + t->x * p->tb + j * p->Bp, p->ldb, c,
                     p->ldc);
    }
  }
}

/* The vectors of all panels in one row, in groups of 4, 2 or 1. */
void nn_multiply(const nn_product *p) {
  if (p->R <= 0 || p->N <= 0) return;
  if (p->N % NN_VL) {
    by_blas(p);
    return;
  }
  int wide = p->N / NN_VL, vectors = wide * p->panels;
  for (int v = 0; v < vectors;) {
    int tn = vectors - v >= 4 && p->R <= FEW ? 4 : vectors - v >= 2 ? 2 : 1;
    const nn_real *B[4];
    nn_real *C[4];
    for (int i = 0; i < tn; i++, v++) {
      B[i] = p->B + v / wide * p->Bp + v % wide * NN_VL;
      C[i] = p->C + v / wide * p->Cp + v % wide * NN_VL;
    }
    in_chunks(p, tn, B, C);
  }
}

static void single(bool add, int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb,
                   nn_real *C, long ldc) {
  nn_segment all = {0, 0, K};
  nn_multiply(&(nn_product){.R = R,
                            .N = N,
                            .terms = K > 0,
                            .panels = 1,
                            .term = &all,
                            .A = A,
                            .ra = ra,
                            .ka = ka,
                            .B = B,
                            .ldb = ldb,
                            .C = C,
                            .ldc = ldc,
                            .add = add});
}

void nn_gemm(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C,
             long ldc) {
  if (K > 0) single(true, R, N, K, A, ra, ka, B, ldb, C, ldc);
}

void nn_gemm_set(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C,
                 long ldc) {
  single(false, R, N, K, A, ra, ka, B, ldb, C, ldc);
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

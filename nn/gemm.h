/* gemm.h: the products of the neural core. With the lanes (samples) innermost every product of a layer has one shape:
 *   C[r][n] += sum_k A[r][k] B[k][n]      r < R, n < N, k < K
 * A may be strided both ways (a transposed view costs nothing), rows of B and C are contiguous.
 *   forward   C = y (Cout, S),  A = W^T,          B = x (K, S)
 *   backward  C = dx (K, S),    A = W,            B = dy (Cout, S)
 *   weights   C = dW (K, Cout), A = x (K, S),     B = dy^T (S, Cout)
 * Products whose N is a multiple of the vector length run in register tiles without packing; the sums over k run in
 * ascending order for every element whatever the tile, so the bits of an element do not depend on R, N or the number
 * of panels. Others go to CBLAS (the only use of it; OpenBLAS is single-threaded inside a parallel region). Local,
 * allocates nothing. */
#ifndef NN_GEMM_H
#define NN_GEMM_H

#include <stdbool.h>

#include "nn/real.h"

/* One product of the general form: a sum over terms, and panels (positions) that share A:
 *   C_p[r][n] = start + sum_{i < terms} sum_{k < term[i].n} A[term[i].w ta + r ra + k ka] B[term[i].x tb + p Bp + k ldb
 * + n] start: C_p where `add`, else bias[r] (NULL: zero). Rows of B and C are contiguous (N numbers). The sum runs over
 * terms, then k, in ascending order for every element. */
typedef struct nn_segment {
  int w, x, n;
} nn_segment;
typedef struct nn_product {
  int R, N, terms, panels;
  const nn_segment *term;
  const nn_real *A, *B, *bias;
  long ra, ka, ta, ldb, tb, Bp;
  nn_real *C;
  long ldc, Cp;
  bool add;
} nn_product;
void nn_multiply(const nn_product *p);

void nn_gemm(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C, long ldc);

/* The same with C = instead of C +=. */
void nn_gemm_set(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C,
                 long ldc);

/* The same through CBLAS whatever the shape: the peer in bench/. ra or ka must be 1. */
void nn_gemm_blas(int R, int N, int K, const nn_real *A, long ra, long ka, const nn_real *B, long ldb, nn_real *C,
                  long ldc);

/* out[n][ldo] = in[r][n]^T for r < R, n < N; columns R..ldo-1 of out are zeroed. */
void nn_transpose(int R, int N, const nn_real *in, long ldi, nn_real *out, long ldo);

/* c[r] += sum_n A[r][n] b[n]: the weight gradient of a layer with one output. */
void nn_dot_rows(int R, int N, const nn_real *A, long lda, const nn_real *b, nn_real *c, long ldc);

#endif

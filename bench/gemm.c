/* gemm.c: products of the shapes that occur in the networks, own tiles against OpenBLAS on one core, and the rate of a
 * large sgemm, which serves as the floor in the other benchmarks. */
#include "nn/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef void product(int, int, int, const nn_real *, long, long, const nn_real *, long, nn_real *, long);

static double rate(product *f, int R, int N, int K, int transposed) {
  nn_real *A = aligned_alloc(64, ((size_t)R * K * sizeof *A + 63) / 64 * 64),
          *B = aligned_alloc(64, (size_t)K * N * sizeof *B),
          *C = aligned_alloc(64, ((size_t)R * N * sizeof *C + 63) / 64 * 64);
  for (long i = 0; i < (long)R * K; i++) A[i] = (nn_real)(i % 7) / 7;
  for (long i = 0; i < (long)K * N; i++) B[i] = (nn_real)(i % 5) / 50;
  for (long i = 0; i < (long)R * N; i++) C[i] = 0;
  double flop = 2.0 * R * N * K, best = 0;
  long reps = (long)(4e7 / flop) + 1;
  for (int round = 0; round < 6; round++) {
    double t = now();
    for (long i = 0; i < reps; i++) f(R, N, K, A, transposed ? 1 : K, transposed ? R : 1, B, N, C, N);
    t = now() - t;
    if (flop * (double)reps / t > best) best = flop * (double)reps / t;
  }
  free(A), free(B), free(C);
  return best * 1e-9;
}

int main(void) {
  static const struct {
    const char *what;
    int R, N, K, t;
  } s[] = {
      {"floor: 1024 x 1024 x 1024", 1024, 1024, 1024, 0},
      {"conv 64ch 3x3 row, S=64", 64, 64, 192, 1},
      {"conv 64ch 13x13 row, S=64", 64, 64, 832, 1},
      {"conv 64ch dx, S=64", 192, 64, 64, 0},
      {"conv 64ch dW, S=64", 192, 64, 64, 0},
      {"conv 32ch 7x7 row, S=64", 32, 64, 224, 1},
      {"site net H=32, S=64", 32, 64, 30, 1},
      {"site net H=32, S=256", 32, 256, 30, 1},
      {"site net dW H=32, S=256", 30, 32, 256, 0},
      {"one output, S=64", 1, 64, 320, 1},
      {"MADE block 16x4, S=64", 64, 64, 512, 1},
      {"MADE in block, S=64", 4, 64, 32, 1},
  };
  printf("%-28s %10s %10s %8s\n", "product (R x N x K)", "own GF/s", "BLAS GF/s", "ratio");
  for (unsigned i = 0; i < sizeof s / sizeof *s; i++) {
    double a = rate(nn_gemm, s[i].R, s[i].N, s[i].K, s[i].t), b = rate(nn_gemm_blas, s[i].R, s[i].N, s[i].K, s[i].t);
    printf("%-28s %10.1f %10.1f %8.2f\n", s[i].what, a, b, a / b);
  }
  return 0;
}

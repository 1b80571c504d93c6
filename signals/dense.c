/* dense.c: dense_product, dense_transposed. Tiles of 8 x 16 sums stay in registers while the inner dimension runs over
 * a chunk that fits the second-level cache. */
#include "signals/dense.h"

#include <stdbool.h>
#include <string.h>

enum { ROWS = 8, LANES = 8, COLS = 2 * LANES, CHUNK = 256 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(8), may_alias));

/* c (ROWS, COLS) += sum_q a[q ka + i ra] b[q n + j]. */
static void tile(int k, const double *a, long ra, long ka, const double *b, long n, double *c, long ldc) {
  lanes s[ROWS][2];
  for (int i = 0; i < ROWS; i++) s[i][0] = *(lanes *)(c + i * ldc), s[i][1] = *(lanes *)(c + i * ldc + LANES);
  for (int q = 0; q < k; q++, a += ka, b += n) {
    lanes b0 = *(const lanes *)b, b1 = *(const lanes *)(b + LANES);
    for (int i = 0; i < ROWS; i++) s[i][0] += a[i * ra] * b0, s[i][1] += a[i * ra] * b1;
  }
  for (int i = 0; i < ROWS; i++) *(lanes *)(c + i * ldc) = s[i][0], *(lanes *)(c + i * ldc + LANES) = s[i][1];
}

static void edge(int m, int n, int k, const double *a, long ra, long ka, const double *b, long ldb, double *c,
                 long ldc) {
  for (int i = 0; i < m; i++)
    for (int q = 0; q < k; q++) {
      double x = a[i * ra + q * ka];
      for (int j = 0; j < n; j++) c[i * ldc + j] += x * b[q * ldb + j];
    }
}

static void product(int m, int n, int k, const double *a, long ra, long ka, const double *b, double *c, bool half) {
  memset(c, 0, (size_t)m * (size_t)n * sizeof *c);
  for (int from = 0; from < k; from += CHUNK) {
    int depth = k - from < CHUNK ? k - from : CHUNK;
    const double *p = a + from * ka, *q = b + (long)from * n;
    for (int j = 0; j < n; j += COLS) {
      int cols = n - j < COLS ? n - j : COLS;
      for (int i = 0; i < m && !(half && i >= j + COLS); i += ROWS) {
        int rows = m - i < ROWS ? m - i : ROWS;
        double *out = c + (long)i * n + j;
        if (rows == ROWS && cols == COLS)
          tile(depth, p + i * ra, ra, ka, q + j, n, out, n);
        else
          edge(rows, cols, depth, p + i * ra, ra, ka, q + j, n, out, n);
      }
    }
  }
  for (int i = 0; i < m && half; i++)
    for (int j = 0; j < i; j++) c[(long)i * n + j] = c[(long)j * n + i];
}

void dense_product(int m, int n, int k, const double *a, const double *b, double *c) {
  product(m, n, k, a, k, 1, b, c, false);
}

void dense_transposed(int m, int n, int k, const double *a, const double *b, double *c) {
  product(m, n, k, a, 1, m, b, c, a == b && m == n);
}

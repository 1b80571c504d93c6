/* dense.h: products of dense matrices in double, for this room (CBLAS is known to nn/gemm.c alone, whose numbers are of
 * nn_real). Register tiles, sums in ascending order whatever the sizes. Local, serial, allocate nothing. */
#ifndef SIGNALS_DENSE_H
#define SIGNALS_DENSE_H

/* c (m, n) = a (m, k) b (k, n), all by rows. */
void dense_product(int m, int n, int k, const double *a, const double *b, double *c);

/* c (m, n) = a^T b with a (k, m), b (k, n). Pass the same array twice for a Gram matrix: then only half of the work is
 * done and c is exactly symmetric. */
void dense_transposed(int m, int n, int k, const double *a, const double *b, double *c);

#endif

/* sparse.h: symmetric positive definite systems with a fixed pattern: analysed once (CHOLMOD, simplicial, AMD order),
 * refactored for new values, solved for many right-hand sides together. Local, serial. */
#ifndef SIGNALS_SPARSE_H
#define SIGNALS_SPARSE_H

#include "base/err.h"

typedef struct sparse sparse;

/* n unknowns and a list of pairs (row, column) that get values, in any order, repeated as often as wanted; the matrix
 * is the sum of all of them and of their mirror images. slot[k] says where pair k is added in sparse_values. A negative
 * number in a pair means that it belongs to no unknown: its slot is there but counts for nothing. ERR_RUN: no memory.
 */
int sparse_new(sparse **s, int n, long npairs, const int (*pair)[2], int *slot, err *e);
void sparse_free(sparse *s);

/* Where unknown i stands in the arrays of sparse_solve, order (n). */
const int *sparse_order(const sparse *s);

/* The values to be filled by the caller: *count of them, the last for what counts for nothing. */
double *sparse_values(sparse *s, long *count);

/* ERR_RUN: the matrix is not positive definite. */
int sparse_factor(sparse *s, err *e);

/* x (n, m): right-hand sides in, solutions out; row sparse_order[i] belongs to unknown i. Allocates nothing. */
void sparse_solve(const sparse *s, int m, double *x);

long sparse_fill(const sparse *s); /* numbers in the factor */

#endif

/* npy.h: NumPy's .npy files of numbers, by position. Local; ERR_FILE with file and reason. */
#ifndef SIGNALS_NPY_H
#define SIGNALS_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { NPY_AXES = 8 };
typedef struct npy npy;
/* Integers, floating point numbers and booleans of either byte order; no objects, structures or texts. */
int npy_open(npy **a, const char *path, err *e);
void npy_close(npy *a); /* a may be NULL */
/* Axes and their lengths; stride[k]: steps between elements along axis k (FORTRAN order has the first axis innermost).
 */
int npy_axes(const npy *a, size_t dims[NPY_AXES], int64_t stride[NPY_AXES]);
/* n elements from, from + step, ... in the order of the file: x (n). */
int npy_read(npy *a, int64_t from, int64_t step, long n, double *x, err *e);

/* Streaming writer of C order: float (single) or double. Elements are put in order; as many as dims say. */
typedef struct npy_writer npy_writer;
int npy_create(npy_writer **w, const char *path, bool single, int axes, const size_t *dims, err *e);
int npy_put(npy_writer *w, long n, const double *x, err *e);
int npy_finish(npy_writer *w, err *e); /* frees w either way */

#endif

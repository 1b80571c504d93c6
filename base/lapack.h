/* lapack.h: LAPACK on the calling thread alone. OpenBLAS divides its work among as many threads as OpenMP would give
 * it, and the last bits of its sums depend on their number. */
#ifndef BASE_LAPACK_H
#define BASE_LAPACK_H

#include <complex.h>
#include <lapacke.h>
#include <omp.h>

/* info = call; call: of a LAPACKE function. */
#define LAPACK_ALONE(info, call)                 \
  do {                                           \
    int lapack_threads_ = omp_get_max_threads(); \
    omp_set_num_threads(1);                      \
    (info) = (call);                             \
    omp_set_num_threads(lapack_threads_);        \
  } while (0)

#endif

/* scalar_row.h: rows of a field in whole vectors (GCC vector types), for kernels that look at the neighbours along a
 * row: these come from registers, shifted, instead of being read again across lines of the cache, and the ends of the
 * ring are no exception. For rows of a multiple of SCALAR_VL sites:
 *   scalar_vec before = SCALAR_AT(v + n - SCALAR_VL), here = SCALAR_AT(v);
 *   for (int x = 0; x < n; x += SCALAR_VL) {
 *     scalar_vec next = SCALAR_AT(v + (x + SCALAR_VL < n ? x + SCALAR_VL : 0));
 *     ... scalar_left(before, here) holds v[x-1], ..., scalar_right(here, next) holds v[x+1], ...
 *     before = here, here = next;
 *   } */
#ifndef LATTICE_SCALAR_ROW_H
#define LATTICE_SCALAR_ROW_H

#ifdef __AVX512F__
enum { SCALAR_VL = 8 };
#define SCALAR_LEFT 7, 8, 9, 10, 11, 12, 13, 14
#define SCALAR_RIGHT 1, 2, 3, 4, 5, 6, 7, 8
#else
enum { SCALAR_VL = 4 };
#define SCALAR_LEFT 3, 4, 5, 6
#define SCALAR_RIGHT 1, 2, 3, 4
#endif
#ifndef __AVX__ /* inlined always: no ABI to keep */
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

typedef double scalar_vec __attribute__((vector_size(8 * SCALAR_VL), aligned(8), may_alias));
typedef long scalar_order __attribute__((vector_size(8 * SCALAR_VL)));
#define SCALAR_AT(p) (*(const scalar_vec *)(p))

static inline __attribute__((always_inline)) scalar_vec scalar_left(scalar_vec before, scalar_vec here) {
  return __builtin_shuffle(before, here, (scalar_order){SCALAR_LEFT});
}
static inline __attribute__((always_inline)) scalar_vec scalar_right(scalar_vec here, scalar_vec next) {
  return __builtin_shuffle(here, next, (scalar_order){SCALAR_RIGHT});
}

#endif

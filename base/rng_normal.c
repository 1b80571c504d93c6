/* rng_normal.c: rng_normal_pairs. Built with -ffast-math so that gcc calls libmvec. Blocks are always full: the vector
 * functions round otherwise than the scalar ones, and an index must have its bits wherever a block begins. */
#include <math.h>

#include "base/rng.h"

enum { BLOCK = 64 };

void rng_normal_pairs(rng r, uint64_t first, int n, uint32_t step, uint32_t draw, double *a, double *b) {
  const double turn = 6.283185307179586, quarter = 1.5707963267948966;
  double u[BLOCK], v[BLOCK], radius[BLOCK];
  for (int from = 0; from < n; from += BLOCK) {
    int m = n - from < BLOCK ? n - from : BLOCK;
    rng_uniform_pairs(r, first + (uint64_t)from, BLOCK, step, draw, u, v);
    for (int i = 0; i < BLOCK; i++) radius[i] = sqrt(-2 * log(1 - u[i])), v[i] *= turn;
    for (int i = 0; i < BLOCK; i++) u[i] = radius[i] * cos(v[i]);
    for (int i = 0; i < m; i++) a[from + i] = u[i];
    if (!b) continue;
    for (int i = 0; i < BLOCK; i++) v[i] = radius[i] * cos(v[i] - quarter);
    for (int i = 0; i < m; i++) b[from + i] = v[i];
  }
}

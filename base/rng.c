/* rng.c: rng_stream, rng_words_lanes, rng_uniform_pairs, rng_normal, rng_fast_seed (rng_normal_pairs: rng_normal.c). */
#include "base/rng.h"

#include <math.h>

rng rng_stream(uint32_t seed, const char *name) {
  uint32_t h = 2166136261u; /* FNV-1a, then a finaliser so that near names give far keys */
  for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return (rng){.key = {{seed, h ^ (h >> 16)}}};
}

enum { LANES = RNG_LANES };

/* Ten Philox rounds on LANES counters. */
static void philox_lanes(rng r, uint32_t c[4][LANES]) {
  uint32_t k0 = r.key.v[0], k1 = r.key.v[1];
  for (int round = 0; round < 10; round++, k0 += PHILOX_W32_0, k1 += PHILOX_W32_1)
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
      uint64_t p = (uint64_t)c[0][i] * PHILOX_M4x32_0, q = (uint64_t)c[2][i] * PHILOX_M4x32_1;
      c[0][i] = (uint32_t)(q >> 32) ^ c[1][i] ^ k0;
      c[2][i] = (uint32_t)(p >> 32) ^ c[3][i] ^ k1;
      c[1][i] = (uint32_t)q;
      c[3][i] = (uint32_t)p;
    }
}

static void set_counters(uint64_t first, uint32_t step, uint32_t draw, uint32_t c[4][LANES]) {
  for (int i = 0; i < LANES; i++) {
    uint64_t index = first + (uint64_t)i;
    c[0][i] = (uint32_t)index, c[1][i] = (uint32_t)(index >> 32), c[2][i] = step, c[3][i] = draw;
  }
}

void rng_words_lanes(rng r, uint64_t first, uint32_t step, uint32_t draw, uint32_t w[4][RNG_LANES]) {
  set_counters(first, step, draw, w);
  philox_lanes(r, w);
}

void rng_uniform_pairs(rng r, uint64_t first, int n, uint32_t step, uint32_t draw, double *a, double *b) {
  uint32_t c[4][LANES];
  for (int from = 0; from < n; from += LANES) {
    int m = n - from < LANES ? n - from : LANES;
    rng_words_lanes(r, first + (uint64_t)from, step, draw, c);
    for (int i = 0; i < m; i++) {
      a[from + i] = rng_double(c[0][i], c[1][i]);
      b[from + i] = rng_double(c[2][i], c[3][i]);
    }
  }
}

double rng_normal(rng r, uint64_t index, uint32_t step, uint32_t draw) {
  philox4x32_ctr_t w = rng_words(r, index, step, draw);
  double u = rng_double(w.v[0], w.v[1]), v = rng_double(w.v[2], w.v[3]);
  return sqrt(-2 * log1p(-u)) * cos(6.283185307179586 * v);
}

rng_fast rng_fast_seed(rng r, uint64_t index, uint32_t step, uint32_t draw) {
  philox4x32_ctr_t a = rng_words(r, index, step, 2 * draw), b = rng_words(r, index, step, 2 * draw + 1);
  return (rng_fast){{(uint64_t)a.v[0] << 32 | a.v[1], (uint64_t)a.v[2] << 32 | a.v[3], (uint64_t)b.v[0] << 32 | b.v[1],
                     ((uint64_t)b.v[2] << 32 | b.v[3]) | 1}};
}

/* rng.c: rng_stream, rng_words_lanes, rng_uniform_pairs, rng_normal, rng_fast_seed (rng_normal_pairs: rng_normal.c). */
#include "base/rng.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <math.h>

rng rng_stream(uint32_t seed, const char *name) {
  uint32_t h = 2166136261u; /* FNV-1a, then a finaliser so that near names give far keys */
  for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return (rng){.key = {{seed, h ^ (h >> 16)}}};
}

/* Counters SIDE vectors side by side. A word stands in the lower half of a number; what is above counts for nothing. */
enum { LANES = RNG_LANES, WIDE = 4, SIDE = 4, BLOCK = WIDE * SIDE };
typedef uint64_t wide __attribute__((vector_size(8 * WIDE)));

/* The vectors are handed over in memory, so that no ABI is concerned; they stay in registers. */
static inline void product(const wide *a, uint32_t m, wide *p) {
#ifdef __AVX2__ /* GCC does not see that it need not multiply the upper halves */
  *p = (wide)_mm256_mul_epu32((__m256i)*a, _mm256_set1_epi64x(m));
#else
  *p = (*a & UINT32_MAX) * m;
#endif
}

/* Ten Philox rounds on the counters of indices first .. first + BLOCK - 1. */
static inline void philox_block(rng r, uint64_t first, uint32_t step, uint32_t draw, wide c[SIDE][4]) {
  const wide none = {0}, ascending = {0, 1, 2, 3};
  for (int j = 0; j < SIDE; j++) {
    c[j][0] = ascending + (first + (uint64_t)(j * WIDE));
    c[j][1] = c[j][0] >> 32, c[j][2] = none + step, c[j][3] = none + draw;
  }
  uint32_t k0 = r.key.v[0], k1 = r.key.v[1];
  for (int round = 0; round < 10; round++, k0 += PHILOX_W32_0, k1 += PHILOX_W32_1)
    for (int j = 0; j < SIDE; j++) {
      wide p, q;
      product(&c[j][0], PHILOX_M4x32_0, &p), product(&c[j][2], PHILOX_M4x32_1, &q);
      c[j][0] = (q >> 32) ^ c[j][1] ^ k0, c[j][1] = q;
      c[j][2] = (p >> 32) ^ c[j][3] ^ k1, c[j][3] = p;
    }
}

void rng_words_lanes(rng r, uint64_t first, uint32_t step, uint32_t draw, uint32_t w[4][RNG_LANES]) {
  for (int from = 0; from < LANES; from += BLOCK) {
    wide c[SIDE][4];
    philox_block(r, first + (uint64_t)from, step, draw, c);
    for (int k = 0; k < 4; k++)
      for (int i = 0; i < BLOCK; i++) w[k][from + i] = (uint32_t)c[i / WIDE][k][i % WIDE];
  }
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

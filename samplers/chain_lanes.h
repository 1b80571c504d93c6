/* chain_lanes.h: vectors of 512 bits (GCC vector types: the same bits on every instruction set) and eight xoshiro256++
 * generators side by side in them (Blackman and Vigna, ACM Trans. Math. Softw. 47 (2021) 36). */
#ifndef SAMPLERS_CHAIN_LANES_H
#define SAMPLERS_CHAIN_LANES_H

#ifdef __AVX512F__
#include <immintrin.h>
#endif
#include <stdint.h>

#include "base/rng.h"

#ifndef __AVX512F__ /* such vectors are passed among static functions only: no ABI to keep */
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

typedef uint64_t lanes_word __attribute__((vector_size(64), may_alias));

typedef struct lanes {
  lanes_word s[4];
} lanes;

/* Eight generators seeded by Philox at (index, step), draws 0..7 of rng_fast_seed. */
static inline lanes lanes_seed(rng r, uint64_t index, uint32_t step) {
  lanes g;
  for (int j = 0; j < 8; j++) {
    rng_fast one = rng_fast_seed(r, index, step, (uint32_t)j);
    for (int k = 0; k < 4; k++) g.s[k][j] = one.s[k];
  }
  return g;
}

/* 512 random bits. */
static inline lanes_word lanes_next(lanes *g) {
  lanes_word *s = g->s, x = s[0] + s[3], r = ((x << 23) | (x >> 41)) + s[0], t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = (s[3] << 45) | (s[3] >> 19);
  return r;
}

static inline int lanes_none(const lanes_word *a) {
#ifdef __AVX512F__
  return _mm512_test_epi64_mask((__m512i)*a, (__m512i)*a) == 0;
#else
  const uint64_t *w = (const uint64_t *)a;
  return !(w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]);
#endif
}

static inline lanes_word lanes_all(uint64_t x) {
  return (lanes_word){x, x, x, x, x, x, x, x};
}

#endif

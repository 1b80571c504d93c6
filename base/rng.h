/* rng.h: counter-based random numbers (Philox4x32-10, Salmon et al. 2011, from Random123). A number is a pure function of
 * (seed, stream name, index, step, draw); no state, hence nothing depends on ranks, threads, restarts or order.
 *   key     = (seed, hash of the stream's name)
 *   counter = (index low, index high, step, draw)     index: global sample, chain or site; draw: which block of four words */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <Random123/philox.h>
#include <stdint.h>

typedef struct rng {
  philox4x32_key_t key;
} rng;

/* The stream `name` of a run; equal arguments give equal streams. */
rng rng_stream(uint32_t seed, const char *name);

/* Four independent 32-bit words. */
static inline philox4x32_ctr_t rng_words(rng r, uint64_t index, uint32_t step, uint32_t draw) {
  philox4x32_ctr_t c = {{(uint32_t)index, (uint32_t)(index >> 32), step, draw}};
  return philox4x32(c, r.key);
}

/* 53 bits from two words, in [0,1). */
static inline double rng_double(uint32_t hi, uint32_t lo) {
  return (double)(((uint64_t)hi << 21) ^ (lo >> 11)) * 0x1p-53;
}

/* One uniform in [0,1). */
static inline double rng_uniform(rng r, uint64_t index, uint32_t step, uint32_t draw) {
  philox4x32_ctr_t w = rng_words(r, index, step, draw);
  return rng_double(w.v[0], w.v[1]);
}

/* Two uniforms for each of the indices first..first+n-1: a[i], b[i] from words (0,1) and (2,3) of rng_words(r, first + i,
 * step, draw), many at a time in vector registers. */
void rng_uniform_pairs(rng r, uint64_t first, int n, uint32_t step, uint32_t draw, double *a, double *b);

/* Word k of rng_words(r, first + i, step, draw) in w[k][i], for RNG_LANES indices at once in vector registers. */
enum { RNG_LANES = 32 };
void rng_words_lanes(rng r, uint64_t first, uint32_t step, uint32_t draw, uint32_t w[4][RNG_LANES]);

/* One standard normal (Box-Muller; fixed consumption of one block). */
double rng_normal(rng r, uint64_t index, uint32_t step, uint32_t draw);

/* Two independent standard normals for each of the indices first..first+n-1 (Box-Muller on rng_uniform_pairs): a[i] and
 * b[i]; b may be NULL. The bits of an index do not depend on first and n. */
void rng_normal_pairs(rng r, uint64_t first, int n, uint32_t step, uint32_t draw, double *a, double *b);

/* Fast lanes for codes that want 64 random bits per site and sweep: xoshiro256+ states seeded by Philox at (index, step). */
typedef struct rng_fast {
  uint64_t s[4];
} rng_fast;
rng_fast rng_fast_seed(rng r, uint64_t index, uint32_t step, uint32_t draw);
static inline uint64_t rng_fast_next(rng_fast *g) { /* xoshiro256++ (Blackman & Vigna) */
  uint64_t *s = g->s, x = s[0] + s[3], r = ((x << 23) | (x >> 41)) + s[0], t = s[1] << 17;
  s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t, s[3] = (s[3] << 45) | (s[3] >> 19);
  return r;
}
static inline double rng_fast_double(rng_fast *g) { return (double)(rng_fast_next(g) >> 11) * 0x1p-53; }

#endif

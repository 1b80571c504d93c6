/* hash.c: hash64. h <- mix((h xor word) * odd), word by word: each step is a bijection of h for a given word and of the
 * word for a given h, so that a change in one word cannot be lost (FNV-1a with wider words; constants of SplitMix64,
 * Steele, Lea, Flood, OOPSLA 2014). */
#include "base/hash.h"

#include <string.h>

static uint64_t step(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 29;
}

uint64_t hash64(const void *p, size_t n) {
  const char *s = p;
  uint64_t h = step(0xbf58476d1ce4e5b9u, n), word = 0;
  size_t k = 0;
  for (; k + 8 <= n; k += 8) {
    memcpy(&word, s + k, 8);
    h = step(h, word);
  }
  word = 0;
  if (n > k) memcpy(&word, s + k, n - k);
  return step(h, word);
}

/* dataset.c: nn_shuffle: a Feistel network over the smallest even number of bits that holds count, its round function
 * from Philox; numbers beyond count walk on along their cycle (Black & Rogaway 2002). */
#include "nn/dataset.h"

enum { ROUNDS = 6 };

static uint64_t encipher(rng r, uint32_t pass, int half, uint64_t x) {
  uint64_t mask = ((uint64_t)1 << half) - 1, a = x >> half, b = x & mask;
  for (unsigned k = 0; k < ROUNDS; k++) {
    uint64_t next = a ^ (rng_words(r, b, pass, k).v[0] & mask);
    a = b, b = next;
  }
  return a << half | b;
}

long nn_shuffle(rng r, uint32_t pass, long count, long i) {
  int half = 1;
  while (((uint64_t)1 << (2 * half)) < (uint64_t)count) half++;
  uint64_t x = (uint64_t)i;
  do x = encipher(r, pass, half, x);
  while (x >= (uint64_t)count);
  return (long)x;
}

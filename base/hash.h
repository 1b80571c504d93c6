/* hash.h: 64-bit fingerprints of memory, against accidents (damaged files, ranks that diverge), not against malice.
 * Local. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Every change within one aligned word of eight bytes changes the hash for certain, any other with probability
 * 1 - 2^-64. The same on all machines of one byte order. */
uint64_t hash64(const void *p, size_t n);

#endif

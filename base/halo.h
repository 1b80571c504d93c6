/* halo.h: what ranks in a ring hand to their neighbours again and again, such as the outer planes of a slab. Each
 * exchange is, on every rank and in this order,
 *
 *   halo_put(h, HALO_BELOW, ..); halo_put(h, HALO_ABOVE, ..);     ours, copied
 *   work that does not need theirs; halo_near(h, part, parts) now and then
 *   halo_get(h, HALO_BELOW, ..); halo_get(h, HALO_ABOVE, ..);     theirs, when it is there
 *
 * On one node a message is a copy in shared memory, written past the caches, that the reader's core fetches while it
 * works (halo_near asks for cache lines ahead of their use); between nodes it is a message of MPI. */
#ifndef BASE_HALO_H
#define BASE_HALO_H

#include "base/comm.h"

enum { HALO_BELOW, HALO_ABOVE, HALO_SIDES }; /* the rank before, the next one */
typedef struct halo halo;

/* Collective: messages of at most `most` bytes, at least two ranks; c must outlive it. memory: through shared memory
 * where neighbours are on one node. With comm_pretend *h is NULL. ERR_RUN. */
int halo_new(halo **h, const comm *c, size_t most, bool memory, err *e);
void halo_free(halo *h); /* collective */
void halo_put(halo *h, int side, const void *data, size_t n);
/* Part 0..parts-1 of the work in between is done. */
void halo_near(halo *h, int part, int parts);
void halo_get(halo *h, int side, void *data, size_t n);

#endif

/* halo.c: see halo.h. Every rank owns a block of shared memory with two boxes for each side, used in turn, and the
 * number of the last message in them. A box is written again two exchanges later; by then its reader has put what it
 * made of it, and the writer has got that. So nobody has to say that a box has been read. */
#include "base/halo.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { LINE = 64, TURNS = 2, APART = 4 /* lines between numbers */, PATIENCE = 20000 /* looks */ };

struct halo {
  const comm *c;
  size_t most;                         /* bytes of a box, whole lines */
  int rank[HALO_SIDES];                /* neighbours */
  MPI_Win window;                      /* or MPI_WIN_NULL */
  char *mine[HALO_SIDES];              /* boxes of a side, TURNS of them */
  const char *theirs[HALO_SIDES];      /* boxes of the neighbour of a side that are for us, or NULL: another node */
  _Atomic uint64_t *put;               /* our numbers, APART lines from each other */
  _Atomic uint64_t *there[HALO_SIDES]; /* the neighbour's number */
  uint64_t sent[HALO_SIDES], got[HALO_SIDES];
  size_t size, asked[HALO_SIDES]; /* of the messages on their way; bytes asked for */
  long patience;                  /* looks before the core is given away */
  MPI_Request request[HALO_SIDES][TURNS];
};

/* A block begins somewhere in memory, the same way in every process's view of it; its lines begin here. */
static char *first_line(char *block) {
  return block + (LINE - (uintptr_t)block % LINE) % LINE;
}

static size_t numbers(void) {
  return HALO_SIDES * APART * LINE;
}

static char *box(char *block, size_t most, int side) {
  return block + numbers() + (size_t)side * TURNS * most;
}

static _Atomic uint64_t *number(char *block, int side) {
  return (_Atomic uint64_t *)(block + (size_t)side * APART * LINE);
}

/* Neighbours of this node are read in place; what is for us lies on their other side. */
static void find_neighbours(halo *h, MPI_Comm node) {
  MPI_Group all, here;
  int local[HALO_SIDES];
  MPI_Comm_group(h->c->mpi, &all), MPI_Comm_group(node, &here);
  MPI_Group_translate_ranks(all, HALO_SIDES, h->rank, here, local);
  MPI_Group_free(&all), MPI_Group_free(&here);
  for (int s = 0; s < HALO_SIDES; s++) {
    MPI_Aint bytes;
    int unit;
    char *block;
    if (local[s] == MPI_UNDEFINED) continue;
    MPI_Win_shared_query(h->window, local[s], &bytes, &unit, &block);
    block = first_line(block);
    h->theirs[s] = box(block, h->most, !s), h->there[s] = number(block, !s);
  }
}

int halo_new(halo **out, const comm *c, size_t most, bool memory, err *e) {
  *out = NULL;
  if (c->mpi == MPI_COMM_NULL) return 0;
  halo *h = *out = calloc(1, sizeof *h);
  char *block = NULL;
  MPI_Comm node;
  if (!h) err_set(e, ERR_RUN, "exchange of planes: out of memory");
  if (comm_vote(c, e)) {
    free(h), *out = NULL;
    return e->code;
  }
  *h = (halo){.c = c, .most = (most + LINE - 1) / LINE * LINE, .window = MPI_WIN_NULL};
  h->rank[HALO_BELOW] = (c->rank + c->ranks - 1) % c->ranks, h->rank[HALO_ABOVE] = (c->rank + 1) % c->ranks;
  for (int s = 0; s < HALO_SIDES; s++)
    for (int t = 0; t < TURNS; t++) h->request[s][t] = MPI_REQUEST_NULL;
  MPI_Comm_split_type(c->mpi, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &node);
  MPI_Win_allocate_shared((MPI_Aint)(LINE + numbers() + HALO_SIDES * TURNS * h->most), 1, MPI_INFO_NULL, node, &block,
                          &h->window);
  block = first_line(block);
  memset(block, 0, numbers() + HALO_SIDES * TURNS * h->most);
  h->put = number(block, 0);
  for (int s = 0; s < HALO_SIDES; s++) h->mine[s] = box(block, h->most, s);
  h->patience = comm_oversubscribed(c) ? 0 : PATIENCE;
  MPI_Barrier(node);
  if (memory) find_neighbours(h, node);
  MPI_Comm_free(&node);
  return 0;
}

void halo_free(halo *h) {
  if (!h) return;
  MPI_Waitall(HALO_SIDES * TURNS, h->request[0], MPI_STATUSES_IGNORE);
  MPI_Win_free(&h->window);
  free(h);
}

/* Into a box, past the caches: on lines that the reader's core still holds, common writes wait 22 ns each. */
static void write_through(char *restrict to, const char *restrict data, size_t n) {
  size_t k = 0;
#ifdef __SSE2__
  for (; k + sizeof(__m128i) <= n; k += sizeof(__m128i))
    _mm_stream_si128((__m128i *)(to + k), _mm_loadu_si128((const __m128i *)(data + k)));
  _mm_sfence();
#endif
  memcpy(to + k, data + k, n - k);
}

void halo_put(halo *h, int side, const void *data, size_t n) {
  uint64_t k = ++h->sent[side];
  MPI_Request *q = &h->request[side][k % TURNS];
  char *to = h->mine[side] + k % TURNS * h->most;
  MPI_Wait(q, MPI_STATUS_IGNORE);
  write_through(to, data, n);
  h->size = n, h->asked[side] = 0;
  if (h->theirs[side])
    atomic_store_explicit(h->put + (size_t)side * APART * LINE / sizeof *h->put, k, memory_order_release);
  else
    MPI_Isend(to, (int)n, MPI_BYTE, h->rank[side], side, h->c->mpi, q);
}

static void relax(void) {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

static bool is_there(const halo *h, int side) {
  return atomic_load_explicit(h->there[side], memory_order_acquire) > h->got[side];
}

/* At most twice the part that is due, so that what came late is made up for. */
void halo_near(halo *h, int part, int parts) {
  for (int s = 0; s < HALO_SIDES; s++) {
    if (!h->theirs[s]) continue;
    size_t due = h->size * (size_t)(part + 1) / (size_t)parts, step = 2 * h->size / (size_t)parts + LINE;
    if (h->asked[s] >= due || !is_there(h, s)) continue;
    const char *from = h->theirs[s] + (h->got[s] + 1) % TURNS * h->most;
    size_t end = h->asked[s] + step < due ? h->asked[s] + step : due;
    for (; h->asked[s] < end; h->asked[s] += LINE) __builtin_prefetch(from + h->asked[s], 0, 2);
  }
}

void halo_get(halo *h, int side, void *data, size_t n) {
  if (!h->theirs[side]) {
    MPI_Recv(data, (int)n, MPI_BYTE, h->rank[side], !side, h->c->mpi, MPI_STATUS_IGNORE);
    return;
  }
  for (long k = 0; !is_there(h, side); k++) {
    if (k < h->patience)
      relax();
    else
      sched_yield();
  }
  memcpy(data, h->theirs[side] + ++h->got[side] % TURNS * h->most, n);
}

/* comm.h: the processes and threads of one run, and sums that give the same bits on any number of them.
 *
 * Work is a fixed number of *shards* 0..n-1. They are dealt to ranks in contiguous ranges and then to threads; whoever
 * holds a shard is its worker. A sum over shards runs along ONE fixed binary tree over shard numbers:
 * node (level, i) = node (level-1, 2i) + node (level-1, 2i+1), a missing right child passes the left one up. */
#ifndef BASE_COMM_H
#define BASE_COMM_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct comm {
  MPI_Comm mpi;             /* owned duplicate */
  int rank, ranks, threads; /* threads: of this rank */
  int cores, local_ranks;   /* of this node: cores that its ranks may use together, ranks of this communicator on it */
} comm;

/* Collective. threads = 0: OMP_NUM_THREADS if set, else cores / local ranks (at least 1). Parallel regions started by
 * the calling thread get that many threads (omp_set_num_threads). */
int comm_open(comm *c, MPI_Comm parent, int threads, err *e);
/* Local: rank 0 of so many, to find out what they would do; nothing can be sent, nothing is to be closed. */
comm comm_pretend(int ranks);
/* Local: choose the number of threads anew by the same rule. */
void comm_threads(comm *c, int threads);
/* Local: more threads on this node than cores. */
bool comm_oversubscribed(const comm *c);
void comm_close(comm *c);

/* Collective: every rank learns whether any rank failed; the lowest failing rank's code and text replace e everywhere.
 */
int comm_vote(const comm *c, err *e);
/* Collective: n bytes from rank 0. */
void comm_bcast(const comm *c, void *p, size_t n);

typedef struct comm_range {
  int first, end;
} comm_range;
/* Local: shards of a rank (of the run), and of a thread within that rank's range. */
comm_range comm_rank_range(const comm *c, int rank, int shards);
comm_range comm_thread_range(comm_range of, int thread, int threads);
int comm_owner(const comm *c, int shard, int shards);

/* Collective: gather rows in global shard order on rank 0: each rank passes the rows of its own shards (row bytes
 * each); all[] (shards * row bytes) is filled on rank 0 only (may be NULL elsewhere). */
void comm_gather_rows(const comm *c, int shards, size_t row, const void *mine, void *all);

/* Collective: out[k] bytes for each rank k, one after the other, from `from`; in[k] bytes from each arrive in `to`. */
void comm_all_to_all(const comm *c, const void *from, const size_t *out, void *to, const size_t *in);
/* Collective: rows[shards][n], each rank having filled those of its own shards, become complete on every rank. */
void comm_share_rows(const comm *c, int shards, size_t n, double *rows);
/* Local: the sum of rows[shards][n] along the tree of reduce, into rows[0]; the other rows are used up. */
void comm_add_rows(int shards, size_t n, double *rows);

/* ---- fixed-tree sums (base/reduce.c) ---- */
typedef struct reduce reduce; /* buffers for sums of n numbers over `shards` shards; allocate once */

/* Collective. single: numbers are float, else double. Allocates every buffer it will ever need. */
int reduce_new(reduce **r, const comm *c, int shards, size_t n, bool single, err *e);
void reduce_free(reduce *r);
size_t reduce_bytes(const comm *c, int shards, size_t n, bool single); /* memory of one rank */
/* Begin a sum (one thread, before the parallel region). */
void reduce_begin(reduce *r);
/* Thread `thread`: a zeroed leaf buffer (n numbers, aligned to 64 bytes) for its next shard; fill it by adding, then
 * hand it back. Thread t hands in exactly the shards comm_thread_range(comm_rank_range(c, rank, shards), t,
 * c->threads), in ascending order. Local, no locks. Robust against a runtime that grants fewer threads than asked for:
 *   #pragma omp parallel for schedule(static, 1)
 *   for (int t = 0; t < c->threads; t++) for (shards of t) { leaf, fill, push } */
void *reduce_leaf(reduce *r, int thread);
void reduce_push(reduce *r, int thread, int shard);
/* Collective, after the parallel region: adds threads, then ranks along the tree, broadcasts the root into sum[n]. */
void reduce_end(reduce *r, void *sum);

#endif

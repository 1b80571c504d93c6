/* comm.c: the communicator of a run, deals of shards to ranks and threads, votes, broadcast and gather of rows.
 *
 * Shards 0..n-1 go to workers 0..w-1 in contiguous ranges: worker k begins at ceil(n k / w), hence shard s belongs to
 * floor(s w / n) and shard 0 always to worker 0. */
#include "base/comm.h"

#include <limits.h>
#include <omp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 30 }; /* bytes of one message: MPI counts are int */

/* Cores that the ranks of this node may use together: with `mpirun --bind-to core` a rank sees only its own. */
static void find_node(comm *c) {
  unsigned char mine[CPU_SETSIZE / 8] = {0}, all[CPU_SETSIZE / 8];
  cpu_set_t set;
  CPU_ZERO(&set);
  if (!sched_getaffinity(0, sizeof set, &set))
    for (int i = 0; i < CPU_SETSIZE; i++)
      if (CPU_ISSET(i, &set)) mine[i / 8] |= (unsigned char)(1 << i % 8);
  MPI_Comm node;
  MPI_Comm_split_type(c->mpi, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &node);
  MPI_Comm_size(node, &c->local_ranks);
  MPI_Allreduce(mine, all, sizeof all, MPI_UNSIGNED_CHAR, MPI_BOR, node);
  MPI_Comm_free(&node);
  c->cores = 0;
  for (size_t i = 0; i < sizeof all; i++) c->cores += __builtin_popcount(all[i]);
  if (c->cores < 1) c->cores = 1;
}

static int default_threads(const comm *c) {
  const char *env = getenv("OMP_NUM_THREADS");
  long n = env ? strtol(env, NULL, 10) : 0;
  if (n < 1 || n > 4096) n = c->cores / c->local_ranks;
  return n < 1 ? 1 : (int)n;
}

void comm_threads(comm *c, int threads) {
  c->threads = threads > 0 ? threads : default_threads(c);
  omp_set_num_threads(c->threads);
}

bool comm_oversubscribed(const comm *c) {
  return c->threads * c->local_ranks > c->cores;
}

comm comm_pretend(int ranks) {
  return (comm){.mpi = MPI_COMM_NULL, .ranks = ranks, .threads = 1, .cores = 1, .local_ranks = 1};
}

int comm_open(comm *c, MPI_Comm parent, int threads, err *e) {
  memset(c, 0, sizeof *c);
  c->mpi = MPI_COMM_NULL;
  if (MPI_Comm_dup(parent, &c->mpi)) return err_set(e, ERR_RUN, "MPI: the communicator cannot be duplicated");
  MPI_Comm_rank(c->mpi, &c->rank);
  MPI_Comm_size(c->mpi, &c->ranks);
  find_node(c);
  comm_threads(c, threads);
  return 0;
}

void comm_close(comm *c) {
  if (c->mpi != MPI_COMM_NULL) MPI_Comm_free(&c->mpi);
}

int comm_vote(const comm *c, err *e) {
  int mine = e->code ? c->rank : INT_MAX, first;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, c->mpi);
  if (first == INT_MAX) return 0;
  MPI_Bcast(e, sizeof *e, MPI_BYTE, first, c->mpi);
  return e->code;
}

void comm_bcast(const comm *c, void *p, size_t n) {
  for (size_t at = 0; at < n; at += CHUNK)
    MPI_Bcast((char *)p + at, n - at < CHUNK ? (int)(n - at) : CHUNK, MPI_BYTE, 0, c->mpi);
}

static int deal(int k, int workers, int n) {
  return (int)(((long long)n * k + workers - 1) / workers);
}

comm_range comm_rank_range(const comm *c, int rank, int shards) {
  return (comm_range){deal(rank, c->ranks, shards), deal(rank + 1, c->ranks, shards)};
}

comm_range comm_thread_range(comm_range of, int thread, int threads) {
  int n = of.end - of.first;
  return (comm_range){of.first + deal(thread, threads, n), of.first + deal(thread + 1, threads, n)};
}

int comm_owner(const comm *c, int shard, int shards) {
  return (int)((long long)shard * c->ranks / shards);
}

void comm_gather_rows(const comm *c, int shards, size_t row, const void *mine, void *all) {
  for (int k = 0; k < c->ranks; k++) {
    comm_range g = comm_rank_range(c, k, shards);
    size_t first = (size_t)g.first * row, n = (size_t)(g.end - g.first) * row;
    if (k == 0 && c->rank == 0 && n) memmove((char *)all + first, mine, n);
    for (size_t at = 0; k && at < n; at += CHUNK) {
      int m = n - at < CHUNK ? (int)(n - at) : CHUNK;
      if (c->rank == k) MPI_Send((const char *)mine + at, m, MPI_BYTE, 0, 1, c->mpi);
      if (c->rank == 0) MPI_Recv((char *)all + first + at, m, MPI_BYTE, k, 1, c->mpi, MPI_STATUS_IGNORE);
    }
  }
}

/* In each round a rank sends to the one `k` ahead and receives from the one `k` behind. */
void comm_all_to_all(const comm *c, const void *from, const size_t *out, void *to, const size_t *in) {
  for (int k = 0; k < c->ranks; k++) {
    int ahead = (c->rank + k) % c->ranks, behind = (c->rank + c->ranks - k) % c->ranks;
    const char *send = from;
    char *receive = to;
    for (int r = 0; r < ahead; r++) send += out[r];
    for (int r = 0; r < behind; r++) receive += in[r];
    for (size_t at = 0; at < out[ahead] || at < in[behind]; at += CHUNK) {
      size_t n = at < out[ahead] ? out[ahead] - at : 0, m = at < in[behind] ? in[behind] - at : 0;
      MPI_Sendrecv(send + at, (int)(n < CHUNK ? n : CHUNK), MPI_BYTE, ahead, 5, receive + at,
                   (int)(m < CHUNK ? m : CHUNK), MPI_BYTE, behind, 5, c->mpi, MPI_STATUS_IGNORE);
    }
  }
}

void comm_share_rows(const comm *c, int shards, size_t n, double *rows) {
  int count[c->ranks], first[c->ranks];
  for (int k = 0; k < c->ranks; k++) {
    comm_range g = comm_rank_range(c, k, shards);
    first[k] = (int)((size_t)g.first * n), count[k] = (int)((size_t)(g.end - g.first) * n);
  }
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DOUBLE, rows, count, first, MPI_DOUBLE, c->mpi);
}

void comm_add_rows(int shards, size_t n, double *rows) {
  for (size_t step = 1; step < (size_t)shards; step *= 2)
    for (size_t i = 0; i + step < (size_t)shards; i += 2 * step)
      for (size_t k = 0; k < n; k++) rows[i * n + k] += rows[(i + step) * n + k];
}

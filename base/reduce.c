/* reduce.c: sums over shards along one fixed binary tree, so that any number of ranks and threads gives the same bits.
 *
 *   node (level, i) = node (level-1, 2i) + node (level-1, 2i+1); a missing right child passes the left one up.
 *
 * A thread adds the shards of its contiguous range like a binary counter: it keeps a stack of the maximal subtrees that
 * lie within the range. After the parallel region the stacks of the threads are run together into one stack of the
 * rank, then ranks join level by level: the owner of a right child sends it to the owner of the left one (the owner of
 * a node is the owner of its first leaf), and the root is broadcast. There is no floating-point MPI_SUM. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/comm.h"

enum { ALIGN = 64, BLOCK = 16384, TAG = 77 }; /* BLOCK: bytes of one buffer that a thread adds at a time */

typedef struct node {
  int level, index;
  char *p; /* n numbers */
} node;

typedef struct stack { /* disjoint nodes in ascending order; buffer k belongs to depth k */
  node *node;
  int depth;
  char **buffer;
} stack;

struct reduce {
  const comm *c;
  int shards, levels; /* the root is node (levels, 0) */
  size_t n, size;     /* numbers, bytes of one buffer */
  bool single;
  stack *thread; /* [c->threads] */
  stack rank;    /* borrows the threads' buffers */
  node *plan;    /* pairs (left, right) of additions that join the threads */
  int pairs;
  char *in;     /* receive buffer */
  char *memory; /* all buffers */
};

static void add(char *left, const char *right, size_t bytes, bool single) {
  if (single) {
    float *restrict a = __builtin_assume_aligned(left, ALIGN);
    const float *restrict b = __builtin_assume_aligned(right, ALIGN);
    for (size_t i = 0; i < bytes / sizeof *a; i++) a[i] += b[i];
  } else {
    double *restrict a = __builtin_assume_aligned(left, ALIGN);
    const double *restrict b = __builtin_assume_aligned(right, ALIGN);
    for (size_t i = 0; i < bytes / sizeof *a; i++) a[i] += b[i];
  }
}

/* Is the right sibling of an even node beyond the last shard? */
static bool alone(const node *t, int shards) {
  return !(t->index & 1) && ((int64_t)(t->index + 1) << t->level) >= shards;
}

/* One step towards the root at the top of the stack: 1 = the top two are siblings and must be added (the caller adds,
 * then pops), 2 = the top was passed up, 0 = nothing left to do. */
static int climb(stack *s, int shards, int levels) {
  node *t = &s->node[s->depth - 1];
  if (t->level == levels) return 0;
  if (alone(t, shards)) {
    t->level++, t->index /= 2;
    return 2;
  }
  if (!(t->index & 1) || s->depth < 2) return 0;
  return t[-1].level == t->level && t[-1].index == t->index - 1;
}

static void pop_sibling(stack *s) {
  node *t = &s->node[--s->depth - 1];
  t->level++, t->index /= 2;
}

static int tree_levels(int shards) {
  int l = 0;
  while (((int64_t)1 << l) < shards) l++;
  return l;
}

/* Largest depth that the stack of a range reaches. */
static int range_depth(comm_range g, int shards) {
  node nodes[2 * 32 + 2];
  stack s = {nodes, 0, NULL};
  int most = 0, levels = tree_levels(shards);
  for (int i = g.first; i < g.end; i++) {
    s.node[s.depth++] = (node){0, i, NULL};
    if (s.depth > most) most = s.depth;
    for (int step; (step = climb(&s, shards, levels));)
      if (step == 1) pop_sibling(&s);
  }
  return most;
}

static int thread_depth(const comm *c, int thread, int shards) {
  return range_depth(comm_thread_range(comm_rank_range(c, c->rank, shards), thread, c->threads), shards);
}

static size_t buffer_count(const comm *c, int shards) {
  size_t n = c->ranks > 1; /* the receive buffer */
  for (int t = 0; t < c->threads; t++) n += (size_t)thread_depth(c, t, shards);
  return n;
}

static size_t buffer_size(size_t n, bool single) {
  return (n * (single ? sizeof(float) : sizeof(double)) + ALIGN - 1) / ALIGN * ALIGN;
}

size_t reduce_bytes(const comm *c, int shards, size_t n, bool single) {
  return buffer_count(c, shards) * buffer_size(n, single);
}

static int allocate(reduce *r) {
  size_t count = buffer_count(r->c, r->shards);
  r->thread = calloc((unsigned)r->c->threads, sizeof *r->thread);
  r->rank.node = calloc(count + 1, sizeof *r->rank.node);
  r->plan = calloc(2 * count + 2, sizeof *r->plan);
  r->memory = aligned_alloc(ALIGN, (count + 1) * r->size);
  if (!r->thread || !r->rank.node || !r->plan || !r->memory) return -1;
  char *p = r->memory;
  for (int t = 0; t < r->c->threads; t++) {
    int depth = thread_depth(r->c, t, r->shards);
    r->thread[t].node = calloc((size_t)depth + 1, sizeof(node));
    r->thread[t].buffer = calloc((size_t)depth + 1, sizeof(char *));
    if (!r->thread[t].node || !r->thread[t].buffer) return -1;
    for (int k = 0; k < depth; k++, p += r->size) r->thread[t].buffer[k] = p;
  }
  r->in = p;
  return 0;
}

int reduce_new(reduce **out, const comm *c, int shards, size_t n, bool single, err *e) {
  reduce *r = *out = calloc(1, sizeof *r);
  if (shards < 1 || n < 1 || n > INT_MAX)
    err_set(e, ERR_RUN, "sum over %d shards of %zu numbers: both must be positive and below 2^31", shards, n);
  else if (!r)
    err_set(e, ERR_RUN, "out of memory");
  else {
    *r = (reduce){.c = c, .shards = shards, .levels = tree_levels(shards), .n = n, .size = buffer_size(n, single)};
    r->single = single;
    if (allocate(r))
      err_set(e, ERR_RUN, "out of memory: %.3g GB for the sums of %zu numbers over %d shards",
              1e-9 * (double)reduce_bytes(c, shards, n, single), n, shards);
  }
  if (!comm_vote(c, e)) return 0;
  reduce_free(r);
  *out = NULL;
  return e->code;
}

void reduce_free(reduce *r) {
  if (!r) return;
  for (int t = 0; r->thread && t < r->c->threads; t++) free(r->thread[t].node), free(r->thread[t].buffer);
  free(r->thread), free(r->rank.node), free(r->plan), free(r->memory);
  free(r);
}

void reduce_begin(reduce *r) {
  for (int t = 0; t < r->c->threads; t++) r->thread[t].depth = 0;
}

void *reduce_leaf(reduce *r, int thread) {
  stack *s = &r->thread[thread];
  return memset(s->buffer[s->depth], 0, r->size);
}

void reduce_push(reduce *r, int thread, int shard) {
  stack *s = &r->thread[thread];
  s->node[s->depth] = (node){0, shard, s->buffer[s->depth]};
  s->depth++;
  for (int step; (step = climb(s, r->shards, r->levels));)
    if (step == 1) {
      add(s->node[s->depth - 2].p, s->node[s->depth - 1].p, r->size, r->single);
      pop_sibling(s);
    }
}

/* Run the threads' stacks together; the additions go into a plan, so that all threads can do them on slices of n. */
static void plan_threads(reduce *r) {
  stack *s = &r->rank;
  s->depth = r->pairs = 0;
  for (int t = 0; t < r->c->threads; t++)
    for (int k = 0; k < r->thread[t].depth; k++) {
      s->node[s->depth++] = r->thread[t].node[k];
      for (int step; (step = climb(s, r->shards, r->levels));)
        if (step == 1) {
          r->plan[2 * r->pairs] = s->node[s->depth - 2], r->plan[2 * r->pairs + 1] = s->node[s->depth - 1];
          r->pairs++;
          pop_sibling(s);
        }
    }
}

static void add_threads(reduce *r) {
  plan_threads(r);
  long blocks = r->pairs ? (long)((r->size + BLOCK - 1) / BLOCK) : 0;
#pragma omp parallel for schedule(static) num_threads(r->c->threads) if (blocks > 3)
  for (long b = 0; b < blocks; b++) {
    size_t at = (size_t)b * BLOCK, bytes = r->size - at < BLOCK ? r->size - at : BLOCK;
    for (int k = 0; k < r->pairs; k++) add(r->plan[2 * k].p + at, r->plan[2 * k + 1].p + at, bytes, r->single);
  }
}

static int node_owner(const reduce *r, int level, int index) {
  return comm_owner(r->c, (int)((int64_t)index << level), r->shards);
}

/* The node at rank.node[k] is even and has a sibling: add what this rank or another holds of it. Returns how many nodes
 * of the stack were used up. */
static int add_sibling(reduce *r, int k) {
  node *t = &r->rank.node[k];
  if (k + 1 < r->rank.depth && t[1].level == t->level && t[1].index == t->index + 1) {
    add(t->p, t[1].p, r->size, r->single);
    return 2;
  }
  MPI_Datatype type = r->single ? MPI_FLOAT : MPI_DOUBLE;
  MPI_Recv(r->in, (int)r->n, type, node_owner(r, t->level, t->index + 1), TAG, r->c->mpi, MPI_STATUS_IGNORE);
  add(t->p, r->in, r->size, r->single);
  return 1;
}

/* One level of the tree of ranks. A rank owns at most one odd node without its sibling (its first one): it is sent
 * away. */
static void join_level(reduce *r, int level) {
  stack *s = &r->rank;
  MPI_Request request = MPI_REQUEST_NULL;
  int kept = 0;
  for (int k = 0; k < s->depth;) {
    node *t = &s->node[k];
    int used = 1;
    if (t->level == level && t->index & 1) {
      MPI_Isend(t->p, (int)r->n, r->single ? MPI_FLOAT : MPI_DOUBLE, node_owner(r, level, t->index - 1), TAG, r->c->mpi,
                &request);
      k++;
      continue;
    }
    if (t->level == level) {
      if (!alone(t, r->shards)) used = add_sibling(r, k);
      t->level++, t->index /= 2;
    }
    s->node[kept++] = *t;
    k += used;
  }
  s->depth = kept;
  MPI_Wait(&request, MPI_STATUS_IGNORE);
}

void reduce_end(reduce *r, void *sum) {
  add_threads(r);
  for (int level = 0; r->c->ranks > 1 && level < r->levels; level++) join_level(r, level);
  size_t bytes = r->n * (r->single ? sizeof(float) : sizeof(double));
  if (r->c->rank == 0) memcpy(sum, r->rank.node[0].p, bytes);
  MPI_Bcast(sum, (int)r->n, r->single ? MPI_FLOAT : MPI_DOUBLE, 0, r->c->mpi);
}

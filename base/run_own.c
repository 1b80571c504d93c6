/* run_own.c: the objects a run owns: their list, copies of all of them in memory, and the way of one object to and from
 * rank 0 in global order, which makes a checkpoint independent of the number of ranks. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/run_priv.h"

enum { CHUNK = 1 << 30, TAG = 2 }; /* bytes of one message: MPI counts are int */

size_t run_item_size(const run_item *i) {
  static const size_t size[] = {8, 4, 8, 4, 1, 1};
  return size[i->type];
}

static size_t item_bytes(const run_item *i) {
  return i->count * run_item_size(i);
}

int run_own(run *r, run_item item, err *e) {
  for (int k = 0; k < r->items; k++)
    if (!strcmp(r->item[k].name, item.name))
      return err_set(e, ERR_RUN, "two objects of the run are called %s", item.name);
  if (!item.replicated && item.row && (item.count % item.row || item.first + item.count / item.row > item.rows))
    return err_set(e, ERR_RUN, "object %s: %zu elements from row %zu on do not fit %zu rows of %zu", item.name,
                   item.count, item.first, item.rows, item.row);
  run_item *more = realloc(r->item, (size_t)(r->items + 1) * sizeof *more);
  if (more) r->item = more;
  if (!more || !(item.name = strdup(item.name))) return err_set(e, ERR_RUN, "out of memory");
  more[r->items++] = item;
  return r->restoring ? run_saved_take(r, &more[r->items - 1], e) : 0;
}

void run_disown(run *r, const char *name) {
  for (int k = 0; k < r->items; k++) {
    if (strcmp(r->item[k].name, name)) continue;
    free((char *)r->item[k].name);
    memmove(&r->item[k], &r->item[k + 1], (size_t)(--r->items - k) * sizeof *r->item);
    return;
  }
}

int run_owned(const run *r, const run_item **items) {
  *items = r->item;
  return r->items;
}

void *run_save_memory(const run *r, size_t *bytes) {
  *bytes = 0;
  for (int k = 0; k < r->items; k++) *bytes += item_bytes(&r->item[k]);
  char *block = malloc(*bytes + 1), *p = block;
  for (int k = 0; block && k < r->items; k++) {
    memcpy(p, r->item[k].p, item_bytes(&r->item[k]));
    p += item_bytes(&r->item[k]);
  }
  return block;
}

void run_load_memory(run *r, const void *block) {
  const char *p = block;
  for (int k = 0; k < r->items; k++) {
    memcpy(r->item[k].p, p, item_bytes(&r->item[k]));
    p += item_bytes(&r->item[k]);
  }
}

/* ---- one object on its way ---- */

static void copy(void *to, const void *from, size_t n) { /* empty objects may have no address */
  if (n) memcpy(to, from, n);
}

run_shape run_item_shape(const run_item *i) {
  return i->replicated ? RUN_REPLICATED : i->row ? RUN_ROWS : RUN_ROOT;
}

size_t run_item_total(const run_item *i) {
  return run_item_shape(i) == RUN_ROWS ? i->rows * i->row : i->count;
}

static void send_bytes(const comm *c, const char *p, size_t n, int to) {
  for (size_t at = 0; at < n; at += CHUNK)
    MPI_Send(p + at, n - at < CHUNK ? (int)(n - at) : CHUNK, MPI_BYTE, to, TAG, c->mpi);
}

static void receive_bytes(const comm *c, char *p, size_t n, int from) {
  for (size_t at = 0; at < n; at += CHUNK)
    MPI_Recv(p + at, n - at < CHUNK ? (int)(n - at) : CHUNK, MPI_BYTE, from, TAG, c->mpi, MPI_STATUS_IGNORE);
}

/* Rank 0 learns which rows each rank holds: (first, number) per rank, NULL elsewhere or without memory. */
static int deal_of_rows(const run *r, const run_item *i, uint64_t **deal, err *e) {
  uint64_t mine[2] = {i->first, i->row ? i->count / i->row : 0};
  *deal = r->c.rank ? NULL : malloc(2 * (size_t)r->c.ranks * sizeof **deal);
  if (!r->c.rank && !*deal) err_set(e, ERR_RUN, "out of memory");
  if (comm_vote(&r->c, e)) return e->code;
  MPI_Gather(mine, 2, MPI_UINT64_T, *deal, 2, MPI_UINT64_T, 0, r->c.mpi);
  return 0;
}

int run_item_gather(const run *r, const run_item *i, void *all, err *e) {
  uint64_t *deal, held = 0;
  size_t row = i->row * run_item_size(i);
  if (run_item_shape(i) != RUN_ROWS) {
    if (!r->c.rank) copy(all, i->p, item_bytes(i));
    return 0;
  }
  if (deal_of_rows(r, i, &deal, e)) return e->code;
  if (r->c.rank) send_bytes(&r->c, i->p, item_bytes(i), 0);
  for (int k = 0; k < r->c.ranks && !r->c.rank; k++) {
    char *to = (char *)all + deal[2 * k] * row;
    held += deal[2 * k + 1];
    if (k)
      receive_bytes(&r->c, to, deal[2 * k + 1] * row, k);
    else
      copy(to, i->p, item_bytes(i));
  }
  if (!r->c.rank && held != i->rows)
    err_set(e, ERR_RUN, "object %s: the ranks hold %zu rows of %zu", i->name, (size_t)held, i->rows);
  free(deal);
  return comm_vote(&r->c, e);
}

/* Rows of `length` elements into rows of i->row: what both have. */
static void unpack(const run_item *i, const char *from, size_t length) {
  size_t size = run_item_size(i), take = length < i->row ? length : i->row, n = i->row ? i->count / i->row : 0;
  for (size_t k = 0; k < n; k++) copy((char *)i->p + k * i->row * size, from + k * length * size, take * size);
}

int run_item_scatter(const run *r, const run_item *i, const void *all, size_t length, err *e) {
  uint64_t *deal;
  size_t size = run_item_size(i), row = length * size, mine = i->row ? i->count / i->row * row : 0;
  if (run_item_shape(i) == RUN_REPLICATED || !r->c.rank) {
    size_t take = length < i->count ? length : i->count;
    if (run_item_shape(i) != RUN_ROWS && !r->c.rank) copy(i->p, all, take * size);
    if (run_item_shape(i) == RUN_REPLICATED) comm_bcast(&r->c, i->p, take * size);
  }
  if (run_item_shape(i) != RUN_ROWS) return 0;
  char *held = r->c.rank ? malloc(mine + 1) : NULL;
  if (r->c.rank && !held) err_set(e, ERR_RUN, "out of memory");
  if (!comm_vote(&r->c, e) && !deal_of_rows(r, i, &deal, e)) {
    for (int k = 1; k < r->c.ranks && !r->c.rank; k++)
      send_bytes(&r->c, (const char *)all + deal[2 * k] * row, deal[2 * k + 1] * row, k);
    if (r->c.rank) receive_bytes(&r->c, held, mine, 0);
    unpack(i, r->c.rank ? held : (const char *)all + i->first * row, length);
    free(deal);
  }
  free(held);
  return e->code;
}

/* Replicated objects are the same on all ranks: names the first that is not. */
int run_items_agree(const run *r, err *e) {
  size_t n = (size_t)r->items;
  uint64_t *h = calloc(3 * n + 1, sizeof *h), *low = h + n, *high = h + 2 * n;
  if (!h) err_set(e, ERR_RUN, "out of memory");
  if (!comm_vote(&r->c, e)) {
    for (size_t k = 0; k < n; k++)
      if (r->item[k].replicated) h[k] = hash64(r->item[k].p, item_bytes(&r->item[k]));
    MPI_Allreduce(h, low, r->items, MPI_UINT64_T, MPI_MIN, r->c.mpi);
    MPI_Allreduce(h, high, r->items, MPI_UINT64_T, MPI_MAX, r->c.mpi);
    for (size_t k = 0; k < n; k++)
      if (low[k] != high[k])
        err_set(e, ERR_RUN,
                "the ranks have diverged: their copies of %s differ (a faulty processor or memory, or different "
                "processors that round differently)",
                r->item[k].name);
  }
  free(h);
  return e->code;
}

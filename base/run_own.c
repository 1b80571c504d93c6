/* run_own.c: the objects a run owns, and copies of all of them in memory. */
#include <stdlib.h>
#include <string.h>

#include "base/run_priv.h"

static size_t item_bytes(const run_item *i) {
  static const size_t size[] = {8, 4, 8, 4, 1, 1};
  return i->count * size[i->type];
}

int run_own(run *r, run_item item, err *e) {
  for (int k = 0; k < r->items; k++)
    if (!strcmp(r->item[k].name, item.name))
      return err_set(e, ERR_RUN, "two objects of the run are called %s", item.name);
  if (!item.replicated && item.row && (item.count % item.row || item.first + item.count / item.row > item.rows))
    return err_set(e, ERR_RUN, "object %s: %zu elements from row %zu on do not fit %zu rows of %zu", item.name,
                   item.count, item.first, item.rows, item.row);
  run_item *more = realloc(r->item, (size_t)(r->items + 1) * sizeof *more);
  if (!more || !(item.name = strdup(item.name))) return err_set(e, ERR_RUN, "out of memory");
  r->item = more;
  more[r->items++] = item;
  return 0;
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

/* deck_each.c: deck_each: a checked deck key by key, as the echo writes it. */
#include <stdlib.h>
#include <string.h>

#include "base/deck_priv.h"

typedef struct visit {
  int (*fn)(void *ctx, const char *name, const char *value, bool free, err *e);
  void *ctx;
  err *e;
} visit;

/* Long lists of the echo have several lines. */
static void join_lines(char *text) {
  for (char *p; (p = strstr(text, ",\n    "));) memmove(p + 2, p + 6, strlen(p + 6) + 1), p[1] = ' ';
}

static int visit_value(const visit *v, const char *section, const deck_key *k, const deck_value *value) {
  char name[160], *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return err_set(v->e, ERR_RUN, "out of memory");
  deck_print_value(f, k, value);
  if (fclose(f)) {
    free(text);
    return err_set(v->e, ERR_RUN, "out of memory");
  }
  join_lines(text);
  snprintf(name, sizeof name, "%s.%s", section, k->name);
  int code = v->fn(v->ctx, name, text, k->free, v->e);
  free(text);
  return code;
}

static int visit_part(const visit *v, const deck_part *p) {
  const deck_table *table[2] = {&p->fixed, &p->own};
  char name[160];
  int code = 0;
  if (!p->present && p->schema->optional) return 0;
  snprintf(name, sizeof name, "%s.kind", p->schema->name);
  if (p->kind) code = v->fn(v->ctx, name, p->kind->name, false, v->e);
  for (int j = 0; j < 2; j++)
    for (int i = 0; i < table[j]->n && !code; i++)
      code = visit_value(v, p->schema->name, &table[j]->keys[i], &table[j]->v[i]);
  return code;
}

int deck_each(const deck *d, int (*fn)(void *ctx, const char *name, const char *value, bool free, err *e), void *ctx,
              err *e) {
  deck_locale l = deck_locale_enter();
  visit v = {fn, ctx, e};
  int code = 0;
  for (int i = 0; i < d->nparts && !code; i++) code = visit_part(&v, &d->parts[i]);
  deck_locale_leave(l);
  return code;
}

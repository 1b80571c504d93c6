/* run_points.c: collect_points (see collect.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/collect_priv.h"

static int number_of(const collect_run *r, const char *key, double *x, err *e) {
  const char *text = collect_value(r, key);
  char *end;
  *x = strtod(text, &end);
  if (end != text && !*end && isfinite(*x)) return 0;
  return err_set(e, ERR_DECK, "%s: %s = %s is not a number", r->path, key, text);
}

static int fill(collect_series *p, const collection *c, const collect_table *t, const char *x, err *e) {
  size_t n = (size_t)t->rows;
  p->x = malloc((4 * n + 1) * sizeof *p->x);
  if (!p->x) return err_set(e, ERR_RUN, "points: out of memory");
  p->value = p->x + n, p->error = p->value + n, p->exact = p->error + n;
  snprintf(p->unit, sizeof p->unit, "%s", t->unit);
  for (int i = 0; i < t->rows && !e->code; i++) {
    const collect_row *row = &t->row[i];
    if (isnan(row->value)) continue;
    p->value[p->n] = row->value, p->error[p->n] = row->error, p->exact[p->n] = row->exact;
    number_of(&c->run[row->run], x, &p->x[p->n++], e);
  }
  return e->code;
}

int collect_points(collect_series *p, const collect_options *o, const char *name, err *e) {
  collection c;
  collect_table t = {0};
  memset(p, 0, sizeof *p);
  if (!o->x) return err_set(e, ERR_DECK, "which deck key is x? (--x lattice.trotter)");
  if (!collect_open(&c, o, e) && !collect_rows(&t, &c, name, e)) {
    if (t.axes)
      err_set(e, ERR_DECK, "%s is an array: its numbers are no points over %s", name, o->x);
    else
      fill(p, &c, &t, o->x, e);
  }
  free(t.row);
  collect_close(&c);
  if (e->code) collect_points_free(p);
  return e->code;
}

void collect_points_free(collect_series *p) {
  free(p->x);
  memset(p, 0, sizeof *p);
}

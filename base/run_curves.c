/* run_curves.c: collect_curves_read, collect_curves_free (see collect.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/collect_priv.h"

static bool number_of(const collect_run *r, const char *key, double *x) {
  const char *text = collect_value(r, key);
  char *end;
  *x = strtod(text, &end);
  return end != text && !*end && isfinite(*x);
}

/* Are the numbers of an array points over the key: is it their only axis, and a list in the decks? One number there
 * means that all of them come from one ensemble (reweighting): their errors are not independent. */
static int check_axis(const collection *c, const collect_table *t, const char *x, err *e) {
  const char *dot = strrchr(x, '.'), *last = dot ? dot + 1 : x;
  double number;
  if (t->axes != 1 || strcmp(t->axis[0], last))
    return err_set(e, ERR_DECK, "%s is an array over %s%s: its numbers are no points over %s", t->name, t->axis[0],
                   t->axes > 1 ? " and more" : "", x);
  for (int i = 0; i < t->rows; i++) {
    const collect_run *r = &c->run[t->row[i].run];
    if (!isnan(t->row[i].axis[0]) && number_of(r, x, &number))
      return err_set(e, ERR_DECK, "%s: %s is an array, but %s = %s is one number: its values come from one ensemble",
                     r->path, t->name, x, collect_value(r, x));
  }
  return 0;
}

static void label_of(char s[240], const collection *c, const collect_run *r, const char *x) {
  double number;
  s[0] = 0;
  for (int k = 0; k < c->keys; k++) {
    size_t n = strlen(s);
    if (!strcmp(c->key[k], x)) continue;
    if (number_of(r, c->key[k], &number))
      snprintf(s + n, 240 - n, "%s%.60s = %.10g", n ? ", " : "", c->key[k], number);
    else
      snprintf(s + n, 240 - n, "%s%.60s = %.60s", n ? ", " : "", c->key[k], collect_value(r, c->key[k]));
  }
  if (!s[0]) snprintf(s, 240, "all runs");
}

static collect_curve *find_curve(collect_curves *p, const char *label, int most) {
  for (int i = 0; i < p->n; i++)
    if (!strcmp(p->curve[i].label, label)) return &p->curve[i];
  collect_curve *more = realloc(p->curve, (size_t)(p->n + 1) * sizeof *more);
  if (!more) return NULL;
  p->curve = more;
  collect_curve *a = &more[p->n];
  *a = (collect_curve){.x = malloc(3 * (size_t)most * sizeof *a->x)};
  if (!a->x) return NULL;
  a->value = a->x + most, a->error = a->value + most;
  snprintf(a->label, sizeof a->label, "%s", label);
  p->n++;
  return a;
}

static int fill(collect_curves *p, const collection *c, const collect_table *t, const char *x, err *e) {
  char label[240];
  for (int i = 0; i < t->rows; i++) {
    const collect_row *row = &t->row[i];
    const collect_run *r = &c->run[row->run];
    double at = row->axis[0];
    if (isnan(row->value)) continue;
    if (isnan(at) && !number_of(r, x, &at))
      return err_set(e, ERR_DECK, "%s: %s = %s is not a number", r->path, x, collect_value(r, x));
    label_of(label, c, r, x);
    collect_curve *a = find_curve(p, label, t->rows);
    if (!a) return err_set(e, ERR_RUN, "curves: out of memory");
    a->x[a->n] = at, a->value[a->n] = row->value, a->error[a->n++] = row->error;
  }
  return 0;
}

static int take_notes(collect_curves *p, const collection *c, err *e) {
  size_t n = 1, at = 0;
  for (int i = 0; i < c->notes; i++) n += strlen(c->note[i]) + 1;
  p->notes = calloc(n, 1);
  if (!p->notes) return err_set(e, ERR_RUN, "curves: out of memory");
  for (int i = 0; i < c->notes; i++) at += (size_t)sprintf(p->notes + at, "%s\n", c->note[i]);
  return 0;
}

int collect_curves_read(collect_curves *p, const collect_options *o, const char *name, err *e) {
  collection c = {0};
  collect_table t = {0};
  collect_options one = *o;
  memset(p, 0, sizeof *p);
  one.y = name;
  if (!o->x) return err_set(e, ERR_DECK, "which deck key is x? (--x model.beta)");
  char **names = collect_open(&c, &one, e) ? NULL : collect_names(&c, &one, e); /* does a run have it? */
  if (names && !collect_rows(&t, &c, name, e) && !(t.axes && check_axis(&c, &t, o->x, e)) && !fill(p, &c, &t, o->x, e))
    take_notes(p, &c, e);
  snprintf(p->unit, sizeof p->unit, "%s", t.unit ? t.unit : "1");
  snprintf(p->x_unit, sizeof p->x_unit, "%s", e->code ? "1" : collect_unit(&c, o, o->x));
  for (int i = 0; names && names[i]; i++) free(names[i]);
  free(names), free(t.row);
  collect_close(&c);
  if (e->code) collect_curves_free(p);
  return e->code;
}

void collect_curves_free(collect_curves *p) {
  for (int i = 0; i < p->n; i++) free(p->curve[i].x);
  free(p->curve), free(p->notes);
  memset(p, 0, sizeof *p);
}

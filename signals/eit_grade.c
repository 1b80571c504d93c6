/* eit_grade.c: eit_grade_one, eit_grade_both, eit_grade_free. */
#include "signals/eit_grade.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 1000000 };

int eit_grade_one(eit_grade *g, double length, double first, double growth, double most, err *e) {
  double sum = 0, step = first;
  *g = (eit_grade){0};
  for (; sum < length * (1 - 1e-9) && g->n < MOST; g->n++, step = fmin(step * growth, most)) sum += fmin(step, most);
  if (g->n == MOST || g->n == 0) return err_set(e, ERR_RUN, "mesh: %g m in steps of %g m is too many", length, first);
  g->t = malloc((size_t)(g->n + 1) * sizeof *g->t);
  if (!g->t) return err_set(e, ERR_RUN, "mesh: no memory for %d steps", g->n);
  double at = 0, last = 0;
  step = first;
  for (int i = 0; i <= g->n; i++, step = fmin(step * growth, most)) {
    g->t[i] = at / sum;
    last = i < g->n ? fmin(step, most) : last;
    at += fmin(step, most);
  }
  g->t[g->n] = 1;
  g->largest = last * length / sum;
  return 0;
}

int eit_grade_both(eit_grade *g, double length, double first, double growth, double most, err *e) {
  eit_grade half;
  if (eit_grade_one(&half, length / 2, first, growth, most, e)) return e->code;
  *g = (eit_grade){2 * half.n, malloc((size_t)(2 * half.n + 1) * sizeof *g->t), half.largest};
  for (int i = 0; g->t && i <= half.n; i++) {
    g->t[i] = half.t[i] / 2;
    g->t[2 * half.n - i] = 1 - half.t[i] / 2;
  }
  eit_grade_free(&half);
  return g->t ? 0 : err_set(e, ERR_RUN, "mesh: no memory for %d steps", g->n);
}

void eit_grade_free(eit_grade *g) {
  free(g->t);
  g->t = NULL;
}

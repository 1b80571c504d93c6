/* causal.c: causal_build, causal_free, factors_index (see causal.h). */
#include "samplers/causal.h"

#include <stdlib.h>

int factors_index(const factors *f, int n, int **start, int **list) {
  int *s = *start = calloc((size_t)n + 2, sizeof *s), *q = *list = malloc(((size_t)f->start[f->n] + 1) * sizeof *q);
  if (!s || !q) return 1;
  for (int a = 0; a < f->start[f->n]; a++) s[f->member[a] + 2]++;
  for (int i = 0; i < n; i++) s[i + 2] += s[i + 1];
  for (int k = 0; k < f->n; k++)
    for (int a = f->start[k]; a < f->start[k + 1]; a++) q[s[f->member[a] + 1]++] = k;
  return 0;
}

typedef struct search {
  const factors *f;
  int *start, *list;      /* factors of every position */
  int *seen, *stack, *in; /* (n) marks are t + 1 */
} search;

static int ascending(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* Floods the undrawn positions from t; drawn members of the factors met are the frontier, written to in[] in ascending
 * order. Returns how many. */
static int flood(search *s, int t) {
  int top = 0, found = 0;
  s->stack[top++] = t;
  s->seen[t] = t + 1;
  while (top) {
    int p = s->stack[--top];
    for (int a = s->start[p]; a < s->start[p + 1]; a++)
      for (int b = s->f->start[s->list[a]]; b < s->f->start[s->list[a] + 1]; b++) {
        int q = s->f->member[b];
        if (s->seen[q] == t + 1) continue;
        s->seen[q] = t + 1;
        if (q < t)
          s->in[found++] = q;
        else
          s->stack[top++] = q;
      }
  }
  qsort(s->in, (size_t)found, sizeof *s->in, ascending);
  return found;
}

static int search_open(search *s, const factors *f, int n) {
  *s = (search){.f = f};
  s->seen = calloc((size_t)n + 1, sizeof *s->seen);
  s->stack = malloc(((size_t)n + 1) * sizeof *s->stack);
  s->in = calloc((size_t)n + 1, sizeof *s->in);
  return factors_index(f, n, &s->start, &s->list) || !s->seen || !s->stack || !s->in;
}

static void search_close(search *s) {
  free(s->start), free(s->list), free(s->seen), free(s->stack), free(s->in);
}

int causal_build(nn_causal *c, int rows, int cols, int n, const factors *f, const bool *idle, causal_guess *guess,
                 const void *ctx) {
  size_t pairs = (size_t)n * (size_t)(n - 1) / 2;
  search s;
  int bad = search_open(&s, f, n);
  int *start = calloc((size_t)n + 1, sizeof *start), *list = malloc((pairs + 1) * sizeof *list);
  int *all_start = calloc((size_t)n + 1, sizeof *start), *all_list = malloc((pairs + 1) * sizeof *list);
  int *own_start = calloc((size_t)n + 1, sizeof *start), *own_list = malloc(((size_t)n + 1) * sizeof *list);
  double *value = calloc(pairs + 1, sizeof *value), *all_value = calloc(pairs + 1, sizeof *value);
  *c = (nn_causal){rows, cols, n, start, list, all_start, all_list, own_start, own_list, value, all_value};
  bad |= !start || !list || !all_start || !all_list || !own_start || !own_list || !value || !all_value;
  for (int t = 0, at = 0, all = 0, own = 0; t < n && !bad; t++) {
    bool choice = !idle || !idle[t];
    int found = choice ? flood(&s, t) : 0;
    for (int u = 0; u < t && choice; u++) all_list[all + u] = u;
    for (int k = 0; k < found; k++, at++) {
      list[at] = s.in[k];
      value[at] = all_value[all + s.in[k]] = guess(ctx, t, s.in[k]);
    }
    if (choice) all += t, own_list[own++] = t;
    start[t + 1] = at, all_start[t + 1] = all, own_start[t + 1] = own;
  }
  search_close(&s);
  return bad;
}

void causal_free(nn_causal *c) {
  const void *lists[] = {c->start,     c->list,     c->all_start,   c->all_list,
                         c->own_start, c->own_list, c->start_value, c->all_start_value};
  for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) free((void *)lists[i]);
}

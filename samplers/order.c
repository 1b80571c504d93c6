/* order.c: see order.h. */
#include "samplers/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Greedy independent set in site order: on bipartite lattices a whole sublattice. */
static void split(order *o, const lattice *l, bool heat_bath) {
  char *blocked = calloc((size_t)l->n, 1);
  for (int i = 0; i < l->n; i++) {
    bool rest = heat_bath && blocked && !blocked[i];
    o->position[i] = rest ? -1 : o->n;
    if (!rest) {
      o->site[o->n++] = i;
      continue;
    }
    o->rest[o->nrest++] = i;
    for (int k = l->start[i]; k < l->start[i + 1]; k++) blocked[l->neighbour[k]] = 1;
  }
  free(blocked);
}

static void find_grid(order *o, const lattice *l) {
  o->rows = o->cols = 0;
  if (!l->rows) return;
  int per_row = 0;
  for (int r = 0; r < l->rows; r++) {
    int here = 0;
    for (int c = 0; c < l->cols; c++) here += o->position[r * l->cols + c] >= 0;
    if (r && here != per_row) return;
    per_row = here;
  }
  o->rows = l->rows, o->cols = per_row;
}

/* ---- factors: (members, strength) lists over positions ---- */
typedef struct factors {
  int n, *start, *member; /* members are positions */
  double *J;              /* of each member: coupling to the left-out site, or of the bond */
} factors;

static int find_factors(factors *f, const order *o, const ising *m) {
  const lattice *l = m->lat;
  f->start = calloc((size_t)(l->nbonds + o->nrest) + 1, sizeof *f->start);
  f->member = calloc(4 * (size_t)l->nbonds + 1, sizeof *f->member);
  f->J = calloc(4 * (size_t)l->nbonds + 1, sizeof *f->J);
  if (!f->start || !f->member || !f->J) return 1;
  int at = 0;
  for (int b = 0; b < l->nbonds; b++) {
    int p = o->position[l->bond[b][0]], q = o->position[l->bond[b][1]];
    if (p < 0 || q < 0 || m->J[b] == 0) continue;
    f->member[at] = p, f->J[at++] = m->J[b];
    f->member[at] = q, f->J[at++] = m->J[b];
    f->start[++f->n] = at;
  }
  for (int k = 0; k < o->nrest; k++) {
    for (int a = l->start[o->rest[k]]; a < l->start[o->rest[k] + 1]; a++) {
      f->member[at] = o->position[l->neighbour[a]];
      f->J[at++] = m->J[l->via[a]];
    }
    f->start[++f->n] = at;
  }
  return 0;
}

static void free_factors(factors *f) {
  free(f->start), free(f->member), free(f->J);
}

/* Factors of each position in CSR form. */
static int index_factors(const factors *f, int n, int **start, int **list) {
  int *s = *start = calloc((size_t)n + 2, sizeof *s), *q = *list = malloc(((size_t)f->start[f->n] + 1) * sizeof *q);
  if (!s || !q) return 1;
  for (int a = 0; a < f->start[f->n]; a++) s[f->member[a] + 2]++;
  for (int i = 0; i < n; i++) s[i + 2] += s[i + 1];
  for (int k = 0; k < f->n; k++)
    for (int a = f->start[k]; a < f->start[k + 1]; a++) q[s[f->member[a] + 1]++] = k;
  return 0;
}

/* Frontier of t: flood the undrawn positions from t; drawn members of the factors met are the frontier, written to
 * in[]. Returns how many. Marks are t+1. */
static int flood(int t, const factors *f, const int *start, const int *list, int *seen, int *stack, int *in) {
  int top = 0, found = 0;
  stack[top++] = t;
  seen[t] = t + 1;
  while (top) {
    int p = stack[--top];
    for (int a = start[p]; a < start[p + 1]; a++)
      for (int b = f->start[list[a]]; b < f->start[list[a] + 1]; b++) {
        int q = f->member[b];
        if (seen[q] == t + 1) continue;
        seen[q] = t + 1;
        if (q < t)
          in[found++] = q;
        else
          stack[top++] = q;
      }
  }
  return found;
}

/* First guess of the linear weight between two positions: 2 beta J of a common bond, and 2 atanh(tanh(beta J) tanh(beta
 * J')) through each common left-out neighbour, exact where that neighbour has no others. */
static double guess(const factors *f, const int *start, const int *list, int t, int u, double beta,
                    int nbonds_factors) {
  double sum = 0;
  for (int a = start[t]; a < start[t + 1]; a++) {
    int k = list[a];
    double jt = 0, ju = 0;
    for (int b = f->start[k]; b < f->start[k + 1]; b++) {
      if (f->member[b] == t) jt += f->J[b];
      if (f->member[b] == u) ju += f->J[b];
    }
    if (ju != 0) sum += k < nbonds_factors ? 2 * beta * jt : 2 * atanh(tanh(beta * jt) * tanh(beta * ju));
  }
  return sum;
}

static int ascending(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

static int make_lists(order *o, const ising *m, const factors *f) {
  int n = o->n, *fs = NULL, *fl = NULL, direct = f->n - o->nrest;
  size_t pairs = (size_t)n * (size_t)(n - 1) / 2;
  int *seen = calloc((size_t)n + 1, sizeof *seen), *stack = malloc(((size_t)n + 1) * sizeof *stack);
  int *in = calloc((size_t)n + 1, sizeof *in);
  int *start = calloc((size_t)n + 1, sizeof *start), *list = malloc((pairs + 1) * sizeof *list);
  int *all_start = calloc((size_t)n + 1, sizeof *start), *all_list = malloc((pairs + 1) * sizeof *list);
  int *own_start = calloc((size_t)n + 1, sizeof *start), *own_list = malloc(((size_t)n + 1) * sizeof *list);
  double *value = calloc(pairs + 1, sizeof *value), *all_value = calloc(pairs + 1, sizeof *value);
  int bad = index_factors(f, n, &fs, &fl) || !seen || !stack || !in || !start || !list || !all_start || !all_list ||
            !own_start || !own_list || !value || !all_value;
  for (int t = 0, at = 0, all = 0; t < n && !bad; t++) {
    int found = flood(t, f, fs, fl, seen, stack, in);
    qsort(in, (size_t)found, sizeof *in, ascending);
    for (int k = 0; k < found; k++) list[at] = in[k], value[at++] = guess(f, fs, fl, t, in[k], m->beta, direct);
    for (int u = 0; u < t; u++, all++) all_list[all] = u;
    for (int k = 0; k < found; k++) all_value[all - t + in[k]] = value[at - found + k];
    start[t + 1] = at, all_start[t + 1] = all, own_start[t + 1] = t + 1, own_list[t] = t;
  }
  free(fs), free(fl), free(seen), free(stack), free(in);
  o->causal = (nn_causal){o->rows, o->cols, n, start, list, all_start, all_list, own_start, own_list, value, all_value};
  return bad;
}

/* The lists of all earlier spins take 24 bytes for each pair of drawn spins. */
enum { MOST_DRAWN = 16384 };

int order_new(order **out, const ising *m, bool heat_bath, err *e) {
  const lattice *l = m->lat;
  size_t n = (size_t)l->n;
  order *o = *out = calloc(1, sizeof *o);
  factors f = {0};
  if (o) {
    o->site = calloc(n, sizeof *o->site);
    o->position = calloc(n, sizeof *o->position);
    o->rest = calloc(n, sizeof *o->rest);
  }
  if (!o || !o->site || !o->position || !o->rest) return err_set(e, ERR_RUN, "drawing order: out of memory");
  split(o, l, heat_bath);
  if (o->n > MOST_DRAWN)
    return err_set(e, ERR_DECK, "%d drawn spins: at most %d (lists of all pairs are kept)", o->n, MOST_DRAWN);
  find_grid(o, l);
  int bad = find_factors(&f, o, m) || make_lists(o, m, &f);
  free_factors(&f);
  return bad ? err_set(e, ERR_RUN, "drawing order: out of memory") : 0;
}

void order_free(order *o) {
  if (!o) return;
  const void *lists[] = {o->causal.start,     o->causal.list,     o->causal.all_start,   o->causal.all_list,
                         o->causal.own_start, o->causal.own_list, o->causal.start_value, o->causal.all_start_value};
  for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) free((void *)lists[i]);
  free(o->site), free(o->position), free(o->rest), free(o);
}

/* chain_local.c: sweeps of single-spin updates on any graph. One sweep visits every site once; on two-colourable graphs
 * first one colour, then the other (no site waits for the one before it), else in the order of the sites. Each
 * update draws 64 bits and compares 63 of them with P(up), rounded to 2^-63. With equal couplings and equal fields
 * P(up) comes from a table over (old spin, sum of the neighbours), otherwise from the local field in double. */
#include "samplers/chain_local.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct local {
  chain_up up;
  int *order;      /* (n) sites as visited                                        */
  int degree;      /* of every site, or 0 where they differ                       */
  int most;        /* largest degree                                              */
  uint64_t *table; /* (2 most + 1, 2): threshold for sum of neighbours, old spin; NULL: couplings or fields differ */
} local;

static uint64_t threshold(double p) {
  return (uint64_t)(p * 0x1p63);
}

static void visiting_order(const lattice *l, int *order, int *colour) {
  if (!lattice_bipartite(l, colour)) memset(colour, 0, sizeof(int) * (size_t)l->n);
  int k = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < l->n; i++)
      if (colour[i] == pass) order[k++] = i;
}

static bool has_table(const ising *m) {
  if (m->uniform == 0 && m->lat->nbonds) return false;
  for (int i = 1; m->h && i < m->lat->n; i++)
    if (m->h[i] != m->h[0]) return false;
  return true;
}

static int fill_table(local *a, const ising *m) {
  a->table = malloc(sizeof(uint64_t) * 2 * (size_t)(2 * a->most + 1));
  if (!a->table) return 1;
  for (int k = -a->most; k <= a->most; k++)
    for (int b = 0; b < 2; b++)
      a->table[2 * (k + a->most) + b] =
          threshold(a->up(2 * b - 1, 2 * m->beta * (m->uniform * k + (m->h ? m->h[0] : 0))));
  return 0;
}

int chain_local_init(chain *c, chain_up up, err *e) {
  const lattice *l = c->m->lat;
  local *a = c->self = calloc(1, sizeof *a);
  int *colour = malloc(sizeof(int) * (size_t)l->n);
  bool good = a && colour && (a->order = malloc(sizeof(int) * (size_t)l->n));
  if (good) {
    a->up = up;
    visiting_order(l, a->order, colour);
    a->degree = l->start[1] - l->start[0];
    for (int i = 0; i < l->n; i++) {
      int degree = l->start[i + 1] - l->start[i];
      if (degree > a->most) a->most = degree;
      if (degree != a->degree) a->degree = 0;
    }
    good = !has_table(c->m) || !fill_table(a, c->m);
  }
  free(colour);
  return good ? 0 : err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
}

void chain_local_done(chain *c) {
  local *a = c->self;
  if (!a) return;
  free(a->order);
  free(a->table);
  free(a);
}

/* degree > 0 is a constant where inlined, so that the loop over neighbours is unrolled. */
static inline __attribute__((always_inline)) void sweep_table(const local *a, const lattice *l, int degree, int8_t *s,
                                                              rng_fast *g) {
  for (int k = 0; k < l->n; k++) {
    int i = a->order[k], from = degree ? degree * i : l->start[i], count = degree ? degree : l->start[i + 1] - from;
    int sum = a->most;
    for (int j = 0; j < count; j++) sum += s[l->neighbour[from + j]];
    s[i] = (int8_t)(2 * (rng_fast_next(g) >> 1 < a->table[2 * sum + (s[i] > 0)]) - 1);
  }
}

static void sweep_any(const local *a, const ising *m, int8_t *s, rng_fast *g) {
  const lattice *l = m->lat;
  for (int k = 0; k < l->n; k++) {
    int i = a->order[k];
    double field = m->h ? m->h[i] : 0;
    for (int j = l->start[i]; j < l->start[i + 1]; j++) field += m->J[l->via[j]] * s[l->neighbour[j]];
    s[i] = (int8_t)(2 * (rng_fast_next(g) >> 1 < threshold(a->up(s[i], 2 * m->beta * field))) - 1);
  }
}

void chain_local_sweep(chain *c, int unit, uint32_t step, int flags, void *work) {
  const local *a = c->self;
  const lattice *l = c->m->lat;
  int8_t *s = chain_bytes(c, unit);
  rng_fast g = rng_fast_seed(c->stream, (uint64_t)(c->unit_first + unit), step, 0);
  if (!a->table)
    sweep_any(a, c->m, s, &g);
  else if (a->degree == 4)
    sweep_table(a, l, 4, s, &g);
  else if (a->degree == 6)
    sweep_table(a, l, 6, s, &g);
  else
    sweep_table(a, l, 0, s, &g);
}

void chain_bytes_get(const chain *c, int replica, int8_t *s) {
  memcpy(s, chain_bytes(c, replica), c->unit_bytes);
}
void chain_bytes_put(chain *c, int replica, const int8_t *s) {
  memcpy(chain_bytes(c, replica), s, c->unit_bytes);
}

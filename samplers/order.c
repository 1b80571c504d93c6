/* order.c: see order.h. */
#include "samplers/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/causal.h"

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

/* ---- factors: bonds between drawn spins, then the neighbours of left-out sites ---- */
typedef struct interactions {
  factors f;
  double *J; /* of each member: coupling to the left-out site, or of the bond */
  int nbonds;
  int *start, *list; /* factors of each position */
  double beta;
} interactions;

static int find_factors(interactions *i, const order *o, const ising *m) {
  const lattice *l = m->lat;
  factors *f = &i->f;
  f->start = calloc((size_t)(l->nbonds + o->nrest) + 1, sizeof *f->start);
  f->member = calloc(4 * (size_t)l->nbonds + 1, sizeof *f->member);
  i->J = calloc(4 * (size_t)l->nbonds + 1, sizeof *i->J);
  if (!f->start || !f->member || !i->J) return 1;
  int at = 0;
  for (int b = 0; b < l->nbonds; b++) {
    int p = o->position[l->bond[b][0]], q = o->position[l->bond[b][1]];
    if (p < 0 || q < 0 || m->J[b] == 0) continue;
    f->member[at] = p, i->J[at++] = m->J[b];
    f->member[at] = q, i->J[at++] = m->J[b];
    f->start[++f->n] = at;
  }
  i->nbonds = f->n;
  for (int k = 0; k < o->nrest; k++) {
    for (int a = l->start[o->rest[k]]; a < l->start[o->rest[k] + 1]; a++) {
      f->member[at] = o->position[l->neighbour[a]];
      i->J[at++] = m->J[l->via[a]];
    }
    f->start[++f->n] = at;
  }
  i->beta = m->beta;
  return factors_index(f, o->n, &i->start, &i->list);
}

static void free_factors(interactions *i) {
  free(i->f.start), free(i->f.member), free(i->J), free(i->start), free(i->list);
}

/* First guess of the linear weight between two positions: 2 beta J of a common bond, and 2 atanh(tanh(beta J) tanh(beta
 * J')) through each common left-out neighbour, exact where that neighbour has no others. */
static double guess(const void *ctx, int t, int u) {
  const interactions *i = ctx;
  double sum = 0;
  for (int a = i->start[t]; a < i->start[t + 1]; a++) {
    int k = i->list[a];
    double jt = 0, ju = 0;
    for (int b = i->f.start[k]; b < i->f.start[k + 1]; b++) {
      if (i->f.member[b] == t) jt += i->J[b];
      if (i->f.member[b] == u) ju += i->J[b];
    }
    if (ju != 0) sum += k < i->nbonds ? 2 * i->beta * jt : 2 * atanh(tanh(i->beta * jt) * tanh(i->beta * ju));
  }
  return sum;
}

/* The lists of all earlier spins take 24 bytes for each pair of drawn spins. */
enum { MOST_DRAWN = 16384 };

int order_new(order **out, const ising *m, bool heat_bath, err *e) {
  const lattice *l = m->lat;
  size_t n = (size_t)l->n;
  order *o = *out = calloc(1, sizeof *o);
  interactions f = {0};
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
  int bad = find_factors(&f, o, m) || causal_build(&o->causal, o->rows, o->cols, o->n, &f.f, NULL, guess, &f);
  free_factors(&f);
  return bad ? err_set(e, ERR_RUN, "drawing order: out of memory") : 0;
}

void order_free(order *o) {
  if (!o) return;
  causal_free(&o->causal);
  free(o->site), free(o->position), free(o->rest), free(o);
}

/* grow.c: see grow.h. Ops whose parameters do not depend on the grid (convolutions) keep them; those with parameters of
 * their own at every position say how (nn_op.grow). */
#include "nn/grow.h"

#include <string.h>

static int donor(int from, int to, int x) {
  int half = from / 2;
  if (x < half || from == to) return x;
  if (x >= to - half) return x - (to - from);
  return half + (x - half) % 2;
}

int nn_growth_donor(const nn_growth *w, int t) {
  return donor(w->from[0], w->to[0], t / w->to[1]) * w->from[1] + donor(w->from[1], w->to[1], t % w->to[1]);
}

/* d in [-n/2, n/2) */
static int shorter(int d, int n) {
  d = (d % n + n) % n;
  return 2 * d >= n ? d - n : d;
}

int nn_growth_like(const nn_growth *w, int t, int u) {
  int place[2], at = nn_growth_donor(w, t), of[2] = {at / w->from[1], at % w->from[1]};
  for (int k = 0; k < 2; k++) {
    int d = shorter(k ? u % w->to[1] - t % w->to[1] : u / w->to[1] - t / w->to[1], w->to[k]);
    /* a row half a grid away is the same up and down; two columns there may both be listed */
    if (w->from[k] < w->to[k] && (2 * d < -w->from[k] || 2 * d > w->from[k] - k)) return -1;
    place[k] = (of[k] + d + w->from[k]) % w->from[k];
  }
  return place[0] * w->from[1] + place[1];
}

static int check_grids(const nn_growth *w, err *e) {
  const int *from = w->from, *to = w->to;
  if (!from[1] || !to[1]) return err_set(e, ERR_FILE, "network: only those on a grid of rows and columns can grow");
  if (from[0] < 3 || from[1] < 3 || to[0] < from[0] || to[1] < from[1] || (to[0] - from[0]) % 2)
    return err_set(
        e, ERR_FILE,
        "network: of %d x %d positions cannot grow to %d x %d: at least 3 x 3, nothing less, rows by an even "
        "number",
        from[0], from[1], to[0], to[1]);
  return 0;
}

int nn_grow(const nn_graph *small, const nn_causal *cs, const nn_real *old, const nn_graph *g, const nn_causal *c,
            nn_real *theta, err *e) {
  nn_growth w = {{cs->rows, cs->cols}, {c->rows, c->cols}};
  if (check_grids(&w, e)) return e->code;
  if (small->nnodes != g->nnodes)
    return err_set(e, ERR_FILE, "network: %d nodes cannot become %d", small->nnodes, g->nnodes);
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i], *s = &small->node[i];
    if (!n->op && !s->op) continue; /* inputs */
    if (s->op != n->op || strcmp(s->name, n->name) || s->shape.channels != n->shape.channels)
      return err_set(e, ERR_FILE, "network: %s %s of %d channels cannot become %s %s of %d", s->op->name, s->name,
                     s->shape.channels, n->op->name, n->name, n->shape.channels);
    if (n->op->grow && nn_positions(n->shape) != nn_positions(s->shape))
      n->op->grow(s, old + s->param, n, &g->node[n->in[0]].shape, theta + n->param, &w);
    else if (s->nparam == n->nparam)
      memcpy(theta + n->param, old + s->param, n->nparam * sizeof *theta);
    else
      return err_set(e, ERR_FILE, "network: op %s of node %s cannot grow", n->op->name, n->name);
  }
  return 0;
}

/* plan.c: where the values and gradients of one shard lie, and the walks over them (see graph.h).
 *
 * Values: every node keeps its own y (a draw reads all earlier positions, backward reads inputs), except that an op
 * marked in_place writes over its first input when it is that input's only reader and nobody's backward needs the old
 * content. Gradients: a node's dy lives from its last reader's backward to its own; places are found by first fit over
 * lifetimes, and an in-place op shares its input's dy as it shares its y. Where backward goes position by position all
 * are alive at once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"

static int readers(const nn_graph *g, int node) {
  int n = node == g->output;
  for (int i = 0; i < g->nnodes; i++)
    for (int k = 0; k < g->node[i].nin; k++) n += g->node[i].in[k] == node;
  return n;
}

static bool lies_on_input(const nn_graph *g, const nn_node *n) {
  if (!n->op || !n->op->in_place) return false;
  const nn_node *x = &g->node[n->in[0]];
  return x->op && readers(g, n->in[0]) == 1 && !x->op->needs_y && !n->op->needs_x &&
         nn_rows(x->shape) == nn_rows(n->shape);
}

static size_t round_up(size_t reals) {
  return (reals + 15) / 16 * 16;
}

static void plan_values(nn_plan *p) {
  const nn_graph *g = p->graph;
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    if (lies_on_input(g, n)) {
      p->value_at[i] = p->value_at[n->in[0]];
      continue;
    }
    p->value_at[i] = p->values;
    p->values += round_up(nn_rows(n->shape) * (size_t)p->lanes);
  }
  for (int i = 0; i < g->nnodes; i++)
    if (g->node[i].scratch * (size_t)p->lanes > p->scratch) p->scratch = g->node[i].scratch * (size_t)p->lanes;
}

/* Node by node, a node's dy is born at its last reader (or at the output) and dies after its own backward;
 * in-place ops hand their dy down to the input, so a region lives to the lowest node of such a chain. */
static int plan_grads(nn_plan *p) {
  const nn_graph *g = p->graph;
  int *last = calloc((size_t)g->nnodes, sizeof *last), *low = calloc((size_t)g->nnodes, sizeof *low);
  for (int i = 0; last && low && i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    last[i] = i == g->output ? g->nnodes : -1;
    for (int k = 0; k < n->nin; k++) last[n->in[k]] = last[n->in[k]] > i ? last[n->in[k]] : i;
    low[i] = lies_on_input(g, n) ? low[n->in[0]] : i;
  }
  for (int i = g->nnodes - 1; last && low && i >= 0; i--) {
    if (!g->node[i].wants_grad || last[i] < 0) continue;
    if (last[i] < g->nnodes && lies_on_input(g, &g->node[last[i]]) && g->node[last[i]].in[0] == i) {
      p->grad_at[i] = p->grad_at[last[i]];
      continue;
    }
    size_t need = round_up(nn_rows(g->node[i].shape) * (size_t)p->lanes), at = 0;
    for (bool moved = true; moved;) { /* first place free of every region alive at the same time */
      moved = false;
      for (int j = i + 1; j < g->nnodes; j++) {
        if (p->grad_at[j] == SIZE_MAX || (!p->by_positions && low[j] > last[i])) continue;
        size_t from = p->grad_at[j], to = from + round_up(nn_rows(g->node[j].shape) * (size_t)p->lanes);
        if (at < to && from < at + need) at = to, moved = true;
      }
    }
    p->grad_at[i] = at;
    if (at + need > p->grads) p->grads = at + need;
  }
  int bad = !last || !low;
  free(last), free(low);
  return bad;
}

/* opens[i]: which inputs' gradients node i's backward is the first to touch (they must be zeroed before). */
static void plan_opens(nn_plan *p) {
  const nn_graph *g = p->graph;
  for (int i = 0; i < g->nnodes; i++)
    for (int k = 0; k < g->node[i].nin; k++) {
      int x = g->node[i].in[k];
      bool first = x != g->output && p->grad_at[x] != SIZE_MAX && p->grad_at[x] != p->grad_at[i];
      for (int j = i; j < g->nnodes && first; j++)
        for (int q = 0; q < g->node[j].nin; q++) first &= g->node[j].in[q] != x || (j == i && q >= k);
      if (first) p->opens[i] |= 1u << k;
    }
}

int nn_plan_new(nn_plan **out, const nn_graph *g, int lanes, bool train, bool steps, err *e) {
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    const char *missing = !n->op                      ? NULL
                          : steps && !n->op->step     ? "step (needed to draw)"
                          : train && !n->op->backward ? "backward (needed to train)"
                                                      : NULL;
    if (missing)
      return err_set(e, ERR_DECK, "network node '%s': op '%s' has no walk %s", n->name, n->op->name, missing);
  }
  nn_plan *p = calloc(1, sizeof *p);
  size_t n = (size_t)g->nnodes;
  if (p) {
    p->value_at = calloc(n, sizeof *p->value_at);
    p->grad_at = calloc(n, sizeof *p->grad_at);
    p->opens = calloc(n, sizeof *p->opens);
  }
  if (!p || !p->value_at || !p->grad_at || !p->opens) {
    nn_plan_free(p);
    return err_set(e, ERR_RUN, "network plan: out of memory");
  }
  p->graph = g;
  p->lanes = lanes;
  p->train = train;
  plan_values(p);
  for (int i = 0; i < g->nnodes; i++) p->grad_at[i] = SIZE_MAX;
  p->by_positions = train;
  for (int i = 0; i < g->nnodes; i++)
    if (g->node[i].op &&
        (!g->node[i].op->back_step || nn_positions(g->node[i].shape) != nn_positions(g->node[g->output].shape)))
      p->by_positions = false;
  if (train && plan_grads(p)) {
    nn_plan_free(p);
    return err_set(e, ERR_RUN, "network plan: out of memory");
  }
  if (train) plan_opens(p);
  *out = p;
  return 0;
}

void nn_plan_free(nn_plan *p) {
  if (!p) return;
  free(p->value_at);
  free(p->grad_at);
  free(p->opens);
  free(p);
}

void nn_plan_print(const nn_plan *p, FILE *f) {
  const nn_graph *g = p->graph;
  fprintf(f, "  %-20s %-10s %18s %12s %12s\n", "node", "op", "shape", "parameters", "MAC/sample");
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    char shape[40];
    snprintf(shape, sizeof shape, "%dx%dx%d x %d", n->shape.extent[0], n->shape.extent[1], n->shape.extent[2],
             n->shape.channels);
    fprintf(f, "  %-20s %-10s %18s %12zu %12.4g\n", n->name, n->op ? n->op->name : "input", shape, n->free_params,
            n->macs);
  }
  fprintf(f,
          "  parameters %zu (%zu stored), %.4g MAC per sample and pass, %d lanes: values %.2f MB per shard,"
          " gradients %.2f MB and scratch %.2f MB per worker\n",
          g->free_params, g->nparam, g->macs, p->lanes, (double)p->values * sizeof(nn_real) * 1e-6,
          (double)p->grads * sizeof(nn_real) * 1e-6, (double)p->scratch * sizeof(nn_real) * 1e-6);
}

int nn_frame_new(nn_frame **out, const nn_plan *p, const nn_frame *share, err *e) {
  size_t n = (size_t)p->graph->nnodes;
  nn_frame *f = calloc(1, sizeof *f);
  *out = f;
  if (f) {
    f->value = calloc(n, sizeof *f->value);
    f->arena = nn_alloc(p->values * sizeof *f->arena);
    f->grad = share ? share->grad : calloc(n, sizeof *f->grad);
    f->scratch = share ? share->scratch : nn_alloc(p->scratch * sizeof *f->scratch);
    f->grad_arena = share ? share->grad_arena : nn_alloc(p->grads * sizeof *f->grad_arena);
  }
  if (!f || !f->value || !f->arena || !f->grad || !f->scratch || !f->grad_arena) {
    nn_frame_free(f, share);
    *out = NULL;
    return err_set(e, ERR_RUN, "network: out of memory for a frame of %.1f MB",
                   (double)(p->values + p->grads + p->scratch) * sizeof(nn_real) * 1e-6);
  }
  f->lanes = p->lanes;
  f->opens = p->opens;
  for (size_t i = 0; i < n; i++) {
    f->value[i] = f->arena + p->value_at[i];
    if (!share) f->grad[i] = p->grad_at[i] == SIZE_MAX ? NULL : f->grad_arena + p->grad_at[i];
  }
  return 0;
}

void nn_frame_free(nn_frame *f, const nn_frame *share) {
  if (!f) return;
  free(f->arena);
  free(f->value);
  if (!share) {
    free(f->scratch);
    free(f->grad_arena);
    free(f->grad);
  }
  free(f);
}

void nn_forward(const nn_plan *p, const nn_frame *f) {
  for (int i = 0; i < p->graph->nnodes; i++)
    if (p->graph->node[i].op) p->graph->node[i].op->forward(&p->graph->node[i], f);
}

void nn_step(const nn_plan *p, const nn_frame *f, int t) {
  for (int i = 0; i < p->graph->nnodes; i++)
    if (p->graph->node[i].op) p->graph->node[i].op->step(&p->graph->node[i], f, t);
}

/* Gradients that a non-local node is the first to touch are added to from nothing. */
static void clear_gradients(const nn_plan *p, const nn_frame *f, const nn_node *n) {
  for (int k = 0; k < n->nin; k++)
    if (p->opens[n->id] >> k & 1 && !n->local)
      memset(f->grad[n->in[k]], 0, nn_rows(p->graph->node[n->in[k]].shape) * (size_t)f->lanes * sizeof(nn_real));
}

static void backward_by_positions(const nn_plan *p, const nn_frame *f) {
  const nn_graph *g = p->graph;
  for (int i = 0; i < g->nnodes; i++)
    if (g->node[i].op && f->grad[i]) clear_gradients(p, f, &g->node[i]);
  for (int t = nn_positions(g->node[g->output].shape) - 1; t >= 0; t--)
    for (int i = g->nnodes - 1; i >= 0; i--)
      if (g->node[i].op && f->grad[i]) g->node[i].op->back_step(&g->node[i], f, t);
}

void nn_backward(const nn_plan *p, const nn_frame *f) {
  if (p->by_positions) {
    backward_by_positions(p, f);
    return;
  }
  for (int i = p->graph->nnodes - 1; i >= 0; i--) {
    const nn_node *n = &p->graph->node[i];
    if (!n->op || !f->grad[i]) continue;
    clear_gradients(p, f, n);
    n->op->backward(n, f);
  }
}

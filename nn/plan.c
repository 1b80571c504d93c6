/* plan.c: where the values and gradients of one shard lie, and the walks over them (see graph.h).
 *
 * Values: every node keeps its own y (a draw reads all earlier positions, backward reads inputs), except that an op
 * marked in_place writes over its first input when it is that input's only reader and nobody's backward needs the old
 * content. Local nodes with blocks that follow an op with blocks form a group with it (see op.h). Gradients: a node's
 * dy lives from its last reader's backward to its own; places are found by first fit over lifetimes, and an in-place op
 * shares its input's dy as it shares its y. Where backward goes position by position all are alive at once. */
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

/* A group begins at an op with blocks; local nodes with blocks on as many positions join it as long as they follow. */
enum { BLOCK_BYTES = 65536 };
static void plan_groups(nn_plan *p) {
  const nn_graph *g = p->graph;
  int room = 0;
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i], *head = i ? &g->node[p->group[i - 1]] : NULL;
    bool joins = head && head->op && head->op->block && n->op && n->op->block && n->local &&
                 nn_positions(head->shape) == nn_positions(n->shape) &&
                 (!p->train || (head->op->back_block && n->op->back_block));
    p->group[i] = joins ? head->id : i;
    int width = n->shape.channels * p->lanes * (int)sizeof(nn_real);
    room = joins ? room : BLOCK_BYTES;
    int block = room / width / 4 * 4;
    if (!joins || block < p->block[p->group[i]]) p->block[p->group[i]] = block < 4 ? 4 : block;
  }
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
  for (int i = 0; i < g->nnodes; i++) {
    p->keep_at[i] = p->values;
    p->values += round_up(g->node[i].keep * (size_t)p->lanes) + round_up(g->node[i].fixed_keep);
  }
  for (int i = 0; i < g->nnodes; i++) {
    size_t need = round_up(g->node[i].scratch * (size_t)p->lanes) + g->node[i].fixed_scratch;
    if (need > p->scratch) p->scratch = need;
  }
}

/* Node by node, a node's dy is born at its last reader (or at the output) and dies after its own backward;
 * in-place ops hand their dy down to the input, so a region lives to the lowest node of such a chain. A group counts as
 * one moment. */
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
        bool dead = last[i] < g->nnodes && p->group[low[j]] > p->group[last[i]];
        if (p->grad_at[j] == SIZE_MAX || (!p->by_positions && dead)) continue;
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

/* Does a node that is not local (it may add to any position) share the group of node i and the input x? */
static bool shared_in_group(const nn_plan *p, int i, int x) {
  const nn_node *head = &p->graph->node[p->group[i]];
  bool shared = false;
  for (int k = 0; k < head->nin && !head->local && p->group[i] != i; k++) shared |= head->in[k] == x;
  return shared;
}

/* Which inputs' gradients node i's backward is the first to touch: a local node sets them, for others they are cleared.
 */
static void plan_opens(nn_plan *p) {
  const nn_graph *g = p->graph;
  for (int i = 0; i < g->nnodes; i++)
    for (int k = 0; k < g->node[i].nin; k++) {
      int x = g->node[i].in[k];
      bool first = x != g->output && p->grad_at[x] != SIZE_MAX && p->grad_at[x] != p->grad_at[i];
      for (int j = i; j < g->nnodes && first; j++)
        for (int q = 0; q < g->node[j].nin; q++) first &= g->node[j].in[q] != x || (j == i && q >= k);
      if (!first) continue;
      if ((g->node[i].local || (g->node[i].once && !k)) && (p->by_positions || !shared_in_group(p, i, x)))
        p->opens[i] |= 1u << k;
      else
        p->clears[i] |= 1u << k;
    }
}

int nn_plan_new(nn_plan **out, const nn_graph *g, int lanes, bool train, bool steps, err *e) {
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    nn_ahead ahead = train ? NN_NEVER : NN_IN_TRAINING; /* the most a step can live with */
    const char *missing = !n->op                      ? NULL
                          : steps && !n->op->step     ? "step (needed to draw)"
                          : steps && n->ahead > ahead ? "step with these settings (it looks at later positions)"
                          : train && !n->op->backward ? "backward (needed to train)"
                                                      : NULL;
    if (missing)
      return err_set(e, ERR_DECK, "network node '%s': op '%s' has no walk %s", n->name, n->op->name, missing);
  }
  nn_plan *p = calloc(1, sizeof *p);
  size_t n = (size_t)g->nnodes;
  if (p) {
    p->value_at = calloc(n, sizeof *p->value_at);
    p->keep_at = calloc(n, sizeof *p->keep_at);
    p->clears = calloc(n, sizeof *p->clears);
    p->group = calloc(n, sizeof *p->group);
    p->block = calloc(n, sizeof *p->block);
    p->grad_at = calloc(n, sizeof *p->grad_at);
    p->opens = calloc(n, sizeof *p->opens);
  }
  if (!p || !p->value_at || !p->keep_at || !p->grad_at || !p->opens || !p->clears || !p->group || !p->block) {
    nn_plan_free(p);
    return err_set(e, ERR_RUN, "network plan: out of memory");
  }
  p->graph = g;
  p->lanes = lanes;
  p->train = train;
  plan_groups(p);
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
  free(p->value_at), free(p->keep_at), free(p->grad_at);
  free(p->opens), free(p->clears);
  free(p->group), free(p->block);
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
    f->keep = calloc(n, sizeof *f->keep);
    f->arena = nn_alloc(p->values * sizeof *f->arena);
    f->grad = share ? share->grad : calloc(n, sizeof *f->grad);
    f->scratch = share ? share->scratch : nn_alloc(p->scratch * sizeof *f->scratch);
    f->grad_arena = share ? share->grad_arena : nn_alloc(p->grads * sizeof *f->grad_arena);
  }
  if (!f || !f->value || !f->keep || !f->arena || !f->grad || !f->scratch || !f->grad_arena) {
    nn_frame_free(f, share);
    *out = NULL;
    return err_set(e, ERR_RUN, "network: out of memory for a frame of %.1f MB",
                   (double)(p->values + p->grads + p->scratch) * sizeof(nn_real) * 1e-6);
  }
  f->lanes = f->valid = p->lanes;
  f->train = p->train;
  f->opens = p->opens;
  for (size_t i = 0; i < n; i++) {
    f->value[i] = f->arena + p->value_at[i];
    f->keep[i] = f->arena + p->keep_at[i];
    if (!share) f->grad[i] = p->grad_at[i] == SIZE_MAX ? NULL : f->grad_arena + p->grad_at[i];
  }
  return 0;
}

void nn_frame_free(nn_frame *f, const nn_frame *share) {
  if (!f) return;
  free(f->arena);
  free(f->value);
  free(f->keep);
  if (!share) {
    free(f->scratch);
    free(f->grad_arena);
    free(f->grad);
  }
  free(f);
}

/* One past the last node of the group that begins at node i. */
static int group_end(const nn_plan *p, int i) {
  int end = i + 1;
  while (end < p->graph->nnodes && p->group[end] == i) end++;
  return end;
}

static void forward_group(const nn_plan *p, const nn_frame *f, int head, int end) {
  const nn_node *n = p->graph->node;
  int positions = nn_positions(n[head].shape), block = p->block[head];
  for (int k = head; k < end; k++)
    if (n[k].op->begin) n[k].op->begin(&n[k], f);
  for (int t = 0; t < positions; t += block)
    for (int k = head; k < end; k++) n[k].op->block(&n[k], f, t, t + block < positions ? t + block : positions);
}

void nn_forward(const nn_plan *p, const nn_frame *f) {
  const nn_node *n = p->graph->node;
  for (int i = 0, end; i < p->graph->nnodes; i = end) {
    end = group_end(p, i);
    if (end > i + 1)
      forward_group(p, f, i, end);
    else if (n[i].op)
      n[i].op->forward(&n[i], f);
  }
}

void nn_step(const nn_plan *p, const nn_frame *f, int t) {
  for (int i = 0; i < p->graph->nnodes; i++)
    if (p->graph->node[i].op) p->graph->node[i].op->step(&p->graph->node[i], f, t);
}

static void clear_gradients(const nn_plan *p, const nn_frame *f, const nn_node *n) {
  for (int k = 0; k < n->nin; k++)
    if (p->clears[n->id] >> k & 1)
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

static void back_blocks(const nn_plan *p, const nn_frame *f, int head, int from, int to) {
  const nn_node *n = p->graph->node;
  int positions = nn_positions(n[head].shape), block = p->block[head];
  for (int t = (positions - 1) / block * block; t >= 0; t -= block)
    for (int k = to - 1; k >= from; k--)
      if (f->grad[k]) n[k].op->back_block(&n[k], f, t, t + block < positions ? t + block : positions);
}

/* The nodes behind the head come first by themselves where the head has to see all of its dy. */
static void backward_group(const nn_plan *p, const nn_frame *f, int head, int end) {
  const nn_node *n = p->graph->node;
  bool apart = n[head].op->back_begin;
  for (int k = head; k < end; k++)
    if (f->grad[k]) clear_gradients(p, f, &n[k]);
  if (apart) back_blocks(p, f, head, head + 1, end);
  if (apart && f->grad[head]) n[head].op->back_begin(&n[head], f);
  back_blocks(p, f, head, head, apart ? head + 1 : end);
}

void nn_backward(const nn_plan *p, const nn_frame *f) {
  if (p->by_positions) {
    backward_by_positions(p, f);
    return;
  }
  const nn_node *n = p->graph->node;
  for (int end = p->graph->nnodes, i; end > 0; end = i) {
    i = p->group[end - 1];
    if (end > i + 1) {
      backward_group(p, f, i, end);
    } else if (n[i].op && f->grad[i]) {
      clear_gradients(p, f, &n[i]);
      n[i].op->backward(&n[i], f);
    }
  }
}

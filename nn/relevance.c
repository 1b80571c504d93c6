/* relevance.c: rules per node, storage, and the walk over the array (see relevance.h). */
#include "nn/relevance.h"

#include <stdlib.h>
#include <string.h>

#include "nn/ops.h"

static int readers(const nn_graph *g, int node) {
  int n = node == g->output;
  for (int i = 0; i < g->nnodes; i++)
    for (int k = 0; k < g->node[i].nin; k++) n += g->node[i].in[k] == node;
  return n;
}

/* Is it a product over lists of rows? */
static bool is_product(const nn_node *n) {
  return n->op && n->op->relevance == nn_linear_relevance;
}

static int check_node(const nn_node *n, const nn_rule *rule, err *e) {
  if (!n->op->relevance)
    return err_set(e, ERR_DECK, "network node '%s': op '%s' has no walk relevance", n->name, n->op->name);
  if (!rule->type) return err_set(e, ERR_DECK, "network node '%s' (%s): no relevance rule", n->name, n->op->name);
  if (!(rule->type->fits & n->op->takes))
    return err_set(e, ERR_DECK, "network node '%s': op '%s' knows no relevance rule '%s'", n->name, n->op->name,
                   rule->type->name);
  if (rule->epsilon < 0 || rule->gamma < 0 || rule->low > rule->high)
    return err_set(e, ERR_DECK, "network node '%s': relevance rule '%s' needs epsilon >= 0, gamma >= 0, low <= high",
                   n->name, rule->type->name);
  double off = rule->alpha - rule->beta - 1;
  if (rule->type == &nn_rule_alpha_beta && !(off < 1e-12 && off > -1e-12 && rule->beta >= 0))
    return err_set(e, ERR_DECK, "network node '%s': relevance rule alpha_beta needs alpha - beta = 1, beta >= 0",
                   n->name);
  return 0;
}

/* The batch norm that can be folded into the linear node n. */
static int fold_of(const nn_relevance *r, const nn_node *n) {
  const nn_graph *g = r->graph;
  if (readers(g, n->id) != 1) return -1;
  for (int i = n->id + 1; i < g->nnodes; i++)
    if (g->node[i].op == &nn_op_batch_norm && g->node[i].in[0] == n->id && r->rule[i].type == &nn_rule_pass) return i;
  return -1;
}

/* What ops may need: nine times the channels of one position and once those of x, or what their backward needs. */
static void want_scratch(nn_relevance *r, const nn_node *n) {
  size_t rows = 9 * (size_t)n->shape.channels + (size_t)r->graph->node[n->in[0]].shape.channels;
  size_t reals = n->op->relevance == nn_adjoint_relevance ? nn_adjoint_scratch(r, n) : rows * (size_t)r->lanes;
  if (reals > r->scratch) r->scratch = reals;
}

int nn_relevance_new(nn_relevance **out, const nn_graph *g, int lanes, const nn_rule *rules, err *e) {
  size_t n = (size_t)g->nnodes;
  nn_relevance *r = *out = calloc(1, sizeof *r);
  if (r) {
    *r = (nn_relevance){.graph = g, .lanes = lanes};
    r->rule = calloc(n, sizeof *r->rule);
    r->prepared = calloc(n, sizeof *r->prepared);
  }
  int bad = !r || !r->rule || !r->prepared ? err_set(e, ERR_RUN, "relevance: out of memory") : 0;
  for (int i = 0; i < g->nnodes && !bad; i++) {
    const nn_node *k = &g->node[i];
    r->rule[i] = rules[i];
    if (rules[i].type == &nn_rule_zero) r->rule[i].epsilon = 0;
    if (k->op && !(bad = check_node(k, &rules[i], e))) want_scratch(r, k);
  }
  for (int i = 0; i < g->nnodes && !bad; i++) {
    const nn_node *k = &g->node[i];
    if (!is_product(k)) continue;
    r->prepared[i].fold = fold_of(r, k);
    bad = nn_linear_reserve(r, k, e);
  }
  if (bad) {
    nn_relevance_free(r);
    *out = NULL;
  }
  return bad;
}

void nn_relevance_free(nn_relevance *r) {
  if (!r) return;
  for (int i = 0; i < r->graph->nnodes && r->prepared; i++) nn_linear_release(&r->prepared[i]);
  free(r->rule), free(r->prepared), free(r);
}

void nn_relevance_prepare(nn_relevance *r, const nn_real *theta, const nn_real *state) {
  for (int i = 0; i < r->graph->nnodes; i++) {
    const nn_node *n = &r->graph->node[i];
    if (is_product(n)) nn_linear_prepare(r, n, theta, state);
  }
}

/* Where node i only passes on and is its input's sole reader, both have the same numbers in the same place. */
static bool shares_storage(const nn_relevance *r, const nn_node *n) {
  return n->op && n->op->relevance == nn_pass_relevance && r->rule[n->id].type == &nn_rule_pass &&
         readers(r->graph, n->in[0]) == 1;
}

static size_t reals_of(const nn_relevance *r, int node) {
  return (nn_rows(r->graph->node[node].shape) * (size_t)r->lanes + 15) / 16 * 16;
}

int nn_trail_new(nn_trail **out, const nn_relevance *r, bool ledger, err *e) {
  const nn_graph *g = r->graph;
  size_t n = (size_t)g->nnodes, total = 0, at = 0;
  nn_trail *t = *out = calloc(1, sizeof *t);
  for (int i = 0; i < g->nnodes; i++) total += reals_of(r, i);
  if (t) {
    t->relevance = calloc(n, sizeof *t->relevance);
    t->live = calloc(n, sizeof *t->live);
    t->value = calloc(n, sizeof *t->value);
    t->grad = calloc(n, sizeof *t->grad);
    t->arena = nn_alloc(total * sizeof *t->arena);
    t->scratch = nn_alloc(r->scratch * sizeof *t->scratch);
    if (ledger) t->ledger = nn_alloc(n * NN_ACCOUNTS * (size_t)r->lanes * sizeof *t->ledger);
  }
  if (!t || !t->relevance || !t->live || !t->value || !t->grad || !t->arena || !t->scratch || (ledger && !t->ledger)) {
    nn_trail_free(t);
    *out = NULL;
    return err_set(e, ERR_RUN, "relevance: out of memory for %.1f MB",
                   (double)(total + r->scratch) * sizeof(nn_real) * 1e-6);
  }
  for (int i = g->nnodes - 1; i >= 0; i--) {
    if (!t->relevance[i]) t->relevance[i] = t->arena + at, at += reals_of(r, i);
    if (shares_storage(r, &g->node[i])) t->relevance[g->node[i].in[0]] = t->relevance[i];
  }
  return 0;
}

void nn_trail_free(nn_trail *t) {
  if (!t) return;
  free(t->relevance), free(t->ledger), free(t->live), free(t->value), free(t->grad), free(t->scratch), free(t->arena),
      free(t);
}

/* Inputs that get relevance for the first time start from zero, unless the numbers are there already. */
static void open_inputs(const nn_relevance *r, const nn_node *n, nn_trail *t) {
  for (int k = 0; k < n->nin; k++) {
    int x = n->in[k];
    if (!t->live[x] && t->relevance[x] != t->relevance[n->id])
      memset(t->relevance[x], 0, reals_of(r, x) * sizeof(nn_real));
    t->live[x] = true;
  }
}

void nn_relevance_walk(const nn_relevance *r, const nn_frame *f, nn_trail *t, int from) {
  const nn_graph *g = r->graph;
  memset(t->live, 0, (size_t)g->nnodes * sizeof *t->live);
  if (t->ledger) memset(t->ledger, 0, (size_t)g->nnodes * NN_ACCOUNTS * (size_t)r->lanes * sizeof *t->ledger);
  t->live[from] = true;
  for (int i = from; i >= 0; i--) {
    const nn_node *n = &g->node[i];
    if (!n->op || !t->live[i]) continue;
    open_inputs(r, n, t);
    n->op->relevance(n, f, r, t);
  }
}

void nn_pass_relevance(const nn_node *n, const nn_frame *f, const nn_relevance *r, nn_trail *t) {
  int S = f->lanes;
  const nn_real *from = t->relevance[n->id];
  nn_real *to = t->relevance[n->in[0]];
  double *out = nn_account(t, n->id, NN_OUT, S);
  size_t rows = nn_rows(n->shape);
  for (size_t k = 0; k < rows * (size_t)S && to != from; k++) to[k] += from[k];
  nn_credit(out, S, rows, from);
  if (out) memcpy(nn_account(t, n->id, NN_IN, S), out, (size_t)S * sizeof *out);
}

/* series_attribute.c: series_explainer_*, series_attribute, series_cascade (see series_attribute.h). */
#include "apps/series_attribute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(x) offsetof(series_attribute_conf, x)
const deck_key series_attribute_keys[] = {
    {"nodes", DECK_INT, AT(nodes), "8", 1, 1000, .help = "of the quadrature of integrated gradients, per panel"},
    {"panels", DECK_INT, AT(most), "64", 1, 4096, .help = "most panels of integrated gradients"},
    {"tolerance", DECK_REAL, AT(tolerance), "1e-3", 1e-9, 1, .help = "of their completeness: panels are doubled until"},
    {"epsilon", DECK_REAL, AT(epsilon), "1e-6", 0, 1e3, .help = "stabiliser of layer-wise relevance"},
    {"gamma", DECK_REAL, AT(gamma), "0.25", 0, 1e6, .help = "of its rules gamma"},
    {0}};
#undef AT

static const struct {
  const char *name, *composite;
} lrp_methods[] = {{"lrp-epsilon", "epsilon"},
                   {"lrp-epsilon-plus", "epsilon-plus"},
                   {"lrp-epsilon-alpha2-beta1", "epsilon-alpha2-beta1"},
                   {"lrp-lattice", "lattice"},
                   {"lrp-epsilon-plus-flat", "epsilon-plus-flat"}};
enum { LRPS = sizeof lrp_methods / sizeof *lrp_methods };

static bool same_rules(int n, const nn_rule *a, const nn_rule *b) {
  for (int i = 0; i < n; i++)
    if (a[i].type != b[i].type || a[i].alpha != b[i].alpha || a[i].beta != b[i].beta) return false;
  return true;
}

/* The composites that differ on this network. */
static int add_lrp(series_explainer *x, err *e) {
  xai_settings s = xai_settings_default;
  int n = x->net->graph->nnodes, kept = 0;
  nn_rule *rules = calloc((size_t)n * LRPS, sizeof *rules);
  s.epsilon = x->c.epsilon, s.gamma = x->c.gamma;
  if (!rules) return err_set(e, ERR_RUN, "out of memory");
  for (int k = 0; k < LRPS && !e->code; k++) {
    nn_rule *own = rules + kept * n;
    bool new = !xai_rules(xai_composite_find(lrp_methods[k].composite), &s, x->net->graph, own, e);
    for (int q = 0; q < kept && new; q++) new = !same_rules(n, own, rules + q * n);
    if (!new) continue;
    if (xai_lrp_new(&x->lrp[x->methods], x->net, own, true, e)) break;
    x->name[x->methods++] = lrp_methods[k].name, kept++;
  }
  free(rules);
  return e->code;
}

int series_explainer_new(series_explainer **out, const nn_graph *g, const nn_real *theta, const nn_real *state,
                         int lanes, const series_attribute_conf *c, err *e) {
  series_explainer *x = *out = calloc(1, sizeof *x);
  if (!x) return err_set(e, ERR_RUN, "explanation: out of memory");
  *x = (series_explainer){.methods = SERIES_PLAIN, .name = {"saliency", "input-x-gradient", "integrated"}, .c = *c};
  if (!xai_net_new(&x->net, g, 0, lanes, theta, state, e) && !xai_quadrature_new(&x->quadrature, (int)c->nodes, e) &&
      !(x->baseline = nn_alloc(x->net->inputs * (size_t)lanes * sizeof *x->baseline)))
    err_set(e, ERR_RUN, "explanation: out of memory");
  if (!e->code) add_lrp(x, e);
  if (e->code) {
    series_explainer_free(x);
    *out = NULL;
  }
  return e->code;
}

void series_explainer_free(series_explainer *x) {
  if (!x) return;
  for (int k = 0; k < x->methods; k++) xai_lrp_free(x->lrp[k]);
  xai_quadrature_free(&x->quadrature), xai_net_free(x->net);
  free(x->baseline), free(x);
}

int series_method_find(const series_explainer *x, const char *name) {
  for (int k = 0; k < x->methods; k++)
    if (!strcmp(x->name[k], name)) return k;
  return -1;
}

/* What the ledger of the worst node lacks, over the relevance that this node moved. */
static void ledger_fault(const xai_lrp *l, int valid, double *fault) {
  const nn_graph *g = l->net->graph;
  int S = l->net->lanes;
  for (int i = 0; i < valid; i++) fault[i] = 0;
  for (int node = 0; node < g->nnodes; node++) {
    if (!g->node[node].op || !l->trail->live[node]) continue;
    for (int i = 0; i < valid; i++) {
      double a[NN_ACCOUNTS], moved = 0;
      for (int k = 0; k < NN_ACCOUNTS; k++) a[k] = nn_account(l->trail, node, k, S)[i];
      for (size_t row = 0; row < nn_rows(g->node[node].shape); row++)
        moved += fabs((double)l->trail->relevance[node][row * (size_t)S + (size_t)i]);
      double lacks = fabs(a[NN_OUT] - a[NN_IN] - a[NN_BIAS] - a[NN_STABILISER] - a[NN_PADDING]);
      moved += fabs(a[NN_BIAS]) + fabs(a[NN_STABILISER]) + fabs(a[NN_PADDING]);
      if (moved > 0) fault[i] = fmax(fault[i], lacks / moved);
    }
  }
}

static void sums(const series_explainer *x, const nn_real *R, double *sum) {
  size_t S = (size_t)x->net->lanes;
  for (size_t i = 0; i < S; i++) sum[i] = 0;
  for (size_t k = 0; k < x->net->inputs * S; k++) sum[k % S] += (double)R[k];
}

static int relevance(series_explainer *x, xai_lrp *l, const nn_real *in, const nn_real *seed, int valid, nn_real *R,
                     double *fault) {
  xai_relevance(l, in, seed);
  memcpy(R, l->trail->relevance[0], x->net->inputs * (size_t)x->net->lanes * sizeof *R);
  if (fault) ledger_fault(l, valid, fault);
  return 0;
}

int series_attribute(series_explainer *x, int method, const nn_real *in, const nn_real *seed, int valid, nn_real *R,
                     double *fault, double *got, err *e) {
  double gap[NN_MAX_LANES], f[NN_MAX_LANES], sum[NN_MAX_LANES];
  size_t count = x->net->inputs * (size_t)x->net->lanes;
  for (int i = 0; fault && i < valid; i++) fault[i] = NAN;
  if (method == SERIES_INTEGRATED) {
    xai_line line = {in, x->baseline, seed, 0};
    if (xai_integrated_to(x->net, &line, &x->quadrature, x->c.tolerance, (int)x->c.most, valid, R, gap, f, NULL, e))
      return e->code;
    for (int i = 0; fault && i < valid; i++) fault[i] = fabs(gap[i] / f[i]);
  } else {
    if (method < 2 ? xai_gradient(x->net, in, seed, 0, method == 1, R, e)
                   : relevance(x, x->lrp[method], in, seed, valid, R, fault))
      return e->code;
    xai_net_answer(x->net, seed, f);
  }
  for (size_t k = 0; k < count && !method; k++) R[k] = (nn_real)fabs((double)R[k]);
  sums(x, R, sum);
  for (int i = 0; got && i < valid; i++) got[i] = method ? sum[i] / f[i] : NAN;
  return 0;
}

/* ---- cascading randomisation ---- */
typedef struct again {
  series_explainer *x;
  int method, valid;
  const nn_real *in, *seed;
} again;

static int explain_again(void *ctx, const nn_real *theta, nn_real *R, err *e) {
  again *a = ctx;
  xai_lrp *l = a->x->lrp[a->method];
  a->x->net->frame->theta = theta;
  if (l) nn_relevance_prepare(l->rules, theta, a->x->net->frame->state);
  return series_attribute(a->x, a->method, a->in, a->seed, a->valid, R, NULL, NULL, e);
}

int series_cascade(series_explainer *x, int method, const nn_real *in, const nn_real *seed, int valid,
                   unsigned layers_seed, xai_likeness *rho, int *nodes, err *e) {
  const nn_graph *g = x->net->graph;
  const nn_real *theta = x->net->frame->theta;
  again a = {x, method, valid, in, seed};
  xai_cascade c = {g, x->net->inputs, x->net->lanes, valid, layers_seed, &a, explain_again, method ? in : NULL, true};
  xai_likeness *all = malloc(sizeof *all * (size_t)(g->nnodes + 1));
  int steps = all ? xai_cascade_run(&c, theta, g->nnodes, NULL, all, e) : -1;
  if (!all) err_set(e, ERR_RUN, "out of memory");
  if (steps > 0) *rho = all[steps - 1];
  if (steps >= 0) *nodes = steps;
  x->net->frame->theta = theta;
  if (x->lrp[method]) nn_relevance_prepare(x->lrp[method]->rules, theta, x->net->frame->state);
  free(all);
  return e->code;
}

/* composite.c: the table of composites (see composite.h). epsilon-gamma-box, epsilon-plus(-flat) and
 * epsilon-alpha2-beta1(-flat): Montavon et al. 2019; Kohlbrenner et al., IJCNN 2020. lattice: for fields that are
 * signed and unbounded (w^2 below, generalised gamma above). Where inputs are not negative general_gamma is gamma. The
 * composites above treat dense layers as the top of a network of convolutions; for networks of dense layers alone:
 * gamma (Andeol et al., arXiv:2106.04923), plus-box (deep Taylor decomposition, Montavon et al., Pattern Recognition 65
 * (2017) 211; the released code of Bluecher et al., PRD 101 094507) and alpha2-beta1 (Bach et al. 2015) on every layer.
 */
#include "xai/composite.h"

#include <string.h>

#include "nn/ops.h"

const xai_settings xai_settings_default = {1e-6, 0.25, -1, 1, false, false};

/* Behind the rows of every composite. */
static const xai_assignment shared[] = {{"max", &nn_rule_winner},
                                        {"product", &nn_rule_winner},
                                        {"sum", &nn_rule_epsilon},
                                        {"norm", &nn_rule_epsilon},
                                        {"pass", &nn_rule_pass},
                                        {"*", &nn_rule_epsilon},
                                        {NULL}};

static const xai_composite zero = {
    "zero", "rule 0 for every sum", {{"sum", &nn_rule_zero}, {"norm", &nn_rule_zero}, {"linear", &nn_rule_zero}}};
static const xai_composite epsilon = {"epsilon", "rule epsilon for every sum", {{"linear", &nn_rule_epsilon}}};
static const xai_composite epsilon_gamma_box = {
    "epsilon-gamma-box",
    "box on the first, gamma on convolutions, epsilon on dense layers",
    {{"first", &nn_rule_box}, {"conv", &nn_rule_general_gamma}, {"linear", &nn_rule_epsilon}}};
static const xai_composite epsilon_plus = {"epsilon-plus",
                                           "z+ on convolutions, epsilon on dense layers",
                                           {{"conv", &nn_rule_z_plus}, {"linear", &nn_rule_epsilon}}};
static const xai_composite epsilon_plus_flat = {
    "epsilon-plus-flat",
    "flat on the first, z+ on convolutions, epsilon on dense layers",
    {{"first", &nn_rule_flat}, {"conv", &nn_rule_z_plus}, {"linear", &nn_rule_epsilon}}};
static const xai_composite epsilon_alpha = {"epsilon-alpha2-beta1",
                                            "alpha 2 beta 1 on convolutions, epsilon on dense layers",
                                            {{"conv", &nn_rule_alpha_beta, 2, 1}, {"linear", &nn_rule_epsilon}}};
static const xai_composite epsilon_alpha_flat = {
    "epsilon-alpha2-beta1-flat",
    "flat on the first, alpha 2 beta 1 on convolutions, epsilon on dense layers",
    {{"first", &nn_rule_flat}, {"conv", &nn_rule_alpha_beta, 2, 1}, {"linear", &nn_rule_epsilon}}};
static const xai_composite for_lattice = {
    "lattice",
    "w^2 on the first, generalised gamma on convolutions, epsilon on dense layers",
    {{"first", &nn_rule_w2}, {"conv", &nn_rule_general_gamma}, {"linear", &nn_rule_epsilon}}};

static const xai_composite gamma_all = {
    "gamma", "generalised gamma on every linear layer", {{"linear", &nn_rule_general_gamma}}};
static const xai_composite plus_box = {"plus-box",
                                       "box on the first, z+ on all other linear layers",
                                       {{"first", &nn_rule_box}, {"linear", &nn_rule_z_plus}}};
static const xai_composite alpha_all = {
    "alpha2-beta1", "alpha 2 beta 1 on every linear layer", {{"linear", &nn_rule_alpha_beta, 2, 1}}};

const xai_composite *const xai_composites[] = {&zero,
                                               &epsilon,
                                               &epsilon_gamma_box,
                                               &epsilon_plus,
                                               &epsilon_plus_flat,
                                               &epsilon_alpha,
                                               &epsilon_alpha_flat,
                                               &for_lattice,
                                               &gamma_all,
                                               &plus_box,
                                               &alpha_all,
                                               NULL};
const char xai_composite_words[] =
    "zero|epsilon|epsilon-gamma-box|epsilon-plus|epsilon-plus-flat|epsilon-alpha2-beta1|epsilon-alpha2-beta1-flat|"
    "lattice|gamma|plus-box|alpha2-beta1";

const xai_composite *xai_composite_find(const char *name) {
  for (int i = 0; xai_composites[i]; i++)
    if (!strcmp(xai_composites[i]->name, name)) return xai_composites[i];
  return NULL;
}

/* Does a sum look at an input of the network, through ops that only pass on? */
static bool is_first(const nn_graph *g, const nn_node *n) {
  const nn_node *x = &g->node[n->in[0]];
  while (x->op && x->nin == 1 && x->op->takes == NN_SHARE_PASS && !x->nparam) x = &g->node[x->in[0]];
  return n->op->linear && !x->op;
}

static bool fits(const char *pattern, const nn_graph *g, const nn_node *n) {
  const nn_op *op = n->op;
  bool max = op == &nn_op_pool && ((const nn_pool_conf *)n->conf)->max;
  const struct {
    const char *pattern;
    bool fits;
  } table[] = {{"*", true},
               {"first", is_first(g, n)},
               {"conv", op->linear && op != &nn_op_dense},
               {"dense", op == &nn_op_dense},
               {"linear", op->linear},
               {"max", max},
               {"product", op == &nn_op_product || op == &nn_op_glu},
               {"sum", op == &nn_op_add || op == &nn_op_weighted || (op == &nn_op_pool && !max)},
               {"norm", op == &nn_op_layer_norm},
               {"pass", op->takes & NN_SHARE_PASS}};
  for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
    if (!strcmp(table[i].pattern, pattern)) return table[i].fits;
  return false;
}

static const xai_assignment *first_of(const xai_assignment *row, int rows, const nn_graph *g, const nn_node *n) {
  for (int i = 0; i < rows && row[i].pattern; i++)
    if (row[i].rule->fits & n->op->takes && fits(row[i].pattern, g, n)) return &row[i];
  return NULL;
}
static const xai_assignment *assigned(const xai_composite *c, const nn_graph *g, const nn_node *n) {
  const xai_assignment *own = first_of(c->row, 8, g, n);
  return own ? own : first_of(shared, 8, g, n);
}

int xai_rules(const xai_composite *c, const xai_settings *s, const nn_graph *g, nn_rule *rules, err *e) {
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    rules[i] = (nn_rule){.type = &nn_rule_pass};
    if (!n->op) continue;
    const xai_assignment *a = assigned(c, g, n);
    if (!a)
      return err_set(e, ERR_DECK, "network node '%s' (%s): composite '%s' has no relevance rule for it", n->name,
                     n->op->name, c->name);
    rules[i] = (nn_rule){.type = a->rule,
                         .epsilon = s->epsilon,
                         .gamma = s->gamma,
                         .alpha = a->alpha,
                         .beta = a->beta,
                         .low = s->low,
                         .high = s->high,
                         .zero_bias = s->zero_bias,
                         .padding = s->padding};
  }
  return 0;
}

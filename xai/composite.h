/* composite.h: which relevance rule goes to which node: composites by name, tables of (pattern, rule). The first row
 * whose pattern fits a node, and whose rule its op understands, decides. Patterns: "first" (a sum over an input of the
 * network, with nothing but passing ops between), "conv" (convolutions and sites), "dense", "linear" (any), "sum"
 * (adds, means), "max" (maxima), "product" (products and gates), "norm" (layer norm), "pass" (what only passes on),
 * "*". Local. */
#ifndef XAI_COMPOSITE_H
#define XAI_COMPOSITE_H

#include "nn/graph.h"
#include "nn/rule.h"

typedef struct xai_settings {
  double epsilon;   /* stabiliser of all rules */
  double gamma;     /* of gamma and general_gamma */
  double low, high; /* of box */
  bool padding, zero_bias;
} xai_settings;
extern const xai_settings xai_settings_default; /* 1e-6, 0.25, -1, 1, false, false */

typedef struct xai_assignment {
  const char *pattern;
  const nn_rule_type *rule;
  double alpha, beta;
} xai_assignment;
typedef struct xai_composite {
  const char *name, *help;
  xai_assignment row[8]; /* then those that all composites share */
} xai_composite;
extern const xai_composite *const xai_composites[]; /* NULL-terminated */
const xai_composite *xai_composite_find(const char *name);
extern const char xai_composite_words[]; /* "zero|epsilon|..." in the order of the table, for decks */

/* rules[node] for every node. ERR_DECK: a node that no row fits (names it). Single rules may be changed afterwards. */
int xai_rules(const xai_composite *c, const xai_settings *s, const nn_graph *g, nn_rule *rules, err *e);

#endif

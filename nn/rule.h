/* rule.h: what a relevance rule is (layer-wise relevance propagation: Bach et al., PLoS ONE 10 e0130140, 2015; Montavon
 * et al. 2019). A rule says how the relevance R_k of a sum is shared among its terms:
 *   z_k = sum_j q_jk + bias,   s_k = R_k / stab(z_k),   R_j = sum_k q_jk s_k,   q_jk = part(x_j) mod(w_jk)
 *   stab(z) = z + epsilon sign(z),   sign(0) = +1;   where stab(z) = 0 nothing is shared
 * Some rules have two such sums (units), of which each carries a part of R_k. What does not reach an input is booked:
 * R_out = R_in + R_bias + R_stabiliser + R_padding, node by node and lane by lane (nn/relevance.h: the ledger).
 *   rule           q                                        of which sum
 *   pass           R_j = R_k                                what activations, dropout and reordering do
 *   0, epsilon     x w                                      (0: without stabiliser)
 *   gamma          x (w + g w+)                             for x >= 0
 *   general_gamma  x+ (w + g w+) + x- (w + g w-)            where z >= 0
 *                  x+ (w + g w-) + x- (w + g w+)            where z < 0
 *   z_plus         x+ w+ + x- w-
 *   alpha_beta     alpha times the share in x+ w+ + x- w-, minus beta times that in x+ w- + x- w+; alpha - beta = 1.
 *                  A unit whose terms all have one sign shares R_k, not alpha R_k or -beta R_k (where beta = 0 no share
 *                  goes to negative terms: it is z_plus)
 *   w2             w^2                                      x unbounded: first layer
 *   flat           1
 *   box            x w - low w+ - high w-                   low <= x <= high: first layer
 *   winner         all to the largest term                  maximum; of a product: all to the signal, none to the gate
 * The bias is the weight of an input that is 1 (w2, flat, box: it takes no part). Padding is an input that is 0: it has
 * a share in w2, flat and box only, and there only if rule.padding says so. All local; nothing allocates. */
#ifndef NN_RULE_H
#define NN_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/real.h"

/* Which ops a rule is for: an op says in `takes` what it understands. */
enum {
  NN_SHARE_PASS = 1,   /* y[i] comes from x[i] alone (or x is moved about)     */
  NN_SHARE_SUM = 2,    /* y is a sum, any rule of the table above              */
  NN_SHARE_PLAIN = 4,  /* y is a sum, rules that leave the weights as they are */
  NN_SHARE_EVEN = 8,   /* equal parts                                          */
  NN_SHARE_WINNER = 16 /* all to one                                           */
};

typedef enum { NN_PART_X, NN_PART_POS, NN_PART_NEG, NN_PART_ONE, NN_PART_LOW, NN_PART_HIGH, NN_PARTS } nn_part;
typedef enum { NN_MOD_W, NN_MOD_POS, NN_MOD_NEG, NN_MOD_MORE_POS, NN_MOD_MORE_NEG, NN_MOD_SQUARE, NN_MOD_ONE } nn_mod;
enum { NN_UNITS = 2, NN_TERMS = 4 };
typedef struct nn_term {
  int unit;
  nn_part part;
  nn_mod mod;
} nn_term;

/* Where relevance went: per node NN_ACCOUNTS x lanes. */
enum { NN_OUT, NN_IN, NN_BIAS, NN_STABILISER, NN_PADDING, NN_ACCOUNTS };

typedef struct nn_rule nn_rule;
/* Output rows of a sum, each the lanes of one position and channel. */
typedef struct nn_sums {
  int S;
  size_t rows;
  const nn_real *R;              /* (rows, S) */
  nn_real *z[NN_UNITS];          /* (rows, S) sum over the inputs that vary; on return s of each unit */
  const nn_real *bias[NN_UNITS]; /* (rows) or NULL, like the next two */
  const nn_real *fixed;          /* sums over inputs of what does not depend on x */
  const nn_real *pad;
} nn_sums;

typedef struct nn_rule_type {
  const char *name, *help;
  unsigned fits; /* NN_SHARE_* */
  int units, terms;
  nn_term term[NN_TERMS];
  bool no_bias;
  void (*share)(const nn_rule *r, const nn_sums *w, double *account); /* of a few rows: by nn_share */
} nn_rule_type;

struct nn_rule {
  const nn_rule_type *type;
  double epsilon, gamma, alpha, beta, low, high;
  bool zero_bias; /* bias counts as zero: it gets no share */
  bool padding;   /* padding is an input too (w2, flat, box) */
};

extern const nn_rule_type nn_rule_pass, nn_rule_zero, nn_rule_epsilon, nn_rule_gamma, nn_rule_general_gamma,
    nn_rule_z_plus, nn_rule_alpha_beta, nn_rule_w2, nn_rule_flat, nn_rule_box, nn_rule_winner;
extern const nn_rule_type *const nn_rules[];        /* NULL-terminated */
const nn_rule_type *nn_rule_find(const char *name); /* NULL if absent */

/* The weight that a term uses in place of w, and what a part that does not depend on x holds. */
double nn_rule_mod(const nn_rule *r, nn_mod mod, double w);
double nn_rule_constant(const nn_rule *r, nn_part part);
/* What a bias adds to the sum of each unit. */
void nn_rule_bias(const nn_rule *r, double b, nn_real bias[NN_UNITS]);

/* z becomes s; account (NN_ACCOUNTS, S) is added to, or NULL. */
void nn_share(const nn_rule *r, const nn_sums *w, double *account);

/* For a sum with one weight w: q_u(x) = x (x > 0 ? pos[u] : neg[u]) + one[u]. */
typedef struct nn_gain {
  nn_real pos[NN_UNITS], neg[NN_UNITS], one[NN_UNITS];
} nn_gain;
nn_gain nn_rule_gain(const nn_rule *r, double w);
static inline nn_real nn_gain_at(const nn_gain *g, int u, nn_real x) {
  return x * (x > 0 ? g->pos[u] : g->neg[u]) + g->one[u];
}
/* z += weight q_u(x), and got += s weight q_u(x), S lanes each. */
void nn_gain_add(const nn_gain *g, int u, int S, const nn_real *weight, const nn_real *x, nn_real *z);
void nn_gain_back(const nn_gain *g, int u, int S, const nn_real *weight, const nn_real *x, const nn_real *s,
                  nn_real *got);

/* Adds r (rows, S) to an account (NULL: no ledger). */
void nn_credit(double *account, int S, size_t rows, const nn_real *r);

#endif

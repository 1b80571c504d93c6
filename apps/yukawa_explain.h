/* yukawa_explain.h: the parts of app yukawa-explain: attributions of every configuration of a test ensemble, what they
 * say at each kappa, and the exact hierarchy beside them. */
#ifndef APPS_YUKAWA_EXPLAIN_H
#define APPS_YUKAWA_EXPLAIN_H

#include "analysis/fisher.h"
#include "apps/yukawa_data.h"

extern const app app_yukawa_explain;

typedef struct yukawa_explain_conf { /* section explain */
  int composite, origin;
  double epsilon, gamma, least_kappa;
  bool gradient, integrated;
  long nodes, lanes, blocks;
} yukawa_explain_conf;
extern const deck_key yukawa_explain_keys[];

enum {
  YUKAWA_AT_ZERO,
  YUKAWA_AT_MEAN
}; /* origin: where observables count as absent: O = 0, or the mean of the training data */
enum { YUKAWA_LRP, YUKAWA_GRADIENT, YUKAWA_INTEGRATED, YUKAWA_LINKS, YUKAWA_METHODS };
extern const char *const yukawa_methods[YUKAWA_METHODS]; /* lrp, input_x_gradient, integrated, links */

/* ---- attributions (yukawa_explain_walk.c) ----
 * The answer F is output 0 of the network, kappa^ standardised. One row of numbers per configuration: what follows,
 * then `items` of each method asked for, then relevance and observable of each filter of the first convolution. An item
 * is an input (observables), or (fields) the relevance of all momenta with the same q = sum_mu min(k_mu, L_mu - k_mu):
 * q = 0 is the magnetisation alone, the last q (all sides even) the staggered magnetisation alone. The method `links`
 * (fields) explains T itself, the sum of all links, in place of the network: R_n = phi_n times half its neighbours,
 * mode by mode |phi_p|^2 sum_mu cos p_mu, as any answer linear in T has it. */
enum {
  YUKAWA_ANSWER,
  YUKAWA_CLOSURE, /* largest fault of the ledger of a node, relative to the relevance that it moved */
  YUKAWA_GAP,     /* integrated gradients: sum - (F(x) - F(origin)) */
  YUKAWA_HEAD
};
typedef struct yukawa_explanations {
  const yukawa_model *model;
  const yukawa_data *data;
  yukawa_explain_conf c;
  int points;      /* kappas */
  double *kappa;   // (points) ascending as the run has them
  long n, *begin;  // (points + 1) rows of a point: begin[p] .. begin[p+1]-1
  long *index;     // (n) configurations
  int methods, method[YUKAWA_METHODS];
  int items, filters, conv; /* conv: the first convolution, or -1 */
  int *bin;                 // (positions) fields: item of a momentum
  double *weight;           // (taps, filters) of it, where it has 2^d taps and one channel before it
  int taps;                 /* 2^d, or 0: other filters, which have no patterns and no observables */
  int width;                /* of a row */
  nn_real *theta;  // of the network as it is explained: inputs are counted from the origin, a bias takes the rest
  double *offset;  // (inputs) to be added to the standardised inputs; NULL: none
  double *row;     // (n, width) on rank 0
} yukawa_explanations;
/* configurations: at most so many at each kappa, evenly from its chains; 0: all. Neighbouring chains of equal kappa are
 * a point. Model and data must outlive it. ERR_FILE: lattices that do not fit. Local. */
int yukawa_explanations_new(yukawa_explanations *x, const yukawa_model *m, const yukawa_data *y,
                            const yukawa_explain_conf *c, long configurations, err *e);
void yukawa_explanations_free(yukawa_explanations *x);
/* Collective: fills the rows; returns early where the run must stop. */
int yukawa_explanations_run(yukawa_explanations *x, run *r, err *e);
static inline int yukawa_item(const yukawa_explanations *x, int method, int item) { /* column */
  return YUKAWA_HEAD + method * x->items + item;
}
static inline int yukawa_filter(const yukawa_explanations *x, bool observable, int filter) {
  return YUKAWA_HEAD + x->methods * x->items + (observable ? x->filters : 0) + filter;
}

/* ---- what they say, rank 0 ----
 * level     ratio of sums over configurations: of |R_i| to sum_j |R_j| (inputs, filters), of R_q to sum_q R_q (momenta)
 * response  Cov(R_i, F) / Var F at fixed kappa: whose fluctuations the answer follows; integrated gradients add to 1 */
typedef struct yukawa_grid { /* (rows, columns) with errors */
  int rows, columns;
  double *value, *error;
} yukawa_grid;
int yukawa_grid_new(yukawa_grid *g, int rows, int columns, err *e);
void yukawa_grid_free(yukawa_grid *g);
int yukawa_grid_put(run *r, const yukawa_grid *g, const char *name, const char *text, const char *row_axis,
                    const double *row_values, const char *column_axis, err *e);
/* Block of row i of n in the jackknife: contiguous, so that chains stay together. */
static inline int yukawa_block(long i, long n, long blocks) {
  return (int)(i * blocks / n);
}
/* Columns first .. first + count - 1 of the rows of point p, copied: (n, count); NULL without memory. */
double *yukawa_columns(const yukawa_explanations *x, int p, int first, int count);
/* level of v (n, count) into row `row` of a grid. */
int yukawa_level(const double *v, long n, int count, long blocks, bool absolute, yukawa_grid *to, int row, err *e);
/* response of v to the answers f (n). */
int yukawa_response(const double *v, const double *f, long n, int count, long blocks, yukawa_grid *to, int row, err *e);

enum { YUKAWA_GROUPS = 3 }; /* |m|, |m_s|, all others (correlators; phi^2 and boxes) */
typedef struct yukawa_ranking {
  yukawa_grid level[YUKAWA_METHODS], response[YUKAWA_METHODS];             /* (points, inputs) */
  yukawa_grid group_level[YUKAWA_METHODS], group_response[YUKAWA_METHODS]; /* (points, groups) */
  yukawa_grid exact[FISHER_MEASURES], group_exact[FISHER_MEASURES];
  yukawa_grid bound;      /* (points, 2) sigma_CR, and that of all inputs together */
  fisher *input, *group;  // (points)
} yukawa_ranking;
int yukawa_rank_inputs(yukawa_ranking *k, const yukawa_explanations *x, err *e); /* yukawa_explain_inputs.c */
int yukawa_rank_report(run *r, const yukawa_ranking *k, const yukawa_explanations *x, err *e);
void yukawa_ranking_free(yukawa_ranking *k, int points);

enum { YUKAWA_BEST, YUKAWA_TWO, YUKAWA_THREE, YUKAWA_EVERY, YUKAWA_BOX, YUKAWA_CBOX, YUKAWA_SETS };
typedef struct yukawa_vision {          /* yukawa_explain_fields.c */
  yukawa_grid momentum[YUKAWA_METHODS]; /* (points, items) */
  yukawa_grid energy;                   /* (points, 2) <m^2>/<phi^2>, <m_s^2>/<phi^2> */
  yukawa_grid relevance;                /* (points, filters) */
  yukawa_grid cosine;                   /* (filters, 2^d) */
  yukawa_grid known;                    /* (points, filters) corr(O_f, T)^2 */
  yukawa_grid sets;                     /* (points, YUKAWA_SETS) of the best filters together; boxes beside them */
} yukawa_vision;
int yukawa_see(yukawa_vision *v, const yukawa_explanations *x, err *e);
int yukawa_see_report(run *r, const yukawa_vision *v, const yukawa_explanations *x, err *e);
void yukawa_vision_free(yukawa_vision *v);

/* ---- pictures (yukawa_explain_figures.c), rank 0 ---- */
void yukawa_rank_figures(run *r, const yukawa_ranking *k, const yukawa_explanations *x);
void yukawa_see_figures(run *r, const yukawa_vision *v, const yukawa_explanations *x);

#endif

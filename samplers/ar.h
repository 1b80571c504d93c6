/* ar.h: the autoregressive proposal  q(s) = prod_t q(s_t | s_<t),  q(s_t = +1 | s_<t) = sigma(z_t), drawn by the cached
 * step walk of a causal network at the arithmetic of one forward pass. What is drawn is a *model*: a descriptor with
 * the weight of the drawn variables, whole configurations, and (where not every configuration is allowed) a mask on the
 * logits: z_t becomes +-AR_FORCED where the earlier variables leave one choice, so that draw, density and gradient are
 * those of the constrained conditional by the same arithmetic. Members: ar_ising.h, ar_trotter.h.
 * Densities are natural logarithms in double of exactly the probabilities that draw; there is no floor and no epsilon.
 * Everything here is local to one worker and one shard of S samples; lane i of shard k is sample k*S + i. */
#ifndef SAMPLERS_AR_H
#define SAMPLERS_AR_H

#include "nn/graph.h"
#include "nn/zoo.h"
#include "samplers/replicas.h"
#include "samplers/symmetry.h"

/* Logit of a choice that is none: such variables are not drawn, and ln sigma is 0 to the last bit of any sum. Not
 * larger: vector exponentials fall back to scalar ones where they overflow. */
enum { AR_FORCED = 100 };

typedef struct ar_conf { /* keys that section `draw` has for every model */
  int symmetry;
  bool gauge;
  long lanes;
} ar_conf;

/* What is drawn; self is the member's own. x: the variables +-1 of frame 0, (positions, S). */
typedef struct ar_model {
  const char *name;
  int nobs; /* numbers measured on one configuration */
  void (*free)(void *self);
  size_t (*mask_bytes)(const void *self, int S); /* scratch of mask for one worker; NULL where there is no mask */
  /* Position t, for t = 0, 1, ... in turn, x known before t: writes +-AR_FORCED to z (S) where only that is allowed. */
  void (*mask)(const void *self, void *work, const nn_real *x, int t, int S, nn_real *z);
  /* lnw (S): ln of the weight of the drawn variables, left-out ones summed over. tmp: (2, S). */
  void (*target)(const void *self, const nn_real *x, double beta, int S, double *lnw, double *tmp);
  /* Completes s (S, sites), where the drawn variables stand already, by exact conditionals and adds their ln q to lnq
   * (S); NULL where all sites are drawn. u: uniform number `draw` of lane i is rng_uniform(r, first + i, step, draw),
   * draw >= positions. */
  void (*rest)(const void *self, const nn_real *x, double beta, rng r, uint64_t first, unsigned step, int S, int8_t *s,
               double *lnq);
  void (*measure)(const void *self, const int8_t *s, double *obs); /* (sites) -> (nobs) */
  /* Collective: `total` replicas of the chain of section `chain`, under a name of their own. */
  int (*chain)(const void *self, replica_set *out, const char *name, int total, const deck *d, const comm *c,
               uint32_t seed, err *e);
} ar_model;

typedef struct ar {
  const ar_model *model;
  void *self;              /* owned */
  const nn_causal *causal; /* of self */
  int n, sites;            /* drawn variables; spins of a configuration */
  double beta;
  const int *site;    /* (n) variable t is sign[t] times the spin of site[t] */
  const int8_t *sign; /* (n) or NULL: all +1 */
  ar_conf conf;
  int lanes;
  symmetry *g; /* owned */
  nn_graph *net;
  nn_plan *plan;
} ar;

/* For the members: a (model, self, causal, n, sites, beta, site, sign, conf filled in; g made) gets its network. */
int ar_finish(ar *a, const deck *d, err *e);
void ar_free(ar *a);
/* First parameters (caller frees): those of net.from, else of nn_init. ERR_DECK where net.from and net.grow are given.
 */
int ar_start(const ar *a, const deck *d, unsigned seed, nn_real **theta, err *e);
/* net.grow: theta after ar_start from the network in `file`, which is that of `small`. */
int ar_grow(const ar *a, const deck *d, nn_real *theta, const ar *small, const char *file, err *e);
/* Pairs of drawn variables that interact directly (causal->start_value not 0) although the later one's conditional
 * cannot see the earlier one through the network: such a network cannot represent the model; `check` warns. pairs: all
 * of them. */
int ar_unseen(const ar *a, long *unseen, long *pairs, err *e);
/* The warning about them, or an empty text. */
int ar_look(const ar *a, char *text, size_t n, err *e);

/* One worker's storage: frames for |G| images (values kept for backward) and vectors. */
typedef struct ar_frames {
  nn_frame **f; /* (|G|) */
  double *part; /* (|G|, S) ln q of the images */
} ar_frames;
typedef struct ar_worker {
  nn_frame *share; /* gradients and scratch, and values where frames are not kept */
  double *u;       /* (2, S) uniforms, work of target */
  nn_real *tmp;    /* (S) */
  int8_t *config;  /* (sites) */
  void *mask;      /* of model->mask */
} ar_worker;
int ar_worker_new(ar_worker **w, const ar *a, err *e);
void ar_worker_free(ar_worker *w);
int ar_frames_new(ar_frames *f, const ar *a, ar_worker *w, bool kept, err *e); /* kept: own values; else the worker's */
void ar_frames_free(ar_frames *f, const ar *a, ar_worker *w);
size_t ar_frames_bytes(const ar *a); /* of kept frames of one shard */

/* Draw shard `shard` of draw number `step`: fills the input of frame 0 (positions, S) and lnq (S). */
void ar_draw(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, rng r, long shard, unsigned step,
             double *lnq);
/* ln q (S) of the configurations that stand in the input of frame 0; full pass. With a mask they must be allowed. */
void ar_density(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, double *lnq);
/* ln of the weight of the drawn variables, left-out ones summed over. */
void ar_target(const ar *a, ar_worker *w, const ar_frames *f, double beta, double *lnw);
/* dtheta += sum_lanes weight * grad ln q, once after each ar_draw or ar_density on the same frames (it consumes them).
 */
void ar_backward(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, nn_real *dtheta,
                 const double *weight);
/* Whole configurations (S, sites): left-out spins by their conditionals at beta, then a random element of G (and the
 * global flip of the gauge). lnq_rest (S): ln of the conditionals' probability. */
void ar_emit(const ar *a, ar_worker *w, const ar_frames *f, double beta, rng r, long shard, unsigned step, int8_t *s,
             double *lnq_rest);
/* Configurations s (S, sites) into the input of frame 0. */
void ar_fill(const ar *a, const ar_frames *f, const int8_t *s);

#endif

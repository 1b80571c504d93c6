/* op.h: what a layer is. A network is an array of nodes in topological order (graph.h); each node is an instance of an
 * op, one const descriptor per op, one file per family of ops, one line in the table of op.c.
 *
 * An op answers up to four walks over one *shard* of S samples (the lanes, innermost in memory):
 *   forward   all positions of y from x
 *   step      position t of y only, given that every earlier call (0..t-1) was made on the same frame and that x is
 *             final up to the positions y[t] may depend on: the walk of an autoregressive draw or of a stream. NULL
 *             where the op cannot. An op may work ahead on later positions of its own y. Same bits as forward.
 *   backward  dx += (dy/dx)^T dy (where the input wants it) and dtheta += (dy/dtheta)^T dy; may consume what is kept
 *   relevance R_x += the part of R_y that a rule (nn/rule.h) gives to x (nn/relevance.h). NULL where the op cannot.
 * An op with `block` (and `back_block`) also works on any range of positions of y, x being final wherever it looks: the
 * plan then runs it together with the local nodes behind it, a few positions at a time, so that what one writes is
 * still in the cache when the next one reads it. Blocks come in ascending order (descending in backward), after `begin`
 * (`back_begin`), which sees all of x (dy): the place for sums over positions.
 *
 * Arrays are [position][channel][lane]. All walks are local to one worker and allocate nothing. */
#ifndef NN_OP_H
#define NN_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "base/rng.h"
#include "nn/real.h"

enum { NN_MAX_IN = 8, NN_MAX_LANES = 64 };

typedef struct nn_shape {
  int extent[3]; /* positions run over extent[0] x extent[1] x extent[2], last fastest; unused ones are 1 */
  int channels;
} nn_shape;
static inline int nn_positions(nn_shape s) {
  return s.extent[0] * s.extent[1] * s.extent[2];
}
static inline size_t nn_rows(nn_shape s) {
  return (size_t)nn_positions(s) * (size_t)s.channels;
} /* reals per lane */

typedef struct nn_op nn_op;
struct nn_relevance;
struct nn_trail;
struct nn_linear;
struct nn_growth;
typedef enum { NN_NEVER, NN_IN_TRAINING, NN_ALWAYS } nn_ahead;

typedef struct nn_node {
  int id; /* own number in the graph                                      */
  const nn_op *op;
  char name[48];
  int nin, in[NN_MAX_IN]; /* numbers of earlier nodes                                      */
  nn_shape shape;         /* of y                                                          */
  void *conf;             /* op->conf_size bytes, owned                                    */
  void *table;            /* whatever op->shape precomputes, freed by op->free             */
  size_t param, nparam;   /* view of the flat parameter buffer                             */
  size_t nweights, nslow; /* the first nweights of them may decay (all unless op->shape says; not biases and norms),
                             the last nslow learn slowly                                   */
  size_t free_params;     /* parameters not masked to zero (nparam unless op->shape says)  */
  size_t state, nstate;   /* view of the flat state buffer: what is not trained but followed (running moments)    */
  size_t scratch;         /* reals of worker scratch per lane                              */
  size_t keep;            /* reals per lane that the frame keeps from forward to backward  */
  size_t fixed_scratch;   /* reals of worker scratch whatever the lanes, behind the others */
  size_t fixed_keep;      /* reals that the frame keeps whatever the lanes, behind the others */
  double macs;            /* multiply-adds of one forward pass of one sample               */
  bool local;             /* y[t] depends on x[t] only                                     */
  bool within;            /* a frame of y (its positions of one number along extent[0]) depends on that frame of x only
                             and not on where it stands; in training, batch norm's moments aside. nn_add sets it for
                             local nodes that are not placed */
  bool placed;            /* has numbers of its own for every position */
  nn_ahead ahead;         /* y[t] may depend on later positions of x: nothing to step through */
  bool once;              /* backward can set dx of input 0 as well as add to it (local nodes can for all) */
  bool wants_grad;        /* some parameter at or before this node: dy is needed           */
} nn_node;

/* What a walk sees: one worker's storage for one shard. */
typedef struct nn_frame {
  int lanes;         /* S                                                                                     */
  int valid;         /* lanes 0 .. valid-1 hold samples, the rest is padding, masked in every sum over lanes  */
  const int *length; /* (S) positions along extent[0] of the network's input that hold data; NULL: all        */
  int whole;         /* extent[0] of that input                                                               */
  bool train;        /* dropout acts, batch norm uses the moments of its shard                                */
  bool carry;        /* recurrent ops go on from where the last sequence of this frame ended                  */
  rng noise;         /* of dropout: numbers are functions of (noise, shard, node, element, pass)              */
  uint32_t shard, pass;
  const nn_real *theta; /* flat parameters                                                                    */
  nn_real *dtheta;      /* flat gradient, added to                                                            */
  const nn_real *state; /* flat state; NULL where the network has none                                        */
  nn_real *dstate;      /* in training: valid lanes times what the state should follow is added here          */
  nn_real **value;      /* [node] y (positions, channels, S)                                                  */
  nn_real **grad;       /* [node] dy, the same shape; NULL where nobody wants it                              */
  nn_real **keep;       /* [node] node->keep * S reals, then from a multiple of 16 on node->fixed_keep            */
  nn_real *scratch;
  const unsigned *opens; /* [node] bit k: dx of input k holds nothing yet and must be set, not added to (local nodes);
                            NULL: always add                                              */
  nn_real *arena, *grad_arena; /* owned storage behind value, keep and grad */
} nn_frame;

struct nn_op {
  const char *name, *help;
  size_t conf_size;
  int min_in, max_in;
  bool in_place; /* y (and dx on dy) may lie on the first input's storage: no walk reads x after writing y         */
  bool needs_y;  /* backward reads y, so nobody may write over it                                                  */
  bool needs_x;  /* backward reads x, so x may not be overwritten in place by this or another reader               */
  bool carries;  /* knows earlier frames only by what frame.carry keeps (nodes that are not `ahead`) */
  bool rounds;   /* step sums in another order than forward: equal up to rounding                                  */
  /* From conf and the inputs' shapes: shape, nparam, scratch, macs, table. */
  int (*shape)(nn_node *n, const nn_shape *in, err *e);
  void (*free)(nn_node *n); /* may be NULL */
  void (*init)(const nn_node *n, const nn_shape *in, nn_real *theta,
               rng r); /* theta: the node's view; may be NULL = zeros */
  /* theta (initialised) of a node on a larger grid from that of the same node on a smaller one (nn/grow.h); both are
   * the node's view. NULL: parameters do not depend on the grid, or it cannot. */
  void (*grow)(const nn_node *small, const nn_real *old, const nn_node *n, const nn_shape *in, nn_real *theta,
               const struct nn_growth *w);
  void (*init_state)(const nn_node *n, nn_real *state); /* the node's view; may be NULL = zeros */
  void (*forward)(const nn_node *n, const nn_frame *f);
  void (*step)(const nn_node *n, const nn_frame *f, int t);
  void (*begin)(const nn_node *n, const nn_frame *f);                   /* before the first block; may be NULL */
  void (*block)(const nn_node *n, const nn_frame *f, int from, int to); /* positions from .. to-1 */
  void (*backward)(const nn_node *n, const nn_frame *f);
  void (*back_step)(const nn_node *n, const nn_frame *f, int t);
  void (*back_begin)(const nn_node *n, const nn_frame *f);
  void (*back_block)(const nn_node *n, const nn_frame *f, int from, int to);
  unsigned takes; /* kinds of rules that relevance understands: NN_SHARE_* of nn/rule.h */
  void (*relevance)(const nn_node *n, const nn_frame *f, const struct nn_relevance *r, struct nn_trail *t);
  struct nn_linear (*linear)(const nn_node *n); /* products over lists of rows (nn/relevance.h), else NULL */
  void (*text)(const nn_node *n, FILE *f);      /* settings as "key value key value" for the graph text; may be NULL */
};

/* forward and backward of an op that has step and back_step, or block and back_block; step and back_step by block. */
void nn_every_step(const nn_node *n, const nn_frame *f);
void nn_every_back_step(const nn_node *n, const nn_frame *f);
void nn_every_block(const nn_node *n, const nn_frame *f);
void nn_every_back_block(const nn_node *n, const nn_frame *f);
void nn_block_step(const nn_node *n, const nn_frame *f, int t);
void nn_block_back_step(const nn_node *n, const nn_frame *f, int t);
/* Behind what counts by lanes. */
static inline nn_real *nn_fixed_scratch(const nn_node *n, const nn_frame *f) {
  return f->scratch + (n->scratch * (size_t)f->lanes + 15) / 16 * 16;
}
static inline nn_real *nn_fixed_keep(const nn_node *n, const nn_frame *f) {
  return f->keep[n->id] + (n->keep * (size_t)f->lanes + 15) / 16 * 16;
}
static inline bool nn_opens(const nn_node *n, const nn_frame *f, int input) {
  return f->opens && (f->opens[n->id] >> input & 1);
}

/* Positions along extent[0] = `extent` of a node that hold data in a lane: lengths shrink as extents do. */
static inline int nn_length(const nn_frame *f, int extent, int lane) {
  return f->length ? (int)(((long)f->length[lane] * extent + f->whole - 1) / f->whole) : extent;
}
/* Reals of one position. */
static inline size_t nn_width(nn_shape s, const nn_frame *f) {
  return (size_t)s.channels * (size_t)f->lanes;
}

/* mask (S) = 1 where position t of a node of that shape holds data of a sample, else 0. Returns how many do. */
int nn_mask(const nn_frame *f, nn_shape shape, int t, nn_real *mask);

extern const nn_op *const nn_ops[]; /* NULL-terminated */

#endif

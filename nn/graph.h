/* graph.h: a network: an append-only, hence topologically sorted, array of nodes, its parameters and its plan of
 * memory. The life of a network: g = nn_graph_new();  x = nn_input(g, "spins", shape);  h = nn_add(g, &nn_op_conv2d,
 * "conv1", &conf, 1, &x, e); ... nn_finish(g, out, e);                    parameters get their places
 *   nn_plan_new(&plan, g, lanes, train, e);  storage of one shard is planned once
 *   nn_frame_new(...)                        one per shard kept, or one per worker
 *   nn_forward / nn_step / nn_backward       walks (exec in graph.c)
 * All local. */
#ifndef NN_GRAPH_H
#define NN_GRAPH_H

#include "nn/op.h"

typedef struct nn_graph {
  int nnodes, room;
  nn_node *node;
  int output;         /* the node whose y is the answer            */
  size_t nparam;      /* of the flat buffer                        */
  size_t nstate;      /* of the flat state buffer                  */
  size_t free_params; /* not counting masked entries               */
  double macs;        /* of one forward pass of one sample         */
} nn_graph;

nn_graph *nn_graph_new(void);
void nn_graph_free(nn_graph *g);
int nn_input(nn_graph *g, const char *name, nn_shape shape); /* returns the node's number */
/* The gradient of an input will be asked for (f->grad[input] after nn_backward); before anything reads it. */
void nn_want_grad(nn_graph *g, int input);
/* Append a node; conf (op->conf_size bytes) is copied; what it points at must outlive the graph. Returns the node's
 * number or -1 with e set (wrong number of inputs, shapes that do not fit: names the node). */
int nn_add(nn_graph *g, const nn_op *op, const char *name, const void *conf, int nin, const int *in, err *e);
int nn_finish(nn_graph *g, int output, err *e);
/* Can a sequence be cut into pieces, one after the other on the same frame (frame.carry), a node being within its frame
 * of extent[0] or carrying a state? ERR_DECK names the first that cannot. */
int nn_by_frames(const nn_graph *g, err *e);
/* Parameters from the op's own rule; every node has its own stream, so order and ranks do not matter. */
void nn_init(const nn_graph *g, nn_real *theta, unsigned seed);
void nn_init_state(const nn_graph *g, nn_real *state);
/* Room for both; caller frees. ERR_RUN: out of memory. */
int nn_parameters(const nn_graph *g, nn_real **theta, nn_real **state, err *e);
/* Readable text, one line per node; equal text = same network. Caller frees. */
char *nn_graph_text(const nn_graph *g);
const nn_node *nn_find(const nn_graph *g, const char *name); /* NULL if absent */

/* ---- plan: where every value and gradient of one shard lies ---- */
typedef struct nn_plan {
  const nn_graph *graph;
  int lanes;
  bool train;
  size_t *value_at, *keep_at;    /* [node] offsets in the value arena                         */
  size_t *grad_at;               /* [node] offset in the gradient arena; SIZE_MAX: none       */
  unsigned *opens, *clears;      /* [node] bit k: this node's backward is the first to touch input k's gradient,
                                    and sets it (opens) or adds to it after it was cleared (clears)            */
  int *group;                    /* [node] first node of the group that is run block by block together         */
  int *block;                    /* [node] positions of a block of the group that begins here                  */
  bool by_positions;             /* backward goes position by position (all ops have back_step) */
  size_t values, grads, scratch; /* reals                                                   */
} nn_plan;
/* train: there will be backward. steps: positions will be drawn or streamed by nn_step; fails and names the op that has
 * no step. */
int nn_plan_new(nn_plan **p, const nn_graph *g, int lanes, bool train, bool steps, err *e);
void nn_plan_free(nn_plan *p);
void nn_plan_print(const nn_plan *p, FILE *f); /* table for --dry-run */

/* A frame on storage of its own: values always, gradients and scratch from `share` if given (per worker), else own. */
int nn_frame_new(nn_frame **f, const nn_plan *p, const nn_frame *share, err *e);
void nn_frame_free(nn_frame *f, const nn_frame *share);

/* ---- walks ---- */
void nn_forward(const nn_plan *p, const nn_frame *f);
void nn_step(const nn_plan *p, const nn_frame *f, int t);
/* The gradient of the output node (f->grad[output]) was filled by the caller; it is consumed. Adds to f->dtheta. */
void nn_backward(const nn_plan *p, const nn_frame *f);

void *nn_alloc(size_t bytes); /* aligned to NN_ALIGN, zeroed; NULL on failure */

#endif

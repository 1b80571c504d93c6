/* recurrent.h: what gated recurrent layers (op_gru.c, op_lstm.c) share: the products with all positions of the input at
 * once, and where things lie. For each position the frame keeps `slots` rows of H numbers, the first `gates` of which
 * receive the product with x. A sequence runs along the positions in ascending order, or descending (reversed); a lane
 * beyond its length keeps its state. Local. */
#ifndef NN_RECURRENT_H
#define NN_RECURRENT_H

#include "nn/ops.h"

typedef struct nn_recurrent {
  int P, H, cin, gates, slots;
  bool reversed;
} nn_recurrent;

/* Parameters: W_x (Cin, gates H), W_h (H, gates H), then `biases` (H each). Fills shape, nparam, keep, scratch and the
 * table (an nn_recurrent, freed by nn_recurrent_free). states: numbers of H that are carried from sequence to sequence.
 */
int nn_recurrent_shape(nn_node *n, const nn_shape *in, nn_recurrent r, int states, int biases, err *e);
void nn_recurrent_free(nn_node *n);
void nn_recurrent_init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r);

/* Slots (slots H, S) of position t in keep; state k of the three kinds that lie behind them. */
nn_real *nn_recurrent_slots(const nn_node *n, const nn_frame *f, int t);
enum { NN_FIRST, NN_LAST, NN_GRAD }; /* before the first position, after the last, gradient on its way back */
nn_real *nn_recurrent_state(const nn_node *n, const nn_frame *f, int kind, int k);
/* First position in the order of the sequence: NN_FIRST = what the last sequence left (frame.carry) or zero. */
void nn_recurrent_open(const nn_node *n, const nn_frame *f, int states);
/* Lanes that are still within their length at t: mask (S); returns false where all are. */
bool nn_recurrent_mask(const nn_node *n, const nn_frame *f, int t, nn_real *mask);
/* The position before t in the order of the sequence, -1 if t is the first. */
int nn_recurrent_before(const nn_node *n, int t);
bool nn_recurrent_ends(const nn_node *n, int t);

/* Gates of positions from .. to-1 = bias + W_x^T x. */
void nn_recurrent_inputs(const nn_node *n, const nn_frame *f, int from, int to, const nn_real *bias);
/* From the gradients of the gates, which stand in their slots: dx, dW_x, dbias of positions from .. to-1. */
void nn_recurrent_back_inputs(const nn_node *n, const nn_frame *f, int from, int to, nn_real *dbias);
/* dW_h columns first .. first + count - 1 (of H each) += h[t-1] d[t]^T for those positions, d standing in slots from
 * `slot`; dbias (count H) may be NULL. */
void nn_recurrent_back_states(const nn_node *n, const nn_frame *f, int from, int to, int first, int count, int slot,
                              nn_real *dbias);

/* Relevance (recurrent_relevance.c). What an op says of position t: the two terms of the new state, fresh + kept (H,
 * S), and the sum behind the fresh one, a = W_x x + bias + gate (W_h h + inner_bias) with the block `column` of the
 * gates. */
typedef struct nn_recurrent_step {
  const nn_real *h, *gate;          /* state before t, (H, S); gate NULL: 1 */
  const nn_real *bias, *inner_bias; /* (H); inner_bias NULL: none */
  int column;
  bool cell; /* the sum is that of a cell which h' looks at */
} nn_recurrent_step;
typedef void nn_recurrent_terms(const nn_node *n, const nn_frame *f, int t, nn_real *fresh, nn_real *kept,
                                nn_recurrent_step *s);
void nn_recurrent_relevance(const nn_node *n, const nn_frame *f, const struct nn_relevance *r, struct nn_trail *t,
                            nn_recurrent_terms *terms);

#endif

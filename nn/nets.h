/* nets.h: builders of networks for supervised learning from words in the deck (section `net`), one file each: a body
 * makes features of the input, a head that all share joins what is known beside the signal, and ends in the outputs. */
#ifndef NN_NETS_H
#define NN_NETS_H

#include "nn/layers.h"

/* What the problem is; levels must outlive the call only. */
typedef struct nn_net_task {
  nn_shape in;   /* of input node 0, "x"; a sequence runs along extent[0] */
  bool sequence; /* outputs at every position of extent[0], else one position */
  int outputs;   /* channels of the output */
  int meta;      /* numbers beside the signal: input node 1, "meta" (1 position); 0: none */
  int beside;    /* of a sequence: the last so many channels of x are no picture: recurrent networks join them behind
                    the encoder of a frame (where x has one position per frame) */
  const int *levels; /* (meta) number k: 0 a plain number, else a category out of so many */
  double rate;       /* time between samples over that of the training data; 0: 1. State spaces follow, others cannot */
  bool want_grad;    /* gradients with respect to input 0 will be asked for (nn_want_grad) */
} nn_net_task;

typedef struct nn_net {
  deck_kind kind; /* first member */
  size_t conf_size;
  /* Appends the body after input x: features at one position or, for a sequence, at every one. */
  int (*body)(nn_graph *g, int x, const nn_net_task *t, const void *conf, err *e);
} nn_net;
extern const deck_kind *const nn_nets[]; /* mlp, cnn, resnet1d, xresnet1d, inception1d, gru, lstm */
extern const deck_key nn_nets_keys[];    /* of every network: head, from ... */

typedef struct nn_nets_conf {
  deck_ints head; /* widths of hidden layers */
  int activation;
  double dropout;
  long meta_width;
  const char *from; /* run.h5 with parameters for exactly this network, or NULL: see nn_nets_start */
} nn_nets_conf;

/* Section `net` of the deck -> finished graph; caller frees. ERR_DECK where body and task do not fit. */
int nn_nets_build(nn_graph **g, const nn_net_task *t, const deck *d, err *e);
/* The same network `count` times (at most NN_MAX_IN), for tasks t (count) that share positions but no parameter: inputs
 * of the tasks one after the other, their outputs behind each other. One fit trains them all. */
int nn_nets_beside(nn_graph **g, int count, const nn_net_task *t, const deck *d, err *e);

/* First parameters and state of a network of section `net` (caller frees both): those of net.from, else nn_init's.
 * Local. */
int nn_nets_start(const nn_graph *g, const deck *d, unsigned seed, nn_real **theta, nn_real **state, err *e);

#endif

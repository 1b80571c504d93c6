/* test_ops_samples.h: settings with which test_ops.c tries every op of the table. */
#ifndef TESTS_TEST_OPS_SAMPLES_H
#define TESTS_TEST_OPS_SAMPLES_H

#include "nn/ops.h"

typedef struct sample {
  const nn_op *op;
  nn_shape in; /* of every input */
  int out;     /* channels of y */
  bool strict; /* y[t] must not depend on x[t] */
  const void *conf;
  nn_shape y, other; /* of y where its positions are not those of x; of the inputs but the first where they differ */
  int nin;           /* inputs where it is not op->min_in */
  bool train;        /* frame.train */
  bool coupled;      /* lanes depend on each other: few of them are tried */
  bool masked;       /* padded lanes and lengths */
  int levels;        /* x holds categories */
} sample;

/* Lists of 6 positions: with own (t) and strictly earlier ones, unsorted, some empty, one with two runs. */
static const int start_own[] = {0, 1, 3, 3, 6, 8, 12}, list_own[] = {0, 0, 1, 3, 0, 1, 4, 2, 0, 1, 4, 5};
static const int start_before[] = {0, 0, 1, 2, 5, 5, 9}, list_before[] = {0, 1, 0, 1, 2, 4, 3, 1, 0};
static const double first_guess[] = {.5, -.25, 1, 0, .75, .1, .2, .3, .4};

#define CONV(...)            \
  &(nn_causal_conv2d_conf) { \
    __VA_ARGS__              \
  }
#define DENSE(...)          \
  &(nn_causal_dense_conf) { \
    __VA_ARGS__             \
  }
#define SITES(...)   \
  &(nn_sites_conf) { \
    __VA_ARGS__      \
  }
#define FULL(...)    \
  &(nn_dense_conf) { \
    __VA_ARGS__      \
  }
#define WINDOW(channels, ...)                                           \
  &(nn_conv_conf) {                                                     \
    .out = channels, .bias = true, .gain = 1, .window = { __VA_ARGS__ } \
  }
#define POOL(is_max, is_global, ...)                              \
  &(nn_pool_conf) {                                               \
    .max = is_max, .global = is_global, .window = { __VA_ARGS__ } \
  }
#define SPACE(...) \
  &(nn_ssm_conf) { \
    __VA_ARGS__    \
  }
#define GRID(r, c, k) \
  { {r, c, 1}, k }
static const sample samples[] = {
    {&nn_op_causal_conv2d, GRID(4, 5, 1), 3, true, CONV(3, 1, 1, true, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(4, 5, 3), 2, false, CONV(2, 1, 1, false, false, false, 1)},
    {&nn_op_causal_conv2d, GRID(4, 4, 2), 3, false, CONV(3, 1, 1, false, true, true, 1)},
    {&nn_op_causal_conv2d, GRID(5, 4, 2), 3, false, CONV(3, 1, 2, false, true, true, 1)},
    {&nn_op_causal_conv2d, GRID(5, 4, 2), 3, true, CONV(3, 2, 2, true, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(3, 3, 2), 1, false,
     CONV(1, 3, 1, false, true, true, 1)}, /* kernel wider than the lattice */
    {&nn_op_causal_conv2d, GRID(2, 3, 4), 5, false, CONV(5, 0, 1, false, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(2, 3, 4), 20, false, CONV(20, 1, 1, false, false, true, 1)},
    {&nn_op_causal_conv2d, GRID(2, 2, 16), 16, false, CONV(16, 1, 1, false, false, true, 1)},
    {&nn_op_causal_dense, GRID(3, 3, 2), 3, true, DENSE(3, 4, true, true, 1)},
    {&nn_op_causal_dense, GRID(3, 3, 2), 3, false, DENSE(3, 4, false, true, 1)},
    {&nn_op_causal_dense, GRID(7, 1, 1), 1, true, DENSE(1, 1, true, false, 1)},
    {&nn_op_causal_dense, GRID(7, 1, 3), 1, false, DENSE(1, 16, false, true, 1)},
    {&nn_op_causal_dense, GRID(8, 1, 2), 4, false, DENSE(4, 4, false, true, 1)},
    {&nn_op_sites, GRID(2, 3, 2), 3, false, SITES(3, 6, start_own, list_own, true, 1, NULL)},
    {&nn_op_sites, GRID(6, 1, 2), 17, true, SITES(17, 6, start_before, list_before, true, 1, NULL)},
    {&nn_op_sites, GRID(6, 1, 1), 1, true, SITES(1, 6, start_before, list_before, false, 0, first_guess)},
    {&nn_op_prelu, GRID(2, 3, 3), 3, false, &(nn_prelu_conf){false}},
    {&nn_op_prelu, GRID(2, 3, 3), 3, false, &(nn_prelu_conf){true}},
    {&nn_op_relu, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_tanh, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_silu, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_add, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_gelu, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_sigmoid, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_softplus, GRID(2, 3, 3), 3, false, NULL},
    {&nn_op_dense, GRID(2, 3, 4), 5, false, FULL(5, false, true, 1), .y = {{1, 1, 1}, 5}},
    {&nn_op_dense, GRID(3, 1, 2), 20, false, FULL(20, false, false, 1), .y = {{1, 1, 1}, 20}},
    {&nn_op_dense, GRID(7, 1, 3), 1, false, FULL(1, true, true, 1)},
    {&nn_op_dense, GRID(5, 1, 3), 19, false, FULL(19, true, true, 1)},
    {&nn_op_conv, GRID(9, 1, 2), 3, false, WINDOW(3, .kernel = {3}, .before = {1}, .after = {1})},
    {&nn_op_conv, GRID(9, 1, 2), 18, false, WINDOW(18, .kernel = {3}, .dilation = {2}, .before = {4})}, /* causal */
    {&nn_op_conv, GRID(9, 1, 3), 2, false, WINDOW(2, .kernel = {4}, .stride = {2}, .after = {1}), .y = {{4, 1, 1}, 2}},
    {&nn_op_conv, GRID(9, 1, 3), 17, false, WINDOW(17, .kernel = {2}, .stride = {3}), .y = {{3, 1, 1}, 17}},
    {&nn_op_conv, GRID(6, 1, 2), 2, false, WINDOW(2, .kernel = {5}, .before = {2}, .after = {2}, .periodic = true)},
    {&nn_op_conv, GRID(4, 5, 2), 3, false,
     WINDOW(3, .kernel = {3, 3}, .before = {1, 1}, .after = {1, 1}, .periodic = true)},
    {&nn_op_conv, GRID(5, 6, 2), 16, false, WINDOW(16, .kernel = {3, 2}, .stride = {2, 1}, .dilation = {1, 2}),
     .y = {{2, 4, 1}, 16}},
    {&nn_op_conv, {{2, 3, 4}, 1}, 3, false, WINDOW(3, .kernel = {2, 2, 2}, .after = {1, 1, 1}, .periodic = true)},
    {&nn_op_conv, {{3, 3, 3}, 2}, 2, false, WINDOW(2, .kernel = {3, 3, 3}, .before = {1, 1, 1}, .after = {1, 1, 1})},
    {&nn_op_conv, GRID(3, 3, 3), 4, false, WINDOW(4, .kernel = {1})},
    {&nn_op_pool, GRID(7, 1, 3), 3, false, POOL(false, false, .kernel = {3}, .stride = {2}), .y = {{3, 1, 1}, 3}},
    {&nn_op_pool, GRID(7, 1, 3), 3, false, POOL(true, false, .kernel = {3}, .before = {1}, .after = {1})},
    {&nn_op_pool, GRID(4, 4, 2), 2, false, POOL(false, false, .kernel = {3, 3}, .before = {1, 1}, .after = {1, 1})},
    {&nn_op_pool,
     {{2, 4, 4}, 2},
     2,
     false,
     POOL(true, false, .kernel = {2, 2, 2}, .stride = {2, 2, 2}),
     .y = {{1, 2, 2}, 2}},
    {&nn_op_pool, GRID(5, 2, 3), 3, false, POOL(false, true, .periodic = false), .y = {{1, 1, 1}, 3}, .masked = true},
    {&nn_op_pool, GRID(5, 2, 3), 3, false, POOL(true, true, .periodic = false), .y = {{1, 1, 1}, 3}, .masked = true},
    {&nn_op_pool, GRID(5, 2, 3), 3, false, POOL(false, true, .periodic = false), .y = {{1, 1, 1}, 3}},
    {&nn_op_batch_norm, GRID(5, 2, 3), 3, false, &(nn_norm_conf){1e-3}, .train = true, .coupled = true},
    {&nn_op_batch_norm, GRID(5, 2, 3), 3, false, &(nn_norm_conf){1e-3}, .train = true, .coupled = true, .masked = true},
    {&nn_op_batch_norm, GRID(5, 1, 3), 3, false, &(nn_norm_conf){1e-3}},
    {&nn_op_gru, GRID(5, 1, 3), 4, false, &(nn_recurrent_conf){4}},
    {&nn_op_gru, GRID(10, 1, 2), 17, false, &(nn_recurrent_conf){17}},
    {&nn_op_gru, GRID(6, 1, 3), 4, false, &(nn_recurrent_conf){4}, .masked = true},
    {&nn_op_gru_reversed, GRID(10, 1, 3), 4, false, &(nn_recurrent_conf){4}},
    {&nn_op_gru_reversed, GRID(6, 1, 3), 4, false, &(nn_recurrent_conf){4}, .masked = true},
    {&nn_op_lstm, GRID(5, 1, 3), 4, false, &(nn_recurrent_conf){4}},
    {&nn_op_lstm, GRID(10, 1, 2), 17, false, &(nn_recurrent_conf){17}},
    {&nn_op_lstm, GRID(6, 1, 3), 4, false, &(nn_recurrent_conf){4}, .masked = true},
    {&nn_op_lstm_reversed, GRID(10, 1, 3), 4, false, &(nn_recurrent_conf){4}},
    {&nn_op_lstm_reversed, GRID(6, 1, 3), 4, false, &(nn_recurrent_conf){4}, .masked = true},
    {&nn_op_pick, GRID(5, 1, 3), 3, false, &(nn_pick_conf){-2}, .y = {{1, 1, 1}, 3}},
    {&nn_op_layer_norm, GRID(5, 1, 7), 7, false, &(nn_norm_conf){1e-3}},
    {&nn_op_dropout, GRID(3, 2, 5), 5, false, &(nn_dropout_conf){0.4}, .train = true},
    {&nn_op_dropout, GRID(3, 2, 5), 5, false, &(nn_dropout_conf){0.4}},
    {&nn_op_glu, GRID(3, 2, 6), 3, false, NULL},
    {&nn_op_product, GRID(3, 2, 3), 3, false, NULL},
    {&nn_op_product, GRID(3, 2, 3), 3, false, NULL, .other = {{1, 1, 1}, 3}},
    {&nn_op_concat, GRID(3, 2, 3), 9, false, NULL, .nin = 3},
    {&nn_op_concat, GRID(3, 2, 3), 5, false, NULL, .nin = 2, .other = GRID(3, 2, 2)},
    {&nn_op_slice, GRID(3, 2, 5), 3, false, &(nn_slice_conf){1, 3}},
    {&nn_op_reshape, GRID(3, 2, 5), 30, false, &(nn_reshape_conf){{{0}, 0}}, .y = {{1, 1, 1}, 30}},
    {&nn_op_reshape, GRID(3, 2, 4), 2, false, &(nn_reshape_conf){{{4, 3, 1}, 2}}, .y = {{4, 3, 1}, 2}},
    {&nn_op_embedding, GRID(3, 1, 2), 4, false, &(nn_embedding_conf){1, 3, 4}, .levels = 3},
    {&nn_op_s4d, GRID(37, 1, 2), 2, false, SPACE(NN_S4D_LIN, 4, false, .01, .3, 1)},
    {&nn_op_s4d, GRID(70, 1, 1), 1, false, SPACE(NN_S4D_LEGS, 16, false, .001, .02, 2)},
    {&nn_op_s4d, GRID(37, 1, 2), 2, false, SPACE(NN_S4D_INV, 4, true, .01, .3, 1)},
    {&nn_op_s4d, GRID(19, 1, 2), 2, false, SPACE(NN_S4D_INV, 2, true, .01, .3, 1), .masked = true},
    {&nn_op_s4, GRID(37, 1, 2), 2, false, SPACE(.states = 8, .dt_min = .001, .dt_max = .1, .rate = 1)},
    {&nn_op_s4, GRID(19, 1, 2), 2, false, SPACE(.states = 4, .both = true, .dt_min = .01, .dt_max = .2, .rate = 1)},
    {&nn_op_s5, GRID(9, 1, 3), 3, false, SPACE(NN_S4D_LEGS, 4, false, .01, .2, 1)},
    {&nn_op_s5, GRID(6, 1, 16), 16, false, SPACE(NN_S4D_LIN, 16, false, .01, .2, 1)},
    {&nn_op_s5, GRID(9, 1, 3), 3, false, SPACE(NN_S4D_INV, 6, true, .01, .2, 1)},
    {&nn_op_s5, GRID(7, 1, 2), 2, false, SPACE(NN_S4D_LIN, 4, true, .01, .2, 1), .masked = true},
    {&nn_op_weighted, GRID(7, 1, 3), 3, false, NULL, .y = {{1, 1, 1}, 3}, .other = GRID(7, 1, 1)},
    {&nn_op_weighted, GRID(6, 2, 2), 2, false, NULL, .y = {{1, 1, 1}, 2}, .other = GRID(6, 2, 1), .masked = true},
    {&nn_op_attention, GRID(7, 1, 12), 4, false, &(nn_attention_conf){2, false}},
    {&nn_op_attention, GRID(21, 1, 9), 3, false, &(nn_attention_conf){1, true}},
    {&nn_op_attention, GRID(6, 1, 30), 10, false, &(nn_attention_conf){2, false}, .masked = true},
    {&nn_op_position, GRID(5, 1, 5), 5, false, NULL},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

#endif

/* test_zoo.c: networks of section `net` for supervised learning: every kind is built from decks, has the outputs asked
 * for, a finite answer that depends on all inputs, the gradient of central differences (a sample of parameters), the
 * number of parameters of the literature where it is known; settings that do not fit are refused. */
#include "nn/nets.h"
#include "tests/check.h"

static const deck_section schema[] = {{.name = "net", .keys = nn_nets_keys, .kinds = nn_nets, .kind_def = "mlp"}, {0}};
static err e;

typedef struct sample {
  const char *net;
  nn_net_task t;
  size_t params; /* 0: not checked */
} sample;
static const int levels[] = {0, 3, 0, 40};
#define SHAPE(a, b, c, k) \
  { {a, b, c}, k }

static const sample samples[] = {
    {"{kind: mlp, width: [7, 5]}", {SHAPE(4, 1, 1, 2), false, 3}, 8 * 7 + 7 + 7 * 5 + 5 + 5 * 3 + 3},
    {"{kind: mlp, width: 6, norm: layer, activation: gelu, head: [4]}", {SHAPE(5, 2, 1, 2), true, 2}, 0},
    {"{kind: mlp, width: [6], dropout: 0.2, head_dropout: 0.5}", {SHAPE(3, 1, 1, 2), false, 1, 4, 0, levels}, 0},
    {"{kind: inception1d, depth: 4, width: 2, bottleneck: 3, kernels: [5, 3]}", {SHAPE(14, 1, 1, 2), false, 2}, 0},
    {"{kind: gru, width: 4, bidirectional: true, encoder: [5], dropout: 0.1}", {SHAPE(7, 1, 1, 3), false, 2}, 0},
    {"{kind: gru, width: 6, layers: 1, channels: [3, 4], encoder: [5]}", {SHAPE(4, 6, 6, 1), true, 2}, 0},
    {"{kind: lstm, width: 4, layers: 2, pool: last, head: [3]}",
     {SHAPE(7, 1, 1, 3), false, 2},
     4 * 4 * (3 + 4 + 1) + 4 * 4 * (4 + 4 + 1) + 4 * 3 + 3 + 3 * 2 + 2},
    {"{kind: lstm, width: 3, layers: 1, channels: [3], stride: 1, bidirectional: true}",
     {SHAPE(9, 1, 1, 2), true, 1},
     0},
    {"{kind: cnn, channels: [3, 4], kernel: [3, 5], norm: batch, pool: [2, 1]}", {SHAPE(12, 1, 1, 2), false, 2}, 0},
    {"{kind: cnn, channels: [3], kernel: 2, padding: periodic, global: both}", {SHAPE(4, 4, 4, 1), false, 1}, 0},
    {"{kind: cnn, channels: [8, 5, 3], kernel: 2, padding: none, global: flatten, head: [20, 10]}",
     {SHAPE(5, 5, 5, 1), false, 1},
     8 * 8 + 8 + 8 * 8 * 5 + 5 + 8 * 5 * 3 + 3 + 8 * 3 * 20 + 20 + 20 * 10 + 10 + 10 + 1},
    {"{kind: cnn, channels: [2, 3], stride: 2, head: [6]}", {SHAPE(3, 8, 8, 1), true, 2}, 0}, /* frames */
    {"{kind: cnn, channels: [4, 4], kernel: 3, dilation: [1, 2]}", {SHAPE(10, 1, 1, 2), true, 2}, 0},
    {"{kind: resnet1d, width: [6, 8], blocks: [1, 1]}", {SHAPE(16, 1, 1, 2), false, 2}, 0},
    {"{kind: xresnet1d, width: 4, stem: [3, 3, 4], blocks: [1, 2]}", {SHAPE(30, 1, 1, 2), false, 2}, 0},
    {"{kind: xresnet1d, width: 3, stem: [3, 4], blocks: [1, 1], bottleneck: true}", {SHAPE(21, 1, 1, 2), false, 2}, 0},
    {"{kind: xresnet1d, width: 2, stem: [2, 2, 3], blocks: [3, 4, 6, 3], bottleneck: true, expansion: 2}",
     {SHAPE(40, 1, 1, 2), false, 2},
     0},
    {"{kind: xresnet1d, width: 2, stem: [2, 2, 3], blocks: [3, 4, 23, 3], bottleneck: true, expansion: 2}",
     {SHAPE(40, 1, 1, 2), false, 2},
     0},
    {"{kind: s4, width: 6, depth: 2}", {SHAPE(21, 1, 1, 3), false, 2}, 0},
    {"{kind: s4, kernel: legs, width: 5, depth: 1, states: 6, both: false, norm_first: true}",
     {SHAPE(18, 1, 1, 2), true, 2},
     0},
    {"{kind: s4, kernel: s5, width: 5, depth: 2, states: 6}", {SHAPE(13, 1, 1, 2), false, 2}, 0},
    {"{kind: xresnet1d, width: 4, stem: [3, 4], blocks: [1, 1], pool: attention}", {SHAPE(23, 1, 1, 2), false, 2}, 0},
    {"{kind: transformer, tokens: [4], width: 6, heads: 2, depth: 2, ratio: 2}", {SHAPE(19, 1, 1, 3), false, 2}, 0},
    {"{kind: transformer, tokens: [], width: 4, heads: 1, depth: 1, causal: true}", {SHAPE(9, 1, 1, 2), true, 2}, 0},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static nn_graph *build(const char *net, const nn_net_task *t) {
  char text[400];
  deck *d = NULL;
  nn_graph *g = NULL;
  memset(&e, 0, sizeof e);
  snprintf(text, sizeof text, "app: test\nnet: %s\n", net);
  if (!deck_parse(&d, "test", text, strlen(text), NULL, 0, schema, &e)) nn_nets_build(&g, t, d, &e);
  deck_free(d);
  return g;
}

typedef struct rig {
  nn_graph *g;
  nn_plan *p;
  nn_frame *f;
  nn_real *theta, *dtheta, *state, *dstate;
} rig;

static nn_real *reals(size_t n) {
  return nn_alloc(n * sizeof(nn_real));
}

static int open_rig(rig *r, const sample *s, int lanes) {
  r->g = build(s->net, &s->t);
  CHECK_REPORT(r->g != NULL, "%s: %.300s", s->net, e.text);
  if (!r->g || nn_plan_new(&r->p, r->g, lanes, true, false, &e) || nn_frame_new(&r->f, r->p, NULL, &e)) return 1;
  size_t np = r->g->nparam, ns = r->g->nstate;
  r->theta = reals(np), r->dtheta = reals(np), r->state = reals(ns), r->dstate = reals(ns);
  nn_init(r->g, r->theta, 2), nn_init_state(r->g, r->state);
  for (size_t i = 0; i < np; i++) r->theta[i] += (nn_real)(0.1 * rng_normal(rng_stream(3, "shift"), i, 0, 0));
  r->f->theta = r->theta, r->f->dtheta = r->dtheta, r->f->state = r->state, r->f->dstate = r->dstate;
  r->f->noise = rng_stream(1, "dropout");
  for (int k = 0; k < r->g->nnodes && !r->g->node[k].op; k++)
    for (size_t i = 0; i < nn_rows(r->g->node[k].shape) * (size_t)lanes; i++) {
      double u = rng_normal(rng_stream(4, "x"), i, (unsigned)k, 0);
      r->f->value[k][i] = (nn_real)(k && levels[i / (size_t)lanes] ? floor(fabs(u)) : u);
    }
  return 0;
}
static void close_rig(rig *r) {
  nn_frame_free(r->f, NULL), nn_plan_free(r->p), nn_graph_free(r->g);
  free(r->theta), free(r->dtheta), free(r->state), free(r->dstate);
}

static size_t outputs(const rig *r) {
  return nn_rows(r->g->node[r->g->output].shape) * (size_t)r->p->lanes;
}
static double loss(const rig *r) {
  double sum = 0;
  nn_forward(r->p, r->f);
  for (size_t i = 0; i < outputs(r); i++)
    sum += (2 * rng_uniform(rng_stream(5, "loss"), i, 0, 0) - 1) * (double)r->f->value[r->g->output][i];
  return sum;
}

static void check_sample(const sample *s) {
  rig r = {0};
  if (open_rig(&r, s, 8)) return;
  const nn_shape y = r.g->node[r.g->output].shape, want = {{s->t.sequence ? s->t.in.extent[0] : 1, 1, 1}, s->t.outputs};
  CHECK_REPORT(!memcmp(&y, &want, sizeof y), "%s: shape of the output", s->net);
  if (s->params) CHECK_INT(r.g->free_params, s->params);
  double base = loss(&r);
  CHECK(isfinite(base));
  for (int k = 0; k < r.g->nnodes && !r.g->node[k].op; k++) { /* every input matters */
    for (size_t i = 0; i < nn_rows(r.g->node[k].shape); i++) r.f->value[k][i * 8] += 1;
    CHECK_REPORT(loss(&r) != base, "%s: the output does not depend on input %d", s->net, k);
    for (size_t i = 0; i < nn_rows(r.g->node[k].shape); i++) r.f->value[k][i * 8] -= 1;
  }
#ifndef NN_SINGLE
  for (size_t i = 0; i < r.p->grads; i++) r.f->grad_arena[i] = NAN;
  nn_forward(r.p, r.f);
  for (size_t i = 0; i < outputs(&r); i++)
    r.f->grad[r.g->output][i] = 2 * rng_uniform(rng_stream(5, "loss"), i, 0, 0) - 1;
  nn_backward(r.p, r.f);
  for (size_t i = 0; i < r.g->nparam; i += 1 + r.g->nparam / 60) {
    double h = 1e-6, keep = r.theta[i], up, d;
    r.theta[i] = keep + h, up = loss(&r);
    r.theta[i] = keep - h, d = (up - loss(&r)) / (2 * h);
    r.theta[i] = keep;
    CHECK_REPORT(fabs(d - r.dtheta[i]) <= 1e-6 * (1 + fabs(d)), "%s: d/dtheta[%zu] = %.9g, expected %.9g", s->net, i,
                 r.dtheta[i], d);
  }
#endif
  close_rig(&r);
}

static const nn_net_task ecg = {SHAPE(1000, 1, 1, 12), false, 71};

static void counts(const char *net, size_t params) {
  nn_graph *g = build(net, &ecg);
  CHECK_REPORT(g != NULL, "%s: %.300s", net, e.text);
  if (g) CHECK_INT(g->free_params, params);
  nn_graph_free(g);
}

/* A convolution without bias and its batch norm. */
static size_t conv_norm(size_t in, size_t out, size_t kernel) {
  return in * out * kernel + 2 * out;
}

/* The convolutional networks of Strodthoff et al. 2021, on 12 leads and 71 classes. */
static void convolutional(void) {
  size_t head = 256 * 71 + 71, stem = conv_norm(12, 32, 5) + conv_norm(32, 32, 5) + conv_norm(32, 64, 5);
  size_t bottleneck = conv_norm(256, 64, 1) + conv_norm(64, 64, 5) + conv_norm(64, 256, 1);
  size_t first = bottleneck - 256 * 64 + 64 * 64 + conv_norm(64, 256, 1); /* 64 channels come in; 1x1 beside it */
  counts("{kind: xresnet1d}", stem + 8 * 2 * conv_norm(64, 64, 5) + 128 * 71 + 71); /* 18 layers */
  counts("{kind: xresnet1d, blocks: [3, 4, 23, 3], bottleneck: true}", stem + first + 32 * bottleneck + 512 * 71 + 71);
  counts("{kind: resnet1d}", conv_norm(12, 128, 7) + 3 * (conv_norm(128, 128, 5) + conv_norm(128, 128, 3)) +
                                 2 * conv_norm(128, 128, 1) + head); /* resnet_wang: two blocks halve the length */
  counts("{kind: cnn, channels: [128, 256, 128], kernel: [8, 5, 3], norm: batch, global: both}", /* fcn_wang */
         conv_norm(12, 128, 8) + conv_norm(128, 256, 5) + conv_norm(256, 128, 3) + head);
  size_t branches = 32 * 32 * (39 + 19 + 9) + 2 * 128;
  counts("{kind: inception1d}", 2 * 12 * 32 + branches + 5 * (2 * 128 * 32 + branches) + conv_norm(12, 128, 1) +
                                    conv_norm(128, 128, 1) + head);
}

/* Numbers of parameters of published networks of 1000 positions. */
static void published(void) {
  size_t unit = 0, stem = 12 * 32 * 5 + 32 * 32 * 5 + 32 * 64 * 5 + 2 * 128, head = 512 * 71 + 71;
  nn_graph *g = build("{kind: xresnet1d, blocks: [3, 4, 6, 3], bottleneck: true}", &ecg);
  CHECK_REPORT(g != NULL, "%.300s", e.text);
  if (!g) return;
  unit = 256 * 64 + 64 * 64 * 5 + 64 * 256 + 2 * (64 + 64 + 256);
  size_t first = 64 * 64 + 64 * 64 * 5 + 64 * 256 + 2 * (64 + 64 + 256) + 64 * 256 + 2 * 256;
  CHECK_INT(g->free_params, stem + first + 15 * unit + head);
  nn_graph_free(g);
  g = build(
      "{kind: cnn, channels: [32, 64, 128], kernel: 5, stride: 2, padding: none, norm: batch, pool: [2, 2, 1], "
      "global: flatten, head: [128]}",
      &ecg); /* LeNet1d: 1000 -> 498 -> 249 -> 123 -> 61 -> 29 */
  CHECK_INT(g->free_params,
            12 * 32 * 5 + 32 * 64 * 5 + 64 * 128 * 5 + 2 * (32 + 64 + 128) + 29 * 128 * 128 + 128 + 128 * 71 + 71);
  nn_graph_free(g);
  g = build("{kind: s4}", &ecg); /* 4 layers, 512 channels, 8 states, both directions */
  CHECK_REPORT(g != NULL, "%.300s", e.text);
  if (!g) return;
  size_t s4 = 512 * 2 * 8 + 512 + 512 * 1024 + 1024 + 2 * 512;
  CHECK_INT(g->free_params, 12 * 512 + 512 + 4 * s4 + 512 * 71 + 71);
  nn_graph_free(g);
}

static void refused(void) {
  const sample bad[] = {
      {"{kind: cnn, channels: [4], stride: 2}", {SHAPE(10, 1, 1, 1), true, 1}, 0},
      {"{kind: cnn, channels: [4], kernel: 9, padding: none}", {SHAPE(5, 1, 1, 1), false, 1}, 0},
      {"{kind: resnet1d}", {SHAPE(5, 5, 1, 1), false, 1}, 0},
  };
  for (int i = 0; i < 3; i++) {
    nn_graph *g = build(bad[i].net, &bad[i].t);
    CHECK_REPORT(!g && e.code, "%s is accepted", bad[i].net);
    nn_graph_free(g);
  }
}

int main(void) {
  for (const deck_kind *const *k = nn_nets; *k; k++) {
    int found = 0;
    char word[40];
    snprintf(word, sizeof word, "kind: %s,", (*k)->name);
    for (int i = 0; i < SAMPLES; i++) found += strstr(samples[i].net, word) != NULL;
    CHECK_REPORT(found, "network '%s' has no sample in test_zoo.c", (*k)->name);
  }
  for (int i = 0; i < SAMPLES; i++) check_sample(&samples[i]);
  published();
  convolutional();
  refused();
  return check_done();
}

/* ar_emit.c: whole configurations from drawn spins, and what a network can see (see ar.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/elementwise.h"
#include "nn/ops.h"
#include "samplers/ar.h"

/* Left-out spin k of every lane: p(s = +1) = sigma(2 beta h), adds its ln p. */
static void heat_bath(const ar *a, ar_worker *w, const nn_frame *f, int k, double beta, rng r, long shard,
                      unsigned step, int8_t *s, double *lnq) {
  int S = a->lanes, N = a->m->lat->n, site = a->o->rest[k];
  for (int i = 0; i < S; i++) {
    double h = a->m->h ? a->m->h[site] : 0;
    for (int q = a->rest_start[k]; q < a->rest_start[k + 1]; q++)
      h += a->rest_J[q] * (double)f->value[0][(size_t)a->rest_position[q] * S + i];
    double u = rng_uniform(r, (uint64_t)shard * (uint64_t)S + (uint64_t)i, step, (unsigned)(a->o->n + k));
    bool up = u < 1 / (1 + exp(-2 * beta * h));
    s[(size_t)i * N + site] = up ? 1 : -1;
    lnq[i] -= log1p(exp(up ? -2 * beta * h : 2 * beta * h));
  }
}

static void transform(const ar *a, int g, const int8_t *in, int8_t *out) {
  const int *perm = a->g->site + (size_t)g * a->m->lat->n;
  for (int i = 0; i < a->m->lat->n; i++) out[i] = (int8_t)(a->g->sign[g] * in[perm[i]]);
}

void ar_emit(const ar *a, ar_worker *w, const ar_frames *f, double beta, rng r, long shard, unsigned step, int8_t *s,
             double *lnq_rest) {
  int S = a->lanes, N = a->m->lat->n;
  for (int i = 0; i < S; i++) lnq_rest[i] = 0;
  for (int t = 0; t < a->o->n; t++)
    for (int i = 0; i < S; i++) s[(size_t)i * N + a->o->site[t]] = (int8_t)f->f[0]->value[0][(size_t)t * S + i];
  for (int k = 0; k < a->o->nrest; k++) heat_bath(a, w, f->f[0], k, beta, r, shard, step, s, lnq_rest);
  if (a->g->size == 1 && !a->conf.gauge) return;
  int8_t *copy = w->config;
  for (int i = 0; i < S; i++) {
    double u = rng_uniform(r, (uint64_t)shard * (uint64_t)S + (uint64_t)i, step, (unsigned)N);
    int8_t *c = s + (size_t)i * N;
    if (a->conf.gauge) {
      for (int k = 0; k < N && u < 0.5; k++) c[k] = (int8_t)-c[k];
      continue;
    }
    memcpy(copy, c, (size_t)N);
    transform(a, (int)(u * a->g->size), copy, c);
  }
}

/* Biases stand at the end of a node's parameters. */
static size_t biases(const nn_node *n) {
  size_t out = (size_t)n->shape.channels, all = nn_rows(n->shape);
  if (n->op == &nn_op_causal_conv2d) return ((const nn_causal_conv2d_conf *)n->conf)->bias ? out : 0;
  if (n->op == &nn_op_causal_dense) return ((const nn_causal_dense_conf *)n->conf)->bias ? all : 0;
  if (n->op == &nn_op_sites) return ((const nn_sites_conf *)n->conf)->bias ? all : 0;
  return 0;
}

/* Raise one earlier spin per lane from zero and see which logits move. With positive weights and no biases all activations
 * pass a positive signal on and nothing cancels, however deep the network. */
int ar_unseen(const ar *a, long *unseen, long *pairs, err *e) {
  int S = a->lanes, n = a->o->n;
  const nn_causal *c = &a->o->causal;
  nn_real *theta = nn_alloc(a->net->nparam * sizeof *theta), *z = nn_alloc((size_t)n * sizeof *z);
  nn_frame *f = NULL;
  *unseen = *pairs = 0;
  if (!theta || !z || nn_frame_new(&f, a->plan, NULL, e)) {
    free(theta), free(z);
    return err_set(e, ERR_RUN, "network: out of memory");
  }
  rng r = rng_stream(1, "unseen");
  for (int k = 0; k < a->net->nnodes; k++) {
    const nn_node *node = &a->net->node[k];
    for (size_t i = node->param; i < node->param + node->nparam - biases(node); i++)
      theta[i] = (nn_real)(0.05 + 0.1 * rng_uniform(r, i, 0, 0));
  }
  f->theta = theta;
  nn_forward(a->plan, f); /* the spins of a new frame are zero */
  for (int t = 0; t < n; t++) z[t] = f->value[a->net->output][(size_t)t * S];
  for (int u0 = 0; u0 < n; u0 += S) {
    for (size_t i = 0; i < (size_t)n * S; i++) f->value[0][i] = 0;
    for (int i = 0; i < S && u0 + i < n; i++) f->value[0][(size_t)(u0 + i) * S + i] = 1;
    nn_forward(a->plan, f);
    for (int t = 0; t < n; t++)
      for (int k = c->start[t]; k < c->start[t + 1]; k++) {
        int u = c->list[k];
        if (u < u0 || u >= u0 + S || c->start_value[k] == 0) continue;
        ++*pairs;
        *unseen += f->value[a->net->output][(size_t)t * S + (u - u0)] == z[t];
      }
  }
  nn_frame_free(f, NULL);
  free(theta), free(z);
  return 0;
}

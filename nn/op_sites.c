/* op_sites.c: a small dense layer of its own at every position, fed by that position's own list of input positions.
 *   y[t] = b[t] + sum_{u in list(t)} W_t[u] x[u]
 * With lists of the drawn spins that still interact with undrawn ones (the frontier) it is the first layer of a
 * conditional that sees exactly what it may depend on; with the lists {t} it is a layer inside the site; with one
 * output and weights starting from 2 beta J it is the linear skip term of Biazzo, Wu, Carleo (MLST 2024). */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "nn/grow.h"
#include "nn/ops.h"
#include "nn/relevance.h"
#include "nn/segment.h"

static int shape(nn_node *n, const nn_shape *in, err *e) {
  const nn_sites_conf *c = n->conf;
  int P = c->positions, cin = in->channels;
  if (c->out < 1 || P != nn_positions(*in))
    return err_set(e, ERR_RUN, "lists are for %d positions, the input has %d", P, nn_positions(*in));
  nn_segments *s = n->table = nn_segments_new(P);
  int bad = !s, row = 0;
  n->local = n->placed = true;
  for (int t = 0; t < P && !bad; t++) {
    for (int k = c->start[t]; k < c->start[t + 1]; k++, row += cin) {
      if (c->list[k] < 0 || c->list[k] > t) return err_set(e, ERR_RUN, "position %d lists position %d", t, c->list[k]);
      bad |= nn_segments_add(s, t, row, c->list[k] * cin, cin);
      n->local &= c->list[k] == t;
    }
    nn_segments_close(s, t);
    n->local &= c->start[t + 1] == c->start[t] + 1;
  }
  if (bad || nn_segments_finish(s)) return err_set(e, ERR_RUN, "out of memory");
  n->shape = *in;
  n->shape.channels = c->out;
  n->nparam = (size_t)row * c->out + (c->bias ? (size_t)P * c->out : 0);
  n->macs = nn_segments_macs(s, c->out);
  n->scratch = (size_t)c->out;
  return 0;
}

static void release(nn_node *n) {
  nn_segments_free(n->table);
}

static void init(const nn_node *n, const nn_shape *in, nn_real *theta, rng r) {
  const nn_sites_conf *c = n->conf;
  size_t at = 0;
  for (int t = 0; t < c->positions; t++) {
    int fan = (c->start[t + 1] - c->start[t]) * in->channels;
    for (int k = 0; k < fan; k++)
      for (int m = 0; m < c->out; m++, at++)
        theta[at] = c->start_value ? (nn_real)c->start_value[c->start[t] + k]
                                   : (nn_real)(c->gain / sqrt((double)fan) * rng_normal(r, at, 0, 0));
  }
}

/* Rows of the list of position t of the small node that u stands for; -1: none. */
static int listed(const nn_sites_conf *c, int t, int u) {
  for (int k = c->start[t]; k < c->start[t + 1]; k++)
    if (c->list[k] == u) return k;
  return -1;
}

/* What the small grid does not reach has its first guess, or starts at zero. */
static void grow(const nn_node *small, const nn_real *old, const nn_node *n, const nn_shape *in, nn_real *theta,
                 const nn_growth *w) {
  const nn_sites_conf *c = n->conf, *s = small->conf;
  size_t row = (size_t)in->channels * (size_t)c->out, P = (size_t)c->positions, out = (size_t)c->out;
  for (int t = 0; t < c->positions; t++)
    for (int k = c->start[t], d = nn_growth_donor(w, t); k < c->start[t + 1]; k++) {
      int u = nn_growth_like(w, t, c->list[k]), from = u < 0 ? -1 : listed(s, d, u);
      if (from >= 0)
        memcpy(theta + (size_t)k * row, old + (size_t)from * row, row * sizeof *theta);
      else if (!c->start_value)
        memset(theta + (size_t)k * row, 0, row * sizeof *theta);
    }
  for (size_t t = 0; t < P && c->bias; t++)
    memcpy(theta + n->nparam - (P - t) * out,
           old + small->nparam - ((size_t)s->positions - (size_t)nn_growth_donor(w, (int)t)) * out,
           out * sizeof *theta);
}

static const nn_real *bias(const nn_node *n, const nn_real *theta, int t) {
  const nn_sites_conf *c = n->conf;
  return c->bias ? theta + n->param + n->nparam - (size_t)(c->positions - t) * c->out : NULL;
}

static void step(const nn_node *n, const nn_frame *f, int t) {
  int out = n->shape.channels;
  nn_real *y = f->value[n->id] + (size_t)t * out * f->lanes; /* (Cout, S) */
  nn_segments_forward(n->table, t, out, f->lanes, f->theta + n->param, f->value[n->in[0]], bias(n, f->theta, t), y);
}

static void back_step(const nn_node *n, const nn_frame *f, int t) {
  const nn_sites_conf *c = n->conf;
  nn_real *dtheta = f->dtheta + n->param;
  const nn_real *dy = f->grad[n->id] + (size_t)t * c->out * f->lanes;
  if (c->bias) nn_bias_grad(c->out, f->lanes, dy, dtheta + n->nparam - (size_t)(c->positions - t) * c->out);
  nn_segments_backward(n->table, t, c->out, f->lanes, f->theta + n->param, f->value[n->in[0]], dy, f->grad[n->in[0]],
                       n->local && nn_opens(n, f, 0), dtheta, f->scratch);
}

static nn_linear linear(const nn_node *n) {
  const nn_sites_conf *c = n->conf;
  return nn_linear_of_layer(n->table, n, c->out, c->bias ? (size_t)c->positions * (size_t)c->out : 0, false);
}

static void text(const nn_node *n, FILE *f) {
  const nn_sites_conf *c = n->conf;
  uint32_t h = 2166136261u; /* the lists, told apart */
  for (int t = 0; t < c->positions; t++) h = (h ^ (uint32_t)c->start[t + 1]) * 16777619u;
  for (int k = 0; k < c->start[c->positions]; k++) h = (h ^ (uint32_t)c->list[k]) * 16777619u;
  fprintf(f, "inputs %d lists %08x bias %d", c->start[c->positions], h, c->bias);
}

const nn_op nn_op_sites = {
    .name = "sites",
    .help = "a dense layer of its own at every site over listed sites",
    .conf_size = sizeof(nn_sites_conf),
    .min_in = 1,
    .max_in = 1,
    .needs_x = true,
    .shape = shape,
    .free = release,
    .init = init,
    .grow = grow,
    .forward = nn_every_step,
    .step = step,
    .backward = nn_every_back_step,
    .back_step = back_step,
    .takes = NN_SHARE_SUM | NN_SHARE_PLAIN,
    .relevance = nn_linear_relevance,
    .linear = linear,
    .text = text,
};

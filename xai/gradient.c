/* gradient.c: gradient, input x gradient, SmoothGrad and integrated gradients (see gradient.h). */
#include "xai/gradient.h"

#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t numbers(const xai_net *n, int node) {
  return nn_rows(n->graph->node[node].shape) * (size_t)n->lanes;
}

static int no_gradient(const xai_net *n, int node, err *e) {
  return err_set(e, ERR_RUN, "network node '%s' has no gradient: ask for that of the input before anything reads it",
                 n->graph->node[node].name);
}

/* Values of a node at x: nodes behind it are not walked, nothing has overwritten it. */
static void value_at(xai_net *n, const nn_real *x, int node, nn_real *h) {
  memcpy(n->frame->value[n->input], x, n->inputs * (size_t)n->lanes * sizeof *x);
  for (int i = 0; i <= node; i++)
    if (n->graph->node[i].op) n->graph->node[i].op->forward(&n->graph->node[i], n->frame);
  memcpy(h, n->frame->value[node], numbers(n, node) * sizeof *h);
}

int xai_gradient(xai_net *n, const nn_real *x, const nn_real *seed, int node, bool times_value, nn_real *g, err *e) {
  const nn_real *h = n->work[0];
  value_at(n, x, node, n->work[0]);
  xai_net_forward(n, NULL, node, NULL);
  const nn_real *d = xai_net_backward(n, seed, node);
  if (!d) return no_gradient(n, node, e);
  for (size_t k = 0; k < numbers(n, node); k++) g[k] = times_value ? h[k] * d[k] : d[k];
  return 0;
}

/* x + sigma noise. */
static void add_noise(const xai_net *n, const nn_real *x, const xai_smooth *s, int draw, nn_real *to) {
  size_t S = (size_t)n->lanes;
  for (size_t row = 0; row < n->inputs; row++)
    for (size_t i = 0; i < S; i++)
      to[row * S + i] =
          x[row * S + i] + (nn_real)(s->sigma * rng_normal(s->r, s->first + i, (uint32_t)row, (uint32_t)draw));
}

int xai_smooth_gradient(xai_net *n, const nn_real *x, const nn_real *seed, const xai_smooth *s, nn_real *g, err *e) {
  size_t count = n->inputs * (size_t)n->lanes;
  memset(g, 0, count * sizeof *g);
  for (int draw = 0; draw < s->draws; draw++) {
    add_noise(n, x, s, draw, n->work[1]);
    xai_net_forward(n, n->work[1], -1, NULL);
    const nn_real *d = xai_net_backward(n, seed, n->input);
    if (!d) return no_gradient(n, n->input, e);
    for (size_t k = 0; k < count; k++) g[k] += d[k] / (nn_real)s->draws;
  }
  return 0;
}

int xai_quadrature_new(xai_quadrature *q, int n, err *e) {
  gsl_integration_glfixed_table *t = n > 0 ? gsl_integration_glfixed_table_alloc((size_t)n) : NULL;
  *q = (xai_quadrature){n, malloc((size_t)n * sizeof(double)), malloc((size_t)n * sizeof(double))};
  if (!t || !q->at || !q->weight) {
    if (t) gsl_integration_glfixed_table_free(t);
    xai_quadrature_free(q);
    return err_set(e, ERR_RUN, "quadrature of %d nodes: out of memory or not positive", n);
  }
  for (int i = 0; i < n; i++) gsl_integration_glfixed_point(0, 1, (size_t)i, &q->at[i], &q->weight[i], t);
  gsl_integration_glfixed_table_free(t);
  return 0;
}

void xai_quadrature_free(xai_quadrature *q) {
  free(q->at), free(q->weight);
  *q = (xai_quadrature){0};
}

/* The network at x with the node held at from + a (to - from). */
static void forward_on_line(xai_net *n, const xai_line *l, double a) {
  const nn_real *to = n->work[0], *from = n->work[1];
  nn_real *h = n->work[2];
  for (size_t k = 0; k < numbers(n, l->node); k++) h[k] = from[k] + (nn_real)a * (to[k] - from[k]);
  xai_net_forward(n, l->node == n->input ? h : l->x, l->node, h);
}

int xai_integrated(xai_net *n, const xai_line *l, const xai_quadrature *q, int panels, nn_real *a, double *gap,
                   double *change, err *e) {
  size_t count = numbers(n, l->node), S = (size_t)n->lanes;
  double end[NN_MAX_LANES], start[NN_MAX_LANES], sum[NN_MAX_LANES] = {0};
  value_at(n, l->x, l->node, n->work[0]), value_at(n, l->baseline, l->node, n->work[1]);
  memset(a, 0, count * sizeof *a);
  for (int p = 0; p < panels; p++)
    for (int i = 0; i < q->n; i++) {
      forward_on_line(n, l, (p + q->at[i]) / panels);
      const nn_real *d = xai_net_backward(n, l->seed, l->node);
      if (!d) return no_gradient(n, l->node, e);
      for (size_t k = 0; k < count; k++) a[k] += (nn_real)(q->weight[i] / panels) * d[k];
    }
  for (size_t k = 0; k < count; k++) {
    a[k] *= n->work[0][k] - n->work[1][k];
    sum[k % S] += (double)a[k];
  }
  forward_on_line(n, l, 0), xai_net_answer(n, l->seed, start);
  forward_on_line(n, l, 1), xai_net_answer(n, l->seed, end);
  for (size_t i = 0; i < S; i++) {
    if (gap) gap[i] = sum[i] - (end[i] - start[i]);
    if (change) change[i] = end[i] - start[i];
  }
  return 0;
}

int xai_integrated_to(xai_net *n, const xai_line *l, const xai_quadrature *q, double tolerance, int most, int valid,
                      nn_real *a, double *gap, double *change, int *panels, err *e) {
  double off[NN_MAX_LANES], moved[NN_MAX_LANES];
  for (int p = 1;; p *= 2) {
    bool good = true;
    if (xai_integrated(n, l, q, p, a, off, moved, e)) return e->code;
    for (int i = 0; i < valid; i++) good &= fabs(off[i]) <= tolerance * fabs(moved[i]);
    if (panels) *panels = p;
    if (good || 2 * p > most) break;
  }
  if (gap) memcpy(gap, off, (size_t)n->lanes * sizeof *gap);
  if (change) memcpy(change, moved, (size_t)n->lanes * sizeof *change);
  return 0;
}

/* yukawa_explain_walk.c: relevance, gradients and momenta of every configuration (see yukawa_explain.h). Shards of
 * lanes are dealt to ranks and threads; what a configuration gets depends on nothing but itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/yukawa_explain.h"
#include "nn/ops.h"
#include "xai/composite.h"
#include "xai/gradient.h"
#include "xai/lrp.h"
#include "xai/momentum.h"
#include "xai/patterns.h"

const char *const yukawa_methods[YUKAWA_METHODS] = {"lrp", "input_x_gradient", "integrated", "links"};

/* ---- which configurations, how wide a row ---- */

static int choose(yukawa_explanations *x, long configurations, err *e) {
  const yukawa_data *y = x->data;
  x->kappa = malloc(sizeof *x->kappa * (size_t)y->chains);
  x->begin = malloc(sizeof *x->begin * (size_t)(y->chains + 1));
  x->index = malloc(sizeof *x->index * (size_t)y->n);
  if (!x->kappa || !x->begin || !x->index) return err_set(e, ERR_RUN, "explanations: out of memory");
  for (long c = 0, end; c < y->chains; c = end) {
    for (end = c + 1; end < y->chains && y->kappa[end] == y->kappa[c];) end++;
    long each = configurations ? (configurations + end - c - 1) / (end - c) : y->per;
    x->kappa[x->points] = y->kappa[c], x->begin[x->points++] = x->n;
    for (long k = c; k < end; k++)
      for (long i = 0; i < y->per && i < each; i++) x->index[x->n++] = k * y->per + i;
    if (x->n - x->begin[x->points - 1] < 2 * x->c.blocks)
      return err_set(e, ERR_DECK, "explain.blocks = %ld: only %ld configurations at kappa = %g", x->c.blocks,
                     x->n - x->begin[x->points - 1], y->kappa[c]);
  }
  x->begin[x->points] = x->n;
  return 0;
}

static int momenta(yukawa_explanations *x, err *e) {
  const int *side = x->model->side;
  long n = 1;
  for (int k = 0; k < x->model->d; k++) n *= side[k], x->items += side[k] / 2;
  x->items++;
  if (!(x->bin = malloc(sizeof *x->bin * (size_t)n))) return err_set(e, ERR_RUN, "momenta: out of memory");
  for (long p = 0; p < n; p++) {
    long rest = p;
    x->bin[p] = 0;
    for (int k = x->model->d - 1; k >= 0; k--) {
      int m = (int)(rest % side[k]);
      rest /= side[k], x->bin[p] += m < side[k] - m ? m : side[k] - m;
    }
  }
  return 0;
}

/* The first convolution, and its weights where they have patterns. */
static int filters(yukawa_explanations *x, err *e) {
  const nn_graph *g = x->model->g;
  x->conv = -1;
  for (int i = 0; i < g->nnodes && x->conv < 0; i++)
    if (g->node[i].op == &nn_op_conv) x->conv = i;
  if (x->conv < 0) return 0;
  const nn_node *n = &g->node[x->conv];
  x->filters = n->shape.channels;
  int taps = 1 << x->model->d;
  if (n->nweights != (size_t)(taps * x->filters) || nn_rows(g->node[n->in[0]].shape) != (size_t)x->data->sites)
    return 0;
  x->taps = taps;
  x->weight = malloc(n->nweights * sizeof *x->weight);
  if (!x->weight) return err_set(e, ERR_RUN, "filters: out of memory");
  for (size_t k = 0; k < n->nweights; k++) x->weight[k] = (double)x->model->theta[n->param + k];
  return 0;
}

/* Observables are counted from O = 0, x + mean / sd, and what that changes in the first layer its bias takes back: the
 * same answers, but a rule that shares in proportion to x calls an observable absent where it is 0. */
static int move_origin(yukawa_explanations *x, err *e) {
  const yukawa_model *m = x->model;
  const nn_graph *g = m->g;
  int first = -1, readers = 0, K = m->standard.inputs;
  if (!(x->theta = nn_alloc(g->nparam * sizeof *x->theta))) return err_set(e, ERR_RUN, "parameters: out of memory");
  memcpy(x->theta, m->theta, g->nparam * sizeof *x->theta);
  if (m->standard.what == YUKAWA_FIELDS || x->c.origin == YUKAWA_AT_MEAN) return 0;
  for (int i = 0; i < g->nnodes; i++)
    for (int b = 0; b < g->node[i].nin; b++)
      if (g->node[i].in[b] == 0) first = i, readers++;
  const nn_node *n = first < 0 ? NULL : &g->node[first];
  size_t out = n ? (size_t)n->shape.channels : 0;
  if (readers != 1 || n->op != &nn_op_dense || n->nparam != n->nweights + out)
    return err_set(e, ERR_DECK, "explain.origin = zero: the first layer of the network must be dense and have a bias");
  if (!(x->offset = malloc(sizeof *x->offset * (size_t)K))) return err_set(e, ERR_RUN, "inputs: out of memory");
  for (int k = 0; k < K; k++) x->offset[k] = m->standard.mean[k] / m->standard.sd[k];
  for (size_t c = 0; c < out; c++) {
    double less = 0;
    for (int k = 0; k < K; k++) less += (double)m->theta[n->param + (size_t)k * out + c] * x->offset[k];
    x->theta[n->param + n->nweights + c] -= (nn_real)less;
  }
  return 0;
}

int yukawa_explanations_new(yukawa_explanations *x, const yukawa_model *m, const yukawa_data *y,
                            const yukawa_explain_conf *c, long configurations, err *e) {
  bool fields = m->standard.what == YUKAWA_FIELDS, same = m->d == y->d;
  *x = (yukawa_explanations){.model = m, .data = y, .c = *c, .conv = -1};
  for (int k = 0; k < m->d && same; k++) same = m->side[k] == y->side[k];
  if (!same) return err_set(e, ERR_FILE, "the network was trained on another lattice than that of data.test");
  x->method[x->methods++] = YUKAWA_LRP;
  if (c->gradient) x->method[x->methods++] = YUKAWA_GRADIENT;
  if (c->integrated) x->method[x->methods++] = YUKAWA_INTEGRATED;
  if (choose(x, configurations, e) || (fields && (momenta(x, e) || filters(x, e))) || move_origin(x, e)) return e->code;
  if (fields) x->method[x->methods++] = YUKAWA_LINKS;
  if (!fields) x->items = m->standard.inputs;
  x->width = YUKAWA_HEAD + x->methods * x->items + 2 * x->filters;
  return 0;
}

void yukawa_explanations_free(yukawa_explanations *x) {
  free(x->kappa), free(x->begin), free(x->index), free(x->bin), free(x->weight), free(x->row);
  free(x->theta), free(x->offset);
  *x = (yukawa_explanations){0};
}

/* ---- one worker ---- */

typedef struct walker {
  xai_net *net;
  xai_lrp *lrp;
  xai_momentum *momentum; /* fields */
  xai_quadrature q;
  nn_real *x, *zero, *seed, *R;  // (inputs, S) each but seed (outputs, S)
  double *to;                    // (inputs, S)
  double answer[NN_MAX_LANES], gap[NN_MAX_LANES];
  err e;
} walker;

static void walker_free(walker *w) {
  xai_lrp_free(w->lrp), xai_momentum_free(w->momentum), xai_net_free(w->net), xai_quadrature_free(&w->q);
  free(w->x), free(w->zero), free(w->seed), free(w->R), free(w->to);
}

static int walker_new(walker *w, const yukawa_explanations *x, const nn_rule *rules, err *e) {
  const yukawa_model *m = x->model;
  int S = (int)x->c.lanes;
  if (xai_net_new(&w->net, m->g, 0, S, x->theta, m->state, e) || xai_lrp_new(&w->lrp, w->net, rules, true, e) ||
      xai_quadrature_new(&w->q, (int)x->c.nodes, e) ||
      (x->bin && xai_momentum_new(&w->momentum, m->g->node[0].shape, S, e)))
    return e->code;
  size_t in = w->net->inputs * (size_t)S, out = w->net->outputs * (size_t)S;
  w->x = nn_alloc(in * sizeof *w->x), w->zero = nn_alloc(in * sizeof *w->x), w->R = nn_alloc(in * sizeof *w->R);
  w->seed = nn_alloc(out * sizeof *w->seed), w->to = nn_alloc(in * sizeof *w->to);
  if (!w->x || !w->zero || !w->R || !w->seed || !w->to) return err_set(e, ERR_RUN, "explanations: out of memory");
  xai_net_seed(w->net, 0, w->seed);
  return 0;
}

/* Largest fault of the books of a lane: what a node had is what it gave, to bias, stabiliser and padding included. */
static void closure(const walker *w, int lanes, int valid, double *fault) {
  const nn_graph *g = w->net->graph;
  for (int i = 0; i < valid; i++) fault[i] = 0;
  for (int node = 0; node < g->nnodes; node++) {
    if (!g->node[node].op || !w->lrp->trail->live[node]) continue;
    const nn_real *R = w->lrp->trail->relevance[node];
    for (int i = 0; i < valid; i++) {
      double at[NN_ACCOUNTS], moved = 0, sum = 0;
      for (int k = 0; k < NN_ACCOUNTS; k++) at[k] = nn_account(w->lrp->trail, node, k, lanes)[i], sum += fabs(at[k]);
      for (size_t row = 0; row < nn_rows(g->node[node].shape); row++)
        moved += fabs((double)R[row * (size_t)lanes + (size_t)i]);
      moved = moved > sum ? moved : sum;
      double off = fabs(at[NN_OUT] - at[NN_IN] - at[NN_BIAS] - at[NN_STABILISER] - at[NN_PADDING]);
      if (moved > 0 && off / moved > fault[i]) fault[i] = off / moved;
    }
  }
}

/* Attributions R of the inputs -> items of a row. */
static void put_items(const yukawa_explanations *x, walker *w, const nn_real *R, int method, int valid, double *rows) {
  size_t S = (size_t)x->c.lanes;
  int first = yukawa_item(x, method, 0);
  if (x->bin) xai_momentum_relevance(w->momentum, w->x, R, 0, w->to, NULL);
  for (int i = 0; i < valid; i++) {
    double *to = rows + i * x->width + first;
    for (size_t k = 0; k < w->net->inputs; k++)
      if (x->bin)
        to[x->bin[k]] += w->to[k * S + (size_t)i];
      else
        to[k] = (double)R[k * S + (size_t)i];
  }
}

static void put_filters(const yukawa_explanations *x, const walker *w, int first, int valid, double *rows) {
  size_t S = (size_t)x->c.lanes, C = (size_t)x->filters;
  const nn_real *R = w->lrp->trail->relevance[x->conv];
  size_t all = nn_rows(x->model->g->node[x->conv].shape);
  for (int i = 0; i < valid; i++) {
    double *to = rows + i * x->width + yukawa_filter(x, false, 0);
    for (size_t k = 0; k < all; k++) to[k % C] += (double)R[k * S + (size_t)i];
    if (x->taps)
      xai_filter_observables(x->data->d, x->data->side, x->data->field + x->index[first + i] * x->data->sites,
                             x->filters, x->weight, rows + i * x->width + yukawa_filter(x, true, 0));
  }
}

/* R_n = phi_n times half the sum of its neighbours, S lanes; sum_n R_n = T. */
static void links(const yukawa_explanations *x, const nn_real *phi, nn_real *R) {
  long S = x->c.lanes, all = x->data->sites * S, stride = all;
  memset(R, 0, (size_t)all * sizeof *R);
  for (int mu = 0; mu < x->data->d; mu++) {
    int L = x->data->side[mu];
    long block = stride; /* numbers of a line of planes along mu */
    stride /= L;
    for (long i = 0; i < all; i++) {
      long at = i % block / stride, start = i - at * stride;
      R[i] += (phi[start + (at + 1) % L * stride] + phi[start + (at + L - 1) % L * stride]) / 2;
    }
  }
  for (long i = 0; i < all; i++) R[i] *= phi[i];
}

static int explain(const yukawa_explanations *x, walker *w, long first, int valid, double *rows) {
  size_t S = (size_t)x->c.lanes;
  const nn_real *R = NULL;
  memset(w->x, 0, w->net->inputs * S * sizeof *w->x);
  memset(rows, 0, (size_t)(valid * x->width) * sizeof *rows);
  for (int i = 0; i < valid; i++) {
    yukawa_input(x->data, &x->model->standard, x->index[first + i], NULL, w->x + i, S);
    for (size_t k = 0; k < w->net->inputs && x->offset; k++) w->x[k * S + (size_t)i] += (nn_real)x->offset[k];
  }
  for (int m = 0; m < x->methods && !w->e.code; m++) {
    if (x->method[m] == YUKAWA_LRP) {
      double fault[NN_MAX_LANES];
      xai_relevance(w->lrp, w->x, w->seed);
      R = w->lrp->trail->relevance[0];
      closure(w, (int)S, valid, fault), xai_net_answer(w->net, w->seed, w->answer);
      for (int i = 0; i < valid; i++)
        rows[i * x->width + YUKAWA_ANSWER] = w->answer[i], rows[i * x->width + YUKAWA_CLOSURE] = fault[i];
      if (x->conv >= 0) put_filters(x, w, (int)first, valid, rows);
    } else if (x->method[m] == YUKAWA_GRADIENT) {
      xai_gradient(w->net, w->x, w->seed, 0, true, w->R, &w->e);
      R = w->R;
    } else if (x->method[m] == YUKAWA_LINKS) {
      links(x, w->x, w->R), R = w->R;
    } else {
      xai_line line = {w->x, w->zero, w->seed, 0};
      xai_integrated(w->net, &line, &w->q, 1, w->R, w->gap, NULL, &w->e);
      for (int i = 0; i < valid; i++) rows[i * x->width + YUKAWA_GAP] = w->gap[i];
      R = w->R;
    }
    if (!w->e.code) put_items(x, w, R, m, valid, rows);
  }
  return w->e.code;
}

/* ---- all of them ---- */

/* Shards first .. end-1 of this rank, some of `shards`; rows of all shards are as wide. */
static void advance(const yukawa_explanations *x, walker *w, int threads, comm_range own, double *rows) {
  long S = x->c.lanes;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int t = 0; t < threads; t++) {
    comm_range mine = comm_thread_range(own, t, threads);
    for (int k = mine.first; k < mine.end && !w[t].e.code; k++) {
      long first = k * S, left = x->n - first;
      explain(x, &w[t], first, (int)(left < S ? left : S), rows + (size_t)((k - own.first) * S) * (size_t)x->width);
    }
  }
}

static int walk(yukawa_explanations *x, run *r, walker *w, int threads, double *mine, double *all, err *e) {
  const comm *c = run_comm(r);
  int shards = (int)((x->n + x->c.lanes - 1) / x->c.lanes), longest = 0;
  size_t wide = (size_t)(x->c.lanes * x->width);
  comm_range own = comm_rank_range(c, c->rank, shards);
  for (int k = 0; k < c->ranks; k++) {
    comm_range of = comm_rank_range(c, k, shards);
    longest = of.end - of.first > longest ? of.end - of.first : longest;
  }
  for (int done = 0; done < longest && !e->code; done += threads) {
    comm_range now = {own.first + done, own.first + done + threads};
    now.first = now.first < own.end ? now.first : own.end, now.end = now.end < own.end ? now.end : own.end;
    advance(x, w, threads, now, mine + (size_t)(now.first - own.first) * wide);
    for (int t = 0; t < threads && !e->code; t++)
      if (w[t].e.code) *e = w[t].e;
    if (comm_vote(c, e) || run_tick(r, "explain", done + threads < longest ? done + threads : longest, longest, NULL))
      return e->code;
  }
  comm_gather_rows(c, shards, wide * sizeof *mine, mine, all);
  return e->code;
}

/* Least and largest input of the configurations that are explained. */
static int range(const yukawa_explanations *x, double *low, double *high, err *e) {
  size_t n = nn_rows(x->model->g->node[0].shape);
  nn_real *one = malloc(n * sizeof *one);
  if (!one) return err_set(e, ERR_RUN, "inputs: out of memory");
  *low = INFINITY, *high = -INFINITY;
  for (long i = 0; i < x->n; i++) {
    yukawa_input(x->data, &x->model->standard, x->index[i], NULL, one, 1);
    for (size_t k = 0; k < n; k++) {
      double v = (double)one[k] + (x->offset ? x->offset[k] : 0);
      *low = fmin(*low, v), *high = fmax(*high, v);
    }
  }
  free(one);
  return 0;
}

/* The box of rule `box` is the range of the inputs. */
static int settle_rules(const yukawa_explanations *x, run *r, nn_rule *rules, err *e) {
  const nn_graph *g = x->model->g;
  xai_settings set = xai_settings_default;
  bool box = false;
  set.epsilon = x->c.epsilon, set.gamma = x->c.gamma;
  if (xai_rules(xai_composites[x->c.composite], &set, g, rules, e)) return e->code;
  for (int i = 0; i < g->nnodes; i++) box |= rules[i].type == &nn_rule_box;
  if (!box) return 0;
  if (range(x, &set.low, &set.high, e)) return e->code;
  for (int i = 0; i < g->nnodes; i++) rules[i].low = set.low, rules[i].high = set.high;
  run_log(r, "rule box: inputs from %.4g to %.4g", set.low, set.high);
  return 0;
}

int yukawa_explanations_run(yukawa_explanations *x, run *r, err *e) {
  const comm *c = run_comm(r);
  const nn_graph *g = x->model->g;
  int shards = (int)((x->n + x->c.lanes - 1) / x->c.lanes), threads = c->threads;
  size_t wide = (size_t)(x->c.lanes * x->width);
  comm_range own = comm_rank_range(c, c->rank, shards);
  walker *w = calloc((size_t)threads, sizeof *w);
  nn_rule *rules = calloc((size_t)g->nnodes, sizeof *rules);
  double *mine = calloc((size_t)(own.end - own.first) * wide + 1, sizeof *mine);
  if (run_root(r)) x->row = calloc((size_t)shards * wide, sizeof *x->row);
  if (!w || !rules || !mine || (run_root(r) && !x->row)) err_set(e, ERR_RUN, "explanations: out of memory");
  if (!e->code) settle_rules(x, r, rules, e);
  for (int t = 0; t < threads && !e->code; t++) walker_new(&w[t], x, rules, e);
  if (!comm_vote(c, e)) walk(x, r, w, threads, mine, x->row, e);
  for (int t = 0; t < threads && w; t++) walker_free(&w[t]);
  free(w), free(rules), free(mine);
  return e->code;
}

/* ar.c: see ar.h. Draws and densities of the autoregressive proposal.
 *   ln q(s) = sum_t ln sigma(s_t z_t)                                 (arXiv:1910.13496, Wu et al. PRL 122 080602)
 *   symmetrised:  ln q_G(s) = LSE_g ln q(g s) - ln |G|
 *   gauge: sigma_t = s_t s_0 is drawn with sigma_0 = 1 and s_0 is a fair coin: ln q = sum_{t>0} ln q(sigma_t) - ln 2 */
#include "samplers/ar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/elementwise.h"

static int check_conf(const ar *a, const deck *d, err *e) {
  long S = a->conf.lanes;
  if (S != 1 && (S < 8 || S & (S - 1)))
    return err_set(e, ERR_DECK, "%s: draw.lanes = %ld: must be 1, 8, 16, 32, 64, 128, ... 1024",
                   deck_where(d, "draw", "lanes"), S);
  if (a->conf.gauge && a->conf.symmetry)
    return err_set(e, ERR_DECK, "%s: draw.gauge: is exact by itself; set draw.symmetry to none",
                   deck_where(d, "draw", "gauge"));
  return 0;
}

int ar_finish(ar *a, const deck *d, err *e) {
  a->lanes = (int)a->conf.lanes;
  if (check_conf(a, d, e)) return e->code;
  if (nn_zoo_build(&a->net, a->causal, d, e)) return err_context(e, "%s", deck_where(d, "net", "kind"));
  return nn_plan_new(&a->plan, a->net, a->lanes, true, true, e);
}

void ar_free(ar *a) {
  if (!a) return;
  nn_plan_free(a->plan);
  nn_graph_free(a->net);
  symmetry_free(a->g);
  if (a->self) a->model->free(a->self);
  free(a);
}

int ar_worker_new(ar_worker **out, const ar *a, err *e) {
  size_t S = (size_t)a->lanes, mask = a->model->mask ? a->model->mask_bytes(a->self, a->lanes) : 0;
  ar_worker *w = *out = calloc(1, sizeof *w);
  if (w) {
    w->u = nn_alloc(2 * S * sizeof *w->u);
    w->tmp = nn_alloc(S * sizeof *w->tmp);
    w->config = nn_alloc((size_t)a->sites);
    w->mask = nn_alloc(mask + 1);
  }
  if (!w || !w->u || !w->tmp || !w->config || !w->mask) return err_set(e, ERR_RUN, "proposal: out of memory");
  return nn_frame_new(&w->share, a->plan, NULL, e);
}

void ar_worker_free(ar_worker *w) {
  if (!w) return;
  nn_frame_free(w->share, NULL);
  free(w->u), free(w->tmp), free(w->config), free(w->mask);
  free(w);
}

int ar_frames_new(ar_frames *f, const ar *a, ar_worker *w, bool kept, err *e) {
  f->f = calloc((size_t)a->g->size, sizeof *f->f);
  f->part = nn_alloc((size_t)a->g->size * (size_t)a->lanes * sizeof *f->part);
  if (!f->f || !f->part) return err_set(e, ERR_RUN, "proposal: out of memory");
  for (int g = 0; g < a->g->size; g++) {
    if (!kept && !g)
      f->f[g] = w->share;
    else if (nn_frame_new(&f->f[g], a->plan, w->share, e))
      return e->code;
  }
  return 0;
}

void ar_frames_free(ar_frames *f, const ar *a, ar_worker *w) {
  for (int g = 0; f->f && g < a->g->size; g++)
    if (f->f[g] != w->share) nn_frame_free(f->f[g], w->share);
  free(f->f), free(f->part);
  f->f = NULL, f->part = NULL;
}

size_t ar_frames_bytes(const ar *a) {
  return a->plan->values * sizeof(nn_real) * (size_t)a->g->size;
}

/* ---- draws ---- */
static nn_real *logits(const ar *a, const nn_frame *f, int t) {
  return f->value[a->net->output] + (size_t)t * a->lanes;
}

/* sum over positions of ln sigma(s z) of the configuration in a frame */
static void sum_density(const ar *a, const nn_frame *f, double *lnq) {
  int S = a->lanes;
  for (int i = 0; i < S; i++) lnq[i] = a->conf.gauge ? -M_LN2 : 0;
  for (int t = a->conf.gauge; t < a->n; t++) nn_log_sigmoid(S, f->value[0] + (size_t)t * S, logits(a, f, t), lnq);
}

/* Full pass of the configuration in a frame, the mask included. */
static void forward(const ar *a, ar_worker *w, nn_frame *f, const nn_real *theta) {
  f->theta = theta;
  nn_forward(a->plan, f);
  for (int t = 0; a->model->mask && t < a->n; t++)
    a->model->mask(a->self, w->mask, f->value[0], t, a->lanes, logits(a, f, t));
}

/* ln q of the images g = 1.. of the configuration in frame 0, given ln q of frame 0 in part[0]; result in lnq. */
static void average_images(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, double *lnq) {
  int S = a->lanes, n = a->n, G = a->g->size;
  for (int g = 1; g < G; g++) {
    nn_frame *h = f->f[g];
    for (int t = 0; t < n; t++) {
      int from = a->g->position[(size_t)g * n + t];
      nn_real sign = (nn_real)(a->g->sign[g] * (a->sign ? a->sign[t] * a->sign[from] : 1));
      for (int i = 0; i < S; i++) h->value[0][(size_t)t * S + i] = sign * f->f[0]->value[0][(size_t)from * S + i];
    }
    forward(a, w, h, theta);
    sum_density(a, h, f->part + (size_t)g * S);
  }
  for (int i = 0; i < S; i++) {
    double top = f->part[i], sum = 0;
    for (int g = 1; g < G; g++) top = fmax(top, f->part[(size_t)g * S + i]);
    for (int g = 0; g < G; g++) sum += exp(f->part[(size_t)g * S + i] - top);
    lnq[i] = top + log(sum) - log((double)G);
  }
}

/* Variable t of all lanes from its logits; a forced choice needs no chance. */
static void draw_variable(const ar *a, int t, const double *u, const nn_real *z, nn_real *s) {
  int S = a->lanes;
  nn_bernoulli(S, z, u, s);
  for (int i = 0; a->model->mask && i < S; i++) s[i] = z[i] >= AR_FORCED ? 1 : z[i] <= -AR_FORCED ? -1 : s[i];
  for (int i = 0; !t && a->conf.gauge && i < S; i++) s[i] = 1;
}

void ar_draw(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, rng r, long shard, unsigned step,
             double *lnq) {
  int S = a->lanes;
  nn_frame *h = f->f[0];
  h->theta = theta;
  for (int t = 0; t < a->n; t++) {
    nn_real *z = logits(a, h, t);
    nn_step(a->plan, h, t);
    if (a->model->mask) a->model->mask(a->self, w->mask, h->value[0], t, S, z);
    if (t % 2 == 0) rng_uniform_pairs(r, (uint64_t)shard * (uint64_t)S, S, step, (unsigned)t / 2, w->u, w->u + S);
    draw_variable(a, t, w->u + t % 2 * S, z, h->value[0] + (size_t)t * S);
  }
  sum_density(a, h, f->part);
  average_images(a, w, f, theta, lnq);
}

void ar_density(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, double *lnq) {
  int S = a->lanes;
  nn_frame *h = f->f[0];
  if (a->conf.gauge) /* to the gauge s_0 = 1 */
    for (int t = a->n - 1; t >= 0; t--)
      for (int i = 0; i < S; i++) h->value[0][(size_t)t * S + i] *= h->value[0][i];
  forward(a, w, h, theta);
  sum_density(a, h, f->part);
  average_images(a, w, f, theta, lnq);
}

void ar_target(const ar *a, ar_worker *w, const ar_frames *f, double beta, double *lnw) {
  a->model->target(a->self, f->f[0]->value[0], beta, a->lanes, lnw, w->u);
}

/* d ln sigma(s z)/dz = (s+1)/2 - sigma(z), times the lane's weight; zero where there was no choice */
static void output_gradient(const ar *a, ar_worker *w, nn_frame *f, const double *weight) {
  int S = a->lanes;
  for (int t = 0; t < a->n; t++) {
    const nn_real *s = f->value[0] + (size_t)t * S, *z = logits(a, f, t);
    nn_real *dz = f->grad[a->net->output] + (size_t)t * S;
    nn_sigmoid(S, z, w->tmp);
    for (int i = 0; i < S; i++) dz[i] = t < a->conf.gauge ? 0 : (nn_real)weight[i] * ((s[i] + 1) / 2 - w->tmp[i]);
    for (int i = 0; a->model->mask && i < S; i++)
      if (z[i] >= AR_FORCED || z[i] <= -AR_FORCED) dz[i] = 0;
  }
}

void ar_backward(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, nn_real *dtheta,
                 const double *weight) {
  int S = a->lanes, G = a->g->size;
  for (int i = 0; G > 1 && i < S; i++) { /* share of image g in the average: softmax of ln q */
    double top = f->part[i], sum = 0;
    for (int g = 1; g < G; g++) top = fmax(top, f->part[(size_t)g * S + i]);
    for (int g = 0; g < G; g++) sum += f->part[(size_t)g * S + i] = exp(f->part[(size_t)g * S + i] - top);
    for (int g = 0; g < G; g++) f->part[(size_t)g * S + i] *= weight[i] / sum;
  }
  for (int g = 0; g < G; g++) {
    f->f[g]->theta = theta;
    f->f[g]->dtheta = dtheta;
    output_gradient(a, w, f->f[g], G > 1 ? f->part + (size_t)g * S : weight);
    nn_backward(a->plan, f->f[g]);
  }
}

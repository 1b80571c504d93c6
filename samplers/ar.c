/* ar.c: see ar.h. Draws and densities of the autoregressive proposal.
 *   ln q(s) = sum_t ln sigma(s_t z_t)                                 (arXiv:1910.13496, Wu et al. PRL 122 080602)
 *   symmetrised:  ln q_G(s) = LSE_g ln q(g s) - ln |G|
 *   gauge: sigma_t = s_t s_0 is drawn with sigma_0 = 1 and s_0 is a fair coin: ln q = sum_{t>0} ln q(sigma_t) - ln 2 */
#include "samplers/ar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/elementwise.h"

const deck_key ar_keys[] = {
    {"heat_bath", DECK_BOOL, offsetof(ar_conf, heat_bath), "true",
     .help = "draw an independent set of sites (odd sublattice) exactly, given the network's spins"},
    {"symmetry", DECK_WORD, offsetof(ar_conf, symmetry), "none", .words = symmetry_words,
     .help = "average the density over this group (one more pass per element)"},
    {"gauge", DECK_BOOL, offsetof(ar_conf, gauge), "false", .help = "exact Z2 by drawing s_i s_0 and a global flip"},
    {"lanes", DECK_INT, offsetof(ar_conf, lanes), "64", 1, 1024,
     .help = "samples per shard (S): 1, 8, 16, 32, ... 1024"},
    {0},
};

/* ---- building ---- */
static int target_lists(ar *a) {
  const lattice *l = a->m->lat;
  const order *o = a->o;
  a->bond = malloc(((size_t)l->nbonds + 1) * sizeof *a->bond);
  a->bond_J = malloc(((size_t)l->nbonds + 1) * sizeof *a->bond_J);
  a->rest_start = calloc((size_t)o->nrest + 1, sizeof *a->rest_start);
  a->rest_position = malloc((2 * (size_t)l->nbonds + 1) * sizeof *a->rest_position);
  a->rest_J = malloc((2 * (size_t)l->nbonds + 1) * sizeof *a->rest_J);
  if (!a->bond || !a->bond_J || !a->rest_start || !a->rest_position || !a->rest_J) return 1;
  for (int b = 0; b < l->nbonds; b++) {
    int p = o->position[l->bond[b][0]], q = o->position[l->bond[b][1]];
    if (p < 0 || q < 0) continue;
    a->bond[a->nbonds][0] = p, a->bond[a->nbonds][1] = q;
    a->bond_J[a->nbonds++] = a->m->J[b];
  }
  for (int k = 0, at = 0; k < o->nrest; k++) {
    for (int i = l->start[o->rest[k]]; i < l->start[o->rest[k] + 1]; i++, at++) {
      a->rest_position[at] = o->position[l->neighbour[i]];
      a->rest_J[at] = a->m->J[l->via[i]];
    }
    a->rest_start[k + 1] = at;
  }
  return 0;
}

static int check_conf(const ar *a, const deck *d, err *e) {
  long S = a->conf.lanes;
  if (S != 1 && (S < 8 || S & (S - 1)))
    return err_set(e, ERR_DECK, "%s: draw.lanes = %ld: must be 1, 8, 16, 32, 64, 128, ... 1024",
                   deck_where(d, "draw", "lanes"), S);
  if (a->conf.gauge && a->m->h)
    return err_set(e, ERR_DECK, "%s: draw.gauge: needs a model without field", deck_where(d, "draw", "gauge"));
  if (a->conf.gauge && a->conf.symmetry)
    return err_set(e, ERR_DECK, "%s: draw.gauge: is exact by itself; set draw.symmetry to none",
                   deck_where(d, "draw", "gauge"));
  return 0;
}

int ar_new(ar **out, const ising *m, const deck *d, err *e) {
  ar *a = *out = calloc(1, sizeof *a);
  if (!a) return err_set(e, ERR_RUN, "proposal: out of memory");
  a->m = m;
  deck_get(d, "draw", ar_keys, &a->conf);
  a->lanes = (int)a->conf.lanes;
  if (check_conf(a, d, e)) return e->code;
  if (order_new(&a->o, m, a->conf.heat_bath, e)) return err_context(e, "%s: lattice", deck_where(d, "lattice", "kind"));
  if (target_lists(a)) return err_set(e, ERR_RUN, "proposal: out of memory");
  if (symmetry_new(&a->g, a->conf.symmetry, m, a->o, e)) return err_context(e, "%s", deck_where(d, "draw", "symmetry"));
  if (nn_zoo_build(&a->net, &a->o->causal, d, e)) return err_context(e, "%s", deck_where(d, "net", "kind"));
  return nn_plan_new(&a->plan, a->net, a->lanes, true, true, e);
}

void ar_free(ar *a) {
  if (!a) return;
  nn_plan_free(a->plan);
  nn_graph_free(a->net);
  symmetry_free(a->g);
  order_free(a->o);
  free(a->bond), free(a->bond_J), free(a->rest_start), free(a->rest_position), free(a->rest_J);
  free(a);
}

int ar_worker_new(ar_worker **out, const ar *a, err *e) {
  size_t S = (size_t)a->lanes;
  ar_worker *w = *out = calloc(1, sizeof *w);
  if (w) {
    w->u = nn_alloc(2 * S * sizeof *w->u);
    w->z = nn_alloc(S * sizeof *w->z);
    w->field = nn_alloc(S * sizeof *w->field);
    w->tmp = nn_alloc(S * sizeof *w->tmp);
    w->config = nn_alloc((size_t)a->m->lat->n);
  }
  if (!w || !w->u || !w->z || !w->field || !w->tmp || !w->config) return err_set(e, ERR_RUN, "proposal: out of memory");
  return nn_frame_new(&w->share, a->plan, NULL, e);
}

void ar_worker_free(ar_worker *w) {
  if (!w) return;
  nn_frame_free(w->share, NULL);
  free(w->u), free(w->z), free(w->field), free(w->tmp), free(w->config);
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
static const nn_real *logits(const ar *a, const nn_frame *f) {
  return f->value[a->net->output];
}

/* sum over positions of ln sigma(s z) of the configuration in a frame */
static void sum_density(const ar *a, const nn_frame *f, double *lnq) {
  int S = a->lanes;
  for (int i = 0; i < S; i++) lnq[i] = a->conf.gauge ? -M_LN2 : 0;
  for (int t = a->conf.gauge; t < a->o->n; t++)
    nn_log_sigmoid(S, f->value[0] + (size_t)t * S, logits(a, f) + (size_t)t * S, lnq);
}

/* ln q of the images g = 1.. of the configuration in frame 0, given ln q of frame 0 in part[0]; result in lnq. */
static void average_images(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, double *lnq) {
  int S = a->lanes, n = a->o->n, G = a->g->size;
  for (int g = 1; g < G; g++) {
    nn_frame *h = f->f[g];
    nn_real sign = (nn_real)a->g->sign[g];
    for (int t = 0; t < n; t++)
      for (int i = 0; i < S; i++)
        h->value[0][(size_t)t * S + i] = sign * f->f[0]->value[0][(size_t)a->g->position[(size_t)g * n + t] * S + i];
    h->theta = theta;
    nn_forward(a->plan, h);
    sum_density(a, h, f->part + (size_t)g * S);
  }
  for (int i = 0; i < S; i++) {
    double top = f->part[i], sum = 0;
    for (int g = 1; g < G; g++) top = fmax(top, f->part[(size_t)g * S + i]);
    for (int g = 0; g < G; g++) sum += exp(f->part[(size_t)g * S + i] - top);
    lnq[i] = top + log(sum) - log((double)G);
  }
}

void ar_draw(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, rng r, long shard, unsigned step,
             double *lnq) {
  int S = a->lanes, n = a->o->n;
  nn_frame *h = f->f[0];
  h->theta = theta;
  for (int t = 0; t < n; t++) {
    nn_real *s = h->value[0] + (size_t)t * S;
    nn_step(a->plan, h, t);
    if (t % 2 == 0) rng_uniform_pairs(r, (uint64_t)shard * (uint64_t)S, S, step, (unsigned)t / 2, w->u, w->u + S);
    nn_bernoulli(S, logits(a, h) + (size_t)t * S, w->u + t % 2 * S, s);
    if (!t && a->conf.gauge)
      for (int i = 0; i < S; i++) s[i] = 1;
  }
  sum_density(a, h, f->part);
  average_images(a, w, f, theta, lnq);
}

void ar_density(const ar *a, ar_worker *w, const ar_frames *f, const nn_real *theta, double *lnq) {
  int S = a->lanes;
  nn_frame *h = f->f[0];
  if (a->conf.gauge) /* to the gauge s_0 = 1 */
    for (int t = a->o->n - 1; t >= 0; t--)
      for (int i = 0; i < S; i++) h->value[0][(size_t)t * S + i] *= h->value[0][i];
  h->theta = theta;
  nn_forward(a->plan, h);
  sum_density(a, h, f->part);
  average_images(a, w, f, theta, lnq);
}

/* local field of left-out site k, times beta */
static void rest_field(const ar *a, const nn_frame *f, int k, double beta, double *field) {
  int S = a->lanes;
  double h = a->m->h ? a->m->h[a->o->rest[k]] : 0;
  for (int i = 0; i < S; i++) field[i] = beta * h;
  for (int q = a->rest_start[k]; q < a->rest_start[k + 1]; q++) {
    const nn_real *s = f->value[0] + (size_t)a->rest_position[q] * S;
    double J = beta * a->rest_J[q];
    for (int i = 0; i < S; i++) field[i] += J * (double)s[i];
  }
}

void ar_target(const ar *a, ar_worker *w, const ar_frames *f, double beta, double *lnw) {
  int S = a->lanes;
  const nn_frame *h = f->f[0];
  for (int i = 0; i < S; i++) lnw[i] = 0;
  for (int b = 0; b < a->nbonds; b++) {
    const nn_real *s = h->value[0] + (size_t)a->bond[b][0] * S, *q = h->value[0] + (size_t)a->bond[b][1] * S;
    double J = beta * a->bond_J[b];
    for (int i = 0; i < S; i++) lnw[i] += J * (double)(s[i] * q[i]);
  }
  for (int t = 0; t < a->o->n && a->m->h; t++) {
    const nn_real *s = h->value[0] + (size_t)t * S;
    for (int i = 0; i < S; i++) lnw[i] += beta * a->m->h[a->o->site[t]] * (double)s[i];
  }
  for (int k = 0; k < a->o->nrest; k++) {
    rest_field(a, h, k, beta, w->field);
    nn_log_2cosh(S, w->field, w->z);
    for (int i = 0; i < S; i++) lnw[i] += w->z[i];
  }
}

/* d ln sigma(s z)/dz = (s+1)/2 - sigma(z), times the lane's weight */
static void output_gradient(const ar *a, ar_worker *w, nn_frame *f, const double *weight) {
  int S = a->lanes;
  for (int t = 0; t < a->o->n; t++) {
    const nn_real *s = f->value[0] + (size_t)t * S;
    nn_real *dz = f->grad[a->net->output] + (size_t)t * S;
    nn_sigmoid(S, logits(a, f) + (size_t)t * S, w->tmp);
    for (int i = 0; i < S; i++) dz[i] = t < a->conf.gauge ? 0 : (nn_real)weight[i] * ((s[i] + 1) / 2 - w->tmp[i]);
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

/* series_explain_shard.c: one shard of recordings explained: windows through every method, put together again, and what
 * of it goes where (see series_explain.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/series_explain.h"

struct explain_worker {
  const explain *x;
  series_explainer *methods;
  nn_real *in, *seed, *R;  // (inputs, lanes), (outputs, lanes), (inputs, lanes)
  double *map, *signal;    // (samples, leads): attribution of a recording; mV
  nn_real *flat;           /* the same as nn_real, for judge.h */
  unsigned char *wave, *inside;
  double room[ECG_BEATS];
};

int explain_worker_new(explain_worker **out, const explain *x, err *e) {
  explain_worker *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "explanation: out of memory");
  size_t whole = (size_t)x->data.samples * SERIES_LEADS, S = (size_t)x->lanes;
  w->x = x;
  if (series_explainer_new(&w->methods, x->model.g, x->model.theta, x->model.state, x->lanes, &x->attribute, e))
    goto end;
  w->in = nn_alloc(w->methods->net->inputs * S * sizeof *w->in);
  w->R = nn_alloc(w->methods->net->inputs * S * sizeof *w->R);
  w->seed = nn_alloc(w->methods->net->outputs * S * sizeof *w->seed);
  w->map = malloc(whole * sizeof *w->map), w->signal = malloc(whole * sizeof *w->signal);
  w->flat = malloc(whole * sizeof *w->flat);
  w->wave = malloc((size_t)x->data.samples), w->inside = malloc(whole);
  if (!w->in || !w->R || !w->seed || !w->map || !w->signal || !w->flat || !w->wave || !w->inside)
    err_set(e, ERR_RUN, "explanation: out of memory");
end:
  if (e->code) {
    explain_worker_free(w);
    *out = NULL;
  }
  return e->code;
}

void explain_worker_free(explain_worker *w) {
  if (!w) return;
  series_explainer_free(w->methods);
  free(w->in), free(w->R), free(w->seed), free(w->map), free(w->signal), free(w->flat), free(w->wave), free(w->inside);
  free(w);
}

const series_explainer *explain_worker_methods(const explain_worker *w) {
  return w->methods;
}

/* The windows of `count` recordings as lanes, recording by recording; seed: the class, none in empty lanes. */
static int lay_out(explain_worker *w, long first, int count, err *e) {
  const explain *x = w->x;
  xai_net *net = w->methods->net;
  long index[NN_MAX_LANES];
  nn_real *to[2] = {w->in, x->model.person ? net->frame->value[1] : NULL};
  nn_lanes lanes = {.lanes = x->lanes, .x = to};
  int n = count * x->w.each;
  memset(w->in, 0, net->inputs * (size_t)x->lanes * sizeof *w->in);
  if (to[1]) memset(to[1], 0, SERIES_PERSON * (size_t)x->lanes * sizeof **to);
  for (int i = 0; i < n; i++) index[i] = first * x->w.each + i;
  xai_net_seed(net, x->class, w->seed);
  for (int k = 0; k < (int)net->outputs; k++)
    for (int i = n; i < x->lanes; i++) w->seed[k * x->lanes + i] = 0;
  net->frame->valid = n;
  return x->w.set.fetch(x->w.set.ctx, n, index, &lanes, e);
}

/* The attribution of recording q of the shard: the mean over its windows. */
static void put_together(explain_worker *w, int q) {
  const explain *x = w->x;
  memset(w->map, 0, (size_t)x->data.samples * SERIES_LEADS * sizeof *w->map);
  for (int k = 0; k < x->w.each; k++)
    for (long i = 0; i < x->w.length * SERIES_LEADS; i++)
      w->map[k * x->w.stride * SERIES_LEADS + i] += (double)w->R[i * x->lanes + q * x->w.each + k] / (double)x->w.each;
}

/* Of the positive part, what each wave and lead has. */
static void shares(const explain_worker *w, double *score) {
  double all = 0;
  for (int k = EXPLAIN_WAVE; k < EXPLAIN_SCORES; k++) score[k] = 0;
  for (long i = 0; i < w->x->data.samples; i++)
    for (int l = 0; l < SERIES_LEADS; l++) {
      double v = fmax(w->map[i * SERIES_LEADS + l], 0);
      score[EXPLAIN_WAVE + w->wave[i]] += v, score[EXPLAIN_LEAD + l] += v, all += v;
    }
  for (int k = EXPLAIN_WAVE; k < EXPLAIN_SCORES; k++) score[k] /= all;
}

/* Scores and beat of the recording whose attribution stands in w->map. */
static void score_map(explain_worker *w, long record, double *to) {
  const explain *x = w->x;
  size_t whole = (size_t)x->data.samples * SERIES_LEADS;
  double all = 0;
  for (size_t i = 0; i < whole; i++) w->flat[i] = (nn_real)w->map[i], all += fabs(w->map[i]);
  to[EXPLAIN_INSIDE] = x->truth_known ? xai_mass_accuracy(whole, w->flat, 1, w->inside) : NAN;
  to[EXPLAIN_RANK] = x->truth_known ? xai_rank_accuracy(whole, w->flat, 1, w->inside) : NAN;
  shares(w, to);
  for (size_t i = 0; i < whole; i++) w->map[i] /= all;
  series_beat_average(&x->truth[record], x->data.rate, x->data.samples, SERIES_LEADS, w->map, x->before, x->after, NULL,
                      to + EXPLAIN_SCORES);
}

/* What the recording itself is: its waves, where the class shows, its median beat in mV, and |x| as an attribution. */
static void head(explain_worker *w, long record, int q, double *to) {
  const explain *x = w->x;
  const series_data *s = &x->data;
  size_t whole = (size_t)s->samples * SERIES_LEADS, in = 0;
  double sum = 0;
  series_wave_mask(&x->truth[record], s->rate, s->samples, w->wave);
  series_truth_mask(&x->sim, x->model.name[x->class], s->samples, w->wave, w->inside);
  for (size_t i = 0; i < whole; i++) {
    nn_real z = s->signal[(size_t)record * whole + i];
    int l = (int)(i % SERIES_LEADS);
    w->signal[i] = s->mean[l] + s->sd[l] * (double)z, w->flat[i] = (nn_real)fabs((double)z), in += w->inside[i];
  }
  xai_net_forward(w->methods->net, w->in, -1, NULL);
  const nn_real *y = w->methods->net->frame->value[x->model.g->output] + x->class * x->lanes + q * x->w.each;
  for (int k = 0; k < x->w.each; k++) sum += 1 / (1 + exp(-(double)y[k]));
  to[EXPLAIN_PROBABILITY] = sum / x->w.each;
  to[EXPLAIN_AREA] = x->truth_known ? (double)in / (double)whole : NAN;
  to[EXPLAIN_SIGNAL] = x->truth_known ? xai_mass_accuracy(whole, w->flat, 1, w->inside) : NAN;
  series_beat_average(&x->truth[record], s->rate, s->samples, SERIES_LEADS, w->signal, x->before, x->after, w->room,
                      to + EXPLAIN_HEAD);
}

static int one_method(explain_worker *w, int m, long first, int count, double *to, err *e) {
  const explain *x = w->x;
  double fault[NN_MAX_LANES], kept[NN_MAX_LANES];
  xai_likeness rho = {NAN, NAN, NAN};
  int n = count * x->w.each, nodes;
  if (first < x->c.randomise &&
      series_cascade(w->methods, m, w->in, w->seed, n, (unsigned)x->model.seed + 1, &rho, &nodes, e))
    return e->code;
  if (series_attribute(w->methods, m, w->in, w->seed, n, w->R, fault, kept, e)) return e->code;
  for (int q = 0; q < count; q++) {
    double *score = to + (size_t)q * x->row + explain_at(x, m);
    score[EXPLAIN_FAULT] = NAN, score[EXPLAIN_KEPT] = 0;
    score[EXPLAIN_RHO] = q ? NAN : rho.size, score[EXPLAIN_SIGN] = q ? NAN : rho.sign;
    score[EXPLAIN_SLOPE] = q ? NAN : rho.slope;
    for (int k = q * x->w.each; k < (q + 1) * x->w.each; k++)
      score[EXPLAIN_FAULT] = fmax(score[EXPLAIN_FAULT], fault[k]), score[EXPLAIN_KEPT] += kept[k] / x->w.each;
    series_wave_mask(&x->truth[first + q], x->data.rate, x->data.samples, w->wave);
    series_truth_mask(&x->sim, x->model.name[x->class], x->data.samples, w->wave, w->inside);
    put_together(w, q);
    score_map(w, first + q, score);
  }
  return 0;
}

int explain_shard(explain_worker *w, int shard, double *to, err *e) {
  const explain *x = w->x;
  long first = (long)shard * x->per, left = x->n - first;
  int count = left < x->per ? (int)left : x->per;
  if (lay_out(w, first, count, e)) return e->code;
  for (int q = 0; q < count; q++) head(w, first + q, q, to + (size_t)q * x->row);
  for (int m = 0; m < x->methods && !e->code; m++) one_method(w, m, first, count, to, e);
  return e->code;
}

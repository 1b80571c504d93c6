/* fit.c: see fit.h. An epoch is ceil(count / batch) steps; the last batch may be smaller: its samples fill as few
 * shards as can hold them, what is left of the lanes is masked. A step is fetch, forward, loss, backward on every
 * shard; the sums give
 *
 *   gradient = sum over shards / sum of weights
 *   state += (1 - m) (mean over samples of what the shards report - state),   m = min(memory, step / (step + 10))
 *
 * so that the running moments forget where they began; a smaller batch moves them less.
 *
 * Truncated back-propagation (Williams & Peng 1990, with as many steps back as forth): a shard walks its sequences
 * piece by piece, forward and backward, before the next piece is looked at; what a piece begins with counts as given.
 * There is one update per batch, not per piece: then all of a sequence is seen with the same parameters, what is
 * carried belongs to them, and loss, steps and schedule are those of whole sequences, bit for bit where there is one
 * piece. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/fit_priv.h"

const deck_key nn_fit_keys[] = {
    {"epochs", DECK_INT, offsetof(nn_fit_conf, epochs), "20", 0, 1e7, .help = "passes through the training data",
     .free = true},
    {"batch", DECK_INT, offsetof(nn_fit_conf, batch), "64", 1, 1e7, .help = "samples per step, a multiple of lanes"},
    {"lanes", DECK_INT, offsetof(nn_fit_conf, lanes), "16", 1, NN_MAX_LANES,
     .help = "samples computed side by side: 1, 8, 16, 32 or 64"},
    {"truncate", DECK_INT, offsetof(nn_fit_conf, truncate), "0", 0, 1e8, .unit = "positions",
     .help = "pieces of sequences: the state is carried from piece to piece, gradients stay within one; 0: whole ones"},
    {"patience", DECK_INT, offsetof(nn_fit_conf, patience), "0", 0, 1e7,
     .help = "stop after so many epochs without improvement; 0: never", .free = true},
    {"monitor", DECK_WORD, offsetof(nn_fit_conf, monitor), "loss", .words = "loss|metric",
     .help = "what decides which epoch is best: loss or metric of the validation data"},
    {"memory", DECK_REAL, offsetof(nn_fit_conf, memory), "0.9", 0, 0.99999, .help = "of running moments, in steps"},
    {"find_lr", DECK_BOOL, offsetof(nn_fit_conf, find_lr), "false",
     .help = "look for a learning rate first, and use it in place of optimiser.lr"},
    {"finder_steps", DECK_INT, offsetof(nn_fit_conf, finder_steps), "100", 10, 100000, .help = "steps of that search"},
    {"finder_from", DECK_REAL, offsetof(nn_fit_conf, finder_from), "1e-7", 1e-12, 1, .help = "its first rate"},
    {"finder_to", DECK_REAL, offsetof(nn_fit_conf, finder_to), "10", 1e-9, 1000, .help = "its last rate"},
    {0},
};

static const char *const owned[] = {"fit parameters", "fit state", "fit best parameters", "fit best state",
                                    "fit counters",   "fit curve", "fit finder"};
enum { OWNED = sizeof owned / sizeof *owned };

static size_t row_length(const nn_fit *f) {
  return NN_FIT_ROW + (size_t)f->task.nmetrics;
}
static double *row(const nn_fit *f, long epoch) {
  return f->curve + (size_t)epoch * row_length(f);
}
static long steps_of(const nn_fit *f) {
  return (f->task.train->count + f->c.batch - 1) / f->c.batch;
}

const nn_loss *nn_fit_loss(const deck *d, nn_loss_conf *c) {
  deck_get(d, "loss", nn_loss_keys, c);
  return (const nn_loss *)deck_kind_of(d, "loss");
}

int nn_fit_lanes(const deck *d) {
  nn_fit_conf c;
  deck_get(d, "fit", nn_fit_keys, &c);
  return (int)c.lanes;
}

long nn_fit_wanted(const deck *d) {
  nn_fit_conf c;
  deck_get(d, "fit", nn_fit_keys, &c);
  return c.epochs;
}

long nn_fit_truncate(const deck *d) {
  nn_fit_conf c;
  deck_get(d, "fit", nn_fit_keys, &c);
  return c.truncate;
}

int nn_fit_frames(const deck *d, int frames, err *e) {
  nn_fit_conf c;
  deck_get(d, "fit", nn_fit_keys, &c);
  if (!c.truncate || c.truncate >= frames) return frames;
  if (frames % c.truncate)
    err_set(e, ERR_DECK, "%s: fit.truncate = %ld: must divide the sequences of %d positions",
            deck_where(d, "fit", "truncate"), c.truncate, frames);
  return (int)c.truncate;
}

int nn_fit_check(const deck *d, int quantities, err *e) {
  nn_fit_conf c;
  nn_loss_conf l;
  const nn_loss *loss = nn_fit_loss(d, &l);
  deck_get(d, "fit", nn_fit_keys, &c);
  if (c.lanes != 1 && c.lanes != 8 && c.lanes != 16 && c.lanes != 32 && c.lanes != 64)
    err_line(e, ERR_DECK, "%s: fit.lanes = %ld: must be 1, 8, 16, 32 or 64", deck_where(d, "fit", "lanes"), c.lanes);
  else if (c.batch % c.lanes)
    err_line(e, ERR_DECK, "%s: fit.batch = %ld: must be a multiple of fit.lanes = %ld", deck_where(d, "fit", "batch"),
             c.batch, c.lanes);
  if (c.finder_to <= c.finder_from)
    err_line(e, ERR_DECK, "%s: fit.finder_to = %g: must lie above fit.finder_from = %g",
             deck_where(d, "fit", "finder_to"), c.finder_to, c.finder_from);
  err sub = {0};
  if (nn_loss_check(loss, &l, quantities, &sub)) err_line(e, ERR_DECK, "%s", sub.text);
  return e->code;
}

/* ---- one step ---- */
static void shard_work(void *ctx, int thread, int shard, nn_worker *w) {
  nn_fit *f = ctx;
  const nn_dataset *d = f->task.train;
  const nn_graph *g = f->task.g;
  nn_share own = nn_share_of(f->samples, (int)f->c.lanes, shard);
  nn_real *leaf = reduce_leaf(f->sum, thread);
  double *sum = f->mine + 2 * (shard - comm_rank_range(f->crew->c, f->crew->c->rank, f->shards).first);
  sum[0] = sum[1] = 0;
  for (int i = 0; i < own.n; i++) w->index[i] = nn_shuffle(f->order, f->epoch, d->count, f->first + own.first + i);
  if (own.n && !nn_worker_fetch(f->crew, w, d, own.n, true)) {
    nn_frame *h = w->f;
    for (int i = 0; i < own.n && d->augment; i++) d->augment(d->ctx, w->index[i], i, f->augment, f->epoch, &w->to);
    h->theta = f->theta, h->state = f->state, h->dtheta = leaf, h->dstate = leaf + g->nparam;
    h->train = true, h->noise = f->noise, h->shard = (uint32_t)shard;
    for (int k = 0; k < f->pieces; k++) {
      nn_worker_piece(f->crew, w, k);
      h->pass = f->pass * (uint32_t)f->pieces + (uint32_t)k;
      nn_forward(f->crew->plan, h);
      nn_worker_loss(f->crew, w, k, f->loss, &f->loss_conf, h->grad[g->output], sum);
      nn_backward(f->crew->plan, h);
    }
  }
  reduce_push(f->sum, thread, shard);
}

/* Sums of the loss over all shards, in their order, on every rank. */
static void loss_sums(nn_fit *f, double sum[2]) {
  comm_gather_rows(f->crew->c, f->shards, 2 * sizeof *f->mine, f->mine, f->rows);
  sum[0] = sum[1] = 0;
  for (int k = 0; k < f->shards && !f->crew->c->rank; k++) sum[0] += f->rows[2 * k], sum[1] += f->rows[2 * k + 1];
  comm_bcast(f->crew->c, sum, 2 * sizeof *sum);
}

int nn_fit_batch(nn_fit *f, uint32_t epoch, long first, long n, uint32_t pass, double *loss, err *e) {
  size_t np = f->task.g->nparam;
  double sum[2];
  f->epoch = epoch, f->first = first, f->samples = n, f->pass = pass;
  reduce_begin(f->sum);
  nn_crew_each(f->crew, f->shards, shard_work, f, e);
  reduce_end(f->sum, f->grad);
  if (comm_vote(f->crew->c, e)) return e->code;
  loss_sums(f, sum);
  nn_real scale = sum[1] > 0 ? (nn_real)(1 / sum[1]) : 0, follow = (nn_real)(1 / ((double)n * f->pieces));
  for (size_t i = 0; i < np; i++) f->grad[i] *= scale;
  for (size_t i = 0; i < f->task.g->nstate; i++) f->grad[np + i] *= follow;
  loss[0] = sum[0], loss[1] = sum[1];
  return 0;
}

static void follow_state(nn_fit *f, double step) {
  const nn_real *seen = f->grad + f->task.g->nparam;
  double whole = fmin((double)f->c.batch, (double)f->task.train->count), part = (double)f->samples / whole;
  nn_real add = (nn_real)((1 - fmin(f->c.memory, step / (step + 10))) * part);
  for (size_t i = 0; i < f->task.g->nstate; i++) f->state[i] += add * (seen[i] - f->state[i]);
}

static int one_step(nn_fit *f, double *rate, err *e) {
  nn_fit_state *s = &f->s;
  long per = steps_of(f), count = f->task.train->count, first = (long)s->step * f->c.batch;
  long step = (long)s->epoch * per + (long)s->step, n = count - first < f->c.batch ? count - first : f->c.batch;
  double loss[2], norm, last = s->epoch > 0 ? row(f, (long)s->epoch - 1)[NN_FIT_VALID] : INFINITY;
  run_timer(f->r, "gradient", true);
  int bad = nn_fit_batch(f, (uint32_t)s->epoch, first, n, (uint32_t)step, loss, e);
  run_timer(f->r, "gradient", false);
  if (bad) return bad;
  if (!isfinite(loss[0]))
    return err_set(e, ERR_RUN, "fit: the loss is not finite at step %ld (lower optimiser.lr?)", step);
  run_timer(f->r, "update", true);
  *rate = nn_optim_update(f->optim, step, per * f->c.epochs, last, f->theta, f->grad, f->crew->c->threads, &norm);
  follow_state(f, (double)step);
  run_timer(f->r, "update", false);
  if (!isfinite(norm))
    return err_set(e, ERR_RUN, "fit: the gradient is not finite at step %ld (lower optimiser.lr?)", step);
  s->value += loss[0], s->count += loss[1], s->norm += norm;
  s->step++;
  return 0;
}

/* ---- the end of an epoch ---- */
static int validate(nn_fit *f, double *now, err *e) {
  const nn_task *t = &f->task;
  nn_prediction p = {.d = t->valid,
                     .theta = f->theta,
                     .state = f->state,
                     .loss = f->loss,
                     .loss_conf = &f->loss_conf,
                     .out = f->z,
                     .target = f->t};
  run_timer(f->r, "validation", true);
  nn_predict(f->crew, &p, e);
  run_timer(f->r, "validation", false);
  if (e->code) return e->code;
  now[NN_FIT_VALID] = p.sum[1] > 0 ? p.sum[0] / p.sum[1] : 0;
  for (int k = 0; k < t->nmetrics && run_root(f->r); k++)
    now[NN_FIT_ROW + k] = t->metric[k].value(t->metric[k].ctx, t->valid->count, f->z, f->t);
  comm_bcast(f->crew->c, now + NN_FIT_ROW, (size_t)t->nmetrics * sizeof *now);
  return 0;
}

/* Smaller is better. */
static double monitored(const nn_fit *f, const double *now) {
  if (f->c.monitor == MONITOR_LOSS || !f->task.nmetrics) return now[NN_FIT_VALID];
  return f->task.metric[0].larger_is_better ? -now[NN_FIT_ROW] : now[NN_FIT_ROW];
}

static void keep_best(nn_fit *f, double value) {
  nn_fit_state *s = &f->s;
  bool better = s->best_epoch < 0 || value < s->best;
  s->bad = better ? 0 : s->bad + 1;
  if (!better) return;
  s->best = value, s->best_epoch = s->epoch;
  memcpy(f->best_theta, f->theta, f->task.g->nparam * sizeof *f->theta);
  memcpy(f->best_state, f->state, f->task.g->nstate * sizeof *f->state);
}

static int end_epoch(nn_fit *f, double rate, err *e) {
  nn_fit_state *s = &f->s;
  double *now = row(f, (long)s->epoch);
  now[NN_FIT_TRAIN] = now[NN_FIT_VALID] = s->count > 0 ? s->value / s->count : 0;
  now[NN_FIT_NORM] = s->norm / s->step;
  now[NN_FIT_RATE] = rate;
  if (f->task.valid && validate(f, now, e)) return e->code;
  keep_best(f, monitored(f, now));
  s->value = s->count = s->norm = s->step = 0;
  s->epoch++;
  return 0;
}

static bool finished(const nn_fit *f) {
  return f->s.epoch >= (double)f->c.epochs || (f->c.patience && f->s.bad >= (double)f->c.patience);
}

static void tick(nn_fit *f, double rate) {
  const nn_fit_state *s = &f->s;
  long per = steps_of(f), done = (long)s->epoch * per + (long)s->step;
  const double *last = s->epoch > 0 ? row(f, (long)s->epoch - 1) : NULL;
  char note[200];
  int n = snprintf(note, sizeof note, "epoch %ld", (long)s->epoch + 1);
  if (s->count > 0) n += snprintf(note + n, sizeof note - (size_t)n, "  loss %.5g", s->value / s->count);
  if (last && f->task.valid) n += snprintf(note + n, sizeof note - (size_t)n, "  validation %.5g", last[NN_FIT_VALID]);
  if (last && f->task.nmetrics)
    n += snprintf(note + n, sizeof note - (size_t)n, "  %.20s %.4g", f->task.metric[0].name, last[NN_FIT_ROW]);
  snprintf(note + n, sizeof note - (size_t)n, "  lr %.2g", rate);
  run_tick(f->r, "fit", done, per * f->c.epochs, note);
}

static int write_curves(nn_fit *f, err *e) {
  static const char *const name[] = {"train", "validation", "gradient", "rate"};
  static const char *const help[] = {"mean loss of the epoch's steps", "loss of the validation data after the epoch",
                                     "mean norm of the gradient before clipping", "learning rate of the last step"};
  size_t n = (size_t)f->s.epoch;
  double *column = malloc((n + 1) * sizeof *column);
  if (!column) return err_set(e, ERR_RUN, "fit: out of memory");
  for (size_t k = 0; k < row_length(f) && n && !e->code; k++) {
    const nn_metric *m = k < NN_FIT_ROW ? NULL : &f->task.metric[k - NN_FIT_ROW];
    char path[80];
    snprintf(path, sizeof path, "fit.%s", m ? m->name : name[k]);
    for (size_t i = 0; i < n; i++) column[i] = row(f, (long)i)[k];
    run_series(f->r, path, H5_F64, 1, &n, column, "1", m ? m->help : help[k], e);
  }
  free(column);
  size_t tried = (size_t)f->s.tried;
  if (tried && !e->code) {
    run_series(f->r, "fit.finder.rate", H5_F64, 1, &tried, f->finder, "1", "learning rates tried", e);
    run_series(f->r, "fit.finder.loss", H5_F64, 1, &tried, f->finder + f->c.finder_steps, "1",
               "smoothed loss at that rate", e);
  }
  return e->code;
}

int nn_fit_run(nn_fit *f, err *e) {
  nn_fit_state *s = &f->s;
  double rate = 0;
  if (f->c.find_lr && s->lr == 0 && !finished(f) && nn_fit_find_lr(f, e)) return e->code;
  if (s->lr > 0) nn_optim_set_lr(f->optim, s->lr);
  while (!finished(f) && !run_stopping(f->r)) {
    if (one_step(f, &rate, e)) return e->code;
    if ((long)s->step == steps_of(f) && end_epoch(f, rate, e)) return e->code;
    tick(f, rate);
  }
  if (s->best_epoch >= 0) {
    memcpy(f->out, f->best_theta, f->task.g->nparam * sizeof *f->out);
    if (f->out_state) memcpy(f->out_state, f->best_state, f->task.g->nstate * sizeof *f->out);
  }
  return write_curves(f, e);
}

/* ---- life ---- */
static int fits_together(const nn_fit *f, err *e) {
  const nn_graph *g = f->task.g;
  int want = f->loss->outputs(f->task.quantities), have = g->node[g->output].shape.channels;
  if (want != have)
    return err_set(e, ERR_DECK, "loss.kind = %s: needs a network with %d outputs, not %d", f->loss->kind.name, want,
                   have);
  if (f->c.truncate && !f->task.pieces)
    return err_set(e, ERR_DECK, "fit.truncate = %ld: this app trains whole samples", f->c.truncate);
  if (f->task.train->count < 1) return err_set(e, ERR_RUN, "fit: no training data");
  if (f->task.valid && f->task.valid->count < 1) return err_set(e, ERR_RUN, "fit: no validation data");
  return 0;
}

static int register_state(nn_fit *f, err *e) {
  size_t np = f->task.g->nparam, ns = f->task.g->nstate;
  const run_item items[OWNED] = {
      {owned[0], f->theta, NN_H5, np, true, 0, 0, 0},
      {owned[1], f->state, NN_H5, ns, true, 0, 0, 0},
      {owned[2], f->best_theta, NN_H5, np, true, 0, 0, 0},
      {owned[3], f->best_state, NN_H5, ns, true, 0, 0, 0},
      {owned[4], &f->s, H5_F64, sizeof f->s / sizeof(double), true, 0, 0, 0},
      {owned[5], f->curve, H5_F64, (size_t)f->c.epochs * row_length(f), true, 0, 0, 0},
      {owned[6], f->finder, H5_F64, f->c.find_lr ? 2 * (size_t)f->c.finder_steps : 0, true, 0, 0, 0}};
  for (int i = 0; i < OWNED; i++)
    if (run_own(f->r, items[i], e)) return e->code;
  return 0;
}

static int allocate(nn_fit *f, const nn_real *theta, const nn_real *state, err *e) {
  const nn_graph *g = f->task.g;
  const comm *c = run_comm(f->r);
  size_t np = g->nparam, ns = g->nstate, rows = (size_t)(nn_positions(g->node[g->output].shape) * f->pieces);
  f->theta = nn_alloc(np * sizeof *f->theta), f->best_theta = nn_alloc(np * sizeof *f->theta);
  f->state = nn_alloc(ns * sizeof *f->state), f->best_state = nn_alloc(ns * sizeof *f->state);
  f->grad = nn_alloc((np + ns) * sizeof *f->grad);
  f->curve = calloc((size_t)f->c.epochs * row_length(f) + 1, sizeof *f->curve);
  f->finder = calloc(2 * (size_t)f->c.finder_steps, sizeof *f->finder);
  f->mine = calloc(2 * (size_t)f->shards, sizeof *f->mine), f->rows = calloc(2 * (size_t)f->shards, sizeof *f->rows);
  bool bad = !f->theta || !f->best_theta || !f->state || !f->best_state || !f->grad || !f->curve || !f->finder ||
             !f->mine || !f->rows;
  if (f->task.valid && f->task.nmetrics && run_root(f->r)) {
    size_t count = (size_t)f->task.valid->count * rows;
    f->z = nn_alloc(count * (size_t)g->node[g->output].shape.channels * sizeof *f->z);
    f->t = nn_alloc(count * (size_t)f->loss->targets(f->task.quantities) * sizeof *f->t);
    bad |= !f->z || !f->t;
  }
  if (bad) err_set(e, ERR_RUN, "fit: out of memory");
  if (comm_vote(c, e)) return e->code;
  memcpy(f->theta, theta, np * sizeof *theta), memcpy(f->best_theta, theta, np * sizeof *theta);
  if (ns) memcpy(f->state, state, ns * sizeof *state), memcpy(f->best_state, state, ns * sizeof *state);
  return 0;
}

int nn_fit_new(nn_fit **out, run *r, const nn_task *t, nn_real *theta, nn_real *state, err *e) {
  nn_fit *f = *out = calloc(1, sizeof *f);
  const comm *c = run_comm(r);
  if (!f) return err_set(e, ERR_RUN, "fit: out of memory");
  *f = (nn_fit){.r = r, .task = *t, .out = theta, .out_state = state};
  deck_get(run_deck(r), "fit", nn_fit_keys, &f->c);
  f->loss = nn_fit_loss(run_deck(r), &f->loss_conf);
  f->shards = (int)(f->c.batch / f->c.lanes);
  f->pieces = t->pieces > 1 ? t->pieces : 1;
  f->s.best_epoch = -1;
  f->order = rng_stream(run_seed(r), "fit order");
  f->noise = rng_stream(run_seed(r), "fit dropout");
  f->augment = rng_stream(run_seed(r), "fit augmentation");
  int targets = f->loss->targets(t->quantities);
  if (fits_together(f, e) || allocate(f, theta, state, e) || register_state(f, e) ||
      nn_optim_new(&f->optim, t->g->nparam, run_deck(r), r, e) || nn_optim_groups(f->optim, t->g, e))
    return e->code;
  nn_crew_new(&f->crew, t->g, c, (int)f->c.lanes, targets, f->pieces, true, e);
  if (comm_vote(c, e)) return e->code;
  return reduce_new(&f->sum, c, f->shards, t->g->nparam + t->g->nstate, sizeof(nn_real) == sizeof(float), e);
}

void nn_fit_free(nn_fit *f) {
  if (!f) return;
  for (int i = 0; i < OWNED; i++) run_disown(f->r, owned[i]);
  nn_optim_free(f->optim), nn_crew_free(f->crew), reduce_free(f->sum);
  free(f->theta), free(f->state), free(f->best_theta), free(f->best_state), free(f->grad), free(f->curve),
      free(f->finder);
  free(f->mine), free(f->rows), free(f->z), free(f->t);
  free(f);
}

long nn_fit_epochs(const nn_fit *f) {
  return (long)f->s.epoch;
}
long nn_fit_best(const nn_fit *f) {
  return (long)f->s.best_epoch;
}
const double *nn_fit_curve(const nn_fit *f) {
  return f->curve;
}

int nn_fit_plan(run *r, const nn_task *t, err *e) {
  nn_fit f = {.r = r, .task = *t};
  const comm *c = run_comm(r);
  nn_plan *p = NULL;
  deck_get(run_deck(r), "fit", nn_fit_keys, &f.c);
  if (nn_plan_new(&p, t->g, (int)f.c.lanes, true, false, e)) return e->code;
  nn_loss_conf l;
  int shards = (int)(f.c.batch / f.c.lanes), targets = nn_fit_loss(run_deck(r), &l)->targets(t->quantities);
  size_t n = t->g->nparam + t->g->nstate;
  double bytes = (double)(nn_crew_bytes(p, c->threads, targets, t->pieces > 1 ? t->pieces : 1) +
                          reduce_bytes(c, shards, n, sizeof(nn_real) == 4)) +
                 7. * (double)n * sizeof(nn_real);
  run_log(r, "fit: %ld epochs of %ld steps on %ld samples, %d shards of %ld; %.1f MB per rank", f.c.epochs,
          steps_of(&f), t->train->count, shards, f.c.lanes, bytes * 1e-6);
  nn_plan_free(p);
  return 0;
}

/* train.c: see train.h. One step is draw (its activations stay) + weights from all samples + backward + one update. */
#include "samplers/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/optim.h"
#include "samplers/team.h"
#include "samplers/train_chain.h"

enum { ANNEAL_NONE, ANNEAL_LINEAR, ANNEAL_GEOMETRIC };
typedef struct conf {
  long steps, batch, growth, chain_sweeps;
  int anneal;
  double anneal_from, anneal_until, anneal_rate, average, chain;
} conf;

const deck_key train_keys[] = {
    {"steps", DECK_INT, offsetof(conf, steps), "2000", 0, 1e9, .help = "optimiser steps; 0: no training", .free = true},
    {"batch", DECK_INT, offsetof(conf, batch), "1024", 1, 1e8, .help = "samples per step, a multiple of draw.lanes"},
    {"growth", DECK_INT, offsetof(conf, growth), "1", 1, 64,
     .help = "the batch is multiplied by 2 after 60 % of the steps, again after 85 % ... up to this power of 2"},
    {"anneal", DECK_WORD, offsetof(conf, anneal), "linear", .words = "none|linear|geometric",
     .help = "how beta rises to model.beta"},
    {"anneal_from", DECK_REAL, offsetof(conf, anneal_from), "0.3", 0, 1, .help = "linear: first fraction of beta"},
    {"anneal_until", DECK_REAL, offsetof(conf, anneal_until), "0.3", 0, 1,
     .help = "linear: fraction of the steps at which beta is reached"},
    {"anneal_rate", DECK_REAL, offsetof(conf, anneal_rate), "0.998", 0, 0.999999,
     .help = "geometric: beta (1 - rate^(step+1))"},
    {"average", DECK_REAL, offsetof(conf, average), "0.995", 0, 0.999999,
     .help = "memory of the running mean of the parameters that is kept in the end; 0: the last ones"},
    {"chain", DECK_REAL, offsetof(conf, chain), "0", 0, 0.9,
     .help = "share of the batch that replicas of the chain of section chain give in place of the network: modes that "
             "it has dropped come back"},
    {"chain_sweeps", DECK_INT, offsetof(conf, chain_sweeps), "1", 1, 1e6,
     .help = "sweeps of these replicas from step to step"},
    {0},
};

struct trainer {
  run *r;
  const ar *a;
  conf c;
  nn_real *out;                       /* the caller's */
  nn_real *theta, *mean_theta, *grad; /* state, state, work */
  nn_optim *optim;                    /* state */
  double *curve;                      /* state: (steps, TRAIN_ROW) */
  int64_t step;                       /* state: steps done */
  team *t;
  reduce *sum;
  train_chain *chain;  /* NULL: all samples are the network's */
  const int8_t *given; /* its configurations at the present step */
  double beta;         /* of the present step */
  int shards, drawn;   /* of the present batch; of these by the network, the first ones */
  double *l;           /* (batch) ln q - ln w of every sample */
  double *weight;      /* (batch) */
  rng draws;
};
static const char *const owned[] = {"parameters", "mean parameters", "training curve", "training steps"};
static const char *const curve_name[TRAIN_ROW] = {"beta", "loss", "spread", "ess", "gradient", "rate", "gap"};
static const char *const curve_help[TRAIN_ROW] = {
    "inverse temperature of the step",
    "mean of ln q - ln w over the batch (minus a lower bound of lnZ)",
    "standard deviation of ln q - ln w",
    "effective fraction of the batch",
    "norm of the gradient before clipping",
    "learning rate",
    "mean of ln q - ln w over the network's samples minus that over the chain's: KL(q||p) + KL(p||q)"};

static double *row(const trainer *t, long step) {
  return t->curve + step * TRAIN_ROW;
}

static double beta_at(const trainer *t, long step) {
  double b = t->a->beta, x = (double)step / (double)t->c.steps;
  if (t->c.anneal == ANNEAL_GEOMETRIC) return b * (1 - pow(t->c.anneal_rate, (double)step + 1));
  if (t->c.anneal == ANNEAL_NONE || x >= t->c.anneal_until) return b;
  return b * (t->c.anneal_from + (1 - t->c.anneal_from) * x / t->c.anneal_until);
}

static int shards_at(const trainer *t, long step) {
  double x = (double)step / (double)t->c.steps, mark[6] = {0.6, 0.85, 0.93, 0.97, 0.985, 0.993};
  long factor = 1;
  for (int i = 0; i < 6 && factor < t->c.growth; i++) factor *= x >= mark[i] ? 2 : 1;
  return (int)(t->c.batch * factor / t->a->lanes);
}

static int given_of(const trainer *t, int shards) {
  return (int)lround(t->c.chain * shards);
}

/* Buffers for the batch of this step, made anew only when the batch grows. */
static int resize(trainer *t, long step, err *e) {
  int shards = shards_at(t, step);
  if (shards == t->shards) return 0;
  size_t B = (size_t)shards * (size_t)t->a->lanes;
  team_free(t->t), reduce_free(t->sum);
  free(t->l), free(t->weight);
  t->t = NULL, t->sum = NULL;
  t->shards = shards, t->drawn = shards - given_of(t, shards);
  t->l = malloc(B * sizeof *t->l), t->weight = malloc(B * sizeof *t->weight);
  if (!t->l || !t->weight) return err_set(e, ERR_RUN, "training: out of memory");
  const comm *c = run_comm(t->r);
  if (team_new(&t->t, t->a, c, shards, true, run_memory(t->r), e)) return e->code;
  return reduce_new(&t->sum, c, shards, t->a->net->nparam, sizeof(nn_real) == sizeof(float), e);
}

/* ln q of a shard, of new samples or of those that the chain gives. */
static void sample(const trainer *t, int shard, ar_worker *w, const ar_frames *f, double *lnq) {
  if (shard < t->drawn) {
    ar_draw(t->a, w, f, t->theta, t->draws, shard, (unsigned)t->step, lnq);
    return;
  }
  ar_fill(t->a, f, t->given + (size_t)(shard - t->drawn) * (size_t)t->a->lanes * (size_t)t->a->sites);
  ar_density(t->a, w, f, t->theta, lnq);
}

static void draw_shard(void *ctx, int thread, int shard, ar_worker *w, const ar_frames *f) {
  trainer *t = ctx;
  int S = t->a->lanes;
  double lnw[1024], *l = t->l + (size_t)shard * S;
  sample(t, shard, w, f, l);
  ar_target(t->a, w, f, t->beta, lnw);
  for (int i = 0; i < S; i++) l[i] -= lnw[i];
}

/* Every rank's l of its own shards; then everybody has all of them, in sample order. */
static void draw(trainer *t) {
  if (t->chain) t->given = train_chain_next(t->chain, t->c.chain_sweeps);
  team_each(t->t, draw_shard, t);
  comm_share_rows(run_comm(t->r), t->shards, (size_t)t->a->lanes, t->l);
}

/* Weights of the gradient (1) over the whole batch. */
static void weigh(trainer *t) {
  size_t B = (size_t)t->shards * (size_t)t->a->lanes;
  double mean = 0;
  for (size_t i = 0; i < B; i++) mean += t->l[i] / (double)B;
  for (size_t i = 0; i < B; i++) t->weight[i] = B > 1 ? (t->l[i] - mean) / (double)(B - 1) : 0;
}

/* Mean, standard deviation and effective fraction of the network's samples, and how far the chain's are from them. */
static void record(trainer *t, double *now) {
  size_t S = (size_t)t->a->lanes, B = (size_t)t->drawn * S, given = (size_t)(t->shards - t->drawn) * S;
  double mean = 0, other = 0, var = 0, low = INFINITY, w1 = 0, w2 = 0;
  for (size_t i = 0; i < B; i++) mean += t->l[i] / (double)B, low = fmin(low, t->l[i]);
  for (size_t i = B; i < B + given; i++) other += t->l[i] / (double)given;
  for (size_t i = 0; i < B; i++) {
    double d = t->l[i] - mean, w = exp(low - t->l[i]);
    var += d * d, w1 += w, w2 += w * w;
  }
  now[TRAIN_LOSS] = mean;
  now[TRAIN_SPREAD] = B > 1 ? sqrt(var / (double)(B - 1)) : 0;
  now[TRAIN_ESS] = w1 * w1 / w2 / (double)B;
  now[TRAIN_GAP] = given ? mean - other : NAN;
}

static void back_shard(void *ctx, int thread, int shard, ar_worker *w, const ar_frames *f) {
  trainer *t = ctx;
  double lnq[1024];
  if (!t->t->kept) sample(t, shard, w, f, lnq);
  ar_backward(t->a, w, f, t->theta, reduce_leaf(t->sum, thread), t->weight + (size_t)shard * t->a->lanes);
  reduce_push(t->sum, thread, shard);
}

static void backward(trainer *t) {
  reduce_begin(t->sum);
  team_each(t->t, back_shard, t);
  reduce_end(t->sum, t->grad);
}

static void average(trainer *t, long step) {
  double m = fmin(t->c.average, ((double)step + 1) / ((double)step + 10));
  nn_real keep = (nn_real)m, add = (nn_real)(1 - m);
  for (size_t i = 0; i < t->a->net->nparam; i++) t->mean_theta[i] = keep * t->mean_theta[i] + add * t->theta[i];
}

static int one_step(trainer *t, long step, err *e) {
  double *now = row(t, step);
  const comm *c = run_comm(t->r);
  if (resize(t, step, e)) return e->code;
  t->beta = beta_at(t, step);
  run_timer(t->r, "draw", true);
  draw(t);
  run_timer(t->r, "draw", false);
  weigh(t), record(t, now);
  if (!isfinite(now[TRAIN_LOSS]) || isinf(now[TRAIN_GAP]))
    return err_set(e, ERR_RUN, "training: the loss is not finite at step %ld (lower optimiser.lr?)", step);
  run_timer(t->r, "backward", true);
  backward(t);
  run_timer(t->r, "backward", false);
  run_timer(t->r, "update", true);
  now[TRAIN_BETA] = t->beta;
  now[TRAIN_RATE] = nn_optim_update(t->optim, step, t->c.steps, now[TRAIN_SPREAD], t->theta, t->grad, c->threads,
                                    &now[TRAIN_GRADIENT]);
  if (t->c.average > 0) average(t, step);
  run_timer(t->r, "update", false);
  if (!isfinite(now[TRAIN_GRADIENT]))
    return err_set(e, ERR_RUN, "training: the gradient is not finite at step %ld (lower optimiser.lr?)", step);
  return 0;
}

int train_new(trainer **out, run *r, const ar *a, nn_real *theta, err *e) {
  size_t n = a->net->nparam;
  trainer *t = *out = calloc(1, sizeof *t);
  if (!t) return err_set(e, ERR_RUN, "training: out of memory");
  t->r = r, t->a = a, t->out = theta, t->draws = rng_stream(run_seed(r), "training draws");
  deck_get(run_deck(r), "train", train_keys, &t->c);
  t->theta = nn_alloc(n * sizeof *t->theta);
  t->mean_theta = nn_alloc(n * sizeof *t->theta);
  t->grad = nn_alloc(n * sizeof *t->theta);
  t->curve = calloc((size_t)t->c.steps * TRAIN_ROW + 1, sizeof *t->curve);
  if (!t->theta || !t->mean_theta || !t->grad || !t->curve) return err_set(e, ERR_RUN, "training: out of memory");
  memcpy(t->theta, theta, n * sizeof *theta);
  memcpy(t->mean_theta, theta, n * sizeof *theta);
  run_item items[] = {{owned[0], t->theta, NN_H5, n, true, 0, 0, 0},
                      {owned[1], t->mean_theta, NN_H5, n, true, 0, 0, 0},
                      {owned[2], t->curve, H5_F64, (size_t)t->c.steps * TRAIN_ROW, true, 0, 0, 0},
                      {owned[3], &t->step, H5_I64, 1, true, 0, 0, 0}};
  for (int i = 0; i < 4; i++)
    if (run_own(r, items[i], e)) return e->code;
  int given = given_of(t, shards_at(t, t->c.steps - 1));
  if (t->c.steps && given && train_chain_new(&t->chain, r, a, given * a->lanes, e)) return e->code;
  return nn_optim_new(&t->optim, n, run_deck(r), r, e);
}

void train_free(trainer *t) {
  if (!t) return;
  for (int i = 0; i < 4; i++) run_disown(t->r, owned[i]);
  team_free(t->t), reduce_free(t->sum), nn_optim_free(t->optim), train_chain_free(t->chain);
  free(t->l), free(t->weight), free(t->theta), free(t->mean_theta), free(t->grad), free(t->curve);
  free(t);
}

long train_steps(const trainer *t) {
  return (long)t->step;
}
const double *train_curve(const trainer *t) {
  return t->curve;
}

static int write_curves(trainer *t, err *e) {
  size_t n = (size_t)t->step;
  double *column = malloc((n + 1) * sizeof *column);
  if (!column) return err_set(e, ERR_RUN, "training: out of memory");
  for (int k = 0; k < (t->chain ? TRAIN_ROW : TRAIN_GAP) && n && !e->code; k++) {
    char name[64];
    snprintf(name, sizeof name, "train.%s", curve_name[k]);
    for (size_t i = 0; i < n; i++) column[i] = t->curve[i * TRAIN_ROW + (size_t)k];
    run_series(t->r, name, H5_F64, 1, &n, column, "1", curve_help[k], e);
  }
  free(column);
  return e->code;
}

int train_run(trainer *t, double exact, err *e) {
  if (t->chain && t->step < t->c.steps) train_chain_thermalise(t->chain);
  while (t->step < t->c.steps && !run_stopping(t->r)) {
    if (one_step(t, (long)t->step, e)) return e->code;
    const double *now = row(t, (long)t->step++);
    char note[160];
    snprintf(note, sizeof note, "beta %.4f  %s %.5g  spread %.4g  ess %.3f  lr %.2g", now[TRAIN_BETA],
             isnan(exact) ? "loss" : "KL", now[TRAIN_LOSS] + (isnan(exact) ? 0 : exact), now[TRAIN_SPREAD],
             now[TRAIN_ESS], now[TRAIN_RATE]);
    run_tick(t->r, "training", (long)t->step, t->c.steps, note);
  }
  team_free(t->t), reduce_free(t->sum); /* their memory goes to what follows */
  t->t = NULL, t->sum = NULL, t->shards = 0;
  if (t->step) memcpy(t->out, t->c.average > 0 ? t->mean_theta : t->theta, t->a->net->nparam * sizeof *t->out);
  return write_curves(t, e);
}

int train_check(const deck *d, const ar *a, err *e) {
  conf c;
  deck_get(d, "train", train_keys, &c);
  if (c.batch % a->lanes)
    err_line(e, ERR_DECK, "%s: train.batch = %ld: must be a multiple of draw.lanes = %d",
             deck_where(d, "train", "batch"), c.batch, a->lanes);
  double given = c.chain * (double)c.batch / a->lanes;
  if (fabs(given - nearbyint(given)) > 1e-9)
    err_line(e, ERR_DECK, "%s: train.chain = %g: must be a multiple of draw.lanes/train.batch = %d/%ld",
             deck_where(d, "train", "chain"), c.chain, a->lanes, c.batch);
  if (c.growth & (c.growth - 1))
    err_line(e, ERR_DECK, "%s: train.growth = %ld: must be a power of 2", deck_where(d, "train", "growth"), c.growth);
  return e->code;
}

static void network_plan(run *r, const ar *a) {
  char *text = NULL, rest[40] = "";
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) return;
  nn_plan_print(a->plan, f);
  fclose(f);
  if (a->sites > a->n) snprintf(rest, sizeof rest, " (%d more by heat bath)", a->sites - a->n);
  run_log(r, "network of %d drawn spins%s, %d image%s\n%s", a->n, rest, a->g->size, a->g->size > 1 ? "s" : "", text);
  free(text);
}

void train_plan(run *r, const ar *a) {
  network_plan(r, a);
  trainer t = {.r = r, .a = a};
  deck_get(run_deck(r), "train", train_keys, &t.c);
  if (!t.c.steps) return;
  int shards = shards_at(&t, t.c.steps - 1);
  const comm *c = run_comm(r);
  size_t kept = team_bytes(a, c, shards, true), n = a->net->nparam;
  bool fits = (double)kept <= run_memory(r);
  size_t total = (fits ? kept : team_bytes(a, c, shards, false)) + reduce_bytes(c, shards, n, sizeof(nn_real) == 4) +
                 5 * n * sizeof(nn_real);
  run_log(r, "training: %ld steps, %d to %d shards of %d samples; %.1f MB per rank, activations %s", t.c.steps,
          shards_at(&t, 0), shards, a->lanes, (double)total * 1e-6,
          fits ? "kept" : "drawn again before backward (run.memory_GB)");
}

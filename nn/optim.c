/* optim.c: the update loop, schedules and clipping (see optim.h); the rules themselves are in optim_adam.c,
 * optim_sgd.c. */
#include "nn/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const nn_optim_type nn_optim_adam, nn_optim_sgd;
const deck_kind *const nn_optim_types[] = {&nn_optim_adam.kind, &nn_optim_sgd.kind, NULL};

enum { CONSTANT, COSINE, PLATEAU, ONECYCLE };
typedef struct conf {
  double lr, lr_final, hold, warmup, clip, factor, slow_lr;
  long patience;
  int schedule;
} conf;

const deck_key nn_optim_keys[] = {
    {"lr", DECK_REAL, offsetof(conf, lr), "1e-3", 1e-12, 100, .help = "learning rate", .free = true},
    {"schedule", DECK_WORD, offsetof(conf, schedule), "cosine", .words = "constant|cosine|plateau|onecycle",
     .help =
         "of the learning rate: cosine falls to lr * lr_final; plateau multiplies by factor; onecycle rises from lr / "
         "25, then falls to lr * lr_final"},
    {"hold", DECK_REAL, offsetof(conf, hold), "0.3", 0, 1,
     .help = "cosine: fraction of the steps at full rate; onecycle: fraction that rises"},
    {"lr_final", DECK_REAL, offsetof(conf, lr_final), "0.003", 0, 1, .help = "cosine, plateau: lowest fraction of lr"},
    {"factor", DECK_REAL, offsetof(conf, factor), "0.92", 0.01, 1, .help = "plateau: multiplier"},
    {"patience", DECK_INT, offsetof(conf, patience), "100", 1, 1000000,
     .help = "plateau: steps without improvement of the loss's spread"},
    {"warmup", DECK_REAL, offsetof(conf, warmup), "0", 0, 1, .help = "fraction of the steps with linearly rising rate"},
    {"slow_lr", DECK_REAL, offsetof(conf, slow_lr), "1e-3", 0, 100,
     .help = "highest rate of parameters that learn slowly (state matrices of state space layers)"},
    {"clip", DECK_REAL, offsetof(conf, clip), "1", 0, 1e9, .help = "largest norm of the gradient; 0: no clipping"},
    {0},
};

typedef struct plateau {
  double best, scale, bad;
} plateau;

/* Parameters that are treated alike. */
typedef struct group {
  size_t from, to;
  bool decay, slow;
} group;

struct nn_optim {
  run *r;
  const nn_optim_type *type;
  conf c;
  void *own;
  size_t n;
  nn_real *moment[2];
  plateau p;
  group *groups;
  int ngroups;
};

static const char *const owned[] = {"optimiser moment 1", "optimiser moment 2", "optimiser plateau"};

void nn_optim_free(nn_optim *o) {
  if (!o) return;
  for (int i = 0; i < 3; i++) run_disown(o->r, owned[i]);
  free(o->groups), free(o->own), free(o->moment[0]), free(o->moment[1]), free(o);
}

int nn_optim_new(nn_optim **out, size_t n, const deck *d, run *r, err *e) {
  nn_optim *o = calloc(1, sizeof *o);
  *out = o;
  if (!o) return err_set(e, ERR_RUN, "optimiser: out of memory");
  o->type = (const nn_optim_type *)deck_kind_of(d, "optimiser");
  o->n = n;
  o->r = r;
  o->p.scale = 1;
  o->p.best = INFINITY;
  deck_get(d, "optimiser", nn_optim_keys, &o->c);
  o->own = calloc(1, o->type->conf_size);
  if (o->own) deck_get(d, "optimiser", o->type->kind.keys, o->own);
  o->groups = malloc(sizeof *o->groups);
  if (o->groups) o->groups[o->ngroups++] = (group){0, n, true, false};
  int bad = !o->own || !o->groups;
  for (int i = 0; i < o->type->moments && !bad; i++) {
    o->moment[i] = nn_alloc(n * sizeof(nn_real));
    bad = !o->moment[i] || run_own(r, (run_item){owned[i], o->moment[i], NN_H5, n, true, 0, 0, 0}, e);
  }
  if (!bad) bad = run_own(r, (run_item){owned[2], &o->p, H5_F64, 3, true, 0, 0, 0}, e);
  return bad ? err_set(e, ERR_RUN, "optimiser: out of memory") : 0;
}

int nn_optim_groups(nn_optim *o, const nn_graph *g, err *e) {
  group *all = malloc((3 * (size_t)g->nnodes + 1) * sizeof *all);
  if (!all) return err_set(e, ERR_RUN, "optimiser: out of memory");
  free(o->groups);
  o->groups = all, o->ngroups = 0;
  for (int i = 0; i < g->nnodes; i++) {
    const nn_node *n = &g->node[i];
    size_t at = n->param, end = at + n->nparam, slow = end - n->nslow, plain = at + n->nweights;
    if (plain > slow) plain = slow;
    if (at < plain) all[o->ngroups++] = (group){at, plain, true, false};
    if (plain < slow) all[o->ngroups++] = (group){plain, slow, false, false};
    if (slow < end) all[o->ngroups++] = (group){slow, end, false, true};
  }
  return 0;
}

double nn_optim_lr(const nn_optim *o) {
  return o->c.lr;
}

void nn_optim_set_lr(nn_optim *o, double lr) {
  o->c.lr = lr;
}

void nn_optim_reset(nn_optim *o) {
  for (int i = 0; i < o->type->moments; i++) memset(o->moment[i], 0, o->n * sizeof(nn_real));
  o->p = (plateau){.best = INFINITY, .scale = 1};
}

static double rate(nn_optim *o, long step, long steps, double spread) {
  const conf *c = &o->c;
  double x = steps > 1 ? (double)step / (double)(steps - 1) : 1, scale = 1;
  if ((c->schedule == COSINE || c->schedule == ONECYCLE) && x > c->hold)
    scale = c->lr_final + (1 - c->lr_final) * 0.5 * (1 + cos(M_PI * (x - c->hold) / (1 - c->hold)));
  if (c->schedule == ONECYCLE && x < c->hold) scale = 0.04 + 0.96 * 0.5 * (1 - cos(M_PI * x / c->hold));
  if (c->schedule == PLATEAU) {
    bool better = spread < o->p.best * (1 - 1e-4);
    o->p.best = better ? spread : o->p.best;
    o->p.bad = better ? 0 : o->p.bad + 1;
    if (o->p.bad >= (double)c->patience) o->p.scale = fmax(o->p.scale * c->factor, c->lr_final), o->p.bad = 0;
    scale = o->p.scale;
  }
  if (x < c->warmup) scale *= ((double)step + 1) / (c->warmup * (double)steps + 1);
  return c->lr * scale;
}

/* Sum of squares in fixed blocks, so that threads do not change it. */
static double norm_of(size_t n, const nn_real *g) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; i++) sum += (double)g[i] * (double)g[i];
  return sqrt(sum);
}

static void update_part(nn_optim *o, long step, double lr, size_t from, size_t to, nn_real *theta,
                        const nn_real *grad) {
  for (int i = 0; i < o->ngroups; i++) {
    const group *g = &o->groups[i];
    size_t a = g->from > from ? g->from : from, b = g->to < to ? g->to : to;
    double own = g->slow && o->c.slow_lr < lr ? o->c.slow_lr : lr;
    if (a < b) o->type->update(o->own, step, own, g->decay, a, b, theta, grad, o->moment);
  }
}

void nn_optim_update_at(nn_optim *o, long step, double lr, nn_real *theta, nn_real *grad, int threads, double *norm) {
  *norm = norm_of(o->n, grad);
  nn_real shrink = o->c.clip > 0 && *norm > o->c.clip ? (nn_real)(o->c.clip / *norm) : 1;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int part = 0; part < 64; part++) {
    size_t from = o->n * (size_t)part / 64 / 16 * 16, to = part == 63 ? o->n : o->n * (size_t)(part + 1) / 64 / 16 * 16;
    if (shrink < 1)
      for (size_t i = from; i < to; i++) grad[i] *= shrink;
    update_part(o, step, lr, from, to, theta, grad);
  }
}

double nn_optim_update(nn_optim *o, long step, long steps, double spread, nn_real *theta, nn_real *grad, int threads,
                       double *norm) {
  double lr = rate(o, step, steps, spread);
  nn_optim_update_at(o, step, lr, theta, grad, threads, norm);
  return lr;
}

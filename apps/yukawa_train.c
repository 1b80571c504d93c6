/* yukawa_train.c: the hopping parameter kappa of a scalar field regressed from its configurations, as in Bluecher,
 * Kades, Pawlowski, Strodthoff and Urban, 'Towards novel insights in lattice field theory with explainable machine
 * learning', PRD 101 094507.
 *
 *   train     a network sees fields, or standard observables, of configurations at many kappas (app yukawa-generate)
 *   test      its estimates kappa^ at a few kappas, r = sd(kappa^) / |dE[kappa^]/dkappa| / sigma_CR, and bias
 *   compare   beside maximum likelihood, which solves <T>_kappa = T; no estimate has r below 1 (Cramer and Rao) */
#include "apps/yukawa_train.h"

#include <math.h>
#include <stdlib.h>

#include "nn/fit.h"
#include "nn/store.h"

typedef struct data_conf {
  const char *train, *test;
  int what, weight;
  double validation;
  bool augment;
} data_conf;
enum { EQUAL, FISHER };
static const deck_key data_keys[] = {
    {"train", DECK_TEXT, offsetof(data_conf, train), .help = "run of app yukawa-generate: its folder or run.h5"},
    {"test", DECK_TEXT, offsetof(data_conf, test), .help = "the same, with two or more chains at each kappa"},
    {"what", DECK_WORD, offsetof(data_conf, what), "fields", .words = YUKAWA_WHAT,
     .help = "what the network sees: phi; |m|, |m_s|, G_c(t); or |m|, |m_s|, phi^2, mean |box| and |staggered box|"},
    {"validation", DECK_REAL, offsetof(data_conf, validation), "0.1", 0.001, 0.9,
     .help = "share of the training chains that decides which epoch is kept"},
    {"augment", DECK_BOOL, offsetof(data_conf, augment), "true",
     .help = "fields: random translations, rotations, reflections and signs"},
    {"weight", DECK_WORD, offsetof(data_conf, weight), "equal", .words = "equal|fisher",
     .help = "of a training sample; fisher: 1/sigma_CR^2 at its kappa, for loss mse"},
    {0},
};
static const deck_section schema[] = {
    {.name = "data", .help = "ensembles of configurations", .keys = data_keys},
    {.name = "net", .help = "the network", .keys = nn_nets_keys, .kinds = nn_nets, .kind_def = "cnn"},
    NN_FIT_SECTIONS("gaussian_nll"),
    {0},
};

typedef struct problem {
  data_conf c;
  yukawa_data data, unseen;
  yukawa_samples train, valid, test;
  yukawa_oracle oracle;
  double *weight; /* (chains of data) or NULL */
  yukawa_model model;
  int outputs;
} problem;

static void close_problem(problem *p) {
  yukawa_samples_free(&p->train), yukawa_samples_free(&p->valid), yukawa_samples_free(&p->test);
  yukawa_data_close(&p->data), yukawa_data_close(&p->unseen), yukawa_model_close(&p->model);
  free(p->weight);
}

static int open_data(problem *p, const deck *d, double memory, err *e) {
  bool fields = p->c.what == YUKAWA_FIELDS;
  yukawa_standard *s = &p->model.standard;
  s->what = p->c.what;
  if (yukawa_data_open(&p->data, p->c.train, fields, memory, e))
    return err_context(e, "%s: data.train", deck_where(d, "data", "train"));
  if (yukawa_data_open(&p->unseen, p->c.test, fields, memory - yukawa_data_bytes(&p->data), e))
    return err_context(e, "%s: data.test", deck_where(d, "data", "test"));
  if (yukawa_data_same(&p->data, p->c.train, &p->unseen, p->c.test, e) ||
      yukawa_samples_new(&p->train, &p->data, s, YUKAWA_TRAIN, p->c.validation, p->c.augment, e) ||
      yukawa_samples_new(&p->valid, &p->data, s, YUKAWA_VALID, p->c.validation, false, e) ||
      yukawa_samples_new(&p->test, &p->unseen, s, YUKAWA_ALL, 0, false, e))
    return e->code;
  yukawa_standard_fit(s, &p->train);
  return yukawa_oracle_fit(&p->oracle, &p->data, p->c.train, e);
}

/* 1/sigma_CR^2 of each chain, their mean being 1. */
static int weigh(problem *p, err *e) {
  double sum = 0;
  long n = p->data.chains;
  if (!(p->weight = malloc(sizeof *p->weight * (size_t)n))) return err_set(e, ERR_RUN, "weights: out of memory");
  for (long c = 0; c < n; c++) sum += p->weight[c] = pow(yukawa_oracle_sigma(&p->oracle, p->data.kappa[c]), -2);
  for (long c = 0; c < n; c++) p->weight[c] *= (double)n / sum;
  p->train.weight = p->valid.weight = p->weight;
  return 0;
}

static int open_network(problem *p, const deck *d, uint32_t seed, err *e) {
  nn_loss_conf loss;
  yukawa_model *m = &p->model;
  p->outputs = nn_fit_loss(d, &loss)->outputs(1);
  m->d = p->data.d;
  for (int k = 0; k < m->d; k++) m->side[k] = p->data.side[k];
  nn_net_task task = yukawa_task(&p->data, &m->standard, p->outputs);
  if (nn_nets_build(&m->g, &task, d, e)) return e->code;
  return nn_nets_start(m->g, d, seed, &m->theta, &m->state, e);
}

/* Root mean square of (kappa^ - kappa) / sigma_CR over validation data. */
static double beyond_bound(void *ctx, long count, const nn_real *z, const nn_real *t) {
  const problem *p = ctx;
  const yukawa_standard *s = &p->model.standard;
  double sum = 0;
  for (long i = 0; i < count; i++) {
    double kappa = s->target_mean + s->target_sd * (double)t[i];
    double off = s->target_sd * ((double)z[i * p->outputs] - (double)t[i]);
    sum += pow(off / yukawa_oracle_sigma(&p->oracle, kappa), 2);
  }
  return sqrt(sum / (double)count);
}

/* Collective: estimates of the test ensemble by the network; rank 0. */
static int predict(run *r, const problem *p, double *estimate, err *e) {
  const yukawa_standard *s = &p->model.standard;
  nn_crew *crew = NULL;
  nn_prediction out = {.d = &p->test.set, .theta = p->model.theta, .state = p->model.state};
  if (run_root(r) && !(out.out = malloc(sizeof *out.out * (size_t)(p->unseen.n * p->outputs))))
    err_set(e, ERR_RUN, "estimates: out of memory");
  if (!e->code) nn_crew_new(&crew, p->model.g, run_comm(r), nn_fit_lanes(run_deck(r)), 1, 1, false, e);
  if (!comm_vote(run_comm(r), e)) nn_predict(crew, &out, e);
  for (long i = 0; i < p->unseen.n && run_root(r) && !e->code; i++)
    estimate[i] = s->target_mean + s->target_sd * (double)out.out[i * p->outputs];
  nn_crew_free(crew), free(out.out);
  return e->code;
}

/* ---- results, rank 0 ---- */
typedef struct figure {
  int what;
  const char *name, *text;
} figure;
static const figure figures[] = {
    {YUKAWA_MEAN, "kappa_mean", "mean of the estimates"},
    {YUKAWA_BIAS, "bias", "mean of the estimates minus kappa"},
    {YUKAWA_SD, "sd", "standard deviation of the estimates at one kappa"},
    {YUKAWA_SLOPE, "slope", "derivative of the mean estimate, 2 Cov(estimate, T)"},
    {YUKAWA_RMSE, "rmse", "root mean square of estimate minus kappa"},
    {YUKAWA_LOSS, "rmse_bound", "the same over the Cramer-Rao bound"},
    {YUKAWA_RATIO, "r", "sd / |slope| over the Cramer-Rao bound: 1 at best"},
};

static int put(run *r, const yukawa_verdict *v, int what, const char *name, const char *text, err *e) {
  return run_result_array(r,
                          (run_array){.name = name,
                                      .unit = "1",
                                      .description = text,
                                      .rank = 1,
                                      .dims = {(size_t)v->n},
                                      .axis = {"kappa"},
                                      .axis_values = {v->kappa},
                                      .value = v->value[what],
                                      .error = v->error[what]},
                          e);
}

/* The largest r over all kappas. */
static int put_worst(run *r, const yukawa_verdict *v, const char *who, err *e) {
  char name[40];
  int worst = 0;
  for (int k = 0; k < v->n; k++)
    if (v->value[YUKAWA_RATIO][k] > v->value[YUKAWA_RATIO][worst]) worst = k;
  snprintf(name, sizeof name, "r_max.%s", who);
  run_log(r, "%-6s r up to %.3f(%.3f), at kappa = %g", who, v->value[YUKAWA_RATIO][worst],
          v->error[YUKAWA_RATIO][worst], v->kappa[worst]);
  return run_number(r, name, "1", "largest r of all kappas of the test ensemble", v->value[YUKAWA_RATIO][worst],
                    v->error[YUKAWA_RATIO][worst], e);
}

static int report(run *r, const problem *p, const yukawa_verdict *v, const double *estimate, const char *who, err *e) {
  char name[40];
  size_t dims[2] = {(size_t)p->unseen.chains, (size_t)p->unseen.per};
  for (size_t k = 0; k < sizeof figures / sizeof *figures && !e->code; k++) {
    snprintf(name, sizeof name, "%s.%s", figures[k].name, who);
    put(r, v, figures[k].what, name, figures[k].text, e);
  }
  snprintf(name, sizeof name, "estimate.%s", who);
  return e->code || run_series(r, name, H5_F64, 2, dims, estimate, "1",
                               "kappa estimated: chain, configuration of the test ensemble", e)
             ? e->code
             : put_worst(r, v, who, e);
}

/* The network and maximum likelihood on the test ensemble. */
static int test(run *r, const problem *p, const nn_fit *f, err *e) {
  size_t n = (size_t)p->unseen.n;
  yukawa_verdict net = {0}, best = {0};
  double *estimate = malloc(sizeof *estimate * 2 * n), *likely = estimate + n;
  if (!estimate) err_set(e, ERR_RUN, "estimates: out of memory");
  if (!comm_vote(run_comm(r), e) && !predict(r, p, estimate, e) && run_root(r)) {
    for (long i = 0; i < p->unseen.n; i++) likely[i] = yukawa_oracle_kappa(&p->oracle, yukawa_links(&p->unseen, i));
    if (!yukawa_judge(&net, &p->unseen, p->c.test, estimate, e) &&
        !yukawa_judge(&best, &p->unseen, p->c.test, likely, e) &&
        !put(r, &net, YUKAWA_SIGMA, "sigma_CR", "Cramer-Rao bound of one configuration, 1 / (2 sd T)", e) &&
        !report(r, p, &net, estimate, "net", e) && !report(r, p, &best, likely, "oracle", e))
      yukawa_train_figure(r, &net, &best, nn_fit_curve(f), nn_fit_epochs(f), NN_FIT_ROW + 1);
  }
  yukawa_verdict_free(&net), yukawa_verdict_free(&best);
  free(estimate);
  return e->code;
}

/* The algorithm: train, test, compare. */
static int work(run *r, problem *p, const nn_task *task, err *e) {
  nn_fit *f = NULL;
  if (nn_fit_new(&f, r, task, p->model.theta, p->model.state, e) || run_writer(r, yukawa_model_write, &p->model, e))
    goto end;
  if (nn_fit_run(f, e) || run_stopping(r)) goto end;
  test(r, p, f, e);
  if (!comm_vote(run_comm(r), e)) run_snapshot(r, e);
end:
  run_writer_end(r, &p->model, e);
  nn_fit_free(f);
  return e->code;
}

static int train_main(run *r, err *e) {
  problem p = {0};
  const deck *d = run_deck(r);
  deck_get(d, "data", data_keys, &p.c);
  if (!open_data(&p, d, run_memory(r), e) && (p.c.weight == EQUAL || !weigh(&p, e)) &&
      !open_network(&p, d, run_seed(r), e)) {
    nn_task task = {.g = p.model.g, .train = &p.train.set, .valid = &p.valid.set, .quantities = 1, .nmetrics = 1};
    task.metric[0] =
        (nn_metric){"bound", "rms of (kappa^ - kappa) / sigma_CR, validation data", false, beyond_bound, &p};
    run_log(r, "%ld configurations train, %ld validate, %ld test; the network sees %zu numbers of each",
            p.train.set.count, p.valid.set.count, p.test.set.count, nn_rows(p.model.g->node[0].shape));
    if (!nn_fit_plan(r, &task, e) && !run_dry(r)) work(r, &p, &task, e);
  }
  close_problem(&p);
  return e->code;
}

static int check(const deck *d, err *e) {
  data_conf c;
  nn_loss_conf loss;
  nn_graph *g = NULL;
  yukawa_data like = {.d = 3, .side = {16, 16, 16}}; /* no ensemble is read: the size is an example */
  deck_get(d, "data", data_keys, &c);
  yukawa_standard s = {.what = c.what, .inputs = c.what == YUKAWA_FIELDS ? 1 : 11};
  if (nn_fit_check(d, 1, e)) return e->code;
  const nn_loss *l = nn_fit_loss(d, &loss);
  if (l->targets(1) != 1 || l == nn_loss_named("cross_entropy") || l == nn_loss_named("bce") ||
      l == nn_loss_named("focal"))
    return err_set(e, ERR_DECK, "%s: loss.kind = %s: kappa is a number: gaussian_nll, mse or huber",
                   deck_where(d, "loss", "kind"), l->kind.name);
  nn_net_task task = yukawa_task(&like, &s, l->outputs(1));
  nn_nets_build(&g, &task, d, e);
  nn_graph_free(g);
  return e->code;
}

const app app_yukawa_train = {.name = "yukawa-train",
                              .help = "regression of the hopping parameter from configurations of a scalar field",
                              .schema = schema,
                              .check = check,
                              .main = train_main};

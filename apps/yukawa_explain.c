/* yukawa_explain.c: what networks that regress kappa look at, as in Bluecher, Kades, Pawlowski, Strodthoff and Urban,
 * 'Towards novel insights in lattice field theory with explainable machine learning', PRD 101 094507, beside what is
 * known exactly.
 *
 *   walk      relevance (LRP), input x gradient, integrated gradients of the answer, configuration by configuration
 *   read      observables: shares of each; fields: of momenta, of the filters of the first convolution
 *   compare   kappa couples to T alone, so the information of every observable is corr(O, T)^2 (analysis/fisher.h) */
#include "apps/yukawa_explain.h"

#include <math.h>

#include "xai/composite.h"

typedef struct net_conf {
  const char *from;
} net_conf;
static const deck_key net_keys[] = {
    {"from", DECK_TEXT, offsetof(net_conf, from), .help = "run of app yukawa-train: its folder or run.h5"}, {0}};
typedef struct data_conf {
  const char *test;
  long configurations;
} data_conf;
static const deck_key data_keys[] = {
    {"test", DECK_TEXT, offsetof(data_conf, test), .help = "run of app yukawa-generate: its folder or run.h5"},
    {"configurations", DECK_INT, offsetof(data_conf, configurations), "0", 0, 1e9,
     .help = "at each kappa, evenly from its chains; 0: all"},
    {0},
};
const deck_key yukawa_explain_keys[] = {
    {"composite", DECK_WORD, offsetof(yukawa_explain_conf, composite), "epsilon", .words = xai_composite_words,
     .help = "relevance rules of the nodes"},
    {"origin", DECK_WORD, offsetof(yukawa_explain_conf, origin), "zero", .words = "zero|mean",
     .help = "observables: absent at 0, or at the mean of the training data; fields: always 0"},
    {"epsilon", DECK_REAL, offsetof(yukawa_explain_conf, epsilon), "1e-6", 0, 1e6, .help = "stabiliser of the rules"},
    {"gamma", DECK_REAL, offsetof(yukawa_explain_conf, gamma), "0.25", 0, 1e6, .help = "of the rules gamma"},
    {"gradient", DECK_BOOL, offsetof(yukawa_explain_conf, gradient), "true", .help = "also input x gradient"},
    {"integrated", DECK_BOOL, offsetof(yukawa_explain_conf, integrated), "true",
     .help = "also integrated gradients, from the origin"},
    {"nodes", DECK_INT, offsetof(yukawa_explain_conf, nodes), "32", 1, 1000,
     .help = "of integrated gradients (Gauss-Legendre)"},
    {"lanes", DECK_INT, offsetof(yukawa_explain_conf, lanes), "16", 1, 64,
     .help = "configurations side by side: 1, 8, 16, 32 or 64"},
    {"blocks", DECK_INT, offsetof(yukawa_explain_conf, blocks), "16", 2, 1000,
     .help = "of the jackknife at each kappa"},
    {"least_kappa", DECK_REAL, offsetof(yukawa_explain_conf, least_kappa), "0.05", 0, 10,
     .help = "rankings are compared where |kappa| is not below"},
    {0},
};
static const deck_section schema[] = {
    {.name = "net", .help = "the network that is explained", .keys = net_keys},
    {.name = "data", .help = "configurations it has not seen", .keys = data_keys},
    {.name = "explain", .help = "how", .keys = yukawa_explain_keys},
    {0},
};

static int put(run *r, const char *name, const char *text, double value, err *e) {
  return run_number(r, name, "1", text, value, NAN, e);
}

/* How well the books close. */
static int books(run *r, const yukawa_explanations *x, err *e) {
  double closure = 0, gap = 0, change = 0, mean = 0;
  for (long i = 0; i < x->n; i++) mean += x->row[i * x->width + YUKAWA_ANSWER] / (double)x->n;
  for (long i = 0; i < x->n; i++) {
    const double *row = x->row + i * x->width;
    closure = fmax(closure, row[YUKAWA_CLOSURE]), gap += row[YUKAWA_GAP] * row[YUKAWA_GAP];
    change += pow(row[YUKAWA_ANSWER] - mean, 2);
  }
  if (put(r, "ledger", "largest fault of the books of relevance, over nodes and configurations, relative to what moved",
          closure, e))
    return e->code;
  return x->c.integrated
             ? put(r, "completeness", "integrated gradients: rms of sum - (F(x) - F(origin)), over the sd of F",
                   sqrt(gap / change), e)
             : 0;
}

/* Rank 0. */
static int read(run *r, const yukawa_explanations *x, err *e) {
  if (books(r, x, e)) return e->code;
  if (x->model->standard.what != YUKAWA_FIELDS) {
    yukawa_ranking k;
    if (!yukawa_rank_inputs(&k, x, e) && !yukawa_rank_report(r, &k, x, e)) yukawa_rank_figures(r, &k, x);
    yukawa_ranking_free(&k, x->points);
  } else {
    yukawa_vision v;
    if (!yukawa_see(&v, x, e) && !yukawa_see_report(r, &v, x, e)) yukawa_see_figures(r, &v, x);
    yukawa_vision_free(&v);
  }
  return e->code;
}

/* The algorithm: walk, read, compare. */
static int work(run *r, yukawa_explanations *x, err *e) {
  if (yukawa_explanations_run(x, r, e) || run_stopping(r)) return e->code;
  if (run_root(r)) read(r, x, e);
  return comm_vote(run_comm(r), e) ? e->code : run_snapshot(r, e);
}

static int explain_main(run *r, err *e) {
  const deck *d = run_deck(r);
  net_conf net;
  data_conf data;
  yukawa_explain_conf c;
  yukawa_model m = {0};
  yukawa_data y = {0};
  yukawa_explanations x = {0};
  deck_get(d, "net", net_keys, &net), deck_get(d, "data", data_keys, &data);
  deck_get(d, "explain", yukawa_explain_keys, &c);
  if (yukawa_model_open(&m, net.from, true, e)) {
    err_context(e, "%s: net.from", deck_where(d, "net", "from"));
  } else if (yukawa_data_open(&y, data.test, m.standard.what == YUKAWA_FIELDS, run_memory(r), e)) {
    err_context(e, "%s: data.test", deck_where(d, "data", "test"));
  } else if (!yukawa_explanations_new(&x, &m, &y, &c, data.configurations, e)) {
    run_log(r, "%ld configurations at %d kappas, %d %s, %d filters", x.n, x.points, x.items,
            x.bin ? "shells of momenta" : "inputs", x.filters);
    if (!run_dry(r)) work(r, &x, e);
  }
  yukawa_explanations_free(&x), yukawa_data_close(&y), yukawa_model_close(&m);
  return e->code;
}

static int check(const deck *d, err *e) {
  yukawa_explain_conf c;
  deck_get(d, "explain", yukawa_explain_keys, &c);
  if (c.lanes != 1 && c.lanes != 8 && c.lanes != 16 && c.lanes != 32 && c.lanes != 64)
    return err_set(e, ERR_DECK, "%s: explain.lanes = %ld: 1, 8, 16, 32 or 64", deck_where(d, "explain", "lanes"),
                   c.lanes);
  return 0;
}

const app app_yukawa_explain = {
    .name = "yukawa-explain",
    .help = "what networks that regress the hopping parameter look at, beside what is known",
    .schema = schema,
    .check = check,
    .main = explain_main};

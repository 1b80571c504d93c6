/* app_ising.c: what the objects of app ising tell the run they own is everything: copied in memory in the middle of
 * training, drawing or the Markov chain and put back later, the algorithm goes on to the same bits. Linked with
 * --wrap=run_tick and
 * --wrap=run_stopping, which stop a phase after so many units of work. */
#include "tests/physics.h"

static struct {
  const char *phase; /* stop here ... */
  long after;        /* ... when so much is done */
  bool now;
} stop;

bool __real_run_tick(run *r, const char *phase, long done, long total, const char *note);
bool __wrap_run_tick(run *r, const char *phase, long done, long total, const char *note);
bool __wrap_run_stopping(const run *r);

bool __wrap_run_tick(run *r, const char *phase, long done, long total, const char *note) {
  __real_run_tick(r, phase, done, total, note);
  if (stop.phase && !strcmp(stop.phase, phase) && done >= stop.after) stop.now = true;
  return stop.now;
}

bool __wrap_run_stopping(const run *r) {
  return stop.now;
}

typedef struct pieces {
  lattice *l;
  ising *m;
  ar *a;
  nn_real *theta;
  exact_ising x;
  trainer *t;
  estimate_ising what;
  estimator *s;
  reference *mc;
} pieces;

static int open_pieces(pieces *p, run *r, err *e) {
  const char *method;
  if (lattice_from_deck(&p->l, run_deck(r), e) || ising_from_deck(&p->m, p->l, run_deck(r), e) ||
      ar_ising_new(&p->a, p->m, run_deck(r), e) || exact_any(&p->x, &method, p->m, p->m->beta, e))
    return e->code;
  p->theta = nn_alloc(p->a->net->nparam * sizeof *p->theta);
  nn_init(p->a->net, p->theta, run_seed(r));
  estimate_ising_open(&p->what, p->m, &p->x);
  return train_new(&p->t, r, p->a, p->theta, e) || estimator_new(&p->s, r, p->a, &p->what.model, e) ||
                 reference_new(&p->mc, r, p->a, &p->what, e)
             ? e->code
             : 0;
}

static void close_pieces(pieces *p) {
  estimate_ising_close(&p->what);
  reference_free(p->mc), estimator_free(p->s), train_free(p->t);
  ar_free(p->a), ising_free(p->m), lattice_free(p->l), free(p->theta);
}

/* As work() of apps/ising.c. */
static int advance(pieces *p, err *e) {
  stop.now = false;
  if (train_run(p->t, p->x.lnZ, e) || stop.now || estimator_run(p->s, p->theta, train_steps(p->t), e) || stop.now)
    return e->code;
  estimate_data d = estimator_data(p->s);
  return reference_run(p->mc, p->theta, &d, e);
}

static const struct {
  const char *phase;
  long after;
} place[] = {{"training", 1},    {"training", 13}, {"training", 20}, {"drawing", 8192},
             {"drawing", 20000}, {NULL, 1},        {NULL, 40}};
enum { PLACES = sizeof place / sizeof *place };

/* The name of the first object that differs between two copies. */
static const char *first_difference(const run *r, const char *a, const char *b) {
  static const size_t size[] = {8, 4, 8, 4, 1, 1};
  const run_item *item;
  int n = run_owned(r, &item);
  for (int k = 0; k < n; k++) {
    size_t bytes = item[k].count * size[item[k].type];
    if (memcmp(a, b, bytes)) return item[k].name;
    a += bytes, b += bytes;
  }
  return NULL;
}

static int memory_main(run *r, err *e) {
  pieces p = {0};
  char *copy[PLACES] = {0}, *end = NULL, *again;
  const char *chain_kind = deck_kind_of(run_deck(r), "chain")->name;
  size_t bytes, n;
  if (!open_pieces(&p, r, e)) {
    for (int i = 0; i < PLACES && !e->code; i++) {
      stop.phase = place[i].phase ? place[i].phase : chain_kind, stop.after = place[i].after;
      if (advance(&p, e)) break;
      CHECK_REPORT(stop.now, "%s was not stopped after %ld", stop.phase, stop.after);
      copy[i] = run_save_memory(r, &bytes);
    }
    stop.phase = NULL;
    if (!advance(&p, e)) end = run_save_memory(r, &bytes);
    for (int i = PLACES - 1; i >= 0 && !e->code; i--) {
      run_load_memory(r, copy[i]);
      if (advance(&p, e)) break;
      again = run_save_memory(r, &n);
      const char *name = first_difference(r, end, again);
      CHECK_INT(n, bytes);
      CHECK_REPORT(!name, "from %s after %ld: %s differs", place[i].phase ? place[i].phase : chain_kind, place[i].after,
                   name);
      free(again);
    }
  }
  for (int i = 0; i < PLACES; i++) free(copy[i]);
  free(end);
  close_pieces(&p);
  return e->code;
}

int main(int argc, char **argv) {
  static const char *const kind[] = {"swendsen-wang", "wolff", "heatbath"}, *const optimiser[] = {"adam", "adam",
                                                                                                  "sgd"};
  static const char *const schedule[] = {"cosine", "plateau", "constant"};
  physics_begin(&argc, &argv);
  const app memory = {.name = "ising", .help = "memory", .schema = app_ising.schema, .main = memory_main};
  const app *const apps[] = {&memory, NULL};
  for (int i = 0; i < 3; i++)
    physics_run(
        apps, kind[i],
        "app: ising\nlattice: {kind: square, L: 6}\nmodel: {kind: ferromagnet, beta: 0.44}\ndraw: {heat_bath: true}\n"
        "net: {kind: sites, width: 4, skip: frontier}\ntrain: {steps: 24, batch: 192, growth: 2}\n"
        "optimiser: {kind: %s, lr: 3e-3, schedule: %s}\nestimate: {draws: 25_000, nmcmc: 20_000, compare: 256}\n"
        "chain: {kind: %s, sweeps: 100, thermalisation: 20, replicas: 3}\n",
        optimiser[i], schedule[i], kind[i]);
  return physics_end();
}

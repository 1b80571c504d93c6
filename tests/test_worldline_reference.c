/* test_worldline_reference.c: a long Markov chain as results of a run: within five sigma of the transfer matrix, the
 * same bits on 1, 2 and 4 ranks and after stops continued on other numbers of ranks, longer chains added to finished
 * runs, kept configurations, decks that are refused. Four ranks.
 *
 * Linked with --wrap=run_tick: a signal is raised at a chosen tick of a chosen phase. */

#include "base/file.h"
#include "lattice/exact_trotter.h"
#include "run_part.h"
#include "samplers/worldline_reference.h"
#include "stop_at.h"

static char folder[64] = "/tmp/spinet_worldline_XXXXXX";

/* ---- an app that is nothing but the chain ---- */

typedef struct keep_conf {
  long keep, unknown;
} keep_conf;
static const deck_key keep_keys[] = {
    {"keep", DECK_INT, offsetof(keep_conf, keep), "0", 0, 1e6, .help = "configurations", .free = true},
    {"unknown", DECK_INT, offsetof(keep_conf, unknown), "0", 0, 1, .help = "take the exact values for unknown"},
    {NULL}};
static const deck_section schema[] = {
    {.name = "lattice", .help = "rows and columns", .keys = trotter_lattice_keys},
    {.name = "model", .help = "couplings", .keys = trotter_model_keys, .kinds = trotter_models, .kind_def = "xxx"},
    {.name = "chain", .help = "Markov chain", .keys = chain_keys, .kinds = worldline_types, .kind_def = "loop"},
    {.name = "look", .help = "what is kept", .keys = keep_keys},
    {0}};

/* All kept configurations have weight and differ; their mean energy is a result. */
static int judge_kept(run *r, const worldline_reference *m, const trotter *t, long keep, err *e) {
  long n, same = 0;
  double F = 0, obs[TROTTER_NOBS];
  const int8_t *s = worldline_reference_spins(m, &n);
  CHECK(n >= keep);
  for (long i = 0; i < n; i++, s += t->n) {
    CHECK(trotter_lnW(t, s) > -INFINITY);
    same += i && !memcmp(s, s - t->n, (size_t)t->n);
    trotter_measure(t, s, obs);
    F += obs[TROTTER_F] / (double)n;
  }
  CHECK(same < 2 + n / 10);
  if (!n) return 0;
  return run_result(r,
                    (run_value){.name = "kept.mean",
                                .unit = "J",
                                .description = "mean F of the kept configurations",
                                .value = F,
                                .error = NAN,
                                .exact = NAN,
                                .exact_error = NAN,
                                .tau_int = NAN,
                                .n_eff = (double)n},
                    e);
}

static int work(run *r, err *e) {
  trotter *t = NULL;
  worldline_reference *m = NULL;
  chain_thermo x = chain_unknown();
  keep_conf k;
  deck_get(run_deck(r), "look", keep_keys, &k);
  if (!trotter_from_deck(&t, run_deck(r), e) && (k.unknown || !exact_trotter(&x, t, t->beta, e)) &&
      !worldline_reference_new(&m, r, "chain", t, &x, k.keep, e) && !worldline_reference_run(m, e) && !run_stopping(r))
    if (!judge_kept(r, m, t, k.keep, e)) run_snapshot(r, e);
  worldline_reference_free(m), trotter_free(t);
  return e->code;
}

static int check(const deck *d, err *e) {
  trotter *t = NULL;
  if (!trotter_from_deck(&t, d, e)) worldline_check(d, "chain", t, e);
  trotter_free(t);
  return e->code;
}

static const app chain_app = {"worldline", "nothing but the chain", schema, check, work};
static const app *const part_apps[] = {&chain_app, NULL};

static const char deck_text[] =
    "app: worldline\n"
    "run: {seed: 3}\n"
    "lattice: {sites: 8, trotter: 8}\n"
    "model: {kind: xxz, Jz: -1, beta: 2}\n"
    "chain: {sweeps: 4000, thermalisation: 200, replicas: 6}\n";

static const char *in_folder(const char *name) {
  static char path[8][200];
  static int turn;
  turn = (turn + 1) % 8;
  snprintf(path[turn], 200, "%s/%s", folder, name);
  return path[turn];
}

static void ends(part p, int expected, const char *piece) {
  static err e;
  p.deck = in_folder("deck.yaml");
  int code = run_part(part_apps, p, &e);
  if (world_rank()) return;
  CHECK_REPORT(code == expected, "%.100s: code %d, expected %d: %.300s", p.out, code, expected, e.text);
  CHECK_REPORT(!piece || strstr(e.text, piece), "\"%.300s\" lacks \"%s\"", e.text, piece ? piece : "");
}

/* Ranks that do not take part must forget the trap too. */
static void stop_in(part p, const char *phase, long done) {
  stop_at.phase = phase, stop_at.done = done;
  ends(p, ERR_AGAIN, NULL);
  stop_at.phase = NULL;
}

static double result(const char *run_name, const char *name, const char *field) {
  char path[300], place[100];
  double x = NAN;
  h5 *f = NULL;
  static err e;
  snprintf(path, sizeof path, "%s/run.h5", in_folder(run_name));
  snprintf(place, sizeof place, "/results/%s/%s", name, field);
  CHECK_REPORT(!h5_open(&f, path, &e), "%.300s", e.text);
  if (f && h5_has(f, place)) CHECK_REPORT(!h5_read(f, place, H5_F64, &x, 1, &e), "%.300s", e.text);
  h5_close(f);
  return x;
}

/* ---- tests ---- */

static void judge_results(const char *run_name, const char *tag) {
  static const char *const name[] = {"e", "c", "m", "chi", "E", "CT2", "chi_sigma"};
  char full[40];
  if (world_rank()) return;
  for (int k = 0; k < 7; k++) {
    snprintf(full, sizeof full, "%s.%s", name[k], tag);
    CHECK_SIGMA(result(run_name, full, "value"), result(run_name, full, "exact"), result(run_name, full, "error"), 5);
  }
  snprintf(full, sizeof full, "tau_E.%s", tag);
  CHECK(result(run_name, full, "value") > .3 && result(run_name, full, "error") > 0);
  snprintf(full, sizeof full, "tau_Mst.%s", tag);
  CHECK(result(run_name, full, "value") > .3 && result(run_name, full, "error") > 0);
}

static void test_kind(const char *kind, const char *keep) {
  part p = {.set = {kind, keep, NULL}, .overwrite = true};
  for (int ranks = 1; ranks <= 4; ranks *= 2) {
    p.ranks = ranks, p.out = in_folder(ranks == 1 ? "one" : ranks == 2 ? "two" : "four");
    ends(p, 0, NULL);
    if (ranks > 1) same_bits(in_folder("one"), p.out);
  }
  p.out = in_folder("parts"), p.ranks = 2;
  stop_in(p, "thermalisation", 1);
  p.overwrite = false, p.restart = "auto", p.ranks = 4;
  stop_in(p, strchr(kind, '=') + 1, 300);
  p.ranks = 3;
  stop_in(p, strchr(kind, '=') + 1, 1100);
  p.ranks = 1;
  ends(p, 0, NULL);
  same_bits(in_folder("one"), in_folder("parts"));
  judge_results("one", strchr(kind, '=') + 1);
}

/* More replicas than ranks and fewer; sweeps between measurements; a finished run is extended. */
static void test_extension(void) {
  part p = {.ranks = 2, .out = in_folder("short"), .set = {"chain.sweeps=900", "chain.every=3", "chain.replicas=3"}};
  part whole = p;
  ends(p, 0, NULL);
  whole.out = in_folder("long"), whole.set[0] = "chain.sweeps=1800", whole.ranks = 4;
  ends(whole, 0, NULL);
  p.set[0] = "chain.sweeps=1800", p.restart = "auto", p.ranks = 3;
  ends(p, 0, NULL);
  same_bits(in_folder("short"), in_folder("long"));
}

/* Without exact values: none beside the results. A chain of a few sweeps has no errors. */
static void test_unknown(void) {
  part p = {.out = in_folder("unknown"), .set = {"look.unknown=1"}};
  ends(p, 0, NULL);
  if (world_rank() == 0) CHECK(result("unknown", "e.loop", "error") > 0 && isnan(result("unknown", "e.loop", "exact")));
  p.out = in_folder("few"), p.set[1] = "chain.sweeps=12";
  ends(p, 0, NULL);
  if (world_rank() == 0) CHECK(isnan(result("few", "e.loop", "error")) && !isnan(result("few", "e.loop", "value")));
}

static void test_decks(void) {
  part p = {.out = in_folder("bad"), .set = {"model.field=.5"}};
  ends(p, ERR_DECK, "deck.yaml:5: chain loop needs zero field, but model.field = 0.5: take kind local");
  p.set[0] = "chain.every=5000";
  ends(p, ERR_DECK, "chain.every = 5000: must be at most chain.sweeps = 4000");
}

int main(int argc, char **argv) {
  int level;
  static err e;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  setenv("PATH", "", 1); /* no figures */
  if (world_rank() == 0) CHECK(mkdtemp(folder) != NULL);
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (world_rank() == 0) CHECK(!file_write(in_folder("deck.yaml"), deck_text, sizeof deck_text - 1, false, &e));
  MPI_Barrier(MPI_COMM_WORLD);
  test_kind("chain.kind=loop", "look.keep=100");
  test_kind("chain.kind=local", "look.keep=9000");
  test_extension();
  test_unknown();
  test_decks();
  MPI_Barrier(MPI_COMM_WORLD);
  char command[200];
  snprintf(command, sizeof command, "/bin/rm -rf %s", folder);
  if (world_rank() == 0) CHECK(!system(command));
  return check_done();
}

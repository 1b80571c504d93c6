/* test_sweep.c: the table `sweep`: product and order, values, seeds, overrides, faults with their place, and a farm
 * with a toy app on any number of ranks: a point that fails, a rerun, chains of a warm start, a stop file. */
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/farm.h"
#include "base/file.h"
#include "base/rng.h"
#include "check.h"

static char folder[64] = "/tmp/spinet_sweep_XXXXXX";
static bool broken; /* the toy fails at x = 0.5 with a network `made` of one layer */

/* ---- the toy app: a random number, plus what the network it starts from remembers ---- */

typedef struct toy_config {
  double x;
  long n;
} toy_config;
static const deck_key toy_keys[] = {{"x", DECK_REAL, offsetof(toy_config, x), NULL, 0, 1, NULL, "m", "a length", false},
                                    {"n", DECK_INT, offsetof(toy_config, n), "1", -1, 100, NULL, "", "a number", true},
                                    {0}};

typedef struct toy_net {
  const char *from;
  long depth;
} toy_net;
static const deck_key net_keys[] = {
    {"from", DECK_TEXT, offsetof(toy_net, from), "~", 0, 0, NULL, "", "run.h5 to start from", false}, {0}};
static const deck_key made_keys[] = {
    {"depth", DECK_INT, offsetof(toy_net, depth), "1", 1, 9, NULL, "", "layers", false}, {0}};
static const deck_key sites_keys[] = {
    {"width", DECK_INT, offsetof(toy_net, depth), "4", 1, 99, NULL, "", "channels", false}, {0}};
static const deck_kind made = {"made", "dense", made_keys}, sites = {"sites", "local", sites_keys};
static const deck_kind *const nets[] = {&made, &sites, NULL};

static const deck_section toy_schema[] = {{.name = "toy", .help = "toy", .keys = toy_keys},
                                          {.name = "net", .keys = net_keys, .kinds = nets, .kind_def = "made"},
                                          {0}};

/* A network is a text that names its kind. */
static int write_net(h5 *f, const void *self, err *e) {
  return h5_write_text(f, "/model/graph", self, "the model", e);
}

static int read_memory(const deck *d, double *memory, err *e) {
  toy_net n;
  char *text = NULL;
  h5 *f;
  *memory = 0;
  deck_get(d, "net", net_keys, &n);
  if (!n.from) return 0;
  if (h5_open(&f, n.from, e)) return e->code;
  if (!h5_read_text(f, "/model/graph", &text, e) && strcmp(text, deck_kind_of(d, "net")->name))
    err_set(e, ERR_FILE, "%s: another network", n.from);
  if (!e->code) h5_read(f, "/results/u/value", H5_F64, memory, 1, e);
  free(text);
  h5_close(f);
  return e->code;
}

static int toy_check(const deck *d, err *e) {
  double memory;
  return read_memory(d, &memory, e);
}

static int toy_main(run *r, err *e) {
  toy_config c;
  toy_net n;
  double memory;
  const char *kind = deck_kind_of(run_deck(r), "net")->name;
  deck_get(run_deck(r), "toy", toy_keys, &c);
  if (read_memory(run_deck(r), &memory, e)) return e->code;
  deck_get(run_deck(r), "net", made_keys, &n);
  if (broken && c.x == .5 && n.depth == 1 && run_root(r)) err_set(e, ERR_RUN, "toy fails on purpose");
  if (comm_vote(run_comm(r), e)) return e->code;
  double u = rng_uniform(rng_stream(run_seed(r), "toy"), 1, 2, 3) + memory / 2;
  run_value v = {"u", "m", "a number", u, NAN, NAN, NAN, NAN, NAN};
  if (run_result(r, v, e) || run_writer(r, write_net, kind, e)) return e->code;
  return run_writer_end(r, kind, e);
}

static const app toy = {"toy", "a toy", toy_schema, toy_check, toy_main};
static const app *const apps[] = {&toy, NULL};

/* ---- decks ---- */

static int open_text(sweep **s, const char *text, const char *const *overrides, int n, err *e) {
  run_options o = {.deck_path = "toy.yaml", .overrides = overrides, .noverrides = n};
  memset(e, 0, sizeof *e);
  return sweep_open(s, &o, apps, text, strlen(text), e);
}

/* Message of the check of all points, or of reading the sweep. */
static const char *fault_of(const char *text, const char *override) {
  static err e;
  sweep *s;
  if (!open_text(&s, text, &override, override != NULL, &e)) sweep_check(s, 0, 1, &e);
  if (!e.code) e.text[0] = 0;
  sweep_free(s);
  return e.text;
}

static void test_points(void) {
  const char *text =
      "app: toy\nsweep:\n  net: [{kind: made, depth: 3}, {kind: sites}]\n  toy.x: {from: 0.3, to: 0.5, steps: 3}\n"
      "  toy.n: [0, 1_0]\n";
  static const char *const want =
      "12 points, the last key varies fastest\n"
      "point  hash      net                     toy.x  toy.n\n"
      "-----------------------------------------------------\n"
      "0      ########  {kind: made, depth: 3}  0.3    0\n"
      "1      ########  {kind: made, depth: 3}  0.3    1_0\n"
      "2      ########  {kind: made, depth: 3}  0.4    0\n"
      "3      ########  {kind: made, depth: 3}  0.4    1_0\n"
      "4      ########  {kind: made, depth: 3}  0.5    0\n"
      "5      ########  {kind: made, depth: 3}  0.5    1_0\n"
      "6      ########  {kind: sites}           0.3    0\n"
      "7      ########  {kind: sites}           0.3    1_0\n"
      "8      ########  {kind: sites}           0.4    0\n"
      "9      ########  {kind: sites}           0.4    1_0\n"
      "10     ########  {kind: sites}           0.5    0\n"
      "11     ########  {kind: sites}           0.5    1_0\n";
  sweep *s;
  err e;
  char *table = NULL;
  size_t n;
  CHECK_INT(open_text(&s, text, NULL, 0, &e), 0);
  CHECK_INT(sweep_points(s), 12);
  CHECK_INT(sweep_chain(s), 1);
  FILE *f = open_memstream(&table, &n);
  CHECK_INT(sweep_print(s, f, &e), 0);
  fclose(f);
  for (char *line = table; (line = strchr(line, '\n')) && line[1]; line++)
    if (strspn(line + 8, "0123456789abcdef") == 8) memset(line + 8, '#', 8); /* it depends on all identity keys */
  CHECK_TEXT(table, want);
  free(table);
  sweep_free(s);
}

/* Seeds differ, stay when values are added, and go into the point's deck. */
static void test_seeds(void) {
  enum { MANY = 20000 };
  sweep *s, *t;
  err e;
  sweep_point *p = calloc(3, sizeof *p);
  CHECK_INT(open_text(&s, "app: toy\nrun: {seed: 7}\nsweep: {toy.x: [0.1, 0.2]}\n", NULL, 0, &e), 0);
  CHECK_INT(open_text(&t, "app: toy\nrun: {seed: 7}\nsweep: {toy.x: [0.10, 0.15, 0.2]}\n", NULL, 0, &e), 0);
  CHECK_INT(sweep_at(s, 1, &p[0], &e) || sweep_at(t, 2, &p[1], &e) || sweep_at(s, 0, &p[2], &e), 0);
  CHECK_TEXT(p[0].seed, p[1].seed);
  CHECK_TEXT(p[0].label, "toy.x = 0.2");
  CHECK(strcmp(p[0].seed, p[2].seed) != 0);
  CHECK(!strncmp(p[0].name, "point-001-", 10) && strlen(p[0].name) == 18);
  CHECK_TEXT(p[0].name + 10, p[1].name + 10);
  sweep_free(s), sweep_free(t), free(p);

  uint32_t *seed = calloc(MANY, sizeof *seed);
  long repeated = 0;
  sweep_point one;
  CHECK_INT(open_text(&s, "app: toy\nsweep: {toy.x: {from: 0, to: 1, steps: 20000}}\n", NULL, 0, &e), 0);
  for (int k = 0; k < MANY; k += 7) {
    CHECK_INT(sweep_at(s, k, &one, &e), 0);
    seed[k] = (uint32_t)strtoul(one.seed + 9, NULL, 10);
    for (int j = 0; j < k; j += 7) repeated += seed[j] == seed[k];
    if (k > 7 * 500) break;
  }
  CHECK_INT(repeated, 0);
  free(seed), sweep_free(s);
}

static void test_overrides(void) {
  const char *const widen[] = {"sweep.toy.x=[0.1, 0.2, 0.3]"};
  sweep *s;
  err e;
  CHECK_INT(open_text(&s, "app: toy\nsweep: {toy.x: [0.1]}\n", widen, 1, &e), 0);
  CHECK_INT(sweep_points(s), 3);
  sweep_free(s);
  CHECK_INT(open_text(&s, "app: toy\ntoy: {x: .1}\n", widen, 1, &e), 0); /* a sweep from the command line only */
  CHECK_INT(sweep_points(s), 3);
  sweep_free(s);
  CHECK_INT(open_text(&s, "app: toy\ntoy: {x: .1}\n", NULL, 0, &e), 0);
  CHECK_INT(sweep_points(s), 0);
  sweep_free(s);
}

static const struct {
  const char *text, *override, *piece;
} faults[] = {
    {"app: toy\nsweep:\n  toy.y: [1]\n", NULL, "toy.yaml:3: toy.y = 1: unknown key"},
    {"app: toy\nsweep:\n  tyo.x: [1]\n", NULL, "toy.yaml:3: tyo: unknown section"},
    {"app: toy\nsweep:\n  toy.x: [0.1,\n    0.2, hot]\n", NULL,
     "toy.yaml:4: toy.x = hot: needs a number (point 2: toy.x = hot)"},
    {"app: toy\nsweep:\n  toy.x: [0.1, 2]\n  toy.n: [1, 2]\n", NULL,
     "toy.yaml:3: toy.x = 2: must be between 0 and 1 [m] (point 2: toy.x = 2, toy.n = 1; and 1 more)"},
    {"app: toy\nsweep:\n  toy.x: [0.1, 0.2]\n  toy.n: [1.5]\n", NULL, "toy.yaml:4: toy.n = 1.5: needs an integer"},
    {"app: toy\nsweep:\n  toy.x: []\n", NULL, "toy.yaml:3: sweep.toy.x = []: needs at least one value"},
    {"app: toy\nsweep:\n  toy.x: 0.5\n", NULL, "toy.yaml:3: sweep.toy.x = 0.5: needs a list"},
    {"app: toy\nsweep:\n  toy.x: {from: 0, to: 1, step: 5}\n", NULL, "toy.yaml:3: sweep.toy.x"},
    {"app: toy\nsweep:\n  toy.x: [0.1, 0.2, 1e-1]\n", NULL, "0.1 stands here twice"},
    {"app: toy\nsweep:\n  toy: [0.1]\n", NULL, "toy.yaml:3: sweep.toy = [0.1]: entry 1 is no mapping"},
    {"app: toy\nsweep:\n  toy.x: [{a: 1}]\n", NULL, "entry 1 is a mapping"},
    {"app: toy\nsweep:\n  app: [a, b]\n", NULL, "the app of a deck cannot be swept"},
    {"app: toy\nsweep:\n  toy.x.y: [1]\n", NULL, "a swept key is section.key"},
    {"app: toy\nsweep: [1]\n", NULL, "toy.yaml:2: sweep = [1]: needs keys"},
    {"app: toy\nsweep: {}\n", NULL, "toy.yaml:2: sweep"},
    {"app: toy\nsweep:\n  toy.x: [0.1]\n  toy: [{x: 0.2, n: 1}]\n", NULL, "is swept by toy as well (entry 1)"},
    {"app: toy\nsweep:\n  toy.x: {from: 0, to: 1, steps: 2000}\n  run.seed: {from: 0, to: 999, steps: 1000}\n", NULL,
     "toy.yaml:2: sweep"},
    {"app: toy\nsweep:\n  toy.x: [0.1, 0.2]\n", "toy.x=0.3", "-s toy.x=0.3: has no effect: the sweep gives values"},
    {"app: toy\ntoy: {x: 0.1}\nsweep:\n  net: [{kind: made}, {kind: sites, depth: 2}]\n", NULL,
     "toy.yaml:4: net.depth = 2: has no effect with kind sites (used by: made) (point 1: net = {kind: sites, depth: "
     "2})"},
    {"app: toy\nsweep:\n  toy.x: [0.1, 0.2]\n  warm_start: 1\n", NULL, "toy.yaml:4: sweep.warm_start = 1"},
    {"app: toy\nsweep:\n  toy.x: [0.1]\n  toy.x: [0.2]\n", NULL, "toy.yaml:4: sweep.toy.x = [0.2]: duplicate key"},
};

static void test_faults(void) {
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    const char *text = fault_of(faults[i].text, faults[i].override);
    CHECK_REPORT(strstr(text, faults[i].piece) != NULL, "case %zu: \"%.300s\" lacks \"%s\"", i, text, faults[i].piece);
  }
  /* A fault that has nothing to do with the sweep is told once, without points. */
  const char *text = fault_of("app: toy\ntyo: {}\nsweep: {toy.x: [0.1, 0.2]}\n", NULL);
  CHECK_TEXT(text, "toy.yaml:2: tyo: unknown section (did you mean toy?)");
  deck *d;
  err e = {0};
  const char *bare = "app: toy\nsweep: {toy.x: [0.1, 0.2]}\n";
  CHECK_INT(deck_parse(&d, "toy.yaml", bare, strlen(bare), NULL, 0, toy_schema, &e), ERR_DECK);
  CHECK_TEXT(e.text,
             "toy.yaml:2: sweep: this deck holds 2 points: run one (--point K) or all (--farm G); "
             "spinet points lists them");
}

/* ---- farms ---- */

static int ranks(void) {
  int n;
  MPI_Comm_size(MPI_COMM_WORLD, &n);
  return n;
}

static int rank_of_world(void) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/* Runs a farm; the message, and what was printed on this rank into *said (to be freed). */
static int farm(const char *text, const char *dir, long groups, const char *override, char message[400], char **said) {
  char deck_path[128], out[160];
  size_t n;
  bool lost = false;
  err e = {0};
  snprintf(deck_path, sizeof deck_path, "%s/deck.yaml", folder), snprintf(out, sizeof out, "%s/%s", folder, dir);
  if (!rank_of_world()) CHECK_INT(file_write(deck_path, text, strlen(text), false, &e), 0);
  MPI_Barrier(MPI_COMM_WORLD);
  run_options o = {.deck_path = deck_path, .out = out, .overrides = &override, .noverrides = override != NULL};
  FILE *f = open_memstream(said, &n);
  int code = farm_run(MPI_COMM_WORLD, &o, groups, apps, f, &lost, &e);
  fclose(f);
  CHECK(!lost);
  snprintf(message, 400, "%.399s", e.text);
  MPI_Barrier(MPI_COMM_WORLD);
  return code;
}

/* u of a point of a sweep folder; NaN where there is none. */
static double result_of(const char *text, const char *dir, long k) {
  sweep *s;
  sweep_point p;
  err e;
  h5 *f;
  char path[400];
  double u = NAN;
  if (open_text(&s, text, NULL, 0, &e) || sweep_at(s, k, &p, &e)) return NAN;
  snprintf(path, sizeof path, "%s/%s/%s/run.h5", folder, dir, p.name);
  sweep_free(s);
  if (!file_exists(path) || h5_open(&f, path, &e)) return NAN;
  if (h5_has(f, "/results/u/value")) h5_read(f, "/results/u/value", H5_F64, &u, 1, &e);
  h5_close(f);
  return u;
}

#define SWEEP "sweep: {net: [{kind: made}, {kind: made, depth: 2}, {kind: sites}], toy.x: [0.2, 0.3, 0.4, 0.5]}\n"

static const char *const plain = "app: toy\n" SWEEP;

static void check_said(const char *said, const char *piece) {
  if (!rank_of_world()) CHECK_REPORT(strstr(said, piece) != NULL, "\"%.400s\" lacks \"%s\"", said, piece);
}

static void test_farm(void) {
  char message[400], *said;
  double u[12];
  broken = true;
  CHECK_INT(farm(plain, "a", ranks(), NULL, message, &said), ERR_RUN);
  CHECK_TEXT(message, "1 of 12 points failed; the same command does what is missing");
  check_said(said, "point 3 (net = {kind: made}, toy.x = 0.5): toy fails on purpose");
  check_said(said, "1 failed, 11 done");
  free(said);
  broken = false;
  CHECK_INT(farm(plain, "a", 1, NULL, message, &said), 0);
  check_said(said, "1 done, 11 done before");
  free(said);
  for (int k = 0; k < 12; k++) u[k] = result_of(plain, "a", k);
  for (int k = 0; k < 12; k++)
    for (int j = 0; j < k; j++) CHECK_REPORT(u[k] != u[j] && !isnan(u[k]), "points %d, %d: %g, %g", j, k, u[j], u[k]);
  CHECK_INT(farm(plain, "b", ranks(), NULL, message, &said), 0);
  free(said);
  for (int k = 0; k < 12; k++) CHECK_REPORT(result_of(plain, "b", k) == u[k], "point %d depends on the groups", k);
  CHECK_INT(farm(plain, "b", ranks() + 1, NULL, message, &said), ERR_DECK);
  free(said);
  const char *wrong =
      "app: toy\nsweep: {toy.n: [1, 2, 3], toy.x: [0.2, 7]}\n"; /* told of all points, whoever saw them */
  CHECK_INT(farm(wrong, "c", 1, NULL, message, &said), ERR_DECK);
  CHECK(strstr(message, "(point 1: toy.n = 1, toy.x = 7; and 2 more)") != NULL);
  free(said);
}

/* With a warm start u_k = draw_k + u_{k-1}/2 along a chain; a failed point holds back what follows it. */
static void test_warm(void) {
  const char *warm =
                 "app: toy\nsweep: {net: [{kind: made}, {kind: made, depth: 2}, {kind: sites}], "
                 "toy.x: [0.2, 0.3, 0.4, 0.5], warm_start: true}\n",
             *held =
                 "app: toy\nsweep: {net: [{kind: made}, {kind: sites}], toy.x: [0.3, 0.5, 0.6], warm_start: true}\n";
  char message[400], *said;
  CHECK_INT(farm(warm, "warm", ranks(), NULL, message, &said), 0);
  free(said);
  for (int k = 0; k < 12; k++) {
    double before = k % 4 ? result_of(warm, "warm", k - 1) : 0;
    CHECK_REPORT(result_of(warm, "warm", k) == result_of(plain, "a", k) + before / 2, "point %d", k);
  }
  broken = true;
  CHECK_INT(farm(held, "held", 1, NULL, message, &said), ERR_RUN);
  CHECK_TEXT(message, "1 of 6 points failed, others wait for them; the same command does what is missing");
  check_said(said, "1 failed, 4 done, 1 waits");
  free(said);
  broken = false;
  CHECK_INT(farm(held, "held", 1, NULL, message, &said), 0);
  check_said(said, "2 done, 4 done before");
  free(said);
  /* along net the networks differ: the point starts afresh */
  const char *kinds =
      "app: toy\nsweep: {toy.x: [0.2], net: [{kind: made}, {kind: made, depth: 2}, {kind: sites}], "
      "warm_start: true}\n";
  CHECK_INT(farm(kinds, "kinds", 1, NULL, message, &said), 0);
  free(said);
  CHECK(result_of(kinds, "kinds", 1) > result_of(kinds, "kinds", 0) / 2);
  CHECK(result_of(kinds, "kinds", 2) < 1);
}

static void test_stop(void) {
  char message[400], *said, path[128];
  err e = {0};
  snprintf(path, sizeof path, "%s/s/stop", folder);
  if (!rank_of_world()) {
    char dir[128];
    snprintf(dir, sizeof dir, "%s/s", folder);
    CHECK_INT(file_folder(dir, NULL, &e) || file_write(path, "", 0, false, &e), 0);
  }
  CHECK_INT(farm(plain, "s", ranks(), NULL, message, &said), ERR_AGAIN);
  CHECK_TEXT(message, "stopped with 0 of 12 points done: resubmit");
  free(said);
  if (!rank_of_world()) unlink(path);
  CHECK_INT(farm(plain, "s", ranks(), NULL, message, &said), 0);
  free(said);
}

int main(int argc, char **argv) {
  char command[100];
  MPI_Init(&argc, &argv);
  if (!rank_of_world() && !mkdtemp(folder)) return 1;
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (ranks() == 1) test_points(), test_seeds(), test_overrides(), test_faults();
  test_farm();
  test_warm();
  test_stop();
  MPI_Barrier(MPI_COMM_WORLD);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (!rank_of_world()) CHECK(!system(command));
  return check_done();
}

/* test_restart.c: apps ising and heisenberg stopped by a signal in each of its phases and continued on other numbers of
 * ranks ends with the bits of an undisturbed run, for each optimiser and schedule and each kind of Markov chain; more
 * draws, sweeps and compared configurations added to a finished run are the same as if they had been asked for at once.
 * Four ranks.
 *
 * Linked with --wrap=run_tick: the signal is raised at a chosen tick of a chosen phase. */
#include <sys/stat.h>

#include "apps/heisenberg.h"
#include "apps/ising.h"
#include "base/file.h"
#include "run_part.h"
#include "stop_at.h"

static const app *const part_apps[] = {&app_ising, &app_heisenberg, NULL};
static char folder[64] = "/tmp/spinet_restart_XXXXXX";

static const char deck_text[] =
    "app: ising\n"
    "run: {seed: 5}\n"
    "lattice: {L: 6}\n"
    "model: {beta: 0.42}\n"
    "net: {kind: pixelcnn, depth: 1, width: 4, half_kernel: 2}\n"
    "draw: {lanes: 16}\n"
    "train: {steps: 300, batch: 64, growth: 2}\n"
    "estimate: {draws: 12_000, nmcmc: 9_000, compare: 96}\n"
    "chain: {sweeps: 600, thermalisation: 500, replicas: 5}\n";

static const char quantum_text[] =
    "app: heisenberg\n"
    "run: {seed: 5}\n"
    "lattice: {sites: 8, trotter: 4}\n"
    "model: {kind: xxx, J: -1, beta: 1}\n"
    "net: {kind: sites, width: 4}\n"
    "draw: {lanes: 16}\n"
    "train: {steps: 300, batch: 64, growth: 2}\n"
    "estimate: {draws: 12_000, nmcmc: 9_000, compare: 96}\n"
    "chain: {sweeps: 600, thermalisation: 500, replicas: 5}\n";

/* An optimiser and a chain at a time. */
static const struct {
  const char *name, *set[7], *chain; /* chain: begin of its phase's name */
  const char *deck;                  /* NULL: the Ising model's */
} cases[] = {
    {"adam", {"optimiser.kind=adam", "chain.kind=swendsen-wang"}, "swendsen"},
    {"sgd", {"optimiser.kind=sgd", "optimiser.lr=1e-2", "chain.kind=wolff", "train.chain=.25"}, "wolff"},
    {"plateau", {"optimiser.schedule=plateau", "optimiser.patience=7", "chain.kind=metropolis"}, "metropolis"},
    {"constant", {"optimiser.schedule=constant", "train.average=0", "chain.kind=heatbath"}, "heatbath"},
    {"warmup",
     {"optimiser.warmup=.3", "train.anneal=geometric", "chain.kind=multispin", "chain.replicas=600", "chain.sweeps=60",
      "chain.every=1", "train.chain=.5"},
     "multispin"},
    {"loop", {"chain.kind=loop", "train.chain=.25"}, "loop", "quantum"},
    {"local", {"chain.kind=local"}, "local", "quantum"},
};

static const char *in_folder(const char *name, const char *what) {
  static char path[8][200];
  static int turn;
  turn = (turn + 1) % 8;
  snprintf(path[turn], 200, "%s/%s.%s", folder, name, what);
  return path[turn];
}

static part part_of(int k, const char *what, int ranks, const char *restart) {
  part p = {.ranks = ranks,
            .deck = in_folder(cases[k].deck ? cases[k].deck : "deck", "yaml"),
            .out = in_folder(cases[k].name, what),
            .restart = restart};
  memcpy(p.set, cases[k].set, sizeof cases[k].set);
  return p;
}

static void ends(part p, int expected) {
  static err e;
  int code = run_part(part_apps, p, &e);
  if (!world_rank())
    CHECK_REPORT(code == expected, "%.100s: code %d, expected %d: %.300s", p.out, code, expected, e.text);
}

/* Every rank's trap is set: the signal reaches all, as mpirun would forward it, or only the last. */
static void stop_in(part p, const char *phase, long done) {
  stop_at.phase = phase, stop_at.done = done;
  ends(p, ERR_AGAIN);
  stop_at.phase = NULL;
}

static void test_phases(int k) {
  ends(part_of(k, "whole", 1 + k % 4, NULL), 0);
  stop_in(part_of(k, "parts", 1, NULL), "training", 40);
  stop_in(part_of(k, "parts", 2, "auto"), "training", 200);
  stop_in(part_of(k, "parts", 4, "auto"), "drawing", 1);
  stop_in(part_of(k, "parts", 3, "auto"), "thermalisation", 1);
  stop_in(part_of(k, "parts", 4, "auto"), cases[k].chain, 20);
  ends(part_of(k, "parts", 2, "auto"), 0);
  same_bits(in_folder(cases[k].name, "whole"), in_folder(cases[k].name, "parts"));
}

/* Free keys of a finished run are raised. */
static void extend(const char *name, const char *was, const char *is, bool same) {
  part p = part_of(0, name, 2, "auto"), whole = part_of(0, "long", 4, NULL);
  p.set[4] = was, p.restart = NULL;
  ends(p, 0);
  p.set[4] = is, p.restart = "auto", p.ranks = 3;
  ends(p, 0);
  whole.set[4] = is, whole.overwrite = true;
  ends(whole, 0);
  if (same) same_bits(in_folder(cases[0].name, name), in_folder(cases[0].name, "long"));
}

static void test_extension(void) {
  extend("draws", "estimate.draws=6000", "estimate.draws=15000", true);
  extend("kept", "estimate.nmcmc=2000", "estimate.nmcmc=9000", true); /* draws are made anew */
  extend("steps", "train.steps=50", "train.steps=90", false);         /* the schedule counts in parts of the whole */
  extend("sweeps", "chain.sweeps=300", "chain.sweeps=700", false);    /* compared configurations lie otherwise */
  extend("compare", "estimate.compare=32", "estimate.compare=96", false);
}

/* A chain that was extended has the same results but for the comparison. */
static void test_sweeps(void) {
  part p = part_of(1, "sweeps", 2, NULL), whole = part_of(1, "sweeps-long", 3, NULL);
  p.set[4] = "chain.sweeps=300", p.set[5] = "estimate.compare=0";
  whole.set[4] = "chain.sweeps=700", whole.set[5] = "estimate.compare=0";
  ends(p, 0), ends(whole, 0);
  p.set[4] = "chain.sweeps=700", p.restart = "auto", p.ranks = 4;
  ends(p, 0);
  same_bits(in_folder(cases[1].name, "sweeps"), in_folder(cases[1].name, "sweeps-long"));
}

int main(int argc, char **argv) {
  int level;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  setenv("PATH", "", 1); /* no figures */
  err e = {0};
  if (world_rank() == 0) CHECK(mkdtemp(folder) != NULL);
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (world_rank() == 0) CHECK(!file_write(in_folder("deck", "yaml"), deck_text, sizeof deck_text - 1, false, &e));
  if (world_rank() == 0)
    CHECK(!file_write(in_folder("quantum", "yaml"), quantum_text, sizeof quantum_text - 1, false, &e));
  MPI_Barrier(MPI_COMM_WORLD);
  for (int k = 0; k < (int)(sizeof cases / sizeof *cases); k++) test_phases(k);
  test_extension();
  test_sweeps();
  MPI_Barrier(MPI_COMM_WORLD);
  char command[200];
  snprintf(command, sizeof command, "/bin/rm -rf %s", folder);
  if (world_rank() == 0) CHECK(!system(command));
  return check_done();
}

/* test_ensemble.c: app yukawa-generate. Stopped by a signal in each phase and continued on other numbers of ranks it
 * ends with the bits of an undisturbed run, in results and stored configurations; slabs have the bits of chains; a run
 * that is made longer has those of a long one. What is stored is what was measured. Four ranks.
 *
 * Linked with --wrap=run_tick: the signal is raised at a chosen tick of a chosen phase. */
#include <sys/stat.h>
#include <unistd.h>

#include "apps/yukawa_generate.h"
#include "base/file.h"
#include "run_part.h"
#include "stop_at.h"

static const app *const part_apps[] = {&app_yukawa_generate, NULL};
static char folder[64] = "/tmp/spinet_ensemble_XXXXXX";

static const char deck_text[] =
    "app: yukawa-generate\n"
    "run: {seed: 5}\n"
    "lattice: {sides: [4, 6, 4]}\n"
    "model: {kappa: [-0.1, 0.05, 0.16]}\n"
    "chain: {steps: 48, thermalisation: 45, every: 2, replicas: 2}\n"
    "ensemble: {configurations: 3, segment_MB: 0.001, precision: double}\n";

static const struct {
  const char *name, *set[6];
} cases[] = {
    {"fermions", {"fermions.mass=1", "fermions.coupling=0.3"}},
    {"light", {"fermions.coupling=0.3", "update.even_odd=false", "update.steps=4"}},
    {"clusters", {"update.kind=wolff", "ensemble.precision=single"}},
    {"sweeps", {"update.kind=metropolis", "update.sweeps=2"}},
    {"fourier", {"update.acceleration=fourier", "ensemble.segment_MB=0.02"}},
    {"both", {"update.acceleration=fourier", "fermions.mass=2"}},
};

static const char *in_folder(const char *name, const char *what) {
  static char path[8][200];
  static int turn;
  turn = (turn + 1) % 8;
  snprintf(path[turn], 200, "%s/%s.%s", folder, name, what);
  return path[turn];
}

static part part_of(int k, const char *what, int ranks, const char *restart) {
  part p = {
      .ranks = ranks, .deck = in_folder("deck", "yaml"), .out = in_folder(cases[k].name, what), .restart = restart};
  memcpy(p.set, cases[k].set, sizeof cases[k].set);
  return p;
}

static void ends(part p, int expected) {
  static err e;
  int code = run_part(part_apps, p, &e);
  if (!world_rank())
    CHECK_REPORT(code == expected, "%.100s: code %d, expected %d: %.300s", p.out, code, expected, e.text);
}

static void stop_in(part p, const char *phase, long done) {
  stop_at.phase = phase, stop_at.done = done;
  ends(p, ERR_AGAIN);
  stop_at.phase = NULL;
}

static void tell(void *ctx, const char *object, const char *text) {
  (*(int *)ctx)++;
  fprintf(stderr, "%s: %s\n", object, text);
}

/* Results, and segment by segment the stored configurations. */
static void same_all(const char *a, const char *b, int segments) {
  same_bits(a, b);
  for (int k = 0; k < segments && !world_rank(); k++) {
    char pa[260], pb[260];
    int differences = 0;
    err e = {0};
    h5 *fa = NULL, *fb = NULL;
    snprintf(pa, sizeof pa, "%s/configurations-%04d.h5", a, k),
        snprintf(pb, sizeof pb, "%s/configurations-%04d.h5", b, k);
    CHECK_REPORT(!h5_open(&fa, pa, &e) && !h5_open(&fb, pb, &e) && !h5_compare(fa, fb, "/", tell, &differences, &e) &&
                     !differences,
                 "%.200s, segment %d: %d differences; %.200s", a, k, differences, e.text);
    h5_close(fa), h5_close(fb);
  }
}

static void test_phases(int k, int segments) {
  ends(part_of(k, "whole", 1 + k % 4, NULL), 0);
  stop_in(part_of(k, "parts", 4, NULL), "thermalisation", 20);
  stop_in(part_of(k, "parts", 1, "auto"), "measuring", 2);
  stop_in(part_of(k, "parts", 2, "auto"), "measuring", 10);
  ends(part_of(k, "parts", 3, "auto"), 0);
  same_all(in_folder(cases[k].name, "whole"), in_folder(cases[k].name, "parts"), segments);
}

static void test_slabs(int k) {
  part p = part_of(k, "slabs", 4, NULL);
  p.set[5] = "chain.layout=slabs";
  stop_in(p, "measuring", 7);
  p.restart = "auto", p.ranks = 2;
  ends(p, 0);
  same_all(in_folder(cases[k].name, "whole"), in_folder(cases[k].name, "slabs"), 8);
}

static void test_longer(void) {
  part p = part_of(4, "longer", 2, NULL);
  p.set[5] = "chain.steps=28";
  ends(p, 0);
  p.set[5] = NULL, p.restart = "auto", p.ranks = 3;
  ends(p, 0);
  same_all(in_folder(cases[4].name, "whole"), in_folder(cases[4].name, "longer"), 2);
}

/* Through the links of run.h5: <phi^2> of a stored configuration is the observable stored beside it. */
static void test_contents(void) {
  if (world_rank()) return;
  h5 *f;
  err e = {0};
  char path[260], *columns = NULL;
  int rank;
  size_t dims[8];
  snprintf(path, sizeof path, "%s/run.h5", in_folder(cases[4].name, "whole"));
  CHECK_REPORT(!h5_open(&f, path, &e), "%.200s", e.text);
  if (!f) return;
  CHECK(!h5_dims(f, "/ensemble/segment-0001/configurations", &rank, dims, &e) && rank == 5);
  CHECK(dims[0] == 6 && dims[2] == 4 && dims[3] == 6 && dims[4] == 4);
  size_t chains = dims[0], count = dims[1];
  CHECK(!h5_dims(f, "/ensemble/segment-0001/observables", &rank, dims, &e) && dims[0] == chains && dims[1] == count);
  double *phi = malloc(chains * count * 96 * sizeof *phi), *row = malloc(chains * count * dims[2] * sizeof *row),
         kappa[6];
  CHECK(!h5_read(f, "/ensemble/segment-0001/configurations", H5_F64, phi, chains * count * 96, &e));
  CHECK(!h5_read(f, "/ensemble/segment-0001/observables", H5_F64, row, chains * count * dims[2], &e));
  CHECK(!h5_read(f, "/ensemble/segment-0001/kappa", H5_F64, kappa, 6, &e) && kappa[1] == -.1 && kappa[2] == .05);
  h5_read_text(f, "/ensemble/segment-0001/columns", &columns, &e);
  CHECK_REPORT(!e.code, "%.300s", e.text);
  if (columns) CHECK(!strncmp(columns, "m,m_s,phi2,", 11));
  for (size_t k = 0; k < chains * count && !e.code; k++) {
    double sum = 0, square = 0;
    for (int i = 0; i < 96; i++) sum += phi[k * 96 + (size_t)i], square += pow(phi[k * 96 + (size_t)i], 2);
    CHECK_NEAR(row[k * dims[2]], sum / 96, 1e-13);
    CHECK_NEAR(row[k * dims[2] + 2], square / 96, 1e-13);
  }
  free(phi), free(row), free(columns), h5_close(f);
}

int main(int argc, char **argv) {
  int level;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  setenv("PATH", "", 1); /* no figures */
  err e = {0};
  if (world_rank() == 0) CHECK(mkdtemp(folder) != NULL);
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (world_rank() == 0) CHECK(!file_write(in_folder("deck", "yaml"), deck_text, sizeof deck_text - 1, false, &e));
  MPI_Barrier(MPI_COMM_WORLD);
  static const int segments[] = {8, 8, 8, 8, 2, 8};
  for (int k = 0; k < (int)(sizeof cases / sizeof *cases); k++) test_phases(k, segments[k]);
  test_slabs(1), test_slabs(3), test_slabs(5);
  test_longer();
  test_contents();
  MPI_Barrier(MPI_COMM_WORLD);
  char command[200];
  snprintf(command, sizeof command, "/bin/rm -rf %s", folder);
  if (world_rank() == 0) CHECK(!system(command));
  return check_done();
}

/* test_checkpoint.c: checkpoints of a toy app: the same bits across stops and numbers of ranks, ways to stop, objects
 * that grow and shrink, decks that differ, damaged and foreign files, a full disk. Four ranks. */
#include <sched.h>
#include <sys/mount.h>
#include <time.h>

#include "base/hash.h"
#include "checkpoint_toy.h"
#include "run_part.h"

static char folder[64] = "/tmp/spinet_checkpoint_XXXXXX";
static const app *const *const part_apps = toy_apps;
static const char toy_deck[] = "app: toy\nrun: {seed: 11}\ntoy: {pause_us: 4000}\n",
                  twin_deck[] = "app: twin\nrun: {seed: 11}\ntoy: {pause_us: 4000}\n";

static const char *in_folder(const char *name) {
  static char path[8][200];
  static int turn;
  turn = (turn + 1) % 8;
  snprintf(path[turn], 200, "%s/%s", folder, name);
  return path[turn];
}

static bool holds(const char *path, const char *piece) {
  err e = {0};
  char *text;
  size_t n;
  if (file_read(in_folder(path), &text, &n, ERR_FILE, &e)) return false;
  bool found = strstr(text, piece) != NULL;
  free(text);
  return found;
}
#define HOLDS(path, piece) \
  if (world_rank() == 0) CHECK_REPORT(holds(path, piece), "%s lacks \"%s\"", path, piece)

/* ---- hashes ---- */

static void test_hash(void) {
  unsigned char s[41];
  for (int i = 0; i < 41; i++) s[i] = (unsigned char)(i * 37);
  uint64_t whole = hash64(s, 41);
  for (int i = 0; i < 41 * 8; i++) {
    s[i / 8] ^= (unsigned char)(1 << i % 8);
    CHECK(hash64(s, 41) != whole);
    s[i / 8] ^= (unsigned char)(1 << i % 8);
  }
  CHECK(hash64(s, 41) == whole && hash64(s, 40) != whole && hash64(s + 1, 40) != hash64(s, 40));
  memset(s, 0, sizeof s);
  CHECK(hash64(s, 8) != hash64(s, 16) && hash64(s, 0) != hash64(s, 1));
}

/* ---- the same bits ---- */

#define SLOW "toy.pause_us=12000" /* so that the ranks agree every few steps */
#define DECK .deck = in_folder("toy.yaml")

/* 1 -> 2 -> 4 -> 3 ranks, signals to a rank that is not the first. */
static void test_ranks(void) {
  PART(0, "", .ranks = 1, DECK, .out = in_folder("whole"));
  PART(ERR_AGAIN, "SIGUSR1", .ranks = 1, DECK, .out = in_folder("parts"), .set = {"toy.signal_at=9", SLOW});
  HOLDS("parts/status", "state: resubmit");
  PART(ERR_AGAIN, "--restart", .ranks = 2, DECK, .out = in_folder("parts"), .restart = "auto",
       .set = {"toy.signal_at=17", "toy.signal_rank=1", SLOW});
  PART(ERR_AGAIN, "", .ranks = 4, DECK, .out = in_folder("parts"), .restart = in_folder("parts/checkpoint.h5"),
       .set = {"toy.signal_at=33", "toy.signal_rank=2", SLOW});
  PART(0, "", .ranks = 3, DECK, .out = in_folder("parts"), .restart = "auto");
  same_bits(in_folder("whole"), in_folder("parts"));
  HOLDS("parts/status", "state: done");
  HOLDS("parts/status", "restarts: 3");
  HOLDS("parts/log.txt", "toy.signal_at: 9 -> 17");
  HOLDS("parts/log.txt", "stopping because of SIGUSR1");
  PART(0, "", .ranks = 2, DECK, .out = in_folder("parts"), .restart = "auto"); /* finished: nothing changes */
  same_bits(in_folder("whole"), in_folder("parts"));
}

/* A checkpoint at every agreement changes nothing. */
static void test_often(void) {
  PART(0, "", .ranks = 4, DECK, .out = in_folder("often"), .set = {"run.checkpoint_min=1e-9"});
  same_bits(in_folder("whole"), in_folder("often"));
  if (world_rank() == 0) CHECK(file_exists(in_folder("often/checkpoint-prev.h5")));
}

/* A finished run is extended; a shortened one keeps what is done. */
static void test_extend(void) {
  PART(0, "", .ranks = 4, DECK, .out = in_folder("long"), .set = {"toy.steps=90"});
  PART(0, "", .ranks = 2, DECK, .out = in_folder("parts"), .restart = "auto", .set = {"toy.steps=90"});
  same_bits(in_folder("long"), in_folder("parts"));
  HOLDS("parts/log.txt", "toy.steps: 40 -> 90");
  PART(ERR_DECK, "cannot fall below what is done", .ranks = 2, DECK, .out = in_folder("parts"), .restart = "auto",
       .set = {"toy.steps=89"});
  same_bits(in_folder("long"), in_folder("parts")); /* the results are still there */
  PART(ERR_AGAIN, "", .ranks = 2, DECK, .out = in_folder("short"), .set = {"toy.signal_at=9", "toy.steps=90", SLOW});
  PART(0, "", .ranks = 1, DECK, .out = in_folder("short"), .restart = "auto");
  same_bits(in_folder("whole"), in_folder("short"));
}

/* Room for work that was never done takes none in the file. */
static void test_room(void) {
  struct stat few, many;
  PART(ERR_AGAIN, "", .ranks = 2, DECK, .out = in_folder("few"), .set = {"toy.signal_at=9", SLOW});
  PART(ERR_AGAIN, "", .ranks = 3, DECK, .out = in_folder("many"), .set = {"toy.signal_at=9", "toy.steps=200000", SLOW});
  if (world_rank() == 0) {
    CHECK(!stat(in_folder("few/checkpoint.h5"), &few) && !stat(in_folder("many/checkpoint.h5"), &many));
    CHECK_REPORT(many.st_size < few.st_size + 4096, "%ld and %ld bytes", (long)few.st_size, (long)many.st_size);
  }
  PART(0, "", .ranks = 4, DECK, .out = in_folder("many"), .restart = "auto"); /* shortened to 40 */
  same_bits(in_folder("whole"), in_folder("many"));
}

/* ---- ways to stop ---- */

/* Signals are caught before the deck is read, on every rank. */
static void test_caught(void) {
  struct sigaction now;
  signal(SIGUSR1, SIG_DFL), signal(SIGTERM, SIG_DFL);
  PART(ERR_DECK, "No such file", .ranks = 4, .deck = in_folder("none.yaml"), .out = in_folder("caught"));
  CHECK(!sigaction(SIGUSR1, NULL, &now) && now.sa_handler != SIG_DFL);
  CHECK(!sigaction(SIGTERM, NULL, &now) && now.sa_handler != SIG_DFL);
}

static void test_stops(void) {
  PART(ERR_AGAIN, "`stop`", .ranks = 2, DECK, .out = in_folder("file"),
       .set = {"toy.file_at=3", "toy.pause_us=20000", "toy.steps=400"});
  if (world_rank() == 0) CHECK(!file_exists(in_folder("file/stop")));
  PART(0, "", .ranks = 1, DECK, .out = in_folder("file"), .restart = "auto");
  same_bits(in_folder("whole"), in_folder("file"));

  double start = MPI_Wtime();
  PART(ERR_AGAIN, "wall-time", .ranks = 2, DECK, .out = in_folder("wall"),
       .set = {"run.walltime_h=0.0005", "toy.pause_us=20000", "toy.steps=400"});
  CHECK(MPI_Wtime() - start < 1.8);
  PART(0, "", .ranks = 4, DECK, .out = in_folder("wall"), .restart = "auto", .set = {"toy.steps=90"});
  same_bits(in_folder("long"), in_folder("wall"));

  char end[40];
  snprintf(end, sizeof end, "%ld", (long)time(NULL) + 2);
  setenv("SLURM_JOB_END_TIME", end, 1);
  PART(ERR_AGAIN, "wall-time", .ranks = 2, DECK, .out = in_folder("slurm"),
       .set = {"toy.pause_us=20000", "toy.steps=400"});
  setenv("SLURM_JOB_END_TIME", "1000", 1);
  PART(0, "", .ranks = 2, DECK, .out = in_folder("slurm"), .restart = "auto", .set = {"toy.steps=90"});
  HOLDS("slurm/log.txt", "SLURM_JOB_END_TIME = 1000 is past");
  unsetenv("SLURM_JOB_END_TIME");
  same_bits(in_folder("long"), in_folder("slurm"));
}

/* ---- what does not fit ---- */

static void test_decks(void) {
  char parts[100];
  snprintf(parts, sizeof parts, "%s", in_folder("parts"));
  PART(ERR_DECK, "toy.rate = 0.25", .ranks = 2, DECK, .out = parts, .restart = "auto", .set = {"toy.rate=.25"});
  PART(ERR_DECK, "made with 0.29999999999999999", .ranks = 2, DECK, .out = parts, .restart = "auto",
       .set = {"toy.rate=.25", "run.seed=12"});
  PART(ERR_DECK, "run.seed = 12", .ranks = 2, DECK, .out = parts, .restart = "auto",
       .set = {"toy.rate=.25", "run.seed=12"});
  PART(ERR_FILE, "of app toy, not twin", .ranks = 4, .deck = in_folder("twin.yaml"), .out = parts, .restart = "auto");
  PART(ERR_FILE, "precision double, not single", .ranks = 4, DECK, .out = parts, .restart = "auto",
       .precision = "single");
  PART(ERR_FILE, "does not know extra", .ranks = 1, DECK, .out = in_folder("part"),
       .restart = in_folder("extra/checkpoint.h5"));
  PART(ERR_FILE, "does not know extra", .ranks = 2, DECK, .out = in_folder("part2"),
       .restart = in_folder("extra/checkpoint.h5"), .set = {"toy.steps=50"});
  PART(ERR_FILE, "give --restart", .ranks = 1, DECK, .out = parts);
  PART(ERR_FILE, "no checkpoint of Spinet", .ranks = 4, DECK, .out = parts, .restart = in_folder("parts/run.h5"));
  PART(ERR_FILE, "No such file", .ranks = 4, DECK, .out = parts, .restart = in_folder("none.h5"));
  PART(ERR_FILE, "no checkpoint of Spinet", .ranks = 4, DECK, .out = parts, .restart = in_folder("toy.yaml"));
  PART(0, "", .ranks = 2, DECK, .out = in_folder("fresh"), .restart = "auto"); /* nothing to continue yet */
  HOLDS("fresh/log.txt", "no checkpoint in");
  same_bits(in_folder("whole"), in_folder("fresh"));
}

static void test_diverged(void) {
  PART(ERR_RUN, "their copies of curve differ", .ranks = 3, DECK, .out = in_folder("diverged"),
       .set = {"toy.diverge_at=20"});
}

/* A full disk: a warning while the run goes on, an error where it must stop; the checkpoint of before is as it was. */
static void test_full(void) {
  struct rlimit was;
  getrlimit(RLIMIT_FSIZE, &was);
  PART(ERR_AGAIN, "", .ranks = 2, DECK, .out = in_folder("full"), .set = {"toy.signal_at=9", SLOW});
  PART(ERR_FILE, "File too large", .ranks = 2, DECK, .out = in_folder("full"), .restart = "auto",
       .set = {SLOW, "toy.full_at=20", "toy.signal_at=21", "run.checkpoint_min=1e-9"});
  setrlimit(RLIMIT_FSIZE, &was);
  HOLDS("full/status", "state: stopped");
  HOLDS("full/log.txt", "File too large");
  if (world_rank() == 0) CHECK(!file_exists(in_folder("full/checkpoint.h5.tmp")));
  PART(0, "", .ranks = 3, DECK, .out = in_folder("full"), .restart = "auto");
  same_bits(in_folder("whole"), in_folder("full"));
}

/* Two megabytes of disk that rank 0 alone sees. */
static bool small_disk(void) {
  int works = world_rank() || (!mkdir(in_folder("small"), 0777) && !unshare(CLONE_NEWNS) &&
                               !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
                               !mount("tmpfs", in_folder("small"), "tmpfs", 0, "size=2m"));
  MPI_Bcast(&works, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return works;
}

static void throw_ballast(void) {
  if (world_rank() == 0) CHECK(!unlink(in_folder("small/ballast")));
  MPI_Barrier(MPI_COMM_WORLD);
}

/* The same with a disk that is full indeed (where this process may mount one): at a stop, where the checkpoint of
 * before must be as it was byte by byte, and while the run goes on. */
static void test_full_disk(void) {
  err e = {0};
  char *before = NULL, *after = NULL;
  size_t n = 0, m = 0;
  if (!small_disk()) return;
  PART(ERR_AGAIN, "", .ranks = 2, DECK, .out = in_folder("small/run"), .set = {"toy.signal_at=9", SLOW});
  if (world_rank() == 0) CHECK(!file_read(in_folder("small/run/checkpoint.h5"), &before, &n, ERR_FILE, &e));
  PART(ERR_FILE, "No space left on device", .ranks = 4, DECK, .out = in_folder("small/run"), .restart = "auto",
       .set = {SLOW, "toy.ballast_at=20", "toy.signal_at=21"});
  if (world_rank() == 0) CHECK(!file_read(in_folder("small/run/checkpoint.h5"), &after, &m, ERR_FILE, &e));
  if (world_rank() == 0) CHECK(n == m && n > 0 && !memcmp(before, after, n));
  free(before), free(after);
  throw_ballast();
  PART(ERR_FILE, "No space left on device", .ranks = 2, DECK, .out = in_folder("small/run"), .restart = "auto",
       .set = {SLOW, "toy.ballast_at=20", "run.checkpoint_min=1e-9"});
  if (world_rank() == 0) CHECK(!file_exists(in_folder("small/run/checkpoint.h5.tmp")));
  throw_ballast();
  PART(0, "", .ranks = 3, DECK, .out = in_folder("small/run"), .restart = "auto");
  same_bits(in_folder("whole"), in_folder("small/run"));
  if (world_rank() == 0) CHECK(!umount(in_folder("small")));
}

/* ---- damaged files ---- */

static void put_file(const char *name, const char *bytes, size_t n) {
  err e = {0};
  if (world_rank() == 0) CHECK(!file_write(in_folder(name), bytes, n, false, &e));
  MPI_Barrier(MPI_COMM_WORLD);
}

static double slowest; /* s that it took to refuse a damaged file */

static void refuse_damaged(const char *bytes, size_t n, const char *what, size_t where) {
  static err e;
  put_file("damaged.h5", bytes, n);
  double start = MPI_Wtime();
  int code =
      run_part(toy_apps, (part){.ranks = 4, DECK, .out = in_folder("d"), .restart = in_folder("damaged.h5")}, &e);
  CHECK_REPORT(code == ERR_FILE && !strchr(e.text, '\n') && strstr(e.text, "damaged.h5"), "%s at %zu: code %d: %.300s",
               what, where, code, e.text);
  slowest = fmax(slowest, MPI_Wtime() - start);
  CHECK(slowest < 5);
}

static void test_damage(void) {
  err e = {0};
  char *bytes = NULL;
  size_t n = 0;
  CHECK(!file_read(in_folder("parts/checkpoint.h5"), &bytes, &n, ERR_FILE, &e));
  for (int k = 0; k < 50; k++) { /* ends everywhere: in the head, behind it, in the HDF5 file, at its last byte */
    size_t at = k < 8 ? (size_t)k * 3 : k < 16 ? 512 + (size_t)(k - 9) : k == 49 ? n - 1 : n / 34 * (size_t)(k - 15);
    refuse_damaged(bytes, at, "truncated", at);
  }
  for (int k = 0; k < 50; k++) {
    size_t at = k < 14 ? (size_t)k * 39 : 512 + (n - 512) / 36 * (size_t)(k - 14) + (size_t)k;
    bytes[at] ^= (char)(1 << k % 8);
    refuse_damaged(bytes, n, "flipped", at);
    bytes[at] ^= (char)(1 << k % 8);
  }
  bytes[strlen("spinet checkpoint ")] = '2'; /* of another version */
  put_file("damaged.h5", bytes, n);
  PART(ERR_FILE, "format 2, this program reads format 1", .ranks = 4, DECK, .out = in_folder("d"),
       .restart = in_folder("damaged.h5"));
  CHECK(!file_exists(in_folder("d")));
  if (world_rank() == 0) printf("101 damaged checkpoints on 4 ranks: the slowest refused after %.3f s\n", slowest);
  free(bytes);
}

/* auto: a damaged last checkpoint gives way to the one before; two damaged ones are an error. */
static void test_previous(void) {
  PART(ERR_AGAIN, "", .ranks = 2, DECK, .out = in_folder("prev"), .set = {"toy.signal_at=9", SLOW});
  PART(ERR_AGAIN, "", .ranks = 2, DECK, .out = in_folder("prev"), .restart = "auto", .set = {"toy.signal_at=19", SLOW});
  put_file("prev/checkpoint.h5", "spinet checkpoint 1\nbytes 700\n", 30);
  PART(0, "", .ranks = 4, DECK, .out = in_folder("prev"), .restart = "auto");
  HOLDS("prev/log.txt", "going back to");
  same_bits(in_folder("whole"), in_folder("prev"));
  put_file("prev/checkpoint.h5", "", 0), put_file("prev/checkpoint-prev.h5", "x", 1);
  PART(ERR_FILE, "prev/checkpoint.h5 is no checkpoint", .ranks = 4, DECK, .out = in_folder("prev"), .restart = "auto");
  MPI_Barrier(MPI_COMM_WORLD);
  if (world_rank() == 0) unlink(in_folder("prev/checkpoint.h5")), unlink(in_folder("prev/checkpoint-prev.h5"));
  MPI_Barrier(MPI_COMM_WORLD);
  PART(ERR_FILE, "no checkpoint beside it", .ranks = 4, DECK, .out = in_folder("prev"), .restart = "auto");
  PART(0, "", .ranks = 1, DECK, .out = in_folder("prev"), .overwrite = true);
}

int main(int argc, char **argv) {
  int level;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  umask(022);
  if (world_rank() == 0) CHECK(mkdtemp(folder) != NULL);
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  put_file("toy.yaml", toy_deck, sizeof toy_deck - 1);
  put_file("twin.yaml", twin_deck, sizeof twin_deck - 1);
  PART(0, "", .ranks = 1, DECK, .out = in_folder("extra"), .set = {"toy.extra=1"});
  if (world_rank() == 0) test_hash();
  test_ranks();
  test_often();
  test_extend();
  test_room();
  test_caught();
  test_stops();
  test_decks();
  test_diverged();
  test_full();
  test_full_disk();
  test_damage();
  test_previous();
  MPI_Barrier(MPI_COMM_WORLD);
  char command[200];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (world_rank() == 0) CHECK(!system(command));
  return check_done();
}

/* test_kill.c: a run that is killed again and again, at random moments, also while it writes a checkpoint, is continued
 * on other numbers of ranks and ends with the bits of an undisturbed run; the same with SIGUSR1, which must end in code
 * 75. No MPI in this process itself.
 *   test_kill kill|signal COUNT SPINET COMPARE LAUNCHER...     (the launcher ends in its option for the number of
 * ranks)
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static char folder[64] = "/tmp/spinet_kill_XXXXXX";
static const char *program, *compare;
static char launcher[1500];
static double start_up[5]; /* s that a start on so many ranks takes */

static const char deck[] =
    "app: ising\n"
    "run: {checkpoint_min: 2e-4}\n"
    "lattice: {L: 4}\n"
    "model: {beta: 0.4}\n"
    "net: {kind: sites, width: 8}\n"
    "draw: {lanes: 16}\n"
    "train: {steps: 2000, batch: 64, growth: 2}\n"
    "estimate: {draws: 60_000, nmcmc: 30_000, compare: 64}\n"
    "chain: {kind: wolff, sweeps: 4000, thermalisation: 1000, replicas: 5}\n";

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double uniform(void) { /* the same in every run of this test */
  static unsigned long long s = 12345;
  s = s * 6364136223846793005u + 1442695040888963407u;
  return (double)(s >> 11) * 0x1p-53;
}

/* Runs a shell command in the folder, in a session of its own. */
static pid_t start(const char *command) {
  pid_t child = fork();
  if (child) return child;
  setsid();
  if (chdir(folder) || !freopen("said.txt", "w", stdout) || dup2(1, 2) < 0) _exit(126);
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(127);
}

static int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int call(const char *command) {
  int status;
  pid_t child = start(command);
  return waitpid(child, &status, 0) == child ? code_of(status) : -1;
}

static pid_t start_run(const char *out, int ranks, const char *more) {
  char command[4000], ahead[1600] = "";
  if (ranks > 1) snprintf(ahead, sizeof ahead, "%s %d", launcher, ranks);
  snprintf(command, sizeof command, "exec %s %s run deck.yaml -o %s --restart --quiet %s", ahead, program, out, more);
  return start(command);
}

static int whole_run(const char *out, int ranks, const char *more) {
  int status;
  pid_t child = start_run(out, ranks, more);
  return waitpid(child, &status, 0) == child ? code_of(status) : -1;
}

/* SIGKILL to every process of the session; how many there were. */
static int kill_session(pid_t session) {
  int killed = 0;
  DIR *d = opendir("/proc");
  for (struct dirent *entry; d && (entry = readdir(d));) {
    char path[300], text[1000] = "";
    int pid = atoi(entry->d_name), its = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = pid > 0 ? fopen(path, "r") : NULL;
    if (!f) continue;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    const char *behind = n ? strrchr(text, ')') : NULL; /* ") state parent group session" */
    char state = 0;
    if (!behind || sscanf(behind, ") %c %*d %*d %d", &state, &its) != 2 || its != session || state == 'Z') continue;
    killed += !kill(pid, SIGKILL);
  }
  if (d) closedir(d);
  return killed;
}

static bool has(const char *name, const char *what) {
  char path[200];
  snprintf(path, sizeof path, "%s/%s/%s", folder, name, what);
  return !access(path, F_OK);
}

static int count_lines(const char *name, const char *piece) {
  char path[200], line[2000];
  int n = 0;
  snprintf(path, sizeof path, "%s/%s/log.txt", folder, name);
  FILE *f = fopen(path, "r");
  while (f && fgets(line, sizeof line, f)) n += strstr(line, piece) != NULL;
  if (f) fclose(f);
  return n;
}

static void same_bits(const char *name) {
  char command[2000];
  snprintf(command, sizeof command, "%s whole/run.h5 %s/run.h5", compare, name);
  CHECK_REPORT(call(command) == 0, "%s differs from an undisturbed run: see %s", name, folder);
}

static void measure_starts(void) {
  for (int ranks = 1; ranks <= 4; ranks *= 2) {
    double begin = now();
    CHECK_INT(whole_run("none", ranks, "--dry-run"), 0);
    start_up[ranks] = now() - begin;
  }
}

static int pick_ranks(void) {
  double u = uniform();
  return u < .6 ? 1 : u < .85 ? 2 : 4;
}

typedef struct tally {
  int hits, late, writing, runs; /* hits: that met the run alive; writing: a checkpoint */
} tally;

/* The run has ended by itself: compare, and go on with another. */
static void next_run(tally *t, char name[32]) {
  if (has(name, "run.h5")) same_bits(name);
  snprintf(name, 32, "run%d", ++t->runs);
}

static void kill_once(tally *t, char name[32]) {
  int ranks = pick_ranks(), status;
  pid_t child = start_run(name, ranks, "");
  usleep((useconds_t)(1e6 * start_up[ranks] * (.6 + 2.2 * uniform())));
  if (waitpid(child, &status, WNOHANG) == child) {
    CHECK_INT(code_of(status), 0);
    t->late++;
    next_run(t, name);
    return;
  }
  while (kill_session(child)) usleep(1000);
  waitpid(child, &status, 0);
  t->hits++, t->writing += has(name, "checkpoint.h5.tmp");
}

/* The signal is understood once the plan is in the log: handlers stand by then. */
static void signal_once(tally *t, char name[32]) {
  int ranks = pick_ranks(), plans = count_lines(name, "] training: "), status;
  pid_t child = start_run(name, ranks, "");
  double begin = now();
  while (count_lines(name, "] training: ") == plans && now() - begin < 30) usleep(5000);
  usleep((useconds_t)(3e5 * uniform()));
  kill(child, SIGUSR1);
  waitpid(child, &status, 0);
  int code = code_of(status);
  CHECK_REPORT(code == 75 || code == 0, "code %d after SIGUSR1 on %d ranks", code, ranks);
  if (code == 75) {
    char command[100];
    snprintf(command, sizeof command, "grep -q 'state: resubmit' %s/status", name);
    CHECK_INT(call(command), 0);
    t->hits++;
  } else {
    t->late++;
    next_run(t, name);
  }
}

static void write_deck(void) {
  char path[200];
  snprintf(path, sizeof path, "%s/deck.yaml", folder);
  FILE *f = fopen(path, "w");
  CHECK(f && fputs(deck, f) >= 0 && !fclose(f));
}

int main(int argc, char **argv) {
  if (argc < 6 || !mkdtemp(folder)) return 1;
  int count = atoi(argv[2]);
  bool kills = !strcmp(argv[1], "kill");
  program = argv[3], compare = argv[4];
  for (int i = 5; i < argc; i++) {
    size_t n = strlen(launcher);
    snprintf(launcher + n, sizeof launcher - n, "%s%s", n ? " " : "", argv[i]);
  }
  tally t = {.runs = 1};
  char name[32] = "run1";
  write_deck();
  setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  CHECK_INT(whole_run("whole", 1, "-s run.checkpoint_min=0"), 0);
  measure_starts();
  for (int tries = 0; t.hits < count && tries < 4 * count && !check_failed; tries++)
    kills ? kill_once(&t, name) : signal_once(&t, name);
  CHECK_INT(whole_run(name, 2, ""), 0);
  same_bits(name);
  CHECK(t.hits == count);
  CHECK(t.runs > 1 || count_lines("run1", "continued from") > 0);
  printf("%d %s, %d while a checkpoint was being written; %d too late; %d runs ended, all with the same bits: %s\n",
         t.hits, kills ? "kills" : "signals", t.writing, t.late, t.runs, check_failed ? "NO" : "yes");
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (!check_failed) CHECK(!system(command));
  return check_done();
}

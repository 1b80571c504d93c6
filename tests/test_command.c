/* test_command.c: the command line: exit codes, help, suggestions, output of the small commands, and the same under
 * mpirun. Arguments: the program, then the launcher (ending in its option for the number of ranks). No MPI in this
 * process itself. */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char said[65536]; /* standard output and error of the last command */
static char folder[64] = "/tmp/spinet_command_XXXXXX";
static const char *program;

/* Runs "<prefix> program <arguments>" in the folder; returns its exit code. */
static int call(const char *prefix, const char *arguments) {
  char command[4000];
  snprintf(command, sizeof command, "cd %s && %s %s %s 2>&1", folder, prefix, program, arguments);
  FILE *p = popen(command, "r");
  size_t n = p ? fread(said, 1, sizeof said - 1, p) : 0;
  said[n] = 0;
  int status = p ? pclose(p) : -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int times(const char *piece) {
  int n = 0;
  for (const char *p = said; (p = strstr(p, piece)); p++) n++;
  return n;
}

static const struct {
  const char *arguments;
  int code;
  const char *piece;
} cases[] = {
    {"", 2, "usage:"},
    {"--help", 0, "exit codes"},
    {"--version", 0, "HDF5"},
    {"run --help", 0, "--dry-run"},
    {"show --help", 0, "--csv"},
    {"crossing --help", 0, "--window LOW,HIGH"},
    {"crossing a b --degree two", 2, "--degree two: needs a degree"},
    {"crossing absent --x model.beta --y binder", 3, "absent: no such run"},
    {"rnu x.yaml", 2, "did you mean run?"},
    {"run", 2, "run needs a deck"},
    {"run a.yaml b.yaml", 2, "not two: a.yaml, b.yaml"},
    {"run a.yaml --dry-rum", 2, "did you mean --dry-run?"},
    {"show a.h5 --dry-run", 2, "show has no option --dry-run"},
    {"run a.yaml -s", 2, "-s needs section.key=value"},
    {"apps x", 2, "takes no argument"},
    {"apps", 0, "ising "},
    {"template isng", 2, "did you mean ising?"},
    {"template ising", 0, "seed"},
    {"show absent.h5", 3, "absent.h5: No such file"},
    {"show ising.yaml", 3, "not an HDF5 file"},
    {"run ising.yaml -o out --restart absent.h5", 3, "absent.h5: No such file"},
    {"run ising.yaml -o out --restart=ising.yaml", 3, "no checkpoint of Spinet"},
    {"run ising.yaml -o out --restart --overwrite", 2, "give one of them"},
    {"check absent.yaml", 2, "absent.yaml: No such file"},
    {"check ising.yaml", 0, "ising.yaml: OK (app ising)"},
    {"check ising.yaml -s run.sed=1", 2, "-s run.sed"},
    {"check ising.yaml -srun.seed=-1", 2, "-s run.seed"},
};

static void test_cases(const char *prefix) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int code = call(prefix, cases[i].arguments);
    CHECK_REPORT(code == cases[i].code, "%s: code %d, expected %d: %.300s", cases[i].arguments, code, cases[i].code,
                 said);
    CHECK_REPORT(strstr(said, cases[i].piece) != NULL, "%s: \"%.300s\" lacks \"%s\"", cases[i].arguments, said,
                 cases[i].piece);
  }
}

/* One message, whatever the number of ranks. */
static void test_ranks(const char *launcher) {
  char prefix[2000];
  snprintf(prefix, sizeof prefix, "%s 3", launcher);
  CHECK_INT(call(prefix, "check ising.yaml"), 0);
  CHECK_INT(times(": OK"), 1);
  CHECK_INT(call(prefix, "run ising.yaml -s run.sed=1"), 2);
  CHECK_INT(times("did you mean"), 1);
  CHECK_INT(call(prefix, "show absent.h5"), 3);
  CHECK_INT(times("No such file"), 1);
}

int main(int argc, char **argv) {
  char launcher[1800] = "", command[200];
  if (argc < 2 || !mkdtemp(folder)) return 1;
  program = argv[1];
  for (int i = 2; i < argc; i++) {
    size_t n = strlen(launcher);
    snprintf(launcher + n, sizeof launcher - n, "%s ", argv[i]);
  }
  CHECK_INT(call("printf 'app: ising\\nlattice: {L: 4}\\nmodel: {beta: .44}\\n' > ising.yaml;", "--version"), 0);
  test_cases("");
  if (launcher[0]) test_ranks(launcher);
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(!system(command));
  return check_done();
}

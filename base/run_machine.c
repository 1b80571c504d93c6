/* run_machine.c: hosts, processors and the BLAS that is really in use.
 *
 * libgsl drags in libgslcblas, which exports the same cblas_* names and is thirty times slower: dladdr tells whose
 * cblas_sgemm won. The variants of OpenBLAS differ: the serial one corrupts results under threads, the pthread one must
 * be held to one thread, and in the OpenMP one openblas_set_num_threads would call omp_set_num_threads for the whole
 * program. */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "base/run_priv.h"

enum { SERIAL, PTHREAD, OPENMP, HOST = MPI_MAX_PROCESSOR_NAME };

static void find_cpu(char *s, size_t n) {
  char line[512];
  FILE *f = fopen("/proc/cpuinfo", "r");
  snprintf(s, n, "unknown processor");
  while (f && fgets(line, sizeof line, f)) {
    char *colon = strchr(line, ':');
    if (!colon || strncmp(line, "model name", 10)) continue;
    colon[strcspn(colon, "\n")] = 0;
    snprintf(s, n, "%s", colon + 1 + strspn(colon + 1, " "));
    break;
  }
  if (f) fclose(f);
}

/* Is the library among those that the program itself was linked with? */
static bool needed(const char *library) {
  struct link_map *program = NULL;
  const char *names = NULL;
  void *self = dlopen(NULL, RTLD_LAZY);
  bool found = false;
  if (!self || dlinfo(self, RTLD_DI_LINKMAP, &program) || !program) return false;
  for (ElfW(Dyn) *d = program->l_ld; d->d_tag != DT_NULL; d++)
    if (d->d_tag == DT_STRTAB) names = (const char *)d->d_un.d_ptr;
  for (ElfW(Dyn) *d = program->l_ld; names && d->d_tag != DT_NULL; d++)
    found |= d->d_tag == DT_NEEDED && !strcmp(names + d->d_un.d_val, library);
  dlclose(self);
  return found;
}

/* The file that holds cblas_sgemm, links resolved; "" if the program uses none (libgsl always brings libgslcblas along,
 * which does no harm where nobody else calls it). */
static void blas_file(char file[PATH_MAX]) {
  Dl_info info;
  void *sgemm = dlsym(RTLD_DEFAULT, "cblas_sgemm");
  file[0] = 0;
  if (!sgemm || !dladdr(sgemm, &info) || !info.dli_fname) return;
  const char *slash = strrchr(info.dli_fname, '/');
  if (!dlsym(RTLD_DEFAULT, "openblas_get_parallel") && !needed(slash ? slash + 1 : info.dli_fname)) return;
  if (!realpath(info.dli_fname, file)) snprintf(file, PATH_MAX, "%s", info.dli_fname);
}

static const char *call_text(const char *function) {
  char *(*f)(void) = (char *(*)(void))dlsym(RTLD_DEFAULT, function);
  return f ? f() : "unknown";
}

static int check_variant(run_machine *m, const comm *c, err *e) {
  static const char *const names[] = {"serial", "pthread", "OpenMP"};
  int (*parallel)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "openblas_get_parallel");
  void (*threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  int variant = parallel ? parallel() : SERIAL;
  if (variant < SERIAL || variant > OPENMP) variant = SERIAL;
  snprintf(m->blas, sizeof m->blas, "OpenBLAS, %s variant, core %s", names[variant],
           call_text("openblas_get_corename"));
  if (variant == SERIAL && c->threads > 1)
    return err_set(e, ERR_RUN,
                   "this OpenBLAS is the serial variant, which gives wrong results with %d threads: install "
                   "libopenblas0-openmp, or set run.threads = 1",
                   c->threads);
  if (variant == PTHREAD && threads) threads(1);
  return 0;
}

static int find_blas(run_machine *m, const comm *c, err *e) {
  char file[PATH_MAX];
  blas_file(file);
  if (!file[0]) {
    m->no_blas = true;
    snprintf(m->blas, sizeof m->blas, "none");
    return 0;
  }
  if (strstr(file, "openblas")) return check_variant(m, c, e);
  return err_set(
      e, ERR_RUN,
      "cblas_sgemm comes from %s and not from OpenBLAS (up to thirty times slower): link OpenBLAS before GSL", file);
}

/* "a (2 ranks), b (1 rank)" from the gathered names; ranks of a host need not be neighbours. */
static void list_hosts(run_machine *m, char (*host)[HOST], int ranks) {
  size_t used = 0;
  for (int i = 0; i < ranks; i++) {
    int same = 0, earlier = 0;
    for (int k = 0; k < ranks; k++) same += !strcmp(host[i], host[k]), earlier += k < i && !strcmp(host[i], host[k]);
    if (earlier || used + HOST > sizeof m->hosts) continue;
    used += (size_t)snprintf(m->hosts + used, sizeof m->hosts - used, "%s%s (%d rank%s)", used ? ", " : "", host[i],
                             same, same > 1 ? "s" : "");
  }
}

static void gather_hosts(run_machine *m, const comm *c) {
  char mine[HOST] = "";
  int length, ranks = c->ranks;
  char(*host)[HOST] = calloc((size_t)ranks, sizeof *host), (*cpu)[sizeof m->cpu] = calloc((size_t)ranks, sizeof *cpu);
  MPI_Get_processor_name(mine, &length);
  MPI_Gather(mine, HOST, MPI_CHAR, host, HOST, MPI_CHAR, 0, c->mpi);
  MPI_Gather(m->cpu, sizeof m->cpu, MPI_CHAR, cpu, sizeof m->cpu, MPI_CHAR, 0, c->mpi);
  if (c->rank == 0) list_hosts(m, host, ranks);
  for (int k = 1; c->rank == 0 && k < ranks; k++) m->mixed |= strcmp(cpu[k], cpu[0]) != 0;
  free(host), free(cpu);
}

int run_machine_find(run_machine *m, const comm *c, err *e) {
  memset(m, 0, sizeof *m);
  find_cpu(m->cpu, sizeof m->cpu);
  gather_hosts(m, c);
  return find_blas(m, c, e);
}

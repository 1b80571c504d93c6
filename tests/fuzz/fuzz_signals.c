/* fuzz_signals.c: any bytes into the readers of signals. With clang one fuzzer per reader: -fsanitize=fuzzer,address,
 * undefined and -DSPINET_FUZZ_KIND="edf" (tests/signals_fuzz.cmake, option SPINET_FUZZ; seeds in corpus/signals). With
 * SPINET_FUZZ_STANDALONE a plain program that runs the files named as arguments, of the kind that their extension
 * tells. Input: the file itself; of kind wfdb: header, samples, annotations, of kind ptbxl: statements, records, each
 * but the last ended by a line "%%". */
#include <stdint.h>
#include <unistd.h>

#include "tests/folder.h"
#include "tests/signals_probe.h"

static const char *const wfdb_parts[] = {"a.hea", "a.dat", "a.atr", NULL};
static const char *const ptbxl_parts[] = {"scp_statements.csv", "ptbxl_database.csv", NULL};

static void put_parts(const char *const *name, const char *data, size_t size) {
  for (; *name; name++) {
    const char *mark = name[1] ? memmem(data, size, "\n%%\n", 4) : NULL;
    size_t n = mark ? (size_t)(mark - data) : size, used = mark ? n + 4 : n;
    if (folder_put(*name, data, n)) abort();
    data += used, size -= used;
  }
}

static void try_kind(const char *kind, const uint8_t *data, size_t size) {
  char name[16];
  if (!folder_path[0] && folder_make()) abort();
  if (!strcmp(kind, "wfdb")) {
    put_parts(wfdb_parts, (const char *)data, size);
    probe_recording(folder_file("a.hea"));
  } else if (!strcmp(kind, "ptbxl")) {
    put_parts(ptbxl_parts, (const char *)data, size);
    probe_ptbxl(folder_path);
  } else {
    snprintf(name, sizeof name, "a.%.8s", kind);
    if (folder_put(name, data, size)) abort();
    probe_recording(folder_file(name));
  }
}

#ifdef SPINET_FUZZ_STANDALONE
static int run_file(const char *path) {
  const char *dot = strrchr(path, '.');
  FILE *f = fopen(path, "rb");
  uint8_t *data = malloc(1 << 20);
  size_t n = f && data ? fread(data, 1, 1 << 20, f) : 0;
  if (f) fclose(f);
  if (dot && n) try_kind(dot + 1, data, n);
  if (!dot || !n) fprintf(stderr, "fuzz_signals: cannot use %s\n", path);
  free(data);
  return !dot || !n;
}

int main(int argc, char **argv) {
  int bad = argc < 2;
  for (int i = 1; i < argc; i++) bad |= run_file(argv[i]);
  printf("%d inputs\n", argc - 1);
  return bad || folder_remove();
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  try_kind(SPINET_FUZZ_KIND, data, size);
  return 0;
}
#endif

/* readers.c: megabytes of signal files per second, decoded to integers and through the common view to physical values,
 * beside the floor of only fetching the bytes. The file lies in the page cache; goals for the decoder: 500 MB/s of
 * format 16, 200 MB/s of format 212. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "signals/file.h"
#include "signals/recording.h"
#include "signals/wfdb.h"

enum { LEADS = 12, FRAMES = 2000000, BLOCK = 4096 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int write_record(const char *path, int code, err *e) {
  static int32_t x[BLOCK * LEADS];
  wfdb_signal s[LEADS];
  wfdb_header h = {.rate = 500, .signals = LEADS, .signal = s};
  wfdb_writer *w;
  for (int i = 0; i < LEADS; i++) s[i] = (wfdb_signal){.format = wfdb_format_find(code), .spf = 1, .gain = 1000};
  for (int i = 0; i < BLOCK * LEADS; i++) x[i] = i * 37 % 4001 - 2000;
  if (wfdb_create(&w, path, &h, e)) return e->code;
  for (long f = 0; f < FRAMES; f += BLOCK) {
    if (!wfdb_put(w, FRAMES - f < BLOCK ? FRAMES - f : BLOCK, x, e)) continue;
    wfdb_abandon(w);
    return e->code;
  }
  return wfdb_finish(w, e);
}

typedef enum { FLOOR, DECODE, VIEW } what;

/* Seconds of the best of five passes: bytes only, integers, physical values. */
static double pass(const char *path, what do_what, double *bytes, err *e) {
  static int32_t x[BLOCK * LEADS];
  static double y[BLOCK * LEADS];
  char data[PATH_MAX];
  recording *r;
  double best = 1e9;
  signals_file f;
  wfdb *w;
  snprintf(data, sizeof data, "%s.dat", path);
  if (signals_file_open(&f, data, e) || wfdb_open(&w, path, e) || recording_open(&r, path, NULL, e)) return 0;
  *bytes = (double)f.size;
  for (int round = 0; round < 5; round++) {
    double t = now();
    if (do_what == FLOOR)
      for (int64_t at = 0, n; at < f.size; at += n) {
        n = f.size - at < (int64_t)sizeof x ? f.size - at : (int64_t)sizeof x;
        signals_file_read(&f, at, (size_t)n, x, e);
      }
    else
      for (long at = 0; at < FRAMES; at += BLOCK) {
        long n = FRAMES - at < BLOCK ? FRAMES - at : BLOCK;
        do_what == DECODE ? wfdb_read(w, at, n, x, e) : recording_read_all(r, at, n, y, e);
      }
    t = now() - t;
    if (t < best) best = t;
  }
  wfdb_close(w);
  recording_close(r);
  signals_file_close(&f);
  return best;
}

int main(void) {
  const int codes[] = {16, 212};
  char folder[] = "/tmp/spinet_readers_XXXXXX", path[PATH_MAX], command[100];
  err e = {0};
  if (!mkdtemp(folder)) return 1;
  snprintf(path, sizeof path, "%s/r", folder);
  printf("%-28s %8s %10s %12s %8s\n", "format", "MB", "MB/s", "floor MB/s", "ratio");
  for (int i = 0; i < 2 && !write_record(path, codes[i], &e); i++)
    for (int k = DECODE; k <= VIEW; k++) {
      double bytes, floor = pass(path, FLOOR, &bytes, &e), t = pass(path, (what)k, &bytes, &e);
      printf("%-4d %-23s %8.1f %10.0f %12.0f %8.2f\n", codes[i], k == DECODE ? "integers" : "physical, all leads",
             1e-6 * bytes, 1e-6 * bytes / t, 1e-6 * bytes / floor, t / floor);
    }
  if (e.code) fprintf(stderr, "%s\n", e.text);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command) || e.code;
}

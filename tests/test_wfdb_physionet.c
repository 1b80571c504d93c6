/* test_wfdb_physionet.c: sample files of PhysioNet: every checksum and first value, and the outputs of the official
 * readers sample by sample. */
#include "check.h"
#include "real_data.h"
#include "signals/wfdb.h"

static void verify(const char *name, int width, int64_t frames) {
  char full[100];
  snprintf(full, sizeof full, "wfdb/%s.hea", name);
  const char *path = real_data(full);
  err e = {0};
  wfdb *w;
  CHECK(path && !wfdb_open(&w, path, &e));
  CHECK_TEXT(e.text, "");
  if (e.code) return;
  CHECK_INT(wfdb_width(w), width);
  CHECK_INT(wfdb_head(w)->frames, frames);
  CHECK(!wfdb_verify(w, &e));
  CHECK_TEXT(e.text, "");
  wfdb_close(w);
}

/* Text of numbers: rows of `columns`, compared with frames from `first` on of the signals from `from` on. */
static void compare(FILE *f, const char *name, int64_t first, int from, int columns, long rows) {
  err e = {0};
  wfdb *w;
  int32_t x[64];
  long wrong = 0, row = 0;
  CHECK(f && !wfdb_open(&w, real_data(name), &e));
  if (e.code) return;
  for (; row < rows; row++) {
    CHECK(!wfdb_read(w, first + row, 1, x, &e));
    for (int c = 0; c < columns; c++) {
      long long v = -1;
      wrong += fscanf(f, "%lld", &v) != 1 || v != x[from + c];
    }
  }
  CHECK_INT(wrong, 0);
  char rest[8];
  CHECK(fscanf(f, "%7s", rest) != 1);
  wfdb_close(w);
}

static void official_readers(void) {
  char command[PATH_MAX + 20];
  FILE *f = fopen(real_data("wfdb/expected/record-2b"), "r");
  compare(f, "wfdb/100.hea", 1, 1, 1, 10799);
  if (f) fclose(f);
  snprintf(command, sizeof command, "gzip -dc '%s'", real_data("wfdb/expected/record-1f.gz"));
  f = popen(command, "r");
  compare(f, "wfdb/binformats.hea", 0, 0, 10, 499);
  if (f) pclose(f);
}

static void annotations(void) {
  err e = {0};
  wfdb_annotations *a;
  CHECK(!wfdb_annotations_read(&a, real_data("wfdb/100.atr"), &e));
  CHECK_TEXT(e.text, "");
  FILE *f = fopen(real_data("wfdb/expected/ann-1"), "r");
  char line[200], symbol[8], aux[64];
  long n = 0, beats = 0, wrong = 0;
  while (f && fgets(line, sizeof line, f)) {
    const wfdb_annotation *v = &a->a[n++];
    long long sample;
    int sub, channel, num, got = sscanf(line, "%*s %lld %7s %d %d %d %63s", &sample, symbol, &sub, &channel, &num, aux);
    if (n > a->n) break;
    wrong += got < 5 || sample != v->sample || strcmp(symbol, wfdb_symbol(a, v->code)) || sub != v->sub ||
             channel != v->channel || num != v->num || (got == 6 ? !v->aux || strcmp(v->aux, aux) : v->aux != NULL);
    beats += wfdb_is_beat(v->code);
  }
  CHECK_INT(wrong, 0);
  CHECK_INT(n, 2274);
  CHECK_INT(a->n, 2274);
  CHECK_INT(beats, 2273);
  CHECK_INT(a->a[1].sample, 77);
  CHECK_INT(a->a[2273].sample, 649991);
  if (f) fclose(f);
  wfdb_annotations_free(a);
}

int main(void) {
  if (!real_data("wfdb/100.hea")) return REAL_DATA_SKIP;
  verify("100", 2, 650000);
  verify("binformats", 10, 499);
  verify("03700181", 6, 75000);
  verify("041s/041s01", 16, 1000);
  verify("041s/041s02", 16, 1000);
  verify("s0010_re", 15, 38400);
  verify("../ptbxl/00001_lr", 12, 1000);
  official_readers();
  annotations();
  return check_done();
}

/* test_signals_damage.c: small files of every reader, cut at every length and with every byte changed in several ways:
 * each is read or refused with one message, never a crash (the sanitizers look on in the preset asan). HDF5 files are
 * cut only: what its library makes of changed bytes is its own affair. */
#include <FLAC/stream_encoder.h>

#include "check.h"
#include "folder.h"
#include "signals/recording.h"
#include "signals/wfdb.h"
#include "signals_probe.h"

enum { LONGEST = 1 << 16, N = 60 };
static char whole[LONGEST], damaged[LONGEST];

static size_t load(const char *name) {
  FILE *f = fopen(folder_file(name), "rb");
  size_t n = f ? fread(whole, 1, sizeof whole, f) : 0;
  if (f) fclose(f);
  CHECK_REPORT(n > 0 && n < sizeof whole, "%s has %zu bytes", name, n);
  return n;
}

/* Damages file `name`; `probe` (relative) is then read. Flips as many bytes as `most` allows, evenly over the file. */
static void damage(const char *name, const char *probe, size_t most, bool flips) {
  const unsigned char mask[] = {0xff, 0x01, 0x80, 0x10};
  size_t n = load(name), step = n / most + 1;
  long accepted = 0, refused = 0;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s", folder_file(probe));
  CHECK(probe_recording(path));
  for (size_t cut = 0; cut < n; cut += step) {
    CHECK(!folder_put(name, whole, cut));
    probe_recording(path) ? accepted++ : refused++;
  }
  for (size_t at = 0; at < n && flips; at += step)
    for (int k = 0; k < 4; k++) {
      memcpy(damaged, whole, n);
      damaged[at] = (char)(damaged[at] ^ mask[k]);
      CHECK(!folder_put(name, damaged, n));
      probe_recording(path) ? accepted++ : refused++;
    }
  CHECK(refused > 0);
  CHECK(!folder_put(name, whole, n));
  CHECK(probe_recording(path));
}

static recording *source(void) {
  err e = {0};
  recording *r;
  FILE *f = fopen(folder_file("source.csv"), "w");
  fprintf(f, "# rate: 20\nday,\"I [mV]\",\"II, b\"\n");
  for (int i = 0; i < N; i++) fprintf(f, "\"may %d\",%d,%.3g\n", i, i * i % 17, .1 * i);
  CHECK(!fclose(f));
  CHECK(!recording_open(&r, folder_file("source.csv"), NULL, &e));
  CHECK(!recording_add_note(r, .5, 1, "first", "", &e) && !recording_add_note(r, 1.5, 0, "V", "aux", &e));
  return r;
}

static void flac_record(void) {
  const char head[] = "f 1 100 200\nf.flac 516 200\n";
  int32_t x[200];
  FLAC__StreamEncoder *f = FLAC__stream_encoder_new();
  for (int i = 0; i < 200; i++) x[i] = i * 37 % 101;
  FLAC__stream_encoder_set_channels(f, 1), FLAC__stream_encoder_set_bits_per_sample(f, 16);
  CHECK(!FLAC__stream_encoder_init_file(f, folder_file("f.flac"), NULL, NULL));
  CHECK(FLAC__stream_encoder_process_interleaved(f, x, 200) && FLAC__stream_encoder_finish(f));
  FLAC__stream_encoder_delete(f);
  CHECK(!folder_put("f.hea", head, sizeof head - 1));
}

static void put_text(const char *name, const char *text) {
  CHECK(!folder_put(name, text, strlen(text)));
}

static void segments(void) {
  put_text("v.hea", "v/4 2 100 7\nl 0\np 2\n~ 2\nq 3\n");
  put_text("l.hea", "l 2 100 0\n~ 0 100/mV 12 0 0 0 0 A\n~ 0 50/mmHg 12 0 0 0 0 B\n");
  put_text("p.hea", "p 1 100 2\np.dat 212:1 10/mV 8 0 0 0 0 A\n");
  put_text("p.dat", "123456");
  put_text("q.hea", "q 2 100 3\nq.dat 310x2 2/mmHg 8 0 0 0 0 B\nq.dat 310 2 8 0 0 0 0 C\n");
  put_text("q.dat", "123456789abcd");
}

static void tables(void) {
  put_text("scp_statements.csv",
           ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass\nN,n,1.0,,,A,B\nS,s,,,1.0,,\n");
  put_text("ptbxl_database.csv",
           "ecg_id,patient_id,age,sex,height,weight,scp_codes,strat_fold,filename_lr,filename_hr\n"
           "1,2.0,56.0,1,,63.0,\"{'N': 100.0, 'S': 0.0}\",3,a,b\n2,3.0,,0,,,{},10,\"c\nd\",e\n");
  CHECK(probe_ptbxl(folder_path));
  const char *name[] = {"scp_statements.csv", "ptbxl_database.csv"};
  for (int t = 0; t < 2; t++) {
    size_t n = load(name[t]);
    for (size_t at = 0; at < n; at++)
      for (int k = 0; k < 4; k++) {
        memcpy(damaged, whole, n);
        damaged[at] = "\n\",'"[k];
        CHECK(!folder_put(name[t], damaged, k ? n : at));
        probe_ptbxl(folder_path);
      }
    CHECK(!folder_put(name[t], whole, n));
  }
  CHECK(probe_ptbxl(folder_path));
}

int main(void) {
  err e = {0};
  CHECK(!folder_make());
  recording *r = source();
  const char *name[] = {"a.csv", "a.npy", "a.edf", "a.hea", "a.h5"};
  for (int i = 0; i < 5; i++) CHECK(!recording_write(r, folder_file(name[i]), &e));
  CHECK_TEXT(e.text, "");
  recording_close(r);
  damage("source.csv", "source.csv", 1000, true);
  damage("a.npy", "a.npy", 300, true);
  damage("a.edf", "a.edf", 1200, true);
  damage("a.hea", "a.hea", 1000, true);
  damage("a.dat", "a.hea", 100, false);
  damage("a.atr", "a.hea", 1000, true);
  damage("a.h5", "a.h5", 200, false);
  flac_record();
  damage("f.flac", "f.hea", 1000, true);
  segments();
  damage("v.hea", "v.hea", 1000, true);
  damage("q.hea", "q.hea", 1000, true);
  damage("l.hea", "v.hea", 1000, true);
  tables();
  CHECK(!folder_remove());
  return check_done();
}

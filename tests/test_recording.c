/* test_recording.c: one recording through every format and back; CSV, NPY, EDF and segments in their own ways; what
 * malformed files are told; files of 64 MB in little memory. */
#include <unistd.h>

#include "base/h5.h"
#include "check.h"
#include "folder.h"
#include "signals/edf.h"
#include "signals/npy.h"
#include "signals/recording.h"
#include "signals/wfdb.h"

static recording *opened(const char *name, const recording_options *o) {
  err e = {0};
  recording *r;
  int rc = recording_open(&r, folder_file(name), o, &e);
  CHECK_REPORT(!rc && r, "%s: %.300s", name, e.text);
  return r;
}

static void refused(const char *name, const char *message) {
  err e = {0};
  recording *r;
  CHECK_INT(recording_open(&r, folder_file(name), NULL, &e), ERR_FILE);
  CHECK_REPORT(!r && strstr(e.text, message) && strstr(e.text, name), "%s: %.300s", name, e.text);
  if (r) recording_close(r);
}

static double sample(int lead, long i) {
  return lead == 1 && i % 100 == 7 ? NAN : (1 + lead) * sin(.01 * (double)i * (lead + 1)) + .5 * lead;
}

enum { LEADS = 3, N = 5000 };

static void write_source(void) {
  FILE *f = fopen(folder_file("source.csv"), "w");
  fprintf(f, "# made by a test\n# rate: 250\ntime,\"Lead I [mV]\",II [mV],\"V, 1\"\r\n");
  for (long i = 0; i < N; i++) {
    fprintf(f, "2016-07-01 00:00:%02ld", i % 60);
    for (int k = 0; k < LEADS; k++) isnan(sample(k, i)) ? fputs(",", f) : fprintf(f, ",%.17g", sample(k, i));
    fputs(i % 2 ? "\n" : "\r\n", f);
  }
  CHECK(!fclose(f));
}

/* The samples of r are those of the source within tol; in whole and in pieces across all borders. */
static void same(recording *r, double tol, bool gaps) {
  static double x[N];
  err e = {0};
  long wrong = 0;
  for (int k = 0; k < LEADS; k++) {
    CHECK(!recording_read(r, k, 0, N, x, &e));
    for (long i = 0; i < N; i++) {
      double v = sample(k, i);
      wrong += isnan(v) ? gaps && !isnan(x[i]) : !(fabs(x[i] - v) <= tol);
    }
    for (long at = 0; at + 333 <= N; at += 291) {
      CHECK(!recording_read(r, k, at, 333, x, &e));
      for (long i = 0; i < 333; i++) wrong += !isnan(sample(k, at + i)) && !(fabs(x[i] - sample(k, at + i)) <= tol);
    }
    CHECK(!recording_read(r, k, N - 1, 1, x, &e));
    wrong += !(fabs(x[0] - sample(k, N - 1)) <= tol);
  }
  CHECK_REPORT(!wrong, "%s: %ld samples differ", r->path, wrong);
  CHECK(recording_read(r, 0, N, 1, x, &e) == ERR_RUN);
  e = (err){0};
  CHECK(recording_read(r, LEADS, 0, 1, x, &e) == ERR_RUN);
}

static void through_all(void) {
  const struct {
    const char *name;
    double tol;
    bool gaps, names;
  } f[] = {{"a.csv", 0, true, true},
           {"a.npy", 0, true, false},
           {"a.h5", 0, true, true},
           {"a.hea", 2e-4, true, true},
           {"a.edf", 2e-4, false, true}};
  err e = {0};
  write_source();
  recording *r = opened("source.csv", NULL);
  if (!r) return;
  CHECK_INT(r->leads, LEADS);
  CHECK_TEXT(r->lead[0].name, "Lead I");
  CHECK_TEXT(r->lead[1].unit, "mV");
  CHECK_TEXT(r->lead[2].name, "V, 1");
  CHECK_NEAR(r->lead[2].rate, 250, 0);
  CHECK_INT(r->lead[2].samples, N);
  CHECK_NEAR(recording_seconds(r), N / 250., 1e-12);
  CHECK_INT(recording_find(r, "i"), 0);
  CHECK_INT(recording_find(r, "ECG II"), 1);
  CHECK_INT(recording_find(r, "V9"), -1);
  same(r, 0, true);
  static double all[LEADS * 4000], one[4000];
  CHECK(!recording_read_all(r, 900, 4000, all, &e));
  for (int k = 0; k < LEADS; k++) {
    CHECK(!recording_read(r, k, 900, 4000, one, &e));
    CHECK_BITS(one, all + 4000 * k, sizeof one);
  }
  CHECK(!recording_add_note(r, 1.5, 0, "N", "", &e) && !recording_add_note(r, .5, 3, "Sleep stage W", "", &e));
  CHECK(!recording_sort_notes(r, &e));
  CHECK_NEAR(r->note[0].time, .5, 0);
  for (int i = 0; i < 5; i++) {
    CHECK(!recording_write(r, folder_file(f[i].name), &e));
    CHECK_TEXT(e.text, "");
    recording_options o = {.rate = strstr(f[i].name, "npy") ? 250 : 0};
    recording *s = opened(f[i].name, &o);
    if (!s) continue;
    CHECK_INT(s->leads, LEADS);
    CHECK_NEAR(s->lead[1].rate, 250, 0);
    CHECK_INT(s->lead[1].samples, N);
    if (f[i].names) CHECK_INT(recording_find(s, "II"), 1);
    same(s, f[i].tol, f[i].gaps);
    if (i == 4) {
      CHECK_INT(s->notes, 2);
      CHECK_TEXT(s->note[0].label, "Sleep stage W");
      CHECK(s->note[0].time == .5 && s->note[0].duration == 3 && s->note[1].time == 1.5);
    }
    recording_close(s);
  }
  recording_close(r);
  r = opened("a", NULL); /* a record's name without extension */
  if (r) {
    CHECK_INT(r->notes, 2);
    CHECK_TEXT(r->note[0].text, "Sleep stage W");
    CHECK_TEXT(r->note[1].label, "N");
    CHECK_NEAR(r->note[1].time, 1.5, 1e-12);
  }
  recording_close(r);
  CHECK(recording_open(&r, folder_file("a.xyz"), NULL, &e) == ERR_FILE && strstr(e.text, "no reader"));
}

static void put_text(const char *name, const char *text) {
  CHECK(!folder_put(name, text, strlen(text)));
}

static void tables(void) {
  double x[4];
  err e = {0};
  put_text("plain.csv", "\n\n530\n518\nnan\n506");
  recording *r = opened("plain.csv", &(recording_options){.rate = 100});
  CHECK(r && r->leads == 1 && r->lead[0].samples == 4 && r->lead[0].rate == 100);
  CHECK(!recording_read(r, 0, 0, 4, x, &e));
  CHECK(x[0] == 530 && x[1] == 518 && isnan(x[2]) && x[3] == 506);
  recording_close(r);
  put_text("semi.txt", "\xef\xbb\xbf\"a \"\"b\"\"\";\"c\nd\"\n1;2\n");
  r = opened("semi.txt", NULL);
  CHECK_TEXT(r->lead[0].name, "a \"b\"");
  CHECK_TEXT(r->lead[1].name, "c\nd");
  recording_close(r);
  put_text("bad.csv", "a,b\n1,2\n3\n"), refused("bad.csv", "bad.csv:3: 1 cells");
  put_text("bad.csv", "a,b\n1,2\n3,4,5\n"), refused("bad.csv", "3 cells");
  put_text("bad.csv", "a,b\n\"1,2\n"), refused("bad.csv", "never closed");
  put_text("bad.csv", ""), refused("bad.csv", "no rows");
  put_text("bad.csv", "a,b\n"), refused("bad.csv", "cells where 2 are named");
  put_text("bad.csv", "a,b\nc,d\n"), refused("bad.csv", "no cell is a number");
  put_text("bad.csv", "1,2\n3,x\n");
  r = opened("bad.csv", NULL);
  CHECK(recording_read(r, 1, 0, 2, x, &e) == ERR_FILE && strstr(e.text, "bad.csv:2: \"x\""));
  recording_close(r);
}

static void put_npy(const char *name, const char *head, const void *data, size_t n) {
  FILE *f = fopen(folder_file(name), "wb");
  fwrite("\x93NUMPY\1\0", 1, 8, f);
  fputc((int)strlen(head), f), fputc(0, f);
  fputs(head, f);
  fwrite(data, 1, n, f);
  CHECK(!fclose(f));
}

static void arrays(void) {
  double x[3];
  err e = {0};
  const unsigned char big[] = {0xff, 0xff, 0, 2, 0, 3, 1, 0, 0, 5, 0, 6}; /* -1 2 3 256 5 6 */
  put_npy("b.npy", "{'descr': '>i2', 'fortran_order': False, 'shape': (2, 3), }", big, sizeof big);
  recording *r = opened("b.npy", NULL);
  CHECK(r && r->leads == 2 && r->lead[0].samples == 3);
  CHECK(!recording_read(r, 1, 0, 3, x, &e) && x[0] == 256 && x[1] == 5 && x[2] == 6);
  CHECK(!recording_read(r, 0, 0, 3, x, &e) && x[0] == -1 && x[1] == 2 && x[2] == 3);
  recording_close(r);
  put_npy("b.npy", "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", big, sizeof big);
  r = opened("b.npy", NULL);
  CHECK(!recording_read(r, 1, 0, 3, x, &e) && x[0] == 2 && x[1] == 256 && x[2] == 6);
  recording_close(r);
  put_npy("b.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3)}", big, sizeof big);
  r = opened("b.npy", &(recording_options){.item = 1});
  CHECK(r->leads == 2 && !recording_read(r, 1, 0, 3, x, &e) && x[0] == 5 && x[1] == 0 && x[2] == 6);
  recording_close(r);
  CHECK(recording_open(&r, folder_file("b.npy"), &(recording_options){.item = 2}, &e) == ERR_FILE && !r);
  put_npy("b.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }", big, 8),
      refused("b.npy", "shape wants 72");
  put_npy("b.npy", "{'descr': 'O', 'fortran_order': False, 'shape': (9,), }", big, 8),
      refused("b.npy", "plain numbers");
  put_npy("b.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (9", big, 8), refused("b.npy", "shape");
  put_npy("b.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", big, 8);
  refused("b.npy", "more elements");
  put_npy("b.npy", "{'descr': '<f8', 'shape': (1,), }", big, 8), refused("b.npy", "order");
  put_text("b.npy", "hello, world"), refused("b.npy", "no .npy file");
  npy_writer *w;
  npy *a;
  size_t dims[] = {3}, d[NPY_AXES];
  int64_t stride[NPY_AXES];
  e = (err){0};
  CHECK(!npy_create(&w, folder_file("c.npy"), true, 1, dims, &e) && !npy_put(w, 3, (double[]){1, .5, -2}, &e));
  CHECK(!npy_finish(w, &e) && !npy_open(&a, folder_file("c.npy"), &e));
  CHECK_INT(npy_axes(a, d, stride), 1);
  CHECK(!npy_read(a, 0, 2, 2, x, &e) && x[0] == 1 && x[1] == -2 && d[0] == 3);
  npy_close(a);
}

/* A dataset (samples, leads) of another name, and one item of three axes. */
static void hdf5_layouts(void) {
  double y[24], x[4];
  err e = {0};
  h5 *f;
  recording *r;
  for (int i = 0; i < 24; i++) y[i] = i;
  CHECK(!h5_create(&f, folder_file("l.h5"), &e));
  CHECK(!h5_write(f, "/x/ecg", H5_F32, 2, (size_t[]){4, 2}, (float[]){0, 1, 2, 3, 4, 5, 6, 7}, "mV", "transposed", &e));
  CHECK(!h5_write(f, "/signals", H5_F64, 3, (size_t[]){2, 3, 4}, y, "mV", "three axes", &e) && !h5_commit(f, &e));
  r = opened("l.h5", &(recording_options){.dataset = "/x/ecg", .rate = 10});
  CHECK(r->leads == 2 && r->lead[1].rate == 10 && !strcmp(r->lead[1].unit, "mV"));
  CHECK(!recording_read(r, 1, 1, 3, x, &e) && x[0] == 3 && x[1] == 5 && x[2] == 7);
  recording_close(r);
  r = opened("l.h5", &(recording_options){.item = 1});
  CHECK(r->leads == 3 && !recording_read(r, 2, 1, 3, x, &e) && x[0] == 21 && x[2] == 23);
  recording_close(r);
  CHECK(recording_open(&r, folder_file("l.h5"), &(recording_options){.dataset = "/none"}, &e) == ERR_FILE);
  CHECK(strstr(e.text, "has no /none") != NULL);
}

/* BDF with swapped polarity, 24 bits; discontinuous EDF+ made from a continuous one. */
static void european(void) {
  edf_signal s[2] = {
      {.label = "C3",
       .unit = "uV",
       .physical_min = 100,
       .physical_max = -100,
       .digital_min = -8388608,
       .digital_max = 8388607,
       .samples = 4},
      {.label = "slow", .physical_min = 0, .physical_max = 10, .digital_min = 0, .digital_max = 10, .samples = 1}};
  edf_header h = {.bdf = true, .duration = .5, .signals = 2, .signal = s, .day = 2, .month = 3, .year = 2004};
  const int32_t x[2][5] = {{-8388608, 8388607, 0, -1, 7}, {1, 2, 3, 4, 10}};
  err e = {0};
  edf_writer *w;
  int32_t y[4];
  edf *f;
  CHECK(!edf_create(&w, folder_file("b.bdf"), &h, 60, &e));
  edf_note_later(w, .75, .25, "here", &e);
  CHECK(!edf_put(w, x[0], &e) && !edf_put(w, x[1], &e) && !edf_finish(w, &e));
  CHECK_TEXT(e.text, "");
  CHECK(!edf_open(&f, folder_file("b.bdf"), &e));
  CHECK_TEXT(e.text, "");
  CHECK(edf_head(f)->bdf && edf_head(f)->plus && edf_head(f)->records == 2 && edf_head(f)->year == 2004);
  CHECK(!edf_read(f, 0, 0, 0, 4, y, &e));
  CHECK_BITS(y, x[0], sizeof y);
  CHECK_NEAR(edf_physical(&edf_head(f)->signal[0], y[0]), 100, 1e-9);
  CHECK_NEAR(edf_physical(&edf_head(f)->signal[0], y[1]), -100, 1e-9);
  edf_close(f);
  recording *r = opened("b.bdf", NULL);
  double v[4];
  CHECK(r->leads == 2 && r->lead[0].rate == 8 && r->lead[1].rate == 2 && r->lead[1].samples == 2 && r->notes == 1);
  CHECK(!recording_read(r, 1, 0, 2, v, &e) && v[0] == 7 && v[1] == 10);
  recording_close(r);
  e = (err){0};
  CHECK(!edf_create(&w, folder_file("c.bdf"), &h, 0, &e));
  CHECK(edf_put(w, (int32_t[]){0, 0, 0, 0, 11}, &e) == ERR_FILE && strstr(e.text, "slow"));
  edf_abandon(w);
}

static void gaps_between_records(void) {
  edf_signal s = {
      .label = "x", .physical_min = -100, .physical_max = 100, .digital_min = -100, .digital_max = 100, .samples = 2};
  edf_header h = {.duration = 1, .signals = 1, .signal = &s};
  err e = {0};
  edf_writer *w;
  CHECK(!edf_create(&w, folder_file("d.edf"), &h, 40, &e));
  for (int32_t k = 0; k < 3; k++) CHECK(!edf_put(w, (int32_t[]){10 * k, 10 * k + 1}, &e));
  CHECK(!edf_finish(w, &e));
  FILE *f = fopen(folder_file("d.edf"), "r+b"); /* the second data record begins at 3.5 s, the third at 4.5 s */
  fseek(f, 192, SEEK_SET), fputs("EDF+D", f);
  for (int k = 0; k < 3; k++)
    fseek(f, 768 + 44 * k + 4, SEEK_SET), fputs(k == 0 ? "+0.25\x14\x14" : k == 1 ? "+3.5\x14\x14" : "+4.5\x14\x14", f);
  CHECK(!fclose(f));
  recording *r = opened("d.edf", NULL);
  if (!r) return;
  const double expected[] = {0, 1, NAN, NAN, NAN, NAN, 10, 11, 20, 21};
  double x[10];
  CHECK_INT(r->lead[0].samples, 10); /* 3.25 s and 4.25 s at 2 Hz: samples 6.5 and 8.5, rounded to even */
  CHECK(!recording_read(r, 0, 0, 10, x, &e));
  for (int i = 0; i < 10; i++) CHECK_REPORT(isnan(expected[i]) ? isnan(x[i]) : x[i] == expected[i], "%d: %g", i, x[i]);
  CHECK(!recording_read(r, 0, 4, 3, x, &e) && isnan(x[1]) && x[2] == 10);
  recording_close(r);
}

static void damaged(const char *bytes, size_t n, const char *message) {
  CHECK(!folder_put("cut.edf", bytes, n));
  refused("cut.edf", message);
}

static void bad_european(void) {
  char b[2000];
  err e = {0};
  recording *r = opened("a.edf", NULL);
  recording_close(r);
  FILE *f = fopen(folder_file("a.edf"), "rb");
  size_t n = fread(b, 1, sizeof b, f);
  fclose(f);
  damaged(b, n, "header promises");
  damaged(b, 1000, "within its header");
  damaged(b, 100, "256 bytes");
  b[0] = '1';
  damaged(b, n, "neither EDF nor BDF");
  b[0] = '0', memcpy(b + 244, "x       ", 8);
  damaged(b, n, "duration");
  memcpy(b + 244, "0       ", 8);
  damaged(b, n, "header promises");
  memcpy(b + 252, "0   ", 4);
  damaged(b, n, "number of signals");
  CHECK(!e.code);
}

/* A variable record: a layout, two segments with some of its signals each and other gains, a gap between them. */
static void segments(void) {
  const double nan = NAN, expected[2][7] = {{1, 2, nan, nan, nan, nan, nan}, {nan, nan, nan, nan, 5, 6, 7}};
  double x[7];
  err e = {0};
  put_text("v.hea", "v/4 2 100 7\nv_layout 0\nv_1 2\n~ 2\nv_2 3\n");
  put_text("v_layout.hea", "v_layout 2 100 0\n~ 0 100/mV 12 0 0 0 0 A\n~ 0 50/mmHg 12 0 0 0 0 B\n");
  put_text("v_1.hea", "v_1 1 100 2\nv_1.dat 80 10/mV 8 0 0 0 0 A\n");
  put_text("v_1.dat", "\x8a\x94");
  put_text("v_2.hea", "v_2 1 100 3\nv_2.dat 80 2/mmHg 8 0 0 0 0 B\n");
  put_text("v_2.dat", "\x8a\x8c\x8e");
  recording *r = opened("v.hea", NULL);
  if (!r) return;
  for (int k = 0; k < 2; k++) {
    CHECK(!recording_read(r, k, 0, 7, x, &e));
    CHECK_TEXT(e.text, "");
    for (int i = 0; i < 7; i++)
      CHECK_REPORT(isnan(expected[k][i]) ? isnan(x[i]) : x[i] == expected[k][i], "lead %d, %d: %g", k, i, x[i]);
  }
  CHECK(!recording_read(r, 0, 1, 1, x, &e) && x[0] == 2);
  CHECK_TEXT(r->lead[1].unit, "mmHg");
  recording_close(r);
  put_text("v.hea", "v/4 2 100 8\nv_layout 0\nv_1 2\n~ 2\nv_2 3\n"), refused("v.hea", "hold 7 frames");
  put_text("v.hea", "v/1 2 100 7\nnone 7\n"), refused("v.hea", "No such file");
  put_text("v.hea", "v/2 2 100 9\nv_layout 0\nv_1 9\n");
  r = opened("v.hea", NULL);
  CHECK(recording_read(r, 0, 0, 7, x, &e) == ERR_FILE && strstr(e.text, "its record wants 9"));
  recording_close(r);
  e = (err){0};
  put_text("v.hea", "v/2 2 100 2\nv_layout 0\nv 2\n"); /* a record within itself */
  r = opened("v.hea", NULL);
  CHECK(recording_read(r, 0, 0, 1, x, &e) == ERR_FILE && strstr(e.text, "several segments"));
  recording_close(r);
}

/* Bytes of this process that lie in memory now. */
static double resident(void) {
  long all = 0, here = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%ld %ld", &all, &here) != 2) here = 0;
  if (f) fclose(f);
  return (double)here * (double)sysconf(_SC_PAGESIZE);
}

/* From end to end in pieces: memory does not follow the length of the file. */
static void streamed(const char *name, int64_t samples, double last) {
  enum { PIECE = 100000 };
  static double x[PIECE];
  err e = {0};
  double before = resident(), most = before;
  recording *r = opened(name, &(recording_options){.rate = 1000});
  if (!r) return;
  CHECK_INT(r->lead[0].samples, samples);
  for (int64_t at = 0; at < samples && !e.code; at += PIECE) {
    long n = (long)(samples - at < PIECE ? samples - at : PIECE);
    recording_read(r, 0, at, n, x, &e);
    if (at + n == samples) CHECK_NEAR(x[n - 1], last, 1e-12);
    most = fmax(most, resident());
  }
  CHECK_TEXT(e.text, "");
  CHECK_REPORT(before > 0 && most - before < 8e6, "%s: memory grew by %.1f MB", name, 1e-6 * (most - before));
  recording_close(r);
}

/* A file of `bytes` bytes from its present end on, zero but for the last two. */
static void lengthen(const char *name, long bytes) {
  FILE *f = fopen(folder_file(name), "ab");
  CHECK(f && !fclose(f));
  CHECK(!truncate(folder_file(name), bytes - 2));
  f = fopen(folder_file(name), "ab");
  CHECK(f && fwrite("\1\2", 1, 2, f) == 2 && !fclose(f));
}

/* 64 MB each. */
static void long_files(void) {
  enum { MILLIONS = 32, SAMPLES = MILLIONS * 1000000, RECORD = 1000 };
  static int32_t one[RECORD];
  char head[128] = "\x93NUMPY\1\0v\0{'descr': '<i2', 'fortran_order': False, 'shape': (32000000,), }";
  size_t used = 10 + strlen(head + 10);
  memset(head + used, ' ', sizeof head - used), head[127] = '\n';
  CHECK(!folder_put("long.npy", head, sizeof head));
  lengthen("long.npy", (long)sizeof head + 2L * SAMPLES);
  streamed("long.npy", SAMPLES, 0x201);
  put_text("long.hea", "long 1 1000 32000000\nlong.dat 16 1000/mV\n");
  lengthen("long.dat", 2L * SAMPLES);
  streamed("long.hea", SAMPLES, .513);
  edf_signal s = {.label = "x",
                  .physical_min = -100,
                  .physical_max = 100,
                  .digital_min = -100,
                  .digital_max = 100,
                  .samples = RECORD};
  edf_header h = {.duration = 1, .signals = 1, .signal = &s};
  err e = {0};
  edf_writer *w;
  CHECK(!edf_create(&w, folder_file("long.edf"), &h, 0, &e));
  for (int k = 0; k < SAMPLES / RECORD && !e.code; k++) one[RECORD - 1] = k % 100, edf_put(w, one, &e);
  CHECK(!edf_finish(w, &e));
  CHECK_TEXT(e.text, "");
  streamed("long.edf", SAMPLES, (SAMPLES / RECORD - 1) % 100);
}

int main(void) {
  CHECK(!folder_make());
  long_files();
  through_all();
  tables();
  arrays();
  hdf5_layouts();
  european();
  gaps_between_records();
  bad_european();
  segments();
  CHECK(!folder_remove());
  return check_done();
}

/* test_wfdb.c: records written and read again, formats byte by byte, FLAC, skew, several rates, segments' headers,
 * annotations, and what malformed headers are told. */
#include <FLAC/stream_encoder.h>
#include <limits.h>
#include <unistd.h>

#include "base/rng.h"
#include "check.h"
#include "signals/wfdb.h"

static char folder[] = "/tmp/spinet_wfdb_XXXXXX";

static const char *in_folder(const char *name) {
  static char ring[4][PATH_MAX];
  static int turn;
  char *s = ring[turn++ & 3];
  snprintf(s, PATH_MAX, "%s/%s", folder, name);
  return s;
}

static void put_file(const char *name, const void *p, size_t n) {
  FILE *f = fopen(in_folder(name), "wb");
  CHECK(f && fwrite(p, 1, n, f) == n && !fclose(f));
}

static int32_t value(int code, long i) {
  int bits = code == 212 ? 12 : 16;
  uint32_t u = rng_words(rng_stream(1, "samples"), (uint64_t)i, 0, 0).v[0];
  return u % 50 == 0 ? WFDB_INVALID : (int32_t)(u % ((1u << bits) - 1)) - (1 << (bits - 1)) + 1;
}

/* Every sample comes back, whole and in pieces, for odd counts too; the checksums hold. */
static void round_trip(int code, long frames) {
  wfdb_signal s[3] = {{.format = wfdb_format_find(code), .spf = 1, .gain = 200, .unit = "mV", .description = "lead I"},
                      {.format = wfdb_format_find(code), .spf = 3, .gain = -1.5, .unit = "mm Hg", .baseline = -7},
                      {.format = wfdb_format_find(code), .spf = 1, .gain = 1e-3, .zero = 9}};
  wfdb_header h = {.rate = 360.5, .signals = 3, .signal = s};
  wfdb_writer *w;
  wfdb *r;
  err e = {0};
  int32_t *x = malloc(sizeof *x * (size_t)(5 * frames + 5)), *y = malloc(sizeof *y * (size_t)(5 * frames + 5));
  for (long i = 0; i < 5 * frames; i++) x[i] = value(code, i);
  CHECK(!wfdb_create(&w, in_folder("trip"), &h, &e));
  for (long f = 0, n; f < frames; f += n) {
    n = frames - f < 977 ? frames - f : 977;
    CHECK(!wfdb_put(w, n, x + 5 * f, &e));
  }
  CHECK(!wfdb_finish(w, &e));
  CHECK(!wfdb_open(&r, in_folder("trip"), &e));
  CHECK_TEXT(e.text, "");
  if (!r) return;
  CHECK_INT(wfdb_width(r), 5);
  CHECK_INT(wfdb_head(r)->frames, frames);
  CHECK_NEAR(wfdb_head(r)->rate, 360.5, 0);
  CHECK_NEAR(wfdb_head(r)->signal[1].gain, -1.5, 0);
  CHECK_INT(wfdb_head(r)->signal[1].baseline, -7);
  CHECK_TEXT(wfdb_head(r)->signal[1].unit, "mm_Hg");
  CHECK_TEXT(wfdb_head(r)->signal[0].description, "lead I");
  CHECK(!wfdb_verify(r, &e));
  CHECK(!wfdb_read(r, 0, frames, y, &e));
  CHECK_BITS(x, y, sizeof *x * 5 * (size_t)frames);
  for (long f = 1; f < frames; f = 3 * f + 1) {
    long n = frames - f < 31 ? frames - f : 31;
    CHECK(!wfdb_read(r, f, n, y, &e));
    CHECK_BITS(x + 5 * f, y, sizeof *x * 5 * (size_t)n);
  }
  CHECK(wfdb_read(r, 1, frames, y, &e) == ERR_RUN);
  wfdb_close(r);
  free(x), free(y);
}

static void too_large(void) {
  wfdb_signal s = {.format = wfdb_format_find(212), .spf = 1, .gain = 1, .description = "x"};
  wfdb_header h = {.rate = 1, .signals = 1, .signal = &s};
  int32_t x[] = {2047, -2047, 2048};
  wfdb_writer *w;
  err e = {0};
  CHECK(!wfdb_create(&w, in_folder("large"), &h, &e));
  CHECK(wfdb_put(w, 3, x, &e) == ERR_FILE && strstr(e.text, "2048 of signal 0, frame 2"));
  wfdb_abandon(w);
  CHECK(access(in_folder("large.dat"), F_OK) && access(in_folder("large.dat.tmp"), F_OK));
  s.format = wfdb_format_find(311), e = (err){0};
  CHECK(wfdb_create(&w, in_folder("large"), &h, &e) == ERR_FILE && !w);
}

/* Bytes and the samples they mean; one signal, all samples. */
static void decodes(int code, const char *bytes, size_t n, long samples, const int32_t *expected) {
  char head[200];
  int32_t y[16];
  wfdb *r;
  err e = {0};
  snprintf(head, sizeof head, "bytes 1 100 %ld\nbytes.dat %d 1 12 0 %d\n", samples, code, expected[0]);
  put_file("bytes.hea", head, strlen(head));
  put_file("bytes.dat", bytes, n);
  CHECK(!wfdb_open(&r, in_folder("bytes"), &e));
  CHECK_TEXT(e.text, "");
  if (!r) return;
  CHECK(!wfdb_read(r, 0, samples, y, &e));
  for (long i = 0; i < samples; i++) CHECK_INT(y[i], expected[i]);
  for (long i = samples - 1; i >= 0; i--) { /* backwards, one by one */
    CHECK(!wfdb_read(r, i, 1, y, &e));
    CHECK_INT(y[0], expected[i]);
  }
  wfdb_close(r);
}

#define DECODES(code, bytes, ...) \
  decodes(code, bytes, sizeof bytes - 1, (long)(sizeof(int32_t[]){__VA_ARGS__} / 4), (int32_t[]){__VA_ARGS__})
static void formats(void) {
  DECODES(8, "\0\x7f\xff\x80", 5, 132, 131, 3);
  DECODES(16, "\x01\0\xff\xff\0\x80", 1, -1, WFDB_INVALID);
  DECODES(24, "\x01\0\x80\xff\xff\xff\0\0\x80", -8388607, -1, WFDB_INVALID);
  DECODES(32, "\x01\0\0\x80\0\0\0\x80", INT32_MIN + 1, WFDB_INVALID);
  DECODES(61, "\0\x01\xff\xfe\x80\0", 1, -2, WFDB_INVALID);
  DECODES(80, "\x81\x01\xff\0", 1, -127, 127, WFDB_INVALID);
  DECODES(160, "\x01\x80\xff\x7f\0\0", 1, -1, WFDB_INVALID);
  DECODES(212, "\xff\xf7\x01\x02\x08", 2047, -255, -2046);
  DECODES(310, "\x03\xf8\xfe\x07", 1, -1, 31);
  DECODES(311, "\x01\xfc\x0f\x20", 1, -1, WFDB_INVALID);
}

/* A skewed signal is read later; where it has ended, nothing is recorded. Signal 1 has two samples per frame. */
static void skew_and_rates(void) {
  const char head[] = "skew 2 10 4\nskew.dat 80:1+2 1\nskew.dat 80x2+2 1\n";
  const char bytes[] = "xx\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c";
  const int32_t expected[] = {4, 2, 3, 7, 5, 6, 10, 8, 9, WFDB_INVALID, 11, 12};
  int32_t y[12];
  wfdb *r;
  err e = {0};
  put_file("skew.hea", head, sizeof head - 1);
  put_file("skew.dat", bytes, sizeof bytes - 1);
  CHECK(!wfdb_open(&r, in_folder("skew.hea"), &e));
  CHECK_TEXT(e.text, "");
  CHECK(!wfdb_read(r, 0, 4, y, &e));
  for (int i = 0; i < 12; i++) CHECK_INT(y[i], expected[i]);
  CHECK(!wfdb_read(r, 2, 2, y, &e));
  for (int i = 0; i < 6; i++) CHECK_INT(y[i], expected[6 + i]);
  wfdb_close(r);
}

static void encode_flac(const char *name, int channels, int bits, long n, const int32_t *x, bool told) {
  FLAC__StreamEncoder *f = FLAC__stream_encoder_new();
  FLAC__stream_encoder_set_channels(f, (unsigned)channels);
  FLAC__stream_encoder_set_bits_per_sample(f, (unsigned)bits);
  FLAC__stream_encoder_set_blocksize(f, 576);
  CHECK(!FLAC__stream_encoder_init_file(f, in_folder(name), NULL, NULL));
  CHECK(FLAC__stream_encoder_process_interleaved(f, x, (unsigned)n));
  CHECK(FLAC__stream_encoder_finish(f));
  FLAC__stream_encoder_delete(f);
}

static void flac(int code, int bits) {
  enum { FRAMES = 5000 };
  static int32_t x[FRAMES * 2 * 2], y[FRAMES * 4];
  char head[200];
  wfdb *r;
  err e = {0};
  int32_t low = -(1 << (bits - 1));
  for (long i = 0; i < FRAMES * 4; i++) x[i] = i % 97 ? (int32_t)(100 * sin(.01 * (double)i)) : low; /* (time, 2) */
  encode_flac("a.flac", 2, bits, FRAMES * 2, x, true);
  snprintf(head, sizeof head, "f 2 500 %d\na.flac %dx2 200\na.flac %dx2 200\n", FRAMES, code, code);
  put_file("f.hea", head, strlen(head));
  CHECK(!wfdb_open(&r, in_folder("f"), &e));
  CHECK_TEXT(e.text, "");
  if (!r) return;
  const long from[] = {0, 4990, 17, 2000, 2003};
  for (int t = 0; t < 5; t++) {
    long n = t ? 10 : FRAMES;
    CHECK(!wfdb_read(r, from[t], n, y, &e));
    for (long i = 0; i < 4 * n; i++) {
      long frame = from[t] + i / 4, channel = i % 4 / 2, sub = i % 2;
      int32_t v = x[(frame * 2 + sub) * 2 + channel];
      CHECK_INT(y[i], v == low ? WFDB_INVALID : v);
    }
  }
  wfdb_close(r);
  snprintf(head, sizeof head, "f 1 500 %d\na.flac %dx2 200\n", FRAMES, code); /* channels differ */
  put_file("f.hea", head, strlen(head));
  CHECK(wfdb_open(&r, in_folder("f"), &e) == ERR_FILE && strstr(e.text, "FLAC"));
}

static void headers(void) {
  wfdb_header *h;
  err e = {0};
  const char plain[] =
      "# first\n\n rec 2 500/1000(-5.5) 10 12:00:01 1/2/2003 \r\n# two\nd.mat 16x4:3+24 1000.5(7)/uV 14 "
      "-3 2 -1 0 a long name \n~ 0\n#<age>: 5\n";
  CHECK(!wfdb_header_parse(&h, "rec.hea", plain, sizeof plain - 1, &e));
  CHECK_TEXT(e.text, "");
  CHECK_TEXT(h->name, "rec");
  CHECK_NEAR(h->rate, 500, 0);
  CHECK_NEAR(h->counter_rate, 1000, 0);
  CHECK_NEAR(h->counter_base, -5.5, 0);
  CHECK_INT(h->frames, 10);
  CHECK_TEXT(h->date, "1/2/2003");
  CHECK_TEXT(h->comments, " first\n two\n<age>: 5\n");
  wfdb_signal *s = h->signal;
  CHECK(s->spf == 4 && s->skew == 3 && s->offset == 24 && s->gain == 1000.5 && s->baseline == 7 && s->zero == -3);
  CHECK(s->resolution == 14 && s->initial == 2 && s->checksum == 65535 && s->calibrated);
  CHECK_TEXT(s->unit, "uV");
  CHECK_TEXT(s->description, "a long name");
  CHECK_TEXT(s[1].file, "~");
  CHECK(s[1].gain == 200 && !s[1].calibrated && !strcmp(s[1].unit, "mV") && !s[1].has_checksum);
  wfdb_header_free(h);
  const char parts[] = "rec/3 2 125 100\nrec_layout 0\nrec_1 60\n~ 40\n";
  CHECK(!wfdb_header_parse(&h, "rec.hea", parts, sizeof parts - 1, &e));
  CHECK(h->segments == 3 && h->segment[1].frames == 60 && !strcmp(h->segment[2].name, "~"));
  wfdb_header_free(h);
  static const struct {
    const char *text, *message;
  } bad[] = {{"", "empty"},
             {"# only\n", "empty"},
             {"r\n", "number of signals"},
             {"r 1x\n", "number of signals"},
             {"r 99999999999999999999 1\n", "number of signals"},
             {"r 1 0\nd 16\n", "sampling rate"},
             {"r 1 nan\nd 16\n", "sampling rate"},
             {"r 1 250x\nd 16\n", "sampling rate"},
             {"r 1 250 -4\nd 16\n", "number of samples"},
             {"r 2 250\nd 16\n", "ends before"},
             {"r 1 250\nd 17\n", "unknown storage format"},
             {"r 1 250\nd\n", "lacks its format"},
             {"r 1 250\nd 16x0\n", "samples per frame"},
             {"r 1 250\nd 16:-1\n", "skew"},
             {"r 1 250\nd 16+\n", "offset"},
             {"r 1 250\nd 16 200(\n", "baseline"},
             {"r 1 250\nd 16 inf\n", "gain"},
             {"r 1 250\nd 16 200 x\n", "resolution"},
             {"r 1 250\n/etc/passwd 16\n", "folder"},
             {"r 1 250\n../d 16\n", "folder"},
             {"r 1 250\nd 16\ne 16\n", "more lines"},
             {"r/0 1 250\n", "segments"},
             {"r/1 1 250\ns\n", "number of samples"}};
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    e = (err){0};
    CHECK_INT(wfdb_header_parse(&h, "r.hea", bad[i].text, strlen(bad[i].text), &e), ERR_FILE);
    CHECK_REPORT(!h && strstr(e.text, bad[i].message) && strstr(e.text, "r.hea"), "%.200s: %.200s", bad[i].text,
                 e.text);
  }
}

static void annotations(void) {
  err e = {0};
  wfdb_annotation v[] = {{5, 1, 0, 0, 0, NULL},
                         {5, 28, 0, 0, 0, "(AFIB"},
                         {1028, 5, -3, 2, 0, NULL},
                         {1100, 1, 0, 2, -7, "ab"},
                         {9000000, 8, 1, 0, -7, ""}};
  wfdb_annotations a = {.n = 5, .rate = 250, .a = v}, *b;
  a.symbol[42] = "own";
  CHECK(!wfdb_annotations_write(&a, in_folder("x.atr"), &e));
  CHECK(!wfdb_annotations_read(&b, in_folder("x.atr"), &e));
  CHECK_TEXT(e.text, "");
  CHECK_INT(b->n, 5);
  CHECK_NEAR(b->rate, 250, 0);
  CHECK_TEXT(wfdb_symbol(b, 42), "own");
  CHECK_TEXT(wfdb_symbol(b, 5), "V");
  for (int i = 0; i < 5; i++) {
    const wfdb_annotation *x = &b->a[i];
    CHECK(x->sample == v[i].sample && x->code == v[i].code && x->sub == v[i].sub && x->channel == v[i].channel);
    CHECK_INT(x->num, v[i].num);
    CHECK(!x->aux == !v[i].aux && (!x->aux || !strcmp(x->aux, v[i].aux)));
  }
  wfdb_annotations_free(b);
  static const struct {
    const char *bytes, *message;
    size_t n;
  } bad[] = {{"\1\4", "end mark", 2},
             {"", "end mark", 0},
             {"\0\xec\0", "within a step", 3},
             {"\1\4\5\xfc"
              "ab",
              "within a text", 6},
             {"\0\xd0\0\0", "unknown code", 4},
             {"\0\xec\xff\xff\0\0\1\4\0\0", "before the first", 10}};
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    e = (err){0};
    CHECK_INT(wfdb_annotations_parse(&b, "x.atr", bad[i].bytes, bad[i].n, &e), ERR_FILE);
    CHECK_REPORT(!b && strstr(e.text, bad[i].message), "%u: %.200s", i, e.text);
  }
}

static void short_files(void) {
  wfdb *r;
  err e = {0};
  const char head[] = "short 2 100 10\nshort.dat 212 1\nshort.dat 212 1\n";
  put_file("short.hea", head, sizeof head - 1);
  put_file("short.dat", "1234567890", 10);
  CHECK(wfdb_open(&r, in_folder("short"), &e) == ERR_FILE && !r && strstr(e.text, "holds 3 frames"));
  unlink(in_folder("short.dat"));
  e = (err){0};
  CHECK(wfdb_open(&r, in_folder("short"), &e) == ERR_FILE && !r && strstr(e.text, "No such file"));
}

int main(void) {
  CHECK(mkdtemp(folder) != NULL);
  for (long frames = 1; frames < 60000; frames = 4 * frames + 1) round_trip(16, frames), round_trip(212, frames);
  too_large();
  formats();
  skew_and_rates();
  flac(508, 8), flac(516, 16), flac(524, 24);
  headers();
  annotations();
  short_files();
  char command[100];
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(!system(command));
  return check_done();
}

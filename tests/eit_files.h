/* eit_files.h: small files of every format, made up here, with the numbers that a reader has to find in them. */
#ifndef TESTS_EIT_FILES_H
#define TESTS_EIT_FILES_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct eit_file {
  const char *reader;
  unsigned char *bytes;
  size_t n;
} eit_file;

enum { FILES = 12, FILE_FRAMES = 3 };

static inline double file_datum(int frame, int i) {
  return .1 + .01 * frame + .001 * i;
}

static inline void file_put(eit_file *f, const void *p, size_t n) {
  f->bytes = realloc(f->bytes, f->n + n + 1);
  memcpy(f->bytes + f->n, p, n);
  f->n += n;
  f->bytes[f->n] = 0;
}
static inline void file_text(eit_file *f, const char *s) {
  file_put(f, s, strlen(s));
}
static inline void file_float(eit_file *f, double x) {
  float y = (float)x;
  file_put(f, &y, 4);
}
static inline void file_double(eit_file *f, double x) {
  file_put(f, &x, 8);
}
static inline void file_u32(eit_file *f, uint32_t x) {
  file_put(f, &x, 4);
}

/* half: 104 data per frame */
static inline void file_get_frames(eit_file *f, int half) {
  for (int t = 0; t < FILE_FRAMES; t++)
    for (int i = 0; i < 256; i++) {
      int count = half ? 38 : 208; /* value 38 is 0 in short frames: then 104 values, of which 38 are seen here */
      double x = half ? (i < 104 && i != 38 ? file_datum(t, i) : 0) : i < count ? file_datum(t, i) : i;
      file_float(f, half && i >= 208 ? i : x);
    }
}

static inline void file_draeger_eit(eit_file *f, unsigned version, size_t frame) {
  char header[400] = "**\r\n---Draeger EIT-Software V1.20---\r\nFormat:    51\r\nFramerate [Hz]:    20\r\n";
  file_u32(f, version), file_u32(f, 400);
  file_put(f, header, 400);
  for (int t = 0; t < FILE_FRAMES; t++) {
    size_t from = f->n;
    file_double(f, .5 + t * .05 / 86400);
    for (int i = 0; i < (int)(frame / 8 - 1); i++) file_double(f, i < 600 ? file_datum(t, i) : 0);
    char zero[8] = {0};
    file_put(f, zero, frame - (f->n - from));
  }
}

static inline void file_draeger_bin(eit_file *f, int fields) {
  for (int t = 0; t < FILE_FRAMES; t++) {
    char text[30] = "event";
    file_double(f, .25 + t * .02 / 86400), file_float(f, 0);
    for (int i = 0; i < 1024; i++) file_float(f, file_datum(t, i));
    file_u32(f, 1), file_u32(f, 7), file_put(f, text, 30), file_u32(f, 0);
    for (int i = 0; i < fields; i++) file_float(f, i == 5 ? -1e38 : 10 * t + i);
  }
}

/* One matrix element of a MAT file; deflated if asked. */
static inline void file_mat(eit_file *f, const char *name, int rows, int cols, const double *x, int deflated) {
  eit_file m = {0};
  size_t length = strlen(name), padded = (length + 7) / 8 * 8, data = 8 * (size_t)(rows * cols);
  char zero[8] = {0};
  file_u32(&m, 14), file_u32(&m, (uint32_t)(16 + 16 + 8 + padded + 8 + data));
  file_u32(&m, 6), file_u32(&m, 8), file_u32(&m, 6), file_u32(&m, 0);
  file_u32(&m, 5), file_u32(&m, 8), file_u32(&m, (uint32_t)rows), file_u32(&m, (uint32_t)cols);
  file_u32(&m, 1), file_u32(&m, (uint32_t)length), file_put(&m, name, length), file_put(&m, zero, padded - length);
  file_u32(&m, 9), file_u32(&m, (uint32_t)data), file_put(&m, x, data);
  if (deflated) {
    uLongf room = compressBound(m.n);
    unsigned char *z = malloc(room);
    compress(z, &room, m.bytes, m.n);
    file_u32(f, 15), file_u32(f, (uint32_t)room), file_put(f, z, room);
    free(z);
  } else {
    file_put(f, m.bytes, m.n);
  }
  free(m.bytes);
}

enum { KTC_L = 8, KTC_D = 3, KTC_M = 4 };
static inline void file_ktc(eit_file *f, int deflated) {
  char header[128] = "MATLAB 5.0 MAT-file";
  double drive[KTC_L * KTC_D] = {0}, meas[KTC_L * KTC_M] = {0}, v[KTC_D * KTC_M];
  header[124] = 0, header[125] = 1, header[126] = 'I', header[127] = 'M';
  for (int k = 0; k < KTC_D; k++) drive[k * KTC_L] = 2, drive[k * KTC_L + k + 1] = -2;
  for (int k = 0; k < KTC_M; k++) meas[k * KTC_L + k] = 1, meas[k * KTC_L + k + 1] = -1;
  for (int i = 0; i < KTC_D * KTC_M; i++) v[i] = i == 5 ? NAN : file_datum(0, i);
  file_put(f, header, 128);
  file_mat(f, "Inj", KTC_L, KTC_D, drive, deflated);
  file_mat(f, "Mpat", KTC_L, KTC_M, meas, deflated);
  file_mat(f, "Uel", KTC_D * KTC_M, 1, v, deflated);
}

static inline void file_csv(eit_file *f, int columns, int extra) {
  char number[40];
  file_text(f, "a header, with words\n");
  for (int t = 0; t < FILE_FRAMES; t++)
    for (int i = 0; i < columns + extra; i++) {
      snprintf(number, sizeof number, "%.9g%c", i < columns ? file_datum(t, i) : 100. * t + i,
               i + 1 < columns + extra ? ',' : '\n');
      file_text(f, number);
    }
}

static inline void file_rpi(eit_file *f) {
  char number[40];
  file_text(f, "0.200000\n");
  for (int i = 0; i < 992; i++)
    snprintf(number, sizeof number, "%.6f\r\n", 1e3 * file_datum(0, i)), file_text(f, number);
}

static inline void files_make(eit_file f[FILES]) {
  memset(f, 0, FILES * sizeof *f);
  f[0].reader = "get", file_get_frames(f, 0);
  f[1].reader = "get", file_get_frames(f + 1, 1);
  f[2].reader = "draeger-get";
  file_text(f + 2, "---Draeger EIT-Software V1.20---\r\nFramerate [Hz]: 13\r\n\r\n\r\n"), file_get_frames(f + 2, 0);
  f[3].reader = "draeger-eit", file_draeger_eit(f + 3, 51, 5495);
  f[4].reader = "draeger-bin", file_draeger_bin(f + 4, 52);
  f[5].reader = "draeger-bin", file_draeger_bin(f + 5, 58);
  f[6].reader = "sheffield";
  for (int t = 0; t < FILE_FRAMES; t++)
    for (int i = 0; i < 104; i++) file_float(f + 6, file_datum(t, i));
  f[7].reader = "ktc", file_ktc(f + 7, 0);
  f[8].reader = "ktc", file_ktc(f + 8, 1);
  f[9].reader = "rpi", file_rpi(f + 9);
  f[10].reader = "csv", file_csv(f + 10, 208, 2);
  f[11].reader = "csv", file_csv(f + 11, 1024, 6);
}

static inline void files_free(eit_file f[FILES]) {
  for (int i = 0; i < FILES; i++) free(f[i].bytes);
}

#endif

/* wfdb_format.c: the table of storage formats; wfdb_format_find, _invalid, _size.
 *
 * As documented in PhysioNet's signal(5): little-endian unless said otherwise; the smallest number of a format stands
 * for a sample that was not recorded. Decoders take whole groups; plain loops that the compiler vectorises. */
#include <string.h>

#include "signals/wfdb.h"

static int32_t extend(uint32_t x, int bits) {
  return (int32_t)(x << (32 - bits)) >> (32 - bits);
}

static uint32_t word(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static void decode_8(const uint8_t *in, long n, int32_t *out) {
  for (long i = 0; i < n; i++) out[i] = (int8_t)in[i];
}

static void decode_16(const uint8_t *restrict in, long n, int32_t *restrict out) {
  for (long i = 0; i < n; i++) {
    int16_t v;
    memcpy(&v, in + 2 * i, 2);
    out[i] = v == INT16_MIN ? WFDB_INVALID : v;
  }
}

static void decode_24(const uint8_t *in, long n, int32_t *out) {
  for (long i = 0; i < n; i++, in += 3) {
    int32_t v = extend(word(in) | (uint32_t)in[2] << 16, 24);
    out[i] = v == -(1 << 23) ? WFDB_INVALID : v;
  }
}

static void decode_32(const uint8_t *in, long n, int32_t *out) {
  memcpy(out, in, (size_t)n * 4); /* its code is WFDB_INVALID */
}

static void decode_61(const uint8_t *in, long n, int32_t *out) {
  for (long i = 0; i < n; i++) {
    int16_t v = (int16_t)((uint32_t)in[2 * i] << 8 | in[2 * i + 1]);
    out[i] = v == INT16_MIN ? WFDB_INVALID : v;
  }
}

static void decode_80(const uint8_t *in, long n, int32_t *out) {
  for (long i = 0; i < n; i++) out[i] = in[i] ? in[i] - 128 : WFDB_INVALID;
}

static void decode_160(const uint8_t *in, long n, int32_t *out) {
  for (long i = 0; i < n; i++) {
    int32_t v = (int32_t)word(in + 2 * i) - 32768;
    out[i] = v == -32768 ? WFDB_INVALID : v;
  }
}

static int32_t twelve(uint32_t x) {
  int32_t v = extend(x, 12);
  return v == -2048 ? WFDB_INVALID : v;
}

static void decode_212(const uint8_t *restrict in, long n, int32_t *restrict out) {
  for (long i = 0; i < n; i++, in += 3) {
    out[2 * i] = twelve(in[0] | (uint32_t)(in[1] & 15) << 8);
    out[2 * i + 1] = twelve(in[2] | (uint32_t)(in[1] >> 4) << 8);
  }
}

static int32_t ten(uint32_t x) {
  int32_t v = extend(x & 1023, 10);
  return v == -512 ? WFDB_INVALID : v;
}

static void decode_310(const uint8_t *in, long n, int32_t *out) {
  for (long i = 0; i < n; i++, in += 4, out += 3) {
    uint32_t a = word(in), b = word(in + 2);
    out[0] = ten(a >> 1), out[1] = ten(b >> 1), out[2] = ten(a >> 11 | (b >> 11) << 5);
  }
}

static void decode_311(const uint8_t *in, long n, int32_t *out) {
  for (long i = 0; i < n; i++, in += 4, out += 3) {
    uint32_t u = word(in) | word(in + 2) << 16;
    out[0] = ten(u), out[1] = ten(u >> 10), out[2] = ten(u >> 20);
  }
}

static void encode_16(const int32_t *in, long n, uint8_t *out) {
  for (long i = 0; i < n; i++) {
    uint32_t v = in[i] == WFDB_INVALID ? 0x8000u : (uint32_t)in[i];
    out[2 * i] = (uint8_t)v, out[2 * i + 1] = (uint8_t)(v >> 8);
  }
}

static void encode_212(const int32_t *in, long n, uint8_t *out) {
  for (long i = 0; i < n; i++, out += 3) {
    uint32_t a = in[2 * i] == WFDB_INVALID ? 0x800u : (uint32_t)in[2 * i];
    uint32_t b = in[2 * i + 1] == WFDB_INVALID ? 0x800u : (uint32_t)in[2 * i + 1];
    out[0] = (uint8_t)a, out[1] = (uint8_t)((a >> 8 & 15) | (b >> 8 & 15) << 4), out[2] = (uint8_t)b;
  }
}

static const wfdb_format format_8 = {8, "first differences, 8 bits", 1, 1, 8, decode_8, NULL, true},
                         format_16 = {16, "16 bits", 2, 1, 16, decode_16, encode_16},
                         format_24 = {24, "24 bits", 3, 1, 24, decode_24},
                         format_32 = {32, "32 bits", 4, 1, 32, decode_32},
                         format_61 = {61, "16 bits, big-endian", 2, 1, 16, decode_61},
                         format_80 = {80, "8 bits, offset 128", 1, 1, 8, decode_80},
                         format_160 = {160, "16 bits, offset 32768", 2, 1, 16, decode_160},
                         format_212 = {212, "12 bits, two in three bytes", 3, 2, 12, decode_212, encode_212},
                         format_310 = {310, "10 bits, three in two words", 4, 3, 10, decode_310},
                         format_311 = {311, "10 bits, three in four bytes", 4, 3, 10, decode_311},
                         format_508 = {508, "FLAC, 8 bits", 0, 1, 8}, format_516 = {516, "FLAC, 16 bits", 0, 1, 16},
                         format_524 = {524, "FLAC, 24 bits", 0, 1, 24};
const wfdb_format *const wfdb_formats[] = {&format_8,   &format_16,  &format_24,  &format_32,  &format_61,
                                           &format_80,  &format_160, &format_212, &format_310, &format_311,
                                           &format_508, &format_516, &format_524, NULL};

const wfdb_format *wfdb_format_find(int code) {
  for (int i = 0; wfdb_formats[i]; i++)
    if (wfdb_formats[i]->code == code) return wfdb_formats[i];
  return NULL;
}

int32_t wfdb_format_invalid(const wfdb_format *f) {
  return (int32_t)(UINT32_MAX << (f->bits - 1));
}

int64_t wfdb_format_size(const wfdb_format *f, int64_t samples) {
  int64_t whole = samples / f->samples, rest = samples % f->samples;
  int64_t bits = f->samples == 3 && f->code == 310 ? 16 * rest : rest * f->bits;
  return whole * f->bytes + (bits + 7) / 8;
}

/* wfdb.h: records of PhysioNet: header, signals in every storage format, annotations, segments, writers.
 *
 * A record is a text NAME.hea beside its signal files. Its unit of time is the *frame*; a signal has `spf` samples per
 * frame. Samples are integers; physical value = (sample - baseline)/gain. A sample that was not recorded is
 * WFDB_INVALID, whatever code its format has for it. Layout of frames: x (frames, width), a frame holds the spf samples
 * of signal 0, then of signal 1 ...
 * Everything streams: memory does not grow with the length of a record. Local. A file that is missing, cut off or
 * malformed is ERR_FILE with file, line or byte, and reason. */
#ifndef SIGNALS_WFDB_H
#define SIGNALS_WFDB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define WFDB_INVALID INT32_MIN

/* ---- storage formats (wfdb_format.c): a member of the family ---- */
typedef struct wfdb_format {
  int code;
  const char *help;
  int bytes, samples;                                            /* of one group; FLAC: bytes = 0 */
  int bits;                                                      /* of one sample */
  void (*decode)(const uint8_t *in, long groups, int32_t *out);  // in (groups, bytes), out (groups, samples)
  void (*encode)(const int32_t *in, long groups, uint8_t *out);  /* NULL: cannot be written */
  bool differences;                                              /* samples are sums of what is stored */
} wfdb_format;
extern const wfdb_format *const wfdb_formats[]; /* ends in NULL */
const wfdb_format *wfdb_format_find(int code);  /* NULL if unknown */
int32_t wfdb_format_invalid(const wfdb_format *f);
/* Bytes that hold n samples: the last group may be cut short. */
int64_t wfdb_format_size(const wfdb_format *f, int64_t samples);

/* ---- header (wfdb_header.c) ---- */
typedef struct wfdb_signal {
  char *file; /* "~": no samples (layout of a variable record) */
  const wfdb_format *format;
  int spf, skew;
  int64_t offset; /* bytes before the first sample */
  double gain;    /* units of the ADC per physical unit, never 0 */
  bool calibrated;
  int32_t baseline, zero;
  char *unit, *description;
  int resolution; /* bits */
  bool has_initial, has_checksum;
  int32_t initial;
  int checksum; /* modulo 65536 */
} wfdb_signal;

typedef struct wfdb_segment {
  char *name; /* "~": a gap */
  int64_t frames;
} wfdb_segment;

typedef struct wfdb_header {
  char *path, *name;
  double rate, counter_rate, counter_base; /* frames per second */
  int64_t frames;                          /* -1: not told */
  char *time, *date;                       /* "" if not told */
  int signals, segments;                   /* segments 0: a plain record */
  wfdb_signal *signal;                     // (signals); none where segments > 0
  wfdb_segment *segment;                   // (segments)
  char *comments;                          /* lines without '#', each ended by a newline */
} wfdb_header;
/* path: "folder/100" or "folder/100.hea". Caller frees. */
int wfdb_header_read(wfdb_header **h, const char *path, err *e);
int wfdb_header_parse(wfdb_header **h, const char *path, const char *text, size_t n, err *e);
void wfdb_header_free(wfdb_header *h); /* h may be NULL */

/* ---- samples (wfdb_read.c) ---- */
typedef struct wfdb wfdb; /* an open record of one segment */
int wfdb_open(wfdb **w, const char *path, err *e);
void wfdb_close(wfdb *w);                    /* w may be NULL */
const wfdb_header *wfdb_head(const wfdb *w); /* frames is known now */
int wfdb_width(const wfdb *w);               /* samples per frame */
/* n frames from `first`: x (n, width), skew taken out (WFDB_INVALID where a lagging signal has ended). ERR_RUN: beyond
 * the end. Reading forwards is fast for every format; backwards is slow for format 8. */
int wfdb_read(wfdb *w, int64_t first, long n, int32_t *x, err *e);
/* Reads it all: do the first samples and checksums of the header hold? ERR_FILE names the first signal that differs. */
int wfdb_verify(wfdb *w, err *e);

/* ---- annotations (wfdb_annotation.c) ---- */
typedef struct wfdb_annotation {
  int64_t sample; /* in frames, unless the file has a rate of its own */
  int code, sub, channel, num;
  char *aux; /* NULL if none */
} wfdb_annotation;
typedef struct wfdb_annotations {
  long n;
  double rate; /* 0: that of the record */
  wfdb_annotation *a;
  char *symbol[50]; /* own symbols of codes, NULL: standard */
} wfdb_annotations;
int wfdb_annotations_read(wfdb_annotations **a, const char *path, err *e);
int wfdb_annotations_parse(wfdb_annotations **a, const char *name, const void *bytes, size_t n, err *e);
/* Writes the n annotations, ascending in sample; rate 0: that of the record. */
int wfdb_annotations_write(const wfdb_annotations *a, const char *path, err *e);
void wfdb_annotations_free(wfdb_annotations *a);              /* a may be NULL */
const char *wfdb_symbol(const wfdb_annotations *a, int code); /* "N", ...; "" if unknown; a may be NULL */
bool wfdb_is_beat(int code);

/* ---- writer (wfdb_write.c), formats 16 and 212 ---- */
typedef struct wfdb_writer wfdb_writer;
/* Begins path.dat (path without extension). h: rate, signals, and of each signal format (the same for all), spf, gain,
 * baseline, zero, unit, description; the rest is filled in. h is copied. */
int wfdb_create(wfdb_writer **w, const char *path, const wfdb_header *h, err *e);
int wfdb_put(wfdb_writer *w, long n, const int32_t *x, err *e);  // x (n, width); WFDB_INVALID allowed
int wfdb_finish(wfdb_writer *w, err *e); /* writes path.hea; both files appear now; frees w either way */
void wfdb_abandon(wfdb_writer *w);       /* removes what was begun; w may be NULL */

#endif

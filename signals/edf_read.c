/* edf_read.c: edf_open, _close, _head, _notes, _start, _read, _physical.
 *
 * Header: 256 bytes of text and 256 for each signal, field by field over all signals. A data record holds the samples
 * of each signal in turn, little-endian, of 2 bytes (EDF) or 3 (BDF). Physical = (digital - dmin)(pmax - pmin)/(dmax -
 * dmin)
 * + pmin. A signal labelled "EDF Annotations" holds lists "+onset[\x15duration]\x14text\x14...\x14\0"; the first of a
 * data record tells when that record begins. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signals/edf.h"
#include "signals/file.h"

enum { HEAD = 256, MOST_SIGNALS = 4096, MOST_SAMPLES = 1 << 24, MOST_RECORD = 1 << 28 };

struct edf {
  signals_file file;
  edf_header h;
  long notes, room;
  edf_note *note;
  double *start; /* of each data record where the file tells, else NULL */
  double origin; /* the first of them, as written */
  uint8_t *bytes;
  size_t held; /* room of bytes */
};

static int fault(const edf *f, const char *what, const char *value, err *e) {
  return err_set(e, ERR_FILE, "%s: %s%s%.80s%s", f->file.path, what, value ? ": \"" : "", value ? value : "",
                 value ? "\"" : "");
}

/* A field of n characters without blanks around it; a control character ends it. to: n + 1 characters. */
static void field(const char *from, size_t n, char *to) {
  size_t end = 0;
  while (end < n && (unsigned char)from[end] >= ' ') end++;
  while (end && from[end - 1] == ' ') end--;
  size_t begin = 0;
  while (begin < end && from[begin] == ' ') begin++;
  memcpy(to, from + begin, end - begin);
  to[end - begin] = 0;
}

static bool number(const char *s, double *v) {
  char *rest;
  char copy[81];
  snprintf(copy, sizeof copy, "%s", s);
  for (char *p = copy; *p; p++)
    if (*p == ',') *p = '.'; /* seen in files from countries of the comma */
  *v = strtod(copy, &rest);
  return rest != copy && !*rest && isfinite(*v);
}

static int integer(const edf *f, const char *what, const char *from, double low, double high, int64_t *v, err *e) {
  char s[9];
  double x;
  field(from, 8, s);
  if (!number(s, &x) || x < low || x > high || x != rint(x)) return fault(f, what, s, e);
  *v = (int64_t)x;
  return 0;
}

static void date(edf_header *h, const char *text) {
  int d, m, y, hour, minute, second;
  char s[17];
  memcpy(s, text, 16);
  s[16] = 0;
  h->year = 0;
  if (sscanf(s, "%2d.%2d.%2d%2d.%2d.%2d", &d, &m, &y, &hour, &minute, &second) != 6) return;
  if (d < 1 || d > 31 || m < 1 || m > 12 || y < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0)
    return;
  h->day = d, h->month = m, h->year = y >= 85 ? 1900 + y : 2000 + y;
  h->hour = hour, h->minute = minute, h->second = second;
}

static int main_header(edf *f, err *e) {
  edf_header *h = &f->h;
  char b[HEAD + 1] = {0}, s[81];
  int64_t n;
  if (f->file.size < HEAD) return fault(f, "shorter than a header of 256 bytes", NULL, e);
  if (signals_file_read(&f->file, 0, HEAD, b, e)) return e->code;
  h->bdf = (unsigned char)b[0] == 255 && !memcmp(b + 1, "BIOSEMI", 7);
  if (!h->bdf && (b[0] != '0' || strspn(b + 1, " ") < 7)) return fault(f, "neither EDF nor BDF", NULL, e);
  field(b + 8, 80, h->patient), field(b + 88, 80, h->recording);
  date(h, b + 168);
  field(b + 192, 44, s);
  h->plus = !strncmp(s, "EDF+", 4) || !strncmp(s, "BDF+", 4), h->discontinuous = h->plus && s[4] == 'D';
  if (integer(f, "the size of the header is no whole number", b + 184, 256, 1e8, &h->header_bytes, e) ||
      integer(f, "the number of data records is no whole number", b + 236, -1, 1e8, &h->records, e))
    return e->code;
  field(b + 244, 8, s);
  if (!number(s, &h->duration) || h->duration < 0) return fault(f, "the duration of a data record is no time", s, e);
  memset(s, 0, sizeof s);
  memcpy(s, b + 252, 4);
  memset(s + 4, ' ', 4);
  if (integer(f, "the number of signals is not between 1 and 4096", s, 1, MOST_SIGNALS, &n, e)) return e->code;
  h->signals = (int)n;
  if (h->header_bytes != HEAD * (n + 1)) return fault(f, "the size of the header does not fit its signals", NULL, e);
  return 0;
}

static int one_signal(edf *f, int i, const char *b, err *e) {
  static const int widths[] = {16, 80, 8, 8, 8, 8, 8, 80, 8};
  edf_signal *s = &f->h.signal[i];
  const char *at[9];
  char t[9];
  int64_t v;
  double limit = f->h.bdf ? 8388608 : 32768;
  for (int k = 0; k < 9; b += widths[k++] * f->h.signals) at[k] = b + widths[k] * i;
  field(at[0], 16, s->label), field(at[1], 80, s->transducer), field(at[2], 8, s->unit), field(at[7], 80, s->prefilter);
  s->annotations = !strcmp(s->label, "EDF Annotations") || !strcmp(s->label, "BDF Annotations");
  if (integer(f, "samples per data record no whole number", at[8], 0, MOST_SAMPLES, &v, e)) return e->code;
  s->samples = (int)v, s->at = f->h.record_bytes;
  f->h.record_bytes += v * (f->h.bdf ? 3 : 2);
  if (s->annotations) return 0;
  if (integer(f, "a digital minimum is no whole number within range", at[5], -limit, limit - 1, &v, e)) return e->code;
  s->digital_min = (int32_t)v;
  if (integer(f, "a digital maximum is no whole number within range", at[6], -limit, limit - 1, &v, e)) return e->code;
  s->digital_max = (int32_t)v;
  if (s->digital_min == s->digital_max) return fault(f, "a signal has an empty digital range", s->label, e);
  field(at[3], 8, t);
  if (!number(t, &s->physical_min)) return fault(f, "a physical minimum is no number", t, e);
  field(at[4], 8, t);
  return number(t, &s->physical_max) ? 0 : fault(f, "a physical maximum is no number", t, e);
}

static int signal_headers(edf *f, err *e) {
  size_t n = (size_t)f->h.header_bytes - HEAD;
  if (f->file.size < f->h.header_bytes) return fault(f, "the file ends within its header", NULL, e);
  char *b = malloc(n);
  f->h.signal = calloc((size_t)f->h.signals, sizeof *f->h.signal);
  if (!b || !f->h.signal)
    err_set(e, ERR_RUN, "%s: no memory", f->file.path);
  else if (!signals_file_read(&f->file, HEAD, n, b, e))
    for (int i = 0; i < f->h.signals && !e->code; i++) one_signal(f, i, b, e);
  free(b);
  return e->code;
}

static int check_sizes(edf *f, err *e) {
  edf_header *h = &f->h;
  int64_t data = f->file.size - h->header_bytes;
  if (!h->record_bytes || h->record_bytes > MOST_RECORD)
    return fault(f, "a data record has no or too many bytes", NULL, e);
  if (h->records < 0) h->records = data / h->record_bytes; /* a recording that was not closed: its whole records */
  if (data < h->records * h->record_bytes)
    return err_set(e, ERR_FILE, "%s holds %lld data records, the header promises %lld", f->file.path,
                   (long long)(data / h->record_bytes), (long long)h->records);
  for (int i = 0; i < h->signals; i++)
    if (!h->signal[i].annotations && h->signal[i].samples && h->duration == 0)
      return fault(f, "samples in data records without duration", h->signal[i].label, e);
  f->held = (size_t)h->record_bytes;
  f->bytes = malloc(f->held + 1);
  return f->bytes ? 0 : err_set(e, ERR_RUN, "%s: no memory", f->file.path);
}

static int add_note(edf *f, double time, double duration, const char *text, err *e) {
  if (f->notes == f->room) {
    f->room = f->room ? 2 * f->room : 64;
    edf_note *more = realloc(f->note, (size_t)f->room * sizeof *more);
    if (!more) return err_set(e, ERR_RUN, "%s: no memory for its notes", f->file.path);
    f->note = more;
  }
  f->note[f->notes] = (edf_note){time, duration, strdup(text)};
  return f->note[f->notes++].text ? 0 : err_set(e, ERR_RUN, "%s: no memory for its notes", f->file.path);
}

static int bad_list(const edf *f, int64_t record, err *e) {
  return err_set(e, ERR_FILE, "%s: data record %lld: malformed annotations", f->file.path, (long long)record);
}

/* One list of texts at p, which ends in 0; keeper: its first, empty text tells the beginning of the data record. */
static int one_list(edf *f, int64_t record, char *p, bool keeper, err *e) {
  char *stop = strchr(p, 20), *mark;
  double time, duration = 0;
  if (!stop || (*p != '+' && *p != '-')) return bad_list(f, record, e);
  *stop = 0;
  if ((mark = strchr(p, 21))) *mark = 0;
  if (!number(p, &time) || (mark && mark[1] && (!number(mark + 1, &duration) || duration < 0)))
    return bad_list(f, record, e);
  if (keeper) {
    if (stop[1] && stop[1] != 20) return bad_list(f, record, e);
    if (f->start) f->start[record] = time;
  }
  for (p = stop + 1; *p; p = stop + 1) {
    if (!(stop = strchr(p, 20))) return bad_list(f, record, e);
    *stop = 0;
    if (*p && add_note(f, time, duration, p, e)) return e->code;
  }
  return 0;
}

static int lists_of_record(edf *f, int64_t record, err *e) {
  bool keeper = true;
  for (int i = 0; i < f->h.signals; i++) {
    const edf_signal *s = &f->h.signal[i];
    if (!s->annotations) continue;
    size_t n = (size_t)s->samples * (f->h.bdf ? 3 : 2);
    char *p = (char *)f->bytes;
    if (signals_file_read(&f->file, f->h.header_bytes + record * f->h.record_bytes + s->at, n, p, e)) return e->code;
    p[n] = 0;
    for (char *end = p + n; p < end; p++) {
      if (!*p) continue; /* padding */
      size_t length = strlen(p);
      if (one_list(f, record, p, keeper, e)) return e->code;
      keeper = false, p += length;
    }
  }
  return 0;
}

/* Every note, and the beginning of every data record. */
static int annotations(edf *f, err *e) {
  bool any = false;
  for (int i = 0; i < f->h.signals; i++) any |= f->h.signal[i].annotations;
  if (!any) {
    f->h.discontinuous = false; /* nothing tells the gaps */
    return 0;
  }
  if (f->h.plus) {
    f->start = malloc((size_t)(f->h.records + 1) * sizeof *f->start);
    if (!f->start) return err_set(e, ERR_RUN, "%s: no memory", f->file.path);
    for (int64_t k = 0; k < f->h.records; k++) f->start[k] = NAN;
  }
  for (int64_t k = 0; k < f->h.records; k++)
    if (lists_of_record(f, k, e)) return e->code;
  if (!f->start || !f->h.records) return 0;
  f->origin = f->h.duration > 0 && !isnan(f->start[0]) ? f->start[0] : 0;
  for (int64_t k = 0; k < f->h.records; k++) {
    if (!f->h.discontinuous || f->h.duration == 0) f->start[k] = f->origin + (double)k * f->h.duration;
    if (isnan(f->start[k]) || (k && f->start[k] - f->start[k - 1] < f->h.duration * (1 - 1e-6)))
      return err_set(e, ERR_FILE, "%s: data record %lld begins before the last one ends, or at no time", f->file.path,
                     (long long)k);
  }
  for (long i = 0; i < f->notes; i++) f->note[i].time -= f->origin;
  return 0;
}

int edf_open(edf **out, const char *path, err *e) {
  edf *f = *out = calloc(1, sizeof *f);
  if (!f) return err_set(e, ERR_RUN, "%s: no memory", path);
  f->file.fd = -1;
  if (!signals_file_open(&f->file, path, e) && !main_header(f, e) && !signal_headers(f, e) && !check_sizes(f, e))
    annotations(f, e);
  f->h.path = f->file.path;
  if (!e->code) return 0;
  edf_close(f);
  *out = NULL;
  return e->code;
}

void edf_close(edf *f) {
  if (!f) return;
  for (long i = 0; i < f->notes; i++) free(f->note[i].text);
  signals_file_close(&f->file);
  free(f->note), free(f->start), free(f->bytes), free(f->h.signal);
  free(f);
}

const edf_header *edf_head(const edf *f) {
  return &f->h;
}

long edf_notes(const edf *f, const edf_note **note) {
  *note = f->note;
  return f->notes;
}

double edf_start(const edf *f, int64_t record) {
  return f->start ? f->start[record] - f->origin : (double)record * f->h.duration;
}

int edf_read(edf *f, int signal, int64_t record, int from, int n, int32_t *x, err *e) {
  const edf_signal *s = &f->h.signal[signal];
  int size = f->h.bdf ? 3 : 2;
  if (record < 0 || record >= f->h.records || from < 0 || n < 0 || from > s->samples - n)
    return err_set(e, ERR_RUN, "%s: samples %d to %d of data record %lld asked for", f->file.path, from, from + n,
                   (long long)record);
  int64_t at = f->h.header_bytes + record * f->h.record_bytes + s->at + (int64_t)from * size;
  if (signals_file_read(&f->file, at, (size_t)n * (size_t)size, f->bytes, e)) return e->code;
  const uint8_t *b = f->bytes;
  for (int i = 0; i < n; i++, b += size)
    x[i] = size == 2 ? (int16_t)(b[0] | b[1] << 8)
                     : (int32_t)((uint32_t)b[0] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 24) >> 8;
  return 0;
}

double edf_physical(const edf_signal *s, int32_t digital) {
  double scale = (s->physical_max - s->physical_min) / ((double)s->digital_max - s->digital_min);
  return s->physical_min + (digital - (double)s->digital_min) * scale;
}

/* reader_edf.c: signals_reader_edf. A discontinuous file is one lead per signal all the same: what lies between its
 * data records is NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signals/edf.h"
#include "signals/file.h"
#include "signals/recording.h"

enum { BLOCK = 4096, NOTE_BYTES = 120 };

typedef struct state {
  edf *f;
  int *signal;  // (leads)
  int32_t x[BLOCK];
} state;

static bool claims(const char *path) {
  return signals_has_extension(path, "edf") || signals_has_extension(path, "bdf");
}

/* First sample of a data record within the lead. */
static int64_t first_of(const edf *f, int64_t record, double rate, int samples) {
  return edf_head(f)->discontinuous ? llrint(edf_start(f, record) * rate) : record * samples;
}

static int open_file(recording *r, const recording_options *o, err *e) {
  state *s = r->state = calloc(1, sizeof *s);
  if (!s) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  if (edf_open(&s->f, r->path, e)) return e->code;
  const edf_header *h = edf_head(s->f);
  const edf_note *note;
  int n = 0;
  s->signal = calloc((size_t)h->signals + 1, sizeof *s->signal);
  if (!s->signal) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  for (int i = 0; i < h->signals; i++)
    if (!h->signal[i].annotations && h->signal[i].samples) s->signal[n++] = i;
  if (recording_make_leads(r, n, e)) return e->code;
  for (int i = 0; i < n; i++) {
    const edf_signal *v = &h->signal[s->signal[i]];
    double rate = v->samples / h->duration;
    double length = h->records ? edf_start(s->f, h->records - 1) * rate : 0;
    if (!(length < 1e15)) return err_set(e, ERR_FILE, "%s: the last data record begins at no sensible time", r->path);
    int64_t samples = h->records ? first_of(s->f, h->records - 1, rate, v->samples) + v->samples : 0;
    if (recording_set_lead(r, i, v->label, v->unit, rate, samples, e)) return e->code;
  }
  long notes = edf_notes(s->f, &note);
  for (long i = 0; i < notes; i++)
    if (recording_add_note(r, note[i].time, note[i].duration, note[i].text, "", e)) return e->code;
  return recording_sort_notes(r, e);
}

/* The last data record that begins at or before sample `at`. */
static int64_t record_at(const edf *f, double rate, int samples, int64_t at) {
  int64_t low = 0, high = edf_head(f)->records;
  if (!edf_head(f)->discontinuous) return at / samples;
  while (high - low > 1) {
    int64_t mid = low + (high - low) / 2;
    if (first_of(f, mid, rate, samples) <= at)
      low = mid;
    else
      high = mid;
  }
  return low;
}

static int read_lead(recording *r, int lead, int64_t first, long n, double *x, err *e) {
  state *s = r->state;
  const edf_signal *v = &edf_head(s->f)->signal[s->signal[lead]];
  double rate = r->lead[lead].rate;
  int64_t records = edf_head(s->f)->records;
  for (long some; n > 0; first += some, n -= some, x += some) {
    int64_t k = record_at(s->f, rate, v->samples, first), from = first - first_of(s->f, k, rate, v->samples);
    int64_t next = k + 1 < records ? first_of(s->f, k + 1, rate, v->samples) - first : v->samples - from;
    some = next < n ? (long)next : n;
    if (some < 1) return err_set(e, ERR_FILE, "%s: data records overlap", r->path);
    if (from >= v->samples) {
      for (long i = 0; i < some; i++) x[i] = NAN;
      continue;
    }
    if (some > v->samples - from) some = (long)(v->samples - from);
    if (some > BLOCK) some = BLOCK;
    if (edf_read(s->f, s->signal[lead], k, (int)from, (int)some, s->x, e)) return e->code;
    for (long i = 0; i < some; i++) x[i] = edf_physical(v, s->x[i]);
  }
  return 0;
}

static void close_file(recording *r) {
  state *s = r->state;
  if (!s) return;
  edf_close(s->f);
  free(s->signal), free(s);
}

/* Data records of the shortest whole number of seconds up to a minute in which every lead has a whole number of
 * samples. */
static int record_seconds(recording *r, double *seconds, err *e) {
  for (*seconds = 1; *seconds <= 60; ++*seconds) {
    bool good = true;
    for (int i = 0; i < r->leads; i++) good &= r->lead[i].rate * *seconds == rint(r->lead[i].rate * *seconds);
    if (good) return 0;
  }
  return err_set(e, ERR_FILE, "%s: no data record of up to a minute holds whole samples of every lead", r->path);
}

static int describe(recording *r, edf_header *h, err *e) {
  for (int i = 0; i < r->leads; i++) {
    edf_signal *v = &h->signal[i];
    double low, high;
    if (recording_range(r, i, &low, &high, e)) return e->code;
    strncpy(v->label, r->lead[i].name, sizeof v->label - 1);
    strncpy(v->unit, r->lead[i].unit, sizeof v->unit - 1);
    double margin = fmax(high - low, 1e-6) * 1e-3; /* ranges are rounded to eight characters */
    v->physical_min = low - margin, v->physical_max = high + margin;
    v->digital_min = -32768, v->digital_max = 32767;
    v->samples = (int)rint(r->lead[i].rate * h->duration);
  }
  return 0;
}

/* As the header will say it. */
static double rounded(double x) {
  char s[40];
  int digits = 8;
  do snprintf(s, sizeof s, "%.*g", digits--, x);
  while (strlen(s) > 8 && digits);
  return strtod(s, NULL);
}

static int one_record(recording *r, const edf_header *h, int64_t k, double *x, int32_t *y, err *e) {
  for (int i = 0; i < r->leads; y += h->signal[i++].samples) {
    const edf_signal *v = &h->signal[i];
    int64_t from = k * v->samples, have = r->lead[i].samples - from;
    long n = have < v->samples ? (long)have : v->samples;
    if (n < 0) n = 0;
    if (recording_read(r, i, n ? from : 0, n, x, e)) return e->code;
    double low = v->physical_min, scale = 65535 / (v->physical_max - low);
    for (int t = 0; t < v->samples; t++) {
      double d = t < n && isfinite(x[t]) ? rint((x[t] - low) * scale) - 32768 : 0;
      y[t] = (int32_t)fmin(fmax(d, -32768), 32767);
    }
  }
  return 0;
}

static int write_file(recording *r, const char *path, err *e) {
  edf_header h = {.signals = r->leads, .signal = calloc((size_t)r->leads, sizeof *h.signal)};
  edf_writer *w = NULL;
  if (!h.signal) return err_set(e, ERR_RUN, "%s: no memory", path);
  if (!record_seconds(r, &h.duration, e)) describe(r, &h, e);
  size_t total = 0, most = 0;
  for (int i = 0; i < r->leads && !e->code; i++) {
    edf_signal *v = &h.signal[i];
    v->physical_min = rounded(v->physical_min), v->physical_max = rounded(v->physical_max);
    if (v->physical_min == v->physical_max)
      err_set(e, ERR_FILE, "%s: the range of lead %s does not fit in eight characters", path, r->lead[i].name);
    total += (size_t)v->samples;
    if ((size_t)v->samples > most) most = (size_t)v->samples;
  }
  double *x = malloc((most + 1) * sizeof *x);
  int32_t *y = malloc((total + 1) * sizeof *y);
  int64_t records = (int64_t)ceil(recording_seconds(r) / h.duration);
  long per_record = records ? (long)(r->notes / records + 2) : 2;
  if (!x || !y) err_set(e, ERR_RUN, "%s: no memory", path);
  if (!e->code) edf_create(&w, path, &h, r->notes ? (int)(24 + per_record * NOTE_BYTES) : 0, e);
  for (long i = 0; i < r->notes && !e->code; i++)
    edf_note_later(w, r->note[i].time, r->note[i].duration, r->note[i].label, e);
  for (int64_t k = 0; k < records && !e->code; k++)
    if (!one_record(r, &h, k, x, y, e)) edf_put(w, y, e);
  if (w && !e->code)
    edf_finish(w, e);
  else
    edf_abandon(w);
  free(x), free(y), free(h.signal);
  return e->code;
}

const signals_reader signals_reader_edf = {
    "edf", "European data format (.edf, .bdf), with annotations", claims, open_file, read_lead, close_file, write_file};

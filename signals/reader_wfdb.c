/* reader_wfdb.c: signals_reader_wfdb: plain records and records of several segments.
 *
 * A *fixed* record of segments has the same signals in each; a *variable* one begins with a segment of length 0, the
 * layout, which lists all signals, and each segment holds some of them, found by their descriptions. Gaps ("~") and
 * missing signals are NaN. One segment is open at a time, one block of it decoded. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "signals/file.h"
#include "signals/recording.h"
#include "signals/wfdb.h"

enum { SAMPLES = 1 << 15 }; /* of a block */

typedef struct state {
  wfdb_header *h;      /* of the record */
  wfdb_header *layout; /* of its signals: h, or the layout, or the first segment's */
  int64_t *start;      // (segments + 1) frames
  int current;         /* segment that is open, -1 none */
  wfdb *w;
  int *signal;    // (leads) which signal of w a lead is, -1: none
  int *at;        // (leads) where it begins in a frame of w
  int32_t *block; /* frames from ... from+frames-1 of w */
  size_t room;
  int64_t from, frames;
} state;

static bool claims(const char *path) {
  char head[PATH_MAX];
  if (signals_has_extension(path, "hea")) return true;
  return snprintf(head, sizeof head, "%s.hea", path) < (int)sizeof head && file_exists(head);
}

/* name without .hea, with another extension; NULL without memory. */
static char *with_extension(const char *path, const char *ext) {
  size_t n = strlen(path) - (signals_has_extension(path, "hea") ? 4 : 0);
  char *s = malloc(n + strlen(ext) + 1);
  if (!s) return NULL;
  memcpy(s, path, n);
  strcpy(s + n, ext);
  return s;
}

static int segment_starts(recording *r, state *s, err *e) {
  wfdb_header *h = s->h;
  int n = h->segments ? h->segments : 1;
  s->start = calloc((size_t)n + 1, sizeof *s->start);
  if (!s->start) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  for (int i = 0; i < n; i++) s->start[i + 1] = s->start[i] + (h->segments ? h->segment[i].frames : h->frames);
  if (h->segments && h->frames >= 0 && s->start[n] != h->frames)
    return err_set(e, ERR_FILE, "%s: its segments hold %lld frames together, the header says %lld", h->path,
                   (long long)s->start[n], (long long)h->frames);
  return 0;
}

static bool is_gap(const wfdb_header *h, int segment) {
  return !strcmp(h->segment[segment].name, "~");
}

static int read_layout(recording *r, state *s, err *e) {
  int first = 0;
  while (first < s->h->segments - 1 && is_gap(s->h, first)) first++;
  char *path = signals_beside(s->h->path, s->h->segment[first].name);
  if (!path) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  wfdb_header_read(&s->layout, path, e);
  free(path);
  if (e->code) return err_context(e, "%s", s->h->path);
  if (s->layout->segments || s->layout->signals != s->h->signals)
    return err_set(e, ERR_FILE, "%s: %d signals, but %d in %s", s->h->path, s->h->signals, s->layout->signals,
                   s->layout->path);
  return 0;
}

static const wfdb_header *layout_of(const state *s) {
  return s->layout ? s->layout : s->w ? wfdb_head(s->w) : s->h;
}

static int make_leads(recording *r, state *s, err *e) {
  const wfdb_header *l = layout_of(s);
  int64_t frames = s->start[s->h->segments ? s->h->segments : 1];
  s->signal = calloc((size_t)l->signals + 1, sizeof *s->signal), s->at = calloc((size_t)l->signals + 1, sizeof *s->at);
  if (!s->signal || !s->at) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  if (recording_make_leads(r, l->signals, e)) return e->code;
  for (int i = 0; i < l->signals; i++) {
    const wfdb_signal *v = &l->signal[i];
    if (recording_set_lead(r, i, v->description, v->unit, s->h->rate * v->spf, frames * v->spf, e)) return e->code;
  }
  return 0;
}

static int find_signal(const state *s, const wfdb_header *in, int lead) {
  const wfdb_signal *v = &layout_of(s)->signal[lead];
  if (lead < in->signals && !strcmp(in->signal[lead].description, v->description)) return lead;
  for (int i = 0; i < in->signals; i++)
    if (*v->description && !strcmp(in->signal[i].description, v->description)) return i;
  return -1;
}

/* Finds the leads among the signals of the open segment. */
static int map_leads(recording *r, state *s, err *e) {
  const wfdb_header *in = wfdb_head(s->w);
  if (in->rate != s->h->rate)
    return err_set(e, ERR_FILE, "%s: %g Hz in a record of %g Hz", in->path, in->rate, s->h->rate);
  for (int i = 0; i < r->leads; i++) {
    int k = s->signal[i] = find_signal(s, in, i);
    s->at[i] = 0;
    for (int j = 0; j < k; j++) s->at[i] += in->signal[j].spf;
    if (k >= 0 && in->signal[k].spf != layout_of(s)->signal[i].spf)
      return err_set(e, ERR_FILE, "%s: signal %d has another rate than lead %s of its record", in->path, k,
                     r->lead[i].name);
  }
  s->frames = 0;
  size_t width = (size_t)wfdb_width(s->w), room = width > SAMPLES ? width : SAMPLES;
  if (room <= s->room) return 0;
  free(s->block);
  s->room = room, s->block = malloc(room * sizeof *s->block);
  return s->block ? 0 : err_set(e, ERR_RUN, "%s: no memory", r->path);
}

static int open_segment(recording *r, state *s, int segment, err *e) {
  const wfdb_segment *g = &s->h->segment[segment];
  if (segment == s->current) return 0;
  char *path = signals_beside(s->h->path, g->name);
  wfdb_close(s->w);
  s->w = NULL, s->current = -1;
  if (!path) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  wfdb_open(&s->w, path, e);
  free(path);
  if (e->code) return err_context(e, "%s", s->h->path);
  if (wfdb_head(s->w)->frames < g->frames)
    return err_set(e, ERR_FILE, "%s holds %lld frames, its record wants %lld", wfdb_head(s->w)->path,
                   (long long)wfdb_head(s->w)->frames, (long long)g->frames);
  if (map_leads(r, s, e)) return e->code;
  s->current = segment;
  return 0;
}

static int read_notes(recording *r, double rate, err *e) {
  wfdb_annotations *a = NULL;
  char *path = with_extension(r->path, ".atr");
  if (!path) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  if (file_exists(path) && !wfdb_annotations_read(&a, path, e)) {
    if (a->rate > 0) rate = a->rate;
    for (long i = 0; i < a->n && !e->code; i++) {
      const wfdb_annotation *v = &a->a[i];
      recording_add_note(r, (double)v->sample / rate, 0, wfdb_symbol(a, v->code), v->aux ? v->aux : "", e);
    }
  }
  free(path);
  wfdb_annotations_free(a);
  return e->code ? e->code : recording_sort_notes(r, e);
}

static int open_record(recording *r, const recording_options *o, err *e) {
  state *s = r->state = calloc(1, sizeof *s);
  if (!s) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  s->current = -1;
  if (wfdb_header_read(&s->h, r->path, e)) return e->code;
  if (s->h->segments) {
    if (read_layout(r, s, e)) return e->code;
  } else {
    if (wfdb_open(&s->w, r->path, e)) return e->code;
    s->h->frames = wfdb_head(s->w)->frames, s->current = 0;
  }
  if (segment_starts(r, s, e) || make_leads(r, s, e)) return e->code;
  if (s->w && map_leads(r, s, e)) return e->code;
  free(r->comments);
  r->comments = strdup(s->h->comments);
  if (!r->comments) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  return read_notes(r, s->h->rate, e);
}

/* Every `step`-th of the samples at y. */
static void physical(const int32_t *y, long step, long n, double shift, double scale, double *x) {
  for (long i = 0; i < n; i++) {
    int32_t v = y[i * step];
    x[i] = v == WFDB_INVALID ? NAN : (v - shift) * scale;
  }
}

/* Samples of a lead from one segment, `from` counted from its beginning. */
static int read_part(recording *r, state *s, int lead, int64_t from, long n, double *x, err *e) {
  int width = wfdb_width(s->w), k = s->signal[lead];
  const wfdb_signal *v = k < 0 ? NULL : &wfdb_head(s->w)->signal[k];
  for (long i = 0; !v && i < n; i++) x[i] = NAN;
  if (!v) return 0;
  double scale = 1 / v->gain, shift = v->baseline;
  int64_t most = (int64_t)(s->room / (size_t)width), held = wfdb_head(s->w)->frames;
  for (long i = 0; i < n;) {
    int64_t frame = (from + i) / v->spf, sub = (from + i) % v->spf;
    if (frame < s->from || frame >= s->from + s->frames) {
      int64_t some = held - frame < most ? held - frame : most;
      s->frames = 0;
      if (wfdb_read(s->w, frame, (long)some, s->block, e)) return e->code;
      s->from = frame, s->frames = some;
    }
    const int32_t *y = s->block + (frame - s->from) * width + s->at[lead];
    if (v->spf == 1) {
      long some = s->from + s->frames - frame < n - i ? (long)(s->from + s->frames - frame) : n - i;
      physical(y, width, some, shift, scale, x + i);
      i += some;
      continue;
    }
    for (; frame < s->from + s->frames && i < n; frame++, y += width, sub = 0)
      for (; sub < v->spf && i < n; sub++) x[i++] = y[sub] == WFDB_INVALID ? NAN : (y[sub] - shift) * scale;
  }
  return 0;
}

static int segment_at(const state *s, int64_t frame) {
  int low = 0, high = s->h->segments;
  while (high - low > 1) {
    int mid = low + (high - low) / 2;
    if (s->start[mid] <= frame)
      low = mid;
    else
      high = mid;
  }
  return low;
}

static int read_lead(recording *r, int lead, int64_t first, long n, double *x, err *e) {
  state *s = r->state;
  if (!s->h->segments) return read_part(r, s, lead, first, n, x, e);
  int spf = layout_of(s)->signal[lead].spf;
  for (long some; n > 0; first += some, n -= some, x += some) {
    int g = segment_at(s, first / spf);
    int64_t begin = s->start[g] * spf, end = s->start[g + 1] * spf;
    some = end - first < n ? (long)(end - first) : n;
    for (long i = 0; is_gap(s->h, g) && i < some; i++) x[i] = NAN;
    if (is_gap(s->h, g)) continue;
    if (open_segment(r, s, g, e) || read_part(r, s, lead, first - begin, some, x, e)) return e->code;
  }
  return 0;
}

static void close_record(recording *r) {
  state *s = r->state;
  if (!s) return;
  wfdb_close(s->w);
  wfdb_header_free(s->h), wfdb_header_free(s->layout);
  free(s->start), free(s->signal), free(s->at), free(s->block), free(s);
}

/* Samples per frame of each lead, frames per second: every rate must be a multiple of the smallest. */
static int frame_of(recording *r, wfdb_signal *v, double *rate, int64_t *frames, err *e) {
  *rate = r->lead[0].rate;
  for (int i = 1; i < r->leads; i++) *rate = fmin(*rate, r->lead[i].rate);
  *frames = INT64_MAX;
  for (int i = 0; i < r->leads; i++) {
    double spf = r->lead[i].rate / *rate;
    if (spf != rint(spf) || spf > SAMPLES)
      return err_set(e, ERR_FILE, "%s: %g Hz of lead %s is no multiple of %g Hz", r->path, r->lead[i].rate,
                     r->lead[i].name, *rate);
    v[i].spf = (int)spf;
    if (r->lead[i].samples / v[i].spf < *frames) *frames = r->lead[i].samples / v[i].spf;
  }
  return 0;
}

static int quantised(recording *r, wfdb_signal *v, int64_t frame, double *x, int32_t *y, err *e) {
  for (int i = 0; i < r->leads; y += v[i++].spf) {
    if (recording_read(r, i, frame * v[i].spf, v[i].spf, x, e)) return e->code;
    for (int k = 0; k < v[i].spf; k++)
      y[k] = isfinite(x[k]) ? (int32_t)lrint(x[k] * v[i].gain + v[i].baseline) : WFDB_INVALID;
  }
  return 0;
}

static int scale(recording *r, wfdb_signal *v, err *e) {
  for (int i = 0; i < r->leads; i++) {
    double low, high;
    if (recording_range(r, i, &low, &high, e)) return e->code;
    double middle = (low + high) / 2, half = fmax((high - low) / 2, 1e-12 * fmax(fabs(middle), 1e-3));
    v[i].gain = 32000 / half;
    if (fabs(middle) * v[i].gain > 1e9) v[i].gain = 1e9 / fabs(middle);
    v[i].baseline = (int32_t)lrint(-middle * v[i].gain);
    v[i].format = wfdb_format_find(16), v[i].unit = r->lead[i].unit, v[i].description = r->lead[i].name;
  }
  return 0;
}

static int write_notes(recording *r, const char *path, double rate, err *e) {
  wfdb_annotations a = {.a = calloc((size_t)r->notes + 1, sizeof *a.a)};
  char *atr = with_extension(path, ".atr");
  if (!a.a || !atr) err_set(e, ERR_RUN, "%s: no memory", path);
  for (long i = 0; i < r->notes && !e->code; i++) {
    int code = 22; /* a note, unless the label is a symbol */
    for (int c = 1; c < 42; c++)
      if (*wfdb_symbol(NULL, c) && !strcmp(wfdb_symbol(NULL, c), r->note[i].label)) code = c;
    char *text = r->note[i].text;
    a.a[a.n++] = (wfdb_annotation){.sample = llrint(r->note[i].time * rate),
                                   .code = code,
                                   .aux = *text        ? text
                                          : code == 22 ? r->note[i].label
                                                       : NULL};
  }
  if (!e->code && a.n) wfdb_annotations_write(&a, atr, e);
  free(a.a), free(atr);
  return e->code;
}

static int write_record(recording *r, const char *path, err *e) {
  wfdb_signal *v = calloc((size_t)r->leads, sizeof *v);
  wfdb_header h = {.signals = r->leads, .signal = v};
  wfdb_writer *w = NULL;
  char *base = with_extension(path, "");
  int width = 0;
  int64_t frames = 0;
  if (!v || !base)
    err_set(e, ERR_RUN, "%s: no memory", path);
  else if (!frame_of(r, v, &h.rate, &frames, e) && !scale(r, v, e))
    wfdb_create(&w, base, &h, e);
  for (int i = 0; w && i < r->leads; i++) width += v[i].spf;
  double *x = malloc(((size_t)width + 1) * sizeof *x);
  int32_t *y = malloc(((size_t)width + 1) * sizeof *y);
  if (!x || !y) err_set(e, ERR_RUN, "%s: no memory", path);
  for (int64_t f = 0; f < frames && !e->code; f++)
    if (!quantised(r, v, f, x, y, e)) wfdb_put(w, 1, y, e);
  if (!e->code)
    wfdb_finish(w, e);
  else
    wfdb_abandon(w);
  if (!e->code) write_notes(r, path, h.rate, e);
  free(x), free(y), free(v), free(base);
  return e->code;
}

const signals_reader signals_reader_wfdb = {"wfdb",      "PhysioNet records (.hea with signal and annotation files)",
                                            claims,      open_record,
                                            read_lead,   close_record,
                                            write_record};

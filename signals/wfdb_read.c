/* wfdb_read.c: wfdb_open, _close, _head, _width, _read, _verify.
 *
 * Signals that stand in one file form a *group*: its samples lie frame by frame, spf of the first signal, then of the
 * second ... A group is decoded in chunks of at most CHUNK samples; where one group is the whole record and nothing is
 * skewed, straight into the caller's array. A skewed signal (it lags by `skew` frames) is read that much later. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "signals/file.h"
#include "signals/wfdb.h"
#include "signals/wfdb_flac.h"

enum { CHUNK = 3 << 14, FLAC_CHANNELS = 8, WIDEST = 1 << 20 }; /* CHUNK: a multiple of every group of samples */

typedef struct group {
  signals_file file;
  const wfdb_format *format;
  wfdb_flac *flac;
  int first, end; /* signals */
  int width, at;  /* samples per frame, and where they begin in a frame of the record */
  int skew;       /* the largest of its signals */
  int64_t offset, frames;
  int64_t done;  /* differences: samples taken in so far, and the sums they led to */
  int32_t *sum;  // (end - first)
} group;

struct wfdb {
  wfdb_header *h;
  int groups, width, skew;
  group *g;       // (groups)
  uint8_t *bytes; /* one chunk as stored */
  int32_t *part;  /* one chunk decoded */
  int32_t *wide;  /* frames of a group with the skew still in */
  long wide_frames;
};

static int cut_into_groups(wfdb *w, err *e) {
  wfdb_header *h = w->h;
  for (int i = 0; i < h->signals; i++) {
    wfdb_signal *s = &h->signal[i];
    group *g = w->groups ? &w->g[w->groups - 1] : NULL;
    if (!g || strcmp(h->signal[g->first].file, s->file)) {
      for (int k = 0; k < w->groups; k++)
        if (!strcmp(h->signal[w->g[k].first].file, s->file))
          return err_set(e, ERR_FILE, "%s: the signals of %s do not stand in sequence", h->path, s->file);
      g = &w->g[w->groups++];
      *g = (group){.file.fd = -1, .format = s->format, .first = i, .offset = s->offset, .at = w->width};
    }
    if (s->format != g->format || (s->offset && s->offset != g->offset))
      return err_set(e, ERR_FILE, "%s: the signals of %s have several formats or offsets", h->path, s->file);
    g->end = i + 1, g->width += s->spf, w->width += s->spf;
    if (s->skew > g->skew) g->skew = s->skew;
    if (s->skew > w->skew) w->skew = s->skew;
  }
  return 0;
}

static int open_flac(wfdb *w, group *g, const char *path, int64_t *samples, err *e) {
  wfdb_signal *s = &w->h->signal[g->first];
  int n = g->end - g->first;
  for (int i = 1; i < n; i++)
    if (s[i].spf != s->spf) return err_set(e, ERR_FILE, "%s: FLAC signals of several rates in one file", w->h->path);
  if (n > FLAC_CHANNELS) return err_set(e, ERR_FILE, "%s: %d FLAC signals in one file, at most 8", w->h->path, n);
  if (wfdb_flac_open(&g->flac, path, n, g->format->bits, samples, e)) return e->code;
  if (*samples >= 0) *samples *= n;
  return 0;
}

/* Opens the file of a group; frames that it holds into g->frames. */
static int open_group(wfdb *w, group *g, err *e) {
  const wfdb_signal *s = &w->h->signal[g->first];
  int64_t samples;
  if (!strcmp(s->file, "~")) return err_set(e, ERR_FILE, "%s: signal 0 has no samples", w->h->path);
  char *path = signals_beside(w->h->path, s->file);
  g->sum = calloc((size_t)(g->end - g->first), sizeof *g->sum);
  if (!path || !g->sum)
    err_set(e, ERR_RUN, "%s: no memory", w->h->path);
  else if (!signals_file_open(&g->file, path, e)) {
    if (!g->format->bytes)
      open_flac(w, g, path, &samples, e);
    else {
      int64_t bytes = g->file.size > g->offset ? g->file.size - g->offset : 0;
      samples = bytes / g->format->bytes * g->format->samples;
      while (wfdb_format_size(g->format, samples + 1) <= bytes) samples++;
    }
  }
  free(path);
  if (!e->code) g->frames = samples < 0 ? -1 : samples / g->width;
  return e->code;
}

/* The length of the record: the header's, which every file must hold, or that of the shortest file. */
static int settle_frames(wfdb *w, err *e) {
  wfdb_header *h = w->h;
  bool told = h->frames >= 0;
  for (int k = 0; k < w->groups; k++) {
    group *g = &w->g[k];
    if (g->frames < 0 && !told)
      return err_set(e, ERR_FILE, "%s: neither header nor FLAC file tells the length", h->path);
    if (g->frames < 0) g->frames = h->frames;
    if (told && g->frames < h->frames)
      return err_set(e, ERR_FILE, "%s holds %lld frames, the header promises %lld", g->file.path, (long long)g->frames,
                     (long long)h->frames);
    if (!told && (h->frames < 0 || g->frames < h->frames)) h->frames = g->frames;
  }
  if (h->frames < 0) h->frames = 0;
  return 0;
}

static int allocate(wfdb *w, err *e) {
  if (w->width > WIDEST)
    return err_set(e, ERR_FILE, "%s: %d samples per frame, at most %d", w->h->path, w->width, WIDEST);
  w->bytes = malloc((size_t)CHUNK * 4 + 16);
  w->part = malloc((size_t)(CHUNK + 4) * sizeof *w->part);
  w->wide_frames = CHUNK / (w->width ? w->width : 1) + 1;
  w->wide = malloc((size_t)w->wide_frames * (size_t)(w->width + 1) * sizeof *w->wide);
  return w->bytes && w->part && w->wide ? 0 : err_set(e, ERR_RUN, "%s: no memory", w->h->path);
}

int wfdb_open(wfdb **out, const char *path, err *e) {
  wfdb *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "%s: no memory", path);
  if (!wfdb_header_read(&w->h, path, e)) {
    w->g = calloc((size_t)w->h->signals + 1, sizeof *w->g);
    if (!w->g) err_set(e, ERR_RUN, "%s: no memory", path);
    if (w->h->segments) err_set(e, ERR_FILE, "%s: a record of several segments where one is wanted", w->h->path);
    if (!e->code) cut_into_groups(w, e);
    for (int k = 0; k < w->groups && !e->code; k++) open_group(w, &w->g[k], e);
    if (!e->code && !settle_frames(w, e)) allocate(w, e);
  }
  if (!e->code) return 0;
  wfdb_close(w);
  *out = NULL;
  return e->code;
}

void wfdb_close(wfdb *w) {
  if (!w) return;
  for (int k = 0; k < w->groups; k++) {
    signals_file_close(&w->g[k].file);
    wfdb_flac_close(w->g[k].flac);
    free(w->g[k].sum);
  }
  wfdb_header_free(w->h);
  free(w->g), free(w->bytes), free(w->part), free(w->wide);
  free(w);
}

const wfdb_header *wfdb_head(const wfdb *w) {
  return w->h;
}

int wfdb_width(const wfdb *w) {
  return w->width;
}

/* Stored samples s ... s+n-1, n <= CHUNK, as they stand. */
static int stored(wfdb *w, group *g, int64_t s, long n, int32_t *x, err *e) {
  const wfdb_format *f = g->format;
  int64_t from = s / f->samples * f->samples;
  long lead = (long)(s - from), groups = (lead + n + f->samples - 1) / f->samples;
  size_t bytes = (size_t)wfdb_format_size(f, lead + n), room = (size_t)groups * (size_t)f->bytes;
  if (signals_file_read(&g->file, g->offset + from / f->samples * f->bytes, bytes, w->bytes, e)) return e->code;
  memset(w->bytes + bytes, 0, room - bytes);
  if (!lead && n % f->samples == 0) {
    f->decode(w->bytes, groups, x);
    return 0;
  }
  f->decode(w->bytes, groups, w->part);
  memcpy(x, w->part + lead, (size_t)n * sizeof *x);
  return 0;
}

/* Which signal of the group sample number k of a frame belongs to. */
static int owner(const wfdb *w, const group *g, int k) {
  int i = g->first;
  while (k >= w->h->signal[i].spf) k -= w->h->signal[i++].spf;
  return i - g->first;
}

/* Turns differences into samples in place; g->done samples are behind us. */
static void add_up(wfdb *w, group *g, long n, int32_t *x) {
  for (long j = 0, k = (long)(g->done % g->width); j < n; j++, k = k + 1 == g->width ? 0 : k + 1) {
    int32_t *sum = &g->sum[g->end - g->first == 1 ? 0 : owner(w, g, (int)k)];
    x[j] = *sum = (int32_t)((uint32_t)*sum + (uint32_t)x[j]);
  }
  g->done += n;
}

static int chunk(wfdb *w, group *g, int64_t s, long n, int32_t *x, err *e) {
  if (stored(w, g, s, n, x, e)) return e->code;
  if (g->format->differences) add_up(w, g, n, x);
  return 0;
}

/* Brings the sums of a group of differences to sample s. */
static int wind(wfdb *w, group *g, int64_t s, err *e) {
  if (s < g->done || g->done == 0) {
    g->done = 0;
    for (int i = g->first; i < g->end; i++) g->sum[i - g->first] = w->h->signal[i].initial;
  }
  while (g->done < s) {
    long n = s - g->done < CHUNK / 4 ? (long)(s - g->done) : CHUNK / 4;
    if (chunk(w, g, g->done, n, w->part, e)) return e->code;
  }
  return 0;
}

/* FLAC gives (time, channel); a frame wants the spf samples of a channel together. */
static int flac_frames(wfdb *w, group *g, int64_t first, long n, int32_t *x, err *e) {
  int channels = g->end - g->first, spf = w->h->signal[g->first].spf;
  int32_t invalid = wfdb_format_invalid(g->format);
  for (long f = 0, some; f < n; f += some) {
    some = CHUNK / g->width < n - f ? CHUNK / g->width : n - f;
    if (some < 1) some = 1;
    int32_t *to = x + f * g->width;
    if (wfdb_flac_read(g->flac, (first + f) * spf, some * spf, spf > 1 ? w->part : to, e)) return e->code;
    for (long i = 0; spf > 1 && i < some * spf; i++)
      for (int c = 0; c < channels; c++) to[i / spf * g->width + c * spf + i % spf] = w->part[i * channels + c];
    for (long i = 0; i < some * g->width; i++)
      if (to[i] == invalid) to[i] = WFDB_INVALID;
  }
  return 0;
}

/* Frames of a group as the file has them: x (n, g->width); first + n <= g->frames. */
static int group_frames(wfdb *w, group *g, int64_t first, long n, int32_t *x, err *e) {
  if (g->flac) return flac_frames(w, g, first, n, x, e);
  int64_t s = first * g->width, end = s + (int64_t)n * g->width;
  if (g->format->differences && wind(w, g, s, e)) return e->code;
  for (long some; s < end; s += some, x += some) {
    some = end - s < CHUNK ? (long)(end - s) : CHUNK;
    if (chunk(w, g, s, some, x, e)) return e->code;
  }
  return 0;
}

/* Frames first ... first+n-1 of every group into x (n, w->width), lagging signals put right; n <= wide_frames. */
static int gather(wfdb *w, group *g, int64_t first, long n, int32_t *x, err *e) {
  for (int i = g->first, at = 0; i < g->end; at += w->h->signal[i++].spf) {
    const wfdb_signal *s = &w->h->signal[i];
    int64_t from = first + s->skew, have = g->frames - from < n ? g->frames - from : n;
    bool again = i == g->first || s->skew != s[-1].skew;
    if (have < 0) have = 0;
    if (again && have && group_frames(w, g, from, (long)have, w->wide, e)) return e->code;
    for (long f = 0; f < n; f++)
      for (int k = 0; k < s->spf; k++)
        x[f * w->width + g->at + at + k] = f < have ? w->wide[f * g->width + at + k] : WFDB_INVALID;
  }
  return 0;
}

int wfdb_read(wfdb *w, int64_t first, long n, int32_t *x, err *e) {
  if (first < 0 || n < 0 || first > w->h->frames - n)
    return err_set(e, ERR_RUN, "%s: frames %lld to %lld of %lld asked for", w->h->path, (long long)first,
                   (long long)(first + n), (long long)w->h->frames);
  if (w->groups == 1 && !w->skew) return group_frames(w, w->g, first, n, x, e);
  for (long some; n; n -= some, first += some, x += some * w->width) {
    some = n < w->wide_frames ? n : w->wide_frames;
    for (int k = 0; k < w->groups; k++)
      if (gather(w, &w->g[k], first, some, x, e)) return e->code;
  }
  return 0;
}

/* Sum of all samples of each signal of a group, in the file's own order (skew plays no part). */
static int verify_group(wfdb *w, group *g, err *e) {
  uint32_t *sum = calloc((size_t)(g->end - g->first), sizeof *sum);
  int32_t invalid = wfdb_format_invalid(g->format), *x = w->wide;
  if (!sum) return err_set(e, ERR_RUN, "%s: no memory", w->h->path);
  for (int64_t f = 0, n; f < w->h->frames && !e->code; f += n) {
    n = w->h->frames - f < w->wide_frames ? w->h->frames - f : w->wide_frames;
    if (group_frames(w, g, f, (long)n, x, e)) break;
    for (long j = 0; j < n; j++)
      for (int i = g->first, at = 0; i < g->end; at += w->h->signal[i++].spf) {
        const wfdb_signal *s = &w->h->signal[i];
        const int32_t *y = x + j * g->width + at;
        if (!f && !j && s->has_initial && (*y == WFDB_INVALID ? invalid : *y) != s->initial)
          err_set(e, ERR_FILE, "%s: signal %d begins with %d, the header says %d", w->h->path, i, *y, s->initial);
        for (int k = 0; k < s->spf; k++) sum[i - g->first] += (uint32_t)(y[k] == WFDB_INVALID ? invalid : y[k]);
      }
  }
  for (int i = g->first; i < g->end && !e->code; i++)
    if (w->h->signal[i].has_checksum && (sum[i - g->first] & 0xffff) != (uint32_t)w->h->signal[i].checksum)
      err_set(e, ERR_FILE, "%s: the samples of signal %d have the checksum %u, the header says %d", w->h->path, i,
              sum[i - g->first] & 0xffff, w->h->signal[i].checksum);
  free(sum);
  return e->code;
}

int wfdb_verify(wfdb *w, err *e) {
  for (int k = 0; k < w->groups; k++)
    if (verify_group(w, &w->g[k], e)) return e->code;
  return 0;
}

/* wfdb_write.c: wfdb_create, _put, _finish, _abandon: one file of samples, NAME.dat, and its header with first samples
 * and checksums. Both are written under NAME.*.tmp and renamed at the end. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "signals/wfdb.h"

enum { BLOCK = 3 << 12 };

struct wfdb_writer {
  char path[PATH_MAX]; /* without extension */
  FILE *f;
  const wfdb_format *format;
  double rate;
  int64_t frames;
  int signals, width;
  wfdb_signal *s; /* own unit and description */
  uint32_t *sum;  // (signals)
  int32_t pending[2 * BLOCK];
  int held; /* samples that wait for their group to fill */
};

static const char *base_name(const wfdb_writer *w) {
  const char *slash = strrchr(w->path, '/');
  return slash ? slash + 1 : w->path;
}

static void release(wfdb_writer *w) {
  for (int i = 0; w->s && i < w->signals; i++) free(w->s[i].unit), free(w->s[i].description);
  free(w->s), free(w->sum);
  free(w);
}

/* Blanks would cut a word of the header in two. */
static char *word_of(const char *s, bool blanks) {
  char *t = strdup(s ? s : "");
  for (char *p = t; t && *p; p++)
    if ((unsigned char)*p < ' ' || (*p == ' ' && !blanks)) *p = '_';
  return t;
}

static int copy_signals(wfdb_writer *w, const wfdb_header *h, err *e) {
  w->signals = h->signals, w->rate = h->rate;
  w->s = calloc((size_t)h->signals + 1, sizeof *w->s), w->sum = calloc((size_t)h->signals + 1, sizeof *w->sum);
  if (!w->s || !w->sum) return err_set(e, ERR_RUN, "%s: no memory", w->path);
  for (int i = 0; i < h->signals; i++) {
    const wfdb_signal *s = &h->signal[i];
    if (!s->format || !s->format->encode || s->format != h->signal[0].format || s->spf < 1 || s->gain == 0)
      return err_set(e, ERR_FILE, "%s: signal %d: format 16 or 212 for all, samples per frame and gain are wanted",
                     w->path, i);
    w->s[i] = *s;
    w->s[i].unit = word_of(s->unit, false), w->s[i].description = word_of(s->description, true);
    if (!w->s[i].unit || !w->s[i].description) return err_set(e, ERR_RUN, "%s: no memory", w->path);
    w->width += s->spf;
  }
  if (!h->signals || !(h->rate > 0)) return err_set(e, ERR_FILE, "%s: a record needs signals and a rate", w->path);
  w->format = w->s[0].format;
  return 0;
}

int wfdb_create(wfdb_writer **out, const char *path, const wfdb_header *h, err *e) {
  char tmp[PATH_MAX];
  wfdb_writer *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "%s: no memory", path);
  snprintf(w->path, sizeof w->path - 16, "%s", path);
  if (!copy_signals(w, h, e)) {
    snprintf(tmp, sizeof tmp, "%.*s.dat.tmp", PATH_MAX - 16, w->path);
    w->f = fopen(tmp, "wb");
    if (w->f) return 0;
    err_set(e, ERR_FILE, "cannot write %s: %s", tmp, strerror(errno));
  }
  release(w);
  *out = NULL;
  return e->code;
}

static int flush(wfdb_writer *w, err *e) {
  uint8_t bytes[BLOCK * 2];
  int at = 0;
  while (w->held - at >= w->format->samples) {
    int n = w->held - at < BLOCK ? (w->held - at) / w->format->samples : BLOCK / w->format->samples;
    size_t size = (size_t)n * (size_t)w->format->bytes;
    w->format->encode(w->pending + at, n, bytes);
    if (fwrite(bytes, 1, size, w->f) != size)
      return err_set(e, ERR_FILE, "cannot write %s.dat: %s", w->path, strerror(errno));
    at += n * w->format->samples;
  }
  memmove(w->pending, w->pending + at, (size_t)(w->held - at) * sizeof *w->pending);
  w->held -= at;
  return 0;
}

static int put_sample(wfdb_writer *w, int signal, int32_t x, err *e) {
  int32_t invalid = wfdb_format_invalid(w->format), stored = x == WFDB_INVALID ? invalid : x;
  wfdb_signal *s = &w->s[signal];
  if (stored < invalid || stored > -(invalid + 1) || (stored == invalid && x != WFDB_INVALID))
    return err_set(e, ERR_FILE, "%s: sample %d of signal %d, frame %lld does not fit in format %d", w->path, x, signal,
                   (long long)w->frames, w->format->code);
  if (!s->has_initial) s->has_initial = true, s->initial = stored;
  w->sum[signal] += (uint32_t)stored;
  w->pending[w->held++] = x;
  return w->held == 2 * BLOCK ? flush(w, e) : 0;
}

int wfdb_put(wfdb_writer *w, long n, const int32_t *x, err *e) {
  if (!w->frames)
    for (int i = 0; i < w->signals; i++) w->s[i].has_initial = false;
  for (long f = 0; f < n; f++, w->frames++)
    for (int i = 0; i < w->signals; i++)
      for (int k = 0; k < w->s[i].spf; k++)
        if (put_sample(w, i, *x++, e)) return e->code;
  return 0;
}

static int write_header(wfdb_writer *w, err *e) {
  char *text = NULL, path[PATH_MAX];
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return err_set(e, ERR_RUN, "%s: no memory for the header", w->path);
  fprintf(f, "%s %d %.17g %lld\n", base_name(w), w->signals, w->rate, (long long)w->frames);
  for (int i = 0; i < w->signals; i++) {
    const wfdb_signal *s = &w->s[i];
    fprintf(f, "%s.dat %d", base_name(w), w->format->code);
    if (s->spf > 1) fprintf(f, "x%d", s->spf);
    fprintf(f, " %.17g(%d)/%s %d %d %d %d 0 %s\n", s->gain, s->baseline, s->unit, w->format->bits, s->zero, s->initial,
            (int)(int16_t)(uint16_t)w->sum[i], s->description);
  }
  if (fclose(f)) err_set(e, ERR_RUN, "%s: no memory for the header", w->path);
  snprintf(path, sizeof path, "%.*s.hea", PATH_MAX - 16, w->path);
  if (!e->code) file_write(path, text, n, false, e);
  free(text);
  return e->code;
}

/* The samples of a last group that is not full: only the bytes that hold them. */
static int put_rest(wfdb_writer *w, err *e) {
  uint8_t bytes[8];
  if (!w->held) return 0;
  size_t size = (size_t)wfdb_format_size(w->format, w->held);
  w->pending[1] = 0; /* the only format with groups has two samples */
  w->format->encode(w->pending, 1, bytes);
  return fwrite(bytes, 1, size, w->f) == size
             ? 0
             : err_set(e, ERR_FILE, "cannot write %s.dat: %s", w->path, strerror(errno));
}

int wfdb_finish(wfdb_writer *w, err *e) {
  char tmp[PATH_MAX], path[PATH_MAX];
  snprintf(tmp, sizeof tmp, "%.*s.dat.tmp", PATH_MAX - 16, w->path);
  snprintf(path, sizeof path, "%.*s.dat", PATH_MAX - 16, w->path);
  if (!flush(w, e)) put_rest(w, e);
  int bad = fclose(w->f);
  w->f = NULL;
  if (!e->code && (bad || rename(tmp, path))) err_set(e, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
  if (!e->code) write_header(w, e);
  wfdb_abandon(w);
  return e->code;
}

void wfdb_abandon(wfdb_writer *w) {
  char tmp[PATH_MAX];
  if (!w) return;
  if (w->f) fclose(w->f);
  snprintf(tmp, sizeof tmp, "%.*s.dat.tmp", PATH_MAX - 16, w->path);
  unlink(tmp);
  release(w);
}

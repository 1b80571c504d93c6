/* wfdb_header.c: wfdb_header_read, _parse, _free: the text of header(5).
 *
 *   record line    name[/segments] signals [rate[/counter[(base)]]] [frames] [time] [date]
 *   signal line    file format[xSPF][:skew][+offset] [gain[(baseline)][/unit]] [resolution] [zero] [initial] [checksum]
 *                  [block size] [description]
 *   segment line   name frames */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "signals/file.h"
#include "signals/wfdb.h"

enum { MOST_SIGNALS = 4096, MOST_SEGMENTS = 1 << 24, MOST_SPF = 4096 };
#define MOST_FRAMES ((int64_t)1 << 46)

typedef struct parser {
  wfdb_header *h;
  char *at, *end; /* the text; at: rest of the current line, ended by 0 */
  char *next;     /* the next line */
  char *comment;  /* end of the comments */
  int line;
  err *e;
} parser;

static int fault(parser *p, const char *what, const char *token) {
  return err_set(p->e, ERR_FILE, "%s:%d: %s%s%.60s%s", p->h->path, p->line, what, token ? ": \"" : "",
                 token ? token : "", token ? "\"" : "");
}

static int no_memory(parser *p) {
  return err_set(p->e, ERR_RUN, "%s: no memory for the header", p->h->path);
}

static int keep(parser *p, char **to, const char *s) {
  *to = strdup(s);
  return *to ? 0 : no_memory(p);
}

/* The next line that is no comment and not blank into p->at; false at the end. Comments are collected. */
static bool next_line(parser *p) {
  while (p->next < p->end) {
    p->at = p->next;
    char *stop = memchr(p->at, '\n', (size_t)(p->end - p->at));
    p->next = stop ? stop + 1 : p->end;
    *(stop ? stop : p->end) = 0;
    p->line++;
    size_t n = strlen(p->at);
    while (n && strchr(" \t\r", p->at[n - 1])) p->at[--n] = 0;
    p->at += strspn(p->at, " \t\r");
    if (*p->at == '#') {
      p->comment += sprintf(p->comment, "%s\n", p->at + 1); /* no longer than the text */
      continue;
    }
    if (*p->at) return true;
  }
  return false;
}

/* The next word of the line, or NULL. */
static char *token(parser *p) {
  char *s = p->at + strspn(p->at, " \t");
  if (!*s) return NULL;
  size_t n = strcspn(s, " \t");
  p->at = s + n + (s[n] != 0);
  s[n] = 0;
  return s;
}

static bool whole(const char *s, char **rest, int64_t low, int64_t high, int64_t *v) {
  errno = 0;
  long long x = strtoll(s, rest, 10);
  *v = x;
  return *rest != s && !errno && x >= low && x <= high;
}

static bool real(const char *s, char **rest, double *v) {
  *v = strtod(s, rest);
  return *rest != s && isfinite(*v);
}

static int record_rate(parser *p, char *s) {
  wfdb_header *h = p->h;
  char *rest;
  if (!real(s, &rest, &h->rate) || h->rate <= 0) return fault(p, "the sampling rate is not a positive number", s);
  h->counter_rate = h->rate;
  if (*rest == '/') {
    if (!real(rest + 1, &rest, &h->counter_rate)) return fault(p, "the counter rate is not a number", s);
    if (h->counter_rate <= 0) h->counter_rate = h->rate;
    if (*rest == '(') {
      if (!real(rest + 1, &rest, &h->counter_base) || *rest != ')') return fault(p, "bad base of the counter", s);
      rest++;
    }
  }
  return *rest ? fault(p, "junk behind the sampling rate", s) : 0;
}

static int record_line(parser *p) {
  wfdb_header *h = p->h;
  char *name = token(p), *signals = token(p), *rate = token(p), *frames = token(p), *rest;
  int64_t n = 0;
  h->rate = h->counter_rate = 250, h->frames = -1;
  char *slash = strchr(name, '/');
  if (slash) *slash = 0;
  if (keep(p, &h->name, name)) return p->e->code;
  if (slash && (!whole(slash + 1, &rest, 1, MOST_SEGMENTS, &n) || *rest))
    return fault(p, "the number of segments is not between 1 and 2^24", slash + 1);
  h->segments = (int)n;
  if (!signals || !whole(signals, &rest, 0, MOST_SIGNALS, &n) || *rest)
    return fault(p, "the number of signals is not between 0 and 4096", signals ? signals : "");
  h->signals = (int)n;
  if (rate && record_rate(p, rate)) return p->e->code;
  if (frames && (!whole(frames, &rest, 0, MOST_FRAMES, &h->frames) || *rest))
    return fault(p, "the number of samples is no whole number", frames);
  if (!h->frames && !h->segments) h->frames = -1; /* 0 means: not told */
  char *time = frames ? token(p) : NULL, *date = time ? token(p) : NULL;
  return keep(p, &h->time, time ? time : "") || keep(p, &h->date, date ? date : "") ? p->e->code : 0;
}

static int signal_format(parser *p, wfdb_signal *s, char *t) {
  int64_t v;
  char *rest;
  if (!t || !whole(t, &rest, 0, 1 << 20, &v)) return fault(p, "a signal line lacks its format", t ? t : "");
  s->format = wfdb_format_find((int)v);
  if (!s->format && v) return fault(p, "unknown storage format", t);
  if (!s->format) s->format = wfdb_format_find(16); /* 0: a signal without samples */
  s->spf = 1;
  if (*rest == 'x') {
    if (!whole(rest + 1, &rest, 1, MOST_SPF, &v)) return fault(p, "samples per frame not between 1 and 4096", t);
    s->spf = (int)v;
  }
  if (*rest == ':') {
    if (!whole(rest + 1, &rest, 0, 1 << 20, &v)) return fault(p, "the skew is not between 0 and 2^20 frames", t);
    s->skew = (int)v;
  }
  if (*rest == '+') {
    if (!whole(rest + 1, &rest, 0, MOST_FRAMES, &v)) return fault(p, "the byte offset is no whole number", t);
    s->offset = v;
  }
  return *rest ? fault(p, "junk behind the storage format", t) : 0;
}

static int signal_gain(parser *p, wfdb_signal *s, char *t, bool *has_baseline) {
  int64_t v;
  char *rest = t;
  s->gain = 200;
  if (t) {
    if (!real(t, &rest, &s->gain)) return fault(p, "the gain is not a number", t);
    s->calibrated = s->gain != 0;
    if (s->gain == 0) s->gain = 200;
    if (*rest == '(') {
      if (!whole(rest + 1, &rest, INT32_MIN, INT32_MAX, &v) || *rest != ')')
        return fault(p, "the baseline is no whole number", t);
      s->baseline = (int32_t)v, *has_baseline = true, rest++;
    }
    if (*rest && *rest != '/') return fault(p, "junk behind the gain", t);
  }
  return keep(p, &s->unit, t && *rest == '/' ? rest + 1 : "mV");
}

static int optional(parser *p, const char *what, int64_t *v, bool *there) {
  char *t = token(p), *rest;
  *there = t != NULL;
  if (t && (!whole(t, &rest, INT32_MIN, UINT32_MAX, v) || *rest)) return fault(p, what, t);
  return 0;
}

/* Only plain names below the header's folder. */
static int signal_file(parser *p, wfdb_signal *s) {
  char *file = token(p);
  if (*file == '/' || strstr(file, "..") || !strcmp(file, "-")) return fault(p, "no file of this folder", file);
  return keep(p, &s->file, file);
}

static int signal_line(parser *p, wfdb_signal *s) {
  int64_t resolution = 0, zero = 0, initial = 0, checksum = 0, block = 0;
  bool there, baseline = false;
  if (signal_file(p, s) || signal_format(p, s, token(p)) || signal_gain(p, s, token(p), &baseline)) return p->e->code;
  if (optional(p, "the resolution is no whole number", &resolution, &there) ||
      optional(p, "the zero of the ADC is no whole number", &zero, &there) ||
      optional(p, "the initial value is no whole number", &initial, &s->has_initial) ||
      optional(p, "the checksum is no whole number", &checksum, &s->has_checksum) ||
      optional(p, "the block size is no whole number", &block, &there))
    return p->e->code;
  s->resolution = resolution > 0 && resolution <= 32 ? (int)resolution : s->format->bits;
  s->zero = (int32_t)zero;
  if (!baseline) s->baseline = s->zero;
  s->initial = s->has_initial ? (int32_t)initial : s->zero;
  s->checksum = (int)(checksum & 0xffff);
  p->at += strspn(p->at, " \t");
  return keep(p, &s->description, p->at);
}

static int segment_line(parser *p, wfdb_segment *s) {
  char *name = token(p), *frames = token(p), *rest;
  if (*name == '/' || strstr(name, "..")) return fault(p, "no record of this folder", name);
  if (!frames || !whole(frames, &rest, 0, MOST_FRAMES, &s->frames) || *rest)
    return fault(p, "a segment lacks its number of samples", name);
  return keep(p, &s->name, name);
}

static int lines(parser *p) {
  wfdb_header *h = p->h;
  int n = h->segments ? h->segments : h->signals;
  size_t size = h->segments ? sizeof *h->segment : sizeof *h->signal;
  if ((p->end - p->next) / 2 + 1 < n) return fault(p, "the header ends before its signals do", NULL);
  void *room = calloc((size_t)n + 1, size);
  if (!room) return no_memory(p);
  if (h->segments)
    h->segment = room;
  else
    h->signal = room;
  for (int i = 0; i < n; i++) {
    if (!next_line(p)) return fault(p, "the header ends before its signals do", NULL);
    if (h->segments ? segment_line(p, &h->segment[i]) : signal_line(p, &h->signal[i])) return p->e->code;
  }
  if (next_line(p)) return fault(p, "more lines than signals", p->at);
  return 0;
}

int wfdb_header_parse(wfdb_header **out, const char *path, const char *text, size_t n, err *e) {
  *out = NULL;
  wfdb_header *h = calloc(1, sizeof *h);
  char *copy = malloc(n + 1);
  if (h) h->path = strdup(path), h->comments = calloc(n + 2, 1);
  if (!h || !copy || !h->path || !h->comments) {
    free(copy), wfdb_header_free(h);
    return err_set(e, ERR_RUN, "%s: no memory for the header", path);
  }
  memcpy(copy, text, n);
  copy[n] = 0;
  parser p = {h, copy, copy + n, copy, h->comments, 0, e};
  if (memchr(text, 0, n))
    err_set(e, ERR_FILE, "%s: a header is text, this holds a zero byte", path);
  else if (!next_line(&p))
    err_set(e, ERR_FILE, "%s: the header is empty", path);
  else if (!record_line(&p))
    lines(&p);
  free(copy);
  if (e->code) {
    wfdb_header_free(h);
    return e->code;
  }
  *out = h;
  return 0;
}

int wfdb_header_read(wfdb_header **h, const char *path, err *e) {
  char *full = malloc(strlen(path) + 5), *text;
  size_t n;
  *h = NULL;
  if (!full) return err_set(e, ERR_RUN, "%s: no memory for the header", path);
  strcpy(full, path);
  if (!signals_has_extension(path, "hea")) strcat(full, ".hea");
  if (!file_read(full, &text, &n, ERR_FILE, e)) {
    wfdb_header_parse(h, full, text, n, e);
    free(text);
  }
  free(full);
  return e->code;
}

void wfdb_header_free(wfdb_header *h) {
  if (!h) return;
  for (int i = 0; h->signal && i < h->signals; i++)
    free(h->signal[i].file), free(h->signal[i].unit), free(h->signal[i].description);
  for (int i = 0; h->segment && i < h->segments; i++) free(h->segment[i].name);
  free(h->signal), free(h->segment);
  free(h->path), free(h->name), free(h->time), free(h->date), free(h->comments);
  free(h);
}

/* wfdb_annotation.c: wfdb_annotations_read, _parse, _write, _free, wfdb_symbol, wfdb_is_beat: the format annot(5).
 *
 * Little-endian words, code A in the upper 6 bits, d in the lower 10. A = 1 ... 49: an annotation d samples after the
 * last one; 59: a signed 32-bit step follows, upper word first; 60, 61, 62: NUM, SUB, CHN of the last annotation, of
 * which NUM and CHN stay for the next; 63: d bytes of text, padded to an even number; 0 with d = 0: the end. Notes at
 * sample 0 declare "## time resolution: R" and, between "## annotation type definitions" and "## end of definitions",
 * own codes: "code symbol text". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "signals/wfdb.h"

enum { CODES = 50, NOTE = 22, SKIP = 59, NUM = 60, SUB = 61, CHN = 62, AUX = 63, STEP = 1023 };

static const char *const symbols[CODES] = {"",  "N", "L", "R", "a", "V", "F", "J", "A", "S",  "E", "j", "/",
                                           "Q", "~", "",  "|", "",  "s", "T", "*", "D", "\"", "=", "p", "B",
                                           "^", "t", "+", "u", "?", "!", "[", "]", "e", "n",  "@", "x", "f",
                                           "(", ")", "r", "",  "",  "",  "",  "",  "",  "",   ""};

const char *wfdb_symbol(const wfdb_annotations *a, int code) {
  if (code < 0 || code >= CODES) return "";
  return a && a->symbol[code] ? a->symbol[code] : symbols[code];
}

bool wfdb_is_beat(int code) {
  return (code >= 1 && code <= 13) || code == 25 || code == 30 || code == 34 || code == 35 || code == 38 || code == 41;
}

typedef struct reader {
  const uint8_t *p;
  size_t n, at;
  const char *name;
  wfdb_annotations *a;
  long room;
  int64_t time;
  int channel, num;
  bool defining;
  err *e;
} reader;

static int fault(reader *r, const char *what) {
  return err_set(r->e, ERR_FILE, "%s: byte %zu: %s", r->name, r->at, what);
}

static int no_memory(reader *r) {
  return err_set(r->e, ERR_RUN, "%s: no memory for the annotations", r->name);
}

static uint32_t word(const reader *r) {
  return (uint32_t)r->p[r->at] | (uint32_t)r->p[r->at + 1] << 8;
}

static int add(reader *r, int code) {
  if (r->a->n == r->room) {
    r->room = r->room ? 2 * r->room : 256;
    wfdb_annotation *more = realloc(r->a->a, (size_t)r->room * sizeof *more);
    if (!more) return no_memory(r);
    r->a->a = more;
  }
  if (r->time < 0) return fault(r, "an annotation before the first sample");
  r->a->a[r->a->n++] = (wfdb_annotation){r->time, code, 0, r->channel, r->num};
  return 0;
}

static int text(reader *r, size_t d, wfdb_annotation *last) {
  if (r->n - r->at < d) return fault(r, "the file ends within a text");
  if (last) {
    free(last->aux);
    last->aux = strndup((const char *)r->p + r->at, d);
    if (!last->aux) return no_memory(r);
  }
  r->at += d + (d & 1);
  if (r->at > r->n) r->at = r->n;
  return 0;
}

static int modify(reader *r, int code, int d) {
  wfdb_annotation *last = r->a->n ? &r->a->a[r->a->n - 1] : NULL;
  int small = (int8_t)(uint8_t)d;
  if (code == AUX) return text(r, (size_t)d, last);
  if (code == NUM) r->num = small;
  if (code == CHN) r->channel = d & 255;
  if (!last) return 0;
  if (code == NUM) last->num = small;
  if (code == SUB) last->sub = small;
  if (code == CHN) last->channel = r->channel;
  return 0;
}

static int skip(reader *r) {
  if (r->n - r->at < 4) return fault(r, "the file ends within a step");
  uint32_t high = word(r);
  r->at += 2;
  r->time += (int32_t)(high << 16 | word(r));
  r->at += 2;
  return 0;
}

/* What the notes at the beginning declare; they are taken out of the list. */
static int declare(reader *r, const char *s) {
  int code;
  char symbol[16];
  double rate;
  if (sscanf(s, "## time resolution: %lf", &rate) == 1) {
    if (!(rate > 0 && rate < 1e12)) return fault(r, "the time resolution is not positive");
    r->a->rate = rate;
  } else if (!strncmp(s, "## annotation type definitions", 30)) {
    r->defining = true;
  } else if (!strncmp(s, "## end of definitions", 21)) {
    r->defining = false;
  } else if (r->defining && sscanf(s, "%d %15s", &code, symbol) == 2 && code > 0 && code < CODES) {
    free(r->a->symbol[code]);
    r->a->symbol[code] = strdup(symbol);
    if (!r->a->symbol[code]) return no_memory(r);
  } else
    return -1;
  return 1;
}

static void take_declarations(reader *r) {
  wfdb_annotations *a = r->a;
  long kept = 0, i = 0;
  for (; i < a->n && !r->e->code; i++) {
    const wfdb_annotation *v = &a->a[i];
    bool declares = v->code == NOTE && v->sample == 0 && v->aux && declare(r, v->aux) == 1;
    if (declares)
      free(v->aux);
    else
      a->a[kept++] = *v;
  }
  for (; i < a->n; i++) a->a[kept++] = a->a[i];
  a->n = kept;
}

static int parse(reader *r) {
  while (r->at + 2 <= r->n) {
    uint32_t w = word(r);
    int code = (int)(w >> 10), d = (int)(w & STEP);
    r->at += 2;
    if (!w) return 0;
    if (code == SKIP) {
      if (skip(r)) return r->e->code;
    } else if (code > SKIP) {
      if (modify(r, code, d)) return r->e->code;
    } else if (code >= CODES) {
      return fault(r, "unknown code");
    } else {
      r->time += d;
      if (code && add(r, code)) return r->e->code;
    }
  }
  return fault(r, "the end mark is missing");
}

int wfdb_annotations_parse(wfdb_annotations **a, const char *name, const void *bytes, size_t n, err *e) {
  *a = calloc(1, sizeof **a);
  if (!*a) return err_set(e, ERR_RUN, "%s: no memory for the annotations", name);
  reader r = {.p = bytes, .n = n, .name = name, .a = *a, .e = e};
  if (!parse(&r)) take_declarations(&r);
  if (!e->code) return 0;
  wfdb_annotations_free(*a);
  *a = NULL;
  return e->code;
}

int wfdb_annotations_read(wfdb_annotations **a, const char *path, err *e) {
  char *bytes;
  size_t n;
  *a = NULL;
  if (file_read(path, &bytes, &n, ERR_FILE, e)) return e->code;
  wfdb_annotations_parse(a, path, bytes, n, e);
  free(bytes);
  return e->code;
}

void wfdb_annotations_free(wfdb_annotations *a) {
  if (!a) return;
  for (long i = 0; i < a->n; i++) free(a->a[i].aux);
  for (int c = 0; c < CODES; c++) free(a->symbol[c]);
  free(a->a);
  free(a);
}

static void put(FILE *f, int code, int d) {
  uint32_t w = (uint32_t)code << 10 | ((uint32_t)d & STEP);
  fputc((int)(w & 255), f), fputc((int)(w >> 8), f);
}

static void put_text(FILE *f, const char *s) {
  size_t n = strlen(s);
  if (n > STEP) n = STEP;
  put(f, AUX, (int)n);
  fwrite(s, 1, n, f);
  if (n & 1) fputc(0, f);
}

static void put_note(FILE *f, const char *s) {
  put(f, NOTE, 0);
  put_text(f, s);
}

static void put_declarations(const wfdb_annotations *a, FILE *f) {
  char s[64];
  bool own = false;
  if (a->rate > 0) snprintf(s, sizeof s, "## time resolution: %.10g", a->rate), put_note(f, s);
  for (int c = 0; c < CODES; c++) own |= a->symbol[c] != NULL;
  if (own) put_note(f, "## annotation type definitions");
  for (int c = 0; c < CODES; c++)
    if (a->symbol[c]) snprintf(s, sizeof s, "%d %.15s own", c, a->symbol[c]), put_note(f, s);
  if (own) put_note(f, "## end of definitions");
}

/* num and channel as the reader has them before this annotation. */
static void put_annotation(FILE *f, const wfdb_annotation *v, int64_t last, int *num, int *channel) {
  int64_t step = v->sample - last;
  if (step > STEP) {
    put(f, SKIP, 0);
    uint32_t d = (uint32_t)step;
    fputc((int)(d >> 16 & 255), f), fputc((int)(d >> 24), f), fputc((int)(d & 255), f), fputc((int)(d >> 8 & 255), f);
    step = 0;
  }
  put(f, v->code, (int)step);
  if (v->sub) put(f, SUB, v->sub & 255);
  if (v->channel != *channel) put(f, CHN, *channel = v->channel);
  if (v->num != *num) put(f, NUM, (*num = v->num) & 255);
  if (v->aux) put_text(f, v->aux);
}

int wfdb_annotations_write(const wfdb_annotations *a, const char *path, err *e) {
  char *bytes = NULL;
  size_t n = 0;
  int64_t last = 0;
  int num = 0, channel = 0;
  FILE *f = open_memstream(&bytes, &n);
  if (!f) return err_set(e, ERR_RUN, "%s: no memory for the annotations", path);
  put_declarations(a, f);
  for (long i = 0; i < a->n && !e->code; i++) {
    const wfdb_annotation *v = &a->a[i];
    if (v->sample < last || v->sample - last > INT32_MAX || v->code < 1 || v->code >= CODES || v->channel < 0 ||
        v->channel > 255)
      err_set(e, ERR_FILE, "%s: annotation %ld (sample %lld, code %d, channel %d) cannot be written", path, i,
              (long long)v->sample, v->code, v->channel);
    else
      put_annotation(f, v, last, &num, &channel);
    last = v->sample;
  }
  put(f, 0, 0);
  if (fclose(f)) err_set(e, ERR_RUN, "%s: no memory for the annotations", path);
  if (!e->code) file_write(path, bytes, n, false, e);
  free(bytes);
  return e->code;
}

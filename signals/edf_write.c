/* edf_write.c: edf_create, edf_note_later, edf_put, edf_finish, edf_abandon. Data records go to PATH.tmp as they come;
 * the room for notes is filled, and the number of records written, at the end. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signals/edf.h"

struct edf_writer {
  char path[PATH_MAX];
  FILE *f;
  edf_header h;
  int note_bytes; /* per data record, a multiple of the size of a sample */
  long notes;
  edf_note *note;
};

static int size_of(const edf_writer *w) {
  return w->h.bdf ? 3 : 2;
}

static char *tmp_name(const edf_writer *w, char s[PATH_MAX]) {
  snprintf(s, PATH_MAX, "%.*s.tmp", PATH_MAX - 8, w->path);
  return s;
}

/* Text of n characters, filled up with blanks. */
static void put_text(FILE *f, int n, const char *s) {
  for (int i = 0; i < n; i++) {
    fputc(*s ? ((unsigned char)*s < ' ' ? '_' : *s) : ' ', f);
    if (*s) s++;
  }
}

/* The most digits that eight characters hold. */
static void put_number(FILE *f, double x) {
  char s[40];
  int digits = 8;
  do snprintf(s, sizeof s, "%.*g", digits--, x);
  while (strlen(s) > 8 && digits);
  put_text(f, 8, s);
}

static void put_signal_field(edf_writer *w, int field, const edf_signal *s) {
  static const int texts[] = {16, 80, 8, 80};
  const char *text[] = {s->label, s->transducer, s->unit, s->prefilter};
  const double number[] = {s->physical_min, s->physical_max, s->digital_min, s->digital_max, s->samples};
  if (field < 3)
    put_text(w->f, texts[field], text[field]);
  else if (field == 7)
    put_text(w->f, 80, s->prefilter);
  else if (field == 9)
    put_text(w->f, 32, "");
  else
    put_number(w->f, number[field < 7 ? field - 3 : 4]);
}

static void put_header(edf_writer *w) {
  edf_header *h = &w->h;
  int notes = w->note_bytes > 0, n = h->signals + notes;
  int low = h->bdf ? -8388608 : -32768, high = h->bdf ? 8388607 : 32767;
  edf_signal a = {.physical_min = -1, .physical_max = 1, .digital_min = low, .digital_max = high};
  char s[32], plus[8];
  snprintf(a.label, sizeof a.label, "%s Annotations", h->bdf ? "BDF" : "EDF");
  snprintf(plus, sizeof plus, "%s", notes ? h->bdf ? "BDF+C" : "EDF+C" : h->bdf ? "24BIT" : "");
  a.samples = w->note_bytes / size_of(w);
  if (h->bdf)
    fputc(255, w->f), put_text(w->f, 7, "BIOSEMI");
  else
    put_text(w->f, 8, "0");
  put_text(w->f, 80, *h->patient ? h->patient : "X X X X");
  put_text(w->f, 80, *h->recording ? h->recording : "Startdate X X X X");
  snprintf(s, sizeof s, "%02d.%02d.%02d%02d.%02d.%02d", (h->day ? h->day : 1) % 100, (h->month ? h->month : 1) % 100,
           (h->year ? h->year : 1985) % 100, h->hour % 100, h->minute % 100, h->second % 100);
  put_text(w->f, 16, s);
  put_number(w->f, 256 * (n + 1.));
  put_text(w->f, 44, plus);
  put_number(w->f, (double)h->records);
  put_number(w->f, h->duration);
  snprintf(s, sizeof s, "%d", n);
  put_text(w->f, 4, s);
  for (int field = 0; field < 10; field++) {
    for (int i = 0; i < h->signals; i++) put_signal_field(w, field, &h->signal[i]);
    if (notes) put_signal_field(w, field, &a);
  }
}

static int copy_header(edf_writer *w, const edf_header *h, int note_bytes, err *e) {
  w->h = *h;
  w->h.records = 0;
  w->h.signal = malloc((size_t)(h->signals + 1) * sizeof *w->h.signal);
  if (!w->h.signal) return err_set(e, ERR_RUN, "%s: no memory", w->path);
  memcpy(w->h.signal, h->signal, (size_t)h->signals * sizeof *h->signal);
  w->note_bytes = (note_bytes + size_of(w) - 1) / size_of(w) * size_of(w);
  if (h->signals < 1 || h->signals > 4000 || !(h->duration > 0) || (note_bytes && note_bytes < 24))
    return err_set(e, ERR_FILE, "%s: %d signals, data records of %g s, %d bytes for notes cannot be written", w->path,
                   h->signals, h->duration, note_bytes);
  for (int i = 0; i < h->signals; i++) {
    const edf_signal *s = &h->signal[i];
    if (s->samples < 1 || s->digital_min >= s->digital_max || !isfinite(s->physical_min + s->physical_max))
      return err_set(e, ERR_FILE, "%s: signal %d has no samples or no ranges", w->path, i);
  }
  return 0;
}

int edf_create(edf_writer **out, const char *path, const edf_header *h, int note_bytes, err *e) {
  char tmp[PATH_MAX];
  edf_writer *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "%s: no memory", path);
  snprintf(w->path, sizeof w->path, "%s", path);
  if (!copy_header(w, h, note_bytes, e)) {
    w->f = fopen(tmp_name(w, tmp), "w+b");
    if (!w->f) err_set(e, ERR_FILE, "cannot write %s: %s", tmp, strerror(errno));
  }
  if (!e->code) {
    put_header(w);
    return 0;
  }
  edf_abandon(w);
  *out = NULL;
  return e->code;
}

void edf_note_later(edf_writer *w, double time, double duration, const char *text, err *e) {
  if (!(w->notes & (w->notes - 1))) {
    size_t room = w->notes ? 2 * (size_t)w->notes : 1;
    edf_note *more = realloc(w->note, room * sizeof *more);
    if (!more) {
      err_set(e, ERR_RUN, "%s: no memory for its notes", w->path);
      return;
    }
    w->note = more;
  }
  w->note[w->notes] = (edf_note){time, duration, strdup(text)};
  if (!w->note[w->notes++].text) err_set(e, ERR_RUN, "%s: no memory for its notes", w->path);
}

int edf_put(edf_writer *w, const int32_t *x, err *e) {
  for (int i = 0; i < w->h.signals; i++) {
    const edf_signal *s = &w->h.signal[i];
    for (int k = 0; k < s->samples; k++, x++) {
      if (*x < s->digital_min || *x > s->digital_max)
        return err_set(e, ERR_FILE, "%s: sample %d of signal %s is outside of its digital range", w->path, *x,
                       s->label);
      for (int b = 0; b < size_of(w); b++) fputc((int)((uint32_t)*x >> 8 * b & 255), w->f);
    }
  }
  for (int b = 0; b < w->note_bytes; b++) fputc(0, w->f);
  w->h.records++;
  return ferror(w->f) ? err_set(e, ERR_FILE, "cannot write %s: %s", w->path, strerror(errno)) : 0;
}

static int earlier(const void *a, const void *b) {
  double x = ((const edf_note *)a)->time, y = ((const edf_note *)b)->time;
  return (x > y) - (x < y);
}

/* A list of one text; bytes it took with the 0 at its end, or 0 where it does not fit. Its text ends where a control
 * character would end it. */
static size_t list(char *to, size_t room, const edf_note *n) {
  char head[64];
  size_t text = 0;
  int m = n->duration > 0 ? snprintf(head, sizeof head, "%+.10g\x15%.10g\x14", n->time, n->duration)
                          : snprintf(head, sizeof head, "%+.10g\x14", n->time);
  while ((unsigned char)n->text[text] >= ' ') text++;
  if ((size_t)m + text + 2 > room) return 0;
  memcpy(to, head, (size_t)m);
  memcpy(to + m, n->text, text);
  to[(size_t)m + text] = 20, to[(size_t)m + text + 1] = 0;
  return (size_t)m + text + 2;
}

/* Notes go to the earliest data record with room: texts need not stand in the record of their time. */
static int put_notes(edf_writer *w, err *e) {
  int64_t record_bytes = w->note_bytes, head = 256LL * (w->h.signals + 2);
  char *room = malloc((size_t)w->note_bytes + 64);
  long next = 0;
  if (!room) return err_set(e, ERR_RUN, "%s: no memory", w->path);
  for (int i = 0; i < w->h.signals; i++) record_bytes += w->h.signal[i].samples * size_of(w);
  if (w->notes) qsort(w->note, (size_t)w->notes, sizeof *w->note, earlier);
  for (int64_t k = 0; k < w->h.records; k++) {
    memset(room, 0, (size_t)w->note_bytes);
    size_t at = (size_t)snprintf(room, 32, "%+.10g\x14\x14", (double)k * w->h.duration) + 1, n = 1;
    for (; next < w->notes && n; next += n > 0, at += n)
      n = list(room + at, (size_t)w->note_bytes - at, &w->note[next]);
    if (fseeko(w->f, head + (k + 1) * record_bytes - w->note_bytes, SEEK_SET) ||
        fwrite(room, 1, (size_t)w->note_bytes, w->f) != (size_t)w->note_bytes)
      err_set(e, ERR_FILE, "cannot write %s: %s", w->path, strerror(errno));
  }
  free(room);
  if (next < w->notes) err_set(e, ERR_FILE, "%s: no room for the note \"%.60s\"", w->path, w->note[next].text);
  return e->code;
}

int edf_finish(edf_writer *w, err *e) {
  char tmp[PATH_MAX];
  if (w->note_bytes) put_notes(w, e);
  if (!w->note_bytes && w->notes) err_set(e, ERR_FILE, "%s: notes, but no room for them", w->path);
  rewind(w->f);
  put_header(w);
  int bad = ferror(w->f);
  bad |= fclose(w->f);
  w->f = NULL;
  if (!e->code && (bad || rename(tmp_name(w, tmp), w->path)))
    err_set(e, ERR_FILE, "cannot write %s: %s", w->path, strerror(errno));
  edf_abandon(w);
  return e->code;
}

void edf_abandon(edf_writer *w) {
  char tmp[PATH_MAX];
  if (!w) return;
  if (w->f) fclose(w->f);
  unlink(tmp_name(w, tmp));
  for (long i = 0; i < w->notes; i++) free(w->note[i].text);
  free(w->note), free(w->h.signal);
  free(w);
}

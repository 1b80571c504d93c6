/* recording.c: recording_open, _close, _read, _read_all, _find, _seconds, _write, what readers share, and the table of
 * readers. */
#include "signals/recording.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

extern const signals_reader signals_reader_wfdb, signals_reader_edf, signals_reader_csv, signals_reader_npy,
    signals_reader_hdf5;
const signals_reader *const signals_readers[] = {&signals_reader_edf,  &signals_reader_csv,  &signals_reader_npy,
                                                 &signals_reader_hdf5, &signals_reader_wfdb, NULL};

static const signals_reader *reader_of(const char *path) {
  for (int i = 0; signals_readers[i]; i++)
    if (signals_readers[i]->claims(path)) return signals_readers[i];
  return NULL;
}

int recording_open(recording **out, const char *path, const recording_options *o, err *e) {
  const recording_options none = {0};
  *out = NULL;
  const signals_reader *reader = reader_of(path);
  if (!reader) return err_set(e, ERR_FILE, "%s: no reader knows files of this name", path);
  recording *r = calloc(1, sizeof *r);
  if (!r) return err_set(e, ERR_RUN, "%s: no memory", path);
  r->reader = reader, r->path = strdup(path), r->comments = strdup("");
  if (!r->path || !r->comments)
    err_set(e, ERR_RUN, "%s: no memory", path);
  else
    reader->open(r, o ? o : &none, e);
  if (e->code) {
    recording_close(r);
    return e->code;
  }
  *out = r;
  return 0;
}

void recording_close(recording *r) {
  if (!r) return;
  r->reader->close(r);
  for (int i = 0; i < r->leads; i++) free(r->lead[i].name), free(r->lead[i].unit);
  for (long i = 0; i < r->notes; i++) free(r->note[i].label), free(r->note[i].text);
  free(r->lead), free(r->note), free(r->path), free(r->comments);
  free(r);
}

int recording_read(recording *r, int lead, int64_t first, long n, double *x, err *e) {
  if (lead < 0 || lead >= r->leads) return err_set(e, ERR_RUN, "%s: lead %d of %d asked for", r->path, lead, r->leads);
  int64_t have = r->lead[lead].samples;
  if (first < 0 || n < 0 || first > have - n)
    return err_set(e, ERR_RUN, "%s: samples %lld to %lld of %lld of lead %d asked for", r->path, (long long)first,
                   (long long)(first + n), (long long)have, lead);
  return n ? r->reader->read(r, lead, first, n, x, e) : 0;
}

int recording_read_all(recording *r, int64_t first, long n, double *x, err *e) {
  enum { BLOCK = 1024 }; /* at least as much stays decoded in every reader */
  double rate;
  int64_t samples;
  if (r->leads && recording_common(r, &rate, &samples, e)) return e->code;
  for (long at = 0; at < n; at += BLOCK)
    for (int k = 0; k < r->leads; k++)
      if (recording_read(r, k, first + at, n - at < BLOCK ? n - at : BLOCK, x + k * n + at, e)) return e->code;
  return 0;
}

static const char *plain_name(const char *s) {
  const char *words[] = {"lead ", "ecg "};
  for (int i = 0; i < 2; i++)
    if (!strncasecmp(s, words[i], strlen(words[i]))) s += strlen(words[i]);
  return s;
}

int recording_find(const recording *r, const char *name) {
  for (int i = 0; i < r->leads; i++)
    if (!strcasecmp(plain_name(r->lead[i].name), plain_name(name))) return i;
  return -1;
}

double recording_seconds(const recording *r) {
  double most = 0;
  for (int i = 0; i < r->leads; i++) most = fmax(most, (double)r->lead[i].samples / r->lead[i].rate);
  return most;
}

int recording_write(recording *r, const char *path, err *e) {
  const signals_reader *to = reader_of(path);
  if (!to || !to->write) return err_set(e, ERR_FILE, "%s: no writer knows files of this name", path);
  if (!r->leads) return err_set(e, ERR_FILE, "%s: %s has no leads to be written", path, r->path);
  return to->write(r, path, e);
}

int recording_make_leads(recording *r, int n, err *e) {
  r->lead = calloc((size_t)n + 1, sizeof *r->lead);
  if (!r->lead) return err_set(e, ERR_RUN, "%s: no memory for %d leads", r->path, n);
  r->leads = n;
  return 0;
}

int recording_set_lead(recording *r, int i, const char *name, const char *unit, double rate, int64_t samples, err *e) {
  signals_lead *l = &r->lead[i];
  *l = (signals_lead){strdup(name), strdup(unit), rate, samples};
  return l->name && l->unit ? 0 : err_set(e, ERR_RUN, "%s: no memory for its leads", r->path);
}

int recording_add_note(recording *r, double time, double duration, const char *label, const char *text, err *e) {
  if (!(r->notes & (r->notes - 1))) { /* a power of two: the room is full */
    size_t room = r->notes ? 2 * (size_t)r->notes : 1;
    signals_note *more = realloc(r->note, room * sizeof *more);
    if (!more) return err_set(e, ERR_RUN, "%s: no memory for its notes", r->path);
    r->note = more;
  }
  signals_note *n = &r->note[r->notes++];
  *n = (signals_note){time, duration, strdup(label), strdup(text)};
  return n->label && n->text ? 0 : err_set(e, ERR_RUN, "%s: no memory for its notes", r->path);
}

/* Merges sorted halves; where they are in order already, as in most files, there is nothing to be done. */
static void merge_notes(signals_note *a, long n, signals_note *work) {
  if (n < 2) return;
  long h = n / 2;
  merge_notes(a, h, work), merge_notes(a + h, n - h, work);
  if (a[h - 1].time <= a[h].time) return;
  memcpy(work, a, (size_t)h * sizeof *a);
  for (long i = 0, j = h, k = 0; i < h; k++) a[k] = j < n && a[j].time < work[i].time ? a[j++] : work[i++];
}

int recording_sort_notes(recording *r, err *e) {
  signals_note *work = malloc((size_t)(r->notes / 2 + 1) * sizeof *work);
  if (!work) return err_set(e, ERR_RUN, "%s: no memory for its notes", r->path);
  merge_notes(r->note, r->notes, work);
  free(work);
  return 0;
}

int recording_common(const recording *r, double *rate, int64_t *samples, err *e) {
  *rate = r->lead[0].rate, *samples = r->lead[0].samples;
  for (int i = 1; i < r->leads; i++)
    if (r->lead[i].rate != *rate || r->lead[i].samples != *samples)
      return err_set(e, ERR_FILE, "%s: leads %s and %s differ in rate or length, a table has one", r->path,
                     r->lead[0].name, r->lead[i].name);
  return 0;
}

int recording_range(recording *r, int lead, double *low, double *high, err *e) {
  enum { BLOCK = 4096 };
  double x[BLOCK];
  *low = INFINITY, *high = -INFINITY;
  for (int64_t at = 0, left = r->lead[lead].samples; left > 0; at += BLOCK, left -= BLOCK) {
    long n = left < BLOCK ? (long)left : BLOCK;
    if (recording_read(r, lead, at, n, x, e)) return e->code;
    for (long i = 0; i < n; i++)
      if (isfinite(x[i])) *low = fmin(*low, x[i]), *high = fmax(*high, x[i]);
  }
  if (*low > *high) *low = *high = 0;
  return 0;
}

/* eit_read.c: the table of readers, eit_read*, eit_record_*, and what the readers share. */
#include "signals/eit_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "signals/eit_readers.h"

const eit_reader *const eit_readers[] = {&eit_read_draeger_eit, &eit_read_draeger_get, &eit_read_ktc,
                                         &eit_read_rpi,         &eit_read_csv,         &eit_read_draeger_bin,
                                         &eit_read_get,         &eit_read_sheffield,   NULL};

void eit_record_free(eit_record *r) {
  if (!r) return;
  eit_protocol_free(r->protocol);
  free(r->data), free(r->time), free(r->aux);
  free(r);
}

eit_record *eit_record_new(const char *format, int nframes, int ndata, const eit_channels *groups, err *e) {
  eit_record *r = calloc(1, sizeof *r);
  if (r) {
    r->format = format, r->nframes = nframes, r->ndata = ndata;
    for (; groups && groups->name && r->ngroups < EIT_GROUPS; groups++) {
      r->group[r->ngroups++] = *groups;
      r->naux += groups->count;
    }
    r->data = calloc((size_t)nframes * (size_t)ndata + 1, sizeof *r->data);
    r->aux = calloc((size_t)nframes * (size_t)r->naux + 1, sizeof *r->aux);
    if (r->data && r->aux) return r;
  }
  eit_record_free(r);
  err_set(e, ERR_FILE, "no memory for %d frames of %d data", nframes, ndata);
  return NULL;
}

int eit_record_adjacent(eit_record *r, err *e) {
  return eit_protocol_pairs(&r->protocol, 16, 1, true, 1, e);
}

static const eit_reader *find(const char *name) {
  for (int i = 0; eit_readers[i]; i++)
    if (!strcmp(eit_readers[i]->name, name)) return eit_readers[i];
  return NULL;
}

int eit_read_bytes(eit_record **r, const eit_source *s, const char *reader, err *e) {
  const eit_reader *by = reader ? find(reader) : NULL;
  *r = NULL;
  if (reader && !by) return err_set(e, ERR_FILE, "%s: there is no reader \"%s\"", s->name, reader);
  for (int i = 0; !by && eit_readers[i]; i++)
    if (eit_readers[i]->matches(s)) by = eit_readers[i];
  if (!by) return err_set(e, ERR_FILE, "%s: no known recording of an impedance tomograph (%zu bytes)", s->name, s->n);
  int rc = by->parse(r, s, e);
  if (rc) eit_record_free(*r), *r = NULL;
  return rc;
}

/* The rate in NAME.prl beside NAME.get. */
static double companion_rate(const char *path) {
  char *other = malloc(strlen(path) + 5), *text = NULL;
  double rate = 0;
  size_t n;
  err none = {0};
  if (!other) return 0;
  strcpy(other, path);
  char *dot = strrchr(other, '.');
  strcpy(dot && !strchr(dot, '/') ? dot : other + strlen(other), ".prl");
  if (file_exists(other) && !file_read(other, &text, &n, ERR_FILE, &none)) {
    rate = eit_number_after(text, n, "Framerate =");
    if (!(rate > 0 && rate < 1e4)) rate = 0;
  }
  free(text), free(other);
  return rate;
}

int eit_read(eit_record **r, const char *path, const char *reader, err *e) {
  char *text;
  size_t n;
  *r = NULL;
  if (file_read(path, &text, &n, ERR_FILE, e)) return e->code;
  eit_source s = {path, (const unsigned char *)text, n};
  int rc = eit_read_bytes(r, &s, reader, e);
  free(text);
  if (!rc && (*r)->rate == 0 && !strcmp((*r)->format, "get")) (*r)->rate = companion_rate(path);
  return rc;
}

int eit_record_select(eit_record *r, const bool *keep, err *e) {
  int n = 0;
  if (!r->protocol) return err_set(e, ERR_RUN, "%s: images cannot be selected from", r->format);
  for (int i = 0; i < r->ndata; i++) n += keep[i];
  if (!n) return err_set(e, ERR_RUN, "%s: no datum is left", r->format);
  double *to = r->data;
  for (long k = 0; k < (long)r->nframes * r->ndata; k++)
    if (keep[k % r->ndata]) *to++ = r->data[k];
  int at = 0;
  for (int i = 0; i < r->ndata; i++)
    if (keep[i]) r->protocol->drive[at] = r->protocol->drive[i], r->protocol->meas[at++] = r->protocol->meas[i];
  r->ndata = r->protocol->ndata = n;
  return 0;
}

void eit_record_mean(const eit_record *r, int first, int n, double *mean) {
  memset(mean, 0, (size_t)r->ndata * sizeof *mean);
  for (int t = first; t < first + n; t++)
    for (int d = 0; d < r->ndata; d++) mean[d] += r->data[(long)t * r->ndata + d] / n;
}

int eit_record_channel(const eit_record *r, const char *group) {
  int at = 0;
  for (int i = 0; i < r->ngroups; at += r->group[i++].count)
    if (!strcmp(r->group[i].name, group)) return at;
  return -1;
}

/* ---- numbers in files ---- */

unsigned eit_uint(const unsigned char *p) {
  return (unsigned)p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16 | (unsigned)p[3] << 24;
}

float eit_float(const unsigned char *p) {
  unsigned u = eit_uint(p);
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

double eit_double(const unsigned char *p) {
  unsigned long long u = (unsigned long long)eit_uint(p + 4) << 32 | eit_uint(p);
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

double eit_number_after(const char *text, size_t n, const char *key) {
  const char *hit = memmem(text, n, key, strlen(key));
  if (!hit) return NAN;
  char *end;
  double x = strtod(hit + strlen(key), &end);
  return end == hit + strlen(key) ? NAN : x;
}

int eit_record_finite(const eit_record *r, const char *name, err *e) {
  for (long i = 0; i < (long)r->nframes * r->ndata; i++)
    if (!(fabs(r->data[i]) < 1e30))
      return err_set(e, ERR_FILE, "%s: frame %ld, datum %ld is %g", name, i / r->ndata + 1, i % r->ndata + 1,
                     r->data[i]);
  return 0;
}

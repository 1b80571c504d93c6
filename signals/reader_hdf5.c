/* reader_hdf5.c: signals_reader_hdf5: a dataset ("/signals" unless told otherwise) of one lead (samples), several
 * (leads, samples) or (samples, leads): the longer axis is time; or one item of (recordings, leads, samples).
 * Attributes, all optional: rate (Hz), leads ("I,II,V1"), unit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/h5.h"
#include "signals/file.h"
#include "signals/recording.h"

enum { MOST_LEADS = 100000 };

typedef struct state {
  h5 *f;
  char *dataset;
  int axes, time, lead; /* lead -1: one only */
  size_t item;
} state;

static bool claims(const char *path) {
  return signals_has_extension(path, "h5") || signals_has_extension(path, "hdf5");
}

/* Word number i of a list "a,b,c" into s, or "row i". */
static void lead_name(const char *list, int i, char *s, size_t room) {
  for (int k = 0; list && k < i; k++) list = strchr(list, ','), list = list ? list + 1 : NULL;
  if (list)
    snprintf(s, room, "%.*s", (int)strcspn(list, ","), list);
  else
    snprintf(s, room, "row %d", i + 1);
}

static int describe(recording *r, state *s, double rate, size_t samples, err *e) {
  char *names = NULL, *unit = NULL, name[64];
  if (!(rate > 0) && h5_has_attr(s->f, s->dataset, "rate")) h5_read_attr_f64(s->f, s->dataset, "rate", &rate, e);
  if (h5_has_attr(s->f, s->dataset, "leads")) h5_read_attr_text(s->f, s->dataset, "leads", &names, e);
  if (h5_has_attr(s->f, s->dataset, "unit")) h5_read_attr_text(s->f, s->dataset, "unit", &unit, e);
  if (!(rate > 0 && isfinite(rate))) rate = 1;
  for (int i = 0; i < r->leads && !e->code; i++) {
    lead_name(names, i, name, sizeof name);
    recording_set_lead(r, i, name, unit ? unit : "", rate, (int64_t)samples, e);
  }
  free(names), free(unit);
  return e->code;
}

static int open_file(recording *r, const recording_options *o, err *e) {
  state *s = r->state = calloc(1, sizeof *s);
  size_t d[8] = {0}, leads;
  if (s) s->dataset = strdup(o->dataset ? o->dataset : "/signals");
  if (!s || !s->dataset) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  if (h5_open(&s->f, r->path, e) || h5_dims(s->f, s->dataset, &s->axes, d, e)) return e->code;
  if (s->axes < 1 || s->axes > 3)
    return err_set(e, ERR_FILE, "%s: %s has %d axes, signals have 1 to 3", r->path, s->dataset, s->axes);
  s->time = s->axes - 1, s->lead = s->axes - 2;
  if (s->axes == 2 && d[0] > d[1]) s->time = 0, s->lead = 1;
  if (s->axes == 3 && (o->item < 0 || (size_t)o->item >= d[0]))
    return err_set(e, ERR_FILE, "%s: item %ld of %zu asked for", r->path, o->item, d[0]);
  s->item = (size_t)o->item;
  leads = s->lead < 0 ? 1 : d[s->lead];
  if (leads > MOST_LEADS) return err_set(e, ERR_FILE, "%s: %zu leads, at most %d", r->path, leads, MOST_LEADS);
  return recording_make_leads(r, (int)leads, e) ? e->code : describe(r, s, o->rate, d[s->time], e);
}

static int read_lead(recording *r, int lead, int64_t first, long n, double *x, err *e) {
  state *s = r->state;
  size_t from[3] = {0}, count[3] = {1, 1, 1};
  if (s->axes == 3) from[0] = s->item;
  if (s->lead >= 0) from[s->lead] = (size_t)lead;
  from[s->time] = (size_t)first, count[s->time] = (size_t)n;
  return h5_read_part(s->f, s->dataset, H5_F64, from, count, x, e);
}

static void close_file(recording *r) {
  state *s = r->state;
  if (!s) return;
  h5_close(s->f);
  free(s->dataset), free(s);
}

static char *names_of(const recording *r) {
  size_t n = 1;
  for (int i = 0; i < r->leads; i++) n += strlen(r->lead[i].name) + 1;
  char *s = calloc(n, 1), *p = s;
  for (int i = 0; s && i < r->leads; i++) {
    p += sprintf(p, "%s%s", i ? "," : "", r->lead[i].name);
    for (char *c = p - strlen(r->lead[i].name); *c; c++) /* a comma would cut the name in two */
      if (*c == ',') *c = ';';
  }
  return s;
}

static int write_file(recording *r, const char *path, err *e) {
  double rate;
  int64_t samples;
  h5 *f;
  if (recording_common(r, &rate, &samples, e)) return e->code;
  size_t dims[] = {(size_t)r->leads, (size_t)samples};
  double *x = malloc((dims[0] * dims[1] + 1) * sizeof *x);
  char *names = names_of(r);
  if (!x || !names) err_set(e, ERR_RUN, "%s: no memory for %zu leads of %zu samples", path, dims[0], dims[1]);
  for (int i = 0; i < r->leads && !e->code; i++) recording_read(r, i, 0, (long)samples, x + i * samples, e);
  if (!e->code && !h5_create(&f, path, e)) {
    const char *unit = *r->lead[0].unit ? r->lead[0].unit : "1";
    if (h5_write(f, "/signals", H5_F64, 2, dims, x, unit, "signals (leads, samples)", e) ||
        h5_attr_f64(f, "/signals", "rate", rate, e) || h5_attr_text(f, "/signals", "leads", names, e))
      h5_abandon(f);
    else
      h5_commit(f, e);
  }
  free(x), free(names);
  return e->code;
}

const signals_reader signals_reader_hdf5 = {
    "hdf5", "arrays in HDF5 (.h5, .hdf5)", claims, open_file, read_lead, close_file, write_file};

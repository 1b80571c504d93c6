/* reader_npy.c: signals_reader_npy: one lead (samples), several (leads, samples) or (samples, leads): the longer axis
 * is time; or one item of (recordings, leads, samples). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "signals/file.h"
#include "signals/npy.h"
#include "signals/recording.h"

enum { BLOCK = 4096, MOST_LEADS = 100000 };

typedef struct state {
  npy *a;
  int64_t origin, lead_step, time_step;
} state;

static bool claims(const char *path) {
  return signals_has_extension(path, "npy");
}

static int open_file(recording *r, const recording_options *o, err *e) {
  state *s = r->state = calloc(1, sizeof *s);
  size_t d[NPY_AXES], leads = 1;
  int64_t step[NPY_AXES];
  if (!s) return err_set(e, ERR_RUN, "%s: no memory", r->path);
  if (npy_open(&s->a, r->path, e)) return e->code;
  int axes = npy_axes(s->a, d, step);
  if (axes < 1 || axes > 3) return err_set(e, ERR_FILE, "%s: %d axes, signals have 1 to 3", r->path, axes);
  int time = axes - 1, lead = axes - 2;
  if (axes == 2 && d[0] > d[1]) time = 0, lead = 1;
  if (axes == 3) {
    if (o->item < 0 || (size_t)o->item >= d[0])
      return err_set(e, ERR_FILE, "%s: item %ld of %zu asked for", r->path, o->item, d[0]);
    s->origin = o->item * step[0];
  }
  if (axes > 1) leads = d[lead], s->lead_step = step[lead];
  s->time_step = step[time];
  if (leads > MOST_LEADS) return err_set(e, ERR_FILE, "%s: %zu leads, at most %d", r->path, leads, MOST_LEADS);
  if (recording_make_leads(r, (int)leads, e)) return e->code;
  for (int i = 0; i < r->leads; i++) {
    char name[32];
    snprintf(name, sizeof name, "row %d", i + 1);
    if (recording_set_lead(r, i, name, "", o->rate > 0 ? o->rate : 1, (int64_t)d[time], e)) return e->code;
  }
  return 0;
}

static int read_lead(recording *r, int lead, int64_t first, long n, double *x, err *e) {
  state *s = r->state;
  return npy_read(s->a, s->origin + lead * s->lead_step + first * s->time_step, s->time_step, n, x, e);
}

static void close_file(recording *r) {
  state *s = r->state;
  if (s) npy_close(s->a);
  free(s);
}

static int write_file(recording *r, const char *path, err *e) {
  double rate, x[BLOCK];
  int64_t samples;
  npy_writer *w;
  if (recording_common(r, &rate, &samples, e)) return e->code;
  size_t dims[] = {(size_t)r->leads, (size_t)samples};
  if (npy_create(&w, path, false, 2, dims, e)) return e->code;
  for (int i = 0; i < r->leads && !e->code; i++)
    for (int64_t at = 0; at < samples && !e->code; at += BLOCK) {
      long n = samples - at < BLOCK ? (long)(samples - at) : BLOCK;
      if (!recording_read(r, i, at, n, x, e)) npy_put(w, n, x, e);
    }
  return npy_finish(w, e);
}

const signals_reader signals_reader_npy = {"npy",     "NumPy arrays (.npy)", claims, open_file, read_lead, close_file,
                                           write_file};

/* eit_recording.c: a recording of an impedance tomograph before the networks of app eit (see eit.h). Its voltages go
 * through the matrix that drew the images of the simulated patients,
 *
 *   image(t) = B (v(t) - v_ref)/v_ref,   v_ref at the ends of expirations in the first patients.reference seconds,
 *
 * so that currents, gains and the size of the body drop out. Electrode e of the file is number (a - e) modulo n of the
 * model where the belt runs clockwise (front on top, seen from the feet), else (a + e). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/eit.h"
#include "nn/stream.h"
#include "signals/eit_clinical.h"
#include "signals/eit_read.h"

typedef struct recording_conf {
  const char *path, *format;
  double rate, first, low, high;
  bool clockwise;
} recording_conf;
#define AT(field) offsetof(recording_conf, field)
const deck_key eit_recording_keys[] = {
    {"path", DECK_TEXT, AT(path), NULL, .help = "the file"},
    {"format", DECK_TEXT, AT(format), "~", .help = "a reader of app eit-image; ~: as the file looks"},
    {"rate", DECK_REAL, AT(rate), "~", 1e-3, 1e5, .unit = "Hz",
     .help = "frames per second, in place of what the file says; patients.rate has to be the same"},
    {"first", DECK_REAL, AT(first), "90", -360, 360, .unit = "degrees",
     .help = "where electrode 1 is: 0 the patient's left, 90 the front"},
    {"clockwise", DECK_BOOL, AT(clockwise), "true", .help = "order of the electrodes, seen from the feet"},
    {"low", DECK_REAL, AT(low), "0.1", 0, 100, .unit = "Hz", .help = "slowest breathing looked for"},
    {"high", DECK_REAL, AT(high), "3", 0.01, 1000, .unit = "Hz", .help = "fastest"},
    {0},
};
#undef AT

int eit_recording_check(const deck *d, err *e) {
  recording_conf c;
  deck_get(d, "recording", eit_recording_keys, &c);
  if (deck_kind_of(d, "patients") != eit_sources[0])
    return err_set(e, ERR_DECK, "%s: recording: needs patients.kind = simulated, whose images it shares",
                   deck_where(d, "recording", "path"));
  if (c.high > c.low) return 0;
  return err_set(e, ERR_DECK, "%s: recording.high = %g: must be above recording.low = %g",
                 deck_where(d, "recording", "high"), c.high, c.low);
}

static bool same_pattern(const eit_protocol *a, const eit_protocol *b) {
  bool same = a && a->nelectrodes == b->nelectrodes && a->ndata == b->ndata;
  for (int d = 0; same && d < a->ndata; d++)
    for (int l = 0; l < a->nelectrodes; l++)
      same &= a->vector[a->drive[d] * a->nelectrodes + l] == b->vector[b->drive[d] * b->nelectrodes + l] &&
              a->vector[a->meas[d] * a->nelectrodes + l] == b->vector[b->meas[d] * b->nelectrodes + l];
  return same;
}

/* Drive (k, k+1) of the file is drive pi(k) = a + k of the model, or a - k - 1 the other way round, and its
 * measurements, which follow behind the drive, come in the opposite order then. */
void eit_recording_turn(int n, double first, bool clockwise, const double *from, double *to) {
  int each = n - 3, a = (int)lround((first - 90) / 360 * n);
  for (int k = 0; k < n; k++)
    for (int j = 0; j < each; j++) {
      int drive = clockwise ? a - k - 1 : a + k;
      to[((drive % n + n) % n) * each + (clockwise ? each - 1 - j : j)] = from[k * each + j];
    }
}

static int check_recording(const deck *d, const recording_conf *c, const eit_record *rec, const eit_imager *m,
                           const eit_data *like, int before, err *e) {
  double rate = isnan(c->rate) ? rec->rate : c->rate;
  const char *where = deck_where(d, "recording", "path");
  if (!same_pattern(rec->protocol, m->protocol))
    return err_set(e, ERR_DECK, "%s: %s: does not hold voltages of %d electrodes driven and read by adjacent pairs",
                   where, c->path, m->protocol->nelectrodes);
  if (fabs(rate / like->rate - 1) > 1e-3)
    return err_set(e, ERR_DECK, "%s: %s has %g frames per second: needs patients.rate = %g, not %g", where, c->path,
                   rate, rate, like->rate);
  if (rec->nframes < before + 16)
    return err_set(e, ERR_DECK, "%s: %s has %d frames: needs %d for patients.reference and 16 behind", where, c->path,
                   rec->nframes, before);
  return 0;
}

/* Rank 0. */
static int draw(eit_data *d, run *r, const eit_data *like, const recording_conf *c, err *e) {
  const deck *words = run_deck(r);
  eit_ensemble_conf ensemble;
  eit_imager_conf k;
  eit_imager *m = NULL;
  eit_record *rec = NULL;
  double *v = NULL;
  deck_get(words, "patients", eit_ensemble_keys, &ensemble), deck_get(words, "image", eit_imager_keys, &k);
  int before = (int)ceil(ensemble.reference * ensemble.rate);
  if (eit_read(&rec, c->path, c->format, e)) return err_context(e, "%s", deck_where(words, "recording", "path"));
  if (eit_imager_new(&m, &ensemble, &k, e) || check_recording(words, c, rec, m, like, before, e)) goto end;
  int M = rec->ndata, frames = rec->nframes - before;
  *d = (eit_data){.n = 1, .rate = like->rate, .l = eit_layout_of(frames, like->l.pixels, like->l.size)};
  d->all = calloc(d->l.row, sizeof *d->all), d->place = malloc(sizeof *d->place * (size_t)like->l.pixels);
  v = malloc(sizeof *v * (size_t)rec->nframes * (size_t)M);
  if (!d->all || !d->place || !v) {
    err_set(e, ERR_RUN, "recording: out of memory");
    goto end;
  }
  memcpy(d->place, like->place, sizeof *d->place * (size_t)like->l.pixels);
  for (long t = 0; t < rec->nframes; t++)
    eit_recording_turn(m->protocol->nelectrodes, c->first, c->clockwise, rec->data + t * M, v + t * M);
  if (eit_imager_draw(m, before, frames, v, d->all, d->all + d->l.rest, e)) goto end;
  for (size_t i = 0; i < d->l.rest && !e->code; i++)
    if (!isfinite(d->all[i])) err_set(e, ERR_FILE, "%s: voltages of the reference are 0", c->path);
  run_log(r, "%s (%s): %d frames at %g Hz", c->path, rec->format, frames, d->rate);
end:
  free(v), eit_record_free(rec), eit_imager_free(m);
  return e->code;
}

int eit_recording_open(eit_data *d, run *r, const eit_data *like, err *e) {
  recording_conf c;
  deck_get(run_deck(r), "recording", eit_recording_keys, &c);
  if (run_root(r)) draw(d, r, like, &c, e);
  return comm_vote(run_comm(r), e);
}

/* y (frames, outputs): answers frame by frame. */
static int answers(const eit_data *d, const eit_task *t, const nn_graph *one, const nn_real *theta,
                   const nn_real *state, nn_real *y, err *e) {
  eit_task own = *t;
  nn_stream *s = NULL;
  own.d = d;
  if (nn_stream_new(&s, one, 1, theta, state, e)) return e->code;
  for (int f = 0; f < d->l.frames; f++) {
    for (int k = 0; k < t->branches; k++) eit_input(&own, &own.branch[k], 0, f, nn_stream_input(s, k), 1);
    memcpy(y + (size_t)f * t->outputs, nn_stream_push(s), sizeof *y * (size_t)t->outputs);
  }
  nn_stream_free(s);
  return 0;
}

/* Minus the sum of the image, which rises with the gas, behind the frames that do not count. */
static void own_signal(const eit_data *d, int first, double *x) {
  for (int f = first; f < d->l.frames; f++) {
    x[f - first] = 0;
    for (int p = 0; p < d->l.pixels; p++) x[f - first] -= (double)eit_images(d, 0)[(size_t)f * d->l.pixels + p];
  }
}

int eit_recording_tell(run *r, const eit_data *d, const eit_task *t, const nn_graph *one, const nn_real *theta,
                       const nn_real *state, err *e) {
  recording_conf c;
  int first = (int)(t->c.warmup > t->c.lag ? t->c.warmup : t->c.lag), n = d->l.frames - first;
  size_t count = n > 0 ? (size_t)n : 0;
  deck_get(run_deck(r), "recording", eit_recording_keys, &c);
  if (n < 16) return err_set(e, ERR_DECK, "recording: %d frames behind loss.warmup", n);
  nn_real *y = malloc(sizeof *y * (size_t)d->l.frames * (size_t)t->outputs);
  double *x = malloc(sizeof *x * count), signal = NAN;
  if (!x || !y) err_set(e, ERR_RUN, "recording: out of memory");
  if (!e->code) {
    own_signal(d, first, x);
    signal = eit_dominant_frequency(n, x, d->rate, c.low, c.high);
    run_number(r, "breathing.signal", "Hz", "dominant frequency of the sum of the recording's image", signal, NAN, e);
    run_series(r, "recording.image", H5_F64, 1, &count, x, "1", "minus the sum of the recording's image", e);
  }
  if (!e->code) answers(d, t, one, theta, state, y, e);
  for (int q = 0; q < t->branch[0].outputs && t->branch[0].image && !t->branch[0].airway && !e->code; q++) {
    int k = t->branch[0].truth[q];
    char name[64];
    for (int f = first; f < d->l.frames; f++)
      x[f - first] = eit_value(t, 0, f, k, (double)y[(size_t)f * t->outputs + q]);
    snprintf(name, sizeof name, "recording.%s", eit_truth_names[k]);
    run_series(r, name, H5_F64, 1, &count, x, eit_normalised(k) ? "sd" : eit_truth_units[k],
               "what the network says of the recording, frame by frame", e);
    if (k != EIT_T_VOLUME || e->code) continue;
    double told = eit_dominant_frequency(n, x, d->rate, c.low, c.high);
    run_log(r, "breathing: %.4f Hz by the network's volume, %.4f Hz by the sum of the image", told, signal);
    run_number(r, "breathing.net", "Hz", "dominant frequency of the volume that the network tells of the recording",
               told, NAN, e);
    run_number(r, "breathing.error", "Hz", "the same minus that of the sum of the image", told - signal, NAN, e);
  }
  free(x), free(y);
  return e->code;
}

/* eit_image_tank.c: tank_run: a tank against the same tank filled with water only. Rank 0 works.
 *
 *   absolute    signals/eit_ktc.h: ln(conductivity/that of the water)
 *   otherwise   difference image x = B (v - v_ref)/s, relative change of conductivity; 1/s is conductivity times height
 *   classes     0 water, 1 resistive, 2 conductive, cut at a part of the extremes; score against the truth [KTC 2023]
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/eit_image.h"
#include "base/plot.h"
#include "signals/eit_ktc.h"
#include "signals/mat.h"

typedef struct phantom_conf {
  const char *water, *truth;
  double part, other, least;
} phantom_conf;
const deck_key phantom_keys[] = {
    {"water", DECK_TEXT, offsetof(phantom_conf, water), NULL, .help = "recording of the tank filled with water"},
    {"truth", DECK_TEXT, offsetof(phantom_conf, truth), "~", .help = "MAT-5 file with classes `truth` (256, 256)"},
    {"part", DECK_REAL, offsetof(phantom_conf, part), "0.6", 0.01, 0.99,
     .help = "of the extreme where classes are cut"},
    {"other", DECK_REAL, offsetof(phantom_conf, other), "0.8", 0, 10,
     .help = "no class whose extreme is less than this part of the other's"},
    {"least", DECK_REAL, offsetof(phantom_conf, least), "0.05", 0, 10, .help = "no class whose extreme is less"},
    {0},
};

enum { SIDE = EIT_KTC_SIDE, ALL = SIDE * SIDE };
typedef struct tank {
  phantom_conf c;
  eit_record *water, *rec;
  imager im;
  int size;
  double *picture, *fine, sheet; /* (size, size) NAN outside; (SIDE, SIDE); S */
  int *label, *truth;            /* (SIDE, SIDE) */
} tank;

static void close_tank(tank *t) {
  eit_record_free(t->water), eit_record_free(t->rec), imager_free(&t->im);
  free(t->picture), free(t->fine), free(t->label), free(t->truth);
}

static int read_one(const deck *d, const char *section, const char *key, const char *path, const char *format,
                    eit_record **rec, err *e) {
  if (eit_read(rec, path, format, e)) return err_context(e, "%s", deck_where(d, section, key));
  if ((*rec)->protocol && (*rec)->nframes == 1) return 0;
  return err_set(e, ERR_FILE, "%s: %s is a recording of format %s, not a tank of format ktc or rpi",
                 deck_where(d, section, key), path, (*rec)->format);
}

static int read_truth(tank *t, err *e) {
  mat *m = NULL;
  if (!(t->truth = malloc(ALL * sizeof *t->truth))) return err_set(e, ERR_RUN, "truth: no memory");
  if (mat_read(&m, t->c.truth, e)) return e->code;
  const mat_array *a = mat_find(m, "truth");
  if (!a || a->rows != SIDE || a->cols != SIDE)
    err_set(e, ERR_FILE, "%s: no array truth of %d x %d", t->c.truth, SIDE, SIDE);
  for (int i = 0; i < ALL && !e->code; i++) {
    double x = a->x[(long)(i % SIDE) * SIDE + i / SIDE];
    t->truth[i] = (int)x;
    if (x != 0 && x != 1 && x != 2) err_set(e, ERR_FILE, "%s: class %g, not 0, 1 or 2", t->c.truth, x);
  }
  mat_free(m);
  return e->code;
}

static int open_tank(tank *t, const deck *d, err *e) {
  recording_conf c;
  deck_get(d, "recording", recording_keys, &c), deck_get(d, "phantom", phantom_keys, &t->c);
  if (read_one(d, "recording", "path", c.path, c.format, &t->rec, e) ||
      read_one(d, "phantom", "water", t->c.water, c.format, &t->water, e))
    return e->code;
  const eit_protocol *p = t->rec->protocol, *q = t->water->protocol;
  if (strcmp(t->rec->format, t->water->format) || t->rec->ndata != t->water->ndata ||
      p->nelectrodes != q->nelectrodes || memcmp(p->drive, q->drive, (size_t)t->rec->ndata * sizeof *p->drive) ||
      memcmp(p->meas, q->meas, (size_t)t->rec->ndata * sizeof *p->meas))
    return err_set(e, ERR_FILE, "%s: %s and %s were measured by different patterns", deck_where(d, "phantom", "water"),
                   c.path, t->c.water);
  if (t->c.truth && read_truth(t, e)) return err_context(e, "%s", deck_where(d, "phantom", "truth"));
  t->fine = calloc(ALL, sizeof *t->fine), t->label = calloc(ALL, sizeof *t->label);
  return t->fine && t->label ? 0 : err_set(e, ERR_RUN, "tank: no memory");
}

/* ---- a difference image ---- */

/* The data that both have; voltages of all electrodes (rpi) against their mean, as in the model. */
static int tidy(tank *t, err *e) {
  int M = t->rec->ndata, L = t->rec->protocol->nelectrodes;
  bool *keep = malloc((size_t)M * sizeof *keep);
  if (!keep) return err_set(e, ERR_RUN, "tank: no memory for %d data", M);
  for (int i = 0; i < M; i++) keep[i] = isfinite(t->rec->data[i]) && isfinite(t->water->data[i]);
  if (!eit_record_select(t->rec, keep, e)) eit_record_select(t->water, keep, e);
  free(keep);
  for (int k = 0; k < 2 && !e->code && !strcmp(t->rec->format, "rpi"); k++) {
    double *v = k ? t->water->data : t->rec->data;
    for (int d = 0; d < M / L; d++, v += L) {
      double mean = 0;
      for (int l = 0; l < L; l++) mean += v[l] / L;
      for (int l = 0; l < L; l++) v[l] -= mean;
    }
  }
  return e->code;
}

static int difference(tank *t, const deck *d, err *e) {
  if (tidy(t, e)) return e->code;
  int M = t->rec->ndata;
  double *y = malloc(2 * (size_t)M * sizeof *y), *noise = y + M, *x = NULL, most = 0, size = 0, volts;
  if (!y) return err_set(e, ERR_RUN, "tank: no memory for %d data", M);
  for (int i = 0; i < M; i++) most = fmax(most, fabs(t->water->data[i]));
  for (int i = 0; i < M; i++) noise[i] = .01 * fabs(t->water->data[i]) + .001 * most;
  if (!imager_new(&t->im, d, t->rec->protocol, false, t->water->data, noise, &volts, e)) {
    for (int i = 0; i < M; i++) {
      y[i] = (t->rec->data[i] - t->water->data[i]) / volts;
      size += pow(y[i] * volts / noise[i], 2);
    }
    t->sheet = 1 / volts, t->size = t->im.rows;
    x = malloc((size_t)t->im.n * sizeof *x), t->picture = malloc((size_t)(t->size * t->size) * sizeof *t->picture);
    if (!x || !t->picture) err_set(e, ERR_RUN, "tank: no memory for %d pixels", t->im.n);
    if (!e->code && !imager_apply(&t->im, 1, y, sqrt(size), x, e)) imager_picture(&t->im, x, 0, t->picture);
    if (!e->code) eit_ktc_classify(t->size, t->picture, t->c.part, t->c.other, t->c.least, t->fine, t->label);
    if (!e->code) imager_picture(&t->im, x, NAN, t->picture);
  }
  free(y), free(x);
  return e->code;
}

/* ---- an absolute image ---- */

static void mirror(int size, double *z) {
  for (int i = 0; i < size; i++)
    for (int j = 0; 2 * j < size; j++) {
      double *a = z + (long)i * size + j, *b = z + (long)i * size + size - 1 - j, keep = *a;
      *a = *b, *b = keep;
    }
}

static int absolute(tank *t, const deck *d, err *e) {
  imager_absolute_conf c;
  imager_body b;
  deck_get(d, "image", imager_absolute_keys, &c);
  if (tidy(t, e) || imager_body_new(&b, d, t->rec->protocol->nelectrodes, e)) return e->code;
  eit_tank spec = {.m = b.m, .contact = b.contact, .smooth = c.smooth, .size = b.grid, .most = (int)c.iterations};
  t->size = b.grid;
  if (!(t->picture = calloc((size_t)(t->size * t->size), sizeof *t->picture)))
    err_set(e, ERR_RUN, "tank: no memory");
  else if (!eit_tank_change(&spec, t->water, t->rec, t->picture, e)) {
    if (b.mirror) mirror(t->size, t->picture);
    eit_ktc_classify(t->size, t->picture, t->c.part, t->c.other, t->c.least, t->fine, t->label);
    for (int i = 0; i < t->size * t->size; i++)
      if (t->picture[i] == 0) t->picture[i] = NAN;
  }
  eit_mesh_free(b.m);
  return e->code;
}

/* ---- what is found ---- */

static int put(run *r, const char *name, const char *unit, const char *text, double value, err *e) {
  if (isnan(value)) return 0;
  return run_number(r, name, unit, text, value, NAN, e);
}

static int scores(run *r, const tank *t, err *e) {
  double score, empty;
  int *water = calloc(ALL, sizeof *water);
  if (!water) return err_set(e, ERR_RUN, "score: no memory");
  if (!eit_ktc_score(SIDE, SIDE, t->truth, t->label, &score, e) &&
      !eit_ktc_score(SIDE, SIDE, t->truth, water, &empty, e)) {
    run_log(r, "score %.4f, of water alone %.4f", score, empty);
    put(r, "score", "1", "structural similarity of both classes with the truth (Kuopio challenge), 1: identical", score,
        e);
    put(r, "score.water", "1", "the same of the answer that there is nothing but water", empty, e);
  }
  free(water);
  return e->code;
}

static int results(run *r, const tank *t, const char *what, err *e) {
  const size_t dims[] = {(size_t)t->size, (size_t)t->size}, fine[] = {SIDE, SIDE};
  put(r, "noise_figure", "1", "signal to noise of data over that of the image, small target in the middle",
      t->im.noise_figure, e);
  put(r, "lambda", "1", "regularisation, in units of the largest singular value", t->im.lambda, e);
  put(r, "sheet_conductivity", "S", "of the water: conductivity times height", t->sheet, e);
  if (t->truth) scores(r, t, e);
  if (!e->code) run_series(r, "image", H5_F64, 2, dims, t->picture, "1", what, e);
  if (!e->code) run_series(r, "classes", H5_I32, 2, fine, t->label, "1", "0 water, 1 resistive, 2 conductive", e);
  return e->code;
}

static void map(plot *p, const char *title, const char *unit, int size, const double *z, double low, double high) {
  plot_panel(p, title, "", "", 0, 0);
  plot_map(p, unit, (size_t)size, (size_t)size, z, low, high);
}

static void figure(run *r, const tank *t, const char *what) {
  double most = 0, *z = malloc(ALL * sizeof *z);
  plot *p = plot_new("Tank", t->truth ? 3 : 2);
  for (int i = 0; i < t->size * t->size; i++)
    if (fabs(t->picture[i]) > most) most = fabs(t->picture[i]);
  map(p, "Image", what, t->size, t->picture, -most, most);
  for (int k = 0; z && k < (t->truth ? 2 : 1); k++) {
    for (int i = 0; i < ALL; i++) z[i] = (k ? t->truth : t->label)[i];
    map(p, k ? "Truth" : "Classes", "0 water, 1 resistive, 2 conductive", SIDE, z, 0, 2);
  }
  free(z);
  run_figure(r, p, "figure.png");
}

int tank_run(run *r, err *e) {
  const deck *d = run_deck(r);
  tank t = {.sheet = NAN, .im = {.noise_figure = NAN, .lambda = NAN}};
  bool whole = deck_kind_of(d, "image") == &imager_absolute.kind;
  const char *what = whole ? "ln(conductivity/water)" : "relative change of conductivity";
  if (run_root(r) && !open_tank(&t, d, e)) {
    run_log(r, "%s (%s): %d data of %d electrodes", whole ? "absolute image" : "difference image", t.rec->format,
            t.rec->ndata, t.rec->protocol->nelectrodes);
    if (!run_dry(r) && !(whole ? absolute(&t, d, e) : difference(&t, d, e)) && !results(r, &t, what, e))
      figure(r, &t, what);
  }
  close_tank(&t);
  return comm_vote(run_comm(r), e);
}

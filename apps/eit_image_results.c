/* eit_image_results.c: what breathing_run found: results, series, figure.png (tidal variation, delay, global signal,
 * profile) and frames.png (one breath). Rank 0. */
#include <math.h>
#include <stdlib.h>

#include "apps/eit_image.h"
#include "base/plot.h"

static int put(run *r, const char *name, const char *unit, const char *text, double value, double error, err *e) {
  if (isnan(value)) return 0;
  return run_number(r, name, unit, text, value, error, e);
}

static int put_indices(run *r, const breathing *b, err *e) {
  static const struct {
    const char *name, *unit, *text;
  } index[INDICES] = {
      {"tidal", "1",
       "tidal variation: relative change of impedance from expiration to inspiration, mean over the body"},
      {"inhomogeneity", "1", "global inhomogeneity index of the lung"},
      {"centre_y", "1", "centre of ventilation, 0 top to 1 bottom of the lung"},
      {"centre_x", "1", "centre of ventilation, 0 left to 1 right of the lung in the picture"},
      {"end_expiratory", "1", "relative change of impedance at the end of expiration, mean over the body"},
      {"delay", "1", "regional delay: its standard deviation over the lung, in parts of the inspiration"},
      {"silent", "1", "part of the lung with less than a tenth of the largest tidal variation"},
      {"breath_frequency", "Hz", "of the breaths that were found"},
  };
  for (int i = 0; i < INDICES && !e->code; i++)
    put(r, index[i].name, index[i].unit, index[i].text, b->value[i], b->error[i], e);
  return e->code;
}

/* Pictures of count frames, 0 outside, single precision. */
static int put_images(run *r, const imager *im, const char *name, const char *text, int count, const double *x,
                      err *e) {
  size_t pixels = (size_t)(im->rows * im->cols);
  float *z = malloc((size_t)count * pixels * sizeof *z);
  double *one = malloc(pixels * sizeof *one);
  if (!z || !one) err_set(e, ERR_RUN, "images: no memory for %d pictures", count);
  for (int t = 0; t < count && !e->code; t++) {
    imager_picture(im, x + (long)t * im->n, 0, one);
    for (size_t p = 0; p < pixels; p++) z[(size_t)t * pixels + p] = (float)one[p];
  }
  const size_t dims[] = {(size_t)count, (size_t)im->rows, (size_t)im->cols};
  if (!e->code) run_series(r, name, H5_F32, count > 1 ? 3 : 2, dims + (count == 1), z, "1", text, e);
  free(z), free(one);
  return e->code;
}

static int put_mask(run *r, const imager *im, err *e) {
  const size_t dims[] = {(size_t)im->rows, (size_t)im->cols};
  unsigned char *in = calloc(dims[0], dims[1]);
  if (!in) return err_set(e, ERR_RUN, "mask: no memory");
  for (int p = 0; p < im->n; p++) in[im->place[p]] = 1;
  run_series(r, "body", H5_U8, 2, dims, in, "1", "1 in the body (rows from the top, columns)", e);
  free(in);
  return e->code;
}

static int put_signal(run *r, const breathing *b, err *e) {
  size_t dims[] = {(size_t)b->frames, 2};
  double *x = malloc(2 * dims[0] * sizeof *x);
  if (!x) return err_set(e, ERR_RUN, "global signal: no memory for %d frames", b->frames);
  for (int t = 0; t < b->frames; t++) x[2 * t] = t / b->rate, x[2 * t + 1] = b->global[t];
  run_series(r, "global", H5_F64, 2, dims, x, "s, 1", "time, and relative change of impedance, mean over the body", e);
  dims[0] = (size_t)b->nbreaths, dims[1] = 3;
  if (!e->code && b->nbreaths)
    run_series(r, "breaths", H5_I32, 2, dims, b->breath, "frame", "end of expiration, of inspiration, of expiration",
               e);
  free(x);
  return e->code;
}

int breathing_results(run *r, const imager *im, const breathing *b, err *e) {
  if (b->nbreaths)
    run_log(r, "%d breaths, dominant frequency %.4f Hz", b->nbreaths, b->frequency);
  else
    run_warn(r, "no complete breath: no indices of ventilation");
  put(r, "frequency", "Hz", "largest peak of the spectrum of the global signal", b->frequency, NAN, e);
  put(r, "reciprocity", "1", "relative difference of data with drive and measurement exchanged, of the reference",
      b->reciprocity, NAN, e);
  put(r, "noise_figure", "1", "signal to noise of data over that of images, small target in the middle",
      im->noise_figure, NAN, e);
  put(r, "lambda", "1", "regularisation, in units of the largest singular value", im->lambda, NAN, e);
  if (e->code || put_indices(r, b, e) || put_mask(r, im, e) || put_signal(r, b, e)) return e->code;
  put_images(r, im, "images", "relative change of impedance (frame, row from the top, column), 0 outside", b->frames,
             b->image, e);
  if (b->nbreaths && !e->code) {
    put_images(r, im, "tidal", "tidal variation: change from expiration to inspiration (row, column)", 1, b->tidal, e);
    put_images(r, im, "delay", "regional delay in parts of the inspiration (row, column), NaN outside of the lung", 1,
               b->delay, e);
  }
  return e->code;
}

/* ---- pictures ---- */

static void map(plot *p, const imager *im, const char *title, const char *unit, const double *x, double low,
                double high) {
  double *z = malloc((size_t)(im->rows * im->cols) * sizeof *z);
  plot_panel(p, title, "", "", 0, 0);
  if (z) imager_picture(im, x, NAN, z), plot_map(p, unit, (size_t)im->rows, (size_t)im->cols, z, low, high);
  free(z);
}

static double largest(long n, const double *x) {
  double most = 0;
  for (long i = 0; i < n; i++)
    if (fabs(x[i]) > most) most = fabs(x[i]);
  return most;
}

static void signal_panel(plot *p, const breathing *b, const char *unit) {
  double *t = malloc((size_t)b->frames * sizeof *t), at[2][BREATHS], y[2][BREATHS];
  plot_panel(p, "Global impedance", "time [s]", unit, 0, 0);
  for (int i = 0; t && i < b->frames; i++) t[i] = i / b->rate;
  if (t) plot_curve(p, "mean over the body", PLOT_LINE, (size_t)b->frames, t, b->global, NULL);
  for (int k = 0; k < b->nbreaths; k++) {
    int frame[2] = {b->breath[k].top, b->breath[k].end};
    for (int i = 0; i < 2; i++) at[i][k] = frame[i] / b->rate, y[i][k] = b->global[frame[i]];
  }
  plot_curve(p, "inspiration", PLOT_POINTS, (size_t)b->nbreaths, at[0], y[0], NULL);
  plot_curve(p, "expiration", PLOT_POINTS, (size_t)b->nbreaths, at[1], y[1], NULL);
  free(t);
}

/* Share of the tidal variation by rows, left and right half of the picture. */
static void profile_panel(plot *p, const imager *im, const breathing *b) {
  double half[2][128] = {{0}}, row[128], sum = 0;
  for (int q = 0; q < im->n; q++) {
    int side = im->place[q] % im->cols >= im->cols / 2;
    if (im->place[q] / im->cols >= 128) continue;
    half[side][im->place[q] / im->cols] += b->tidal[q], sum += b->tidal[q];
  }
  int rows = im->rows < 128 ? im->rows : 128;
  for (int i = 0; i < rows; i++) row[i] = i + .5, half[0][i] *= 100 / sum, half[1][i] *= 100 / sum;
  plot_panel(p, "Ventilation from top to bottom", "row of pixels", "share of tidal variation [%]", 0, 0);
  plot_curve(p, "left half", PLOT_LINE, (size_t)rows, row, half[0], NULL);
  plot_curve(p, "right half", PLOT_LINE, (size_t)rows, row, half[1], NULL);
}

/* Eight frames of the breath in the middle, or of the whole recording, against the first. */
static void frames_figure(run *r, const imager *im, const breathing *b, const char *unit) {
  enum { SHOWN = 8 };
  int k = b->nbreaths / 2, from = b->nbreaths ? b->breath[k].start : 0,
      to = b->nbreaths ? b->breath[k].end : b->frames - 1, frame[SHOWN];
  double *x = malloc(SHOWN * (size_t)im->n * sizeof *x), most = 0;
  plot *p = plot_new(b->nbreaths ? "Change since the end of the expiration before" : "Change since the first frame", 4);
  for (int i = 0; i < SHOWN; i++) frame[i] = from + (to - from) * (i + 1) / SHOWN;
  for (int i = 0; x && i < SHOWN; i++)
    for (int q = 0; q < im->n; q++)
      x[i * im->n + q] = b->image[(long)frame[i] * im->n + q] - b->image[(long)from * im->n + q];
  if (x) most = largest((long)SHOWN * im->n, x);
  for (int i = 0; x && i < SHOWN; i++) {
    char title[64];
    snprintf(title, sizeof title, "%.2f s", frame[i] / b->rate);
    map(p, im, title, unit, x + (long)i * im->n, -most, most);
  }
  free(x);
  run_figure(r, p, "frames.png");
}

void breathing_figures(run *r, const imager *im, const breathing *b, const char *unit) {
  plot *p = plot_new("Ventilation", 2);
  if (b->nbreaths) {
    double most = largest(im->n, b->tidal);
    map(p, im, "Tidal variation", unit, b->tidal, -most, most);
    map(p, im, "Regional delay", "part of the inspiration", b->delay, 0, 1);
  }
  signal_panel(p, b, unit);
  if (b->nbreaths) profile_panel(p, im, b);
  run_figure(r, p, "figure.png");
  frames_figure(r, im, b, unit);
}

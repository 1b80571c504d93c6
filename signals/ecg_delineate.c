/* ecg_delineate.c: ecg_delineate.
 *
 * QRS: from the spatial velocity, the length of the derivative of the vector of leads: outwards from its maximum to
 * where it stays below a threshold of SLOPE of the maximum (or the noise) for 8 ms. P and T: the leads are projected
 * onto the direction in which the wave is largest; the end of T is where the tangent at its steepest descent meets the
 * level before the QRS complex, P begins and ends where the wave has fallen to EDGE of its height. A P wave must stand
 * out of the noise and be closed on both sides. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/ecg.h"
#include "signals/ecg_filter.h"

#define SLOPE .08
#define EDGE .05

typedef struct beat {
  int leads, n, r;
  double rate, rr, noise;
  const double *x;
  double *level;           // (leads) before the QRS complex
  double *smooth, *v, *w;  // (leads, n), (n), (n)
  double *direction;       // (leads)
} beat;

static int clamp(int i, int low, int high) {
  return i < low ? low : i > high ? high : i;
}

static int ms(const beat *b, double t) {
  return ecg_samples(1e-3 * t, b->rate, 1);
}

static void smooth_leads(beat *b, double milliseconds) {
  int half = (int)lrint(.5e-3 * milliseconds * b->rate);
  for (int k = 0; k < b->leads; k++) ecg_average(b->n, half, b->x + k * b->n, b->smooth + k * b->n);
}

/* Spatial velocity, mV/s, into v. */
static void velocity(beat *b) {
  int h = ms(b, 4);
  for (int i = 0; i < b->n; i++) {
    int l = clamp(i - h, 0, b->n - 1), r = clamp(i + h, 0, b->n - 1);
    double s = 0;
    for (int k = 0; k < b->leads; k++) {
      double d = b->smooth[k * b->n + r] - b->smooth[k * b->n + l];
      s += d * d;
    }
    b->v[i] = sqrt(s) * b->rate / (r - l);
  }
}

/* From i in steps of `way`: the first sample from which on v stays below the threshold for 8 ms; `end` at the latest.
 */
static int falls(const beat *b, int i, int way, int end, double threshold) {
  int quiet = 0, need = ms(b, 8);
  for (; i != end; i += way) {
    quiet = b->v[i] < threshold ? quiet + 1 : 0;
    if (quiet >= need) return i - way * (need - 1);
  }
  return end;
}

static bool find_qrs(beat *b, double *on, double *off) {
  int top = b->r, from = clamp(b->r - ms(b, 100), 0, b->n - 1), to = clamp(b->r + ms(b, 120), 0, b->n - 1);
  smooth_leads(b, 8);
  velocity(b);
  for (int i = from; i <= to; i++)
    if (b->v[i] > b->v[top]) top = i;
  double noise = b->noise * sqrt((double)b->leads * 2 / (2 * lrint(4e-3 * b->rate) + 1)) * b->rate / (2 * ms(b, 4));
  double threshold = fmax(SLOPE * b->v[top], 2.5 * noise);
  if (!(b->v[top] > 2 * threshold)) return false;
  /* A slow stretch within the complex must not end it: begin outside of all that is fast. */
  int first = top, last = top;
  for (int i = clamp(b->r - ms(b, 140), 0, b->n - 1); i < top; i++)
    if (b->v[i] > 3 * threshold) {
      first = i;
      break;
    }
  for (int i = clamp(b->r + ms(b, 160), 0, b->n - 1); i > top; i--)
    if (b->v[i] > 3 * threshold) {
      last = i;
      break;
    }
  /* Smoothing and differences widen what they see; the first quiet sample lies half a sample outside on average. */
  double reach = .5 * (ms(b, 4) + lrint(4e-3 * b->rate)) + .5;
  *on = falls(b, first, -1, clamp(b->r - ms(b, 200), 0, b->n - 1), threshold) + reach;
  *off = falls(b, last, 1, clamp(b->r + ms(b, 260), 0, b->n - 1), threshold) - reach;
  return true;
}

static void find_level(beat *b, int on) {
  int from = clamp(on - ms(b, 20), 0, b->n - 1), to = clamp(on - ms(b, 4), 0, b->n - 1);
  for (int k = 0; k < b->leads; k++) {
    double s = 0;
    for (int i = from; i <= to; i++) s += b->x[k * b->n + i];
    b->level[k] = s / (to - from + 1);
  }
}

static double deviation(const beat *b, int i) {
  double s = 0;
  for (int k = 0; k < b->leads; k++)
    s += (b->smooth[k * b->n + i] - b->level[k]) * (b->smooth[k * b->n + i] - b->level[k]);
  return sqrt(s);
}

/* w: the leads projected onto their direction at sample `top`, so that w[top] is the length there. */
static void project(beat *b, int top) {
  double length = deviation(b, top);
  for (int k = 0; k < b->leads; k++)
    b->direction[k] = length > 0 ? (b->smooth[k * b->n + top] - b->level[k]) / length : 0;
  for (int i = 0; i < b->n; i++) {
    b->w[i] = 0;
    for (int k = 0; k < b->leads; k++) b->w[i] += b->direction[k] * (b->smooth[k * b->n + i] - b->level[k]);
  }
}

static int largest(const beat *b, int from, int to) {
  int top = from;
  for (int i = from; i <= to; i++)
    if (deviation(b, i) > deviation(b, top)) top = i;
  return top;
}

/* Peak between samples by a parabola through w. */
static double vertex(const beat *b, int i) {
  if (i < 1 || i >= b->n - 1) return i;
  double l = b->w[i - 1], m = b->w[i], r = b->w[i + 1], bend = l - 2 * m + r;
  return i + (bend < 0 ? .5 * (l - r) / bend : 0);
}

static void find_t(beat *b, int off, double *peak, double *end) {
  int from = clamp(off + ms(b, 60), 0, b->n - 1);
  int to = clamp(b->r + (int)(fmin(.52, .72 * b->rr) * b->rate), 0, b->n - 1), step = ms(b, 8);
  if (to - from < ms(b, 60)) return;
  smooth_leads(b, 16);
  int top = largest(b, from, to);
  if (deviation(b, top) < 4 * b->noise * sqrt(b->leads) || top >= to) return;
  project(b, top);
  int steepest = top;
  double most = 0;
  for (int i = top; i + step < b->n && i < top + ms(b, 200) && i < b->r + b->rr * b->rate - ms(b, 160); i++) {
    double slope = b->w[i - step] - b->w[i + step];
    if (slope > most) most = slope, steepest = i;
    if (b->w[i] < .1 * b->w[top]) break;
  }
  if (!(most > 0)) return;
  *peak = vertex(b, top);
  *end = steepest + b->w[steepest] * 2 * step / most;
}

/* Where w, walking from `top`, has fallen to `edge`; NaN if it does not before `end`. */
static double crossing(const beat *b, int top, int way, int end, double edge) {
  for (int i = top; i != end; i += way)
    if (b->w[i] < edge) return i - way * (edge - b->w[i]) / (b->w[i - way] - b->w[i]);
  return NAN;
}

/* Removes the line between the ends of the search window: what is left of the last T wave or of drift. */
static void straighten(beat *b, int from, int to) {
  double a = b->w[from], c = b->w[to];
  for (int i = from; i <= to; i++) b->w[i] -= a + (c - a) * (i - from) / (double)(to - from);
}

/* Where the last T wave and its tail have come closest to the level before the QRS complex. */
static int quietest(const beat *b, int from, int to) {
  int least = from;
  for (int i = from; i <= to; i++)
    if (deviation(b, i) < deviation(b, least)) least = i;
  return least;
}

static void find_p(beat *b, int on, double t_end, ecg_fiducials *f) {
  int to = on - ms(b, 4), from = clamp(b->r - (int)(fmin(.40, .62 * b->rr) * b->rate), 0, b->n - 1);
  if (!isnan(t_end)) from = clamp((int)(t_end - b->rr * b->rate) + ms(b, 30), from, b->n - 1);
  if (to - from < ms(b, 60)) return;
  smooth_leads(b, 14);
  int top = largest(b, from, to);
  from = quietest(b, clamp(top - ms(b, 150), from, top), top - ms(b, 25));
  project(b, top);
  straighten(b, from, to);
  for (int i = from; i <= to; i++)
    if (b->w[i] > b->w[top]) top = i;
  double height = b->w[top], rms = height / sqrt(b->leads);
  if (rms < .015 || rms < 2.5 * b->noise || top - from < ms(b, 16) || to - top < ms(b, 16)) return;
  double left = crossing(b, top, -1, from - 1, EDGE * height), right = crossing(b, top, 1, to + 1, EDGE * height);
  if (isnan(left) || isnan(right) || right - left > .18 * b->rate || right - left < .03 * b->rate) return;
  f->p_on = (left - b->r) / b->rate, f->p_off = (right - b->r) / b->rate;
  f->p_peak = (vertex(b, top) - b->r) / b->rate;
}

static bool allocate(beat *b) {
  size_t n = (size_t)b->n, k = (size_t)b->leads;
  b->level = calloc(2 * k + k * n + 2 * n, sizeof(double));
  if (!b->level) return false;
  b->direction = b->level + k, b->smooth = b->direction + k, b->v = b->smooth + k * n, b->w = b->v + n;
  return true;
}

int ecg_delineate(int leads, int length, int r, double rate, double rr, double noise, const double *x, ecg_fiducials *f,
                  err *e) {
  beat b = {.leads = leads, .n = length, .r = r, .rate = rate, .rr = rr, .noise = noise, .x = x};
  double on, off, t_peak = NAN, t_end = NAN;
  *f = (ecg_fiducials){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  if (!(rate >= 50) || r < 0 || r >= length || leads < 1)
    return err_set(e, ERR_RUN, "a beat of %d leads, R at %d of %d samples, %g Hz cannot be delineated", leads, r,
                   length, rate);
  if (!allocate(&b)) return err_set(e, ERR_RUN, "no memory for a beat of %d samples", length);
  if (find_qrs(&b, &on, &off)) {
    f->qrs_on = (on - r) / rate, f->qrs_off = (off - r) / rate;
    find_level(&b, (int)on);
    find_t(&b, (int)off, &t_peak, &t_end);
    find_p(&b, (int)on, t_end, f);
    f->t_peak = (t_peak - r) / rate, f->t_off = (t_end - r) / rate;
  }
  free(b.level);
  return 0;
}

/* ecg_sim_shape.c: kernels of a beat: the base shape, edits, rendering, and the truth about a shape.
 *
 * The table is that of Sameni et al. (2007), angles times .159 s (one second per turn), without the kernels that belong
 * to the pause, and with wide kernels narrowed so that the waves of a beat do not overlap. */
#include <math.h>
#include <string.h>

#include "signals/ecg_sim.h"

#define SECONDS_PER_RADIAN .15915494309189535
#define REACH 5.0 /* kernels end at that many widths: 4e-6 of their height */
#define STEP 5e-4 /* s, grid of the truth */
enum { BEFORE = 1000, AFTER = 1600, GRID = BEFORE + AFTER + 1 };

typedef struct row {
  ecg_wave wave;
  int axis;
  double angle, height, width;
} row;

static const row rows[] = {
    {ECG_P, 0, -1.09, .03, .0906},   {ECG_P, 0, -.83, .08, .1057},    {ECG_P, 1, -1.1, .035, .07},
    {ECG_P, 1, -.9, .085, .09},      {ECG_P, 2, -1.1, -.03, .07},     {ECG_P, 2, -.93, -.05, .1},
    {ECG_QRS, 0, -.19, -.13, .0453}, {ECG_QRS, 0, -.07, .85, .0378},  {ECG_QRS, 0, 0, 1.11, .0332},
    {ECG_QRS, 0, .06, .75, .0302},   {ECG_QRS, 0, .22, .06, .0378},   {ECG_QRS, 1, -.11, .32, .055},
    {ECG_QRS, 1, -.01, .51, .037},   {ECG_QRS, 1, .065, -.32, .0604}, {ECG_QRS, 2, -.15, -.4, .045},
    {ECG_QRS, 2, .095, .46, .05},    {ECG_T, 0, 1.42, .17, .302},     {ECG_T, 0, 1.68, .39, .1812},
    {ECG_T, 1, 1.2, .04, .3},        {ECG_T, 1, 1.62, .12, .22},      {ECG_T, 2, 1.3, -.1, .3},
    {ECG_T, 2, 1.58, -.2, .2}};

double ecg_uniform(const ecg_model *m, uint32_t step, uint32_t draw) {
  return rng_uniform(m->r, m->index, step, draw);
}

double ecg_normal(const ecg_model *m, uint32_t step, uint32_t draw) {
  return rng_normal(m->r, m->index, step, draw);
}

void ecg_add(ecg_shape *s, ecg_wave w, double t, double width, double x, double y, double z) {
  if (s->n < ECG_KERNELS) s->k[s->n++] = (ecg_kernel){w, t, width, {x, y, z}};
}

void ecg_scale(ecg_shape *s, ecg_wave w, double factor) {
  for (int i = 0; i < s->n; i++)
    for (int a = 0; a < 3 && s->k[i].wave == w; a++) s->k[i].v[a] *= factor;
}

void ecg_stretch(ecg_shape *s, ecg_wave w, double t0, double factor) {
  for (int i = 0; i < s->n; i++)
    if (s->k[i].wave == w) s->k[i].t = t0 + (s->k[i].t - t0) * factor, s->k[i].width *= factor;
}

void ecg_shift(ecg_shape *s, ecg_wave w, double seconds) {
  for (int i = 0; i < s->n; i++)
    if (s->k[i].wave == w) s->k[i].t += seconds;
}

static void turn(double *v, int a, int b, double degrees) {
  double c = cos(degrees / 57.29577951308232), s = sin(degrees / 57.29577951308232), x = v[a], y = v[b];
  v[a] = c * x - s * y, v[b] = s * x + c * y;
}

void ecg_turn(ecg_shape *s, double degrees) {
  for (int i = 0; i < s->n; i++) turn(s->k[i].v, 0, 1, degrees);
}

void ecg_remove(ecg_shape *s, ecg_wave w) {
  int kept = 0;
  for (int i = 0; i < s->n; i++)
    if (s->k[i].wave != w) s->k[kept++] = s->k[i];
  s->n = kept;
}

static void premature_beat(ecg_model *m) {
  ecg_shape *s = &m->premature;
  double v[3] = {1.5, .3, .2}, stretch = 1 + .15 * ecg_normal(m, ECG_STEP_SHAPE, 40);
  if (stretch < .75) stretch = .75;
  turn(v, 0, 1, 180 * ecg_uniform(m, ECG_STEP_SHAPE, 41) + 60);
  turn(v, 0, 2, 120 * ecg_uniform(m, ECG_STEP_SHAPE, 42) - 60);
  s->n = 0;
  ecg_add(s, ECG_QRS, -.02 * stretch, .020 * stretch, .7 * v[0], .7 * v[1], .7 * v[2]);
  ecg_add(s, ECG_QRS, .015 * stretch, .022 * stretch, v[0], v[1], v[2]);
  ecg_add(s, ECG_QRS, .06 * stretch, .022 * stretch, .3 * v[0], .2 * v[1], .5 * v[2]);
  ecg_add(s, ECG_T, .28, .055, -.35 * v[0], -.35 * v[1], -.35 * v[2]);
}

void ecg_base_shape(ecg_model *m) {
  ecg_shape *s = &m->normal;
  s->n = 0;
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    double v[3] = {0};
    v[rows[i].axis] = rows[i].height * (1 + .08 * ecg_normal(m, ECG_STEP_SHAPE, i));
    ecg_add(s, rows[i].wave, rows[i].angle * SECONDS_PER_RADIAN, rows[i].width * SECONDS_PER_RADIAN, v[0], v[1], v[2]);
  }
  double frontal = 8 * ecg_normal(m, ECG_STEP_SHAPE, 50) + 12 - .4 * (m->age - 60); /* the axis turns left with age */
  double sideways = 8 * ecg_normal(m, ECG_STEP_SHAPE, 51), tilt = 6 * ecg_normal(m, ECG_STEP_SHAPE, 52);
  double gain = exp(.15 * ecg_normal(m, ECG_STEP_SHAPE, 53));
  for (int i = 0; i < s->n; i++) {
    double *v = s->k[i].v;
    turn(v, 0, 1, frontal), turn(v, 0, 2, sideways), turn(v, 1, 2, tilt);
    for (int a = 0; a < 3; a++) v[a] *= gain;
  }
  ecg_scale(s, ECG_P, exp(.15 * ecg_normal(m, ECG_STEP_SHAPE, 54)));
  ecg_scale(s, ECG_T, exp(.2 * ecg_normal(m, ECG_STEP_SHAPE, 55)));
  ecg_stretch(s, ECG_QRS, 0, exp(.06 * ecg_normal(m, ECG_STEP_SHAPE, 56)));
  ecg_shift(s, ECG_P, -.008 + .012 * ecg_normal(m, ECG_STEP_SHAPE, 57));
  premature_beat(m);
}

static double gauss(double x) {
  return fabs(x) < REACH ? exp(-.5 * x * x) : 0;
}

/* Dipole of the wave on the grid: v (GRID, 3). */
static void wave_on_grid(const ecg_shape *s, ecg_wave a, ecg_wave b, double (*v)[3]) {
  memset(v, 0, GRID * sizeof *v);
  for (int i = 0; i < s->n; i++) {
    const ecg_kernel *k = &s->k[i];
    if (k->wave != a && k->wave != b) continue;
    int from = BEFORE + (int)floor((k->t - REACH * k->width) / STEP),
        to = from + (int)(2 * REACH * k->width / STEP) + 2;
    for (int g = from < 0 ? 0 : from; g <= to && g < GRID; g++) {
      double h = gauss(((g - BEFORE) * STEP - k->t) / k->width);
      for (int c = 0; c < 3; c++) v[g][c] += h * k->v[c];
    }
  }
}

static double length_at(double (*v)[3], int g) {
  return sqrt(v[g][0] * v[g][0] + v[g][1] * v[g][1] + v[g][2] * v[g][2]);
}

static int largest(double (*v)[3]) {
  int top = 0;
  for (int g = 0; g < GRID; g++)
    if (length_at(v, g) > length_at(v, top)) top = g;
  return top;
}

/* First and last time at which the wave has a twentieth of its largest length; NaN where there is no wave. */
static void edges(double (*v)[3], double *on, double *peak, double *off) {
  int top = largest(v), first = 0, last = GRID - 1;
  double edge = .05 * length_at(v, top);
  if (!(edge > 0)) return;
  while (length_at(v, first) < edge) first++;
  while (length_at(v, last) < edge) last--;
  *on = (first - BEFORE) * STEP, *peak = (top - BEFORE) * STEP, *off = (last - BEFORE) * STEP;
}

static void t_wave(double (*v)[3], double *peak, double *off) {
  int top = largest(v), at = top;
  double length = length_at(v, top), d[3], most = 0, height = 0;
  if (!(length > 0)) return;
  for (int c = 0; c < 3; c++) d[c] = v[top][c] / length;
  for (int g = top; g + 1 < GRID; g++) {
    double a = 0, b = 0;
    for (int c = 0; c < 3; c++) a += d[c] * v[g - 1][c], b += d[c] * v[g + 1][c];
    if (a - b > most) most = a - b, at = g, height = .5 * (a + b);
  }
  *peak = (top - BEFORE) * STEP, *off = (at - BEFORE + 2 * height / most) * STEP;
}

void ecg_truth(const ecg_shape *s, ecg_fiducials *f) {
  double v[GRID][3], unused;
  *f = (ecg_fiducials){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  wave_on_grid(s, ECG_P, ECG_P, v);
  edges(v, &f->p_on, &f->p_peak, &f->p_off);
  wave_on_grid(s, ECG_QRS, ECG_QRS, v);
  edges(v, &f->qrs_on, &unused, &f->qrs_off);
  wave_on_grid(s, ECG_T, ECG_ST, v);
  t_wave(v, &f->t_peak, &f->t_off);
}

void ecg_wave_sum(const ecg_shape *s, ecg_wave w, double v[3]) {
  for (int c = 0; c < 3; c++) {
    v[c] = 0;
    for (int i = 0; i < s->n; i++)
      if (s->k[i].wave == w) v[c] += s->k[i].v[c] * s->k[i].width * 2.5066282746310002;
  }
}

/* A stretch around the R wave moves the end of T in proportion. */
void ecg_fit_qt(ecg_model *m, double rr) {
  ecg_fiducials f;
  ecg_truth(&m->normal, &f);
  double factor = (m->qtc * sqrt(rr) + f.qrs_on) / f.t_off;
  if (factor > 0) ecg_stretch(&m->normal, ECG_T, 0, factor), ecg_stretch(&m->normal, ECG_ST, 0, factor);
  ecg_stretch(&m->premature, ECG_T, 0, fmin(1, sqrt(rr)));
}

void ecg_render(const ecg_shape *s, double t, bool without_p, double rate, long n, double *vcg) {
  for (int i = 0; i < s->n; i++) {
    const ecg_kernel *k = &s->k[i];
    if (without_p && k->wave == ECG_P) continue;
    double centre = t + k->t;
    long from = (long)ceil((centre - REACH * k->width) * rate), to = (long)floor((centre + REACH * k->width) * rate);
    for (long j = from < 0 ? 0 : from; j <= to && j < n; j++) {
      double h = gauss(((double)j / rate - centre) / k->width);
      for (int c = 0; c < 3; c++) vcg[c * n + j] += h * k->v[c];
    }
  }
}

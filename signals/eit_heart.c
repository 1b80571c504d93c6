/* eit_heart.c: eit_heart_simulate, eit_heart_diastolic.
 *
 *   Q(t) = SV pi/(2 Ts) sin(pi t/Ts), 0 <= t < Ts;  C dPc/dt = Q - Pc/R;  P = Pc + Z Q
 *   with inertance: L di/dt = Z (Q - i), P = Pc + Z (Q - i)
 *
 * (Westerhof, Lankhaar, Westerhof, Med. Biol. Eng. Comput. 47 (2009) 131). Systole and diastole are integrated one by
 * one. */
#include "signals/eit_heart.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846

typedef struct beat {
  const eit_heart *h;
  double start, stroke, period, systole;
  bool ejects;
} beat;

static double systole_of(const eit_heart *h, double period) {
  return h->systole > 0 ? h->systole : .3 * sqrt(period);
}

static double inflow(const beat *b, double t) {
  return b->ejects && t < b->systole ? b->stroke * PI / (2 * b->systole) * sin(PI * t / b->systole) : 0;
}

static int rates(double t, const double *y, double *dy, void *ctx) { /* y: Pc, current through the inertance */
  const beat *b = ctx;
  double q = inflow(b, t);
  dy[0] = (q - y[0] / b->h->resistance) / b->h->compliance;
  dy[1] = b->h->inertance > 0 ? b->h->impedance * (q - y[1]) / b->h->inertance : 0;
  return GSL_SUCCESS;
}

double eit_heart_diastolic(const eit_heart *h) {
  double tau = h->resistance * h->compliance, ts = systole_of(h, h->period), w = PI / ts, a = h->stroke * w / 2;
  return a / h->compliance * exp(-h->period / tau) * w * (exp(ts / tau) + 1) / (1 / (tau * tau) + w * w) /
         (1 - exp(-h->period / tau));
}

static void begin_beat(beat *b, rng r, uint64_t patient, int number, double start, double breathing) {
  const eit_heart *h = b->h;
  b->start = start, b->ejects = true;
  b->stroke = h->stroke * (1 + h->swing * breathing);
  b->period =
      h->period * (1 + h->arrhythmia * breathing) * exp(h->variation * rng_normal(r, patient, (uint32_t)number, 0));
  b->systole = systole_of(h, b->period);
}

static double at_time(const double *x, int n, double start, double rate, double t) {
  int i = (int)floor((t - start) * rate);
  return x ? x[i < 0 ? 0 : i >= n ? n - 1 : i] : 0;
}

static void note(const beat *b, double t, const double *y, double *pressure, double *ejected) {
  double q = inflow(b, t);
  *pressure = y[0] + b->h->impedance * (b->h->inertance > 0 ? q - y[1] : q);
  if (ejected) *ejected = t < b->systole ? b->stroke / 2 * (1 - cos(PI * t / b->systole)) : b->stroke;
}

static int advance(gsl_odeiv2_driver *d, double *t, double to, double *y, err *e) {
  if (to <= *t) return 0;
  gsl_odeiv2_driver_reset_hstart(d, fmin(1e-3, (to - *t) / 2));
  int rc = gsl_odeiv2_driver_apply(d, t, to, y);
  return rc ? err_set(e, ERR_RUN, "heart: the equations fail: %s", gsl_strerror(rc)) : 0;
}

int eit_heart_simulate(const eit_heart *h, rng r, uint64_t patient, double start, double rate, int nframes,
                       const double *breathing, double *pressure, double *ejected, err *e) {
  beat b = {.h = h};
  if (!(h->stroke > 0 && h->period > 0 && systole_of(h, h->period) < h->period && h->resistance > 0 &&
        h->compliance > 0 && h->impedance >= 0 && h->inertance >= 0 && rate > 0))
    return err_set(e, ERR_RUN,
                   "heart: stroke, times, resistance and compliance must be positive, systole below the period");
  gsl_odeiv2_system system = {rates, NULL, 2, &b};
  gsl_odeiv2_driver *d = gsl_odeiv2_driver_alloc_y_new(&system, gsl_odeiv2_step_rk8pd, 1e-3, 1e-10, 1e-12);
  if (!d) return err_set(e, ERR_RUN, "heart: no memory");
  double y[2] = {eit_heart_diastolic(h), 0}, t = 0;
  int frame = 0, number = 0;
  begin_beat(&b, r, patient, 0, 0, at_time(breathing, nframes, start, rate, 0));
  while (frame < nframes && !e->code) {
    double end = b.ejects ? b.systole : b.period, at = start + frame / rate - b.start;
    if (at < end) {
      if (!advance(d, &t, at, y, e)) note(&b, at, y, pressure + frame, ejected ? ejected + frame : NULL), frame++;
      continue;
    }
    if (advance(d, &t, end, y, e)) break;
    if (b.ejects) {
      b.ejects = false;
      continue;
    }
    double next = b.start + b.period;
    begin_beat(&b, r, patient, ++number, next, at_time(breathing, nframes, start, rate, next));
    t = 0;
  }
  gsl_odeiv2_driver_free(d);
  return e->code;
}

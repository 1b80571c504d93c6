/* eit_lung.c: eit_lung_simulate, eit_lung_pressure_controlled.
 *
 *   P_aw + P_mus = R_i dV_i/dt + E_i V_i + peep            for each compartment i
 *
 * With a given pressure this is n equations; with a given flow P_aw follows from sum dV_i/dt = flow. Oesophageal
 * pressure P_es0 + E_cw V - P_mus, transpulmonary pressure P_aw - P_es. Each phase of a breath is integrated by itself
 * (Runge-Kutta-Prince-Dormand 8(9) of GSL), so that no step crosses a jump. */
#include "signals/eit_lung.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct breath { /* one breath and where it is in it */
  const eit_lung *l;
  double start, tidal, drive, effort, te; /* of this breath */
  int phase;                              /* 0 inspiration, 1 pause, 2 expiration */
} breath;

static double length(const breath *b, int phase) {
  return phase == 0 ? b->l->ti : phase == 1 ? b->l->pause : b->te;
}

/* The patient's effort at time t of the breath. */
static double effort(const breath *b, double t) {
  const eit_lung *l = b->l;
  if (l->mode != EIT_SUPPORT && l->mode != EIT_SPONTANEOUS) return 0;
  double top = b->effort * (1 - exp(-fmin(t, l->ti) / l->effort_tau));
  return t <= l->ti ? top : top * exp(-(t - l->ti) / (l->effort_tau / 2));
}

/* Airway pressure; volumes v of the compartments decide where the flow is given. */
static double airway(const breath *b, double t, const double *v) {
  const eit_lung *l = b->l;
  double flow = b->phase == 0 ? b->tidal / l->ti : 0, conductance = 0, pull = 0;
  if (l->mode == EIT_SPONTANEOUS || b->phase == 2) return l->peep;
  if (l->mode != EIT_VOLUME) return l->peep + b->drive;
  for (int i = 0; i < l->n; i++) {
    double g = 1e3 / l->resistance[i];
    conductance += g, pull += g * l->elastance[i] * v[i];
  }
  return l->peep + (flow + pull) / conductance;
}

static int rates(double t, const double *v, double *dv, void *ctx) {
  const breath *b = ctx;
  double p = airway(b, t, v) - b->l->peep + effort(b, t);
  for (int i = 0; i < b->l->n; i++) dv[i] = 1e3 / b->l->resistance[i] * (p - b->l->elastance[i] * v[i]);
  return GSL_SUCCESS;
}

static void begin_breath(breath *b, rng r, uint64_t patient, int number, double start) {
  const eit_lung *l = b->l;
  double size = exp(l->variation * rng_normal(r, patient, (uint32_t)number, 0));
  b->start = start, b->phase = 0;
  b->tidal = l->tidal * size, b->drive = l->drive * (l->mode == EIT_PRESSURE || l->mode == EIT_SUPPORT ? size : 1);
  b->effort = l->effort * size, b->te = l->te * exp(l->variation * rng_normal(r, patient, (uint32_t)number, 1));
}

static void note(const breath *b, double t, const double *v, int i, eit_lung_series *out) {
  const eit_lung *l = b->l;
  double dv[EIT_COMPARTMENTS], volume = 0, flow = 0, mus = effort(b, t);
  rates(t, v, dv, (void *)b);
  for (int k = 0; k < l->n; k++) {
    volume += v[k], flow += dv[k];
    if (out->compartment) out->compartment[(long)i * l->n + k] = v[k];
  }
  out->volume[i] = volume, out->flow[i] = flow, out->airway[i] = airway(b, t, v);
  out->oesophageal[i] = l->pes0 + l->chest_elastance * volume - mus;
  out->transpulmonary[i] = out->airway[i] - out->oesophageal[i];
}

static int check(const eit_lung *l, double rate, err *e) {
  bool good = l->n >= 1 && l->n <= EIT_COMPARTMENTS && l->ti > 0 && l->te > 0 && l->pause >= 0 && rate > 0 &&
              l->variation >= 0 && (l->mode < EIT_SUPPORT || l->effort_tau > 0);
  for (int i = 0; i < l->n && good; i++) good = l->resistance[i] > 0 && l->elastance[i] > 0;
  return good ? 0 : err_set(e, ERR_RUN, "lung: compartments, times, resistances and elastances must be positive");
}

/* Moves v from time t to `to` of the breath. */
static int advance(gsl_odeiv2_driver *d, double *t, double to, double *v, err *e) {
  if (to <= *t) return 0;
  gsl_odeiv2_driver_reset_hstart(d, fmin(1e-3, (to - *t) / 2));
  int rc = gsl_odeiv2_driver_apply(d, t, to, v);
  return rc ? err_set(e, ERR_RUN, "lung: the equations of motion fail: %s", gsl_strerror(rc)) : 0;
}

int eit_lung_simulate(const eit_lung *l, rng r, uint64_t patient, double start, double rate, int nframes,
                      eit_lung_series *out, err *e) {
  if (check(l, rate, e)) return e->code;
  breath b = {.l = l};
  double v[EIT_COMPARTMENTS] = {0}, t = 0, from = 0;
  int frame = 0, number = 0;
  gsl_odeiv2_system system = {rates, NULL, (size_t)l->n, &b};
  gsl_odeiv2_driver *d = gsl_odeiv2_driver_alloc_y_new(&system, gsl_odeiv2_step_rk8pd, 1e-3, 1e-10, 1e-12);
  if (!d) return err_set(e, ERR_RUN, "lung: no memory");
  begin_breath(&b, r, patient, number, 0);
  while (frame < nframes && !e->code) {
    double end = from + length(&b, b.phase), at = start + frame / rate - b.start;
    if (at < end) { /* the frame lies in this phase */
      if (!advance(d, &t, at, v, e)) note(&b, at, v, frame++, out);
      continue;
    }
    if (advance(d, &t, end, v, e)) break;
    from = end;
    if (++b.phase == 3) {
      begin_breath(&b, r, patient, ++number, b.start + end);
      t = from = 0;
    }
  }
  gsl_odeiv2_driver_free(d);
  return e->code;
}

void eit_lung_pressure_controlled(double elastance, double resistance, double drive, double ti, double te, double *high,
                                  double *low) {
  double tau = resistance / 1e3 / elastance, a = exp(-ti / tau), b = exp(-te / tau);
  *high = drive / elastance * (1 - a) / (1 - a * b);
  *low = b * *high;
}

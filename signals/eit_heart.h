/* eit_heart.h: Windkessel circulation. Pressures in mmHg, volumes in mL, times in s. Local. */
#ifndef SIGNALS_EIT_HEART_H
#define SIGNALS_EIT_HEART_H

#include "base/err.h"
#include "base/rng.h"

typedef struct eit_heart {
  double stroke;               /* mL */
  double period, systole;      /* s of a beat, of its ejection (0: .3 period^1/2) */
  double resistance;           /* mmHg s/mL */
  double compliance;           /* mL/mmHg */
  double impedance, inertance; /* mmHg s/mL in series (0: two elements), mmHg s^2/mL beside it (0: three elements) */
  double swing;                /* relative change of the stroke volume per unit of `breathing` */
  double arrhythmia; /* relative change of the period per unit of `breathing` (respiratory sinus arrhythmia) */
  double variation;  /* sd of ln(period) from beat to beat */
} eit_heart;

/* Arterial pressure (nframes) at t = start + i/rate, ejected volume of the present beat (nframes; NULL if unwanted),
 * from the periodic state at t = 0. breathing (nframes) in about -1 .. 1 at the frames, NULL for none: beats that begin
 * before the first frame see its value. Random numbers: stream r, global index `patient`. ERR_RUN: parameters, the ODE
 * fails. */
int eit_heart_simulate(const eit_heart *h, rng r, uint64_t patient, double start, double rate, int nframes,
                       const double *breathing, double *pressure, double *ejected, err *e);

/* Pressure of the compliance at the start of a beat in the periodic state, in closed form (two and three elements). */
double eit_heart_diastolic(const eit_heart *h);

#endif

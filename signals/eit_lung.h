/* eit_lung.h: mechanics of ventilated lungs: parallel compartments (resistance, elastance) behind one airway opening.
 * Volumes in mL above the relaxed volume at the set end-expiratory pressure, pressures in cmH2O, times in s. Local. */
#ifndef SIGNALS_EIT_LUNG_H
#define SIGNALS_EIT_LUNG_H

#include "base/err.h"
#include "base/rng.h"

typedef enum eit_ventilation {
  EIT_VOLUME,     /* constant flow `tidal`/ti, pause, passive expiration */
  EIT_PRESSURE,   /* square pressure `drive` above peep */
  EIT_SUPPORT,    /* the same during the patient's own effort */
  EIT_SPONTANEOUS /* effort alone */
} eit_ventilation;

enum { EIT_COMPARTMENTS = 8 };
typedef struct eit_lung {
  eit_ventilation mode;
  int n;                               /* compartments */
  double resistance[EIT_COMPARTMENTS]; /* cmH2O s/L */
  double elastance[EIT_COMPARTMENTS];  /* cmH2O/mL, lung and chest wall */
  double peep, drive, tidal;           /* cmH2O, cmH2O, mL */
  double ti, pause, te;                /* s */
  double effort, effort_tau;           /* cmH2O at most; it rises as 1 - exp(-t/tau), then decays */
  double chest_elastance;              /* cmH2O/mL of the chest wall */
  double pes0;                         /* cmH2O: oesophageal pressure at rest */
  double variation;                    /* sd of ln(tidal, drive, effort) and of ln(te) from breath to breath */
} eit_lung;

typedef struct eit_lung_series {                 /* (nframes), owned by the caller */
  double *volume, *flow;                         /* mL, mL/s */
  double *airway, *oesophageal, *transpulmonary; /* cmH2O */
  double *compartment;                           /* (nframes, n) mL; may be NULL */
} eit_lung_series;

/* Frames at t = start + i/rate, simulated from empty lungs at t = 0 (some breaths of start let transients die). Random
 * numbers: stream r, global index `patient`. ERR_RUN: parameters out of range, the ODE fails. Tolerance 1e-11. */
int eit_lung_simulate(const eit_lung *l, rng r, uint64_t patient, double start, double rate, int nframes,
                      eit_lung_series *out, err *e);

/* Closed form of one compartment in pressure-controlled ventilation: volumes at the end of inspiration and of
 * expiration in the periodic state; intrinsic peep = *low E. */
void eit_lung_pressure_controlled(double elastance, double resistance, double drive, double ti, double te, double *high,
                                  double *low);

#endif

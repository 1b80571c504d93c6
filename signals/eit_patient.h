/* eit_patient.h: simulated ventilated patients in the plane of the belt: anatomy, lungs, circulation, conductivities,
 * noise of the electronics, all drawn per patient from counters: patient `index` of a seed is the same on any rank.
 * Local.
 *
 * Priors (N: normal with standard deviation, U: uniform):
 *   outline  half-axes 16 x 11 cm (1 + N(0, .06)), further Fourier coefficients N(0, .01), belt turned by N(0, 3) deg
 *   organs   two lungs, heart, spine, aorta as ellipses; places N(0, .03) of the radius, sizes (1 + N(0, .08));
 *            fat 1 to 2 cm
 *   lung     compliance U(20, 70) mL/cmH2O, resistance U(6, 18) cmH2O s/L, both spread over four compartments by
 *            N(0, .2) in the logarithm; gas at rest U(1, 2.5) L; peep U(3, 15), rate U(slowest, fastest)/min,
 *            tidal volume U(350, 600) mL (above 25 breaths/min times 25/rate)
 *   chest    E_lung/E U(.6, .8); oesophageal pressure at rest N(8, 3) cmH2O: what transpulmonary pressure cannot be
 *            told from images alone
 *   heart    stroke U(50, 90) mL, rate U(55, 110)/min, R U(.8, 1.3) mmHg s/mL, C U(.9, 1.8) mL/mmHg, Z .05
 *   pulse    cardiac change of lung conductivity U(.05, .15) of the tidal one, .15 s after the beat */
#ifndef SIGNALS_EIT_PATIENT_H
#define SIGNALS_EIT_PATIENT_H

#include <stdbool.h>

#include "signals/eit_forward.h"
#include "signals/eit_heart.h"
#include "signals/eit_lung.h"

typedef struct eit_noise {
  double additive_db;    /* rms of the voltages over the white noise's: 60; 0 for no noise */
  double multiplicative; /* white, relative: 1e-3 */
  double gain;           /* sd of the gains of sources and of amplifiers, per electrode: 3e-3 */
  double drift;          /* random walk of each amplifier, relative, per s^1/2: 1e-4 */
  double pops; /* per minute: an electrode loses contact for about a second, changing its gain by some per cent */
} eit_noise;

typedef struct eit_patient_spec {
  eit_ventilation mode;
  int nelectrodes;
  double electrode_width;          /* m */
  double rate, frequency, current; /* frames/s, Hz and A of the drive */
  double slowest, fastest;         /* breaths/min */
  double contact;                  /* Ohm m: median contact impedance */
  double height;                   /* m: currents spread over a slice of this height */
  bool interpolate; /* voltages between 34 solved points, to about a hundredth of the usual noise; else solved at every
                       frame */
  bool heart_still; /* control: conductivities do not follow the heart */
  eit_noise noise;
} eit_patient_spec;
/* 16 electrodes of 2 cm, 20 frames/s, 10 to 25 breaths/min, 100 kHz, 5 mA, volume control, 60 dB. */
eit_patient_spec eit_patient_defaults(void);

enum { EIT_ORGANS = 5, EIT_LOBES = 4 };
typedef enum eit_organ {
  EIT_MUSCLE,
  EIT_FAT,
  EIT_SPINE,
  EIT_AORTA,
  EIT_HEART,
  EIT_LUNG
} eit_organ; /* EIT_LUNG + lobe */
typedef struct eit_ellipse {
  double x, y, rx, ry, angle; /* m, rad */
} eit_ellipse;

typedef struct eit_patient {
  double radius, a[4], b[4], turn, fat; /* outline, rotation of the belt in rad, thickness in m */
  eit_ellipse organ[EIT_ORGANS];        /* right lung, left lung, heart, spine, aorta */
  eit_lung lung;                        /* compartments: right front, right back, left front, left back */
  eit_heart heart;
  double gas, wet;     /* mL: gas at rest and tissue with blood of both lungs */
  double pulse, blood; /* cardiac part of the tidal change; part of blood in the wet lung */
  double z[64];        /* Ohm m */
} eit_patient;

/* A pure function of seed and index; index < 0: the mean of all priors (for reconstruction). */
void eit_patient_draw(const eit_patient_spec *s, uint32_t seed, int64_t index, eit_patient *p);

/* The mesh of a patient with element size h (m). ERR_RUN as eit_mesh_new. */
int eit_patient_mesh(const eit_patient_spec *s, const eit_patient *p, double h, eit_mesh **m, err *e);
/* organ (nelems): eit_organ, EIT_LUNG + lobe for lungs. */
void eit_patient_organs(const eit_patient *p, const eit_mesh *m, int *organ);
int eit_patient_organ(const eit_patient *p, const double *x); /* at x (2), inside the outline */
double eit_patient_outline(const eit_patient *p, double phi); /* its radius in m */
/* sigma (nelems): conductivities at the end of an expiration before the heart beats, S/m. */
void eit_patient_rest(const eit_patient_spec *s, const eit_patient *p, const eit_mesh *m, double *sigma);

typedef struct eit_patient_series { /* (nframes) each; owned */
  int nframes, ndata;
  double *v;                  /* (nframes, ndata) with noise, V */
  double *clean;              /* (nframes, ndata) */
  eit_lung_series lung;       /* compartment (nframes, 4) */
  double *arterial, *ejected; /* mmHg, mL */
  double *lobe_sigma;         /* (nframes, 4) S/m */
  double *heart_sigma;        /* S/m */
} eit_patient_series;

/* nframes frames after 30 s of settling. m: a mesh of this patient; p: its protocol. */
int eit_patient_simulate(const eit_patient_spec *s, const eit_patient *patient, const eit_mesh *m,
                         const eit_protocol *p, uint32_t seed, int64_t index, int nframes, eit_patient_series **out,
                         err *e);
void eit_patient_series_free(eit_patient_series *s);

/* Adds noise to v (nframes, ndata) in place. */
void eit_noise_add(const eit_noise *n, const eit_protocol *p, double rate, uint32_t seed, int64_t index, int nframes,
                   double *v);

#endif

/* eit_ensemble.h: recordings of many simulated patients as sequences of images with all truths. What is seen is drawn
 * by one matrix that knows only the mean patient, on a mesh of its own; what happens is simulated on each patient's.
 * Local: recording `index` of a seed is the same on any rank. */
#ifndef SIGNALS_EIT_ENSEMBLE_H
#define SIGNALS_EIT_ENSEMBLE_H

#include "base/deck.h"
#include "signals/eit_image.h"
#include "signals/eit_patient.h"

typedef struct eit_ensemble_conf {
  double seconds, reference, rate; /* s of a recording, s before it in which the reference is looked for, frames/s */
  double slowest, fastest;         /* breaths/min */
  int mode;                        /* eit_ventilation */
  double noise, multiplicative, gain, drift, pops; /* as in eit_noise */
  double h;                                        /* m: elements of the patients' meshes */
  bool solve_all;                                  /* at every frame, in place of interpolation */
  bool heart_still;                                /* control: conductivities do not follow the heart */
} eit_ensemble_conf;
extern const deck_key eit_ensemble_keys[];

typedef struct eit_imager_conf {
  long size; /* pixels along a side */
  int prior;
  double noise_figure, h; /* h in m: elements of the mean patient's mesh */
} eit_imager_conf;
extern const deck_key eit_imager_keys[];

/* x = B y, y the relative change of voltages. */
typedef struct eit_imager {
  eit_patient_spec spec;
  eit_protocol *protocol;
  eit_raster *raster;
  eit_patient mean;
  double *v0; /* (ndata): voltages of the mean patient at rest */
  double *bt; /* (ndata, raster->n): transposed B */
  double lambda;
} eit_imager;
/* ERR_RUN: the noise figure is out of reach, no memory. */
int eit_imager_new(eit_imager **m, const eit_ensemble_conf *c, const eit_imager_conf *k, err *e);
void eit_imager_free(eit_imager *m);
/* v (nreference + frames, ndata): the reference is the mean of those tenth of the first frames with most conductance,
 * the ends of expirations. image (frames, n): of the change against it; rest (n): of the reference against the mean
 * patient. */
int eit_imager_draw(const eit_imager *m, int nreference, int frames, const double *v, float *image, float *rest,
                    err *e);

enum { EIT_T_VOLUME, EIT_T_FLOW, EIT_T_AIRWAY, EIT_T_ARTERIAL, EIT_T_TRANSPULMONARY, EIT_TRUTHS };
extern const char *const eit_truth_names[EIT_TRUTHS], *const eit_truth_units[EIT_TRUTHS]; /* mL, mL/s, cmH2O, mmHg */
enum { EIT_ABOUT = 8 };
extern const char *const eit_about_names[EIT_ABOUT]; /* compliance, resistance ...: with their units */

/* One recording is one row of numbers: images (frames, pixels), rest (pixels), truths (frames, EIT_TRUTHS), organs
 * (size, size): eit_organ in the place of the image, -1 outside; about (EIT_ABOUT). */
typedef struct eit_layout {
  int frames, pixels, size;
  size_t rest, truth, organ, about, row; /* where they begin; length of a row */
} eit_layout;
eit_layout eit_layout_of(int frames, int pixels, int size);

/* row (layout.row). ERR_RUN from mesh, model and equations of motion. */
int eit_ensemble_record(const eit_imager *m, const eit_ensemble_conf *c, const eit_layout *l, uint32_t seed, long index,
                        float *row, err *e);

#endif

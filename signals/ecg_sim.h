/* ecg_sim.h: simulated 12-lead ECGs that know the truth about themselves.
 *
 * A beat is a sum of Gaussian kernels of the heart's dipole (X left, Y down, Z back; mV; after Sameni et al., EURASIP
 * J. Adv. Signal Process. 2007, 43407); leads follow by Dower's matrix. A *class* edits the model of a patient in
 * proportion to a severity; a *rhythm* places the beats. Record number i is a pure function of (seed, i): no state, so
 * any rank may draw any record.
 *
 * Labels are drawn with probabilities that depend on the truth alone (experts disagree on mild cases): these
 * probabilities are the oracle, the best score that any method could give. Local. */
#ifndef SIGNALS_ECG_SIM_H
#define SIGNALS_ECG_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deck.h"
#include "base/err.h"
#include "base/rng.h"
#include "signals/ecg.h"

enum { ECG_LEADS = 12, ECG_INDEPENDENT = 8, ECG_KERNELS = 64 };
extern const char *const ecg_lead_names[ECG_LEADS]; /* I II III AVR AVL AVF V1 ... V6, the order of PTB-XL */

/* ---- the model that classes edit ---- */
typedef enum { ECG_P, ECG_QRS, ECG_ST, ECG_T, ECG_WAVES } ecg_wave;
typedef struct ecg_kernel {
  ecg_wave wave;
  double t, width, v[3]; /* s from the R wave, s, mV */
} ecg_kernel;
typedef struct ecg_shape {
  int n;
  ecg_kernel k[ECG_KERNELS];
} ecg_shape;

typedef struct ecg_rhythm ecg_rhythm;
typedef struct ecg_model {
  rng r;
  uint64_t index;
  double age, sex;         /* years; 0 male, 1 female */
  double rr, rr_sd, lf_hf; /* s, s, 1: of sinus rhythm */
  double respiration;      /* Hz */
  double qtc;              /* s, Bazett */
  const ecg_rhythm *rhythm;
  double rhythm_severity;
  int ventricular, atrial;     /* how many premature beats */
  ecg_shape normal, premature; /* premature: ventricular */
} ecg_model;

/* For edits: kernels of some waves scaled, stretched in time around t0, shifted, rotated (degrees, frontal plane,
 * positive towards +Y); one more kernel. */
void ecg_scale(ecg_shape *s, ecg_wave w, double factor);
void ecg_stretch(ecg_shape *s, ecg_wave w, double t0, double factor);
void ecg_shift(ecg_shape *s, ecg_wave w, double seconds);
void ecg_turn(ecg_shape *s, double degrees);
void ecg_add(ecg_shape *s, ecg_wave w, double t, double width, double x, double y, double z);
void ecg_remove(ecg_shape *s, ecg_wave w);

/* ---- rhythms (ecg_sim_rhythm.c): a member of the family ---- */
struct ecg_rhythm {
  const char *name, *help;
  bool p_waves;
  /* Time of the beat that follows one at t, the n-th. */
  double (*next)(const ecg_model *m, double t, uint32_t n);
  /* Dipole of the atria at time t, added to v[3]; NULL: none but P waves. */
  void (*atria)(const ecg_model *m, double t, double *v);
};
extern const ecg_rhythm *const ecg_rhythms[]; /* sinus, fibrillation, flutter; ends in NULL */

/* ---- classes (ecg_sim_class.c): a member of the family ---- */
typedef struct ecg_class {
  const char *name, *help;
  double prevalence;
  int group;                                   /* at most one class of a group above 0 affects a patient */
  bool needs_p;                                /* affects nobody whose rhythm has no P waves */
  void (*edit)(ecg_model *m, double severity); /* NULL: nothing to be edited */
} ecg_class;
extern const ecg_class *const ecg_classes[]; /* NORM first: no other label; LQT last: see below; ends in NULL */
int ecg_class_count(void);

typedef struct ecg_sim_conf {
  double rate, seconds; /* Hz, s */
  double snr;           /* dB, white noise against the mean power of the independent leads; inf: none */
  double wander, mains; /* mV, root mean square of drift (.05 to .5 Hz) and of 50 Hz */
  double ambiguity;     /* width of the logistic curve from severity to label, in severities (0 ... 1); 0: sharp */
  double prevalence;    /* factor to all prevalences */
  bool covariates;      /* LQT: does the limit of QTc depend on age and sex? */
  uint32_t seed;
} ecg_sim_conf;
extern const ecg_sim_conf ecg_sim_default; /* 100 Hz, 10 s, 20 dB, .05 mV, 0, .07, 1, true, seed 1 */
/* Keys of a deck that fill it, but for the seed, which the run gives. */
extern const deck_key ecg_sim_keys[];
/* ERR_DECK: a value out of range. */
int ecg_sim_check(const ecg_sim_conf *c, err *e);
long ecg_sim_samples(const ecg_sim_conf *c);
int ecg_sim_fold(uint64_t index); /* of record `index`: 1 ... 10 in turn */

typedef enum { ECG_NORMAL_BEAT, ECG_ATRIAL_BEAT, ECG_VENTRICULAR_BEAT } ecg_beat_type;
enum { ECG_BEATS = 600 }; /* most beats of a record */

typedef struct ecg_record {
  double age, sex;
  int fold; /* 1 ... 10 */
  int classes;
  unsigned char *label;  // (classes)
  double *oracle;        // (classes) probability of the label, given the truth
  double *severity;      // (classes) 0: not affected; LQT: (QTc - limit)/.1 s
  double *signal;        // (ECG_LEADS, samples) mV
  double *clean;         // the same without noise and drift
  long samples;
  int beats;              /* with their R waves within the record */
  double beat[ECG_BEATS]; /* s */
  ecg_beat_type type[ECG_BEATS];
  /* Of a normal beat, without noise. P and QRS begin and end where the dipole of that wave alone has 5 % of its largest
   * length; T ends where the tangent of its steepest descent meets zero. */
  ecg_fiducials f;
  double rr, qtc;                  /* mean of the recording, s; QTc of the model, s */
  double p_axis, qrs_axis, t_axis; /* degrees */
} ecg_record;
int ecg_record_new(ecg_record **r, const ecg_sim_conf *c, err *e);
void ecg_record_free(ecg_record *r); /* r may be NULL */
/* Fills r (of the same conf) with record number `index`; allocates nothing. */
void ecg_sim_draw(const ecg_sim_conf *c, uint64_t index, ecg_record *r);

/* ---- within ecg_sim*.c ---- */
enum ecg_sim_step { /* steps of the random counter */
                    ECG_STEP_PATIENT = 1,
                    ECG_STEP_CLASS,
                    ECG_STEP_LABEL,
                    ECG_STEP_SHAPE,
                    ECG_STEP_RHYTHM,
                    ECG_STEP_BEAT,
                    ECG_STEP_ATRIA,
                    ECG_STEP_ELECTRODE,
                    ECG_STEP_DRIFT,
                    ECG_STEP_NOISE = 100 /* and one more for each lead */
};
double ecg_uniform(const ecg_model *m, uint32_t step, uint32_t draw); /* [0,1) of this patient */
double ecg_normal(const ecg_model *m, uint32_t step, uint32_t draw);
void ecg_base_shape(ecg_model *m);        /* normal and premature beat of this patient */
void ecg_fit_qt(ecg_model *m, double rr); /* stretches ST and T to the QTc wanted */
void ecg_truth(const ecg_shape *s, ecg_fiducials *f);
void ecg_wave_sum(const ecg_shape *s, ecg_wave w, double v[3]); /* integral over time, mV s */
/* Adds a beat at time t to vcg (3, n); `without_p` leaves P out. */
void ecg_render(const ecg_shape *s, double t, bool without_p, double rate, long n, double *vcg);

#endif

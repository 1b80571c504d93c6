/* ecg_sim_class.c: the table of classes: what each does to the model of a patient at a severity of .25 (hardly) to 1.
 *
 * Most move what a machine measures: rates, intervals, axes, heights. LAE, ABQRS, TAB, DIG and ERP leave these nearly
 * as they are, or move them as another class does, and differ in the shape of a wave alone. */
#include <math.h>
#include <stddef.h>

#include "signals/ecg_sim.h"

enum { FREE, RHYTHM, CONDUCTION, INFARCT, VOLTAGE };

static void bradycardia(ecg_model *m, double s) {
  m->rr = 60 / (61 - 20 * s);
}

static void tachycardia(ecg_model *m, double s) {
  m->rr = 60 / (97 + 40 * s), m->rr_sd *= .4;
  ecg_shift(&m->normal, ECG_P, .012 + .02 * s); /* conduction is quicker, too */
}

static void fibrillation(ecg_model *m, double s) {
  m->rhythm = ecg_rhythms[1], m->rhythm_severity = s;
  m->rr = .6 + .25 * ecg_uniform(m, ECG_STEP_RHYTHM, 30);
}

static void flutter(ecg_model *m, double s) {
  m->rhythm = ecg_rhythms[2], m->rhythm_severity = s;
  m->rr = (2 + floor(3 * ecg_uniform(m, ECG_STEP_RHYTHM, 0))) / (4.5 + ecg_uniform(m, ECG_STEP_ATRIA, 0));
}

static void ventricular(ecg_model *m, double s) {
  m->ventricular = 1 + (int)(2.9 * s);
  ecg_scale(&m->premature, ECG_QRS, .6 + .4 * s), ecg_scale(&m->premature, ECG_T, .6 + .4 * s);
}

static void atrial(ecg_model *m, double s) {
  m->atrial = 1 + (int)(2.9 * s);
}

/* Later and wider left-ventricular forces, septal forces turned round, T away from QRS. */
static void left_bundle(ecg_model *m, double s) {
  for (int i = 0; i < m->normal.n; i++) {
    ecg_kernel *k = &m->normal.k[i];
    if (k->wave == ECG_QRS && k->t < -.018)
      for (int a = 0; a < 3; a++) k->v[a] *= 1 - 1.6 * s;
  }
  ecg_stretch(&m->normal, ECG_QRS, -.03, 1 + .65 * s);
  ecg_add(&m->normal, ECG_QRS, .02 + .03 * s, .014 * (1 + .3 * s), .45 * s, -.05 * s, .35 * s);
  ecg_scale(&m->normal, ECG_T, 1 - 1.5 * s);
}

/* A late force to the right and forward: R' in V1, wide S in I and V6. */
static void right_bundle(ecg_model *m, double s) {
  ecg_add(&m->normal, ECG_QRS, .038 + .022 * s, .011 + .003 * s, -.55 * s, -.06 * s, -.5 * s);
}

static void first_degree(ecg_model *m, double s) {
  ecg_shift(&m->normal, ECG_P, -.02 - .09 * s);
}

/* Injury: a plateau from the end of QRS into T. */
static void injury(ecg_model *m, double x, double y, double z) {
  for (int k = 0; k < 3; k++) ecg_add(&m->normal, ECG_ST, .085 + .045 * k, .03, x, y, z);
}

static void anterior(ecg_model *m, double s) {
  ecg_add(&m->normal, ECG_QRS, -.018, .008, -.1 * s, 0, .38 * s);
  injury(m, .02 * s, -.02 * s, -.17 * s);
}

static void inferior(ecg_model *m, double s) {
  ecg_add(&m->normal, ECG_QRS, -.018, .008, 0, -.4 * s, 0);
  injury(m, -.03 * s, .17 * s, .02 * s);
}

static void depression(ecg_model *m, double s) {
  injury(m, -.11 * s, -.07 * s, .05 * s);
  ecg_scale(&m->normal, ECG_T, 1 - .6 * s);
}

static void hypertrophy(ecg_model *m, double s) {
  ecg_scale(&m->normal, ECG_QRS, 1 + .8 * s);
  ecg_stretch(&m->normal, ECG_QRS, 0, 1 + .1 * s);
  ecg_scale(&m->normal, ECG_T, 1 - 1.2 * s);
}

static void low_voltage(ecg_model *m, double s) {
  for (int w = 0; w < ECG_WAVES; w++) ecg_scale(&m->normal, (ecg_wave)w, 1 - .65 * s);
}

static void left_axis(ecg_model *m, double s) {
  ecg_turn(&m->normal, -15 - 60 * s);
}

/* P of two humps: the right atrium first. */
static void left_atrium(ecg_model *m, double s) {
  ecg_add(&m->normal, ECG_P, -.208, .011, .08 * s, .085 * s, .03 * s);
}

/* Notches within QRS: three narrow forces to and fro, in a direction that differs from patient to patient. */
static void fragmented(ecg_model *m, double s) {
  double z = 2 * ecg_uniform(m, ECG_STEP_SHAPE, 60) - 1, turn = 6.283185307179586 * ecg_uniform(m, ECG_STEP_SHAPE, 61);
  double flat = sqrt(1 - z * z), v[3] = {flat * cos(turn), flat * sin(turn), z};
  for (int k = -1; k <= 1; k++) {
    double height = (k ? -.4 : .55) * s;
    ecg_add(&m->normal, ECG_QRS, .003 + .016 * k, .0055, height * v[0], height * v[1], height * v[2]);
  }
}

/* T of two humps, the second one as it was: height and QT stay. */
static void bifid(ecg_model *m, double s) {
  for (int i = 0, n = m->normal.n; i < n; i++) {
    ecg_kernel k = m->normal.k[i];
    if (k.wave != ECG_T || k.t < .24) continue;
    ecg_add(&m->normal, ECG_T, k.t - .095, .7 * k.width, .75 * s * k.v[0], .75 * s * k.v[1], .75 * s * k.v[2]);
  }
}

/* ST sags below the line and climbs into T, where that of STD is level. */
static void digitalis(ecg_model *m, double s) {
  ecg_add(&m->normal, ECG_ST, .135, .036, -.17 * s, -.11 * s, .08 * s);
  ecg_scale(&m->normal, ECG_T, 1 - .5 * s);
}

/* ST rises, hollow, from the end of QRS into a tall T, where that of AMI is a plateau. */
static void early_repolarisation(ecg_model *m, double s) {
  for (int k = 0; k < 4; k++) {
    double height = (.05 + .045 * k) * s;
    ecg_add(&m->normal, ECG_ST, .075 + .03 * k, .022, .35 * height, 0, -height);
  }
  ecg_scale(&m->normal, ECG_T, 1 + .25 * s);
}

static const ecg_class normal = {"NORM", "none of the others", 0, FREE, false, NULL},
                       brady = {"SBRAD", "sinus bradycardia", .07, RHYTHM, false, bradycardia},
                       tachy = {"STACH", "sinus tachycardia", .07, RHYTHM, false, tachycardia},
                       afib = {"AFIB", "atrial fibrillation", .09, RHYTHM, false, fibrillation},
                       aflt = {"AFLT", "atrial flutter", .04, RHYTHM, false, flutter},
                       pvc = {"PVC", "premature ventricular beats", .07, FREE, false, ventricular},
                       pac = {"PAC", "premature atrial beats", .05, FREE, true, atrial},
                       lbbb = {"LBBB", "left bundle branch block", .06, CONDUCTION, false, left_bundle},
                       rbbb = {"RBBB", "right bundle branch block", .07, CONDUCTION, false, right_bundle},
                       avb = {"1AVB", "first degree atrioventricular block", .06, FREE, true, first_degree},
                       ami = {"AMI", "anterior injury: ST elevation in V1 to V4", .06, INFARCT, false, anterior},
                       imi = {"IMI", "inferior injury: ST elevation in II, III, AVF", .06, INFARCT, false, inferior},
                       std = {"STD", "ST depression", .07, INFARCT, false, depression},
                       lvh = {"LVH", "left ventricular hypertrophy", .08, VOLTAGE, false, hypertrophy},
                       lowv = {"LOWV", "low voltage", .05, VOLTAGE, false, low_voltage},
                       lad = {"LAD", "left axis deviation", .07, FREE, false, left_axis},
                       lae = {"LAE", "left atrial enlargement: P of two humps", .08, FREE, true, left_atrium},
                       abqrs = {"ABQRS", "notched QRS", .08, FREE, false, fragmented},
                       tab = {"TAB", "T of two humps", .08, FREE, false, bifid},
                       dig = {"DIG", "effect of digitalis: sagging ST", .07, INFARCT, false, digitalis},
                       erp = {"ERP", "early repolarisation: ST rises into T in V2 to V5",
                              .07,   INFARCT,
                              false, early_repolarisation},
                       lqt = {"LQT", "QTc above a limit, which may depend on age and sex", 0, FREE, false, NULL};
const ecg_class *const ecg_classes[] = {&normal, &brady, &tachy, &afib, &aflt, &pvc, &pac,  &lbbb,
                                        &rbbb,   &avb,   &ami,   &imi,  &std,  &lvh, &lowv, &lad,
                                        &lae,    &abqrs, &tab,   &dig,  &erp,  &lqt, NULL};

int ecg_class_count(void) {
  int n = 0;
  while (ecg_classes[n]) n++;
  return n;
}

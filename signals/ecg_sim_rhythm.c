/* ecg_sim_rhythm.c: the table of rhythms.
 *
 * Sinus: RR(t) = mean + sum of tones around .1 Hz and around the respiration, random phases (McSharry et al., IEEE
 * Trans. Biomed. Eng. 50 (2003) 289, whose spectrum of two Gaussian bands this samples). Fibrillation: independent
 * log-normal intervals above a refractory floor, fibrillatory waves of 4 to 9 Hz with harmonics and slow modulation.
 * Flutter: saw-tooth of 4.5 to 5.5 Hz, every second to fourth wave conducted. */
#include <math.h>
#include <stddef.h>

#include "signals/ecg_sim.h"

#define TURN 6.283185307179586
enum { TONES = 5 };

static double sinus_next(const ecg_model *m, double t, uint32_t n) {
  double power = m->rr_sd * m->rr_sd, lf = power * m->lf_hf / (1 + m->lf_hf), d = 0;
  for (uint32_t k = 0; k < 2 * TONES; k++) {
    bool low = k < TONES;
    double step = (k % TONES - 2.) / 2, f = low ? .1 + .02 * step : m->respiration + .03 * step;
    double weight = exp(-.5 * step * step) / 3.484; /* the five weights add up to 1 */
    d += sqrt(2 * (low ? lf : power - lf) * weight) * cos(TURN * (f * t + ecg_uniform(m, ECG_STEP_RHYTHM, k)));
  }
  return t + fmax(m->rr + d, .33);
}

static double fibrillation_next(const ecg_model *m, double t, uint32_t n) {
  return t + fmax(m->rr * exp(.23 * ecg_normal(m, ECG_STEP_BEAT, n) - .026), .33);
}

static void fibrillation_atria(const ecg_model *m, double t, double *v) {
  double f = 4.5 + 3.5 * ecg_uniform(m, ECG_STEP_ATRIA, 0), slow = .1 + .1 * ecg_uniform(m, ECG_STEP_ATRIA, 1);
  double height = .03 + .07 * m->rhythm_severity, phase = TURN * f * t - .3 / slow * cos(TURN * slow * t), w = 0;
  for (int k = 1; k <= 3; k++)
    w += height / k * sin(k * phase + TURN * ecg_uniform(m, ECG_STEP_ATRIA, 1 + (uint32_t)k));
  v[0] -= .4 * w, v[1] += .3 * w, v[2] -= .85 * w;
}

static double flutter_rate(const ecg_model *m) {
  return 4.5 + ecg_uniform(m, ECG_STEP_ATRIA, 0);
}

static double flutter_next(const ecg_model *m, double t, uint32_t n) {
  double usual = 2 + floor(3 * ecg_uniform(m, ECG_STEP_RHYTHM, 0)), block = usual;
  if (ecg_uniform(m, ECG_STEP_BEAT, n) < .2) block = 2 + floor(3 * ecg_uniform(m, ECG_STEP_BEAT, 10000 + n));
  return t + block / flutter_rate(m);
}

static void flutter_atria(const ecg_model *m, double t, double *v) {
  double phase = flutter_rate(m) * t, saw = phase - floor(phase), height = .06 + .12 * m->rhythm_severity;
  double w = height * (saw < .75 ? 1 - saw / .375 : -1 + (saw - .75) / .125); /* down slowly, up quickly */
  v[0] += .1 * w, v[1] += .9 * w, v[2] -= .4 * w;
}

static const ecg_rhythm sinus = {"sinus", "sinus rhythm with variability", true, sinus_next, NULL},
                        fibrillation = {"fibrillation", "atrial fibrillation", false, fibrillation_next,
                                        fibrillation_atria},
                        flutter = {"flutter", "atrial flutter", false, flutter_next, flutter_atria};
const ecg_rhythm *const ecg_rhythms[] = {&sinus, &fibrillation, &flutter, NULL};

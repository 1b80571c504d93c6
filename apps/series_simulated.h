/* series_simulated.h: simulated recordings of app series: the classes of signals/ecg_sim.h, or one sign planted in a
 * lead and a wave that are known, on patients who may have any of these diseases. What is planted is a Gaussian of
 * severity x amplitude, added to that lead alone in every beat that is not ventricular (leads at limbs, too: the
 * identities among them do not hold for it). Label and oracle follow from the severity as in docs/series.md, (2).
 * Recording number i is a pure function of (seed, i). Local. */
#ifndef APPS_SERIES_SIMULATED_H
#define APPS_SERIES_SIMULATED_H

#include "apps/series.h"
#include "signals/ecg_sim.h"

typedef struct series_sim {
  ecg_sim_conf c;
  bool planted;
  int lead, wave; /* of the sign: among the twelve; ecg_wave */
  double amplitude, width, share;
} series_sim;
/* From section `data` of a deck of app series; ERR_DECK where its recordings are measured. */
int series_sim_of(series_sim *q, const deck *d, uint32_t seed, err *e);
int series_sim_classes(const series_sim *q);
const char *series_sim_class(const series_sim *q, int k);
/* Recording `index` into r (of q->c), label and oracle (classes). r->label, r->severity: those of the simulator. */
void series_sim_draw(const series_sim *q, uint64_t index, ecg_record *r, unsigned char *label, double *oracle);
/* Of the sign in a normal beat, s from its R wave; NaN: this heart has no such wave. */
double series_sign_time(const series_sim *q, const ecg_fiducials *f);

#endif

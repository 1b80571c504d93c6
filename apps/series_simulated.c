/* series_simulated.c: series_simulated, series_planted, series_sim_* (see series_simulated.h). */
#include "apps/series_simulated.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THRESHOLD .4 /* severity at which a label is as likely as not */

#define AT(x) offsetof(series_sim, x)
static const deck_key planted_keys[] = {
    {"lead", DECK_WORD, AT(lead), "V3", .words = "I|II|III|AVR|AVL|AVF|V1|V2|V3|V4|V5|V6", .help = "that has the sign"},
    {"wave", DECK_WORD, AT(wave), "T", .words = "P|QRS|ST|T", .help = "that has the sign"},
    {"amplitude", DECK_REAL, AT(amplitude), "0.4", -10, 10, .unit = "mV", .help = "of the sign at severity 1"},
    {"width", DECK_REAL, AT(width), "0.02", 1e-3, 1, .unit = "s", .help = "standard deviation of the sign in time"},
    {"share", DECK_REAL, AT(share), "0.5", 0, 1, .help = "of patients who have the sign, at severities of .25 to 1"},
    {"rate", DECK_REAL, AT(c.rate), "100", 50, 10000, .unit = "Hz", .help = "sampling rate"},
    {"seconds", DECK_REAL, AT(c.seconds), "10", 1, 150, .unit = "s", .help = "length of a recording"},
    {"snr", DECK_REAL, AT(c.snr), "20", -20, 200, .unit = "dB", .help = "white noise against the power of the leads"},
    {"wander", DECK_REAL, AT(c.wander), "0.05", 0, 10, .unit = "mV", .help = "drift, root mean square"},
    {"ambiguity", DECK_REAL, AT(c.ambiguity), "0.07", 0, 10,
     .help = "width of the step from severity (0 to 1) to label; 0: sharp labels"},
    {"prevalence", DECK_REAL, AT(c.prevalence), "1", 0, 10, .help = "factor to the prevalence of every disease"},
    {0},
};
#undef AT

int series_sim_of(series_sim *q, const deck *d, uint32_t seed, err *e) {
  const deck_kind *kind = deck_kind_of(d, "data");
  *q = (series_sim){.c = ecg_sim_default, .planted = kind == &series_planted.kind};
  if (q->planted)
    deck_get(d, "data", planted_keys, q);
  else if (kind == &series_simulated.kind)
    deck_get(d, "data", ecg_sim_keys, &q->c);
  else
    return err_set(e, ERR_DECK, "data.kind = %s: these recordings are not simulated, their truth is not known",
                   kind->name);
  q->c.seed = seed;
  return ecg_sim_check(&q->c, e);
}

int series_sim_classes(const series_sim *q) {
  return q->planted ? 1 : ecg_class_count();
}

const char *series_sim_class(const series_sim *q, int k) {
  return q->planted ? "PLANTED" : ecg_classes[k]->name;
}

double series_sign_time(const series_sim *q, const ecg_fiducials *f) {
  switch (q->wave) {
    case ECG_P:
      return f->p_peak;
    case ECG_QRS:
      return 0;
    case ECG_ST:
      return f->qrs_off + .04;
    default:
      return f->t_peak;
  }
}

static void plant(const series_sim *q, double amplitude, ecg_record *r) {
  double *x = r->signal + q->lead * r->samples, at = series_sign_time(q, &r->f), rate = q->c.rate;
  for (int b = 0; b < r->beats && isfinite(at); b++) {
    if (r->type[b] == ECG_VENTRICULAR_BEAT) continue;
    double t = r->beat[b] + at;
    long from = (long)floor((t - 5 * q->width) * rate), to = (long)ceil((t + 5 * q->width) * rate);
    for (long i = from < 0 ? 0 : from; i <= to && i < r->samples; i++) {
      double z = ((double)i / rate - t) / q->width;
      x[i] += amplitude * exp(-.5 * z * z);
    }
  }
}

void series_sim_draw(const series_sim *q, uint64_t index, ecg_record *r, unsigned char *label, double *oracle) {
  ecg_sim_draw(&q->c, index, r);
  if (!q->planted) {
    memcpy(label, r->label, (size_t)r->classes);
    memcpy(oracle, r->oracle, sizeof *oracle * (size_t)r->classes);
    return;
  }
  rng u = rng_stream(q->c.seed, "planted");
  double severity = rng_uniform(u, index, 0, 0) < q->share ? .25 + .75 * rng_uniform(u, index, 1, 0) : 0;
  double z = (severity - THRESHOLD) / q->c.ambiguity;
  *oracle = q->c.ambiguity > 0 ? 1 / (1 + exp(-z)) : severity > THRESHOLD;
  *label = rng_uniform(u, index, 2, 0) < *oracle;
  plant(q, severity * q->amplitude, r);
}

static int open_simulated(series_data *s, const deck *d, long most, uint32_t seed, double memory, bool dry, err *e) {
  series_sim q;
  ecg_record *r = NULL;
  if (!most)
    return err_set(e, ERR_DECK, "%s: data.records: simulated recordings never end", deck_where(d, "data", "kind"));
  if (series_sim_of(&q, d, seed, e) || ecg_record_new(&r, &q.c, e)) return e->code;
  *s = (series_data){.n = most,
                     .samples = r->samples,
                     .leads = SERIES_LEADS,
                     .classes = series_sim_classes(&q),
                     .rate = q.c.rate,
                     .seed = seed};
  if (series_room(s, true, memory, e)) goto end;
  for (int k = 0; k < s->classes; k++) s->name[k] = strdup(series_sim_class(&q, k));
  for (long i = 0; i < s->n; i++) {
    s->fold[i] = ecg_sim_fold((uint64_t)i);
    if (i && dry) continue;
    series_sim_draw(&q, (uint64_t)i, r, s->label + i * s->classes, s->oracle + i * s->classes);
    for (int l = 0; l < s->leads; l++) series_put_lead(s, i, l, r->signal + l * r->samples);
    series_put_person(s, i, r->age, r->sex);
  }
end:
  ecg_record_free(r);
  return e->code;
}

const series_source series_simulated = {{"simulated", "12-lead ECGs that know the truth", ecg_sim_keys},
                                        open_simulated};
const series_source series_planted = {{"planted", "simulated ECGs, one sign in a known lead and wave", planted_keys},
                                      open_simulated};

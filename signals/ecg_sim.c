/* ecg_sim.c: ecg_sim_check, _samples, _draw, ecg_record_new, _free: patient, classes and labels, beats, leads, noise.
 *
 * Leads: V1 ... V6, I, II by the matrix of Dower, Machado, Osborne, Clin. Cardiol. 3 (1980) 87, electrodes misplaced by
 * a few per cent; III = II - I, AVR = -(I + II)/2, AVL = I - II/2, AVF = II - I/2 hold to rounding, noise included. */
#include "signals/ecg_sim.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const char *const ecg_lead_names[ECG_LEADS] = {"I",  "II", "III", "AVR", "AVL", "AVF",
                                               "V1", "V2", "V3",  "V4",  "V5",  "V6"};
const ecg_sim_conf ecg_sim_default = {100, 10, 20, .05, 0, .07, 1, true, 1};

enum { CHUNK = 256 };
#define TURN 6.283185307179586
#define THRESHOLD .4 /* severity at which a label is as likely as not */

#define AT(x) offsetof(ecg_sim_conf, x)
const deck_key ecg_sim_keys[] = {
    {"rate", DECK_REAL, AT(rate), "100", 50, 10000, .unit = "Hz", .help = "sampling rate"},
    {"seconds", DECK_REAL, AT(seconds), "10", 1, 150, .unit = "s", .help = "length of a recording"},
    {"snr", DECK_REAL, AT(snr), "20", -20, 200, .unit = "dB", .help = "white noise against the power of the leads"},
    {"wander", DECK_REAL, AT(wander), "0.05", 0, 10, .unit = "mV", .help = "drift of the baseline, root mean square"},
    {"mains", DECK_REAL, AT(mains), "0", 0, 10, .unit = "mV", .help = "50 Hz, root mean square"},
    {"ambiguity", DECK_REAL, AT(ambiguity), "0.07", 0, 10,
     .help = "width of the step from severity (0 to 1) to label; 0: sharp labels"},
    {"prevalence", DECK_REAL, AT(prevalence), "1", 0, 10, .help = "factor to the prevalence of every class"},
    {"covariates", DECK_BOOL, AT(covariates), "true", .help = "the limit of QTc depends on age and sex"},
    {NULL}};
#undef AT

static const double dower[ECG_INDEPENDENT][3] = {{.632, -.235, .059},  {.235, 1.066, -.132}, {-.515, .157, -.917},
                                                 {.044, .164, -1.387}, {.882, .098, -1.277}, {1.213, .127, -.601},
                                                 {1.125, .127, -.086}, {.831, .076, .230}};
/* Where the independent leads stand among the twelve. */
static const int place[ECG_INDEPENDENT] = {0, 1, 6, 7, 8, 9, 10, 11};

int ecg_sim_check(const ecg_sim_conf *c, err *e) {
  if (!(c->rate >= 50 && c->rate <= 10000)) return err_set(e, ERR_DECK, "ECG: rate = %g Hz: 50 to 10000", c->rate);
  if (!(c->seconds >= 1 && c->seconds <= 150)) return err_set(e, ERR_DECK, "ECG: seconds = %g: 1 to 150", c->seconds);
  if (isnan(c->snr) || !(c->wander >= 0) || !(c->mains >= 0))
    return err_set(e, ERR_DECK, "ECG: snr %g dB, wander %g mV, mains %g mV: numbers, the latter two not negative",
                   c->snr, c->wander, c->mains);
  if (!(c->ambiguity >= 0 && c->ambiguity <= 10) || !(c->prevalence >= 0 && c->prevalence <= 10))
    return err_set(e, ERR_DECK, "ECG: ambiguity %g, prevalence %g: 0 to 10", c->ambiguity, c->prevalence);
  return 0;
}

int ecg_sim_fold(uint64_t index) {
  return 1 + (int)(index % 10);
}

long ecg_sim_samples(const ecg_sim_conf *c) {
  return lrint(c->rate * c->seconds);
}

int ecg_record_new(ecg_record **out, const ecg_sim_conf *c, err *e) {
  *out = NULL;
  if (ecg_sim_check(c, e)) return e->code;
  ecg_record *r = *out = calloc(1, sizeof *r);
  if (r) {
    size_t n = (size_t)(r->samples = ecg_sim_samples(c)), k = (size_t)(r->classes = ecg_class_count());
    r->label = calloc(k, 1), r->oracle = calloc(k, sizeof(double)), r->severity = calloc(k, sizeof(double));
    r->signal = malloc(ECG_LEADS * n * sizeof(double)), r->clean = malloc(ECG_LEADS * n * sizeof(double));
    if (r->label && r->oracle && r->severity && r->signal && r->clean) return 0;
  }
  ecg_record_free(r);
  *out = NULL;
  return err_set(e, ERR_RUN, "no memory for an ECG");
}

void ecg_record_free(ecg_record *r) {
  if (!r) return;
  free(r->label), free(r->oracle), free(r->severity), free(r->signal), free(r->clean);
  free(r);
}

static double clip(double x, double low, double high) {
  return fmin(fmax(x, low), high);
}

static void patient(ecg_model *m, const ecg_sim_conf *c, uint64_t index) {
  *m = (ecg_model){.r = rng_stream(c->seed, "ecg"), .index = index};
  m->age = clip(60 + 16 * ecg_normal(m, ECG_STEP_PATIENT, 0), 18, 95);
  m->sex = ecg_uniform(m, ECG_STEP_PATIENT, 1) < .5;
  m->rr = 60 / clip(74 + 8 * ecg_normal(m, ECG_STEP_PATIENT, 2), 61, 93);
  m->rr_sd = m->rr * (.02 + .03 * ecg_uniform(m, ECG_STEP_PATIENT, 3));
  m->lf_hf = .5 + ecg_uniform(m, ECG_STEP_PATIENT, 4);
  m->respiration = .2 + .1 * ecg_uniform(m, ECG_STEP_PATIENT, 5);
  m->qtc = clip(.425 + .025 * ecg_normal(m, ECG_STEP_PATIENT, 6), .35, .52);
  m->rhythm = ecg_rhythms[0];
  ecg_base_shape(m);
}

static double logistic(double x, double width) {
  return width > 0 ? 1 / (1 + exp(-x / width)) : x > 0;
}

/* Who is affected, and how badly; the edits are made. */
static void affect(ecg_model *m, const ecg_sim_conf *c, ecg_record *r) {
  unsigned taken = 0;
  for (int k = 0; k < r->classes; k++) {
    const ecg_class *a = ecg_classes[k];
    bool hit = ecg_uniform(m, ECG_STEP_CLASS, 2 * (uint32_t)k) < a->prevalence * c->prevalence;
    r->severity[k] = 0;
    if (!hit || !a->edit || (a->group && taken >> a->group & 1) || (a->needs_p && !m->rhythm->p_waves)) continue;
    taken |= 1u << a->group;
    r->severity[k] = .25 + .75 * ecg_uniform(m, ECG_STEP_CLASS, 2 * (uint32_t)k + 1);
    a->edit(m, r->severity[k]);
  }
}

static double qtc_limit(const ecg_model *m, bool covariates) {
  return covariates ? .436 + .03 * m->sex + 6e-4 * (m->age - 60) : .451;
}

/* Oracle and labels: LQT by its own rule, NORM where no other label is. */
static void labels(const ecg_model *m, const ecg_sim_conf *c, ecg_record *r) {
  double none = 1;
  int any = 0, last = r->classes - 1;
  r->severity[last] = (m->qtc - qtc_limit(m, c->covariates)) / .1;
  for (int k = 1; k <= last; k++) {
    r->oracle[k] = logistic(r->severity[k] - (k < last ? THRESHOLD : 0), k < last ? c->ambiguity : .4 * c->ambiguity);
    r->label[k] = ecg_uniform(m, ECG_STEP_LABEL, (uint32_t)k) < r->oracle[k];
    none *= 1 - r->oracle[k], any |= r->label[k];
  }
  r->oracle[0] = none, r->label[0] = !any;
}

/* Numbers of the beats, among those expected, that come early. */
static bool is_early(const ecg_model *m, const ecg_sim_conf *c, int count, uint32_t draw, uint32_t beat) {
  double expected = fmax(c->seconds / m->rr - 3, 1);
  for (int k = 0; k < count; k++)
    if (beat == 2 + (uint32_t)(expected * ecg_uniform(m, ECG_STEP_BEAT, draw + (uint32_t)k))) return true;
  return false;
}

typedef struct beat_list {
  int n;
  double t[ECG_BEATS + 8];
  ecg_beat_type type[ECG_BEATS + 8];
} beat_list;

static void place_beats(const ecg_model *m, const ecg_sim_conf *c, beat_list *b) {
  double t = -m->rr * (1 + ecg_uniform(m, ECG_STEP_BEAT, 20000));
  bool early = false;
  b->n = 0;
  for (uint32_t n = 0; t < c->seconds + 1 && b->n < ECG_BEATS + 8; n++) {
    b->t[b->n] = t, b->type[b->n++] = ECG_NORMAL_BEAT;
    double next = m->rhythm->next(m, t, n);
    bool v = !early && is_early(m, c, m->ventricular, 21000, n),
         a = !early && !v && is_early(m, c, m->atrial, 22000, n);
    early = v || a;
    if (early && b->n < ECG_BEATS + 8) {
      double coupling = v ? .56 + .12 * ecg_uniform(m, ECG_STEP_BEAT, 30000 + n)
                          : .62 + .12 * ecg_uniform(m, ECG_STEP_BEAT, 30000 + n);
      double at = t + fmax(coupling * (next - t), .3);
      b->t[b->n] = at, b->type[b->n++] = v ? ECG_VENTRICULAR_BEAT : ECG_ATRIAL_BEAT;
      next = v ? t + 2 * (next - t) : at + 1.05 * (next - t); /* a full pause, or the sinus node is reset */
    }
    t = next;
  }
}

/* The dipole over time into the first three rows of `vcg` (3, n): beats, atria, breathing. */
static void dipole(const ecg_model *m, const ecg_sim_conf *c, const beat_list *b, long n, double *vcg) {
  memset(vcg, 0, 3 * (size_t)n * sizeof *vcg);
  for (int i = 0; i < b->n; i++) {
    ecg_shape early = m->normal;
    const ecg_shape *s = b->type[i] == ECG_VENTRICULAR_BEAT ? &m->premature : &m->normal;
    if (b->type[i] == ECG_ATRIAL_BEAT) { /* from elsewhere in the atria */
      ecg_scale(&early, ECG_P, -.7), ecg_shift(&early, ECG_P, .02);
      s = &early;
    }
    ecg_render(s, b->t[i], !m->rhythm->p_waves, c->rate, n, vcg);
  }
  double swing = .035 + .035 * ecg_uniform(m, ECG_STEP_PATIENT, 7), phase = ecg_uniform(m, ECG_STEP_PATIENT, 8);
  for (long j = 0; j < n; j++) {
    double t = (double)j / c->rate, v[3] = {vcg[j], vcg[n + j], vcg[2 * n + j]};
    if (m->rhythm->atria) m->rhythm->atria(m, t, v);
    double breath = sin(TURN * (m->respiration * t + phase)), angle = swing * breath, cs = cos(angle), sn = sin(angle);
    vcg[j] = (1 + .03 * breath) * (cs * v[0] - sn * v[1]);
    vcg[n + j] = (1 + .03 * breath) * (sn * v[0] + cs * v[1]);
    vcg[2 * n + j] = (1 + .03 * breath) * v[2];
  }
}

static void limb_leads(long n, double *x) {
  for (long j = 0; j < n; j++) {
    double a = x[j], b = x[n + j];
    x[2 * n + j] = b - a, x[3 * n + j] = -.5 * (a + b), x[4 * n + j] = a - .5 * b, x[5 * n + j] = b - .5 * a;
  }
}

/* The lead matrix of this patient. */
static void electrodes(const ecg_model *m, double h[ECG_INDEPENDENT][3]) {
  for (uint32_t k = 0; k < ECG_INDEPENDENT; k++)
    for (uint32_t a = 0; a < 3; a++)
      h[k][a] = dower[k][a] + (k < 2 ? .02 : .08) * ecg_normal(m, ECG_STEP_ELECTRODE, 3 * k + a);
}

static void project(double h[ECG_INDEPENDENT][3], long n, const double *vcg, double *x) {
  for (int k = 0; k < ECG_INDEPENDENT; k++)
    for (long j = 0; j < n; j++)
      x[place[k] * n + j] = h[k][0] * vcg[j] + h[k][1] * vcg[n + j] + h[k][2] * vcg[2 * n + j];
  limb_leads(n, x);
}

/* Mean variance of the independent leads. */
static double power(long n, const double *x) {
  double sum = 0;
  for (int k = 0; k < ECG_INDEPENDENT; k++) {
    const double *y = x + place[k] * n;
    double mean = 0, s = 0;
    for (long j = 0; j < n; j++) mean += y[j] / (double)n;
    for (long j = 0; j < n; j++) s += (y[j] - mean) * (y[j] - mean);
    sum += s / (double)n / ECG_INDEPENDENT;
  }
  return sum;
}

/* A sum of tones over time: each is a pair that turns by a fixed angle per sample, begun afresh every CHUNK. */
static void add_tone(const ecg_sim_conf *c, double amplitude, double frequency, double phase, long n, double *x) {
  double turn = TURN * frequency / c->rate, dc = cos(turn), ds = sin(turn), co = 0, si = 0;
  for (long j = 0; j < n; j++) {
    double next = co * dc - si * ds;
    si = si * dc + co * ds, co = next;
    if (j % CHUNK == 0) co = cos(turn * (double)j + TURN * phase), si = sin(turn * (double)j + TURN * phase);
    x[j] += amplitude * si;
  }
}

static void add_drift(const ecg_model *m, const ecg_sim_conf *c, uint32_t lead, long n, double *x) {
  enum { TONES = 4 };
  for (uint32_t k = 0; k < TONES && c->wander > 0; k++) {
    double f = .05 + .45 * ecg_uniform(m, ECG_STEP_DRIFT, k) * ecg_uniform(m, ECG_STEP_DRIFT, 4 + k);
    add_tone(c, c->wander * sqrt(2. / TONES), f, ecg_uniform(m, ECG_STEP_DRIFT, 8 + TONES * lead + k), n, x);
  }
  if (c->mains > 0) add_tone(c, c->mains * sqrt(2), 50, .016 * lead, n, x);
}

static void add_noise(const ecg_model *m, const ecg_sim_conf *c, long n, double *x) {
  double sd = isinf(c->snr) ? 0 : sqrt(power(n, x) * pow(10, -.1 * c->snr)), z[CHUNK];
  for (uint32_t k = 0; k < ECG_INDEPENDENT; k++) {
    double *lead = x + place[k] * n;
    for (long j = 0; j < n && sd > 0; j += CHUNK) {
      int some = n - j < CHUNK ? (int)(n - j) : CHUNK;
      rng_normal_pairs(m->r, (m->index << 24) + (uint64_t)j, some, ECG_STEP_NOISE + k, 0, z, NULL);
      for (int i = 0; i < some; i++) lead[j + i] += sd * z[i];
    }
    add_drift(m, c, k, n, lead);
  }
  limb_leads(n, x);
}

static double axis_of(const ecg_shape *s, ecg_wave w, double h[ECG_INDEPENDENT][3]) {
  double v[3], area[2] = {0};
  ecg_wave_sum(s, w, v);
  for (int k = 0; k < 2; k++)
    for (int a = 0; a < 3; a++) area[k] += h[k][a] * v[a];
  return ecg_axis(area[0], area[1]);
}

static void truth(const ecg_model *m, const ecg_sim_conf *c, const beat_list *b, double h[ECG_INDEPENDENT][3],
                  ecg_record *r) {
  ecg_shape s = m->normal;
  if (!m->rhythm->p_waves) ecg_remove(&s, ECG_P);
  ecg_truth(&s, &r->f);
  r->p_axis = axis_of(&s, ECG_P, h), r->qrs_axis = axis_of(&s, ECG_QRS, h), r->t_axis = axis_of(&s, ECG_T, h);
  r->beats = 0;
  for (int i = 0; i < b->n; i++)
    if (b->t[i] >= 0 && b->t[i] < c->seconds && r->beats < ECG_BEATS)
      r->beat[r->beats] = b->t[i], r->type[r->beats++] = b->type[i];
  r->rr = r->beats > 1 ? (r->beat[r->beats - 1] - r->beat[0]) / (r->beats - 1) : m->rr;
}

void ecg_sim_draw(const ecg_sim_conf *c, uint64_t index, ecg_record *r) {
  ecg_model m;
  beat_list b;
  double h[ECG_INDEPENDENT][3];
  long n = r->samples;
  patient(&m, c, index);
  affect(&m, c, r);
  labels(&m, c, r);
  ecg_fit_qt(&m, m.rr);
  place_beats(&m, c, &b);
  electrodes(&m, h);
  dipole(&m, c, &b, n, r->signal); /* three rows of it as scratch */
  project(h, n, r->signal, r->clean);
  memcpy(r->signal, r->clean, ECG_LEADS * (size_t)n * sizeof *r->signal);
  add_noise(&m, c, n, r->signal);
  truth(&m, c, &b, h, r);
  r->age = m.age, r->sex = m.sex, r->fold = ecg_sim_fold(index), r->qtc = m.qtc;
}

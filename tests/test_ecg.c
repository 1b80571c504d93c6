/* test_ecg.c: beats, intervals, axes and heart-rate variability against the truth of simulated recordings of all
 * classes (500 Hz, 20 dB, drift), and against closed forms. */
#include "check.h"
#include "signals/ecg.h"
#include "signals/ecg_sim.h"

static int class_number(const char *name) {
  for (int k = 0; ecg_classes[k]; k++)
    if (!strcmp(ecg_classes[k]->name, name)) return k;
  return -1;
}

typedef struct deviation {
  double sum;
  long n;
} deviation;

static void add(deviation *d, double found, double truth) {
  if (!isnan(found) && !isnan(truth)) d->sum += fabs(found - truth), d->n++;
}

static double angle(double a, double b) {
  return fabs(remainder(a - b, 360));
}

/* Mean interval between detected beats; beats near the ends have partners that the truth does not list. */
static double interval(const ecg_record *r, double rate, long *missed, long *extra) {
  err e = {0};
  static double peak[2000];
  long n, m = 0;
  CHECK(!ecg_qrs(ECG_LEADS, r->samples, rate, r->signal, peak, &n, &e));
  for (long i = 0; i < n; i++) {
    double t = peak[i] / rate;
    bool edge = (t < .15 && r->beat[0] > .15) || (t > 9.85 && r->beat[r->beats - 1] < 9.85);
    if (!edge) peak[m++] = t;
  }
  ecg_match q = ecg_match_beats(m, peak, r->beats, r->beat, .15);
  *missed += q.missed, *extra += q.extra;
  return q.missed || q.extra || m < 2 ? NAN : (peak[m - 1] - peak[0]) / (double)(m - 1);
}

static void intervals(void) {
  enum { RECORDS = 150 };
  ecg_sim_conf c = ecg_sim_default;
  ecg_record *r;
  err e = {0};
  deviation rr = {0}, pr = {0}, qrs = {0}, qt = {0}, p_axis = {0}, qrs_axis = {0}, t_axis = {0};
  long missed = 0, extra = 0, beats = 0, p = 0, p_found = 0, no_p = 0, no_p_found = 0;
  int fibrillation = class_number("AFIB"), flutter = class_number("AFLT");
  c.rate = 500;
  CHECK(!ecg_record_new(&r, &c, &e));
  for (uint64_t i = 0; i < RECORDS; i++) {
    ecg_intervals v;
    ecg_sim_draw(&c, i, r);
    CHECK(!ecg_measure(ECG_LEADS, r->samples, c.rate, r->signal, 0, 1, &v, &e));
    add(&rr, interval(r, c.rate, &missed, &extra), r->rr);
    beats += r->beats;
    add(&pr, v.pr, r->f.qrs_on - r->f.p_on), add(&qrs, v.qrs, r->f.qrs_off - r->f.qrs_on);
    add(&qt, v.qt, r->f.t_off - r->f.qrs_on);
    add(&p_axis, angle(v.p_axis, r->p_axis), 0), add(&qrs_axis, angle(v.qrs_axis, r->qrs_axis), 0);
    add(&t_axis, angle(v.t_axis, r->t_axis), 0);
    if (r->severity[fibrillation] > 0) no_p++, no_p_found += isnan(v.pr);
    if (r->severity[fibrillation] == 0 && r->severity[flutter] == 0) p++, p_found += !isnan(v.pr);
  }
  printf("%ld beats: %ld missed, %ld extra\n", beats, missed, extra);
  printf("mean deviation: RR %.2f PR %.1f QRS %.1f QT %.1f ms, axes P %.1f QRS %.1f T %.1f degrees\n",
         1e3 * rr.sum / (double)rr.n, 1e3 * pr.sum / (double)pr.n, 1e3 * qrs.sum / (double)qrs.n,
         1e3 * qt.sum / (double)qt.n, p_axis.sum / (double)p_axis.n, qrs_axis.sum / (double)qrs_axis.n,
         t_axis.sum / (double)t_axis.n);
  printf("P waves found %ld of %ld, their absence in fibrillation %ld of %ld\n", p_found, p, no_p_found, no_p);
  CHECK(rr.n > RECORDS * .9 && rr.sum / (double)rr.n <= .002);
  CHECK(pr.n > RECORDS * .75 && pr.sum / (double)pr.n <= .008);
  CHECK(qrs.n > RECORDS * .98 && qrs.sum / (double)qrs.n <= .008);
  CHECK(qt.n > RECORDS * .95 && qt.sum / (double)qt.n <= .012);
  CHECK(qrs_axis.sum / (double)qrs_axis.n <= 5);
  CHECK((double)missed <= .003 * (double)beats && (double)extra <= .003 * (double)beats);
  CHECK((double)p_found >= .95 * (double)p && (double)no_p_found >= .9 * (double)no_p);
  ecg_record_free(r);
}

/* The same patients at 250 and at 500 Hz. */
static void sampling_rates(void) {
  enum { RECORDS = 40 };
  const double rates[] = {250, 500};
  deviation pr = {0}, qrs = {0}, qt = {0};
  ecg_intervals v[2][RECORDS];
  for (int k = 0; k < 2; k++) {
    ecg_sim_conf c = ecg_sim_default;
    ecg_record *r;
    err e = {0};
    c.rate = rates[k], c.prevalence = 0, c.snr = 30;
    CHECK(!ecg_record_new(&r, &c, &e));
    for (uint64_t i = 0; i < RECORDS; i++) {
      ecg_sim_draw(&c, i, r);
      CHECK(!ecg_measure(ECG_LEADS, r->samples, c.rate, r->signal, 0, 1, &v[k][i], &e));
    }
    ecg_record_free(r);
  }
  for (int i = 0; i < RECORDS; i++)
    add(&pr, v[0][i].pr, v[1][i].pr), add(&qrs, v[0][i].qrs, v[1][i].qrs), add(&qt, v[0][i].qt, v[1][i].qt);
  printf("250 against 500 Hz: PR %.1f QRS %.1f QT %.1f ms\n", 1e3 * pr.sum / (double)pr.n,
         1e3 * qrs.sum / (double)qrs.n, 1e3 * qt.sum / (double)qt.n);
  CHECK(pr.n > 35 && pr.sum / (double)pr.n < .004);
  CHECK(qrs.n == RECORDS && qrs.sum / (double)qrs.n < .004);
  CHECK(qt.n == RECORDS && qt.sum / (double)qt.n < .004);
}

/* At 100 Hz, the rate of most of PTB-XL, intervals are right to about half a sample. */
static void coarse(void) {
  enum { RECORDS = 150 };
  ecg_sim_conf c = ecg_sim_default;
  ecg_record *r;
  err e = {0};
  deviation pr = {0}, qrs = {0}, qt = {0};
  CHECK(!ecg_record_new(&r, &c, &e));
  for (uint64_t i = 0; i < RECORDS; i++) {
    ecg_intervals v;
    ecg_sim_draw(&c, i, r);
    CHECK(!ecg_measure(ECG_LEADS, r->samples, c.rate, r->signal, 0, 1, &v, &e));
    add(&pr, v.pr, r->f.qrs_on - r->f.p_on), add(&qrs, v.qrs, r->f.qrs_off - r->f.qrs_on);
    add(&qt, v.qt, r->f.t_off - r->f.qrs_on);
  }
  printf("at 100 Hz: PR %.1f QRS %.1f QT %.1f ms\n", 1e3 * pr.sum / (double)pr.n, 1e3 * qrs.sum / (double)qrs.n,
         1e3 * qt.sum / (double)qt.n);
  CHECK(pr.sum / (double)pr.n < .01 && qrs.sum / (double)qrs.n < .01 && qt.sum / (double)qt.n < .01);
  ecg_record_free(r);
}

static void nothing_there(void) {
  enum { N = 5000 };
  static double x[2 * N], peak[2000];
  err e = {0};
  long beats;
  ecg_intervals v;
  CHECK(!ecg_qrs(2, N, 500, x, peak, &beats, &e));
  CHECK_INT(beats, 0);
  CHECK(!ecg_measure(2, N, 500, x, 0, 1, &v, &e) && v.beats == 0 && isnan(v.qrs) && isnan(v.rr));
  for (int i = 0; i < 2 * N; i++) x[i] = NAN;
  CHECK(!ecg_qrs(2, N, 500, x, peak, &beats, &e) && beats == 0);
  for (int i = 0; i < 2 * N; i++) x[i] = i % N == 2500 ? 1 : 0; /* one spike: one beat, no intervals */
  CHECK(!ecg_measure(2, N, 500, x, 0, 1, &v, &e));
  CHECK_INT(v.beats, 1);
  CHECK(isnan(v.rr) && isnan(v.pr));
  CHECK(!ecg_qrs(2, 0, 500, x, peak, &beats, &e) && beats == 0);
  CHECK(ecg_qrs(2, N, 20, x, peak, &beats, &e) == ERR_RUN);
}

/* Detections do not depend on the size of the signal, nor on a shift of its level. */
static void symmetries(void) {
  ecg_sim_conf c = ecg_sim_default;
  ecg_record *r;
  err e = {0};
  static double a[200], b[200];
  long n, m;
  c.rate = 250;
  CHECK(!ecg_record_new(&r, &c, &e) && ecg_qrs_room(r->samples, c.rate) <= 200);
  ecg_sim_draw(&c, 3, r);
  CHECK(!ecg_qrs(ECG_LEADS, r->samples, c.rate, r->signal, a, &n, &e));
  for (long i = 0; i < ECG_LEADS * r->samples; i++) r->signal[i] = 5 - 3 * r->signal[i];
  CHECK(!ecg_qrs(ECG_LEADS, r->samples, c.rate, r->signal, b, &m, &e));
  CHECK_INT(n, m);
  for (long i = 0; i < n && i < m; i++) CHECK_NEAR(a[i], b[i], 1e-6);
  ecg_record_free(r);
}

static void matching(void) {
  const double found[] = {1, 2.1, 3, 3.1, 7}, reference[] = {1.05, 2, 3.05, 5, 7.2};
  ecg_match q = ecg_match_beats(5, found, 5, reference, .15);
  CHECK(q.hits == 3 && q.missed == 2 && q.extra == 2);
  CHECK_NEAR(q.sensitivity, .6, 1e-15);
  CHECK(isnan(ecg_match_beats(0, found, 0, reference, .1).precision));
}

static void axes(void) {
  CHECK_NEAR(ecg_axis(1, .5), 0, 1e-12);           /* along lead I: II sees cos 60 of it */
  CHECK_NEAR(ecg_axis(.5, 1), 60, 1e-12);          /* along lead II */
  CHECK_NEAR(ecg_axis(0, sqrt(3) / 2), 90, 1e-12); /* downwards */
  CHECK_NEAR(fabs(ecg_axis(-1, -.5)), 180, 1e-12);
  CHECK(isnan(ecg_axis(0, 0)));
}

/* Intervals 0.8 s with tones of 30 ms at .1 Hz and 20 ms at .25 Hz. */
static void variability(void) {
  enum { BEATS = 1501 };
  static double t[BEATS];
  err e = {0};
  ecg_hrv v;
  for (int i = 1; i < BEATS; i++)
    t[i] = t[i - 1] + .8 + .03 * sin(6.283185307179586 * .1 * t[i - 1]) + .02 * sin(6.283185307179586 * .25 * t[i - 1]);
  CHECK(!ecg_hrv_of(BEATS, t, &v, &e));
  CHECK_INT(v.intervals, 1500);
  CHECK_NEAR(v.mean, .8, .002);
  CHECK_REL(v.sdnn, sqrt((9e-4 + 4e-4) / 2), .02);
  CHECK_REL(v.lf, 4.5e-4, .1);
  CHECK_REL(v.hf, 2e-4, .15);
  CHECK(v.vlf < 1e-5);
  CHECK_NEAR(v.sd1, v.sdsd / sqrt(2), 1e-12);
  const double few[] = {0, 1, 1.9, 3, 4.06};
  CHECK(!ecg_hrv_of(5, few, &v, &e)); /* intervals 1, .9, 1.1, 1.06 */
  CHECK_NEAR(v.mean, 1.015, 1e-12);
  CHECK_NEAR(v.sdnn, sqrt((.015 * .015 + .115 * .115 + .085 * .085 + .045 * .045) / 3), 1e-12);
  CHECK_NEAR(v.rmssd, sqrt((.01 + .04 + .0016) / 3), 1e-12);
  CHECK_NEAR(v.pnn50, 2. / 3, 1e-12);
  CHECK(!ecg_hrv_of(2, few, &v, &e) && isnan(v.sdnn));
  const double back[] = {0, 1, .5};
  CHECK(ecg_hrv_of(3, back, &v, &e) == ERR_RUN);
}

int main(void) {
  intervals();
  sampling_rates();
  coarse();
  nothing_there();
  symmetries();
  matching();
  axes();
  variability();
  return check_done();
}

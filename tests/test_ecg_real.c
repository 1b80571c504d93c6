/* test_ecg_real.c: MIT-BIH record 100: beats against the cardiologists', heart-rate variability against known values;
 * intervals of real 12-lead records lie where they must. */
#include "check.h"
#include "real_data.h"
#include "signals/ecg.h"
#include "signals/recording.h"
#include "signals/wfdb.h"

enum { N = 650000 };
static double x[2 * N], reference[2300], peak[20000];

static void record_100(void) {
  err e = {0};
  recording *r;
  long m = 0, beats;
  CHECK(!recording_open(&r, real_data("wfdb/100.hea"), NULL, &e));
  for (int k = 0; k < 2; k++) CHECK(!recording_read(r, k, 0, N, x + k * N, &e));
  for (long i = 0; i < r->notes; i++)
    if (strcmp(r->note[i].label, "+")) reference[m++] = r->note[i].time;
  recording_close(r);
  CHECK_INT(m, 2273);
  ecg_hrv v, w;
  CHECK(!ecg_hrv_of(m, reference, &v, &e));
  CHECK_NEAR(v.mean, .7945936, 5e-8);
  CHECK_NEAR(v.sdnn, .048846, 5e-7);
  CHECK_NEAR(v.rmssd, .063232, 5e-7);
  for (int leads = 1; leads <= 2; leads++) {
    CHECK(ecg_qrs_room(N, 360) <= 20000);
    CHECK(!ecg_qrs(leads, N, 360, x, peak, &beats, &e));
    for (long i = 0; i < beats; i++) peak[i] /= 360;
    ecg_match q = ecg_match_beats(beats, peak, m, reference, .15);
    printf("%d leads: %ld beats, %ld missed, %ld extra\n", leads, beats, q.missed, q.extra);
    CHECK(q.sensitivity >= .999 && q.precision >= .999);
    CHECK(!ecg_hrv_of(beats, peak, &w, &e));
    CHECK_REL(w.mean, .7945936, 1e-3);
    CHECK_REL(w.sdnn, v.sdnn, .05);
  }
}

static void twelve_leads(const char *name, double low_rate, double high_rate) {
  static double y[12 * 38400];
  err e = {0};
  recording *r;
  ecg_intervals v;
  CHECK(!recording_open(&r, real_data(name), NULL, &e));
  long n = (long)r->lead[0].samples;
  for (int k = 0; k < 12; k++) CHECK(!recording_read(r, k, 0, n, y + k * n, &e));
  CHECK(!ecg_measure(12, n, r->lead[0].rate, y, recording_find(r, "I"), recording_find(r, "II"), &v, &e));
  printf("%s: %ld beats, %.1f/min, PR %.0f QRS %.0f QT %.0f ms, axes %.0f %.0f %.0f\n", name, v.beats, v.heart_rate,
         1e3 * v.pr, 1e3 * v.qrs, 1e3 * v.qt, v.p_axis, v.qrs_axis, v.t_axis);
  CHECK(v.heart_rate > low_rate && v.heart_rate < high_rate);
  CHECK(v.pr > .1 && v.pr < .22 && v.qrs > .07 && v.qrs < .13 && v.qt > .3 && v.qt < .48);
  recording_close(r);
}

int main(void) {
  if (!real_data("wfdb/100.hea")) return REAL_DATA_SKIP;
  record_100();
  twelve_leads("ptbxl/00001_lr.hea", 55, 75);
  twelve_leads("wfdb/s0010_re.hea", 70, 90);
  return check_done();
}

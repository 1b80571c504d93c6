/* test_recording_real.c: real files through the common view: Sleep-EDF excerpt and hypnogram, records of segments and
 * of several rates, published arrays and tables, Einthoven's identities in PTB-XL. */
#include "check.h"
#include "real_data.h"
#include "signals/edf.h"
#include "signals/recording.h"

static recording *opened(const char *name, const recording_options *o) {
  err e = {0};
  recording *r = NULL;
  const char *path = real_data(name);
  CHECK(path && !recording_open(&r, path, o, &e));
  CHECK_TEXT(e.text, "");
  return r;
}

static void sleep_excerpt(void) {
  const long sums[] = {46710, 27829, 31664, 109827, 514405, 39030, 265812};
  err e = {0};
  edf *f;
  CHECK(!edf_open(&f, real_data("edf/short_psg.edf"), &e));
  CHECK_TEXT(e.text, "");
  const edf_header *h = edf_head(f);
  CHECK_INT(h->records, 10);
  for (int i = 0; i < 7; i++) {
    static int32_t x[3000];
    long sum = 0;
    for (int64_t k = 0; k < h->records; k++) {
      CHECK(!edf_read(f, i, k, 0, h->signal[i].samples, x, &e));
      for (int t = 0; t < h->signal[i].samples; t++) sum += x[t];
    }
    CHECK_INT(sum, sums[i]);
  }
  CHECK_TEXT(h->signal[5].unit, "DegC");
  CHECK_INT(h->signal[5].digital_min, -2849);
  CHECK_TEXT(h->signal[0].prefilter, "HP:0.5Hz LP:100Hz [enhanced cassette BW]");
  edf_close(f);
  recording *r = opened("edf/short_psg.edf", NULL);
  CHECK(r->lead[0].rate == 100 && r->lead[0].samples == 30000 && r->lead[6].rate == 1 && r->lead[6].samples == 300);
  recording_close(r);
}

static void hypnogram(void) {
  const char *stage[] = {"Sleep stage W", "Sleep stage 1", "Sleep stage 2", "Sleep stage 3",
                         "Sleep stage 4", "Sleep stage R", "Sleep stage ?"};
  const double seconds[] = {59910, 1740, 7500, 3030, 3570, 3750, 6900};
  recording *r = opened("edf/SC4001EC-Hypnogram.edf", NULL);
  double sum[7] = {0};
  CHECK_INT(r->notes, 154);
  CHECK_INT(r->leads, 0);
  for (long i = 0; i < r->notes; i++)
    for (int k = 0; k < 7; k++)
      if (!strcmp(r->note[i].label, stage[k])) sum[k] += r->note[i].duration;
  for (int k = 0; k < 7; k++) CHECK_NEAR(sum[k], seconds[k], 0);
  recording_close(r);
}

static void records(void) {
  err e = {0};
  double x[2000];
  recording *r = opened("wfdb/100.hea", NULL);
  CHECK_INT(r->notes, 2274);
  CHECK_NEAR(r->note[1].time, 77 / 360., 1e-12);
  CHECK_TEXT(r->note[0].text, "(N");
  CHECK(!recording_read(r, 0, 0, 3, x, &e));
  CHECK_NEAR(x[0], (995 - 1024) / 200., 1e-12);
  CHECK_INT(recording_find(r, "v5"), 1);
  recording_close(r);
  r = opened("wfdb/041s/041s.hea", NULL); /* leads 0-2 at 500 Hz, the others at 125 Hz */
  CHECK(r->leads == 7 && r->lead[0].rate == 500 && r->lead[0].samples == 8000 && r->lead[6].samples == 2000);
  CHECK(!recording_read(r, 3, 999, 2, x, &e));
  CHECK_TEXT(e.text, "");
  CHECK_NEAR(x[1], (-715 + 1600) / 20., 1e-12); /* the first value of the second segment */
  CHECK(!recording_read(r, 0, 4000, 1, x, &e));
  CHECK_NEAR(x[0], -103 / 2000., 1e-12);
  CHECK(recording_read_all(r, 0, 10, x, &e) == ERR_FILE && strstr(e.text, "differ in rate"));
  recording_close(r);
}

/* III = II - I, aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2 to the last bits of the converter. */
static void einthoven(const char *name, double bit) {
  enum { N = 1000 };
  const char *leads[] = {"I", "II", "III", "aVR", "aVL", "aVF"};
  static double x[6][N];
  err e = {0};
  recording *r = opened(name, NULL);
  double worst = 0;
  for (int k = 0; k < 6; k++) CHECK(!recording_read(r, recording_find(r, leads[k]), 0, N, x[k], &e));
  for (int i = 0; i < N; i++) {
    double a = x[0][i], b = x[1][i];
    worst = fmax(worst, fabs(x[2][i] - (b - a)));
    worst = fmax(worst, fabs(x[3][i] + (a + b) / 2));
    worst = fmax(worst, fabs(x[4][i] - (a - b / 2)));
    worst = fmax(worst, fabs(x[5][i] - (b - a / 2)));
  }
  CHECK(worst <= 2.01 * bit);
  recording_close(r);
}

static void arrays_and_tables(void) {
  err e = {0};
  double x[1000];
  recording *r = opened("ecg/samples_real_22.npy", &(recording_options){.rate = 100, .item = 21});
  CHECK(r->leads == 12 && r->lead[11].samples == 1000);
  CHECK(!recording_read(r, 11, 0, 1000, x, &e) && isfinite(x[999]));
  recording_close(r);
  r = opened("series/ETTh1.csv", &(recording_options){.rate = 1. / 3600});
  CHECK(r->leads == 7 && r->lead[0].samples == 17420);
  CHECK_TEXT(r->lead[6].name, "OT");
  CHECK(!recording_read(r, 6, 0, 1, x, &e));
  CHECK_NEAR(x[0], 30.5310001373291, 1e-12);
  recording_close(r);
  r = opened("ppg/data.csv", &(recording_options){.rate = 100});
  CHECK(r->leads == 1 && !recording_read(r, 0, 0, 1, x, &e) && x[0] == 530);
  recording_close(r);
  r = opened("ptbxl/fold10_xresnet1d101.h5", &(recording_options){.dataset = "/scores"});
  CHECK(r->leads == 71 && r->lead[0].samples == 2203);
  recording_close(r);
}

int main(void) {
  if (!real_data("wfdb/100.hea")) return REAL_DATA_SKIP;
  sleep_excerpt();
  hypnogram();
  records();
  einthoven("ptbxl/00001_lr.hea", .001);
  einthoven("wfdb/s0010_re.hea", .0005);
  arrays_and_tables();
  return check_done();
}

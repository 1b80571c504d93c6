/* test_series.c: data of app series. A folder in the layout of PTB-XL is read lead by lead with its folds and labels;
 * standardised by folds 1 to 8; windows cover a recording, training windows move; scores are means over windows.
 * Simulated recordings are as hard as they are meant to be: measured features give an AUROC of .85 to .93, and are poor
 * where the shape of a wave alone differs. */
#include <math.h>
#include <sys/stat.h>

#include "analysis/metrics.h"
#include "apps/series.h"
#include "tests/check.h"
#include "tests/folder.h"

enum { RECORDS = 20, LEADS = SERIES_LEADS, SAMPLES = 1000 };
static err e;
static const deck_key data_keys[] = {{0}};
static const deck_section schema[] = {{.name = "data", .keys = data_keys, .kinds = series_sources}, {0}};

/* Microvolts of record i. */
static int16_t value(int i, int t, int lead) {
  return (int16_t)(100 * i + 10 * lead + t + (t * (lead + 3)) % 37);
}

static void put_record(int i) {
  static int16_t all[SAMPLES][LEADS];
  char name[80], *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  fprintf(f, "%05d_lr 12 100 1000\n", i);
  for (int l = 0; l < LEADS; l++) {
    int16_t sum = 0;
    for (int t = 0; t < SAMPLES; t++) all[t][l] = value(i, t, l), sum = (int16_t)(sum + all[t][l]);
    fprintf(f, "%05d_lr.dat 16 1000.0(0)/mV 16 0 %d %d 0 lead%d\n", i, all[0][l], sum, l);
  }
  fclose(f);
  snprintf(name, sizeof name, "r/%05d_lr.hea", i);
  CHECK(!folder_put(name, text, size));
  snprintf(name, sizeof name, "r/%05d_lr.dat", i);
  CHECK(!folder_put(name, all, sizeof all));
  free(text);
}

static void put_folder(void) {
  static const char statements[] =
      ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass,Statement Category\n"
      "NORM,normal ECG,1.0,,,NORM,NORM,Normal\nLVH,left ventricular hypertrophy,1.0,,,HYP,LVH,Hypertrophy\n";
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  fprintf(f, "ecg_id,patient_id,age,sex,height,weight,report,scp_codes,strat_fold,filename_lr,filename_hr\n");
  for (int i = 0; i < RECORDS; i++)
    fprintf(f, "%d,%d,%s,%d,,,x,{'%s': 100.0},%d,r/%05d_lr,r/%05d_hr\n", i, i, i % 3 ? "40.0" : "", i % 2,
            i % 3 ? "NORM" : "LVH", i % 10 + 1, i, i);
  fclose(f);
  CHECK(!mkdir(folder_file("r"), 0777));
  CHECK(!folder_put("scp_statements.csv", statements, strlen(statements)));
  CHECK(!folder_put("ptbxl_database.csv", text, size));
  free(text);
}

static int open_source(series_data *s, const char *data, long most, double memory, bool dry) {
  char text[400];
  deck *d = NULL;
  memset(s, 0, sizeof *s), memset(&e, 0, sizeof e);
  snprintf(text, sizeof text, "app: test\ndata: {%s}\n", data);
  int bad = deck_parse(&d, "test", text, strlen(text), NULL, 0, schema, &e) ||
            ((const series_source *)deck_kind_of(d, "data"))->open(s, d, most, 1, memory, dry, &e);
  CHECK_REPORT(!bad || memory < 1e6, "%.400s", e.text);
  deck_free(d);
  return bad;
}

static const char *in_folder(void) {
  static char data[300];
  snprintf(data, sizeof data, "kind: ptbxl, path: %s, task: superdiag", folder_path);
  return data;
}
static int open_folder(series_data *s, long most, double memory) {
  return open_source(s, in_folder(), most, memory, false);
}

/* A dry run knows folds, classes and the first recording, and has not looked at the others, which are not there yet. */
static void dry(const char *data, long n, bool folder) {
  series_data s, all;
  if (folder) put_folder(), put_record(0);
  if (open_source(&s, data, n, 1e9, true)) return;
  for (int i = 1; i < RECORDS && folder; i++) put_record(i);
  if (open_source(&all, data, n, 1e9, false)) return;
  size_t one = sizeof *s.signal * (size_t)(s.samples * s.leads);
  CHECK(s.n == all.n && s.classes == all.classes && s.rate == all.rate);
  for (long i = 0; i < s.n; i++) CHECK_INT(s.fold[i], all.fold[i]);
  CHECK_BITS(s.signal, all.signal, one);
  series_close(&s), series_close(&all);
}

static void contents(const series_data *s) {
  double off = 0;
  CHECK(s->n == RECORDS && s->samples == SAMPLES && s->leads == LEADS && s->classes == 2 && s->rate == 100);
  CHECK_TEXT(s->name[0], "HYP");
  for (int i = 0; i < s->n; i++) {
    CHECK(s->fold[i] == i % 10 + 1 && s->label[2 * i] == !(i % 3) && s->label[2 * i + 1] == !!(i % 3));
    CHECK(s->person[2 * i] == (i % 3 ? -1 : 0) && s->person[2 * i + 1] == i % 2);
    for (int t = 0; t < SAMPLES; t++)
      for (int l = 0; l < LEADS; l++)
        off = fmax(off, fabs((double)s->signal[(i * SAMPLES + t) * LEADS + l] - 1e-3 * value(i, t, l)));
  }
  CHECK_REPORT(off < 1e-6, "signals are off by %g mV", off);
}

static void standardised(series_data *s) {
  series_standardise(s);
  for (int l = 0; l < LEADS; l++) {
    double sum = 0, square = 0, count = 0;
    for (long i = 0; i < s->n; i++)
      for (int t = 0; t < SAMPLES && s->fold[i] <= 8; t++, count++) {
        double x = (double)s->signal[(i * SAMPLES + t) * LEADS + l];
        sum += x, square += x * x;
      }
    CHECK_NEAR(sum / count, 0, 1e-5);
    CHECK_NEAR(square / count, 1, 1e-5);
  }
  double x = s->mean[4] + s->sd[4] * (double)s->signal[(3 * SAMPLES + 17) * LEADS + 4];
  CHECK_NEAR(x, 1e-3 * value(3, 17, 4), 1e-5);
}

/* One lane with window number i of w: is it the piece of its recording that begins at `from`? */
static bool holds(const series_windows *w, const nn_real *x, long record, long from) {
  const series_data *s = w->s;
  return !memcmp(x, s->signal + (record * s->samples + from) * s->leads, sizeof *x * (size_t)(w->length * s->leads));
}

static void windows(const series_data *s) {
  static nn_real x[SAMPLES * LEADS], person[SERIES_PERSON], target[2];
  nn_real *inputs[] = {x, person};
  nn_lanes to = {.lanes = 1, .x = inputs, .target = target};
  series_windows w, moved;
  CHECK(!series_windows_new(&w, s, 9, 10, 400, true, false, &e) && w.records == 4 && w.each == 4 && w.set.count == 16);
  for (long i = 0; i < w.set.count; i++) {
    CHECK(!w.set.fetch(w.set.ctx, 1, &i, &to, &e));
    CHECK(holds(&w, x, w.record[i / 4], i % 4 * 200) && s->fold[w.record[i / 4]] >= 9);
    CHECK(target[0] == s->label[2 * w.record[i / 4]] && person[1] == s->person[2 * w.record[i / 4] + 1]);
  }
  long one = 6;
  series_halve(&w, false);
  CHECK(!w.set.fetch(w.set.ctx, 1, &one, &to, &e));
  const nn_real *there = s->signal + (w.record[1] * SAMPLES + 2 * 200 + 2 * 31) * LEADS;
  CHECK(x[31 * LEADS + 4] == there[4]);
  w.every = 1;
  CHECK(!series_windows_new(&moved, s, 1, 8, 400, false, true, &e) && moved.set.count == 16 && moved.set.augment);
  long first = 1000, last = -1;
  for (uint32_t pass = 0; pass < 200; pass++) {
    moved.set.augment(moved.set.ctx, 5, 0, rng_stream(1, "augment"), pass, &to);
    long from = 0;
    while (from <= SAMPLES - 400 && !holds(&moved, x, moved.record[5], from)) from++;
    CHECK(from <= SAMPLES - 400);
    first = from < first ? from : first, last = from > last ? from : last;
  }
  CHECK_REPORT(first < 30 && last > 570, "200 windows begin at %ld to %ld", first, last);
  nn_real z[32];
  double score[8];
  unsigned char label[8];
  for (int k = 0; k < 32; k++) z[k] = (nn_real)(k % 5 - 2);
  series_scores(&w, z, score, label);
  double want = 0;
  for (int q = 0; q < 4; q++) want += 0.25 / (1 + exp(-(double)z[(4 + q) * 2 + 1]));
  CHECK_NEAR(score[3], want, 1e-7);
  CHECK(label[3] == s->label[2 * w.record[1] + 1]);
  w.max = true, series_scores(&w, z, score, label), want = 0;
  for (int q = 0; q < 4; q++) want = fmax(want, 1 / (1 + exp(-(double)z[(4 + q) * 2 + 1])));
  CHECK_NEAR(score[3], want, 1e-7);
  series_windows_free(&w), series_windows_free(&moved);
  CHECK(series_windows_new(&w, s, 11, 12, 0, false, false, &e) == ERR_DECK);
  series_windows_free(&w);
}

/* Half the rate: a wave below the new Nyquist frequency stays, one above vanishes; without filter it folds back. */
static void halved(void) {
  static const double cycles[] = {.1, .2, .3, .4}; /* per sample */
  static nn_real wave[SAMPLES], x[SAMPLES];
  nn_real *inputs[] = {x, NULL};
  nn_lanes to = {.lanes = 1, .x = inputs};
  int fold = 1;
  series_data s = {.n = 1, .samples = SAMPLES, .leads = 1, .signal = wave, .fold = &fold};
  for (int k = 0; k < 8; k++) {
    series_windows w;
    double f = cycles[k / 2], most = 0, off = 0;
    long one = 0;
    for (int t = 0; t < SAMPLES; t++) wave[t] = (nn_real)sin(2 * M_PI * f * t + 1);
    CHECK(!series_windows_new(&w, &s, 1, 1, 0, false, false, &e));
    series_halve(&w, k % 2);
    CHECK(!w.set.fetch(w.set.ctx, 1, &one, &to, &e));
    for (int t = 32; t < SAMPLES / 2 - 32; t++)
      most = fmax(most, fabs((double)x[t])), off = fmax(off, fabs((double)x[t] - (double)wave[2 * t]));
    CHECK_REPORT(k % 2 && f > .25 ? most < .01 : off < .01 && most > .9, "%g cycles, filter %d: %g, off by %g", f,
                 k % 2, most, off);
    series_windows_free(&w);
  }
}

/* Every fold is tested on in turn, the one before it validates. */
static void turned(series_data *s) {
  for (int test = 1; test <= 10; test++) {
    series_turn_folds(s, test);
    for (long i = 0; i < s->n; i++) {
      int was = (int)(i % 10) + 1, before = test > 1 ? test - 1 : 10;
      CHECK((s->fold[i] == 10) == (was == test) && (s->fold[i] == 9) == (was == before));
      s->fold[i] = was;
    }
  }
}

static void aurocs(const series_data *s, const series_windows *test, const double *score, double *each, double *macro) {
  unsigned char *label = malloc((size_t)(test->records * s->classes));
  metrics_ranking *r = NULL;
  for (long i = 0; i < test->records; i++)
    memcpy(label + i * s->classes, s->label + test->record[i] * s->classes, (size_t)s->classes);
  metrics_scores m = {test->records, s->classes, score, label};
  CHECK(!metrics_ranking_new(&r, &m, false, &e));
  CHECK(!metrics_values(r, metrics_find("auroc"), 0, each, macro, NULL, &e));
  metrics_ranking_free(r), free(label);
}

static void difficulty(void) {
  enum { MOST = 32, CLASSES = 22 };
  series_data s;
  series_windows train, test;
  double features, oracle, of_features[MOST], of_oracle[MOST];
  CHECK(!open_source(&s, "kind: simulated", 1500, 1e9, false) && s.classes == CLASSES);
  series_standardise(&s);
  CHECK(!series_windows_new(&train, &s, 1, 8, 0, true, true, &e));
  CHECK(!series_windows_new(&test, &s, 9, 10, 0, true, false, &e) && test.records == 300);
  double *score = malloc(sizeof *score * (size_t)(test.records * s.classes));
  CHECK(!series_baseline(&train, &test, 10, score, &e));
  aurocs(&s, &test, score, of_features, &features);
  for (long i = 0; i < test.records; i++)
    memcpy(score + i * s.classes, s.oracle + test.record[i] * s.classes, sizeof *score * (size_t)s.classes);
  aurocs(&s, &test, score, of_oracle, &oracle);
  printf("macro AUROC: features %.4f, oracle %.4f\n", features, oracle);
  CHECK_REPORT(features > .85 && features < .93 && oracle > .95, "features %g, oracle %g", features, oracle);
  for (int k = 0; k < s.classes; k++)
    if (!strcmp(s.name[k], "TAB") || !strcmp(s.name[k], "ABQRS") || !strcmp(s.name[k], "LAE"))
      CHECK_REPORT(of_features[k] < .8 && of_oracle[k] > .9, "%s: features %g, oracle %g", s.name[k], of_features[k],
                   of_oracle[k]);
  free(score);
  series_windows_free(&train), series_windows_free(&test), series_close(&s);
}

int main(void) {
  series_data s;
  if (folder_make()) return 1;
  halved();
  dry(in_folder(), 0, true), dry("kind: simulated", 30, false), dry("kind: planted", 12, false);
  if (!open_folder(&s, 0, 1e9)) contents(&s), turned(&s), standardised(&s), windows(&s);
  series_close(&s);
  if (!open_folder(&s, 7, 1e9)) CHECK_INT(s.n, 7);
  CHECK(series_keep(&s, "MI", &e) == ERR_DECK && strstr(e.text, "HYP ... NORM") && s.classes == 2);
  CHECK(!series_keep(&s, "NORM", &(err){0}) && s.classes == 1 && !strcmp(s.name[0], "NORM"));
  for (int i = 0; i < 7; i++) CHECK(s.label[i] == !!(i % 3));
  series_close(&s);
  CHECK(open_folder(&s, 0, 1e5) == 1 && e.code == ERR_RUN && strstr(e.text, "run.memory_GB"));
  series_close(&s);
  folder_remove();
  difficulty();
  return check_done();
}

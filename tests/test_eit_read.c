/* test_eit_read.c: readers on files made up here (eit_files.h), damaged files, clinical indices on known breaths. */
#include "eit_files.h"
#include "eit_fixture.h"
#include "signals/eit_clinical.h"
#include "signals/eit_ktc.h"
#include "signals/eit_read.h"

static eit_record *read_file(const eit_file *f, const char *reader) {
  err e = {0};
  eit_record *r = NULL;
  eit_source s = {f->reader, f->bytes, f->n};
  fixture_fine(eit_read_bytes(&r, &s, reader, &e), &e);
  return r;
}

static void data_are(const eit_record *r, int nframes, int ndata, double tol) {
  CHECK_INT(r->nframes, nframes);
  CHECK_INT(r->ndata, ndata);
  for (int t = 0; t < r->nframes; t++)
    for (int i = 0; i < r->ndata; i++) CHECK_NEAR(r->data[(long)t * r->ndata + i], file_datum(t, i), tol);
}

static void recordings(const eit_file *f) {
  for (int i = 0; i < FILES; i++) { /* recognised without being told */
    eit_record *r = read_file(f + i, NULL);
    if (r) CHECK_TEXT(r->format, f[i].reader);
    eit_record_free(r);
  }
  eit_record *r = read_file(f, NULL);
  data_are(r, FILE_FRAMES, 208, 1e-7);
  CHECK_NEAR(r->aux[0], 208 * .00512, 1e-6);
  CHECK_NEAR(r->aux[16], 224 * 12, 1e-3);
  CHECK_INT(eit_record_channel(r, "auxiliary"), 32);
  eit_record_free(r);
  r = read_file(f + 2, NULL);
  data_are(r, FILE_FRAMES, 208, 1e-7);
  CHECK_NEAR(r->rate, 13, 0);
  eit_record_free(r);
  r = read_file(f + 3, NULL);
  for (int t = 0; t < FILE_FRAMES; t++)
    for (int i = 0; i < 208; i++)
      CHECK_NEAR(r->data[t * 208 + i], .00098242 * file_datum(t, i) - .00019607 * file_datum(t, 322 + i), 1e-15);
  CHECK_NEAR(r->time[2], .1, 1e-6);
  CHECK_NEAR(r->aux[1], file_datum(0, 225), 0);
  eit_record_free(r);
  for (int k = 4; k <= 5; k++) {
    r = read_file(f + k, NULL);
    data_are(r, FILE_FRAMES, 1024, 1e-6);
    CHECK(r->rows == 32 && r->cols == 32 && !r->protocol);
    CHECK_NEAR(r->rate, 50, 1e-3);
    CHECK(isnan(r->aux[5]) && r->aux[r->naux + 1] == 11);
    CHECK_INT(eit_record_channel(r, "oesophageal pressure"), k == 5 ? 55 : -1);
    CHECK_INT(eit_record_channel(r, "event"), k == 5 ? 59 : 53);
    eit_record_free(r);
  }
}

/* Half frames: each datum equals its reciprocal, and the first drive's 13 are the first 13. */
static void halves(const eit_file *f) {
  for (int k = 1; k <= 6; k += 5) {
    eit_record *r = read_file(f + k, f[k].reader);
    CHECK_INT(r->ndata, 208);
    CHECK_NEAR(eit_protocol_reciprocity(r->protocol, r->data), 0, 0);
    for (int i = 0; i < 13; i++) CHECK_NEAR(r->data[208 + i], file_datum(1, i), 1e-6);
    for (int i = 0; i < 13; i++) CHECK_NEAR(r->data[13 + i], file_datum(0, 13 + i), 1e-6); /* drive 2: pairs 4 .. 16 */
    eit_record_free(r);
  }
}

static void tanks(const eit_file *f) {
  for (int k = 7; k <= 8; k++) {
    eit_record *r = read_file(f + k, NULL);
    bool keep[KTC_D * KTC_M];
    err e = {0};
    CHECK_INT(r->ndata, KTC_D * KTC_M);
    CHECK_INT(r->protocol->ndrives, KTC_D);
    CHECK_NEAR(r->protocol->vector[0], 2e-3, 1e-18);
    for (int i = 0; i < r->ndata; i++) keep[i] = !isnan(r->data[i]);
    CHECK(!keep[5]);
    fixture_fine(eit_record_select(r, keep, &e), &e);
    CHECK_INT(r->ndata, KTC_D * KTC_M - 1);
    CHECK_NEAR(r->data[5], file_datum(0, 6), 1e-15);
    CHECK_INT(r->protocol->drive[5], 1);
    eit_record_free(r);
  }
  eit_record *r = read_file(f + 9, NULL);
  data_are(r, 1, 992, 1e-9);
  CHECK_INT(r->protocol->ndrives, 31);
  eit_record_free(r);
  r = read_file(f + 10, NULL);
  data_are(r, FILE_FRAMES, 208, 1e-9);
  CHECK_INT(r->naux, 2);
  CHECK_NEAR(r->aux[3], 100 + 209, 1e-9);
  eit_record_free(r);
  r = read_file(f + 11, NULL);
  data_are(r, FILE_FRAMES, 1024, 1e-8);
  CHECK_INT(r->rows, 32);
  eit_record_free(r);
}

/* Cut off, or with bits turned over: a record or exactly one error of a file. */
static void damaged(const eit_file *f) {
  for (int k = 0; k < FILES; k++) {
    int refused = 0;
    for (int i = 0; i < 200; i++) {
      eit_file g = {0};
      size_t n = i < 100 ? f[k].n * (size_t)i / 100 : f[k].n;
      file_put(&g, f[k].bytes, n);
      if (i >= 100) g.bytes[(size_t)i * 7919u % (i < 150 ? 400 : g.n)] ^= (unsigned char)(1 << i % 8);
      for (int named = 0; named < 2; named++) {
        err e = {0};
        eit_record *r;
        eit_source s = {"damaged", g.bytes, g.n};
        int rc = eit_read_bytes(&r, &s, named ? f[k].reader : NULL, &e);
        CHECK(rc == 0 ? r && !e.code : !r && rc == ERR_FILE && !strncmp(e.text, "damaged", 7));
        refused += rc != 0;
        eit_record_free(r);
      }
      free(g.bytes);
    }
    CHECK_REPORT(refused > 100, "%s: only %d damaged files are refused", f[k].reader, refused);
  }
}

static void says(const eit_file *f, const char *reader, const char *what) {
  err e = {0};
  eit_record *r;
  eit_source s = {"x", f->bytes, f->n};
  CHECK_INT(eit_read_bytes(&r, &s, reader, &e), ERR_FILE);
  CHECK_REPORT(strstr(e.text, what) != NULL, "\"%.200s\" does not say \"%s\"", e.text, what);
}

static void messages(const eit_file *f) {
  eit_file g = {0};
  file_put(&g, f[0].bytes, f[0].n - 1);
  says(&g, "get", "x: 3071 bytes of frames are not a multiple of 1024");
  float nan = NAN;
  memcpy(g.bytes + 1024 + 40, &nan, 4);
  g.n = 3072 - 1024;
  says(&g, "get", "x: frame 2, datum 11 is nan");
  g.n = 0;
  file_draeger_eit(&g, 77, 5495);
  says(&g, "draeger-eit", "x: version 77: 31, 32 and 51 are known");
  g.n = 0;
  file_text(&g, "1,2,3\n4,5,6\n");
  says(&g, "csv", "x: 3 columns are neither");
  says(&g, "none", "there is no reader \"none\"");
  says(&g, NULL, "x: no known recording");
  free(g.bytes);
}

/* ---- clinical indices ---- */

/* 1,000 frames at 20 Hz, breaths of 4 s with 1 s of inspiration; 10 x 10 pixels: rows 2 to 7 are lung, the back row
 * lags, amplitude 2 in the left and 1 in the right half. */
static void indices(void) {
  enum { T = 1000, N = 100 };
  double *x = malloc(sizeof(double) * T * N), sum[T], tidal[N], delay[N];
  int row[N], col[N];
  eit_breath b[40];
  eit_indices q;
  err e = {0};
  for (int p = 0; p < N; p++) row[p] = p / 10, col[p] = p % 10;
  for (int t = 0; t < T; t++)
    for (int p = 0; p < N; p++) {
      double lag = row[p] == 7 ? .3 : 0, s = fmod((t + 53) / 20., 4) - lag;
      double v = s < 0 ? 0 : s < 1 ? s : exp(-(s - 1) / .4);
      x[t * N + p] = 5 + (row[p] >= 2 && row[p] <= 7 ? (col[p] < 5 ? 2 : 1) * v : 0);
    }
  eit_global(T, N, x, sum);
  CHECK_NEAR(eit_dominant_frequency(T, sum, 20, .1, 3), .25, 2e-3);
  int n = eit_breaths(T, sum, 0, 40, b);
  CHECK_INT(n, 12);
  for (int k = 0; k < n; k++)
    CHECK(b[k].end - b[k].start == 80 && b[k].top - b[k].start >= 19 && b[k].top - b[k].start <= 26);
  fixture_fine(eit_indices_of(T, N, x, row, col, n, b, 0, &q, tidal, delay, &e), &e);
  CHECK_INT(q.lung, 60);
  CHECK_REL(q.tidal, 75 + .7 * 15, 1e-9); /* the back row has come to .7 when the sum is largest */
  CHECK_NEAR(q.centre_y, ((2 + 3 + 4 + 5 + 6 + .7 * 7) / 5.7 - 2 + .5) / 6, 1e-9);
  CHECK_NEAR(q.centre_x, (2 * 2.5 + 7.5) / 3 / 10, .01);
  CHECK_NEAR(q.inhomogeneity, 30. / 90, .03); /* median between 1 and 2: |TV - median| sums to 30 */
  CHECK_REL(q.end_expiratory, 500, 1e-3);
  CHECK_NEAR(delay[72] - delay[52], (.3 + .4 * .7) - .4, 1e-9);
  CHECK(isnan(delay[0]) && q.silent == 0);
  CHECK_INT(eit_indices_of(T, N, x, row, col, 0, b, 0, &q, NULL, NULL, &e), ERR_RUN);
  free(x);
}

/* The score pixel by pixel from its definition: windows exp(-d^2/(2 80^2)), renormalised at the edges. */
static double plainly(int rows, int cols, const int *truth, const int *guess) {
  double sum = 0;
  for (int class = 1; class <= 2; class ++)
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < cols; j++) {
        double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
        for (int r = 0; r < rows; r++)
          for (int c = 0; c < cols; c++) {
            double w = exp(-((r - i) * (r - i) + (c - j) * (c - j)) / (2. * 80 * 80));
            int a = truth[r * cols + c] == class, b = guess[r * cols + c] == class;
            n += w, x += w * a, y += w * b, xx += w * a * a, yy += w * b * b, xy += w * a * b;
          }
        x /= n, y /= n, xx = xx / n - x * x, yy = yy / n - y * y, xy = xy / n - x * y;
        sum += (2 * x * y + 1e-4) * (2 * xy + 9e-4) / ((x * x + y * y + 1e-4) * (xx + yy + 9e-4));
      }
  return sum / (2. * rows * cols);
}

static void score(void) {
  enum { S = 64 };
  int truth[S * S] = {0}, guess[S * S] = {0}, label[6];
  double same, empty, part;
  err e = {0};
  for (int i = 0; i < S * S; i++) {
    int r = i / S, c = i % S;
    truth[i] = r > 10 && r < 25 && c > 10 && c < 30 ? 1 : r > 40 && r < 50 && c > 30 && c < 50 ? 2 : 0;
    guess[i] = r > 12 && r < 25 && c > 12 && c < 30 ? 1 : 0;
  }
  fixture_fine(eit_ktc_score(S, S, truth, truth, &same, &e), &e);
  fixture_fine(eit_ktc_score(S, S, truth, guess, &part, &e), &e);
  memset(guess, 0, sizeof guess);
  fixture_fine(eit_ktc_score(S, S, truth, guess, &empty, &e), &e);
  CHECK_NEAR(same, 1, 1e-12);
  enum { R = 48, C = 20 };
  for (int i = 0; i < R * C; i++) truth[i] = i * 7 / 100 % 3, guess[i] = i * 5 / 90 % 3;
  fixture_fine(eit_ktc_score(R, C, truth, guess, &same, &e), &e);
  CHECK_NEAR(same, plainly(R, C, truth, guess), 1e-11);
  CHECK(part < .9 && part > empty + .2 && empty < .1);
  eit_segment(6, (double[]){0, -2, -1.3, .4, 1.9, 1}, .6, .8, .05, label);
  CHECK(label[0] == 0 && label[1] == 1 && label[2] == 1 && label[3] == 0 && label[4] == 2 && label[5] == 0);
  eit_segment(3, (double[]){0, -2, 1}, .6, .8, .05, label);
  CHECK(label[1] == 1 && label[2] == 0);
}

int main(void) {
  eit_file f[FILES];
  files_make(f);
  recordings(f);
  halves(f);
  tanks(f);
  messages(f);
  damaged(f);
  files_free(f);
  indices();
  score();
  return check_done();
}

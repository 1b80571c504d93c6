/* test_ecg_sim.c: simulated ECGs: a record depends on seed and number alone; leads obey their identities, noise its
 * level; fiducials stand in order; some classes move a wave and no interval; labels follow their probabilities; the
 * covariate rule does what it says. */
#include "analysis/metrics.h"
#include "check.h"
#include "signals/ecg_sim.h"

static ecg_record *record(const ecg_sim_conf *c) {
  err e = {0};
  ecg_record *r = NULL;
  CHECK(!ecg_record_new(&r, c, &e));
  CHECK_TEXT(e.text, "");
  return r;
}

static int class_number(const char *name) {
  for (int k = 0; ecg_classes[k]; k++)
    if (!strcmp(ecg_classes[k]->name, name)) return k;
  return -1;
}

static void pure_function(void) {
  ecg_sim_conf c = ecg_sim_default;
  ecg_record *a = record(&c), *b = record(&c);
  size_t bytes = ECG_LEADS * (size_t)a->samples * sizeof(double);
  ecg_sim_draw(&c, 77, a);
  ecg_sim_draw(&c, 12345678901, b), ecg_sim_draw(&c, 77, b);
  CHECK_BITS(a->signal, b->signal, bytes);
  CHECK_BITS(a->label, b->label, (size_t)a->classes);
  CHECK_BITS(&a->f, &b->f, sizeof a->f);
  CHECK_INT(a->fold, 8);
  ecg_sim_draw(&c, 78, b);
  CHECK(memcmp(a->signal, b->signal, bytes) != 0);
  c.seed = 2, ecg_sim_draw(&c, 77, b);
  CHECK(memcmp(a->signal, b->signal, bytes) != 0);
  ecg_record_free(a), ecg_record_free(b);
}

/* III = II - I and so on, noise included; noise has the power that was asked for. */
static void leads_and_noise(void) {
  ecg_sim_conf c = ecg_sim_default;
  c.rate = 250, c.snr = 14, c.wander = 0;
  ecg_record *r = record(&c);
  double worst = 0, signal = 0, noise = 0;
  const int independent[] = {0, 1, 6, 7, 8, 9, 10, 11};
  long n = r->samples;
  for (uint64_t i = 0; i < 10; i++) {
    double ratio[2] = {0};
    ecg_sim_draw(&c, i, r);
    for (long j = 0; j < n; j++) {
      double a = r->signal[j], b = r->signal[n + j];
      worst = fmax(worst, fabs(r->signal[2 * n + j] - (b - a)) + fabs(r->signal[3 * n + j] + .5 * (a + b)) +
                              fabs(r->signal[4 * n + j] - (a - .5 * b)) + fabs(r->signal[5 * n + j] - (b - .5 * a)));
    }
    for (int k = 0; k < 8; k++) {
      const double *x = r->clean + independent[k] * n, *y = r->signal + independent[k] * n;
      double mean = 0;
      for (long j = 0; j < n; j++) mean += x[j] / (double)n;
      for (long j = 0; j < n; j++) ratio[0] += (x[j] - mean) * (x[j] - mean), ratio[1] += (y[j] - x[j]) * (y[j] - x[j]);
    }
    signal++, noise += ratio[1] / ratio[0];
  }
  CHECK(worst < 1e-12);
  CHECK_REL(noise / signal, pow(10, -1.4), 5 * sqrt(2. / (8 * 10 * (double)n)));
  c.snr = INFINITY;
  ecg_sim_draw(&c, 5, r);
  CHECK_BITS(r->signal, r->clean, sizeof(double) * (size_t)n);
  c.wander = .2;
  double square = 0;
  for (uint64_t i = 0; i < 200; i++) {
    ecg_sim_draw(&c, i, r);
    for (long j = 0; j < n; j += 50) square += pow(r->signal[j] - r->clean[j], 2) / (200 * (double)n / 50);
  }
  CHECK_REL(sqrt(square), .2, .1);
  ecg_record_free(r);
}

static void check_order(const ecg_record *r) {
  const ecg_fiducials *f = &r->f;
  CHECK(f->qrs_on < 0 && f->qrs_off > 0 && f->t_peak > f->qrs_off && f->t_off > f->t_peak);
  CHECK(f->qrs_off - f->qrs_on > .05 && f->qrs_off - f->qrs_on < .2);
  if (!isnan(f->p_on))
    CHECK(f->p_on < f->p_peak && f->p_peak < f->p_off && f->p_off < f->qrs_on && f->qrs_on - f->p_on < .4);
  for (int i = 1; i < r->beats; i++) CHECK(r->beat[i] - r->beat[i - 1] > .2);
}

static double variation(const ecg_record *r) {
  double s = 0, mean = (r->beat[r->beats - 1] - r->beat[0]) / (r->beats - 1);
  for (int i = 1; i < r->beats; i++) s += pow(r->beat[i] - r->beat[i - 1] - mean, 2);
  return sqrt(s / (r->beats - 2)) / mean;
}

static void rhythms(void) {
  ecg_sim_conf c = ecg_sim_default;
  c.rate = 50;
  ecg_record *r = record(&c);
  int af = class_number("AFIB"), pvc = class_number("PVC"), tachy = class_number("STACH"),
      brady = class_number("SBRAD");
  double irregular = 0, regular = 0, n_irregular = 0, n_regular = 0;
  for (uint64_t i = 0; i < 400; i++) {
    ecg_sim_draw(&c, i, r);
    check_order(r);
    int early = 0;
    for (int b = 0; b < r->beats; b++) early += r->type[b] == ECG_VENTRICULAR_BEAT;
    CHECK(r->severity[pvc] > 0 || !early);
    CHECK(isnan(r->f.p_on) == (r->severity[af] > 0 || r->severity[class_number("AFLT")] > 0));
    if (r->severity[af] > 0)
      irregular += variation(r), n_irregular++;
    else if (r->severity[pvc] == 0 && r->severity[class_number("PAC")] == 0 && !isnan(r->f.p_on))
      regular += variation(r), n_regular++;
    for (int k = 0; k < r->classes; k++) CHECK(!ecg_classes[k]->needs_p || !isnan(r->f.p_on) || r->severity[k] == 0);
    if (r->severity[tachy] > 0) CHECK(60 / r->rr > 95);
    if (r->severity[brady] > 0 && r->severity[pvc] == 0) CHECK(60 / r->rr < 62);
    /* Nothing but premature beats and the rhythm moves the QT interval away from what was wanted. */
    if (!isnan(r->f.p_on)) CHECK_NEAR((r->f.t_off - r->f.qrs_on) / sqrt(r->rr), r->qtc, .1 * r->qtc);
  }
  CHECK(irregular / n_irregular > .15 && regular / n_regular < .06 && n_irregular > 15);
  ecg_record_free(r);
}

/* A copy of the normal beat of this patient, with class `name` at full severity where it is not NULL. */
static ecg_shape shape_with(const char *name, ecg_model *m) {
  *m = (ecg_model){.r = rng_stream(1, "ecg"), .index = 12, .age = 60, .rr = .8, .qtc = .42, .rhythm = ecg_rhythms[0]};
  ecg_base_shape(m);
  if (name) ecg_classes[class_number(name)]->edit(m, 1);
  ecg_fit_qt(m, m->rr);
  return m->normal;
}

/* What LAE, ABQRS and TAB change is not a number that is measured: intervals stay, the wave itself moves. */
static void shapes_alone(void) {
  const char *const name[] = {"LAE", "ABQRS", "TAB"};
  const ecg_wave wave[] = {ECG_P, ECG_QRS, ECG_T};
  enum { N = 500 };
  static double before[3 * N], after[3 * N];
  for (int c = 0; c < 3; c++) {
    ecg_model m;
    ecg_fiducials f, g;
    ecg_shape a = shape_with(NULL, &m), b = shape_with(name[c], &m);
    ecg_truth(&a, &f), ecg_truth(&b, &g);
    CHECK_NEAR(g.qrs_on, f.qrs_on, .006);
    CHECK_NEAR(g.qrs_off, f.qrs_off, .006);
    CHECK_NEAR(g.t_off - g.qrs_on, f.t_off - f.qrs_on, .006);
    if (wave[c] != ECG_P) CHECK_NEAR(g.p_on, f.p_on, 1e-12);
    for (int w = 0; w < (int)ECG_WAVES; w++) {
      double moved = 0, all = 0;
      ecg_shape x = a, y = b;
      for (int other = 0; other < ECG_WAVES; other++)
        if (other != w) ecg_remove(&x, (ecg_wave)other), ecg_remove(&y, (ecg_wave)other);
      memset(before, 0, sizeof before), memset(after, 0, sizeof after);
      ecg_render(&x, .5, false, 500, N, before), ecg_render(&y, .5, false, 500, N, after);
      for (int j = 0; j < 3 * N; j++) moved += pow(after[j] - before[j], 2), all += before[j] * before[j];
      CHECK_REPORT(w != (int)wave[c] || moved > .1 * all, "%s moves its wave by %g of its power only", name[c],
                   moved / all);
      CHECK_REPORT(w == (int)wave[c] || w == ECG_ST || moved < .02 * all, "%s moves wave %d by %g of its power",
                   name[c], w, moved / all);
    }
  }
}

/* The notches of ABQRS alone (docs/series.md, section 6): where their spectrum peaks, and the share of their energy
 * that a sampling rate of 50 Hz carries. Three humps of width w a distance d apart, heights h0 and twice h1, have the
 * spectrum (h0 + 2 h1 cos(2 pi f d))^2 exp(-(2 pi f w)^2); here it is taken from what is rendered. */
static void notches(void) {
  enum { N = 1000, RATE = 1000, FREQUENCIES = 400 };
  static double before[3 * N], after[3 * N];
  ecg_model m;
  ecg_shape a = shape_with(NULL, &m), b = shape_with("ABQRS", &m);
  for (int w = 0; w < ECG_WAVES; w++)
    if (w != ECG_QRS) ecg_remove(&a, (ecg_wave)w), ecg_remove(&b, (ecg_wave)w);
  ecg_render(&a, .5, false, RATE, N, before), ecg_render(&b, .5, false, RATE, N, after);
  double all = 0, below = 0, most = 0, peak = 0, worst = 0;
  for (int k = 0; k < FREQUENCIES; k++) { /* in steps of 1/2 Hz */
    double f = .5 * k, power = 0;
    for (int axis = 0; axis < 3; axis++) {
      double re = 0, im = 0;
      for (int j = 0; j < N; j++) {
        double x = (after[axis * N + j] - before[axis * N + j]) / RATE, phase = 2 * M_PI * f * j / RATE;
        re += x * cos(phase), im += x * sin(phase);
      }
      power += re * re + im * im;
    }
    double hump = .0055 * sqrt(2 * M_PI) * (.55 - .8 * cos(2 * M_PI * f * .016));
    worst = fmax(worst, fabs(power - pow(hump, 2) * exp(-pow(2 * M_PI * f * .0055, 2))));
    all += power, below += f < 25 ? power : f == 25 ? power / 2 : 0;
    if (power > most) most = power, peak = f;
  }
  printf("ABQRS: notches peak at %.1f Hz, %.1f %% of their energy below 25 Hz\n", peak, 100 * below / all);
  CHECK_REPORT(worst < 1e-5 * most, "off by %g of %g", worst, most); /* kernels end at five widths */
  CHECK_NEAR(peak, 26, .5);
  CHECK_NEAR(below / all, .41, .005);
}

/* Labels are drawn with the oracle's probabilities, class by class: counts within five sigma; the oracle ranks best. */
static void labels(void) {
  enum { N = 3000, MOST = 32 };
  static double oracle[N * MOST], severity[N * MOST], sum[MOST], variance[MOST];
  static unsigned char label[N * MOST];
  ecg_sim_conf c = ecg_sim_default;
  c.rate = 50, c.seconds = 1;
  ecg_record *r = record(&c);
  int k = r->classes, affected[MOST] = {0};
  long count[MOST] = {0};
  CHECK(k >= 12 && k <= MOST && k == ecg_class_count());
  for (int i = 0; i < N; i++) {
    ecg_sim_draw(&c, (uint64_t)i, r);
    int any = 0;
    for (int a = 0; a < k; a++) {
      oracle[i * k + a] = r->oracle[a], severity[i * k + a] = r->severity[a], label[i * k + a] = r->label[a];
      sum[a] += r->oracle[a], variance[a] += r->oracle[a] * (1 - r->oracle[a]), count[a] += r->label[a];
      affected[a] += r->severity[a] > 0;
      if (a) any |= r->label[a];
    }
    CHECK(r->label[0] == !any);
  }
  for (int a = 0; a < k; a++) CHECK_SIGMA((double)count[a], sum[a], sqrt(variance[a]), 5);
  for (int a = 1; a < k - 1; a++) { /* groups make some rarer than their prevalence */
    double p = ecg_classes[a]->prevalence, error = sqrt(p * N);
    CHECK(affected[a] < p * N + 5 * error && affected[a] > .8 * p * N - 5 * error);
  }
  err e = {0};
  metrics_ranking *best, *truth;
  metrics_scores s = {N, k, oracle, label};
  double each[MOST], macro, limit;
  CHECK(!metrics_ranking_new(&best, &s, false, &e));
  CHECK(!metrics_values(best, metrics_find("auroc"), 0, each, &macro, NULL, &e));
  s.score = severity;
  CHECK(!metrics_ranking_new(&truth, &s, false, &e));
  CHECK(!metrics_values(truth, metrics_find("auroc"), 0, each, &limit, NULL, &e));
  printf("oracle: macro AUROC %.4f\n", macro);
  CHECK(macro > .8 && macro < .98 && macro >= limit);
  metrics_ranking_free(best), metrics_ranking_free(truth);
  c.ambiguity = 0;
  for (int i = 0; i < 100; i++) {
    ecg_sim_draw(&c, (uint64_t)i, r);
    for (int a = 0; a < k; a++) CHECK(r->oracle[a] == r->label[a]);
  }
  ecg_record_free(r);
}

/* AUROC of LQT by QTc alone and by QTc, age and sex: they differ where the rule uses age and sex, and only there. */
static void covariates(void) {
  enum { N = 4000 };
  static double score[2 * N];
  static unsigned char label[N];
  double gain[2];
  for (int use = 0; use < 2; use++) {
    ecg_sim_conf c = ecg_sim_default;
    c.rate = 50, c.seconds = 1, c.covariates = use;
    ecg_record *r = record(&c);
    double auc[2], cov[4];
    err e = {0};
    for (int i = 0; i < N; i++) {
      ecg_sim_draw(&c, (uint64_t)i, r);
      label[i] = r->label[r->classes - 1];
      score[i] = r->qtc, score[N + i] = r->severity[r->classes - 1];
    }
    CHECK(!metrics_delong(N, 2, score, label, auc, cov, &e));
    gain[use] = auc[1] - auc[0];
    double error = sqrt(cov[0] + cov[3] - 2 * cov[1]);
    printf("covariates %d: AUROC of QTc %.4f, with age and sex %.4f (%.4f)\n", use, auc[0], auc[1], error);
    if (use) CHECK(gain[use] > 5 * error);
    ecg_record_free(r);
  }
  CHECK_NEAR(gain[0], 0, 1e-12);
}

static void bad_values(void) {
  ecg_record *r;
  ecg_sim_conf bad[] = {ecg_sim_default, ecg_sim_default, ecg_sim_default, ecg_sim_default};
  bad[0].rate = 10, bad[1].seconds = 1e9, bad[2].wander = -1, bad[3].snr = NAN;
  for (int i = 0; i < 4; i++) {
    err e = {0};
    CHECK(ecg_record_new(&r, &bad[i], &e) == ERR_DECK && !r && e.text[0]);
  }
}

/* The keys of a deck have the defaults of the struct. */
static void keys(void) {
  const deck_section schema[] = {{"data", "simulated ECGs", ecg_sim_keys}, {NULL}};
  const char text[] = "app: toy\ndata: {rate: 250}\n";
  ecg_sim_conf c = {.seed = 1};
  deck *d;
  err e = {0};
  CHECK(!deck_parse(&d, "deck", text, sizeof text - 1, NULL, 0, schema, &e));
  CHECK_TEXT(e.text, "");
  deck_get(d, "data", ecg_sim_keys, &c);
  CHECK(c.rate == 250 && !ecg_sim_check(&c, &e));
  c.rate = ecg_sim_default.rate;
  CHECK(c.seconds == ecg_sim_default.seconds && c.snr == ecg_sim_default.snr && c.wander == ecg_sim_default.wander);
  CHECK(c.mains == ecg_sim_default.mains && c.ambiguity == ecg_sim_default.ambiguity);
  CHECK(c.prevalence == ecg_sim_default.prevalence && c.covariates == ecg_sim_default.covariates);
  deck_free(d);
}

int main(void) {
  keys();
  pure_function();
  leads_and_noise();
  rhythms();
  shapes_alone();
  notches();
  labels();
  covariates();
  bad_values();
  return check_done();
}

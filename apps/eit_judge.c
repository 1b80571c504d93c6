/* eit_judge.c: what answers on unseen patients are worth (see eit.h). The unit of the statistics is the patient:
 * figures are computed for each, averaged, and the patients drawn anew for the intervals.
 *
 *   r, rmse, nrmse     of one recording; nrmse = rmse / (2.5 to 97.5 % range of its truth)
 *   tidal error        |swing of the answer / swing of the truth - 1| of each breath, median over all breaths
 *   line               volume = a sum of the image + b, one line for all patients; calibrated: a line for each, fitted
 *                      to its own truth, the ceiling of what the sum of the image can tell */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/metrics.h"
#include "apps/eit.h"
#include "signals/eit_clinical.h"

enum { FIGURES = 64, COLUMNS = 96, RESERVE = 200 };
typedef enum { MEAN, DIFFERENCE, RATIO, POOLED_R, MEDIAN, AGREE_BIAS, AGREE_LOW, AGREE_HIGH } figure_kind;

typedef struct figure {
  char name[48];
  const char *unit, *text;
  figure_kind kind;
  int a, b; /* columns; MEDIAN: a is a list */
} figure;

typedef struct swing { /* error of a breath */
  double error;
  int patient;
} swing;

typedef struct panel {
  long n; /* patients */
  int columns, figures, lists;
  double *column[COLUMNS];  // (n) each
  figure figure[FIGURES];
  swing *list[4]; /* ascending */
  long length;    /* of each list */
} panel;

/* ---- statistics ---- */

static double mean_of(const panel *p, int c, const uint16_t *w) {
  double sum = 0, count = 0;
  for (long i = 0; i < p->n; i++) {
    double k = w[i * METRICS_LANES];
    if (isnan(p->column[c][i])) continue;
    sum += k * p->column[c][i], count += k;
  }
  return count > 0 ? sum / count : NAN;
}

static double median_of(const panel *p, int list, const uint16_t *w) {
  const swing *s = p->list[list];
  double all = 0, sum = 0;
  for (long i = 0; i < p->length; i++) all += w[(long)s[i].patient * METRICS_LANES];
  for (long i = 0; i < p->length; i++) {
    sum += w[(long)s[i].patient * METRICS_LANES];
    if (sum >= all / 2 && all > 0) return s[i].error;
  }
  return NAN;
}

/* Columns a ... a+5: n, sums of t, p, tt, pp, tp. */
static double pooled(const panel *p, int a, const uint16_t *w) {
  double s[6];
  for (int k = 0; k < 6; k++) s[k] = mean_of(p, a + k, w);
  double t = s[1] / s[0], q = s[2] / s[0];
  return (s[5] / s[0] - t * q) / sqrt((s[3] / s[0] - t * t) * (s[4] / s[0] - q * q));
}

/* Columns a ... a+2: n, sums of d, d d. */
static double agreement(const panel *p, int a, double sds, const uint16_t *w) {
  double n = mean_of(p, a, w), d = mean_of(p, a + 1, w) / n, var = mean_of(p, a + 2, w) / n - d * d;
  return d + sds * sqrt(fmax(0, var));
}

static double value_of(const panel *p, const figure *f, const uint16_t *w) {
  switch (f->kind) {
    case MEAN:
      return mean_of(p, f->a, w);
    case DIFFERENCE:
      return mean_of(p, f->a, w) - mean_of(p, f->b, w);
    case RATIO:
      return mean_of(p, f->a, w) / mean_of(p, f->b, w);
    case POOLED_R:
      return pooled(p, f->a, w);
    case MEDIAN:
      return median_of(p, f->a, w);
    case AGREE_BIAS:
      return agreement(p, f->a, 0, w);
    case AGREE_LOW:
      return agreement(p, f->a, -1.96, w);
    case AGREE_HIGH:
      return agreement(p, f->a, 1.96, w);
  }
  return NAN;
}

static void statistic(const void *ctx, const uint16_t *w, double *value) {
  const panel *p = ctx;
  for (int k = 0; k < p->figures; k++)
    for (int lane = 0; lane < METRICS_LANES; lane++)
      value[k * METRICS_LANES + lane] = value_of(p, &p->figure[k], w + lane);
}

static int column(panel *p, err *e) {
  if (p->columns == COLUMNS || !(p->column[p->columns] = calloc((size_t)p->n + 1, sizeof(double)))) {
    err_set(e, ERR_RUN, "verdict: out of memory");
    return 0;
  }
  return p->columns++;
}

static void add(panel *p, const char *name, const char *estimator, const char *unit, const char *text, figure_kind kind,
                int a, int b) {
  if (p->figures++ >= FIGURES) return; /* eit_judge says so */
  figure *f = &p->figure[p->figures - 1];
  *f = (figure){.unit = unit, .text = text, .kind = kind, .a = a, .b = b};
  snprintf(f->name, sizeof f->name, "%s.%s", name, estimator);
}

/* ---- figures of one recording ---- */

typedef struct pairs {
  int n;
  double *truth, *guess, *work;
} pairs;

typedef struct recorded {
  double r, rmse, nrmse, centred; /* centred: rmse without the offset of the recording */
  double sum[6];
} recorded;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int measure(const pairs *p, recorded *out, err *e) {
  metrics_regression m;
  if (metrics_regress(p->n, p->truth, p->guess, &m, e)) return e->code;
  memcpy(p->work, p->truth, sizeof *p->work * p->n);
  qsort(p->work, (size_t)p->n, sizeof *p->work, ascending);
  double range = metrics_quantile(p->n, p->work, .975) - metrics_quantile(p->n, p->work, .025);
  *out = (recorded){m.r, m.rmse, m.rmse / range, sqrt(fmax(0, m.rmse * m.rmse - m.bias * m.bias)), {p->n}};
  for (int i = 0; i < p->n; i++) {
    double t = p->truth[i], q = p->guess[i];
    out->sum[1] += t, out->sum[2] += q, out->sum[3] += t * t, out->sum[4] += q * q, out->sum[5] += t * q;
  }
  return 0;
}

static int first_frame(const eit_task *t) {
  return (int)(t->c.warmup > t->c.lag ? t->c.warmup : t->c.lag);
}

double eit_answer(const eit_verdict *v, int output, long i, int frame) {
  const eit_task *t = v->test->t;
  double z = (double)v->z[((size_t)i * t->d->l.frames + frame) * t->outputs + output];
  for (int k = 0, at = 0; k < t->branches; k++)
    for (int q = 0; q < t->branch[k].outputs; q++, at++) {
      int truth = t->branch[k].truth[q];
      if (at == output) return eit_value(t, v->test->patient[i], frame, truth, z);
    }
  return NAN;
}

double eit_true(const eit_verdict *v, long i, int frame, int k) {
  const eit_task *t = v->test->t;
  long who = v->test->patient[i];
  return eit_value(t, who, frame, k, eit_wanted(t, who, frame, k));
}

static double total(const eit_data *d, long i, int frame) {
  const float *x = eit_images(d, i) + (size_t)frame * d->l.pixels;
  double sum = 0;
  for (int p = 0; p < d->l.pixels; p++) sum += (double)x[p];
  return sum;
}

/* ---- the line ---- */

/* Of patients from .. to-1 of a set: slope and shift of volume against the sum of the image, least squares. */
static void fit_line(const eit_set *s, long from, long to, double *slope, double *shift) {
  const eit_task *t = s->t;
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (long i = from; i < to; i++)
    for (int f = first_frame(t); f < t->d->l.frames; f++) {
      double a = total(t->d, s->patient[i], f), b = (double)eit_truth(t->d, s->patient[i], f, EIT_T_VOLUME);
      n++, x += a, y += b, xx += a * a, xy += a * b;
    }
  double var = xx / n - x / n * (x / n);
  *slope = var > 0 ? (xy / n - x / n * (y / n)) / var : 0;
  *shift = y / n - *slope * x / n;
}

/* ---- breaths ---- */

/* Swings of volume of all breaths of the test patients: truth and what the network, the line, the own line say. */
static int find_breaths(eit_verdict *v, err *e) {
  const eit_task *t = v->test->t;
  enum { MOST = 256 };
  int T = t->d->l.frames, first = first_frame(t), lag = (int)t->c.lag;
  eit_breaths_found *b = &v->breath;
  size_t most = (size_t)v->test->patients * MOST;
  double *x = malloc(sizeof *x * T);
  b->patient = malloc(sizeof *b->patient * most), b->truth = malloc(sizeof *b->truth * 4 * most);
  if (!x || !b->patient || !b->truth) {
    free(x);
    return err_set(e, ERR_RUN, "breaths: out of memory");
  }
  b->net = b->truth + most, b->line = b->net + most, b->own_line = b->line + most;
  for (long i = 0; i < v->test->patients; i++) {
    eit_breath found[MOST];
    long who = v->test->patient[i];
    for (int f = 0; f < T; f++) x[f] = (double)eit_truth(t->d, who, f, EIT_T_VOLUME);
    int n = eit_breaths(T, x, 0, MOST, found);
    for (int k = 0; k < n; k++) {
      int low = found[k].start, top = found[k].top;
      if (low + lag < first || top + lag >= T) continue;
      double change = total(t->d, who, top) - total(t->d, who, low);
      b->patient[b->n] = (int)i, b->truth[b->n] = x[top] - x[low];
      b->net[b->n] = eit_answer(v, 0, i, top + lag) - eit_answer(v, 0, i, low + lag);
      b->line[b->n] = v->slope * change, b->own_line[b->n++] = v->own[2 * i] * change;
    }
  }
  free(x);
  return 0;
}

static int by_error(const void *a, const void *b) {
  double x = ((const swing *)a)->error, y = ((const swing *)b)->error;
  return (x > y) - (x < y);
}

static void breath_figures(panel *p, const eit_breaths_found *b, err *e) {
  static const char *const name[] = {"net", "line", "calibrated", "mean"};
  static const char *const text[] = {"median over breaths of |swing of the network's volume / swing of the truth - 1|",
                                     "the same of one line through the sum of the image for all patients",
                                     "the same of a line calibrated on each patient's own truth",
                                     "the same of the mean swing of these breaths"};
  double mean = 0;
  int a = column(p, e), sum = column(p, e), square = column(p, e);
  for (long i = 0; i < b->n; i++) mean += b->truth[i] / (double)b->n;
  p->length = b->n;
  for (int k = 0; k < 4 && !e->code; k++) {
    const double *from[] = {b->net, b->line, b->own_line, NULL};
    swing *s = p->list[p->lists++] = malloc(sizeof *s * (size_t)(b->n + 1));
    if (!s) err_set(e, ERR_RUN, "breaths: out of memory");
    for (long i = 0; i < b->n && s; i++)
      s[i] = (swing){fabs((from[k] ? from[k][i] : mean) / b->truth[i] - 1), b->patient[i]};
    if (s) qsort(s, (size_t)b->n, sizeof *s, by_error);
    add(p, "tidal_error", name[k], "1", text[k], MEDIAN, k, 0);
  }
  for (long i = 0; i < b->n && !e->code; i++) {
    double d = b->net[i] - b->truth[i];
    p->column[a][b->patient[i]]++, p->column[sum][b->patient[i]] += d, p->column[square][b->patient[i]] += d * d;
  }
  add(p, "tidal_bias", "net", "mL", "Bland-Altman: mean of network - truth over the breaths", AGREE_BIAS, a, 0);
  add(p, "tidal_low", "net", "mL", "Bland-Altman: bias - 1.96 sd", AGREE_LOW, a, 0);
  add(p, "tidal_high", "net", "mL", "Bland-Altman: bias + 1.96 sd", AGREE_HIGH, a, 0);
}

/* ---- all figures ---- */

/* The columns r, rmse, nrmse, centred and six sums of an answer; returns the first. */
static int columns_of(panel *p, const eit_verdict *v, int truth, int output, bool line, pairs *work, err *e) {
  const eit_task *t = v->test->t;
  int first = first_frame(t), lag = (int)t->c.lag, start = 0;
  for (int k = 0; k < 10; k++) {
    int c = column(p, e);
    if (!k) start = c;
  }
  for (long i = 0; i < p->n && !e->code; i++) {
    recorded m;
    long who = v->test->patient[i];
    double slope = output < 0 ? v->own[2 * i] : v->slope, shift = output < 0 ? v->own[2 * i + 1] : v->shift;
    work->n = 0;
    for (int f = first; f < t->d->l.frames; f++) {
      work->truth[work->n] = eit_true(v, i, f, truth);
      work->guess[work->n++] = line ? slope * total(t->d, who, f - lag) + shift : eit_answer(v, output, i, f);
    }
    if (measure(work, &m, e)) break;
    double all[4] = {m.r, m.rmse, m.nrmse, m.centred};
    for (int k = 0; k < 4; k++) p->column[start + k][i] = all[k];
    for (int k = 0; k < 6; k++) p->column[start + 4 + k][i] = m.sum[k];
  }
  return start;
}

static void volume_figures(panel *p, const eit_verdict *v, int net, pairs *work, err *e) {
  int line = columns_of(p, v, EIT_T_VOLUME, 0, true, work, e), own = columns_of(p, v, EIT_T_VOLUME, -1, true, work, e);
  const char *said[] = {"one line through the sum of the image for all patients",
                        "a line calibrated on each patient's own truth"};
  for (int k = 0; k < 2; k++) {
    int c = k ? own : line;
    const char *name = k ? "calibrated" : "line";
    add(p, "volume_r", name, "1", said[k], MEAN, c, 0);
    add(p, "volume_rmse", name, "mL", said[k], MEAN, c + 1, 0);
    add(p, "volume_nrmse", name, "1", said[k], MEAN, c + 2, 0);
  }
  add(p, "volume_rmse", "net_over_line", "1", "rmse of the network over that of one line for all", RATIO, net + 1,
      line + 1);
  if (!e->code) breath_figures(p, &v->breath, e);
}

/* ---- what bounds the transpulmonary pressure ---- */

typedef struct chest {      /* of one recording: oesophageal pressure = rest + slope volume, least squares */
  double rest, part, swing; /* cmH2O; slope times compliance; sd of volume over compliance in cmH2O */
} chest;

static chest chest_of(const eit_data *d, long i) {
  int frames = d->l.frames;
  double n = frames, x = 0, y = 0, xx = 0, xy = 0;
  for (int f = 0; f < frames; f++) {
    double v = (double)eit_truth(d, i, f, EIT_T_VOLUME);
    double p = (double)eit_truth(d, i, f, EIT_T_AIRWAY) - (double)eit_truth(d, i, f, EIT_T_TRANSPULMONARY);
    x += v, y += p, xx += v * v, xy += v * p;
  }
  double var = xx / n - x / n * (x / n), slope = var > 0 ? (xy / n - x / n * (y / n)) / var : 0;
  double compliance = (double)d->all[(size_t)i * d->l.row + d->l.about];
  return (chest){y / n - slope * x / n, slope * compliance, sqrt(fmax(0, var)) / compliance};
}

/* Errors of who knows everything of a patient but, of the oesophageal pressure, what it is at rest, or which part of
 * the elastance is the chest wall's: of these the mean over the training patients only. */
static void floors(panel *p, const eit_verdict *v, err *e) {
  const eit_data *d = v->test->t->d;
  int rest = column(p, e), part = column(p, e);
  double mean_rest = 0, mean_part = 0;
  for (long i = 0; i < v->train->patients; i++) {
    chest c = chest_of(d, v->train->patient[i]);
    mean_rest += c.rest / (double)v->train->patients, mean_part += c.part / (double)v->train->patients;
  }
  for (long i = 0; i < p->n && !e->code; i++) {
    chest c = chest_of(d, v->test->patient[i]);
    p->column[rest][i] = fabs(c.rest - mean_rest), p->column[part][i] = fabs(c.part - mean_part) * c.swing;
  }
  add(p, "transpulmonary_rmse", "floor", "cmH2O", "of who knows all but the oesophageal pressure at rest", MEAN, rest,
      0);
  add(p, "transpulmonary_centred", "floor", "cmH2O", "of who knows all but the chest wall's part of the elastance",
      MEAN, part, 0);
}

static void transpulmonary_figures(panel *p, int c, const char *name, int *both) {
  add(p, "transpulmonary_r", name, "1", "correlation, mean over patients", MEAN, c, 0);
  add(p, "transpulmonary_rmse", name, "cmH2O", "of the absolute pressure, mean over patients", MEAN, c + 1, 0);
  add(p, "transpulmonary_centred", name, "cmH2O", "rmse without the offset of each recording", MEAN, c + 3, 0);
  if (*both >= 0) {
    add(p, "transpulmonary_rmse", "gain", "cmH2O", "airway pressure alone minus images with airway pressure, paired",
        DIFFERENCE, c + 1, *both + 1);
    add(p, "transpulmonary_centred", "gain", "cmH2O", "the same without the offset of each recording, paired",
        DIFFERENCE, c + 3, *both + 3);
  }
  *both = c;
}

static void figures_of(panel *p, const eit_verdict *v, pairs *work, err *e) {
  const eit_task *t = v->test->t;
  int both = -1;
  for (int b = 0, at = 0; b < t->branches; b++)
    for (int q = 0; q < t->branch[b].outputs && !e->code; q++, at++) {
      int k = t->branch[b].truth[q], c = columns_of(p, v, k, at, false, work, e);
      const char *name = t->branch[b].name, *unit = eit_normalised(k) ? "sd" : eit_truth_units[k];
      char what[40];
      if (k == EIT_T_TRANSPULMONARY) {
        if (both < 0) floors(p, v, e);
        transpulmonary_figures(p, c, name, &both);
        continue;
      }
      snprintf(what, sizeof what, "%s_r", eit_truth_names[k]);
      add(p, what, name, "1", "correlation with the truth, mean over patients", MEAN, c, 0);
      if (!eit_normalised(k)) {
        snprintf(what, sizeof what, "%s_pooled_r", eit_truth_names[k]);
        add(p, what, name, "1", "correlation over the frames of all patients", POOLED_R, c + 4, 0);
        snprintf(what, sizeof what, "%s_nrmse", eit_truth_names[k]);
        add(p, what, name, "1", "rmse over the 2.5 to 97.5 % range of the truth, mean over patients", MEAN, c + 2, 0);
      }
      snprintf(what, sizeof what, "%s_rmse", eit_truth_names[k]);
      add(p, what, name, unit, "root mean square error, mean over patients", MEAN, c + 1, 0);
      if (k == EIT_T_VOLUME && !t->branch[b].shuffled) volume_figures(p, v, c, work, e);
    }
}

static int put(run *r, const panel *p, long replicates, double level, err *e) {
  if (p->figures > FIGURES) return err_set(e, ERR_RUN, "verdict: %d figures, room for %d", p->figures, FIGURES);
  uint16_t *ones = malloc(sizeof *ones * (size_t)p->n * METRICS_LANES);
  double *rows = malloc(sizeof *rows * (size_t)replicates * (size_t)p->figures);
  metrics_resample draw = {.n = p->n, .replicates = replicates, .seed = run_seed(r)};
  if (!ones || !rows) err_set(e, ERR_RUN, "bootstrap: out of memory");
  for (long i = 0; ones && i < p->n * METRICS_LANES; i++) ones[i] = 1;
  if (!e->code) metrics_bootstrap(&draw, p->figures, statistic, p, rows, e);
  for (int k = 0; k < p->figures && !e->code; k++) {
    const figure *f = &p->figure[k];
    metrics_interval v;
    char what[320];
    double point = value_of(p, f, ones);
    if (metrics_interval_of(replicates, p->figures, rows, k, -1, point, level, METRICS_PERCENTILE, &v, e)) break;
    snprintf(what, sizeof what, "%s; %.0f %% interval %.5g to %.5g, %ld patients", f->text, 100 * level, v.low, v.high,
             p->n);
    run_log(r, "%-32s %10.5g %-6s %.0f %% interval %.5g to %.5g", f->name, point, f->unit, 100 * level, v.low, v.high);
    run_number(r, f->name, f->unit, what, point, v.sd, e);
  }
  free(ones), free(rows);
  return e->code;
}

int eit_judge(run *r, const eit_set *train, const eit_set *test, const nn_real *z, long replicates, double level,
              err *e) {
  size_t T = (size_t)test->t->d->l.frames;
  bool volume = test->t->branches && test->t->branch[0].truth[0] == EIT_T_VOLUME && test->t->branch[0].image;
  eit_verdict v = {.test = test, .train = train, .z = z};
  panel *p = calloc(1, sizeof *p);
  pairs work = {0, malloc(sizeof(double) * 3 * T), NULL, NULL};
  v.own = calloc((size_t)test->patients * 2, sizeof *v.own);
  if (!p || !work.truth || !v.own) {
    err_set(e, ERR_RUN, "verdict: out of memory");
  } else {
    p->n = test->patients, work.guess = work.truth + T, work.work = work.guess + T;
    fit_line(train, 0, train->patients, &v.slope, &v.shift);
    for (long i = 0; i < test->patients; i++) fit_line(test, i, i + 1, &v.own[2 * i], &v.own[2 * i + 1]);
    if (!volume || !find_breaths(&v, e)) figures_of(p, &v, &work, e);
    if (!e->code && !put(r, p, replicates, level, e)) eit_figures(r, &v);
  }
  for (int k = 0; p && k < p->columns; k++) free(p->column[k]);
  for (int k = 0; p && k < p->lists; k++) free(p->list[k]);
  free(p), free(work.truth), free(v.own), free(v.breath.patient), free(v.breath.truth);
  return e->code;
}

/* series_explain_report.c: results and pictures of app series-explain (rank 0; see series_explain.h). */
#include <math.h>
#include <stdlib.h>

#include "apps/series_explain.h"
#include "base/plot.h"

/* NaN: not of a recording that the network finds. */
static double number(const explain *x, long i, size_t k) {
  const double *row = x->rows + (size_t)i * x->row;
  return row[EXPLAIN_PROBABILITY] >= x->c.least ? row[k] : NAN;
}

explain_mean explain_mean_of(const explain *x, size_t k) {
  explain_mean m = {0, 0, NAN, 0};
  double square = 0;
  for (long i = 0; i < x->n; i++) {
    double v = number(x, i, k);
    if (!isfinite(v)) continue;
    m.mean += v, m.n++, m.most = fmax(m.most, v);
  }
  m.mean = m.n ? m.mean / (double)m.n : NAN;
  for (long i = 0; i < x->n; i++) {
    double v = number(x, i, k);
    if (isfinite(v)) square += (v - m.mean) * (v - m.mean);
  }
  m.error = m.n > 1 ? sqrt(square / (double)(m.n - 1) / (double)m.n) : NAN;
  return m;
}

static int put(run *r, const char *what, const char *method, const char *text, double v, double error, err *e) {
  char name[80];
  snprintf(name, sizeof name, "%s%s%s", what, method ? "." : "", method ? method : "");
  if (!isfinite(v)) return 0;
  return run_number(r, name, "1", text, v, error, e);
}

static int put_mean(run *r, const explain *x, const char *what, const char *method, const char *text, size_t k,
                    err *e) {
  explain_mean m = explain_mean_of(x, k);
  return put(r, what, method, text, m.mean, m.error, e);
}

/* How many of the recordings with the class the network finds. */
static int put_found(run *r, const explain *x, err *e) {
  double found = 0, n = (double)x->n;
  for (long i = 0; i < x->n; i++) found += x->rows[(size_t)i * x->row + EXPLAIN_PROBABILITY] >= x->c.least;
  if (!found)
    run_warn(r, "the network finds none of the %ld recordings with %s: no attribution is averaged", x->n, x->c.class);
  return put(r, "found", NULL, "share of the recordings with the class whose probability is explain.least or more",
             found / n, sqrt(found / n * (1 - found / n) / n), e);
}

/* Integrated gradients that attribute.panels did not bring within attribute.tolerance. */
static void warn_incomplete(run *r, const explain *x) {
  size_t k = explain_at(x, SERIES_INTEGRATED) + EXPLAIN_FAULT;
  long over = 0, n = 0;
  for (long i = 0; i < x->n; i++) n += isfinite(number(x, i, k)), over += number(x, i, k) > x->attribute.tolerance;
  if (over)
    run_warn(r,
             "integrated gradients of %ld of %ld recordings are incomplete by more than attribute.tolerance = %g, "
             "at most by %.2g: attribute.panels = %ld do not suffice",
             over, n, x->attribute.tolerance, explain_mean_of(x, k).most, x->attribute.most);
}

static int put_scores(run *r, const explain *x, err *e) {
  warn_incomplete(r, x);
  put_found(r, x, e);
  put_mean(r, x, "probability", NULL, "of the class, mean over the recordings found", EXPLAIN_PROBABILITY, e);
  put_mean(r, x, "inside", "chance", "share of samples where the class shows: what an even attribution has there",
           EXPLAIN_AREA, e);
  put_mean(r, x, "inside", "signal", "of the size of the signal: a method that looks at the input only", EXPLAIN_SIGNAL,
           e);
  for (int m = 0; m < x->methods && !e->code; m++) {
    size_t at = explain_at(x, m);
    put_mean(r, x, "inside", x->name[m], "share of the positive attribution in leads and waves where the class shows",
             at + EXPLAIN_INSIDE, e);
    put_mean(r, x, "rank", x->name[m], "of the K largest attributions, those among the K samples where the class shows",
             at + EXPLAIN_RANK, e);
    put_mean(r, x, "kept", x->name[m],
             "sum of the attribution of the signal over the logit (less that of the baseline)", at + EXPLAIN_KEPT, e);
    put(r, "fault", x->name[m],
        "largest over recordings: of completeness (integrated), of the ledger over what was moved (lrp)",
        explain_mean_of(x, at + EXPLAIN_FAULT).most, NAN, e);
    put_mean(r, x, "randomised", x->name[m], "rank correlation of sizes with those by the network of random layers",
             at + EXPLAIN_RHO, e);
    put_mean(r, x, "randomised_sign", x->name[m], "the same, signs kept", at + EXPLAIN_SIGN, e);
    put_mean(r, x, "randomised_slope", x->name[m], "the same of sizes over those of the signal", at + EXPLAIN_SLOPE, e);
  }
  return e->code;
}

/* Means and errors of `count` numbers of each method from offset k of its scores on. */
static int put_array(run *r, const explain *x, run_array a, size_t k, size_t count, err *e) {
  size_t all = (size_t)x->methods * count;
  double *value = malloc(2 * sizeof *value * all), *error = value + all;
  if (!value) return err_set(e, ERR_RUN, "out of memory");
  for (size_t i = 0; i < all; i++) {
    explain_mean m = explain_mean_of(x, explain_at(x, (int)(i / count)) + k + i % count);
    value[i] = m.mean, error[i] = m.error;
  }
  a.value = value, a.error = error, a.unit = "1", a.dims[0] = (size_t)x->methods, a.axis[0] = "method";
  run_result_array(r, a, e);
  free(value);
  return e->code;
}

static int put_beat(run *r, const explain *x, const double *time, err *e) {
  size_t count = SERIES_LEADS * (size_t)x->beat;
  double *value = malloc(2 * sizeof *value * count), *error = value + count;
  if (!value) return err_set(e, ERR_RUN, "out of memory");
  for (size_t i = 0; i < count; i++) {
    explain_mean m = explain_mean_of(x, EXPLAIN_HEAD + i);
    value[i] = m.mean, error[i] = m.error;
  }
  run_result_array(r,
                   (run_array){.name = "beat",
                               .unit = "mV",
                               .description = "median beat, mean over recordings",
                               .rank = 2,
                               .dims = {SERIES_LEADS, (size_t)x->beat},
                               .axis = {"lead", "time"},
                               .axis_values = {NULL, time},
                               .axis_unit = {NULL, "s"},
                               .value = value,
                               .error = error},
                   e);
  free(value);
  return e->code;
}

/* The mean beat of each lead in the colours of a method's mean attribution. */
static void beat_figure(run *r, const explain *x, int method, const double *time) {
  char title[160], name[80];
  size_t beat = (size_t)x->beat, count = SERIES_LEADS * beat;
  double *v = malloc(2 * sizeof *v * count), *tint = v + count, most = 0;
  snprintf(title, sizeof title, "%s: %s, mean of %ld recordings (%s)", x->c.class, x->name[method],
           explain_mean_of(x, EXPLAIN_PROBABILITY).n, method ? "blue against, red for" : "red: sizes, no sign");
  snprintf(name, sizeof name, "beat-%s.png", x->name[method]);
  for (size_t i = 0; v && i < count; i++) {
    v[i] = explain_mean_of(x, EXPLAIN_HEAD + i).mean;
    tint[i] = explain_mean_of(x, explain_at(x, method) + EXPLAIN_SCORES + i).mean;
    most = fmax(most, fabs(tint[i]));
  }
  for (size_t i = 0; v && i < count; i++) tint[i] /= most;
  plot *p = v ? plot_new(title, 4) : NULL;
  for (size_t l = 0; l < SERIES_LEADS && p; l++) {
    plot_panel(p, ecg_lead_names[l], "time from the R wave (s)", "mV", 0, 0);
    plot_curve(p, NULL, PLOT_TINTED, beat, time, v + l * beat, tint + l * beat);
  }
  run_figure(r, p, name);
  free(v);
}

int explain_report(run *r, const explain *x, err *e) {
  double *time = malloc(sizeof *time * (size_t)x->beat);
  if (!time) return err_set(e, ERR_RUN, "out of memory");
  for (int i = 0; i < x->beat; i++) time[i] = (i - x->before) / x->data.rate;
  put_scores(r, x, e);
  if (!e->code) put_beat(r, x, time, e);
  run_array waves = {.name = "wave",
                     .description = "of the positive attribution, in P, QRS, ST, T and between; methods as in inside.*",
                     .rank = 2,
                     .dims = {0, SERIES_WAVES},
                     .axis = {NULL, "wave"}};
  run_array leads = {.name = "lead",
                     .description = "of the positive attribution, in each lead",
                     .rank = 2,
                     .dims = {0, SERIES_LEADS},
                     .axis = {NULL, "lead"}};
  run_array beats = {.name = "aligned",
                     .description = "mean attribution over beats, in parts of the sum of sizes of a recording",
                     .rank = 3,
                     .dims = {0, SERIES_LEADS, (size_t)x->beat},
                     .axis = {NULL, "lead", "time"},
                     .axis_values = {NULL, NULL, time},
                     .axis_unit = {NULL, NULL, "s"}};
  if (!e->code) put_array(r, x, waves, EXPLAIN_WAVE, SERIES_WAVES, e);
  if (!e->code) put_array(r, x, leads, EXPLAIN_LEAD, SERIES_LEADS, e);
  if (!e->code) put_array(r, x, beats, EXPLAIN_SCORES, SERIES_LEADS * (size_t)x->beat, e);
  for (int m = 0; m < x->methods && !e->code; m++) beat_figure(r, x, m, time);
  free(time);
  return e->code;
}

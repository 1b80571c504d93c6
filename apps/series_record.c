/* series_record.c: see series_record.h. */
#include "apps/series_record.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apps/series_simulated.h"
#include "signals/recording.h"
#include "signals/resample.h"

enum { LEAST_RATE = 50 }; /* Hz: below, QRS complexes are not to be seen */
const deck_key series_record_keys[] = {
    {"begin", DECK_REAL, offsetof(series_record_conf, begin), "0", 0, 1e9, .unit = "s",
     .help = "of the part looked at"},
    {"seconds", DECK_REAL, offsetof(series_record_conf, seconds), "10", 0, 1e5, .unit = "s",
     .help = "its length; 0: to the end"},
    {"transfer", DECK_WORD, offsetof(series_record_conf, transfer), "resample", .words = "resample|tell",
     .help = "another sampling rate than the network's: resample, or tell its state spaces"},
    {0}};

typedef struct file_conf {
  const char *path, *dataset;
  double rate, age;
  long item;
  int sex;
} file_conf;
static const deck_key file_keys[] = {
    {"path", DECK_TEXT, offsetof(file_conf, path), .help = ".hea, .edf, .bdf, .csv, .npy, .h5"},
    {"dataset", DECK_TEXT, offsetof(file_conf, dataset), "~", .help = "of an HDF5 file; ~: /signals"},
    {"item", DECK_INT, offsetof(file_conf, item), "0", 0, 1e9, .help = "of an array of recordings"},
    {"rate", DECK_REAL, offsetof(file_conf, rate), "0", 0, 1e6, .unit = "Hz", .help = "of files that do not tell"},
    {"age", DECK_REAL, offsetof(file_conf, age), "~", 0, 150, .unit = "years", .help = "~: not known"},
    {"sex", DECK_WORD, offsetof(file_conf, sex), "~", .words = "male|female", .help = "~: not known"},
    {0}};

static void note(series_record *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(series_record *s, const char *fmt, ...) {
  size_t n = strlen(s->note);
  va_list a;
  if (n) n += (size_t)snprintf(s->note + n, sizeof s->note - n, "; ");
  va_start(a, fmt);
  if (n < sizeof s->note) vsnprintf(s->note + n, sizeof s->note - n, fmt, a);
  va_end(a);
}

/* Which lead of the file is lead k: -1 where it follows from I and II. */
static int find_leads(series_record *s, const recording *r, int which[SERIES_LEADS], err *e) {
  int known = 0;
  char missing[100] = "", has[200] = "";
  for (int k = 0; k < SERIES_LEADS; k++) known += (which[k] = recording_find(r, ecg_lead_names[k])) >= 0;
  if (!known && r->leads == SERIES_LEADS) {
    for (int k = 0; k < SERIES_LEADS; k++) which[k] = k;
    note(s, "leads without names of an ECG are taken as I, II, III, AVR, AVL, AVF, V1 ... V6");
    return 0;
  }
  bool limbs = which[0] >= 0 && which[1] >= 0;
  for (int k = 0; k < SERIES_LEADS; k++)
    if (which[k] < 0 && !(limbs && k < 6)) strcat(strcat(missing, *missing ? ", " : ""), ecg_lead_names[k]);
  for (int k = 0; k < r->leads && strlen(has) < 150; k++)
    snprintf(has + strlen(has), sizeof has - strlen(has), "%s%.16s", k ? ", " : "", r->lead[k].name);
  if (!*missing) return 0;
  return err_set(e, ERR_FILE, "%s: the network sees twelve leads, %s missing (the file has %s)", r->path, missing, has);
}

/* mV per unit; 0: unknown. */
static double millivolts(const char *unit) {
  static const struct {
    const char *name;
    double v;
  } units[] = {{"mV", 1}, {"uV", 1e-3}, {"\302\265V", 1e-3}, {"\316\274V", 1e-3}, {"V", 1e3}, {"nV", 1e-6}};
  for (size_t k = 0; k < sizeof units / sizeof *units; k++)
    if (!strcasecmp(unit, units[k].name)) return units[k].v;
  return 0;
}

/* Lead k of the result from lead `from` of the file: the part asked for, in mV, at s->rate. */
static int read_lead(series_record *s, recording *r, int k, int from, const series_record_conf *c, long *lost, err *e) {
  const signals_lead *l = &r->lead[from];
  int64_t first = (int64_t)llrint(c->begin * l->rate), left = l->samples - first;
  long n = c->seconds > 0 ? lrint(c->seconds * l->rate) : (long)left;
  double scale = millivolts(l->unit), *x = malloc(sizeof *x * (size_t)(n > 0 ? n : 1));
  if (!x) return err_set(e, ERR_RUN, "%s: out of memory", r->path);
  if (n > left && !c->begin) n = (long)left;
  if (n < 1 || n > left) {
    err_set(e, ERR_FILE, "%s: %g to %g s of it are asked for, it has %g s", r->path, c->begin, c->begin + c->seconds,
            (double)l->samples / l->rate);
  } else if (!recording_read(r, from, first, n, x, e)) {
    for (long i = 0; i < n; i++) {
      *lost += isnan(x[i]);
      x[i] = isnan(x[i]) ? 0 : x[i] * (scale > 0 ? scale : 1);
    }
    long m = signals_resampled(n, l->rate, s->rate);
    if (!s->x) s->samples = m, s->x = calloc((size_t)m * SERIES_LEADS, sizeof *s->x);
    if (!s->x) err_set(e, ERR_RUN, "%s: out of memory", r->path);
    if (!e->code && m != s->samples)
      err_set(e, ERR_FILE, "%s: lead %s has another length than lead %s", r->path, l->name, r->lead[0].name);
    if (!e->code) signals_resample(n, l->rate, x, s->rate, s->x + k * s->samples);
  }
  free(x);
  return e->code;
}

static void derive(series_record *s, const int which[SERIES_LEADS]) {
  static const double of[4][2] = {{-1, 1}, {-.5, -.5}, {1, -.5}, {-.5, 1}}; /* III, AVR, AVL, AVF */
  for (int k = 2; k < 6; k++)
    for (long i = 0; i < s->samples && which[k] < 0; i++)
      s->x[k * s->samples + i] = of[k - 2][0] * s->x[i] + of[k - 2][1] * s->x[s->samples + i];
}

static int read_all(series_record *s, recording *r, const series_record_conf *c, const series_model *m, err *e) {
  int which[SERIES_LEADS];
  long lost = 0;
  bool unknown = false;
  if (find_leads(s, r, which, e)) return e->code;
  double rate = r->lead[which[0]].rate;
  if (rate < LEAST_RATE)
    return err_set(
        e, ERR_FILE,
        "%s: %g samples per second, an ECG has %d at least (a file that does not tell counts as 1: record.rate)",
        r->path, rate, LEAST_RATE);
  s->rate = c->transfer == SERIES_TELL ? rate : m->rate;
  for (int k = 0; k < SERIES_LEADS && !e->code; k++) {
    if (which[k] < 0) continue;
    read_lead(s, r, k, which[k], c, &lost, e), unknown |= !millivolts(r->lead[which[k]].unit);
  }
  if (e->code) return e->code;
  derive(s, which);
  if (s->rate != rate) note(s, "resampled from %g to %g Hz", rate, s->rate);
  if (unknown) note(s, "units that are not told are taken as mV");
  if (lost) note(s, "%ld samples were not recorded and count as 0 mV", lost);
  return 0;
}

typedef struct source {
  deck_kind kind; /* first member */
  int (*open)(series_record *s, const deck *d, const series_record_conf *c, const series_model *m, err *e);
} source;

static int open_file(series_record *s, const deck *d, const series_record_conf *c, const series_model *m, err *e) {
  file_conf f;
  recording *r = NULL;
  deck_get(d, "record", file_keys, &f);
  recording_options o = {f.rate, f.item, f.dataset};
  s->age = f.age, s->sex = f.sex < 0 ? NAN : f.sex;
  if (!recording_open(&r, f.path, &o, e)) read_all(s, r, c, m, e);
  recording_close(r);
  return e->code;
}

/* ---- a simulated patient of the model's own data ---- */
typedef struct patient_conf {
  long index;
  double rate;
} patient_conf;
static const deck_key patient_keys[] = {
    {"index", DECK_INT, offsetof(patient_conf, index), "9", 0, 1e15,
     .help = "number of the recording; 9, 19, 29 ... are of fold 10"},
    {"rate", DECK_REAL, offsetof(patient_conf, rate), "0", 0, 1e4, .unit = "Hz", .help = "0: the network's"},
    {0}};

static int open_patient(series_record *s, const deck *d, const series_record_conf *c, const series_model *m, err *e) {
  patient_conf p;
  series_sim q;
  ecg_record *r = NULL;
  unsigned char *label = malloc((size_t)ecg_class_count());
  double *oracle = malloc(sizeof *oracle * (size_t)ecg_class_count());
  deck_get(d, "record", patient_keys, &p);
  if (!label || !oracle) err_set(e, ERR_RUN, "out of memory");
  if (e->code || series_sim_of(&q, m->past.deck, m->seed, e)) goto end;
  if (p.rate > 0) q.c.rate = p.rate;
  if (ecg_record_new(&r, &q.c, e)) goto end;
  series_sim_draw(&q, (uint64_t)p.index, r, label, oracle);
  long first = lrint(c->begin * q.c.rate), n = c->seconds > 0 ? lrint(c->seconds * q.c.rate) : r->samples - first;
  if (n > r->samples && !first) n = r->samples;
  if (n < 1 || first + n > r->samples) {
    err_set(e, ERR_DECK, "record: %g to %g s of it are asked for, it has %g s", c->begin, c->begin + c->seconds,
            q.c.seconds);
    goto end;
  }
  s->rate = c->transfer == SERIES_TELL ? q.c.rate : m->rate;
  s->samples = signals_resampled(n, q.c.rate, s->rate);
  if (!(s->x = malloc(sizeof *s->x * (size_t)s->samples * SERIES_LEADS))) err_set(e, ERR_RUN, "out of memory");
  for (int l = 0; l < SERIES_LEADS && s->x; l++)
    signals_resample(n, q.c.rate, r->signal + l * r->samples + first, s->rate, s->x + l * s->samples);
  s->age = r->age, s->sex = r->sex;
  for (int k = 0; k < series_sim_classes(&q); k++)
    if (label[k]) note(s, "%s%s", *s->note ? "" : "labels ", series_sim_class(&q, k));
end:
  ecg_record_free(r);
  free(label), free(oracle);
  return e->code;
}

static const source from_file = {{"file", "a recording of any format that is read", file_keys}, open_file};
static const source from_patient = {{"simulated", "a patient of the model's simulated data", patient_keys},
                                    open_patient};
const deck_kind *const series_record_kinds[] = {&from_file.kind, &from_patient.kind, NULL};

int series_record_open(series_record *s, const deck *d, const series_model *m, err *e) {
  series_record_conf c;
  *s = (series_record){.age = NAN, .sex = NAN};
  deck_get(d, "record", series_record_keys, &c);
  return ((const source *)deck_kind_of(d, "record"))->open(s, d, &c, m, e);
}

void series_record_close(series_record *s) {
  free(s->x);
}

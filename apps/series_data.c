/* series_data.c: recordings in memory, those of PTB-XL, and windows of them (see series.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/series.h"
#include "signals/ptbxl.h"

int series_room(series_data *s, bool oracle, double memory, err *e) {
  size_t n = (size_t)s->n, k = (size_t)s->classes, all = n * (size_t)s->samples * (size_t)s->leads;
  double bytes = (double)all * sizeof(nn_real) + (double)(n * k) * (oracle ? 9 : 1);
  if (bytes > memory)
    return err_set(e, ERR_RUN, "%ld recordings take %.2f GB, a rank may use %.2f (run.memory_GB): fewer data.records",
                   s->n, 1e-9 * bytes, 1e-9 * memory);
  s->signal = malloc(all * sizeof *s->signal + 1), s->label = calloc(n * k + 1, 1);
  s->oracle = oracle ? calloc(n * k + 1, sizeof *s->oracle) : NULL;
  s->person = calloc(n * SERIES_PERSON + 1, sizeof *s->person);
  s->fold = calloc(n + 1, sizeof *s->fold), s->name = calloc(k + 1, sizeof *s->name);
  bool bad = !s->signal || !s->person || !s->label || !s->fold || !s->name || (oracle && !s->oracle);
  return bad ? err_set(e, ERR_RUN, "%ld recordings (%.1f GB): out of memory", s->n,
                       1e-9 * (double)all * sizeof(nn_real))
             : 0;
}

void series_close(series_data *s) {
  for (int c = 0; s->name && c < s->classes; c++) free(s->name[c]);
  free(s->signal), free(s->label), free(s->oracle), free(s->fold), free(s->name), free(s->person);
}

int series_keep(series_data *s, const char *name, err *e) {
  int k = 0, K = s->classes;
  while (k < K && strcmp(s->name[k], name)) k++;
  if (k == K) return err_set(e, ERR_DECK, "data.only: no class %s among %s ... %s", name, s->name[0], s->name[K - 1]);
  for (long i = 0; i < s->n; i++) {
    s->label[i] = s->label[i * K + k];
    if (s->oracle) s->oracle[i] = s->oracle[i * K + k];
  }
  for (int c = 0; c < K; c++)
    if (c != k) free(s->name[c]);
  s->name[0] = s->name[k], s->classes = 1;
  return 0;
}

void series_turn_folds(series_data *s, int test) {
  for (long i = 0; i < s->n; i++) s->fold[i] = (s->fold[i] - test + 9) % 10 + 1;
}

void series_put_lead(series_data *s, long i, int lead, const double *x) {
  nn_real *to = s->signal + (size_t)i * s->samples * s->leads + lead;
  for (long t = 0; t < s->samples; t++) to[t * s->leads] = isnan(x[t]) ? 0 : (nn_real)x[t];
}

void series_put_person(series_data *s, long i, double age, double sex) {
  s->person[i * SERIES_PERSON] = isnan(age) ? 0 : (nn_real)((age - 60) / 20);
  s->person[i * SERIES_PERSON + 1] = isnan(sex) ? 0 : (nn_real)sex;
}

/* ---- PTB-XL ---- */
typedef struct ptbxl_conf {
  const char *path;
  int task;
  bool high;
} ptbxl_conf;
static const deck_key ptbxl_keys[] = {
    {"path", DECK_TEXT, offsetof(ptbxl_conf, path), .help = "folder that holds ptbxl_database.csv"},
    {"task", DECK_WORD, offsetof(ptbxl_conf, task), "all", .words = "all|diag|subdiag|superdiag|form|rhythm",
     .help = "which statements are the classes"},
    {"high", DECK_BOOL, offsetof(ptbxl_conf, high), "false", .help = "500 Hz in place of 100 Hz"},
    {0},
};

static int read_ptbxl(series_data *s, const ptbxl *p, const ptbxl_labels *l, bool high, long i, double *x, err *e) {
  recording *r = NULL;
  if (ptbxl_ecg(p, l->record[i], high, &r, e)) return e->code;
  if (r->leads < s->leads) err_set(e, ERR_FILE, "%s: %d leads, needs %d", r->path, r->leads, s->leads);
  for (int k = 0; k < s->leads && !e->code; k++)
    if (!recording_read(r, k, 0, s->samples, x, e)) series_put_lead(s, i, k, x);
  recording_close(r);
  return e->code;
}

static int open_ptbxl(series_data *s, const deck *d, long most, uint32_t seed, double memory, bool dry, err *e) {
  ptbxl_conf c;
  ptbxl *p = NULL;
  ptbxl_labels *l = NULL;
  deck_get(d, "data", ptbxl_keys, &c);
  *s = (series_data){.samples = c.high ? 5000 : 1000, .leads = SERIES_LEADS, .rate = c.high ? 500 : 100};
  double *x = malloc(sizeof *x * s->samples);
  if (!x) return err_set(e, ERR_RUN, "out of memory");
  if (ptbxl_open(&p, c.path, e) || ptbxl_labels_new(&l, p, ptbxl_tasks[c.task], e)) goto end;
  s->n = most && most < l->n ? most : l->n, s->classes = l->k;
  if (series_room(s, false, memory, e)) goto end;
  for (int k = 0; k < s->classes; k++) s->name[k] = strdup(l->name[k]);
  memcpy(s->label, l->label, (size_t)s->n * s->classes);
  for (long i = 0; i < s->n && !e->code; i++) {
    const ptbxl_record *r = &p->record[l->record[i]];
    s->fold[i] = r->fold;
    series_put_person(s, i, r->age, r->sex);
    if (!i || !dry) read_ptbxl(s, p, l, c.high, i, x, e);
  }
end:
  ptbxl_labels_free(l), ptbxl_close(p), free(x);
  return e->code;
}

const series_source series_measured = {{"ptbxl", "PTB-XL, 12-lead ECGs with statements", ptbxl_keys}, open_ptbxl};
const deck_kind *const series_sources[] = {&series_simulated.kind, &series_planted.kind, &series_measured.kind, NULL};

void series_scale(series_data *s) {
  for (long k = 0; k < s->n * s->samples * s->leads; k++) {
    int l = (int)(k % s->leads);
    s->signal[k] = (nn_real)(((double)s->signal[k] - s->mean[l]) / s->sd[l]);
  }
}

void series_standardise(series_data *s) {
  for (int l = 0; l < s->leads; l++) {
    double count = 0, mean = 0, square = 0;
    for (int pass = 0; pass < 2; pass++) {
      count = 0;
      double sum = 0;
      for (long i = 0; i < s->n; i++)
        for (long t = 0; t < s->samples && s->fold[i] <= 8; t++, count++) {
          double x = (double)s->signal[(i * s->samples + t) * s->leads + l] - mean;
          sum += pass ? x * x : x;
        }
      if (pass)
        square = count > 0 ? sum / count : 0;
      else
        mean = count > 0 ? sum / count : 0;
    }
    s->mean[l] = mean, s->sd[l] = square > 0 ? sqrt(square) : 1;
  }
  series_scale(s);
}

/* ---- windows ---- */
/* Filter: a sinc of half the Nyquist frequency under a window of Hann. */
void series_halve(series_windows *w, bool filtered) {
  w->every = 2, w->taps = filtered ? SERIES_TAPS : 1, w->tap[0] = 1;
  for (int k = 1; k < w->taps; k++) {
    double at = M_PI * k / 2;
    w->tap[k] = sin(at) / at * (.5 + .5 * cos(M_PI * k / SERIES_TAPS));
  }
}

static double halved(const series_windows *w, const nn_real *x, long t, int lead) {
  const series_data *s = w->s;
  double sum = 0, norm = 0;
  for (int k = 1 - w->taps; k < w->taps; k++) {
    if (t + k < 0 || t + k >= s->samples) continue;
    sum += w->tap[abs(k)] * (double)x[(t + k) * s->leads + lead], norm += w->tap[abs(k)];
  }
  return sum / norm;
}

static void put_window(const series_windows *w, long record, long from, int lane, const nn_lanes *to) {
  int leads = w->s->leads;
  const nn_real *x = w->s->signal + (size_t)record * w->s->samples * leads;
  for (long t = 0; t < w->length / w->every; t++)
    for (int l = 0; l < leads; l++) {
      long at = from + t * w->every;
      to->x[0][(t * leads + l) * to->lanes + lane] = w->every == 1 ? x[at * leads + l] : (nn_real)halved(w, x, at, l);
    }
}

static int fetch(void *ctx, int n, const long *index, const nn_lanes *to, err *e) {
  const series_windows *w = ctx;
  int K = w->s->classes;
  for (int i = 0; i < n; i++) {
    long record = w->record[index[i] / w->each];
    put_window(w, record, index[i] % w->each * w->stride, i, to);
    for (int k = 0; k < SERIES_PERSON && w->person; k++)
      to->x[1][k * to->lanes + i] = w->s->person[record * SERIES_PERSON + k];
    for (int k = 0; k < K && to->target; k++) to->target[k * to->lanes + i] = w->s->label[record * K + k];
  }
  return 0;
}

static void move_window(void *ctx, long index, int lane, rng r, uint32_t pass, const nn_lanes *to) {
  const series_windows *w = ctx;
  long room = w->s->samples - w->length + 1;
  put_window(w, w->record[index], (long)(rng_uniform(r, (uint64_t)index, pass, 0) * (double)room), lane, to);
}

int series_windows_new(series_windows *w, const series_data *s, int from_fold, int to_fold, long length, bool person,
                       bool train, err *e) {
  bool whole = !length || length >= s->samples;
  *w = (series_windows){.s = s, .length = whole ? s->samples : length, .each = 1, .every = 1, .person = person};
  if (!whole && !train) { /* windows that overlap by half, as many as fit */
    w->stride = (length + 1) / 2;
    w->each = (int)((s->samples - length) / w->stride) + 1;
  }
  w->record = malloc(sizeof *w->record * (size_t)(s->n + 1));
  if (!w->record) return err_set(e, ERR_RUN, "out of memory");
  for (long i = 0; i < s->n; i++)
    if (s->fold[i] >= from_fold && s->fold[i] <= to_fold) w->record[w->records++] = i;
  if (!w->records)
    return err_set(e, ERR_DECK, "no recordings in folds %d to %d: data.records is too small", from_fold, to_fold);
  w->set = (nn_dataset){w, w->records * w->each, false, fetch, train && !whole ? move_window : NULL};
  return 0;
}

void series_windows_free(series_windows *w) {
  free(w->record);
}

void series_scores(const series_windows *w, const nn_real *z, double *score, unsigned char *label) {
  int K = w->s->classes;
  for (long i = 0; i < w->records; i++)
    for (int k = 0; k < K; k++) {
      double sum = 0, most = 0;
      for (int q = 0; q < w->each; q++) {
        double p = 1 / (1 + exp(-(double)z[(i * w->each + q) * K + k]));
        sum += p, most = fmax(most, p);
      }
      score[i * K + k] = w->max ? most : sum / w->each;
      if (label) label[i * K + k] = w->s->label[w->record[i] * K + k];
    }
}

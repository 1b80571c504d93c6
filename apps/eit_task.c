/* eit_task.c: what networks see and answer (see eit.h). A frame is the image of what moves, over its standard
 * deviation, and the image of what the patient is like, minus the mean patient's, over its own. */
#include <math.h>
#include <stdlib.h>

#include "apps/eit.h"

bool eit_normalised(int truth) {
  return truth == EIT_T_AIRWAY || truth == EIT_T_ARTERIAL;
}

/* 0 test, 1 validation, else training. */
static int part_of(const eit_task_conf *c, long i) {
  return (int)((i + c->folds - c->fold) % c->folds);
}

/* What a network tells of truth k: of the transpulmonary pressure only what it is not given, minus the oesophageal
 * pressure. */
static double told(const eit_data *d, long i, int frame, int k) {
  double x = (double)eit_truth(d, i, frame, k);
  return k == EIT_T_TRANSPULMONARY ? x - (double)eit_truth(d, i, frame, EIT_T_AIRWAY) : x;
}

/* ---- scales ---- */

static void scale_images(eit_task *t) {
  const eit_layout *l = &t->d->l;
  double sum = 0, count = 0;
  for (long i = 0; i < t->d->n; i++) {
    const float *x = eit_images(t->d, i);
    if (part_of(&t->c, i) < 2) continue;
    for (size_t k = 0; k < l->rest; k++) sum += (double)x[k] * (double)x[k];
    count += (double)l->rest;
  }
  t->image_sd = sum > 0 ? sqrt(sum / count) : 1;
}

/* Blocks that hold a pixel, row by row. */
static void find_blocks(eit_task *t) {
  int side = (int)t->c.block, size = t->d->l.size, wide = (size + side - 1) / side;
  for (int k = 0; k < wide * wide; k++) {
    int found = 0;
    for (int p = 0; p < t->d->l.pixels; p++) {
      int place = t->d->place[p];
      if (place / size / side * wide + place % size / side == k) t->block[p] = t->blocks, found = 1;
    }
    t->blocks += found;
  }
}

static void block_means(eit_task *t, long i) {
  const float *from = eit_images(t->d, i) + t->d->l.rest;
  float *to = t->rest + (size_t)i * t->blocks;
  for (int k = 0; k < t->blocks; k++) {
    double sum = 0, n = 0;
    for (int p = 0; p < t->d->l.pixels; p++)
      if (t->block[p] == k) sum += (double)from[p], n++;
    to[k] = (float)(sum / n);
  }
}

static void scale_rest(eit_task *t) {
  double square = 0, n = 0;
  for (int k = 0; k < t->blocks; k++) {
    double mean = 0;
    n = 0;
    for (long i = 0; i < t->d->n; i++)
      if (part_of(&t->c, i) >= 2) mean += (double)t->rest[i * t->blocks + k], n++;
    for (long i = 0; i < t->d->n; i++) {
      float *x = &t->rest[i * t->blocks + k];
      *x -= n > 0 ? (float)(mean / n) : 0;
      if (part_of(&t->c, i) >= 2) square += (double)*x * (double)*x;
    }
  }
  float per = square > 0 ? (float)sqrt(n * t->blocks / square) : 1;
  for (long k = 0; k < t->d->n * t->blocks; k++) t->rest[k] *= per;
}

static double sd_of(double n, double sum, double square) {
  double v = square / n - sum / n * (sum / n);
  return v > 0 ? sqrt(v) : 1;
}

static void scale_truths(eit_task *t) {
  int frames = t->d->l.frames;
  for (int k = 0; k < EIT_TRUTHS; k++) {
    double all = 0, all2 = 0, n = 0;
    for (long i = 0; i < t->d->n; i++) {
      double sum = 0, square = 0, *own = t->own + (i * EIT_TRUTHS + k) * 2;
      for (int f = 0; f < frames; f++) {
        double x = told(t->d, i, f, k);
        sum += x, square += x * x;
      }
      own[0] = sum / frames, own[1] = sd_of(frames, sum, square);
      if (part_of(&t->c, i) >= 2) all += sum, all2 += square, n += frames;
    }
    t->mean[k] = n > 0 ? all / n : 0, t->sd[k] = n > 0 ? sd_of(n, all, all2) : 1;
  }
}

/* ---- branches ---- */

static void add_branch(eit_task *t, eit_branch b) {
  for (int k = 0; k < EIT_TRUTHS; k++) b.outputs += b.truth[k];
  int at = 0, pixels = t->c.square ? t->d->l.size * t->d->l.size : t->d->l.pixels;
  for (int k = 0; k < EIT_TRUTHS; k++)
    if (b.truth[k]) b.truth[at++] = k;
  if (!b.outputs) return;
  b.channels = (!b.image      ? 0
                : t->c.square ? 2 * pixels
                              : pixels + t->blocks) +
               (b.airway ? (b.image && t->c.square ? pixels : 1) : 0);
  t->branch[t->branches++] = b;
  t->outputs += b.outputs;
}

int eit_task_new(eit_task *t, const eit_data *d, const eit_task_conf *c, err *e) {
  *t = (eit_task){.d = d, .c = *c};
  t->block = calloc((size_t)d->l.pixels, sizeof *t->block);
  t->rest = calloc((size_t)d->n * (size_t)d->l.pixels, sizeof *t->rest);
  t->own = calloc((size_t)d->n * EIT_TRUTHS * 2, sizeof *t->own);
  if (!t->block || !t->rest || !t->own) return err_set(e, ERR_RUN, "scales: out of memory");
  if (c->rest) find_blocks(t);
  for (long i = 0; i < d->n; i++) block_means(t, i);
  eit_branch seen = {.name = "net", .image = true};
  for (int k = 0; k < EIT_TRUTHS; k++) seen.truth[k] = k != EIT_T_TRANSPULMONARY && c->truth[k];
  add_branch(t, seen);
  if (c->truth[EIT_T_TRANSPULMONARY]) {
    add_branch(t, (eit_branch){.name = "net", .image = true, .airway = true, .truth = {[EIT_T_TRANSPULMONARY] = 1}});
    add_branch(t, (eit_branch){.name = "airway", .airway = true, .truth = {[EIT_T_TRANSPULMONARY] = 1}});
  }
  if (c->shuffled)
    add_branch(t, (eit_branch){.name = "shuffled", .image = true, .shuffled = true, .truth = {[EIT_T_VOLUME] = 1}});
  scale_images(t), scale_rest(t), scale_truths(t);
  return 0;
}

void eit_task_free(eit_task *t) {
  free(t->block), free(t->rest), free(t->own);
}

void eit_nets(const eit_task *t, int frames, nn_net_task *net) {
  int size = t->d->l.size;
  for (int k = 0; k < t->branches; k++) {
    const eit_branch *b = &t->branch[k];
    bool square = t->c.square && b->image;
    net[k] = (nn_net_task){.sequence = true, .outputs = b->outputs};
    if (b->airway && !square) net[k].beside = 1;
    net[k].in = square ? (nn_shape){{frames, size, size}, b->channels / (size * size)}
                       : (nn_shape){{frames, 1, 1}, b->channels};
  }
}

/* ---- numbers ---- */

double eit_wanted(const eit_task *t, long i, int frame, int k) {
  if (frame < t->c.lag) return NAN;
  double x = told(t->d, i, frame - (int)t->c.lag, k);
  const double *own = t->own + (i * EIT_TRUTHS + k) * 2;
  return eit_normalised(k) ? (x - own[0]) / own[1] : (x - t->mean[k]) / t->sd[k];
}

double eit_value(const eit_task *t, long i, int frame, int k, double z) {
  if (frame < t->c.lag) return NAN;
  double given = k == EIT_T_TRANSPULMONARY ? (double)eit_truth(t->d, i, frame - (int)t->c.lag, EIT_T_AIRWAY) : 0;
  return eit_normalised(k) ? z : t->mean[k] + t->sd[k] * z + given;
}

void eit_input(const eit_task *t, const eit_branch *b, long i, int frame, nn_real *x, size_t step) {
  const eit_layout *l = &t->d->l;
  const float *image = eit_images(t->d, i) + (size_t)frame * l->pixels, *rest = t->rest + (size_t)i * t->blocks;
  float per = (float)(1 / t->image_sd);
  nn_real air = (nn_real)((eit_truth(t->d, i, frame, EIT_T_AIRWAY) - t->mean[EIT_T_AIRWAY]) / t->sd[EIT_T_AIRWAY]);
  if (b->image && t->c.square) {
    int cells = l->size * l->size, each = b->channels / cells;
    for (int k = 0; k < cells; k++) {
      for (int q = 0; q < 2; q++) x[((size_t)k * each + q) * step] = 0;
      if (b->airway) x[((size_t)k * each + 2) * step] = air;
    }
    for (int p = 0; p < l->pixels; p++) {
      size_t at = (size_t)t->d->place[p] * each;
      x[at * step] = (nn_real)(image[p] * per), x[(at + 1) * step] = t->blocks ? (nn_real)rest[t->block[p]] : 0;
    }
    return;
  }
  for (int p = 0; p < l->pixels && b->image; p++, x += step) *x = (nn_real)(image[p] * per);
  for (int k = 0; k < t->blocks && b->image; k++, x += step) *x = (nn_real)rest[k];
  if (b->airway) *x = air;
}

/* ---- windows ---- */

static void put_window(const eit_set *s, long index, int from, int lane, const nn_lanes *to) {
  const eit_task *t = s->t;
  size_t S = (size_t)to->lanes;
  long who = s->patient[index], other = s->patient[(index + s->patients / 2) % s->patients];
  for (int f = 0; f < s->frames; f++) {
    size_t at = 0;
    for (int k = 0; k < t->branches; k++) {
      const eit_branch *b = &t->branch[k];
      eit_input(t, b, who, from + f, to->x[k] + (size_t)f * b->channels * S + lane, S);
      for (int q = 0; q < b->outputs && to->target; q++, at++)
        to->target[((size_t)f * t->outputs + at) * S + lane] =
            (nn_real)eit_wanted(t, b->shuffled ? other : who, from + f, b->truth[q]);
    }
  }
}

static int fetch(void *ctx, int n, const long *index, const nn_lanes *to, err *e) {
  for (int i = 0; i < n; i++) put_window(ctx, index[i], 0, i, to);
  return 0;
}
static int fetch_nothing(void *ctx, int n, const long *index, const nn_lanes *to, err *e) {
  return 0;
}
static void move_window(void *ctx, long index, int lane, rng r, uint32_t pass, const nn_lanes *to) {
  const eit_set *s = ctx;
  int room = s->t->d->l.frames - s->frames + 1;
  put_window(s, index, (int)(rng_uniform(r, (uint64_t)index, pass, 0) * room), lane, to);
}

int eit_set_new(eit_set *s, const eit_task *t, int first, int last, int frames, bool train, err *e) {
  int whole = t->d->l.frames;
  *s = (eit_set){.t = t, .frames = frames && frames < whole ? frames : whole};
  s->patient = calloc((size_t)t->d->n + 1, sizeof *s->patient);
  if (!s->patient) return err_set(e, ERR_RUN, "patients: out of memory");
  for (long i = 0; i < t->d->n; i++)
    if (part_of(&t->c, i) >= first && part_of(&t->c, i) <= last) s->patient[s->patients++] = i;
  if (!s->patients) return err_set(e, ERR_DECK, "no patients in a fold: fewer than task.folds = %ld", t->c.folds);
  bool moves = train && s->frames < whole; /* then the window is written once its place is known */
  s->set = (nn_dataset){s, s->patients, false, moves ? fetch_nothing : fetch, moves ? move_window : NULL};
  return 0;
}

void eit_set_free(eit_set *s) {
  free(s->patient);
}

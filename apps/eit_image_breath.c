/* eit_image_breath.c: breathing_run: a recording -> frames and their reference -> images, dealt over ranks -> indices.
 *
 *   y = (v - v_ref)/v_ref,   x = - B y (frames, pixels),   global = mean of x over the body
 *
 * Errors of indices: jackknife over breaths. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/jackknife.h"
#include "apps/eit_image.h"

const deck_key recording_keys[] = {
    {"path", DECK_TEXT, offsetof(recording_conf, path), NULL, .help = "the file"},
    {"format", DECK_TEXT, offsetof(recording_conf, format), "~",
     .help = "get, draeger-get, draeger-eit, draeger-bin, sheffield, csv, ktc, rpi; ~: as the file looks"},
    {"rate", DECK_REAL, offsetof(recording_conf, rate), "~", 1e-3, 1e5, .unit = "Hz",
     .help = "frames per second, in place of what the file says"},
    {0},
};
enum { MEAN, EXPIRATION, FRAME };
const deck_key frames_keys[] = {
    {"first", DECK_INT, offsetof(frames_conf, first), "0", 0, 1e9, .help = "of the recording, from 0"},
    {"count", DECK_INT, offsetof(frames_conf, count), "0", 0, 1e9, .help = "0: all that follow"},
    {"reference", DECK_WORD, offsetof(frames_conf, reference), "mean", .words = "mean|expiration|frame",
     .help = "what changes refer to: mean of these frames, mean of the ends of expiration, one frame"},
    {"at", DECK_INT, offsetof(frames_conf, at), "0", 0, 1e9, .help = "that frame, counted from `first`"},
    {0},
};
const deck_key breath_keys[] = {
    {"swing", DECK_REAL, offsetof(breath_conf, swing), "0.3", 0.01, 1,
     .help = "least height of a breath, part of the 5 to 95 % range of the global signal"},
    {"lung", DECK_REAL, offsetof(breath_conf, lung), "0.15", 0.01, 0.9,
     .help = "lung: pixels with at least this part of the largest tidal variation"},
    {"low", DECK_REAL, offsetof(breath_conf, low), "0.1", 0, 100, .unit = "Hz", .help = "slowest breathing looked for"},
    {"high", DECK_REAL, offsetof(breath_conf, high), "3", 0.01, 1000, .unit = "Hz", .help = "fastest"},
    {0},
};

enum { BLOCK = 8, ROUND = 16 }; /* frames that are worked on together, blocks between two ticks */

typedef struct recording {
  eit_record *rec;
  int first, frames;
  double rate, *ref; /* Hz; (ndata) */
} recording;

static const double *frame_of(const recording *s, int t) {
  return s->rec->data + (long)(s->first + t) * s->rec->ndata;
}

/* Mean over data of the relative change, or of the change where the recording holds images: (frames). */
static void rough_signal(const recording *s, const double *mean, double *x) {
  int M = s->rec->ndata;
  for (int t = 0; t < s->frames; t++) {
    x[t] = 0;
    for (int d = 0; d < M; d++)
      if (s->rec->rows || mean[d] != 0) x[t] += (frame_of(s, t)[d] / (s->rec->rows ? 1 : mean[d]) - 1) / M;
  }
}

static int expiration(recording *s, double swing, err *e) {
  eit_breath *b = malloc(BREATHS * sizeof *b);
  double *x = malloc((size_t)s->frames * sizeof *x);
  int M = s->rec->ndata, n = 0;
  if (!x || !b) err_set(e, ERR_RUN, "reference: no memory for %d frames", s->frames);
  if (!e->code) {
    rough_signal(s, s->ref, x);
    n = eit_breaths(s->frames, x, swing, BREATHS, b);
    if (!n) err_set(e, ERR_RUN, "frames.reference = expiration: there is no complete breath");
  }
  if (n) memset(s->ref, 0, (size_t)M * sizeof *s->ref);
  for (int k = 0; k < n; k++)
    for (int d = 0; d < M; d++) s->ref[d] += frame_of(s, b[k].end)[d] / n;
  free(b), free(x);
  return e->code;
}

/* Data whose reference vanishes are of no use for relative changes. */
static int drop_dead(run *r, recording *s, err *e) {
  int M = s->rec->ndata, n = 0;
  double largest = 0;
  bool *keep = malloc((size_t)M * sizeof *keep);
  if (!keep) return err_set(e, ERR_RUN, "recording: no memory for %d data", M);
  for (int d = 0; d < M; d++) largest = fmax(largest, fabs(s->ref[d]));
  for (int d = 0; d < M; d++) n += keep[d] = fabs(s->ref[d]) > 1e-6 * largest;
  if (!n) err_set(e, ERR_FILE, "%s: all data are 0", s->rec->format);
  if (n && n < M) {
    for (int d = 0, to = 0; d < M; d++)
      if (keep[d]) s->ref[to++] = s->ref[d];
    eit_record_select(s->rec, keep, e);
    run_warn(r, "%d of %d data are 0 in the reference and left out", M - n, M);
  }
  free(keep);
  return e->code;
}

static int choose(run *r, recording *s, err *e) {
  const deck *d = run_deck(r);
  frames_conf f;
  breath_conf b;
  deck_get(d, "frames", frames_keys, &f), deck_get(d, "breath", breath_keys, &b);
  if (f.first >= s->rec->nframes || f.count > s->rec->nframes - f.first)
    return err_set(e, ERR_DECK, "%s: frames %ld to %ld are wanted, the recording has %d",
                   deck_where(d, "frames", f.first >= s->rec->nframes ? "first" : "count"), f.first,
                   f.first + (f.count ? f.count : 1) - 1, s->rec->nframes);
  s->first = (int)f.first, s->frames = f.count ? (int)f.count : s->rec->nframes - s->first;
  if (f.reference == FRAME && f.at >= s->frames)
    return err_set(e, ERR_DECK, "%s: frame %ld of %d", deck_where(d, "frames", "at"), f.at, s->frames);
  if (!(s->ref = malloc((size_t)s->rec->ndata * sizeof *s->ref)))
    return err_set(e, ERR_RUN, "recording: no memory for %d data", s->rec->ndata);
  eit_record_mean(s->rec, s->first + (f.reference == FRAME ? (int)f.at : 0), f.reference == FRAME ? 1 : s->frames,
                  s->ref);
  if (f.reference == EXPIRATION && expiration(s, b.swing, e)) return e->code;
  return s->rec->rows ? 0 : drop_dead(r, s, e);
}

static int open_recording(run *r, recording *s, err *e) {
  const deck *d = run_deck(r);
  recording_conf c;
  deck_get(d, "recording", recording_keys, &c);
  if (eit_read(&s->rec, c.path, c.format, e)) return err_context(e, "%s", deck_where(d, "recording", "path"));
  bool given = deck_kind_of(d, "image") == &imager_given.kind;
  if (given != (s->rec->rows > 0))
    return err_set(e, ERR_DECK, "%s: %s holds %s: image.kind must %sbe given", deck_where(d, "image", "kind"), c.path,
                   given ? "voltages" : "images", given ? "not " : "");
  s->rate = isnan(c.rate) ? s->rec->rate : c.rate;
  if (!(s->rate > 0))
    return err_set(e, ERR_DECK, "%s: %s does not tell its frames per second: give recording.rate",
                   deck_where(d, "recording", "path"), c.path);
  if (choose(r, s, e)) return e->code;
  run_log(r, "%s (%s): %d of %d frames at %g Hz, %d data", c.path, s->rec->format, s->frames, s->rec->nframes, s->rate,
          s->rec->ndata);
  return 0;
}

/* ---- images ---- */

/* y (BLOCK, ndata) of a block; zeros behind the last frame. */
static void block_data(const recording *s, int block, double *y) {
  int M = s->rec->ndata;
  for (int i = 0; i < BLOCK; i++)
    for (int d = 0, t = block * BLOCK + i; d < M; d++) {
      double change = t < s->frames ? frame_of(s, t)[d] - s->ref[d] : 0;
      y[i * M + d] = s->rec->rows ? change : -change / s->ref[d]; /* images already rise with gas */
    }
}

static double typical(const recording *s, double *y) {
  double sum = 0;
  for (int b = 0; b * BLOCK < s->frames; b++) {
    block_data(s, b, y);
    for (int i = 0; i < BLOCK * s->rec->ndata; i++) sum += y[i] * y[i];
  }
  return sqrt(sum / s->frames);
}

/* Collective: image (frames rounded up to blocks, n) on rank 0. The counter `done` and the images so far are owned, so
 * that a long reconstruction may be stopped and continued. */
static int reconstruct(run *r, const recording *s, const imager *im, double *image, err *e) {
  const comm *c = run_comm(r);
  int blocks = (s->frames + BLOCK - 1) / BLOCK;
  size_t row = (size_t)BLOCK * (size_t)im->n, all = (size_t)blocks * row;
  double *mine = malloc(ROUND * row * sizeof *mine), *y = malloc(BLOCK * (size_t)s->rec->ndata * sizeof *y), done = 0;
  if (!mine || !y) err_set(e, ERR_RUN, "images: no memory for %d pixels", im->n);
  if (comm_vote(c, e) || run_own(r, (run_item){"image.done", &done, H5_F64, 1, true}, e) ||
      run_own(r, (run_item){"image", image, H5_F64, run_root(r) ? all : 0}, e))
    goto end;
  double size = typical(s, y);
  while (done < blocks) {
    int count = blocks - (int)done < ROUND ? blocks - (int)done : ROUND;
    comm_range own = comm_rank_range(c, c->rank, count);
    for (int k = own.first; k < own.end && !e->code; k++) {
      block_data(s, (int)done + k, y);
      imager_apply(im, BLOCK, y, size, mine + (size_t)(k - own.first) * row, e);
    }
    if (comm_vote(c, e)) break;
    comm_gather_rows(c, count, row * sizeof *mine, mine, run_root(r) ? image + (size_t)done * row : NULL);
    done += count;
    if (run_tick(r, "images", (long)done * BLOCK, (long)blocks * BLOCK, NULL)) break;
  }
end:
  run_disown(r, "image.done"), run_disown(r, "image");
  free(mine), free(y);
  return e->code;
}

/* ---- indices ---- */

static int indices(const imager *im, const breath_conf *c, const breathing *b, int n, const eit_breath *breath,
                   double value[INDICES], double *tidal, double *delay, err *e) {
  eit_indices x;
  int *row = malloc(2 * (size_t)im->n * sizeof *row), *col = row + im->n;
  if (!row) return err_set(e, ERR_RUN, "indices: no memory for %d pixels", im->n);
  for (int p = 0; p < im->n; p++) row[p] = im->place[p] / im->cols, col[p] = im->place[p] % im->cols;
  if (!eit_indices_of(b->frames, im->n, b->image, row, col, n, breath, c->lung, &x, tidal, delay, e)) {
    double period = 0;
    for (int k = 0; k < n; k++) period += (breath[k].end - breath[k].start) / b->rate / n;
    memcpy(value,
           (double[INDICES]){x.tidal / im->n, x.inhomogeneity, x.centre_y, x.centre_x, x.end_expiratory / im->n,
                             x.delay, x.silent, 1 / period},
           INDICES * sizeof *value);
  }
  free(row);
  return e->code;
}

int breathing_measure(const imager *im, const breath_conf *c, breathing *b, err *e) {
  eit_breath left[BREATHS];
  double without[INDICES][BREATHS], one[INDICES], equal[BREATHS];
  eit_global(b->frames, im->n, b->image, b->global);
  for (int t = 0; t < b->frames; t++) b->global[t] /= im->n;
  b->frequency = eit_dominant_frequency(b->frames, b->global, b->rate, c->low, c->high);
  b->nbreaths = eit_breaths(b->frames, b->global, c->swing, BREATHS, b->breath);
  int n = b->nbreaths;
  for (int p = 0; p < im->n; p++) b->tidal[p] = b->delay[p] = NAN;
  for (int i = 0; i < INDICES; i++) b->value[i] = b->error[i] = NAN;
  if (!n || indices(im, c, b, n, b->breath, b->value, b->tidal, b->delay, e)) return e->code;
  for (int j = 0; j < n && n > 1; j++) {
    for (int k = 0, to = 0; k < n; k++)
      if (k != j) left[to++] = b->breath[k];
    equal[j] = 1;
    if (indices(im, c, b, n - 1, left, one, NULL, NULL, e)) return e->code;
    for (int i = 0; i < INDICES; i++) without[i][j] = one[i];
  }
  for (int i = 0; i < INDICES && n > 1; i++) jackknife_blocks(n, equal, b->value[i], without[i], NULL, &b->error[i]);
  return 0;
}

/* Rank 0. */
static int conclude(run *r, const recording *s, const imager *im, breathing *b, err *e) {
  breath_conf c;
  deck_get(run_deck(r), "breath", breath_keys, &c);
  b->reciprocity = s->rec->protocol ? eit_protocol_reciprocity(s->rec->protocol, s->ref) : NAN;
  b->global = malloc((size_t)b->frames * sizeof *b->global);
  b->tidal = malloc((size_t)im->n * sizeof *b->tidal), b->delay = malloc((size_t)im->n * sizeof *b->delay);
  if (!b->global || !b->tidal || !b->delay) return err_set(e, ERR_RUN, "indices: no memory for %d frames", b->frames);
  if (breathing_measure(im, &c, b, e) || breathing_results(r, im, b, e)) return e->code;
  breathing_figures(r, im, b, s->rec->rows ? "as recorded" : "relative change of impedance");
  return 0;
}

static int imager_of(const deck *d, const recording *s, imager *im, err *e) {
  if (s->rec->rows) return imager_of_images(im, s->rec, e);
  imager_new(im, d, s->rec->protocol, true, NULL, NULL, NULL, e);
  return e->code;
}

int breathing_run(run *r, err *e) {
  recording s = {0};
  imager im = {0};
  breathing *b = calloc(1, sizeof *b);
  if (!b) err_set(e, ERR_RUN, "recording: no memory");
  if (!e->code && !open_recording(r, &s, e) && !imager_of(run_deck(r), &s, &im, e)) {
    size_t n = ((size_t)s.frames + BLOCK) * (size_t)im.n;
    b->frames = s.frames, b->rate = s.rate;
    run_log(r, "%d pixels of %d x %d%s, noise figure %.3g, lambda %.3g", im.n, im.rows, im.cols,
            im.bt ? "" : "; not linear", im.noise_figure, im.lambda);
    if ((double)(n * 3 + (size_t)s.frames * (size_t)(im.rows * im.cols)) * sizeof(double) > run_memory(r))
      err_set(e, ERR_DECK, "run.memory_GB: %d frames of %d pixels need more: take fewer by frames.count", s.frames,
              im.n);
    else if (run_root(r) && !run_dry(r) && !(b->image = calloc(n, sizeof *b->image)))
      err_set(e, ERR_RUN, "images: no memory for %d frames", s.frames);
  }
  if (!comm_vote(run_comm(r), e) && !run_dry(r) && !reconstruct(r, &s, &im, b->image, e) && !run_stopping(r) &&
      run_root(r))
    conclude(r, &s, &im, b, e);
  if (b) free(b->image), free(b->global), free(b->tidal), free(b->delay);
  eit_record_free(s.rec), imager_free(&im);
  free(s.ref), free(b);
  return e->code;
}

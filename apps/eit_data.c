/* eit_data.c: recordings of app eit: simulated by all ranks and threads, or read from the files that a run has stored
 * (see eit.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/eit.h"

typedef struct patients_conf {
  long count, seed;
} patients_conf;
const deck_key eit_patients_keys[] = {
    {"count", DECK_INT, offsetof(patients_conf, count), "440", 1, 1e6, .help = "patients, the first ones"},
    {"seed", DECK_INT, offsetof(patients_conf, seed), "0", 0, 4294967295.,
     .help = "of simulated patients, 0: run.seed; points of a sweep have the same patients only if it is given"},
    {0},
};
typedef struct stored_conf {
  const char *path;
} stored_conf;
static const deck_key stored_keys[] = {
    {"path", DECK_TEXT, offsetof(stored_conf, path), .help = "folder with patients-0000.h5 and its followers"},
    {0},
};
typedef struct source {
  deck_kind kind; /* first member */
  int (*open)(eit_data *d, run *r, const patients_conf *p, err *e);
} source;

enum { PER_FILE = 32 };

static int room(eit_data *d, run *r, err *e) {
  double bytes = (double)d->n * (double)d->l.row * sizeof *d->all;
  if (bytes > run_memory(r))
    return err_set(e, ERR_RUN, "%ld patients take %.2f GB, a rank may use %.2f (run.memory_GB): fewer patients.count",
                   d->n, 1e-9 * bytes, 1e-9 * run_memory(r));
  d->all = calloc((size_t)d->n, d->l.row * sizeof *d->all), d->place = calloc((size_t)d->l.pixels, sizeof *d->place);
  return d->all && d->place ? 0 : err_set(e, ERR_RUN, "%ld patients: out of memory", d->n);
}

void eit_data_close(eit_data *d) {
  free(d->all), free(d->place);
}

/* ---- simulated ---- */

typedef struct block {
  const eit_imager *m;
  const eit_ensemble_conf *c;
  const eit_layout *l;
  uint32_t seed;
  long first; /* patient */
} block;

/* Patients first .. first + n - 1 into rows of mine. */
static int simulate(const block *b, int n, float *mine, err *e) {
#pragma omp parallel for schedule(dynamic, 1)
  for (int i = 0; i < n; i++) {
    err own = {0};
    eit_ensemble_record(b->m, b->c, b->l, b->seed, b->first + i, mine + (size_t)i * b->l->row, &own);
#pragma omp critical
    if (own.code && !e->code) *e = own;
  }
  return e->code;
}

/* Collective: blocks of patients, each dealt to the ranks, gathered and given to all. */
static int simulate_all(eit_data *d, run *r, const eit_imager *m, const eit_ensemble_conf *c, uint32_t seed, err *e) {
  const comm *w = run_comm(r);
  float *mine = malloc(sizeof *mine * PER_FILE * d->l.row);
  if (!mine) err_set(e, ERR_RUN, "patients: out of memory");
  if (comm_vote(w, e)) goto end;
  for (long at = 0; at < d->n && !run_stopping(r); at += PER_FILE) {
    int n = d->n - at < PER_FILE ? (int)(d->n - at) : PER_FILE;
    comm_range own = comm_rank_range(w, w->rank, n);
    block b = {m, c, &d->l, seed, at + own.first};
    float *to = d->all + (size_t)at * d->l.row;
    simulate(&b, own.end - own.first, mine, e);
    if (comm_vote(w, e)) break;
    comm_gather_rows(w, n, d->l.row * sizeof *mine, mine, to);
    comm_bcast(w, to, (size_t)n * d->l.row * sizeof *mine);
    run_tick(r, "patients", at + n, d->n, NULL);
  }
end:
  free(mine);
  return e->code;
}

static int open_simulated(eit_data *d, run *r, const patients_conf *p, err *e) {
  eit_ensemble_conf c;
  eit_imager_conf k;
  eit_imager *m = NULL;
  deck_get(run_deck(r), "patients", eit_ensemble_keys, &c), deck_get(run_deck(r), "image", eit_imager_keys, &k);
  if (eit_imager_new(&m, &c, &k, e)) return e->code;
  int frames = (int)floor(c.seconds * c.rate + .5);
  *d = (eit_data){.n = p->count, .rate = c.rate, .l = eit_layout_of(frames, m->raster->n, (int)k.size)};
  if (!room(d, r, e)) memcpy(d->place, m->raster->place, sizeof *d->place * (size_t)d->l.pixels);
  run_log(r, "%ld patients, %d frames at %g Hz, %d pixels of %ld x %ld; lambda %.4g for a noise figure of %g", d->n,
          frames, d->rate, d->l.pixels, k.size, k.size, m->lambda, k.noise_figure);
  if (!comm_vote(run_comm(r), e) && !run_dry(r)) {
    run_timer(r, "simulation", true);
    simulate_all(d, r, m, &c, p->seed ? (uint32_t)p->seed : run_seed(r), e);
    run_timer(r, "simulation", false);
  }
  eit_imager_free(m);
  return e->code;
}

/* ---- stored ---- */

typedef struct part { /* of a row: one dataset */
  const char *name, *text;
  size_t at, n;
} part;
enum { PARTS = 5 };
static void parts_of(const eit_layout *l, part p[PARTS]) {
  p[0] = (part){"/images", "change of the images against the end of an expiration: (frame, pixel)", 0, l->rest};
  p[1] = (part){"/rest", "image of that reference against the mean patient: (pixel)", l->rest, (size_t)l->pixels};
  p[2] = (part){"/truth", "volume [mL], flow [mL/s], airway [cmH2O], arterial [mmHg], transpulmonary pressure [cmH2O]",
                l->truth, (size_t)l->frames * EIT_TRUTHS};
  p[3] = (part){"/organ",
                "-1 outside, 0 muscle, 1 fat, 2 spine, 3 aorta, 4 heart, 5 to 8 lobes of the lungs: (row, column)",
                l->organ, (size_t)l->size * (size_t)l->size};
  p[4] = (part){"/about",
                "compliance [mL/cmH2O], resistance [cmH2O s/L], peep [cmH2O], tidal volume [mL], gas [mL], "
                "wet tissue [mL], stroke volume [mL], heart rate [1/min]",
                l->about, EIT_ABOUT};
}

static int write_file(const eit_data *d, const char *path, long first, size_t n, float *buffer, err *e) {
  h5 *f = NULL;
  part p[PARTS];
  size_t pixels = (size_t)d->l.pixels;
  parts_of(&d->l, p);
  if (h5_create(&f, path, e)) return e->code;
  for (int k = 0; k < PARTS && !e->code; k++) {
    for (size_t i = 0; i < n; i++)
      memcpy(buffer + i * p[k].n, eit_images(d, first + (long)i) + p[k].at, p[k].n * sizeof *buffer);
    h5_write(f, p[k].name, H5_F32, 2, (size_t[]){n, p[k].n}, buffer, "1", p[k].text, e);
  }
  if (!e->code) h5_write(f, "/place", H5_I32, 1, &pixels, d->place, "1", "row times size plus column of each pixel", e);
  if (!e->code && !h5_attr_f64(f, "/images", "rate", d->rate, e) &&
      !h5_attr_i64(f, "/images", "frames", d->l.frames, e) && !h5_attr_i64(f, "/images", "size", d->l.size, e))
    return h5_commit(f, e);
  h5_abandon(f);
  return e->code;
}

int eit_data_store(const eit_data *d, run *r, err *e) {
  float *buffer = malloc(sizeof *buffer * PER_FILE * d->l.row);
  if (!buffer) return err_set(e, ERR_RUN, "patients: out of memory");
  for (long at = 0; at < d->n && !e->code; at += PER_FILE) {
    char name[40];
    snprintf(name, sizeof name, "patients-%04ld.h5", at / PER_FILE);
    write_file(d, run_path(r, name), at, (size_t)(d->n - at < PER_FILE ? d->n - at : PER_FILE), buffer, e);
  }
  free(buffer);
  return e->code;
}

/* Layout of the recordings in a file. */
static int read_layout(h5 *f, const char *path, eit_data *d, err *e) {
  int rank;
  size_t dims[8];
  long long frames, size;
  double rate;
  if (h5_read_attr_f64(f, "/images", "rate", &rate, e) || h5_read_attr_i64(f, "/images", "frames", &frames, e) ||
      h5_read_attr_i64(f, "/images", "size", &size, e) || h5_dims(f, "/place", &rank, dims, e))
    return e->code;
  if (frames < 1 || frames > 10000000 || size < 1 || size > 4096 || rank != 1 || dims[0] > (size_t)(size * size))
    return err_set(e, ERR_FILE, "%s: %lld frames of %lld x %lld pixels", path, frames, size, size);
  d->rate = rate, d->l = eit_layout_of((int)frames, (int)dims[0], (int)size);
  return 0;
}

/* The next patients: as many as the file holds and d has room for; returns how many through *n. */
static int read_patients(h5 *f, const char *path, eit_data *d, long at, long *n, float *buffer, err *e) {
  part p[PARTS];
  parts_of(&d->l, p);
  for (int k = 0; k < PARTS; k++) {
    int rank;
    size_t dims[8];
    if (h5_dims(f, p[k].name, &rank, dims, e)) return e->code;
    if (rank != 2 || dims[1] != p[k].n || dims[0] < 1 || dims[0] > PER_FILE)
      return err_set(e, ERR_FILE, "%s: %s: does not have rows of %zu numbers", path, p[k].name, p[k].n);
    *n = d->n - at < (long)dims[0] ? d->n - at : (long)dims[0];
    if (h5_read_part(f, p[k].name, H5_F32, (size_t[]){0, 0}, (size_t[]){(size_t)*n, p[k].n}, buffer, e)) return e->code;
    for (long i = 0; i < *n; i++)
      memcpy(d->all + (size_t)(at + i) * d->l.row + p[k].at, buffer + (size_t)i * p[k].n, p[k].n * sizeof *buffer);
  }
  return at ? 0 : h5_read(f, "/place", H5_I32, d->place, (size_t)d->l.pixels, e);
}

static int check_places(const eit_data *d, const char *path, err *e) {
  for (int p = 0; p < d->l.pixels; p++)
    if (d->place[p] < 0 || d->place[p] >= d->l.size * d->l.size)
      return err_set(e, ERR_FILE, "%s: /place: pixel %d lies outside the image", path, p);
  for (size_t k = 0; k < (size_t)d->n * d->l.row; k++)
    if (!isfinite(d->all[k]))
      return err_set(e, ERR_FILE, "%s: patient %zu has a number that is none", path, k / d->l.row);
  return 0;
}

static int open_stored(eit_data *d, run *r, const patients_conf *p, err *e) {
  stored_conf c;
  float *buffer = NULL;
  deck_get(run_deck(r), "patients", stored_keys, &c);
  *d = (eit_data){.n = p->count};
  for (long at = 0, n = 0, file = 0; at < p->count && !e->code; at += n, file++) {
    char path[4096];
    h5 *f = NULL;
    snprintf(path, sizeof path, "%s/patients-%04ld.h5", c.path, file);
    if (h5_open(&f, path, e)) break;
    if (!file && !read_layout(f, path, d, e) && !room(d, r, e) &&
        !(buffer = malloc(sizeof *buffer * PER_FILE * d->l.row)))
      err_set(e, ERR_RUN, "patients: out of memory");
    if (!e->code) read_patients(f, path, d, at, &n, buffer, e);
    h5_close(f);
  }
  free(buffer);
  if (!e->code && !check_places(d, c.path, e))
    run_log(r, "%ld patients, %d frames at %g Hz, %d pixels of %d x %d", d->n, d->l.frames, d->rate, d->l.pixels,
            d->l.size, d->l.size);
  return e->code;
}

static const source simulated = {{"simulated", "ventilated patients by finite elements", eit_ensemble_keys},
                                 open_simulated};
static const source stored = {{"stored", "files that a run with store.recordings wrote", stored_keys}, open_stored};
const deck_kind *const eit_sources[] = {&simulated.kind, &stored.kind, NULL};

int eit_data_open(eit_data *d, run *r, err *e) {
  patients_conf c;
  deck_get(run_deck(r), "patients", eit_patients_keys, &c);
  ((const source *)deck_kind_of(run_deck(r), "patients"))->open(d, r, &c, e);
  return comm_vote(run_comm(r), e);
}

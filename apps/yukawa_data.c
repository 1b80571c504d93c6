/* yukawa_data.c: ensembles of app yukawa-generate in memory (see yukawa_data.h): run.h5, its deck, and the files of
 * configurations that it links under /ensemble. */
#include "apps/yukawa_data.h"

#include <stdlib.h>
#include <string.h>

#include "apps/yukawa_generate.h"
#include "base/run_past.h"

enum { PORTION = 1 << 25 }; /* bytes read at a time, about */

/* Lattice and model from the deck of the ensemble's run. */
static int read_model(yukawa_data *y, const char *path, err *e) {
  run_past past;
  scalar_points p = {0};
  if (!run_past_open(&past, path, &app_yukawa_generate, e) && !scalar_points_from_deck(&p, past.deck, 1, e)) {
    y->d = p.d, y->model = p.model[0], y->sites = 1;
    memcpy(y->side, p.side, sizeof y->side);
    for (int k = 0; k < y->d; k++) {
      y->sites *= y->side[k];
      if (y->side[k] > YUKAWA_SIDE)
        err_set(e, ERR_FILE, "%s: a side of %d sites, networks take %d at most", path, y->side[k], YUKAWA_SIDE);
    }
    if (y->d > 3) err_set(e, ERR_FILE, "%s: fields in %d dimensions, networks take 2 or 3", path, y->d);
    y->columns = SCALAR_COLS + 2 * (y->side[0] / 2 + 1);
  }
  scalar_points_free(&p), run_past_close(&past);
  return e->code;
}

/* ---- segments ---- */
typedef struct reader {
  yukawa_data *y;
  long first; /* configurations of each chain so far */
  bool fields, load;
} reader;

static int segment_shape(h5 *f, const char *name, const reader *r, long *count, err *e) {
  yukawa_data *y = r->y;
  char path[128];
  size_t dims[8];
  int rank;
  snprintf(path, sizeof path, "/ensemble/%.60s/configurations", name);
  if (h5_dims(f, path, &rank, dims, e)) return e->code;
  bool same = rank == 2 + y->d && (!y->chains || (long)dims[0] == y->chains);
  for (int k = 0; k < y->d && same; k++) same = (int)dims[2 + k] == y->side[k];
  if (!same) return err_set(e, ERR_FILE, "%s: does not have the chains and sides of its run", path);
  y->chains = (long)dims[0], *count = (long)dims[1];
  snprintf(path, sizeof path, "/ensemble/%.60s/observables", name);
  if (h5_dims(f, path, &rank, dims, e)) return e->code;
  same = rank == 3 && (long)dims[0] == y->chains && (long)dims[1] == *count && (int)dims[2] == y->columns;
  return same ? 0 : err_set(e, ERR_FILE, "%s: not the table of observables of this version", path);
}

/* A table (chains, count, what makes a configuration: `one` bytes) of a segment to where its configurations belong,
 * many chains at a time: each call opens the segment's file. */
static int spread(h5 *f, const char *path, const reader *r, long count, h5_type type, const size_t dims[3], size_t one,
                  void *to, err *e) {
  const yukawa_data *y = r->y;
  size_t row = (size_t)count * one, chains = (size_t)y->chains, most = PORTION / row + 1;
  most = most < chains ? most : chains;
  char *part = malloc(most * row);
  if (!part) return err_set(e, ERR_RUN, "%s: out of memory", path);
  for (size_t c = 0; c < chains && !e->code; c += most) {
    size_t m = chains - c < most ? chains - c : most, from[5] = {c}, block[5] = {m, (size_t)count};
    for (int k = 0; k < 3; k++) block[2 + k] = dims[k];
    h5_read_part(f, path, type, from, block, part, e);
    for (size_t k = 0; k < m && !e->code; k++)
      memcpy((char *)to + ((c + k) * (size_t)y->per + (size_t)r->first) * one, part + k * row, row);
  }
  free(part);
  return e->code;
}

static int load(h5 *f, const char *name, const reader *r, long count, err *e) {
  yukawa_data *y = r->y;
  char path[128];
  size_t columns[3] = {(size_t)y->columns}, sides[3] = {0};
  for (int k = 0; k < y->d; k++) sides[k] = (size_t)y->side[k];
  snprintf(path, sizeof path, "/ensemble/%.60s/observables", name);
  if (spread(f, path, r, count, H5_F64, columns, columns[0] * sizeof(double), y->observable, e)) return e->code;
  snprintf(path, sizeof path, "/ensemble/%.60s/configurations", name);
  if (r->fields && spread(f, path, r, count, H5_F32, sides, (size_t)y->sites * sizeof(float), y->field, e))
    return e->code;
  snprintf(path, sizeof path, "/ensemble/%.60s/kappa", name);
  return h5_read(f, path, H5_F64, y->kappa, (size_t)y->chains, e);
}

static int each_segment(h5 *f, const char *name, void *ctx, err *e) {
  reader *r = ctx;
  long count = 0;
  if (segment_shape(f, name, r, &count, e) || (r->load && load(f, name, r, count, e))) return e->code;
  r->first += count;
  return 0;
}

double yukawa_data_bytes(const yukawa_data *y) {
  return (double)y->n * ((double)y->columns * sizeof(double) + (y->field ? (double)y->sites * sizeof(float) : 0));
}

static int room(yukawa_data *y, const char *path, bool fields, double memory, err *e) {
  size_t one = (size_t)y->columns * sizeof(double) + (fields ? (size_t)y->sites * sizeof(float) : 0), n = (size_t)y->n;
  if ((double)n * (double)one > memory)
    return err_set(e, ERR_RUN, "%s: %ld configurations take %.2f GB, a rank may use %.2f (run.memory_GB)", path, y->n,
                   1e-9 * (double)n * (double)one, 1e-9 * memory);
  y->observable = malloc(n * (size_t)y->columns * sizeof *y->observable);
  y->kappa = malloc((size_t)y->chains * sizeof *y->kappa);
  if (fields) y->field = malloc(n * (size_t)y->sites * sizeof *y->field);
  if (y->observable && y->kappa && (y->field || !fields)) return 0;
  return err_set(e, ERR_RUN, "%s: out of memory for %ld configurations", path, y->n);
}

int yukawa_data_open(yukawa_data *y, const char *path, bool fields, double memory, err *e) {
  h5 *f = NULL;
  reader r = {.y = y, .fields = fields};
  *y = (yukawa_data){0};
  if (read_model(y, path, e) || run_past_h5(&f, path, e)) return e->code;
  if (!h5_has(f, "/ensemble"))
    err_set(e, ERR_FILE, "%s: stores no configurations (ensemble.configurations of app yukawa-generate)", path);
  if (!e->code && !h5_each(f, "/ensemble", each_segment, &r, e)) {
    y->per = r.first, y->n = y->chains * y->per, r.first = 0, r.load = true;
    if (!y->n) err_set(e, ERR_FILE, "%s: stores no configurations yet", path);
    if (!e->code && !room(y, path, fields, memory, e)) h5_each(f, "/ensemble", each_segment, &r, e);
  }
  h5_close(f);
  return e->code;
}

void yukawa_data_close(yukawa_data *y) {
  free(y->field), free(y->observable), free(y->kappa);
  *y = (yukawa_data){0};
}

int yukawa_data_same(const yukawa_data *a, const char *path_a, const yukawa_data *b, const char *path_b, err *e) {
  const scalar_model *m = &a->model, *n = &b->model;
  for (int k = 0; k < SCALAR_DIM; k++)
    if (a->d != b->d || (k < a->d && a->side[k] != b->side[k]))
      return err_set(e, ERR_FILE, "%s and %s have different lattices", path_a, path_b);
  if (m->action.lambda != n->action.lambda || m->fermions != n->fermions || m->coupling != n->coupling ||
      m->mass != n->mass)
    return err_set(e, ERR_FILE, "%s and %s differ: lambda %g and %g, g %g and %g, M %g and %g", path_a, path_b,
                   m->action.lambda, n->action.lambda, m->coupling, n->coupling, m->mass, n->mass);
  return 0;
}

double yukawa_links(const yukawa_data *y, long i) {
  return y->observable[i * y->columns + SCALAR_COL_LINK] * y->d * (double)y->sites;
}

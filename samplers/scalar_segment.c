/* scalar_segment.c: stored configurations (see scalar_ensemble.h). A segment holds the next `batch` configurations of
 * every chain; rank 0 writes it whole when it is full, before the checkpoint whose counter names it, or at the end.
 * With slabs a segment holds one configuration of each chain, so that nothing waits in memory. A run that goes on
 * writes a segment that it had not finished, or lost the checkpoint of, again with the same bits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/scalar_ensemble.h"

static size_t sample_bytes(const scalar_ensemble *s) {
  return s->storage.precision ? 8 : 4;
}

/* Configurations kept so far, of each chain. */
static long kept_of(const scalar_ensemble *s) {
  return s->storage.configurations ? (long)s->measured / s->storage.configurations : 0;
}

long scalar_segment_batch(const scalar_storage *c, int layout, int chains, long sites, long total) {
  if (!c->configurations) return 0;
  if (layout == SCALAR_SLABS) return 1;
  double one = (double)chains * (double)sites * (c->precision ? 8 : 4);
  long all = total / c->configurations, n = (long)(c->segment_MB * 1e6 / one);
  n = n < 1 ? 1 : n;
  return n < all || !all ? n : all;
}

static void convert(const scalar_ensemble *s, const double *v, long n, void *to) {
  if (s->storage.precision)
    memcpy(to, v, (size_t)n * sizeof *v);
  else
    for (long i = 0; i < n; i++) ((float *)to)[i] = (float)v[i];
}

/* ---- one file ---- */

typedef struct segment {
  long number, first, count; /* its first configuration, how many of each chain */
  char *samples;             /* rank 0: (chains, count, sites) */
  double *rows;              /* rank 0: (chains, count, columns) */
} segment;

static void file_name(long number, char name[48]) {
  snprintf(name, 48, "configurations-%04ld.h5", number);
}

static char *column_names(const scalar_ensemble *s) {
  static const char *const name[SCALAR_COLS] = {"m",    "m_s",  "phi2",  "phi4",       "link", "box",
                                                "cbox", "box2", "cbox2", "condensate", "score"};
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  for (int k = 0; k < SCALAR_COLS; k++) fprintf(f, "%s%s", k ? "," : "", name[k]);
  for (int signs = 0; signs < 2; signs++)
    for (int t = 0; t <= s->g->side[0] / 2; t++) fprintf(f, ",%s%d", signs ? "Gs" : "G", t);
  fclose(f);
  return text;
}

static int write_tables(h5 *f, const scalar_ensemble *s, const segment *q, err *e) {
  size_t chains = (size_t)s->chains, count = (size_t)q->count, dims[3] = {chains, count, (size_t)s->columns};
  double *kappa = malloc((chains + count) * sizeof *kappa), *when = kappa + chains;
  char *columns = column_names(s);
  if (kappa && columns) {
    for (size_t k = 0; k < chains; k++) kappa[k] = s->points->model[k / (size_t)s->plan.replicas].action.kappa;
    for (size_t i = 0; i < count; i++) when[i] = (double)((q->first + (long)i + 1) * s->storage.configurations);
    if (!h5_write(f, "/observables", H5_F64, 3, dims, q->rows, "1", "chain, configuration, observable", e) &&
        !h5_write_text(f, "/columns", columns, "names of the observables, separated by commas", e) &&
        !h5_write(f, "/kappa", H5_F64, 1, &chains, kappa, "1", "hopping parameter of each chain", e))
      h5_write(f, "/measurement", H5_F64, 1, &count, when, "1", "number of the measurement of each configuration", e);
  } else {
    err_set(e, ERR_RUN, "configurations: out of memory");
  }
  free(kappa), free(columns);
  return e->code;
}

static int write_file(const scalar_ensemble *s, const segment *q, err *e) {
  char name[48];
  size_t dims[2 + SCALAR_DIM] = {(size_t)s->chains, (size_t)q->count};
  h5 *f;
  file_name(q->number, name);
  for (int k = 0; k < s->g->d; k++) dims[2 + k] = (size_t)s->g->side[k];
  if (h5_create(&f, run_path(s->r, name), e)) return e->code;
  if (!h5_write(f, "/configurations", s->storage.precision ? H5_F64 : H5_F32, 2 + s->g->d, dims, q->samples, "1",
                "fields phi: chain, configuration, site", e))
    write_tables(f, s, q, e);
  if (!e->code) return h5_commit(f, e);
  h5_abandon(f);
  return e->code;
}

/* ---- what ranks hold, on rank 0 ---- */

/* Observables of the segment's configurations, of the chains here. */
static void copy_rows(const scalar_ensemble *s, const segment *q, double *rows) {
  for (int k = 0; k < s->n; k++)
    for (long i = 0; i < q->count; i++) {
      long at = (q->first + i + 1) * s->storage.configurations - 1;
      memcpy(rows + (size_t)((k * q->count + i) * s->columns), s->series + (size_t)((k * s->length + at) * s->columns),
             (size_t)s->columns * sizeof *rows);
    }
}

static void gather_chains(const scalar_ensemble *s, segment *q, char *part, double *rows) {
  size_t one = (size_t)s->g->n * sample_bytes(s), have = (size_t)q->count * one;
  for (int k = 0; k < s->n; k++) memcpy(part + (size_t)k * have, s->kept + (size_t)(k * s->batch) * one, have);
  comm_gather_rows(run_comm(s->r), s->chains, have, part, q->samples);
  comm_gather_rows(run_comm(s->r), s->chains, (size_t)(q->count * s->columns) * sizeof *rows, rows, q->rows);
}

static void gather_slabs(const scalar_ensemble *s, segment *q, char *part, const double *rows) {
  size_t plane = (size_t)s->g->plane * sample_bytes(s);
  for (int k = 0; k < s->n; k++) {
    convert(s, s->chain[k].phi, scalar_sites(s->g), part);
    comm_gather_rows(run_comm(s->r), s->g->side[0], plane, part,
                     q->samples + (size_t)k * plane * (size_t)s->g->side[0]);
  }
  if (run_root(s->r)) memcpy(q->rows, rows, (size_t)(s->n * s->columns) * sizeof *rows);
}

static int write_segment(const scalar_ensemble *s, long number, long count, err *e) {
  bool root = run_root(s->r), slabs = s->plan.layout == SCALAR_SLABS;
  size_t one = (size_t)s->g->n * sample_bytes(s), all = (size_t)s->chains * (size_t)count;
  size_t here = slabs ? (size_t)scalar_sites(s->g) * sample_bytes(s) : (size_t)(s->n * count) * one;
  segment q = {number, number * s->batch, count, malloc(root ? all * one : 1),
               malloc(root ? all * (size_t)s->columns * sizeof(double) : 1)};
  char *part = malloc(here + 1);
  double *rows = malloc(((size_t)(s->n * count * s->columns) + 1) * sizeof *rows);
  if (!q.samples || !q.rows || !part || !rows) err_set(e, ERR_RUN, "configurations: out of memory for a segment");
  if (!comm_vote(run_comm(s->r), e)) {
    copy_rows(s, &q, rows);
    if (slabs)
      gather_slabs(s, &q, part, rows);
    else
      gather_chains(s, &q, part, rows);
    if (root) write_file(s, &q, e);
  }
  free(q.samples), free(q.rows), free(part), free(rows);
  return comm_vote(run_comm(s->r), e);
}

int scalar_segment_keep(scalar_ensemble *s, err *e) {
  if (!s->storage.configurations || s->measured % s->storage.configurations) return 0;
  long n = kept_of(s), slot = (n - 1) % s->batch;
  size_t one = (size_t)s->g->n * sample_bytes(s);
  if (s->plan.layout == SCALAR_CHAINS)
    for (int k = 0; k < s->n; k++) convert(s, s->chain[k].phi, s->g->n, s->kept + (size_t)(k * s->batch + slot) * one);
  return slot + 1 == s->batch ? write_segment(s, (n - 1) / s->batch, s->batch, e) : 0;
}

int scalar_segment_close(scalar_ensemble *s, err *e) {
  long n = kept_of(s), rest = s->batch ? n % s->batch : 0;
  return rest ? write_segment(s, n / s->batch, rest, e) : 0;
}

int scalar_segment_links(h5 *f, const void *self, err *e) {
  const scalar_ensemble *s = self;
  long n = s->batch ? kept_of(s) : 0, files = n ? n / s->batch : 0;
  if (n && s->measured == s->length && n % s->batch) files++;
  for (long k = 0; k < files && !e->code; k++) {
    char name[48], path[64];
    file_name(k, name);
    snprintf(path, sizeof path, "/ensemble/segment-%04ld", k);
    h5_link(f, path, name, "/", e);
  }
  return e->code;
}

/* npy.c: npy_open, _close, _axes, _read, npy_create, _put, _finish: versions 1, 2, 3 of NumPy's format: "\x93NUMPY",
 * version, length of the header, and a Python dictionary of descr, fortran_order and shape. */
#include "signals/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "signals/file.h"

enum { BLOCK = 1 << 16, MOST_HEADER = 1 << 16 };

/* How numbers of one kind become double; p need not be aligned. */
typedef struct npy_type {
  const char *name;
  size_t size;
  double (*value)(const void *p);
} npy_type;

#define NPY_VALUE(name, type)                 \
  static double value_##name(const void *p) { \
    type v;                                   \
    memcpy(&v, p, sizeof v);                  \
    return (double)v;                         \
  }
NPY_VALUE(f4, float)
NPY_VALUE(f8, double)
NPY_VALUE(i1, int8_t)
NPY_VALUE(i2, int16_t)
NPY_VALUE(i4, int32_t)
NPY_VALUE(i8, int64_t)
NPY_VALUE(u1, uint8_t)
NPY_VALUE(u2, uint16_t)
NPY_VALUE(u4, uint32_t)
NPY_VALUE(u8, uint64_t)
static const npy_type types[] = {{"f4", 4, value_f4}, {"f8", 8, value_f8}, {"i1", 1, value_i1}, {"i2", 2, value_i2},
                                 {"i4", 4, value_i4}, {"i8", 8, value_i8}, {"u1", 1, value_u1}, {"u2", 2, value_u2},
                                 {"u4", 4, value_u4}, {"u8", 8, value_u8}, {"b1", 1, value_u1}};

struct npy {
  signals_file file;
  const npy_type *type;
  bool swap, fortran;
  int axes;
  size_t dims[NPY_AXES];
  int64_t count, data; /* elements, and where they begin */
  uint8_t bytes[BLOCK];
};

static int fault(const npy *a, const char *what, err *e) {
  return err_set(e, ERR_FILE, "%s: %s", a->file.path, what);
}

/* Behind 'key': in the dictionary, or NULL. */
static const char *value_of(const char *head, const char *key) {
  const char *p = strstr(head, key);
  if (!p) return NULL;
  p += strlen(key);
  p += strspn(p, "'\" ");
  if (*p != ':') return NULL;
  return p + 1 + strspn(p + 1, " ");
}

static int parse_type(npy *a, const char *p, err *e) {
  if (!p || (*p != '\'' && *p != '"')) return fault(a, "its elements are no plain numbers", e);
  char order = p[1], quote = *p;
  for (unsigned i = 0; i < sizeof types / sizeof *types; i++)
    if (!strncmp(p + 2, types[i].name, 2) && p[4] == quote) a->type = &types[i];
  if (!a->type || !strchr("<>|=", order)) return fault(a, "its elements are no plain numbers", e);
  a->swap = order == '>';
  return 0;
}

static int parse_shape(npy *a, const char *p, err *e) {
  if (!p || *p++ != '(') return fault(a, "the shape is missing", e);
  a->count = 1;
  for (p += strspn(p, " "); *p != ')'; p += strspn(p, " ,L")) {
    char *rest;
    errno = 0;
    long long n = strtoll(p, &rest, 10);
    if (rest == p || n < 0 || errno || a->axes == NPY_AXES) return fault(a, "malformed shape, or more than 8 axes", e);
    if (n && a->count > INT64_MAX / 16 / n) return fault(a, "more elements than any file holds", e);
    a->count *= n, a->dims[a->axes++] = (size_t)n, p = rest;
    if (!*p) return fault(a, "malformed shape", e);
  }
  return 0;
}

static int parse_header(npy *a, const char *head, err *e) {
  const char *order = value_of(head, "fortran_order");
  if (!order || (strncmp(order, "True", 4) && strncmp(order, "False", 5)))
    return fault(a, "the order of the axes is missing", e);
  a->fortran = *order == 'T';
  if (parse_type(a, value_of(head, "descr"), e) || parse_shape(a, value_of(head, "shape"), e)) return e->code;
  int64_t bytes = a->count * (int64_t)a->type->size;
  if (a->file.size - a->data < bytes)
    return err_set(e, ERR_FILE, "%s holds %lld bytes of data, its shape wants %lld", a->file.path,
                   (long long)(a->file.size - a->data), (long long)bytes);
  return 0;
}

static int read_header(npy *a, err *e) {
  uint8_t b[12] = {0};
  if (a->file.size < 12) return fault(a, "no .npy file", e);
  if (signals_file_read(&a->file, 0, 12, b, e)) return e->code;
  if (memcmp(b, "\x93NUMPY", 6) || b[6] < 1 || b[6] > 3) return fault(a, "no .npy file of version 1, 2 or 3", e);
  size_t at = b[6] == 1 ? 10 : 12, n = b[8] | (size_t)b[9] << 8;
  if (b[6] > 1) n |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
  if (n > MOST_HEADER || a->file.size < (int64_t)(at + n)) return fault(a, "the file ends within its header", e);
  char *head = calloc(n + 1, 1);
  if (!head) return err_set(e, ERR_RUN, "%s: no memory", a->file.path);
  a->data = (int64_t)(at + n);
  if (!signals_file_read(&a->file, (int64_t)at, n, head, e)) parse_header(a, head, e);
  free(head);
  return e->code;
}

int npy_open(npy **out, const char *path, err *e) {
  npy *a = *out = calloc(1, sizeof *a);
  if (!a) return err_set(e, ERR_RUN, "%s: no memory", path);
  a->file.fd = -1;
  if (!signals_file_open(&a->file, path, e)) read_header(a, e);
  if (!e->code) return 0;
  npy_close(a);
  *out = NULL;
  return e->code;
}

void npy_close(npy *a) {
  if (!a) return;
  signals_file_close(&a->file);
  free(a);
}

int npy_axes(const npy *a, size_t dims[NPY_AXES], int64_t stride[NPY_AXES]) {
  int64_t step = 1;
  for (int i = 0; i < a->axes; i++) {
    int k = a->fortran ? i : a->axes - 1 - i;
    dims[k] = a->dims[k], stride[k] = step, step *= (int64_t)a->dims[k];
  }
  return a->axes;
}

static double element(const npy *a, const uint8_t *p) {
  uint8_t turned[8];
  if (!a->swap) return a->type->value(p);
  for (size_t i = 0; i < a->type->size; i++) turned[i] = p[a->type->size - 1 - i];
  return a->type->value(turned);
}

int npy_read(npy *a, int64_t from, int64_t step, long n, double *x, err *e) {
  int64_t size = (int64_t)a->type->size, most = BLOCK / size; /* elements of a block */
  if (n < 0 || step < 1 || from < 0 || (n && (from >= a->count || (a->count - 1 - from) / step < n - 1)))
    return err_set(e, ERR_RUN, "%s: elements beyond its %lld asked for", a->file.path, (long long)a->count);
  for (long some; n > 0; n -= some, x += some, from += some * step) {
    some = step >= most ? 1 : (long)((most - 1) / step + 1);
    if (some > n) some = n;
    size_t bytes = (size_t)(((some - 1) * step + 1) * size);
    if (signals_file_read(&a->file, a->data + from * size, bytes, a->bytes, e)) return e->code;
    for (long i = 0; i < some; i++) x[i] = element(a, a->bytes + i * step * size);
  }
  return 0;
}

struct npy_writer {
  char path[PATH_MAX];
  FILE *f;
  int fd;
  bool single;
  int64_t left;
};

static void put_header(npy_writer *w, int axes, const size_t *dims) {
  char head[256] = {0};
  int n = snprintf(head, sizeof head, "{'descr': '<f%d', 'fortran_order': False, 'shape': (", w->single ? 4 : 8);
  for (int k = 0; k < axes; k++)
    n += snprintf(head + n, sizeof head - (size_t)n, k + 1 < axes || axes == 1 ? "%zu, " : "%zu", dims[k]);
  n += snprintf(head + n, sizeof head - (size_t)n, "), }");
  int total = (10 + n + 1 + 63) / 64 * 64 - 10; /* data begin at a multiple of 64 */
  fwrite("\x93NUMPY\1", 1, 7, w->f), fputc(0, w->f);
  fputc(total & 255, w->f), fputc(total >> 8, w->f);
  fprintf(w->f, "%-*s\n", total - 1, head);
}

int npy_create(npy_writer **out, const char *path, bool single, int axes, const size_t *dims, err *e) {
  npy_writer *w = *out = calloc(1, sizeof *w);
  if (!w) return err_set(e, ERR_RUN, "%s: no memory", path);
  *w = (npy_writer){.fd = -1, .single = single, .left = 1};
  snprintf(w->path, sizeof w->path, "%s", path);
  for (int k = 0; k < axes; k++) w->left *= (int64_t)dims[k];
  if (axes < 1 || axes > NPY_AXES) err_set(e, ERR_FILE, "%s: an array of %d axes", path, axes);
  if (!e->code && !file_begin(path, &w->fd, e)) {
    w->f = fdopen(dup(w->fd), "wb");
    if (!w->f) err_set(e, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
  }
  if (!e->code) {
    put_header(w, axes, dims);
    return 0;
  }
  if (w->fd >= 0) file_abandon(path, w->fd);
  free(w);
  *out = NULL;
  return e->code;
}

int npy_put(npy_writer *w, long n, const double *x, err *e) {
  w->left -= n;
  for (long i = 0; i < n; i++) {
    float s = (float)x[i];
    fwrite(w->single ? (const void *)&s : (const void *)&x[i], w->single ? sizeof s : sizeof *x, 1, w->f);
  }
  return ferror(w->f) ? err_set(e, ERR_FILE, "cannot write %s: %s", w->path, strerror(errno)) : 0;
}

int npy_finish(npy_writer *w, err *e) {
  if (fclose(w->f)) err_set(e, ERR_FILE, "cannot write %s: %s", w->path, strerror(errno));
  if (w->left) err_set(e, ERR_FILE, "%s: %lld elements too few", w->path, (long long)w->left);
  if (!e->code)
    file_commit(w->path, w->fd, "", 0, false, e);
  else
    file_abandon(w->path, w->fd);
  free(w);
  return e->code;
}

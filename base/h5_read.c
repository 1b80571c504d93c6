/* h5_read.c: h5_has, h5_has_attr, h5_dims, h5_read, h5_read_part, h5_read_text, h5_read_attr_*, h5_each. Texts of fixed
 * and of variable length are both understood, so that files touched by h5py can be read. */
#include <stdlib.h>
#include <string.h>

#include "base/h5_priv.h"

hid_t h5_memory_type(h5_type t) {
  hid_t types[] = {H5T_NATIVE_DOUBLE, H5T_NATIVE_FLOAT, H5T_NATIVE_INT64,
                   H5T_NATIVE_INT32,  H5T_NATIVE_INT8,  H5T_NATIVE_UINT8};
  return types[t];
}

/* H5Lexists wants every group on the way to exist. */
bool h5_has(h5 *f, const char *path) {
  char part[1024];
  size_t n = strlen(path);
  if (n >= sizeof part) return false;
  if (!strcmp(path, "/")) return true;
  memcpy(part, path, n + 1);
  for (char *p = part + 1;; p++) {
    if (*p && *p != '/') continue;
    char end = *p;
    *p = 0;
    if (H5Lexists(f->id, part, H5P_DEFAULT) <= 0) return false;
    if (!end) return true;
    *p = end;
  }
}

bool h5_has_attr(h5 *f, const char *path, const char *name) {
  return h5_has(f, path) && H5Aexists_by_name(f->id, path, name, H5P_DEFAULT) > 0;
}

static hid_t open_dataset(h5 *f, const char *path, err *e) {
  if (!h5_has(f, path)) {
    err_set(e, ERR_FILE, "%s has no %s", f->path, path);
    return H5I_INVALID_HID;
  }
  hid_t d = H5Dopen2(f->id, path, H5P_DEFAULT);
  if (d < 0) h5_fail(f, "open", path, e);
  return d;
}

static int dataset_dims(hid_t d, int *rank, size_t dims[8]) {
  hsize_t extent[H5S_MAX_RANK];
  hid_t space = H5Dget_space(d);
  *rank = H5Sget_simple_extent_dims(space, extent, NULL);
  H5Sclose(space);
  for (int k = 0; k < *rank && k < 8; k++) dims[k] = (size_t)extent[k];
  return *rank < 0 || *rank > 8;
}

int h5_dims(h5 *f, const char *path, int *rank, size_t dims[8], err *e) {
  hid_t d = open_dataset(f, path, e);
  if (d < 0) return e->code;
  if (dataset_dims(d, rank, dims)) err_set(e, ERR_FILE, "%s in %s has more than 8 axes", path, f->path);
  H5Dclose(d);
  return e->code;
}

static bool holds_numbers(hid_t d) {
  hid_t stored = H5Dget_type(d);
  H5T_class_t class = H5Tget_class(stored);
  H5Tclose(stored);
  return class == H5T_INTEGER || class == H5T_FLOAT;
}

int h5_read(h5 *f, const char *path, h5_type t, void *data, size_t count, err *e) {
  int rank;
  size_t dims[8], n = 1;
  hid_t d = open_dataset(f, path, e);
  if (d < 0) return e->code;
  int bad = dataset_dims(d, &rank, dims);
  for (int k = 0; !bad && k < rank; k++) n *= dims[k];
  if (!holds_numbers(d))
    err_set(e, ERR_FILE, "%s in %s does not hold numbers", path, f->path);
  else if (bad || n != count)
    err_set(e, ERR_FILE, "%s in %s holds %zu numbers, not %zu", path, f->path, n, count);
  else if (n && H5Dread(d, h5_memory_type(t), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
    h5_fail(f, "read", path, e);
  H5Dclose(d);
  return e->code;
}

int h5_read_part(h5 *f, const char *path, h5_type t, const size_t *from, const size_t *count, void *data, err *e) {
  int rank;
  size_t dims[8];
  hsize_t start[8], block[8];
  hid_t d = open_dataset(f, path, e);
  if (d < 0) return e->code;
  bool bad = dataset_dims(d, &rank, dims), empty = false;
  for (int k = 0; !bad && k < rank; k++) {
    bad |= count[k] > dims[k] || from[k] > dims[k] - count[k], empty |= !count[k];
    start[k] = from[k], block[k] = count[k];
  }
  if (!holds_numbers(d)) err_set(e, ERR_FILE, "%s in %s does not hold numbers", path, f->path);
  if (bad) err_set(e, ERR_FILE, "%s in %s is smaller than the block asked for", path, f->path);
  if (!e->code && !empty) {
    hid_t stored = H5Dget_space(d), memory = H5Screate_simple(rank, block, NULL);
    if (rank) H5Sselect_hyperslab(stored, H5S_SELECT_SET, start, NULL, block, NULL);
    if (H5Dread(d, h5_memory_type(t), memory, stored, H5P_DEFAULT, data) < 0) h5_fail(f, "read", path, e);
    H5Sclose(memory), H5Sclose(stored);
  }
  H5Dclose(d);
  return e->code;
}

/* Reads one text from a dataset or an attribute of type `stored` through `get`. NULL if it is no text or cannot be
 * read. */
static char *get_text(hid_t from, hid_t stored, herr_t (*get)(hid_t from, hid_t type, void *to)) {
  char *text = NULL;
  if (H5Tget_class(stored) != H5T_STRING) return NULL;
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_cset(type, H5Tget_cset(stored));
  if (H5Tis_variable_str(stored) > 0) {
    char *lent = NULL;
    H5Tset_size(type, H5T_VARIABLE);
    if (get(from, type, &lent) >= 0) text = strdup(lent ? lent : "");
    H5free_memory(lent);
  } else {
    size_t n = H5Tget_size(stored);
    H5Tset_size(type, n + 1);
    text = calloc(n + 2, 1);
    if (text && get(from, type, text) < 0) free(text), text = NULL;
  }
  H5Tclose(type);
  return text;
}

static herr_t get_dataset(hid_t d, hid_t type, void *to) {
  return H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to);
}

int h5_read_text(h5 *f, const char *path, char **text, err *e) {
  int rank;
  size_t dims[8];
  *text = NULL;
  hid_t d = open_dataset(f, path, e);
  if (d < 0) return e->code;
  hid_t stored = H5Dget_type(d);
  if (!dataset_dims(d, &rank, dims) && rank == 0) *text = get_text(d, stored, get_dataset);
  if (!*text) err_set(e, ERR_FILE, "%s in %s does not hold a text", path, f->path);
  H5Tclose(stored), H5Dclose(d);
  return e->code;
}

static hid_t open_attr(h5 *f, const char *path, const char *name, err *e) {
  hid_t a = h5_has_attr(f, path, name) ? H5Aopen_by_name(f->id, path, name, H5P_DEFAULT, H5P_DEFAULT) : H5I_INVALID_HID;
  if (a < 0) err_set(e, ERR_FILE, "%s: %s has no attribute %s", f->path, path, name);
  return a;
}

int h5_read_attr_text(h5 *f, const char *path, const char *name, char **text, err *e) {
  *text = NULL;
  hid_t a = open_attr(f, path, name, e);
  if (a < 0) return e->code;
  hid_t stored = H5Aget_type(a);
  if (!(*text = get_text(a, stored, H5Aread)))
    err_set(e, ERR_FILE, "%s: attribute %s of %s is not a text", f->path, name, path);
  H5Tclose(stored), H5Aclose(a);
  return e->code;
}

static int read_attr(h5 *f, const char *path, const char *name, hid_t type, void *v, err *e) {
  hid_t a = open_attr(f, path, name, e);
  if (a < 0) return e->code;
  hid_t space = H5Aget_space(a);
  if (H5Sget_simple_extent_npoints(space) != 1 || H5Aread(a, type, v) < 0)
    err_set(e, ERR_FILE, "%s: attribute %s of %s is not a number", f->path, name, path);
  H5Sclose(space), H5Aclose(a);
  return e->code;
}

int h5_read_attr_f64(h5 *f, const char *path, const char *name, double *v, err *e) {
  return read_attr(f, path, name, H5T_NATIVE_DOUBLE, v, e);
}

int h5_read_attr_i64(h5 *f, const char *path, const char *name, long long *v, err *e) {
  return read_attr(f, path, name, H5T_NATIVE_LLONG, v, e);
}

struct each {
  h5 *f;
  int (*fn)(h5 *f, const char *name, void *ctx, err *e);
  void *ctx;
  err *e;
  int result;
};

static herr_t each_link(hid_t group, const char *name, const H5L_info_t *info, void *p) {
  struct each *v = p;
  v->result = v->fn(v->f, name, v->ctx, v->e);
  return v->result != 0; /* a positive value stops the walk */
}

int h5_each(h5 *f, const char *group, int (*fn)(h5 *f, const char *name, void *ctx, err *e), void *ctx, err *e) {
  struct each v = {f, fn, ctx, e, 0};
  if (!h5_has(f, group)) return err_set(e, ERR_FILE, "%s has no %s", f->path, group);
  if (H5Literate_by_name(f->id, group, H5_INDEX_NAME, H5_ITER_INC, NULL, each_link, &v, H5P_DEFAULT) < 0)
    return h5_fail(f, "list", group, e);
  return v.result;
}

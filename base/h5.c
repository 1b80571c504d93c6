/* h5.c: h5_create, h5_commit, h5_abandon, h5_scratch, h5_image, h5_open_image, h5_copy, h5_open, h5_close.
 *
 * Files are built with HDF5's in-memory ("core") driver and written out as one image by base/file.c. A library that
 * meets a full disk while it closes a file is left in a state from which it does not recover; plain write(2) reports
 * and returns. */
#include "base/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/h5_priv.h"

enum { GROWTH = 1 << 20 }; /* bytes by which the image grows */

/* The innermost entry of HDF5's error stack is the cause. */
static herr_t first_cause(unsigned n, const H5E_error2_t *entry, void *text) {
  if (n == 0) snprintf(text, 300, "%.299s", entry->desc ? entry->desc : "unknown reason");
  return 0;
}

int h5_fail(const h5 *f, const char *what, const char *object, err *e) {
  char why[300] = "unknown reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_cause, why);
  return err_set(e, ERR_FILE, "cannot %s %s in %s: %s", what, object, *f->path ? f->path : "memory", why);
}

static h5 *h5_new(const char *path, err *e) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  h5 *f = calloc(1, sizeof *f);
  if (f) f->id = H5I_INVALID_HID, f->fd = -1, f->path = strdup(path);
  if (f && f->path) return f;
  free(f);
  err_set(e, ERR_RUN, "out of memory");
  return NULL;
}

static void h5_delete(h5 *f) {
  if (f->id >= 0) H5Fclose(f->id);
  free(f->path);
  free(f);
}

static const char *image_name(const h5 *f, char name[32]) { /* files in memory are told apart by name */
  snprintf(name, 32, "scratch-%p", (const void *)f);
  return name;
}

static int open_image(h5 *f, err *e) {
  char name[32];
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_core(access, GROWTH, 0);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  f->id = H5Fcreate(image_name(f, name), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  return f->id < 0 ? h5_fail(f, "begin", "a file image", e) : 0;
}

int h5_create(h5 **out, const char *path, err *e) {
  h5 *f = *out = h5_new(path, e);
  if (!f) return e->code;
  if (file_begin(path, &f->fd, e) || open_image(f, e)) {
    h5_abandon(f);
    *out = NULL;
    return e->code;
  }
  return 0;
}

int h5_scratch(h5 **out, err *e) {
  h5 *f = *out = h5_new("", e);
  if (f && !open_image(f, e)) return 0;
  h5_abandon(f);
  *out = NULL;
  return e->code;
}

int h5_image(h5 *f, void **image, size_t *n, err *e) {
  *image = NULL;
  ssize_t size = H5Fflush(f->id, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(f->id, NULL, 0);
  if (size <= 0) return h5_fail(f, "finish", "the file image", e);
  *n = (size_t)size;
  *image = malloc(*n);
  if (!*image) return err_set(e, ERR_RUN, "out of memory while writing %s (%zd bytes)", f->path, size);
  if (H5Fget_file_image(f->id, *image, *n) == size) return 0;
  free(*image);
  *image = NULL;
  return h5_fail(f, "finish", "the file image", e);
}

int h5_open_image(h5 **out, const char *path, const void *image, size_t n, err *e) {
  char name[32];
  h5 *f = *out = h5_new(path, e);
  if (!f) return e->code;
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_core(access, GROWTH, 0);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  if (H5Pset_file_image(access, (void *)image, n) >= 0) f->id = H5Fopen(image_name(f, name), H5F_ACC_RDONLY, access);
  H5Pclose(access);
  if (f->id >= 0) return 0;
  err_set(e, ERR_FILE, "cannot read %s: it holds no HDF5 file, or a damaged one", path);
  h5_delete(f);
  *out = NULL;
  return e->code;
}

int h5_commit(h5 *f, err *e) {
  size_t n;
  void *image;
  if (h5_image(f, &image, &n, e)) {
    h5_abandon(f);
    return e->code;
  }
  int code = file_commit(f->path, f->fd, image, n, true, e);
  free(image);
  h5_delete(f);
  return code;
}

void h5_abandon(h5 *f) {
  if (!f) return;
  if (f->fd >= 0) file_abandon(f->path, f->fd);
  h5_delete(f);
}

/* Messages of our own for what users meet: absent, a folder, not HDF5. */
static int looks_wrong(const char *path, err *e) {
  struct stat s;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_set(e, ERR_FILE, "cannot read %s: %s", path, strerror(errno));
  int folder = !fstat(fd, &s) && S_ISDIR(s.st_mode);
  close(fd);
  if (folder) return err_set(e, ERR_FILE, "cannot read %s: it is a folder", path);
  if (H5Fis_hdf5(path) <= 0) return err_set(e, ERR_FILE, "cannot read %s: it is not an HDF5 file", path);
  return 0;
}

int h5_open(h5 **out, const char *path, err *e) {
  h5 *f = *out = h5_new(path, e);
  if (!f) return e->code;
  if (!looks_wrong(path, e)) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    f->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    if (f->id >= 0) return 0;
    err_set(e, ERR_FILE, "cannot read %s: the HDF5 file is truncated or damaged", path);
  }
  h5_delete(f);
  *out = NULL;
  return e->code;
}

void h5_close(h5 *f) {
  if (f) h5_delete(f);
}

static int copy_one(h5 *from, const char *name, void *to, err *e) {
  h5 *f = to;
  if (h5_has(f, name) || H5Ocopy(from->id, name, f->id, name, H5P_DEFAULT, H5P_DEFAULT) >= 0) return 0;
  return h5_fail(f, "copy", name, e);
}

int h5_copy(h5 *to, h5 *from, err *e) {
  return h5_each(from, "/", copy_one, to, e);
}

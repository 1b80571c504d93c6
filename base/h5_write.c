/* h5_write.c: h5_write, h5_write_text, h5_link, h5_attr_text, h5_attr_f64, h5_attr_i64. Numbers are stored
 * little-endian, texts as UTF-8 of variable length (an attribute of fixed length could not hold more than 64 KiB). */
#include <string.h>

#include "base/h5_priv.h"

static hid_t file_type(h5_type t) {
  hid_t types[] = {H5T_IEEE_F64LE, H5T_IEEE_F32LE, H5T_STD_I64LE, H5T_STD_I32LE, H5T_STD_I8LE, H5T_STD_U8LE};
  return types[t];
}

static hid_t text_type(void) {
  hid_t t = H5Tcopy(H5T_C_S1);
  H5Tset_size(t, H5T_VARIABLE);
  H5Tset_cset(t, H5T_CSET_UTF8);
  return t;
}

static hid_t links(void) { /* makes the groups on the way */
  hid_t p = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(p, 1);
  H5Pset_char_encoding(p, H5T_CSET_UTF8);
  return p;
}

static bool put_attr(hid_t object, const char *name, hid_t stored, hid_t type, const void *value) {
  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  hid_t space = H5Screate(H5S_SCALAR), a = H5Acreate2(object, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
  bool good = a >= 0 && H5Awrite(a, type, value) >= 0;
  if (a >= 0) H5Aclose(a);
  H5Sclose(space);
  return good;
}

static bool put_attr_text(hid_t object, const char *name, const char *value) {
  hid_t t = text_type();
  bool good = put_attr(object, name, t, t, &value);
  H5Tclose(t);
  return good;
}

static int check_request(const h5 *f, const char *path, const char *unit, const char *description, err *e) {
  if (path[0] != '/') return err_set(e, ERR_FILE, "%s: the object name %s does not begin with /", f->path, path);
  if (!unit || !*unit) return err_set(e, ERR_FILE, "%s in %s has no unit (\"1\" for a pure number)", path, f->path);
  if (!description || !*description) return err_set(e, ERR_FILE, "%s in %s has no description", path, f->path);
  return 0;
}

/* type: of data in memory, stored: on disk. Closes nothing that it was given. */
static int write_dataset(h5 *f, const char *path, hid_t stored, hid_t type, hid_t space, const void *data,
                         const char *unit, const char *description, err *e) {
  hid_t link = links(), create = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(create, false);
  hid_t d = H5Dcreate2(f->id, path, stored, space, link, create, H5P_DEFAULT);
  bool good = d >= 0 &&
              (H5Sget_simple_extent_npoints(space) == 0 || H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
  good = good && put_attr_text(d, "unit", unit) && put_attr_text(d, "description", description);
  if (!good) h5_fail(f, "write", path, e);
  if (d >= 0) H5Dclose(d);
  H5Pclose(create), H5Pclose(link);
  return good ? 0 : e->code;
}

int h5_write(h5 *f, const char *path, h5_type t, int rank, const size_t *dims, const void *data, const char *unit,
             const char *description, err *e) {
  hsize_t extent[8];
  if (check_request(f, path, unit, description, e)) return e->code;
  if (rank < 0 || rank > 8) return err_set(e, ERR_FILE, "%s in %s: %d axes, not 0 to 8", path, f->path, rank);
  for (int k = 0; k < rank; k++) extent[k] = dims[k];
  hid_t space = rank ? H5Screate_simple(rank, extent, NULL) : H5Screate(H5S_SCALAR);
  int code = write_dataset(f, path, file_type(t), h5_memory_type(t), space, data, unit, description, e);
  H5Sclose(space);
  return code;
}

int h5_write_text(h5 *f, const char *path, const char *text, const char *description, err *e) {
  if (check_request(f, path, "1", description, e)) return e->code;
  hid_t space = H5Screate(H5S_SCALAR), t = text_type();
  int code = write_dataset(f, path, t, t, space, &text, "1", description, e);
  H5Tclose(t), H5Sclose(space);
  return code;
}

int h5_link(h5 *f, const char *path, const char *file, const char *object, err *e) {
  hid_t link = links();
  bool good = H5Lcreate_external(file, object, f->id, path, link, H5P_DEFAULT) >= 0;
  H5Pclose(link);
  return good ? 0 : h5_fail(f, "make the link", path, e);
}

/* The object, or a new group of that name. */
static hid_t object_or_group(h5 *f, const char *path) {
  if (h5_has(f, path)) return H5Oopen(f->id, path, H5P_DEFAULT);
  hid_t link = links(), g = H5Gcreate2(f->id, path, link, H5P_DEFAULT, H5P_DEFAULT);
  H5Pclose(link);
  return g;
}

static int attr(h5 *f, const char *path, const char *name, hid_t stored, hid_t type, const void *value, err *e) {
  hid_t o = object_or_group(f, path);
  bool good = o >= 0 && put_attr(o, name, stored, type, value);
  if (!good) {
    h5_fail(f, "write an attribute of", path, e);
    err_context(e, "%s", name);
  }
  if (o >= 0) H5Oclose(o);
  return good ? 0 : e->code;
}

int h5_attr_text(h5 *f, const char *path, const char *name, const char *value, err *e) {
  const char *text = value ? value : "";
  hid_t t = text_type();
  int code = attr(f, path, name, t, t, &text, e);
  H5Tclose(t);
  return code;
}

int h5_attr_f64(h5 *f, const char *path, const char *name, double v, err *e) {
  return attr(f, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &v, e);
}

int h5_attr_i64(h5 *f, const char *path, const char *name, long long v, err *e) {
  return attr(f, path, name, H5T_STD_I64LE, H5T_NATIVE_LLONG, &v, e);
}
